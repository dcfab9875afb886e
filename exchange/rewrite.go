package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Rewriting is what an officer makes of a message of ours, whose correction it
// becomes. Both bodies are as the officer's form reads them, so that only what they
// have changed is a change; what is hidden from them is in neither.
type Rewriting struct {
	Target    string // our message
	Revision  int    // of the correction: one more than the officer began with
	Reason    string
	Untouched any
	Body      any
	Anew      []string // hidden places that they have written anew, without a look at them
}

// A Rewritten message is what a correction of ours says and what it changes, with
// nothing in it that its officer has not seen.
type Rewritten struct {
	Type    string // of what is corrected
	Body    json.RawMessage
	Before  any
	After   any
	Changes []Change
}

// A shown is what an officer has seen of a message that they correct: places, and
// the revision of it that they saw. Sight alone writes it.
type shown struct {
	Revision int      `json:"revision"`
	Places   []string `json:"places"`
}

// of returns the places that were shown of a revision.
func (s shown) of(revision int) []string {
	if s.Revision != revision {
		return nil
	}
	return s.Places
}

// Corrects shows the message that a form corrects: what is personal is hidden in
// it, but for what this very form was shown before. With a reveal it shows more,
// which is in the record first, and the form keeps what was shown.
func (s *Sight) Corrects(ctx context.Context, by *Officer, form *Form, want Reveal) (SeenMessage, error) {
	key := MessageKey{Lane{form.Partner, Out}, formTarget(form)}
	seen, err := s.Message(ctx, by, key, want)
	if err != nil {
		return SeenMessage{}, err
	}
	if seen.Versions[0].Claims.Case != form.Case {
		return SeenMessage{}, problem(ProblemNotFound, "There is no such message.")
	}
	revision := len(seen.Versions)
	if slices.Contains(want.Fields, "") {
		form.shown = shown{revision, slices.Clone(seen.Hidden)}
	} else if len(want.Fields) > 0 {
		form.shown = shown{revision, append(slices.Clone(form.shown.of(revision)), want.Fields...)}
	}
	version, err := s.lastVersion(ctx, key, form.Case)
	if err != nil {
		return SeenMessage{}, err
	}
	seen.Shown = form.shown.of(revision)
	seen.Versions[revision-1].Body = s.drawn(version.Claims.Type, version.Body, seen.Shown)
	return seen, nil
}

