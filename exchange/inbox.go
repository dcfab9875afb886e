package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Recorder makes entries durable. Only the Committer implements it in the
// gateway; the bench leaves the record out to measure what it costs.
type Recorder interface {
	// Record returns when e is durable and in the tree, or why it is not.
	Record(ctx context.Context, e *Entry) error
}

// InboxConfig wires an Inbox. Everything is required.
type InboxConfig struct {
	Self      string
	Catalogue *schemas.Catalogue
	Recorder  Recorder
	Reader    messageReader
	Opener    *Opener
	Clock     func() time.Time
	Logger    *slog.Logger
	Metrics   *Metrics
}

// An Inbox takes what partners send. Each step of Accept may refuse, and the
// order is the order of trust: form, signature, meaning, agreement, record.
type Inbox struct {
	cfg   InboxConfig
	judge judge
}

// NewInbox returns an inbox; it refuses a missing part.
func NewInbox(cfg InboxConfig) (*Inbox, error) {
	if cfg.Self == "" || cfg.Catalogue == nil || cfg.Recorder == nil || cfg.Reader == nil || cfg.Opener == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("inbox: a required part is missing")
	}
	return &Inbox{cfg, judge{cfg.Catalogue, cfg.Reader, cfg.Opener}}, nil
}

// Accept takes the exact bytes that a peer sent and returns the signed receipt
// to answer with, once they are durable and in the tree. Otherwise the error
// is what to answer; what a known partner sent and was refused is recorded too.
func (in *Inbox) Accept(ctx context.Context, peer *Peer, body []byte) ([]byte, error) {
	e := &Entry{Kind: KindMessage, Partner: peer.Code, Direction: In, Data: body}
	err := in.accept(ctx, peer, e)
	if err == nil {
		in.cfg.Logger.Info("message accepted", "partner", e.Partner, "jti", e.ID, "type", e.Type, "index", e.Index, "copy", e.Duplicate)
		return e.Receipt, nil
	}
	refused := asRefusal(err)
	if refused.Kind == ProblemInternal || refused.Kind == ProblemUnavailable {
		return nil, refused // nothing is known to be wrong with the message
	}
	if recordErr := in.recordRefusal(context.WithoutCancel(ctx), e, refused); recordErr != nil {
		return nil, asRefusal(recordErr)
	}
	return nil, refused
}

func (in *Inbox) accept(ctx context.Context, peer *Peer, e *Entry) error {
	verified, err := Open(peer, e.Data)
	if err != nil {
		return err
	}
	claims, body, err := readClaims(in.cfg.Catalogue, verified)
	e.ID, e.Type = claims.ID, claims.Type
	if err != nil {
		return err
	}
	e.InReplyTo = claims.InReplyTo
	now := in.cfg.Clock()
	err = sealProblem(ProblemSignature, verified.CheckKey(now))
	if err == nil {
		e.Said, err = in.permitted(ctx, peer, claims, body, now)
	}
	if err != nil {
		// A message that was accepted once is answered as it was then, however
		// late the copy comes and whatever has changed since (P3, P10).
		copied, readErr := in.accepted(ctx, e, claims)
		switch {
		case readErr != nil:
			return readErr // a refusal would be final, and this may be a copy
		case copied:
			return in.cfg.Recorder.Record(ctx, e)
		}
		return err
	}
	e.Case, e.Terms, e.recheck = claims.Case, peer, recheck(peer, claims, body)
	return in.cfg.Recorder.Record(ctx, e)
}

// accepted says whether the record holds a message of this identifier, and
// makes e a copy of it.
func (in *Inbox) accepted(ctx context.Context, e *Entry, claims Claims) (bool, error) {
	row, err := in.cfg.Reader.Message(ctx, e.key())
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e.Case = row.Case
	return claims.Case == row.Case, nil
}

