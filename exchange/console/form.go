package console

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Node is a part of a form: a control, or what holds others.
type Node struct {
	Kind     string // which template shows it
	Pointer  string // its name in the form
	ID       string // in the page
	Label    string
	Hint     string
	Optional bool
	Withheld bool // the agreement keeps it here
	Faults   []string
	Value    string
	Parts    map[string]string // of a date, by what stands behind the #
	Options  []Option
	Columns  []Option // of a table of choices
	Limit    int
	List     string      // the code list that proposes values
	Nodes    []Node      // what it holds
	More     []Node      // what it may hold besides, out of the way
	Open     bool        // the latter is shown
	Remove   bool        // it is an element that can go
	Blank    string      // what a list says where nothing is chosen, if that means something
	Chosen   bool        // it is hidden, and was asked for before the form came back
	Add      bool        // it is a list that may have one more
	One      string      // what an element of a list is called
	Depends  bool        // whether it is asked for depends on other answers
	Focus    bool        // the page begins there: a button of the form has changed it
	Beside   *besideLine // who it is of whom an element speaks
}

// An Option is one of several values to choose from.
type Option struct {
	Name, Value, Label, Hint string
	Checked                  bool
	Lang                     string // of the label, where it is not the page's
}

// What decides how a code list is shown.
const (
	shortList = 5  // as buttons, one click
	longList  = 40 // as a field that proposes
)

// A layout lays the schema of a message type out as a form.
type layout struct {
	*typed
	s        *speech
	rules    map[string]string   // of the agreement, by pattern
	faults   map[string][]string // by pointer; those that a node has shown are taken out
	persons  []string            // of whom a message of an open case may speak; nil where it introduces them
	messages []Option            // what a message identifier may name
	proposes map[string]bool     // the code lists that the page has to hold
	shown    []Anchor            // faults with where they are
	lacking  []exchange.Missing  // safeguards that are shown in the open, to be recorded
	beside   *besideView         // who the persons of an answer are
	asked    []string            // the questions that an answer answers, by their codes
	under    []string            // the elements of lists that are being laid out, as the summary calls them

	// Of a correction:
	fixed  bool     // its persons, and what it rests on, stay as they are
	kept   []string // places that are hidden
	anew   []string // hidden ones that are written anew
	chosen []string // hidden ones that were asked for before the form came back
	young  []string // places of persons who are or may be minors
	barred []string // patterns of what the agreement withholds of those
}

// An Anchor is a line of the error summary, and where it leads: nowhere, if it is of no
// control of the page.
type Anchor struct{ ID, Text string }

// form returns what the top of a form holds.
func (l *layout) form() Node {
	top := Node{Kind: "top"}
	l.fill("", "", &top)
	return top
}

// fill puts the fields of an object into a node: those that are asked for in the
// open, the others behind.
func (l *layout) fill(pattern, pointer string, into *Node) {
	fields := l.below(pattern)
	required := slices.ContainsFunc(fields, func(f schemas.Field) bool { return f.Required })
	for _, f := range fields {
		rule := l.rules[f.Pointer]
		at := pointer + "/" + f.Pointer[len(pattern)+1:]
		if rule == partners.RuleForbid || unitPart(l.fields, f) || slices.Contains(l.barred, f.Pointer) && within(l.young, at) {
			continue
		}
		node := l.node(f, at)
		asked := (f.Required || f.Sometimes || rule == partners.RuleRequire || slices.Contains(l.asked, askedFor[f.Pointer])) && !told(f)
		node.Withheld = rule == partners.RuleRedact
		node.Depends = f.Sometimes && !f.Required && rule != partners.RuleRequire
		node.Optional = !f.Required && !f.Sometimes && rule != partners.RuleRequire && node.Kind != "list"
		if asked || !required {
			into.Nodes = append(into.Nodes, node)
			continue
		}
		into.More = append(into.More, node)
		into.Open = into.Open || node.holds() || l.touched(node.Pointer) || node.Kind == "kept" || node.Kind == "anew" || l.lacks(f)
	}
	if isPlace(l.fields, pattern) && l.hasUnits(pointer) {
		into.Nodes = append(into.Nodes, l.unit(pointer))
	}
}

