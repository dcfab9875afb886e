package partners

import "slices"

// A Deadline is a time limit. One without a citation does not exist. Its clock
// starts when a message of Type is issued (claim iat; for the partner's, not before
// it came) and ends with a message of a type in Stops.
type Deadline struct {
	ID           string      `json:"id" yaml:"id"`
	Label        Text        `json:"label" yaml:"label"`
	Type         string      `json:"type" yaml:"type"`
	When         *Condition  `json:"when,omitempty" yaml:"when,omitempty"`
	Stops        []string    `json:"stops" yaml:"stops"`
	Value        int         `json:"value" yaml:"value"`
	Unit         string      `json:"unit" yaml:"unit"`               // calendar or working (days)
	Responsible  string      `json:"responsible" yaml:"responsible"` // receiver or sender of the message that starts it
	Scope        string      `json:"scope" yaml:"scope"`             // internal or partner
	RemindBefore []int       `json:"remind_before,omitempty" yaml:"remind_before,omitempty"`
	Pauses       []PauseRule `json:"pauses,omitempty" yaml:"pauses,omitempty"`
	Basis        Text        `json:"basis" yaml:"basis"`
	Citation     Text        `json:"citation" yaml:"citation"`
}

// A Condition narrows down which messages start a clock: those in whose body
// the pointer names one of the texts.
type Condition struct {
	Pointer string   `json:"pointer" yaml:"pointer"`
	OneOf   []string `json:"one_of" yaml:"one_of"`
}

// A PauseRule says which messages of the case make a clock stand still.
type PauseRule struct {
	On    string `json:"on" yaml:"on"`
	Until string `json:"until" yaml:"until"`
}

// Who has to keep a deadline, by its part in the message that starts it.
const (
	ResponsibleReceiver = "receiver"
	ResponsibleSender   = "sender"
)

// Whose rule a deadline is.
const (
	// ScopeInternal is a rule of our own country. It binds only us and is
	// never shown as the partner's duty.
	ScopeInternal = "internal"
	// ScopePartner is a term of the instrument, for whichever side is
	// responsible.
	ScopePartner = "partner"
)

// Started returns the deadlines whose clocks a message starts.
func (a *Agreement) Started(messageType string, direction Direction, body any) []Deadline {
	var out []Deadline
	for _, d := range a.Deadlines {
		if d.Type == messageType && d.Applies(direction) && d.When.holds(body) {
			out = append(out, d)
		}
	}
	return out
}

// Deadline returns the deadline with an id.
func (a *Agreement) Deadline(id string) (Deadline, bool) {
	i := slices.IndexFunc(a.Deadlines, func(d Deadline) bool { return d.ID == id })
	if i < 0 {
		return Deadline{}, false
	}
	return a.Deadlines[i], true
}

// Ours says whether we are responsible when a message that goes this way starts
// the clock.
func (d Deadline) Ours(direction Direction) bool {
	return (d.Responsible == ResponsibleReceiver) == (direction == Receive)
}

// Applies says whether messages that go this way start the clock: an internal
// rule binds nobody but us.
func (d Deadline) Applies(direction Direction) bool {
	return d.Scope == ScopePartner || d.Ours(direction)
}

// StoppedBy says whether a later message of the case ends a clock that a
// message in the direction started has started. Where the receiver is
// responsible only its own messages do; where the sender is, either its own
// next step does or the answer that it waits for.
func (d Deadline) StoppedBy(started Direction, messageType string, direction Direction) bool {
	return slices.Contains(d.Stops, messageType) && (direction != started || d.Responsible == ResponsibleSender)
}

func (c *Condition) holds(body any) bool {
	if c == nil {
		return true
	}
	path, err := compilePointer(c.Pointer)
	return err == nil && anyText(body, path, func(text string) bool { return slices.Contains(c.OneOf, text) })
}

// anyText says whether a text that a path names fits.
func anyText(v any, path []string, fits func(string) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		if len(path) > 0 {
			child, ok := v[path[0]]
			return ok && anyText(child, path[1:], fits)
		}
	case []any:
		if len(path) > 0 && path[0] == everyElement {
			return slices.ContainsFunc(v, func(child any) bool { return anyText(child, path[1:], fits) })
		}
	case string:
		return len(path) == 0 && fits(v)
	}
	return false
}
