package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// DeskConfig wires a Desk. Everything is required.
type DeskConfig struct {
	Self     string
	Outbox   *Outbox
	Roster   *Roster
	Store    DraftStore
	Reader   EntryReader
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
	Logger   *slog.Logger
}

// A Desk is where messages wait before they leave: until the safeguards that
// the agreement asks for are recorded, and until as many officers as it asks
// for have released them. Every step is an entry of the record before it
// counts.
type Desk struct{ cfg DeskConfig }

// NewDesk returns a desk; it refuses a missing part.
func NewDesk(cfg DeskConfig) (*Desk, error) {
	if cfg.Self == "" || cfg.Outbox == nil || cfg.Roster == nil || cfg.Store == nil || cfg.Reader == nil || cfg.Recorder == nil ||
		cfg.Opener == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("desk: a required part is missing")
	}
	return &Desk{cfg}, nil
}

// The events of a draft: what says it, what ends it, and what an officer decides.
const (
	draftSubmitted = "draft_submitted"
	draftAmended   = "draft_amended"
	draftDiscarded = "draft_discarded"
	draftDecided   = "draft_" // and the decision
)

// endsDraft says whether an entry ends a draft.
func endsDraft(kind Kind, event string) bool {
	return kind == KindEvent && (event == draftDiscarded || event == draftDecided+DecisionReject)
}

// A DraftView is a draft with its content in clear.
type DraftView struct {
	Row     DraftRow
	Content DraftContent
	SHA256  string // what a statement about this version names
}

// Submit takes a draft. It is judged as the partner will judge it; what may not
// be said is refused at once. The view says whether it has left already.
func (d *Desk) Submit(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard) (DraftView, error) {
	return d.submit(ctx, by, draft, safeguards, "")
}

// SubmitInstead takes a draft that says again what another one said that was
// rejected. That one stays rejected for good; it waits for nobody any more.
func (d *Desk) SubmitInstead(ctx context.Context, by *Officer, rejected string, draft Draft, safeguards []Safeguard) (DraftView, error) {
	row, err := d.find(ctx, by, rejected, 0, DraftRejected)
	if err != nil {
		return DraftView{}, err
	}
	draft.To, draft.Case, draft.Type = row.Partner, row.Case, row.Type
	return d.submit(ctx, by, draft, safeguards, rejected)
}

// saidAgain notes with a rejected draft which one says it again, before that is there:
// of two at the same moment one is told, or the partner would be told twice.
func (d *Desk) saidAgain(ctx context.Context, by *Officer, rejected, again string) error {
	row, err := d.find(ctx, by, rejected, 0, DraftRejected)
	if err != nil {
		return err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return err
	}
	switch view.Content.Again {
	case "":
	case again: // tried anew
		return nil
	default:
		return problem(ProblemDraftState, "The draft was written again already; change that one.").rule("draft-again")
	}
	view.Content.Again = again
	_, err = d.store(ctx, row, view.Content)
	return err
}

func (d *Desk) submit(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard, instead string) (DraftView, error) {
	content, refused := d.prepare(ctx, by, draft, safeguards)
	if refused != nil {
		return DraftView{}, refused
	}
	if content.Instead = instead; instead != "" {
		if err := d.saidAgain(ctx, by, instead, content.Draft.ID); err != nil {
			return DraftView{}, err
		}
	}
	now := d.cfg.Clock()
	row := DraftRow{
		ID: content.Draft.ID, Partner: content.Draft.To, Case: content.Draft.Case, Type: content.Draft.Type,
		Author: by.ID, CreatedAt: now,
	}
	if earlier, err := d.cfg.Store.Draft(ctx, row.ID); err == nil {
		return d.again(ctx, earlier, content)
	} else if !errors.Is(err, ErrNotFound) {
		return DraftView{}, err
	}
	return d.put(ctx, by, row, content, draftSubmitted)
}

// again answers a second submission under one identifier as the first one was.
func (d *Desk) again(ctx context.Context, row DraftRow, content DraftContent) (DraftView, error) {
	view, err := d.open(ctx, row)
	if err != nil {
		return DraftView{}, err
	}
	draft := content.Draft
	draft.Case = view.Content.Draft.Case // it may have been left to us
	if draft.digest() != view.SHA256 {
		return DraftView{}, reusedID()
	}
	return view, nil
}

