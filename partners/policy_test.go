package partners

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func permit(t interface{ Fatal(...any) }, rules ...FieldRule) *Permit {
	p := &Permit{Fields: rules}
	if err := p.compile(); err != nil {
		t.Fatal(err)
	}
	return p
}

// names keeps the alphabet small, so that rules hit; one needs escaping.
var names = rapid.SampledFrom([]string{"a", "b", "c/d~"})

// bodies draws a parsed JSON body.
func bodies(depth int) *rapid.Generator[any] {
	leaf := rapid.Map(rapid.SampledFrom([]string{"x", "y"}), func(s string) any { return s })
	if depth == 0 {
		return leaf
	}
	child := rapid.Deferred(func() *rapid.Generator[any] { return bodies(depth - 1) })
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(child, 0, 3), func(s []any) any { return s }),
		rapid.Map(rapid.MapOfN(names, child, 0, 3), func(m map[string]any) any { return m }))
}

// places lists every place of a body, by its pointer, with the rule path that
// names it.
func places(v any, at, rule string, into map[string]string) {
	into[at] = rule
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			token := "/" + escapeToken(name)
			places(child, at+token, rule+token, into)
		}
	case []any:
		for i, child := range v {
			places(child, at+"/"+strconv.Itoa(i), rule+"/*", into)
		}
	}
}

func count(v any) int {
	all := map[string]string{}
	places(v, "", "", all)
	return len(all)
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, child := range v {
			out[name] = clone(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = clone(child)
		}
		return out
	}
	return v
}

// Redacting drops exactly what the rules name: nothing that is named stays,
// nothing else goes, and the body that was given is left as it was.
func TestRedactDropsExactlyWhatIsNamed(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		body := bodies(4).Draw(t, "body")
		var rules []FieldRule
		for _, tokens := range rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(names, rapid.Just("*")), 1, 3), 1, 3).Draw(t, "rules") {
			pointer := ""
			for _, token := range tokens {
				pointer += "/" + escapeToken(token)
			}
			rules = append(rules, FieldRule{Pointer: pointer, Rule: RuleRedact})
		}
		p, before := permit(t, rules...), clone(body)
		redacted, withheld := p.Redact(body)
		if !reflect.DeepEqual(body, before) {
			t.Fatal("the body that was given has changed")
		}
		if err := p.CheckFields(redacted); err != nil {
			t.Fatalf("a redacted field is still there: %v", err)
		}
		all, gone := map[string]string{}, 0
		places(before, "", "", all)
		for _, rule := range all {
			for _, r := range rules {
				if rule == r.Pointer || strings.HasPrefix(rule, r.Pointer+"/") {
					gone++
					break
				}
			}
		}
		if got := len(all) - count(redacted); got != gone {
			t.Fatalf("%d places are gone, %d are named", got, gone)
		}
		if (len(withheld) > 0) != (gone > 0) {
			t.Fatalf("withheld %v, but %d places are gone", withheld, gone)
		}
		hits += gone
	})
	if hits == 0 {
		t.Fatal("no rule ever named anything")
	}
}

func TestCheckFields(t *testing.T) {
	person := func(fields map[string]any) any {
		return map[string]any{"subjects": []any{map[string]any{"name": "A", "sex": "F"}, fields}}
	}
	for name, c := range map[string]struct {
		rule, pointer string
		body          any
		want, at      string
	}{
		"forbidden and there":      {RuleForbid, "/subjects/*/phone", person(map[string]any{"phone": "1"}), "field-forbidden", "/subjects/1/phone"},
		"forbidden and null":       {RuleForbid, "/subjects/*/phone", person(map[string]any{"phone": nil}), "field-forbidden", "/subjects/1/phone"},
		"forbidden and not there":  {RuleForbid, "/subjects/*/phone", person(map[string]any{}), "", ""},
		"redacted, on arrival":     {RuleRedact, "/subjects/*/phone", person(map[string]any{"phone": "1"}), "field-forbidden", "/subjects/1/phone"},
		"required and there":       {RuleRequire, "/subjects/*/sex", person(map[string]any{"sex": "M"}), "", ""},
		"required of every one":    {RuleRequire, "/subjects/*/sex", person(map[string]any{}), "field-required", "/subjects/1/sex"},
		"required, parent missing": {RuleRequire, "/travel/date", person(map[string]any{}), "", ""},
		"required element":         {RuleRequire, "/subjects/*", map[string]any{"subjects": []any{}}, "field-required", "/subjects"},
		"allowed":                  {RuleAllow, "/subjects/*/phone", person(map[string]any{"phone": "1"}), "", ""},
		"escaped name":             {RuleForbid, "/a~1b~0c", map[string]any{"a/b~c": 1}, "field-forbidden", "/a~1b~0c"},
		"star is no name":          {RuleForbid, "/*", map[string]any{"a": 1}, "", ""},
	} {
		err := permit(t, FieldRule{Pointer: c.pointer, Rule: c.rule}).CheckFields(c.body)
		var refusal *Refusal
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &refusal) || refusal.Rule != c.want || refusal.Pointer != c.at):
			t.Errorf("%s: %v, want %s at %s", name, err, c.want, c.at)
		}
	}
}

