package exchange

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/repatriation-exchange/gateway/partners"
)

// ServerConfig wires a Server.
type ServerConfig struct {
	Inbox     *Inbox
	Directory *Directory
	Log       *LogServer // nil serves no log (the bench's floor)
	// Authenticate returns the code of the partner whose certificate opened
	// the connection. It is asked for every request, so that a suspension or a
	// revocation reaches connections that are already open. A *Problem says
	// that the certificate is not accepted (any more); it comes with the code
	// when the certificate is a known partner's.
	Authenticate func(*http.Request) (string, error)
	OpenAPI      []byte
	Clock        func() time.Time
	Logger       *slog.Logger
	Metrics      *Metrics
}

// A Server is the exchange API over HTTP (docs/openapi.yaml).
type Server struct {
	cfg    ServerConfig
	router chi.Router
}

// NewServer returns the handler; it refuses a missing part.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Inbox == nil || cfg.Directory == nil || cfg.Authenticate == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("server: a required part is missing")
	}
	s := &Server{cfg: cfg, router: chi.NewRouter()}
	s.router.NotFound(s.handle(func(*http.Request, *Peer) (answer, error) {
		return answer{}, problem(ProblemNotFound, "See /openapi.yaml for what is here.")
	}))
	s.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", s.allowed(r)) // RFC 9110 §15.5.6
		s.handle(func(*http.Request, *Peer) (answer, error) {
			return answer{}, problem(ProblemMethod, "See /openapi.yaml for what is here.")
		})(w, r)
	})
	s.router.Post("/v1/messages", s.handle(s.receive))
	s.router.Get("/openapi.yaml", s.handle(func(*http.Request, *Peer) (answer, error) {
		return answer{http.StatusOK, "application/yaml", cfg.OpenAPI}, nil
	}))
	if cfg.Log != nil {
		s.router.Get("/v1/log/checkpoint", s.handle(cfg.Log.checkpoint))
		s.router.Get("/v1/log/tile/*", s.handle(cfg.Log.tile))
		s.router.Post("/v1/log/add-checkpoint", s.handle(cfg.Log.addCheckpoint))
	}
	return s, nil
}

// allowed lists the methods of a path.
func (s *Server) allowed(r *http.Request) string {
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		if s.router.Match(chi.NewRouteContext(), m, r.URL.Path) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// An answer is a whole response.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// An endpoint does one request of a known partner.
type endpoint func(r *http.Request, peer *Peer) (answer, error)

// handle wraps an endpoint with what all share: who is it, may it come in, and
// one place where errors become answers.
func (s *Server) handle(do endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		code, a, err := s.enter(r, do)
		if err != nil {
			p := asRefusal(err)
			instance := uuid.Must(uuid.NewV7()).String()
			if p.cause != nil && !errors.Is(p.cause, context.Canceled) {
				s.cfg.Logger.Error("request failed", "partner", code, "problem", p.Kind.Slug, "request", instance, "error", p.cause)
			}
			if p.After > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int((p.After+time.Second-1)/time.Second)))
			}
			a = answer{p.Kind.Status, MediaTypeProblem, p.Document(instance)}
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // the partner is gone when this fails; it will ask again
		s.cfg.Metrics.answered(code, a.status, time.Since(started))
	}
}

// enter finds the partner, applies its limits and runs the endpoint. The code
// is "" until the partner is known.
func (s *Server) enter(r *http.Request, do endpoint) (string, answer, error) {
	code, unauthentic := s.cfg.Authenticate(r)
	if unauthentic != nil && code == "" {
		return "", answer{}, unauthentic
	}
	peer, err := s.cfg.Directory.Peer(code)
	if errors.Is(err, ErrNotFound) {
		return "", answer{}, problem(ProblemPartnerUnknown, "The certificate belongs to no partner of this gateway.")
	} else if err != nil {
		return "", answer{}, err
	}
	leave, refused := s.cfg.Directory.enter(peer, s.cfg.Clock())
	if refused != nil {
		// Only counted: recording each would let a partner fill the record.
		s.cfg.Metrics.refused(code, refused.Kind.Slug)
		return code, answer{}, refused
	}
	defer leave()
	var revoked *Problem
	if errors.As(unauthentic, &revoked) {
		return code, answer{}, s.turnAway(r, peer, revoked)
	}
	if unauthentic != nil {
		return code, answer{}, unauthentic
	}
	if peer.Status != partners.Active {
		err := problem(ProblemPartnerSuspended, "This gateway has suspended the exchange; its 24-hour contact knows more.")
		return code, answer{}, s.turnAway(r, peer, err)
	}
	a, err := do(r, peer)
	return code, a, err
}

// receive takes one message.
func (s *Server) receive(r *http.Request, peer *Peer) (answer, error) {
	// Present in any form is refused: empty, or a second line behind an empty one.
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return answer{}, s.refuse(r, peer, problem(ProblemContentEncoding, "Send the message as it is, without Content-Encoding."), nil)
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != MediaTypeMessage || len(r.Header.Values("Content-Type")) > 1 {
		return answer{}, s.refuse(r, peer, problem(ProblemMediaType, "There must be one Content-Type, %s.", MediaTypeMessage), nil)
	}
	body, refused := readBody(r, peer.Limits.MaxBodyBytes)
	if refused != nil {
		return answer{}, s.refuse(r, peer, refused, body)
	}
	receipt, err := s.cfg.Inbox.Accept(r.Context(), peer, body)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusAccepted, MediaTypeReceipt, receipt}, nil
}

// readBody reads at most limit bytes; what came is returned with a refusal too.
func readBody(r *http.Request, limit int) ([]byte, *Problem) {
	if r.ContentLength > int64(limit) {
		return nil, problem(ProblemTooLarge, "A message may have at most %d bytes.", limit)
	}
	var body []byte
	var err error
	if r.ContentLength >= 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	}
	if err != nil {
		return nil, problem(ProblemIncomplete, "The request ended before its body was whole; send the identical bytes again.").because(err)
	}
	if len(body) > limit {
		return body, problem(ProblemTooLarge, "A message may have at most %d bytes.", limit)
	}
	return body, nil
}

// turnAway refuses a partner at the door. Each is counted, and one a minute is
// recorded: whoever is not let in must not fill the record by knocking.
func (s *Server) turnAway(r *http.Request, peer *Peer, p *Problem) error {
	if !s.cfg.Directory.knocks(peer, p.Kind.Slug, s.cfg.Clock()) {
		s.cfg.Metrics.refused(peer.Code, p.Kind.Slug)
		return p
	}
	return s.refuse(r, peer, p, nil)
}

// refuse records a refusal that was decided before the inbox was asked.
func (s *Server) refuse(r *http.Request, peer *Peer, p *Problem, received []byte) error {
	if p.Kind == ProblemIncomplete {
		s.cfg.Metrics.refused(peer.Code, p.Kind.Slug)
		return p // the line broke: nothing was received that could be recorded
	}
	if err := s.cfg.Inbox.RecordRefusal(context.WithoutCancel(r.Context()), peer, p, received); err != nil {
		return err
	}
	return p
}