// Amend replaces a draft that has not left. Approvals of the version before do
// not count for the new one.
func (d *Desk) Amend(ctx context.Context, by *Officer, id string, version int64, draft Draft, safeguards []Safeguard) (DraftView, error) {
	row, err := d.find(ctx, by, id, version, DraftHeld, DraftWaiting)
	if err != nil {
		return DraftView{}, err
	}
	before, err := d.open(ctx, row)
	if err != nil {
		return DraftView{}, err
	}
	draft.ID, draft.To, draft.Case, draft.Type = row.ID, row.Partner, row.Case, row.Type
	content, refused := d.prepare(ctx, by, draft, safeguards)
	if refused != nil {
		return DraftView{}, refused
	}
	content.Earlier, content.Authors = before.earlier(), before.Authors()
	row.Author = by.ID
	return d.put(ctx, by, row, content, draftAmended)
}

// Decide takes an officer's signed statement about a draft: release or reject.
// A system is no person and decides nothing.
func (d *Desk) Decide(ctx context.Context, by *Officer, id string, signed []byte) (DraftView, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) {
		return DraftView{}, forbidden("release or reject messages")
	}
	statement, invalid := openStatement(by, d.cfg.Self, signed, d.cfg.Clock())
	if invalid != nil {
		return DraftView{}, d.attempt(ctx, by, id, signed, invalid)
	}
	row, err := d.find(ctx, by, id, statement.Version, DraftWaiting)
	if err != nil {
		return DraftView{}, err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return DraftView{}, err
	}
	if err := d.lapse(ctx, &view); err != nil {
		return DraftView{}, err
	}
	if refused := mayDecide(by, view, statement); refused != nil {
		return DraftView{}, d.attempt(ctx, by, id, signed, refused)
	}
	approval := Approval{by.ID, d.cfg.Clock().UTC(), string(signed)}
	event := Entry{Type: draftDecided + statement.Decision, Partner: row.Partner, Case: row.Case, ID: row.ID}
	if err := recordEvent(ctx, d.cfg.Recorder, event, approval); err != nil {
		return DraftView{}, err
	}
	if statement.Decision == DecisionReject {
		row.State, view.Content.Rejected = DraftRejected, &approval
		return d.store(ctx, row, view.Content)
	}
	view.Content.Approvals = append(view.Content.Approvals, approval)
	if len(view.Content.Approvals) >= view.Content.Officers {
		row.State = DraftReleasing
	}
	view, err = d.store(ctx, row, view.Content)
	if err != nil || view.Row.State != DraftReleasing {
		return view, err
	}
	return d.release(ctx, view)
}

// lapse puts the approvals aside that do not count any more: the draft waits for others
// in their place, and is not lost.
func (d *Desk) lapse(ctx context.Context, view *DraftView) error {
	var stand []Approval
	for _, a := range view.Content.Approvals {
		officer, err := d.cfg.Roster.Officer(ctx, a.Officer)
		switch {
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		case err == nil && officer.releases(view.Row) && approves(officer, a, view.Row.ID, view.SHA256):
			stand = append(stand, a)
		default:
			view.Content.Lapsed = append(view.Content.Lapsed, a)
		}
	}
	view.Content.Approvals = stand
	return nil
}

// able counts the officers who could still release a draft of a case, whose book
// is empty where there is none yet: one that needs more of them than there are
// waits for ever.
func (d *Desk) able(ctx context.Context, view DraftView, book *Book) (int, error) {
	all, err := d.cfg.Roster.All(ctx)
	if err != nil {
		return 0, err
	}
	n, another := 0, view.byAnother()
	for _, o := range all {
		sees := o.Sees(view.Row.Partner, book.about()) && (o.Has(RoleSupervisor) || o.has(book.Assigned))
		if sees && o.Status == OfficerActive && o.releases(view.Row) &&
			mayDecide(&o, view, Statement{Draft: view.Row.ID, SHA256: view.SHA256, Decision: DecisionRelease}) == nil {
			n++
			another = another || !slices.Contains(view.Authors(), o.ID)
		}
	}
	if !another { // those who have written it do not let it out among themselves
		n = min(n, view.Content.Officers-len(view.Content.Approvals)-1)
	}
	return n, nil
}

// releases says whether an officer may release such a draft at all.
func (o *Officer) releases(row DraftRow) bool {
	return o.Has(RoleOfficer, RoleSupervisor) && o.Sees(row.Partner, conversationOf(row.Type))
}

