package partners

import (
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

//go:embed partner.v1.json
var partnerSchema []byte

//go:embed agreement.v1.json
var agreementSchema []byte

//go:embed calendar.v1.json
var calendarSchema []byte

//go:embed self.v1.json
var selfSchema []byte

// documents are the compiled schemas of the kinds of files.
type documents struct{ partner, agreement, calendar, self *schemas.Document }

// compileDocuments compiles them, once in a process.
var compileDocuments = sync.OnceValues(func() (documents, error) {
	var d documents
	for _, s := range []struct {
		name   string
		schema []byte
		into   **schemas.Document
	}{{"partner", partnerSchema, &d.partner}, {"agreement", agreementSchema, &d.agreement}, {"calendar", calendarSchema, &d.calendar}, {"self", selfSchema, &d.self}} {
		doc, err := schemas.CompileDocument("https://repatriation.example/schemas/"+s.name+".v1.json", s.schema)
		if err != nil {
			return d, fmt.Errorf("compile the schema of a %s: %w", s.name, err)
		}
		*s.into = doc
	}
	return d, nil
})

// pointer writes a JSON Pointer of plain tokens.
func pointer(tokens ...any) string {
	var b strings.Builder
	for _, t := range tokens {
		fmt.Fprintf(&b, "/%v", t)
	}
	return b.String()
}

// readPartner reads one partner's file and what it refers to. types is nil
// where the message types are not known.
func (d documents) readPartner(path string, data []byte, types Catalogue, check Check) (*Partner, error) {
	p := &Partner{File: path, from: origin{path, data}}
	if err := d.partner.DecodeYAML(path, data, p); err != nil {
		return nil, err
	}
	p.complete()
	f := &faults{origin: p.from}
	f.endpoint(p)
	f.trust(p)
	if p.TimeZone != "" {
		p.zone = f.zone(p.TimeZone)
	}
	f.agencies(p.Code, p.Agencies)
	f.signingKeys(p.SigningKeys)
	f.retries(p.Retry)
	for i, r := range p.Retention {
		if types != nil && !types.Has(r.Type) {
			f.add(pointer("retention", i, "type"), "", "no schema knows the type %q", r.Type)
		}
	}
	for _, fault := range check(p) {
		f.add(fault.Pointer, fault.Hint, "%s", fault.Detail)
	}
	return p, f.err()
}

// endpoint checks where the partner is reached.
func (f *faults) endpoint(p *Partner) {
	u, err := url.Parse(p.Endpoint)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		f.add("/endpoint", "", "it must be https://host[:port][/path] and nothing more")
	case u.Hostname() == "gateway."+strings.ToLower(p.Code)+".example":
		f.add("/endpoint", "put in what the partner hands over", "this is the template's placeholder")
	}
	p.Endpoint = strings.TrimSuffix(p.Endpoint, "/")
}

// trust finds the files that say whose certificates are the partner's.
func (f *faults) trust(p *Partner) {
	beside := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(p.File), name)
	}
	p.TLS.AnchorsPEM = []byte(p.TLS.Anchors)
	if !strings.HasPrefix(p.TLS.Anchors, "-----BEGIN") {
		p.anchors = beside(p.TLS.Anchors)
		var err error
		if p.TLS.AnchorsPEM, err = os.ReadFile(p.anchors); err != nil {
			f.add("/tls/anchors", "put the certificates of the partner's authority there", "%v", err)
		}
	}
	if p.TLS.CRL != "" {
		p.TLS.CRL = beside(p.TLS.CRL)
	}
	for i, pin := range p.TLS.Pins {
		if pin == specimenPin {
			f.add(pointer("tls", "pins", i), "put in the pin that the partner hands over", "this is the template's placeholder")
		}
	}
}

// What the templates have where a partner's own belongs. The private part of
// the key is published with it, in appendix A.2 of RFC 7517.
const (
	specimenPin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	specimenX   = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
)