// lacks says whether a field states a safeguard that is missing.
func (l *layout) lacks(f schemas.Field) bool {
	kind := exchange.SafeguardIn(f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:])
	return kind != "" && slices.ContainsFunc(l.lacking, func(m exchange.Missing) bool { return m.Kind == kind })
}

// holds says whether a node or what is in it has a fault.
func (n *Node) holds() bool {
	return len(n.Faults) > 0 || slices.ContainsFunc(n.Nodes, func(n Node) bool { return n.holds() }) || slices.ContainsFunc(n.More, func(n Node) bool { return n.holds() })
}

// askedFor are the fields that say more to the answer to a question: once it was asked,
// they stand in the open.
var askedFor = map[string]string{
	"/stage": "stage_of_proceedings", "/broker": "broker_known", "/marriage_broker": "marriage_broker_known", "/contact_unit": "contact_unit",
}

// told says whether a field follows from others: the script of a name from its
// letters. It is asked for behind, where they do not say it.
func told(f schemas.Field) bool {
	return strings.HasSuffix(f.Pointer, "/name/script") || strings.HasSuffix(f.Pointer, "/other_names/*/script")
}

// begin lets the page begin at what a button has changed, and opens what it is in.
func (n *Node) begin(kind, pointer string) bool {
	if n.Pointer == pointer && n.Kind == kind {
		n.Focus = true
		return true
	}
	for i := range n.Nodes {
		if n.Nodes[i].begin(kind, pointer) {
			return true
		}
	}
	for i := range n.More {
		if n.More[i].begin(kind, pointer) {
			n.Open = true
			return true
		}
	}
	return false
}

// has says whether a node of a kind is in a node.
func (n *Node) has(kind string) bool {
	in := func(n Node) bool { return n.has(kind) }
	return n.Kind == kind || slices.ContainsFunc(n.Nodes, in) || slices.ContainsFunc(n.More, in)
}

// described are the attributes by which a control is told its hint and faults. They
// are made of the names of fields and of numbers.
func (n Node) described() template.HTMLAttr {
	var by []string
	if n.Hint != "" {
		by = append(by, n.ID+"-hint")
	}
	if len(n.Faults) > 0 {
		by = append(by, n.ID+"-fault")
	}
	if by == nil {
		return ""
	}
	out := `aria-describedby="` + strings.Join(by, " ") + `"`
	if len(n.Faults) > 0 && n.Kind != "radios" && n.Kind != "checks" && n.Parts == nil { // a group has no such state
		out += ` aria-invalid="true"`
	}
	return template.HTMLAttr(out) // #nosec G203 -- of the names of fields and numbers alone
}

// touched says whether anything was typed at a place or below it.
func (l *layout) touched(pointer string) bool {
	for name, values := range l.values {
		rest, ok := strings.CutPrefix(name, pointer)
		if ok && (rest == "" || rest[0] == '/' || rest[0] == '#') && slices.ContainsFunc(values, func(v string) bool { return v != "" && v != "0" }) {
			return true
		}
	}
	return false
}

// node returns the control for a field, or what stands for one that is hidden.
func (l *layout) node(f schemas.Field, pointer string) Node {
	switch {
	case slices.Contains(l.kept, pointer):
		n := Node{Kind: "kept", Pointer: pointer, ID: nodeID(pointer), Label: l.s.Of(f.Title), Chosen: slices.Contains(l.chosen, pointer)}
		n.Faults = l.take(&n)
		return n
	case slices.Contains(l.anew, pointer):
		in := l.control(f, pointer)
		return Node{Kind: "anew", Pointer: pointer, ID: nodeID(pointer) + "-anew", Label: in.Label, Nodes: []Node{in}}
	}
	return l.control(f, pointer)
}

