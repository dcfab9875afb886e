package record

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func TestProofText(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 600, 64)
	hashes, err := InclusionProof(ctx, m, m.size, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range [][]byte{nil, {}, []byte("synthetic")} {
		text := FormatProof(300, hashes, m.head, extra)
		want := torchwood.FormatProof(300, hashes, m.head)
		if extra != nil {
			want = torchwood.FormatProofWithExtraData(300, extra, hashes, m.head)
		}
		if !bytes.Equal(text, want) {
			t.Errorf("the proof is\n%s\nnot\n%s", text, want)
		}
		p, err := ParseProof(text)
		if err != nil || (p.Extra == nil) != (extra == nil) || !bytes.Equal(p.Extra, extra) || p.Index != 300 || !bytes.Equal(p.Checkpoint, m.head) {
			t.Errorf("read back %+v: %v", p, err)
		}
		c, index, err := VerifyProof(text, m.entries[300].Leaf, m.signer.Verifier())
		if err != nil || index != 300 || c.Size != m.size {
			t.Errorf("verify: %v", err)
		}
		policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(testOrigin), torchwood.SingleVerifierPolicy(m.signer.Verifier()))
		if err := torchwood.VerifyProof(policy, m.entries[300].LeafHash, text); err != nil {
			t.Errorf("torchwood refuses our proof: %v", err)
		}
	}
}

func TestVerifyProofRefuses(t *testing.T) {
	m := newMemory(t)
	m.add(t, 600, 64)
	hashes, err := InclusionProof(context.Background(), m, m.size, 300)
	if err != nil {
		t.Fatal(err)
	}
	leaf, log := m.entries[300].Leaf, m.signer.Verifier()
	good := string(FormatProof(300, hashes, m.head, nil))
	swapped := append(tlog.RecordProof{hashes[1], hashes[0]}, hashes[2:]...)
	huge, err := m.signer.sign([]byte(Checkpoint{Origin: testOrigin, Size: math.MaxInt64}.text()))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"another version":    strings.Replace(good, "@v1", "@v2", 1),
		"another index":      strings.Replace(good, "index 300", "index 301", 1),
		"index beyond":       strings.Replace(good, "index 300", "index 600", 1),
		"leading zero":       strings.Replace(good, "index 300", "index 0300", 1),
		"negative index":     strings.Replace(good, "index 300", "index -1", 1),
		"index overflow":     strings.Replace(good, "index 300", "index 9223372036854775808", 1),
		"no index":           strings.Replace(good, "index 300\n", "", 1),
		"a hash less":        string(FormatProof(300, hashes[1:], m.head, nil)),
		"a hash more":        string(FormatProof(300, append(hashes[:len(hashes):len(hashes)], hashes[0]), m.head, nil)),
		"64 hashes":          string(FormatProof(300, make([]tlog.Hash, 64), m.head, nil)),
		"swapped hashes":     string(FormatProof(300, swapped, m.head, nil)),
		"short hash":         strings.Replace(good, "=\n", "\n", 1),
		"carriage returns":   strings.ReplaceAll(good, "\n", "\r\n"),
		"another tree":       string(FormatProof(300, hashes, m.checkpoints[5].signed, nil)),
		"no checkpoint":      string(FormatProof(300, hashes, nil, nil)),
		"no empty line":      strings.Replace(good, "\n\n", "\n", 1),
		"extra twice":        strings.Replace(good, "index", "extra AAAA\nextra AAAA\nindex", 1),
		"extra not base64":   strings.Replace(good, "index", "extra A\nindex", 1),
		"extra too long":     strings.Replace(good, "index", "extra "+strings.Repeat("AAAA", maxExtra)+"\nindex", 1),
		"checkpoint huge":    good + strings.Repeat("x", maxNote),
		"a tree beyond 2^62": string(FormatProof(300, hashes, huge, nil)), // tlog would never return
	} {
		if _, _, err := VerifyProof([]byte(text), leaf, log); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := VerifyProof([]byte(good), m.entries[299].Leaf, log); err == nil {
		t.Error("the proof of another leaf is accepted")
	}
	if _, _, err := VerifyProof([]byte(good), leaf, testSigner(t, "other").Verifier()); !errors.Is(err, ErrNoSignature) {
		t.Errorf("the proof of another log gives %v", err)
	}
}

