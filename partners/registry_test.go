package partners

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

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
	p.Calendar = ""
	handOver(p, "K", filepath.Join(dir, "ca.pem"))
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
	vn, err := TemplatePartner("VN")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, SelfFile), "a test", vn.AsSelf()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// handOver puts into a template what its partner hands over. The letter makes
// pin and key its own.
func handOver(p *Partner, letter, anchors string) {
	p.Endpoint = "https://127.0.0.1:8443"
	p.TLS = TLS{Anchors: anchors, Pins: []string{"sha256/" + strings.Repeat(letter, 42) + "A="}}
	p.SigningKeys = []SigningKey{{JWK: JWK{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "key-2026", "x": strings.Repeat("A", 43)}}}
}

// testTypes are the schemas, and enough of what answers what; exchange.Types
// has the whole of it.
type testTypes struct{ *schemas.Catalogue }

func (testTypes) Answers(reply, asked string) bool {
	switch asked {
	case "victim_identification_notice":
		return reply == "identity_verification_response"
	case "handover_record":
		return reply == asked
	case "erasure_notice":
		return reply == "erasure_confirmation"
	}
	return reply == strings.TrimSuffix(asked, "_request")+"_response"
}

func loadTypes() (testTypes, error) {
	catalogue, err := schemas.Load()
	return testTypes{catalogue}, err
}

func load(dir string) (*Registry, error) { return loadAs("VN", dir) }

func loadAs(us, dir string) (*Registry, error) {
	types, err := loadTypes()
	if err != nil {
		return nil, err
	}
	return Load(Config{
		Dir: dir, Self: us, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Types: types,
		Check: func(*Partner) []Fault { return nil },
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

// What has not changed is not read again; the trust anchors, which lie in files
// of their own, count.
func TestReloadOfTheSame(t *testing.T) {
	dir := folder(t)
	r, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Current()
	if err := r.Reload(); err != nil || r.Current() != before {
		t.Fatalf("the same files are another snapshot: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil || r.Current() == before {
		t.Fatalf("other anchors are not noticed: %v", err)
	}
	if p, _ := r.Current().Partner("KH"); !strings.Contains(string(p.TLS.AnchorsPEM), "BBBB") {
		t.Error("the old anchors are still in force")
	}
	before = r.Current()
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil || r.Problem() == nil || r.Current() != before {
		t.Errorf("missing anchors: %v", err)
	}
}
