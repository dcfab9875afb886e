package operator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A query reads the parameters of a list. The first fault is kept, so that an
// endpoint reads all it wants and asks once.
type query struct {
	values url.Values
	known  []string
	fault  *exchange.Problem
}

func (r *request) query() *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.wrong("parameter-form", "The query is not well formed.")
	}
	return q
}

func (q *query) wrong(rule, detail string) {
	if q.fault == nil {
		q.fault = refuse(exchange.ProblemRequest, rule, detail)
	}
}

// text returns a parameter, which must be one of allowed when any are given.
func (q *query) text(name string, allowed ...string) string {
	q.known = append(q.known, name)
	values := q.values[name]
	if len(values) == 0 {
		return ""
	}
	value := values[0]
	switch {
	case len(values) > 1 || value == "" || len(value) > 512 || !plain(value):
		q.wrong("parameter-value", "The parameter "+name+" is there once, with a value.")
	case len(allowed) > 0 && !slices.Contains(allowed, value):
		q.wrong("parameter-value", "The parameter "+name+" is one of "+strings.Join(allowed, ", ")+".")
	}
	return value
}

// plain says whether a text is one that a store can look for.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' })
}

// instant returns a parameter that is a time.
func (q *query) instant(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.wrong("parameter-value", "The parameter "+name+" is a time such as 2026-11-23T10:00:00Z.")
	}
	return at
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// limit returns how many items are wanted.
func (q *query) limit() int {
	text := q.text("limit")
	if text == "" {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		q.wrong("parameter-value", fmt.Sprintf("The parameter limit is a number from 1 to %d.", maxLimit))
	}
	return n
}

// A cursor is where a page ended, and of which list: it holds all that is
// needed to go on, so nothing is kept here, and it is worth nothing to anybody
// else, whose scope applies to whatever it selects.
type cursor struct {
	List    string `json:"l"` // digest of the path and the filters
	At      int64  `json:"t,omitempty"`
	Partner string `json:"p,omitempty"`
	ID      string `json:"i,omitempty"`
	Index   int64  `json:"n,omitempty"`
}

// list names the list that a query asks for: the same filters, the same name.
func (r *request) list(q *query) string {
	filters := url.Values{}
	for name, values := range q.values {
		if name != "cursor" && name != "limit" {
			filters[name] = values
		}
	}
	sum := sha256.Sum256([]byte(r.URL.Path + "?" + filters.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// cursor reads the parameter cursor; the zero cursor is the first page.
func (r *request) cursor(q *query) cursor {
	text := q.text("cursor")
	if text == "" {
		return cursor{}
	}
	var c cursor
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || json.Unmarshal(data, &c) != nil || c.List != r.list(q) || !plain(c.Partner+c.ID) {
		q.wrong("cursor", "The cursor is not one of this list with these filters; begin again without it.")
	}
	return c
}

// end makes sure that every parameter was understood.
func (q *query) end() error {
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			q.wrong("parameter-unknown", "A parameter is not known here; known are "+strings.Join(q.known, ", ")+".")
		}
	}
	if q.fault != nil {
		return q.fault
	}
	return nil
}

// A page is a part of a list; Next is there when it may go on.
type page struct {
	Items any    `json:"items"`
	Next  string `json:"next,omitempty"`
}

func (r *request) next(q *query, c cursor) string {
	c.List = r.list(q)
	data, err := json.Marshal(c)
	if err != nil { // strings and numbers only: cannot fail
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// reasonHeader says why personal data is read or a draft is taken back.
const reasonHeader = "Access-Reason"

// reason reads the reason that a caller gives, "" for none.
func (r *request) reason() (string, error) {
	text := r.Header.Get(reasonHeader)
	reason, err := url.PathUnescape(text)
	if err != nil || len(r.Header.Values(reasonHeader)) > 1 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", refuse(exchange.ProblemRequest, "reason-form", reasonHeader+" is there once; what is not ASCII is written as UTF-8, percent-encoded, and so is %.")
	}
	return reason, nil
}

func utc(t time.Time) time.Time { return t.UTC() }

// instant returns a time to be left out when it is zero.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
