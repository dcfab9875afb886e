package exchange

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// Opening a case that one is not assigned to, or whose partner one is not: in an
// emergency an officer does it alone and at once, says why, and a supervisor is
// told of it.

const (
	emergencyOpened       = "case_emergency"         // an access
	emergencyAcknowledged = "emergency_acknowledged" // an event with the access's identifier
)

// emergencyFor is how long a case stays open to whoever opened it so.
const emergencyFor = time.Hour

// assigned says whether an officer is assigned to a partner.
func (o *Officer) assigned(partner string) bool {
	return slices.Contains(o.Partners, EveryPartner) || slices.Contains(o.Partners, partner)
}

// BreakGlass opens a case to an officer who is not assigned to it or to its
// partner, for a time. It is in the record before anything can be seen. Police information
// opens to nobody who may not see any.
func (c *CaseFiles) BreakGlass(ctx context.Context, by *Officer, key CaseKey, reason string) error {
	if !by.Has(RoleOfficer, RoleSupervisor) {
		return forbidden("open cases in an emergency")
	}
	none := problem(ProblemNotFound, "There is no such case.")
	row, err := c.cfg.Reader.Case(ctx, key)
	if errors.Is(err, ErrNotFound) || key.Case == "" {
		return none
	}
	if err != nil {
		return err
	}
	kind, theirs, err := c.cfg.Opener.theirs(ctx, by, row, seeAll)
	switch {
	case err != nil:
		return err
	case !by.seesKind(kind):
		return none
	case theirs && by.assigned(key.Partner):
		return nil // it is open to them
	}
	return recordAccess(ctx, c.cfg.Recorder, Access{
		Officer: by.ID, Reason: reason, Partner: key.Partner, Case: key.Case, What: "case", ID: NewID(), BreakGlass: true,
	})
}

// An Emergency is a case that somebody has opened so.
type Emergency struct {
	CaseKey
	ID      string
	At      time.Time
	Ends    time.Time
	Officer string
	Reason  string
}

func (c *CaseFiles) emergencyOf(ctx context.Context, r Row) (Emergency, error) {
	var a Access
	if err := c.cfg.Opener.read(ctx, r, &a); err != nil {
		return Emergency{}, err
	}
	return Emergency{CaseKey{r.Partner, r.Case}, r.ID, r.At, r.At.Add(emergencyFor), a.Officer, a.Reason}, nil
}

// emergency returns until when a case is open to an officer in an emergency;
// zero when it is not. The record says so, and no table does.
func (c *CaseFiles) emergency(ctx context.Context, by *Officer, key CaseKey) (time.Time, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) || key.Case == "" {
		return time.Time{}, nil
	}
	now := c.cfg.Clock()
	rows, err := c.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{
		Partner: key.Partner, Case: key.Case, Kind: KindAccess, Type: emergencyOpened, Since: now.Add(-emergencyFor),
	}, maxEmergencies)
	if err != nil {
		return time.Time{}, err
	}
	for _, r := range rows {
		e, err := c.emergencyOf(ctx, r)
		if errors.Is(err, ErrErased) {
			return time.Time{}, nil
		}
		if err != nil {
			return time.Time{}, err
		}
		if e.Officer == by.ID && now.Before(e.Ends) {
			return e.Ends, nil
		}
	}
	return time.Time{}, nil
}

// maxEmergencies bounds how many are shown, or looked at, at once.
const maxEmergencies = 50

// Emergencies returns those that a supervisor has to look at: of their partners,
// and that no supervisor has acknowledged, the last first, at most maxEmergencies.
// What was acknowledged hides none of them.
func (c *CaseFiles) Emergencies(ctx context.Context, by *Officer) ([]Emergency, error) {
	if !by.Has(RoleSupervisor) {
		return nil, nil
	}
	var out []Emergency
	for before := int64(math.MaxInt64); ; {
		rows, err := c.cfg.Reader.Newest(ctx, before, Filter{Kind: KindAccess, Type: emergencyOpened, Partners: by.Scope()}, maxEmergencies)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			before = r.Index
			e, err := c.waits(ctx, by, r)
			if err != nil {
				return nil, err
			}
			if e != nil {
				out = append(out, *e)
			}
			if len(out) == maxEmergencies {
				return out, nil
			}
		}
		if len(rows) < maxEmergencies {
			return out, nil
		}
	}
}

