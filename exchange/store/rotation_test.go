package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// rotate is what migrate --rotate-keys does.
func (r *rig) rotate(ctx context.Context) (done int, err error) {
	err = seal.RotateKEKFile(ctx, filepath.Join(r.dir, "kek"), func(ctx context.Context, keys *seal.FileWrapper) error {
		done, err = r.db.Rewrap(ctx, keys.CurrentID(), func(c exchange.CaseRow) (exchange.CaseRow, error) { return exchange.Rewrap(ctx, keys, c) })
		return err
	})
	return done, err
}

// Rotations at once end, one after the other, while messages arrive; every data
// key is then wrapped with the last key.
func TestRotationsAtOnceEnd(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		const cases = 600 // more than one transaction wraps
		record := func(i int) error {
			return r.committer.Record(t.Context(), request("KH", fmt.Sprintf("message-%04d", i), fmt.Sprintf("case-%06d", i%cases), "x"))
		}
		var filled sync.WaitGroup
		for i := range cases {
			filled.Go(func() { must(t, record(i)) })
		}
		filled.Wait()

		var rotations, load sync.WaitGroup
		stop, messages := make(chan struct{}), cases
		load.Go(func() {
			for ; ; messages++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := record(messages); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 3 {
			rotations.Go(func() {
				if n, err := r.rotate(t.Context()); err != nil || n < cases {
					t.Errorf("a rotation wrapped %d data keys: %v", n, err)
				}
			})
		}
		rotations.Wait()
		close(stop)
		load.Wait()
		keys, err := seal.OpenKEKFile(filepath.Join(r.dir, "kek"))
		must(t, err)
		rows, err := r.db.Cases(t.Context(), "")
		must(t, err)
		for _, c := range rows {
			if c.Wrapped.KEKID != keys.CurrentID() {
				t.Fatalf("case %s is wrapped with an earlier key", c.Case)
			}
		}
		r.holds(int64(messages))
	})
}

// A rotation that is not the last one stops instead of undoing the other's work.
func TestOvertakenRotationStops(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		if _, err := r.db.Rewrap(t.Context(), "another-key", func(c exchange.CaseRow) (exchange.CaseRow, error) { return exchange.Rewrap(t.Context(), r.keys, c) }); err == nil {
			t.Error("it wrapped with a key that is not the current one")
		}
	})
}
