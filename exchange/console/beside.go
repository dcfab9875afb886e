package console

import (
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A besideView is who the persons are of whom an answer speaks: an officer says whether
// a name is right with the name in view. It is masked, and shown for a reason, as on the
// page of the message that is answered.
type besideView struct {
	Persons map[string]*Identity // by reference, of those alone who have a part of the form
	Reveal  reveal
}

// A besideLine is who the person is of whom a part of a form speaks. It stands in that
// part and nowhere else: the verdict on one must not stand beside the name of another.
type besideLine struct {
	Identity *Identity
	Reveal   *reveal // of a form of one person; otherwise it stands above all of them
}

// of returns who a person of a form is; nil where nothing tells it.
func (b *besideView) of(ref string) *besideLine {
	if b == nil || b.Persons[ref] == nil {
		return nil
	}
	line := &besideLine{Identity: b.Persons[ref]}
	if len(b.Persons) == 1 {
		line.Reveal = &b.Reveal
	}
	return line
}

// answers is the message that a form answers, or whose answer it corrects: "" for none,
// and where the answer has something masked of its own, which is asked for first.
func (p *pen) answers() string {
	switch {
	case p.fix == nil:
		return p.text(".reply")
	case len(p.fix.masked) == 0:
		return p.fix.claims.InReplyTo
	}
	return ""
}

// beside looks at the message that a form answers; nil where it answers none.
func (c *Console) beside(v *visit, p *pen) (*besideView, error) {
	reply := p.answers()
	if reply == "" {
		return nil, nil
	}
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: p.Partner, Direction: exchange.In}, ID: reply}
	seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, key, exchange.Reveal{})
	if kind := exchange.AsProblem(err).Kind; err != nil && (kind == exchange.ProblemNotFound || kind == exchange.ProblemErased) {
		return nil, nil // the form says what is wrong with what it answers
	}
	if err != nil {
		return nil, err
	}
	body, introduced := seen.Last().Body, seen.Introduced
	if len(introduced) == 0 { // it tells that itself
		subjects, _ := at(body, "/subjects").([]any)
		for _, subject := range subjects {
			if ref, ok := at(subject, "/subject_ref").(string); ok {
				introduced = append(introduced, exchange.Introduction{Subject: ref, Message: key, Corrections: len(seen.Versions) - 1})
			}
		}
	}
	refs := p.refs() // a case may have 200 persons, each told of by another message
	introduced = slices.DeleteFunc(slices.Clone(introduced), func(i exchange.Introduction) bool { return !slices.Contains(refs, i.Subject) })
	persons, err := c.personas(v, introduced, body)
	if err != nil || len(persons) == 0 {
		return nil, err
	}
	w := wish{Others: v.r.PostForm["who"]}
	if chi.URLParam(v.r, "id") == p.ID { // else it is why a draft is written again
		w.Reason = strings.TrimSpace(v.r.PostFormValue("why"))
	}
	do, hidden := v.r.PostFormValue("do"), hiddenOf(persons)
	w.All, w.Asked = do == "show-all", do == "show" || do == "show-all"
	fault, shown := "", []string(nil)
	switch {
	case !w.Asked:
	case !exchange.GoodReason(w.Reason):
		fault = "reveal.reason_required"
	case !w.All && len(w.Others) == 0:
		fault = "reveal.fields_required"
	default:
		for _, person := range persons {
			hidden -= len(w.of(person))
		}
		if shown, err = c.showPersons(v, persons, w); err != nil {
			return nil, err
		}
	}
	view := &besideView{Persons: map[string]*Identity{}, Reveal: c.revealOf(v, hidden, w.Reveal, fault)}
	view.Reveal.Shown = shown
	for _, person := range persons {
		if identity := c.identity(v, person, &Block{Subject: person.ref}, w); len(identity.Rows) > 0 {
			view.Persons[person.ref] = identity
		}
	}
	return view, nil
}

// refused says that nothing was shown that was asked for.
func (b *besideView) refused() bool { return b != nil && b.Reveal.Fault != "" }
