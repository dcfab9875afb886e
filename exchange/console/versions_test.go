package console

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A twoPens is a draft as two officers began to change it, and what each has made of it.
type twoPens struct {
	t            *testing.T
	of           string // the type
	began        url.Values
	mine, theirs url.Values
}

func newTwoPens(t *testing.T, began map[string]string) *twoPens {
	form := url.Values{}
	for name, value := range began {
		form.Set(name, value)
	}
	return &twoPens{t, exchange.TypeIdentityRequest, form, maps.Clone(form), maps.Clone(form)}
}

func types(into url.Values, values ...string) {
	for i := 0; i < len(values); i += 2 {
		into.Set(values[i], values[i+1])
	}
}

// conflict lays out what differs, and what is proposed at each place; choices overrules it.
func (two *twoPens) conflict(choices map[string]string) (places []string, p *pen) {
	two.t.Helper()
	at := func(values url.Values) *typed {
		return newTyped(catalogueOf(two.t), two.of, values, time.UTC)
	}
	p = &pen{Form: exchange.Form{Type: two.of, Partner: "KH"}, typed: at(two.mine), terms: []exchange.Terms{{Agreement: &partners.Agreement{}, Permit: &partners.Permit{}}}}
	w := versions{theirs: at(two.theirs)}
	if two.began != nil {
		w.base = at(two.began)
	}
	w.lay(p)
	places = p.differs(w.mine, w.theirs)
	var since []string
	if w.base != nil {
		since = p.differs(w.mine, w.base)
	}
	p.choose(w, func(pointer string) bool {
		if chosen, ok := choices[pointer]; ok {
			return chosen == "theirs"
		}
		if w.base == nil {
			return w.mine.saysNoMore(w.theirs, pointer)
		}
		return !touches(since, pointer)
	})
	return places, p
}

// has checks what a form says in some places.
func has(t *testing.T, p *pen, values ...string) {
	t.Helper()
	for i := 0; i < len(values); i += 2 {
		if got := p.typed.values.Get(values[i]); got != values[i+1] {
			t.Errorf("%s is %q, want %q", values[i], got, values[i+1])
		}
	}
}

var twoPersons = map[string]string{
	"/subjects#n": "2", "/subjects/0/subject_ref": "S-1", "/subjects/0/sex": "F", "/subjects/1/subject_ref": "S-2", "/subjects/1/sex": "M",
	".safeguards/consent_or_authority#n": "2", ".safeguards/consent_or_authority/0/for": "S-1", ".safeguards/consent_or_authority/0/basis": "consent", ".safeguards/consent_or_authority/0/on#y": "2026", ".safeguards/consent_or_authority/0/on#m": "11", ".safeguards/consent_or_authority/0/on#d": "10",
	".safeguards/consent_or_authority/1/for": "S-2", ".safeguards/consent_or_authority/1/basis": "consent", ".safeguards/consent_or_authority/1/on#y": "2026", ".safeguards/consent_or_authority/1/on#m": "11", ".safeguards/consent_or_authority/1/on#d": "11",
}