// control returns the control for a field, or what holds the controls in it.
func (l *layout) control(f schemas.Field, pointer string) Node {
	n := Node{
		Pointer: pointer, ID: nodeID(pointer), Label: l.s.Of(f.Title), Hint: l.s.Of(f.Description), Limit: f.Limit,
		Value: l.values.Get(pointer),
	}
	list, coded := schemas.List(f.CodeList)
	name := f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]
	switch {
	case f.Type == "object":
		l.group(f, &n)
	case f.Type == "array" && f.Elements == "object":
		l.list(f, &n)
	case f.Type == "array" && coded:
		n.Kind, n.Options = "checks", l.codes(list, pointer)
	case f.Type == "array":
		n.Kind = "checks"
		for _, ref := range l.persons {
			n.Options = append(n.Options, Option{Name: pointer, Value: ref, Label: ref, Checked: slices.Contains(l.values[pointer], ref)})
		}
	case l.fixed && restsOn(name):
		n.Kind = "fixed"
	case f.Fixed:
		n.Kind = "tick"
	case f.Type == "boolean":
		n.Kind, n.Options = "radios", []Option{
			{Name: pointer, Value: "true", Label: l.s.T("value.yes"), Checked: n.Value == "true"},
			{Name: pointer, Value: "false", Label: l.s.T("value.no"), Checked: n.Value == "false"},
		}
	case name == "subject_ref" && l.persons != nil:
		n.Kind = "fixed"
	case f.Format == "" && l.messages != nil && (name == "target" || name == "nationality_confirmation" || name == "message"):
		n.Kind, n.Options = "select", l.messageOptions(n.Value)
	case name == "message_sha256", name == "media_type":
		n.Kind = "fixed" // which type a picture is says its file
	case f.Format == "date" || f.Format == "edtf" || f.Format == "date-time" || f.Format == "edtf-interval":
		l.dated(f, &n)
	case f.Format == "base64":
		l.file(f, &n)
	case coded && list.Len() <= shortList && !list.Open:
		n.Kind, n.Options = "radios", l.codes(list, pointer)
	case coded && list.Len() <= longList && !list.Open:
		n.Kind, n.Options = "select", l.codes(list, pointer)
	case coded:
		n.Kind, n.List, n.Hint = "text", list.Name, l.s.T("form.propose")
		l.proposes[list.Name] = true
		if list.Has(n.Value) {
			n.Value = proposal(l.s, list, n.Value)
		}
	case name == "latin":
		n.Kind, n.Hint = "text", l.s.T("form.latin")
	case name == "link":
		n.Kind, n.Hint = "link", n.Hint+" "+l.s.T("form.link")
	case name == "mrz" && f.Format == "mrz" || name == "mrz_as_read":
		n.Kind = "zone"
	default:
		n.Kind = "text"
	}
	n.Faults = l.take(&n)
	return n
}

// restsOn says whether a field names what a message rests on: a correction leaves
// that as it is.
func restsOn(name string) bool {
	return slices.Contains([]string{"target", "nationality_confirmation", "message", "link"}, name)
}

// file lays out an upload, called by what it is: what is kept is said and not shown.
func (l *layout) file(f schemas.Field, n *Node) {
	if whole, ok := l.field(n.Pointer[:strings.LastIndexByte(n.Pointer, '/')]); ok {
		n.Label = l.s.Of(whole.Title)
	}
	n.Kind, n.Hint = "file", l.s.T("form.file", fileLimit(f)/1000)
	if n.Value != "" {
		n.Value = l.s.T("form.file_kept", (len(n.Value)*3/4+1023)/1024)
	}
	if fault := l.values.Get(n.Pointer + badFile); fault != "" {
		l.faults[n.Pointer] = append(l.faults[n.Pointer], l.s.T("fault.file."+fault, fileLimit(f)/1000))
	}
}

// take returns the faults of a node, and notes where the summary finds them.
func (l *layout) take(n *Node) []string {
	faults := l.faults[n.Pointer]
	delete(l.faults, n.Pointer)
	for _, fault := range faults {
		l.shown = append(l.shown, Anchor{n.focus(), strings.Join(append(slices.Clone(l.under), n.Label), " › ") + ": " + fault})
	}
	return faults
}

