package partners

import (
	"slices"
	"time"
)

// A Pause is a stretch of time in which a clock stands still. A zero Until: it
// has not ended.
type Pause struct{ From, Until time.Time }

// Due returns the last second in which a deadline is kept: the end of the n-th
// day after the day on which the clock started, in the zone of the side that is
// responsible. The day of the start is not counted; with unit working, neither
// are its weekend and its public holidays.
//
// A pause extends the deadline by its own length in the same unit: by as many
// days that count as begin between its start and its end, on that side. Hours
// are not counted, as they are not counted otherwise. One that begins after the
// due date changes nothing: what is late stays late. A deadline does not end
// while a pause goes on; should its last day be over by then, it ends with the
// day of the pause's end, or the first day after it that counts. Pauses that
// overlap are one, and their order means nothing. Each has to have its end; see
// Clock for one that goes on.
func Due(d Deadline, issued time.Time, side Side, pauses ...Pause) time.Time {
	start := side.civil(issued)
	last := side.step(start, d.Value, d.Unit)
	for _, p := range merged(issued, pauses) {
		from, until := side.civil(p.From), side.civil(p.Until)
		if from.After(last) {
			break
		}
		last = side.step(last, side.between(from, until, d.Unit), d.Unit)
		if last.Before(until) {
			last = side.step(until.AddDate(0, 0, -1), 1, d.Unit)
		}
	}
	return side.endOf(last)
}

// between counts the dates after one and up to another that count in the unit.
func (s Side) between(from, until time.Time, unit string) int {
	n := 0
	for date := from.AddDate(0, 0, 1); !date.After(until); date = date.AddDate(0, 0, 1) {
		if s.counts(date, unit) {
			n++
		}
	}
	return n
}

// merged sorts pauses, joins those that touch, and drops what lies before the
// start and what has no length.
func merged(start time.Time, pauses []Pause) []Pause {
	var out []Pause
	for _, p := range slices.SortedFunc(slices.Values(pauses), func(a, b Pause) int { return a.From.Compare(b.From) }) {
		if p.From.Before(start) {
			p.From = start
		}
		switch last := len(out) - 1; {
		case !p.Until.After(p.From):
		case last >= 0 && !p.From.After(out[last].Until):
			if p.Until.After(out[last].Until) {
				out[last].Until = p.Until
			}
		default:
			out = append(out, p)
		}
	}
	return out
}

// An Event is a later message of the same case, as a clock sees it. What
// answers another message than the one that started the clock is left out by
// the caller, who knows.
type Event struct {
	Type      string
	Direction Direction
	At        time.Time // its iat
}

// A Clock is a deadline that runs, or has run, for one message.
type Clock struct {
	Deadline Deadline
	Issued   time.Time
	Side     Side
	Stopped  time.Time // zero: nothing has ended it
	Pauses   []Pause
}

// Run returns the clock that a message started, from the events that followed.
// It depends on the set of the events alone, not on their order.
func (d Deadline) Run(issued time.Time, started Direction, side Side, events []Event) Clock {
	c := Clock{Deadline: d, Issued: issued, Side: side}
	for _, e := range events {
		// An answer by a clock that is a little behind still is one.
		if at := later(e.At, issued); d.StoppedBy(started, e.Type, e.Direction) && (c.Stopped.IsZero() || at.Before(c.Stopped)) {
			c.Stopped = at
		}
	}
	for _, rule := range d.Pauses {
		for _, e := range events {
			if e.Type == rule.On {
				c.Pauses = append(c.Pauses, Pause{e.At, firstAfter(events, rule.Until, e.At)})
			}
		}
	}
	return c
}

// firstAfter returns when the first message of a type came at or after an
// instant, zero when none did.
func firstAfter(events []Event, messageType string, after time.Time) time.Time {
	var first time.Time
	for _, e := range events {
		if e.Type == messageType && !e.At.Before(after) && (first.IsZero() || e.At.Before(first)) {
			first = e.At
		}
	}
	return first
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// A ClockState says how a deadline stands.
type ClockState string

const (
	ClockDue     ClockState = "due"     // it runs, and there is time
	ClockOverdue ClockState = "overdue" // it runs, and time is over
	ClockPaused  ClockState = "paused"
	ClockMet     ClockState = "met"  // ended in time
	ClockLate    ClockState = "late" // ended after the due date
)

// A Reading is what a clock shows at an instant.
type Reading struct {
	State ClockState
	// Due is the last second in which the deadline is kept; of a paused clock,
	// as if it ran on from now.
	Due time.Time
	// Reminders are when one is due, the first first: where the days begin that
	// remind_before names, counted back in the deadline's unit.
	Reminders []time.Time
	// HolidaysKnown says whether a calendar covers the whole time. Without one,
	// a deadline in working days may in truth be later.
	HolidaysKnown bool
}

// At reads the clock.
func (c Clock) At(now time.Time) Reading {
	if !c.Stopped.IsZero() {
		now = c.Stopped
	}
	var pauses []Pause
	paused := false
	for _, p := range c.Pauses {
		switch {
		case p.From.After(now):
			continue
		case p.Until.IsZero(), p.Until.After(now):
			p.Until = now
			paused = true
		}
		pauses = append(pauses, p)
	}
	r := Reading{Due: Due(c.Deadline, c.Issued, c.Side, pauses...)}
	over := now.Sub(r.Due) >= time.Second
	switch {
	case !c.Stopped.IsZero() && over:
		r.State = ClockLate
	case !c.Stopped.IsZero():
		r.State = ClockMet
	case over:
		r.State = ClockOverdue
	case paused:
		r.State = ClockPaused
	default:
		r.State = ClockDue
	}
	last := c.Side.civil(r.Due)
	for _, days := range slices.Backward(slices.Sorted(slices.Values(c.Deadline.RemindBefore))) {
		r.Reminders = append(r.Reminders, c.Side.beginningOf(c.Side.step(last, -days, c.Deadline.Unit)))
	}
	r.HolidaysKnown = c.Deadline.Unit == CalendarDays || c.Side.Calendar.covers(c.Side.civil(c.Issued), last)
	return r
}

// Next returns when the reading will next change by itself: at a reminder, or
// when the deadline is over. It is zero when only a message can change it.
func (r Reading) Next(now time.Time) time.Time {
	if r.State != ClockDue {
		return time.Time{}
	}
	for _, at := range r.Reminders {
		if at.After(now) {
			return at
		}
	}
	return r.Due.Add(time.Second)
}
