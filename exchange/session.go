package exchange

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A SessionRow is an officer's session as the store keeps it. The identifier
// that the browser holds is not in it, only its hash; and what makes it a
// session is sealed, so that nobody signs in by an INSERT.
type SessionRow struct {
	Hash    string // base64url SHA-256 of the browser's identifier
	Officer string
	SeenAt  time.Time
	Ends    time.Time // the absolute limit; the sealed one counts
	Content []byte
}

// A SessionStore keeps sessions.
type SessionStore interface {
	// PutSession adds one, and removes those of anybody that ended before now.
	PutSession(ctx context.Context, s SessionRow, now time.Time) error
	// Session returns one; ErrNotFound.
	Session(ctx context.Context, hash string) (SessionRow, error)
	// SessionsOf returns all of an officer, the last used first.
	SessionsOf(ctx context.Context, officer string) ([]SessionRow, error)
	// TouchSession notes that a session was used.
	TouchSession(ctx context.Context, hash string, at time.Time) error
	// EndSession removes one; it is no error when there is none.
	EndSession(ctx context.Context, hash string) error
	// EndSessions removes all of an officer and returns how many.
	EndSessions(ctx context.Context, officer string) (int, error)
}

// A Session is an officer's sign-in.
type Session struct {
	Officer string    `json:"officer"`
	Method  string    `json:"method"` // certificate, oidc, passkey, password or demonstration
	Pin     string    `json:"pin,omitempty"`
	Started time.Time `json:"started"`
	Ends    time.Time `json:"ends"`
	Until   time.Time `json:"-"` // when it ends if it is not used before
}

// SessionsConfig wires Sessions. Everything is required.
type SessionsConfig struct {
	Store    SessionStore
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
	Logger   *slog.Logger
	Idle     time.Duration // a session that is not used for so long has ended
	Longest  time.Duration // and so has every one that is as old as this
}

// Sessions are the officers who are signed in. Beginning and ending one is an
// entry of the record.
type Sessions struct{ cfg SessionsConfig }

// NewSessions returns the sessions; it refuses a missing part.
func NewSessions(cfg SessionsConfig) (*Sessions, error) {
	if cfg.Store == nil || cfg.Recorder == nil || cfg.Opener == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Idle <= 0 || cfg.Longest <= 0 {
		return nil, errors.New("sessions: a required part is missing")
	}
	return &Sessions{cfg}, nil
}

// Idle is how long a session may go without being used.
func (s *Sessions) Idle() time.Duration { return s.cfg.Idle }

// touchEvery is how exactly the last use of a session is kept, and a tenth of what it may
// be idle where that is less: not every page has to be a write.
const touchEvery = time.Minute

// touchWait is how long a page waits for that.
const touchWait = time.Second

// Begin records a sign-in and returns the identifier that only the browser
// keeps. pin is the client certificate's that the session stays bound to, or "".
func (s *Sessions) Begin(ctx context.Context, officer, method, pin string) (string, error) {
	now := s.cfg.Clock()
	session := Session{Officer: officer, Method: method, Pin: pin, Started: now.UTC(), Ends: now.Add(s.cfg.Longest).UTC()}
	if err := recordEvent(ctx, s.cfg.Recorder, Entry{Type: "officer_signed_in", ID: NewID()}, struct {
		By     string `json:"by"`
		Method string `json:"method"`
	}{officer, method}); err != nil {
		return "", err
	}
	data, err := json.Marshal(session)
	if err != nil {
		return "", fmt.Errorf("write a session: %w", err)
	}
	key, err := s.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return "", err
	}
	id := rand.Text() + rand.Text()
	row := SessionRow{Hash: sessionHash(id), Officer: officer, SeenAt: now, Ends: session.Ends}
	if row.Content, err = key.Seal(data, sessionAAD(row.Hash)); err != nil {
		return "", fmt.Errorf("seal a session: %w", err)
	}
	return id, s.cfg.Store.PutSession(ctx, row, now)
}

