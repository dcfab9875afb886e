package exchange

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A receiptWorld is a partner without a log that acknowledges one message.
type receiptWorld struct {
	t       *testing.T
	now     time.Time // when the receipt arrives
	signer  *seal.Signer
	peer    *Peer
	id      string
	message []byte
}

func newReceiptWorld(t *testing.T, window func(now time.Time, k *partners.SigningKey)) *receiptWorld {
	t.Helper()
	w := &receiptWorld{t: t, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), id: "018f3c2e-0000-7000-8000-000000000001"}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if w.signer, err = seal.NewSigner(key, "kh-2026", seal.ES256); err != nil {
		t.Fatal(err)
	}
	known := partners.SigningKey{}
	if err := json.Unmarshal(w.signer.Public().JWK(), &known.JWK); err != nil {
		t.Fatal(err)
	}
	window(w.now, &known)
	if w.peer, err = NewPeer(&partners.Partner{Code: "KH", SigningKeys: []partners.SigningKey{known}, Limits: partners.Limits{ClockSkew: 2 * time.Minute}}, nil); err != nil {
		t.Fatal(err)
	}
	w.message = w.sign(TypMessage, map[string]any{"jti": w.id, "iat": w.now.Add(-72 * time.Hour).Unix()})
	return w
}

func always(time.Time, *partners.SigningKey) {}

func (w *receiptWorld) sign(typ string, claims map[string]any) []byte {
	w.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.signer.Sign(typ, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// open makes a receipt, after a change, and opens it.
func (w *receiptWorld) open(change func(claims map[string]any)) error {
	w.t.Helper()
	sum := sha256.Sum256(w.message)
	claims := map[string]any{
		"iss": "KH", "aud": "VN", "jti": "r-" + w.id, "iat": w.now.Unix(), "message": w.id, "message_sha256": encode(sum[:]),
	}
	change(claims)
	_, err := OpenReceipt(w.sign(TypReceipt, claims), w.peer, "VN", w.id, w.message, w.now)
	return err
}

// P7 and "Verify a receipt, step by step" of docs/wire.md: what binds a receipt
// to our message, and what a receipt may have besides.
func TestP7Receipt(t *testing.T) {
	w := newReceiptWorld(t, always)
	for name, c := range map[string]struct {
		change func(c map[string]any)
		wrong  string // "" takes it
	}{
		"as it should be":          {func(map[string]any) {}, ""},
		"claims of a later day":    {func(c map[string]any) { c["nbf"], c["note"] = 1, map[string]any{"a": []int{1}} }, ""},
		"recorded when it issued":  {func(c map[string]any) { c["iat"] = w.now.Add(-72 * time.Hour).Unix() }, ""},
		"their clock is behind":    {func(c map[string]any) { c["iat"] = w.now.Add(-72*time.Hour - time.Minute).Unix() }, ""},
		"their clock is ahead":     {func(c map[string]any) { c["iat"] = w.now.Add(time.Minute).Unix() }, ""},
		"other bytes":              {func(c map[string]any) { c["message_sha256"] = strings.Repeat("A", 43) }, "message_sha256"},
		"another message":          {func(c map[string]any) { c["message"] = "018f3c2e-0000-7000-8000-000000000002" }, "another message"},
		"another issuer":           {func(c map[string]any) { c["iss"] = "LA" }, "iss"},
		"for another":              {func(c map[string]any) { c["aud"] = "LA" }, "aud"},
		"a jti of their own":       {func(c map[string]any) { c["jti"] = "whatever" }, "jti"},
		"no jti":                   {func(c map[string]any) { delete(c, "jti") }, "jti"},
		"before it was issued":     {func(c map[string]any) { c["iat"] = w.now.Add(-73 * time.Hour).Unix() }, "before the message was issued"},
		"in 1970":                  {func(c map[string]any) { c["iat"] = 0 }, "before the message was issued"},
		"in 2100":                  {func(c map[string]any) { c["iat"] = 4102444800 }, "in the future"},
		"at the end of all clocks": {func(c map[string]any) { c["iat"] = int64(1<<63 - 1) }, "compare the clocks"},
		"no time":                  {func(c map[string]any) { delete(c, "iat") }, "before the message was issued"},
		"a time that is no number": {func(c map[string]any) { c["iat"] = "now" }, "wrong types"},
		"a name folded":            {func(c map[string]any) { c["Message"] = c["message"] }, "case-folded-name"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			err := w.open(c.change)
			if c.wrong == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, want one that says %q", err, c.wrong)
			}
		})
	}
}

// A key that has ended signs no receipt, whatever time it writes into it.
func TestP7ReceiptOfAnEndedKey(t *testing.T) {
	for name, c := range map[string]struct {
		window func(now time.Time, k *partners.SigningKey)
		taken  bool
	}{
		"ends later":     {func(now time.Time, k *partners.SigningKey) { k.NotAfter = now.Add(time.Hour) }, true},
		"has ended":      {func(now time.Time, k *partners.SigningKey) { k.NotAfter = now.Add(-time.Hour) }, false},
		"has not begun":  {func(now time.Time, k *partners.SigningKey) { k.NotBefore = now.Add(time.Hour) }, false},
		"has just begun": {func(now time.Time, k *partners.SigningKey) { k.NotBefore = now }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newReceiptWorld(t, c.window)
			err := w.open(func(claims map[string]any) { claims["iat"] = w.now.Add(-2 * time.Hour).Unix() })
			if taken := err == nil; taken != c.taken {
				t.Errorf("taken: %t (%v)", taken, err)
			}
		})
	}
}
