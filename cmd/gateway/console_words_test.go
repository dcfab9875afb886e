package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// scripts are invented names in the scripts of all partners, and the one of our
// fonts that each is written in.
var scripts = []struct{ native, script, language, font string }{
	{"Nguyễn Thị Thí Nghiệm Thuở Ấy", "Latn", "vi", "Noto Sans"},
	{"ນາງ ຄຳຫຼ້າ ຕົວຢ່າງ", "Laoo", "lo", "Noto Sans Lao"},
	{"សុខ គំរូស្រីឧទាហរណ៍", "Khmr", "km", "Noto Sans Khmer"},
	{"王喆示例", "Hans", "zh-Hans", "Noto Sans CJK SC"},
	{"㛃䶮", "Hans", "zh-Hans", "Noto Sans CJK SC"}, // of the table that names are given from, and rare
}

// named receives a request about a person who has all those names.
func (s *scene) named() (caseID, message string) {
	s.t.Helper()
	var names []string
	for _, n := range scripts {
		names = append(names, fmt.Sprintf(`{"native":%q,"latin":"Mau","script":%q,"language":%q}`, n.native, n.script, n.language))
	}
	caseID = s.receives(exchange.TypeIdentityRequest, asked(`,"other_names":[`+strings.Join(names, ",")+`]`), func(c exchange.Claims) { message = c.ID })
	return caseID, message
}

// A name is written in its own script, by our font, and says its language.
func TestConsoleLetters(t *testing.T) {
	s := newScene(t)
	_, message := s.named()
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.open("/messages/KH/in/" + message)
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "đối chiếu với sổ hộ tịch"))
	b.click(`.why button[name="all"]`)
	for _, n := range scripts {
		used := b.fonts(fmt.Sprintf(`bdi[lang=%q]`, n.language), n.native)
		ours := func(f *css.PlatformFontUsage) bool { return f.IsCustomFont && strings.HasPrefix(f.FamilyName, n.font) }
		system := func(f *css.PlatformFontUsage) bool { return !f.IsCustomFont }
		if !slices.ContainsFunc(used, ours) || slices.ContainsFunc(used, system) { // a space may be of another of ours
			t.Errorf("%s is written in %s", n.native, families(used))
		}
	}
	b.picture("names")
	s.quiet()
}

// A page weighs less than 150 kB, with all that a browser loads for it and has not kept
// of another, with its letters.
func TestConsoleWeight(t *testing.T) {
	s := newScene(t)
	for _, tag := range []string{"vi", "en", "lo", "km", "zh"} {
		b := newBrowser(t, s.address) // one that has loaded the letters of a language counts them again
		b.speaks(tag)                 // the open menu of languages has letters of all of them
		b.open(s.pages.OpenDoor("/", "lan"))
		b.click(`button[value="lan"]`)
		for _, path := range []string{"/", "/cases", "/cases/KH/" + s.fresh, "/messages/KH/in/" + s.asked} {
			b.open(path)
			weight := look(b, chromedp.Evaluate[int](`document.fonts.ready.then(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + e.encodedBodySize, 0))`, chromedp.EvalAwaitPromise))
			if t.Logf("%s in %s: %d bytes", path, tag, weight); weight > 150<<10 {
				t.Errorf("%s in %s weighs %d bytes: %s", path, tag, weight, look(b, chromedp.Evaluate[string](`performance.getEntriesByType("resource").map(e => e.name + " " + e.encodedBodySize).join("\n")`)))
			}
		}
	}
	s.quiet()
}

func families(used []*css.PlatformFontUsage) string {
	var out []string
	for _, f := range used {
		out = append(out, fmt.Sprintf("%s (ours: %v)", f.FamilyName, f.IsCustomFont))
	}
	return strings.Join(out, ", ")
}

