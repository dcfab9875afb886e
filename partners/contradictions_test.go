package partners

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file, or rewrites it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update if it should)\n got: %s\nwant: %s", path, got, want)
	}
}

// An edit makes one mistake in a file.
type edit struct{ name, old, new string }

// explain makes each mistake in turn and lists what an operator reads.
func explain(t *testing.T, text string, edits []edit, read func(text string) error) string {
	t.Helper()
	var all strings.Builder
	if err := read(text); err != nil {
		t.Fatalf("without a mistake: %v", err)
	}
	for _, e := range edits {
		if strings.Count(text, e.old) != 1 {
			t.Fatalf("%s: the file has %q %d times", e.name, e.old, strings.Count(text, e.old))
		}
		err := read(strings.Replace(text, e.old, e.new, 1))
		if err == nil {
			t.Errorf("%s: it is taken", e.name)
			continue
		}
		all.WriteString("# " + e.name + "\n" + err.Error() + "\n")
	}
	return all.String()
}

const testAgreement = `code: KH2005
partner: KH
title: {en: A test}
sources: [{statement: Invented., seen: false}]
status: in_force
permits:
  - type: victim_identification_notice
    direction: both
    purposes: [protection]
    reply: identity_verification_response
    anonymous: allow
    safeguards: [consent_or_authority]
  - type: identity_verification_request
    direction: both
    purposes: [identity_verification]
    reply: identity_verification_response
    recipients: [KH-MOSVY, VN-MPS]
    approval: {direction: receive, citation: "A rule", reference: "A-1"}
    fields:
      - {pointer: /subjects/*/photo, rule: redact}
      - {pointer: /subjects/*/documents, rule: forbid}
    minors:
      fields:
        - {pointer: /subjects/*/cccd, rule: forbid}
  - types: [identity_verification_response, nationality_confirmation]
    direction: both
    purposes: [identity_verification]
  - types: [family_tracing_request, family_tracing_response]
    direction: both
    purposes: [family_tracing]
  - type: repatriation_request
    direction: receive
    purposes: [repatriation]
    recipients: [VN-CD]
    release: {officers: 2}
  - type: support_follow_up
    direction: both
    off: true
    purposes: [support]
deadlines:
  - id: one
    label: {en: A test}
    type: identity_verification_request
    when: {pointer: /subjects/*/sex, one_of: [female]}
    stops: [identity_verification_response]
    value: 15
    unit: working
    responsible: receiver
    scope: partner
    remind_before: [5, 0]
    pauses: [{on: family_tracing_request, until: family_tracing_response}]
    basis: From the request.
    citation: A test.
  - id: two
    label: {en: A test}
    type: repatriation_request
    stops: [nationality_confirmation]
    value: 2
    unit: calendar
    responsible: receiver
    scope: internal
    basis: From the request.
    citation: A test.
`