// Two who were added at the same moment are two persons, whatever they were numbered.
func TestTwoOfficersAddPersons(t *testing.T) {
	two := newTwoPens(t, twoPersons)
	types(two.mine, "/subjects#n", "3", "/subjects/2/subject_ref", "S-3", "/subjects/2/sex", "F",
		".safeguards/consent_or_authority#n", "3", ".safeguards/consent_or_authority/2/for", "S-3", ".safeguards/consent_or_authority/2/basis", "authority", ".safeguards/consent_or_authority/2/on#y", "2026", ".safeguards/consent_or_authority/2/on#m", "11", ".safeguards/consent_or_authority/2/on#d", "12")
	types(two.theirs, "/subjects#n", "3", "/subjects/2/subject_ref", "S-3", "/subjects/2/sex", "M", "/subjects/2/cccd", "096085000001",
		".safeguards/consent_or_authority#n", "3", ".safeguards/consent_or_authority/2/for", "S-3", ".safeguards/consent_or_authority/2/basis", "consent", ".safeguards/consent_or_authority/2/on#y", "2026", ".safeguards/consent_or_authority/2/on#m", "11", ".safeguards/consent_or_authority/2/on#d", "13")
	places, p := two.conflict(nil)
	if want := []string{".safeguards/consent_or_authority/2", ".safeguards/consent_or_authority/3", "/subjects/2", "/subjects/3"}; !slices.Equal(slices.Sorted(slices.Values(places)), want) {
		t.Errorf("what differs: %q, want %q", places, want)
	}
	if got := p.persons(); !slices.Equal(got, []string{"S-1", "S-2", "S-4", "S-3"}) {
		t.Fatalf("the persons: %q", got)
	}
	has(t, p, "/subjects/2/sex", "F", "/subjects/2/cccd", "", "/subjects/3/sex", "M", "/subjects/3/cccd", "096085000001", ".safeguards/consent_or_authority#n", "4")
	for i, want := range []exchange.Safeguard{
		{Kind: "consent_or_authority", Subject: "S-1", On: "2026-11-10", Basis: "consent"}, {Kind: "consent_or_authority", Subject: "S-2", On: "2026-11-11", Basis: "consent"},
		{Kind: "consent_or_authority", Subject: "S-4", On: "2026-11-12", Basis: "authority"}, {Kind: "consent_or_authority", Subject: "S-3", On: "2026-11-13", Basis: "consent"},
	} {
		if got := p.guard("consent_or_authority", i); got != want {
			t.Errorf("safeguard %d: %+v, want %+v", i, got, want)
		}
	}
	// Whoever is left out takes the safeguard along.
	_, p = two.conflict(map[string]string{"/subjects/3": "mine"})
	if got := p.persons(); !slices.Equal(got, []string{"S-1", "S-2", "S-4"}) || p.recordedOf("consent_or_authority") != 3 || p.guard("consent_or_authority", 2).Subject != "S-4" {
		t.Errorf("one of them is left out: %q, %d safeguards", got, p.recordedOf("consent_or_authority"))
	}
	// And their number: the next one is somebody else.
	if new(Console).addElement(nil, p, "/subjects"); p.persons()[3] != "S-5" {
		t.Errorf("the next person is %q", p.persons()[3])
	}
}

// Whom an answer names is of the case: two officers who both add somebody to it mean the
// same person.
func TestTwoOfficersAnswerOfOne(t *testing.T) {
	two := newTwoPens(t, map[string]string{"/subjects#n": "1", "/subjects/0/subject_ref": "S-1", "/subjects/0/outcome": "match"})
	two.of = exchange.TypeIdentityResponse
	types(two.mine, "/subjects#n", "2", "/subjects/1/subject_ref", "S-2", "/subjects/1/outcome", "match")
	types(two.theirs, "/subjects#n", "2", "/subjects/1/subject_ref", "S-2", "/subjects/1/outcome", "no_match")
	places, p := two.conflict(nil)
	if got := p.persons(); !slices.Equal(got, []string{"S-1", "S-2"}) || !slices.Equal(places, []string{"/subjects/1/outcome"}) {
		t.Errorf("the persons are %q; what differs: %q", got, places)
	}
}

// Of two windows of one officer nobody knows what was there before: two of another name and
// sex are two persons all the same, and a name that was corrected is one's.
func TestTwoWindowsAddPersons(t *testing.T) {
	for name, want := range map[string][]string{"Bopha": {"S-1", "S-3", "S-2"}, "Sokhá": {"S-1", "S-2"}} {
		two := newTwoPens(t, nil)
		two.began = nil
		both := []string{"/subjects#n", "2", "/subjects/0/subject_ref", "S-1", "/subjects/1/subject_ref", "S-2"}
		types(two.mine, append(both, "/subjects/1/name/native", name, "/subjects/1/sex", map[string]string{"Bopha": "female", "Sokhá": "male"}[name])...)
		types(two.theirs, append(both, "/subjects/1/name/native", "Sokha", "/subjects/1/sex", "male", "/subjects/1/cccd", "096085000001")...)
		_, p := two.conflict(nil)
		if got := p.persons(); !slices.Equal(got, want) {
			t.Errorf("%s: the persons are %q, want %q", name, got, want)
		}
		if name == "Bopha" {
			has(t, p, "/subjects/1/cccd", "", "/subjects/2/cccd", "096085000001")
		}
	}
}

