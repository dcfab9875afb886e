package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

func newMigrate() *cobra.Command {
	var from nodeFlag
	var grant, url string
	var rotate, asJSON bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date, or rotate its encryption key",
		Long: `migrate applies the numbered steps that this program carries. On PostgreSQL run
it as the owner of the tables (--url), and give the role that the gateway runs
as only what it needs (--grant); SQLite files are kept up to date by every verb.

With --rotate-keys it adds a new key-encryption key, wraps every data key with
it, and leaves the messages as they are.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := from.load()
			if err != nil {
				return err
			}
			if url != "" {
				cfg.Store = url
			}
			db, err := store.Open(cmd.Context(), store.Config{URL: cfg.Store, Logger: log})
			if err != nil {
				return err
			}
			defer db.Close()
			if rotate {
				return rotateKeys(cmd, db, cfg.Encryption.Keys, asJSON)
			}
			applied, err := db.Migrate(cmd.Context())
			if err != nil {
				return err
			}
			if grant != "" {
				if err := db.Grant(cmd.Context(), grant); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"store": db.Kind(), "applied": applied, "granted": grant})
			}
			for _, m := range applied {
				fmt.Fprintf(cmd.OutOrStdout(), "applied %s\n", m.Name)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: the schema is up to date\n", db.Kind())
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&url, "url", "", "a store `URL` instead of the configured one, for the owner's role")
	cmd.Flags().StringVar(&grant, "grant", "", "the PostgreSQL `role` that the gateway runs as")
	cmd.Flags().BoolVar(&rotate, "rotate-keys", false, "rotate the key-encryption key instead")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// rotateKeys adds a new key-encryption key and wraps every data key with it.
// Killed half way it is simply run again: a data key names the key it is
// wrapped with, and old keys stay in the file.
func rotateKeys(cmd *cobra.Command, db *store.DB, path string, asJSON bool) error {
	if err := seal.RotateKEKFile(path); err != nil {
		return fmt.Errorf("add a key: %w", err)
	}
	keys, err := seal.OpenKEKFile(path)
	if err != nil {
		return fmt.Errorf("open the encryption keys: %w", err)
	}
	n, err := db.Rewrap(cmd.Context(), keys.CurrentID(), func(c exchange.CaseRow) (exchange.CaseRow, error) {
		return exchange.Rewrap(cmd.Context(), keys, c)
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"current": keys.CurrentID(), "rewrapped": n})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d data keys are now wrapped with %s; restart running gateways so that they use it\n", n, keys.CurrentID())
	return err
}
