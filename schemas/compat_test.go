package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// What docs/catalogue.md promises partners about a published schema is checked
// here: whatever was valid stays valid and keeps its meaning. The checker knows
// what it can prove; a change that it does not understand counts as breaking,
// and is then a second version.

// inline returns a schema with everything that it refers to written out and
// without texts, which may change: what a snapshot holds.
func inline(files map[string]any, file string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		if ref, ok := v["$ref"].(string); ok {
			id, fragment, _ := strings.Cut(ref, "#/")
			target := file
			if id != "" {
				target = strings.TrimPrefix(id, idPrefix)
			}
			referred := files[target]
			for _, name := range strings.Split(fragment, "/") {
				referred = member(referred, name)
			}
			maps.Copy(out, inline(files, target, referred).(map[string]any))
		}
		for name, value := range v {
			holds := keywords[name]
			switch {
			case slices.Contains([]string{"$ref", "$defs", "$schema", "$comment", "title", "description", "x-title-vi", "x-description-vi", "examples", "default", "x-htcds", "x-codes"}, name):
			case holds == "named":
				below := map[string]any{}
				for n, s := range value.(map[string]any) {
					below[n] = inline(files, file, s)
				}
				out[name] = below
			case holds == "schemas":
				var below []any
				for _, s := range value.([]any) {
					below = append(below, inline(files, file, s))
				}
				out[name] = below
			case holds == "schema":
				out[name] = inline(files, file, value)
			case out[name] != nil && !strings.HasPrefix(name, "x-"):
				panic(file + ": " + name + " stands beside a $ref that has it too; write the schema out")
			default:
				out[name] = value
			}
		}
		return out
	}
	return v
}

// breaks lists what a new schema refuses or changes that the old one permitted.
// Both are inlined.
func breaks(old, now any) []string {
	c := &comparison{before: old}
	c.schema(nil, "#", old, now)
	slices.Sort(c.found)
	return c.found
}

// A comparison knows the old schema as a whole, to see whether a member that a
// condition names is a new one.
type comparison struct {
	before any
	found  []string
}

// A place is where in a message a schema applies: names of members, * for
// elements.
type place []string

func (p place) below(name string) place { return append(slices.Clone(p), name) }

func (c *comparison) add(at, format string, args ...any) {
	c.found = append(c.found, at+": "+fmt.Sprintf(format, args...))
}

// isNew says whether no message could hold the member until now: what a schema
// demands of it then breaks nothing.
func (c *comparison) isNew(p place, name string) bool {
	s := c.before
	for _, step := range p {
		if step == "*" {
			s = member(s, "items")
		} else {
			s = member(member(s, "properties"), step)
		}
	}
	return member(member(s, "properties"), name) == nil && member(s, "additionalProperties") == false
}

func (c *comparison) schema(p place, at string, old, now any) {
	was, wasObject := old.(map[string]any)
	is, isObject := now.(map[string]any)
	switch {
	case old == false || now == true:
		return // nothing was permitted, or everything is
	case old == true:
		was, wasObject = map[string]any{}, true
	}
	if now == false {
		c.add(at, "nothing is permitted any more")
		return
	}
	if !wasObject || !isObject {
		c.add(at, "is no schema")
		return
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, keyword := range slices.Sorted(maps.Keys(all)) {
		c.keyword(p, at, keyword, was, is)
	}
}

func (c *comparison) keyword(p place, at, keyword string, was, is map[string]any) {
	old, had := was[keyword]
	now, has := is[keyword]
	if reflect.DeepEqual(old, now) && had == has {
		return
	}
	switch keyword {
	case "$id", "x-code":
		c.add(at, "%s has changed", keyword)
	case "x-personal":
		if had && now != Identifying {
			c.add(at, "the value is protected less than before")
		}
	case "properties":
		c.properties(p, at, old, now, was["type"] != nil)
	case "additionalProperties":
		c.schema(p.below("?"), at+"/*", orTrue(old, had), orTrue(now, has))
	case "if", "then", "else":
		c.condition(p, at, keyword, was, is)
	case "items":
		c.schema(p.below("*"), at+"/items", orTrue(old, had), orTrue(now, has))
	case "propertyNames":
		c.schema(p.below("?"), at+"/propertyNames", orTrue(old, had), orTrue(now, has))
	case "allOf":
		c.allOf(p, at, asList(old), asList(now))
	default:
		if has {
			c.bound(at, keyword, old, now, had)
		}
	}
}

func orTrue(schema any, there bool) any {
	if !there {
		return true
	}
	return schema
}

// properties compares members. A new one breaks nothing in a schema of a whole
// object: closed, it could not be sent; open, as a receipt is, readers were told
// to ignore it. In the answer of a condition it is a new demand.
func (c *comparison) properties(p place, at string, old, now any, whole bool) {
	before, _ := old.(map[string]any)
	after, _ := now.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		below, ok := after[name]
		if !ok && whole {
			c.add(at, "the member %q was removed", name)
			continue
		}
		c.schema(p.below(name), at+"/"+name, before[name], orTrue(below, ok))
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[name]; !ok && !whole && !c.isNew(p, name) {
			c.schema(p.below(name), at+"/"+name, true, after[name])
		}
	}
}

