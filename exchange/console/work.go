package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A CaseLine is a case in a list.
type CaseLine struct {
	Partner Party
	Case    string
	Kind    string
	State   string
	Turn    string
	DueAt   time.Time // zero: no clock runs
	Overdue bool
	Soon    bool // due within soon
	Erased  bool
	MovedAt time.Time
	// Officers have the case; none: all of the partner.
	Officers []string
	Hands    string // their names, for a list
	// What waits there, for a list: the message's type, and who is in it.
	Waits         TypeName
	Minor, Urgent bool
	Altered       bool // what is kept of it is not what was recorded
}

// handsOf names the officers of a case for a list, which has room for a few.
func (c *Console) handsOf(v *visit, officers []string) string {
	if n := len(officers) - 3; n > 0 {
		return c.whoAll(v, officers[:3]) + " +" + strconv.Itoa(n)
	}
	return c.whoAll(v, officers)
}

// soon is when a case that is due is shown as pressing.
const soon = 3 * 24 * time.Hour

func (c *Console) caseLine(v *visit, row exchange.CaseRow) CaseLine {
	return CaseLine{
		Partner: c.party(v.s, row.Partner), Case: row.Case, Kind: string(row.Kind), State: string(row.State), Turn: string(row.Turn),
		DueAt: row.DueAt, MovedAt: row.MovedAt, Officers: row.Assigned, Hands: c.handsOf(v, row.Assigned),
		Overdue: !row.DueAt.IsZero() && row.DueAt.Before(v.now),
		Erased:  row.ErasedTo > 0,
		Soon:    !row.DueAt.IsZero() && !row.DueAt.Before(v.now) && row.DueAt.Before(v.now.Add(soon)),
	}
}

// caseLines are cases in a list, each with what waits there.
func (c *Console) caseLines(v *visit, rows []exchange.CaseRow) ([]CaseLine, error) {
	glances, err := c.cfg.Files.Glances(v.r.Context(), rows)
	if err != nil {
		return nil, err
	}
	var out []CaseLine
	for _, row := range rows {
		out = append(out, c.glanced(v, row, glances[row.CaseKey]))
	}
	return out, nil
}

// glanced is a case with what waits there.
func (c *Console) glanced(v *visit, row exchange.CaseRow, g exchange.Glance) CaseLine {
	line := c.caseLine(v, row)
	if line.Minor, line.Urgent, line.Altered = g.Minor, g.Urgent, g.Altered; g.Type != "" {
		line.Waits = c.typeName(v.s, g.Type)
	}
	return line
}

// A DraftLine is a draft in a list.
type DraftLine struct {
	ID        string
	Type      TypeName
	State     string
	Partner   Party
	Case      string
	Authors   []Author
	ChangedAt time.Time
	Approvals int
	Officers  int
	Missing   int
	// Of what it says, or of its case.
	Minor, Urgent bool
}

// A workView is the page of what waits for an officer.
type workView struct {
	Tasks   []Task // of a demonstration
	Cases   []CaseLine
	More    bool
	Overdue int // of all of them
	Soon    int // due within soon
	Partner []CaseLine
	Theirs  int  // how many wait for a partner
	Many    int  // where counting ends
	Drafts  bool // the officer has to do with drafts
	// Dead counts messages that were given up: the officer's own, all of their partners
	// for a supervisor.
	Dead     int
	DeadMore bool
	DeadBy   string
	Waiting  draftList // for this officer
	Others   draftList // of theirs, or signed by them: another officer has to release those
	Held     draftList
	// Rejected are the officer's own drafts that somebody has rejected: they write
	// them again or discard them.
	Rejected []RejectedLine
	// Emergencies are the cases that others have opened without being assigned to
	// them; a supervisor has to look at each.
	Emergencies []EmergencyLine
	// OpenTo are those that are open to the officer so.
	OpenTo []EmergencyLine
	// Widened are the officers who were let in, or may do more, of late: the last
	// few, and the rest, folded away.
	Widened, WidenedToo []WidenedLine
	WidenedMore         bool // there was more than fits
	OwnEntry            bool // it is the officer's own entry, and they are no supervisor
	// Unfinished are the forms that the officer has begun.
	Unfinished []FormLine
}

