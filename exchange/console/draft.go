package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A draftView is the page of one draft.
type draftView struct {
	ID, Case, State  string
	Status           string   // of the message that it became
	Authors          []Author // whoever has written any of it
	Mine             bool
	Does             string // what a release is to this officer
	Type             TypeName
	Self, Partner    Party
	Agreement        Value
	Purpose          string
	Approval         string
	Recipient, Reply Value // the agency that it is for, the message that it answers
	Version          int64
	ChangedAt        time.Time
	Minors           []string
	MinorsBefore     []string // by an earlier message of the case alone
	Blocks           []Block
	Withheld         []string // places of what is not kept
	Struck           bool     // what is withheld is kept, and struck through
	Missing          []Lack
	Safeguards       []SafeguardLine
	Approvals        []ApprovalLine
	Lapsed           []ApprovalLine // they do not count any more
	Officers         int
	SHA256           string // "" until all of it was read
	Decides          bool   // this officer may sign now
	More             int    // how many officers have to release it yet
	Then             int    // and after this one
	Own              bool   // it is theirs, and another one has to release it
	Alone            bool   // nobody else who has the case can release it: it takes a supervisor
	Erases           bool   // it says that all is erased, and leaves when that is so
	Short            bool   // more have to release it than there are officers who may
	Released         bool   // by this officer
	Passkey          bool   // they have one to sign with
	Changed          bool   // a decision came too late for it
	Before           *beforeView
	Corrects         *correctsView // of a correction
	Differences      []Difference  // what it changes
	Refused          string
	Reveal           reveal
	Complete         *draftDeed // what records what is missing
	Deeds            []draftDeed
	Writing          string // the officer's unfinished form of it
	Asked            draftAsk
	Rejected         *rejection
	Again            string // of a rejected one: the draft that says it again
	Instead          string // of that one: the rejected draft
	Ended            bool   // it will never be sent
	Opened           bool   // its case is there for this officer
	Done             string // what the officer has just done: a key of the catalogue
}

// A rejection is who said no to a draft, when and why.
type rejection struct {
	By     Who
	At     time.Time
	Reason string
}

func (c *Console) rejectionOf(v *visit, content exchange.DraftContent) *rejection {
	if content.Rejected == nil {
		return nil
	}
	return &rejection{c.who(v, content.Rejected.Officer), content.Rejected.At, content.Rejected.Reason()}
}

// A draftAsk is what an officer has asked for on the page of a draft, and what was
// wrong with that; its zero value is nothing.
type draftAsk struct{ Do, Why, Fault string }

// asked is what a form of the page of a draft has asked for without a good reason.
func asked(v *visit, do string) draftAsk {
	return draftAsk{do, v.r.PostFormValue("why"), "reveal.reason_required"}
}

// A draftDeed is what an officer may do to a draft for a reason, which the record
// keeps.
type draftDeed struct {
	Do            string // the end of its address; its field in the page is named by it
	Action        string // its address, and the place of the next page that it leads to
	Label, Button string
	Grave         bool
	Typed, Fault  string // as it was asked for and not done
	Version       int64  // that the officer sees
}

// deeds are what this officer may do to a draft.
func (c *Console) deeds(v *visit, seen exchange.SeenDraft, view *draftView) error {
	if !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return nil
	}
	change := draftDeed{Do: "amend", Label: v.s.T("draft.amend_why"), Button: v.s.T("draft.amend")}
	again := draftDeed{Do: "again", Label: v.s.T("draft.again_why"), Button: v.s.T("draft.again")}
	discard := draftDeed{Do: "discard", Label: v.s.T("draft.discard_why"), Button: v.s.T("draft.discard"), Grave: true}
	switch seen.Row.State {
	case exchange.DraftHeld, exchange.DraftWaiting:
	case exchange.DraftRejected:
		if view.Again != "" {
			return nil
		}
		change = again
	case exchange.DraftReleased:
		if view.Status != string(exchange.JobDead) {
			return nil
		}
	default:
		return nil
	}
	own, err := c.formLines(v, func(row exchange.FormRow) bool { return row.ID == seen.Row.ID })
	if err != nil {
		return err
	}
	switch {
	case seen.Row.State == exchange.DraftReleased:
		view.Deeds = []draftDeed{again}
	case len(own) > 0:
		view.Writing = own[0].ID
		view.Deeds = []draftDeed{discard}
	default:
		view.Deeds = []draftDeed{change, discard}
		if at, err := c.lackAt(v, seen); err != nil {
			return err
		} else if at != "" {
			view.Complete = &draftDeed{Do: "complete", Action: "#" + at, Label: v.s.T("draft.complete_why"), Button: v.s.T("draft.complete")}
		}
	}
	complete := func(deed *draftDeed) {
		deed.Version = seen.Row.Version
		if deed.Action = "/drafts/" + seen.Row.ID + "/" + deed.Do + deed.Action; deed.Do == view.Asked.Do {
			deed.Typed, deed.Fault = view.Asked.Why, view.Asked.Fault
		}
	}
	for i := range view.Deeds {
		complete(&view.Deeds[i])
	}
	if view.Complete != nil {
		complete(view.Complete)
	}
	return nil
}

