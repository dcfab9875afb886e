package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// unguarded changes the database as somebody would who has taken its triggers
// away, and puts none of them back.
func unguarded(t *testing.T, db *store.DB, stmts ...string) {
	t.Helper()
	must(t, store.Unguard(db, t.Context()))
	for _, stmt := range stmts {
		must(t, store.Exec(db, t.Context(), stmt))
	}
}

// A message whose receipt is gone is not answered with nothing.
func TestNoAnswerWithoutAReceipt(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		unguarded(t, r.db, "UPDATE entry SET receipt = NULL")
		again := request("KH", "message-1", "case-0001", "one")
		err := r.committer.Record(t.Context(), again)
		if err == nil || exchange.AsProblem(err).Kind != exchange.ProblemInternal || again.Receipt != nil {
			t.Errorf("a copy is answered with %q, %v", again.Receipt, err)
		}
	})
}

// A case whose book is gone takes nothing until it is made again: it would be
// judged as if nothing had been said in it.
func TestNoMessageWithoutABook(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		must(t, r.committer.Record(t.Context(), request("KH", "message-2", "case-0002", "two")))
		must(t, store.Exec(r.db, t.Context(), "UPDATE cases SET book = NULL WHERE case_id = 'case-0001'"))
		again := request("KH", "message-3", "case-0001", "three")
		if err := r.committer.Record(t.Context(), again); !errors.Is(err, exchange.ErrUnavailable) {
			t.Errorf("a message in a case without a book: %v", err)
		}
		must(t, r.committer.Record(t.Context(), request("KH", "message-4", "case-0002", "four")))
		r.holds(3)
	})
}

// The lock is made and written when the record is opened, in a folder that need
// not be there, and what cannot be written is refused then.
func TestLockIsThereBeforeTheFirstMessage(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		info, err := os.Stat(filepath.Join(r.dir, "state", "lock"))
		must(t, err)
		folder, err := os.Stat(filepath.Join(r.dir, "state"))
		must(t, err)
		if info.Mode().Perm() != 0o600 || folder.Mode().Perm() != 0o700 || info.Size() == 0 {
			t.Errorf("the lock has mode %v and %d bytes, its folder %v", info.Mode(), info.Size(), folder.Mode())
		}

		other := newRigAt(t, otherURL(t, url), func(dir string) string {
			must(t, os.MkdirAll(filepath.Join(dir, "a-folder"), 0o700))
			return filepath.Join(dir, "a-folder")
		})
		if _, err := exchange.NewCommitter(t.Context(), other.config(other.db)); err == nil || !strings.Contains(err.Error(), "a-folder") {
			t.Errorf("a lock that cannot be written: %v", err)
		}
	})
}

// A record of which the lock remembers nothing is not taken for the newest.
func TestForgottenRecordIsRefused(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		lock := filepath.Join(r.dir, "state", "lock")
		must(t, os.Rename(lock, lock+".away"))
		if _, err := exchange.NewCommitter(t.Context(), r.config(r.db)); !errors.Is(err, exchange.ErrForgotten) {
			t.Errorf("without the lock: %v", err)
		}
		if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the refusal made a lock: %v", err)
		}
		must(t, os.WriteFile(lock, nil, 0o600)) // as some file systems leave it after a power cut
		if _, err := exchange.NewCommitter(t.Context(), r.config(r.db)); !errors.Is(err, exchange.ErrForgotten) {
			t.Errorf("with an empty lock: %v", err)
		}
		must(t, os.Rename(lock+".away", lock))
		r.newCommitter(r.db)
	})
}

// A lock that fails when it is told to.
type failingLock struct {
	exchange.CheckpointLock
	fails atomic.Bool
}

func (l *failingLock) Store(ctx context.Context, size int64, checkpoint []byte) error {
	if l.fails.Load() {
		return errors.New("no space left on device")
	}
	return l.CheckpointLock.Store(ctx, size, checkpoint)
}

