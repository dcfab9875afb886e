package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
)

// The log's owner signs a bundle with keys that are not what they should be.
func TestPartyKeys(t *testing.T) {
	set := func(party, name string, value any) func(*parts) {
		return func(p *parts) {
			if p.keys[party][0][name] = value; value == nil {
				delete(p.keys[party][0], name)
			}
		}
	}
	raw := func(text string) func(*parts) { return func(p *parts) { p.files["keys/parties.json"] = []byte(text) } }
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*parts)
		says   string
	}{
		"key replaced":            {func(p *parts) { p.keys["KH"][0]["x"] = sharedKeys()["LA"].jwk["x"] }, "entry 1: its message has a signature that does not hold"},
		"key removed":             {func(p *parts) { p.keys["KH"] = nil }, "the keys of KH are not a list"},
		"party removed":           {func(p *parts) { delete(p.keys, "KH") }, "entry 1: its message names a key, kid kh-1, that is not among"},
		"key of another party":    {func(p *parts) { p.keys["LA"], p.keys["KH"] = p.keys["KH"], p.keys["LA"] }, "entry 1: its message names a key"},
		"ended before":            {set("KH", "exp", 1795000000), "entry 1: its message was signed with a key, kid kh-1, that was not valid"},
		"begins after":            {set("KH", "nbf", 1800000000), "entry 1: its message was signed with a key, kid kh-1, that was not valid"},
		"receipt by an ended key": {set("GB", "exp", 1795000000), "entry 7: the receipt was signed with a key, kid gb-1, that was not valid"},
		"our key ended":           {set("VN", "exp", 1795000000), "entry 1: the receipt was signed with a key, kid vn-1, that was not valid"},
		"window in words":         {set("KH", "exp", "2026"), "key 0 of KH: its validity cannot be read"},
		"window of half seconds":  {set("KH", "exp", 1.5), "key 0 of KH: its validity cannot be read"},
		"private key":             {set("KH", "d", "AAAA"), "key 0 of KH: it holds a private key"},
		"kid twice":               {func(p *parts) { p.keys["KH"] = append(p.keys["KH"], p.keys["KH"][0]) }, "KH has two keys of the kid kh-1"},
		"kid missing":             {set("KH", "kid", nil), "key 0 of KH: its kid is missing"},
		"kind unknown":            {set("KH", "kty", "oct"), "key 0 of KH: its kind is unknown"},
		"curve unknown":           {set("CN", "crv", "secp256k1"), "key 0 of CN: its curve is not P-256"},
		"curve of another":        {set("CN", "crv", "P-256"), "key 0 of CN: its x cannot be read"},
		"curve X25519":            {set("KH", "crv", "X25519"), "key 0 of KH: its curve is not Ed25519"},
		"point off the curve":     {set("CN", "x", b64(make([]byte, 48))), "key 0 of CN: its point is not on its curve"},
		"algorithm of another":    {set("KH", "alg", "ES256"), "key 0 of KH: its algorithm does not belong"},
		"Ed25519 too short":       {set("KH", "x", "AAAA"), "key 0 of KH: its x cannot be read"},
		"RSA too short":           {set("GB", "n", b64(weak.N.Bytes())), "key 0 of GB: it is an RSA key of less than 3072 bits"},
		"RSA exponent 1":          {set("GB", "e", "AQ"), "key 0 of GB: its exponent"},
		"RSA exponent even":       {set("GB", "e", "BA"), "key 0 of GB: its exponent"},
		"RSA exponent huge":       {set("GB", "e", b64(bytes.Repeat([]byte{255}, 40))), "key 0 of GB: its exponent"},
		"RSA without modulus":     {set("GB", "n", nil), "key 0 of GB: its n cannot be read"},
		"name twice":              {raw(`{"KH":[],"KH":[]}`), "keys/parties.json: not one JSON object"},
		"no list":                 {raw(`{"KH":{}}`), "the keys of KH are not a list"},
		"no JSON":                 {raw(`KH`), "keys/parties.json: not one JSON object"},
		"no object":               {raw(`null`), "keys/parties.json: not one JSON object"},
		"key is no object":        {raw(`{"KH":[7]}`), "key 0 of KH: not one JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			p := play(lie{}).export(testScope{}, nil)
			c.change(p)
			expect(t, zipOf(p.seal()), 1, c.says)
		})
	}
}

// RFC 8037, appendix A.3.
func TestThumbprint(t *testing.T) {
	k, err := parseJWK([]byte(`{"kid":"ed","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil || k.thumbprint != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("%v %+v", err, k)
	}
}

func TestVerifierKeys(t *testing.T) {
	good := newNoteKey("vn.example/log", false).vkey
	name, rest, _ := strings.Cut(good, "+")
	hash, key, _ := strings.Cut(rest, "+")
	witness := newNoteKey("kh.example/witness", true).vkey
	for _, line := range []string{good, witness} {
		if k, err := parseVerifierKey(line); err != nil || k.line != line {
			t.Errorf("%s: %v", line, err)
		}
	}
	for about, line := range map[string]string{
		"empty": "", "name only": name, "no key": name + "+" + hash, "wrong hash": name + "+00000000+" + key,
		"other name": "x" + good, "hash in capitals": name + "+" + strings.ToUpper(hash) + "+" + key,
		"hash with zeros": name + "+0" + hash + "+" + key, "key cut": good[:len(good)-4], "key not base64": good[:len(good)-1] + "!",
		"unknown algorithm": name + "+" + hash + "+" + "A" + "g" + key[2:], "a private key": "PRIVATE+KEY+" + good,
		"space in name": "a b+" + rest, "witness of another name": "x" + witness,
	} {
		if _, err := parseVerifierKey(line); err == nil {
			t.Errorf("%s: %q was taken", about, line)
		}
	}
	if _, err := parseKeyFile([]byte("\n# two times\n" + good + "\r\n  " + good + "\n")); err != nil {
		t.Errorf("a key file with blanks: %v", err)
	}
}
