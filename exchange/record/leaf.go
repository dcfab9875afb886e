package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxLeaf bounds a leaf's bytes: an entry of a C2SP entry bundle has a 16-bit
// length.
const MaxLeaf = 1<<16 - 1

// leafTime is RFC 3339 in UTC with exactly three decimals.
const leafTime = "2006-01-02T15:04:05.000Z"

// leafKinds is the closed list of what an entry may be.
var leafKinds = [...]string{"message", "receipt", "refusal", "failure", "access", "event"}

// A Leaf is one entry of the record, as the Merkle tree sees it. It never
// holds personal data: what was said is behind Commitment.
type Leaf struct {
	V          int    // 1
	Kind       string // message, receipt, refusal, failure, access or event
	Partner    string
	Direction  string // in, out or none
	Seq        int64  // counts per partner and direction, from 1, without gaps
	JTI        string
	Type       string
	Case       string
	At         time.Time // kept to the millisecond, in UTC
	Commitment [32]byte  // see Commit
}

// Commit binds data without revealing it: whoever lacks the salt cannot test a
// guess, and whoever has it can open the commitment in one way only.
func Commit(salt [32]byte, data []byte) [32]byte {
	h := sha256.New()
	h.Write(salt[:])
	h.Write(data)
	return [32]byte(h.Sum(nil))
}

// LeafHash is the RFC 6962 hash of a leaf's exact bytes.
func LeafHash(leaf []byte) tlog.Hash { return tlog.RecordHash(leaf) }

// Marshal returns the leaf's exact bytes: compact JSON in a fixed order of
// members, without the empty ones. Equal leaves have equal bytes.
func (l Leaf) Marshal() []byte {
	b := make([]byte, 0, 320)
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, int64(l.V), 10)
	b = appendMember(b, `,"kind":`, l.Kind)
	b = appendMember(b, `,"partner":`, l.Partner)
	b = appendMember(b, `,"direction":`, l.Direction)
	if l.Seq != 0 {
		b = append(b, `,"seq":`...)
		b = strconv.AppendInt(b, l.Seq, 10)
	}
	b = appendMember(b, `,"jti":`, l.JTI)
	b = appendMember(b, `,"type":`, l.Type)
	b = appendMember(b, `,"case":`, l.Case)
	b = append(b, `,"at":"`...)
	b = l.At.UTC().AppendFormat(b, leafTime)
	b = append(b, `","commitment":"`...)
	b = base64.RawURLEncoding.AppendEncode(b, l.Commitment[:])
	return append(b, `"}`...)
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}

// appendString writes a JSON string with the fewest escapes. Every string has
// one form only, which is what makes a leaf's bytes canonical.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default: // a broken byte arrives, and leaves, as U+FFFD
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

var errLeaf = errors.New("not a record leaf in its one canonical form")

// ParseLeaf reads a leaf's exact bytes. It refuses whatever Marshal would not
// have written byte for byte, so a leaf has no second spelling.
func ParseLeaf(data []byte) (Leaf, error) {
	if len(data) > MaxLeaf {
		return Leaf{}, fmt.Errorf("parse a leaf: longer than %d bytes", MaxLeaf)
	}
	p := leafParser{rest: data}
	l := Leaf{V: int(p.number(`{"v":`))}
	l.Kind = p.optional(`,"kind":"`)
	l.Partner = p.optional(`,"partner":"`)
	l.Direction = p.optional(`,"direction":"`)
	if bytes.HasPrefix(p.rest, []byte(`,"seq":`)) {
		l.Seq = p.number(`,"seq":`)
	}
	l.JTI = p.optional(`,"jti":"`)
	l.Type = p.optional(`,"type":"`)
	l.Case = p.optional(`,"case":"`)
	at, err := time.Parse(leafTime, p.optional(`,"at":"`))
	if err != nil {
		p.bad = true
	}
	l.At = at
	commitment, err := base64.RawURLEncoding.Strict().DecodeString(p.optional(`,"commitment":"`))
	if err != nil || len(commitment) != len(l.Commitment) || string(p.rest) != "}" || p.bad {
		return Leaf{}, errLeaf
	}
	copy(l.Commitment[:], commitment)
	switch {
	case l.V != 1:
		return Leaf{}, fmt.Errorf("parse a leaf: version %d is unknown", l.V)
	case !slices.Contains(leafKinds[:], l.Kind):
		return Leaf{}, errors.New("parse a leaf: its kind is unknown")
	case l.Direction != "" && l.Direction != "in" && l.Direction != "out":
		return Leaf{}, errors.New("parse a leaf: its direction is neither in nor out")
	case l.Seq < 0 || !bytes.Equal(l.Marshal(), data):
		return Leaf{}, errLeaf
	}
	return l, nil
}

// A leafParser walks over the one shape that Marshal writes. It may be lax
// about spelling, because ParseLeaf compares the bytes in the end.
type leafParser struct {
	rest []byte
	bad  bool
}

func (p *leafParser) number(prefix string) int64 {
	rest, ok := bytes.CutPrefix(p.rest, []byte(prefix))
	end := bytes.IndexAny(rest, ",}")
	if !ok || end < 0 {
		p.bad = true
		return 0
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	if err != nil {
		p.bad = true
	}
	p.rest = rest[end:]
	return n
}

// optional reads the string after prefix, which includes the opening quote;
// "" when the member is absent.
func (p *leafParser) optional(prefix string) string {
	rest, ok := bytes.CutPrefix(p.rest, []byte(prefix))
	if !ok || p.bad {
		return ""
	}
	var out []byte
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			p.rest = rest[i+1:]
			if out == nil {
				return string(rest[:i])
			}
			return string(out)
		case c != '\\':
			if out != nil {
				out = append(out, c)
			}
		default:
			if out == nil {
				out = append(make([]byte, 0, len(rest)), rest[:i]...)
			}
			r, width := unescape(rest[i:])
			if width == 0 {
				p.bad = true
				return ""
			}
			out = append(out, r)
			i += width - 1
		}
	}
	p.bad = true
	return ""
}

// unescape reads one of the escapes that appendString writes, and how long it
// is; 0 when it is another.
func unescape(s []byte) (byte, int) {
	switch {
	case len(s) >= 2 && (s[1] == '"' || s[1] == '\\'):
		return s[1], 2
	case len(s) >= 6 && bytes.HasPrefix(s, []byte(`\u00`)):
		n, err := strconv.ParseUint(string(s[4:6]), 16, 8)
		if err != nil {
			return 0, 0
		}
		return byte(n), 6
	}
	return 0, 0
}
