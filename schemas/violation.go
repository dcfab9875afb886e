package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// MaxViolations bounds what one bad body can make an answer hold: where there are so
// many, there may be more.
const MaxViolations = 20

// ruleNotPermitted is the rule of a member that a schema forbids where it
// stands; in the schema it is the word false, which would tell nobody anything.
const ruleNotPermitted = "not-permitted"

// A Violation is one place where a value breaks a schema.
type Violation struct {
	Pointer string // RFC 6901; "" is the whole value
	Rule    string // the schema's keyword
	Detail  string // what the schema asks for there, never what was found
}

// ValidationError lists the violations, in the order of their pointers.
type ValidationError struct{ Violations []Violation }

func (e *ValidationError) Error() string {
	var b strings.Builder
	for i, v := range e.Violations {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s (%s)", pointerOrRoot(v.Pointer), v.Detail, v.Rule)
	}
	return b.String()
}

func pointerOrRoot(pointer string) string {
	if pointer == "" {
		return "the whole value"
	}
	return pointer
}

// ComparePointers orders places as they stand: the second element before the tenth.
func ComparePointers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(a, b string) int {
		m, err1 := strconv.Atoi(a)
		n, err2 := strconv.Atoi(b)
		if err1 == nil && err2 == nil {
			return cmp.Compare(m, n)
		}
		return strings.Compare(a, b)
	})
}

// explain turns the library's error, whose texts quote the person's data,
// into violations with our own.
func (s *schema) explain(err error, v any) error {
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return fmt.Errorf("the schema library failed on a value for %s", strings.TrimPrefix(s.root.Location, idPrefix))
	}
	var out []Violation
	s.collect(invalid, v, &out)
	slices.SortFunc(out, func(a, b Violation) int {
		return cmp.Or(ComparePointers(a.Pointer, b.Pointer), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Detail, b.Detail))
	})
	out = slices.Compact(out)
	return &ValidationError{out[:min(len(out), MaxViolations)]}
}

// collect walks to the causes that name a keyword of ours.
func (s *schema) collect(e *jsonschema.ValidationError, v any, out *[]Violation) {
	location, keyword := splitKeyword(e.AbsoluteKeywordLocation)
	if keyword == "anyOf" || keyword == "not" || len(e.Causes) == 0 {
		*out = append(*out, s.violations(location, keyword, e, v)...)
		return
	}
	for _, cause := range e.Causes {
		s.collect(cause, v, out)
	}
}

// splitKeyword cuts the keyword off a location; a location that is a schema's
// own (a schema that is false) has none.
func splitKeyword(location string) (schema, keyword string) {
	i := strings.LastIndexByte(location, '/')
	if i < strings.IndexByte(location, '#') {
		return location, ""
	}
	return location[:i], location[i+1:]
}

func (s *schema) violations(location, keyword string, e *jsonschema.ValidationError, v any) []Violation {
	pointer := shownPointer(e.InstanceLocation)
	object, _ := at(v, e.InstanceLocation).(map[string]any)
	if i := strings.Index(location, "/dependentRequired/"); i >= 0 {
		return missing(s.parts[location[:i]], object, pointer)
	}
	part := s.parts[location]
	if part == nil {
		part = s.parts[e.AbsoluteKeywordLocation]
		keyword = ruleNotPermitted
	}
	if part == nil {
		return []Violation{{pointer, keyword, "breaks the schema"}}
	}
	switch keyword {
	case "required":
		return missing(part, object, pointer)
	case "propertyNames":
		return []Violation{{pointer, keyword, "has a member whose name is not permitted"}}
	}
	return []Violation{{pointer, keyword, detail(part, keyword)}}
}

// missing names the members that a schema requires of an object.
func missing(s *jsonschema.Schema, object map[string]any, pointer string) []Violation {
	var out []Violation
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			out = append(out, Violation{pointer + "/" + name, "required", "is missing"})
		}
	}
	for has, others := range s.DependentRequired {
		for _, name := range others {
			_, ok := object[name]
			if _, asks := object[has]; asks && !ok {
				out = append(out, Violation{pointer + "/" + name, "dependentRequired", "is missing, and " + has + " requires it"})
			}
		}
	}
	return out
}

var typeNames = map[string]string{
	"object": "an object", "array": "an array", "string": "a string", "number": "a number",
	"integer": "a whole number", "boolean": "true or false", "null": "null",
}

// detail says what a schema asks for.
func detail(s *jsonschema.Schema, keyword string) string {
	switch keyword {
	case "type":
		names := make([]string, len(s.Types))
		for i, t := range s.Types {
			names[i] = typeNames[t]
		}
		return "must be " + strings.Join(names, " or ")
	case "enum":
		return "must be one of " + listed(s.Enum)
	case "const":
		return "must be " + listed(s.Constant)
	case "format":
		return "must be " + formats[s.Format].name
	case "pattern":
		return "must match " + s.Pattern.String()
	case "minLength":
		return "must have at least " + count(s.MinLength, "character")
	case "maxLength":
		return "must have at most " + count(s.MaxLength, "character")
	case "minItems":
		return "must have at least " + count(s.MinItems, "element")
	case "maxItems":
		return "must have at most " + count(s.MaxItems, "element")
	case "uniqueItems":
		return "must not hold the same element twice"
	case "minProperties":
		return "must have at least " + count(s.MinProperties, "member")
	case "maxProperties":
		return "must have at most " + count(s.MaxProperties, "member")
	case "minimum":
		return "must be at least " + s.Minimum.RatString()
	case "maximum":
		return "must be at most " + s.Maximum.RatString()
	case "exclusiveMinimum":
		return "must be greater than " + s.ExclusiveMinimum.RatString()
	case "exclusiveMaximum":
		return "must be less than " + s.ExclusiveMaximum.RatString()
	case "additionalProperties":
		return "has a member that the schema does not know"
	case "anyOf":
		return "fits none of the permitted forms"
	case "not", ruleNotPermitted:
		return "is not permitted here"
	}
	return "breaks the schema"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

// segments undoes the library's escaping of an instance location.
func segments(location string) []string {
	if location == "" {
		return nil
	}
	parts := strings.Split(location[1:], "/")
	for i, p := range parts {
		if un, err := url.PathUnescape(p); err == nil {
			p = un
		}
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}

// shownPointer keeps a sender's free text out of the pointer.
func shownPointer(location string) string {
	var b strings.Builder
	for _, name := range segments(location) {
		b.WriteString("/" + shownName(name))
	}
	return b.String()
}

// at returns the value at a location, nil where there is none.
func at(v any, location string) any {
	for _, name := range segments(location) {
		switch c := v.(type) {
		case map[string]any:
			v = c[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}
