package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// What the record rests on, and nobody may take away or write over.
var kept = []string{"entry", "tile", "checkpoint", "log_head", "cases", "lane", "job", "attempt", "witnessed", "cosignature", "draft", "officer"}

// fillEveryTable leaves at least two rows in every table that is kept.
func fillEveryTable(t *testing.T, r *rig) {
	t.Helper()
	ctx := t.Context()
	for i := range 260 { // more than a tile
		e := request("KH", fmt.Sprintf("message-%03d", i), fmt.Sprintf("case-%04d", i%2), "x")
		if i < 2 {
			e.Case, e.Direction, e.Deliver = "case-0002", exchange.Out, true
		}
		must(t, r.committer.Record(ctx, e))
	}
	jobs, err := r.db.Claim(ctx, "KH", time.Now(), time.Now().Add(time.Minute), 2)
	must(t, err)
	for _, j := range jobs {
		must(t, r.db.Retry(ctx, exchange.Attempt{JobID: j.ID, Number: 1, At: time.Now(), Outcome: "retry"}, time.Now()))
	}
	must(t, r.committer.Record(ctx, &exchange.Entry{Kind: exchange.KindReceipt, Partner: "KH", Direction: exchange.In, ID: jobs[0].Ref, Case: "case-0002", Data: []byte("receipt"),
		Settle: &exchange.Settlement{JobID: jobs[0].ID, State: exchange.JobDone, Attempt: exchange.Attempt{JobID: jobs[0].ID, Number: 2, At: time.Now(), Outcome: "delivered"}}}))
	for _, origin := range []string{"kh.example/log", "la.example/log"} {
		must(t, r.db.Advance(ctx, record.Checkpoint{}, record.Checkpoint{Origin: origin, Size: 7, Root: [32]byte{1}, Note: []byte("seven")}))
		must(t, r.db.KeepCosignature(ctx, 3, origin, []byte("line")))
	}
	for _, id := range []string{"draft-0001", "draft-0002"} {
		must(t, r.db.PutDraft(ctx, exchange.DraftRow{ID: id, Partner: "KH", Case: "case-0000", Type: "correction", State: exchange.DraftHeld, Author: "a", Version: 1, CreatedAt: time.Now(), ChangedAt: time.Now(), Content: []byte("x")}))
		must(t, r.db.PutDraft(ctx, exchange.DraftRow{ID: id, State: exchange.DraftHeld, Author: "a", Version: 2, ChangedAt: time.Now(), Content: []byte("y")}))
		for _, name := range []string{"x", "y"} {
			must(t, r.newRoster().Put(ctx, "", exchange.Officer{ID: id, Name: name, Roles: []exchange.Role{exchange.RoleOfficer}, Status: exchange.OfficerActive}))
		}
	}
	must(t, r.committer.Record(t.Context(), erasure("KH", "case-0001")))
}

