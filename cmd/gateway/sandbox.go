package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A sandbox answers the questions that reach one demo gateway, as an invented
// officer would after looking into an invented register. It sleeps while the
// stories are played, and never looks back: they answer for themselves, and what
// they leave open is for a person at the officers' pages. It works only inside
// demo: a gateway that serves never answers by itself.
type sandbox struct {
	node  *node
	awake atomic.Bool
	queue chan question
}

// A question is a request that waits for its answer.
type question struct {
	partner, id, caseID string
	index               int64
}

// sandboxAnswers say what the invented officer replies to, and what. Every other
// message waits for a person: a notice asks for nothing (whoever sent it asks
// next), and what two officers have to release no program decides.
var sandboxAnswers = map[string]func(asked sandboxRequest, today string) any{
	exchange.TypeIdentityRequest:   identityAnswer,
	exchange.TypeSelfReturnRequest: selfReturnAnswer,
	exchange.TypeTracingRequest:    tracingAnswer,
}

// A sandboxRequest is the part of a question that an answer depends on.
type sandboxRequest struct {
	Issuer string `json:"iss"`
	Body   struct {
		Subjects []struct {
			Ref string `json:"subject_ref"`
		} `json:"subjects"`
		Questions []string `json:"questions"`
	} `json:"body"`
}

func newSandbox(n *node) *sandbox {
	return &sandbox{node: n, queue: make(chan question, 1024)}
}

// noticed takes new questions from a committed batch. It never blocks the
// committer: what does not fit waits for its sender to ask again.
func (s *sandbox) noticed(batch []*exchange.Entry) {
	if !s.awake.Load() {
		return
	}
	for _, e := range batch {
		if e.Kind == exchange.KindMessage && e.Direction == exchange.In && !e.Duplicate && sandboxAnswers[e.Type] != nil {
			select {
			case s.queue <- question{e.Partner, e.ID, e.Case, e.Index}:
			default:
				s.node.log.Warn("the sandbox has too many questions", "jti", e.ID)
			}
		}
	}
}

// run answers until ctx ends.
func (s *sandbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-s.queue:
			if err := s.answer(ctx, q); err != nil && ctx.Err() == nil {
				s.node.log.Error("the sandbox could not answer", "partner", q.partner, "jti", q.id, "error", err)
			}
		}
	}
}

func (s *sandbox) answer(ctx context.Context, q question) error {
	row, err := s.node.db.Entry(ctx, q.index)
	if err != nil {
		return err
	}
	opened, err := s.node.opener.Open(ctx, row)
	if err != nil {
		return err
	}
	payload, err := exchange.PayloadOf(opened.Data)
	if err != nil {
		return err
	}
	var asked sandboxRequest
	if err := json.Unmarshal(payload, &asked); err != nil {
		return fmt.Errorf("read the question: %w", err)
	}
	body, err := json.Marshal(sandboxAnswers[row.Type](asked, s.node.now().Format(time.DateOnly)))
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	_, err = s.node.outbox.Submit(ctx, exchange.Draft{
		ID: answerID(q.id), To: q.partner, Type: exchange.ReplyTo(row.Type), Case: q.caseID, InReplyTo: q.id, Body: body,
	})
	return err
}

// answerID is the jti of an answer: the same for the same question, so that it
// is given once. A question's jti may already be as long as one can be.
func answerID(question string) string {
	const prefix = "answer-"
	return prefix + question[:min(len(question), 64-len(prefix))]
}

// identityAnswer gives each partner another outcome, so that a person who tries
// sees them all.
func identityAnswer(asked sandboxRequest, today string) any {
	type subject struct {
		Ref     string            `json:"subject_ref"`
		Outcome string            `json:"outcome"`
		Fields  map[string]string `json:"fields"`
	}
	all := func(v string) map[string]string {
		return map[string]string{"name": v, "date_of_birth": v, "sex": v}
	}
	found := subject{Outcome: "match", Fields: all("match")}
	switch asked.Issuer {
	case "LA":
		found = subject{Outcome: "probable", Fields: map[string]string{"name": "match", "date_of_birth": "mismatch", "sex": "match"}}
	case "CN":
		found = subject{Outcome: "insufficient", Fields: all("not_checked")}
	case "GB":
		found = subject{Outcome: "no_match", Fields: all("mismatch")}
	}
	var out struct {
		Subjects  []subject `json:"subjects"`
		CheckedOn string    `json:"checked_on"`
	}
	for _, s := range asked.Body.Subjects {
		found.Ref = s.Ref
		out.Subjects = append(out.Subjects, found)
	}
	out.CheckedOn = today
	return out
}

// selfReturnAnswer finds a stay and an exit, and nothing else.
func selfReturnAnswer(asked sandboxRequest, today string) any {
	type answer struct {
		Question string `json:"question"`
		Result   string `json:"result"`
	}
	type subject struct {
		Ref     string   `json:"subject_ref"`
		Answers []answer `json:"answers"`
		Sources []string `json:"evidence_sources"`
	}
	var out struct {
		Subjects   []subject `json:"subjects"`
		SearchedOn string    `json:"searched_on"`
	}
	for _, s := range asked.Body.Subjects {
		about := subject{Ref: s.Ref, Sources: []string{"foreign_body"}}
		for _, q := range asked.Body.Questions {
			result := "not_found"
			if q == "presence" || q == "exit" {
				result = "found"
			}
			about.Answers = append(about.Answers, answer{q, result})
		}
		out.Subjects = append(out.Subjects, about)
	}
	out.SearchedOn = today
	return out
}

// tracingAnswer finds nobody: that is no reason to stop looking.
func tracingAnswer(asked sandboxRequest, today string) any {
	type subject struct {
		Ref      string `json:"subject_ref"`
		Outcome  string `json:"outcome"`
		TracedOn string `json:"traced_on"`
	}
	var out struct {
		Subjects []subject `json:"subjects"`
	}
	for _, s := range asked.Body.Subjects {
		out.Subjects = append(out.Subjects, subject{s.Ref, "not_found", today})
	}
	return out
}
