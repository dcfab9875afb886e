package exchange

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A FormRow is an unfinished form as the store keeps it.
type FormRow struct {
	Officer   string
	ID        string // the jti of the message that it will become
	Partner   string
	Case      string // "" until there is one
	Type      string
	Version   int64 // rises with every change; a change names the one it saw
	ChangedAt time.Time
	Content   []byte // sealed: a Form
}

// A FormStore keeps unfinished forms.
type FormStore interface {
	// PutForm adds a form (version 1), or replaces the version before; an error
	// that is ErrConflict when another version stands there.
	PutForm(ctx context.Context, f FormRow) error
	// Form returns one; ErrNotFound.
	Form(ctx context.Context, officer, id string) (FormRow, error)
	// FormsOf returns those of an officer, the last changed first.
	FormsOf(ctx context.Context, officer string) ([]FormRow, error)
	// FormsIn returns those of all officers in one case, likewise.
	FormsIn(ctx context.Context, key CaseKey) ([]FormRow, error)
	// DropForm removes one; it is no error when there is none.
	DropForm(ctx context.Context, officer, id string) error
	// DropForms removes those that were last changed before a time.
	DropForms(ctx context.Context, before time.Time) error
}

// A Form is a message that an officer has begun to write: what was typed, as it
// was typed, so that nothing is lost that is not right yet.
type Form struct {
	ID      string `json:"-"`
	Partner string `json:"-"`
	Case    string `json:"-"`
	Type    string `json:"-"`
	// Amends is the version of the waiting draft that the form changes; 0 for a
	// message that is not a draft yet.
	Amends int64 `json:"amends,omitempty"`
	// Instead is the rejected draft that the form says again.
	Instead string `json:"instead,omitempty"`
	// From is a draft that has ended and whose words the form began with: whoever has
	// written that has written this.
	From   string              `json:"from,omitempty"`
	Values map[string][]string `json:"values"`
	// Unattended: it was kept for an officer whose session had ended.
	Unattended bool      `json:"unattended,omitempty"`
	Version    int64     `json:"-"`
	ChangedAt  time.Time `json:"-"`

	shown shown // of the message that it corrects
}

// A keptForm is a form as it is sealed.
type keptForm struct {
	*Form
	Shown shown `json:"shown,omitzero"`
}

// The bounds of unfinished forms.
const (
	MaxForms     = 30 // of one officer
	maxFormBytes = 2 << 20
	formAge      = 14 * 24 * time.Hour // one that nobody touches for so long goes
	ticketAge    = 7 * 24 * time.Hour  // a page that was left open over a long weekend
)

// FormsConfig wires Forms. Everything is required.
type FormsConfig struct {
	Store    FormStore
	Roster   *Roster
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
}

// Forms are what officers have begun to write. An officer sees their own alone.
// They are sealed under the key of their case and go with it; nothing of them is
// in the record, but that somebody opened one.
type Forms struct{ cfg FormsConfig }

// NewForms returns the forms; it refuses a missing part.
func NewForms(cfg FormsConfig) (*Forms, error) {
	if cfg.Store == nil || cfg.Roster == nil || cfg.Recorder == nil || cfg.Opener == nil || cfg.Clock == nil {
		return nil, errors.New("forms: a required part is missing")
	}
	return &Forms{cfg}, nil
}

// Keep stores a form as the officer left it. Its version is the one that they
// saw, 0 for a new one; the new one is returned. A form that somebody changed
// meanwhile, in another window, is ProblemDraftVersion.
func (f *Forms) Keep(ctx context.Context, by *Officer, form Form) (int64, error) {
	if err := f.may(ctx, by, form.Partner, form.Case, form.Type); err != nil {
		return 0, err
	}
	if !ValidIdentifier(form.ID) {
		return 0, problem(ProblemRequest, "A form has an identifier of 8 to 64 letters and digits.").rule("identifier")
	}
	now := f.cfg.Clock()
	if form.Version == 0 {
		if err := f.cfg.Store.DropForms(ctx, now.Add(-formAge)); err != nil {
			return 0, err
		}
		if rows, _, err := f.rows(ctx, by.ID); err != nil {
			return 0, err
		} else if len(rows) >= MaxForms {
			return 0, problem(ProblemRequest, "An officer has at most %d unfinished forms.", MaxForms).rule("forms-full")
		}
	}
	data, err := json.Marshal(keptForm{&form, form.shown})
	if err != nil {
		return 0, fmt.Errorf("write a form: %w", err)
	}
	if len(data) > maxFormBytes {
		return 0, problem(ProblemTooLarge, "A form has at most %d bytes.", maxFormBytes).rule("form-size")
	}
	row := FormRow{Officer: by.ID, ID: form.ID, Partner: form.Partner, Case: form.Case, Type: form.Type, Version: form.Version + 1, ChangedAt: now}
	key, err := f.cfg.Opener.dataKey(ctx, row.keeper())
	if err != nil {
		return 0, err
	}
	if row.Content, err = key.Seal(data, formAAD(row)); err != nil {
		return 0, fmt.Errorf("seal a form: %w", err)
	}
	err = f.cfg.Store.PutForm(ctx, row)
	if errors.Is(err, ErrConflict) {
		return 0, problem(ProblemDraftVersion, "The form was changed elsewhere meanwhile.").rule("form-version")
	}
	return row.Version, err
}

// OwnForm is the reason that stands in the record where officers open forms of
// their own: nobody has to write one for that.
const OwnForm = "an unfinished form of their own"

