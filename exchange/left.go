package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// A Left is what an officer has sent from a page when their session had ended. None
// of it was done; it is kept so that nobody has to type it again.
type Left struct {
	ID     string     `json:"-"`
	Form   string     `json:"form"` // which of the pages' forms it is
	Path   string     `json:"path"` // where it was sent to
	Values url.Values `json:"values"`
}

const (
	// LeftForm stands where a form has the type of its message.
	LeftForm = "left"
	maxLeft  = 5 // of one officer: whoever leaves more has not come back for the first
)

// Leave keeps what an officer has left, and returns its identifier. It is sealed under
// the house's key, for of a page it is not known whose case it is about; so an erasure,
// whichever it is, takes all of it away.
func (f *Forms) Leave(ctx context.Context, of *Officer, left Left) (string, error) {
	_, before, err := f.rows(ctx, of.ID)
	if err != nil {
		return "", err
	}
	for i := maxLeft - 1; i < len(before); i++ {
		if err := f.cfg.Store.DropForm(ctx, of.ID, before[i].ID); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(left)
	if err != nil {
		return "", fmt.Errorf("write what was left: %w", err)
	}
	row := FormRow{Officer: of.ID, ID: NewID(), Type: LeftForm, Version: 1, ChangedAt: f.cfg.Clock()}
	key, err := f.cfg.Opener.dataKey(ctx, row.keeper())
	if err != nil {
		return "", err
	}
	if row.Content, err = key.Seal(data, formAAD(row)); err != nil {
		return "", fmt.Errorf("seal what was left: %w", err)
	}
	return row.ID, f.cfg.Store.PutForm(ctx, row)
}

// Left returns what an officer has left, to them alone; ErrNotFound. It is a look at
// personal data as Open is.
func (f *Forms) Left(ctx context.Context, by *Officer, id string) (Left, error) {
	row, err := f.cfg.Store.Form(ctx, by.ID, id)
	if err == nil && row.Type != LeftForm {
		err = ErrNotFound
	}
	if err != nil {
		return Left{}, fmt.Errorf("find what was left: %w", err)
	}
	key, err := f.cfg.Opener.dataKey(ctx, row.keeper())
	if err != nil {
		return Left{}, err
	}
	data, err := key.Open(row.Content, formAAD(row))
	if err != nil {
		return Left{}, fmt.Errorf("open what was left: %w", err)
	}
	left := Left{ID: id}
	if err := json.Unmarshal(data, &left); err != nil {
		return Left{}, fmt.Errorf("read what was left: %w", err)
	}
	return left, recordAccess(ctx, f.cfg.Recorder, Access{Officer: by.ID, Reason: OwnForm, What: "form", ID: id, Fields: []string{""}})
}

// rows returns the forms of an officer, and what they have left, the last first.
func (f *Forms) rows(ctx context.Context, officer string) (forms, left []FormRow, err error) {
	all, err := f.cfg.Store.FormsOf(ctx, officer)
	for _, row := range all {
		if row.Type == LeftForm {
			left = append(left, row)
		} else {
			forms = append(forms, row)
		}
	}
	return forms, left, err
}
