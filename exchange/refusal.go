package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// This file turns the typed errors of the packages below into problems: the
// one place where their rules meet the wire's table.

func sealProblem(kind ProblemKind, err error) error {
	var e *seal.Error
	if !errors.As(err, &e) {
		return err // nil too
	}
	if e.Rule == seal.RuleSize {
		kind = ProblemTooLarge
	}
	return problem(kind, "%s", e.Detail).rule(e.Rule)
}

func schemaProblem(kind ProblemKind, prefix string, err error) error {
	var syntax *schemas.SyntaxError
	if errors.As(err, &syntax) {
		return problem(kind, "%s", syntax.Error()).rule(syntax.Rule).at(prefix + syntax.Pointer)
	}
	var invalid *schemas.ValidationError
	if !errors.As(err, &invalid) || len(invalid.Violations) == 0 {
		return err
	}
	fields := make([]FieldError, len(invalid.Violations))
	for i, v := range invalid.Violations {
		fields[i] = FieldError{prefix + v.Pointer, v.Rule, v.Detail}
	}
	first := fields[0]
	where := first.Pointer
	if where == "" {
		where = "The whole"
	}
	return problem(kind, "%s %s.", where, first.Detail).rule(first.Rule).at(first.Pointer).fields(fields)
}

func policyProblem(kind ProblemKind, prefix string, err error) error {
	var refusal *partners.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return problem(kind, "%s", refusal.Detail).rule(refusal.Rule).at(prefix + refusal.Pointer)
}

// also adds what another check refuses to what one has refused already: whoever
// wrote the message is to mend it once. The first one decides what it is called,
// and says alone what is wrong with its places.
func also(refused, err error) error {
	if refused == nil {
		return err
	}
	var first, other *Problem
	if !errors.As(refused, &first) || !errors.As(err, &other) {
		return refused
	}
	list := func(p *Problem) []FieldError {
		if len(p.Errors) > 0 {
			return p.Errors
		}
		return []FieldError{{p.Pointer, p.Rule, p.Detail}}
	}
	all := slices.Clone(list(first))
	for _, e := range list(other) {
		if !slices.ContainsFunc(all, func(told FieldError) bool { return told.Pointer == e.Pointer }) {
			all = append(all, e)
		}
	}
	if len(all) > 1 {
		first.Errors = all
	}
	return first
}

// refusalData is what the record keeps of a refusal.
func refusalData(p *Problem, received []byte) []byte {
	hash := ""
	if received != nil { // nil: the body was not read
		sum := sha256.Sum256(received)
		hash = hex.EncodeToString(sum[:])
	}
	out, err := json.Marshal(struct {
		Problem string `json:"problem"`
		Rule    string `json:"rule,omitempty"`
		Pointer string `json:"pointer,omitempty"`
		SHA256  string `json:"sha256,omitempty"`
		Size    int    `json:"size,omitempty"`
	}{p.Kind.Slug, p.Rule, p.Pointer, hash, len(received)})
	if err != nil { // strings and ints only: cannot fail
		panic(err)
	}
	return out
}
