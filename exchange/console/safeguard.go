package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// maxPerKind is how many safeguards of one kind are recorded: one for each person.
const maxPerKind = 50

func safeguardAt(kind string) string { return ".safeguards/" + kind }

// safeguards lays out what has to be recorded beside a message: each safeguard
// that the agreement asks for and the body has no place for. Where a message has
// more persons, each one is for all of them or for one.
func (l *layout) safeguards(p *pen) []Node {
	var out []Node
	persons := p.refs()
	for _, kind := range p.safeguardKinds() {
		if l.inBody(kind) && !l.records(kind) {
			continue
		}
		at, count := safeguardAt(kind), l.recordedOf(kind)
		n := Node{Kind: "list", Pointer: at, ID: nodeID(at), Label: l.s.T("safeguard." + kind), One: l.s.T("safeguard." + kind), Value: strconv.Itoa(count), Add: len(persons) > 1 && count < maxPerKind}
		for i := range count {
			n.Nodes = append(n.Nodes, l.safeguard(kind, fmt.Sprintf("%s/%d", at, i), persons, count > 1))
		}
		out = append(out, n)
	}
	return out
}

// safeguard lays out one.
func (l *layout) safeguard(kind, at string, persons []string, more bool) Node {
	n := Node{Kind: "element", Pointer: at, ID: nodeID(at), Label: l.s.T("safeguard." + kind), Remove: more}
	if chosen := l.values.Get(at + "/for"); len(persons) > 1 || chosen != "" {
		whom := Node{Kind: "select", Pointer: at + "/for", ID: nodeID(at + "/for"), Label: l.s.T("form.for"), Blank: l.s.T("form.for_all")}
		if chosen != "" && !slices.Contains(persons, chosen) {
			persons = append(slices.Clone(persons), chosen) // who is not there any more; the officer sees it
		}
		for _, ref := range persons {
			whom.Options = append(whom.Options, Option{Value: ref, Label: l.s.T("message.person", ref), Checked: ref == chosen})
		}
		n.Nodes = append(n.Nodes, whom)
	}
	if kind == partners.SafeguardConsent {
		basis := Node{Kind: "radios", Pointer: at + "/basis", ID: nodeID(at + "/basis"), Label: l.s.T("form.basis")}
		for _, value := range []string{"consent", "authority"} {
			basis.Options = append(basis.Options, Option{Name: at + "/basis", Value: value, Label: l.s.T("basis." + value), Checked: l.values.Get(at+"/basis") == value})
		}
		basis.Faults = l.take(&basis)
		n.Nodes = append(n.Nodes, basis)
	}
	on := Node{Pointer: at + "/on", ID: nodeID(at + "/on"), Label: l.s.T("form.taken_on")}
	l.dated(schemas.Field{Format: "date"}, &on)
	on.Faults = l.take(&on)
	reference := Node{Kind: "text", Pointer: at + "/reference", ID: nodeID(at + "/reference"), Label: l.s.T("form.reference"), Limit: 200, Value: l.values.Get(at + "/reference"), Optional: true}
	n.Nodes = append(n.Nodes, on, reference)
	return n
}

// inBody says whether the form has a place for a safeguard in the body itself.
func (l *layout) inBody(kind string) bool {
	return slices.ContainsFunc(l.fields, func(f schemas.Field) bool {
		name := f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]
		return exchange.SafeguardIn(name) == kind && l.rules[f.Pointer] != partners.RuleForbid
	})
}