// A draftList is a part of a list of drafts, the first changed first.
type draftList struct {
	Lines []DraftLine
	Next  string // from where it goes on; "" for its end
	Later bool   // this is not its beginning
}

// More says whether there is more than is shown.
func (l draftList) More() bool { return l.Next != "" || l.Later }

// Count is how many there are at least.
func (l draftList) Count() int {
	if l.Later { // a whole page stands before this one
		return max(len(l.Lines), shownAtOnce)
	}
	return len(l.Lines)
}

// A RejectedLine is a draft that was rejected, and by whom and why.
type RejectedLine struct {
	DraftLine
	Rejection *rejection
}

// A WidenedLine is an officer who was let in, or may do more, and who made it so:
// nobody for the command line.
type WidenedLine struct {
	exchange.Widening
	Who Who
}

// shownTheirs is how many of the cases that wait for partners are shown: to know
// of, not to work through.
const shownTheirs = 8

// many is where counting ends: what is more is "many or more".
const many = 500

// shownWidened is how many of them are not folded away.
const shownWidened = 5

// shownAtOnce is how many rows a list of the work page has.
const shownAtOnce = 25

func (c *Console) workPage(v *visit) error {
	view := workView{}
	if v.officer.Has(exchange.RoleAdministrator) && len(v.officer.Roles) == 1 {
		return v.redirect("/officers") // no case is theirs
	}
	var err error
	if view.Emergencies, err = c.emergencyLines(v, c.cfg.Files.Emergencies); err != nil {
		return err
	}
	if view.OpenTo, err = c.emergencyLines(v, c.cfg.Files.OpenTo); err != nil {
		return err
	}
	widened, more, err := c.cfg.Roster.Widenings(v.r.Context(), v.officer)
	if err != nil {
		return err
	}
	for _, w := range widened {
		view.Widened = append(view.Widened, WidenedLine{w, c.who(v, w.By)})
	}
	view.WidenedMore, view.OwnEntry = more, !v.officer.Has(exchange.RoleSupervisor)
	if n := shownWidened; len(view.Widened) > n {
		view.Widened, view.WidenedToo = view.Widened[:n], view.Widened[n:]
	}
	if v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleCompliance, exchange.RoleAuditor) {
		rows, next, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Turn: exchange.TurnUs, ByDue: true, Limit: shownAtOnce})
		if err != nil {
			return err
		}
		view.More = next.Case != ""
		if view.Cases, err = c.caseLines(v, rows); err != nil {
			return err
		}
		if err := c.countWork(v, &view); err != nil {
			return err
		}
	}
	if view.Unfinished, err = c.formLines(v, func(exchange.FormRow) bool { return true }); err != nil {
		return err
	}
	if view.Drafts = v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor); view.Drafts {
		if c.door != nil {
			view.Tasks = c.door.Tasks
		}
		if !v.officer.Has(exchange.RoleSupervisor) {
			view.DeadBy = v.officer.ID
		}
		dead, next, err := c.cfg.Files.Mail(v.r.Context(), v.officer, exchange.MailFilter{Direction: exchange.Out, Delivery: exchange.JobDead, Author: view.DeadBy, Limit: messagesOnPage})
		if err != nil {
			return err
		}
		view.Dead, view.DeadMore = len(dead), next != exchange.MailPlace{}
		theirs := func(d exchange.DraftView) bool { return !decided(d, v.officer.ID) }
		if view.Waiting, err = c.draftList(v, "waiting", exchange.DraftWaiting, theirs); err != nil {
			return err
		}
		if view.Others, err = c.draftList(v, "others", exchange.DraftWaiting, func(d exchange.DraftView) bool { return !theirs(d) }); err != nil {
			return err
		}
		if view.Held, err = c.draftList(v, "held", exchange.DraftHeld, func(exchange.DraftView) bool { return true }); err != nil {
			return err
		}
		rejected, err := c.cfg.Desk.Rejected(v.r.Context(), v.officer)
		if err != nil {
			return err
		}
		for _, draft := range rejected {
			view.Rejected = append(view.Rejected, RejectedLine{Rejection: c.rejectionOf(v, draft.Content)})
		}
		lines, err := c.draftLines(v, rejected)
		if err != nil {
			return err
		}
		for i, line := range lines {
			view.Rejected[i].DraftLine = line
		}
	}
	return c.show(v, http.StatusOK, "work", v.s.T("work.title"), "work", view)
}

