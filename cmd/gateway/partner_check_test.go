package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// What partner check says of a file is what a gateway would say that loads it:
// keys that cannot be used, anchors that are none, a log of another name, a
// missing list, each with its line.
func TestPartnerCheckFindsWhatLoadingFinds(t *testing.T) {
	world, err := newWorld(filepath.Join(t.TempDir(), "world"), false, []*party{
		{code: "VN", name: "Viet Nam (test)", listen: "127.0.0.1:1", store: "gateway.db"},
		{code: "KH", name: "Cambodia (test)", listen: "127.0.0.1:2", store: "gateway.db"},
	})
	if err != nil {
		t.Fatal(err)
	}
	vn, kh := world.party("VN"), world.party("KH")
	g := &testGateway{party: vn, t: t}
	partner, agreement := filepath.Join(vn.path("registry"), "partners", "kh.yaml"), filepath.Join(vn.path("registry"), "agreements", "KH2005.yaml")
	other, err := vn.public()
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(change func(k partners.JWK)) func(*partners.Partner) {
		return func(p *partners.Partner) { change(p.SigningKeys[0].JWK) }
	}
	for _, c := range []struct {
		name string
		edit func(*partners.Partner)
		says string // "" is fine
	}{
		{"as it is", func(*partners.Partner) {}, ""},
		{"an unknown algorithm", jwk(func(k partners.JWK) { k["alg"] = "ES512" }), "/signing_keys/0/jwk: An EC key needs crv P-256 with alg ES256"},
		{"another curve's algorithm", jwk(func(k partners.JWK) { k["alg"] = "ES384" }), "/signing_keys/0/jwk: An EC key needs crv P-256 with alg ES256"},
		{"a point off the curve", jwk(func(k partners.JWK) { k["y"] = k["x"] }), "/signing_keys/0/jwk: x and y are no point of the curve"},
		{"a private key", jwk(func(k partners.JWK) { k["d"] = k["x"] }), "d is the private part"},
		{"no kid", jwk(func(k partners.JWK) { delete(k, "kid") }), "/signing_keys/0/jwk: kid must be"},
		{"anchors that are no PEM", func(p *partners.Partner) { p.TLS.Anchors = vn.config }, "/tls/anchors: parse certificates: no PEM block"},
		{"anchors that are damaged", func(p *partners.Partner) {
			p.TLS.Anchors = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
		}, "/tls/anchors: parse certificate 1"},
		{"a leaf for an anchor", func(p *partners.Partner) { p.TLS.Anchors = kh.path("tls.pem") }, "/tls/anchors: new trust: an anchor is not an authority certificate"},
		{"no anchors", func(p *partners.Partner) { p.TLS.Anchors = "nowhere.pem" }, "/tls/anchors: open "},
		{"a pin with loose ends", func(p *partners.Partner) { p.TLS.Pins = []string{"sha256/" + strings.Repeat("B", 43) + "="} }, "/tls/pins/0: pin "},
		{"a missing list", func(p *partners.Partner) { p.TLS.CRL = "nowhere.crl" }, "/tls/crl: load revocation list"},
		{"a list that is none", func(p *partners.Partner) { p.TLS.CRL = kh.path("tls.pem") }, "/tls/crl: load revocation list"},
		{"a grace for ever", func(p *partners.Partner) { d := partners.Duration(9000 * time.Hour); p.TLS.RawGrace = &d }, "/tls/crl_grace: "},
		{"another log's key", func(p *partners.Partner) { p.Log.VKey = other.vkey }, `/log/vkey: this is the key of the log "vn.gateway.example/repatriation-log"`},
		{"no log key", func(p *partners.Partner) { p.Log.VKey = "kh.gateway.example/repatriation-log+0+AAAA" }, "/log/vkey: parse a verifier key"},
		{"a garbage witness", func(p *partners.Partner) { p.Log.Witness = "kh.gateway.example/witness+00000000+AAAA" }, "/log/witness: parse a witness key"},
		{"a calendar that is nowhere", func(p *partners.Partner) { p.Calendar = "nowhere" }, `/calendar: there is no calendar "nowhere"`},
		{"retries that shrink", func(p *partners.Partner) { d := partners.Duration(time.Hour); p.RawRetry.Initial = &d }, "/retry/max: the longest delay"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := readDoc(t, partner)
			g.editPartner("kh", c.edit)
			sameVerdict(t, vn, partner, c.says)
			if err := os.WriteFile(partner, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, c := range []struct {
		name string
		edit func(*partners.Agreement)
		says string
	}{
		{"an agreement as it is", func(*partners.Agreement) {}, ""},
		{"an unknown type", func(a *partners.Agreement) { a.Permits[0].Type = "party_invitation" }, `no schema knows the type "party_invitation"`},
		{"no such field", func(a *partners.Agreement) {
			a.Permits[0].Fields = append(a.Permits[0].Fields, partners.FieldRule{Pointer: "/subjects/*/shoe_size", Rule: "forbid"})
		}, "has no field /subjects/*/shoe_size"},
		{"a reply that nobody sends", func(a *partners.Agreement) { a.Permits[0].Reply = "party_invitation" }, `nobody may send the reply "party_invitation"`},
		{"a reply that answers nothing of the kind", func(a *partners.Agreement) { a.Permits[0].Reply = exchange.TypeHandoverRecord }, "/permits/0/reply: a handover_record does not answer a "},
		{"nobody's", func(a *partners.Agreement) {
			a.Partner = "LA"
			for i := range a.Permits {
				a.Permits[i].Recipients = nil
			}
		}, `/partner: there is no partner "LA"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := readDoc(t, agreement)
			g.editAgreement(c.edit)
			sameVerdict(t, vn, agreement, c.says)
			if err := os.WriteFile(agreement, []byte(before), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// sameVerdict asks partner check and a loading gateway about one file.
func sameVerdict(t *testing.T, of *party, file, says string) {
	t.Helper()
	catalogue, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	types := exchange.Types{Catalogue: catalogue}
	notes, checked := partners.CheckFile(file, types, checkPartner)
	_, loaded := partners.Load(partners.Config{
		Dir: of.path("registry"), Self: of.code, Now: time.Now, Types: types, Check: checkPartner, Logger: slog.New(slog.DiscardHandler),
	})
	switch {
	case says == "" && (checked != nil || loaded != nil):
		t.Errorf("partner check says %v, loading %v", checked, loaded)
	case says == "":
	case checked == nil || loaded == nil || !strings.Contains(loaded.Error(), checked.Error()):
		t.Errorf("partner check says\n%v\nloading\n%v", checked, loaded)
	case !strings.Contains(checked.Error(), says) || !strings.HasPrefix(checked.Error(), file+":"):
		t.Errorf("partner check says\n%v\nwant %q and the line", checked, says)
	}
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
}
