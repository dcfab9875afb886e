package console

import (
	"net/http"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A wish is what an officer asked to see of a page.
type wish struct {
	exchange.Reveal
	Others []string // places of the messages that tell who its persons are
	All    bool     // everything on the page
	Asked  bool     // the form was sent
}

// own is what is wished of what the page itself is about.
func (w wish) own(hidden []string, others int) exchange.Reveal {
	switch {
	case !w.Asked, w.All && len(hidden) == 0 && others > 0, !w.All && len(w.Fields) == 0 && len(w.Others) > 0:
		return exchange.Reveal{}
	}
	return w.Reveal
}

// wanted reads what an officer asked to see; nothing on a plain visit.
func wanted(v *visit) (wish, error) {
	if v.r.Method != http.MethodPost {
		return wish{}, nil
	}
	if err := v.r.ParseForm(); err != nil {
		return wish{}, err
	}
	w := wish{Asked: true, All: v.r.PostFormValue("all") != "", Others: v.r.PostForm["who"]}
	w.Reason = strings.TrimSpace(v.r.PostFormValue("reason"))
	if w.All {
		w.Fields = []string{""}
	} else {
		w.Fields = v.r.PostForm["field"]
	}
	if w.Reason == "" && len(w.Fields) == 0 { // an empty form is not a plain visit
		w.Reason, w.Fields = " ", []string{}
	}
	return w, nil
}

// faultOf returns the key of what is wrong with the form; "" for another error.
func faultOf(err error) string {
	switch exchange.AsProblem(err).Rule {
	case "reason-required":
		return "reveal.reason_required"
	case "fields-required", "field-unknown":
		return "reveal.fields_required"
	}
	return ""
}

// A reveal is the form that shows what is hidden.
type reveal struct {
	Action  string
	Hidden  int
	Shown   []string // what this look has shown, in words
	Allowed bool     // the officer's roles include looking at personal data
	Reason  string   // as it was typed, when the form comes back
	Fault   string   // why it came back: a key of the catalogue
}

func (c *Console) revealOf(v *visit, hidden int, want exchange.Reveal, fault string) reveal {
	return reveal{
		Action: v.r.URL.Path, Hidden: hidden, Fault: fault, Reason: strings.TrimSpace(want.Reason),
		Allowed: v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleCompliance),
	}
}

// A looked is what an officer has asked to see of a page, and what was shown.
type looked struct {
	want    wish
	persons []*persona
	file    string   // the place of a file that is asked for
	shown   []string // of the persons, in words
	fault   string   // what is wrong with the form, and then nothing was shown
}

// look reads what is asked for on the page of a message or a draft, and shows it: of
// what the page is about by own, and then of the persons in its body. hidden and body
// are as they are for whoever asks for nothing.
func (c *Console) look(v *visit, hidden []string, body any, introduced []exchange.Introduction, own func(exchange.Reveal) error) (l looked, err error) {
	if l.want, err = wanted(v); err != nil {
		return l, err
	}
	if l.persons, err = c.personas(v, introduced, body); err != nil || !l.want.Asked {
		return l, err
	}
	if l.file = v.r.PostFormValue("file"); l.file != "" {
		l.want.Fields, l.want.Others, l.want.All = covering(hidden, l.file), nil, false
	}
	if err = own(l.want.own(hidden, hiddenOf(l.persons))); err == nil {
		l.shown, err = c.showPersons(v, l.persons, l.want)
	}
	if l.fault = faultOf(err); l.fault != "" {
		err = nil
	}
	return l, err
}

// revealAfter is the form of the page after a look.
func (c *Console) revealAfter(v *visit, l looked, messageType string, hidden, shown []string, body any) reveal {
	out := c.revealOf(v, len(hidden)+hiddenOf(l.persons), l.want.Reveal, l.fault)
	out.Shown = append(c.gathered(v, messageType, shown, body), l.shown...)
	return out
}

// titled is the status of the page after a look, and its title.
func (l looked) titled(v *visit, title string) (int, string) {
	return oneFault("reason", l.fault).titled(v, title)
}
