package console

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A fieldFault is what is wrong with a field of a form: a key of the catalogue. Without
// a field it is of the whole form.
type fieldFault struct{ Field, Fault string }

// fieldFaults are all that is wrong with a form.
type fieldFaults []fieldFault

// oneFault is what is wrong where there is no more than one; nothing for "".
func oneFault(field, fault string) fieldFaults {
	if fault == "" {
		return nil
	}
	return fieldFaults{{field, fault}}
}

// Of returns what is wrong with a field, "" for nothing.
func (f fieldFaults) Of(field string) string {
	i := slices.IndexFunc(f, func(one fieldFault) bool { return one.Field == field })
	if i < 0 {
		return ""
	}
	return f[i].Fault
}

// At is what is wrong with a field, for the words beside it.
func (f fieldFaults) At(field string) fieldFault { return fieldFault{field, f.Of(field)} }

// faulty are the attributes by which a control is told what is wrong with it.
func (f fieldFault) faulty() template.HTMLAttr {
	if f.Fault == "" {
		return ""
	}
	return template.HTMLAttr(`aria-invalid="true" aria-describedby="` + f.Field + `-fault"`) // #nosec G203 -- of the names of fields alone
}

// titled is the status of a page with a form, and its title.
func (f fieldFaults) titled(v *visit, title string) (int, string) {
	if len(f) == 0 {
		return http.StatusOK, title
	}
	return http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
}

// unseenRule is broken by a text that is right but for what nobody would see in it.
const unseenRule = "unseen"

// faults puts what is wrong in the officer's words, by the place of each.
func (c *Console) faults(v *visit, p *pen, problem *exchange.Problem) map[string][]string {
	found := problem.Errors
	if len(found) == 0 && problem.Rule != unseenRule {
		found = []exchange.FieldError{{Pointer: problem.Pointer, Rule: problem.Rule}}
	}
	out, unreadable, unseen := map[string][]string{}, map[string]string{}, p.unseen()
	for _, e := range found {
		pointer, inBody := strings.CutPrefix(e.Pointer, "/body")
		if !inBody {
			pointer = "." + strings.TrimPrefix(pointer, "/")
		}
		if name, follows := p.follows(pointer); follows && (p.text(name) == "" || unseen[name] != 0) {
			continue // from a name that is asked for itself
		}
		text := c.faultWords(v, p, pointer, e.Rule)
		if e.Rule == "format" {
			unreadable[pointer] = text
		}
		if !slices.Contains(out[pointer], text) {
			out[pointer] = append(out[pointer], text)
		}
	}
	other := v.s.T("fault.other")
	for pointer, said := range out {
		if said = slices.DeleteFunc(said, func(text string) bool { return text == other && len(said) > 1 }); unreadable[pointer] != "" {
			said = []string{unreadable[pointer]} // how long it is does not matter then
		}
		out[pointer] = said
	}
	for pointer, r := range unseen { // whatever else is wrong may come of it
		out[pointer] = []string{v.s.T("fault.unseen", fmt.Sprintf("U+%04X", r))}
	}
	return out
}

func (c *Console) faultWords(v *visit, p *pen, pointer, rule string) string {
	f, _ := p.field(pointer)
	name := pointer[strings.LastIndexAny(pointer, "/.")+1:]
	switch rule {
	case "format":
		return v.s.Or("fault.format."+f.Format, v.s.T("fault.other"))
	case "maxLength", "maxItems":
		return v.s.T("fault."+rule, f.Limit)
	case "pattern":
		if _, follows := p.follows(pointer); follows {
			return v.s.T("fault.latin_signs")
		}
		if f.CodeList != "" {
			return v.s.T("fault.choose_listed")
		}
		return v.s.Or("fault.pattern."+name, v.s.T("fault.other"))
	case "field-forbidden":
		permit := p.term().Permit
		if p.fix != nil {
			permit = p.fix.permit
		}
		if slices.Contains(barredOf(permit), f.Pointer) && p.rules()[f.Pointer] != partners.RuleForbid {
			return v.s.T("fault.minor-forbidden")
		}
	case "required", "field-required":
		switch {
		case f.Type == "array" && f.Elements != "object":
			return v.s.T("fault.choose_some")
		case f.Format == "" && f.CodeList != "":
			return v.s.T("fault.choose")
		}
		return v.s.T("fault.required")
	}
	return v.s.Or("fault."+rule, v.s.T("fault.other"))
}
