package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"

	"github.com/repatriation-exchange/gateway/exchange"
)

// newOversight wires what those who answer for the exchange look at.
func (n *node) newOversight() (*exchange.Oversight, error) {
	return exchange.NewOversight(exchange.OversightConfig{
		Files: n.files, Feed: n.feed, Jobs: n.db, Keep: n.db, Drafts: n.db, VKey: n.logSigner.VerifierKey(), Keys: n.publicKeys, Health: n.lineHealth,
		Held: func(partner string) bool { return n.courier != nil && n.courier.CircuitOpen(partner) },
	})
}

// lineHealth says how the line to a partner is, as far as this process knows:
// one that serves no partners knows only what its files say.
func (n *node) lineHealth(ctx context.Context, partner string) exchange.LineHealth {
	out := exchange.LineHealth{}
	pemText, _ := n.anchors(partner) // a partner that has left the registry has none
	for len(pemText) > 0 {
		var block *pem.Block
		if block, pemText = pem.Decode(pemText); block == nil {
			break
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			out.Anchors = append(out.Anchors, certificateOf(cert))
		}
	}
	if n.trust == nil || n.courier == nil || n.watch == nil {
		return out
	}
	out.Known, out.CircuitOpen = true, n.courier.CircuitOpen(partner)
	out.Revocation, out.Wrong = n.trust.revocation(partner)
	for _, leaf := range n.trust.met(partner) {
		out.Met = append(out.Met, certificateOf(leaf))
	}
	out.Cosigned, out.Waiting, out.Alarms = n.watch.Of(partner)
	if p, ok := n.registry.Current().Partner(partner); ok && p.Log != nil {
		if seen, err := n.db.Latest(ctx, p.Log.Origin); err == nil {
			out.Witnessed = seen.Size
		}
	}
	return out
}

// certificateOf says whose a certificate is, and when it ends.
func certificateOf(c *x509.Certificate) exchange.Certificate {
	name := c.Subject.CommonName
	if name == "" && len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	return exchange.Certificate{Name: name, Ends: c.NotAfter}
}
