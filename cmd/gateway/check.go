package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

func newCheck() *cobra.Command {
	var from nodeFlag
	var asJSON, record bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Recompute the live record from its stored bytes and say what is wrong, where",
		Long: `check decrypts every entry, recomputes every commitment, leaf, tile and root, and
compares them with every checkpoint that was ever signed and with the one that
is remembered outside the database. From the same bytes it recomputes what is
kept beside the entries: receipts, the book and state of each case, numbers,
deliveries and their outcomes, officers; and it looks for the triggers that keep
the tables append-only. It works while the gateway runs.

By itself check only reads. With --record the outcome becomes an entry of the
record, with your system user's name: officers see it as the last check. Never do
that on a copy of the database: what is signed there is a second history.

Exit code 0: nothing is wrong. 1: something is, or it could not be recorded.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			began := time.Now()
			report, err := from.check(cmd.Context(), progressOn(cmd.ErrOrStderr(), "checking entries"))
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
			if record {
				checked := exchange.CheckedOf(report, exchange.CheckedByHand, systemUser(), time.Now(), time.Since(began))
				err = errors.Join(err, from.recordCheck(cmd.Context(), checked))
			}
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as one JSON object")
	cmd.Flags().BoolVar(&record, "record", false, "put the outcome into the record; never on a copy")
	return cmd
}

// check recomputes the record of a gateway that may not be fit to run.
func (f *nodeFlag) check(ctx context.Context, progress func(done, total int64)) (*exchange.AuditReport, error) {
	n, err := f.openUnproved(ctx)
	if err != nil {
		return nil, err
	}
	defer n.close()
	return n.audit(ctx, true, progress)
}

// recordCheck writes the outcome of a check. The committer proves the record's
// head first: one that was rolled back, say, takes nothing more.
func (f *nodeFlag) recordCheck(ctx context.Context, checked exchange.Checked) error {
	n, err := f.open(ctx)
	if err == nil {
		defer n.close()
		err = exchange.RecordCheck(ctx, n.committer, checked)
	}
	if err != nil {
		return fmt.Errorf("the outcome is not in the record: %w", err)
	}
	return nil
}

// openUnproved opens what check needs without starting the committer, which
// refuses to start on a record that does not hold.
func (f *nodeFlag) openUnproved(ctx context.Context) (*node, error) {
	cfg, log, err := f.load()
	if err != nil {
		return nil, err
	}
	n := &node{cfg: cfg, log: log, existing: true}
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
	report, err := n.audit(ctx, true, progress)
	if err != nil {
		return nil, err
	}
	return &report.Report, nil
}

// audit recomputes the record and what follows from it, and compares it with
// what is remembered outside the database unless that is not asked for.
func (n *node) audit(ctx context.Context, remembered bool, progress func(done, total int64)) (*exchange.AuditReport, error) {
	cfg, err := n.auditConfig()
	if err != nil {
		return nil, err
	}
	if cfg.Progress = progress; !remembered {
		cfg.Lock = nil
	}
	return exchange.Audit(ctx, cfg)
}

func (n *node) auditConfig() (exchange.AuditConfig, error) {
	keys, err := n.ownKeys()
	if err != nil {
		return exchange.AuditConfig{}, err
	}
	lock, err := exchange.NewFileLock(n.cfg.Log.Lock, n.logSigner.Verifier())
	if err != nil {
		return exchange.AuditConfig{}, err
	}
	return exchange.AuditConfig{Self: n.cfg.Self, Store: n.db, Opener: n.opener, Log: n.logSigner.Verifier(), Keys: keys, Lock: lock}, nil
}

// newChecker wires what checks the record by the clock.
func (n *node) newChecker() (*exchange.Checker, error) {
	audit, err := n.auditConfig()
	if err != nil {
		return nil, err
	}
	return exchange.NewChecker(exchange.CheckerConfig{
		Audit: audit, Leases: n.db, Recorder: n.committer, Clock: n.now, Logger: n.log, Metrics: n.metrics, Every: n.cfg.Log.checkEvery(),
	})
}

// ownKeys are the keys that have signed our receipts, the retired ones too.
func (n *node) ownKeys() (*seal.KeySet, error) {
	texts, err := n.publicKeys(n.cfg.Self)
	if err != nil {
		return nil, usageError{err}
	}
	keys := make([]seal.Key, len(texts))
	for i, text := range texts {
		if keys[i], err = seal.ParseJWK(text); err != nil {
			return nil, usagef("a key in signing.retired: %w", err)
		}
	}
	set, err := seal.NewKeySet(keys...)
	if err != nil {
		return nil, usagef("signing.key and signing.retired: %w", err)
	}
	return set, nil
}

func printReport(w io.Writer, r *exchange.AuditReport) error {
	fmt.Fprintf(w, "record      %s\n", r.Origin)
	fmt.Fprintf(w, "entries     %d (%d erased)\n", r.Entries, r.Erased)
	fmt.Fprintf(w, "checkpoints %d\n", r.Checkpoints)
	fmt.Fprintf(w, "root        %s\n", r.Root)
	fmt.Fprintf(w, "cases       %d\n", r.Cases)
	fmt.Fprintf(w, "receipts    %d given, %d deliveries of ours\n", r.Receipts, r.Deliveries)
	for _, c := range r.Cosigned {
		fmt.Fprintf(w, "cosigned    %d checkpoints by %s, the last of %d entries\n", c.Checkpoints, c.Witness, c.Size)
	}
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
