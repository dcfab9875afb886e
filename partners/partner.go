package partners

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Status says whether a partner is exchanged with now.
type Status string

const (
	Active    Status = "active"
	Suspended Status = "suspended" // refused at once, also on open connections
)

// A Text is a short text in English and Vietnamese.
type Text struct {
	EN string `json:"en" yaml:"en"`
	VI string `json:"vi,omitempty" yaml:"vi,omitempty"`
}

// UnmarshalJSON reads one text for all, too, where the schema permits it.
func (t *Text) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &t.EN); err == nil {
		return nil
	}
	type text Text
	return json.Unmarshal(b, (*text)(t))
}

// A Duration is written as Go writes it: 30s, 72h.
type Duration time.Duration

// UnmarshalJSON reads a duration; the schema has checked its form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("a duration is a text such as 30s: %w", err)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("a duration is a text such as 30s: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalYAML writes a duration as it is read.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// A Partner is one country's side of the exchange. Files are described by
// partner.v1.json; defaults are in defaults.go.
type Partner struct {
	Code        string       `json:"code" yaml:"code"`
	Name        Text         `json:"name" yaml:"name"`
	Status      Status       `json:"status" yaml:"status"`
	Agencies    []Agency     `json:"agencies,omitempty" yaml:"agencies,omitempty"`
	Endpoint    string       `json:"endpoint" yaml:"endpoint"`
	TLS         TLS          `json:"tls" yaml:"tls"`
	SigningKeys []SigningKey `json:"signing_keys" yaml:"signing_keys"`
	Log         *Log         `json:"log,omitempty" yaml:"log,omitempty"`
	RawLimits   RawLimits    `json:"limits,omitzero" yaml:"limits,omitempty"`
	RawRetry    RawRetry     `json:"retry,omitzero" yaml:"retry,omitempty"`
	Languages   []string     `json:"languages,omitempty" yaml:"languages,omitempty"`
	Scripts     []string     `json:"scripts,omitempty" yaml:"scripts,omitempty"`
	NameOrder   string       `json:"name_order,omitempty" yaml:"name_order,omitempty"`
	TimeZone    string       `json:"time_zone,omitempty" yaml:"time_zone,omitempty"`
	Weekend     []string     `json:"weekend,omitempty" yaml:"weekend,omitempty"`
	Calendar    string       `json:"calendar,omitempty" yaml:"calendar,omitempty"`
	Contact     *Contact     `json:"contact,omitempty" yaml:"contact,omitempty"`
	BorderGates []Text       `json:"border_gates,omitempty" yaml:"border_gates,omitempty"`
	Retention   []Retention  `json:"retention,omitempty" yaml:"retention,omitempty"`
	Approvals   []Approval   `json:"approvals,omitempty" yaml:"approvals,omitempty"`

	Limits Limits `json:"-" yaml:"-"` // RawLimits with defaults
	Retry  Retry  `json:"-" yaml:"-"` // RawRetry with defaults
	File   string `json:"-" yaml:"-"`

	from    origin
	anchors string         // the file of the trust anchors, "" when they are inline
	zone    *time.Location // nil: the file does not say
}

// An Agency is a body of the partner that sends or receives.
type Agency struct {
	Code string `json:"code" yaml:"code"`
	Name Text   `json:"name" yaml:"name"`
	Role string `json:"role,omitempty" yaml:"role,omitempty"`
}

// TLS says which certificates are the partner's.
type TLS struct {
	Anchors    string    `json:"anchors" yaml:"anchors"` // a PEM file beside the partner's, or inline PEM
	Pins       []string  `json:"pins" yaml:"pins"`       // several during a rotation
	CRL        string    `json:"crl,omitempty" yaml:"crl,omitempty"`
	RawGrace   *Duration `json:"crl_grace,omitempty" yaml:"crl_grace,omitempty"`
	Revoked    []string  `json:"revoked,omitempty" yaml:"revoked,omitempty"`
	MinVersion string    `json:"min_version,omitempty" yaml:"min_version,omitempty"`

	AnchorsPEM []byte        `json:"-" yaml:"-"`
	CRLGrace   time.Duration `json:"-" yaml:"-"`
}

// A SigningKey is a public key and when it is valid.
type SigningKey struct {
	JWK       JWK       `json:"jwk" yaml:"jwk"`
	NotBefore time.Time `json:"not_before,omitzero" yaml:"not_before,omitempty"`
	NotAfter  time.Time `json:"not_after,omitzero" yaml:"not_after,omitempty"`
}

// A JWK is a public key (RFC 7517); seal reads it strictly.
type JWK map[string]any

// JSON returns the key as JSON.
func (k JWK) JSON() []byte {
	out, err := json.Marshal(k)
	if err != nil { // it came from JSON
		panic(fmt.Sprintf("partners: %v", err))
	}
	return out
}

// A Log is the partner's own record, and the key it countersigns ours with.
type Log struct {
	Origin  string `json:"origin" yaml:"origin"`
	VKey    string `json:"vkey" yaml:"vkey"`
	Witness string `json:"witness,omitempty" yaml:"witness,omitempty"`
}

// A Contact answers at any hour.
type Contact struct {
	Name  string `json:"name,omitempty" yaml:"name,omitempty"`
	Phone string `json:"phone,omitempty" yaml:"phone,omitempty"`
	Email string `json:"email,omitempty" yaml:"email,omitempty"`
}

// A Retention says how long bodies of a type are kept.
type Retention struct {
	Type     string `json:"type" yaml:"type"`
	Days     int    `json:"days" yaml:"days"`
	Citation string `json:"citation" yaml:"citation"`
}

// An Approval is a reference that must exist before data goes to the partner.
type Approval struct {
	Reference string `json:"reference" yaml:"reference"`
	Citation  string `json:"citation" yaml:"citation"`
}
