package partners

import (
	"fmt"
	"strconv"
	"strings"
)

// The rules that a field policy knows.
const (
	RuleRequire = "require"
	RuleAllow   = "allow"
	RuleRedact  = "redact"
	RuleForbid  = "forbid"
)

// everyElement is the token of a pointer that stands for every element.
const everyElement = "*"

// A compiledRule is a field rule with its pointer taken apart.
type compiledRule struct {
	path []string // "*" stands for every element
	rule string
}

// compilePointer takes a JSON Pointer (RFC 6901) apart. A token * stands for
// every element of an array; a rule about one element alone would change its
// meaning with the order of the elements, so there is none.
func compilePointer(pointer string) ([]string, error) {
	if !strings.HasPrefix(pointer, "/") || len(pointer) > 256 {
		return nil, fmt.Errorf("a pointer begins with / and has at most 256 characters")
	}
	tokens := strings.Split(pointer[1:], "/")
	for i, t := range tokens {
		if t == "" {
			return nil, fmt.Errorf("a pointer has no empty token")
		}
		if strings.Trim(t, "0123456789") == "" {
			return nil, fmt.Errorf("write * for every element of an array; a rule for one element alone is not possible")
		}
		for j := 0; j < len(t); j++ {
			if t[j] == '~' && (j+1 == len(t) || t[j+1] != '0' && t[j+1] != '1') {
				return nil, fmt.Errorf("in a pointer ~ is written ~0 and / is written ~1")
			}
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens, nil
}

// compile prepares the permit's field rules.
func (p *Permit) compile() error {
	p.compiled = nil
	for _, f := range p.Fields {
		path, err := compilePointer(f.Pointer)
		if err != nil {
			return fmt.Errorf("field %q: %w", f.Pointer, err)
		}
		p.compiled = append(p.compiled, compiledRule{path, f.Rule})
	}
	return nil
}

// CheckFields applies require and forbid (and redact, which what arrives must
// not carry) to a parsed body. The error is a *Refusal.
func (p *Permit) CheckFields(body any) error {
	for _, r := range p.compiled {
		switch r.rule {
		case RuleForbid, RuleRedact:
			if at, found := findAny(body, r.path, ""); found {
				return &Refusal{"field-forbidden", at, "The agreement does not permit this field; leave it out."}
			}
		case RuleRequire:
			if at, missing := findMissing(body, r.path, ""); missing {
				return &Refusal{"field-required", at, "The agreement requires this field."}
			}
		}
	}
	return nil
}

// findAny returns the first place that a path names.
func findAny(v any, path []string, at string) (string, bool) {
	if len(path) == 0 {
		return at, true
	}
	switch v := v.(type) {
	case map[string]any:
		if child, ok := v[path[0]]; ok {
			return findAny(child, path[1:], at+"/"+escapeToken(path[0]))
		}
	case []any:
		if path[0] != everyElement {
			return "", false
		}
		for i, child := range v {
			if where, found := findAny(child, path[1:], at+"/"+strconv.Itoa(i)); found {
				return where, true
			}
		}
	}
	return "", false
}

// findMissing returns the first place where the last token of a path is not.
// A parent that is not there misses nothing.
func findMissing(v any, path []string, at string) (string, bool) {
	switch v := v.(type) {
	case map[string]any:
		child, ok := v[path[0]]
		here := at + "/" + escapeToken(path[0])
		if len(path) == 1 {
			return here, !ok
		}
		if ok {
			return findMissing(child, path[1:], here)
		}
	case []any:
		if path[0] != everyElement {
			return "", false
		}
		if len(path) == 1 {
			return at, len(v) == 0
		}
		for i, child := range v {
			if where, missing := findMissing(child, path[1:], at+"/"+strconv.Itoa(i)); missing {
				return where, true
			}
		}
	}
	return "", false
}

func escapeToken(t string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(t)
}

// Redact returns the body without the fields that the agreement withholds, and
// where they were. The body that was given is not changed; without anything to
// withhold it is returned itself.
func (p *Permit) Redact(body any) (any, []string) {
	var withheld []string
	for _, r := range p.compiled {
		if r.rule == RuleRedact {
			body = without(body, r.path, "", &withheld)
		}
	}
	return body, withheld
}

// without copies what lies on the path and drops what it names.
func without(v any, path []string, at string, withheld *[]string) any {
	if _, found := findAny(v, path, ""); !found {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		here := at + "/" + escapeToken(path[0])
		copied := make(map[string]any, len(v))
		for name, child := range v {
			copied[name] = child
		}
		if len(path) == 1 {
			delete(copied, path[0])
			*withheld = append(*withheld, here)
		} else {
			copied[path[0]] = without(copied[path[0]], path[1:], here, withheld)
		}
		return copied
	case []any:
		copied := make([]any, 0, len(v))
		for i, child := range v {
			here := at + "/" + strconv.Itoa(i)
			if len(path) == 1 {
				*withheld = append(*withheld, here)
			} else {
				copied = append(copied, without(child, path[1:], here, withheld))
			}
		}
		return copied
	}
	return v
}
