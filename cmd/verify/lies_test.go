package main

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	typM = "repatriation+jwt"
	typR = "receipt+jwt"
)

// claimLie sets claims of the JWS of one type at one entry.
func claimLie(index int64, typ string, set map[string]any) lie {
	return lie{claims: func(i int64, got string, c map[string]any) {
		for name, value := range set {
			if i != index || got != typ {
				continue
			}
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}}
}

func headerLie(index int64, typ, name string, value any) lie {
	return lie{header: func(i int64, got string, h map[string]any) {
		if i == index && got == typ {
			if h[name] = value; value == nil {
				delete(h, name)
			}
		}
	}}
}

func jwsLie(index int64, typ string, change func(string) string) lie {
	return lie{jws: func(i int64, got, compact string) string {
		if i == index && got == typ {
			return change(compact)
		}
		return compact
	}}
}

func leafLie(index int64, change func(*testLeaf)) lie {
	return lie{leaf: func(i int64, l *testLeaf) {
		if i == index {
			change(l)
		}
	}}
}

func proofLie(index int64, change func(string) string) lie {
	return lie{proof: func(i int64, _, text string) string {
		if i == index {
			return change(text)
		}
		return text
	}}
}

// payloadLie changes the bytes of the claims and signs them well.
func payloadLie(index int64, typ, party, from, to string) lie {
	return jwsLie(index, typ, func(s string) string {
		parts := strings.Split(s, ".")
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		signed := parts[0] + "." + b64([]byte(strings.Replace(string(payload), from, to, 1)))
		return signed + "." + b64(sharedKeys()[party].raw([]byte(signed)))
	})
}

// derForm replaces the r and s of an ECDSA signature by the same in DER.
func derForm(s string) string {
	i := strings.LastIndex(s, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(s[i+1:])
	der, _ := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:len(raw)/2]), new(big.Int).SetBytes(raw[len(raw)/2:])})
	return s[:i+1] + b64(der)
}

// replaceHead puts another checkpoint into a proof.
func replaceHead(head string) func(string) string {
	return func(text string) string {
		before, _, _ := strings.Cut(text, "\n\n")
		return before + "\n\n" + head
	}
}

var vnLog, khLog = newNoteKey("vn.example/log", false), newNoteKey("kh.example/log", false)

const seqGone = "of the same partner and direction is"

