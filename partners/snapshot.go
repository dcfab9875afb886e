package partners

import (
	"slices"
	"strings"
)

// A Snapshot is one consistent state of the registry. It never changes.
type Snapshot struct {
	self       *Self // nil when nothing describes us
	partners   map[string]*Partner
	byPin      map[string]*Partner
	agreements map[string]*Agreement
	calendars  map[string]*Calendar
	files      map[string]*version // by path: what it was made of
}

func newSnapshot() *Snapshot {
	return &Snapshot{partners: map[string]*Partner{}, byPin: map[string]*Partner{}, agreements: map[string]*Agreement{}, calendars: map[string]*Calendar{}, files: map[string]*version{}}
}

func (s *Snapshot) takePartner(p *Partner) error {
	f := &faults{origin: p.from}
	if other, twice := s.partners[p.Code]; twice {
		f.add("/code", "", "the partner %s is described in %s already", p.Code, other.from.where("/code"))
		return f.err()
	}
	s.partners[p.Code] = p
	for i, pin := range p.TLS.Pins {
		if other, taken := s.byPin[pin]; taken {
			f.add(pointer("tls", "pins", i), "", "this pin belongs to %s already (%s)", other.Code, other.File)
			continue
		}
		s.byPin[pin] = p
	}
	return f.err()
}

func (s *Snapshot) takeAgreement(a *Agreement) error {
	if other, twice := s.agreements[a.Code]; twice {
		f := &faults{origin: a.from}
		f.add("/code", "", "the agreement %s is described in %s already", a.Code, other.from.where("/code"))
		return f.err()
	}
	s.agreements[a.Code] = a
	return nil
}

func (s *Snapshot) takeCalendar(c *Calendar) error {
	if other, twice := s.calendars[c.Name]; twice {
		f := &faults{origin: c.from}
		f.add("/name", "", "the calendar %s is described in %s already", c.Name, other.from.where("/name"))
		return f.err()
	}
	s.calendars[c.Name] = c
	return nil
}

// Self returns what self.yaml says of our own side.
func (s *Snapshot) Self() (*Self, bool) { return s.self, s.self != nil }

// Partner returns the partner with a code.
func (s *Snapshot) Partner(code string) (*Partner, bool) { p, ok := s.partners[code]; return p, ok }

// ByPin returns the partner whose TLS key has a pin.
func (s *Snapshot) ByPin(pin string) (*Partner, bool) { p, ok := s.byPin[pin]; return p, ok }

// Agreement returns the agreement with a code.
func (s *Snapshot) Agreement(code string) (*Agreement, bool) {
	a, ok := s.agreements[code]
	return a, ok
}

// Calendar returns a calendar by its name.
func (s *Snapshot) Calendar(name string) (*Calendar, bool) { c, ok := s.calendars[name]; return c, ok }

// All returns every partner in the order of their codes.
func (s *Snapshot) All() []*Partner {
	return sorted(s.partners, func(p *Partner) string { return p.Code }, func(*Partner) bool { return true })
}

// Agreements returns the agreements with a partner in the order of their codes.
func (s *Snapshot) Agreements(partner string) []*Agreement {
	return sorted(s.agreements, func(a *Agreement) string { return a.Code }, func(a *Agreement) bool { return a.Partner == partner })
}

// Receivers returns the agencies of the side that receives a message under an
// agreement: the partner's, or ours; empty when its file names none.
func (s *Snapshot) Receivers(a *Agreement, direction Direction) []Agency {
	if direction == Receive {
		if s.self == nil {
			return nil
		}
		return s.self.Agencies
	}
	if p := s.partners[a.Partner]; p != nil {
		return p.Agencies
	}
	return nil
}

func sorted[T any](all map[string]T, key func(T) string, keep func(T) bool) []T {
	var out []T
	for _, v := range all {
		if keep(v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return out
}
