package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A refusal is one row of the table of bad input.
type refusal struct {
	name                string
	message             func(g *testGateway) []byte
	status              int
	slug, rule, pointer string
}

// claimsWith signs valid claims after a change.
func claimsWith(change func(c map[string]any)) func(*testGateway) []byte {
	return func(g *testGateway) []byte {
		data, err := json.Marshal(g.claims("VN"))
		if err != nil {
			g.t.Fatal(err)
		}
		var c map[string]any
		if err := json.Unmarshal(data, &c); err != nil {
			g.t.Fatal(err)
		}
		for _, n := range []string{"iat", "exp"} { // not 1.79e+09
			c[n] = int64(c[n].(float64))
		}
		change(c)
		return g.sign(c)
	}
}

// bodyWith changes the first subject.
func bodyWith(change func(s map[string]any)) func(*testGateway) []byte {
	return claimsWith(func(c map[string]any) {
		change(c["body"].(map[string]any)["subjects"].([]any)[0].(map[string]any))
	})
}

// recoded changes the bytes of a valid message.
func recoded(change func(parts []string) []byte) func(*testGateway) []byte {
	return func(g *testGateway) []byte {
		return change(strings.Split(string(g.sign(g.claims("VN"))), "."))
	}
}

func joined(parts ...string) []byte { return []byte(strings.Join(parts, ".")) }

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

