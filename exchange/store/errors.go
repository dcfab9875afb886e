package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/repatriation-exchange/gateway/exchange"
)

// classify is the function of this name, and notices a disk that fails: whoever
// meets it, the process must end (see Broken).
func (db *DB) classify(err error) error { return db.notice(classify(err)) }

func (db *DB) classifyCommit(err error) error { return db.notice(classifyCommit(err)) }

func (db *DB) notice(err error) error {
	if errors.Is(err, exchange.ErrBroken) && db.broken != nil {
		db.breaks.Do(func() { close(db.broken) })
	}
	return err
}

// Broken is closed when the disk has failed under a write: a retried fsync lies,
// so nothing that this process writes from then on can be believed.
func (db *DB) Broken() <-chan struct{} { return db.broken }

// classify turns a driver's error into one of the store's, by its code and
// never by its text. An error of ours passes unchanged.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return exchange.ErrNotFound
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%w: PostgreSQL error %s: %w", exchange.ErrUnavailable, pg.Code, err)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		if lite.Code() == sqlite3.SQLITE_IOERR_FSYNC || lite.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC {
			return fmt.Errorf("%w: %w", exchange.ErrBroken, err)
		}
		return fmt.Errorf("%w: SQLite error %d: %w", exchange.ErrUnavailable, lite.Code(), err)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("%w: %w", exchange.ErrUnavailable, err)
	}
	return err
}

// classifyCommit does the same for the one statement whose failure may hide a
// success. Only an error that the server or SQLite reported as a rollback is
// certain; everything else is unknown.
func classifyCommit(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 {
		switch pg.Code[:2] {
		case "40", "23", "25", "53": // rolled back: conflict, constraint, aborted, no room
			return fmt.Errorf("%w: PostgreSQL error %s: %w", exchange.ErrUnavailable, pg.Code, err)
		}
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY:
			return fmt.Errorf("%w: SQLite error %d: %w", exchange.ErrUnavailable, lite.Code(), err)
		}
		// An I/O error while the journal was made durable: the frames may reach
		// the disk or not, and asking again would be answered from the cache.
		return fmt.Errorf("%w: SQLite error %d: %w", exchange.ErrBroken, lite.Code(), err)
	}
	return fmt.Errorf("%w: %w", exchange.ErrOutcomeUnknown, err)
}
