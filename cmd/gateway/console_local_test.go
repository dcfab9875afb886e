package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// invite makes a link for an officer and returns its path.
func (o *office) invite(id string) string {
	o.t.Helper()
	token, err := o.vn.node.roster.Invite(o.t.Context(), id, false)
	if err != nil {
		o.t.Fatal(err)
	}
	return "/join/" + token
}

const goodPassword = "một câu dài dễ nhớ"

// joins follows an invitation with a password and returns the authenticator's
// secret.
func (o *office) joins(v *visitor, link string) string {
	o.t.Helper()
	p := v.get(link)
	secret := regexp.MustCompile(`<code>([A-Z2-7]{32})</code>`).FindStringSubmatch(p.body)
	setup := regexp.MustCompile(`name="setup" value="([^"]+)"`).FindStringSubmatch(p.body)
	if secret == nil || setup == nil {
		o.t.Fatalf("the invitation shows no authenticator: %d %s", p.status, p.body)
	}
	form := url.Values{"password": {"short"}, "again": {"short"}, "setup": {setup[1]}, "code": {o.code(secret[1])}}
	if p := v.post(link, form); p.status != 422 || !strings.Contains(p.body, secret[1]) {
		o.t.Errorf("a short password: %d; or the secret is another one now", p.status)
	}
	form.Set("password", goodPassword)
	form.Set("again", goodPassword)
	form.Set("code", "000000")
	if p := v.post(link, form); p.status != 422 {
		o.t.Errorf("a wrong code: %d", p.status)
	}
	form.Set("code", o.code(secret[1]))
	if p := v.post(link, form); p.status != 200 || p.at.Path != "/account" {
		o.t.Fatalf("joined, and at %s: %d", p.at, p.status)
	}
	return secret[1]
}

// code is what the authenticator shows now.
func (o *office) code(secret string) string {
	o.t.Helper()
	code, err := totp.GenerateCode(secret, o.vn.now())
	if err != nil {
		o.t.Fatal(err)
	}
	return code
}

// An invitation lets in once. Then a password and a code do, each code once;
// guessing gets slow, says nothing of who is there, and is in the record.
func TestConsolePassword(t *testing.T) {
	o := newOffice(t, ConsoleConfig{Passwords: true, URL: "https://localhost:8443"})
	link := o.invite("lan")
	first, stranger := newVisitor(t, o.address), newVisitor(t, o.address)
	secret := o.joins(first, link)
	if !first.inside() {
		t.Error("whoever joined is not inside")
	}
	if p := stranger.get(link); p.status != 410 {
		t.Errorf("the invitation works twice: %d", p.status)
	}
	stale := o.invite("lan")
	o.invite("lan")
	if p := stranger.get(stale); p.status != 410 {
		t.Errorf("an invitation that was replaced works: %d", p.status)
	}
	expired := o.invite("an")
	o.ahead.Add(int64(73 * time.Hour))
	if p := stranger.get(expired); p.status != 410 {
		t.Errorf("an invitation works after three days: %d", p.status)
	}

	try := func(v *visitor, officer, password, code string) page {
		return v.post("/sign-in/password", url.Values{"officer": {officer}, "password": {password}, "code": {code}, "to": {"/cases"}})
	}
	code := o.code(secret)
	if p := try(first, "lan", goodPassword, code); p.at.Path != "/cases" {
		t.Fatalf("password and code: %s %d", p.at, p.status)
	}
	if p := try(stranger, "lan", goodPassword, code); p.status != 422 || stranger.inside() {
		t.Errorf("a code works twice: %d", p.status)
	}
	o.ahead.Add(int64(2 * time.Minute))
	known, unknown := try(stranger, "lan", "wrong password", o.code(secret)), try(stranger, "nobody", "wrong password", "123456")
	if strip := strings.NewReplacer("lan", "", "nobody", ""); strip.Replace(known.body) != strip.Replace(unknown.body) || known.status != unknown.status {
		t.Errorf("a stranger learns who is there:\n%s\n%s", known.body, unknown.body)
	}
	if p := try(stranger, "lan", goodPassword, "000000"); p.status != 422 {
		t.Errorf("a wrong code: %d", p.status)
	}
	for range 4 {
		try(stranger, "lan", "wrong password", "000000")
	}
	if p := try(stranger, "lan", goodPassword, o.code(secret)); p.status != 422 || !strings.Contains(p.body, "giây") || stranger.inside() {
		t.Errorf("guessing does not get slow: %d", p.status)
	}
	refused := len(o.vn.rows(exchange.Filter{Type: "sign_in_refused"}))
	if refused < 5 || refused > 9 {
		t.Errorf("%d refused sign-ins are in the record", refused)
	}
	o.ahead.Add(int64(16 * time.Minute))
	if p := try(stranger, "lan", goodPassword, o.code(secret)); p.at.Path != "/cases" {
		t.Errorf("after waiting: %s %d", p.at, p.status)
	}
	if p := try(newVisitor(t, o.address), "an", goodPassword, o.code(secret)); p.status != 422 {
		t.Errorf("an officer without a password: %d", p.status)
	}
	refused = len(o.vn.rows(exchange.Filter{Type: "sign_in_refused"}))
	for _, garbage := range []string{"", "{}", strings.Repeat("x", 20<<10)} {
		if p := stranger.post("/sign-in/passkey", url.Values{"passkey": {garbage}, "token": {"none"}}); p.at.Query().Get("failed") != "passkey" {
			t.Errorf("a passkey's answer that is none: %s", p.at)
		}
	}
	if n := len(o.vn.rows(exchange.Filter{Type: "sign_in_refused"})); n != refused+3 {
		t.Errorf("%d of three refused passkeys are in the record", n-refused)
	}
	gone, err := o.vn.node.roster.Officer(t.Context(), "lan")
	if err != nil {
		t.Fatal(err)
	}
	gone.Status = exchange.OfficerSuspended
	if err := o.vn.node.roster.Put(t.Context(), "", *gone); err != nil {
		t.Fatal(err)
	}
	if p := try(newVisitor(t, o.address), "lan", goodPassword, o.code(secret)); p.status != 422 {
		t.Errorf("a suspended officer: %d", p.status)
	}
	o.refusedOf("lan")
	for _, word := range []string{goodPassword, secret} {
		if strings.Contains(o.vn.log.String(), word) {
			t.Errorf("the log holds %q", word)
		}
	}
	for _, row := range o.vn.rows(exchange.Filter{Type: "officer_changed"}) {
		opened, err := o.vn.node.opener.Open(t.Context(), row)
		if err != nil || strings.Contains(string(opened.Data), secret) || strings.Contains(string(opened.Data), "argon2id") {
			t.Errorf("the record of an officer shows their secret: %v", err)
		}
	}
	o.vn.check()
}

