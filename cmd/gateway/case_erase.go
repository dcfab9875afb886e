package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
)

func newCaseErase() *cobra.Command {
	var from nodeFlag
	var as, reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "erase PARTNER CASE --as OFFICER --reason TEXT",
		Short: "Destroy what a case holds, for good; its proofs stay",
		Long: `erase replaces the data key of a case, so that nobody can read again what was
said in it: no officer, no auditor, no administrator of the database. The record
stays whole, and every proof valid. There is no way back.

It takes an erasure_notice for the whole case, and two officers of this side who
have signed: for a notice of the partner's, the erasure_confirmation with the
outcome done that answers it, which leaves when the case is erased and not before;
for a notice of ours, that notice, once the partner has answered it. Nothing of
the case may still be on its way, and no draft may wait in it.

Backups of the database and of the key file still hold what they held; see
docs/operating.md.`,
		Args: exactArgs("PARTNER", "CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			by, err := n.acting(cmd.Context(), as)
			if err != nil {
				return err
			}
			done, err := n.desk.Erase(cmd.Context(), by, exchange.CaseKey{Partner: args[0], Case: args[1]}, reason)
			if done.Reason == "" || err != nil {
				return noCase(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), done)
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "case %s with %s is erased, as notice %s asks\n", args[1], args[0], done.Notice); err != nil || done.Confirmation == nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is told so by confirmation %s\n", args[0], done.Confirmation.ID)
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&as, "as", "", "the `officer` who erases it")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it stands in the record")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
