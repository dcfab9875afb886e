// Package operator is the API of the house: a national case system, or an
// officer's own program, submits drafts, decides about them, and reads cases,
// timelines, messages and events over a listener of its own (docs/openapi.yaml,
// tag operator). What happened is also told unasked, by webhooks (webhook.go).
//
// The package decides nothing about cases. It finds out who asks, for every
// request (caller.go, bearer.go), reads the request strictly, and hands both to
// exchange.Desk, CaseFiles and Feed, which know what that officer may do and
// see, and which record every look at personal data.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/time/rate"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// Config wires a Server. Everything is required but the Register, which is nil
// where the gateway keeps no index of persons.
type Config struct {
	Self      string
	Desk      *exchange.Desk
	Files     *exchange.CaseFiles
	Feed      *exchange.Feed
	Register  *exchange.Register
	Catalogue *schemas.Catalogue
	// Caller finds out who asks. It is asked for every request, so that a
	// suspension reaches connections that are already open.
	Caller  func(*http.Request) (*exchange.Officer, error)
	OpenAPI []byte
	Clock   func() time.Time
	Logger  *slog.Logger
	Metrics *Metrics
}

// The limits of the API. An officer's program that needs more should follow the
// events instead of asking again and again.
const (
	ratePerSecond = 50
	rateBurst     = 100
	maxInFlight   = 64 // of all callers together
)

// A Server is the operator API over HTTP.
type Server struct {
	cfg      Config
	router   chi.Router
	inFlight chan struct{}

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by officer
}

// New returns the handler; it refuses a missing part.
func New(cfg Config) (*Server, error) {
	if cfg.Self == "" || cfg.Desk == nil || cfg.Files == nil || cfg.Feed == nil || cfg.Catalogue == nil || cfg.Caller == nil ||
		cfg.OpenAPI == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("operator server: a required part is missing")
	}
	s := &Server{cfg: cfg, router: chi.NewRouter(), inFlight: make(chan struct{}, maxInFlight), limits: map[string]*rate.Limiter{}}
	for _, route := range s.routes() {
		s.router.Method(route.method, route.path, s.handle(route.method+" "+route.path, route.do))
	}
	nothing := func(kind exchange.ProblemKind) endpoint {
		return func(*request) (answer, error) {
			return answer{}, exchange.NewProblem(kind, "See /openapi.yaml for what is here.")
		}
	}
	s.router.NotFound(s.handle("", nothing(exchange.ProblemNotFound)))
	s.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", s.allowed(r)) // RFC 9110 §15.5.6
		s.handle("", nothing(exchange.ProblemMethod))(w, r)
	})
	return s, nil
}

// A route is one row of the table of what is here.
type route struct {
	method, path string
	do           endpoint
}

func (s *Server) routes() []route {
	return []route{
		{http.MethodGet, "/openapi.yaml", s.description},
		{http.MethodGet, "/v1/me", s.me},
		{http.MethodPost, "/v1/drafts", s.submitDraft},
		{http.MethodGet, "/v1/drafts", s.listDrafts},
		{http.MethodGet, "/v1/drafts/{jti}", s.getDraft},
		{http.MethodPut, "/v1/drafts/{jti}", s.amendDraft},
		{http.MethodDelete, "/v1/drafts/{jti}", s.discardDraft},
		{http.MethodPost, "/v1/drafts/{jti}/decision", s.decideDraft},
		{http.MethodGet, "/v1/cases", s.listCases},
		{http.MethodGet, "/v1/cases/{partner}/{case}", s.getCase},
		{http.MethodGet, "/v1/cases/{partner}/{case}/timeline", s.getTimeline},
		{http.MethodGet, "/v1/cases/{partner}/{case}/links", s.getLinks},
		{http.MethodPut, "/v1/cases/{partner}/{case}/officers", s.assignCase},
		{http.MethodPost, "/v1/cases/{partner}/{case}/erasure", s.eraseCase},
		{http.MethodGet, "/v1/cases/{partner}/{case}/persons/{subject}/duplicates", s.getDuplicates},
		{http.MethodGet, "/v1/cases/{partner}/{case}/persons/{subject}/comparison", s.getComparison},
		{http.MethodGet, "/v1/messages", s.listMessages},
		{http.MethodGet, "/v1/messages/{partner}/{direction}/{jti}", s.getMessage},
		{http.MethodGet, "/v1/events", s.listEvents},
		{http.MethodGet, "/v1/catalogue", s.getCatalogue},
		{http.MethodGet, "/v1/catalogue/{type}", s.getType},
		{http.MethodGet, "/v1/codes/{list}", s.getCodes},
	}
}

