package exchange

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Draft is a message before it is signed.
type Draft struct {
	ID        string // optional: a jti, so that submitting twice sends once
	To        string
	Type      string
	Case      string // optional for a type that opens a case
	InReplyTo string
	Agreement string // optional when only one agreement with the partner permits the type
	Purpose   string // optional when that agreement knows only one purpose for it
	Recipient string // an agency of the partner; where the agreement asks for one
	Approval  string // where the agreement asks for one
	Body      json.RawMessage
	// Seen are the answers to its question that the writer of an answer was shown, by
	// their identifiers: it does not leave beside another one. nil: nobody has looked.
	Seen []string `json:",omitzero"`
}

// Sent says what became of a draft.
type Sent struct {
	ID        string   `json:"jti"`
	Case      string   `json:"case"`
	Index     int64    `json:"index"`
	Seq       int64    `json:"seq"`
	Withheld  []string `json:"withheld,omitempty"` // JSON Pointers that the agreement removed
	Duplicate bool     `json:"duplicate,omitempty"`
}

// OutboxConfig wires an Outbox. Everything is required.
type OutboxConfig struct {
	Self      string
	Catalogue *schemas.Catalogue
	Directory *Directory
	Recorder  Recorder
	Reader    messageReader
	Opener    *Opener
	Signer    *seal.Signer
	Clock     func() time.Time
	Logger    *slog.Logger
}

// An Outbox signs and records messages; the courier carries them.
type Outbox struct {
	cfg   OutboxConfig
	judge judge
}

// NewOutbox returns an outbox; it refuses a missing part.
func NewOutbox(cfg OutboxConfig) (*Outbox, error) {
	if cfg.Self == "" || cfg.Catalogue == nil || cfg.Directory == nil || cfg.Recorder == nil || cfg.Reader == nil ||
		cfg.Opener == nil || cfg.Signer == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("outbox: a required part is missing")
	}
	return &Outbox{cfg, judge{cfg.Catalogue, cfg.Reader, cfg.Opener}}, nil
}

// safeguardsRecorded is the type of the entry that says which safeguards were taken for
// a message without a draft.
const safeguardsRecorded = "safeguards"

// Submit sends a draft that nobody has to release: see Desk for the others,
// which it refuses. The safeguards that were taken are recorded first.
func (o *Outbox) Submit(ctx context.Context, d Draft, safeguards ...Safeguard) (Sent, error) {
	for _, s := range safeguards {
		if invalid := s.Check(o.cfg.Clock()); invalid != nil {
			return Sent{}, invalid
		}
	}
	r, err := o.Review(ctx, d)
	if err != nil {
		return Sent{}, o.refused(ctx, d, err)
	}
	if r.Officers > 0 {
		return Sent{}, o.refused(ctx, r.Draft, problem(ProblemHeld, "%d officers have to release a %s; submit it as a draft.", r.Officers, d.Type).rule("officers-required"))
	}
	if lacking := r.lacks(safeguards, o.cfg.Clock()); len(lacking) > 0 {
		return Sent{}, o.refused(ctx, r.Draft, problem(ProblemHeld, "The agreement asks for a safeguard that is not recorded: %s.", lacking[0].Kind).rule("safeguard-missing"))
	}
	if len(safeguards) > 0 && r.book.find(r.Draft.ID, true) == nil {
		event := Entry{Type: safeguardsRecorded, Partner: r.Draft.To, Case: r.Draft.Case, ID: r.Draft.ID}
		if err := recordEvent(ctx, o.cfg.Recorder, event, safeguards); err != nil {
			return Sent{}, err
		}
	}
	sent, err := o.send(ctx, r.prepared)
	if err != nil {
		return Sent{}, o.refused(ctx, r.Draft, err)
	}
	return sent, nil
}

