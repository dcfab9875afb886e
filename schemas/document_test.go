package schemas

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

const testDocument = `{
  "$id": "https://repatriation.example/schemas/test.v1.json",
  "type": "object", "additionalProperties": false, "required": ["code"],
  "properties": {
    "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
    "since": {"type": "string", "format": "date"},
    "limit": {"type": "integer", "minimum": 1},
    "ratio": {"type": "number"},
    "on": {"type": "boolean"},
    "keys": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["kid"],
      "properties": {"kid": {"type": "string"}, "not_after": {"type": "string", "format": "date-time"}}}}
  }
}`

func testSchema(t testing.TB) *Document {
	t.Helper()
	d, err := CompileDocument(idPrefix+"test.v1.json", []byte(testDocument))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type testFile struct {
	Code  string
	Since string
	Limit int
	Ratio json.Number
	On    bool
	Keys  []struct {
		KID      string `json:"kid"`
		NotAfter string `json:"not_after"`
	}
}

func TestDecodeYAML(t *testing.T) {
	d := testSchema(t)
	for name, text := range map[string]string{
		"a.yaml": "# a comment\ncode: KH\nsince: 2026-01-02 # a date stays a text\nlimit: 5\nratio: 0.5\non: true\nkeys:\n  - kid: a\n    not_after: 2026-01-02T03:04:05Z\n",
		"a.json": "{\n\t\"code\": \"KH\", \"since\": \"2026-01-02\",\n\t\"limit\": 5, \"ratio\": 0.5, \"on\": true,\n\t\"keys\": [{\"kid\": \"a\", \"not_after\": \"2026-01-02T03:04:05Z\"}]\n}\n",
	} {
		var got testFile
		if err := d.DecodeYAML(name, []byte(text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Code != "KH" || got.Since != "2026-01-02" || got.Limit != 5 || got.Ratio != "0.5" || !got.On || len(got.Keys) != 1 || got.Keys[0].NotAfter != "2026-01-02T03:04:05Z" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// The golden file shows what an operator reads for each fault.
func TestDecodeYAMLExplains(t *testing.T) {
	var all strings.Builder
	for _, c := range []struct{ name, text string }{
		{"empty.yaml", ""},
		{"comment.yaml", "# nothing\n"},
		{"missing.yaml", "limit: 1\n"},
		{"misspelt.yaml", "code: KH\nlimt: 5\n"},
		{"unknown.yaml", "code: KH\nkeys:\n  - kid: a\n    zzzzzzzzzz: 1\n"},
		{"several.yaml", "code: Cambodia\nlimit: 0\nsince: 02/01/2026\n"},
		{"type.yaml", "code: KH\nlimit: many\non: \"true\"\nratio: [1]\n"},
		{"norway.yaml", "code: NO\non: yes\n"},
		{"missing-deep.yaml", "code: KH\nkeys:\n  - kid: a\n  - not_after: 2026-01-02T03:04:05Z\n"},
		{"null.yaml", "code:\n"},
		{"twice.yaml", "code: KH\nlimit: 1\ncode: LA\n"},
		{"alias.yaml", "code: &a KH\nsince: *a\n"},
		{"merge.yaml", "<<: {code: KH}\n"},
		{"tag.yaml", "code: !!binary aGk=\n"},
		{"number-key.yaml", "1: KH\n"},
		{"hexadecimal.yaml", "code: KH\nlimit: 0x10\n"},
		{"infinite.yaml", "code: KH\nratio: .inf\n"},
		{"tab.yaml", "code: KH\nkeys:\n\t- kid: a\n"},
		{"colon.yaml", "code: KH: LA\n"},
		{"two.yaml", "code: KH\n---\ncode: LA\n"},
		{"list.yaml", "- code: KH\n"},
		{"deep.yaml", strings.Repeat("[", 40) + strings.Repeat("]", 40)},
		{"trailing-comma.json", "{\n  \"code\": \"KH\",\n}\n"},
		{"twice.json", "{\n  \"code\": \"KH\",\n  \"code\": \"LA\"\n}\n"},
		{"yaml.json", "code: KH\n"},
		{"large.yaml", strings.Repeat("#", maxDocumentBytes+1)},
	} {
		err := testSchema(t).DecodeYAML(c.name, []byte(c.text), &testFile{})
		var document *DocumentError
		if !errors.As(err, &document) {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		all.WriteString(err.Error() + "\n")
	}
	golden(t, "testdata/document.golden", all.String())
}

func TestNearest(t *testing.T) {
	known := []string{"code", "since", "limit", "signing_keys"}
	for name, want := range map[string]string{"cod": "code", "limits": "limit", "signing_key": "signing_keys", "x": "", "purpose": "", strings.Repeat("a", 100): ""} {
		if got := nearest(name, known); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// FuzzDecodeYAML: no file makes it panic, and what it takes is what JSON would
// have said.
func FuzzDecodeYAML(f *testing.F) {
	seeds, err := os.ReadFile("testdata/document.golden")
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds: ", err)
	}
	f.Add([]byte("code: KH\nlimit: 5\nkeys:\n  - kid: a\n"))
	f.Add([]byte(`{"code":"KH","since":"2026-01-02","ratio":1e3}`))
	f.Add([]byte("code: &a KH\nsince: *a\n"))
	f.Add(seeds)
	d := testSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, again testFile
		if d.DecodeYAML("x.yaml", data, &got) != nil {
			return
		}
		out, err := json.Marshal(map[string]any{"code": got.Code})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.DecodeYAML("x.json", out, &again); err != nil || !reflect.DeepEqual(got.Code, again.Code) {
			t.Fatalf("%s: %v", out, err)
		}
	})
}