// Routes returns the methods and paths that are served, for the test that
// compares them with the description.
func (s *Server) Routes() []string {
	var out []string
	for _, r := range s.routes() {
		out = append(out, r.method+" "+r.path)
	}
	return out
}

func (s *Server) allowed(r *http.Request) string {
	var methods []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPost, http.MethodPut} {
		if s.router.Match(chi.NewRouteContext(), m, r.URL.Path) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// A request is one of a caller who is known.
type request struct {
	*http.Request
	by *exchange.Officer
}

func (r *request) param(name string) string { return chi.URLParam(r.Request, name) }

// An answer is a whole response.
type answer struct {
	status      int
	contentType string
	body        []byte
	header      http.Header
}

// An endpoint does one request.
type endpoint func(*request) (answer, error)

// handle wraps an endpoint with what all share: who is it, may it come in, and
// one place where errors become answers.
func (s *Server) handle(route string, do endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		officer, a, err := s.enter(r, do)
		if err != nil {
			a = s.refusal(w, officer, route, err)
		}
		h := w.Header()
		for name, values := range a.header {
			h[name] = values
		}
		h.Set("Content-Type", a.contentType)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the caller is gone when this fails; it will ask again
		s.cfg.Metrics.answered(r.Method, a.status)
		if r.Method != http.MethodGet {
			s.cfg.Logger.Info("operator request", "officer", officer, "route", route, "status", a.status)
		}
	}
}

