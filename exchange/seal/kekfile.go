package seal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A FileWrapper is a KeyWrapper whose keys are in a file: for a small office,
// and for a first run. The file holds every key that still wraps something.
type FileWrapper struct {
	path string

	mu      sync.Mutex
	current string
	keys    map[string]DataKey
	looked  time.Time   // when the file was last looked at
	file    os.FileInfo // as it was read
}

// lookEvery is how often a wrapper looks whether the file has changed: what it
// wraps after a rotation is wrapped with the new key, within moments.
const lookEvery = time.Second

var _ KeyWrapper = (*FileWrapper)(nil)

// kekFile is the file's JSON.
type kekFile struct {
	Current string     `json:"current"`
	Keys    []kekEntry `json:"keys"`
}

type kekEntry struct {
	ID  string `json:"id"`
	Key []byte `json:"key"` // base64
}

// CreateKEKFile makes a new file with one key, readable by its owner alone. It
// never replaces a file.
func CreateKEKFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists already: a key file is never overwritten", path)
	}
	f := kekFile{}
	if err := f.add(); err != nil {
		return err
	}
	return f.write(path)
}

// RotateKEKFile adds a new key, makes it the current one, keeps the old ones for
// what they still wrap, and has everything wrapped anew. Two rotations at once
// wait for each other until the whole is done: one that overwrote the other's
// key would lose whatever that key wrapped, and two that wrapped anew at the
// same time would never end, each undoing what the other had done.
func RotateKEKFile(ctx context.Context, path string, rewrap func(context.Context, *FileWrapper) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the key file's folder: %w", err)
	}
	defer func() { _ = dir.Close() }() // which also lets go of the lock
	if err := waitForLock(ctx, dir); err != nil {
		return fmt.Errorf("lock the key file's folder: %w", err)
	}
	f, _, err := readKEKFile(path)
	if err != nil {
		return err
	}
	if err := f.add(); err != nil {
		return err
	}
	if err := f.write(path); err != nil {
		return err
	}
	keys, err := OpenKEKFile(path)
	if err != nil {
		return err
	}
	return rewrap(ctx, keys)
}

// waitForLock takes the lock on a folder, however long another one has it.
func waitForLock(ctx context.Context, dir *os.File) error {
	for {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- a descriptor is small
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another rotation is under way: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// OpenKEKFile reads the keys; a file that others can read is refused.
func OpenKEKFile(path string) (*FileWrapper, error) {
	w := &FileWrapper{path: path}
	return w, w.load()
}

// load reads the file; the keys in use stay when it cannot be used.
func (w *FileWrapper) load() error {
	info, err := os.Stat(w.path)
	if err != nil {
		return fmt.Errorf("read the key file: %w", err)
	}
	f, keys, err := readKEKFile(w.path)
	if err != nil {
		return err
	}
	w.current, w.keys, w.file, w.looked = f.Current, keys, info, time.Now()
	return nil
}

// look reads the file again when it has changed; a rotation replaces it.
func (w *FileWrapper) look() {
	if time.Since(w.looked) < lookEvery {
		return
	}
	w.looked = time.Now()
	if info, err := os.Stat(w.path); err == nil && (!os.SameFile(info, w.file) || !info.ModTime().Equal(w.file.ModTime())) {
		_ = w.load() // the keys in use stay when it cannot be used
	}
}

// key returns a key by its name, "" for the current one. A name that is not
// known may be of a key that was added since: the file is read again, so that a
// rotation reaches running gateways.
func (w *FileWrapper) key(id string) (string, DataKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == "" {
		w.look()
		id = w.current
	}
	key, ok := w.keys[id]
	if !ok {
		if err := w.load(); err != nil {
			return "", DataKey{}, err
		}
		if key, ok = w.keys[id]; !ok {
			return "", DataKey{}, fmt.Errorf("the key file has no key %q", id)
		}
	}
	return id, key, nil
}

// readKEKFile returns the file and its keys, by their names.
func readKEKFile(path string) (kekFile, map[string]DataKey, error) {
	var f kekFile
	info, err := os.Stat(path)
	if err != nil {
		return f, nil, fmt.Errorf("read the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f, nil, fmt.Errorf("%s can be read by others: chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return f, nil, fmt.Errorf("read the key file: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || len(f.Keys) == 0 {
		return f, nil, fmt.Errorf("%s is no key file", path) // the cause could quote a key
	}
	keys := map[string]DataKey{}
	for _, e := range f.Keys {
		if keys[e.ID], err = dataKey(e.Key); err != nil {
			return f, nil, fmt.Errorf("%s: key %s: %w", path, e.ID, err)
		}
	}
	if _, ok := keys[f.Current]; !ok {
		return f, nil, fmt.Errorf("%s: the current key %q is not in the file", path, f.Current)
	}
	return f, keys, nil
}

func (f *kekFile) add() error {
	key, id := make([]byte, 32), make([]byte, 8)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("draw a key's name: %w", err)
	}
	f.Current = hex.EncodeToString(id)
	f.Keys = append(f.Keys, kekEntry{f.Current, key})
	return nil
}

// write replaces the file atomically and durably: losing it loses every
// message.
func (f *kekFile) write(path string) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".kek-") // mode 600
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	_, err = fresh.Write(append(data, '\n'))
	err = errors.Join(err, fresh.Sync(), fresh.Close())
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the key file: %w", err), os.Remove(fresh.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("sync the key file's folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// CurrentID implements KeyWrapper.
func (w *FileWrapper) CurrentID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

// Wrap implements KeyWrapper.
func (w *FileWrapper) Wrap(_ context.Context, dek, aad []byte) (Wrapped, error) {
	id, key, err := w.key("")
	if err != nil {
		return Wrapped{}, fmt.Errorf("wrap a data key: %w", err)
	}
	sealed, err := key.Seal(dek, aad)
	if err != nil {
		return Wrapped{}, fmt.Errorf("wrap a data key: %w", err)
	}
	return Wrapped{id, sealed}, nil
}

// Unwrap implements KeyWrapper.
func (w *FileWrapper) Unwrap(_ context.Context, wrapped Wrapped, aad []byte) ([]byte, error) {
	if wrapped.KEKID == "" {
		return nil, errors.New("unwrap a data key: it names no key")
	}
	_, key, err := w.key(wrapped.KEKID)
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key: %w", err)
	}
	dek, err := key.Open(wrapped.Bytes, aad)
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key: %w", err)
	}
	return dek, nil
}

// String, GoString and LogValue keep the keys out of every text.
func (w *FileWrapper) String() string       { return redacted }
func (w *FileWrapper) GoString() string     { return redacted }
func (w *FileWrapper) LogValue() slog.Value { return slog.StringValue(redacted) }
