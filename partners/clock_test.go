package partners

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func holidays(days ...string) *Calendar {
	c := &Calendar{Covers: Span{"2026-01-01", "2026-12-31"}, days: map[string]bool{}, worked: map[string]bool{}}
	for _, d := range days {
		c.days[d] = true
	}
	return c
}

var satSun = []time.Weekday{time.Saturday, time.Sunday}

func TestDue(t *testing.T) {
	hanoi := Side{"VN", zone(t, "Asia/Ho_Chi_Minh"), satSun, holidays("2026-09-02")}
	london := Side{"GB", zone(t, "Europe/London"), satSun, nil}
	riyadh := Side{"SA", zone(t, "Asia/Riyadh"), []time.Weekday{time.Friday, time.Saturday}, nil}
	beijing := Side{"CN", zone(t, "Asia/Shanghai"), satSun, holidays("2026-02-16")}
	beijing.Calendar.worked["2026-02-14"] = true
	pause := func(from, until string) Pause { return Pause{at(t, from), at(t, until)} }
	for _, c := range []struct {
		name   string
		side   Side
		issued string
		value  int
		unit   string
		pauses []Pause
		want   string
	}{
		{"calendar days", hanoi, "2026-08-28T03:00:00Z", 3, CalendarDays, nil, "2026-08-31T23:59:59+07:00"},
		{"the day is the responsible side's: 18:00 UTC is tomorrow in Hanoi", hanoi, "2026-08-28T18:00:00Z", 1, CalendarDays, nil, "2026-08-30T23:59:59+07:00"},
		{"and today in London", london, "2026-08-28T18:00:00Z", 1, CalendarDays, nil, "2026-08-29T23:59:59+01:00"},
		{"over the end of a short month", hanoi, "2026-02-27T03:00:00Z", 2, CalendarDays, nil, "2026-03-01T23:59:59+07:00"},
		{"over 29 February", hanoi, "2028-02-28T03:00:00Z", 2, CalendarDays, nil, "2028-03-01T23:59:59+07:00"},
		{"over the end of the year", hanoi, "2026-12-31T03:00:00Z", 30, CalendarDays, nil, "2027-01-30T23:59:59+07:00"},
		{"working days step over a weekend", hanoi, "2026-08-28T03:00:00Z", 1, WorkingDays, nil, "2026-08-31T23:59:59+07:00"},
		{"issued on a weekend", hanoi, "2026-08-29T03:00:00Z", 1, WorkingDays, nil, "2026-08-31T23:59:59+07:00"},
		{"over a holiday", hanoi, "2026-08-31T03:00:00Z", 2, WorkingDays, nil, "2026-09-03T23:59:59+07:00"},
		{"a holiday is a calendar day", hanoi, "2026-08-31T03:00:00Z", 2, CalendarDays, nil, "2026-09-02T23:59:59+07:00"},
		{"another weekend", riyadh, "2026-08-27T03:00:00Z", 1, WorkingDays, nil, "2026-08-30T23:59:59+03:00"},
		{"a Saturday that is worked", beijing, "2026-02-13T03:00:00Z", 2, WorkingDays, nil, "2026-02-17T23:59:59+08:00"},
		{"summer time ends on the way", london, "2026-10-23T12:00:00Z", 3, CalendarDays, nil, "2026-10-26T23:59:59Z"},
		{"summer time begins on the way", london, "2026-03-27T12:00:00Z", 3, CalendarDays, nil, "2026-03-30T23:59:59+01:00"},

		{"a pause of two days", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-04T03:00:00Z", "2026-08-06T04:00:00Z")}, "2026-08-10T23:59:59+07:00"},
		{"within one day: hours are not counted", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-04T01:00:00Z", "2026-08-04T09:00:00Z")}, "2026-08-08T23:59:59+07:00"},
		{"from the start: as if issued at its end", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-03T03:00:00Z", "2026-08-06T04:00:00Z")}, "2026-08-11T23:59:59+07:00"},
		{"before the start: only what lies after it", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-07-03T03:00:00Z", "2026-08-06T04:00:00Z")}, "2026-08-11T23:59:59+07:00"},
		{"on the last day", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-08T10:00:00Z", "2026-08-10T10:00:00Z")}, "2026-08-10T23:59:59+07:00"},
		{"after the last day: late stays late", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-09T10:00:00Z", "2026-08-12T10:00:00Z")}, "2026-08-08T23:59:59+07:00"},
		{"over a weekend: it costs no working day", hanoi, "2026-08-03T03:00:00Z", 8, WorkingDays, []Pause{pause("2026-08-07T10:00:00Z", "2026-08-09T10:00:00Z")}, "2026-08-13T23:59:59+07:00"},
		{"over a weekend after the last working day: it ends with the next one", hanoi, "2026-08-03T03:00:00Z", 4, WorkingDays, []Pause{pause("2026-08-07T10:00:00Z", "2026-08-09T10:00:00Z")}, "2026-08-10T23:59:59+07:00"},
		{"two that overlap are one", hanoi, "2026-08-03T03:00:00Z", 5, CalendarDays, []Pause{pause("2026-08-05T03:00:00Z", "2026-08-07T03:00:00Z"), pause("2026-08-04T03:00:00Z", "2026-08-06T03:00:00Z")}, "2026-08-11T23:59:59+07:00"},
	} {
		got := Due(Deadline{Value: c.value, Unit: c.unit}, at(t, c.issued), c.side, c.pauses...).Format(time.RFC3339)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// zones are those in which days are strange: clocks that go back over midnight
// (Havana, Beirut, Cairo) or forward over it (Nuuk), half hours (Lord Howe), a
// date that never was (Apia, 30 December 2011).
var zones = []string{"Asia/Ho_Chi_Minh", "Europe/London", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Nuuk", "Australia/Lord_Howe", "Pacific/Apia", "UTC"}

func anySide(t *rapid.T) Side {
	z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	s := Side{Code: "XX", Zone: z, Calendar: holidays()}
	for _, d := range rapid.SliceOfNDistinct(rapid.IntRange(0, 6), 0, 3, rapid.ID).Draw(t, "weekend") {
		s.Weekend = append(s.Weekend, time.Weekday(d))
	}
	return s
}

// closed draws a few days of a stretch of time, for a calendar.
func (c *Calendar) draw(t *rapid.T, from time.Time) {
	for _, d := range rapid.SliceOfN(rapid.IntRange(-5, 90), 0, 20).Draw(t, "holidays") {
		c.days[from.AddDate(0, 0, d).Format(time.DateOnly)] = true
	}
	for _, d := range rapid.SliceOfN(rapid.IntRange(-5, 90), 0, 5).Draw(t, "worked") {
		c.worked[from.AddDate(0, 0, d).Format(time.DateOnly)] = true
	}
}

func anyClock(t *rapid.T) (Deadline, time.Time, Side) {
	s := anySide(t)
	issued := time.Unix(rapid.Int64Range(1_300_000_000, 2_000_000_000).Draw(t, "issued"), 0)
	s.Calendar.draw(t, issued)
	d := Deadline{Value: rapid.IntRange(1, 60).Draw(t, "value"), Unit: rapid.SampledFrom([]string{CalendarDays, WorkingDays}).Draw(t, "unit")}
	return d, issued, s
}

func anyPauses(t *rapid.T, issued time.Time, n int) []Pause {
	var out []Pause
	for range rapid.IntRange(0, n).Draw(t, "pauses") {
		from := issued.Add(time.Duration(rapid.Int64Range(-48, 24*60).Draw(t, "from")) * time.Hour)
		out = append(out, Pause{from, from.Add(time.Duration(rapid.Int64Range(0, 24*20).Draw(t, "for")) * time.Hour)})
	}
	return out
}

// The due date is the end of a day that counts; the days that count between the
// start and it are as many as the deadline says; one more day is later.
func TestDueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, issued, s := anyClock(t)
		due := Due(d, issued, s)
		date := s.civil(due)
		if !s.counts(date, d.Unit) {
			t.Fatalf("due on %s, which does not count", date)
		}
		if n := s.between(s.civil(issued), date, d.Unit); n != d.Value {
			t.Fatalf("%d days until %s, want %d", n, due, d.Value)
		}
		more := d
		more.Value++
		if !Due(more, issued, s).After(due) {
			t.Fatal("a longer deadline is not later")
		}
		if later := issued.Add(time.Duration(rapid.Int64Range(0, 1000).Draw(t, "later")) * time.Hour); Due(d, later, s).Before(due) {
			t.Fatal("issued later, due earlier")
		}
	})
}

// A pause never makes a deadline earlier, whatever else pauses it; their order
// and how they are cut into pieces mean nothing; the due date is a day that
// counts, and never within a pause.
func TestPauseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, issued, s := anyClock(t)
		pauses := anyPauses(t, issued, 4)
		due := Due(d, issued, s, pauses...)
		if !s.counts(s.civil(due), d.Unit) {
			t.Fatalf("due on %s, which does not count", due)
		}
		more := append(slices.Clone(pauses), anyPauses(t, issued, 2)...)
		if Due(d, issued, s, more...).Before(due) {
			t.Fatalf("more pauses, and due earlier")
		}
		shuffled := rapid.Permutation(pauses).Draw(t, "order")
		cut := slices.Clone(shuffled)
		for _, p := range pauses {
			middle := p.From.Add(p.Until.Sub(p.From) / 2)
			cut = append(cut, Pause{p.From, middle}, Pause{middle, p.Until})
		}
		for _, same := range [][]Pause{shuffled, cut} {
			if got := Due(d, issued, s, same...); !got.Equal(due) {
				t.Fatalf("due %s, in another order %s", due, got)
			}
		}
		for _, p := range merged(issued, pauses) {
			if p.Until.After(due) && !p.From.After(due) {
				t.Fatalf("due %s, within a pause from %s until %s", due, p.From, p.Until)
			}
		}
	})
}

// endOf is the last second of its date: the next second has a later one, and
// there is no later second with it.
func TestEndOfDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySide(t)
		date := time.Unix(rapid.Int64Range(1_300_000_000, 2_000_000_000).Draw(t, "date"), 0).UTC().Truncate(24 * time.Hour)
		checkEndOf(t, s, date)
	})
	for _, c := range []struct{ zone, date string }{
		{"America/Havana", "2024-11-02"}, {"America/Havana", "2024-11-03"}, {"Asia/Beirut", "2024-10-26"}, {"Asia/Beirut", "2024-03-30"},
		{"Africa/Cairo", "2024-04-25"}, {"Africa/Cairo", "2024-10-31"}, {"America/Nuuk", "2024-03-30"}, {"America/Nuuk", "2024-10-26"},
		{"Pacific/Apia", "2011-12-29"}, {"Pacific/Apia", "2011-12-30"}, {"Pacific/Apia", "2011-12-31"},
	} {
		date, err := time.Parse(time.DateOnly, c.date)
		if err != nil {
			t.Fatal(err)
		}
		checkEndOf(t, Side{Zone: zone(t, c.zone)}, date)
	}
}

