package console

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// families are the keys that pages make from a value: each value has its text,
// and each text a value.
func families() map[string][]string {
	texts := func(v ...string) []string { return v }
	out := map[string][]string{
		"kind.": texts(string(exchange.Return), string(exchange.SelfReturn), string(exchange.Information)),
		"turn.": texts(string(exchange.TurnUs), string(exchange.TurnPartner), "nobody"),
		"remark.": texts(exchange.RemarkRequestRefused, exchange.RemarkInsufficient, exchange.RemarkNotConfirmed, exchange.RemarkUndetermined, exchange.RemarkRefused, exchange.RemarkCountered,
			exchange.RemarkNotCountersigned, exchange.RemarkAbsent, exchange.RemarkDeclined, exchange.RemarkNotArrived, exchange.RemarkAnonymous),
		"clock.":          texts(string(partners.ClockOverdue), string(partners.ClockDue), string(partners.ClockPaused), string(partners.ClockMet), string(partners.ClockLate)),
		"timeline.":       texts(string(exchange.KindReceipt), string(exchange.KindRefusal), string(exchange.KindFailure), string(exchange.KindAccess), string(exchange.KindEvent)),
		"identity.":       texts("match_with_mismatch", "no_match_with_match", "gate_elsewhere", "window_past"),
		"purpose.":        texts("identity_verification", "protection", "repatriation", "family_tracing", "support", "police_cooperation", "data_protection"),
		"correction.":     texts("add", "replace", "remove"),
		"safeguard.":      texts(partners.SafeguardConsent, partners.SafeguardGuardian, partners.SafeguardVoluntariness, partners.SafeguardRefoulement),
		"basis.":          texts("consent", "authority"),
		"language.":       spoken,
		"sign_in.failed.": texts("certificate", "unknown", "provider", "state", "system", "link", "passkey", "password", "wait"),
		"decide.title.":   texts(exchange.DecisionRelease, exchange.DecisionReject, "author"),
		"decide.do.":      texts(exchange.DecisionRelease, exchange.DecisionReject, "author"),
		"decide.failed.":  texts("approval-form", "approval-key", "approval-signature", "approval-party", "approval-time", "approval-draft", "approval-reason", "approval-twice", "approval-own"),
		"join.":           texts("again_differs", "password_bad", "code_bad"),
		"account.":        texts("no_script", "stale"),
		"passkey.":        texts("fault"),
		"decide.":         texts("reason_required"),
		"reveal.":         texts("reason_required", "fields_required"),
		"print.":          texts("busy", "failed"),
		"view.fault_":     texts("name", "full", "known"),
		"find.":           texts("text_empty", "birth_unreadable", "birth_wide", "number_short", "person_empty", "person_script", "person_long", "reason_required", "days"),
		"help.":           texts("rows", "enter", "find", "reason", "act", "help"),
		"filter.due_":     texts("overdue", "soon"),
		"filter.":         texts("day_unreadable", "days_turned", "case_many"),
		"problem.": texts("agreement-refused", "audience-mismatch", "case-order", "case-state", "content-encoding", "correction-refused", "envelope-invalid", "erased",
			"expired", "field-refused", "id-reused", "issuer-mismatch", "json-invalid", "jws-invalid", "lifetime-too-long", "media-type", "not-yet-valid",
			"schema-violation", "signature-invalid", "too-large", "type-unknown",
			"approval-invalid", "held", "draft-state", "not-found", "certificate-refused", "partner-suspended"),
		"rule.": texts("jws", "key", "jws-signature", "json", "size", "value", "bounds", "lacking", "surplus", "uniqueItems", "numeric-date",
			"agreement-unknown", "agreement-not-in-force", "agreement-ambiguous", "purpose-ambiguous", "type-not-permitted",
			"direction-not-permitted", "purpose-not-permitted", "recipient-required", "recipient-not-permitted", "approval-required",
			"approval-not-permitted", "anonymous-required", "field-required", "field-forbidden", "case-from-state", "case-kind", "case-side",
			"case-full", "reply-required", "reply-not-allowed", "reply-unknown", "reply-mismatch", "subject-unknown", "subject-not-asked",
			"confirmation-mismatch", "target-unknown", "target-not-own", "target-type", "revision-missing", "revision-reused", "correction-pointer",
			"officers-required", "safeguard-missing", "draft-unproved", "approval-form", "approval-key", "approval-signature", "approval-party",
			"approval-time", "approval-decision", "approval-draft", "approval-reason", "approval-twice", "approval-own", "draft-again", "erasure-open-drafts",
			"erasure-open-deliveries", "erasure-scope", "erasure-day", "erasure-unproved", "not-erased", "erasure-not-asked", "erasure-not-released", "erasure-unanswered"),
		"event.": texts("message_read", "message_printed", "draft_read", "form_read", "person_read", "person_search", "evidence_export", "draft_submitted", "draft_amended", "draft_release",
			"draft_reject", "draft_discarded", "case_erased", "case_assigned", "safeguards", "clock_reminder", "clock_overdue", "case_emergency", "emergency_acknowledged", "source_read", "delivery_retried", "report_read",
			"record_accepted", "recording_resumed", "officer_signed_in", "officer_signed_out", "sign_in_refused", "officer_changed", "record_checked", "split_view", "witness_ahead", "witness_refused"),
		"report.problem.": reportProblems(), "report.": texts("failed", "ready", "withheld"),
		"assign.fault.":   texts("assigned-meanwhile", "assigned-many", "assigned-reason", "assigned-officer"),
		"live.":           texts("messages", "lost", "clocks", "drafts", "emergencies"),
		"revocation.":     texts("none", "fresh", "stale", "expired"),
		"outcome.":        texts("retry", "refused", "invalid-receipt", "dead"),
		"sign_in.method.": texts(byCertificate, byProvider, byDemo, byPasskey, byPassword),
		"audit.message_":  texts(string(exchange.In), string(exchange.Out)),
		"audit.kind.":     trailOrder,
		"fault.": texts("choice-late", "draft-again", "draft-discarded", "draft-released", "draft-rejected", "required", "choose", "other", "maxLength", "maxItems", "false", "uniqueItems", "minProperties", "format.date", "format.edtf",
			"format.edtf-interval", "format.date-time", "format.mrz", "format.country", "format.script", "format.language", "pattern.latin", "pattern.link", "pattern.cccd",
			"pattern.subject_ref", "pattern.number", "pattern.issuing_state", "field-forbidden", "anonymous-forbidden", "recipient-required", "approval-required",
			"window-order", "subject-repeated", "question-repeated", "identifier-personal", "withdrawn", "identity-not-requested", "nationality-not-confirmed", "return-not-agreed",
			"document-required", "handover-not-announced", "countersignature-mismatch", "not-handed-over", "handover-not-countersigned", "not-received",
			"safeguard-day", "unavailable", "day-future", "day-past", "safeguard-basis", "forms-full", "form-size", "partner-suspended", "draft-outdated", "correction-same", "correction-matter",
			"correction-pointer", "revision-reused", "countersigned", "agreement-unknown", "file.size", "file.type", "file.empty"),
		"line.":          texts("own", "own_pages", "met", "anchor", "key"),
		"draft_done.":    texts("held", "waiting", "releasing", "discarded"),
		"draft_decided.": texts("waiting", "releasing", "erases", "released", "rejected"),
		"form.":          texts("date", "partial", "period", "instant"),
	}
	for _, w := range slices.Concat(viewsOfCases, viewsOfMessages) {
		out["view."] = append(out["view."], strings.TrimPrefix(w.key, "view."))
	}
	out["check.rule."] = checkRules()
	steps := texts(exchange.EraseNotice, exchange.EraseSigned, exchange.EraseAnswered, exchange.EraseDay, exchange.EraseDeliveries, exchange.EraseDrafts)
	out["erase.step."], out["erase.how."], out["erase."] = steps, steps, texts("not_ready")
	out["look."] = texts("message", "draft", "form", "person", "case", "evidence", "source", "report")
	out["reason."] = texts("own_form", "changed_meanwhile", "answered_meanwhile")
	out["demo.task."], out["copy."] = TaskNames(), texts("statement", "command")
	out["emergency.fault."] = texts("case", "none")
	out["officer.fault."] = texts("id", "name", "roles", "partners", "pins", "oidc", "officer-own", "officer-secret", "officer-version", "officer-entry",
		"officer-shared", "officer-invite", "officer-exists", "officer-roles")
	out["officer.changed."] = texts("added", "nothing", "name", "roles", "partners", "police", "pins", "oidc", "keys", "passkeys", "login", "invitation", "reset", "status", "back")
	for _, kind := range export.Kinds() {
		out["report.kind."] = append(out["report.kind."], kind, kind+".text")
		out["event."] = append(out["event."], kind+"_export")
	}
	for _, s := range states {
		out["state."] = append(out["state."], string(s))
	}
	for _, r := range exchange.Roles() {
		out["role."] = append(out["role."], string(r))
		out["officer.role."] = append(out["officer.role."], string(r))
	}
	for _, s := range []exchange.DraftState{exchange.DraftHeld, exchange.DraftWaiting, exchange.DraftReleasing, exchange.DraftReleased, exchange.DraftRejected, exchange.DraftRefused, exchange.DraftDiscarded} {
		out["draft_state."] = append(out["draft_state."], string(s), string(s)+".text")
	}
	for _, kind := range []string{"not-found", "forbidden", "erased", "invitation", "foreign-form", "unknown-file", "too-large", "refused", "unavailable", "damaged", "internal"} {
		out["error."] = append(out["error."], kind+".title", kind+".text")
	}
	return out
}

