package exchange

import "testing"

// A list names what waits, and not what was answered already; that it was urgent
// stays so while something is still to be done.
func TestGlanceNamesWhatWaits(t *testing.T) {
	urgent := true
	asked := Note{ID: "asked", Type: TypeIdentityRequest, Said: Said{Urgent: &urgent}}
	answer := Note{ID: "answer", Type: TypeIdentityResponse, Out: true, Reply: "asked"}
	lost := answer
	lost.Status = dead
	for name, c := range map[string]struct {
		notes []Note
		want  string
	}{
		"a request":               {[]Note{asked}, TypeIdentityRequest},
		"one that was answered":   {[]Note{asked, answer}, ""},
		"an answer that was lost": {[]Note{asked, lost}, TypeIdentityRequest},
	} {
		if got := (&Book{Notes: c.notes}).glance(TurnUs); got.Type != c.want || !got.Urgent {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
