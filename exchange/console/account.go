package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// freshFor is how long after signing in an officer may change how they sign in:
// whoever finds a screen unlocked must not add a key of their own.
const freshFor = 10 * time.Minute

func (v *visit) fresh() bool { return v.now.Sub(v.session.Started) < freshFor }

// An accountView is an officer's own page.
type accountView struct {
	Officer  *exchange.Officer
	Partners []Party
	Every    bool
	Sessions []SessionLine
	Passkeys []PasskeyLine
	Usable   bool // passkeys can be used here
	Fresh    bool
	Password bool
	Fault    string
}

// A SessionLine is one place where an officer is signed in.
type SessionLine struct {
	Method        string
	Started, Seen time.Time
	Ends          time.Time
	Here          bool
}

// A PasskeyLine is one passkey of an officer.
type PasskeyLine struct {
	ID, Name string
	Added    time.Time
	Here     bool // it works at this address
}

func (c *Console) accountPage(v *visit) error { return c.showAccount(v, "") }

func (c *Console) showAccount(v *visit, fault string) error {
	view := accountView{
		Officer: v.officer, Every: v.officer.Scope() == nil, Partners: c.parties(v.s, v.officer), Usable: c.hasPasskeys(), Fresh: v.fresh(),
		Password: v.officer.Login != nil, Passkeys: c.passkeyLines(v.officer), Fault: fault,
	}
	sessions, err := c.cfg.Sessions.Of(v.r.Context(), v.officer.ID, v.id)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		view.Sessions = append(view.Sessions, SessionLine{s.Method, s.Started, s.SeenAt, s.Ends, s.Here})
	}
	status, title := http.StatusOK, v.s.T("account.title")
	if fault != "" {
		status, title = http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "account", title, "account", view)
}

func (c *Console) passkeyLines(o *exchange.Officer) []PasskeyLine {
	var out []PasskeyLine
	for _, p := range o.Passkeys {
		out = append(out, PasskeyLine{p.ID, p.Name, p.Added, c.hasPasskeys() && p.Site == c.cfg.Accounts.Site()})
	}
	return out
}

// passkeyName is what an officer calls a new passkey.
func passkeyName(v *visit) string {
	name := strings.TrimSpace(v.r.PostFormValue("name"))
	if name == "" || len(name) > 200 {
		return v.s.T("passkey.unnamed")
	}
	return name
}

// askNewPasskey tells a script what a new passkey has to sign.
func (c *Console) askNewPasskey(v *visit) error {
	if !c.hasPasskeys() || !v.fresh() {
		return errNoPage
	}
	asked, err := c.cfg.Accounts.Ask(v.r.Context(), exchange.ForNew, v.officer.ID)
	if err != nil {
		return err
	}
	return answer(v, passkeyAsk{asked.Token, c.toMake(v.officer, asked.Challenge)})
}

func (c *Console) addPasskey(v *visit) error {
	if !c.hasPasskeys() {
		return errNoPage
	}
	if !v.fresh() {
		return c.showAccount(v, "account.stale")
	}
	made := passkeyAnswer(v.r)
	if made == nil {
		return c.showAccount(v, "account.no_script")
	}
	err := c.cfg.Accounts.AddPasskey(v.r.Context(), v.officer, passkeyName(v), v.r.PostFormValue("token"), made)
	if errors.Is(err, exchange.ErrNotFound) {
		return c.showAccount(v, "passkey.fault")
	}
	if err != nil {
		return err
	}
	return v.redirect("/account#passkeys")
}

func (c *Console) removePasskey(v *visit) error {
	if c.cfg.Accounts == nil {
		return errNoPage
	}
	if !v.fresh() {
		return c.showAccount(v, "account.stale")
	}
	if err := c.cfg.Accounts.RemovePasskey(v.r.Context(), v.officer, v.r.PostFormValue("id")); err != nil {
		return err
	}
	return v.redirect("/account#passkeys")
}
