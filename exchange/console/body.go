package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Block is a part of a body that is read at one go: what is said of the whole,
// or of one person.
type Block struct {
	Title   string
	Subject string // a person's reference
	Minor   bool
	Rows    []Row
	Odd     []string // what does not fit together in what is shown of them
	// Identity is who the person is, where another message tells it; otherwise
	// Duplicates are persons of other cases who may be the same.
	Identity   *Identity
	Key        exchange.SubjectKey
	Duplicates []DuplicateLine
}

// A Row is one field.
type Row struct {
	Pointer string
	Under   string // the fields that it is in
	Label   string
	Values  []Value
	Hidden  bool
	Shown   bool // it was hidden, and this look has shown it
	Chosen  bool // asked for before the form came back with an error
	// Withheld: the officer has given it, and the partner will not see it.
	Withheld bool
	File     bool // there is a file at the pointer, and this look may take it away
}

// A Value is what a field says, or one of several things.
type Value struct {
	Text  string // hostile
	Code  string // of a code list
	Place bool   // it is a place, which its code tells from others of that name
	Lang  string // of a text in a script of its own
	Kind  string // which of several ways to say it this is
	Since string // what has become of a place
	Link  string // the address of what it names
}

// A reading lays a body out by its schema.
type reading struct {
	s         *speech
	catalogue *schemas.Catalogue
	fields    []schemas.Field
	shown     []string
	chosen    []string
	minors    []string
	withheld  []string
	blocks    []Block
}

// read returns the blocks of a body, that of the whole first.
func (r *reading) read(messageType string, body any) []Block {
	r.fields = r.catalogue.Fields(messageType)
	object, ok := body.(map[string]any)
	if !ok {
		return nil
	}
	whole := Block{Title: r.s.T("message.whole")}
	r.object("", "", object, nil, &whole, true)
	if len(whole.Rows) > 0 {
		r.blocks = append([]Block{whole}, r.blocks...)
	}
	return r.blocks
}

// below returns the fields directly in an object, in the schema's order.
func (r *reading) below(pattern string) []schemas.Field { return directlyIn(r.fields, pattern) }

func (r *reading) object(pattern, pointer string, o map[string]any, under []string, into *Block, top bool) {
	for _, f := range r.below(pattern) {
		name := f.Pointer[len(pattern)+1:]
		value, there := o[name]
		if !there {
			continue
		}
		at, label := pointer+"/"+name, r.s.Of(f.Title)
		row := Row{Pointer: at, Under: strings.Join(under, " › "), Label: label, Shown: f.Personal != "" && r.hasShown(at), Chosen: slices.Contains(r.chosen, at), Withheld: within(r.withheld, at)}
		if _, hidden := value.(exchange.Hidden); !hidden && f.Type == "" { // any value, as it is written
			value = asSent(value)
		}
		switch value := value.(type) {
		case exchange.Hidden:
			row.Hidden = true
			into.Rows = append(into.Rows, row)
		case map[string]any:
			if values, ok := r.together(f.Pointer, value); ok {
				row.Values = values
				into.Rows = append(into.Rows, row)
				continue
			}
			r.object(f.Pointer, at, value, append(slices.Clone(under), label), into, false)
		case []any:
			r.array(f, at, value, under, into, row, top)
		default:
			row.Values, row.File = []Value{r.value(f, o, value)}, row.Shown && f.Format == "base64"
			into.Rows = append(into.Rows, row)
		}
	}
}

// asSent is a value of no type that the schema names, as it is sent.
func asSent(v any) any {
	if _, text := v.(string); text {
		return v
	}
	out, err := json.Marshal(v)
	if err != nil { // it was parsed before
		return nil
	}
	return string(out)
}

// within says whether a place is one of some places or in one.
func within(places []string, pointer string) bool {
	return slices.ContainsFunc(places, func(p string) bool { return pointer == p || strings.HasPrefix(pointer, p+"/") })
}

// hasShown says whether this look has shown a place, or what it is in.
func (r *reading) hasShown(pointer string) bool {
	return slices.Contains(r.shown, "") || within(r.shown, pointer)
}

// array lays out a list: of objects at the top of a body, each as a block of
// its own; of texts, in one row.
func (r *reading) array(f schemas.Field, at string, list []any, under []string, into *Block, row Row, top bool) {
	for i, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			if _, hidden := element.(exchange.Hidden); hidden {
				row.Hidden = true
				continue
			}
			row.Values = append(row.Values, r.value(f, nil, element))
			continue
		}
		place := at + "/" + strconv.Itoa(i)
		title := fmt.Sprintf("%s %d", row.Label, i+1)
		if values, together := r.together(f.Pointer+"/*", object); together {
			into.Rows = append(into.Rows, Row{Pointer: place, Under: row.Under, Label: title, Values: values, Shown: row.Shown})
			continue
		}
		if !top {
			r.object(f.Pointer+"/*", place, object, append(slices.Clone(under), title), into, false)
			continue
		}
		block := Block{Title: title}
		if block.Subject, _ = object["subject_ref"].(string); block.Subject != "" {
			block.Title = r.s.T("message.person", block.Subject)
			block.Minor = slices.Contains(r.minors, block.Subject)
		}
		r.object(f.Pointer+"/*", place, object, nil, &block, false)
		block.Rows = slices.DeleteFunc(block.Rows, func(row Row) bool { return row.Pointer == place+"/subject_ref" }) // it is the title
		r.blocks = append(r.blocks, block)
	}
	if row.Hidden || len(row.Values) > 0 || len(list) == 0 {
		into.Rows = append(into.Rows, row)
	}
}

