//go:build vectors

package seal

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

var update = flag.Bool("update", false, "rewrite docs/vectors-seal.md")

// A wycheproofFile is one file of C2SP/wycheproof, testvectors_v1.
type wycheproofFile struct {
	TestGroups []struct {
		Comment string
		Public  json.RawMessage
		Private json.RawMessage
		Tests   []struct {
			ID      int `json:"tcId"`
			Comment string
			JWS     json.RawMessage
			JWE     json.RawMessage
			Result  string
			Flags   []string
		}
	}
}

// compactOf returns a vector's text; the JSON serialisations are their JSON.
func compactOf(raw json.RawMessage) []byte {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}

// keysOf returns the JWKs of a group, one by one.
func keysOf(group json.RawMessage) []json.RawMessage {
	var set struct{ Keys []json.RawMessage }
	if json.Unmarshal(group, &set) == nil && set.Keys != nil {
		return set.Keys
	}
	return []json.RawMessage{group}
}

// door judges a vector as a partner's message with a partner's keys would be.
func door(keys []json.RawMessage, compact []byte) error {
	var set []Key
	for _, raw := range keys {
		k, err := ParseJWK(raw)
		if err != nil {
			return err // a registry with such a key is not loaded
		}
		set = append(set, k)
	}
	known, err := NewKeySet(set...)
	if err != nil {
		return err
	}
	for _, typ := range []string{"repatriation+jwt", "receipt+jwt", "JWT", "JOSE"} {
		u, parseErr := Parse(compact, typ, 1<<20)
		if parseErr != nil {
			err = parseErr
			continue
		}
		if _, err = u.Verify(known); err == nil {
			return nil
		}
	}
	return err
}

// core judges only the signature, with the verifier that the door would use
// and everything that stands before it left out. tried is false when the
// vector's algorithm is not one of ours.
func core(t *testing.T, keys []json.RawMessage, compact []byte) (tried bool, err error) {
	t.Helper()
	parts := strings.Split(string(compact), ".")
	if len(parts) != 3 || len(keys) != 1 {
		return false, nil
	}
	head, err := decodePart([]byte(parts[0]), "header")
	if err != nil {
		return false, nil
	}
	var h struct{ Alg string }
	if json.Unmarshal(head, &h) != nil {
		return false, nil
	}
	if _, ours := signatureSizes[h.Alg]; !ours {
		return false, nil
	}
	var named struct{ Alg, Use string }
	if json.Unmarshal(keys[0], &named) != nil || named.Alg != h.Alg || named.Use != "" && named.Use != "sig" {
		return false, nil // the key decides, never the header
	}
	key, err := jwk.ParseKey(keys[0])
	if err != nil {
		return false, nil
	}
	var public any
	if err := key.Raw(&public); err != nil {
		return false, nil
	}
	signature, err := decodePart([]byte(parts[2]), "signature")
	if err != nil {
		return true, err
	}
	if size := signatureSizes[h.Alg]; size != 0 && len(signature) != size {
		return true, errors.New("signature of the wrong length")
	}
	verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(h.Alg))
	if err != nil {
		t.Fatal(err)
	}
	k := preparedKey{Key{Algorithm: h.Alg, Public: pointed(public)}, verifier}
	return true, k.check([]byte(parts[0]+"."+parts[1]), signature)
}

// pointed gives keys the form that ParseJWK gives them.
func pointed(public any) any {
	switch k := public.(type) {
	case ecdsa.PublicKey:
		return &k
	case rsa.PublicKey:
		return &k
	}
	return public
}

func TestVectorsWycheproof(t *testing.T) {
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Fatal("VECTORS does not name the folder of the public vectors")
	}
	differs := map[string][]string{}
	total, invalid, tried, verified := 0, 0, 0, 0
	for _, name := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json", "json_web_encryption_test.json"} {
		data, err := os.ReadFile(filepath.Join(dir, "wycheproof", name))
		if err != nil {
			t.Fatal(err)
		}
		var file wycheproofFile
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		for _, g := range file.TestGroups {
			group := g.Public
			if group == nil {
				group = g.Private
			}
			keys := keysOf(group)
			for _, v := range g.Tests {
				total++
				id := fmt.Sprintf("%s/%s/%d %s", strings.TrimSuffix(name, "_test.json"), g.Comment, v.ID, v.Comment)
				t.Run(id, func(t *testing.T) {
					raw := v.JWS
					if raw == nil {
						raw = v.JWE
					}
					compact := compactOf(raw)
					err := door(keys, compact)
					if v.Result == "invalid" {
						invalid++
						if err == nil {
							t.Fatal("accepted what is invalid")
						}
					} else if err != nil {
						class := reason(err, raw, v.JWE != nil)
						differs[class] = append(differs[class], id)
					}
					if v.JWS == nil {
						return
					}
					asked, sigErr := core(t, keys, compact)
					if !asked {
						return
					}
					tried++
					if sigErr == nil {
						verified++
					}
					if v.Result == "valid" && sigErr != nil {
						t.Errorf("a valid signature does not verify: %v", sigErr)
					}
					if v.Result == "invalid" && sigErr == nil {
						t.Error("an invalid signature verifies")
					}
				})
			}
		}
	}
	if total < 600 || invalid < 400 || tried < 70 || verified < 5 {
		t.Fatalf("%d vectors, %d invalid, %d signatures tried, %d verified: too few", total, invalid, tried, verified)
	}
	page(t, fmt.Sprintf("%d vectors, %d of them invalid. Wrong accepts: none.\n\nFor the %d vectors of our algorithms whose key names its algorithm the signature\nwas judged alone too, with everything before it left out: %d valid ones verify, no\ninvalid one does.\n", total, invalid, tried, verified), differs)
}

// reason says in words why a valid vector is refused.
func reason(err error, raw json.RawMessage, encrypted bool) string {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return err.Error()
	}
	switch {
	case encrypted:
		return "encrypted messages (JWE): confidentiality on the wire is TLS's, see decision 7"
	case refusal.Rule == RuleJWK:
		return "the key is not acceptable: " + refusal.Detail
	case refusal.Rule == RuleHeader:
		return "the header is not exactly alg, kid and typ"
	case len(raw) > 0 && raw[0] == '{':
		return "the JSON serialisations"
	}
	return refusal.Rule + ": " + refusal.Detail
}

// page compares docs/vectors-seal.md with what was decided, or rewrites it.
func page(t *testing.T, summary string, differs map[string][]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Public vectors: JWS, JWK and JWE\n\n`make vectors VECTORS=dir` runs every vector of Wycheproof as a named test, as a\npartner's message under a partner's keys, and compares this page with what was\ndecided. Our own cases of every class are in `exchange/seal`.\n\n" + summary + "\nValid vectors that we refuse, and why. The wire has one form of header, four\nalgorithms and no encryption, so these are refused on purpose:\n")
	classes := make([]string, 0, len(differs))
	for c := range differs {
		classes = append(classes, c)
	}
	slices.Sort(classes)
	for _, c := range classes {
		fmt.Fprintf(&b, "\n**%s** (%d)\n\n", c, len(differs[c]))
		for _, id := range differs[c] {
			fmt.Fprintf(&b, "- `%s`\n", id)
		}
	}
	const path = "../../docs/vectors-seal.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != b.String() {
		t.Errorf("%s does not say what was decided; run with -update", path)
	}
}
