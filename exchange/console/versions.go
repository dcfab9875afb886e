package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// versions are what an officer has typed and what stands against it, with the same
// persons at the same places.
type versions struct {
	mine, theirs *typed
	base         *typed        // the draft as the officer began to change it; nil where that is not known
	persons      []string      // who they are; nobody, where they cannot be told
	form         exchange.Form // theirs
	by           string        // whose that is; "": the officer's own, of another window
}

// versions returns what stands against a form. The look at it is in the record.
func (c *Console) versions(v *visit, p *pen) (versions, error) {
	out, err := c.other(v, p)
	if err != nil {
		return versions{}, err
	}
	out.lay(p)
	return out, nil
}

// lay lays the versions side by side.
func (w *versions) lay(p *pen) {
	w.mine, w.theirs = p.typed.settled(), w.theirs.settled()
	if w.base != nil {
		w.base = w.base.settled()
	}
	all := slices.DeleteFunc([]*typed{w.mine, w.theirs, w.base}, func(t *typed) bool { return t == nil })
	if p.fix == nil { // of a correction nobody is added or taken out
		w.tellApart(p)
		w.persons = p.align(all)
		w.alignLists()
	}
	alignGuards(all)
}

// choose makes of the versions what the officer has chosen: their own, or the other's.
func (p *pen) choose(w versions, theirs func(pointer string) bool) {
	gone := p.typed.values[takenOut]
	if p.typed = w.mine; gone != nil {
		p.typed.values[takenOut] = gone
	}
	for _, pointer := range p.differs(p.typed, w.theirs) {
		if theirs(pointer) {
			p.typed.take(w.theirs, pointer)
			if p.fix != nil {
				p.takeAnew(w.theirs, pointer)
			}
		}
	}
	p.typed.compact(safeguardAt(""))
	if p.fix == nil { // what a correction hides of a list is no gap in it
		p.typed.compact("/")
	}
	for _, ref := range w.persons {
		if !slices.Contains(p.typed.persons(), ref) {
			p.typed.values.Add(takenOut, ref)
			p.unguard(ref)
		}
	}
	p.catchUp()
}

// other returns, as it is written, what stands against a form: the draft that it changes
// when that was changed meanwhile, or else the form as it was kept last.
func (c *Console) other(v *visit, p *pen) (versions, error) {
	ctx := v.r.Context()
	out := versions{theirs: newTyped(c.cfg.Catalogue, p.about(), url.Values{}, c.cfg.Zone)}
	if p.moved() { // what it corrects was corrected meanwhile
		out.theirs.fill(p.fix.before)
		for name, values := range p.typed.values { // what stands around it is the officer's alone
			if strings.HasPrefix(name, ".") {
				out.theirs.values[name] = values
			}
		}
		out.form = p.Form
		return out, nil
	}
	if p.Amends > 0 {
		outline, err := c.cfg.Desk.Outline(ctx, v.officer, p.ID)
		if err != nil {
			return versions{}, err
		}
		if outline.Rewritten(p.Amends) {
			return c.rewrote(v, p, outline.Row.Author, out)
		}
	}
	var err error
	out.form, err = c.cfg.Forms.Open(ctx, v.officer, p.ID)
	out.theirs.values = out.form.Values
	return out, err
}

// rewrote returns a draft that somebody has changed meanwhile.
func (c *Console) rewrote(v *visit, p *pen, by string, out versions) (versions, error) {
	why := changedMeanwhile
	if by == v.officer.ID { // by another press, or another program
		why = exchange.OwnForm
	}
	draft, err := c.cfg.Desk.Read(v.r.Context(), v.officer, p.ID, why)
	if err != nil {
		return versions{}, err
	}
	if out.form, err = c.formOf(v, draft, why); err != nil {
		return versions{}, err
	}
	out.theirs.values, out.by, out.form.Version = out.form.Values, draft.Row.Author, p.Version
	if began, kept := draft.Began(p.Amends); kept && p.fix == nil {
		was, err := c.formOf(v, began, why)
		if err != nil {
			return versions{}, err
		}
		out.base = newTyped(c.cfg.Catalogue, p.about(), was.Values, c.cfg.Zone)
	}
	return out, nil
}

