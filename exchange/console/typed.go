package console

import (
	"crypto/rand"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// Typed is what an officer has typed into the form of a message type: texts by
// the JSON Pointers of their fields. A field that is typed in parts has one for
// each, behind a #: the day, month and year of a date, the number of elements of
// a list, the unit of a place.
type typed struct {
	catalogue *schemas.Catalogue
	fields    []schemas.Field
	values    url.Values
	zone      *time.Location
}

func newTyped(catalogue *schemas.Catalogue, messageType string, values url.Values, zone *time.Location) *typed {
	return &typed{catalogue, catalogue.Fields(messageType), values, zone}
}

// below returns the fields directly in an object, in the schema's order.
func (t *typed) below(pattern string) []schemas.Field { return directlyIn(t.fields, pattern) }

func directlyIn(fields []schemas.Field, pattern string) []schemas.Field {
	var out []schemas.Field
	for _, f := range fields {
		if name, ok := strings.CutPrefix(f.Pointer, pattern+"/"); ok && !strings.Contains(name, "/") && name != "*" {
			out = append(out, f)
		}
	}
	return out
}

// text returns what was typed in one place, as a message may hold it: a space of another
// kind, as comes with what is pasted, is a space.
func (t *typed) text(name string) string {
	text := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(t.values.Get(name), "\r\n", "\n"))
	return norm.NFC.String(strings.TrimSpace(text))
}

// unseen returns a character that nobody would see in each text that has one, by place.
func (t *typed) unseen() map[string]rune {
	out := map[string]rune{}
	for name := range t.values {
		if f, ok := t.field(name); !ok || f.Type != "string" || f.Format == "base64" {
			continue
		}
		runes := []rune(t.text(name))
		for i, r := range runes {
			if !unicode.IsSpace(r) && exchange.Unseen(runes, i) {
				out[name] = r
			}
		}
	}
	return out
}

// count is how many elements a list has in the form.
func (t *typed) count(f schemas.Field, pointer string) int {
	n, err := strconv.Atoi(t.values.Get(pointer + "#n"))
	if err != nil && f.Required {
		n = 1
	}
	return max(0, min(n, f.Limit))
}

// states says whether anything was typed into a field, of whomever.
func (t *typed) states(field string) bool {
	for name := range t.values {
		at, _, _ := strings.Cut(name, "#")
		if t.values.Get(name) != "" && within([]string{field}, pattern(at)) {
			return true
		}
	}
	return false
}

// body returns what was typed as the body of a message, right or wrong.
func (t *typed) body() map[string]any {
	out, _ := t.object("", "")
	return out
}

// object returns an object and whether anything of it was typed.
func (t *typed) object(pattern, pointer string) (map[string]any, bool) {
	out, any := map[string]any{}, false
	for _, f := range t.below(pattern) {
		name := f.Pointer[len(pattern)+1:]
		value, there := t.value(f, pointer+"/"+name)
		if value != nil {
			out[name] = value
		}
		any = any || there
	}
	if isPlace(t.fields, pattern) {
		if list, code, ok := strings.Cut(t.text(pointer+"#unit"), ":"); ok {
			out["code_list_version"], out["code"], any = list, code, true
		}
	}
	return out, any
}

