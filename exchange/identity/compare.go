package identity

import (
	"errors"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Config says what a Comparer needs.
type Config struct {
	Units Units // required; CodeLists{} where no other source is at hand
}

// A Comparer compares descriptions of persons. It holds nothing of them and is
// safe for concurrent use.
type Comparer struct {
	units     Units
	tables    *tables
	provinces *provinces
}

// New reads the tables; it takes some milliseconds, so one Comparer serves all.
func New(c Config) (*Comparer, error) {
	if c.Units == nil {
		return nil, errors.New("identity: Config.Units is required; identity.CodeLists{} looks into the code lists of package schemas")
	}
	t, err := loadTables()
	if err != nil {
		return nil, err
	}
	p, err := newProvinces()
	if err != nil {
		return nil, err
	}
	return &Comparer{c.Units, t, p}, nil
}

// Compare explains how far two descriptions agree. It is symmetric but for the
// sides of the warnings, and it decides nothing.
func (c *Comparer) Compare(asked, known Person) Report {
	r := Report{Findings: []Finding{
		c.compareNames(FieldName, allNames(asked), allNames(known)),
		compareSex(asked.Sex, known.Sex),
		compareBirth(asked, known),
		c.comparePlaces(FieldBirthplace, asked.Birthplace, known.Birthplace),
		compareCitizenship(asked.Citizenship, known.Citizenship),
		c.comparePlaces(FieldResidence, asked.Residence, known.Residence),
		c.compareCCCD(asked, known),
		compareDocuments(asked, known),
		c.compareNames(FieldFather, []Name{asked.Father.Name}, []Name{known.Father.Name}),
		compareDates(FieldFatherBirth, asked.Father.Birth, known.Father.Birth),
		c.compareNames(FieldMother, []Name{asked.Mother.Name}, []Name{known.Mother.Name}),
		compareDates(FieldMotherBirth, asked.Mother.Birth, known.Mother.Birth),
	}}
	r.Order = order(r.Findings)
	r.Warnings = append(c.warnings(Asked, asked), c.warnings(Known, known)...)
	return r
}

// allNames are a person's names and those in the zones of its documents.
func allNames(p Person) []Name {
	names := slices.Clone(p.Names[:min(len(p.Names), maxNames)])
	for _, d := range p.Documents[:min(len(p.Documents), maxDocuments)] {
		if m, err := schemas.ParseMRZ(d.MRZ); err == nil && len(names) < maxNames {
			n := Name{MRZ: m.Name}
			if !slices.ContainsFunc(names, func(o Name) bool { return o.MRZ == n.MRZ }) {
				names = append(names, n)
			}
		}
	}
	return names
}

func compareSex(a, b string) Finding {
	known := func(s string) bool { return s == "female" || s == "male" }
	switch {
	case !known(a) || !known(b):
		return missing(FieldSex, "sex.open")
	case a == b:
		return finding(FieldSex, Same, 100, "sex.same")
	}
	return finding(FieldSex, Different, 0, "sex.differs")
}

func compareCitizenship(a, b string) Finding {
	switch {
	case a == "" || b == "":
		return missing(FieldCitizenship, "field.missing")
	case a == b:
		return finding(FieldCitizenship, Same, 100, "citizenship.same")
	}
	return finding(FieldCitizenship, Different, 0, "citizenship.differs")
}

// warnings tells what is odd on one side.
func (c *Comparer) warnings(side Side, p Person) []Warning {
	var out []Warning
	for _, k := range c.Odd(p) {
		out = append(out, Warning{side, k})
	}
	return out
}

// Odd tells what is odd within one person's own data, each thing once.
func (c *Comparer) Odd(p Person) []Key {
	keys := c.numberWarnings(p)
	keys = append(keys, c.zoneWarnings(p)...)
	for _, n := range p.Names[:min(len(p.Names), maxNames)] {
		keys = append(keys, nameWarnings(n)...)
	}
	var out []Key
	for _, k := range keys {
		if k != "" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

func (c *Comparer) numberWarnings(p Person) []Key {
	number := numberOf(p)
	n, ok := parseCCCD(number)
	switch {
	case number == "":
		return nil
	case !ok && len(number) == 9 && bare(number) == number:
		return nil // an older card's number has no structure that is known here
	case !ok:
		return []Key{"warning.cccd_shape"}
	}
	out := c.structureWarnings(n, p)
	if n.year > 2099 {
		out = append(out, "warning.cccd_century")
	}
	if !c.provinces.has(n.place) {
		out = append(out, "warning.cccd_place_unknown")
	}
	return out
}

// zoneWarnings compares the machine-readable zones of a person's documents with
// what the person states.
func (c *Comparer) zoneWarnings(p Person) []Key {
	var out []Key
	for _, d := range p.Documents[:min(len(p.Documents), maxDocuments)] {
		m, err := schemas.ParseMRZ(d.MRZ)
		if err != nil {
			if d.MRZ != "" || d.MRZAsRead != "" {
				out = append(out, "warning.mrz_invalid")
			}
			continue
		}
		if len(p.Names) > 0 && c.compareNames(FieldName, []Name{{MRZ: m.Name}}, p.Names).Verdict == Different {
			out = append(out, "warning.mrz_name")
		}
		if m.Sex == "M" && p.Sex == "female" || m.Sex == "F" && p.Sex == "male" {
			out = append(out, "warning.mrz_sex")
		}
		if dates := mrzBirth(m.BirthDate); p.Birth != "" && len(dates) > 0 && !slices.ContainsFunc(dates, func(s string) bool {
			f := compareDates(FieldBirth, s, p.Birth)
			return f.Verdict == Same || f.Reasons[0] == "date.within" || f.Reasons[0] == "date.same_partial" || f.Reasons[0] == "date.exact"
		}) {
			out = append(out, "warning.mrz_birth")
		}
	}
	return out
}

func nameWarnings(n Name) []Key {
	var out []Key
	if _, mixed := scriptOf(n.Native); mixed {
		out = append(out, "warning.name_scripts")
	}
	if class, mixed := scriptOf(n.Native); class == latn && !mixed && n.Latin != "" && !slices.Equal(sorted(plains(tokens(unmarked(n.Native)))), sorted(plains(tokens(unmarked(n.Latin))))) {
		out = append(out, "warning.name_latin") // one of them was corrected, and the other forgotten; or it is meant
	}
	for _, s := range []string{n.Native, n.Latin} {
		if unmarked(s) != s {
			out = append(out, "warning.name_markup")
		}
		for _, r := range s {
			// Joiners are part of Khmer and Lao typing; only their excess would be odd.
			if unicode.Is(unicode.Cf, r) && (r < 0x200b || r > 0x200d) {
				out = append(out, "warning.name_invisible")
				break
			}
		}
		if utf8.RuneCountInString(s) > maxText || len(words(clean(s))) > maxTokens {
			out = append(out, "warning.too_long")
		}
	}
	return out
}
