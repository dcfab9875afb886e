package partners

import (
	"strings"
	"time"
	_ "time/tzdata" // a zone that a file names is known on every machine
)

// A Side is what a clock has to know of the party that is responsible: where
// its day begins and ends, and which days it works.
type Side struct {
	Code     string
	Zone     *time.Location
	Weekend  []time.Weekday
	Calendar *Calendar // nil: its public holidays are not known
}

// The units of a deadline.
const (
	CalendarDays = "calendar"
	WorkingDays  = "working"
)

// civil returns the date that an instant has on this side, as midnight in UTC:
// dates are counted there, where no day is skipped, doubled, or 23 hours long.
func (s Side) civil(t time.Time) time.Time {
	y, m, d := t.In(s.zone()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (s Side) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// counts says whether a date counts in the unit.
func (s Side) counts(date time.Time, unit string) bool {
	return unit == CalendarDays || s.Calendar.working(date, s.Weekend)
}

// step returns the n-th date after another one (before it, when n is negative)
// that counts.
func (s Side) step(date time.Time, n int, unit string) time.Time {
	by := 1
	if n < 0 {
		by = -1
	}
	for n != 0 {
		date = date.AddDate(0, 0, by)
		if s.counts(date, unit) {
			n -= by
		}
	}
	return date
}

// endOf returns the last second of a civil date on this side. Clocks that go
// back over midnight show that second twice, and those that go forward may not
// show it at all: so each stretch between two changes is asked for its last
// second of the date, and the latest one ends it. A date that the zone skips
// ends with the one before.
func (s Side) endOf(date time.Time) time.Time {
	var end time.Time
	wall := date.AddDate(0, 0, 1).Add(-time.Second)
	for t := date.Add(-16 * time.Hour).In(s.zone()); ; {
		begins, change := t.ZoneBounds()
		_, offset := t.Zone()
		last := wall.Add(-time.Duration(offset) * time.Second)
		if !change.IsZero() && !last.Before(change) {
			last = change.Add(-time.Second)
		}
		if s.civil(last).Equal(date) && !last.Before(begins) {
			end = last.In(s.zone())
		}
		if change.IsZero() || change.After(date.Add(40*time.Hour)) {
			break
		}
		t = change
	}
	if end.IsZero() {
		return s.endOf(date.AddDate(0, 0, -1))
	}
	return end
}

// beginningOf returns the first second after the date before.
func (s Side) beginningOf(date time.Time) time.Time {
	return s.endOf(date.AddDate(0, 0, -1)).Add(time.Second)
}

// Side returns what a clock has to know of a party: a partner, or ourselves
// when self.yaml describes us.
func (s *Snapshot) Side(code string) (Side, bool) {
	if s.self != nil && s.self.Code == code {
		return Side{code, s.self.zone, weekdays(s.self.Weekend), s.calendars[s.self.Calendar]}, true
	}
	if p := s.partners[code]; p != nil && p.zone != nil {
		return Side{code, p.zone, weekdays(p.Weekend), s.calendars[p.Calendar]}, true
	}
	return Side{}, false
}

// Responsible returns the side that has to keep a deadline of an agreement, when
// a message that goes this way starts its clock. It is unknown only where we
// are responsible and nothing describes us.
func (s *Snapshot) Responsible(a *Agreement, d Deadline, direction Direction) (Side, bool) {
	if !d.Ours(direction) {
		return s.Side(a.Partner)
	}
	if s.self == nil {
		return Side{}, false
	}
	return s.Side(s.self.Code)
}

func weekdays(names []string) []time.Weekday {
	var out []time.Weekday
	for day := time.Sunday; day <= time.Saturday; day++ {
		for _, name := range names {
			if strings.EqualFold(name, day.String()) {
				out = append(out, day)
			}
		}
	}
	return out
}