// Each way in which an agreement can contradict itself is refused with the line
// of what is wrong.
func TestAgreementContradictions(t *testing.T) {
	docs, err := compileDocuments()
	if err != nil {
		t.Fatal(err)
	}
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	const name = "agreements/KH2005.yaml"
	got := explain(t, testAgreement, []edit{
		{"a reply that answers nothing of the kind", "purposes: [protection]\n    reply: identity_verification_response", "purposes: [protection]\n    reply: family_tracing_response"},
		{"type and types", "  - types: [family_tracing_request", "  - type: correction\n    types: [family_tracing_request"},
		{"neither type nor types", "  - types: [identity_verification_response, nationality_confirmation]\n    direction", "  - direction"},
		{"unknown type", "  - type: support_follow_up", "  - type: party_invitation"},
		{"unknown type in a list", "nationality_confirmation]\n    direction", "nationality_confirmatoin]\n    direction"},
		{"two rows for one type and direction", "  - type: repatriation_request", "  - type: family_tracing_request"},
		{"a reply that nobody may send", "  - types: [identity_verification_response, nationality_confirmation]\n    direction: both", "  - types: [identity_verification_response, nationality_confirmation]\n    direction: send"},
		{"a reply that is switched off", "    off: true\n    purposes: [support]", "    off: true\n    purposes: [support]\n  - type: travel_document_notice\n    direction: send\n    purposes: [repatriation]\n    reply: support_follow_up"},
		{"unknown field", "/subjects/*/photo", "/subjects/*/foto"},
		{"a field that the schema requires", "{pointer: /subjects/*/documents, rule: forbid}", "{pointer: /subjects/*/name, rule: redact}"},
		{"a field of one element", "/subjects/*/photo", "/subjects/0/photo"},
		{"two rules for one field", "{pointer: /subjects/*/documents, rule: forbid}", "{pointer: /subjects/*/photo, rule: forbid}"},
		{"required within forbidden", "{pointer: /subjects/*/cccd, rule: forbid}", "{pointer: /subjects/*/documents/*/number, rule: require}"},
		{"minors: not about a subject", "{pointer: /subjects/*/cccd, rule: forbid}", "{pointer: /link, rule: forbid}"},
		{"minors: the whole subject", "{pointer: /subjects/*/cccd, rule: forbid}", "{pointer: /subjects/*, rule: forbid}"},
		{"minors: unknown field", "/subjects/*/cccd", "/subjects/*/ccdc"},
		{"anonymous on another type", "    recipients: [KH-MOSVY, VN-MPS]", "    anonymous: forbid"},
		{"anonymous is no choice", "anonymous: allow", "anonymous: maybe"},
		{"approval without citation", `citation: "A rule", reference`, `reference`},
		{"approval for the other direction", "    direction: receive\n    purposes: [repatriation]", "    direction: receive\n    approval: {direction: send, citation: A rule}\n    purposes: [repatriation]"},
		{"unknown safeguard", "[consent_or_authority]", "[consent_or_autority]"},
		{"release below the minimum", "officers: 2", "officers: 1"},
		{"release by three", "officers: 2", "officers: 3"},
		{"a recipient of the side that sends", "[VN-CD]", "[VN-CD, KH-NCCT]"},
		{"recipients of one side only", "[KH-MOSVY, VN-MPS]", "[VN-BG, VN-MPS]"},
		{"a recipient without a country", "[VN-CD]", "[MPS]"},
		{"deadline without unit", "    unit: working\n", ""},
		{"deadline without citation", "    scope: partner\n    remind_before: [5, 0]\n    pauses: [{on: family_tracing_request, until: family_tracing_response}]\n    basis: From the request.\n    citation: A test.", "    scope: partner\n    basis: From the request."},
		{"two deadlines with one id", "id: two", "id: one"},
		{"deadline for a type that is not permitted", "type: identity_verification_request\n    when", "type: travel_document_notice\n    when"},
		{"deadline for a type that is switched off", "type: identity_verification_request\n    when: {pointer: /subjects/*/sex, one_of: [female]}", "type: support_follow_up"},
		{"internal deadline, but the type is only received", "    unit: calendar\n    responsible: receiver", "    unit: calendar\n    responsible: sender"},
		{"stop that nobody may send", "stops: [identity_verification_response]", "stops: [identity_verification_response, travel_document_notice]"},
		{"stop that may be sent only by the one who asks", "stops: [nationality_confirmation]", "stops: [repatriation_request]"},
		{"when: unknown field", "/subjects/*/sex", "/subjects/*/sexe"},
		{"when: a code that no list has", "one_of: [female]", "one_of: [feminine]"},
		{"reminder before the start", "[5, 0]", "[15, 0]"},
		{"pause that nobody may end", "until: family_tracing_response", "until: travel_document_notice"},
		{"pause that nobody may begin", "on: family_tracing_request", "on: support_follow_up"},
		{"pause that ends as it begins", "on: family_tracing_request", "on: family_tracing_response"},
		{"pause that ends the clock", "on: family_tracing_request", "on: identity_verification_response"},
		{"misspelt key", "remind_before", "remind_befor"},
	}, func(text string) error {
		_, err := docs.readAgreement(name, []byte(text), types)
		return err
	})
	golden(t, "testdata/agreement.golden", got)
}

const testCalendar = `name: vn
source: Invented.
covers: {from: 2026-01-01, until: 2026-12-31}
holidays:
  - {date: 2026-09-02, name: {en: National Day}}
  - {date: 2026-09-03, name: {en: The day after}}
worked:
  - {date: 2026-08-29, name: {en: In exchange}}
`

