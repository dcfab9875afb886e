package exchange

import (
	"slices"
	"testing"
)

// The persons of a message are named as its places number them, and nobody is where a
// correction may have moved them, or where each side has a message of that name.
func TestNumberedPersons(t *testing.T) {
	asked := Note{ID: "asked", Type: TypeIdentityRequest, Said: Said{Subjects: []Decision{{Ref: "S-2"}, {Ref: "S-1"}}}}
	ours, dropped := asked, Note{ID: "fix", Type: TypeCorrection, Said: Said{Target: "asked"}}
	ours.Out = true
	other := dropped
	other.Out = true
	for name, c := range map[string]struct {
		notes []Note
		want  []string
	}{
		"as it was sent":           {[]Note{asked}, []string{"S-2", "S-1"}},
		"corrected":                {[]Note{asked, dropped}, nil},
		"another one is corrected": {[]Note{asked, other}, []string{"S-2", "S-1"}},
		"of two that are alike":    {[]Note{asked, ours}, nil},
		"of a message not there":   {nil, nil},
	} {
		if got := (&Book{Notes: c.notes}).numbered("asked"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