// Find returns the session that a browser's identifier stands for; ErrNotFound
// when it has ended.
func (s *Sessions) Find(ctx context.Context, id string) (Session, error) {
	session, row, err := s.look(ctx, id)
	if errors.Is(err, errEnded) {
		return Session{}, errors.Join(err, s.cfg.Store.EndSession(ctx, row.Hash))
	}
	if err != nil {
		return Session{}, err
	}
	if now := s.cfg.Clock(); now.Sub(row.SeenAt) >= min(touchEvery, s.cfg.Idle/10) {
		s.touch(ctx, row.Hash, now)
	}
	return session, nil
}

// touch notes that a session was used. Where nothing can be written officers still read
// what needs no entry of the record: the session ends the sooner for it.
func (s *Sessions) touch(ctx context.Context, hash string, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, touchWait)
	defer cancel()
	if err := s.cfg.Store.TouchSession(ctx, hash, now); err != nil {
		s.cfg.Logger.Warn("the use of a session could not be noted", "error", err)
	}
}

// Peek returns a session without using it: a page that only listens must not
// keep an officer signed in. ErrNotFound when it has ended.
func (s *Sessions) Peek(ctx context.Context, id string) (Session, error) {
	session, _, err := s.look(ctx, id)
	return session, err
}

// errEnded is an ErrNotFound for a session that is still in the store.
var errEnded = fmt.Errorf("the session has ended: %w", ErrNotFound)

func (s *Sessions) look(ctx context.Context, id string) (Session, SessionRow, error) {
	row, err := s.cfg.Store.Session(ctx, sessionHash(id))
	if err != nil {
		return Session{}, SessionRow{}, err
	}
	key, err := s.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return Session{}, SessionRow{}, err
	}
	session, err := openSession(key, row)
	if err == nil && !s.goesOn(session, row, s.cfg.Clock()) {
		err = errEnded
	}
	if session.Until = row.SeenAt.Add(s.cfg.Idle); session.Ends.Before(session.Until) {
		session.Until = session.Ends
	}
	return session, row, err
}

func openSession(key seal.DataKey, row SessionRow) (Session, error) {
	data, err := key.Open(row.Content, sessionAAD(row.Hash))
	if err != nil {
		return Session{}, fmt.Errorf("a session was not written by this gateway: %w", ErrNotFound)
	}
	var session Session
	if err := json.Unmarshal(data, &session); err != nil {
		return Session{}, fmt.Errorf("read a session: %w", err)
	}
	return session, nil
}

func (s *Sessions) goesOn(session Session, row SessionRow, now time.Time) bool {
	return session.Officer == row.Officer && now.Before(session.Ends) && now.Sub(row.SeenAt) < s.cfg.Idle
}

// A Seat is a session as its officer sees it.
type Seat struct {
	Session
	SeenAt time.Time
	Here   bool // it is the one that asks
}

// Of returns the sessions of an officer that go on; id is the one that asks.
func (s *Sessions) Of(ctx context.Context, officer, id string) ([]Seat, error) {
	rows, err := s.cfg.Store.SessionsOf(ctx, officer)
	if err != nil {
		return nil, err
	}
	key, err := s.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	var out []Seat
	for _, row := range rows {
		session, err := openSession(key, row)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.goesOn(session, row, s.cfg.Clock()) {
			out = append(out, Seat{session, row.SeenAt, row.Hash == sessionHash(id)})
		}
	}
	return out, nil
}

// officerSignedOut is the type of the entry that says that sessions were ended.
const officerSignedOut = "officer_signed_out"

// End records that an officer signed out, and ends the session, or with
// everywhere all sessions of the officer. What the browser holds is worth
// nothing afterwards.
func (s *Sessions) End(ctx context.Context, id, officer string, everywhere bool) error {
	if err := recordEvent(ctx, s.cfg.Recorder, Entry{Type: officerSignedOut, ID: NewID()}, struct {
		By         string `json:"by"`
		Everywhere bool   `json:"everywhere,omitempty"`
	}{officer, everywhere}); err != nil {
		return err
	}
	if everywhere {
		_, err := s.cfg.Store.EndSessions(ctx, officer)
		return err
	}
	return s.cfg.Store.EndSession(ctx, sessionHash(id))
}

func sessionHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func sessionAAD(hash string) []byte { return []byte("session/" + hash) }
