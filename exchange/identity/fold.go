package identity

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxTokens bounds the parts of a name; what follows is joined to the last.
// maxLetters bounds the letters of a part that are compared.
const (
	maxTokens  = 8
	maxLetters = 40
)

// A token is one part of a name in Latin letters.
type token struct {
	exact  string // lower case, the tone mark after the letters, y for i as Vietnamese permits
	plain  string // a to z and digits only
	marked bool   // has a diacritic, or is written with đ
	alt    string // another way of a machine-readable zone, words between spaces; usually none
}

// Tone marks of Vietnamese: grave, acute, tilde, hook above, dot below.
const tones = "\u0300\u0301\u0303\u0309\u0323"

// latinised letters that do not decompose.
var undecomposed = map[rune]string{
	'đ': "d", 'ð': "d", 'ł': "l", 'ø': "o", 'æ': "ae", 'œ': "oe", 'ß': "ss", 'þ': "th", 'ı': "i", 'ħ': "h", 'ŋ': "ng", 'ə': "e", 'ɛ': "e", 'ɔ': "o",
}

// icao are the letters that Doc 9303 part 3, section 6, table A writes with
// more than the bare letter. Where it permits several, all stand here.
var icao = map[rune][]string{
	'ä': {"ae"}, 'ö': {"oe"}, 'ü': {"ue", "uxx"}, 'å': {"aa"}, 'ñ': {"n", "nxx"}, 'ø': {"oe"}, 'æ': {"ae"},
	'œ': {"oe"}, 'ß': {"ss"}, 'þ': {"th"}, 'ĳ': {"ij"}, 'ŋ': {"n"},
}

// clean bounds a text, brings it into NFKC (full-width and joined letters are
// ordinary ones) and removes what cannot be seen: direction marks, joiners,
// controls.
func clean(s string) string {
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText])
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, norm.NFKC.String(s))
}

// markup are the tags that a name takes along from a page or a form. Other words
// between such signs may be names.
var markup = regexp.MustCompile(`(?i)</?(?:a|b|big|br|div|em|font|i|img|p|script|small|span|strong|style|sub|sup|td|tr|u)(?:[\s/][^<>]*)?>`)

// unmarked takes markup out of a name and reads what is written as an entity:
// letters of a tag would count as a part.
func unmarked(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return s
	}
	return markup.ReplaceAllString(html.UnescapeString(s), " ")
}

// zoneName is a name as a machine-readable zone has it.
var zoneName = regexp.MustCompile(`^[A-Z]+(<[A-Z]+)*(<<[A-Z]+(<[A-Z]+)*)?$`)

// ZoneName reads the name in what somebody took from a machine-readable zone: all of its
// lines, one after another, or the one with the name, also where it was cut. It is "" for
// a text of another kind. No check digit is looked at.
func ZoneName(s string) string {
	z := strings.ToUpper(strings.Join(strings.Fields(clean(s)), ""))
	if !strings.Contains(z, "<<") {
		return ""
	}
	switch n := len(z); {
	case n == 90: // TD1: the third line
		z = z[60:]
	case n == 88 || n == 72: // TD3, TD2 and visas: the first of two, behind kind and state
		z = z[5 : n/2]
	case n == 44 || n == 36 || n > 5 && z[1] == '<' && strings.ContainsRune("PVIAC", rune(z[0])):
		z = z[5:]
	}
	if z = strings.Trim(z, "<"); !zoneName.MatchString(z) {
		return ""
	}
	return z
}

// apostrophe tells the signs that are written within a part of a name.
func apostrophe(r rune) bool { return strings.ContainsRune("'’‘ʼ`´ʹʻ", r) }

// words splits a name at everything that is neither letter, mark nor
// apostrophe; apostrophes are dropped.
func words(s string) []string {
	s = strings.Map(func(r rune) rune {
		switch {
		case apostrophe(r):
			return -1
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			return r
		}
		return ' '
	}, s)
	return strings.Fields(s)
}

// tokens reads a name in Latin letters.
func tokens(s string) []token {
	var out []token
	for _, w := range words(strings.ToLower(clean(s))) {
		if t := tokenOf(w); t.plain != "" {
			out = append(out, t)
		}
	}
	if len(out) > maxTokens {
		for _, t := range out[maxTokens:] {
			last := &out[maxTokens-1]
			*last = token{exact: last.exact + t.exact, plain: last.plain + t.plain, marked: last.marked || t.marked}
		}
		out = out[:maxTokens]
	}
	for i, t := range out {
		out[i].plain = t.plain[:min(len(t.plain), maxLetters)]
	}
	return out
}

// tokenOf folds one lower-case word. The exact form does not depend on where
// the tone mark stands (hoà, hòa) and takes y for i after a consonant (lý, lí).
func tokenOf(w string) token {
	var letters, plain, tone strings.Builder
	marked := false
	for _, r := range norm.NFD.String(w) {
		switch {
		case strings.ContainsRune(tones, r):
			tone.WriteRune(r)
			marked = true
		case unicode.IsMark(r):
			letters.WriteRune(r)
			marked = true
		case undecomposed[r] != "":
			letters.WriteRune(r)
			plain.WriteString(undecomposed[r])
			marked = marked || r == 'đ'
		default:
			letters.WriteRune(r)
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				plain.WriteRune(r)
			}
		}
	}
	t := token{exact: norm.NFC.String(iForY(letters.String())) + tone.String(), plain: iForY(plain.String()), marked: marked}
	if strings.ContainsFunc(w, func(r rune) bool { return icao[r] != nil }) {
		t.alt = " " + strings.Join(icaoForms(w), " ") + " "
	}
	return t
}

// iForY writes i for a final y that stands alone as the vowel: after a
// consonant, or after qu.
func iForY(w string) string {
	n := len(w)
	if n < 2 || w[n-1] != 'y' {
		return w
	}
	before, _ := lastRune(w[:n-1])
	if strings.HasSuffix(w[:n-1], "qu") || strings.ContainsRune("bcdđghklmnpqrstvx", before) {
		return w[:n-1] + "i"
	}
	return w
}

func lastRune(s string) (rune, int) {
	r := []rune(s)
	return r[len(r)-1], len(r)
}

// icaoForms are the other ways in which a machine-readable zone may write a
// word, at most four.
func icaoForms(w string) []string {
	forms := []string{""}
	for _, r := range norm.NFC.String(w) {
		ways := icao[r]
		if ways == nil {
			ways = []string{tokenOf(string(r)).plain}
		}
		var next []string
		for _, f := range forms {
			for _, way := range ways {
				next = append(next, f+way)
			}
		}
		forms = next[:min(len(next), 4)]
	}
	return forms
}

func plains(ts []token) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.plain
	}
	return out
}

func anyMarked(ts []token) bool {
	return slices.ContainsFunc(ts, func(t token) bool { return t.marked })
}
