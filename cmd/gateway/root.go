package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
)

// newRoot returns the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gateway",
		Short: "Exchange signed repatriation and identity-verification messages with partner agencies",
		Long: `gateway carries signed, schema-validated messages between the agencies that
identify, verify and bring home people trafficked abroad, over mutual TLS, and
keeps a record of what was sent and received that others can check.

Start with:  gateway demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return hint(usageError{err}, "see 'gateway help' or add --help to the verb")
	})
	verbs(root)
	root.AddCommand(newDemo(), newServe(), newSend(), newPartner(), newOfficer(), newDraft(), newCase(), newWebhook(), newCert(), newExport(), newReport(), newCheck(), newMigrate(), newBench(), newVersion())
	return root
}

// verbs makes a command one that only holds others: alone it shows its help, and
// a verb that it does not have is a usage error.
func verbs(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		advice := "see '" + cmd.CommandPath() + " --help'"
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			advice = "did you mean '" + cmd.CommandPath() + " " + like[0] + "'?"
		}
		return hint(usagef("%s has no verb %q", cmd.CommandPath(), args[0]), advice)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// exactArgs reports missing and superfluous arguments as usage errors.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return hint(usagef("%s takes %d argument(s) %v, not %d", cmd.CommandPath(), len(names), names, len(args)), "see '"+cmd.CommandPath()+" --help'")
		}
		return nil
	}
}

// A nodeFlag is the --config flag of every verb that works on one gateway.
type nodeFlag struct{ path string }

func (f *nodeFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "config", "c", "gateway.yaml", "the gateway's configuration `file`")
}

// load reads the configuration and makes the logger it asks for.
func (f *nodeFlag) load() (*Config, *slog.Logger, error) {
	cfg, err := LoadConfig(f.path, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	return cfg, newLogger(cfg.Logging, os.Stderr), nil
}

// open opens the gateway's record for one verb, with a quiet log.
func (f *nodeFlag) open(ctx context.Context) (*node, error) {
	cfg, err := LoadConfig(f.path, os.Environ())
	if err != nil {
		return nil, err
	}
	cfg.Logging.Level = "error"
	return openNode(ctx, cfg, newLogger(cfg.Logging, os.Stderr))
}

func newLogger(c LoggingConfig, w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if c.Level != "" {
		// The schema has checked the word.
		_ = level.UnmarshalText([]byte(c.Level))
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// printJSON writes one object on one line.
func printJSON(w io.Writer, v any) error {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintln(w, string(out))
	return err
}
