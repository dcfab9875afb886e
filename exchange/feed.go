package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// An Event is one entry of the record as officers and national systems are told
// of it: identifiers and nothing that an entry says.
type Event struct {
	Name      string // of EventTable
	Index     int64
	At        time.Time
	Kind      Kind
	Direction Direction
	Seq       int64
	Partner   string // "" for what concerns no partner
	Case      string
	ID        string
	Type      string // of the message or draft that it is about
	InReplyTo string
	State     State // where the case stands now, not where it stood then
}

// eventNames is the one place where entries get the names that they have
// outside. The first row that fits counts.
var eventNames = []struct {
	Name      string
	Kind      Kind
	Direction Direction // "" is either
	Type      string    // "" is every one
	Says      string
}{
	{"message.received", KindMessage, In, "", "a partner's message is in the record, and has its receipt"},
	{"message.sent", KindMessage, Out, "", "a message of ours is signed and in the record; it will be carried"},
	{"message.delivered", KindReceipt, "", "", "the partner's receipt for a message of ours is in the record"},
	{"message.undeliverable", KindFailure, "", "", "a message of ours will not be delivered; a person has to look at it"},
	{"message.refused", KindRefusal, "", "", "a partner's message (`in`) or one of ours (`out`) was refused by schema, agreement or case"},
	{"draft.submitted", KindEvent, "", "draft_submitted", "a draft is there; it waits for safeguards or officers, or leaves at once"},
	{"draft.amended", KindEvent, "", "draft_amended", "a draft was replaced; earlier approvals do not count any more"},
	{"draft.approved", KindEvent, "", "draft_release", "an officer has released a draft; the last one that is needed makes it a message"},
	{"draft.rejected", KindEvent, "", "draft_reject", "an officer has rejected a draft"},
	{"draft.discarded", KindEvent, "", "draft_discarded", "a draft was taken back"},
	{"case.assigned", KindEvent, "", caseAssigned, "a case was assigned to officers, or given back to all of its partner"},
	{"case.erased", KindEvent, "", caseErased, "what a case held was destroyed; the proofs stay"},
	{"safeguard.recorded", KindEvent, "", safeguardsRecorded, "safeguards were recorded for a message that no officer has to release"},
	{"clock.reminder", KindEvent, "", "clock_reminder", "a deadline comes near"},
	{"clock.overdue", KindEvent, "", "clock_overdue", "a deadline has passed"},
	{"access.emergency", KindAccess, "", emergencyOpened, "an officer has opened a case that they are not assigned to; a supervisor has to look at it"},
	{"access.acknowledged", KindEvent, "", emergencyAcknowledged, "a supervisor has looked at such an emergency"},
	{"access.recorded", KindAccess, "", "", "somebody read or exported personal data"},
	{"officer.changed", KindEvent, "", "officer_changed", "an officer was added, changed or suspended"},
	{"log.split", KindEvent, "", "split_view", "a partner's log has shown two histories"},
	{"gateway.event", KindEvent, "", "", "anything else that the gateway records of itself"},
}

// EventNames returns the names of all events.
func EventNames() []string {
	names := make([]string, len(eventNames))
	for i, e := range eventNames {
		names[i] = e.Name
	}
	return names
}

// EventTable returns the events as the table of docs/operating.md.
func EventTable() string {
	var b strings.Builder
	b.WriteString("| event | what has happened |\n|---|---|\n")
	for _, e := range eventNames {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.Name, e.Says)
	}
	return b.String()
}

// EventName returns the name that an entry has outside.
func EventName(kind Kind, direction Direction, entryType string) string {
	for _, e := range eventNames {
		if e.Kind == kind && (e.Direction == "" || e.Direction == direction) && (e.Type == "" || e.Type == entryType) {
			return e.Name
		}
	}
	return "gateway.event"
}

// FeedConfig wires a Feed. Everything is required.
type FeedConfig struct {
	Reader interface {
		Head(ctx context.Context) (Head, error)
		Entries(ctx context.Context, from, to int64, f Filter, fn func(Row) error) error
		Newest(ctx context.Context, before int64, f Filter, n int) ([]Row, error)
		Message(ctx context.Context, key MessageKey) (Row, error)
		Case(ctx context.Context, key CaseKey) (CaseRow, error)
	}
	Drafts DraftStore
	Opener *Opener
}

// A Feed tells an officer or a system what is in the record and concerns
// them: partners and cases that they are assigned to, and police information only
// for those who may see it.
type Feed struct{ cfg FeedConfig }

// NewFeed returns a feed; it refuses a missing part.
func NewFeed(cfg FeedConfig) (*Feed, error) {
	if cfg.Reader == nil || cfg.Drafts == nil || cfg.Opener == nil {
		return nil, errors.New("feed: a required part is missing")
	}
	return &Feed{cfg}, nil
}

// maxScan bounds how many entries one call looks at: whoever may see little
// must not make it read everything.
const maxScan = 2000