func checkEndOf(t interface{ Fatalf(string, ...any) }, s Side, date time.Time) {
	end := s.endOf(date)
	skipped := true
	for u := date.Add(-15 * time.Hour); u.Before(date.Add(39 * time.Hour)); u = u.Add(15 * time.Minute) {
		switch got := s.civil(u); {
		case got.Equal(date):
			skipped = false
			if u.After(end) {
				t.Fatalf("%s: %s is later than its end %s", date, u.In(s.zone()), end)
			}
		case got.After(date) && !u.After(end):
			t.Fatalf("%s: %s is before its end %s", date, u.In(s.zone()), end)
		}
	}
	if next := s.civil(end.Add(time.Second)); !next.After(date) && !skipped || skipped != !s.civil(end).Equal(date) {
		t.Fatalf("%s: end %s, skipped %v", date, end, skipped)
	}
}

func TestClock(t *testing.T) {
	side := Side{"VN", zone(t, "Asia/Ho_Chi_Minh"), satSun, nil}
	d := Deadline{Type: "question", Stops: []string{"answer"}, Value: 5, Unit: CalendarDays, Responsible: ResponsibleReceiver, RemindBefore: []int{0, 2}, Pauses: []PauseRule{{"inquiry", "finding"}}}
	issued := at(t, "2026-08-03T03:00:00Z") // a Monday; due at the end of Saturday
	event := func(messageType string, direction Direction, when string) Event {
		return Event{messageType, direction, at(t, when)}
	}
	for _, c := range []struct {
		name   string
		events []Event
		now    string
		state  ClockState
		due    string
		next   string // "" for never
	}{
		{"new", nil, "2026-08-03T03:00:00Z", ClockDue, "2026-08-08", "2026-08-06T00:00:00+07:00"},
		{"after a reminder", nil, "2026-08-06T03:00:00Z", ClockDue, "2026-08-08", "2026-08-08T00:00:00+07:00"},
		{"in its last second", nil, "2026-08-08T16:59:59Z", ClockDue, "2026-08-08", "2026-08-09T00:00:00+07:00"},
		{"a second later", nil, "2026-08-08T17:00:00Z", ClockOverdue, "2026-08-08", ""},
		{"answered", []Event{event("answer", Send, "2026-08-05T03:00:00Z")}, "2026-09-01T03:00:00Z", ClockMet, "2026-08-08", ""},
		{"answered by the one who asks", []Event{event("answer", Receive, "2026-08-05T03:00:00Z")}, "2026-09-01T03:00:00Z", ClockOverdue, "2026-08-08", ""},
		{"answered with a clock behind", []Event{event("answer", Send, "2026-08-03T02:59:00Z")}, "2026-09-01T03:00:00Z", ClockMet, "2026-08-08", ""},
		{"answered late", []Event{event("answer", Send, "2026-08-09T03:00:00Z")}, "2026-09-01T03:00:00Z", ClockLate, "2026-08-08", ""},
		{"answered twice", []Event{event("answer", Send, "2026-08-09T03:00:00Z"), event("answer", Send, "2026-08-05T03:00:00Z")}, "2026-09-01T03:00:00Z", ClockMet, "2026-08-08", ""},
		{"paused", []Event{event("inquiry", Send, "2026-08-05T03:00:00Z")}, "2026-08-25T03:00:00Z", ClockPaused, "2026-08-28", ""},
		{"paused too late", []Event{event("inquiry", Send, "2026-08-10T03:00:00Z")}, "2026-08-25T03:00:00Z", ClockOverdue, "2026-08-08", ""},
		{"paused in the future", []Event{event("inquiry", Send, "2026-08-07T03:00:00Z")}, "2026-08-06T03:00:00Z", ClockDue, "2026-08-08", "2026-08-08T00:00:00+07:00"},
		{"running again", []Event{event("finding", Receive, "2026-08-07T03:00:00Z"), event("inquiry", Send, "2026-08-05T03:00:00Z")}, "2026-08-07T04:00:00Z", ClockDue, "2026-08-10", "2026-08-08T00:00:00+07:00"},
		{"a finding before the inquiry ends nothing", []Event{event("finding", Receive, "2026-08-04T03:00:00Z"), event("inquiry", Send, "2026-08-05T03:00:00Z")}, "2026-08-07T04:00:00Z", ClockPaused, "2026-08-10", ""},
		{"answered in a pause", []Event{event("inquiry", Send, "2026-08-08T03:00:00Z"), event("answer", Send, "2026-08-12T03:00:00Z")}, "2026-09-07T04:00:00Z", ClockMet, "2026-08-12", ""},
	} {
		clock := d.Run(issued, Receive, side, c.events)
		now := at(t, c.now)
		r := clock.At(now)
		next := r.Next(now)
		shown := ""
		if !next.IsZero() {
			shown = next.Format(time.RFC3339)
		}
		if r.State != c.state || r.Due.Format(time.DateOnly) != c.due || shown != c.next || !r.HolidaysKnown {
			t.Errorf("%s: %s, due %s, next %q", c.name, r.State, r.Due, shown)
		}
	}
}