var liesInTheRecord = map[string]struct {
	lie  lie
	says string
}{
	"alg none":               {headerLie(1, typM, "alg", "none"), "entry 1: its message has an algorithm that is not permitted"},
	"alg HS256":              {headerLie(1, typM, "alg", "HS256"), "entry 1: its message has an algorithm that is not permitted"},
	"alg RS256":              {headerLie(8, typM, "alg", "RS256"), "entry 8: its message has an algorithm that is not permitted"},
	"alg of another key":     {headerLie(1, typM, "alg", "ES256"), "entry 1: its message has another algorithm than its key"},
	"typ of a receipt":       {headerLie(1, typM, "typ", typR), "entry 1: its message has another typ"},
	"typ missing":            {headerLie(1, typM, "typ", nil), "entry 1: its message has a header that is not exactly"},
	"header with crit":       {headerLie(1, typM, "crit", []string{"x"}), "entry 1: its message has a header that is not exactly"},
	"header with a jwk":      {headerLie(1, typM, "jwk", map[string]any{"kty": "OKP"}), "entry 1: its message has a header that is not exactly"},
	"kid unknown":            {headerLie(1, typM, "kid", "kh-2"), "entry 1: its message names a key, kid kh-2, that is not among"},
	"kid malformed":          {headerLie(1, typM, "kid", "../kh"), "entry 1: its message has a malformed kid"},
	"kid is a number":        {headerLie(1, typM, "kid", 7), "entry 1: its message has a header that is not exactly"},
	"another's key":          {lie{key: func(i int64, typ string, k *testKey) *testKey { return cmpKey(i == 1 && typ == typM, "LA", k) }}, "entry 1: its message names a key"},
	"DER signature":          {jwsLie(2, typM, derForm), "entry 2: its message has a signature that does not hold"},
	"DER signature ES384":    {jwsLie(4, typM, derForm), "entry 4: its message has a signature that does not hold"},
	"signature of zeros":     {jwsLie(2, typM, func(s string) string { return s[:strings.LastIndex(s, ".")+1] + b64(make([]byte, 64)) }), "entry 2: its message has a signature that does not hold"},
	"signature edited RSA":   {jwsLie(8, typM, func(s string) string { return s[:len(s)-8] + "AAAAAAAA" }), "entry 8: its message has a signature that does not hold"},
	"signature too long":     {jwsLie(2, typM, func(s string) string { return s + "AAAA" }), "entry 2: its message has a signature that does not hold"},
	"no signature":           {jwsLie(2, typM, func(s string) string { return s[:strings.LastIndex(s, ".")+1] }), "entry 2: its message is not a compact JWS"},
	"four parts":             {jwsLie(2, typM, func(s string) string { return s + ".AAAA" }), "entry 2: its message is not a compact JWS"},
	"line end in the JWS":    {jwsLie(2, typM, func(s string) string { return s + "\n" }), "entry 2: its message is not in canonical base64url"},
	"padding in the JWS":     {jwsLie(2, typM, func(s string) string { return s + "==" }), "entry 2: its message is not in canonical base64url"},
	"loose base64":           {jwsLie(1, typM, func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]+1) }), "entry 1: its message is not in canonical base64url"},
	"claim name twice":       {payloadLie(1, typM, "KH", `"iss":"KH"`, `"iss":"LA","iss":"KH"`), "entry 1: its message has claims that are not one JSON object"},
	"claim name in capitals": {payloadLie(1, typM, "KH", `"iss":"KH"`, `"ISS":"KH"`), "entry 1: the claim iss of its message"},
	"claims of broken UTF-8": {payloadLie(1, typM, "KH", `A1`, "A\xff"), "entry 1: its message has claims that are not one JSON object"},
	"claims are an array":    {payloadLie(1, typM, "KH", `{`, `[{`), "entry 1: its message has claims that are not one JSON object"},
	"iss of another":         {claimLie(1, typM, map[string]any{"iss": "LA"}), "entry 1: the claim iss of its message"},
	"aud of another":         {claimLie(1, typM, map[string]any{"aud": "LA"}), "entry 1: the claim aud of its message"},
	"aud is a list":          {claimLie(1, typM, map[string]any{"aud": []string{"VN"}}), "entry 1: the claim aud of its message"},
	"jti of another":         {claimLie(1, typM, map[string]any{"jti": "kh-message-2"}), "entry 1: the claim jti of its message"},
	"type of another":        {claimLie(1, typM, map[string]any{"type": "other"}), "entry 1: the claim type of its message"},
	"case of another":        {claimLie(2, typM, map[string]any{"case": nil}), "entry 2: the claim case of its message"},
	"out as if in":           {claimLie(2, typM, map[string]any{"iss": "KH", "aud": "VN"}), "entry 2: the claim iss of its message"},

	"seq gap":              {leafLie(4, func(l *testLeaf) { l.seq = 2 }), "entry 4: the seq before it " + seqGone + " 0, not 1"},
	"seq gap later":        {leafLie(6, func(l *testLeaf) { l.seq = 9 }), "entry 6: the seq before it " + seqGone + " 2, not 8"},
	"seq repeated":         {leafLie(6, func(l *testLeaf) { l.seq = 2 }), "entry 6: its seq is not above"},
	"seq missing":          {leafLie(0, func(l *testLeaf) { l.seq = 0 }), "entry 0: it has no seq"},
	"seq negative":         {leafLie(0, func(l *testLeaf) { l.seq = -4 }), "entry 0: the leaf has an unknown kind or direction"},
	"direction unknown":    {leafLie(0, func(l *testLeaf) { l.direction = "up" }), "entry 0: the leaf has an unknown kind or direction"},
	"time with no decimal": {leafLie(0, func(l *testLeaf) { l.typ = "x\",\"at\":\"2026" }), "entry 0: the leaf is not in its one canonical form"},
	"message of no case":   {leafLie(1, func(l *testLeaf) { l.caseID = "" }), "entry 1: the leaf of a message lacks"},
	"message twice":        {leafLie(10, func(l *testLeaf) { l.jti = "la-message-1" }), "entry 10: a message of this jti was recorded before"},
	"receipt outbound":     {leafLie(3, func(l *testLeaf) { l.direction = "out" }), "entry 3: the leaf of a receipt lacks"},
	"receipt of no message": {leafLie(3, func(l *testLeaf) { l.jti = "vn-message-9" }),
		"entry 3: a receipt for a message that was not sent before it"},

	"receipt for other bytes":    {claimLie(1, typR, map[string]any{"message_sha256": b64(make([]byte, 32))}), "entry 1: the receipt's message_sha256 is not the hash of the message"},
	"receipt without hash":       {claimLie(1, typR, map[string]any{"message_sha256": nil}), "entry 1: the receipt's message_sha256 is not a hash"},
	"receipt of another issuer":  {claimLie(1, typR, map[string]any{"iss": "KH"}), "entry 1: the claim iss of the receipt"},
	"receipt for another":        {claimLie(1, typR, map[string]any{"aud": "LA"}), "entry 1: the claim aud of the receipt"},
	"receipt of another message": {claimLie(1, typR, map[string]any{"message": "kh-message-2"}), "entry 1: the claim message of the receipt"},
	"receipt jti":                {claimLie(1, typR, map[string]any{"jti": "x"}), "entry 1: the claim jti of the receipt"},
	"receipt time":               {claimLie(1, typR, map[string]any{"iat": 1}), "entry 1: the receipt's time is not the entry's"},
	"receipt time in words":      {claimLie(1, typR, map[string]any{"iat": "now"}), "entry 1: the receipt does not say when"},
	"receipt leaf":               {claimLie(1, typR, map[string]any{"leaf": "AAAA"}), "entry 1: the leaf in the receipt is not the entry's"},
	"receipt salt":               {claimLie(1, typR, map[string]any{"salt": b64(make([]byte, 32))}), "entry 1: the salt in the receipt is not the entry's"},
	"receipt seq":                {claimLie(1, typR, map[string]any{"seq": 7}), "entry 1: the seq in the receipt is not the entry's"},
	"receipt without proof":      {claimLie(1, typR, map[string]any{"proof": nil}), "entry 1: the proof in the receipt is not a tlog-proof"},
	"receipt typ":                {headerLie(1, typR, "typ", typM), "entry 1: its receipt has another typ"},
	"receipt by another key": {lie{key: func(i int64, typ string, k *testKey) *testKey { return cmpKey(i == 1 && typ == typR, "KH", k) }},
		"entry 1: its receipt names a key"},
	"receipt proof index": {proofLie(4, func(s string) string { return strings.Replace(s, "index 4", "index 3", 1) }), "entry 4: the proof in the receipt does not show this entry"},
	"receipt proof form":  {proofLie(4, func(s string) string { return strings.Replace(s, "index 4", "index 04", 1) }), "entry 4: the proof in the receipt is not a tlog-proof"},
	"receipt proof huge":  {proofLie(4, replaceHead(vnLog.head(1<<62+1, tlog.Hash{}))), "entry 4: the checkpoint in the receipt: its tree is larger than any log"},
	"receipt head forged": {proofLie(4, replaceHead(khLog.head(5, tlog.Hash{}))), "entry 4: the checkpoint in the receipt is not signed by this log"},
	"receipt head unsigned": {proofLie(4, func(s string) string { return s[:len(s)-9] + "AAAAAA==\n" }),
		"entry 4: the checkpoint in the receipt: its signature does not hold"},

	"partner's receipt for other bytes": {claimLie(3, typR, map[string]any{"message_sha256": b64(make([]byte, 32))}), "entry 3: the receipt's message_sha256 is not the hash"},
	"partner's receipt of another":      {claimLie(7, typR, map[string]any{"iss": "KH"}), "entry 7: the claim iss of the receipt"},
	"partner's receipt salt":            {claimLie(3, typR, map[string]any{"salt": b64(make([]byte, 32))}), "entry 3: the leaf in the receipt does not commit to the message"},
	"partner's receipt salt missing":    {claimLie(3, typR, map[string]any{"salt": nil}), "entry 3: the leaf or the salt in the receipt cannot be read"},
	"partner's receipt seq":             {claimLie(3, typR, map[string]any{"seq": 5}), "entry 3: the leaf in the receipt is of another message"},
	"partner's receipt proof missing":   {claimLie(3, typR, map[string]any{"proof": nil}), "entry 3: the proof in the receipt is not a tlog-proof"},
	"partner's proof of another leaf":   {proofLie(14, func(s string) string { return strings.Replace(s, "index 1", "index 0", 1) }), "entry 14: the proof in the receipt does not show its leaf"},
	"partner's head is no note":         {proofLie(3, replaceHead("x")), "entry 3: the checkpoint in the receipt: it is not a signed note"},
}

