package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Drafts are listed from either end, and go on where a page ended, also among those that
// were changed at the same moment.
func TestDraftsFromEitherEnd(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		var ids []string
		for i := range 5 {
			id, at := fmt.Sprintf("draft-%d", i), time.UnixMilli(1_780_000_000_000+int64(i/2)) // pairs of one moment
			must(t, db.PutDraft(ctx, exchange.DraftRow{ID: id, Partner: "KH", Case: "case-0001", Type: "correction", State: exchange.DraftHeld, Author: "lan", Version: 1, CreatedAt: at, ChangedAt: at, Content: []byte("sealed")}))
			ids = append(ids, id)
		}
		for _, oldest := range []bool{true, false} {
			var got []string
			for f := (exchange.DraftFilter{State: exchange.DraftHeld, Oldest: oldest, Limit: 2}); ; {
				rows, err := db.Drafts(ctx, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					got, f.Before, f.BeforeID = append(got, row.ID), row.ChangedAt, row.ID
				}
				if len(rows) < f.Limit {
					break
				}
			}
			if !oldest {
				slices.Reverse(got)
			}
			if !slices.Equal(got, ids) {
				t.Errorf("the oldest first %t: %v", oldest, got)
			}
		}
	})
}
