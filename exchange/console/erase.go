package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An EraseLine is one step of an erasure.
type EraseLine struct {
	exchange.ErasureStep
	Next bool   // it is the first that is not done
	Kept string // what was answered, by the partner or by us, that does not erase all
	At   string // where it is done
}

// erasable says whether nothing stands in the way any more.
func erasable(steps []EraseLine) bool {
	return len(steps) > 0 && !slices.ContainsFunc(steps, func(l EraseLine) bool { return !l.Done })
}

// eraseLines returns what the erasure of a case takes.
func (c *Console) eraseLines(v *visit, key exchange.CaseKey) ([]EraseLine, error) {
	steps, err := c.cfg.Desk.ErasureSteps(v.r.Context(), v.officer, key)
	if err != nil {
		return nil, err
	}
	var out []EraseLine
	next := true
	for _, s := range steps {
		line := EraseLine{ErasureStep: s, Next: next && !s.Done}
		if s.Keeps() {
			line.Kept = c.code(v, "erasure-outcomes", s.Outcome)
		}
		switch next = next && s.Done; {
		case s.Draft != "":
			line.At = "/drafts/" + url.PathEscape(s.Draft)
		case s.Message != "":
			line.At = "/messages/" + url.PathEscape(key.Partner) + "/in/" + url.PathEscape(s.Message)
		case s.Name == exchange.EraseDrafts:
			line.At = casePath(key) + "#drafts-title"
		case s.Name == exchange.EraseDeliveries:
			line.At = "/partners/" + url.PathEscape(key.Partner)
		}
		out = append(out, line)
	}
	return out, nil
}

// erasure returns the steps for the page of a case: only where a notice asks for
// an erasure, and for whoever may do it.
func (c *Console) erasure(v *visit, key exchange.CaseKey) ([]EraseLine, error) {
	lines, err := c.eraseLines(v, key)
	if kind := exchange.AsProblem(err).Kind; err != nil && kind != exchange.ProblemNotFound && kind != exchange.ProblemForbidden {
		return nil, err
	}
	if len(lines) == 0 || !lines[0].Done {
		return nil, nil
	}
	return lines, nil
}

// An eraseView is the page that says what an erasure destroys, and does it.
type eraseView struct {
	Partner  Party
	Case     string
	Back     string
	Steps    []EraseLine
	Ready    bool
	Confirms bool // the partner is told so
	Reason   string
	Fault    string // a key of the catalogue
}

func (c *Console) erasePage(v *visit) error { return c.showErase(v, caseOf(v), "", "") }

func (c *Console) showErase(v *visit, key exchange.CaseKey, reason, fault string) error {
	steps, err := c.eraseLines(v, key)
	if err != nil {
		return err
	}
	if len(steps) == 0 { // it is erased
		return v.redirect(casePath(key))
	}
	view := eraseView{Partner: c.party(v.s, key.Partner), Case: key.Case, Back: casePath(key), Steps: steps, Ready: erasable(steps), Reason: reason, Fault: fault}
	view.Confirms = slices.ContainsFunc(steps, func(l EraseLine) bool { return l.Draft != "" })
	status, title := http.StatusOK, v.s.T("erase.title")
	if fault != "" {
		status, title = http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "erase", title, "cases", view)
}

// eraseCase erases a case. Whoever presses twice is led to the same end.
func (c *Console) eraseCase(v *visit) error {
	key, reason := caseOf(v), strings.TrimSpace(v.r.PostFormValue("reason"))
	steps, err := c.eraseLines(v, key)
	if err != nil {
		return err
	}
	end := casePath(key) + "?erased=1"
	if len(steps) == 0 {
		return v.redirect(end)
	}
	done, err := c.cfg.Desk.Erase(v.r.Context(), v.officer, key, reason)
	problem := exchange.AsProblem(err)
	switch {
	case err == nil:
	case done.Reason != "": // it is erased, and the confirmation leaves with the next sweep
		c.cfg.Logger.Warn("the confirmation of an erasure waits", "partner", key.Partner, "case", key.Case, "error", err)
	case problem.Rule == "reason-required":
		return c.showErase(v, key, reason, "reveal.reason_required")
	case problem.Kind == exchange.ProblemErased:
	case problem.Kind == exchange.ProblemCaseState:
		return c.showErase(v, key, reason, "erase.not_ready")
	default:
		return err
	}
	return v.redirect(end)
}
