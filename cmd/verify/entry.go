package main

import (
	"crypto/sha256"
	"errors"
	"time"
)

// judgeLine judges one line of entries.jsonl. An error means that the bundle
// is more than this program can hold.
func (a *auditor) judgeLine(n int64, line []byte) error {
	e, hasIndex, err := parseLine(line)
	if !hasIndex {
		a.r.find(fileEntries, "line %d: %v", n, err)
		return nil
	}
	say := func(format string, args ...any) { a.r.findAt(fileEntries, e.index, format, args...) }
	wrong, placed := a.record.place(e.index)
	for _, what := range wrong {
		say("%s", what)
	}
	a.r.entries++
	if err != nil {
		say("%v", err)
		return nil
	}
	if placed {
		for _, what := range a.record.follow(&e) {
			say("%s", what)
		}
	}
	if !a.checkpoint.includes(e.proof, e.index, e.raw) {
		say("its leaf is not proved to be in the tree: the leaf, its index or its proof was altered")
	}
	if e.hasSalt && commit(e.salt, e.data) != e.leaf.commitment {
		say("its data and salt are not what its leaf commits to: one of them was altered")
	}
	switch {
	case e.erased:
		a.r.erased++
	case e.leaf.kind == "message" && e.leaf.direction == "in" && e.receipt == "":
		say("an inbound message without the receipt that was given for it")
	case e.receipt != "" && (e.leaf.kind != "message" || e.leaf.direction != "in"):
		say("a receipt at an entry for which none is given")
	}
	err = a.judgeKind(&e, say)
	if placed {
		for _, what := range a.record.grow(e.raw) {
			say("%s", what)
		}
	}
	return err
}

// A sayer records a finding about the entry at hand.
type sayer func(format string, args ...any)

// judgeKind judges what is particular to a kind.
func (a *auditor) judgeKind(e *entry, say sayer) error {
	switch e.leaf.kind {
	case "message":
		a.r.messages++
		return a.judgeMessage(e, say)
	case "receipt":
		a.judgePartnerReceipt(e, say)
	case "failure":
		// The message goes on waiting: somebody may send it again, and then its
		// receipt comes after all.
		if !a.sent.waits(e.leaf) && a.manifest.scope.From.IsZero() {
			say("a failure of a message that was not sent before it, or that has its receipt: an entry is missing or was put in")
		}
	}
	return nil
}

// judgeMessage checks a message's signature and that its claims are the leaf's.
func (a *auditor) judgeMessage(e *entry, say sayer) error {
	l := e.leaf
	if l.partner == "" || l.direction == "" || l.jti == "" || l.typ == "" || l.caseID == "" {
		say("the leaf of a message lacks partner, direction, jti, type or case")
		return nil
	}
	if !a.sent.firstTime(l) {
		say("a message of this jti was recorded before; a message is recorded once")
	}
	issuer, audience := l.partner, a.manifest.Party
	if l.direction == "out" {
		issuer, audience = audience, issuer
		if err := a.sent.add(e); err != nil {
			return err
		}
	}
	if e.erased {
		return nil
	}
	j := a.verified("its message", e.data, typMessage, issuer, say)
	if j == nil {
		return nil
	}
	if !j.key.validAt(l.at) {
		say("its message was signed with a key, kid %s, that was not valid at the time", j.key.kid)
	}
	for _, c := range []struct{ name, want string }{{"iss", issuer}, {"aud", audience}, {"jti", l.jti}, {"type", l.typ}, {"case", l.caseID}} {
		if got, ok := stringOf(j.claims, c.name); !ok || got != c.want {
			say("the claim %s of its message is not what its leaf says", c.name)
		}
	}
	if l.direction == "in" && e.receipt != "" {
		a.judgeOurReceipt(e, say)
	}
	return nil
}

// A verifiedJWS is a JWS whose signature holds, with its key.
type verifiedJWS struct {
	*jws
	key *partyKey
}

// verified opens a JWS of a party; nil, and a finding, when it does not hold.
func (a *auditor) verified(what, compact, typ, party string, say sayer) *verifiedJWS {
	j, err := parseJWS(compact, typ)
	if err != nil {
		say("%s %v", what, err)
		return nil
	}
	key, err := j.verify(a.ring[party])
	if err != nil {
		say("%s %v", what, err)
		return nil
	}
	return &verifiedJWS{j, key}
}

// maxUnsettled bounds the sent messages that are held until their receipt
// comes: far more than are ever under way at one time.
const maxUnsettled = 1 << 30

// A sentMessage is a message of ours that waits for its receipt.
type sentMessage struct {
	data   string
	erased bool
}

// sentMessages remembers what later entries speak of. Each message is known by
// its partner and jti.
type sentMessages struct {
	waiting map[[2]string]sentMessage
	bytes   int
	seen    map[[16]byte]bool // all messages, as short hashes: there may be millions
}

// firstTime says whether a message's partner, direction and jti are new.
func (s *sentMessages) firstTime(l leaf) bool {
	if s.seen == nil {
		s.seen = map[[16]byte]bool{}
	}
	sum := sha256.Sum256([]byte(l.partner + "\n" + l.direction + "\n" + l.jti))
	key := [16]byte(sum[:16])
	first := !s.seen[key]
	s.seen[key] = true
	return first
}

var errUnsettled = errors.New("it has more unanswered messages than fit into memory")

func (s *sentMessages) add(e *entry) error {
	if s.waiting == nil {
		s.waiting = map[[2]string]sentMessage{}
	}
	key := [2]string{e.leaf.partner, e.leaf.jti}
	if s.bytes += len(e.data) - len(s.waiting[key].data); s.bytes > maxUnsettled {
		return errUnsettled
	}
	s.waiting[key] = sentMessage{e.data, e.erased}
	return nil
}

// waits says whether the message that an entry is about has no receipt yet.
func (s *sentMessages) waits(l leaf) bool {
	_, ok := s.waiting[[2]string{l.partner, l.jti}]
	return ok
}

// settle returns the message that a receipt is about, and forgets it: a message
// has one receipt.
func (s *sentMessages) settle(l leaf) (sentMessage, bool) {
	key := [2]string{l.partner, l.jti}
	m, ok := s.waiting[key]
	delete(s.waiting, key)
	s.bytes -= len(m.data)
	return m, ok
}

// unixSeconds compares a claim of whole seconds with a time of the record.
func unixSeconds(claim int64, at time.Time) bool { return claim == at.Unix() }
