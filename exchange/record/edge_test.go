package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func testLeaf(i int64) tlog.Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// A reference is tlog's own way to keep a tree: all hashes of all levels.
type reference []tlog.Hash

func (r reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = r[x]
	}
	return out, nil
}

func (r *reference) add(t fatal, n int64, leaf tlog.Hash) {
	hashes, err := tlog.StoredHashesForRecordHash(n, leaf, *r)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	*r = append(*r, hashes...)
}

type fatal interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// checkAppend compares one batch with the reference.
func checkAppend(t fatal, edge *Edge, ref *reference, count int, tiles map[tileKey]Tile) {
	old := edge.Size()
	var leaves []tlog.Hash
	for i := range int64(count) {
		leaves = append(leaves, testLeaf(old+i))
		ref.add(t, old+i, leaves[i])
	}
	size := old + int64(count)
	grown, err := edge.Append(leaves)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	root, err := tlog.TreeHash(size, *ref)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	if grown.Size != size || edge.Size() != size || grown.Root != root || edge.Root() != root {
		t.Fatalf("%d + %d: size %d, root %s and %s, want %s", old, count, grown.Size, grown.Root, edge.Root(), root)
	}
	for i := range leaves {
		want, err := tlog.ProveRecord(size, old+int64(i), *ref)
		if err != nil {
			t.Fatalf("reference: %v", err)
		}
		if got := grown.Proof(i); !slices.Equal(got, want) {
			t.Fatalf("%d + %d: proof of leaf %d differs: %v, want %v", old, count, i, got, want)
		}
	}
	for _, tile := range grown.Tiles {
		checkTile(t, *ref, tile)
		tiles[tileKey{tile.Level, tile.N}] = tile
	}
	for level, want := 0, size>>TileHeight; want > 0; level, want = level+1, want>>TileHeight {
		if _, ok := tiles[tileKey{level, want - 1}]; !ok {
			t.Fatalf("at size %d tile %d of level %d was never reported", size, want-1, level)
		}
	}
}

func checkTile(t fatal, ref reference, tile Tile) {
	data, err := tlog.ReadTileData(tlog.Tile{H: TileHeight, L: tile.Level, N: tile.N, W: TileWidth}, ref)
	if err != nil {
		t.Fatalf("reference: %v", err)
	}
	var got []byte
	for _, h := range tile.Hashes {
		got = append(got, h[:]...)
	}
	if !bytes.Equal(got, data) {
		t.Errorf("tile %d of level %d differs", tile.N, tile.Level)
	}
	if tile.Root != ref[tlog.StoredHashIndex(TileHeight*(tile.Level+1), tile.N)] {
		t.Errorf("the root of tile %d of level %d differs", tile.N, tile.Level)
	}
}

func TestEdgeAgreesWithReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge, err := NewEdge(0, nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		var ref reference
		tiles := map[tileKey]Tile{}
		size := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 70), rapid.IntRange(200, 300), rapid.IntRange(0, 600))
		for _, count := range rapid.SliceOfN(size, 1, 8).Draw(t, "batches") {
			before := edge.Clone()
			checkAppend(t, edge, &ref, count, tiles)
			// A clone does not see what its original did, and the other way round.
			again, err := before.Append(nil)
			if err != nil || again.Size != edge.Size()-int64(count) || again.Root != before.Root() {
				t.Fatalf("a clone moved: %v", err)
			}
		}
	})
}

