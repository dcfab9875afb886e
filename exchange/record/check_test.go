package record

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func runCheck(t *testing.T, m *memory, remembered ...[]byte) *Report {
	t.Helper()
	report, err := Check(context.Background(), m, CheckOptions{Log: m.signer.Verifier(), Remembered: remembered})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestCheckClean(t *testing.T) {
	for _, size := range []int{0, 1, 255, 256, 257, checkChunk - 1, checkChunk, checkChunk + 1, 2*checkChunk + 300} {
		m := newMemory(t)
		m.add(t, size, 37)
		var remembered [][]byte
		if size > 0 {
			remembered = [][]byte{m.head, m.checkpoints[0].signed}
		}
		report := runCheck(t, m, remembered...)
		if !report.OK() {
			t.Errorf("size %d: %+v", size, report.Findings)
		}
		if report.Entries != int64(size) || report.Root != m.edge.Root() || report.Checkpoints != int64(len(m.checkpoints)) || report.Tiles != int64(len(m.tiles)) {
			t.Errorf("size %d: report %+v", size, report)
		}
	}
}

// TestCheckSecondLevel has a full tile of level 1.
func TestCheckSecondLevel(t *testing.T) {
	m := newMemory(t)
	m.add(t, TileWidth*TileWidth+10, 5000)
	if report := runCheck(t, m); !report.OK() || report.Tiles != TileWidth+1 {
		t.Errorf("report %+v", report)
	}
	tile := m.tiles[tileKey{1, 0}]
	tile.Hashes = slices.Clone(tile.Hashes)
	tile.Hashes[3][0] ^= 1
	tile.Root[0] ^= 1
	m.tiles[tileKey{1, 0}] = tile
	if report := runCheck(t, m); len(report.Findings) != 2 || report.Findings[0].Rule != RuleTile || report.Findings[1].Rule != RuleTile {
		t.Errorf("report %+v", report)
	}
}

func TestCheckErased(t *testing.T) {
	m := newMemory(t)
	m.add(t, 600, 50)
	for i := range 20 {
		e := &m.entries[i*7]
		e.Erased, e.Data, e.Salt = true, nil, nil
	}
	if report := runCheck(t, m); !report.OK() || report.Erased != 20 {
		t.Errorf("erasure breaks the record: %+v", report)
	}
}

// relabel alters a leaf, with whatever must follow for the row to look right.
func relabel(m *memory, i int, change func(*Leaf)) {
	e := &m.entries[i]
	change(&e.Row)
	e.Leaf = e.Row.Marshal()
	e.LeafHash = LeafHash(e.Leaf)
	m.leaves[i] = e.LeafHash
}

// TestCheckFinds plants one fault after the other. Each record has 1500
// entries in batches of 50; want are rules that must be reported, with the
// entry's index or -1, and nothing else may be.
func TestCheckFinds(t *testing.T) {
	type want struct {
		index int64
		rule  string
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *memory) (remembered [][]byte)
		want  []want
	}{
		"a checkpoint is gone": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints = slices.DeleteFunc(m.checkpoints, func(c storedCheckpoint) bool { return c.size == 700 })
			return nil
		}, []want{{-1, RuleCheckpoint}}},
		"all checkpoints are gone": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints = nil
			return nil
		}, slices.Repeat([]want{{-1, RuleCheckpoint}}, 30)},
		"bytes changed": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Data = []byte("other bytes")
			return nil
		}, []want{{700, RuleCommitment}}},
		"salt changed": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Salt = make([]byte, 32)
			return nil
		}, []want{{700, RuleCommitment}}},
		"bytes gone without erasure": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Data, m.entries[700].Salt = nil, nil
			return nil
		}, []want{{700, RuleCommitment}}},
		"bytes kept after erasure": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Erased, m.entries[700].Salt = true, nil
			return nil
		}, []want{{700, RuleErased}}},
		"bytes unreadable": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Unreadable = errors.New("cipher: message authentication failed")
			return nil
		}, []want{{700, RuleUnreadable}}},
		"row changed": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Row.Case = "case-0002"
			return nil
		}, []want{{700, RuleMetadata}}},
		"leaf changed, hash kept": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Row.Case = "case-0002"
			m.entries[700].Leaf = m.entries[700].Row.Marshal()
			return nil
		}, []want{{700, RuleLeafHash}, {700, RuleTile}, {-1, RuleCheckpoint}, {-1, RuleCheckpoint}}},
		"leaf and hash changed": {func(t *testing.T, m *memory) [][]byte {
			relabel(m, 700, func(l *Leaf) { l.Case = "case-0002" })
			return nil
		}, []want{{700, RuleTile}, {-1, RuleCheckpoint}, {-1, RuleCheckpoint}}},
		"leaf not a leaf": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].Leaf = []byte("{}")
			return nil
		}, []want{{700, RuleLeaf}, {700, RuleLeafHash}, {700, RuleTile}, {-1, RuleCheckpoint}, {-1, RuleCheckpoint}}},
		"stored hash changed": {func(t *testing.T, m *memory) [][]byte {
			m.entries[700].LeafHash[0] ^= 1
			return nil
		}, []want{{700, RuleLeafHash}}},
		"entry deleted": {func(t *testing.T, m *memory) [][]byte {
			m.entries = slices.Delete(m.entries, 700, 701)
			return nil
		}, []want{{700, RuleMissing}, {708, RuleSequence}}},
		"entries deleted": {func(t *testing.T, m *memory) [][]byte {
			m.entries = slices.Delete(m.entries, 700, 716)
			return nil
		}, append([]want{{700, RuleMissing}}, func() (out []want) {
			for i := range int64(8) {
				out = append(out, want{716 + i, RuleSequence})
			}
			return out
		}()...)},
		"last entry deleted": {func(t *testing.T, m *memory) [][]byte {
			m.entries = m.entries[:1499]
			return nil
		}, []want{{1499, RuleMissing}, {-1, RuleCheckpoint}}},
		"entry inserted": {func(t *testing.T, m *memory) [][]byte {
			e := m.entries[700]
			m.entries = slices.Insert(m.entries, 700, e)
			return nil
		}, []want{{700, RuleExtra}}},
		"entries swapped": {func(t *testing.T, m *memory) [][]byte {
			a, b := m.entries[700], m.entries[701]
			a.Index, b.Index = b.Index, a.Index
			m.entries[700], m.entries[701] = b, a
			return nil
		}, []want{{700, RuleTile}, {701, RuleTile}, {-1, RuleCheckpoint}, {-1, RuleCheckpoint}}},
		"entry past the head": {func(t *testing.T, m *memory) [][]byte {
			head, checkpoints := m.head, m.checkpoints
			m.add(t, 1, 1)
			m.head, m.size, m.checkpoints = head, 1500, checkpoints
			return nil
		}, []want{{1500, RuleExtra}}},
		"sequence number skipped": {func(t *testing.T, m *memory) [][]byte {
			m.seqs[lane{"KH", "in"}]++
			m.add(t, 16, 16) // the first of which, 1500, is from GB; 1504 is KH's
			return nil
		}, []want{{1504, RuleSequence}}},
		"sequence number repeated": {func(t *testing.T, m *memory) [][]byte {
			m.seqs[lane{"KH", "in"}]--
			m.add(t, 8, 8)
			return nil
		}, []want{{1504, RuleSequence}}},
		"tile changed": {func(t *testing.T, m *memory) [][]byte {
			tile := m.tiles[tileKey{0, 2}]
			tile.Hashes = slices.Clone(tile.Hashes)
			tile.Hashes[9][0] ^= 1
			m.tiles[tileKey{0, 2}] = tile
			return nil
		}, []want{{2*256 + 9, RuleTile}}},
		"tile root changed": {func(t *testing.T, m *memory) [][]byte {
			tile := m.tiles[tileKey{0, 2}]
			tile.Root[0] ^= 1
			m.tiles[tileKey{0, 2}] = tile
			return nil
		}, []want{{-1, RuleTile}}},
		"tile deleted": {func(t *testing.T, m *memory) [][]byte {
			delete(m.tiles, tileKey{0, 2})
			return nil
		}, []want{{-1, RuleTile}}},
		"no head": {func(t *testing.T, m *memory) [][]byte {
			m.head = nil
			return nil
		}, []want{{-1, RuleHead}}},
		"head not signed": {func(t *testing.T, m *memory) [][]byte {
			m.head = []byte(strings.Replace(string(m.head), "\n1500\n", "\n1501\n", 1))
			return nil
		}, []want{{-1, RuleHead}}},
		"head of another tree": {func(t *testing.T, m *memory) [][]byte {
			m.head = m.sign(t, 1500, testLeaf(1))
			return nil
		}, []want{{-1, RuleCheckpoint}}},
		"head of a smaller tree": {func(t *testing.T, m *memory) [][]byte {
			m.head = m.checkpoints[10].signed
			return nil
		}, []want{{-1, RuleHead}}},
		"old checkpoint of another tree": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints[3].signed = m.sign(t, 200, testLeaf(1))
			return nil
		}, []want{{-1, RuleCheckpoint}}},
		"old checkpoint not signed": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints[3].signed = []byte(strings.Replace(string(m.checkpoints[3].signed), "\n200\n", "\n201\n", 1))
			return nil
		}, []want{{-1, RuleCheckpoint}}},
		"old checkpoint under another size": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints[3].size = 201
			return nil
		}, []want{{-1, RuleCheckpoint}, {-1, RuleCheckpoint}}},
		"checkpoint of nothing": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints = append([]storedCheckpoint{{0, m.sign(t, 0, testLeaf(1))}}, m.checkpoints...)
			return nil
		}, []want{{-1, RuleCheckpoint}}},
		"checkpoint ahead": {func(t *testing.T, m *memory) [][]byte {
			m.checkpoints = append(m.checkpoints, storedCheckpoint{1600, m.sign(t, 1600, testLeaf(1))})
			return nil
		}, []want{{-1, RuleBehind}}},
		"restored from a backup": {func(t *testing.T, m *memory) [][]byte {
			return [][]byte{m.checkpoints[3].signed, m.sign(t, 1501, testLeaf(1))}
		}, []want{{-1, RuleBehind}}},
		"a partner remembers another tree": {func(t *testing.T, m *memory) [][]byte {
			return [][]byte{m.sign(t, 777, testLeaf(1))}
		}, []want{{-1, RuleCheckpoint}}},
		"remembered checkpoint not signed": {func(t *testing.T, m *memory) [][]byte {
			return [][]byte{[]byte("rubbish")}
		}, []want{{-1, RuleCheckpoint}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t)
			m.add(t, 1500, 50)
			report := runCheck(t, m, c.spoil(t, m)...)
			var got []want
			for _, f := range report.Findings {
				got = append(got, want{f.Index, f.Rule})
			}
			order := func(a, b want) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
			slices.SortFunc(got, order)
			slices.SortFunc(c.want, order)
			if !slices.Equal(got, c.want) {
				t.Errorf("found %+v, not %+v", report.Findings, c.want)
			}
			for _, f := range report.Findings {
				if strings.Contains(f.Detail, "bytes of message") || strings.Contains(f.Detail, "case-0") {
					t.Errorf("a finding shows what an entry says: %s", f.Detail)
				}
			}
		})
	}
}