// Events returns what happened from an index on, at most n, and the index to go
// on from. more says that there are entries there already.
func (f *Feed) Events(ctx context.Context, by *Officer, from int64, n int) (events []Event, next int64, more bool, err error) {
	head, err := f.cfg.Reader.Head(ctx)
	if err != nil {
		return nil, 0, false, err
	}
	next = min(from, head.Size)
	to := min(head.Size, next+maxScan)
	look := f.look(by)
	enough := errors.New("enough")
	err = f.cfg.Reader.Entries(ctx, next, to, Filter{}, func(r Row) error {
		if len(events) == n {
			return enough
		}
		event, told, err := look(ctx, r)
		if told {
			events = append(events, event)
		}
		next = r.Index + 1
		return err
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return events, next, next < head.Size, err
}

// Event returns an entry as an event; told is false when by may not know of it.
func (f *Feed) Event(ctx context.Context, by *Officer, r Row) (event Event, told bool, err error) {
	return f.look(by)(ctx, r)
}

// Messages returns messages, the last first, at most n, of those that stand
// before an index; next is where to go on, 0 at the end.
func (f *Feed) Messages(ctx context.Context, by *Officer, filter Filter, before int64, n int) (messages []Event, next int64, err error) {
	if !seesCases(by) {
		return nil, 0, forbidden("see messages")
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	filter.Kind, filter.Partners = KindMessage, by.Scope()
	look := f.look(by)
	for scanned := 0; scanned < maxScan; {
		rows, err := f.cfg.Reader.Newest(ctx, before, filter, n+1)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			if len(messages) == n {
				return messages, before, nil
			}
			event, told, err := look(ctx, r)
			if err != nil {
				return nil, 0, err
			}
			if told {
				messages = append(messages, event)
			}
			before = r.Index
		}
		if len(rows) <= n { // the beginning of the record
			return messages, 0, nil
		}
		scanned += len(rows)
	}
	return messages, before, nil
}

// Message returns one message without what it says.
func (f *Feed) Message(ctx context.Context, by *Officer, key MessageKey) (Event, error) {
	row, err := f.cfg.Reader.Message(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Event{}, err
	}
	if err == nil {
		event, told, err := f.Event(ctx, by, row)
		if err != nil || told {
			return event, err
		}
	}
	return Event{}, problem(ProblemNotFound, "There is no such message.")
}

// look returns a function that turns entries into events, and remembers the
// cases that it has seen.
func (f *Feed) look(by *Officer) func(context.Context, Row) (Event, bool, error) {
	cases, hidden := map[CaseKey]CaseRow{}, map[CaseKey]bool{}
	return func(ctx context.Context, r Row) (Event, bool, error) {
		key := CaseKey{r.Partner, r.Case}
		c, seen := cases[key]
		if !seen && r.Case != "" {
			var err error
			if c, err = f.cfg.Reader.Case(ctx, key); err != nil {
				return Event{}, false, fmt.Errorf("find the case of entry %d: %w", r.Index, err)
			}
			if hidden[key], err = f.hides(ctx, by, c); err != nil {
				return Event{}, false, err
			}
			cases[key] = c
		}
		if hidden[key] {
			return Event{}, false, nil
		}
		about, err := f.about(ctx, r)
		if err != nil || !concerns(by, r, c.Kind, about) {
			return Event{}, false, err
		}
		return Event{
			Name: EventName(r.Kind, r.Direction, r.Type), Index: r.Index, At: r.At, Kind: r.Kind, Direction: r.Direction, Seq: r.Seq,
			Partner: r.Partner, Case: r.Case, ID: r.ID, Type: about, InReplyTo: r.InReplyTo, State: c.State,
		}, true, nil
	}
}

// hides says whether a case is assigned, and to others than the officer.
func (f *Feed) hides(ctx context.Context, by *Officer, c CaseRow) (bool, error) {
	if by.SeesEveryCase() || !by.assigned(c.Partner) { // the second is for concerns to say
		return false, nil
	}
	kind, theirs, err := f.cfg.Opener.theirs(ctx, by, c, seeAll)
	if AsDamage(err) != nil && theirs && by.seesKind(kind) {
		err = nil // its book was altered, and its entries are told all the same
	}
	return !theirs, err
}

// about returns the type of the message or draft that an entry is about, ""
// when it is about none or that is not known any more.
func (f *Feed) about(ctx context.Context, r Row) (string, error) {
	switch {
	case r.Kind != KindEvent && r.Kind != KindAccess:
		return r.Type, nil
	case r.Type == deliveryRetried:
		m, err := f.cfg.Reader.Message(ctx, MessageKey{Lane{r.Partner, Out}, r.ID})
		if errors.Is(err, ErrNotFound) { // all of a partner's at once
			return "", nil
		}
		return m.Type, err
	case !strings.HasPrefix(r.Type, "draft_"):
		return "", nil
	}
	d, err := f.cfg.Drafts.Draft(ctx, r.ID)
	if errors.Is(err, ErrNotFound) { // a crash came between the entry and the draft
		return "", nil
	}
	return d.Type, err
}

// concerns says whether an officer may know of an entry. A case that has no
// message yet could become one of police information, so where the entry does
// not show what it is about only those are told who may see that.
func concerns(by *Officer, r Row, kind Conversation, about string) bool {
	switch {
	case r.Partner == "":
		return by.Scope() == nil && (seesCases(by) || by.Has(RoleAdministrator))
	case !seesCases(by) || !by.Sees(r.Partner, kind) || !by.Sees(r.Partner, conversationOf(about)):
		return false
	}
	return by.Police || r.Case == "" || kind != "" || about != ""
}
