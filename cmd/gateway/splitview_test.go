package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A forker is Cambodia with its own keys, whose log has a second history: it is
// what receipts are given under when fork is set, and no witness sees it.
type forker struct {
	*pair
	t    *testing.T
	tree []tlog.Hash // leaf hashes of the second history
	deny bool        // its log does not answer
}

func newForker(t *testing.T) *forker {
	f := &forker{pair: newPair(t, ""), t: t}
	f.kh.behave(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/v1/log/") && f.deny:
				w.WriteHeader(http.StatusNotFound)
			case r.URL.Path == "/v1/messages" && f.tree != nil:
				message, err := io.ReadAll(r.Body)
				if err != nil {
					return
				}
				w.Header().Set("Content-Type", exchange.MediaTypeReceipt)
				w.WriteHeader(http.StatusAccepted)
				_, _ = w.Write(f.receipt(message))
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	return f
}

// receipt is a valid one under the second history: a tree of what stands in
// f.tree and then this message.
func (f *forker) receipt(message []byte) []byte {
	salt := [32]byte{7}
	leaf := record.Leaf{
		V: 1, Kind: "message", Partner: "VN", Direction: "in", Seq: 1, JTI: claimsIn(f.t, message).ID, Type: benchType,
		Case: claimsIn(f.t, message).Case, At: time.Now().UTC().Truncate(time.Millisecond), Commitment: record.Commit(salt, message),
	}.Marshal()
	hashes := append(slices.Clone(f.tree), record.LeafHash(leaf))
	size := int64(len(hashes))
	stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return storedHashes(hashes, indexes) })
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		f.t.Error(err)
	}
	proof, err := tlog.ProveRecord(size, size-1, stored)
	if err != nil {
		f.t.Error(err)
	}
	checkpoint, err := f.kh.node.logSigner.Sign(size, root)
	if err != nil {
		f.t.Error(err)
	}
	return f.receiptFor(f.t, message, func(c map[string]any) {
		c["seq"], c["leaf"], c["salt"] = 1, base64.RawURLEncoding.EncodeToString(leaf), base64.RawURLEncoding.EncodeToString(salt[:])
		c["proof"] = string(record.FormatProof(size-1, proof, checkpoint, nil))
	})
}

// storedHashes computes what a tree of these leaves stores.
func storedHashes(leaves []tlog.Hash, indexes []int64) ([]tlog.Hash, error) {
	var node func(level int, n int64) tlog.Hash
	node = func(level int, n int64) tlog.Hash {
		if level == 0 {
			return leaves[n]
		}
		return tlog.NodeHash(node(level-1, 2*n), node(level-1, 2*n+1))
	}
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = node(tlog.SplitStoredHashIndex(index))
	}
	return out, nil
}

// showKH lets Cambodia's log be countersigned by Viet Nam, as its watch does.
func (f *forker) showKH() {
	f.t.Helper()
	vn, ok := f.kh.node.registry.Current().Partner("VN")
	if !ok {
		f.t.Fatal("no partner VN")
	}
	if err := f.kh.node.watch.Show(context.Background(), vn); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forker) alarms(kind string) []exchange.Row {
	return f.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: kind})
}

// told says whether an operator is warned of something.
func (g *testGateway) told(what string) bool {
	return slices.ContainsFunc(g.readyz().Warnings, func(w string) bool { return strings.Contains(w, what) })
}

// P5: a log that gives its receipts under another history than it shows to
// witnesses is found, at the same size and at another one.
func TestP5ReceiptsUnderAnotherHistory(t *testing.T) {
	for name, others := range map[string]int{"at the same size": 2, "at a smaller size": 0, "at a larger size": 4} {
		t.Run(name, func(t *testing.T) {
			f := newForker(t)
			for range 3 {
				f.vn.deliver()
			}
			f.showKH()
			if err := f.vn.node.watch.Compare(context.Background(), "KH"); err != nil || len(f.alarms("split_view")) > 0 {
				t.Fatalf("an honest log: %v, %d alarms", err, len(f.alarms("split_view")))
			}
			f.tree = make([]tlog.Hash, others)
			f.vn.deliver()
			f.tree = nil
			for range 3 { // the larger size is found when the log has grown to it
				f.vn.deliver()
			}
			for range 2 { // the second finds nothing new
				_ = f.vn.node.watch.Compare(context.Background(), "KH")
			}
			events := f.alarms("split_view")
			if len(events) != 1 || events[0].Partner != "KH" {
				t.Fatalf("%d split views are recorded", len(events))
			}
			evidence, err := f.vn.node.opener.Open(context.Background(), events[0])
			if err != nil {
				t.Fatal(err)
			}
			var pair struct {
				A string `json:"checkpoint_a"`
				B string `json:"checkpoint_b"`
			}
			if err := json.Unmarshal(evidence.Data, &pair); err != nil {
				t.Fatal(err)
			}
			for _, signed := range []string{pair.A, pair.B} {
				if _, err := record.VerifyCheckpoint([]byte(signed), f.kh.node.logSigner.Verifier()); err != nil {
					t.Errorf("the evidence is not signed by the log: %v", err)
				}
			}
			if !f.vn.told("its log shows two histories") || metric(t, f.vn, "gateway_log_alarms_total") != 1 {
				t.Errorf("an operator is told %v", f.vn.readyz().Warnings)
			}
			f.vn.check()
		})
	}
}

