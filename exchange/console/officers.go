package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// An OfficerLine is an officer in the list.
type OfficerLine struct {
	ID, Name string
	Roles    []exchange.Role
	Partners []string
	Police   bool
	Active   bool
	Me       bool
	Ways     int       // to sign in
	Signs    int       // keys and passkeys
	Invited  time.Time // until when; zero: no invitation waits
}

type officersView struct {
	Officers []OfficerLine
	Active   int
}

func (c *Console) officersPage(v *visit) error {
	all, err := c.cfg.Roster.Entries(v.r.Context(), v.officer)
	if err != nil {
		return err
	}
	view := officersView{}
	for i := range all {
		o := &all[i]
		line := OfficerLine{
			ID: o.ID, Name: o.Name, Roles: o.Roles, Partners: o.Partners, Police: o.Police, Active: o.Status == exchange.OfficerActive, Me: o.ID == v.officer.ID,
			Ways: len(o.Passkeys) + len(o.Pins) + len(o.OIDC), Signs: len(o.Keys) + len(o.Passkeys),
		}
		if o.Login != nil {
			line.Ways++
		}
		if o.Invitation != nil && v.now.Before(o.Invitation.Ends) {
			line.Invited = o.Invitation.Ends
		}
		if line.Active {
			view.Active++
		}
		view.Officers = append(view.Officers, line)
	}
	return c.show(v, http.StatusOK, "officers", v.s.T("officers.title"), "officers", view)
}

// An officerView is the form of one officer's entry.
type officerView struct {
	New      bool
	Own      bool // nobody changes an entry of their own
	Blind    bool // its role is with partners, and it has none
	Officer  exchange.Officer
	Version  string
	Roles    []Choice
	Partners []Choice
	Every    bool
	Pins     string // one a line
	OIDC     string // issuer and subject, one a line
	Keys     []KeyLine
	Passkeys []PasskeyLine
	History  []ChangeLine
	Link     string // of an invitation that was just made
	Faults   fieldFaults
	Saved    bool
}

// once says that the page cannot be asked for again: the invitation is on it.
func (view officerView) once() bool { return view.Link != "" }

// A Choice is a box that can be ticked.
type Choice struct {
	Value, Label string
	Ticked       bool
}

// A ChangeLine is one change of an entry; By is nobody for the command line.
type ChangeLine struct {
	At   time.Time
	By   Who
	What []string
}

// A KeyLine is a signing key of an officer.
type KeyLine struct{ ID, Kind string }

func (c *Console) officerPage(v *visit) error {
	o, err := c.officerEntry(v)
	if err != nil {
		return err
	}
	view := officerView{Officer: o, New: o.ID == "", Saved: v.r.URL.Query().Get("saved") != ""}
	return c.showOfficer(v, view)
}

// officerEntry finds the entry that the path names; an empty one for a new
// officer.
func (c *Console) officerEntry(v *visit) (exchange.Officer, error) {
	all, err := c.cfg.Roster.Entries(v.r.Context(), v.officer)
	if err != nil {
		return exchange.Officer{}, err
	}
	id := chi.URLParam(v.r, "officer")
	if id == "" {
		return exchange.Officer{Status: exchange.OfficerActive, Roles: []exchange.Role{exchange.RoleOfficer}}, nil
	}
	i := slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == id })
	if i < 0 {
		return exchange.Officer{}, errNoPage
	}
	return all[i], nil
}

func (c *Console) showOfficer(v *visit, view officerView) error {
	o := &view.Officer
	view.Own = o.ID == v.officer.ID && !view.New
	if !view.New && view.Version == "" {
		view.Version = o.Version()
	}
	for _, role := range exchange.Roles() {
		view.Roles = append(view.Roles, Choice{string(role), v.s.Or("role."+string(role), string(role)), slices.Contains(o.Roles, role)})
	}
	view.Blind = !view.New && len(o.Partners) == 0 && slices.ContainsFunc(o.Roles, func(r exchange.Role) bool { return r != exchange.RoleAdministrator })
	view.Every = slices.Contains(o.Partners, exchange.EveryPartner)
	for _, p := range c.cfg.Directory.Snapshot().All() {
		view.Partners = append(view.Partners, Choice{p.Code, v.s.Named(p.Name), slices.Contains(o.Partners, p.Code)})
	}
	if len(view.Faults) == 0 {
		view.Pins = strings.Join(o.Pins, "\n")
		for _, who := range o.OIDC {
			view.OIDC += who.Issuer + " " + who.Subject + "\n"
		}
	}
	for _, key := range o.Keys {
		view.Keys = append(view.Keys, KeyLine{keyID(key), keyKind(key)})
	}
	view.Passkeys = c.passkeyLines(o)
	if !view.New {
		history, err := c.cfg.Roster.History(v.r.Context(), v.officer, o.ID)
		if err != nil {
			return err
		}
		for _, change := range history {
			view.History = append(view.History, ChangeLine{change.At, c.who(v, change.By), change.What})
		}
	}
	title := v.s.T("officers.one")
	if view.New {
		title = v.s.T("officers.add")
	}
	status, title := view.Faults.titled(v, title)
	return c.show(v, status, "officer", title, "officers", view)
}

