package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const testTyp = "repatriation+jwt"

// A testKey is a key of each kind that may sign here.
type testKey struct {
	alg    string
	signer crypto.Signer
}

func testKeys(t testing.TB) []testKey {
	t.Helper()
	p256, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err2 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, err3 := ed25519.GenerateKey(rand.Reader)
	large, err4 := rsa.GenerateKey(rand.Reader, 3072)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return []testKey{{ES256, p256}, {ES384, p384}, {EdDSA, ed}, {PS256, large}}
}

func signerOf(t testing.TB, k testKey) *Signer {
	t.Helper()
	s, err := NewSigner(k.signer, "kid-"+k.alg, k.alg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encoded(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestParseRefuses(t *testing.T) {
	const head = `{"alg":"ES256","kid":"k","typ":"repatriation+jwt"}`
	body, sig := encoded(`{"a":1}`), base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	with := func(header string) string { return encoded(header) + "." + body + "." + sig }
	if _, err := Parse([]byte(with(head)), testTyp, 1<<20); err != nil {
		t.Fatal("the good form is refused: ", err)
	}
	for name, c := range map[string]struct{ compact, rule string }{
		"empty":                 {"", RuleForm},
		"two parts":             {encoded(head) + "." + body, RuleForm},
		"four parts":            {with(head) + ".AAAA", RuleForm},
		"five parts (JWE)":      {"a.b.c.d.e", RuleForm},
		"empty payload":         {encoded(head) + ".." + sig, RuleForm},
		"empty signature":       {encoded(head) + "." + body + ".", RuleForm},
		"JSON serialisation":    {`{"payload":"` + body + `","signatures":[]}`, RuleForm},
		"trailing line feed":    {with(head) + "\n", RuleBase64},
		"carriage return":       {encoded(head) + "." + body + "\r." + sig, RuleBase64},
		"leading space":         {" " + with(head), RuleBase64},
		"padding":               {encoded(head) + "." + body + "=." + sig, RuleBase64},
		"base64, not base64url": {encoded(head) + "." + "+/+/" + "." + sig, RuleBase64},
		"trailing bits":         {encoded(head) + "." + encoded("a")[:1] + "R." + sig, RuleBase64},
		"not ASCII":             {encoded(head) + ".é." + sig, RuleBase64},
		"NUL":                   {encoded(head) + ".\x00AAA." + sig, RuleBase64},
		"unknown crit":          {with(`{"alg":"ES256","kid":"k","typ":"repatriation+jwt","crit":["x"]}`), RuleHeader},
		"empty crit":            {with(`{"alg":"ES256","kid":"k","typ":"repatriation+jwt","crit":[]}`), RuleHeader},
		"b64":                   {with(`{"alg":"ES256","kid":"k","typ":"repatriation+jwt","b64":false}`), RuleHeader},
		"jwk":                   {with(`{"alg":"ES256","kid":"k","jwk":{}}`), RuleHeader},
		"duplicate alg":         {with(`{"alg":"ES256","alg":"ES256","kid":"k","typ":"repatriation+jwt"}`), RuleHeader},
		"case-folded alg":       {with(`{"Alg":"ES256","kid":"k","typ":"repatriation+jwt"}`), RuleHeader},
		"escape":                {with(`{"\u0061lg":"ES256","kid":"k","typ":"repatriation+jwt"}`), RuleHeader},
		"missing kid":           {with(`{"alg":"ES256","typ":"repatriation+jwt"}`), RuleHeader},
		"number":                {with(`{"alg":1,"kid":"k","typ":"repatriation+jwt"}`), RuleHeader},
		"trailing text":         {with(head + "x"), RuleHeader},
		"long header":           {with(`{"alg":"ES256","kid":"` + strings.Repeat("k", 600) + `","typ":"repatriation+jwt"}`), RuleHeader},
		"alg none":              {with(`{"alg":"none","kid":"k","typ":"repatriation+jwt"}`), RuleAlgorithm},
		"alg HS256":             {with(`{"alg":"HS256","kid":"k","typ":"repatriation+jwt"}`), RuleAlgorithm},
		"alg RS256":             {with(`{"alg":"RS256","kid":"k","typ":"repatriation+jwt"}`), RuleAlgorithm},
		"another typ":           {with(`{"alg":"ES256","kid":"k","typ":"receipt+jwt"}`), RuleType},
		"kid of other letters":  {with(`{"alg":"ES256","kid":"../k","typ":"repatriation+jwt"}`), RuleKeyID},
		"long kid":              {with(`{"alg":"ES256","kid":"` + strings.Repeat("k", 65) + `","typ":"repatriation+jwt"}`), RuleKeyID},
		"short signature":       {encoded(head) + "." + body + ".AAAA", RuleSignature},
		"too large":             {strings.Repeat("a", 1<<20+1), RuleSize},
	} {
		_, err := Parse([]byte(c.compact), testTyp, 1<<20)
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Rule != c.rule {
			t.Errorf("%s: got %v, want %s", name, err, c.rule)
		}
	}
}

// Each algorithm signs and verifies, and no changed character passes.
func TestEveryAlgorithmAndEveryByte(t *testing.T) {
	for _, k := range testKeys(t) {
		s := signerOf(t, k)
		set, err := NewKeySet(s.Public())
		if err != nil {
			t.Fatal(err)
		}
		message, err := s.Sign(testTyp, []byte(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		open := func(b []byte) error {
			u, err := Parse(b, testTyp, 1<<20)
			if err == nil {
				_, err = u.Verify(set)
			}
			return err
		}
		if err := open(message); err != nil {
			t.Fatalf("%s: %v", k.alg, err)
		}
		for i := range message {
			changed := append([]byte{}, message...)
			if changed[i]++; changed[i] == '.' {
				changed[i]++
			}
			if open(changed) == nil {
				t.Errorf("%s: a change of byte %d passes", k.alg, i)
			}
		}
		again, err := ParseJWK(s.Public().JWK())
		if err != nil || again.Thumbprint() != s.Public().Thumbprint() {
			t.Errorf("%s: the JWK does not come back: %v", k.alg, err)
		}
	}
}

// RFC 7518, 3.5: the salt is as long as the hash.
func TestPS256SaltLength(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	s := signerOf(t, testKey{PS256, key})
	set, err := NewKeySet(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	input := encoded(`{"alg":"PS256","kid":"kid-PS256","typ":"repatriation+jwt"}`) + "." + encoded(`{}`)
	sum := sha256.Sum256([]byte(input))
	for length, taken := range map[int]bool{32: true, 20: false, 0: false, 64: false} {
		options := &rsa.PSSOptions{SaltLength: length}
		if length == 0 {
			options.SaltLength = rsa.PSSSaltLengthAuto // the longest that fits
		}
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], options)
		if err != nil {
			t.Fatal(err)
		}
		u, err := Parse([]byte(input+"."+base64.RawURLEncoding.EncodeToString(signature)), testTyp, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Verify(set); (err == nil) != taken {
			t.Errorf("salt of %d: %v", length, err)
		}
	}
}

func TestVerifyRefusesOtherKeys(t *testing.T) {
	keys := testKeys(t)
	s := signerOf(t, keys[0])
	message, err := s.Sign(testTyp, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	u, err := Parse(message, testTyp, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	other := signerOf(t, testKeys(t)[0]).Public() // the same kid, another key
	confused := signerOf(t, keys[2]).Public()
	confused.KeyID = s.Public().KeyID
	for rule, k := range map[string]Key{RuleSignature: other, RuleAlgorithm: confused, RuleKeyID: signerOf(t, keys[1]).Public()} {
		set, err := NewKeySet(k)
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.Verify(set)
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Rule != rule {
			t.Errorf("got %v, want %s", err, rule)
		}
	}
	windowed := s.Public()
	windowed.NotBefore, windowed.NotAfter = time.Unix(100, 0), time.Unix(200, 0)
	set, err := NewKeySet(windowed)
	if err != nil {
		t.Fatal(err)
	}
	v, err := u.Verify(set)
	if err != nil {
		t.Fatal(err)
	}
	for at, taken := range map[int64]bool{99: false, 100: true, 199: true, 200: false} {
		if err := v.CheckKey(time.Unix(at, 0)); (err == nil) != taken {
			t.Errorf("at %d: %v", at, err)
		}
	}
}

func TestParseJWKRefuses(t *testing.T) {
	good := string(signerOf(t, testKeys(t)[0]).Public().JWK())
	for name, text := range map[string]string{
		"symmetric":        `{"kty":"oct","k":"AAAA","alg":"HS256","kid":"k"}`,
		"private":          strings.Replace(good, `"kty"`, `"d":"AAAA","kty"`, 1),
		"duplicate member": strings.Replace(good, `"kty"`, `"kty":"EC","kty"`, 1),
		"another curve":    strings.Replace(good, "P-256", "P-384", 1),
		"another alg":      strings.Replace(good, "ES256", "ES384", 1),
		"no alg":           strings.Replace(good, `"alg":"ES256",`, ``, 1),
		"for encryption":   strings.Replace(good, `"kty"`, `"use":"enc","kty"`, 1),
		"to sign with":     strings.Replace(good, `"kty"`, `"key_ops":["sign"],"kty"`, 1),
		"not on the curve": `{"crv":"P-256","kty":"EC","x":"` + strings.Repeat("A", 42) + `E","y":"` + strings.Repeat("A", 42) + `E","alg":"ES256","kid":"k"}`,
		"not JSON":         good + "x",
		"a list":           "[" + good + "]",
	} {
		if _, err := ParseJWK([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSigner(small, "k", PS256); err == nil {
		t.Error("RSA of 2048 bits is taken")
	}
}

// A data key opens what it sealed, at its place, and never shows itself.
func TestDataKey(t *testing.T) {
	k, err := NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal([]byte("secret"), []byte("entry/1/data"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := k.Open(sealed, []byte("entry/1/data")); err != nil || string(out) != "secret" {
		t.Fatalf("%s %v", out, err)
	}
	if _, err := k.Open(sealed, []byte("entry/2/data")); err == nil {
		t.Error("it opens at another place")
	}
	for i := range sealed {
		changed := append([]byte{}, sealed...)
		changed[i] ^= 1
		if _, err := k.Open(changed, []byte("entry/1/data")); err == nil {
			t.Errorf("a change of byte %d passes", i)
		}
	}
	asJSON, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %x %s", k, k, k, k, k, asJSON)
	for _, secret := range []string{fmt.Sprintf("%x", k.raw), base64.StdEncoding.EncodeToString(k.raw), fmt.Sprint(k.raw)} {
		if strings.Contains(shown, secret) {
			t.Error("the key shows itself")
		}
	}
}

// FuzzParse: what is accepted is exactly one text: writing its parts again
// gives the same bytes.
func FuzzParse(f *testing.F) {
	seed, err := signerOf(f, testKeys(f)[2]).Sign(testTyp, []byte(`{"a":1}`))
	if err != nil || len(seed) == 0 {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("a.b.c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := Parse(data, testTyp, 1<<16)
		if err != nil {
			return
		}
		parts := strings.Split(string(data), ".")
		if encodePart(u.payload) != parts[1] || encodePart(u.signature) != parts[2] {
			t.Fatal("two texts mean the same message")
		}
	})
}

// FuzzJWK: a key that is taken comes back the same.
func FuzzJWK(f *testing.F) {
	for _, k := range testKeys(f) {
		f.Add(signerOf(f, k).Public().JWK())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParseJWK(data)
		if err != nil {
			return
		}
		again, err := ParseJWK(k.JWK())
		if err != nil || again.Thumbprint() != k.Thumbprint() {
			t.Fatalf("%s does not come back: %v", k.JWK(), err)
		}
	})
}
