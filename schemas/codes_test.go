package schemas

import (
	"slices"
	"strings"
	"testing"
)

func list(t testing.TB, name string) CodeList {
	t.Helper()
	l, ok := List(name)
	if !ok {
		t.Fatalf("there is no code list %s", name)
	}
	return l
}

func TestCodeListsSayWhereTheyComeFrom(t *testing.T) {
	if _, err := codeLists(); err != nil {
		t.Fatal(err)
	}
	licences := []string{"as this project", "CC-BY-4.0", "Unicode-3.0", "MIT"}
	for _, l := range Lists() {
		if !slices.Contains(licences, l.Licence) {
			t.Errorf("%s: the licence %q is not one that LICENCES.md explains", l.Name, l.Licence)
		}
		if strings.HasPrefix(l.Name, "htcds-") != strings.Contains(l.Source, "HTCDS") {
			t.Errorf("%s: the source is %s", l.Name, l.Source)
		}
		for c := range l.Codes() {
			if c.Label("vi") == "" || l.Licence == "as this project" && c.labels["en"] == "" {
				t.Errorf("%s: %s has no label", l.Name, c.Code)
			}
		}
	}
	if len(Lists()) < 50 {
		t.Errorf("only %d lists", len(Lists()))
	}
}

func TestCodeListContents(t *testing.T) {
	for name, n := range map[string]int{
		"iso-3166-1": 249, "iso-15924": 150, "vn-units": 34 + 3321 + 1, "vn-provinces": 63, "art32-evidence-sources": 9,
		"htcds-trafficking-status": 3, "htcds-exploitation-types": 11, "htcds-decision-making-organisations": 5,
		"htcds-role-in-process": 15, "htcds-support-plan-types": 9, "htcds-organisation-types": 9,
	} {
		if l := list(t, name); l.Len() != n {
			t.Errorf("%s has %d codes, not %d", name, l.Len(), n)
		}
	}
	for _, c := range []struct{ list, code, language, label string }{
		{"iso-3166-1", "KH", "vi", "Campuchia"},
		{"iso-3166-1", "LA", "lo", "ລາວ"},
		{"iso-3166-1", "VN", "zh-Hans", "越南"},
		{"iso-3166-1", "VN", "fr", "Viet Nam"},
		{"iso-15924", "Khmr", "en", "Khmer"},
		{"languages", "km", "vi", "Tiếng Khmer"},
		{"border-gates", "moc-bai", "km", "បាវិត"},
		{"border-gates", "moc-bai", "lo", "Moc Bai – Bavet"},
		{"border-gates", "a-gate-of-two-partners", "en", "a-gate-of-two-partners"},
		{"vn-units", "82", "en", "Tỉnh Đồng Tháp"},
		{"htcds-trafficking-status", "ActualVictimOfTrafficking", "vi", "Là nạn nhân bị mua bán"},
	} {
		if got := list(t, c.list).Label(c.code, c.language); got != c.label {
			t.Errorf("%s %s in %s: %q, not %q", c.list, c.code, c.language, got, c.label)
		}
	}
	if c, _ := list(t, "vn-units").Lookup("28249"); c.Parent != "82" {
		t.Errorf("28249 is part of %q", c.Parent)
	}
	if c, _ := list(t, "border-gates").Lookup("lao-bao"); !slices.Equal(c.Between, []string{"VN", "LA"}) {
		t.Errorf("lao-bao is between %v", c.Between)
	}
}

// A code that means another place in the new list must not be taken over as it
// is: Tiền Giang was 82, which is Đồng Tháp now, and Đồng Tháp was 87.
func TestOldProvincesLeadToNewOnes(t *testing.T) {
	old, ok := ListByID("vn-provinces-2025-06")
	if !ok {
		t.Fatal("no list of the provinces before July 2025")
	}
	for code, want := range map[string]string{"82": "Tỉnh Đồng Tháp", "87": "Tỉnh Đồng Tháp", "01": "Thành phố Hà Nội", "10": "Tỉnh Lào Cai", "70": "Thành phố Đồng Nai"} {
		next, now, ok := old.Successor(code)
		if !ok || next.ID() != "vn-units-2025-07" || now.Label("vi") != want {
			t.Errorf("%s became %s of %s, not %s", code, now.Label("vi"), next.ID(), want)
		}
	}
	merged := map[string]int{}
	for c := range old.Codes() {
		_, now, ok := old.Successor(c.Code)
		if !ok || now.Parent != "" {
			t.Errorf("%s leads to no province", c.Code)
		}
		merged[now.Code]++
	}
	if len(merged) != 34 {
		t.Errorf("the 63 provinces became %d, not 34", len(merged))
	}
	units := list(t, "vn-units")
	if _, _, ok := units.Successor("82"); ok {
		t.Error("a current list has a successor")
	}
	if _, _, ok := old.Successor("99"); ok {
		t.Error("a code that is not there has a successor")
	}
	if _, ok := ListByID("vn-units-1999-01"); ok {
		t.Error("a list of another version is known")
	}
}

