package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// judgeBytes judges an archive in memory; keys may be empty.
func judgeBytes(t testing.TB, archive []byte, keys string) *report {
	t.Helper()
	o := options{bundle: "b.zip"}
	var given keyFile
	if keys != "" {
		var err error
		o.key = "keys"
		if given, err = parseKeyFile([]byte(keys)); err != nil {
			t.Fatal(err)
		}
	}
	r := newReport(o)
	b, err := readBundle(bytes.NewReader(archive), int64(len(archive)), r)
	if err == nil {
		err = r.judgeBundle(b, given)
	}
	if err != nil {
		r.unusable = err.Error()
	}
	return r
}

// storedZip is zipOf without the time that packing takes.
func storedZip(files []testFile) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, f := range files {
		to, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
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

// No byte of any file can change unnoticed: not one bit of it, and not in a
// way that a lax decoder would read as the same.
func TestEveryByteOfEveryFile(t *testing.T) {
	files := small()
	log := newNoteKey("vn.example/log", false).vkey
	if r := judgeBytes(t, storedZip(files), log); !r.ok() {
		t.Fatalf("the honest bundle does not hold: %+v %s", r.findings, r.unusable)
	}
	for n := range files {
		t.Run(files[n].name, func(t *testing.T) {
			t.Parallel()
			changed := slices.Clone(files)
			for i := range files[n].data {
				// The lowest bit is the one that lax base64 does not see.
				for mask, keys := range map[byte]string{1: "", 2 << (i % 7): log} {
					data := bytes.Clone(files[n].data)
					data[i] ^= mask
					changed[n].data = data
					if r := judgeBytes(t, storedZip(changed), keys); r.exit() == exitHolds {
						t.Fatalf("byte %d xor %d of %s is not noticed (keys given: %t)", i, mask, files[n].name, keys != "")
					}
				}
			}
		})
	}
}

// Nor can a file lose a byte or gain one, anywhere.
func TestEveryCutAndInsertion(t *testing.T) {
	files := small()
	for n := range files {
		t.Run(files[n].name, func(t *testing.T) {
			t.Parallel()
			changed := slices.Clone(files)
			for i := 0; i <= len(files[n].data); i += 23 {
				head, tail := files[n].data[:i:i], files[n].data[i:]
				for _, data := range [][]byte{head, slices.Concat(head, []byte(" "), tail), slices.Concat(head, []byte("\n"), tail)} {
					if changed[n].data = data; len(data) == len(files[n].data) {
						continue
					}
					if r := judgeBytes(t, storedZip(changed), ""); r.exit() == exitHolds {
						t.Fatalf("%d bytes instead of %d in %s are not noticed", len(data), len(files[n].data), files[n].name)
					}
				}
			}
		})
	}
}

// Deep checks must not rest on the hashes in the manifest: here the log's owner
// signs each changed line of entries again, and only a change that means
// nothing may pass.
func TestEveryByteOfAnEntrySignedAgain(t *testing.T) {
	w := playSmall()
	honest := w.export(testScope{}, nil)
	var text strings.Builder
	for _, l := range honest.lines {
		text.WriteString(l.String())
	}
	for i := 0; i < text.Len(); i++ {
		data := []byte(text.String())
		data[i] ^= 1
		p := w.export(testScope{}, nil)
		p.keys["VN"] = []map[string]any{sharedKeys()["XX"].jwk}
		p.text = string(data)
		if r := judgeBytes(t, storedZip(p.seal()), ""); r.exit() == exitHolds {
			t.Fatalf("byte %d (%q) of the entries is not noticed", i, text.String()[max(0, i-20):i+1])
		}
	}
}

// A changed byte of the archive is noticed, or changes no file.
func TestEveryByteOfTheArchive(t *testing.T) {
	files := small()
	archive := zipOf(files)
	for i := range archive {
		changed := bytes.Clone(archive)
		changed[i] ^= 1 << (i % 8)
		if r := judgeBytes(t, changed, ""); r.exit() == exitHolds && !sameFiles(t, changed, files) {
			t.Fatalf("byte %d of the archive changes a file and is not noticed", i)
		}
	}
	for i := 0; i < len(archive); i += 11 {
		if r := judgeBytes(t, archive[:i], ""); r.exit() == exitHolds {
			t.Fatalf("the archive's first %d bytes are taken for all", i)
		}
	}
}

// sameFiles says whether an archive unpacks to exactly these files.
func sameFiles(t testing.TB, archive []byte, files []testFile) bool {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(z.File) != len(files) {
		return false
	}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			return false
		}
		data, err := io.ReadAll(in)
		if errors.Join(err, in.Close()) != nil || !bytes.Equal(data, fileOf(files, f.Name).data) {
			return false
		}
	}
	return true
}

// FuzzBundle feeds the verifier archives (file 0), and files put into an
// honest bundle. It must never panic or hang, and never say that something
// holds which is not the honest bundle. The small bundle is the same in every
// process, so a worker knows the seeds.
func FuzzBundle(f *testing.F) {
	files := small()
	honest := zipOf(files)
	f.Add(uint8(0), honest)
	f.Add(uint8(0), honest[:len(honest)/2])
	f.Add(uint8(0), storedZip(files))
	f.Add(uint8(0), zipOf(append(files, files[0])))
	for n := range files {
		f.Add(uint8(n+1), files[n].data)
		f.Add(uint8(n+1), bytes.ToUpper(files[n].data))
		f.Add(uint8(n+128), files[n].data)
	}
	f.Add(uint8(128), []byte(`{"index":0,"leaf":"{\"v\":1}","proof":[],"erased":true}`))
	log := newNoteKey("vn.example/log", false).vkey
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		switch {
		case which == 0:
			for _, keys := range []string{"", log} {
				if r := judgeBytes(t, data, keys); r.exit() == exitHolds && !sameFiles(t, data, files) {
					t.Fatal("an altered archive holds")
				}
			}
		case which < 128:
			changed := slices.Clone(files)
			n := int(which-1) % len(files)
			changed[n].data = data
			if r := judgeBytes(t, storedZip(changed), log); r.exit() == exitHolds && !bytes.Equal(data, files[n].data) {
				t.Fatal("an altered file holds")
			}
		default: // signed again by the log's owner: whatever it says, no panic
			p := playSmall().export(testScope{}, nil)
			switch n := int(which) % len(files); files[n].name {
			case "entries.jsonl":
				p.text = string(data)
			case "manifest.note":
				p.rewrite = func(string) string { return string(data) + "\n" }
			default:
				p.files[files[n].name] = data
			}
			judgeBytes(t, storedZip(p.seal()), "")
		}
	})
}
