package console

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A door lets whoever started a demonstration in, as one of its invented
// officers: by links that work once, each for the browser that follows it. No
// configuration can open it; only code that calls OpenDoor does.
type door struct {
	Demonstration
	officers []string
	to       string // where its links lead
	mu       sync.Mutex
	link     string   // the token of the link that has not been followed yet
	browsers []string // the tokens of the browsers that followed one
}

// A Demonstration is what the pages of one have that no office's have.
type Demonstration struct {
	// Next is told the next link when one was followed, for a browser that is closed
	// forgets that it was here; nil: there is one link.
	Next func(link string)
	// Sign returns the command with which an officer signs a statement, "" for none.
	Sign func(officer string) string
	// Tasks are left to whoever tries the pages.
	Tasks []Task
}

// A Task is one of TaskNames, and the page where it begins.
type Task struct{ Name, To string }

// TaskNames are the tasks of docs/console.md, in its order.
func TaskNames() []string { return []string{"answer", "refuse", "release", "overdue", "find"} }

const doorCookie = "__Host-demonstration"

// OpenDoor makes the console one of a demonstration and returns the path of the
// one-time link to one of its pages. It is called before the console is served.
func (c *Console) OpenDoor(to string, officers ...string) string {
	c.door = &door{officers: officers, to: local(to)}
	return c.door.anew()
}

// Furnish adds to a demonstration, before it is served, what it has beside its officers.
func (c *Console) Furnish(d Demonstration) { c.door.Demonstration = d }

// anew makes the link that works from now on.
func (d *door) anew() string {
	d.link = rand.Text()
	return "/enter/" + d.link + "?" + url.Values{"to": {d.to}}.Encode()
}

// knows says whether a request is of a browser that followed a link.
func (d *door) knows(r *http.Request) bool {
	if d == nil {
		return false
	}
	cookie, err := r.Cookie(doorCookie)
	d.mu.Lock()
	defer d.mu.Unlock()
	return err == nil && slices.ContainsFunc(d.browsers, func(browser string) bool {
		return subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(browser)) == 1
	})
}

// enterDemonstration takes a link, once.
func (c *Console) enterDemonstration(v *visit) error {
	if c.door == nil {
		return errNoPage
	}
	to, next := local(v.r.URL.Query().Get("to")), ""
	c.door.mu.Lock()
	right := c.door.link != "" && subtle.ConstantTimeCompare([]byte(chi.URLParam(v.r, "token")), []byte(c.door.link)) == 1
	if right {
		browser := rand.Text()
		c.door.browsers, c.door.link = append(c.door.browsers, browser), ""
		http.SetCookie(v.w, &http.Cookie{Name: doorCookie, Value: browser, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		if c.door.Next != nil {
			next = c.door.anew()
		}
	}
	c.door.mu.Unlock()
	if next != "" {
		c.door.Next(next)
	}
	if !right && !c.door.knows(v.r) {
		return v.redirect(signInFailed("link", to))
	}
	return v.redirect(signInAt(to))
}

func (c *Console) signInForDemonstration(v *visit) error {
	id := v.r.PostFormValue("officer")
	if !c.door.knows(v.r) || !slices.Contains(c.door.officers, id) {
		return errNoPage
	}
	officer, err := c.cfg.Roster.Officer(v.r.Context(), id)
	if err != nil {
		return err
	}
	to := v.r.PostFormValue("to")
	if strings.HasPrefix(to, "/drafts/") && !officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		to = "/" // the link may lead to a draft, which is not theirs to see
	}
	return c.begin(v, officer, byDemo, "", to)
}
