package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// linesOf splits entries.jsonl.
func linesOf(files []testFile) []string {
	return strings.SplitAfter(strings.TrimSuffix(string(fileOf(files, "entries.jsonl").data), "\n"), "\n")
}

func fileOf(files []testFile, name string) *testFile {
	for i := range files {
		if files[i].name == name {
			return &files[i]
		}
	}
	return &testFile{}
}

func setLines(files []testFile, lines []string) []testFile {
	fileOf(files, "entries.jsonl").data = []byte(strings.TrimSuffix(strings.Join(lines, ""), "\n") + "\n")
	return files
}

func without(files []testFile, name string) []testFile {
	return slices.DeleteFunc(files, func(f testFile) bool { return f.name == name })
}

func replaced(files []testFile, name, from, to string) []testFile {
	f := fileOf(files, name)
	f.data = bytes.Replace(f.data, []byte(from), []byte(to), 1)
	return files
}

// expect checks one tampered archive: the code, and that a finding says what
// is wrong, and where.
func expect(t *testing.T, archive []byte, code int, says string) {
	t.Helper()
	got := verifyZip(t, archive, newNoteKey("vn.example/log", false).vkey, "--json")
	if got.code != code || !strings.Contains(got.stdout+got.stderr, says) {
		t.Errorf("code %d, want %d and %q\n%s%s", got.code, code, says, got.stdout, got.stderr)
	}
	if got := verifyZip(t, archive, ""); got.code == 0 {
		t.Errorf("without --key the code is 0\n%s", got.stdout)
	}
}

const altered = "it was altered"

