package exchange

import (
	"testing"
	"time"
)

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
		if got := (&Book{Notes: c.notes}).glance(CaseRow{Turn: TurnUs}); got.Type != c.want || !got.Urgent {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A book that an earlier program wrote has not noted when its case is due, and says nothing
// against any row; one that has noted it does, also where no clock runs.
func TestBookAgreesWhenDue(t *testing.T) {
	day := time.Date(2026, 12, 1, 23, 59, 59, 0, time.FixedZone("", 7*3600))
	for _, c := range []struct {
		noted, is time.Time
		agrees    bool
	}{{day, day.UTC(), true}, {day, time.Time{}, false}, {time.Time{}, day, false}, {time.Time{}, time.Time{}, true}} {
		book, err := readBook((&Book{Due: &c.noted}).bytes())
		if err != nil || book.agrees(CaseRow{DueAt: c.is}) != c.agrees {
			t.Errorf("noted %s, is %s: %v", c.noted, c.is, err)
		}
	}
	old, err := readBook([]byte(`{"notes":[]}`))
	if err != nil || !old.agrees(CaseRow{DueAt: day}) || !old.agrees(CaseRow{}) {
		t.Errorf("nothing noted: %+v %v", old, err)
	}
}
