package exchange

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// A Site is the address that passkeys are bound to: no other site can make the
// browser use them.
type Site struct {
	ID     string `json:"rp_id"`  // the host
	Origin string `json:"origin"` // https://host[:port]
}

// NewSite returns the site of an address.
func NewSite(address string) (Site, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return Site{}, fmt.Errorf("%q is not an address of the form https://host or https://host:port", address)
	}
	return Site{ID: u.Hostname(), Origin: "https://" + u.Host}, nil
}

// A Passkey is the public half of a key that an officer's device or security
// key holds (WebAuthn). It signs in, and it signs what the officer decides.
// What a third party needs to check that stands in the officer's entry.
type Passkey struct {
	ID    string    `json:"id"`         // the credential's, base64url
	Key   string    `json:"public_key"` // COSE_Key (RFC 9052), base64url
	Site            // that it was made for
	Name  string    `json:"name"` // for its officer to know it by
	Added time.Time `json:"added"`
}

// The algorithms that a passkey may sign with; old Windows devices have no
// other than the last.
var passkeyAlgorithms = []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256}

// PasskeyAlgorithms returns them, the one that is liked best first.
func PasskeyAlgorithms() []webauthncose.COSEAlgorithmIdentifier {
	return slices.Clone(passkeyAlgorithms)
}

// maxPasskeys bounds how many an officer has.
const maxPasskeys = 10

// NewPasskey reads the answer of a browser that was asked to make a passkey for
// a challenge. Whoever made the device is not asked for: any device that asks
// its owner for a PIN or a finger will do.
func NewPasskey(site Site, name string, challenge, answer []byte, now time.Time) (Passkey, error) {
	created, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, fmt.Errorf("read a new passkey: %w", err)
	}
	var allowed []protocol.CredentialParameter
	for _, algorithm := range passkeyAlgorithms {
		allowed = append(allowed, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: algorithm})
	}
	_, err = created.Verify(encode(challenge), site.ID, []string{site.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, nil, allowed,
		protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return Passkey{}, fmt.Errorf("verify a new passkey: %w", err)
	}
	data := created.Response.AttestationObject.AuthData.AttData
	p := Passkey{ID: encode(data.CredentialID), Key: encode(data.CredentialPublicKey), Site: site, Name: name, Added: now.UTC().Truncate(time.Second)}
	return p, p.check()
}

// check says what is wrong with a passkey's entry.
func (p *Passkey) check() error {
	id, err := strict(p.ID)
	if err != nil || len(id) == 0 || len(id) > 1023 {
		return errors.New("a passkey has an identifier of at most 1023 bytes, base64url")
	}
	cose, err := strict(p.Key)
	if err != nil || len(cose) > 2048 {
		return errors.New("a passkey has a public key, base64url")
	}
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return fmt.Errorf("a passkey's public key cannot be read: %w", err)
	}
	var data webauthncose.PublicKeyData
	switch key := key.(type) {
	case webauthncose.EC2PublicKeyData:
		data = key.PublicKeyData
	case webauthncose.OKPPublicKeyData:
		data = key.PublicKeyData
	case webauthncose.RSAPublicKeyData:
		data = key.PublicKeyData
	}
	switch {
	case !slices.Contains(passkeyAlgorithms, webauthncose.COSEAlgorithmIdentifier(data.Algorithm)):
		return errors.New("a passkey signs with ES256, EdDSA or RS256")
	case p.Name == "" || len(p.Name) > 200:
		return errors.New("a passkey has a name of at most 200 bytes")
	}
	site, err := NewSite(p.Origin)
	if err != nil || site != p.Site {
		return errors.New("a passkey names the site that it was made for")
	}
	return nil
}

// An Assertion is what a passkey signed: a challenge, together with what the
// browser and the device say of where and how it was asked for.
type Assertion struct {
	Credential        string `json:"credential"`         // identifier of the passkey
	AuthenticatorData string `json:"authenticator_data"` // these three are base64url, and exactly as they were signed
	ClientData        string `json:"client_data_json"`
	Signature         string `json:"signature"`
}

// ReadAssertion reads what a browser answers, as PublicKeyCredential.toJSON
// writes it.
func ReadAssertion(answer []byte) (Assertion, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Assertion{}, fmt.Errorf("read a passkey's answer: %w", err)
	}
	r := parsed.Raw.AssertionResponse
	return Assertion{encode(parsed.RawID), encode(r.AuthenticatorData), encode(r.ClientDataJSON), encode(r.Signature)}, nil
}

// verify checks that this passkey signed a challenge, at its own site and after
// the device had made sure of its owner. The counter of signatures is not looked
// at: passkeys that move between devices have none.
func (p *Passkey) verify(a Assertion, challenge []byte) error {
	var response protocol.CredentialAssertionResponse
	for _, part := range []struct {
		text string
		into *protocol.URLEncodedBase64
	}{
		{a.Credential, &response.RawID}, {a.AuthenticatorData, &response.AssertionResponse.AuthenticatorData},
		{a.ClientData, &response.AssertionResponse.ClientDataJSON}, {a.Signature, &response.AssertionResponse.Signature},
	} {
		bytes, err := strict(part.text)
		if err != nil {
			return errors.New("an assertion is not canonical base64url")
		}
		*part.into = bytes
	}
	if a.Credential != p.ID {
		return errors.New("the assertion is of another passkey")
	}
	key, err := strict(p.Key)
	if err != nil {
		return errors.New("the passkey's public key is not base64url")
	}
	response.ID, response.Type = a.Credential, string(protocol.PublicKeyCredentialType)
	parsed, err := response.Parse()
	if err != nil {
		return fmt.Errorf("read an assertion: %w", err)
	}
	return parsed.Verify(encode(challenge), p.Site.ID, "", []string{p.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true, key, protocol.SignaturePolicy{})
}

// passkey returns an officer's passkey of an identifier.
func (o *Officer) passkey(id string) (*Passkey, bool) {
	i := slices.IndexFunc(o.Passkeys, func(p Passkey) bool { return p.ID == id })
	if i < 0 {
		return nil, false
	}
	return &o.Passkeys[i], true
}

// strict decodes canonical base64url: two texts never mean the same bytes.
func strict(text string) ([]byte, error) {
	out, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || encode(out) != text {
		return nil, errors.New("not canonical base64url")
	}
	return out, nil
}

// strictJSON reads one object with known members and nothing after it.
func strictJSON(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("there is something after the object")
	}
	return nil
}