var refusals = []refusal{
	{"empty", func(*testGateway) []byte { return []byte{} }, 400, "jws-invalid", "jws-form", ""},
	{"not a JWS", func(*testGateway) []byte { return []byte(`{"payload":"e30"}`) }, 400, "jws-invalid", "jws-form", ""},
	{"trailing line feed", recoded(func(p []string) []byte { return append(joined(p...), '\n') }), 400, "jws-invalid", "jws-base64", ""},
	{"padding", recoded(func(p []string) []byte { return joined(p[0], p[1]+"=", p[2]) }), 400, "jws-invalid", "jws-base64", ""},
	{"header with crit", recoded(func(p []string) []byte {
		return joined(b64(`{"alg":"ES256","kid":"kh-signing-1","typ":"repatriation+jwt","crit":[]}`), p[1], p[2])
	}), 400, "jws-invalid", "jws-header", ""},
	{"alg none", recoded(func(p []string) []byte {
		return joined(b64(`{"alg":"none","kid":"kh-signing-1","typ":"repatriation+jwt"}`), p[1], p[2])
	}), 400, "jws-invalid", "jws-alg", ""},
	{"alg of another key", recoded(func(p []string) []byte {
		return joined(b64(`{"alg":"EdDSA","kid":"kh-signing-1","typ":"repatriation+jwt"}`), p[1], p[2])
	}), 400, "signature-invalid", "jws-alg", ""},
	{"a receipt's type", recoded(func(p []string) []byte {
		return joined(b64(`{"alg":"ES256","kid":"kh-signing-1","typ":"receipt+jwt"}`), p[1], p[2])
	}), 400, "jws-invalid", "jws-typ", ""},
	{"unknown key", recoded(func(p []string) []byte {
		return joined(b64(`{"alg":"ES256","kid":"somebody","typ":"repatriation+jwt"}`), p[1], p[2])
	}), 400, "signature-invalid", "jws-kid", ""},
	{"another key's signature", func(g *testGateway) []byte {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			g.t.Fatal(err)
		}
		forger, err := seal.NewSigner(key, "kh-signing-1", "ES256")
		if err != nil {
			g.t.Fatal(err)
		}
		payload, err := json.Marshal(g.claims("VN"))
		if err != nil {
			g.t.Fatal(err)
		}
		message, err := forger.Sign(exchange.TypMessage, payload)
		if err != nil {
			g.t.Fatal(err)
		}
		return message
	}, 400, "signature-invalid", "jws-signature", ""},
	{"changed claims", recoded(func(p []string) []byte { return joined(p[0], b64(`{"iss":"KH"}`), p[2]) }), 400, "signature-invalid", "jws-signature", ""},
	{"claims are no JSON", func(g *testGateway) []byte { return g.signPayload([]byte(`{"iss":`)) }, 400, "json-invalid", "syntax", "/iss"},
	{"duplicate claim", func(g *testGateway) []byte { return g.signPayload([]byte(`{"iss":"KH","iss":"LA"}`)) }, 400, "json-invalid", "duplicate-name", ""},
	{"bad UTF-8", func(g *testGateway) []byte { return g.signPayload([]byte("{\"iss\":\"\xff\"}")) }, 400, "json-invalid", "utf8", ""},
	{"huge number", func(g *testGateway) []byte { return g.signPayload([]byte(`{"iat":1e1000001}`)) }, 400, "json-invalid", "number", "/iat"},
	{"missing claim", claimsWith(func(c map[string]any) { delete(c, "purpose") }), 400, "envelope-invalid", "required", "/purpose"},
	{"unknown claim", claimsWith(func(c map[string]any) { c["nbf"] = 1 }), 400, "envelope-invalid", "additionalProperties", ""},
	{"aud is a list", claimsWith(func(c map[string]any) { c["aud"] = []string{"VN"} }), 400, "envelope-invalid", "type", "/aud"},
	{"iat is a fraction", claimsWith(func(c map[string]any) { c["iat"] = 1.5 }), 400, "envelope-invalid", "type", "/iat"},
	{"iat in scientific notation", func(g *testGateway) []byte {
		payload, err := json.Marshal(g.claims("VN"))
		if err != nil {
			g.t.Fatal(err)
		}
		iat := fmt.Sprintf(`"iat":%d`, claimsIn(g.t, g.signPayload(payload)).IssuedAt)
		return g.signPayload(bytes.Replace(payload, []byte(iat), []byte(`"iat":1.79e9`), 1))
	}, 400, "envelope-invalid", "numeric-date", "/iat"},
	{"another issuer", claimsWith(func(c map[string]any) { c["iss"] = "LA" }), 403, "issuer-mismatch", "", "/iss"},
	{"another audience", claimsWith(func(c map[string]any) { c["aud"] = "LA" }), 403, "audience-mismatch", "", "/aud"},
	{"expired", claimsWith(func(c map[string]any) {
		c["iat"], c["exp"] = time.Now().Add(-2*time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	}), 400, "expired", "", "/exp"},
	{"from the future", claimsWith(func(c map[string]any) {
		c["iat"], c["exp"] = time.Now().Add(time.Hour).Unix(), time.Now().Add(2*time.Hour).Unix()
	}), 400, "not-yet-valid", "", "/iat"},
	{"valid for too long", claimsWith(func(c map[string]any) { c["exp"] = time.Now().Add(15 * 24 * time.Hour).Unix() }), 400, "lifetime-too-long", "", "/exp"},
	{"exp before iat", claimsWith(func(c map[string]any) { c["exp"] = c["iat"] }), 400, "lifetime-too-long", "", "/exp"},
	{"unknown type", claimsWith(func(c map[string]any) { c["type"] = "party_invitation" }), 422, "type-unknown", "", "/type"},
	{"unknown agreement", claimsWith(func(c map[string]any) { c["agreement"] = "KH1999" }), 403, "agreement-refused", "agreement-unknown", "/agreement"},
	{"unknown purpose", claimsWith(func(c map[string]any) { c["purpose"] = "curiosity" }), 403, "agreement-refused", "purpose-not-permitted", "/purpose"},
	{"forbidden field", bodyWith(func(s map[string]any) { s["photo"] = map[string]any{"media_type": "image/png", "content": "AAAA"} }), 422, "field-refused", "field-forbidden", "/body/subjects/0/photo"},
	{"schema violation", bodyWith(func(s map[string]any) { s["sex"] = "F" }), 422, "schema-violation", "enum", "/body/subjects/0/sex"},
	{"answers nothing", claimsWith(func(c map[string]any) {
		c["type"], c["body"] = "identity_verification_response", json.RawMessage(`{"subjects":[{"subject_ref":"S-1","outcome":"refused"}]}`)
	}), 409, "case-state", "case-from-state", "/case"},
	{"a request that answers", claimsWith(func(c map[string]any) { c["in_reply_to"] = exchange.NewID() }), 409, "case-state", "reply-not-allowed", "/in_reply_to"},
}

// Each refusal: the status, the slug, the rule and the place; a row in the
// record and a count, and no case that moved.
func TestRefusals(t *testing.T) {
	p := newPair(t, "")
	for i, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			p.kh.t = t
			message := r.message(p.kh)
			got := p.kh.post(p.vn, message)
			slug, rule, pointer := got.problem()
			if got.status != r.status || slug != r.slug || rule != r.rule || pointer != r.pointer {
				t.Errorf("got %d %s %q %q, want %d %s %q %q\n%s", got.status, slug, rule, pointer, r.status, r.slug, r.rule, r.pointer, got.body)
			}
			if rule != "" && !exchange.KnownRule(rule) {
				t.Errorf("a partner of ours would not show the rule %s", rule)
			}
			rows := p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal})
			if len(rows) != i+1 || rows[i].Partner != "KH" {
				t.Fatalf("%d refusals are recorded, want %d", len(rows), i+1)
			}
			opened, err := p.vn.node.opener.Open(context.Background(), rows[i])
			if err != nil || !bytes.Contains(opened.Data, []byte(`"problem":"`+r.slug+`"`)) {
				t.Errorf("the record says %s (%v)", opened.Data, err)
			}
		})
	}
	p.kh.t = t
	if messages := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage}); len(messages) != 0 {
		t.Errorf("%d bad messages were taken", len(messages))
	}
	counted := metric(t, p.vn, "gateway_refusals_total")
	if counted != float64(len(refusals)) {
		t.Errorf("%g refusals are counted, want %d", counted, len(refusals))
	}
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Errorf("after all that a good message gets %d %s", r.status, r.body)
	}
	p.vn.check()
}

