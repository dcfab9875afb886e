package console

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
)

// askSignIn tells a script what somebody's passkey has to sign.
func (c *Console) askSignIn(v *visit) error {
	if !c.hasPasskeys() {
		return errNoPage
	}
	asked, err := c.cfg.Accounts.Ask(v.r.Context(), exchange.ForSignIn, "")
	if err != nil {
		return err
	}
	return answer(v, passkeyAsk{asked.Token, c.toSign(asked.Challenge, nil)})
}

func (c *Console) signInByPasskey(v *visit) error {
	to := v.r.PostFormValue("to")
	if !c.hasPasskeys() {
		return errNoPage
	}
	signed := passkeyAnswer(v.r)
	if signed == nil {
		return c.refuse(v, byPasskey, "", "passkey", to)
	}
	officer, err := c.cfg.Accounts.SignInByPasskey(v.r.Context(), v.r.PostFormValue("token"), signed)
	if errors.Is(err, exchange.ErrNotFound) {
		return c.refuse(v, byPasskey, exchange.SuspendedIn(err), "passkey", to)
	}
	if err != nil {
		return err
	}
	return c.begin(v, officer, byPasskey, "", to)
}

// signInByPassword says no more to a stranger than that it failed, or how long
// to wait.
func (c *Console) signInByPassword(v *visit) error {
	if !c.cfg.Passwords {
		return errNoPage
	}
	form := v.r.PostFormValue
	id := strings.ToLower(strings.TrimSpace(form("officer")))
	officer, err := c.cfg.Accounts.SignInByPassword(v.r.Context(), placeOf(v.r), id, form("password"), form("code"))
	var refused *exchange.NotSignedIn
	if errors.As(err, &refused) {
		view := c.signInView(v, form("to"), "password")
		if refused.Wait > 0 {
			view.Failed, view.Wait = "wait", int((refused.Wait+time.Second-1)/time.Second)
		}
		view.Typed, v.back = id, signInAt(form("to"))
		return c.show(v, http.StatusUnprocessableEntity, "sign-in", v.s.T("error.prefix", v.s.T("sign_in.title")), "sign-in", view)
	}
	if err != nil {
		return err
	}
	return c.begin(v, officer, byPassword, "", form("to"))
}

// placeOf names where a request comes from: an address, or the network of one
// that has many.
func placeOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

// A joinView is the page that an invitation leads to.
type joinView struct {
	Token    string
	Officer  *exchange.Officer
	Passkeys bool
	Password bool
	Setup    exchange.Setup
	Picture  *picture
	Fault    string
	Failed   string // which field
}

// invited finds the officer of the link; an old link says only that it is old.
func (c *Console) invited(v *visit) (*exchange.Officer, error) {
	if c.cfg.Accounts == nil {
		return nil, errNoPage
	}
	o, err := c.cfg.Accounts.Invited(v.r.Context(), chi.URLParam(v.r, "token"))
	if errors.Is(err, exchange.ErrNotFound) {
		return nil, errNoInvitation
	}
	return o, err
}

func (c *Console) joinPage(v *visit) error {
	o, err := c.invited(v)
	if err != nil {
		return err
	}
	return c.showJoin(v, o, "", "")
}

func (c *Console) showJoin(v *visit, o *exchange.Officer, field, fault string) error {
	view := joinView{Token: chi.URLParam(v.r, "token"), Officer: o, Passkeys: c.hasPasskeys(), Password: c.cfg.Passwords, Fault: fault, Failed: field}
	if view.Password {
		var err error
		if view.Setup, err = c.cfg.Accounts.SetUpAgain(v.r.Context(), o, v.r.PostFormValue("setup")); err != nil {
			return err
		}
		if view.Picture, err = pictureOf(view.Setup.URL); err != nil {
			return err
		}
	}
	status, title := http.StatusOK, v.s.T("join.title")
	if fault != "" {
		status, title = http.StatusUnprocessableEntity, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "join", title, "join", view)
}

func (c *Console) askJoin(v *visit) error {
	o, err := c.invited(v)
	if err != nil || !c.hasPasskeys() {
		return errNoPage
	}
	asked, err := c.cfg.Accounts.Ask(v.r.Context(), exchange.ForNew, o.ID)
	if err != nil {
		return err
	}
	return answer(v, passkeyAsk{asked.Token, c.toMake(o, asked.Challenge)})
}

// join lets an invited officer say how they sign in, and signs them in.
func (c *Console) join(v *visit) error {
	o, err := c.invited(v)
	if err != nil {
		return err
	}
	ctx, link, form, method := v.r.Context(), chi.URLParam(v.r, "token"), v.r.PostFormValue, byPassword
	if made := passkeyAnswer(v.r); made != nil && c.hasPasskeys() {
		method = byPasskey
		o, err = c.cfg.Accounts.AcceptWithPasskey(ctx, link, passkeyName(v), form("token"), made)
	} else {
		if !c.cfg.Passwords || form("password") == "" && form("setup") == "" {
			return c.showJoin(v, o, "", "account.no_script")
		}
		if form("password") != form("again") {
			return c.showJoin(v, o, "again", "join.again_differs")
		}
		var joined *exchange.Officer
		joined, err = c.cfg.Accounts.AcceptWithPassword(ctx, link, form("password"), form("setup"), form("code"))
		switch {
		case errors.Is(err, exchange.ErrPassword):
			return c.showJoin(v, o, "password", "join.password_bad")
		case errors.Is(err, exchange.ErrCode):
			return c.showJoin(v, o, "code", "join.code_bad")
		}
		if err == nil {
			o = joined
		}
	}
	if errors.Is(err, exchange.ErrNotFound) {
		return errNoInvitation
	}
	if err != nil {
		return err
	}
	return c.begin(v, o, method, "", "/account")
}

// A picture is a square code for a camera, as the path of a drawing.
type picture struct {
	Size int
	Path string
}

func pictureOf(text string) (*picture, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("draw a code: %w", err)
	}
	const quiet = 4 // modules of white around it, as the standard asks
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if light, _, _, _ := code.At(x, y).RGBA(); light == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return &picture{size + 2*quiet, path.String()}, nil
}
