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
// for have released them. Every step and its entry of the record are one
// transaction.
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
	// Of an outline: somebody in it is or may be a minor, and it calls itself urgent.
	Minor, Urgent bool
	erasedTo      int64 // of its case, as it was read
}

// Submit takes a draft. It is judged as the partner will judge it; what may not
// be said is refused at once. The view says whether it has left already.
func (d *Desk) Submit(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard) (DraftView, error) {
	return d.submit(ctx, by, draft, safeguards, "", nil)
}

// SubmitFrom takes a draft that was written from another one, which has ended: whoever has
// written that has written this, too.
func (d *Desk) SubmitFrom(ctx context.Context, by *Officer, from string, draft Draft, safeguards []Safeguard) (DraftView, error) {
	row, err := d.find(ctx, by, from, 0)
	if err != nil {
		return DraftView{}, err
	}
	ended, err := d.open(ctx, row)
	if errors.Is(err, ErrErased) { // what it said is gone, and who else had written it
		ended, err = DraftView{Row: row}, nil
	}
	if err != nil {
		return DraftView{}, err
	}
	return d.submit(ctx, by, draft, safeguards, "", ended.Authors())
}

// SubmitInstead takes a draft that says again what another one said that was
// rejected. That one stays rejected for good; it waits for nobody any more.
func (d *Desk) SubmitInstead(ctx context.Context, by *Officer, rejected string, draft Draft, safeguards []Safeguard) (DraftView, error) {
	row, err := d.find(ctx, by, rejected, 0, DraftRejected)
	if err != nil {
		return DraftView{}, err
	}
	draft.To, draft.Case, draft.Type = row.Partner, row.Case, row.Type
	return d.submit(ctx, by, draft, safeguards, rejected, nil)
}

// saidAgain notes with a rejected draft which one says it again, before that is there:
// of two at the same moment one is told, or the partner would be told twice. It returns
// who has written the rejected one, who are authors of what says it again, too.
func (d *Desk) saidAgain(ctx context.Context, by *Officer, rejected, again string) ([]string, error) {
	row, err := d.find(ctx, by, rejected, 0, DraftRejected)
	if err != nil {
		return nil, err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return nil, err
	}
	switch view.Content.Again {
	case "":
	case again: // tried anew
		return view.Authors(), nil
	default:
		return nil, problem(ProblemDraftState, "The draft was written again already; change that one.").rule("draft-again")
	}
	view.Content.Again = again
	_, err = d.store(ctx, row, view.Content)
	return view.Authors(), err
}

func (d *Desk) submit(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard, instead string, authors []string) (DraftView, error) {
	c, err := d.cfg.Opener.store.Case(ctx, CaseKey{draft.To, draft.Case}) // before anything of it is read
	if err != nil && !errors.Is(err, ErrNotFound) {
		return DraftView{}, fmt.Errorf("find the case of a draft: %w", err)
	}
	content, refused := d.prepare(ctx, by, draft, safeguards)
	if refused != nil {
		return DraftView{}, refused
	}
	if content.Instead = instead; instead != "" {
		if authors, err = d.saidAgain(ctx, by, instead, content.Draft.ID); err != nil {
			return DraftView{}, err
		}
	}
	content.Authors = authors
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
	view, err := d.put(ctx, by, DraftView{Row: row, Content: content, erasedTo: c.ErasedTo}, draftSubmitted)
	if AsProblem(err).Kind != ProblemDraftVersion {
		return view, err
	}
	earlier, unread := d.cfg.Store.Draft(ctx, row.ID) // by another press, a moment ago
	if unread != nil {
		return DraftView{}, unread
	}
	return d.again(ctx, earlier, content)
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
	content.Earlier, content.Authors, content.Persons = before.earlier(), before.Authors(), before.Persons()
	row.Author = by.ID
	return d.put(ctx, by, DraftView{Row: row, Content: content, erasedTo: before.erasedTo}, draftAmended)
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
	_, err = d.takeBack(ctx, view, by.ID, reason)
	return err
}

func (d *Desk) takeBack(ctx context.Context, view DraftView, by, reason string) (DraftView, error) {
	view.Row.State, view.Content.Discarded = DraftDiscarded, by
	return d.step(ctx, draftDiscarded, struct {
		By     string `json:"by"`
		Reason string `json:"reason,omitempty"`
	}{by, reason}, view)
}

