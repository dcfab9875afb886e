package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

// A benchPlan says what a bench measures.
type benchPlan struct {
	Rounds      int
	Slice       time.Duration // one rung in one round
	Connections int
	Preloads    []int // entries already in the record; long form only
}

func newBench() *cobra.Command {
	var asJSON, long bool
	plan := benchPlan{Rounds: 5, Slice: 1100 * time.Millisecond, Connections: 64}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a message costs on this machine, rung by rung",
		Long: `bench starts a gateway process for each rung of a ladder and loads them in turn
from this process, round after round, so that the ratios hold on a noisy
machine:

  floor     mutual TLS, strict JWS verification and a signed answer; no schema,
            no store, the JOSE library's plain verify and sign
  schema    the whole inbox without a record: schema, agreement, limits
  sqlite    the gateway on SQLite: everything, durable, in the Merkle log
  postgres  the same on a throw-away PostgreSQL of its own

The client's work (signing each message, TLS) is part of every figure but CPU
and allocations. CPU a message is that of the gateway, and on the rungs with
PostgreSQL that of the server's processes too. Every rung logs as a gateway does
by default, to nowhere. Figures are medians over the rounds; ratio is messages a
second relative to the floor of the same round.

What a common transaction gains is measured beside it, in the same rounds: the
same gateway with one transaction a message, once with partners at it and once
with nothing but its committer at work.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if plan.Rounds < 1 || plan.Connections < 1 || plan.Slice < 10*time.Millisecond {
				return usagef("--rounds and --connections must be at least 1, --slice at least 10ms")
			}
			if long {
				plan.Rounds, plan.Slice, plan.Preloads = 7, 3*time.Second, []int{1_000, 100_000, 1_000_000}
			}
			return runBench(cmd.Context(), plan, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "end with one JSON object on the last line")
	cmd.Flags().BoolVar(&long, "long", false, "more and longer rounds, and large records")
	cmd.Flags().IntVar(&plan.Connections, "connections", plan.Connections, "concurrent connections")
	cmd.Flags().IntVar(&plan.Rounds, "rounds", plan.Rounds, "interleaved rounds")
	cmd.Flags().DurationVar(&plan.Slice, "slice", plan.Slice, "how long one rung is loaded in one round")
	cmd.AddCommand(newBenchServer(), newBenchLists())
	return cmd
}

// runBench measures the plan and prints it.
func runBench(ctx context.Context, plan benchPlan, asJSON bool, out, progress io.Writer) error {
	started := time.Now()
	signal.Ignore(syscall.SIGPIPE) // a reader that leaves must not leave the server and its folder behind
	dir, err := os.MkdirTemp("", "gateway-bench")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	fmt.Fprintln(progress, "bench: starting a throw-away PostgreSQL")
	pg, err := throwaway.Start(ctx, "")
	if err != nil {
		return hint(err, "bench compares both stores and needs PostgreSQL's server programs")
	}
	defer pg.Stop()
	b, err := newBenchRun(ctx, dir, pg, plan)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.measure(ctx, progress); err != nil {
		return err
	}
	report := b.report(time.Since(started))
	report.print(out)
	if asJSON {
		return printJSON(out, report)
	}
	return nil
}
