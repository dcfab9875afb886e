package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
)

func newDraft() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "draft",
		Short: "Submit messages that officers have to release, and release or reject them",
		Long: `A draft is a message that has not left: it waits until the safeguards that the
agreement asks for are recorded, and until as many different officers as it asks
for have signed it. What nobody has to release leaves at once.

Whoever may use this command line acts here as the officer that --as names, and
the record says so. Releasing and rejecting also takes that officer's key.`,
	}
	verbs(cmd)
	cmd.AddCommand(newDraftSubmit(), newDraftAmend(), newDraftList(), newDraftShow(),
		newDraftDecide(exchange.DecisionRelease), newDraftDecide(exchange.DecisionReject), newDraftDiscard())
	return cmd
}

// A draftFlags holds what the verbs about drafts have in common.
type draftFlags struct {
	from   nodeFlag
	as     string
	reason string
	asJSON bool
}

func (f *draftFlags) add(cmd *cobra.Command) {
	f.from.add(cmd)
	cmd.Flags().StringVar(&f.as, "as", "", "the `officer` who does this (required)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
}

// do opens the gateway, finds the officer, and runs the verb.
func (f *draftFlags) do(cmd *cobra.Command, verb func(n *node, by *exchange.Officer) error) error {
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	by, err := n.acting(cmd.Context(), f.as)
	if err != nil {
		return err
	}
	return verb(n, by)
}

// print shows a draft after something was done to it.
func (f *draftFlags) print(cmd *cobra.Command, view operator.DraftView) error {
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), view)
	}
	return printDraft(cmd.OutOrStdout(), view)
}

// draftOf adds the flags that say what a draft is.
func draftOf(cmd *cobra.Command, d *exchange.Draft, taken *[]string) {
	flags := cmd.Flags()
	flags.StringVar(&d.InReplyTo, "in-reply-to", "", "the `jti` of the message that this one answers")
	flags.StringVar(&d.Agreement, "agreement", "", "the agreement's `code`; only needed when several permit the type")
	flags.StringVar(&d.Purpose, "purpose", "", "the purpose `code`; only needed when the agreement knows several")
	flags.StringVar(&d.Recipient, "recipient", "", "the partner's agency it is meant for; where the agreement asks for one")
	flags.StringVar(&d.Approval, "approval", "", "the `reference` of an approval; where the agreement asks for one")
	flags.StringArrayVar(taken, "safeguard", nil, "a safeguard that was taken for every person, as `NAME=DAY`: consent, authority, guardian, voluntariness or non_refoulement, and YYYY-MM-DD")
}

func newDraftSubmit() *cobra.Command {
	var f draftFlags
	var draft exchange.Draft
	var taken []string
	cmd := &cobra.Command{
		Use:   "submit FILE --to PARTNER --type TYPE --as OFFICER",
		Short: "Submit a message whose body is in a file",
		Long: `submit checks the body in FILE ("-" for standard input) as the partner will, and
keeps it until nothing is missing and enough officers have signed it. Give --id
to make a submission repeatable.`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if draft.To == "" || draft.Type == "" {
				return usagef("--to and --type are required")
			}
			var err error
			if draft.Body, err = readDraft(cmd.InOrStdin(), args[0]); err != nil {
				return err
			}
			safeguards, err := safeguardsOf(taken)
			if err != nil {
				return err
			}
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				view, err := n.desk.Submit(cmd.Context(), by, draft, safeguards)
				if err != nil {
					return err
				}
				return f.print(cmd, operator.DraftViewOf(view))
			})
		},
	}
	f.add(cmd)
	draftOf(cmd, &draft, &taken)
	cmd.Flags().StringVar(&draft.To, "to", "", "the partner's `code` (required)")
	cmd.Flags().StringVar(&draft.Type, "type", "", "the message `type` (required)")
	cmd.Flags().StringVar(&draft.Case, "case", "", "the case; a new one when empty")
	cmd.Flags().StringVar(&draft.ID, "id", "", "the message's `jti`; a new one when empty")
	return cmd
}

