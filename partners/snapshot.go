package partners

import (
	"bytes"
	"crypto/sha256"
	"os"
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
	sum        [sha256.Size]byte // of the files, the trust anchors aside
}

func newSnapshot() *Snapshot {
	return &Snapshot{partners: map[string]*Partner{}, byPin: map[string]*Partner{}, agreements: map[string]*Agreement{}, calendars: map[string]*Calendar{}}
}

// anchorsChanged says whether a file of trust anchors is no longer what it was.
func (s *Snapshot) anchorsChanged() bool {
	for _, p := range s.partners {
		if p.anchors == "" {
			continue
		}
		if now, err := os.ReadFile(p.anchors); err != nil || !bytes.Equal(now, p.TLS.AnchorsPEM) {
			return true
		}
	}
	return false
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
