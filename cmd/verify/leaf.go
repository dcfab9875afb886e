package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// A leaf is one entry of the log as its tree sees it.
type leaf struct {
	kind, partner, direction string
	seq                      int64
	jti, typ, caseID         string
	at                       time.Time
	commitment               [32]byte
}

// leafTime is RFC 3339 in UTC with exactly three decimals.
const leafTime = "2006-01-02T15:04:05.000Z"

var (
	errLeaf    = errors.New("the leaf is not in its one canonical form")
	leafNames  = []string{"v", "kind", "partner", "direction", "seq", "jti", "type", "case", "at", "commitment"}
	leafKinds  = []string{"message", "receipt", "refusal", "failure", "access", "event"}
	directions = []string{"", "in", "out"}
)

// parseLeaf reads a leaf's exact bytes. It writes what it understood again and
// compares, so that two spellings of one leaf cannot both be accepted.
func parseLeaf(data []byte) (leaf, error) {
	if len(data) > 1<<16-1 {
		return leaf{}, errors.New("the leaf is too long")
	}
	m, err := strictObject(data)
	if err != nil {
		return leaf{}, errLeaf
	}
	text := func(name string) string { s, _ := stringOf(m, name); return s }
	l := leaf{
		kind: text("kind"), partner: text("partner"), direction: text("direction"),
		jti: text("jti"), typ: text("type"), caseID: text("case"),
	}
	l.seq, _ = intOf(m, "seq")
	at, atErr := time.Parse(leafTime, text("at"))
	commitment, err := decode64(text("commitment"))
	if atErr != nil || err != nil || len(commitment) != len(l.commitment) {
		return leaf{}, errLeaf
	}
	l.at, l.commitment = at, [32]byte(commitment)
	for name := range m {
		if !slices.Contains(leafNames, name) {
			return leaf{}, errLeaf
		}
	}
	switch {
	case string(m["v"]) != "1":
		return leaf{}, errors.New("the leaf is of an unknown version")
	case !slices.Contains(leafKinds, l.kind) || !slices.Contains(directions, l.direction) || l.seq < 0:
		return leaf{}, errors.New("the leaf has an unknown kind or direction")
	case !bytes.Equal(l.bytes(), data):
		return leaf{}, errLeaf
	}
	return l, nil
}

// bytes writes the leaf: compact, in a fixed order, without empty members.
func (l leaf) bytes() []byte {
	b := []byte(`{"v":1`)
	add := func(name, value string) {
		if value != "" {
			b = appendString(append(b, `,"`+name+`":`...), value)
		}
	}
	add("kind", l.kind)
	add("partner", l.partner)
	add("direction", l.direction)
	if l.seq != 0 {
		b = strconv.AppendInt(append(b, `,"seq":`...), l.seq, 10)
	}
	add("jti", l.jti)
	add("type", l.typ)
	add("case", l.caseID)
	add("at", l.at.UTC().Format(leafTime))
	add("commitment", encode64(l.commitment[:]))
	return append(b, '}')
}

// appendString writes a JSON string with the fewest escapes: the quote, the
// backslash and the control characters, those as \u00xx.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// commit is the commitment to data: SHA-256 of the salt and then the data.
func commit(salt [32]byte, data string) [32]byte {
	h := sha256.New()
	_, _ = h.Write(salt[:]) // a hash does not fail
	_, _ = h.Write([]byte(data))
	return [32]byte(h.Sum(nil))
}

// An entryLine is one line of entries.jsonl.
type entryLine struct {
	Index   int64    `json:"index"`
	Leaf    string   `json:"leaf"`
	Proof   []string `json:"proof"`
	Data    string   `json:"data"`
	Salt    string   `json:"salt"`
	Receipt string   `json:"receipt"`
	Erased  bool     `json:"erased"`
}

// An entry is a line that was understood.
type entry struct {
	index   int64
	raw     []byte // the leaf's exact bytes
	leaf    leaf
	proof   tlog.RecordProof
	data    string
	salt    [32]byte
	hasSalt bool
	receipt string
	erased  bool
}

// parseLine reads a line. The index is returned, where there is one, also with
// an error, so that the finding can name it.
func parseLine(line []byte) (e entry, hasIndex bool, err error) {
	var l entryLine
	m, err := decodeClosed(line, &l, "index", "leaf", "proof", "data", "salt", "receipt", "erased")
	if index, ok := intOf(m, "index"); ok {
		e.index, hasIndex = index, index >= 0 && index < maxTree
	}
	switch {
	case err != nil:
		return e, hasIndex, errors.New("the line cannot be read: " + err.Error())
	case !hasIndex:
		return e, false, errors.New("the line has no usable index")
	case len(m["proof"]) == 0 || m["proof"][0] != '[':
		return e, true, errors.New("the line has no inclusion proof")
	}
	e.raw, e.data, e.receipt, e.erased = []byte(l.Leaf), l.Data, l.Receipt, l.Erased
	if e.leaf, err = parseLeaf(e.raw); err != nil {
		return e, true, err
	}
	for _, s := range l.Proof {
		h, ok := decodeHash(s)
		if !ok {
			return e, true, errors.New("a hash of its inclusion proof cannot be read")
		}
		e.proof = append(e.proof, h)
	}
	return e, true, e.setSalt(l, m)
}

// setSalt reads the salt, which is there exactly when the entry is not erased.
func (e *entry) setSalt(l entryLine, m map[string]json.RawMessage) error {
	if l.Erased {
		if m["data"] != nil || m["salt"] != nil || m["receipt"] != nil {
			return errors.New("it is marked erased and yet has data, a salt or a receipt")
		}
		return nil
	}
	salt, err := decode64(l.Salt)
	if err != nil || len(salt) != len(e.salt) {
		return errors.New("its salt is not 32 bytes of base64url")
	}
	e.salt, e.hasSalt = [32]byte(salt), true
	return nil
}
