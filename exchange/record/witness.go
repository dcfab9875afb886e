package record

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxAddCheckpoint bounds the body of an add-checkpoint request.
const MaxAddCheckpoint = maxNote + 4096

// An AddCheckpoint is the body of a C2SP tlog-witness add-checkpoint request.
type AddCheckpoint struct {
	OldSize    int64
	Proof      []tlog.Hash
	Checkpoint []byte // a signed note
}

// Marshal returns the request's body.
func (a AddCheckpoint) Marshal() []byte {
	b := make([]byte, 0, 32+45*len(a.Proof)+len(a.Checkpoint))
	b = append(b, "old "...)
	b = strconv.AppendInt(b, a.OldSize, 10)
	b = append(b, '\n')
	b = appendHashes(b, a.Proof)
	b = append(b, '\n')
	return append(b, a.Checkpoint...)
}

// ParseAddCheckpoint reads the request's body, and only in the form that
// Marshal writes.
func ParseAddCheckpoint(body []byte) (AddCheckpoint, error) {
	if len(body) > MaxAddCheckpoint {
		return AddCheckpoint{}, errors.New("parse an add-checkpoint request: it is too long")
	}
	line, rest, ok := cutLine(body, "old ")
	if !ok {
		return AddCheckpoint{}, errors.New("parse an add-checkpoint request: it has no old size line")
	}
	var a AddCheckpoint
	var err error
	if a.OldSize, err = parseSize(line); err != nil {
		return AddCheckpoint{}, fmt.Errorf("parse an add-checkpoint request: its old size: %w", err)
	}
	if a.Proof, a.Checkpoint, err = parseHashes(rest); err != nil {
		return AddCheckpoint{}, fmt.Errorf("parse an add-checkpoint request: %w", err)
	}
	if !bytes.Equal(a.Marshal(), body) {
		return AddCheckpoint{}, errors.New("parse an add-checkpoint request: not in canonical form")
	}
	return a, nil
}

// ErrStale is what a WitnessState returns when the latest checkpoint is not,
// or no longer, the one that the caller built on.
var ErrStale = errors.New("the latest checkpoint is another one")

// A WitnessState remembers, for each log, the latest checkpoint that was
// cosigned.
type WitnessState interface {
	// Latest returns the latest cosigned checkpoint of a log, with its note;
	// the zero Checkpoint when there is none.
	Latest(ctx context.Context, origin string) (Checkpoint, error)
	// Advance makes next the latest checkpoint of next.Origin if the latest
	// still has the size of old (0 when there is none), and returns ErrStale
	// if not. It is atomic, and next is durable when it returns nil.
	Advance(ctx context.Context, old, next Checkpoint) error
}

// ErrUnknownLog is what WitnessConfig.Log returns for an origin that the
// witness does not follow.
var ErrUnknownLog = errors.New("the witness does not follow this log")

// WitnessConfig says what a witness is made of. All of it is required.
type WitnessConfig struct {
	Name  string        // the witness's own name in its signature lines
	Key   crypto.Signer // Ed25519, used for nothing else: a cosignature does not name its witness
	State WitnessState
	Clock func() time.Time
	// Log returns the public keys of a log, one or, while it changes keys,
	// more; ErrUnknownLog when it is not followed. It is asked at each
	// request, so that a suspended partner is not served.
	Log func(ctx context.Context, origin string) ([]note.Verifier, error)
}

// A Witness countersigns the checkpoints of other logs (C2SP tlog-witness),
// after checking that each extends the one before. A log that shows different
// histories to different parties cannot get both countersigned.
type Witness struct {
	cfg      WitnessConfig
	cosigner *cosigner
}

// NewWitness makes a witness.
func NewWitness(cfg WitnessConfig) (*Witness, error) {
	if cfg.State == nil || cfg.Clock == nil || cfg.Log == nil {
		return nil, errors.New("make a witness: it needs a state, a clock and the logs that it follows")
	}
	c, err := newCosigner(cfg.Name, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("make a witness: %w", err)
	}
	return &Witness{cfg: cfg, cosigner: c}, nil
}

// VerifierKey returns the witness's public key as text.
func (w *Witness) VerifierKey() string { return w.cosigner.verifier.String() }

// A WitnessError is a refusal, with the HTTP status that tlog-witness gives it.
type WitnessError struct {
	Status int
	Size   int64 // with 409: the size of the latest checkpoint that was cosigned
	Err    error
}

