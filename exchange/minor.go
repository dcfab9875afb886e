package exchange

import (
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// adultAge is the age, in years, from which a person is not a child: article 1
// of the Convention on the Rights of the Child.
const adultAge = 18

// childBands are the age bands of a notice that hold minors, or may.
var childBands = []string{"0_11", "12_15", "16_17", "unknown"}

// mayBeMinor says whether a subject of a body is a minor or may be one: it says
// so, its age band does, or its date of birth leaves it open. Whoever is in
// doubt is protected.
func mayBeMinor(subject map[string]any, at time.Time) bool {
	if minor, said := subject["minor"].(bool); said {
		return minor
	}
	if band, said := subject["age_band"].(string); said && slices.Contains(childBands, band) {
		return true
	}
	born, said := subject["date_of_birth"].(string)
	if !said {
		return false
	}
	date, err := schemas.ParseEDTF(born)
	if err != nil { // the schema refuses it before this counts
		return true
	}
	latest := date.Latest
	if date.Uncertain || date.Approximate {
		latest = latest.AddDate(1, 0, 0) // an estimate may be off by a year
	}
	return latest.AddDate(adultAge, 0, 0).After(at)
}

// MinorsOf returns the references of the subjects that are or may be minors.
func MinorsOf(body any, at time.Time) []string {
	list, _ := member(body, "subjects").([]any)
	var out []string
	for _, element := range list {
		subject, ok := element.(map[string]any)
		if ref, _ := subject["subject_ref"].(string); ok && mayBeMinor(subject, at) {
			out = append(out, ref)
		}
	}
	return out
}

func (b *Book) hasMinors() bool {
	return slices.ContainsFunc(b.Notes, func(n Note) bool { return len(n.Minors) > 0 })
}

// Minor says whether the case knows that a person is or may be a minor.
func (b *Book) Minor(ref string) bool {
	return slices.ContainsFunc(b.Notes, func(n Note) bool { return n.Status != dead && slices.Contains(n.Minors, ref) })
}

// minorBefore says whether a minor is one by an earlier message alone: what was said of
// them last does not say so.
func (b *Book) minorBefore(ref string) bool {
	for i := range slices.Backward(b.Notes) {
		n := &b.Notes[i]
		if n.Status == dead {
			continue
		}
		if slices.Contains(n.Minors, ref) {
			return false
		}
		if _, named := n.of(ref); named && b.tellsAge(n) {
			return b.Minor(ref)
		}
	}
	return false
}

// tellsAge says whether a note is of a message that can tell how old its persons are.
func (b *Book) tellsAge(n *Note) bool {
	if n.Type == TypeCorrection {
		n = b.find(n.Target, n.Out)
	}
	return n != nil && slices.Contains(describes, n.Type)
}

// minorsBefore are those of some minors who are so by an earlier message alone.
func (b *Book) minorsBefore(minors []string) []string {
	return slices.DeleteFunc(slices.Clone(minors), func(ref string) bool { return !b.minorBefore(ref) })
}
