package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/partners"
)

// readyz returns what an operator is told.
func (g *testGateway) readyz() readiness {
	g.t.Helper()
	w := httptest.NewRecorder()
	g.node.ready(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	var out readiness
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		g.t.Fatal(err)
	}
	return out
}

// Files that cannot be used while a gateway runs leave what was in force, for
// this partner as for the others; an operator is told, and mending the very file
// is enough.
func TestBrokenTrustFilesLeaveTheLastGood(t *testing.T) {
	for name, c := range map[string]struct {
		damage, mend func(t *testing.T, g *testGateway)
		warning      string
	}{
		"anchors that are none": {
			func(_ *testing.T, g *testGateway) {
				g.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = g.config })
			},
			func(_ *testing.T, g *testGateway) {
				g.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = g.world.anchor() })
			},
			"/tls/anchors: parse certificates",
		},
		"a list that is not there": {
			func(t *testing.T, g *testGateway) {
				g.editPartner("kh", func(k *partners.Partner) { k.TLS.CRL = g.path("other.crl") })
			},
			func(t *testing.T, g *testGateway) { copyFile(t, g.path("kh.crl"), g.path("other.crl")) },
			"/tls/crl: load revocation list",
		},
		"a list that has gone": {
			func(t *testing.T, g *testGateway) { move(t, g.path("kh.crl"), g.path("kh.old")) },
			func(t *testing.T, g *testGateway) { move(t, g.path("kh.old"), g.path("kh.crl")) },
			"partner KH: a TLS file is not usable, and the last good one is in force: open ",
		},
		"a list that has gone, and another change": {
			func(t *testing.T, g *testGateway) {
				move(t, g.path("kh.crl"), g.path("kh.old"))
				g.editPartner("kh", func(k *partners.Partner) { k.Contact = &partners.Contact{Name: "Duty desk"} })
			},
			func(t *testing.T, g *testGateway) { move(t, g.path("kh.old"), g.path("kh.crl")) },
			"/tls/crl: load revocation list",
		},
		"no registry": {
			func(t *testing.T, g *testGateway) { move(t, g.path("registry"), g.path("elsewhere")) },
			func(t *testing.T, g *testGateway) { move(t, g.path("elsewhere"), g.path("registry")) },
			"the registry has an error, and the last good state is in force: read the registry",
		},
		"a disk that is not mounted": {
			func(t *testing.T, g *testGateway) {
				move(t, g.path("registry/partners"), g.path("elsewhere"))
				if err := os.Mkdir(g.path("registry/partners"), 0o700); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, g *testGateway) {
				if err := os.Remove(g.path("registry/partners")); err != nil {
					t.Fatal(err)
				}
				move(t, g.path("elsewhere"), g.path("registry/partners"))
			},
			"is the disk mounted?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			writeCRL(t, p)
			p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.CRL = p.vn.path("kh.crl") })
			p.vn.reload()
			told := func() bool {
				return slices.ContainsFunc(p.vn.readyz().Warnings, func(w string) bool { return strings.Contains(w, c.warning) })
			}
			works := func() {
				t.Helper()
				if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
					t.Errorf("inbound: %d %s", r.status, r.body)
				}
				p.kh.http.CloseIdleConnections()
				p.vn.deliver()
				if state := p.vn.readyz().Partners["KH"]; state.Revocation != certs.CRLFresh {
					t.Errorf("the list is %s", state.Revocation)
				}
			}
			if told() {
				t.Fatal("told of it before it is so")
			}
			c.damage(t, p.vn)
			eventually(t, "an operator is told", told)
			works()
			c.mend(t, p.vn)
			eventually(t, "it is mended", func() bool { return !told() })
			works()
		})
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
