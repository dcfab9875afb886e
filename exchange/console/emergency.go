package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// An emergencyView is the form that opens a case to somebody who is not
// assigned to it.
type emergencyView struct {
	Partners []Party
	Partner  string
	Case     string
	Reason   string
	Faults   fieldFaults
}

// mayBreakGlass says whether there may be cases that an officer can open so.
func mayBreakGlass(o *exchange.Officer) bool {
	return o.Has(exchange.RoleOfficer, exchange.RoleSupervisor) && (o.Scope() != nil || !o.SeesEveryCase())
}

func (c *Console) emergencyPage(v *visit) error {
	if !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return errMayNot
	}
	q := v.r.URL.Query()
	return c.showEmergency(v, emergencyView{Partner: q.Get("partner"), Case: q.Get("case")})
}

func (c *Console) showEmergency(v *visit, view emergencyView) error {
	for _, p := range c.cfg.Directory.Snapshot().All() {
		if !v.officer.SeesEveryCase() || !v.officer.Sees(p.Code, exchange.Return) {
			view.Partners = append(view.Partners, Party{p.Code, v.s.Named(p.Name)})
		}
	}
	status, title := view.Faults.titled(v, v.s.T("emergency.title"))
	return c.show(v, status, "emergency", title, "cases", view)
}

// openEmergency opens a case. Whether it is there is said to nobody who does
// not give a reason first.
func (c *Console) openEmergency(v *visit) error {
	form := v.r.PostFormValue
	view := emergencyView{Partner: form("partner"), Case: strings.TrimSpace(form("case")), Reason: strings.TrimSpace(form("reason"))}
	key, dictated := exchange.CaseKey{Partner: view.Partner, Case: view.Case}, ours(view.Case)
	if !exchange.ValidIdentifier(view.Case) && !exchange.ValidIdentifier(dictated) {
		view.Faults = append(view.Faults, fieldFault{"case", "emergency.fault.case"})
	}
	if !exchange.GoodReason(view.Reason) {
		view.Faults = append(view.Faults, fieldFault{"reason", "reveal.reason_required"})
	}
	if len(view.Faults) > 0 {
		return c.showEmergency(v, view)
	}
	err := c.cfg.Files.BreakGlass(v.r.Context(), v.officer, key, view.Reason)
	if exchange.AsProblem(err).Kind == exchange.ProblemNotFound && dictated != "" { // as it was read over the telephone
		key.Case = dictated
		err = c.cfg.Files.BreakGlass(v.r.Context(), v.officer, key, view.Reason)
	}
	if exchange.AsProblem(err).Kind == exchange.ProblemNotFound {
		view.Faults = fieldFaults{{"case", "emergency.fault.none"}}
		return c.showEmergency(v, view)
	}
	if err != nil {
		return err
	}
	return v.redirect(casePath(key))
}

// An EmergencyLine is a case that somebody opened so, as a supervisor sees it.
type EmergencyLine struct {
	ID, Case, Reason string
	Officer          Who
	Partner          Party
	At, Ends         time.Time
	Mine             bool
}

func (c *Console) emergencyLines(v *visit, find func(context.Context, *exchange.Officer) ([]exchange.Emergency, error)) ([]EmergencyLine, error) {
	found, err := find(v.r.Context(), v.officer)
	if err != nil {
		return nil, err
	}
	var out []EmergencyLine
	for _, e := range found {
		out = append(out, EmergencyLine{
			ID: e.ID, Case: e.Case, Officer: c.who(v, e.Officer), Reason: e.Reason, Partner: c.party(v.s, e.Partner), At: e.At, Ends: e.Ends, Mine: e.Officer == v.officer.ID,
		})
	}
	return out, nil
}