// A clock depends on the set of the messages, and once it is overdue, no later
// message but an answer changes that.
func TestClockProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, issued, s := anyClock(t)
		d.Stops, d.Responsible, d.Pauses = []string{"answer"}, ResponsibleReceiver, []PauseRule{{"inquiry", "finding"}}
		d.RemindBefore = rapid.SliceOfNDistinct(rapid.IntRange(0, d.Value-1), 0, min(3, d.Value), rapid.ID).Draw(t, "reminders")
		var events []Event
		for range rapid.IntRange(0, 6).Draw(t, "events") {
			events = append(events, Event{
				rapid.SampledFrom([]string{"answer", "inquiry", "finding", "other"}).Draw(t, "type"),
				rapid.SampledFrom([]Direction{Send, Receive}).Draw(t, "direction"),
				issued.Add(time.Duration(rapid.Int64Range(-2, 24*90).Draw(t, "at")) * time.Hour),
			})
		}
		now := issued.Add(time.Duration(rapid.Int64Range(0, 24*100).Draw(t, "now")) * time.Hour)
		clock := d.Run(issued, Receive, s, events)
		r := clock.At(now)
		again := d.Run(issued, Receive, s, rapid.Permutation(events).Draw(t, "order")).At(now)
		if r.State != again.State || !r.Due.Equal(again.Due) {
			t.Fatalf("%+v, in another order %+v", r, again)
		}
		if !slices.IsSortedFunc(r.Reminders, time.Time.Compare) || len(r.Reminders) != len(d.RemindBefore) {
			t.Fatalf("reminders %v", r.Reminders)
		}
		for _, reminder := range r.Reminders {
			if !reminder.After(issued) || reminder.After(r.Due) || !s.counts(s.civil(reminder), d.Unit) {
				t.Fatalf("a reminder at %s for a clock from %s to %s", reminder, issued, r.Due)
			}
		}
		if r.State == ClockOverdue {
			clock.Pauses = append(clock.Pauses, Pause{From: r.Due.Add(time.Second + 24*time.Hour)})
			if later := clock.At(now.AddDate(0, 1, 0)); later.State != ClockOverdue && later.State != ClockLate && clock.Stopped.IsZero() {
				t.Fatalf("overdue, and a month later %s", later.State)
			}
		}
	})
}

// HolidaysKnown is false as soon as the due date leaves what the calendar
// covers: a date that cannot be right says so.
func TestHolidaysKnown(t *testing.T) {
	side := Side{"VN", zone(t, "Asia/Ho_Chi_Minh"), satSun, holidays()}
	for _, c := range []struct {
		issued   string
		unit     string
		calendar *Calendar
		want     bool
	}{
		{"2026-06-01T03:00:00Z", WorkingDays, holidays(), true},
		{"2026-12-30T03:00:00Z", WorkingDays, holidays(), false},
		{"2026-12-30T03:00:00Z", CalendarDays, holidays(), true},
		{"2026-06-01T03:00:00Z", WorkingDays, nil, false},
	} {
		side.Calendar = c.calendar
		r := Clock{Deadline: Deadline{Value: 5, Unit: c.unit}, Issued: at(t, c.issued), Side: side}.At(at(t, c.issued))
		if r.HolidaysKnown != c.want {
			t.Errorf("%+v: %v", c, r.HolidaysKnown)
		}
	}
}
