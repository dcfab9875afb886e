package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A sandbox answers the verification requests that reach one demo gateway, as
// an invented officer would after looking into a register. It works only
// inside demo: a gateway that serves never answers by itself.
type sandbox struct {
	node    *node
	outcome string // what this country's invented register says

	mu    sync.Mutex
	queue chan question
}

// A question is a request that waits for its answer.
type question struct {
	partner, id, caseID string
	index               int64
}

func newSandbox(n *node, outcome string) *sandbox {
	return &sandbox{node: n, outcome: outcome, queue: make(chan question, 1024)}
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
		Body struct {
			Subjects []struct {
				Ref string `json:"subject_ref"`
			} `json:"subjects"`
		} `json:"body"`
	}
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return s.answerBody(asked.Body.Subjects)
}
