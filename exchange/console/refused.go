package console

import (
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A RefusedLine is something that was refused. Rule and Place are in words, RuleCode and
// Pointer what the record has: they stand there where the words do not say as much.
type RefusedLine struct {
	exchange.Refused
	Partner         Party
	Ours            bool
	Type            TypeName
	Words, Place    string
	RuleCode, Where string
}

// alike are rules of which one text says enough: what they tell apart is for whoever
// programs the other side, who reads their code.
var alike = map[string]string{
	"jws-form": "jws", "jws-base64": "jws", "jws-header": "jws", "jws-alg": "jws", "jws-typ": "jws", "jws-size": "size", "jws-kid": "key", "jws-key-window": "key",
	"syntax": "json", "utf8": "json", "bom": "json", "surrogate": "json", "duplicate-name": "json", "case-folded-name": "json", "depth": "json", "members": "json", "elements": "json",
	"nodes": "json", "string-length": "json", "name-length": "json", "number": "json", "control-character": "json", "nfc": "json", "trailing-bytes": "json",
	"type": "value", "enum": "value", "const": "value", "format": "value", "pattern": "value",
	"minLength": "bounds", "maxLength": "bounds", "minimum": "bounds", "maximum": "bounds", "exclusiveMinimum": "bounds", "exclusiveMaximum": "bounds", "minItems": "bounds", "maxItems": "bounds",
	"required": "lacking", "dependentRequired": "lacking", "minProperties": "lacking", "anyOf": "lacking",
	"additionalProperties": "surplus", "propertyNames": "surplus", "maxProperties": "surplus", "not": "surplus", "not-permitted": "surplus",
}

// rule says in words why something was refused, and whether they stand for several
// rules; "" for one that has none.
func (s *speech) rule(rule string) (words string, several bool) {
	name, several := alike[rule]
	return s.Or("rule."+or(name, rule), s.Or("fault."+rule, "")), several
}

// refusedLine puts a refusal into words.
func (c *Console) refusedLine(v *visit, r exchange.Refused) RefusedLine {
	line := RefusedLine{Refused: r, Partner: c.party(v.s, r.Partner), Ours: r.Direction == exchange.Out, RuleCode: r.Rule, Where: r.Pointer}
	if c.cfg.Catalogue.Has(r.Type) {
		line.Type = c.typeName(v.s, r.Type)
	}
	var several bool
	if line.Words, several = v.s.rule(r.Rule); line.Words != "" && !several {
		line.RuleCode = ""
	}
	if line.Place = c.placeRefused(v, line.Type.Name, r.Pointer); line.Place != "" {
		line.Where = ""
	}
	return line
}

// placeRefused names a place of a message's claims; "" for one that no schema knows.
func (c *Console) placeRefused(v *visit, messageType, pointer string) string {
	within, inBody := strings.CutPrefix(pointer, "/body")
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue}
	switch {
	case !inBody && strings.Count(pointer, "/") == 1:
		return v.s.Or("message."+or(claimed[pointer[1:]], pointer[1:]), "")
	case !inBody || messageType == "":
		return ""
	case within == "":
		return v.s.T("message.body")
	case r.field(messageType, within).Pointer == "":
		return ""
	}
	return r.place(messageType, within, nil)
}

// claimed are the claims whose words are those of another name.
var claimed = map[string]string{"jti": "id"}
