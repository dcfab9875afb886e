package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

type exportFlags struct {
	from             nodeFlag
	output           string
	since, until     string
	partner, caseID  string
	reason, officer  string
	at               int64
	asJSON, replaces bool
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --output FILE.zip --reason TEXT",
		Short: "Write an evidence bundle that a third party can verify offline",
		Long: `export records who exports what and why, and then writes the exact signed bytes,
receipts, proofs, checkpoint and public keys of the scope into one archive.
'verify FILE.zip' judges it anywhere. It works while messages arrive.

The same scope, reason and --at give the same bytes.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the archive `file` to write (required)")
	flags.StringVar(&f.since, "from", "", "from this `day` (2006-01-02) or time (RFC 3339)")
	flags.StringVar(&f.until, "to", "", "before this `day` or time")
	flags.StringVar(&f.partner, "partner", "", "only this partner's `code`")
	flags.StringVar(&f.caseID, "case", "", "only this case")
	flags.StringVar(&f.reason, "reason", "", "why: it stands in the record and in the bundle (required)")
	flags.StringVar(&f.officer, "officer", "", "who asks; the system user when empty")
	flags.Int64Var(&f.at, "at", 0, "the tree `size` of an earlier bundle; 0 takes the record as it is now")
	flags.BoolVar(&f.replaces, "force", false, "replace FILE.zip when it exists")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (f *exportFlags) request() (export.Request, error) {
	req := export.Request{Scope: export.Scope{Partner: f.partner, Case: f.caseID}, Officer: f.officer, Reason: f.reason, At: f.at}
	var err error
	if req.From, err = parseTime(f.since); err != nil {
		return req, usagef("--from: %w", err)
	}
	if req.To, err = parseTime(f.until); err != nil {
		return req, usagef("--to: %w", err)
	}
	if req.Officer == "" {
		if u, err := user.Current(); err == nil {
			req.Officer = u.Username
		}
	}
	return req, nil
}

func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("write 2026-11-23 or 2026-11-23T10:00:00Z")
}

func (f *exportFlags) run(cmd *cobra.Command) error {
	if f.output == "" || f.reason == "" {
		return usagef("--output and --reason are required")
	}
	if _, err := os.Stat(f.output); err == nil && !f.replaces {
		return hint(usagef("%s exists already", f.output), "add --force to replace it")
	}
	req, err := f.request()
	if err != nil {
		return err
	}
	req.Progress = progressOn(cmd.ErrOrStderr(), "exporting entries")
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	exporter, err := n.exporter()
	if err != nil {
		return err
	}
	var summary export.Summary
	err = writeAtomically(f.output, func(w io.Writer) error {
		summary, err = exporter.Evidence(cmd.Context(), req, w)
		return err
	})
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), summary)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d entries (%d erased) of a record of %d\nroot %s\nthis export is entry %d of the record\nverify it with: bin/verify %s\n",
		f.output, summary.Entries, summary.Erased, summary.TreeSize, summary.Root, summary.Access, f.output)
	return err
}

// writeAtomically writes a file beside its place and moves it there when it is
// whole. Only its owner may read it.
func writeAtomically(path string, write func(io.Writer) error) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), ".export-") // mode 600
	if err != nil {
		return usageError{fmt.Errorf("write %s: %w", path, err)}
	}
	err = write(fresh)
	if err == nil {
		err = fresh.Sync()
	}
	if closeErr := fresh.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return nil
}

// exporter wires the exporter of a gateway.
func (n *node) exporter() (*export.Exporter, error) {
	return export.New(export.Config{
		Self: n.cfg.Self, Reader: n.db, Keep: n.db, Opener: n.opener, Recorder: n.committer, Log: n.logSigner,
		Keys: n.publicKeys, Anchors: n.anchors, Logger: n.log,
	})
}

// publicKeys returns a party's signing keys with their validity.
func (n *node) publicKeys(party string) ([]json.RawMessage, error) {
	if party == n.cfg.Self {
		keys := []json.RawMessage{n.signer.Public().JWK()}
		for _, path := range n.cfg.Signing.Retired {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("read a retired key: %w", err)
			}
			key, err := seal.ParseJWK(text)
			if err != nil {
				return nil, fmt.Errorf("retired key %s: %w", path, err)
			}
			keys = append(keys, key.JWK())
		}
		return keys, nil
	}
	p, ok := n.registry.Current().Partner(party)
	if !ok {
		return nil, fmt.Errorf("the registry has no partner %s any more; restore its file to export its entries", party)
	}
	var keys []json.RawMessage
	for _, k := range p.SigningKeys {
		jwk, err := withWindow(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, jwk)
	}
	return keys, nil
}

// withWindow adds a key's validity to its JWK.
func withWindow(k partners.SigningKey) (json.RawMessage, error) {
	out := partners.JWK{}
	for name, value := range k.JWK {
		out[name] = value
	}
	if !k.NotBefore.IsZero() {
		out["nbf"] = k.NotBefore.Unix()
	}
	if !k.NotAfter.IsZero() {
		out["exp"] = k.NotAfter.Unix()
	}
	return out.JSON(), nil
}

// anchors returns a party's TLS trust anchors; our own are our issuer's affair.
func (n *node) anchors(party string) ([]byte, error) {
	if p, ok := n.registry.Current().Partner(party); ok {
		return p.TLS.AnchorsPEM, nil
	}
	return nil, nil
}