// prepare judges a draft and says what it still needs. What is refused is in the
// record.
func (d *Desk) prepare(ctx context.Context, by *Officer, draft Draft, safeguards []Safeguard) (DraftContent, error) {
	content, err := d.Preview(ctx, by, draft, safeguards)
	if content.Officers == 0 && len(content.Missing) == 0 { // it leaves as its writer has seen it
		content.Draft.Seen = draft.Seen
	}
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
func (d *Desk) put(ctx context.Context, by *Officer, view DraftView, event string) (DraftView, error) {
	row, content := &view.Row, &view.Content
	switch {
	case len(content.Missing) > 0:
		row.State = DraftHeld
	case content.Officers > 0:
		row.State = DraftWaiting
	default:
		row.State = DraftReleasing
	}
	content.Edition, content.WrittenAt = row.Version+1, d.cfg.Clock().UTC()
	view, err := d.step(ctx, event, struct {
		By         string      `json:"by"`
		SHA256     string      `json:"sha256"`
		State      DraftState  `json:"state"`
		Missing    []Missing   `json:"missing,omitempty"`
		Safeguards []Safeguard `json:"safeguards,omitempty"`
		Instead    string      `json:"instead,omitempty"`
		Authors    []string    `json:"authors,omitempty"` // of what was written before
	}{by.ID, content.Draft.digest(), row.State, content.Missing, content.Safeguards, content.Instead, content.Authors}, view)
	if err != nil || view.Row.State != DraftReleasing {
		return view, err
	}
	return d.release(ctx, view)
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
		return DraftRow{}, movedOn(row.Version)
	}
	return row, nil
}

func movedOn(version int64) *Problem {
	return problem(ProblemDraftVersion, "The draft has version %d now; read it again.", version).rule("draft-version")
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

// A draftWrite puts a draft's next version in the place of the one that it was made from,
// in the transaction of the entry that says so.
type draftWrite struct {
	row      DraftRow
	data     []byte // its content, which is sealed then
	erasedTo int64  // what was erased of its case when that was read
}

// next is the next version of a draft.
func (d *Desk) next(view DraftView) (*draftWrite, error) {
	data, err := json.Marshal(view.Content)
	if err != nil {
		return nil, fmt.Errorf("write a draft: %w", err)
	}
	w := &draftWrite{view.Row, data, view.erasedTo}
	w.row.Version, w.row.ChangedAt = view.Row.Version+1, d.cfg.Clock()
	return w, nil
}

// redraft seals a draft's next version; it refuses one that was made from a version that
// does not stand there any more, or from what was erased meanwhile: it would live on under
// the new key.
func (b *building) redraft(c *openCase, w *draftWrite) error {
	if stands := b.view.Drafts[w.row.ID]; stands != w.row.Version-1 {
		return movedOn(stands)
	}
	if c.row.ErasedTo != w.erasedTo {
		return problem(ProblemErased, "The case was erased meanwhile.")
	}
	var err error
	if w.row.Content, err = c.key.Seal(w.data, draftAAD(w.row)); err != nil {
		return fmt.Errorf("seal a draft: %w", err)
	}
	return nil
}

// step records what is done to a draft, and what it is from then on.
func (d *Desk) step(ctx context.Context, event string, said any, view DraftView) (DraftView, error) {
	w, err := d.next(view)
	if err != nil {
		return DraftView{}, err
	}
	row := view.Row
	if err := recordEvent(ctx, d.cfg.Recorder, Entry{Type: event, Partner: row.Partner, Case: row.Case, ID: row.ID, draft: w}, said); err != nil {
		return DraftView{}, err
	}
	return DraftView{Row: w.row, Content: view.Content, SHA256: view.Content.Draft.digest(), erasedTo: view.erasedTo}, nil
}

// store keeps what a draft has become where the record has said so already.
func (d *Desk) store(ctx context.Context, row DraftRow, content DraftContent) (DraftView, error) {
	w, err := d.next(DraftView{Row: row, Content: content})
	if err != nil {
		return DraftView{}, err
	}
	c, err := d.cfg.Opener.store.Case(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		return DraftView{}, fmt.Errorf("find the case of a draft: %w", err)
	}
	key, err := d.cfg.Opener.unwrap(ctx, c)
	if err != nil {
		return DraftView{}, err
	}
	if w.row.Content, err = key.Seal(w.data, draftAAD(w.row)); err != nil {
		return DraftView{}, fmt.Errorf("seal a draft: %w", err)
	}
	err = d.cfg.Store.PutDraft(ctx, w.row)
	if errors.Is(err, ErrConflict) {
		return DraftView{}, problem(ProblemDraftVersion, "Somebody else changed the draft at the same moment; read it again.").rule("draft-version")
	}
	return DraftView{Row: w.row, Content: content, SHA256: content.Draft.digest(), erasedTo: c.ErasedTo}, err
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
	return DraftView{Row: row, Content: content, SHA256: content.Draft.digest(), erasedTo: c.ErasedTo}, err
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
