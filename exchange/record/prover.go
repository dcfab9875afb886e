package record

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// maxCachedTiles bounds a Prover's memory to about 4 MB.
const maxCachedTiles = 256

// A Prover makes proofs against the tree of one size. Every tile is checked
// against its parent, up to the root, before a hash of it is used, and kept
// with its inner nodes: proofs for neighbouring leaves then cost a few lookups.
// (tlog.TileHashReader gives the same assurance, but hashes the edge anew for
// every proof, which an export of a million entries cannot afford.)
//
// A Prover is not safe for concurrent use.
type Prover struct {
	src   TileSource
	size  int64
	root  tlog.Hash
	edge  []*tileTree // the tiles that are not full, by level
	tiles map[tileKey]*tileTree
}

type tileKey struct {
	level int
	n     int64
}

// NewProver makes a prover for the tree that has this root, which should come
// from a signed checkpoint; ErrInconsistent when the stored tree has another.
func NewProver(ctx context.Context, src TileSource, size int64, root tlog.Hash) (*Prover, error) {
	p, err := proverAt(ctx, src, size)
	if err != nil {
		return nil, err
	}
	if p.root != root {
		return nil, fmt.Errorf("prepare proofs: %w: the stored tree of size %d has another root than the signed one", ErrInconsistent, size)
	}
	return p, nil
}

// proverAt takes the root from the stored edge itself.
func proverAt(ctx context.Context, src TileSource, size int64) (*Prover, error) {
	if src == nil {
		return nil, fmt.Errorf("prepare proofs: no tile source")
	}
	edge, err := LoadEdge(ctx, src, size)
	if err != nil {
		return nil, fmt.Errorf("prepare proofs: %w", err)
	}
	p := &Prover{src: src, size: size, root: edge.Root(), tiles: make(map[tileKey]*tileTree)}
	for _, hashes := range edge.partial {
		p.edge = append(p.edge, newTileTree(hashes))
	}
	return p, nil
}

// Inclusion proves that leaf index is in the tree.
func (p *Prover) Inclusion(ctx context.Context, index int64) (tlog.RecordProof, error) {
	if index < 0 || index >= p.size {
		return nil, fmt.Errorf("prove entry %d in the tree of size %d: %w", index, p.size, ErrNotInTree)
	}
	proof, err := tlog.ProveRecord(p.size, index, p.Hashes(ctx))
	if err != nil {
		return nil, fmt.Errorf("prove entry %d in the tree of size %d: %w", index, p.size, err)
	}
	return proof, nil
}

// Consistency proves that the tree begins with the tree of size old. The proof
// is empty when old is 0 or the size itself.
func (p *Prover) Consistency(ctx context.Context, old int64) (tlog.TreeProof, error) {
	if old < 0 || old > p.size {
		return nil, fmt.Errorf("prove that size %d extends size %d: %w", p.size, old, ErrNotInTree)
	}
	if old == 0 || old == p.size {
		return nil, nil
	}
	proof, err := tlog.ProveTree(p.size, old, p.Hashes(ctx))
	if err != nil {
		return nil, fmt.Errorf("prove that size %d extends size %d: %w", p.size, old, err)
	}
	return proof, nil
}

// Hashes returns a reader of the tree's complete nodes, for tlog's functions.
func (p *Prover) Hashes(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			height, k := tlog.SplitStoredHashIndex(index)
			var err error
			if hashes[i], err = p.node(ctx, height, k); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	})
}

// node returns complete node k of a height, from the tile that has it.
func (p *Prover) node(ctx context.Context, height int, k int64) (tlog.Hash, error) {
	if k < 0 || k >= p.size>>height {
		return tlog.Hash{}, fmt.Errorf("node %d at height %d: %w", k, height, ErrNotInTree)
	}
	level, inner := height/TileHeight, height%TileHeight
	n := k >> (TileHeight - inner)
	tree := p.edge[level]
	if n < p.size>>(TileHeight*(level+1)) {
		var err error
		if tree, err = p.tile(ctx, tileKey{level, n}); err != nil {
			return tlog.Hash{}, err
		}
	}
	return tree[inner][k-n<<(TileHeight-inner)], nil
}

// tile returns a full tile after proving it against its parent.
func (p *Prover) tile(ctx context.Context, key tileKey) (*tileTree, error) {
	if tree, ok := p.tiles[key]; ok {
		return tree, nil
	}
	want, err := p.node(ctx, TileHeight*(key.level+1), key.n)
	if err != nil {
		return nil, err
	}
	hashes, err := readTile(ctx, p.src, key.level, key.n)
	if err != nil {
		return nil, err
	}
	tree := newTileTree(hashes)
	if tree[TileHeight][0] != want {
		return nil, fmt.Errorf("tile %d of level %d: %w: it does not hash to what the tree has above it", key.n, key.level, ErrInconsistent)
	}
	if len(p.tiles) >= maxCachedTiles {
		clear(p.tiles)
	}
	p.tiles[key] = tree
	return tree, nil
}

// InclusionProof proves one leaf in the tree as it was at size. For many, or
// to hold the tree against a signed root, make a Prover.
func InclusionProof(ctx context.Context, src TileSource, size, index int64) (tlog.RecordProof, error) {
	p, err := proverAt(ctx, src, size)
	if err != nil {
		return nil, err
	}
	return p.Inclusion(ctx, index)
}

// ConsistencyProof proves that the tree of size begins with the tree of old.
func ConsistencyProof(ctx context.Context, src TileSource, old, size int64) (tlog.TreeProof, error) {
	p, err := proverAt(ctx, src, size)
	if err != nil {
		return nil, err
	}
	return p.Consistency(ctx, old)
}
