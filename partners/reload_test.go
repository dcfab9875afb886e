package partners

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A living is a registry of two partners that changes while a gateway runs.
type living struct {
	*testing.T
	*Registry
	dir string
}

const plainAgreement = `code: LA2010
partner: LA
title: {en: A test}
sources: [{statement: A test., seen: false}]
status: in_force
permits:
  - {type: correction, direction: both, purposes: [a], recipients: [LA-SECRETARIAT, VN-MPS]}
`

func newLiving(t *testing.T) *living {
	t.Helper()
	dir := folder(t)
	la, err := TemplatePartner("LA")
	if err != nil {
		t.Fatal(err)
	}
	handOver(la, "L", filepath.Join(dir, "ca.pem"))
	la.Agencies = []Agency{{Code: "LA-SECRETARIAT", Name: Text{EN: "Secretariat"}}}
	la.Calendar = "lao"
	if err := WriteFile(filepath.Join(dir, "partners", "la.yaml"), "a test", la); err != nil {
		t.Fatal(err)
	}
	l := &living{T: t, dir: dir}
	l.write("agreements/LA2010.yaml", plainAgreement)
	l.write("calendars/lao.yaml", "name: lao\nsource: A test.\ncovers: {from: \"2026-01-01\", until: \"2026-12-31\"}\nholidays: []\n")
	if l.Registry, err = load(dir); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *living) write(file, text string) {
	l.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, file), []byte(text), 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *living) edit(file, old, new string) {
	l.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, file))
	if err != nil {
		l.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		l.Fatalf("%s does not hold %q", file, old)
	}
	l.write(file, strings.Replace(string(text), old, new, 1))
}

func (l *living) remove(file string) {
	l.Helper()
	if err := os.Remove(filepath.Join(l.dir, file)); err != nil {
		l.Fatal(err)
	}
}

// state writes down what is in force.
func (l *living) state() string {
	var out []string
	for _, p := range l.Current().All() {
		out = append(out, p.Code+" "+string(p.Status))
	}
	for _, code := range []string{"KH", "LA"} {
		for _, a := range l.Current().Agreements(code) {
			out = append(out, a.Code)
		}
	}
	return strings.Join(out, ", ")
}

const allGood = "KH active, LA active, KH2005, LA2010"

