package identity

import "slices"

// A Verdict is what one field's comparison came to.
type Verdict string

// The verdicts.
const (
	Same          Verdict = "same"           // nothing but a way of writing differs
	Compatible    Verdict = "compatible"     // can be the same; the reasons say what to look at
	Different     Verdict = "different"      // not explained by anything that is known here
	NotComparable Verdict = "not_comparable" // one side lacks it, or it cannot be read
)

// A Grade puts a score into a word.
type Grade string

// The grades and the scores they begin at.
const (
	Exact  Grade = "exact"  // 100
	Strong Grade = "strong" // 85
	Fair   Grade = "fair"   // 65
	Weak   Grade = "weak"   // 40
	None   Grade = "none"   // 0
)

// gradeOf names a score from 0 to 100.
func gradeOf(score int) Grade {
	switch {
	case score >= 100:
		return Exact
	case score >= 85:
		return Strong
	case score >= 65:
		return Fair
	case score >= 40:
		return Weak
	}
	return None
}

// A Field names what was compared.
type Field string

// The fields, in the order of a Report.
const (
	FieldName        Field = "name"
	FieldSex         Field = "sex"
	FieldBirth       Field = "date_of_birth"
	FieldBirthplace  Field = "birthplace"
	FieldCitizenship Field = "citizenship"
	FieldResidence   Field = "last_residence"
	FieldCCCD        Field = "cccd"
	FieldDocuments   Field = "documents"
	FieldFather      Field = "father"
	FieldFatherBirth Field = "father_date_of_birth"
	FieldMother      Field = "mother"
	FieldMotherBirth Field = "mother_date_of_birth"
)

// A Finding is the comparison of one field.
type Finding struct {
	Field   Field   `json:"field"`
	Verdict Verdict `json:"verdict"`
	Grade   Grade   `json:"grade,omitempty"` // none when not comparable
	Score   int     `json:"score"`           // 0 to 100; 0 when not comparable
	Reasons []Key   `json:"reasons"`         // at least one
}

// A Side says whose data a warning is about.
type Side string

// The sides.
const (
	Asked Side = "asked"
	Known Side = "known"
)

// A Warning is something odd within one side's own data. It never changes a
// verdict.
type Warning struct {
	Side Side `json:"side"`
	Key  Key  `json:"key"`
}

// A Report is what an officer reads beside the two descriptions. Order serves
// to sort candidates and for nothing else: it is not a probability and no
// threshold on it decides anything.
type Report struct {
	Findings []Finding `json:"findings"` // one for every field
	Warnings []Warning `json:"warnings"`
	Order    int       `json:"order"` // 0 to 1000
}

// Of returns the finding about a field.
func (r Report) Of(f Field) Finding {
	i := slices.IndexFunc(r.Findings, func(x Finding) bool { return x.Field == f })
	if i < 0 {
		return missing(f, "field.missing")
	}
	return r.Findings[i]
}

func finding(f Field, v Verdict, score int, reasons ...Key) Finding {
	return Finding{f, v, gradeOf(score), score, reasons}
}

func missing(f Field, why Key) Finding {
	return Finding{Field: f, Verdict: NotComparable, Reasons: []Key{why}}
}

// weights say how much a field counts in Report.Order.
var weights = map[Field]int{
	FieldName: 40, FieldSex: 5, FieldBirth: 25, FieldBirthplace: 10, FieldCitizenship: 2, FieldResidence: 5,
	FieldCCCD: 40, FieldDocuments: 40, FieldFather: 12, FieldMother: 12, FieldFatherBirth: 4, FieldMotherBirth: 4,
}

// order is the weighted mean of the scores that could be compared. A candidate
// with little to compare comes after one with much, so a constant weight of
// nothing known is added.
func order(findings []Finding) int {
	sum, of := 0, 20
	for _, f := range findings {
		if f.Verdict != NotComparable {
			sum += weights[f.Field] * f.Score
			of += weights[f.Field]
		}
	}
	return sum * 10 / of
}
