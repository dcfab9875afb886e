package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A RecordHead is the record as it stands, signed.
type RecordHead struct {
	record.Checkpoint
	VKey         string   // of the log that signed it
	Cosignatures []string // signature lines of partners' witnesses on it
	Witnesses    []string // keys of witnesses that partners have, each with its name
}

// Head returns the head of the record. It says nothing of any case, and every
// partner can ask for it too.
func (o *Oversight) Head(ctx context.Context) (RecordHead, error) {
	head, err := o.cfg.Files.cfg.Reader.Head(ctx)
	if err != nil {
		return RecordHead{}, err
	}
	return o.headOf(ctx, head.Checkpoint)
}

func (o *Oversight) headOf(ctx context.Context, signed []byte) (RecordHead, error) {
	verifier, err := record.ParseVerifierKey(o.cfg.VKey)
	if err != nil {
		return RecordHead{}, fmt.Errorf("the log's key: %w", err)
	}
	out := RecordHead{VKey: o.cfg.VKey}
	if signed == nil { // nothing is recorded yet
		return out, nil
	}
	if out.Checkpoint, err = record.VerifyCheckpoint(signed, verifier); err != nil {
		return RecordHead{}, fmt.Errorf("the stored checkpoint: %w", err)
	}
	lines, err := o.cfg.Keep.Cosignatures(ctx, out.Size)
	if err != nil {
		return RecordHead{}, err
	}
	for _, line := range lines {
		out.Cosignatures = append(out.Cosignatures, string(line))
	}
	for _, p := range o.cfg.Files.cfg.Directory.Snapshot().All() {
		if p.Log != nil && p.Log.Witness != "" {
			out.Witnesses = append(out.Witnesses, p.Log.Witness)
		}
	}
	return out, nil
}

// A MessageProof is what shows that a message is in the record, and that the
// other side has said so. Nothing in it tells what the message says.
type MessageProof struct {
	Event
	Head    RecordHead
	Leaf    []byte
	Text    []byte // C2SP tlog-proof, under the head's checkpoint
	Receipt []byte // the receiver's signed receipt, a compact JWS; nil while there is none
	Claims  string // what it says in claims that are known here, as JSON
	Others  int    // and how many others it has
	Giver   string // who gave it
	Keys    []json.RawMessage
	LogKey  string // of the giver's log; "" when it keeps none
	// Damage is what is stored of the message or its receipt and was not recorded so;
	// nil for none. The rest is proved all the same.
	Damage *DamageError
}

// Proof proves a message that an officer may know of against the record as it
// is now. What is stored is believed only as far as it hashes to the signed root.
func (o *Oversight) Proof(ctx context.Context, by *Officer, key MessageKey) (MessageProof, error) {
	event, err := o.cfg.Feed.Message(ctx, by, key)
	if err != nil {
		return MessageProof{}, err
	}
	out := MessageProof{Event: event}
	if out.Head, err = o.Head(ctx); err != nil {
		return MessageProof{}, err
	}
	reader := o.cfg.Files.cfg.Reader
	row, err := reader.Entry(ctx, event.Index)
	if err != nil {
		return MessageProof{}, err
	}
	prover, err := record.NewProver(ctx, reader, out.Head.Size, out.Head.Root)
	if err != nil {
		return MessageProof{}, err
	}
	hashes, err := prover.Inclusion(ctx, row.Index)
	if err != nil {
		return MessageProof{}, err
	}
	out.Leaf, out.Text = row.Leaf, record.FormatProof(row.Index, hashes, out.Head.Note, nil)
	err = o.receipt(ctx, row, &out)
	if out.Damage = AsDamage(err); out.Damage != nil {
		err = nil
	}
	return out, err
}

// receipt adds the receipt for a message: ours for one that came in, the
// partner's for one of ours. An erased case has none left.
func (o *Oversight) receipt(ctx context.Context, row Row, out *MessageProof) error {
	giver, logKey := "", o.cfg.VKey
	if row.Direction == Out {
		if _, err := o.cfg.Files.cfg.Opener.Open(ctx, row); err != nil && !errors.Is(err, ErrErased) {
			return err
		}
		rows, err := o.cfg.Files.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Kind: KindReceipt, Partner: row.Partner, Case: row.Case, ID: row.ID}, 1)
		if err != nil || len(rows) == 0 {
			return err
		}
		row, giver, logKey = rows[0], row.Partner, ""
		if peer, err := o.cfg.Files.cfg.Directory.Peer(giver); err == nil && peer.Log != nil {
			logKey = peer.Log.VKey
		}
	}
	opened, err := o.cfg.Files.cfg.Opener.Open(ctx, row)
	if errors.Is(err, ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	receipt := opened.Receipt
	if giver != "" {
		receipt = opened.Data
	}
	if receipt == nil {
		return &DamageError{Index: row.Index, Detail: "the receipt that was answered for it is gone"}
	}
	out.Receipt, out.LogKey = receipt, logKey
	payload, err := PayloadOf(out.Receipt)
	if err != nil {
		return fmt.Errorf("read a stored receipt: %w", err)
	}
	var claims receiptClaims
	var all, known map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(payload, &claims), json.Unmarshal(payload, &all)); err != nil {
		return fmt.Errorf("read a stored receipt: %w", err)
	}
	text, err := json.MarshalIndent(claims, "", "  ")
	if err := errors.Join(err, json.Unmarshal(text, &known)); err != nil {
		return fmt.Errorf("write the claims of a receipt: %w", err)
	}
	out.Claims, out.Others, out.Giver = string(text), len(all)-len(known), claims.Issuer
	out.Keys, err = o.cfg.Keys(claims.Issuer)
	return err
}

// Source returns the exact bytes of a message, as they were signed. They hold
// everything it says, so it is a look at all of it: the access and its reason
// are in the record first.
func (s *Sight) Source(ctx context.Context, by *Officer, key MessageKey, reason string) ([]byte, error) {
	files := s.cfg.Files
	row, err := files.cfg.Reader.Message(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, problem(ProblemNotFound, "There is no such message.")
	}
	if err != nil {
		return nil, err
	}
	_, until, err := files.door(ctx, by, CaseKey{row.Partner, row.Case})
	if err != nil {
		return nil, err
	}
	opened, err := files.cfg.Opener.Open(ctx, row)
	if errors.Is(err, ErrErased) {
		return nil, problem(ProblemErased, "The case was erased.")
	}
	if err != nil {
		return nil, err
	}
	if _, err := seal.Parse(opened.Data, TypMessage, len(opened.Data)); err != nil {
		return nil, fmt.Errorf("read a stored message: %w", err)
	}
	want := Reveal{Reason: reason, Fields: []string{""}}
	if err := s.shows(ctx, by, want, nil, Access{Partner: row.Partner, Case: row.Case, What: "source", ID: row.ID, BreakGlass: !until.IsZero()}); err != nil {
		return nil, err
	}
	return slices.Clone(opened.Data), nil
}

// ReceiptAt returns when the receipt for a message of ours was recorded; the zero
// time while there is none.
func (o *Oversight) ReceiptAt(ctx context.Context, sent Row) (time.Time, error) {
	rows, err := o.cfg.Files.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Kind: KindReceipt, Partner: sent.Partner, Case: sent.Case, ID: sent.ID}, 1)
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].At, nil
}