// refs are the persons that a form speaks of, by their references.
func (p *pen) refs() []string {
	var out []string
	add := func(ref string) {
		if ref != "" && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	for _, ref := range p.typed.values["/subjects"] {
		add(ref)
	}
	n, _ := strconv.Atoi(p.typed.values.Get("/subjects#n"))
	for i := range min(n, maxPerKind) {
		add(p.text(fmt.Sprintf("/subjects/%d/subject_ref", i)))
	}
	return out
}

// recordedOf is how many safeguards of a kind the form has a place for.
func (t *typed) recordedOf(kind string) int {
	n, _ := strconv.Atoi(t.values.Get(safeguardAt(kind) + "#n"))
	return max(1, min(n, maxPerKind))
}

// addSafeguard makes a place for one more of a kind, for the first person who has
// none of their own.
func (p *pen) addSafeguard(kind string) {
	n := p.recordedOf(kind)
	if !slices.Contains(p.safeguardKinds(), kind) || n == maxPerKind {
		return
	}
	var named []string
	for i := range n {
		named = append(named, p.text(fmt.Sprintf("%s/%d/for", safeguardAt(kind), i)))
	}
	if i := slices.IndexFunc(p.refs(), func(ref string) bool { return !slices.Contains(named, ref) }); i >= 0 {
		p.typed.values.Set(fmt.Sprintf("%s/%d/for", safeguardAt(kind), n), p.refs()[i])
	}
	p.typed.values.Set(safeguardAt(kind)+"#n", strconv.Itoa(n+1))
}

// recorded returns the safeguards that were typed.
func (p *pen) recorded() []exchange.Safeguard {
	var out []exchange.Safeguard
	for _, kind := range p.safeguardKinds() {
		for i := range p.recordedOf(kind) {
			if g := p.guard(kind, i); g.On+g.Basis+g.Reference != "" {
				out = append(out, g)
			}
		}
	}
	return out
}

// guard is one of the safeguards of a kind, as it was typed.
func (t *typed) guard(kind string, i int) exchange.Safeguard {
	at := element(safeguardAt(kind), i)
	return exchange.Safeguard{Kind: kind, Subject: t.text(at + "/for"), On: t.date(at + "/on"), Basis: t.text(at + "/basis"), Reference: t.text(at + "/reference")}
}

// guardPlace is the kind and the number of a safeguard whose place this is.
func guardPlace(pointer string) (kind string, i int, ok bool) {
	parts := strings.Split(pointer, "/")
	if len(parts) != 3 || parts[0]+"/" != safeguardAt("") {
		return "", 0, false
	}
	i, err := strconv.Atoi(parts[2])
	return parts[1], i, err == nil
}

// takenOut names, in a form, who was taken out of it: whoever is added then is somebody
// else, and has another reference.
const takenOut = ".taken_out"

// takeOut takes an element out of the form. With a person go the safeguards that are
// recorded of them.
func (p *pen) takeOut(place string) {
	ref := ""
	if personOf(place) == place {
		ref = p.text(place + "/subject_ref")
	}
	if p.typed.remove(place); ref != "" {
		p.typed.values.Add(takenOut, ref)
		p.unguard(ref)
	}
}

// unguard takes out the safeguards that are recorded of a person.
func (p *pen) unguard(ref string) {
	for _, kind := range exchange.SafeguardKinds() {
		for i := p.recordedOf(kind) - 1; i >= 0; i-- {
			if p.guard(kind, i).Subject == ref {
				p.typed.remove(element(safeguardAt(kind), i))
			}
		}
	}
}

// taken are the references that a new person may not have.
func (p *pen) taken() []string {
	out := slices.Concat(p.offer.Persons, p.typed.persons(), p.typed.values[takenOut])
	for _, g := range p.recorded() {
		out = append(out, g.Subject)
	}
	return out
}

// fillSafeguards types recorded safeguards into the form.
func (t *typed) fillSafeguards(recorded []exchange.Safeguard) {
	counts := map[string]int{}
	for _, s := range recorded {
		at := fmt.Sprintf("%s/%d", safeguardAt(s.Kind), counts[s.Kind])
		counts[s.Kind]++
		t.values.Set(safeguardAt(s.Kind)+"#n", strconv.Itoa(counts[s.Kind]))
		t.values.Set(at+"/for", s.Subject)
		t.fillDate(at+"/on", s.On)
		t.values.Set(at+"/basis", s.Basis)
		t.values.Set(at+"/reference", s.Reference)
	}
}
