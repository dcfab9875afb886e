package schemas

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.v1.json examples
var files embed.FS

// The schemas that are no message type.
const (
	commonSchema   = "common.v1.json"
	envelopeSchema = "message.v1.json"
	receiptSchema  = "receipt.v1.json"
)

// A Type is one message type, with what a person reads about it.
type Type struct {
	Name        string
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
	envelope *schema
	receipt  *schema
}

// Load compiles the embedded schemas.
func Load() (*Catalogue, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list the schemas: %w", err)
	}
	var sources []source
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the schema %s: %w", e.Name(), err)
		}
		sources = append(sources, source{idPrefix + e.Name(), data})
	}
	compiled, err := compile(sources)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{byName: map[string]*schema{}, envelope: compiled[idPrefix+envelopeSchema], receipt: compiled[idPrefix+receiptSchema]}
	for _, s := range sources {
		switch file := strings.TrimPrefix(s.id, idPrefix); file {
		case commonSchema, envelopeSchema, receiptSchema:
		default:
			t, err := typeOf(strings.TrimSuffix(file, ".v1.json"), s.text)
			if err != nil {
				return nil, err
			}
			c.types = append(c.types, t)
			c.byName[t.Name] = compiled[s.id]
		}
	}
	return c, nil
}

func typeOf(name string, text []byte) (Type, error) {
	parsed, err := Parse(text, DefaultLimits())
	if err != nil {
		return Type{}, fmt.Errorf("read the schema of %s: %w", name, err)
	}
	word := func(keyword string) string { s, _ := member(parsed, keyword).(string); return s }
	return Type{name, word("x-code"), Words{word("title"), word("x-title-vi")}, Words{word("description"), word("x-description-vi")}}, nil
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
	data, err := files.ReadFile(messageType + ".v1.json")
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
