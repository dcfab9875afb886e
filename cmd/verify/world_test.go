package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// This file writes bundles, and lies in them on request. It shares no code
// with the gateway, nor with the verifier beside it: it is a third reading of
// the format.

// secret stands in every message; no output may ever hold it.
const secret = "Nguyen Thi Bi Mat 1999-01-02"

var b64 = base64.RawURLEncoding.EncodeToString

// A testTree is a log's tree with all its hashes.
type testTree struct {
	size   int64
	hashes []tlog.Hash
}

func (t *testTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		out[i] = t.hashes[n]
	}
	return out, nil
}

func (t *testTree) add(leaf []byte) {
	more, err := tlog.StoredHashesForRecordHash(t.size, tlog.RecordHash(leaf), t)
	if err != nil {
		panic(err)
	}
	t.hashes = append(t.hashes, more...)
	t.size++
}

func (t *testTree) root() tlog.Hash {
	h, err := tlog.TreeHash(t.size, t)
	if err != nil {
		panic(err)
	}
	return h
}

func (t *testTree) prove(index int64) []tlog.Hash {
	p, err := tlog.ProveRecord(t.size, index, t)
	if err != nil {
		panic(err)
	}
	return p
}

// A testLeaf is a leaf in the making.
type testLeaf struct {
	kind, partner, direction string
	seq                      int64
	jti, typ, caseID         string
	at                       time.Time
	commitment               [32]byte
}

func (l testLeaf) String() string {
	out := `{"v":1`
	add := func(name, value string) {
		if value != "" {
			out += `,"` + name + `":` + value
		}
	}
	text := func(s string) string {
		if s == "" {
			return ""
		}
		return `"` + s + `"`
	}
	add("kind", text(l.kind))
	add("partner", text(l.partner))
	add("direction", text(l.direction))
	if l.seq != 0 {
		add("seq", strconv.FormatInt(l.seq, 10))
	}
	add("jti", text(l.jti))
	add("type", text(l.typ))
	add("case", text(l.caseID))
	add("at", text(l.at.UTC().Format("2006-01-02T15:04:05.000Z")))
	add("commitment", text(b64(l.commitment[:])))
	return out + "}"
}

// A testLine is a line of entries.jsonl.
type testLine struct {
	Index   int64    `json:"index"`
	Leaf    string   `json:"leaf"`
	Proof   []string `json:"proof"`
	Data    string   `json:"data,omitempty"`
	Salt    string   `json:"salt,omitempty"`
	Receipt string   `json:"receipt,omitempty"`
	Erased  bool     `json:"erased,omitempty"`
}

func (l testLine) String() string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic(err)
	}
	return buf.String()
}

// A lie changes what a world records, before it is hashed and signed.
type lie struct {
	header func(index int64, typ string, h map[string]any)
	claims func(index int64, typ string, c map[string]any)
	jws    func(index int64, typ, compact string) string
	key    func(index int64, typ string, k *testKey) *testKey
	leaf   func(index int64, l *testLeaf)
	proof  func(index int64, party, text string) string
}

// A world is a gateway VN with partners and its record.
type world struct {
	lie     lie
	keys    map[string]*testKey
	log     *testNoteKey
	others  map[string]*testNoteKey // partners' logs
	trees   map[string]*testTree
	tree    *testTree
	lines   []testLine
	leaves  []testLeaf
	seqs    map[string]int64
	sent    map[string]string
	clock   time.Time
	parties map[string]bool
	now     int64 // the index of the entry in the making, by which lies know it
}

func newWorld(l lie) *world {
	return &world{
		lie: l, keys: sharedKeys(), log: newNoteKey("vn.example/log", false), tree: &testTree{},
		others: map[string]*testNoteKey{"KH": newNoteKey("kh.example/log", false)},
		trees:  map[string]*testTree{"KH": {}},
		seqs:   map[string]int64{}, sent: map[string]string{}, parties: map[string]bool{"VN": true},
		clock: time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC),
	}
}

// sign makes a compact JWS of a party.
func (w *world) sign(party, typ string, claims map[string]any) string {
	index, key := w.now, w.keys[party]
	if w.lie.key != nil {
		key = w.lie.key(index, typ, key)
	}
	header := map[string]any{"alg": key.alg, "kid": key.kid, "typ": typ}
	if w.lie.header != nil {
		w.lie.header(index, typ, header)
	}
	if w.lie.claims != nil {
		w.lie.claims(index, typ, claims)
	}
	h, err1 := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	if err := cmp.Or(err1, err2); err != nil {
		panic(err)
	}
	signed := b64(h) + "." + b64(c)
	out := signed + "." + b64(key.raw([]byte(signed)))
	if w.lie.jws != nil {
		out = w.lie.jws(index, typ, out)
	}
	return out
}

// record appends an entry and returns its place in lines.
func (w *world) record(l testLeaf, data string) int {
	w.clock = w.clock.Add(1500 * time.Millisecond)
	lane := l.partner + " " + l.direction
	w.seqs[lane]++
	index := w.tree.size
	salt := sha256.Sum256(fmt.Appendf(nil, "salt %d", index))
	l.seq, l.at, l.commitment = w.seqs[lane], w.clock, sha256.Sum256(append(salt[:], data...))
	if w.lie.leaf != nil {
		w.lie.leaf(index, &l)
		w.seqs[lane] = l.seq
	}
	if l.partner != "" {
		w.parties[l.partner] = true
	}
	leaf := l.String()
	w.tree.add([]byte(leaf))
	w.leaves = append(w.leaves, l)
	w.lines = append(w.lines, testLine{Index: index, Leaf: leaf, Data: data, Salt: b64(salt[:])})
	return len(w.lines) - 1
}

