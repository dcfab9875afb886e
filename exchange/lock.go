package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

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

	mu   sync.Mutex
	file *os.File  // open once something was stored
	seen [2]placed // what the places held when they were last looked at
}

// lockPlace is far more than a checkpoint with our own signature needs.
const lockPlace = 4096

// A placed is what one place holds. Its size is 0 when that is no checkpoint.
type placed struct {
	note []byte
	size int64
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
func (l *FileLock) Load(context.Context) ([]byte, error) {
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint lock: %w", err)
	}
	defer func() { _ = file.Close() }() // which lets go of the flock
	if err := flock(file, syscall.LOCK_SH); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	newest, err := l.look(file)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(l.seen[newest].note), nil
}

// Store remembers a checkpoint. It is not synced to disk: after a power cut the
// file may be some batches old, which loses a little of the guard and nothing
// else.
func (l *FileLock) Store(_ context.Context, size int64, checkpoint []byte) error {
	if len(checkpoint) >= lockPlace {
		return fmt.Errorf("remember the checkpoint: it has %d bytes, at most %d fit", len(checkpoint), lockPlace-1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return err
	}
	if err := flock(l.file, syscall.LOCK_EX); err != nil {
		return err
	}
	defer func() { _ = flock(l.file, syscall.LOCK_UN) }() // it held a moment ago
	newest, err := l.look(l.file)
	if err != nil {
		return err
	}
	switch was := l.seen[newest]; {
	case was.size > size:
		return nil // another process is ahead
	case was.size == size && bytes.Equal(was.note, checkpoint):
		return nil
	case was.size == size:
		return fmt.Errorf("another checkpoint of size %d is remembered in %s", size, l.path)
	}
	older := 1 - newest
	place := make([]byte, lockPlace)
	copy(place, checkpoint)
	if _, err := l.file.WriteAt(place, int64(older)*lockPlace); err != nil {
		return fmt.Errorf("write the checkpoint lock: %w", err)
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
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the checkpoint lock: %w", err)
	}
	l.file = file
	return nil
}

// look reads both places and returns which one is the newer. A place that has
// not changed since it was last looked at is not verified again.
func (l *FileLock) look(file *os.File) (newest int, err error) {
	both := make([]byte, 2*lockPlace)
	n, err := file.ReadAt(both, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read the checkpoint lock: %w", err)
	}
	both = both[:n]
	var bad error
	for i := range l.seen {
		start, end := min(n, i*lockPlace), min(n, (i+1)*lockPlace)
		text := bytes.TrimRight(both[start:end], "\x00")
		if bytes.Equal(text, l.seen[i].note) {
			continue
		}
		l.seen[i] = placed{}
		if len(text) == 0 {
			continue
		}
		checkpoint, err := record.VerifyCheckpoint(text, l.verifier)
		if err != nil {
			bad = fmt.Errorf("the remembered checkpoint in %s: %w", l.path, err)
			continue
		}
		l.seen[i] = placed{bytes.Clone(text), checkpoint.Size}
	}
	if l.seen[1].size > l.seen[0].size {
		newest = 1
	}
	if bad != nil && l.seen[newest].size == 0 {
		return 0, bad
	}
	return newest, nil
}

func flock(file *os.File, how int) error {
	if err := syscall.Flock(fd(file), how); err != nil {
		return fmt.Errorf("take the checkpoint lock: %w", err)
	}
	return nil
}

func fd(file *os.File) int { return int(file.Fd()) } // #nosec G115 -- a descriptor is small