// checkRules are what a check of the record may find.
func checkRules() []string {
	var out []string
	for _, file := range []string{"../record/check.go", "../audit.go"} {
		code, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\tRule\w+ += "([a-z-]+)"`).FindAllStringSubmatch(string(code), -1) {
			out = append(out, m[1])
		}
	}
	return out
}

// What the code writes into the record as a look at something, and as an event.
var (
	recordedLook  = regexp.MustCompile(`\bWhat: "([a-z_]+)"`)
	recordedEvent = regexp.MustCompile(`Entry\{.*\bType: "([a-z_]+)"|^\t(?:alarm|case|draft|emergency|officer|delivery)\w+ += "([a-z]+_[a-z_]+)"`)
)

// Whatever the code records has its words, so that officers never read its own.
func TestWordsForTheRecord(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, pattern := range []string{"../*.go", "../export/*.go", "../../cmd/gateway/*.go"} {
		for file, text := range sources(t, pattern) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for line := range strings.Lines(text) {
				if m := recordedLook.FindStringSubmatch(line); m != nil {
					want["look."+m[1]] = true
				}
				if m := recordedLook.FindStringSubmatch(line); m != nil && m[1] != "case" { // that is an event of its own
					want["event."+m[1]+"_read"] = true
				}
				if m := recordedEvent.FindStringSubmatch(line); m != nil && m[2] != "record_wrong" { // an alarm, whose entry is record_checked
					want["event."+m[1]+m[2]] = true
				}
			}
		}
	}
	if len(want) < 25 {
		t.Fatalf("of the record only %v was found", slices.Sorted(maps.Keys(want)))
	}
	for key := range want {
		for _, s := range all.all {
			if !s.has(key) {
				t.Errorf("%s lacks %s", s.Tag, key)
			}
		}
	}
}

// Whatever refuses a message has its words, in every language: the rules of the wire,
// and those of the house for what it was about to send.
func TestWordsForRefusals(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	rules, decides := exchange.Rules(), regexp.MustCompile(`(?:\.rule|refuse|invalid)\("([a-z-]+[a-z])"`)
	for _, name := range []string{"approval", "desk", "outbox", "erasure", "peer"} {
		for _, text := range sources(t, "../"+name+".go") {
			for _, m := range decides.FindAllStringSubmatch(text, -1) {
				rules = append(rules, m[1])
			}
		}
	}
	if len(rules) < 120 {
		t.Fatalf("only %d rules are found", len(rules))
	}
	for _, rule := range rules {
		if rule == "draft-version" { // who meets it reads the draft again; it is not recorded
			continue
		}
		for _, s := range all.all {
			if words, _ := s.rule(rule); words == "" {
				t.Errorf("%s has no words for the rule %s", s.Tag, rule)
			}
		}
	}
	if words, _ := all.byTag("vi").rule("nobody-knows"); words != "" {
		t.Errorf("a rule that nobody knows is %q", words)
	}
}

var (
	inTemplates = regexp.MustCompile(`\bt "([a-z0-9_.-]+)"`)
	inCode      = regexp.MustCompile(`\.(?:T|Or)\("([a-z0-9_.-]+)"[,)]`)
)

// sources returns what files say that match a pattern.
func sources(t *testing.T, pattern string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	out := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[file] = string(data)
	}
	return out
}

// used returns every key that pages and code ask for.
func used(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for pattern, find := range map[string]*regexp.Regexp{"templates/*.html": inTemplates, "*.go": inCode} {
		for _, text := range sources(t, pattern) {
			for _, m := range find.FindAllStringSubmatch(text, -1) {
				out[m[1]] = true
			}
		}
	}
	for prefix, values := range families() {
		for _, v := range values {
			out[prefix+v] = true
		}
	}
	return out
}

// No language lacks a text, and none has one that nobody asks for.
func TestCatalogues(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := used(t)
	verbs := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	first, err := readMessages(spoken[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.all {
		words, err := readMessages(s.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if _, has := words[key]; !has {
				t.Errorf("%s lacks %s", s.Tag, key)
			}
		}
		delete(words, drafted)
		for key, w := range words {
			if !want[key] {
				t.Errorf("%s has %s, which nobody asks for", s.Tag, key)
			}
			if got, like := verbs.FindAllString(w.text+w.forms["other"], -1), verbs.FindAllString(first[key].text+first[key].forms["other"], -1); !slices.Equal(got, like) {
				t.Errorf("%s: %s takes %v, in %s %v", s.Tag, key, got, spoken[0], like)
			}
			if strings.TrimSpace(w.text+w.forms["other"]) == "" {
				t.Errorf("%s: %s is empty", s.Tag, key)
			}
		}
	}
}

// A text that a language lacks is said in the words of the first that has it, with all
// that it tells, and the gateway says at its start which those are.
func TestMissingText(t *testing.T) {
	full := func() map[string]wording { return map[string]wording{"a": {text: "một"}, "b": {text: "hai"}} }
	words, lacks := completed(map[string]map[string]wording{
		"vi": {"a": {text: "một"}, "b": {text: "hai"}}, "en": full(), "lo": {"a": {text: "ໜຶ່ງ"}, drafted: {text: "…"}}, "km": full(), "zh": full(),
	}, "lo")
	if words["a"].text != "ໜຶ່ງ" || words["b"].text != "hai" || !slices.Equal(lacks, []string{"lo b"}) {
		t.Errorf("%v, and lacks %v", words, lacks)
	}
	if words, lacks := completed(map[string]map[string]wording{"vi": {"a": {text: "một"}}, "en": {"b": {text: "two"}}, "lo": {drafted: {text: "…"}}}, "vi"); words["b"].text != "two" || len(words) != 2 || len(lacks) != 1 {
		t.Errorf("%v, and lacks %v", words, lacks)
	}
}

// A language that schemas do not speak has words for every title, hint and code of
// theirs, and none for what nobody says. Only the names of Viet Nam's units
// are the same in all languages, and say that they are Vietnamese.
func TestWordsForSchemas(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	titles, said := map[string]bool{}, map[string]bool{"Viet Nam": true, "Laos": true, "Cambodia": true, "China": true, "United Kingdom": true}
	for _, messageType := range catalogue.Types() {
		titles[messageType.Title.EN], titles[messageType.Description.EN] = true, true
		for _, f := range catalogue.Fields(messageType.Name) {
			titles[f.Title.EN], titles[f.Description.EN] = true, true
		}
	}
	delete(titles, "") // a field whose title says enough
	for _, list := range schemas.Lists() {
		for code := range list.Codes() {
			said[code.Label("en")] = true
		}
	}
	for _, template := range export.DefaultTemplates() {
		titles[template.Title.EN] = true
	}
	for _, s := range all.all {
		if s.Tag == "vi" || s.Tag == "en" {
			continue
		}
		for title := range titles {
			if s.words[title] == "" {
				t.Errorf("%s has no word for the title %q", s.Tag, title)
			}
		}
		for word := range s.words {
			if !titles[word] && !said[word] {
				t.Errorf("%s has a word for %q, which nobody says", s.Tag, word)
			}
		}
	}
	for _, list := range schemas.Lists() {
		for code := range list.Codes() {
			for _, s := range all.all {
				if label, lang := s.Label(list, code.Code); lang != "" && (lang != unitLanguage || !strings.HasPrefix(list.Name, "vn-")) {
					t.Errorf("%s has no word for %q, which is %s in the list %s", s.Tag, label, code.Code, list.Name)
				}
			}
		}
	}
	lo, en := all.byTag("lo"), all.byTag("en")
	sex, _ := schemas.List("sex")
	if label, lang := lo.Label(sex, "female"); label != "ຍິງ" || lang != "" {
		t.Errorf("%q %q", label, lang)
	}
	units, _ := schemas.List("vn-units")
	for _, s := range []*speech{lo, en} {
		if label, lang := s.Label(units, "01"); label != "Thành phố Hà Nội" || lang != "vi" {
			t.Errorf("in %s a Vietnamese name is %q, said to be %q", s.Tag, label, lang)
		}
	}
	if label, lang := lo.Label(sex, "none-of-it"); label != "none-of-it" || lang != "" {
		t.Errorf("a code that the list does not have: %q %q", label, lang)
	}
}

// What a schema says of a field is a hint to officers, too: it does not speak of claims,
// or of values that are true.
func TestHintsAreForOfficers(t *testing.T) {
	catalogue, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	programmers := regexp.MustCompile(`(?i)\bjti\b|^true\b|\balways true\b|\bflags\b|^đúng khi|^luôn là`)
	for _, messageType := range catalogue.Types() {
		hints := []schemas.Words{messageType.Description}
		for _, f := range catalogue.Fields(messageType.Name) {
			hints = append(hints, f.Description)
		}
		for _, hint := range hints {
			if programmers.MatchString(hint.EN) || programmers.MatchString(hint.VI) {
				t.Errorf("%s: %q, %q", messageType.Name, hint.EN, hint.VI)
			}
		}
	}
}

// Templates hold no text of their own: what is left of them without markup and
// actions has no letter in it.
func TestNoTextInTemplates(t *testing.T) {
	strip := regexp.MustCompile(`(?s)\{\{.*?\}\}|<code>gateway .*?</code>|<[^>]*>`)
	quoted := regexp.MustCompile(`(?:alt|title|placeholder|aria-label)="([^"{]+)"`)
	for file, text := range sources(t, "templates/*.html") {
		actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`).ReplaceAllString(text, "")
		if left := strings.TrimSpace(strip.ReplaceAllString(actions, "")); regexp.MustCompile(`\p{L}`).MatchString(left) {
			t.Errorf("%s holds text: %q", file, left)
		}
		if m := quoted.FindStringSubmatch(text); m != nil {
			t.Errorf("%s holds the text %q", file, m[1])
		}
	}
}

func TestWordsOfDates(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	all, err := loadLanguages(zone)
	if err != nil {
		t.Fatal(err)
	}
	vi, en := all.byTag("vi"), all.byTag("en")
	for _, c := range []struct{ text, vi, en string }{
		{"1998-05-09", "09/05/1998", "9 May 1998"},
		{"1998-05", "tháng 5 năm 1998", "May 1998"},
		{"1998", "1998", "1998"},
		{"1998~", "khoảng 1998", "about 1998"},
		{"1998-05?", "tháng 5 năm 1998 (chưa chắc chắn)", "May 1998 (uncertain)"},
		{"199X", "từ 01/01/1990 đến 31/12/1999", "between 1 January 1990 and 31 December 1999"},
		{"soon", "soon", "soon"},
	} {
		if got := vi.Partial(c.text); got != c.vi {
			t.Errorf("%s: %q, want %q", c.text, got, c.vi)
		}
		if got := en.Partial(c.text); got != c.en {
			t.Errorf("%s: %q, want %q", c.text, got, c.en)
		}
	}
	now := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC) // one in the morning in Ha Noi
	for _, c := range []struct {
		due    time.Time
		vi, en string
	}{
		{now.Add(time.Hour), "hạn hôm nay", "due today"},
		{now.Add(-time.Minute), "quá hạn hôm nay", "overdue since today"},
		{now.Add(24 * time.Hour), "còn 1 ngày", "1 day left"},
		{now.Add(72 * time.Hour), "còn 3 ngày", "3 days left"},
		{now.Add(-25 * time.Hour), "quá hạn 1 ngày", "1 day overdue"},
	} {
		if got := vi.Due(c.due, now); got != c.vi {
			t.Errorf("%v: %q, want %q", c.due, got, c.vi)
		}
		if got := en.Due(c.due, now); got != c.en {
			t.Errorf("%v: %q, want %q", c.due, got, c.en)
		}
	}
}

// What is typed into any form is kept when its session has ended: each form is one of
// those that say so, or nobody types into it.
func TestLeftForms(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("console.go")
	if err != nil {
		t.Fatal(err)
	}
	untyped := []string{"/left/{id}", "/acknowledge/{id}", "/partners/{partner}/retry", "/reports/{id}", "/drafts/{id}/statement", "/officers/{officer}/invite",
		"/account/passkeys/options", "/account/passkeys", "/account/passkeys/remove"} // nobody names a passkey for longer than a session
	routes := regexp.MustCompile(`r\.Post\("([^"]+)", c\.signedIn`).FindAllStringSubmatch(string(code), -1)
	for _, route := range routes {
		if _, kept := leftForms[route[1]]; kept == slices.Contains(untyped, route[1]) {
			t.Errorf("%s: what is typed is kept, and nobody types, or neither", route[1])
		}
	}
	if len(routes) != len(leftForms)+len(untyped) {
		t.Errorf("%d forms, and %d are known", len(routes), len(leftForms)+len(untyped))
	}
	names := map[string]bool{}
	for route, form := range leftForms {
		for _, field := range form.typed {
			names[field.name] = true
			if !all.all[0].has(field.label) {
				t.Errorf("%s: %s has no name", route, field.name)
			}
		}
		for _, values := range []url.Values{{}, {"all": {"1"}}, {"name": {"x"}}, {"show": {"all-pdf"}}, {"decision": {"reject"}}} {
			if !all.all[0].has(form.does(values)) {
				t.Errorf("%s: nobody says what its button does", route)
			}
		}
	}
	typed, picked := regexp.MustCompile(`<(?:textarea|input)\b[^>]* name="([a-z_]+)"`), regexp.MustCompile(`type="(?:hidden|radio|checkbox|date|text)"`)
	for file, text := range sources(t, "templates/*.html") {
		if strings.Contains("page-sign-in page-join page-account part-form", strings.TrimSuffix(filepath.Base(file), ".html")) {
			continue // without a session, or kept otherwise
		}
		for _, m := range typed.FindAllStringSubmatch(text, -1) {
			if !picked.MatchString(m[0]) && !names[m[1]] {
				t.Errorf("%s: what is typed into %s is not kept", file, m[1])
			}
		}
	}
}

func TestLocal(t *testing.T) {
	for to, want := range map[string]string{
		"/cases?turn=us": "/cases?turn=us", "": "/", "https://elsewhere.example/": "/", "//elsewhere.example": "/", "/\\elsewhere.example": "/", "/a\r\nb": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}

// What cannot be seen is shown by its number; what a script needs is left alone.
func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"Nguyễn Thị Mẫu", "Nguyễn Thị Mẫu"},
		{"ABC\u202Egnp.exe", "ABC[U+202E]gnp.exe"},
		{"a\u200Bb", "a[U+200B]b"},
		{"ភាសា\u200Bខ្មែរ", "ភាសា\u200Bខ្មែរ"},
		{"a\u00A0b\x07\u2028", "a[U+00A0]b[U+0007][U+2028]"},
		{"Ma" + strings.Repeat("\u0301", 9) + "u", "Ma\u0301\u0301\u0301\u0301[U+0301 ×5]u"},
		{"Nguy\uFE00ễn\U000E0100 葛\U000E0101 ☎\uFE0F", "Nguy[U+FE00]ễn[U+E0100] 葛\U000E0101 ☎\uFE0F"},
		{"ស្ត្រី ຜູ້ເຖົ້າ Nguyễn", "ស្ត្រី ຜູ້ເຖົ້າ Nguyễn"},
		{strings.Repeat("ă", maxShown+7), strings.Repeat("ă", maxShown) + "+7"},
	} {
		var got strings.Builder
		for _, p := range Text(c.in) {
			switch {
			case p.Code != "":
				got.WriteString("[" + p.Code + "]")
			case p.More > 0:
				got.WriteString("+7")
			}
			got.WriteString(p.Words)
		}
		if got.String() != c.want {
			t.Errorf("%q: %q, want %q", c.in, got.String(), c.want)
		}
	}
}

