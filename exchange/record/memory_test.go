package record

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A memory is a record in memory: what a store would keep, in the open, so
// that tests can spoil it.
type memory struct {
	signer      *CheckpointSigner
	edge        *Edge
	head        []byte
	size        int64
	entries     []StoredEntry
	leaves      []tlog.Hash
	tiles       map[tileKey]Tile
	checkpoints []storedCheckpoint
	seqs        map[lane]int64
}

type storedCheckpoint struct {
	size   int64
	signed []byte
}

const testOrigin = "vn.gateway.example/repatriation-log"

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testSigner(t testing.TB, origin string) *CheckpointSigner {
	t.Helper()
	s, err := NewCheckpointSigner(origin, testKey(origin))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newMemory(t testing.TB) *memory {
	t.Helper()
	edge, err := NewEdge(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &memory{signer: testSigner(t, testOrigin), edge: edge, tiles: map[tileKey]Tile{}, seqs: map[lane]int64{}}
}

// add records n invented messages in batches.
func (m *memory) add(t testing.TB, n, batch int) {
	t.Helper()
	partners, directions := []string{"KH", "LA", "CN", "GB"}, []string{"in", "out"}
	for done := 0; done < n; {
		var hashes []tlog.Hash
		for range min(batch, n-done) {
			i := m.size + int64(len(hashes))
			l := lane{partners[i%4], directions[i/4%2]}
			m.seqs[l]++
			var salt [32]byte
			binary.BigEndian.PutUint64(salt[:], uint64(i))
			data := fmt.Appendf(nil, "bytes of message %d", i)
			leaf := Leaf{
				V: 1, Kind: "message", Partner: l.partner, Direction: l.direction, Seq: m.seqs[l],
				JTI: fmt.Sprintf("message-%08d", i), Type: "identity_verification_request", Case: "case-0001",
				At: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(m.size) * time.Millisecond), Commitment: Commit(salt, data),
			}
			raw := leaf.Marshal()
			m.entries = append(m.entries, StoredEntry{Index: i, Leaf: raw, LeafHash: LeafHash(raw), Row: leaf, Data: data, Salt: salt[:]})
			hashes = append(hashes, LeafHash(raw))
		}
		done += len(hashes)
		m.grow(t, hashes)
	}
}

func (m *memory) grow(t testing.TB, hashes []tlog.Hash) *Appended {
	t.Helper()
	grown, err := m.edge.Append(hashes)
	if err != nil {
		t.Fatal(err)
	}
	m.leaves = append(m.leaves, hashes...)
	for _, tile := range grown.Tiles {
		m.tiles[tileKey{tile.Level, tile.N}] = tile
	}
	m.size = grown.Size
	m.head = m.sign(t, grown.Size, grown.Root)
	m.checkpoints = append(m.checkpoints, storedCheckpoint{grown.Size, m.head})
	return grown
}

func (m *memory) sign(t testing.TB, size int64, root tlog.Hash) []byte {
	t.Helper()
	signed, err := m.signer.Sign(size, root)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (m *memory) checkpoint(t testing.TB, signed []byte) Checkpoint {
	t.Helper()
	c, err := VerifyCheckpoint(signed, m.signer.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (m *memory) LeafHashes(_ context.Context, from, to int64) ([]tlog.Hash, error) {
	if to > int64(len(m.leaves)) {
		return nil, ErrNoTile
	}
	return m.leaves[from:to], nil
}

func (m *memory) TileRoots(_ context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for n := from; n < to; n++ {
		t, ok := m.tiles[tileKey{level, n}]
		if !ok {
			return nil, ErrNoTile
		}
		out = append(out, t.Root)
	}
	return out, nil
}

func (m *memory) Tile(_ context.Context, level int, n int64) ([]tlog.Hash, error) {
	t, ok := m.tiles[tileKey{level, n}]
	if !ok {
		return nil, ErrNoTile
	}
	return t.Hashes, nil
}

func (m *memory) Head(context.Context) ([]byte, int64, error) { return m.head, m.size, nil }

func (m *memory) Entries(_ context.Context, from, to int64, fn func(StoredEntry) error) error {
	i, _ := slices.BinarySearchFunc(m.entries, from, func(e StoredEntry, index int64) int { return int(e.Index - index) })
	for ; i < len(m.entries) && m.entries[i].Index < to; i++ {
		if err := fn(m.entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Checkpoints(_ context.Context, from, to int64, fn func(int64, []byte) error) error {
	for _, c := range m.checkpoints {
		if c.size >= from && c.size < to {
			if err := fn(c.size, c.signed); err != nil {
				return err
			}
		}
	}
	return nil
}
