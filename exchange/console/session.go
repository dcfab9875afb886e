package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// sessionCookie is sent over TLS alone, to this host alone, and no script can
// read it. It is lax and not strict: officers come here by links in their mail.
const sessionCookie = "__Host-session"

// The ways to sign in.
const (
	byCertificate = "certificate"
	byProvider    = "oidc"
	byDemo        = "demonstration"
	byPasskey     = "passkey"
	byPassword    = "password"
)

// recognise finds the officer of a request; ErrNotFound when nobody is signed
// in. The officer is looked up each time, so that a suspension counts at once.
func (c *Console) recognise(v *visit) error { return c.recogniseBy(v, c.cfg.Sessions.Find) }

func (c *Console) recogniseBy(v *visit, find func(context.Context, string) (exchange.Session, error)) error {
	cookie, err := v.r.Cookie(sessionCookie)
	if err != nil || len(cookie.Value) > 200 {
		return exchange.ErrNotFound
	}
	session, err := find(v.r.Context(), cookie.Value)
	if err != nil {
		return err
	}
	if session.Pin != "" && session.Pin != c.pinOf(v.r) {
		return fmt.Errorf("the session is bound to another certificate: %w", exchange.ErrNotFound)
	}
	if session.Method == byDemo && c.door == nil {
		return fmt.Errorf("the session is of a demonstration: %w", exchange.ErrNotFound)
	}
	officer, err := c.cfg.Roster.Officer(v.r.Context(), session.Officer)
	if err != nil {
		return err
	}
	v.officer, v.session, v.id = officer, session, cookie.Value
	return nil
}

// pinOf returns the pin of the client certificate of a request, "" without one
// or when its time is not now.
func (c *Console) pinOf(r *http.Request) string {
	if c.cfg.Pin == nil || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	leaf := r.TLS.PeerCertificates[0]
	if now := c.cfg.Clock(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return ""
	}
	return c.cfg.Pin(leaf)
}

// begin signs an officer in and goes to the page that was asked for.
func (c *Console) begin(v *visit, officer *exchange.Officer, method, pin, to string) error {
	if officer.Has(exchange.RoleSystem) { // a system has the operator API
		return c.refuse(v, method, officer.ID, "system", to)
	}
	if v.officer != nil { // somebody takes the chair, and what the browser had is forgotten
		if err := c.cfg.Sessions.End(v.r.Context(), v.id, v.officer.ID, false); err != nil {
			return err
		}
	}
	id, err := c.cfg.Sessions.Begin(v.r.Context(), officer.ID, method, pin)
	if err != nil {
		return err
	}
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	if lead, err := c.leads(v.r.Context(), officer, local(to)); err != nil {
		return err
	} else if lead == elsewhere {
		to = "/"
	}
	return v.redirect(local(to))
}

// Where an address leads that somebody is to go on at.
const (
	toPage    = iota
	toForm    // an unfinished form of the officer's own
	elsewhere // one of somebody else, or one that is not there any more
)

func (c *Console) leads(ctx context.Context, officer *exchange.Officer, to string) (int, error) {
	id, ok := strings.CutPrefix(to, "/write/")
	if !ok {
		return toPage, nil
	}
	_, err := c.cfg.Forms.Resume(ctx, officer, id)
	if exchange.AsProblem(err).Kind == exchange.ProblemNotFound || errors.Is(err, exchange.ErrNotFound) {
		return elsewhere, nil
	}
	return toForm, err
}

// refuse turns somebody away who wanted to sign in, and records it. who is the officer
// that they are, when that is known; to is where they wanted to go.
func (c *Console) refuse(v *visit, method, who, why, to string) error {
	recorded, err := c.cfg.Accounts.Refused(v.r.Context(), placeOf(v.r), who, method)
	if err != nil {
		return err
	}
	if recorded {
		c.cfg.Logger.Warn("a sign-in was refused", "method", method, "why", why)
	}
	return v.redirect(signInFailed(why, to))
}

// signOut ends the session, or with everywhere all of the officer.
func (c *Console) signOut(v *visit) error {
	if v.officer == nil { // it has ended by itself
		return v.redirect("/sign-in?out=1")
	}
	if acts, err := c.acts(v); err != nil {
		return err
	} else if !acts { // it is the page of whoever sat here before
		return v.redirect("/sign-in?undone=1")
	}
	if err := c.cfg.Sessions.End(v.r.Context(), v.id, v.officer.ID, v.r.PostFormValue("everywhere") != ""); err != nil {
		return err
	}
	forget(v.w, sessionCookie)
	return v.redirect("/sign-in?out=1")
}

func forget(w http.ResponseWriter, cookie string) {
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func signInAt(to string) string {
	if to = local(to); to == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"to": {to}}.Encode()
}

func signInFailed(why, to string) string {
	return "/sign-in?" + url.Values{"to": {local(to)}, "failed": {why}}.Encode()
}

// A signIn is what the page for signing in offers.
type signIn struct {
	To          string
	Failed      string // why the last try failed: a key of the catalogue
	Out         bool
	Kept        bool // a form that came back too late waits for its officer
	Undone      bool // what was asked for too late was not done
	Certificate bool // the browser has shown one
	Asks        bool // certificates are a way in here
	Provider    bool
	Passkeys    bool
	Passwords   bool
	Wait        int                 // seconds, after too many tries
	Typed       string              // the officer that was named before
	Officers    []*exchange.Officer // of a demonstration
}

func (c *Console) signInView(v *visit, to, failed string) signIn {
	view := signIn{
		To: local(to), Asks: c.cfg.Pin != nil, Certificate: c.pinOf(v.r) != "", Provider: c.oidc != nil, Passkeys: c.hasPasskeys(), Passwords: c.cfg.Passwords,
	}
	if v.s.has("sign_in.failed." + failed) {
		view.Failed = failed
	}
	return view
}

func (c *Console) signInPage(v *visit) error {
	q := v.r.URL.Query()
	view := c.signInView(v, q.Get("to"), q.Get("failed"))
	view.Out, view.Kept, view.Undone = q.Get("out") != "", q.Get("kept") != "", q.Get("undone") != ""
	if v.officer != nil && view.Kept { // signed in since, in another window
		if lead, err := c.leads(v.r.Context(), v.officer, view.To); err != nil {
			return err
		} else if lead == toForm {
			return v.redirect(view.To)
		}
	}
	if c.door.knows(v.r) {
		for _, id := range c.door.officers {
			officer, err := c.cfg.Roster.Officer(v.r.Context(), id)
			if errors.Is(err, exchange.ErrNotFound) {
				continue // suspended, by whoever plays the administrator
			}
			if err != nil {
				return err
			}
			view.Officers = append(view.Officers, officer)
		}
	}
	_, title := oneFault("", view.Failed).titled(v, v.s.T("sign_in.title"))
	return c.show(v, http.StatusOK, "sign-in", title, "sign-in", view)
}

func (c *Console) signInByCertificate(v *visit) error {
	to := v.r.PostFormValue("to")
	pin := c.pinOf(v.r)
	if pin == "" {
		return c.refuse(v, byCertificate, "", "certificate", to)
	}
	officer, err := c.cfg.Roster.ByPin(v.r.Context(), pin)
	if errors.Is(err, exchange.ErrNotFound) {
		return c.refuse(v, byCertificate, exchange.SuspendedIn(err), "unknown", to)
	}
	if err != nil {
		return err
	}
	return c.begin(v, officer, byCertificate, pin, to)
}
