package operator

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A Roster finds active officers by what they are known by; ErrNotFound.
type Roster interface {
	ByPin(ctx context.Context, pin string) (*exchange.Officer, error)
	ByOIDC(ctx context.Context, who exchange.OIDCIdentity) (*exchange.Officer, error)
}

// Callers finds out who asks. Nothing is remembered between requests: a
// suspension, a removed pin and an expired certificate or token count at once.
type Callers struct {
	Roster Roster
	// Pin judges the certificate of a connection and returns its pin; nil when
	// no client certificate is taken. The error is a *exchange.Problem.
	Pin func(tls.ConnectionState) (string, error)
	// Bearer judges tokens; nil when none is taken.
	Bearer *Bearer
}

// Caller returns the officer of a request. A token decides alone where there is
// one: a certificate may be that of a proxy or a machine.
func (c *Callers) Caller(r *http.Request) (*exchange.Officer, error) {
	switch authorization := r.Header.Values("Authorization"); {
	case len(authorization) > 1:
		return nil, unknown("token-form", "Authorization is there once.")
	case len(authorization) == 1:
		scheme, token, _ := strings.Cut(authorization[0], " ")
		if c.Bearer == nil || !strings.EqualFold(scheme, "Bearer") {
			return nil, unknown("token-form", "Authorization is not taken here, or is not of the scheme Bearer.")
		}
		who, err := c.Bearer.Identity(r.Context(), token)
		if err != nil {
			return nil, err
		}
		return known(c.Roster.ByOIDC(r.Context(), who))
	case c.Pin != nil && r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		pin, err := c.Pin(*r.TLS)
		if err != nil {
			return nil, err
		}
		return known(c.Roster.ByPin(r.Context(), pin))
	}
	return nil, unknown("no-credentials", "Call with a client certificate or a bearer token.")
}

// known hides from a stranger whether an officer exists and is suspended.
func known(officer *exchange.Officer, err error) (*exchange.Officer, error) {
	if errors.Is(err, exchange.ErrNotFound) {
		return nil, unknown("identity-unknown", "Whoever calls is no active officer or system of this gateway.")
	}
	return officer, err
}

func unknown(rule, detail string) *exchange.Problem {
	return refuse(exchange.ProblemUnauthenticated, rule, detail)
}
