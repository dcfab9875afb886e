package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// ask reads a page of the operator address.
func ask(t *testing.T, address, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// What an operator sees of a serving gateway: health, readiness, every metric
// of the manual, and a log that carries identifiers and no payload.
func TestOperatorsView(t *testing.T) {
	t.Setenv("GATEWAY_LOGGING_FORMAT", "json")
	p := newPair(t, "")
	p.vn.halt()
	s := p.vn.serveProcess()
	defer s.kill()
	if code, body := ask(t, p.vn.admin, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %d %s", code, body)
	}
	claims := p.kh.claims("VN")
	message := p.kh.sign(claims)
	if r := p.kh.post(p.vn, message); r.status != http.StatusAccepted {
		t.Fatalf("%d %s", r.status, r.body)
	}
	refused := p.kh.claims("VN")
	refused.Agreement = "XX1999"
	p.kh.post(p.vn, p.kh.sign(refused))
	code, body := ask(t, p.vn.admin, "/readyz")
	var ready readiness
	if err := json.Unmarshal([]byte(body), &ready); err != nil || code != http.StatusOK || !ready.Ready || ready.Size != 2 || ready.Partners["KH"].Status != "active" {
		t.Errorf("readyz: %d %s %v", code, body, err)
	}
	_, metrics := ask(t, p.vn.admin, "/metrics")
	for _, line := range []string{
		`gateway_requests_total{partner="KH",status="202"} 1`, `gateway_refusals_total{partner="KH",problem="agreement-refused"} 1`,
		`gateway_accept_seconds_count 2`, `gateway_batch_entries_sum 2`, `gateway_batch_failures_total 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	for _, name := range regexp.MustCompile("(?m)^\\| `(gateway_[a-z_]+)").FindAllStringSubmatch(readDoc(t, "../../docs/operating.md"), -1) {
		known := strings.Contains(metrics, "# TYPE "+name[1]+" ")
		if !known && !strings.Contains(name[1], "delivery") && !strings.Contains(name[1], "circuit") && !strings.Contains(name[1], "tls") && !strings.Contains(name[1], "alarms") &&
			!strings.Contains(name[1], "operator") && !strings.Contains(name[1], "webhook") { // not counted yet
			t.Errorf("the manual names %s, which does not exist", name[1])
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if code := s.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	log := s.stderr.String()
	for _, secret := range []string{string(message), strings.Split(string(message), ".")[1], "Nguy", "subject", "claimed"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, claims.ID) || !strings.Contains(log, refused.ID) || !strings.Contains(log, "agreement-refused") {
		t.Errorf("the log does not name the messages:\n%s", log)
	}
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
}

// SIGTERM lets a request under way come to its receipt, and takes no other.
func TestDrain(t *testing.T) {
	p := newPair(t, "")
	p.vn.halt()
	s := p.vn.serveProcess()
	defer s.kill()
	config, err := p.kh.clientTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", p.vn.listen, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	claims := p.kh.claims("VN")
	message := p.kh.sign(claims)
	half := len(message) / 2
	fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", p.vn.listen, exchange.MediaTypeMessage, len(message), message[:half])
	time.Sleep(200 * time.Millisecond) // the request is under way
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no other connection is taken", func() bool {
		c, err := net.Dial("tcp", p.vn.listen)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if _, err := conn.Write(message[half:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal("the request under way was cut off: ", err)
	}
	defer resp.Body.Close()
	receipt, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s %v", resp.StatusCode, receipt, err)
	}
	<-s.exited
	if code := s.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	s = p.vn.serveProcess()
	defer s.kill()
	if again := p.kh.post(p.vn, message); !bytes.Equal(again.body, receipt) {
		t.Errorf("the receipt given while draining is not the recorded one: %s", again.body)
	}
}