// forbidden are the ways in which each store could be made to forget.
func forbidden(kind string) []string {
	var out []string
	for _, table := range kept {
		out = append(out, "DELETE FROM "+table)
	}
	out = append(out,
		"UPDATE entry SET partner = 'LA'", "UPDATE entry SET receipt = NULL", "UPDATE entry SET idx = idx + 1000",
		"UPDATE tile SET root = hashes", "UPDATE checkpoint SET at = 0", "UPDATE attempt SET detail = 'x'", "UPDATE cosignature SET line = note FROM checkpoint",
		"UPDATE log_head SET size = 0", "UPDATE log_head SET size = size - 1", "UPDATE log_head SET checkpoint = NULL", "UPDATE log_head SET size = size + 1, checkpoint = NULL",
		"INSERT INTO log_head (id, size) VALUES (1, 0)",
		"UPDATE witnessed SET size = 6", "UPDATE witnessed SET root = checkpoint", "UPDATE witnessed SET origin = 'x' WHERE origin = 'kh.example/log'",
		"UPDATE lane SET seq = 0", "UPDATE lane SET direction = 'x'",
		"UPDATE cases SET opened_at = 0", "UPDATE cases SET case_id = 'x' WHERE case_id = 'case-0000'", "UPDATE cases SET wrapped = NULL", "UPDATE cases SET erased_to = 0 WHERE case_id = 'case-0001'",
		"UPDATE job SET state = 'due' WHERE state = 'done'", "UPDATE job SET ref = 'x'", "UPDATE job SET queue = 'x'", "UPDATE job SET idx = 7",
		"UPDATE draft SET version = 1", "UPDATE draft SET content = 'z'", "UPDATE draft SET id = 'x' WHERE id = 'draft-0001'", "UPDATE officer SET id = 'x' WHERE id = 'draft-0001'",
	)
	copies := map[string]string{
		"entry": "SELECT 0, kind, partner, direction, seq, 'another', type, case_id, in_reply_to, at, leaf, leaf_hash, data, salt, receipt FROM entry WHERE idx = 9",
		"tile":  "SELECT 0, 0, hashes, hashes FROM tile", "checkpoint": "SELECT 1, note, at FROM checkpoint WHERE size = 9",
		"log_head": "SELECT 1, 0, NULL FROM log_head", "witnessed": "SELECT origin, 1, root, checkpoint FROM witnessed", "cosignature": "SELECT size, witness, witness FROM cosignature",
		"lane": "SELECT partner, direction, 1 FROM lane", "draft": "SELECT id, partner, case_id, type, state, author, 1, created_at, changed_at, content FROM draft",
		"job": "SELECT id, queue, kind, ref, idx, 'done', attempt, first_at, due_at, leased_until FROM job",
	}
	if kind == store.PostgreSQL {
		for _, table := range kept {
			out = append(out, "TRUNCATE "+table, "TRUNCATE "+table+" CASCADE")
		}
		return append(out,
			"INSERT INTO entry "+copies["entry"]+" ON CONFLICT (idx) DO UPDATE SET id = excluded.id",
			"INSERT INTO checkpoint "+copies["checkpoint"]+" ON CONFLICT (size) DO UPDATE SET note = excluded.note",
			"INSERT INTO cosignature "+"SELECT size, witness, 'x' FROM cosignature ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line",
			"MERGE INTO entry USING entry e ON entry.idx = e.idx WHEN MATCHED THEN DELETE",
			"MERGE INTO lane USING lane l ON lane.partner = l.partner AND lane.direction = l.direction WHEN MATCHED THEN UPDATE SET seq = 0",
			"WITH gone AS (DELETE FROM entry RETURNING *) SELECT count(*) FROM gone",
			"DO $$ BEGIN SET LOCAL session_replication_role = replica; DELETE FROM entry; END $$",
		)
	}
	for table, selected := range copies {
		out = append(out, "REPLACE INTO "+table+" "+selected, "INSERT OR REPLACE INTO "+table+" "+selected)
	}
	return append(out,
		"INSERT OR REPLACE INTO entry SELECT 5000, kind, partner, direction, seq, id, type, case_id, in_reply_to, at, leaf, leaf_hash, data, salt, NULL FROM entry WHERE idx = 9", // meets the unique index
		"INSERT OR REPLACE INTO cases (partner, case_id, state, opened_at, moved_at, kek_id) SELECT partner, case_id, '', 0, 0, '' FROM cases",
		"UPDATE OR REPLACE cases SET case_id = 'case-0001' WHERE case_id = 'case-0000'",
		"UPDATE OR REPLACE lane SET direction = 'in' WHERE direction = 'out'",
		"UPDATE OR REPLACE entry SET idx = 3 WHERE idx = 4",
		// A row without a key that is named can still be met by its rowid.
		"INSERT OR REPLACE INTO tile (rowid, level, n, hashes, root) VALUES (1, 7, 7, x'00', x'00')",
		"INSERT OR REPLACE INTO attempt (rowid, job_id, number, at, took_ms, outcome, status, detail) VALUES (1, 1, 1, 1, 1, '', 1, '')",
		"INSERT OR REPLACE INTO cosignature (rowid, size, witness, line) VALUES (1, 9, 'x', x'00')",
		"INSERT OR REPLACE INTO witnessed (rowid, origin, size, root, checkpoint) VALUES (1, 'x', 9, x'00', x'00')",
		"INSERT OR REPLACE INTO lane (rowid, partner, direction, seq) VALUES (1, 'x', 'x', 9)",
		"INSERT OR REPLACE INTO cases (rowid, partner, case_id, state, opened_at, moved_at, kek_id) VALUES (1, 'x', 'x', '', 0, 0, '')",
		"INSERT OR REPLACE INTO draft (rowid, id, partner, case_id, type, state, author, version, created_at, changed_at, content) VALUES (1, 'x', '', '', '', '', '', 1, 0, 0, x'00')",
		"INSERT OR REPLACE INTO officer (rowid, id, changed_at, content) VALUES (1, 'x', 0, x'00')",
		"UPDATE OR REPLACE cases SET rowid = 2 WHERE rowid = 1", "UPDATE OR REPLACE lane SET rowid = 2 WHERE rowid = 1", "UPDATE OR REPLACE job SET id = 2 WHERE id = 1",
		"UPDATE OR REPLACE witnessed SET rowid = 2 WHERE rowid = 1", "UPDATE OR REPLACE draft SET rowid = 2 WHERE rowid = 1", "UPDATE OR REPLACE officer SET rowid = 2 WHERE rowid = 1",
	)
}

