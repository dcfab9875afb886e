package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed codes/*.json
var codeFiles embed.FS

// A CodeList is one list of codes that fields of messages are taken from.
type CodeList struct {
	Name, Version   string
	Source, Licence string
	Title           Words
	Note            Words // what a reader has to know, often empty
	Open            bool  // other codes are valid too, where the two sides know them
	successor       string
	codes           []Code
	index           map[string]int
}

// A Code is one entry of a list.
type Code struct {
	Code       string
	Parent     string   // the code of the unit that it is part of
	ReplacedBy string   // the code that took its place, in the list that came after
	HTCDS      string   // the nearest value of HTCDS 2.0, where the list is our own
	Between    []string // of a border gate: the countries that it joins
	labels     map[string]string
}

// languages are those that a label may be in; every code has one in Vietnamese.
var languages = []string{"en", "vi", "km", "lo", "zh"}

// Label returns the label in a language (a BCP 47 tag, of which the first part
// counts), or else the English or the Vietnamese one.
func (c Code) Label(language string) string {
	label, _ := c.Said(language)
	return label
}

// Said is Label, with the language that the label is of.
func (c Code) Said(language string) (label, of string) {
	base, _, _ := strings.Cut(language, "-")
	for _, of := range []string{base, "en", "vi"} {
		if label := c.labels[of]; label != "" {
			return label, of
		}
	}
	return c.Code, ""
}

// ID names the list and its version, as a place's code_list_version does.
func (l CodeList) ID() string { return l.Name + "-" + l.Version }

// Codes yields the codes in the list's order.
func (l CodeList) Codes() iter.Seq[Code] { return slices.Values(l.codes) }

// Len is the number of codes.
func (l CodeList) Len() int { return len(l.codes) }

// Has says whether the code is in the list.
func (l CodeList) Has(code string) bool { _, ok := l.index[code]; return ok }

// Lookup returns the entry of a code.
func (l CodeList) Lookup(code string) (Code, bool) {
	i, ok := l.index[code]
	if !ok {
		return Code{}, false
	}
	return l.codes[i], true
}

// Label returns the label of a code, or the code itself where the list does
// not have it, as an open list may not.
func (l CodeList) Label(code, language string) string {
	c, ok := l.Lookup(code)
	if !ok {
		return code
	}
	return c.Label(language)
}

// Successor returns the list that replaced this one and what the code became
// there.
func (l CodeList) Successor(code string) (CodeList, Code, bool) {
	c, ok := l.Lookup(code)
	if !ok || l.successor == "" {
		return CodeList{}, Code{}, false
	}
	next, _ := List(l.successor)
	now, ok := next.Lookup(c.ReplacedBy)
	return next, now, ok
}

// List returns the code list of a name.
func List(name string) (CodeList, bool) {
	lists, err := codeLists()
	l, ok := lists[name]
	return l, ok && err == nil
}

// ListByID returns the code list of a name and version, such as
// vn-units-2025-07.
func ListByID(id string) (CodeList, bool) {
	for _, l := range Lists() {
		if l.ID() == id {
			return l, true
		}
	}
	return CodeList{}, false
}

// Lists returns all code lists in the order of their names.
func Lists() []CodeList {
	lists, err := codeLists()
	if err != nil {
		return nil
	}
	out := make([]CodeList, 0, len(lists))
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		out = append(out, lists[name])
	}
	return out
}

// codeLists reads the embedded lists. They never change while the program
// runs, so they are read once; Load reports what is wrong with them.
var codeLists = sync.OnceValues(func() (map[string]CodeList, error) {
	entries, err := codeFiles.ReadDir("codes")
	if err != nil {
		return nil, fmt.Errorf("list the code lists: %w", err)
	}
	lists := map[string]CodeList{}
	for _, e := range entries {
		text, err := codeFiles.ReadFile(path.Join("codes", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the code list %s: %w", e.Name(), err)
		}
		l, err := parseCodeList(text)
		if err != nil {
			return nil, fmt.Errorf("the code list %s: %w", e.Name(), err)
		}
		if l.Name+".json" != e.Name() {
			return nil, fmt.Errorf("the code list %s calls itself %s", e.Name(), l.Name)
		}
		lists[l.Name] = l
	}
	for _, l := range lists {
		if err := l.checkSuccessor(lists); err != nil {
			return nil, fmt.Errorf("the code list %s: %w", l.Name, err)
		}
	}
	return lists, nil
})

// parseCodeList reads one list and refuses what could not be shown or looked up.
func parseCodeList(text []byte) (CodeList, error) {
	var file struct {
		List, Version, Source, Licence string
		Title, Note                    Words
		Open                           bool
		Successor                      string
		Codes                          []map[string]string
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return CodeList{}, err
	}
	l := CodeList{
		Name: file.List, Version: file.Version, Source: file.Source, Licence: file.Licence, Title: file.Title, Note: file.Note,
		Open: file.Open, successor: file.Successor, index: make(map[string]int, len(file.Codes)),
	}
	for what, value := range map[string]string{"name": l.Name, "version": l.Version, "source": l.Source, "licence": l.Licence, "title in English": l.Title.EN, "title in Vietnamese": l.Title.VI} {
		if value == "" {
			return CodeList{}, fmt.Errorf("it has no %s", what)
		}
	}
	for i, entry := range file.Codes {
		c, err := newCode(entry)
		if err != nil {
			return CodeList{}, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if l.Has(c.Code) {
			return CodeList{}, fmt.Errorf("the code %s stands there twice", c.Code)
		}
		l.index[c.Code] = i
		l.codes = append(l.codes, c)
	}
	for _, c := range l.codes {
		if c.Parent != "" && !l.Has(c.Parent) {
			return CodeList{}, fmt.Errorf("the code %s is part of %s, which is not there", c.Code, c.Parent)
		}
	}
	if len(l.codes) == 0 {
		return CodeList{}, fmt.Errorf("it has no codes")
	}
	return l, nil
}

func newCode(entry map[string]string) (Code, error) {
	c := Code{labels: map[string]string{}}
	for name, value := range entry {
		switch {
		case value == "":
			return Code{}, fmt.Errorf("%s is empty", name)
		case name == "code":
			c.Code = value
		case name == "parent":
			c.Parent = value
		case name == "replaced_by":
			c.ReplacedBy = value
		case name == "htcds":
			c.HTCDS = value
		case name == "between":
			c.Between = strings.Fields(value)
		case slices.Contains(languages, name):
			c.labels[name] = value
		default:
			return Code{}, fmt.Errorf("%q is neither a property of a code nor one of the languages %s", name, strings.Join(languages, ", "))
		}
	}
	if c.Code == "" || c.labels["vi"] == "" {
		return Code{}, fmt.Errorf("it has no code or no Vietnamese label")
	}
	return c, nil
}

// checkSuccessor makes sure that every code that was replaced leads somewhere.
func (l CodeList) checkSuccessor(lists map[string]CodeList) error {
	next, ok := lists[l.successor]
	if l.successor != "" && !ok {
		return fmt.Errorf("its successor %s does not exist", l.successor)
	}
	for _, c := range l.codes {
		if c.ReplacedBy != "" && !next.Has(c.ReplacedBy) {
			return fmt.Errorf("%s was replaced by %s, which the list %q does not have", c.Code, c.ReplacedBy, l.successor)
		}
	}
	return nil
}
