package exchange

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// rules are the names of all rules that a gateway of this version decides by
// (docs/wire.md). A partner's problem document may name one of these, and no
// other text: what is not ours could be anything, a person's name too.
var rules = func() map[string]bool {
	out := map[string]bool{}
	for _, list := range [][]string{
		{
			seal.RuleSize, seal.RuleForm, seal.RuleBase64, seal.RuleHeader, seal.RuleAlgorithm, seal.RuleType,
			seal.RuleKeyID, seal.RuleKeyWindow, seal.RuleSignature,
		},
		{
			schemas.RuleSize, schemas.RuleSyntax, schemas.RuleUTF8, schemas.RuleBOM, schemas.RuleSurrogate, schemas.RuleDuplicateName,
			schemas.RuleFoldedName, schemas.RuleDepth, schemas.RuleMembers, schemas.RuleElements, schemas.RuleNodes,
			schemas.RuleStringLength, schemas.RuleNameLength, schemas.RuleNumber, schemas.RuleControl, schemas.RuleNFC, schemas.RuleTrailingBytes,
		},
		{ // of JSON Schema
			"type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
			"exclusiveMaximum", "minItems", "maxItems", "uniqueItems", "required", "additionalProperties", "propertyNames",
			"minProperties", "maxProperties", "dependentRequired", "anyOf", "not", "not-permitted",
		},
		{
			"numeric-date", "agreement-unknown", "agreement-not-in-force", "type-not-permitted", "direction-not-permitted",
			"purpose-not-permitted", "recipient-required", "recipient-not-permitted", "approval-required", "approval-not-permitted",
			"anonymous-forbidden", "anonymous-required", "field-required", "field-forbidden",
		},
		{
			"case-from-state", "case-kind", "case-side", "case-full", "reply-required", "reply-not-allowed", "reply-unknown", "reply-mismatch",
			"subject-unknown", "subject-not-asked", "subject-repeated", "question-repeated", "identifier-personal", "window-order", "withdrawn",
			"identity-not-requested", "nationality-not-confirmed", "confirmation-mismatch", "return-not-agreed", "document-required",
			"handover-not-announced", "countersignature-mismatch", "not-handed-over", "handover-not-countersigned", "not-received",
			"target-unknown", "target-not-own", "target-type", "revision-missing", "revision-reused", "correction-pointer", "correction-matter", "countersigned",
		},
	} {
		for _, rule := range list {
			out[rule] = true
		}
	}
	return out
}()

// KnownRule says whether a rule is one that this gateway decides by.
func KnownRule(rule string) bool { return rules[rule] }

// Rules returns the names of all of them, in order.
func Rules() []string { return slices.Sorted(maps.Keys(rules)) }

// placeIn returns a JSON Pointer when it names a place in the claims of a message
// of ours, else "". Every name on its way is then one that our own schemas gave.
func placeIn(message []byte, pointer string) string {
	payload, err := PayloadOf(message)
	if err != nil || !strings.HasPrefix(pointer, "/") || len(pointer) > 256 {
		return ""
	}
	var at any
	if json.Unmarshal(payload, &at) != nil {
		return ""
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		switch v := at.(type) {
		case map[string]any:
			below, there := v[token]
			if !there {
				return ""
			}
			at = below
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
				return ""
			}
			at = v[i]
		default:
			return ""
		}
	}
	return pointer
}
