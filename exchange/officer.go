package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A Role is what an officer or a system may do here.
type Role string

const (
	RoleOfficer       Role = "officer"       // drafts, releases, answers
	RoleSupervisor    Role = "supervisor"    // the same, and is told of what is out of the ordinary
	RoleCompliance    Role = "compliance"    // exports and registers
	RoleAuditor       Role = "auditor"       // sees the record, no personal data
	RoleAdministrator Role = "administrator" // officers and their roles, no cases
	RoleSystem        Role = "system"        // a national case system: drafts, never releases
)

// Roles returns every role.
func Roles() []Role {
	return []Role{RoleOfficer, RoleSupervisor, RoleCompliance, RoleAuditor, RoleAdministrator, RoleSystem}
}

// EveryPartner in an officer's Partners stands for all of them.
const EveryPartner = "*"

// An Officer is a person or a system that may act here. Whoever cannot be told
// apart cannot be answerable, so each has an identity of its own.
type Officer struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Roles    []Role         `json:"roles"`
	Partners []string       `json:"partners"`         // codes, or EveryPartner
	Police   bool           `json:"police,omitempty"` // may see and send police information
	Pins     []string       `json:"pins,omitempty"`   // sha256/… of client certificates
	OIDC     []OIDCIdentity `json:"oidc,omitempty"`
	Keys     []partners.JWK `json:"keys,omitempty"`     // they sign approvals
	Passkeys []Passkey      `json:"passkeys,omitempty"` // so do these, and they sign in
	// Login is a password and an authenticator, sealed; see login.
	Login      []byte        `json:"login,omitempty"`
	Invitation *Invitation   `json:"invitation,omitempty"`
	Status     OfficerStatus `json:"status"`
}

// An OIDCIdentity names a person at an identity provider.
type OIDCIdentity struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

// An OfficerStatus says whether an officer may act now.
type OfficerStatus string

const (
	OfficerActive    OfficerStatus = "active"
	OfficerSuspended OfficerStatus = "suspended"
)

