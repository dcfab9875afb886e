package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// command is this program as a process of its own; it dies with the test.
func command(ctx context.Context, prefix []string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	line := append(append(prefix[:len(prefix):len(prefix)], self), args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), asGateway+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, nil
}

// runGateway runs a verb to its end and returns what it printed and its exit
// code.
func runGateway(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd, err := command(t.Context(), nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// A served is a gateway that runs as a process of its own.
type served struct {
	cmd    *exec.Cmd
	stderr *logBuffer
	exited chan struct{}
}

// serveProcess starts `gateway serve`, perhaps under a tracer, and waits until
// it takes connections or has ended.
func (g *testGateway) serveProcess(prefix ...string) *served {
	g.t.Helper()
	cmd, err := command(context.Background(), prefix, "serve", "--config", g.config)
	if err != nil {
		g.t.Fatal(err)
	}
	s := &served{cmd: cmd, stderr: &logBuffer{}, exited: make(chan struct{})}
	cmd.Stderr = s.stderr
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // a killed process always "fails"
		close(s.exited)
	}()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if s.ended() {
			if len(prefix) == 0 {
				g.t.Fatalf("serve has ended:\n%s", s.stderr)
			}
			return s
		}
		if c, err := net.Dial("tcp", g.listen); err == nil {
			_ = c.Close()
			return s
		}
	}
	s.kill()
	g.t.Fatalf("serve does not listen:\n%s", s.stderr)
	return nil
}

func (s *served) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// kill is SIGKILL for the process (and its tracer), at whatever it is doing.
func (s *served) kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	<-s.exited
}

// A crowd of clients posts messages as Cambodia and remembers what was
// acknowledged.
type crowd struct {
	from, to *testGateway
	mu       sync.Mutex
	sent     map[string][]byte // message: its receipt, nil while unknown
	wrong    []string
}

func newCrowd(p *pair) *crowd {
	p.vn.editPartner("kh", func(k *partners.Partner) {
		rate, many := 100000.0, 10000
		k.RawLimits.RatePerSecond, k.RawLimits.Burst, k.RawLimits.MaxInFlight = &rate, &many, &many
	})
	return &crowd{from: p.kh, to: p.vn, sent: map[string][]byte{}}
}

// load posts new messages and copies of old ones until ctx ends, from each client
// not more than most.
func (c *crowd) load(ctx context.Context, clients, most int) {
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() {
			for n := 0; n < most && ctx.Err() == nil; n++ {
				message := c.next(i, n)
				r, err := c.from.tryPost(c.to, message)
				if err != nil {
					time.Sleep(20 * time.Millisecond) // it is dead; do not spin
					continue
				}
				c.note(message, r)
			}
		})
	}
	wait.Wait()
}

// next is a new message, or now and then one that was sent before.
func (c *crowd) next(client, n int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n%5 == 4 {
		for old := range c.sent {
			return []byte(old)
		}
	}
	message := c.from.sign(c.from.claims("VN"))
	c.sent[string(message)] = nil
	return message
}

// note remembers a receipt; a second one must be the same bytes.
func (c *crowd) note(message []byte, r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.sent[string(message)]
	switch {
	case r.status == http.StatusAccepted && old == nil:
		c.sent[string(message)] = r.body
	case r.status == http.StatusAccepted && !bytes.Equal(old, r.body):
		c.wrong = append(c.wrong, "another receipt for the same bytes")
	case r.status != http.StatusAccepted:
		if slug, _, _ := r.problem(); slug != "store-unavailable" && slug != "internal" {
			c.wrong = append(c.wrong, string(r.body))
		}
	}
}

// settle sends everything again and compares every receipt.
func (c *crowd) settle(t testing.TB) (acknowledged int) {
	t.Helper()
	for message, receipt := range c.sent {
		r := c.from.post(c.to, []byte(message))
		if r.status != http.StatusAccepted {
			t.Fatalf("sent again, a message gets %d %s", r.status, r.body)
		}
		if receipt == nil {
			continue
		}
		acknowledged++
		if !bytes.Equal(receipt, r.body) {
			t.Fatal("an acknowledged message gets another receipt: it was lost and recorded again")
		}
		if _, err := c.from.openReceipt(c.to, receipt, claimsIn(t, []byte(message)).ID, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.wrong) > 0 {
		t.Fatalf("%d wrong answers: %s", len(c.wrong), strings.Join(c.wrong[:min(5, len(c.wrong))], "\n"))
	}
	return acknowledged
}

// proved ends every crash test: each message stands once in the record, and
// the record is recomputed by the program itself.
func (c *crowd) proved(t testing.TB) {
	t.Helper()
	c.to.start()
	rows := c.to.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In})
	if len(rows) != len(c.sent) {
		t.Errorf("%d messages are recorded, %d were sent", len(rows), len(c.sent))
	}
	c.to.check()
	c.to.halt()
	if out, errs, code := runGateway(t, "check", "--config", c.to.config); code != exitOK {
		t.Errorf("check exits %d:\n%s%s", code, out, errs)
	}
}
