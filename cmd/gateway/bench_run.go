package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

// A rung is one step of the ladder: a gateway process, and what it showed in
// each round.
type rung struct {
	name    string
	server  *benchServer
	rounds  []sample // at the plan's connections
	quiet   []sample // at four connections
	preload int
}

// A sample is one rung in one round.
type sample struct {
	messages  int
	seconds   float64
	p50, p99  time.Duration
	cpu       time.Duration // the gateway process, per message
	allocs    float64       // per message, in the gateway process
	perSecond float64
}

// A benchRun is a whole bench.
type benchRun struct {
	plan   benchPlan
	world  *world
	client *benchClient
	rungs  []*rung
}

// newBenchRun makes the keys of two parties and starts every rung's process.
func newBenchRun(ctx context.Context, dir string, pg *throwaway.Server, plan benchPlan) (*benchRun, error) {
	w, err := newBenchWorld(dir)
	if err != nil {
		return nil, err
	}
	b := &benchRun{plan: plan, world: w}
	if b.client, err = newBenchClient(w); err != nil {
		return nil, err
	}
	for _, spec := range b.ladder() {
		storeURL := ""
		switch spec.store {
		case "sqlite":
			storeURL = fmt.Sprintf("%s/%s.db", dir, spec.name)
		case "postgres":
			if storeURL, err = pg.Database(ctx); err != nil {
				b.stop()
				return nil, err
			}
		}
		server, err := startBenchServer(ctx, w, spec, storeURL)
		if err != nil {
			b.stop()
			return nil, fmt.Errorf("start rung %s: %w", spec.name, err)
		}
		b.rungs = append(b.rungs, &rung{name: spec.name, server: server, preload: spec.preload})
	}
	return b, nil
}

// A rungSpec says what a rung's process runs.
type rungSpec struct {
	name, store string
	preload     int
	single      bool // one transaction a message
}

func (b *benchRun) ladder() []rungSpec {
	specs := []rungSpec{{name: "floor"}, {name: "schema"}, {name: "sqlite", store: "sqlite"}, {name: "postgres", store: "postgres"}}
	for _, n := range b.plan.Preloads {
		specs = append(specs,
			rungSpec{name: fmt.Sprintf("sqlite-%d", n), store: "sqlite", preload: n},
			rungSpec{name: fmt.Sprintf("postgres-%d", n), store: "postgres", preload: n})
	}
	if b.plan.Single {
		specs = append(specs, rungSpec{name: "sqlite-single", store: "sqlite", single: true}, rungSpec{name: "postgres-single", store: "postgres", single: true})
	}
	return specs
}

func (b *benchRun) stop() {
	for _, r := range b.rungs {
		r.server.stop()
	}
}

// measure loads every rung in turn, round after round; the first, short round
// warms up and is not counted. Every other round goes down the ladder instead
// of up, so that a drift of the machine favours no rung.
func (b *benchRun) measure(ctx context.Context, progress io.Writer) error {
	for _, r := range b.rungs {
		if _, err := b.load(ctx, r, b.plan.Connections, 300*time.Millisecond); err != nil {
			return fmt.Errorf("warm up rung %s: %w", r.name, err)
		}
	}
	for round := range b.plan.Rounds {
		fmt.Fprintf(progress, "bench: round %d of %d\n", round+1, b.plan.Rounds)
		order := slices.Clone(b.rungs)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, r := range order {
			s, err := b.load(ctx, r, b.plan.Connections, b.plan.Slice)
			if err != nil {
				return fmt.Errorf("rung %s: %w", r.name, err)
			}
			r.rounds = append(r.rounds, s)
			if s, err = b.load(ctx, r, 4, b.plan.Slice/4); err != nil {
				return fmt.Errorf("rung %s at 4 connections: %w", r.name, err)
			}
			r.quiet = append(r.quiet, s)
		}
	}
	return nil
}

// load drives one rung from n connections for a while.
func (b *benchRun) load(ctx context.Context, r *rung, n int, slice time.Duration) (sample, error) {
	before, err := r.server.stats()
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, slice)
	defer cancel()
	latencies := make([][]time.Duration, n)
	errs := make([]error, n)
	started := time.Now()
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				var took time.Duration
				if took, errs[i] = b.client.send(r.server); errs[i] == nil {
					latencies[i] = append(latencies[i], took)
				}
			}
		})
	}
	wait.Wait()
	elapsed := time.Since(started)
	for _, err := range errs {
		if err != nil {
			return sample{}, err
		}
	}
	after, err := r.server.stats()
	if err != nil {
		return sample{}, err
	}
	return summarise(slices.Concat(latencies...), elapsed, before, after), nil
}

func summarise(all []time.Duration, elapsed time.Duration, before, after serverStats) sample {
	slices.Sort(all)
	n := max(len(all), 1)
	s := sample{messages: len(all), seconds: elapsed.Seconds(), perSecond: float64(len(all)) / elapsed.Seconds()}
	if len(all) > 0 {
		s.p50, s.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	s.cpu = time.Duration((after.CPU - before.CPU) / int64(n))
	s.allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
	return s
}
