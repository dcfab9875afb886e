package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/repatriation-exchange/gateway/exchange"
)

// refusals are what each kind of answer says when the officer turns a request
// down; %d is the place of a person.
var refusals = map[string]struct{ pointer, value string }{
	exchange.TypeIdentityResponse:    {"/subjects/%d/outcome", "refused"},
	exchange.TypeTracingResponse:     {"/subjects/%d/outcome", "declined"},
	exchange.TypeReturnResponse:      {"/subjects/%d/decision", "refuse"},
	exchange.TypeSelfReturnResponse:  {"/subjects/%d/answers/%d/result", "refused"},
	exchange.TypeInformationResponse: {"/answers/%d/result", "refused"},
}

// canRefuse says whether an answer of this type can turn a request down.
func canRefuse(messageType string) bool { return refusals[messageType].pointer != "" }

// prefill types into a new form what the case says already; with refuse also
// that the request is turned down. Nothing in it is personal: what is, an officer
// types.
func (c *Console) prefill(v *visit, p *pen, refuse bool) error {
	t := p.typed
	t.values.Set(".target", p.offer.Target)
	term := p.term()
	t.values.Set(".approval", term.Permit.StandingApproval())
	asked, err := c.askedBody(v, p.Partner, p.offer.InReplyTo)
	if err != nil {
		return err
	}
	if link, ok := asked["link"].(string); ok {
		t.values.Set("/link", link)
	}
	switch p.Type {
	case exchange.TypeReturnRequest:
		t.values.Set("/nationality_confirmation", p.offer.Target)
	case exchange.TypeWithdrawal:
		target := v.r.URL.Query().Get("target")
		if target == "" {
			target = p.offer.Targets[0]
		}
		t.values.Set("/target", target)
	case exchange.TypeHandoverRecord:
		if p.offer.InReplyTo != "" { // a countersignature repeats the record
			t.fill(asked)
			t.values.Set("/countersigns/message", p.offer.InReplyTo)
			t.values.Set("/countersigns/message_sha256", p.offer.Digest)
		}
	case exchange.TypeInformationResponse:
		questions(t.values, "/answers", asked)
	}
	c.people(p, asked)
	if refuse {
		turnDown(p)
	}
	return nil
}

// askedBody returns what is not personal in the message that a form answers.
func (c *Console) askedBody(v *visit, partner, asked string) (map[string]any, error) {
	if asked == "" {
		return nil, nil
	}
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: partner, Direction: exchange.In}, ID: asked}
	seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, key, exchange.Reveal{})
	if err != nil {
		return nil, err
	}
	body, _ := seen.Last().Body.(map[string]any)
	return body, nil
}

// asked returns the questions that a form answers, also one that corrects an answer.
func (c *Console) asked(v *visit, p *pen) ([]string, error) {
	reply := p.text(".reply")
	if p.fix != nil {
		reply = p.fix.claims.InReplyTo
	}
	if about := p.about(); about != exchange.TypeInformationResponse && about != exchange.TypeSelfReturnResponse {
		return nil, nil
	}
	body, err := c.askedBody(v, p.Partner, reply)
	if kind := exchange.AsProblem(err).Kind; err != nil && (kind == exchange.ProblemNotFound || kind == exchange.ProblemErased) {
		return nil, nil // the form says what is wrong with what it answers
	}
	return questionsOf(body), err
}

// people names the persons that a form is about, or introduces the first one.
func (c *Console) people(p *pen, asked map[string]any) {
	f, ok := p.field("/subjects")
	if !ok || f.Elements != "object" || !f.Required {
		return
	}
	if opens(p) {
		p.typed.values.Set("/subjects#n", "1")
		c.introduce(p, 0)
		return
	}
	p.typed.values.Set("/subjects#n", strconv.Itoa(len(p.offer.Persons)))
	for i, ref := range p.offer.Persons {
		p.typed.values.Set(fmt.Sprintf("/subjects/%d/subject_ref", i), ref)
		if p.Type == exchange.TypeSelfReturnResponse {
			questions(p.typed.values, fmt.Sprintf("/subjects/%d/answers", i), asked)
		}
	}
}

// introduce gives a new person a reference that nobody has, or had, and the citizenship
// that such a message is about.
func (c *Console) introduce(p *pen, i int) {
	at := fmt.Sprintf("/subjects/%d", i)
	p.typed.values.Set(at+"/subject_ref", freeReference(p.taken()))
	country := p.Partner
	if p.Type == exchange.TypeSelfReturnRequest {
		country = c.cfg.Self
	}
	for _, name := range []string{"/claimed_citizenship", "/claimed_birthplace/country"} {
		if _, ok := p.field(at + name); ok {
			p.typed.values.Set(at+name, country)
		}
	}
}

// freeReference is the first reference that is not taken.
func freeReference(taken []string) string {
	for n := 1; ; n++ {
		if ref := fmt.Sprintf("S-%d", n); !slices.Contains(taken, ref) {
			return ref
		}
	}
}

// questionsOf returns the codes of the questions that a body asks.
func questionsOf(asked map[string]any) []string {
	all, _ := asked["questions"].([]any)
	var out []string
	for _, q := range all {
		if question, ok := q.(string); ok {
			out = append(out, question)
		}
	}
	return out
}

// questions types the questions that were asked into a list of answers.
func questions(values url.Values, list string, asked map[string]any) {
	all := questionsOf(asked)
	values.Set(list+"#n", strconv.Itoa(max(len(all), 1)))
	for i, question := range all {
		values.Set(fmt.Sprintf("%s/%d/question", list, i), question)
	}
}

// turnDown chooses the refusal for every person and every question.
func turnDown(p *pen) {
	refusal := refusals[p.Type]
	count := func(list string) int { n, _ := strconv.Atoi(p.typed.values.Get(list + "#n")); return n }
	switch p.Type {
	case exchange.TypeInformationResponse:
		for i := range count("/answers") {
			p.typed.values.Set(fmt.Sprintf(refusal.pointer, i), refusal.value)
		}
	case exchange.TypeSelfReturnResponse:
		for i := range count("/subjects") {
			for j := range count(fmt.Sprintf("/subjects/%d/answers", i)) {
				p.typed.values.Set(fmt.Sprintf(refusal.pointer, i, j), refusal.value)
			}
		}
	default:
		for i := range count("/subjects") {
			if refusal.pointer != "" {
				p.typed.values.Set(fmt.Sprintf(refusal.pointer, i), refusal.value)
			}
		}
	}
}