// While the lock cannot be written nothing is acknowledged, not even again, and
// nothing more is written; afterwards it goes on by itself.
func TestLockThatFailsLater(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		config := r.config(r.db)
		lock := &failingLock{CheckpointLock: config.Lock}
		config.Lock = lock
		c, err := exchange.NewCommitter(t.Context(), config)
		must(t, err)
		t.Cleanup(c.Close)
		one := request("KH", "message-1", "case-0001", "one")
		must(t, c.Record(t.Context(), one))

		lock.fails.Store(true)
		two := request("KH", "message-2", "case-0001", "two")
		if err := c.Record(t.Context(), two); !errors.Is(err, exchange.ErrOutcomeUnknown) || errors.Is(err, exchange.ErrFork) {
			t.Errorf("the first message that cannot be remembered: %v", err)
		}
		for _, e := range []*exchange.Entry{request("KH", "message-2", "case-0001", "two"), request("KH", "message-3", "case-0001", "three"), request("KH", "message-1", "case-0001", "one")} {
			if err := c.Record(t.Context(), e); !errors.Is(err, exchange.ErrUnavailable) {
				t.Errorf("%s meanwhile: %v", e.ID, err)
			}
		}
		head, err := r.db.Head(t.Context())
		must(t, err)
		if head.Size != 2 || c.Released().Size != 1 {
			t.Errorf("the database holds %d entries, %d were shown", head.Size, c.Released().Size)
		}
		select {
		case <-c.Failed():
			t.Error("the process is to end: ", c.Err())
		default:
		}

		lock.fails.Store(false)
		again := request("KH", "message-2", "case-0001", "two")
		must(t, c.Record(t.Context(), again))
		if !again.Duplicate || again.Receipt == nil {
			t.Errorf("the message that was in doubt: %+v", again)
		}
		r.holds(3) // and that there was trouble
	})
}

// What a process was killed in the middle of: its first batch is in the
// database, and the lock remembers only that the record was begun.
func TestKilledBeforeTheFirstCheckpointIsRemembered(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		config := r.config(r.db)
		lock := &failingLock{CheckpointLock: config.Lock}
		config.Lock = lock
		c, err := exchange.NewCommitter(t.Context(), config)
		must(t, err)
		lock.fails.Store(true)
		if err := c.Record(t.Context(), request("KH", "message-1", "case-0001", "one")); err == nil {
			t.Fatal("it was acknowledged")
		}
		c.Close()
		after := r.newCommitter(r.db)
		must(t, after.Record(t.Context(), request("KH", "message-2", "case-0001", "two")))
		r.holds(2)
	})
}

// A store that takes no batch when it is told to.
type failingStore struct {
	*store.DB
	fails atomic.Bool
}

func (s *failingStore) Commit(ctx context.Context, l exchange.Lookup, build func(context.Context, exchange.View) (exchange.Writes, error)) error {
	if s.fails.Load() {
		return exchange.ErrUnavailable
	}
	return s.DB.Commit(ctx, l, build)
}

// While every batch fails there is trouble, and it ends by itself, without a
// message; the record says since when nothing could be recorded.
func TestTroubleEndsByItself(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		config, failing := r.config(r.db), &failingStore{DB: r.db}
		config.Store = failing
		c, err := exchange.NewCommitter(t.Context(), config)
		must(t, err)
		t.Cleanup(c.Close)
		if c.Trouble() != nil {
			t.Errorf("trouble at the start: %+v", c.Trouble())
		}
		failing.fails.Store(true)
		before := time.Now()
		for range 3 {
			if err := c.Record(t.Context(), request("KH", "message-1", "case-0001", "one")); !errors.Is(err, exchange.ErrUnavailable) {
				t.Errorf("it was recorded: %v", err)
			}
		}
		trouble := c.Trouble()
		if trouble == nil || trouble.Batches != 3 || trouble.Since.Before(before) || !errors.Is(trouble.Err, exchange.ErrUnavailable) {
			t.Fatalf("trouble: %+v", trouble)
		}
		failing.fails.Store(false)
		for deadline := time.Now().Add(10 * time.Second); c.Trouble() != nil; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it never ends")
			}
		}
		row, err := r.db.Entry(t.Context(), 0)
		must(t, err)
		opened, err := r.opener.Open(t.Context(), row)
		must(t, err)
		var said struct {
			Since   time.Time `json:"since"`
			Batches int       `json:"failed_batches"`
		}
		must(t, json.Unmarshal(opened.Data, &said))
		if row.Type != "recording_resumed" || said.Batches < 3 || !said.Since.Equal(trouble.Since.UTC().Truncate(time.Millisecond)) {
			t.Errorf("the record says %s", opened.Data)
		}
		r.holds(1)
	})
}

// A process to which nobody speaks shows what another one has recorded.
func TestIdleProcessShowsTheNewestCheckpoint(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		idle := r.newCommitter(openStore(t, url))
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		for deadline := time.Now().Add(10 * time.Second); idle.Released().Size != 1; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it still shows the older one")
			}
		}
	})
}