// The rules for minors replace those for the same place and add to the others,
// for each subject by itself.
func TestMinors(t *testing.T) {
	p := &Permit{
		Fields: []FieldRule{{Pointer: "/subjects/*/photo", Rule: RuleRedact}, {Pointer: "/subjects/*/parents", Rule: RuleForbid}, {Pointer: "/link", Rule: RuleRedact}, {Pointer: "/subjects/*/sex", Rule: RuleRequire}},
		Minors: &Minors{[]FieldRule{{Pointer: "/subjects/*/photo", Rule: RuleForbid}, {Pointer: "/subjects/*/parents", Rule: RuleAllow}, {Pointer: "/subjects/*/school", Rule: RuleRedact}, {Pointer: "/subjects/*/guardian", Rule: RuleRequire}}},
	}
	if err := p.compile(); err != nil {
		t.Fatal(err)
	}
	young := func(subject map[string]any) bool { return subject["minor"] == true }
	person := func(minor bool, fields ...string) any {
		s := map[string]any{"minor": minor, "sex": "F"}
		for _, f := range fields {
			s[f] = "x"
		}
		return s
	}
	body := func(subjects ...any) any { return map[string]any{"subjects": subjects} }
	for name, c := range map[string]struct {
		body   any
		minors Minor
		want   string
	}{
		"an adult as the row says":          {body(person(false)), young, ""},
		"an adult needs no guardian":        {body(person(false), person(true, "guardian")), young, ""},
		"a minor needs one":                 {body(person(false), person(true)), young, "field-required /subjects/1/guardian"},
		"an adult's parents are forbidden":  {body(person(true, "guardian", "parents"), person(false, "parents")), young, "field-forbidden /subjects/1/parents"},
		"a minor's are allowed":             {body(person(true, "guardian", "parents")), young, ""},
		"a minor's photo is forbidden":      {body(person(true, "guardian", "photo")), young, "field-forbidden /subjects/0/photo"},
		"an adult's must not arrive":        {body(person(false, "photo")), young, "field-forbidden /subjects/0/photo"},
		"other rules hold for minors too":   {body(map[string]any{"minor": true, "guardian": "x"}), young, "field-required /subjects/0/sex"},
		"nobody knows: the row for all":     {body(person(true, "school")), nil, ""},
		"not an object: left to the schema": {body("x"), young, ""},
		"no subjects":                       {map[string]any{}, young, ""},
	} {
		if err := p.CheckFields(c.body, c.minors); refusalRule(err) != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if p.CheckFields(body(person(true))) != nil {
		t.Error("without a judge of age there are minors")
	}
	given := map[string]any{"link": "x", "subjects": []any{person(false, "photo", "school"), person(true, "photo", "school"), "x"}}
	before := clone(given)
	redacted, withheld := p.Redact(given, young)
	if !reflect.DeepEqual(given, before) {
		t.Error("the body that was given has changed")
	}
	if want := []string{"/subjects/0/photo", "/link", "/subjects/1/school"}; !reflect.DeepEqual(withheld, want) {
		t.Errorf("withheld %v, want %v", withheld, want)
	}
	if want := map[string]any{"subjects": []any{person(false, "school"), person(true, "photo"), "x"}}; !reflect.DeepEqual(redacted, want) {
		t.Errorf("redacted to %v", redacted)
	}
}

// What is redacted passes: no body is withheld only in part, whoever is young.
func TestMinorsRedactWhatIsChecked(t *testing.T) {
	fields := rapid.SampledFrom([]string{"a", "b", "a/b", "b/a"})
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		rules := func(label string) []FieldRule {
			var out []FieldRule
			for _, f := range rapid.SliceOfNDistinct(fields, 0, 3, rapid.ID).Draw(t, label) {
				out = append(out, FieldRule{Pointer: subjectsPointer + f, Rule: rapid.SampledFrom([]string{RuleRedact, RuleAllow}).Draw(t, "rule")})
			}
			return out
		}
		p := &Permit{Fields: rules("fields"), Minors: &Minors{rules("minors")}}
		if err := p.compile(); err != nil {
			t.Fatal(err)
		}
		body := map[string]any{"subjects": rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return bodies(3) }), 0, 4).Draw(t, "subjects")}
		before := clone(body)
		young := func(subject map[string]any) bool { return len(subject)%2 == 1 }
		redacted, withheld := p.Redact(body, young)
		if !reflect.DeepEqual(body, before) {
			t.Fatal("the body that was given has changed")
		}
		// Redacting may change the answer of a judge that counts fields, as it
		// may not for one that reads them; so ask as it was.
		ages := map[int]bool{}
		for i, s := range body["subjects"].([]any) {
			if m, ok := s.(map[string]any); ok {
				ages[i] = young(m)
			}
		}
		i := -1
		asBefore := func(map[string]any) bool {
			for i++; ; i++ {
				if _, ok := body["subjects"].([]any)[i].(map[string]any); ok {
					return ages[i]
				}
			}
		}
		if err := p.CheckFields(redacted, asBefore); err != nil {
			t.Fatalf("a redacted field is still there: %v", err)
		}
		if count(before)-count(redacted) < len(withheld) {
			t.Fatalf("withheld %v", withheld)
		}
		hits += len(withheld)
	})
	if hits == 0 {
		t.Fatal("no rule ever named anything")
	}
}

