package store_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

var postgres *throwaway.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if postgres, err = throwaway.Start(context.Background(), ""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer postgres.Stop()
	return m.Run()
}

// both runs one test on each store.
func both(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "gateway.db")) })
	t.Run("postgres", func(t *testing.T) {
		url, err := postgres.Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		test(t, url)
	})
}

// An older program leaves the store of a newer one alone.
func TestANewerStoreIsRefused(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := newRig(t, url).db
		must(t, store.Exec(db, t.Context(), fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, %s)",
			store.SchemaVersion()+1, map[string]string{store.SQLite: "1", store.PostgreSQL: "true"}[db.Kind()])))
		if err := db.CheckSchema(t.Context()); !errors.Is(err, store.ErrNewer) {
			t.Errorf("check: %v", err)
		}
		if _, err := db.Migrate(t.Context()); !errors.Is(err, store.ErrNewer) {
			t.Errorf("migrate: %v", err)
		}
	})
}

// A rig is a committer over a store, with keys of its own.
type rig struct {
	t         *testing.T
	url       string
	dir, lock string
	db        *store.DB
	keys      *seal.FileWrapper
	log       *record.CheckpointSigner
	signer    *seal.Signer
	committer *exchange.Committer
	opener    *exchange.Opener
}

func newRig(t *testing.T, url string) *rig {
	t.Helper()
	r := newRigAt(t, url, func(dir string) string { return filepath.Join(dir, "state", "lock") })
	r.committer = r.newCommitter(r.db)
	return r
}

// newRigAt makes a rig without a committer, with its lock somewhere.
func newRigAt(t *testing.T, url string, lock func(dir string) string) *rig {
	t.Helper()
	r := &rig{t: t, url: url, dir: t.TempDir()}
	r.lock = lock(r.dir)
	must(t, seal.CreateKEKFile(filepath.Join(r.dir, "kek")))
	var err error
	r.keys, err = seal.OpenKEKFile(filepath.Join(r.dir, "kek"))
	must(t, err)
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	r.log, err = record.NewCheckpointSigner("vn.example/log", key)
	must(t, err)
	sign, err := certs.GenerateKey(certs.ES256)
	must(t, err)
	r.signer, err = seal.NewSigner(sign, "vn-1", certs.ES256)
	must(t, err)
	r.db = openStore(t, url)
	r.opener, err = exchange.NewOpener(r.db, r.keys)
	must(t, err)
	return r
}

func openStore(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(db.Close)
	_, err = db.Migrate(t.Context())
	must(t, err)
	must(t, db.CheckSchema(t.Context()))
	return db
}

func (r *rig) config(db *store.DB) exchange.CommitterConfig {
	r.t.Helper()
	metrics, err := exchange.NewMetrics(prometheus.NewRegistry())
	must(r.t, err)
	lock, err := exchange.NewFileLock(r.lock, r.log.Verifier())
	must(r.t, err)
	return exchange.CommitterConfig{
		Self: "VN", Store: db, Checkpoints: r.log, Receipts: r.signer, Keys: r.keys, Lock: lock,
		Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Metrics: metrics,
	}
}

func (r *rig) newCommitter(db *store.DB) *exchange.Committer {
	r.t.Helper()
	c, err := exchange.NewCommitter(r.t.Context(), r.config(db))
	must(r.t, err)
	r.t.Cleanup(c.Close)
	return c
}

func request(partner, id, caseID, data string) *exchange.Entry {
	return &exchange.Entry{
		Kind: exchange.KindMessage, Partner: partner, Direction: exchange.In, ID: id, Case: caseID,
		Type: "identity_verification_request", Said: about("S-1", ""), Data: []byte(data),
	}
}

// about is what a message says of one person.
func about(ref, value string) exchange.Said {
	return exchange.Said{Subjects: []exchange.Decision{{Ref: ref, Value: value}}}
}

func (r *rig) check() *record.Report {
	r.t.Helper()
	report, err := record.Check(r.t.Context(), exchange.NewFetcher(r.db, r.opener), record.CheckOptions{Log: r.log.Verifier()})
	must(r.t, err)
	return report
}

func (r *rig) holds(entries int64) {
	r.t.Helper()
	report := r.check()
	if !report.OK() || report.Entries != entries {
		r.t.Fatalf("the record has %d entries, want %d; findings %+v", report.Entries, entries, report.Findings)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecordsConcurrently(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		const n = 700 // past two full tiles
		var wait sync.WaitGroup
		errs := make([]error, n)
		for i := range n {
			wait.Go(func() {
				e := request("KH", fmt.Sprintf("message-%04d", i), fmt.Sprintf("case-%06d", i%50), fmt.Sprintf("bytes %d", i))
				errs[i] = r.committer.Record(t.Context(), e)
				if errs[i] == nil && e.Receipt == nil {
					errs[i] = errors.New("no receipt")
				}
			})
		}
		wait.Wait()
		must(t, errors.Join(errs...))
		r.holds(n)
	})
}