// together reads an object that says one thing in several ways as one field: a
// name, a place, or what is needed.
func (r *reading) together(pattern string, o map[string]any) ([]Value, bool) {
	has := func(member string) bool {
		return slices.ContainsFunc(r.below(pattern), func(below schemas.Field) bool { return below.Pointer == pattern+"/"+member })
	}
	switch {
	case has("native"):
		return r.forms(pattern, o), true
	case has("text_as_given"):
		return r.members(pattern, o, "text_as_given", "code", "country"), true
	}
	return r.flags(pattern, o)
}

// forms are a name as it is written by its bearer, in Latin letters, and in a
// machine-readable zone. Its script shows in its letters.
func (r *reading) forms(pattern string, o map[string]any) []Value {
	if o["latin"] == o["native"] {
		o = maps.Clone(o)
		delete(o, "latin")
	}
	return r.members(pattern, o, "native", "latin", "mrz", "family", "given", "order")
}

// members reads some members of an object, one value each; every one but the
// first says what it is.
func (r *reading) members(pattern string, o map[string]any, names ...string) []Value {
	var out []Value
	fields := r.below(pattern)
	for i, name := range names {
		at := slices.IndexFunc(fields, func(below schemas.Field) bool { return below.Pointer == pattern+"/"+name })
		if at < 0 || o[name] == nil {
			continue
		}
		below := fields[at]
		value := r.value(below, o, o[name])
		if list, _ := o["code_list_version"].(string); name == "code" { // the same code is another unit in another list
			value.Code = strings.TrimSpace(list + " " + value.Code)
		}
		if i > 0 {
			value.Kind = r.s.Of(below.Title)
		}
		out = append(out, value)
	}
	return out
}

// flags reads an object of nothing but yes and no as the list of what is yes.
func (r *reading) flags(pattern string, o map[string]any) ([]Value, bool) {
	fields := r.below(pattern)
	out := []Value{}
	for _, below := range fields {
		if below.Type != "boolean" {
			return nil, false
		}
		if o[below.Pointer[len(pattern)+1:]] == true {
			out = append(out, Value{Text: r.s.Of(below.Title)})
		}
	}
	if len(out) == 0 {
		out = append(out, Value{Text: r.s.T("value.none_named")}) // what is not named is not denied
	}
	return out, len(fields) > 0
}

// value writes one value in words.
func (r *reading) value(f schemas.Field, beside map[string]any, v any) Value {
	switch v := v.(type) {
	case bool:
		if v {
			return Value{Text: r.s.T("value.yes")}
		}
		return Value{Text: r.s.T("value.no")}
	case json.Number:
		return Value{Text: v.String()}
	case string:
		return r.words(f, beside, v)
	}
	return Value{Text: r.s.T("value.other")}
}

func (r *reading) words(f schemas.Field, beside map[string]any, v string) Value {
	switch f.Format {
	case "edtf":
		return Value{Text: r.s.Partial(v)}
	case "edtf-interval":
		from, to, _ := strings.Cut(v, "/")
		return Value{Text: r.s.T("date.period", r.end(from), r.end(to))}
	case "date":
		if day, err := time.Parse(time.DateOnly, v); err == nil {
			return Value{Text: r.s.Date(day)}
		}
	case "date-time":
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return Value{Text: r.s.Time(at)}
		}
	case "base64":
		return Value{Text: r.s.T("value.file", (len(v)*3/4+1023)/1024)}
	}
	if list, ok := schemas.List(f.CodeList); ok && list.Has(v) {
		label, lang := r.s.Label(list, v)
		return Value{Text: label, Code: v, Lang: lang}
	}
	if strings.HasSuffix(f.Pointer, "/code") { // a place of a national list
		id, _ := beside["code_list_version"].(string)
		if list, ok := schemas.ListByID(id); ok && list.Has(v) {
			label, lang := r.s.Label(list, v)
			out := Value{Text: label, Code: v, Place: true, Lang: lang}
			if next, now, ok := list.Successor(v); ok { // the unit was merged into another, or called anew
				is, _ := r.s.Label(next, now.Code)
				out.Since = r.s.T("value.became", is)
			}
			return out
		}
	}
	out := Value{Text: v}
	if strings.HasSuffix(f.Pointer, "/native") {
		out.Lang, _ = beside["language"].(string)
	}
	return out
}

func (r *reading) end(text string) string {
	if text == "" || text == ".." {
		return r.s.T("date.open")
	}
	return r.s.Partial(text)
}

