package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
)

// commandLine is whoever has this gateway's own command line, and with it the
// keys: every case is visible, and nothing personal is shown.
var commandLine = exchange.Officer{
	ID: "command-line", Roles: []exchange.Role{exchange.RoleAuditor}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive,
}

func newCase() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "case",
		Short: "List cases, and show where one stands and what happened in it",
		Long: `case shows cases as officers see them, without anything personal: states,
whose turn it is, clocks with their citations, and every event. What messages
say is read with 'gateway draft show' or over the operator API, with a reason.`,
	}
	verbs(cmd)
	cmd.AddCommand(newCaseList(), newCaseShow(), newCaseTimeline(), newCaseDuplicates(), newCaseCompare(), newCaseLinks(), newCaseAssign(), newCaseErase())
	return cmd
}

type caseListFlags struct {
	from                                   nodeFlag
	partner, kind, state, turn, due, order string
	officer                                string
	prefix                                 string
	limit                                  int
	asJSON                                 bool
}

func newCaseList() *cobra.Command {
	var f caseListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List cases, the last moved or the first due first",
		Args:  exactArgs(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.partner, "partner", "", "only cases with this partner (`code`)")
	flags.StringVar(&f.kind, "kind", "", "only this kind: return, self_return or information")
	flags.StringVar(&f.state, "state", "", "only this state, such as VERIFYING")
	flags.StringVar(&f.turn, "turn", "", "only those where this side has to act: us or partner")
	flags.StringVar(&f.due, "due-before", "", "only those with a clock that is due before this `time`")
	flags.StringVar(&f.prefix, "case", "", "only those whose name begins so")
	flags.StringVar(&f.officer, "officer", "", "only those that are assigned to this `officer`")
	flags.StringVar(&f.order, "order", "moved", "moved or due")
	flags.IntVar(&f.limit, "limit", 50, "at most so many")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// oneOf checks a flag that has a few values.
func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return usagef("--%s is %s", flag, strings.Join(allowed, ", "))
}

func (f *caseListFlags) filter() (exchange.CaseFilter, error) {
	out := exchange.CaseFilter{State: exchange.State(f.state), Turn: exchange.Turn(f.turn), Case: f.prefix, Officer: f.officer, ByDue: f.order == "due", Limit: f.limit}
	var err error
	if out.DueBy, err = parseTime(f.due); err != nil {
		return out, usagef("--due-before: %w", err)
	}
	if err := oneOf("order", f.order, "moved", "due"); err != nil {
		return out, err
	}
	if f.turn != "" {
		if err := oneOf("turn", f.turn, "us", "partner"); err != nil {
			return out, err
		}
	}
	if f.kind != "" {
		if err := oneOf("kind", f.kind, "return", "self_return", "information"); err != nil {
			return out, err
		}
		out.Kinds = []exchange.Conversation{exchange.Conversation(f.kind)}
	}
	if f.partner != "" {
		out.Partners = []string{f.partner}
	}
	if f.limit < 1 || f.limit > 500 {
		return out, usagef("--limit is a number from 1 to 500")
	}
	return out, nil
}

func (f *caseListFlags) run(cmd *cobra.Command) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	rows, _, err := n.files.List(cmd.Context(), &commandLine, filter)
	if err != nil {
		return err
	}
	lines := make([]operator.CaseLine, len(rows))
	for i, row := range rows {
		lines[i] = operator.CaseLineOf(row)
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), lines)
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "no case")
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PARTNER\tCASE\tKIND\tSTATE\tTURN\tDUE\tMOVED")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Partner, l.Case, dash(string(l.Kind)), dash(string(l.State)), dash(string(l.Turn)), day(l.DueAt), l.MovedAt.Format(time.RFC3339))
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.RFC3339)
}

func newCaseShow() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show PARTNER CASE",
		Short: "Show where a case stands: each person, whose turn it is, and its clocks",
		Args:  exactArgs("PARTNER", "CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			file, err := n.files.Case(cmd.Context(), &commandLine, exchange.CaseKey{Partner: args[0], Case: args[1]})
			if err != nil {
				return noCase(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), operator.CaseViewOf(file))
			}
			return printCase(cmd.OutOrStdout(), operator.CaseViewOf(file))
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// noCase makes a mistyped case a mistake on the command line.
func noCase(err error) error {
	if exchange.AsProblem(err).Kind == exchange.ProblemNotFound {
		return hint(usageError{err}, "'gateway case list' shows the cases")
	}
	return err
}

func printCase(w io.Writer, c operator.CaseView) error {
	fmt.Fprintf(w, "case     %s with %s\n", c.Case, c.Partner)
	fmt.Fprintf(w, "kind     %s, opened %s\n", dash(string(c.Kind)), c.OpenedAt.Format(time.RFC3339))
	fmt.Fprintf(w, "state    %s since %s\n", dash(string(c.State)), c.MovedAt.Format(time.RFC3339))
	fmt.Fprintf(w, "turn     %s\n", dash(string(c.Turn)))
	if c.Pending > 0 {
		fmt.Fprintf(w, "pending  %d message(s) of ours that the partner does not certainly hold yet\n", c.Pending)
	}
	if len(c.Officers) > 0 {
		fmt.Fprintf(w, "officers %s\n", strings.Join(c.Officers, ", "))
	}
	if c.Erased {
		fmt.Fprintln(w, "erased   only its proofs are left")
	}
	for _, s := range c.Subjects {
		fmt.Fprintf(w, "person   %s  %s  %s\n", s.Ref, s.State, strings.Join(s.Remarks, " "))
	}
	for _, k := range c.Clocks {
		whose := "the partner's"
		if k.Ours {
			whose = "ours"
		}
		fmt.Fprintf(w, "clock    %s  %s, due %s  %s (%s; scope %s): %s\n", k.ID, k.State, day(k.DueAt), whose, k.Label.EN, k.Scope, k.Citation.EN)
	}
	return nil
}

func newCaseTimeline() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "timeline PARTNER CASE",
		Short: "Show what happened in a case, in order",
		Args:  exactArgs("PARTNER", "CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			key, lines := exchange.CaseKey{Partner: args[0], Case: args[1]}, []operator.TimelineLine{}
			for next, more := int64(0), true; more; {
				entries, err := n.files.Timeline(cmd.Context(), &commandLine, key, next, timelinePage)
				if err != nil {
					return noCase(err)
				}
				for _, e := range entries {
					lines, next = append(lines, operator.TimelineLineOf(e)), e.Index+1
				}
				more = len(entries) == timelinePage
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			return printTimeline(cmd.OutOrStdout(), lines)
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

const timelinePage = 500

func printTimeline(w io.Writer, lines []operator.TimelineLine) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "INDEX\tTIME\tEVENT\tTYPE\tJTI\tREMARKS")
	for _, l := range lines {
		var remarks []string
		if l.Status != "" {
			remarks = append(remarks, l.Status)
		}
		if l.Late {
			remarks = append(remarks, "late")
		}
		if l.By != "" {
			remarks = append(remarks, "by "+l.By)
		}
		if len(l.Officers) > 0 {
			remarks = append(remarks, "to "+strings.Join(l.Officers, ", "))
		}
		if l.Reason != "" {
			remarks = append(remarks, "because: "+l.Reason)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", l.Index, l.At.Format(time.RFC3339), l.Event, dash(l.Type), l.ID, strings.Join(remarks, ", "))
	}
	return t.Flush()
}
