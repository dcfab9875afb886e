package console

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A findView is the page that finds things by a number and persons by what is
// known of them. What is typed here may be personal: it is sent by POST and
// never stands in an address.
type findView struct {
	Text    string // of the one field
	Asked   bool   // it was asked for
	Found   findings
	Persons bool // the officer may look for persons
	Person  personWish
	Faults  fieldFaults
	Looked  bool // for a person
	Altered bool // a case that may fit cannot be looked into
	Alike   []AlikeLine
}

// A personWish is what an officer knows of a person, as it was typed.
type personWish struct{ Name, Latin, Birth, Number, Reason string }

// An AlikeLine is a person who may be the one that was described. Nothing in it
// says who it is.
type AlikeLine struct {
	Case    CaseLine
	Subject string
	Score   int
	Why     []string
}

func (c *Console) findPage(v *visit) error {
	return c.showFind(v, &findView{})
}

func (c *Console) showFind(v *visit, view *findView) error {
	if err := v.reads(); err != nil {
		return err
	}
	view.Persons = c.cfg.Register != nil && v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor)
	status, title := view.Faults.titled(v, v.s.T("find.title"))
	return c.show(v, status, "find", title, "find", view)
}

// maxFindText bounds what is typed into the one field, in bytes.
const maxFindText = 200

// shownFindings is how many of each kind are shown.
const shownFindings = 10

// find looks for what a text names. A number that names one thing leads to it.
func (c *Console) find(v *visit) error {
	if err := v.reads(); err != nil {
		return err
	}
	view := &findView{Text: strings.TrimSpace(cut(v.r.PostFormValue("text"), maxFindText)), Asked: true}
	if view.Text == "" {
		view.Asked, view.Faults = false, fieldFaults{{"text", "find.text_empty"}}
		return c.showFind(v, view)
	}
	if err := c.named(v, view.Text, &view.Found); err != nil {
		return err
	}
	if to := view.Found.only(); to != "" {
		return v.redirect(to)
	}
	if view.Found.nothingBut(kindOfficer) && !strings.ContainsFunc(view.Text, unicode.IsDigit) {
		view.Person.Name = view.Text // it may be somebody's
	}
	return c.showFind(v, view)
}

// findPerson looks for a person by the blind index. The search is in the record
// before anything is shown.
func (c *Console) findPerson(v *visit) error {
	typed := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	view := &findView{Person: personWish{typed("name"), typed("latin"), typed("birth"), typed("number"), typed("reason")}}
	birth, readable := c.languages.period(view.Person.Birth)
	if !readable {
		view.Faults = append(view.Faults, fieldFault{"birth", "find.birth_unreadable"})
	}
	if view.Person.Name+view.Person.Latin+view.Person.Number == "" {
		view.Faults = append(view.Faults, fieldFault{"name", "find.person_empty"})
	}
	if !exchange.GoodReason(view.Person.Reason) {
		view.Faults = append(view.Faults, fieldFault{"reason", "find.reason_required"})
	}
	if len(view.Faults) > 0 || c.cfg.Register == nil {
		return c.showFind(v, view)
	}
	found, err := c.cfg.Register.Search(v.r.Context(), v.officer,
		exchange.Description{Name: view.Person.Name, Latin: view.Person.Latin, Birth: birth, Number: view.Person.Number}, view.Person.Reason)
	switch exchange.AsProblem(err).Rule {
	case "person-empty":
		view.Faults = fieldFaults{{"latin", "find.person_script"}}
		if view.Person.Name+view.Person.Latin == "" {
			view.Faults = fieldFaults{{"number", "find.number_short"}}
		}
	case "person-wide":
		view.Faults = fieldFaults{{"birth", "find.birth_wide"}}
	case "person-long":
		view.Faults = fieldFaults{{"name", "find.person_long"}}
	case "reason-required":
		view.Faults = fieldFaults{{"reason", "find.reason_required"}}
	default:
		if damage := exchange.AsDamage(err); damage != nil {
			c.cfg.Logger.Error(exchange.Damaged, "method", v.r.Method, "index", damage.Index, "error", err)
			view.Altered = true
		} else if err != nil {
			return err
		}
		view.Looked = true
	}
	for _, a := range found {
		view.Alike = append(view.Alike, AlikeLine{Case: c.caseLine(v, a.Row), Subject: a.Subject, Score: a.Score, Why: texts(v.s, a.Why)})
	}
	return c.showFind(v, view)
}

// fold takes case and diacritics away, so that a title is found however it is
// typed.
func fold(s string) string {
	out, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(strings.TrimSpace(s)))
	if err != nil { // it is not UTF-8
		return ""
	}
	return strings.ReplaceAll(out, "đ", "d")
}