// at returns what lies at a JSON Pointer of a body, exchange.Hidden when it is
// in something hidden, nil when there is nothing.
func at(body any, pointer string) any {
	for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := body.(type) {
		case exchange.Hidden:
			return v
		case map[string]any:
			body = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			body = v[i]
		default:
			return nil
		}
	}
	return body
}

// A Difference is one change of a correction.
type Difference struct {
	Op     string
	Place  string
	Before []Row
	After  []Row
}

// difference lays out a change: the place before it, and after it.
func (r *reading) difference(messageType string, before, after any, c exchange.Change) Difference {
	r.fields = r.catalogue.Fields(messageType)
	out := Difference{Op: c.Op, Place: r.place(messageType, c.Pointer, before)}
	if c.Op != "add" {
		out.Before = r.rows(messageType, c.Pointer, before)
	}
	if c.Op != "remove" {
		out.After = r.said(messageType, c.Pointer, c.Value, after)
	}
	return out
}

// rows lays out what lies at one place.
func (r *reading) rows(messageType, pointer string, body any) []Row {
	return r.said(messageType, pointer, at(body, pointer), body)
}

// said lays out a value as what it is at a place of a body. A change gives its own:
// a later one may have moved what stands after it.
func (r *reading) said(messageType, pointer string, v, body any) []Row {
	f := r.field(messageType, pointer)
	if _, hidden := v.(exchange.Hidden); hidden {
		return []Row{{Hidden: true}}
	}
	var block Block
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		if values, ok := r.together(pattern(pointer), v); ok {
			return []Row{{Values: values}}
		}
		r.object(pattern(pointer), pointer, v, nil, &block, false)
	case []any:
		r.array(f, pointer, v, nil, &block, Row{Label: r.s.Of(f.Title)}, false)
	default:
		holder, _ := at(body, pointer[:strings.LastIndexByte(pointer, '/')]).(map[string]any)
		return []Row{{Values: []Value{r.value(f, holder, v)}}}
	}
	return block.Rows
}

// field is the field at a place; of an element it is what its list says of it.
func (r *reading) field(messageType, pointer string) schemas.Field {
	f, known := r.catalogue.Field(messageType, pointer)
	if end := strings.LastIndexByte(pointer, '/'); !known && end > 0 && strings.HasSuffix(pattern(pointer), "/*") {
		f, _ = r.catalogue.Field(messageType, pointer[:end])
	}
	return f
}

// inWords puts the changes that a correction's blocks show in the words of what it
// corrects: its places by their titles, its values by their schema.
func (r *reading) inWords(blocks []Block, made *exchange.SeenCorrection, body any) {
	about := &reading{s: r.s, catalogue: r.catalogue, fields: r.catalogue.Fields(made.Type)}
	for i := range blocks {
		var rows []Row
		for _, row := range blocks[i].Rows {
			rows = append(rows, about.change(row, made, body)...)
		}
		blocks[i].Rows = rows
	}
}

// change puts one row of a change in words.
func (r *reading) change(row Row, made *exchange.SeenCorrection, body any) []Row {
	change, member := path.Split(row.Pointer)
	place, _ := at(body, change+"pointer").(string)
	if path.Dir(path.Dir(row.Pointer)) != "/changes" || place == "" || row.Hidden {
		return []Row{row}
	}
	switch member {
	case "pointer":
		row.Values = []Value{{Text: or(r.place(made.Type, place, made.After), place)}}
	case "value":
		if r.shown = nil; row.Shown {
			r.shown = []string{place}
		}
		rows := r.said(made.Type, place, at(body, row.Pointer), made.After)
		for i, said := range rows {
			said.Pointer, said.Shown, said.Chosen, said.Withheld = row.Pointer+strings.TrimPrefix(said.Pointer, place), row.Shown, row.Chosen, row.Withheld
			if said.Label == "" {
				said.Label = row.Label
			} else {
				said.Under = strings.TrimSuffix(row.Label+" › "+said.Under, " › ")
			}
			rows[i] = said
		}
		return rows
	}
	return []Row{row}
}

// place names a JSON Pointer into a body by the titles of the fields on its way, and
// a person by the reference that every other page has; by its place, where the body is
// not at hand.
func (r *reading) place(messageType, pointer string, body any) string {
	var names []string
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		if n, err := strconv.Atoi(token); err == nil && len(names) > 0 {
			ref, known := at(body, "/subjects/"+token+"/subject_ref").(string)
			switch {
			case tokens[i-1] != "subjects":
				names[len(names)-1] += " " + strconv.Itoa(n+1)
			case known:
				names[len(names)-1] = r.s.T("column.person") + " " + ref
			default:
				names[len(names)-1] = r.s.T("place.person", n+1)
			}
			continue
		}
		if f, ok := r.catalogue.Field(messageType, "/"+strings.Join(tokens[:i+1], "/")); ok {
			names = append(names, r.s.Of(f.Title))
		}
	}
	return strings.Join(names, " › ")
}

// pattern turns a pointer into that of a field.
func pattern(pointer string) string {
	tokens := strings.Split(pointer, "/")
	for i, token := range tokens {
		if _, err := strconv.Atoi(token); err == nil || token == "-" {
			tokens[i] = "*"
		}
	}
	return strings.Join(tokens, "/")
}