func TestCalendarContradictions(t *testing.T) {
	docs, err := compileDocuments()
	if err != nil {
		t.Fatal(err)
	}
	got := explain(t, testCalendar, []edit{
		{"no such day", "2026-09-03", "2026-09-31"},
		{"one day twice", "2026-09-03", "2026-09-02"},
		{"worked and off", "2026-08-29", "2026-09-02"},
		{"outside", "2026-09-03", "2027-01-01"},
		{"the wrong way round", "until: 2026-12-31", "until: 2025-12-31"},
		{"no source", "source: Invented.\n", ""},
		{"no limits", "covers: {from: 2026-01-01, until: 2026-12-31}\n", ""},
	}, func(text string) error {
		_, err := docs.readCalendar("calendars/vn.yaml", []byte(text))
		return err
	})
	golden(t, "testdata/calendar.golden", got)
}

// A testRegistry is a registry that mistakes are made in.
type testRegistry struct {
	*testing.T
	dir     string
	partner string // the text of the partner's file
}

const testSelf = `code: VN
name: {en: Viet Nam}
agencies:
  - {code: VN-MPS, name: {en: Police}}
  - {code: VN-CD, name: {en: Consular Department}}
time_zone: Asia/Ho_Chi_Minh
weekend: [saturday, sunday]
calendar: vn
`

