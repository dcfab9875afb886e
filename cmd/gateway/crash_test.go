package main

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
	"github.com/repatriation-exchange/gateway/schemas"
)

// crashCycles is how often each store's gateway is killed: 10, or what
// CRASH_CYCLES says (make crash: 100).
func crashCycles(t testing.TB) int {
	t.Helper()
	text := os.Getenv("CRASH_CYCLES")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CRASH_CYCLES is %q", text)
	}
	return n
}

// P2: kill -9 at random under load. No acknowledged message is lost, none has
// a second effect, copies get identical receipts, and the record holds. What
// our own outbox took is delivered once.
func TestCrashSQLite(t *testing.T) { crash(t, "", func(int) {}) }

// On PostgreSQL the database is killed as well, every fourth time.
func TestCrashPostgreSQL(t *testing.T) {
	server, err := throwaway.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	crash(t, url, func(cycle int) {
		if cycle%4 != 3 {
			return
		}
		server.Kill()
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func crash(t *testing.T, storeURL string, disaster func(cycle int)) {
	p := newPair(t, storeURL)
	p.vn.halt()
	clients := newCrowd(p)
	body := p.vn.path("body.json")
	if err := writeSecret(body, schemas.Example(benchType)); err != nil {
		t.Fatal(err)
	}
	var submitted []string
	for cycle := range crashCycles(t) {
		s := p.vn.serveProcess()
		ctx, cancel := context.WithCancel(context.Background())
		loaded := make(chan struct{})
		go func() { defer close(loaded); clients.load(ctx, 8, math.MaxInt) }()
		// Meanwhile an operator sends a message from another process.
		id := exchange.NewID()
		if _, _, code := runGateway(t, "send", body, "--config", p.vn.config, "--to", "KH", "--type", benchType, "--id", id, "--safeguard", "consent=2026-11-02"); code == exitOK {
			submitted = append(submitted, id)
		}
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		s.kill()
		disaster(cycle)
		cancel()
		<-loaded
		p.kh.http.CloseIdleConnections()
	}
	s := p.vn.serveProcess()
	defer s.kill()
	acknowledged := clients.settle(t)
	if acknowledged < 10 || len(submitted) == 0 {
		t.Errorf("the load was too small: %d of %d messages were acknowledged before a kill, %d submitted", acknowledged, len(clients.sent), len(submitted))
	}
	t.Logf("%d messages, %d acknowledged before a kill, %d submitted", len(clients.sent), acknowledged, len(submitted))
	eventually(t, "everything that was submitted is delivered", func() bool {
		return len(p.kh.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In})) >= len(submitted)
	})
	arrived := map[string]int{}
	for _, row := range p.kh.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In}) {
		arrived[row.ID]++
	}
	for _, id := range submitted {
		if arrived[id] != 1 {
			t.Errorf("a submitted message arrived %d times", arrived[id])
		}
	}
	s.kill()
	clients.proved(t)
	p.kh.check()
}

// Errors injected into single system calls: a full disk, a broken disk, a file
// that cannot be locked, no descriptors left. The gateway may refuse, or end; it may not
// acknowledge what it has not recorded, and the record must hold.
func TestInject(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is needed (make setup installs it): ", err)
	}
	for _, fault := range []string{
		"pwrite64:error=ENOSPC:when=40+", // the disk is full, and stays so
		"pwrite64:error=EIO:when=25..27",
		"pwrite64:error=EIO:when=60+30",
		"fsync:error=EIO:when=7",
		"fsync:error=ENOSPC:when=4+",
		"flock:error=ENOLCK:when=9",    // the checkpoint's lock file
		"accept4:error=EMFILE:when=3+", // out of file descriptors
		"write:error=EPIPE:when=30+9",
	} {
		t.Run(strings.NewReplacer(":", " ", "=", " ", ",", " ").Replace(fault), func(t *testing.T) {
			p := newPair(t, "")
			p.vn.halt()
			clients := newCrowd(p)
			trace := p.vn.path("trace")
			s := p.vn.serveProcess(tracer, "-f", "-qq", "--seccomp-bpf", "-e", "trace="+strings.SplitN(fault, ":", 2)[0], "-e", "inject="+fault, "-o", trace)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			happened := func() bool {
				hits, err := os.ReadFile(trace)
				return err == nil && bytes.Contains(hits, []byte("(INJECTED)"))
			}
			time.AfterFunc(1200*time.Millisecond, func() { // or longer, on a busy machine
				for ctx.Err() == nil && !happened() {
					time.Sleep(50 * time.Millisecond)
				}
				cancel()
			})
			clients.load(ctx, 4, math.MaxInt)
			ended := s.ended()
			s.kill()
			if !happened() {
				t.Fatal("the fault never happened")
			}
			p.kh.http.CloseIdleConnections()
			s = p.vn.serveProcess()
			defer s.kill()
			acknowledged := clients.settle(t)
			t.Logf("%d messages, %d acknowledged under the fault; the gateway ended by itself: %t", len(clients.sent), acknowledged, ended)
			s.kill()
			clients.proved(t)
		})
	}
}

// A disk that fails under what is written beside the record ends the gateway
// too: it must not go on with what it believes to have written.
func TestBrokenDiskUnderADeliveryEndsTheGateway(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is needed (make setup installs it): ", err)
	}
	p := newPair(t, "")
	p.kh.halt()
	p.vn.submit("KH") // it is tried again and again, and each attempt is kept
	p.vn.halt()
	t.Setenv("GATEWAY_DELIVERY_POLL", "20ms")
	s := p.vn.serveProcess(tracer, "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=25+", "-o", p.vn.path("trace"))
	select {
	case <-s.exited:
	case <-time.After(60 * time.Second):
		s.kill()
		t.Fatalf("it goes on:\n%s", s.stderr)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(s.stderr.String(), "the store's disk failed") {
		t.Errorf("it ended with %d:\n%s", code, s.stderr)
	}
	p.vn.start()
	p.vn.check()
}
