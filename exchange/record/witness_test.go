package record

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// states is a WitnessState in memory; raced runs once between Latest and
// Advance.
type states struct {
	mu     sync.Mutex
	latest map[string]Checkpoint
	raced  func()
}

func newStates(t testing.TB) *states {
	t.Helper()
	return &states{latest: map[string]Checkpoint{}}
}

func (s *states) Latest(_ context.Context, origin string) (Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest[origin], nil
}

func (s *states) Advance(_ context.Context, old, next Checkpoint) error {
	if raced := s.raced; raced != nil {
		s.raced = nil
		raced()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest[next.Origin].Size != old.Size {
		return ErrStale
	}
	s.latest[next.Origin] = next
	return nil
}

var witnessTime = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func testWitness(t testing.TB, state WitnessState, log note.Verifier) *Witness {
	t.Helper()
	w, err := NewWitness(WitnessConfig{
		Name: "kh.gateway.example/witness", Key: testKey("witness"), State: state,
		Clock: func() time.Time { return witnessTime },
		Log: func(_ context.Context, origin string) ([]note.Verifier, error) {
			if log == nil || origin != log.Name() {
				return nil, ErrUnknownLog
			}
			return []note.Verifier{log}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (m *memory) addCheckpoint(t testing.TB, old int64, signed []byte) []byte {
	t.Helper()
	c := m.checkpoint(t, signed)
	proof, err := ConsistencyProof(context.Background(), m, min(old, c.Size), c.Size)
	if err != nil {
		t.Fatal(err)
	}
	return AddCheckpoint{OldSize: old, Proof: proof, Checkpoint: signed}.Marshal()
}

func TestWitness(t *testing.T) {
	ctx := context.Background()
	m, state := newMemory(t), newStates(t)
	log := m.signer.Verifier()
	w := testWitness(t, state, log)
	key, err := ParseWitnessKey(w.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	var old int64
	for _, count := range []int{1, 1, 300, 77} {
		m.add(t, count, 64)
		answer, err := w.AddCheckpoint(ctx, m.addCheckpoint(t, old, m.head))
		if err != nil {
			t.Fatalf("from %d to %d: %v", old, m.size, err)
		}
		cosigned, err := AttachCosignatures(m.head, answer, log, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := VerifyCheckpoint(cosigned, log, key)
		if err != nil || len(c.Cosigners) != 1 || c.Cosigners[0] != key.Name() {
			t.Errorf("cosigned by %v: %v", c.Cosigners, err)
		}
		at, err := CosignedAt(c, key)
		if err != nil || !at[key.Name()].Equal(witnessTime) {
			t.Errorf("cosigned at %v: %v", at, err)
		}
		old = m.size
		if state.latest[testOrigin].Size != old {
			t.Errorf("the witness remembers size %d, not %d", state.latest[testOrigin].Size, old)
		}
	}
	// The same checkpoint again gets a fresh cosignature, which replaces the old.
	again, err := w.AddCheckpoint(ctx, m.addCheckpoint(t, old, m.head))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := AttachCosignatures(m.head, append(bytes.Clone(again), again...), log, key)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err = AttachCosignatures(twice, again, log, key); err != nil || strings.Count(string(twice), key.Name()) != 1 {
		t.Errorf("a repeated cosignature gives\n%s(%v)", twice, err)
	}
	// Public software agrees with the cosignature.
	policy := torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(testOrigin), torchwood.SingleVerifierPolicy(log), torchwood.SingleVerifierPolicy(key))
	if _, _, err := torchwood.VerifyCheckpoint(twice, policy); err != nil {
		t.Errorf("torchwood refuses our cosignature: %v", err)
	}
}

func TestWitnessRefuses(t *testing.T) {
	ctx := context.Background()
	m := newMemory(t)
	m.add(t, 300, 100)
	fork := newMemory(t)
	fork.grow(t, make([]tlog.Hash, 200))
	forkedSame := fork.head
	fork.grow(t, make([]tlog.Hash, 100))
	stranger := testSigner(t, "stranger")
	strange, err := stranger.Sign(1, testLeaf(1))
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := NewCheckpointSigner(testOrigin, testKey("impostor"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := impostor.Sign(300, testLeaf(1))
	if err != nil {
		t.Fatal(err)
	}
	wrongProof := AddCheckpoint{OldSize: 200, Proof: []tlog.Hash{{1}}, Checkpoint: m.head}.Marshal()
	for name, c := range map[string]struct {
		body   []byte
		status int
		split  bool
	}{
		"nothing":          {nil, http.StatusBadRequest, false},
		"no checkpoint":    {[]byte("old 200\n\n"), http.StatusBadRequest, false},
		"bad signatures":   {append(m.addCheckpoint(t, 200, m.head), "rubbish\n"...), http.StatusBadRequest, false},
		"unknown log":      {AddCheckpoint{Checkpoint: strange}.Marshal(), http.StatusNotFound, false},
		"another key":      {AddCheckpoint{OldSize: 200, Checkpoint: forged}.Marshal(), http.StatusForbidden, false},
		"altered":          {bytes.Replace(m.addCheckpoint(t, 200, m.head), []byte("\n300\n"), []byte("\n301\n"), 1), http.StatusForbidden, false},
		"old above new":    {AddCheckpoint{OldSize: 200, Checkpoint: m.checkpoints[0].signed}.Marshal(), http.StatusBadRequest, false},
		"old too small":    {m.addCheckpoint(t, 100, m.head), http.StatusConflict, false},
		"old zero":         {m.addCheckpoint(t, 0, m.head), http.StatusConflict, false},
		"old too large":    {m.addCheckpoint(t, 300, m.head), http.StatusConflict, false},
		"wrong proof":      {wrongProof, http.StatusUnprocessableEntity, false},
		"no proof":         {AddCheckpoint{OldSize: 200, Checkpoint: m.head}.Marshal(), http.StatusUnprocessableEntity, false},
		"needless proof":   {AddCheckpoint{OldSize: 200, Proof: []tlog.Hash{{1}}, Checkpoint: m.checkpoints[1].signed}.Marshal(), http.StatusUnprocessableEntity, false},
		"a fork":           {fork.addCheckpoint(t, 200, fork.head), http.StatusUnprocessableEntity, false},
		"a fork in place":  {AddCheckpoint{OldSize: 200, Checkpoint: forkedSame}.Marshal(), http.StatusConflict, true},
		"too long a body":  {bytes.Repeat([]byte("x"), MaxAddCheckpoint+1), http.StatusBadRequest, false},
		"too many hashes":  {AddCheckpoint{OldSize: 200, Proof: make([]tlog.Hash, 64), Checkpoint: m.head}.Marshal(), http.StatusBadRequest, false},
		"size not decimal": {[]byte("old +200\n\n" + string(m.head)), http.StatusBadRequest, false},
	} {
		state := newStates(t)
		state.latest[testOrigin] = m.checkpoint(t, m.checkpoints[1].signed)
		answer, err := testWitness(t, state, m.signer.Verifier()).AddCheckpoint(ctx, c.body)
		refusal, split := new(WitnessError), new(SplitView)
		if !errors.As(err, &refusal) || refusal.Status != c.status || answer != nil {
			t.Errorf("%s: %v, not status %d", name, err, c.status)
			continue
		}
		if errors.As(err, &split) != c.split {
			t.Errorf("%s: evidence of a split view: %v", name, err)
		}
		if c.split && (split.A.Note == nil || split.B.Note == nil) {
			t.Errorf("%s: the evidence lacks a signed note", name)
		}
		kind, body := refusal.Body()
		if c.status == http.StatusConflict && (kind != "text/x.tlog.size" || string(body) != "200\n") {
			t.Errorf("%s: answers %s %q", name, kind, body)
		}
		if state.latest[testOrigin].Size != 200 {
			t.Errorf("%s: the witness moved", name)
		}
	}
}

// TestWitnessRace lets two requests meet: only one may advance the state.
func TestWitnessRace(t *testing.T) {
	m, state := newMemory(t), newStates(t)
	m.add(t, 300, 100)
	w := testWitness(t, state, m.signer.Verifier())
	state.raced = func() { state.latest[testOrigin] = m.checkpoint(t, m.head) }
	_, err := w.AddCheckpoint(context.Background(), m.addCheckpoint(t, 0, m.checkpoints[0].signed))
	if refusal := new(WitnessError); !errors.As(err, &refusal) || refusal.Status != http.StatusConflict || refusal.Size != 300 {
		t.Errorf("the loser of the race gets %v", err)
	}
}

func TestNewWitnessRefuses(t *testing.T) {
	good := WitnessConfig{
		Name: "w", Key: testKey("w"), State: newStates(t), Clock: time.Now,
		Log: func(context.Context, string) ([]note.Verifier, error) { return nil, nil },
	}
	if _, err := NewWitness(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*WitnessConfig){
		"name":  func(c *WitnessConfig) { c.Name = "" },
		"key":   func(c *WitnessConfig) { c.Key = nil },
		"state": func(c *WitnessConfig) { c.State = nil },
		"clock": func(c *WitnessConfig) { c.Clock = nil },
		"log":   func(c *WitnessConfig) { c.Log = nil },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewWitness(cfg); err == nil {
			t.Errorf("a witness without %s", name)
		}
	}
}

func TestAttachCosignaturesRefuses(t *testing.T) {
	m := newMemory(t)
	m.add(t, 10, 10)
	log := m.signer.Verifier()
	w := testWitness(t, newStates(t), log)
	key, err := ParseWitnessKey(w.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.AddCheckpoint(context.Background(), m.addCheckpoint(t, 0, m.head))
	if err != nil {
		t.Fatal(err)
	}
	m.add(t, 1, 1) // the answer is for the checkpoint before
	for name, c := range map[string]struct{ signed, answer []byte }{
		"another checkpoint": {m.head, answer},
		"nothing":            {m.checkpoints[0].signed, nil},
		"no signature":       {m.checkpoints[0].signed, []byte("ok\n")},
		"another text":       {m.checkpoints[0].signed, append([]byte("\n"), answer...)},
		"an unknown key":     {m.checkpoints[0].signed, appendSignature(nil, log, make([]byte, 64))},
		"cut":                {m.checkpoints[0].signed, answer[:len(answer)-1]},
		"too long":           {m.checkpoints[0].signed, bytes.Repeat(answer, 2000)},
	} {
		if out, err := AttachCosignatures(c.signed, c.answer, log, key); err == nil {
			t.Errorf("%s: accepted:\n%s", name, out)
		}
	}
}

func FuzzParseAddCheckpoint(f *testing.F) {
	m := newMemory(f)
	m.add(f, 20, 7)
	seeds := 0
	for _, s := range [][]byte{m.addCheckpoint(f, 7, m.head), m.addCheckpoint(f, 0, m.head), []byte("old 0\n\n"), []byte("old 00\n\n")} {
		f.Add(s)
		if _, err := ParseAddCheckpoint(s); err == nil {
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seed is a request")
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ParseAddCheckpoint(body)
		if err != nil {
			return
		}
		if !bytes.Equal(a.Marshal(), body) || a.OldSize < 0 || len(a.Proof) > maxProof {
			t.Errorf("%q is accepted, but is not canonical", body)
		}
	})
}
