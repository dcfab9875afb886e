package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// CaseFilesConfig wires CaseFiles. Everything is required.
type CaseFilesConfig struct {
	Reader    Reader
	Opener    *Opener
	Directory *Directory
	Roster    *Roster
	Recorder  Recorder
	Clock     func() time.Time
}

// CaseFiles is what officers and national systems read: cases, their lives and
// clocks, and their messages. What is personal is opened only with a reason,
// and the access stands in the record before a byte is returned.
type CaseFiles struct {
	cfg   CaseFilesConfig
	judge judge
}

// NewCaseFiles returns the case files; it refuses a missing part.
func NewCaseFiles(cfg CaseFilesConfig) (*CaseFiles, error) {
	if cfg.Reader == nil || cfg.Opener == nil || cfg.Directory == nil || cfg.Roster == nil || cfg.Recorder == nil || cfg.Clock == nil {
		return nil, errors.New("case files: a required part is missing")
	}
	return &CaseFiles{cfg, judge{nil, cfg.Reader, cfg.Opener}}, nil
}

// A CaseFile is one case as it stands.
type CaseFile struct {
	Row      CaseRow
	Standing Standing
	Clocks   []RunningClock
	Erased   bool
	Glance   Glance // what waits there; nothing once it is erased
	// Told are the messages that tell last who its persons are, by reference.
	Told map[string]MessageKey
	// Emergency is until when it is open to an officer who is not assigned to it;
	// zero for all others.
	Emergency time.Time
}

// List returns the cases that an officer may see, at most f.Limit. next is the
// case after which to go on; it is zero at the end. One call looks at no more than
// maxScan cases, so a page may have fewer than there are.
func (c *CaseFiles) List(ctx context.Context, by *Officer, f CaseFilter) (found []CaseRow, next CaseRow, err error) {
	if !seesCases(by) {
		return nil, CaseRow{}, forbidden("see cases")
	}
	f, next = seenBy(by, f), f.After
	want := f.Limit
	f.Limit = firstLook(by, want)
	for scanned := 0; scanned < maxScan; f.Limit = min(2*f.Limit, maxScan/4) {
		f.After = next
		rows, err := c.cfg.Reader.CasePage(ctx, f)
		if err != nil {
			return nil, CaseRow{}, err
		}
		keys := make([]CaseKey, len(rows))
		for i, row := range rows {
			keys[i] = row.CaseKey
		}
		assigned, err := c.cfg.Reader.Assigned(ctx, keys)
		if err != nil {
			return nil, CaseRow{}, err
		}
		for _, row := range rows {
			if len(found) == want {
				return found, next, nil
			}
			row.Assigned = assigned[row.CaseKey]
			if (f.Seen == "" || by.has(row.Assigned)) && (!f.Unassigned || len(row.Assigned) == 0) {
				found = append(found, row)
			}
			next = row
		}
		if len(rows) < f.Limit {
			return found, CaseRow{}, nil
		}
		scanned += len(rows)
	}
	return found, next, nil
}

// firstLook is how many rows are looked at for a page, which most often is all
// that is needed: some more for whoever may have to pass over what is hidden.
func firstLook(by *Officer, want int) int {
	if by.SeesEveryCase() {
		return want + 1
	}
	return min(want+want/4+1, maxScan/4)
}

// Count counts the cases that an officer may see, and stops at f.Limit.
func (c *CaseFiles) Count(ctx context.Context, by *Officer, f CaseFilter) (int, error) {
	if !seesCases(by) {
		return 0, forbidden("see cases")
	}
	return c.cfg.Reader.CaseCount(ctx, seenBy(by, f))
}

// seenBy narrows a filter to what an officer may see.
func seenBy(by *Officer, f CaseFilter) CaseFilter {
	f.Partners, f.Kinds = within(f.Partners, by.Scope()), within(f.Kinds, kindsOf(by))
	if !by.SeesEveryCase() {
		f.Seen = by.ID
	}
	return f
}

// within narrows a wish to a scope; nil is everything.
func within[T comparable](wish, scope []T) []T {
	if scope == nil {
		return wish
	}
	if wish == nil {
		return scope
	}
	return slices.DeleteFunc(slices.Clone(wish), func(v T) bool { return !slices.Contains(scope, v) })
}

// kindsOf returns the conversations that an officer may see; nil for all. A case
// that so far has only drafts has no kind yet: it may become police information,
// so only those who may see that see it here. Others find its drafts at the desk.
func kindsOf(by *Officer) []Conversation {
	if by.Police {
		return nil
	}
	return []Conversation{Return, SelfReturn}
}

func seesCases(by *Officer) bool {
	return by.Has(RoleOfficer, RoleSupervisor, RoleCompliance, RoleAuditor, RoleSystem)
}

// row returns a case that an officer may see, for good or in an emergency;
// ErrNotFound for any other.
func (c *CaseFiles) row(ctx context.Context, by *Officer, key CaseKey) (CaseRow, error) {
	row, _, err := c.door(ctx, by, key)
	return row, err
}