// metric sums a counter over its labels.
func metric(t testing.TB, g *testGateway, name string) float64 {
	t.Helper()
	families, err := g.node.collected.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, names := 0.0, []string{}
	for _, f := range families {
		names = append(names, f.GetName())
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	if sum == 0 {
		t.Logf("metrics: %v", names)
	}
	return sum
}

// What the HTTP server refuses before it reads a message.
func TestHTTPRefusals(t *testing.T) {
	p := newPair(t, "")
	p.vn.editPartner("kh", func(k *partners.Partner) {
		size := 8 << 10
		k.RawLimits.MaxBodyBytes = &size
	})
	p.vn.reload()
	good := p.kh.sign(p.kh.claims("VN"))
	for name, c := range map[string]struct {
		method, path string
		body         io.Reader
		header       map[string]string
		status       int
		slug         string
	}{
		"no such path":       {"GET", "/v1/nothing", nil, nil, 404, "not-found"},
		"wrong method":       {"DELETE", "/v1/messages", nil, nil, 405, "method-not-allowed"},
		"no content type":    {"POST", "/v1/messages", bytes.NewReader(good), nil, 415, "media-type"},
		"JSON":               {"POST", "/v1/messages", bytes.NewReader(good), map[string]string{"Content-Type": "application/json"}, 415, "media-type"},
		"content encoding":   {"POST", "/v1/messages", bytes.NewReader(good), map[string]string{"Content-Type": exchange.MediaTypeMessage, "Content-Encoding": "identity"}, 415, "content-encoding"},
		"too large":          {"POST", "/v1/messages", bytes.NewReader(make([]byte, 9<<10)), map[string]string{"Content-Type": exchange.MediaTypeMessage}, 413, "too-large"},
		"too large, chunked": {"POST", "/v1/messages", io.MultiReader(bytes.NewReader(make([]byte, 9<<10))), map[string]string{"Content-Type": exchange.MediaTypeMessage}, 413, "too-large"},
		"no checkpoint yet":  {"GET", "/v1/log/tile/0/x000/000", nil, nil, 404, "not-found"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "https://"+p.vn.listen+c.path, c.body)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range c.header {
				req.Header.Set(k, v)
			}
			r, err := p.kh.do(req)
			if err != nil {
				t.Fatal(err)
			}
			if slug, _, _ := r.problem(); r.status != c.status || slug != c.slug {
				t.Errorf("got %d %s, want %d %s: %s", r.status, slug, c.status, c.slug, r.body)
			}
			if c.status == 405 && r.header.Get("Allow") != "POST" {
				t.Errorf("Allow is %q", r.header.Get("Allow"))
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Error("the answer may be cached")
			}
		})
	}
}

// What only a client of its own can send: header lines that a library would
// fold or leave out. Each request is written as it stands.
func TestRawRequests(t *testing.T) {
	p := newPair(t, "")
	message := p.kh.sign(p.kh.claims("VN"))
	post := "POST /v1/messages HTTP/1.1\r\nHost: vn\r\nContent-Type: " + exchange.MediaTypeMessage + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(message), message)
	for _, c := range []struct {
		name, request string
		status        int
		slug          string
	}{
		{"another Content-Type behind it", post + "Content-Type: text/html\r\n" + length, 415, "media-type"},
		{"an empty Content-Encoding", post + "Content-Encoding:\r\n" + length, 415, "content-encoding"},
		{"an empty one before another", post + "Content-Encoding:\r\nContent-Encoding: gzip\r\n" + length, 415, "content-encoding"},
		{"Content-Encoding twice", post + "Content-Encoding: identity\r\nContent-Encoding: identity\r\n" + length, 415, "content-encoding"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: vn\r\n\r\n", 404, "not-found"},
		{"headers within the limit", post + "X-Pad: " + strings.Repeat("a", 15<<10) + "\r\n" + length, 202, ""},
		{"headers above the limit", post + "X-Pad: " + strings.Repeat("a", 16<<10) + "\r\n" + length, 431, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := p.kh.raw(t, p.vn, c.request)
			if slug, _, _ := r.problem(); r.status != c.status || slug != c.slug {
				t.Errorf("got %d %q, want %d %q: %s", r.status, slug, c.status, c.slug, r.body)
			}
		})
	}
}

// raw writes a request as it stands and reads the answer.
func (g *testGateway) raw(t *testing.T, to *testGateway, request string) reply {
	t.Helper()
	config, err := g.clientTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", to.listen, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, body}
}