// A browser gets the language that it asks for, of whatever country and script, and
// Vietnamese where we speak none of its own.
func TestLanguageOfABrowser(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"": "vi", "vi-VN": "vi", "en-GB,en;q=0.9": "en", "zh-CN": "zh", "zh-TW": "zh", "zh-HK,en;q=0.8": "zh", "zh-Hant-MO": "zh",
		"fr-FR,km;q=0.5": "km", "fr": "vi", "*": "vi", "und": "vi", "-,;": "vi", "en;q=0.1,lo;q=0.9": "lo",
	} {
		r := &http.Request{Header: http.Header{"Accept-Language": {asked}}}
		if got := all.of(r).Tag; got != want {
			t.Errorf("whoever asks for %q gets %s, want %s", asked, got, want)
		}
	}
}

// One word for one thing: what has two in a language confuses whoever reads it.
func TestLanguageOneWord(t *testing.T) {
	for name, other := range map[string]string{"zh": "案卷"} {
		data, err := messageFiles.ReadFile("messages/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), other) {
			t.Errorf("%s says %s too", name, other)
		}
	}
}

// A draft is discarded and a message withdrawn, in the words of docs/console.md.
func TestLanguageDiscards(t *testing.T) {
	for name, word := range map[string]string{"lo": "ຍົກເລີກ", "km": "បោះបង់", "zh": "废弃"} {
		words, err := readMessages(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"audit.kind.discarded", "event.draft_discarded", "draft_state.discarded", "draft_state.discarded.text", "draft.discard", "draft_done.discarded", "fault.draft-discarded"} {
			if !strings.Contains(words[key].text, word) {
				t.Errorf("%s: %s is %q, without %s", name, key, words[key].text, word)
			}
		}
	}
}
