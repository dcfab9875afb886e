package store_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// A checkRig is a record of a few events, and a clock for those who check it.
type checkRig struct {
	*rig
	ahead atomic.Int64
}

func newCheckRig(t *testing.T, url string) *checkRig {
	r := &checkRig{rig: newRig(t, url)}
	for range 3 {
		r.happens("officer_signed_in")
	}
	return r
}

// happens records an event.
func (r *checkRig) happens(what string) {
	r.t.Helper()
	must(r.t, r.committer.Record(r.t.Context(), &exchange.Entry{
		Kind: exchange.KindEvent, Direction: exchange.Out, ID: exchange.NewID(), Type: what, Data: []byte(`{"officer":"lan"}`),
	}))
}

func (r *checkRig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// checker is that of one process, which checks every hour.
func (r *checkRig) checker(change func(*exchange.CheckerConfig)) (*exchange.Checker, *prometheus.Registry) {
	r.t.Helper()
	key, err := seal.ParseJWK(r.signer.Public().JWK())
	must(r.t, err)
	keys, err := seal.NewKeySet(key)
	must(r.t, err)
	lock, err := exchange.NewFileLock(r.lock, r.log.Verifier())
	must(r.t, err)
	registry := prometheus.NewRegistry()
	metrics, err := exchange.NewMetrics(registry)
	must(r.t, err)
	cfg := exchange.CheckerConfig{
		Audit:  exchange.AuditConfig{Self: "VN", Store: r.db, Opener: r.opener, Log: r.log.Verifier(), Keys: keys, Lock: lock},
		Leases: r.db, Recorder: r.committer, Clock: r.now, Logger: slog.New(slog.DiscardHandler), Metrics: metrics, Every: time.Hour,
	}
	if change != nil {
		change(&cfg)
	}
	c, err := exchange.NewChecker(cfg)
	must(r.t, err)
	return c, registry
}

// checks are what the record says of its checks, the last first.
func (r *checkRig) checks() []exchange.Checked {
	r.t.Helper()
	rows, err := r.db.Newest(r.t.Context(), math.MaxInt64, exchange.Filter{Kind: exchange.KindEvent, Type: "record_checked"}, 100)
	must(r.t, err)
	var out []exchange.Checked
	for _, row := range rows {
		opened, err := r.opener.Open(r.t.Context(), row)
		must(r.t, err)
		var c exchange.Checked
		must(r.t, json.Unmarshal(opened.Data, &c))
		out = append(out, c)
	}
	return out
}

// gauge is the value of a metric; 0 for one that nothing was counted in.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return 0
}

// A check by the clock is in the record, and the next one is due an hour after it,
// also for a process that has just started, or whose clock was far ahead.
func TestCheckByTheClock(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newCheckRig(t, url)
		c, registry := r.checker(nil)
		root := r.check().Root
		must(t, c.Work(t.Context()))
		must(t, c.Work(t.Context()))
		got := r.checks()
		if len(got) != 1 || got[0].How != exchange.CheckedByClock || got[0].Size != 3 || got[0].Root != root || !got[0].Holds() {
			t.Fatalf("the record says %+v", got)
		}
		if at := gauge(t, registry, "gateway_record_checked_timestamp_seconds"); math.Abs(at-float64(got[0].At.Unix())) > 1 {
			t.Errorf("the metric says %f, the record %s", at, got[0].At)
		}
		again, _ := r.checker(nil)
		must(t, again.Work(t.Context()))
		if got := r.checks(); len(got) != 1 {
			t.Fatalf("a restart checked again: %+v", got)
		}
		never, _ := r.checker(func(cfg *exchange.CheckerConfig) { cfg.Every = 0 })
		for i, ahead := range []time.Duration{61 * time.Minute, -3 * time.Hour} {
			r.ahead.Store(int64(ahead))
			must(t, never.Work(t.Context()))
			must(t, again.Work(t.Context()))
			if got := r.checks(); len(got) != i+2 || got[0].Size != int64(i+4) || !got[0].Holds() {
				t.Fatalf("with the clock at %s: %+v", ahead, got)
			}
		}
		if w := again.Warnings(); len(w) != 0 {
			t.Errorf("warnings of a record that holds: %v", w)
		}
		r.holds(6)
	})
}

