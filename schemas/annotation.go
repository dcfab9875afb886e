package schemas

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// The values of x-personal.
const (
	Identifying = "identifying" // says or helps to say who a person is
	Sensitive   = "sensitive"   // says something of a person that can harm
)

var (
	typeCode  = regexp.MustCompile(`^[A-Z]{3}$`)
	htcdsName = regexp.MustCompile(`^[a-z]{3}_[A-Z][A-Za-z]+$`)
)

// checkAnnotation judges the keywords that are our own. They assert nothing
// about a message, but the console, the exports and the catalogue rely on
// them, so a wrong one is refused at load like a wrong schema.
func checkAnnotation(keyword string, value any, schema map[string]any) error {
	s, _ := value.(string)
	switch keyword {
	case "x-code":
		if !typeCode.MatchString(s) {
			return fmt.Errorf("a type's code has three capital letters")
		}
	case "x-htcds":
		if !htcdsName.MatchString(s) {
			return fmt.Errorf("a field of HTCDS has a name such as prs_Birthdate")
		}
	case "x-personal":
		if s != Identifying && s != Sensitive {
			return fmt.Errorf("it is %s or %s", Identifying, Sensitive)
		}
	case "x-codes":
		l, ok := List(s)
		if !ok {
			return fmt.Errorf("there is no code list %q", s)
		}
		return checkCodes(l, schema)
	}
	return nil
}

// checkCodes makes sure that a schema permits exactly the codes of the list
// that it names: by enum, by a format of its own, or, where each code is a
// flag, by the names of an object's members. Where the list is open it is a
// help and no bound.
func checkCodes(l CodeList, schema map[string]any) error {
	codes := make([]string, 0, l.Len())
	for c := range l.Codes() {
		codes = append(codes, c.Code)
	}
	if enum, ok := schema["enum"].([]any); ok {
		permitted := make([]string, len(enum))
		for i, e := range enum {
			permitted[i], _ = e.(string)
		}
		if !slices.Equal(permitted, codes) {
			return fmt.Errorf("enum is not the code list %s: it is to have %q in this order", l.Name, codes)
		}
		return nil
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		slices.Sort(codes)
		if !slices.Equal(slices.Sorted(maps.Keys(properties)), codes) {
			return fmt.Errorf("the members are not the code list %s", l.Name)
		}
		return nil
	}
	name, _ := schema["format"].(string)
	if !l.Open && formats[name].list != l.Name {
		return fmt.Errorf("nothing asserts that the code is in the list %s: use enum, or a format of that list", l.Name)
	}
	return nil
}