// condition compares if, then and else, all when it meets the first of them:
// the question must stay the same, the answers may become looser. A new
// question is harmless where only a new member makes it true.
func (c *comparison) condition(p place, at, keyword string, was, is map[string]any) {
	question, conditional := is["if"]
	same := reflect.DeepEqual(was["if"], question)
	then, hasThen := is["then"]
	otherwise, hasElse := is["else"]
	oldThen, hadThen := was["then"]
	oldElse, hadElse := was["else"]
	switch {
	case !conditional:
	case same && keyword == "then":
		c.schema(p, at+"/then", orTrue(oldThen, hadThen), orTrue(then, hasThen))
	case same && keyword == "else":
		c.schema(p, at+"/else", orTrue(oldElse, hadElse), orTrue(otherwise, hasElse))
	case keyword != "if":
	case was["if"] == nil && slices.ContainsFunc(asList(member(question, "required")), func(name any) bool { return c.isNew(p, name.(string)) }):
		c.schema(p, at+"/else", true, orTrue(otherwise, hasElse))
	default:
		c.add(at, "the condition has changed")
	}
}

// bound compares a keyword that the new schema has.
func (c *comparison) bound(at, keyword string, old, now any, had bool) {
	switch keyword {
	case "type":
		if !had || !contains(asList(now), asList(old)) && (old != "integer" || now != "number") {
			c.add(at, "the type is narrower")
		}
	case "enum":
		if !had || !contains(asList(now), asList(old)) {
			c.add(at, "enum has lost a value")
		}
	case "required":
		if !contains(asList(old), asList(now)) {
			c.add(at, "a member is newly required")
		}
	case "minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum":
		if !had || less(old, now) {
			c.add(at, "%s is narrower", keyword)
		}
	case "maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum":
		if !had || less(now, old) {
			c.add(at, "%s is narrower", keyword)
		}
	case "uniqueItems":
		if now == true {
			c.add(at, "elements must newly differ")
		}
	case "anyOf":
		if !had || !contains(asList(now), asList(old)) {
			c.add(at, "anyOf has lost a form or changed one")
		}
	case "dependentRequired":
		for name, needs := range now.(map[string]any) {
			if !contains(asList(member(old, name)), asList(needs)) {
				c.add(at, "a member is newly required beside %q", name)
			}
		}
	default: // pattern, format, const, not, and whatever comes
		c.add(at, "%s is new or has changed", keyword)
	}
}

// allOf demands that each part that is there now was there, or one that it
// loosens, or that it asks nothing of what could be sent until now.
func (c *comparison) allOf(p place, at string, old, now []any) {
	for i, part := range now {
		loosens := func(before any) bool {
			below := &comparison{before: c.before}
			below.schema(p, at, before, part)
			return len(below.found) == 0
		}
		if !slices.ContainsFunc(append([]any{true}, old...), loosens) {
			c.add(fmt.Sprintf("%s/allOf/%d", at, i), "the rule is new or narrower")
		}
	}
}

func asList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// contains says whether all of some values are among others.
func contains(all, some []any) bool {
	for _, s := range some {
		if !slices.ContainsFunc(all, func(a any) bool { return reflect.DeepEqual(a, s) }) {
			return false
		}
	}
	return true
}

func less(a, b any) bool {
	x, err1 := a.(json.Number).Float64()
	y, err2 := b.(json.Number).Float64()
	return err1 != nil || err2 != nil || x < y
}
