package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A testGateway is a whole gateway in this process: its own folder, store,
// keys and TLS listener, wired as serve wires it.
type testGateway struct {
	*party
	t    testing.TB
	node *node
	stop context.CancelFunc
	done chan error
	log  *logBuffer
	http *http.Client // as this party, to the others
	wrap func(http.Handler) http.Handler
	now  func() time.Time // the record's clock; nil: the machine's
}

// A pair is a world of Viet Nam and Cambodia.
type pair struct{ vn, kh *testGateway }

// newPair starts both gateways. storeURL is Viet Nam's store; "" is SQLite.
func newPair(t testing.TB, storeURL string) *pair {
	t.Helper()
	if storeURL == "" {
		storeURL = "gateway.db"
	}
	vn := &party{code: "VN", name: "Viet Nam (test)", listen: reserve(t), admin: reserve(t), store: storeURL}
	kh := &party{code: "KH", name: "Cambodia (test)", listen: reserve(t), store: "gateway.db"}
	if _, err := newWorld(filepath.Join(t.TempDir(), "world"), false, []*party{vn, kh}); err != nil {
		t.Fatal(err)
	}
	p := &pair{&testGateway{party: vn, t: t}, &testGateway{party: kh, t: t}}
	for _, g := range []*testGateway{p.vn, p.kh} {
		config, err := g.clientTLS("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		g.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
		// Retries in milliseconds, so that a test of them is not a wait.
		for _, other := range []string{"vn", "kh"} {
			if other != g.folder() {
				g.editPartner(other, func(p *partners.Partner) {
					short, long := partners.Duration(20*time.Millisecond), partners.Duration(time.Hour)
					p.RawRetry = partners.RawRetry{Initial: &short, Max: &short, DeadLetterAfter: &long}
				})
			}
		}
		g.start()
	}
	t.Cleanup(func() {
		for _, g := range []*testGateway{p.vn, p.kh} {
			g.halt()
			g.http.CloseIdleConnections()
		}
	})
	return p
}

// reserved counts the ports that were tried, from a place of this process's own.
var reserved = func() *atomic.Uint32 {
	var at atomic.Uint32
	at.Store(uint32(os.Getpid()) * 613) // #nosec G115 -- it may wrap
	return &at
}()

// freeAddress finds a loopback address that is free. Its port is below those that the
// system gives to whoever connects, and no other is the same: nobody takes it before it
// is used, or while its gateway is down.
func freeAddress() (string, error) {
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+reserved.Add(1)%20000))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", errors.New("no port is free between 10000 and 30000")
}

