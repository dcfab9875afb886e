package schemas

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// idPrefix begins the $id of every schema of this project. Nothing is served
// there: the loader knows only what was added to it.
const idPrefix = "https://repatriation.example/schemas/"

// keywords are those a schema of ours may use. The list is closed, because an
// unknown keyword or format would pass silently and because holds (quick.go)
// has to know the meaning of each. What a keyword's value holds: "schema",
// "schemas" (a list), "named" (an object of schemas), "" (none).
var keywords = map[string]string{
	"$schema": "", "$id": "", "$ref": "", "$comment": "", "$defs": "named",
	"title": "", "description": "", "x-title-vi": "", "x-description-vi": "", "examples": "", "default": "",
	"x-code": "", "x-codes": "", "x-htcds": "", "x-personal": "",
	"type": "", "enum": "", "const": "", "format": "", "pattern": "", "minLength": "", "maxLength": "",
	"minimum": "", "maximum": "", "exclusiveMinimum": "", "exclusiveMaximum": "", "minItems": "", "maxItems": "", "uniqueItems": "", "items": "schema",
	"properties": "named", "required": "", "additionalProperties": "schema", "propertyNames": "schema",
	"minProperties": "", "maxProperties": "", "dependentRequired": "",
	"allOf": "schemas", "anyOf": "schemas", "not": "schema", "if": "schema", "then": "schema", "else": "schema",
}

// A source is one schema's text.
type source struct {
	id   string
	text []byte
}

// A schema is one compiled schema and the parts of it by location, from which
// errors take their texts.
type schema struct {
	root  *jsonschema.Schema
	parts map[string]*jsonschema.Schema
}

// compile compiles the schemas together; they may refer to one another and to
// nothing else.
func compile(sources []source) (map[string]*schema, error) {
	c := newCompiler()
	for _, s := range sources {
		parsed, err := Parse(s.text, DefaultLimits())
		if err != nil {
			return nil, fmt.Errorf("read the schema %s: %w", s.id, err)
		}
		if id := member(parsed, "$id"); id != s.id {
			return nil, fmt.Errorf("the schema %s calls itself %v", s.id, id)
		}
		if err := checkKeywords(parsed, "#"); err != nil {
			return nil, fmt.Errorf("the schema %s: %w", s.id, err)
		}
		if err := c.AddResource(s.id, bytes.NewReader(s.text)); err != nil {
			return nil, fmt.Errorf("add the schema %s: %w", s.id, err)
		}
	}
	out := make(map[string]*schema, len(sources))
	for _, s := range sources {
		root, err := c.Compile(s.id)
		if err != nil {
			return nil, fmt.Errorf("compile the schema %s: %w", s.id, err)
		}
		out[s.id] = &schema{root, partsOf(root)}
	}
	return out, nil
}

// newCompiler returns the library's compiler as we use it: one draft, formats
// asserted, and nothing read from files or the network.
func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("no schema has the $id %s", url)
	}
	for name, f := range formats {
		c.Formats[name] = f.assert
	}
	return c
}

func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// blank finds \s and \S in a pattern.
var blank = regexp.MustCompile(`(^|[^\\])(\\\\)*\\[sS]`)

// checkKeywords refuses a schema with a keyword or a format that nothing
// would assert.
func checkKeywords(v any, at string) error {
	m, ok := v.(map[string]any)
	if !ok { // true or false
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		value := m[name]
		holds, known := keywords[name]
		if !known {
			return fmt.Errorf("%s: the keyword %q is not one that this project uses", at, name)
		}
		at := at + "/" + name
		switch {
		case name == "format" && formats[fmt.Sprint(value)].assert == nil:
			return fmt.Errorf("%s: the format %q is unknown", at, value)
		case name == "enum" && isEmptyList(value):
			return fmt.Errorf("%s: an empty enum, which the library takes for none", at)
		case name == "pattern" && blank.MatchString(fmt.Sprint(value)):
			return fmt.Errorf("%s: white space means other characters to RE2 than to ECMA 262; write them out", at)
		case name == "pattern":
			if _, err := regexp.Compile(fmt.Sprint(value)); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		if err := checkAnnotation(name, value, m); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if err := checkBelow(holds, value, at); err != nil {
			return err
		}
	}
	return nil
}

func isEmptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

func checkBelow(holds string, value any, at string) error {
	switch holds {
	case "schema":
		return checkKeywords(value, at)
	case "schemas":
		list, _ := value.([]any)
		for i, s := range list {
			if err := checkKeywords(s, fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
	case "named":
		named, _ := value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if err := checkKeywords(named[name], at+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// partsOf indexes a compiled schema and everything it reaches by location.
func partsOf(root *jsonschema.Schema) map[string]*jsonschema.Schema {
	parts := map[string]*jsonschema.Schema{}
	var visit func(s *jsonschema.Schema)
	visit = func(s *jsonschema.Schema) {
		if s == nil || parts[s.Location] != nil {
			return
		}
		parts[s.Location] = s
		for _, below := range slices.Concat(s.AllOf, s.AnyOf, []*jsonschema.Schema{
			s.Ref, s.Not, s.If, s.Then, s.Else, s.Items2020, s.PropertyNames,
		}) {
			visit(below)
		}
		for _, p := range s.Properties {
			visit(p)
		}
		if additional, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			visit(additional)
		}
	}
	visit(root)
	return parts
}

// validate judges v. holds decides quickly that all is well; whatever it is
// not sure of, the library judges, and the library's word counts.
func (s *schema) validate(v any) (err error) {
	if holds(s.root, v) {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // Parse bounds what is known to make it panic
			err = fmt.Errorf("the schema library failed on a value for %s", strings.TrimPrefix(s.root.Location, idPrefix))
		}
	}()
	return s.explain(s.root.Validate(v), v)
}
