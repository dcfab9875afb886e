package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// errNoRegister is what a configuration without an index key gets.
var errNoRegister = hint(usagef("this gateway keeps no index of persons"), "name a key in encryption.index; 'gateway cert keys' makes one")

// withRegister opens a gateway and its blind index.
func withRegister(cmd *cobra.Command, from *nodeFlag, do func(*node) error) error {
	n, err := from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	if err := n.openRegister(); err != nil {
		return err
	}
	if n.register == nil {
		return errNoRegister
	}
	return do(n)
}

// subjectKey reads PARTNER CASE SUBJECT.
func subjectKey(args []string) exchange.SubjectKey {
	return exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: args[0], Case: args[1]}, Subject: args[2]}
}

func newCaseDuplicates() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "duplicates PARTNER CASE SUBJECT",
		Short: "Show persons of other cases who may be this one",
		Long: `duplicates looks for persons of other cases who may be this one, by keyed hashes
of names, dates and numbers. Nobody is opened, nothing personal is shown, and
nothing is decided; a score only says which to look at first.`,
		Args: exactArgs("PARTNER", "CASE", "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegister(cmd, &from, func(n *node) error {
				found, err := n.register.Duplicates(cmd.Context(), &commandLine, subjectKey(args))
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), found)
				}
				if len(found) == 0 {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), "nobody")
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "SCORE\tPARTNER\tCASE\tSUBJECT")
				for _, c := range found {
					fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", c.Score, c.Partner, c.Case, c.Subject)
				}
				return w.Flush()
			})
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newCaseCompare() *cobra.Command {
	var from nodeFlag
	var as, reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare PARTNER CASE SUBJECT PARTNER CASE SUBJECT",
		Short: "Compare two persons field by field, for an officer",
		Long: `compare opens two persons for an officer and says field by field how well they
agree, and why. Both accesses and the reason enter the record first. It shows no
value, and it decides nothing.`,
		Args: exactArgs("PARTNER", "CASE", "SUBJECT", "PARTNER", "CASE", "SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if as == "" {
				return usagef("--as is required: the officer who compares")
			}
			return withRegister(cmd, &from, func(n *node) error {
				by, err := n.roster.Officer(cmd.Context(), as)
				if err != nil {
					return err
				}
				report, err := n.register.Compare(cmd.Context(), by, subjectKey(args[:3]), subjectKey(args[3:]), reason)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), report)
				}
				return printFindings(cmd, report)
			})
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&as, "as", "", "the `officer` who compares")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it stands in the record")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printFindings(cmd *cobra.Command, report identity.Report) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FIELD\tVERDICT\tGRADE\tSCORE\tBECAUSE")
	for _, f := range report.Findings {
		reasons := make([]string, len(f.Reasons))
		for i, key := range f.Reasons {
			reasons[i] = key.In("en")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", f.Field, f.Verdict, f.Grade, f.Score, strings.Join(reasons, "; "))
	}
	for _, warning := range report.Warnings {
		fmt.Fprintf(w, "mind\t%s\t\t\t%s\n", warning.Side, warning.Key.In("en"))
	}
	return w.Flush()
}

func newCaseLinks() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "links PARTNER CASE",
		Short: "Show the cases that share an opaque link with this one",
		Args:  exactArgs("PARTNER", "CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegister(cmd, &from, func(n *node) error {
				keys, err := n.register.Linked(cmd.Context(), &commandLine, exchange.CaseKey{Partner: args[0], Case: args[1]})
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), keys)
				}
				for _, k := range keys {
					fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", k.Partner, k.Case)
				}
				return nil
			})
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
