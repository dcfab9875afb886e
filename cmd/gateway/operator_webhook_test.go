package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A receiver takes webhooks and checks each by itself, after the text of
// Standard Webhooks.
type receiver struct {
	t       *testing.T
	url     string
	secrets []string

	mu     sync.Mutex
	told   []toldHook
	status int           // to answer with; 0 is 204
	hang   time.Duration // before it answers
}

type toldHook struct {
	id        string
	status    int
	signed    int // how many of the secrets have signed it
	Type      string
	Timestamp time.Time
	Data      map[string]any
	raw       string
}

func newReceiver(t *testing.T, secrets ...string) *receiver {
	t.Helper()
	r := &receiver{t: t, secrets: secrets}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook?token=in-the-address"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	hook := toldHook{id: req.Header.Get("webhook-id"), raw: string(body)}
	if err != nil || json.Unmarshal(body, &hook) != nil || req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("not an event: %s %s", req.Method, body)
	}
	at := req.Header.Get("webhook-timestamp")
	if seconds, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		r.t.Errorf("the timestamp is %q", at)
	}
	signatures := strings.Split(req.Header.Get("webhook-signature"), " ")
	for _, secret := range r.secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			r.t.Error(err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(hook.id + "." + at + "."))
		mac.Write(body)
		if slices.Contains(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			hook.signed++
		}
	}
	r.mu.Lock()
	hook.status = r.status
	r.told = append(r.told, hook)
	hang := r.hang
	r.mu.Unlock()
	time.Sleep(hang)
	switch {
	case hook.status >= 300 && hook.status < 400:
		http.Redirect(w, req, "/elsewhere", hook.status)
	case hook.status != 0:
		http.Error(w, "what it says is not read: "+strings.Repeat("x", 100_000), hook.status)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) hooks() []toldHook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// names of the events that it has taken.
func (r *receiver) names() []string {
	var out []string
	for _, h := range r.hooks() {
		if h.status == 0 {
			out = append(out, h.Type)
		}
	}
	return out
}

