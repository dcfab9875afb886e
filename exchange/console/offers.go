package console

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An OfferLine is a message that may be written now, or the reason why not.
type OfferLine struct {
	Type    TypeName
	Persons []string
	About   string   // what it answers or rests on, and from when that is
	At      string   // the address of its form
	Refuse  string   // and of one that turns the request down
	Drafts  []string // that say it and have not left
	Later   bool     // something else comes first
	Why     string
}

// An offerView is what may be written in a case: what waits to be said, what a
// draft says already, what else could be said, and what could not.
type offerView struct {
	First, Drafted, Else, Not []OfferLine
	Problem                   string // nothing can be sent at all
}

// rest puts nothing first: it is not for us to act now.
func (o *offerView) rest() { o.First, o.Else = nil, append(o.First, o.Else...) }

// offers returns what an officer may write in a case; in answer to one message
// when re names it.
func (c *Console) offers(v *visit, key exchange.CaseKey, re string) (offerView, error) {
	var view offerView
	all, err := c.cfg.Desk.Offers(v.r.Context(), v.officer, key)
	if kind := exchange.AsProblem(err).Kind; err != nil && (kind == exchange.ProblemNotFound || kind == exchange.ProblemForbidden) {
		view.Problem = v.s.T("offer.only_read") // the page has shown the case: in an emergency, or to a role that writes nothing
		return view, nil
	}
	if problem := exchange.AsProblem(err); err != nil && problem.Kind.Status < http.StatusInternalServerError {
		view.Problem = v.s.Or("fault."+problem.Kind.Slug, v.s.T("fault.other"))
		return view, nil
	}
	if err != nil {
		return view, err
	}
	for _, o := range all {
		if re != "" && o.InReplyTo != re || o.Type == exchange.TypeCorrection { // a correction begins from what it corrects
			continue
		}
		line := OfferLine{Type: c.typeName(v.s, o.Type), Persons: o.Persons, Drafts: o.Drafts}
		if o.Of != "" {
			line.About = v.s.T("form.message", c.typeName(v.s, o.Of).Title, v.s.Time(o.At))
		}
		if o.Refused != nil {
			line.Why = v.s.Or("fault."+o.Refused.Rule, v.s.T("fault.other"))
			view.Not = append(view.Not, line)
			continue
		}
		q := url.Values{"to": {key.Partner}, "type": {o.Type}}
		for name, value := range map[string]string{"case": key.Case, "re": o.InReplyTo, "target": o.Target} {
			if value != "" {
				q.Set(name, value)
			}
		}
		line.At = "/write?" + q.Encode()
		if o.InReplyTo != "" && canRefuse(o.Type) {
			q.Set("refuse", "1")
			line.Refuse = "/write?" + q.Encode()
		}
		switch {
		case len(o.Drafts) > 0 && o.Drafted && o.InReplyTo != "": // what answers nothing may be said again
			view.Drafted = append(view.Drafted, line)
		case o.InReplyTo != "" && !o.Again, key.Case == "":
			view.First = append(view.First, line)
		default:
			view.Else = append(view.Else, line)
		}
	}
	for i, line := range view.First { // of one request, identity is answered before nationality
		view.First[i].Later = line.Type.Name == exchange.TypeNationality && slices.ContainsFunc(view.First, func(o OfferLine) bool {
			return o.Type.Name == exchange.TypeIdentityResponse && o.About == line.About
		})
	}
	slices.SortStableFunc(view.First, func(a, b OfferLine) int {
		switch {
		case a.Later == b.Later:
			return 0
		case b.Later:
			return -1
		}
		return 1
	})
	return view, nil
}

// An openingView is the page on which a case is opened.
type openingView struct {
	Partners []opening
}

// An opening is what may open a case with one partner.
type opening struct {
	Partner Party
	Offers  offerView
}

func (c *Console) openingPage(v *visit) error {
	if !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return errMayNot
	}
	var view openingView
	for _, partner := range c.parties(v.s, v.officer) {
		offers, err := c.offers(v, exchange.CaseKey{Partner: partner.Code}, "")
		if err != nil {
			return err
		}
		view.Partners = append(view.Partners, opening{partner, offers})
	}
	return c.show(v, http.StatusOK, "opening", v.s.T("opening.title"), "cases", view)
}

