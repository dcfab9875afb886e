package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// A shownPage is a page of the console, in one of the states that it is seen in.
// Add a line to pages for each page that you add: TestConsolePagesAreListed asks
// for it, and the other tests look at it in every language and as every role.
type shownPage struct {
	name   string
	route  string // what the router calls it
	path   string
	may    string         // who may see it, the first of them in the pictures; "" for whoever is not signed in
	do     func(*browser) // what leads from there to the state that is looked at
	vi, en string         // something that it says; what a machine drafted may be written anew
}

// A gallery is a scene with something on every page.
type gallery struct {
	*scene
	door          *http.Cookie // lets a browser choose an officer
	erased        string       // a case
	refused, sent string       // messages, one that we refused and one of ours
	answer, fixes string       // the pages of an answer to ours, and of a correction
	form, invited string       // an unfinished form, the path of an invitation

	signed   []signatory
	erasing  map[string]string // cases, by the step of their erasure that comes next
	assigned string            // a case that lan has
	left     string            // what lan has sent too late
	rejected string            // a draft of lan's
}

// The roles of the gallery's officers.
const (
	writers  = "lan minh"               // officer and supervisor
	watchers = "tuyet minh an"          // compliance, supervisor, auditor: whoever reads the trail
	readers  = "lan minh tuyet an"      // whoever sees cases
	allRoles = "lan minh tuyet an quan" // and the administrator
)

