package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// languages are those of the console.
var languages = []string{"vi", "en", "lo", "km", "zh"}

// Every page and state of the console in every language, as a browser shows it:
// nothing that axe calls serious, nothing wider than a telephone, nothing in
// another language that does not say so, no complaint of the content security
// policy, nothing personal unasked.
func TestConsoleEveryPage(t *testing.T) {
	g := newGallery(t)
	for _, tag := range languages {
		t.Run(tag, func(t *testing.T) {
			t.Parallel()
			b := g.browser(t)
			b.speaks(tag)
			for _, p := range g.pages() {
				t.Run(p.name, func(t *testing.T) { // so that one of them can be run alone
					b.goesOn(t)
					b.seat(p)
					b.look(p, tag)
					if p.route == "/write" && p.do != nil {
						b.drops()
					}
				})
			}
		})
	}
	t.Cleanup(func() { g.quiet(); g.vn.check() })
}

// browser starts one that may sign in as any officer.
func (g *gallery) browser(t *testing.T) *browser {
	t.Helper()
	b, secure := newBrowser(t, g.address), true
	if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: g.door.Name, Value: g.door.Value, URL: g.address, Secure: &secure, HTTPOnly: &secure}); err != nil {
		t.Fatal(err)
	}
	return b
}

// goesOn lets a browser go on in another test: what hangs is ended there.
func (b *browser) goesOn(t *testing.T) {
	b.t = t
	b.limit.Reset(maxBrowsing)
}

// speaks asks for a language as a browser of that country does.
func (b *browser) speaks(tag string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}}); err != nil {
		b.t.Fatal(err)
	}
}

// seat signs in as the first officer who may see a page, if somebody else sits there.
func (b *browser) seat(p shownPage) {
	b.t.Helper()
	if officer, _, _ := strings.Cut(p.may, " "); officer != b.officer {
		b.as(officer)
		b.officer = officer
	}
}

// look opens a page and looks at it in one language, at three widths.
func (b *browser) look(p shownPage, tag string) {
	b.t.Helper()
	b.open(p.path)
	if p.do != nil {
		p.do(b)
	}
	text, where := b.text(), p.name+" in "+tag
	if want := map[string]string{"vi": p.vi, "en": p.en}[tag]; !strings.Contains(text, want) {
		b.t.Errorf("%s lacks %q:\n%s", where, want, text)
	}
	for _, secret := range secrets {
		if strings.Contains(b.title(), secret) || !strings.HasSuffix(p.name, "-shown") && strings.Contains(text, secret) {
			b.t.Errorf("%s shows %q unasked", where, secret)
		}
	}
	if foreign := look(b, chromedp.Evaluate[string](fmt.Sprintf(foreignWords, data()))); foreign != "" {
		b.t.Errorf("%s holds English that does not say so: %s", where, foreign)
	}
	if at := look(b, chromedp.Evaluate[string](unfocused)); at != "" {
		b.t.Errorf("%s says what is wrong, and the focus is on %s", where, at)
	}
	if said := look(b, chromedp.Evaluate[string](unmarked)); said != "" {
		b.t.Errorf("%s says what is wrong, and not where: %s", where, said)
	}
	for _, width := range []int64{1280, 768, 320} {
		b.width(width)
		if wide := b.wider(); wide != "" {
			b.t.Errorf("%s at %d is wider than the screen: %s", where, width, wide)
		}
		switch { // a page is put together in one way at each width, and has one set of colours
		case tag == "vi":
			b.axes(fmt.Sprintf("%s at %d", where, width), everyRule)
		case width == 1280:
			b.axes(where, butColours)
		}
		b.picture(fmt.Sprintf("%s-%s-%s", p.name, tag, map[int64]string{1280: "light", 768: "tablet", 320: "narrow"}[width]))
	}
	b.width(1280)
	if tag == "vi" { // colours are the same in every language
		b.scheme("dark")
		b.axes(where+", dark", colours)
		b.picture(p.name + "-" + tag + "-dark")
		b.scheme("light")
	}
}

// drops the form that a page has begun: the languages share an officer, and an
// officer has at most [exchange.MaxForms].
func (b *browser) drops() {
	b.t.Helper()
	begun := look(b, chromedp.Evaluate[string](`document.querySelector('form[action^="/write/"]').getAttribute("action")`))
	submits(begun, url.Values{"do": {"drop"}})(b)
	if at := b.path(); at != "/" {
		b.t.Errorf("a form that was dropped leads to %s", at)
	}
}

