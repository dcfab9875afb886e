package partners

import "time"

// SelfFile is the file of the registry's folder that describes our own side. A
// partner's file does it for the partner; nobody sends us one about ourselves.
const SelfFile = "self.yaml"

// Self is what a gateway has to know of its own side: its agencies, which
// messages name as recipients, and the zone, weekend and calendar in which the
// deadlines run that are ours to keep.
type Self struct {
	Code     string   `json:"code" yaml:"code"`
	Name     Text     `json:"name" yaml:"name"`
	Agencies []Agency `json:"agencies,omitempty" yaml:"agencies,omitempty"`
	TimeZone string   `json:"time_zone" yaml:"time_zone"`
	Weekend  []string `json:"weekend" yaml:"weekend"`
	Calendar string   `json:"calendar,omitempty" yaml:"calendar,omitempty"`

	from origin
	zone *time.Location
}

// AsSelf returns what a partner's file says of it as its own gateway writes it
// in self.yaml.
func (p *Partner) AsSelf() *Self {
	return &Self{Code: p.Code, Name: p.Name, Agencies: p.Agencies, TimeZone: p.TimeZone, Weekend: p.Weekend, Calendar: p.Calendar}
}

func (d documents) readSelf(path string, data []byte) (*Self, error) {
	s := &Self{from: origin{path, data}}
	if err := d.self.DecodeYAML(path, data, s); err != nil {
		return nil, err
	}
	f := &faults{origin: s.from}
	s.zone = f.zone(s.TimeZone)
	f.agencies(s.Code, s.Agencies)
	return s, f.err()
}

// zone loads a time zone; a fault when nobody knows it.
func (f *faults) zone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		f.add("/time_zone", "write one such as Asia/Ho_Chi_Minh", "%q is not in the time zone database", name)
		return nil
	}
	return zone
}

// agencies checks that a side's agencies are its own, each of them once.
func (f *faults) agencies(code string, agencies []Agency) {
	seen := map[string]bool{}
	for i, a := range agencies {
		at := pointer("agencies", i, "code")
		if a.Code[:2] != code { // the schema has checked the form
			f.add(at, "", "an agency of %s has a code that begins with %s-", code, code)
		}
		if seen[a.Code] {
			f.add(at, "remove one", "the agency %s stands here twice", a.Code)
		}
		seen[a.Code] = true
	}
}
