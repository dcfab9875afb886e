package identity

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A namesake compares two names by every way that they allow.
type namesake struct {
	tables       *tables
	x, y         Name
	conventions  conventions
	xParts       []token
	yParts       []token
	xRead, yRead scriptClass
}

// acrossScripts is the most that a name gets whose sides are in two scripts.
const acrossScripts = 0.84

// otherScriptDiffers is the most that a name gets by its Latin form when the
// forms in its own script, which is the same on both sides, differ.
const otherScriptDiffers = 0.8

// compareNames finds the best likeness of any name of one person with any name
// of the other. What agrees only by an other name says so.
func (c *Comparer) compareNames(f Field, a, b []Name) Finding {
	a, b = present(a), present(b)
	if len(a) == 0 || len(b) == 0 {
		return missing(f, "name.missing")
	}
	var best likeness
	unread := false
	for i, x := range a {
		for j, y := range b {
			l, read := c.compareName(x, y)
			unread = unread || !read
			if i == 0 && j == 0 {
				best = l // also when nothing agrees, for its reasons
				continue
			}
			best = better(best, l.with("name.alias").most(0.98))
		}
	}
	found := nameFinding(f, best)
	if found.Verdict == Different && unread { // what was not read cannot be said to differ
		return missing(f, "name.script_unread")
	}
	return found
}

// present are the names that hold a letter, without markup. One that has another
// in brackets, as Vietnamese lists write it, counts as two.
func present(names []Name) []Name {
	var out []Name
	for _, n := range names[:min(len(names), maxNames)] {
		n.Native, n.Latin = unmarked(n.Native), unmarked(n.Latin)
		before, rest, found := strings.Cut(n.Native, "(")
		inside, _, closed := strings.Cut(rest, ")")
		if !found || !closed || strings.TrimSpace(before) == "" {
			out = append(out, n)
			continue
		}
		main := n
		main.Native = before
		if strings.Contains(main.Latin, "(") {
			main.Latin = before
		}
		out = append(out, main)
		if len(words(inside)) > 1 && strings.ContainsFunc(inside, unicode.IsLetter) {
			out = append(out, Name{Native: inside, Script: n.Script, Language: n.Language})
		}
	}
	return slices.DeleteFunc(out, func(n Name) bool { return len(words(clean(n.Native+" "+n.Latin+" "+n.MRZ))) == 0 })
}

func nameFinding(f Field, l likeness) Finding {
	// A sum of floats depends on their order; the score must not.
	score := int(math.Round(l.score*1e8)/1e6 + 0.5)
	switch {
	case gradeOf(score) == None:
		l.reasons = append([]Key{"name.none"}, l.reasons...)
	case len(l.reasons) == 0:
		l.reasons = []Key{"name.exact"}
	}
	switch {
	case score >= 99:
		return finding(f, Same, score, l.reasons...)
	case gradeOf(score) == Strong || gradeOf(score) == Fair:
		return finding(f, Compatible, score, l.reasons...)
	}
	return finding(f, Different, score, l.reasons...)
}

// compareName compares two names; read is false where nothing here could.
func (c *Comparer) compareName(x, y Name) (l likeness, read bool) {
	if x == y {
		return likeness{score: 1}, true
	}
	n := namesake{tables: c.tables, x: x, y: y, xParts: latinParts(x), yParts: latinParts(y)}
	n.conventions = conventionsOf(x, n.xParts) | conventionsOf(y, n.yParts)
	n.xRead, _ = scriptOf(x.Native)
	n.yRead, _ = scriptOf(y.Native)
	if n.xRead != n.yRead && (n.unread(n.xParts, n.xRead) || n.unread(n.yParts, n.yRead)) {
		return likeness{}, false
	}
	if x.Native == "" || y.Native == "" {
		return n.byLatin(), true // nothing but Latin forms to go by
	}
	switch {
	case n.xRead == n.yRead && n.xRead == latn:
		return n.inLatin(), true
	case n.xRead == n.yRead:
		return n.inOwnScript(), true
	}
	return n.acrossScripts(), true
}

// unread says whether a side's name can only be compared in its own script: it
// has no Latin form, and nothing here reads that script but Chinese.
func (n namesake) unread(parts []token, script scriptClass) bool {
	return len(parts) == 0 && script != hani
}

// latinParts are the parts of the form that says most: the native one when it
// is Latin, then the Latin one, then the machine-readable one.
func latinParts(n Name) []token {
	if class, mixed := scriptOf(n.Native); class == latn && !mixed {
		return tokens(n.Native)
	}
	if n.Latin != "" {
		return tokens(n.Latin)
	}
	return tokens(n.MRZ)
}

// byLatin compares the Latin forms, and the machine-readable ones where either
// side has one.
func (n namesake) byLatin() likeness {
	l := n.latin(n.xParts, n.yParts, false)
	if mrz := tokens(n.x.MRZ); len(mrz) > 0 {
		l = better(l, n.latin(mrz, n.yParts, full(n.x.MRZ)).most(0.97))
	}
	if mrz := tokens(n.y.MRZ); len(mrz) > 0 {
		l = better(l, n.latin(n.xParts, mrz, full(n.y.MRZ)).most(0.97))
	}
	return l
}

