package exchange

import (
	"reflect"
	"slices"
	"testing"

	"github.com/repatriation-exchange/gateway/schemas"
)

// What is personal is hidden wherever a look begins: at a body, or at a place
// that a correction names.
func TestCurtain(t *testing.T) {
	catalogue, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	person := map[string]any{"subject_ref": "S-1", "sex": "female", "name": map[string]any{"native": "Mẫu"}, "documents": []any{map[string]any{"number": "B1"}}}
	for _, c := range []struct {
		pointer string
		value   any
		open    []string
		want    any
	}{
		{"", map[string]any{"subjects": []any{person}}, nil, map[string]any{"subjects": []any{map[string]any{"subject_ref": "S-1", "sex": "female", "name": Hidden{}, "documents": Hidden{}}}}},
		{"", map[string]any{"subjects": []any{person}}, []string{"/subjects/0/documents"}, map[string]any{"subjects": []any{map[string]any{"subject_ref": "S-1", "sex": "female", "name": Hidden{}, "documents": person["documents"]}}}},
		{"", map[string]any{"subjects": []any{person}}, []string{"/subjects/0/name/native", "/subjects/00"}, map[string]any{"subjects": []any{map[string]any{"subject_ref": "S-1", "sex": "female", "name": Hidden{}, "documents": Hidden{}}}}},
		{"/subjects/0", person, nil, map[string]any{"subject_ref": "S-1", "sex": "female", "name": Hidden{}, "documents": Hidden{}}},
		{"/subjects/0/documents/0", map[string]any{"number": "B1"}, nil, Hidden{}},
		{"/subjects/0/documents/-", map[string]any{"number": "B1"}, nil, Hidden{}},
		{"/subjects/0/documents/0/number", "B1", nil, Hidden{}},
		{"/subjects/0/documents/0/number", "B1", []string{"/subjects/0/documents"}, "B1"},
		{"/subjects/0/name/native", "Mẫu", nil, Hidden{}},
		{"/subjects/0/nobody-knows", "x", nil, Hidden{}},
		{"/subjects/0/sex", "male", nil, "male"},
		{"", map[string]any{"subjects": []any{person}}, []string{""}, map[string]any{"subjects": []any{person}}},
	} {
		curtain := curtain{catalogue: catalogue, messageType: TypeIdentityRequest, open: c.open}
		if got := curtain.draw(c.pointer, c.value); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s with %v open: %v, want %v", c.pointer, c.open, got, c.want)
		}
		if slices.Contains(c.open, "") && len(curtain.hidden) > 0 {
			t.Errorf("with everything open, %v is hidden", curtain.hidden)
		}
	}
}

// A change that takes something personal away is one to read, though it has no value.
func TestCurtainTaken(t *testing.T) {
	catalogue, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]bool{
		"/subjects/0": true, "/subjects/0/name": true, "/subjects/0/name/language": true, "/subjects/0/documents/0": true, "/subjects/0/claimed_citizenship": false, "/found_on": false, "/nobody-knows": true,
	} {
		c := curtain{catalogue: catalogue, messageType: TypeCorrection, about: TypeIdentityRequest}
		body := map[string]any{"changes": []any{map[string]any{"op": "remove", "pointer": pointer}}}
		if got := len(c.taken(body)) > 0; got != want {
			t.Errorf("%s: %v", pointer, got)
		}
	}
}
