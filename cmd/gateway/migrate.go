package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

type migrateFlags struct {
	from           nodeFlag
	grant, url     string
	rotate, accept bool
	asJSON         bool
}

func newMigrate() *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store up to date, or rotate its encryption key",
		Long: `migrate applies the numbered steps that this program carries, and makes again from
the record what an earlier program did not keep. On PostgreSQL run it as the
owner of the tables (--url), and give the role that the gateway runs as only what
it needs (--grant); SQLite files are kept up to date by every verb.

With --rotate-keys it adds a new key-encryption key, wraps every data key with
it, and leaves the messages as they are.

With --accept-record it takes a record of which the lock file remembers nothing
for the newest there is, once, and records that somebody said so.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "a store `URL` instead of the configured one, for the owner's role")
	flags.StringVar(&f.grant, "grant", "", "the PostgreSQL `role` that the gateway runs as")
	flags.BoolVar(&f.rotate, "rotate-keys", false, "rotate the key-encryption key instead")
	flags.BoolVar(&f.accept, "accept-record", false, "remember this record as the newest instead, where the lock file is lost")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (f *migrateFlags) run(cmd *cobra.Command) error {
	if f.accept && f.rotate || (f.accept || f.rotate) && f.grant != "" {
		return usagef("--rotate-keys, --accept-record and --grant are done one at a time")
	}
	if f.accept {
		return acceptRecord(cmd, f)
	}
	cfg, log, err := f.from.load()
	if err != nil {
		return err
	}
	if f.url != "" {
		cfg.Store = f.url
	}
	n := &node{cfg: cfg, log: log}
	defer n.close()
	if n.db, err = store.Open(cmd.Context(), store.Config{URL: cfg.Store, Logger: log}); err != nil {
		return err
	}
	if f.rotate {
		return rotateKeys(cmd, n.db, cfg.Encryption.Keys, f.asJSON)
	}
	applied, err := n.db.Migrate(cmd.Context())
	if err != nil {
		return err
	}
	if f.grant != "" {
		if err := n.db.Grant(cmd.Context(), f.grant); err != nil {
			return err
		}
	}
	if err := n.migrateBooks(cmd); err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"store": n.db.Kind(), "applied": applied, "granted": f.grant, "cases": n.rebuilt})
	}
	for _, m := range applied {
		fmt.Fprintf(cmd.OutOrStdout(), "applied %s\n", m.Name)
	}
	if n.rebuilt > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "made the books of %d cases from the record\n", n.rebuilt)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: the schema is up to date\n", n.db.Kind())
	return err
}

// migrateBooks makes the books of cases that have none; where there are none
// it needs no keys.
func (n *node) migrateBooks(cmd *cobra.Command) error {
	without, err := n.db.Unbooked(cmd.Context(), 1)
	if err != nil || len(without) == 0 {
		return err
	}
	if err := n.openKeys(); err != nil {
		return err
	}
	if err := n.openRegistry(cmd.Context()); err != nil {
		return err
	}
	return n.rebuildBooks(cmd.Context())
}

// acceptRecord remembers a record of which nothing is remembered, if it holds
// by itself, and records that it was accepted.
func acceptRecord(cmd *cobra.Command, f *migrateFlags) error {
	ctx := cmd.Context()
	n, err := f.from.openUnproved(ctx)
	if err != nil {
		return err
	}
	defer n.close()
	lock, err := exchange.NewFileLock(n.cfg.Log.Lock, n.logSigner.Verifier())
	if err != nil {
		return err
	}
	remembered, err := lock.Load(ctx)
	if err != nil {
		return err
	}
	if remembered != nil {
		return usagef("the lock file %s remembers a checkpoint: there is nothing to accept", n.cfg.Log.Lock)
	}
	report, err := n.audit(ctx, false, progressOn(cmd.ErrOrStderr(), "checking entries"))
	if err != nil {
		return err
	}
	if !report.OK() {
		return hint(errors.New("the record does not hold by itself and cannot be accepted"), "run 'gateway check'")
	}
	if report.Size == 0 {
		return usagef("the record is empty: there is nothing to accept")
	}
	head, err := n.db.Checkpoint(ctx, report.Size)
	if err == nil {
		err = errors.Join(lock.Store(ctx, report.Size, head), lock.Close())
	}
	if err != nil {
		return fmt.Errorf("remember the record: %w", err)
	}
	return recordAcceptance(cmd, f, report)
}

// recordAcceptance puts who accepted what into the record.
func recordAcceptance(cmd *cobra.Command, f *migrateFlags, report *exchange.AuditReport) error {
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	data, err := json.Marshal(map[string]any{"event": "record-accepted", "by": who, "size": report.Size, "root": report.Root.String()})
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	e := &exchange.Entry{Kind: exchange.KindEvent, Direction: exchange.Out, ID: exchange.NewID(), Type: "record_accepted", Data: data}
	if err := n.committer.Record(cmd.Context(), e); err != nil {
		return fmt.Errorf("record that it was accepted: %w", err)
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"size": report.Size, "root": report.Root.String(), "entry": e.Index})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "the record of %d entries is remembered as the newest; that it was accepted is entry %d\n", report.Size, e.Index)
	return err
}

// rotateKeys adds a new key-encryption key and wraps every data key with it.
// Killed half way it is simply run again: a data key names the key it is
// wrapped with, and old keys stay in the file.
func rotateKeys(cmd *cobra.Command, db *store.DB, path string, asJSON bool) error {
	var current string
	var done int
	err := seal.RotateKEKFile(cmd.Context(), path, func(ctx context.Context, keys *seal.FileWrapper) error {
		var err error
		current = keys.CurrentID()
		done, err = db.Rewrap(ctx, current, func(c exchange.CaseRow) (exchange.CaseRow, error) { return exchange.Rewrap(ctx, keys, c) })
		return err
	})
	if err != nil {
		return fmt.Errorf("rotate the key-encryption key: %w", err)
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"current": current, "rewrapped": done})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d data keys are now wrapped with %s; running gateways with this key file use it within a second\n", done, current)
	return err
}
