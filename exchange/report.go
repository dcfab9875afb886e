package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A ReportWish says which report is wanted, of what, and why.
type ReportWish struct {
	Kind     string `json:"kind"`
	Scope    Scope  `json:"scope"`
	Subject  string `json:"subject,omitempty"`  // a person of the case
	Template string `json:"template,omitempty"` // of statistics
	Names    bool   `json:"names,omitempty"`    // with what identifies persons
	Reason   string `json:"reason"`
}

// A ReportFile is what a report became.
type ReportFile struct {
	Name      string  `json:"name"`
	MediaType string  `json:"media_type"`
	Size      int64   `json:"size"`
	Parts     int     `json:"parts"`
	SHA256    []byte  `json:"sha256"`
	Problem   string  `json:"problem,omitempty"` // why there is none: a slug or rule
	Entry     *int64  `json:"entry,omitempty"`   // and of what is not what was recorded: where,
	Case      CaseKey `json:"case,omitzero"`     // or of which case
	// Under are the rights that it was made under; nil: an earlier program has not noted them.
	Under *Rights `json:"under,omitempty"`
}

// Damage is what was altered of what the report was to be made from; nil for nothing that
// can be named.
func (f ReportFile) Damage() *DamageError {
	switch {
	case f.Entry != nil:
		return &DamageError{Index: *f.Entry}
	case f.Case != CaseKey{}:
		return &DamageError{Index: noEntry, Case: f.Case}
	}
	return nil
}

// Rights are what an officer sees of the record, as a report notes them.
type Rights struct {
	Partners []string `json:"partners"` // nil: every one
	Police   bool     `json:"police,omitempty"`
}

func (o *Officer) rights() *Rights { return &Rights{o.Scope(), o.Police} }

// covers says whether an officer sees all that these rights show; of rights that nobody
// has noted, whether they see everything.
func (o *Officer) covers(r *Rights) bool {
	if r == nil {
		r = &Rights{Police: true}
	}
	return (o.Police || !r.Police) && (o.Scope() == nil || r.Partners != nil && !slices.ContainsFunc(r.Partners, func(p string) bool { return !o.assigned(p) }))
}

// A ReportState says where a report stands.
type ReportState string

const (
	ReportDue    ReportState = "due"
	ReportReady  ReportState = "ready"
	ReportFailed ReportState = "failed"
)

// A ReportRow is a report as the store keeps it: what was wished for, and what
// came of it, are sealed, and so are its parts.
type ReportRow struct {
	ID      string
	Officer string
	State   ReportState
	At      time.Time
	Ends    time.Time // then it is taken away
	Attempt int
	Done    int64
	Total   int64
	Wish    []byte
	File    []byte // nil until it is ready or has failed
}

// A ReportStore keeps reports while they are made and until they end.
type ReportStore interface {
	// PutReport adds one.
	PutReport(ctx context.Context, r ReportRow) error
	// Report returns one; ErrNotFound.
	Report(ctx context.Context, id string) (ReportRow, error)
	// Reports returns an officer's, the newest first, at most n.
	Reports(ctx context.Context, officer string, n int) ([]ReportRow, error)
	// ClaimReport leases one that is due to this process and begins an attempt;
	// ErrNotFound when none is. One whose lease ran out is due again.
	ClaimReport(ctx context.Context, now, until time.Time) (ReportRow, error)
	// Progress notes how far an attempt has come and prolongs its lease;
	// ErrConflict when another attempt has begun.
	Progress(ctx context.Context, id string, attempt int, done, total int64, until time.Time) error
	// PutPart keeps a part of what an attempt makes.
	PutPart(ctx context.Context, id string, attempt, n int, content []byte) error
	// Part returns one; ErrNotFound.
	Part(ctx context.Context, id string, attempt, n int) ([]byte, error)
	// FinishReport ends an attempt; ErrConflict when another one has begun.
	FinishReport(ctx context.Context, id string, attempt int, state ReportState, file []byte) error
	// DropReports takes those away that have ended, and returns how many.
	DropReports(ctx context.Context, now time.Time) (int, error)
}

// A ReportMaker writes reports. Whatever it reads it records first.
type ReportMaker interface {
	// Check says what is wrong with a wish before anything is read.
	Check(by *Officer, wish ReportWish) error
	// Make writes the report to w and returns its name and media type.
	Make(ctx context.Context, by *Officer, wish ReportWish, w io.Writer, done func(done, total int64)) (ReportFile, error)
}

// ReportsConfig wires Reports. Everything is required.
type ReportsConfig struct {
	Store    ReportStore
	Maker    ReportMaker
	Files    *CaseFiles
	Roster   *Roster
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
	Logger   *slog.Logger
	Keep     time.Duration // how long a report can be fetched
}

