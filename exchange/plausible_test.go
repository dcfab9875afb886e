package exchange

import (
	"testing"
	"time"
)

// A day that cannot be is refused where it stands, however it is written; one that may
// be is not.
func TestImplausibleDays(t *testing.T) {
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	for day, want := range map[string]string{
		"1989-04-01": "", "2026-11-02": "", "2026-11-03": "", "2026": "", "200X": "", "1897": "",
		"2089-04-01": "day-future", "2027": "day-future", "203X": "day-future", "2026-12": "day-future",
		"1800": "day-past", "1895~": "day-past",
	} {
		err := implausible(map[string]any{"subjects": []any{map[string]any{}, map[string]any{"date_of_birth": day}}}, "/body", now)
		if want == "" && err == nil {
			continue
		}
		if p := AsProblem(err); p.Rule != want || p.Pointer != "/body/subjects/1/date_of_birth" || len(p.Errors) != 1 {
			t.Errorf("%s: %v, want %q", day, err, want)
		}
	}
}

// Nobody has declared tomorrow that they want to return, and no danger was looked at then.
func TestImplausibleDeclarations(t *testing.T) {
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	for name, member := range map[string]string{"voluntariness": "declared_on", "non_refoulement": "checked_on", "guardian": "agreed_on", "consent": "given_on"} {
		for day, want := range map[string]string{"2026-11-02": "", "2026-12-24": "day-future"} {
			err := implausible(map[string]any{"subjects": []any{map[string]any{name: map[string]any{member: day}}}}, "/body", now)
			if want == "" && err == nil {
				continue
			}
			if p := AsProblem(err); p.Rule != want || p.Pointer != "/body/subjects/0/"+name+"/"+member {
				t.Errorf("%s on %s: %v, want %q", member, day, err, want)
			}
		}
	}
}
