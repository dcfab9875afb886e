package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

func newCheck() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Recompute the live record from its stored bytes and say what is wrong, where",
		Long: `check decrypts every entry, recomputes every commitment, leaf, tile and root, and
compares them with every checkpoint that was ever signed and with the one that
is remembered outside the database. It works while the gateway runs.

Exit code 0: nothing is wrong. 1: something is.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := from.openUnproved(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			report, err := n.check(cmd.Context(), progressOn(cmd.ErrOrStderr(), "checking entries"))
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				err = printReport(cmd.OutOrStdout(), report)
			}
			if err == nil && !report.OK() {
				err = errors.New("the record does not hold")
			}
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as one JSON object")
	return cmd
}

// openUnproved opens what check needs without starting the committer, which
// refuses to start on a record that does not hold.
func (f *nodeFlag) openUnproved(ctx context.Context) (*node, error) {
	cfg, log, err := f.load()
	if err != nil {
		return nil, err
	}
	n := &node{cfg: cfg, log: log}
	if err := n.openStore(ctx); err != nil {
		n.close()
		return nil, err
	}
	if err := n.openKeys(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// check recomputes the whole record.
func (n *node) check(ctx context.Context, progress func(done, total int64)) (*record.Report, error) {
	lock, err := exchange.NewFileLock(n.cfg.Log.Lock, n.logSigner.Verifier())
	if err != nil {
		return nil, err
	}
	remembered, err := lock.Load(ctx)
	if err != nil {
		return nil, err
	}
	options := record.CheckOptions{Log: n.logSigner.Verifier(), Progress: progress}
	if remembered != nil {
		options.Remembered = [][]byte{remembered}
	}
	return record.Check(ctx, exchange.NewFetcher(n.db, n.opener), options)
}

func printReport(w io.Writer, r *record.Report) error {
	fmt.Fprintf(w, "record      %s\n", r.Origin)
	fmt.Fprintf(w, "entries     %d (%d erased)\n", r.Entries, r.Erased)
	fmt.Fprintf(w, "checkpoints %d\n", r.Checkpoints)
	fmt.Fprintf(w, "root        %s\n", r.Root)
	for _, f := range r.Findings {
		where := "record"
		if f.Index >= 0 {
			where = fmt.Sprintf("entry %d", f.Index)
		}
		fmt.Fprintf(w, "WRONG       %s: %s (%s)\n", where, f.Detail, f.Rule)
	}
	if r.Dropped > 0 {
		fmt.Fprintf(w, "            and %d more\n", r.Dropped)
	}
	verdict := "the record holds"
	if !r.OK() {
		verdict = "the record DOES NOT hold"
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
