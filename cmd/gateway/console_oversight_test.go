package main

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// as signs in as another officer of the scene.
func (b *browser) as(officer string) {
	b.t.Helper()
	b.open("/sign-in")
	b.click(`button[value="` + officer + `"]`)
}

// givesUp leaves a message to Cambodia that was given up.
func (s *scene) givesUp() string {
	s.t.Helper()
	s.kh.halt()
	once := partners.Duration(30 * time.Millisecond)
	s.vn.editPartner("kh", func(p *partners.Partner) { p.RawRetry.DeadLetterAfter = &once })
	s.vn.reload()
	sent, err := s.vn.node.outbox.Submit(s.t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: []byte(
		`{"subjects":[{"subject_ref":"S-4","name":{"native":"ចាន់ធី","script":"Khmr","language":"km","latin":"Chanthy"},"sex":"female","date_of_birth":"1990","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)}, consented)
	if err != nil {
		s.t.Fatal(err)
	}
	for range 200 {
		if b, err := s.vn.node.db.Backlog(s.t.Context()); err == nil && b["KH"].Dead == 1 {
			return sent.ID
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("the message is not given up")
	return ""
}

// The lines to partners, the record and the trail, as those see them who answer
// for the exchange.
func TestConsoleOversight(t *testing.T) {
	s := newScene(t)
	dead := s.givesUp()
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="minh"]`)
	b.language("en")
	b.open("/")
	if !strings.Contains(b.text(), "message will not be delivered") {
		t.Errorf("nobody's work has what was given up:\n%s", b.text())
	}
	b.click(`.tile a[href*="delivery=dead"]`)
	if !strings.Contains(b.text(), "Will not be delivered") {
		t.Errorf("it does not lead there:\n%s", b.text())
	}
	if b.click(`a[href="/messages/KH/out/` + dead + `"]`); !strings.Contains(b.text(), "Will not be delivered") || !strings.Contains(b.text(), "IVQ") {
		t.Errorf("what opened its case and was given up can be read by nobody who wrote it:\n%s", b.text())
	}
	b.open("/partners/KH")
	b.click(`button[name="message"][value="` + dead + `"]`)
	if text := b.text(); !strings.Contains(text, "is due again; the list below") {
		t.Errorf("the retry is not told:\n%s", text)
	}
	b.open("/partners/KH?retried=99999999")
	if text := b.text(); strings.Contains(text, "99999999") {
		t.Errorf("the page says what its address does:\n%s", text)
	}
	retried := s.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "delivery_retried"})
	if len(retried) != 1 || retried[0].ID != dead {
		t.Errorf("the record says %+v of the retry", retried)
	}

	// An auditor sees who did it, and is offered neither a retry nor the source.
	b.as("an")
	b.language("en")
	b.open("/audit?kind=retry&officer=minh")
	if text := b.text(); !strings.Contains(text, "minh") || strings.Contains(text, "Signed in") {
		t.Errorf("the filtered trail:\n%s", text)
	}
	b.open("/audit?from=2026-12-02&to=2026-12-01")
	if text := b.text(); !strings.Contains(text, "The last day is before the first") {
		t.Errorf("a period that ends before it begins:\n%s", text)
	}
	b.open("/partners/KH")
	if look(b, chromedp.Evaluate[int](`document.querySelectorAll("form[action$='/retry']").length`)) != 0 {
		t.Error("an auditor is offered a retry")
	}
	b.open("/partners/LA")
	if text := b.text(); !strings.Contains(text, "Page not found") {
		t.Errorf("a partner that the auditor is not assigned to:\n%s", text)
	}
	s.quiet()
	s.vn.check()
}

