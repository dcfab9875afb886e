package partners

import "fmt"

// A Direction is seen from our side of an agreement.
type Direction string

const (
	Send    Direction = "send"
	Receive Direction = "receive"
)

// An Agreement is one instrument with one partner, and what it permits.
type Agreement struct {
	Code      string     `json:"code" yaml:"code"`
	Partner   string     `json:"partner" yaml:"partner"`
	Title     Text       `json:"title" yaml:"title"`
	Sources   []Source   `json:"sources" yaml:"sources"`
	Status    string     `json:"status" yaml:"status"`
	Permits   []Permit   `json:"permits" yaml:"permits"`
	Deadlines []Deadline `json:"deadlines,omitempty" yaml:"deadlines,omitempty"`

	File string `json:"-" yaml:"-"`
}

// A Source says what is known of the instrument, and how.
type Source struct {
	Statement string `json:"statement" yaml:"statement"`
	Seen      bool   `json:"seen" yaml:"seen"` // in a source, not recalled
}

// A Permit is one row of an agreement: one type, one direction.
type Permit struct {
	Type      string      `json:"type" yaml:"type"`
	Direction Direction   `json:"direction" yaml:"direction"`
	Purposes  []string    `json:"purposes" yaml:"purposes"`
	Reply     string      `json:"reply,omitempty" yaml:"reply,omitempty"`
	Fields    []FieldRule `json:"fields,omitempty" yaml:"fields,omitempty"`

	compiled []compiledRule
}

// A FieldRule says what happens to one place of a body.
type FieldRule struct {
	Pointer string `json:"pointer" yaml:"pointer"` // JSON Pointer; * stands for every element of an array
	Rule    string `json:"rule" yaml:"rule"`       // require, allow, redact or forbid
	Note    string `json:"note,omitempty" yaml:"note,omitempty"`
}

// A Deadline is a time limit. One without a citation does not exist.
type Deadline struct {
	Label    Text   `json:"label" yaml:"label"`
	Type     string `json:"type" yaml:"type"`
	Value    int    `json:"value" yaml:"value"`
	Unit     string `json:"unit" yaml:"unit"` // calendar or working (days)
	Basis    string `json:"basis" yaml:"basis"`
	Citation string `json:"citation" yaml:"citation"`
}

// A Refusal says which term of an agreement a message breaks.
type Refusal struct{ Rule, Pointer, Detail string }

func (r *Refusal) Error() string { return r.Rule + ": " + r.Detail }

// Find returns the permit for a type and direction, nil when there is none.
func (a *Agreement) Find(messageType string, direction Direction) *Permit {
	for i := range a.Permits {
		if a.Permits[i].Type == messageType && a.Permits[i].Direction == direction {
			return &a.Permits[i]
		}
	}
	return nil
}

// Permit returns the permit for a message, or a *Refusal.
func (a *Agreement) Permit(messageType string, direction Direction, purpose string) (*Permit, error) {
	if a.Status != InForce {
		return nil, &Refusal{"agreement-not-in-force", "/agreement", fmt.Sprintf("The agreement %s is not in force here.", a.Code)}
	}
	p := a.Find(messageType, direction)
	if p == nil {
		if a.Find(messageType, direction.opposite()) != nil {
			return nil, &Refusal{"direction-not-permitted", "/type", fmt.Sprintf("The agreement %s permits this type only the other way.", a.Code)}
		}
		return nil, &Refusal{"type-not-permitted", "/type", fmt.Sprintf("The agreement %s does not permit this type.", a.Code)}
	}
	for _, allowed := range p.Purposes {
		if allowed == purpose {
			return p, nil
		}
	}
	return nil, &Refusal{"purpose-not-permitted", "/purpose", fmt.Sprintf("The agreement %s does not permit this type for this purpose.", a.Code)}
}

// InForce is the status of an agreement that messages may name.
const InForce = "in_force"

func (d Direction) opposite() Direction {
	if d == Send {
		return Receive
	}
	return Send
}