// refused records that a message of ours was refused before it was signed:
// which rule, and for which partner, but not what it said. It returns err.
func (o *Outbox) refused(ctx context.Context, d Draft, err error) error {
	var p *Problem
	if !errors.As(err, &p) || p.Kind.Retry || p.Kind == ProblemPartnerUnknown || p.Kind == ProblemIDReused {
		return err
	}
	e := &Entry{Kind: KindRefusal, Partner: d.To, Direction: Out, Data: refusalData(p, d.Body)}
	if ValidIdentifier(d.ID) {
		e.ID = d.ID
	}
	if o.cfg.Catalogue.Has(d.Type) {
		e.Type = d.Type
	}
	if recordErr := o.cfg.Recorder.Record(context.WithoutCancel(ctx), e); recordErr != nil {
		return fmt.Errorf("record a refusal: %w", recordErr)
	}
	return err
}

// release sends a draft that was looked at before, exactly as it was.
// then is what the draft is once it has left; again says that it had left before, and
// that this was not written.
func (o *Outbox) release(ctx context.Context, d Draft, then *draftWrite) (again bool, err error) {
	p, err := o.prepare(ctx, d)
	if err != nil {
		return false, err
	}
	// Since it was looked at the agreement may have begun to withhold more.
	if draftOf(p.claims).digest() != d.digest() {
		return false, problem(ProblemDraftState, "The agreement has changed since the draft was made; amend it.").rule("draft-outdated")
	}
	p.draft, p.seen = then, d.Seen
	sent, err := o.send(ctx, p)
	return sent.Duplicate, err
}

// send signs a message and records it together with its due delivery. When it
// returns nil the message is durable and will be carried.
func (o *Outbox) send(ctx context.Context, p *prepared) (Sent, error) {
	payload, err := json.Marshal(p.claims)
	if err != nil {
		return Sent{}, fmt.Errorf("write the claims: %w", err)
	}
	data, err := o.cfg.Signer.Sign(TypMessage, payload)
	if err != nil {
		return Sent{}, fmt.Errorf("sign the message: %w", err)
	}
	if len(data) > p.peer.Limits.MaxBodyBytes {
		return Sent{}, problem(ProblemTooLarge, "The signed message has %d bytes; %s takes at most %d.", len(data), p.peer.Code, p.peer.Limits.MaxBodyBytes)
	}
	e := &Entry{
		Kind: KindMessage, Partner: p.peer.Code, Direction: Out, ID: p.claims.ID, Type: p.claims.Type,
		Case: p.claims.Case, InReplyTo: p.claims.InReplyTo, Said: p.said, Data: data, Deliver: true, Terms: p.peer,
		recheck: func(b *Book) error { return cmp.Or(p.confirmed(b), p.answered(b)) }, draft: p.draft,
	}
	err = o.cfg.Recorder.Record(ctx, e)
	if refused := AsProblem(err); err != nil && refused.Kind == ProblemIDReused {
		return o.resubmitted(ctx, e, p)
	}
	if err != nil {
		return Sent{}, err
	}
	o.cfg.Logger.Info("message submitted", "partner", e.Partner, "jti", e.ID, "type", e.Type, "index", e.Index)
	return Sent{ID: e.ID, Case: e.Case, Index: e.Index, Seq: e.Seq, Withheld: p.withheld, Duplicate: e.Duplicate}, nil
}

// Review says what would become of a draft: as it will be sent, and who has to
// release it. It refuses what Submit would refuse, but for what only the record
// can decide.
func (o *Outbox) Review(ctx context.Context, d Draft) (Review, error) {
	p, err := o.prepare(ctx, d)
	if err != nil {
		return Review{}, err
	}
	if p.book.find(p.claims.ID, true) == nil { // a copy of what was sent is for the record to answer
		if refused := p.book.refuses(&Note{ID: p.claims.ID, Type: p.claims.Type, Out: true, Reply: p.claims.InReplyTo, Said: p.said}); refused != nil {
			return Review{}, refused
		}
	}
	officers := p.permit.Officers()
	if p.target != nil {
		officers = max(officers, p.target.Officers())
	}
	return Review{Draft: *draftOf(p.claims), Withheld: p.withheld, Officers: officers, prepared: p}, nil
}

