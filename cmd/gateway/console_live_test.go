package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// An open page says that something has come, and that its session has ended,
// and never what.
func TestConsoleLive(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.language("en")
	clocks := regexp.MustCompile(`( · )?\d+ time limits? [^·]*[^ ·]`) // the scene has overdue cases, of which a sweep tells in its own time
	shown := func(what, want string) {
		t.Helper()
		var text string
		for range 150 {
			if text = clocks.ReplaceAllString(look(b, chromedp.Evaluate[string](`document.querySelector("#live [data-live=`+what+`]:not([hidden]) strong")?.textContent ?? ""`)), ""); text == want {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("the page says %q, want %q", text, want)
	}
	shown("news", "")
	s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	shown("news", "1 new message")
	s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	shown("news", "2 new messages")
	// What leaves at once is nothing to look at; what waits is.
	if _, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, []exchange.Safeguard{consented}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, nil); err != nil {
		t.Fatal(err)
	}
	shown("news", "2 new messages · 1 draft is new or changed")
	b.accessible("a page with news")
	b.picture("live")

	// Suspended, the officer is told, and hears nothing more; what was shown to them is not
	// to be read any more by whoever sits down there.
	path := "/messages/KH/in/" + s.asked
	b.open(path)
	submits(path, url.Values{"all": {"1"}, "reason": {"to compare with the register"}})(b)
	if !strings.Contains(b.text(), "Nguyễn Thị Mẫu") {
		t.Fatalf("the name is not shown:\n%s", b.text())
	}
	gone := officerLan
	gone.Status = exchange.OfficerSuspended
	if err := s.vn.node.roster.Put(t.Context(), "minh", gone); err != nil {
		t.Fatal(err)
	}
	shown("over", "Your session has ended. What you have typed is still on this page; sign in in another tab before you send it.")
	if strings.Contains(b.text(), "Nguyễn Thị Mẫu") {
		t.Error("the session is over, and the name is still there to be read")
	}
	s.quiet()
}

// While nobody can be asked who is signed in, no page is told that its session has ended:
// its stream ends, and goes on when somebody can.
func TestConsoleLiveOutlastsAnOutage(t *testing.T) {
	s := newScene(t)
	v := newVisitor(t, s.address)
	v.get(s.link)
	v.post("/sign-in/demonstration", url.Values{"officer": {"an"}})
	db := s.vn.tables()
	rename := func(from, to string) {
		if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	stream := func() *http.Response {
		resp, err := v.client.Get(s.address + "/events")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("a stream: %v (%v)", resp, err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	open := stream()
	if first, err := bufio.NewReader(open.Body).ReadString('\n'); err != nil || !regexp.MustCompile(`^id: \d+\n$`).MatchString(first) {
		t.Errorf("a stream begins with %q (%v): whoever comes again says nothing of where they were", first, err)
	}
	rename("session", "session_away")
	for what, resp := range map[string]*http.Response{"an open": open, "a new": stream()} {
		if told, err := io.ReadAll(resp.Body); err != nil || strings.Contains(string(told), "event: over") {
			t.Errorf("%s stream says %q (%v)", what, told, err)
		}
	}
	rename("session_away", "session")
	lines := bufio.NewScanner(stream().Body)
	s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "1 thông điệp mới") {
			return
		}
	}
	t.Errorf("the stream has ended, and told nothing of the new message (%v)", lines.Err())
}

// A page that had heard nothing yet when its gateway was started again hears what has come
// meanwhile.
func TestConsoleLiveGoesOnAfterARestart(t *testing.T) {
	s := newScene(t)
	at := reserve(t)
	serve := func() (link string, stop func()) {
		pages, err := s.vn.node.newConsole(ConsoleConfig{})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.vn.node.runConsole(ctx, listener, ConsoleConfig{}, pages) }()
		return pages.OpenDoor("/", "lan"), sync.OnceFunc(func() {
			if cancel(); <-done != nil {
				t.Error("the pages came to no end of their own")
			}
		})
	}
	link, stop := serve()
	b := newBrowser(t, "https://"+at)
	b.open(link)
	b.click(`button[value="lan"]`)
	b.open("/help")
	b.run(chromedp.WaitReady(chromedp.CSS("#live")))
	// One more stream says that the page's own is there: it was asked for before.
	look(b, chromedp.Evaluate[string](`new Promise(open => { const s = new EventSource("/events"); s.onopen = () => { s.close(); open("") } })`, chromedp.EvalAwaitPromise))
	stop()
	s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	_, stop = serve()
	t.Cleanup(stop)
	eventually(t, "the page tells what has come while its gateway was away", func() bool {
		return strings.Contains(look(b, chromedp.Evaluate[string](`document.querySelector("#live [data-live=news]:not([hidden]) strong")?.textContent ?? ""`)), "1 thông điệp mới")
	})
	s.quiet()
}

// A supervisor at work hears that a case was opened in an emergency, whatever page is
// open, and nothing of the case; whoever has opened it, and officers, hear nothing.
func TestConsoleLiveEmergency(t *testing.T) {
	s := newScene(t)
	if err := s.vn.node.roster.Put(t.Context(), "", officerHoa); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="minh"]`)
	b.open("/cases")
	b.run(chromedp.WaitReady(chromedp.CSS("#live")))
	officer := newVisitor(t, s.address)
	officer.get(s.pages.OpenDoor("/", "lan"))
	officer.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	stream, err := officer.client.Get(s.address + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	const reason = "she stands at the border"
	key := exchange.CaseKey{Partner: "KH", Case: s.fresh}
	if err := s.vn.node.files.BreakGlass(t.Context(), &officerHoa, key, reason); err != nil {
		t.Fatal(err)
	}
	alarm := `#live [data-live="emergencies"]:not([hidden])`
	b.run(chromedp.WaitVisible(chromedp.CSS(alarm)))
	if text := look(b, chromedp.Text(chromedp.CSS(alarm))); !strings.HasPrefix(text, "1 hồ sơ được mở khẩn cấp") || strings.Contains(text, s.fresh) || strings.Contains(text, "hoa") || strings.Contains(text, "KH") {
		t.Errorf("the page says %q", text)
	}
	b.accessible("a page that tells of an emergency")
	b.picture("live-emergency")
	b.click(alarm + " a")
	if text := b.text(); b.path() != "/" || !strings.Contains(text, reason) {
		t.Errorf("it leads to %s:\n%s", b.path(), text)
	}

	s.receives(exchange.TypeIdentityRequest, asked(""), nil) // after which lan has been told of the emergency too, or never
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data:") {
		if strings.Contains(lines.Text(), "emergencies") {
			t.Error("an officer is told of an emergency")
		}
	}
	// Nobody is told of what they have opened themselves.
	for who, want := range map[*exchange.Officer]int{&officerMinh: 1, &officerLan: 0, &officerHoa: 0, {ID: "hoa", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{"KH"}, Status: exchange.OfficerActive}: 0} {
		if news, _, err := s.vn.node.oversight.News(t.Context(), who, 0); err != nil || news.Emergencies != want {
			t.Errorf("%s hears of %d emergencies, want %d (%v)", who.ID, news.Emergencies, want, err)
		}
	}
	s.quiet()
}

