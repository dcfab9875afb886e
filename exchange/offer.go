package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// An Offer is a message that may be sent now: what the catalogue, the agreement
// and the case allow, for whom, and in answer to what.
type Offer struct {
	Type      string
	InReplyTo string    // what it answers
	Target    string    // the confirmation, or the message, that it rests on
	Of        string    // the type of the partner's message that it answers, or else rests on
	At        time.Time // and from when that is
	Digest    string    // of the record that a countersignature repeats
	Persons   []string  // whom it may speak of; nil where it names nobody
	Targets   []string  // of a withdrawal or a correction: our messages, the last one first
	Again     bool      // for each of these persons we have said it already
	Drafts    []string  // of ours that have not left, and say it, in answer to the same
	Drafted   bool      // with these, it is said for each of these persons
	Refused   *Problem  // why it may not be sent; then it is for nobody
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
	book, drafts := &Book{}, []Note(nil)
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
		if drafts, err = d.drafted(ctx, key, book); err != nil {
			return nil, err
		}
	}
	if !by.Sees(key.Partner, book.about()) {
		return nil, problem(ProblemNotFound, "There is no such case.")
	}
	var out []Offer
	reading := book.toSend()
	for _, r := range catalogue {
		if !by.Sees(key.Partner, r.Kind) {
			continue
		}
		terms, err := d.Terms(key.Partner, r.Type)
		if err != nil {
			return nil, err
		}
		if len(terms) > 0 {
			out = append(out, reading.offers(r, drafts)...)
		}
	}
	return out, nil
}

// drafted notes what would be said by the drafts of a case that have not left.
func (d *Desk) drafted(ctx context.Context, key CaseKey, book *Book) ([]Note, error) {
	if book.Erased { // they went with it
		return nil, nil
	}
	views, err := d.unfinished(ctx, key)
	if errors.Is(err, ErrErased) { // at this very moment
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Note
	for _, view := range views {
		draft := view.Content.Draft
		body, err := schemas.Parse(draft.Body, schemas.DefaultLimits())
		if err != nil { // it was parsed before it was kept
			return nil, fmt.Errorf("read draft %s: %w", view.Row.ID, err)
		}
		out = append(out, Note{ID: draft.ID, Type: draft.Type, Out: true, Reply: draft.InReplyTo, Said: said(Claims{Type: draft.Type}, body)})
	}
	return out, nil
}

// toSend reads a book for messages of ours.
func (b *Book) toSend() *standing { return b.read(b.openedBy(&Note{Out: true})) }

// offers returns what one row of the catalogue comes to in a case with drafts that
// have not left.
func (s *standing) offers(r messageRule, drafts []Note) []Offer {
	kind, sender := s.book.Kind(), opener
	if !s.opener {
		sender = other
	}
	switch {
	case kind == "" && !r.Opens, kind != "" && r.Kind != "" && r.Kind != kind, !slices.Contains(r.From, sender):
		return nil
	}
	switch {
	case kind == "":
		return []Offer{{Type: r.Type}}
	case r.Type == TypeWithdrawal:
		return s.withdrawals()
	case r.Type == TypeCorrection:
		return s.corrected()
	case r.Reply != replyNever:
		return s.replies(r, drafts)
	}
	return s.says(r, nil, like(drafts, r.Type, ""))
}

// like are the drafts of a type that answer the same message, or none.
func like(drafts []Note, messageType, asked string) []Note {
	return slices.DeleteFunc(slices.Clone(drafts), func(n Note) bool { return n.Type != messageType || n.Reply != asked })
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
		if s.refuses(&trial) == nil {
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
func (s *standing) replies(r messageRule, drafts []Note) []Offer {
	var out []Offer
	for i := range slices.Backward(s.book.Notes) {
		if asked := &s.book.Notes[i]; !asked.Out && slices.Contains(r.Answers, asked.Type) {
			out = append(out, s.says(r, asked, like(drafts, r.Type, asked.ID))...)
		}
	}
	return out
}

// says asks, person by person, whether a type may be sent, and whether it was said
// or one of these drafts says it. Persons for whom it rests on different messages
// need different messages.
func (s *standing) says(r messageRule, asked *Note, drafts []Note) []Offer {
	var out []Offer
	var why *Problem
	for _, ref := range s.spokenOf(r, asked) {
		n := s.trial(r.Type, ref, asked)
		refused := s.refuses(&n)
		if r.Type == TypeHandoverNotice && refused != nil { // somebody may hold a document
			n.Subjects[0].Value = documentHeld
			if s.refuses(&n) == nil {
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
			i, out = len(out), append(out, Offer{Type: r.Type, InReplyTo: n.Reply, Target: n.Target, Digest: n.Digest, Again: true, Drafted: true})
			if about := s.book.find(cmp.Or(n.Reply, n.Target), false); about != nil {
				out[i].Of, out[i].At = about.Type, about.counted()
			}
		}
		if ref != whole {
			out[i].Persons = append(out[i].Persons, ref)
		}
		out[i].count(ref, s.said(r.Type, ref, asked), drafts)
	}
	if out == nil && why != nil {
		out = []Offer{{Type: r.Type, Refused: why}}
	}
	return out
}

// count adds a person to those whom an offer is about.
func (o *Offer) count(ref string, said bool, drafts []Note) {
	drafted := false
	for i := range drafts {
		if _, speaks := drafts[i].of(ref); speaks {
			drafted = true
			if !slices.Contains(o.Drafts, drafts[i].ID) {
				o.Drafts = append(o.Drafts, drafts[i].ID)
			}
		}
	}
	o.Again = o.Again && said
	o.Drafted = o.Drafted && (said || drafted)
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
