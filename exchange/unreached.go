package exchange

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// unreached says why a partner's gateway gave no answer: a reason for metrics,
// of a closed list, and words for logs and attempts. Neither holds an address.
func unreached(err error) (reason, detail string) {
	// Package certs refuses a server by a rule; exchange knows certs by no more
	// than this method.
	var refused interface{ RefusedBy() string }
	var network *net.OpError
	var record tls.RecordHeaderError
	var name *net.DNSError
	switch {
	case errors.As(err, &refused):
		return "tls-" + refused.RefusedBy(), "the partner's server is not trusted: " + refused.RefusedBy()
	case errors.As(err, &network) && network.Op == "remote error":
		// The library's own words for the number of the alert.
		return "tls-alert", "the partner broke the TLS handshake off: " + strings.TrimPrefix(network.Err.Error(), "tls: ")
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "no-tls", "what answers at the endpoint does not speak TLS"
	case errors.As(err, &name):
		return "name", "the endpoint's host name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", "nothing listens at the endpoint"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable", "there is no route to the endpoint"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "timeout", "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closed", "connection closed"
	}
	return "other", "connection failed"
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
