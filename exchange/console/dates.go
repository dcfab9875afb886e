package console

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/repatriation-exchange/gateway/schemas"
)

// slashes is how days, months and years are written in an office.
var slashes = regexp.MustCompile(`^(?:(\d{1,2})[/.-])?(\d{1,2})[/.-](\d{4})$`)

// A dateLayout is another way of writing days, months or years, without spaces, and how
// precise it is as a layout of EDTF.
type dateLayout struct{ written, edtf string }

// A dateReader reads dates as pages and people write them, in any language: who reads
// pages in one may have a letter in another.
type dateReader struct {
	layouts []dateLayout
	months  *strings.Replacer // their names, without spaces, for those that Go knows
	hedges  []hedge
	periods []*regexp.Regexp // of two dates
}

// A hedge is how a language says that it is not sure of a date, as a sign of EDTF.
type hedge struct{ before, behind, sign string }

func newDateReader(all []*speech) dateReader {
	var out dateReader
	names := map[string]string{}
	around := func(s *speech, key string, gaps ...any) []string { // the words around what they are about
		return strings.Split(strings.ToLower(plainDate(s.T(key, gaps...))), "\x00")
	}
	for _, s := range all { // the outer first, as Partial has them
		words := around(s, "date.uncertain", "\x00")
		out.hedges = append(out.hedges, hedge{words[0], words[1], "?"})
	}
	out.periods = append(out.periods, regexp.MustCompile(`^(.+)\p{Pd}(.+)$`), regexp.MustCompile(`^(.+)/(.+)$`))
	for _, s := range all {
		words := around(s, "date.approximate", "\x00")
		out.hedges = append(out.hedges, hedge{words[0], words[1], "~"})
		words = around(s, "date.between", "\x00", "\x00")
		out.periods = append(out.periods, regexp.MustCompile("^(?:"+regexp.QuoteMeta(words[0])+")?(.+)"+regexp.QuoteMeta(words[1])+"(.+?)(?:"+regexp.QuoteMeta(words[2])+")?$"))
		for i, name := range strings.Split(s.T("date.months"), ", ") {
			names[strings.ToLower(plainDate(name))] = strings.ToLower(time.Month(i + 1).String())
		}
		written := append(strings.Split(s.T("format.written"), " | "), s.T("format.date"), s.T("format.time"), s.T("format.month"), s.T("format.year"))
		for _, w := range written {
			out.layouts = append(out.layouts, dateLayout{plainDate(w), precision(w)})
		}
	}
	var pairs []string
	for _, name := range slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		pairs = append(pairs, name, names[name]) // the longest first: eleven before one
	}
	out.months = strings.NewReplacer(pairs...)
	return out
}

// precision says by what a layout tells apart: days, months or years.
func precision(written string) string {
	shown := func(month time.Month, day int) string {
		return time.Date(2006, month, day, 0, 0, 0, 0, time.UTC).Format(written)
	}
	switch {
	case shown(1, 1) != shown(1, 2):
		return time.DateOnly
	case shown(1, 1) != shown(2, 1):
		return "2006-01"
	}
	return "2006"
}

// plainDate takes out of a date what people write in several ways: spaces, and digits
// in Khmer or Lao letters.
func plainDate(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r >= '\u17e0' && r <= '\u17e9' || r >= '\u0ed0' && r <= '\u0ed9':
			return '0' + r&0xf
		}
		return r
	}, norm.NFKC.String(text))
}

// edtf reads a date as officers write it: a year, a month and a year, a day, or EDTF
// itself.
func (l *languages) edtf(text string) (out string, readable bool) {
	out = l.dates.read(text)
	if out == "" {
		return "", true
	}
	e, err := schemas.ParseEDTF(out)
	return out, err == nil && e.Latest.Before(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
}

// period reads a date, or the two between which one lies, as EDTF.
func (l *languages) period(text string) (out string, readable bool) {
	if out, readable = l.edtf(text); readable {
		return out, true
	}
	plain, sign := l.dates.sure(text)
	for _, p := range l.dates.periods {
		m := p.FindStringSubmatch(plain)
		if m == nil {
			continue
		}
		from, good := l.edtf(m[1])
		to, too := l.edtf(m[2])
		out = from + sign + "/" + to + sign
		if _, err := schemas.ParseEDTFInterval(out); err == nil && good && too {
			return out, true
		}
	}
	return text, false
}

// sure takes out of a date that somebody is not sure of it, and returns the sign of EDTF
// for that.
func (d dateReader) sure(text string) (plain, sign string) {
	plain = strings.ToLower(plainDate(text))
	for _, h := range d.hedges {
		if rest, before := strings.CutPrefix(plain, h.before); before {
			if rest, behind := strings.CutSuffix(rest, h.behind); behind {
				plain, sign = rest, sign+h.sign
			}
		}
	}
	if sign == "?~" {
		sign = "%"
	}
	return plain, sign
}

func (d dateReader) read(text string) string {
	plain, sign := d.sure(text)
	if m := slashes.FindStringSubmatch(plain); m != nil {
		two := func(s string) string { return strings.Repeat("0", 2-len(s)) + s }
		text = m[3] + "-" + two(m[2])
		if m[1] != "" {
			text += "-" + two(m[1])
		}
		return text + sign
	}
	plain = d.months.Replace(plain)
	for _, l := range d.layouts {
		if t, err := time.Parse(l.written, plain); err == nil {
			return t.Format(l.edtf) + sign
		}
	}
	return text
}
