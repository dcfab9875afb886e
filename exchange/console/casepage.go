package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A caseView is the page of one case.
type caseView struct {
	Line       CaseLine
	Opened     bool // by us
	OpenedAt   time.Time
	Erased     bool
	Pending    int // our messages that are on their way
	Held, Dead int // and those that the partner holds, or will not get
	Minors     []string
	// MinorsBefore are those of them who are so by an earlier message alone.
	MinorsBefore []string
	Clocks       []ClockLine
	Persons      []PersonLine
	Altered      bool // another case that may be of one of them cannot be looked into
	Unlooked     int  // how many of them nobody was looked for yet, see lookedAlike
	Linked       []LinkLine
	Drafts       []DraftLine // that have not left
	Unfinished   []FormLine
	Offers       offerView
	Timeline     []EventLine
	Earlier      int64 // before which entry the timeline goes on; 0: this is its beginning
	Later        int64 // and from which; 0: these are the last
	Looks        []LookLine
	LooksNext    int64
	Emergency    time.Time // until when it is open to an officer who is not assigned to it
	Hands        handsView
	Files        []FileLine  // what its messages carry
	Erasure      []EraseLine // what an erasure takes, where a notice asks for one
	JustErased   bool
}

// A ClockLine is a deadline as it stands.
type ClockLine struct {
	State           string
	Basis, Citation Value
	Internal, Ours  bool
	Due             time.Time
	HolidaysKnown   bool
	Type            TypeName
	Value           int
	Unit            string
}

// A PersonLine is one person of a case.
type PersonLine struct {
	Key        exchange.SubjectKey
	Ref, State string
	Told       string // the address of the message that tells who it is
	Remarks    []string
	Minor      bool
	Looked     bool // for those who may be the same
	Duplicates []DuplicateLine
}

// A DuplicateLine is a person of another case who may be the same.
type DuplicateLine struct {
	Partner       Party
	Case, Subject string
	Begins        string // the case's number
	Score         int
}

// A LinkLine is a case that shares an opaque link with this one.
type LinkLine struct {
	Partner Party
	Case    string
}

// An EventLine is one event of the timeline.
type EventLine struct {
	At        time.Time
	Kind      string
	Direction string
	Type      TypeName // of a message, or of what was done to one
	What      string   // of an event that is not a message
	Message   exchange.MessageKey
	Path      string // of a message's page
	Status    string
	Late      bool
	By        Who
	Reason    string
	Officers  string // who have the case from then on; "" for all
	Assigned  bool   // that is what happened
	From      Party
	Looks     []EventLine // what this line stands for, see foldLooks
	Since     time.Time   // when the first of these was
	Damaged   bool        // what is stored of it is not what was recorded
	Looked    string      // what was looked at
	Read      string      // in words, of a look at personal data: a draft's page looks at two
	Printed   int         // how many messages were printed at once, see foldPrints

	First, Last int64 // the entries that this line stands for
}

// A FileLine is a file that a message of the case carries.
type FileLine struct {
	Type    TypeName
	Label   string
	Subject string
	At      time.Time
	Path    string // of the message's page, where it can be taken away for a reason
	Damaged bool   // whether the message has one cannot be said any more
}

// timelinePage is how many lines of a case's life are shown at once, timelineLook how
// many events may be looked at to fill them, and timelineRead how many are read at once
// then: as many as a store gives.
const (
	timelinePage = 100
	timelineLook = 1500
	timelineRead = 500
)

// shownOfCase is how much of a case's number tells it from others at a glance: the
// time in it, to a thousandth of a second.
const shownOfCase = 13

// lookedAlike is for how many persons of a case others who may be the same are looked
// for before the officer asks for the rest: a case may have 200 persons.
const lookedAlike = 10

// shownOfDrafts is how many drafts of a case in one state are on its page.
const shownOfDrafts = 100

// shownDuplicates is how many probable duplicates a person has on the page.
const shownDuplicates = 5

func (c *Console) casePage(v *visit) error {
	return c.showCase(v, caseOf(v), handsView{})
}

