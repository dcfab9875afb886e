package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

// rawZip is a zip that a writer of package zip would not write; change gets
// the archive's bytes and where the directory and the end record begin.
func rawZip(change func(z []byte, directory, end int) []byte) []byte {
	z := zipOf(play(lie{}).export(testScope{}, nil).seal())
	end := len(z) - 22
	return change(z, int(binary.LittleEndian.Uint32(z[end+16:])), end)
}

// moved inserts bytes before the directory and corrects the end record.
func moved(z []byte, at int, with []byte, end int) []byte {
	z = slices.Insert(slices.Clone(z), at, with...)
	offset := z[end+len(with)+16:]
	binary.LittleEndian.PutUint32(offset, binary.LittleEndian.Uint32(offset)+uint32(len(with)))
	return z
}

// Every file is right, and the archive around them is a trap.
func TestTrickArchives(t *testing.T) {
	twice := func(name string) []byte {
		files := play(lie{}).export(testScope{}, nil).seal()
		return zipOf(append(files, *fileOf(files, name)))
	}
	named := func(name string) []byte {
		return zipOf(append(play(lie{}).export(testScope{}, nil).seal(), testFile{name, []byte("x")}))
	}
	const layout = "its structure is not plain"
	for name, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"entries twice":      {twice("entries.jsonl"), "entries.jsonl: the archive has this file twice"},
		"manifest twice":     {twice("manifest.note"), "manifest.note: the archive has this file twice"},
		"name with dots":     {named("../evil"), "does not belong in a bundle"},
		"name with dots 2":   {named("certs/../../evil"), "does not belong in a bundle"},
		"absolute name":      {named("/etc/evil"), "does not belong in a bundle"},
		"name of Windows":    {named(`C:\evil`), "does not belong in a bundle"},
		"hidden name":        {named(".evil"), "does not belong in a bundle"},
		"name of control":    {named("a\x1b[2J"), `a\x1b[2J`},
		"empty name":         {named(""), "does not belong in a bundle"},
		"long name":          {named(strings.Repeat("a", 300)), "does not belong in a bundle"},
		"other letters":      {named("Entries.jsonl"), "Entries.jsonl: the manifest does not list this file"},
		"bytes before":       {rawZip(func(z []byte, _, _ int) []byte { return append([]byte("#!/bin/sh\n"), z...) }), layout},
		"bytes in a gap":     {rawZip(func(z []byte, d, end int) []byte { return moved(z, d, []byte("a gap"), end) }), layout},
		"archive comment":    {rawZip(func(z []byte, _, end int) []byte { z[end+20] = 5; return append(z, "hello"...) }), "it carries a comment"},
		"bytes after":        {rawZip(func(z []byte, _, _ int) []byte { return append(z, 0) }), ""},
		"local name differs": {rawZip(func(z []byte, _, _ int) []byte { z[30] = 'n'; return z }), layout},
		"local method":       {rawZip(func(z []byte, _, _ int) []byte { z[8] = 0; return z }), layout},
		"local size":         {rawZip(func(z []byte, _, _ int) []byte { z[18] = 1; return z }), layout},
		"encrypted":          {rawZip(func(z []byte, d, _ int) []byte { z[6] |= 1; z[d+8] |= 1; return z }), "encrypted"},
		"unknown method":     {rawZip(func(z []byte, d, _ int) []byte { z[8] = 99; z[d+10] = 99; return z }), "packed in a way"},
		"descriptor":         {rawZip(func(z []byte, d, _ int) []byte { z[d-1] ^= 1; return z }), layout},
		"wrong checksum":     {rawZip(func(z []byte, d, _ int) []byte { z[d+16] ^= 1; return z }), "manifest.note: it is damaged"},
		"packed data broken": {rawZip(func(z []byte, _, _ int) []byte { z[bytes.Index(z, []byte("README.txt"))+30] ^= 0xff; return z }), "README.txt: it is damaged"},
		"symbolic link":      {rawZip(func(z []byte, d, _ int) []byte { binary.LittleEndian.PutUint32(z[d+38:], 0o120777<<16); return z }), "it is not a plain file"},
		"hidden tail":        {hiddenTail(t), "checkpoint: it is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verifyZip(t, c.archive, "", "--json")
			if got.code == 0 || !strings.Contains(got.stdout+got.stderr, c.says) || strings.Contains(got.stdout, "\x1b") {
				t.Errorf("code %d, want %q\n%s%s", got.code, c.says, got.stdout, got.stderr)
			}
		})
	}
}

// hiddenTail packs a file with bytes behind the end of its packed data.
func hiddenTail(t *testing.T) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, f := range play(lie{}).export(testScope{}, nil).seal() {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, 9)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(f.data)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if f.name == "checkpoint" {
			packed.WriteString("a note to somebody")
		}
		to, err := z.CreateRaw(&zip.FileHeader{
			Name: f.name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(f.data),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(f.data)),
		})
		if err == nil {
			_, err = to.Write(packed.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Another program's archive of the same files is as good: stored or packed,
// with sizes in front or behind.
func TestOtherWriters(t *testing.T) {
	files := play(lie{}).export(testScope{}, nil).seal()
	slices.Reverse(files)
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, f := range files {
		to, err := z.CreateRaw(&zip.FileHeader{
			Name: f.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(f.data),
			CompressedSize64: uint64(len(f.data)), UncompressedSize64: uint64(len(f.data)),
		})
		if err == nil {
			_, err = to.Write(f.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if got := verifyZip(t, buf.Bytes(), ""); got.code != 0 {
		t.Errorf("code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// What cannot be judged is not the same as what does not hold.
func TestUnusable(t *testing.T) {
	honest := func() []testFile { return play(lie{}).export(testScope{}, nil).seal() }
	good := zipOf(honest())
	version := play(lie{}).export(testScope{}, nil)
	version.manifest.Format = "repatriation-evidence/v2"
	many := honest()
	for i := range maxFiles {
		many = append(many, testFile{fmt.Sprintf("f%d", i), nil})
	}
	claim := func(name string, size uint32) []byte { // a size that the directory only claims
		return rawZip(func(z []byte, d, _ int) []byte {
			at := d + bytes.Index(z[d:], []byte(name)) - 46
			binary.LittleEndian.PutUint32(z[at+24:], size)
			return z
		})
	}
	for name, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"empty":                {nil, "it is not a zip archive"},
		"text":                 {[]byte("hello"), "it is not a zip archive"},
		"truncated by one":     {good[:len(good)-1], "it is not a zip archive"},
		"truncated to half":    {good[:len(good)/2], "it is not a zip archive"},
		"no manifest":          {zipOf(without(honest(), "manifest.note")), "it has no manifest.note"},
		"no files":             {zipOf(nil), "it has no manifest.note"},
		"a later version":      {zipOf(version.seal()), "its format is not repatriation-evidence/v1"},
		"too many files":       {zipOf(many), "more than 4096 files"},
		"a bomb":               {zipOf(append(honest(), testFile{"certs/bomb.pem", make([]byte, 32<<20)})), "more than 200 times its size"},
		"entries that explode": {zipOf(append(without(honest(), "entries.jsonl"), testFile{"entries.jsonl", make([]byte, 32<<20)})), "more than 200 times its size"},
		"size claimed":         {claim("checkpoint", 1<<31), "its file checkpoint is larger than"},
		"ratio claimed":        {claim("entries.jsonl", 1<<31), "more than 200 times its size"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.archive, 2, c.says) })
	}
}
