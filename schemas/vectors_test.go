//go:build vectors

package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vectorsDir is where the public vectors are; without it nothing is tested, so
// it must be there.
func vectorsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Fatal("VECTORS does not name the folder of the public vectors")
	}
	return dir
}

// decided collects what is decided differently from the vectors, for the page
// in docs.
type decided struct{ classes map[string][]string }

func (d *decided) add(class, vector string) {
	if d.classes == nil {
		d.classes = map[string][]string{}
	}
	d.classes[class] = append(d.classes[class], vector)
}

func (d *decided) render() string {
	var b strings.Builder
	names := make([]string, 0, len(d.classes))
	for c := range d.classes {
		names = append(names, c)
	}
	slices.Sort(names)
	for _, c := range names {
		slices.Sort(d.classes[c])
		fmt.Fprintf(&b, "\n**%s** (%d)\n\n", c, len(d.classes[c]))
		for _, v := range slices.Compact(d.classes[c]) {
			fmt.Fprintf(&b, "- `%s`\n", v)
		}
	}
	return b.String()
}

// why says which rule of ours refuses what RFC 8259 permits.
var why = map[string]string{
	RuleDuplicateName: "duplicate names: two readers could see two values",
	RuleFoldedName:    "names that differ in case only: encoding/json would take one for the other",
	RuleControl:       "control characters, escaped too: no field means one, and PostgreSQL cannot store NUL",
	RuleNFC:           "text that is not in NFC: one name would have two spellings",
	RuleNumber:        "numbers with more than 32 digits or an exponent beyond 64: the schema library turns them into exact fractions",
	RuleSurrogate:     "lone surrogates: not text",
	RuleDepth:         "more than 16 levels",
	RuleElements:      "more than 1 024 elements",
	RuleUTF8:          "not UTF-8",
	RuleBOM:           "byte order mark",
}

func TestVectorsJSON(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectorsDir(t), "JSONTestSuite", "test_parsing", "*.json"))
	if err != nil || len(files) < 300 {
		t.Fatalf("%d files of JSONTestSuite, %v", len(files), err)
	}
	var differs, ours decided
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(data, Limits{})
			var syntax *SyntaxError
			if err != nil && !errors.As(err, &syntax) {
				t.Fatal(err)
			}
			switch {
			case name[0] == 'n' && err == nil:
				t.Error("accepted what is not JSON")
			case name[0] == 'y' && err != nil:
				if why[syntax.Rule] == "" {
					t.Errorf("refused for %s", syntax.Rule)
				}
				differs.add(why[syntax.Rule], name)
			case name[0] == 'i' && err == nil:
				ours.add("accepted", name)
			case name[0] == 'i':
				if why[syntax.Rule] == "" {
					t.Errorf("refused for %s", syntax.Rule)
				}
				ours.add("refused: "+why[syntax.Rule], name)
			}
		})
	}
	page(t, "json", fmt.Sprintf("%d vectors. Wrong accepts: none.\n\nValid JSON (`y_`) that we refuse:\n%s\nWhat the suite leaves to the reader (`i_`):\n%s", len(files), differs.render(), ours.render()))
}

type suiteCase struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

func TestVectorsSchema(t *testing.T) {
	suite := filepath.Join(vectorsDir(t), "JSON-Schema-Test-Suite")
	root := filepath.Join(suite, "tests", "draft2020-12")
	var differs decided
	total, asked, quick := 0, 0, 0
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var cases []suiteCase
		if err := json.Unmarshal(data, &cases); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, c := range cases {
			compiled, reason := compileSuite(suite, strings.Contains(rel, "format"), c.Schema)
			for _, v := range c.Tests {
				total++
				name := rel + "/" + c.Description + "/" + v.Description
				t.Run(name, func(t *testing.T) {
					if compiled == nil {
						differs.add(reason, rel)
						return // a schema that is refused accepts nothing
					}
					value := decode(t, v.Data)
					asked++
					err := compiled.root.Validate(value)
					if sure := holds(compiled.root, value); sure {
						quick++
						if err != nil {
							t.Errorf("holds passes what the library refuses: %v", err)
						}
					}
					switch {
					case err == nil && !v.Valid:
						t.Error("accepted what is invalid")
					case err != nil && v.Valid:
						differs.add("valid, but refused by the library", name)
					}
				})
			}
		}
		return nil
	})
	if err != nil || total < 1200 {
		t.Fatalf("%d vectors, %v", total, err)
	}
	page(t, "schema", fmt.Sprintf("%d vectors, %d of schemas that our door admits; the quick judge was sure of %d of them and never of an invalid one. Wrong accepts: none.\n\nDecided differently (a schema that is refused at load accepts nothing; listed by file):\n%s", total, asked, quick, differs.render()))
}

// compileSuite compiles one schema of the suite behind our door: the closed
// list of keywords, our formats only, and no reference that leaves the schema.
func compileSuite(suite string, assertFormat bool, text json.RawMessage) (*schema, string) {
	parsed, err := decodeErr(text)
	if err != nil {
		return nil, "the schema's text is refused"
	}
	if err := checkKeywords(parsed, "#"); err != nil {
		_, reason, _ := strings.Cut(err.Error(), ": ")
		return nil, "refused at load: " + strings.Split(reason, " is ")[0] + " is not admitted"
	}
	c := newCompiler()
	c.AssertFormat = assertFormat
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		rel, ok := strings.CutPrefix(url, "http://localhost:1234/")
		if !ok {
			return nil, fmt.Errorf("%s is not in the suite", url)
		}
		return os.Open(filepath.Join(suite, "remotes", filepath.FromSlash(rel)))
	}
	const id = "https://repatriation.example/suite"
	if err := c.AddResource(id, bytes.NewReader(text)); err != nil {
		return nil, "refused at load: the library does not compile it"
	}
	root, err := c.Compile(id)
	if err != nil {
		return nil, "refused at load: the library does not compile it"
	}
	return &schema{root, partsOf(root)}, ""
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	v, err := decodeErr(data)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// decodeErr reads without our bounds: the suite tests the judge, not the parser.
func decodeErr(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// page compares one part of docs/vectors-schemas.md with what was decided, or
// rewrites it with -update.
func page(t *testing.T, part, text string) {
	t.Helper()
	const path = "../docs/vectors-schemas.md"
	begin, end := "<!-- "+part+" -->\n", "<!-- /"+part+" -->\n"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no part %s", path, part)
	}
	want := before + begin + "\n" + text + "\n" + end + after
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatalf("%s does not say what was decided; run with -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}
