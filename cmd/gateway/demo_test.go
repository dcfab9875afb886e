package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/repatriation-exchange/gateway/exchange"
)

func stories(t testing.TB) []chapter {
	t.Helper()
	chapters, err := loadStories(storyFiles)
	if err != nil {
		t.Fatal(err)
	}
	return chapters
}

// demoExpected is what the stories' files make the records hold.
func demoExpected(t testing.TB) demoResult {
	t.Helper()
	var r demoResult
	r.Types = map[string]int{}
	r.Refusals = 1 // the tampered copy
	for _, c := range stories(t) {
		for _, s := range c.Stories {
			r.Stories = append(r.Stories, storyResult{Name: s.Name, Partner: s.Partner, Persons: map[string]string{}})
			told := &r.Stories[len(r.Stories)-1]
			for _, st := range s.Steps {
				if st.Refused != nil {
					r.Refusals += 2
				}
				if st.Waits {
					r.Waiting++
				}
				if !st.sends() {
					continue
				}
				r.Messages++
				r.Types[st.Type]++
				told.Messages++
				r.Approvals += st.Officers
				if st.Held != nil {
					r.Held++
				}
				if st.Late {
					told.Late++
					r.Late++
				}
				for ref, then := range st.Then {
					state, _ := stands(then)
					told.Persons[ref] = string(state)
				}
			}
		}
	}
	return r
}

// demoHolds compares the last line of demo --json with the stories' files.
func demoHolds(t testing.TB, out string) demoResult {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var r demoResult
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		t.Fatal(err)
	}
	if err := r.differs(demoExpected(t)); err != "" {
		t.Error(err)
	}
	return r
}

// differs says where a result is not the expected one.
func (r *demoResult) differs(want demoResult) string {
	var wrong []string
	check := func(name string, got, want any) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if !bytes.Equal(g, w) {
			wrong = append(wrong, name+" is "+string(g)+", expected "+string(w))
		}
	}
	check("messages", r.Messages, want.Messages)
	check("receipts", r.Receipts, want.Messages)
	check("partners", r.Partners, 4)
	check("verified", r.Verified, true)
	check("refused", r.Refused, "urn:repatriation:problem:signature-invalid")
	check("officers", r.Officers, 10)
	check("types", r.Types, want.Types)
	check("approvals", r.Approvals, want.Approvals)
	check("held", r.Held, want.Held)
	check("waiting", r.Waiting, want.Waiting)
	check("late", r.Late, want.Late)
	check("refusals", r.Refusals, want.Refusals)
	check("corrections", r.Corrections, want.Types[exchange.TypeCorrection])
	check("withdrawals", r.Withdrawals, want.Types[exchange.TypeWithdrawal])
	check("counter_proposals", r.Counters, 1)
	check("number of records", len(r.Record), 5)
	check("number of stories", len(r.Stories), len(want.Stories))
	if len(r.Stories) == len(want.Stories) {
		for i, s := range r.Stories {
			check("story", []any{s.Name, s.Partner, s.Messages, s.Late, s.Persons}, []any{
				want.Stories[i].Name, want.Stories[i].Partner, want.Stories[i].Messages, want.Stories[i].Late, want.Stories[i].Persons})
		}
	}
	for _, s := range r.Record {
		if s.Size == 0 || s.Root == "" || !strings.HasSuffix(s.Origin, ".gateway.example/repatriation-log") {
			wrong = append(wrong, "a record is "+s.Origin)
		}
	}
	if r.Seconds <= 0 {
		wrong = append(wrong, "it took no time")
	}
	return strings.Join(wrong, "\n")
}

// The demo shows what issue 3 asks of it: three stories with a correction, a
// withdrawal, a counter-proposal and a late answer along the way, beside an
// identity check with every partner.
func TestStoriesShowWhatTheyMust(t *testing.T) {
	r := demoExpected(t)
	if r.Types[exchange.TypeCorrection] == 0 || r.Types[exchange.TypeWithdrawal] == 0 || r.Late == 0 || r.Held == 0 || r.Approvals < 2 {
		t.Errorf("%+v", r)
	}
	asked := map[string]bool{}
	var life []string
	for _, c := range stories(t) {
		for _, s := range c.Stories {
			for _, st := range s.Steps {
				if st.Type == exchange.TypeIdentityRequest {
					asked[s.Partner] = true
				}
				if s.Name == "a return from Cambodia" && st.Refused == nil {
					life = append(life, exchange.MessageCode(st.Type))
				}
			}
		}
	}
	if len(asked) != 4 {
		t.Errorf("identity is checked with %v", asked)
	}
	if got := strings.Join(life, " "); got != "VIN IVQ COR IVR NCF WDR FTQ FTR RPQ RPR RPQ RPR TDN HON HOR HOR RCC SUP" {
		t.Errorf("the return from Cambodia is %s", got)
	}
}

