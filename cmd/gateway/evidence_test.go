package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// verifier is cmd/verify, built once: the tests judge bundles with the program
// that an auditor has.
var verifier = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "verify")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "verify")
	out, err := exec.Command("go", "build", "-o", path, "../verify").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

func verify(t testing.TB, args ...string) (out string, code int) {
	t.Helper()
	path, err := verifier()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	data, _ := cmd.CombinedOutput() // the exit code says what matters
	return string(data), cmd.ProcessState.ExitCode()
}

// export runs the verb and returns its summary.
func (g *testGateway) export(path string, args ...string) exportSummary {
	g.t.Helper()
	out, errs, code := runGateway(g.t, append([]string{"export", "--config", g.config, "--output", path, "--reason", "a test", "--json"}, args...)...)
	if code != exitOK {
		g.t.Fatalf("export exits %d: %s", code, errs)
	}
	var s exportSummary
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		g.t.Fatal(err)
	}
	return s
}

type exportSummary struct {
	Entries  int64 `json:"entries"`
	Erased   int64 `json:"erased"`
	TreeSize int64 `json:"tree_size"`
}

// logKey writes the key that an auditor was given by another way.
func (g *testGateway) logKey() string {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "log.vkey")
	if err := os.WriteFile(path, []byte(g.node.logSigner.VerifierKey()+"\n"), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// converse plays two whole cases over the couriers, and one refusal; it returns
// the identifiers of the cases.
func (p *pair) converse(t testing.TB) []string {
	t.Helper()
	var cases []string
	for range 2 {
		asked := p.kh.submit("VN")
		arrived := func(g *testGateway, f exchange.Filter) func() bool {
			return func() bool { return len(g.rows(f)) == 1 }
		}
		eventually(t, "the request is receipted", arrived(p.kh, exchange.Filter{Kind: exchange.KindReceipt, ID: asked.ID}))
		answer, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{
			To: "KH", Type: "identity_verification_response", Case: asked.Case, InReplyTo: asked.ID,
			Body: json.RawMessage(`{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the answer is receipted", arrived(p.vn, exchange.Filter{Kind: exchange.KindReceipt, ID: answer.ID}))
		cases = append(cases, asked.Case)
	}
	p.kh.post(p.vn, bodyWith(func(s map[string]any) { s["sex"] = "F" })(p.kh))
	return cases
}

// What an export is: whole, in every scope, deterministic, recorded, private,
// and written while messages arrive.
func TestExport(t *testing.T) {
	p := newPair(t, "")
	cases := p.converse(t)
	key := p.vn.logKey()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.zip")
	first := p.vn.export(whole)
	if out, code := verify(t, whole, "--key", key); code != 0 || !strings.Contains(out, "the whole record") {
		t.Fatalf("verify exits %d:\n%s", code, out)
	}
	if info, err := os.Stat(whole); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the bundle has mode %v (%v)", info.Mode(), err)
	}
	accesses := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 {
		t.Fatalf("%d accesses are recorded", len(accesses))
	}
	opened, err := p.vn.node.opener.Open(t.Context(), accesses[0])
	if err != nil || !bytes.Contains(opened.Data, []byte(`"reason":"a test"`)) {
		t.Errorf("the access says %s (%v)", opened.Data, err)
	}

	again := filepath.Join(dir, "again.zip")
	p.vn.export(again, "--at", strconv.FormatInt(first.TreeSize, 10))
	if !bytes.Equal(readFile(t, whole), readFile(t, again)) {
		t.Error("the same scope and checkpoint give other bytes")
	}
	today := time.Now().UTC()
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"one case":     {[]string{"--case", cases[0]}, 0},
		"one partner":  {[]string{"--partner", "KH"}, 0},
		"a period":     {[]string{"--from", today.Add(-24 * time.Hour).Format(time.DateOnly), "--to", today.Add(24 * time.Hour).Format(time.DateOnly)}, 0},
		"case, period": {[]string{"--case", cases[1], "--from", today.Add(-time.Hour).Format(time.RFC3339)}, 0},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".zip")
		s := p.vn.export(path, c.args...)
		if out, code := verify(t, path, "--key", key); code != 0 || s.Entries == 0 || s.Entries > s.TreeSize {
			t.Errorf("%s: %d entries, verify exits %d:\n%s", name, s.Entries, code, out)
		}
	}
	for name, args := range map[string][]string{
		"no reason":       {"--output", filepath.Join(dir, "x.zip")},
		"existing file":   {"--output", whole, "--reason", "a test"},
		"bad period":      {"--output", filepath.Join(dir, "x.zip"), "--reason", "a test", "--from", "yesterday"},
		"control in text": {"--output", filepath.Join(dir, "x.zip"), "--reason", "a\ntest"},
		"empty scope":     {"--output", filepath.Join(dir, "x.zip"), "--reason", "a test", "--case", "nothing-here"},
		"unsigned size":   {"--output", filepath.Join(dir, "x.zip"), "--reason", "a test", "--at", "9999"},
	} {
		if _, _, code := runGateway(t, append([]string{"export", "--config", p.vn.config}, args...)...); code == exitOK {
			t.Errorf("%s: exported", name)
		}
		if _, err := os.Stat(filepath.Join(dir, "x.zip")); err == nil {
			t.Errorf("%s: half a bundle is left behind", name)
		}
	}

	// Messages arrive meanwhile.
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = p.kh.tryPost(p.vn, p.kh.sign(p.kh.claims("VN"))) // some are too fast
				}
			}
		})
	}
	for i := range 3 {
		path := filepath.Join(dir, "busy"+strconv.Itoa(i)+".zip")
		p.vn.export(path)
		if out, code := verify(t, path, "--key", key); code != 0 {
			t.Errorf("while messages arrive, verify exits %d:\n%s", code, out)
		}
	}
	close(stop)
	wait.Wait()
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// P9: erasure leaves every proof valid, in the record and in an export, and
// the person is gone.
func TestP9ErasureLeavesProofs(t *testing.T) {
	p := newPair(t, "")
	cases := p.converse(t)
	before := filepath.Join(t.TempDir(), "before.zip")
	p.vn.export(before)
	if err := p.vn.erase(t.Context(), exchange.CaseKey{Partner: "KH", Case: cases[0]}); err != nil {
		t.Fatal(err)
	}
	p.vn.check()
	for _, row := range p.vn.rows(exchange.Filter{Case: cases[0]}) {
		if row.Type == "case_erased" {
			continue // it says so, and nothing else
		}
		if _, err := p.vn.node.opener.Open(t.Context(), row); !errors.Is(err, exchange.ErrErased) {
			t.Errorf("entry %d can still be opened (%v)", row.Index, err)
		}
	}
	after := filepath.Join(t.TempDir(), "after.zip")
	s := p.vn.export(after)
	if want := len(p.vn.rows(exchange.Filter{Case: cases[0]})) - 1; want < 3 || s.Erased != int64(want) {
		t.Errorf("%d entries of the bundle are erased, want %d", s.Erased, want)
	}
	for _, path := range []string{before, after} {
		if out, code := verify(t, path, "--key", p.vn.logKey()); code != 0 {
			t.Errorf("%s: verify exits %d:\n%s", filepath.Base(path), code, out)
		}
	}
	c := p.kh.claims("VN")
	c.Case = cases[0]
	if slug, _, _ := p.kh.post(p.vn, p.kh.sign(c)).problem(); slug != "erased" {
		t.Errorf("a message in an erased case: %s", slug)
	}
	p.vn.check()
}

// P4: whoever holds the database (its triggers dropped, for its administrator
// may be bribed) can change nothing that check does not find, and no bundle
// that verify accepts comes out of it.
func TestP4BribedAdministrator(t *testing.T) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		t.Run(kind, func(t *testing.T) {
			for name, statements := range map[string][]string{
				"edit a ciphertext":      {`UPDATE entry SET data = (SELECT data FROM entry WHERE idx = 0) WHERE idx = 1`},
				"edit a leaf":            {`UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 0) WHERE idx = 1`},
				"edit leaf and hash":     {`UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE idx = 0), leaf_hash = (SELECT leaf_hash FROM entry WHERE idx = 0) WHERE idx = 1`},
				"edit a salt":            {`UPDATE entry SET salt = (SELECT salt FROM entry WHERE idx = 0) WHERE idx = 1`},
				"edit a receipt":         {`UPDATE entry SET receipt = data WHERE idx = 0`},
				"take a receipt away":    {`UPDATE entry SET receipt = NULL WHERE idx = 0`},
				"edit a partner":         {`UPDATE entry SET partner = 'LA' WHERE idx = 0`},
				"edit a type":            {`UPDATE entry SET type = 'something_else' WHERE idx = 0`},
				"edit a time":            {`UPDATE entry SET at = at - 86400000 WHERE idx = 0`},
				"edit a number":          {`UPDATE entry SET seq = 77 WHERE idx = 0`},
				"delete the last":        {`DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)`},
				"delete from the middle": {`DELETE FROM entry WHERE idx = 1`},
				"exchange two":           {`UPDATE entry SET idx = 1000 WHERE idx = 0`, `UPDATE entry SET idx = 0 WHERE idx = 1`, `UPDATE entry SET idx = 1 WHERE idx = 1000`},
				"edit a checkpoint":      {`UPDATE checkpoint SET note = (SELECT note FROM checkpoint ORDER BY size LIMIT 1) WHERE size = (SELECT max(size) FROM checkpoint)`},
				"edit the head":          {`UPDATE log_head SET checkpoint = (SELECT note FROM checkpoint ORDER BY size LIMIT 1)`},
			} {
				t.Run(name, func(t *testing.T) {
					url := ""
					if kind == "PostgreSQL" {
						url = newPostgres(t)
					}
					p := newPair(t, url)
					p.converse(t)
					p.vn.halt()
					bribe(t, p.vn, url, statements)
					out, errs, code := runGateway(t, "check", "--config", p.vn.config)
					if code != exitFailed {
						t.Errorf("check exits %d:\n%s%s", code, out, errs)
					}
					if name == "edit a checkpoint" {
						return // an older one; no bundle holds it
					}
					for i, scope := range [][]string{{}, {"--partner", "KH"}} {
						bundle := filepath.Join(t.TempDir(), "bundle"+strconv.Itoa(i)+".zip")
						args := append([]string{"export", "--config", p.vn.config, "--output", bundle, "--reason", "a test"}, scope...)
						if _, _, code := runGateway(t, args...); code == exitOK {
							if out, code := verify(t, bundle); code != 1 {
								t.Errorf("an exported bundle %v: verify exits %d:\n%s", scope, code, out)
							}
						}
					}
				})
			}
		})
	}
}

// bribe runs statements as the database's owner.
func bribe(t testing.TB, g *testGateway, url string, statements []string) {
	t.Helper()
	kind := store.SQLite
	if url != "" {
		kind = store.PostgreSQL
	}
	db := g.tables()
	// Without disarming the triggers the database refuses.
	if _, err := db.Exec(statements[0]); err == nil {
		t.Error("the table is not append-only")
	}
	rearm := disarm(t, db, kind)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	rearm()
}
