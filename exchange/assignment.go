package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A case may be assigned to officers: then, of those who draft and answer, only
// they see it. Who has a case stands in the record and in the case's sealed book;
// what lists are served from opens nothing.

// caseAssigned is the event that says who has a case from then on.
const caseAssigned = "case_assigned"

// MaxAssigned bounds how many officers have one case.
const MaxAssigned = 20

// An assignment is what the record keeps of one.
type assignment struct {
	By       string   `json:"by"`
	Officers []string `json:"officers"` // nobody: every officer of the partner has it
	Reason   string   `json:"reason,omitempty"`
	was      []string // what it was decided upon
}

// These see a case whomever it is assigned to: supervisors answer for all of
// them, those who audit look at what others did, and a national case system
// stands for the whole agency. To see is not to act: a draft is for supervisors,
// systems and whoever has the case.
var (
	actOnAll = []Role{RoleSupervisor, RoleSystem}
	seeAll   = append([]Role{RoleCompliance, RoleAuditor}, actOnAll...)
)

// has says whether an officer is one of those who have a case.
func (o *Officer) has(assigned []string) bool {
	return len(assigned) == 0 || slices.Contains(assigned, o.ID)
}

// SeesEveryCase says whether an officer sees the cases of their partners whomever
// they are assigned to.
func (o *Officer) SeesEveryCase() bool { return o.Has(seeAll...) }

// assign puts a case into other hands. Two who decide at the same moment do not
// undo each other's decision unseen.
func (b *Book) assign(a *assignment) *Problem {
	if !slices.Equal(b.Assigned, a.was) {
		return problem(ProblemCaseState, "Somebody else has assigned the case at the same moment; look at it again.").rule("assigned-meanwhile")
	}
	b.Assigned = a.Officers
	return nil
}

// theirs returns what kind of case a row is, and whether an officer is one of
// those who have it, or has a role that sees every one. The case's book says so,
// and so does the record's last word: a book that was set back to an earlier one
// opens the case to nobody. Beside the DamageError of a book that was altered it returns
// the kind that fewest may see, and whose the record alone says that the case is.
func (o *Opener) theirs(ctx context.Context, by *Officer, c CaseRow, roles []Role) (Conversation, bool, error) {
	if c.Book == nil && c.State != StateNone { // it is gone: taken for what fewest may see
		return Information, by.Has(roles...), nil
	}
	book, err := o.bookOf(ctx, c)
	if AsDamage(err) != nil {
		erased, last, unknown := o.lastWord(ctx, c)
		return Information, by.Has(roles...) || unknown == nil && !erased && by.has(last.Officers), err
	}
	if err != nil {
		return "", false, err
	}
	if by.Has(roles...) || !by.has(book.Assigned) {
		return book.about(), by.Has(roles...), nil
	}
	erased, last, err := o.lastWord(ctx, c)
	if err != nil {
		return "", false, err
	}
	if erased { // the book that the erasure has sealed anew is all there is
		return book.about(), book.Erased, nil
	}
	return book.about(), by.has(last.Officers), nil
}

// lastWord returns what the record says last of who has a case: nobody in particular when
// it says nothing. An erasure may have taken away what it said.
func (o *Opener) lastWord(ctx context.Context, c CaseRow) (erased bool, last assignment, err error) {
	rows, err := o.store.Newest(ctx, math.MaxInt64, Filter{Partner: c.Partner, Case: c.Case, Kind: KindEvent, Type: caseAssigned}, 1)
	if err == nil && len(rows) > 0 {
		if rows[0].Index < c.ErasedTo {
			return true, last, nil
		}
		err = o.read(ctx, rows[0], &last)
	}
	if err != nil {
		err = fmt.Errorf("look for who has a case: %w", err)
	}
	return false, last, err
}

// writes returns a case in which an officer may write, ErrNotFound for any other: of
// another partner, of police information, or assigned to others. An emergency opens
// none.
func (o *Opener) writes(ctx context.Context, by *Officer, key CaseKey) (CaseRow, error) {
	c, err := o.store.Case(ctx, key)
	if err != nil {
		return CaseRow{}, err
	}
	kind, theirs, err := o.theirs(ctx, by, c, actOnAll)
	if err == nil && (!theirs || !by.Sees(key.Partner, kind)) {
		err = ErrNotFound
	}
	return c, err
}

