package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// ofMany takes a request about some persons, P-1 and on, and some of them children, and
// returns its case and itself.
func (s *scene) ofMany(persons int, children ...int) (key, message string) {
	s.t.Helper()
	var subjects []string
	for i := range persons {
		one := strings.Replace(fmt.Sprintf(person, ""), `"S-1"`, fmt.Sprintf(`"P-%d"`, i+1), 1)
		if slices.Contains(children, i+1) {
			one = regexp.MustCompile(`"date_of_birth":"[^"]*"`).ReplaceAllString(one, `"date_of_birth":"2015"`)
		}
		subjects = append(subjects, one)
	}
	key = s.receives(exchange.TypeIdentityRequest, `{"subjects":[`+strings.Join(subjects, ",")+`]}`, func(c exchange.Claims) { message = c.ID })
	return key, message
}

// answering is the form of an answer about some of them.
func answering(key, message string, persons int) url.Values {
	form := url.Values{"to": {"KH"}, "case": {key}, "type": {exchange.TypeIdentityResponse}, ".reply": {message}, "version": {"0"}, "/subjects#n": {fmt.Sprint(persons)}}
	for i := range persons {
		form.Set(fmt.Sprintf("/subjects/%d/subject_ref", i), fmt.Sprintf("P-%d", i+1))
	}
	return form
}

// Whoever has all shown in one press has seen everything, and the record and its pages say
// so, as of the message's own page. What is less is told of each person in one line, by
// their references and in their order.
func TestConsoleSaysThatEverythingWasShown(t *testing.T) {
	s := newScene(t)
	key, message := s.ofMany(12)
	v, auditor := s.visitedBy("lan"), s.again("minh")
	places := func(p page, after, line string) string {
		t.Helper()
		_, rest, _ := strings.Cut(p.body, after)
		row := regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(rest, 2) // its head, and the last look
		var out []string
		for _, m := range regexp.MustCompile(line).FindAllStringSubmatch(strings.Join(row, ""), -1) {
			out = append(out, m[1])
		}
		return strings.Join(out, "; ")
	}
	for _, c := range []struct {
		persons int
		want    string
	}{{12, `^Toàn bộ$`}, {11, `^(Người P-\d+ › [^›;]+, [^›;]+(; |$)){11}$`}} {
		form := answering(key, message, c.persons)
		form["do"], form["why"] = []string{"show-all"}, []string{"đối chiếu với sổ hộ tịch"}
		if p := v.post("/write/"+exchange.NewID(), form); p.status != 200 || strings.Count(p.body, "Nguyễn Thị Mẫu") < c.persons || strings.Contains(p.body, `value="show-all"`) {
			t.Fatalf("%d\n%s", p.status, p.body)
		}
		for name, said := range map[string]string{
			"the case":  places(v.get("/cases/KH/"+key), `id="looks"`, `<li>(.*?)</li>`),
			"the audit": places(auditor.get("/audit?kind=access&partner=KH&case="+key), "<table", `<span class="field">(.*?)</span>`),
		} {
			if !regexp.MustCompile(c.want).MatchString(said) || c.persons == 11 && strings.Index(said, "P-2 ") > strings.Index(said, "P-10 ") {
				t.Errorf("%s says of %d persons: %s", name, c.persons, said)
			}
		}
	}
	s.quiet()
}

// So it is of our own message whose hidden places are shown to correct it.
func TestConsoleSaysThatEverythingOfACorrectionWasShown(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	target := s.oursSent()
	form := url.Values{"to": {"KH"}, "case": {s.ours}, "type": {exchange.TypeCorrection}, ".target": {target}, ".revision": {"1"}, "version": {"0"}, "do": {"show-all"}, "why": {"đối chiếu với sổ hộ tịch"}, "/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-9"}}
	p := v.post("/write/"+exchange.NewID(), form)
	if p.status != 200 || !strings.Contains(p.body, "Chanthy") || strings.Contains(p.body, `value="show-all"`) {
		t.Fatalf("%d\n%s", p.status, p.body)
	}
	if p = v.get("/cases/KH/" + s.ours); !strings.Contains(p.body, "<li>Toàn bộ</li>") || strings.Contains(p.body, "<li>Người") {
		t.Errorf("the case does not say that everything was shown:\n%s", p.body)
	}
}
