package schemas

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// str reads the string at p.i. The text is known to be UTF-8. Names and
// values obey the same rules, only their length bound differs.
func (p *parser) str(maxBytes int, lengthRule string) (string, bool) {
	start := p.i + 1
	ascii := true
	for i := start; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			return p.checked(p.s[start:i], start, ascii, maxBytes, lengthRule)
		case c == '\\':
			return p.escaped(start, i, maxBytes, lengthRule)
		case c < ' ':
			return "", p.fail(i, RuleControl)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", p.fail(len(p.s), RuleSyntax)
}

func (p *parser) checked(s string, at int, ascii bool, maxBytes int, lengthRule string) (string, bool) {
	if len(s) > maxBytes {
		return "", p.fail(at, lengthRule)
	}
	if !ascii && !norm.NFC.IsNormalString(s) {
		return "", p.fail(at, RuleNFC)
	}
	return s, true
}

// escaped reads on from the first backslash of a string.
func (p *parser) escaped(start, i, maxBytes int, lengthRule string) (string, bool) {
	var b strings.Builder
	b.WriteString(p.s[start:i])
	for i < len(p.s) {
		c := p.s[i]
		switch {
		case c == '"':
			p.i = i + 1
			return p.checked(b.String(), start, false, maxBytes, lengthRule)
		case c < ' ':
			return "", p.fail(i, RuleControl)
		case c == '\\':
			r, next, ok := p.escape(i)
			if !ok {
				return "", false
			}
			b.WriteRune(r)
			i = next
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", p.fail(len(p.s), RuleSyntax)
}

// escape reads the escape at i and returns its rune and the offset after it.
func (p *parser) escape(i int) (rune, int, bool) {
	if i+1 >= len(p.s) {
		return 0, 0, p.fail(len(p.s), RuleSyntax)
	}
	switch c := p.s[i+1]; c {
	case '"', '\\', '/':
		return rune(c), i + 2, true
	case 'n':
		return '\n', i + 2, true
	case 't':
		return '\t', i + 2, true
	case 'r':
		return '\r', i + 2, true
	case 'b', 'f':
		return 0, 0, p.fail(i, RuleControl)
	case 'u':
		return p.unicodeEscape(i)
	}
	return 0, 0, p.fail(i, RuleSyntax)
}

// unicodeEscape refuses a control character even when it is escaped, tab and
// line ends aside: no field of ours means one, PostgreSQL cannot store NUL as
// text, and a terminal would obey the rest.
func (p *parser) unicodeEscape(i int) (rune, int, bool) {
	r, ok := hex4(p.s, i+2)
	if !ok {
		return 0, 0, p.fail(i, RuleSyntax)
	}
	switch {
	case utf16.IsSurrogate(r):
		if !strings.HasPrefix(p.s[i+6:], `\u`) {
			return 0, 0, p.fail(i, RuleSurrogate)
		}
		low, ok := hex4(p.s, i+8)
		if !ok {
			return 0, 0, p.fail(i+6, RuleSyntax)
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, 0, p.fail(i, RuleSurrogate)
		}
		return r, i + 12, true
	case r < ' ' && r != '\n' && r != '\t' && r != '\r':
		return 0, 0, p.fail(i, RuleControl)
	}
	return r, i + 6, true
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
