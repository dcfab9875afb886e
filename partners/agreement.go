package partners

import "fmt"

// A Direction is seen from our side of an agreement.
type Direction string

const (
	Send    Direction = "send"
	Receive Direction = "receive"
)

// both is what a file may write for the two directions; a permit in memory has
// one of them.
const both = "both"

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
	from origin
}

// A Source says what is known of the instrument, and how.
type Source struct {
	Statement string `json:"statement" yaml:"statement"`
	Seen      bool   `json:"seen" yaml:"seen"` // in a source, not recalled
}

// A Permit is one type, one direction, and the terms for it. A file may write
// several permits as one row (types, direction both); they are taken apart when
// it is read.
type Permit struct {
	Type       string        `json:"type" yaml:"type"`
	Direction  Direction     `json:"direction" yaml:"direction"`
	Off        bool          `json:"off,omitempty" yaml:"off,omitempty"` // kept and checked, but permits nothing
	Purposes   []string      `json:"purposes" yaml:"purposes"`
	Reply      string        `json:"reply,omitempty" yaml:"reply,omitempty"`
	Fields     []FieldRule   `json:"fields,omitempty" yaml:"fields,omitempty"`
	Minors     *Minors       `json:"minors,omitempty" yaml:"minors,omitempty"`
	Recipients []string      `json:"recipients,omitempty" yaml:"recipients,omitempty"` // agencies of the receiving side
	Anonymous  string        `json:"anonymous,omitempty" yaml:"anonymous,omitempty"`   // forbid, allow or require; "" forbids
	Approval   *ApprovalTerm `json:"approval,omitempty" yaml:"approval,omitempty"`     // the message must name one
	Safeguards []string      `json:"safeguards,omitempty" yaml:"safeguards,omitempty"` // needed before it leaves
	Release    *Release      `json:"release,omitempty" yaml:"release,omitempty"`

	compiled []compiledRule
	row      place
}

// A place says how and where a file writes a permit.
type place struct {
	at, typeAt string // JSON Pointers of the row, and of the type in it
	direction  Direction
	recipients []string
}

// Minors are the rules for each subject that is or may be a minor.
type Minors struct {
	Fields []FieldRule `json:"fields" yaml:"fields"`
}

// An ApprovalTerm asks for the reference of an approval.
type ApprovalTerm struct {
	// Direction is for a row of a file that stands for both; in memory it is "".
	Direction Direction `json:"direction,omitempty" yaml:"direction,omitempty"`
	Citation  string    `json:"citation" yaml:"citation"`
	Reference string    `json:"reference,omitempty" yaml:"reference,omitempty"` // a standing one
}

// A Release says who lets an outgoing message leave.
type Release struct {
	Officers int `json:"officers" yaml:"officers"` // different ones
}

// A FieldRule says what happens to one place of a body.
type FieldRule struct {
	Pointer string `json:"pointer" yaml:"pointer"` // JSON Pointer; * stands for every element of an array
	Rule    string `json:"rule" yaml:"rule"`       // require, allow, redact or forbid
	Note    string `json:"note,omitempty" yaml:"note,omitempty"`
}

// A Refusal says which term of an agreement a message breaks. The pointer is
// into the claims, or into the body for a rule about a field.
type Refusal struct{ Rule, Pointer, Detail string }

func (r *Refusal) Error() string { return r.Rule + ": " + r.Detail }

// Find returns the permit for a type and direction, nil when there is none that
// is switched on.
func (a *Agreement) Find(messageType string, direction Direction) *Permit {
	for i := range a.Permits {
		if p := &a.Permits[i]; p.Type == messageType && p.Direction == direction && !p.Off {
			return p
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

// SeenBy returns the same agreement as the other side writes it: what we send
// they receive. Recipients, rules for minors, safeguards and releases are terms
// of the message and stay as they are, and so is the side that is responsible
// for a deadline, which is named by its part in the message. Internal deadlines
// are ours and stay behind, and so does a standing approval: it is known to the
// side that sends.
func (a *Agreement) SeenBy(ourCode string) *Agreement {
	mirrored := *a
	mirrored.Partner, mirrored.Deadlines, mirrored.from = ourCode, nil, origin{}
	mirrored.Permits = make([]Permit, len(a.Permits))
	for i, p := range a.Permits {
		if p.Approval != nil && p.Direction == Send {
			p.Approval = &ApprovalTerm{Citation: p.Approval.Citation}
		}
		p.Direction = p.Direction.opposite()
		mirrored.Permits[i] = p
	}
	for _, d := range a.Deadlines {
		if d.Scope == ScopePartner {
			mirrored.Deadlines = append(mirrored.Deadlines, d)
		}
	}
	return &mirrored
}
