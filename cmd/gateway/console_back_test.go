package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

var languageMenu = regexp.MustCompile(`<input type="hidden" name="to" value="([^"]*)">\s*<button type="submit" name="language"`)

// On a page that answers a form the menu of languages leads to the page that the form
// stands on, which is there; an invitation, which is shown once, has no such menu.
func TestConsoleLanguageAfterAForm(t *testing.T) {
	s := newScene(t)
	v := newVisitor(t, s.atName(ConsoleConfig{Passwords: true}))
	v.get(s.link)
	message, held := "/messages/KH/in/"+s.asked, "/drafts/"+s.held
	for _, try := range []struct {
		officer, path string
		form          url.Values
		back          string
	}{
		{"lan", message, url.Values{"all": {"1"}}, message},
		{"lan", message, url.Values{"all": {"1"}, "reason": {"đối chiếu với sổ hộ tịch"}}, message},
		{"lan", message + "/proof", nil, message + "/proof"},
		{"lan", "/find/person", url.Values{"birth": {"31/31/98"}}, "/find"},
		{"lan", held + "/amend", nil, held},
		{"lan", held + "/discard", nil, held},
		{"lan", held + "/decision", url.Values{"decision": {"reject"}}, held},
		{"lan", "/messages?box=in", url.Values{"name": {strings.Repeat("x", 61)}, "keep": {"1"}}, "/messages?box=in"},
		{"lan", "/write/" + exchange.NewID(), url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"save"}}, ""},
		{"lan", "/acknowledge/none", nil, "/"},
		{"lan", "/nowhere", nil, "/"},
		{"minh", "/cases/KH/" + s.fresh + "/officers", url.Values{"do": {"assign"}, "was": {""}, "officer": {"nobody"}}, "/cases/KH/" + s.fresh},
		{"quan", "/officers/new", url.Values{"id": {"X"}}, "/officers/new"},
		{"quan", "/officers/lan/invite", url.Values{"version": {"an old one"}}, "/officers/lan"},
		{"quan", "/account/passkeys", nil, "/account"},
	} {
		v.post("/sign-in/demonstration", url.Values{"officer": {try.officer}})
		p := v.post(try.path, try.form)
		to := languageMenu.FindStringSubmatch(p.body)
		if to == nil {
			t.Errorf("%s: %d, without a menu", try.path, p.status)
			continue
		}
		if try.back == "" {
			try.back = try.path
		}
		if to[1] != try.back {
			t.Errorf("%s leads back to %s, want %s", try.path, to[1], try.back)
		}
		if p := v.post("/language", url.Values{"language": {"en"}, "to": {to[1]}}); p.status != 200 || !strings.Contains(p.body, `lang="en"`) {
			t.Errorf("%s in another language: %d", try.path, p.status)
		}
	}
	lan, known, err := s.vn.node.officerEntry(t.Context(), "lan")
	if err != nil || !known {
		t.Fatal(known, err)
	}
	if p := v.post("/officers/lan/invite", url.Values{"version": {lan.Version()}}); !strings.Contains(p.body, "/join/") || languageMenu.MatchString(p.body) {
		t.Errorf("an invitation: %d, or a menu that would lose it", p.status)
	}
	// Where signing in leads to is kept too.
	v.post("/sign-out", nil)
	p := v.post("/sign-in/password", url.Values{"officer": {"lan"}, "password": {"wrong password"}, "code": {"000000"}, "to": {"/cases?turn=us"}})
	if to := languageMenu.FindStringSubmatch(p.body); p.status != 422 || to == nil || to[1] != "/sign-in?to=%2Fcases%3Fturn%3Dus" {
		t.Errorf("a wrong password: %d, back to %v", p.status, to)
	}
	s.quiet()
}
