package exchange

import (
	"slices"
	"testing"
)

// An answer is late when its question had been asked anew before it came; one
// that was there before, such as a counter-proposal after which the request is
// made again, is not.
func TestLateAnswers(t *testing.T) {
	late := func(s *script) []string {
		var out []string
		flagged := s.book.late(nil)
		for i := range s.book.Notes {
			if n := &s.book.Notes[i]; flagged[noteKey(n)] {
				out = append(out, n.ID)
			}
		}
		return out
	}
	s := newScript(t)
	s.ok("host", "IVQ S-1")
	s.ok("host", "IVQ S-1")
	first := s.ok("origin", "IVR S-1=match re 01") // to the first question, after the second
	s.ok("origin", "IVR S-1=match re 02")
	s.ok("origin", "NCF S-1=confirmed")
	s.ok("host", "RPQ S-1 to 05")
	s.ok("origin", "RPR S-1=counter re 06")
	s.ok("host", "RPQ S-1 to 05") // asked anew because of the counter-proposal
	s.ok("origin", "RPR S-1=accept re 08")
	if got := late(s); !slices.Equal(got, []string{first}) {
		t.Errorf("%v came late, expected only %s", got, first)
	}
}
