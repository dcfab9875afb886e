package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// An Access is a look at personal data: who, why, whose, which fields. It is
// part of the record, in the case that it concerns, before a byte is shown.
type Access struct {
	Officer string   `json:"officer"`
	Reason  string   `json:"reason"`
	Partner string   `json:"-"`
	Case    string   `json:"-"`
	What    string   `json:"what"`   // message or draft
	ID      string   `json:"-"`      // its jti
	Fields  []string `json:"fields"` // JSON Pointers into its body; "" is all of it
	// BreakGlass: the officer had no right to it and took it all the same.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// minReason is how short a reason may be: one letter explains nothing.
const minReason = 5

// recordAccess records an access, and refuses one without a reason.
func recordAccess(ctx context.Context, recorder Recorder, a Access) error {
	if reason := strings.TrimSpace(a.Reason); len(reason) < minReason || len(reason) > 1000 {
		return problem(ProblemRequest, "Say for which reason, in %d to 1000 characters; it stands in the record.", minReason).rule("reason-required")
	}
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write an access: %w", err)
	}
	e := &Entry{Kind: KindAccess, Direction: Out, Partner: a.Partner, Case: a.Case, ID: a.ID, Type: a.What + "_read", Data: data}
	if err := recorder.Record(ctx, e); err != nil {
		return fmt.Errorf("record an access: %w", err)
	}
	return nil
}