// hides says whether a case is there, but not for this officer to write in.
func (o *Opener) hides(ctx context.Context, by *Officer, key CaseKey) (bool, error) {
	if key.Case == "" {
		return false, nil
	}
	if _, err := o.store.Case(ctx, key); errors.Is(err, ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	_, err := o.writes(ctx, by, key)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return false, err
}

// Assign puts a case into the hands of these officers; with nobody, every officer
// of its partner has it again. A supervisor assigns any case, to whoever may see
// it. An officer takes one that nobody has, and gives back their own. The record
// says who did it before anything is different.
func (c *CaseFiles) Assign(ctx context.Context, by *Officer, key CaseKey, officers []string, reason string) error {
	row, until, err := c.door(ctx, by, key)
	switch {
	case err != nil:
		return err
	case !until.IsZero() || !by.Has(RoleOfficer, RoleSupervisor):
		return forbidden("assign this case")
	}
	book, err := c.cfg.Opener.bookOf(ctx, row)
	if err != nil {
		return err
	}
	officers, reason = append([]string{}, officers...), strings.TrimSpace(reason)
	slices.Sort(officers)
	a := assignment{By: by.ID, Officers: slices.Compact(officers), Reason: reason, was: book.Assigned}
	switch {
	case len(a.Officers) > MaxAssigned:
		return problem(ProblemRequest, "A case is assigned to at most %d officers.", MaxAssigned).rule("assigned-many").at("/officers")
	case reasonLength(reason) > maxReason: // nobody has to give one
		return problem(ProblemRequest, "A reason has at most %d characters.", maxReason).rule("assigned-reason").at("/reason")
	case slices.Equal(a.Officers, a.was):
		return nil
	case !by.mayAssign(a):
		return forbidden("assign this case so: an officer takes a case that nobody has, or gives back their own")
	}
	for _, id := range a.Officers {
		if slices.Contains(a.was, id) { // also one who may not act any more
			continue
		}
		if err := c.mayHave(ctx, id, key.Partner, book.about()); err != nil {
			return err
		}
	}
	return recordEvent(ctx, c.cfg.Recorder, Entry{Type: caseAssigned, Partner: key.Partner, Case: key.Case, ID: NewID(), assigns: &a}, a)
}

// mayAssign says whether an officer may decide this.
func (o *Officer) mayAssign(a assignment) bool {
	left := slices.DeleteFunc(slices.Clone(a.was), func(id string) bool { return id == o.ID })
	switch {
	case o.Has(RoleSupervisor):
		return true
	case len(a.was) == 0:
		return slices.Equal(a.Officers, []string{o.ID})
	}
	return len(left) < len(a.was) && slices.Equal(a.Officers, left)
}

// mayHave refuses whoever could not see a case that is assigned to them.
func (c *CaseFiles) mayHave(ctx context.Context, id, partner string, kind Conversation) error {
	o, err := c.cfg.Roster.Officer(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil || !o.canHave(partner, kind) {
		return problem(ProblemRequest, "Nobody called %q is an officer who may see this case.", id).rule("assigned-officer").at("/officers")
	}
	return nil
}

func (o *Officer) canHave(partner string, kind Conversation) bool {
	return o.Status == OfficerActive && o.Has(RoleOfficer, RoleSupervisor) && o.assigned(partner) && o.seesKind(kind)
}

// Assignable returns the officers to whom a case may be assigned, for whoever may
// see it.
func (c *CaseFiles) Assignable(ctx context.Context, by *Officer, key CaseKey) ([]Officer, error) {
	row, err := c.row(ctx, by, key)
	if err != nil {
		return nil, err
	}
	kind, err := c.cfg.Opener.kindOf(ctx, row)
	if err != nil {
		return nil, err
	}
	all, err := c.cfg.Roster.All(ctx)
	return slices.DeleteFunc(all, func(o Officer) bool { return !o.canHave(key.Partner, kind) }), err
}

// readAssignment reads the event's bytes.
func readAssignment(data []byte) (assignment, error) {
	var a assignment
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("read who has a case: %w", err)
	}
	return a, nil
}
