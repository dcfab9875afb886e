package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A form is one row an officer, changed only by who has seen its last version,
// and gone when it is dropped or too old.
func TestForms(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		now := time.UnixMilli(1_780_000_000_000)
		row := func(officer, id string, version int64, at time.Time) exchange.FormRow {
			return exchange.FormRow{Officer: officer, ID: id, Partner: "KH", Case: "case-0001", Type: "correction", Version: version, ChangedAt: at, Content: []byte(officer)}
		}
		must(t, db.PutForm(ctx, row("lan", "message-1", 1, now)))
		must(t, db.PutForm(ctx, row("minh", "message-1", 1, now.Add(time.Second))))
		must(t, db.PutForm(ctx, row("lan", "message-2", 1, now.Add(time.Minute))))
		must(t, db.PutForm(ctx, row("lan", "message-1", 2, now.Add(time.Hour))))
		for _, stale := range []int64{1, 2, 4} {
			if err := db.PutForm(ctx, row("lan", "message-1", stale, now)); !errors.Is(err, exchange.ErrConflict) {
				t.Errorf("version %d: %v", stale, err)
			}
		}
		f, err := db.Form(ctx, "lan", "message-1")
		if err != nil || f.Version != 2 || f.Partner != "KH" || f.Case != "case-0001" || f.Type != "correction" || !f.ChangedAt.Equal(now.Add(time.Hour)) || !bytes.Equal(f.Content, []byte("lan")) {
			t.Fatalf("%+v %v", f, err)
		}
		if own, err := db.FormsOf(ctx, "lan"); err != nil || len(own) != 2 || own[0].ID != "message-1" || own[1].ID != "message-2" {
			t.Errorf("%+v %v", own, err)
		}
		if same, err := db.FormsIn(ctx, exchange.CaseKey{Partner: "KH", Case: "case-0001"}); err != nil || len(same) != 3 || same[2].Officer != "minh" {
			t.Errorf("%+v %v", same, err)
		}
		must(t, db.DropForm(ctx, "lan", "message-1"))
		if _, err := db.Form(ctx, "lan", "message-1"); !errors.Is(err, exchange.ErrNotFound) {
			t.Errorf("a dropped form: %v", err)
		}
		must(t, db.DropForms(ctx, now.Add(30*time.Second)))
		if left, err := db.FormsIn(ctx, exchange.CaseKey{Partner: "KH", Case: "case-0001"}); err != nil || len(left) != 1 {
			t.Errorf("an old form stays: %+v %v", left, err)
		}
		if left, err := db.FormsOf(ctx, "lan"); err != nil || len(left) != 1 {
			t.Errorf("%+v %v", left, err)
		}
	})
}