// OpenTo returns the cases that are open to an officer in an emergency now, the last
// first: no list has them.
func (c *CaseFiles) OpenTo(ctx context.Context, by *Officer) ([]Emergency, error) {
	now := c.cfg.Clock()
	rows, err := c.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Kind: KindAccess, Type: emergencyOpened, Since: now.Add(-emergencyFor)}, maxEmergencies)
	if err != nil {
		return nil, err
	}
	var out []Emergency
	for _, r := range rows {
		e, err := c.emergencyOf(ctx, r)
		if errors.Is(err, ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Officer == by.ID && now.Before(e.Ends) && !slices.ContainsFunc(out, func(o Emergency) bool { return o.CaseKey == e.CaseKey }) {
			out = append(out, e)
		}
	}
	return out, nil
}

// waits opens an emergency that waits for a supervisor; nil for one that does
// not, or that they may not know of.
func (c *CaseFiles) waits(ctx context.Context, by *Officer, r Row) (*Emergency, error) {
	if _, err := c.row(ctx, by, CaseKey{r.Partner, r.Case}); err != nil {
		if AsProblem(err).Kind == ProblemNotFound {
			err = nil
		}
		return nil, err
	}
	done, err := c.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Partner: r.Partner, Case: r.Case, Kind: KindEvent, Type: emergencyAcknowledged, ID: r.ID}, 1)
	if err != nil || len(done) > 0 {
		return nil, err
	}
	e, err := c.emergencyOf(ctx, r)
	if errors.Is(err, ErrErased) {
		return nil, nil
	}
	return &e, err
}

// Acknowledge records that a supervisor has looked at an emergency. Nobody
// acknowledges their own.
func (c *CaseFiles) Acknowledge(ctx context.Context, by *Officer, id string) error {
	waiting, err := c.Emergencies(ctx, by)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(waiting, func(e Emergency) bool { return e.ID == id })
	if i < 0 {
		return problem(ProblemNotFound, "There is no such emergency that waits.")
	}
	e := waiting[i]
	if e.Officer == by.ID {
		return forbidden("acknowledge an emergency of their own; another supervisor has to")
	}
	return recordEvent(ctx, c.cfg.Recorder, Entry{Type: emergencyAcknowledged, Partner: e.Partner, Case: e.Case, ID: e.ID}, struct {
		By string `json:"by"`
	}{by.ID})
}

// A Look is one access to the personal data of a case.
type Look struct {
	Index      int64
	At         time.Time
	Officer    string
	Reason     string
	What       string // message, draft, person, …
	ID         string
	Type       string   // of the message; "" where the case's book has none
	Persons    []string // of the message, as Fields number them; nil where that is not certain
	Fields     []string // JSON Pointers; "" is all of it
	BreakGlass bool
	Compared   Compared
	// Wider: it was of more than this case: of all of Partner, or with "" of everything.
	Wider   bool
	Partner string
	// Withheld: the reason is for those alone who may see all that it was of.
	Withheld bool
	// Damaged: what is stored of it is not what was recorded.
	Damaged bool
}

