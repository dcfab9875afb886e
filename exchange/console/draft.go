package console

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A draftView is the page of one draft.
type draftView struct {
	ID, Case, State, Author string
	Mine                    bool
	Type                    TypeName
	Self, Partner           Party
	Agreement               string
	Purpose                 string
	Recipient, Approval     string
	InReplyTo               string
	Version                 int64
	ChangedAt               time.Time
	Minors                  []string
	Blocks                  []Block
	Withheld                []string
	Missing                 []Lack
	Safeguards              []SafeguardLine
	Approvals               []exchange.Approval
	Officers                int
	SHA256                  string // "" until all of it was read
	Decides                 bool   // this officer may sign now
	Refused                 string
	Reveal                  reveal
}

// A Lack is a safeguard that is missing for a person.
type Lack struct{ Kind, Subject string }

// A SafeguardLine is a safeguard that was recorded.
type SafeguardLine struct{ Kind, Subject, Basis, On, Reference string }

func (c *Console) draftPage(v *visit) error {
	id := chi.URLParam(v.r, "id")
	want, err := wanted(v)
	if err != nil {
		return err
	}
	place := v.r.PostFormValue("file")
	if place != "" {
		masked, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, id, exchange.Reveal{})
		if err != nil {
			return err
		}
		want.Fields = covering(masked.Hidden, place)
	}
	status, fault := http.StatusOK, ""
	seen, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, id, want)
	if fault = faultOf(err); err != nil && fault != "" {
		status = http.StatusUnprocessableEntity
		seen, err = c.cfg.Sight.Draft(v.r.Context(), v.officer, id, exchange.Reveal{})
	}
	if err != nil {
		return err
	}
	if place != "" && fault == "" {
		return v.sendFile(id, seen.Body, place)
	}
	view := c.draftView(v, seen, want.Fields)
	view.Reveal = c.revealOf(v, len(seen.Hidden), want, fault)
	for _, pointer := range seen.Shown {
		view.Reveal.Shown = append(view.Reveal.Shown, c.placeOf(v, view.Type.Name, pointer))
	}
	title := v.s.T("draft.title", view.Type.Title)
	if fault != "" {
		title = v.s.T("error.prefix", title)
	}
	return c.show(v, status, "draft", title, "work", view)
}

func (c *Console) draftView(v *visit, seen exchange.SeenDraft, chosen []string) draftView {
	row, content := seen.Row, seen.Content
	view := draftView{
		ID: row.ID, Case: row.Case, State: string(row.State), Author: row.Author, Mine: row.Author == v.officer.ID,
		Type: c.typeName(v.s, row.Type), Self: c.party(v.s, c.cfg.Self), Partner: c.party(v.s, row.Partner), Agreement: content.Draft.Agreement,
		Purpose: content.Draft.Purpose, Recipient: content.Draft.Recipient, Approval: content.Draft.Approval, InReplyTo: content.Draft.InReplyTo,
		Version: row.Version, ChangedAt: row.ChangedAt, Minors: seen.Minors, Approvals: content.Approvals, Officers: content.Officers,
		SHA256: seen.SHA256, Refused: content.Refused,
		Decides: row.State == exchange.DraftWaiting && !decided(seen, v.officer.ID) && v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor),
	}
	if a, ok := c.cfg.Directory.Snapshot().Agreement(content.Draft.Agreement); ok {
		view.Agreement = v.s.Named(a.Title)
	}
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, shown: seen.Shown, chosen: chosen, minors: seen.Minors}
	view.Blocks = r.read(row.Type, seen.Body)
	for _, pointer := range content.Withheld {
		view.Withheld = append(view.Withheld, c.placeOf(v, row.Type, pointer))
	}
	for _, m := range content.Missing {
		view.Missing = append(view.Missing, Lack{m.Kind, m.Subject})
	}
	for _, s := range content.Safeguards {
		line := SafeguardLine{Kind: s.Kind, Subject: s.Subject, Basis: s.Basis, On: s.On, Reference: s.Reference}
		if day, err := time.Parse(time.DateOnly, s.On); err == nil {
			line.On = v.s.Date(day)
		}
		view.Safeguards = append(view.Safeguards, line)
	}
	return view
}

// code writes a code of a list in words.
func (c *Console) code(v *visit, list, code string) string {
	l, ok := schemas.List(list)
	if !ok {
		return code
	}
	return l.Label(code, v.s.Tag)
}