// Reports makes reports as durable work: an officer asks, whichever process is
// free makes it, and the officer fetches it until it ends. At rest it is sealed.
type Reports struct {
	cfg  ReportsConfig
	wake chan struct{}
}

// NewReports returns the reports; it refuses a missing part.
func NewReports(cfg ReportsConfig) (*Reports, error) {
	if cfg.Store == nil || cfg.Maker == nil || cfg.Files == nil || cfg.Roster == nil || cfg.Recorder == nil || cfg.Opener == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Keep <= 0 {
		return nil, errors.New("reports: a required part is missing")
	}
	return &Reports{cfg, make(chan struct{}, 1)}, nil
}

// What bounds reports.
const (
	maxReports       = 50      // of one officer, at a time
	reportPart       = 1 << 20 // bytes of one part
	maxReportParts   = 2048    // 2 GiB
	maxReportTries   = 3       // a process may die under one
	reportLease      = time.Minute
	reportsLookEvery = 2 * time.Second
)

// A Report is one as its officer sees it.
type Report struct {
	ID          string
	State       ReportState
	Wish        ReportWish
	File        ReportFile
	At, Ends    time.Time
	Done, Total int64
	// Withheld is why its officer cannot have it though it is there: a Problem when they
	// may not, a DamageError when it was altered; nil for neither.
	Withheld error
}

// Order asks for a report.
func (r *Reports) Order(ctx context.Context, by *Officer, wish ReportWish) (string, error) {
	if err := r.Check(by, wish); err != nil {
		return "", err
	}
	if err := checkReason(wish.Reason); err != nil {
		return "", err
	}
	rows, err := r.cfg.Store.Reports(ctx, by.ID, maxReports)
	if err != nil {
		return "", err
	}
	if len(rows) >= maxReports {
		return "", problem(ProblemRequest, "There are %d reports already; wait until some have ended.", maxReports).rule("reports-full")
	}
	now := r.cfg.Clock()
	row := ReportRow{ID: NewID(), Officer: by.ID, State: ReportDue, At: now, Ends: now.Add(r.cfg.Keep)}
	if row.Wish, err = r.seal(ctx, wish, wishAAD(row.ID)); err != nil {
		return "", err
	}
	if err := r.cfg.Store.PutReport(ctx, row); err != nil {
		return "", err
	}
	r.woken()
	return row.ID, nil
}

// Check says why an officer cannot have a report, whatever their reason for it.
func (r *Reports) Check(by *Officer, wish ReportWish) error {
	if err := mayReport(by, wish.Scope); err != nil {
		return err
	}
	return r.cfg.Maker.Check(by, wish)
}

func (r *Reports) woken() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// allows says why an officer cannot have a report that was made: they could not ask for
// it now, or it was made when they saw more.
func (r *Reports) allows(ctx context.Context, by *Officer, report Report) error {
	if err := r.Check(by, report.Wish); err != nil {
		return err
	}
	if s := report.Wish.Scope; s.Case != "" {
		if _, err := r.cfg.Files.row(ctx, by, CaseKey{s.Partner, s.Case}); err != nil {
			return err
		}
	}
	if !by.covers(report.File.Under) {
		return problem(ProblemForbidden, "The report was made when whoever asks saw more than now; ask for it anew.").rule("report-narrowed")
	}
	return nil
}

// List returns an officer's reports, the newest first.
func (r *Reports) List(ctx context.Context, by *Officer) ([]Report, error) {
	rows, err := r.cfg.Store.Reports(ctx, by.ID, maxReports)
	if err != nil {
		return nil, err
	}
	var out []Report
	for _, row := range rows {
		report, err := r.open(ctx, row)
		if err == nil && row.State == ReportReady {
			err = r.allows(ctx, by, report)
		}
		if err != nil && AsDamage(err) == nil && AsProblem(err).Kind.Status >= 500 {
			return nil, err
		}
		report.Withheld = err // one alone, and the others are shown
		out = append(out, report)
	}
	return out, nil
}

