package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// What the demo does that no honest gateway would: it changes a byte of a
// message, and it sends past a gateway what that gateway has refused. It can,
// because it holds every key of its world.

// refuse plays a step that must be refused twice: by the sender's own gateway,
// and, signed and sent past it, by the receiver's. Neither moves the case.
func (p *player) refuse(ctx context.Context, s *step, draft exchange.Draft, at time.Time) error {
	by := p.d.officers[s.From][0]
	_, err := p.d.node(s.From).desk.Submit(ctx, by.Officer, draft, p.safeguards(s, at))
	if err == nil {
		return fmt.Errorf("the sender's own gateway takes it, expected %v", *s.Refused)
	}
	var own *exchange.Problem
	if !errors.As(err, &own) || own.Kind.Slug != s.Refused.Problem || own.Rule != s.Refused.Rule || own.Pointer != s.Refused.At {
		return fmt.Errorf("the sender's own gateway does not say %v: %w", *s.Refused, err)
	}
	message, err := p.d.forge(s.From, draft, at)
	if err != nil {
		return err
	}
	status, answer, err := p.d.postAs(ctx, s.From, draft.To, message)
	if err != nil {
		return err
	}
	if answer.Type != own.Type() || answer.Rule != own.Rule || answer.Pointer != own.Pointer {
		return fmt.Errorf("%s answered %d %s (%s) at %s, expected %v", draft.To, status, answer.Type, answer.Rule, answer.Pointer, *s.Refused)
	}
	if err := p.d.refusalIsRecorded(ctx, draft.To, s.From, draft.ID); err != nil {
		return err
	}
	if len(s.Then) > 0 {
		if _, err := p.standing(ctx, s.Then); err != nil {
			return err
		}
	}
	p.d.say.refusedStep(s, at, draft, status, answer)
	return nil
}

// forge signs a draft with its sender's key, whatever the sender's gateway says.
func (d *demo) forge(from string, draft exchange.Draft, at time.Time) ([]byte, error) {
	peer, err := d.node(from).directory.Peer(draft.To)
	if err != nil {
		return nil, err
	}
	agreement, ok := peer.Agreement(draft.Agreement)
	if !ok {
		return nil, fmt.Errorf("%s has no agreement %s", from, draft.Agreement)
	}
	permit := agreement.Find(draft.Type, partners.Send)
	if permit == nil {
		return nil, fmt.Errorf("%s may not send a %s", from, draft.Type)
	}
	payload, err := json.Marshal(exchange.Claims{
		Issuer: from, Audience: draft.To, ID: draft.ID, Type: draft.Type, Case: draft.Case, InReplyTo: draft.InReplyTo,
		Agreement: draft.Agreement, Purpose: permit.Purposes[0], Recipient: draft.Recipient, Approval: draft.Approval,
		IssuedAt: at.Unix(), Expires: at.Add(time.Hour).Unix(), Body: draft.Body,
	})
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	return d.node(from).signer.Sign(exchange.TypMessage, payload)
}

// A problemAnswer is what a gateway answers to what it refuses.
type problemAnswer struct{ Type, Title, Detail, Rule, Pointer string }

// postAs posts a message once as a partner, over the partner's own TLS identity;
// it must be refused.
func (d *demo) postAs(ctx context.Context, from, to string, message []byte) (int, problemAnswer, error) {
	var answer problemAnswer
	config, err := d.world.party(from).clientTLS("127.0.0.1")
	if err != nil {
		return 0, answer, err
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+d.world.party(to).listen+"/v1/messages", bytes.NewReader(message))
	if err != nil {
		return 0, answer, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", exchange.MediaTypeMessage)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, answer, fmt.Errorf("send past the gateway: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return 0, answer, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode < http.StatusBadRequest || json.Unmarshal(body, &answer) != nil {
		return resp.StatusCode, answer, fmt.Errorf("it was not refused: %d", resp.StatusCode)
	}
	return resp.StatusCode, answer, nil
}

// tamper changes one byte of the last message that Viet Nam took in a story, and
// sends it again as its sender would. It must be refused.
func (d *demo) tamper(ctx context.Context, p *player) (string, error) {
	var sent posted
	for i := range p.story.Steps {
		if known, ok := p.sent[p.story.Steps[i].Name]; ok && known.from != "VN" {
			sent = known
		}
	}
	if sent.id == "" {
		return "", errors.New("the last story holds no message to Viet Nam")
	}
	const to = "VN"
	original, err := open(ctx, d.node(sent.from), exchange.MessageKey{Lane: exchange.Lane{Partner: to, Direction: exchange.Out}, ID: sent.id})
	if err != nil {
		return "", err
	}
	forged := bytes.Clone(original.Data)
	middle := bytes.IndexByte(forged, '.') + 200 // inside the payload
	if forged[middle] == 'A' {
		forged[middle] = 'B'
	} else {
		forged[middle] = 'A'
	}
	status, problem, err := d.postAs(ctx, sent.from, to, forged)
	if err != nil {
		return "", err
	}
	if status != http.StatusBadRequest || problem.Type != exchange.ProblemTypePrefix+exchange.ProblemSignature.Slug {
		return "", fmt.Errorf("the tampered copy met %d %s, not what it must", status, problem.Type)
	}
	if err := d.refusalIsRecorded(ctx, to, sent.from, ""); err != nil {
		return "", err
	}
	if _, err := p.standing(ctx, p.last().Then); err != nil {
		return "", fmt.Errorf("after the tampered copy: %w", err)
	}
	d.say.refused(sent, to, status, problem)
	return problem.Type, nil
}

// last is a story's last step with a message.
func (p *player) last() *step {
	for i := len(p.story.Steps) - 1; i >= 0; i-- {
		if p.story.Steps[i].sends() {
			return &p.story.Steps[i]
		}
	}
	return nil
}

// refusalIsRecorded looks into a gateway's record: the newest refusal of what a
// partner sent is of this message (of one that cannot be named, when its
// signature does not hold).
func (d *demo) refusalIsRecorded(ctx context.Context, code, partner, id string) error {
	n := d.node(code)
	head, err := n.db.Head(ctx)
	if err != nil {
		return err
	}
	rows, err := n.db.Newest(ctx, head.Size, exchange.Filter{Partner: partner, Kind: exchange.KindRefusal, Direction: exchange.In}, 1)
	if err != nil {
		return err
	}
	if len(rows) != 1 || rows[0].ID != id {
		return fmt.Errorf("the record of %s does not hold the refusal", code)
	}
	return nil
}
