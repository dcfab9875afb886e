package partners

import (
	"fmt"
	"time"
)

// A Calendar is a list of public holidays, each with its source. None is
// shipped: no source that may be relied on was found for every partner.
type Calendar struct {
	Name     string    `json:"name" yaml:"name"`
	Source   string    `json:"source" yaml:"source"`
	Holidays []Holiday `json:"holidays" yaml:"holidays"`

	days map[string]bool
}

// A Holiday is one day off.
type Holiday struct {
	Date string `json:"date" yaml:"date"` // YYYY-MM-DD
	Name Text   `json:"name" yaml:"name"`
}

func (d documents) readCalendar(path string, data []byte) (*Calendar, error) {
	c := &Calendar{days: map[string]bool{}}
	if err := d.calendar.DecodeYAML(path, data, c); err != nil {
		return nil, err
	}
	for i, h := range c.Holidays {
		if _, err := time.Parse(time.DateOnly, h.Date); err != nil {
			return nil, fmt.Errorf("%s: /holidays/%d/date: there is no such day", path, i)
		}
		c.days[h.Date] = true
	}
	return c, nil
}

// The units of a deadline.
const (
	CalendarDays = "calendar"
	WorkingDays  = "working"
)

// AddDays returns the end of the n-th day after from, in the zone: every day
// counts, or only those that are neither weekend nor holiday. c may be nil.
func (c *Calendar) AddDays(from time.Time, n int, unit string, zone *time.Location, weekend []time.Weekday) time.Time {
	day := from.In(zone)
	for left := n; left > 0; {
		day = day.AddDate(0, 0, 1)
		if unit == CalendarDays || c.working(day, weekend) {
			left--
		}
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 23, 59, 59, 0, zone)
}

func (c *Calendar) working(day time.Time, weekend []time.Weekday) bool {
	for _, w := range weekend {
		if day.Weekday() == w {
			return false
		}
	}
	return c == nil || !c.days[day.Format(time.DateOnly)]
}