func TestCheckBoundsItsReport(t *testing.T) {
	m := newMemory(t)
	m.add(t, 600, 50)
	for i := range m.entries {
		m.entries[i].Data = nil
	}
	report, err := Check(context.Background(), m, CheckOptions{Log: m.signer.Verifier(), MaxFindings: 10})
	if err != nil || len(report.Findings) != 10 || report.Dropped != 590 || report.OK() {
		t.Errorf("%d findings, %d dropped: %v", len(report.Findings), report.Dropped, err)
	}
}

// A failing memory cannot be read at one point.
type failing struct {
	*memory
	at string
}

var errDisk = errors.New("disk on fire")

func (f failing) Head(ctx context.Context) ([]byte, int64, error) {
	if f.at == "head" {
		return nil, 0, errDisk
	}
	return f.memory.Head(ctx)
}

func (f failing) Entries(ctx context.Context, from, to int64, fn func(StoredEntry) error) error {
	if f.at == "entries" || f.at == "beyond" && from > 0 {
		return errDisk
	}
	return f.memory.Entries(ctx, from, to, fn)
}

func (f failing) Checkpoints(ctx context.Context, from, to int64, fn func(int64, []byte) error) error {
	if f.at == "checkpoints" {
		return errDisk
	}
	return f.memory.Checkpoints(ctx, from, to, fn)
}

