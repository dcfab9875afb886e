package exchange

import (
	"context"
	"errors"
	"testing"
)

// reading is a reader whose answer is given.
type reading struct {
	row Row
	err error
}

func (r reading) Message(context.Context, MessageKey) (Row, error) { return r.row, r.err }
func (r reading) Case(context.Context, CaseKey) (CaseRow, error)   { return CaseRow{}, r.err }

// A message that may have been accepted before is not refused for good because
// the store cannot be read at this moment (P10).
func TestUnreadableStoreRefusesNothing(t *testing.T) {
	claims := Claims{Case: "case-0001"}
	for _, c := range []struct {
		reader reading
		copied bool
		err    error
	}{
		{reading{row: Row{Case: "case-0001"}}, true, nil},
		{reading{row: Row{Case: "case-0002"}}, false, nil},
		{reading{err: ErrNotFound}, false, nil},
		{reading{err: errors.New("the connection broke")}, false, ErrUnavailable},
	} {
		in := &Inbox{cfg: InboxConfig{Reader: c.reader}}
		copied, err := in.accepted(t.Context(), &Entry{}, claims)
		if copied != c.copied || !errors.Is(err, c.err) {
			t.Errorf("%+v: %t %v", c.reader, copied, err)
		}
		if err != nil && asRefusal(err).Kind != ProblemUnavailable {
			t.Errorf("answered with %v", asRefusal(err))
		}
	}
}