// unfocused names where the focus is on a page that says what is wrong, "" when it is
// where that is said.
const unfocused = `(() => {
	const said = [...document.querySelectorAll(".govuk-error-summary")].find(e => e.offsetParent);
	return !said || document.activeElement === said ? "" : document.activeElement.tagName;
})()`

// unmarked names what does not say that something is wrong, on a page that says so: its
// title, and the fields that its summary leads to, which must take the focus too.
const unmarked = `(() => {
	const said = [...document.querySelectorAll(".govuk-error-summary")].find(e => e.offsetParent), out = [];
	if (!said) return "";
	if (["vi", "en"].includes(document.documentElement.lang) && !/^(Lỗi|Error): /.test(document.title)) out.push("the title");
	for (const link of said.querySelectorAll("a[href^='#']")) {
		const e = document.getElementById(decodeURIComponent(link.hash.slice(1)));
		e?.focus();
		const by = [e, e?.closest("fieldset")].flatMap(e => (e?.getAttribute("aria-describedby") ?? "").split(" "));
		if (!e || document.activeElement !== e) out.push(link.hash + " takes no focus");
		else if (e.matches("textarea, select, input:not([type=radio], [type=checkbox])") && (e.ariaInvalid !== "true" || !by.some(id => id.endsWith("-fault") && document.getElementById(id)))) out.push(link.hash);
	}
	said.focus();
	return out.join(", ");
})()`

func (b *browser) width(pixels int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(pixels, 900))
}

// wider names what makes a page scroll sideways, "" where it does not.
func (b *browser) wider() string {
	b.t.Helper()
	return look(b, chromedp.Evaluate[string](tooWide))
}

const tooWide = `document.documentElement.scrollWidth <= innerWidth ? "" : [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 3).join(" ") || "something"`

// data are what the scene's officers are called and have typed: a pattern of what
// is nobody's words on a page.
func data() string {
	out := []string{"erases.one", "Specimen", "Chanthea", "Chanthou", "Dara", "quarterly review", "the person has asked for it", "she stands at the border"}
	for _, o := range []exchange.Officer{officerLan, officerMinh, officerAn, officerTuyet, officerQuan, officerHoa} {
		out = append(out, o.Name, o.ID)
	}
	out = append(out, "đối chiếu với sổ hộ tịch", "đọc trước khi ký", "họp liên ngành", "có thể là một người", "người thân đến hỏi", "hai người cùng theo dõi")
	for i := range out {
		out[i] = regexp.QuoteMeta(out[i])
	}
	return "(?<![\\p{L}\\d])(?:" + strings.Join(out, "|") + ")(?![\\p{L}\\d])"
}

// foreignWords finds what is written in English on a page of another language
// and is not marked so. Codes, what officers and partners wrote, and the names of
// techniques are nobody's words; a value with its code is the console's.
const foreignWords = `(() => {
	const page = document.documentElement.lang;
	if (page === "en") return "";
	const data = new RegExp(%q, "gu");
	const codes = /[\w.:/-]*[\d_][\w.:/-]*|[\w-]+(?:\.[\w-]+)+(?:\/[\w-]+)*|\b[A-Z]{2,}\b|\b(?:verify|passkeys?|pinyin|Wade|Giles|Chromium|Ctrl|Enter|Shift|Tab|eyJ|https|sub|Latin|JPEG|PNG)\b/g;
	const english = page === "vi" ? /\b(?:the|of|and|is|are|was|with|not|this|that|from|by|has|which|it)\b/i : /[A-Za-z]{3,}/;
	const bad = text => english.test(text.replace(data, "").replace(codes, ""));
	const own = e => {
		if (e.closest("[lang]").lang !== page || e.closest("code, kbd, samp, pre, script, noscript, style, .ref, .unseen")) return false;
		const bdi = e.closest("bdi");
		return !bdi || bdi.dataset.code || bdi.nextElementSibling?.tagName === "CODE";
	};
	const found = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) if (own(walk.currentNode.parentElement) && bad(walk.currentNode.data)) found.add(walk.currentNode.data.trim());
	for (const name of ["aria-label", "title", "placeholder", "alt"])
		for (const e of document.querySelectorAll("[" + name + "]")) if (own(e) && bad(e.getAttribute(name))) found.add(name + "=" + e.getAttribute(name));
	return [...found].slice(0, 8).join(" | ");
})()`

