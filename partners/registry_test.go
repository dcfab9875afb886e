package partners

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Every shipped example passes its own schema, and says what is sourced.
func TestExamples(t *testing.T) {
	seen := 0
	err := fs.WalkDir(Examples, "examples", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		seen++
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if strings.Contains(path, "/partners/") {
			_, err := TemplatePartner(name)
			return err
		}
		a, err := TemplateAgreement(name)
		if err != nil {
			return err
		}
		if len(a.Sources) == 0 {
			t.Errorf("%s names no source", path)
		}
		for _, deadline := range a.Deadlines {
			if deadline.Citation == "" || deadline.Unit == "" {
				t.Errorf("%s has a deadline without citation or unit", path)
			}
		}
		return nil
	})
	if err != nil || seen < 9 {
		t.Fatalf("%d examples, %v", seen, err)
	}
}

// folder writes a registry with one partner and its agreement.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"partners", "agreements", "calendars"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p, err := TemplatePartner("KH")
	if err != nil {
		t.Fatal(err)
	}
	p.Endpoint = "https://kh.gateway.example:8443"
	p.Calendar = ""
	p.TLS = TLS{Anchors: filepath.Join(dir, "ca.pem"), Pins: []string{"sha256/" + strings.Repeat("A", 43) + "="}}
	p.SigningKeys = []SigningKey{{JWK: JWK{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "kh-2026", "x": strings.Repeat("A", 43)}}}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "partners", "kh.yaml"), "a test", p); err != nil {
		t.Fatal(err)
	}
	a, err := TemplateAgreement("KH2005")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "agreements", "KH2005.yaml"), "a test", a); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(dir string) (*Registry, error) {
	catalogue, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	return Load(Config{
		Dir: dir, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Types: catalogue,
		Check: func(*Partner) error { return nil },
	})
}

// A change is in force after a reload; a broken file changes nothing and is
// named until it is mended.
func TestReload(t *testing.T) {
	dir := folder(t)
	r, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "partners", "kh.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status := func() Status {
		p, ok := r.Current().Partner("KH")
		if !ok {
			t.Fatal("KH is gone")
		}
		return p.Status
	}
	write(strings.Replace(string(text), "status: active", "status: suspended", 1))
	if err := r.Reload(); err != nil || status() != Suspended {
		t.Fatalf("%v, %s", err, status())
	}
	write(strings.Replace(string(text), "status: active", "statis: active", 1))
	if err := r.Reload(); err == nil || r.Problem() == nil || status() != Suspended {
		t.Errorf("a broken file: %v, %v, %s", err, r.Problem(), status())
	} else if !strings.Contains(err.Error(), `kh.yaml:`) || !strings.Contains(err.Error(), `did you mean "status"`) {
		t.Errorf("the error does not help: %v", err)
	}
	write(string(text))
	if err := r.Reload(); err != nil || r.Problem() != nil || status() != Active {
		t.Errorf("a mended file: %v, %v, %s", err, r.Problem(), status())
	}
}

// Files that contradict each other are refused, with the file.
func TestContradictions(t *testing.T) {
	for name, change := range map[string]struct{ file, old, new string }{
		"agreement of nobody": {"agreements/KH2005.yaml", "partner: KH", "partner: LA"},
		"unknown type":        {"agreements/KH2005.yaml", "type: identity_verification_response", "type: party_invitation"},
		"misspelt field":      {"agreements/KH2005.yaml", "/subjects/*/photo", "/subjects/*/foto"},
		"one element":         {"agreements/KH2005.yaml", "/subjects/*/photo", "/subjects/0/photo"},
		"no citation":         {"agreements/KH2005.yaml", "citation:", "cited:"},
		"unknown calendar":    {"partners/kh.yaml", "status: active", "status: active\ncalendar: nowhere"},
		"missing anchors":     {"partners/kh.yaml", "ca.pem", "nowhere.pem"},
		"http endpoint":       {"partners/kh.yaml", "https://kh", "http://kh"},
	} {
		dir := folder(t)
		path := filepath.Join(dir, change.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), change.old) {
			t.Errorf("%s: the file has no %q", name, change.old)
			continue
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), change.old, change.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(dir); err == nil || !strings.Contains(err.Error(), filepath.Base(change.file)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	dir := folder(t)
	text, err := os.ReadFile(filepath.Join(dir, "partners", "kh.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "partners", "la.yaml"), []byte(strings.Replace(string(text), "code: KH", "code: LA", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir); err == nil || !strings.Contains(err.Error(), "pin") {
		t.Errorf("one pin of two partners: %v", err)
	}
}
