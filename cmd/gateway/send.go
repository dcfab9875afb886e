package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A sendResult is what send prints with --json.
type sendResult struct {
	exchange.Sent
	Delivered bool            `json:"delivered"`
	Receipt   string          `json:"receipt,omitempty"` // the partner's receipt, a compact JWS
	Answer    *sendAnswer     `json:"answer,omitempty"`
	Failure   json.RawMessage `json:"failure,omitempty"`
}

type sendAnswer struct {
	ID   string          `json:"jti"`
	Type string          `json:"type"`
	Body json.RawMessage `json:"body"`
}

type sendFlags struct {
	from    nodeFlag
	draft   exchange.Draft
	taken   []string
	wait    bool
	timeout time.Duration
	asJSON  bool
}

func newSend() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send FILE --to PARTNER",
		Short: "Submit a message whose body is in a file, and optionally wait for the answer",
		Long: `send checks the body in FILE ("-" for standard input) against its schema, the
agreement and the case, signs it, and records it with its due delivery. A
running gateway (serve or demo) on the same configuration carries it.

With --wait it waits for the partner's receipt, and when the type asks for an
answer, for that too. Give --id to make a submission repeatable: the same id
with the same body is sent once.`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.draft.To, "to", "", "the partner's `code` (required)")
	flags.StringVar(&f.draft.Type, "type", "identity_verification_request", "the message `type`")
	flags.StringVar(&f.draft.Case, "case", "", "the case; a new one when empty")
	flags.StringVar(&f.draft.InReplyTo, "in-reply-to", "", "the `jti` of the message that this one answers")
	flags.StringVar(&f.draft.Agreement, "agreement", "", "the agreement's `code`; only needed when several permit the type")
	flags.StringVar(&f.draft.Purpose, "purpose", "", "the purpose `code`; only needed when the agreement knows several")
	flags.StringVar(&f.draft.ID, "id", "", "the message's `jti`; a new one when empty")
	flags.StringVar(&f.draft.Recipient, "recipient", "", "the partner's agency it is meant for; where the agreement asks for one")
	flags.StringVar(&f.draft.Approval, "approval", "", "the `reference` of an approval; where the agreement asks for one")
	flags.StringArrayVar(&f.taken, "safeguard", nil, "a safeguard that was taken for every person, as `NAME=DAY`: consent, authority, guardian, voluntariness or non_refoulement, and YYYY-MM-DD")
	flags.BoolVar(&f.wait, "wait", false, "wait for the receipt, and for the answer to a request")
	flags.DurationVar(&f.timeout, "timeout", 60*time.Second, "how long to wait")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

// maxDraft bounds what is read from a file or a pipe.
const maxDraft = 4 << 20

func (f *sendFlags) run(cmd *cobra.Command, path string) error {
	if f.draft.To == "" {
		return usagef("--to is required: the code of the partner, such as KH")
	}
	body, err := readDraft(cmd.InOrStdin(), path)
	if err != nil {
		return err
	}
	f.draft.Body = body
	safeguards, err := safeguardsOf(f.taken)
	if err != nil {
		return err
	}
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	sent, err := n.outbox.Submit(cmd.Context(), f.draft, safeguards...)
	if err != nil {
		return err
	}
	result := sendResult{Sent: sent}
	if !f.asJSON {
		printSent(cmd.OutOrStdout(), f.draft.To, sent)
	}
	if f.wait {
		ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
		defer cancel()
		err = n.await(ctx, f.draft.To, f.draft.Type, &result)
	}
	if f.asJSON {
		if printErr := printJSON(cmd.OutOrStdout(), result); printErr != nil {
			return printErr
		}
		return err
	}
	if err == nil && f.wait {
		printOutcome(cmd.OutOrStdout(), result)
	}
	return err
}

// safeguardNames are what a person types for each safeguard.
var safeguardNames = map[string]exchange.Safeguard{
	"consent":         {Kind: partners.SafeguardConsent, Basis: "consent"},
	"authority":       {Kind: partners.SafeguardConsent, Basis: "authority"},
	"guardian":        {Kind: partners.SafeguardGuardian},
	"voluntariness":   {Kind: partners.SafeguardVoluntariness},
	"non_refoulement": {Kind: partners.SafeguardRefoulement},
}

