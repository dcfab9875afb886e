package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
)

// A Wrapped is a data key encrypted under a key-encryption key.
type Wrapped struct {
	KEKID string // which key-encryption key
	Bytes []byte
}

// A KeyWrapper keeps the key-encryption keys: a file here, a KMS or a token
// elsewhere.
type KeyWrapper interface {
	// Wrap encrypts a data key under the current key-encryption key and binds
	// it to aad.
	Wrap(ctx context.Context, dek, aad []byte) (Wrapped, error)
	// Unwrap decrypts what Wrap returned, with whichever key it names, and
	// refuses another aad.
	Unwrap(ctx context.Context, w Wrapped, aad []byte) ([]byte, error)
	// CurrentID names the key that Wrap uses.
	CurrentID() string
}

// formatAES256GCM marks the first byte of every ciphertext: what follows is a
// random 96-bit nonce, the ciphertext and the tag (AES-256-GCM).
const formatAES256GCM = 1

// ErrDecrypt means that a ciphertext, its key or its place is not right.
var ErrDecrypt = errors.New("the ciphertext does not open: it, its key or its place was changed")

// A DataKey encrypts what belongs to one case. Destroying its wrapped form
// erases everything it encrypted. It never prints itself.
type DataKey struct {
	raw  []byte
	aead cipher.AEAD
}

// NewDataKey draws a new 256-bit key.
func NewDataKey() (DataKey, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return DataKey{}, fmt.Errorf("draw a key: %w", err)
	}
	return dataKey(raw)
}

func dataKey(raw []byte) (DataKey, error) {
	if len(raw) != 32 {
		return DataKey{}, errors.New("a data key has 32 bytes")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return DataKey{}, fmt.Errorf("prepare AES: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return DataKey{}, fmt.Errorf("prepare GCM: %w", err)
	}
	return DataKey{raw, aead}, nil
}

// Wrap encrypts the key itself, bound to aad.
func (k DataKey) Wrap(ctx context.Context, w KeyWrapper, aad []byte) (Wrapped, error) {
	return w.Wrap(ctx, k.raw, aad)
}

// UnwrapDataKey is the inverse of Wrap.
func UnwrapDataKey(ctx context.Context, w KeyWrapper, wrapped Wrapped, aad []byte) (DataKey, error) {
	raw, err := w.Unwrap(ctx, wrapped, aad)
	if err != nil {
		return DataKey{}, err
	}
	return dataKey(raw)
}

// Seal encrypts plaintext and binds it to aad, its place.
func (k DataKey) Seal(plaintext, aad []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, errors.New("seal: there is no data key")
	}
	out := make([]byte, 1, 1+len(plaintext)+k.aead.Overhead())
	out[0] = formatAES256GCM
	return k.aead.Seal(out, nil, plaintext, aad), nil // #nosec G407 -- the AEAD draws its nonce itself
}

// Open decrypts what Seal returned; ErrDecrypt when anything differs.
func (k DataKey) Open(ciphertext, aad []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, errors.New("open: there is no data key")
	}
	if len(ciphertext) == 0 || ciphertext[0] != formatAES256GCM {
		return nil, ErrDecrypt
	}
	out, err := k.aead.Open(nil, nil, ciphertext[1:], aad)
	if err != nil {
		return nil, ErrDecrypt
	}
	if out == nil {
		out = []byte{} // an empty plaintext is not a missing one
	}
	return out, nil
}

const redacted = "[secret]"

// String, GoString, Format and LogValue keep the key out of every text.
func (k DataKey) String() string               { return redacted }
func (k DataKey) GoString() string             { return redacted }
func (k DataKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (k DataKey) Format(f fmt.State, _ rune)   { _, _ = fmt.Fprint(f, redacted) }
func (k DataKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
