package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

// Format names the bundle's format and version.
const Format = "repatriation-evidence/v1"

//go:embed README.txt
var readme []byte

// A bundle is one export under way. Entries are spooled to a private file
// first, because the manifest that stands in front of them names their hash.
type bundle struct {
	x          *Exporter
	req        Request
	checkpoint record.Checkpoint

	spool   *bufio.Writer
	sum     hash.Hash
	size    int64
	count   int64
	erased  int64
	indexes []string // ranges
	first   int64
	last    int64
	parties map[string]bool
}

// A file is one file of the bundle but the manifest.
type file struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	data   []byte
}

// A manifest is the signed table of contents.
type manifest struct {
	Format   string `json:"format"`
	Origin   string `json:"origin"`
	Party    string `json:"party"`
	Scope    Scope  `json:"scope"`
	Reason   string `json:"reason"`
	TreeSize int64  `json:"tree_size"`
	Root     string `json:"root"`
	Entries  int64  `json:"entries"`
	Indexes  string `json:"indexes"`
	Files    []file `json:"files"`
}

func (b *bundle) write(ctx context.Context, w io.Writer) error {
	spool, err := os.CreateTemp("", "evidence-") // mode 600
	if err != nil {
		return fmt.Errorf("make a spool file: %w", err)
	}
	defer func() { _ = spool.Close() }() // it is read by then
	// Without a name it is gone with the process, however that ends.
	if err := os.Remove(spool.Name()); err != nil {
		return fmt.Errorf("hide the spool file: %w", err)
	}
	b.sum, b.parties = sha256.New(), map[string]bool{b.x.cfg.Self: true}
	b.first, b.last = -1, -1
	b.spool = bufio.NewWriterSize(io.MultiWriter(spool, b.sum, (*counter)(&b.size)), 1<<20)
	if err := b.entries(ctx); err != nil {
		return err
	}
	if b.count == 0 {
		return ErrEmpty
	}
	b.endRange()
	if err := b.spool.Flush(); err != nil {
		return fmt.Errorf("write the spool file: %w", err)
	}
	files, err := b.files(ctx)
	if err != nil {
		return err
	}
	signed, err := b.manifest(files)
	if err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the spool file: %w", err)
	}
	return zipUp(w, signed, files, spool)
}

// entries writes one line for each entry of the scope, in order of index.
func (b *bundle) entries(ctx context.Context) error {
	prover, err := record.NewProver(ctx, b.x.cfg.Reader, b.checkpoint.Size, b.checkpoint.Root)
	if err != nil {
		return fmt.Errorf("the stored tree: %w", err)
	}
	f := exchange.Filter{Partner: b.req.Partner, Case: b.req.Case, Since: b.req.From, Until: b.req.To}
	return b.x.cfg.Reader.Entries(ctx, 0, b.checkpoint.Size, f, func(row exchange.Row) error {
		proof, err := prover.Inclusion(ctx, row.Index)
		switch {
		case errors.Is(err, exchange.ErrUnavailable), err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			return damage(row.Index, "it cannot be proved to be in the tree: "+err.Error())
		}
		line, err := b.line(ctx, row, proof)
		if err != nil {
			return err
		}
		b.note(row)
		if b.req.Progress != nil {
			b.req.Progress(row.Index+1, b.checkpoint.Size)
		}
		_, err = b.spool.Write(append(line, '\n'))
		return err
	})
}

// An entryLine is one line of entries.jsonl.
type entryLine struct {
	Index   int64    `json:"index"`
	Leaf    string   `json:"leaf"`
	Proof   []string `json:"proof"`
	Data    string   `json:"data,omitempty"`
	Salt    string   `json:"salt,omitempty"`
	Receipt string   `json:"receipt,omitempty"`
	Erased  bool     `json:"erased,omitempty"`
}

// damage is why nothing is exported: a bundle must not carry a lie.
func damage(index int64, detail string) error {
	return &exchange.DamageError{Index: index, Detail: detail}
}

