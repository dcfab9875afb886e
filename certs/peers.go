package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sort"
)

// Peers are all partners that may connect, found by pin. It does not change: a
// new configuration is a new Peers, put in place by its owner.
type Peers struct {
	byPin map[pin]peer
	tls12 bool
}

type peer struct {
	code  string
	trust *Trust
}

// NewPeers takes the trust of each partner by its code. A pin that two partners
// share is refused: a connection must have one possible owner.
func NewPeers(partners map[string]*Trust) (*Peers, error) {
	codes := make([]string, 0, len(partners))
	for code := range partners {
		codes = append(codes, code)
	}
	sort.Strings(codes) // the same mistake gives the same message
	p := &Peers{byPin: map[pin]peer{}}
	for _, code := range codes {
		trust := partners[code]
		if code == "" || trust == nil {
			return nil, fmt.Errorf("new peers: partner %q has no code or no trust", code)
		}
		p.tls12 = p.tls12 || trust.tls12
		for key := range trust.pins {
			if other, taken := p.byPin[key]; taken {
				return nil, setup("every partner needs a key of its own",
					"new peers: partners %s and %s have the same pin %s", other.code, code, key)
			}
			p.byPin[key] = peer{code: code, trust: trust}
		}
	}
	return p, nil
}

// Find gives the partner that a leaf certificate's key belongs to. Being found
// is not being trusted: Verify or Recheck decides.
func (p *Peers) Find(leaf *x509.Certificate) (code string, trust *Trust, found bool) {
	if leaf == nil {
		return "", nil, false
	}
	who, found := p.byPin[pinOf(leaf)]
	return who.code, who.trust, found
}

// Verify finds the partner of a connection and applies its full check.
func (p *Peers) Verify(cs tls.ConnectionState, usage x509.ExtKeyUsage) (code string, err error) {
	if len(cs.PeerCertificates) == 0 {
		return "", noCertificate()
	}
	leaf := cs.PeerCertificates[0]
	code, trust, found := p.Find(leaf)
	if !found {
		return "", unknownPin(pinOf(leaf))
	}
	return code, trust.Verify(cs, usage)
}

// Recheck finds the partner of a request on an open connection and applies its
// cheap check.
func (p *Peers) Recheck(presented ...*x509.Certificate) (code string, err error) {
	if len(presented) == 0 || presented[0] == nil {
		return "", noCertificate()
	}
	code, trust, found := p.Find(presented[0])
	if !found {
		return "", unknownPin(pinOf(presented[0]))
	}
	return code, trust.Recheck(presented...)
}

// MinVersion is the lowest TLS version that a listener must offer: 1.2 when some
// partner may use it. Which one may is decided by that partner's Trust.
func (p *Peers) MinVersion() uint16 {
	if p.tls12 {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}