// A log that does not let itself be compared is a visible state, not a pass; and
// what waits is compared when it answers again.
func TestP5ReceiptsThatCannotBeCompared(t *testing.T) {
	f := newForker(t)
	now := time.Now()
	watch, err := exchange.NewWatch(exchange.WatchConfig{
		Directory: f.vn.node.directory, Head: f.vn.node.committer.Released, Tiles: f.vn.node.db, Recorder: f.vn.node.committer,
		Client: f.vn.node.trust.client, Log: f.vn.node.logSigner.Verifier(), Keep: f.vn.node.db, Witnessed: f.vn.node.db,
		Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler), Metrics: f.vn.node.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	sent := f.vn.submit("KH")
	eventually(t, "it is delivered", func() bool {
		return len(f.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	watch.Receipted("KH", f.receiptOf(sent))
	f.deny = true
	if err := watch.Compare(context.Background(), "KH"); err == nil {
		t.Fatal("it was compared with nothing")
	}
	if warnings := watch.Warnings(); len(warnings) > 0 {
		t.Errorf("too early: %v", warnings)
	}
	now = now.Add(time.Hour)
	if warnings := watch.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "could not be compared with its receipts since") {
		t.Errorf("warned of %v", warnings)
	}
	f.deny = false
	if err := watch.Compare(context.Background(), "KH"); err != nil || len(watch.Warnings()) > 0 {
		t.Errorf("%v, warned of %v", err, watch.Warnings())
	}
}

// receiptOf returns the checkpoint in the recorded receipt for a message.
func (f *forker) receiptOf(sent exchange.Sent) record.Checkpoint {
	f.t.Helper()
	message := f.opened(exchange.Filter{Kind: exchange.KindMessage, ID: sent.ID})
	receipt, err := f.vn.openReceipt(f.kh, f.opened(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID}), sent.ID, message)
	if err != nil {
		f.t.Fatal(err)
	}
	return receipt.Checkpoint
}

func (f *forker) opened(filter exchange.Filter) []byte {
	f.t.Helper()
	rows := f.vn.rows(filter)
	if len(rows) != 1 {
		f.t.Fatalf("%d rows", len(rows))
	}
	out, err := f.vn.node.opener.Open(context.Background(), rows[0])
	if err != nil {
		f.t.Fatal(err)
	}
	return out.Data
}

// A checkpoint that our witness refuses, because its proof does not hold, is
// compared with the log's own tiles as soon as these reach so far.
func TestP5RefusedCheckpointIsLookedAt(t *testing.T) {
	f := newForker(t)
	for range 2 {
		f.vn.deliver()
	}
	f.showKH()
	fork, err := f.kh.node.logSigner.Sign(3, tlog.Hash{9})
	if err != nil {
		t.Fatal(err)
	}
	body := record.AddCheckpoint{OldSize: 2, Proof: []tlog.Hash{{1}}, Checkpoint: fork}.Marshal()
	req, err := http.NewRequest(http.MethodPost, "https://"+f.vn.listen+"/v1/log/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := f.kh.do(req); err != nil || r.status != http.StatusUnprocessableEntity {
		t.Fatalf("answered %d %s %v", r.status, r.body, err)
	}
	f.vn.deliver()
	_ = f.vn.node.watch.Compare(context.Background(), "KH")
	if n := len(f.alarms("split_view")); n != 1 {
		t.Errorf("%d split views are recorded", n)
	}
}

// A partner that has countersigned more of our log than there is, or says that it
// does not extend what it countersigned, is evidence that we have gone back: in
// the record, counted, and before an operator. Once is a race with another
// process of ours.
func TestP5OurOwnLogHasGoneBack(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body       string
		rounds     int
		kind, told string
	}{
		"it has seen more":               {http.StatusConflict, "100\n", 2, "witness_ahead", "it has countersigned our log at 100 entries, and now there are"},
		"it has seen more, once":         {http.StatusConflict, "100\n", 1, "", ""},
		"it has seen another":            {http.StatusConflict, "0\n", 1, "witness_refused", "does not extend what it countersigned"},
		"it has seen what we do not own": {http.StatusUnprocessableEntity, "no\n", 1, "witness_refused", "does not extend what it countersigned"},
		"it answers nonsense":            {http.StatusConflict, "many\n", 2, "", ""},
		"it is broken":                   {http.StatusInternalServerError, "", 2, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			p.kh.behave(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/v1/log/add-checkpoint" {
						w.WriteHeader(c.status)
						_, _ = io.WriteString(w, c.body)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
			kh, ok := p.vn.node.registry.Current().Partner("KH")
			if !ok {
				t.Fatal("no partner KH")
			}
			for range c.rounds {
				if err := p.vn.node.watch.Show(context.Background(), kh); err == nil {
					t.Fatal("it was countersigned")
				}
			}
			rows := p.vn.rows(exchange.Filter{Kind: exchange.KindEvent})
			if c.kind == "" {
				if len(rows) > 0 || len(p.vn.node.watch.Warnings()) > 0 {
					t.Errorf("%d alarms, %v", len(rows), p.vn.node.watch.Warnings())
				}
				return
			}
			if len(rows) != 1 || rows[0].Type != c.kind || rows[0].Partner != "KH" || !p.vn.told(c.told) || metric(t, p.vn, "gateway_log_alarms_total") != 1 {
				t.Errorf("%d alarms are recorded, an operator is told %v", len(rows), p.vn.readyz().Warnings)
			}
		})
	}
}
