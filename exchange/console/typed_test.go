package console

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

func catalogueOf(t *testing.T) *schemas.Catalogue {
	t.Helper()
	c, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parsed(t *testing.T, text []byte) any {
	t.Helper()
	v, err := schemas.Parse(text, schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What a body says can be typed: filled into a form and read off it again, it is
// the same body.
func TestEveryExampleCanBeTyped(t *testing.T) {
	c := catalogueOf(t)
	zone := time.FixedZone("", 7*3600)
	for _, typ := range c.Types() {
		if typ.Name == "correction" { // it is made from what it corrects
			continue
		}
		want := parsed(t, schemas.Example(typ.Name))
		form := newTyped(c, typ.Name, url.Values{}, zone)
		form.fill(want)
		text, err := json.Marshal(form.body())
		if err != nil {
			t.Fatal(err)
		}
		got := parsed(t, text)
		if !reflect.DeepEqual(got, want) {
			expected, _ := json.Marshal(want)
			t.Errorf("%s:\n got %s\nwant %s", typ.Name, text, expected)
		}
		if err := c.Validate(typ.Name, got); err != nil {
			t.Errorf("%s: %v", typ.Name, err)
		}
	}
}

func TestTyped(t *testing.T) {
	form := newTyped(catalogueOf(t), "identity_verification_request", url.Values{
		"/subjects#n":                     {"2"},
		"/subjects/0/subject_ref":         {"S-1"},
		"/subjects/0/name/native":         {"  Nguyễn Thị Mẫu "},
		"/subjects/0/date_of_birth#y":     {"1998"},
		"/subjects/0/date_of_birth#m":     {"5"},
		"/subjects/0/date_of_birth#c":     {"~"},
		"/subjects/0/claimed_citizenship": {"Việt Nam (VN)"},
		"/subjects/1/subject_ref":         {"S-2"},
		"/subjects/1/name/native":         {"ចាន់ធី"},
		"/subjects/1/date_of_birth#d":     {"31"},
		"/subjects/1/claimed_citizenship": {"viet  nam"},
	}, time.UTC)
	check := func(want string) {
		t.Helper()
		got, err := json.Marshal(form.body())
		if err != nil || string(got) != want {
			t.Errorf("\n got %s\nwant %s (%v)", got, want, err)
		}
	}
	check(`{"subjects":[{"claimed_birthplace":{},"claimed_citizenship":"VN","date_of_birth":"1998-05~","name":{"latin":"Nguyễn Thị Mẫu","native":"Nguyễn Thị Mẫu","script":"Latn"},"subject_ref":"S-1"},` +
		`{"claimed_birthplace":{},"claimed_citizenship":"VN","date_of_birth":"--31","name":{"native":"ចាន់ធី","script":"Khmr"},"subject_ref":"S-2"}]}`)
	form.remove("/subjects/0")
	check(`{"subjects":[{"claimed_birthplace":{},"claimed_citizenship":"VN","date_of_birth":"--31","name":{"native":"ចាន់ធី","script":"Khmr"},"subject_ref":"S-2"}]}`)
	form.add("/subjects/0/documents")
	form.add("/subjects/0/name") // no list
	form.remove("/subjects/7")
	form.remove("nonsense")
	check(`{"subjects":[{"claimed_birthplace":{},"claimed_citizenship":"VN","date_of_birth":"--31","documents":[{}],"name":{"native":"ចាន់ធី","script":"Khmr"},"subject_ref":"S-2"}]}`)
}

func TestInstantsAsPeopleTypeThem(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	for typedHour, want := range map[string]string{
		"9:00": "2026-10-07T09:00:00+07:00", "09h30": "2026-10-07T09:30:00+07:00", "9h": "2026-10-07T09:00:00+07:00",
		"0915": "2026-10-07T09:15:00+07:00", "25:00": "2026-10-07T25:00", "": "2026-10-07T", "morning": "2026-10-07Tmorning",
	} {
		form := newTyped(catalogueOf(t), "handover_notice", url.Values{"/at#d": {"7"}, "/at#m": {"10"}, "/at#y": {"2026"}, "/at#t": {typedHour}}, zone)
		if got := form.body()["at"]; got != want {
			t.Errorf("%q is %v, want %s", typedHour, got, want)
		}
	}
}

// A name that is typed once follows its correction: what was taken from it for another
// field comes back empty, and is taken from the new one. What somebody wrote stays.
func TestTypedNamesFollow(t *testing.T) {
	for _, c := range []struct{ native, latin, script, corrected, want string }{
		{"Trần Văn Lỗi", "Trần Văn Lỗi", "Latn", "Hoàn Toàn Khác", `{"latin":"Hoàn Toàn Khác","native":"Hoàn Toàn Khác","script":"Latn"}`},
		{"Trần Văn Lỗi", "Tran Van Loi", "Latn", "Hoàn Toàn Khác", `{"latin":"Tran Van Loi","native":"Hoàn Toàn Khác","script":"Latn"}`},
		{"ចាន់ធី", "Chanthy", "Khmr", "Chanthy", `{"latin":"Chanthy","native":"Chanthy","script":"Latn"}`},
		{"陳美", "Chen Mei", "Hant", "陳明", `{"latin":"Chen Mei","native":"陳明","script":"Hant"}`},
	} {
		form := newTyped(catalogueOf(t), "identity_verification_request", url.Values{}, time.UTC)
		form.fill(map[string]any{"subjects": []any{map[string]any{"name": map[string]any{"native": c.native, "latin": c.latin, "script": c.script}}}})
		form.values.Set("/subjects/0/name/native", c.corrected)
		got, err := json.Marshal(at(form.body(), "/subjects/0/name"))
		if err != nil || string(got) != c.want {
			t.Errorf("%s, corrected, is %s, want %s (%v)", c.native, got, c.want, err)
		}
	}
}

// A code is meant by its label, or by a part of one that no other label has, with or
// without marks; what several have is left as it was typed.
func TestCodesAsPeopleTypeThem(t *testing.T) {
	for _, c := range []struct{ list, text, want string }{
		{"border-gates", "cau-treo", "cau-treo"}, {"border-gates", "Cầu Treo", "cau-treo"}, {"border-gates", "cau treo", "cau-treo"}, {"border-gates", "Nam Phao", "cau-treo"},
		{"border-gates", "Móng Cái – Đông Hưng", "mong-cai"}, {"border-gates", "Nội Bài", "noi-bai"}, {"border-gates", "ນ້ຳພາວ", "cau-treo"},
		{"border-gates", "Lao", "Lao"}, {"border-gates", "sân bay", "sân bay"}, {"border-gates", "ca", "ca"}, {"border-gates", "Treo Phao", "Treo Phao"},
		{"iso-3166-1", "Guinea", "GN"}, {"iso-3166-1", "Viet Nam", "VN"}, {"iso-3166-1", "Việt", "VN"},
	} {
		list, ok := schemas.List(c.list)
		if got := codeTyped(list, c.text); !ok || got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.list, c.text, got, c.want)
		}
	}
}
