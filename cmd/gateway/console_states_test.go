package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// The gallery's cases that stand at one step of something that takes several:
// the table of pages looks at each of them where it stands.

const (
	specimen    = `{"subjects":[{"subject_ref":"S-1","name":{"native":"Specimen","script":"Latn","latin":"Specimen"},"sex":"male","date_of_birth":"1990","claimed_birthplace":{"country":%[1]q,"text_as_given":"Specimen"},"claimed_citizenship":%[1]q}]}`
	wholeCase   = `{"scope":"case","basis":"consent_withdrawn"}`
	weeksBefore = -14 * 24 * time.Hour
)

// toErase leaves, by the step of an erasure that comes next, a case each.
func (g *gallery) toErase() {
	g.t.Helper()
	g.erasing = map[string]string{}
	for next, leads := range map[string]func(l *life, notice string){
		"signed": func(*life, string) {},
		"half": func(l *life, notice string) {
			view := g.submits(exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: l.id, InReplyTo: notice, Body: erasedOn(time.Now())})
			g.vn.decide(g.t, g.signed[:1], view)
		},
		"day": func(l *life, notice string) {
			g.vn.release(g.t, g.signed, exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: l.id, InReplyTo: notice, Body: erasedOn(time.Now().Add(weeksBefore))})
		},
		"drafts": func(l *life, notice string) {
			l.confirms(g.signed, notice)
			g.submits(exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: l.id, Body: json.RawMessage(wholeCase)})
		},
		"ready": func(l *life, notice string) { l.confirms(g.signed, notice) },
	} {
		l := g.life(g.t)
		l.told(exchange.TypeIdentityRequest, fmt.Sprintf(specimen, "VN"))
		leads(l, l.asksErasure())
		g.erasing[next] = "/cases/KH/" + l.id
	}
	ours := g.asksSpecimen()
	notice := g.vn.release(g.t, g.signed, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: ours.Case, Body: json.RawMessage(wholeCase)})
	g.arrives(notice.Row.ID)
	g.erasing["answered"] = "/cases/KH/" + ours.Case
}

// onTheWay leaves a case that cannot be erased because a message of ours is on its
// way, to a partner that does not answer.
func (g *gallery) onTheWay() {
	g.t.Helper()
	hour := partners.Duration(time.Hour)
	g.vn.editPartner("kh", func(p *partners.Partner) {
		p.RawRetry = partners.RawRetry{Initial: &hour, Max: &hour, DeadLetterAfter: &hour}
	})
	g.vn.reload()
	l := g.life(g.t)
	question := l.told(exchange.TypeIdentityRequest, fmt.Sprintf(specimen, "VN"))
	l.answers(exchange.TypeIdentityResponse, `{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`, question)
	l.confirms(g.signed, l.asksErasure())
	g.erasing["deliveries"] = "/cases/KH/" + l.id
}

// assigns leaves a case that one officer has.
func (g *gallery) assigns() {
	g.t.Helper()
	sent := g.asksSpecimen()
	if err := g.vn.node.files.Assign(g.t.Context(), &officerMinh, exchange.CaseKey{Partner: "KH", Case: sent.Case}, []string{"lan"}, ""); err != nil {
		g.t.Fatal(err)
	}
	g.assigned = "/cases/KH/" + sent.Case
}

// widens leaves an officer to whom an administrator has given more.
func (g *gallery) widens() {
	g.t.Helper()
	was := g.signed[1].Officer
	is := was
	is.Police = true
	if err := g.vn.node.roster.Administer(g.t.Context(), &officerQuan, is, was.Version()); err != nil {
		g.t.Fatal(err)
	}
}

// corrects leaves the message of ours that asks for the child with a correction.
func (g *gallery) corrects() {
	g.t.Helper()
	g.sent = g.oursSent()
	sent, err := g.vn.node.outbox.Submit(g.t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: g.ours, Body: json.RawMessage(
		`{"target":"` + g.sent + `","revision":1,"reason":"new_information","changes":[{"op":"replace","pointer":"/subjects/0/sex","value":"unknown"}]}`)}, consented)
	if err != nil {
		g.t.Fatal(err)
	}
	g.arrives(sent.ID)
}

func (g *gallery) asksSpecimen() exchange.Sent {
	g.t.Helper()
	sent, err := g.vn.node.outbox.Submit(g.t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(fmt.Sprintf(specimen, "KH"))}, consented)
	if err != nil {
		g.t.Fatal(err)
	}
	g.arrives(sent.ID)
	return sent
}

// arrives waits for the receipt of a message of ours.
func (g *gallery) arrives(id string) {
	g.t.Helper()
	eventually(g.t, "it is delivered", func() bool { return len(g.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: id})) == 1 })
}

func (g *gallery) submits(d exchange.Draft) exchange.DraftView {
	g.t.Helper()
	view, err := g.vn.node.desk.Submit(g.t.Context(), &g.signed[0].Officer, d, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return view
}

// rejects leaves a draft of lan's that another officer has rejected.
func (g *gallery) rejects() {
	g.t.Helper()
	view, err := g.vn.node.desk.Submit(g.t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: g.overdue, Body: json.RawMessage(wholeCase)}, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	by := g.signed[1]
	statement := exchange.Statement{
		Officer: by.ID, Audience: "VN", ID: exchange.NewID(), IssuedAt: time.Now().Unix(), Draft: view.Row.ID, Version: view.Row.Version, SHA256: view.SHA256,
		Decision: exchange.DecisionReject, Reason: "hồ sơ còn đang được giải quyết",
	}
	signed, err := statement.Sign(by.signer)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.vn.node.desk.Decide(g.t.Context(), &by.Officer, view.Row.ID, signed); err != nil {
		g.t.Fatal(err)
	}
	g.rejected = view.Row.ID
}

// erasedOn is the body of a confirmation that all was erased on a day.
func erasedOn(day time.Time) json.RawMessage {
	return json.RawMessage(`{"outcome":"done","erased_on":"` + day.Format(time.DateOnly) + `"}`)
}

// unfolds opens what is folded away.
func unfolds(summary string) func(*browser) {
	return func(b *browser) {
		b.t.Helper()
		b.reach(summary)
		b.run(chromedp.Click(chromedp.CSS(summary)))
	}
}

// rewrites types into a correction's form, as text for as many fields as it names,
// and presses a button of it.
func rewrites(do string, values map[string]string) func(*browser) {
	return func(b *browser) {
		b.t.Helper()
		fields, err := json.Marshal(values)
		if err != nil {
			b.t.Fatal(err)
		}
		look(b, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
			for (const [name, value] of Object.entries(%s)) {
				const field = document.querySelector('form.write [name="' + name + '"]');
				if (field.type === "radio" || field.type === "checkbox") document.querySelector('[name="' + name + '"][value="' + value + '"]').checked = true; else field.value = value;
			}
			return true })()`, fields)))
		presses(do)(b)
	}
}
