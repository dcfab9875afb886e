package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var publish = flag.Bool("publish", false, "make the schemas as they are the published ones, unless that would break what is published")

// snapshots returns what would be published now: each schema by its file, and
// the codes that formats assert.
func snapshots(t testing.TB) map[string]any {
	t.Helper()
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	parsed, out := map[string]any{}, map[string]any{}
	for _, e := range entries {
		if !e.IsDir() {
			parsed[e.Name()] = parse(t, mustRead(t, e.Name()))
		}
	}
	for name, v := range parsed {
		if name != commonSchema { // no partner sees it but through the others
			out[name] = inline(parsed, name, v)
		}
	}
	codes := map[string]any{}
	for name, f := range formats {
		if f.list == "" {
			continue
		}
		var all []any
		for c := range list(t, f.list).Codes() {
			all = append(all, c.Code)
		}
		codes[name] = all
	}
	out[codesSnapshot] = codes
	return out
}

// codesSnapshot is the file of the codes that formats assert.
const codesSnapshot = "codes.json"

// No change of a published schema may refuse what partners send today. What is
// permitted stands in docs/catalogue.md; with -publish it becomes the published
// state, which nobody can do to a change that breaks.
func TestPublishedSchemasHold(t *testing.T) {
	now := snapshots(t)
	published, err := filepath.Glob("published/*.json")
	if err != nil || len(published) == 0 && !*publish {
		t.Fatalf("nothing is published: %v", err)
	}
	for _, path := range published {
		name := filepath.Base(path)
		var found []string
		current, ok := now[name]
		switch old := decodeSnapshot(t, readFile(t, path)); {
		case !ok:
			found = []string{"it is gone; a published schema stays"}
		case name == codesSnapshot:
			found = lostCodes(old, current)
		default:
			found = breaks(old, current)
		}
		if len(found) > 0 {
			t.Errorf("%s: this breaks what is published; make a second version of the type instead:\n  %s", name, strings.Join(found, "\n  "))
		}
	}
	if t.Failed() {
		return
	}
	for name, v := range now {
		text := encodeSnapshot(t, v)
		path := filepath.Join("published", name)
		if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, text) {
			continue
		}
		if !*publish {
			t.Errorf("%s is not published as it is now, and breaks nothing; run: go test ./schemas -run Published -publish", name)
		} else if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func lostCodes(old, now any) []string {
	var found []string
	for format, codes := range old.(map[string]any) {
		after := asList(member(now, format))
		for _, code := range asList(codes) {
			if !slices.Contains(after, code) {
				found = append(found, format+" has lost the code "+code.(string))
			}
		}
	}
	slices.Sort(found)
	return found
}

func decodeSnapshot(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encodeSnapshot(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// One line for each change that breaks and each that does not.
func TestBreaks(t *testing.T) {
	for _, c := range []struct{ what, old, now, found string }{
		{"nothing", `{"type":"string"}`, `{"type":"string"}`, ""},
		{"another $id", `{"$id":"a"}`, `{"$id":"b"}`, "$id has changed"},
		{"another code of the type", `{"x-code":"VIN"}`, `{"x-code":"VIM"}`, "x-code has changed"},

		{"a new optional member", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true,"b":{"type":"string"}},"additionalProperties":false}`, ""},
		{"a new required member", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true,"b":true},"required":["b"],"additionalProperties":false}`, "a member is newly required"},
		{"an old member required", `{"properties":{"a":true}}`, `{"properties":{"a":true},"required":["a"]}`, "a member is newly required"},
		{"a required member optional", `{"required":["a","b"]}`, `{"required":["a"]}`, ""},
		{"nothing required any more", `{"required":["a"]}`, `{}`, ""},
		{"a member removed", `{"type":"object","properties":{"a":true,"b":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `the member "b" was removed`},
		{"all members removed", `{"type":"object","properties":{"a":true}}`, `{"type":"object"}`, `the member "a" was removed`},
		{"a member renamed", `{"type":"object","properties":{"a":true}}`, `{"type":"object","properties":{"b":true}}`, `the member "a" was removed`},
		{"a member narrowed deep inside", `{"properties":{"a":{"items":{"properties":{"b":{"maxLength":9}}}}}}`, `{"properties":{"a":{"items":{"properties":{"b":{"maxLength":8}}}}}}`, "maxLength is narrower"},
		{"a member forbidden", `{"properties":{"a":{"type":"string"}}}`, `{"properties":{"a":false}}`, "nothing is permitted any more"},
		{"a forbidden member permitted", `{"properties":{"a":false}}`, `{"properties":{"a":{"type":"string"}}}`, ""},
		{"closed what was open", `{"type":"object"}`, `{"type":"object","additionalProperties":false}`, "nothing is permitted any more"},
		{"opened what was closed", `{"additionalProperties":false}`, `{}`, ""},
		{"other members bound", `{}`, `{"additionalProperties":{"type":"string"}}`, "the type is narrower"},
		{"other members bound less", `{"additionalProperties":{"maxLength":3}}`, `{"additionalProperties":{"maxLength":4}}`, ""},
		{"a claim beside those that readers ignore", `{"type":"object","properties":{"a":true}}`, `{"type":"object","properties":{"a":true,"b":{"type":"string"}}}`, ""},

		{"another type", `{"type":"string"}`, `{"type":"integer"}`, "the type is narrower"},
		{"one type of two", `{"type":["string","null"]}`, `{"type":"string"}`, "the type is narrower"},
		{"a second type", `{"type":"string"}`, `{"type":["string","null"]}`, ""},
		{"whole numbers to all", `{"type":"integer"}`, `{"type":"number"}`, ""},
		{"all numbers to whole ones", `{"type":"number"}`, `{"type":"integer"}`, "the type is narrower"},
		{"a type where any was good", `{}`, `{"type":"string"}`, "the type is narrower"},
		{"any type", `{"type":"string"}`, `{}`, ""},

		{"a new code", `{"enum":["a"]}`, `{"enum":["b","a"]}`, ""},
		{"a code less", `{"enum":["a","b"]}`, `{"enum":["a"]}`, "enum has lost a value"},
		{"a code renamed", `{"enum":["a","b"]}`, `{"enum":["a","c"]}`, "enum has lost a value"},
		{"an enum where there was none", `{"type":"string"}`, `{"type":"string","enum":["a"]}`, "enum has lost a value"},
		{"no enum any more", `{"enum":["a"]}`, `{}`, ""},

		{"a longer limit", `{"maxLength":3}`, `{"maxLength":4}`, ""},
		{"a shorter limit", `{"maxLength":4}`, `{"maxLength":3}`, "maxLength is narrower"},
		{"a limit where there was none", `{}`, `{"maxLength":3}`, "maxLength is narrower"},
		{"a limit less", `{"maxLength":3}`, `{}`, ""},
		{"more at least", `{"minLength":1}`, `{"minLength":2}`, "minLength is narrower"},
		{"less at least", `{"minLength":2}`, `{"minLength":1}`, ""},
		{"fewer elements", `{"maxItems":50}`, `{"maxItems":20}`, "maxItems is narrower"},
		{"more elements needed", `{"minItems":0}`, `{"minItems":1}`, "minItems is narrower"},
		{"fewer members", `{"maxProperties":5}`, `{"maxProperties":4}`, "maxProperties is narrower"},
		{"more members needed", `{}`, `{"minProperties":1}`, "minProperties is narrower"},
		{"a higher minimum", `{"minimum":0}`, `{"minimum":1}`, "minimum is narrower"},
		{"a lower maximum", `{"maximum":10}`, `{"maximum":9}`, "maximum is narrower"},
		{"an excluded minimum", `{}`, `{"exclusiveMinimum":0}`, "exclusiveMinimum is narrower"},
		{"a lower excluded maximum", `{"exclusiveMaximum":9}`, `{"exclusiveMaximum":8}`, "exclusiveMaximum is narrower"},
		{"elements must differ", `{}`, `{"uniqueItems":true}`, "elements must newly differ"},
		{"elements need not differ", `{"uniqueItems":true}`, `{}`, ""},

		{"another pattern", `{"pattern":"^a"}`, `{"pattern":"^b"}`, "pattern is new or has changed"},
		{"a pattern where there was none", `{}`, `{"pattern":"^a"}`, "pattern is new or has changed"},
		{"no pattern any more", `{"pattern":"^a"}`, `{}`, ""},
		{"another format", `{"format":"edtf"}`, `{"format":"date"}`, "format is new or has changed"},
		{"a format where there was none", `{}`, `{"format":"date"}`, "format is new or has changed"},
		{"no format any more", `{"format":"date"}`, `{}`, ""},
		{"another const", `{"const":true}`, `{"const":false}`, "const is new or has changed"},
		{"no const any more", `{"const":true}`, `{}`, ""},
		{"a new not", `{}`, `{"not":{"pattern":"x"}}`, "not is new or has changed"},
		{"no not any more", `{"not":{"pattern":"x"}}`, `{}`, ""},

		{"elements bound", `{"type":"array"}`, `{"type":"array","items":{"type":"string"}}`, "the type is narrower"},
		{"elements free", `{"items":{"type":"string"}}`, `{}`, ""},
		{"names bound", `{}`, `{"propertyNames":{"maxLength":3}}`, "maxLength is narrower"},
		{"needed beside another", `{}`, `{"dependentRequired":{"a":["b"]}}`, `a member is newly required beside "a"`},
		{"not needed any more beside another", `{"dependentRequired":{"a":["b","c"]}}`, `{"dependentRequired":{"a":["b"]}}`, ""},

		{"a new condition", `{}`, `{"if":{"required":["a"]},"then":{"required":["b"]}}`, "the condition has changed"},
		{"another condition", `{"if":{"required":["a"]},"then":false}`, `{"if":{"required":["b"]},"then":false}`, "the condition has changed"},
		{"a condition less", `{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{}`, ""},
		{"a looser answer", `{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"if":{"required":["a"]},"then":{}}`, ""},
		{"a stricter answer", `{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"if":{"required":["a"]},"then":{"required":["b","c"]}}`, "a member is newly required"},
		{"a new else", `{"if":{"required":["a"]}}`, `{"if":{"required":["a"]},"else":{"required":["b"]}}`, "a member is newly required"},
		{"a member forbidden under a condition", `{"if":{"required":["a"]},"then":{"properties":{"b":false}}}`, `{"if":{"required":["a"]},"then":{"properties":{"b":false,"c":false}}}`, "nothing is permitted any more"},
		{"a new member forbidden under a condition", `{"type":"object","properties":{"a":true},"additionalProperties":false,"if":{"required":["a"]},"then":{}}`, `{"type":"object","properties":{"a":true,"c":true},"additionalProperties":false,"if":{"required":["a"]},"then":{"properties":{"c":false}}}`, ""},
		{"a new member of elements forbidden under a condition", `{"type":"object","properties":{"s":{"items":{"type":"object","properties":{"a":true},"additionalProperties":false}}},"if":{"required":["a"]},"then":{"properties":{"s":{"items":{"properties":{}}}}}}`,
			`{"type":"object","properties":{"s":{"items":{"type":"object","properties":{"a":true,"c":true},"additionalProperties":false}}},"if":{"required":["a"]},"then":{"properties":{"s":{"items":{"properties":{"c":false}}}}}}`, ""},
		{"a member free again under a condition", `{"if":{"required":["a"]},"then":{"properties":{"b":false}}}`, `{"if":{"required":["a"]},"then":{"properties":{}}}`, ""},
		{"a condition that only a new member makes true", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true,"b":true},"additionalProperties":false,"if":{"required":["b"]},"then":{"required":["a"]}}`, ""},
		{"what holds where a new member is absent", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true,"b":true},"additionalProperties":false,"if":{"required":["b"]},"else":{"required":["a"]}}`, "a member is newly required"},
		{"a rule that only a new member makes true", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true,"b":true},"additionalProperties":false,"allOf":[{"if":{"required":["b"]},"then":{"required":["a"]}}]}`, ""},
		{"a rule that an old member makes true", `{"type":"object","properties":{"a":true},"additionalProperties":false}`, `{"type":"object","properties":{"a":true},"additionalProperties":false,"allOf":[{"if":{"required":["a"]},"then":{"maxProperties":1}}]}`, "the rule is new or narrower"},
		{"a new rule", `{"allOf":[{"maxLength":3}]}`, `{"allOf":[{"maxLength":3},{"minLength":1}]}`, "the rule is new or narrower"},
		{"a rule less", `{"allOf":[{"maxLength":3},{"minLength":1}]}`, `{"allOf":[{"minLength":1}]}`, ""},
		{"a rule loosened", `{"allOf":[{"maxLength":3}]}`, `{"allOf":[{"maxLength":4}]}`, ""},
		{"a form more", `{"anyOf":[{"type":"string"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, ""},
		{"a form less", `{"anyOf":[{"type":"string"},{"type":"null"}]}`, `{"anyOf":[{"type":"string"}]}`, "anyOf has lost a form or changed one"},

		{"protected less", `{"x-personal":"identifying"}`, `{"x-personal":"sensitive"}`, "the value is protected less than before"},
		{"not protected", `{"x-personal":"sensitive"}`, `{}`, "the value is protected less than before"},
		{"protected more", `{"x-personal":"sensitive"}`, `{"x-personal":"identifying"}`, ""},
	} {
		found := breaks(decodeSnapshot(t, []byte(c.old)), decodeSnapshot(t, []byte(c.now)))
		switch {
		case c.found == "" && len(found) > 0:
			t.Errorf("%s is permitted, but: %v", c.what, found)
		case c.found != "" && (len(found) != 1 || !strings.HasSuffix(found[0], ": "+c.found)):
			t.Errorf("%s: found %v, not %s", c.what, found, c.found)
		}
	}
}

// The whole way, on a real schema: texts and a further member pass, a removed
// code does not, and neither does the way around through common.v1.json.
func TestBreaksInARealSchema(t *testing.T) {
	const file = "victim_identification_notice.v1.json"
	texts := map[string]string{file: string(mustRead(t, file)), commonSchema: string(mustRead(t, commonSchema))}
	for _, c := range []struct{ in, old, now, found string }{
		{file, `"Tells the claimed`, `"Says to the claimed`, ""},
		{commonSchema, `"x-title-vi": "Tên gọi khác"`, `"x-title-vi": "Các tên khác"`, ""},
		{file, `"identified_on",`, ``, ""},
		{commonSchema, `"maxLength": 256`, `"maxLength": 300`, ""},
		{file, `"anonymous": {`, `"urgent": {"type": "boolean"}, "anonymous": {`, ""},
		{file, `"link": {`, `"bridge": {`, `the member "link" was removed`},
		{commonSchema, `"12_15",`, ``, "enum has lost a value"},
		{commonSchema, `"^[A-Za-z0-9_-]{22,64}$"`, `"^[a-z]{22}$"`, "pattern is new or has changed"},
		{file, `"maxItems": 50`, `"maxItems": 5`, "maxItems is narrower"},
	} {
		parsed := map[string]any{}
		changed := map[string]any{}
		for name, text := range texts {
			parsed[name] = parse(t, []byte(text))
			if name == c.in {
				if !strings.Contains(text, c.old) {
					t.Fatalf("%s does not have %s", name, c.old)
				}
				text = strings.Replace(text, c.old, c.now, 1)
			}
			changed[name] = parse(t, []byte(text))
		}
		found := breaks(inline(parsed, file, parsed[file]), inline(changed, file, changed[file]))
		if c.found == "" && len(found) > 0 || c.found != "" && (len(found) == 0 || !strings.HasSuffix(found[0], c.found)) {
			t.Errorf("%s to %s: found %v, not %q", c.old, c.now, found, c.found)
		}
	}
	codes := map[string]any{"country": []any{"KH", "VN"}}
	if len(lostCodes(codes, map[string]any{"country": []any{"VN", "KH", "LA"}})) != 0 || len(lostCodes(codes, map[string]any{"country": []any{"VN"}})) != 1 || len(lostCodes(codes, map[string]any{})) != 2 {
		t.Error("a code that is gone is not noticed, or a new one is taken for one")
	}
}
