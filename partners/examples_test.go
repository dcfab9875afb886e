package partners

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/schemas"
)

var exampleAgreements = []string{"CN2010", "GB2018", "KH2005", "LA2010"}

// exampleAgreement reads an example as an operator's file is read.
func exampleAgreement(t *testing.T, code string) *Agreement {
	t.Helper()
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	docs, err := compileDocuments()
	if err != nil {
		t.Fatal(err)
	}
	data, err := Examples.ReadFile("examples/agreements/" + code + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := docs.readAgreement(code+".yaml", data, types)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every example is an example of something that is read, and the file itself
// is right.
func TestExamples(t *testing.T) {
	seen := 0
	err := fs.WalkDir(Examples, "examples", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		switch filepath.Base(filepath.Dir(path)) {
		case "partners":
			_, err = TemplatePartner(name)
		case "agreements":
			_, err = TemplateAgreement(name)
		case "calendars":
			_, err = exampleCalendar(name)
		case "examples":
			err = exampleSelf()
		default:
			t.Errorf("%s is of no kind", path)
		}
		return err
	})
	if err != nil || seen < 12 {
		t.Fatalf("%d examples, %v", seen, err)
	}
}

// exampleSelf says whether the template of our own side is what the template of
// us as a partner says.
func exampleSelf() error {
	docs, err := compileDocuments()
	if err != nil {
		return err
	}
	data, err := Examples.ReadFile("examples/" + SelfFile)
	if err != nil {
		return err
	}
	self, err := docs.readSelf(SelfFile, data)
	if err != nil {
		return err
	}
	vn, err := TemplatePartner("VN")
	if err != nil {
		return err
	}
	self.from, self.zone = origin{}, nil
	if want := vn.AsSelf(); !reflect.DeepEqual(self, want) {
		return fmt.Errorf("the template of our own side says %+v, that of us as a partner %+v", self, want)
	}
	return nil
}

// A template that is put in force as it is would trust a key whose private part
// is published. What must be replaced is said, place by place, and nothing else
// is wrong with any file.
func TestExamplesSayWhatToReplace(t *testing.T) {
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("examples/*/*.yaml")
	files = append(files, "examples/"+SelfFile)
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		notes, err := CheckFile(file, types, func(*Partner) []Fault { return nil })
		var got, want []string
		var faulty *schemas.DocumentError
		if errors.As(err, &faulty) {
			for _, p := range faulty.Problems {
				got = append(got, p.Pointer)
			}
		} else if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if filepath.Base(filepath.Dir(file)) == "partners" {
			want = []string{"/endpoint", "/tls/anchors", "/tls/pins/0", "/signing_keys/0/jwk"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want faults at %v", file, err, want)
		}
		if strings.Contains(fmt.Sprint(notes), "lies in no registry") {
			t.Errorf("%s: %v", file, notes)
		}
	}
}

// Each agreement decides about every type of the catalogue; nothing that no
// source gives is in it.
func TestExampleAgreements(t *testing.T) {
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	if len(types.Types()) != 21 {
		t.Fatalf("%d types", len(types.Types()))
	}
	for _, code := range exampleAgreements {
		a := exampleAgreement(t, code)
		for _, messageType := range types.Types() {
			want := []Direction{Receive, Send}
			switch messageType.Name {
			case "self_return_verification_request":
				want = []Direction{Send}
			case "self_return_verification_response":
				want = []Direction{Receive}
			case "support_follow_up":
				want = nil // off
			}
			for _, direction := range []Direction{Receive, Send} {
				p := a.Find(messageType.Name, direction)
				if (p != nil) != slices.Contains(want, direction) {
					t.Errorf("%s: %s %s: %v", code, direction, messageType.Name, p)
				}
				if p != nil && len(p.Purposes) != 1 {
					t.Errorf("%s: %s has %d purposes; a draft need not name the only one", code, messageType.Name, len(p.Purposes))
				}
			}
		}
		for _, d := range a.Deadlines {
			if d.Scope != ScopeInternal || d.Label.EN != "Viet Nam internal" || d.Label.VI == "" {
				t.Errorf("%s: %s is shown as the partner's duty, and no source gives one", code, d.ID)
			}
		}
		if len(a.Deadlines) == 0 || len(a.Sources) < 2 {
			t.Errorf("%s has %d deadlines and %d sources", code, len(a.Deadlines), len(a.Sources))
		}
	}
}

// What the examples promise to whoever reads the README.
func TestExampleTerms(t *testing.T) {
	child := map[string]any{"subject_ref": "S-1", "photo": map[string]any{}, "minor": true, "non_refoulement": map[string]any{}}
	body := map[string]any{"subjects": []any{child}}
	young := func(map[string]any) bool { return true }
	for _, code := range exampleAgreements {
		a := exampleAgreement(t, code)
		for _, messageType := range []string{"identity_verification_request", "self_return_verification_request"} {
			p := a.Find(messageType, Send)
			if _, withheld := p.Redact(body, nil); !slices.Equal(withheld, []string{"/subjects/0/photo"}) {
				t.Errorf("%s: %s withholds %v", code, messageType, withheld)
			}
			if err := p.CheckFields(body, young); err == nil {
				t.Errorf("%s: %s takes a child's photograph", code, messageType)
			}
		}
		request := a.Find("repatriation_request", Send)
		if _, withheld := request.Redact(body); !slices.Equal(withheld, []string{"/subjects/0/non_refoulement"}) {
			t.Errorf("%s: a repatriation request withholds %v", code, withheld)
		}
		redacted, _ := request.Redact(body)
		if request.CheckFields(redacted, young) == nil || request.CheckFields(redacted) != nil {
			t.Errorf("%s: a child needs a guardian to return, and nobody else does", code)
		}
		for messageType, officers := range map[string]int{"repatriation_request": 2, "case_information_request": 2, "case_information_response": 2, "erasure_notice": 2, "erasure_confirmation": 2, "handover_notice": 0} {
			if got := a.Find(messageType, Send).Officers(); got != officers {
				t.Errorf("%s: %d officers release %s", code, got, messageType)
			}
		}
		if err := a.Find("victim_identification_notice", Receive).CheckAnonymous(true); (err == nil) != (code == "GB2018") {
			t.Errorf("%s: an anonymous notice: %v", code, err)
		}
		for _, messageType := range []string{"victim_identification_notice", "identity_verification_request", "travel_document_notice", "case_information_response"} {
			if err := a.Find(messageType, Receive).CheckApproval(""); (err == nil) == (code == "CN2010") {
				t.Errorf("%s: %s without an approval: %v", code, messageType, err)
			}
			if err := a.Find(messageType, Send).CheckApproval(""); err != nil {
				t.Errorf("%s: what we send: %v", code, err)
			}
		}
	}
}

// Both sides of every agreement can load it, from what is written of it, and
// permit the same.
func TestExamplesSeenByBothSides(t *testing.T) {
	for _, code := range exampleAgreements {
		ours := exampleAgreement(t, code)
		theirs := ours.SeenBy("VN")
		if again := theirs.SeenBy(ours.Partner); len(again.Permits) != len(ours.Permits) || len(again.Deadlines) != 0 {
			t.Errorf("%s: seen twice it is another", code)
		}
		for us, a := range map[string]*Agreement{"VN": ours, ours.Partner: theirs} {
			dir := exampleFolder(t, us, a)
			r, err := loadAs(us, dir)
			if err != nil {
				t.Errorf("%s, as %s sees it: %v", code, us, err)
				continue
			}
			read, _ := r.Current().Agreement(code)
			for _, p := range ours.Permits {
				direction := p.Direction
				if us != "VN" {
					direction = direction.opposite()
				}
				got := read.Find(p.Type, direction)
				if (got == nil) != p.Off {
					t.Errorf("%s, as %s sees it: %s %s is %v", code, us, direction, p.Type, got)
					continue
				}
				if got != nil && (!slices.Equal(got.Recipients, p.Recipients) || !reflect.DeepEqual(got.Minors, p.Minors) || !slices.Equal(got.Safeguards, p.Safeguards) ||
					got.Officers() != p.Officers() || got.Anonymous != p.Anonymous || (got.Approval == nil) != (p.Approval == nil)) {
					t.Errorf("%s, as %s sees it: %s %s has other terms", code, us, direction, p.Type)
				}
			}
		}
	}
}

// A term between the partners is mirrored, with the side that is responsible;
// our own rule and our own standing approval stay behind.
func TestSeenBy(t *testing.T) {
	a := &Agreement{Partner: "KH", Permits: []Permit{
		{Type: "question", Direction: Send, Approval: &ApprovalTerm{Citation: "A rule", Reference: "VN-1"}},
		{Type: "answer", Direction: Receive, Approval: &ApprovalTerm{Citation: "A rule", Reference: "KH-1"}},
	}, Deadlines: []Deadline{
		{ID: "ours", Type: "question", Scope: ScopeInternal, Responsible: ResponsibleSender},
		{ID: "both", Type: "question", Scope: ScopePartner, Responsible: ResponsibleReceiver},
	}}
	b := a.SeenBy("VN")
	if b.Partner != "VN" || len(b.Deadlines) != 1 || b.Deadlines[0].ID != "both" || b.Deadlines[0].Responsible != ResponsibleReceiver {
		t.Errorf("got %+v", b)
	}
	if a.Deadlines[1].Ours(Send) || !b.Deadlines[0].Ours(Receive) {
		t.Error("who receives is not responsible")
	}
	if b.Permits[0].Direction != Receive || b.Permits[0].StandingApproval() != "" || b.Permits[1].StandingApproval() != "KH-1" || a.Permits[0].StandingApproval() != "VN-1" {
		t.Errorf("got %+v", b.Permits)
	}
}

// exampleCalendar reads a calendar that is shipped.
func exampleCalendar(name string) (*Calendar, error) {
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	file := "examples/calendars/" + name + ".yaml"
	data, err := Examples.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return docs.readCalendar(file, data)
}

// The shipped calendars are what their sources say at some well-known places.
func TestExampleCalendars(t *testing.T) {
	for name, days := range map[string]map[string]bool{
		"gb-england-wales": {"2026-12-25": false, "2026-12-28": false, "2027-01-01": false, "2027-03-26": false, "2028-12-27": true},
		"cn-2026":          {"2026-02-14": true, "2026-02-16": false, "2026-10-07": false, "2026-10-08": true, "2026-10-10": true},
	} {
		c, err := exampleCalendar(name)
		if err != nil {
			t.Fatal(err)
		}
		side := Side{Calendar: c, Weekend: satSun}
		for day, working := range days {
			if got := side.counts(at(t, day+"T00:00:00Z"), WorkingDays); got != working {
				t.Errorf("%s: %s is worked: %v", name, day, got)
			}
		}
		if c.Licence == "" || !strings.Contains(c.Source, "http") {
			t.Errorf("%s: source %q, licence %q", name, c.Source, c.Licence)
		}
	}
}

// exampleFolder writes the registry of one side of an agreement from the
// templates.
func exampleFolder(t *testing.T, us string, a *Agreement) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"partners", "agreements", "calendars"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, code := range []string{us, a.Partner} {
		p, err := TemplatePartner(code)
		if err != nil {
			t.Fatal(err)
		}
		path, v := filepath.Join(dir, "partners", "partner.yaml"), any(p)
		if code == us {
			path, v = filepath.Join(dir, SelfFile), p.AsSelf()
		} else {
			handOver(p, "K", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
		}
		if err := WriteFile(path, "a test", v); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteFile(filepath.Join(dir, "agreements", a.Code+".yaml"), "a test", a); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What an agreement withholds is never what the schema asks for: the catalogue's
// own examples may still be sent, of adults and of minors.
func TestExamplesMayBeSent(t *testing.T) {
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range exampleAgreements {
		a := exampleAgreement(t, code)
		for i := range a.Permits {
			p := &a.Permits[i]
			body, err := schemas.Parse(schemas.Example(p.Type), schemas.DefaultLimits())
			if err != nil {
				t.Fatalf("%s has no example: %v", p.Type, err)
			}
			for _, minor := range []bool{false, true} {
				redacted, withheld := p.Redact(body, func(map[string]any) bool { return minor })
				if err := types.Validate(p.Type, redacted); err != nil {
					t.Errorf("%s: %s without %v (minors: %v): %v", code, p.Type, withheld, minor, err)
				}
				if err := p.CheckFields(redacted); err != nil && !minor {
					t.Errorf("%s: %s: %v", code, p.Type, err)
				}
			}
		}
	}
}
