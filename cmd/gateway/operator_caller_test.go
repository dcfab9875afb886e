package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
)

// A provider is a real OpenID provider in this process.
type provider struct {
	t       *testing.T
	issuer  string
	anchors string // a file; "" where it is not asked for by TLS
	storage *storage.Storage
	away    atomic.Bool
	fetches atomic.Int64
}

const providerClient, providerSecret, providerReturn = "gateway-vn", "secret", "http://localhost:9999/auth/callback"

func newProvider(t *testing.T, returns ...string) *provider {
	t.Helper()
	p := &provider{t: t}
	var handler http.Handler
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			p.fetches.Add(1)
		}
		if p.away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	if len(returns) == 0 {
		server.Start()
	} else { // the officers' pages have one that the house's own authority vouches for
		server.StartTLS()
		p.anchors = filepath.Join(t.TempDir(), "house-ca.pem")
		if err := certs.WriteCertificates(p.anchors, server.Certificate()); err != nil {
			t.Fatal(err)
		}
	}
	p.issuer = server.URL
	client := storage.WebClient(providerClient, providerSecret, append(returns, providerReturn)...)
	p.storage = storage.NewStorageWithClients(storage.NewUserStore(p.issuer), map[string]*storage.Client{providerClient: client})
	handler = exampleop.SetupServer(p.issuer, p.storage, slog.New(slog.DiscardHandler), false)
	return p
}

