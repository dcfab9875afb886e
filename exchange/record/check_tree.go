package record

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A climb recomputes the tree from its leaves, one by one: the textbook way,
// with a stack of complete subtrees. It also gathers the tiles on the way.
type climb struct {
	size   int64
	stack  []tlog.Hash   // the maximal complete subtrees, largest first
	levels [][]tlog.Hash // by level, the hashes of the tile that is being filled
	full   []Tile        // tiles that became full and were not looked at yet
}

func (c *climb) push(h tlog.Hash) {
	c.size++
	c.gather(0, h)
	for height := 1; c.size>>(height-1)&1 == 0; height++ {
		last := len(c.stack) - 1
		h = tlog.NodeHash(c.stack[last], h)
		c.stack = c.stack[:last]
		if height%TileHeight == 0 {
			c.gather(height/TileHeight, h)
		}
	}
	c.stack = append(c.stack, h)
}

// gather adds a hash to the tile that is being filled at a level. When the
// level below has just filled a tile, the hash is that tile's root.
func (c *climb) gather(level int, h tlog.Hash) {
	if level == len(c.levels) {
		c.levels = append(c.levels, nil)
	}
	if level > 0 {
		for i := range c.full {
			if t := &c.full[i]; t.Level == level-1 && t.Root == (tlog.Hash{}) {
				t.Root = h
			}
		}
	}
	c.levels[level] = append(c.levels[level], h)
	if len(c.levels[level]) == TileWidth {
		c.full = append(c.full, Tile{Level: level, N: (c.size - 1) >> (TileHeight * (level + 1)), Hashes: c.levels[level]})
		c.levels[level] = nil
	}
}

func (c *climb) root() tlog.Hash {
	if len(c.stack) == 0 {
		return emptyRoot
	}
	h := c.stack[len(c.stack)-1]
	for i := len(c.stack) - 2; i >= 0; i-- {
		h = tlog.NodeHash(c.stack[i], h)
	}
	return h
}

// tiles compares the tiles that became full with the stored ones.
func (c *checker) tiles(ctx context.Context) error {
	full := c.climb.full
	c.climb.full = nil
	if c.broken {
		return nil
	}
	for _, t := range full {
		c.report.Tiles++
		if err := c.tile(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) tile(ctx context.Context, want Tile) error {
	got, err := readTile(ctx, c.fetch, want.Level, want.N)
	switch {
	case errors.Is(err, ErrNoTile):
		c.find(-1, RuleTile, "tile %d of level %d is missing or incomplete", want.N, want.Level)
		return nil
	case err != nil:
		return fmt.Errorf("compare a tile: %w", err)
	}
	for i := range got {
		if got[i] == want.Hashes[i] {
			continue
		}
		position := want.N<<TileHeight + int64(i)
		if want.Level == 0 {
			c.find(position, RuleTile, "tile %d of level 0 has another hash for entry %d than its leaf", want.N, position)
		} else {
			c.find(-1, RuleTile, "tile %d of level %d has another hash at %d than the tile below it", want.N, want.Level, position)
		}
	}
	// Either the hashes were altered, or the root, or both alike: the former
	// was told above, and need not be told twice.
	stored := newTileTree(got)[TileHeight][0]
	root, err := readHashes(ctx, c.fetch, want.Level+1, want.N, want.N+1)
	switch {
	case errors.Is(err, ErrNoTile):
		c.find(-1, RuleTile, "the root of tile %d of level %d is missing", want.N, want.Level)
	case err != nil:
		return fmt.Errorf("compare a tile's root: %w", err)
	case root[0] != stored && root[0] != want.Root:
		c.find(-1, RuleTile, "tile %d of level %d is stored with another root than its hashes have", want.N, want.Level)
	}
	return nil
}
