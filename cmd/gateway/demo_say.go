package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/partners"
)

// A narrator tells a person what happens, as it happens. Colour only on a
// terminal, and no line longer than sayWidth.
type narrator struct {
	out    io.Writer
	colour bool
	shown  map[string]bool // what a chapter has told already and does not tell again
}

const sayWidth = 100

// The colours of a terminal, by what they mean.
const (
	inkTitle = "1;36"
	inkBold  = "1"
	inkGood  = "32"
	inkState = "33"
	inkStop  = "35" // held, refused, late: what does not simply pass
	inkFaint = "2"
)

func newNarrator(out io.Writer) *narrator { return &narrator{out: out, colour: isTerminal(out)} }

func (s *narrator) paint(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *narrator) line(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *narrator) title() {
	s.line("%s", s.paint(inkBold, "Repatriation exchange: a demonstration on this machine. SYNTHETIC DATA ONLY."))
}

func (s *narrator) step(title, what string) {
	s.shown = map[string]bool{}
	s.line("")
	s.line("%s  %s", s.paint(inkTitle, title), what)
}

func (s *narrator) ok(format string, args ...any) {
	s.line("  %s %s", s.paint(inkGood, "ok"), fmt.Sprintf(format, args...))
}

func (s *narrator) authority(w *world) {
	s.line("  folder      %s", w.dir)
	s.line("  authority   %s", w.anchor())
	s.line("  SHA-256     %s", strings.ReplaceAll(certs.Fingerprint(w.authority.Certificate()), ":", ""))
}

func (s *narrator) gateways(d *demo) {
	where := "a gateway.db"
	if d.store.url != "sqlite" {
		where = "a schema demo_" + d.store.run + "_…"
	}
	s.step("Five gateways", "the same program; each has its own keys, two officers, and "+where)
	for _, p := range d.world.parties {
		var names []string
		for _, o := range d.officers[p.code] {
			names = append(names, o.Name)
		}
		s.line("  %s  https://%s  %-15s %s", s.paint(inkBold, p.code), p.listen, shortName(p.code), strings.Join(names, ", "))
	}
}

// legend says once what every line of the stories means.
func (s *narrator) legend() {
	s.step("How to read it", "one line tells what is sent; the line under it, what the receiver's gateway found:")
	s.line("  %s   the message fits its schema, the agreement and the case; the named key signed it (ES256);", s.paint(inkGood, "ok"))
	s.line("       the TLS peer is the one pinned; and a signed receipt of that time binds these very bytes")
	s.line("       to an entry of the receiver's log.")
	s.line("  On the right: where the case stands, computed on both sides and compared. The gateways share")
	s.line("  a clock that is moved, so weeks pass in seconds. Persons and officers are invented.")
}

func (s *narrator) persons(st *story) {
	var names []string
	for _, ref := range slices.Sorted(maps.Keys(st.Persons)) {
		names = append(names, ref+" "+st.Persons[ref])
	}
	s.line("  %s", s.paint(inkFaint, shortName(st.Partner)+": "+strings.Join(names, ", ")))
}

// shortName is a country without its agency.
func shortName(code string) string {
	for _, c := range countries {
		if c.code == code {
			name, _, _ := strings.Cut(c.name, ",")
			return name
		}
	}
	return code
}

// message tells a step: what was sent, and its verdicts.
func (s *narrator) message(t *told) {
	st := t.step
	s.head(t.at, st, t.draft.To, string(t.standing.State))
	s.line("          %s %s", s.paint(inkGood, "ok"), s.paint(inkFaint, fmt.Sprintf("%-33s  %s, TLS %s…, %s, entry %d of %d",
		st.Type, t.key.KeyID, strings.TrimPrefix(t.pin, "sha256/")[:6], t.receipt.At.Format("15:04Z"), t.receipt.Index, t.receipt.Checkpoint.Size)))
	if len(t.safeguards) > 0 && s.once("safeguard") {
		g := t.safeguards[0]
		s.note(inkGood, "recorded", "%s of %s; without it the message would be held", g.Basis, g.On)
	}
	for _, m := range t.held {
		s.note(inkStop, "held", "the first draft had no %s on record for %s; then it was completed", m.Kind, m.Subject)
	}
	if len(t.approvals) > 0 {
		var who, where []string
		for _, a := range t.approvals {
			who, where = append(who, a.officer), append(where, strconv.FormatInt(a.index, 10))
		}
		s.note(inkGood, "released", "by %s, whose signed statements are entries %s", strings.Join(who, " and "), strings.Join(where, " and "))
	}
	for _, pointer := range st.Withheld {
		s.note(inkStop, "withheld", "%s stays on record here and is not sent", pointer)
	}
	if st.Approval != "" {
		s.note(inkGood, "approval", "%s, invented; the agreement asks for one", st.Approval)
	}
	for _, c := range t.changes {
		s.note(inkState, "changed", "%s %s", c.pointer, c.text())
	}
	for _, clock := range t.clocks {
		s.clock(clock)
	}
	if t.late {
		s.note(inkStop, "late", "the answer is taken all the same, and flagged in Viet Nam's record")
	}
	if st.Mind != "" {
		s.note(inkStop, "mind", "%s", st.Mind)
	}
	if apart := standApart(t.standing); apart != "" && s.once(t.draft.Case+apart) {
		s.note(inkState, "persons", "%s", personStates(t.standing.Subjects))
	}
}

