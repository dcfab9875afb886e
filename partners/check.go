package partners

import (
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/schemas"
)

// This file says what an agreement may not say. Each check names the place in
// the file; what a single file shows comes first, then what takes the message
// types, then what takes the other files.

// contradictions finds where an agreement contradicts itself.
func (a *Agreement) contradictions(f *faults) {
	for i := range a.Permits {
		p := &a.Permits[i]
		for _, other := range a.Permits[:i] {
			if other.Type == p.Type && other.Direction == p.Direction {
				f.add(p.row.typeAt, "remove one", "line %d permits the same type and direction", f.line(other.row.typeAt))
			}
		}
		p.contradictions(f)
		a.recipients(p, f)
		if p.Reply != "" && !p.Off && a.Find(p.Reply, p.Direction.opposite()) == nil {
			f.add(p.row.at+"/reply", "", "nobody may send the reply %q the other way", p.Reply)
		}
	}
	for i := range a.Deadlines {
		a.deadline(i, f)
	}
}

// contradictions finds where a permit contradicts itself.
func (p *Permit) contradictions(f *faults) {
	f.fields(p.row.at+"/fields", p.Fields)
	f.fields(p.row.at+"/minors/fields", p.minorsFields())
	for i, rule := range p.minorsFields() {
		if !strings.HasPrefix(rule.Pointer, subjectsPointer) {
			f.add(p.row.at+pointer("minors", "fields", i, "pointer"), "", "a rule for minors begins with %s", subjectsPointer)
		}
	}
	f.unreachable(p)
	if p.Anonymous != "" && p.Type != anonymousType {
		f.add(p.row.at+"/anonymous", "", "only %s may be anonymous, not %s", anonymousType, p.Type)
	}
	if least := minimumOfficers(p.Type); p.Release != nil && p.Release.Officers < least {
		f.add(p.row.at+"/release/officers", "", "%s is released by %d different officers in any case", p.Type, least)
	}
}

// fields checks the pointers of one list of rules.
func (f *faults) fields(at string, rules []FieldRule) {
	for i, rule := range rules {
		here := at + pointer(i, "pointer")
		if _, err := compilePointer(rule.Pointer); err != nil {
			f.add(here, "", "%v", err)
		}
		if slices.ContainsFunc(rules[:i], func(other FieldRule) bool { return other.Pointer == rule.Pointer }) {
			f.add(here, "remove one", "there is a rule for %s above", rule.Pointer)
		}
	}
}

// unreachable finds what is required, or allowed, although something above it
// may not be there.
func (f *faults) unreachable(p *Permit) {
	minors := p.minorsFields()
	for i, rule := range p.Fields {
		f.within(p.row.at+pointer("fields", i), rule, p.Fields)
	}
	for i, rule := range minors {
		f.within(p.row.at+pointer("minors", "fields", i), rule, minors)
		for _, above := range p.Fields {
			if !slices.ContainsFunc(minors, func(own FieldRule) bool { return own.Pointer == above.Pointer }) {
				f.within(p.row.at+pointer("minors", "fields", i), rule, []FieldRule{above})
			}
		}
	}
}

func (f *faults) within(at string, rule FieldRule, rules []FieldRule) {
	if rule.Rule != RuleRequire && rule.Rule != RuleAllow {
		return
	}
	for _, above := range rules {
		if (above.Rule == RuleForbid || above.Rule == RuleRedact) && strings.HasPrefix(rule.Pointer, above.Pointer+"/") {
			f.add(at+"/rule", "", "%s %s cannot be: the agreement says %s of %s", rule.Rule, rule.Pointer, above.Rule, above.Pointer)
		}
	}
}

