package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An officer takes a case, and a colleague does not find it any more; a
// supervisor gives it to both, with a reason; and the pages say whom it takes.
func TestConsoleAssign(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.atName(ConsoleConfig{}))
	hoa, lan, key := officerHoa, officerLan, filepath.Join(t.TempDir(), "lan.key")
	hoa.Partners = []string{"KH"}
	if err := addKey(&lan, key, false); err != nil {
		t.Fatal(err)
	}
	for _, o := range []exchange.Officer{hoa, lan} {
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	path := "/cases/KH/" + s.fresh
	b.open(s.link)
	b.as("hoa")
	if b.open(path); !strings.Contains(b.text(), "Mọi cán bộ phụ trách") {
		t.Errorf("a case that nobody has:\n%s", b.text())
	}
	b.as("lan")
	b.open(path)
	b.click(`#officers button[value="take"]`)
	if text := b.text(); !strings.Contains(text, "Giao cho: Trần Thị Lan (hư cấu) (lan)") || !strings.Contains(text, "Trả lại hồ sơ") || strings.Contains(text, "Nhận hồ sơ này") {
		t.Errorf("after taking it:\n%s", text)
	}
	b.everyWay("case-assigned", path)
	b.open("/cases?by=due&officer=~me")
	if text := b.text(); !strings.Contains(text, s.fresh) || strings.Contains(text, s.ours) || !strings.Contains(text, "giao cho Trần Thị Lan (hư cấu) (lan)") {
		t.Errorf("what is assigned to lan:\n%s", text)
	}
	b.everyWay("cases-mine", "/cases?by=due&officer=~me")

	b.as("hoa")
	for _, page := range []string{path, "/messages/KH/in/" + s.asked, "/messages/KH/in/" + s.asked + "/proof", path + "/print"} {
		if b.open(page); !strings.Contains(b.text(), "Không tìm thấy") || strings.Contains(b.text(), "Campuchia") {
			t.Errorf("%s is open to a colleague:\n%s", page, b.text())
		}
	}
	for _, page := range []string{"/", "/cases", "/cases?officer=~nobody", "/messages", "/find?q=" + s.fresh} {
		if b.open(page); strings.Contains(b.text(), s.fresh) || strings.Contains(b.text(), s.asked) {
			t.Errorf("%s names it to a colleague:\n%s", page, b.text())
		}
	}
	if b.open("/emergency"); !strings.Contains(b.text(), "Campuchia") {
		t.Errorf("an assigned case of one's own partner cannot be opened in an emergency:\n%s", b.text())
	}

	b.as("minh")
	b.open(path)
	b.run(chromedp.Click(chromedp.CSS(`#officers summary`)), chromedp.Click(chromedp.CSS(`#officers input[value="hoa"]`)), chromedp.SendKeys(chromedp.CSS("#assign-reason"), "hai người cùng theo dõi"))
	b.picture("case-assign")
	b.accessible("a case that is being assigned")
	lanTakesOff := func() {
		if err := s.vn.node.files.Assign(t.Context(), &lan, exchange.CaseKey{Partner: "KH", Case: s.fresh}, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	lanTakesOff()
	b.click(`#officers button[value="assign"]`)
	if text := b.text(); !strings.Contains(text, "Người khác vừa phân công") || b.value("#assign-reason") != "hai người cùng theo dõi" {
		t.Errorf("assigned meanwhile:\n%s", text)
	}
	b.accessible("a case that somebody else has assigned")
	b.click(`#officers button[value="assign"]`) // what was ticked is ticked still
	if text := b.text(); !strings.Contains(text, "Giao cho: Đinh Thị Hoa (hư cấu) (hoa), Trần Thị Lan (hư cấu) (lan)") || !strings.Contains(text, "hai người cùng theo dõi") {
		t.Errorf("after assigning it:\n%s", text)
	}
	if b.open("/cases?officer=hoa"); !strings.Contains(b.text(), s.fresh) {
		t.Errorf("the cases of hoa:\n%s", b.text())
	}
	b.as("hoa")
	if b.open(path); !strings.Contains(b.text(), "Campuchia") {
		t.Errorf("hoa has it, and does not see it:\n%s", b.text())
	}

	// A return that takes two, in a case that one officer has.
	ours := exchange.CaseKey{Partner: "KH", Case: s.ours}
	if err := s.vn.node.files.Assign(t.Context(), &officerMinh, ours, []string{"lan"}, ""); err != nil {
		t.Fatal(err)
	}
	signer, err := officerSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	view, err := s.vn.node.desk.Read(t.Context(), &lan, s.waiting, "before it is released")
	if err != nil {
		t.Fatal(err)
	}
	statement := exchange.Statement{
		Officer: "lan", Audience: "VN", ID: exchange.NewID(), IssuedAt: s.vn.now().Unix(), Draft: s.waiting, Version: view.Row.Version, SHA256: view.SHA256, Decision: exchange.DecisionRelease,
	}
	signed, err := statement.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.node.desk.Decide(t.Context(), &lan, s.waiting, signed); err != nil {
		t.Fatal(err)
	}
	b.as("lan")
	alone := "Lãnh đạo phụ trách đối tác phải phê duyệt"
	if b.open("/drafts/" + s.waiting); !strings.Contains(b.text(), alone) {
		t.Errorf("it is not said whom it takes:\n%s", b.text())
	}
	b.everyWay("draft-alone", "/drafts/"+s.waiting)
	if err := s.vn.node.files.Assign(t.Context(), &officerMinh, ours, []string{"hoa", "lan"}, ""); err != nil {
		t.Fatal(err)
	}
	if b.open("/drafts/" + s.waiting); strings.Contains(b.text(), alone) {
		t.Errorf("another officer has it:\n%s", b.text())
	}

	// Once the others are gone, it waits for ever, and says so.
	for _, gone := range []exchange.Officer{officerHoa, officerMinh} {
		gone.Status = exchange.OfficerSuspended
		if err := s.vn.node.roster.Put(t.Context(), "", gone); err != nil {
			t.Fatal(err)
		}
	}
	if b.open("/drafts/" + s.waiting); !strings.Contains(b.text(), "Không đủ cán bộ có quyền phê duyệt") || strings.Contains(b.text(), alone) {
		t.Errorf("it is not said that there are too few:\n%s", b.text())
	}
	b.everyWay("draft-short", "/drafts/"+s.waiting)
	s.quiet()
	s.vn.check()
}
