package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A house is a pair in which Viet Nam serves its operator API to officers and
// systems of its own.
type house struct {
	*pair
	t       *testing.T
	address string
	wrap    func(http.Handler) http.Handler
	stop    func()
}

// newHouse starts a house; change may add to Viet Nam's configuration.
func newHouse(t *testing.T, p *pair, change func(*Config)) *house {
	t.Helper()
	h := &house{pair: p, t: t, address: reserve(t)}
	h.configure(func(c *Config) {
		c.Operator = &OperatorConfig{Listen: h.address, TLS: OperatorTLSConfig{Certificate: "tls.pem", Key: "tls.key", ClientAnchors: p.vn.world.anchor()}}
		if change != nil {
			change(c)
		}
	})
	t.Cleanup(func() { h.stop() })
	return h
}

// configure changes gateway.yaml and restarts Viet Nam with it.
func (h *house) configure(change func(*Config)) {
	h.t.Helper()
	data, err := os.ReadFile(h.vn.config)
	if err != nil {
		h.t.Fatal(err)
	}
	var c Config
	if err := yaml.Unmarshal(data, &c); err != nil {
		h.t.Fatal(err)
	}
	change(&c)
	if data, err = yaml.Marshal(c); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.vn.config, data, 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.restart()
}

func (h *house) restart() {
	h.t.Helper()
	if h.stop != nil {
		h.stop()
	}
	h.vn.halt()
	h.vn.start()
	if h.wrap != nil {
		h.vn.node.operator.handler = h.wrap(h.vn.node.operator.handler)
	}
	listener, err := net.Listen("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	node := h.vn.node
	go func() { done <- node.runOperator(ctx, listener) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		h.stop = func() {}
	}
}

// A caller is an officer or a system with its own certificate and key.
type caller struct {
	*house
	entry  exchange.Officer
	http   *http.Client
	signer *seal.Signer
}

// officer adds an officer with a certificate and a signing key.
func (h *house) officer(id string, change ...func(*exchange.Officer)) *caller {
	h.t.Helper()
	key, client := h.client(h.vn.world.authority, time.Hour)
	c := &caller{house: h, http: client}
	signing, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		h.t.Fatal(err)
	}
	if c.signer, err = seal.NewSigner(signing, id+"-1", certs.ES256); err != nil {
		h.t.Fatal(err)
	}
	var jwk partners.JWK
	if err := json.Unmarshal(c.signer.Public().JWK(), &jwk); err != nil {
		h.t.Fatal(err)
	}
	pin, err := certs.PinKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	c.entry = exchange.Officer{
		ID: id, Name: "Officer " + id, Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"},
		Pins: []string{pin}, Keys: []partners.JWK{jwk}, Status: exchange.OfficerActive,
	}
	for _, f := range change {
		f(&c.entry)
	}
	c.put()
	return c
}

func (c *caller) put() {
	c.t.Helper()
	if err := c.vn.node.roster.Put(c.t.Context(), "", c.entry); err != nil {
		c.t.Fatal(err)
	}
}

// client makes a client with a new certificate of an authority.
func (h *house) client(authority *certs.Authority, lifetime time.Duration) (crypto.PublicKey, *http.Client) {
	h.t.Helper()
	key, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		h.t.Fatal(err)
	}
	leaf, err := authority.Issue(certs.IssueRequest{PublicKey: key.Public(), CommonName: "An officer's machine", Lifetime: lifetime})
	if err != nil {
		h.t.Fatal(err)
	}
	return key.Public(), h.calls(tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf})
}

// calls makes a client that shows the given certificates, or none.
func (h *house) calls(shown ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(h.vn.world.authority.Certificate())
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: "127.0.0.1", Certificates: shown},
	}}
	h.t.Cleanup(client.CloseIdleConnections)
	return client
}

// A call is what is asked of the operator API.
type call struct {
	method, path string
	body         any // JSON, or bytes as they are
	header       map[string]string
}

