package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
)

// A visitor is an officer's browser without a screen.
type visitor struct {
	t      *testing.T
	base   string
	client *http.Client
	of     string // whose the last page was that was somebody's, as its forms say it
}

// ofField is what says so.
var ofField = regexp.MustCompile(`name="\.of" value="([^"]*)"`)

func newVisitor(t *testing.T, base string, certificates ...tls.Certificate) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}} // #nosec G402 -- a test on loopback
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: t, base: base, client: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}}
}

// visitedBy returns a visitor who has signed in as an officer of the scene.
func (s *scene) visitedBy(officer string) *visitor {
	s.t.Helper()
	v := newVisitor(s.t, s.address)
	v.get(s.link)
	v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
	return v
}

// A page is what a visitor got in the end.
type page struct {
	status int
	at     *url.URL
	body   string
	header http.Header
}

func (v *visitor) do(req *http.Request) page {
	v.t.Helper()
	resp, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if of := ofField.FindSubmatch(body); of != nil {
		v.of = string(of[1])
	}
	return page{resp.StatusCode, resp.Request.URL, string(body), resp.Header}
}

func (v *visitor) get(path string) page {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(req)
}

func (v *visitor) post(path string, form url.Values) page {
	v.t.Helper()
	sent := maps.Clone(form)
	if sent == nil {
		sent = url.Values{}
	}
	if v.of != "" && !sent.Has(".of") {
		sent.Set(".of", v.of)
	}
	req, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(sent.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(req)
}

// inside says whether the visitor is signed in.
func (v *visitor) inside() bool {
	v.t.Helper()
	return v.get("/cases").at.Path == "/cases"
}

// A desk of the console, by itself: a gateway without cases, whose clock a test
// moves.
type office struct {
	*scene
	ahead atomic.Int64
	card  tls.Certificate
}

func newOffice(t *testing.T, cfg ConsoleConfig) *office {
	t.Helper()
	o := &office{scene: &scene{pair: newPair(t, ""), t: t}}
	o.vn.halt()
	o.vn.now = func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }
	o.vn.start()
	var pin string
	o.card, pin = card(t, o.vn)
	lan := officerLan
	lan.Pins = []string{pin}
	for _, officer := range []exchange.Officer{lan, officerAn} {
		if err := o.vn.node.roster.Put(t.Context(), "", officer); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := o.vn.node.newConsole(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o.pages, o.address = pages, o.listen(cfg, pages)
	return o
}

// card makes a client certificate and returns its pin.
func card(t *testing.T, g *testGateway) (tls.Certificate, string) {
	t.Helper()
	key, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := g.world.authority.Issue(certs.IssueRequest{PublicKey: key.Public(), CommonName: "card", DNSNames: []string{"card.example"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Lifetime: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "card.pem")
	if err := certs.WriteCertificates(path, leaf); err != nil {
		t.Fatal(err)
	}
	read, err := certs.ReadCertificates(path)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{read[0].Raw}, PrivateKey: key, Leaf: read[0]}, certs.Pin(read[0])
}

// An officer's certificate signs them in and stays with the session; a cookie
// alone is worth nothing, and neither is a certificate that nobody registered.
func TestConsoleCertificate(t *testing.T) {
	o := newOffice(t, ConsoleConfig{ClientCertificates: true})
	if p := newVisitor(t, o.address).post("/sign-in/certificate", url.Values{}); p.at.Query().Get("failed") != "certificate" {
		t.Errorf("without a certificate: %s", p.at)
	}
	stranger, _ := card(t, o.vn)
	if p := newVisitor(t, o.address, stranger).post("/sign-in/certificate", url.Values{}); p.at.Query().Get("failed") != "unknown" {
		t.Errorf("with a stranger's certificate: %s", p.at)
	}
	refusals := func() int { return len(o.vn.rows(exchange.Filter{Type: "sign_in_refused"})) }
	if n := refusals(); n != 2 {
		t.Errorf("%d of two refusals are in the record", n)
	}
	if !strings.Contains(o.vn.log.String(), "a sign-in was refused") {
		t.Error("the log does not tell of a refused card")
	}
	v := newVisitor(t, o.address, o.card)
	if p := v.get("/cases?turn=us"); p.at.Path != "/sign-in" || p.at.Query().Get("to") != "/cases?turn=us" {
		t.Fatalf("nobody is signed in, and sees %s", p.at)
	}
	if p := v.post("/sign-in/certificate", url.Values{"to": {"/cases?turn=us"}}); p.status != 200 || p.at.RequestURI() != "/cases?turn=us" {
		t.Fatalf("signed in, and at %s", p.at)
	}
	thief := newVisitor(t, o.address)
	thief.client.Jar = v.client.Jar
	if thief.inside() {
		t.Error("the cookie works without the certificate")
	}
	suspended := officerLan
	suspended.Pins, suspended.Status = []string{certs.Pin(o.card.Leaf)}, exchange.OfficerSuspended
	if err := o.vn.node.roster.Put(t.Context(), "", suspended); err != nil {
		t.Fatal(err)
	}
	if v.inside() {
		t.Error("a suspended officer goes on")
	}
	v.post("/sign-in/certificate", url.Values{})
	o.refusedOf("lan")
	in := o.vn.rows(exchange.Filter{Type: "officer_signed_in"})
	if len(in) != 1 {
		t.Errorf("%d sign-ins are in the record", len(in))
	}
	// Nobody fills the record by being turned away, or keeps anybody out by it.
	for range 25 {
		newVisitor(t, o.address, stranger).post("/sign-in/certificate", url.Values{})
	}
	if n := refusals(); n < 20 || n > 22 {
		t.Errorf("%d refusals of one address are in the record", n)
	}
	minh := officerMinh
	minh.Pins = []string{certs.Pin(stranger.Leaf)}
	if err := o.vn.node.roster.Put(t.Context(), "", minh); err != nil {
		t.Fatal(err)
	}
	w := newVisitor(t, o.address, stranger)
	w.post("/sign-in/certificate", url.Values{})
	w.post("/language", url.Values{"language": {"en"}, "to": {"/"}})
	if p := w.get("/audit?kind=sign_in"); !strings.Contains(p.body, "A sign-in was refused") || !strings.Contains(p.body, "Signed in") {
		t.Errorf("the audit of sign-ins: %d", p.status)
	}
	o.vn.check()
}

// refusedOf checks whom the record's last refused sign-in names.
func (o *office) refusedOf(officer string) {
	o.t.Helper()
	rows := o.vn.rows(exchange.Filter{Type: "sign_in_refused"})
	opened, err := o.vn.node.opener.Open(o.t.Context(), rows[len(rows)-1])
	if err != nil || !strings.Contains(string(opened.Data), `"officer":"`+officer+`"`) {
		o.t.Errorf("a refusal of %s is in the record as %s (%v)", officer, opened.Data, err)
	}
}

// A whole sign-in at a real OpenID provider, with PKCE.
func TestConsoleOIDC(t *testing.T) {
	address := reserve(t)
	p := newProvider(t, "https://"+address+"/sign-in/callback")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(providerSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := ConsoleConfig{OIDC: &ConsoleOIDC{Issuer: p.issuer, ClientID: providerClient, SecretFile: secret, URL: "https://" + address, Anchors: p.anchors}}
	o := newOffice(t, cfg)
	o.serveAt(address, cfg)
	spoil := false // what the browser keeps: the nonce is that of another sign-in
	signIn := func() page {
		v := newVisitor(t, "https://"+address)
		login := v.get("/sign-in/provider?to=/cases")
		if !strings.HasPrefix(login.at.String(), p.issuer) {
			t.Fatalf("the provider is not asked: %s", login.at)
		}
		for _, kept := range v.client.Jar.Cookies(&url.URL{Scheme: "https", Host: address, Path: "/"}) {
			data, err := base64.RawURLEncoding.DecodeString(kept.Value)
			if kept.Name != "__Host-errand" || !spoil {
				continue
			}
			var e map[string]string
			if err := errors.Join(err, json.Unmarshal(data, &e)); err != nil {
				t.Fatal(err)
			}
			e["Nonce"] = "another"
			if data, err = json.Marshal(e); err != nil {
				t.Fatal(err)
			}
			v.client.Jar.SetCookies(&url.URL{Scheme: "https", Host: address}, []*http.Cookie{{Name: kept.Name, Value: base64.RawURLEncoding.EncodeToString(data), Path: "/", Secure: true}})
		}
		form := url.Values{"username": {"test-user@127.0.0.1"}, "password": {"verysecure"}, "id": {login.at.Query().Get("authRequestID")}}
		resp, err := v.client.PostForm(p.issuer+"/login/username", form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return page{status: resp.StatusCode, at: resp.Request.URL}
	}
	if got := signIn(); got.at.Query().Get("failed") != "unknown" {
		t.Errorf("an identity that nobody registered: %s", got.at)
	}
	lan := officerLan
	lan.OIDC = []exchange.OIDCIdentity{{Issuer: p.issuer, Subject: "id1"}}
	if err := o.vn.node.roster.Put(t.Context(), "", lan); err != nil {
		t.Fatal(err)
	}
	if got := signIn(); got.status != 200 || got.at.Path != "/cases" {
		t.Errorf("signed in, and at %s", got.at)
	}
	v := newVisitor(t, "https://"+address)
	if got := v.get("/sign-in/callback?code=x&state=y"); got.at.Query().Get("failed") != "state" {
		t.Errorf("an answer that nobody asked for: %s", got.at)
	}
	spoil = true
	if got := signIn(); got.at.Query().Get("failed") != "provider" {
		t.Errorf("an identity that was issued for another sign-in: %s", got.at)
	}
	spoil = false
	o.ahead.Store(int64(20 * time.Minute)) // for the provider it was 20 minutes ago that they said who they are
	if got := signIn(); got.at.Query().Get("failed") != "provider" {
		t.Errorf("signed in there before they were asked to: %s", got.at)
	}
	if n := len(o.vn.rows(exchange.Filter{Type: "sign_in_refused"})); n != 4 {
		t.Errorf("%d of four refusals are in the record", n)
	}
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := v.client.Get("https://" + address + "/sign-in/provider")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if asked, err := resp.Location(); err != nil || asked.Query().Get("prompt") != "login" || asked.Query().Get("code_challenge_method") != "S256" {
		t.Errorf("the provider is asked %s (%v)", asked, err)
	}
}

// serveAt serves the same console at an address that is known beforehand.
func (o *office) serveAt(address string, cfg ConsoleConfig) {
	o.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		o.t.Fatal(err)
	}
	o.serveOn(listener, cfg, o.pages)
}

// Sessions end by themselves, by signing out, and everywhere at once; nobody
// begins one by writing into the table.
func TestConsoleSessions(t *testing.T) {
	o := newOffice(t, ConsoleConfig{ClientCertificates: true})
	in := func() *visitor {
		v := newVisitor(t, o.address, o.card)
		v.post("/sign-in/certificate", url.Values{})
		if !v.inside() {
			t.Fatal("not signed in")
		}
		return v
	}
	idle, busy := in(), in()
	for range 5 {
		o.ahead.Add(int64(25 * time.Minute))
		if !busy.inside() {
			t.Fatal("a session that is used ends")
		}
	}
	if idle.inside() {
		t.Error("a session outlives the idle limit")
	}
	for range 25 { // past twelve hours
		o.ahead.Add(int64(25 * time.Minute))
		busy.inside()
	}
	if busy.inside() {
		t.Error("a session outlives the absolute limit")
	}
	one, two, three := in(), in(), in()
	if p := one.post("/sign-out", nil); p.at.Path != "/sign-in" || one.inside() || !two.inside() {
		t.Errorf("after signing out once: %s", p.at)
	}
	two.post("/sign-out", url.Values{"everywhere": {"1"}})
	if two.inside() || three.inside() {
		t.Error("a session outlives signing out everywhere")
	}
	// What a thief holds does not work again when its officer comes back.
	held := in()
	for _, verb := range []string{"suspend", "resume"} {
		if _, out, code := runGateway(t, "officer", verb, "lan", "--config", o.vn.config); code != exitOK {
			t.Fatalf("%s: %s", verb, out)
		}
	}
	if held.inside() {
		t.Error("a session outlives the suspension of its officer")
	}
	deeds, _, err := o.vn.node.oversight.Trail(t.Context(), &officerMinh, exchange.TrailFilter{Type: "officer_signed_out"}, 0, 2)
	if err != nil || len(deeds) != 2 || deeds[0].By != "" || !slices.Equal(deeds[0].Whom, []string{"lan"}) || deeds[1].By != "lan" || deeds[1].Whom != nil {
		t.Errorf("who put whom out: %+v %v", deeds, err)
	}
	forged := exchange.SessionRow{Hash: "NKyBcK1XVzLXtn6MWVgxWoVHDwXiJtgAaVt53bhMnEM", Officer: "lan", SeenAt: o.vn.now(), Ends: o.vn.now().Add(time.Hour), Content: []byte(`{"officer":"lan"}`)}
	if err := o.vn.node.db.PutSession(t.Context(), forged, o.vn.now()); err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, o.address)
	home, err := url.Parse(o.address)
	if err != nil {
		t.Fatal(err)
	}
	v.client.Jar.SetCookies(home, []*http.Cookie{{Name: "__Host-session", Value: "forged", Path: "/", Secure: true}})
	if v.inside() {
		t.Error("a row in the table is a session")
	}
	o.vn.check()
}

// No configuration opens the door of a demonstration, and its link works once.
func TestConsoleDoor(t *testing.T) {
	o := newOffice(t, ConsoleConfig{ClientCertificates: true})
	v := newVisitor(t, o.address)
	if p := v.get("/enter/ANYTHING"); p.status != 404 {
		t.Errorf("a door that was not opened: %d", p.status)
	}
	if p := v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}}); p.status != 404 {
		t.Errorf("one click without a door: %d", p.status)
	}
	s := newScene(t)
	first, second := newVisitor(t, s.address), newVisitor(t, s.address)
	if p := first.get(s.link); p.at.Path != "/sign-in" || !strings.Contains(p.body, `value="minh"`) {
		t.Fatalf("%s", p.body)
	}
	if p := second.get(s.link); p.at.Query().Get("failed") != "link" || strings.Contains(p.body, `value="minh"`) {
		t.Errorf("the link works twice: %s", p.at)
	}
	if p := second.post("/sign-in/demonstration", url.Values{"officer": {"lan"}}); p.status != 404 {
		t.Errorf("one click without the link: %d", p.status)
	}
	if p := first.post("/sign-in/demonstration", url.Values{"officer": {"an"}}); p.at.Path != "/" {
		t.Fatalf("%s", p.at)
	}

	// An auditor sees cases, and nothing personal.
	message := "/messages/KH/in/" + s.asked
	if p := first.get(message); p.status != 200 || strings.Contains(p.body, `id="reason"`) {
		t.Errorf("an auditor is offered personal data: %d", p.status)
	}
	if p := first.post(message, url.Values{"reason": {"out of curiosity"}, "all": {"1"}}); p.status != 403 || strings.Contains(p.body, "Tiền Giang") {
		t.Errorf("an auditor's reveal: %d", p.status)
	}

	// Another site's form, too long a form, and pages that are not there.
	first.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	req, err := http.NewRequest(http.MethodPost, s.address+message, strings.NewReader("reason=anything+at+all&all=1"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := first.do(req); p.status != 403 || strings.Contains(p.body, "Tiền Giang") {
		t.Errorf("a form of another site: %d", p.status)
	}
	if p := first.post(message, url.Values{"reason": {strings.Repeat("a", 100_000)}, "all": {"1"}}); p.status != 413 {
		t.Errorf("a form that is too long: %d", p.status)
	}
	for _, path := range []string{"/messages/KH/in/none", "/messages/KH/sideways/" + s.asked, "/drafts/none", "/cases/XX/none", "/assets/", "/nowhere"} {
		if p := first.get(path); p.status != 404 {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was shown", n)
	}
	s.headers(first, message)
	if req, err := http.NewRequest(http.MethodHead, first.base+message, nil); err != nil {
		t.Fatal(err)
	} else if p := first.do(req); p.status != 200 || p.body != "" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("HEAD: %d, %d bytes", p.status, len(p.body))
	}
	s.quiet()
}

// headers checks what goes with a page that holds a case, and what it weighs.
func (s *scene) headers(v *visitor, path string) {
	s.t.Helper()
	p := v.get(path)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"Cache-Control":           "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Content-Language": "vi",
	} {
		if got := p.header.Get(name); got != want {
			s.t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	bare := regexp.MustCompile(`<script src="/assets/[0-9a-f]{12}/[a-z]+\.js" (?:defer|type="module")></script>`).ReplaceAllString(p.body, "")
	if strings.Contains(bare, "<script") || strings.Contains(bare, "style=") {
		s.t.Error("the page has a script or a style of its own")
	}
	var weight bytes.Buffer
	pressed := gzip.NewWriter(&weight)
	for _, part := range []string{p.body, v.get("/assets/any/fonts.css").body, v.get("/assets/any/govuk.css").body, v.get("/assets/any/console.css").body, v.get("/assets/any/mark.svg").body} {
		_, _ = pressed.Write([]byte(part)) // into memory
	}
	_ = pressed.Close()
	if weight.Len() > 150<<10 {
		s.t.Errorf("the page weighs %d bytes", weight.Len())
	}
	s.t.Logf("the page weighs %d bytes compressed", weight.Len())
}
