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
// officers: by a link that works once, for the browser that follows it. No
// configuration can open it; only code that calls OpenDoor does.
type door struct {
	officers []string
	mu       sync.Mutex
	link     string // the token of the link that has not been followed yet
	browser  string // the token of the browser that followed it
}

const doorCookie = "__Host-demonstration"

// OpenDoor makes the console one of a demonstration and returns the path of the
// one-time link to one of its pages. It is called before the console is served.
func (c *Console) OpenDoor(to string, officers ...string) string {
	c.door = &door{officers: officers, link: rand.Text()}
	return "/enter/" + c.door.link + "?" + url.Values{"to": {local(to)}}.Encode()
}

// knows says whether a request is of the browser that followed the link.
func (d *door) knows(r *http.Request) bool {
	if d == nil {
		return false
	}
	cookie, err := r.Cookie(doorCookie)
	d.mu.Lock()
	defer d.mu.Unlock()
	return err == nil && d.browser != "" && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(d.browser)) == 1
}

// enterDemonstration takes the link, once.
func (c *Console) enterDemonstration(v *visit) error {
	if c.door == nil {
		return errNoPage
	}
	to := local(v.r.URL.Query().Get("to"))
	c.door.mu.Lock()
	right := c.door.link != "" && subtle.ConstantTimeCompare([]byte(chi.URLParam(v.r, "token")), []byte(c.door.link)) == 1
	if right {
		c.door.link, c.door.browser = "", rand.Text()
		http.SetCookie(v.w, &http.Cookie{Name: doorCookie, Value: c.door.browser, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	c.door.mu.Unlock()
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