// recipients checks that a permit's recipients are of the side that receives.
func (a *Agreement) recipients(p *Permit, f *faults) {
	for i, code := range p.row.recipients {
		if p.row.direction != both && isOf(code, a.Partner) != (p.Direction == Send) {
			f.add(p.row.at+pointer("recipients", i), "", "%s is no agency of the side that receives", code)
		}
	}
	if len(p.row.recipients) > 0 && len(p.Recipients) == 0 {
		f.add(p.row.at+"/recipients", "name one, or write a row for each direction", "no agency of the side that receives, with direction %s", p.Direction)
	}
}

// deadline checks the i-th deadline: that its clock can start, stop, and go on
// after a pause.
func (a *Agreement) deadline(i int, f *faults) {
	d, at := a.Deadlines[i], pointer("deadlines", i)
	for j, other := range a.Deadlines[:i] {
		if other.ID == d.ID {
			f.add(at+"/id", "", "the deadline in line %d has the same id", f.line(pointer("deadlines", j, "id")))
		}
	}
	starts := a.starts(d)
	if len(starts) == 0 {
		who := "anybody"
		if d.Scope == ScopeInternal && d.Responsible == ResponsibleReceiver {
			who = "the partner"
		} else if d.Scope == ScopeInternal {
			who = "us"
		}
		f.add(at+"/type", "", "the agreement does not permit %s to send %q, so the clock would never start", who, d.Type)
	}
	for j, stop := range d.Stops {
		for _, started := range starts {
			other := started.opposite()
			if a.Find(stop, other) == nil && (d.Responsible == ResponsibleReceiver || a.Find(stop, started) == nil) {
				f.add(at+pointer("stops", j), "", "nobody may send %q to stop the clock", stop)
			}
		}
	}
	for j, days := range d.RemindBefore {
		if days >= d.Value {
			f.add(at+pointer("remind_before", j), "", "%d days before is no later than the start of a limit of %d", days, d.Value)
		}
	}
	for j, pause := range d.Pauses {
		a.pause(d, pause, at+pointer("pauses", j), f)
	}
	if d.When != nil {
		if _, err := compilePointer(d.When.Pointer); err != nil {
			f.add(at+"/when/pointer", "", "%v", err)
		}
	}
}

// starts returns the directions in which messages may start a deadline's clock.
func (a *Agreement) starts(d Deadline) []Direction {
	var out []Direction
	for _, direction := range []Direction{Receive, Send} {
		if d.Applies(direction) && a.Find(d.Type, direction) != nil {
			out = append(out, direction)
		}
	}
	return out
}

func (a *Agreement) pause(d Deadline, pause PauseRule, at string, f *faults) {
	sendable := func(messageType string) bool {
		return a.Find(messageType, Send) != nil || a.Find(messageType, Receive) != nil
	}
	if !sendable(pause.On) {
		f.add(at+"/on", "", "nobody may send %q", pause.On)
	}
	if !sendable(pause.Until) {
		f.add(at+"/until", "", "nobody may send %q, so the pause would never end", pause.Until)
	}
	if pause.On == pause.Until {
		f.add(at+"/until", "", "one message cannot begin and end the pause")
	}
	if slices.Contains(d.Stops, pause.On) {
		f.add(at+"/on", "", "%q stops the clock for good", pause.On)
	}
}

// unknown finds types and fields that no schema knows, and replies that answer
// nothing.
func (a *Agreement) unknown(types Catalogue, f *faults) {
	for i := range a.Permits {
		p := &a.Permits[i]
		if !types.Has(p.Type) {
			f.add(p.row.typeAt, "", "no schema knows the type %q", p.Type)
			continue
		}
		if p.Reply != "" && types.Has(p.Reply) && !types.Answers(p.Reply, p.Type) {
			f.add(p.row.at+"/reply", "", "a %s does not answer a %s", p.Reply, p.Type)
		}
		p.unknown(p.row.at+"/fields", p.Fields, types, f)
		p.unknown(p.row.at+"/minors/fields", p.minorsFields(), types, f)
	}
	for i, d := range a.Deadlines {
		if d.When != nil && types.Has(d.Type) {
			d.unknown(pointer("deadlines", i, "when"), types, f)
		}
	}
}

