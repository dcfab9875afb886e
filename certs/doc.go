// Package certs holds our keys and says whom we trust on a connection: private
// keys and their files, the TLS identity of this gateway, the trust in one
// partner (anchors, pins, revocation), and a small authority for tests,
// demonstrations and pilots.
//
// # Who is at the other end
//
// A partner is found by the pin of its leaf certificate, never by a name in it:
//
//	Pin(leaf) -> Peers.Find -> that partner's Trust -> Trust.Verify
//
// so one partner's authority can never vouch for another partner, however
// broad the names it signs. Pins are therefore mandatory, and a pin belongs to
// one partner only.
//
// # When it is decided
//
//   - Trust.Verify runs in tls.Config.VerifyConnection, for every handshake.
//     VerifyConnection is called for resumed sessions as well, where
//     VerifyPeerCertificate is not.
//   - Trust.Recheck runs for every request to us, because a kept-alive connection
//     outlives a revocation, an expiry and a change of pins or anchors. It builds
//     a chain once for each certificate and costs about a microsecond after that.
//     For our own requests the caller runs Verify again on each connection that
//     it has kept.
//
// A refusal is a *Refusal with a stable Rule, a Detail and a Hint for the
// operator.
//
// # Revocation that cannot be fetched
//
// A revocation list past its nextUpdate is neither ignored nor a full stop: for
// CRLPolicy.Grace it is still used and CRLs.State says "stale" and since when;
// after that every connection of that partner is refused (rule crl-stale).
// A reload that fails (missing file, bad signature, a number that went
// backwards) keeps the last good list and is named in the state.
//
// The package imports none of our others: exchange is handed a crypto.Signer
// and an *http.Client, and never learns where they came from.
package certs
