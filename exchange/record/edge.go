package record

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles are subtrees of height 8, as C2SP tlog-tiles has them: a tile holds
// 256 hashes of its level, and its root is one hash of the level above.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// An Edge is the right edge of the tree: what must be in memory to append.
// For each level of tiles it has the hashes of the one tile that is not full
// yet, and for each bit of the size the root of that maximal complete subtree.
//
// That is enough to compute everything about the new leaves without reading
// the tree. Take a new leaf and climb to the root of the new tree. A sibling on
// the right covers only leaves that are new. A sibling on the left covers
// either only new leaves, or old ones; in the latter case it is complete, and
// its parent is not complete in the old tree (the new leaf is below it), so it
// is one of the old tree's maximal complete subtrees: exactly those that the
// edge keeps. A node above both old and new leaves has such a node as its left
// child, so the same hashes give all new inner nodes and the root.
//
// An Edge is not safe for concurrent use.
type Edge struct {
	size    int64
	peaks   [63]tlog.Hash // peaks[h] counts if bit h of size is set
	partial [][]tlog.Hash // by level of tiles
}

// NewEdge makes the edge of a tree of the given size. partial[l] holds the
// hashes of the tile of level l that is not full, which are as many as the
// l-th digit of size to the base 256; empty levels at the end may be left out.
func NewEdge(size int64, partial [][]tlog.Hash) (*Edge, error) {
	if size < 0 || size > MaxSize {
		return nil, fmt.Errorf("make an edge: no tree has size %d", size)
	}
	e := &Edge{size: size}
	for l := 0; l < len(partial) || size>>(TileHeight*l) > 0; l++ {
		var hashes []tlog.Hash
		if l < len(partial) {
			hashes = partial[l]
		}
		if want := int(size >> (TileHeight * l) & (TileWidth - 1)); len(hashes) != want {
			return nil, fmt.Errorf("make an edge of size %d: level %d has %d hashes, not %d", size, l, len(hashes), want)
		}
		e.partial = append(e.partial, slices.Clone(hashes))
		tree := newTileTree(hashes)
		for j := range TileHeight {
			if w := len(hashes) >> j; w&1 == 1 {
				e.peaks[TileHeight*l+j] = tree[j][w-1]
			}
		}
	}
	return e, nil
}

// Size returns the number of leaves.
func (e *Edge) Size() int64 { return e.size }

// Root returns the root of the tree.
func (e *Edge) Root() tlog.Hash {
	peak := func(h int) tlog.Hash { return e.peaks[h] }
	return ragged(e.size, peak)[heightOf(e.size)]
}

// Clone returns an independent copy. It copies no tile: hashes are shared
// until one of the two appends to them.
func (e *Edge) Clone() *Edge {
	c := &Edge{size: e.size, peaks: e.peaks, partial: make([][]tlog.Hash, len(e.partial))}
	for l, hashes := range e.partial {
		c.partial[l] = slices.Clip(hashes) // so that c's append moves away
	}
	return c
}

// ragged returns, for each height h up to the root's, the hash of the leaves
// to the right of the last complete subtree of height h. It has no meaning at
// heights where there are no such leaves. peak gives the maximal complete
// subtree of height h.
func ragged(size int64, peak func(h int) tlog.Hash) []tlog.Hash {
	height := heightOf(size)
	out := make([]tlog.Hash, height+1)
	if size == 0 {
		out[0] = emptyRoot
	}
	some := false
	for h := range height {
		switch {
		case size>>h&1 == 0:
			out[h+1] = out[h]
		case some:
			out[h+1] = tlog.NodeHash(peak(h), out[h])
		default:
			out[h+1], some = peak(h), true
		}
	}
	return out
}

// heightOf is how many heights the tree has nodes at, below its root.
func heightOf(size int64) int {
	return bits.Len64(uint64(size)) // #nosec G115 -- a size is never negative
}

// emptyRoot is the root of the tree without leaves: SHA-256 of nothing.
var emptyRoot = func() tlog.Hash {
	h, _ := tlog.TreeHash(0, nil) // reads nothing at size 0
	return h
}()

// A Tile is a full tile, with the root of the subtree that it is.
type Tile struct {
	Level  int
	N      int64
	Hashes []tlog.Hash // TileWidth of them
	Root   tlog.Hash
}

// An Appended is what a batch of leaves did to the tree. It does not change
// any more and may be used by several goroutines.
type Appended struct {
	Size  int64
	Root  tlog.Hash
	Tiles []Tile // those that became full, lower levels first

	old    int64 // the size before
	nodes  []tlog.Hash
	levels []span
	ragged []tlog.Hash
}

