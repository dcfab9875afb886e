package identity

import (
	"slices"
	"strings"

	"github.com/hbollon/go-edlib"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Units relates coded administrative units. It must be safe for concurrent use.
type Units interface {
	// Province returns the code of the first-level unit, in the same list, that
	// a unit belongs to: its own code when it is one. It returns false for a
	// list or a code that it does not know.
	Province(list, code string) (string, bool)
}

// CodeLists is a Units that looks into the code lists of package schemas.
type CodeLists struct{}

// Province goes up from a code to the one that has no parent.
func (CodeLists) Province(list, code string) (string, bool) {
	l, ok := schemas.ListByID(list)
	if !ok {
		return "", false
	}
	for range 4 { // no list has more levels
		c, ok := l.Lookup(code)
		if !ok || c.Parent == "" {
			return code, ok
		}
		code = c.Parent
	}
	return "", false
}

// since is the version from which lists of Vietnamese units have the 34
// provinces.
const since = "2025-07"

// A home is where a place lies in Viet Nam, in provinces of before July 2025:
// a present one covers several.
type home struct {
	old       []string // codes, sorted; empty when unknown
	ambiguous bool     // a name that is an old province's and a present one's
	byText    bool
}

// homeOf finds the province of a place by its code, else by its words.
func (c *Comparer) homeOf(p Place) home {
	if p.Country != "" && p.Country != "VN" {
		return home{}
	}
	if p.Code != "" && strings.HasPrefix(p.List, "vn-") {
		if code, ok := c.units.Province(p.List, p.Code); ok {
			return home{old: c.provinces.formerly(code, listsPresent(p.List))}
		}
	}
	return c.provinces.byText(p.Text)
}

// listsPresent tells whether a list, by the year and month at its end, has the
// present provinces.
func listsPresent(list string) bool {
	return strings.TrimLeft(list, "abcdefghijklmnopqrstuvwxyz-_.") >= since
}

// placeTokens folds the words of a place; words for kinds of unit are left out.
func placeTokens(s string) []token {
	var out []token
	for _, w := range words(strings.ToLower(clean(s))) {
		t := tokenOf(w)
		switch t.plain {
		case "", "tinh", "tp", "city", "province", "district", "commune", "village", "xa", "huien", "huyen", "ap", "phuong", "quan":
			continue
		}
		out = append(out, t)
		if len(out) == 32 {
			break
		}
	}
	return out
}

// comparePlaces compares two places.
func (c *Comparer) comparePlaces(f Field, a, b Place) Finding {
	switch {
	case a.empty() || b.empty():
		return missing(f, "place.missing")
	case a.Country != "" && b.Country != "" && a.Country != b.Country:
		return finding(f, Different, 0, "place.other_country")
	case a.Code != "" && a.Code == b.Code && a.List == b.List:
		return finding(f, Same, 100, "place.same_unit")
	}
	x, y := c.homeOf(a), c.homeOf(b)
	if len(x.old) > 0 && len(y.old) > 0 {
		return compareHomes(f, a, b, x, y)
	}
	return compareWords(f, a, b)
}

func compareHomes(f Field, a, b Place, x, y home) Finding {
	var reasons []Key
	if x.byText || y.byText {
		reasons = append(reasons, "place.by_text")
	}
	if x.ambiguous || y.ambiguous {
		reasons = append(reasons, "place.ambiguous_version")
	}
	words := exacts(placeTokens(a.Text))
	common := slices.ContainsFunc(x.old, func(s string) bool { return slices.Contains(y.old, s) })
	switch {
	case !common:
		return finding(f, Different, 0, append([]Key{"place.differs"}, reasons...)...)
	case len(words) > 0 && slices.Equal(words, exacts(placeTokens(b.Text))) && slices.Equal(x.old, y.old):
		return finding(f, Same, 99, append([]Key{"place.same_text"}, reasons...)...)
	case slices.Equal(x.old, y.old):
		return finding(f, Compatible, 80, append([]Key{"place.same_province"}, reasons...)...)
	}
	return finding(f, Compatible, 75, append([]Key{"place.merged"}, reasons...)...)
}

func exacts(ts []token) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.exact
	}
	return out
}

// compareWords compares the places as given, when codes do not help.
func compareWords(f Field, a, b Place) Finding {
	x, y := sorted(plains(placeTokens(a.Text))), sorted(plains(placeTokens(b.Text)))
	if len(x) == 0 || len(y) == 0 {
		own := strings.Join(words(strings.ToLower(clean(a.Text))), " ")
		if own != "" && own == strings.Join(words(strings.ToLower(clean(b.Text))), " ") {
			return finding(f, Same, 99, "place.same_text", "place.by_text")
		}
		return missing(f, "place.unknown")
	}
	s, t := strings.Join(x, " "), strings.Join(y, " ")
	if s == t {
		return finding(f, Same, 99, "place.same_text", "place.by_text")
	}
	shared := 0
	for _, w := range x {
		if i := slices.Index(y, w); i >= 0 {
			shared++
			y = slices.Delete(slices.Clone(y), i, i+1)
		}
	}
	score := 200 * shared / (len(x) + len(y) + shared)
	if d := edlib.OSADamerauLevenshteinDistance(s, t); min(len(s), len(t)) >= 5 && d <= 2 {
		score = max(score, 70)
	}
	switch {
	case score >= 50:
		return finding(f, Compatible, min(max(score, 65), 80), "place.text_alike", "place.by_text")
	case a.Code != "" && b.Code != "" && a.List == b.List:
		return finding(f, Different, score, "place.differs")
	}
	return missing(f, "place.unknown")
}
