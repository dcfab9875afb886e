package schemas

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// What exports and the console rely on, at some places of each kind.
func TestFields(t *testing.T) {
	c := loaded(t)
	for _, want := range []struct {
		typ string
		Field
	}{
		{"victim_identification_notice", Field{Pointer: "/subjects/*/trafficking_status", Title: Words{"Trafficking status", "Tình trạng nạn nhân"}, Type: "string", Required: true, CodeList: "htcds-trafficking-status", HTCDS: "vic_TraffickingStatus", Personal: Sensitive}},
		{"victim_identification_notice", Field{Pointer: "/subjects/*/name/given", Title: Words{"Given names", "Tên đệm và tên"}, Type: "string", HTCDS: "prs_FirstName", Personal: Identifying, Limit: 256}},
		{"victim_identification_notice", Field{Pointer: "/subjects/*/type_of_exploitation", Title: Words{"Type of exploitation", "Hình thức bóc lột"}, Type: "array", Elements: "string", CodeList: "htcds-exploitation-types", HTCDS: "vic_TypeOfExploitation", Personal: Sensitive, Limit: 11}},
		{"victim_identification_notice", Field{Pointer: "/subjects/*/needs", Title: Words{"Needs", "Nhu cầu"}, Type: "object", Required: true, CodeList: "needs", Personal: Sensitive}},
		{"victim_identification_notice", Field{Pointer: "/subjects/*/needs/medical", Title: Words{"Medical care", "Y tế"}, Type: "boolean", Personal: Sensitive}},
		{"identity_verification_request", Field{Pointer: "/subjects", Title: Words{"Subjects", "Những người"}, Type: "array", Elements: "object", Required: true, Limit: 50}},
		{"identity_verification_request", Field{Pointer: "/subjects/*/date_of_birth", Title: Words{"Date of birth", "Ngày sinh"}, Type: "string", Format: "edtf", Required: true, HTCDS: "prs_Birthdate", Personal: Identifying, Limit: 11}},
		{"identity_verification_request", Field{Pointer: "/subjects/*/father/name/native", Title: Words{"Name in its own script", "Họ tên theo chữ gốc"}, Type: "string", Required: true, Personal: Identifying, Limit: 256}},
		{"identity_verification_request", Field{Pointer: "/subjects/*/documents/*/number", Title: Words{"Number", "Số"}, Type: "string", Personal: Identifying, Limit: 40}},
		{"identity_verification_request", Field{Pointer: "/subjects/*/claimed_citizenship", Title: Words{"Claimed citizenship", "Quốc tịch theo lời khai"}, Type: "string", Format: "country", Required: true, CodeList: "iso-3166-1", HTCDS: "prs_Citizenship"}},
		{"correction", Field{Pointer: "/changes/*/value", Title: Words{"Value", "Giá trị"}, Personal: Identifying, Sometimes: true}},
		{"nationality_confirmation", Field{Pointer: "/subjects/*/evidence_types", Title: Words{"Kinds of evidence", "Loại chứng cứ"}, Type: "array", Elements: "string", CodeList: "nationality-evidence", Sometimes: true, Limit: 9}},
		{"erasure_confirmation", Field{Pointer: "/kept_because", Title: Words{"Kept because", "Lý do giữ lại"}, Type: "array", Elements: "string", CodeList: "erasure-kept-reasons", Sometimes: true, Limit: 5}},
		{"repatriation_request", Field{Pointer: "/subjects/*/voluntariness/declared", Title: Words{"Declared", "Đã tuyên bố"}, Type: "boolean", Required: true, Fixed: true, Personal: Sensitive}},
		{"handover_notice", Field{Pointer: "/gate", Title: Words{"Border gate", "Cửa khẩu"}, Type: "string", Required: true, CodeList: "border-gates"}},
	} {
		got, ok := c.Field(want.typ, want.Pointer)
		want.Description = got.Description
		if !ok || got != want.Field || got.Description.EN == "" || got.Description.VI == "" {
			t.Errorf("%s:\n got %+v\nwant %+v", want.typ, got, want.Field)
		}
	}
	if f, ok := c.Field("identity_verification_request", "/subjects/12/documents/0/number"); !ok || f.Pointer != "/subjects/*/documents/*/number" {
		t.Error("an element's number does not lead to its field")
	}
	if _, ok := c.Field("identity_verification_request", "/subjects/0/shoe_size"); ok {
		t.Error("a field that does not exist is found")
	}
}

