package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A benchClient is a partner under load: it signs every message anew.
type benchClient struct {
	signer *seal.Signer
	claims exchange.Claims
	http   *http.Client
}

// benchType is what the bench sends: the largest everyday message.
const benchType = "identity_verification_request"

func newBenchClient(w *world) (*benchClient, error) {
	partner := w.party("KH")
	signer, err := partner.loadSigner()
	if err != nil {
		return nil, err
	}
	config, err := partner.clientTLS("127.0.0.1")
	if err != nil {
		return nil, err
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	now := time.Now()
	return &benchClient{
		signer: signer,
		claims: exchange.Claims{
			Issuer: "KH", Audience: "VN", Type: benchType, Agreement: w.agreement("KH"), Purpose: demoPurpose,
			IssuedAt: now.Unix(), Expires: now.Add(24 * time.Hour).Unix(), Body: json.RawMessage(schemas.Example(benchType)),
		},
		http: &http.Client{
			Timeout: 30 * time.Second,
			Transport: &http.Transport{
				TLSClientConfig: config, MaxIdleConnsPerHost: 1024, MaxConnsPerHost: 1024, DisableCompression: true,
				WriteBufferSize: 16 << 10, ReadBufferSize: 16 << 10,
			},
		},
	}, nil
}

// sign makes a new message.
func (c *benchClient) sign() ([]byte, error) {
	claims := c.claims
	claims.ID, claims.Case = exchange.NewID(), exchange.NewID()
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	return c.signer.Sign(exchange.TypMessage, payload)
}

// send signs one new message, posts it, and reads the receipt.
func (c *benchClient) send(s *benchServer) (time.Duration, error) {
	started := time.Now()
	message, err := c.sign()
	if err != nil {
		return 0, err
	}
	resp, err := c.http.Post(s.url+"/v1/messages", exchange.MediaTypeMessage, bytes.NewReader(message))
	if err != nil {
		return 0, fmt.Errorf("post: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusAccepted {
		return 0, fmt.Errorf("the gateway answered %d: %s", resp.StatusCode, answer)
	}
	return time.Since(started), nil
}

// serverStats is what a rung's process tells of itself.
type serverStats struct {
	CPU      int64  `json:"cpu_ns"`
	Mallocs  uint64 `json:"mallocs"`
	Database int64  `json:"-"` // the server's processes, seen from here
}

// stats asks the process.
func (s *benchServer) stats() (serverStats, error) {
	var out serverStats
	if _, err := io.WriteString(s.stdin, "stats\n"); err != nil {
		return out, fmt.Errorf("ask for statistics: %w", err)
	}
	return out, s.read(&out)
}

// record has the process record entries from n hands for a while, with nothing
// else to do, and returns how many it recorded in a second.
func (s *benchServer) record(n int, slice time.Duration) (float64, error) {
	if _, err := fmt.Fprintf(s.stdin, "record %d %s\n", n, slice); err != nil {
		return 0, fmt.Errorf("ask for entries: %w", err)
	}
	var out recorded
	if err := s.read(&out); err != nil {
		return 0, err
	}
	if out.Error != "" {
		return 0, errors.New(out.Error)
	}
	return float64(out.Entries) / out.Seconds, nil
}

// A recorded is what a process answers then.
type recorded struct {
	Entries int64   `json:"entries"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// read reads the process's next line.
func (s *benchServer) read(into any) error {
	line, err := s.stdout.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the gateway process ended: %w", err)
	}
	if err := json.Unmarshal(line, into); err != nil {
		return fmt.Errorf("the gateway process said %q", bytes.TrimSpace(line))
	}
	return nil
}

// newLineReader reads what a process prints.
func newLineReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 64<<10) }
