package schemas

import (
	"errors"
	"strings"
	"time"
)

// An EDTF is a date that may be partial, in the part of the Extended
// Date/Time Format (ISO 8601-2:2019, levels 0 and 1) that describes a birth or
// a stay: a day, month or year, with digits unspecified from the right (X) and
// one qualification at the end. Seasons, years beyond four digits and times of
// day are not taken.
type EDTF struct {
	Earliest, Latest time.Time // the days it may mean, both included, in UTC
	Uncertain        bool      // ? or %
	Approximate      bool      // ~ or %
}

// An EDTFInterval is a period. A nil end is open (..) or unknown (empty).
type EDTFInterval struct{ From, To *EDTF }

var (
	errEDTF         = errors.New("not a date of EDTF level 0 or 1")
	errEDTFInterval = errors.New("not a period of EDTF level 0 or 1")
)

// ParseEDTF reads one date.
func ParseEDTF(s string) (EDTF, error) {
	var e EDTF
	if s == "" {
		return e, errEDTF
	}
	switch s[len(s)-1] {
	case '?':
		e.Uncertain = true
	case '~':
		e.Approximate = true
	case '%':
		e.Uncertain, e.Approximate = true, true
	}
	if e.Uncertain || e.Approximate {
		s = s[:len(s)-1]
	}
	// A date with unspecified digits means every day between its least and its
	// greatest reading.
	var ok bool
	switch len(s) {
	case len("2006"):
		ok = e.years(s)
	case len("2006-01"):
		if strings.HasSuffix(s, "-XX") {
			ok = e.span(s[:4]+"-01-01", s[:4]+"-12-31")
		} else {
			ok = e.span(s+"-01", s+"-01")
			e.Latest = e.Earliest.AddDate(0, 1, -1)
		}
	case len(time.DateOnly):
		switch {
		case strings.HasSuffix(s, "-XX-XX"):
			ok = e.span(s[:4]+"-01-01", s[:4]+"-12-31")
		case strings.HasSuffix(s, "-XX"):
			ok = e.span(s[:7]+"-01", s[:7]+"-01")
			e.Latest = e.Earliest.AddDate(0, 1, -1)
		default:
			ok = e.span(s, s)
		}
	}
	if !ok {
		return EDTF{}, errEDTF
	}
	return e, nil
}

// years reads a year alone, of which one or two digits may be unspecified, from
// the right.
func (e *EDTF) years(s string) bool {
	digits := strings.TrimRight(s, "X")
	if len(digits) < 2 {
		return false
	}
	unknown := len(s) - len(digits)
	return e.span(digits+strings.Repeat("0", unknown)+"-01-01", digits+strings.Repeat("9", unknown)+"-12-31")
}

// span sets both ends.
func (e *EDTF) span(earliest, latest string) bool {
	var err1, err2 error
	e.Earliest, err1 = time.Parse(time.DateOnly, earliest)
	e.Latest, err2 = time.Parse(time.DateOnly, latest)
	return err1 == nil && err2 == nil
}

// ParseEDTFInterval reads a period, or one date as the period that it is.
func ParseEDTFInterval(s string) (EDTFInterval, error) {
	from, to, isInterval := strings.Cut(s, "/")
	if !isInterval {
		e, err := ParseEDTF(s)
		return EDTFInterval{&e, &e}, err
	}
	var i EDTFInterval
	for _, end := range []struct {
		text string
		at   **EDTF
	}{{from, &i.From}, {to, &i.To}} {
		if end.text == "" || end.text == ".." {
			continue
		}
		e, err := ParseEDTF(end.text)
		if err != nil {
			return EDTFInterval{}, errEDTFInterval
		}
		*end.at = &e
	}
	if i.From == nil && i.To == nil || i.From != nil && i.To != nil && i.To.Latest.Before(i.From.Earliest) {
		return EDTFInterval{}, errEDTFInterval
	}
	return i, nil
}
