package main

import (
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// mixed are changes of the scene's message of ours: of something that is not personal,
// of a field, of a part of one, and of a list.
const mixed = `[{"op":"replace","pointer":"/subjects/0/sex","value":"male"},
	{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2013-04"},
	{"op":"replace","pointer":"/subjects/0/name/latin","value":"Chantha"},
	{"op":"add","pointer":"/subjects/0/other_names","value":[{"native":"ធូ","script":"Khmr","language":"km","latin":"Thu"}]},
	{"op":"add","pointer":"/subjects/0/other_names/-","value":{"native":"Bopha","script":"Latn","latin":"Bopha"}}]`

// mixes sends a correction of ours with them.
func (s *scene) mixes() (id string) {
	s.t.Helper()
	sent, err := s.vn.node.outbox.Submit(s.t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + s.oursSent() + `","revision":1,"reason":"clerical_error","changes":` + mixed + `}`)}, consented, exchange.Safeguard{Kind: "guardian_for_minor", On: "2026-11-02"})
	if err != nil {
		s.t.Fatal(err)
	}
	return sent.ID
}

func (s *scene) sight() *exchange.Sight {
	s.t.Helper()
	sight, err := exchange.NewSight(exchange.SightConfig{Files: s.vn.node.files, Desk: s.vn.node.desk, Catalogue: s.vn.node.catalogue})
	if err != nil {
		s.t.Fatal(err)
	}
	return sight
}

// What a correction changes is hidden as what it corrects hides it, in its own body
// and in what stands beside it; a look shows what it asked for and nothing else.
func TestSightOfACorrection(t *testing.T) {
	s := newScene(t)
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.Out}, ID: s.mixes()}
	personal := []string{"/changes/1/value", "/changes/2/value", "/changes/3/value", "/changes/4/value"}
	for _, c := range []struct {
		fields []string
		shown  []int
	}{
		{nil, []int{0}},
		{[]string{"/changes/1/value"}, []int{0, 1}},
		{[]string{"/changes/3/value", "/changes/4/value"}, []int{0, 3, 4}},
		{[]string{""}, []int{0, 1, 2, 3, 4}},
	} {
		want := exchange.Reveal{Fields: c.fields}
		if c.fields != nil {
			want.Reason = "to look at it in a test"
		}
		seen, err := s.sight().Message(t.Context(), &officerLan, key, want)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(seen.Hidden, personal) {
			t.Errorf("hidden are %v, want %v", seen.Hidden, personal)
		}
		body := seen.Last().Body.(map[string]any)["changes"].([]any)
		for i, change := range seen.Corrects.Changes {
			_, hidden := change.Value.(exchange.Hidden)
			if hidden == slices.Contains(c.shown, i) || !reflect.DeepEqual(change.Value, body[i].(map[string]any)["value"]) {
				t.Errorf("with %v: change %d is %v, and %v in the body", c.fields, i, change.Value, body[i])
			}
		}
		for _, target := range []any{seen.Corrects.Before, seen.Corrects.After} {
			text, err := json.Marshal(target)
			if err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(`201[13]|Chanth|Thu|Bopha|Takeo`).Match(text) {
				t.Errorf("with %v: what it corrects is shown: %s", c.fields, text)
			}
		}
	}
	s.quiet()
}

// What a correction replaces is one place that is hidden, and not two.
func TestSightOfAReplacement(t *testing.T) {
	s := newScene(t)
	held, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + s.oursSent() + `","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2013"}]}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := s.sight().Draft(t.Context(), &officerLan, held.Row.ID, exchange.Reveal{})
	if err != nil || seen.SHA256 != "" || !slices.Equal(seen.Hidden, []string{"/changes/0/value"}) {
		t.Errorf("hidden are %v, its digest is %q: %v", seen.Hidden, seen.SHA256, err)
	}
}

// Whoever releases a correction that takes something personal away has read it, though
// nothing of it is in the body.
func TestSightOfARemoval(t *testing.T) {
	s := newScene(t)
	held, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + s.oursSent() + `","revision":1,"reason":"clerical_error","changes":[{"op":"remove","pointer":"/subjects/0/name/language"}]}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := s.sight().Draft(t.Context(), &officerLan, held.Row.ID, exchange.Reveal{})
	if err != nil || seen.SHA256 != "" || len(seen.Hidden) != 1 {
		t.Errorf("hidden are %v, its digest is %q: %v", seen.Hidden, seen.SHA256, err)
	}
	seen, err = s.sight().Draft(t.Context(), &officerLan, held.Row.ID, exchange.Reveal{Reason: "to release it", Fields: []string{""}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(seen.Corrects.Before); err != nil || seen.SHA256 == "" || !strings.Contains(string(text), "Chanthy") {
		t.Errorf("with a reason: %q, %s: %v", seen.SHA256, text, err)
	}
	s.quiet()
}

// A correction is told in the officer's words wherever it stands: its page, its
// target's, that of a draft, and paper. What is not shown is in none of them.
func TestConsoleCorrectionInWords(t *testing.T) {
	s := newScene(t)
	target, id := s.oursSent(), s.mixes()
	draft := exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + target + `","revision":2,"reason":"clerical_error","changes":` + strings.ReplaceAll(mixed, `"op":"add","pointer":"/subjects/0/other_names",`, `"op":"replace","pointer":"/subjects/0/other_names",`) + `}`)}
	held, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, draft, nil)
	if err != nil {
		t.Fatal(err)
	}
	draft.Body = json.RawMessage(strings.Replace(string(draft.Body), "2013-04", "2013-05", 1))
	if _, err := s.vn.node.desk.Amend(t.Context(), &officerMinh, held.Row.ID, held.Row.Version, draft, nil); err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	raw := regexp.MustCompile(`[>"]/subjects/|2013-0|\[\{|\{&#34;|>male<`)
	secret := regexp.MustCompile(`2011|2013|Chanth|ចាន់|Thu\b|ធូ|Bopha|Takeo`)
	reason := url.Values{"all": {"1"}, "show": {"all"}, "reason": {"đọc trước khi ký"}}
	for path, ways := range map[string]int{"/messages/KH/out/" + id: 2, "/drafts/" + held.Row.ID: 2, "/messages/KH/out/" + target: 1, "/cases/KH/" + s.ours + "/print": 2} {
		page := v.get(path)
		if page.status != 200 || strings.Contains(page.body, "đang được che") && strings.Count(page.body, ">nam<") < ways {
			t.Errorf("%s: %d, and what is not personal is masked:\n%s", path, page.status, page.body)
		}
		if found := secret.FindAllString(page.body, -1); found != nil {
			t.Errorf("%s shows %v unasked", path, found)
		}
		whole := v.post(path, reason)
		for _, shown := range []string{page.body, whole.body} {
			text := regexp.MustCompile(`(?s)<input[^>]*>`).ReplaceAllString(shown, "")
			if found := raw.FindAllString(text, -1); found != nil {
				t.Errorf("%s says %v", path, found)
			}
		}
		if link := `href="/messages/KH/out/` + target + `"><bdi>Yêu cầu xác minh nhân thân · `; ways == 2 && !strings.Contains(page.body, link) {
			t.Errorf("%s does not lead to what is corrected by its title", path)
		}
		for _, word := range []string{"tháng 4 năm 2013", "Chantha", "ធូ", "Bopha"} {
			if whole.status != 200 || !strings.Contains(whole.body, word) {
				t.Errorf("%s with a reason: %d, without %s", path, whole.status, word)
			}
		}
	}
	s.quiet()
}