// One who was taken out, and whoever is added then, are two persons: nobody has somebody
// else's consent.
func TestWhoeverIsAddedIsNew(t *testing.T) {
	values := url.Values{}
	for name, value := range twoPersons {
		values.Set(name, value)
	}
	p := &pen{Form: exchange.Form{Type: exchange.TypeIdentityRequest, Partner: "KH"}, typed: newTyped(catalogueOf(t), exchange.TypeIdentityRequest, values, time.UTC), terms: []exchange.Terms{{Agreement: &partners.Agreement{}, Permit: &partners.Permit{}}}}
	c := &Console{}
	p.takeOut("/subjects/1")
	if p.recordedOf("consent_or_authority") != 1 || p.guard("consent_or_authority", 0).Subject != "S-1" {
		t.Errorf("the consent of who was taken out stays: %+v", p.typed.values)
	}
	c.addElement(nil, p, "/subjects")
	if got := p.persons(); !slices.Equal(got, []string{"S-1", "S-3"}) {
		t.Errorf("the persons: %q", got)
	}
	for _, g := range p.recorded() {
		if g.Subject != "S-1" {
			t.Errorf("a safeguard of %q", g.Subject)
		}
	}
}

// A name, a place and an element of a list are chosen whole: what the page shows is what
// becomes of it.
func TestPartsAreNotMixed(t *testing.T) {
	two := newTwoPens(t, map[string]string{
		"/subjects#n": "1", "/subjects/0/subject_ref": "S-1", "/subjects/0/claimed_birthplace/country": "VN",
		"/subjects/0/claimed_birthplace/text_as_given": "Mỹ Tho", "/subjects/0/claimed_birthplace#unit": "vn-units-2025-07:82",
		"/subjects/0/name/native": "Nguyễn Thị Mẫu",
	})
	types(two.mine, "/subjects/0/claimed_birthplace/text_as_given", "Cai Lậy", "/subjects/0/name/native", "Nguyễn Thị Mậu",
		"/subjects/0/documents#n", "1", "/subjects/0/documents/0/type", "passport", "/subjects/0/documents/0/number", "AAA111111")
	types(two.theirs, "/subjects/0/claimed_birthplace#unit", "vn-units-2025-07:28327", "/subjects/0/name/latin", "Nguyen Thi Mau",
		"/subjects/0/documents#n", "1", "/subjects/0/documents/0/type", "identity_card", "/subjects/0/documents/0/number", "BBB222222")
	places, p := two.conflict(nil)
	want := []string{"/subjects/0/claimed_birthplace", "/subjects/0/documents/0", "/subjects/0/documents/1", "/subjects/0/name"}
	if !slices.Equal(slices.Sorted(slices.Values(places)), want) {
		t.Errorf("what differs: %q, want %q", places, want)
	}
	has(t, p, "/subjects/0/claimed_birthplace/text_as_given", "Cai Lậy", "/subjects/0/claimed_birthplace#unit", "vn-units-2025-07:82",
		"/subjects/0/name/native", "Nguyễn Thị Mậu", "/subjects/0/name/latin", "",
		"/subjects/0/documents#n", "2", "/subjects/0/documents/0/number", "AAA111111", "/subjects/0/documents/1/type", "identity_card", "/subjects/0/documents/1/number", "BBB222222")
	_, p = two.conflict(map[string]string{"/subjects/0/claimed_birthplace": "theirs", "/subjects/0/documents/0": "theirs"})
	has(t, p, "/subjects/0/claimed_birthplace/text_as_given", "Mỹ Tho", "/subjects/0/claimed_birthplace#unit", "vn-units-2025-07:28327",
		"/subjects/0/documents#n", "1", "/subjects/0/documents/0/number", "BBB222222")
}

// What cannot be read is not lost by being compared.
func TestWhatIsTypedIsCompared(t *testing.T) {
	for _, hour := range []string{"9 giờ", "25:00", ""} {
		values := url.Values{"/at#d": {"24"}, "/at#m": {"11"}, "/at#y": {"2026"}}
		if hour != "" {
			values.Set("/at#t", hour)
		}
		got := newTyped(catalogueOf(t), exchange.TypeHandoverRecord, values, time.UTC).settled().values
		for name := range values {
			if strings.HasPrefix(name, "/at") && got.Get(name) != values.Get(name) {
				t.Errorf("%q: %s is %q", hour, name, got.Get(name))
			}
		}
	}
}