// syntheticDemo is a demo in this process whose clock has room for many stories.
func syntheticDemo(t *testing.T, chapters []chapter) *demo {
	t.Helper()
	store, err := newDemoStore("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{dir: t.TempDir(), say: newNarrator(io.Discard), store: store, chapters: chapters, officers: map[string][]demoOfficer{}}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// A step that turns out otherwise than its story says ends the demo, and the
// error says which one and what is wrong.
func TestABrokenStepIsNoticed(t *testing.T) {
	find := func(s *story, name string) *step {
		for i := range s.Steps {
			if s.Steps[i].Name == name {
				return &s.Steps[i]
			}
		}
		t.Fatalf("%s has no step %s", s.Name, name)
		return nil
	}
	broken := []struct {
		story, step string
		change      func(*step)
		says        string
	}{
		{"a return from Cambodia", "notice", func(s *step) { s.Then["S-1"] = "VERIFYING" }, "S-1 is OPENED"},
		{"a return from Cambodia", "notice", func(s *step) { s.Safeguards = nil }, "the draft is held"},
		{"a return from Cambodia", "notice", func(s *step) { s.Officers = 1 }, "0 officers have to release it"},
		{"a return from Cambodia", "question", func(s *step) { s.Clocks["vn-identity-15"] = "met" }, `vn-identity-15 is "due"`},
		{"a return from Cambodia", "question", func(s *step) { s.Clocks["no-such-clock"] = "due" }, "no-such-clock"},
		{"a return from Cambodia", "answer", func(s *step) { s.Late = true }, "flagged as late: false"},
		{"a return from Cambodia", "confirmation", func(s *step) { s.Then["S-2"] = "VERIFYING" }, "nationality_not_confirmed"},
		{"a return from Cambodia", "withdrawal", func(s *step) { delete(s.Then, "S-2") }, "knows 2 persons"},
		{"a return from Cambodia", "a mistake", func(s *step) { s.Refused.Rule = "subject-unknown" }, "(withdrawn)"},
		{"a return from Cambodia", "request", func(s *step) { s.Held = nil }, ""}, // nothing is wrong with it
		{"a return from Cambodia", "request", func(s *step) { s.Held.Missing = "voluntariness" }, "expected held for voluntariness"},
		{"a return from Cambodia", "request", func(s *step) { s.Withheld = nil }, "withholds [/subjects/0/non_refoulement]"},
		{"a return from Cambodia", "countersignature", func(s *step) { s.Countersigns, s.Answers = "", "handover"; s.Body = map[string]any{} }, "schema-violation"},
		{"a self-returned person, and China is asked", "answer", func(s *step) { s.Late = false }, "flagged as late: true"},
		{"an anonymous notice that becomes a case", "notice", func(s *step) { s.Refused = &refused{"schema-violation", "not-permitted", "/body"} }, "takes it"},
	}
	var days []chapter
	for range broken {
		days = append(days, chapter{Days: 49})
	}
	d := syntheticDemo(t, days)
	for i, b := range broken {
		var s *story
		for _, c := range stories(t) { // read anew: a change must not stay
			for j := range c.Stories {
				if c.Stories[j].Name == b.story {
					s = &c.Stories[j]
				}
			}
		}
		changed := find(s, b.step)
		b.change(changed)
		_, err := d.playStory(t.Context(), s, 49*i)
		switch {
		case b.says == "" && err != nil:
			t.Errorf("%s: %v", b.step, err)
		case b.says == "":
		case err == nil:
			t.Errorf("%s, %s: nothing was noticed", b.story, b.step)
		case !strings.Contains(err.Error(), b.says) || !strings.Contains(err.Error(), "("+b.step+")"):
			t.Errorf("%s, %s: %v", b.story, b.step, err)
		}
	}
}

// A broken story ends the program with an exit code that is not 0.
func TestABrokenStoryIsAnError(t *testing.T) {
	chapters := stories(t)[:1]
	chapters[0].Stories[0].Steps[0].Then["S-1"] = "CLOSED"
	d := syntheticDemo(t, chapters)
	if _, err := d.play(t.Context()); err == nil || exitCode(err) == exitOK {
		t.Errorf("%v", err)
	}
}

// Files that make no story are refused before anything is played.
func TestStoriesAreChecked(t *testing.T) {
	for _, bad := range []struct{ change, says string }{
		{"days: 6\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 0, at: '09:00', tell: x}]}]", "whole weeks"},
		{"days: 7\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 8, at: '09:00', tell: x}]}]", "day and hour"},
		{"days: 7\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 1, at: '09:00', tell: x, type: nonsense}]}]", "no message of this type"},
		{"days: 7\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 1, at: '09:00', tell: x, type: correction, from: LA}]}]", "not of this story"},
		{"days: 7\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 1, at: '09:00', tell: x, type: correction, from: KH, answers: b, body: {}}]}]", "does not come before"},
		{"days: 7\nstories: [{name: a, partner: KH, persons: {S-1: x}, steps: [{name: a, day: 1, at: '09:00', tell: x, type: correction, from: KH}]}]", "has a body"},
		{"days: 7\nnonsense: 1\n", "nonsense"},
	} {
		if _, err := loadStories(fstest.MapFS{"stories/x.yaml": {Data: []byte(bad.change)}}); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: %v", bad.says, err)
		}
	}
}
