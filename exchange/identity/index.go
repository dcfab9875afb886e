package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/schemas"
)

// KeySize is the length of an Index's key.
const KeySize = 32

// TokensPerPerson is how many tokens every person gets, however much is known.
const TokensPerPerson = 60

// maxForms bounds the spellings of a person's names that are indexed.
const maxForms = 4

// A Token is a keyed and truncated digest of something that two descriptions of
// one person probably share. It fits a 32-bit column.
type Token uint32

// An Index makes blind tokens: without the key nobody can tell what a token
// stands for or make one. With the tokens alone one sees which rows share how
// many, and how often a token occurs; see docs/identity.md for what follows.
// Another key means other tokens for everyone, so a rotation is a new index.
type Index struct {
	comparer *Comparer
	keys     map[kind][]byte
	padding  []byte
}

// A kind of token has its own key, so that tokens of two kinds never meet.
type kind string

const (
	byCCCD     kind = "cccd"
	byDocument kind = "document"
	lettersIn  kind = "letters, years"
	soundsIn   kind = "sounds, years"
	endsIn     kind = "first and last part, years"
	soundsOf   kind = "sounds, decade"
	lettersOf  kind = "letters"
	soundsAll  kind = "sounds"
)

// kinds and what a token of each counts when a candidate shares it.
var kinds = map[kind]int{
	byCCCD: 100, byDocument: 95, lettersIn: 80, soundsIn: 60, endsIn: 50, soundsOf: 35, lettersOf: 40, soundsAll: 25,
}

// NewIndex takes a key of 32 random bytes that serves nothing else.
func NewIndex(c *Comparer, key []byte) (*Index, error) {
	if c == nil {
		return nil, errors.New("identity: an index needs a comparer")
	}
	if len(key) != KeySize || slices.Max(key) == 0 {
		return nil, errors.New("identity: the key of an index has 32 random bytes")
	}
	x := &Index{comparer: c, keys: map[kind][]byte{}}
	for k := range kinds {
		x.keys[k] = digest(key, "identity index v1: "+string(k))
	}
	x.padding = digest(key, "identity index v1: padding")
	return x, nil
}