// book returns the book of a case that an officer may see.
func (c *CaseFiles) book(ctx context.Context, by *Officer, key CaseKey) (*Book, error) {
	row, err := c.row(ctx, by, key)
	if err != nil {
		return nil, err
	}
	return c.cfg.Opener.bookOf(ctx, row)
}

// door is row, and says until when a case is open that is so only in an
// emergency; the time is zero for one that is open for good.
func (c *CaseFiles) door(ctx context.Context, by *Officer, key CaseKey) (row CaseRow, until time.Time, err error) {
	row, err = c.cfg.Reader.Case(ctx, key)
	if err == nil {
		until, err = c.opens(ctx, by, row)
	}
	if errors.Is(err, ErrNotFound) {
		return CaseRow{}, time.Time{}, problem(ProblemNotFound, "There is no such case.")
	}
	return row, until, err
}

// opens returns ErrNotFound for a case that an officer may not see.
func (c *CaseFiles) opens(ctx context.Context, by *Officer, row CaseRow) (until time.Time, err error) {
	kind, theirs, err := c.cfg.Opener.theirs(ctx, by, row, seeAll)
	switch {
	case err != nil:
		return until, err
	case row.Case == "" || !seesCases(by) || !by.seesKind(kind):
		return until, ErrNotFound
	case theirs && by.assigned(row.Partner):
		return until, nil
	}
	if until, err = c.emergency(ctx, by, row.CaseKey); err == nil && until.IsZero() {
		err = ErrNotFound
	}
	return until, err
}

// Case returns one case.
func (c *CaseFiles) Case(ctx context.Context, by *Officer, key CaseKey) (CaseFile, error) {
	row, until, err := c.door(ctx, by, key)
	if err != nil {
		return CaseFile{}, err
	}
	file := CaseFile{Row: row, Erased: row.ErasedTo > 0, Emergency: until}
	book, err := c.cfg.Opener.bookOf(ctx, row)
	if err != nil {
		return CaseFile{}, err
	}
	file.Standing, file.Row.Assigned, file.Told = book.Standing(), book.Assigned, book.told(key.Partner)
	if !file.Erased {
		file.Glance = book.glance(row)
	}
	if peer, err := c.cfg.Directory.Peer(key.Partner); err == nil {
		if file.Clocks = peer.Clocks(book, c.cfg.Clock()); !file.Erased { // by the terms as they are now; lists have those of its last entry
			file.Row.DueAt = firstDue(file.Clocks)
		}
	} else if !errors.Is(err, ErrNotFound) {
		return CaseFile{}, err
	}
	return file, nil
}

// A TimelineEntry is one event of a case's life, without anything personal.
type TimelineEntry struct {
	Index     int64     `json:"index"`
	At        time.Time `json:"at"`
	Kind      Kind      `json:"kind"`
	Direction Direction `json:"direction"`
	ID        string    `json:"jti,omitempty"`
	Type      string    `json:"type,omitempty"`
	InReplyTo string    `json:"in_reply_to,omitempty"`
	// Status is of our own messages: pending, dead, or "" when the partner
	// holds them.
	Status string `json:"status,omitempty"`
	// Late: the message answers a question that had been asked anew by then, or
	// came after its clock had run out.
	Late bool `json:"late,omitempty"`
	// Damaged: what is stored of it is not what was recorded.
	Damaged bool `json:"damaged,omitempty"`
	// By and Reason are of what an officer did.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Officers are those who have the case from an assignment on.
	Officers []string `json:"officers,omitempty"`
}

// Timeline returns what happened in a case from an index on, at most n.
func (c *CaseFiles) Timeline(ctx context.Context, by *Officer, key CaseKey, from int64, n int) ([]TimelineEntry, error) {
	tell, err := c.teller(ctx, by, key)
	if err != nil {
		return nil, err
	}
	var out []TimelineEntry
	done := errors.New("enough")
	err = c.cfg.Reader.Entries(ctx, from, math.MaxInt64, Filter{Partner: key.Partner, Case: key.Case}, func(r Row) error {
		if out = append(out, tell(r)); len(out) >= n {
			return done
		}
		return nil
	})
	if errors.Is(err, done) {
		err = nil
	}
	return out, err
}

