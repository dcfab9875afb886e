package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
)

// client returns the HTTP client for one partner: its anchors and pins, no
// proxy, no redirect.
func (t *trustStore) client(code string) (*http.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.refresh(); err != nil {
		return nil, err
	}
	if c, ok := t.clients[code]; ok {
		return c, nil
	}
	p, ok := t.snapshot.Partner(code)
	if !ok {
		return nil, fmt.Errorf("no partner %s", code)
	}
	endpoint, err := url.Parse(p.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("partner %s: the endpoint is not a URL", code)
	}
	options := certs.ClientOptions{
		Identity: t.identity, ServerName: endpoint.Hostname(),
		Verify: func(cs tls.ConnectionState) error { return t.verifyServer(code, cs) },
	}
	if p.TLS.MinVersion == "1.2" {
		options.MinVersion = tls.VersionTLS12
	}
	config, err := certs.ClientConfig(options)
	if err != nil {
		return nil, err
	}
	meets := func(cs tls.ConnectionState) error {
		err := options.Verify(cs)
		if err == nil {
			t.meet(code, x509.ExtKeyUsageServerAuth, cs.PeerCertificates[0])
		}
		return err
	}
	c := &http.Client{
		Transport: &checkedTransport{meets, &http.Transport{
			TLSClientConfig: config, Proxy: nil, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 60 * time.Second, DisableCompression: true,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.clients[code] = c
	return c, nil
}

// verifyServer decides about the server that answered at a partner's endpoint.
func (t *trustStore) verifyServer(code string, cs tls.ConnectionState) error {
	t.mu.Lock()
	_, err := t.refresh()
	trust := t.trusts[code]
	t.mu.Unlock()
	if err != nil {
		return err
	}
	if trust == nil {
		return fmt.Errorf("no partner %s", code)
	}
	return trust.Verify(cs, x509.ExtKeyUsageServerAuth)
}

// A checkedTransport judges the server's certificate again before each request.
// The handshake judged it once, and a connection that is kept open outlives
// expiry, revocation and a change of pins or anchors.
type checkedTransport struct {
	verify func(tls.ConnectionState) error
	base   *http.Transport
}

// RoundTrip implements http.RoundTripper. GotConn is called when the connection
// of a request is chosen and before anything is written to it; one that is not
// trusted any more is closed there, so that nothing can be. The transport may
// then try another connection, which is judged in the same way.
func (c *checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var refused error
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { refused = nil }, // another one is chosen, and may fail in its own way
		GotConn: func(info httptrace.GotConnInfo) {
			conn, ok := info.Conn.(*tls.Conn)
			if !ok {
				refused = errors.New("the connection is not a TLS connection")
			} else {
				refused = c.verify(conn.ConnectionState())
			}
			if refused != nil {
				_ = info.Conn.Close() // it is not used again, whatever closing it says
			}
		},
	}
	resp, err := c.base.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil && refused != nil {
		return nil, fmt.Errorf("a kept connection was closed: %w", refused)
	}
	return resp, err
}

// CloseIdleConnections closes what no request uses; http.Client looks for it.
func (c *checkedTransport) CloseIdleConnections() { c.base.CloseIdleConnections() }
