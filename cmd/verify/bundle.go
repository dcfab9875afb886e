package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// What a bundle may be at most. The entries are read as a stream and may be
// many; everything else is held in memory.
const (
	maxFiles    = 4096
	maxEntries  = 1 << 40   // bytes of entries.jsonl
	maxManifest = 256 << 20 // its list of indexes grows with the entries
	maxFile     = 64 << 20  // any other file
	maxTotal    = maxEntries + maxManifest
	maxRatio    = 200 // hashes and signatures do not compress; a bomb does
	ratioFree   = 1 << 20
)

const (
	fileManifest   = "manifest.note"
	fileCheckpoint = "checkpoint"
	fileEntries    = "entries.jsonl"
	fileLogKey     = "keys/log.vkey"
	fileParties    = "keys/parties.json"
	fileReadme     = "README.txt"
)

// A bundle is the opened archive: names with a file each.
type bundle struct {
	files  map[string]*zip.File
	closer io.Closer
}

var errNotZip = errors.New("it is not a zip archive, or it was cut short")

// openBundle opens the archive. What the archive smuggles is found; what
// cannot be read safely is an error.
func openBundle(path string, r *report) (*bundle, error) {
	f, err := os.Open(path) // #nosec G304 -- the auditor names the file
	if err != nil {
		return nil, errors.New("it cannot be opened")
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(errors.New("it is not a file"), f.Close())
	}
	b, err := readBundle(f, info.Size(), r)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b.closer = f
	return b, nil
}

func (b *bundle) Close() error { return b.closer.Close() }

func readBundle(f io.ReaderAt, size int64, r *report) (*bundle, error) {
	z, err := zip.NewReader(f, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are judged below
		return nil, errNotZip
	}
	if len(z.File) > maxFiles {
		return nil, fmt.Errorf("it has more than %d files", maxFiles)
	}
	z.RegisterDecompressor(zip.Deflate, newInflater)
	b := &bundle{files: map[string]*zip.File{}}
	total := uint64(0)
	for _, file := range z.File {
		if err := checkSize(file); err != nil {
			return nil, err
		}
		if total += file.UncompressedSize64; total > maxTotal {
			return nil, errors.New("its files are too large together")
		}
		switch {
		case !goodName(file.Name):
			r.find(file.Name, "a file of this name does not belong in a bundle")
		case b.files[file.Name] != nil:
			r.find(file.Name, "the archive has this file twice")
		case !file.Mode().IsRegular():
			r.find(file.Name, "it is not a plain file")
		default:
			b.files[file.Name] = file
		}
	}
	if err := checkLayout(f, size, z); err != nil {
		r.find("the archive", "%v", err)
	}
	return b, nil
}

// checkSize refuses a file that is too large before a byte of it is read.
func checkSize(f *zip.File) error {
	limit := uint64(maxFile)
	switch f.Name {
	case fileEntries:
		limit = maxEntries
	case fileManifest:
		limit = maxManifest
	}
	switch {
	case f.UncompressedSize64 > limit || f.CompressedSize64 > limit:
		return fmt.Errorf("its file %s is larger than %d bytes", plain(f.Name), limit)
	case f.UncompressedSize64 > ratioFree+maxRatio*f.CompressedSize64:
		return fmt.Errorf("its file %s would become more than %d times its size", plain(f.Name), maxRatio)
	}
	return nil
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)

// goodName is strict enough that no name can leave a directory into which
// somebody unpacks the bundle, on any system.
func goodName(name string) bool { return len(name) <= 200 && namePattern.MatchString(name) }

// open returns a file's bytes as a stream that ends in an error when they are
// not those that the archive's checksum promises.
func (b *bundle) open(name string) (io.ReadCloser, error) {
	f, ok := b.files[name]
	if !ok {
		return nil, errors.New("it is missing")
	}
	in, err := f.Open()
	if err != nil {
		return nil, errDamaged
	}
	return in, nil
}

var errDamaged = errors.New("it is damaged: its bytes cannot be unpacked")

// read returns a whole file; checkSize has bounded it.
func (b *bundle) read(name string) ([]byte, error) {
	in, err := b.open(name)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	_, err = io.Copy(&buf, io.LimitReader(in, maxManifest))
	if errors.Join(err, in.Close()) != nil {
		return nil, errDamaged
	}
	return buf.Bytes(), nil
}

var errLayout = errors.New("its structure is not plain: another program may see other files in it")

// checkLayout demands that the archive is files one after the other, then the
// directory, and nothing between, before or after. Otherwise two programs can
// unpack two different things from one bundle, and the one that the auditor
// reads is not the one that was judged here.
func checkLayout(f io.ReaderAt, size int64, z *zip.Reader) error {
	if z.Comment != "" {
		return errors.New("it carries a comment")
	}
	files := slices.Clone(z.File)
	offsets := map[*zip.File]int64{}
	directory := int64(0)
	for _, file := range files {
		at, err := file.DataOffset()
		if err != nil {
			return errLayout
		}
		if file.Comment != "" {
			return errors.New("one of its files carries a comment")
		}
		offsets[file] = at
		directory += 46 + int64(len(file.Name)) + int64(len(file.Extra))
	}
	slices.SortFunc(files, func(x, y *zip.File) int {
		if c := offsets[x] - offsets[y]; c != 0 {
			return int(min(max(c, -1), 1))
		}
		return strings.Compare(x.Name, y.Name)
	})
	at := int64(0)
	for _, file := range files {
		next, err := checkLocal(f, file, at, offsets[file])
		if err != nil {
			return err
		}
		at = next
	}
	return checkEnd(f, size, at, directory)
}

