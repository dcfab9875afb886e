package identity

import (
	"slices"
	"strings"
)

// maxMandarin bounds the letters of a Mandarin name: four syllables of six.
const maxMandarin = 24

// mandarinSpelling compares two Latin names syllable by syllable, so that
// pinyin and Wade–Giles, joined and apart, can be told to agree. The family
// name may stand first or last.
func (t *tables) mandarinSpelling(a, b []token) likeness {
	var best likeness
	x := strings.Join(plains(a), "")
	if len(x) > maxMandarin {
		return best
	}
	cut := t.pieces(x)
	for _, turn := range turns(len(b)) {
		y := strings.Join(plains(slices.Concat(b[turn:], b[:turn])), "")
		if x == y || len(y) > maxMandarin {
			continue // written together or in another order: align says so
		}
		if sameSyllables(cut, t.pieces(y)) {
			l := likeness{0.85, []Key{"name.chinese_spelling"}}
			if turn > 0 {
				l = likeness{0.82, []Key{"name.chinese_spelling", "name.order"}}
			}
			best = better(best, l)
		}
	}
	return best
}

// turns are the rotations of n parts that bring the first to the end or the
// last to the beginning.
func turns(n int) []int {
	switch {
	case n > 2:
		return []int{0, 1, n - 1}
	case n == 2:
		return []int{0, 1}
	case n == 1:
		return []int{0}
	}
	return nil
}

// pieces lists for each position of a text and each length what syllables may
// be spelled there.
func (t *tables) pieces(s string) [][][]string {
	out := make([][][]string, len(s)+1)
	for i := range s {
		out[i] = make([][]string, maxForm+1)
		for n := 1; n <= min(maxForm, len(s)-i); n++ {
			out[i][n] = t.spelled[s[i:i+n]]
		}
	}
	return out
}

// sameSyllables tells whether two texts can be cut into spellings of the same
// syllables.
func sameSyllables(x, y [][][]string) bool {
	reached := make([][]bool, len(x))
	for i := range reached {
		reached[i] = make([]bool, len(y))
	}
	reached[0][0] = true
	for i := range len(x) - 1 {
		for j := range len(y) - 1 {
			if !reached[i][j] {
				continue
			}
			for p, syllables := range x[i] {
				for q, others := range y[j] {
					if share(syllables, others) {
						reached[i+p][j+q] = true
					}
				}
			}
		}
	}
	return reached[len(x)-1][len(y)-1]
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// characters compares two names in Chinese characters: forms of the same
// characters, then characters of the same reading.
func (t *tables) characters(x, y []rune) likeness {
	if len(x) != len(y) || len(x) == 0 || len(x) > maxText {
		return likeness{}
	}
	forms, sounds := true, true
	for i := range x {
		if !t.sameCharacter(x[i], y[i]) {
			forms = false
			sounds = sounds && share(t.mandarin(x[i]), t.mandarin(y[i]))
		}
	}
	switch {
	case forms:
		return likeness{0.99, []Key{"name.character_forms"}}
	case sounds:
		return likeness{0.65, []Key{"name.same_reading"}}
	}
	return likeness{}
}

// read tells whether Latin parts are a reading of characters: in Mandarin, or
// in Sino-Vietnamese, family name first or last.
func (t *tables) read(characters []rune, parts []token) likeness {
	var best likeness
	if len(characters) < 2 || len(characters) > maxTokens {
		return best
	}
	for _, turn := range turns(len(parts)) {
		text := strings.Join(plains(slices.Concat(parts[turn:], parts[:turn])), "")
		for _, way := range []struct {
			readings func(rune) []string
			reason   Key
		}{{t.sinoVietnamese, "name.sino_vietnamese"}, {t.readings, "name.reading"}} {
			l := likeness{reads(characters, text, way.readings), []Key{way.reason}}
			if turn > 0 && l.score > 0 {
				l = l.with("name.order")
				l.score *= 0.97
			}
			best = better(best, l)
		}
	}
	return best
}

// reads scores how well a text reads characters: all of them, or all but one
// of three and more.
func reads(characters []rune, text string, readings func(rune) []string) float64 {
	if len(text) > maxLetters {
		return 0
	}
	// For each position in the text: the least number of characters not read.
	missed := map[int]int{0: 0}
	for _, c := range characters {
		next := map[int]int{}
		put := func(at, n int) {
			if old, ok := next[at]; n <= 1 && (!ok || n < old) {
				next[at] = n
			}
		}
		known := readings(c)
		for at, n := range missed {
			for _, r := range known {
				if strings.HasPrefix(text[at:], r) {
					put(at+len(r), n)
				}
			}
			for skip := 1; skip <= 6 && at+skip <= len(text); skip++ {
				put(at+skip, n+1)
			}
		}
		missed = next
	}
	n, ok := missed[len(text)]
	switch {
	case ok && n == 0:
		return acrossScripts
	case ok && len(characters) >= 3:
		return 0.5
	}
	return 0
}
