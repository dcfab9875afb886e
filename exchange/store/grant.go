package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrRole means that there is no such role.
var ErrRole = errors.New("privileges cannot be given to this role")

// Grant gives a PostgreSQL role what the gateway needs and no more: it may
// read and append, and change only those columns of heads, lanes, cases and
// jobs that move on. The owner of the tables, who may migrate, should be
// another role.
func (db *DB) Grant(ctx context.Context, role string) error {
	if db.kind != PostgreSQL {
		return fmt.Errorf("%w: only PostgreSQL has roles", ErrRole)
	}
	var current string
	if err := db.writes.QueryRowContext(ctx, "SELECT current_schema()").Scan(&current); err != nil {
		return fmt.Errorf("find the schema: %w", classify(err))
	}
	name, schema := pgx.Identifier{role}.Sanitize(), pgx.Identifier{current}.Sanitize()
	for _, stmt := range []string{
		"GRANT USAGE ON SCHEMA " + schema + " TO " + name,
		"GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO " + name,
		"GRANT INSERT ON entry, tile, checkpoint, attempt, cases, lane, job, witnessed, cosignature, draft, officer, follower, person, person_token, link, session, saved_view, used, sign_in_try, report, report_part, form, case_officer TO " + name,
		"REVOKE UPDATE ON log_head, cases, lane, job, witnessed FROM " + name, // an earlier program gave whole tables
		"GRANT UPDATE (size, checkpoint) ON log_head TO " + name,
		"GRANT UPDATE (kind, state, turn, due_at, moved_at, kek_id, wrapped, book, erased_to) ON cases TO " + name,
		"GRANT UPDATE (due_at, moved_at) ON case_officer TO " + name,
		"GRANT UPDATE (seq) ON lane TO " + name,
		"GRANT UPDATE (state, attempt, first_at, due_at, leased_until) ON job TO " + name,
		"GRANT UPDATE (size, root, checkpoint) ON witnessed TO " + name,
		"GRANT UPDATE ON draft, officer, follower, person, sign_in_try, form TO " + name,
		"GRANT UPDATE (seen_at) ON session TO " + name,
		"GRANT UPDATE (state, leased_until, attempt, done, total, file) ON report TO " + name,
		"GRANT DELETE ON person, person_token, link, session, saved_view, used, sign_in_try, report, report_part, form, case_officer TO " + name, // with the case that is erased; at the end of a session; when others have the case
	} {
		if _, err := db.writes.ExecContext(ctx, stmt); err != nil {
			var pg *pgconn.PgError
			if errors.As(err, &pg) && pg.Code == "42704" { // undefined_object
				return fmt.Errorf("%w: %w", ErrRole, err)
			}
			return fmt.Errorf("grant privileges: %w", classify(err))
		}
	}
	return nil
}
