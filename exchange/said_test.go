package exchange

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

func parsed(t *testing.T, text string) any {
	t.Helper()
	v, err := schemas.Parse([]byte(text), schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What the state machine takes from the example of each type, and nothing
// personal with it.
func TestSaid(t *testing.T) {
	s := func(refAndValue ...string) (out []Decision) {
		for i := 0; i < len(refAndValue); i += 2 {
			out = append(out, Decision{refAndValue[i], refAndValue[i+1]})
		}
		return out
	}
	const first, second = "01a20b74-57f6-7dc7-8f77-3a4f02017c6c", "01a20b74-57f6-7dc7-8f77-3a4f02017c6d"
	want := map[string]Said{
		TypeIdentityRequest:     {Subjects: s("S-1", "", "S-2", "")},
		TypeIdentityResponse:    {Subjects: s("S-1", "match", "S-2", "insufficient")},
		TypeReturnRequest:       {Subjects: s("S-1", "", "S-2", ""), Target: second},
		TypeHandoverRecord:      {Subjects: s("S-1", "handed_over", "S-2", "handed_over")},
		TypeSelfReturnResponse:  {Subjects: s("S-1", "")},
		TypeCorrection:          {Target: first, Revision: 1},
		TypeWithdrawal:          {Target: first, Subjects: s("S-2", "wrong_person")},
		TypeErasureNotice:       {Subjects: s("S-2", "subjects")},
		TypeErasureConfirmation: {Subjects: s("", "partial")},
		TypeInformationRequest:  {Subjects: s("", "")},
	}
	for messageType, said := range want {
		got := saidOf(t, messageType)
		if messageType == TypeHandoverRecord {
			if len(got.Terms) != 43 {
				t.Errorf("the terms of a handover are %q", got.Terms)
			}
			got.Terms = ""
		}
		got.Link = ""
		if !reflect.DeepEqual(got, said) {
			t.Errorf("%s says %+v, want %+v", messageType, got, said)
		}
	}
	for _, r := range catalogue {
		text, err := json.Marshal(saidOf(t, r.Type))
		if err != nil {
			t.Fatal(err)
		}
		for _, personal := range []string{"Nguy", "1998", "2009", "L898902C", "0821", "Mau"} {
			if strings.Contains(string(text), personal) {
				t.Errorf("the book of a case would hold %s of a %s", personal, r.Type)
			}
		}
	}
}

func saidOf(t *testing.T, messageType string) Said {
	t.Helper()
	return said(Claims{Type: messageType}, parsed(t, string(schemas.Example(messageType))))
}

func TestSenseless(t *testing.T) {
	for _, c := range []struct{ messageType, body, rule, pointer string }{
		{TypeNationality, `{"subjects":[{"subject_ref":"S-1"},{"subject_ref":"S-2"},{"subject_ref":"S-1"}]}`, "subject-repeated", "/body/subjects/2/subject_ref"},
		{TypeWithdrawal, `{"subjects":["S-1","S-1"]}`, "subject-repeated", "/body/subjects/1"},
		{TypeReturnRequest, `{"subjects":[],"window":{"from":"2026-12-11","to":"2026-12-07"}}`, "window-order", "/body/window"},
		{TypeReturnRequest, `{"subjects":[],"window":{"from":"2026-12-07","to":"2026-12-07"}}`, "", ""},
		{TypeReturnResponse, `{"subjects":[],"counter":{"window":{"from":"2026-12-11","to":"2026-12-07"}}}`, "window-order", "/body/counter/window"},
		{TypeReturnResponse, `{"subjects":[]}`, "", ""},
		{TypeSelfReturnResponse, `{"subjects":[{"subject_ref":"S-1","answers":[{"question":"exit"},{"question":"rescue"},{"question":"exit"}]}]}`, "question-repeated", "/body/subjects/0/answers/2/question"},
		{TypeInformationResponse, `{"answers":[{"question":"case_known","result":"no"},{"question":"case_known","result":"yes"}]}`, "question-repeated", "/body/answers/1/question"},
		{TypeInformationResponse, `{"subjects":[{"subject_ref":"P-1"},{"subject_ref":"P-2"}],"answers":[{"question":"case_known"}]}`, "", ""},
		{TypeInformationRequest, `{"subjects":[{"subject_ref":"P-1"},{"subject_ref":"P-1"}]}`, "subject-repeated", "/body/subjects/1/subject_ref"},
	} {
		body := parsed(t, c.body)
		p := senseless(said(Claims{Type: c.messageType}, body), c.messageType, body)
		if p == nil && c.rule != "" || p != nil && (p.Rule != c.rule || p.Pointer != c.pointer || p.Kind != ProblemSchema) {
			t.Errorf("%s %s: %v, want %s at %s", c.messageType, c.body, p, c.rule, c.pointer)
		}
	}
}

func TestApplyChanges(t *testing.T) {
	const body = `{"a":{"b":"x"},"list":[{"n":"1"},{"n":"2"}],"m~/n":"y"}`
	for _, c := range []struct{ changes, want string }{
		{`[{"op":"replace","pointer":"/a/b","value":"z"}]`, `{"a":{"b":"z"},"list":[{"n":"1"},{"n":"2"}],"m~/n":"y"}`},
		{`[{"op":"add","pointer":"/a/c","value":{"d":true}}]`, `{"a":{"b":"x","c":{"d":true}},"list":[{"n":"1"},{"n":"2"}],"m~/n":"y"}`},
		{`[{"op":"remove","pointer":"/m~0~1n"}]`, `{"a":{"b":"x"},"list":[{"n":"1"},{"n":"2"}]}`},
		{`[{"op":"remove","pointer":"/list/0"},{"op":"replace","pointer":"/list/0/n","value":"3"}]`, `{"a":{"b":"x"},"list":[{"n":"3"}],"m~/n":"y"}`},
		{`[{"op":"add","pointer":"/list/-","value":{"n":"3"}}]`, `{"a":{"b":"x"},"list":[{"n":"1"},{"n":"2"},{"n":"3"}],"m~/n":"y"}`},
		{`[{"op":"add","pointer":"/list/1","value":{"n":"9"}}]`, `{"a":{"b":"x"},"list":[{"n":"1"},{"n":"9"},{"n":"2"}],"m~/n":"y"}`},
		{`[{"op":"replace","pointer":"/a/c","value":"z"}]`, ""},   // nothing is there
		{`[{"op":"add","pointer":"/a/b","value":"z"}]`, ""},       // something is
		{`[{"op":"remove","pointer":"/a/c"}]`, ""},                //
		{`[{"op":"remove","pointer":"/list/2"}]`, ""},             //
		{`[{"op":"remove","pointer":"/list/00"}]`, ""},            // not a number as RFC 6901 writes it
		{`[{"op":"replace","pointer":"/a/b/c","value":"z"}]`, ""}, // a text has no members
		{`[{"op":"replace","pointer":"","value":{}}]`, ""},        // the whole is another message
		{`[{"op":"move","pointer":"/a/b"}]`, ""},
	} {
		given := parsed(t, body)
		got, refused := apply(given, changesOf(parsed(t, `{"changes":`+c.changes+`}`)))
		switch {
		case c.want == "" && (refused == nil || refused.Kind != ProblemCorrection || refused.Pointer != "/body/changes/0/pointer"):
			t.Errorf("%s: %v", c.changes, refused)
		case c.want != "" && (refused != nil || compact(got) != c.want):
			t.Errorf("%s: %s %v, want %s", c.changes, compact(got), refused, c.want)
		}
		if compact(given) != body {
			t.Errorf("%s changed what it was given", c.changes)
		}
	}
}

func TestMayBeMinor(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]bool{
		`{"minor":true}`: true, `{"minor":false,"date_of_birth":"2020"}`: false,
		`{"age_band":"16_17"}`: true, `{"age_band":"18_24"}`: false, `{"age_band":"unknown"}`: true,
		`{"date_of_birth":"2008-11-24"}`: false, // eighteen today
		`{"date_of_birth":"2008-11-25"}`: true,
		`{"date_of_birth":"2008"}`:       true,  // perhaps not yet
		`{"date_of_birth":"2007"}`:       false, //
		`{"date_of_birth":"2007~"}`:      true,  // perhaps a year later
		`{"date_of_birth":"200X"}`:       true,
		`{"date_of_birth":"199X"}`:       false,
		`{}`:                             false,
	} {
		subject, _ := parsed(t, text).(map[string]any)
		if got := mayBeMinor(subject, at); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	b := Book{Notes: []Note{{Type: TypeNotice, Said: Said{Minors: []string{"S-2"}}}}}
	if b.Minor("S-1") || !b.Minor("S-2") {
		t.Error("the case does not remember who is a minor")
	}
}
