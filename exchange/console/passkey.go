package console

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/repatriation-exchange/gateway/exchange"
)

// maxAnswer bounds what a browser answers for a passkey.
const maxAnswer = 16 << 10

// A passkeyAsk is what assets/passkey.js is told.
type passkeyAsk struct {
	Token     string `json:"token"`
	PublicKey any    `json:"publicKey"`
}

func answer(v *visit, ask passkeyAsk) error {
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(ask)
}

// hasPasskeys says whether passkeys can be used here.
func (c *Console) hasPasskeys() bool {
	return c.cfg.Accounts != nil && c.cfg.Accounts.Site() != exchange.Site{}
}

// signs says whether an officer has a passkey of this console.
func (c *Console) signs(o *exchange.Officer) bool { return len(c.credentials(o)) > 0 }

// credentials names the passkeys that an officer has for this console.
func (c *Console) credentials(o *exchange.Officer) []protocol.CredentialDescriptor {
	var out []protocol.CredentialDescriptor
	if !c.hasPasskeys() {
		return nil
	}
	for _, p := range o.Passkeys {
		id, err := base64.RawURLEncoding.DecodeString(p.ID)
		if err == nil && p.Site == c.cfg.Accounts.Site() {
			out = append(out, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: id})
		}
	}
	return out
}

// toSign asks a passkey for a signature; no credential means any that the
// browser has for this console.
func (c *Console) toSign(challenge []byte, allowed []protocol.CredentialDescriptor) protocol.PublicKeyCredentialRequestOptions {
	return protocol.PublicKeyCredentialRequestOptions{
		Challenge: challenge, RelyingPartyID: c.cfg.Accounts.Site().ID, AllowedCredentials: allowed, UserVerification: protocol.VerificationRequired,
	}
}

// toMake asks for a new passkey of an officer. The device keeps it, so that it
// signs in without a name, and asks its owner for a PIN or a finger.
func (c *Console) toMake(o *exchange.Officer, challenge []byte) protocol.PublicKeyCredentialCreationOptions {
	site := c.cfg.Accounts.Site()
	out := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{CredentialEntity: protocol.CredentialEntity{Name: site.ID}, ID: site.ID},
		User: protocol.UserEntity{
			CredentialEntity: protocol.CredentialEntity{Name: o.ID}, DisplayName: o.Name, ID: protocol.URLEncodedBase64(exchange.Challenge([]byte("user/" + o.ID))),
		},
		Challenge: challenge, CredentialExcludeList: c.credentials(o), Attestation: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
	}
	for _, algorithm := range exchange.PasskeyAlgorithms() {
		out.Parameters = append(out.Parameters, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: algorithm})
	}
	return out
}

// passkeyAnswer returns what the form brought back; nil for a form that was sent
// without a passkey.
func passkeyAnswer(r *http.Request) []byte {
	text := r.PostFormValue("passkey")
	if text == "" || len(text) > maxAnswer {
		return nil
	}
	return []byte(text)
}