// showCase shows a case; asked is who was to have it and what is wrong with that.
func (c *Console) showCase(v *visit, key exchange.CaseKey, asked handsView) error {
	view, err := c.caseView(v, key)
	if err != nil {
		return err
	}
	if view.Hands, err = c.hands(v, key, view, asked); err != nil {
		return err
	}
	before, _ := strconv.ParseInt(v.r.URL.Query().Get("looks"), 10, 64) // 0 is the newest
	if view.Looks, view.LooksNext, err = c.lookLines(v, key, before); err != nil {
		return err
	}
	if view.Unfinished, err = c.formLines(v, func(row exchange.FormRow) bool { return row.Partner == key.Partner && row.Case == key.Case }); err != nil {
		return err
	}
	if err := c.alike(v, key, &view); err != nil {
		return err
	}
	view.JustErased = view.Erased && v.r.URL.Query().Get("erased") != ""
	if !view.Erased {
		if view.Erasure, err = c.erasure(v, key); err != nil {
			return err
		}
		if view.Offers, err = c.offers(v, key, ""); err != nil {
			return err
		}
		if view.Line.Turn != string(exchange.TurnUs) {
			view.Offers.rest()
		}
		if view.Files, err = c.fileLines(v, key); err != nil {
			return err
		}
	}
	if err := c.timeline(v, key, &view); err != nil {
		return err
	}
	status, title := oneFault("officers", asked.Fault).titled(v, v.s.T("case.title"))
	return c.show(v, status, "case", title, "cases", view)
}

// caseView gathers what is known of a case, but for its timeline.
func (c *Console) caseView(v *visit, key exchange.CaseKey) (caseView, error) {
	ctx := v.r.Context()
	file, err := c.cfg.Files.Case(ctx, v.officer, key)
	if err != nil {
		return caseView{}, err
	}
	view := caseView{
		Line: c.glanced(v, file.Row, file.Glance), Opened: file.Standing.Opened, OpenedAt: file.Row.OpenedAt, Erased: file.Erased,
		Pending: file.Standing.Pending, Held: file.Standing.Held, Dead: file.Standing.Dead,
	}
	if view.Line.Altered {
		c.cfg.Logger.Error(exchange.Damaged, "method", v.r.Method, "partner", key.Partner, "case", key.Case)
	}
	if view.Minors, view.MinorsBefore, err = c.cfg.Sight.Minors(ctx, v.officer, key); err != nil {
		return caseView{}, err
	}
	view.Clocks = c.clockLines(v, file.Clocks)
	for _, s := range file.Standing.Subjects {
		line := PersonLine{Key: exchange.SubjectKey{CaseKey: key, Subject: s.Ref}, Ref: s.Ref, State: string(s.State), Remarks: s.Remarks, Minor: slices.Contains(view.Minors, s.Ref)}
		if told, ok := file.Told[s.Ref]; ok {
			line.Told = messagePath(told)
		}
		view.Persons = append(view.Persons, line)
	}
	compare := byNumber()
	slices.SortStableFunc(view.Persons, func(a, b PersonLine) int { return compare(a.Ref, b.Ref) })
	if c.cfg.Register != nil && !file.Erased {
		linked, err := c.cfg.Register.Linked(ctx, v.officer, key)
		if err != nil {
			return caseView{}, err
		}
		for _, k := range linked {
			view.Linked = append(view.Linked, LinkLine{c.party(v.s, k.Partner), k.Case})
		}
	}
	if v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		for _, state := range []exchange.DraftState{exchange.DraftWaiting, exchange.DraftReleasing, exchange.DraftHeld} {
			f := exchange.DraftFilter{Partners: []string{key.Partner}, Case: key.Case, State: state, Oldest: true, Limit: shownOfDrafts}
			found, _, err := c.cfg.Desk.Outlines(ctx, v.officer, f, func(exchange.DraftView) bool { return true })
			if err != nil {
				return caseView{}, err
			}
			lines, err := c.draftLines(v, found)
			if err != nil {
				return caseView{}, err
			}
			view.Drafts = append(view.Drafts, lines...)
		}
	}
	view.Emergency = file.Emergency
	return view, nil
}

// clockLines are time limits, those that press first.
func (c *Console) clockLines(v *visit, clocks []exchange.RunningClock) []ClockLine {
	var out []ClockLine
	for _, clock := range clocks {
		out = append(out, c.clockLine(v, clock))
	}
	slices.SortStableFunc(out, func(a, b ClockLine) int { return clockRank(a) - clockRank(b) })
	return out
}

// clockRank puts the clocks that press first.
func clockRank(c ClockLine) int {
	return slices.Index([]string{string(partners.ClockOverdue), string(partners.ClockDue), string(partners.ClockPaused), string(partners.ClockLate), string(partners.ClockMet)}, c.State)
}

