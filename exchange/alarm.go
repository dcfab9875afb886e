package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// The kinds of alarms about logs, as the metric and the record name them.
const (
	alarmSplitView = "split_view"      // a partner's log has signed two histories
	alarmAhead     = "witness_ahead"   // a partner has countersigned more of our log than there is
	alarmRefused   = "witness_refused" // a partner says that our log does not extend what it countersigned
	alarmWrong     = "record_wrong"    // our own record does not hold; its entry is record_checked (checker.go)
)

// SplitView records that a log showed two histories. Both signed checkpoints
// are the evidence, against the owner of the log and not against whoever
// brought them.
func (w *Watch) SplitView(ctx context.Context, split *record.SplitView) {
	partner := ""
	for _, p := range w.cfg.Directory.Snapshot().All() {
		if p.Log != nil && p.Log.Origin == split.A.Origin {
			partner = p.Code
		}
	}
	w.alarm(ctx, alarmSplitView, partner, fmt.Sprint(split.A.Size, split.A.Root),
		fmt.Sprintf("its log shows two histories, at %d and at %d entries", split.A.Size, split.B.Size),
		map[string]any{"event": "split-view", "checkpoint_a": string(split.A.Note), "checkpoint_b": string(split.B.Note)})
}

// An alarmKey tells one alarm from others; what is the kind's own, the sizes and
// roots of a split view for instance.
type alarmKey struct{ kind, partner, what string }

// alarm records what one of two logs can only have done wrong, counts it, and
// keeps it before an operator until the process ends. The same thing, as key
// tells it from others, is recorded once.
func (w *Watch) alarm(ctx context.Context, kind, partner, key, text string, evidence map[string]any) {
	known, full := w.keep(alarmKey{kind, partner, key}, fmt.Sprintf("partner %s: %s (%s in the record)", partner, text, kind))
	if known {
		return
	}
	w.cfg.Metrics.logAlarm(partner, kind)
	if full {
		return
	}
	data, err := json.Marshal(evidence)
	if err == nil {
		err = w.cfg.Recorder.Record(context.WithoutCancel(ctx), &Entry{Kind: KindEvent, Partner: partner, Direction: In, ID: NewID(), Type: kind, Data: data})
	}
	w.cfg.Logger.Error("a log is not what it was: "+text, "partner", partner, "alarm", kind, "record_error", err)
}

// maxAlarms bounds what one process records of them for each partner: one whose
// log has gone wrong could fill our record with the proofs, and must not use up
// what is there for the others.
const maxAlarms = 100

// keep remembers an alarm, unless it is known already or the partner has had its
// share.
func (w *Watch) keep(a alarmKey, text string) (known, full bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known = w.alarms[a]; known {
		return known, false
	}
	of := 0
	for other := range w.alarms {
		if other.partner == a.partner {
			of++
		}
	}
	if of >= maxAlarms {
		return false, true
	}
	w.alarms[a] = text
	return false, false
}

// Warnings returns what an operator must know of the logs, ours and the
// partners'.
func (w *Watch) Warnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Sorted(maps.Values(w.alarms))
	for _, partner := range slices.Sorted(maps.Keys(w.compared)) {
		held := w.compared[partner]
		if len(held.waiting) > 0 && w.cfg.Clock().Sub(held.waiting[0].since) > overdue {
			out = append(out, fmt.Sprintf("partner %s: its log could not be compared with its receipts since %s: %s",
				partner, held.waiting[0].since.UTC().Format(time.RFC3339), held.problem))
		}
		if held.lost > 0 {
			out = append(out, fmt.Sprintf("partner %s: %d receipts were not compared with its log, for too many came", partner, held.lost))
		}
	}
	return out
}

// Of returns how a partner's log and our witness at it stand: the size of our
// log that the partner countersigned last, how many of its receipts wait to be
// compared, and what is wrong.
func (w *Watch) Of(partner string) (cosigned int64, waiting int, alarms []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if held := w.compared[partner]; held != nil {
		waiting = len(held.waiting)
	}
	for _, kind := range []string{alarmSplitView, alarmAhead, alarmRefused} {
		for a := range w.alarms {
			if a.kind == kind && a.partner == partner && !slices.Contains(alarms, kind) {
				alarms = append(alarms, kind)
			}
		}
	}
	return w.shown[partner], waiting, alarms
}
