package export

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The kinds of reports.
const (
	KindEvidence   = "evidence"   // a bundle that a third party can judge offline
	KindStatistics = "statistics" // counts, with small ones hidden
	KindHTCDS      = "htcds"      // a line a person, in the names and codes of HTCDS 2.0
	KindAccess     = "access"     // who looked at personal data, when, why, at which fields
	KindDisclosure = "disclosure" // what went to partners, on which ground
	KindErasure    = "erasure"    // what was asked to be erased, and what became of it
	KindSubject    = "subject"    // what is held of one person, and who saw it
)

// Kinds returns every kind of report, in the order in which they are offered.
func Kinds() []string {
	return []string{KindEvidence, KindStatistics, KindHTCDS, KindAccess, KindDisclosure, KindErasure, KindSubject}
}

// ReporterConfig wires a Reporter. Everything is required.
type ReporterConfig struct {
	Exporter  *Exporter
	Files     *exchange.CaseFiles
	Oversight *exchange.Oversight
	Reader    interface {
		Cases(ctx context.Context, partner string) ([]exchange.CaseRow, error)
		Head(ctx context.Context) (exchange.Head, error)
		// Newest returns the entries that a filter lets through with an index
		// below before, the last first, at most n.
		Newest(ctx context.Context, before int64, f exchange.Filter, n int) ([]exchange.Row, error)
	}
	Catalogue *schemas.Catalogue
	Templates []Template // of statistics; the first one is what is made unasked
	Clock     func() time.Time
}

// A Reporter writes reports: it implements exchange.ReportMaker. What it reads
// it reads as the officer who asks may see it, and after that is in the record.
type Reporter struct{ cfg ReporterConfig }

var _ exchange.ReportMaker = (*Reporter)(nil)

// NewReporter returns a reporter; it refuses a missing part.
func NewReporter(cfg ReporterConfig) (*Reporter, error) {
	if cfg.Exporter == nil || cfg.Files == nil || cfg.Oversight == nil || cfg.Reader == nil || cfg.Catalogue == nil || len(cfg.Templates) == 0 || cfg.Clock == nil {
		return nil, errors.New("reporter: a required part is missing")
	}
	return &Reporter{cfg}, nil
}

// Check implements exchange.ReportMaker.
func (r *Reporter) Check(by *exchange.Officer, wish exchange.ReportWish) error {
	refuse := func(rule, format string, args ...any) error {
		p := exchange.NewProblem(exchange.ProblemRequest, fmt.Sprintf(format, args...))
		p.Rule = rule
		return p
	}
	switch scope := wish.Scope; {
	case !slices.Contains(Kinds(), wish.Kind):
		return refuse("report-unknown", "There is no report of this kind; there are %s.", strings.Join(Kinds(), ", "))
	case wish.Kind == KindSubject && (scope.Case == "" || wish.Subject == ""):
		return refuse("subject-required", "Name the case and the person in it.")
	case wish.Kind == KindEvidence && scope.Case == "" && (!by.Police || scope.Partner == "" && by.Scope() != nil):
		// A bundle of a period has no gaps, so it holds police information too.
		return refuse("evidence-scope", "Evidence of more than a case is for whoever may see all of it: every partner in it, and police information.")
	case wish.Kind == KindEvidence && checkReason(wish.Reason) != nil:
		return refuse("reason-one-line", "For a bundle the reason is one line of 5 to 1000 characters; it stands in the bundle.")
	case wish.Kind == KindStatistics && r.template(wish.Template) == nil:
		return refuse("template-unknown", "There is no template of this name.")
	}
	return nil
}

func (r *Reporter) template(id string) *Template {
	if id == "" {
		return &r.cfg.Templates[0]
	}
	for i := range r.cfg.Templates {
		if r.cfg.Templates[i].ID == id {
			return &r.cfg.Templates[i]
		}
	}
	return nil
}