// The proof of a message is checked by the browser itself, and a value that was
// changed on the way is found.
func TestConsoleProof(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	path := "/messages/KH/in/" + s.asked + "/proof"
	b.language("en")
	checked := func(where string) (verdicts string) {
		t.Helper()
		b.run(chromedp.WaitVisible(chromedp.CSS("#proof-checks[data-done]")))
		return look(b, chromedp.Evaluate[string](`Array.from(document.querySelectorAll("#proof-checks li"), e => e.className).join(" ")`))
	}
	b.open(path)
	if got := checked("in"); got != "ok ok ok ok ok ok" {
		t.Errorf("the browser finds %q:\n%s", got, b.text())
	}
	sent := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out})
	b.open("/messages/KH/out/" + sent[0].ID + "/proof")
	if got := checked("out"); got != "ok ok ok ok ok ok" {
		t.Errorf("of a message of ours the browser finds %q:\n%s", got, b.text())
	}
	b.open("/record")
	if got := checked("record"); !strings.HasPrefix(got, "ok") || strings.Contains(got, "bad") {
		t.Errorf("of the record the browser finds %q", got)
	}

	// The same page with one letter of the entry changed: the script says so.
	b.open(path)
	checked("before")
	wrong := look(b, chromedp.Evaluate[string](`(async () => {
		const leaf = document.querySelector("#proof-leaf code"); leaf.textContent = leaf.textContent.replace('"in"', '"to"');
		const list = document.getElementById("proof-checks"); list.textContent = ""; delete list.dataset.done;
		const again = document.createElement("script"); again.src = "/assets/again/proof.js"; document.head.append(again);
		while (!list.dataset.done) await new Promise(r => setTimeout(r, 20));
		return Array.from(list.children, e => e.className).join(" ") })()`, chromedp.EvalAwaitPromise))
	if wrong != "ok bad ok ok ok ok" {
		t.Errorf("of a changed entry the browser finds %q", wrong)
	}

	// The signed source is handed out with a reason, which is recorded first.
	b.open(path)
	b.click(`aside button`)
	if text := b.text(); !strings.Contains(text, "Write a reason of 5 to 1000 characters.") {
		t.Errorf("without a reason:\n%s", text)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was handed out", n)
	}
	got := look(b, chromedp.Evaluate[string](`fetch("/messages/KH/in/`+s.asked+`/proof", {method: "POST", body: new URLSearchParams({reason: "for the court"})}).then(async r => r.headers.get("content-disposition") + " " + (await r.text()).split(".").length)`, chromedp.EvalAwaitPromise))
	if got != "attachment; filename="+s.asked+".jws 3" {
		t.Errorf("the source came as %q", got)
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 || accesses[0].Type != "source_read" || accesses[0].ID != s.asked {
		t.Errorf("the accesses are %+v", accesses)
	}
	s.quiet()
	s.vn.check()
}

// The trail says at which message somebody looked, on a page or on paper, and leads there.
func TestConsoleAuditNamesTheMessage(t *testing.T) {
	s := newScene(t)
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: s.asked}
	if _, err := s.vn.node.files.Message(t.Context(), &officerLan, key, "to answer it"); err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("minh")
	v.post("/messages/KH/out/"+s.oursSent(), url.Values{"all": {"1"}, "reason": {"to check what was sent"}})
	p := v.get("/audit?kind=access")
	for _, link := range []string{"/messages/KH/in/" + s.asked, "/messages/KH/out/" + s.oursSent()} {
		_, after, found := strings.Cut(p.body, `<a class="govuk-link" href="`+link+`">Đã xem dữ liệu cá nhân của một thông điệp</a>`)
		if after, _, _ = strings.Cut(after, "</th>"); !found || !strings.Contains(after, "Yêu cầu xác minh nhân thân") {
			t.Errorf("the look at %s is not told:\n%s", link, p.body)
		}
	}
	s.quiet()
}

// What was asked for in part is not shown as if it were that.
func TestConsoleAuditOfADayThatIsNone(t *testing.T) {
	v := newScene(t).visitedBy("an")
	if p := v.get("/audit?from=2026-11-01&to=2026-13-41"); p.status != 422 || !strings.Contains(p.body, "Chưa lọc") || !strings.Contains(p.body, `id="f-from-fault"`) || strings.Contains(p.body, "<tbody>") {
		t.Errorf("%d:\n%s", p.status, p.body)
	}
}

