package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/repatriation-exchange/gateway/exchange"
)

// passkeyProves checks what a passkey signed with nothing of ours: as
// docs/evidence.md tells a third party to.
func passkeyProves(t *testing.T, passkey exchange.Passkey, signed, draft string) {
	t.Helper()
	var recorded struct {
		Statement  string `json:"statement"`
		Credential string `json:"credential"`
		Data       string `json:"authenticator_data"`
		Client     string `json:"client_data_json"`
		Signature  string `json:"signature"`
	}
	if err := json.Unmarshal([]byte(signed), &recorded); err != nil {
		t.Fatal(err)
	}
	raw := func(text string) []byte {
		out, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var key struct {
		X []byte `cbor:"-2,keyasint"`
		Y []byte `cbor:"-3,keyasint"`
	}
	if err := cbor.Unmarshal(raw(passkey.Key), &key); err != nil {
		t.Fatal(err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, key.X...), key.Y...))
	if err != nil {
		t.Fatal(err)
	}
	client, data := raw(recorded.Client), raw(recorded.Data)
	clientHash := sha256.Sum256(client)
	over := sha256.Sum256(append(data[:len(data):len(data)], clientHash[:]...))
	if !ecdsa.VerifyASN1(public, over[:], raw(recorded.Signature)) {
		t.Error("the signature does not verify")
	}
	var said struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(client, &said); err != nil {
		t.Fatal(err)
	}
	statement := raw(recorded.Statement)
	challenge := sha256.Sum256(statement)
	if said.Type != "webauthn.get" || said.Challenge != base64.RawURLEncoding.EncodeToString(challenge[:]) || said.Origin != passkey.Origin {
		t.Errorf("the browser says %+v", said)
	}
	site := sha256.Sum256([]byte(passkey.Site.ID))
	if string(data[:32]) != string(site[:]) || data[32]&5 != 5 { // user present, user verified
		t.Errorf("the device says %x", data[:33])
	}
	var s exchange.Statement
	if err := json.Unmarshal(statement, &s); err != nil || s.Draft != draft || s.Decision != exchange.DecisionRelease {
		t.Errorf("%s %v", statement, err)
	}
}