// unknown finds rules for what is no field, where a misspelt rule would
// withhold nothing and nobody would notice, and rules that would withhold what
// every message must have.
func (p *Permit) unknown(at string, rules []FieldRule, types Catalogue, f *faults) {
	for i, rule := range rules {
		here := at + pointer(i, "pointer")
		if !types.HasField(p.Type, rule.Pointer) {
			f.add(here, "", "the schema of %s has no field %s", p.Type, rule.Pointer)
			continue
		}
		field, _ := types.Field(p.Type, rule.Pointer)
		if field.Required && (rule.Rule == RuleForbid || rule.Rule == RuleRedact) {
			f.add(here, "", "the schema of %s requires %s, so that a rule to %s it would let no message through", p.Type, rule.Pointer, rule.Rule)
		}
	}
}

// unknown finds a condition on no field, or on a code that no list has.
func (d Deadline) unknown(at string, types Catalogue, f *faults) {
	if !types.HasField(d.Type, d.When.Pointer) {
		f.add(at+"/pointer", "", "the schema of %s has no field %s", d.Type, d.When.Pointer)
		return
	}
	field, _ := types.Field(d.Type, d.When.Pointer)
	list, listed := schemas.List(field.CodeList)
	if !listed || list.Open {
		return
	}
	for i, code := range d.When.OneOf {
		if !list.Has(code) {
			f.add(at+pointer("one_of", i), "", "the code list %s has no code %q", list.Name, code)
		}
	}
}

// contradictions finds where files contradict each other, and notes it by the
// path of the file at fault. self is our own code, "" when it is not known.
func (s *Snapshot) contradictions(self string, into map[string]error) {
	for path, v := range s.files {
		f := &faults{origin: v.origin}
		switch v := v.value.(type) {
		case *Self:
			s.calendarOf(v.Calendar, f)
			if self != "" && v.Code != self {
				f.add("/code", "", "this gateway is %s", self)
			}
		case *Partner:
			s.calendarOf(v.Calendar, f)
		case *Agreement:
			if s.partners[v.Partner] == nil {
				f.add("/partner", "", "there is no partner %q", v.Partner)
				break
			}
			s.recipients(v, f)
			s.sides(v, f)
		}
		if err := f.err(); err != nil {
			into[path] = err
		}
	}
}

func (s *Snapshot) calendarOf(name string, f *faults) {
	if name != "" && s.calendars[name] == nil {
		f.add("/calendar", "", "there is no calendar %q", name)
	}
}

// recipients checks that those whom an agreement names are agencies of the side
// that receives, where its file lists them.
func (s *Snapshot) recipients(a *Agreement, f *faults) {
	for i := range a.Permits {
		p := &a.Permits[i]
		known := s.Receivers(a, p.Direction)
		for _, code := range p.Recipients {
			if len(known) > 0 && !slices.ContainsFunc(known, func(agency Agency) bool { return agency.Code == code }) {
				j := slices.Index(p.row.recipients, code)
				f.add(p.row.at+pointer("recipients", j), "", "%s is no agency of the side that receives", code)
			}
		}
	}
}

// sides checks that a clock knows where it runs.
func (s *Snapshot) sides(a *Agreement, f *faults) {
	for i, d := range a.Deadlines {
		for _, started := range a.starts(d) {
			side, known := s.Responsible(a, d, started)
			file, todo := SelfFile, ""
			switch {
			case !d.Ours(started):
				file = s.partners[a.Partner].File
			case s.self == nil:
				todo = "put one beside partners/; partners/examples/self.yaml is a template"
			}
			switch {
			case !known:
				f.add(pointer("deadlines", i, "responsible"), todo, "the clock needs the time zone of the side that is responsible: %s does not say it", file)
			case d.Unit == WorkingDays && len(side.Weekend) == 0:
				f.add(pointer("deadlines", i, "unit"), "", "working days need the weekend of the side that is responsible: %s does not say it", file)
			}
		}
	}
}