// An invited officer makes a passkey, and signs in with it and nothing else.
// What the browser signed for another time is worth nothing.
func TestConsolePasskey(t *testing.T) {
	o := newOffice(t, ConsoleConfig{})
	address := o.atName(ConsoleConfig{Passwords: true})
	b := newBrowser(t, address)
	device := b.device()
	b.open(o.invite("lan"))
	b.passkey(`form[data-passkey="create"] button`, "#passkeys tbody tr")
	b.click(`main form[action="/sign-out"] button:not([name])`)
	b.accessible("sign-in with all ways")
	b.picture("sign-in-local")
	b.passkey(`form[action="/sign-in/passkey"] button`, ".tiles")
	in := o.vn.rows(exchange.Filter{Type: "officer_signed_in"})
	if len(in) != 2 {
		t.Errorf("%d sign-ins are in the record", len(in))
	}
	if b.open("/account"); !strings.Contains(b.text(), "khóa truy cập") {
		t.Errorf("%s", b.text())
	}

	// A device that did not ask its owner signs nobody in, whoever holds it.
	b.click(`main form[action="/sign-out"] button:not([name])`)
	for _, verified := range []bool{false, true} {
		bad := verified // the device asks, and the browser is told that it did not
		for _, err := range []error{
			called(chromedp.Call(b.ctx, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: verified})),
			called(chromedp.Call(b.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: device, IsBadUV: &bad})),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		b.open("/sign-in")
		b.passkey(`form[action="/sign-in/passkey"] button`, ".govuk-error-summary:not([hidden])")
		if at := look(b, chromedp.Evaluate[string]("location.pathname")); at != "/sign-in" {
			t.Errorf("without its owner it signs in, to %s", at)
		}
		b.accessible("a passkey that has not signed")
		b.picture("sign-in-fault")
	}
	if n := len(o.vn.rows(exchange.Filter{Type: "officer_signed_in"})); n != 2 {
		t.Errorf("%d sign-ins are in the record", n)
	}
	honest := false
	if _, err := chromedp.Call(b.ctx, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: device, IsBadUV: &honest}); err != nil {
		t.Fatal(err)
	}
	b.open("/sign-in")
	b.passkey(`form[action="/sign-in/passkey"] button`, ".tiles")

	// A session that is not fresh cannot add a passkey.
	o.ahead.Add(int64(11 * time.Minute))
	b.open("/account")
	if n := look(b, chromedp.Evaluate[int](`document.querySelectorAll("form[data-passkey]").length`)); n != 0 {
		t.Error("an old session can add a passkey")
	}
	b.accessible("account, later")
	o.vn.check()
}
