package console

import (
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A handsView is who has a case, and what the officer may change of that.
type handsView struct {
	Officers []Choice // who have it; none: all of the partner
	Was      string   // their identifiers, as the form was made
	Take     bool     // the officer may take it
	GiveBack bool
	Choices  []Choice // to whom a supervisor may assign it
	Reason   string
	Fault    string
}

// hands says who has a case. What was asked and not done is asked again.
func (c *Console) hands(v *visit, key exchange.CaseKey, of caseView, asked handsView) (handsView, error) {
	out := handsView{Reason: asked.Reason, Fault: asked.Fault}
	out.Was = strings.Join(of.Line.Officers, ",")
	mine := slices.Contains(of.Line.Officers, v.officer.ID)
	if works := v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) && of.Emergency.IsZero(); works {
		out.Take, out.GiveBack = len(of.Line.Officers) == 0, mine
	}
	assigns := v.officer.Has(exchange.RoleSupervisor) && of.Emergency.IsZero()
	if !assigns && len(of.Line.Officers) == 0 {
		return out, nil
	}
	all, err := c.cfg.Files.Assignable(v.r.Context(), v.officer, key)
	if err != nil {
		return out, err
	}
	for _, id := range of.Line.Officers {
		choice := Choice{Value: id}
		if i := slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == id }); i >= 0 {
			choice.Label = all[i].Name
		} else { // who may not act any more can only be taken off
			all = append(all, exchange.Officer{ID: id})
		}
		out.Officers = append(out.Officers, choice)
	}
	if !assigns {
		return out, nil
	}
	for _, o := range all {
		ticked := slices.Contains(of.Line.Officers, o.ID)
		if asked.Fault != "" {
			ticked = slices.ContainsFunc(asked.Choices, func(c Choice) bool { return c.Value == o.ID })
		}
		out.Choices = append(out.Choices, Choice{o.ID, o.Name, ticked})
	}
	return out, nil
}

// assignCase takes a case, gives it back, or assigns it.
func (c *Console) assignCase(v *visit) error {
	key := caseOf(v)
	file, err := c.cfg.Files.Case(v.r.Context(), v.officer, key)
	if err != nil {
		return err
	}
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	form := v.r.PostForm
	var officers []string
	asked := handsView{Reason: strings.TrimSpace(form.Get("reason"))}
	switch form.Get("do") {
	case "take":
		officers = append(slices.Clone(file.Row.Assigned), v.officer.ID)
	case "give":
		officers = slices.DeleteFunc(slices.Clone(file.Row.Assigned), func(id string) bool { return id == v.officer.ID })
	default:
		officers = form["officer"]
	}
	if form.Get("was") != strings.Join(file.Row.Assigned, ",") {
		asked.Fault = "assign.fault.assigned-meanwhile"
	} else if err := c.cfg.Files.Assign(v.r.Context(), v.officer, key, officers, asked.Reason); err != nil {
		asked.Fault = "assign.fault." + exchange.AsProblem(err).Rule
		if !v.s.has(asked.Fault) {
			return err
		}
	}
	if asked.Fault == "" {
		return v.redirect(casePath(key) + "#officers")
	}
	for _, id := range officers {
		asked.Choices = append(asked.Choices, Choice{Value: id, Ticked: true})
	}
	return c.showCase(v, key, asked)
}
