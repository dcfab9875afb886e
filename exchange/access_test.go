package exchange

import (
	"strings"
	"testing"
)

// Reasons are counted in characters, whatever they are written in.
func TestGoodReason(t *testing.T) {
	for reason, good := range map[string]bool{
		"":                                    false,
		"ắc ở":                                false, // ten bytes
		"  ắc ở  ":                            false,
		"gọi lại":                             true,
		"ខ្មែរ":                               true, // one word, of five
		"មក":                                  false,
		strings.Repeat("ặ", 1000):             true,
		strings.Repeat("ặ", 1001):             false,
		strings.Repeat("ក្", 500) + "\n":      true,
		strings.Repeat("ក្", 500) + "ក":       false,
		" " + strings.Repeat("x", 1000) + " ": true,
	} {
		if GoodReason(reason) != good {
			t.Errorf("%.20q of %d bytes: good should be %v", reason, len(reason), good)
		}
	}
}
