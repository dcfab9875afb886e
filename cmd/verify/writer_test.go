package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A testFile is one file of a bundle.
type testFile struct {
	name string
	data []byte
}

type testScope struct {
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Partner string `json:"partner,omitempty"`
	Case    string `json:"case,omitempty"`
}

type testManifest struct {
	Format   string      `json:"format"`
	Origin   string      `json:"origin"`
	Party    string      `json:"party"`
	Scope    testScope   `json:"scope"`
	Reason   string      `json:"reason"`
	TreeSize int64       `json:"tree_size"`
	Root     string      `json:"root"`
	Entries  int64       `json:"entries"`
	Indexes  string      `json:"indexes"`
	Files    []testEntry `json:"files"`
}

type testEntry struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// parts are a bundle before its manifest is signed.
type parts struct {
	w        *world
	lines    []testLine
	text     string // of entries.jsonl; "" is made from lines
	files    map[string][]byte
	keys     map[string][]map[string]any
	manifest testManifest
	signer   *testNoteKey
	rewrite  func(string) string // of the manifest's text
}

// export gathers the entries that keep says, all when it is nil.
func (w *world) export(scope testScope, keep func(testLeaf) bool) *parts {
	root := w.tree.root()
	p := &parts{w: w, signer: w.log, keys: map[string][]map[string]any{}}
	for party := range w.parties {
		jwk := map[string]any{}
		for name, value := range w.keys[party].jwk {
			jwk[name] = value
		}
		p.keys[party] = []map[string]any{jwk}
	}
	for i, l := range w.lines {
		if keep != nil && !keep(w.leaves[i]) {
			continue
		}
		l.Proof = []string{}
		for _, h := range w.tree.prove(int64(i)) {
			l.Proof = append(l.Proof, base64.StdEncoding.EncodeToString(h[:]))
		}
		p.lines = append(p.lines, l)
	}
	p.files = map[string][]byte{
		"README.txt": []byte("Read docs/evidence.md.\n"), "checkpoint": []byte(w.log.head(w.tree.size, root)),
		"keys/log.vkey": []byte(w.log.vkey + "\n"), "certs/KH.pem": []byte("no certificate\n"),
	}
	p.manifest = testManifest{
		Format: "repatriation-evidence/v1", Origin: w.log.name, Party: "VN", Scope: scope, Reason: "test " + secret,
		TreeSize: w.tree.size, Root: base64.StdEncoding.EncodeToString(root[:]),
	}
	p.count()
	return p
}

// count makes the manifest claim what the lines are.
func (p *parts) count() {
	p.manifest.Entries = int64(len(p.lines))
	var ranges []string
	for i := 0; i < len(p.lines); {
		j := i
		for j+1 < len(p.lines) && p.lines[j+1].Index == p.lines[j].Index+1 {
			j++
		}
		text := strconv.FormatInt(p.lines[i].Index, 10)
		if j > i {
			text += "-" + strconv.FormatInt(p.lines[j].Index, 10)
		}
		ranges, i = append(ranges, text), j+1
	}
	p.manifest.Indexes = strings.Join(ranges, ",")
}

// seal signs the manifest and returns the files in their order.
func (p *parts) seal() []testFile {
	text := p.text
	if text == "" {
		for _, l := range p.lines {
			text += l.String()
		}
	}
	p.files["entries.jsonl"] = []byte(text)
	if p.files["keys/parties.json"] == nil {
		keys, err := json.MarshalIndent(p.keys, "", "  ")
		if err != nil {
			panic(err)
		}
		p.files["keys/parties.json"] = keys
	}
	var files []testFile
	p.manifest.Files = nil
	for name, data := range p.files {
		files = append(files, testFile{name, data})
	}
	slices.SortFunc(files, func(a, b testFile) int { return strings.Compare(a.name, b.name) })
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		p.manifest.Files = append(p.manifest.Files, testEntry{f.name, hex.EncodeToString(sum[:]), int64(len(f.data))})
	}
	m, err := json.MarshalIndent(p.manifest, "", "  ")
	if err != nil {
		panic(err)
	}
	signed := string(m) + "\n"
	if p.rewrite != nil {
		signed = p.rewrite(signed)
	}
	return append([]testFile{{"manifest.note", []byte(p.signer.sign(signed))}}, files...)
}

// zipOf packs files as the gateway does.
func zipOf(files []testFile) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o600)
		to, err := z.CreateHeader(h)
		if err == nil {
			_, err = to.Write(f.data)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