// Make implements exchange.ReportMaker.
func (r *Reporter) Make(ctx context.Context, by *exchange.Officer, wish exchange.ReportWish, w io.Writer, done func(done, total int64)) (exchange.ReportFile, error) {
	if err := r.Check(by, wish); err != nil {
		return exchange.ReportFile{}, err
	}
	file := exchange.ReportFile{Name: fileName(wish, ".csv"), MediaType: "text/csv; charset=utf-8; header=present"}
	job := &work{r, by, wish, done}
	var err error
	switch wish.Kind {
	case KindEvidence:
		file.Name, file.MediaType = fileName(wish, ".zip"), "application/zip"
		err = job.evidence(ctx, w)
	case KindSubject:
		file.Name, file.MediaType = fileName(wish, ".zip"), "application/zip"
		err = job.subject(ctx, w)
	case KindStatistics:
		err = job.statistics(ctx, w)
	case KindHTCDS:
		err = job.htcds(ctx, w)
	case KindAccess:
		err = job.accessRegister(ctx, w)
	case KindDisclosure:
		err = job.disclosures(ctx, w)
	case KindErasure:
		err = job.erasures(ctx, w)
	}
	return file, err
}

// fileName names a report by what it is of, and never by a person: its days are the
// first and the last as whoever ordered it counts them.
func fileName(wish exchange.ReportWish, ending string) string {
	parts := []string{wish.Kind}
	for _, p := range []string{wish.Scope.Partner, wish.Scope.Case} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if from := wish.Scope.From; !from.IsZero() {
		parts = append(parts, from.Format("20060102"))
	}
	if to := wish.Scope.To; !to.IsZero() {
		parts = append(parts, to.Add(-1).Format("20060102"))
	}
	return strings.Join(parts, "-") + ending
}

// work is one report under way.
type work struct {
	*Reporter
	by   *exchange.Officer
	wish exchange.ReportWish
	done func(done, total int64)
}

// survey reads the messages of the wish, after that is recorded. fields says
// what of them the report shows; none: counts alone.
func (j *work) survey(ctx context.Context, all bool, fields []string, fn func(exchange.Surveyed) error) error {
	return j.cfg.Files.Survey(ctx, j.request(fields), all, fn)
}

func (j *work) request(fields []string) exchange.SurveyRequest {
	return exchange.SurveyRequest{
		Report: j.wish.Kind, Officer: j.by, Reason: j.wish.Reason, Scope: j.wish.Scope, Subject: j.wish.Subject, Fields: fields, Done: j.done,
	}
}

// accessRegister writes who looked at personal data; it opens no message.
func (j *work) accessRegister(ctx context.Context, w io.Writer) error {
	if err := j.cfg.Files.RecordSurvey(ctx, j.request(nil)); err != nil {
		return err
	}
	t := newTable(w)
	if err := j.accesses(ctx, t); err != nil {
		return err
	}
	return t.end()
}

func (j *work) evidence(ctx context.Context, w io.Writer) error {
	if c := j.wish.Scope; c.Case != "" {
		if _, err := j.cfg.Files.Case(ctx, j.by, exchange.CaseKey{Partner: c.Partner, Case: c.Case}); err != nil {
			return err
		}
	}
	_, err := j.cfg.Exporter.Evidence(ctx, Request{Scope: j.wish.Scope, Officer: j.by.ID, Reason: strings.TrimSpace(j.wish.Reason), Progress: j.done}, w)
	if errors.Is(err, ErrEmpty) {
		p := exchange.NewProblem(exchange.ProblemRequest, "No entry is in this scope.")
		p.Rule = "report-empty"
		return p
	}
	return err
}

// A table writes RFC 4180 that no spreadsheet takes for a formula.
type table struct{ csv *csv.Writer }

func newTable(w io.Writer) *table {
	t := &table{csv.NewWriter(w)}
	t.csv.UseCRLF = true
	return t
}

// row writes a row. Errors are kept until the end.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = harmless(c)
	}
	_ = t.csv.Write(cells) // kept: see end
}

func (t *table) end() error {
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	return nil
}

// runs is what a spreadsheet would run: at the beginning of a cell, and after what it
// may take for the end of one, for where lists are written with semicolons it opens
// this file so, whatever the quotes say.
var runs = regexp.MustCompile(`(^|[;\t\r\n])([=+\-@＝＋－＠])|^[\t\r\n]`)

// harmless puts an apostrophe before what a spreadsheet would run.
func harmless(cell string) string {
	return runs.ReplaceAllStringFunc(cell, func(found string) string {
		at := len(found) - len(strings.TrimLeft(found, ";\t\r\n"))
		if at == len(found) { // a cell begins with it
			at = 0
		}
		return found[:at] + "'" + found[at:]
	})
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// zipFile adds one file to an archive.
func zipFile(z *zip.Writer, name string, write func(io.Writer) error) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipTime}
	h.SetMode(0o600)
	w, err := z.CreateHeader(h)
	if err == nil {
		err = write(w)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
