package console

import (
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// faults puts what is wrong in the officer's words, by the place of each.
func (c *Console) faults(v *visit, p *pen, problem *exchange.Problem) map[string][]string {
	found := problem.Errors
	if len(found) == 0 {
		found = []exchange.FieldError{{Pointer: problem.Pointer, Rule: problem.Rule}}
	}
	out := map[string][]string{}
	for _, e := range found {
		pointer, inBody := strings.CutPrefix(e.Pointer, "/body")
		if !inBody {
			pointer = "." + strings.TrimPrefix(pointer, "/")
		}
		// Which script it is follows from the name, once there is one.
		if name, ok := strings.CutSuffix(pointer, "/script"); ok && p.text(name+"/native") == "" {
			continue
		}
		if text := c.faultWords(v, p, pointer, e.Rule); !slices.Contains(out[pointer], text) {
			out[pointer] = append(out[pointer], text)
		}
	}
	other := v.s.T("fault.other")
	for pointer, said := range out {
		if len(said) > 1 { // a rule that has words says enough
			out[pointer] = slices.DeleteFunc(said, func(text string) bool { return text == other })
		}
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
		return v.s.Or("fault.pattern."+name, v.s.T("fault.other"))
	case "required", "field-required":
		if f.Format == "" && f.CodeList != "" {
			return v.s.T("fault.choose")
		}
		return v.s.T("fault.required")
	}
	return v.s.Or("fault."+rule, v.s.T("fault.other"))
}
