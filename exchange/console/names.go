package console

import (
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A Party is one of the two sides, as a page names it.
type Party struct{ Code, Name string }

// party names a side; its code alone when the registry does not know it.
func (c *Console) party(s *speech, code string) Party {
	snapshot := c.cfg.Directory.Snapshot()
	if self, ok := snapshot.Self(); ok && self.Code == code {
		return Party{code, s.Named(self.Name)}
	}
	if p, ok := snapshot.Partner(code); ok {
		return Party{code, s.Named(p.Name)}
	}
	return Party{code, s.Or("party."+code, code)}
}

// parties returns the partners that an officer is assigned to.
func (c *Console) parties(s *speech, officer *exchange.Officer) []Party {
	var out []Party
	for _, p := range c.cfg.Directory.Snapshot().All() {
		if officer.Sees(p.Code, exchange.Return) {
			out = append(out, Party{p.Code, s.Named(p.Name)})
		}
	}
	return out
}

// A TypeName is a message type in words.
type TypeName struct{ Name, Code, Title, Description string }

func (c *Console) typeName(s *speech, name string) TypeName {
	for _, t := range c.cfg.Catalogue.Types() {
		if t.Name == name {
			return TypeName{name, exchange.MessageCode(name), s.Of(t.Title), s.Of(t.Description)}
		}
	}
	return TypeName{Name: name, Title: name}
}

// recipientOf names the agency that a message is for, by its code where no file names it.
func (c *Console) recipientOf(v *visit, agreement string, way partners.Direction, code string) Value {
	snapshot := c.cfg.Directory.Snapshot()
	if a, ok := snapshot.Agreement(agreement); ok {
		for _, agency := range snapshot.Receivers(a, way) {
			if agency.Code == code {
				return v.s.Said(agency.Name)
			}
		}
	}
	return Value{Text: code}
}

// A Who is somebody who did something, as a page names them. Name is "" where the
// roster has nobody of that identifier, as for the command line; ID is "" for a party.
type Who struct{ ID, Name string }

// String names them within a sentence.
func (w Who) String() string {
	switch "" {
	case w.Name:
		return w.ID
	case w.ID:
		return w.Name
	}
	return w.Name + " (" + w.ID + ")"
}

// roster returns all officers, read once for a page.
func (c *Console) roster(v *visit) ([]exchange.Officer, error) {
	var err error
	if v.roster == nil {
		v.roster, err = c.cfg.Roster.All(v.r.Context())
	}
	return v.roster, err
}

// who names an officer. A page does not fail for want of a name.
func (c *Console) who(v *visit, id string) Who {
	if id == "" {
		return Who{}
	}
	all, _ := c.roster(v)
	if i := slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == id }); i >= 0 {
		return Who{id, all[i].Name}
	}
	return Who{ID: id}
}

// whoAll names several within a sentence.
func (c *Console) whoAll(v *visit, ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = c.who(v, id).String()
	}
	return strings.Join(names, ", ")
}

// choices offers the officers that pick lets through, by name.
func (c *Console) choices(v *visit, pick func(*exchange.Officer) bool) ([]Choice, error) {
	all, err := c.roster(v)
	var out []Choice
	for i := range all {
		if o := &all[i]; pick(o) {
			out = append(out, Choice{Value: o.ID, Label: o.Name})
		}
	}
	slices.SortStableFunc(out, func(a, b Choice) int { return strings.Compare(fold(a.Label), fold(b.Label)) })
	return out, err
}
