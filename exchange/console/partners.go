package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A PartnerLine is a partner in the list.
type PartnerLine struct {
	Party      Party
	Suspended  bool
	Open       bool // the circuit breaker holds deliveries back
	Due, Dead  int64
	Oldest     time.Time
	Delivered  time.Time
	Failed     time.Time
	Troubled   bool // the last try failed
	Alarms     []string
	Revocation string // "" when nothing is wrong with the lists
	Ends       Ending // what of the partner's, or ours that it meets, ends first
}

// A partnersView is the page of all lines.
type partnersView struct {
	Lines []PartnerLine
	Own   []Ending // our certificates
}

// An Ending is a certificate or a key and when it ends.
type Ending struct {
	Kind   string // a key of the catalogue: what it is
	Name   string
	From   time.Time // zero: always
	At     time.Time // zero: never
	Days   int
	Over   bool
	Soon   bool
	Future bool // it counts only later
}

// soonEnds is when a key or a certificate that ends is shown as pressing.
const soonEnds = 30 * 24 * time.Hour

// What ends.
const (
	endsOwn   = "line.own"
	endsPages = "line.own_pages"
	endsMet   = "line.met"
	endsChain = "line.anchor"
	endsKey   = "line.key"
)

func endingOf(kind, name string, from, at, now time.Time) Ending {
	return Ending{
		Kind: kind, Name: name, From: from, At: at, Days: int(at.Sub(now).Hours() / 24),
		Over: !at.IsZero() && !at.After(now), Soon: !at.IsZero() && at.After(now) && at.Before(now.Add(soonEnds)), Future: from.After(now),
	}
}

// firstEnding is what ends first and has not ended; zero when nothing does. A certificate
// that is met is the only one: it counts also when it has ended.
func firstEnding(lists ...[]Ending) Ending {
	var first Ending
	for _, e := range slices.Concat(lists...) {
		if !e.At.IsZero() && (!e.Over || e.Kind == endsOwn || e.Kind == endsMet) && (first.At.IsZero() || e.At.Before(first.At)) {
			first = e
		}
	}
	return first
}

func (c *Console) partnerLine(v *visit, l exchange.Line) PartnerLine {
	out := PartnerLine{
		Party: c.party(v.s, l.Partner.Code), Suspended: l.Partner.Status == partners.Suspended, Open: l.Health.CircuitOpen,
		Due: l.Backlog.Due, Dead: l.Backlog.Dead, Oldest: l.Oldest, Delivered: l.Delivered, Failed: l.Failed,
		Troubled: l.Failed.After(l.Delivered), Alarms: l.Health.Alarms, Ends: firstEnding(c.own(v, false), metOf(l, v.now), anchorsOf(l, v.now), keysOf(l, v.now)),
	}
	if r := l.Health.Revocation; r != "" && r != "fresh" && r != "none" {
		out.Revocation = r
	}
	return out
}

// own are our certificates; those of the pages are met by officers alone.
func (c *Console) own(v *visit, pages bool) []Ending {
	if c.cfg.Own == nil {
		return nil
	}
	own, ofPages := c.cfg.Own()
	out := []Ending{endingOf(endsOwn, own.Name, time.Time{}, own.Ends, v.now)}
	if pages && !ofPages.Ends.IsZero() {
		out = append(out, endingOf(endsPages, ofPages.Name, time.Time{}, ofPages.Ends, v.now))
	}
	return out
}

func metOf(l exchange.Line, now time.Time) []Ending { return endingsOf(endsMet, l.Health.Met, now) }

func anchorsOf(l exchange.Line, now time.Time) []Ending {
	return endingsOf(endsChain, l.Health.Anchors, now)
}

func endingsOf(kind string, certificates []exchange.Certificate, now time.Time) []Ending {
	var out []Ending
	for _, c := range certificates {
		out = append(out, endingOf(kind, c.Name, time.Time{}, c.Ends, now))
	}
	return out
}

func keysOf(l exchange.Line, now time.Time) []Ending {
	var out []Ending
	for _, k := range l.Partner.SigningKeys {
		kid, _ := k.JWK["kid"].(string)
		out = append(out, endingOf(endsKey, kid, k.NotBefore, k.NotAfter, now))
	}
	return out
}

func (c *Console) partnersPage(v *visit) error {
	lines, err := c.cfg.Oversight.Lines(v.r.Context(), v.officer)
	if err != nil {
		return err
	}
	view := partnersView{Own: c.own(v, true)}
	for _, l := range lines {
		view.Lines = append(view.Lines, c.partnerLine(v, l))
	}
	return c.show(v, http.StatusOK, "partners", v.s.T("partners.title"), "partners", view)
}

