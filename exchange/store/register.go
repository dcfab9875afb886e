package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// PutPerson implements exchange.RegisterStore.
func (db *DB) PutPerson(ctx context.Context, key exchange.SubjectKey, tokens []identity.Token) error {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("index a person: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	var id int64
	var old []byte
	err = tx.QueryRowContext(ctx, "SELECT id, tokens FROM person WHERE partner = $1 AND case_id = $2 AND subject = $3", key.Partner, key.Case, key.Subject).Scan(&id, &old)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = tx.QueryRowContext(ctx, "INSERT INTO person (partner, case_id, subject, tokens) VALUES ($1, $2, $3, $4) RETURNING id",
			key.Partner, key.Case, key.Subject, packTokens(tokens)).Scan(&id)
	case err == nil && string(old) == string(packTokens(tokens)):
		return nil
	case err == nil:
		if err = dropTokens(ctx, tx, id, old); err == nil {
			_, err = tx.ExecContext(ctx, "UPDATE person SET tokens = $1 WHERE id = $2", packTokens(tokens), id)
		}
	}
	if err == nil {
		err = addTokens(ctx, tx, id, tokens)
	}
	if err != nil {
		return fmt.Errorf("index a person: %w", db.classify(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("index a person: %w", db.classifyCommit(err))
	}
	return nil
}

// addTokens writes a person's tokens in one statement.
func addTokens(ctx context.Context, tx *sql.Tx, id int64, tokens []identity.Token) error {
	if len(tokens) == 0 {
		return nil
	}
	var values strings.Builder
	for i, t := range tokens {
		if i > 0 {
			values.WriteString(", ")
		}
		fmt.Fprintf(&values, "(%d, %d)", uint32(t), id)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO person_token (token, person) VALUES "+values.String()+" ON CONFLICT DO NOTHING") // #nosec G202 -- numbers of ours only
	return err
}

func dropTokens(ctx context.Context, tx *sql.Tx, id int64, packed []byte) error {
	for _, t := range unpackTokens(packed) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM person_token WHERE token = $1 AND person = $2", int64(t), id); err != nil {
			return err
		}
	}
	return nil
}

// Candidates implements exchange.RegisterStore.
func (db *DB) Candidates(ctx context.Context, tokens []identity.Token, n int) (map[exchange.SubjectKey][]identity.Token, error) {
	out := map[exchange.SubjectKey][]identity.Token{}
	if len(tokens) == 0 {
		return out, nil
	}
	list := make([]string, len(tokens))
	for i, t := range tokens {
		list[i] = fmt.Sprint(uint32(t))
	}
	query := fmt.Sprintf(`SELECT p.partner, p.case_id, p.subject, p.tokens FROM person p JOIN (
			SELECT person, count(*) AS shared FROM person_token WHERE token IN (%s) GROUP BY person ORDER BY shared DESC, person DESC LIMIT %d
		) t ON t.person = p.id`, strings.Join(list, ", "), limit(n)) // #nosec G201 -- numbers of ours only
	err := each(ctx, db.reads, query, nil, func(rows *sql.Rows) error {
		var key exchange.SubjectKey
		var packed []byte
		err := rows.Scan(&key.Partner, &key.Case, &key.Subject, &packed)
		out[key] = unpackTokens(packed)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find persons: %w", db.classify(err))
	}
	return out, nil
}

// PutLink implements exchange.RegisterStore.
func (db *DB) PutLink(ctx context.Context, key exchange.CaseKey, link string) error {
	_, err := db.writes.ExecContext(ctx, "INSERT INTO link (partner, link, case_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", key.Partner, link, key.Case)
	if err != nil {
		return fmt.Errorf("store a link: %w", db.classify(err))
	}
	return nil
}

// Linked implements exchange.RegisterStore.
func (db *DB) Linked(ctx context.Context, key exchange.CaseKey) ([]exchange.CaseKey, error) {
	var out []exchange.CaseKey
	err := each(ctx, db.reads, `SELECT DISTINCT b.partner, b.case_id FROM link a JOIN link b ON b.partner = a.partner AND b.link = a.link
		WHERE a.partner = $1 AND a.case_id = $2 AND b.case_id <> a.case_id ORDER BY b.partner, b.case_id`, []any{key.Partner, key.Case},
		func(rows *sql.Rows) error {
			var k exchange.CaseKey
			err := rows.Scan(&k.Partner, &k.Case)
			out = append(out, k)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read links: %w", db.classify(err))
	}
	return out, nil
}

// Forget implements exchange.RegisterStore.
func (db *DB) Forget(ctx context.Context, key exchange.CaseKey) error {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("forget a case: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := forget(ctx, tx, key); err != nil {
		return fmt.Errorf("forget a case: %w", db.classify(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("forget a case: %w", db.classifyCommit(err))
	}
	return nil
}

// forget takes a case's persons and links out of the register.
func forget(ctx context.Context, tx *sql.Tx, key exchange.CaseKey) error {
	rows, err := tx.QueryContext(ctx, "SELECT id, tokens FROM person WHERE partner = $1 AND case_id = $2", key.Partner, key.Case)
	if err != nil {
		return err
	}
	tokens := map[int64][]byte{}
	for rows.Next() {
		var id int64
		var packed []byte
		if err := rows.Scan(&id, &packed); err != nil {
			return errors.Join(err, rows.Close())
		}
		tokens[id] = packed
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for id, packed := range tokens {
		if err := dropTokens(ctx, tx, id, packed); err != nil {
			return err
		}
	}
	for _, table := range []string{"person", "link"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE partner = $1 AND case_id = $2", key.Partner, key.Case); err != nil { // #nosec G202 -- two fixed names
			return err
		}
	}
	return nil
}

func packTokens(tokens []identity.Token) []byte {
	out := make([]byte, 0, 4*len(tokens))
	for _, t := range tokens {
		out = binary.BigEndian.AppendUint32(out, uint32(t))
	}
	return out
}

func unpackTokens(packed []byte) []identity.Token {
	out := make([]identity.Token, 0, len(packed)/4)
	for ; len(packed) >= 4; packed = packed[4:] {
		out = append(out, identity.Token(binary.BigEndian.Uint32(packed)))
	}
	return out
}
