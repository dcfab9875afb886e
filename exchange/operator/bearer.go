package operator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/repatriation-exchange/gateway/exchange"
)

// BearerConfig says whose tokens are taken. Everything is required.
type BearerConfig struct {
	Issuer   string // exactly as its tokens say it
	Audience string // this gateway, as the provider knows it
	Client   *http.Client
	Clock    func() time.Time
}

// A Bearer judges OpenID Connect tokens: ID tokens, and access tokens that are
// JWTs. The provider is looked up when its first token comes, so that a gateway
// starts while the provider is away.
type Bearer struct {
	cfg     BearerConfig
	fetches *fetches
	client  *http.Client

	verifier atomic.Pointer[oidc.IDTokenVerifier]
	looking  sync.Mutex // held while the provider is looked up
	retryAt  time.Time
}

const (
	clockSkew = time.Minute
	maxToken  = 16 << 10
)

// algorithms are those of asymmetric keys: with a symmetric one whoever may
// verify could also sign.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// NewBearer returns a judge of tokens; it refuses a missing part.
func NewBearer(cfg BearerConfig) (*Bearer, error) {
	if cfg.Issuer == "" || cfg.Audience == "" || cfg.Client == nil || cfg.Clock == nil {
		return nil, errors.New("bearer: a required part is missing")
	}
	b := &Bearer{cfg: cfg, fetches: &fetches{next: cfg.Client.Transport, limit: rate.NewLimiter(1, 10)}}
	if b.fetches.next == nil {
		b.fetches.next = http.DefaultTransport
	}
	client := *cfg.Client
	client.Transport = b.fetches
	b.client = &client
	return b, nil
}

// Identity returns who a token speaks for. The error is a *exchange.Problem; it
// says nothing of what the token holds.
func (b *Bearer) Identity(ctx context.Context, token string) (exchange.OIDCIdentity, error) {
	var nobody exchange.OIDCIdentity
	if !jwt(token) {
		return nobody, unknown("token-form", "The token is not a JWT that says who somebody is.")
	}
	failed := b.fetches.failed.Load()
	verifier, err := b.provider()
	if err != nil {
		return nobody, err
	}
	t, err := verifier.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nobody, unknown("token-expired", "The token has expired.")
	case err != nil && b.fetches.failed.Load() != failed:
		return nobody, away()
	case err != nil:
		return nobody, unknown("token-refused", "The token is not one of the configured issuer for this gateway, or its signature does not verify.")
	case t.Subject == "" || t.IssuedAt.After(b.cfg.Clock().Add(clockSkew)):
		return nobody, unknown("token-refused", "The token names nobody, or was issued in the future.")
	}
	return exchange.OIDCIdentity{Issuer: t.Issuer, Subject: t.Subject}, nil
}

// jwt says whether a token is a compact JWS whose type is that of an ID token
// or an access token: others of the same issuer, such as one that ends a
// session, say something else.
func jwt(token string) bool {
	head, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	var h struct {
		Type string `json:"typ"`
	}
	for i, part := range []string{head, payload, signature} {
		data, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(data) == 0 || len(token) > maxToken || i == 0 && json.Unmarshal(data, &h) != nil {
			return false
		}
	}
	return slices.Contains([]string{"", "jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(h.Type))
}

// provider returns the verifier, after it was found once. While one request
// looks for it the others do not wait: a provider that hangs must not hold them.
func (b *Bearer) provider() (*oidc.IDTokenVerifier, error) {
	if v := b.verifier.Load(); v != nil {
		return v, nil
	}
	if !b.looking.TryLock() {
		return nil, away()
	}
	defer b.looking.Unlock()
	now := b.cfg.Clock()
	if now.Before(b.retryAt) {
		return nil, away()
	}
	ctx := oidc.ClientContext(context.Background(), b.client) // its timeout bounds it; whoever asked first may leave
	provider, err := oidc.NewProvider(ctx, b.cfg.Issuer)
	if err != nil {
		b.retryAt = now.Add(5 * time.Second)
		return nil, away()
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{
		ClientID: b.cfg.Audience, SupportedSigningAlgs: algorithms,
		// What has expired less than the skew ago is still taken.
		Now: func() time.Time { return b.cfg.Clock().Add(-clockSkew) },
	})
	b.verifier.Store(verifier)
	return verifier, nil
}

func away() *exchange.Problem {
	p := exchange.NewProblem(exchange.ProblemIdentity, "The identity provider does not answer as it should; ask again later, or call with a client certificate.")
	p.After = 5 * time.Second
	return p
}

// fetches counts what failed and bounds how often the provider is asked: a
// token with a key that nobody knows costs a stranger nothing and would cost
// the provider a request.
type fetches struct {
	next   http.RoundTripper
	limit  *rate.Limiter
	failed atomic.Int64
}

func (f *fetches) RoundTrip(r *http.Request) (*http.Response, error) {
	if !f.limit.Allow() {
		return nil, errors.New("the identity provider was asked too often")
	}
	resp, err := f.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		f.failed.Add(1)
	}
	return resp, err
}
