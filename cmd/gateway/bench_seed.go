package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A seeder fills a record with cases of a year: a message each half minute. The
// record is written by the committer into SQLite, as all records are; the
// persons' tokens, which a follower would write one after the other, are written
// all at once. PostgreSQL gets a copy of the same tables.
type seeder struct {
	bench *listBench
	file  string
	done  atomic.Int64 // messages
}

// messagesOfCase is how many messages a seeded case has: two questions and their
// answers, a confirmation, and the end.
const messagesOfCase = 6

// now is when the next message comes; at the end it is the machine's clock.
func (s *seeder) now() time.Time {
	return time.Now().Add(-time.Duration(int64(s.bench.messages)-s.done.Load()) * 30 * time.Second)
}

func (s *seeder) fill(ctx context.Context) error {
	started := time.Now()
	cases := s.bench.messages / messagesOfCase
	for _, o := range []*exchange.Officer{&s.bench.officer, &benchColleague, &benchChief} {
		if err := s.bench.node.roster.Put(ctx, "", *o); err != nil {
			return err
		}
	}
	var next atomic.Int64
	errs := make([]error, 256)
	var wait sync.WaitGroup
	for hand := range errs {
		wait.Go(func() {
			for errs[hand] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= cases {
					return
				}
				if errs[hand] = s.life(ctx, i); errs[hand] == nil {
					errs[hand] = s.assign(ctx, i)
				}
				if (i+1)%20000 == 0 {
					fmt.Fprintf(s.bench.progress, "%s: %d cases in %.0f s\n", s.bench.kind, i+1, time.Since(started).Seconds())
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("fill the record: %w", err)
		}
	}
	s.done.Store(int64(s.bench.messages))
	if err := s.persons(ctx, cases); err != nil {
		return fmt.Errorf("fill the index of persons: %w", err)
	}
	fmt.Fprintf(s.bench.progress, "%s: filled in %.0f s\n", s.bench.kind, time.Since(started).Seconds())
	return nil
}

// partnerOf gives Cambodia half of the cases and the others the rest.
func partnerOf(i int) string { return []string{"KH", "LA", "KH", "CN", "KH", "GB"}[i%6] }

func caseOf(i int) string { return fmt.Sprintf("case-%07d", i) }

// life records the messages of a case. The newest wait for our answer, and a few
// old ones that were forgotten.
func (s *seeder) life(ctx context.Context, i int) error {
	partner, caseID := partnerOf(i), caseOf(i)
	open := i%5000 == 0 || i*200 > 199*s.bench.messages/messagesOfCase
	ids := make([]string, messagesOfCase)
	for step, m := range []struct {
		direction   exchange.Direction
		kind, value string
		answers     int
	}{
		{exchange.In, exchange.TypeIdentityRequest, "", -1},
		{exchange.Out, exchange.TypeIdentityResponse, "match", 0},
		{exchange.Out, exchange.TypeNationality, "confirmed", -1},
		{exchange.In, exchange.TypeTracingRequest, "", -1},
		{exchange.Out, exchange.TypeTracingResponse, "found", 3},
		{exchange.In, exchange.TypeWithdrawal, "closed", -1},
	} {
		at := s.now()
		ids[step] = exchange.NewID()
		data, err := s.signed(partner, caseID, ids[step], m.kind)
		if err != nil {
			return err
		}
		e := &exchange.Entry{
			Kind: exchange.KindMessage, Partner: partner, Direction: m.direction, ID: ids[step], Case: caseID, Type: m.kind,
			Said: exchange.Said{IssuedAt: at.Unix(), Subjects: []exchange.Decision{{Ref: "S-1", Value: m.value}}},
			Data: data, Deliver: m.direction == exchange.Out,
		}
		if m.kind == exchange.TypeWithdrawal {
			e.Said.Target, e.Said.Subjects[0].Ref = ids[0], "" // for the whole case
		}
		if m.answers >= 0 {
			e.InReplyTo = ids[m.answers]
		}
		if err := s.bench.node.committer.Record(ctx, e); err != nil {
			return err
		}
		s.done.Add(1)
		if open {
			s.done.Add(messagesOfCase - 1)
			return nil
		}
	}
	return nil
}

// Of ten cases one is assigned to a colleague, and of a hundred one to the officer
// who asks.
var (
	benchColleague = exchange.Officer{ID: "colleague", Name: "An invented officer", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}
	benchChief     = exchange.Officer{ID: "chief", Name: "An invented officer", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}
)

func (s *seeder) assign(ctx context.Context, i int) error {
	to := benchColleague.ID
	switch {
	case i%100 == 3:
		to = s.bench.officer.ID
	case i%10 != 6:
		return nil
	}
	return s.bench.node.files.Assign(ctx, &benchChief, exchange.CaseKey{Partner: partnerOf(i), Case: caseOf(i)}, []string{to}, "")
}

// signed is a message that can be opened: the example of its schema.
func (s *seeder) signed(partner, caseID, id, kind string) ([]byte, error) {
	payload, err := json.Marshal(exchange.Claims{Issuer: partner, Audience: "VN", ID: id, Case: caseID, Type: kind, Body: schemas.Example(kind)})
	if err != nil {
		return nil, fmt.Errorf("write the claims: %w", err)
	}
	return s.bench.node.signer.Sign(exchange.TypMessage, payload)
}

// inventedPerson is the person of a case: names that occur as often as names do,
// put together at random.
func inventedPerson(i int) identity.Person {
	pick := func(list string, salt uint32) string {
		words := strings.Fields(list)
		h := uint32(i)*2654435761 + salt*40503 // #nosec G115 -- it only scatters
		h ^= h >> 15
		h *= 2246822519
		h ^= h >> 13
		return words[int(h)%len(words)]
	}
	family := pick("Nguyen Nguyen Nguyen Nguyen Tran Tran Le Le Pham Hoang Phan Vu Dang Bui Do Ho Ngo Duong Ly Lo", 1)
	middle := pick("Thi Thi Thi Thi Van Ngoc Minh Thu Kim Hong Thanh Bao Gia Hai Xuan Quoc", 2)
	given := pick("Mau Thu Lan Hoa Mai Huong Linh Trang Thao Nga Hang Yen Dung Hien Ly My Oanh Phuong Quyen Thuy Tuyet Van Vy Xuan An Binh Chi Diep Giang Ha Khanh Loan Minh Nhung Nhu Tam Tham Thom Tuoi Uyen", 3)
	return identity.Person{
		Names: []identity.Name{{Native: family + " " + middle + " " + given, Latin: family + " " + middle + " " + given, Language: "vi"}},
		Birth: fmt.Sprintf("%d", 1965+int(uint32(i)*2246822519>>8)%45), // #nosec G115 -- it only scatters
	}
}

// A tokenRow is one token of one person.
type tokenRow struct {
	token  identity.Token
	person int64
}

// persons fills the blind index, and settles what a courier would have.
func (s *seeder) persons(ctx context.Context, cases int) error {
	_, index, err := openIndex(s.bench.node.cfg.Encryption.Index)
	if err != nil {
		return err
	}
	tokens := make([][]identity.Token, cases)
	var wait sync.WaitGroup
	for worker := range runtime.NumCPU() {
		wait.Go(func() {
			for i := worker; i < cases; i += runtime.NumCPU() {
				tokens[i] = index.Tokens(inventedPerson(i))
			}
		})
	}
	wait.Wait()
	rows := make([]tokenRow, 0, cases*identity.TokensPerPerson)
	for i, list := range tokens {
		for _, t := range list {
			rows = append(rows, tokenRow{t, int64(i + 1)})
		}
	}
	slices.SortFunc(rows, func(a, b tokenRow) int { return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.person, b.person)) })
	due := s.now().Add(-48 * time.Hour).UnixMilli()
	settle := []string{
		"UPDATE job SET state = 'done' WHERE idx % 1000 <> 0",
		fmt.Sprintf("UPDATE cases SET due_at = %d + (opened_at %% 1000000000) WHERE turn = 'us'", due),
		"UPDATE case_officer SET due_at = c.due_at FROM cases c WHERE c.partner = case_officer.partner AND c.case_id = case_officer.case_id",
	}
	return s.insert(ctx, tokens, rows, append(settle, "ANALYZE"))
}

