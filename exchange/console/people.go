package console

import (
	"slices"
	"strings"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// A personLink is a person's reference, and where the page tells of them: "" where it
// does not.
type personLink struct{ Ref, At string }

// manyPersons is from how many persons on a message begins with an index of them.
const manyPersons = 8

// byNumber compares references as one counts: S-2 before S-10.
func byNumber() func(a, b string) int {
	return collate.New(language.Und, collate.Numeric).CompareString
}

// personAnchor is the identifier of the part of a page that tells of a person.
func personAnchor(ref string) string { return "person-" + ref }

// inOrder puts persons in their order, each with the place that tells of them in what
// the page has: its blocks, its lines of persons, or its form.
func inOrder(refs []string, page any) []personLink {
	at := map[string]string{}
	switch page := page.(type) {
	case []Block:
		for _, b := range page {
			at[b.Subject] = personAnchor(b.Subject)
		}
	case []PersonLine:
		for _, p := range page {
			at[p.Ref] = personAnchor(p.Ref)
		}
	case Node:
		for _, n := range slices.Concat(page.Nodes, page.More) {
			for _, part := range n.Nodes {
				for _, field := range part.Nodes {
					if strings.HasSuffix(field.Pointer, "/subject_ref") {
						at[field.Value] = part.ID
					}
				}
			}
		}
	}
	refs = slices.Clone(refs)
	slices.SortStableFunc(refs, byNumber())
	var out []personLink
	for _, ref := range refs {
		if ref != "" { // of a form, in which it is not typed yet
			out = append(out, personLink{ref, at[ref]})
		}
	}
	return out
}

// personIndex leads to each person of a message of many.
func personIndex(blocks []Block) []personLink {
	var out []personLink
	for _, b := range blocks {
		if b.Subject != "" {
			out = append(out, personLink{b.Subject, personAnchor(b.Subject)})
		}
	}
	if len(out) < manyPersons {
		return nil
	}
	return out
}
