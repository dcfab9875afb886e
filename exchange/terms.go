package exchange

import (
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
)

// A RunningClock is a deadline as it stands for one message of a case.
type RunningClock struct {
	Message  string // the jti that started it
	Out      bool   // we sent that message
	Ours     bool   // we have to keep the deadline
	Deadline partners.Deadline
	Clock    partners.Clock
	Reading  partners.Reading
}

// starts says which clocks a message starts under the agreements as they are: the
// agreement and its deadlines. Of a partner that left the registry none runs.
func (p *Peer) starts(claims Claims, body any, out bool) (agreement string, deadlines []string) {
	if p == nil {
		return "", nil
	}
	a, ok := p.Agreement(claims.Agreement)
	if !ok {
		return "", nil
	}
	for _, d := range a.Started(claims.Type, (&Note{Out: out}).way(), body) {
		deadlines = append(deadlines, d.ID)
	}
	return a.Code, deadlines
}

// Clocks reads every clock of a case at an instant, under the agreements as
// they are now. A deadline that has left its agreement has no clock any more.
func (p *Peer) Clocks(b *Book, now time.Time) []RunningClock {
	var out []RunningClock
	for i := range b.Notes {
		n := &b.Notes[i]
		if n.Status == dead || len(n.Deadlines) == 0 || p.snapshot == nil {
			continue
		}
		agreement, ok := p.snapshot.Agreement(n.Agreement)
		if !ok {
			continue
		}
		for _, id := range n.Deadlines {
			d, known := agreement.Deadline(id)
			side, described := p.snapshot.Responsible(agreement, d, n.way())
			if !known || !described {
				continue
			}
			clock := d.Run(n.counted(), n.way(), side, b.events(n, d))
			out = append(out, RunningClock{n.ID, n.Out, d.Ours(n.way()), d, clock, clock.At(now)})
		}
	}
	return out
}

// firstDue returns when the first clock that still runs is due; zero when none
// runs.
func firstDue(clocks []RunningClock) time.Time {
	var first time.Time
	for _, c := range clocks {
		if c.running() && (first.IsZero() || c.Reading.Due.Before(first)) {
			first = c.Reading.Due
		}
	}
	return first
}

// pausedLook is how often a clock that stands still is looked at: only a message
// sets it going again, and which one it will be is not known beforehand.
const pausedLook = 12 * time.Hour

// nextLook returns when a message's clocks have to be looked at again; zero
// when none of them runs.
func nextLook(clocks []RunningClock, id string, out bool, now time.Time) time.Time {
	var next time.Time
	for _, c := range clocks {
		if c.Message != id || c.Out != out {
			continue
		}
		at := c.Reading.Next(now)
		if c.Reading.State == partners.ClockPaused {
			at = now.Add(pausedLook)
		}
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

func (c RunningClock) running() bool {
	return c.Reading.State == partners.ClockDue || c.Reading.State == partners.ClockOverdue || c.Reading.State == partners.ClockPaused
}

// way is a note's direction in the words of an agreement.
func (n *Note) way() partners.Direction {
	if n.Out {
		return partners.Send
	}
	return partners.Receive
}

// events are the messages that a clock looks at. A clock ends when every person
// of the message that started it has been answered for, or withdrawn: then the
// last of those messages is the one event that ends it.
func (b *Book) events(asked *Note, d partners.Deadline) []partners.Event {
	var events []partners.Event
	var ends *Note
	for _, subject := range asked.Subjects {
		first := b.firstAnswer(asked, subject.Ref, d)
		if first == nil {
			ends = nil
			break
		}
		if ends == nil || first.counted().After(ends.counted()) {
			ends = first
		}
	}
	for i := range b.Notes {
		n := &b.Notes[i]
		pauses := slices.ContainsFunc(d.Pauses, func(p partners.PauseRule) bool { return n.Type == p.On || n.Type == p.Until })
		if pauses && n.Status != dead && !slices.Contains(d.Stops, n.Type) {
			events = append(events, partners.Event{Type: n.Type, Direction: n.way(), At: n.counted()})
		}
	}
	if ends == nil {
		return events
	}
	stop := partners.Event{Type: ends.Type, Direction: ends.way(), At: ends.counted()}
	if ends.Type == TypeWithdrawal { // nobody waits for an answer any more
		stop.Type, stop.Direction = d.Stops[0], (&Note{Out: !asked.Out}).way()
	}
	return append(events, stop)
}

// firstAnswer returns the first message that answers a question for a person,
// or withdraws the person.
func (b *Book) firstAnswer(asked *Note, ref string, d partners.Deadline) *Note {
	var first *Note
	for i := range b.Notes {
		n := &b.Notes[i]
		if n.Status == dead || n.ID == asked.ID || first != nil && !n.counted().Before(first.counted()) {
			continue
		}
		_, named := n.of(ref)
		_, wholly := n.of(whole)
		switch {
		case n.Type == TypeWithdrawal && (named || wholly):
			first = n
		case named && d.StoppedBy(asked.way(), n.Type, n.way()) && (n.Reply == "" || n.Reply == asked.ID):
			first = n
		}
	}
	return first
}