// TestEdgeAcrossLevels crosses the border where a tile of level 1 becomes full.
func TestEdgeAcrossLevels(t *testing.T) {
	const start = TileWidth*TileWidth - 100
	var ref reference
	leaves := make([]tlog.Hash, start)
	for i := range leaves {
		leaves[i] = testLeaf(int64(i))
		ref.add(t, int64(i), leaves[i])
	}
	edge, err := NewEdge(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	grown, err := edge.Append(leaves)
	if err != nil {
		t.Fatal(err)
	}
	tiles := map[tileKey]Tile{}
	for _, tile := range grown.Tiles {
		checkTile(t, ref, tile)
		tiles[tileKey{tile.Level, tile.N}] = tile
	}
	for _, count := range []int{1, 98, 1, 1, 63, 64, 255, 256, 257} {
		checkAppend(t, edge, &ref, count, tiles)
	}
	if _, ok := tiles[tileKey{1, 0}]; !ok {
		t.Error("the tile of level 1 was never reported")
	}
}

// TestEdgeCloneIsIndependent lets both copies append other leaves.
func TestEdgeCloneIsIndependent(t *testing.T) {
	m := newMemory(t)
	m.add(t, 300, 7)
	one, two := m.edge.Clone(), m.edge.Clone()
	a, err := one.Append([]tlog.Hash{testLeaf(1)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.Append([]tlog.Hash{testLeaf(2)})
	if err != nil {
		t.Fatal(err)
	}
	if m.edge.Root() != m.checkpoint(t, m.head).Root || a.Root == b.Root || a.Root != one.Root() || b.Root != two.Root() {
		t.Error("clones share what they append")
	}
	for _, e := range []*Edge{one, two, m.edge} {
		fresh, err := NewEdge(e.Size(), e.partial)
		if err != nil || fresh.Root() != e.Root() {
			t.Errorf("an edge's tiles do not hash to its root: %v", err)
		}
	}
}

func TestNewEdge(t *testing.T) {
	m := newMemory(t)
	for range 40 {
		m.add(t, 29, 29)
		loaded, err := LoadEdge(context.Background(), m, m.size)
		if err != nil || loaded.Root() != m.edge.Root() || loaded.peaks != mask(m.edge).peaks {
			t.Fatalf("the loaded edge differs at size %d: %v", m.size, err)
		}
	}
	for name, bad := range map[string]struct {
		size    int64
		partial [][]tlog.Hash
	}{
		"negative":        {-1, nil},
		"too large":       {MaxSize + 1, nil},
		"too few hashes":  {2, [][]tlog.Hash{{testLeaf(1)}}},
		"too many":        {1, [][]tlog.Hash{{testLeaf(1), testLeaf(2)}}},
		"level missing":   {256, [][]tlog.Hash{nil}},
		"level too many":  {1, [][]tlog.Hash{{testLeaf(1)}, {testLeaf(2)}}},
		"nothing at size": {7, nil},
	} {
		if _, err := NewEdge(bad.size, bad.partial); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// mask clears the peaks that do not count at the edge's size.
func mask(e *Edge) *Edge {
	c := e.Clone()
	for h := range c.peaks {
		if c.size>>h&1 == 0 {
			c.peaks[h] = tlog.Hash{}
		}
	}
	return c
}

func TestEmptyTree(t *testing.T) {
	edge, err := NewEdge(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if edge.Root() != tlog.Hash(sha256.Sum256(nil)) {
		t.Errorf("the root of the empty tree is %s", edge.Root())
	}
	grown, err := edge.Append(nil)
	if err != nil || grown.Size != 0 || grown.Root != edge.Root() {
		t.Errorf("appending nothing: %v, %+v", err, grown)
	}
	defer func() {
		if recover() == nil {
			t.Error("a proof for a leaf that was not appended")
		}
	}()
	grown.Proof(0)
}

// edgeAt makes an edge of any size, of invented hashes.
func edgeAt(tb testing.TB, size int64) *Edge {
	tb.Helper()
	var partial [][]tlog.Hash
	for l := 0; size>>(TileHeight*l) > 0; l++ {
		hashes := make([]tlog.Hash, size>>(TileHeight*l)&(TileWidth-1))
		for i := range hashes {
			hashes[i] = testLeaf(int64(i))
		}
		partial = append(partial, hashes)
	}
	edge, err := NewEdge(size, partial)
	if err != nil {
		tb.Fatal(err)
	}
	return edge
}

// TestProofsAtLargeSizes checks proofs where no reference fits into memory.
func TestProofsAtLargeSizes(t *testing.T) {
	for _, size := range []int64{1e3, 1e6, 1e9, 1<<40 - 5, 1<<40 + 255, 1<<59 + 12345} {
		edge := edgeAt(t, size)
		leaves := make([]tlog.Hash, 600)
		for i := range leaves {
			leaves[i] = testLeaf(size + int64(i))
		}
		old := edge.Root()
		grown, err := edge.Append(leaves)
		if err != nil {
			t.Fatal(err)
		}
		for i, leaf := range leaves {
			if err := tlog.CheckRecord(grown.Proof(i), grown.Size, grown.Root, size+int64(i), leaf); err != nil {
				t.Fatalf("leaf %d after %d: %v", i, size, err)
			}
		}
		if old == grown.Root || len(grown.Proof(0)) > bits.Len64(uint64(grown.Size)) {
			t.Errorf("size %d: odd root or proof", size)
		}
	}
}

// BenchmarkAppend shows what a batch of 64 costs, with the clone that the
// committer takes, and all its proofs: it must not grow with the size.
func BenchmarkAppend(b *testing.B) {
	leaves := make([]tlog.Hash, 64)
	for i := range leaves {
		leaves[i] = testLeaf(int64(i))
	}
	for _, size := range []int64{0, 1e3, 1e6, 1e9} {
		edge := edgeAt(b, size)
		b.Run(fmt.Sprintf("size=%d/append", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := edge.Clone().Append(leaves); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("size=%d/proofs", size), func(b *testing.B) {
			grown, err := edge.Clone().Append(leaves)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				for i := range leaves {
					grown.Proof(i)
				}
			}
		})
	}
}