// settled returns what was typed in the one way in which the form writes it, so
// that two versions can be compared.
func (t *typed) settled() *typed {
	out := &typed{t.catalogue, t.fields, url.Values{}, t.zone}
	out.fill(t.body())
	for name, values := range t.values {
		if strings.HasPrefix(name, ".") && name != takenOut && slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			out.values[name] = values
		}
	}
	for name := range out.values { // a place for a safeguard that is empty says nothing
		if kind, ok := strings.CutPrefix(strings.TrimSuffix(name, "#n"), safeguardAt("")); ok && strings.HasSuffix(name, "#n") && !out.records(kind) {
			delete(out.values, name)
		}
	}
	return out
}

// records says whether anything of a kind of safeguard was typed.
func (t *typed) records(kind string) bool { return t.says(safeguardAt(kind)) }

// tellApart gives whoever the officer has introduced a reference of their own where the
// other one has introduced somebody else by the same: who comes next is numbered by both.
// Of two windows of one's own nobody knows what was there before; two of another name who
// differ in something else, too, are two.
func (w *versions) tellApart(p *pen) {
	if !opens(p) { // whom an answer names is known from the case
		return
	}
	theirs, before := w.theirs.persons(), []string(nil)
	if w.base != nil {
		before = w.base.persons()
	}
	taken := slices.Concat(theirs, before, w.mine.persons(), p.taken())
	for i, ref := range w.mine.persons() {
		j := slices.Index(theirs, ref)
		if ref == "" || j < 0 || slices.Contains(before, ref) || slices.Contains(p.offer.Persons, ref) || maps.EqualFunc(w.mine.under(personPlace(i)), w.theirs.under(personPlace(j)), slices.Equal) {
			continue
		}
		if w.base == nil && !strangers(w.mine.under(personPlace(i)), w.theirs.under(personPlace(j))) {
			continue
		}
		own := freeReference(taken)
		taken = append(taken, own)
		w.mine.values.Set(personPlace(i)+"/subject_ref", own)
		for name, values := range w.mine.values {
			if strings.HasPrefix(name, safeguardAt("")) && strings.HasSuffix(name, "/for") && slices.Equal(values, []string{ref}) {
				w.mine.values.Set(name, own)
			}
		}
	}
}

// strangers says whether what is said of two persons, who were given one reference, is not
// of the same: a name alone may have been corrected.
func strangers(a, b url.Values) bool {
	differ := func(name string) bool { return a.Get(name) != "" && b.Get(name) != "" && a.Get(name) != b.Get(name) }
	return differ("name/native") && slices.ContainsFunc([]string{"sex", "date_of_birth#y", "cccd"}, differ)
}

// align puts the persons of several versions of a form at the same places, by their
// references, so that one who was added or taken out is a difference of their own. It
// returns who they are in that order: nobody, where they cannot be told.
func (p *pen) align(all []*typed) []string {
	list, lists := p.field("/subjects")
	if !lists || list.Elements != "object" {
		return nil
	}
	var persons []string
	for _, t := range all {
		var own []string
		for _, ref := range t.persons() {
			if ref == "" || slices.Contains(own, ref) {
				return nil
			}
			if own = append(own, ref); !slices.Contains(persons, ref) {
				persons = append(persons, ref)
			}
		}
	}
	if len(persons) > list.Limit {
		return nil
	}
	for _, t := range all {
		var places []int
		for _, ref := range t.persons() {
			places = append(places, slices.Index(persons, ref))
		}
		t.move("/subjects", len(persons), places)
	}
	return persons
}

// alignGuards does the same to the safeguards that are recorded beside a message: one
// is of a kind and of a person, or of all of them.
func alignGuards(all []*typed) {
	for _, kind := range exchange.SafeguardKinds() {
		var whose []string
		places := make([][]int, len(all))
		for v, t := range all {
			had := map[string]int{}
			for i := range t.recordedOf(kind) {
				g, place := t.guard(kind, i), -1
				if g.On+g.Basis+g.Reference != "" {
					key := fmt.Sprintf("%s %d", g.Subject, had[g.Subject])
					if had[g.Subject]++; !slices.Contains(whose, key) {
						whose = append(whose, key)
					}
					place = slices.Index(whose, key)
				}
				places[v] = append(places[v], place)
			}
		}
		for v, t := range all {
			t.move(safeguardAt(kind), len(whose), places[v])
		}
	}
}

