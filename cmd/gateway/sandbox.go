package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A sandbox answers the verification requests that reach one demo gateway, as
// an invented officer would after looking into a register. It works only
// inside demo: a gateway that serves never answers by itself.
type sandbox struct {
	node  *node
	queue chan question
}

// A question is a request that waits for its answer.
type question struct {
	partner, id, caseID string
	index               int64
}

func newSandbox(n *node) *sandbox {
	return &sandbox{node: n, queue: make(chan question, 1024)}
}

// noticed takes new requests from a committed batch. It never blocks the
// committer: what does not fit waits for its sender to ask again.
func (s *sandbox) noticed(batch []*exchange.Entry) {
	for _, e := range batch {
		if e.Kind == exchange.KindMessage && e.Direction == exchange.In && !e.Duplicate && exchange.ReplyTo(e.Type) != "" {
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
	body, err := s.verdict(opened.Data)
	if err != nil {
		return err
	}
	_, err = s.node.outbox.Submit(ctx, exchange.Draft{
		ID: "answer-" + q.id, To: q.partner, Type: exchange.ReplyTo(row.Type), Case: q.caseID, InReplyTo: q.id, Body: body,
	})
	return err
}

// verdict writes the answer to a request: one result for each subject.
func (s *sandbox) verdict(request []byte) (json.RawMessage, error) {
	payload, err := exchange.PayloadOf(request)
	if err != nil {
		return nil, err
	}
	var asked struct {
		Issuer string `json:"iss"`
		Body   struct {
			Subjects []struct {
				Ref string `json:"subject_ref"`
			} `json:"subjects"`
		} `json:"body"`
	}
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	var answer struct {
		Subjects []result `json:"subjects"`
	}
	for _, subject := range asked.Body.Subjects {
		r := invented(asked.Issuer)
		r.Ref = subject.Ref
		answer.Subjects = append(answer.Subjects, r)
	}
	return json.Marshal(answer)
}

// invented is what the invented register says, so that the demo shows every
// outcome.
func invented(asker string) result {
	all := func(v string) map[string]string {
		return map[string]string{"name": v, "date_of_birth": v, "sex": v}
	}
	switch asker {
	case "LA":
		return result{Outcome: "probable", Fields: map[string]string{"name": "match", "date_of_birth": "mismatch", "sex": "match"}}
	case "CN":
		return result{Outcome: "insufficient", Fields: all("not_checked")}
	case "GB":
		return result{Outcome: "no_match", Fields: all("mismatch")}
	}
	return result{Outcome: "match", Fields: all("match")}
}

// A result is one subject's part of an identity_verification_response.
type result struct {
	Ref     string            `json:"subject_ref"`
	Outcome string            `json:"outcome"`
	Fields  map[string]string `json:"fields"`
}
