package schemas

import (
	"encoding/json"
	"testing"
)

// agree fails the test when holds is sure of what the library refuses.
func agree(t *testing.T, s *schema, v any) {
	t.Helper()
	if err := s.root.Validate(v); err != nil && holds(s.root, v) {
		t.Fatalf("holds passes what the library refuses: %v", err)
	}
}

func TestQuickAgreesWithTheLibrary(t *testing.T) {
	c := loaded(t)
	for _, typ := range c.Types() {
		for _, canary := range []string{"", "x", "1998", "VN", "match"} {
			for n := 0; ; n++ {
				body, changed := mutate(parse(t, Example(typ.Name)), n, canary)
				if !changed {
					break
				}
				agree(t, c.byName[typ.Name], body)
			}
		}
	}
}

// Each keyword, with values on both sides of it.
func TestQuickKnowsEveryKeyword(t *testing.T) {
	for schemaText, values := range map[string][]string{
		`"type":"string"`:              {`""`, `1`, `null`},
		`"type":"integer"`:             {`1`, `1.0`, `1.5`, `1e2`, `"1"`, `12345678901234567890123`},
		`"type":["number","null"]`:     {`1.5`, `null`, `true`, `"x"`},
		`"type":"boolean"`:             {`true`, `0`},
		`"enum":["a",1,null,true]`:     {`"a"`, `1`, `1.0`, `null`, `true`, `"b"`, `[]`},
		`"const":{"a":1}`:              {`{"a":1}`, `{"a":2}`},
		`"const":"a"`:                  {`"a"`, `"A"`},
		`"minLength":2,"maxLength":3`:  {`"đ"`, `"đđ"`, `"đđđđ"`, `1`},
		`"pattern":"^a"`:               {`"ab"`, `"ba"`, `1`},
		`"format":"date"`:              {`"2026-02-29"`, `"2024-02-29"`, `1`},
		`"minimum":1,"maximum":3`:      {`0`, `1`, `3`, `4`, `1.5`, `0.5`, `"x"`},
		`"minimum":1.5`:                {`1`, `2`},
		`"exclusiveMinimum":1`:         {`1`, `2`},
		`"exclusiveMaximum":1`:         {`1`, `0`},
		`"minItems":1,"maxItems":2`:    {`[]`, `[1]`, `[1,2,3]`},
		`"uniqueItems":true`:           {`["a","b"]`, `["a","a"]`, `[1,1.0]`, `[{},{}]`, `[1]`},
		`"items":{"type":"string"}`:    {`["a"]`, `[1]`, `{}`},
		`"items":false`:                {`[]`, `[1]`},
		`"required":["a"]`:             {`{}`, `{"a":1}`, `[]`},
		`"properties":{"a":false}`:     {`{}`, `{"a":1}`},
		`"additionalProperties":false`: {`{}`, `{"a":1}`},
		`"additionalProperties":{"type":"string"},"properties":{"a":true}`:     {`{"a":1,"b":"x"}`, `{"b":1}`},
		`"propertyNames":{"maxLength":1}`:                                      {`{"a":1}`, `{"ab":1}`},
		`"minProperties":1,"maxProperties":1`:                                  {`{}`, `{"a":1}`, `{"a":1,"b":1}`},
		`"dependentRequired":{"a":["b"]}`:                                      {`{}`, `{"a":1}`, `{"a":1,"b":1}`},
		`"allOf":[{"minLength":1},{"maxLength":1}]`:                            {`""`, `"a"`, `"ab"`},
		`"anyOf":[{"type":"string"},{"minimum":1}]`:                            {`"a"`, `0`, `1`},
		`"not":{"type":"string"}`:                                              {`"a"`, `1`},
		`"if":{"type":"string"},"then":{"minLength":2},"else":{"type":"null"}`: {`"a"`, `"ab"`, `null`, `1`},
		`"if":{"required":["a"],"properties":{"a":{"const":true}}},"then":{"required":["b"]},"else":{"maxProperties":1}`: {`{}`, `{"a":true}`, `{"a":true,"b":1}`, `{"a":false}`, `{"a":false,"b":1}`, `{"a":"true","b":1}`, `{"a":1,"b":1}`, `{"c":1,"d":1}`, `[]`},
		`"if":{"properties":{"a":{"enum":["x","y",1]}}},"then":{"required":["b"]},"else":false`:                          {`{"a":"x","b":1}`, `{"a":"x"}`, `{"a":"z","b":1}`, `{"a":1,"b":1}`, `{"a":1.0,"b":1}`, `{"b":1}`, `"a"`},
		`"if":{"properties":{"a":{"const":null}}},"then":{"required":["b"]}`:                                             {`{"a":null}`, `{"a":null,"b":1}`, `{"a":"x"}`},
		`"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}`:                                                             {`"a"`, `1`},
	} {
		id := idPrefix + "test.v1.json"
		compiled, err := compile([]source{{id, []byte(`{"$id":"` + id + `",` + schemaText + `}`)}})
		if err != nil {
			t.Errorf("%s: %v", schemaText, err)
			continue
		}
		passed, refused := 0, 0
		for _, text := range values {
			v := parse(t, []byte(text))
			agree(t, compiled[id], v)
			if compiled[id].validate(v) == nil {
				passed++
			} else {
				refused++
			}
		}
		if passed == 0 || refused == 0 {
			t.Errorf("%s: %d values pass and %d are refused; the test needs both", schemaText, passed, refused)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	id := idPrefix + "test.v1.json"
	for name, text := range map[string]string{
		"unknown keyword":      `"maxlength":1`,
		"unknown format":       `"format":"email"`,
		"format deep inside":   `"properties":{"a":{"items":{"anyOf":[{"format":"hostname"}]}}}`,
		"oneOf":                `"oneOf":[true]`,
		"unevaluated":          `"unevaluatedProperties":false`,
		"file reference":       `"$ref":"file:///etc/hostname"`,
		"network reference":    `"$ref":"https://example.com/schema"`,
		"bad pattern":          `"pattern":"("`,
		"empty enum":           `"enum":[]`,
		"white space":          `"pattern":"a\\s"`,
		"look-ahead":           `"pattern":"(?=a)"`,
		"type is no type name": `"type":"text"`,
		"dangling reference":   `"$ref":"#/$defs/none"`,
	} {
		if _, err := compile([]source{{id, []byte(`{"$id":"` + id + `",` + text + `}`)}}); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	if _, err := compile([]source{{id, []byte(`{"$id":"https://repatriation.example/schemas/other.v1.json"}`)}}); err == nil {
		t.Error("a schema may call itself something else")
	}
}

// FuzzValidate: no body makes the judgement panic, and both judges agree.
func FuzzValidate(f *testing.F) {
	c := loaded(f)
	seeds := 0
	for _, typ := range c.Types() {
		seeds++
		f.Add(typ.Name, Example(typ.Name))
		f.Add(typ.Name, []byte(`{"subjects":[{"subject_ref":"S-1"}]}`))
	}
	if seeds == 0 {
		f.Fatal("no seed")
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		v, err := Parse(body, Limits{})
		if err != nil || !c.Has(name) {
			return
		}
		agree(t, c.byName[name], v)
		if _, err := json.Marshal(c.Validate(name, v)); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	c := loaded(b)
	const name = "identity_verification_request"
	body := parse(b, Example(name))
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse(Example(name), Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("quick", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Validate(name, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.byName[name].root.Validate(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