// A beforeView is what has changed in a draft since an earlier version.
type beforeView struct {
	Own         bool // this officer had released it
	Released    bool // somebody had
	Author      Who
	At          time.Time
	Differences []Difference
}

// An ApprovalLine is who has released a draft, and when.
type ApprovalLine struct {
	By    Who
	At    time.Time
	Wrote bool // as one who wrote it: beside another, and never alone
}

func (c *Console) approvalLines(v *visit, approvals []exchange.Approval, authors []string) []ApprovalLine {
	out := make([]ApprovalLine, len(approvals))
	for i, a := range approvals {
		out[i] = ApprovalLine{c.who(v, a.Officer), a.At, slices.Contains(authors, a.Officer)}
	}
	return out
}

// A Lack is a safeguard that is missing for a person.
type Lack struct{ Kind, Subject string }

// A SafeguardLine is a safeguard that was recorded.
type SafeguardLine struct{ Kind, Subject, Basis, On, Reference string }

func (c *Console) draftPage(v *visit) error { return c.showDraft(v, draftAsk{}) }

// showDraft shows a draft. What was asked for and not done is asked for again.
func (c *Console) showDraft(v *visit, asked draftAsk) error {
	id := chi.URLParam(v.r, "id")
	seen, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, id, exchange.Reveal{})
	if err != nil {
		return err
	}
	var l looked
	if asked.Do != "" { // its form has a reason too, and it is for something else
		l.persons, err = c.personas(v, seen.Introduced, seen.Body)
	} else {
		l, err = c.look(v, seen.Hidden, seen.Body, seen.Introduced, func(own exchange.Reveal) error {
			shown, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, id, own)
			if err == nil {
				seen = shown
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	if l.file != "" && l.fault == "" {
		return v.sendFile(id, seen.Body, l.file)
	}
	view := c.draftView(v, seen, l.want.Fields)
	c.putIdentities(v, view.Blocks, l.persons, l.want)
	view.Reveal = c.revealAfter(v, l, view.Type.Name, seen.Hidden, seen.Shown, seen.Body)
	view.Reveal.Action = "/drafts/" + id
	view.Asked = asked
	if view.Status, err = c.delivery(v, seen.Row); err != nil {
		return err
	}
	if err := c.deeds(v, seen, &view); err != nil {
		return err
	}
	if view.Opened, err = c.opened(v, exchange.CaseKey{Partner: seen.Row.Partner, Case: seen.Row.Case}); err != nil {
		return err
	}
	switch v.r.URL.Query().Get("done") {
	case "":
	case "decided":
		if view.Done = "draft_decided." + view.State; view.Erases && seen.Row.State == exchange.DraftReleasing {
			view.Done = "draft_decided.erases"
		}
	default:
		view.Done = "draft_done." + view.State
	}
	status, title := l.titled(v, v.s.T("draft.title", view.Type.Title))
	if asked.Do != "" {
		status, title = http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "draft", title, "work", view)
}

// opened says whether an officer may see the case of a draft: one that so far has
// only drafts is not there yet for most.
func (c *Console) opened(v *visit, key exchange.CaseKey) (bool, error) {
	_, err := c.cfg.Files.Case(v.r.Context(), v.officer, key)
	if exchange.AsProblem(err).Kind == exchange.ProblemNotFound {
		return false, nil
	}
	return err == nil, err
}

func stands(body any, pointer string) bool { return at(body, pointer) != nil }

// lackAt is the place in a draft's form where the first of what it lacks is
// recorded; "" when it lacks nothing.
func (c *Console) lackAt(v *visit, seen exchange.SeenDraft) (string, error) {
	if len(seen.Content.Missing) == 0 {
		return "", nil
	}
	first := seen.Content.Missing[0]
	terms, err := c.cfg.Desk.Terms(seen.Row.Partner, seen.Row.Type)
	if err != nil {
		return "", err
	}
	place := safeguardAt(first.Kind)
	for _, term := range terms {
		if term.Agreement.Code != seen.Content.Draft.Agreement || seen.Row.Type == exchange.TypeCorrection {
			continue
		}
		l := layout{typed: newTyped(c.cfg.Catalogue, seen.Row.Type, nil, c.cfg.Zone), rules: rulesOf(term.Permit)}
		person := or(placeOfSubject(seen.Body, first.Subject), "/subjects/0")
		if member := exchange.MemberOf(first.Kind); l.inBody(first.Kind) || stands(seen.Body, person+"/"+member) {
			place = person + "/" + member
		}
	}
	return nodeID(place), nil
}

func (c *Console) draftView(v *visit, seen exchange.SeenDraft, chosen []string) draftView {
	row, content := seen.Row, seen.Content
	view := draftView{
		ID: row.ID, Case: row.Case, State: string(row.State), Mine: slices.Contains(seen.Authors(), v.officer.ID),
		Type: c.typeName(v.s, row.Type), Self: c.party(v.s, c.cfg.Self), Partner: c.party(v.s, row.Partner), Agreement: Value{Text: content.Draft.Agreement},
		Purpose: content.Draft.Purpose, Recipient: c.recipientOf(v, content.Draft.Agreement, partners.Send, content.Draft.Recipient), Approval: content.Draft.Approval,
		Version: row.Version, ChangedAt: row.ChangedAt, Minors: seen.Minors, MinorsBefore: seen.MinorsBefore, Approvals: c.approvalLines(v, content.Approvals, seen.Authors()), Lapsed: c.approvalLines(v, content.Lapsed, seen.Authors()), Officers: content.Officers,
		SHA256: seen.SHA256, Refused: content.Refused, Rejected: c.rejectionOf(v, content), Again: content.Again, Instead: content.Instead,
		Ended:   row.State == exchange.DraftRejected || row.State == exchange.DraftRefused || row.State == exchange.DraftDiscarded,
		Decides: row.State == exchange.DraftWaiting && !decided(seen.DraftView, v.officer.ID) && v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor),
	}
	view.Does = does(seen.DraftView, v.officer, exchange.DecisionRelease)
	view.Authors = c.authorsOf(v, seen.Authors())
	view.More = max(content.Officers-len(content.Approvals), 0)
	view.Then = max(view.More-1, 0)
	view.Released = seen.ReleasedBy(v.officer.ID)
	view.Own = row.State == exchange.DraftWaiting && !view.Released && seen.Own(v.officer.ID)
	view.Erases = seen.Erases
	view.Short = row.State == exchange.DraftWaiting && seen.Able < view.More
	view.Alone = row.State == exchange.DraftWaiting && !view.Short && !view.Decides && len(seen.Assigned) > 0 && !slices.ContainsFunc(seen.Assigned, func(id string) bool { return !decided(seen.DraftView, id) })
	view.Passkey, view.Changed = c.signs(v.officer), v.r.URL.Query().Get("changed") != ""
	view.Before = c.beforeView(v, seen)
	if a, ok := c.cfg.Directory.Snapshot().Agreement(content.Draft.Agreement); ok {
		view.Agreement = v.s.Said(a.Title)
	}
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, shown: seen.Shown, chosen: chosen, minors: seen.Minors, withheld: content.Withheld}
	view.Blocks = r.read(row.Type, seen.Body)
	if made := seen.Corrects; made != nil {
		view.Corrects = &correctsView{Type: c.typeName(v.s, made.Type), Target: sentPath(row.Partner, made.Target)}
		view.Differences = c.correctionOf(v, r, view.Blocks, made, seen.Body)
	}
	c.putOdd(v, view.Blocks, row.Partner, seen.Body, v.now)
	c.putLinks(v, view.Blocks, exchange.MessageKey{Lane: exchange.Lane{Partner: row.Partner, Direction: exchange.Out}, ID: row.ID}, seen.Named)
	if reply := content.Draft.InReplyTo; reply != "" {
		view.Reply = c.linkTo(v, exchange.MessageKey{Lane: exchange.Lane{Partner: row.Partner, Direction: exchange.In}, ID: reply}, seen.Named)
	}
	for _, pointer := range content.Withheld {
		if stands(seen.Body, pointer) { // it is struck through there
			view.Struck = true
			continue
		}
		view.Withheld = append(view.Withheld, c.placeOf(v, row.Type, pointer, seen.Body))
	}
	for _, m := range content.Missing {
		view.Missing = append(view.Missing, Lack{m.Kind, m.Subject})
	}
	view.Safeguards = safeguardLines(v, content.Safeguards)
	return view
}