// personAt is how the form calls a person: by reference, once there is one.
func (l *layout) personAt(pointer string) string {
	if ref := l.values.Get(pointer + "/subject_ref"); ref != "" {
		return l.s.T("message.person", ref)
	}
	n, _ := strconv.Atoi(pointer[strings.LastIndex(pointer, "/")+1:])
	return l.s.T("column.person") + " " + strconv.Itoa(n+1)
}

// focus is the identifier of what a fault's link leads to.
func (n *Node) focus() string {
	switch n.Kind {
	case "date", "partial", "instant":
		return n.ID + "-d"
	case "period":
		return n.ID + "-a-d"
	case "radios", "checks":
		return n.ID + "-0"
	case "fixed": // it is not shown: to what it is in
		if in := n.Pointer[:max(strings.LastIndexByte(n.Pointer, '/'), 0)]; in != "" {
			return nodeID(in)
		}
		return ""
	}
	return n.ID
}

func nodeID(pointer string) string {
	return "f" + strings.NewReplacer("/", "-", "#", "-").Replace(pointer)
}

// codes returns the codes of a list as options.
func (l *layout) codes(list schemas.CodeList, pointer string) []Option {
	var out []Option
	for c := range list.Codes() {
		label, lang := l.s.Label(list, c.Code)
		out = append(out, Option{Name: pointer, Value: c.Code, Label: label, Lang: lang, Checked: slices.Contains(l.values[pointer], c.Code)})
	}
	return out
}

func (l *layout) messageOptions(value string) []Option {
	out := slices.Clone(l.messages)
	for i := range out {
		out[i].Checked = out[i].Value == value
	}
	return out
}

// proposal writes a code as its list proposes it.
func proposal(s *speech, list schemas.CodeList, code string) string {
	if label, _ := s.Label(list, code); label != code {
		return label + " (" + code + ")"
	}
	return code
}

// group lays an object out: one of flags as boxes to tick, one of equal choices
// as a table, any other as the controls in it.
func (l *layout) group(f schemas.Field, n *Node) {
	fields := l.below(f.Pointer)
	all := func(is func(schemas.Field) bool) bool {
		return len(fields) > 1 && !slices.ContainsFunc(fields, func(f schemas.Field) bool { return !is(f) })
	}
	switch {
	case all(func(f schemas.Field) bool { return f.Type == "boolean" && !f.Required }):
		n.Kind = "checks"
		for _, flag := range fields {
			name := n.Pointer + flag.Pointer[len(f.Pointer):]
			n.Options = append(n.Options, Option{Name: name, Value: "true", Label: l.s.Of(flag.Title), Hint: l.s.Of(flag.Description), Checked: l.values.Get(name) == "true"})
		}
	case all(func(g schemas.Field) bool {
		return g.CodeList != "" && g.CodeList == fields[0].CodeList && g.Type == "string"
	}):
		n.Kind = "choices"
		list, _ := schemas.List(fields[0].CodeList)
		n.Columns = l.codes(list, "")
		for _, row := range fields {
			pointer := n.Pointer + row.Pointer[len(f.Pointer):]
			line := Node{Kind: "row", Pointer: pointer, ID: nodeID(pointer), Label: l.s.Of(row.Title), Options: l.codes(list, pointer)}
			line.Faults = l.take(&line)
			n.Nodes = append(n.Nodes, line)
		}
	default:
		n.Kind = "group"
		l.fill(f.Pointer, n.Pointer, n)
	}
}