func (f failing) Tile(ctx context.Context, level int, n int64) ([]tlog.Hash, error) {
	if f.at == "tiles" {
		return nil, errDisk
	}
	return f.memory.Tile(ctx, level, n)
}

func TestCheckReportsWhatItCannotRead(t *testing.T) {
	m := newMemory(t)
	m.add(t, 600, 50)
	for _, at := range []string{"head", "entries", "beyond", "checkpoints", "tiles"} {
		if _, err := Check(context.Background(), failing{m, at}, CheckOptions{Log: m.signer.Verifier()}); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := Check(context.Background(), m, CheckOptions{}); err == nil {
		t.Error("a check without a key")
	}
	if _, err := Check(context.Background(), nil, CheckOptions{Log: m.signer.Verifier()}); err == nil {
		t.Error("a check of nothing")
	}
}

// A growing memory gets more entries while it is checked.
type growing struct {
	*memory
	t *testing.T
}

func (g growing) Entries(ctx context.Context, from, to int64, fn func(StoredEntry) error) error {
	g.add(g.t, 10, 10)
	return g.memory.Entries(ctx, from, to, fn)
}

func TestCheckWhileGrowing(t *testing.T) {
	m := newMemory(t)
	m.add(t, 600, 50)
	var progress []int64
	report, err := Check(context.Background(), growing{m, t}, CheckOptions{
		Log: m.signer.Verifier(), Progress: func(done, _ int64) { progress = append(progress, done) },
	})
	if err != nil || !report.OK() || report.Size != 600 || !slices.Equal(progress, []int64{600}) {
		t.Errorf("report %+v, progress %v: %v", report, progress, err)
	}
}

// An endless fetcher makes its entries up as it goes, so that only the check's
// own memory counts.
type endless struct {
	*memory
	size int64
}

func (e endless) Head(context.Context) ([]byte, int64, error) { return nil, e.size, nil }

func (e endless) Entries(_ context.Context, from, to int64, fn func(StoredEntry) error) error {
	for i := from; i < min(to, e.size); i++ {
		one := e.entries[0]
		one.Index = i
		one.Row.Seq = i + 1
		one.Leaf = one.Row.Marshal()
		one.LeafHash = LeafHash(one.Leaf)
		if err := fn(one); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkCheck(b *testing.B) {
	m := newMemory(b)
	m.add(b, 1, 1)
	m.checkpoints = nil
	f := endless{m, 1_000_000}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		peak := uint64(0)
		report, err := Check(context.Background(), f, CheckOptions{Log: m.signer.Verifier(), Progress: func(int64, int64) {
			runtime.ReadMemStats(&after)
			peak = max(peak, after.HeapInuse)
		}})
		if err != nil || report.Entries != f.size {
			b.Fatal(err)
		}
		b.ReportMetric(float64(peak-min(peak, before.HeapInuse))/1e6, "MB-peak")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N+1)/float64(f.size), "ns/entry")
	}
}