// P3: N deliveries, one effect, byte-identical receipt; other bytes are 409.
func TestDuplicates(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		first := request("KH", "message-1", "case-0001", "one")
		must(t, r.committer.Record(t.Context(), first))
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				again := request("KH", "message-1", "case-0001", "one")
				if err := r.committer.Record(t.Context(), again); err != nil || !again.Duplicate || !bytes.Equal(again.Receipt, first.Receipt) {
					t.Errorf("a copy got another answer: %v %+v", err, again)
				}
				other := request("KH", "message-1", "case-0001", "two")
				if p := exchange.AsProblem(r.committer.Record(t.Context(), other)); p.Kind != exchange.ProblemIDReused {
					t.Errorf("other bytes under the same jti: %v", p)
				}
			})
		}
		wait.Wait()
		// The same jti of another partner is another message.
		must(t, r.committer.Record(t.Context(), request("LA", "message-1", "case-0001", "one")))
		r.holds(2)
	})
}

// Two processes on one database never fork the log (P6).
func TestTwoCommittersOneLog(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		second := r.newCommitter(openStore(t, url))
		var wait sync.WaitGroup
		for i := range 200 {
			wait.Go(func() {
				c := r.committer
				if i%2 == 1 {
					c = second
				}
				if err := c.Record(t.Context(), request("KH", fmt.Sprintf("message-%04d", i), "case-0001", "x")); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		r.holds(200)
	})
}

// P6: a database that is behind the remembered checkpoint is refused.
func TestRestoredBackupIsRefused(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		for i := range 5 {
			must(t, r.committer.Record(t.Context(), request("KH", fmt.Sprintf("message-%04d", i), "case-0001", "x")))
		}
		// The "backup": another database that went another way.
		older := newRig(t, otherURL(t, url))
		config := r.config(older.db)
		if _, err := exchange.NewCommitter(t.Context(), config); err == nil {
			t.Fatal("an empty database was accepted although five entries were signed")
		}
		for i := range 5 {
			must(t, older.committer.Record(t.Context(), request("KH", fmt.Sprintf("other-%04d", i), "case-0001", "x")))
		}
		if _, err := exchange.NewCommitter(t.Context(), config); err == nil {
			t.Fatal("another history was accepted")
		}
	})
}

func otherURL(t *testing.T, url string) string {
	t.Helper()
	if !store.IsPostgreSQL(url) {
		return filepath.Join(t.TempDir(), "other.db")
	}
	u, err := postgres.Database(t.Context())
	must(t, err)
	return u
}

// erasure is the entry that erases a case.
func erasure(partner, caseID string) *exchange.Entry {
	return &exchange.Entry{
		Kind: exchange.KindEvent, Direction: exchange.Out, Partner: partner, Case: caseID,
		ID: exchange.NewID(), Type: "case_erased", Data: []byte("{}"), Erases: true,
	}
}

// P9: destroying a data key leaves every proof valid.
func TestErasureKeepsProofs(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		must(t, r.committer.Record(t.Context(), request("KH", "message-2", "case-0002", "two")))
		must(t, r.committer.Record(t.Context(), erasure("KH", "case-0001")))
		report := r.check()
		if !report.OK() || report.Erased != 1 {
			t.Fatalf("after an erasure: %+v", report)
		}
		row, err := r.db.Entry(t.Context(), 0)
		must(t, err)
		if _, err := r.opener.Open(t.Context(), row); !errors.Is(err, exchange.ErrErased) {
			t.Fatalf("an erased entry opens: %v", err)
		}
		for _, e := range []*exchange.Entry{request("KH", "message-1", "case-0001", "one"), request("KH", "message-3", "case-0001", "new")} {
			if p := exchange.AsProblem(r.committer.Record(t.Context(), e)); p.Kind != exchange.ProblemErased {
				t.Errorf("an erased case takes %s: %v", e.ID, p)
			}
		}
	})
}