// Append-only is the database's own rule too, whatever the statement.
func TestTablesAreAppendOnly(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		fillEveryTable(t, r)
		before := contents(t, r.db)
		for _, stmt := range forbidden(r.db.Kind()) {
			err := store.Exec(r.db, t.Context(), stmt)
			after := contents(t, r.db)
			switch {
			case after != before:
				t.Errorf("it was changed by: %s", stmt)
				before = after
			case err == nil:
				t.Errorf("nothing refused: %s", stmt)
			case strings.Contains(err.Error(), "syntax") || strings.Contains(err.Error(), "no such") || strings.Contains(err.Error(), "does not exist"):
				t.Errorf("the test is wrong: %s: %v", stmt, err)
			}
		}
		r.holds(266)
	})
}

// contents is what the kept tables hold.
func contents(t *testing.T, db *store.DB) string {
	t.Helper()
	var out strings.Builder
	for _, table := range kept {
		text, err := store.Dump(db, t.Context(), table)
		must(t, err)
		fmt.Fprintf(&out, "%s %s\n", table, text)
	}
	return out.String()
}

// A witness moves on from exactly what it saw last; the first of a log too.
func TestWitnessComparesAndSwaps(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		at := func(size int64, root byte) record.Checkpoint {
			return record.Checkpoint{Origin: "kh.example/log", Size: size, Root: [32]byte{root}, Note: []byte{root}}
		}
		for i, step := range []struct {
			old, next record.Checkpoint
			stale     bool
		}{
			{record.Checkpoint{}, at(0, 1), false}, {record.Checkpoint{}, at(5, 2), false}, // an empty tree was shown first
			{record.Checkpoint{}, at(5, 3), true}, {record.Checkpoint{}, at(6, 3), true},
			{at(4, 0), at(6, 3), true}, {at(5, 2), at(7, 4), false}, {at(5, 2), at(8, 5), true},
		} {
			if err := db.Advance(t.Context(), step.old, step.next); errors.Is(err, record.ErrStale) != step.stale || err != nil && !step.stale {
				t.Errorf("step %d: %v", i, err)
			}
		}
		if got, err := db.Latest(t.Context(), "kh.example/log"); err != nil || got.Size != 7 || got.Root != [32]byte{4} {
			t.Errorf("it remembers %+v, %v", got, err)
		}
	})
}
