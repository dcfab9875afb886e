package partners

import "time"

// A Calendar is a list of public holidays, each list with its source. Shipped
// are only those whose source was seen (examples/calendars): the United
// Kingdom's bank holidays as GOV.UK publishes them, and China's as the State
// Council's notice sets them. For Viet Nam the law (Labour Code 45/2019, Art.
// 112) leaves Tết and the second day of the National Day to a decision of each
// year, and for Cambodia and Laos no decree for a coming year was seen: an
// operator loads them.
type Calendar struct {
	Name     string `json:"name" yaml:"name"`
	Source   string `json:"source" yaml:"source"`
	Licence  string `json:"licence,omitempty" yaml:"licence,omitempty"`
	Covers   Span   `json:"covers" yaml:"covers"`
	Holidays []Day  `json:"holidays" yaml:"holidays"`
	Worked   []Day  `json:"worked,omitempty" yaml:"worked,omitempty"` // of the weekend

	days   map[string]bool // holidays
	worked map[string]bool
	from   origin
}

// A Span is the stretch of time for which a calendar is complete: dates as
// YYYY-MM-DD, the last one included.
type Span struct {
	From  string `json:"from" yaml:"from"`
	Until string `json:"until" yaml:"until"`
}

// A Day is one day off, or one day worked in exchange.
type Day struct {
	Date string `json:"date" yaml:"date"` // YYYY-MM-DD
	Name Text   `json:"name" yaml:"name"`
}

func (d documents) readCalendar(path string, data []byte) (*Calendar, error) {
	c := &Calendar{days: map[string]bool{}, worked: map[string]bool{}, from: origin{path, data}}
	if err := d.calendar.DecodeYAML(path, data, c); err != nil {
		return nil, err
	}
	f := &faults{origin: c.from}
	if c.Covers.Until < c.Covers.From {
		f.add("/covers/until", "", "it is before the first day")
	}
	for _, list := range []struct {
		key  string
		days []Day
		into map[string]bool
	}{{"holidays", c.Holidays, c.days}, {"worked", c.Worked, c.worked}} {
		for i, day := range list.days {
			at := pointer(list.key, i, "date")
			if day.Date < c.Covers.From || day.Date > c.Covers.Until {
				f.add(at, "correct the date, or what the calendar covers", "%s is outside what the calendar covers", day.Date)
			}
			if c.days[day.Date] || c.worked[day.Date] {
				f.add(at, "remove one", "%s stands here twice", day.Date)
			}
			list.into[day.Date] = true
		}
	}
	return c, f.err()
}

// covers says whether the calendar is complete from one civil date to another.
func (c *Calendar) covers(from, until time.Time) bool {
	return c != nil && from.Format(time.DateOnly) >= c.Covers.From && until.Format(time.DateOnly) <= c.Covers.Until
}

// working says whether a civil date is a working day. c may be nil.
func (c *Calendar) working(date time.Time, weekend []time.Weekday) bool {
	if c != nil {
		day := date.Format(time.DateOnly)
		if c.worked[day] || c.days[day] {
			return c.worked[day]
		}
	}
	for _, w := range weekend {
		if date.Weekday() == w {
			return false
		}
	}
	return true
}
