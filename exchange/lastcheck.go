package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// recordChecked is the type of the entry that says how a check of the record
// has ended.
const recordChecked = "record_checked"

// How a check of the record came about.
const (
	CheckedByClock = "clock"        // a running gateway's Checker
	CheckedByHand  = "command line" // somebody at the machine itself
)

// A Checked is what the record says of a check of itself: how far it went, who
// began it and what came of it. Of what was found it has the rules and how often
// each, never what an entry says.
type Checked struct {
	How      string         `json:"how"`
	By       string         `json:"by,omitempty"` // who was at the command line
	At       time.Time      `json:"at"`           // when it ended; sealed, so that no column can put the next check off
	Took     int64          `json:"took_ms"`
	Size     int64          `json:"size"` // the entries before this index were checked
	Root     tlog.Hash      `json:"root"`
	Findings int64          `json:"findings"`
	Rules    map[string]int `json:"rules,omitempty"` // of those findings that the report had room for
}

// Holds says that nothing was found.
func (c Checked) Holds() bool { return c.Findings == 0 }

// CheckedOf sums an Audit up: how and by whom it was begun, when it ended, and how
// long it took.
func CheckedOf(report *AuditReport, how, by string, at time.Time, took time.Duration) Checked {
	out := Checked{
		How: how, By: by, At: at.UTC(), Took: took.Milliseconds(), Size: report.Size, Root: report.Root,
		Findings: int64(len(report.Findings)) + report.Dropped, Rules: map[string]int{},
	}
	for _, f := range report.Findings {
		out.Rules[f.Rule]++
	}
	return out
}

// RecordCheck puts the outcome of a check into the record.
func RecordCheck(ctx context.Context, recorder Recorder, c Checked) error {
	return recordEvent(ctx, recorder, Entry{Type: recordChecked, ID: NewID()}, c)
}

// A LastCheck is the newest check that the record tells of; its zero value says
// that it tells of none.
type LastCheck struct {
	Checked
	Unreadable bool // what the entry says cannot be opened: somebody has altered it
}

// lastCheck finds it by the index of deeds, at the same cost however long the
// record is.
func lastCheck(ctx context.Context, store OpenerStore, opener *Opener) (LastCheck, error) {
	rows, err := store.Newest(ctx, math.MaxInt64, Filter{Kind: KindEvent, Type: recordChecked}, 1)
	if err != nil {
		return LastCheck{}, fmt.Errorf("find the last check of the record: %w", err)
	}
	if len(rows) == 0 {
		return LastCheck{}, nil
	}
	var out LastCheck
	err = opener.read(ctx, rows[0], &out.Checked)
	if errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return LastCheck{}, fmt.Errorf("read the last check of the record: %w", err)
	}
	// The column that calls an entry a check is not sealed; what the entry says is.
	if err != nil || out.How != CheckedByClock && out.How != CheckedByHand {
		return LastCheck{Checked: Checked{At: rows[0].At}, Unreadable: true}, nil
	}
	return out, nil
}

// LastCheck returns when the record was last checked, and with what outcome. It
// says nothing of any case, so whoever may see the record's head may see it.
func (o *Oversight) LastCheck(ctx context.Context) (LastCheck, error) {
	return lastCheck(ctx, o.cfg.Files.cfg.Reader, o.cfg.Files.cfg.Opener)
}