// The fields come in the order of the schema, what holds them first, and are
// the places that HasField knows.
func TestFieldsAreInOrderAndComplete(t *testing.T) {
	c := loaded(t)
	if c.Fields("unknown") != nil {
		t.Error("an unknown type has fields")
	}
	for _, typ := range c.Types() {
		fields := c.Fields(typ.Name)
		seen := map[string]bool{"": true}
		for _, f := range fields {
			if !c.HasField(typ.Name, f.Pointer) {
				t.Errorf("%s has no place for %s", typ.Name, f.Pointer)
			}
			parent, _ := cut(strings.TrimSuffix(f.Pointer, "/*"))
			if parent = strings.TrimSuffix(parent, "/*"); !seen[parent] {
				t.Errorf("%s: %s comes before what holds it", typ.Name, f.Pointer)
			}
			if seen[f.Pointer] {
				t.Errorf("%s: %s comes twice", typ.Name, f.Pointer)
			}
			seen[f.Pointer] = true
			if f.Title.EN == "" || f.Title.VI == "" || f.Type == "" && f.Pointer != "/changes/*/value" {
				t.Errorf("%s: %s has no title or no type", typ.Name, f.Pointer)
			}
		}
	}
	var order []string
	for _, f := range c.Fields("erasure_confirmation") {
		order = append(order, f.Pointer)
	}
	if !slices.Equal(order, []string{"/outcome", "/erased_on", "/kept_because", "/review_on"}) {
		t.Errorf("the order is %v", order)
	}
}

// Whatever could say who a person is, is marked: the console masks by it.
func TestIdentifyingFieldsAreMarked(t *testing.T) {
	c := loaded(t)
	words := []string{"name", "date_of_birth", "birthplace", "residence", "document/", "documents/*/", "cccd", "photo", "relatives", "parent", "mrz", "/value"}
	harmless := []string{"/fields/", "handover_record/"} // verdicts, and kinds of document
	marked := 0
	for _, typ := range c.Types() {
		for _, f := range c.Fields(typ.Name) {
			at := typ.Name + f.Pointer
			says := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(at, w) })
			says = says && !slices.ContainsFunc(harmless, func(h string) bool { return strings.Contains(at, h) })
			if says && f.Personal != Identifying {
				t.Errorf("%s may say who a person is and is not marked", at)
			}
			if f.Personal != "" {
				marked++
			}
		}
	}
	if marked < 100 {
		t.Errorf("only %d fields are marked", marked)
	}
	// What police exchange may hold nothing of the kind, nor may an erasure.
	for _, typ := range []string{"case_information_request", "case_information_response", "erasure_notice", "erasure_confirmation", "withdrawal"} {
		for _, f := range c.Fields(typ) {
			if f.Personal == Identifying {
				t.Errorf("%s has the identifying field %s", typ, f.Pointer)
			}
		}
	}
}

// The names of HTCDS 2.0 that fields point to; the standard is not in this
// repository, so a new one is added here by somebody who has looked it up.
func TestHTCDSNamesExist(t *testing.T) {
	known := []string{
		"prs_FirstName", "prs_SecondName", "prs_Birthdate", "prs_Gender", "prs_Citizenship", "prs_IdentityNumber",
		"vic_TraffickingStatus", "vic_TraffickingStatusDecisionMakingOrg", "vic_TypeOfExploitation", "per_RoleInProcess",
		"org_Type", "spl_Type", "con_Consent",
	}
	used := map[string]bool{}
	c := loaded(t)
	for _, typ := range c.Types() {
		for _, f := range c.Fields(typ.Name) {
			if f.HTCDS != "" && !slices.Contains(known, f.HTCDS) {
				t.Errorf("%s%s points to %s", typ.Name, f.Pointer, f.HTCDS)
			}
			used[f.HTCDS] = true
		}
	}
	for _, name := range known {
		if !used[name] {
			t.Errorf("nothing points to %s", name)
		}
	}
}