var tamperedBundles = map[string]struct {
	change func([]testFile) []testFile
	says   string
}{
	"entry edited":        {func(f []testFile) []testFile { return replaced(f, "entries.jsonl", `"data":"e`, `"data":"f`) }, altered},
	"entry deleted":       {func(f []testFile) []testFile { l := linesOf(f); return setLines(f, slices.Delete(l, 4, 5)) }, altered},
	"last entry deleted":  {func(f []testFile) []testFile { l := linesOf(f); return setLines(f, l[:len(l)-1]) }, "15 entries, the manifest says 16"},
	"all entries deleted": {func(f []testFile) []testFile { fileOf(f, "entries.jsonl").data = nil; return f }, "0 entries, the manifest says 16"},
	"entry inserted":      {func(f []testFile) []testFile { l := linesOf(f); return setLines(f, slices.Insert(l, 4, l[3])) }, "entry 3: this index is there twice"},
	"entries reordered":   {func(f []testFile) []testFile { l := linesOf(f); l[4], l[5] = l[5], l[4]; return setLines(f, l) }, "entry 4: its index is not above"},
	"line cut": {func(f []testFile) []testFile {
		e := fileOf(f, "entries.jsonl")
		e.data = e.data[:len(e.data)-9]
		return f
	}, "line 16: it is cut short"},
	"empty line": {func(f []testFile) []testFile {
		e := fileOf(f, "entries.jsonl")
		e.data = append(e.data, '\n')
		return f
	}, "line 17: the line cannot be read"},
	"extra file":         {func(f []testFile) []testFile { return append(f, testFile{"certs/XX.pem", []byte("x")}) }, "certs/XX.pem: the manifest does not list this file"},
	"extra folder":       {func(f []testFile) []testFile { return append(f, testFile{"certs/", nil}) }, "does not belong in a bundle"},
	"file removed":       {func(f []testFile) []testFile { return without(f, "certs/KH.pem") }, "certs/KH.pem: the manifest lists this file, and it is missing"},
	"entries removed":    {func(f []testFile) []testFile { return without(f, "entries.jsonl") }, "entries.jsonl: the manifest lists this file"},
	"checkpoint removed": {func(f []testFile) []testFile { return without(f, "checkpoint") }, "checkpoint: the manifest lists this file"},
	"log key removed":    {func(f []testFile) []testFile { return without(f, "keys/log.vkey") }, "keys/log.vkey: the manifest lists this file"},
	"party keys removed": {func(f []testFile) []testFile { return without(f, "keys/parties.json") }, "is not among its party's keys"},
	"readme edited":      {func(f []testFile) []testFile { return replaced(f, "README.txt", "Read", "Burn") }, "README.txt: it is not the file that the manifest lists"},
	"log key replaced": {func(f []testFile) []testFile {
		fileOf(f, "keys/log.vkey").data = []byte(newNoteKey("evil.example/log", false).vkey + "\n")
		return f
	}, altered},
	"checkpoint root edited": {func(f []testFile) []testFile { return replaced(f, "checkpoint", "\n16\n", "\n17\n") }, "checkpoint: its signature does not hold"},
	"checkpoint of an earlier tree": {func(f []testFile) []testFile {
		w := newWorld(lie{})
		w.in("KH", "kh-message-1")
		fileOf(f, "checkpoint").data = []byte(w.log.head(1, w.tree.root()))
		return f
	}, "its size and root are not those of the manifest"},
	"checkpoint not a note": {func(f []testFile) []testFile { fileOf(f, "checkpoint").data = []byte("x\n"); return f }, "checkpoint: it is not a signed note"},
	"manifest edited": {func(f []testFile) []testFile {
		return replaced(f, "manifest.note", "repatriation-evidence/v1", "repatriation-evidence/v2")
	}, "manifest.note: its signature does not hold"},
	"manifest reason edited": {func(f []testFile) []testFile { return replaced(f, "manifest.note", "test", "best") }, "manifest.note: its signature does not hold"},
	"manifest without signature": {func(f []testFile) []testFile {
		m := fileOf(f, "manifest.note")
		m.data = m.data[:bytes.Index(m.data, []byte("\n—"))]
		return f
	}, "manifest.note: it is not a signed note"},
	"manifest with a second signature": {func(f []testFile) []testFile {
		m := fileOf(f, "manifest.note")
		m.data = append(m.data, newNoteKey("evil.example/log", false).line("x\n")...)
		return f
	}, "it carries more than the one signature"},
	"manifest signature repeated": {func(f []testFile) []testFile {
		m := fileOf(f, "manifest.note")
		m.data = append(m.data, m.data[bytes.Index(m.data, []byte("— ")):]...)
		return f
	}, "it carries more than the one signature"},
	"manifest signature of another": {func(f []testFile) []testFile {
		m := fileOf(f, "manifest.note")
		text, _, _ := strings.Cut(string(m.data), "\n\n")
		m.data = []byte(newNoteKey("evil.example/log", false).sign(text + "\n"))
		return f
	}, "the expected key has not signed it"},
}

// Somebody changes a bundle without the log's key.
func TestTamperedBundle(t *testing.T) {
	honest := play(lie{}).export(testScope{}, nil).seal()
	for name, c := range tamperedBundles {
		t.Run(name, func(t *testing.T) {
			files := make([]testFile, len(honest))
			for i, f := range honest {
				files[i] = testFile{f.name, bytes.Clone(f.data)}
			}
			expect(t, zipOf(c.change(files)), 1, c.says)
		})
	}
}

func line(n int, change func(*testLine)) func(*parts) {
	return func(p *parts) { change(&p.lines[n]) }
}

func drop(n int) func(*parts) {
	return func(p *parts) { p.lines = slices.Delete(p.lines, n, n+1); p.count() }
}

func text(from, to string) func(*parts) {
	return func(p *parts) {
		for _, l := range p.lines {
			p.text += l.String()
		}
		p.text = strings.Replace(p.text, from, to, 1)
	}
}

func rewritten(from, to string) func(*parts) {
	return func(p *parts) {
		p.rewrite = func(s string) string { return strings.Replace(s, from, to, 1) }
	}
}

func filed(name string, data func(*world) string) func(*parts) {
	return func(p *parts) { p.files[name] = []byte(data(p.w)) }
}

