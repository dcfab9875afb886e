package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What was refused says why and where in the officer's words.
func TestConsoleRefusedInWords(t *testing.T) {
	s := newScene(t)
	for _, body := range []string{`{"subjects":[{"subject_ref":"S-1","name":"Nguyễn"}]}`, `{"subjects":[{"subject_ref":"S-1","nobody_knows":1}]}`} {
		bad := s.kh.claims("VN")
		bad.Body = json.RawMessage(body)
		if r := s.kh.post(s.vn, s.kh.sign(bad)); r.status != 422 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if _, err := s.vn.node.desk.Decide(t.Context(), &officerLan, s.waiting, []byte("no statement")); exchange.AsProblem(err).Rule != "approval-form" {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	for tag, words := range map[string][]string{
		"vi": {"Quyết định về bản nháp không được tính: đó không phải là một tuyên bố đã ký", "Người thứ 1 › ", "thiếu mục bắt buộc", "mục này không được có ở đây"},
		"en": {"The decision about a draft does not count: it was no signed statement", "Person no. 1 › Claimed birthplace"},
	} {
		v.post("/language", url.Values{"language": {tag}})
		p := v.get("/messages?box=refused")
		for _, want := range words {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s: %q is not said", tag, want)
			}
		}
		for _, raw := range []string{"approval-", "/body/subjects/"} {
			if p.status != 200 || strings.Contains(p.body, raw) {
				t.Errorf("%s: %d, with %s", tag, p.status, raw)
			}
		}
	}
	s.quiet()
}
