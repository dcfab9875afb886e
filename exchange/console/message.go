package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A messageView is the page of one message.
type messageView struct {
	Claims       exchange.Claims
	Type         TypeName
	From, To     Party
	Partner      string
	Out          bool
	Index        int64
	At           time.Time
	Issued       time.Time
	Agreement    Value
	Reply        Value // the message that it answers
	Recipient    Value // the agency that it is for
	KeyID        string
	Verifies     bool
	Status       string
	Minors       []string
	MinorsBefore []string // by an earlier message of the case alone
	Blocks       []Block
	Corrections  []Correction
	Urgent       bool // it says so
	SelfReturn   bool // it says what was found of somebody who came back alone
	Case         CaseLine
	Clocks       []ClockLine // those of the case that run, with their citations
	Safeguards   []GuardLine
	Papers       bool     // where the papers of these are is not told
	Authors      []Author // of ours
	Approvals    []ApprovalLine
	Answers      []AnswerLine
	Answered     bool   // one of them reaches the partner
	Draft        string // the address of the draft that it was
	Dead         *deadView
	Corrects     *correctsView // of a correction: the message, and what it changes there
	Differences  []Difference
	Reveal       reveal
	Offers       offerView   // answers to it
	Correct      string      // the address of the form that corrects it
	Withdraw     string      // and of the one that takes it back
	Erase        string      // the address of the erasure that it is about, and that is for us to do
	Acts         bool        // of ours: it is for us to act in its case, and for this officer
	Next         []OfferLine // of a case in which it is for us to act: what waits to be answered
	Done         bool        // it was sent a moment ago
}

// A deadView is why a message of ours will not be delivered, and what can be done.
type deadView struct {
	Last  exchange.Attempt
	Retry bool   // this officer may try it again
	Anew  string // where it is written again, by whoever may
}

// A Correction is one revision of a message.
type Correction struct {
	ID          string
	Revision    int
	At          time.Time
	Reason      string // in words
	Differences []Difference
}

func (c *Console) messagePage(v *visit) error {
	key, err := messageKey(v)
	if err != nil {
		return err
	}
	seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, key, exchange.Reveal{})
	if err != nil {
		return err
	}
	hidden := seen.Hidden
	if seen.Papers { // whoever sees everything sees them
		hidden = append(hidden, ".safeguards")
	}
	l, err := c.look(v, hidden, seen.Last().Body, seen.Introduced, func(own exchange.Reveal) error {
		shown, err := c.cfg.Sight.Message(v.r.Context(), v.officer, key, own)
		if err == nil {
			seen = shown
		}
		return err
	})
	if err != nil {
		return err
	}
	if l.file != "" && l.fault == "" {
		return v.sendFile(key.ID, seen.Last().Body, l.file)
	}
	view := c.messageView(v, seen, l.want.Fields)
	c.putIdentities(v, view.Blocks, l.persons, l.want)
	view.Reveal = c.revealAfter(v, l, view.Type.Name, hidden, seen.Shown, seen.Last().Body)
	if err := c.standing(v, &view, seen); err != nil {
		return err
	}
	if err := c.answers(v, &view, seen); err != nil {
		return err
	}
	if gaveUp(seen) {
		last, err := c.cfg.Oversight.LastTry(v.r.Context(), v.officer, key)
		if err != nil {
			return err
		}
		view.Dead = &deadView{Last: last, Retry: v.officer.Has(exchange.RoleSupervisor)}
		if view.Draft != "" && v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
			view.Dead.Anew = view.Draft + "#again-why"
		}
	}
	status, title := l.titled(v, v.s.T("message.title", view.Type.Title))
	return c.show(v, status, "message", title, "cases", view)
}

// gaveUp says whether a message of ours will not be delivered, which counts for nothing.
func gaveUp(seen exchange.SeenMessage) bool { return seen.Status == string(exchange.JobDead) }

// A GuardLine is a safeguard that a message states, or that was recorded here
// before it left.
type GuardLine struct {
	SafeguardLine
	Stated bool
}