// Open verifies the exact bytes of a message with a peer's keys.
func Open(peer *Peer, data []byte) (seal.Verified, error) {
	unverified, err := seal.Parse(data, TypMessage, peer.Limits.MaxBodyBytes)
	if err != nil {
		return seal.Verified{}, sealProblem(ProblemJWS, err)
	}
	verified, err := unverified.Verify(peer.Keys)
	if err != nil {
		return seal.Verified{}, sealProblem(ProblemSignature, err)
	}
	return verified, nil
}

// readClaims parses the verified payload once, strictly, and checks that it is
// a message. On error it returns what was certain to be read.
func readClaims(catalogue *schemas.Catalogue, verified seal.Verified) (Claims, any, error) {
	parsed, err := schemas.Parse(verified.Payload(), schemas.DefaultLimits())
	if err != nil {
		return Claims{}, nil, schemaProblem(ProblemJSON, "", err)
	}
	if err := catalogue.ValidateEnvelope(parsed); err != nil {
		return Claims{}, nil, schemaProblem(ProblemEnvelope, "", err)
	}
	claims, body, err := claimsOf(parsed)
	if err != nil {
		return Claims{}, nil, err
	}
	if !catalogue.Has(claims.Type) {
		return claims, nil, problem(ProblemTypeUnknown, "This gateway knows no schema for the type.").at("/type")
	}
	return claims, body, nil
}

// permitted checks the meaning of a message: parties, times, schema and
// agreement.
func (in *Inbox) permitted(ctx context.Context, peer *Peer, claims Claims, body any, now time.Time) (Said, error) {
	if claims.Issuer != peer.Code {
		return Said{}, problem(ProblemIssuer, "iss must be the code of the partner whose certificate opened the connection.").at("/iss")
	}
	if claims.Audience != in.cfg.Self {
		return Said{}, problem(ProblemAudience, "aud must be %s.", in.cfg.Self).at("/aud")
	}
	if p := claims.checkTimes(now, peer.Limits.ClockSkew, peer.Limits.MaxLifetime); p != nil {
		return Said{}, p
	}
	return in.judge.judge(ctx, peer, claims, body, partners.Receive, nil)
}

// permitOf finds the agreement's row for a message.
func permitOf(peer *Peer, claims Claims, direction partners.Direction) (*partners.Permit, error) {
	agreement, ok := peer.Agreement(claims.Agreement)
	if !ok {
		return nil, problem(ProblemAgreement, "No agreement of this code is in force with this partner.").rule("agreement-unknown").at("/agreement")
	}
	permit, err := agreement.Permit(claims.Type, direction, claims.Purpose)
	if err != nil {
		return nil, policyProblem(ProblemAgreement, "", err)
	}
	return permit, nil
}

// recordRefusal puts a refusal into the record: which partner, when, which
// rule, and a salted hash of the bytes, but never the bytes themselves.
func (in *Inbox) recordRefusal(ctx context.Context, e *Entry, p *Problem) error {
	in.cfg.Metrics.refused(e.Partner, p.Kind.Slug)
	refusal := &Entry{
		Kind: KindRefusal, Partner: e.Partner, Direction: In, ID: e.ID, Type: e.Type,
		Data: refusalData(p, e.Data),
	}
	if err := in.cfg.Recorder.Record(ctx, refusal); err != nil {
		return fmt.Errorf("record a refusal: %w", err)
	}
	in.cfg.Logger.Warn("message refused", "partner", e.Partner, "jti", e.ID, "type", e.Type, "problem", p.Kind.Slug, "rule", p.Rule, "index", refusal.Index)
	return nil
}

// RecordRefusal records a refusal that was decided before Accept, by the HTTP
// server, for a known partner.
func (in *Inbox) RecordRefusal(ctx context.Context, peer *Peer, p *Problem, received []byte) error {
	return in.recordRefusal(ctx, &Entry{Partner: peer.Code, Data: received}, p)
}

// asRefusal turns any error into the problem to answer with.
func asRefusal(err error) *Problem {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrOutcomeUnknown) {
		return problem(ProblemUnavailable, "The message was not acknowledged; send the identical bytes again later.").after(5 * time.Second).because(err)
	}
	return AsProblem(err)
}
