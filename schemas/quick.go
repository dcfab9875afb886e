package schemas

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// holds reports whether v is certainly valid. It walks the library's compiled
// schema without collecting anything, a tenth of the library's cost, which is
// otherwise the dearest step of a message (docs/performance.md). false means
// "ask the library", never "invalid": a keyword it does not know, a number
// that is not a plain integer, anything unusual. So the only fault it could
// have is to be sure of something false, and the tests compare it with the
// library on every vector and under the fuzzer.
func holds(s *jsonschema.Schema, v any) bool {
	if s.Always != nil {
		return *s.Always
	}
	if unusual(s) {
		return false
	}
	if s.Ref != nil && !holds(s.Ref, v) ||
		len(s.Types) > 0 && !slices.ContainsFunc(s.Types, func(t string) bool { return isType(t, v) }) ||
		len(s.Constant) > 0 && !same(s.Constant[0], v) ||
		len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return same(e, v) }) {
		return false
	}
	if s.Format != "" {
		if f := formats[s.Format]; f.assert == nil || !f.assert(v) {
			return false
		}
	}
	var ok bool
	switch v := v.(type) {
	case string:
		ok = stringHolds(s, v)
	case json.Number:
		ok = numberHolds(s, v)
	case map[string]any:
		ok = objectHolds(s, v)
	case []any:
		ok = arrayHolds(s, v)
	case bool, nil:
		ok = true
	}
	return ok && applicatorsHold(s, v)
}

// unusual says whether the schema uses what this file does not implement.
// checkKeywords keeps most of it out; the library may hold it all the same.
func unusual(s *jsonschema.Schema) bool {
	return s.RecursiveRef != nil || s.DynamicRef != nil || s.OneOf != nil || s.PatternProperties != nil || s.Dependencies != nil ||
		s.DependentSchemas != nil || s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil || s.Items != nil ||
		s.AdditionalItems != nil || s.PrefixItems != nil || s.Contains != nil || s.ExclusiveMinimum != nil ||
		s.ExclusiveMaximum != nil || s.MultipleOf != nil || s.RegexProperties
}

func isType(t string, v any) bool {
	switch v := v.(type) {
	case string:
		return t == "string"
	case map[string]any:
		return t == "object"
	case []any:
		return t == "array"
	case json.Number:
		if t == "number" {
			return true
		}
		_, err := v.Int64()
		return t == "integer" && err == nil
	case bool:
		return t == "boolean"
	}
	return v == nil && t == "null"
}

// same compares scalars of one spelling.
func same(want, v any) bool {
	switch want := want.(type) {
	case string:
		s, ok := v.(string)
		return ok && s == want
	case bool:
		b, ok := v.(bool)
		return ok && b == want
	}
	return false
}

func stringHolds(s *jsonschema.Schema, v string) bool {
	if s.MinLength > 0 || s.MaxLength >= 0 {
		n := utf8.RuneCountInString(v)
		if n < s.MinLength || s.MaxLength >= 0 && n > s.MaxLength {
			return false
		}
	}
	return s.Pattern == nil || s.Pattern.MatchString(v)
}

func numberHolds(s *jsonschema.Schema, v json.Number) bool {
	if s.Minimum == nil && s.Maximum == nil {
		return true
	}
	n, err := v.Int64()
	return err == nil &&
		(s.Minimum == nil || compare(s.Minimum, n) <= 0) && (s.Maximum == nil || compare(s.Maximum, n) >= 0)
}

// compare is bound.Cmp(n) without an allocation where bound is a whole number.
func compare(bound *big.Rat, n int64) int {
	if !bound.IsInt() || !bound.Num().IsInt64() {
		return bound.Cmp(new(big.Rat).SetInt64(n))
	}
	switch b := bound.Num().Int64(); {
	case b < n:
		return -1
	case b > n:
		return 1
	}
	return 0
}

func objectHolds(s *jsonschema.Schema, v map[string]any) bool {
	if len(v) < s.MinProperties || s.MaxProperties >= 0 && len(v) > s.MaxProperties {
		return false
	}
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return false
		}
	}
	for name, others := range s.DependentRequired {
		if _, ok := v[name]; ok && slices.ContainsFunc(others, func(o string) bool { _, has := v[o]; return !has }) {
			return false
		}
	}
	for name, value := range v {
		if s.PropertyNames != nil && !holds(s.PropertyNames, name) {
			return false
		}
		if p, ok := s.Properties[name]; ok {
			if !holds(p, value) {
				return false
			}
			continue
		}
		switch a := s.AdditionalProperties.(type) {
		case bool:
			if !a {
				return false
			}
		case *jsonschema.Schema:
			if !holds(a, value) {
				return false
			}
		}
	}
	return true
}

func arrayHolds(s *jsonschema.Schema, v []any) bool {
	if len(v) < s.MinItems || s.MaxItems >= 0 && len(v) > s.MaxItems {
		return false
	}
	if s.UniqueItems && !distinct(v) {
		return false
	}
	return s.Items2020 == nil || !slices.ContainsFunc(v, func(e any) bool { return !holds(s.Items2020, e) })
}

// distinct is sure only of strings.
func distinct(v []any) bool {
	texts := make([]string, len(v))
	for i, e := range v {
		s, ok := e.(string)
		if !ok {
			return len(v) < 2
		}
		texts[i] = s
	}
	slices.SortFunc(texts, strings.Compare)
	return len(slices.Compact(texts)) == len(v)
}

// applicatorsHold judges the keywords that combine schemas. That something
// does not hold is certain only after the library's word, so "not" is judged by
// it, and "if" where fails is not sure.
func applicatorsHold(s *jsonschema.Schema, v any) bool {
	if slices.ContainsFunc(s.AllOf, func(a *jsonschema.Schema) bool { return !holds(a, v) }) ||
		len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, func(a *jsonschema.Schema) bool { return holds(a, v) }) {
		return false
	}
	if s.Not != nil && s.Not.Validate(v) == nil {
		return false
	}
	switch {
	case s.If == nil:
		return true
	case holds(s.If, v) || !fails(s.If, v) && s.If.Validate(v) == nil:
		return s.Then == nil || holds(s.Then, v)
	}
	return s.Else == nil || holds(s.Else, v)
}

// fails reports whether v is certainly invalid. It knows what our conditions
// are made of, a member that is missing or has another value, and spares the
// library's collecting of why; false means that it does not know.
func fails(s *jsonschema.Schema, v any) bool {
	object, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if slices.ContainsFunc(s.Required, func(name string) bool { _, has := object[name]; return !has }) {
		return true
	}
	for name, p := range s.Properties {
		if value, has := object[name]; has && (other(p.Constant, value) || other(p.Enum, value)) {
			return true
		}
	}
	return false
}

// other says whether a text or a truth value is certainly none of those that
// are permitted; none listed permits all.
func other(permitted []any, v any) bool {
	for _, p := range permitted {
		switch p.(type) {
		case string, bool:
			if p == v {
				return false
			}
		default:
			return false
		}
	}
	switch v.(type) {
	case string, bool:
		return len(permitted) > 0
	}
	return false
}