// standing says how the case of a message stands, which of its time limits run,
// how its persons are protected, and who of them may be known from elsewhere.
func (c *Console) standing(v *visit, view *messageView, seen exchange.SeenMessage) error {
	key := exchange.CaseKey{Partner: seen.Key.Partner, Case: view.Claims.Case}
	file, err := c.cfg.Files.Case(v.r.Context(), v.officer, key)
	if err != nil {
		return err
	}
	view.Case = c.caseLine(v, file.Row)
	running := []partners.ClockState{partners.ClockDue, partners.ClockOverdue, partners.ClockPaused}
	view.Clocks = c.clockLines(v, slices.DeleteFunc(file.Clocks, func(clock exchange.RunningClock) bool { return !slices.Contains(running, clock.Reading.State) }))
	view.Papers = seen.Papers
	for _, s := range seen.Stated {
		view.Safeguards = append(view.Safeguards, GuardLine{SafeguardLine{Kind: s.Kind, Subject: s.Subject}, true})
	}
	for _, s := range seen.Recorded {
		view.Safeguards = append(view.Safeguards, GuardLine{SafeguardLine{s.Kind, s.Subject, s.Basis, v.s.Partial(s.On), s.Reference}, false})
	}
	if file.Standing.Kind == exchange.Information {
		return nil
	}
	var told []string // persons whom the message itself describes
	for _, b := range view.Blocks {
		if b.Subject != "" && b.Identity == nil {
			told = append(told, b.Subject)
		}
	}
	found, err := c.duplicates(v, key, told)
	if exchange.AsDamage(err) != nil { // of another message; the page of the case says it
		err = nil
	}
	for i := range view.Blocks {
		if b := &view.Blocks[i]; b.Identity == nil && found[b.Subject] != nil {
			b.Key, b.Duplicates = exchange.SubjectKey{CaseKey: key, Subject: b.Subject}, found[b.Subject]
		}
	}
	return err
}

// answers says what may be written about a message: an answer to one that came, a
// withdrawal of our own.
func (c *Console) answers(v *visit, view *messageView, seen exchange.SeenMessage) error {
	key := exchange.CaseKey{Partner: seen.Key.Partner, Case: view.Claims.Case}
	may := v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor)
	if erasing := []string{exchange.TypeErasureNotice, exchange.TypeErasureConfirmation}; may && view.Case.Turn == string(exchange.TurnUs) && slices.Contains(erasing, view.Type.Name) {
		view.Erase = "/cases/" + key.Partner + "/" + key.Case + "/erase"
	}
	if view.Out {
		view.Done = v.r.URL.Query().Get("done") != ""
		offers, err := c.cfg.Desk.Offers(v.r.Context(), v.officer, key)
		if problem := exchange.AsProblem(err); err != nil && problem.Kind.Status < http.StatusInternalServerError {
			return nil // nothing can be sent to this partner now; the message can be read
		}
		if err != nil {
			return err
		}
		for _, o := range offers {
			if o.Refused != nil || !slices.Contains(o.Targets, view.Claims.ID) {
				continue
			}
			form := "/write?" + url.Values{"to": {key.Partner}, "case": {key.Case}, "type": {o.Type}, "target": {view.Claims.ID}}.Encode()
			if o.Type == exchange.TypeCorrection {
				view.Correct = form
			} else {
				view.Withdraw = form
			}
		}
		if view.Case.Turn != string(exchange.TurnUs) {
			return nil
		}
		next, err := c.offers(v, key, "")
		view.Acts, view.Next = may, next.First
		return err
	}
	var err error
	if view.Offers, err = c.offers(v, key, view.Claims.ID); err == nil && view.Case.Turn != string(exchange.TurnUs) {
		view.Offers.rest()
	}
	return err
}

// placeOf names a place of a body, nil where that is not at hand.
func (c *Console) placeOf(v *visit, messageType, pointer string, body any) string {
	if pointer == "" {
		return v.s.T("reveal.all")
	}
	return (&reading{s: v.s, catalogue: c.cfg.Catalogue}).place(messageType, pointer, body)
}

