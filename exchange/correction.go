package exchange

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Change is one step of a correction: an operation of RFC 6902 (add, replace
// or remove) at a place of the target's body.
type Change struct {
	Op      string `json:"op"`
	Pointer string `json:"pointer"`
	Value   any    `json:"value,omitempty"`
}

// changesOf reads a correction's changes; its schema has checked their form.
func changesOf(body any) []Change {
	list, _ := member(body, "changes").([]any)
	out := make([]Change, len(list))
	for i, element := range list {
		op, _ := member(element, "op").(string)
		pointer, _ := member(element, "pointer").(string)
		out[i] = Change{op, pointer, member(element, "value")}
	}
	return out
}

// corrections returns the corrections of a message that count, by revision.
func (b *Book) corrections(target string, out bool) []Note {
	var found []Note
	for _, n := range b.Notes {
		if n.Type == TypeCorrection && n.Status != dead && n.Out == out && n.Target == target {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b Note) int { return cmp.Compare(a.Revision, b.Revision) })
	return found
}

// apply returns a body with the changes made; the one that was given stays as
// it is.
func apply(body any, changes []Change) (any, *Problem) {
	for i, c := range changes {
		changed, ok := c.apply(body)
		if !ok {
			return nil, problem(ProblemCorrection, "There is no such place in the message, or nothing of this kind can be done there.").rule("correction-pointer").at(fmt.Sprintf("/body/changes/%d/pointer", i))
		}
		body = changed
	}
	return body, nil
}

func (c Change) apply(body any) (any, bool) {
	if !strings.HasPrefix(c.Pointer, "/") {
		return nil, false
	}
	tokens := strings.Split(c.Pointer[1:], "/")
	for i, t := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return c.at(body, tokens)
}

// at copies what lies on the way and changes the end.
func (c Change) at(v any, tokens []string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return c.atMember(v, tokens)
	case []any:
		return c.atElement(v, tokens)
	}
	return nil, false
}

func (c Change) atMember(v map[string]any, tokens []string) (any, bool) {
	child, there := v[tokens[0]]
	copied := make(map[string]any, len(v)+1)
	for name, value := range v {
		copied[name] = value
	}
	switch {
	case len(tokens) > 1:
		below, ok := c.at(child, tokens[1:])
		copied[tokens[0]] = below
		return copied, ok && there
	case c.Op == "remove":
		delete(copied, tokens[0])
		return copied, there
	}
	copied[tokens[0]] = c.Value
	return copied, c.Op == "add" && !there || c.Op == "replace" && there
}

func (c Change) atElement(v []any, tokens []string) (any, bool) {
	if tokens[0] == "-" && len(tokens) == 1 && c.Op == "add" {
		return append(slices.Clone(v), c.Value), true
	}
	i, err := strconv.Atoi(tokens[0])
	if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != tokens[0] {
		return nil, false
	}
	copied := slices.Clone(v)
	switch {
	case len(tokens) > 1:
		below, ok := c.at(v[i], tokens[1:])
		copied[i] = below
		return copied, ok
	case c.Op == "remove":
		return slices.Delete(copied, i, i+1), true
	case c.Op == "replace":
		copied[i] = c.Value
		return copied, true
	}
	return slices.Insert(copied, i, c.Value), c.Op == "add"
}

// differences returns the changes that lead from one body to another.
func differences(before, after any) []Change {
	var out []Change
	var walk func(pointer string, before, after any)
	walk = func(pointer string, before, after any) {
		from, isObject := before.(map[string]any)
		to, object := after.(map[string]any)
		if isObject && object {
			names := slices.Sorted(maps.Keys(from))
			for name := range to {
				if _, both := from[name]; !both {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			for _, name := range names {
				at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
				was, had := from[name]
				is, has := to[name]
				switch {
				case !has:
					out = append(out, Change{Op: "remove", Pointer: at})
				case !had:
					out = append(out, Change{Op: "add", Pointer: at, Value: is})
				default:
					walk(at, was, is)
				}
			}
			return
		}
		earlier, isList := before.([]any)
		later, list := after.([]any)
		if !isList || !list {
			if !reflect.DeepEqual(before, after) {
				out = append(out, Change{Op: "replace", Pointer: pointer, Value: after})
			}
			return
		}
		both := min(len(earlier), len(later))
		for i := range both {
			walk(pointer+"/"+strconv.Itoa(i), earlier[i], later[i])
		}
		for i := both; i < len(later); i++ {
			out = append(out, Change{Op: "add", Pointer: pointer + "/" + strconv.Itoa(i), Value: later[i]})
		}
		for i := len(earlier) - 1; i >= both; i-- { // from the end, so that each place is still there
			out = append(out, Change{Op: "remove", Pointer: pointer + "/" + strconv.Itoa(i)})
		}
	}
	walk("", before, after)
	return out
}