func newTestRegistry(t *testing.T) *testRegistry {
	r := &testRegistry{T: t, dir: folder(t)}
	r.write("agreements/KH2005.yaml", testAgreement)
	r.write("calendars/vn.yaml", testCalendar)
	r.write(SelfFile, testSelf)
	text, err := os.ReadFile(filepath.Join(r.dir, "partners", "kh.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r.partner = string(text)
	return r
}

func (r *testRegistry) write(file, text string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// refused loads the registry and returns what is wrong with it.
func (r *testRegistry) refused(what string) string {
	r.Helper()
	_, err := load(r.dir)
	if err == nil {
		r.Fatalf("%s: it is taken", what)
	}
	return "# " + what + "\n" + err.Error() + "\n"
}

// golden compares without the folder's name, which is another one each time.
func (r *testRegistry) golden(path, got string) {
	r.Helper()
	golden(r.T, path, strings.ReplaceAll(got, r.dir+"/", ""))
}

// What contradicts itself across files is named by its line too.
func TestRegistryContradictions(t *testing.T) {
	r := newTestRegistry(t)
	var all strings.Builder
	for _, c := range []struct {
		file, text string
		edits      []edit
	}{
		{"agreements/KH2005.yaml", strings.Replace(testAgreement, "    recipients: [KH-MOSVY, VN-MPS]\n", "", 1), []edit{
			{"agreement with nobody", "partner: KH", "partner: LA"},
		}},
		{"agreements/KH2005.yaml", testAgreement, []edit{
			{"recipient that the partner does not have", "KH-MOSVY", "KH-NAVY"},
			{"recipient that we do not have", "[VN-CD]", "[VN-NAVY]"},
		}},
		{"partners/kh.yaml", r.partner, []edit{
			{"unknown calendar", "status: active", "status: active\ncalendar: nowhere"},
			{"unknown zone", "Asia/Phnom_Penh", "Asia/Phnom_Pen"},
			{"no zone for a deadline", "time_zone: Asia/Phnom_Penh\n", ""},
			{"no weekend for working days", "weekend:\n    - saturday\n    - sunday\n", ""},
			{"agency of another country", "code: KH-NCCT", "code: LA-NCCT"},
			{"agency twice", "code: KH-NCCT", "code: KH-MOSVY"},
			{"missing anchors", "ca.pem", "nowhere.pem"},
			{"a name in the endpoint", "https://127", "https://user@127"},
			{"the template's endpoint", "https://127.0.0.1:8443", "https://gateway.kh.example"},
			{"the template's pin", "sha256/" + strings.Repeat("K", 42) + "A=", specimenPin},
			{"the template's key", "x: " + strings.Repeat("A", 43), "x: " + specimenX},
			{"retries that shrink", "status: active", "status: active\nretry: {initial: 1h, max: 15m, dead_letter_after: 30m}"},
			{"retries without a pause", "status: active", "status: active\nretry: {initial: 0s}"},
			{"retention of an unknown type", "status: active", "status: active\nretention: [{type: party_invitation, days: 1, citation: A test.}]"},
		}},
		{SelfFile, testSelf[:strings.Index(testSelf, "agencies")] + testSelf[strings.Index(testSelf, "time_zone"):], []edit{
			{"self: another country", "code: VN\n", "code: KH\n"},
		}},
		{SelfFile, testSelf, []edit{
			{"self: unknown calendar", "calendar: vn", "calendar: nowhere"},
			{"self: unknown zone", "Asia/Ho_Chi_Minh", "Local"},
			{"self: no zone", "time_zone: Asia/Ho_Chi_Minh\n", ""},
			{"self: misspelt", "weekend", "week_end"},
		}},
	} {
		all.WriteString(explain(t, c.text, c.edits, func(text string) error {
			r.write(c.file, text)
			_, err := load(r.dir)
			return err
		}))
		r.write(c.file, c.text)
	}
	r.golden("testdata/registry.golden", all.String())
}

// Two files about the same thing are refused, both named; so is a deadline of
// ours when nothing describes us.
func TestRegistryDoublesAndGaps(t *testing.T) {
	r := newTestRegistry(t)
	r.write("partners/la.yaml", r.partner)
	r.write("agreements/LA2010.yaml", testAgreement)
	r.write("calendars/vietnam.yaml", testCalendar)
	got := r.refused("two files about one partner, one agreement, one calendar")
	for _, file := range []string{"agreements/LA2010.yaml", "calendars/vietnam.yaml"} {
		if err := os.Remove(filepath.Join(r.dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	r.write("partners/la.yaml", strings.NewReplacer("code: KH", "code: LA").Replace(r.partner))
	got += r.refused("one pin of two partners")
	for _, file := range []string{"partners/la.yaml", SelfFile} {
		if err := os.Remove(filepath.Join(r.dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	got += r.refused("no file about us")
	r.golden("testdata/doubles.golden", got)
}

// FuzzReadAgreement: no text makes it panic, every fault has a line, and what
// is taken comes out the same when it is written and read again.
func FuzzReadAgreement(f *testing.F) {
	docs, err := compileDocuments()
	if err != nil {
		f.Fatal(err)
	}
	types, err := loadTypes()
	if err != nil {
		f.Fatal(err)
	}
	// Small seeds: the engine takes long to shrink a large one. The examples go
	// the same way in TestExamplesSeenByBothSides.
	const head = "code: KH2005\npartner: KH\ntitle: {en: A}\nsources: [{statement: A, seen: false}]\nstatus: in_force\n"
	for _, rest := range []string{
		"permits: []\n",
		"permits: [{types: [correction, withdrawal], direction: both, purposes: [a], recipients: [KH-AA, VN-BB], approval: {direction: send, citation: A}}]\n",
		"permits: [{type: correction, direction: send, purposes: [a], fields: [{pointer: /changes/*/value, rule: redact}]}]\n",
		"permits: [{type: correction, direction: both, purposes: [a]}]\ndeadlines: [{id: a, label: {en: A}, type: correction, stops: [correction], value: 2, unit: working, responsible: sender, scope: partner, basis: A, citation: A}]\n",
	} {
		if _, err := docs.readAgreement("a.yaml", []byte(head+rest), types); err != nil {
			f.Fatal("not a seed: ", err)
		}
		f.Add(head + rest)
	}
	f.Add("permits: [{types: []}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := docs.readAgreement("a.yaml", []byte(text), types)
		if err != nil {
			var document *schemas.DocumentError
			if errors.As(err, &document) && slices.ContainsFunc(document.Problems, func(p schemas.DocumentProblem) bool { return p.Line < 1 || p.Column < 1 }) {
				t.Fatalf("a fault without a line: %v", err)
			}
			return
		}
		written, err := yaml.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		again, err := docs.readAgreement("a.yaml", written, types)
		if err != nil {
			t.Fatalf("what was written is not taken: %v", err)
		}
		for _, x := range []*Agreement{a, again} {
			x.from = origin{}
			for i := range x.Permits {
				x.Permits[i].row = place{}
			}
		}
		if !reflect.DeepEqual(a, again) {
			t.Fatalf("written %+v\nread    %+v", a, again)
		}
	})
}
