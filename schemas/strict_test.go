package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	members := "{" + strings.TrimSuffix(manyMembers(257), ",") + "}"
	for name, c := range map[string]struct{ text, rule, pointer string }{
		"empty":                    {"", RuleSyntax, ""},
		"white space only":         {" \n", RuleSyntax, ""},
		"byte order mark":          {"\uFEFF{}", RuleBOM, ""},
		"bad UTF-8":                {"{\"a\":\"\xff\"}", RuleUTF8, ""},
		"overlong UTF-8":           {"\"\xc0\xaf\"", RuleUTF8, ""},
		"UTF-8 surrogate":          {"\"\xed\xa0\x80\"", RuleUTF8, ""},
		"UTF-16":                   {"\xff\xfe{\x00}\x00", RuleUTF8, ""},
		"lone high surrogate":      {`"\ud800"`, RuleSurrogate, ""},
		"lone low surrogate":       {`"\udc00"`, RuleSurrogate, ""},
		"high surrogate twice":     {`"\ud800\ud800"`, RuleSurrogate, ""},
		"duplicate name":           {`{"a":1,"a":2}`, RuleDuplicateName, ""},
		"duplicate by escape":      {`{"a":1,"\u0061":2}`, RuleDuplicateName, ""},
		"nested duplicate":         {`{"body":[{"a":1,"a":2}]}`, RuleDuplicateName, "/body/0"},
		"case-folded name":         {`{"alg":1,"Alg":2}`, RuleFoldedName, ""},
		"folded by Kelvin sign":    {`{"k":1,"` + "\u212a" + `":2}`, RuleNFC, ""},
		"folded by long s":         {`{"s":1,"` + "\u017f" + `":2}`, RuleFoldedName, ""},
		"folded non-ASCII":         {`{"ĐỗA":1,"đỗa":2}`, RuleFoldedName, ""},
		"depth":                    {deep, RuleDepth, strings.Repeat("/0", 16)},
		"members":                  {members, RuleMembers, ""},
		"elements":                 {"[" + strings.Repeat("1,", 1024) + "1]", RuleElements, ""},
		"nodes":                    {"[" + strings.TrimSuffix(strings.Repeat("["+strings.TrimSuffix(strings.Repeat("1,", 1000), ",")+"],", 21), ",") + "]", RuleNodes, "/19/979"},
		"size":                     {`"` + strings.Repeat("a", 1<<20) + `"`, RuleSize, ""},
		"string length":            {`{"photo":"` + strings.Repeat("a", 512<<10+1) + `"}`, RuleStringLength, "/photo"},
		"name length":              {`{"` + strings.Repeat("a", 129) + `":1}`, RuleNameLength, ""},
		"digits":                   {strings.Repeat("1", 33), RuleNumber, ""},
		"digits in a fraction":     {"0." + strings.Repeat("1", 32), RuleNumber, ""},
		"exponent":                 {"1e65", RuleNumber, ""},
		"negative exponent":        {"1e-65", RuleNumber, ""},
		"exponent that overflows":  {"1e1000001", RuleNumber, ""},
		"exponent of many digits":  {"1e" + strings.Repeat("9", 1000), RuleNumber, ""},
		"NFD text":                 {`"Nguye` + "\u0302\u0303" + `n"`, RuleNFC, ""},
		"NFD by escape":            {`"e\u0301"`, RuleNFC, ""},
		"raw control character":    {"\"a\tb\"", RuleControl, ""},
		"raw line feed":            {"\"a\nb\"", RuleControl, ""},
		"escaped NUL":              {`"\u0000"`, RuleControl, ""},
		"escaped backspace":        {`"\b"`, RuleControl, ""},
		"trailing bytes":           {"{} {}", RuleTrailingBytes, ""},
		"trailing NUL":             {"{}\x00", RuleTrailingBytes, ""},
		"trailing comma":           {"[1,]", RuleSyntax, "/1"},
		"leading zero":             {"01", RuleSyntax, ""},
		"plus sign":                {"+1", RuleSyntax, ""},
		"bare point":               {"1.", RuleSyntax, ""},
		"hexadecimal":              {"0x10", RuleTrailingBytes, ""},
		"NaN":                      {"NaN", RuleSyntax, ""},
		"single quotes":            {"{'a':1}", RuleSyntax, ""},
		"comment":                  {"/*a*/1", RuleSyntax, ""},
		"unclosed string":          {`"abc`, RuleSyntax, ""},
		"unclosed escape":          {`"\`, RuleSyntax, ""},
		"short unicode escape":     {`"\u12"`, RuleSyntax, ""},
		"unknown escape":           {`"\x41"`, RuleSyntax, ""},
		"unclosed object":          {`{"a":1`, RuleSyntax, ""},
		"missing colon":            {`{"a" 1}`, RuleSyntax, ""},
		"number as name":           {`{1:1}`, RuleSyntax, ""},
		"word":                     {"tru", RuleSyntax, ""},
		"name that could be a man": {`{"Nguyen Van A":[1,}`, RuleSyntax, "/?/1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), Limits{})
			var e *SyntaxError
			if !errors.As(err, &e) {
				t.Fatalf("accepted: %v", err)
			}
			if e.Rule != c.rule || e.Pointer != c.pointer {
				t.Errorf("got %s at %q (byte %d), want %s at %q", e.Rule, e.Pointer, e.Offset, c.rule, c.pointer)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"a` + strings.Repeat("b", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `":1,`)
	}
	return b.String()
}

func TestParseReads(t *testing.T) {
	for text, want := range map[string]any{
		`{"a":[1,-2.5e3,"é\n\u00e9\ud83d\ude00",true,false,null,{}]}`: map[string]any{"a": []any{
			json.Number("1"), json.Number("-2.5e3"), "é\né😀", true, false, nil, map[string]any{}}},
		" [ ] ":               []any{},
		`"\"\\\/\t\r"`:        "\"\\/\t\r",
		"0":                   json.Number("0"),
		`{"Name":1,"nàme":2}`: map[string]any{"Name": json.Number("1"), "nàme": json.Number("2")},
	} {
		got, err := Parse([]byte(text), Limits{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v", text, got, err)
		}
	}
}

// A caller may narrow a bound and cannot remove one.
func TestLimits(t *testing.T) {
	if _, err := Parse([]byte("[[1]]"), Limits{MaxDepth: 1}); err == nil {
		t.Error("a narrower depth is not kept")
	}
	if _, err := Parse([]byte(strings.Repeat("[", 17)+strings.Repeat("]", 17)), Limits{MaxDepth: -1}); err == nil {
		t.Error("a negative depth removes the bound")
	}
}

// What Parse returns must not change when the caller reuses its buffer.
func TestParseCopies(t *testing.T) {
	data := []byte(`{"name":"value"}`)
	v, err := Parse(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	copy(data, bytes.Repeat([]byte("x"), len(data)))
	if !reflect.DeepEqual(v, map[string]any{"name": "value"}) {
		t.Errorf("got %v", v)
	}
}

// FuzzParse: whatever is accepted, encoding/json reads in the same way, and it
// survives being written and read again.
func FuzzParse(f *testing.F) {
	seeds := [][]byte{[]byte(`{"a":[1,-2.5e3,"é\u00e9\ud83d\ude00",true,null]}`), []byte(`{"a":1,"A":2}`), []byte("[1e999999]"), []byte("\"\xff\"")}
	for _, name := range []string{"identity_verification_request", "identity_verification_response"} {
		seeds = append(seeds, Example(name))
	}
	for _, s := range seeds {
		if len(s) == 0 {
			f.Fatal("an empty seed")
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data, Limits{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("the error holds text of the sender: %q", err)
			}
			return
		}
		if !utf8.Valid(data) {
			t.Fatal("accepted bad UTF-8")
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var std any
		if err := d.Decode(&std); err != nil || !reflect.DeepEqual(v, std) {
			t.Fatalf("encoding/json reads %#v (%v), Parse %#v", std, err, v)
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out, Limits{MaxBytes: 10 << 20})
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("written and read again: %#v (%v), was %#v", again, err, v)
		}
	})
}
