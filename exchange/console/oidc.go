package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An OIDCConfig names an identity provider.
type OIDCConfig struct {
	Issuer   string
	ClientID string
	Secret   string // "" for a public client: PKCE protects the code either way
	URL      string // of this console, https://host[:port]
	Client   *http.Client
}

// A provider signs officers in by the authorization code flow with PKCE. It is
// asked for its addresses when it is first needed, so that the console starts
// without it.
type provider struct {
	cfg   OIDCConfig
	clock func() time.Time
	mu    sync.Mutex
	oauth *oauth2.Config
	check *oidc.IDTokenVerifier
}

func newProvider(cfg OIDCConfig, clock func() time.Time) (*provider, error) {
	if cfg.Issuer == "" || cfg.ClientID == "" || cfg.Client == nil || !strings.HasPrefix(cfg.URL, "https://") {
		return nil, errors.New("the identity provider needs an issuer, a client and the https address of the console")
	}
	return &provider{cfg: cfg, clock: clock}, nil
}

func (p *provider) discover(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oauth != nil {
		return nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.cfg.Client), p.cfg.Issuer)
	if err != nil {
		return fmt.Errorf("ask the identity provider for its addresses: %w", err)
	}
	p.check = found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.clock})
	p.oauth = &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.Secret, Endpoint: found.Endpoint(),
		RedirectURL: strings.TrimSuffix(p.cfg.URL, "/") + "/sign-in/callback", Scopes: []string{oidc.ScopeOpenID},
	}
	return nil
}

// An errand is what the browser keeps while its officer is at the provider.
type errand struct{ State, Nonce, Verifier, To string }

const errandCookie = "__Host-errand"

// errandLasts is how long an officer may take at the provider.
const errandLasts = 10 * time.Minute

func (c *Console) signInAtProvider(v *visit) error {
	if c.oidc == nil {
		return errNoPage
	}
	to := local(v.r.URL.Query().Get("to"))
	if err := c.oidc.discover(v.r.Context()); err != nil {
		c.cfg.Logger.Warn("an officer could not sign in", "error", err)
		return v.redirect(signInFailed("provider", to))
	}
	e := errand{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), to}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write an errand: %w", err)
	}
	http.SetCookie(v.w, &http.Cookie{Name: errandCookie, Value: base64.RawURLEncoding.EncodeToString(data), Path: "/", MaxAge: int(errandLasts / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	// Whoever signs in says there who they are, or the provider lets whoever sits down at a
	// desk in as the one who has left it: a session here ends for that very reason.
	again := oauth2.SetAuthURLParam("prompt", "login")
	return v.redirect(c.oidc.oauth.AuthCodeURL(e.State, oidc.Nonce(e.Nonce), oauth2.S256ChallengeOption(e.Verifier), again))
}

func (c *Console) signInFromProvider(v *visit) error {
	if c.oidc == nil {
		return errNoPage
	}
	e := errandOf(v.r)
	forget(v.w, errandCookie)
	q := v.r.URL.Query()
	if e.State == "" || subtle.ConstantTimeCompare([]byte(e.State), []byte(q.Get("state"))) != 1 {
		return c.refuse(v, byProvider, "", "state", "")
	}
	if q.Get("code") == "" { // it says no
		return c.refuse(v, byProvider, "", "provider", e.To)
	}
	token, err := c.oidc.identify(v.r.Context(), q.Get("code"), e)
	if err != nil {
		c.cfg.Logger.Warn("an officer could not sign in", "error", err)
		if errors.Is(err, errUnidentified) {
			return c.refuse(v, byProvider, "", "provider", e.To)
		}
		return v.redirect(signInFailed("provider", e.To))
	}
	officer, err := c.cfg.Roster.ByOIDC(v.r.Context(), exchange.OIDCIdentity{Issuer: token.Issuer, Subject: token.Subject})
	if errors.Is(err, exchange.ErrNotFound) {
		return c.refuse(v, byProvider, exchange.SuspendedIn(err), "unknown", e.To)
	}
	if err != nil {
		return err
	}
	return c.begin(v, officer, byProvider, "", e.To)
}

func errandOf(r *http.Request) (e errand) {
	cookie, err := r.Cookie(errandCookie)
	if err != nil {
		return errand{}
	}
	data, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || json.Unmarshal(data, &e) != nil {
		return errand{}
	}
	return e
}

// errUnidentified means that what the provider or the browser brought does not say who
// somebody is; any other error, that nobody could be asked.
var errUnidentified = errors.New("the identity does not hold")

// identify exchanges the code and verifies who the provider says it is.
func (p *provider) identify(ctx context.Context, code string, e errand) (*oidc.IDToken, error) {
	if err := p.discover(ctx); err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.cfg.Client)
	granted, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(e.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) { // its text holds what the provider answered
			return nil, fmt.Errorf("%w: the identity provider refused the code: %s", errUnidentified, refused.ErrorCode)
		}
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := granted.Extra("id_token").(string)
	token, err := p.check.Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnidentified, err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(e.Nonce)) != 1 {
		return nil, fmt.Errorf("%w: it was issued for another sign-in", errUnidentified)
	}
	var when struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := token.Claims(&when); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnidentified, err)
	}
	// The browser could leave out what it is asked for; not every provider says when.
	if when.AuthTime != 0 && p.clock().Sub(time.Unix(when.AuthTime, 0)) > errandLasts+time.Minute {
		return nil, fmt.Errorf("%w: they signed in at the provider before they were asked to", errUnidentified)
	}
	return token, nil
}