var tamperedAndSignedAgain = map[string]struct {
	change func(*parts)
	says   string
}{
	"data edited":        {line(1, func(l *testLine) { l.Data = "A" + l.Data[1:] }), "entry 1: its data and salt are not what its leaf commits to"},
	"data of a refusal":  {line(6, func(l *testLine) { l.Data = `{}` }), "entry 6: its data and salt"},
	"data removed":       {line(1, func(l *testLine) { l.Data = "" }), "entry 1: its data and salt"},
	"salts swapped":      {func(p *parts) { p.lines[1].Salt, p.lines[2].Salt = p.lines[2].Salt, p.lines[1].Salt }, "entry 2: its data and salt"},
	"salt removed":       {line(1, func(l *testLine) { l.Salt = "" }), "entry 1: its salt is not 32 bytes"},
	"salt too long":      {line(1, func(l *testLine) { l.Salt += "AA" }), "entry 1: its salt is not 32 bytes"},
	"salt loosely coded": {line(1, func(l *testLine) { l.Salt = l.Salt[:42] + "\n" + l.Salt[42:] }), "entry 1: its salt is not 32 bytes"},
	"entry deleted":      {drop(4), "entry 5: the entries from 4 to 4, which the scope claims, are missing"},
	"first deleted":      {drop(0), "entry 1: the entries from 0 to 0"},
	"last deleted":       {drop(15), "the entries after 14 are missing"},
	"root of all leaves": {drop(15), "the root that all leaves make together is not the checkpoint's"},
	"entry inserted": {func(p *parts) {
		p.lines = slices.Insert(p.lines, 5, p.lines[4])
		p.lines[5].Index = 100
	}, "entry 100: its leaf is not proved to be in the tree"},
	"entries reordered": {func(p *parts) { p.lines[3], p.lines[4] = p.lines[4], p.lines[3] }, "entry 3: its index is not above"},
	"indexes exchanged": {func(p *parts) {
		p.lines[3].Index, p.lines[4].Index = 4, 3
		p.lines[3], p.lines[4] = p.lines[4], p.lines[3]
	}, "entry 3: its leaf is not proved"},
	"index negative":         {line(0, func(l *testLine) { l.Index = -1 }), "line 1: the line has no usable index"},
	"index huge":             {line(15, func(l *testLine) { l.Index = 1 << 62 }), "line 16: the line has no usable index"},
	"receipt removed":        {line(1, func(l *testLine) { l.Receipt = "" }), "entry 1: an inbound message without the receipt"},
	"receipt of another":     {func(p *parts) { p.lines[9].Receipt = p.lines[10].Receipt }, "entry 9: the claim message of the receipt"},
	"receipt edited":         {line(1, func(l *testLine) { l.Receipt = l.Receipt[:len(l.Receipt)-8] + "AAAAAAAA" }), "entry 1: its receipt has a signature that does not hold"},
	"receipt where none is":  {func(p *parts) { p.lines[2].Receipt = p.lines[1].Receipt }, "entry 2: a receipt at an entry for which none is given"},
	"erased with data":       {line(1, func(l *testLine) { l.Erased = true }), "entry 1: it is marked erased and yet has data"},
	"erased with a salt":     {line(1, func(l *testLine) { l.Erased, l.Data, l.Receipt = true, "", "" }), "entry 1: it is marked erased and yet has data"},
	"leaf edited":            {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, "kh-message-1", "kh-message-9", 1) }), "entry 1: its leaf is not proved"},
	"leaf with a space":      {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `"kind":`, `"kind": `, 1) }), "entry 1: the leaf is not in its one canonical form"},
	"leaf with an escape":    {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `kh-m`, `\u006bh-m`, 1) }), "entry 1: the leaf is not in its one canonical form"},
	"leaf with a name more":  {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `"kind"`, `"x":1,"kind"`, 1) }), "entry 1: the leaf is not in its one canonical form"},
	"leaf with a name twice": {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `"kind"`, `"kind":"event","kind"`, 1) }), "entry 1: the leaf is not in its one canonical form"},
	"leaf of a new version":  {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `"v":1`, `"v":2`, 1) }), "entry 1: the leaf is of an unknown version"},
	"leaf of a new kind":     {line(1, func(l *testLine) { l.Leaf = strings.Replace(l.Leaf, `"message"`, `"gossip"`, 1) }), "entry 1: the leaf has an unknown kind"},
	"leaf is not JSON":       {line(1, func(l *testLine) { l.Leaf = "leaf" }), "entry 1: the leaf is not in its one canonical form"},
	"leaf too long":          {line(1, func(l *testLine) { l.Leaf = strings.Repeat("x", 1<<16) }), "entry 1: the leaf is too long"},
	"proof of another":       {func(p *parts) { p.lines[1].Proof = p.lines[2].Proof }, "entry 1: its leaf is not proved"},
	"proof removed":          {line(1, func(l *testLine) { l.Proof = nil }), "entry 1: the line has no inclusion proof"},
	"proof shortened":        {line(1, func(l *testLine) { l.Proof = l.Proof[1:] }), "entry 1: its leaf is not proved"},
	"proof with a hash more": {line(1, func(l *testLine) { l.Proof = append(l.Proof, l.Proof[0]) }), "entry 1: its leaf is not proved"},
	"proof of nonsense":      {line(1, func(l *testLine) { l.Proof[0] = "x" }), "entry 1: a hash of its inclusion proof cannot be read"},
	"proof endless":          {line(1, func(l *testLine) { l.Proof = slices.Repeat(l.Proof, 100) }), "entry 1: its leaf is not proved"},
	"line with a name more":  {text(`{"index":1,`, `{"index":1,"note":"x",`), "entry 1: the line cannot be read"},
	"line with a name twice": {text(`{"index":1,`, `{"index":1,"index":1,`), "line 2: the line cannot be read"},
	"line in capitals":       {text(`{"index":1,`, `{"INDEX":1,`), "line 2: the line cannot be read"},
	"line of a wrong type":   {text(`{"index":1,`, `{"index":1.0,`), "line 2: the line cannot be read"},
	"line is an array":       {text(`{"index":0`, `["index",0`), "line 1: the line cannot be read"},
	"manifest size":          {func(p *parts) { p.manifest.TreeSize++ }, "checkpoint: its size and root are not those of the manifest"},
	"manifest root":          {func(p *parts) { p.manifest.Root = "AAAA" }, "checkpoint: its size and root are not those of the manifest"},
	"manifest origin":        {func(p *parts) { p.manifest.Origin = "kh.example/log" }, "not by the log that it names"},
	"manifest count":         {func(p *parts) { p.manifest.Entries-- }, "it has 16 entries, the manifest says 15"},
	"manifest indexes":       {func(p *parts) { p.manifest.Indexes = "0-14" }, "its indexes are not those that the manifest lists"},
	"manifest party":         {func(p *parts) { p.manifest.Party = "KH" }, "entry 2: its message names a key"},
	"manifest with a member": {rewritten("{", `{"x":1,`), "manifest.note: it has a member that does not belong"},
	"manifest less a member": {rewritten(`  "party": "VN",`, ""), "manifest.note: a member is missing"},
	"manifest twice a name":  {rewritten("{", `{"party":"KH",`), "manifest.note: not one JSON object"},
	"manifest bad path":      {rewritten(`"README.txt"`, `"../README"`), "has a bad path"},
	"manifest bad hash":      {rewritten(`"sha256": "`, `"sha256": "x`), "has no usable hash"},
	"manifest not JSON":      {func(p *parts) { p.rewrite = func(string) string { return "x\n" } }, "manifest.note: not one JSON object"},
	"scope excludes entries": {func(p *parts) { p.manifest.Scope.Partner = "KH" }, "entry 4: it is outside the scope"},
	"scope of a bad time":    {func(p *parts) { p.manifest.Scope.From = "yesterday" }, "manifest.note: its scope"},
	"tree of absurd size":    {filed("checkpoint", func(w *world) string { return w.log.head(1<<62+1, w.tree.root()) }), "checkpoint: its tree is larger than any log"},
	"tree of negative size":  {filed("checkpoint", func(w *world) string { return w.log.head(-1, w.tree.root()) }), "checkpoint: it is not a checkpoint"},
	"tree of another root":   {filed("checkpoint", func(w *world) string { return w.log.head(16, tlog.Hash{1}) }), "its leaf is not proved"},
	"checkpoint of another":  {filed("checkpoint", func(w *world) string { return w.others["KH"].head(16, w.tree.root()) }), "checkpoint: the expected key has not signed it"},
	"checkpoint of another log": {func(p *parts) {
		p.files["checkpoint"] = []byte(p.w.log.sign(strings.Replace("kh.example/log\n16\nROOT\n", "ROOT", p.manifest.Root, 1)))
	}, "checkpoint: its origin is not the manifest's"},
	"checkpoint too long": {func(p *parts) { p.files["checkpoint"] = bytes.Repeat([]byte("x\n"), 1<<17) }, "checkpoint: it is longer"},
	"checkpoint of text":  {filed("checkpoint", func(w *world) string { return w.log.sign("hello\n") }), "checkpoint: it is not a checkpoint"},
	"log key of another":  {filed("keys/log.vkey", func(w *world) string { return w.others["KH"].vkey + "\n" }), "keys/log.vkey: it is not exactly the one key"},
	"log key with a friend": {func(p *parts) {
		p.files["keys/log.vkey"] = append(p.files["keys/log.vkey"], p.w.others["KH"].vkey+"\n"...)
	}, "keys/log.vkey: it is not exactly the one key"},
	"log key is nonsense": {filed("keys/log.vkey", func(w *world) string { return "x\n" }), "keys/log.vkey: not a verifier key"},
}

