package certs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	privateFile fs.FileMode = 0o600
	publicFile  fs.FileMode = 0o644
	privateDir  fs.FileMode = 0o700

	// maxPEM bounds keys and certificate bundles, maxCRL a revocation list: a
	// mistaken path (a disk image, /dev/zero) must not eat the memory.
	maxPEM = 1 << 20
	maxCRL = 64 << 20

	// recheckEvery is how often a file is looked at while it is in use: often
	// enough for "within seconds", seldom enough to cost nothing per request.
	recheckEvery = time.Second
	// retryEvery is how often a file that could not be used is read again
	// although it did not change (its contents may become valid with time).
	retryEvery = 30 * time.Second
	// racyWindow: a file read this soon after its modification may change again
	// without its time stamp moving, so it is read once more.
	racyWindow = 2 * time.Second
)

// readFile reads a bounded regular file and returns what is needed to notice
// that it changed. The permission check looks at the opened file, not at the
// name, so that the file cannot be exchanged in between.
func readFile(path string, limit int64, secret bool) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path) // #nosec G304 -- the path is the operator's configuration
	if err != nil {
		return nil, nil, err // it says what was opened
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("stat %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("read %s: not a regular file", path)
	}
	if secret && info.Mode().Perm()&0o077 != 0 {
		return nil, nil, setup("chmod 600 "+path,
			"read %s: the private key is readable by others (mode %04o)", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, nil, fmt.Errorf("read %s: larger than %d bytes", path, limit)
	}
	return data, info, nil
}

// changed compares what the name points to now with what was read.
func changed(path string, was fs.FileInfo, readAt time.Time) bool {
	info, err := os.Stat(path)
	if err != nil || was == nil {
		return err == nil || was != nil
	}
	if !os.SameFile(info, was) || info.Size() != was.Size() || !info.ModTime().Equal(was.ModTime()) {
		return true
	}
	return readAt.Sub(was.ModTime()).Abs() < racyWindow
}

// writeFile replaces path atomically: readers see the old bytes or the new
// ones, also after a power cut.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", path, err), os.Remove(tmp))
	}
	return syncDir(filepath.Dir(path))
}

// createFile writes a complete new file and never replaces one: a hard link
// fails where a rename would overwrite.
func createFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	linkErr := os.Link(tmp, path)
	if err := os.Remove(tmp); err != nil {
		return fmt.Errorf("remove the temporary file of %s: %w", path, err)
	}
	if errors.Is(linkErr, fs.ErrExist) {
		return setup("move the old file away first, or choose another path",
			"create %s: refusing to overwrite: %w", path, linkErr)
	}
	if linkErr != nil {
		return fmt.Errorf("create %s: %w", path, linkErr)
	}
	return syncDir(filepath.Dir(path))
}

func writeTemp(path string, data []byte, mode fs.FileMode) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), privateDir); err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made 0600
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the directory just written to
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// throttle lets one caller through per recheckEvery, without a lock.
type throttle struct{ last atomic.Int64 }

func (t *throttle) due(now time.Time) bool {
	n, last := now.UnixNano(), t.last.Load()
	// A clock that was set back must not silence the check.
	if since := n - last; since >= 0 && since < int64(recheckEvery) {
		return false
	}
	return t.last.CompareAndSwap(last, n)
}
