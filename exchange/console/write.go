package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// maxWritten bounds what a form of a message may send: fifty persons, and a picture
// as a camera takes it, so that an officer is told that it is too large and loses
// nothing.
const maxWritten = 16 << 20

// maxStranger bounds what is read of somebody who is not signed in: a form that an
// officer has left open, with a photograph as it is sent.
const maxStranger = 2 << 20

// errMoved means that a form was changed since its preview was shown.
var errMoved = errors.New("the form was changed since")

// A FormLine is an unfinished form in a list.
type FormLine struct {
	ID, Case  string
	Type      TypeName
	Partner   Party
	ChangedAt time.Time
}

func (c *Console) formLines(v *visit, keep func(exchange.FormRow) bool) ([]FormLine, error) {
	if !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return nil, nil
	}
	rows, err := c.cfg.Forms.List(v.r.Context(), v.officer)
	if err != nil {
		return nil, err
	}
	var out []FormLine
	for _, row := range rows {
		if keep(row) {
			out = append(out, FormLine{row.ID, row.Case, c.typeName(v.s, row.Type), c.party(v.s, row.Partner), row.ChangedAt})
		}
	}
	return out, nil
}

// beginPage begins a message: its form, filled in as far as the case says it.
func (c *Console) beginPage(v *visit) error {
	q := v.r.URL.Query()
	form := exchange.Form{
		ID: exchange.NewID(), Partner: q.Get("to"), Case: q.Get("case"), Type: q.Get("type"),
		Values: map[string][]string{".reply": {q.Get("re")}, ".target": {q.Get("target")}},
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	if p.offer.Type == "" {
		return errNoPage
	}
	if p.offer.Refused != nil {
		return p.offer.Refused
	}
	if p.fix != nil {
		if !slices.Contains(p.offer.Targets, p.text(".target")) {
			return errNoPage
		}
		p.openTarget()
	} else if err := c.prefill(v, p, q.Get("refuse") != ""); err != nil {
		return err
	}
	same, err := c.formLines(v, func(row exchange.FormRow) bool {
		return row.Partner == p.Partner && row.Case == p.Case && row.Type == p.Type
	})
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, same)
}

