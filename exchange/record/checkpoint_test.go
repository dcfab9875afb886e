package record

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A device is a signer that hands out no private key, like an HSM.
type device struct{ key ed25519.PrivateKey }

func (d device) Public() crypto.PublicKey { return d.key.Public() }
func (d device) Sign(r io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.key.Sign(r, message, opts)
}

func TestCheckpointSigner(t *testing.T) {
	s := testSigner(t, testOrigin)
	root := testLeaf(1)
	signed, err := s.Sign(7, root)
	if err != nil {
		t.Fatal(err)
	}
	c, err := VerifyCheckpoint(signed, s.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin != testOrigin || c.Size != 7 || c.Root != root || !bytes.Equal(c.Note, signed) || c.Cosigners != nil {
		t.Errorf("read back %+v", c)
	}
	fromDevice, err := NewCheckpointSigner(testOrigin, device{testKey(testOrigin)})
	if err != nil {
		t.Fatal(err)
	}
	again, err := fromDevice.Sign(7, root)
	if err != nil || !bytes.Equal(again, signed) {
		t.Errorf("the same tree head is signed as other bytes: %v\n%s", err, again)
	}
	// The public implementation reads it, and would have written it.
	key, err := MarshalLogKey(testOrigin, testKey(testOrigin))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := note.Sign(&note.Note{Text: torchwood.Checkpoint{Origin: testOrigin, Tree: tlog.Tree{N: 7, Hash: root}}.String()}, theirs)
	if err != nil || !bytes.Equal(want, signed) {
		t.Errorf("the note package writes\n%s\nnot\n%s (%v)", want, signed, err)
	}
}

func TestNewCheckpointSignerRefuses(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func() (*CheckpointSigner, error){
		"no key":      func() (*CheckpointSigner, error) { return NewCheckpointSigner(testOrigin, nil) },
		"ECDSA":       func() (*CheckpointSigner, error) { return NewCheckpointSigner(testOrigin, ec) },
		"no origin":   func() (*CheckpointSigner, error) { return NewCheckpointSigner("", testKey("a")) },
		"plus":        func() (*CheckpointSigner, error) { return NewCheckpointSigner("a+b", testKey("a")) },
		"space":       func() (*CheckpointSigner, error) { return NewCheckpointSigner("a b", testKey("a")) },
		"line break":  func() (*CheckpointSigner, error) { return NewCheckpointSigner("a\nb", testKey("a")) },
		"broken text": func() (*CheckpointSigner, error) { return NewCheckpointSigner("a\xff", testKey("a")) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := testSigner(t, testOrigin).Sign(-1, tlog.Hash{}); err == nil {
		t.Error("a negative size is signed")
	}
}

func TestVerifyCheckpointRefuses(t *testing.T) {
	s, other := testSigner(t, testOrigin), testSigner(t, "kh.gateway.example/repatriation-log")
	text := Checkpoint{Origin: testOrigin, Size: 7, Root: testLeaf(1)}.text()
	sign := func(s *CheckpointSigner, text string) []byte {
		t.Helper()
		signed, err := s.sign([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	good := sign(s, text)
	if _, err := VerifyCheckpoint(good, s.Verifier()); err != nil {
		t.Fatal(err)
	}
	impostor, err := NewCheckpointSigner(testOrigin, testKey("impostor"))
	if err != nil {
		t.Fatal(err)
	}
	for name, signed := range map[string][]byte{
		"nothing":             nil,
		"another key":         sign(impostor, text),
		"only another signer": sign(other, text),
		"another origin":      sign(s, Checkpoint{Origin: other.Origin(), Size: 7}.text()),
		"altered size":        bytes.Replace(good, []byte("\n7\n"), []byte("\n8\n"), 1),
		"no signature":        []byte(text),
		"leading zero":        sign(s, strings.Replace(text, "\n7\n", "\n07\n", 1)),
		"negative size":       sign(s, strings.Replace(text, "\n7\n", "\n-7\n", 1)),
		"loose base64":        sign(s, strings.Replace(text, "=\n", "\n", 1)),
		"a manifest":          sign(s, "{}\n"),
		"a huge tree":         sign(s, Checkpoint{Origin: testOrigin, Size: math.MaxInt64}.text()),
		"empty extension":     sign(s, text+"\n"),
		"too long":            sign(s, text+strings.Repeat("x", maxNote)+"\n"),
		"carriage return":     bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
	} {
		if _, err := VerifyCheckpoint(signed, s.Verifier()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := VerifyCheckpoint(good, nil); err == nil {
		t.Error("accepted without a key")
	}
	if _, err := VerifyCheckpoint(sign(other, text), s.Verifier()); !errors.Is(err, ErrNoSignature) {
		t.Errorf("a foreign signature gives %v", err)
	}
	if c, err := VerifyCheckpoint(sign(s, text+"extension\n"), s.Verifier()); err != nil || c.Extension != "extension\n" {
		t.Errorf("a partner's extension line: %v", err)
	}
	// Lines of unknown keys are ignored, as C2SP asks.
	if _, err := VerifyCheckpoint(appendSignature(bytes.Clone(good), other.Verifier(), make([]byte, 64)), s.Verifier()); err != nil {
		t.Errorf("an unknown signature line: %v", err)
	}
}

func TestNote(t *testing.T) {
	s := testSigner(t, testOrigin)
	text := []byte("{\n  \"format\": \"repatriation-evidence/v1\",\n\n  \"reason\": \"Kiểm tra\"\n}\n")
	signed, err := s.SignNote(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := VerifyNote(signed, s.Verifier())
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("read back %q: %v", got, err)
	}
	if _, err := VerifyNote(bytes.Replace(signed, []byte("Ki"), []byte("Ka"), 1), s.Verifier()); err == nil {
		t.Error("an altered note is accepted")
	}
	if _, err := VerifyNote(signed, testSigner(t, "other").Verifier()); !errors.Is(err, ErrNoSignature) {
		t.Errorf("a note of another key gives %v", err)
	}
	for name, bad := range map[string]string{
		"a checkpoint":   Checkpoint{Origin: testOrigin, Size: 7}.text(),
		"no newline":     "{}",
		"nothing":        "",
		"a control byte": "a\tb\n",
		"broken UTF-8":   "a\xff\n",
	} {
		if _, err := s.SignNote([]byte(bad)); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

func TestLogKey(t *testing.T) {
	key, err := GenerateLogKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	text, err := MarshalLogKey(testOrigin, key)
	if err != nil {
		t.Fatal(err)
	}
	origin, got, err := ParseLogKey(text)
	if err != nil || origin != testOrigin || !got.Equal(key) {
		t.Errorf("read back another key of %q: %v", origin, err)
	}
	signer, err := NewCheckpointSigner(origin, got)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := ParseVerifierKey(signer.VerifierKey())
	if err != nil || verifier.Name() != origin || verifier.KeyHash() != signer.Verifier().KeyHash() {
		t.Errorf("the verifier key does not read back: %v", err)
	}
	secret := strings.Split(string(text), "+")[4]
	for _, bad := range []string{"", "PRIVATE+KEY+a+00000000+" + secret, signer.VerifierKey(), strings.Replace(string(text), "PRIVATE", "PUBLIC", 1)} {
		if _, _, err := ParseLogKey([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		} else if strings.Contains(err.Error(), strings.TrimSpace(secret)) {
			t.Error("the error shows the key")
		}
	}
	if _, err := GenerateLogKey("a b"); err == nil {
		t.Error("a key for an origin that no note can carry")
	}
	if _, err := MarshalLogKey(testOrigin, nil); err == nil {
		t.Error("no key is marshalled")
	}
}

func TestParseVerifierKeyRefuses(t *testing.T) {
	good := testSigner(t, testOrigin).VerifierKey()
	fields := strings.Split(good, "+") // the test key's base64 holds no plus
	if len(fields) != 3 {
		t.Fatalf("the test key %q has another shape", good)
	}
	for name, bad := range map[string]string{
		"nothing":         "",
		"newline":         good + "\n",
		"upper-case hash": fields[0] + "+" + strings.ToUpper(fields[1]) + "+" + fields[2],
		"another hash":    fields[0] + "+00000000+" + fields[2],
		"another name":    "x" + good,
		"cut":             good[:len(good)-4],
		"inner newline":   good[:len(good)-8] + "\n" + good[len(good)-8:],
		"a witness key":   testWitness(t, newStates(t), nil).VerifierKey(),
	} {
		if bad == good {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if _, err := ParseVerifierKey(bad); err == nil {
			t.Errorf("%s: %q is accepted", name, bad)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	seeds := 0
	text := Checkpoint{Origin: testOrigin, Size: 7, Root: testLeaf(1)}.text()
	for _, s := range []string{text, text + "extension\n", strings.Replace(text, "7", "07", 1), "a\n0\n\n"} {
		f.Add(s)
		if _, err := ParseCheckpoint(s); err == nil {
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seed is a checkpoint")
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if c.text() != text || c.Size < 0 || c.Size > MaxSize || c.Origin == "" {
			t.Errorf("%q is accepted as %+v", text, c)
		}
	})
}

func BenchmarkSignCheckpoint(b *testing.B) {
	s := testSigner(b, testOrigin)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(1e6, tlog.Hash{}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleCheckpointSigner_Sign() {
	signer, err := NewCheckpointSigner("vn.gateway.example/repatriation-log", testKey("example"))
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := signer.Sign(0, emptyRoot)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.Join(strings.SplitAfter(string(signed), "\n")[:3], ""))
	// Output:
	// vn.gateway.example/repatriation-log
	// 0
	// 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
}