func (h *house) request(c call) *http.Request {
	h.t.Helper()
	var body io.Reader
	contentType := "application/json"
	switch b := c.body.(type) {
	case nil:
		contentType = ""
	case []byte:
		body, contentType = bytes.NewReader(b), "application/approval+jwt"
	default:
		data, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(c.method, "https://"+h.address+c.path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	return req
}

// ask makes one request with a client.
func (h *house) ask(client *http.Client, c call) reply {
	h.t.Helper()
	resp, err := client.Do(h.request(c))
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

func (c *caller) ask(what call) reply { c.t.Helper(); return c.house.ask(c.http, what) }

// get reads a page that must be there.
func get1[T any](c *caller, path string, header ...string) T {
	c.t.Helper()
	what := call{method: http.MethodGet, path: path, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		what.header[header[i]] = header[i+1]
	}
	return read[T](c.t, c.ask(what), http.StatusOK)
}

func read[T any](t *testing.T, r reply, status int) T {
	t.Helper()
	var v T
	if r.status != status {
		t.Fatalf("%d %s, want %d", r.status, r.body, status)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

// refusedWith checks a refusal.
func refusedWith(t *testing.T, what string, r reply, status int, slug, rule string) {
	t.Helper()
	if s, got, _ := r.problem(); r.status != status || s != slug || got != rule {
		t.Errorf("%s: %d %s (%s), want %d %s (%s): %s", what, r.status, s, got, status, slug, rule, r.body)
	}
}

// A list is a page of a list.
type list[T any] struct {
	Items []T
	Next  string
}

// confirmed plays a case, opened by Viet Nam, up to the confirmation of one
// person's nationality, and returns the case and the confirmation's jti.
func (h *house) confirmed() (caseID, confirmation string) {
	h.t.Helper()
	asks, err := h.vn.node.outbox.Submit(h.t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(asked(""))}, consented)
	if err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the question arrives", func() bool {
		_, err := h.kh.node.db.Case(h.t.Context(), exchange.CaseKey{Partner: "VN", Case: asks.Case})
		return err == nil
	})
	body := `{"subjects":[{"subject_ref":"S-1","outcome":"confirmed","evidence_types":["` + firstCode(h.t, "nationality-evidence") + `"],"decided_on":"2026-11-20"}]}`
	sent, err := h.kh.node.outbox.Submit(h.t.Context(), exchange.Draft{To: "VN", Type: exchange.TypeNationality, Case: asks.Case, InReplyTo: asks.ID, Body: json.RawMessage(body)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.stands(asks.Case, exchange.StateConfirmed)
	return asks.Case, sent.ID
}

func (h *house) stands(caseID string, state exchange.State) {
	h.t.Helper()
	eventually(h.t, "the case is "+string(state), func() bool {
		row, err := h.vn.node.db.Case(h.t.Context(), exchange.CaseKey{Partner: "KH", Case: caseID})
		return err == nil && row.State == state
	})
}

// homeward is the draft of a repatriation request. Without the check of
// non-refoulement in its body it lacks a safeguard.
func homeward(caseID, confirmation, more string) map[string]any {
	return map[string]any{
		"partner": "KH", "type": exchange.TypeReturnRequest, "case": caseID,
		"body": json.RawMessage(`{"nationality_confirmation":"` + confirmation + `","subjects":[{"subject_ref":"S-1","minor":false,"voluntariness":{"declared":true,"declared_on":"2026-11-20"}` + more + `,"needs":{}}],"window":{"from":"2026-12-07","to":"2026-12-11"},"gate":"moc-bai","mode":"road"}`),
	}
}

const refoulementChecked = `,"non_refoulement":{"checked":true,"checked_on":"2026-11-20","outcome":"no_risk_found"}`

// submit submits a draft.
func (c *caller) submit(draft map[string]any) operator.DraftView {
	c.t.Helper()
	return read[operator.DraftView](c.t, c.ask(call{method: http.MethodPost, path: "/v1/drafts", body: draft}), http.StatusCreated)
}

// read opens a draft with a reason.
func (c *caller) read(id string) operator.DraftView {
	c.t.Helper()
	return get1[operator.DraftView](c, "/v1/drafts/"+id, "Access-Reason", "release of case 7")
}

// statement is what the caller would sign about a draft that it has read.
func (c *caller) statement(d operator.DraftView, decision string) exchange.Statement {
	return exchange.Statement{
		Officer: c.entry.ID, Audience: "VN", ID: exchange.NewID(), IssuedAt: time.Now().Unix(),
		Draft: d.ID, Version: d.Version, SHA256: d.SHA256, Decision: decision,
	}
}

// decides signs a statement and hands it in.
func (c *caller) decides(s exchange.Statement) reply {
	c.t.Helper()
	signed, err := s.Sign(c.signer)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.handIn(s.Draft, signed)
}

func (c *caller) handIn(draft string, signed []byte) reply {
	c.t.Helper()
	return c.ask(call{method: http.MethodPost, path: "/v1/drafts/" + draft + "/decision", body: signed})
}

// releases reads a draft and releases it.
func (c *caller) releases(id string) operator.DraftView {
	c.t.Helper()
	return read[operator.DraftView](c.t, c.decides(c.statement(c.read(id), exchange.DecisionRelease)), http.StatusOK)
}

func system(o *exchange.Officer) {
	o.Roles, o.Keys = []exchange.Role{exchange.RoleSystem}, nil
}

func police(o *exchange.Officer) { o.Police = true }
