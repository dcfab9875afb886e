package identity

import (
	"strconv"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

const day = 24 * time.Hour

// compareDates compares two dates of EDTF level 0 or 1.
func compareDates(f Field, a, b string) Finding {
	if a == "" || b == "" {
		return missing(f, "date.missing")
	}
	x, errX := schemas.ParseEDTF(a)
	y, errY := schemas.ParseEDTF(b)
	switch {
	case errX != nil || errY != nil:
		return missing(f, "date.unreadable")
	case exactDay(x) && exactDay(y):
		return compareDays(f, x.Earliest, y.Earliest, loose(x) || loose(y))
	case overlap(x, y):
		return overlapping(f, x, y)
	case overlap(widen(x), widen(y)):
		return finding(f, Compatible, 68, "date.approximate")
	case overlap(shift(x, 1), y), overlap(shift(x, -1), y):
		return finding(f, Compatible, 65, "date.year_off_by_one")
	}
	return finding(f, Different, 0, "date.differs")
}

func exactDay(e schemas.EDTF) bool { return e.Earliest.Equal(e.Latest) }

func loose(e schemas.EDTF) bool { return e.Uncertain || e.Approximate }

func overlap(x, y schemas.EDTF) bool {
	return !x.Earliest.After(y.Latest) && !y.Earliest.After(x.Latest)
}

func shift(e schemas.EDTF, years int) schemas.EDTF {
	e.Earliest, e.Latest = e.Earliest.AddDate(years, 0, 0), e.Latest.AddDate(years, 0, 0)
	return e
}

// widen gives an approximate or uncertain date some room: two years to a year
// or a decade, two months to a month, a month to a day.
func widen(e schemas.EDTF) schemas.EDTF {
	if !loose(e) {
		return e
	}
	years, months := 0, 1
	switch span := e.Latest.Sub(e.Earliest); {
	case span > 300*day:
		years, months = 2, 0
	case span > day:
		months = 2
	}
	e.Earliest, e.Latest = e.Earliest.AddDate(-years, -months, 0), e.Latest.AddDate(years, months, 0)
	return e
}

// overlapping judges periods of which one at least is not a day. The score
// falls with what is left open.
func overlapping(f Field, x, y schemas.EDTF) Finding {
	wide := max(x.Latest.Sub(x.Earliest), y.Latest.Sub(y.Earliest))
	score := 84
	switch {
	case wide > 400*day:
		score = 65
	case wide > 40*day:
		score = 75
	}
	switch {
	case x.Earliest.Equal(y.Earliest) && x.Latest.Equal(y.Latest):
		return finding(f, Compatible, score, "date.same_partial")
	case exactDay(x) || exactDay(y) || within(x, y) || within(y, x):
		return finding(f, Compatible, score, "date.within")
	}
	return finding(f, Compatible, min(score, 70), "date.overlap")
}

func within(x, y schemas.EDTF) bool {
	return !x.Earliest.Before(y.Earliest) && !x.Latest.After(y.Latest)
}

// compareDays compares two days and knows the usual slips.
func compareDays(f Field, x, y time.Time, approximate bool) Finding {
	apart := x.Sub(y).Abs()
	switch {
	case x.Equal(y) && approximate:
		return finding(f, Compatible, 90, "date.exact", "date.approximate")
	case x.Equal(y):
		return finding(f, Same, 100, "date.exact")
	case approximate && apart <= 31*day:
		return finding(f, Compatible, 75, "date.approximate")
	case x.Year() == y.Year() && int(x.Month()) == y.Day() && x.Day() == int(y.Month()):
		return finding(f, Compatible, 80, "date.day_month_swapped")
	case years(x, y) == 1 && x.Month() == y.Month() && x.Day() == y.Day():
		return finding(f, Compatible, 72, "date.year_off_by_one")
	case x.Year() == y.Year() && (newYear(x) || newYear(y)):
		return finding(f, Compatible, 70, "date.first_of_january")
	case oneDigit(x, y):
		return finding(f, Compatible, 66, "date.one_digit")
	case apart >= 17*day && apart <= 52*day:
		return finding(f, Compatible, 65, "date.perhaps_lunar")
	case years(x, y) == 1 && (newYear(x) || newYear(y)):
		return finding(f, Different, 50, "date.first_of_january", "date.year_off_by_one")
	case apart <= 366*day:
		return finding(f, Different, 40, "date.near")
	}
	return finding(f, Different, 0, "date.differs")
}

func newYear(t time.Time) bool { return t.Month() == time.January && t.Day() == 1 }

func years(x, y time.Time) int { return max(x.Year()-y.Year(), y.Year()-x.Year()) }

func oneDigit(x, y time.Time) bool {
	a, b := x.Format("20060102"), y.Format("20060102")
	n := 0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n == 1 && len(a) == len(b)
}

// ages are the bands of the schemas, in full years.
var ages = map[string][2]int{
	"0_11": {0, 11}, "12_15": {12, 15}, "16_17": {16, 17}, "18_24": {18, 24}, "25_39": {25, 39}, "40_59": {40, 59}, "60_plus": {60, 120},
}

// compareBirth compares the dates of birth, or a date with an age band.
func compareBirth(a, b Person) Finding {
	if a.Birth != "" && b.Birth != "" {
		return compareDates(FieldBirth, a.Birth, b.Birth)
	}
	if a.Birth == "" {
		a, b = b, a
	}
	band, ok := ages[b.AgeBand]
	on, dated := b.ageOn()
	if a.Birth == "" || !ok || !dated {
		return missing(FieldBirth, "date.missing")
	}
	birth, err := schemas.ParseEDTF(a.Birth)
	if err != nil {
		return missing(FieldBirth, "date.unreadable")
	}
	// An age counted the East Asian way is one or two higher.
	lived := schemas.EDTF{Earliest: on.AddDate(-band[1]-1, 0, 1), Latest: on.AddDate(-band[0], 0, 0)}
	switch {
	case overlap(birth, lived):
		return finding(FieldBirth, Compatible, 65, "date.age_fits")
	case overlap(shift(widen(birth), -1), lived), overlap(shift(widen(birth), 1), lived):
		return finding(FieldBirth, Different, 50, "date.age_differs", "date.year_off_by_one")
	}
	return finding(FieldBirth, Different, 0, "date.age_differs")
}

// mrzBirth reads YYMMDD of a machine-readable zone as the dates it may mean;
// the century is not in it.
func mrzBirth(s string) []string {
	if len(s) != 6 {
		return nil
	}
	year, month, dayOf := s[:2], s[2:4], s[4:]
	if _, err := strconv.Atoi(year); err != nil {
		return nil
	}
	rest := ""
	if month != "<<" {
		rest = "-" + month
		if dayOf != "<<" {
			rest += "-" + dayOf
		}
	}
	return []string{"19" + year + rest, "20" + year + rest}
}
