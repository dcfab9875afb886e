package identity

import (
	"errors"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/schemas"
)

// The code lists of the provinces of Viet Nam: the 63 until June 2025, each
// with the one of the 34 that it became part of (Resolution 202/2025/QH15), and
// the units since then.
const (
	oldProvinces = "vn-provinces"
	presentUnits = "vn-units"
)

// A province is one of the 63. With a zero before it, its code stands at the
// beginning of citizen identity numbers (Circular 07/2016/TT-BCA, annex 1).
type province struct{ code, now string }

// A named is a folded name of a province, with a space on either side, and the
// old provinces that it stands for.
type named struct {
	name  string
	codes []string
}

// provinces are the old provinces, and the names of old and present ones.
type provinces struct {
	old   []province
	names []named
}

func newProvinces() (*provinces, error) {
	before, ok1 := schemas.List(oldProvinces)
	after, ok2 := schemas.List(presentUnits)
	if !ok1 || !ok2 {
		return nil, errors.New("identity: the code lists " + oldProvinces + " and " + presentUnits + " are needed")
	}
	p := &provinces{}
	add := func(label string, codes []string) {
		label = strings.TrimPrefix(strings.TrimPrefix(label, "Tỉnh "), "Thành phố ")
		p.names = append(p.names, named{" " + strings.Join(plains(placeTokens(label)), " ") + " ", codes})
	}
	for c := range before.Codes() {
		p.old = append(p.old, province{c.Code, c.ReplacedBy})
		add(c.Label("vi"), []string{c.Code})
	}
	for c := range after.Codes() {
		if c.Parent == "" {
			add(c.Label("vi"), p.formerly(c.Code, true))
		}
	}
	return p, nil
}

// formerly turns a province's code into codes of before July 2025.
func (p *provinces) formerly(code string, present bool) []string {
	var out []string
	for _, q := range p.old {
		if present && q.now == code || !present && q.code == code {
			out = append(out, q.code)
		}
	}
	return out
}

// has tells whether three digits of a citizen identity number are a province's.
func (p *provinces) has(digits string) bool {
	return slices.ContainsFunc(p.old, func(q province) bool { return "0"+q.code == digits })
}

// byText looks for the last name of a province in the words. A name that is an
// old province's and a present one's stands for both.
func (p *provinces) byText(s string) home {
	h, last := home{byText: true}, -1
	text := " " + strings.Join(plains(placeTokens(s)), " ") + " "
	for _, n := range p.names {
		at := strings.LastIndex(text, n.name)
		switch {
		case at < 0 || at < last:
			continue
		case at > last:
			h.old, h.ambiguous = nil, false
		case !slices.Equal(h.old, n.codes):
			h.ambiguous = true
		}
		last = at
		for _, c := range n.codes {
			if !slices.Contains(h.old, c) {
				h.old = append(h.old, c)
			}
		}
		slices.Sort(h.old)
	}
	return h
}
