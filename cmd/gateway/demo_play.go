package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A demoResult is the object that demo --json ends with.
type demoResult struct {
	Messages int           `json:"messages"`
	Receipts int           `json:"receipts"`
	Partners int           `json:"partners"`
	Verified bool          `json:"verified"`
	Record   []recordState `json:"record"`
	Stories  []story       `json:"stories"`
	Refused  string        `json:"refused"` // the problem that the tampered copy met
	Seconds  float64       `json:"seconds"`
}

// A recordState is one gateway's record after the demo, recomputed.
type recordState struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

// A story is one case of the demo.
type story struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Messages int    `json:"messages"`
}

// listener are the two addresses of one gateway.
type listener struct{ exchange, admin net.Listener }

func openListeners(port int) (listener, error) {
	e, err := freeListen(port)
	if err != nil {
		return listener{}, err
	}
	a, err := freeListen(port + 1)
	return listener{e, a}, err
}

func (d *demo) node(code string) *node {
	for _, n := range d.nodes {
		if n.cfg.Self == code {
			return n
		}
	}
	return nil
}

// play exchanges one case with every partner, tampers with a copy, and
// recomputes every record.
func (d *demo) play(ctx context.Context) (demoResult, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	result := demoResult{Partners: len(countries) - 1}
	d.say.step("Four cases", "each partner asks Viet Nam: is this person who they say, and one of yours?")
	var last exchange.Opened
	for _, c := range countries[1:] {
		told, original, err := d.tell(ctx, c.code, c.name)
		if err != nil {
			return result, fmt.Errorf("the case with %s: %w", c.code, err)
		}
		result.Stories = append(result.Stories, told)
		result.Messages += told.Messages
		result.Receipts += told.Messages // tell returns only when each has its verified receipt
		last = original
	}
	d.say.step("A tampered copy", "one byte of a delivered message is changed, and it is sent again")
	var err error
	if result.Refused, err = d.tamper(ctx, last); err != nil {
		return result, err
	}
	d.say.step("The proof", "every record is recomputed from its stored bytes")
	result.Record, err = d.verify(ctx)
	result.Verified = err == nil
	return result, err
}

// demoApproval is the reference of an invented approval, where the template
// agreement asks a partner for one.
var demoApproval = map[string]string{"CN": "SPECIMEN-41/2026"}

// tell plays one case: the partner's request, Viet Nam's answer, and both
// receipts. It returns the request as the partner stored it.
func (d *demo) tell(ctx context.Context, code, name string) (story, exchange.Opened, error) {
	host, home := d.node(code), d.node("VN")
	sent, err := host.outbox.Submit(ctx, exchange.Draft{
		To: "VN", Type: benchType, Agreement: d.world.agreement(code), Purpose: demoPurpose, Approval: demoApproval[code], Body: schemas.Example(benchType),
	}, exchange.Safeguard{Kind: partners.SafeguardConsent, Basis: "consent", On: time.Now().Format(time.DateOnly)})
	if err != nil {
		return story{}, exchange.Opened{}, err
	}
	d.say.sent(code, "VN", benchType, sent)
	outcome := sendResult{Sent: sent}
	if err := host.await(ctx, "VN", benchType, &outcome); err != nil {
		return story{}, exchange.Opened{}, err
	}
	if err := d.showReceipt(ctx, host, home, sent.ID); err != nil {
		return story{}, exchange.Opened{}, err
	}
	answer := sendResult{Sent: exchange.Sent{ID: outcome.Answer.ID}}
	if err := home.await(ctx, code, outcome.Answer.Type, &answer); err != nil {
		return story{}, exchange.Opened{}, err
	}
	d.say.answered(code, outcome.Answer)
	if err := d.showReceipt(ctx, home, host, outcome.Answer.ID); err != nil {
		return story{}, exchange.Opened{}, err
	}
	caseRow, err := home.db.Case(ctx, exchange.CaseKey{Partner: code, Case: sent.Case})
	if err != nil {
		return story{}, exchange.Opened{}, err
	}
	original, err := open(ctx, host, exchange.MessageKey{Lane: exchange.Lane{Partner: "VN", Direction: exchange.Out}, ID: sent.ID})
	return story{Name: "identity verification with " + name, State: string(caseRow.State), Messages: 2}, original, err
}