// fonts returns what the first element of a selector with a text is written in.
func (b *browser) fonts(selector, text string) []*css.PlatformFontUsage {
	b.t.Helper()
	look(b, chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise))
	for _, err := range []error{called(chromedp.Call(b.ctx, dom.Enable, dom.EnableParams{})), called(chromedp.Call(b.ctx, css.Enable, cdp.Empty{}))} {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	at := look(b, chromedp.Evaluate[int](fmt.Sprintf(`[...document.querySelectorAll(%q)].findIndex(e => e.textContent.includes(%q))`, selector, text)))
	if at < 0 {
		b.t.Fatalf("no %s says %s", selector, text)
	}
	document, err := chromedp.Call(b.ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	nodes, err := chromedp.Call(b.ctx, dom.QuerySelectorAll, dom.QuerySelectorAllParams{NodeID: document.Root.NodeID, Selector: selector})
	if err != nil {
		b.t.Fatal(err)
	}
	used, err := chromedp.Call(b.ctx, css.GetPlatformFontsForNode, css.GetPlatformFontsForNodeParams{NodeID: nodes.NodeIDs[at]})
	if err != nil {
		b.t.Fatal(err)
	}
	return used.Fonts
}

// A case goes on paper masked, or with everything once a reason is given, and
// then every message on it is in the record as printed, before a byte leaves.
func TestConsolePrint(t *testing.T) {
	s := newScene(t)
	caseID, message := s.named()
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.open("/cases/KH/" + caseID)
	b.click(`.ident__print`)
	if text := b.text(); strings.Contains(text, scripts[0].native) || !strings.Contains(text, "Trần Thị Lan") || !strings.Contains(text, "đã được che") {
		t.Errorf("masked:\n%s", text)
	}
	b.accessible("a case for print")
	b.picture("print-masked")
	b.click(`button[value="all"]`)
	if text := b.text(); !strings.Contains(text, "Viết lý do") || strings.Contains(text, scripts[0].native) {
		t.Errorf("without a reason:\n%s", text)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was shown", n)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "họp liên ngành"))
	b.click(`button[value="all"]`)
	text := b.text()
	for _, n := range scripts {
		if !strings.Contains(text, n.native) {
			t.Errorf("%s is missing on paper", n.native)
		}
	}
	b.accessible("a case for print with everything")
	b.picture("print-all")
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 || accesses[0].Type != "message_printed" || accesses[0].ID != message {
		t.Fatalf("the accesses are %+v", accesses)
	}
	s.quiet()
	s.vn.check()
}

// The same as a PDF, in every language; its text can be read out of it, and
// nothing of it stays on the machine.
func TestConsolePDF(t *testing.T) {
	s := newScene(t)
	caseID, _ := s.named()
	v := s.visitedBy("lan")
	masked := v.pdf("/cases/KH/"+caseID+"/print", "paper-masked", url.Values{"show": {"pdf"}})
	for i, tag := range []string{"vi", "en", "lo", "km", "zh"} {
		v.post("/language", url.Values{"language": {tag}})
		whole := v.pdf("/cases/KH/"+caseID+"/print", "paper-"+tag, url.Values{"show": {"all-pdf"}, "reason": {"họp liên ngành"}})
		for _, n := range scripts {
			name := strings.ReplaceAll(n.native, " ", "")
			if strings.Contains(masked, name) {
				t.Errorf("the masked PDF shows %s", n.native)
			}
			if !strings.Contains(whole, name) {
				t.Errorf("%s: the PDF lacks %s:\n%s", tag, n.native, whole)
			}
		}
		if said := map[string]string{"lo": "ແປດ້ວຍເຄື່ອງ", "km": "ម៉ាស៊ីន", "zh": "由机器起草"}[tag]; !strings.Contains(whole, said) { // paper leaves the house
			t.Errorf("%s: the PDF does not say who has written its words:\n%s", tag, whole)
		}
		if got := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); got != i+1 {
			t.Errorf("%s: %d prints are in the record, want %d", tag, got, i+1)
		}
	}
	left, err := filepath.Glob("/dev/shm/gateway-press-*")
	if err != nil || len(left) != 0 {
		t.Errorf("the press leaves %v, %v", left, err)
	}
	s.quiet()
	s.vn.check()
}

// pdf asks for one and returns its text, as pdftotext reads it.
func (v *visitor) pdf(path, name string, form url.Values) string {
	v.t.Helper()
	p := v.post(path, form)
	if p.status != 200 || p.header.Get("Content-Type") != "application/pdf" || p.header.Get("Cache-Control") != "no-store" {
		v.t.Fatalf("%s: %d %s\n%s", path, p.status, p.header.Get("Content-Type"), p.body)
	}
	file := filepath.Join(v.t.TempDir(), name+".pdf")
	if err := os.WriteFile(file, []byte(p.body), 0o600); err != nil {
		v.t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-layout", file, "-").Output()
	if err != nil {
		v.t.Fatal(err)
	}
	if dir := os.Getenv("CONSOLE_PICTURES"); dir != "" {
		if out, err := exec.Command("pdftoppm", "-png", "-r", "60", file, filepath.Join(dir, name)).CombinedOutput(); err != nil {
			v.t.Fatalf("%v: %s", err, out)
		}
	}
	return strings.Join(strings.Fields(string(text)), "") // where a space is, it guesses
}

// While a PDF is made the page says so, and until it has come.
func TestConsolePDFIsBeingMade(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/cases/KH/" + s.fresh + "/print")
	shown := func() bool {
		return look(h.browser, chromedp.Evaluate[bool](`!document.getElementById("making").hidden`))
	}
	told := func() string {
		return look(h.browser, chromedp.Evaluate[string](`(e => e.checkVisibility() ? e.textContent : "nobody")(document.querySelector("#making + [role=status]"))`))
	}
	if shown() || told() != "" {
		t.Error("nothing is made, and the page says that something is")
	}
	look(h.browser, chromedp.Evaluate[bool](`(() => {
		const making = document.getElementById("making");
		new MutationObserver(() => { if (!making.hidden) setTimeout(() => { making.dataset.seen = making.nextElementSibling.textContent === making.ariaLabel ? "1" : "unsaid" }) }).observe(making, {attributeFilter: ["hidden"]});
		const made = URL.createObjectURL;
		URL.createObjectURL = (file) => { making.dataset.file = file.type + " " + file.size; return made(file) };
		document.querySelector("button[value=pdf]").click();
		return true })()`))
	eventually(t, "it was said, and has come", func() bool {
		return !shown() && told() == "" && strings.HasPrefix(look(h.browser, chromedp.Evaluate[string](`(e => e.seen + " " + e.file)(document.getElementById("making").dataset)`)), "1 application/pdf ")
	})
	h.click(`button[value="all-pdf"]`) // without a reason: the page says what is wrong, as it does without a script
	h.says("Viết lý do")
	s.quiet()
}

// The agency that a message is for is named as the form named it.
func TestConsoleNamesTheAgency(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	view, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeInformationRequest, Recipient: "KH-NCCT", Body: json.RawMessage(policeQuestion)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	came := s.kh.claims("VN")
	came.Case, came.Type, came.Purpose, came.Recipient, came.Body = exchange.NewID(), exchange.TypeInformationRequest, purposes[exchange.TypeInformationRequest], "VN-MPS", json.RawMessage(policeQuestion)
	if r := s.kh.post(s.vn, s.kh.sign(came)); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for path, want := range map[string]string{"/drafts/" + view.Row.ID: "Ủy ban quốc gia phòng, chống mua bán người", "/messages/KH/in/" + came.ID: "Bộ Công an"} {
		if p := v.get(path); p.status != 200 || !strings.Contains(p.body, want) || strings.Contains(p.body, "KH-NCCT") || strings.Contains(p.body, "VN-MPS") {
			t.Errorf("%s: %d %s", path, p.status, p.body)
		}
	}
	s.quiet()
}