// Too fast, too many at once: 429 and 503 with Retry-After, counted only.
func TestLimits(t *testing.T) {
	p := newPair(t, "")
	p.vn.editPartner("kh", func(k *partners.Partner) {
		rate, burst := 0.1, 2
		k.RawLimits.RatePerSecond, k.RawLimits.Burst = &rate, &burst
	})
	p.vn.reload()
	var slugs []string
	var last reply
	for range 4 {
		last = p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
		slug, _, _ := last.problem()
		slugs = append(slugs, slug)
	}
	if slugs[3] != "rate-limited" || last.header.Get("Retry-After") == "" || last.status != http.StatusTooManyRequests {
		t.Errorf("got %v", slugs)
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal}); len(rows) != 0 {
		t.Error("a partner that is too fast fills the record")
	}
}

// The redact rule removes before signing, the require rule asks, and a
// direction that is not permitted is refused on both sides.
func TestAgreementIsKept(t *testing.T) {
	p := newPair(t, "")
	p.vn.editAgreement(func(a *partners.Agreement) {
		for i := range a.Permits {
			if a.Permits[i].Direction == partners.Receive && a.Permits[i].Type == benchType {
				a.Permits[i].Fields = append(a.Permits[i].Fields, partners.FieldRule{Pointer: "/found_on", Rule: "require"})
			}
		}
	})
	p.vn.reload()
	message := claimsWith(func(c map[string]any) { delete(c["body"].(map[string]any), "found_on") })(p.kh)
	if slug, rule, pointer := p.kh.post(p.vn, message).problem(); slug != "field-refused" || rule != "field-required" || pointer != "/body/found_on" {
		t.Errorf("a missing required field: %s %s %s", slug, rule, pointer)
	}
	p.vn.editAgreement(func(a *partners.Agreement) {
		a.Permits = a.Permits[:0:0]
		a.Deadlines = nil
		a.Permits = append(a.Permits, partners.Permit{Type: "identity_verification_response", Direction: partners.Receive, Purposes: []string{demoPurpose}})
	})
	p.vn.reload()
	if slug, rule, _ := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).problem(); slug != "agreement-refused" || rule != "type-not-permitted" {
		t.Errorf("a type that is not permitted: %s %s", slug, rule)
	}
	p.vn.editAgreement(func(a *partners.Agreement) {
		a.Permits = []partners.Permit{{Type: benchType, Direction: partners.Send, Purposes: []string{demoPurpose}}}
	})
	p.vn.reload()
	if slug, rule, _ := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).problem(); slug != "agreement-refused" || rule != "direction-not-permitted" {
		t.Errorf("the wrong direction: %s %s", slug, rule)
	}
	p.vn.editAgreement(func(a *partners.Agreement) { a.Status = "ended" })
	p.vn.reload()
	if slug, rule, _ := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).problem(); slug != "agreement-refused" || rule != "agreement-not-in-force" {
		t.Errorf("an agreement that is not in force: %s %s", slug, rule)
	}
}

// Refusals and logs hold no value from a record: a canary in every string of
// a bad body comes back nowhere.
func TestNoValueLeavesByErrorOrLog(t *testing.T) {
	p := newPair(t, "")
	const canary = "Zebra7731"
	for _, change := range []func(s map[string]any){
		func(s map[string]any) { s["sex"] = canary },
		func(s map[string]any) { s[canary] = canary },
		func(s map[string]any) { s["date_of_birth"] = canary },
		func(s map[string]any) { s["name"].(map[string]any)["latin"] = canary + "1" },
		func(s map[string]any) { s["photo"] = map[string]any{"media_type": "image/png", "content": b64(canary)} },
	} {
		got := p.kh.post(p.vn, bodyWith(change)(p.kh))
		if got.status == http.StatusAccepted {
			t.Errorf("taken: %s", got.body)
		}
		if strings.Contains(string(got.body), canary) {
			t.Errorf("the answer quotes the record: %s", got.body)
		}
	}
	p.kh.post(p.vn, bodyWith(func(s map[string]any) { s["claimed_birthplace"].(map[string]any)["text_as_given"] = canary })(p.kh))
	if strings.Contains(p.vn.log.String(), canary) {
		t.Error("the log quotes the record")
	}
	// Nor does the store, in clear.
	p.vn.halt()
	for name, data := range copyStore(t, p.vn) {
		if bytes.Contains(data, []byte(canary)) || bytes.Contains(data, []byte(b64(canary))) {
			t.Errorf("%s holds the record in clear", filepath.Base(name))
		}
	}
	p.vn.start()
	if _, err := os.Stat(p.vn.path("gateway.db")); err != nil {
		t.Fatal(err)
	}
}
