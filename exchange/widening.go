package exchange

import (
	"context"
	"math"
	"slices"
	"time"
)

// An administrator alone can let somebody in, or let an officer do more; and with a
// way in that they give to an officer they could come as that officer. So the officer
// is told, and the supervisors of the officer's partners: somebody who knows the
// people sees who is there.

// A Widening is a change of an officer's entry that lets somebody in, or do more.
type Widening struct {
	OfficerChange // What is only that
	ID, Name      string
	Roles         []Role // that the officer has with it
}

const (
	// widenedFor is how long supervisors are told: over a long holiday. Nobody
	// can make it go away before.
	widenedFor = 14 * 24 * time.Hour
	// maxWidenings bounds how many they are told of, the last ones.
	maxWidenings = 50
)

// Widenings returns what was done in the last two weeks to officers of a
// supervisor's partners, to supervisors and to administrators, by anybody but
// themselves, the last first; more says that there was more than fits. Anybody else is
// told of what others did to their own entry.
func (r *Roster) Widenings(ctx context.Context, by *Officer) (out []Widening, more bool, err error) {
	filter := Filter{Kind: KindEvent, Type: officerChanged}
	if !by.Has(RoleSupervisor) {
		filter.ID = by.ID
	}
	since := r.cfg.Clock().Add(-widenedFor)
	for before := int64(math.MaxInt64); ; {
		rows, err := r.cfg.Reader.Newest(ctx, before, filter, maxWidenings)
		if err != nil {
			return nil, false, err
		}
		for _, row := range rows {
			if row.At.Before(since) {
				return out, false, nil
			}
			before = row.Index
			w, err := r.widening(ctx, by, row)
			if err != nil {
				return nil, false, err
			}
			if w == nil {
				continue
			}
			if len(out) == maxWidenings {
				return out, true, nil
			}
			out = append(out, *w)
		}
		if len(rows) < maxWidenings {
			return out, false, nil
		}
	}
}

// widening reads what a change gave to an officer whom a supervisor answers for;
// nil when it is none of that.
func (r *Roster) widening(ctx context.Context, by *Officer, row Row) (*Widening, error) {
	var is, was officerChange
	if err := r.cfg.Opener.read(ctx, row, &is); err != nil {
		return nil, err
	}
	own := row.ID == by.ID
	if is.By == row.ID || !own && !by.answersFor(&is.Officer) {
		return nil, nil
	}
	before, err := r.cfg.Reader.Newest(ctx, row.Index, Filter{Kind: KindEvent, Type: officerChanged, ID: row.ID}, 1)
	if err != nil {
		return nil, err
	}
	what := []string{"added"}
	if own && len(before) == 0 { // they know that they are here
		return nil, nil
	}
	if len(before) > 0 {
		if err := r.cfg.Opener.read(ctx, before[0], &was); err != nil {
			return nil, err
		}
		what = widened(&was.Officer, &is.Officer)
	} else if is.Officer.Invitation != nil {
		what = append(what, "invitation")
	}
	if len(what) == 0 {
		return nil, nil
	}
	return &Widening{OfficerChange{row.Index, row.At, is.By, what}, row.ID, is.Officer.Name, is.Officer.Roles}, nil
}

// answersFor says whether a supervisor has to know who an officer is: one of a
// partner of theirs, one who can let others in, or one who would be told of it.
func (o *Officer) answersFor(other *Officer) bool {
	return other.Has(RoleAdministrator, RoleSupervisor) || slices.ContainsFunc(other.Partners, func(partner string) bool { return partner == EveryPartner || o.assigned(partner) })
}

// widened names what an officer has in an entry and had not in the one before.
func widened(was, is *Officer) []string {
	var out []string
	for _, part := range []struct {
		name string
		more bool
	}{
		{"roles", gained(was.Roles, is.Roles)},
		{"partners", gained(was.Partners, is.Partners) && was.Scope() != nil},
		{"police", is.Police && !was.Police},
		{"pins", gained(was.Pins, is.Pins)},
		{"oidc", gained(was.OIDC, is.OIDC)},
		{"keys", gained(texts(was.Keys), texts(is.Keys))},
		{"invitation", is.Invitation != nil && (was.Invitation == nil || *was.Invitation != *is.Invitation)},
		{"reset", is.Invitation != nil && (len(is.Passkeys) < len(was.Passkeys) || is.Login == nil && was.Login != nil)},
		{"back", is.Status == OfficerActive && was.Status != OfficerActive},
	} {
		if part.more {
			out = append(out, part.name)
		}
	}
	return out
}

func gained[T comparable](was, is []T) bool {
	return slices.ContainsFunc(is, func(one T) bool { return !slices.Contains(was, one) })
}

func texts[T any](list []T) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = compactStruct(list[i])
	}
	return out
}