func TestPointersThatAreRefused(t *testing.T) {
	for _, pointer := range []string{"", "subjects", "/", "/a//b", "/a/", "/a~2", "/a~", "/subjects/0/sex", "/" + strings.Repeat("a", 256)} {
		if err := (&Permit{Fields: []FieldRule{{Pointer: pointer, Rule: RuleForbid}}}).compile(); err == nil {
			t.Errorf("%q is taken", pointer)
		}
	}
}

// What compilePointer takes comes out again when it is put together.
func FuzzCompilePointer(f *testing.F) {
	for _, seed := range []string{"/subjects/*/sex", "/a~1b/~0", "/0", "//", "~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pointer string) {
		tokens, err := compilePointer(pointer)
		if err != nil {
			return
		}
		back := ""
		for _, token := range tokens {
			back += "/" + escapeToken(token)
		}
		if back != pointer {
			t.Errorf("%q came out as %q", pointer, back)
		}
	})
}

func TestPermitOfAnAgreement(t *testing.T) {
	a := &Agreement{Code: "X1", Status: InForce, Permits: []Permit{{Type: "request", Direction: Receive, Purposes: []string{"identification"}}}}
	for _, c := range []struct {
		status, typ string
		direction   Direction
		purpose     string
		want        string
	}{
		{InForce, "request", Receive, "identification", ""},
		{InForce, "request", Send, "identification", "direction-not-permitted"},
		{InForce, "reply", Send, "identification", "type-not-permitted"},
		{InForce, "request", Receive, "prosecution", "purpose-not-permitted"},
		{"suspended", "request", Receive, "identification", "agreement-not-in-force"},
	} {
		a.Status = c.status
		p, err := a.Permit(c.typ, c.direction, c.purpose)
		var refusal *Refusal
		if errors.As(err, &refusal); (c.want == "") != (err == nil) || c.want == "" && p == nil || c.want != "" && (refusal == nil || refusal.Rule != c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