// draftOf returns what claims say, as a draft.
func draftOf(c Claims) *Draft {
	return &Draft{
		ID: c.ID, To: c.Audience, Type: c.Type, Case: c.Case, InReplyTo: c.InReplyTo,
		Agreement: c.Agreement, Purpose: c.Purpose, Recipient: c.Recipient, Approval: c.Approval, Body: c.Body,
	}
}

// corrected returns the terms for the message that a correction corrects: it asks
// for all that its target asks for, or it would be a way around that. Of any
// other message it is nil.
func (o *Outbox) corrected(p *prepared) (*partners.Permit, error) {
	target := p.book.find(p.said.Target, true)
	if p.claims.Type != TypeCorrection || target == nil {
		return nil, nil
	}
	agreement, ok := p.peer.Agreement(target.Agreement)
	if !ok {
		return nil, problem(ProblemAgreement, "The agreement of the message that is corrected is not in force any more.").rule("agreement-unknown").at("/body/target")
	}
	return agreement.Find(target.Type, partners.Send), nil
}

// peer returns an active partner.
func (o *Outbox) peer(code string) (*Peer, error) {
	peer, err := o.cfg.Directory.Peer(code)
	if errors.Is(err, ErrNotFound) {
		return nil, problem(ProblemPartnerUnknown, "No partner has the code %q.", code)
	} else if err != nil {
		return nil, err
	}
	if peer.Status != partners.Active {
		return nil, problem(ProblemPartnerSuspended, "The exchange with %s is suspended in its partner file.", peer.Code)
	}
	return peer, nil
}

// A prepared message is complete and was judged as the partner will judge it; it
// is not signed yet.
type prepared struct {
	peer     *Peer
	permit   *partners.Permit
	target   *partners.Permit // of a correction: the terms for what it corrects
	claims   Claims
	said     Said
	withheld []string
	given    any         // the body with what is withheld: what it says of safeguards counts
	book     *Book       // of the case, as it is before the message
	draft    *draftWrite // what its draft is once it has left; nil where it had none
	seen     []string    // the answers beside it that its writer was shown
}

// answeredMeanwhile is the rule that an answer does not leave beside one that its writer
// has not seen.
const answeredMeanwhile = "answered-meanwhile"

// AnsweredMeanwhile is the reason that stands in the record of a draft which the gateway
// took back for that.
const AnsweredMeanwhile = "another answer had left meanwhile"

// answered refuses an answer where the same is said already about one of its persons, and
// its writer was not shown that: it came at this very moment, from another process too.
func (p *prepared) answered(b *Book) error {
	if p.seen == nil || p.claims.InReplyTo == "" {
		return nil
	}
	looked := 0
	for _, n := range slices.Backward(b.Notes) {
		if !n.Out || n.Reply != p.claims.InReplyTo {
			continue
		}
		if looked++; looked > maxAnswers { // whoever writes is shown no more of them
			break
		}
		both := slices.ContainsFunc(n.Subjects, func(d Decision) bool { _, is := p.said.of(d.Ref); return is })
		if both && n.Type == p.claims.Type && n.Status != dead && !slices.Contains(p.seen, n.ID) {
			return problem(ProblemCaseState, "Somebody else has answered it at the same moment; look at that first.").rule(answeredMeanwhile)
		}
	}
	return nil
}

