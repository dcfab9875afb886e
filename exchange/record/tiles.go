package record

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// A TileSource reads the stored hashes of the tree. What it returns is not
// believed: whoever uses it compares with a signed root.
type TileSource interface {
	// LeafHashes returns the leaf hashes numbered [from, to).
	LeafHashes(ctx context.Context, from, to int64) ([]tlog.Hash, error)
	// TileRoots returns the roots of the full tiles numbered [from, to) of a
	// level. They are hashes of the level above.
	TileRoots(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error)
	// Tile returns the hashes of full tile n of a level.
	Tile(ctx context.Context, level int, n int64) ([]tlog.Hash, error)
}

// ErrNotInTree says that a tree of that size has no such leaf or tile.
var ErrNotInTree = errors.New("the tree has no such part")

// ErrNoTile is what a TileSource wraps when a hash that should be stored is
// not there, as opposed to a failure to read.
var ErrNoTile = errors.New("the stored tree lacks this part")

// readHashes reads the hashes numbered [from, to) of a level of tiles, and
// refuses another number of them.
func readHashes(ctx context.Context, src TileSource, level int, from, to int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	var err error
	if level == 0 {
		hashes, err = src.LeafHashes(ctx, from, to)
	} else {
		hashes, err = src.TileRoots(ctx, level-1, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("read hashes %d to %d of level %d: %w", from, to, level, err)
	}
	if int64(len(hashes)) != to-from {
		return nil, fmt.Errorf("read hashes %d to %d of level %d: %w: there are %d", from, to, level, ErrNoTile, len(hashes))
	}
	return hashes, nil
}

func readTile(ctx context.Context, src TileSource, level int, n int64) ([]tlog.Hash, error) {
	hashes, err := src.Tile(ctx, level, n)
	if err != nil {
		return nil, fmt.Errorf("read tile %d of level %d: %w", n, level, err)
	}
	if len(hashes) != TileWidth {
		return nil, fmt.Errorf("read tile %d of level %d: %w: it has %d hashes", n, level, ErrNoTile, len(hashes))
	}
	return hashes, nil
}

// LoadEdge reads the right edge of the tree as it was at size: one read for
// each level whose last tile is not full, so four at a thousand million
// leaves. The result is as true as the source; compare its Root with a signed
// one.
func LoadEdge(ctx context.Context, src TileSource, size int64) (*Edge, error) {
	if size < 0 || size > MaxSize {
		return nil, fmt.Errorf("load the edge: no tree has size %d", size)
	}
	var partial [][]tlog.Hash
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		to := size >> (TileHeight * level)
		from := to &^ (TileWidth - 1)
		var hashes []tlog.Hash
		if from < to {
			var err error
			if hashes, err = readHashes(ctx, src, level, from, to); err != nil {
				return nil, fmt.Errorf("load the edge at size %d: %w", size, err)
			}
		}
		partial = append(partial, hashes)
	}
	return NewEdge(size, partial)
}

// TreeRoot returns the root of the tree as it was at size, from the edge
// alone.
func TreeRoot(ctx context.Context, src TileSource, size int64) (tlog.Hash, error) {
	edge, err := LoadEdge(ctx, src, size)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("recompute a root: %w", err)
	}
	return edge.Root(), nil
}

// ParseTilePath reads the path of a tile of hashes, tile/<L>/<N>[.p/<W>], as
// C2SP tlog-tiles spells it. Entry bundles are refused: the record serves
// hashes to anybody, entries to nobody.
func ParseTilePath(path string) (level int, n int64, width int, err error) {
	if strings.HasPrefix(path, "tile/entries/") {
		return 0, 0, 0, errors.New("parse a tile path: this log does not serve its entries")
	}
	t, err := torchwood.ParseTilePath(path)
	if err != nil || t.L < 0 || t.L > 63 || t.N < 0 {
		return 0, 0, 0, errors.New("parse a tile path: it is not tile/<level>/<number>")
	}
	return t.L, t.N, t.W, nil
}

// TilePath is the inverse of ParseTilePath.
func TilePath(level int, n int64, width int) string {
	return torchwood.TilePath(tlog.Tile{H: TileHeight, L: level, N: n, W: width})
}

// TileData returns a tile as it is served: its first width hashes, one after
// the other. ErrNotInTree when the tree of that size does not reach so far.
func TileData(ctx context.Context, src TileSource, level int, n int64, width int, size int64) ([]byte, error) {
	if level < 0 || n < 0 || width < 1 || width > TileWidth {
		return nil, fmt.Errorf("serve a tile: %w", ErrNotInTree)
	}
	hashesInLevel := size >> (TileHeight * min(level, 8))
	if n > hashesInLevel>>TileHeight || n<<TileHeight+int64(width) > hashesInLevel {
		return nil, fmt.Errorf("serve tile %d of level %d: %w", n, level, ErrNotInTree)
	}
	var hashes []tlog.Hash
	var err error
	if width == TileWidth {
		hashes, err = readTile(ctx, src, level, n)
	} else {
		hashes, err = readHashes(ctx, src, level, n<<TileHeight, n<<TileHeight+int64(width))
	}
	if err != nil {
		return nil, fmt.Errorf("serve a tile: %w", err)
	}
	data := make([]byte, 0, width*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return data, nil
}