// Fetch records that an officer takes a report of their own away, and returns it
// with what writes it. What has ended, or is somebody else's, is not there.
func (r *Reports) Fetch(ctx context.Context, by *Officer, id string) (Report, func(io.Writer) error, error) {
	row, err := r.cfg.Store.Report(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && (row.Officer != by.ID || row.State != ReportReady || !r.cfg.Clock().Before(row.Ends)) {
		return Report{}, nil, problem(ProblemNotFound, "There is no such report.")
	}
	if err != nil {
		return Report{}, nil, err
	}
	report, err := r.open(ctx, row)
	if err != nil {
		return Report{}, nil, err
	}
	if err := r.allows(ctx, by, report); err != nil { // their rights may have changed since
		return Report{}, nil, err
	}
	// The first part is opened before anything is promised: then who asks can still be told.
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return Report{}, nil, err
	}
	parts := &partReader{reports: r, row: row, file: report.File, key: key, sum: sha256.New()}
	first, err := parts.next(ctx)
	if err != nil {
		return Report{}, nil, err
	}
	about := r.cfg.Files.about(by, report.Wish.Scope)
	access := Access{Officer: by.ID, Reason: report.Wish.Reason, Partner: about.Partner, Case: about.Case, What: "report", ID: id, Fields: []string{report.Wish.Kind}}
	if err := recordAccess(ctx, r.cfg.Recorder, access); err != nil {
		return Report{}, nil, err
	}
	// A slow reader takes longer than whoever asks may wait; one who is gone takes nothing more.
	slow := context.WithoutCancel(ctx)
	return report, func(w io.Writer) error {
		data, err := first, error(nil)
		for ; data != nil && err == nil; data, err = parts.next(slow) {
			if _, err := w.Write(data); err != nil {
				return err
			}
		}
		return err
	}, nil
}

// A partReader opens a report part by part; one that is not what was made is cut off.
type partReader struct {
	reports *Reports
	row     ReportRow
	file    ReportFile
	key     seal.DataKey
	n       int
	sum     running
}

// next returns the next part; nil at the end.
func (p *partReader) next(ctx context.Context) ([]byte, error) {
	if p.n == p.file.Parts {
		return nil, nil
	}
	sealed, err := p.reports.cfg.Store.Part(ctx, p.row.ID, p.row.Attempt, p.n)
	if errors.Is(err, ErrNotFound) {
		// It went with its report, which the erasure of a case takes away, or alone.
		if _, gone := p.reports.cfg.Store.Report(ctx, p.row.ID); gone != nil {
			return nil, gone
		}
		return nil, p.row.damage("a part is gone")
	}
	if err != nil {
		return nil, err
	}
	data, err := p.key.Open(sealed, partAAD(p.row.ID, p.row.Attempt, p.n))
	if err != nil {
		return nil, p.row.damage("a part cannot be decrypted")
	}
	p.n++
	_, _ = p.sum.Write(data) // a hash takes everything
	if p.n == p.file.Parts && !slices.Equal(p.sum.Sum(nil), p.file.SHA256) {
		return nil, p.row.damage("it is not the one that was made")
	}
	return data, nil
}

// damage says that a report is not what this gateway wrote.
func (row ReportRow) damage(detail string) error {
	return &DamageError{Index: noEntry, Detail: "report " + row.ID + ": " + detail}
}