// What changes is in force, file by file; what cannot be used leaves that file
// as it last was, is named, and holds up nothing else.
func TestReloadTakesWhatCanBeUsed(t *testing.T) {
	suspend := func(l *living, code string) { l.edit("partners/"+code+".yaml", "status: active", "status: suspended") }
	for _, c := range []struct {
		name   string
		change func(l *living)
		state  string
		wrong  []string // what the problem names
	}{
		{"a suspension", func(l *living) { suspend(l, "kh") }, "KH suspended, LA active, KH2005, LA2010", nil},
		{"a suspension beside a broken partner", func(l *living) {
			suspend(l, "kh")
			l.edit("partners/la.yaml", "endpoint:", "endpont:")
		}, "KH suspended, LA active, KH2005, LA2010", []string{"partners/la.yaml:"}},
		{"a suspension beside a broken agreement", func(l *living) {
			suspend(l, "kh")
			l.write("agreements/KH2005.yaml", "nothing")
			l.write("agreements/LA2010.yaml", strings.Replace(plainAgreement, "LA-SECRETARIAT", "LA-NAVY", 1))
		}, "KH suspended, LA active, KH2005, LA2010", []string{"agreements/KH2005.yaml:1:", "agreements/LA2010.yaml:7:"}},
		{"a suspension in a file that is wrong besides", func(l *living) {
			suspend(l, "kh")
			l.edit("partners/kh.yaml", "endpoint:", "endpont:")
		}, "KH suspended, LA active, KH2005, LA2010", []string{"partners/kh.yaml:"}},
		{"a suspension beside a broken file about us", func(l *living) {
			suspend(l, "la")
			l.write(SelfFile, "code: VN\n")
		}, "KH active, LA suspended, KH2005, LA2010", []string{SelfFile + ":1:"}},
		{"a partner's file that is no YAML", func(l *living) { l.write("partners/kh.yaml", "{{{") }, allGood, []string{"partners/kh.yaml:1:"}},
		{"a partner's file that cannot be read", func(l *living) {
			l.remove("partners/kh.yaml")
			if err := os.Symlink("nowhere", filepath.Join(l.dir, "partners/kh.yaml")); err != nil {
				l.Fatal(err)
			}
		}, allGood, []string{"partners/kh.yaml"}},
		{"a partner that has gone with its agreement", func(l *living) {
			l.remove("partners/kh.yaml")
			l.remove("agreements/KH2005.yaml")
		}, "LA active, LA2010", nil},
		{"a partner that has gone without it", func(l *living) { l.remove("partners/kh.yaml") },
			"KH suspended, LA active, KH2005, LA2010", []string{"partners/kh.yaml is missing", "agreements/KH2005.yaml:"}},
		{"an agreement that has gone", func(l *living) { l.remove("agreements/KH2005.yaml") }, "KH active, LA active, LA2010", nil},
		{"a calendar that has gone", func(l *living) { l.remove("calendars/lao.yaml"); suspend(l, "kh") },
			"KH suspended, LA active, KH2005, LA2010", []string{"calendars/lao.yaml is missing", "partners/la.yaml:"}},
		{"a partner without the agency that its agreement names", func(l *living) {
			l.edit("partners/la.yaml", "LA-SECRETARIAT", "LA-OTHER")
			suspend(l, "la")
			suspend(l, "kh")
		}, "KH suspended, LA suspended, KH2005, LA2010", []string{"agreements/LA2010.yaml:7:"}},
		{"a new file with another's pin", func(l *living) {
			l.edit("partners/la.yaml", strings.Repeat("L", 42), strings.Repeat("K", 42))
			suspend(l, "kh")
		}, "KH suspended, LA active, KH2005, LA2010", []string{"partners/la.yaml:"}},
		{"a file that takes the pin of one after it", func(l *living) {
			l.edit("partners/kh.yaml", strings.Repeat("K", 42), strings.Repeat("L", 42))
			suspend(l, "la")
		}, "KH active, LA suspended, KH2005, LA2010", []string{"partners/"}},
		{"a new file before all others about a partner that is known", func(l *living) {
			l.write("partners/aa.yaml", l.text("partners/kh.yaml"))
			suspend(l, "kh")
		}, "KH suspended, LA active, KH2005, LA2010", []string{"partners/aa.yaml:"}},
		{"a new partner and its agreement, and a broken one", func(l *living) {
			l.write("partners/kh.yaml", "broken")
			gb := strings.NewReplacer("code: LA", "code: GB", "LA-", "GB-", strings.Repeat("L", 42), strings.Repeat("G", 42)).Replace(l.text("partners/la.yaml"))
			l.write("partners/gb.yaml", gb)
			l.write("agreements/GB2018.yaml", strings.NewReplacer("LA2010", "GB2018", "LA", "GB").Replace(plainAgreement))
		}, "GB active, KH active, LA active, KH2005, LA2010", []string{"partners/kh.yaml:1:"}},
		{"no file at all about partners", func(l *living) { l.remove("partners/kh.yaml"); l.remove("partners/la.yaml") }, allGood, []string{"partners holds no file"}},
		{"no folder for partners", func(l *living) { l.rename("partners") }, allGood, []string{"partners: no such file"}},
		{"no folder for agreements", func(l *living) { l.rename("agreements") }, allGood, []string{"agreements: no such file"}},
		{"no agreement at all", func(l *living) { l.remove("agreements/KH2005.yaml"); l.remove("agreements/LA2010.yaml") }, allGood, []string{"agreements holds no file"}},
		{"no registry", func(l *living) { l.rename("") }, allGood, []string{"no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLiving(t)
			c.change(l)
			for round := range 2 { // the second finds what the first has left
				before := l.Current()
				err := l.Reload()
				if got := l.state(); got != c.state {
					t.Errorf("round %d: in force is %s, want %s", round, got, c.state)
				}
				if (err != nil) != (len(c.wrong) > 0) || err != l.Problem() {
					t.Errorf("round %d: %v, and the problem is %v", round, err, l.Problem())
				}
				for _, want := range c.wrong {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("round %d: %v does not say %q", round, err, want)
					}
				}
				if round == 1 && l.Current() != before {
					t.Error("the same files are another snapshot each time")
				}
			}
		})
	}
}

func (l *living) text(file string) string {
	l.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, file))
	if err != nil {
		l.Fatal(err)
	}
	return string(text)
}

func (l *living) rename(name string) {
	l.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.Rename(path, filepath.Clean(path)+"-elsewhere"); err != nil {
		l.Fatal(err)
	}
}

// Whatever was wrong, mending it is enough: a suspension that stood in for a
// file ends with it, and a partner comes back.
func TestReloadAfterMending(t *testing.T) {
	l := newLiving(t)
	kh, la := l.text("partners/kh.yaml"), l.text("partners/la.yaml")
	for _, break_ := range []func(){
		func() { l.remove("partners/kh.yaml") },
		func() { l.edit("partners/kh.yaml", "status: active", "status: suspended\nunknown: 1") },
		func() { l.write("partners/kh.yaml", "{{{"); l.write("partners/la.yaml", "") },
		func() { l.rename("partners") },
	} {
		break_()
		if err := l.Reload(); err == nil {
			t.Fatal("nothing is wrong")
		}
		if err := os.MkdirAll(filepath.Join(l.dir, "partners"), 0o700); err != nil {
			t.Fatal(err)
		}
		l.write("partners/kh.yaml", kh)
		l.write("partners/la.yaml", la)
		if err := l.Reload(); err != nil || l.Problem() != nil || l.state() != allGood {
			t.Fatalf("mended: %v, %v, %s", err, l.Problem(), l.state())
		}
	}
}

// What a partner's file rests on is read again until it can be used, though the
// file itself is the same.
func TestReloadTriesAgain(t *testing.T) {
	l := newLiving(t)
	broken := true
	l.check = func(p *Partner) []Fault {
		if broken && p.Code == "KH" {
			return []Fault{{Pointer: "/tls/pins", Detail: "not now"}}
		}
		return nil
	}
	l.edit("partners/kh.yaml", "status: active", "status: suspended")
	l.edit("partners/la.yaml", "status: active", "status: suspended")
	if err := l.Reload(); err == nil || !strings.Contains(err.Error(), "/tls/pins: not now") || l.state() != "KH suspended, LA suspended, KH2005, LA2010" {
		t.Fatalf("%v, %s", err, l.state())
	}
	l.edit("partners/kh.yaml", "status: suspended", "status: active")
	if err := l.Reload(); err == nil || l.state() != "KH suspended, LA suspended, KH2005, LA2010" {
		t.Fatalf("a file that cannot be used ends a suspension: %v, %s", err, l.state())
	}
	broken = false
	if err := l.Reload(); err != nil || l.state() != "KH active, LA suspended, KH2005, LA2010" {
		t.Fatalf("%v, %s", err, l.state())
	}
}

// At start everything must be right, and everything that is wrong is named.
func TestLoadTakesAllOrNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l *living)
		says   []string
	}{
		"no registry":             {func(l *living) { l.rename("") }, []string{"no such file"}},
		"no folder of partners":   {func(l *living) { l.rename("partners") }, []string{"no such file"}},
		"no folder of agreements": {func(l *living) { l.rename("agreements") }, []string{"no such file"}},
		"no partner": {func(l *living) {
			for _, f := range []string{"partners/kh.yaml", "partners/la.yaml"} {
				l.remove(f)
			}
		}, []string{"holds no file"}},
		"two broken files": {func(l *living) {
			l.write("partners/kh.yaml", "{{{")
			l.write("agreements/LA2010.yaml", "x: 1")
		}, []string{"partners/kh.yaml:1:", "agreements/LA2010.yaml:1:"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiving(t)
			c.change(l)
			_, err := load(l.dir)
			for _, want := range c.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// partner check finds what loading finds, in a registry and outside of one.
func TestCheckFile(t *testing.T) {
	types, err := loadTypes()
	if err != nil {
		t.Fatal(err)
	}
	l := newLiving(t)
	check := func(*Partner) []Fault { return []Fault{{Pointer: "/signing_keys/0/jwk", Detail: "no such curve"}} }
	fine := func(*Partner) []Fault { return nil }
	outside := filepath.Join(t.TempDir(), "kh.yaml")
	if err := os.WriteFile(outside, []byte(l.text("partners/kh.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(file string) string { return filepath.Join(l.dir, file) }
	self := l.text(SelfFile)
	for _, c := range []struct {
		name, file string
		change     func()
		check      Check
		says       string // "" is fine
		notes      []string
	}{
		{"fine", in("partners/kh.yaml"), nil, fine, "", nil},
		{"an agreement", in("agreements/KH2005.yaml"), nil, fine, "", nil},
		{"about us", in(SelfFile), nil, fine, "", nil},
		{"our deadlines, and nothing about us", in("agreements/KH2005.yaml"), func() { l.remove(SelfFile) }, fine, "self.yaml does not say it; put one beside partners/", nil},
		{"outside of a registry", outside, func() { l.write(SelfFile, self) }, fine, "", []string{"it lies in no registry, so it was not compared with the other files of one"}},
		{"a key", in("partners/kh.yaml"), nil, check, "kh.yaml:22:7: /signing_keys/0/jwk: no such curve", nil},
		{"a key, outside", outside, nil, check, "/signing_keys/0/jwk: no such curve", nil},
		{"an unknown calendar", in("partners/la.yaml"), func() { l.edit("partners/la.yaml", "calendar: lao", "calendar: nowhere") }, fine, `/calendar: there is no calendar "nowhere"`, nil},
		{"beside it", in("agreements/LA2010.yaml"), nil, fine, "", nil},
		{"an agency that nobody has", in("agreements/LA2010.yaml"), func() { l.edit("agreements/LA2010.yaml", "LA-SECRETARIAT", "LA-NAVY") }, fine, "LA-NAVY is no agency", nil},
		{"an unknown type", in("agreements/LA2010.yaml"), func() { l.edit("agreements/LA2010.yaml", "type: correction", "type: greeting") }, fine, `no schema knows the type "greeting"`, nil},
		{"another's pin", in("partners/la.yaml"), func() { l.edit("partners/la.yaml", strings.Repeat("L", 42), strings.Repeat("K", 42)) }, fine, "this pin belongs to KH already", []string{in("agreements/LA2010.yaml") + " has errors of its own, so it was not compared with that"}},
		{"whose pin it is", in("partners/kh.yaml"), nil, fine, "/tls/pins/0: this pin belongs to LA already", []string{in("agreements/LA2010.yaml") + " has errors of its own, so it was not compared with that"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change != nil {
				c.change()
			}
			notes, err := CheckFile(c.file, types, c.check)
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if !slices.Equal(notes, c.notes) {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
		})
	}
}