func (e *WitnessError) Error() string { return fmt.Sprintf("witness a checkpoint: %v", e.Err) }
func (e *WitnessError) Unwrap() error { return e.Err }

// Body returns what to answer, and its content type. With 409 that is the
// latest size, which tells the log where to start its proof.
func (e *WitnessError) Body() (contentType string, body []byte) {
	if e.Status == http.StatusConflict {
		return "text/x.tlog.size", fmt.Appendf(nil, "%d\n", e.Size)
	}
	return "text/plain; charset=utf-8", []byte(e.Err.Error() + "\n")
}

// AddCheckpoint decides on an add-checkpoint request. It returns the signature
// line to answer with 200; a *WitnessError when it refuses; another error when
// it could not decide. A refusal that wraps *SplitView is evidence against the
// log.
func (w *Witness) AddCheckpoint(ctx context.Context, body []byte) ([]byte, error) {
	request, err := ParseAddCheckpoint(body)
	if err != nil {
		return nil, &WitnessError{Status: http.StatusBadRequest, Err: err}
	}
	next, err := w.authentic(ctx, request.Checkpoint)
	if err != nil {
		return nil, err
	}
	if request.OldSize > next.Size {
		return nil, &WitnessError{Status: http.StatusBadRequest, Err: errors.New("the old size is above the checkpoint's size")}
	}
	latest, err := w.cfg.State.Latest(ctx, next.Origin)
	if err != nil {
		return nil, fmt.Errorf("read the latest checkpoint of %s: %w", next.Origin, err)
	}
	if err := judge(request, latest, next); err != nil {
		return nil, err
	}
	// The time is taken before the state moves: the cosignature says that, at
	// that time, nothing newer had been seen.
	at := w.cfg.Clock()
	if err := w.cfg.State.Advance(ctx, latest, next); err != nil {
		if !errors.Is(err, ErrStale) {
			return nil, fmt.Errorf("remember a checkpoint of %s: %w", next.Origin, err)
		}
		if latest, err = w.cfg.State.Latest(ctx, next.Origin); err != nil {
			return nil, fmt.Errorf("read the latest checkpoint of %s: %w", next.Origin, err)
		}
		return nil, &WitnessError{Status: http.StatusConflict, Size: latest.Size, Err: ErrStale}
	}
	return w.cosigner.cosign(next, at)
}

// authentic returns the checkpoint if its log has signed it.
func (w *Witness) authentic(ctx context.Context, signed []byte) (Checkpoint, error) {
	// The origin must be known before a key can be chosen; nothing else of
	// the note is believed before its signature holds.
	text, _, _ := strings.Cut(string(signed), "\n\n")
	claimed, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return Checkpoint{}, &WitnessError{Status: http.StatusBadRequest, Err: err}
	}
	keys, err := w.cfg.Log(ctx, claimed.Origin)
	if errors.Is(err, ErrUnknownLog) || err == nil && len(keys) == 0 {
		return Checkpoint{}, &WitnessError{Status: http.StatusNotFound, Err: ErrUnknownLog}
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("look up a log: %w", err)
	}
	var c Checkpoint
	for _, key := range keys {
		if c, err = VerifyCheckpoint(signed, key); err == nil {
			c.Cosigners = nil
			return c, nil
		}
	}
	status := http.StatusBadRequest
	if bad := new(note.InvalidSignatureError); errors.Is(err, ErrNoSignature) || errors.As(err, &bad) {
		status = http.StatusForbidden
	}
	return Checkpoint{}, &WitnessError{Status: status, Err: err}
}

// judge decides whether next may follow latest.
func judge(request AddCheckpoint, latest, next Checkpoint) error {
	if request.OldSize != latest.Size {
		return &WitnessError{Status: http.StatusConflict, Size: latest.Size, Err: ErrStale}
	}
	older := latest
	if latest.Size == 0 {
		older = Checkpoint{Origin: next.Origin, Root: emptyRoot}
	}
	err := VerifyConsistency(older, next, request.Proof)
	split := new(SplitView)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &split):
		return &WitnessError{Status: http.StatusConflict, Size: latest.Size, Err: err}
	}
	return &WitnessError{Status: http.StatusUnprocessableEntity, Err: err}
}