// Looks returns who has looked at a case, the last first, at most n of those
// that stand before an index (0: from the newest); next is where to go on, 0 at the
// end. Exports of more than the case are among them, where they had something of it.
func (c *CaseFiles) Looks(ctx context.Context, by *Officer, key CaseKey, before int64, n int) (looks []Look, next int64, err error) {
	row, err := c.row(ctx, by, key)
	if err != nil {
		return nil, 0, err
	}
	book, err := c.cfg.Opener.bookOf(ctx, row)
	if err != nil {
		return nil, 0, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	f := Filter{Partner: key.Partner, Case: key.Case, Kind: KindAccess, Wider: exports}
	for scanned := 0; scanned < 4*n; { // each that is of more than the case is looked into
		rows, err := c.cfg.Reader.Newest(ctx, before, f, n+1)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			if len(looks) == n {
				return looks, before, nil
			}
			before = r.Index
			if r.Case != "" && r.Index < row.ErasedTo {
				continue // who looked before was sealed with the case
			}
			look, of, err := c.looked(ctx, by, f, row, book, r)
			if AsDamage(err) != nil { // whose it was cannot be said any more
				look, of, err = Look{Index: r.Index, At: r.At, Damaged: true}, true, nil
			}
			if err != nil {
				return nil, 0, err
			}
			if of {
				looks = append(looks, look)
			}
		}
		if len(rows) <= n {
			return looks, 0, nil
		}
		scanned += len(rows)
	}
	return looks, before, nil
}

// looked opens one look, and says whether it was of the case.
func (c *CaseFiles) looked(ctx context.Context, by *Officer, f Filter, row CaseRow, book *Book, r Row) (look Look, of bool, err error) {
	wider := f.widens(r)
	if wider {
		if took, err := c.took(ctx, f, row, r); err != nil || !took {
			return Look{}, false, err
		}
	}
	if look, err = c.lookOf(ctx, by, book, r); err != nil {
		return Look{}, false, err
	}
	if wider {
		look.Wider, look.Partner, look.Withheld = true, r.Partner, !concerns(by, r, "", "") || unexplained(by, r, nil)
	}
	if look.Withheld {
		look.Reason = ""
	}
	return look, true, nil
}

// lookOf opens one look.
func (c *CaseFiles) lookOf(ctx context.Context, by *Officer, book *Book, r Row) (look Look, err error) {
	var a Access
	if err := c.cfg.Opener.read(ctx, r, &a); err != nil {
		return Look{}, err
	}
	look = Look{Index: r.Index, At: r.At, Officer: a.Officer, Reason: a.Reason, What: a.What, ID: r.ID, Fields: a.Fields, BreakGlass: a.BreakGlass}
	if look.What == "" { // an earlier program wrote of a bundle no more than its entry's type says
		look.What = strings.TrimSuffix(r.Type, "_export")
	}
	for _, out := range []bool{false, true} {
		if note := book.find(r.ID, out); note != nil {
			look.Type = note.Type
		}
	}
	if a.What == "message" {
		look.Persons = book.numbered(r.ID)
	}
	look.Compared, err = c.compared(ctx, by, r, a.With)
	return look, err
}

// numbered returns the persons of a message as the places in its body number them; nil
// where a correction may have moved them, or each side has a message of that name.
func (b *Book) numbered(id string) []string {
	var out []string
	for _, ours := range []bool{false, true} {
		note := b.find(id, ours)
		if note == nil {
			continue
		}
		if out != nil || len(b.corrections(id, ours)) > 0 {
			return nil
		}
		for _, d := range note.Subjects {
			out = append(out, d.Ref)
		}
	}
	return out
}

// A Compared says who was compared, and with whom.
type Compared struct {
	Subject string      // "" where nobody was
	With    *SubjectKey // nil where the record does not say, or it is Hidden
	Hidden  bool        // it was somebody of a case that whoever asks may not see
}

// compared is what an officer may know of a comparison; nothing of another look.
func (c *CaseFiles) compared(ctx context.Context, by *Officer, r Row, with *SubjectKey) (Compared, error) {
	if r.Type != personRead {
		return Compared{}, nil
	}
	if with == nil { // an earlier program did not write it
		return Compared{Subject: r.ID}, nil
	}
	_, err := c.row(ctx, by, with.CaseKey)
	if AsProblem(err).Kind == ProblemNotFound {
		return Compared{Subject: r.ID, Hidden: true}, nil
	}
	return Compared{Subject: r.ID, With: with}, err
}
