package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Drafts returns the drafts that an officer may see, without their content, at
// most f.Limit.
func (d *Desk) Drafts(ctx context.Context, by *Officer, f DraftFilter) ([]DraftRow, error) {
	if !by.Has(RoleOfficer, RoleSupervisor, RoleSystem) {
		return nil, forbidden("see drafts")
	}
	if scope := by.Scope(); scope != nil {
		if f.Partners == nil {
			f.Partners = scope
		}
		f.Partners = slices.DeleteFunc(slices.Clone(f.Partners), func(p string) bool { return !slices.Contains(scope, p) })
	}
	var out []DraftRow
	for {
		rows, err := d.cfg.Store.Drafts(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := d.visible(ctx, by, row); err == nil {
				out = append(out, row)
			} else if !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			if len(out) == f.Limit {
				return out, nil
			}
			f.Before, f.BeforeID = row.ChangedAt, row.ID
		}
		if f.Limit == 0 || len(rows) < f.Limit { // those are all
			return out, nil
		}
	}
}

// maxDraftLook bounds how many drafts are looked through for a list of some of them.
const maxDraftLook = 200

// Outlines returns the drafts of a filter that an officer may see and that pick lets
// through, without what is personal in them, at most f.Limit. next is the one after which
// to go on; it is zero at the end. Of one that waits, the approvals are those that count.
func (d *Desk) Outlines(ctx context.Context, by *Officer, f DraftFilter, pick func(DraftView) bool) (found []DraftView, next DraftRow, err error) {
	want := f.Limit
	f.Limit++ // one more tells whether it goes on
	for looked := 0; looked < maxDraftLook; {
		rows, err := d.Drafts(ctx, by, f)
		if err != nil {
			return nil, DraftRow{}, err
		}
		for _, row := range rows {
			view, err := d.open(ctx, row)
			if err == nil && row.State == DraftWaiting {
				err = d.lapse(ctx, &view)
			}
			if err != nil && !errors.Is(err, ErrErased) {
				return nil, DraftRow{}, err
			}
			if err == nil && pick(view) {
				if len(found) == want {
					return found, next, nil
				}
				found = append(found, view.outline())
			}
			next, f.Before, f.BeforeID = row, row.ChangedAt, row.ID
		}
		if len(rows) < f.Limit {
			return found, DraftRow{}, nil
		}
		looked += len(rows)
	}
	return found, next, nil
}

// How many rejected drafts of an officer are shown, and looked through for those.
const (
	maxRejected     = 50
	maxRejectedLook = 500
)

// Rejected returns the officer's own drafts that were rejected and that nobody has
// written again or discarded, without what is personal in them, the last first.
func (d *Desk) Rejected(ctx context.Context, by *Officer) ([]DraftView, error) {
	var out []DraftView
	f := DraftFilter{State: DraftRejected, Author: by.ID, Limit: maxRejected}
	for range maxRejectedLook / maxRejected {
		rows, err := d.Drafts(ctx, by, f)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			f.Before, f.BeforeID = row.ChangedAt, row.ID
			view, err := d.open(ctx, row)
			if errors.Is(err, ErrErased) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if view.Content.Again == "" {
				out = append(out, view.outline())
			}
			if len(out) == maxRejected {
				return out, nil
			}
		}
		if len(rows) < f.Limit {
			break
		}
	}
	return out, nil
}

// Read opens a draft for an officer. The access and its reason are in the
// record before a byte is returned.
func (d *Desk) Read(ctx context.Context, by *Officer, id, reason string) (DraftView, error) {
	row, err := d.find(ctx, by, id, 0)
	if err != nil {
		return DraftView{}, err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return DraftView{}, err
	}
	if err := recordAccess(ctx, d.cfg.Recorder, Access{Officer: by.ID, Reason: reason, Partner: row.Partner, Case: row.Case, What: "draft", ID: row.ID, Fields: []string{""}}); err != nil {
		return DraftView{}, err
	}
	return view, nil
}

// Outline returns a draft without what is personal in it, and without the digest
// that a statement names: whoever releases a draft has read it before.
func (d *Desk) Outline(ctx context.Context, by *Officer, id string) (DraftView, error) {
	row, err := d.find(ctx, by, id, 0)
	if err != nil {
		return DraftView{}, err
	}
	view, err := d.open(ctx, row)
	return view.outline(), err
}

func (v DraftView) outline() DraftView {
	if body, err := schemas.Parse(v.Content.Written(), schemas.DefaultLimits()); err == nil { // else whoever opens it is told
		v.Minor, v.Urgent = len(MinorsOf(body, v.Row.ChangedAt)) > 0, member(body, "urgent") == true
	}
	v.Content.Authors = v.Authors() // of earlier versions, too
	v.SHA256, v.Content.Draft.Body, v.Content.Given, v.Content.Safeguards, v.Content.Earlier = "", nil, nil, nil, nil
	return v
}
