package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// summary is the table at the end of the stories.
func (s *narrator) summary(r demoResult) {
	s.step("What happened", "every number is counted in the records")
	s.line("  %s", s.paint(inkFaint, fmt.Sprintf("%-50s %8s  %s", "story", "messages", "where it stands")))
	for _, st := range r.Stories {
		s.line("  %-50s %8d  %s", st.Name, st.Messages, s.paint(inkState, personsOf(st)))
	}
	s.line("  Along the way: %s, %s, %s, %s,", many(r.Approvals, "officer's release", "officers' releases"), many(r.Held, "held draft", "held drafts"),
		many(r.Waiting, "draft that still waits", "drafts that still wait"), many(r.Corrections, "correction", "corrections"))
	s.line("  %s, %s, %s, %s in the records.", many(r.Withdrawals, "withdrawal", "withdrawals"), many(r.Counters, "counter-proposal", "counter-proposals"),
		many(r.Late, "late answer", "late answers"), many(r.Refusals, "refusal", "refusals"))
	s.line("")
	s.line("%s %d messages and %d receipts with %d partners, verified, in %.1f s.", s.paint("1;"+inkGood, "Done:"), r.Messages, r.Receipts, r.Partners, r.Seconds)
}

func personsOf(st storyResult) string {
	if len(st.Persons) == 1 {
		return st.State
	}
	var out []string
	for _, ref := range slices.Sorted(maps.Keys(st.Persons)) {
		out = append(out, ref+" "+st.Persons[ref])
	}
	return strings.Join(out, ", ")
}

func many(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// done ends a run with --once.
func (s *narrator) done(d *demo, r demoResult) {
	s.summary(r)
	if d.keep {
		s.kept(d)
	} else {
		s.line("Nothing was kept; add --dir DIR to keep it, or leave --once away to go on.")
	}
}
