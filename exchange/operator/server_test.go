package operator

import (
	"fmt"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What was altered in the store is told as that, whatever it is wrapped in: asking again,
// as after an outage, does not help.
func TestDamageIsToldApart(t *testing.T) {
	damage := &exchange.DamageError{Index: 7, Detail: "its data cannot be decrypted"}
	for _, err := range []error{damage, fmt.Errorf("open: %w", damage), fmt.Errorf("%w: %w", exchange.ErrUnavailable, damage)} {
		p := asProblem(err)
		if p.Kind != exchange.ProblemDamaged || p.Detail != "What is stored of entry 7 is not what was recorded; asking again does not help, and 'gateway check' says what else is." {
			t.Errorf("%v: %v", err, p)
		}
	}
	if p := asProblem(exchange.ErrUnavailable); p.Kind != exchange.ProblemUnavailable {
		t.Errorf("%v", p)
	}
}
