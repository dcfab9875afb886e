package console

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/schemas"
)

// Config wires a Console. Everything is required but what says otherwise.
type Config struct {
	Self      string // our code
	Files     *exchange.CaseFiles
	Desk      *exchange.Desk
	Sight     *exchange.Sight
	Forms     *exchange.Forms
	Register  *exchange.Register // nil: nobody looks for probable duplicates
	Oversight *exchange.Oversight
	Reports   *exchange.Reports
	Templates []export.Template // of statistics
	Roster    *exchange.Roster
	Sessions  *exchange.Sessions
	Views     *exchange.Views
	Directory *exchange.Directory
	Catalogue *schemas.Catalogue
	Zone      *time.Location // of the officers
	Clock     func() time.Time
	Logger    *slog.Logger

	// Own returns our certificates of TLS: what partners meet, and what officers'
	// browsers do where that is another one. nil: they are not known.
	Own func() (own, ofPages exchange.Certificate)

	// Pin names a client certificate as officers' entries do; nil: officers
	// do not sign in by certificate.
	Pin func(*x509.Certificate) string
	// ValidPin says whether a text is such a name; nil: any is taken.
	ValidPin func(string) bool
	// Accounts are passkeys and passwords, and note whoever is turned away.
	Accounts *exchange.Accounts
	// Passwords: officers may sign in by password and code.
	Passwords bool
	// Press prints cases as PDF; nil: officers print in their browsers.
	Press *Press
	// OIDC is an identity provider; nil for none.
	OIDC *OIDCConfig
}

// A Console serves the officers' pages.
type Console struct {
	cfg       Config
	languages *languages
	streams   *streams
	sends     chan struct{} // held by the one form that is being sent
	oidc      *provider
	door      *door      // of a demonstration; nil elsewhere
	router    chi.Routes // for which addresses are pages
	handler   http.Handler
}

// New returns a console; it refuses a missing part.
func New(cfg Config) (*Console, error) {
	if cfg.Self == "" || cfg.Files == nil || cfg.Desk == nil || cfg.Sight == nil || cfg.Forms == nil || cfg.Oversight == nil || cfg.Reports == nil || cfg.Roster == nil || cfg.Accounts == nil || cfg.Sessions == nil || cfg.Views == nil ||
		cfg.Directory == nil || cfg.Catalogue == nil || cfg.Zone == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("console: a required part is missing")
	}
	c := &Console{cfg: cfg, streams: newStreams(), sends: make(chan struct{}, 1)}
	var err error
	if c.languages, err = loadLanguages(cfg.Zone); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if lacks := c.languages.lacks; len(lacks) > 0 {
		cfg.Logger.Warn("a language of the officers' pages lacks texts, which are said in another", "texts", lacks)
	}
	if cfg.OIDC != nil {
		if c.oidc, err = newProvider(*cfg.OIDC, cfg.Clock); err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
	}
	c.handler = c.routes()
	return c, nil
}

// maxForm bounds what a form may send; the longest has a reason in it.
const maxForm = 64 << 10

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
	bound := int64(maxForm)
	if strings.HasPrefix(r.URL.Path, "/write/") {
		bound = maxWritten
	}
	r.Body = http.MaxBytesReader(w, r.Body, bound)
	c.handler.ServeHTTP(w, r)
}