// Every value that is taken from a list has labels: an enum without a list has
// none.
func TestEveryEnumNamesItsList(t *testing.T) {
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var visit func(at string, v any)
	visit = func(at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if m["enum"] != nil {
			seen++
			if m["x-codes"] == nil {
				t.Errorf("%s is an enum that names no code list", at)
			}
		}
		for _, holder := range []string{"properties", "$defs"} {
			named, _ := m[holder].(map[string]any)
			for name, p := range named {
				visit(at+"/"+name, p)
			}
		}
		visit(at+"/items", m["items"])
	}
	for _, e := range entries {
		if !e.IsDir() {
			visit(e.Name(), parse(t, mustRead(t, e.Name())))
		}
	}
	if seen < 50 {
		t.Errorf("only %d enums were seen", seen)
	}
	// The flags have their labels twice; they are the same.
	c := loaded(t)
	for pointer, name := range map[string]string{"victim_identification_notice /subjects/*/needs/": "needs", "support_follow_up /subjects/*/services/": "services"} {
		typ, at, _ := strings.Cut(pointer, " ")
		for code := range list(t, name).Codes() {
			if f, _ := c.Field(typ, at+code.Code); f.Title.EN != code.Label("en") || f.Title.VI != code.Label("vi") {
				t.Errorf("%s has the titles %v and the labels %s, %s", code.Code, f.Title, code.Label("en"), code.Label("vi"))
			}
		}
	}
}

// folder returns the real schemas with some put in their place or beside them.
func folder(t testing.TB, changed map[string]string) fstest.MapFS {
	t.Helper()
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for _, e := range entries {
		if !e.IsDir() {
			out[e.Name()] = &fstest.MapFile{Data: mustRead(t, e.Name())}
		}
	}
	for name, text := range changed {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestASecondVersionLivesBesideTheFirst(t *testing.T) {
	second := strings.Replace(string(mustRead(t, "withdrawal.v1.json")), "withdrawal.v1.json", "withdrawal.v2.json", 1)
	c, err := load(folder(t, map[string]string{"withdrawal.v2.json": second}))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Has("withdrawal") || !c.Has("withdrawal.v2") || c.Has("withdrawal.v1") {
		t.Error("the two versions are not withdrawal and withdrawal.v2")
	}
	for name, file := range map[string]string{"withdrawal": "withdrawal.v1.json", "withdrawal.v2": "withdrawal.v2.json"} {
		if got := fileOfType(name); got != file {
			t.Errorf("%s is in %s, not %s", name, got, file)
		}
		if got, err := typeOfFile(file); got != name || err != nil {
			t.Errorf("%s is %s, not %s", file, got, name)
		}
		claims := parse(t, []byte(strings.Replace(string(readFile(t, "testdata/message/ok-request.json")), "identity_verification_request", name, 1)))
		if err := c.ValidateEnvelope(claims); err != nil {
			t.Errorf("the claim type may not be %s: %v", name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	withdrawal := string(mustRead(t, "withdrawal.v1.json"))
	for name, changed := range map[string]map[string]string{
		"a file without a version":                {"withdrawal.json": strings.Replace(withdrawal, "withdrawal.v1.json", "withdrawal.json", 1)},
		"the code of another type":                {"withdrawal.v1.json": strings.Replace(withdrawal, `"WDR"`, `"COR"`, 1)},
		"no code":                                 {"withdrawal.v1.json": strings.Replace(withdrawal, `"x-code": "WDR",`, ``, 1)},
		"a code of four letters":                  {"withdrawal.v1.json": strings.Replace(withdrawal, `"WDR"`, `"WDRW"`, 1)},
		"a list that is not there":                {"withdrawal.v1.json": strings.Replace(withdrawal, `"withdrawal-reasons"`, `"reasons"`, 1)},
		"an enum that is not its list":            {"withdrawal.v1.json": strings.Replace(withdrawal, `"duplicate",`, ``, 1)},
		"flags that are not their list":           {"withdrawal.v1.json": strings.Replace(withdrawal, `"x-code": "WDR",`, `"x-code": "WDR", "x-codes": "needs",`, 1)},
		"a list that nothing asserts":             {"common.v1.json": strings.Replace(string(mustRead(t, commonSchema)), `"format": "country"`, `"minLength": 2`, 1)},
		"a kind of personal data that is unknown": {"common.v1.json": strings.Replace(string(mustRead(t, commonSchema)), `"x-personal": "identifying"`, `"x-personal": "secret"`, 1)},
		"a name that HTCDS cannot have":           {"common.v1.json": strings.Replace(string(mustRead(t, commonSchema)), `"prs_Gender"`, `"Gender"`, 1)},
	} {
		if _, err := load(folder(t, changed)); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
