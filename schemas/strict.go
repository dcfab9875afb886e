package schemas

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits bound what one JSON text may cost before anything else reads it. A
// zero field takes the value of DefaultLimits, so that no caller can switch a
// bound off by forgetting it.
type Limits struct {
	MaxBytes        int // of the whole text
	MaxDepth        int // of nested objects and arrays
	MaxMembers      int // of one object
	MaxElements     int // of one array
	MaxNodes        int // values of any kind in the whole text
	MaxStringBytes  int // of one decoded string
	MaxNameBytes    int // of one decoded member name
	MaxNumberDigits int // of one number, exponent aside
	MaxExponent     int // of one number, either sign
}

// DefaultLimits returns the bounds the gateway uses for messages. The string
// bound leaves room for one photograph in base64.
func DefaultLimits() Limits {
	return Limits{
		MaxBytes: 1 << 20, MaxDepth: 16, MaxMembers: 256, MaxElements: 1024, MaxNodes: 20_000,
		MaxStringBytes: 512 << 10, MaxNameBytes: 128, MaxNumberDigits: 32, MaxExponent: 64,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		at  *int
		def int
	}{
		{&l.MaxBytes, d.MaxBytes}, {&l.MaxDepth, d.MaxDepth}, {&l.MaxMembers, d.MaxMembers},
		{&l.MaxElements, d.MaxElements}, {&l.MaxNodes, d.MaxNodes}, {&l.MaxStringBytes, d.MaxStringBytes},
		{&l.MaxNameBytes, d.MaxNameBytes}, {&l.MaxNumberDigits, d.MaxNumberDigits}, {&l.MaxExponent, d.MaxExponent},
	} {
		if *f.at <= 0 {
			*f.at = f.def
		}
	}
	return l
}

// The rules a SyntaxError names. They are part of the wire contract (the
// member "rule" of a problem document) and never change their meaning.
const (
	RuleSize          = "size"
	RuleSyntax        = "syntax"
	RuleUTF8          = "utf8"
	RuleBOM           = "bom"
	RuleSurrogate     = "surrogate"
	RuleDuplicateName = "duplicate-name"
	RuleFoldedName    = "case-folded-name"
	RuleDepth         = "depth"
	RuleMembers       = "members"
	RuleElements      = "elements"
	RuleNodes         = "nodes"
	RuleStringLength  = "string-length"
	RuleNameLength    = "name-length"
	RuleNumber        = "number"
	RuleControl       = "control-character"
	RuleNFC           = "nfc"
	RuleTrailingBytes = "trailing-bytes"
)

// SyntaxError says where a JSON text breaks which rule. It holds no value of
// the text; the pointer shows only names that look like our own field names.
type SyntaxError struct {
	Offset  int    // in bytes, from 0
	Pointer string // RFC 6901, to the value or to the object that holds a bad name
	Rule    string // one of the Rule constants
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("JSON text breaks the rule %q at byte %d (pointer %q)", e.Rule, e.Offset, e.Pointer)
}

// Parse reads one JSON text (RFC 8259, I-JSON's RFC 7493 restrictions) into
// map[string]any, []any, json.Number, string, bool or nil. It refuses whatever
// two readers could understand in two ways: duplicate names, names that differ
// only in case, bad UTF-8, lone surrogates, text that is not in NFC. What it
// returns shares no memory with data.
func Parse(data []byte, lim Limits) (any, error) {
	lim = lim.withDefaults()
	if len(data) > lim.MaxBytes {
		return nil, &SyntaxError{Offset: lim.MaxBytes, Rule: RuleSize}
	}
	p := &parser{s: string(data), lim: lim}
	v, ok := p.text()
	if !ok {
		return nil, &SyntaxError{Offset: p.errAt, Pointer: p.pointer(), Rule: p.rule}
	}
	return v, nil
}

// parser walks s once. Strings and numbers it returns are substrings of s
// where they hold no escape, which saves an allocation each.
type parser struct {
	s     string
	i     int
	nodes int
	depth int
	lim   Limits

	rule  string
	errAt int
	path  []string // innermost segment first, filled while a failure unwinds
}

func (p *parser) fail(at int, rule string) bool {
	p.errAt, p.rule = at, rule
	return false
}

func (p *parser) pointer() string {
	var b strings.Builder
	for i := len(p.path) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(p.path[i])
	}
	return b.String()
}