// attempt records that a decision did not count, and why. It returns the refusal.
func (d *Desk) attempt(ctx context.Context, by *Officer, id string, signed []byte, refused *Problem) error {
	row, err := d.find(ctx, by, id, 0)
	if err != nil {
		return err // what is refused is a draft that the officer may know of
	}
	return d.cfg.Outbox.refused(ctx, Draft{ID: row.ID, To: row.Partner, Type: row.Type, Body: signed}, refused)
}

// mayDecide checks that a statement is about what stands here, by somebody who
// may make it.
func mayDecide(by *Officer, view DraftView, s Statement) *Problem {
	refuse := func(rule, detail string) *Problem { return problem(ProblemApproval, "%s", detail).rule(rule) }
	switch {
	case s.Draft != view.Row.ID || s.SHA256 != view.SHA256:
		return refuse("approval-draft", "The statement is about another draft or another content than stands here.")
	case s.Decision == DecisionReject && !GoodReason(s.Reason):
		return refuse("approval-reason", "A rejection says why, in 5 to 1000 characters that can be read.")
	case s.Decision == DecisionReject:
		return nil
	case slices.ContainsFunc(view.Content.Approvals, func(a Approval) bool { return a.Officer == by.ID }):
		return refuse("approval-twice", "This officer has released this version already; another one has to.")
	case view.Own(by.ID):
		return refuse("approval-own", "Nobody releases a draft of their own; another officer has to.")
	}
	return nil
}

// Discard takes a draft back, also one that all have released and that has not
// been signed yet: the partner is suspended, or the record could not be written.
// Of a rejected one it says that nobody will write it again. Nobody has to say why.
func (d *Desk) Discard(ctx context.Context, by *Officer, id string, version int64, reason string) error {
	if reason != "" {
		if err := checkReason(reason); err != nil {
			return err
		}
	}
	row, err := d.find(ctx, by, id, version, DraftHeld, DraftWaiting, DraftReleasing, DraftRejected)
	if err != nil {
		return err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return err
	}
	event := Entry{Type: draftDiscarded, Partner: row.Partner, Case: row.Case, ID: row.ID}
	if err := recordEvent(ctx, d.cfg.Recorder, event, struct {
		By     string `json:"by"`
		Reason string `json:"reason,omitempty"`
	}{by.ID, reason}); err != nil {
		return err
	}
	row.State, view.Content.Discarded = DraftDiscarded, by.ID
	_, err = d.store(ctx, row, view.Content)
	return err
}

// Sweep releases what all officers have released and a crash kept here. It
// returns how many left.
func (d *Desk) Sweep(ctx context.Context) (int, error) {
	rows, err := d.cfg.Store.Drafts(ctx, DraftFilter{State: DraftReleasing, Limit: 100})
	if err != nil {
		return 0, err
	}
	done := 0
	var failed []error
	for _, row := range rows {
		view, err := d.open(ctx, row)
		switch {
		case err == nil:
			view, err = d.release(ctx, view)
		case errors.Is(err, ErrErased):
			err = d.confirm(ctx, row)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("draft %s: %w", row.ID, err))
		} else if view.Row.State == DraftReleased {
			done++
		}
	}
	return done, errors.Join(failed...)
}

// prepare judges a draft and says what it still needs. What is refused is in the
// record.
func (d *Desk) prepare(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard) (DraftContent, error) {
	content, err := d.Preview(ctx, by, draft, safeguards)
	if p := AsProblem(err); err != nil && p.Kind != ProblemForbidden && p.Kind != ProblemDraft {
		err = d.cfg.Outbox.refused(ctx, draft, err)
	}
	return content, err
}