// line makes an entry's line, and believes nothing that is stored.
func (b *bundle) line(ctx context.Context, row exchange.Row, proof tlog.RecordProof) ([]byte, error) {
	if err := tlog.CheckRecord(proof, b.checkpoint.Size, b.checkpoint.Root, row.Index, record.LeafHash(row.Leaf)); err != nil {
		return nil, damage(row.Index, "its leaf is not the one that was recorded")
	}
	leaf, err := record.ParseLeaf(row.Leaf)
	if err != nil {
		return nil, damage(row.Index, "its leaf cannot be read")
	}
	if leaf.Partner != row.Partner || leaf.Case != row.Case || leaf.Kind != string(row.Kind) || leaf.Direction != string(row.Direction) ||
		leaf.Type != row.Type || leaf.JTI != row.ID || leaf.Seq != row.Seq || !leaf.At.Equal(row.At) {
		return nil, damage(row.Index, "its columns say another thing than its leaf")
	}
	out := entryLine{Index: row.Index, Leaf: string(row.Leaf), Proof: make([]string, len(proof))}
	for i, h := range proof {
		out.Proof[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	opened, err := b.x.cfg.Opener.Open(ctx, row)
	switch {
	case errors.Is(err, exchange.ErrErased):
		out.Erased = true
		b.erased++
	case err != nil:
		return nil, err
	case len(opened.Salt) != 32 || record.Commit([32]byte(opened.Salt), opened.Data) != leaf.Commitment:
		return nil, damage(row.Index, "its bytes are not those that were recorded")
	case row.Kind == exchange.KindMessage && row.Direction == exchange.In && opened.Receipt == nil:
		return nil, damage(row.Index, "the receipt that was answered for it is gone")
	default:
		out.Data, out.Salt, out.Receipt = string(opened.Data), base64.RawURLEncoding.EncodeToString(opened.Salt), string(opened.Receipt)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write entry %d: %w", row.Index, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// note counts an entry and its index.
func (b *bundle) note(row exchange.Row) {
	b.count++
	if row.Partner != "" {
		b.parties[row.Partner] = true
	}
	if row.Index != b.last+1 || b.first < 0 {
		b.endRange()
		b.first = row.Index
	}
	b.last = row.Index
}

func (b *bundle) endRange() {
	switch {
	case b.first < 0:
	case b.first == b.last:
		b.indexes = append(b.indexes, strconv.FormatInt(b.first, 10))
	default:
		b.indexes = append(b.indexes, strconv.FormatInt(b.first, 10)+"-"+strconv.FormatInt(b.last, 10))
	}
}

// files returns every file but the manifest, in their order.
func (b *bundle) files(ctx context.Context) ([]file, error) {
	signed, err := b.cosigned(ctx)
	if err != nil {
		return nil, err
	}
	files := []file{
		newFile("README.txt", readme),
		newFile("checkpoint", signed),
		{Path: "entries.jsonl", SHA256: hex.EncodeToString(b.sum.Sum(nil)), Size: b.size},
		newFile("keys/log.vkey", []byte(b.x.cfg.Log.VerifierKey()+"\n")),
	}
	keys := map[string][]json.RawMessage{}
	for _, party := range b.partyCodes() {
		if keys[party], err = b.x.cfg.Keys(party); err != nil {
			return nil, fmt.Errorf("the keys of %s: %w", party, err)
		}
		anchors, err := b.x.cfg.Anchors(party)
		if err != nil {
			return nil, fmt.Errorf("the trust anchors of %s: %w", party, err)
		}
		if anchors != nil {
			files = append(files, newFile("certs/"+party+".pem", anchors))
		}
	}
	text, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the keys: %w", err)
	}
	files = append(files, newFile("keys/parties.json", append(text, '\n')))
	slices.SortFunc(files, func(a, c file) int { return strings.Compare(a.Path, c.Path) })
	return files, nil
}

// cosigned adds the partners' cosignatures to the checkpoint.
func (b *bundle) cosigned(ctx context.Context) ([]byte, error) {
	lines, err := b.x.cfg.Keep.Cosignatures(ctx, b.checkpoint.Size)
	if err != nil {
		return nil, err
	}
	return slices.Concat(append([][]byte{b.checkpoint.Note}, lines...)...), nil
}

func (b *bundle) partyCodes() []string {
	var out []string
	for party := range b.parties {
		out = append(out, party)
	}
	slices.Sort(out)
	return out
}

func newFile(path string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{path, hex.EncodeToString(sum[:]), int64(len(data)), data}
}

// manifest signs the table of contents with the log's key. Ed25519 is
// deterministic, so the same bundle has the same bytes.
func (b *bundle) manifest(files []file) ([]byte, error) {
	text, err := json.MarshalIndent(manifest{
		Format: Format, Origin: b.x.cfg.Log.Origin(), Party: b.x.cfg.Self, Scope: b.req.Scope, Reason: b.req.Reason,
		TreeSize: b.checkpoint.Size, Root: base64.StdEncoding.EncodeToString(b.checkpoint.Root[:]),
		Entries: b.count, Indexes: strings.Join(b.indexes, ","), Files: files,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	signed, err := b.x.cfg.Log.SignNote(append(text, '\n'))
	if err != nil {
		return nil, fmt.Errorf("sign the manifest: %w", err)
	}
	return signed, nil
}

// zipTime is the time of every file: it must not depend on when.
var zipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// zipUp writes the archive, the manifest first.
func zipUp(w io.Writer, signed []byte, files []file, entries io.Reader) error {
	z := zip.NewWriter(w)
	add := func(path string, from io.Reader) error {
		h := &zip.FileHeader{Name: path, Method: zip.Deflate, Modified: zipTime}
		h.SetMode(0o600)
		to, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.Copy(to, from)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	}
	if err := add("manifest.note", bytes.NewReader(signed)); err != nil {
		return err
	}
	for _, f := range files {
		from := entries
		if f.data != nil {
			from = bytes.NewReader(f.data)
		}
		if err := add(f.Path, from); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("end the archive: %w", err)
	}
	return nil
}

// A counter counts the bytes that pass.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
