package partners

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	types, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	const name = "agreements/KH2005.yaml"
	got := explain(t, testAgreement, []edit{
		{"type and types", "  - types: [family_tracing_request", "  - type: correction\n    types: [family_tracing_request"},
		{"neither type nor types", "  - types: [identity_verification_response, nationality_confirmation]\n    direction", "  - direction"},
		{"unknown type", "  - type: support_follow_up", "  - type: party_invitation"},
		{"unknown type in a list", "nationality_confirmation]\n    direction", "nationality_confirmatoin]\n    direction"},
		{"two rows for one type and direction", "  - type: repatriation_request", "  - type: family_tracing_request"},
		{"a reply that nobody may send", "  - types: [identity_verification_response, nationality_confirmation]\n    direction: both", "  - types: [identity_verification_response, nationality_confirmation]\n    direction: send"},
		{"a reply that is switched off", "    off: true\n    purposes: [support]", "    off: true\n    purposes: [support]\n  - type: travel_document_notice\n    direction: send\n    purposes: [repatriation]\n    reply: support_follow_up"},
		{"unknown field", "/subjects/*/photo", "/subjects/*/foto"},
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

// What contradicts itself across files is named by its line too.
func TestRegistryContradictions(t *testing.T) {
	dir := folder(t)
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(file string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	self := "code: VN\nname: {en: Viet Nam}\nagencies:\n  - {code: VN-MPS, name: {en: Police}}\n  - {code: VN-CD, name: {en: Consular Department}}\n" +
		"time_zone: Asia/Ho_Chi_Minh\nweekend: [saturday, sunday]\ncalendar: vn\n"
	write("agreements/KH2005.yaml", testAgreement)
	write("calendars/vn.yaml", testCalendar)
	write(SelfFile, self)
	partner := read("partners/kh.yaml")
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
		{"partners/kh.yaml", partner, []edit{
			{"unknown calendar", "status: active", "status: active\ncalendar: nowhere"},
			{"unknown zone", "Asia/Phnom_Penh", "Asia/Phnom_Pen"},
			{"no zone for a deadline", "time_zone: Asia/Phnom_Penh\n", ""},
			{"no weekend for working days", "weekend:\n    - saturday\n    - sunday\n", ""},
			{"agency of another country", "code: KH-NCCT", "code: LA-NCCT"},
			{"agency twice", "code: KH-NCCT", "code: KH-MOSVY"},
			{"missing anchors", "ca.pem", "nowhere.pem"},
			{"http endpoint", "https://kh", "https://user@kh"},
			{"retention of an unknown type", "status: active", "status: active\nretention: [{type: party_invitation, days: 1, citation: A test.}]"},
		}},
		{SelfFile, self[:strings.Index(self, "agencies")] + self[strings.Index(self, "time_zone"):], []edit{
			{"self: another country", "code: VN\n", "code: KH\n"},
		}},
		{SelfFile, self, []edit{
			{"self: unknown calendar", "calendar: vn", "calendar: nowhere"},
			{"self: unknown zone", "Asia/Ho_Chi_Minh", "Local"},
			{"self: no zone", "time_zone: Asia/Ho_Chi_Minh\n", ""},
			{"self: misspelt", "weekend", "week_end"},
		}},
	} {
		all.WriteString(explain(t, c.text, c.edits, func(text string) error {
			write(c.file, text)
			_, err := load(dir)
			return err
		}))
		write(c.file, c.text)
	}
	write("partners/la.yaml", partner)
	write("agreements/LA2010.yaml", testAgreement)
	write("calendars/vietnam.yaml", testCalendar)
	for range 2 {
		_, err := load(dir)
		if err == nil {
			t.Fatal("two files about the same thing are taken")
		}
		all.WriteString("# two files about the same thing\n" + err.Error() + "\n")
		write("partners/la.yaml", strings.NewReplacer("code: KH", "code: LA").Replace(partner))
	}
	for _, file := range []string{"partners/la.yaml", "agreements/LA2010.yaml", "calendars/vietnam.yaml", SelfFile} {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := load(dir)
	if err == nil {
		t.Fatal("a deadline of ours, and nothing about us: it is taken")
	}
	all.WriteString("# no file about us\n" + err.Error() + "\n")
	golden(t, "testdata/registry.golden", strings.ReplaceAll(all.String(), dir+"/", ""))
}
