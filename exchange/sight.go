package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// SightConfig wires a Sight. Everything is required.
type SightConfig struct {
	Files     *CaseFiles
	Desk      *Desk
	Catalogue *schemas.Catalogue
}

// A Sight is how officers see messages and drafts: what is personal stays
// hidden until they say which of it they need and why. A hidden value never
// leaves this package; a shown one is in the record first.
type Sight struct{ cfg SightConfig }

// NewSight returns a sight; it refuses a missing part.
func NewSight(cfg SightConfig) (*Sight, error) {
	if cfg.Files == nil || cfg.Desk == nil || cfg.Catalogue == nil {
		return nil, errors.New("sight: a required part is missing")
	}
	return &Sight{cfg}, nil
}

// Hidden stands in a body where something personal is.
type Hidden struct{}

// A Reveal says what an officer wants to see and why. Its zero value is a look
// at what is not personal, which needs no reason.
type Reveal struct {
	Reason  string
	Fields  []string // JSON Pointers of hidden places; "" is all of them
	Printed bool     // to go on paper
}

func (r Reveal) nothing() bool { return r.Reason == "" && len(r.Fields) == 0 }

// A SeenMessage is a message as an officer sees it.
type SeenMessage struct {
	Key      MessageKey
	Index    int64
	Versions []Version // bodies and changes without what is hidden
	Hidden   []string  // what is hidden in the last version, or was in an earlier one
	Shown    []string  // what this look has shown
	KeyID    string    // of the key that signed it
	Verifies bool      // the signature verifies with a key that is known now
	Status   string    // of our own messages: pending, dead, or "" when the partner holds it
	Minors   []string  // who of its persons is or may be a minor
	// MinorsBefore are those of them who are so by an earlier message alone.
	MinorsBefore []string
	// Introduced: which other messages tell who its persons are.
	Introduced []Introduction
	Named      map[string]Named // the messages that it answers or rests on, by identifier
	// Stated are the safeguards that it states, of each only what and for whom;
	// Recorded those that were recorded here before it left. Where their papers are
	// is told to whoever sees all of the message, and Papers says that it is not told.
	Stated, Recorded []Safeguard
	Papers           bool
	Corrects         *SeenCorrection // of a correction: what it changes
	// Authors wrote our message, and Approvals released it; nobody when a system
	// sent it without a draft.
	Authors   []string
	Approvals []Approval
	Drafted   bool     // whoever looks may see that draft
	Answers   []Answer // to it, the last first
}

// Last is what the message says now, with all its corrections.
func (m *SeenMessage) Last() Version { return m.Versions[len(m.Versions)-1] }

// Message shows a message to an officer who may see its case.
func (s *Sight) Message(ctx context.Context, by *Officer, key MessageKey, want Reveal) (SeenMessage, error) {
	files := s.cfg.Files
	row, err := files.cfg.Reader.Message(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return SeenMessage{}, problem(ProblemNotFound, "There is no such message.")
	}
	if err != nil {
		return SeenMessage{}, err
	}
	caseKey := CaseKey{row.Partner, row.Case}
	_, until, err := files.door(ctx, by, caseKey)
	if err != nil {
		return SeenMessage{}, err
	}
	versions, err := files.judge.Versions(ctx, key, row.Case)
	if errors.Is(err, ErrErased) {
		return SeenMessage{}, problem(ProblemErased, "The case was erased.")
	}
	if err != nil {
		return SeenMessage{}, err
	}
	last := versions[len(versions)-1]
	about, err := s.about(ctx, row.Type, key.Lane, row.Case, last.Body)
	if err != nil {
		return SeenMessage{}, err
	}
	curtain := curtain{catalogue: s.cfg.Catalogue, messageType: row.Type, about: about}
	curtain.draw("", last.Body)
	for _, v := range versions { // what a correction has taken out can be asked for, too
		curtain.draw("", v.Body)
	}
	out := SeenMessage{Key: key, Index: row.Index, Hidden: curtain.hidden}
	if err := s.shows(ctx, by, want, out.Hidden, Access{Partner: row.Partner, Case: row.Case, What: "message", ID: row.ID, BreakGlass: !until.IsZero()}); err != nil {
		return SeenMessage{}, err
	}
	curtain.open, out.Shown = want.Fields, want.Fields
	for _, v := range versions {
		v.Body, v.Claims.Body, v.Changes = curtain.draw("", v.Body), nil, slices.Clone(v.Changes)
		for i, c := range v.Changes {
			v.Changes[i].Value = curtain.draw(c.Pointer, c.Value)
		}
		out.Versions = append(out.Versions, v)
	}
	out.Stated = statedIn(last.Body)
	if out.Corrects, err = s.corrects(ctx, key.Lane, row.Case, about, last.Body, out.Last().Body, nil); err != nil {
		return SeenMessage{}, err
	}
	if err := s.written(ctx, by, row, &out); err != nil {
		return SeenMessage{}, err
	}
	return out, s.proof(ctx, row, &out)
}