// value returns what a field holds, and whether anything of it was typed: what a
// schema requires is there even when it is empty, so that its parts are asked for.
func (t *typed) value(f schemas.Field, pointer string) (any, bool) {
	switch {
	case f.Type == "object":
		out, there := t.object(f.Pointer, pointer)
		if !there && !f.Required {
			return nil, false
		}
		return out, there
	case f.Type == "array" && f.Elements == "object":
		list := []any{}
		for i := range t.count(f, pointer) {
			element, _ := t.object(f.Pointer+"/*", pointer+"/"+strconv.Itoa(i))
			list = append(list, element)
		}
		if len(list) == 0 {
			return nil, false
		}
		return list, t.values.Get(pointer+"#n") != ""
	case f.Type == "array":
		list := []any{}
		for _, v := range t.values[pointer] {
			if v != "" {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			return nil, false
		}
		return list, true
	}
	text := t.scalar(f, pointer)
	switch {
	case text == "":
		return nil, false
	case f.Type == "boolean" && (text == "true" || text == "false"):
		return text == "true", true
	case f.Type == "integer" && digits.MatchString(text):
		return json.Number(text), true
	}
	return text, true
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

// scalar returns the text of a field that is no object and no list.
func (t *typed) scalar(f schemas.Field, pointer string) string {
	switch f.Format {
	case "date", "edtf":
		return t.date(pointer)
	case "edtf-interval":
		from, to := t.date(pointer+"#a"), t.date(pointer+"#b")
		if from == "" && to == "" {
			return ""
		}
		return or(from, "..") + "/" + or(to, "..")
	case "date-time":
		return t.instant(pointer)
	}
	text := t.text(pointer)
	switch name := f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]; {
	case f.Format == "mrz", name == "mrz", name == "mrz_as_read":
		return strings.ToUpper(text)
	case text == "":
		return t.derived(pointer)
	}
	if list, ok := schemas.List(f.CodeList); ok {
		return codeTyped(list, text)
	}
	return text
}

// derived is what follows from a name as its bearer writes it, where nothing else is
// typed: its script, and the name in Latin letters if it is written in them.
func (t *typed) derived(pointer string) string {
	cut := strings.LastIndexByte(pointer, '/')
	native := t.text(pointer[:cut] + "/native")
	switch script := scriptOf(native); {
	case pointer[cut:] == "/script":
		return script
	case pointer[cut:] == "/latin" && script == "Latn":
		return native
	}
	return ""
}

// follows says from which name a field follows that was left empty.
func (t *typed) follows(pointer string) (name string, ok bool) {
	cut := max(strings.LastIndexByte(pointer, '/'), 0)
	return pointer[:cut] + "/native", (pointer[cut:] == "/script" || pointer[cut:] == "/latin") && t.text(pointer) == ""
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// The parts of a date: #d, #m and #y, and #c for how sure it is.
func (t *typed) date(pointer string) string {
	day, month, year := pad(t.text(pointer+"#d")), pad(t.text(pointer+"#m")), t.text(pointer+"#y")
	if day+month+year == "" {
		return ""
	}
	out := year
	if month != "" || day != "" {
		out += "-" + month
	}
	if day != "" {
		out += "-" + day
	}
	return out + t.text(pointer+"#c")
}

func pad(number string) string {
	if len(number) == 1 {
		return "0" + number
	}
	return number
}

var clock = regexp.MustCompile(`^([0-9]{1,2})(?:[:.hH ]?([0-9]{2})|[hH])$`)

func (t *typed) instant(pointer string) string {
	day, hour := t.date(pointer), t.text(pointer+"#t")
	if day+hour == "" {
		return ""
	}
	if m := clock.FindStringSubmatch(hour); m != nil {
		if at, err := time.ParseInLocation("2006-01-02 15:04", day+" "+pad(m[1])+":"+or(m[2], "00"), t.zone); err == nil {
			return at.Format(time.RFC3339)
		}
	}
	return day + "T" + hour
}

// fill types a body into the form. What is hidden from the officer stays out.
func (t *typed) fill(body any) {
	if o, ok := body.(map[string]any); ok {
		t.fillObject("", "", o)
	}
}

func (t *typed) fillObject(pattern, pointer string, o map[string]any) {
	for _, f := range t.below(pattern) {
		name := f.Pointer[len(pattern)+1:]
		if v, there := o[name]; there {
			t.fillValue(f, pointer+"/"+name, v)
		}
	}
	for _, at := range []string{pointer + "/script", pointer + "/latin"} {
		if follows := t.derived(at); follows != "" && t.text(at) == follows {
			t.values.Del(at) // it would not follow a name that is corrected
		}
	}
	if isPlace(t.fields, pattern) {
		list, _ := o["code_list_version"].(string)
		code, _ := o["code"].(string)
		if list != "" && code != "" {
			t.values.Set(pointer+"#unit", list+":"+code)
		}
	}
}

func (t *typed) fillValue(f schemas.Field, pointer string, v any) {
	switch v := v.(type) {
	case map[string]any:
		t.fillObject(f.Pointer, pointer, v)
	case []any:
		if f.Elements == "object" {
			t.values.Set(pointer+"#n", strconv.Itoa(len(v)))
		}
		for i, element := range v {
			if o, ok := element.(map[string]any); ok {
				t.fillObject(f.Pointer+"/*", pointer+"/"+strconv.Itoa(i), o)
			} else if text, ok := element.(string); ok {
				t.values.Add(pointer, text)
			}
		}
	case bool:
		t.values.Set(pointer, strconv.FormatBool(v))
	case json.Number:
		t.values.Set(pointer, v.String())
	case string:
		t.fillText(f, pointer, v)
	case exchange.Hidden:
	}
}

func (t *typed) fillText(f schemas.Field, pointer, text string) {
	switch f.Format {
	case "date", "edtf":
		t.fillDate(pointer, text)
	case "edtf-interval":
		from, to, _ := strings.Cut(text, "/")
		t.fillDate(pointer+"#a", strings.TrimSuffix(from, ".."))
		t.fillDate(pointer+"#b", strings.TrimSuffix(to, ".."))
	case "date-time":
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			at = at.In(t.zone)
			t.fillDate(pointer, at.Format(time.DateOnly))
			t.values.Set(pointer+"#t", at.Format("15:04"))
		} else if day, hour, _ := strings.Cut(text, "T"); text != "" { // it was typed so, and is not lost
			t.fillDate(pointer, day)
			t.values.Set(pointer+"#t", hour)
		}
	default:
		t.values.Set(pointer, text)
	}
}

func (t *typed) fillDate(pointer, text string) {
	if text == "" {
		return
	}
	if last := text[len(text)-1:]; strings.Contains("?~%", last) {
		t.values.Set(pointer+"#c", last)
		text = text[:len(text)-1]
	}
	for i, part := range strings.SplitN(text, "-", 3) {
		t.values.Set(pointer+[]string{"#y", "#m", "#d"}[i], part)
	}
}

// remove takes an element out of a list; those behind it move up.
func (t *typed) remove(pointer string) {
	cut := strings.LastIndexByte(pointer, '/')
	list := pointer[:max(cut, 0)]
	at, err := strconv.Atoi(pointer[cut+1:])
	n, _ := strconv.Atoi(t.values.Get(list + "#n"))
	if err != nil || at < 0 || at >= n {
		return
	}
	moved := url.Values{}
	for name, values := range t.values {
		rest, inside := strings.CutPrefix(name, list+"/")
		i, below, ok := elementOf(rest)
		switch {
		case !inside || !ok || i < at:
			moved[name] = values
		case i > at:
			moved[element(list, i-1)+below] = values
		}
	}
	moved.Set(list+"#n", strconv.Itoa(n-1))
	t.values = moved
}

// add puts an empty element at the end of a list.
func (t *typed) add(pointer string) {
	f, ok := t.field(pointer)
	if !ok || f.Elements != "object" {
		return
	}
	t.values.Set(pointer+"#n", strconv.Itoa(min(t.count(f, pointer)+1, f.Limit)))
}

// linkAtRandom types a link that nobody could have made from anything, where there is none.
func (t *typed) linkAtRandom(pointer string) {
	if f, ok := t.field(pointer); ok && strings.HasSuffix(f.Pointer, "/link") && t.text(pointer) == "" {
		t.values.Set(pointer, rand.Text())
	}
}

func (t *typed) field(pointer string) (schemas.Field, bool) {
	at := pattern(pointer)
	i := slices.IndexFunc(t.fields, func(f schemas.Field) bool { return f.Pointer == at })
	if i < 0 {
		return schemas.Field{}, false
	}
	return t.fields[i], true
}

// isPlace says whether an object is a place with the code of an administrative
// unit, which officers choose and do not type.
func isPlace(fields []schemas.Field, pattern string) bool {
	return slices.ContainsFunc(fields, func(f schemas.Field) bool { return f.Pointer == pattern+"/code_list_version" })
}

// isName says whether an object is a name, in all the ways it is written.
func isName(fields []schemas.Field, pattern string) bool {
	return slices.ContainsFunc(fields, func(f schemas.Field) bool { return f.Pointer == pattern+"/native" })
}

// unitPart says whether a field is typed as part of a place's unit.
func unitPart(fields []schemas.Field, f schemas.Field) bool {
	at, name := f.Pointer[:strings.LastIndexByte(f.Pointer, '/')], f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]
	return (name == "code" || name == "code_list_version") && isPlace(fields, at)
}