// A stream is for who is signed in, bounded for each session, holds identifiers
// of nobody, and does not keep the session awake.
func TestConsoleLiveIsBounded(t *testing.T) {
	s := newScene(t)
	v := newVisitor(t, s.address)
	if p := v.get("/events"); p.status != http.StatusNoContent {
		t.Fatalf("nobody is signed in, and the stream is %d", p.status)
	}
	v.get(s.link)
	v.post("/sign-in/demonstration", url.Values{"officer": {"an"}})
	var first *http.Response
	for i := range 9 {
		resp, err := v.client.Get(s.address + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if want := map[bool]int{true: http.StatusOK, false: http.StatusNoContent}[i < 8]; resp.StatusCode != want {
			t.Errorf("stream %d of a session: %d, want %d", i, resp.StatusCode, want)
		}
		if first == nil {
			first = resp
		}
	}
	if got := first.Header.Get("Content-Type"); got != "text/event-stream" || first.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a stream comes as %s", got)
	}
	s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	lines := bufio.NewScanner(first.Body)
	var told []string
	for lines.Scan() && len(told) < 5 {
		told = append(told, lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(told, "\n"); !strings.Contains(text, "event: news\ndata: 1 thông điệp mới") {
		t.Errorf("the stream says\n%s", text)
	}
}

// A time limit that passes while a page is open is told there, without a word of whose.
func TestConsoleLiveClocks(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.language("en")
	b.run(chromedp.WaitReady(chromedp.CSS("#live")))
	told := func() string {
		return look(b, chromedp.Evaluate[string](`document.querySelector("#live [data-live=news]:not([hidden]) strong")?.textContent ?? ""`))
	}
	passed := s.vn.look(time.Now().AddDate(0, 0, 90), s.fresh)
	if len(passed) == 0 {
		t.Fatal("no time limit has passed in a quarter of a year")
	}
	eventually(t, "the page tells it", func() bool { return regexp.MustCompile(`\d+ time limits?`).MatchString(told()) })
	if text := told(); strings.Contains(text, "KH") || strings.Contains(text, s.overdue[:8]) {
		t.Errorf("it says %q", text)
	}
	s.quiet()
}

// Whoever reads or types for long is told before their session ends, goes on with one
// press and from where they were; the stream by itself uses no session. Where it cannot go
// on that is said, and without a script every page says how long it lasts.
func TestConsoleWarnsBeforeASessionEnds(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.language("en")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.reach(".write__do")
	if text := look(h.browser, chromedp.Evaluate[string](`document.querySelector("footer noscript").textContent`)); !strings.Contains(text, "signed out after 30 minutes") {
		t.Errorf("without a script the page says %q", text)
	}
	told := func(what string) string {
		return look(h.browser, chromedp.Evaluate[string](`document.querySelector("#live [data-live=`+what+`]:not([hidden]) strong")?.textContent ?? ""`))
	}
	began := s.back.Load()
	after := func(d time.Duration) { s.back.Store(began - int64(d)) }
	after(28*time.Minute + 30*time.Second)
	eventually(t, "the page says when its session ends", func() bool { return strings.Contains(told("unused"), "unless you go on working") })
	if !look(h.browser, chromedp.Evaluate[bool](`(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector("[data-live=unused] button").getBoundingClientRect())`)) {
		t.Error("what is said stands where nobody sees it")
	}
	h.accessible("a page whose session ends soon")
	h.picture("live-unused")
	h.run(chromedp.Focus(chromedp.CSS(at("/subjects/0/name/latin"))), chromedp.Click(chromedp.CSS("[data-live=unused] button")))
	eventually(t, "it is taken back", func() bool { return told("unused") == "" })
	if !look(h.browser, chromedp.Evaluate[bool](`document.activeElement.name === "/subjects/0/name/latin"`)) {
		t.Error("whoever goes on is somewhere else")
	}
	after(57*time.Minute + 45*time.Second) // beyond what it was
	eventually(t, "the page says it again", func() bool { return told("unused") != "" })
	after(60 * time.Minute)
	eventually(t, "a stream alone does not keep it", func() bool { return told("over") != "" && told("unused") == "" })

	h.as("lan")
	h.open("/messages")
	began = s.back.Load()
	for d := 25 * time.Minute; d < 12*time.Hour; d += 25 * time.Minute {
		after(d)
		look(h.browser, chromedp.Evaluate[string](`fetch("/help").then(() => "")`, chromedp.EvalAwaitPromise))
	}
	after(12*time.Hour - time.Minute)
	look(h.browser, chromedp.Evaluate[string](`fetch("/help").then(() => "")`, chromedp.EvalAwaitPromise))
	eventually(t, "the page says that it is the end", func() bool { return strings.Contains(told("ends"), "cannot go on") && told("unused") == "" })
	s.quiet()
}

// Of a message that will not be delivered those are told who have it on their page of
// work: who wrote it, and supervisors. The note leads there.
func TestConsoleLiveSaysWhatIsLost(t *testing.T) {
	s := newScene(t)
	lost := func(by *exchange.Officer) int {
		t.Helper()
		news, _, err := s.vn.node.oversight.News(t.Context(), by, 0)
		if err != nil {
			t.Fatal(err)
		}
		return news.Lost
	}
	s.givesUp() // nobody's
	if lan, minh, an := lost(&officerLan), lost(&officerMinh), lost(&officerAn); lan != 0 || minh != 1 || an != 0 {
		t.Errorf("of a message that nobody wrote are told: lan %d, minh %d, an %d", lan, minh, an)
	}
	sent, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(`{"subjects":[` + fmt.Sprintf(person, "") + `]}`)}, []exchange.Safeguard{consented})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is given up", func() bool { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindFailure, ID: sent.Row.ID})) == 1 })
	other := officerLan
	other.ID = "hoa"
	if lan, minh, hoa := lost(&officerLan), lost(&officerMinh), lost(&other); lan != 1 || minh != 2 || hoa != 0 {
		t.Errorf("of lan's message are told: lan %d, minh %d, hoa %d", lan, minh, hoa)
	}
	v := s.visitedBy("lan")
	link := regexp.MustCompile(`data-live="lost" hidden><strong></strong> <a class="govuk-link" href="([^"]+)"`).FindStringSubmatch(v.get("/").body)
	if link == nil {
		t.Fatal("no note leads to what is lost")
	}
	if p := v.get(strings.ReplaceAll(link[1], "&amp;", "&")); strings.Count(p.body, `href="/messages/KH/out/`) != 1 || !strings.Contains(p.body, sent.Row.ID) {
		t.Errorf("it leads to\n%s", p.body)
	}
}
