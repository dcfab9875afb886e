package export

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// crowd makes n persons, each by what make makes of it.
func crowd(n int, make func(i int, p *person)) []*person {
	var out []*person
	for i := range n {
		p := &person{services: map[string]bool{}, steps: map[string]time.Time{}}
		make(i, p)
		out = append(out, p)
	}
	return out
}

func line(t *testing.T, made map[string][]*cell, table, row string) []string {
	t.Helper()
	for _, c := range made[table] {
		if c.row == row {
			return c.cells()[4:8] // count, of, share, median
		}
	}
	t.Fatalf("%s has no line %s", table, row)
	return nil
}

// What is large enough is told, with its numerator and its denominator.
func TestTables(t *testing.T) {
	start := time.Date(2026, 9, 1, 2, 0, 0, 0, time.UTC)
	people := crowd(40, func(i int, p *person) {
		p.self = i >= 30
		p.rescued, p.handedOver = i < 20, i >= 20 && i < 30
		p.verified, p.confirmed, p.received = i < 30, i < 20, i < 20
		p.supported, p.services["lodging"], p.services["medical"] = i < 20, i < 10, i < 3
		p.formKnown, p.brokered = i < 30, i < 15
		p.steps[exchange.TypeIdentityRequest] = start
		if i < 30 {
			p.steps[exchange.TypeIdentityResponse] = start.AddDate(0, 0, 1+i%3)
		}
		p.place = placeOf{"82", "82"} // Tiền Giang, now part of Đồng Tháp
		if i >= 20 {
			p.place = placeOf{"87", "82"}
		}
	})
	made := tables(people, []*clockCount{{kept: 30, over: 10}}, 5)
	for _, c := range []struct{ table, row, count, of, share, median string }{
		{"outcomes", "reported", "40", "40", "100.0", ""},
		{"outcomes", "verified", "30", "40", "75.0", ""},
		{"outcomes", "confirmed", "20", "40", "50.0", ""},
		{"routes", "rescued", "20", "40", "50.0", ""},
		{"routes", "self_returned", "10", "40", "25.0", ""},
		{"routes", "not_known", "0", "40", "0.0", ""},
		{"services", "lodging", "10", "20", "50.0", ""},
		{"services", "medical", "", "20", "", ""}, // three persons
		{"lodging", "lodging", "10", "20", "50.0", ""},
		{"brokered_marriage", "brokered_marriage", "15", "30", "50.0", ""},
		{"steps", "identity", "30", "40", "75.0", "2.0"},
		{"provinces", "82", "20", "40", "50.0", ""}, // see below: the first line of that code is the new one
	} {
		got := line(t, made, c.table, c.row)
		if c.table == "provinces" {
			got = made["provinces"][provinceLine(t, made, "82", "82")].cells()[4:8]
		}
		if want := []string{c.count, c.of, c.share, c.median}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s, %s: %q, want %q", c.table, c.row, got, want)
		}
	}
	if c := made["deadlines"][0]; c.n != 30 || c.of != 40 || c.hidden {
		t.Errorf("a deadline: %+v", c)
	}
}

func provinceLine(t *testing.T, made map[string][]*cell, row, under string) int {
	t.Helper()
	for i, c := range made["provinces"] {
		if c.row == row && c.under == under {
			return i
		}
	}
	t.Fatalf("no province %s under %s", row, under)
	return 0
}

// Below a province that is hidden nothing is told, and among the old ones of
// one that is shown no small one.
func TestProvincesHideWhatIsUnderThem(t *testing.T) {
	people := crowd(30, func(i int, p *person) {
		p.place = placeOf{"82", "82"}
		if i == 0 {
			p.place = placeOf{"87", "82"}
		}
	})
	for _, c := range tables(people, nil, 5)["provinces"] {
		if c.under == "82" && !c.hidden {
			t.Errorf("%s under 82 is shown: %v", c.row, c.cells())
		}
		if c.under == "" && c.row == "82" && (c.hidden || c.n != 30) {
			t.Errorf("the province itself: %v", c.cells())
		}
	}
	people = append(people, crowd(2, func(_ int, p *person) { p.place = placeOf{"01", "01"} })...)
	for _, c := range tables(people, nil, 5)["provinces"] {
		if cells := c.cells(); c.n > 0 && (cells[4] != "" || c.under != "" && cells[5] != "") {
			t.Errorf("%s under %q: %v", c.row, c.under, cells)
		}
	}
}

// What a spreadsheet would run is a text.
func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "+84 24": "'+84 24", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "＝1": "'＝1", "": "", "Nguyễn": "Nguyễn", "1-2": "1-2", "Mẫu;=1+1": "Mẫu;'=1+1", "a\n-1": "a\n'-1", "xx\r\n=1+1": "xx\r\n'=1+1", "a\n\n=1": "a\n\n'=1", "two\r\nlines": "two\r\nlines", "a; b": "a; b"} {
		if got := harmless(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A report is called after the days of whoever ordered it, and of nobody.
func TestFileName(t *testing.T) {
	zone := time.FixedZone("", 7*60*60)
	wish := exchange.ReportWish{Kind: KindSubject, Subject: "S-1", Scope: exchange.Scope{Partner: "KH", Case: "case-0001", From: time.Date(2026, 8, 1, 0, 0, 0, 0, zone), To: time.Date(2026, 12, 1, 0, 0, 0, 0, zone)}}
	kept, err := json.Marshal(wish)
	if err != nil {
		t.Fatal(err)
	}
	var read exchange.ReportWish // as the one who makes it reads it
	if err := json.Unmarshal(kept, &read); err != nil {
		t.Fatal(err)
	}
	if name := fileName(read, ".zip"); name != "subject-KH-case-0001-20260801-20261130.zip" {
		t.Error(name)
	}
}
