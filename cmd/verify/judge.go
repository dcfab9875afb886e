package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
)

// maxLine bounds one line of entries.jsonl.
const maxLine = 64 << 20

// An auditor judges one bundle.
type auditor struct {
	r          *report
	manifest   manifest
	keys       keyFile // all verifier keys, also of partners' logs and witnesses
	logKeys    keyFile // those of this log
	checkpoint checkpoint
	ring       keyring
	record     *recordCheck
	sent       sentMessages
	heads      map[string]map[int64]checkpoint // what other logs signed, by origin and size
	lastNote   string                          // the note that lastOpened was read from
	lastOpened openedCheckpoint
	unsigned   int64 // partners' proofs under checkpoints whose signature was not checked
	unmatched  int64 // receipts whose message is before the scope
}

// judge does everything. An error means that the bundle cannot be judged.
func (r *report) judge(o options) error {
	var given keyFile
	if o.key != "" {
		var err error
		if given, err = readKeyFile(o.key); err != nil {
			return err
		}
	}
	b, err := openBundle(o.bundle, r)
	if err != nil {
		return err
	}
	return errors.Join(r.judgeBundle(b, given), b.Close())
}

// judgeBundle judges an opened bundle; given is empty without --key.
func (r *report) judgeBundle(b *bundle, given keyFile) error {
	if b.files[fileManifest] == nil {
		return errors.New("it has no " + fileManifest)
	}
	signed, err := b.read(fileManifest)
	if err != nil {
		r.find(fileManifest, "%v", err)
		return nil
	}
	keys := given
	if len(given) == 0 {
		keys = bundleKeys(b)
	}
	text, by, err := openSole(signed, keys)
	if err != nil {
		r.find(fileManifest, "%v", err)
	}
	if text == "" {
		text = unsignedText(signed)
	}
	m, parseErr := parseManifest([]byte(text))
	switch {
	case errors.Is(parseErr, errVersion) && err == nil:
		return parseErr
	case parseErr != nil:
		r.find(fileManifest, "%v", parseErr)
		return nil
	}
	r.origin, r.party, r.size, r.root, r.scope = m.Origin, m.Party, m.TreeSize, m.Root, m.scope.String()
	a := &auditor{r: r, manifest: m, keys: keys, logKeys: keys.of(m.Origin), heads: map[string]map[int64]checkpoint{}}
	if err == nil && !slices.ContainsFunc(a.logKeys, by.same) {
		r.find(fileManifest, "it was signed by %s, not by the log that it names", plain(by.Name()))
	}
	return a.judgeFiles(b)
}

// unsignedText is the text of a note whose signature does not hold, so that
// the reader learns what else is wrong.
func unsignedText(signed []byte) string {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	return string(text) + "\n"
}

// bundleKeys returns the log's key that the bundle carries; none when it cannot
// be read, which checkFiles and checkLogKey will say.
func bundleKeys(b *bundle) keyFile {
	text, err := b.read(fileLogKey)
	if err != nil {
		return nil
	}
	keys, err := parseKeyFile(text)
	if err != nil {
		return nil
	}
	return keys
}

// judgeFiles judges everything under the manifest.
func (a *auditor) judgeFiles(b *bundle) error {
	files := a.manifest.checkFiles(b, a.r)
	a.r.keys = a.logKeys
	if text, ok := files[fileLogKey]; ok {
		a.checkLogKey(text)
	}
	if text, ok := files[fileParties]; ok {
		a.ring = parseKeyring(text, a.r)
	}
	var ok bool
	if a.checkpoint, ok = a.manifest.checkCheckpoint(files[fileCheckpoint], a.keys, a.logKeys, a.r); !ok {
		// Without a tree head no entry can be judged; the entries' hash still can.
		a.checkpoint = checkpoint{}
	}
	a.record = newRecordCheck(a.manifest.scope, a.checkpoint)
	if b.files[fileEntries] != nil {
		if err := a.judgeEntries(b); err != nil {
			return err
		}
	}
	a.conclude()
	return nil
}

// checkLogKey compares the bundle's own copy of the log's key with the keys in
// use. Whoever reads the bundle later may take that copy for the log's.
func (a *auditor) checkLogKey(text []byte) {
	own, err := parseKeyFile(text)
	switch {
	case err != nil:
		a.r.find(fileLogKey, "%v", err)
	case len(own) != 1 || own[0].line+"\n" != string(text) || len(own.of(a.manifest.Origin)) != 1:
		a.r.find(fileLogKey, "it is not exactly the one key of the log that the manifest names")
	case !slices.ContainsFunc(a.logKeys, own[0].same):
		a.r.find(fileLogKey, "the bundle's key of the log is not the one that was given")
	}
}

// judgeEntries reads the entries as a stream, hashes them and judges each.
func (a *auditor) judgeEntries(b *bundle) error {
	in, err := b.open(fileEntries)
	if err != nil {
		a.r.find(fileEntries, "%v", err)
		return nil
	}
	sum := sha256.New()
	size := byteCount(0)
	lines := bufio.NewReaderSize(io.TeeReader(in, io.MultiWriter(sum, &size)), 1<<16)
	for n := int64(1); ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			a.r.find(fileEntries, "line %d: %v", n, err)
			return in.Close()
		}
		if err := a.judgeLine(n, line); err != nil {
			return errors.Join(err, in.Close())
		}
	}
	if in.Close() != nil {
		a.r.find(fileEntries, "%v", errDamaged)
	}
	a.manifest.listed(fileEntries).check(hex.EncodeToString(sum.Sum(nil)), int64(size), a.r)
	return nil
}

// byteCount counts what is written to it.
type byteCount int64

func (c *byteCount) Write(p []byte) (int, error) { *c += byteCount(len(p)); return len(p), nil }

// readLine reads a line without its end, which must be there; io.EOF means
// that there is none.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, errors.New("it is too long")
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, errors.New("it is cut short")
		default:
			return nil, errDamaged
		}
	}
}

// conclude says what can be said only after the last entry.
func (a *auditor) conclude() {
	for _, what := range a.record.conclude(a.manifest) {
		a.r.find(fileEntries, "%s", what)
	}
	if a.record.backwards > 0 {
		a.r.note("%d entries carry a time before that of the entry before them: a clock was set back.", a.record.backwards)
	}
	if a.unsigned > 0 {
		a.r.note("%d receipts carry a proof under a partner's checkpoint. The partner's signing key signed the", a.unsigned)
		a.r.note("proof, and it holds; the log's own signature was not checked. Give that log's key with --key.")
	}
	if a.unmatched > 0 {
		a.r.note("%d receipts are for messages from before the scope; their hashes were not compared.", a.unmatched)
	}
	a.r.note("Signatures of the parties were checked with the keys of %s. Compare them with what each", fileParties)
	a.r.note("party says its keys are (RFC 7638 thumbprints):")
	for _, party := range slices.Sorted(maps.Keys(a.ring)) {
		for _, kid := range slices.Sorted(maps.Keys(a.ring[party])) {
			k := a.ring[party][kid]
			a.r.note("  %s  %s  %s  %s  verified %d signatures", plain(party), k.kid, k.alg, k.thumbprint, k.used)
		}
	}
}
