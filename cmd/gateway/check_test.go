package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// What the clock's check finds is seen where people look: on the page of the
// record and above the trail, in /readyz, the metrics and the log.
func TestClockChecksTheRecord(t *testing.T) {
	s := newScene(t)
	v := newVisitor(t, s.address)
	v.get(s.link)
	signIn := func() {
		v.post("/sign-in/demonstration", url.Values{"officer": {"minh"}})
		v.post("/language", url.Values{"language": {"en"}})
	}
	signIn()
	says := func(path string, words ...string) {
		t.Helper()
		body := v.get(path).body
		for _, w := range words {
			if !strings.Contains(body, w) {
				t.Errorf("%s does not say %q", path, w)
			}
		}
	}
	says("/record", "No check is in the record yet", "gateway check --record")
	says("/audit", "none yet")

	if err := s.vn.node.checker.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	says("/record", "The record holds", "the gateway itself, by the clock")
	says("/audit", "The record holds", "The record was checked")
	if len(s.vn.readyz().Warnings) != 0 {
		t.Errorf("warnings of a record that holds: %v", s.vn.readyz().Warnings)
	}

	db := s.vn.tables()
	rearm := disarm(t, db, store.SQLite)
	if _, err := db.Exec("UPDATE entry SET data = zeroblob(length(data)) WHERE idx = 5"); err != nil {
		t.Fatal(err)
	}
	rearm()
	s.back.Store(-int64(25 * time.Hour))
	if err := s.vn.node.checker.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	signIn() // a day later
	says("/record", "wrong</span>", "<code>unreadable</code>", "Tell whoever runs the gateway")
	says("/audit", "wrong</span>", `<option value="checked">Checks of the record`)
	if !s.vn.told("the record does not hold") || metric(t, s.vn, "gateway_log_alarms_total") != 1 {
		t.Errorf("an operator is told %v", s.vn.readyz().Warnings)
	}
	if text := s.vn.log.String(); !strings.Contains(text, "alarm=record_wrong") || strings.Contains(text, "Mẫu") {
		t.Errorf("the log says\n%s", text)
	}
	by := exchange.Checked{How: exchange.CheckedByHand, By: "operator-1", At: s.vn.now()}
	if err := exchange.RecordCheck(t.Context(), s.vn.node.committer, by); err != nil {
		t.Fatal(err)
	}
	says("/record", "operator-1, at the command line")
	says("/audit?kind=checked", "operator-1", "the gateway itself")
	if n := len(s.vn.rows(exchange.Filter{Type: "record_checked"})); n != 3 {
		t.Errorf("%d checks are in the record", n)
	}
}

// log.check says how often, or not at all.
func TestHowOftenTheRecordIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	for text, want := range map[string]time.Duration{"": 24 * time.Hour, "off": 0, "0h": 0, "90m": 90 * time.Minute} {
		config := smallConfig
		if text != "" {
			config = strings.Replace(config, "log: {", "log: {check: "+text+", ", 1)
		}
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig(path, []string{"GATEWAY_DRAIN=3s"}) // which writes the file anew
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := c.Log.checkEvery(); got != want {
			t.Errorf("%q is %s", text, got)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Replace(smallConfig, "log: {", "log: {check: often, ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path, nil); err == nil {
		t.Error("a word that is no duration is taken")
	}
}