var inBrackets = regexp.MustCompile(`\(([^()]+)\)$`)

// partOfLabel is how many letters and digits stand for a label that has them as whole
// words, where no other has.
const partOfLabel = 3

// codeTyped returns the code that an officer means: the code itself, or its
// label in any language, or both as the list proposes them, or a part of one label
// alone. What it cannot tell is returned as it is.
func codeTyped(list schemas.CodeList, text string) string {
	if text == "" || list.Has(text) {
		return text
	}
	if m := inBrackets.FindStringSubmatch(text); m != nil && list.Has(m[1]) {
		return m[1]
	}
	if upper := strings.ToUpper(text); list.Has(upper) {
		return upper
	}
	wanted := folded(text)
	found, several := labelled(list, func(label string) bool { return label == wanted })
	if found == "" && utf8.RuneCountInString(wanted) >= partOfLabel {
		found, several = labelled(list, func(label string) bool { return strings.Contains(" "+label+" ", " "+wanted+" ") })
	}
	if several {
		return text
	}
	return or(found, text)
}

// labelled returns the code with a label that fits, and whether there are several.
func labelled(list schemas.CodeList, fits func(label string) bool) (found string, several bool) {
	for c := range list.Codes() {
		if slices.ContainsFunc(spoken, func(language string) bool { return fits(folded(c.Label(language))) }) {
			found, several = c.Code, found != ""
			if several {
				return found, true
			}
		}
	}
	return found, false
}

// A script is one that can be told from its letters alone.
type script struct {
	code  string
	table *unicode.RangeTable
}

var scripts = []script{{"Latn", unicode.Latin}, {"Khmr", unicode.Khmer}, {"Laoo", unicode.Lao}, {"Thai", unicode.Thai}, {"Mymr", unicode.Myanmar}}

// scriptOf returns the one script in which a text is written, "" when its letters
// do not say: Chinese ones are simplified or traditional.
func scriptOf(text string) string {
	found := ""
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		i := slices.IndexFunc(scripts, func(s script) bool { return unicode.Is(s.table, r) })
		if i < 0 || found != "" && found != scripts[i].code {
			return ""
		}
		found = scripts[i].code
	}
	return found
}