// prepare completes a draft and checks it against schema, agreement and case.
func (o *Outbox) prepare(ctx context.Context, d Draft) (*prepared, error) {
	peer, err := o.peer(d.To)
	if err != nil {
		return nil, err
	}
	p := &prepared{peer: peer}
	if p.claims, err = o.claims(ctx, peer, d); err != nil {
		return nil, err
	}
	if p.given, err = schemas.Parse(d.Body, schemas.DefaultLimits()); err != nil {
		return nil, schemaProblem(ProblemJSON, "/body", err)
	}
	if !o.cfg.Catalogue.Has(d.Type) {
		return nil, problem(ProblemTypeUnknown, "This gateway knows no schema for the type %q.", d.Type).at("/type")
	}
	if p.permit, err = peer.complete(&p.claims); err != nil {
		return nil, err
	}
	if p.book, err = o.judge.known(ctx, CaseKey{peer.Code, p.claims.Case}); err != nil {
		return nil, err
	}
	body, withheld := p.permit.Redact(p.given, minorsBy(p.claims, p.book))
	p.withheld = withheld
	if p.claims.Body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	p.said, err = o.judge.judge(ctx, peer, p.claims, body, partners.Send, p.book)
	if err = also(err, implausible(body, "/body", o.cfg.Clock())); err == nil && p.said.made != nil {
		if err = implausible(p.said.made, "", o.cfg.Clock()); err != nil {
			err = because(ProblemDraft, err)
		}
	}
	if err != nil {
		return nil, err
	}
	if p.target, err = o.corrected(p); err != nil {
		return nil, err
	}
	return p, o.checkEnvelope(p.claims)
}

// claims are those of a draft, with an identifier and a case where it leaves
// them to us. A draft that was sent before is of the case that it was sent in.
func (o *Outbox) claims(ctx context.Context, peer *Peer, d Draft) (Claims, error) {
	now := o.cfg.Clock()
	c := Claims{
		Issuer: o.cfg.Self, Audience: peer.Code, ID: d.ID, Type: d.Type, Case: d.Case, InReplyTo: d.InReplyTo,
		Agreement: d.Agreement, Purpose: d.Purpose, Recipient: d.Recipient, Approval: d.Approval,
		IssuedAt: now.Unix(), Expires: now.Add(peer.Limits.MaxLifetime).Unix(),
	}
	if c.Case == "" && c.ID != "" {
		row, err := o.cfg.Reader.Message(ctx, MessageKey{Lane{peer.Code, Out}, c.ID})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return c, fmt.Errorf("look for an earlier message: %w", err)
		}
		c.Case = row.Case
	}
	if c.Case == "" {
		c.Case = NewID()
	}
	if c.ID == "" {
		c.ID = NewID()
	}
	return c, nil
}

// A Review is what an outbox would make of a draft.
type Review struct {
	Draft    Draft    // completed and redacted
	Withheld []string // JSON Pointers that the agreement removed
	Officers int      // how many have to release it

	*prepared
}

// lacks returns the safeguards that the message may not leave without.
func (r *Review) lacks(taken []Safeguard, now time.Time) []Missing {
	out := missing(r.permit, r.given, r.book, taken, now)
	if r.target != nil && r.said.made != nil {
		out = append(out, missing(r.target, r.said.made, r.book, taken, now)...)
	}
	return out
}

// checkEnvelope applies the envelope's schema to our own claims.
func (o *Outbox) checkEnvelope(claims Claims) error {
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("write the claims: %w", err)
	}
	parsed, err := schemas.Parse(payload, schemas.DefaultLimits())
	if err != nil {
		return schemaProblem(ProblemJSON, "", err)
	}
	if err := o.cfg.Catalogue.ValidateEnvelope(parsed); err != nil {
		return schemaProblem(ProblemEnvelope, "", err)
	}
	return nil
}

// resubmitted answers a second submission under the same identifier: the same
// content was sent already and is not sent again; other content is refused.
func (o *Outbox) resubmitted(ctx context.Context, e *Entry, p *prepared) (Sent, error) {
	row, err := o.cfg.Reader.Message(ctx, e.key())
	if err != nil {
		return Sent{}, fmt.Errorf("read the earlier message: %w", err)
	}
	opened, err := o.cfg.Opener.Open(ctx, row)
	if err != nil {
		return Sent{}, fmt.Errorf("open the earlier message: %w", err)
	}
	old, err := claimsIn(opened.Data)
	if err != nil {
		return Sent{}, fmt.Errorf("read the earlier message: %w", err)
	}
	if draftOf(old).digest() != draftOf(p.claims).digest() {
		return Sent{}, reusedID()
	}
	return Sent{ID: row.ID, Case: row.Case, Index: row.Index, Seq: row.Seq, Withheld: p.withheld, Duplicate: true}, nil
}