// checkLocal checks one file from its header to its end, which it returns.
func checkLocal(f io.ReaderAt, file *zip.File, at, data int64) (int64, error) {
	le := binary.LittleEndian
	h, ok := bytesAt(f, at, 30)
	if !ok || le.Uint32(h) != 0x04034b50 || le.Uint16(h[6:]) != file.Flags || le.Uint16(h[8:]) != file.Method {
		return 0, errLayout
	}
	if file.Flags&^0x80e != 0 || file.Method != zip.Store && file.Method != zip.Deflate {
		return 0, errors.New("a file in it is encrypted, or packed in a way that does not belong here")
	}
	rest, ok := bytesAt(f, at+30, data-at-30)
	if !ok || data-at-30 != int64(le.Uint16(h[26:]))+int64(le.Uint16(h[28:])) {
		return 0, errLayout
	}
	name, extra := rest[:le.Uint16(h[26:])], rest[le.Uint16(h[26:]):]
	if string(name) != file.Name || !bytes.HasPrefix(file.Extra, extra) {
		return 0, errLayout
	}
	if file.Method == zip.Store && file.CompressedSize64 != file.UncompressedSize64 {
		return 0, errLayout
	}
	end := data + int64(file.CompressedSize64) // #nosec G115 -- checkSize has bounded it
	if file.Flags&8 == 0 {                     // the sizes stand in the header
		if le.Uint32(h[14:]) != file.CRC32 || uint64(le.Uint32(h[18:])) != file.CompressedSize64 || uint64(le.Uint32(h[22:])) != file.UncompressedSize64 {
			return 0, errLayout
		}
		return end, nil
	}
	if !bytes.Equal(h[14:26], make([]byte, 12)) { // they stand after the data, and only there
		return 0, errLayout
	}
	want := le.AppendUint32(le.AppendUint32(nil, 0x08074b50), file.CRC32)
	if max(file.CompressedSize64, file.UncompressedSize64) >= 1<<32-1 {
		want = le.AppendUint64(le.AppendUint64(want, file.CompressedSize64), file.UncompressedSize64)
	} else {
		want = le.AppendUint32(want, uint32(file.CompressedSize64))   // #nosec G115 -- seen above to fit
		want = le.AppendUint32(want, uint32(file.UncompressedSize64)) // #nosec G115 -- likewise
	}
	if got, ok := bytesAt(f, end, int64(len(want))); !ok || !bytes.Equal(got, want) {
		return 0, errLayout
	}
	return end + int64(len(want)), nil
}

// checkEnd checks that the directory follows at once, and then the file's end.
func checkEnd(f io.ReaderAt, size, at, directory int64) error {
	le := binary.LittleEndian
	end := at + directory
	tail, ok := bytesAt(f, end, min(size-end, 1<<10))
	zip64 := len(tail) == 98 // the records of an archive of more than 4 GiB
	if !ok || len(tail) != 22 && !zip64 {
		return errLayout
	}
	last := tail[len(tail)-22:]
	start := uint64(le.Uint32(last[16:]))
	if zip64 {
		if le.Uint32(tail) != 0x06064b50 || le.Uint32(tail[56:]) != 0x07064b50 {
			return errLayout
		}
		start = le.Uint64(tail[48:])
	}
	if le.Uint32(last) != 0x06054b50 || start != uint64(at) { // #nosec G115 -- at is a sum of sizes
		return errLayout
	}
	return nil
}

// bytesAt reads n bytes; n comes from the file and may be nonsense.
func bytesAt(f io.ReaderAt, at, n int64) ([]byte, bool) {
	if at < 0 || n < 0 || n > 1<<18 {
		return nil, false
	}
	b := make([]byte, n)
	got, err := f.ReadAt(b, at)
	return b, int64(got) == n && (err == nil || err == io.EOF)
}

// An inflater unpacks a file and refuses bytes that hide behind the end of its
// packed data, where no program would show them.
type inflater struct {
	in  *bufio.Reader // an io.ByteReader, so flate takes no byte too many
	out io.ReadCloser
}

func newInflater(in io.Reader) io.ReadCloser {
	b := bufio.NewReader(in)
	return &inflater{b, flate.NewReader(b)}
}

func (i *inflater) Read(p []byte) (int, error) {
	n, err := i.out.Read(p)
	if err == io.EOF {
		if _, more := i.in.ReadByte(); more != io.EOF {
			return n, errDamaged
		}
	}
	return n, err
}

func (i *inflater) Close() error { return i.out.Close() }
