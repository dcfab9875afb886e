package export

import (
	"archive/zip"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

//go:embed SUBJECT.txt
var subjectReadme []byte

// trailPage is how many deeds are read at once.
const trailPage = 200

// accesses writes who looked at personal data, the last look first.
func (j *work) accesses(ctx context.Context, t *table) error {
	t.row("entry", "at", "officer", "what", "partner", "case", "identifier", "fields", "reason", "break_glass", "erased")
	scope := j.wish.Scope
	f := exchange.TrailFilter{Kind: exchange.KindAccess, Partner: scope.Partner, Case: scope.Case, Since: scope.From, Until: scope.To}
	for before := int64(0); ; {
		deeds, next, err := j.cfg.Oversight.Trail(ctx, j.by, f, before, trailPage)
		if err != nil {
			return err
		}
		for _, d := range deeds {
			// That of an export together with others may speak of these: it is not for
			// the one person who is told.
			if d.Withheld || j.wish.Kind == KindSubject && d.Case == "" {
				d.Reason = "withheld"
			}
			t.row(strconv.FormatInt(d.Index, 10), instant(d.At), d.By, d.Entry, d.Partner, d.Case, d.ID, fieldsOf(d.Fields), d.Reason, yes(d.BreakGlass), yes(d.Erased))
		}
		if before = next; next == 0 {
			return nil
		}
	}
}

func fieldsOf(pointers []string) string {
	out := slices.Clone(pointers)
	for i, p := range out {
		if p == "" {
			out[i] = "*" // all of it
		}
	}
	return strings.Join(out, " ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// disclosures writes what went to partners: which kinds of data, on which
// ground, and when the partner signed for it. What the data say is not in it.
func (j *work) disclosures(ctx context.Context, w io.Writer) error {
	t := newTable(w)
	t.row("entry", "at", "partner", "number", "identifier", "case", "type", "persons", "personal_fields", "agreement", "purpose", "recipient", "approval", "receipt", "erased")
	err := j.survey(ctx, false, nil, func(m exchange.Surveyed) error { return j.disclosed(ctx, t, m) })
	if err != nil {
		return err
	}
	return t.end()
}

func (j *work) disclosed(ctx context.Context, t *table, m exchange.Surveyed) error {
	if m.Row.Direction != exchange.Out {
		return nil
	}
	held, err := j.cfg.Oversight.ReceiptAt(ctx, m.Row)
	if err != nil {
		return err
	}
	receipt := instant(held)
	if m.Dead {
		receipt = "not delivered"
	}
	persons := ""
	if !m.Erased {
		persons = strconv.Itoa(len(subjects(m.Body)))
	}
	t.row(strconv.FormatInt(m.Row.Index, 10), instant(m.Row.At), m.Row.Partner, strconv.FormatInt(m.Row.Seq, 10), m.Row.ID, m.Row.Case, m.Row.Type,
		persons, strings.Join(j.personal(m), " "), m.Claims.Agreement, m.Claims.Purpose, m.Claims.Recipient, m.Claims.Approval, receipt, yes(m.Erased))
	return nil
}

// personal lists which personal fields a message holds, the outermost of each.
func (j *work) personal(m exchange.Surveyed) []string {
	var out []string
	for _, f := range j.cfg.Catalogue.Fields(m.Row.Type) {
		inside := slices.ContainsFunc(out, func(p string) bool { return strings.HasPrefix(f.Pointer, p+"/") })
		if f.Personal != "" && !inside && len(at(m.Body, f.Pointer)) > 0 {
			out = append(out, f.Pointer)
		}
	}
	return out
}

// at returns every value that a pointer with * finds in a body.
func at(body any, pointer string) []any {
	values := []any{body}
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		var next []any
		for _, v := range values {
			switch v := v.(type) {
			case map[string]any:
				if below, ok := v[token]; ok {
					next = append(next, below)
				}
			case []any:
				if token == "*" {
					next = append(next, v...)
				}
			}
		}
		values = next
	}
	return values
}

func subjects(body any) []map[string]any {
	var out []map[string]any
	for _, v := range at(body, "/subjects/*") {
		if s, ok := v.(map[string]any); ok {
			out = append(out, s)
		}
	}
	return out
}

func text(body any, pointer string) string {
	var out []string
	for _, v := range at(body, pointer) {
		if list, ok := v.([]any); ok {
			for _, e := range list {
				out = append(out, fmt.Sprint(e))
			}
			continue
		}
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, ";")
}

// erasures writes what was asked to be erased, what the other side says became
// of it, and the cases that are erased here, by the entry that did it.
func (j *work) erasures(ctx context.Context, w io.Writer) error {
	t := newTable(w)
	t.row("entry", "at", "partner", "direction", "case", "identifier", "type", "in_reply_to", "scope", "persons", "basis", "outcome", "erased_on", "kept_because", "review_on")
	err := j.survey(ctx, false, nil, func(m exchange.Surveyed) error {
		if m.Row.Type != exchange.TypeErasureNotice && m.Row.Type != exchange.TypeErasureConfirmation {
			return nil
		}
		t.row(strconv.FormatInt(m.Row.Index, 10), instant(m.Row.At), m.Row.Partner, string(m.Row.Direction), m.Row.Case, m.Row.ID, m.Row.Type, m.Row.InReplyTo,
			text(m.Body, "/scope"), text(m.Body, "/subjects/*"), text(m.Body, "/basis"), text(m.Body, "/outcome"), text(m.Body, "/erased_on"), text(m.Body, "/kept_because"), text(m.Body, "/review_on"))
		return nil
	})
	if err != nil {
		return err
	}
	cases, err := j.cfg.Reader.Cases(ctx, j.wish.Scope.Partner)
	if err != nil {
		return err
	}
	for _, c := range cases {
		if c.ErasedTo == 0 || j.wish.Scope.Case != "" && c.Case != j.wish.Scope.Case || !j.by.Sees(c.Partner, c.Kind) || c.Kind == "" && !j.by.Police {
			continue
		}
		rows, err := j.cfg.Reader.Newest(ctx, c.ErasedTo+1, exchange.Filter{Partner: c.Partner, Case: c.Case, Kind: exchange.KindEvent}, 1)
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].Index != c.ErasedTo {
			return fmt.Errorf("the entry that erased case %s is not in the record", c.Case)
		}
		t.row(strconv.FormatInt(c.ErasedTo, 10), instant(rows[0].At), c.Partner, "", c.Case, rows[0].ID, rows[0].Type, "", "", "", "", "", "", "", "")
	}
	return t.end()
}

// subject writes what is held of one person of a case, who looked at it, and to
// whom it went. What is said of others in the same messages is left out.
func (j *work) subject(ctx context.Context, w io.Writer) error {
	type piece struct {
		Entry     int64  `json:"entry"`
		At        string `json:"at"`
		Direction string `json:"direction"`
		Partner   string `json:"partner"`
		Type      string `json:"type"`
		ID        string `json:"jti"`
		Purpose   string `json:"purpose"`
		Said      any    `json:"said"` // of this person, as corrections have left it
	}
	pieces, sent := []piece{}, []exchange.Surveyed{}
	err := j.survey(ctx, false, []string{"/subjects/*"}, func(m exchange.Surveyed) error {
		if m.Kind == exchange.Information {
			return exchange.NewProblem(exchange.ProblemForbidden, "Police information is not part of a person's own file.")
		}
		for _, s := range subjects(m.Body) {
			if s["subject_ref"] == j.wish.Subject {
				pieces = append(pieces, piece{m.Row.Index, instant(m.Row.At), string(m.Row.Direction), m.Row.Partner, m.Row.Type, m.Row.ID, m.Claims.Purpose, s})
				sent = append(sent, m)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(pieces) == 0 {
		p := exchange.NewProblem(exchange.ProblemRequest, "Nothing in the case speaks of this person.")
		p.Rule = "report-empty"
		return p
	}
	z := zip.NewWriter(w)
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"README.txt", func(w io.Writer) error { _, err := w.Write(subjectReadme); return err }},
		{"person.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			return e.Encode(pieces)
		}},
		{"disclosures.csv", func(w io.Writer) error {
			t := newTable(w)
			t.row("entry", "at", "partner", "number", "identifier", "case", "type", "persons", "personal_fields", "agreement", "purpose", "recipient", "approval", "receipt", "erased")
			for _, m := range sent {
				if err := j.disclosed(ctx, t, m); err != nil {
					return err
				}
			}
			return t.end()
		}},
		{"accesses.csv", func(w io.Writer) error {
			t := newTable(w)
			if err := j.accesses(ctx, t); err != nil {
				return err
			}
			return t.end()
		}},
	}
	for _, f := range files {
		if err := zipFile(z, f.name, f.write); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("end the archive: %w", err)
	}
	return nil
}
