package operator

import (
	"net/http"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

func (r *request) subjectKey() exchange.SubjectKey {
	return exchange.SubjectKey{CaseKey: r.caseKey(), Subject: r.param("subject")}
}

// register returns the index of persons, where the gateway keeps one.
func (s *Server) register() (*exchange.Register, error) {
	if s.cfg.Register == nil {
		return nil, refuse(exchange.ProblemNotFound, "index-missing", "This gateway keeps no index of persons.")
	}
	return s.cfg.Register, nil
}

// list is an answer that needs no second page.
func list[T any](items []T) (answer, error) {
	return reply(http.StatusOK, page{Items: append([]T{}, items...)})
}

func (s *Server) getDuplicates(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	register, err := s.register()
	if err != nil {
		return answer{}, err
	}
	found, err := register.Duplicates(r.Context(), r.by, r.subjectKey())
	if err != nil {
		return answer{}, err
	}
	return list(found)
}

func (s *Server) getLinks(r *request) (answer, error) {
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	register, err := s.register()
	if err != nil {
		return answer{}, err
	}
	keys, err := register.Linked(r.Context(), r.by, r.caseKey())
	if err != nil {
		return answer{}, err
	}
	return list(keys)
}

// A fieldView is what the comparison of one field came to, with its reasons in
// words.
type fieldView struct {
	Field   string       `json:"field"`
	Verdict string       `json:"verdict"`
	Grade   string       `json:"grade,omitempty"`
	Score   int          `json:"score"`
	Reasons []reasonView `json:"reasons"`
}

type reasonView struct {
	Key  string `json:"key"`
	Side string `json:"side,omitempty"` // of a warning: whose data is odd
	Text Words  `json:"text"`
}

// getComparison compares two persons field by field. No value is shown, and
// nothing is decided; both accesses and their reason are recorded first.
func (s *Server) getComparison(r *request) (answer, error) {
	reason, err := r.reason()
	if err != nil {
		return answer{}, err
	}
	q := r.query()
	with := exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: q.text("partner"), Case: q.text("case")}, Subject: q.text("subject_ref")}
	if err := q.end(); err != nil {
		return answer{}, err
	}
	register, err := s.register()
	if err != nil {
		return answer{}, err
	}
	report, err := register.Compare(r.Context(), r.by, r.subjectKey(), with, reason)
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Findings []fieldView  `json:"findings"`
		Warnings []reasonView `json:"warnings"`
		Order    int          `json:"order"`
	}{Findings: []fieldView{}, Warnings: []reasonView{}, Order: report.Order}
	for _, f := range report.Findings {
		field := fieldView{string(f.Field), string(f.Verdict), string(f.Grade), f.Score, []reasonView{}}
		for _, key := range f.Reasons {
			field.Reasons = append(field.Reasons, reasonView{Key: string(key), Text: explained(key)})
		}
		out.Findings = append(out.Findings, field)
	}
	for _, w := range report.Warnings {
		out.Warnings = append(out.Warnings, reasonView{string(w.Key), string(w.Side), explained(w.Key)})
	}
	return reply(http.StatusOK, out)
}

// explained is an explanation in the languages of the API.
func explained(k identity.Key) Words { return Words{k.In("en"), k.In("vi")} }

// eraseCase destroys what a case holds.
func (s *Server) eraseCase(r *request) (answer, error) {
	reason, err := r.reason()
	if err != nil {
		return answer{}, err
	}
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	done, err := s.cfg.Desk.Erase(r.Context(), r.by, r.caseKey(), reason)
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Notice       string `json:"notice"`
		Confirmation string `json:"confirmation,omitempty"`
	}{Notice: done.Notice}
	if done.Confirmation != nil {
		out.Confirmation = done.Confirmation.ID
	}
	return reply(http.StatusOK, out)
}