// What is looked for with every message is found by its own unique index, also
// when the plan is made while the store is empty: a plan that walks a whole lane
// costs more with every message that is there.
func TestOneMessageIsFoundByItsIndex(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		message, oneCase, err := store.Plans(db, t.Context())
		must(t, err)
		if !strings.Contains(message, "entry_message") || strings.Contains(message, "Filter") {
			t.Errorf("a message is looked for by\n%s", message)
		}
		if !regexp.MustCompile(`partner = .* AND .*case_id = |case_id = .* AND .*partner = |partner=\? AND case_id=\?`).MatchString(oneCase) || strings.Contains(oneCase, "Filter") {
			t.Errorf("a case is looked for by\n%s", oneCase)
		}
	})
}

// Exports of more than a case are found by an index that has no other entries, from
// where the case began; not one of the others is passed over.
func TestWiderExportsAreFoundByTheirIndex(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		plan, err := store.PlanOfNewest(db, t.Context(), exchange.Filter{Partner: "KH", Case: "1", Kind: exchange.KindAccess, Wider: []string{"evidence_export", "htcds_export"}})
		must(t, err)
		walk := regexp.MustCompile(`entry_wider \(type=\? AND partner=\? AND idx>\? AND idx<\?\)|entry_wider .*\n.*Index Cond: .*type.*partner.*idx <.*idx > .*\n`)
		if n := len(walk.FindAllString(plan, -1)); n != 4 {
			t.Errorf("%d walks are down the index:\n%s", n, plan)
		}
		if strings.Contains(plan, "SCAN entry") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("the record is read through:\n%s", plan)
		}
	})
}

// What an auditor looks for in a large record, a rare deed for one, is found by an
// index of its own, whose entries no message is; the newest of one case by the cases'.
func TestDeedsAreFoundByTheirIndex(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		for _, find := range []struct {
			want   string
			filter exchange.Filter
		}{
			{"entry_deed", exchange.Filter{Kind: exchange.KindAccess}},
			{"entry_deed_type", exchange.Filter{Kind: exchange.KindEvent, Type: "delivery_retried", Partners: []string{"KH", "LA"}}},
			{"entry_deed_type", exchange.Filter{Kind: exchange.KindEvent, Type: "officer_changed"}},
			{"entry_deed_type", exchange.Filter{Kind: exchange.KindEvent, Type: "record_checked"}}, // with every page of the record
			{"entry_officer", exchange.Filter{Kind: exchange.KindEvent, Type: "officer_changed", ID: "thu"}},
			{"entry_assigned", exchange.Filter{Kind: exchange.KindEvent, Type: "case_assigned", Partner: "KH", Case: "1"}},
			{"entry_refusal", exchange.Filter{Kind: exchange.KindRefusal}},
			{"entry_case", exchange.Filter{Partner: "KH", Case: "1"}},
		} {
			plan, err := store.PlanOfNewest(db, t.Context(), find.filter)
			must(t, err)
			if !regexp.MustCompile(find.want+`\b`).MatchString(plan) || strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP") {
				t.Errorf("%+v is looked for by\n%s", find.filter, plan)
			}
		}
	})
}

// A page of an officer's own cases is a walk down an index of them, in both orders and
// from the middle too: however many they have, it puts nothing in order.
func TestOwnCasesAreWalkedDownTheirIndex(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		for _, stmt := range []string{ // PostgreSQL plans by what is there
			"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n < 5000) INSERT INTO cases (partner, case_id, state, opened_at, moved_at, kek_id) SELECT 'KH', 'case-' || n, '', n, n, '' FROM g",
			"INSERT INTO case_officer (partner, case_id, officer, due_at, moved_at) SELECT partner, case_id, 'lan', due_at, moved_at FROM cases",
			"ANALYZE",
		} {
			must(t, store.Exec(db, t.Context(), stmt))
		}
		last := exchange.CaseRow{CaseKey: exchange.CaseKey{Partner: "KH", Case: "1"}, MovedAt: time.UnixMilli(1), DueAt: time.UnixMilli(1)}
		for _, after := range []exchange.CaseRow{{}, last} {
			for byDue, index := range map[bool]string{true: "case_officer_due", false: "case_officer_moved"} {
				plan, err := store.PlanOfCases(db, t.Context(), exchange.CaseFilter{Officer: "lan", ByDue: byDue, After: after})
				must(t, err)
				if !strings.Contains(plan, index) || strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP") {
					t.Errorf("by due %t, after %q:\n%s", byDue, after.Case, plan)
				}
			}
		}
	})
}
