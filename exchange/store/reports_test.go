package store_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A report is claimed by one process at a time; whoever has lost it can change
// nothing more, and at its end all of it goes.
func TestReports(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		now := time.UnixMilli(1_780_000_000_000)
		put := func(id string, at time.Time) {
			t.Helper()
			must(t, db.PutReport(ctx, exchange.ReportRow{ID: id, Officer: "hoa", State: exchange.ReportDue, At: at, Ends: at.Add(time.Hour), Wish: []byte(id)}))
		}
		none := func() {
			t.Helper()
			if r, err := db.ClaimReport(ctx, now, now.Add(time.Minute)); !errors.Is(err, exchange.ErrNotFound) {
				t.Errorf("claimed %+v, %v", r, err)
			}
		}
		none()
		put("a", now)
		put("b", now.Add(time.Second))
		first, err := db.ClaimReport(ctx, now, now.Add(time.Minute))
		if err != nil || first.ID != "a" || first.Attempt != 1 || !bytes.Equal(first.Wish, []byte("a")) || !first.Ends.Equal(now.Add(time.Hour)) {
			t.Fatalf("%+v %v", first, err)
		}
		must(t, db.PutPart(ctx, "a", 1, 0, []byte("half")))
		must(t, db.Progress(ctx, "a", 1, 5, 10, now.Add(2*time.Minute)))
		second, err := db.ClaimReport(ctx, now, now.Add(time.Minute))
		if err != nil || second.ID != "b" {
			t.Fatalf("%+v %v", second, err)
		}
		none()

		// The first process stood still for longer than its lease.
		now = now.Add(3 * time.Minute)
		again, err := db.ClaimReport(ctx, now, now.Add(time.Minute))
		if err != nil || again.ID != "a" || again.Attempt != 2 || again.Done != 0 {
			t.Fatalf("%+v %v", again, err)
		}
		if err := db.Progress(ctx, "a", 1, 6, 10, now.Add(time.Minute)); !errors.Is(err, exchange.ErrConflict) {
			t.Errorf("the first goes on: %v", err)
		}
		if err := db.FinishReport(ctx, "a", 1, exchange.ReportReady, []byte("x")); !errors.Is(err, exchange.ErrConflict) {
			t.Errorf("the first ends it: %v", err)
		}
		must(t, db.PutPart(ctx, "a", 2, 0, []byte("whole")))
		must(t, db.FinishReport(ctx, "a", 2, exchange.ReportReady, []byte("file")))
		if err := db.FinishReport(ctx, "a", 2, exchange.ReportFailed, nil); !errors.Is(err, exchange.ErrConflict) {
			t.Errorf("it ends twice: %v", err)
		}
		if part, err := db.Part(ctx, "a", 2, 0); err != nil || !bytes.Equal(part, []byte("whole")) {
			t.Errorf("%q %v", part, err)
		}
		list, err := db.Reports(ctx, "hoa", 10)
		if err != nil || len(list) != 2 || list[0].ID != "b" || list[1].State != exchange.ReportReady || !bytes.Equal(list[1].File, []byte("file")) {
			t.Errorf("%+v %v", list, err)
		}
		if n, err := db.DropReports(ctx, now); err != nil || n != 0 {
			t.Errorf("%d were dropped, %v", n, err)
		}
		if n, err := db.DropReports(ctx, now.Add(time.Hour)); err != nil || n != 2 {
			t.Errorf("%d were dropped, %v", n, err)
		}
		if _, err := db.Part(ctx, "a", 2, 0); !errors.Is(err, exchange.ErrNotFound) {
			t.Errorf("a part is left: %v", err)
		}
	})
}

