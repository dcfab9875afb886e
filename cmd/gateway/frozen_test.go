package main

import (
	"context"
	"math"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A besides is a second process of one gateway, on another address.
type besides struct {
	*testGateway
	*served
}

// serveBeside starts a second process of a running gateway.
func (g *testGateway) serveBeside(t *testing.T) *besides {
	t.Helper()
	second := &testGateway{party: &party{}, t: t, http: g.http}
	*second.party = *g.party
	second.listen, second.admin = reserve(t), reserve(t)
	t.Setenv("GATEWAY_LISTEN", second.listen)
	t.Setenv("GATEWAY_ADMIN", second.admin)
	b := &besides{second, second.serveProcess()}
	t.Cleanup(b.served.kill)
	return b
}

func (b *besides) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// A gateway that stands still in the middle of a batch, as one does whose host
// has lost its power or its network, does not hold up the others for long; when
// it goes on, it has acknowledged nothing that is not recorded.
func TestFrozenProcessLetsGoOfTheLog(t *testing.T) {
	p := newPair(t, newPostgres(t))
	clients := newCrowd(p) // before the second process reads the limits
	p.vn.reload()
	frozen := p.vn.serveBeside(t)
	clients.to = frozen.testGateway
	held := false
	for range 15 {
		ctx, cancel := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		busy.Go(func() { clients.load(ctx, 8, math.MaxInt) })
		time.Sleep(300 * time.Millisecond)
		frozen.signal(t, syscall.SIGSTOP)
		started := time.Now()
		eventually(t, "the other gateway takes messages", func() bool {
			return p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).status == http.StatusAccepted
		})
		took := time.Since(started)
		cancel()
		frozen.signal(t, syscall.SIGCONT)
		busy.Wait()
		if took > 15*time.Second {
			t.Fatalf("the other one was held up for %s", took)
		}
		if held = took > 3*time.Second; held {
			break // it stood still while it held the log's lock
		}
	}
	if !held {
		t.Error("it never stood still in the middle of a batch")
	}
	eventually(t, "the one that stood still goes on", func() bool {
		return p.kh.post(frozen.testGateway, p.kh.sign(p.kh.claims("VN"))).status == http.StatusAccepted
	})
	clients.to = p.vn
	clients.settle(t)
	frozen.kill()
	p.vn.check()
}

// One that stands still while it holds the lock file does not hold up the others either.
func TestFrozenProcessLetsGoOfTheLockFile(t *testing.T) {
	p := newPair(t, newPostgres(t))
	beside := p.vn.serveBeside(t)
	lock, err := os.Open(p.vn.node.cfg.Log.Lock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for range 2 { // each has to read what the other has written
		for _, process := range []*testGateway{p.vn, beside.testGateway} {
			if got := p.kh.post(process, p.kh.sign(p.kh.claims("VN"))); got.status != http.StatusAccepted {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	p.vn.check()
}
