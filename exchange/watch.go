package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
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
	Witnessed WitnessedStore
	Clock     func() time.Time
	Logger    *slog.Logger
	Metrics   *Metrics
	Every     time.Duration // how often our checkpoint is shown to partners; 0 means 30 s
}

// A WitnessedStore knows what our witness has countersigned.
type WitnessedStore interface {
	// Latest returns the latest checkpoint of a log; the zero one when there is none.
	Latest(ctx context.Context, origin string) (record.Checkpoint, error)
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
// we could not show two of them different histories; it compares what a partner
// shows us by different ways (compare.go); and it records a log that shows two
// histories, theirs or ours (alarm.go).
type Watch struct {
	cfg   WatchConfig
	ahead map[string]int64 // what a partner said to have countersigned, when that is more than we have

	mu       sync.Mutex
	shown    map[string]int64       // the size that each partner last countersigned
	compared map[string]*comparison // by partner
	alarms   map[alarmKey]string
}

// NewWatch returns a watch; it refuses a missing part.
func NewWatch(cfg WatchConfig) (*Watch, error) {
	if cfg.Directory == nil || cfg.Head == nil || cfg.Tiles == nil || cfg.Recorder == nil || cfg.Client == nil || cfg.Log == nil || cfg.Keep == nil || cfg.Logger == nil ||
		cfg.Witnessed == nil || cfg.Clock == nil || cfg.Metrics == nil {
		return nil, errors.New("watch: a required part is missing")
	}
	if cfg.Every == 0 {
		cfg.Every = 30 * time.Second
	}
	return &Watch{
		cfg: cfg, shown: map[string]int64{}, ahead: map[string]int64{}, compared: map[string]*comparison{}, alarms: map[alarmKey]string{},
	}, nil
}

// Run shows our checkpoint to every partner that keeps a log, and compares what
// it shows us, again and again until ctx ends.
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
			if p.Log == nil || p.Status != partners.Active {
				continue
			}
			if err := w.Compare(ctx, p.Code); err != nil && ctx.Err() == nil {
				w.cfg.Logger.Warn("a partner's receipts could not be compared with its log", "partner", p.Code, "error", err)
			}
			if p.Log.Witness == "" {
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
		old := w.countersigned(p.Code)
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
			w.counted(p.Code, head.Size)
			return w.cfg.Keep.KeepCosignature(ctx, head.Size, witness.Name(), bytes.TrimPrefix(cosigned, head.Checkpoint))
		case http.StatusConflict:
			seen, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
			if err != nil || seen < 0 {
				return errors.New("it answered 409 without the size that it has seen")
			}
			if seen == old {
				return w.contradicted(ctx, p, old, head)
			}
			if seen > head.Size {
				return w.behind(ctx, p, seen, head)
			}
			w.counted(p.Code, seen)
		case http.StatusUnprocessableEntity:
			return w.contradicted(ctx, p, old, head)
		default:
			return fmt.Errorf("it answered %d", status)
		}
	}
	return nil
}

func (w *Watch) countersigned(partner string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown[partner]
}

func (w *Watch) counted(partner string, size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shown[partner] = size
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

// behind is told when a partner has countersigned more of our log than we have.
// Another process on our database may have shown it the newer checkpoint a
// moment ago; when it is so still at the next time, our record has gone back.
func (w *Watch) behind(ctx context.Context, p *partners.Partner, seen int64, head Head) error {
	text := fmt.Sprintf("it has countersigned our log at %d entries, and now there are %d", seen, head.Size)
	if w.ahead[p.Code] == seen {
		w.alarm(ctx, alarmAhead, p.Code, strconv.FormatInt(seen, 10), text,
			map[string]any{"event": "witness-ahead", "countersigned_size": seen, "checkpoint": string(head.Checkpoint)})
	}
	w.ahead[p.Code] = seen
	return errors.New(text)
}

// contradicted is told when a partner says that our log does not extend what it
// has countersigned: one of us is wrong.
func (w *Watch) contradicted(ctx context.Context, p *partners.Partner, old int64, head Head) error {
	text := fmt.Sprintf("it says that our log at %d entries does not extend what it countersigned at %d", head.Size, old)
	w.alarm(ctx, alarmRefused, p.Code, strconv.FormatInt(old, 10), text,
		map[string]any{"event": "witness-refused", "countersigned_size": old, "checkpoint": string(head.Checkpoint)})
	return errors.New(text)
}