// What is in the navigation of each role, and what each page says to whoever may
// not see it: that they may not, or that there is no such page. Nothing of it is
// on that page.
func TestConsoleRoles(t *testing.T) {
	g := newGallery(t)
	const begins, cases, ends = "/", " /messages /cases /find", " /partners /record"
	for officer, navigation := range map[string]string{
		"lan": begins + cases + ends, "minh": begins + cases + ends + " /audit", "tuyet": begins + cases + ends + " /reports /audit",
		"an": begins + cases + ends + " /audit", "quan": "/record /officers",
	} {
		t.Run(officer, func(t *testing.T) {
			t.Parallel()
			b := g.browser(t)
			b.as(officer)
			b.open("/help")
			if got := look(b, chromedp.Evaluate[string](`Array.from(document.querySelectorAll(".bar__nav a"), a => a.getAttribute("href")).join(" ")`)); got != navigation {
				t.Errorf("the navigation is %q", got)
			}
			seen := map[string]bool{}
			for _, p := range g.pages() {
				if p.do != nil || p.may == "" || seen[p.route] { // one state of each page is enough
					continue
				}
				seen[p.route] = true
				b.open(p.path)
				status, title := look(b, chromedp.Evaluate[int](`performance.getEntriesByType("navigation")[0].responseStatus`)), look(b, chromedp.Evaluate[string](`document.querySelector("h1")?.innerText ?? ""`))
				told := status == 403 && title == "Bạn không có quyền làm việc này" || status == 404 && title == "Không tìm thấy trang"
				may := slices.Contains(strings.Fields(p.may), officer)
				if told == may || may && status != 200 && status != 422 {
					t.Errorf("%s: %d, %q", p.name, status, title)
				}
				if text := b.text(); told && (strings.Contains(text, "Campuchia") || strings.Contains(text, g.asked)) {
					t.Errorf("%s is refused, and shown:\n%s", p.name, text)
				}
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		v := newVisitor(t, g.address)
		for _, p := range g.pages() {
			if at := v.get(p.path).at.Path; p.may != "" && at != "/sign-in" {
				t.Errorf("without signing in %s leads to %s", p.name, at)
			}
		}
	})
}

// everyWay looks at a page that a test has led to, in two languages, light and
// dark. What the gallery can show stands in its pages instead.
func (b *browser) everyWay(name, path string) {
	b.t.Helper()
	for _, tag := range []string{"en", "vi"} {
		b.open(path)
		b.language(tag)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.accessible(name + " in " + tag + ", " + scheme)
			b.picture(name + "-" + tag + "-" + scheme)
		}
		b.scheme("light")
	}
}

// What axe looks for.
const (
	everyRule  = `{resultTypes: ["violations"]}`
	butColours = `{resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}}}`
	colours    = `{resultTypes: ["violations"], runOnly: ["color-contrast"]}`
)

// accessible runs axe: nothing serious and nothing critical may be found.
func (b *browser) accessible(where string) {
	b.t.Helper()
	b.axes(where, everyRule)
}

func (b *browser) axes(where, options string) {
	b.t.Helper()
	if b.scriptless { // axe is a script; those of the page stay where they are
		b.scripts(true)
		defer b.scripts(false)
	}
	if look(b, chromedp.Evaluate[bool](`typeof axe === "undefined"`)) {
		look(b, chromedp.Evaluate[int](b.axe+";0"))
	}
	found := look(b, chromedp.Evaluate[string](
		`axe.run(`+options+`).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + (n.any[0] || n.all[0] || n.none[0] || {}).message)}))))`,
		chromedp.EvalAwaitPromise))
	var violations []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		if slices.Contains([]string{"serious", "critical"}, v.Impact) {
			b.t.Errorf("%s: %s (%s): %s\n  %s", where, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n  "))
		} else {
			b.t.Logf("%s: %s (%s): %s", where, v.ID, v.Impact, v.Help)
		}
	}
}
