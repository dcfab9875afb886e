package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A FileLock is a CheckpointLock in a file beside the configuration, outside
// the database and outside its backups. Processes on one machine share it.
type FileLock struct {
	path     string
	verifier note.Verifier
}

// NewFileLock returns the lock at path; verifier is our own log's.
func NewFileLock(path string, verifier note.Verifier) (*FileLock, error) {
	if path == "" || verifier == nil {
		return nil, errors.New("checkpoint lock: a path and the log's verifier are required")
	}
	return &FileLock{path, verifier}, nil
}

// Load returns the remembered checkpoint; nil when the file does not exist, or
// is empty, as some file systems leave it after a power cut.
func (l *FileLock) Load(context.Context) ([]byte, error) {
	b, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint lock: %w", err)
	}
	if len(b) == 0 {
		return nil, nil
	}
	return b, nil
}

// Store replaces the file atomically. It is not synced to disk: after a power
// cut the file may be older, which loses nothing but a little of the guard;
// after a killed process it is whole.
func (l *FileLock) Store(ctx context.Context, size int64, checkpoint []byte) error {
	guard, err := os.OpenFile(l.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the checkpoint lock: %w", err)
	}
	defer guard.Close()
	if err := syscall.Flock(int(guard.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("take the checkpoint lock: %w", err)
	}
	old, err := l.Load(ctx)
	if err != nil {
		return err
	}
	if old != nil && !bytes.Equal(old, checkpoint) {
		was, err := record.VerifyCheckpoint(old, l.verifier)
		if err != nil {
			return fmt.Errorf("the remembered checkpoint in %s: %w", l.path, err)
		}
		if was.Size > size {
			return nil // another process is ahead
		}
		if was.Size == size {
			return fmt.Errorf("another checkpoint of size %d is remembered in %s", size, l.path)
		}
	}
	fresh := filepath.Join(filepath.Dir(l.path), "."+filepath.Base(l.path)+".new")
	if err := os.WriteFile(fresh, checkpoint, 0o600); err != nil {
		return fmt.Errorf("write the checkpoint lock: %w", err)
	}
	if err := os.Rename(fresh, l.path); err != nil {
		return fmt.Errorf("replace the checkpoint lock: %w", err)
	}
	return nil
}
