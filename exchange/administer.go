package exchange

import (
	"context"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
)

// What an administrator may do: say who the officers are and what each may do.
// Not who they are themselves, and not what signs for an officer: a key, a
// passkey or a password comes from the officer, and an administrator can only
// take it away.

// Version names an entry as it stands, so that a change tells which one it saw.
func (o *Officer) Version() string { return digest(compactStruct(o)) }

// Entries returns every officer's entry to an administrator.
func (r *Roster) Entries(ctx context.Context, by *Officer) ([]Officer, error) {
	if !by.Has(RoleAdministrator) {
		return nil, forbidden("see the officers' entries")
	}
	return r.All(ctx)
}

// Administer makes a change to somebody else's entry, or adds one. was is the
// version of the entry that the administrator saw, "" for a new officer.
func (r *Roster) Administer(ctx context.Context, by *Officer, o Officer, was string) error {
	old, err := r.administers(ctx, by, o.ID, was)
	if err != nil {
		return err
	}
	refuse := func(rule, detail string) error { return problem(ProblemRequest, "%s", detail).rule(rule) }
	if err := o.Check(); err != nil {
		return refuse("officer-entry", err.Error()+".")
	}
	if o.Has(RoleAdministrator) && len(o.Roles) > 1 {
		return refuse("officer-roles", "Whoever administers officers has no other role.")
	}
	brings := func(list, of any) bool {
		now, before := reflect.ValueOf(list), reflect.ValueOf(of)
		for i := range now.Len() {
			found := false
			for j := range before.Len() {
				found = found || reflect.DeepEqual(now.Index(i).Interface(), before.Index(j).Interface())
			}
			if !found {
				return true
			}
		}
		return false
	}
	if brings(o.Keys, old.Keys) || brings(o.Passkeys, old.Passkeys) ||
		o.Login != nil && !slices.Equal(o.Login, old.Login) || o.Invitation != nil && !reflect.DeepEqual(o.Invitation, old.Invitation) {
		return refuse("officer-secret", "What signs for an officer, or signs them in, comes from the officer.")
	}
	return r.put(ctx, by.ID, o, was)
}

// InviteAs makes an invitation in an administrator's name.
func (r *Roster) InviteAs(ctx context.Context, by *Officer, id, was string) (string, error) {
	o, err := r.administers(ctx, by, id, was)
	if err != nil {
		return "", err
	}
	if was == "" || o.Status != OfficerActive || o.Has(RoleSystem) {
		return "", problem(ProblemRequest, "Only an active person can be invited.").rule("officer-invite")
	}
	token, made := r.invitation()
	o.Invitation = made
	return token, r.put(ctx, by.ID, o, was)
}

// administers checks that somebody may change an entry, and returns it as it
// stands.
func (r *Roster) administers(ctx context.Context, by *Officer, id, was string) (Officer, error) {
	if !by.Has(RoleAdministrator) {
		return Officer{}, forbidden("change officers")
	}
	if by.ID == id {
		return Officer{}, problem(ProblemForbidden, "Nobody changes an entry of their own; another administrator has to.").rule("officer-own")
	}
	o, stands, err := r.entry(ctx, id)
	switch {
	case err != nil:
		return Officer{}, err
	case stands == "" && was != "":
		return Officer{}, problem(ProblemNotFound, "There is no such officer.")
	case stands != "":
		if refused := takes([]Officer{o}, &o, was); refused != nil {
			return Officer{}, refused
		}
	}
	return o, nil
}

// An OfficerChange is what was done to an entry, as the record has it.
type OfficerChange struct {
	Index int64
	At    time.Time
	By    string   // "": the command line
	What  []string // the members that changed; added for the first entry, nothing for one that says the same
}

// History returns the last changes of an entry to an administrator, the newest
// first.
func (r *Roster) History(ctx context.Context, by *Officer, id string) ([]OfficerChange, error) {
	if !by.Has(RoleAdministrator) {
		return nil, forbidden("see the officers' entries")
	}
	const shown = 20
	rows, err := r.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Kind: KindEvent, Type: officerChanged, ID: id}, shown+1)
	if err != nil {
		return nil, err
	}
	var out []OfficerChange
	var entries []Officer
	for _, row := range rows {
		var said officerChange
		if err := r.cfg.Opener.read(ctx, row, &said); err != nil {
			return nil, err
		}
		out, entries = append(out, OfficerChange{Index: row.Index, At: row.At, By: said.By}), append(entries, said.Officer)
	}
	for i := range out {
		if i+1 < len(entries) {
			out[i].What = changed(&entries[i+1], &entries[i])
		} else {
			out[i].What = []string{"added"}
		}
	}
	return out[:min(len(out), shown)], nil
}

// changed names what is different between two entries of an officer.
func changed(a, b *Officer) []string {
	var out []string
	for _, part := range []struct {
		name string
		a, b any
	}{
		{"name", a.Name, b.Name}, {"roles", a.Roles, b.Roles}, {"partners", a.Partners, b.Partners}, {"police", a.Police, b.Police},
		{"pins", a.Pins, b.Pins}, {"oidc", a.OIDC, b.OIDC}, {"keys", append([]partners.JWK{}, a.Keys...), append([]partners.JWK{}, b.Keys...)},
		{"passkeys", a.Passkeys, b.Passkeys}, {"login", a.Login, b.Login}, {"invitation", a.Invitation, b.Invitation}, {"status", a.Status, b.Status},
	} {
		if compactAny(part.a) != compactAny(part.b) {
			out = append(out, part.name)
		}
	}
	if len(out) == 0 {
		out = []string{"nothing"}
	}
	return out
}

func compactAny(v any) string {
	if text := compactStruct(v); text != "[]" {
		return text
	}
	return "null"
}