// Run makes what is due, one after the other, until ctx ends.
func (r *Reports) Run(ctx context.Context) {
	tick := time.NewTicker(reportsLookEvery)
	defer tick.Stop()
	for {
		for ctx.Err() == nil {
			row, did, err := r.next(ctx)
			if err != nil && ctx.Err() == nil {
				r.cfg.Logger.Error("a report could not be made", "report", row.ID, "officer", row.Officer, "error", err)
			}
			if !did {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
		}
	}
}

// next makes one report, which it returns; did is false when none is due.
func (r *Reports) next(ctx context.Context) (row ReportRow, did bool, err error) {
	now := r.cfg.Clock()
	if _, err := r.cfg.Store.DropReports(ctx, now); err != nil {
		return row, false, err
	}
	row, err = r.cfg.Store.ClaimReport(ctx, now, now.Add(reportLease))
	if errors.Is(err, ErrNotFound) {
		return row, false, nil
	}
	if err != nil {
		return row, false, err
	}
	file, failed := ReportFile{Problem: "interrupted"}, error(nil)
	if row.Attempt <= maxReportTries {
		file, failed = r.make(ctx, row)
	}
	if ctx.Err() != nil || errors.Is(failed, ErrConflict) {
		return row, false, nil // another process, or this one after a restart, begins anew
	}
	state := ReportReady
	if failed != nil || file.Problem != "" {
		state, file = ReportFailed, ReportFile{Problem: problemOf(failed, file.Problem)}
		if d := AsDamage(failed); d != nil {
			if file.Case = d.Case; d.Index != noEntry {
				file.Entry = &d.Index
			}
		}
	}
	sealed, err := r.seal(ctx, file, fileAAD(row.ID, row.Attempt))
	if err == nil {
		err = r.cfg.Store.FinishReport(ctx, row.ID, row.Attempt, state, sealed)
	}
	if p := AsProblem(failed); failed != nil && (p == nil || p.Kind.Status >= 500) {
		err = errors.Join(failed, err)
	}
	return row, err == nil, err
}

// problemOf names what went wrong, for a page.
func problemOf(err error, otherwise string) string {
	var p *Problem
	switch {
	case err == nil:
		return otherwise
	case errors.As(err, &p) && p.Rule != "":
		return p.Rule
	case errors.As(err, &p):
		return p.Kind.Slug
	case AsDamage(err) != nil:
		return "damaged"
	}
	return "internal"
}

func (r *Reports) make(ctx context.Context, row ReportRow) (ReportFile, error) {
	report, err := r.open(ctx, row)
	if err != nil {
		return ReportFile{}, err
	}
	by, err := r.cfg.Roster.Officer(ctx, row.Officer)
	if errors.Is(err, ErrNotFound) {
		return ReportFile{Problem: "forbidden"}, nil
	}
	if err != nil {
		return ReportFile{}, err
	}
	if err := r.Check(by, report.Wish); err != nil { // their rights may have changed since
		return ReportFile{}, err
	}
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return ReportFile{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &partWriter{sum: sha256.New(), put: func(n int, data []byte) error {
		sealed, err := key.Seal(data, partAAD(row.ID, row.Attempt, n))
		if err != nil {
			return fmt.Errorf("seal a part of a report: %w", err)
		}
		return r.cfg.Store.PutPart(ctx, row.ID, row.Attempt, n, sealed)
	}}
	told := r.cfg.Clock()
	file, err := r.cfg.Maker.Make(ctx, by, report.Wish, w, func(done, total int64) {
		now := r.cfg.Clock()
		if now.Sub(told) < time.Second {
			return
		}
		told = now
		if err := r.cfg.Store.Progress(ctx, row.ID, row.Attempt, done, total, now.Add(reportLease)); err != nil {
			cancel(err) // another process has begun anew, or the store is gone
		}
	})
	if err == nil {
		err = w.flush()
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	file.Size, file.Parts, file.SHA256, file.Under = w.size, w.n, w.sum.Sum(nil), by.rights()
	return file, err
}

// A partWriter cuts what is written into parts.
type partWriter struct {
	put  func(n int, data []byte) error
	buf  []byte
	n    int
	size int64
	sum  running
}

// running is a hash that is not done.
type running interface {
	io.Writer
	Sum(b []byte) []byte
}

func (w *partWriter) Write(p []byte) (int, error) {
	_, _ = w.sum.Write(p) // a hash takes everything
	w.size += int64(len(p))
	w.buf = append(w.buf, p...)
	for len(w.buf) >= reportPart {
		if err := w.part(w.buf[:reportPart]); err != nil {
			return 0, err
		}
		w.buf = append([]byte(nil), w.buf[reportPart:]...)
	}
	return len(p), nil
}

func (w *partWriter) part(data []byte) error {
	if w.n >= maxReportParts {
		return problem(ProblemRequest, "The report is larger than %d MiB; ask for a shorter period.", maxReportParts).rule("report-too-large")
	}
	err := w.put(w.n, data)
	w.n++
	return err
}

func (w *partWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	return w.part(w.buf)
}

func (r *Reports) open(ctx context.Context, row ReportRow) (Report, error) {
	out := Report{ID: row.ID, State: row.State, At: row.At, Ends: row.Ends, Done: row.Done, Total: row.Total}
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return out, err
	}
	for _, part := range []struct {
		sealed, aad []byte
		into        any
	}{{row.Wish, wishAAD(row.ID), &out.Wish}, {row.File, fileAAD(row.ID, row.Attempt), &out.File}} {
		if part.sealed == nil {
			continue
		}
		data, err := key.Open(part.sealed, part.aad)
		if err != nil {
			return out, row.damage("what was asked for, or what came of it, cannot be decrypted")
		}
		if err := json.Unmarshal(data, part.into); err != nil {
			return out, fmt.Errorf("read a report: %w", err)
		}
	}
	return out, nil
}

func (r *Reports) seal(ctx context.Context, v any, aad []byte) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a report: %w", err)
	}
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	return key.Seal(data, aad)
}

func wishAAD(id string) []byte { return []byte("report/" + id + "/wish") }

func fileAAD(id string, attempt int) []byte {
	return fmt.Appendf(nil, "report/%s/%d/file", id, attempt)
}

func partAAD(id string, attempt, n int) []byte {
	return fmt.Appendf(nil, "report/%s/%d/%d", id, attempt, n)
}
