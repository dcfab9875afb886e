package schemas

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// docs/catalogue.md is made from the schemas, so that it cannot say anything
// else than they do. Who sends a type to whom, and what answers it, is no
// matter of schemas and stands in docs/wire.md.
func TestCataloguePage(t *testing.T) {
	golden(t, "../docs/catalogue.md", cataloguePage(loaded(t)))
}

const pageIntroduction = `# The catalogue

What two gateways can tell each other: the types of message, their fields and
the code lists that values are taken from. **This page is generated from the
schemas** (` + "`go test ./schemas -run CataloguePage -update`" + `); where they
differ, the schemas count: ` + "`schemas/<type>.v1.json`" + `, with an example in
` + "`schemas/examples/`" + ` and bodies that pass and fail in ` + "`schemas/testdata/`" + `.

Who sends a type to whom, when, and what answers it, is in
[wire.md](wire.md#cases-and-replies). What an agreement permits, requires or
forbids of all this is its own configuration and may be less.

1. [Types](#types)
2. [How schemas change](#how-schemas-change)
3. [Fields of each type](#fields-of-each-type)
4. [Code lists](#code-lists)

`

const pageEvolution = `## How schemas change

**A published schema never refuses what it accepted.** The published state is in
` + "`schemas/published/`" + `, and a test refuses every change that would break a
partner (` + "`TestPublishedSchemasHold`" + `).

Version 1 of a type may change in two ways only:

| change | for example | what a partner notices |
|---|---|---|
| texts | a title, a description, a label of a code | nothing |
| loosening | a new optional member; a longer limit; a new code in a list; a member or a condition that is not required any more; a new rule about new members only | nothing, until somebody uses it |

A receiver that does not have the loosened schema yet refuses what is new in it
(` + "`schema-violation`" + `). So a sender MUST NOT use a new member, limit or code
towards a partner until the two have agreed on it; for a member, their agreement
then permits the field. Until then the old form stays right, and is enough.

Everything else is breaking, and is **a second version of the type**: a member
removed, renamed or newly required; a limit, type, pattern, format or condition
that is narrower or only different; a code removed; an object closed that was
open; another meaning under an old name; a field that is less protected.

| | version 1 | version 2 |
|---|---|---|
| file | ` + "`<type>.v1.json`" + ` | ` + "`<type>.v2.json`, beside the first" + ` |
| claim ` + "`type`" + ` | ` + "`<type>`" + ` | ` + "`<type>.v2`" + ` |
| code on this page | the same | the same |
| in an agreement | a permit for ` + "`<type>`" + ` | a permit of its own, for ` + "`<type>.v2`" + ` |

Both versions live for as long as an agreement permits them, and stand for the
same step of a case. A receiver that has no second version answers
` + "`type-unknown`" + `; the sender then says it in the first, under a new ` + "`jti`" + `.

A code list changes in the same way: a label may change, a code may come, none
goes. A list that does change, as administrative units do, gets a new version in
its name (` + "`vn-units-2025-07`" + `), and the old one stays, with what became of
each code.

`

func cataloguePage(c *Catalogue) string {
	var b strings.Builder
	b.WriteString(pageIntroduction)
	b.WriteString("## Types\n\n| code | type | title | tên |\n|---|---|---|---|\n")
	types := c.Types()
	slices.SortFunc(types, func(a, b Type) int { return strings.Compare(a.Code, b.Code) })
	for _, t := range types {
		fmt.Fprintf(&b, "| [%s](#%s) | `%s` | %s | %s |\n", t.Code, strings.ToLower(t.Code), t.Name, t.Title.EN, t.Title.VI)
	}
	b.WriteString("\n" + pageEvolution)
	b.WriteString(`## Fields of each type

A pointer is a JSON Pointer into the body; ` + "`*`" + ` stands for every element. A
field that is **required** is so wherever what holds it is there; conditions say
more in its description. *identifying* and *sensitive* are what a gateway masks
until a reason is given. *HTCDS* names the field of the Human Trafficking Case
Data Standard 2.0 that exports use for it.

`)
	for _, t := range types {
		fmt.Fprintf(&b, "### %s\n\n**%s** (`%s`). %s\n\n**%s.** %s\n\n| field | value | in English | tiếng Việt |\n|---|---|---|---|\n", t.Code, t.Title.EN, t.Name, t.Description.EN, t.Title.VI, t.Description.VI)
		for _, f := range c.Fields(t.Name) {
			fmt.Fprintf(&b, "| `%s` | %s | **%s.** %s | **%s.** %s |\n", f.Pointer, kindOf(f), f.Title.EN, f.Description.EN, f.Title.VI, f.Description.VI)
		}
		b.WriteString("\n")
	}
	pageLists(&b)
	return b.String()
}

// kindOf says in a few words what a field holds.
func kindOf(f Field) string {
	kind := f.Type
	switch {
	case kind == "":
		kind = "any value"
	case kind == "array":
		kind = "list of " + f.Elements + "s"
	}
	words := []string{kind}
	if f.Format != "" && formats[f.Format].list == "" {
		words = append(words, "format "+f.Format)
	}
	if f.CodeList != "" {
		words = append(words, fmt.Sprintf("[%s](#%s)", f.CodeList, f.CodeList))
	}
	if f.Required {
		words[0] = "**" + words[0] + ", required**"
	}
	if f.Personal != "" {
		words = append(words, "*"+f.Personal+"*")
	}
	if f.HTCDS != "" {
		words = append(words, "HTCDS `"+f.HTCDS+"`")
	}
	return strings.Join(words, "; ")
}

// shownCodes is how long a list may be to be printed here.
const shownCodes = 40

func pageLists(b *strings.Builder) {
	b.WriteString(`## Code lists

One file each in ` + "`schemas/codes/`" + `, with labels by language; the licences are
in [LICENCES.md](../schemas/codes/LICENCES.md). An *open* list is a help: other
codes are valid too, where the two sides know them.

| list | version | codes | title | tên | source | licence |
|---|---|---|---|---|---|---|
`)
	for _, l := range Lists() {
		n := fmt.Sprint(l.Len())
		if l.Open {
			n += ", open"
		}
		fmt.Fprintf(b, "| [%s](#%s) | %s | %s | %s | %s | %s | %s |\n", l.Name, l.Name, l.Version, n, l.Title.EN, l.Title.VI, l.Source, l.Licence)
	}
	for _, l := range Lists() {
		fmt.Fprintf(b, "\n### %s\n\n%s. %s.\n", l.Name, l.Title.EN, l.Title.VI)
		if l.Note.EN != "" {
			fmt.Fprintf(b, "\n%s\n\n%s\n", l.Note.EN, l.Note.VI)
		}
		if l.Len() > shownCodes {
			fmt.Fprintf(b, "\n%d codes: see [the file](../schemas/codes/%s.json).\n", l.Len(), l.Name)
			continue
		}
		b.WriteString("\n| code | in English | tiếng Việt |\n|---|---|---|\n")
		for c := range l.Codes() {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", c.Code, c.Label("en"), c.Label("vi"))
		}
	}
}