// amendDraft takes a waiting draft up again, also to record what it lacks.
func (c *Console) amendDraft(v *visit) error {
	id := chi.URLParam(v.r, "id")
	own, err := c.formLines(v, func(row exchange.FormRow) bool { return row.ID == id })
	if err != nil {
		return err
	}
	if len(own) > 0 {
		return v.redirect("/write/" + id)
	}
	return c.rewriteDraft(v, path.Base(v.r.URL.Path), func(form *exchange.Form, draft exchange.DraftView) { form.Amends = draft.Row.Version })
}

// delivery says how the message that a draft became stands with its partner, as its page
// does: "" when the partner holds it, and for a draft that is no message.
func (c *Console) delivery(v *visit, row exchange.DraftRow) (string, error) {
	if row.State != exchange.DraftReleased {
		return "", nil
	}
	seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, exchange.MessageKey{Lane: exchange.Lane{Partner: row.Partner, Direction: exchange.Out}, ID: row.ID}, exchange.Reveal{})
	return seen.Status, err
}

// writeAgain takes a rejected draft up as a new one, or one whose message will not be
// delivered: that one stays what it is, and the approvals that it had are not the new
// one's.
func (c *Console) writeAgain(v *visit) error {
	id := chi.URLParam(v.r, "id")
	draft, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, id)
	if err != nil {
		return err
	}
	status, err := c.delivery(v, draft.Row)
	if err != nil {
		return err
	}
	rejected := draft.Row.State == exchange.DraftRejected && draft.Content.Again == ""
	if !rejected && status != string(exchange.JobDead) {
		return v.redirect("/drafts/" + id + "?changed=1")
	}
	return c.rewriteDraft(v, "again", func(form *exchange.Form, draft exchange.DraftView) {
		if form.ID, form.Amends = exchange.NewID(), 0; rejected {
			form.Instead = draft.Row.ID
		} else {
			form.From = draft.Row.ID
		}
	})
}

// rewriteDraft opens a form with what a draft says. Its content is shown for a
// reason, as any look at personal data is.
func (c *Console) rewriteDraft(v *visit, do string, as func(*exchange.Form, exchange.DraftView)) error {
	ctx, why := v.r.Context(), v.r.PostFormValue("why")
	draft, err := c.cfg.Desk.Read(ctx, v.officer, chi.URLParam(v.r, "id"), why)
	if exchange.AsProblem(err).Rule == "reason-required" {
		return c.showDraft(v, asked(v, do))
	}
	if err != nil {
		return err
	}
	form, err := c.formOf(v, draft, why)
	if err != nil {
		return err
	}
	as(&form, draft)
	if _, err := c.cfg.Forms.Keep(ctx, v.officer, form); err != nil {
		return err
	}
	form.Version = 1
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	p.lacking = draft.Content.Missing
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// discardDraft takes a draft back, for a reason that stays in the record.
func (c *Console) discardDraft(v *visit) error {
	id, why := chi.URLParam(v.r, "id"), strings.TrimSpace(v.r.PostFormValue("why"))
	if !exchange.GoodReason(why) {
		return c.showDraft(v, asked(v, "discard"))
	}
	version, err := strconv.ParseInt(v.r.PostFormValue("version"), 10, 64)
	if err != nil || version < 1 { // whoever does not say what they saw has seen nothing of it
		return v.redirect("/drafts/" + id + "?changed=1")
	}
	err = c.cfg.Desk.Discard(v.r.Context(), v.officer, id, version, why)
	if kind := exchange.AsProblem(err).Kind; err != nil && (kind == exchange.ProblemDraftVersion || kind == exchange.ProblemDraftState) {
		return v.redirect("/drafts/" + id + "?changed=1")
	}
	if err != nil {
		return err
	}
	return v.redirect("/drafts/" + id + "?done=1")
}
