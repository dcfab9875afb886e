package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// suites12 are the TLS 1.2 suites that are ever accepted: forward secrecy and
// authenticated encryption. TLS 1.3 has no other kind.
var suites12 = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// ServerOptions say how a gateway is reached.
type ServerOptions struct {
	Identity *Identity
	// MinVersion is asked for each connection, because a partner's configuration
	// changes while the listener runs; nil means TLS 1.3. Peers.MinVersion knows.
	MinVersion func() uint16
	Handshakes *Handshakes // told of what is refused; nil when nobody counts

	// Verify decides about each connection, full or resumed, and must find the
	// partner anew each time: what is trusted changes while tickets live on.
	Verify func(tls.ConnectionState) error
}

// ServerConfig makes the TLS configuration of a listener. Use it as it is, with
// tls.NewListener: http.Server.ServeTLS would add HTTP/2 again.
func ServerConfig(o ServerOptions) (*tls.Config, error) {
	if o.Identity == nil || o.Verify == nil {
		return nil, errors.New("TLS server: needs an identity and a verify function")
	}
	if err := o.Identity.may(x509.ExtKeyUsageServerAuth); err != nil {
		return nil, fmt.Errorf("TLS server: our own certificate: %w", err)
	}
	config := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		CipherSuites:   slices.Clone(suites12),
		GetCertificate: o.Identity.GetCertificate,
		// The library asks for a certificate and makes sure that the peer holds its
		// key; VerifyConnection refuses a peer without one. Its own verification
		// would know one pool of anchors for all partners, and is not repeated when
		// a session is resumed; and what it refuses itself, nobody can count.
		ClientAuth:       tls.RequestClientCert,
		VerifyConnection: func(cs tls.ConnectionState) error { return verifyPeer(cs, o.Verify) },
		// HTTP/2 costs more than it gives here: messages are small, each partner
		// has few connections, and these are kept open.
		NextProtos: []string{"http/1.1"},
		// Session tickets stay on: VerifyConnection sees resumed sessions too. Their
		// keys are this configuration's, also for the connections below.
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return o.configFor(config, hello), nil
	}
	return config, nil
}

// configFor makes the configuration of one connection: the lowest version of
// this moment, and a note of what becomes of the handshake.
func (o ServerOptions) configFor(listener *tls.Config, hello *tls.ClientHelloInfo) *tls.Config {
	c := listener.Clone()
	c.GetConfigForClient = nil
	if o.MinVersion != nil && o.MinVersion() == tls.VersionTLS12 {
		c.MinVersion = tls.VersionTLS12
	}
	o.Handshakes.begin(hello.Conn)
	// These two the library refuses without a word. A version is looked for and
	// not compared: clients list numbers that mean nothing (RFC 8701).
	offers := func(version uint16) bool { return slices.Contains(hello.SupportedVersions, version) }
	switch common := func(suite uint16) bool { return slices.Contains(hello.CipherSuites, suite) }; {
	case offers(tls.VersionTLS13):
	case c.MinVersion == tls.VersionTLS13 || !offers(tls.VersionTLS12):
		o.Handshakes.refuse(hello.Conn, RuleTLSVersion)
	case !slices.ContainsFunc(suites12, common):
		o.Handshakes.refuse(hello.Conn, RuleCipherSuite)
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		err := verifyPeer(cs, o.Verify)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			o.Handshakes.refuse(hello.Conn, refusal.Rule)
		}
		return err
	}
	return c
}

// ClientOptions say how a gateway calls one partner.
type ClientOptions struct {
	Identity   *Identity
	ServerName string // the host that the server's certificate must name
	MinVersion uint16 // zero means TLS 1.3

	// Verify decides about the server: chain, pin and revocation by the current
	// Trust of that partner. The host name is checked before it.
	Verify func(tls.ConnectionState) error
}

// ClientConfig makes the TLS configuration for calling one partner.
func ClientConfig(o ClientOptions) (*tls.Config, error) {
	if o.Identity == nil || o.Verify == nil || o.ServerName == "" {
		return nil, errors.New("TLS client: needs an identity, a server name and a verify function")
	}
	lowest, err := minVersion(o.MinVersion)
	if err != nil {
		return nil, fmt.Errorf("TLS client: %w", err)
	}
	if err := o.Identity.may(x509.ExtKeyUsageClientAuth); err != nil {
		return nil, fmt.Errorf("TLS client: our own certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:           lowest,
		CipherSuites:         slices.Clone(suites12),
		GetClientCertificate: o.Identity.GetClientCertificate,
		ServerName:           o.ServerName,
		NextProtos:           []string{"http/1.1"},
		// The library's verification is replaced, not left out: RootCAs would be
		// fixed for the life of the configuration, while a partner's anchors,
		// pins and revocations change under it, and would be checked beside ours
		// rather than with it. VerifyConnection is called for every handshake and
		// an error from it ends the connection before a byte is sent.
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection does it in full, see above
		VerifyConnection: func(cs tls.ConnectionState) error {
			if err := verifyHost(cs, o.ServerName); err != nil {
				return err
			}
			return verifyPeer(cs, o.Verify)
		},
		// No ClientSessionCache: connections are kept open, so that there is
		// little to resume, and a ticket would tie us to the client certificate
		// that we had when we got it, beyond its renewal.
	}, nil
}

func verifyPeer(cs tls.ConnectionState, verify func(tls.ConnectionState) error) error {
	if len(cs.PeerCertificates) == 0 {
		return noCertificate()
	}
	return verify(cs)
}

func verifyHost(cs tls.ConnectionState, host string) error {
	if len(cs.PeerCertificates) == 0 {
		return noCertificate()
	}
	if err := cs.PeerCertificates[0].VerifyHostname(host); err != nil {
		return refuse(RuleHostName, "compare the partner's endpoint with the names in its certificate", "%v", err)
	}
	return nil
}

// verifyPurpose is the part of x509's chain check that concerns the leaf alone.
func verifyPurpose(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	if err := verifyLeaf(leaf, usage); err != nil {
		return err
	}
	if len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 || slices.Contains(leaf.ExtKeyUsage, usage) ||
		slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	return refuse(RuleKeyUsage, "ask for a certificate with serverAuth and clientAuth",
		"the certificate's extended key usage does not permit this side of a connection")
}

func minVersion(version uint16) (uint16, error) {
	switch version {
	case 0, tls.VersionTLS13:
		return tls.VersionTLS13, nil
	case tls.VersionTLS12:
		return tls.VersionTLS12, nil
	}
	return 0, fmt.Errorf("%s is not offered, only 1.2 and 1.3", tls.VersionName(version))
}