func safeguardLines(v *visit, recorded []exchange.Safeguard) []SafeguardLine {
	var out []SafeguardLine
	for _, s := range recorded {
		out = append(out, SafeguardLine{Kind: s.Kind, Subject: s.Subject, Basis: s.Basis, On: dayOf(v.s, s.On), Reference: s.Reference})
	}
	return out
}

// guardText is a safeguard in one line, but for its kind and its person.
func guardText(s *speech, g exchange.Safeguard) string {
	basis := g.Basis
	if basis != "" {
		basis = s.Or("basis."+basis, basis)
	}
	return strings.Join(slices.DeleteFunc([]string{basis, dayOf(s, g.On), g.Reference}, func(text string) bool { return text == "" }), " ")
}

// dayOf writes a day as its language does; what is none stays as it is.
func dayOf(s *speech, text string) string {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return s.Date(day)
	}
	return text
}

// beforeView lays out what has changed since the version that the officer saw.
func (c *Console) beforeView(v *visit, seen exchange.SeenDraft) *beforeView {
	was := seen.Before
	if was == nil {
		return nil
	}
	out := &beforeView{Author: c.who(v, was.Author), At: was.At, Released: len(was.Approvals) > 0}
	out.Own = !seen.ReleasedBy(v.officer.ID) && slices.ContainsFunc(was.Approvals, func(a exchange.Approval) bool { return a.Officer == v.officer.ID })
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, shown: seen.Shown}
	var amended []string // changes of a correction, each told as a whole
	for _, change := range was.Changes {
		tokens := strings.Split(change.Pointer, "/")
		if seen.Corrects != nil && tokens[1] == "changes" && len(tokens) > 2 {
			if place := strings.Join(tokens[:3], "/"); !slices.Contains(amended, place) {
				amended = append(amended, place)
				out.Differences = append(out.Differences, Difference{Op: "replace", Place: r.place(seen.Row.Type, place, seen.Body), Before: r.changeAt(place, was.Body, seen), After: r.changeAt(place, seen.Body, seen)})
			}
			continue
		}
		change.Value = at(seen.Body, change.Pointer)
		out.Differences = append(out.Differences, r.difference(seen.Row.Type, was.Body, seen.Body, change))
	}
	for _, change := range was.Guards {
		out.Differences = append(out.Differences, guardDifference(v, change))
	}
	recipient := func(d exchange.Draft) string { return c.recipientOf(v, d.Agreement, partners.Send, d.Recipient).Text }
	is := seen.Content.Draft
	for _, field := range []struct{ label, was, is string }{
		{v.s.T("message.agreement"), was.Draft.Agreement, is.Agreement}, {v.s.T("message.purpose"), was.Draft.Purpose, is.Purpose},
		{v.s.T("message.recipient"), recipient(was.Draft), recipient(is)}, {v.s.T("message.approval"), was.Draft.Approval, is.Approval},
		{v.s.T("message.in_reply_to"), was.Draft.InReplyTo, is.InReplyTo},
	} {
		if field.was != field.is {
			out.Differences = append(out.Differences, Difference{Op: "replace", Place: field.label, Before: said(field.was), After: said(field.is)})
		}
	}
	return out
}