func newDraftAmend() *cobra.Command {
	var f draftFlags
	var draft exchange.Draft
	var taken []string
	cmd := &cobra.Command{
		Use:   "amend ID FILE --as OFFICER",
		Short: "Replace what a draft says and the safeguards beside it; it has to be released anew",
		Args:  exactArgs("ID", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if draft.Body, err = readDraft(cmd.InOrStdin(), args[1]); err != nil {
				return err
			}
			safeguards, err := safeguardsOf(taken)
			if err != nil {
				return err
			}
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				view, err := n.desk.Amend(cmd.Context(), by, args[0], 0, draft, safeguards)
				if err != nil {
					return noDraft(err)
				}
				return f.print(cmd, operator.DraftViewOf(view))
			})
		},
	}
	f.add(cmd)
	draftOf(cmd, &draft, &taken)
	return cmd
}

func newDraftList() *cobra.Command {
	var f draftFlags
	var filter exchange.DraftFilter
	var partner, state string
	cmd := &cobra.Command{
		Use:   "list --as OFFICER",
		Short: "List drafts, the last changed first",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if partner != "" {
				filter.Partners = []string{partner}
			}
			filter.State = exchange.DraftState(state)
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				rows, err := n.desk.Drafts(cmd.Context(), by, filter)
				if err != nil {
					return err
				}
				lines := make([]operator.DraftLine, len(rows))
				for i, row := range rows {
					lines[i] = operator.DraftLineOf(row)
				}
				if f.asJSON {
					return printJSON(cmd.OutOrStdout(), lines)
				}
				return printDrafts(cmd.OutOrStdout(), lines)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&partner, "partner", "", "only drafts to this partner (`code`)")
	cmd.Flags().StringVar(&filter.Case, "case", "", "only drafts of this case")
	cmd.Flags().StringVar(&state, "state", "", "only this state: held, waiting, released, rejected, refused or discarded")
	cmd.Flags().IntVar(&filter.Limit, "limit", 50, "at most so many")
	return cmd
}

func newDraftShow() *cobra.Command {
	var f draftFlags
	cmd := &cobra.Command{
		Use:   "show ID --as OFFICER",
		Short: "Show a draft; with a reason also what it says",
		Long: `show prints where a draft stands. With --reason it also prints what the draft
says and the digest that a release names; the access and its reason are in the
record before a word is shown.`,
		Args: exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				if f.reason == "" {
					view, err := n.desk.Outline(cmd.Context(), by, args[0])
					if err != nil {
						return noDraft(err)
					}
					return f.print(cmd, operator.DraftViewOf(view))
				}
				view, err := n.desk.Read(cmd.Context(), by, args[0], f.reason)
				if err != nil {
					return noDraft(err)
				}
				return f.print(cmd, operator.WholeDraftOf(view))
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why what it says is read; stands in the record")
	return cmd
}

func newDraftDecide(decision string) *cobra.Command {
	var f draftFlags
	var key, digest string
	use, short := "approve", "Release a draft, signed with the officer's key"
	if decision == exchange.DecisionReject {
		use, short = "reject", "Reject a draft, signed with the officer's key"
	}
	cmd := &cobra.Command{
		Use:   use + " ID --as OFFICER --key FILE --sha256 DIGEST",
		Short: short,
		Long: use + ` signs a statement about the draft as it was read: --sha256 is the digest
that 'gateway draft show' prints with a reason. If the draft has changed since,
the statement does not count.`,
		Args: exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" || digest == "" {
				return hint(usagef("--key and --sha256 are required"), "'gateway draft show "+args[0]+" --reason …' prints what the draft says and its sha256")
			}
			if decision == exchange.DecisionReject && !exchange.GoodReason(f.reason) {
				return usagef("--reason is required, in 5 to 1000 characters: its author has to know why")
			}
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				return n.decide(cmd, &f, by, args[0], key, exchange.Statement{SHA256: digest, Decision: decision, Reason: f.reason})
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&key, "key", "", "the officer's signing key `file` (required)")
	cmd.Flags().StringVar(&digest, "sha256", "", "the digest of what was read (required)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; stands in the record")
	return cmd
}