func (c *Console) routes() http.Handler {
	r := chi.NewRouter()
	c.router = r
	r.Use(middleware.GetHead)
	for _, name := range []string{"fonts.css", "govuk.css", "console.css", "copy.js", "keys.js", "live.js", "passkey.js", "print.js", "proof.js", "write.js", "mark.svg", "fonts/{name}"} {
		r.Get("/assets/{version}/"+name, c.serveAsset)
	}
	r.Get("/sign-in", c.open(c.signInPage))
	r.Post("/sign-in/certificate", c.open(c.signInByCertificate))
	r.Get("/sign-in/provider", c.open(c.signInAtProvider))
	r.Get("/sign-in/callback", c.open(c.signInFromProvider))
	r.Post("/sign-in/passkey/options", c.open(c.askSignIn))
	r.Post("/sign-in/passkey", c.open(c.signInByPasskey))
	r.Post("/sign-in/password", c.open(c.signInByPassword))
	r.Get("/join/{token}", c.open(c.joinPage))
	r.Post("/join/{token}", c.open(c.join))
	r.Post("/join/{token}/options", c.open(c.askJoin))
	r.Get("/enter/{token}", c.open(c.enterDemonstration))
	r.Post("/sign-in/demonstration", c.open(c.signInForDemonstration))
	r.Post("/language", c.open(c.chooseLanguage))
	r.Post("/left/{id}", c.signedIn(c.dropLeft))
	r.Post("/sign-out", c.open(c.signOut))
	r.Get("/", c.signedIn(c.workPage))
	r.Get("/cases", c.signedIn(c.casesPage))
	r.Post("/cases", c.signedIn(c.casesPage))
	r.Get("/messages", c.signedIn(c.messagesPage))
	r.Post("/messages", c.signedIn(c.messagesPage))
	r.Get("/compare/{partner}/{case}/{subject}/with/{partner2}/{case2}/{subject2}", c.signedIn(c.comparePage))
	r.Post("/compare/{partner}/{case}/{subject}/with/{partner2}/{case2}/{subject2}", c.signedIn(c.comparePage))
	r.Get("/help", c.signedIn(c.helpPage))
	r.Get("/find", c.signedIn(c.findPage))
	r.Post("/find", c.signedIn(c.find))
	r.Post("/find/person", c.signedIn(c.findPerson))
	r.Get("/cases/{partner}/{case}", c.signedIn(c.casePage))
	r.Post("/cases/{partner}/{case}/officers", c.signedIn(c.assignCase))
	r.Get("/cases/{partner}/{case}/erase", c.signedIn(c.erasePage))
	r.Post("/cases/{partner}/{case}/erase", c.signedIn(c.eraseCase))
	r.Get("/cases/{partner}/{case}/print", c.signedIn(c.printPage))
	r.Post("/cases/{partner}/{case}/print", c.signedIn(c.printPage))
	r.Get("/messages/{partner}/{direction}/{id}", c.signedIn(c.messagePage))
	r.Post("/messages/{partner}/{direction}/{id}", c.signedIn(c.messagePage))
	r.Get("/messages/{partner}/{direction}/{id}/proof", c.signedIn(c.proofPage))
	r.Post("/messages/{partner}/{direction}/{id}/proof", c.signedIn(c.sourcePage))
	r.Get("/partners", c.signedIn(c.partnersPage))
	r.Get("/partners/{partner}", c.signedIn(c.partnerPage))
	r.Post("/partners/{partner}/retry", c.signedIn(c.retryParcels))
	r.Get("/record", c.signedIn(c.recordPage))
	r.Post("/record", c.signedIn(c.recordPage))
	r.Get("/events", c.live)
	r.Get("/reports", c.signedIn(c.reportsPage))
	r.Post("/reports", c.signedIn(c.orderReport))
	r.Post("/reports/{id}", c.signedIn(c.fetchReport))
	r.Get("/audit", c.signedIn(c.auditPage))
	r.Post("/audit", c.signedIn(c.auditPage))
	r.Get("/drafts/{id}", c.signedIn(c.draftPage))
	r.Post("/drafts/{id}", c.signedIn(c.draftPage))
	r.Post("/drafts/{id}/statement", c.signedIn(c.askStatement))
	r.Post("/drafts/{id}/decision", c.signedIn(c.decideDraft))
	r.Get("/emergency", c.signedIn(c.emergencyPage))
	r.Post("/emergency", c.signedIn(c.openEmergency))
	r.Post("/acknowledge/{id}", c.signedIn(c.acknowledgeEmergency))
	r.Get("/officers", c.signedIn(c.officersPage))
	r.Get("/officers/new", c.signedIn(c.officerPage))
	r.Post("/officers/new", c.signedIn(c.changeOfficer))
	r.Get("/officers/{officer}", c.signedIn(c.officerPage))
	r.Post("/officers/{officer}", c.signedIn(c.changeOfficer))
	r.Post("/officers/{officer}/invite", c.signedIn(c.inviteOfficer))
	r.Get("/account", c.signedIn(c.accountPage))
	r.Post("/account/passkeys/options", c.signedIn(c.askNewPasskey))
	r.Post("/account/passkeys", c.signedIn(c.addPasskey))
	r.Post("/account/passkeys/remove", c.signedIn(c.removePasskey))
	r.Post("/drafts/{id}/amend", c.signedIn(c.amendDraft))
	r.Post("/drafts/{id}/complete", c.signedIn(c.amendDraft))
	r.Post("/drafts/{id}/again", c.signedIn(c.writeAgain))
	r.Post("/drafts/{id}/discard", c.signedIn(c.discardDraft))
	r.Get("/open", c.signedIn(c.openingPage))
	r.Get("/write", c.signedIn(c.beginPage))
	r.Get("/write/{id}", c.signedIn(c.resumePage))
	r.Post("/write/{id}", c.open(c.formPost)) // it keeps what comes too late
	r.NotFound(c.open(func(*visit) error { return errNoPage }))
	r.MethodNotAllowed(c.open(func(*visit) error { return errNoPage }))

	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(c.open(func(*visit) error { return errForeignForm }))
	return crossOrigin.Handler(compressed(r))
}

// compressed packs the answers to GET. A page that shows what was hidden is never
// packed: its size must not tell of it, whatever somebody else has put into the same
// page (BREACH). It answers a POST, or shows an officer what they had typed themselves:
// on the page where that was left, or in a form, which has nothing of its address.
func compressed(pages http.Handler) http.Handler {
	packed := middleware.Compress(5, "text/html", "text/css", "text/javascript", "image/svg+xml")(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !r.URL.Query().Has("undone") {
			packed.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
