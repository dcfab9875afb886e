package exchange

import (
	"context"
	"errors"
)

// News counts what has happened, as far as an officer may know of it. It says
// nothing of any case.
type News struct {
	Messages int // partners have sent
	Lost     int // of ours that will not be delivered, for whoever has them on their page of work
	Clocks   int // reminders, and time limits that have passed
	Drafts   int // that others have submitted or amended, and that have not left
	// Emergencies are cases that others have opened so, for supervisors alone.
	Emergencies int
}

// newsPage is how many events are read at once; newsPages bounds one look.
const newsPage, newsPages = 200, 5

// News returns what has happened from an index on, and where to go on.
func (o *Oversight) News(ctx context.Context, by *Officer, from int64) (News, int64, error) {
	var out News
	for range newsPages {
		events, next, more, err := o.cfg.Feed.Events(ctx, by, from, newsPage)
		if err != nil {
			return News{}, from, err
		}
		for _, e := range events {
			switch e.Name {
			case "message.received":
				out.Messages++
			case "message.undeliverable":
				lost, err := o.lost(ctx, by, e)
				if err != nil {
					return News{}, from, err
				}
				if lost {
					out.Lost++
				}
			case "clock.reminder", "clock.overdue":
				out.Clocks++
			case "draft.submitted", "draft.amended":
				waits, err := o.waits(ctx, by, e.ID)
				if err != nil {
					return News{}, from, err
				}
				if waits {
					out.Drafts++
				}
			case "access.emergency":
				alarms, err := o.alarms(ctx, by, e)
				if err != nil {
					return News{}, from, err
				}
				if alarms {
					out.Emergencies++
				}
			}
		}
		if from = next; !more {
			break
		}
	}
	return out, from, nil
}

// waits says whether a draft of somebody else's is there to be looked at: many leave in
// the moment in which they are submitted.
func (o *Oversight) waits(ctx context.Context, by *Officer, draft string) (bool, error) {
	row, err := o.cfg.Drafts.Draft(ctx, draft)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && row.Author != by.ID && (row.State == DraftWaiting || row.State == DraftHeld), err
}

// lost says whether somebody has to be told of a message that will not be delivered: a
// supervisor, or the officer who wrote it.
func (o *Oversight) lost(ctx context.Context, by *Officer, e Event) (bool, error) {
	if by.Has(RoleSupervisor) {
		return true, nil
	}
	draft, err := o.cfg.Drafts.Draft(ctx, e.ID)
	if errors.Is(err, ErrNotFound) { // a system's, or from the command line
		return false, nil
	}
	return err == nil && draft.Author == by.ID, err
}

// alarms says whether somebody has to be told of an emergency: a supervisor, of what
// another officer has opened.
func (o *Oversight) alarms(ctx context.Context, by *Officer, e Event) (bool, error) {
	if !by.Has(RoleSupervisor) {
		return false, nil
	}
	row, err := o.cfg.Files.cfg.Reader.Entry(ctx, e.Index)
	if err != nil {
		return false, err
	}
	emergency, err := o.cfg.Files.emergencyOf(ctx, row)
	if errors.Is(err, ErrErased) {
		return false, nil
	}
	return emergency.Officer != by.ID, err
}

// Now returns the index that the next entry will have.
func (o *Oversight) Now(ctx context.Context) (int64, error) {
	head, err := o.cfg.Files.cfg.Reader.Head(ctx)
	return head.Size, err
}

// HeldBack returns the partners of an officer to whom deliveries are held back
// now, as far as this process knows.
func (o *Oversight) HeldBack(by *Officer) []string {
	var out []string
	for _, p := range o.cfg.Files.cfg.Directory.Snapshot().All() {
		if by.Sees(p.Code, Return) && o.cfg.Held(p.Code) {
			out = append(out, p.Code)
		}
	}
	return out
}