func reserve(t testing.TB) string {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// start opens and runs the gateway; start after halt is a restart.
func (g *testGateway) start() {
	g.t.Helper()
	if err := g.tryStart(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *testGateway) tryStart() error {
	g.t.Helper()
	cfg, err := LoadConfig(g.config, nil)
	if err != nil {
		return err
	}
	g.log = &logBuffer{}
	log := slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := migrateStore(context.Background(), cfg, log); err != nil {
		return err
	}
	now := g.now
	if now == nil {
		now = time.Now
	}
	n, err := openNodeAt(context.Background(), cfg, log, now)
	if err != nil {
		return err
	}
	if err := n.prepare(); err != nil {
		n.close()
		return err
	}
	if g.wrap != nil {
		n.handler = g.wrap(n.handler)
	}
	listener, err := net.Listen("tcp", g.listen)
	if err != nil {
		n.close()
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.node, g.stop, g.done = n, cancel, make(chan error, 1)
	go func() { g.done <- n.run(ctx, listener) }()
	return nil
}

// halt drains and closes the gateway.
func (g *testGateway) halt() {
	if g.stop == nil {
		return
	}
	g.http.CloseIdleConnections()
	g.stop()
	<-g.done
	g.node.close()
	g.stop = nil
}

// editPartner changes one file of the registry.
func (g *testGateway) editPartner(folder string, change func(*partners.Partner)) {
	g.t.Helper()
	edit(g, filepath.Join("partners", folder+".yaml"), change)
}

func (g *testGateway) editAgreement(change func(*partners.Agreement)) {
	g.t.Helper()
	edit(g, filepath.Join("agreements", "KH2005.yaml"), change)
}

// releasedBy lets identity requests leave once so many officers have released them.
func (g *testGateway) releasedBy(officers int) {
	g.t.Helper()
	g.editAgreement(func(a *partners.Agreement) {
		for i := range a.Permits {
			if a.Permits[i].Type == exchange.TypeIdentityRequest {
				a.Permits[i].Release = &partners.Release{Officers: officers}
			}
		}
	})
	g.reload()
}

func edit[T any](g *testGateway, name string, change func(*T)) {
	g.t.Helper()
	path := filepath.Join(g.path("registry"), name)
	data, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	var loose any
	if err := yaml.Unmarshal(data, &loose); err != nil {
		g.t.Fatal(err)
	}
	asJSON, err := json.Marshal(loose)
	if err != nil {
		g.t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(asJSON, &v); err != nil {
		g.t.Fatal(err)
	}
	change(&v)
	out, err := yaml.Marshal(&v)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, out, 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// reload takes what editPartner changed into force at once.
func (g *testGateway) reload() {
	g.t.Helper()
	if err := g.node.registry.Reload(); err != nil {
		g.t.Fatal(err)
	}
}

// check recomputes the record and fails the test when it does not hold.
func (g *testGateway) check() int64 {
	g.t.Helper()
	report, err := g.node.check(context.Background(), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if !report.OK() {
		g.t.Fatalf("the record of %s does not hold: %+v", g.code, report.Findings)
	}
	return report.Size
}

// rows returns the recorded entries that a filter passes.
func (g *testGateway) rows(f exchange.Filter) []exchange.Row {
	g.t.Helper()
	head, err := g.node.db.Head(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	var out []exchange.Row
	if err := g.node.db.Entries(context.Background(), 0, head.Size, f, func(r exchange.Row) error {
		out = append(out, r)
		return nil
	}); err != nil {
		g.t.Fatal(err)
	}
	return out
}

// claims are those of a valid verification request from this party.
func (g *testGateway) claims(to string) exchange.Claims {
	now := time.Now()
	return exchange.Claims{
		Issuer: g.code, Audience: to, ID: exchange.NewID(), IssuedAt: now.Unix(), Expires: now.Add(time.Hour).Unix(),
		Type: benchType, Case: exchange.NewID(), Agreement: "KH2005", Purpose: demoPurpose, Body: schemas.Example(benchType),
	}
}

// sign makes the bytes of a message.
func (g *testGateway) sign(claims any) []byte {
	g.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.signPayload(payload)
}

func (g *testGateway) signPayload(payload []byte) []byte {
	g.t.Helper()
	data, err := g.signer().Sign(exchange.TypMessage, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return data
}

func (g *testGateway) signer() *seal.Signer {
	g.t.Helper()
	signer, err := g.loadSigner()
	if err != nil {
		g.t.Fatal(err)
	}
	return signer
}

// A reply is what a gateway answered.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// problem reads the problem document of a reply.
func (r reply) problem() (slug, rule, pointer string) {
	var p struct {
		Type, Rule, Pointer string
		Status              int
	}
	if json.Unmarshal(r.body, &p) != nil || r.header.Get("Content-Type") != exchange.MediaTypeProblem || p.Status != r.status {
		return "", "", ""
	}
	return strings.TrimPrefix(p.Type, exchange.ProblemTypePrefix), p.Rule, p.Pointer
}

// post sends bytes to another gateway as this party.
func (g *testGateway) post(to *testGateway, message []byte) reply {
	g.t.Helper()
	r, err := g.tryPost(to, message)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g *testGateway) tryPost(to *testGateway, message []byte) (reply, error) {
	req, err := http.NewRequest(http.MethodPost, "https://"+to.listen+"/v1/messages", bytes.NewReader(message))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", exchange.MediaTypeMessage)
	return g.do(req)
}

func (g *testGateway) do(req *http.Request) (reply, error) {
	resp, err := g.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return reply{resp.StatusCode, resp.Header, body}, err
}

// openReceipt verifies a receipt as the sender must.
func (g *testGateway) openReceipt(from *testGateway, raw []byte, id string, message []byte) (exchange.Receipt, error) {
	g.t.Helper()
	peer, err := g.node.directory.Peer(from.code)
	if err != nil {
		g.t.Fatal(err)
	}
	return exchange.OpenReceipt(raw, peer, g.code, id, message, time.Now())
}

// consented is the safeguard that the template agreements ask for.
var consented = exchange.Safeguard{Kind: partners.SafeguardConsent, Basis: "consent", On: "2026-11-02"}

// erase erases a case without what Desk.Erase asks for first.
func (g *testGateway) erase(ctx context.Context, key exchange.CaseKey) error {
	return g.node.committer.Record(ctx, &exchange.Entry{
		Kind: exchange.KindEvent, Direction: exchange.Out, Partner: key.Partner, Case: key.Case,
		ID: exchange.NewID(), Type: "case_erased", Data: []byte(`{}`), Erases: true,
	})
}

// submit sends a request through the outbox.
func (g *testGateway) submit(to string) exchange.Sent {
	g.t.Helper()
	sent, err := g.node.outbox.Submit(context.Background(), draftTo(to), consented)
	if err != nil {
		g.t.Fatal(err)
	}
	return sent
}

// eventually waits until what it is asked holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// tables opens a gateway's store as does somebody who can change it. The gateway writes
// too: one waits for the other.
func (g *testGateway) tables() *sql.DB {
	g.t.Helper()
	driver, source := "pgx", g.store
	if g.store == "gateway.db" {
		driver, source = "sqlite", "file:"+g.path(g.store)+"?_pragma=busy_timeout(30000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = db.Close() })
	return db
}

func draftTo(partner string) exchange.Draft {
	return exchange.Draft{To: partner, Type: benchType, Body: schemas.Example(benchType)}
}
