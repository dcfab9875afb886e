package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A decision is the page on which an officer signs what they decide, where no
// passkey does it at once: with a key of their own, or on a smart card.
type decision struct {
	ID, Case  string
	Opened    bool // the case is there for this officer
	Type      TypeName
	Partner   Party
	Decision  string
	Does      string // which it is to this officer
	Reason    string
	Statement string // what is signed, word for word
	Token     string // the same, to be brought back
	SHA256    string
	Version   int64
	Signed    string // what was handed in and did not count
	Passkey   bool
	Command   string // that signs it in a demonstration
	Fault     string
}

// statementOf makes the statement that a form is about. The digest in it was
// shown to whoever has read the draft, and to nobody else.
func (c *Console) statementOf(v *visit) (exchange.Statement, string) {
	version, _ := strconv.ParseInt(v.r.PostFormValue("version"), 10, 64) // 0 is no version
	s := exchange.Statement{
		Officer: v.officer.ID, Audience: c.cfg.Self, ID: exchange.NewID(), IssuedAt: v.now.Unix(), Draft: chi.URLParam(v.r, "id"), Version: version,
		SHA256: v.r.PostFormValue("sha256"), Decision: v.r.PostFormValue("decision"),
	}
	if s.Decision != exchange.DecisionReject {
		s.Decision = exchange.DecisionRelease
		return s, ""
	}
	s.Reason = strings.TrimSpace(v.r.PostFormValue("why"))
	if !exchange.GoodReason(s.Reason) {
		return s, "decide.reason_required"
	}
	return s, ""
}

// askStatement tells a script what the officer's passkey has to sign.
func (c *Console) askStatement(v *visit) error {
	s, fault := c.statementOf(v)
	allowed := c.credentials(v.officer)
	if fault != "" || len(allowed) == 0 {
		return errNoPage // the script sends the form, and its answer says what is missing
	}
	text := s.Bytes()
	return answer(v, passkeyAsk{base64.RawURLEncoding.EncodeToString(text), c.toSign(exchange.Challenge(text), allowed)})
}

// decideDraft takes a signed decision, or shows what has to be signed.
func (c *Console) decideDraft(v *visit) error {
	id := chi.URLParam(v.r, "id")
	signed := []byte(strings.TrimSpace(v.r.PostFormValue("signed")))
	if passkey := passkeyAnswer(v.r); passkey != nil {
		assertion, err := exchange.ReadAssertion(passkey)
		if err != nil {
			return c.showDecision(v, "decide.failed.approval-form")
		}
		if signed, err = json.Marshal(exchange.PasskeyStatement{Statement: v.r.PostFormValue("token"), Assertion: assertion}); err != nil {
			return err
		}
	}
	if len(signed) == 0 {
		return c.showDecision(v, "")
	}
	view, err := c.cfg.Desk.Decide(v.r.Context(), v.officer, id, signed)
	var problem *exchange.Problem
	switch {
	case err == nil && view.Row.State == exchange.DraftDiscarded: // after this officer signed, and before it left
		return v.redirect("/drafts/" + id + "?changed=1")
	case err == nil:
	case errors.As(err, &problem) && problem.Kind == exchange.ProblemApproval:
		fault := "decide.failed." + problem.Rule
		if !v.s.has(fault) {
			fault = "decide.failed"
		}
		return c.showDecision(v, fault)
	case errors.As(err, &problem) && (problem.Kind == exchange.ProblemDraftVersion || problem.Kind == exchange.ProblemDraftState):
		return v.redirect("/drafts/" + id + "?changed=1")
	case errors.As(err, &problem) && problem.Kind.Status == http.StatusUnprocessableEntity:
		return v.redirect("/drafts/" + id) // it was released, and may not be said any more: its page says so
	default:
		return err
	}
	return v.redirect("/drafts/" + id + "?done=decided")
}

// does says what a decision is to an officer: what an author signs is no approval by
// somebody else, and is not called one.
func does(draft exchange.DraftView, officer *exchange.Officer, decision string) string {
	if decision == exchange.DecisionRelease && slices.Contains(draft.Authors(), officer.ID) {
		return "author"
	}
	return decision
}

func (c *Console) showDecision(v *visit, fault string) error {
	s, incomplete := c.statementOf(v)
	outline, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, s.Draft)
	if err != nil {
		return err
	}
	row := outline.Row
	view := decision{
		ID: row.ID, Case: row.Case, Type: c.typeName(v.s, row.Type), Partner: c.party(v.s, row.Partner), Decision: s.Decision, Does: does(outline, v.officer, s.Decision), Reason: s.Reason,
		SHA256: s.SHA256, Version: s.Version, Signed: v.r.PostFormValue("signed"), Passkey: c.signs(v.officer), Fault: fault,
	}
	if c.door != nil && c.door.Sign != nil {
		view.Command = c.door.Sign(v.officer.ID)
	}
	if view.Opened, err = c.opened(v, exchange.CaseKey{Partner: row.Partner, Case: row.Case}); err != nil {
		return err
	}
	status := http.StatusOK
	if incomplete != "" {
		view.Fault = incomplete
	} else {
		view.Statement = string(s.Bytes())
		view.Token = base64.RawURLEncoding.EncodeToString([]byte(view.Statement))
	}
	title := v.s.T("decide.title." + view.Does)
	if view.Fault != "" {
		status, title = http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "decide", title, "work", view)
}
