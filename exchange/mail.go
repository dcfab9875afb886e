package exchange

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// A Mail is a message as it stands in a list: nothing of what it says.
type Mail struct {
	MessageKey
	Index     int64
	Type      string
	Case      string
	InReplyTo string
	At        time.Time
	Kind      Conversation // of its case
	State     State        // of its case, now
	Delivery  JobState     // of a message of ours; "" for a partner's
	Answered  bool
	Author    string // who wrote a message of ours as a draft
}

// Unanswered says whether somebody still has to answer, in a case in which
// somebody has to act at all; an erasure can be asked for in any.
func (m *Mail) Unanswered() bool {
	return ReplyTo(m.Type) != "" && m.InReplyTo == "" && !m.Answered && m.Delivery != JobDead && (m.Type == TypeErasureNotice || !rests(m.Kind, m.State))
}

// rests says whether nobody has to act in a case.
func rests(kind Conversation, s State) bool {
	i := rank(kind, s)
	return i < 0 || lives[kind][i].Rests
}

// Questions returns the types that are answered by another message.
func Questions() []string {
	var out []string
	for _, r := range catalogue {
		if ReplyTo(r.Type) != "" && !slices.Contains(out, r.Type) {
			out = append(out, r.Type)
		}
	}
	return out
}

// A MailFilter selects messages; its zero value selects all. A store may leave
// Author, and the Delivery of what the partner holds, to whoever asks.
type MailFilter struct {
	Partners   []string // nil: every one
	Direction  Direction
	Type       string
	Case       string
	ID         string
	Since      time.Time // inclusive
	Until      time.Time // exclusive
	Delivery   JobState
	Unanswered bool
	Author     string
	Before     MailPlace // the last one of the page before
	Limit      int
}

// A MailPlace is a place in the order of messages: by time, then by index.
type MailPlace struct {
	At    time.Time
	Index int64
}

// lets says whether a message is one that was asked for.
func (f *MailFilter) lets(m *Mail) bool {
	return (f.Delivery == "" || m.Delivery == f.Delivery) && (f.Author == "" || m.Author == f.Author) && (!f.Unanswered || m.Unanswered())
}

// Mail returns messages of the cases that an officer may see, the last first,
// at most f.Limit. next is where to go on; it is zero at the end. One call looks
// at no more than maxScan messages, so a page may have fewer than there are.
func (c *CaseFiles) Mail(ctx context.Context, by *Officer, f MailFilter) (found []Mail, next MailPlace, err error) {
	if !seesCases(by) {
		return nil, MailPlace{}, forbidden("see messages")
	}
	f.Partners = within(f.Partners, by.Scope())
	want, next := f.Limit, f.Before
	f.Limit = firstLook(by, want)
	for scanned := 0; scanned < maxScan; f.Limit = min(2*f.Limit, maxScan/4) {
		f.Before = next
		rows, err := c.cfg.Reader.MailPage(ctx, f)
		if err != nil {
			return nil, MailPlace{}, err
		}
		assigned, err := c.assigned(ctx, by, rows)
		if err != nil {
			return nil, MailPlace{}, err
		}
		for i := range rows {
			if len(found) == want {
				return found, next, nil
			}
			m := &rows[i]
			if by.has(assigned[CaseKey{m.Partner, m.Case}]) && by.Sees(m.Partner, m.Kind) && by.Sees(m.Partner, conversationOf(m.Type)) && f.lets(m) {
				found = append(found, *m)
			}
			next = MailPlace{m.At, m.Index}
		}
		if len(rows) < f.Limit {
			return found, MailPlace{}, nil
		}
		scanned += len(rows)
	}
	return found, next, nil
}

// MailAt returns the message that an entry of the record is: none where it is something
// else, or not for this officer.
func (c *CaseFiles) MailAt(ctx context.Context, by *Officer, index int64) ([]Mail, error) {
	row, err := c.cfg.Reader.Entry(ctx, index)
	if errors.Is(err, ErrNotFound) || err == nil && row.Kind != KindMessage {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, _, err := c.Mail(ctx, by, MailFilter{Partners: []string{row.Partner}, Direction: row.Direction, ID: row.ID, Limit: 1})
	return found, err
}

// assigned returns who has the cases of messages, for an officer who does not see
// every case.
func (c *CaseFiles) assigned(ctx context.Context, by *Officer, rows []Mail) (map[CaseKey][]string, error) {
	if by.SeesEveryCase() {
		return nil, nil
	}
	keys := make([]CaseKey, len(rows))
	for i := range rows {
		keys[i] = CaseKey{rows[i].Partner, rows[i].Case}
	}
	return c.cfg.Reader.Assigned(ctx, keys)
}

// A Refused is something that was refused, with the rule that it broke and
// where; of what it said only a hash is kept anywhere.
type Refused struct {
	Index     int64
	At        time.Time
	Partner   string
	Direction Direction // in: a partner's; out: one of ours
	ID, Type  string    // as they were claimed, where that could be read
	Problem   string
	Rule      string
	Pointer   string
}

// Refusals returns what was refused of the partners that an officer sees, the
// last first, at most n, of those before an index; next is where to go on, 0 at
// the end.
func (c *CaseFiles) Refusals(ctx context.Context, by *Officer, f Filter, before int64, n int) (found []Refused, next int64, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	if !seesCases(by) {
		return nil, 0, forbidden("see refusals")
	}
	f.Kind, f.Partners = KindRefusal, within(f.Partners, by.Scope())
	for scanned := 0; scanned < maxScan; {
		rows, err := c.cfg.Reader.Newest(ctx, before, f, n+1)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			if len(found) == n {
				return found, before, nil
			}
			before = r.Index
			refused, err := c.refused(ctx, by, r)
			if err != nil {
				return nil, 0, err
			}
			if refused != nil {
				found = append(found, *refused)
			}
		}
		if len(rows) <= n {
			return found, 0, nil
		}
		scanned += len(rows)
	}
	return found, before, nil
}

// refused opens a refusal; nil for one that an officer may not know of, or that
// was erased.
func (c *CaseFiles) refused(ctx context.Context, by *Officer, r Row) (*Refused, error) {
	if !concerns(by, r, "", r.Type) {
		return nil, nil
	}
	if r.Case != "" {
		if _, err := c.row(ctx, by, CaseKey{r.Partner, r.Case}); err != nil {
			if AsProblem(err).Kind == ProblemNotFound {
				err = nil
			}
			return nil, err
		}
	}
	var data struct {
		Problem string `json:"problem"`
		Rule    string `json:"rule"`
		Pointer string `json:"pointer"`
	}
	err := c.cfg.Opener.read(ctx, r, &data)
	if errors.Is(err, ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &Refused{Index: r.Index, At: r.At, Partner: r.Partner, Direction: r.Direction, ID: r.ID, Type: r.Type}
	out.Problem, out.Rule, out.Pointer = data.Problem, data.Rule, data.Pointer
	return out, nil
}

// MessageTypes returns the types that an officer may see messages of, in the
// order of a case's life.
func MessageTypes(by *Officer) []string {
	var out []string
	for _, r := range catalogue {
		if !slices.Contains(out, r.Type) && (r.Kind != Information || by.Police) {
			out = append(out, r.Type)
		}
	}
	return out
}