// proof adds what an officer needs to trust a message.
func (s *Sight) proof(ctx context.Context, row Row, out *SeenMessage) error {
	opened, err := s.cfg.Files.cfg.Opener.Open(ctx, row)
	if err != nil {
		return err
	}
	unverified, err := seal.Parse(opened.Data, TypMessage, len(opened.Data))
	if err != nil {
		return fmt.Errorf("read a stored message: %w", err)
	}
	out.KeyID = unverified.KeyID()
	if peer, err := s.cfg.Files.cfg.Directory.Peer(row.Partner); err == nil && row.Direction == In {
		_, err := unverified.Verify(peer.Keys)
		out.Verifies = err == nil
	}
	book, err := s.cfg.Files.cfg.Opener.Book(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		return err
	}
	if note := book.find(row.ID, row.Direction == Out); note != nil {
		out.Status = string(note.Status)
		if out.Introduced, err = s.introduced(ctx, book, CaseKey{row.Partner, row.Case}, note, row.Index); err != nil {
			return err
		}
		out.Named = book.named(row.Partner, note.Reply, note.Target)
		if out.Answers, err = s.answers(ctx, book, row.Partner, note); err != nil {
			return err
		}
		for _, d := range note.Subjects {
			if book.Minor(d.Ref) {
				out.Minors = append(out.Minors, d.Ref)
			}
		}
		out.MinorsBefore = book.minorsBefore(out.Minors)
	}
	return nil
}

// shows records what is about to be shown; it refuses what is not hidden there.
func (s *Sight) shows(ctx context.Context, by *Officer, want Reveal, hidden []string, access Access) error {
	if want.nothing() {
		return nil
	}
	if !by.Has(RoleOfficer, RoleSupervisor, RoleCompliance, RoleSystem) {
		return forbidden("see personal data")
	}
	if len(want.Fields) == 0 {
		return problem(ProblemRequest, "Say which fields are needed.").rule("fields-required")
	}
	for _, f := range want.Fields {
		if f != "" && !slices.Contains(hidden, f) {
			return problem(ProblemRequest, "A field was asked for that is not hidden here.").rule("field-unknown")
		}
	}
	access.Officer, access.Reason, access.Fields, access.Printed = by.ID, want.Reason, want.Fields, want.Printed
	return recordAccess(ctx, s.cfg.Files.cfg.Recorder, access)
}

// A SeenDraft is a draft as an officer sees it. Its digest, which a statement
// names, is there only when nothing is hidden: whoever releases a message has
// read it.
type SeenDraft struct {
	DraftView
	Body   any
	Hidden []string
	Shown  []string
	Minors []string
	// MinorsBefore are those of them who are so by an earlier message alone.
	MinorsBefore []string
	// Assigned are the officers who have its case; nil: every one of the partner.
	Assigned []string
	Erases   bool            // it confirms an erasure, and leaves when that is done
	Able     int             // of one that waits: how many officers could still release it
	Before   *SeenEarlier    // what the officer saw or somebody released before; nil for a first version
	Corrects *SeenCorrection // of a correction: what it changes
	// Introduced: which messages tell who its persons are.
	Introduced []Introduction
	Named      map[string]Named // the messages that it answers or rests on, by identifier
}

// A SeenEarlier is an earlier version of a draft, and what has changed since.
type SeenEarlier struct {
	Earlier
	Body    any
	Changes []Change
	Guards  []GuardChange // of the safeguards beside the body
}

// A GuardChange is a safeguard that was recorded anew, or is not there any more.
type GuardChange struct {
	Kind, Subject string
	Was, Is       *Safeguard // nil: none
	Hidden        bool       // what they say is hidden
}

// changedGuards returns those of a draft's safeguards that were changed.
func changedGuards(was, is []Safeguard) []GuardChange {
	var out []GuardChange
	at := func(s Safeguard) int {
		return slices.IndexFunc(out, func(c GuardChange) bool { return c.Kind == s.Kind && c.Subject == s.Subject && c.Is == nil })
	}
	for _, s := range was {
		if !slices.Contains(is, s) {
			out = append(out, GuardChange{Kind: s.Kind, Subject: s.Subject, Was: &s})
		}
	}
	for _, s := range is {
		if slices.Contains(was, s) {
			continue
		}
		if i := at(s); i >= 0 {
			out[i].Is = &s
		} else {
			out = append(out, GuardChange{Kind: s.Kind, Subject: s.Subject, Is: &s})
		}
	}
	return out
}