func keyID(key partners.JWK) string {
	id, _ := key["kid"].(string)
	return id
}

func keyKind(key partners.JWK) string {
	kind, _ := key["alg"].(string)
	return kind
}

// changeOfficer takes the form of an entry. What is wrong with it comes back
// with everything that was typed.
func (c *Console) changeOfficer(v *visit) error {
	o, err := c.officerEntry(v)
	if err != nil {
		return err
	}
	view := officerView{New: o.ID == "", Version: v.r.PostFormValue("version"), Pins: v.r.PostFormValue("pins"), OIDC: v.r.PostFormValue("oidc")}
	view.Faults = c.readOfficer(v, &o, view.New)
	view.Officer = o
	if len(view.Faults) == 0 {
		err = c.cfg.Roster.Administer(v.r.Context(), v.officer, o, view.Version)
		if err == nil {
			return v.redirect("/officers/" + o.ID + "?saved=1")
		}
		if view.Faults = faultOfOfficer(err); view.Faults == nil {
			return err
		}
	}
	return c.showOfficer(v, view)
}

// readOfficer puts a form into an entry, and says what is wrong and where.
func (c *Console) readOfficer(v *visit, o *exchange.Officer, isNew bool) (faults fieldFaults) {
	form := v.r.PostForm // it was parsed for the version
	if isNew {
		o.ID = strings.TrimSpace(form.Get("id"))
	}
	o.Name, o.Police, o.Roles, o.Partners, o.Pins, o.OIDC = strings.TrimSpace(form.Get("name")), form.Get("police") != "", nil, nil, nil, nil
	for _, role := range form["role"] {
		o.Roles = append(o.Roles, exchange.Role(role))
	}
	if form.Get("every") != "" {
		o.Partners = []string{exchange.EveryPartner}
	} else {
		o.Partners = append(o.Partners, form["partner"]...)
	}
	o.Status = exchange.OfficerActive
	if form.Get("status") == string(exchange.OfficerSuspended) {
		o.Status = exchange.OfficerSuspended
	}
	o.Keys = slices.DeleteFunc(slices.Clone(o.Keys), func(k partners.JWK) bool { return slices.Contains(form["remove_key"], keyID(k)) })
	o.Passkeys = slices.DeleteFunc(slices.Clone(o.Passkeys), func(p exchange.Passkey) bool { return slices.Contains(form["remove_passkey"], p.ID) })
	if form.Get("remove_login") != "" {
		o.Login = nil
	}
	wrong := func(bad bool, field, fault string) {
		if bad && faults.Of(field) == "" {
			faults = append(faults, fieldFault{field, "officer.fault." + fault})
		}
	}
	wrong(!exchange.ValidOfficerID(o.ID) || isNew && o.ID == exchange.ReservedOfficerID, "id", "id") // that is where they are added
	wrong(!exchange.ValidOfficerName(o.Name), "name", "name")
	wrong(len(o.Roles) == 0, "role-officer", "roles")
	for _, code := range o.Partners {
		_, known := c.cfg.Directory.Snapshot().Partner(code)
		wrong(!known && code != exchange.EveryPartner, "every", "partners")
	}
	for _, pin := range strings.Fields(form.Get("pins")) {
		wrong(c.cfg.ValidPin != nil && !c.cfg.ValidPin(pin), "pins", "pins")
		o.Pins = append(o.Pins, pin)
	}
	for line := range strings.Lines(form.Get("oidc")) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case len(words) == 2 && strings.HasPrefix(words[0], "https://"):
			o.OIDC = append(o.OIDC, exchange.OIDCIdentity{Issuer: words[0], Subject: words[1]})
		default:
			wrong(true, "oidc", "oidc")
		}
	}
	return faults
}

// faultOfOfficer returns what to say of a refusal, nothing of one that is no mistake
// of the form.
func faultOfOfficer(err error) fieldFaults {
	rule := exchange.AsProblem(err).Rule
	switch rule {
	case "officer-own", "officer-secret", "officer-version", "officer-entry", "officer-shared", "officer-invite":
		return oneFault("", "officer.fault."+rule)
	case "officer-exists":
		return oneFault("id", "officer.fault."+rule)
	case "officer-roles":
		return oneFault("role-officer", "officer.fault."+rule)
	}
	return nil
}

// inviteOfficer makes a link and shows it, once.
func (c *Console) inviteOfficer(v *visit) error {
	if c.cfg.Accounts == nil || !c.hasPasskeys() && !c.cfg.Passwords {
		return errNoPage
	}
	o, err := c.officerEntry(v)
	if err != nil {
		return err
	}
	view := officerView{Officer: o}
	token, err := c.cfg.Roster.InviteAs(v.r.Context(), v.officer, o.ID, v.r.PostFormValue("version"))
	if err != nil {
		if view.Faults = faultOfOfficer(err); view.Faults == nil {
			return err
		}
		return c.showOfficer(v, view)
	}
	if view.Officer, err = c.officerEntry(v); err != nil {
		return err
	}
	origin := "https://" + v.r.Host
	if c.hasPasskeys() {
		origin = c.cfg.Accounts.Site().Origin
	}
	view.Link = origin + "/join/" + token
	return c.showOfficer(v, view)
}