func formTarget(form *Form) string {
	if v := form.Values[".target"]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// lastVersion returns a message as its corrections have left it.
func (s *Sight) lastVersion(ctx context.Context, key MessageKey, caseID string) (Version, error) {
	versions, err := s.cfg.Files.judge.Versions(ctx, key, caseID)
	if err != nil {
		return Version{}, err
	}
	return versions[len(versions)-1], nil
}

// drawn returns a body with what is personal hidden, but for some places.
func (s *Sight) drawn(messageType string, body any, open []string) any {
	c := curtain{catalogue: s.cfg.Catalogue, messageType: messageType, open: open}
	return c.draw("", body)
}

// Rewrite writes the correction that an officer's form comes to. It is judged by
// its target's schema and field policy here, so that what is wrong is told at its place,
// and by the rest when it is submitted. A place that is hidden from the officer stays as it
// is; one that they have written anew is replaced as a whole, whatever was there:
// so a guess at what is hidden is not told to be right.
func (s *Sight) Rewrite(ctx context.Context, by *Officer, form Form, r Rewriting) (Rewritten, error) {
	seen, err := s.Corrects(ctx, by, &form, Reveal{})
	if err != nil {
		return Rewritten{}, err
	}
	if r.Revision != len(seen.Versions) {
		return Rewritten{}, problem(ProblemDraftVersion, "The message has been corrected since.").rule("correction-moved")
	}
	last := seen.Versions[len(seen.Versions)-1]
	out := Rewritten{Type: last.Claims.Type, Before: last.Body, After: r.Body}
	for _, place := range seen.Hidden {
		if slices.Contains(seen.Shown, place) {
			continue
		}
		r.Untouched = put(r.Untouched, place, Hidden{})
		if !slices.Contains(r.Anew, place) {
			out.After = put(out.After, place, Hidden{})
		}
	}
	if out.Changes = differences(r.Untouched, out.After); len(out.Changes) == 0 {
		return out, problem(ProblemCorrection, "Nothing was changed.").rule("correction-same")
	}
	if err := s.fits(ctx, form, r, &out); err != nil {
		return Rewritten{}, err
	}
	return out, nil
}

// fits writes a correction's body, and checks it and what it makes of its target.
func (s *Sight) fits(ctx context.Context, form Form, r Rewriting, out *Rewritten) error {
	var err error
	if out.Body, err = json.Marshal(struct {
		Target   string   `json:"target"`
		Revision int      `json:"revision"`
		Reason   string   `json:"reason,omitempty"` // one that is not chosen is missing, not wrong
		Changes  []Change `json:"changes"`
	}{r.Target, r.Revision, r.Reason, out.Changes}); err != nil {
		return fmt.Errorf("write a correction: %w", err)
	}
	body, err := schemas.Parse(out.Body, schemas.DefaultLimits())
	if err != nil {
		return schemaProblem(ProblemJSON, "/body", err)
	}
	version, err := s.lastVersion(ctx, MessageKey{Lane{form.Partner, Out}, r.Target}, form.Case)
	if err != nil {
		return err
	}
	corrected, refused := apply(version.Body, changesOf(body))
	if refused != nil {
		return refused
	}
	if err := s.cfg.Catalogue.Validate(out.Type, corrected); err != nil {
		return schemaProblem(ProblemSchema, "/body", err)
	}
	permit, err := s.cfg.Desk.TargetTerms(form.Partner, version.Claims)
	if err != nil {
		return err
	}
	known, err := s.cfg.Files.judge.known(ctx, CaseKey{form.Partner, form.Case})
	if err != nil {
		return err
	}
	if err := permit.CheckFields(corrected, minorsBy(version.Claims, known)); err != nil {
		return policyProblem(ProblemField, "/body", err)
	}
	if err := s.cfg.Catalogue.Validate(TypeCorrection, body); err != nil {
		return schemaProblem(ProblemSchema, "", err) // around the body that the officer sees
	}
	return nil
}

// Rewriting takes a waiting correction up again: what its officer typed, read off
// what it changes. What of its target they see by that is in the record first.
func (s *Sight) Rewriting(ctx context.Context, by *Officer, draft DraftView, form *Form, reason string) (Rewriting, error) {
	body, err := schemas.Parse(draft.Content.Draft.Body, schemas.DefaultLimits())
	if err != nil {
		return Rewriting{}, fmt.Errorf("read a draft's body: %w", err)
	}
	said := said(Claims{Type: TypeCorrection}, body)
	changes := changesOf(body)
	form.Values = map[string][]string{".target": {said.Target}}
	seen, err := s.Corrects(ctx, by, form, Reveal{})
	if err != nil {
		return Rewriting{}, err
	}
	want := Reveal{Reason: reason}
	for _, hidden := range seen.Hidden {
		if slices.ContainsFunc(changes, func(c Change) bool { return c.Pointer == hidden || strings.HasPrefix(c.Pointer, hidden+"/") }) {
			want.Fields = append(want.Fields, hidden)
		}
	}
	if len(want.Fields) > 0 {
		if seen, err = s.Corrects(ctx, by, form, want); err != nil {
			return Rewriting{}, err
		}
	}
	out := Rewriting{Target: said.Target, Revision: said.Revision}
	out.Reason, _ = member(body, "reason").(string)
	after, refused := apply(seen.Versions[len(seen.Versions)-1].Body, changes)
	if refused != nil { // it was corrected in another way meanwhile
		return Rewriting{}, refused
	}
	out.Body = after
	return out, nil
}

// A SeenCorrection is what a correction makes of its target, without what is hidden:
// of its values, what is hidden in its own body.
type SeenCorrection struct {
	Type          string // of what is corrected
	Target        string
	Before, After any // nil when the target has moved on
	Changes       []Change
}

// about returns the type of what a correction corrects; "" of anything else.
func (s *Sight) about(ctx context.Context, messageType string, lane Lane, caseID string, body any) (string, error) {
	if messageType != TypeCorrection {
		return "", nil
	}
	target, err := s.cfg.Files.cfg.Reader.Message(ctx, MessageKey{lane, said(Claims{Type: TypeCorrection}, body).Target})
	if errors.Is(err, ErrNotFound) || err == nil && target.Case != caseID {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find what is corrected: %w", err)
	}
	return target.Type, nil
}

// corrects returns what a correction of some type of message changes; drawn is its
// body as it is shown, and open says what is shown of its target. It is nil when
// nothing is corrected.
func (s *Sight) corrects(ctx context.Context, lane Lane, caseID, about string, body, drawn any, open []string) (*SeenCorrection, error) {
	if about == "" {
		return nil, nil
	}
	said := said(Claims{Type: TypeCorrection}, body)
	versions, err := s.cfg.Files.judge.Versions(ctx, MessageKey{lane, said.Target}, caseID)
	if err != nil {
		return nil, err
	}
	out := &SeenCorrection{Type: about, Target: said.Target, Changes: changesOf(drawn)}
	if said.Revision < 1 || said.Revision > len(versions) {
		return out, nil
	}
	before := versions[said.Revision-1].Body
	after, refused := apply(before, changesOf(body))
	if refused != nil {
		return out, nil
	}
	out.Before, out.After = s.drawn(about, before, open), s.drawn(about, after, open)
	return out, nil
}

// TargetTerms returns the terms that a message of ours was sent on: a correction
// asks for all that they ask for.
func (d *Desk) TargetTerms(partner string, target Claims) (*partners.Permit, error) {
	terms, err := d.Terms(partner, target.Type)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(terms, func(t Terms) bool { return t.Agreement.Code == target.Agreement })
	if i < 0 {
		return nil, problem(ProblemAgreement, "The agreement of the message that is corrected is not in force any more.").rule("agreement-unknown")
	}
	return terms[i].Permit, nil
}

// put returns a body with a value at a place. Objects on the way are made; the
// elements of lists are there, or the place is not.
func put(body any, pointer string, value any) any {
	if pointer == "" {
		return value
	}
	token, rest, more := strings.Cut(pointer[1:], "/")
	if more {
		rest = "/" + rest
	}
	if list, ok := body.([]any); ok {
		out := slices.Clone(list)
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(list) {
			out[i] = put(list[i], rest, value)
		}
		return out
	}
	was, _ := body.(map[string]any)
	out := make(map[string]any, len(was)+1)
	for name, v := range was {
		out[name] = v
	}
	out[token] = put(was[token], rest, value)
	return out
}
