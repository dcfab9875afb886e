package exchange

import (
	"bytes"
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
	if lacking := missing(r.permit, r.body, r.book, safeguards, o.cfg.Clock()); len(lacking) > 0 {
		return Sent{}, o.refused(ctx, r.Draft, problem(ProblemHeld, "The agreement asks for a safeguard that is not recorded: %s.", lacking[0].Kind).rule("safeguard-missing"))
	}
	if len(safeguards) > 0 && r.book.find(r.Draft.ID, true) == nil {
		event := Entry{Type: "safeguards", Partner: r.Draft.To, Case: r.Draft.Case, ID: r.Draft.ID}
		if err := recordEvent(ctx, o.cfg.Recorder, event, safeguards); err != nil {
			return Sent{}, err
		}
	}
	sent, err := o.release(ctx, r.Draft)
	if err != nil {
		return Sent{}, o.refused(ctx, r.Draft, err)
	}
	sent.Withheld = r.Withheld
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

// release checks a draft against schema, agreement and case exactly as the
// partner will, signs it, and records it together with its due delivery. When
// it returns nil the message is durable and will be carried.
func (o *Outbox) release(ctx context.Context, d Draft) (Sent, error) {
	peer, err := o.peer(d.To)
	if err != nil {
		return Sent{}, err
	}
	claims, said, withheld, err := o.prepare(ctx, peer, d, o.cfg.Clock())
	if err != nil {
		return Sent{}, err
	}
	// What leaves is what was looked at: since then the agreement may have begun
	// to withhold more.
	if draftOf(claims).digest() != d.digest() {
		return Sent{}, problem(ProblemDraftState, "The agreement has changed since the draft was made; amend it.").rule("draft-outdated")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return Sent{}, fmt.Errorf("write the claims: %w", err)
	}
	data, err := o.cfg.Signer.Sign(TypMessage, payload)
	if err != nil {
		return Sent{}, fmt.Errorf("sign the message: %w", err)
	}
	if len(data) > peer.Limits.MaxBodyBytes {
		return Sent{}, problem(ProblemTooLarge, "The signed message has %d bytes; %s takes at most %d.", len(data), peer.Code, peer.Limits.MaxBodyBytes)
	}
	e := &Entry{
		Kind: KindMessage, Partner: peer.Code, Direction: Out, ID: claims.ID, Type: claims.Type,
		Case: claims.Case, InReplyTo: claims.InReplyTo, Said: said, Data: data, Deliver: true, Terms: peer,
	}
	err = o.cfg.Recorder.Record(ctx, e)
	if p := AsProblem(err); err != nil && p.Kind == ProblemIDReused {
		return o.resubmitted(ctx, e, d, claims, withheld)
	}
	if err != nil {
		return Sent{}, err
	}
	o.cfg.Logger.Info("message submitted", "partner", peer.Code, "jti", e.ID, "type", e.Type, "index", e.Index)
	return Sent{ID: e.ID, Case: e.Case, Index: e.Index, Seq: e.Seq, Withheld: withheld}, nil
}

// Review says what would become of a draft: as it will be sent, and who has to
// release it. It refuses what Submit would refuse, but for what only the record
// can decide.
func (o *Outbox) Review(ctx context.Context, d Draft) (Review, error) {
	peer, err := o.peer(d.To)
	if err != nil {
		return Review{}, err
	}
	claims, said, withheld, err := o.prepare(ctx, peer, d, o.cfg.Clock())
	if err != nil {
		return Review{}, err
	}
	permit, err := permitOf(peer, claims, partners.Send)
	if err != nil {
		return Review{}, err
	}
	// What is said of safeguards counts even where the agreement withholds it.
	body, err := schemas.Parse(d.Body, schemas.DefaultLimits())
	if err != nil {
		return Review{}, fmt.Errorf("read the body again: %w", err)
	}
	book, err := o.judge.known(ctx, CaseKey{peer.Code, claims.Case})
	if err != nil {
		return Review{}, err
	}
	if book.find(claims.ID, true) == nil { // a copy of what was sent is for the record to answer
		trial := Book{Notes: slices.Clone(book.Notes)}
		if refused := trial.admit(Note{ID: claims.ID, Type: claims.Type, Out: true, Reply: claims.InReplyTo, Said: said}); refused != nil {
			return Review{}, refused
		}
	}
	officers, err := o.officers(peer, permit, book, said)
	if err != nil {
		return Review{}, err
	}
	return Review{
		Draft: *draftOf(claims), Withheld: withheld, Officers: officers, permit: permit, body: body, book: book,
	}, nil
}

// draftOf returns what claims say, as a draft.
func draftOf(c Claims) *Draft {
	return &Draft{
		ID: c.ID, To: c.Audience, Type: c.Type, Case: c.Case, InReplyTo: c.InReplyTo,
		Agreement: c.Agreement, Purpose: c.Purpose, Recipient: c.Recipient, Approval: c.Approval, Body: c.Body,
	}
}

// officers says how many have to release a message. A correction needs as many
// as the message that it corrects, or it would be a way around them.
func (o *Outbox) officers(peer *Peer, permit *partners.Permit, book *Book, s Said) (int, error) {
	n := permit.Officers()
	target := book.find(s.Target, true)
	if permit.Type != TypeCorrection || target == nil {
		return n, nil
	}
	agreement, ok := peer.Agreement(target.Agreement)
	if !ok {
		return 0, problem(ProblemAgreement, "The agreement of the message that is corrected is not in force any more.").rule("agreement-unknown").at("/body/target")
	}
	if of := agreement.Find(target.Type, partners.Send); of != nil {
		n = max(n, of.Officers())
	}
	return n, nil
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

// prepare completes a draft and checks it.
func (o *Outbox) prepare(ctx context.Context, peer *Peer, d Draft, now time.Time) (Claims, Said, []string, error) {
	claims := Claims{
		Issuer: o.cfg.Self, Audience: peer.Code, ID: d.ID, Type: d.Type, Case: d.Case, InReplyTo: d.InReplyTo,
		Agreement: d.Agreement, Purpose: d.Purpose, Recipient: d.Recipient, Approval: d.Approval,
		IssuedAt: now.Unix(), Expires: now.Add(peer.Limits.MaxLifetime).Unix(),
	}
	if claims.ID == "" {
		claims.ID = NewID()
	}
	if claims.Case == "" {
		claims.Case = NewID()
	}
	fail := func(err error) (Claims, Said, []string, error) { return Claims{}, Said{}, nil, err }
	body, err := schemas.Parse(d.Body, schemas.DefaultLimits())
	if err != nil {
		return fail(schemaProblem(ProblemJSON, "/body", err))
	}
	if !o.cfg.Catalogue.Has(claims.Type) {
		return fail(problem(ProblemTypeUnknown, "This gateway knows no schema for the type %q.", claims.Type).at("/type"))
	}
	permit, err := peer.complete(&claims)
	if err != nil {
		return fail(err)
	}
	known, err := o.judge.known(ctx, CaseKey{peer.Code, claims.Case})
	if err != nil {
		return fail(err)
	}
	body, withheld := permit.Redact(body, minorsBy(claims, known))
	if claims.Body, err = json.Marshal(body); err != nil {
		return fail(fmt.Errorf("write the body: %w", err))
	}
	said, err := o.judge.judge(ctx, peer, claims, body, partners.Send, known)
	if err != nil {
		return fail(err)
	}
	return claims, said, withheld, o.checkEnvelope(claims)
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
func (o *Outbox) resubmitted(ctx context.Context, e *Entry, d Draft, claims Claims, withheld []string) (Sent, error) {
	row, err := o.cfg.Reader.Message(ctx, e.key())
	if err != nil {
		return Sent{}, fmt.Errorf("read the earlier message: %w", err)
	}
	opened, err := o.cfg.Opener.Open(ctx, row)
	if err != nil {
		return Sent{}, fmt.Errorf("open the earlier message: %w", err)
	}
	earlier, err := PayloadOf(opened.Data)
	if err != nil {
		return Sent{}, fmt.Errorf("read the earlier message: %w", err)
	}
	var old Claims
	if err := json.Unmarshal(earlier, &old); err != nil {
		return Sent{}, fmt.Errorf("read the earlier message: %w", err)
	}
	var was, is bytes.Buffer
	if json.Compact(&was, old.Body) != nil || json.Compact(&is, claims.Body) != nil ||
		!bytes.Equal(was.Bytes(), is.Bytes()) || old.Type != claims.Type || old.InReplyTo != claims.InReplyTo || old.Agreement != claims.Agreement ||
		old.Purpose != claims.Purpose || d.Case != "" && d.Case != row.Case {
		return Sent{}, reusedID()
	}
	return Sent{ID: row.ID, Case: row.Case, Index: row.Index, Seq: row.Seq, Withheld: withheld, Duplicate: true}, nil
}
