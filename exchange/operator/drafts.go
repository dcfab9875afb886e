package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A submission is a draft as a caller sends it.
type submission struct {
	ID         string               `json:"jti"`
	Partner    string               `json:"partner"`
	Type       string               `json:"type"`
	Case       string               `json:"case"`
	InReplyTo  string               `json:"in_reply_to"`
	Agreement  string               `json:"agreement"`
	Purpose    string               `json:"purpose"`
	Recipient  string               `json:"recipient"`
	Approval   string               `json:"approval"`
	Body       json.RawMessage      `json:"body"`
	Safeguards []exchange.Safeguard `json:"safeguards"`
}

func (s submission) draft() exchange.Draft {
	return exchange.Draft{
		ID: s.ID, To: s.Partner, Type: s.Type, Case: s.Case, InReplyTo: s.InReplyTo, Agreement: s.Agreement,
		Purpose: s.Purpose, Recipient: s.Recipient, Approval: s.Approval, Body: s.Body,
	}
}

// strictly reads a JSON body: what two readers could understand in two ways, or
// has members that are not asked for, is refused.
func (r *request) strictly(into any, members string) error {
	data, err := r.body(mediaJSON)
	if err != nil {
		return err
	}
	if _, err := schemas.Parse(data, schemas.DefaultLimits()); err != nil {
		var syntax *schemas.SyntaxError
		if !errors.As(err, &syntax) {
			return err
		}
		p := refuse(exchange.ProblemRequest, syntax.Rule, "The body is not the JSON that is read here.")
		p.Pointer = syntax.Pointer
		return p
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if decoder.Decode(into) != nil {
		return refuse(exchange.ProblemRequest, "members", members)
	}
	return nil
}

// readSubmission reads a draft.
func readSubmission(r *request) (submission, error) {
	var s submission
	if err := r.strictly(&s, "The members are not those of a draft, or one is of another kind; see /openapi.yaml."); err != nil {
		return s, err
	}
	if s.ID != "" && !exchange.ValidIdentifier(s.ID) || s.Case != "" && !exchange.ValidIdentifier(s.Case) {
		return s, refuse(exchange.ProblemRequest, "identifier", "jti and case are 8 to 64 letters, digits or one of . _ ~ -.")
	}
	return s, nil
}

// A DraftLine is a draft in a list.
type DraftLine struct {
	ID        string              `json:"jti"`
	Partner   string              `json:"partner"`
	Case      string              `json:"case"`
	Type      string              `json:"type"`
	State     exchange.DraftState `json:"state"`
	Author    string              `json:"author"`
	Version   int64               `json:"version"`
	CreatedAt time.Time           `json:"created_at"`
	ChangedAt time.Time           `json:"changed_at"`
}

// DraftLineOf returns a draft as it stands in a list.
func DraftLineOf(d exchange.DraftRow) DraftLine {
	return DraftLine{d.ID, d.Partner, d.Case, d.Type, d.State, d.Author, d.Version, utc(d.CreatedAt), utc(d.ChangedAt)}
}

// A DraftView is one draft. Message and Safeguards are there only for whoever
// gave a reason, and SHA256 for whoever wrote the draft or gave one.
type DraftView struct {
	DraftLine
	Officers   int                  `json:"officers"`
	Approvals  []ApprovalView       `json:"approvals"`
	Lapsed     []ApprovalView       `json:"lapsed,omitempty"` // their officers may not act any more
	Rejected   *RejectionView       `json:"rejected,omitempty"`
	Missing    []exchange.Missing   `json:"missing"`
	Withheld   []string             `json:"withheld"`
	Refused    string               `json:"refused,omitempty"`
	SHA256     string               `json:"sha256,omitempty"`
	Message    *DraftMessage        `json:"message,omitempty"`
	Safeguards []exchange.Safeguard `json:"safeguards,omitempty"`
}

// An ApprovalView says who has released a draft.
type ApprovalView struct {
	Officer string    `json:"officer"`
	At      time.Time `json:"at"`
	Author  bool      `json:"author,omitempty"` // who has written any version of it
}

// A RejectionView says who has rejected a draft, and why.
type RejectionView struct {
	Officer string    `json:"officer"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
}

// A DraftMessage is what a draft would say, exactly as it would be signed.
type DraftMessage struct {
	InReplyTo string          `json:"in_reply_to,omitempty"`
	Agreement string          `json:"agreement"`
	Purpose   string          `json:"purpose"`
	Recipient string          `json:"recipient,omitempty"`
	Approval  string          `json:"approval,omitempty"`
	Body      json.RawMessage `json:"body"`
}

func approvalViews(v exchange.DraftView, approvals []exchange.Approval) []ApprovalView {
	var out []ApprovalView
	for _, a := range approvals {
		out = append(out, ApprovalView{a.Officer, utc(a.At), slices.Contains(v.Authors(), a.Officer)})
	}
	return out
}

// DraftViewOf returns a draft without what is personal.
func DraftViewOf(v exchange.DraftView) DraftView {
	out := DraftView{
		DraftLine: DraftLineOf(v.Row), Officers: v.Content.Officers, Approvals: append([]ApprovalView{}, approvalViews(v, v.Content.Approvals)...), Missing: append([]exchange.Missing{}, v.Content.Missing...),
		Withheld: append([]string{}, v.Content.Withheld...), Refused: v.Content.Refused, SHA256: v.SHA256,
		Lapsed: approvalViews(v, v.Content.Lapsed),
	}
	if no := v.Content.Rejected; no != nil {
		out.Rejected = &RejectionView{no.Officer, utc(no.At), no.Reason()}
	}
	return out
}

// draftAnswer gives a draft and its version as an entity tag.
func draftAnswer(status int, v DraftView) (answer, error) {
	a, err := reply(status, v)
	a.header.Set("ETag", `"`+strconv.FormatInt(v.Version, 10)+`"`)
	return a, err
}

func (s *Server) submitDraft(r *request) (answer, error) {
	sub, err := readSubmission(r)
	if err != nil {
		return answer{}, err
	}
	view, err := s.cfg.Desk.Submit(r.Context(), r.by, sub.draft(), sub.Safeguards)
	if err != nil {
		return answer{}, err
	}
	a, err := draftAnswer(http.StatusCreated, DraftViewOf(view))
	a.header.Set("Location", "/v1/drafts/"+view.Row.ID)
	return a, err
}

var draftStates = []string{
	string(exchange.DraftHeld), string(exchange.DraftWaiting), string(exchange.DraftReleasing), string(exchange.DraftReleased),
	string(exchange.DraftRejected), string(exchange.DraftRefused), string(exchange.DraftDiscarded),
}

func (s *Server) listDrafts(r *request) (answer, error) {
	q := r.query()
	f := exchange.DraftFilter{Case: q.text("case"), State: exchange.DraftState(q.text("state", draftStates...))}
	if partner := q.text("partner"); partner != "" {
		f.Partners = []string{partner}
	}
	n, c := q.limit(), r.cursor(q)
	if err := q.end(); err != nil {
		return answer{}, err
	}
	if c.ID != "" {
		f.Before, f.BeforeID = time.UnixMilli(c.At), c.ID
	}
	f.Limit = n + 1
	rows, err := s.cfg.Desk.Drafts(r.Context(), r.by, f)
	if err != nil {
		return answer{}, err
	}
	var out page
	if len(rows) > n {
		last := rows[n-1]
		rows, out.Next = rows[:n], r.next(q, cursor{At: last.ChangedAt.UnixMilli(), ID: last.ID})
	}
	lines := make([]DraftLine, len(rows))
	for i, row := range rows {
		lines[i] = DraftLineOf(row)
	}
	out.Items = lines
	return reply(http.StatusOK, out)
}

// getDraft shows what is not personal to whoever may see the draft, and the
// rest to whoever says why.
func (s *Server) getDraft(r *request) (answer, error) {
	reason, err := r.reason()
	if err != nil {
		return answer{}, err
	}
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	if reason == "" {
		view, err := s.cfg.Desk.Outline(r.Context(), r.by, r.param("jti"))
		if err != nil {
			return answer{}, err
		}
		return draftAnswer(http.StatusOK, DraftViewOf(view))
	}
	view, err := s.cfg.Desk.Read(r.Context(), r.by, r.param("jti"), reason)
	if err != nil {
		return answer{}, err
	}
	return draftAnswer(http.StatusOK, WholeDraftOf(view))
}

// WholeDraftOf returns a draft with what is personal: the access must be in the
// record.
func WholeDraftOf(v exchange.DraftView) DraftView {
	out, d := DraftViewOf(v), v.Content.Draft
	out.Message = &DraftMessage{d.InReplyTo, d.Agreement, d.Purpose, d.Recipient, d.Approval, d.Body}
	out.Safeguards = v.Content.Safeguards
	return out
}

// version reads If-Match: a change names the version that it saw.
func (r *request) version() (int64, error) {
	tag := r.Header.Get("If-Match")
	if tag == "" {
		return 0, refuse(exchange.ProblemRequest, "if-match-required", "If-Match names the version that is changed: the ETag that the draft was read with.")
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(tag, `"`), `"`), 10, 64)
	if err != nil || n < 1 || tag != `"`+strconv.FormatInt(n, 10)+`"` {
		return 0, refuse(exchange.ProblemRequest, "if-match-form", "If-Match is one entity tag of a draft.")
	}
	return n, nil
}

// amendDraft replaces what a draft says and the safeguards beside it. What it
// is about stays.
func (s *Server) amendDraft(r *request) (answer, error) {
	version, err := r.version()
	if err != nil {
		return answer{}, err
	}
	sub, err := readSubmission(r)
	if err != nil {
		return answer{}, err
	}
	is, err := s.cfg.Desk.Outline(r.Context(), r.by, r.param("jti"))
	if err != nil {
		return answer{}, err
	}
	for _, fixed := range []struct{ name, wanted, is string }{
		{"jti", sub.ID, is.Row.ID}, {"partner", sub.Partner, is.Row.Partner}, {"type", sub.Type, is.Row.Type}, {"case", sub.Case, is.Row.Case},
	} {
		if fixed.wanted != "" && fixed.wanted != fixed.is {
			p := refuse(exchange.ProblemRequest, "draft-fixed", "A draft stays what it is about; discard it and submit another.")
			p.Pointer = "/" + fixed.name
			return answer{}, p
		}
	}
	view, err := s.cfg.Desk.Amend(r.Context(), r.by, is.Row.ID, version, sub.draft(), sub.Safeguards)
	if err != nil {
		return answer{}, err
	}
	return draftAnswer(http.StatusOK, DraftViewOf(view))
}

func (s *Server) discardDraft(r *request) (answer, error) {
	version, err := r.version()
	if err != nil {
		return answer{}, err
	}
	reason, err := r.reason()
	if err != nil {
		return answer{}, err
	}
	if err := s.cfg.Desk.Discard(r.Context(), r.by, r.param("jti"), version, reason); err != nil {
		return answer{}, err
	}
	view, err := s.cfg.Desk.Outline(r.Context(), r.by, r.param("jti"))
	if err != nil {
		return answer{}, err
	}
	return draftAnswer(http.StatusOK, DraftViewOf(view))
}

// decideDraft takes an officer's signed statement: release or reject.
func (s *Server) decideDraft(r *request) (answer, error) {
	signed, err := r.body(mediaApproval)
	if err != nil {
		return answer{}, err
	}
	view, err := s.cfg.Desk.Decide(r.Context(), r.by, r.param("jti"), signed)
	if err != nil {
		return answer{}, err
	}
	view.SHA256 = "" // whoever decided has it already
	return draftAnswer(http.StatusOK, DraftViewOf(view))
}