func TestCaseGuards(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		reply := func(id, to, caseID string) *exchange.Entry {
			return &exchange.Entry{Kind: exchange.KindMessage, Partner: "KH", Direction: exchange.Out, ID: id, Case: caseID,
				Type: "identity_verification_response", InReplyTo: to, Said: about("S-1", "match"), Data: []byte(id), Deliver: true}
		}
		refused := func(e *exchange.Entry, rule string) {
			t.Helper()
			p := exchange.AsProblem(r.committer.Record(t.Context(), e))
			if p.Kind != exchange.ProblemCaseState || p.Rule != rule {
				t.Errorf("%s: %v, want rule %s", e.ID, p, rule)
			}
		}
		var many sync.WaitGroup
		for range 20 { // a refused message leaves no case behind, not in a batch with others either
			many.Go(func() { refused(reply(exchange.NewID(), "message-1", "case-none"), "case-from-state") })
			many.Go(func() {
				id := exchange.NewID()
				if err := r.committer.Record(t.Context(), request("LA", id, id, "x")); err != nil {
					t.Error(err)
				}
			})
		}
		many.Wait()
		if _, err := r.db.Case(t.Context(), exchange.CaseKey{Partner: "KH", Case: "case-none"}); !errors.Is(err, exchange.ErrNotFound) {
			t.Errorf("a refused message has opened a case: %v", err)
		}
		refused(reply("reply-0", "message-1", "case-0001"), "case-from-state")
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		must(t, r.committer.Record(t.Context(), request("KH", "message-2", "case-0002", "two")))
		refused(reply("reply-1", "", "case-0001"), "reply-required")
		refused(reply("reply-2", "message-9", "case-0001"), "reply-unknown")
		refused(reply("reply-3", "message-2", "case-0001"), "reply-unknown") // it is of another case
		good := reply("reply-4", "message-1", "case-0001")
		must(t, r.committer.Record(t.Context(), good))
		if good.State != exchange.StateVerifying {
			t.Errorf("the case is %s after an answer", good.State)
		}
		row, err := r.db.Case(t.Context(), exchange.CaseKey{Partner: "KH", Case: "case-0001"})
		must(t, err)
		if row.State != exchange.StateVerifying || row.Kind != exchange.Return || row.Turn != exchange.TurnUs || !row.DueAt.IsZero() || row.Book == nil {
			t.Errorf("the case is kept as %+v", row)
		}
		book, err := r.opener.Book(t.Context(), row.CaseKey)
		must(t, err)
		if len(book.Notes) != 2 || book.Standing().Pending != 1 {
			t.Errorf("the book holds %+v", book.Notes)
		}
		r.holds(23)
	})
}

func TestJobs(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		ctx, now := t.Context(), time.Now()
		for i := range 3 {
			must(t, r.committer.Record(ctx, &exchange.Entry{Kind: exchange.KindMessage, Partner: "KH", Direction: exchange.Out,
				ID: fmt.Sprintf("message-%d", i), Case: "case-0001", Type: "identity_verification_request", Data: []byte{byte(i)}, Deliver: true}))
		}
		jobs, err := r.db.Claim(ctx, "KH", now.Add(time.Second), now.Add(time.Minute), 2)
		must(t, err)
		if len(jobs) != 2 {
			t.Fatalf("claimed %d jobs, want 2", len(jobs))
		}
		rest, err := r.db.Claim(ctx, "KH", now.Add(time.Second), now.Add(time.Minute), 9)
		must(t, err)
		if len(rest) != 1 {
			t.Fatalf("claimed %d more jobs, want 1: leased jobs must not be claimed twice", len(rest))
		}
		must(t, r.db.Release(ctx, rest[0].ID))
		if back, err := r.db.Claim(ctx, "KH", now.Add(time.Second), now.Add(time.Minute), 9); err != nil || len(back) != 1 || back[0].ID != rest[0].ID || back[0].Attempt != 0 {
			t.Fatalf("claimed %+v after a release, %v", back, err)
		}
		// A lease that ran out is due again: its worker died.
		late, err := r.db.Claim(ctx, "KH", now.Add(2*time.Minute), now.Add(3*time.Minute), 9)
		must(t, err)
		if len(late) != 3 {
			t.Fatalf("claimed %d jobs after their leases, want 3", len(late))
		}
		must(t, r.db.Retry(ctx, exchange.Attempt{JobID: jobs[0].ID, Number: 1, At: now, Outcome: "retry", Detail: "timeout"}, now.Add(time.Hour)))
		settle := func(state exchange.JobState) *exchange.Entry {
			return &exchange.Entry{Kind: exchange.KindReceipt, Partner: "KH", Direction: exchange.In, ID: jobs[1].Ref, Case: "case-0001", Data: []byte("receipt"),
				Settle: &exchange.Settlement{JobID: jobs[1].ID, State: state, Attempt: exchange.Attempt{JobID: jobs[1].ID, Number: 1, At: now, Outcome: "delivered", Status: 202}}}
		}
		must(t, r.committer.Record(ctx, settle(exchange.JobDone)))
		again := settle(exchange.JobDone)
		must(t, r.committer.Record(ctx, again))
		if !again.Duplicate {
			t.Error("a job was settled twice")
		}
		must(t, r.committer.Record(ctx, &exchange.Entry{Kind: exchange.KindFailure, Partner: "KH", Direction: exchange.Out, ID: jobs[0].Ref, Case: "case-0001", Data: []byte("gave up"),
			Settle: &exchange.Settlement{JobID: jobs[0].ID, State: exchange.JobDead, Attempt: exchange.Attempt{JobID: jobs[0].ID, Number: 2, At: now, Outcome: "dead"}}}))
		backlog, err := r.db.Backlog(ctx)
		must(t, err)
		if backlog["KH"] != (exchange.Backlog{Due: 1, Dead: 1}) {
			t.Errorf("backlog %+v", backlog["KH"])
		}
		n, err := r.db.Revive(ctx, "KH", "", now)
		must(t, err)
		attempts, err := r.db.Attempts(ctx, "KH", jobs[0].Ref)
		must(t, err)
		if n != 1 || len(attempts) != 2 {
			t.Errorf("revived %d jobs, %d attempts", n, len(attempts))
		}
		r.holds(5)
	})
}
