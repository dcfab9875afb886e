package main

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Two more officers: one who administers the others, and one whose only partner
// is another.
var (
	officerQuan = exchange.Officer{ID: "quan", Name: "Hoàng Văn Quân (hư cấu)", Roles: []exchange.Role{exchange.RoleAdministrator}, Status: exchange.OfficerActive}
	officerHoa  = exchange.Officer{ID: "hoa", Name: "Đinh Thị Hoa (hư cấu)", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"LA"}, Status: exchange.OfficerActive}
)

// atName serves the scene's pages at a name, which passkeys need: a browser
// binds none to a bare address.
func (s *scene) atName(cfg ConsoleConfig) string {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.URL, cfg.Zone = "https://localhost:"+port, "Asia/Ho_Chi_Minh"
	pages, err := s.vn.node.newConsole(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range []exchange.Officer{officerLan, officerMinh, officerAn, officerQuan, officerHoa} {
		if err := s.vn.node.roster.Put(s.t.Context(), "", o); err != nil {
			s.t.Fatal(err)
		}
	}
	s.pages, s.link = pages, pages.OpenDoor("/", "lan", "minh", "an", "quan", "hoa", "tuyet")
	s.serveOn(listener, cfg, pages)
	return cfg.URL
}

// device plugs a security key in that asks its owner for a PIN, and is given it.
func (b *browser) device() webauthn.AuthenticatorID {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	added, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	return added.AuthenticatorID
}

// passkey presses a button that asks the passkey, and waits for the next page.
func (b *browser) passkey(selector, then string) {
	b.t.Helper()
	b.clicks++
	b.run(chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(then)))
}

// Task: two officers release a repatriation, each in a browser with a passkey.
// The record proves who let which words go.
func TestConsoleReleaseByTwo(t *testing.T) {
	s := newScene(t)
	address := s.atName(ConsoleConfig{})
	b := newBrowser(t, address)
	b.device()
	b.open(s.link)
	enrol := func(officer string) {
		b.open("/sign-in")
		b.click(`button[value="` + officer + `"]`)
		b.open("/account")
		b.run(chromedp.SendKeys(chromedp.CSS("#name"), "máy ở cơ quan"))
		b.passkey(`form[data-passkey="create"] button`, "#passkeys tbody tr")
	}
	enrol("lan")
	b.accessible("account")
	b.picture("account")
	enrol("minh")

	decide := func(officer, reason, button string) {
		b.open("/sign-in")
		b.click(`button[value="` + officer + `"]`)
		b.clicks, b.keys = 0, 0
		b.click(`a[href="/drafts/` + s.waiting + `"]`)
		if strings.Contains(b.text(), button) {
			t.Error("an unread draft can be released")
		}
		hand{b}.write("#reason", reason)
		b.click(`.why button[name="all"]`)
		if !strings.Contains(b.text(), button) {
			t.Errorf("what %s can do is not called %q", officer, button)
		}
		b.accessible("a draft to be decided")
		b.picture("draft-decide-" + officer)
		b.passkey(`button[name="decision"][value="release"]`, ".released")
	}
	decide("minh", "đọc trước khi ký", "Ký với tư cách người soạn") // which is no approval by somebody else
	text := b.text()
	if !strings.Contains(text, "Bạn đã ký. Khi thêm 1 cán bộ") {
		t.Errorf("what happens next is not said:\n%s", text)
	}
	if strings.Count(text, "ký với tư cách người soạn") != 1 {
		t.Errorf("whose signature is the author's is not said:\n%s", text)
	}
	hand{b}.task("release a repatriation, each of two officers")

	b.as("lan") // who uses no mouse
	b.keys = 0
	b.keyTo("j", `a[href="/drafts/`+s.waiting+`"]`)
	b.enter()
	b.press("r")
	b.run(chromedp.KeyEvent("đọc trước khi ký"))
	b.tabTo(`.why button[name="all"]`)
	b.enter()
	b.keyTo("a", `button[name="decision"][value="release"]`)
	b.press(kb.Enter)
	b.run(chromedp.WaitVisible(chromedp.CSS(".released")))
	if text := b.text(); !strings.Contains(text, "thông điệp đã được ký") {
		t.Errorf("it has not left:\n%s", text)
	}
	b.picture("draft-released")
	b.byKeys("release a repatriation, each of two officers")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: s.waiting})); n != 1 {
		t.Fatalf("%d messages left", n)
	}
	s.proves(s.waiting, "minh", "lan")
	s.quiet()
	s.vn.check()
}

// proves checks the approvals of a draft as a third party would: with the record
// and the officers' entries.
func (s *scene) proves(draft string, officers ...string) {
	s.t.Helper()
	rows := s.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "draft_release", ID: draft})
	if len(rows) != len(officers) {
		s.t.Fatalf("%d approvals are in the record", len(rows))
	}
	for i, row := range rows {
		opened, err := s.vn.node.opener.Open(s.t.Context(), row)
		if err != nil {
			s.t.Fatal(err)
		}
		var approval exchange.Approval
		if err := json.Unmarshal(opened.Data, &approval); err != nil {
			s.t.Fatal(err)
		}
		officer, err := s.vn.node.roster.Officer(s.t.Context(), officers[i])
		if err != nil {
			s.t.Fatal(err)
		}
		if approval.Officer != officers[i] {
			s.t.Errorf("approval %d is of %s, want %s", i, approval.Officer, officers[i])
		}
		passkeyProves(s.t, officer.Passkeys[0], approval.Signed, draft)
	}
}