func TestVerifyConsistency(t *testing.T) {
	ctx := context.Background()
	m, fork := newMemory(t), newMemory(t)
	m.add(t, 700, 100)
	fork.grow(t, []tlog.Hash{testLeaf(1)})
	for len(fork.checkpoints) < 7 {
		fork.grow(t, make([]tlog.Hash, 100))
	}
	empty := Checkpoint{Origin: testOrigin, Root: emptyRoot}
	newest := m.checkpoint(t, m.head)
	for _, stored := range m.checkpoints {
		older := m.checkpoint(t, stored.signed)
		proof, err := ConsistencyProof(ctx, m, older.Size, newest.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyConsistency(older, newest, proof); err != nil {
			t.Errorf("from %d: %v", older.Size, err)
		}
		if err := VerifyConsistency(empty, older, nil); err != nil {
			t.Errorf("from nothing: %v", err)
		}
		forked := older
		forked.Root = testLeaf(9)
		if err := VerifyConsistency(forked, newest, proof); !errors.Is(err, ErrInconsistent) {
			t.Errorf("a fork at %d gives %v", older.Size, err)
		}
		split := new(SplitView)
		if err := VerifyConsistency(forked, older, nil); !errors.As(err, &split) || split.A.Size != older.Size {
			t.Errorf("two roots at size %d give %v", older.Size, err)
		}
	}
	first := m.checkpoint(t, m.checkpoints[0].signed)
	elsewhere := newest
	elsewhere.Origin = "elsewhere"
	for name, bad := range map[string]struct {
		older, newer Checkpoint
		proof        []tlog.Hash
	}{
		"another log":         {first, elsewhere, nil},
		"backwards":           {newest, first, nil},
		"no proof":            {first, newest, nil},
		"needless proof":      {newest, newest, []tlog.Hash{{}}},
		"proof from nothing":  {empty, newest, []tlog.Hash{{}}},
		"nothing, other root": {Checkpoint{Origin: testOrigin}, newest, nil},
		"fork":                {fork.checkpoint(t, fork.checkpoints[3].signed), newest, nil},
	} {
		if err := VerifyConsistency(bad.older, bad.newer, bad.proof); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFindSplitViewIn(t *testing.T) {
	ctx := context.Background()
	m, fork := newMemory(t), newMemory(t)
	m.add(t, 700, 100)
	fork.grow(t, []tlog.Hash{testLeaf(1)})
	fork.grow(t, make([]tlog.Hash, 299))
	newest, older, forked := m.checkpoint(t, m.head), m.checkpoint(t, m.checkpoints[2].signed), fork.checkpoint(t, fork.head)
	if err := FindSplitViewIn(ctx, m, newest, older); err != nil {
		t.Errorf("one history gives %v", err)
	}
	split := new(SplitView)
	for _, pair := range [][2]Checkpoint{{newest, forked}, {forked, newest}, {older, forked}} {
		if err := FindSplitViewIn(ctx, m, pair[0], pair[1]); !errors.As(err, &split) || !errors.Is(err, ErrInconsistent) || split.A.Size != 300 {
			t.Errorf("two histories give %v", err)
		}
	}
	// A tree that is not the larger checkpoint's proves nothing.
	if err := FindSplitViewIn(ctx, fork, newest, forked); err == nil || errors.As(err, &split) {
		t.Errorf("tiles of another tree give %v", err)
	}
}

func FuzzParseProof(f *testing.F) {
	m := newMemory(f)
	m.add(f, 20, 7)
	hashes, err := InclusionProof(context.Background(), m, m.size, 3)
	if err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for _, s := range [][]byte{FormatProof(3, hashes, m.head, nil), FormatProof(0, nil, m.head, []byte("x")), []byte(proofHeader + "extra \nindex 0\n\n"), []byte(proofHeader)} {
		f.Add(s)
		if _, err := ParseProof(s); err == nil {
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seed is a proof")
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		if !bytes.Equal(FormatProof(p.Index, p.Hashes, p.Checkpoint, p.Extra), text) || len(p.Hashes) > maxProof {
			t.Errorf("%q is accepted, but is not canonical", text)
		}
	})
}

func BenchmarkProof(b *testing.B) {
	m := newMemory(b)
	m.add(b, 5000, 64)
	hashes, err := InclusionProof(context.Background(), m, m.size, 4990)
	if err != nil {
		b.Fatal(err)
	}
	text := FormatProof(4990, hashes, m.head, nil)
	b.Run("format", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			FormatProof(4990, hashes, m.head, nil)
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := VerifyProof(text, m.entries[4990].Leaf, m.signer.Verifier()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
