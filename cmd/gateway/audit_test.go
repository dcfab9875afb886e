package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// An auditScene is a gateway's store with one of everything that follows from the
// record, and where it stood before the last messages.
type auditScene struct {
	*pair
	url      string // of PostgreSQL; "" for SQLite
	asked    string // the case that Cambodia opened, and we answered
	earlier  exchange.CaseRow
	sent     exchange.Sent // ours, delivered
	waiting  exchange.Sent // ours, not delivered
	given    exchange.Sent // ours, given up
	erased   string
	answered int64 // the index of our answer
}

// newAuditScene plays it; with erase one of the cases is erased.
func newAuditScene(t *testing.T, url string, erase bool) *auditScene {
	t.Helper()
	ctx := t.Context()
	s := &auditScene{pair: newPair(t, url), url: url}
	s.asked = s.converse(t)[0]
	key := exchange.CaseKey{Partner: "KH", Case: s.asked}
	var err error
	if s.earlier, err = s.vn.node.db.Case(ctx, key); err != nil {
		t.Fatal(err)
	}
	more, err := s.vn.node.outbox.Submit(ctx, exchange.Draft{To: "KH", Type: "nationality_confirmation", Case: s.asked,
		Body: []byte(`{"subjects":[{"subject_ref":"S-1","outcome":"confirmed","evidence_types":["civil_register"],"decided_on":"2026-11-20"},
			{"subject_ref":"S-2","outcome":"confirmed","evidence_types":["civil_register"],"decided_on":"2026-11-20"}]}`)}, consented)
	if err != nil {
		t.Fatal(err)
	}
	s.answered = more.Index
	s.sent = s.vn.submit("KH")
	for _, id := range []string{more.ID, s.sent.ID} {
		eventually(t, "it is delivered", func() bool { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: id})) == 1 })
	}
	erased := s.kh.claims("VN")
	s.kh.post(s.vn, s.kh.sign(erased))
	s.erased = erased.Case
	if erase {
		if err := s.vn.erase(ctx, exchange.CaseKey{Partner: "KH", Case: s.erased}); err != nil {
			t.Fatal(err)
		}
	}
	officer := exchange.Officer{ID: "officer-1", Name: "Somebody", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerSuspended}
	if err := s.vn.node.roster.Put(ctx, "", officer); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*testGateway{s.vn, s.kh} {
		for _, partner := range g.node.registry.Current().All() {
			if err := g.node.watch.Show(context.Background(), partner); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.kh.halt()
	s.given, s.waiting = s.vn.submit("KH"), s.vn.submit("KH")
	s.vn.halt()
	// One is given up, by the very entry that a courier would write.
	s.giveUp(t, s.given)
	return s
}

// giveUp ends the delivery of a message.
func (s *auditScene) giveUp(t *testing.T, sent exchange.Sent) {
	t.Helper()
	cfg, err := LoadConfig(s.vn.config, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := openNode(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	jobs, err := n.db.JobsOf(t.Context(), "KH", sent.ID)
	if err != nil {
		t.Fatal(err)
	}
	err = n.committer.Record(t.Context(), &exchange.Entry{
		Kind: exchange.KindFailure, Partner: "KH", Direction: exchange.Out, ID: sent.ID, Case: sent.Case, Data: []byte("{}"),
		Settle: &exchange.Settlement{JobID: jobs[0].ID, State: exchange.JobDead, Attempt: exchange.Attempt{JobID: jobs[0].ID, Number: jobs[0].Attempt + 1, At: time.Now(), Outcome: "dead"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// copied copies the store and returns the configuration and a connection for
// whoever spoils the copy.
func (s *auditScene) copied(t *testing.T) (*Config, *sql.DB) {
	t.Helper()
	cfg, err := LoadConfig(s.vn.config, nil)
	if err != nil {
		t.Fatal(err)
	}
	driver, source := "sqlite", ""
	if s.url == "" {
		data, err := os.ReadFile(s.vn.path("gateway.db"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Store = path.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(cfg.Store, data, 0o600); err != nil {
			t.Fatal(err)
		}
		source = "file:" + cfg.Store
	} else {
		driver = "pgx"
		u, err := url.Parse(s.url)
		if err != nil {
			t.Fatal(err)
		}
		target := newPostgres(t)
		into, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		server, err := postgres()
		if err != nil {
			t.Fatal(err)
		}
		admin, err := sql.Open("pgx", server.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		name := strings.TrimPrefix(into.Path, "/")
		for _, stmt := range []string{"DROP DATABASE " + name, "CREATE DATABASE " + name + " TEMPLATE " + strings.TrimPrefix(u.Path, "/")} {
			if _, err := admin.Exec(stmt); err != nil {
				t.Fatalf("%s: %v", stmt, err)
			}
		}
		cfg.Store, source = target, target
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return cfg, db
}

// disarm takes the triggers away and returns what puts them back, as somebody
// does who leaves no traces.
func disarm(t testing.TB, db *sql.DB, kind string) (rearm func()) {
	t.Helper()
	query, off := "SELECT sql, 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'", ""
	if kind == store.PostgreSQL {
		query = `SELECT DISTINCT 'ALTER TABLE ' || relname || ' ENABLE ALWAYS TRIGGER ' || tgname, 'ALTER TABLE ' || relname || ' DISABLE TRIGGER ' || tgname
			FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal`
	}
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	var on []string
	var offs []string
	for rows.Next() {
		var again string
		if err := rows.Scan(&again, &off); err != nil {
			t.Fatal(err)
		}
		on, offs = append(on, again), append(offs, off)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(stmts []string) {
		for _, stmt := range stmts {
			if _, err := db.Exec(stmt); err != nil {
				t.Fatalf("%s: %v", stmt, err)
			}
		}
	}
	run(offs)
	return func() { run(on) }
}

// found checks a store and returns the rules that something breaks.
func found(t *testing.T, cfg *Config) ([]string, *exchange.AuditReport) {
	t.Helper()
	n := &node{cfg: cfg, log: slog.New(slog.DiscardHandler)}
	defer n.close()
	if err := n.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.openKeys(); err != nil {
		t.Fatal(err)
	}
	report, err := n.audit(t.Context(), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, f := range report.Findings {
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules), report
}

// P4: whatever follows from the record, and was altered beside it by somebody
// who owns the database, is found and named.
func TestCheckFindsWhatDoesNotFollow(t *testing.T) {
	for _, kind := range []string{store.SQLite, store.PostgreSQL} {
		t.Run(kind, func(t *testing.T) {
			url := ""
			if kind == store.PostgreSQL {
				url = newPostgres(t)
			}
			s := newAuditScene(t, url, true)
			cfg, _ := s.copied(t)
			if rules, report := found(t, cfg); len(rules) != 0 || report.Cases < 6 || report.Receipts < 2 || report.Deliveries < 5 || len(report.Cosigned) != 1 {
				t.Fatalf("untouched: %+v", report)
			}
			tried := map[string]bool{}
			for name, c := range s.tamperings() {
				// Each takes a copy of a database: on PostgreSQL one of a kind will do,
				// for what is compared does not depend on the store.
				if rules := fmt.Sprint(c.rules); kind == store.PostgreSQL && tried[rules] {
					continue
				} else {
					tried[rules] = true
				}
				t.Run(name, func(t *testing.T) {
					cfg, db := s.copied(t)
					rearm := disarm(t, db, kind)
					res, err := db.Exec(c.stmt, c.args...)
					if err != nil {
						t.Fatal(err)
					}
					if n, err := res.RowsAffected(); err != nil || n == 0 {
						t.Fatalf("nothing was altered (%v)", err)
					}
					rearm()
					rules, report := found(t, cfg)
					if !slices.Equal(rules, c.rules) {
						t.Errorf("found %v, want %v: %+v", rules, c.rules, report.Findings)
					}
					if text := fmt.Sprint(report.Findings); !strings.Contains(text, c.names) {
						t.Errorf("what was found does not name %q: %s", c.names, text)
					}
				})
			}
			t.Run("a trigger is gone", func(t *testing.T) {
				cfg, db := s.copied(t)
				disarm(t, db, kind)
				if rules, report := found(t, cfg); !slices.Equal(rules, []string{exchange.RuleGuard}) {
					t.Errorf("found %+v", report.Findings)
				}
			})
			t.Run("the lock is gone", func(t *testing.T) {
				cfg, _ := s.copied(t)
				cfg.Log.Lock = path.Join(t.TempDir(), "nowhere")
				if rules, report := found(t, cfg); !slices.Equal(rules, []string{exchange.RuleLock}) {
					t.Errorf("found %+v", report.Findings)
				}
			})
		})
	}
}

// A check that runs while messages come and go finds nothing that only looks
// wrong in passing.
func TestCheckWhileMessagesArrive(t *testing.T) {
	for _, kind := range []string{store.SQLite, store.PostgreSQL} {
		t.Run(kind, func(t *testing.T) {
			url := ""
			if kind == store.PostgreSQL {
				url = newPostgres(t)
			}
			p := newPair(t, url)
			clients := newCrowd(p)
			p.vn.reload()
			size := func() int64 { return p.vn.node.committer.Released().Size }
			meanwhile := 0 // checks that ended before the last message of theirs came
			for range 6 {
				before := size()
				var busy sync.WaitGroup
				busy.Go(func() { clients.load(t.Context(), 4, 16) })
				busy.Go(func() {
					for range 16 {
						p.vn.submit("KH")
					}
				})
				eventually(t, "messages arrive", func() bool { return size() > before })
				report, err := p.vn.node.audit(t.Context(), true, nil)
				busy.Wait()
				if err != nil {
					t.Fatal(err)
				}
				if !report.OK() {
					t.Errorf("%+v", report.Findings)
				}
				if report.Size <= before {
					t.Errorf("a check of %d entries met no new message after %d", report.Size, before)
				}
				if size() > report.Size {
					meanwhile++
				}
			}
			if meanwhile < 2 {
				t.Errorf("only %d checks were overtaken by messages, of %d entries", meanwhile, size())
			}
			p.vn.check()
		})
	}
}

type tampering struct {
	stmt  string
	args  []any
	rules []string // that must be found broken, and no other
	names string   // what the findings must name
}

func (s *auditScene) tamperings() map[string]tampering {
	is := func(rules ...string) []string { return rules }
	entry := fmt.Sprintf("entry %d", s.answered)
	return map[string]tampering{
		"a receipt is gone":          {`UPDATE entry SET receipt = NULL WHERE idx = 0`, nil, is(exchange.RuleReceipt), "entry 0"},
		"all receipts are gone":      {`UPDATE entry SET receipt = NULL WHERE receipt IS NOT NULL`, nil, is(exchange.RuleReceipt), "entry 0"},
		"the receipt of another":     {`UPDATE entry SET receipt = data WHERE idx = 0`, nil, is(exchange.RuleReceipt, record.RuleUnreadable), "entry 0"},
		"an erased one's receipt":    {`UPDATE entry SET receipt = NULL WHERE case_id = $1`, []any{s.erased}, is(exchange.RuleReceipt), "acknowledged"},
		"a receipt too many":         {`UPDATE entry SET receipt = data WHERE kind = 'receipt'`, nil, is(exchange.RuleReceipt, record.RuleUnreadable), "never has"},
		"it answers another":         {`UPDATE entry SET in_reply_to = 'something-else' WHERE in_reply_to <> ''`, nil, is(exchange.RuleReply), "in_reply_to"},
		"it answers nothing":         {`UPDATE entry SET in_reply_to = '' WHERE in_reply_to <> ''`, nil, is(exchange.RuleReply), "in_reply_to"},
		"a checkpoint is gone":       {`DELETE FROM checkpoint WHERE size = 1`, nil, is(record.RuleCheckpoint, exchange.RuleReceipt), "size 1"},
		"every checkpoint is gone":   {`DELETE FROM checkpoint`, nil, is(record.RuleCheckpoint, exchange.RuleReceipt), "size 1"},
		"the last checkpoint":        {`DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)`, nil, is(record.RuleCheckpoint), "not stored"},
		"another state":              {`UPDATE cases SET state = 'CLOSED' WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleCase), s.asked},
		"another turn":               {`UPDATE cases SET turn = CASE turn WHEN 'us' THEN 'partner' ELSE 'us' END WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleCase), "turn"},
		"another kind":               {`UPDATE cases SET kind = 'information' WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleCase), "kind"},
		"another kind, erased":       {`UPDATE cases SET kind = 'information' WHERE case_id = $1`, []any{s.erased}, is(exchange.RuleCase), s.erased},
		"said to be erased":          {`UPDATE cases SET erased_to = 100000 WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleBook, exchange.RuleCase), "erased_to"},
		"erased further":             {`UPDATE cases SET erased_to = erased_to + 1 WHERE case_id = $1`, []any{s.erased}, is(exchange.RuleCase), "erased_to"},
		"opened at another time":     {`UPDATE cases SET opened_at = opened_at + 1 WHERE case_id = $1`, []any{s.erased}, is(exchange.RuleCase), "opened_at"},
		"moved at another time":      {`UPDATE cases SET moved_at = moved_at + 1 WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleCase), "moved_at"},
		"no deadline":                {`UPDATE cases SET due_at = 9223372036854775807 WHERE due_at < 9223372036854775807`, nil, is(exchange.RuleCase), "due_at"},
		"a later deadline":           {`UPDATE cases SET due_at = due_at + 1 WHERE due_at < 9223372036854775807`, nil, is(exchange.RuleCase), "due_at"},
		"a deadline long ended":      {`UPDATE cases SET due_at = 1 WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleCase), "due_at"},
		"a deadline of nothing":      {`UPDATE cases SET due_at = 1 WHERE case_id = ''`, nil, is(exchange.RuleCase), "deadline"},
		"the book is gone":           {`UPDATE cases SET book = NULL WHERE case_id = $1`, []any{s.asked}, is(exchange.RuleBook), "no book"},
		"the book of another":        {`UPDATE cases SET book = (SELECT book FROM cases c WHERE c.case_id = $2) WHERE case_id = $1`, []any{s.asked, s.sent.Case}, is(exchange.RuleBook), s.asked},
		"the book is set back":       {`UPDATE cases SET book = $2 WHERE case_id = $1`, []any{s.asked, s.earlier.Book}, is(exchange.RuleBook), entry},
		"book and state are set":     {`UPDATE cases SET book = $2, state = $3, turn = $4, moved_at = $5 WHERE case_id = $1`, []any{s.asked, s.earlier.Book, string(s.earlier.State), string(s.earlier.Turn), s.earlier.MovedAt.UnixMilli()}, is(exchange.RuleBook, exchange.RuleCase), entry},
		"a case is gone":             {`DELETE FROM cases WHERE case_id = $1`, []any{s.erased}, is(exchange.RuleCase, record.RuleUnreadable), s.erased},
		"a case of nothing":          {`INSERT INTO cases (partner, case_id, state, opened_at, moved_at, kek_id) VALUES ('KH', 'nothing-at-all', 'OPENED', 1, 1, '')`, nil, is(exchange.RuleCase), "nothing-at-all"},
		"a number is set back":       {`UPDATE lane SET seq = 1 WHERE partner = 'KH' AND direction = 'in'`, nil, is(exchange.RuleLane), "1"},
		"a number too far":           {`UPDATE lane SET seq = seq + 1 WHERE partner = 'KH' AND direction = 'out'`, nil, is(exchange.RuleLane), "out"},
		"a lane is gone":             {`DELETE FROM lane WHERE partner = 'KH' AND direction = 'in'`, nil, is(exchange.RuleLane), "KH"},
		"a delivery is gone":         {`DELETE FROM job WHERE ref = $1`, []any{s.waiting.ID}, is(exchange.RuleJob), fmt.Sprintf("entry %d", s.waiting.Index)},
		"a delivery is called done":  {`UPDATE job SET state = 'done' WHERE ref = $1`, []any{s.waiting.ID}, is(exchange.RuleJob), fmt.Sprintf("entry %d", s.waiting.Index)},
		"a delivery is called dead":  {`UPDATE job SET state = 'dead' WHERE ref = $1`, []any{s.waiting.ID}, is(exchange.RuleJob), fmt.Sprintf("entry %d", s.waiting.Index)},
		"a failure is called done":   {`UPDATE job SET state = 'done' WHERE ref = $1`, []any{s.given.ID}, is(exchange.RuleJob), fmt.Sprintf("entry %d", s.given.Index)},
		"a delivered one is due":     {`UPDATE job SET state = 'due' WHERE ref = $1`, []any{s.sent.ID}, is(exchange.RuleJob), fmt.Sprintf("entry %d", s.sent.Index)},
		"a delivery of nothing":      {`UPDATE job SET ref = 'nothing-at-all' WHERE ref = $1`, []any{s.waiting.ID}, is(exchange.RuleJob), "nothing-at-all"},
		"the attempts are gone":      {`DELETE FROM attempt`, nil, is(exchange.RuleAttempt), fmt.Sprintf("entry %d", s.sent.Index)},
		"an officer is gone":         {`DELETE FROM officer`, nil, is(exchange.RuleOfficer), "officer-1"},
		"an officer nobody put":      {`INSERT INTO officer (id, changed_at, content) SELECT 'officer-2', 1, content FROM officer`, nil, is(exchange.RuleOfficer), "officer-2"},
		"an officer is another":      {`UPDATE officer SET content = (SELECT wrapped FROM cases WHERE partner = '' AND case_id = '')`, nil, is(exchange.RuleOfficer), "officer-1"},
		"a case is given away":       {`INSERT INTO case_officer (partner, case_id, officer) VALUES ('KH', $1, 'officer-1')`, []any{s.asked}, is(exchange.RuleAssigned), s.asked},
		"another size was witnessed": {`UPDATE witnessed SET size = size + 1`, nil, is(exchange.RuleWitness), "kh.gateway.example"},
		"a cosignature of more":      {`UPDATE cosignature SET size = 9999`, nil, is(record.RuleBehind), "9999"},
	}
}

// downgrade makes of a database what it was before there were books of cases: it
// drops whatever the first migration does not create, also of migrations to come.
func downgrade(t *testing.T, db *sql.DB, kind string) {
	t.Helper()
	first, err := os.ReadFile(filepath.Join("../../exchange/store/migrations", kind, "00001_record.sql"))
	if err != nil {
		t.Fatal(err)
	}
	// Each statement that drops something, triggers before tables before the rest,
	// and the name of what it drops.
	query := `SELECT 'DROP ' || type || ' IF EXISTS ' || name, name FROM sqlite_master
		WHERE type IN ('trigger', 'table', 'index') AND name NOT LIKE 'sqlite_%' ORDER BY 1 DESC`
	if kind == store.PostgreSQL {
		query = `SELECT 'DROP TABLE ' || tablename || ' CASCADE', tablename FROM pg_tables WHERE schemaname = current_schema()
			UNION ALL SELECT 'DROP INDEX IF EXISTS ' || i.indexname, i.indexname FROM pg_indexes i WHERE i.schemaname = current_schema()
				AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = i.indexname)
			UNION ALL SELECT 'DROP FUNCTION ' || proname || ' CASCADE', proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
			UNION ALL SELECT 'DROP TRIGGER IF EXISTS ' || tgname || ' ON ' || tgrelid::regclass, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
				WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
			ORDER BY 1 DESC`
	}
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var stmt, name string
		if err := rows.Scan(&stmt, &name); err != nil {
			t.Fatal(err)
		}
		if name != "goose_db_version" && !regexp.MustCompile(`(?i)create (unique )?\w+ `+name+`\b`).Match(first) {
			drops = append(drops, stmt)
		}
	}
	if err := rows.Err(); err != nil || len(drops) == 0 {
		t.Fatal("nothing is newer", err)
	}
	_, of, _ := strings.Cut(string(first), "CREATE TABLE cases (")
	of, _, _ = strings.Cut(of, "\n)")
	for _, column := range columnsOf(t, db, "cases") {
		if !regexp.MustCompile(`(?m)^\s+` + column + `\b`).MatchString(of) {
			drops = append(drops, "ALTER TABLE cases DROP COLUMN "+column)
		}
	}
	for _, stmt := range append(drops, "DELETE FROM goose_db_version WHERE version_id > 1") {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
}

// columnsOf names the columns of a table.
func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table + " LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// A database of an earlier program has cases with a state and no book: the
// books are made from the record, and are what they would have been.
func TestUpgradeMakesTheBooks(t *testing.T) {
	for _, kind := range []string{store.SQLite, store.PostgreSQL} {
		t.Run(kind, func(t *testing.T) {
			url := ""
			if kind == store.PostgreSQL {
				url = newPostgres(t)
			}
			s := newAuditScene(t, url, false) // no such program could erase
			for _, by := range []string{"migrate", "serve"} {
				cfg, db := s.copied(t)
				was := s.books(t, cfg)
				downgrade(t, db, kind)
				for _, stmt := range []string{"DELETE FROM job WHERE kind = 'clock'", "UPDATE cases SET state = 'SOMETHING' WHERE wrapped IS NOT NULL"} {
					if _, err := db.Exec(stmt); err != nil {
						t.Fatalf("%s: %v", stmt, err)
					}
				}
				t.Setenv("GATEWAY_STORE", cfg.Store)
				if out, errs, code := runGateway(t, "migrate", "--config", s.vn.config); by == "migrate" && (code != exitOK || !strings.Contains(out, "made the books of ")) {
					t.Errorf("migrate: %d %s %s", code, out, errs)
				}
				if by == "serve" {
					// As if it had been stopped half way.
					if _, err := db.Exec("UPDATE cases SET book = NULL, state = 'SOMETHING', kind = '', turn = '' WHERE case_id >= '5'"); err != nil {
						t.Fatal(err)
					}
				}
				n, err := openNode(t.Context(), cfg, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				n.close()
				is := s.books(t, cfg)
				for key, book := range was {
					if is[key] != book {
						t.Errorf("%s: %s was\n%s\nand is\n%s", by, key, book, is[key])
					}
				}
				// Officers are not made from the record.
				if rules, report := found(t, cfg); !slices.Equal(rules, []string{exchange.RuleOfficer}) {
					t.Errorf("%s: found %+v", by, report.Findings)
				}
			}
		})
	}
}

// books returns every case of a store with its book, in clear.
func (s *auditScene) books(t *testing.T, cfg *Config) map[exchange.CaseKey]string {
	t.Helper()
	n := &node{cfg: cfg, log: slog.New(slog.DiscardHandler)}
	defer n.close()
	if err := n.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.openKeys(); err != nil {
		t.Fatal(err)
	}
	cases, err := n.db.Cases(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	out := map[exchange.CaseKey]string{}
	for _, c := range cases {
		book, err := n.opener.Book(t.Context(), c.CaseKey)
		if err != nil {
			t.Fatal(err)
		}
		out[c.CaseKey] = fmt.Sprintf("%s %s %s %v %v %+v", c.Kind, c.State, c.Turn, c.MovedAt, c.DueAt, book.Notes)
	}
	return out
}
