package main

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// reportsKept is how long a report can be fetched where the configuration does
// not say.
const reportsKept = 72 * time.Hour

// openReports wires what compliance asks for.
func (n *node) openReports() error {
	var err error
	if n.oversight, err = n.newOversight(); err != nil {
		return err
	}
	n.templates = export.DefaultTemplates()
	if path := n.cfg.Reports.Templates; path != "" {
		if n.templates, err = export.ReadTemplates(path); err != nil {
			return usageError{err}
		}
	}
	exporter, err := n.exporter()
	if err != nil {
		return err
	}
	if n.reporter, err = export.NewReporter(export.ReporterConfig{
		Exporter: exporter, Files: n.files, Oversight: n.oversight, Reader: n.db, Catalogue: n.catalogue, Templates: n.templates, Clock: n.now,
	}); err != nil {
		return err
	}
	n.reports, err = exchange.NewReports(exchange.ReportsConfig{
		Store: n.db, Maker: n.reporter, Files: n.files, Roster: n.roster, Recorder: n.committer, Opener: n.opener, Clock: n.now, Logger: n.log,
		Keep: duration(n.cfg.Reports.Keep, reportsKept),
	})
	return err
}

type reportFlags struct {
	from         nodeFlag
	output       string
	since, until string
	officer      string
	wish         exchange.ReportWish
	asJSON       bool
	replaces     bool
}

func newReport() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report KIND --output FILE --reason TEXT",
		Short: "Write a report for compliance: statistics, registers, a person's own file",
		Long: `report records who asks for what and why, and then writes one of

  evidence    a bundle that a third party can judge offline (see 'gateway export')
  statistics  counts of persons, with small ones hidden
  htcds       a line a person, in the names and codes of HTCDS 2.0
  access      who looked at personal data, when, why, at which fields
  disclosure  what went to partners, on which ground, and when they signed for it
  erasure     what was asked to be erased, and what became of it
  subject     what is held of one person of a case, and who saw it (--case, --subject)

A period counts cases by when they were opened (statistics), and messages or
accesses by when they were recorded (the others).`,
		Args: exactArgs("KIND"),
		RunE: func(cmd *cobra.Command, args []string) error { f.wish.Kind = args[0]; return f.run(cmd) },
	}
	f.from.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the `file` to write (required)")
	flags.StringVar(&f.since, "from", "", "from this `day` (2006-01-02) or time (RFC 3339)")
	flags.StringVar(&f.until, "to", "", "before this `day` or time")
	flags.StringVar(&f.wish.Scope.Partner, "partner", "", "only this partner's `code`")
	flags.StringVar(&f.wish.Scope.Case, "case", "", "only this case, of --partner")
	flags.StringVar(&f.wish.Subject, "subject", "", "the `subject_ref` of a person of the case")
	flags.StringVar(&f.wish.Template, "template", "", "the `id` of a template of statistics; the first when empty")
	flags.BoolVar(&f.wish.Names, "names", false, "htcds: with what identifies persons")
	flags.StringVar(&f.wish.Reason, "reason", "", "why: it stands in the record (required)")
	flags.StringVar(&f.officer, "officer", "", "who asks; the system user when empty")
	flags.BoolVar(&f.replaces, "force", false, "replace FILE when it exists")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object")
	return cmd
}

func (f *reportFlags) run(cmd *cobra.Command) error {
	if f.output == "" || strings.TrimSpace(f.wish.Reason) == "" {
		return usagef("--output and --reason are required")
	}
	if _, err := os.Stat(f.output); err == nil && !f.replaces {
		return hint(usagef("%s exists already", f.output), "add --force to replace it")
	}
	var err error
	if f.wish.Scope.From, err = parseTime(f.since); err != nil {
		return usagef("--from: %w", err)
	}
	if f.wish.Scope.To, err = parseTime(f.until); err != nil {
		return usagef("--to: %w", err)
	}
	if f.officer == "" {
		if u, err := user.Current(); err == nil {
			f.officer = u.Username
		}
	}
	n, err := f.from.open(cmd.Context())
	if err != nil {
		return err
	}
	defer n.close()
	// Whoever may run the program may read all of the record.
	by := &exchange.Officer{ID: f.officer, Roles: []exchange.Role{exchange.RoleCompliance}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}
	var size int64
	err = writeAtomically(f.output, func(w io.Writer) error {
		_, err := n.reporter.Make(cmd.Context(), by, f.wish, io.MultiWriter(w, (*written)(&size)), progressOn(cmd.ErrOrStderr(), "reading the record"))
		return err
	})
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"report": f.wish.Kind, "file": f.output, "bytes": size})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %d bytes; who asked and why is in the record\n", f.output, f.wish.Kind, size)
	return err
}

// written counts what passes.
type written int64

func (w *written) Write(p []byte) (int, error) { *w += written(len(p)); return len(p), nil }
