package operator

import (
	"net/http"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A messageLine is a message in a list.
type messageLine struct {
	Partner   string             `json:"partner"`
	Direction exchange.Direction `json:"direction"`
	ID        string             `json:"jti"`
	Type      string             `json:"type"`
	Case      string             `json:"case"`
	InReplyTo string             `json:"in_reply_to,omitempty"`
	At        time.Time          `json:"at"`
	Index     int64              `json:"index"`
	Seq       int64              `json:"seq"`
}

func messageOf(e exchange.Event) messageLine {
	return messageLine{e.Partner, e.Direction, e.ID, e.Type, e.Case, e.InReplyTo, utc(e.At), e.Index, e.Seq}
}

func (s *Server) listMessages(r *request) (answer, error) {
	q := r.query()
	f := exchange.Filter{
		Partner: q.text("partner"), Case: q.text("case"), Type: q.text("type"),
		Direction: exchange.Direction(q.text("direction", "in", "out")), Since: q.instant("since"), Until: q.instant("until"),
	}
	n, c := q.limit(), r.cursor(q)
	if err := q.end(); err != nil {
		return answer{}, err
	}
	messages, next, err := s.cfg.Feed.Messages(r.Context(), r.by, f, c.Index, n)
	if err != nil {
		return answer{}, err
	}
	var out page
	if next > 0 {
		out.Next = r.next(q, cursor{Index: next})
	}
	lines := make([]messageLine, len(messages))
	for i, m := range messages {
		lines[i] = messageOf(m)
	}
	out.Items = lines
	return reply(http.StatusOK, out)
}

// A messageView is one message. Claims (as they were signed) and Versions (what
// corrections made of the body) are there only for whoever gave a reason.
type messageView struct {
	messageLine
	Claims   *exchange.Claims `json:"claims,omitempty"`
	Versions []versionView    `json:"versions,omitempty"`
}

// A versionView is the body as a correction has left it.
type versionView struct {
	Revision int               `json:"revision"`
	ID       string            `json:"jti"` // of the correction
	At       time.Time         `json:"at"`
	Reason   string            `json:"reason,omitempty"`
	Changes  []exchange.Change `json:"changes,omitempty"`
	Body     any               `json:"body"`
}

func (s *Server) getMessage(r *request) (answer, error) {
	reason, err := r.reason()
	if err != nil {
		return answer{}, err
	}
	if err := r.query().end(); err != nil {
		return answer{}, err
	}
	lane := exchange.Lane{Partner: r.param("partner"), Direction: exchange.Direction(r.param("direction"))}
	key := exchange.MessageKey{Lane: lane, ID: r.param("jti")}
	event, err := s.cfg.Feed.Message(r.Context(), r.by, key)
	if err != nil {
		return answer{}, err
	}
	out := messageView{messageLine: messageOf(event)}
	if reason == "" {
		return reply(http.StatusOK, out)
	}
	versions, err := s.cfg.Files.Message(r.Context(), r.by, key, reason)
	if err != nil {
		return answer{}, err
	}
	out.Claims = &versions[0].Claims
	for _, v := range versions[1:] {
		out.Versions = append(out.Versions, versionView{v.Revision, v.ID, utc(v.At), v.Reason, v.Changes, v.Body})
	}
	return reply(http.StatusOK, out)
}
