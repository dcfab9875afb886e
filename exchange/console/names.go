package console

import (
	"github.com/repatriation-exchange/gateway/exchange"
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