func (c *Console) clockLine(v *visit, clock exchange.RunningClock) ClockLine {
	d := clock.Deadline
	return ClockLine{
		State: string(clock.Reading.State), Basis: v.s.Said(d.Basis), Citation: v.s.Said(d.Citation),
		Internal: d.Scope == partners.ScopeInternal, Ours: clock.Ours, Due: clock.Reading.Due, HolidaysKnown: clock.Reading.HolidaysKnown || d.Unit == "calendar",
		Type: c.typeName(v.s, d.Type), Value: d.Value, Unit: d.Unit,
	}
}

// alike looks for those who may be the persons of a case.
func (c *Console) alike(v *visit, key exchange.CaseKey, view *caseView) error {
	if view.Line.Kind == string(exchange.Information) {
		return nil
	}
	looked := view.Persons
	if len(looked) > lookedAlike && v.r.URL.Query().Get("alike") == "" {
		looked = looked[:lookedAlike]
	}
	refs := make([]string, len(looked))
	for i, p := range looked {
		refs[i] = p.Ref
	}
	found, err := c.duplicates(v, key, refs)
	switch damage := exchange.AsDamage(err); {
	case damage != nil && found == nil: // its line says so, and nobody was looked for
		view.Unlooked = len(view.Persons)
		return nil
	case damage != nil: // of another case
		c.cfg.Logger.Error(exchange.Damaged, "method", v.r.Method, "index", damage.Index, "error", err)
		view.Altered = true
	case err != nil:
		return err
	}
	for i, ref := range refs {
		looked[i].Looked, looked[i].Duplicates = true, found[ref]
	}
	view.Unlooked = len(view.Persons) - len(looked)
	return nil
}

// duplicates returns the likeliest persons of other cases who may be those of this
// one, by the reference of each. With a DamageError of another case it returns the others.
func (c *Console) duplicates(v *visit, key exchange.CaseKey, refs []string) (map[string][]DuplicateLine, error) {
	if c.cfg.Register == nil || len(refs) == 0 {
		return nil, nil
	}
	found, err := c.cfg.Register.DuplicatesOf(v.r.Context(), v.officer, key, refs, shownDuplicates)
	if found == nil {
		return nil, err
	}
	out := map[string][]DuplicateLine{}
	for ref, candidates := range found {
		for _, d := range candidates {
			out[ref] = append(out[ref], DuplicateLine{c.party(v.s, d.Partner), d.Case, d.Subject, cut(d.Case, shownOfCase), d.Score})
		}
	}
	return out, err
}

// fileLines returns the files that the messages of a case carry.
func (c *Console) fileLines(v *visit, key exchange.CaseKey) ([]FileLine, error) {
	found, err := c.cfg.Sight.Attachments(v.r.Context(), v.officer, key)
	if err != nil {
		return nil, err
	}
	var out []FileLine
	for _, a := range found {
		line := FileLine{Type: c.typeName(v.s, a.Type), Subject: a.Subject, At: a.At, Path: messagePath(a.Message), Damaged: a.Damaged}
		if !a.Damaged {
			in, _ := c.cfg.Catalogue.Field(a.Type, a.Pointer[:strings.LastIndexByte(a.Pointer, '/')])
			line.Label = v.s.Of(in.Title)
		}
		out = append(out, line)
	}
	return out, nil
}

// timeline shows a part of what happened, the last first: before an entry, from one
// on, or else the newest.
func (c *Console) timeline(v *visit, key exchange.CaseKey, view *caseView) error {
	q := v.r.URL.Query()
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // 0 is the newest
	if from, _ := strconv.ParseInt(q.Get("from"), 10, 64); from > 0 {
		lines, more, err := c.life(v, key, from, true, timelinePage, foldLooks)
		if err != nil {
			return err
		}
		if more {
			view.Timeline, view.Earlier, view.Later = lines, lines[len(lines)-1].First, lines[0].Last+1
			return nil
		}
		before = 0 // that little is the end of the newest
	}
	lines, more, err := c.life(v, key, before, false, timelinePage, foldLooks)
	if err != nil {
		return err
	}
	if more {
		view.Earlier = lines[len(lines)-1].First
	}
	if before > 0 && len(lines) > 0 {
		view.Later = lines[0].Last + 1
	}
	view.Timeline = lines
	return nil
}

