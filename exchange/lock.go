package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A FileLock is a CheckpointLock in a file beside the configuration, outside
// the database and outside its backups. Processes on one machine share it.
//
// The file has two places of lockPlace bytes, written in turn and padded with
// zeros: when a write is cut off, the other place still holds the checkpoint
// before it. A checkpoint is signed, so a torn one is known for what it is.
type FileLock struct {
	path     string
	verifier note.Verifier

	mu    sync.Mutex
	file  *os.File  // open once something was stored
	seen  [2]placed // what the places held when they were last looked at
	still bool      // whoever held the file when it was last asked for stood still
}

// lockPlace is far more than a checkpoint with our own signature needs.
const lockPlace = 4096

// A placed is what one place holds. Its note is nil when that is no checkpoint.
type placed struct {
	note []byte
	size int64
}

// newer says whether a place holds a later checkpoint than another.
func (p placed) newer(than placed) bool {
	return p.note != nil && (than.note == nil || p.size > than.size)
}

// NewFileLock returns the lock at path; verifier is our own log's.
func NewFileLock(path string, verifier note.Verifier) (*FileLock, error) {
	if path == "" || verifier == nil {
		return nil, errors.New("checkpoint lock: a path and the log's verifier are required")
	}
	return &FileLock{path: path, verifier: verifier}, nil
}

// Close lets go of the file.
func (l *FileLock) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Load returns the remembered checkpoint; nil when the file does not exist, or
// is empty, as some file systems leave it after a power cut.
func (l *FileLock) Load(ctx context.Context) ([]byte, error) {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLock, err)
	}
	defer func() { _ = file.Close() }() // which lets go of the flock
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.flock(ctx, file, syscall.LOCK_SH); err != nil {
		return nil, err
	}
	newest, err := l.look(file)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(l.seen[newest].note), nil
}

// Store remembers a checkpoint, and makes the file and its folder where they
// are missing. It is not synced to disk: after a power cut the file may be some
// batches old, which loses a little of the guard and nothing else.
func (l *FileLock) Store(ctx context.Context, size int64, checkpoint []byte) error {
	if len(checkpoint) >= lockPlace {
		return fmt.Errorf("remember the checkpoint: it has %d bytes, at most %d fit", len(checkpoint), lockPlace-1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return err
	}
	if err := l.flock(ctx, l.file, syscall.LOCK_EX); err != nil {
		return err
	}
	defer func() { _ = syscall.Flock(fd(l.file), syscall.LOCK_UN) }() // nothing where it was not had
	newest, err := l.look(l.file)
	if err != nil {
		return err
	}
	switch was := l.seen[newest]; {
	case was.note == nil:
	case was.size > size:
		return nil // another process is ahead
	case was.size == size && bytes.Equal(was.note, checkpoint):
		return nil
	case was.size == size:
		return fmt.Errorf("%w: another checkpoint of size %d is remembered in %s", ErrFork, size, l.path)
	}
	older := 1 - newest
	place := make([]byte, lockPlace)
	copy(place, checkpoint)
	if _, err := l.file.WriteAt(place, int64(older)*lockPlace); err != nil {
		return fmt.Errorf("%w: %w", ErrLock, err)
	}
	l.seen[older] = placed{bytes.Clone(checkpoint), size}
	return nil
}

// open makes sure that the open file is the one that stands at the path.
func (l *FileLock) open() error {
	if l.file != nil {
		var open syscall.Stat_t
		if err := syscall.Fstat(fd(l.file), &open); err == nil && open.Nlink > 0 {
			return nil
		}
		_ = l.file.Close() // it was deleted or replaced: what it holds is nobody's any more
		l.file = nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("%w: make its folder: %w", ErrLock, err)
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLock, err)
	}
	if err := reserve(file); err != nil {
		_ = file.Close() // nothing was remembered in it
		return fmt.Errorf("%w: %w", ErrLock, err)
	}
	l.file = file
	return nil
}

// reserve gives a new file its whole length, durably: what is written into it
// later needs no room that a full disk has not.
func reserve(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() > 0 {
		return err
	}
	if _, err := file.WriteAt(make([]byte, 2*lockPlace), 0); err != nil {
		return errors.Join(err, file.Truncate(0))
	}
	if err := file.Sync(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file.Name()))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// look reads both places and returns which one is the newer. A place that has
// not changed since it was last looked at is not verified again.
func (l *FileLock) look(file *os.File) (newest int, err error) {
	both := make([]byte, 2*lockPlace)
	n, err := file.ReadAt(both, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("%w: %w", ErrLock, err)
	}
	both = both[:n]
	var bad error
	for i := range l.seen {
		start, end := min(n, i*lockPlace), min(n, (i+1)*lockPlace)
		text := bytes.TrimRight(both[start:end], "\x00")
		if len(text) > 0 && bytes.Equal(text, l.seen[i].note) {
			continue
		}
		l.seen[i] = placed{}
		if len(text) == 0 {
			continue
		}
		checkpoint, err := record.VerifyCheckpoint(text, l.verifier)
		if err != nil {
			bad = fmt.Errorf("%w: what %s holds: %w", ErrLock, l.path, err)
			continue
		}
		l.seen[i] = placed{bytes.Clone(text), checkpoint.Size}
	}
	if l.seen[1].newer(l.seen[0]) {
		newest = 1
	}
	if bad != nil && l.seen[newest].note == nil {
		return 0, bad
	}
	return newest, nil
}

// lockPatience is how long a process is waited for that holds the file's lock, which
// each needs for moments only.
const (
	lockPatience = 2 * time.Second
	lockTries    = 100 // who asks less often has stood still themselves meanwhile
)

// flock takes the lock on the file, or goes on without it where whoever holds it stands
// still, as a process does whose host is suspended: it must not hold up the others.
// Without it nothing is read that is not signed, and when that process goes on, it may
// write over one place what it once had released: the file is a batch old until the
// next one.
func (l *FileLock) flock(ctx context.Context, file *os.File, how int) error {
	started := time.Now()
	for tries := 0; ; tries++ {
		err := syscall.Flock(fd(file), how|syscall.LOCK_NB)
		if err == nil {
			l.still = false
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("%w: %w", ErrLock, err)
		}
		if l.still = l.still || time.Since(started) > lockPatience && tries > lockTries; l.still {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: another process holds it: %w", ErrLock, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

func fd(file *os.File) int { return int(file.Fd()) } // #nosec G115 -- a descriptor is small