// login is a whole login of the example's user: the pages, the code, the token.
func (p *provider) login() string {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), providerReturn) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	begin := url.Values{"client_id": {providerClient}, "redirect_uri": {providerReturn}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}}
	page, err := browser.Get(p.issuer + "/auth?" + begin.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	_ = page.Body.Close()
	form := url.Values{"username": {"test-user@127.0.0.1"}, "password": {"verysecure"}, "id": {page.Request.URL.Query().Get("authRequestID")}}
	back, err := browser.PostForm(p.issuer+"/login/username", form)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = back.Body.Close()
	to, err := back.Location()
	if err != nil {
		p.t.Fatalf("the login does not come back: %d", back.StatusCode)
	}
	req, err := http.NewRequest(http.MethodPost, p.issuer+"/oauth/token", strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {providerReturn},
	}.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(providerClient, providerSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(data, &tokens); err != nil || tokens.IDToken == "" {
		p.t.Fatalf("no token: %s", data)
	}
	return tokens.IDToken
}

// token signs claims as the provider does, with its own key.
func (p *provider) token(typ string, change func(map[string]any)) string {
	p.t.Helper()
	key, err := p.storage.SigningKey(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return sealed(p.t, jose.RS256, key.Key(), key.ID(), typ, p.claims(change))
}

func (p *provider) claims(change func(map[string]any)) map[string]any {
	now := time.Now()
	claims := map[string]any{"iss": p.issuer, "sub": "id1", "aud": providerClient, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	if change != nil {
		change(claims)
	}
	return claims
}

func sealed(t *testing.T, alg jose.SignatureAlgorithm, key any, kid, typ string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithHeader("kid", kid)
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	out, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func bearer(token string) call {
	return call{method: http.MethodGet, path: "/v1/me", header: map[string]string{"Authorization": "Bearer " + token}}
}

// Officers who are known to the identity provider call with its tokens; what
// is not exactly such a token, for this gateway and now, is refused.
func TestBearerTokens(t *testing.T) {
	op := newProvider(t)
	h := newHouse(t, newPair(t, ""), func(c *Config) { c.Operator.OIDC = &OIDCConfig{Issuer: op.issuer, Audience: providerClient} })
	h.officer("mai", func(o *exchange.Officer) {
		o.Pins, o.OIDC = nil, []exchange.OIDCIdentity{{Issuer: op.issuer, Subject: "id1"}}
	})
	anybody := h.calls()
	op.away.Store(true)
	r := h.ask(anybody, bearer(op.token("JWT", nil)))
	refusedWith(t, "the provider is away", r, 503, "identity-unavailable", "")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	op.away.Store(false)
	id := op.login()
	eventually(t, "a login is taken", func() bool { return h.ask(anybody, bearer(id)).status == http.StatusOK })
	for what, token := range map[string]string{
		"an access token": op.token("at+jwt", nil), "a token without a type": op.token("", nil), "several audiences": op.token("JWT", func(c map[string]any) { c["aud"] = []string{"other", providerClient} }),
		"a little late": op.token("JWT", func(c map[string]any) { c["exp"] = time.Now().Add(-30 * time.Second).Unix() }),
	} {
		if r := h.ask(anybody, bearer(token)); r.status != http.StatusOK || !strings.Contains(string(r.body), `"id":"mai"`) {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	key, err := op.storage.SigningKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := key.Key().(*rsa.PrivateKey).PublicKey.N.Bytes()
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(op.token("JWT", nil), ".")[1] + "."
	for what, bad := range map[string]struct{ token, rule string }{
		"another audience":     {op.token("JWT", func(c map[string]any) { c["aud"] = "gateway-kh" }), "token-refused"},
		"no audience":          {op.token("JWT", func(c map[string]any) { delete(c, "aud") }), "token-refused"},
		"another issuer":       {op.token("JWT", func(c map[string]any) { c["iss"] = "https://elsewhere.example" }), "token-refused"},
		"nobody":               {op.token("JWT", func(c map[string]any) { delete(c, "sub") }), "token-refused"},
		"a stranger":           {op.token("JWT", func(c map[string]any) { c["sub"] = "id2" }), "identity-unknown"},
		"expired":              {op.token("JWT", func(c map[string]any) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }), "token-expired"},
		"for ever":             {op.token("JWT", func(c map[string]any) { delete(c, "exp") }), "token-expired"},
		"from the future":      {op.token("JWT", func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() }), "token-refused"},
		"not yet":              {op.token("JWT", func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() }), "token-refused"},
		"the end of a session": {op.token("logout+jwt", nil), "token-form"},
		"a foreign key":        {sealed(t, jose.RS256, stranger, key.ID(), "JWT", op.claims(nil)), "token-refused"},
		"an unknown key":       {sealed(t, jose.EdDSA, edwards, "other", "JWT", op.claims(nil)), "token-refused"},
		"a symmetric key":      {sealed(t, jose.HS256, public, key.ID(), "JWT", op.claims(nil)), "token-refused"},
		"no signature":         {none, "token-form"},
		"no token":             {"opaque", "token-form"},
		"JSON":                 {`{"payload":"e30"}`, "token-form"},
		"an empty one":         {"", "token-form"},
	} {
		refusedWith(t, what, h.ask(anybody, bearer(bad.token)), 401, "unauthenticated", bad.rule)
	}
	refusedWith(t, "a password", h.ask(anybody, call{method: http.MethodGet, path: "/v1/me", header: map[string]string{"Authorization": "Basic bWFpOnB3"}}), 401, "unauthenticated", "token-form")
	// A stranger's tokens do not make us ask the provider for ever.
	before := op.fetches.Load()
	for range 60 {
		h.ask(anybody, bearer(sealed(t, jose.EdDSA, edwards, "other", "JWT", op.claims(nil))))
	}
	if n := op.fetches.Load() - before; n > 20 {
		t.Errorf("the provider was asked %d times", n)
	}
	if h.ask(anybody, bearer(id)).status != http.StatusOK {
		t.Error("a good token is not taken any more")
	}
	if strings.Contains(h.vn.log.String(), strings.Split(id, ".")[1]) {
		t.Error("the log holds a token")
	}
}

// Officers and systems call with their own certificates. Each is judged at
// every request, on connections that are already open too.
func TestCallersCertificates(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		me := call{method: http.MethodGet, path: "/v1/me"}
		c := h.officer("mai")
		var who struct {
			ID, Self string
			Partners []string
		}
		if who = get1[struct {
			ID, Self string
			Partners []string
		}](c, "/v1/me"); who.ID != "mai" || who.Self != "VN" || len(who.Partners) != 1 {
			t.Errorf("%+v", who)
		}
		r := h.ask(h.calls(), me)
		refusedWith(t, "nobody", r, 401, "unauthenticated", "no-credentials")
		if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
			t.Error("no challenge")
		}
		_, unknown := h.client(h.vn.world.authority, time.Hour)
		refusedWith(t, "a certificate of nobody", h.ask(unknown, me), 401, "unauthenticated", "identity-unknown")
		elsewhere, err := certs.NewAuthority(certs.AuthorityConfig{Dir: filepath.Join(t.TempDir(), "ca"), CommonName: "Another authority", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		key, foreign := h.client(elsewhere, time.Hour)
		h.officer("binh", func(o *exchange.Officer) { o.Pins = []string{pinOf(t, key)} })
		refusedWith(t, "another authority's", h.ask(foreign, me), 401, "unauthenticated", "chain")
		past, err := certs.LoadAuthority(filepath.Dir(h.vn.world.anchor()), func() time.Time { return time.Now().Add(-time.Hour) })
		if err != nil {
			t.Fatal(err)
		}
		key, late := h.client(past, 30*time.Minute)
		h.officer("chi", func(o *exchange.Officer) { o.Pins = []string{pinOf(t, key)} })
		refusedWith(t, "an expired one", h.ask(late, me), 401, "unauthenticated", "expired")
		refusedWith(t, "a token beside it, which decides", c.ask(call{method: http.MethodGet, path: "/v1/me", header: map[string]string{"Authorization": "Bearer x"}}), 401, "unauthenticated", "token-form")

		c.entry.Status = exchange.OfficerSuspended
		c.put()
		refusedWith(t, "suspended, on the open connection", c.ask(me), 401, "unauthenticated", "identity-unknown")
		c.entry.Status = exchange.OfficerActive
		c.put()
		if r := c.ask(me); r.status != http.StatusOK {
			t.Errorf("resumed: %d %s", r.status, r.body)
		}
		c.entry.Pins = nil
		c.put()
		refusedWith(t, "its pin was taken away", c.ask(me), 401, "unauthenticated", "identity-unknown")
		// Old TLS has no session at all.
		config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}
		if conn, err := tls.Dial("tcp", h.address, config); err == nil {
			_ = conn.Close()
			t.Error("TLS 1.2 is taken")
		}
		h.vn.check()
	})
}

func pinOf(t *testing.T, key any) string {
	t.Helper()
	pin, err := certs.PinKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pin
}

// The door is narrow: pages in browsers, other methods, forms and sizes are
// refused, and so is more than one caller may ask.
func TestOperatorDoor(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	c := h.officer("mai")
	get := func(path string, header ...string) call {
		return call{method: http.MethodGet, path: path, header: map[string]string{header[0]: header[1]}}
	}
	refusedWith(t, "a page", c.ask(get("/v1/cases", "Origin", "https://evil.example")), 403, "forbidden", "browser")
	refusedWith(t, "a form", c.ask(get("/v1/cases", "Sec-Fetch-Site", "cross-site")), 403, "forbidden", "browser")
	r := c.ask(call{method: http.MethodOptions, path: "/v1/cases"})
	refusedWith(t, "a preflight", r, 405, "method-not-allowed", "")
	if r.header.Get("Allow") != "GET" {
		t.Errorf("Allow: %s", r.header.Get("Allow"))
	}
	for name := range r.header {
		if strings.HasPrefix(name, "Access-Control") || name == "Set-Cookie" {
			t.Errorf("an answer has %s", name)
		}
	}
	refusedWith(t, "no name", c.ask(call{method: http.MethodGet, path: "/v1/cases/KH/a%00b"}), 404, "not-found", "")
	refusedWith(t, "no name", c.ask(call{method: http.MethodGet, path: "/v1/drafts/%ff"}), 404, "not-found", "")
	refusedWith(t, "nothing is there", c.ask(call{method: http.MethodGet, path: "/v2/cases"}), 404, "not-found", "")
	refusedWith(t, "a stranger learns nothing of paths", h.ask(h.calls(), call{method: http.MethodGet, path: "/v2/cases"}), 401, "unauthenticated", "no-credentials")
	for path, rule := range map[string]string{
		"/v1/cases?nonsense=1": "parameter-unknown", "/v1/cases?kind=nonsense": "parameter-value", "/v1/cases?limit=0": "parameter-value", "/v1/cases?limit=201": "parameter-value",
		"/v1/cases?cursor=nonsense": "cursor", "/v1/cases?due_before=today": "parameter-value", "/v1/cases?state=": "parameter-value", "/v1/cases?turn=us&turn=us": "parameter-value",
		"/v1/events?after=KH-7": "parameter-value", "/v1/events?after=VN-07": "parameter-value", "/v1/messages?direction=up": "parameter-value", "/v1/drafts?state=gone": "parameter-value",
		"/v1/cases?%zz": "parameter-form", "/v1/cases?case=%00": "parameter-value", "/v1/messages?case=%ff": "parameter-value",
	} {
		refusedWith(t, path, c.ask(call{method: http.MethodGet, path: path}), 400, "request-invalid", rule)
	}
	post := func(body any, header ...string) call {
		what := call{method: http.MethodPost, path: "/v1/drafts", body: body, header: map[string]string{}}
		if len(header) > 0 {
			what.header[header[0]] = header[1]
		}
		return what
	}
	refusedWith(t, "another type", c.ask(post(map[string]any{}, "Content-Type", "text/plain")), 415, "media-type", "")
	refusedWith(t, "compressed", c.ask(post(map[string]any{}, "Content-Encoding", "gzip")), 415, "content-encoding", "")
	refusedWith(t, "too large", c.ask(post(map[string]any{"body": strings.Repeat("x", 1<<20)})), 413, "too-large", "")
	for body, rule := range map[string]string{
		`{"partner":"KH","partner":"LA"}`: "duplicate-name", `{"partner":"KH","nonsense":1}`: "members", `{"partner":7}`: "members", `{`: "syntax", `{"jti":"x"}`: "identifier",
	} {
		refusedWith(t, body, c.ask(post([]byte(body), "Content-Type", "application/json")), 400, "request-invalid", rule)
	}
	refusedWith(t, "a reason that is none", c.ask(get("/v1/drafts/"+exchange.NewID(), "Access-Reason", "%zz")), 400, "request-invalid", "reason-form")

	limited := h.officer("fast")
	slowed := 0
	for range 160 {
		if r := limited.ask(call{method: http.MethodGet, path: "/v1/me"}); r.status == http.StatusTooManyRequests {
			slowed++
			if r.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	if slowed == 0 {
		t.Error("160 requests at once are all answered")
	}
	if r := c.ask(call{method: http.MethodGet, path: "/v1/me"}); r.status != http.StatusOK {
		t.Errorf("another caller is slowed down: %d", r.status)
	}
}
