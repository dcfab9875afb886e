package seal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What was sealed opens at its place, with its key, unchanged; and in no other
// way.
func TestDataKeyOpensOnlyWhatItSealed(t *testing.T) {
	key, err1 := NewDataKey()
	other, err2 := NewDataKey()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "plaintext")
		place := rapid.SliceOfN(rapid.Byte(), 1, 16).Draw(t, "place")
		sealed, err := key.Seal(plain, place)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := key.Seal(plain, place); err != nil || bytes.Equal(again, sealed) {
			t.Fatalf("the same plaintext gave the same ciphertext, or %v", err)
		}
		opened, err := key.Open(sealed, place)
		if err != nil || opened == nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened to %x, %v", opened, err)
		}
		if _, err := other.Open(sealed, place); !errors.Is(err, ErrDecrypt) {
			t.Fatalf("another key: %v", err)
		}
		if _, err := key.Open(sealed, append([]byte{0}, place...)); !errors.Is(err, ErrDecrypt) {
			t.Fatalf("another place: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		bent := bytes.Clone(sealed)
		bent[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := key.Open(bent, place); !errors.Is(err, ErrDecrypt) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := key.Open(sealed[:i], place); !errors.Is(err, ErrDecrypt) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	})
}

func kekFileIn(t *testing.T) (string, *FileWrapper) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek.json")
	if err := CreateKEKFile(path); err != nil {
		t.Fatal(err)
	}
	w, err := OpenKEKFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, w
}

func wrapNew(t *testing.T, w *FileWrapper, aad string) (DataKey, Wrapped) {
	t.Helper()
	key, err := NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := key.Wrap(context.Background(), w, []byte(aad))
	if err != nil {
		t.Fatal(err)
	}
	return key, wrapped
}

// A gateway that runs while the keys are rotated opens what the new key
// wrapped, and what the old one did.
func TestRotationReachesARunningGateway(t *testing.T) {
	path, running := kekFileIn(t)
	oldKey, oldWrapped := wrapNew(t, running, "case-1")
	if err := RotateKEKFile(t.Context(), path, nothing); err != nil {
		t.Fatal(err)
	}
	fresh, err := OpenKEKFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.CurrentID() == oldWrapped.KEKID {
		t.Fatal("rotation has made no new key")
	}
	newKey, newWrapped := wrapNew(t, fresh, "case-2")
	for _, c := range []struct {
		key     DataKey
		wrapped Wrapped
		aad     string
	}{{oldKey, oldWrapped, "case-1"}, {newKey, newWrapped, "case-2"}} {
		for _, w := range []*FileWrapper{running, fresh} {
			got, err := UnwrapDataKey(context.Background(), w, c.wrapped, []byte(c.aad))
			if err != nil || !bytes.Equal(got.raw, c.key.raw) {
				t.Errorf("%s: %v", c.aad, err)
			}
			if _, err := UnwrapDataKey(context.Background(), w, c.wrapped, []byte("another case")); !errors.Is(err, ErrDecrypt) {
				t.Errorf("%s for another case: %v", c.aad, err)
			}
		}
	}
	if _, err := running.Unwrap(context.Background(), Wrapped{KEKID: "0000", Bytes: newWrapped.Bytes}, nil); err == nil {
		t.Error("a key that nobody has unwraps")
	}
}

func nothing(context.Context, *FileWrapper) error { return nil }

// What a running gateway wraps after a rotation is wrapped with the new key,
// also when nothing makes it read the file.
func TestRunningGatewayTakesTheNewKey(t *testing.T) {
	path, running := kekFileIn(t)
	_, before := wrapNew(t, running, "case-1")
	if err := RotateKEKFile(t.Context(), path, nothing); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, after := wrapNew(t, running, "case-2"); after.KEKID != before.KEKID {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it still wraps with the old key")
		}
	}
}

// A rotation under way is waited for, and the wait can be ended.
func TestRotationWaits(t *testing.T) {
	path, _ := kekFileIn(t)
	err := RotateKEKFile(t.Context(), path, func(context.Context, *FileWrapper) error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := RotateKEKFile(ctx, path, nothing); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second rotation: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Rotations at once lose no key.
func TestRotationsAtOnce(t *testing.T) {
	path, _ := kekFileIn(t)
	var wait sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wait.Go(func() { errs[i] = RotateKEKFile(t.Context(), path, nothing) })
	}
	wait.Wait()
	w, err := OpenKEKFile(path)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	if len(w.keys) != 1+len(errs) {
		t.Errorf("%d keys after %d rotations", len(w.keys), len(errs))
	}
}

func TestKEKFilesThatAreRefused(t *testing.T) {
	path, _ := kekFileIn(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateKEKFile(path); err == nil {
		t.Error("a key file was overwritten")
	}
	secret := strings.Split(string(good), `"key": "`)[1][:12]
	write := func(text string, mode os.FileMode) {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"readable by others":      {string(good), 0o640},
		"cut short":               {string(good[:len(good)-20]), 0o600},
		"no key":                  {`{"current":"a","keys":[]}`, 0o600},
		"unknown member":          {strings.Replace(string(good), `"current"`, `"x": 1, "current"`, 1), 0o600},
		"current key missing":     {strings.Replace(string(good), `"current": "`, `"current": "f`, 1), 0o600},
		"a key of the wrong size": {strings.Replace(string(good), `"key": "`, `"key": "AAAA`, 1), 0o600},
		"empty":                   {"", 0o600},
	} {
		write(c.text, c.mode)
		_, err := OpenKEKFile(path)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error quotes a key, or does not name the file: %v", name, err)
		}
		if RotateKEKFile(t.Context(), path, nothing) == nil {
			t.Errorf("%s: rotated", name)
		}
	}
	// A running gateway goes on with the keys it has.
	write(string(good), 0o600)
	w, err := OpenKEKFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped := wrapNew(t, w, "a")
	write("", 0o600)
	if _, err := w.Unwrap(context.Background(), wrapped, []byte("a")); err != nil {
		t.Errorf("a broken file stops a gateway that runs: %v", err)
	}
	if _, err := OpenKEKFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// No way of printing shows a key.
func TestKeysNeverPrint(t *testing.T) {
	path, w := kekFileIn(t)
	key, _ := wrapNew(t, w, "a")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kek := strings.Split(string(file), `"key": "`)[1][:43]
	var text bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&text, nil))
	log.Info("x", "key", key, "wrapper", w)
	asJSON, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "%v %+v %#v %s %x %d %q %v %+v %#v %s", key, key, key, key, key, key, key, w, w, w, asJSON)
	for name, secret := range map[string]string{
		"raw": string(key.raw), "hex": fmt.Sprintf("%x", key.raw), "list": strings.Trim(fmt.Sprint(key.raw), "[]"), "key-encryption key": kek,
	} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("the key shows as %s", name)
		}
	}
}