// hideGuards leaves of what was changed only what and for whom.
func (e *SeenEarlier) hideGuards() {
	e.Safeguards = bare(e.Safeguards)
	for i := range e.Guards {
		c := &e.Guards[i]
		c.Hidden = true
		for _, s := range []*Safeguard{c.Was, c.Is} {
			if s != nil {
				*s = Safeguard{Kind: s.Kind, Subject: s.Subject}
			}
		}
	}
}

// Draft shows a draft to an officer who may act on it.
func (s *Sight) Draft(ctx context.Context, by *Officer, id string, want Reveal) (SeenDraft, error) {
	desk := s.cfg.Desk
	row, err := desk.find(ctx, by, id, 0)
	if err != nil {
		return SeenDraft{}, err
	}
	view, err := desk.open(ctx, row)
	if errors.Is(err, ErrErased) {
		return SeenDraft{}, problem(ProblemErased, "The case was erased.")
	}
	if err != nil {
		return SeenDraft{}, err
	}
	if row.State == DraftWaiting { // as whoever decides next finds it
		if err := desk.lapse(ctx, &view); err != nil {
			return SeenDraft{}, err
		}
	}
	body, err := schemas.Parse(view.Content.Written(), schemas.DefaultLimits())
	if err != nil {
		return SeenDraft{}, fmt.Errorf("read a draft's body: %w", err)
	}
	about, err := s.about(ctx, row.Type, Lane{row.Partner, Out}, row.Case, body)
	if err != nil {
		return SeenDraft{}, err
	}
	curtain := curtain{catalogue: s.cfg.Catalogue, messageType: row.Type, about: about}
	curtain.draw("", body)
	for _, place := range curtain.taken(body) { // what a change also puts in is hidden already
		if !slices.Contains(curtain.hidden, place) {
			curtain.hidden = append(curtain.hidden, place)
		}
	}
	out := SeenDraft{DraftView: view, Erases: view.ConfirmsErasure(), Hidden: curtain.hidden, Shown: want.Fields, Minors: MinorsOf(body, desk.cfg.Clock())}
	book, err := desk.cfg.Outbox.judge.known(ctx, CaseKey{row.Partner, row.Case}) // empty while the case has drafts only
	if err != nil {
		return SeenDraft{}, err
	}
	out.Assigned = book.Assigned
	if out.Introduced, err = s.introduced(ctx, book, CaseKey{row.Partner, row.Case}, draftedNote(row, view.Content.Draft.InReplyTo, body), math.MaxInt64); err != nil {
		return SeenDraft{}, err
	}
	out.Named = book.named(row.Partner, view.Content.Draft.InReplyTo, said(Claims{Type: row.Type}, body).Target)
	for ref := range subjectsOf(body) {
		if book.Minor(ref) && !slices.Contains(out.Minors, ref) {
			out.Minors = append(out.Minors, ref)
			if book.minorBefore(ref) {
				out.MinorsBefore = append(out.MinorsBefore, ref)
			}
		}
	}
	slices.Sort(out.Minors)
	slices.Sort(out.MinorsBefore)
	if row.State == DraftWaiting {
		if out.Able, err = desk.able(ctx, view, book); err != nil {
			return SeenDraft{}, err
		}
	}
	if err := s.shows(ctx, by, want, out.Hidden, Access{Partner: row.Partner, Case: row.Case, What: "draft", ID: row.ID}); err != nil {
		return SeenDraft{}, err
	}
	curtain.open = want.Fields
	out.Body, out.Content.Draft.Body, out.Content.Given = curtain.draw("", body), nil, nil
	if out.Before, err = s.before(by, view.Content.Earlier, body, curtain); err != nil {
		return SeenDraft{}, err
	}
	if out.Before != nil {
		out.Before.Guards = changedGuards(out.Before.Safeguards, out.Content.Safeguards)
	}
	var open []string // whoever signs a change has read what it replaces
	if slices.Contains(want.Fields, "") {
		open = want.Fields
	}
	if out.Corrects, err = s.corrects(ctx, Lane{row.Partner, Out}, row.Case, about, body, out.Body, open); err != nil {
		return SeenDraft{}, err
	}
	out.Content.Authors, out.Content.Earlier = view.Authors(), nil
	if len(out.Hidden) > 0 && !slices.Contains(out.Shown, "") {
		out.SHA256, out.Content.Safeguards = "", bare(out.Content.Safeguards)
		if out.Before != nil {
			out.Before.hideGuards()
		}
	}
	return out, nil
}

