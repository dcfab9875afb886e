package exchange

import (
	"context"
	"encoding/json"
	"fmt"
)

// recordEvent records something that this gateway or one of its officers did.
// e says in which case and of which type; data says the rest, without anything
// personal but who acted.
func recordEvent(ctx context.Context, recorder Recorder, e Entry, data any) error {
	out, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	e.Kind, e.Direction, e.Data = KindEvent, Out, out
	if err := recorder.Record(ctx, &e); err != nil {
		return fmt.Errorf("record %s: %w", e.Type, err)
	}
	return nil
}
