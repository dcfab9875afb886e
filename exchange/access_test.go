package exchange

import (
	"strings"
	"testing"
)

// Reasons are counted in characters, whatever they are written in.
func TestGoodReason(t *testing.T) {
	for reason, good := range map[string]bool{
		// What says nothing, and what cannot be seen.
		".....":                        false,
		"1. ..":                        false,
		"٣٤٥ !":                        true,
		strings.Repeat("\u200b", 5):    false,
		strings.Repeat("\u3164", 5):    false, // a filler, which counts as a letter
		strings.Repeat("\u2060", 5):    false,
		strings.Repeat("\u17b4", 5):    false, // Khmer, and without a shape
		"call\u202e back":              false,
		"call back\ufeff!":             false,
		"\u200bcall back\u200b, later": false,
		"ក\u200bក\u200bក":              false, // three are seen
		"ហៅទៅវិញ\u200bថ្ងៃនេះ": true,
		"ບໍ່ມີ":                               true, // two letters and their signs
		"核对身份。":                               true,
		"call\u00a0back\r\nlater":             true,
		"\xff call back":                      false,
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

// A name that others go by has nothing in it that turns what stands beside it around,
// or that cannot be seen.
func TestValidOfficerName(t *testing.T) {
	for name, valid := range map[string]bool{
		"Trần Thị Lan":             true,
		"ស្រី\u200cមុំ":            true, // a joiner that the script is written with
		"សុខ\u200bធា":              true, // a space that nobody sees, between two words
		"":                         false,
		"Lan \u202e)nâig ứht":      false,
		"La\u200bn":                false,
		"Lan\x00":                  false,
		"\u2066Lan":                false,
		"Lan\nadministrator":       false,
		"Lan\xff":                  false,
		strings.Repeat("ầ", 200/3): true,
		strings.Repeat("ầ", 67):    false,
	} {
		if ValidOfficerName(name) != valid {
			t.Errorf("%q: valid should be %v", name, valid)
		}
	}
}