// What an agreement notes of its sources is English, whatever language its page has, and
// says so to screen readers.
func TestConsoleAgreementSaysItsLanguage(t *testing.T) {
	s := newScene(t)
	s.vn.editAgreement(func(a *partners.Agreement) {
		a.Sources = []partners.Source{{Statement: "The articles were not obtained.", Seen: true}}
	})
	s.vn.reload()
	if p := s.visitedBy("lan").get("/partners/KH"); !strings.Contains(p.body, `<bdi lang="en">The articles were not obtained.</bdi>`) {
		t.Errorf("the page of a partner: %d\n%s", p.status, p.body)
	}
}

// The pages of partners tell when certificates end: ours, and the partner's own as this
// gateway has met them last, whoever has called. The first of all is in the list.
func TestConsoleSaysWhenCertificatesEnd(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	trust := s.vn.node.trust
	trust.mu.Lock()
	clear(trust.leaves)
	trust.mu.Unlock()
	if p := v.get("/partners/KH"); !strings.Contains(p.body, "chưa gặp từ khi cổng khởi động") {
		t.Errorf("of whom nobody has met:\n%s", p.body)
	}
	ends := func(row string) string {
		t.Helper()
		_, after, _ := strings.Cut(v.get("/partners").body, row)
		after, _, _ = strings.Cut(after, "</tr>")
		_, after, _ = strings.Cut(after, `data-label="Hết hạn sớm nhất"`)
		return after
	}
	if got := ends(`href="/partners/KH"`); !strings.Contains(got, "Chứng thư của ta") {
		t.Errorf("what ends first is %s", got)
	}

	// Cambodia is called, and has a new certificate of nine days.
	key, err := certs.ReadPrivateKey(s.kh.path("tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := s.kh.world.authority.Issue(certs.IssueRequest{PublicKey: key.Public(), CommonName: "kh.renewed.example", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Lifetime: 9*24*time.Hour + time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := certs.WriteCertificates(s.kh.path("tls.pem"), leaf); err != nil {
		t.Fatal(err)
	}
	s.kh.halt()
	s.kh.start()
	s.kh.post(s.vn, s.kh.sign(s.kh.claims("VN"))) // it still calls with the old one
	s.vn.submit("KH")
	eventually(t, "both are met", func() bool {
		return strings.Count(v.get("/partners/KH").body, "Chứng thư của đối tác, lần gặp gần nhất") == 2
	})
	if p := v.get("/partners/KH"); !strings.Contains(p.body, "kh.renewed.example") || !strings.Contains(p.body, "còn 9 ngày") {
		t.Errorf("the page of the partner:\n%s", p.body)
	}
	if got := ends(`href="/partners/KH"`); !strings.Contains(got, "còn 9 ngày") || !strings.Contains(got, "Chứng thư của đối tác") {
		t.Errorf("what ends first is %s", got)
	}
	if p := v.get("/partners"); !strings.Contains(p.body, `id="own-title"`) || strings.Contains(p.body, "Chứng thư của các trang này") {
		t.Errorf("ours:\n%s", p.body)
	}

	// Where browsers meet another certificate, that is there too.
	cfg := ConsoleConfig{Zone: "Asia/Ho_Chi_Minh", Certificate: s.kh.path("tls.pem"), Key: s.kh.path("tls.key")}
	pages, err := s.vn.node.newConsole(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.link, s.address = pages.OpenDoor("/", "lan"), s.listen(cfg, pages)
	if p := s.visitedBy("lan").get("/partners"); !strings.Contains(p.body, "Chứng thư của các trang này") || !strings.Contains(p.body, "kh.renewed.example") {
		t.Errorf("ours, with one for the pages:\n%s", p.body)
	}
}

// What the last check has found is told in the officer's words, with the rule's code.
func TestConsoleCheckInWords(t *testing.T) {
	s := newScene(t)
	found := exchange.Checked{How: exchange.CheckedByClock, At: s.vn.now(), Size: 3, Findings: 2, Rules: map[string]int{exchange.RuleReceipt: 2}}
	if err := exchange.RecordCheck(t.Context(), s.vn.node.committer, found); err != nil {
		t.Fatal(err)
	}
	if p := s.visitedBy("an").get("/record"); !strings.Contains(p.body, "một biên nhận đã trả bị mất hoặc không đúng <code>receipt</code>: 2") {
		t.Errorf("%d:\n%s", p.status, p.body)
	}
}
