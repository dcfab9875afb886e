package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A ViewRow is an officer's view of a list as the store keeps it: sealed, for
// officers write its name.
type ViewRow struct {
	Officer string
	ID      string
	Content []byte
}

// A ViewStore keeps officers' views.
type ViewStore interface {
	// PutView adds one.
	PutView(ctx context.Context, v ViewRow) error
	// Views returns an officer's, by their identifiers.
	Views(ctx context.Context, officer string) ([]ViewRow, error)
	// DropView removes one; it is no error when there is none.
	DropView(ctx context.Context, officer, id string) error
}

// A SavedView is a way to look at a list that an officer gave a name.
type SavedView struct {
	ID    string `json:"-"`
	Name  string `json:"name"`
	Page  string `json:"page"`  // the list's
	Query string `json:"query"` // of its address; nothing personal is ever in one
}

// What bounds an officer's views.
const (
	MaxViews    = 20 // on one list
	MaxViewName = 60
	maxViewText = 1000
)

// Views are the officers' own views of lists.
type Views struct {
	store  ViewStore
	opener *Opener
}

// NewViews returns the views; it refuses a missing part.
func NewViews(store ViewStore, opener *Opener) (*Views, error) {
	if store == nil || opener == nil {
		return nil, errors.New("views: a required part is missing")
	}
	return &Views{store, opener}, nil
}

// List returns an officer's views of a list, the oldest first.
func (v *Views) List(ctx context.Context, by *Officer, page string) ([]SavedView, error) {
	rows, err := v.store.Views(ctx, by.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	key, err := v.opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	var out []SavedView
	for _, row := range rows {
		data, err := key.Open(row.Content, viewAAD(row))
		if err != nil {
			return nil, fmt.Errorf("a view was not written by this gateway: %w", err)
		}
		view := SavedView{ID: row.ID}
		if err := json.Unmarshal(data, &view); err != nil {
			return nil, fmt.Errorf("read a view: %w", err)
		}
		if view.Page == page {
			out = append(out, view)
		}
	}
	return out, nil
}

// Save keeps a view under a name that the officer has not used on that list.
func (v *Views) Save(ctx context.Context, by *Officer, view SavedView) error {
	view.Name = strings.TrimSpace(view.Name)
	if n := utf8.RuneCountInString(view.Name); n == 0 || n > MaxViewName || !visible(view.Name) || len(view.Query) > maxViewText {
		return problem(ProblemRequest, "Give the view a name of at most %d characters that can be seen.", MaxViewName).rule("view-name")
	}
	known, err := v.List(ctx, by, view.Page)
	if err != nil {
		return err
	}
	if len(known) >= MaxViews {
		return problem(ProblemRequest, "There are %d views of this list already; remove one first.", MaxViews).rule("view-full")
	}
	if slices.ContainsFunc(known, func(k SavedView) bool { return k.Name == view.Name }) {
		return problem(ProblemRequest, "Another view of this list has this name.").rule("view-known")
	}
	data, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("write a view: %w", err)
	}
	key, err := v.opener.dataKey(ctx, houseCase)
	if err != nil {
		return err
	}
	row := ViewRow{Officer: by.ID, ID: NewID()}
	if row.Content, err = key.Seal(data, viewAAD(row)); err != nil {
		return fmt.Errorf("seal a view: %w", err)
	}
	return v.store.PutView(ctx, row)
}

// Drop removes a view of an officer.
func (v *Views) Drop(ctx context.Context, by *Officer, id string) error {
	return v.store.DropView(ctx, by.ID, id)
}

func viewAAD(row ViewRow) []byte { return []byte("view/" + row.Officer + "/" + row.ID) }
