package exchange

import (
	"context"
	"slices"

	"github.com/repatriation-exchange/gateway/partners"
)

// An Offer is a message that may be sent now: what the catalogue, the agreement
// and the case allow, for whom, and in answer to what.
type Offer struct {
	Type      string
	InReplyTo string   // what it answers
	Target    string   // the confirmation, or the message, that it rests on
	Digest    string   // of the record that a countersignature repeats
	Persons   []string // whom it may speak of; nil where it names nobody
	Targets   []string // of a withdrawal or a correction: our messages, the last one first
	Again     bool     // for each of these persons we have said it already
	Refused   *Problem // why it may not be sent; then it is for nobody
}

// Terms are what an agreement says of a type that we send.
type Terms struct {
	Agreement  *partners.Agreement
	Permit     *partners.Permit
	Recipients []partners.Agency // who may be named as recipient; nil where nobody has to be
}

// Terms returns what each agreement with a partner says of a type that we send,
// none when no agreement permits it.
func (d *Desk) Terms(partner, messageType string) ([]Terms, error) {
	peer, err := d.cfg.Outbox.peer(partner)
	if err != nil {
		return nil, err
	}
	var out []Terms
	for _, a := range peer.snapshot.Agreements(partner) {
		permit := a.Find(messageType, partners.Send)
		if a.Status != partners.InForce || permit == nil {
			continue
		}
		t := Terms{Agreement: a, Permit: permit}
		for _, agency := range peer.snapshot.Receivers(a, partners.Send) {
			if slices.Contains(permit.Recipients, agency.Code) {
				t.Recipients = append(t.Recipients, agency)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// Offers returns what an officer may send in a case now, and why the rest of what
// belongs to this side may not be sent. Without a case they are what opens one.
func (d *Desk) Offers(ctx context.Context, by *Officer, key CaseKey) ([]Offer, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) {
		return nil, nil
	}
	book := &Book{}
	if key.Case != "" {
		hidden, err := d.cfg.Opener.hides(ctx, by, key)
		if err != nil {
			return nil, err
		}
		if hidden {
			return nil, problem(ProblemNotFound, "There is no such case.")
		}
		if book, err = d.cfg.Outbox.judge.known(ctx, key); err != nil {
			return nil, err
		}
	}
	if !by.Sees(key.Partner, book.Kind()) {
		return nil, problem(ProblemNotFound, "There is no such case.")
	}
	var out []Offer
	for _, r := range catalogue {
		if !by.Sees(key.Partner, r.Kind) {
			continue
		}
		terms, err := d.Terms(key.Partner, r.Type)
		if err != nil {
			return nil, err
		}
		if len(terms) > 0 {
			out = append(out, book.offers(r)...)
		}
	}
	return out, nil
}

// offers returns what one row of the catalogue comes to in a case.
func (b *Book) offers(r messageRule) []Offer {
	kind, sender := b.Kind(), opener
	if kind != "" && !b.Opened() {
		sender = other
	}
	switch {
	case kind == "" && !r.Opens, kind != "" && r.Kind != "" && r.Kind != kind, !slices.Contains(r.From, sender):
		return nil
	}
	s := b.read(kind == "" || b.Opened())
	switch {
	case kind == "":
		return []Offer{{Type: r.Type}}
	case r.Type == TypeWithdrawal:
		return s.withdrawals()
	case r.Type == TypeCorrection:
		return s.corrected()
	case r.Reply != replyNever:
		return s.replies(r)
	}
	return s.says(r, nil)
}

// withdrawals offers to withdraw what we have sent.
func (s *standing) withdrawals() []Offer {
	out := Offer{Type: TypeWithdrawal, Persons: s.refs()}
	for i := range slices.Backward(s.book.Notes) {
		n := &s.book.Notes[i]
		if n.Out && n.Status != dead && correctable(n.Type) {
			out.Targets = append(out.Targets, n.ID)
		}
	}
	if out.Targets == nil {
		return nil
	}
	return []Offer{out}
}

// corrected offers to correct what we have sent and what still stands.
func (s *standing) corrected() []Offer {
	out := Offer{Type: TypeCorrection}
	for i := range slices.Backward(s.book.Notes) {
		n := &s.book.Notes[i]
		if !n.Out || n.Status == dead {
			continue
		}
		trial := Note{Type: TypeCorrection, Out: true, Said: Said{Target: n.ID, Revision: s.revisions(n) + 1, Subjects: n.Subjects, made: n}}
		if s.book.refuses(&trial) == nil {
			out.Targets = append(out.Targets, n.ID)
		}
	}
	if out.Targets == nil {
		return nil
	}
	return []Offer{out}
}

// replies offers an answer to each message that a type can answer, the last one
// first.
func (s *standing) replies(r messageRule) []Offer {
	var out []Offer
	for i := range slices.Backward(s.book.Notes) {
		if asked := &s.book.Notes[i]; !asked.Out && slices.Contains(r.Answers, asked.Type) {
			out = append(out, s.says(r, asked)...)
		}
	}
	return out
}

// says asks, person by person, whether a type may be sent. Persons for whom it
// rests on different messages need different messages.
func (s *standing) says(r messageRule, asked *Note) []Offer {
	var out []Offer
	var why *Problem
	for _, ref := range s.spokenOf(r, asked) {
		n := s.trial(r.Type, ref, asked)
		refused := s.book.refuses(&n)
		if r.Type == TypeHandoverNotice && refused != nil { // somebody may hold a document
			n.Subjects[0].Value = documentHeld
			if s.book.refuses(&n) == nil {
				refused = nil
			}
		}
		if refused != nil {
			if why == nil {
				why = refused
			}
			continue
		}
		i := slices.IndexFunc(out, func(o Offer) bool { return o.Target == n.Target })
		if i < 0 {
			i, out = len(out), append(out, Offer{Type: r.Type, InReplyTo: n.Reply, Target: n.Target, Digest: n.Digest, Again: true})
		}
		if ref != whole {
			out[i].Persons = append(out[i].Persons, ref)
		}
		out[i].Again = out[i].Again && s.said(r.Type, ref, asked)
	}
	if out == nil && why != nil {
		out = []Offer{{Type: r.Type, Refused: why}}
	}
	return out
}

// spokenOf returns whom a message can be about: those of the message that it
// answers, or all of the case.
func (s *standing) spokenOf(r messageRule, asked *Note) []string {
	if r.Kind == Information || r.Type == TypeErasureNotice || r.Type == TypeErasureConfirmation {
		return []string{whole}
	}
	if asked == nil {
		return s.refs()
	}
	var out []string
	for _, d := range asked.Subjects {
		out = append(out, d.Ref)
	}
	return out
}

// trial is a message as it would be noted if it said the most favourable thing of
// one person.
func (s *standing) trial(messageType, ref string, asked *Note) Note {
	n := Note{Type: messageType, Out: true, Said: Said{Subjects: []Decision{{Ref: ref}}}}
	if asked != nil {
		n.Reply = asked.ID
	}
	switch {
	case messageType == TypeReturnRequest:
		if confirmation := s.nationality(ref); confirmation != nil {
			n.Target = confirmation.ID
		}
	case messageType == TypeHandoverRecord && asked != nil: // a countersignature repeats the record
		n.Target, n.Digest, n.Terms = asked.ID, asked.Digest, asked.Terms
		n.Subjects = slices.Clone(asked.Subjects)
		for i, d := range n.Subjects {
			n.Subjects[i].Value = s.decides(asked, d.Ref)
		}
	case messageType == TypeReception:
		n.Subjects[0].Value = "received"
	}
	return n
}

// said says whether we have sent a type about a person, in answer to asked.
func (s *standing) said(messageType, ref string, asked *Note) bool {
	return slices.ContainsFunc(s.spoken[ref], func(w word) bool {
		return w.note.Out && w.note.Type == messageType && (asked == nil || w.note.Reply == asked.ID)
	})
}