// life returns what happened in a case before an entry (0: to this day), or forward
// from one on, the last first: as many lines as are wanted once they are folded, or
// what timelineLook events come to. more says that this is not all.
func (c *Console) life(v *visit, key exchange.CaseKey, at int64, forward bool, want int, fold func([]EventLine) []EventLine) (lines []EventLine, more bool, err error) {
	read := c.cfg.Files.TimelineBefore
	if forward {
		read = c.cfg.Files.Timeline
	}
	var events []EventLine
	for n := timelinePage + 1; ; n = timelineRead { // most often the first are enough
		entries, err := read(v.r.Context(), v.officer, key, at, n)
		if err != nil {
			return nil, false, err
		}
		told := c.eventLines(v, key, entries)
		if forward {
			slices.Reverse(told)
			events = append(told, events...)
		} else {
			events = append(events, told...)
		}
		lines, more = fold(events), len(entries) == n
		switch {
		case len(lines) > want && forward:
			return lines[len(lines)-want:], true, nil
		case len(lines) > want:
			return lines[:want], true, nil
		case !more || len(events) >= timelineLook:
			return lines, more, nil
		}
		if at = entries[n-1].Index; forward {
			at++
		}
	}
}

// foldPrints makes one line of what was printed at once, each message of which is an
// entry of the record: by one officer, for one reason, and no message twice. The last
// is first.
func foldPrints(lines []EventLine) []EventLine {
	var out []EventLine
	printed := map[string]bool{} // of the print that the last line is
	for _, l := range lines {
		if n := len(out) - 1; n >= 0 && l.Printed > 0 && out[n].Printed > 0 && out[n].By == l.By && out[n].Reason == l.Reason && !printed[l.Looked] {
			out[n].Printed, out[n].First = out[n].Printed+1, l.First
		} else {
			out = append(out, l)
			clear(printed)
		}
		printed[l.Looked] = true
	}
	return out
}

// foldLooks makes one line of what an officer looked at in one way several times with
// nothing in between, so that looks do not bury what happened. The last is first.
func foldLooks(lines []EventLine) []EventLine {
	var out []EventLine
	for lines = foldPrints(lines); len(lines) > 0; {
		first, n := lines[0], 1
		for first.Kind == string(exchange.KindAccess) && first.By.ID != "" && n < len(lines) && lines[n].Kind == first.Kind && (lines[n].What == first.What || lines[n].Read != "" && first.Read != "") && lines[n].By == first.By {
			n++
		}
		if slices.ContainsFunc(lines[:n], func(l EventLine) bool { return l.What != first.What }) {
			first.What = first.Read
		}
		if n > 1 {
			first = EventLine{At: first.At, Since: lines[n-1].At, Kind: first.Kind, What: first.What, By: first.By, Looks: lines[:n], First: lines[n-1].First, Last: first.Last}
		}
		out, lines = append(out, first), lines[n:]
	}
	return out
}

func (c *Console) eventLines(v *visit, key exchange.CaseKey, entries []exchange.TimelineEntry) []EventLine {
	var out []EventLine
	for _, e := range entries {
		line := EventLine{
			At: e.At, Kind: string(e.Kind), Direction: string(e.Direction), Status: e.Status, Late: e.Late, By: c.who(v, e.By), Reason: v.written(e.Reason),
			From: c.party(v.s, c.cfg.Self), First: e.Index, Last: e.Index, Damaged: e.Damaged,
		}
		if e.Damaged {
			c.cfg.Logger.Error(exchange.Damaged, "index", e.Index)
		}
		switch line.Looked = e.ID; e.Type {
		case "message_printed":
			if !e.Damaged { // who has printed it cannot be said
				line.Printed = 1
			}
		case "message_read", "draft_read":
			line.Read = v.s.T("event.read")
		}
		if e.Direction == exchange.In {
			line.From = c.party(v.s, key.Partner)
		}
		if e.Kind == exchange.KindMessage {
			line.Message = exchange.MessageKey{Lane: exchange.Lane{Partner: key.Partner, Direction: e.Direction}, ID: e.ID}
			line.Path = messagePath(line.Message)
		}
		line.Assigned, line.Officers = e.Type == "case_assigned" && e.By != "", c.whoAll(v, e.Officers)
		if c.cfg.Catalogue.Has(e.Type) {
			line.Type = c.typeName(v.s, e.Type)
			line.What = v.s.Or("timeline."+string(e.Kind), "")
		} else {
			line.What = v.s.Or("event."+e.Type, v.s.Or("timeline."+string(e.Kind), e.Type))
		}
		out = append(out, line)
	}
	return out
}
