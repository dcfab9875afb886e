package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// htcds writes a line for each person of a case, in the names of HTCDS 2.0
// (IOM, CC BY 4.0) and, where our list has one, its codes. What identifies a
// person is there only when it was asked for.
func (j *work) htcds(ctx context.Context, w io.Writer) error {
	columns := j.htcdsColumns()
	var shown []string
	for _, c := range columns {
		shown = append(shown, c.name)
	}
	type line struct {
		key    exchange.SubjectKey
		opened string
		values map[string]string
	}
	lines, order := map[exchange.SubjectKey]*line{}, []*line{}
	err := j.survey(ctx, false, shown, func(m exchange.Surveyed) error {
		if m.Erased || m.Dead || m.Kind == exchange.Information {
			return nil
		}
		for _, s := range subjects(m.Body) {
			ref, _ := s["subject_ref"].(string)
			key := exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: m.Row.Partner, Case: m.Row.Case}, Subject: ref}
			if lines[key] == nil {
				lines[key] = &line{key, instant(m.Row.At), map[string]string{}}
				order = append(order, lines[key])
			}
			for _, c := range columns {
				if v := c.of(m.Row.Type, s); v != "" {
					lines[key].values[c.name] = v // the last word counts
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t := newTable(w)
	t.row(append([]string{"partner", "case", "subject_ref", "first_entry_at"}, shown...)...)
	for _, l := range order {
		row := []string{l.key.Partner, l.key.Case, l.key.Subject, l.opened}
		for _, name := range shown {
			row = append(row, l.values[name])
		}
		t.row(row...)
	}
	return t.end()
}

// An htcdsColumn is one name of HTCDS and the places that it is read from.
type htcdsColumn struct {
	name   string
	places []htcdsPlace
}

type htcdsPlace struct {
	messageType, pointer string // below a subject
	list                 string
	flags                bool // an object of yes and no, whose names are codes
}

// htcdsColumns finds the columns by what the schemas say of their fields: of the
// person alone, not of a relative or an earlier name.
func (j *work) htcdsColumns() []htcdsColumn {
	const below = "/subjects/*/"
	var out []htcdsColumn
	for _, messageType := range j.cfg.Catalogue.Types() {
		for _, f := range j.cfg.Catalogue.Fields(messageType.Name) {
			pointer, ok := strings.CutPrefix(f.Pointer, below)
			if !ok || f.HTCDS == "" || strings.Contains(pointer, "*") || f.Personal == schemas.Identifying && !j.wish.Names {
				continue
			}
			if head, _, nested := strings.Cut(pointer, "/"); nested && head != "name" && head != "consent" {
				continue
			}
			flags := f.Type == "object" && f.CodeList != ""
			if f.Type == "object" && !flags {
				continue
			}
			i := slices.IndexFunc(out, func(c htcdsColumn) bool { return c.name == f.HTCDS })
			if i < 0 {
				i, out = len(out), append(out, htcdsColumn{name: f.HTCDS})
			}
			out[i].places = append(out[i].places, htcdsPlace{messageType.Name, pointer, f.CodeList, flags})
		}
	}
	slices.SortFunc(out, func(a, b htcdsColumn) int { return strings.Compare(a.name, b.name) })
	if !j.wish.Names {
		return out
	}
	// HTCDS has the parts of a name alone, and not everybody knows which part is which.
	for _, name := range []string{"native", "latin"} {
		column := htcdsColumn{name: "name_" + name}
		for _, messageType := range j.cfg.Catalogue.Types() {
			column.places = append(column.places, htcdsPlace{messageType: messageType.Name, pointer: "name/" + name})
		}
		out = append(out, column)
	}
	return out
}

// of reads the column off a person in a message, in HTCDS's codes.
func (c htcdsColumn) of(messageType string, subject map[string]any) string {
	var out []string
	for _, place := range c.places {
		if place.messageType != messageType {
			continue
		}
		list, _ := schemas.List(place.list)
		for _, v := range at(subject, "/"+place.pointer) {
			for _, code := range codesIn(v, place.flags) {
				if known, ok := list.Lookup(code); ok && known.HTCDS != "" {
					code = known.HTCDS
				} else if place.flags { // HTCDS has no word for it
					continue
				}
				if !slices.Contains(out, code) {
					out = append(out, code)
				}
			}
		}
	}
	return strings.Join(out, ";")
}

func codesIn(v any, flags bool) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, fmt.Sprint(e))
		}
		return out
	case map[string]any:
		var out []string
		for name, given := range v {
			if flags && given == true {
				out = append(out, name)
			}
		}
		slices.Sort(out)
		return out
	case nil:
		return nil
	}
	return []string{fmt.Sprint(v)}
}