// resumePage shows an unfinished form.
func (c *Console) resumePage(v *visit) error {
	form, err := c.cfg.Forms.Open(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err != nil {
		return err
	}
	v.back = "/write/" + form.ID // and whatever else stood in the address is not in the page, which is packed
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// editForm goes back from the preview to the form.
func (c *Console) editForm(v *visit) error {
	form, err := c.previewed(v)
	if errors.Is(err, errMoved) {
		return c.resumePage(v)
	}
	if err != nil {
		return err
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// previewed returns the form that the page of a preview was about.
func (c *Console) previewed(v *visit) (exchange.Form, error) {
	form, err := c.cfg.Forms.Resume(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err == nil && v.r.PostFormValue("version") != strconv.FormatInt(form.Version, 10) {
		err = errMoved
	}
	return form, err
}

// formPost takes a form. Whatever it asks for, what was typed is kept first.
func (c *Console) formPost(v *visit) error {
	if err := c.readForm(v.r); err != nil {
		return err
	}
	if kept, err := c.keepUnattended(v); kept || err != nil {
		return err
	}
	do, at, _ := strings.Cut(v.r.PostFormValue("do"), " ")
	switch do {
	case "edit":
		return c.editForm(v)
	case "submit":
		return c.submitForm(v)
	case "drop":
		if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, chi.URLParam(v.r, "id")); err != nil {
			return err
		}
		return v.redirect("/")
	}
	form, err := c.posted(v, v.officer)
	if err != nil {
		return err
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	taken := true
	if do == "merge" {
		if taken, err = c.merge(v, p); err != nil {
			return err
		}
	}
	if do == "new" || do != "autosave" && c.became(v, p.Form) != "" { // whoever goes back to what was sent writes another one
		if err := c.asNew(v, p); err != nil {
			return err
		}
	}
	refused := c.change(v, p, do, at)
	if err := c.keep(v, p); err != nil {
		if p.ID != form.ID { // nothing is kept of what it was written from: it stays what it was
			p.Form, v.back = form, ""
		}
		return c.notKept(v, p, do, err)
	}
	if p.ID != form.ID {
		if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, form.ID); err != nil {
			return err
		}
	}
	if refused != nil && faultOf(refused) == "" {
		return refused
	}
	switch do {
	case "autosave":
		if p.typed.badFiles() {
			return v.answer(http.StatusUnprocessableEntity, map[string]any{"version": p.Version, "said": v.s.T("form.file_not_kept")})
		}
		return v.answer(http.StatusOK, map[string]any{"version": p.Version, "saved": v.s.T("form.saved_at", v.s.Time(p.ChangedAt))})
	case "preview":
		return c.previewPage(v, p)
	}
	switch {
	case refused != nil:
		return c.showForm(v, http.StatusUnprocessableEntity, p, exchange.AsProblem(refused), nil)
	case !taken && v.choseTheirs():
		return c.choseLate(v, p)
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// change does what a button of the form asks for.
func (c *Console) change(v *visit, p *pen, do, at string) error {
	switch {
	case do == "add":
		c.addElement(v, p, at)
	case do == "remove":
		p.takeOut(at)
	case do == "clear":
		p.typed.take(&typed{values: url.Values{}}, at)
	case do == "find":
		p.typed.values.Set(at+"#find", "1")
	case do == "fill":
		p.typed.linkAtRandom(at)
	case p.fix == nil:
	case do == "anew":
		p.writeAnew(at)
	case do == "keep":
		p.keepAsIs(at)
	case len(p.fix.masked) > 0 && (do == "show" || do == "show-all"): // otherwise it is of whom the message is about
		return c.showTarget(v, p, do == "show-all")
	}
	return nil
}

// keep stores what was typed.
func (c *Console) keep(v *visit, p *pen) error {
	p.Form.Values, p.Form.Unattended = p.typed.values, false
	version, err := c.cfg.Forms.Keep(v.r.Context(), v.officer, p.Form)
	if err == nil {
		p.Form.Version, p.Form.ChangedAt = version, v.now
	}
	return err
}

// notKept answers when what was typed could not be kept: it stays on the page.
func (c *Console) notKept(v *visit, p *pen, do string, err error) error {
	problem := exchange.AsProblem(err)
	switch {
	case do == "autosave" && (problem.Rule == "forms-full" || problem.Rule == "form-size"):
		return v.answer(http.StatusConflict, map[string]any{"said": v.s.T("fault." + problem.Rule)})
	case do == "autosave" && problem.Kind.Status < http.StatusInternalServerError:
		return v.answer(http.StatusConflict, map[string]any{"said": v.s.T("form.conflict")})
	case problem.Rule == "form-version":
		return c.conflictPage(v, p)
	case problem.Rule == "forms-full", problem.Rule == "form-size":
		return c.showForm(v, http.StatusUnprocessableEntity, p, problem, nil)
	case do != "autosave" && errors.Is(err, exchange.ErrUnavailable): // it can be read, and not be written
		c.cfg.Logger.Error("a form could not be kept", "error", err)
		return c.showForm(v, http.StatusServiceUnavailable, p, &exchange.Problem{Kind: exchange.ProblemUnavailable, Rule: "unavailable"}, nil)
	}
	return err
}

// answer writes JSON for the page's script.
func (v *visit) answer(status int, data map[string]any) error {
	out, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out) // the asker is gone when this fails
	return nil
}

// addElement adds an element to a list; to the persons of an open case the first
// one who is left out.
func (c *Console) addElement(v *visit, p *pen, at string) {
	if kind, ok := strings.CutPrefix(at, safeguardAt("")); ok {
		p.addSafeguard(kind)
		return
	}
	if at == "/subjects" && p.offer.Persons != nil && !opens(p) {
		var named []string
		n := p.number("/subjects")
		for i := range n {
			named = append(named, p.text(fmt.Sprintf("/subjects/%d/subject_ref", i)))
		}
		for _, ref := range p.offer.Persons {
			if !slices.Contains(named, ref) {
				p.add(at)
				p.typed.values.Set(fmt.Sprintf("/subjects/%d/subject_ref", n), ref)
				return
			}
		}
		return
	}
	p.add(at)
	if at == "/subjects" {
		c.introduce(p, p.number("/subjects")-1)
	}
}

// asNew makes of a form whose draft cannot be changed any more, or that was sent, that of
// a new message, with all that was typed.
func (c *Console) asNew(v *visit, p *pen) error {
	_, gone, err := c.beneath(v, p)
	if err != nil || gone == nil && c.became(v, p.Form) == "" {
		return err
	}
	was := p.ID
	p.ID, p.Amends, p.Instead, p.Version = exchange.NewID(), 0, "", 0
	switch {
	case gone != nil && gone.ID == was && gone.State == string(exchange.DraftRejected):
		p.Instead = was
	case gone != nil:
		p.From = gone.ID
	default: // it was sent, and may have been rejected since
		is, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, was)
		if err != nil {
			return err
		}
		if p.From = was; is.Row.State == exchange.DraftRejected && is.Content.Again == "" {
			p.From, p.Instead = "", was
		}
	}
	v.back = "/write/" + p.ID
	return nil
}
