package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/docs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
)

// An operatorAPI is the listener of the house: its handler and its TLS.
type operatorAPI struct {
	handler  http.Handler
	identity *certs.Identity
	tls      *tls.Config
}

// openOperator wires the operator API; nothing when it is not configured.
func (n *node) openOperator(metrics *operator.Metrics) error {
	cfg := n.cfg.Operator
	if cfg == nil {
		return nil
	}
	if cfg.TLS.ClientAnchors == "" && cfg.OIDC == nil {
		return hint(usagef("the operator API has nobody who could call it"), "set operator.tls.client_anchors or operator.oidc in the configuration, or leave operator out")
	}
	callers := &operator.Callers{Roster: n.roster}
	if cfg.TLS.ClientAnchors != "" {
		anchors, err := certs.ReadCertificates(cfg.TLS.ClientAnchors)
		if err != nil {
			return fmt.Errorf("operator.tls.client_anchors: %w", err)
		}
		callers.Pin = func(cs tls.ConnectionState) (string, error) { return callerPin(anchors, cs) }
	}
	if cfg.OIDC != nil {
		client, err := outsideClient(cfg.OIDC.Issuer, cfg.OIDC.Anchors)
		if err != nil {
			return fmt.Errorf("operator.oidc: %w", err)
		}
		if callers.Bearer, err = operator.NewBearer(operator.BearerConfig{Issuer: cfg.OIDC.Issuer, Audience: cfg.OIDC.Audience, Client: client, Clock: time.Now}); err != nil {
			return err
		}
	}
	handler, err := operator.New(operator.Config{
		Self: n.cfg.Self, Desk: n.desk, Files: n.files, Feed: n.feed, Register: n.register, Catalogue: n.catalogue, Caller: callers.Caller,
		OpenAPI: docs.OpenAPI, Clock: time.Now, Logger: n.log, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	identity, err := certs.LoadIdentity(certs.IdentityConfig{CertFile: cfg.TLS.Certificate, KeyFile: cfg.TLS.Key, Now: time.Now})
	if err != nil {
		return fmt.Errorf("open the operator API's TLS identity: %w", err)
	}
	config, err := operatorTLS(identity)
	if err != nil {
		return err
	}
	n.operator = &operatorAPI{handler, identity, config}
	return nil
}

// operatorTLS asks for a certificate and takes any, or none: whether its owner
// may come in is decided for every request, which gets a problem document and
// not an alert.
func operatorTLS(identity *certs.Identity) (*tls.Config, error) {
	config, err := certs.ServerConfig(certs.ServerOptions{Identity: identity, Verify: func(tls.ConnectionState) error { return nil }})
	if err != nil {
		return nil, err
	}
	config.VerifyConnection, config.GetConfigForClient = nil, nil
	return config, nil
}

// callerPin judges a caller's certificate as a partner's is judged, and names
// its key.
func callerPin(anchors []*x509.Certificate, cs tls.ConnectionState) (string, error) {
	pin := certs.Pin(cs.PeerCertificates[0])
	trust, err := certs.NewTrust(certs.TrustConfig{Anchors: anchors, Pins: []string{pin}, Now: time.Now})
	if err == nil {
		err = trust.Verify(cs, x509.ExtKeyUsageClientAuth)
	}
	var refusal *certs.Refusal
	if errors.As(err, &refusal) {
		p := exchange.NewProblem(exchange.ProblemUnauthenticated, "The client certificate is not accepted.")
		p.Rule = string(refusal.Rule)
		return "", p
	}
	return pin, err
}

// outsideClient returns a client for an address of the house: a provider or a
// receiver. It follows no redirect and uses no proxy.
func outsideClient(address, anchors string) (*http.Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usagef("the address is not a URL")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usagef("%s must begin with https://", u.Redacted())
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if anchors != "" {
		data, err := os.ReadFile(anchors)
		if err != nil {
			return nil, usageError{fmt.Errorf("read the anchors: %w", err)}
		}
		list, err := certs.ParseCertificates(data)
		if err != nil {
			return nil, usageError{fmt.Errorf("the anchors %s: %w", anchors, err)}
		}
		config.RootCAs = x509.NewCertPool()
		for _, c := range list {
			config.RootCAs.AddCert(c)
		}
	}
	return &http.Client{
		Timeout: outsideTimeout,
		Transport: &http.Transport{
			TLSClientConfig: config, Proxy: nil, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 5 * time.Second,
			DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// operatorWarnings says what wants attention in the operator API and webhooks.
func (n *node) operatorWarnings() []string {
	out := n.webhookWarnings()
	if n.operator == nil {
		return out
	}
	if left := time.Until(n.operator.identity.Expires()); left < 14*24*time.Hour {
		out = append(out, fmt.Sprintf("the operator API's TLS certificate expires in %d days", int(left.Hours()/24)))
	}
	if n.operator.identity.Problem() != nil {
		out = append(out, "the operator API's renewed TLS certificate is not usable")
	}
	return out
}

// outsideTimeout is below half of a follower's lease.
const outsideTimeout = 8 * time.Second

// runOperator serves the operator API until ctx ends, and finishes requests that
// are under way.
func (n *node) runOperator(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: n.operator.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 120 * time.Second, MaxHeaderBytes: 32 << 10, DisableGeneralOptionsHandler: true,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), // handshake noise of strangers
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), duration(n.cfg.Drain, 20*time.Second))
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			_ = server.Close() // the deadline has passed; callers will ask again
		}
	}()
	err := server.Serve(tls.NewListener(listener, n.operator.tls))
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the operator API: %w", err)
	}
	<-done
	return nil
}