// alignLists does the same to the lists in what was written: what each has added to one
// is not the same because it comes next in both. Where something was taken out the list is
// one choice.
func (w *versions) alignLists() {
	if w.base == nil {
		return
	}
	for _, name := range names(w.mine.values, w.theirs.values) {
		list, counts := strings.CutSuffix(name, "#n")
		field, known := w.mine.field(list)
		if !counts || !known || list == "/subjects" || !w.mine.values.Has(name) || !w.theirs.values.Has(name) {
			continue
		}
		before, mine, theirs := w.base.count(field, list), w.mine.count(field, list), w.theirs.count(field, list)
		if mine < before || theirs < before {
			continue
		}
		n, places := mine, make([]int, theirs)
		for i := range places {
			if places[i] = i; i < before {
				continue
			}
			if places[i] = w.mine.find(list, before, w.theirs.under(element(list, i))); places[i] < 0 {
				places[i] = n
				n++
			}
		}
		if n > field.Limit {
			continue
		}
		w.theirs.move(list, n, places)
		w.mine.values.Set(name, strconv.Itoa(n))
		if person := personOf(list); person == "" || w.base.says(person) {
			w.base.values.Set(name, strconv.Itoa(n))
		}
	}
}

// find returns which element of a list, from one on, says just this; -1 for none.
func (t *typed) find(list string, from int, says url.Values) int {
	field, _ := t.field(list)
	for i := from; i < t.count(field, list); i++ {
		if maps.EqualFunc(t.under(element(list, i)), says, slices.Equal) {
			return i
		}
	}
	return -1
}

// move puts the elements of a list, of which there are n then, at other places: what is
// put below 0, or nowhere, is left out.
func (t *typed) move(list string, n int, to []int) {
	moved := url.Values{}
	for name, values := range t.values {
		if rest, in := strings.CutPrefix(name, list+"/"); in {
			i, below, ok := elementOf(rest)
			if !ok || i < 0 || i >= len(to) || to[i] < 0 {
				continue
			}
			name = element(list, to[i]) + below
		}
		moved[name] = values
	}
	if moved.Del(list + "#n"); n > 0 {
		moved.Set(list+"#n", strconv.Itoa(n))
	}
	t.values = moved
}

// compact closes the gaps that versions were aligned with, in the lists whose names begin so.
func (t *typed) compact(from string) {
	for _, name := range slices.Backward(names(t.values)) { // what is in a list before the list
		list, counts := strings.CutSuffix(name, "#n")
		if !counts || !strings.HasPrefix(list, from) {
			continue
		}
		n, _ := strconv.Atoi(t.values.Get(name))
		for i := n - 1; i >= 0; i-- {
			if !t.says(element(list, i)) {
				t.remove(element(list, i))
			}
		}
	}
}

// persons are the references of the persons of a form, in its order; nobody where it
// describes none.
func (t *typed) persons() []string {
	list, ok := t.field("/subjects")
	if !ok || list.Elements != "object" {
		return nil
	}
	var out []string
	for i := range t.count(list, "/subjects") {
		out = append(out, t.text(personPlace(i)+"/subject_ref"))
	}
	return out
}

// under is what a version says in a place, by the names within it.
func (t *typed) under(place string) url.Values {
	out := url.Values{}
	for name, values := range t.values {
		if rest, in := strings.CutPrefix(name, place); in && rest != "" && (rest[0] == '/' || rest[0] == '#') {
			out[strings.TrimPrefix(rest, "/")] = values
		}
	}
	return out
}

// elementOf is which element of a list a name within it is of, and what stands behind that.
func elementOf(rest string) (i int, below string, ok bool) {
	if cut := strings.IndexAny(rest, "/#"); cut >= 0 {
		rest, below = rest[:cut], rest[cut:]
	}
	i, err := strconv.Atoi(rest)
	return i, below, err == nil
}

func element(list string, i int) string { return list + "/" + strconv.Itoa(i) }

func personPlace(i int) string { return element("/subjects", i) }

// personOf is the place of the person that a place is of, "" for none.
func personOf(place string) string {
	if parts := strings.SplitN(place, "/", 4); len(parts) > 2 && parts[1] == "subjects" {
		return strings.Join(parts[:3], "/")
	}
	return ""
}