// retries checks that the delays can be kept.
func (f *faults) retries(r Retry) {
	if r.Initial < minRetry {
		f.add("/retry/initial", "", "%s is less than %s", r.Initial, minRetry)
	}
	if r.Max < r.Initial {
		f.add("/retry/max", "", "the longest delay, %s, is less than the first, %s", r.Max, r.Initial)
	}
	if r.DeadLetterAfter < r.Initial {
		f.add("/retry/dead_letter_after", "", "%s is over before the first delay of %s", r.DeadLetterAfter, r.Initial)
	}
}

// minRetry keeps a lane from trying without a pause.
const minRetry = time.Millisecond

func (f *faults) signingKeys(keys []SigningKey) {
	seen := map[string]bool{}
	for i, k := range keys {
		kid, _ := k.JWK["kid"].(string)
		if seen[kid] {
			f.add(pointer("signing_keys", i), "", "the kid %s stands twice", kid)
		}
		seen[kid] = true
		if k.JWK["x"] == specimenX {
			f.add(pointer("signing_keys", i, "jwk"), "put in the key that the partner hands over", "this is the template's placeholder, and its private part is published")
		}
		if !k.NotAfter.IsZero() && !k.NotAfter.After(k.NotBefore) {
			f.add(pointer("signing_keys", i), "", "not_after must be later than not_before")
		}
	}
}

// A row is how a file writes permits: several types, or both directions, with
// the same terms.
type row struct {
	Types []string `json:"types"`
	Permit
}

// readAgreement reads one agreement's file, takes its rows apart, and refuses
// what contradicts itself. types is nil where the message types are not known.
func (d documents) readAgreement(path string, data []byte, types Catalogue) (*Agreement, error) {
	file := struct {
		Agreement
		Permits []row `json:"permits"`
	}{}
	if err := d.agreement.DecodeYAML(path, data, &file); err != nil {
		return nil, err
	}
	a := &file.Agreement
	a.File, a.from = path, origin{path, data}
	f := &faults{origin: a.from}
	for i, r := range file.Permits {
		if (r.Type == "") == (len(r.Types) == 0) {
			f.add(pointer("permits", i), "", "a row has either type or types")
		}
		if r.Approval != nil && r.Approval.Direction != "" && r.Approval.Direction != r.Direction && r.Direction != both {
			f.add(pointer("permits", i, "approval", "direction"), "", "the row is for direction %s only", r.Direction)
		}
		a.Permits = append(a.Permits, r.permits(pointer("permits", i), a.Partner)...)
	}
	a.contradictions(f)
	if types != nil {
		a.unknown(types, f)
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	for i := range a.Permits {
		if err := a.Permits[i].compile(); err != nil { // contradictions has looked at every pointer
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return a, nil
}

// permits takes a row apart: one permit for each type and direction. A row for
// both directions names agencies of both sides; each direction keeps those of
// the side that receives.
func (r row) permits(at, partner string) []Permit {
	types := r.Types
	if r.Type != "" {
		types = []string{r.Type}
	}
	directions := []Direction{r.Direction}
	if r.Direction == both {
		directions = []Direction{Receive, Send}
	}
	var out []Permit
	for i, messageType := range types {
		for _, direction := range directions {
			p := r.Permit
			p.Type, p.Direction = messageType, direction
			p.row = place{at, at + "/type", r.Direction, r.Recipients}
			if r.Type == "" {
				p.row.typeAt = at + pointer("types", i)
			}
			if r.Direction == both {
				p.Recipients = slices.DeleteFunc(slices.Clone(p.Recipients), func(code string) bool {
					return isOf(code, partner) != (direction == Send)
				})
			}
			if p.Approval != nil {
				if d := p.Approval.Direction; d != "" && d != direction {
					p.Approval = nil
				} else {
					p.Approval = &ApprovalTerm{Citation: p.Approval.Citation, Reference: p.Approval.Reference}
				}
			}
			out = append(out, p)
		}
	}
	return out
}

// isOf says whether an agency's code is one of a country.
func isOf(agency, country string) bool { return strings.HasPrefix(agency, country+"-") }
