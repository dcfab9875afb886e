package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The promises of the README, each kept or broken by two real gateways. P2 is
// in crash_test.go, P4 and P9 are also in exchange/export and cmd/verify, P8 in
// trust_test.go, P11 in docs_test.go.

// P1: a receipt means durable and already in the tree.
func TestP1ReceiptMeansDurable(t *testing.T) {
	p := newPair(t, "")
	c := p.kh.claims("VN")
	message := p.kh.sign(c)
	r := p.kh.post(p.vn, message)
	if r.status != http.StatusAccepted || r.header.Get("Content-Type") != exchange.MediaTypeReceipt {
		t.Fatalf("answered %d %s", r.status, r.body)
	}
	// At this moment, without waiting: the row, the tree, and the proof.
	row, err := p.vn.node.db.Message(context.Background(), exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: c.ID})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := p.vn.node.opener.Open(context.Background(), row)
	if err != nil || !bytes.Equal(opened.Data, message) {
		t.Fatalf("stored bytes are not the received ones (%v)", err)
	}
	receipt, err := p.kh.openReceipt(p.vn, r.body, c.ID, message)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Index != row.Index {
		t.Errorf("the receipt names index %d, the record %d", receipt.Index, row.Index)
	}
	// Killed now, it is still there: the process ends without a word.
	p.vn.halt()
	p.vn.start()
	if p.vn.check() != 1 {
		t.Error("the message is gone after a restart")
	}
}

// P3: N deliveries, one effect, byte-identical receipts; the same jti with
// another body is 409.
func TestP3OneEffect(t *testing.T) {
	p := newPair(t, "")
	c := p.kh.claims("VN")
	message := p.kh.sign(c)
	const n = 40
	receipts := make([][]byte, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			r, err := p.kh.tryPost(p.vn, message)
			if err == nil && r.status == http.StatusAccepted {
				receipts[i] = r.body
			}
		})
	}
	wait.Wait()
	for i, r := range receipts {
		if len(r) == 0 || !bytes.Equal(r, receipts[0]) {
			t.Fatalf("delivery %d got another receipt", i)
		}
	}
	// A copy that comes after a restart, after the agreement has ended.
	p.vn.halt()
	p.vn.editAgreement(func(a *partners.Agreement) { a.Status = "ended" })
	p.vn.start()
	if r := p.kh.post(p.vn, message); !bytes.Equal(r.body, receipts[0]) {
		t.Errorf("after a restart: %d %s", r.status, r.body)
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage}); len(rows) != 1 {
		t.Errorf("%d messages are recorded", len(rows))
	}
	// The same claims signed again are other bytes; another body is another body.
	other := c
	other.Body = json.RawMessage(`{"subjects":[{"subject_ref":"S-9","name":{"native":"A","script":"Latn","latin":"A"},"sex":"male","date_of_birth":"1999","claimed_birthplace":{"country":"VN","text_as_given":"B"},"claimed_citizenship":"VN"}]}`)
	for _, again := range [][]byte{p.kh.sign(c), p.kh.sign(other)} {
		if slug, _, _ := p.kh.post(p.vn, again).problem(); slug != "id-reused" {
			t.Errorf("other bytes under the same jti: %s", slug)
		}
	}
	if r := p.kh.post(p.vn, message); !bytes.Equal(r.body, receipts[0]) {
		t.Error("the receipt changed after a conflict")
	}
	p.vn.check()
}