// decide signs a statement about the version that stands here and hands it in.
func (n *node) decide(cmd *cobra.Command, f *draftFlags, by *exchange.Officer, id, key string, s exchange.Statement) error {
	signer, err := officerSigner(key)
	if err != nil {
		return err
	}
	is, err := n.desk.Outline(cmd.Context(), by, id)
	if err != nil {
		return noDraft(err)
	}
	s.Officer, s.Audience, s.ID, s.IssuedAt, s.Draft, s.Version = by.ID, n.cfg.Self, exchange.NewID(), n.now().Unix(), id, is.Row.Version
	signed, err := s.Sign(signer)
	if err != nil {
		return err
	}
	view, err := n.desk.Decide(cmd.Context(), by, id, signed)
	if err != nil {
		return err
	}
	view.SHA256 = ""
	return f.print(cmd, operator.DraftViewOf(view))
}

func newDraftDiscard() *cobra.Command {
	var f draftFlags
	cmd := &cobra.Command{
		Use:   "discard ID --as OFFICER",
		Short: "Take a draft back",
		Args:  exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, func(n *node, by *exchange.Officer) error {
				if err := n.desk.Discard(cmd.Context(), by, args[0], 0, f.reason); err != nil {
					return noDraft(err)
				}
				view, err := n.desk.Outline(cmd.Context(), by, args[0])
				if err != nil {
					return err
				}
				return f.print(cmd, operator.DraftViewOf(view))
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; stands in the record")
	return cmd
}

// noDraft makes a mistyped identifier a mistake on the command line.
func noDraft(err error) error {
	var p *exchange.Problem
	if errors.As(err, &p) && p.Kind == exchange.ProblemNotFound {
		return hint(usageError{err}, "'gateway draft list' shows the drafts that the officer may see")
	}
	return err
}

func printDrafts(w io.Writer, lines []operator.DraftLine) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(w, "no draft")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "DRAFT\tSTATE\tPARTNER\tTYPE\tCASE\tAUTHOR\tCHANGED")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.State, l.Partner, l.Type, l.Case, l.Author, l.ChangedAt.Format(time.RFC3339))
	}
	return t.Flush()
}

func printDraft(w io.Writer, d operator.DraftView) error {
	fmt.Fprintf(w, "draft     %s, version %d\n", d.ID, d.Version)
	fmt.Fprintf(w, "message   %s to %s in case %s\n", d.Type, d.Partner, d.Case)
	fmt.Fprintf(w, "state     %s\n", d.State)
	for _, m := range d.Missing {
		fmt.Fprintf(w, "missing   %s for %s\n", m.Kind, m.Subject)
	}
	for _, p := range d.Withheld {
		fmt.Fprintf(w, "withheld  %s, as the agreement asks\n", p)
	}
	if d.Officers > 0 {
		fmt.Fprintf(w, "officers  %d of %d have signed it\n", len(d.Approvals), d.Officers)
	}
	for _, a := range d.Approvals {
		wrote := ""
		if a.Author {
			wrote = ", its author"
		}
		fmt.Fprintf(w, "          %s at %s%s\n", a.Officer, a.At.Format(time.RFC3339), wrote)
	}
	for _, a := range d.Lapsed {
		fmt.Fprintf(w, "lapsed    %s at %s: may not act any more\n", a.Officer, a.At.Format(time.RFC3339))
	}
	if no := d.Rejected; no != nil {
		fmt.Fprintf(w, "rejected  %s at %s: %s\n", no.Officer, no.At.Format(time.RFC3339), no.Reason)
	}
	if d.Refused != "" {
		fmt.Fprintf(w, "refused   %s\n", d.Refused)
	}
	if d.SHA256 != "" {
		fmt.Fprintf(w, "sha256    %s\n", d.SHA256)
	}
	if d.Message == nil {
		return nil
	}
	for _, s := range d.Safeguards {
		fmt.Fprintf(w, "safeguard %s %s on %s\n", s.Kind, s.Basis, s.On)
	}
	text, err := json.MarshalIndent(d.Message, "", "  ")
	if err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	_, err = fmt.Fprintln(w, string(text))
	return err
}
