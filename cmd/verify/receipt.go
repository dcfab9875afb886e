package main

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// receiptFor checks the claims that every receipt has. data is the message, or
// nil when the bundle does not hold it.
func receiptFor(j *verifiedJWS, issuer, audience, jti string, data *string, say sayer) {
	for _, c := range []struct{ name, want string }{{"iss", issuer}, {"aud", audience}, {"message", jti}} {
		if got, ok := stringOf(j.claims, c.name); !ok || got != c.want {
			say("the claim %s of the receipt is not what it should be", c.name)
		}
	}
	sum, ok := stringOf(j.claims, "message_sha256")
	if raw, err := decode64(sum); !ok || err != nil || len(raw) != sha256.Size {
		say("the receipt's message_sha256 is not a hash")
	} else if data != nil {
		if want := sha256.Sum256([]byte(*data)); [32]byte(raw) != want {
			say("the receipt's message_sha256 is not the hash of the message: it is for other bytes")
		}
	}
	iat, ok := intOf(j.claims, "iat")
	if !ok {
		say("the receipt does not say when it was given")
	} else if !j.key.validAt(time.Unix(iat, 0)) {
		say("the receipt was signed with a key, kid %s, that was not valid at the time", j.key.kid)
	}
}

// judgeOurReceipt checks the receipt that this gateway gave for an inbound
// message: everything in it repeats something that the entry says itself.
func (a *auditor) judgeOurReceipt(e *entry, say sayer) {
	j := a.verified("its receipt", e.receipt, typReceipt, a.manifest.Party, say)
	if j == nil {
		return
	}
	a.r.receipts++
	receiptFor(j, a.manifest.Party, e.leaf.partner, e.leaf.jti, &e.data, say)
	if jti, _ := stringOf(j.claims, "jti"); jti != "r-"+e.leaf.jti {
		say("the claim jti of the receipt is not what it should be")
	}
	if iat, ok := intOf(j.claims, "iat"); ok && !unixSeconds(iat, e.leaf.at) {
		say("the receipt's time is not the entry's")
	}
	if leaf, _ := stringOf(j.claims, "leaf"); leaf != encode64(e.raw) {
		say("the leaf in the receipt is not the entry's")
	}
	if salt, _ := stringOf(j.claims, "salt"); salt != encode64(e.salt[:]) {
		say("the salt in the receipt is not the entry's")
	}
	if seq, _ := intOf(j.claims, "seq"); seq != e.leaf.seq {
		say("the seq in the receipt is not the entry's")
	}
	text, _ := stringOf(j.claims, "proof")
	proof, ok := parseProof(text)
	if !ok {
		say("the proof in the receipt is not a tlog-proof")
		return
	}
	head := a.openHead(proof.note)
	switch {
	case head.err != nil:
		say("the checkpoint in the receipt: %v", head.err)
	case head.origin != a.manifest.Origin || !head.note.signedBy(a.logKeys):
		say("the checkpoint in the receipt is not signed by this log")
	case proof.index != e.index || !head.includes(proof.hashes, e.index, e.raw):
		say("the proof in the receipt does not show this entry")
	default:
		if what := a.record.signedHead(head.checkpoint); what != "" {
			say("%s", what)
		}
	}
}

// judgePartnerReceipt checks an entry that is a partner's receipt for a
// message of ours.
func (a *auditor) judgePartnerReceipt(e *entry, say sayer) {
	l := e.leaf
	message, found := a.sent.settle(l)
	if l.direction != "in" || l.partner == "" || l.jti == "" {
		say("the leaf of a receipt lacks partner or jti, or is not inbound")
		return
	}
	if !found && a.manifest.scope.From.IsZero() {
		say("a receipt for a message that was not sent before it, or that has one already: an entry is missing or was put in")
	}
	if e.erased {
		return
	}
	j := a.verified("the receipt", e.data, typReceipt, l.partner, say)
	if j == nil {
		return
	}
	a.r.receipts++
	var data *string
	switch {
	case found && !message.erased:
		data = &message.data
	case !found:
		a.unmatched++
	}
	receiptFor(j, l.partner, a.manifest.Party, l.jti, data, say)
	a.judgePartnerProof(j, l, data, say)
}

// judgePartnerProof checks the part of a receipt that only a partner with a
// log of its own gives.
func (a *auditor) judgePartnerProof(j *verifiedJWS, l leaf, data *string, say sayer) {
	if !hasProof(j.claims) {
		return
	}
	leafText, _ := stringOf(j.claims, "leaf")
	saltText, _ := stringOf(j.claims, "salt")
	raw, errLeaf := decode64(leafText)
	salt, errSalt := decode64(saltText)
	theirs, err := parseLeaf(raw)
	if errLeaf != nil || errSalt != nil || err != nil || len(salt) != 32 {
		say("the leaf or the salt in the receipt cannot be read")
		return
	}
	seq, _ := intOf(j.claims, "seq")
	if theirs.kind != "message" || theirs.direction != "in" || theirs.partner != a.manifest.Party || theirs.jti != l.jti || theirs.seq != seq {
		say("the leaf in the receipt is of another message")
	}
	if data != nil && commit([32]byte(salt), *data) != theirs.commitment {
		say("the leaf in the receipt does not commit to the message")
	}
	text, _ := stringOf(j.claims, "proof")
	proof, ok := parseProof(text)
	if !ok {
		say("the proof in the receipt is not a tlog-proof")
		return
	}
	head := a.openHead(proof.note)
	switch keys := a.keys.of(head.origin); {
	case head.err != nil:
		say("the checkpoint in the receipt: %v", head.err)
	case !head.includes(proof.hashes, proof.index, raw):
		say("the proof in the receipt does not show its leaf")
	case len(keys) > 0 && !head.note.signedBy(keys):
		say("the checkpoint in the receipt is not signed by the log that it names")
	default:
		if len(keys) == 0 {
			a.unsigned++
		}
		if !a.agrees(l.partner, head.checkpoint) {
			say("the partner's log showed two different trees of one size")
		}
	}
}

func hasProof(claims map[string]json.RawMessage) bool {
	return claims["leaf"] != nil || claims["salt"] != nil || claims["proof"] != nil || claims["seq"] != nil
}

// maxHeads bounds the memory for partners' checkpoints; beyond it the oldest
// knowledge is dropped, and with it only a comparison among receipts.
const maxHeads = 1 << 20

// agrees says whether a partner's tree head contradicts an earlier one.
func (a *auditor) agrees(partner string, head checkpoint) bool {
	heads := a.heads[partner]
	if heads == nil || len(heads) >= maxHeads {
		heads = map[int64]checkpoint{}
		a.heads[partner] = heads
	}
	known, ok := heads[head.size]
	heads[head.size] = head
	return !ok || known.origin != head.origin || known.root == head.root
}

// An openedCheckpoint is a checkpoint with the signatures on it.
type openedCheckpoint struct {
	checkpoint
	note openedNote
	err  error
}

// openHead opens the checkpoint of a proof. The entries of one batch share
// theirs, so the last one is kept.
func (a *auditor) openHead(signed string) openedCheckpoint {
	if signed == a.lastNote && signed != "" {
		return a.lastOpened
	}
	var out openedCheckpoint
	if out.note, out.err = openNote([]byte(signed), a.keys); out.err == nil {
		out.checkpoint, out.err = parseCheckpoint(out.note.text)
	}
	a.lastNote, a.lastOpened = signed, out
	return out
}