// TimelineBefore returns what happened in a case before an index (0: to this day),
// the last first, at most n. The events before that are not looked at.
func (c *CaseFiles) TimelineBefore(ctx context.Context, by *Officer, key CaseKey, before int64, n int) ([]TimelineEntry, error) {
	tell, err := c.teller(ctx, by, key)
	if err != nil {
		return nil, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := c.cfg.Reader.Newest(ctx, before, Filter{Partner: key.Partner, Case: key.Case}, n)
	out := make([]TimelineEntry, len(rows))
	for i, r := range rows {
		out[i] = tell(r)
	}
	return out, err
}

// teller returns what tells an entry of a case that an officer may see.
func (c *CaseFiles) teller(ctx context.Context, by *Officer, key CaseKey) (func(Row) TimelineEntry, error) {
	row, err := c.row(ctx, by, key)
	if err != nil {
		return nil, err
	}
	dataKey, err := c.cfg.Opener.unwrap(ctx, row)
	if err != nil {
		return nil, err
	}
	book, err := c.cfg.Opener.bookOf(ctx, row)
	if err != nil {
		return nil, err
	}
	late := map[string]bool{}
	if peer, peerErr := c.cfg.Directory.Peer(key.Partner); peerErr == nil {
		late = book.late(peer.Clocks(book, c.cfg.Clock()))
	}
	return func(r Row) TimelineEntry {
		e := TimelineEntry{Index: r.Index, At: r.At, Kind: r.Kind, Direction: r.Direction, ID: r.ID, Type: r.Type, InReplyTo: r.InReplyTo}
		e.Damaged = r.Index >= row.ErasedTo && damaged(dataKey, r) && c.altered(ctx, r)
		if r.Kind == KindMessage {
			if note := book.find(r.ID, r.Direction == Out); note != nil {
				e.Status, e.Late = string(note.Status), late[noteKey(note)]
			}
		}
		if r.Kind == KindAccess || r.Kind == KindEvent {
			c.actor(ctx, r, &e)
		}
		return e
	}, nil
}

// altered says whether an entry that did not open is damaged: its case may have been
// erased since its key was read.
func (c *CaseFiles) altered(ctx context.Context, r Row) bool {
	_, err := c.cfg.Opener.Open(ctx, r)
	return AsDamage(err) != nil || err == nil && lacksReceipt(r)
}

// actor adds who did what an entry records, and why; nothing when the entry
// cannot be opened any more.
func (c *CaseFiles) actor(ctx context.Context, r Row, e *TimelineEntry) {
	opened, err := c.cfg.Opener.Open(ctx, r)
	if err != nil {
		return
	}
	var data struct {
		By       string   `json:"by"`
		Officer  string   `json:"officer"`
		Reason   string   `json:"reason"`
		Officers []string `json:"officers"`
		Signed   string   `json:"signed"`
	}
	if json.Unmarshal(opened.Data, &data) != nil { // some events are lists
		return
	}
	if data.Signed != "" {
		data.Reason = Approval{Signed: data.Signed}.Reason()
	}
	if e.By = data.By; e.By == "" {
		e.By = data.Officer
	}
	if e.Reason = data.Reason; r.Type == caseAssigned {
		e.Officers = data.Officers
	}
}

func noteKey(n *Note) string { return fmt.Sprintf("%t/%s", n.Out, n.ID) }

// late returns the messages that came late: answers to a question that had been
// asked again before they came, as this side's record has it, and those that
// ended a clock after its time.
func (b *Book) late(clocks []RunningClock) map[string]bool {
	out := map[string]bool{}
	s := b.read(b.Opened())
	for i := range b.Notes {
		n := &b.Notes[i]
		asked := b.find(n.Reply, !n.Out)
		if n.Reply == "" || asked == nil || len(n.Subjects) == 0 {
			continue
		}
		sender := opener
		if !s.from(asked, opener) {
			sender = other
		}
		superseded := true
		for _, d := range n.Subjects {
			again := s.newest(d.Ref, asked.Type, sender, nil)
			superseded = superseded && again != asked && slices.ContainsFunc(b.Notes[:i], func(earlier Note) bool {
				return again != nil && earlier.ID == again.ID && earlier.Out == again.Out
			})
		}
		expired := slices.ContainsFunc(clocks, func(c RunningClock) bool {
			return c.Message == asked.ID && c.Out == asked.Out && n.counted().After(c.Reading.Due)
		})
		if superseded || expired {
			out[noteKey(n)] = true
		}
	}
	return out
}

// Message opens one message for an officer: its claims as they were signed, and
// every version that corrections made of its body. The access and its reason
// are in the record before anything is returned.
func (c *CaseFiles) Message(ctx context.Context, by *Officer, key MessageKey, reason string) ([]Version, error) {
	row, err := c.cfg.Reader.Message(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, problem(ProblemNotFound, "There is no such message.")
	}
	if err != nil {
		return nil, err
	}
	if !by.Has(RoleOfficer, RoleSupervisor, RoleCompliance, RoleSystem) {
		return nil, forbidden("read messages")
	}
	caseKey := CaseKey{row.Partner, row.Case}
	_, until, err := c.door(ctx, by, caseKey)
	if err != nil {
		return nil, err
	}
	versions, err := c.judge.Versions(ctx, key, row.Case)
	if errors.Is(err, ErrErased) {
		return nil, problem(ProblemErased, "The case was erased.")
	}
	if err != nil {
		return nil, err
	}
	if err := recordAccess(ctx, c.cfg.Recorder, Access{Officer: by.ID, Reason: reason, Partner: row.Partner, Case: row.Case, What: "message", ID: row.ID, Fields: []string{""}, BreakGlass: !until.IsZero()}); err != nil {
		return nil, err
	}
	return versions, nil
}
