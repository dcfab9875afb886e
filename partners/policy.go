package partners

import (
	"fmt"
	"iter"
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

// subjectsPointer begins the pointers that are about one person.
const subjectsPointer = "/subjects/*/"

// A compiledRule is a field rule with its pointer taken apart.
type compiledRule struct {
	path []string // "*" stands for every element
	rule string
	of   whom
}

// whom says for which subjects a rule holds.
type whom int

const (
	everyone  whom = iota
	notMinors      // minors have a rule of their own for the same place
	onlyMinors
)

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
		tokens[i] = unescapeToken(t)
	}
	return tokens, nil
}

// compile prepares the permit's field rules.
func (p *Permit) compile() error {
	p.compiled = nil
	own := map[string]bool{}
	for _, f := range p.minorsFields() {
		own[f.Pointer] = true
	}
	for _, f := range p.Fields {
		of := everyone
		if own[f.Pointer] {
			of = notMinors
		}
		if err := p.compileRule(f, of); err != nil {
			return err
		}
	}
	for _, f := range p.minorsFields() {
		if err := p.compileRule(f, onlyMinors); err != nil {
			return err
		}
	}
	return nil
}

func (p *Permit) compileRule(f FieldRule, of whom) error {
	path, err := compilePointer(f.Pointer)
	if err == nil && of != everyone && !strings.HasPrefix(f.Pointer, subjectsPointer) {
		err = fmt.Errorf("a rule for minors begins with %s", subjectsPointer)
	}
	if err != nil {
		return fmt.Errorf("field %q: %w", f.Pointer, err)
	}
	p.compiled = append(p.compiled, compiledRule{path, f.Rule, of})
	return nil
}

func (p *Permit) minorsFields() []FieldRule {
	if p.Minors == nil {
		return nil
	}
	return p.Minors.Fields
}

// A Minor says whether a subject of a body is a minor, or may be one.
type Minor = func(subject map[string]any) bool

// CheckFields applies require and forbid (and redact, which what arrives must
// not carry) to a parsed body. The rules for minors hold for each element of
// /subjects of which minor says true; without it there are none. The error is a
// *Refusal.
func (p *Permit) CheckFields(body any, minor ...Minor) error {
	young := p.minorsAmong(body, minor)
	for _, r := range p.compiled {
		for s := range r.spots(body, young) {
			if refusal := r.check(s); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// check applies one rule at one spot. It returns nil when the rule holds.
func (r compiledRule) check(s spot) *Refusal {
	of := ""
	if r.of == onlyMinors {
		of = " of a person who is or may be a minor"
	}
	switch r.rule {
	case RuleForbid, RuleRedact:
		if at, found := findAny(s.value, s.path, s.at); found {
			return &Refusal{"field-forbidden", at, "The agreement does not permit this field" + of + "; leave it out."}
		}
	case RuleRequire:
		if at, missing := findMissing(s.value, s.path, s.at); missing {
			return &Refusal{"field-required", at, "The agreement requires this field" + of + "."}
		}
	}
	return nil
}

// A spot is where a rule begins: the body, or one subject of it.
type spot struct {
	value any
	path  []string
	at    string
}

// spots yields the spots at which a rule holds; young says which subjects are
// minors.
func (r compiledRule) spots(body any, young []bool) iter.Seq[spot] {
	return func(yield func(spot) bool) {
		if r.of == everyone {
			yield(spot{body, r.path, ""})
			return
		}
		for i, s := range subjectsOf(body) {
			if r.holdsFor(young, i) && !yield(spot{s, r.path[2:], "/subjects/" + strconv.Itoa(i)}) {
				return
			}
		}
	}
}

// holdsFor says whether a rule that depends on age holds for the i-th subject.
func (r compiledRule) holdsFor(young []bool, i int) bool {
	return (i < len(young) && young[i]) == (r.of == onlyMinors)
}

// minorsAmong says of each subject whether the rules for minors hold.
func (p *Permit) minorsAmong(body any, minor []Minor) []bool {
	if p.Minors == nil || len(minor) == 0 || minor[0] == nil {
		return nil
	}
	subjects := subjectsOf(body)
	young := make([]bool, len(subjects))
	for i, s := range subjects {
		if subject, ok := s.(map[string]any); ok {
			young[i] = minor[0](subject)
		}
	}
	return young
}

func subjectsOf(body any) []any {
	m, _ := body.(map[string]any)
	subjects, _ := m["subjects"].([]any)
	return subjects
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

func unescapeToken(t string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
}

// Redact returns the body without the fields that the agreement withholds, of
// minors too, and where they were. The body that was given is not changed;
// without anything to withhold it is returned itself.
func (p *Permit) Redact(body any, minor ...Minor) (any, []string) {
	var withheld []string
	young := p.minorsAmong(body, minor)
	for _, r := range p.compiled {
		switch {
		case r.rule != RuleRedact:
		case r.of == everyone:
			body = without(body, r.path, "", &withheld)
		default:
			body = r.withoutOfSome(body, young, &withheld)
		}
	}
	return body, withheld
}

// withoutOfSome drops what a rule names from those subjects that it holds for.
func (r compiledRule) withoutOfSome(body any, young []bool, withheld *[]string) any {
	before := len(*withheld)
	subjects := make([]any, 0, len(subjectsOf(body)))
	for i, s := range subjectsOf(body) {
		if r.holdsFor(young, i) {
			s = without(s, r.path[2:], "/subjects/"+strconv.Itoa(i), withheld)
		}
		subjects = append(subjects, s)
	}
	if len(*withheld) == before {
		return body
	}
	copied := map[string]any{}
	for name, child := range body.(map[string]any) { // it has subjects
		copied[name] = child
	}
	copied["subjects"] = subjects
	return copied
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
