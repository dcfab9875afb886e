package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/partners"
)

// WatchConfig wires a Watch. Everything is required but Every.
type WatchConfig struct {
	Directory *Directory
	Head      func() Head // the committer's Released
	Tiles     record.TileSource
	Recorder  Recorder
	Client    func(partner string) (*http.Client, error)
	Log       note.Verifier // our own log
	Keep      CosignatureStore
	Logger    *slog.Logger
	Every     time.Duration // how often our checkpoint is shown to partners; 0 means 30 s
}

// A CosignatureStore keeps what witnesses put on our checkpoints.
type CosignatureStore interface {
	// KeepCosignature stores a witness's signature line for a checkpoint.
	KeepCosignature(ctx context.Context, size int64, witness string, line []byte) error
	// Cosignatures returns the lines kept for a checkpoint of this size.
	Cosignatures(ctx context.Context, size int64) ([][]byte, error)
}

// A Watch is how split views are found (P5). It shows our checkpoints to the
// partners, who countersign each only when it extends the one before, so that
// we could not show two of them different histories; and it records a partner
// that shows us two.
type Watch struct {
	cfg   WatchConfig
	shown map[string]int64 // the size that each partner last countersigned
}

// NewWatch returns a watch; it refuses a missing part.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	if cfg.Directory == nil || cfg.Head == nil || cfg.Tiles == nil || cfg.Recorder == nil || cfg.Client == nil || cfg.Log == nil || cfg.Keep == nil || cfg.Logger == nil {
		return nil, errors.New("watch: a required part is missing")
	}
	if cfg.Every == 0 {
		cfg.Every = 30 * time.Second
	}
	return &Watch{cfg: cfg, shown: map[string]int64{}}, nil
}

// Run shows our checkpoint to every partner that keeps a log, again and again
// until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range w.cfg.Directory.Snapshot().All() {
			if p.Log == nil || p.Log.Witness == "" || p.Status != partners.Active {
				continue
			}
			if err := w.Show(ctx, p); err != nil && ctx.Err() == nil {
				w.cfg.Logger.Warn("a partner did not countersign our checkpoint", "partner", p.Code, "error", err)
			}
		}
	}
}

// Show asks one partner to countersign our latest checkpoint, and keeps its
// cosignature.
func (w *Watch) Show(ctx context.Context, p *partners.Partner) error {
	witness, err := record.ParseWitnessKey(p.Log.Witness)
	if err != nil {
		return err
	}
	head := w.cfg.Head()
	// At most one correction: the witness says what it has seen last.
	for range 2 {
		old := w.shown[p.Code]
		if head.Size == 0 || old == head.Size {
			return nil
		}
		request := record.AddCheckpoint{OldSize: old, Checkpoint: head.Checkpoint}
		if old > 0 {
			if request.Proof, err = record.ConsistencyProof(ctx, w.cfg.Tiles, old, head.Size); err != nil {
				return fmt.Errorf("prove that our log has only grown: %w", err)
			}
		}
		status, body, err := w.post(ctx, p, request.Marshal())
		if err != nil {
			return err
		}
		switch status {
		case http.StatusOK:
			cosigned, err := record.AttachCosignatures(head.Checkpoint, body, w.cfg.Log, witness)
			if err != nil {
				return err
			}
			w.shown[p.Code] = head.Size
			return w.cfg.Keep.KeepCosignature(ctx, head.Size, witness.Name(), bytes.TrimPrefix(cosigned, head.Checkpoint))
		case http.StatusConflict:
			seen, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
			if err != nil || seen < 0 || seen == old {
				return errors.New("it says that our checkpoint does not extend what it has seen")
			}
			if seen > head.Size {
				return fmt.Errorf("it has countersigned our log at %d entries, and now there are %d", seen, head.Size)
			}
			w.shown[p.Code] = seen
		default:
			return fmt.Errorf("it answered %d", status)
		}
	}
	return nil
}

func (w *Watch) post(ctx context.Context, p *partners.Partner, body []byte) (int, []byte, error) {
	client, err := w.cfg.Client(p.Code)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Endpoint+"/v1/log/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("the endpoint is not usable: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := client.Do(req)
	if err != nil {
		_, detail := unreached(err)
		return 0, nil, fmt.Errorf("no answer: %s", detail)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, record.MaxAddCheckpoint))
	if err != nil {
		return 0, nil, errors.New("the answer broke off")
	}
	return resp.StatusCode, answer, nil
}

// SplitView records that a log showed two histories. Both signed checkpoints
// are the evidence, against the owner of the log and not against whoever
// brought them.
func (w *Watch) SplitView(ctx context.Context, split *record.SplitView) {
	partner := ""
	for _, p := range w.cfg.Directory.Snapshot().All() {
		if p.Log != nil && p.Log.Origin == split.A.Origin {
			partner = p.Code
		}
	}
	data, err := json.Marshal(struct {
		Event string `json:"event"`
		A     string `json:"checkpoint_a"`
		B     string `json:"checkpoint_b"`
	}{"split-view", string(split.A.Note), string(split.B.Note)})
	if err == nil {
		err = w.cfg.Recorder.Record(context.WithoutCancel(ctx), &Entry{Kind: KindEvent, Partner: partner, Direction: In, ID: NewID(), Type: "split_view", Data: data})
	}
	w.cfg.Logger.Error("a partner's log shows two histories", "partner", partner, "size_a", split.A.Size, "size_b", split.B.Size, "record_error", err)
}
