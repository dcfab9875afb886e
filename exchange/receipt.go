package exchange

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// receiptClaims are the claims of a receipt (docs/wire.md, "Receipts"). The
// last four are absent when the receiver keeps no log.
type receiptClaims struct {
	Issuer        string `json:"iss"`
	Audience      string `json:"aud"`
	ID            string `json:"jti"`
	IssuedAt      int64  `json:"iat"`
	Message       string `json:"message"`
	MessageSHA256 string `json:"message_sha256"`
	Seq           int64  `json:"seq,omitempty"`
	Leaf          string `json:"leaf,omitempty"`
	Salt          string `json:"salt,omitempty"`
	Proof         string `json:"proof,omitempty"`
}

func signReceipt(signer *seal.Signer, claims receiptClaims) ([]byte, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	return signer.Sign(TypReceipt, payload)
}

// A Receipt is a partner's verified receipt: it binds the exact bytes of one
// message of ours, and when the partner keeps a log, their place in it.
type Receipt struct {
	Message    string
	At         time.Time
	Seq        int64
	Index      int64 // -1 without a log
	Checkpoint record.Checkpoint
	Raw        []byte
}

// maxReceiptBytes bounds a receipt: a proof in a tree of 2^40 leaves needs
// less than 8 KiB.
const maxReceiptBytes = 64 << 10

// receiptError says which check a receipt failed, in our own words.
func receiptError(format string, args ...any) error {
	return fmt.Errorf("the partner's receipt is not acceptable: "+format, args...)
}

// OpenReceipt verifies the receipt that a peer answered for our message with
// these exact bytes (P7): signature, parties, identifier, hash, time, and when
// the peer keeps a log, leaf, commitment and inclusion under its signed
// checkpoint. now is when the receipt arrived: the key must be valid then, for
// the time that a receipt names is its signer's own word, and a key that has
// ended could name any.
func OpenReceipt(raw []byte, peer *Peer, self, id string, message []byte, now time.Time) (Receipt, error) {
	unverified, err := seal.Parse(raw, TypReceipt, maxReceiptBytes)
	if err != nil {
		return Receipt{}, receiptError("%w", err)
	}
	verified, err := unverified.Verify(peer.Keys)
	if err != nil {
		return Receipt{}, receiptError("%w", err)
	}
	if err := verified.CheckKey(now); err != nil {
		return Receipt{}, receiptError("%w", err)
	}
	// The strict parse refuses names that differ only in case, which Unmarshal
	// would take for one another. Claims that we do not know are ignored: that
	// is how receipts may grow (docs/wire.md, "Versions").
	if _, err := schemas.Parse(verified.Payload(), schemas.DefaultLimits()); err != nil {
		return Receipt{}, receiptError("%w", err)
	}
	var c receiptClaims
	if err := json.Unmarshal(verified.Payload(), &c); err != nil {
		return Receipt{}, receiptError("its claims have wrong types")
	}
	if err := c.answers(peer, self, id, message); err != nil {
		return Receipt{}, err
	}
	if err := c.timely(peer.Limits.ClockSkew, message, now); err != nil {
		return Receipt{}, err
	}
	out := Receipt{Message: c.Message, At: time.Unix(c.IssuedAt, 0).UTC(), Seq: c.Seq, Index: -1, Raw: raw}
	if peer.LogVerifier == nil {
		return out, nil
	}
	if err := out.openProof(c, peer, self, id, message); err != nil {
		return Receipt{}, receiptError("%w", err)
	}
	return out, nil
}

// answers checks that a receipt is this peer's, to us, for this message.
func (c *receiptClaims) answers(peer *Peer, self, id string, message []byte) error {
	hash := sha256.Sum256(message)
	switch {
	case c.Issuer != peer.Code:
		return receiptError("iss is not %s", peer.Code)
	case c.Audience != self:
		return receiptError("aud is not %s", self)
	case c.Message != id:
		return receiptError("it is for another message")
	case c.ID != receiptID(id):
		return receiptError("jti is not r- and the jti of the message")
	case c.MessageSHA256 != encode(hash[:]):
		return receiptError("message_sha256 is not the hash of what was sent")
	}
	return nil
}

// timely checks when a receipt says that the message was recorded: after it was
// issued, and not after now. A copy gets the receipt of the first arrival, so it
// may be as old as the message.
func (c *receiptClaims) timely(skew time.Duration, message []byte, now time.Time) error {
	sent, err := claimsIn(message)
	if err != nil {
		return receiptError("the message cannot be read")
	}
	at := time.Unix(c.IssuedAt, 0)
	if at.Before(time.Unix(sent.IssuedAt, 0).Add(-skew)) {
		return receiptError("iat is before the message was issued; compare the clocks")
	}
	if at.After(now.Add(skew)) {
		return receiptError("iat is in the future; compare the clocks")
	}
	return nil
}

// receiptID is the identifier of the receipt for a message.
func receiptID(message string) string { return "r-" + message }

// openProof checks the log's part of a receipt.
func (r *Receipt) openProof(c receiptClaims, peer *Peer, self, id string, message []byte) error {
	leaf, err := decode(c.Leaf)
	if err != nil {
		return errors.New("leaf is not base64url")
	}
	salt, err := decode(c.Salt)
	if err != nil || len(salt) != 32 {
		return errors.New("salt is not 32 bytes of base64url")
	}
	entry, err := record.ParseLeaf(leaf)
	if err != nil {
		return fmt.Errorf("leaf: %w", err)
	}
	switch {
	case entry.Kind != string(KindMessage), entry.Direction != string(In), entry.Partner != self, entry.JTI != id, entry.Seq != c.Seq:
		return errors.New("its leaf is of another message")
	case entry.Commitment != record.Commit([32]byte(salt), message):
		return errors.New("its leaf does not commit to what was sent")
	}
	r.Checkpoint, r.Index, err = record.VerifyProof([]byte(c.Proof), leaf, peer.LogVerifier)
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }
