package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A partnerLog reads the public side of a partner's log. It is a
// record.TileSource: nothing that it returns is believed.
type partnerLog struct {
	client *http.Client
	peer   *Peer
	tiles  map[string][]tlog.Hash
}

// maxPartnerTiles bounds what one comparison reads.
const maxPartnerTiles = 256

// errNoTile is a tile that the partner does not serve.
var errNoTile = errors.New("the partner's log does not serve this tile")

// head returns the checkpoint that the log shows now.
func (l *partnerLog) head(ctx context.Context) (record.Checkpoint, error) {
	status, body, err := l.get(ctx, "/v1/log/checkpoint")
	if err != nil {
		return record.Checkpoint{}, err
	}
	if status != http.StatusOK {
		return record.Checkpoint{}, fmt.Errorf("its log answered %d instead of a checkpoint", status)
	}
	return record.VerifyCheckpoint(body, l.peer.LogVerifier)
}

// LeafHashes implements record.TileSource.
func (l *partnerLog) LeafHashes(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	return l.part(ctx, 0, from, to)
}

// TileRoots implements record.TileSource: they are the hashes of the level above.
func (l *partnerLog) TileRoots(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	return l.part(ctx, level+1, from, to)
}

// Tile implements record.TileSource.
func (l *partnerLog) Tile(ctx context.Context, level int, n int64) ([]tlog.Hash, error) {
	return l.tile(ctx, level, n, record.TileWidth)
}

// part returns hashes of one tile, from its beginning: the edge of a tree is
// read so.
func (l *partnerLog) part(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	n, width := from/record.TileWidth, to-from
	if from%record.TileWidth != 0 || width < 1 || width > record.TileWidth {
		return nil, errors.New("read a partner's log: not the beginning of a tile")
	}
	hashes, err := l.tile(ctx, level, n, int(width))
	if errors.Is(err, errNoTile) && width < record.TileWidth {
		// A log need not serve the part any more once it has the whole.
		if hashes, err = l.tile(ctx, level, n, record.TileWidth); err == nil {
			hashes = hashes[:width]
		}
	}
	return hashes, err
}

func (l *partnerLog) tile(ctx context.Context, level int, n int64, width int) ([]tlog.Hash, error) {
	path := record.TilePath(level, n, width)
	if hashes, ok := l.tiles[path]; ok {
		return hashes, nil
	}
	if len(l.tiles) >= maxPartnerTiles {
		return nil, errors.New("read a partner's log: too many tiles at once")
	}
	status, body, err := l.get(ctx, "/v1/log/"+path)
	if err != nil {
		return nil, err
	}
	if status == http.StatusNotFound {
		return nil, fmt.Errorf("%w: %s", errNoTile, path)
	}
	if status != http.StatusOK || len(body) != width*tlog.HashSize {
		return nil, fmt.Errorf("its log answered %d and %d bytes instead of %s", status, len(body), path)
	}
	hashes := make([]tlog.Hash, width)
	for i := range hashes {
		hashes[i] = tlog.Hash(body[i*tlog.HashSize:])
	}
	l.tiles[path] = hashes
	return hashes, nil
}

func (l *partnerLog) get(ctx context.Context, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.peer.Endpoint+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("the endpoint is not usable: %w", err)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		_, detail := unreached(err)
		return 0, nil, fmt.Errorf("no answer: %s", detail)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, record.MaxAddCheckpoint))
	if err != nil {
		return 0, nil, errors.New("the answer broke off")
	}
	return resp.StatusCode, body, nil
}
