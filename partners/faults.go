package partners

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/schemas"
)

// An origin is the text that a value was read from. Values keep it, so that
// what is found wrong later, across files, is still named by its line.
type origin struct {
	path string
	data []byte
}

// faults collects what is wrong with one file.
type faults struct {
	origin
	root *yaml.Node // parsed when the first fault is placed
	list []schemas.DocumentProblem
}

// add notes a fault at a JSON Pointer into the file; hint says what to do, ""
// when the detail says it. The same fault is noted once: a row that stands for
// several permits has it several times.
func (f *faults) add(pointer, hint, detail string, args ...any) {
	p := schemas.DocumentProblem{Pointer: pointer, Rule: "contradiction", Detail: fmt.Sprintf(detail, args...), Hint: hint}
	p.Line, p.Column = f.place(pointer)
	if !slices.Contains(f.list, p) {
		f.list = append(f.list, p)
	}
}

// err returns the faults in the order of their lines, nil when there are none.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	slices.SortStableFunc(f.list, func(a, b schemas.DocumentProblem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &schemas.DocumentError{File: f.path, Problems: f.list}
}

// place returns the line and column of what a pointer names (a member's key, an
// element), or of the nearest thing above it.
func (f *faults) place(pointer string) (line, column int) {
	if f.root == nil {
		f.root = &yaml.Node{}
		if yaml.Unmarshal(f.data, f.root) != nil || len(f.root.Content) == 0 { // it was decoded before
			return 1, 1
		}
	}
	if len(f.root.Content) == 0 {
		return 1, 1
	}
	n := f.root.Content[0]
	at := n
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		key, value := below(n, unescapeToken(token))
		if key == nil {
			break
		}
		at, n = key, value
	}
	return at.Line, at.Column
}

// below returns what a token names under a node, and where that begins.
func below(n *yaml.Node, token string) (begins, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == token {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// line returns the line of what a pointer names.
func (f *faults) line(pointer string) int {
	line, _ := f.place(pointer)
	return line
}

// where says where a value of another file stands, for a person.
func (o origin) where(pointer string) string {
	return fmt.Sprintf("%s:%d", o.path, (&faults{origin: o}).line(pointer))
}
