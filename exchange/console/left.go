package console

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A form does nothing but for the officer whose page it stands on. One that is sent when
// their session has ended, or when somebody else has signed in in that browser, is not
// done. What was typed is kept for them alone; they sign in, come to the form's page,
// and find it there. It is never done by itself: days may have passed, and another
// officer may sit there.

const (
	// ofField stands in every form, and says, sealed, whose page it is. It lets nobody
	// in, and does nothing but keep for that officer what this page sends too late.
	ofField   = ".of"
	ofTicket  = "page"  // stands in its ticket where others name a form
	leftField = ".left" // what is sent again, in its form
)

// forms are those that do something. What stands in an attribute has no ">" of its own.
var forms = regexp.MustCompile(`<form method="post"[^>]*>`)

// signed writes into the forms of a page whose it is.
func (c *Console) signed(v *visit, page []byte) ([]byte, error) {
	if v.officer == nil {
		return page, nil
	}
	ticket, err := c.cfg.Forms.Ticket(v.r.Context(), v.officer, ofTicket)
	if err != nil {
		return nil, err
	}
	return forms.ReplaceAll(page, []byte(`$0<input type="hidden" name="`+ofField+`" value="`+ticket+`">`)), nil
}

// holder returns whose page a form was sent from; ErrNotFound when it does not say so,
// or may not say so any more.
func (c *Console) holder(v *visit) (*exchange.Officer, error) {
	return c.cfg.Forms.Holder(v.r.Context(), v.r.PostForm.Get(ofField), ofTicket)
}

// acts says whether a request is the signed-in officer's own.
func (c *Console) acts(v *visit) (bool, error) {
	if v.officer == nil || !v.r.PostForm.Has(ofField) {
		return v.officer != nil, nil
	}
	holder, err := c.holder(v)
	if errors.Is(err, exchange.ErrNotFound) {
		return false, nil
	}
	return err == nil && holder.ID == v.officer.ID, err
}

// askToSignIn leads from a page to signing in and back to it, and from a form to the
// page that it stands on, which says that it was not done.
func (c *Console) askToSignIn(v *visit) error {
	if v.r.Method == http.MethodGet {
		return v.redirect(signInAt(v.r.URL.RequestURI()))
	}
	id, err := c.leave(v)
	if err != nil {
		return err
	}
	to, err := url.Parse(c.pageOf(v.r))
	if err != nil {
		return err
	}
	q := to.Query()
	if id == "" {
		q.Set("undone", "1")
		to.RawQuery = q.Encode()
		return v.redirect("/sign-in?" + url.Values{"to": {to.String()}, "undone": {"1"}}.Encode())
	}
	q.Set("undone", id)
	to.RawQuery = q.Encode()
	return v.redirect(keptAt(to.String()))
}

// leave keeps what was typed into a form for the officer whose page it stood on, and
// returns its identifier: "" where nothing was typed, or nobody may come back for it.
func (c *Console) leave(v *visit) (string, error) {
	form := chi.RouteContext(v.r.Context()).RoutePattern()
	if _, known := leftForms[form]; !known {
		return "", nil
	}
	holder, err := c.holder(v)
	if errors.Is(err, exchange.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	values := unsigned(v.r.PostForm)
	delete(values, ofField)
	delete(values, leftField)
	left := exchange.Left{Form: form, Path: v.r.URL.RequestURI(), Values: values}
	if len(typedIn(left)) == 0 {
		return "", nil
	}
	return c.cfg.Forms.Leave(v.r.Context(), holder, left)
}

// unsigned is what a form has brought, without what a passkey has signed: that is for
// then and there.
func unsigned(posted url.Values) url.Values {
	values := maps.Clone(posted)
	delete(values, "token")
	delete(values, "passkey")
	return values
}

// A sentForm is what a form has brought while the store was away: its page holds it, and
// sends exactly that again. Nobody can be asked then who has sent it, and nothing is kept.
type sentForm struct {
	Path   string
	Files  bool
	Values url.Values
}

// sentForm returns what an officer has sent of what they have typed; nil for a form that
// holds nothing of the kind, or more than is read of somebody who is not known.
func (c *Console) sentForm(v *visit) *sentForm {
	route := chi.RouteContext(v.r.Context())
	if route == nil || v.r.Method != http.MethodPost { // none: it came from another site
		return nil
	}
	form := route.RoutePattern()
	if _, known := leftForms[form]; !known && form != "/write/{id}" {
		return nil
	}
	if v.r.PostForm == nil {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxStranger)
		if err := c.readForm(v.r); err != nil {
			return nil
		}
	}
	if v.r.PostForm.Get("do") == "autosave" { // its page holds it, and tries again
		return nil
	}
	return &sentForm{v.r.URL.RequestURI(), strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/"), unsigned(v.r.PostForm)}
}

// sentAgain drops what was kept once it was sent again.
func (c *Console) sentAgain(v *visit) {
	id := v.r.PostForm.Get(leftField)
	if id == "" {
		return
	}
	if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, id); err != nil { // it goes with its age
		c.cfg.Logger.Warn("what was sent again is still kept", "error", err)
	}
}

// dropLeft drops what was kept, and stays on its page.
func (c *Console) dropLeft(v *visit) error {
	if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, chi.URLParam(v.r, "id")); err != nil {
		return err
	}
	return v.redirect(local(v.r.PostFormValue("to")))
}

