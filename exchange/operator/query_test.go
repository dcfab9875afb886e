package operator

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

func asked(path string, header ...string) *request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return &request{r, &exchange.Officer{ID: "mai"}}
}

// A cursor that a list gave is read back as it was, by that list alone.
func FuzzCursor(f *testing.F) {
	f.Add("KH", "case-0001", int64(1795428000000), int64(42), "state=OPENED", "")
	f.Add("", "", int64(0), int64(0), "", "!")
	f.Add("GB", "ß~", int64(-1), int64(1<<40), "turn=us&limit=3", "eyJsIjoiIn0")
	f.Fuzz(func(t *testing.T, partner, id string, at, index int64, filters, junk string) {
		if !plain(partner) || !plain(id) {
			return // no partner and no case is named so
		}
		values, err := url.ParseQuery(filters)
		if err != nil {
			return
		}
		values.Del("cursor")
		first := asked("/v1/cases?" + values.Encode())
		was := cursor{Partner: partner, ID: id, At: at, Index: index}
		values.Set("cursor", first.next(first.query(), was))
		next := asked("/v1/cases?" + values.Encode())
		q := next.query()
		if values.Get("cursor") != "" && len(values.Get("cursor")) <= 512 {
			got := next.cursor(q)
			got.List = ""
			if q.fault != nil || got != was {
				t.Fatalf("%+v became %+v (%v)", was, got, q.fault)
			}
		}
		elsewhere := asked("/v1/messages?" + values.Encode())
		if q := elsewhere.query(); elsewhere.cursor(q) != (cursor{}) && q.fault == nil {
			t.Fatal("another list takes it")
		}
		values.Set("cursor", junk)
		broken := asked("/v1/cases?" + values.Encode())
		broken.cursor(broken.query()) // must not panic
	})
}

// The id of an event is where the feed goes on.
func FuzzEventID(f *testing.F) {
	f.Add(int64(0), "VN-7")
	f.Add(int64(1<<40), "VN--1")
	f.Add(int64(-1), "VN-+7")
	f.Fuzz(func(t *testing.T, index int64, text string) {
		s := &Server{cfg: Config{Self: "VN"}}
		if index >= -1 && index < 1<<60 {
			if from, ok := s.from(eventID("VN", index)); !ok || from != index+1 {
				t.Fatalf("%d is read as %d %v", index, from, ok)
			}
		}
		if from, ok := s.from(text); ok && text != "" && text != "latest" && eventID("VN", from-1) != text {
			t.Fatalf("%q is read as %d", text, from)
		}
	})
}

// A reason is read as it was meant, or not at all.
func FuzzReason(f *testing.F) {
	f.Add("release of case 7")
	f.Add("xác minh danh tính 100 %")
	f.Add("a\r\nb")
	f.Fuzz(func(t *testing.T, reason string) {
		if got, err := asked("/", reasonHeader, url.PathEscape(reason)).reason(); err != nil || got != reason {
			t.Fatalf("%q became %q (%v)", reason, got, err)
		}
		if got, err := asked("/", reasonHeader, reason).reason(); err == nil && strings.ContainsFunc(reason, func(r rune) bool { return r > '~' }) {
			t.Fatalf("%q is taken as %q", reason, got)
		}
	})
}

func TestSecrets(t *testing.T) {
	for secret, good := range map[string]bool{
		"whsec_" + strings.Repeat("A", 32): true, "whsec_" + strings.Repeat("A", 88): false, "whsec_" + strings.Repeat("A", 28): false,
		strings.Repeat("A", 32): false, "whsec_*": false, "": false,
	} {
		if err := CheckSecret(secret); (err == nil) != good {
			t.Errorf("%d characters: %v", len(secret), err)
		}
	}
}