func (c *Console) messageView(v *visit, seen exchange.SeenMessage, chosen []string) messageView {
	first, last := seen.Versions[0], seen.Last()
	view := messageView{
		Claims: first.Claims, Type: c.typeName(v.s, first.Claims.Type), From: c.party(v.s, first.Claims.Issuer), To: c.party(v.s, first.Claims.Audience),
		Partner: seen.Key.Partner, Out: seen.Key.Direction == exchange.Out, Index: seen.Index, At: first.At, Issued: time.Unix(first.Claims.IssuedAt, 0),
		Agreement: Value{Text: first.Claims.Agreement}, KeyID: seen.KeyID, Verifies: seen.Verifies, Status: seen.Status, Minors: seen.Minors, MinorsBefore: seen.MinorsBefore,
		Urgent: at(seen.Last().Body, "/urgent") == true, SelfReturn: first.Claims.Type == exchange.TypeSelfReturnResponse, Authors: c.authorsOf(v, seen.Authors), Approvals: c.approvalLines(v, seen.Approvals, seen.Authors),
		Answers: c.answerLines(v, seen.Answers),
	}
	way := partners.Receive
	if view.Out {
		way = partners.Send
	}
	view.Recipient = c.recipientOf(v, first.Claims.Agreement, way, first.Claims.Recipient)
	view.Answered = slices.ContainsFunc(view.Answers, func(a AnswerLine) bool { return a.Status != string(exchange.JobDead) })
	if seen.Drafted {
		view.Draft = "/drafts/" + first.Claims.ID
	}
	if a, ok := c.cfg.Directory.Snapshot().Agreement(first.Claims.Agreement); ok {
		view.Agreement = v.s.Said(a.Title)
	}
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, shown: seen.Shown, chosen: chosen, minors: seen.Minors}
	view.Blocks = r.read(view.Type.Name, last.Body)
	c.putOdd(v, view.Blocks, view.Partner, last.Body, view.Issued)
	if made := seen.Corrects; made != nil {
		view.Corrects = &correctsView{Type: c.typeName(v.s, made.Type), Target: messagePath(exchange.MessageKey{Lane: seen.Key.Lane, ID: made.Target})}
		view.Differences = c.correctionOf(v, r, view.Blocks, made, last.Body)
	}
	c.putLinks(v, view.Blocks, seen.Key, seen.Named)
	if reply := view.Claims.InReplyTo; reply != "" {
		view.Reply = c.linkTo(v, exchange.MessageKey{Lane: exchange.Lane{Partner: seen.Key.Partner, Direction: seen.Key.Direction.Opposite()}, ID: reply}, seen.Named)
	}
	for i, version := range seen.Versions[1:] {
		correction := Correction{ID: version.ID, Revision: version.Revision, At: version.At, Reason: c.code(v, "correction-reasons", version.Reason)}
		correction.Differences = c.differencesOf(v, view.Type.Name, seen.Versions[i].Body, version.Body, version.Changes)
		view.Corrections = append(view.Corrections, correction)
	}
	return view
}

// named are the fields that name another message of the case, and whether it was
// sent the same way as the one that names it.
var named = map[string]bool{"/target": true, "/nationality_confirmation": false, "/countersigns/message": false}

// putLinks links them.
func (c *Console) putLinks(v *visit, blocks []Block, key exchange.MessageKey, known map[string]exchange.Named) {
	for _, b := range blocks {
		for i, row := range b.Rows {
			same, ok := named[row.Pointer]
			if !ok || row.Hidden {
				continue
			}
			other := exchange.MessageKey{Lane: key.Lane, ID: row.Values[0].Text}
			if !same {
				other.Direction = key.Direction.Opposite()
			}
			b.Rows[i].Values = []Value{c.linkTo(v, other, known)}
		}
	}
}

// linkTo leads to another message: by its title and day, or its number where the case
// does not have it.
func (c *Console) linkTo(v *visit, key exchange.MessageKey, known map[string]exchange.Named) Value {
	n, there := known[key.ID]
	if !there {
		return Value{Text: key.ID, Link: messagePath(key)}
	}
	text := c.typeName(v.s, n.Type).Title
	if !n.At.IsZero() {
		text += " · " + v.s.Day(n.At)
	}
	return Value{Text: text, Link: messagePath(n.Key)}
}
