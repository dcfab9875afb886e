package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The gateway runs under a role that may append and nothing more.
func TestPostgreSQLRoles(t *testing.T) {
	owner := newPostgres(t)
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "CREATE ROLE runner LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := conn.Exec(context.Background(), "DROP OWNED BY runner; DROP ROLE runner"); err != nil {
			t.Error(err)
		}
		_ = conn.Close(context.Background()) // it has served
	})
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("user", "runner")
	u.RawQuery = query.Encode()
	runner := u.String()

	p := newPair(t, "")
	p.vn.halt()
	config, err := os.ReadFile(p.vn.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.vn.config, []byte(strings.Replace(string(config), "store: gateway.db", "store: "+runner, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := runGateway(t, "check", "--config", p.vn.config); code == exitOK || !strings.Contains(errs, "gateway migrate") {
		t.Errorf("without a schema: %d %s", code, errs)
	}
	if _, errs, code := runGateway(t, "migrate", "--config", p.vn.config); code == exitOK {
		t.Errorf("the gateway's role makes tables: %s", errs)
	}
	if out, errs, code := runGateway(t, "migrate", "--config", p.vn.config, "--url", owner, "--grant", "runner"); code != exitOK {
		t.Fatalf("migrate: %d %s %s", code, out, errs)
	}
	body := p.vn.path("body.json")
	if err := writeSecret(body, schemas.Example(benchType)); err != nil {
		t.Fatal(err)
	}
	s := p.vn.serveProcess()
	message := p.kh.sign(p.kh.claims("VN"))
	if r := p.kh.post(p.vn, message); r.status != http.StatusAccepted {
		t.Errorf("%d %s", r.status, r.body)
	}
	if out, errs, code := runGateway(t, "send", body, "--config", p.vn.config, "--to", "KH", "--type", benchType, "--safeguard", "consent=2026-11-02", "--wait", "--timeout", "5s"); code != exitUnavailable || !strings.Contains(errs, "delivered, but no answer yet") || strings.Contains(errs, "outbox") {
		t.Errorf("send: %d %s %s", code, out, errs)
	}
	s.kill()
	if out, errs, code := runGateway(t, "check", "--config", p.vn.config); code != exitOK {
		t.Errorf("check: %d %s %s", code, out, errs)
	}

	as, err := pgx.Connect(ctx, runner)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = as.Close(ctx) }()
	for _, stmt := range []string{
		"UPDATE entry SET data = ''", "DELETE FROM entry", "TRUNCATE entry", "DROP TABLE entry",
		"UPDATE tile SET hashes = ''", "DELETE FROM tile", "UPDATE checkpoint SET note = ''", "DELETE FROM checkpoint",
		"UPDATE attempt SET detail = ''", "DELETE FROM attempt", "DELETE FROM cosignature", "DELETE FROM job", "DELETE FROM log_head",
		"UPDATE cosignature SET line = ''", "DELETE FROM witnessed", "DELETE FROM cases", "DELETE FROM lane", "UPDATE cases SET opened_at = 0", "UPDATE lane SET partner = ''", "UPDATE job SET ref = ''",
		"ALTER TABLE entry DISABLE TRIGGER ALL", "SET session_replication_role = replica", "CREATE TABLE mine (a int)",
	} {
		if _, err := as.Exec(ctx, stmt); err == nil {
			t.Errorf("the gateway's role may: %s", stmt)
		}
	}
	// The triggers stand in the owner's way too.
	for _, stmt := range []string{"UPDATE entry SET data = ''", "DELETE FROM entry", "TRUNCATE entry", "DELETE FROM checkpoint", "UPDATE tile SET hashes = ''",
		"DO $$ BEGIN SET LOCAL session_replication_role = replica; DELETE FROM entry; END $$"} {
		if _, err := conn.Exec(ctx, stmt); err == nil {
			t.Errorf("the owner may without taking the triggers away: %s", stmt)
		}
	}
}

// A full disk under PostgreSQL: nothing is acknowledged that is not recorded,
// and when there is room again the same bytes are taken.
func TestFullDiskUnderPostgreSQL(t *testing.T) {
	tracer, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is needed (make setup installs it): ", err)
	}
	ctx := t.Context()
	server, err := throwaway.Start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	url, err := server.Database(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, url)
	first := p.kh.sign(p.kh.claims("VN"))
	before := p.kh.post(p.vn, first)
	if before.status != http.StatusAccepted {
		t.Fatalf("%d %s", before.status, before.body)
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	var table, toast string
	err = conn.QueryRow(ctx, "SELECT pg_relation_filepath(oid), pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = 'entry'").Scan(&table, &toast)
	if err != nil {
		t.Fatal(err)
	}
	// Recovery would write these files too, before anybody can ask for anything.
	if _, err := conn.Exec(ctx, "CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(ctx) // the server is killed next
	server.Kill()
	// The first writes that make the table's files longer find no room.
	if err := server.Restart(ctx, tracer, "-D", "-f", "-qq", "-o", "/dev/null", "-P", server.Path(table), "-P", server.Path(toast),
		"-e", "inject=pwrite64,pwritev,fallocate:error=ENOSPC:when=1..4"); err != nil {
		t.Fatal(err)
	}
	full := 0
	for range 60 {
		message := p.kh.sign(p.kh.claims("VN"))
		r := p.kh.post(p.vn, message)
		for attempt := 0; r.status != http.StatusAccepted; attempt++ {
			if slug, _, _ := r.problem(); slug != "store-unavailable" || r.header.Get("Retry-After") == "" {
				t.Fatalf("on a full disk: %d %s", r.status, r.body)
			}
			if strings.Contains(p.vn.log.String(), "53100") {
				full++
			}
			if attempt > 100 {
				t.Fatal("the message is never taken")
			}
			r = p.kh.post(p.vn, message)
		}
	}
	if full == 0 {
		t.Error("the disk was never full")
	}
	if again := p.kh.post(p.vn, first); string(again.body) != string(before.body) {
		t.Errorf("the first receipt changed: %d %s", again.status, again.body)
	}
	eventually(t, "it is read over connections that the restart has not broken", func() bool {
		_, err := p.vn.node.db.Head(ctx)
		return err == nil
	})
	if n := len(p.vn.rows(exchange.Filter{Kind: exchange.KindMessage})); n != 61 {
		t.Errorf("%d messages", n)
	}
	p.vn.check()
}