// The record itself holds what should never have been recorded: every hash and
// every proof of the log is right, and only the content is wrong.
func TestLiesInTheRecord(t *testing.T) {
	for name, c := range liesInTheRecord {
		t.Run(name, func(t *testing.T) {
			expect(t, zipOf(play(c.lie).export(testScope{}, nil).seal()), 1, c.says)
		})
	}
}

func cmpKey(swap bool, party string, k *testKey) *testKey {
	if swap {
		return sharedKeys()[party]
	}
	return k
}

// The log signed two trees, and only receipts still show the other one.
func TestSplitView(t *testing.T) {
	log := newNoteKey("vn.example/log", false)
	other := func(index int64) lie { // a tree of the same size in which entry 0 is another
		return lie{proof: func(i int64, party, text string) string {
			if i != index || party != "VN" {
				return text
			}
			w := play(lie{})
			tree := &testTree{}
			tree.add([]byte("another entry 0"))
			for _, l := range w.lines[1 : i+1] {
				tree.add([]byte(l.Leaf))
			}
			return proofOf(tree, log, i)
		}}
	}
	// PS256 is not deterministic, so only what is before GB can be made again.
	archive := zipOf(play(other(1)).export(testScope{}, nil).seal())
	expect(t, archive, 1, "receipts were given under a tree of size 2 that is not the beginning of this one")
	w := newWorld(other(1))
	w.other("event", "", "in", "started-1")
	w.in("KH", "kh-message-1")
	expect(t, zipOf(w.export(testScope{}, nil).seal()), 1, "the log signed two different trees of one size")
}