// full tells whether a name fills the field of a machine-readable zone (TD1,
// TD2 and TD3: 30, 31, 39), so that it may have been cut.
func full(mrz string) bool {
	n := len(mrz)
	return n == 30 || n == 31 || n == 39
}

func (n namesake) latin(x, y []token, truncated bool) likeness {
	l := comparison{a: x, b: y, conventions: n.conventions, truncated: truncated}.compare()
	if n.conventions&chinese != 0 {
		l = better(l, n.tables.mandarinSpelling(x, y))
	}
	return l
}

// inLatin compares two names whose own script is Latin. The other Latin forms
// count too, but cannot undo what the names themselves say.
func (n namesake) inLatin() likeness {
	l := n.latin(n.xParts, n.yParts, false)
	second := n.otherForms()
	if second.score > l.score {
		return better(l, second.with("name.native_differs").most(otherScriptDiffers))
	}
	return l
}

// otherForms compares the Latin and machine-readable forms with one another and
// with the names themselves, where they are other than these without
// diacritics.
func (n namesake) otherForms() likeness {
	var best likeness
	xs, ys := n.spellings(n.x, n.xParts), n.spellings(n.y, n.yParts)
	for i, x := range xs {
		for j, y := range ys {
			if i > 0 || j > 0 {
				best = better(best, n.latin(x.parts, y.parts, x.full || y.full))
			}
		}
	}
	return best
}

type spelling struct {
	parts []token
	full  bool
}

func (n namesake) spellings(name Name, own []token) []spelling {
	out := []spelling{{own, false}}
	for _, s := range []string{name.Latin, name.MRZ} {
		parts := tokens(s)
		if len(parts) > 0 && !slices.Equal(plains(parts), plains(own)) {
			out = append(out, spelling{parts, full(s) && s == name.MRZ})
		}
	}
	return out
}

// inOwnScript compares two names that share a script which is not Latin.
func (n namesake) inOwnScript() likeness {
	own := n.native()
	if own.score >= otherScriptDiffers {
		return own
	}
	return better(own, n.byLatin().with("name.native_differs").most(otherScriptDiffers))
}

// native compares the forms in their own script.
func (n namesake) native() likeness {
	x, y := strings.ToLower(clean(n.x.Native)), strings.ToLower(clean(n.y.Native))
	if x == y {
		return likeness{score: 1}
	}
	switch n.xRead {
	case hani:
		return n.tables.characters(letters(x), letters(y))
	case khmr, laoo:
		if slices.Equal(spelled(x), spelled(y)) {
			return likeness{0.99, []Key{"name.native_spelling"}}
		}
	}
	a, b := words(x), words(y)
	switch {
	case len(a) == 0 || len(b) == 0:
		return likeness{}
	case slices.Equal(a, b):
		return likeness{0.99, []Key{"name.native_spelling"}}
	case slices.Equal(sorted(a), sorted(b)):
		return likeness{0.97, []Key{"name.order"}}
	}
	return likeness{}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func letters(s string) []rune { return []rune(strings.Join(words(s), "")) }

// spelled normalises Khmer and Lao so that spellings that look alike are equal:
// the inherent vowels of Khmer are dropped, coeng da is coeng ta, the signs on a
// consonant are ordered; the ligatures of Lao are taken apart, the old lo under
// ho is lo.
func spelled(s string) []string {
	s = norm.NFKD.String(s)
	s = strings.NewReplacer("\u17b4", "", "\u17b5", "", "\u17d2\u178a", "\u17d2\u178f", "\u0ebc", "\u0ea5").Replace(s)
	out := words(s)
	for i, w := range out {
		out[i] = orderMarks(w)
	}
	return out
}

// orderMarks sorts each run of dependent signs.
func orderMarks(w string) string {
	runes := []rune(w)
	for i := 0; i < len(runes); {
		end := i
		for end < len(runes) && dependent(runes[end]) {
			end++
		}
		slices.Sort(runes[i:end])
		i = max(end, i+1)
	}
	return string(runes)
}

// dependent tells the vowels and signs of Khmer (without coeng, whose order
// means something) and the vowels above and below and the tones of Lao.
func dependent(r rune) bool {
	return r >= 0x17b6 && r <= 0x17d1 || r == 0x0eb1 || r >= 0x0eb4 && r <= 0x0ebb || r >= 0x0ec8 && r <= 0x0ecd
}

// acrossScripts compares names in two scripts: by their Latin forms and by the
// readings of Chinese characters. It never says that they are the same.
func (n namesake) acrossScripts() likeness {
	l := n.byLatin()
	if n.xRead == hani {
		l = better(l, n.tables.read(letters(n.x.Native), n.yParts))
	}
	if n.yRead == hani {
		l = better(l, n.tables.read(letters(n.y.Native), n.xParts))
	}
	return l.most(acrossScripts).with("name.check_scripts")
}
