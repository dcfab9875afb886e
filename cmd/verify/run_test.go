package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// judged is what one run came to.
type judged struct {
	code           int
	stdout, stderr string
}

// verifyZip runs the program on an archive; a key file is written when keys is
// not empty. Whatever comes out, it must not hold what a message says.
func verifyZip(t *testing.T, archive []byte, keys string, args ...string) judged {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "bundle.zip")
	write(t, path, string(archive))
	if keys != "" {
		write(t, filepath.Join(dir, "keys"), keys)
		args = append(args, "--key", filepath.Join(dir, "keys"))
	}
	return runVerify(t, append(args, path)...)
}

func runVerify(t *testing.T, args ...string) judged {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, &stdout, &stderr)
	for _, word := range []string{secret, "Bi Mat", b64([]byte(secret))[:16]} {
		if strings.Contains(stdout.String()+stderr.String(), word) {
			t.Errorf("the output holds what a message says: %q", word)
		}
	}
	return judged{code, stdout.String(), stderr.String()}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lastJSON reads the last line of the output.
func lastJSON(t *testing.T, stdout string) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	var out map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &out); err != nil {
		t.Fatalf("the last line is not JSON: %v\n%s", err, stdout)
	}
	return out
}

// A message that was given up and then sent again has a failure, or several, and
// a receipt behind them. A second receipt, or a failure behind the receipt, is
// still one too many.
func TestSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*world)
		says string
	}{
		"given up":              {func(w *world) {}, ""},
		"delivered after all":   {func(w *world) { w.receipt("LA", "vn-message-1") }, ""},
		"given up twice":        {func(w *world) { w.other("failure", "LA", "out", "vn-message-1"); w.receipt("LA", "vn-message-1") }, ""},
		"two receipts":          {func(w *world) { w.receipt("LA", "vn-message-1"); w.receipt("LA", "vn-message-1") }, "entry 3: a receipt for a message"},
		"failed after delivery": {func(w *world) { w.receipt("LA", "vn-message-1"); w.other("failure", "LA", "out", "vn-message-1") }, "entry 3: a failure of a message"},
		"failure of nothing":    {func(w *world) { w.other("failure", "LA", "out", "vn-message-9") }, "entry 2: a failure of a message"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(lie{})
			w.out("LA", "vn-message-1")
			w.other("failure", "LA", "out", "vn-message-1")
			c.then(w)
			code := 0
			if c.says != "" {
				code = 1
			}
			got := verifyZip(t, zipOf(w.export(testScope{}, nil).seal()), "")
			if got.code != code || !strings.Contains(got.stdout, c.says) {
				t.Errorf("code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}

func TestHonestBundles(t *testing.T) {
	partner := func(code string) func(testLeaf) bool { return func(l testLeaf) bool { return l.partner == code } }
	from := func(n int) func(*world) testScope {
		return func(w *world) testScope {
			return testScope{From: w.leaves[n].at.Format("2006-01-02T15:04:05.999Z07:00")}
		}
	}
	for name, c := range map[string]struct {
		scope func(*world) testScope
		keep  func(testLeaf) bool
		more  func(*parts)
		says  string
	}{
		"whole record": {says: "EVERYTHING HOLDS"},
		"one partner": {
			scope: func(*world) testScope { return testScope{Partner: "KH"} }, keep: partner("KH"), says: "with partner KH",
		},
		"one case": {
			scope: func(*world) testScope { return testScope{Case: "case-of-vn-message-1"} },
			keep:  func(l testLeaf) bool { return l.caseID == "case-of-vn-message-1" },
		},
		"from a time": {
			scope: from(3), keep: func(l testLeaf) bool { return l.at.Second() >= 6 }, says: "from before the scope",
		},
		"until a time": {
			scope: func(w *world) testScope { return testScope{To: w.leaves[5].at.Format("2006-01-02T15:04:05.999Z07:00")} },
			keep:  func(l testLeaf) bool { return l.at.Second() < 9 },
		},
		"keys with a window": {more: func(p *parts) { p.keys["KH"][0]["nbf"], p.keys["KH"][0]["exp"] = 1795000000, 1795800000 }},
		"a retired key":      {more: func(p *parts) { p.keys["VN"] = append(p.keys["VN"], sharedKeys()["CN"].jwk) }},
		"a cosigned checkpoint": {
			more: func(p *parts) {
				text, _, _ := strings.Cut(string(p.files["checkpoint"]), "\n\n")
				p.files["checkpoint"] = append(p.files["checkpoint"], newNoteKey("kh.example/witness", true).line(text+"\n")...)
			},
			says: "1 more signatures of keys that were not given",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, scope := play(lie{}), testScope{}
			if c.scope != nil {
				scope = c.scope(w)
			}
			p := w.export(scope, c.keep)
			if c.more != nil {
				c.more(p)
			}
			for _, keys := range []string{"", w.log.vkey + "\n"} {
				if got := verifyZip(t, zipOf(p.seal()), keys); got.code != 0 || !strings.Contains(got.stdout, c.says) {
					t.Errorf("code %d\n%s%s", got.code, got.stdout, got.stderr)
				}
			}
		})
	}
}

func TestErasedEntryIsFine(t *testing.T) {
	w := play(lie{})
	for _, n := range []int{1, 2, 3} {
		w.erase(n)
	}
	got := verifyZip(t, zipOf(w.export(testScope{}, nil).seal()), w.log.vkey, "--json")
	if got.code != 0 || lastJSON(t, got.stdout)["erased"] != 3.0 {
		t.Errorf("code %d\n%s", got.code, got.stdout)
	}
}

func TestGivenKeys(t *testing.T) {
	w := play(lie{})
	archive := zipOf(w.export(testScope{}, nil).seal())
	all := "# the logs\n\n" + w.log.vkey + "\n" + w.others["KH"].vkey + "\n"
	got := verifyZip(t, archive, all)
	if got.code != 0 || strings.Contains(got.stdout, "was not checked") || strings.Contains(got.stdout, "NO --key") {
		t.Errorf("with the keys of both logs: code %d\n%s", got.code, got.stdout)
	}
	got = verifyZip(t, archive, "")
	sum := sha256.Sum256([]byte(w.log.vkey))
	for _, want := range []string{"NO --key WAS GIVEN", "not where it comes from", w.log.vkey, hex.EncodeToString(sum[:]), "2 receipts carry a proof"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("without keys, the output lacks %q:\n%s", want, got.stdout)
		}
	}
}

func TestCosignatures(t *testing.T) {
	w := play(lie{})
	witness := newNoteKey("kh.example/witness", true)
	p := w.export(testScope{}, nil)
	honest := string(p.files["checkpoint"])
	text, _, _ := strings.Cut(honest, "\n\n")
	keys := w.log.vkey + "\n" + witness.vkey
	p.files["checkpoint"] = []byte(honest + witness.line(text+"\n"))
	if got := verifyZip(t, zipOf(p.seal()), keys); got.code != 0 || !strings.Contains(got.stdout, "cosigned  by kh.example/witness") {
		t.Errorf("a good cosignature: code %d\n%s", got.code, got.stdout)
	}
	p.files["checkpoint"] = []byte(honest + witness.line(text+"0\n"))
	if got := verifyZip(t, zipOf(p.seal()), keys); got.code != 1 || !strings.Contains(got.stdout, "checkpoint: its signature does not hold") {
		t.Errorf("a false cosignature: code %d\n%s", got.code, got.stdout)
	}
}

func TestJSON(t *testing.T) {
	w := play(lie{})
	p := w.export(testScope{}, nil)
	got := verifyZip(t, zipOf(p.seal()), "", "--json")
	root := w.tree.root()
	want := map[string]any{
		"ok": true, "entries": 16.0, "messages": 9.0, "receipts": 8.0, "erased": 0.0, "origin": "vn.example/log", "size": 16.0,
		"root": p.manifest.Root, "keys": "bundle", "findings": []any{},
	}
	if out := lastJSON(t, got.stdout); !reflect.DeepEqual(out, want) || got.code != 0 || root.String() != p.manifest.Root {
		t.Errorf("got %v\nwant %v", out, want)
	}
	p.lines[4].Data = p.lines[1].Data
	got = verifyZip(t, zipOf(p.seal()), w.log.vkey, "--json")
	out := lastJSON(t, got.stdout)
	findings, _ := out["findings"].([]any)
	if got.code != 1 || out["ok"] != false || out["keys"] != "given" || len(findings) == 0 {
		t.Fatalf("code %d, %v", got.code, out)
	}
	first, _ := findings[0].(map[string]any)
	if len(first) != 3 || first["file"] != "entries.jsonl" || first["entry"] != 4.0 || !strings.Contains(first["what"].(string), "commits to") {
		t.Errorf("the first finding: %v", first)
	}
	got = verifyZip(t, []byte("not a zip"), "", "--json")
	if out := lastJSON(t, got.stdout); got.code != 2 || out["ok"] != false || len(out["findings"].([]any)) != 1 {
		t.Errorf("an unusable file: code %d, %v", got.code, out)
	}
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	w := play(lie{})
	write(t, at("b.zip"), string(zipOf(w.export(testScope{}, nil).seal())))
	write(t, at("key"), w.log.vkey+"\n")
	write(t, at("bad-key"), "vn.example/log+00000000+AAAA\n")
	write(t, at("no-key"), "# nothing\n")
	write(t, at("-odd"), "")
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"nothing":             {nil, 2},
		"file":                {[]string{at("b.zip")}, 0},
		"flags after":         {[]string{at("b.zip"), "--json", "--key", at("key")}, 0},
		"flags before":        {[]string{"--key", at("key"), "--json", at("b.zip")}, 0},
		"one dash":            {[]string{"-key=" + at("key"), "-json", at("b.zip")}, 0},
		"equals":              {[]string{at("b.zip"), "--key=" + at("key")}, 0},
		"after dashes":        {[]string{"--json", "--", at("b.zip")}, 0},
		"help":                {[]string{"--help"}, 0},
		"two files":           {[]string{at("b.zip"), at("b.zip")}, 2},
		"unknown flag":        {[]string{at("b.zip"), "--trust"}, 2},
		"json with a value":   {[]string{at("b.zip"), "--json=false"}, 2},
		"key without file":    {[]string{at("b.zip"), "--key"}, 2},
		"two keys":            {[]string{at("b.zip"), "--key", at("key"), "--key", at("key")}, 2},
		"key file missing":    {[]string{at("b.zip"), "--key", at("none")}, 2},
		"key file bad":        {[]string{at("b.zip"), "--key", at("bad-key")}, 2},
		"key file empty":      {[]string{at("b.zip"), "--key", at("no-key")}, 2},
		"key is a folder":     {[]string{at("b.zip"), "--key", dir}, 2},
		"bundle missing":      {[]string{at("none.zip")}, 2},
		"bundle is a folder":  {[]string{dir}, 2},
		"bundle is not a zip": {[]string{at("key")}, 2},
		"bundle is empty":     {[]string{"--", at("-odd")}, 2},
		"empty name":          {[]string{""}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := runVerify(t, c.args...); got.code != c.code || c.code == 2 && got.stderr == "" {
				t.Errorf("code %d, want %d\n%s%s", got.code, c.code, got.stdout, got.stderr)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// What could not be said must not end in "it holds".
func TestOutputThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.zip")
	write(t, path, string(zipOf(small())))
	if code := run([]string{path}, brokenPipe{}, io.Discard); code != 2 {
		t.Errorf("code %d", code)
	}
}

func TestManyFindingsAreCounted(t *testing.T) {
	r := newReport(options{bundle: "b"})
	for i := range int64(maxFindings + 7) {
		r.findAt("f", i, "x")
	}
	var out bytes.Buffer
	if err := r.print(&out, io.Discard, true); err != nil || !strings.Contains(out.String(), "7 more findings") || r.exit() != 1 {
		t.Errorf("%v %s", err, out.String())
	}
}

// The verifier is worth something because it is small and not ours.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.Standard}} {{.ImportPath}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for line := range strings.Lines(string(out)) {
		standard, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case path == "net" || strings.HasPrefix(path, "net/") || path == "os/exec" || path == "plugin":
			t.Errorf("the verifier could reach out with %s", path)
		case standard == "true" || strings.HasPrefix(path, "golang.org/x/mod/"):
		case strings.HasSuffix(path, "/cmd/verify"):
			own++
		default:
			t.Errorf("the verifier depends on %s", path)
		}
	}
	if own != 1 {
		t.Errorf("the list is not of the verifier: %s", out)
	}
}
