package record

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// referenceOf is tlog's own tree of the record's leaves.
func referenceOf(t *testing.T, m *memory) reference {
	t.Helper()
	var ref reference
	for i, h := range m.leaves {
		ref.add(t, int64(i), h)
	}
	return ref
}

func TestProofsAgreeWithReference(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 1500, 64)
	ref := referenceOf(t, m)
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int64{1, 2, 255, 256, 257, 511, 512, 768, 1024, 1500}
	for range 20 {
		sizes = append(sizes, 1+random.Int64N(m.size))
	}
	for _, size := range sizes {
		root, err := tlog.TreeHash(size, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := TreeRoot(ctx, m, size); err != nil || got != root {
			t.Fatalf("the root at %d is %s: %v", size, got, err)
		}
		p, err := NewProver(ctx, m, size, root)
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			index, old := random.Int64N(size), random.Int64N(size+1)
			want, err := tlog.ProveRecord(size, index, ref)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Inclusion(ctx, index); err != nil || !slices.Equal(got, want) {
				t.Fatalf("inclusion of %d in %d differs: %v", index, size, err)
			}
			var wantTree tlog.TreeProof
			if old > 0 {
				if wantTree, err = tlog.ProveTree(size, old, ref); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := p.Consistency(ctx, old); err != nil || !slices.Equal(got, wantTree) {
				t.Fatalf("consistency of %d with %d differs: %v", size, old, err)
			}
		}
	}
}

func TestProverRefuses(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 1500, 64)
	root := m.checkpoint(t, m.head).Root
	if _, err := NewProver(ctx, m, m.size, testLeaf(1)); !errors.Is(err, ErrInconsistent) {
		t.Errorf("another root gives %v", err)
	}
	if _, err := NewProver(ctx, nil, m.size, root); err == nil {
		t.Error("a prover without a source")
	}
	if _, err := NewProver(ctx, m, m.size+1, root); !errors.Is(err, ErrNoTile) {
		t.Errorf("a size beyond the record gives %v", err)
	}
	p, err := NewProver(ctx, m, m.size, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{-1, m.size} {
		if _, err := p.Inclusion(ctx, index); !errors.Is(err, ErrNotInTree) {
			t.Errorf("entry %d gives %v", index, err)
		}
		if _, err := p.Consistency(ctx, index+1); index > 0 && !errors.Is(err, ErrNotInTree) {
			t.Errorf("size %d gives %v", index+1, err)
		}
	}
	// A flipped hash in a full tile is found before it is used.
	spoiled := slices.Clone(m.tiles[tileKey{0, 2}].Hashes)
	spoiled[7][0] ^= 1
	m.tiles[tileKey{0, 2}] = Tile{Level: 0, N: 2, Hashes: spoiled, Root: m.tiles[tileKey{0, 2}].Root}
	if _, err := p.Inclusion(ctx, 600); !errors.Is(err, ErrInconsistent) {
		t.Errorf("a spoiled tile gives %v", err)
	}
	if _, err := p.Inclusion(ctx, 100); err != nil {
		t.Errorf("a proof that does not need the spoiled tile: %v", err)
	}
	delete(m.tiles, tileKey{0, 3})
	if _, err := p.Inclusion(ctx, 800); !errors.Is(err, ErrNoTile) {
		t.Errorf("a missing tile gives %v", err)
	}
}

// TestTileHashReader serves the tree to a public client.
func TestTileHashReader(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 1500, 64)
	c := m.checkpoint(t, m.head)
	reader := torchwood.TileHashReaderWithContext(ctx, tlog.Tree{N: c.Size, Hash: c.Root}, client{m, t})
	for _, index := range []int64{0, 255, 256, 1023, 1499} {
		proof, err := tlog.ProveRecord(c.Size, index, reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, c.Size, c.Root, index, m.leaves[index]); err != nil {
			t.Errorf("entry %d: %v", index, err)
		}
	}
}

// client reads tiles by their paths, as over HTTP.
type client struct {
	m *memory
	t *testing.T
}

func (c client) ReadTiles(ctx context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		level, n, width, err := ParseTilePath(torchwood.TilePath(tile))
		if err != nil {
			return nil, err
		}
		data, err := TileData(ctx, c.m, level, n, width, c.m.size)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}
func (c client) SaveTiles([]tlog.Tile, [][]byte) {}
func (c client) ReadEndpoint(context.Context, string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func TestTileData(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 1500, 64)
	ref := referenceOf(t, m)
	for _, tile := range tlog.NewTiles(TileHeight, 0, m.size) {
		want, err := tlog.ReadTileData(tile, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := TileData(ctx, m, tile.L, tile.N, tile.W, m.size); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", torchwood.TilePath(tile), err)
		}
		// A partial tile of an older tree is still there.
		if got, err := TileData(ctx, m, tile.L, tile.N, 1, m.size); err != nil || !bytes.Equal(got, want[:32]) {
			t.Errorf("%s of width 1 differs: %v", torchwood.TilePath(tile), err)
		}
	}
	for _, bad := range []struct {
		level int
		n     int64
		width int
	}{{0, 5, 256}, {0, 5, 221}, {0, 6, 1}, {1, 0, 6}, {1, 1, 1}, {2, 0, 1}, {63, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, 0}, {0, 0, 257}, {0, 1 << 60, 1}} {
		if _, err := TileData(ctx, m, bad.level, bad.n, bad.width, m.size); !errors.Is(err, ErrNotInTree) {
			t.Errorf("%+v gives %v", bad, err)
		}
	}
}

func TestParseTilePath(t *testing.T) {
	for path, want := range map[string]tlog.Tile{
		"tile/0/000":               {L: 0, N: 0, W: 256},
		"tile/1/x001/x234/067.p/8": {L: 1, N: 1234067, W: 8},
		"tile/63/x001/000":         {L: 63, N: 1000, W: 256},
	} {
		level, n, width, err := ParseTilePath(path)
		if err != nil || level != want.L || n != want.N || width != want.W {
			t.Errorf("%s is read as %d %d %d: %v", path, level, n, width, err)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/0", "tile/0/0", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/data/000", "tile/entries/000", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/01", "tile/0/001/000", "tile/0/x000/001", "/tile/0/000", "tile/0/000/", "tile/0/../0/000",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		if level, n, width, err := ParseTilePath(path); err == nil {
			t.Errorf("%q is accepted as %d %d %d", path, level, n, width)
		}
	}
}

// BenchmarkInclusion proves entry after entry, as an export does.
func BenchmarkInclusion(b *testing.B) {
	ctx := context.Background()
	m := newMemory(b)
	m.add(b, 100_000, 4096)
	p, err := NewProver(ctx, m, m.size, m.checkpoint(b, m.head).Root)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	index := int64(0)
	for b.Loop() {
		if _, err := p.Inclusion(ctx, index); err != nil {
			b.Fatal(err)
		}
		index = (index + 1) % m.size
	}
}
