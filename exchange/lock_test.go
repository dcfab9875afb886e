package exchange_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

// checkpoints signs a checkpoint of any size, with a root of its own.
func checkpoints(t *testing.T) (*record.CheckpointSigner, func(size int64) []byte) {
	t.Helper()
	key, err := record.GenerateLogKey("lock.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := record.NewCheckpointSigner("lock.example/log", key)
	if err != nil {
		t.Fatal(err)
	}
	return signer, func(size int64) []byte {
		signed, err := signer.Sign(size, tlog.Hash{byte(size), byte(size >> 8)})
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
}

func TestFileLock(t *testing.T) {
	ctx := context.Background()
	signer, at := checkpoints(t)
	path := filepath.Join(t.TempDir(), "log.lock")
	open := func() *exchange.FileLock {
		l, err := exchange.NewFileLock(path, signer.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	remembers := func(what string, l *exchange.FileLock, want []byte) {
		t.Helper()
		if got, err := l.Load(ctx); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: remembers %q, %v; want %q", what, got, err, want)
		}
	}
	store := func(l *exchange.FileLock, size int64) {
		t.Helper()
		if err := l.Store(ctx, size, at(size)); err != nil {
			t.Fatalf("store %d: %v", size, err)
		}
	}
	one, two := open(), open()
	remembers("no file", one, nil)
	for size := int64(1); size <= 7; size++ {
		store(one, size)
		remembers("just stored", one, at(size))
		remembers("another process", two, at(size))
	}
	store(two, 9)
	store(one, 8) // the other process is ahead
	remembers("it never goes back", one, at(9))
	forked, err := signer.Sign(9, tlog.Hash{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Store(ctx, 9, forked); err == nil {
		t.Error("another checkpoint of the same size is taken")
	}
	store(one, 9) // the same one again

	// A write that was cut off leaves the place before it.
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	store(one, 10)
	remembers("the next", two, at(10))
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for first < len(whole) && whole[first] == after[first] {
		first++
	}
	torn := append(bytes.Clone(after[:first+10]), whole[first+10:]...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	remembers("a torn write", open(), at(9))
	store(open(), 11)
	remembers("after a torn write", open(), at(11))

	// What is no checkpoint of this log at all is an error that names the file.
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Load(ctx); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a foreign file: %v", err)
	}
	if err := open().Store(ctx, 12, at(12)); err == nil {
		t.Error("a foreign file is written over")
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	remembers("an empty file", open(), nil)

	// A file that is deleted under a running gateway is there again after the
	// next batch.
	store(one, 13)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	store(one, 14)
	remembers("a deleted file", open(), at(14))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Many processes at once leave the largest.
func TestFileLockIsShared(t *testing.T) {
	signer, at := checkpoints(t)
	path := filepath.Join(t.TempDir(), "log.lock")
	notes := map[int64][]byte{}
	for size := int64(1); size <= 200; size++ {
		notes[size] = at(size)
	}
	var wait sync.WaitGroup
	for worker := range int64(4) {
		wait.Go(func() {
			l, err := exchange.NewFileLock(path, signer.Verifier())
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = l.Close() }()
			for size := worker + 1; size <= 200; size += 4 {
				if err := l.Store(context.Background(), size, notes[size]); err != nil {
					t.Errorf("store %d: %v", size, err)
				}
			}
		})
	}
	wait.Wait()
	l, err := exchange.NewFileLock(path, signer.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.Load(context.Background()); err != nil || !bytes.Equal(got, notes[200]) {
		t.Errorf("remembers %q, %v", got, err)
	}
}

// A process that stands still while it holds the file does not hold up the others; what
// it writes when it goes on makes the file no more than a batch old.
func TestFileLockIsNotHeldUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // as long as a batch has
	defer cancel()
	signer, at := checkpoints(t)
	path := filepath.Join(t.TempDir(), "log.lock")
	l, err := exchange.NewFileLock(path, signer.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	remembers := func(size int64) {
		t.Helper()
		if got, err := l.Load(ctx); err != nil || !bytes.Equal(got, at(size)) {
			t.Errorf("remembers %q, %v; want the checkpoint of %d", got, err, size)
		}
	}
	store := func(size int64) {
		t.Helper()
		if err := l.Store(ctx, size, at(size)); err != nil {
			t.Fatalf("store %d: %v", size, err)
		}
	}
	store(1)
	held, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	remembers(1)
	store(2)
	store(3)
	remembers(3)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.WriteAt(at(1), int64(bytes.Index(whole, at(3)))); err != nil { // as long as the other
		t.Fatal(err)
	}
	remembers(2)
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	store(4)
	remembers(4)
}
