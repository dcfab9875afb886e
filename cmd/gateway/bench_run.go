package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

// A rung is one step of the ladder: a gateway process, and what it showed in
// each round.
type rung struct {
	rungSpec
	server *benchServer
	rounds []sample  // at the plan's connections
	quiet  []sample  // at four connections
	alone  []float64 // entries a second with nothing but the committer at work
}

// A sample is one rung in one round.
type sample struct {
	messages  int
	seconds   float64
	p50, p99  time.Duration
	cpu       time.Duration // per message: the gateway's, and the database's
	database  time.Duration // of it, PostgreSQL's own
	allocs    float64       // per message, in the gateway process
	perSecond float64
}

// A benchRun is a whole bench.
type benchRun struct {
	plan   benchPlan
	world  *world
	client *benchClient
	pg     *throwaway.Server
	rungs  []*rung
	single map[string]*rung // by store: one transaction a message
}

// newBenchRun makes the keys of two parties and starts every rung's process.
func newBenchRun(ctx context.Context, dir string, pg *throwaway.Server, plan benchPlan) (*benchRun, error) {
	w, err := newBenchWorld(dir)
	if err != nil {
		return nil, err
	}
	b := &benchRun{plan: plan, world: w, pg: pg, single: map[string]*rung{}}
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
		r := &rung{rungSpec: spec, server: server}
		if spec.single {
			b.single[spec.store] = r
		} else {
			b.rungs = append(b.rungs, r)
		}
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
	return append(specs,
		rungSpec{name: "sqlite-single", store: "sqlite", single: true},
		rungSpec{name: "postgres-single", store: "postgres", single: true})
}

func (b *benchRun) stop() {
	for _, r := range slices.Concat(b.rungs, slices.Collect(maps.Values(b.single))) {
		r.server.stop()
	}
}

// measure loads every rung in turn, round after round; the first, short round
// warms up and is not counted. Every other round goes down the ladder instead
// of up, so that a drift of the machine favours no rung.
func (b *benchRun) measure(ctx context.Context, progress io.Writer) error {
	for _, r := range slices.Concat(b.rungs, slices.Collect(maps.Values(b.single))) {
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
		if err := b.group(ctx); err != nil {
			return err
		}
	}
	return nil
}

// group measures what a common transaction gains, store by store.
func (b *benchRun) group(ctx context.Context) error {
	for _, r := range b.rungs {
		single := b.single[r.name] // a rung that is called as its store has nothing in its record
		if single == nil {
			continue
		}
		s, err := b.load(ctx, single, b.plan.Connections, b.plan.Slice/3)
		if err != nil {
			return fmt.Errorf("rung %s: %w", single.name, err)
		}
		single.rounds = append(single.rounds, s)
		for _, each := range []*rung{r, single} {
			rate, err := each.server.record(b.plan.Connections, b.plan.Slice/6)
			if err != nil {
				return fmt.Errorf("rung %s: %w", each.name, err)
			}
			each.alone = append(each.alone, rate)
		}
	}
	return nil
}

// load drives one rung from n connections for a while.
func (b *benchRun) load(ctx context.Context, r *rung, n int, slice time.Duration) (sample, error) {
	before, err := b.stats(r)
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
	after, err := b.stats(r)
	if err != nil {
		return sample{}, err
	}
	return summarise(slices.Concat(latencies...), elapsed, before, after), nil
}

// stats asks a rung's process what it has used, and the database it works on.
func (b *benchRun) stats(r *rung) (serverStats, error) {
	out, err := r.server.stats()
	if err != nil || r.store != "postgres" {
		return out, err
	}
	used, err := b.pg.CPU()
	out.Database = int64(used)
	return out, err
}

func summarise(all []time.Duration, elapsed time.Duration, before, after serverStats) sample {
	slices.Sort(all)
	n := max(len(all), 1)
	s := sample{messages: len(all), seconds: elapsed.Seconds(), perSecond: float64(len(all)) / elapsed.Seconds()}
	if len(all) > 0 {
		s.p50, s.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	s.database = time.Duration((after.Database - before.Database) / int64(n))
	s.cpu = time.Duration((after.CPU-before.CPU)/int64(n)) + s.database
	s.allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
	return s
}