// Of two windows what says more is proposed, also of a list.
func TestTwoWindowsListMore(t *testing.T) {
	one := []string{"/subjects#n", "1", "/subjects/0/subject_ref", "S-1", "/subjects/0/documents#n", "1", "/subjects/0/documents/0/type", "passport", "/subjects/0/documents/0/number", "AAA111111"}
	more := append(one, "/subjects/0/documents#n", "2", "/subjects/0/documents/1/type", "passport", "/subjects/0/documents/1/number", "BBB222222")
	for _, swapped := range []bool{false, true} {
		two := newTwoPens(t, nil)
		two.began = nil
		types(two.mine, one...)
		types(two.theirs, more...)
		if swapped {
			two.mine, two.theirs = two.theirs, two.mine
		}
		if _, p := two.conflict(nil); p.text("/subjects/0/documents/1/number") != "BBB222222" {
			t.Errorf("the second document is not proposed, where it is mine: %t", swapped)
		}
	}
}

// A new person has nothing that was recorded of another: not where somebody was called
// something else, nor where the other one's persons were taken as they are.
func TestNewPersonHasNobodysSafeguard(t *testing.T) {
	renamed := newTwoPens(t, twoPersons)
	types(renamed.mine, "/subjects/1/subject_ref", "P-7")
	alone := &pen{Form: exchange.Form{Type: renamed.of, Partner: "KH"}, typed: newTyped(catalogueOf(t), renamed.of, renamed.mine, time.UTC), terms: []exchange.Terms{{Agreement: &partners.Agreement{}, Permit: &partners.Permit{}}}}
	untold := newTwoPens(t, twoPersons) // one has no reference: the list is one choice
	types(untold.mine, "/subjects#n", "4", "/subjects/2/subject_ref", "S-3", "/subjects/2/sex", "F", "/subjects/3/sex", "M",
		".safeguards/consent_or_authority#n", "3", ".safeguards/consent_or_authority/2/for", "S-3", ".safeguards/consent_or_authority/2/basis", "authority", ".safeguards/consent_or_authority/2/on#y", "2026", ".safeguards/consent_or_authority/2/on#m", "11", ".safeguards/consent_or_authority/2/on#d", "12")
	types(untold.theirs, "/subjects/0/sex", "M")
	_, together := untold.conflict(map[string]string{"/subjects": "theirs"})
	for name, p := range map[string]*pen{"renamed": alone, "untold": together} {
		known := len(p.persons())
		new(Console).addElement(nil, p, "/subjects")
		for _, ref := range p.persons()[known:] {
			if slices.ContainsFunc(p.recorded(), func(g exchange.Safeguard) bool { return g.Subject == ref }) {
				t.Errorf("%s: the new person %s has what was recorded of somebody: %+v", name, ref, p.recorded())
			}
		}
	}
}

// A place in a list keeps its unit: when another one is taken out, and when two versions
// are put together.
func TestPlacesInAListKeepTheirUnits(t *testing.T) {
	began := []string{"/subjects#n", "1", "/subjects/0/subject_ref", "S-1", "/places#n", "1", "/places/0/country", "VN", "/places/0/text_as_given", "Tiền Giang", "/places/0#unit", "vn-units-2025-07:82"}
	second := func(text, unit string) []string {
		return []string{"/places#n", "2", "/places/1/country", "VN", "/places/1/text_as_given", text, "/places/1#unit", "vn-units-2025-07:" + unit}
	}
	two := newTwoPens(t, nil)
	two.of = exchange.TypeSelfReturnRequest
	types(two.began, began...)
	types(two.mine, append(began, second("Hà Nội", "01")...)...)
	types(two.theirs, append(began, second("Hà Nội", "04")...)...)

	alone := newTyped(catalogueOf(t), two.of, maps.Clone(two.mine), time.UTC)
	if alone.remove("/places/0"); alone.values.Get("/places/0#unit") != "vn-units-2025-07:01" || alone.values.Get("/places/0/text_as_given") != "Hà Nội" {
		t.Errorf("the place that is left is %v", alone.values)
	}
	_, p := two.conflict(nil)
	has(t, p, "/places/0#unit", "vn-units-2025-07:82", "/places/1#unit", "vn-units-2025-07:01", "/places/2#unit", "vn-units-2025-07:04")
}