// Preview says what would become of a draft that an officer is still writing: it
// is judged as Submit would judge it, and nothing is kept.
func (d *Desk) Preview(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard) (DraftContent, error) {
	if !by.Has(RoleOfficer, RoleSupervisor, RoleSystem) || !by.Sees(draft.To, conversationOf(draft.Type)) {
		return DraftContent{}, forbidden("draft this message to this partner")
	}
	for _, s := range safeguards {
		if refused := s.Check(d.cfg.Clock()); refused != nil {
			return DraftContent{}, refused
		}
	}
	// A case that is hidden is judged as one that is not there.
	hidden, err := d.cfg.Opener.hides(ctx, by, CaseKey{draft.To, draft.Case})
	if err != nil {
		return DraftContent{}, err
	}
	if hidden {
		draft.Case = NewID()
	}
	r, err := d.cfg.Outbox.Review(ctx, draft)
	if err == nil && !hidden { // what was sent before is of the case that it was sent in
		hidden, err = d.cfg.Opener.hides(ctx, by, CaseKey{r.Draft.To, r.Draft.Case})
	}
	if err != nil {
		return DraftContent{}, err
	}
	if hidden {
		return DraftContent{}, problem(ProblemNotFound, "There is no such case.")
	}
	var given json.RawMessage
	if len(r.Withheld) > 0 {
		given = draft.Body
	}
	return DraftContent{
		Draft: r.Draft, Given: given, Withheld: r.Withheld, Safeguards: safeguards, Officers: r.Officers,
		Missing: r.lacks(safeguards, d.cfg.Clock()), Named: r.book.named(r.Draft.To, r.Draft.InReplyTo, r.said.Target),
	}, nil
}

// put stores a new version, and lets it go when nothing keeps it.
func (d *Desk) put(ctx context.Context, by *Officer, row DraftRow, content DraftContent, event string) (DraftView, error) {
	switch {
	case len(content.Missing) > 0:
		row.State = DraftHeld
	case content.Officers > 0:
		row.State = DraftWaiting
	default:
		row.State = DraftReleasing
	}
	err := recordEvent(ctx, d.cfg.Recorder, Entry{Type: event, Partner: row.Partner, Case: row.Case, ID: row.ID}, struct {
		By         string      `json:"by"`
		SHA256     string      `json:"sha256"`
		State      DraftState  `json:"state"`
		Missing    []Missing   `json:"missing,omitempty"`
		Safeguards []Safeguard `json:"safeguards,omitempty"`
		Instead    string      `json:"instead,omitempty"`
	}{by.ID, content.Draft.digest(), row.State, content.Missing, content.Safeguards, content.Instead})
	if err != nil {
		return DraftView{}, err
	}
	content.Edition, content.WrittenAt = row.Version+1, d.cfg.Clock().UTC()
	view, err := d.store(ctx, row, content)
	if err != nil || view.Row.State != DraftReleasing {
		return view, err
	}
	return d.release(ctx, view)
}

// release signs a draft and records it as a message. It can be done again: the
// draft's identifier is the message's. What confirms an erasure waits for that.
func (d *Desk) release(ctx context.Context, view DraftView) (DraftView, error) {
	waits, err := d.awaitsErasure(ctx, view)
	if err != nil || waits {
		return view, err
	}
	var p *Problem
	err = d.proved(ctx, view)
	if errors.As(err, &p) {
		if err := d.lapse(ctx, &view); err != nil {
			return view, err
		}
		if len(view.Content.Approvals) < view.Content.Officers {
			view.Row.State = DraftWaiting // while it waited for its partner, an officer was suspended
			return d.store(ctx, view.Row, view.Content)
		}
	}
	if err == nil {
		err = d.cfg.Outbox.release(ctx, view.Content.Draft)
	}
	switch {
	case err == nil:
		view.Row.State = DraftReleased
	case errors.As(err, &p) && !p.Kind.Retry:
		if err = d.cfg.Outbox.refused(ctx, view.Content.Draft, err); !errors.As(err, &p) {
			return view, err // it could not be recorded: Sweep tries again
		}
		view.Row.State, view.Content.Refused = DraftRefused, p.Error()
	default:
		return view, err // Sweep tries again
	}
	stored, storeErr := d.store(ctx, view.Row, view.Content)
	if storeErr != nil {
		// Sweep, here or in another process, may have come to the same end at the
		// same moment.
		if row, readErr := d.cfg.Store.Draft(ctx, view.Row.ID); readErr == nil && row.State == view.Row.State {
			stored, storeErr = d.open(ctx, row)
		}
	}
	if err != nil {
		return stored, err
	}
	return stored, storeErr
}