// A span is the part of Appended.nodes that holds the nodes of one height:
// the first of them has number first within its height.
type span struct {
	first int64
	at    int
}

// node returns complete node number k of height h.
func (a *Appended) node(h int, k int64) tlog.Hash {
	s := a.levels[h]
	return a.nodes[s.at+int(k-s.first)]
}

// Append adds leaves on the right. The cost for each leaf is that of two node
// hashes, whatever the size; the batch as a whole costs as many more as the
// tree is high.
func (e *Edge) Append(leaves []tlog.Hash) (*Appended, error) {
	size := e.size + int64(len(leaves))
	if size > MaxSize {
		return nil, errors.New("append to the edge: the tree is full")
	}
	a := &Appended{Size: size, old: e.size}
	a.grow(&e.peaks, leaves)
	a.ragged = ragged(size, func(h int) tlog.Hash { return a.node(h, size>>h-1) })
	a.Root = a.ragged[len(a.ragged)-1]
	e.advance(a)
	return a, nil
}

// grow computes the new complete nodes, height by height. Each span starts
// with the old peak of that height, if there is one, as the left sibling of
// the first new node.
func (a *Appended) grow(peaks *[63]tlog.Hash, leaves []tlog.Hash) {
	height := heightOf(a.Size)
	a.nodes = make([]tlog.Hash, 0, 2*len(leaves)+2*height)
	a.levels = make([]span, height)
	for h := range height {
		first := a.old >> h
		a.levels[h] = span{first: first, at: len(a.nodes)}
		if first&1 == 1 {
			a.levels[h].first--
			a.nodes = append(a.nodes, peaks[h])
		}
		if h == 0 {
			a.nodes = append(a.nodes, leaves...)
			continue
		}
		for k := first; k < a.Size>>h; k++ {
			a.nodes = append(a.nodes, tlog.NodeHash(a.node(h-1, 2*k), a.node(h-1, 2*k+1)))
		}
	}
}

// advance moves the edge to the new size and collects the full tiles.
func (e *Edge) advance(a *Appended) {
	for h := range a.levels {
		if a.Size>>h&1 == 1 {
			e.peaks[h] = a.node(h, a.Size>>h-1)
		}
	}
	for l := 0; TileHeight*l < len(a.levels); l++ {
		if l == len(e.partial) {
			e.partial = append(e.partial, nil)
		}
		for k := a.old >> (TileHeight * l); k < a.Size>>(TileHeight*l); k++ {
			e.partial[l] = append(e.partial[l], a.node(TileHeight*l, k))
			if n := k >> TileHeight; len(e.partial[l]) == TileWidth {
				a.Tiles = append(a.Tiles, Tile{Level: l, N: n, Hashes: slices.Clip(e.partial[l]), Root: a.node(TileHeight*(l+1), n)})
				e.partial[l] = nil
			}
		}
	}
	e.size = a.Size
}

// Proof returns the inclusion proof of the i-th appended leaf in the tree of
// the new size. Like an index expression it panics when there is no such leaf.
func (a *Appended) Proof(i int) tlog.RecordProof {
	if i < 0 || int64(i) >= a.Size-a.old {
		panic(fmt.Sprintf("record: leaf %d of a batch of %d", i, a.Size-a.old))
	}
	index := a.old + int64(i)
	proof := make(tlog.RecordProof, 0, len(a.levels))
	for h := range a.levels {
		sibling, complete := index>>h^1, a.Size>>h
		switch {
		case sibling < complete:
			proof = append(proof, a.node(h, sibling))
		case sibling == complete && a.Size&(1<<h-1) != 0:
			proof = append(proof, a.ragged[h])
		}
	}
	return proof
}

// A tileTree is a tile with its inner nodes: [j][k] is complete node k of
// height j within the tile.
type tileTree [TileHeight + 1][]tlog.Hash

func newTileTree(hashes []tlog.Hash) *tileTree {
	t := &tileTree{hashes}
	nodes := make([]tlog.Hash, 0, len(hashes))
	for j := 1; j <= TileHeight; j++ {
		at := len(nodes)
		for k := range len(hashes) >> j {
			nodes = append(nodes, tlog.NodeHash(t[j-1][2*k], t[j-1][2*k+1]))
		}
		t[j] = nodes[at:len(nodes):len(nodes)]
	}
	return t
}
