package identity

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hbollon/go-edlib"

	"github.com/repatriation-exchange/gateway/schemas"
)

// A cccd is the structure of a citizen identity number: the place where the
// birth was registered, century and sex, the year, six digits without meaning
// (Circular 07/2016/TT-BCA, article 7).
type cccd struct {
	place string // three digits
	sex   string
	year  int
}

func parseCCCD(s string) (cccd, bool) {
	if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
		return cccd{}, false
	}
	century := int(s[3] - '0')
	year, err := strconv.Atoi(s[4:6])
	if err != nil {
		return cccd{}, false
	}
	sex := "male"
	if century%2 == 1 {
		sex = "female"
	}
	return cccd{s[:3], sex, 1900 + 100*(century/2) + year}, true
}

// numberOf is a person's citizen identity number: the field, else an identity
// card's number of 12 digits.
func numberOf(p Person) string {
	if p.CCCD != "" {
		return p.CCCD
	}
	for _, d := range p.Documents {
		n := bare(d.Number)
		if _, ok := parseCCCD(n); ok && d.Type == "identity_card" && (d.Issuer == "VNM" || d.Issuer == "") {
			return n
		}
	}
	return ""
}

// bare is a document's number without separators.
func bare(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(number))
}

// lostZero tells a number that may be a citizen's without its first digit: a spreadsheet
// takes a leading 0 for none, and every such number has one.
func lostZero(number string) bool {
	return len(number) == 11 && strings.Trim(number, "0123456789") == ""
}

// compareCCCD compares the numbers, or one side's number with what the other
// side says of itself.
func (c *Comparer) compareCCCD(a, b Person) Finding {
	x, y := numberOf(a), numberOf(b)
	switch {
	case x == "" && y == "":
		return missing(FieldCCCD, "cccd.missing")
	case x == "":
		return c.structure(y, a)
	case y == "":
		return c.structure(x, b)
	case x == y:
		return finding(FieldCCCD, Same, 100, "cccd.same")
	case len(x) != len(y):
		return missing(FieldCCCD, "cccd.old_number")
	case edlib.OSADamerauLevenshteinDistance(x[:min(len(x), 20)], y[:min(len(y), 20)]) == 1:
		return finding(FieldCCCD, Different, 50, "cccd.slip")
	}
	return finding(FieldCCCD, Different, 0, "cccd.differs")
}

func (c *Comparer) structure(number string, p Person) Finding {
	n, ok := parseCCCD(number)
	if !ok {
		return missing(FieldCCCD, "cccd.missing")
	}
	fits, known := 0, 0
	for _, warn := range c.structureWarnings(n, p) {
		known++
		if warn == "" {
			fits++
		}
	}
	switch {
	case known == 0:
		return missing(FieldCCCD, "cccd.missing")
	case fits == known:
		return missing(FieldCCCD, "cccd.fits")
	}
	return missing(FieldCCCD, "cccd.contradicts")
}

// structureWarnings compares a number with sex, year and province of a person:
// one entry for each that can be compared, empty where it fits.
func (c *Comparer) structureWarnings(n cccd, p Person) []Key {
	var out []Key
	add := func(fits bool, warn Key) {
		if fits {
			warn = ""
		}
		out = append(out, warn)
	}
	if p.Sex == "female" || p.Sex == "male" {
		add(n.sex == p.Sex, "warning.cccd_sex")
	}
	if birth, err := schemas.ParseEDTF(p.Birth); err == nil {
		birth = widen(birth)
		add(n.year >= birth.Earliest.Year() && n.year <= birth.Latest.Year(), "warning.cccd_year")
	}
	h := c.homeOf(p.Birthplace)
	if len(h.old) > 0 && c.provinces.has(n.place) {
		add(slices.Contains(h.old, n.place[1:]), "warning.cccd_place")
	}
	return out
}

// compareDocuments looks for a document in common.
func compareDocuments(a, b Person) Finding {
	x, y := numbered(a), numbered(b)
	if len(x) == 0 || len(y) == 0 {
		return missing(FieldDocuments, "documents.missing")
	}
	found := missing(FieldDocuments, "documents.none_in_common")
	for _, d := range x {
		for _, e := range y {
			switch {
			case d.Number != e.Number:
			case d.Issuer == e.Issuer && d.Issuer != "" && d.Type == e.Type:
				return finding(FieldDocuments, Same, 100, "documents.same")
			default:
				found = finding(FieldDocuments, Compatible, 80, "documents.same_number")
			}
		}
	}
	return found
}

// numbered are the documents that have a number, as printed or in the zone.
// Numbers of fewer than five signs tell nothing.
func numbered(p Person) []Document {
	var out []Document
	for _, d := range p.Documents[:min(len(p.Documents), maxDocuments)] {
		if m, err := schemas.ParseMRZ(d.MRZ); err == nil && bare(m.DocumentNumber) != bare(d.Number) {
			out = append(out, Document{Type: d.Type, Number: bare(m.DocumentNumber), Issuer: m.IssuingState})
		}
		out = append(out, Document{Type: d.Type, Number: bare(d.Number), Issuer: d.Issuer})
	}
	return slices.DeleteFunc(out, func(d Document) bool { return len(d.Number) < 5 || len(d.Number) > 40 })
}
