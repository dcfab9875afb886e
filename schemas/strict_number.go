package schemas

import "encoding/json"

// number reads the number at p.i and keeps its text. Both bounds matter: the
// schema library turns numbers into exact fractions, so that 1e999999 costs it
// seconds.
func (p *parser) number() (any, bool) {
	start := p.i
	i := start
	if p.s[i] == '-' {
		i++
	}
	whole := p.digits(i)
	if whole == i || p.s[i] == '0' && whole > i+1 {
		return nil, p.fail(start, RuleSyntax)
	}
	count := whole - i
	i = whole
	if i < len(p.s) && p.s[i] == '.' {
		end := p.digits(i + 1)
		if end == i+1 {
			return nil, p.fail(start, RuleSyntax)
		}
		count += end - i - 1
		i = end
	}
	if count > p.lim.MaxNumberDigits {
		return nil, p.fail(start, RuleNumber)
	}
	if i < len(p.s) && (p.s[i] == 'e' || p.s[i] == 'E') {
		i++
		if i < len(p.s) && (p.s[i] == '+' || p.s[i] == '-') {
			i++
		}
		end := p.digits(i)
		if end == i {
			return nil, p.fail(start, RuleSyntax)
		}
		if exponentAbove(p.s[i:end], p.lim.MaxExponent) {
			return nil, p.fail(start, RuleNumber)
		}
		i = end
	}
	p.i = i
	return json.Number(p.s[start:i]), true
}

func (p *parser) digits(i int) int {
	for i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
		i++
	}
	return i
}

// exponentAbove stops adding digits as soon as the bound is passed, so that no
// length of exponent overflows it.
func exponentAbove(digits string, bound int) bool {
	n := 0
	for _, c := range []byte(digits) {
		if n = n*10 + int(c-'0'); n > bound {
			return true
		}
	}
	return false
}