// secretFile writes secrets as 'gateway webhook secret' does.
func secretFile(t *testing.T, secrets ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Join(secrets, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newSecret(b byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

// Webhooks tell what happened in order, signed, and only of what their officer
// may know. One receiver that is away delays no other, and hears of everything
// when it is back.
func TestWebhooks(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		old, fresh := newSecret(1), newSecret(2)
		all, some, away, elsewhere := newReceiver(t, old, fresh), newReceiver(t, old), newReceiver(t, old), newReceiver(t, old)
		away.answer(http.StatusInternalServerError)
		file := secretFile(t, old)
		h := newHouse(t, p, func(c *Config) {
			c.Webhooks = []WebhookConfig{
				{Name: "all", URL: all.url, SecretFile: secretFile(t, old, fresh), Officer: "detective"},
				{Name: "some", URL: some.url, SecretFile: file, Officer: "national", Events: []string{"message.*", "draft.approved"}},
				{Name: "away", URL: away.url, SecretFile: file, Officer: "national"},
				{Name: "elsewhere", URL: elsewhere.url, SecretFile: file, Officer: "lao"},
			}
		})
		h.officer("national", system)
		h.officer("lao", func(o *exchange.Officer) { o.Partners = []string{"LA"} })
		detective, second := h.officer("detective", police), h.officer("second", police)
		eventually(t, "the webhooks have begun", func() bool {
			return !slices.ContainsFunc(h.vn.node.webhooks, func(w webhookFollower) bool { return !w.Status().Working })
		})
		caseID, confirmation := h.confirmed()
		draft := detective.submit(homeward(caseID, confirmation, refoulementChecked))
		detective.releases(draft.ID)
		second.releases(draft.ID)
		h.life(t).told(exchange.TypeInformationRequest, string(policeQuestion), func(c *exchange.Claims) { c.Recipient = "VN-MPS" })

		want := []string{"message.sent", "message.delivered", "message.received", "draft.approved", "draft.approved", "message.sent", "message.delivered"}
		eventually(t, "the national system hears of the return", func() bool { return len(some.names()) >= len(want) })
		if got := some.names(); !slices.Equal(got, want) {
			t.Errorf("it hears of %v", got)
		}
		eventually(t, "the detective hears of the question", func() bool {
			return slices.ContainsFunc(all.hooks(), func(h toldHook) bool { return h.Data["type"] == exchange.TypeInformationRequest })
		})
		last := -1.0
		for _, hook := range all.hooks() {
			index, _ := hook.Data["index"].(float64)
			if hook.signed != 2 || index <= last || hook.id != fmt.Sprintf("VN-%d", int64(index)) || hook.Timestamp.IsZero() {
				t.Errorf("%+v", hook)
			}
			last = index
			if strings.Contains(hook.raw, "Mau") || strings.Contains(hook.raw, "release of case") || strings.Contains(hook.raw, "moc-bai") {
				t.Errorf("an event says too much: %s", hook.raw)
			}
		}
		if slices.Contains(all.names(), "gateway.event") {
			t.Errorf("something has no name: %v", all.names())
		}
		for _, name := range []string{"draft.submitted", "access.recorded"} {
			if !slices.Contains(all.names(), name) {
				t.Errorf("all lacks %s: %v", name, all.names())
			}
		}
		if len(elsewhere.hooks()) != 0 {
			t.Errorf("Laos' officer hears of %+v", elsewhere.hooks())
		}
		// The receiver that was away was told of its first event again and again.
		eventually(t, "it was tried", func() bool { return len(away.hooks()) > 0 })
		hooks := away.hooks()
		if slices.ContainsFunc(hooks, func(h toldHook) bool { return h.id != hooks[0].id }) {
			t.Errorf("%+v", hooks)
		}
		away.answer(http.StatusTemporaryRedirect) // is not followed
		n := len(hooks)
		eventually(t, "it is told again", func() bool { return len(away.hooks()) > n+1 })
		away.answer(0)
		eventually(t, "it hears of everything", func() bool {
			return slices.Contains(away.names(), "draft.approved") && len(away.names()) >= len(want)+3
		})
		if v := counted(t, h, "gateway_webhook_attempts_total", "away", "retry"); v < 1 {
			t.Errorf("%v attempts of away are counted", v)
		}
		if log := h.vn.log.String(); strings.Contains(log, "in-the-address") || strings.Contains(log, old) {
			t.Error("the log holds an address or a secret")
		}
		for _, line := range mustLines(t, h) {
			if !line.Begun {
				t.Errorf("%+v", line)
			}
		}
		h.vn.check()
	})
}

// counted reads a metric of a webhook.
func counted(t *testing.T, h *house, name string, labels ...string) float64 {
	t.Helper()
	families, err := h.vn.node.collected.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			fits := f.GetName() == name
			for _, l := range m.GetLabel() {
				fits = fits && slices.Contains(labels, l.GetValue())
			}
			if fits {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func mustLines(t *testing.T, h *house) []webhookLine {
	t.Helper()
	lines, err := h.vn.node.webhookLines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// A suspended officer's webhook waits, and is told of what it missed.
func TestWebhookOfASuspendedOfficer(t *testing.T) {
	secret := newSecret(1)
	r := newReceiver(t, secret)
	h := newHouse(t, newPair(t, ""), func(c *Config) {
		c.Webhooks = []WebhookConfig{{Name: "a", URL: r.url, SecretFile: secretFile(t, secret), Officer: "national", Events: []string{"message.received"}}}
	})
	national := h.officer("national", system)
	l := h.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	eventually(t, "it is told", func() bool { return len(r.names()) == 1 })
	national.entry.Status = exchange.OfficerSuspended
	national.put()
	time.Sleep(1100 * time.Millisecond) // it is looked up once a second
	h.life(t).told(exchange.TypeIdentityRequest, asked(""))
	eventually(t, "it fails visibly", func() bool { return !h.vn.node.webhooks[0].Status().Since.IsZero() })
	if len(r.hooks()) != 1 {
		t.Error("it is told all the same")
	}
	national.entry.Status = exchange.OfficerActive
	national.put()
	eventually(t, "it is told later", func() bool { return len(r.names()) == 2 })
}

// Killed after a receiver has taken an event and before that was written down,
// a gateway tells it again, under the same id: at least once, none left out.
func TestWebhookAfterKill(t *testing.T) {
	secret := newSecret(1)
	r := newReceiver(t, secret)
	h := newHouse(t, newPair(t, ""), func(c *Config) {
		c.Webhooks = []WebhookConfig{{Name: "a", URL: r.url, SecretFile: secretFile(t, secret), Officer: "national", Events: []string{"message.received"}}}
	})
	h.officer("national", system)
	eventually(t, "it has begun", func() bool { return h.vn.node.webhooks[0].Status().Working })
	h.stop()
	h.vn.halt()
	s := h.vn.serveProcess()
	var sent []string
	for len(r.names()) == 0 {
		sent = append(sent, h.life(t).told(exchange.TypeIdentityRequest, asked("")))
		time.Sleep(20 * time.Millisecond)
	}
	s.kill()
	first := r.hooks()[0].id
	s = h.vn.serveProcess()
	defer s.kill()
	sent = append(sent, h.life(t).told(exchange.TypeIdentityRequest, asked("")))
	told := func() []string {
		var ids []string
		for _, hook := range r.hooks() {
			id, _ := hook.Data["jti"].(string)
			ids = append(ids, id)
		}
		return ids
	}
	for deadline := time.Now().Add(60 * time.Second); !slices.Contains(told(), sent[len(sent)-1]); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("told of %v, want %v", told(), sent)
		}
	}
	again := 0
	for _, hook := range r.hooks() {
		if hook.id == first {
			again++
		}
	}
	if again < 2 {
		t.Error("what was not written down did not come again; the test has killed too late")
	}
	got := told()
	for _, id := range sent {
		if !slices.Contains(got, id) {
			t.Errorf("%s was left out", id)
		}
	}
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != len(sent) {
		t.Errorf("%d events of %d messages", len(got), len(sent))
	}
}

// A webhook that would be unsafe or say nothing is refused at the start.
func TestWebhookConfiguration(t *testing.T) {
	p := newPair(t, "")
	secret := newSecret(1)
	good := WebhookConfig{Name: "a", URL: "https://receiver.example/hook", SecretFile: secretFile(t, secret), Officer: "national"}
	open := secretFile(t, secret)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, bad := range map[string]func(w *WebhookConfig){
		"must begin with https://":    func(w *WebhookConfig) { w.URL = "http://receiver.example/hook" },
		"not one that a webhook":      func(w *WebhookConfig) { w.URL = "https://user:pw@receiver.example/hook" },
		"there is no event":           func(w *WebhookConfig) { w.Events = []string{"message.lost"} },
		"can be read by others":       func(w *WebhookConfig) { w.SecretFile = open },
		"open the secret":             func(w *WebhookConfig) { w.SecretFile = "nowhere" },
		"a secret is whsec_":          func(w *WebhookConfig) { w.SecretFile = secretFile(t, "whsec_c2hvcnQ=") },
		"a webhook needs a secret":    func(w *WebhookConfig) { w.SecretFile = secretFile(t, "") },
		"two webhooks have the name":  func(w *WebhookConfig) { w.Name = "b" },
		"read the anchors":            func(w *WebhookConfig) { w.Anchors = "nowhere.pem" },
		"has nobody who could call i": nil,
	} {
		cfg, err := LoadConfig(p.vn.config, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.vn.halt()
		hook := good
		if bad == nil {
			cfg.Operator = &OperatorConfig{Listen: "127.0.0.1:0", TLS: OperatorTLSConfig{Certificate: cfg.TLS.Certificate, Key: cfg.TLS.Key}}
		} else {
			bad(&hook)
		}
		second := good
		second.Name = "b"
		cfg.Webhooks = []WebhookConfig{second, hook}
		n, err := openNode(t.Context(), cfg, newLogger(cfg.Logging, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		err = n.prepare()
		n.close()
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitUsage || strings.Contains(err.Error(), secret) {
			t.Errorf("want %q: %v (exit code %d)", want, err, exitCode(err))
		}
	}
}