// once says whether something is told for the first time in this chapter.
func (s *narrator) once(what string) bool {
	told := s.shown[what]
	s.shown[what] = true
	return !told
}

// head is the first line of a step.
func (s *narrator) head(at time.Time, st *step, to, state string) {
	left := fmt.Sprintf("  %s  %s → %s  %s", at.Format("02 Jan"), st.From, to, st.Tell)
	gap := max(sayWidth-utf8.RuneCountInString(left)-len(state), 2)
	left = fmt.Sprintf("  %s  %s → %s  %s", s.paint(inkFaint, at.Format("02 Jan")), s.paint(inkBold, st.From), s.paint(inkBold, to), st.Tell)
	s.line("%s", strings.TrimRight(left+strings.Repeat(" ", gap)+s.paint(inkState, state), " "))
}

// note is a line under a step's verdicts.
func (s *narrator) note(ink, label, format string, args ...any) {
	s.line("          %s %s", s.paint(ink, label+":"), fmt.Sprintf(format, args...))
}

// clock tells how a deadline stands. It is one of Viet Nam's own, and is said
// to be; nothing here is a partner's duty.
func (s *narrator) clock(c exchange.RunningClock) {
	unit, ink := "days", inkGood
	if c.Deadline.Unit == partners.WorkingDays {
		unit = "working days"
	}
	stands := "due"
	switch c.Reading.State {
	case partners.ClockMet:
		stands = "met, was due"
	case partners.ClockLate, partners.ClockOverdue:
		stands, ink = string(c.Reading.State)+", was due", inkStop
	}
	s.note(ink, "clock", "%s %s, %d %s; %s, %s", stands, c.Reading.Due.Format("02 Jan"), c.Deadline.Value, unit, c.Deadline.Label.EN, c.Deadline.Citation.EN)
	if c.Reading.State == partners.ClockDue && !c.Reading.HolidaysKnown {
		s.note(inkStop, "mind", "no calendar of Viet Nam's holidays was seen; the last day may be later in truth")
	}
}

// overdue tells of a clock that has run out by itself.
func (s *narrator) overdue(st *step, at time.Time, c exchange.RunningClock, index int64) {
	s.line("  %s  %s       %s", s.paint(inkFaint, at.Format("02 Jan")), s.paint(inkBold, "VN"), st.Tell)
	s.clock(c)
	s.note(inkStop, "noted", "by Viet Nam's gateway itself, as entry %d of its record", index)
}

// waits tells of a draft that officers have not decided on.
func (s *narrator) waits(st *step, at time.Time, to string) {
	s.head(at, st, to, "not sent")
	s.note(inkStop, "waits", "%s, until %s have released it", st.Type, many(st.Officers, "officer", "officers"))
}

// refusedStep tells of a message that may not be said.
func (s *narrator) refusedStep(st *step, at time.Time, draft exchange.Draft, status int, a problemAnswer) {
	s.head(at, st, draft.To, "refused")
	where := strings.TrimPrefix(a.Type, exchange.ProblemTypePrefix)
	if a.Rule != "" && where != exchange.ProblemSchema.Slug { // there it is the schema's own word
		where += " (" + a.Rule + ")"
	}
	s.note(inkStop, "refused", "%s, %s at %s", st.Type, where, a.Pointer)
	s.line("          %s", a.Detail)
	s.line("          So says the sender's own gateway; signed and sent past it, so does %s's, with %d.", shortName(draft.To), status)
}

func (s *narrator) refused(sent posted, to string, status int, problem problemAnswer) {
	s.ok("%s → %s  refused with %d %s", sent.from, to, status, problem.Type)
	s.line("     %s", problem.Detail)
	s.line("     The refusal is in the record of %s, and the case did not move.", to)
}

func (s *narrator) record(n *node, r *record.Report) {
	s.ok("%s  %3d entries, %3d checkpoints, root %s", n.cfg.Self, r.Size, r.Checkpoints, r.Root)
}

// text shows what a correction has made of a value. The persons are invented;
// an officer sees the same.
func (c changed) text() string {
	compact := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil || utf8.RuneCount(out) > 40 {
			return "…"
		}
		return string(out)
	}
	switch {
	case c.op == "remove":
		return "removed, was " + compact(c.was)
	case c.op == "add":
		return "added"
	}
	return compact(c.was) + " → " + compact(c.is)
}

// standApart names the persons who stand elsewhere than their case, or of whom
// something else has to be said.
func standApart(standing exchange.Standing) string {
	return personStates(slices.DeleteFunc(slices.Clone(standing.Subjects), func(p exchange.SubjectState) bool {
		return p.State == standing.State && len(p.Remarks) == 0
	}))
}

func personStates(persons []exchange.SubjectState) string {
	var out []string
	for _, p := range persons {
		text := p.Ref + " " + string(p.State)
		if len(p.Remarks) > 0 {
			text += " (" + strings.Join(p.Remarks, ", ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