// countWork says how much waits, and lists what waits for partners.
func (c *Console) countWork(v *visit, view *workView) error {
	ctx := v.r.Context()
	view.Many = many
	for _, count := range []struct {
		filter exchange.CaseFilter
		into   *int
	}{
		{exchange.CaseFilter{Turn: exchange.TurnUs, DueBy: v.now, Limit: many}, &view.Overdue},
		{exchange.CaseFilter{Turn: exchange.TurnUs, DueBy: v.now.Add(soon), Limit: many}, &view.Soon},
		{exchange.CaseFilter{Turn: exchange.TurnPartner, Limit: many}, &view.Theirs},
	} {
		n, err := c.cfg.Files.Count(ctx, v.officer, count.filter)
		if err != nil {
			return err
		}
		*count.into = n
	}
	if view.Soon < many {
		view.Soon -= view.Overdue // those are due before
	}
	rows, _, err := c.cfg.Files.List(ctx, v.officer, exchange.CaseFilter{Turn: exchange.TurnPartner, ByDue: true, Limit: shownTheirs})
	if err != nil {
		return err
	}
	view.Partner, err = c.caseLines(v, rows)
	return err
}

// draftList returns the drafts in a state that pick lets through, from where the address
// says under a name.
func (c *Console) draftList(v *visit, name string, state exchange.DraftState, pick func(exchange.DraftView) bool) (draftList, error) {
	f := exchange.DraftFilter{State: state, Oldest: true, Limit: shownAtOnce}
	if ms, id, ok := strings.Cut(v.r.URL.Query().Get(name), "."); ok {
		at, _ := strconv.ParseInt(ms, 10, 64) // 0 is before all of them
		f.Before, f.BeforeID = time.UnixMilli(at), id
	}
	out := draftList{Later: f.BeforeID != ""}
	found, next, err := c.cfg.Desk.Outlines(v.r.Context(), v.officer, f, pick)
	if err != nil {
		return out, err
	}
	if out.Lines, err = c.draftLines(v, found); err != nil {
		return out, err
	}
	if next.ID != "" {
		out.Next = fmt.Sprintf("/?%s=%d.%s#%s", name, next.ChangedAt.UnixMilli(), next.ID, name)
	}
	return out, nil
}

// draftLines are drafts in a list, each with what presses: an answer names a child, and
// does not say that they are one.
func (c *Console) draftLines(v *visit, found []exchange.DraftView) ([]DraftLine, error) {
	cases := make([]exchange.CaseRow, len(found))
	for i, draft := range found {
		cases[i].CaseKey = exchange.CaseKey{Partner: draft.Row.Partner, Case: draft.Row.Case}
	}
	glances, err := c.cfg.Files.Glances(v.r.Context(), cases)
	if err != nil {
		return nil, err
	}
	var out []DraftLine
	for i, draft := range found {
		line := c.draftLine(v, draft)
		line.Minor = line.Minor || glances[cases[i].CaseKey].Minor
		out = append(out, line)
	}
	return out, nil
}

func (c *Console) draftLine(v *visit, draft exchange.DraftView) DraftLine {
	row, content := draft.Row, draft.Content
	return DraftLine{
		ID: row.ID, Type: c.typeName(v.s, row.Type), State: string(row.State), Partner: c.party(v.s, row.Partner), Case: row.Case,
		Authors: c.authorsOf(v, draft.Authors()), ChangedAt: row.ChangedAt,
		Approvals: len(content.Approvals), Officers: content.Officers, Missing: len(content.Missing), Minor: draft.Minor, Urgent: draft.Urgent,
	}
}

// decided says whether a draft waits for other officers only.
func decided(draft exchange.DraftView, officer string) bool {
	return draft.ReleasedBy(officer) || draft.Own(officer)
}