// list lays out the elements of a list, each as a group.
func (l *layout) list(f schemas.Field, n *Node) {
	n.Kind, n.One = "list", n.Label
	if f.Pointer == "/subjects" {
		n.One = l.s.T("column.person")
	}
	count := l.count(f, n.Pointer)
	under := l.under
	n.Value = strconv.Itoa(count)
	n.Add = count < f.Limit && !(l.fixed && f.Pointer == "/subjects") && (f.Pointer != "/subjects" || l.persons == nil || count < len(l.persons))
	for i := range count {
		pointer := element(n.Pointer, i)
		part := Node{Kind: "element", Pointer: pointer, ID: nodeID(pointer), Label: n.One + " " + strconv.Itoa(i+1), Remove: (count > 1 || !f.Required) && !(l.fixed && f.Pointer == "/subjects")}
		question := l.question(n.Pointer, i)
		switch {
		case f.Pointer == "/subjects":
			part.Label, part.Beside = l.personAt(pointer), l.beside.of(l.text(pointer+"/subject_ref"))
		case question != "":
			part.Label = question
		}
		if count > 1 || question != "" { // otherwise there is nothing to tell it from
			l.under = append(l.under, part.Label)
		}
		l.fill(f.Pointer+"/*", pointer, &part)
		l.under = under
		if question != "" {
			part.settle()
		}
		part.Open = part.Open || !f.Required // who adds one has something to say of it
		part.Faults = l.take(&part)
		n.Nodes = append(n.Nodes, part)
	}
}

// question returns in words the question that an element of a list answers, if it was
// asked and no element before it answers it; "" where the officer chooses it.
func (l *layout) question(list string, i int) string {
	code := l.values.Get(element(list, i) + "/question")
	if !slices.Contains(l.asked, code) {
		return ""
	}
	for before := range i {
		if l.values.Get(element(list, before)+"/question") == code {
			return ""
		}
	}
	field, _ := l.field(list + "/0/question")
	codes, _ := schemas.List(field.CodeList)
	label, _ := l.s.Label(codes, code)
	return label
}

// settle takes from the officer what an element answers: its title says it.
func (n *Node) settle() {
	for i := range n.Nodes {
		if asked := &n.Nodes[i]; asked.Pointer == n.Pointer+"/question" && asked.Faults == nil {
			asked.Kind = "fixed"
		}
	}
}

// dated lays out what is typed as day, month and year.
func (l *layout) dated(f schemas.Field, n *Node) {
	n.Kind = map[string]string{"date": "date", "edtf": "partial", "date-time": "instant", "edtf-interval": "period"}[f.Format]
	n.Parts = map[string]string{}
	for _, from := range []string{"", "#a", "#b"} {
		for _, part := range []string{"#d", "#m", "#y", "#c", "#t"} {
			n.Parts[from+part] = l.values.Get(n.Pointer + from + part)
		}
	}
	n.Hint = l.s.T("form." + n.Kind)
}

// rulesOf returns what an agreement says of each field for everyone. What it
// keeps here and is no safeguard is asked for all the same, and marked.
func rulesOf(permit *partners.Permit) map[string]string {
	out := map[string]string{}
	for _, rule := range permit.Fields {
		out[rule.Pointer] = rule.Rule
	}
	for pointer, rule := range out {
		if isGuard(partners.FieldRule{Pointer: pointer, Rule: rule}) || rule == partners.RuleRedact && strings.HasSuffix(pointer, "/photo") {
			out[pointer] = partners.RuleForbid // recorded beside the message; a picture that is not sent is not taken
		}
	}
	return out
}

// isGuard says whether a rule withholds a safeguard.
func isGuard(rule partners.FieldRule) bool {
	return rule.Rule == partners.RuleRedact && exchange.SafeguardIn(rule.Pointer[strings.LastIndexByte(rule.Pointer, '/')+1:]) != ""
}

// only keeps of a posted form what belongs to a message, within bounds.
func only(posted url.Values) url.Values {
	out := url.Values{}
	for name, values := range posted {
		if name != "" && (name[0] == '/' || name[0] == '.') && name != ofField && name != leftField && len(name) < 300 && len(out) < maxTyped {
			out[name] = values[:min(len(values), 60)]
		}
		if n, err := strconv.Atoi(out.Get(name)); strings.HasSuffix(name, "#n") && (err != nil || n < 0 || n > maxElements) {
			out.Set(name, strconv.Itoa(maxElements)) // nobody adds so many: it is no form of ours
		}
	}
	return out
}

// maxElements is more than any list of a form has.
const maxElements = 200

// maxTyped is how many places of a form are kept: as many as fifty persons have
// who are described in every way.
const maxTyped = 10_000
