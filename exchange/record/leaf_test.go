package record

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func exampleLeaf() Leaf {
	return Leaf{
		V: 1, Kind: "message", Partner: "KH", Direction: "in", Seq: 12, JTI: "01J-example-message", Type: "identity_verification_request",
		Case: "case-2026-0001", At: time.Date(2026, 11, 23, 10, 0, 0, 7e6, time.UTC), Commitment: Commit([32]byte{1}, []byte("synthetic")),
	}
}

const exampleLeafText = `{"v":1,"kind":"message","partner":"KH","direction":"in","seq":12,"jti":"01J-example-message",` +
	`"type":"identity_verification_request","case":"case-2026-0001","at":"2026-11-23T10:00:00.007Z",` +
	`"commitment":"hcTY99087amc_Md7PoUE8XDOoLZ1rG4udTzI6qzf0TE"}`

func TestLeafMarshal(t *testing.T) {
	got := exampleLeaf().Marshal()
	if string(got) != exampleLeafText {
		t.Errorf("leaf is\n%s\nnot\n%s", got, exampleLeafText)
	}
	event := Leaf{V: 1, Kind: "event", At: time.Unix(0, 0)}
	if got, want := string(event.Marshal()), `{"v":1,"kind":"event","at":"1970-01-01T00:00:00.000Z","commitment":"`+strings.Repeat("A", 43)+`"}`; got != want {
		t.Errorf("a leaf without optional members is %s, not %s", got, want)
	}
}

func TestLeafRoundTrip(t *testing.T) {
	odd := exampleLeaf()
	odd.Case = "quote \" backslash \\ newline \n bell \a ខ្មែរ \u2028 <>&"
	for _, l := range []Leaf{exampleLeaf(), odd, {V: 1, Kind: "access", At: time.Unix(0, 0).UTC()}} {
		raw := l.Marshal()
		if !json.Valid(raw) {
			t.Errorf("%s is not JSON", raw)
		}
		got, err := ParseLeaf(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		if got != l {
			t.Errorf("%s is read as %+v, not %+v", raw, got, l)
		}
	}
	broken := exampleLeaf()
	broken.Case = "broken \xff byte"
	if _, err := ParseLeaf(broken.Marshal()); err != nil {
		t.Errorf("a leaf made with a broken string does not parse: %v", err)
	}
}

func TestParseLeafRefuses(t *testing.T) {
	change := func(old, to string) string {
		if !strings.Contains(exampleLeafText, old) {
			t.Fatalf("the example has no %s", old)
		}
		return strings.Replace(exampleLeafText, old, to, 1)
	}
	for name, text := range map[string]string{
		"nothing":           "",
		"another version":   change(`"v":1`, `"v":2`),
		"no version":        change(`"v":1,`, ``),
		"space":             change(`,"kind"`, `, "kind"`),
		"trailing newline":  exampleLeafText + "\n",
		"trailing bytes":    exampleLeafText + "{}",
		"unknown kind":      change(`"message"`, `"massage"`),
		"unknown direction": change(`"in"`, `"up"`),
		"other order":       change(`"partner":"KH","direction":"in"`, `"direction":"in","partner":"KH"`),
		"unknown member":    change(`"seq":12`, `"seq":12,"name":"x"`),
		"duplicate member":  change(`"seq":12`, `"seq":12,"seq":12`),
		"empty member":      change(`"partner":"KH"`, `"partner":""`),
		"leading zero":      change(`"seq":12`, `"seq":012`),
		"zero number":       change(`"seq":12`, `"seq":0`),
		"negative number":   change(`"seq":12`, `"seq":-1`),
		"plus":              change(`"seq":12`, `"seq":+12`),
		"fraction":          change(`"seq":12`, `"seq":12.0`),
		"number too large":  change(`"seq":12`, `"seq":9223372036854775808`),
		"needless escape":   change(`"KH"`, `"\u004bH"`),
		"upper-case escape": change(`"KH"`, `"\u001F"`),
		"slash escape":      change(`"KH"`, `"\/"`),
		"cut escape":        change(`"KH"`, `"\u00"`),
		"raw control":       change(`"KH"`, "\"\x01\""),
		"broken UTF-8":      change(`"KH"`, "\"\xff\""),
		"microseconds":      change(`.007Z`, `.007000Z`),
		"no milliseconds":   change(`.007Z`, `Z`),
		"other zone":        change(`.007Z`, `.007+00:00`),
		"no such day":       change(`2026-11-23`, `2026-02-30`),
		"short commitment":  change(`f0TE"`, `"`),
		"padding":           change(`f0TE"`, `f0TE="`),
		"loose base64":      change(`f0TE"`, `f0TF"`),
		"not closed":        strings.TrimSuffix(exampleLeafText, "}"),
		"too long":          change(`KH`, strings.Repeat("K", MaxLeaf)),
	} {
		if l, err := ParseLeaf([]byte(text)); err == nil {
			t.Errorf("%s: %s is accepted as %+v", name, text, l)
		} else if strings.Contains(err.Error(), "case-2026") {
			t.Errorf("%s: the error shows what the leaf says: %v", name, err)
		}
	}
}

func TestCommit(t *testing.T) {
	one := Commit([32]byte{1}, []byte("synthetic"))
	if one == Commit([32]byte{2}, []byte("synthetic")) || one == Commit([32]byte{1}, []byte("synthetiq")) {
		t.Error("a commitment does not depend on the salt or on the bytes")
	}
}

func FuzzParseLeaf(f *testing.F) {
	seeds := 0
	for _, s := range []string{exampleLeafText, `{"v":1,"kind":"event","at":"1970-01-01T00:00:00.000Z","commitment":"` + strings.Repeat("A", 43) + `"}`, `{"v":1,"kind":"a\u0001\"\\`} {
		f.Add([]byte(s))
		if _, err := ParseLeaf([]byte(s)); err == nil {
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seed is a leaf")
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLeaf(data)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Marshal(), data) || !json.Valid(data) {
			t.Errorf("%q is accepted, but is not canonical", data)
		}
	})
}

func BenchmarkLeafMarshal(b *testing.B) {
	l := exampleLeaf()
	b.ReportAllocs()
	for b.Loop() {
		l.Marshal()
	}
}

func BenchmarkParseLeaf(b *testing.B) {
	raw := exampleLeaf().Marshal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseLeaf(raw); err != nil {
			b.Fatal(err)
		}
	}
}
