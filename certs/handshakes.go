package certs

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Handshakes tells why TLS sessions were refused, each once. Some refusals are
// rules of this package; others are the library's, which tells nobody: no common
// version or suite, or a peer that does not hold the key of its certificate or
// does not accept ours. So each handshake is followed from the client's first
// message until it is decided or the connection closes.
type Handshakes struct {
	refused func(Rule)

	mu   sync.Mutex
	open map[net.Conn]struct{} // begun, and not decided yet
}

// NewHandshakes follows handshakes; refused is told of each that fails.
func NewHandshakes(refused func(Rule)) *Handshakes {
	return &Handshakes{refused: refused, open: map[net.Conn]struct{}{}}
}

func (h *Handshakes) begin(conn net.Conn) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[conn] = struct{}{}
}

// refuse settles a handshake; what follows from it is not told again.
func (h *Handshakes) refuse(conn net.Conn, rule Rule) {
	if h != nil && h.settle(conn) {
		h.refused(rule)
	}
}

func (h *Handshakes) settle(conn net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, begun := h.open[conn]
	delete(h.open, conn)
	return begun
}

// ConnState is for the http.Server of the listener. A connection that closes
// after its client's first message and before its handshake is complete was
// refused by rule "handshake". One that says nothing at all, as a balancer's
// probe does, is nobody's handshake.
func (h *Handshakes) ConnState(conn net.Conn, state http.ConnState) {
	secure, ok := conn.(*tls.Conn)
	if !ok || state != http.StateActive && state != http.StateClosed {
		return
	}
	begun := h.settle(secure.NetConn())
	if begun && state == http.StateClosed && !secure.ConnectionState().HandshakeComplete {
		h.refused(RuleHandshake)
	}
}
