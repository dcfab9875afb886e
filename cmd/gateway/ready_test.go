package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A gateway that cannot record says so while it lasts, also when nobody sends
// anything, and is ready again by itself.
func TestNotReadyWhileNothingIsRecorded(t *testing.T) {
	for _, of := range []string{"sqlite", "postgres"} {
		t.Run(of, func(t *testing.T) {
			url := ""
			if of == "postgres" {
				url = newPostgres(t)
			}
			p := newPair(t, url)
			p.vn.halt()
			db := p.vn.tables()
			exec := func(stmt string) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), stmt); err != nil {
					t.Fatal(err)
				}
			}
			s := p.vn.serveProcess()
			defer s.kill()
			// As a full disk would: everything can be read, nothing is written.
			if of == "postgres" {
				exec("ALTER TABLE entry ADD CONSTRAINT no_room CHECK (false) NOT VALID")
			} else {
				exec("CREATE TRIGGER no_room BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'no room'); END")
			}
			message := p.kh.sign(p.kh.claims("VN"))
			for range 2 {
				if slug, _, _ := p.kh.post(p.vn, message).problem(); slug != "store-unavailable" {
					t.Errorf("the message was answered with %s", slug)
				}
				var ready readiness
				code, body := ask(t, p.vn.admin, "/readyz")
				if err := json.Unmarshal([]byte(body), &ready); err != nil || code != http.StatusServiceUnavailable || ready.Ready || !strings.Contains(strings.Join(ready.Problems, "\n"), "nothing is recorded since") {
					t.Errorf("readyz while every message is refused: %d %s %v", code, body, err)
				}
			}
			if of == "postgres" {
				exec("ALTER TABLE entry DROP CONSTRAINT no_room")
			} else {
				exec("DROP TRIGGER no_room")
			}
			eventually(t, "it is ready again without a message", func() bool {
				code, _ := ask(t, p.vn.admin, "/readyz")
				return code == http.StatusOK
			})
			if r := p.kh.post(p.vn, message); r.status != http.StatusAccepted {
				t.Errorf("afterwards: %d %s", r.status, r.body)
			}
			s.kill()
			p.vn.start()
			if rows := p.vn.rows(exchange.Filter{Type: "recording_resumed"}); len(rows) != 1 {
				t.Errorf("the record says %d times that recording went on", len(rows))
			}
			p.vn.check()
		})
	}
}
