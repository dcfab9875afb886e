package partners

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAddDays(t *testing.T) {
	hanoi, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	weekend := []time.Weekday{time.Saturday, time.Sunday}
	holiday := &Calendar{days: map[string]bool{"2026-09-02": true}}
	for _, c := range []struct {
		name, from string
		n          int
		unit       string
		calendar   *Calendar
		zone       *time.Location
		want       string
	}{
		{"calendar days", "2026-08-28T03:00:00Z", 3, CalendarDays, nil, hanoi, "2026-08-31T23:59:59+07:00"},
		{"the day is the responsible side's: 18:00 UTC is tomorrow in Hanoi", "2026-08-28T18:00:00Z", 1, CalendarDays, nil, hanoi, "2026-08-30T23:59:59+07:00"},
		{"working days step over a weekend", "2026-08-28T03:00:00Z", 1, WorkingDays, nil, hanoi, "2026-08-31T23:59:59+07:00"},
		{"and over a holiday", "2026-08-31T03:00:00Z", 2, WorkingDays, holiday, hanoi, "2026-09-03T23:59:59+07:00"},
		{"a holiday is a calendar day", "2026-08-31T03:00:00Z", 2, CalendarDays, holiday, hanoi, "2026-09-02T23:59:59+07:00"},
		{"summer time ends on the way", "2026-10-23T12:00:00Z", 3, CalendarDays, nil, london, "2026-10-26T23:59:59Z"},
	} {
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.calendar.AddDays(from, c.n, c.unit, c.zone, weekend).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Between the start and the end of n working days lie exactly n of them, and
// the last day is one.
func TestWorkingDaysAreCounted(t *testing.T) {
	zone := time.FixedZone("", 7*3600)
	rapid.Check(t, func(t *rapid.T) {
		from := time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "from"), 0)
		n := rapid.IntRange(1, 60).Draw(t, "n")
		c := &Calendar{days: map[string]bool{}}
		for _, d := range rapid.SliceOfN(rapid.IntRange(0, 90), 0, 20).Draw(t, "holidays") {
			c.days[from.In(zone).AddDate(0, 0, d).Format(time.DateOnly)] = true
		}
		weekend := []time.Weekday{time.Saturday, time.Sunday}
		end := c.AddDays(from, n, WorkingDays, zone, weekend)
		worked := 0
		for day := from.In(zone).AddDate(0, 0, 1); !day.After(end); day = day.AddDate(0, 0, 1) {
			if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !c.days[day.Format(time.DateOnly)] {
				worked++
			}
		}
		if worked != n || !c.working(end, weekend) {
			t.Fatalf("%d working days until %s, want %d", worked, end, n)
		}
	})
}