func packed(tokens []identity.Token) []byte {
	var out []byte
	for _, t := range tokens {
		out = binary.BigEndian.AppendUint32(out, uint32(t))
	}
	return out
}

// insert writes them into SQLite in the order of their keys.
func (s *seeder) insert(ctx context.Context, tokens [][]identity.Token, rows []tokenRow, settle []string) error {
	db, err := sql.Open("sqlite", "file:"+s.file)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { _ = db.Close() }() // all is committed
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	for i, list := range tokens {
		if _, err := tx.ExecContext(ctx, "INSERT INTO person (partner, case_id, subject, tokens) VALUES ($1, $2, 'S-1', $3)", partnerOf(i), caseOf(i), packed(list)); err != nil {
			return fmt.Errorf("copy persons: %w", err)
		}
	}
	for chunk := range slices.Chunk(rows, 500) {
		var values strings.Builder
		for i, r := range chunk {
			if i > 0 {
				values.WriteString(", ")
			}
			fmt.Fprintf(&values, "(%d, %d)", r.token, r.person)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO person_token (token, person) VALUES "+values.String()); err != nil { // #nosec G202 -- numbers of ours only
			return fmt.Errorf("copy tokens: %w", err)
		}
	}
	for _, stmt := range settle {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("%s: %w", stmt, err)
		}
	}
	return tx.Commit()
}

