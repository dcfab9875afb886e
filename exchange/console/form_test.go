package console

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
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

// What is wrong with an answer says of whom and of which question it is; of a question
// that nobody has asked, or that is answered twice, the officer chooses which it is.
func TestFormNamesTheQuestion(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	values := url.Values{"/subjects#n": {"2"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/1/subject_ref": {"S-2"}, "/subjects/0/answers#n": {"1"}, "/subjects/1/answers#n": {"3"}}
	for place, question := range map[string]string{"0/answers/0": "presence", "1/answers/0": "presence", "1/answers/1": "presence", "1/answers/2": "exit"} {
		values.Set("/subjects/"+place+"/question", question)
	}
	faults := map[string][]string{}
	for _, place := range []string{"0/answers/0", "1/answers/0", "1/answers/1", "1/answers/2"} {
		faults["/subjects/"+place+"/result"] = []string{"choose"}
	}
	l := &layout{typed: newTyped(catalogueOf(t), exchange.TypeSelfReturnResponse, values, time.UTC), s: all.byTag("en"), faults: faults, asked: []string{"presence", "rescue"}}
	subjects := l.form().Nodes[0]
	var kinds, said []string
	for _, part := range subjects.Nodes[1].Nodes[1].Nodes {
		kinds = append(kinds, part.Nodes[0].Kind)
	}
	for _, a := range l.shown {
		said = append(said, a.Text)
	}
	asked := subjects.Nodes[1].Nodes[1].Nodes[0].Label
	want := []string{"Person S-1 › " + asked + " › Result: choose", "Person S-2 › " + asked + " › Result: choose", "Person S-2 › Answers 2 › Result: choose", "Person S-2 › Answers 3 › Result: choose"}
	if !slices.Equal(said, want) || !slices.Equal(kinds, []string{"fixed", "radios", "radios"}) || !strings.HasSuffix(asked, "?") {
		t.Errorf("%q, %q", said, kinds)
	}
}

// What is wrong with something that a form carries on and does not show leads to what it
// is in, and to nowhere rather than astray.
func TestFormLeadsNowhereAstray(t *testing.T) {
	for pointer, want := range map[string]string{"/subjects/3/subject_ref": "f-subjects-3", "/link": "", ".reply": ""} {
		if n := (&Node{Kind: "fixed", Pointer: pointer, ID: nodeID(pointer)}); n.focus() != want {
			t.Errorf("%s leads to %q", pointer, n.focus())
		}
	}
}
