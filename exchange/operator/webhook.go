package operator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/repatriation-exchange/gateway/exchange"
)

// WebhookConfig says who is told of what. Everything is required but Events.
type WebhookConfig struct {
	Self    string
	Name    string
	URL     string
	Secrets []string // whsec_…; several while one is being replaced
	Officer string   // whose eyes it has: it is told what this officer may know
	Events  []string // names, or such as message.*; none stands for all
	// Roster finds active officers; ErrNotFound for anybody else.
	Roster interface {
		Officer(ctx context.Context, id string) (*exchange.Officer, error)
	}
	Feed   *exchange.Feed
	Client *http.Client // must not follow redirects
	Clock  func() time.Time
	// Recorded is the clock that entries have their time from.
	Recorded func() time.Time
	Logger   *slog.Logger
	Metrics  *Metrics
}

// A Webhook tells one receiver of events, as Standard Webhooks describes it. It
// is the handler of a follower of its own: events are told in their order, each
// at least once, and a receiver that is away delays nobody else.
type Webhook struct {
	cfg     WebhookConfig
	signers []*standardwebhooks.Webhook

	// Of the follower that calls Handle: the officer is looked up once a second.
	officer *exchange.Officer
	until   time.Time
}

// tellWithin is how old an event may become before it is told no more. Whoever
// was away for longer reads /v1/events.
const tellWithin = 7 * 24 * time.Hour

// NewWebhook returns a webhook; it refuses what is missing or unsafe.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Self == "" || cfg.Name == "" || cfg.Officer == "" || cfg.Roster == nil || cfg.Feed == nil || cfg.Client == nil || cfg.Clock == nil || cfg.Recorded == nil ||
		cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("webhook: a required part is missing")
	}
	if err := checkURL(cfg.URL); err != nil {
		return nil, err
	}
	for _, pattern := range cfg.Events {
		if !slices.ContainsFunc(exchange.EventNames(), func(name string) bool { return fits(pattern, name) }) {
			return nil, fmt.Errorf("there is no event %q; there are %s", pattern, strings.Join(exchange.EventNames(), ", "))
		}
	}
	w := &Webhook{cfg: cfg}
	for _, secret := range cfg.Secrets {
		if err := CheckSecret(secret); err != nil {
			return nil, err
		}
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("the secret is not usable") // its text belongs in no message
		}
		w.signers = append(w.signers, signer)
	}
	if len(w.signers) == 0 {
		return nil, errors.New("a webhook needs a secret")
	}
	return w, nil
}

// CheckSecret says what is wrong with a webhook's secret; nil when nothing is.
func CheckSecret(secret string) error {
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if !strings.HasPrefix(secret, "whsec_") || err != nil || len(key) < 24 || len(key) > 64 {
		return errors.New("a secret is whsec_ and the base64 of 24 to 64 random bytes")
	}
	return nil
}

// checkURL refuses an address that events must not be sent to.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("the url is not one that a webhook can have: https://host/path")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return errors.New("the url must begin with https://; http:// is only for this very machine")
	}
	return nil
}

// fits says whether an event has a name, or one such as message.*.
func fits(pattern, name string) bool {
	group, all := strings.CutSuffix(pattern, "*")
	return pattern == name || all && strings.HasPrefix(name, group)
}

// Handle tells the receiver of an entry, if it is to hear of it. An error means
// that it has to be told again.
func (w *Webhook) Handle(ctx context.Context, row exchange.Row) error {
	if now := w.cfg.Clock(); !now.Before(w.until) {
		officer, err := w.cfg.Roster.Officer(ctx, w.cfg.Officer)
		if err != nil {
			return fmt.Errorf("find the officer whose eyes it has: %w", err)
		}
		w.officer, w.until = officer, now.Add(time.Second)
	}
	event, told, err := w.cfg.Feed.Event(ctx, w.officer, row)
	if err != nil || !told {
		return err
	}
	if len(w.cfg.Events) > 0 && !slices.ContainsFunc(w.cfg.Events, func(p string) bool { return fits(p, event.Name) }) {
		return nil
	}
	view := eventOf(w.cfg.Self, event)
	if w.cfg.Recorded().Sub(row.At) > tellWithin {
		w.cfg.Metrics.told(w.cfg.Name, "dropped")
		w.cfg.Logger.Error("a webhook will not be told of an event", "webhook", w.cfg.Name, "event", view.ID, "type", view.Type)
		return nil
	}
	if err := w.tell(ctx, view); err != nil {
		w.cfg.Metrics.told(w.cfg.Name, "retry")
		return fmt.Errorf("tell of event %s: %w", view.ID, err)
	}
	w.cfg.Metrics.told(w.cfg.Name, "delivered")
	return nil
}

// tell posts an event. Only a 2xx means that the receiver has it; what else it
// answers is not read.
func (w *Webhook) tell(ctx context.Context, event eventView) error {
	id := event.ID
	event.ID = ""
	body, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the url is not usable")
	}
	now := w.cfg.Clock()
	signatures := make([]string, len(w.signers))
	for i, signer := range w.signers {
		if signatures[i], err = signer.Sign(id, now, body); err != nil {
			return errors.New("it cannot be signed")
		}
	}
	req.Header.Set("Content-Type", mediaJSON)
	req.Header.Set("User-Agent", "repatriation-gateway")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	resp, err := w.cfg.Client.Do(req)
	if err != nil {
		var failed *url.Error // its text holds the address, which may hold a secret
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // lets the connection be used again; a longer answer costs it
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return nil
}
