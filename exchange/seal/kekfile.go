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
)

// A FileWrapper is a KeyWrapper whose keys are in a file: for a small office,
// and for a first run. The file holds every key that still wraps something.
type FileWrapper struct {
	path string

	mu      sync.Mutex
	current string
	keys    map[string]DataKey
}

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

// RotateKEKFile adds a new key, makes it the current one, and keeps the old
// ones for what they still wrap. Two rotations at once wait for each other: one
// that overwrote the other's key would lose whatever that key wrapped.
func RotateKEKFile(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the key file's folder: %w", err)
	}
	defer func() { _ = dir.Close() }()                                    // which also lets go of the lock
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil { // #nosec G115 -- a descriptor is small
		return fmt.Errorf("lock the key file's folder: %w", err)
	}
	f, _, err := readKEKFile(path)
	if err != nil {
		return err
	}
	if err := f.add(); err != nil {
		return err
	}
	return f.write(path)
}

// OpenKEKFile reads the keys; a file that others can read is refused.
func OpenKEKFile(path string) (*FileWrapper, error) {
	w := &FileWrapper{path: path}
	return w, w.load()
}

// load reads the file; the keys in use stay when it cannot be used.
func (w *FileWrapper) load() error {
	f, keys, err := readKEKFile(w.path)
	if err != nil {
		return err
	}
	w.current, w.keys = f.Current, keys
	return nil
}

// key returns a key by its name, "" for the current one. A name that is not
// known may be of a key that was added since: the file is read again, so that a
// rotation reaches running gateways.
func (w *FileWrapper) key(id string) (string, DataKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == "" {
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