// refusal turns an error into an answer.
func (s *Server) refusal(w http.ResponseWriter, officer, route string, err error) answer {
	p := asProblem(err)
	instance := exchange.NewID()
	if p.Kind == exchange.ProblemDamaged {
		s.cfg.Logger.Error(exchange.Damaged, "officer", officer, "route", route, "request", instance, "index", exchange.AsDamage(err).Index, "error", err)
	} else if cause := p.Unwrap(); cause != nil && !errors.Is(cause, context.Canceled) {
		s.cfg.Logger.Error("operator request failed", "officer", officer, "route", route, "problem", p.Kind.Slug, "request", instance, "error", cause)
	} else if p.Kind == exchange.ProblemUnavailable {
		s.cfg.Logger.Error("operator request failed", "officer", officer, "route", route, "problem", p.Kind.Slug, "request", instance, "error", err)
	}
	if p.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.After+time.Second-1)/time.Second)))
	}
	if p.Kind == exchange.ProblemUnauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="operator"`)
	}
	return answer{status: p.Kind.Status, contentType: exchange.MediaTypeProblem, body: p.Document(instance)}
}

// asProblem returns the problem to answer with.
func asProblem(err error) *exchange.Problem {
	var p *exchange.Problem
	switch damage := exchange.AsDamage(err); {
	case damage != nil: // before what it may be wrapped in, which asks to try again
		p := exchange.NewProblem(exchange.ProblemDamaged, "What is stored is not what was recorded; asking again does not help, and 'gateway check' says what else is.")
		if damage.Index >= 0 {
			p.Detail = fmt.Sprintf("What is stored of entry %d is not what was recorded; asking again does not help, and 'gateway check' says what else is.", damage.Index)
		}
		return p
	case errors.As(err, &p):
		return p
	case errors.Is(err, exchange.ErrUnavailable), errors.Is(err, exchange.ErrOutcomeUnknown):
		p := exchange.NewProblem(exchange.ProblemUnavailable, "The record cannot be read or written now; ask again later.")
		p.After = 5 * time.Second
		return p
	case errors.Is(err, exchange.ErrErased):
		return exchange.NewProblem(exchange.ProblemErased, "The case was erased.")
	}
	return exchange.AsProblem(err)
}

// enter finds out who asks, applies the limits and runs the endpoint.
func (s *Server) enter(r *http.Request, do endpoint) (officer string, a answer, err error) {
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-Site") != "none" {
		return "", answer{}, refuse(exchange.ProblemForbidden, "browser", "This API is for programs; a page in a browser may not use it.")
	}
	select {
	case s.inFlight <- struct{}{}:
		defer func() { <-s.inFlight }()
	default:
		p := exchange.NewProblem(exchange.ProblemBusy, "Too many requests are under way; ask again.")
		p.After = time.Second
		return "", answer{}, p
	}
	by, err := s.cfg.Caller(r)
	if err != nil {
		return "", answer{}, err
	}
	if wait := s.wait(by.ID); wait > 0 {
		p := exchange.NewProblem(exchange.ProblemRateLimited, "More requests than this API takes of one caller.")
		p.After = wait
		return by.ID, answer{}, p
	}
	if !plain(r.URL.Path) {
		return by.ID, answer{}, exchange.NewProblem(exchange.ProblemNotFound, "Nothing has a name with such characters.")
	}
	a, err = do(&request{r, by})
	return by.ID, a, err
}

// wait says how long a caller has to wait before its next request.
func (s *Server) wait(officer string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.limits[officer]
	if limit == nil {
		limit = rate.NewLimiter(ratePerSecond, rateBurst)
		s.limits[officer] = limit
	}
	now := s.cfg.Clock()
	reservation := limit.ReserveN(now, 1)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return wait
	}
	return 0
}

func refuse(kind exchange.ProblemKind, rule, detail string) *exchange.Problem {
	p := exchange.NewProblem(kind, detail)
	p.Rule = rule
	return p
}

// The media types that are read and written here.
const (
	mediaJSON     = "application/json"
	mediaApproval = "application/approval+jwt"
)

// body reads a request's body of a media type.
func (r *request) body(mediaType string) ([]byte, error) {
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, exchange.NewProblem(exchange.ProblemContentEncoding, "Send the body as it is, without Content-Encoding.")
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != mediaType {
		return nil, exchange.NewProblem(exchange.ProblemMediaType, "Content-Type must be "+mediaType+".")
	}
	limit := int64(schemas.DefaultLimits().MaxBytes)
	data, err := io.ReadAll(io.LimitReader(r.Request.Body, limit+1))
	if err != nil {
		return nil, exchange.NewProblem(exchange.ProblemIncomplete, "The request ended before its body was whole; send it again.")
	}
	if int64(len(data)) > limit {
		return nil, exchange.NewProblem(exchange.ProblemTooLarge, "A body may have at most "+strconv.FormatInt(limit, 10)+" bytes.")
	}
	return data, nil
}

// reply writes a value as JSON.
func reply(status int, v any) (answer, error) {
	out, err := json.Marshal(v)
	return answer{status: status, contentType: mediaJSON, body: append(out, '\n'), header: http.Header{}}, err
}

func (s *Server) description(*request) (answer, error) {
	return answer{status: http.StatusOK, contentType: "application/yaml", body: s.cfg.OpenAPI}, nil
}

// me says who the caller is here.
func (s *Server) me(r *request) (answer, error) {
	return reply(http.StatusOK, struct {
		Self     string          `json:"self"`
		ID       string          `json:"id"`
		Roles    []exchange.Role `json:"roles"`
		Partners []string        `json:"partners"`
		Police   bool            `json:"police"`
	}{s.cfg.Self, r.by.ID, r.by.Roles, append([]string{}, r.by.Partners...), r.by.Police})
}
