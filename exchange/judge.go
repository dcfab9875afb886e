package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A judge decides whether what a message says may be said: by its schema, by
// the agreement, and, for a correction, by what it makes of its target. Inbox
// and outbox share it, so that a sender is told what the receiver would say.
type judge struct {
	catalogue *schemas.Catalogue
	reader    messageReader
	opener    *Opener
}

// A messageReader finds messages and cases; ErrNotFound.
type messageReader interface {
	Message(ctx context.Context, key MessageKey) (Row, error)
	Case(ctx context.Context, key CaseKey) (CaseRow, error)
}

// judge checks a body and returns what the case's state depends on. known is
// who the case knows to be a minor, nil where nobody has looked yet.
func (j *judge) judge(ctx context.Context, peer *Peer, claims Claims, body any, way partners.Direction, known *Book) (Said, error) {
	broken := schemaProblem(ProblemSchema, "/body", j.catalogue.Validate(claims.Type, body))
	permit, err := permitOf(peer, claims, way)
	if broken == nil && err != nil {
		return Said{}, err
	}
	if err == nil {
		broken = also(broken, checkPermit(peer, permit, claims, body, way, known))
	}
	if broken != nil {
		return Said{}, broken
	}
	out := said(claims, body)
	out.Minors = MinorsOf(body, time.Unix(claims.IssuedAt, 0))
	out.Agreement, out.Deadlines = peer.starts(claims, body, way == partners.Send)
	if refused := senseless(out, claims.Type, body); refused != nil {
		return Said{}, refused
	}
	if refused := impersonal(claims, body); refused != nil {
		return Said{}, refused
	}
	if claims.Type == TypeCorrection {
		made, err := j.corrects(ctx, peer, claims, body, way, out.Revision)
		if err != nil {
			return Said{}, err
		}
		out.Subjects, out.Minors, out.made = made.Subjects, made.Minors, made.made
	}
	return out, nil
}

// recheck returns the rules for minors as they apply to a message once its case
// is at hand: the case may know that a person is a child of whom the message
// says nothing. It is nil where the agreement has no such rules, and it asks
// nothing of the store: the committer holds the book already.
func recheck(peer *Peer, claims Claims, body any) func(*Book) error {
	permit, err := permitOf(peer, claims, partners.Receive)
	if err != nil || permit.Minors == nil {
		return nil
	}
	return func(b *Book) error {
		if !b.hasMinors() {
			return nil
		}
		return checkPermit(peer, permit, claims, body, partners.Receive, b)
	}
}

// checkPermit applies the agreement's terms for a type, and tells all that they
// say against the message.
func checkPermit(peer *Peer, permit *partners.Permit, claims Claims, body any, way partners.Direction, known *Book) error {
	agreement, _ := peer.Agreement(claims.Agreement) // the permit is one of its own
	refused := policyProblem(ProblemAgreement, "", permit.CheckRecipient(claims.Recipient, peer.snapshot.Receivers(agreement, way)))
	refused = also(refused, policyProblem(ProblemAgreement, "", permit.CheckApproval(claims.Approval)))
	refused = also(refused, policyProblem(ProblemField, "/body", permit.CheckAnonymous(member(body, "anonymous") == true)))
	return also(refused, policyProblem(ProblemField, "/body", permit.CheckFields(body, minorsBy(claims, known))))
}

// minorsBy says who is to be protected as a minor: whoever the message itself
// shows to be one, or the case knows as one.
func minorsBy(claims Claims, known *Book) partners.Minor {
	return func(subject map[string]any) bool {
		ref, _ := subject["subject_ref"].(string)
		return mayBeMinor(subject, time.Unix(claims.IssuedAt, 0)) || known != nil && known.Minor(ref)
	}
}

