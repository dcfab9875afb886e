package exchange

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// recorded counts entries by partner.
type recorded map[string]int

func (r recorded) Record(_ context.Context, e *Entry) error {
	r[e.Partner]++
	return nil
}

// A partner whose log goes wrong again and again fills neither the record nor
// the place of another partner's alarm.
func TestOnePartnersAlarmsLeaveRoomForOthers(t *testing.T) {
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	record := recorded{}
	w := &Watch{cfg: WatchConfig{Recorder: record, Metrics: metrics, Logger: slog.New(slog.DiscardHandler)}, alarms: map[alarmKey]string{}}
	for i := range maxAlarms + 5 {
		w.alarm(t.Context(), alarmSplitView, "KH", strconv.Itoa(i), "it shows two histories", nil)
	}
	w.alarm(t.Context(), alarmSplitView, "CN", "1", "it shows two histories", nil)
	w.alarm(t.Context(), alarmSplitView, "CN", "1", "it shows two histories", nil)
	if record["KH"] != maxAlarms || record["CN"] != 1 || len(w.Warnings()) != maxAlarms+1 {
		t.Errorf("recorded %v, %d warnings", record, len(w.Warnings()))
	}
}