func TestPartnersSplitView(t *testing.T) {
	w := newWorld(lie{})
	w.out("KH", "vn-message-1")
	w.out("KH", "vn-message-2")
	w.receipt("KH", "vn-message-1")
	w.trees["KH"] = &testTree{} // KH begins again, and shows another tree of size 1
	w.receipt("KH", "vn-message-2")
	expect(t, zipOf(w.export(testScope{}, nil).seal()), 1, "entry 3: the partner's log showed two different trees of one size")
}

func TestPartnersLogKey(t *testing.T) {
	forged := *newNoteKey("kh.example/log", false)
	forged.private = newNoteKey("evil.example/log", false).private
	w := newWorld(lie{})
	w.others["KH"] = &forged
	w.out("KH", "vn-message-1")
	w.receipt("KH", "vn-message-1")
	archive := zipOf(w.export(testScope{}, nil).seal())
	keys := w.log.vkey + "\n" + newNoteKey("kh.example/log", false).vkey
	if got := verifyZip(t, archive, keys); got.code != 1 || !strings.Contains(got.stdout, "entry 1: the checkpoint in the receipt: its signature does not hold") {
		t.Errorf("code %d\n%s", got.code, got.stdout)
	}
}

// A checkpoint in the name of the partner's log that somebody else signed.
func TestPartnersLogNameBorrowed(t *testing.T) {
	evil := newNoteKey("evil.example/log", false)
	w := newWorld(proofLie(1, func(text string) string {
		head, _, _ := strings.Cut(text[strings.Index(text, "\n\n")+2:], "\n\n")
		return replaceHead(evil.sign(head + "\n"))(text)
	}))
	w.out("KH", "vn-message-1")
	w.receipt("KH", "vn-message-1")
	keys := w.log.vkey + "\n" + w.others["KH"].vkey
	got := verifyZip(t, zipOf(w.export(testScope{}, nil).seal()), keys)
	if got.code != 1 || !strings.Contains(got.stdout, "entry 1: the checkpoint in the receipt is not signed by the log that it names") {
		t.Errorf("code %d\n%s", got.code, got.stdout)
	}
}

// A scope that claims less lets less be known, and what it claims is checked.
func TestScopesThatLie(t *testing.T) {
	kh := func(l testLeaf) bool { return l.partner == "KH" }
	for name, c := range map[string]struct {
		scope testScope
		keep  func(testLeaf) bool
		says  string
	}{
		"partner, one left out":   {testScope{Partner: "KH"}, func(l testLeaf) bool { return kh(l) && l.kind != "refusal" }, "entry 14: the seq before it of the same partner and direction is 2, not 3"},
		"partner, first left out": {testScope{Partner: "KH"}, func(l testLeaf) bool { return kh(l) && l.jti != "vn-message-1" }, "entry 13: the seq before it of the same partner and direction is 0, not 1"},
		"period, one left out":    {testScope{To: "2027-01-01T00:00:00Z"}, func(l testLeaf) bool { return l.partner != "CN" }, "entry 5: the entries from 4 to 4"},
		"period, first left out":  {testScope{To: "2027-01-01T00:00:00Z"}, func(l testLeaf) bool { return l.kind != "event" }, "entry 1: the entries from 0 to 0"},
		"period, end left out":    {testScope{From: "2026-01-01T00:00:00Z"}, func(l testLeaf) bool { return l.kind != "access" }, "the entries after 14 are missing"},
		"another period":          {testScope{From: "2027-01-01T00:00:00Z"}, nil, "entry 0: it is outside the scope"},
		"another case":            {testScope{Case: "case-of-kh-message-1"}, kh, "entry 2: it is outside the scope"},
		"whole, a partner's only": {testScope{}, kh, "the root that all leaves make together is not the checkpoint's"},
		"nothing":                 {testScope{Partner: "ZZ"}, func(testLeaf) bool { return false }, "it has 0 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, zipOf(play(lie{}).export(c.scope, c.keep).seal()), 1, c.says)
		})
	}
}
