package schemas

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func loaded(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, data []byte) any {
	t.Helper()
	v, err := Parse(data, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// schemaOf returns the compiled schema that a folder of testdata belongs to.
func (c *Catalogue) schemaOf(folder string) *schema {
	switch folder {
	case "message":
		return c.envelope
	case "receipt":
		return c.receipt
	}
	return c.byName[folder]
}

// golden compares got with a file, or rewrites it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update if it should)\n got: %s\nwant: %s", path, got, want)
	}
}

func TestExamples(t *testing.T) {
	c := loaded(t)
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, path := range files {
		folder, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(folder+"/"+name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			err = c.schemaOf(folder).validate(parse(t, data))
			if strings.HasPrefix(name, "ok-") {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var invalid *ValidationError
			if !errors.As(err, &invalid) {
				t.Fatalf("want a ValidationError, got %v", err)
			}
			var b strings.Builder
			for _, v := range invalid.Violations {
				fmt.Fprintf(&b, "%s\t%s\t%s\n", v.Pointer, v.Rule, v.Detail)
			}
			golden(t, strings.TrimSuffix(path, ".json")+".golden", b.String())
		})
	}
}

func TestEveryTypeHasAnExampleAndItsCases(t *testing.T) {
	c := loaded(t)
	for _, typ := range c.Types() {
		body := Example(typ.Name)
		if err := c.Validate(typ.Name, parse(t, body)); err != nil {
			t.Errorf("the example of %s: %v", typ.Name, err)
		}
		if !holds(c.byName[typ.Name].root, parse(t, body)) {
			t.Errorf("the example of %s takes the slow way", typ.Name)
		}
		for _, kind := range []string{"ok-*.json", "bad-*.json"} {
			if files, err := filepath.Glob("testdata/" + typ.Name + "/" + kind); err != nil || len(files) < 3 {
				t.Errorf("%s has %d cases %s", typ.Name, len(files), kind)
			}
		}
	}
	if len(c.Types()) != 21 || Example("unknown") != nil || Source("unknown") != nil || Source("identity_verification_request") == nil {
		t.Error("the catalogue does not hold what it should")
	}
	if err := c.Validate("unknown", nil); err == nil {
		t.Error("an unknown type has a schema")
	}
}

// Every field is described in both languages, or its definition is.
func TestEveryFieldIsDescribed(t *testing.T) {
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	defs := member(parse(t, mustRead(t, commonSchema)), "$defs").(map[string]any)
	seen := 0
	var visit func(at string, v any)
	visit = func(at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		described := m
		if ref, ok := m["$ref"].(string); ok && m["title"] == nil {
			described = defs[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
		}
		for _, word := range []string{"title", "description", "x-title-vi", "x-description-vi"} {
			if s, _ := described[word].(string); s == "" {
				t.Errorf("%s has no %s", at, word)
			}
		}
		seen++
		for _, holder := range []string{"properties", "$defs"} {
			named, _ := m[holder].(map[string]any)
			for name, p := range named {
				visit(at+"/"+name, p)
			}
		}
		if items, ok := m["items"]; ok {
			visit(at+"/items", items)
		}
		if m["type"] == "object" && m["additionalProperties"] != false && !strings.HasPrefix(at, receiptSchema) && at != envelopeSchema+"/body" {
			t.Errorf("%s is an open object", at)
		}
	}
	for _, e := range entries {
		if !e.IsDir() {
			visit(e.Name(), parse(t, mustRead(t, e.Name())))
		}
	}
	if seen < 80 {
		t.Errorf("only %d fields were seen", seen)
	}
}

func mustRead(t testing.TB, name string) []byte {
	t.Helper()
	data, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// No error may carry what a person's record holds: every string of a body is
// replaced by a canary, in turn, and every name of a member too.
func TestErrorsHoldNoValue(t *testing.T) {
	c := loaded(t)
	const canary = "Zebra-Canary-7731"
	refused := 0
	for _, typ := range c.Types() {
		for n := range 400 {
			body, changed := mutate(parse(t, Example(typ.Name)), n, canary)
			if !changed {
				break
			}
			err := c.Validate(typ.Name, body)
			if err == nil {
				continue
			}
			refused++
			if strings.Contains(strings.ToLower(err.Error()), "zebra") {
				t.Fatalf("change %d: %v", n, err)
			}
		}
	}
	if refused < 50 {
		t.Errorf("only %d changes were refused", refused)
	}
}

// mutate replaces the n-th scalar or renames the n-th member; order does not
// matter, for n runs over all of them.
func mutate(v any, n int, canary string) (any, bool) {
	done := false
	var walk func(v any) any
	walk = func(v any) any {
		switch c := v.(type) {
		case map[string]any:
			names := make([]string, 0, len(c))
			for name := range c {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				if n--; n == -1 {
					c[canary], done = c[name], true
					delete(c, name)
					return c
				}
				c[name] = walk(c[name])
			}
		case []any:
			for i := range c {
				c[i] = walk(c[i])
			}
		default:
			if n--; n == -1 {
				done = true
				return canary
			}
		}
		return v
	}
	return walk(v), done
}
