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
	"os"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/console"
)

// ConsoleConfig describes the officers' pages. They have a listener of their
// own: officers are no partners.
type ConsoleConfig struct {
	Listen string `json:"listen" yaml:"listen"`
	// Certificate and Key are what browsers see; absent, the partners' ones.
	Certificate string `json:"certificate,omitempty" yaml:"certificate,omitempty"`
	Key         string `json:"key,omitempty" yaml:"key,omitempty"`
	Zone        string `json:"zone,omitempty" yaml:"zone,omitempty"`
	Idle        string `json:"idle,omitempty" yaml:"idle,omitempty"`
	Longest     string `json:"longest,omitempty" yaml:"longest,omitempty"`
	// URL is where officers open the pages. Passkeys are bound to it: without it
	// there are none.
	URL string `json:"url,omitempty" yaml:"url,omitempty"`
	// Passwords: officers may sign in by password and an authenticator's code.
	Passwords bool `json:"passwords,omitempty" yaml:"passwords,omitempty"`
	// ClientCertificates: officers sign in by the certificates of their entries.
	ClientCertificates bool `json:"client_certificates,omitempty" yaml:"client_certificates,omitempty"`
	// Chromium prints cases as PDF; absent: officers print in their browsers.
	Chromium string       `json:"chromium,omitempty" yaml:"chromium,omitempty"`
	OIDC     *ConsoleOIDC `json:"oidc,omitempty" yaml:"oidc,omitempty"`
}

// ConsoleOIDC names the officers' identity provider.
type ConsoleOIDC struct {
	Issuer     string `json:"issuer" yaml:"issuer"`
	ClientID   string `json:"client_id" yaml:"client_id"`
	SecretFile string `json:"secret_file,omitempty" yaml:"secret_file,omitempty"`
	URL        string `json:"url" yaml:"url"`
	Anchors    string `json:"anchors,omitempty" yaml:"anchors,omitempty"`
}

// The limits of a session, where the configuration does not say.
const (
	consoleIdle    = 30 * time.Minute
	consoleLongest = 12 * time.Hour
)

// newConsole wires the officers' pages of a gateway.
func (n *node) newConsole(cfg ConsoleConfig) (*console.Console, error) {
	sight, err := exchange.NewSight(exchange.SightConfig{Files: n.files, Desk: n.desk, Catalogue: n.catalogue})
	if err != nil {
		return nil, err
	}
	sessions, err := exchange.NewSessions(exchange.SessionsConfig{
		Store: n.db, Recorder: n.committer, Opener: n.opener, Clock: n.now, Logger: n.log,
		Idle: duration(cfg.Idle, consoleIdle), Longest: duration(cfg.Longest, consoleLongest),
	})
	if err != nil {
		return nil, err
	}
	views, err := exchange.NewViews(n.db, n.opener)
	if err != nil {
		return nil, err
	}
	forms, err := exchange.NewForms(exchange.FormsConfig{Store: n.db, Roster: n.roster, Recorder: n.committer, Opener: n.opener, Clock: n.now})
	if err != nil {
		return nil, err
	}
	zone, err := n.officersZone(cfg.Zone)
	if err != nil {
		return nil, err
	}
	wired := console.Config{
		Self: n.cfg.Self, Files: n.files, Desk: n.desk, Sight: sight, Forms: forms, Oversight: n.oversight, Reports: n.reports, Templates: n.templates, Register: n.register, Roster: n.roster, Sessions: sessions, Views: views,
		Directory: n.directory, Catalogue: n.catalogue, Zone: zone, Clock: n.now, Logger: n.log,
	}
	if wired.Accounts, err = n.accounts(cfg); err != nil {
		return nil, err
	}
	pages, err := n.consoleIdentity(cfg)
	if err != nil {
		return nil, err
	}
	wired.Own = func() (own, ofPages exchange.Certificate) {
		if own = certificateOf(n.identity.Leaf()); pages != n.identity {
			ofPages = certificateOf(pages.Leaf())
		}
		return own, ofPages
	}
	wired.Passwords, wired.ValidPin = cfg.Passwords, func(pin string) bool { return certs.CheckPin(pin) == nil }
	if cfg.Chromium != "" {
		if wired.Press, err = console.NewPress(cfg.Chromium); err != nil {
			return nil, hint(err, "install chromium, or take console.chromium out of the configuration")
		}
	}
	if cfg.ClientCertificates {
		wired.Pin = func(c *x509.Certificate) string { return certs.Pin(c) }
	}
	if cfg.OIDC != nil {
		if wired.OIDC, err = cfg.OIDC.load(); err != nil {
			return nil, err
		}
	}
	return console.New(wired)
}