// Of several processes one checks; another does when its lease has run out.
func TestOneProcessChecks(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newCheckRig(t, url)
		_, err := r.db.Follow(t.Context(), exchange.Lease{Name: "record-check", Holder: "killed", Until: r.now().Add(time.Minute)}, 0, r.now())
		must(t, err)
		one, _ := r.checker(nil)
		must(t, one.Work(t.Context()))
		if got := r.checks(); len(got) != 0 {
			t.Fatalf("two check at once: %+v", got)
		}
		r.ahead.Store(int64(2 * time.Minute))
		two, _ := r.checker(func(cfg *exchange.CheckerConfig) { cfg.Leases = openStore(t, url) })
		var wait sync.WaitGroup
		for _, c := range []*exchange.Checker{one, two} {
			wait.Go(func() {
				if err := c.Work(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := r.checks(); len(got) != 1 {
			t.Fatalf("two processes recorded %+v", got)
		}
	})
}

// A stealing store gives the lease to somebody else, or stops the gateway, while
// the check goes on.
type stealing struct {
	*store.DB
	meanwhile func()
}

func (s stealing) Guards(ctx context.Context) ([]string, error) {
	s.meanwhile()
	<-ctx.Done()
	return nil, ctx.Err()
}

// A check that loses its lease, or its gateway, ends and records nothing.
func TestCheckEndsEarly(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newCheckRig(t, url)
		ctx, stop := context.WithCancel(t.Context())
		stopped, _ := r.checker(func(cfg *exchange.CheckerConfig) { cfg.Audit.Store = stealing{r.db, stop} })
		must(t, stopped.Work(ctx))
		robbed, _ := r.checker(func(cfg *exchange.CheckerConfig) {
			cfg.Lease = 60 * time.Millisecond
			cfg.Audit.Store = stealing{r.db, func() {
				later := r.now().Add(time.Hour)
				_, err := r.db.Follow(t.Context(), exchange.Lease{Name: "record-check", Holder: "thief", Until: r.now()}, 0, later)
				must(t, err)
			}}
		})
		must(t, robbed.Work(t.Context()))
		if got := r.checks(); len(got) != 0 {
			t.Fatalf("the record says %+v", got)
		}
		// Both have left the lease to others.
		c, _ := r.checker(nil)
		must(t, c.Work(t.Context()))
		if got := r.checks(); len(got) != 1 {
			t.Fatalf("afterwards the record says %+v", got)
		}
	})
}

// What the clock's check finds is in the record by rule and number, is an alarm,
// and is seen by other processes too, until a check finds nothing.
func TestCheckByTheClockFinds(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newCheckRig(t, url)
		c, registry := r.checker(nil)
		other, seen := r.checker(nil)
		unguarded(t, r.db, "UPDATE entry SET type = 'officer_signed_out' WHERE idx = 1")
		must(t, c.Work(t.Context()))
		got := r.checks()
		if len(got) != 1 || got[0].Rules["metadata"] != 1 || got[0].Rules["guard"] < 3 || got[0].Findings < 4 {
			t.Fatalf("the record says %+v", got)
		}
		if n := gauge(t, registry, "gateway_log_alarms_total"); n != 1 {
			t.Errorf("%f alarms", n)
		}
		must(t, other.Work(t.Context()))
		for _, p := range []struct {
			c *exchange.Checker
			r *prometheus.Registry
		}{{c, registry}, {other, seen}} {
			if w := strings.Join(p.c.Warnings(), "\n"); !strings.Contains(w, "the record does not hold") {
				t.Errorf("the warnings are %q", w)
			}
			if n := gauge(t, p.r, "gateway_record_findings"); int64(n) != got[0].Findings {
				t.Errorf("the metric says %f findings", n)
			}
		}
		if n := gauge(t, seen, "gateway_log_alarms_total"); n != 0 {
			t.Errorf("a process that has not checked counts %f alarms", n)
		}
	})
}

// Whoever can write into the database cannot put the next check off: what calls
// itself one and is not is no check, and makes one due.
func TestAForgedCheckIsNone(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newCheckRig(t, url)
		c, _ := r.checker(nil)
		must(t, c.Work(t.Context()))
		r.happens("officer_signed_in")
		unguarded(t, r.db, "UPDATE entry SET type = 'record_checked' WHERE idx = 4")
		idle, _ := r.checker(func(cfg *exchange.CheckerConfig) { cfg.Every = 0 })
		must(t, idle.Work(t.Context()))
		if w := strings.Join(idle.Warnings(), "\n"); !strings.Contains(w, "cannot be read") {
			t.Errorf("the warnings are %q", w)
		}
		must(t, c.Work(t.Context()))
		if got := r.checks(); len(got) != 3 || got[0].Rules["metadata"] != 1 {
			t.Errorf("the record says %+v", got)
		}
	})
}