// A partnerView is the page of one partner.
type partnerView struct {
	PartnerLine
	Endpoint   string
	Health     exchange.LineHealth
	Met        []Ending // the partner's certificates, as this process has met them
	Anchors    []Ending
	Keys       []Ending
	Pins       []string
	Contact    *partners.Contact
	Agencies   []agencyLine
	Agreements []agreementLine
	Parcels    []parcelLine
	More       bool
	Retries    bool // this officer may try dead messages again
	Retried    bool // some just were
}

type agencyLine struct {
	Code string
	Name Value
	Role string
}

type agreementLine struct {
	Code      string
	Title     Value
	InForce   bool
	Permits   []permitLine
	Deadlines []ClockLine
	Sources   []partners.Source
}

// A permitLine is a message type and what the agreement says of it in either
// direction.
type permitLine struct {
	Type          TypeName
	Send, Receive bool
	Officers      int
	Safeguards    []string
	Approval      bool
}

type parcelLine struct {
	Type     TypeName
	Case, ID string
	Dead     bool
	Due      time.Time
	Tries    int
	Last     exchange.Attempt
}

func (c *Console) partnerPage(v *visit) error {
	code := chi.URLParam(v.r, "partner")
	l, err := c.cfg.Oversight.Line(v.r.Context(), v.officer, code)
	if err != nil {
		return err
	}
	view := partnerView{
		PartnerLine: c.partnerLine(v, l), Endpoint: l.Partner.Endpoint, Health: l.Health, Met: metOf(l, v.now), Anchors: anchorsOf(l, v.now), Keys: keysOf(l, v.now),
		Pins: l.Partner.TLS.Pins, Contact: l.Partner.Contact, Retries: v.officer.Has(exchange.RoleSupervisor),
	}
	for _, a := range l.Partner.Agencies {
		view.Agencies = append(view.Agencies, agencyLine{a.Code, v.s.Said(a.Name), a.Role})
	}
	for _, a := range l.Agreements {
		view.Agreements = append(view.Agreements, c.agreementLine(v, a))
	}
	parcels, more, err := c.cfg.Oversight.Parcels(v.r.Context(), v.officer, code)
	if err != nil {
		return err
	}
	view.More = more
	for _, p := range parcels {
		view.Parcels = append(view.Parcels, c.parcelLine(v, p))
	}
	view.Retried = v.officer.Has(exchange.RoleSupervisor) && v.r.URL.Query().Get("retried") != ""
	return c.show(v, http.StatusOK, "partner", view.Party.Name, "partners", view)
}

func (c *Console) parcelLine(v *visit, p exchange.Parcel) parcelLine {
	out := parcelLine{Type: c.typeName(v.s, p.Type), Case: p.Case, ID: p.ID, Dead: p.Dead, Due: p.Due, Tries: len(p.Attempts)}
	if out.Tries > 0 {
		out.Last = p.Attempts[out.Tries-1]
	}
	return out
}

func (c *Console) agreementLine(v *visit, a *partners.Agreement) agreementLine {
	out := agreementLine{Code: a.Code, Title: v.s.Said(a.Title), InForce: a.Status == partners.InForce, Sources: a.Sources}
	for _, t := range c.cfg.Catalogue.Types() {
		send, receive := a.Find(t.Name, partners.Send), a.Find(t.Name, partners.Receive)
		if send == nil && receive == nil {
			continue
		}
		line := permitLine{Type: c.typeName(v.s, t.Name), Send: send != nil, Receive: receive != nil}
		if send != nil {
			line.Safeguards, line.Approval = send.Safeguards, send.Approval != nil
			if send.Release != nil {
				line.Officers = send.Release.Officers
			}
		}
		out.Permits = append(out.Permits, line)
	}
	for _, d := range a.Deadlines {
		out.Deadlines = append(out.Deadlines, ClockLine{
			Basis: v.s.Said(d.Basis), Citation: v.s.Said(d.Citation), Internal: d.Scope == partners.ScopeInternal,
			Type: c.typeName(v.s, d.Type), Value: d.Value, Unit: d.Unit,
		})
	}
	return out
}

// retryParcels makes dead messages due again: the one that is named, or all.
func (c *Console) retryParcels(v *visit) error {
	code, id := chi.URLParam(v.r, "partner"), v.r.PostFormValue("message")
	if id == "" && v.r.PostFormValue("all") == "" {
		return v.redirect("/partners/" + url.PathEscape(code))
	}
	n, err := c.cfg.Oversight.Retry(v.r.Context(), v.officer, code, id)
	if err != nil {
		return err
	}
	to := "/partners/" + url.PathEscape(code)
	if n > 0 {
		to += "?retried=1" // anybody can write an address: how many it were stands in the record alone
	}
	return v.redirect(to)
}