// copied are the tables that make the same record of another database, each in
// the order of its key.
var copied = []struct{ table, columns, order string }{
	{"entry", "idx, kind, partner, direction, seq, id, type, case_id, in_reply_to, at, leaf, leaf_hash, data, salt, receipt", "idx"},
	{"tile", "level, n, hashes, root", "level, n"},
	{"checkpoint", "size, note, at", "size"},
	{"cases", "partner, case_id, kind, state, turn, due_at, opened_at, moved_at, kek_id, wrapped, book", "partner, case_id"},
	{"case_officer", "partner, case_id, officer, due_at, moved_at", "partner, case_id, officer"},
	{"lane", "partner, direction, seq", "partner"},
	{"job", "id, queue, kind, ref, idx, state, attempt, first_at, due_at, leased_until", "id"},
	{"officer", "id, changed_at, content", "id"},
	{"person", "id, partner, case_id, subject, tokens", "id"},
	{"person_token", "token, person", "token, person"},
}

// copyRecord copies the record of a SQLite file into an empty PostgreSQL.
func copyRecord(ctx context.Context, from, to string, progress io.Writer) error {
	started := time.Now()
	source, err := sql.Open("sqlite", "file:"+from)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { _ = source.Close() }() // it was only read
	target, err := pgx.Connect(ctx, to)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = target.Close(ctx) }() // all is committed
	for _, c := range copied {
		rows, err := source.QueryContext(ctx, "SELECT "+c.columns+" FROM "+c.table+" ORDER BY "+c.order) // #nosec G202 -- our own words
		if err != nil {
			return fmt.Errorf("read %s: %w", c.table, err)
		}
		columns := strings.Split(c.columns, ", ")
		_, err = target.CopyFrom(ctx, pgx.Identifier{c.table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
			if !rows.Next() {
				return nil, rows.Err()
			}
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			return values, rows.Scan(into...)
		}))
		if err := errors.Join(err, rows.Close()); err != nil {
			return fmt.Errorf("copy %s: %w", c.table, err)
		}
	}
	var size int64
	var checkpoint []byte
	if err := source.QueryRowContext(ctx, "SELECT size, checkpoint FROM log_head").Scan(&size, &checkpoint); err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	if _, err := target.Exec(ctx, "UPDATE log_head SET size = $1, checkpoint = $2", size, checkpoint); err != nil {
		return fmt.Errorf("write the head: %w", err)
	}
	for _, settle := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} { // or it would do both to what was loaded while the pages are measured
		if _, err := target.Exec(ctx, settle); err != nil {
			return fmt.Errorf("%s: %w", settle, err)
		}
	}
	fmt.Fprintf(progress, "postgres: copied in %.0f s\n", time.Since(started).Seconds())
	return nil
}