// safeguardsOf reads --safeguard.
func safeguardsOf(taken []string) ([]exchange.Safeguard, error) {
	var out []exchange.Safeguard
	for _, t := range taken {
		name, day, _ := strings.Cut(t, "=")
		s, known := safeguardNames[name]
		if !known {
			return nil, usagef("--safeguard %s: there is no safeguard of this name; write consent, authority, guardian, voluntariness or non_refoulement, then = and the day", name)
		}
		s.On = day
		if s.Check(time.Now()) != nil {
			return nil, usagef("--safeguard %s: the day is written as YYYY-MM-DD, and is not in the future", name)
		}
		out = append(out, s)
	}
	return out, nil
}

func readDraft(stdin io.Reader, path string) ([]byte, error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the body: %w", err)}
		}
		defer file.Close()
		in = file
	}
	body, err := io.ReadAll(io.LimitReader(in, maxDraft+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(body) > maxDraft {
		return nil, usagef("the body has more than %d bytes", maxDraft)
	}
	return body, nil
}

// await looks into the record until the message is receipted (and answered,
// when its type asks for that) or has failed.
func (n *node) await(ctx context.Context, partner, messageType string, r *sendResult) error {
	answered := exchange.ReplyTo(messageType)
	for tick := 20 * time.Millisecond; ; tick = min(2*tick, 500*time.Millisecond) {
		if err := n.look(ctx, partner, r); err != nil {
			return err
		}
		if r.Failure != nil {
			return errors.New("the message will not be delivered")
		}
		if r.Delivered && (answered == "" || r.Answer != nil) {
			return nil
		}
		select {
		case <-ctx.Done():
			if r.Delivered {
				return hint(fmt.Errorf("delivered, but no answer yet: %w", errWaited),
					"the answer comes when an officer of the partner has decided; 'gateway case timeline "+partner+" "+r.Case+"' shows it then")
			}
			return hint(fmt.Errorf("no receipt yet: %w", errWaited),
				"the message stays in the outbox; is a gateway running on this configuration? 'gateway partner queue "+partner+"' shows its attempts")
		case <-time.After(tick):
		}
	}
}

// look reads what the record knows of a message by now.
func (n *node) look(ctx context.Context, partner string, r *sendResult) error {
	head, err := n.db.Head(ctx)
	if err != nil {
		return err
	}
	after := func(f exchange.Filter, fn func(exchange.Opened) error) error {
		f.Partner = partner
		return n.db.Entries(ctx, r.Index, head.Size, f, func(row exchange.Row) error {
			opened, err := n.opener.Open(ctx, row)
			if err != nil {
				return err
			}
			return fn(opened)
		})
	}
	if err := after(exchange.Filter{Kind: exchange.KindReceipt, ID: r.ID}, func(o exchange.Opened) error {
		r.Delivered, r.Receipt = true, string(o.Data)
		return nil
	}); err != nil {
		return err
	}
	if err := after(exchange.Filter{Kind: exchange.KindFailure, ID: r.ID}, func(o exchange.Opened) error {
		r.Failure = json.RawMessage(o.Data)
		return nil
	}); err != nil {
		return err
	}
	return after(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In, InReplyTo: r.ID}, func(o exchange.Opened) error {
		payload, err := exchange.PayloadOf(o.Data)
		if err != nil {
			return err
		}
		var claims exchange.Claims
		if err := json.Unmarshal(payload, &claims); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		r.Answer = &sendAnswer{claims.ID, claims.Type, claims.Body}
		return nil
	})
}

func printSent(w io.Writer, to string, s exchange.Sent) {
	fmt.Fprintf(w, "recorded   %s\n", s.ID)
	fmt.Fprintf(w, "case       %s\n", s.Case)
	fmt.Fprintf(w, "log index  %d, number %d to %s\n", s.Index, s.Seq, to)
	for _, p := range s.Withheld {
		fmt.Fprintf(w, "withheld   %s, as the agreement asks\n", p)
	}
	if s.Duplicate {
		fmt.Fprintln(w, "           it was submitted before and is not sent again")
	}
}

func printOutcome(w io.Writer, r sendResult) {
	if r.Delivered {
		fmt.Fprintln(w, "delivered  the partner's signed receipt is in the record")
	}
	if r.Answer != nil {
		fmt.Fprintf(w, "answered   %s %s\n", r.Answer.Type, r.Answer.ID)
		fmt.Fprintln(w, string(r.Answer.Body))
	}
}