func digest(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Tokens returns the tokens to store with a person: TokensPerPerson of them, in
// ascending order. Equal descriptions give equal tokens.
func (x *Index) Tokens(p Person) []Token {
	var out []Token
	for t := range x.real(p, false) {
		out = append(out, t)
	}
	slices.Sort(out)
	// What is missing is filled up with tokens that only an equal description
	// has, so that the number says nothing.
	var all strings.Builder
	for _, t := range out {
		all.WriteString(strconv.FormatUint(uint64(t), 16) + ",")
	}
	for n := 0; len(out) < TokensPerPerson; n++ {
		t := Token(binary.BigEndian.Uint32(digest(x.padding, all.String()+strconv.Itoa(n))))
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// A Lookup finds candidates for one person.
type Lookup struct{ kinds map[Token]kind }

// Lookup prepares the search for a person's probable duplicates. Their birth may be a
// period, of which the years are known.
func (x *Index) Lookup(p Person) Lookup { return Lookup{x.real(p, true)} }

// Tokens are what to search for: any person who has one of them is a candidate.
func (l Lookup) Tokens() []Token {
	out := make([]Token, 0, len(l.kinds))
	for t := range l.kinds {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// Score says how promising a candidate is, from 0 (nothing shared) to 100, by
// the tokens it shares. It serves to open the likeliest candidates first and
// decides nothing.
func (l Lookup) Score(stored []Token) int {
	shared := map[kind]bool{}
	best := 0
	for _, t := range stored {
		if k, ok := l.kinds[t]; ok {
			shared[k] = true
			best = max(best, kinds[k])
		}
	}
	if best == 0 {
		return 0
	}
	return min(100, best+5*(len(shared)-1))
}

// reasons explain what a token of a kind has in common, the most telling first.
var reasons = []struct {
	kind kind
	key  Key
}{
	{byCCCD, "index.cccd"}, {byDocument, "index.document"}, {lettersIn, "index.letters_years"}, {soundsIn, "index.sounds_years"}, {endsIn, "index.ends_years"},
	{lettersOf, "index.letters"}, {soundsOf, "index.sounds_decade"}, {soundsAll, "index.sounds"},
}

// Why explains a candidate's score: what it has in common with the person who
// is looked for, the most telling first. What follows from that is left out:
// whose letters and years agree, their sounds agree too. Of the years it says that
// they do not agree only where one is looked for.
func (l Lookup) Why(stored []Token) []Key {
	shared, dated := map[kind]bool{}, false
	for _, k := range l.kinds {
		dated = dated || k == soundsOf // every date of birth has one
	}
	for _, t := range stored {
		if k, ok := l.kinds[t]; ok {
			shared[k] = true
		}
	}
	decade := shared[soundsOf]
	if shared[lettersIn] {
		shared[soundsIn], shared[endsIn], shared[lettersOf] = false, false, false
	}
	if shared[lettersIn] || shared[lettersOf] || shared[soundsIn] {
		shared[soundsOf], shared[soundsAll] = false, false
	}
	if shared[soundsOf] {
		shared[soundsAll] = false
	}
	var out []Key
	for _, r := range reasons {
		switch {
		case !shared[r.kind]:
		case r.kind == lettersOf && decade:
			out = append(out, "index.letters_decade")
		case r.kind == lettersOf && dated:
			out = append(out, "index.letters_other_year")
		case r.kind == soundsAll && dated:
			out = append(out, "index.sounds_other_year")
		default:
			out = append(out, r.key)
		}
	}
	return out
}

// real makes the tokens that mean something, the telling kinds first: of whom is
// looked for also those of what people leave out or turn round, else at most
// TokensPerPerson.
func (x *Index) real(p Person, looking bool) map[Token]kind {
	out := map[Token]kind{}
	add := func(k kind, parts ...string) {
		t := Token(binary.BigEndian.Uint32(digest(x.keys[k], strings.Join(parts, "\x00"))))
		if looking || len(out) < TokensPerPerson {
			out[t] = k
		}
	}
	number := func(k kind, n string) {
		add(k, n)
		if looking && lostZero(n) {
			add(k, "0"+n)
		}
	}
	if n := bare(numberOf(p)); len(n) >= 9 {
		number(byCCCD, n)
	}
	for i, d := range numbered(p) {
		if i < 5 {
			number(byDocument, d.Number)
		}
	}
	windows, decades := windowsOf(p.Birth)
	for _, f := range x.comparer.forms(p) {
		add(lettersOf, f.letters)
		add(soundsAll, f.sounds)
		for _, w := range windows {
			add(lettersIn, f.letters, w)
			add(soundsIn, f.sounds, w)
			add(endsIn, f.ends, w)
		}
		for _, d := range decades {
			add(soundsOf, f.sounds, d)
		}
	}
	if looking {
		for _, ends := range x.comparer.turned(p) {
			for _, w := range windows {
				add(endsIn, ends, w)
			}
		}
	}
	return out
}

// mostYears is how many years are looked through for a birth in a period.
const mostYears = 5

// Wide says whether a birth is a period of more years than are looked through.
func Wide(birth string) bool {
	if !strings.Contains(birth, "/") {
		return false
	}
	e, err := schemas.ParseEDTFInterval(birth)
	return err == nil && (e.From == nil || e.To == nil || e.To.Latest.Year()-e.From.Earliest.Year() >= mostYears)
}

// windowsOf are the pairs of neighbouring years that a birth touches, so that two
// dates a year apart share one, also of an approximate year; none when it spans more
// years than are looked through. The decades are those that it touches with a year to
// spare.
func windowsOf(birth string) (windows, decades []string) {
	e, err := schemas.ParseEDTFInterval(birth)
	if err != nil || e.From == nil || e.To == nil {
		return nil, nil
	}
	from, to := e.From.Earliest.Year(), e.To.Latest.Year()
	if to-from < mostYears {
		for y := from - 1; y <= to; y++ {
			windows = append(windows, strconv.Itoa(y))
		}
	}
	if loose(*e.From) || loose(*e.To) {
		from, to = from-1, to+1
	}
	for d := (from - 1) / 10; d <= (to+1)/10 && len(decades) < 2; d++ {
		decades = append(decades, strconv.Itoa(d))
	}
	return windows, decades
}

// A form is what is indexed of one spelling of a name.
type form struct{ letters, sounds, ends string }

// forms are the distinct spellings of a person's names in Latin letters, those
// of the main name first: as given, the Latin form where it is another, what of a
// name in two scripts is Latin, the readings of Chinese characters, and as in a
// machine-readable zone. Behind them all stands what may be Mandarin without saying so.
func (c *Comparer) forms(p Person) []form {
	var out []form
	var perhaps [][]string
	add := func(parts []string) {
		if f := formOf(parts); f.letters != "" && len(out) < maxForms && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, n := range present(allNames(p)) {
		own := latinParts(n)
		spelt := [][]token{own, tokens(n.Latin)}
		class, mixed := scriptOf(n.Native)
		if mixed {
			spelt = append(spelt, tokens(n.Native))
		}
		for _, parts := range spelt {
			given := plains(parts)
			if conventionsOf(n, own)&chinese != 0 {
				add(c.tables.canonical(given))
				continue
			}
			add(given)
			if c.tables.pinyin(given) {
				perhaps = append(perhaps, c.tables.canonical(given))
			}
		}
		if class == hani {
			characters := letters(n.Native)
			add(c.tables.canonical(firsts(characters, c.tables.mandarin)))
			add(firsts(characters, c.tables.sinoVietnamese))
		}
		add(plains(tokens(n.MRZ)))
	}
	for _, parts := range perhaps {
		add(parts)
	}
	return out
}

// firsts are the usual readings of characters; none when one has no reading.
func firsts(characters []rune, readings func(rune) []string) []string {
	var out []string
	for _, r := range characters[:min(len(characters), maxTokens)] {
		known := readings(r)
		if len(known) == 0 {
			return nil
		}
		out = append(out, known[0])
	}
	return out
}

// formOf takes from a name what does not depend on the order of its parts or on
// whether they are written together: its letters, its consonants, and the
// consonants of the first and the last part.
func formOf(parts []string) form {
	var f form
	f.letters = anagram(strings.Join(parts, ""))
	var sounds strings.Builder
	for _, p := range parts {
		sounds.WriteString(consonantsOf(p))
	}
	f.sounds = anagram(sounds.String())
	if len(parts) > 0 {
		f.ends = endsOf(parts)
	}
	return f
}

func endsOf(parts []string) string {
	ends := []string{consonantsOf(parts[0]), consonantsOf(parts[len(parts)-1])}
	return strings.Join(sorted(ends), " ")
}

// turned are the ends of the names that seem to have the family name behind the given
// ones: as they would be in the Vietnamese order.
func (c *Comparer) turned(p Person) []string {
	var out []string
	for _, n := range present(allNames(p)) {
		own := latinParts(n)
		for _, parts := range [][]token{own, tokens(n.Latin)} {
			if given := plains(parts); len(given) > 2 && familyLast(given) && conventionsOf(n, own)&chinese == 0 {
				out = append(out, endsOf(given[len(given)-2:]))
			}
		}
	}
	return out
}

func anagram(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

// consonantsOf is the skeleton without vowels, or with them where nothing else
// is left.
func consonantsOf(word string) string {
	s := skeletonOf(word, khmer|lao)
	only := strings.Trim(s, "aeiouy")
	only = strings.Map(func(r rune) rune {
		if r >= 'a' {
			return -1
		}
		return r
	}, only)
	if only == "" {
		return s
	}
	return only
}

// canonical writes a Mandarin name in Wade–Giles without signs, in which pinyin
// and Wade–Giles spellings of a syllable meet; what is no Mandarin stays.
func (t *tables) canonical(parts []string) []string {
	var out []string
	for _, p := range parts {
		cut := t.cut(p)
		if cut == nil {
			cut = []string{p}
		}
		out = append(out, cut...)
	}
	return out
}

// pinyin tells whether the parts of a name, more than one, can all be cut into syllables
// of pinyin.
func (t *tables) pinyin(parts []string) bool {
	for _, p := range parts {
		ends := make([]bool, len(p)+1) // of syllables
		ends[0] = true
		for i := range p {
			for j := i + 1; ends[i] && j <= min(i+maxForm, len(p)); j++ {
				ends[j] = ends[j] || t.pinyinOnly[p[i:j]]
			}
		}
		if !ends[len(p)] {
			return false
		}
	}
	return len(parts) > 1
}

// cut splits letters into as few syllables as possible, in Wade–Giles.
func (t *tables) cut(s string) []string {
	if len(s) > maxLetters {
		return nil
	}
	best := make([][]string, len(s)+1)
	best[0] = []string{}
	for i := range s {
		if best[i] == nil {
			continue
		}
		for j := i + 1; j <= min(i+maxForm, len(s)); j++ {
			syllables := t.spelled[s[i:j]]
			if len(syllables) > 0 && (best[j] == nil || len(best[j]) > len(best[i])+1) {
				best[j] = append(slices.Clone(best[i]), iForY(wadeGiles(syllables[0])))
			}
		}
	}
	return best[len(s)]
}