// Has says whether an officer has one of the roles.
func (o *Officer) Has(roles ...Role) bool {
	return slices.ContainsFunc(o.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// Sees says whether an officer is assigned to a partner, and may see this kind
// of conversation.
func (o *Officer) Sees(partner string, kind Conversation) bool {
	return o.assigned(partner) && (kind != Information || o.Police)
}

// seesKind says whether an officer may see cases of a kind. One that so far has drafts
// only has none, and may become police information.
func (o *Officer) seesKind(kind Conversation) bool {
	return o.Police || kind != "" && kind != Information
}

// Scope returns the partners an officer is assigned to; nil for all.
func (o *Officer) Scope() []string {
	if slices.Contains(o.Partners, EveryPartner) {
		return nil
	}
	return append([]string{}, o.Partners...)
}

// keySet returns the keys that an officer's statements verify with.
func (o *Officer) keySet() (*seal.KeySet, error) {
	keys := make([]seal.Key, 0, len(o.Keys))
	for _, jwk := range o.Keys {
		key, err := seal.ParseJWK(jwk.JSON())
		if err != nil {
			return nil, fmt.Errorf("officer %s: %w", o.ID, err)
		}
		keys = append(keys, key)
	}
	return seal.NewKeySet(keys...)
}

// Check says what is wrong with an officer's entry; nil when nothing is.
func (o *Officer) Check() error {
	switch {
	case !ValidOfficerID(o.ID), o.ID == ReservedOfficerID:
		return errors.New("an officer's identifier has 2 to 64 small letters, digits, dots or hyphens, and is not " + ReservedOfficerID)
	case !ValidOfficerName(o.Name):
		return errors.New("an officer has a name of at most 200 bytes, without characters that cannot be seen")
	case len(o.Roles) == 0 || slices.ContainsFunc(o.Roles, func(r Role) bool { return !slices.Contains(Roles(), r) }):
		return fmt.Errorf("an officer has roles, each one of %v", Roles())
	case o.Has(RoleSystem) && len(o.Roles) > 1:
		return errors.New("a system is no person and has no other role")
	case o.Status != OfficerActive && o.Status != OfficerSuspended:
		return errors.New("an officer's status is active or suspended")
	}
	if len(o.Keys) > 0 {
		if _, err := o.keySet(); err != nil {
			return err
		}
	}
	if len(o.Passkeys) > maxPasskeys {
		return fmt.Errorf("an officer has at most %d passkeys", maxPasskeys)
	}
	for i := range o.Passkeys {
		if err := o.Passkeys[i].check(); err != nil {
			return err
		}
		if first, _ := o.passkey(o.Passkeys[i].ID); first != &o.Passkeys[i] {
			return errors.New("an officer has the same passkey twice")
		}
	}
	return nil
}

// ReservedOfficerID stands in addresses where others name an officer.
const ReservedOfficerID = "new"

// ValidOfficerName says whether s may be what an officer is called: others know them by
// it, and it stands beside their identifier, which it must not turn around or hide.
func ValidOfficerName(s string) bool { return s != "" && len(s) <= 200 && visible(s) }

// visible says whether a text has nothing in it that cannot be seen.
func visible(s string) bool {
	runes := []rune(s)
	for i := range runes {
		if Unseen(runes, i) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// ValidOfficerID says whether s may name an officer. It stands in the record
// for ever.
func ValidOfficerID(s string) bool {
	if len(s) < 2 || len(s) > 64 {
		return false
	}
	for i, c := range []byte(s) {
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// An OfficerRow is an officer as the store keeps it: sealed, so that nobody
// becomes one by changing a table.
type OfficerRow struct {
	ID      string
	Content []byte
}

// An OfficerStore reads officers. They are written in the transaction of the entry that
// says so: see BatchStore.
type OfficerStore interface {
	// Officer returns one; ErrNotFound.
	Officer(ctx context.Context, id string) (OfficerRow, error)
	// Officers returns all in the order of their identifiers.
	Officers(ctx context.Context) ([]OfficerRow, error)
}

// RosterConfig wires a Roster. Everything is required.
type RosterConfig struct {
	Store    OfficerStore
	Sessions interface {
		SessionsOf(ctx context.Context, officer string) ([]SessionRow, error)
		EndSessions(ctx context.Context, officer string) (int, error)
	}
	Reader interface {
		// Newest returns the entries that a filter lets through with an index
		// below before, the last first, at most n.
		Newest(ctx context.Context, before int64, f Filter, n int) ([]Row, error)
	}
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
}

// A Roster knows the officers. Every change is an entry of the record, and in force with
// it.
type Roster struct{ cfg RosterConfig }

// NewRoster returns a roster; it refuses a missing part.
func NewRoster(cfg RosterConfig) (*Roster, error) {
	if cfg.Store == nil || cfg.Sessions == nil || cfg.Reader == nil || cfg.Recorder == nil || cfg.Opener == nil || cfg.Clock == nil {
		return nil, errors.New("roster: a required part is missing")
	}
	return &Roster{cfg}, nil
}

// Officer returns an active officer; ErrNotFound for anybody else.
func (r *Roster) Officer(ctx context.Context, id string) (*Officer, error) {
	row, err := r.cfg.Store.Officer(ctx, id)
	if err != nil {
		return nil, err
	}
	o, err := r.open(ctx, row)
	if err != nil {
		return nil, err
	}
	return r.acts(ctx, &o)
}

// A Suspended is the [ErrNotFound] of an officer who is known, and may not act.
type Suspended struct{ Officer string }

func (s *Suspended) Error() string { return "officer " + s.Officer + " is suspended" }
func (s *Suspended) Unwrap() error { return ErrNotFound }

// SuspendedIn returns who is suspended, where an error says so; "" where none does.
func SuspendedIn(err error) string {
	var suspended *Suspended
	if errors.As(err, &suspended) {
		return suspended.Officer
	}
	return ""
}

// acts returns an officer who may act: active, and as the record says last. A
// row of the table that was put back to an earlier state does not count.
func (r *Roster) acts(ctx context.Context, o *Officer) (*Officer, error) {
	if o.Status != OfficerActive {
		return nil, &Suspended{o.ID}
	}
	rows, err := r.cfg.Reader.Newest(ctx, math.MaxInt64, Filter{Kind: KindEvent, Type: officerChanged, ID: o.ID}, 1)
	if err != nil {
		return nil, fmt.Errorf("look for an officer in the record: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("the record knows no officer %s: %w", o.ID, ErrNotFound)
	}
	var last officerChange
	if err := r.cfg.Opener.read(ctx, rows[0], &last); err != nil {
		return nil, fmt.Errorf("look for an officer in the record: %w", err)
	}
	if was, is := compactStruct(last.Officer), compactStruct(o); was != is {
		return nil, fmt.Errorf("officer %s is another one in the record; change the officer anew: %w", o.ID, ErrNotFound)
	}
	return o, nil
}

// officerChanged is the type of the entry that says what an officer is from
// then on.
const officerChanged = "officer_changed"

type officerChange struct {
	By      string  `json:"by,omitempty"`
	Officer Officer `json:"officer"`
}

// All returns every officer, the suspended ones too.
func (r *Roster) All(ctx context.Context) ([]Officer, error) {
	rows, err := r.cfg.Store.Officers(ctx)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	return openOfficers(key, rows)
}

// ByPin returns the active officer whose client certificate has a pin.
func (r *Roster) ByPin(ctx context.Context, pin string) (*Officer, error) {
	return r.find(ctx, func(o *Officer) bool { return slices.Contains(o.Pins, pin) })
}

// ByOIDC returns the active officer whom an identity provider calls so.
func (r *Roster) ByOIDC(ctx context.Context, who OIDCIdentity) (*Officer, error) {
	return r.find(ctx, func(o *Officer) bool { return slices.Contains(o.OIDC, who) })
}

func (r *Roster) find(ctx context.Context, is func(*Officer) bool) (*Officer, error) {
	all, err := r.All(ctx)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("nobody has this identity: %w", ErrNotFound)
	for i := range all {
		switch {
		case !is(&all[i]):
		case all[i].Status == OfficerActive:
			return r.acts(ctx, &all[i])
		default:
			err = &Suspended{all[i].ID}
		}
	}
	return nil, err
}

// houseCase is where the entries stand that belong to no case: officers,
// exports, the gateway itself.
var houseCase = CaseKey{}

// Put says what an officer is from now on, whatever they were: see Change.
func (r *Roster) Put(ctx context.Context, by string, o Officer) error {
	_, err := r.Change(ctx, by, o.ID, func(now *Officer, _ bool) error { *now = o; return nil })
	return err
}

// maxChanges bounds how often a change is made anew because another one was there first.
const maxChanges = 20

// Change makes a change to an officer's entry as it stands, and says what came of it;
// known says whether there is one. by is who makes it; "" stands for whoever has the
// gateway's own command line. Of two at the same moment the second is made anew, upon
// what the first has left: neither undoes the other's.
func (r *Roster) Change(ctx context.Context, by, id string, change func(o *Officer, known bool) error) (Officer, error) {
	var err error
	for range maxChanges {
		o, was, unread := r.entry(ctx, id)
		if unread != nil {
			return o, unread
		}
		if err := change(&o, was != ""); err != nil {
			return o, err
		}
		if err = r.put(ctx, by, o, was); !outrun(err) {
			return o, err
		}
	}
	return Officer{}, err
}

// entry returns the entry of an officer, active or not, and its version; an empty one
// and "" for somebody new.
func (r *Roster) entry(ctx context.Context, id string) (Officer, string, error) {
	row, err := r.cfg.Store.Officer(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Officer{ID: id}, "", nil
	}
	if err != nil {
		return Officer{}, "", err
	}
	o, err := r.open(ctx, row)
	return o, o.Version(), err
}

// put records and makes a change to an officer, which was made from version was of their
// entry: "" for somebody new. Where somebody else's change takes a way to sign in away,
// the sessions end that it may have begun.
func (r *Roster) put(ctx context.Context, by string, o Officer, was string) error {
	if err := o.Check(); err != nil {
		return err
	}
	all, err := r.All(ctx)
	if err != nil {
		return err
	}
	if refused := takes(all, &o, was); refused != nil {
		return refused
	}
	i := slices.IndexFunc(all, func(known Officer) bool { return known.ID == o.ID })
	ends := i >= 0 && by != o.ID && loses(&all[i], &o)
	if ends { // before, so that what is broken off is done again, and after
		if err := r.Expel(ctx, by, o.ID); err != nil {
			return err
		}
	}
	err = recordEvent(ctx, r.cfg.Recorder, Entry{Type: officerChanged, ID: o.ID, officer: &officerWrite{o, was}}, officerChange{by, o})
	if err != nil || !ends {
		return err
	}
	return r.Expel(ctx, by, o.ID)
}

// An officerWrite puts an officer's entry in the place of the one that it was made from.
type officerWrite struct {
	officer Officer
	was     string // its version; "" where there was none
}

// takes says why an entry that was made from version was may not stand among these
// officers; nil when it may. Two who decide at the same moment do not undo each other's
// decision unseen.
func takes(all []Officer, o *Officer, was string) *Problem {
	refuse := func(rule, detail string) *Problem { return problem(ProblemRequest, "%s", detail).rule(rule) }
	stands, twin := "", ""
	for i := range all {
		if all[i].ID == o.ID {
			stands = all[i].Version()
		} else if same := shared(&all[i], o); same != "" {
			twin = fmt.Sprintf("The officer %s has the same %s.", all[i].ID, same)
		}
	}
	switch {
	case stands != was && was == "":
		return refuse("officer-exists", "There is an officer of this identifier already.")
	case stands != was:
		return refuse("officer-version", "The entry was changed meanwhile; read it again.")
	case twin != "":
		return refuse("officer-shared", twin)
	}
	return nil
}

// outrun says whether a change was refused because another one was there first.
func outrun(err error) bool {
	rule := AsProblem(err).Rule
	return err != nil && (rule == "officer-version" || rule == "officer-exists")
}

// enrol puts an officer's entry among those that the store shows, as they stand now.
func (b *building) enrol(key seal.DataKey, w *officerWrite) error {
	all, err := openOfficers(key, b.view.Officers)
	if err != nil {
		return err
	}
	if refused := takes(all, &w.officer, w.was); refused != nil {
		return refused
	}
	data, err := json.Marshal(w.officer)
	if err != nil {
		return fmt.Errorf("write an officer: %w", err)
	}
	row := OfficerRow{ID: w.officer.ID}
	if row.Content, err = key.Seal(data, officerAAD(row.ID)); err != nil {
		return fmt.Errorf("seal an officer: %w", err)
	}
	others := slices.DeleteFunc(slices.Clone(b.view.Officers), func(o OfficerRow) bool { return o.ID == row.ID })
	b.view.Officers, b.officers = append(others, row), append(b.officers, row)
	return nil
}

// loses says whether an officer cannot sign in any more in a way that they could:
// whoever has what was taken away may be signed in with it. Whoever comes back signs in
// anew, so that a session which a broken-off suspension has left does not go on.
func loses(was, is *Officer) bool {
	return len(is.Passkeys) < len(was.Passkeys) || is.Login == nil && was.Login != nil || is.Status != OfficerActive || is.Status != was.Status ||
		slices.ContainsFunc(was.Pins, func(pin string) bool { return !slices.Contains(is.Pins, pin) }) ||
		slices.ContainsFunc(was.OIDC, func(who OIDCIdentity) bool { return !slices.Contains(is.OIDC, who) })
}

// Expel ends all sessions of an officer in somebody else's name, "" for the command line.
func (r *Roster) Expel(ctx context.Context, by, officer string) error {
	rows, err := r.cfg.Sessions.SessionsOf(ctx, officer)
	if err != nil || len(rows) == 0 {
		return err
	}
	if err := recordEvent(ctx, r.cfg.Recorder, Entry{Type: officerSignedOut, ID: NewID()}, struct {
		By         string `json:"by"`
		Officer    string `json:"officer"`
		Everywhere bool   `json:"everywhere"`
	}{by, officer, true}); err != nil {
		return err
	}
	_, err = r.cfg.Sessions.EndSessions(ctx, officer)
	return err
}

func (r *Roster) open(ctx context.Context, row OfficerRow) (Officer, error) {
	key, err := r.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return Officer{}, err
	}
	return openOfficer(key, row)
}

func openOfficers(key seal.DataKey, rows []OfficerRow) ([]Officer, error) {
	out := make([]Officer, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = openOfficer(key, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func openOfficer(key seal.DataKey, row OfficerRow) (Officer, error) {
	var o Officer
	data, err := key.Open(row.Content, officerAAD(row.ID))
	if err != nil {
		return o, fmt.Errorf("the entry of officer %s was not written by this gateway: %w", row.ID, err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("read an officer: %w", err)
	}
	return o, nil
}

func officerAAD(id string) []byte { return []byte("officer/" + id) }

// shared names an identity that two different officers have in common: what
// one of them does could be laid at the other's door.
func shared(a, b *Officer) string {
	if a.ID == b.ID {
		return ""
	}
	for _, pin := range a.Pins {
		if slices.Contains(b.Pins, pin) {
			return "client certificate"
		}
	}
	for _, who := range a.OIDC {
		if slices.Contains(b.OIDC, who) {
			return "identity at the provider"
		}
	}
	for i := range a.Passkeys {
		if _, both := b.passkey(a.Passkeys[i].ID); both {
			return "passkey"
		}
	}
	for _, key := range a.Keys {
		if slices.ContainsFunc(b.Keys, func(k partners.JWK) bool { return k["x"] == key["x"] && k["n"] == key["n"] }) {
			return "signing key"
		}
	}
	return ""
}
