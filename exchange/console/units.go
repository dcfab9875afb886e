package console

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/repatriation-exchange/gateway/schemas"
)

// hasUnits says whether a place may have a unit, for there are those of Viet Nam alone:
// its country is that, or not chosen yet. One that was chosen or looked for stays.
func (l *layout) hasUnits(pointer string) bool {
	country, _ := l.field(pointer + "/country")
	switch l.scalar(country, pointer+"/country") {
	case "", "VN":
		return true
	}
	return l.values.Get(pointer+"#unit") != "" || l.values.Get(pointer+"#find") != ""
}

// unit is how an officer finds the code of an administrative unit: by the words
// that they typed for the place.
func (l *layout) unit(pointer string) Node {
	n := Node{Kind: "unit", Pointer: pointer, ID: nodeID(pointer + "#unit"), Label: l.s.T("form.unit"), Hint: l.s.T("form.unit_hint")}
	chosen := l.values.Get(pointer + "#unit")
	if id, code, ok := strings.Cut(chosen, ":"); ok {
		if list, known := schemas.ListByID(id); known {
			n.Options = append(n.Options, Option{Name: pointer + "#unit", Value: chosen, Label: unitLabel(list, code), Lang: unitLanguage, Checked: true})
		}
	}
	if l.values.Get(pointer+"#find") != "" {
		for _, option := range findUnits(l.text(pointer + "/text_as_given")) {
			if option.Value != chosen {
				option.Name = pointer + "#unit"
				n.Options = append(n.Options, option)
			}
		}
		n.Open = true
	}
	for _, at := range []string{pointer + "/code", pointer + "/code_list_version"} {
		line := Node{Kind: "unit", Pointer: at, ID: n.ID, Label: n.Label}
		n.Faults = append(n.Faults, l.take(&line)...)
	}
	return n
}

// unitsFound is how many units are offered for the words of a place.
const unitsFound = 12

// findUnits returns the units of Viet Nam whose names have all words of a text,
// those first whose own name is the text.
func findUnits(text string) []Option {
	list, ok := schemas.List("vn-units")
	words := strings.Fields(folded(text))
	if !ok || len(words) == 0 {
		return nil
	}
	var named, others []Option
	for c := range list.Codes() {
		label := unitLabel(list, c.Code)
		has := strings.Fields(folded(label))
		if slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(has, w) }) {
			continue
		}
		option := Option{Value: list.ID() + ":" + c.Code, Label: label, Lang: unitLanguage}
		if strings.Contains(" "+folded(c.Label(unitLanguage))+" ", " "+strings.Join(words, " ")+" ") {
			named = append(named, option)
		} else {
			others = append(others, option)
		}
	}
	named = append(named, others...)
	return named[:min(len(named), unitsFound)]
}

// unitLanguage is the language of the units' names, which are the same to
// everybody.
const unitLanguage = "vi"

func unitLabel(list schemas.CodeList, code string) string {
	label := list.Label(code, unitLanguage)
	if unit, ok := list.Lookup(code); ok && unit.Parent != "" {
		label += ", " + list.Label(unit.Parent, unitLanguage)
	}
	return label
}

// folded writes a text in small letters without marks and signs, for comparing.
func folded(text string) string {
	var out strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		switch {
		case r == 'đ':
			out.WriteByte('d')
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			out.WriteRune(r)
		default:
			out.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
