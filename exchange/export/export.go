// Package export writes evidence bundles: what a third party needs to judge,
// offline and with nothing but the file and the public keys, what was sent and
// received (docs/evidence.md; cmd/verify reads them).
//
// An export is an access to personal data. Officer, reason and scope enter the
// record before anything is read.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

// Config wires an Exporter. Everything is required.
type Config struct {
	Self     string // our code
	Reader   exchange.Reader
	Keep     exchange.CosignatureStore
	Opener   *exchange.Opener
	Recorder exchange.Recorder
	Log      *record.CheckpointSigner
	// Keys returns the public signing keys of a party as JWKs with nbf and
	// exp, also those that are not valid any more.
	Keys func(party string) ([]json.RawMessage, error)
	// Anchors returns a party's TLS trust anchors as PEM; nil for none.
	Anchors func(party string) ([]byte, error)
	Logger  *slog.Logger
}

// An Exporter writes evidence bundles.
type Exporter struct{ cfg Config }

// New returns an exporter; it refuses a missing part.
func New(cfg Config) (*Exporter, error) {
	if cfg.Self == "" || cfg.Reader == nil || cfg.Keep == nil || cfg.Opener == nil || cfg.Recorder == nil || cfg.Log == nil ||
		cfg.Keys == nil || cfg.Anchors == nil || cfg.Logger == nil {
		return nil, errors.New("export: a required part is missing")
	}
	return &Exporter{cfg}, nil
}

// A Scope selects entries; its zero value selects the whole record.
type Scope = exchange.Scope

// A Request asks for a bundle.
type Request struct {
	Scope
	Officer string // who asks
	Reason  string // why; it stands in the record and in the bundle
	// At fixes the tree size, so that the same request gives the same bytes; 0
	// takes the record as it is now.
	At       int64
	Progress func(done, total int64) // may be nil
}

// A Summary says what a bundle holds.
type Summary struct {
	Entries  int64  `json:"entries"`
	Erased   int64  `json:"erased"`
	TreeSize int64  `json:"tree_size"`
	Root     string `json:"root"`
	Access   int64  `json:"access_index"` // the export's own entry in the record
}

// ErrRequest means that what is asked for cannot be exported by anybody.
var ErrRequest = errors.New("this export cannot be made")

// ErrEmpty means that the scope selects no entry.
var ErrEmpty = fmt.Errorf("%w: no entry is in this scope", ErrRequest)

// Evidence records the access and writes the bundle to w.
func (x *Exporter) Evidence(ctx context.Context, req Request, w io.Writer) (Summary, error) {
	if err := checkReason(req.Reason); err != nil {
		return Summary{}, err
	}
	if !req.From.IsZero() && !req.To.IsZero() && !req.From.Before(req.To) {
		return Summary{}, fmt.Errorf("%w: the period ends before it begins", ErrRequest)
	}
	access, err := x.recordAccess(ctx, req)
	if err != nil {
		return Summary{}, err
	}
	checkpoint, err := x.checkpoint(ctx, req.At)
	if err != nil {
		return Summary{}, err
	}
	b := &bundle{x: x, req: req, checkpoint: checkpoint}
	if err := b.write(ctx, w); err != nil {
		return Summary{}, err
	}
	x.cfg.Logger.Info("evidence exported", "officer", req.Officer, "entries", b.count, "tree_size", checkpoint.Size, "access_index", access)
	return Summary{b.count, b.erased, checkpoint.Size, checkpoint.Root.String(), access}, nil
}

// checkReason bounds what will stand in the record.
func checkReason(reason string) error {
	if !utf8.ValidString(reason) || !exchange.GoodReason(reason) {
		return fmt.Errorf("%w: a reason of 5 to 1000 characters is required, for it stands in the record and in the bundle", ErrRequest)
	}
	for _, c := range reason {
		if unicode.IsControl(c) {
			return fmt.Errorf("%w: the reason must be one line without control characters", ErrRequest)
		}
	}
	return nil
}

// recordAccess puts who, why and what into the record before anything is read, and
// returns where it stands first.
func (x *Exporter) recordAccess(ctx context.Context, req Request) (int64, error) {
	keys, err := x.about(ctx, req.Scope)
	if err != nil {
		return 0, err
	}
	data, err := json.Marshal(struct {
		Access  string   `json:"access"`
		Officer string   `json:"officer"`
		What    string   `json:"what"`
		Reason  string   `json:"reason"`
		Scope   Scope    `json:"scope"`
		Fields  []string `json:"fields"`
		At      int64    `json:"at,omitempty"`
	}{"evidence", req.Officer, "evidence", req.Reason, req.Scope, []string{""}, req.At})
	if err != nil {
		return 0, fmt.Errorf("write the access: %w", err)
	}
	first := int64(-1)
	for _, key := range keys {
		e := &exchange.Entry{Kind: exchange.KindAccess, Direction: exchange.Out, Partner: key.Partner, Case: key.Case, ID: exchange.NewID(), Type: "evidence_export", Data: data}
		if err := x.cfg.Recorder.Record(ctx, e); err != nil {
			return 0, fmt.Errorf("record the access: %w", err)
		}
		if first < 0 {
			first = e.Index
		}
	}
	return first, nil
}

// about says of what an export is an entry: of the case that it is of, so that whoever
// works on that sees it, and its erasure destroys the reason; else of the partner; else
// of the house. Two partners may have a case of the same number each.
func (x *Exporter) about(ctx context.Context, s Scope) ([]exchange.CaseKey, error) {
	if s.Case == "" {
		key := exchange.CaseKey{}
		if _, err := x.cfg.Keys(s.Partner); s.Partner != "" && s.Partner != x.cfg.Self && err == nil {
			key.Partner = s.Partner // whoever is no partner gets no place of their own in the record
		}
		return []exchange.CaseKey{key}, nil
	}
	var keys []exchange.CaseKey
	err := x.cfg.Reader.Entries(ctx, 0, math.MaxInt64, exchange.Filter{Partner: s.Partner, Case: s.Case}, func(r exchange.Row) error {
		if key := (exchange.CaseKey{Partner: r.Partner, Case: r.Case}); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = ErrEmpty
	}
	return keys, err
}

// checkpoint returns the signed checkpoint that the bundle will stand under.
func (x *Exporter) checkpoint(ctx context.Context, at int64) (record.Checkpoint, error) {
	var signed []byte
	if at == 0 {
		head, err := x.cfg.Reader.Head(ctx)
		if err != nil {
			return record.Checkpoint{}, err
		}
		signed = head.Checkpoint
	} else {
		var err error
		if signed, err = x.cfg.Reader.Checkpoint(ctx, at); errors.Is(err, exchange.ErrNotFound) {
			return record.Checkpoint{}, fmt.Errorf("%w: no checkpoint of size %d was signed; take the tree_size of an earlier bundle", ErrRequest, at)
		} else if err != nil {
			return record.Checkpoint{}, err
		}
	}
	c, err := record.VerifyCheckpoint(signed, x.cfg.Log.Verifier())
	if err != nil {
		return record.Checkpoint{}, fmt.Errorf("the stored checkpoint: %w", err)
	}
	c.Note = signed
	return c, nil
}