// before compares a draft with the version that an officer has released, or else
// with the one that somebody has, or with the last. What is hidden now is hidden
// there too.
func (s *Sight) before(by *Officer, earlier []Earlier, body any, curtain curtain) (*SeenEarlier, error) {
	if len(earlier) == 0 {
		return nil, nil
	}
	released := func(own bool) int {
		return slices.IndexFunc(earlier, func(e Earlier) bool {
			return slices.ContainsFunc(e.Approvals, func(a Approval) bool { return !own || a.Officer == by.ID })
		})
	}
	i := released(true)
	if i < 0 {
		i = max(released(false), 0)
	}
	was, err := schemas.Parse(written(earlier[i].Given, earlier[i].Draft), schemas.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("read an earlier version of a draft: %w", err)
	}
	if member(was, "target") != member(body, "target") { // it corrected something else, by whose schema nobody has looked
		curtain.about = ""
	}
	out := &SeenEarlier{Earlier: earlier[i], Changes: differences(was, body)}
	for i := range out.Changes {
		out.Changes[i].Value = nil
	}
	out.Body, out.Draft.Body, out.Given = curtain.draw("", was), nil, nil
	return out, nil
}

// bare leaves of recorded safeguards only that they are there.
func bare(recorded []Safeguard) []Safeguard {
	out := make([]Safeguard, len(recorded))
	for i, s := range recorded {
		out[i] = Safeguard{Kind: s.Kind, Subject: s.Subject}
	}
	return out
}

// Minors returns who of a case is or may be a minor, and who of them is so by an earlier
// message alone: what was said of them last does not say so.
func (s *Sight) Minors(ctx context.Context, by *Officer, key CaseKey) (minors, before []string, err error) {
	book, err := s.cfg.Files.book(ctx, by, key)
	if err != nil {
		return nil, nil, err
	}
	minors = slices.DeleteFunc(book.read(book.Opened()).refs(), func(ref string) bool { return !book.Minor(ref) })
	return minors, book.minorsBefore(minors), nil
}

// A curtain hides what is personal in a body, by its schema: the outermost
// personal field, with all that is in it. What no schema knows is hidden too. The
// schema of a correction calls every value personal; that of what it corrects says
// which are.
type curtain struct {
	catalogue   *schemas.Catalogue
	messageType string
	about       string   // of a correction: the type of what it corrects; "" is not known
	open        []string // pointers that are shown; "" for all
	hidden      []string // those that were hidden
}

func (c *curtain) draw(pointer string, v any) any {
	if pointer != "" && !slices.Contains(c.open, "") {
		if c.personal(pointer) {
			for _, open := range c.open {
				if pointer == open || strings.HasPrefix(pointer, open+"/") {
					return v
				}
			}
			if !slices.Contains(c.hidden, pointer) {
				c.hidden = append(c.hidden, pointer)
			}
			return Hidden{}
		}
	}
	switch v := v.(type) {
	case map[string]any:
		if c.about != "" && path.Dir(pointer) == "/changes" && !c.touches(v) {
			return v
		}
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[name] = c.draw(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = c.draw(pointer+"/"+strconv.Itoa(i), value)
		}
		return out
	}
	return v
}

// touches says whether a change puts something personal into what it corrects.
func (c *curtain) touches(change map[string]any) bool {
	pointer, _ := change["pointer"].(string)
	of := curtain{catalogue: c.catalogue, messageType: c.about}
	of.draw(pointer, change["value"])
	return pointer == "" || len(of.hidden) > 0
}

// taken returns the changes of a correction that take something personal away: it
// is not in the body, and whoever releases the correction reads it too.
func (c *curtain) taken(body any) []string {
	if c.about == "" {
		return nil
	}
	var out []string
	of := curtain{catalogue: c.catalogue, messageType: c.about}
	for i, change := range changesOf(body) {
		if change.Op != "add" && (of.personal(change.Pointer) || of.holds(change.Pointer)) {
			out = append(out, "/changes/"+strconv.Itoa(i)+"/value")
		}
	}
	return out
}

// holds says whether anything personal may be in a place.
func (c *curtain) holds(pointer string) bool {
	tokens := strings.Split(pointer, "/")
	return slices.ContainsFunc(c.catalogue.Fields(c.messageType), func(f schemas.Field) bool {
		below := strings.Split(f.Pointer, "/")
		return f.Personal != "" && len(below) > len(tokens) && slices.EqualFunc(tokens, below[:len(tokens)], func(token, field string) bool {
			_, err := strconv.Atoi(token)
			return token == field || err == nil && field == "*"
		})
	})
}

// personal says whether a place is personal, or is in nobody's schema. An
// element of an array is as personal as the array: the schema describes what
// is in it.
func (c *curtain) personal(pointer string) bool {
	cut := strings.LastIndexByte(pointer, '/')
	last := pointer[cut+1:]
	if _, err := strconv.Atoi(last); err == nil || last == "-" {
		pointer = pointer[:cut]
	}
	field, known := c.catalogue.Field(c.messageType, pointer)
	return !known || field.Personal != ""
}