func (c *Console) acknowledgeEmergency(v *visit) error {
	err := c.cfg.Files.Acknowledge(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err != nil && exchange.AsProblem(err).Kind != exchange.ProblemNotFound { // somebody has, in the meantime
		return err
	}
	return v.redirect("/")
}

// A LookLine is one look at the personal data of a case.
type LookLine struct {
	At        time.Time
	By        Who
	Reason    string
	What      string
	Places    []string
	Emergency bool
	Wider     string // of what it was, when that is more than the case
	Withheld  bool   // the reason
	Compared  comparedLine
	Damaged   bool  // what is stored of it is not what was recorded
	Index     int64 // the entry that it is
}

// A comparedLine says who was compared, and with whom.
type comparedLine struct {
	Subject string // "" where nobody was
	With    *otherPerson
	Hidden  bool // it was somebody of a case that the officer may not see
}

// An otherPerson is a person of another case.
type otherPerson struct {
	Partner       Party
	Case, Subject string
}

func (c *Console) comparedLine(v *visit, d exchange.Compared) comparedLine {
	out := comparedLine{Subject: d.Subject, Hidden: d.Hidden}
	if d.With != nil {
		out.With = &otherPerson{c.party(v.s, d.With.Partner), d.With.Case, d.With.Subject}
	}
	return out
}

// looksShown is how many looks a page has.
const looksShown = 50

// lookLines returns who has looked at a case, the last first, and where to go on.
func (c *Console) lookLines(v *visit, key exchange.CaseKey, before int64) ([]LookLine, int64, error) {
	looks, next, err := c.cfg.Files.Looks(v.r.Context(), v.officer, key, before, looksShown)
	if err != nil {
		return nil, 0, err
	}
	var out []LookLine
	for _, l := range looks {
		line := LookLine{
			At: l.At, By: c.who(v, l.Officer), Reason: v.written(l.Reason), Emergency: l.BreakGlass, Withheld: l.Withheld, Compared: c.comparedLine(v, l.Compared),
			What: v.s.Or("look."+l.What, v.s.Or("report.kind."+l.What, l.What)), Damaged: l.Damaged, Index: l.Index,
		}
		if l.Type != "" {
			line.What = c.typeName(v.s, l.Type).Title
		}
		switch {
		case l.Wider && l.Partner != "":
			line.Wider = v.s.T("look.wider_partner", c.party(v.s, l.Partner).Name)
		case l.Wider:
			line.Wider = v.s.T("look.wider_all")
		}
		line.Places = c.places(v, l.Type, l.Fields, l.Persons)
		out = append(out, line)
	}
	return out, next, nil
}

// searched are the words for what a person can be looked for by.
var searched = map[string]string{"name": "find.name", "date_of_birth": "find.birth", "number": "find.document"}

// places names what a look has shown: fields, those of a person as a request has
// them; what somebody was looked for by; or the kind of a report. persons are those of
// the message, as its places number them.
func (c *Console) places(v *visit, messageType string, fields, persons []string) []string {
	var out, inBody []string
	for _, f := range fields {
		switch named := v.s.Or(or(searched[f], "report.kind."+f), ""); {
		case f == "/subjects/*": // all that there is of a person who was compared, and that one is named
		case named != "":
			out = append(out, named)
		default:
			inBody = append(inBody, f)
		}
	}
	slices.SortStableFunc(inBody, schemas.ComparePointers) // an earlier program wrote the tenth person before the second
	var subjects []any
	for _, ref := range persons {
		subjects = append(subjects, map[string]any{"subject_ref": ref})
	}
	return append(out, c.gathered(v, or(messageType, exchange.TypeIdentityRequest), inBody, map[string]any{"subjects": subjects})...)
}

// gathered names places of a body, all that are of one person in one line.
func (c *Console) gathered(v *visit, messageType string, places []string, body any) []string {
	var out []string
	last := ""
	for _, place := range places {
		named := or(c.placeOf(v, messageType, place, body), place)
		_, field, inside := strings.Cut(named, " › ")
		if person := personOf(place); inside && person != "" && person == last {
			out[len(out)-1] += ", " + field
		} else {
			out, last = append(out, named), person
		}
	}
	return out
}
