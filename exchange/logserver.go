package exchange

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A LogServer shows partners the log's public side: checkpoints and tiles of
// salted hashes (C2SP tlog-tiles), and takes their checkpoints to countersign
// (C2SP tlog-witness). No leaf and no message is ever served.
type LogServer struct {
	head    func() Head
	tiles   LogTiles
	witness *record.Witness
	watch   *Watch
}

// LogTiles are the stored hashes of the tree, and the head that the database
// shows, which another process may have committed a moment ago.
type LogTiles interface {
	record.TileSource
	Head(ctx context.Context) (Head, error)
}

// NewLogServer returns a log server. head is the committer's Released; witness
// may be nil, then this gateway countersigns nothing.
func NewLogServer(head func() Head, tiles LogTiles, witness *record.Witness, watch *Watch) (*LogServer, error) {
	if head == nil || tiles == nil || watch == nil {
		return nil, errors.New("log server: a required part is missing")
	}
	return &LogServer{head, tiles, witness, watch}, nil
}

func (l *LogServer) checkpoint(*http.Request, *Peer) (answer, error) {
	head := l.head()
	if head.Size == 0 {
		return answer{}, problem(ProblemNotFound, "The record is still empty.")
	}
	return answer{http.StatusOK, "text/plain; charset=utf-8", head.Checkpoint}, nil
}

func (l *LogServer) tile(r *http.Request, _ *Peer) (answer, error) {
	level, n, width, err := record.ParseTilePath("tile/" + chi.URLParam(r, "*"))
	if err != nil {
		return answer{}, problem(ProblemNotFound, "Not a tile path of C2SP tlog-tiles.")
	}
	data, err := record.TileData(r.Context(), l.tiles, level, n, width, l.head().Size)
	if errors.Is(err, record.ErrNotInTree) {
		// A receipt of another process may name a tree that this one has not come
		// to see yet. Nothing is signed here: a tile is believed only against a
		// checkpoint.
		var newest Head
		if newest, err = l.tiles.Head(r.Context()); err != nil {
			return answer{}, err
		}
		data, err = record.TileData(r.Context(), l.tiles, level, n, width, newest.Size)
	}
	if errors.Is(err, record.ErrNotInTree) {
		return answer{}, problem(ProblemNotFound, "The log has no such tile yet.")
	}
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, "application/octet-stream", data}, nil
}

// addCheckpoint countersigns a partner's checkpoint (C2SP tlog-witness), with
// the statuses and bodies of that document.
func (l *LogServer) addCheckpoint(r *http.Request, peer *Peer) (answer, error) {
	if l.witness == nil {
		return answer{}, problem(ProblemNotFound, "This gateway countersigns nothing.")
	}
	body, refused := readBody(r, record.MaxAddCheckpoint)
	if refused != nil {
		return answer{}, refused
	}
	line, err := l.witness.AddCheckpoint(r.Context(), body)
	var declined *record.WitnessError
	if errors.As(err, &declined) {
		l.suspect(r.Context(), peer, body, declined)
		contentType, text := declined.Body()
		return answer{declined.Status, contentType, text}, nil
	}
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, "text/plain; charset=utf-8", line}, nil
}

// suspect looks at what was not countersigned. Two checkpoints of one log that
// cannot both be true are evidence, and belong in our own record at once. One
// that the proof does not hold for may be a mistake in the proof: the log's own
// tiles will tell.
func (l *LogServer) suspect(ctx context.Context, peer *Peer, body []byte, declined *record.WitnessError) {
	var split *record.SplitView
	if errors.As(declined, &split) {
		l.watch.SplitView(ctx, split)
		return
	}
	if declined.Status != http.StatusUnprocessableEntity || peer.LogVerifier == nil {
		return
	}
	request, err := record.ParseAddCheckpoint(body)
	if err != nil {
		return
	}
	if c, err := record.VerifyCheckpoint(request.Checkpoint, peer.LogVerifier); err == nil {
		l.watch.Receipted(peer.Code, c)
	}
}