func (p *parser) text() (any, bool) {
	if strings.HasPrefix(p.s, "\uFEFF") {
		return nil, p.fail(0, RuleBOM)
	}
	if at := invalidUTF8(p.s); at >= 0 {
		return nil, p.fail(at, RuleUTF8)
	}
	v, ok := p.value()
	if !ok {
		return nil, false
	}
	p.space()
	if p.i < len(p.s) {
		return nil, p.fail(p.i, RuleTrailingBytes)
	}
	return v, true
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end (a raw NUL
// is never legal, so the two need no telling apart).
func (p *parser) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) value() (any, bool) {
	c := p.peek()
	if p.nodes++; p.nodes > p.lim.MaxNodes {
		return nil, p.fail(p.i, RuleNodes)
	}
	switch {
	case c == '"':
		s, ok := p.str(p.lim.MaxStringBytes, RuleStringLength)
		return s, ok
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		return p.literal("true", true)
	case c == 'f':
		return p.literal("false", false)
	case c == 'n':
		return p.literal("null", nil)
	}
	return nil, p.fail(p.i, RuleSyntax)
}

func (p *parser) literal(word string, v any) (any, bool) {
	if !strings.HasPrefix(p.s[p.i:], word) {
		return nil, p.fail(p.i, RuleSyntax)
	}
	p.i += len(word)
	return v, true
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > p.lim.MaxDepth {
		return p.fail(p.i, RuleDepth)
	}
	p.i++
	return true
}

func (p *parser) array() (any, bool) {
	if !p.enter() {
		return nil, false
	}
	out := []any{}
	if p.peek() == ']' {
		p.i++
		p.depth--
		return out, true
	}
	for {
		if len(out) == p.lim.MaxElements {
			return nil, p.fail(p.i, RuleElements)
		}
		v, ok := p.value()
		if !ok {
			p.path = append(p.path, fmt.Sprint(len(out)))
			return nil, false
		}
		out = append(out, v)
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			p.depth--
			return out, true
		default:
			return nil, p.fail(p.i, RuleSyntax)
		}
	}
}

func (p *parser) object() (any, bool) {
	if !p.enter() {
		return nil, false
	}
	out := make(map[string]any, 8)
	if p.peek() == '}' {
		p.i++
		p.depth--
		return out, true
	}
	var folded map[string]struct{}
	for {
		if p.peek() != '"' {
			return nil, p.fail(p.i, RuleSyntax)
		}
		at := p.i
		if len(out) == p.lim.MaxMembers {
			return nil, p.fail(at, RuleMembers)
		}
		name, ok := p.str(p.lim.MaxNameBytes, RuleNameLength)
		if !ok {
			return nil, false
		}
		if _, dup := out[name]; dup {
			return nil, p.fail(at, RuleDuplicateName)
		}
		if folded, ok = foldNames(folded, out, name); !ok {
			return nil, p.fail(at, RuleFoldedName)
		}
		if p.peek() != ':' {
			return nil, p.fail(p.i, RuleSyntax)
		}
		p.i++
		v, ok := p.value()
		if !ok {
			p.path = append(p.path, shownName(name))
			return nil, false
		}
		out[name] = v
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			p.depth--
			return out, true
		default:
			return nil, p.fail(p.i, RuleSyntax)
		}
	}
}

// foldNames reports whether name differs from the names so far in more than
// case. The set of folded names is made only once an object holds a name that
// is not plain lower-case ASCII: among those, equal folds are equal names.
func foldNames(folded map[string]struct{}, before map[string]any, name string) (map[string]struct{}, bool) {
	if folded == nil {
		if plainName(name) {
			return nil, true
		}
		folded = make(map[string]struct{}, len(before)+1)
		for n := range before {
			folded[fold(n)] = struct{}{}
		}
	}
	f := fold(name)
	if _, dup := folded[f]; dup {
		return folded, false
	}
	folded[f] = struct{}{}
	return folded, true
}

func plainName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// fold maps each rune to the least of its case orbit, which is the equality
// encoding/json uses when it matches names (strings.EqualFold).
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
			least = min(least, n)
		}
		return least
	}, name)
}

// shownName keeps a sender's free text out of pointers: a name that does not
// look like one of ours could be a person's.
func shownName(name string) string {
	if name == "" || len(name) > 40 {
		return "?"
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return "?"
		}
	}
	return name
}