// P5: a split view is found. Viet Nam's log key signs a second history and
// shows it to Cambodia, which has countersigned the first.
func TestP5SplitViewIsFound(t *testing.T) {
	p := newPair(t, "")
	for range 3 {
		p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	}
	khInVN, ok := p.vn.node.registry.Current().Partner("KH")
	if !ok {
		t.Fatal("no partner KH")
	}
	if err := p.vn.node.watch.Show(context.Background(), khInVN); err != nil {
		t.Fatal(err)
	}
	head := p.vn.node.committer.Released()
	if lines, err := p.vn.node.db.Cosignatures(context.Background(), head.Size); err != nil || len(lines) != 1 {
		t.Fatalf("%d cosignatures of the checkpoint are kept, %v", len(lines), err)
	}
	fork, err := p.vn.node.logSigner.Sign(head.Size, [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	body := "old 3\n\n" + string(fork)
	req, err := http.NewRequest(http.MethodPost, "https://"+p.kh.listen+"/v1/log/add-checkpoint", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.vn.do(req)
	if err != nil {
		t.Fatal(err)
	}
	if r.status == http.StatusOK {
		t.Fatalf("two histories were countersigned: %s", r.body)
	}
	events := p.kh.rows(exchange.Filter{Kind: exchange.KindEvent})
	if len(events) != 1 || events[0].Type != "split_view" || events[0].Partner != "VN" {
		t.Fatalf("the split view is not recorded: answered %d %s, events %v", r.status, r.body, len(events))
	}
	evidence, err := p.kh.node.opener.Open(context.Background(), events[0])
	if err != nil || !bytes.Contains(evidence.Data, []byte("checkpoint_a")) {
		t.Errorf("the evidence is %s (%v)", evidence.Data, err)
	}
}

// P6: a database restored from an old backup is refused at start.
func TestP6RestoredBackupIsRefused(t *testing.T) {
	p := newPair(t, "")
	p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	p.vn.halt()
	backup := copyStore(t, p.vn)
	p.vn.start()
	p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	p.vn.halt()
	for name, data := range backup {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := p.vn.tryStart()
	if err == nil || !strings.Contains(err.Error(), "restored from an old backup") {
		t.Fatalf("the restored backup is started: %v", err)
	}
}

// copyStore returns the files of a halted gateway's SQLite store.
func copyStore(t testing.TB, g *testGateway) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(g.path("gateway.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no store: ", err)
	}
	out := map[string][]byte{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = data
	}
	return out
}

// P6: several gateway processes on one PostgreSQL never fork the log.
func TestP6TwoInstancesOneLog(t *testing.T) {
	p := newPair(t, newPostgres(t))
	// A second instance of Viet Nam: same configuration, another address.
	second := &testGateway{party: &party{}, t: t, http: p.vn.http}
	*second.party = *p.vn.party
	second.listen = reserve(t)
	second.start()
	t.Cleanup(second.halt)
	var wait sync.WaitGroup
	var failed sync.Map
	for i := range 8 {
		wait.Go(func() {
			for range 20 {
				to := p.vn
				if i%2 == 1 {
					to = second
				}
				c := p.kh.claims("VN")
				message := p.kh.sign(c)
				r, err := p.kh.tryPost(to, message)
				if err != nil || r.status != http.StatusAccepted {
					failed.Store(i, string(r.body))
					return
				}
				if _, err := p.kh.openReceipt(p.vn, r.body, c.ID, message); err != nil {
					failed.Store(i, err.Error())
					return
				}
			}
		})
	}
	wait.Wait()
	failed.Range(func(k, v any) bool { t.Errorf("client %v: %v", k, v); return true })
	if size := p.vn.check(); size != 160 {
		t.Errorf("the record holds %d entries, want 160", size)
	}
	for i, row := range p.vn.rows(exchange.Filter{Kind: exchange.KindMessage}) {
		if row.Seq != int64(i+1) {
			t.Fatalf("entry %d has number %d", i, row.Seq)
		}
	}
}

// Behind a balancer, the tiles of a receipt are asked of any process, at once;
// and the newest checkpoint is shown by each, soon.
func TestTwoInstancesShowOneLog(t *testing.T) {
	p := newPair(t, newPostgres(t))
	idle := &testGateway{party: &party{}, t: t, http: p.vn.http}
	*idle.party = *p.vn.party
	idle.listen = reserve(t)
	idle.start()
	t.Cleanup(idle.halt)
	ask := func(path string) reply {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "https://"+idle.listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.kh.do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for n := 1; n <= 3; n++ {
		c := p.kh.claims("VN")
		message := p.kh.sign(c)
		receipt, err := p.kh.openReceipt(p.vn, p.kh.post(p.vn, message).body, c.ID, message)
		if err != nil {
			t.Fatal(err)
		}
		if r := ask(fmt.Sprintf("/v1/log/tile/0/000.p/%d", receipt.Checkpoint.Size)); r.status != http.StatusOK {
			t.Errorf("the tiles of a receipt are answered with %d %s", r.status, r.body)
		}
	}
	if r := ask("/v1/log/tile/0/000.p/4"); r.status != http.StatusNotFound {
		t.Errorf("a tile that is nowhere is answered with %d", r.status)
	}
	eventually(t, "the newest checkpoint is shown", func() bool {
		return strings.HasPrefix(string(ask("/v1/log/checkpoint").body), "vn.gateway.example/repatriation-log\n3\n")
	})
}

// behave puts something in front of a running gateway: a broken or hostile
// partner, with the real one's certificate and keys.
func (g *testGateway) behave(wrap func(next http.Handler) http.Handler) {
	g.t.Helper()
	g.halt()
	g.wrap = wrap
	g.start()
}

// receiptFor makes Cambodia's receipt for some bytes, without a log.
func (p *pair) receiptFor(t testing.TB, message []byte, change func(map[string]any)) []byte {
	t.Helper()
	sum := sha256.Sum256(message)
	id := claimsIn(t, message).ID
	claims := map[string]any{
		"iss": "KH", "aud": "VN", "jti": "r-" + id, "iat": time.Now().Unix(), "message": id,
		"message_sha256": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	change(claims)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := p.kh.signer().Sign(exchange.TypReceipt, payload)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// claimsIn reads the claims of a message.
func claimsIn(t testing.TB, message []byte) exchange.Claims {
	t.Helper()
	payload, err := exchange.PayloadOf(message)
	if err != nil {
		t.Fatal(err)
	}
	var c exchange.Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// P7: a receipt binds the request's hash. A partner that acknowledges other
// bytes, or another message, or as somebody else, has acknowledged nothing. The
// partner keeps no log here, so that nothing but the claim in question is wrong.
func TestP7ReceiptBindsTheHash(t *testing.T) {
	nothing := func(map[string]any) {}
	for name, c := range map[string]struct {
		change func(map[string]any)
		log    bool // the partner should keep one
		taken  bool
	}{
		"as it should be": {nothing, false, true},
		"further claims":  {func(c map[string]any) { c["nbf"], c["note"] = 1, "of a later version" }, false, true},
		"other bytes":     {func(c map[string]any) { c["message_sha256"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, false, false},
		"another message": {func(c map[string]any) { c["message"] = "018f3c2e-0000-7000-8000-000000000001" }, false, false},
		"another issuer":  {func(c map[string]any) { c["iss"] = "LA" }, false, false},
		"for another":     {func(c map[string]any) { c["aud"] = "LA" }, false, false},
		"of another time": {func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() }, false, false},
		"without its log": {nothing, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			if !c.log {
				p.vn.editPartner("kh", func(k *partners.Partner) { k.Log = nil })
				p.vn.reload()
			}
			var asked atomic.Int32
			p.kh.behave(func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					message, err := io.ReadAll(r.Body)
					if err != nil {
						return
					}
					w.Header().Set("Content-Type", exchange.MediaTypeReceipt)
					w.WriteHeader(http.StatusAccepted)
					_, _ = w.Write(p.receiptFor(t, message, c.change))
					asked.Add(1)
				})
			})
			if c.taken {
				p.vn.deliver()
				return
			}
			p.vn.submit("KH")
			eventually(t, "it was not taken for delivered, and is sent again", func() bool { return asked.Load() > 1 })
			if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt}); len(rows) != 0 {
				t.Error("the receipt was believed")
			}
		})
	}
}

// P10: an unknown outcome resolves correctly. The partner records and the
// answer is lost; the identical bytes come again and nothing happens twice.
func TestP10UnknownOutcome(t *testing.T) {
	p := newPair(t, "")
	const losses = 3
	var mu sync.Mutex
	var bodies, answers [][]byte
	p.kh.behave(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			mu.Lock()
			bodies, answers = append(bodies, body), append(answers, answer.Body.Bytes())
			lose := len(bodies) <= losses
			mu.Unlock()
			if lose {
				panic(http.ErrAbortHandler) // it is recorded, and the line breaks
			}
			w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	})
	sent := p.vn.submit("KH")
	eventually(t, "the message is receipted", func() bool {
		return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	mu.Lock()
	defer mu.Unlock()
	if len(bodies) != losses+1 {
		t.Errorf("%d attempts", len(bodies))
	}
	for i := range bodies {
		if !bytes.Equal(bodies[i], bodies[0]) || !bytes.Equal(answers[i], answers[0]) {
			t.Errorf("attempt %d was not identical", i)
		}
	}
	if rows := p.kh.rows(exchange.Filter{Kind: exchange.KindMessage}); len(rows) != 1 {
		t.Errorf("%d messages are recorded", len(rows))
	}
	p.vn.check()
	p.kh.check()
}

// P12: recording cannot be switched off.
func TestP12RecordingCannotBeSwitchedOff(t *testing.T) {
	p := newPair(t, "")
	t.Run("by configuration", func(t *testing.T) {
		for _, line := range []string{"recording: false", "log: {}", "store: \"\""} {
			data, err := os.ReadFile(p.vn.config)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "gateway.yaml")
			text := string(data)
			if key, _, _ := strings.Cut(line, ":"); strings.Contains(text, "\n"+key+":") {
				text = strings.Replace(text, "\n"+key+":", "\n"+line+"\n"+key+"_was:", 1)
			} else {
				text += line + "\n"
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadConfig(path, nil); err == nil {
				t.Errorf("%s is taken", line)
			}
		}
	})
	t.Run("by leaving it out", func(t *testing.T) {
		n := p.vn.node
		inbox := exchange.InboxConfig{Self: "VN", Catalogue: n.catalogue, Recorder: n.committer, Reader: n.db, Opener: n.opener, Clock: n.now, Logger: n.log, Metrics: n.metrics}
		outbox := exchange.OutboxConfig{Self: "VN", Catalogue: n.catalogue, Directory: n.directory, Recorder: n.committer, Reader: n.db, Opener: n.opener, Signer: n.signer, Clock: n.now, Logger: n.log}
		if _, err := exchange.NewInbox(inbox); err != nil {
			t.Fatal(err)
		}
		if _, err := exchange.NewOutbox(outbox); err != nil {
			t.Fatal(err)
		}
		inbox.Recorder, outbox.Recorder = nil, nil
		if _, err := exchange.NewInbox(inbox); err == nil {
			t.Error("an inbox without a recorder")
		}
		if _, err := exchange.NewOutbox(outbox); err == nil {
			t.Error("an outbox without a recorder")
		}
		committer := exchange.CommitterConfig{Self: "VN", Checkpoints: n.logSigner, Receipts: n.signer, Keys: n.keys, Lock: n.lock, Clock: n.now, Logger: n.log, Metrics: n.metrics}
		if _, err := exchange.NewCommitter(context.Background(), committer); err == nil {
			t.Error("a committer without a store")
		}
	})
	t.Run("by taking the store away", func(t *testing.T) {
		p.vn.node.db.Close()
		if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusServiceUnavailable {
			t.Errorf("without a store the answer is %d %s", r.status, r.body)
		}
		_, err := p.vn.node.outbox.Submit(context.Background(), exchange.Draft{To: "KH", Type: benchType, Body: schemas.Example(benchType)}, consented)
		if !errors.Is(err, exchange.ErrUnavailable) && !errors.Is(err, exchange.ErrOutcomeUnknown) {
			t.Errorf("without a store a submission says %v", err)
		}
	})
}
