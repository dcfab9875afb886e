package console

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A pen is a form under way: what it is, what was typed, and on which terms.
type pen struct {
	exchange.Form
	*typed
	terms    []exchange.Terms
	offer    exchange.Offer
	messages []Option
	fix      *fix               // of a correction; nil for any other message
	lacking  []exchange.Missing // what the draft that it was made from lacks
}

// term returns the terms that the officer has chosen, or the only ones.
func (p *pen) term() exchange.Terms {
	for _, t := range p.terms {
		if t.Agreement.Code == p.text(".agreement") {
			return t
		}
	}
	return p.terms[0]
}

// takeUp prepares a form to be shown or judged.
func (c *Console) takeUp(v *visit, form exchange.Form) (*pen, error) {
	if !c.cfg.Catalogue.Has(form.Type) {
		return nil, errNoPage
	}
	p := &pen{Form: form, typed: newTyped(c.cfg.Catalogue, form.Type, url.Values(form.Values), c.cfg.Zone)}
	if p.typed.values == nil {
		p.typed.values = url.Values{}
	}
	var err error
	if p.terms, err = c.cfg.Desk.Terms(form.Partner, form.Type); err != nil {
		return nil, err
	}
	if len(p.terms) == 0 {
		return nil, errNoPage
	}
	offers, err := c.cfg.Desk.Offers(v.r.Context(), v.officer, exchange.CaseKey{Partner: form.Partner, Case: form.Case})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(offers, func(o exchange.Offer) bool {
		return o.Type == form.Type && o.InReplyTo == p.text(".reply") && (o.Target == "" || p.text(".target") == "" || o.Target == p.text(".target"))
	})
	if i >= 0 {
		p.offer = offers[i]
	}
	if form.Type == exchange.TypeCorrection {
		return p, c.takeUpTarget(v, p)
	}
	return p, c.nameMessages(v, p)
}

// nameMessages names the messages that a form may rest on.
func (c *Console) nameMessages(v *visit, p *pen) error {
	ids := slices.Clone(p.offer.Targets)
	if p.offer.Target != "" {
		ids = append(ids, p.offer.Target)
	}
	if len(ids) == 0 || p.Case == "" {
		return nil
	}
	entries, err := c.cfg.Files.Timeline(v.r.Context(), v.officer, exchange.CaseKey{Partner: p.Partner, Case: p.Case}, 0, 4*exchange.MaxCaseMessages)
	if err != nil {
		return err
	}
	for _, id := range ids {
		label := id
		for _, e := range entries {
			if e.Kind == exchange.KindMessage && e.ID == id {
				label = v.s.T("form.message", c.typeName(v.s, e.Type).Title, v.s.Time(e.At))
			}
		}
		p.messages = append(p.messages, Option{Value: id, Label: label})
	}
	return nil
}

// number is how many elements a list of the form has.
func (p *pen) number(list string) int {
	if kind, ok := strings.CutPrefix(list, safeguardAt("")); ok {
		return p.recordedOf(kind)
	}
	f, _ := p.field(list)
	return p.count(f, list)
}

// draft is what the form comes to; of a correction also what it changes.
func (c *Console) draft(v *visit, p *pen) (d exchange.Draft, made exchange.Rewritten, err error) {
	var body json.RawMessage
	if p.fix != nil {
		made, err = c.rewritten(v, p)
		body = made.Body
	} else if body, err = json.Marshal(p.body()); err != nil {
		err = fmt.Errorf("write a body: %w", err)
	}
	if err != nil {
		return d, made, err
	}
	term := p.term()
	d = exchange.Draft{
		ID: p.ID, To: p.Partner, Type: p.Type, Case: p.Case, InReplyTo: p.text(".reply"), Agreement: term.Agreement.Code,
		Purpose: p.text(".purpose"), Recipient: p.text(".recipient"), Body: body,
	}
	if len(term.Permit.Purposes) == 1 {
		d.Purpose = term.Permit.Purposes[0]
	}
	if term.Permit.Approval != nil {
		d.Approval = p.text(".approval")
	}
	return d, made, nil
}

// opens says whether the form's type introduces persons.
func opens(p *pen) bool { return exchange.Opens(p.Type) }