// The values of HTCDS that our own codes point to exist.
func TestHTCDSValuesExist(t *testing.T) {
	for own, htcds := range map[string]string{"sex": "htcds-gender", "services": "htcds-support-plan-types"} {
		pointed := 0
		for c := range list(t, own).Codes() {
			if c.HTCDS == "" {
				continue
			}
			pointed++
			if !list(t, htcds).Has(c.HTCDS) {
				t.Errorf("%s of %s: %s is not in %s", c.Code, own, c.HTCDS, htcds)
			}
		}
		if pointed == 0 {
			t.Errorf("nothing in %s points to HTCDS", own)
		}
	}
}

func TestFormatsAreNamedAsTheirLists(t *testing.T) {
	seen := 0
	for name, f := range formats {
		if f.list == "" {
			continue
		}
		seen++
		l := list(t, f.list)
		if strings.HasPrefix(name, "vn-") && name != l.ID() {
			t.Errorf("the format %s asserts %s", name, l.ID())
		}
		for c := range l.Codes() {
			if !f.assert(c.Code) {
				t.Errorf("%s refuses %s", name, c.Code)
			}
		}
		if f.assert("nowhere") || !f.assert(1) {
			t.Errorf("%s takes what is no code, or judges what is no string", name)
		}
	}
	if seen != 4 {
		t.Errorf("%d formats assert a list", seen)
	}
	for c := range list(t, "languages").Codes() {
		if !language.MatchString(c.Code) {
			t.Errorf("the language %s is no tag that messages may hold", c.Code)
		}
	}
}

func TestParseCodeListRefuses(t *testing.T) {
	const head = `"list":"x","version":"1","source":"s","licence":"l","title":{"en":"X","vi":"X"}`
	if _, err := parseCodeList([]byte(`{` + head + `,"codes":[{"code":"a","vi":"a"},{"code":"b","vi":"b","parent":"a"}]}`)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no JSON":                `{`,
		"unknown member":         `{` + head + `,"colour":"red","codes":[{"code":"a","vi":"a"}]}`,
		"no codes":               `{` + head + `,"codes":[]}`,
		"no source":              `{"list":"x","version":"1","licence":"l","title":{"en":"X","vi":"X"},"codes":[{"code":"a","vi":"a"}]}`,
		"no licence":             `{"list":"x","version":"1","source":"s","title":{"en":"X","vi":"X"},"codes":[{"code":"a","vi":"a"}]}`,
		"no Vietnamese title":    `{"list":"x","version":"1","source":"s","licence":"l","title":{"en":"X"},"codes":[{"code":"a","vi":"a"}]}`,
		"code twice":             `{` + head + `,"codes":[{"code":"a","vi":"a"},{"code":"a","vi":"b"}]}`,
		"no Vietnamese label":    `{` + head + `,"codes":[{"code":"a","en":"a"}]}`,
		"no code":                `{` + head + `,"codes":[{"vi":"a"}]}`,
		"empty label":            `{` + head + `,"codes":[{"code":"a","vi":"a","en":""}]}`,
		"unknown language":       `{` + head + `,"codes":[{"code":"a","vi":"a","fr":"a"}]}`,
		"part of what is not":    `{` + head + `,"codes":[{"code":"a","vi":"a","parent":"b"}]}`,
		"a number for a label":   `{` + head + `,"codes":[{"code":"a","vi":1}]}`,
		"no Vietnamese at all":   `{` + head + `,"codes":[{"code":"a"}]}`,
		"codes that are no list": `{` + head + `,"codes":{"a":"b"}}`,
	} {
		if l, err := parseCodeList([]byte(text)); err == nil {
			t.Errorf("%s: taken as %v", name, l)
		}
	}
	lost := CodeList{Name: "x", successor: "vn-units", codes: []Code{{Code: "a", ReplacedBy: "nowhere"}}}
	if lost.checkSuccessor(map[string]CodeList{"vn-units": list(t, "vn-units")}) == nil || lost.checkSuccessor(nil) == nil {
		t.Error("a code was replaced by one that does not exist")
	}
}