func message(from, to, jti string) map[string]any {
	return map[string]any{
		"iss": from, "aud": to, "jti": jti, "iat": 1795000000, "exp": 1795600000, "type": "identity_verification_request",
		"case": "case-of-" + jti, "agreement": "A1", "purpose": "repatriation", "body": map[string]any{"name": secret, "iss": "not a claim"},
	}
}

// proofOf is the tlog-proof text for an entry under the tree as it is now.
func proofOf(tree *testTree, key *testNoteKey, index int64) string {
	out := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range tree.prove(index) {
		out += base64.StdEncoding.EncodeToString(h[:]) + "\n"
	}
	return out + "\n" + key.head(tree.size, tree.root())
}

// in records a message of a partner, and the receipt that is given for it.
func (w *world) in(partner, jti string) {
	w.now = w.tree.size
	data := w.sign(partner, "repatriation+jwt", message(partner, "VN", jti))
	n := w.record(testLeaf{kind: "message", partner: partner, direction: "in", jti: jti, typ: "identity_verification_request", caseID: "case-of-" + jti}, data)
	index := w.now
	line := &w.lines[n]
	sum := sha256.Sum256([]byte(data))
	text := proofOf(w.tree, w.log, index)
	if w.lie.proof != nil {
		text = w.lie.proof(index, "VN", text)
	}
	line.Receipt = w.sign("VN", "receipt+jwt", map[string]any{
		"iss": "VN", "aud": partner, "jti": "r-" + jti, "iat": w.leaves[n].at.Unix(), "message": jti, "message_sha256": b64(sum[:]),
		"seq": w.leaves[n].seq, "leaf": b64([]byte(line.Leaf)), "salt": line.Salt, "proof": text,
	})
}

// out records a message of ours.
func (w *world) out(partner, jti string) {
	w.now = w.tree.size
	data := w.sign("VN", "repatriation+jwt", message("VN", partner, jti))
	w.sent[partner+jti] = data
	w.record(testLeaf{kind: "message", partner: partner, direction: "out", jti: jti, typ: "identity_verification_request", caseID: "case-of-" + jti}, data)
}

// receipt records a partner's receipt for a message of ours.
func (w *world) receipt(partner, jti string) {
	w.now = w.tree.size
	data := w.sent[partner+jti]
	sum := sha256.Sum256([]byte(data))
	claims := map[string]any{
		"iss": partner, "aud": "VN", "jti": "r-" + jti, "iat": w.clock.Unix(), "message": jti, "message_sha256": b64(sum[:]),
	}
	if key := w.others[partner]; key != nil {
		tree := w.trees[partner]
		salt := sha256.Sum256([]byte("their salt of " + jti))
		leaf := testLeaf{
			kind: "message", partner: "VN", direction: "in", seq: tree.size + 1, jti: jti, typ: "identity_verification_request",
			caseID: "case-of-" + jti, at: w.clock, commitment: sha256.Sum256(append(salt[:], data...)),
		}.String()
		tree.add([]byte(leaf))
		text := proofOf(tree, key, tree.size-1)
		if w.lie.proof != nil {
			text = w.lie.proof(w.now, partner, text)
		}
		claims["seq"], claims["leaf"], claims["salt"], claims["proof"] = tree.size, b64([]byte(leaf)), b64(salt[:]), text
	}
	w.record(testLeaf{kind: "receipt", partner: partner, direction: "in", jti: jti, typ: "identity_verification_request", caseID: "case-of-" + jti},
		w.sign(partner, "receipt+jwt", claims))
}

// other records what is no message.
func (w *world) other(kind, partner, direction, jti string) {
	w.record(testLeaf{kind: kind, partner: partner, direction: direction, jti: jti, typ: "some_type"}, `{"reason":"`+secret+`"}`)
}

// erase forgets an entry as an erasure does.
func (w *world) erase(n int) {
	l := &w.lines[n]
	l.Data, l.Salt, l.Receipt, l.Erased = "", "", "", true
}

// play fills a world with one of everything.
func play(l lie) *world {
	w := newWorld(l)
	w.other("event", "", "in", "started-1")  // 0
	w.in("KH", "kh-message-1")               // 1
	w.out("KH", "vn-message-1")              // 2
	w.receipt("KH", "vn-message-1")          // 3
	w.in("CN", "cn-message-1")               // 4
	w.out("GB", "vn-message-2")              // 5
	w.other("refusal", "KH", "in", "bad-12") // 6
	w.receipt("GB", "vn-message-2")          // 7
	w.in("GB", "gb-message-1")               // 8
	w.in("LA", "la-message-1")               // 9
	w.in("LA", "la-message-2")               // 10
	w.out("LA", "vn-message-3")              // 11
	w.other("failure", "LA", "out", "vn-message-3")
	w.out("KH", "vn-message-4")     // 13
	w.receipt("KH", "vn-message-4") // 14
	w.other("access", "", "out", "access-1")
	return w
}

// playSmall is deterministic and quick to judge.
func playSmall() *world {
	w := newWorld(lie{key: func(_ int64, _ string, k *testKey) *testKey {
		if k.kid == "vn-1" {
			return sharedKeys()["XX"] // an Ed25519 key of the same kid
		}
		return k
	}})
	w.in("KH", "kh-message-1")
	w.out("KH", "vn-message-1")
	w.receipt("KH", "vn-message-1")
	w.other("access", "", "out", "access-1")
	return w
}

func small() []testFile {
	w := playSmall()
	p := w.export(testScope{}, nil)
	p.keys["VN"] = []map[string]any{sharedKeys()["XX"].jwk}
	return p.seal()
}