// accounts are the passkeys and passwords of a console.
func (n *node) accounts(cfg ConsoleConfig) (*exchange.Accounts, error) {
	var site exchange.Site
	if cfg.URL != "" {
		var err error
		if site, err = exchange.NewSite(cfg.URL); err != nil {
			return nil, hint(fmt.Errorf("console.url: %w", err), "write what officers' browsers open, such as https://console.example.vn")
		}
	}
	return exchange.NewAccounts(exchange.AccountsConfig{Roster: n.roster, Store: n.db, Recorder: n.committer, Opener: n.opener, Clock: n.now, Site: site})
}

// officersZone is the configured one, or else that of our own side.
func (n *node) officersZone(name string) (*time.Location, error) {
	if self, ok := n.registry.Current().Self(); ok && name == "" {
		name = self.TimeZone
	}
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, hint(fmt.Errorf("console.zone: %q is not in the time zone database", name), "write one such as Asia/Ho_Chi_Minh")
	}
	return zone, nil
}

func (c *ConsoleOIDC) load() (*console.OIDCConfig, error) {
	client, err := outsideClient(c.Issuer, c.Anchors)
	if err != nil {
		return nil, fmt.Errorf("console.oidc: %w", err)
	}
	out := &console.OIDCConfig{Issuer: c.Issuer, ClientID: c.ClientID, URL: c.URL, Client: client}
	if c.SecretFile == "" {
		return out, nil
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the identity provider's secret: %w", err)
	}
	out.Secret = strings.TrimSpace(string(secret))
	return out, nil
}

// consoleIdentity is the certificate that browsers see: that of the partners, unless the
// console has one of its own.
func (n *node) consoleIdentity(cfg ConsoleConfig) (*certs.Identity, error) {
	if cfg.Certificate == "" {
		return n.identity, nil
	}
	identity, err := certs.LoadIdentity(certs.IdentityConfig{CertFile: cfg.Certificate, KeyFile: cfg.Key, Now: time.Now})
	if err != nil {
		return nil, fmt.Errorf("open the console's TLS identity: %w", err)
	}
	return identity, nil
}

// consoleTLS is what browsers meet: TLS 1.3 alone, and a question for a client
// certificate only where officers sign in by it. Whom it belongs to the roster
// says, by its pin; the handshake has proved that the browser has the key.
func (n *node) consoleTLS(cfg ConsoleConfig) (*tls.Config, error) {
	identity, err := n.consoleIdentity(cfg)
	if err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: identity.GetCertificate, NextProtos: []string{"h2", "http/1.1"}}
	if cfg.ClientCertificates {
		out.ClientAuth = tls.RequestClientCert
	}
	return out, nil
}

// runConsole serves officers on the listener until ctx ends.
func (n *node) runConsole(ctx context.Context, listener net.Listener, cfg ConsoleConfig, pages http.Handler) error {
	config, err := n.consoleTLS(cfg)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: pages, TLSConfig: config, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 120 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), // handshake noise of strangers
	}
	if live, ok := pages.(interface{ EndStreams() }); ok {
		server.RegisterOnShutdown(live.EndStreams)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(closing) != nil {
			_ = server.Close() // an officer's page that is cut off can be asked for again
		}
	}()
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve officers: %w", err)
	}
	<-stopped
	return nil
}

// startConsole listens and serves officers where the configuration says so.
func (n *node) startConsole(ctx context.Context, goes func(func() error)) error {
	if n.cfg.Console == nil {
		return nil
	}
	cfg := *n.cfg.Console
	pages, err := n.newConsole(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return hint(fmt.Errorf("listen for officers: %w", err), "change console.listen in the configuration")
	}
	n.log.Info("console started", "listen", listener.Addr().String())
	goes(func() error { return n.runConsole(ctx, listener, cfg, pages) })
	return nil
}
