package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed *.json examples
var files embed.FS

// The schemas that are no message type.
const (
	commonSchema   = "common.v1.json"
	envelopeSchema = "message.v1.json"
	receiptSchema  = "receipt.v1.json"
)

// A Type is one message type, with what a person reads about it.
type Type struct {
	Name        string // the claim type; its second version has .v2 behind the name
	Code        string // three letters, such as VIN
	Title       Words
	Description Words
}

// Words are one text in the two languages that every schema is written in.
type Words struct{ EN, VI string }

// A Catalogue holds every schema of the wire, compiled. It is safe for
// concurrent use.
type Catalogue struct {
	types    []Type
	byName   map[string]*schema
	fields   map[string][]Field
	envelope *schema
	receipt  *schema
}

// Load compiles the embedded schemas, once in a process.
func Load() (*Catalogue, error) { return embedded() }

var embedded = sync.OnceValues(func() (*Catalogue, error) { return load(files) })

// load compiles the schemas of a folder.
func load(folder fs.FS) (*Catalogue, error) {
	if _, err := codeLists(); err != nil {
		return nil, err
	}
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list the schemas: %w", err)
	}
	var sources []source
	describe := describer{map[string]*node{}}
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read the schema %s: %w", name, err)
		}
		sources = append(sources, source{idPrefix + name, data})
	}
	compiled, err := compile(sources)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if describe.files[name], err = readNode(sources[i].text); err != nil {
			return nil, fmt.Errorf("the schema %s: %w", name, err)
		}
	}
	c := &Catalogue{byName: map[string]*schema{}, fields: map[string][]Field{}, envelope: compiled[idPrefix+envelopeSchema], receipt: compiled[idPrefix+receiptSchema]}
	for _, name := range names {
		if name == commonSchema || name == envelopeSchema || name == receiptSchema {
			continue
		}
		if err := c.add(describe, name, compiled[idPrefix+name]); err != nil {
			return nil, fmt.Errorf("the schema %s: %w", name, err)
		}
	}
	return c, nil
}

// add takes one message type into the catalogue.
func (c *Catalogue) add(describe describer, file string, s *schema) error {
	name, err := typeOfFile(file)
	if err != nil {
		return err
	}
	root, err := describe.part(file, describe.files[file])
	if err != nil {
		return err
	}
	t := Type{name, root.text("x-code"), root.words("title", "x-title-vi"), root.words("description", "x-description-vi")}
	if t.Code == "" {
		return fmt.Errorf("it has no x-code")
	}
	fields, err := describe.fields(root, "", "")
	if err != nil {
		return err
	}
	for _, other := range c.types {
		if other.Code == t.Code && firstVersion(other.Name) != firstVersion(name) {
			return fmt.Errorf("its code %s is that of %s", t.Code, other.Name)
		}
	}
	c.types, c.byName[name], c.fields[name] = append(c.types, t), s, fields
	return nil
}

var schemaFile = regexp.MustCompile(`^([a-z][a-z_]{2,63})\.v([1-9][0-9]?)\.json$`)

// typeOfFile turns the name of a file into the claim type: version 1 has the
// bare name, a later one has it behind the name.
func typeOfFile(file string) (string, error) {
	m := schemaFile.FindStringSubmatch(file)
	if m == nil {
		return "", fmt.Errorf("its file is not called <type>.v<version>.json")
	}
	return strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".v1"), nil
}

// fileOfType is the way back.
func fileOfType(messageType string) string {
	if firstVersion(messageType) == messageType {
		return messageType + ".v1.json"
	}
	return messageType + ".json"
}

func firstVersion(messageType string) string {
	name, _, _ := strings.Cut(messageType, ".")
	return name
}

// Types returns the message types, in the order of their names.
func (c *Catalogue) Types() []Type { return slices.Clone(c.types) }

// Has says whether there is a message type of this name.
func (c *Catalogue) Has(messageType string) bool { return c.byName[messageType] != nil }

// HasField says whether a body of a message type has a place for what a JSON
// Pointer names; a token * stands for every element of an array.
func (c *Catalogue) HasField(messageType, pointer string) bool {
	tokens := strings.Split(pointer, "/")
	for i, token := range tokens {
		if token == "*" {
			tokens[i] = "0"
		}
	}
	s := c.byName[messageType]
	return s != nil && s.partAt(strings.Join(tokens, "/")) != nil
}

// Validate judges the body of a message; body is what Parse returned. The
// error is a *ValidationError when the body breaks the schema.
func (c *Catalogue) Validate(messageType string, body any) error {
	s := c.byName[messageType]
	if s == nil {
		return fmt.Errorf("there is no message type %q", messageType)
	}
	return s.validate(body)
}

// ValidateEnvelope judges the claims of a message, the body's inside aside.
func (c *Catalogue) ValidateEnvelope(claims any) error { return c.envelope.validate(claims) }

// ValidateReceipt judges the claims of a receipt.
func (c *Catalogue) ValidateReceipt(claims any) error { return c.receipt.validate(claims) }

// Source returns the text of a message type's schema, nil where there is none.
func Source(messageType string) []byte {
	data, err := files.ReadFile(fileOfType(messageType))
	if err != nil {
		return nil
	}
	return data
}

// Example returns a body of a message type about invented persons, nil where
// there is none.
func Example(messageType string) []byte {
	data, err := files.ReadFile("examples/" + messageType + ".json")
	if err != nil {
		return nil
	}
	return data
}
