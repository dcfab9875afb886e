package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// placeholders are what the texts of a story's bodies may hold, so that their
// dates fit whenever it is played. Dates count from the step's own day.
func (p *player) placeholders(at time.Time) template.FuncMap {
	return template.FuncMap{
		// {{day -3}}, {{month -40}}: three days before; the month 40 days before
		"day":   func(n int) string { return at.AddDate(0, 0, n).Format(time.DateOnly) },
		"month": func(n int) string { return at.AddDate(0, 0, n).Format("2006-01") },
		// {{moment 5 "09:00"}}: an hour in Ha Noi, five days later
		"moment": func(n int, hour string) (string, error) {
			t, err := time.ParseInLocation("2006-01-02 15:04", at.AddDate(0, 0, n).Format(time.DateOnly)+" "+hour, at.Location())
			return t.Format(time.RFC3339), err
		},
		// {{born 22}}: a year of birth
		"born": func(years int) string { return strconv.Itoa(at.Year() - years) },
		// {{id "question"}}: the jti of an earlier step's message
		"id": func(name string) (string, error) {
			sent, ok := p.sent[name]
			if !ok {
				return "", fmt.Errorf("no step %q has sent a message", name)
			}
			return sent.id, nil
		},
		// {{link}}: an opaque reference, the same throughout the story
		"link": func() string { return p.link },
	}
}

// newLink makes an opaque reference for a story.
func newLink() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// body writes a step's body as JSON.
func (p *player) body(s *step, at time.Time) (json.RawMessage, error) {
	if s.Countersigns != "" {
		return p.countersignature(s.Countersigns)
	}
	filled, err := fill(s.Body, p.placeholders(at))
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(filled)
	if err != nil {
		return nil, fmt.Errorf("write a body: %w", err)
	}
	return out, nil
}

// fill replaces the placeholders of every text in a body.
func fill(v any, with template.FuncMap) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			if out[name], err = fill(member, with); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			if out[i], err = fill(element, with); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		if !strings.Contains(v, "{{") {
			return v, nil
		}
		t, err := template.New("").Funcs(with).Parse(v)
		if err != nil {
			return nil, fmt.Errorf("a placeholder: %w", err)
		}
		var b strings.Builder
		if err := t.Execute(&b, nil); err != nil {
			return nil, fmt.Errorf("a placeholder: %w", err)
		}
		return b.String(), nil
	}
	return v, nil
}

// without returns a body that lacks one member.
func without(body json.RawMessage, pointer string) (json.RawMessage, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("read a body: %w", err)
	}
	above, name, _ := cutLast(pointer)
	parent, _ := resolve(v, above).(map[string]any)
	if _, there := parent[name]; !there {
		return nil, fmt.Errorf("the body has nothing at %s", pointer)
	}
	delete(parent, name)
	return json.Marshal(v)
}

func cutLast(pointer string) (above, name string, ok bool) {
	i := strings.LastIndexByte(pointer, '/')
	if i < 0 {
		return "", pointer, false
	}
	return pointer[:i], pointer[i+1:], true
}

// resolve returns what a JSON Pointer names, nil for nothing. The stories'
// names need no escaping.
func resolve(v any, pointer string) any {
	if pointer == "" {
		return v
	}
	for name := range strings.SplitSeq(pointer[1:], "/") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}
