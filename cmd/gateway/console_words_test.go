package main

import (
	"fmt"
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
	{"王喆示例", "Hans", "zh-Hans", "Noto Sans SC"},
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
