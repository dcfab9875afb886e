package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
)

func newCaseAssign() *cobra.Command {
	var from nodeFlag
	var as, reason string
	var officers []string
	var all bool
	cmd := &cobra.Command{
		Use:   "assign PARTNER CASE --as OFFICER (--officer OFFICER ... | --all)",
		Short: "Assign a case to officers, or give it back to all of its partner",
		Long: `assign puts a case into the hands of the officers that are named, in place of those
who have had it: of those who draft and answer only they see it then. Supervisors
of the partner see it always; compliance, auditors and systems as before.

A supervisor assigns any case. An officer takes one that nobody has, and gives
back their own. Who did it and whom it names is an entry of the record first.`,
		Args: exactArgs("PARTNER", "CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(officers) > 0) {
				return usagef("name the officers with --officer, or all of the partner with --all")
			}
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			by, err := n.acting(cmd.Context(), as)
			if err != nil {
				return err
			}
			if err := n.files.Assign(cmd.Context(), by, exchange.CaseKey{Partner: args[0], Case: args[1]}, officers, reason); err != nil {
				return noCase(err)
			}
			whom := "all officers of " + args[0]
			if !all {
				whom = strings.Join(officers, ", ")
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "case %s with %s is assigned to %s\n", args[1], args[0], whom)
			return err
		},
	}
	from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&as, "as", "", "the `officer` who assigns it")
	flags.StringSliceVar(&officers, "officer", nil, "an `officer` who has it from then on; may be repeated")
	flags.BoolVar(&all, "all", false, "every officer of the partner has it")
	flags.StringVar(&reason, "reason", "", "why; it stands in the record")
	return cmd
}
