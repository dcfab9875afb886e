package console

import (
	"net/http"
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
	MovedAt time.Time
}

// soon is when a case that is due is shown as pressing.
const soon = 3 * 24 * time.Hour

func (c *Console) caseLine(v *visit, row exchange.CaseRow) CaseLine {
	return CaseLine{
		Partner: c.party(v.s, row.Partner), Case: row.Case, Kind: string(row.Kind), State: string(row.State), Turn: string(row.Turn),
		DueAt: row.DueAt, MovedAt: row.MovedAt,
		Overdue: !row.DueAt.IsZero() && row.DueAt.Before(v.now),
		Soon:    !row.DueAt.IsZero() && !row.DueAt.Before(v.now) && row.DueAt.Before(v.now.Add(soon)),
	}
}

// A DraftLine is a draft in a list.
type DraftLine struct {
	ID        string
	Type      TypeName
	Partner   Party
	Case      string
	Author    string
	Mine      bool
	ChangedAt time.Time
	Approvals int
	Officers  int
	Missing   int
}

// A workView is the page of what waits for an officer.
type workView struct {
	Cases   []CaseLine
	More    bool
	Overdue int
	Soon    int
	Drafts  bool // the officer has to do with drafts
	Waiting []DraftLine
	Held    []DraftLine
	// Emergencies are the cases that others have opened without being assigned to
	// them; a supervisor has to look at each.
	Emergencies []EmergencyLine
}

// shownAtOnce is how many rows a list of the work page has.
const shownAtOnce = 25

func (c *Console) workPage(v *visit) error {
	view := workView{}
	if v.officer.Has(exchange.RoleAdministrator) && len(v.officer.Roles) == 1 {
		return v.redirect("/officers") // no case is theirs
	}
	var err error
	if view.Emergencies, err = c.emergencyLines(v); err != nil {
		return err
	}
	if v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleCompliance, exchange.RoleAuditor) {
		rows, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Turn: exchange.TurnUs, ByDue: true, Limit: shownAtOnce + 1})
		if err != nil {
			return err
		}
		if view.More = len(rows) > shownAtOnce; view.More {
			rows = rows[:shownAtOnce]
		}
		for _, row := range rows {
			line := c.caseLine(v, row)
			view.Cases = append(view.Cases, line)
			if line.Overdue {
				view.Overdue++
			}
			if line.Soon {
				view.Soon++
			}
		}
	}
	if view.Drafts = v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor); view.Drafts {
		if view.Waiting, err = c.draftLines(v, exchange.DraftWaiting, ""); err != nil {
			return err
		}
		if view.Held, err = c.draftLines(v, exchange.DraftHeld, ""); err != nil {
			return err
		}
	}
	return c.show(v, http.StatusOK, "work", v.s.T("work.title"), "work", view)
}

// draftLines returns the drafts in a state, without those that the officer has
// decided already.
func (c *Console) draftLines(v *visit, state exchange.DraftState, caseID string) ([]DraftLine, error) {
	rows, err := c.cfg.Desk.Drafts(v.r.Context(), v.officer, exchange.DraftFilter{State: state, Case: caseID, Limit: shownAtOnce})
	if err != nil {
		return nil, err
	}
	var out []DraftLine
	for _, row := range rows {
		seen, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, row.ID, exchange.Reveal{})
		if exchange.AsProblem(err).Kind == exchange.ProblemErased {
			continue
		}
		if err != nil {
			return nil, err
		}
		if state == exchange.DraftWaiting && decided(seen, v.officer.ID) {
			continue
		}
		out = append(out, DraftLine{
			ID: row.ID, Type: c.typeName(v.s, row.Type), Partner: c.party(v.s, row.Partner), Case: row.Case,
			Author: row.Author, Mine: row.Author == v.officer.ID, ChangedAt: row.ChangedAt,
			Approvals: len(seen.Content.Approvals), Officers: seen.Content.Officers, Missing: len(seen.Content.Missing),
		})
	}
	return out, nil
}

// decided says whether a draft waits for other officers only.
func decided(seen exchange.SeenDraft, officer string) bool {
	for _, a := range seen.Content.Approvals {
		if a.Officer == officer {
			return true
		}
	}
	return seen.Content.Officers < 2 && seen.Row.Author == officer
}
