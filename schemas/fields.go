package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Field is one place of a message's body, with what a person or an export
// has to know of it.
type Field struct {
	Pointer     string // JSON Pointer into the body; * stands for every element
	Title       Words
	Description Words
	Type        string // object, array, string, integer, boolean; "" where any will do
	Elements    string // of an array: the type of its elements
	Format      string // of a string or of an array's strings
	Required    bool   // of what holds it, always
	Sometimes   bool   // a condition may require it
	Fixed       bool   // it has one permitted value
	Limit       int    // of a string, its most characters; of an array, its most elements; 0 for no bound
	CodeList    string // the name of its code list
	HTCDS       string // its equivalent in HTCDS 2.0
	Personal    string // Identifying, Sensitive or ""; what holds it passes it on
}

// Fields returns the fields of a message type in the order of its schema, each
// object and array before what is in it; nil where there is no such type.
func (c *Catalogue) Fields(messageType string) []Field { return slices.Clone(c.fields[messageType]) }

// Field returns the field at a JSON Pointer into a body, elements by number or
// by *.
func (c *Catalogue) Field(messageType, pointer string) (Field, bool) {
	tokens := strings.Split(pointer, "/")
	for i, token := range tokens {
		if _, err := strconv.Atoi(token); err == nil {
			tokens[i] = "*"
		}
	}
	pointer = strings.Join(tokens, "/")
	for _, f := range c.fields[messageType] {
		if f.Pointer == pointer {
			return f, true
		}
	}
	return Field{}, false
}

// A node is a JSON value that keeps the order of its members, which Parse does
// not and people read by.
type node struct {
	names   []string
	members map[string]*node
	value   any // of anything but an object or an array
}

// readNode reads a JSON text that Parse has taken before.
func readNode(text []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n, err := decodeNode(d)
	if err != nil {
		return nil, fmt.Errorf("read the order of the members: %w", err)
	}
	return n, nil
}

func decodeNode(d *json.Decoder) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	n := &node{members: map[string]*node{}}
	opened, ok := token.(json.Delim)
	if !ok {
		n.value = token
		return n, nil
	}
	for d.More() {
		name := strconv.Itoa(len(n.names))
		if opened == '{' {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ = token.(string)
		}
		below, err := decodeNode(d)
		if err != nil {
			return nil, err
		}
		n.names = append(n.names, name)
		n.members[name] = below
	}
	if _, err := d.Token(); err != nil && err != io.EOF {
		return nil, err
	}
	return n, nil
}

// at returns a member, or nil; it may be asked of nil.
func (n *node) at(names ...string) *node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		n = n.members[name]
	}
	return n
}

// A describer lists the fields of schemas that refer to one another.
type describer struct{ files map[string]*node }

// A part is a schema and those that it refers to, the nearest first: what the
// nearest says of itself counts.
type part []located

type located struct {
	file string
	*node
}

func (d describer) part(file string, n *node) (part, error) {
	p := part{{file, n}}
	for {
		ref, ok := n.at("$ref").textOK()
		if !ok {
			return p, nil
		}
		id, fragment, _ := strings.Cut(ref, "#/")
		if id != "" {
			file = strings.TrimPrefix(id, idPrefix)
		}
		if n = d.files[file].at(strings.Split(fragment, "/")...); n == nil {
			return nil, fmt.Errorf("%s refers to %s, which is not there", p[0].file, ref)
		}
		p = append(p, located{file, n})
	}
}

func (n *node) textOK() (string, bool) {
	if n == nil {
		return "", false
	}
	s, ok := n.value.(string)
	return s, ok
}

func (n *node) text() string {
	s, _ := n.textOK()
	return s
}

// find returns the nearest value of a keyword and the file where it stands.
func (p part) find(keyword string) (*node, string) {
	for _, l := range p {
		if found := l.at(keyword); found != nil {
			return found, l.file
		}
	}
	return nil, ""
}

func (p part) text(keyword string) string {
	n, _ := p.find(keyword)
	return n.text()
}

func (p part) words(en, vi string) Words { return Words{p.text(en), p.text(vi)} }

func (p part) typeName() string {
	if n, _ := p.find("properties"); n != nil {
		return "object"
	}
	return p.text("type")
}

// fields lists what is below one part.
func (d describer) fields(p part, pointer, personal string) ([]Field, error) {
	properties, file := p.find("properties")
	if properties == nil {
		return nil, nil
	}
	var required []string
	if n, _ := p.find("required"); n != nil {
		for _, name := range n.names {
			required = append(required, n.at(name).text())
		}
	}
	sometimes := p.conditions()
	var out []Field
	for _, name := range properties.names {
		below, err := d.part(file, properties.at(name))
		if err != nil {
			return nil, err
		}
		fields, err := d.field(below, pointer+"/"+name, personal)
		if err != nil {
			return nil, err
		}
		fields[0].Required, fields[0].Sometimes = slices.Contains(required, name), slices.Contains(sometimes, name)
		out = append(out, fields...)
	}
	return out, nil
}

// conditions returns the members that the branches of a part's conditions
// require.
func (p part) conditions() []string {
	var out []string
	collect := func(n *node) {
		for _, branch := range []string{"then", "else"} {
			list := n.at(branch, "required")
			for i := 0; list != nil && i < len(list.names); i++ {
				out = append(out, list.at(list.names[i]).text())
			}
		}
	}
	for _, l := range p {
		collect(l.node)
		all := l.at("allOf")
		for i := 0; all != nil && i < len(all.names); i++ {
			collect(all.at(all.names[i]))
		}
	}
	return out
}

// bound returns the value of the first of some keywords that a part has.
func (p part) bound(keywords ...string) int {
	for _, keyword := range keywords {
		if n, _ := p.find(keyword); n != nil {
			number, _ := n.value.(json.Number)
			value, _ := number.Int64()
			return int(value)
		}
	}
	return 0
}

// field describes one part and what is below it.
func (d describer) field(p part, pointer, personal string) ([]Field, error) {
	f := Field{
		Pointer: pointer, Title: p.words("title", "x-title-vi"), Description: p.words("description", "x-description-vi"), Type: p.typeName(),
		Format: p.text("format"), CodeList: p.text("x-codes"), HTCDS: p.text("x-htcds"), Personal: p.text("x-personal"),
	}
	if f.Personal == "" {
		f.Personal = personal
	}
	fixed, _ := p.find("const")
	f.Fixed, f.Limit = fixed != nil, p.bound("maxLength", "maxItems")
	inside := pointer
	if items, file := p.find("items"); items != nil {
		elements, err := d.part(file, items)
		if err != nil {
			return nil, err
		}
		f.Elements, f.Format, f.CodeList = elements.typeName(), elements.text("format"), elements.text("x-codes")
		if f.Personal == "" {
			f.Personal = elements.text("x-personal")
		}
		p, inside = elements, pointer+"/*"
	}
	below, err := d.fields(p, inside, f.Personal)
	if err != nil {
		return nil, err
	}
	return append([]Field{f}, below...), nil
}
