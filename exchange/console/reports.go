package console

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// A reportWish is what the form asks for, as it was typed.
type reportWish struct {
	Kind, Partner, Case, Subject, Template, From, To, Reason string
	Names                                                    bool
}

// A reportsView is the page of reports.
type reportsView struct {
	Wish      reportWish
	Kinds     []string
	Partners  []Party
	Templates []templateLine
	Reports   []reportLine
	Working   bool // one of them is being made
	Faults    fieldFaults
}

type templateLine struct {
	ID    string
	Title Value
	K     int
}

// A reportLine is one report that was asked for.
type reportLine struct {
	ID, Kind, State string
	Partner         Party
	Case, Subject   string
	From, To        time.Time
	Reason          string
	At, Ends        time.Time
	Percent         int
	Kilobytes       int64
	Says            string // how it stands, and why there is none: keys of the catalogue
	Problem         string
	Damage          *exchange.DamageError
}

// reportsPage begins with the case that an address names: a case's page leads here.
func (c *Console) reportsPage(v *visit) error {
	wish := reportWish{Kind: export.KindStatistics}
	if q := v.r.URL.Query(); q.Get("case") != "" {
		wish = reportWish{Kind: export.KindEvidence, Partner: q.Get("partner"), Case: cut(q.Get("case"), 64)}
	}
	return c.showReports(v, wish, nil)
}

func (c *Console) showReports(v *visit, wish reportWish, faults fieldFaults) error {
	if !v.officer.Has(exchange.RoleCompliance) {
		return exchange.NewProblem(exchange.ProblemForbidden, "Whoever asks may not make reports.")
	}
	view := reportsView{Wish: wish, Kinds: export.Kinds(), Partners: c.parties(v.s, v.officer), Faults: faults}
	for _, t := range c.cfg.Templates {
		view.Templates = append(view.Templates, templateLine{t.ID, v.s.Said(t.Title), t.K})
	}
	reports, err := c.cfg.Reports.List(v.r.Context(), v.officer)
	if err != nil {
		return err
	}
	for _, r := range reports {
		line := reportLine{
			ID: r.ID, Kind: r.Wish.Kind, State: string(r.State), Case: r.Wish.Scope.Case, Subject: r.Wish.Subject, From: r.Wish.Scope.From, To: r.Wish.Scope.To,
			Reason: r.Wish.Reason, At: r.At, Ends: r.Ends, Kilobytes: (r.File.Size + 1023) / 1024,
		}
		if r.Wish.Scope.Partner != "" {
			line.Partner = c.party(v.s, r.Wish.Scope.Partner)
		}
		if !line.To.IsZero() {
			line.To = line.To.Add(-time.Second) // the last day, and not the one after it
		}
		if r.Total > 0 {
			line.Percent = int(100 * r.Done / r.Total)
		}
		c.tellReport(v, &line, r)
		view.Working = view.Working || r.State == exchange.ReportDue
		view.Reports = append(view.Reports, line)
	}
	status, title := faults.titled(v, v.s.T("reports.title"))
	return c.show(v, status, "reports", title, "reports", view)
}

// tellReport says how a report stands, and why it cannot be had.
func (c *Console) tellReport(v *visit, line *reportLine, r exchange.Report) {
	problem := r.File.Problem
	line.Says, line.Damage = "report."+line.State, r.File.Damage()
	switch damage := exchange.AsDamage(r.Withheld); {
	case damage != nil:
		line.State, line.Says, line.Damage = string(exchange.ReportFailed), "damaged.tag", damage
		c.cfg.Logger.Error(exchange.Damaged, "method", v.r.Method, "report", r.ID, "error", damage)
	case r.Withheld != nil:
		refused := exchange.AsProblem(r.Withheld)
		line.State, line.Says, problem = string(exchange.ReportFailed), "report.withheld", or(refused.Rule, refused.Kind.Slug)
	}
	if line.Problem = "report.problem." + problem; !v.s.has(line.Problem) {
		line.Problem = "report.problem.internal"
	}
}

// reportFaults are the rules that the form explains, and the field of each.
var reportFaults = map[string]string{
	"reason-required": "reason", "reason-one-line": "reason", "subject-required": "subject", "evidence-scope": "partner", "partner-required": "partner",
	"period-turned": "to", "reports-full": "kind", "report-unknown": "kind", "template-unknown": "template",
}

func (c *Console) orderReport(v *visit) error {
	form := func(name string, most int) string { return strings.TrimSpace(cut(v.r.PostFormValue(name), most)) }
	wish := reportWish{
		form("kind", 20), form("partner", 8), form("case", 64), form("subject", 64), form("template", 40), form("from", 10), form("to", 10),
		strings.TrimSpace(v.r.PostFormValue("reason")), v.r.PostFormValue("names") != "",
	}
	if wish.Kind != export.KindSubject {
		wish.Subject = ""
	}
	from, to, fault := messageWish{From: wish.From, To: wish.To}.days(c.cfg.Zone)
	faults := oneFault("f-to", fault)
	_, many, err := c.oneCase(v, &wish.Case) // of none that begins so, the report says that
	if err != nil {
		return err
	}
	if many != "" {
		faults = append(faults, fieldFault{"f-case", many})
	}
	asked := exchange.ReportWish{
		Kind: wish.Kind, Subject: wish.Subject, Template: wish.Template, Names: wish.Names, Reason: wish.Reason,
		Scope: exchange.Scope{From: from, To: to, Partner: wish.Partner, Case: wish.Case},
	}
	refused := func(err error) bool {
		rule := exchange.AsProblem(err).Rule
		place, known := reportFaults[rule]
		if known = known && err != nil; known && faults.Of("f-"+place) == "" {
			faults = append(faults, fieldFault{"f-" + place, "report.problem." + rule})
		}
		return known
	}
	if err := c.cfg.Reports.Check(v.officer, asked); err != nil && !refused(err) {
		return err
	}
	if !exchange.GoodReason(wish.Reason) && faults.Of("f-reason") == "" {
		faults = append(faults, fieldFault{"f-reason", "report.problem.reason-required"})
	}
	if len(faults) == 0 {
		if _, err := c.cfg.Reports.Order(v.r.Context(), v.officer, asked); err != nil && !refused(err) {
			return err
		}
	}
	if len(faults) > 0 {
		return c.showReports(v, wish, faults)
	}
	return v.redirect("/reports#made")
}

// fetchReport hands a report out, once that is in the record.
func (c *Console) fetchReport(v *visit) error {
	report, write, err := c.cfg.Reports.Fetch(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", report.File.MediaType)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": report.File.Name}))
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(longestDownload)) // not every writer has one
	if err := write(v.w); err != nil {
		c.cfg.Logger.Error("a report was cut off", "report", report.ID, "error", err)
		panic(http.ErrAbortHandler) // so that the browser does not take it for whole
	}
	return nil
}

// longestDownload bounds how long a slow reader may take.
const longestDownload = 30 * time.Minute

// reportProblems are the reasons why there is no report that a page has words for.
func reportProblems() []string {
	out := []string{"internal", "damaged", "interrupted", "forbidden", "report-empty", "report-too-large", "report-narrowed", "not-found"}
	for rule := range reportFaults {
		out = append(out, rule)
	}
	slices.Sort(out)
	return out
}
