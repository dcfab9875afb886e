package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A narrator tells a person what happens, as it happens. Colour only on a
// terminal.
type narrator struct {
	out    io.Writer
	colour bool
}

func newNarrator(out io.Writer) *narrator { return &narrator{out, isTerminal(out)} }

func (s *narrator) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *narrator) line(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *narrator) title() {
	s.line("%s", s.paint("1", "Repatriation exchange: a demonstration on this machine. SYNTHETIC DATA ONLY."))
}

func (s *narrator) step(title, what string) {
	s.line("")
	s.line("%s  %s", s.paint("1;36", title), what)
}

func (s *narrator) ok(format string, args ...any) {
	s.line("  %s %s", s.paint("32", "ok"), fmt.Sprintf(format, args...))
}

func (s *narrator) authority(w *world) {
	s.line("  folder      %s", w.dir)
	s.line("  authority   %s", w.anchor())
	s.line("  fingerprint %s", certs.Fingerprint(w.authority.Certificate()))
}

func (s *narrator) gateways(d *demo) {
	s.step("Five gateways", "the same program, each with its own store, keys and record")
	for _, p := range d.world.parties {
		where := p.store
		if !strings.Contains(where, "://") {
			where = p.path(where)
		} else {
			where = "PostgreSQL, schema demo_" + p.folder()
		}
		s.line("  %s  https://%s  %-38s %s", p.code, p.listen, p.name, where)
	}
}

func (s *narrator) sent(from, to, messageType string, sent exchange.Sent) {
	s.line("  %s → %s  %s", s.paint("1", from), s.paint("1", to), messageType)
	s.line("           message %s, case %s", sent.ID, sent.Case)
}

// receipt shows what the receiver's receipt stands for: it signs one only after
// each of these verdicts.
func (s *narrator) receipt(receiver string, key seal.Key, pin string, r exchange.Receipt) {
	s.ok("schema, agreement and case; signature %s by %s; TLS peer %s…", key.Algorithm, key.KeyID, pin[:len("sha256/")+8])
	s.ok("receipt of %s at %s binds our bytes; index %d in a signed tree of %d", receiver, r.At.Format("15:04:05Z"), r.Index, r.Checkpoint.Size)
}

func (s *narrator) answered(code string, a *sendAnswer) {
	var body struct {
		Subjects []struct {
			Outcome string `json:"outcome"`
		} `json:"subjects"`
	}
	outcome := "answered"
	if json.Unmarshal(a.Body, &body) == nil && len(body.Subjects) > 0 {
		outcome = body.Subjects[0].Outcome
	}
	s.line("  %s → %s  %s: %s", s.paint("1", "VN"), s.paint("1", code), a.Type, s.paint("1;33", outcome))
}

func (s *narrator) refused(status int, problem, detail string) {
	s.ok("refused with %d %s", status, problem)
	s.line("     %s", detail)
	s.line("     The refusal is in the record of VN, and the case did not move.")
}

func (s *narrator) record(n *node, r *record.Report) {
	s.ok("%-34s %3d entries, %d checkpoints, root %s", r.Origin, r.Size, r.Checkpoints, r.Root)
}

func (s *narrator) summary(r demoResult) {
	s.line("")
	s.line("%s %d messages and %d receipts with %d partners, verified, in %.1f s.", s.paint("1;32", "Done:"), r.Messages, r.Receipts, r.Partners, r.Seconds)
}

// done ends a run with --once.
func (s *narrator) done(d *demo, r demoResult) {
	s.summary(r)
	if d.keep {
		s.line("Everything is in %s; try: bin/gateway check --config %s", d.dir, d.world.party("VN").config)
	} else {
		s.line("Nothing was kept; add --dir DIR to keep it, or leave --once away to go on.")
	}
}

// next says what can be tried while the gateways are up; every command works
// as it is printed.
func (s *narrator) next(d *demo, r demoResult) error {
	s.summary(r)
	vn, kh := d.world.party("VN"), d.world.party("KH")
	body := filepath.Join(d.dir, "request.json")
	if err := writeSecret(body, schemas.Example(benchType)); err != nil {
		return err
	}
	message, err := d.readyMessage()
	if err != nil {
		return err
	}
	s.step("Try next", "the gateways stay up until Ctrl-C; in another terminal, from this folder:")
	s.line("  bin/gateway send %s --to KH --safeguard consent=2026-11-02 --wait --config %s", body, vn.config)
	s.line("  bin/gateway export --config %s --output evidence.zip --reason \"a first look\" && bin/verify evidence.zip", vn.config)
	s.line("  bin/gateway check --config %s", vn.config)
	s.line("  curl http://%s/readyz", vn.admin)
	s.line("  Be Cambodia, with a message that is already signed:")
	s.line("  curl --cacert %s --cert %s --key %s -H 'Content-Type: %s' --data-binary @%s https://%s/v1/messages",
		d.world.anchor(), kh.path("tls.pem"), kh.path("tls.key"), exchange.MediaTypeMessage, message, vn.listen)
	s.line("  The log of all five: %s", filepath.Join(d.dir, "demo.log"))
	return nil
}

// readyMessage writes a signed message of Cambodia for the curl command.
func (d *demo) readyMessage() (string, error) {
	client, err := newBenchClient(d.world)
	if err != nil {
		return "", err
	}
	message, err := client.sign()
	if err != nil {
		return "", err
	}
	path := filepath.Join(d.dir, "message.jwt")
	return path, writeSecret(path, message)
}