// Open returns an officer's form. It is a look at personal data and stands in
// the record first.
func (f *Forms) Open(ctx context.Context, by *Officer, id string) (Form, error) {
	form, err := f.Resume(ctx, by, id)
	if err != nil {
		return Form{}, err
	}
	return form, recordAccess(ctx, f.cfg.Recorder, Access{
		Officer: by.ID, Reason: OwnForm, Partner: form.Partner, Case: form.Case, What: "form", ID: form.ID, Fields: []string{""},
	})
}

// Resume returns an officer's form as it was kept last, to whoever has it before
// them and goes on.
func (f *Forms) Resume(ctx context.Context, by *Officer, id string) (Form, error) {
	row, err := f.cfg.Store.Form(ctx, by.ID, id)
	if errors.Is(err, ErrNotFound) {
		return Form{}, problem(ProblemNotFound, "There is no such form.")
	}
	if err == nil {
		err = f.may(ctx, by, row.Partner, row.Case, row.Type)
	}
	if err != nil {
		return Form{}, err
	}
	c, err := f.cfg.Opener.store.Case(ctx, row.keeper())
	if err != nil {
		return Form{}, fmt.Errorf("find the case of a form: %w", err)
	}
	key, err := f.cfg.Opener.unwrap(ctx, c)
	if err != nil {
		return Form{}, err
	}
	data, err := key.Open(row.Content, formAAD(row))
	if err != nil && c.ErasedTo > 0 { // it was sealed before, and nobody can read it
		return Form{}, errors.Join(problem(ProblemErased, "The case was erased."), f.cfg.Store.DropForm(ctx, by.ID, id))
	}
	if err != nil {
		return Form{}, fmt.Errorf("open a form: %w", err)
	}
	form := Form{ID: row.ID, Partner: row.Partner, Case: row.Case, Type: row.Type, Version: row.Version, ChangedAt: row.ChangedAt}
	kept := keptForm{Form: &form}
	if err := json.Unmarshal(data, &kept); err != nil {
		return Form{}, fmt.Errorf("read a form: %w", err)
	}
	form.shown = kept.Shown
	return form, nil
}

// List returns an officer's unfinished forms without their content: those that
// they may still write.
func (f *Forms) List(ctx context.Context, by *Officer) ([]FormRow, error) {
	rows, _, err := f.rows(ctx, by.ID)
	if err != nil {
		return nil, err
	}
	var out []FormRow
	for _, row := range rows {
		err := f.may(ctx, by, row.Partner, row.Case, row.Type)
		var refused *Problem
		if err != nil && !errors.As(err, &refused) {
			return nil, err
		}
		if row.Content = nil; err == nil {
			out = append(out, row)
		}
	}
	return out, nil
}

// Others returns the other officers who are writing a message of the same type in the
// same case as an officer's form, and since when, without what they write.
func (f *Forms) Others(ctx context.Context, by *Officer, form Form) ([]FormRow, error) {
	if form.Case == "" { // who opens a case is alone in it
		return nil, nil
	}
	rows, err := f.cfg.Store.FormsIn(ctx, CaseKey{form.Partner, form.Case})
	var out []FormRow
	for _, row := range rows {
		if row.Officer != by.ID && row.Type == form.Type {
			row.Content = nil
			out = append(out, row)
		}
	}
	return out, err
}

// Drop removes an officer's form.
func (f *Forms) Drop(ctx context.Context, by *Officer, id string) error {
	return f.cfg.Store.DropForm(ctx, by.ID, id)
}

// may says whether an officer may write this message at all.
func (f *Forms) may(ctx context.Context, by *Officer, partner, caseID, messageType string) error {
	if messageType == LeftForm {
		return problem(ProblemNotFound, "There is no such form.")
	}
	if !by.Has(RoleOfficer, RoleSupervisor) || !by.Sees(partner, conversationOf(messageType)) {
		return forbidden("write this message to this partner")
	}
	if caseID == "" {
		return nil
	}
	_, err := f.cfg.Opener.writes(ctx, by, CaseKey{partner, caseID})
	if errors.Is(err, ErrNotFound) {
		err = problem(ProblemNotFound, "There is no such case.")
	}
	return err
}

// keeper is the case whose key seals a form.
func (r *FormRow) keeper() CaseKey {
	if r.Case == "" {
		return houseCase
	}
	return CaseKey{r.Partner, r.Case}
}

func formAAD(r FormRow) []byte {
	return fmt.Appendf(nil, "form/%s/%s/%d/%s/%s/%s", r.Officer, r.ID, r.Version, r.Partner, r.Case, r.Type)
}

// A formTicket stands in every form that an officer is shown: whose it is. With it
// the form can be kept for them when it comes back after their session has ended.
type formTicket struct {
	Officer string    `json:"officer"`
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
}

// Ticket returns what a form carries to be kept without a session.
func (f *Forms) Ticket(ctx context.Context, by *Officer, id string) (string, error) {
	data, err := json.Marshal(formTicket{by.ID, id, f.cfg.Clock().UTC()})
	if err != nil {
		return "", fmt.Errorf("write a ticket: %w", err)
	}
	key, err := f.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return "", err
	}
	sealed, err := key.Seal(data, []byte("form-ticket"))
	if err != nil {
		return "", fmt.Errorf("seal a ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Holder returns the officer to whom a ticket for a form was given, when they may
// still act; ErrNotFound for any other ticket.
func (f *Forms) Holder(ctx context.Context, text, id string) (*Officer, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > 1000 {
		return nil, fmt.Errorf("a ticket: %w", ErrNotFound)
	}
	key, err := f.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	data, err := key.Open(sealed, []byte("form-ticket"))
	var t formTicket
	if err != nil || json.Unmarshal(data, &t) != nil || t.ID != id || f.cfg.Clock().Sub(t.At) >= ticketAge {
		return nil, fmt.Errorf("a ticket: %w", ErrNotFound)
	}
	return f.cfg.Roster.Officer(ctx, t.Officer)
}