// known returns the book of a case, an empty one when there is none yet.
func (j *judge) known(ctx context.Context, key CaseKey) (*Book, error) {
	book, err := j.opener.Book(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return &Book{}, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return book, nil
}

// corrects judges a correction by what it makes of its target: the corrected
// body must be one that its sender could have sent, about the same persons and
// on the same terms. It returns what the corrected message says.
func (j *judge) corrects(ctx context.Context, peer *Peer, claims Claims, body any, way partners.Direction, revision int) (Said, error) {
	direction := In
	if way == partners.Send {
		direction = Out
	}
	target, _ := member(body, "target").(string)
	versions, err := j.Versions(ctx, MessageKey{Lane{peer.Code, direction}, target}, claims.Case)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrErased) {
		return Said{}, nil // the case says what is wrong
	}
	if err != nil {
		return Said{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if revision != len(versions) {
		return Said{}, nil // made already, or before its turn: likewise
	}
	last := versions[len(versions)-1]
	corrected, refused := apply(last.Body, changesOf(body))
	if refused != nil {
		return Said{}, refused
	}
	if err := j.catalogue.Validate(last.Claims.Type, corrected); err != nil {
		return Said{}, because(ProblemCorrection, err)
	}
	permit, err := permitOf(peer, last.Claims, way)
	if err != nil {
		return Said{}, err
	}
	known, err := j.known(ctx, CaseKey{peer.Code, claims.Case})
	if err != nil {
		return Said{}, err
	}
	if err := checkPermit(peer, permit, last.Claims, corrected, way, known); err != nil {
		return Said{}, because(ProblemCorrection, err)
	}
	was, is := said(last.Claims, last.Body), said(last.Claims, corrected)
	if senseless := senseless(is, last.Claims.Type, corrected); senseless != nil {
		return Said{}, because(ProblemCorrection, senseless)
	}
	is.made = corrected
	is.Minors = MinorsOf(corrected, time.Unix(last.Claims.IssuedAt, 0))
	return is, sameMatter(last.Claims.Type, was, is)
}

// sameMatter refuses a correction that makes another message of its target:
// about other persons, on other terms, or resting on another message. That is
// withdrawn and sent anew, so that the other side can answer it.
func sameMatter(messageType string, was, is Said) error {
	persons := slices.EqualFunc(was.Subjects, is.Subjects, func(a, b Decision) bool {
		return a.Ref == b.Ref && (a.Value == b.Value || decides[messageType] != "")
	})
	if !persons || was.Target != is.Target || was.Digest != is.Digest || was.Terms != is.Terms || was.Link != is.Link {
		return problem(ProblemCorrection, "A correction keeps its target's persons, its terms, and the messages it rests on; send the message anew instead.").rule("correction-matter").at("/body/changes")
	}
	return nil
}

// because names the change as the place of what is wrong with its outcome.
func because(kind ProblemKind, err error) error {
	err = schemaProblem(kind, "", policyProblem(kind, "", err))
	var p *Problem
	if !errors.As(err, &p) {
		return err
	}
	p.Kind, p.Detail, p.Pointer, p.Errors = kind, "The corrected message would break a rule at "+p.Pointer+".", "/body/changes", nil
	return p
}

// A Version is a message as it was sent, or as a correction has left it.
type Version struct {
	Claims   Claims
	Body     any
	Revision int // 0 as it was sent
	ID       string
	At       time.Time
	Reason   string
	Changes  []Change
}

// Versions returns a message of a case and what its corrections made of it, in
// order. Those that the partner did not take are left out.
func (j *judge) Versions(ctx context.Context, key MessageKey, caseID string) ([]Version, error) {
	book, err := j.opener.Book(ctx, CaseKey{key.Partner, caseID})
	if err != nil {
		return nil, err
	}
	if book.find(key.ID, key.Direction == Out) == nil {
		return nil, fmt.Errorf("message %s: %w", key.ID, ErrNotFound)
	}
	first, err := j.read(ctx, key)
	if err != nil {
		return nil, err
	}
	versions := []Version{first}
	for _, c := range book.corrections(key.ID, key.Direction == Out) {
		v, err := j.read(ctx, MessageKey{key.Lane, c.ID})
		if err != nil {
			return nil, err
		}
		changes := changesOf(v.Body)
		reason, _ := member(v.Body, "reason").(string)
		body, refused := apply(versions[len(versions)-1].Body, changes)
		if refused != nil {
			return nil, fmt.Errorf("apply a correction that was accepted: %w", refused)
		}
		versions = append(versions, Version{Claims: first.Claims, Body: body, Revision: c.Revision, ID: c.ID, At: v.At, Reason: reason, Changes: changes})
	}
	return versions, nil
}

// read opens one message.
func (j *judge) read(ctx context.Context, key MessageKey) (Version, error) {
	row, err := j.reader.Message(ctx, key)
	if err != nil {
		return Version{}, err
	}
	opened, err := j.opener.Open(ctx, row)
	if err != nil {
		return Version{}, err
	}
	claims, body, err := ReadMessage(opened.Data)
	return Version{Claims: claims, Body: body, ID: row.ID, At: row.At}, err
}

// ReadMessage returns the claims and the parsed body of a message that this
// gateway has already verified and stored.
func ReadMessage(data []byte) (Claims, any, error) {
	payload, err := PayloadOf(data)
	if err != nil {
		return Claims{}, nil, err
	}
	parsed, err := schemas.Parse(payload, schemas.DefaultLimits())
	if err != nil {
		return Claims{}, nil, fmt.Errorf("read a stored message: %w", err)
	}
	claims, body, err := claimsOf(parsed)
	if err != nil {
		return Claims{}, nil, fmt.Errorf("read a stored message: %w", err)
	}
	claims.Body, err = json.Marshal(body)
	return claims, body, err
}

func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}
