package identity

import (
	"slices"
	"strings"
)

// maxLetters bounds what the comparisons of this file walk through.
const maxLetters = 48

// mandarinSpelling compares two Latin names syllable by syllable, so that
// pinyin and Wade–Giles, joined and apart, can be told to agree.
func (t *tables) mandarinSpelling(a, b []token) likeness {
	var best likeness
	x := strings.Join(plains(a), "")
	for turn := range b {
		y := strings.Join(plains(slices.Concat(b[turn:], b[:turn])), "")
		if x == y {
			continue // written together or in another order: align says so
		}
		if t.sameSyllables(x, y) {
			l := likeness{0.85, []Key{"name.chinese_spelling"}}
			if turn > 0 {
				l = likeness{0.82, []Key{"name.chinese_spelling", "name.order"}}
			}
			best = better(best, l)
		}
	}
	return best
}

// sameSyllables tells whether two texts can be cut into spellings of the same
// syllables. Not every syllable may be an ambiguity of Wade–Giles: one at
// least has the same letters on both sides, or there are three.
func (t *tables) sameSyllables(x, y string) bool {
	if len(x) > maxLetters || len(y) > maxLetters {
		return false
	}
	reached := map[[2]int]bool{{0, 0}: true}
	for i := 0; i <= len(x); i++ {
		for j := 0; j <= len(y); j++ {
			if !reached[[2]int{i, j}] {
				continue
			}
			for p := i + 1; p <= min(i+maxForm, len(x)); p++ {
				syllables := t.spelled[x[i:p]]
				for q := j + 1; len(syllables) > 0 && q <= min(j+maxForm, len(y)); q++ {
					if share(syllables, t.spelled[y[j:q]]) {
						reached[[2]int{p, q}] = true
					}
				}
			}
		}
	}
	return reached[[2]int{len(x), len(y)}]
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// characters compares two names in Chinese characters: forms of the same
// characters, then characters of the same reading.
func (t *tables) characters(x, y []rune) likeness {
	if len(x) != len(y) || len(x) == 0 || len(x) > maxLetters {
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
	for turn := range parts {
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
