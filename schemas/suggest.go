package schemas

import (
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// partAt returns the schema that describes the value at a pointer, following
// properties and items; nil where another keyword decides.
func (s *schema) partAt(pointer string) *jsonschema.Schema {
	part := s.root
	for _, name := range segments(pointer) {
		for part.Ref != nil {
			part = part.Ref
		}
		next := part.Properties[name]
		if _, err := strconv.Atoi(name); next == nil && err == nil {
			next = part.Items2020
		}
		if additional, ok := part.AdditionalProperties.(*jsonschema.Schema); next == nil && ok {
			next = additional
		}
		if next == nil {
			return nil
		}
		part = next
	}
	for part.Ref != nil {
		part = part.Ref
	}
	return part
}

// nearest returns the known key that a misspelt one means, "" when none is
// near: at most a third of its letters differ.
func nearest(name string, known []string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and substitutions between two
// keys (Levenshtein); a long name is nobody's misspelling.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], slices.Min([]int{row[j] + 1, row[j+1] + 1, diagonal + cost})
		}
	}
	return row[len(b)]
}