func newGallery(t *testing.T) *gallery {
	t.Helper()
	g := &gallery{scene: newScene(t)}
	ctx := t.Context()
	bad := g.kh.claims("VN")
	bad.Body = json.RawMessage(`{"subjects":[{"subject_ref":"S-1","name":"Nguyễn"}]}`)
	if r := g.kh.post(g.vn, g.kh.sign(bad)); r.status != 422 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	g.refused = bad.ID
	g.erases()
	if err := g.vn.node.files.BreakGlass(ctx, &officerHoa, exchange.CaseKey{Partner: "KH", Case: g.overdue}, "she stands at the border"); err != nil {
		t.Fatal(err)
	}
	_, g.answer = g.answered()
	for _, row := range g.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: g.fresh}) {
		if row.Type == exchange.TypeCorrection {
			g.fixes = "/messages/KH/in/" + row.ID
		}
	}
	g.toErase()
	g.assigns()
	g.corrects()
	g.rejects()
	g.form = exchange.NewID()
	if _, err := g.forms().Keep(ctx, &officerLan, exchange.Form{ID: g.form, Partner: "KH", Type: exchange.TypeIdentityRequest, Values: url.Values{
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/name/native": {"Chanthou"}, "/subjects/0/name/latin": {"Chanthou"}, "/subjects/0/name/script": {"Latn"}, "/subjects/0/sex": {"female"},
		"/subjects/0/claimed_citizenship": {"KH"}, "/subjects/0/claimed_birthplace/country": {"VN"},
	}}); err != nil {
		t.Fatal(err)
	}
	var err error
	if g.left, err = g.forms().Leave(ctx, &officerLan, exchange.Left{Form: "/find/person", Path: "/find/person", Values: url.Values{"name": {"Dara"}, "reason": {"người thân đến hỏi"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.vn.node.reports.Order(ctx, &officerTuyet, exchange.ReportWish{Kind: export.KindStatistics, Reason: "quarterly review"}); err != nil {
		t.Fatal(err)
	}
	if err := g.vn.node.checker.Work(ctx); err != nil {
		t.Fatal(err)
	}
	g.indexed()
	g.looks()
	g.givesUp()
	g.onTheWay()
	g.address = g.atName(ConsoleConfig{Passwords: true})
	token, err := g.vn.node.roster.Invite(ctx, officerHoa.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	g.invited = "/join/" + token
	g.widens()
	v := newVisitor(t, g.address)
	v.get(g.link)
	at, err := url.Parse(g.address)
	if err != nil {
		t.Fatal(err)
	}
	g.door = v.client.Jar.Cookies(at)[0]
	return g
}

// forms are what officers have not finished writing.
func (s *scene) forms() *exchange.Forms {
	s.t.Helper()
	forms, err := exchange.NewForms(exchange.FormsConfig{Store: s.vn.node.db, Roster: s.vn.node.roster, Recorder: s.vn.node.committer, Opener: s.vn.node.opener, Clock: s.vn.now})
	if err != nil {
		s.t.Fatal(err)
	}
	return forms
}

// looks leaves what an officer has looked at again and again.
func (g *gallery) looks() {
	g.t.Helper()
	asked := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: g.asked}
	for _, reason := range []string{"để soạn trả lời", "để đối chiếu", "để đối chiếu lần nữa"} {
		if _, err := g.vn.node.files.Message(g.t.Context(), &officerMinh, asked, reason); err != nil {
			g.t.Fatal(err)
		}
	}
}

// erases leaves a case that was erased.
func (g *gallery) erases() {
	g.t.Helper()
	g.signed = g.vn.signatories(g.t)
	l := g.life(g.t)
	g.erased = l.id
	l.told(exchange.TypeIdentityRequest, asked(""))
	l.erase(g.signed, l.asksErasure())
}

// pages are all pages, and the states of each that officers meet.
func (g *gallery) pages() []shownPage {
	message, other := "/messages/KH/in/"+g.asked, "/compare/KH/"+g.fresh+"/S-1/with/KH/"+g.overdue+"/S-1"
	fresh, waiting := "/cases/KH/"+g.fresh, "/drafts/"+g.waiting
	correct := "/write?to=KH&case=" + g.ours + "&type=" + exchange.TypeCorrection + "&target=" + g.sent
	all := url.Values{"all": {"1"}, "reason": {"đối chiếu với sổ hộ tịch"}}
	const (
		oneCase   = "/cases/{partner}/{case}"
		oneDraft  = "/drafts/{id}"
		oneLetter = "/messages/{partner}/{direction}/{id}"
		compare   = "/compare/{partner}/{case}/{subject}/with/{partner2}/{case2}/{subject2}"
	)
	return []shownPage{
		{"sign-in", "/sign-in", "/sign-in", "", nil, "Đăng nhập", "Sign in"},
		{"sign-in-failed", "/sign-in", "/sign-in?failed=password", "", nil, "Chưa đăng nhập được", ""},
		{"join", "/join/{token}", g.invited, "", nil, "Mật khẩu", "Password"},
		{"join-over", "/join/{token}", "/join/AAAA", "", nil, "", ""},
		{"unattended", "/sign-in", "/sign-in?kept=1&to=/write/" + g.form, "", nil, "Những gì bạn nhập đã được giữ", ""},
		{"undone", "/sign-in", "/sign-in?undone=1&to=/find", "", nil, "Việc bạn yêu cầu chưa được thực hiện", "was not done"},

		{"work", "/", "/", allRoles, nil, "", ""},
		{"work-emergency", "/", "/", "minh lan tuyet an quan", nil, "Hồ sơ được mở khẩn cấp", ""},
		{"work-widened", "/", "/", "minh", unfolds(".alert summary"), "Cán bộ được thêm quyền", "Officers who were let in"},
		{"messages", "/messages", "/messages", readers, nil, "Chờ ta trả lời", "Waits for our answer"},
		{"messages-out", "/messages", "/messages?box=out", readers, nil, "Chưa có biên nhận", "Without a receipt"},
		{"messages-refused", "/messages", "/messages?box=refused", readers, nil, "Không đúng mẫu thông điệp", "It does not match its schema"},
		{"messages-empty", "/messages", "/messages?case=nothing", readers, nil, "Không có thông điệp nào khớp", "No message matches"},
		{"messages-fault", "/messages", "/messages?from=2026-11-25&to=2026-11-01", readers, nil, "Ngày cuối đứng trước ngày đầu", "The last day is before the first"},
		{"view-fault", "/messages", "/messages", "lan", submits("/messages", url.Values{"box": {"in"}, "name": {strings.Repeat("x", 61)}, "keep": {"1"}}), "", ""},
		{"cases", "/cases", "/cases", readers, nil, "Bên phải làm tiếp", "Who acts next"},
		{"cases-overdue", "/cases", "/cases?due=overdue&by=due", readers, nil, "quá hạn 2 ngày", "2 days overdue"},
		{"cases-empty", "/cases", "/cases?case=nothing", readers, nil, "Không có hồ sơ nào khớp", "No case matches"},
		{"case", oneCase, fresh, readers, nil, "Nội bộ Việt Nam", "Viet Nam internal"},
		{"case-looks", oneCase, fresh, "minh", unfolds(".line summary"), "3 lần", "3 times"},
		{"case-minor", oneCase, "/cases/KH/" + g.ours, readers, nil, "chưa thành niên", "A child"},
		{"case-erased", oneCase, "/cases/KH/" + g.erased, readers, nil, "", ""},
		{"case-emergency", oneCase, "/cases/KH/" + g.overdue, "hoa " + readers, nil, "theo quyền khẩn cấp đến", ""},
		{"print", "/cases/{partner}/{case}/print", fresh + "/print", readers, nil, "đã được che", ""},
		{"print-fault", "/cases/{partner}/{case}/print", fresh + "/print", "lan", submits(fresh+"/print", url.Values{"show": {"all"}}), "Viết lý do", ""},
		{"print-shown", "/cases/{partner}/{case}/print", fresh + "/print", "lan", submits(fresh+"/print", url.Values{"show": {"all"}, "reason": {"họp liên ngành"}}), "Nguyễn Thị Mẫu", "Nguyễn Thị Mẫu"},
		{"message", oneLetter, message, readers, nil, "mục dữ liệu cá nhân đang được che", "personal fields are masked"},
		{"message-fault", oneLetter, message, "lan", submits(message, url.Values{"all": {"1"}}), "Viết lý do", "Write a reason"},
		{"message-shown", oneLetter, message, "lan", submits(message, all), "Nguyễn Thị Mẫu", "Nguyễn Thị Mẫu"},
		{"message-answer", oneLetter, g.answer, readers, nil, "Người này, theo", "This person, as told in"},
		{"message-answer-shown", oneLetter, g.answer, "lan", submits(g.answer, all), "ចាន់ធី", "ចាន់ធី"},
		{"message-correction", oneLetter, g.fixes, readers, nil, "Những gì thay đổi", ""},
		{"message-ours", oneLetter, "/messages/KH/out/" + g.sent, readers, nil, "Đồng ý và bảo đảm", "Consent and safeguards"},
		{"proof", oneLetter + "/proof", message + "/proof", readers, nil, "Trình duyệt của bạn kiểm tra", "Checked by your browser"},
		{"source-fault", oneLetter + "/proof", message + "/proof", "lan", submits(message+"/proof", nil), "Viết lý do", "Write a reason"},
		{"find", "/find", "/find", readers, nil, "Tìm", "Find"},
		{"find-several", "/find", "/find", "lan", submits("/find", url.Values{"text": {"ivq"}}), "Yêu cầu xác minh nhân thân", ""},
		{"find-nothing", "/find", "/find", "lan", submits("/find", url.Values{"text": {"zz"}}), "Không có hồ sơ, thông điệp", ""},
		{"left", "/find", "/find?undone=" + g.left, "lan", nil, "việc này chưa được thực hiện", "this was not done"},
		{"left-nothing", "/find", "/find?undone=1", "lan", nil, "Việc bạn yêu cầu trên trang này", "Do it again"},
		{"find-fault", "/find", "/find", "lan", submits("/find/person", url.Values{"birth": {"31/31/98"}}), "Không đọc được ngày sinh", ""},
		{"find-person", "/find", "/find", "lan", submits("/find/person", url.Values{"name": {"mau nguyen thi"}, "birth": {"1997"}, "reason": {"người thân đến hỏi"}}), "có thể là người này", ""},
		{"compare", compare, other, readers, nil, "Dữ liệu của hai người đang được che", "The data of both persons are masked"},
		{"compare-fault", compare, other, "lan", submits(other, nil), "Viết lý do", "Write a reason"},
		{"compare-shown", compare, other, "lan", submits(other, url.Values{"reason": {"có thể là một người"}}), "Che lại", "Nguyễn Thị Mẫu"},

		{"assign", oneCase, fresh, "minh", unfolds("#officers summary"), "Cán bộ được giao hồ sơ", "Officers who are to have it"},
		{"assign-mine", oneCase, g.assigned, "lan", nil, "Trả lại hồ sơ", "Give it back"},
		{"assign-others", oneCase, g.assigned, "tuyet an minh", nil, "Trong số cán bộ, chỉ họ xem được hồ sơ", "Of the officers, only they see it"},
		{"assign-fault", oneCase, fresh, "minh", submits(fresh+"/officers", url.Values{"officer": {"hoa", "lan"}, "reason": {"hai người cùng theo dõi"}, "do": {"assign"}}), "Một người được chọn không được xem", "may not see this case"},
		{"assign-meanwhile", oneCase, g.assigned, "minh", submits(g.assigned+"/officers", url.Values{"officer": {"minh"}, "do": {"assign"}}), "Người khác vừa phân công", "Somebody else has assigned"},

		{"erase", oneCase + "/erase", fresh + "/erase", writers, nil, "Thông báo phải do đối tác gửi đến", "Such a notice has to come from the partner"},
		{"erase-fault", oneCase + "/erase", fresh + "/erase", "lan", submits(fresh+"/erase", url.Values{"reason": {"the person has asked for it"}}), "Còn điều cản trở", "Something stands in the way"},
		{"erase-signed", oneCase + "/erase", g.erasing["signed"] + "/erase", "lan", nil, "0/2 người đã ký", "0 of 2 have signed"},
		{"erase-half", oneCase + "/erase", g.erasing["half"] + "/erase", "lan", nil, "1/2 người đã ký", "1 of 2 have signed"},
		{"erase-day", oneCase + "/erase", g.erasing["day"] + "/erase", "lan", nil, "lấy hôm nay làm ngày xóa", "with today as the day"},
		{"erase-answered", oneCase + "/erase", g.erasing["answered"] + "/erase", "lan", nil, "Đối tác đã có thông báo", "The partner has the notice"},
		{"erase-deliveries", oneCase + "/erase", g.erasing["deliveries"] + "/erase", "lan", nil, "Chờ đến khi chuyển xong", "Wait until the delivery has ended"},
		{"erase-drafts", oneCase + "/erase", g.erasing["drafts"] + "/erase", "lan", nil, "Gửi hoặc bỏ bản nháp", "Send or discard it"},
		{"erase-ready", oneCase + "/erase", g.erasing["ready"] + "/erase", "lan", nil, "Không ai khôi phục lại được", "Nobody can bring it back"},
		{"erase-unsaid", oneCase + "/erase", g.erasing["ready"] + "/erase", "lan", submits(g.erasing["ready"]+"/erase", nil), "Viết lý do", "Write a reason"},
		{"case-erasing", oneCase, g.erasing["half"], "lan", nil, "1/2 người đã ký", "1 of 2 have signed"},
		{"case-erasable", oneCase, g.erasing["ready"], "lan", nil, "Tiếp tục xóa", "Go on to the erasure"},
		{"case-just-erased", oneCase, "/cases/KH/" + g.erased + "?erased=1", "lan", nil, "Hồ sơ đã được xóa", "The case is erased"},

		{"draft", oneDraft, waiting, writers, nil, "Đối tác sẽ thấy đúng như sau", "What the partner will see"},
		{"draft-held", oneDraft, "/drafts/" + g.held, writers, nil, "Còn thiếu trước khi được gửi", "Missing before it may leave"},
		{"draft-shown", oneDraft, waiting, "lan", submits(waiting, all), "Phê duyệt và ký", ""},
		{"decide", oneDraft, waiting, "lan", decides("release"), "", ""},
		{"decide-reject", oneDraft, waiting, "lan", decides("reject"), "", ""},
		{"amend-fault", oneDraft, "/drafts/" + g.held, "lan", submits("/drafts/"+g.held+"/amend", url.Values{"why": {"x"}}), "Viết lý do", "Write a reason"},
		{"complete-fault", oneDraft, "/drafts/" + g.held, "lan", submits("/drafts/"+g.held+"/complete", nil), "Viết lý do", "Write a reason"},
		{"discard-fault", oneDraft, "/drafts/" + g.held, "lan", submits("/drafts/"+g.held+"/discard", nil), "Viết lý do", "Write a reason"},
		{"draft-rejected", oneDraft, "/drafts/" + g.rejected, writers, nil, "Bản nháp này đã bị bác", "This draft was rejected"},
		{"again-fault", oneDraft, "/drafts/" + g.rejected, "lan", submits("/drafts/"+g.rejected+"/again", nil), "Viết lý do", "Write a reason"},
		{"work-rejected", "/", "/", "lan", nil, "Bản nháp của tôi bị bác", "Drafts of mine that were rejected"},
		{"opening", "/open", "/open", writers, nil, "Mở hồ sơ mới", "Open a new case"},
		{"write", "/write", "/write?to=KH&type=" + exchange.TypeIdentityRequest, writers, nil, "Bảo đảm cho người này", "Safeguards on record"},
		{"write-answer", "/write", "/write?to=KH&case=" + g.fresh + "&type=" + exchange.TypeIdentityResponse + "&re=" + g.asked, writers, nil, "", ""},
		{"write-answer-shown", "/write", "/write?to=KH&case=" + g.fresh + "&type=" + exchange.TypeIdentityResponse + "&re=" + g.asked, "lan", asksBeside, "Nguyễn Thị Mẫu", "Nguyễn Thị Mẫu"},
		{"correct", "/write", correct, "lan", nil, "Đính chính:", ""},
		{"correct-nothing", "/write", correct, "lan", presses("preview"), "Chưa có gì thay đổi", ""},
		{"correct-unsaid", "/write", correct, "lan", rewrites("show", map[string]string{"field": "/subjects/0/date_of_birth"}), "Viết lý do", "Write a reason"},
		{"correct-fault", "/write", correct, "lan", rewrites("preview", map[string]string{"/subjects/0/sex": "male"}), "Mục này cần được điền", ""},
		{"correct-preview", "/write", correct, "lan", rewrites("preview", map[string]string{"/subjects/0/sex": "male", ".reason": "clerical_error"}), "Những gì thay đổi", ""},
		{"correct-meets", "/write", correct, "lan", rewrites("preview", map[string]string{"/subjects/0/sex": "male", ".reason": "clerical_error", ".revision": "1"}), "đã được đính chính sau khi bạn bắt đầu", ""},
		{"write-kept", "/write/{id}", "/write/" + g.form, "lan", nil, "Đã lưu lúc", ""},
		{"write-unit", "/write/{id}", "/write/" + g.form, "lan", presses("find /subjects/0/claimed_birthplace"), "", ""},
		{"write-fault", "/write/{id}", "/write/" + g.form, "lan", presses("preview"), "Mục này cần được điền", ""},
		{"preview", "/write", "/write?to=KH&type=" + exchange.TypeIdentityRequest, "lan", previews, "Đối tác sẽ thấy đúng như sau", ""},
		{"conflict", "/write/{id}", "/write/" + g.form, "lan", conflicts, "Hai bản khác nhau", ""},

		{"partners", "/partners", "/partners", readers, nil, "", ""},
		{"partner", "/partners/{partner}", "/partners/KH", readers, nil, "Nội bộ Việt Nam", "Viet Nam internal"},
		{"record", "/record", "/record", allRoles, nil, "Nhật ký nguyên vẹn", "The record holds"},
		{"audit", "/audit", "/audit", watchers, nil, "Đăng nhập", ""},
		{"audit-fault", "/audit", "/audit?from=2026-12-02&to=2026-12-01", "an tuyet minh", nil, "", "The last day is before the first"},
		{"reports", "/reports", "/reports", "tuyet", nil, "Thống kê", "Statistics"},
		{"reports-fault", "/reports", "/reports", "tuyet", submits("/reports", url.Values{"kind": {export.KindEvidence}}), "", ""},
		{"officers", "/officers", "/officers", "quan", nil, "Cán bộ", "Officers"},
		{"officer-new", "/officers/new", "/officers/new", "quan", nil, "", ""},
		{"officer-fault", "/officers/new", "/officers/new", "quan", submits("/officers/new", url.Values{"id": {"X"}, "name": {"Lan\u202e"}, "pins": {"x"}, "oidc": {"y"}}), "Viết họ tên, không có ký tự ẩn", "characters that can be seen"},
		{"officer", "/officers/{officer}", "/officers/lan", "quan", nil, "Trần Thị Lan", "Trần Thị Lan"},
		{"officer-own", "/officers/{officer}", "/officers/quan", "quan", nil, "", ""},
		{"account", "/account", "/account", allRoles, nil, "", ""},
		{"emergency", "/emergency", "/emergency", "hoa lan minh", nil, "", ""},
		{"emergency-fault", "/emergency", "/emergency", "hoa", submits("/emergency", url.Values{"partner": {"KH"}, "case": {"?"}}), "Viết lý do", "whole identifier"},
		{"help", "/help", "/help", allRoles, nil, "Phím tắt", "Keys"},
		{"not-found", oneCase, "/cases/KH/no-such-case", "lan", nil, "Không tìm thấy trang", "Page not found"},
	}
}

// submits sends a form of the console's own.
func submits(path string, form url.Values) func(*browser) {
	return func(b *browser) {
		b.t.Helper()
		fields, err := json.Marshal(form)
		if err != nil {
			b.t.Fatal(err)
		}
		b.follow(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
			const form = Object.assign(document.createElement("form"), {method: "post", action: %q});
			for (const [name, values] of Object.entries(%s || {})) for (const value of values) form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
			document.body.append(form); form.submit() })()`, path, fields)))
	}
}

// presses presses one of the buttons of a message's form.
func presses(do string) func(*browser) {
	return func(b *browser) {
		b.t.Helper()
		b.click(fmt.Sprintf(`form.write button[value=%q]:not([tabindex])`, do))
	}
}

// asksBeside asks who it is that an answer is about, beside its form.
func asksBeside(b *browser) {
	b.t.Helper()
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "đối chiếu với sổ hộ tịch"))
	presses("show-all")(b)
}

// decides reads a draft and asks for the statement about it.
func decides(decision string) func(*browser) {
	return func(b *browser) {
		b.t.Helper()
		draft := b.path()
		submits(draft, url.Values{"all": {"1"}, "reason": {"đọc trước khi ký"}})(b)
		submits(draft+"/decision", url.Values{"decision": {decision}, "sha256": {b.value(`input[name="sha256"]`)}, "version": {b.value(`input[name="version"]`)}})(b)
	}
}

// previews fills a form and looks at what will be sent.
func previews(b *browser) {
	b.t.Helper()
	look(b, chromedp.Evaluate[bool](`(() => {
		const set = (name, value) => { document.querySelector('[name="' + name + '"]').value = value };
		set("/subjects/0/name/native", "Dara"); set("/subjects/0/date_of_birth#y", "1998"); set("/subjects/0/claimed_birthplace/text_as_given", "Takeo");
		document.querySelector('[name="/subjects/0/sex"][value="female"]').checked = true; return true })()`))
	presses("preview")(b)
}

// conflicts saves a form that another window has saved since: a second time, as if
// the first had not been.
func conflicts(b *browser) {
	b.t.Helper()
	set := func(member, value string) string {
		return fmt.Sprintf(`document.querySelector('form.write [name=%q]').value = %q`, member, value)
	}
	version, name := b.value(`form.write [name="version"]`), "/subjects/0/name/native"
	for _, typed := range []string{"Chanthou ", "Chanthea"} {
		look(b, chromedp.Evaluate[string](set("version", version)+";"+set(name, typed)))
		presses("save")(b)
	}
}

// Every page that the router knows is in the list.
func TestConsolePagesAreListed(t *testing.T) {
	code, err := os.ReadFile("../../exchange/console/console.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := regexp.MustCompile(`r\.Get\("([^"]+)"`).FindAllStringSubmatch(string(code), -1)
	if len(routes) < 20 || regexp.MustCompile(`r\.(Handle|HandleFunc|Method|Route|Mount|Group)\(`).Match(code) {
		t.Fatalf("%d routes: the console's router is written in another way", len(routes))
	}
	none := []string{"/assets/{version}/", "/events", "/enter/{token}", "/sign-in/provider", "/sign-in/callback"} // no pages: they stream, or lead elsewhere
	g := &gallery{scene: &scene{}}
	for _, route := range routes {
		if !slices.Contains(none, route[1]) && !slices.ContainsFunc(g.pages(), func(p shownPage) bool { return p.route == route[1] }) {
			t.Errorf("%s is in no line of pages (console_pages_test.go)", route[1])
		}
	}
}
