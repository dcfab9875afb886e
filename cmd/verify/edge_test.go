package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// A sparse is a file in memory that does not hold long runs of zeros.
type sparse struct {
	size   int64
	chunks map[int64][]byte // by offset
}

var zeros = make([]byte, 8<<20)

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) != len(zeros) || !bytes.Equal(p, zeros) {
		s.chunks[s.size] = bytes.Clone(p)
	}
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	for offset, chunk := range s.chunks {
		if offset < at+int64(len(p)) && at < offset+int64(len(chunk)) {
			copy(p[max(0, offset-at):], chunk[max(0, at-offset):])
		}
	}
	if left := s.size - at; left < int64(len(p)) {
		return int(max(0, left)), io.EOF
	}
	return len(p), nil
}

// A bundle of years is larger than the fields of an old zip can say.
func TestArchiveBeyond4GiB(t *testing.T) {
	const blocks = 520
	file := &sparse{chunks: map[int64][]byte{}}
	z := zip.NewWriter(file)
	size := uint64(blocks * len(zeros))
	to, err := z.CreateRaw(&zip.FileHeader{
		Name: "entries.jsonl", Method: zip.Store, Flags: 8, CompressedSize64: size, UncompressedSize64: size,
	})
	for range blocks {
		if err == nil {
			_, err = to.Write(zeros)
		}
	}
	if err == nil {
		to, err = z.Create("manifest.note")
	}
	if err == nil {
		_, err = to.Write([]byte("x"))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	r := newReport(options{})
	b, err := readBundle(file, file.size, r)
	if err != nil || len(r.findings) != 0 || len(b.files) != 2 {
		t.Fatalf("%v %+v", err, r.findings)
	}
	for offset, chunk := range file.chunks { // the 64-bit end record points elsewhere
		if bytes.HasPrefix(chunk, []byte("PK\x06\x06")) || bytes.Contains(chunk, []byte("PK\x06\x06")) {
			i := bytes.Index(chunk, []byte("PK\x06\x06"))
			chunk[i+76]++ // the locator's signature is not one any more
			file.chunks[offset] = chunk
		}
	}
	r = newReport(options{})
	if _, err := readBundle(file, file.size, r); err == nil && len(r.findings) == 0 {
		t.Error("a broken end record is not noticed")
	}
}

func TestLineTooLong(t *testing.T) {
	in := bufio.NewReader(io.MultiReader(bytes.NewReader(make([]byte, maxLine)), strings.NewReader("x\n")))
	if _, err := readLine(in); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

func TestTooManyUnansweredMessages(t *testing.T) {
	s := sentMessages{bytes: maxUnsettled - 10}
	e := &entry{data: "0123456789", leaf: leaf{partner: "KH", jti: "1"}}
	if err := s.add(e); err != nil {
		t.Error(err)
	}
	if _, ok := s.settle(e.leaf); !ok || s.bytes != maxUnsettled-10 {
		t.Errorf("%d bytes after a receipt", s.bytes)
	}
	e.data += "x"
	if err := s.add(e); err == nil {
		t.Error("no limit")
	}
}

// A leaf has one spelling also where JSON would allow several.
func TestLeafSpelling(t *testing.T) {
	const head, tail = `{"v":1,"kind":"event","jti":"`, `","at":"2026-11-23T10:00:00.000Z","commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
	for text, good := range map[string]bool{
		"plain": true, `\"\\`: true, `\u0001\u001f`: true, "<&>\u2028é": true,
		`\n`: false, `\u000A`: false, `\/`: false, `\u0041`: false, `\u003c`: false, "\x01": false, "\xff": false, `\ud800`: false, "": false,
	} {
		if _, err := parseLeaf([]byte(head + text + tail)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	for about, l := range map[string]string{
		"seq 0":           `{"v":1,"kind":"event","seq":0` + tail[1:],
		"seq with zeros":  `{"v":1,"kind":"event","seq":01` + tail[1:],
		"seq as float":    `{"v":1,"kind":"event","seq":1.0` + tail[1:],
		"seq beyond":      `{"v":1,"kind":"event","seq":9223372036854775808` + tail[1:],
		"order":           `{"kind":"event","v":1` + tail[1:],
		"other time":      head + "a" + strings.Replace(tail, ".000Z", "Z", 1),
		"other zone":      head + "a" + strings.Replace(tail, ".000Z", ".000+00:00", 1),
		"no such day":     head + "a" + strings.Replace(tail, "11-23", "02-30", 1),
		"loose base64":    head + "a" + strings.Replace(tail, `AA"}`, `AB"}`, 1),
		"something after": head + "a" + tail + " ",
		"two leaves":      head + "a" + tail + head + "a" + tail,
	} {
		if _, err := parseLeaf([]byte(l)); err == nil {
			t.Errorf("%s: was taken", about)
		}
	}
}

func TestProofText(t *testing.T) {
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	const head = "c2sp.org/tlog-proof@v1\n"
	for text, good := range map[string]bool{
		head + "index 7\n" + hash + "\nnote":              true,
		head + "extra AAAA\nindex 7\n\nnote":              true,
		head + "index 0\n\nnote\n\nmore":                  true,
		head + "extra AAA\nindex 7\n\nnote":               false,
		head + "extra AAAA\n\nnote":                       false,
		head + "index -1\n\nnote":                         false,
		head + "index 07\n\nnote":                         false,
		head + "index 9223372036854775808\n\nnote":        false,
		head + "index 7\n" + hash:                         false,
		head + "index 7\n" + hash[1:] + "\nnote":          false,
		head + strings.Repeat("x\n", 70) + "\nnote":       false,
		head + "\nnote":                                   false,
		strings.ToUpper(head) + "index 7\n\nnote":         false,
		head + "index 7\n\n" + strings.Repeat("x", 1<<18): false,
	} {
		if _, ok := parseProof(text); ok != good {
			t.Errorf("%.80q: %t", text, ok)
		}
	}
}

func TestCheckpointText(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	for text, good := range map[string]bool{
		"log\n7\n" + root:                   true,
		"log\n7\n" + root + "extension\n":   true,
		"log\n1125899906842624\n" + root:    true,
		"log\n1125899906842625\n" + root:    false, // tlog would still end; nobody has such a log
		"log\n9223372036854775807\n" + root: false, // tlog would not end
		"log\n-7\n" + root:                  false,
		"log\n+7\n" + root:                  false,
		"log\n07\n" + root:                  false,
		"\n7\n" + root:                      false,
		"log\n7\n" + root + "\n":            false,
		"log\n7\n" + root[:44]:              false,
		"log\n7\n":                          false,
		"log\n7\n" + root[1:]:               false,
	} {
		if _, err := parseCheckpoint(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	huge := checkpoint{size: 1 << 62}
	if huge.includes(nil, 0, nil) || (checkpoint{size: 1}).includes(nil, -1, nil) || (checkpoint{size: 1}).includes(nil, 1, nil) {
		t.Error("an absurd tree includes something")
	}
}

// A receipt can only be given under a tree that was there.
func TestReceiptUnderALargerTree(t *testing.T) {
	log := newNoteKey("vn.example/log", false)
	w := newWorld(lie{})
	w.lie.proof = func(i int64, _, _ string) string {
		tree := &testTree{}
		for _, l := range w.lines {
			tree.add([]byte(l.Leaf))
		}
		tree.add([]byte("what never came"))
		return proofOf(tree, log, i)
	}
	w.in("KH", "kh-message-1")
	expect(t, zipOf(w.export(testScope{}, nil).seal()), 1, "entry 0: its receipt was given under a tree larger than the bundle's")
}

// Two machines with clocks that differ do not make an honest record a false one.
func TestClockSetBack(t *testing.T) {
	w := newWorld(lie{})
	w.in("KH", "kh-message-1")
	w.clock = w.clock.Add(-time.Hour)
	w.in("KH", "kh-message-2")
	got := verifyZip(t, zipOf(w.export(testScope{}, nil).seal()), w.log.vkey)
	if got.code != 0 || !strings.Contains(got.stdout, "1 entries carry a time before") {
		t.Errorf("code %d\n%s", got.code, got.stdout)
	}
}

// The tree that is built anew is tlog's, at every size.
func TestRootOfAllLeaves(t *testing.T) {
	tree, c := &testTree{}, newRecordCheck(scope{}, checkpoint{})
	for n := range 300 {
		if leaf := fmt.Appendf(nil, "leaf %d", n); c.grow(leaf) == nil {
			tree.add(leaf)
		}
		if c.root() != tree.root() {
			t.Fatalf("another root at size %d", n+1)
		}
	}
}