// A leftView says on a page that what was asked for there was not done, and what was
// kept of it.
type leftView struct {
	exchange.Left
	Does  string // what sends it again; "" when nothing was kept
	Typed []leftText
	Field string // what names it in the form
	To    string // the page without it
}

// A leftText is a text that was typed, and the field's name: a key of the catalogue.
type leftText struct{ Label, Text string }

// leftOn returns what a page has to say of a form that was not done; nil for nothing.
// What was kept for somebody else is nothing.
func (c *Console) leftOn(v *visit) (*leftView, error) {
	id := v.r.URL.Query().Get("undone")
	if v.officer == nil || id == "" || v.r.Method != http.MethodGet {
		return nil, nil
	}
	if id == "1" {
		return &leftView{}, nil
	}
	left, err := c.cfg.Forms.Left(v.r.Context(), v.officer, id)
	form, known := leftForms[left.Form]
	if errors.Is(err, exchange.ErrNotFound) || err == nil && !known {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	q := v.r.URL.Query()
	q.Del("undone")
	return &leftView{left, form.does(left.Values), typedIn(left), leftField, strings.TrimSuffix(v.r.URL.EscapedPath()+"?"+q.Encode(), "?")}, nil
}

// typedIn returns the texts that somebody has typed into a form.
func typedIn(left exchange.Left) (out []leftText) {
	for _, field := range leftForms[left.Form].typed {
		for _, text := range left.Values[field.name] {
			if strings.TrimSpace(text) != "" {
				out = append(out, leftText{field.label, text})
			}
		}
	}
	return out
}

// A leftFormat is a form of which is kept what was typed: what its button says, and
// its fields that somebody types into.
type leftFormat struct {
	does  func(url.Values) string
	typed []typedField
}

type typedField struct{ name, label string }

func says(key string) func(url.Values) string { return func(url.Values) string { return key } }

// saysBy chooses by a field, "" where it has another value.
func saysBy(field string, keys map[string]string) func(url.Values) string {
	return func(values url.Values) string { return or(keys[values.Get(field)], keys[""]) }
}

var (
	officerFields = []typedField{{"id", "sign_in.officer"}, {"name", "officer.name"}, {"pins", "officer.pins"}, {"oidc", "officer.oidc"}}
	filters       = func(values url.Values) string {
		if values.Has("name") {
			return "view.keep_do"
		}
		return "filter.apply"
	}
	reveals = leftFormat{saysBy("all", map[string]string{"": "reveal.chosen", "1": "reveal.everything"}), []typedField{{"reason", "reveal.reason"}}}
)

// leftForms are those forms by their routes. Of any other form the officer is told that
// it was not done; a test knows that nothing is typed into those.
var leftForms = map[string]leftFormat{
	"/cases":       {filters, []typedField{{"case", "column.case"}, {"name", "view.name"}}},
	"/messages":    {filters, []typedField{{"case", "column.case"}, {"by", "column.author"}, {"name", "view.name"}}},
	"/audit":       {says("filter.apply"), []typedField{{"officer", "audit.officer"}, {"case", "column.case"}}},
	"/record":      {says("record.find_do"), []typedField{{"message", "message.id"}}},
	"/find":        {says("find.do"), []typedField{{"text", "find.number"}}},
	"/find/person": {says("find.person_do"), []typedField{{"name", "find.name"}, {"latin", "find.latin"}, {"birth", "find.birth"}, {"number", "find.document"}, {"reason", "find.reason"}}},
	"/compare/{partner}/{case}/{subject}/with/{partner2}/{case2}/{subject2}": {says("compare.reveal_do"), []typedField{{"reason", "reveal.reason"}}},
	"/messages/{partner}/{direction}/{id}":                                   reveals,
	"/messages/{partner}/{direction}/{id}/proof":                             {says("proof.source_do"), []typedField{{"reason", "reveal.reason"}}},
	"/cases/{partner}/{case}/officers":                                       {says("assign.do"), []typedField{{"reason", "assign.reason"}}},
	"/cases/{partner}/{case}/erase":                                          {says("erase.do"), []typedField{{"reason", "erase.reason"}}},
	"/cases/{partner}/{case}/print": {
		saysBy("show", map[string]string{"": "print.personal_here", "all-pdf": "print.personal_pdf"}), []typedField{{"reason", "print.reason"}},
	},
	"/emergency":          {says("emergency.do"), []typedField{{"case", "emergency.case"}, {"reason", "emergency.reason"}}},
	"/reports":            {says("report.ask_do"), []typedField{{"case", "column.case"}, {"subject", "report.subject"}, {"reason", "report.reason"}}},
	"/officers/new":       {says("officers.add"), officerFields},
	"/officers/{officer}": {says("officers.save"), officerFields},
	"/drafts/{id}":        reveals,
	"/drafts/{id}/decision": {
		saysBy("decision", map[string]string{"": "decide.do.release", exchange.DecisionReject: "decide.do.reject"}),
		[]typedField{{"why", "decide.why"}, {"signed", "decide.signed"}},
	},
	"/drafts/{id}/amend":    {says("draft.amend"), []typedField{{"why", "draft.amend_why"}}},
	"/drafts/{id}/complete": {says("draft.complete"), []typedField{{"why", "draft.complete_why"}}},
	"/drafts/{id}/again":    {says("draft.again"), []typedField{{"why", "draft.again_why"}}},
	"/drafts/{id}/discard":  {says("draft.discard"), []typedField{{"why", "draft.discard_why"}}},
}
