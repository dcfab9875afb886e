package console

import (
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An AnswerLine is an answer to a message.
type AnswerLine struct {
	ID      string
	Type    TypeName
	Path    string
	At      string
	Status  string // of ours: pending, dead, or "" when the partner holds it
	Persons []string
	Authors []Author
}

// An Author is somebody who has written something of a message.
type Author struct {
	Who
	Mine bool
}

func (c *Console) authorsOf(v *visit, ids []string) []Author {
	out := make([]Author, len(ids))
	for i, id := range ids {
		out[i] = Author{c.who(v, id), id == v.officer.ID}
	}
	return out
}

func (c *Console) answerLines(v *visit, answers []exchange.Answer) []AnswerLine {
	var out []AnswerLine
	for _, a := range answers {
		line := AnswerLine{ID: a.Key.ID, Type: c.typeName(v.s, a.Type), Path: messagePath(a.Key), Status: a.Status, Authors: c.authorsOf(v, a.Authors)}
		line.Persons = slices.DeleteFunc(a.Persons, func(ref string) bool { return ref == "" })
		if !a.At.IsZero() {
			line.At = v.s.Time(a.At)
		}
		out = append(out, line)
	}
	return out
}

// A company is who says the same as a form, or is about to.
type company struct {
	Said   []AnswerLine // the same answer to the same question, about one of its persons
	Drafts []string     // that say it and have not left
	Others []string     // officers who are writing such a message in its case
	Since  bool         // some of it was not there when the officer was shown the preview
}

// Known are the messages and drafts that a page tells of, for it to bring back.
func (o company) Known() string {
	ids := slices.Clone(o.Drafts)
	for _, a := range o.Said {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

// company looks who says the same as a form, or is about to.
func (c *Console) company(v *visit, p *pen) (company, error) {
	var out company
	others, err := c.cfg.Forms.Others(v.r.Context(), v.officer, p.Form)
	if err != nil {
		return out, err
	}
	for _, row := range others {
		who, at := c.who(v, row.Officer), v.s.Time(row.ChangedAt)
		if row.ID == p.ID {
			out.Others = append(out.Others, v.s.T("form.other", who, at))
		} else {
			out.Others = append(out.Others, v.s.T("form.other_same", who, at))
		}
	}
	out.Drafts = slices.DeleteFunc(slices.Clone(p.offer.Drafts), func(id string) bool { return id == p.ID })
	if asked := p.text(".reply"); asked != "" && p.Case != "" {
		answers, err := c.cfg.Sight.Answers(v.r.Context(), v.officer, exchange.CaseKey{Partner: p.Partner, Case: p.Case}, asked)
		if err != nil {
			return out, err
		}
		refs := p.refs()
		out.Said = c.answerLines(v, slices.DeleteFunc(answers, func(a exchange.Answer) bool {
			return a.Key.ID == p.ID || a.Type != p.Type || a.Status == string(exchange.JobDead) || len(refs) > 0 && !slices.ContainsFunc(a.Persons, func(ref string) bool { return slices.Contains(refs, ref) })
		}))
	}
	known := strings.Fields(v.r.PostFormValue("known"))
	out.Since = v.r.PostFormValue("do") == "submit" && slices.ContainsFunc(strings.Fields(out.Known()), func(id string) bool { return !slices.Contains(known, id) })
	return out, nil
}