// The owner of the log's key signs a bundle that lies about the record.
func TestTamperedAndSignedAgain(t *testing.T) {
	for name, c := range tamperedAndSignedAgain {
		t.Run(name, func(t *testing.T) {
			p := play(lie{}).export(testScope{}, nil)
			c.change(p)
			expect(t, zipOf(p.seal()), 1, c.says)
		})
	}
}

// A bundle of another log, honest in itself, is not the one that was asked for.
func TestOtherKey(t *testing.T) {
	w := play(lie{})
	seed := sha256.Sum256([]byte("somebody else"))
	forger := *w.log
	forger.private = ed25519.NewKeyFromSeed(seed[:])
	forged := newWorld(lie{})
	forged.log = &testNoteKey{name: w.log.name, private: forger.private}
	raw := append([]byte{1}, forger.private.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(w.log.name+"\n"), raw...))
	forged.log.hash = binary.BigEndian.Uint32(sum[:])
	forged.log.vkey = fmt.Sprintf("%s+%08x+%s", w.log.name, forged.log.hash, base64.StdEncoding.EncodeToString(raw))
	forged.in("KH", "kh-message-1")
	archive := zipOf(forged.export(testScope{}, nil).seal())
	if got := verifyZip(t, archive, ""); got.code != 0 || !strings.Contains(got.stdout, "not where it comes from") {
		t.Errorf("with its own key: code %d\n%s", got.code, got.stdout)
	}
	for _, says := range []string{"manifest.note: the expected key has not signed it", "the bundle's key of the log is not the one that was given", "the checkpoint in the receipt is not signed by this log"} {
		if got := verifyZip(t, archive, w.log.vkey); got.code != 1 || !strings.Contains(got.stdout, says) {
			t.Errorf("with the real key: code %d, want %q\n%s", got.code, says, got.stdout)
		}
	}
	if got := verifyZip(t, archive, w.others["KH"].vkey); got.code != 1 {
		t.Errorf("with the key of another log: code %d\n%s", got.code, got.stdout)
	}
}