// The last deliveries are those of the partner.
func TestLastTries(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		ctx := t.Context()
		tries := func(partner string) (time.Time, time.Time) {
			t.Helper()
			delivered, failed, err := r.db.LastTries(ctx, partner)
			must(t, err)
			return delivered, failed
		}
		if delivered, failed := tries("KH"); !delivered.IsZero() || !failed.IsZero() {
			t.Errorf("nothing was tried: %v %v", delivered, failed)
		}
		e := request("KH", "message-001", "case-0001", "x")
		e.Direction, e.Deliver = exchange.Out, true
		must(t, r.committer.Record(ctx, e))
		jobs, err := r.db.Claim(ctx, "KH", time.Now(), time.Now().Add(time.Minute), 1)
		must(t, err)
		first, second := time.UnixMilli(1_780_000_000_000), time.UnixMilli(1_780_000_060_000)
		must(t, r.db.Retry(ctx, exchange.Attempt{JobID: jobs[0].ID, Number: 1, At: first, Outcome: "retry"}, time.Now()))
		must(t, r.db.Retry(ctx, exchange.Attempt{JobID: jobs[0].ID, Number: 2, At: second, Outcome: "delivered"}, time.Now()))
		if delivered, failed := tries("KH"); !delivered.Equal(second) || !failed.Equal(first) {
			t.Errorf("delivered %v, failed %v", delivered, failed)
		}
		if delivered, failed := tries("LA"); !delivered.IsZero() || !failed.IsZero() {
			t.Errorf("of another partner: %v %v", delivered, failed)
		}
	})
}

// Whoever erases a case takes away, at once, what may hold it under another key:
// reports, and what officers have left of forms. A form of theirs stays.
func TestErasingTakesLooseCopiesAway(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		ctx, now := t.Context(), time.UnixMilli(1_780_000_000_000)
		must(t, r.db.PutReport(ctx, exchange.ReportRow{ID: "a", Officer: "hoa", State: exchange.ReportDue, At: now, Ends: now.Add(time.Hour), Wish: []byte("x")}))
		must(t, r.db.PutPart(ctx, "a", 1, 0, []byte("x")))
		must(t, r.committer.Record(ctx, request("KH", "message-001", "case-0001", "x")))
		for id, kind := range map[string]string{"left": exchange.LeftForm, "kept": exchange.TypeIdentityRequest} {
			must(t, r.db.PutForm(ctx, exchange.FormRow{Officer: "hoa", ID: id, Type: kind, Version: 1, ChangedAt: now, Content: []byte("x")}))
		}
		if _, err := r.db.Report(ctx, "a"); err != nil {
			t.Fatalf("a message took it away: %v", err)
		}
		must(t, r.db.Commit(ctx, exchange.Lookup{Cases: []exchange.CaseKey{{Partner: "KH", Case: "case-0001"}}}, func(_ context.Context, v exchange.View) (exchange.Writes, error) {
			c := v.Cases[exchange.CaseKey{Partner: "KH", Case: "case-0001"}]
			c.ErasedTo = 1
			row := exchange.Row{Index: v.Head.Size, Kind: exchange.KindEvent, Partner: c.Partner, Case: c.Case, Type: "case_erased", At: now, Leaf: []byte("x"), Data: []byte("x"), Salt: []byte("x")}
			return exchange.Writes{Rows: []exchange.Row{row}, Head: exchange.Head{Size: v.Head.Size + 1, Checkpoint: []byte("x")}, At: now, Erased: []exchange.CaseRow{c}}, nil
		}))
		if _, err := r.db.Report(ctx, "a"); !errors.Is(err, exchange.ErrNotFound) {
			t.Errorf("the report is still there: %v", err)
		}
		if _, err := r.db.Part(ctx, "a", 1, 0); !errors.Is(err, exchange.ErrNotFound) {
			t.Errorf("a part of it is still there: %v", err)
		}
		if rows, err := r.db.FormsOf(ctx, "hoa"); err != nil || len(rows) != 1 || rows[0].ID != "kept" {
			t.Errorf("of the forms there are %+v (%v)", rows, err)
		}
	})
}
