package identity

import "time"

// Bounds on what is read of one person; the schemas have the same or tighter
// ones.
const (
	maxNames     = 11
	maxDocuments = 10
	maxText      = 256 // code points of a name or a place
)

// A Person is a description as a message or a register gives it. Every field
// may be empty.
type Person struct {
	Names       []Name // the name, then the other names
	Sex         string // female, male, unspecified or unknown
	Birth       string // EDTF
	AgeBand     string // 0_11 … 60_plus
	AgeOn       string // the day the age band was stated for, RFC 3339 date
	Birthplace  Place
	Citizenship string // ISO 3166-1 alpha-2
	Residence   Place
	CCCD        string // 9 or 12 digits
	Documents   []Document
	Father      Parent
	Mother      Parent
}

// A Name is one name in up to three writings.
type Name struct {
	Native   string
	Script   string // ISO 15924
	Language string // BCP 47
	Latin    string
	MRZ      string
}

func (n Name) empty() bool { return n.Native == "" && n.Latin == "" && n.MRZ == "" }

// A Place is a unit of a code list and the words it was given in.
type Place struct{ Country, Code, List, Text string }

func (p Place) empty() bool { return p.Code == "" && p.Text == "" }

// A Document is what is known of an identity or travel document.
type Document struct{ Type, Number, Issuer, MRZ, MRZAsRead string }

// A Parent is what is known of a father or a mother.
type Parent struct {
	Name  Name
	Birth string // EDTF
}

// PersonOf reads an element of subjects as schemas.Parse gives it. It takes any
// message type's subject, reads what it knows and leaves out the rest; it never
// fails, because a schema has judged the body before.
func PersonOf(subject map[string]any) Person {
	p := Person{
		Sex: text(subject, "sex"), Birth: text(subject, "date_of_birth"), AgeBand: text(subject, "age_band"),
		AgeOn: text(subject, "identified_on"), Citizenship: first(text(subject, "claimed_citizenship"), text(subject, "citizenship")),
		Birthplace: placeOf(subject, "claimed_birthplace", "birthplace"), Residence: placeOf(subject, "last_residence"),
		CCCD: text(subject, "cccd"), Father: parentOf(subject, "father"), Mother: parentOf(subject, "mother"),
	}
	if n := nameOf(object(subject, "name")); !n.empty() {
		p.Names = append(p.Names, n)
	}
	for _, o := range list(subject, "other_names", maxNames-1) {
		if n := nameOf(o); !n.empty() {
			p.Names = append(p.Names, n)
		}
	}
	for _, o := range list(subject, "documents", maxDocuments) {
		p.Documents = append(p.Documents, Document{
			text(o, "type"), text(o, "number"), text(o, "issuing_state"), text(o, "mrz"), text(o, "mrz_as_read"),
		})
	}
	return p
}

func nameOf(o map[string]any) Name {
	return Name{text(o, "native"), text(o, "script"), text(o, "language"), text(o, "latin"), text(o, "mrz")}
}

func placeOf(subject map[string]any, names ...string) Place {
	for _, n := range names {
		if o := object(subject, n); o != nil {
			return Place{text(o, "country"), text(o, "code"), text(o, "code_list_version"), text(o, "text_as_given")}
		}
	}
	return Place{}
}

func parentOf(subject map[string]any, name string) Parent {
	o := object(subject, name)
	return Parent{nameOf(object(o, "name")), text(o, "date_of_birth")}
}

func text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

func object(o map[string]any, name string) map[string]any {
	v, _ := o[name].(map[string]any)
	return v
}

func list(o map[string]any, name string, most int) []map[string]any {
	v, _ := o[name].([]any)
	var out []map[string]any
	for _, e := range v[:min(len(v), most)] {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func first(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// ageOn reads the day of an age band.
func (p Person) ageOn() (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, p.AgeOn)
	return t, err == nil
}
