package console

import (
	"strings"
	"testing"
)

// A unit is found by its words without their marks, its own name before others.
func TestUnitsAreFoundByTheirWords(t *testing.T) {
	for text, want := range map[string]string{"Mỹ Tho": "Mỹ Tho", "my tho": "Mỹ Tho", "phường mỹ tho": "Phường Mỹ Tho"} {
		found := findUnits(text)
		if len(found) == 0 || len(found) > unitsFound || !strings.Contains(found[0].Label, want) {
			t.Errorf("%q finds %+v", text, found)
		}
	}
	for _, text := range []string{"", "  ", "no such place anywhere"} {
		if found := findUnits(text); len(found) != 0 {
			t.Errorf("%q finds %+v", text, found)
		}
	}
}