// guardDifference lays out what became of a safeguard that is recorded beside a body.
func guardDifference(v *visit, c exchange.GuardChange) Difference {
	out := Difference{Op: "replace", Place: v.s.T("safeguard." + c.Kind)}
	if c.Subject != "" {
		out.Place += " › " + v.s.T("message.person", c.Subject)
	}
	rows := func(s *exchange.Safeguard) []Row {
		if s == nil {
			return nil
		}
		if c.Hidden {
			return []Row{{Hidden: true}}
		}
		return said(guardText(v.s, *s))
	}
	switch out.Before, out.After = rows(c.Was), rows(c.Is); {
	case c.Was == nil:
		out.Op = "add"
	case c.Is == nil:
		out.Op = "remove"
	}
	return out
}

// changeAt lays out one change of a version of a correction.
func (r *reading) changeAt(place string, body any, seen exchange.SeenDraft) []Row {
	fresh := &reading{s: r.s, catalogue: r.catalogue, shown: r.shown}
	blocks := fresh.read(seen.Row.Type, body)
	fresh.inWords(blocks, seen.Corrects, body)
	for _, b := range blocks {
		if len(b.Rows) > 0 && within([]string{place}, b.Rows[0].Pointer) {
			return b.Rows
		}
	}
	return nil
}

func said(text string) []Row {
	if text == "" {
		return nil
	}
	return []Row{{Values: []Value{{Text: text}}}}
}

// code writes a code of a list in words.
func (c *Console) code(v *visit, list, code string) string {
	l, ok := schemas.List(list)
	if !ok {
		return code
	}
	label, _ := v.s.Label(l, code)
	return label
}
