package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Live updates (server-sent events): that something has happened, in words and
// numbers, and nothing of what. Whoever has no script reloads.

const (
	liveEvery      = 2 * time.Second  // how often an open page looks
	liveKnown      = 10 * time.Second // how often it is asked whether the officer is still signed in
	liveWarns      = 2 * time.Minute  // how long before a session ends that is said
	liveBeat       = 15 * time.Second // so that nobody in between takes the line for dead
	livePerSeat    = 8                // streams of one session: the tabs of one officer
	liveAltogether = 500
)

// streams counts the open streams of each session, and ends them all.
type streams struct {
	mu    sync.Mutex
	open  map[string]int
	total int
	end   sync.Once
	over  chan struct{}
}

func newStreams() *streams { return &streams{open: map[string]int{}, over: make(chan struct{})} }

func (s *streams) enter(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[session] >= livePerSeat || s.total >= liveAltogether {
		return false
	}
	s.open[session]++
	s.total++
	return true
}

func (s *streams) leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.open[session]--; s.open[session] == 0 {
		delete(s.open, session)
	}
}

// EndStreams ends what would otherwise keep a server from coming to its end.
func (c *Console) EndStreams() { c.streams.end.Do(func() { close(c.streams.over) }) }

// live serves one page's stream until the page is left or the session ends.
func (c *Console) live(w http.ResponseWriter, r *http.Request) {
	v := &visit{w: w, r: r, s: c.languages.of(r), now: c.cfg.Clock()}
	known := c.recogniseBy(v, c.cfg.Sessions.Peek)
	if errors.Is(known, exchange.ErrNotFound) || known == nil && !c.streams.enter(v.id) {
		w.WriteHeader(http.StatusNoContent) // a browser does not come again then
		return
	}
	if known == nil {
		defer c.streams.leave(v.id)
	}
	from, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if known == nil && (err != nil || from < 0) {
		from, known = c.cfg.Oversight.Now(r.Context())
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // nothing more is read of it
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if known != nil { // nobody can be asked now; a browser comes again where a stream has ended
		_, _ = fmt.Fprintf(w, "retry: %d\n\n", liveKnown.Milliseconds())
		return
	}
	stream := &stream{Console: c, visit: v, from: from, next: from, reports: r.URL.Query().Get("reports") != ""}
	if err := stream.run(r.Context()); err != nil && r.Context().Err() == nil {
		c.cfg.Logger.Warn("live updates ended", "error", err)
	}
}

// A stream is what one open page is told.
type stream struct {
	*Console
	*visit
	from    int64 // where the page stands: a stream that is taken up again goes on from there
	next    int64
	news    exchange.News
	reports bool
	said    map[string]string // the last words of each kind
}

func (s *stream) run(ctx context.Context) error {
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	known, beat := time.Now(), time.Now()
	s.said = map[string]string{"lines": "", "news": "", "emergencies": "", "reports": ""}
	// An id without data is no event, and the browser keeps it all the same: a page that
	// has heard nothing yet goes on from here, too.
	if err := s.write(fmt.Sprintf("id: %d\n\n", s.from)); err != nil {
		return err
	}
	for {
		if time.Since(known) >= liveKnown {
			known = time.Now()
			err := s.recogniseBy(s.visit, s.cfg.Sessions.Peek)
			if errors.Is(err, exchange.ErrNotFound) {
				return s.write("event: over\ndata: over\n\n")
			}
			if err != nil { // the store is away, and no session ends by that
				return err
			}
			if err := s.warn(); err != nil {
				return err
			}
		}
		if err := s.look(ctx); err != nil {
			return err
		}
		if time.Since(beat) >= liveBeat {
			beat = time.Now()
			if err := s.write(":\n\n"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.streams.over:
			return nil
		case <-tick.C:
		}
	}
}

// look tells what has changed since the last look.
func (s *stream) look(ctx context.Context) error {
	more, next, err := s.cfg.Oversight.News(ctx, s.officer, s.next)
	if err != nil {
		return err
	}
	s.next = next
	s.news.Messages, s.news.Lost, s.news.Clocks, s.news.Drafts = s.news.Messages+more.Messages, s.news.Lost+more.Lost, s.news.Clocks+more.Clocks, s.news.Drafts+more.Drafts
	if s.news.Emergencies += more.Emergencies; s.news.Emergencies > 0 {
		if err := s.say("emergencies", s.s.T("live.emergencies", s.news.Emergencies)); err != nil {
			return err
		}
	}
	if err := s.say("news", s.words()); err != nil {
		return err
	}
	if s.news.Lost > 0 {
		if err := s.say("lost", s.s.T("live.lost", s.news.Lost)); err != nil {
			return err
		}
	}
	var held []string
	for _, code := range s.cfg.Oversight.HeldBack(s.officer) {
		held = append(held, s.party(s.s, code).Name)
	}
	lines := ""
	if len(held) > 0 {
		lines = s.s.T("live.held_back", strings.Join(held, ", "))
	}
	if err := s.say("lines", lines); err != nil || !s.reports {
		return err
	}
	progress, err := s.progress(ctx)
	if err != nil {
		return err
	}
	return s.say("reports", progress)
}

// warn says that the session ends soon: unless it is used, which listening is not, or
// whatever is done.
func (s *stream) warn() error {
	var unused, ends string
	switch at := s.session.Until; {
	case at.Sub(s.cfg.Clock()) > min(liveWarns, s.cfg.Sessions.Idle()/5):
	case at.Equal(s.session.Ends):
		ends = s.s.T("live.ends", s.s.Time(at))
	default:
		unused = s.s.T("live.unused", s.s.Time(at))
	}
	if err := s.say("unused", unused); err != nil {
		return err
	}
	return s.say("ends", ends)
}

// words says in the officer's language what has happened.
func (s *stream) words() string {
	var out []string
	for _, part := range []struct {
		key string
		n   int
	}{{"live.messages", s.news.Messages}, {"live.clocks", s.news.Clocks}, {"live.drafts", s.news.Drafts}} {
		if part.n > 0 {
			out = append(out, s.s.T(part.key, part.n))
		}
	}
	return strings.Join(out, " · ")
}

// progress tells how far the officer's reports are, as JSON.
func (s *stream) progress(ctx context.Context) (string, error) {
	reports, err := s.cfg.Reports.List(ctx, s.officer)
	if err != nil {
		return "", err
	}
	type line struct {
		ID      string `json:"id"`
		State   string `json:"state"`
		Percent int64  `json:"percent"`
	}
	out := []line{}
	for _, r := range reports {
		l := line{ID: r.ID, State: string(r.State)}
		if r.Total > 0 {
			l.Percent = 100 * r.Done / r.Total
		}
		out = append(out, l)
	}
	text, err := json.Marshal(out)
	return string(text), err
}

// say sends what is not what was said before.
func (s *stream) say(kind, words string) error {
	if s.said[kind] == words {
		return nil
	}
	s.said[kind] = words
	return s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", s.from, kind, words))
}

func (s *stream) write(text string) error {
	rc := http.NewResponseController(s.w)
	_ = rc.SetWriteDeadline(time.Now().Add(2 * liveBeat)) // not every writer has one
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return rc.Flush()
}
