package operator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An eventView is an event as the API lists it and as a webhook is told of it.
type eventView struct {
	ID        string    `json:"id,omitempty"` // in a webhook it is the header webhook-id
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      eventData `json:"data"`
}

// eventData names what happened; it says nothing of a person.
type eventData struct {
	Index     int64              `json:"index"`
	Partner   string             `json:"partner,omitempty"`
	Case      string             `json:"case,omitempty"`
	Direction exchange.Direction `json:"direction"`
	ID        string             `json:"jti,omitempty"`
	Type      string             `json:"type,omitempty"`
	InReplyTo string             `json:"in_reply_to,omitempty"`
	State     exchange.State     `json:"state,omitempty"`
}

func eventOf(self string, e exchange.Event) eventView {
	return eventView{eventID(self, e.Index), e.Name, utc(e.At), eventData{e.Index, e.Partner, e.Case, e.Direction, e.ID, e.Type, e.InReplyTo, e.State}}
}

// eventID names an event for ever: this party, and the index in its record.
func eventID(self string, index int64) string { return fmt.Sprintf("%s-%d", self, index) }

// An eventPage is a part of the feed. Next is always there: it is the id of the
// last event that was looked at.
type eventPage struct {
	Items []eventView `json:"items"`
	Next  string      `json:"next"`
	More  bool        `json:"more"`
}

func (s *Server) listEvents(r *request) (answer, error) {
	q := r.query()
	after, n := q.text("after"), q.limit()
	from, ok := s.from(after)
	if !ok {
		q.wrong("parameter-value", "The parameter after is the id of an event, a next that was given here, or latest.")
	}
	if err := q.end(); err != nil {
		return answer{}, err
	}
	events, next, more, err := s.cfg.Feed.Events(r.Context(), r.by, from, n)
	if err != nil {
		return answer{}, err
	}
	out := eventPage{[]eventView{}, eventID(s.cfg.Self, next-1), more}
	for _, e := range events {
		out.Items = append(out.Items, eventOf(s.cfg.Self, e))
	}
	return reply(http.StatusOK, out)
}

// from reads the parameter after: the index to go on from.
func (s *Server) from(after string) (int64, bool) {
	switch after {
	case "":
		return 0, true
	case "latest":
		return 1<<62 - 1, true // no record has so many
	}
	text, ours := strings.CutPrefix(after, s.cfg.Self+"-")
	index, err := strconv.ParseInt(text, 10, 62)
	if !ours || err != nil || index < -1 || eventID(s.cfg.Self, index) != after {
		return 0, false
	}
	return index + 1, true
}
