package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDocumentBytes bounds an operator's file.
const maxDocumentBytes = 1 << 20

// A Document judges one kind of file that operators write, in YAML or JSON.
type Document struct{ schema *schema }

// A DocumentProblem is one fault of a file. Unlike a Violation it may name a
// key that the file has, for these files hold no person's data.
type DocumentProblem struct {
	Line, Column int // from 1
	Pointer      string
	Rule         string
	Detail       string
	Hint         string // what to do, "" when the detail says it
}

// DocumentError lists the faults of one file, in the order of its lines.
type DocumentError struct {
	File     string
	Problems []DocumentProblem
}

func (e *DocumentError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, p.Line, p.Column)
		if p.Pointer != "" {
			b.WriteString(p.Pointer + ": ")
		}
		b.WriteString(p.Detail)
		if p.Hint != "" {
			b.WriteString("; " + p.Hint)
		}
	}
	return b.String()
}

// CompileDocument compiles the schema of a kind of file.
func CompileDocument(id string, text []byte) (*Document, error) {
	compiled, err := compile([]source{{id, text}})
	if err != nil {
		return nil, err
	}
	return &Document{compiled[id]}, nil
}

// DecodeYAML checks a file against the schema and decodes it into a value with
// json tags. name is shown in errors; a name that ends in .json must hold JSON.
// Every scalar that YAML would take for a date stays a string. The error is a
// *DocumentError when the file is at fault.
func (d *Document) DecodeYAML(name string, data []byte, into any) error {
	fault := func(line, column int, rule, detail, hint string) error {
		return &DocumentError{name, []DocumentProblem{{Line: line, Column: column, Rule: rule, Detail: detail, Hint: hint}}}
	}
	if len(data) > maxDocumentBytes {
		return fault(1, 1, "size", fmt.Sprintf("the file has more than %d bytes", maxDocumentBytes), "")
	}
	if filepath.Ext(name) == ".json" {
		if _, err := Parse(data, DefaultLimits()); err != nil {
			var syntax *SyntaxError
			errors.As(err, &syntax)
			line, column := lineOf(data, syntax.Offset)
			return fault(line, column, syntax.Rule, "this is not the JSON that a gateway reads ("+syntax.Rule+")", "")
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return fault(1, 1, "syntax", "the file is empty", "")
	case err != nil:
		line, detail := yamlFault(err)
		return fault(line, 1, "syntax", detail, "mind the indentation, and quote a text that holds a colon or begins with a special character")
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return fault(max(second.Line, 1), 1, "syntax", "the file holds more than one YAML document", "remove what follows the first")
	}
	t := &tree{places: map[string]*yaml.Node{}, file: name}
	v := t.value(root.Content[0], "", 0)
	if len(t.problems) == 0 {
		if err := d.schema.validate(v); err != nil {
			var invalid *ValidationError
			if !errors.As(err, &invalid) {
				return fmt.Errorf("%s: %w", name, err)
			}
			t.explain(d.schema, invalid, v)
		}
	}
	if len(t.problems) > 0 {
		slices.SortStableFunc(t.problems, func(a, b DocumentProblem) int {
			return (a.Line-b.Line)*1_000_000 + a.Column - b.Column
		})
		return &DocumentError{name, t.problems}
	}
	clean, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(clean, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func lineOf(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlFault takes the line out of the library's error text, its only place.
func yamlFault(err error) (int, string) {
	m := yamlLine.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		return 1, "this is not YAML"
	}
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		line = 1
	}
	return line, "this is not YAML: " + m[2]
}

// A tree is a file's values and where each stands.
type tree struct {
	file     string
	places   map[string]*yaml.Node // by JSON Pointer: a member's key, an element
	problems []DocumentProblem
}

func (t *tree) fault(n *yaml.Node, pointer, rule, detail, hint string) any {
	t.problems = append(t.problems, DocumentProblem{n.Line, n.Column, pointer, rule, detail, hint})
	return nil
}

// value turns a node into what Parse would have made of the same JSON.
func (t *tree) value(n *yaml.Node, pointer string, depth int) any {
	if t.places[pointer] == nil {
		t.places[pointer] = n
	}
	switch {
	case depth > 32:
		return t.fault(n, pointer, RuleDepth, "is nested too deeply", "")
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return t.fault(n, pointer, "alias", "anchors and aliases are not read", "write the value out")
	case n.Kind == yaml.MappingNode:
		return t.mapping(n, pointer, depth)
	case n.Kind == yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for i, c := range n.Content {
			out = append(out, t.value(c, pointer+"/"+strconv.Itoa(i), depth+1))
		}
		return out
	}
	return t.scalar(n, pointer)
}

func (t *tree) mapping(n *yaml.Node, pointer string, depth int) any {
	out := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			t.fault(key, pointer, "key", "a key must be a text", "put it in quotes")
			continue
		}
		if _, twice := out[key.Value]; twice {
			t.fault(key, pointer, RuleDuplicateName, fmt.Sprintf("the key %q stands here twice", key.Value), "remove one")
			continue
		}
		below := pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(key.Value, "~", "~0"), "/", "~1")
		t.places[below] = key
		out[key.Value] = t.value(n.Content[i+1], below, depth+1)
	}
	return out
}

func (t *tree) scalar(n *yaml.Node, pointer string) any {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int", "!!float":
		v, err := Parse([]byte(n.Value), DefaultLimits())
		if number, ok := v.(json.Number); ok && err == nil {
			return number
		}
		return t.fault(n, pointer, RuleNumber, "is not a plain decimal number", "write it as digits, or in quotes if it is a text")
	}
	return t.fault(n, pointer, "tag", "has a YAML tag that is not read", "remove it")
}

// explain places the violations of the schema in the file.
func (t *tree) explain(s *schema, invalid *ValidationError, v any) {
	for _, violation := range invalid.Violations {
		switch violation.Rule {
		case "additionalProperties":
			t.unknownKeys(s, violation, v)
		case "required":
			parent, name := cut(violation.Pointer)
			t.fault(t.place(parent), parent, "required", fmt.Sprintf("the key %q is missing", name), "")
		default:
			t.fault(t.place(violation.Pointer), violation.Pointer, violation.Rule, violation.Detail, "")
		}
	}
}

func cut(pointer string) (parent, name string) {
	i := strings.LastIndexByte(pointer, '/')
	return pointer[:i], pointer[i+1:]
}

// place returns the node at a pointer or the nearest one above it.
func (t *tree) place(pointer string) *yaml.Node {
	for {
		if n := t.places[pointer]; n != nil {
			return n
		}
		pointer, _ = cut(pointer)
	}
}

// unknownKeys names each key of an object that its schema does not have.
func (t *tree) unknownKeys(s *schema, violation Violation, v any) {
	part := s.partAt(violation.Pointer)
	object, _ := at(v, violation.Pointer).(map[string]any)
	if part == nil {
		t.fault(t.place(violation.Pointer), violation.Pointer, violation.Rule, violation.Detail, "")
		return
	}
	known := make([]string, 0, len(part.Properties))
	for name := range part.Properties {
		known = append(known, name)
	}
	slices.Sort(known)
	for name := range object {
		if slices.Contains(known, name) {
			continue
		}
		hint := "known here: " + strings.Join(known, ", ")
		if like := nearest(name, known); like != "" {
			hint = fmt.Sprintf("did you mean %q?", like)
		}
		at := violation.Pointer + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
		t.fault(t.place(at), violation.Pointer, violation.Rule, fmt.Sprintf("the key %q is unknown", name), hint)
	}
}
