package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// The bench, small: four rungs, PostgreSQL's own processor time counted, and
// what a common transaction gains, measured in the same rounds.
func TestBench(t *testing.T) {
	out, errs, code := runGateway(t, "bench", "--json", "--rounds", "1", "--slice", "300ms", "--connections", "16")
	if code != exitOK {
		t.Fatalf("%d %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var report benchReport
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatal(err)
	}
	var rungs []string
	for _, r := range report.Rungs {
		rungs = append(rungs, r.Rung)
		if r.PerSecond <= 0 || r.Ratio <= 0 || r.P99Ratio <= 0 || r.CPU <= 0 || r.QuietRatio <= 0 || r.MessagesSeen == 0 {
			t.Errorf("%+v", r)
		}
		if stored := r.Rung == "sqlite" || r.Rung == "postgres"; stored != (r.Group != nil) || stored && (r.Group.Gain <= 0 || r.Group.AloneGain <= 0) {
			t.Errorf("%s: group commit %+v", r.Rung, r.Group)
		}
		if (r.Database > 0) != (r.Rung == "postgres") {
			t.Errorf("%s: the database used %v µs a message", r.Rung, r.Database)
		}
	}
	if strings.Join(rungs, " ") != "floor schema sqlite postgres" {
		t.Errorf("rungs %v", rungs)
	}
}

// The bench of the lists, small: every page and search is measured on both
// stores, and the copied record is the one that was signed.
func TestBenchLists(t *testing.T) {
	out, errs, code := runGateway(t, "bench", "lists", "--json", "--messages", "1200", "--rounds", "10")
	if code != exitOK {
		t.Fatalf("%d %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var reports []pageReport
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &reports); err != nil {
		t.Fatal(err)
	}
	pages := map[string]int{}
	for _, r := range reports {
		pages[r.Page]++
		if r.P50 <= 0 || r.P95 < r.P50 || r.Bytes == 0 || r.Bytes > 150_000 {
			t.Errorf("%+v", r)
		}
	}
	for page, stores := range pages {
		if stores != 2 {
			t.Errorf("%s was measured on %d stores", page, stores)
		}
	}
	if len(pages) != 18 {
		t.Errorf("%d pages", len(pages))
	}
}