func open(ctx context.Context, n *node, key exchange.MessageKey) (exchange.Opened, error) {
	row, err := n.db.Message(ctx, key)
	if err != nil {
		return exchange.Opened{}, err
	}
	return n.opener.Open(ctx, row)
}

// showReceipt verifies a receipt once more from what the sender's record
// holds, and shows its verdicts.
func (d *demo) showReceipt(ctx context.Context, sender, receiver *node, id string) error {
	to := receiver.cfg.Self
	message, err := open(ctx, sender, exchange.MessageKey{Lane: exchange.Lane{Partner: to, Direction: exchange.Out}, ID: id})
	if err != nil {
		return err
	}
	var outcome sendResult
	outcome.Sent = exchange.Sent{ID: id, Index: message.Row.Index}
	if err := sender.look(ctx, to, &outcome); err != nil {
		return err
	}
	peer, err := sender.directory.Peer(to)
	if err != nil {
		return err
	}
	receipt, err := exchange.OpenReceipt([]byte(outcome.Receipt), peer, sender.cfg.Self, id, message.Data, time.Now())
	if err != nil {
		return err
	}
	known, err := receiver.directory.Peer(sender.cfg.Self)
	if err != nil {
		return err
	}
	d.say.receipt(to, sender.signer.Public(), known.TLS.Pins[0], receipt)
	return nil
}

// tamper flips one byte of a message that was delivered and sends it as the
// partner would, over the partner's own TLS identity. It must be refused.
func (d *demo) tamper(ctx context.Context, original exchange.Opened) (string, error) {
	forged := bytes.Clone(original.Data)
	middle := bytes.IndexByte(forged, '.') + 200 // inside the payload
	if forged[middle] == 'A' {
		forged[middle] = 'B'
	} else {
		forged[middle] = 'A'
	}
	partner := d.world.party("GB")
	config, err := partner.clientTLS("127.0.0.1")
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+d.world.party("VN").listen+"/v1/messages", bytes.NewReader(forged))
	if err != nil {
		return "", fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", exchange.MediaTypeMessage)
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("send the tampered copy: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	var problem struct{ Type, Title, Detail string }
	if resp.StatusCode != http.StatusBadRequest || json.Unmarshal(body, &problem) != nil || problem.Type != exchange.ProblemTypePrefix+exchange.ProblemSignature.Slug {
		return "", errors.New("the tampered copy was not refused as it must be")
	}
	if err := d.refusalIsRecorded(ctx, original.Row); err != nil {
		return "", err
	}
	d.say.refused(resp.StatusCode, problem.Type, problem.Detail)
	return problem.Type, nil
}

// refusalIsRecorded looks into Viet Nam's record: the last entry is the
// refusal, and the case stands where its answer put it.
func (d *demo) refusalIsRecorded(ctx context.Context, original exchange.Row) error {
	home := d.node("VN")
	head, err := home.db.Head(ctx)
	if err != nil {
		return err
	}
	last, err := home.db.Entry(ctx, head.Size-1)
	if err != nil {
		return err
	}
	stands, err := home.db.Case(ctx, exchange.CaseKey{Partner: last.Partner, Case: original.Case})
	if err != nil {
		return err
	}
	if last.Kind != exchange.KindRefusal || stands.State != exchange.StateVerifying {
		return fmt.Errorf("after the tampered copy the record ends with a %s and the case is %s", last.Kind, stands.State)
	}
	return nil
}

// verify recomputes every record.
func (d *demo) verify(ctx context.Context) ([]recordState, error) {
	var states []recordState
	for _, n := range d.nodes {
		report, err := n.check(ctx, nil)
		if err != nil {
			return states, fmt.Errorf("check the record of %s: %w", n.cfg.Self, err)
		}
		d.say.record(n, report)
		if !report.OK() {
			return states, fmt.Errorf("the record of %s does not hold: %v", n.cfg.Self, report.Findings)
		}
		states = append(states, recordState{report.Origin, report.Size, report.Root.String()})
	}
	return states, nil
}