// proved checks that the record bears out what the table of drafts says: this
// very content was submitted last, nobody has rejected or discarded it, and as
// many different officers as it needs have signed for it, each of whom may still
// act. Whoever can change the table cannot make a message leave, and neither can
// an officer who was suspended meanwhile.
func (d *Desk) proved(ctx context.Context, view DraftView) error {
	unproved := problem(ProblemDraftState, "The record does not bear out that this draft may leave: it needs the approvals of %d officers who may act now.", view.Content.Officers).rule("draft-unproved")
	if len(view.Content.Missing) > 0 {
		return unproved
	}
	h, err := d.history(ctx, CaseKey{view.Row.Partner, view.Row.Case}, view.Row.ID)
	if err != nil {
		return err
	}
	officers := map[string]bool{}
	for _, a := range h.approvals {
		if view.Content.Officers < 2 && slices.Contains(h.authors, a.Officer) {
			continue // nobody's own
		}
		officer, err := d.cfg.Roster.Officer(ctx, a.Officer)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && officer.releases(view.Row) && approves(officer, a, view.Row.ID, h.digest) {
			officers[a.Officer] = true
		}
	}
	if h.digest != view.SHA256 || h.ended || len(officers) < view.Content.Officers {
		return unproved
	}
	return nil
}

// find returns a draft that an officer may act on: in one of the states, and of
// the version that the officer saw (0 for any).
func (d *Desk) find(ctx context.Context, by *Officer, id string, version int64, states ...DraftState) (DraftRow, error) {
	row, err := d.cfg.Store.Draft(ctx, id)
	if err == nil {
		err = d.visible(ctx, by, row)
	}
	if errors.Is(err, ErrNotFound) {
		return DraftRow{}, problem(ProblemNotFound, "There is no such draft.")
	}
	switch {
	case err != nil:
		return DraftRow{}, err
	case !by.Has(RoleOfficer, RoleSupervisor, RoleSystem):
		return DraftRow{}, forbidden("act on drafts")
	case len(states) > 0 && !slices.Contains(states, row.State):
		return DraftRow{}, problem(ProblemDraftState, "The draft is %s.", row.State).rule("draft-" + string(row.State))
	case version != 0 && row.Version != version:
		return DraftRow{}, problem(ProblemDraftVersion, "The draft has version %d now; read it again.", row.Version).rule("draft-version")
	}
	return row, nil
}

// visible returns ErrNotFound for a draft that an officer may not know of.
func (d *Desk) visible(ctx context.Context, by *Officer, row DraftRow) error {
	if _, err := d.cfg.Opener.writes(ctx, by, CaseKey{row.Partner, row.Case}); err != nil {
		return err
	}
	if !by.Sees(row.Partner, conversationOf(row.Type)) {
		return ErrNotFound
	}
	return nil
}

// store seals and stores the next version of a draft.
func (d *Desk) store(ctx context.Context, row DraftRow, content DraftContent) (DraftView, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return DraftView{}, fmt.Errorf("write a draft: %w", err)
	}
	row.Version++
	row.ChangedAt = d.cfg.Clock()
	key, err := d.cfg.Opener.dataKey(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		return DraftView{}, err
	}
	if row.Content, err = key.Seal(data, draftAAD(row)); err != nil {
		return DraftView{}, fmt.Errorf("seal a draft: %w", err)
	}
	err = d.cfg.Store.PutDraft(ctx, row)
	if errors.Is(err, ErrConflict) {
		return DraftView{}, problem(ProblemDraftVersion, "Somebody else changed the draft at the same moment; read it again.").rule("draft-version")
	}
	return DraftView{row, content, content.Draft.digest()}, err
}

func (d *Desk) open(ctx context.Context, row DraftRow) (DraftView, error) {
	c, err := d.cfg.Opener.store.Case(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		return DraftView{}, fmt.Errorf("find the case of a draft: %w", err)
	}
	key, err := d.cfg.Opener.unwrap(ctx, c)
	if err != nil {
		return DraftView{}, err
	}
	data, err := key.Open(row.Content, draftAAD(row))
	if err != nil && c.ErasedTo > 0 { // it was sealed before
		return DraftView{}, fmt.Errorf("draft %s: %w", row.ID, ErrErased)
	}
	if err != nil {
		return DraftView{}, fmt.Errorf("open a draft: %w", err)
	}
	content, err := readContent(data)
	return DraftView{row, content, content.Draft.digest()}, err
}

// conversationOf returns the conversation that a type belongs to, "" for those
// that belong to every one.
func conversationOf(messageType string) Conversation {
	for _, r := range rulesOf(messageType) {
		return r.Kind
	}
	return ""
}

func forbidden(what string) *Problem {
	return problem(ProblemForbidden, "Whoever asks may not %s.", what)
}
