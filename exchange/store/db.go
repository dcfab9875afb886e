// Package store keeps the record in PostgreSQL or SQLite behind one type. One
// method is one transaction; the SQL stands beside the method that uses it.
//
// The package knows nothing of what it keeps: what to write is decided by
// exchange, under the lock that Commit holds. See the README's table for what
// is trusted per store.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // the "sqlite" driver, without cgo
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/repatriation-exchange/gateway/exchange"
)

//go:embed migrations
var migrations embed.FS

// Kinds of store.
const (
	PostgreSQL = "postgres"
	SQLite     = "sqlite"
)

// Config says where the record is.
type Config struct {
	// URL is a postgres:// URL, or the path of a SQLite file.
	URL    string
	Logger *slog.Logger
	// Existing: a SQLite file that is not there is an error and not a new store.
	Existing bool
}

// A querier reads: a pool of connections, or one transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A DB is the record's store. It implements exchange.BatchStore,
// exchange.Reader and exchange.JobStore, and is safe for concurrent use.
type DB struct {
	kind   string
	log    *slog.Logger
	reads  querier       // many connections, or the one of a snapshot
	pooled *sql.DB       // what reads are made from
	writes *sql.DB       // SQLite: one connection; PostgreSQL: the same as pooled
	pool   *pgxpool.Pool // PostgreSQL: the committer's connections
	stmts  sqliteStatements
	// warned counts the server's warnings on the committer's connections: a
	// cancelled wait for synchronous replication is reported as success with a
	// warning.
	warned atomic.Int64
	broken chan struct{} // see Broken; nil in a snapshot
	breaks sync.Once
}

var (
	_ exchange.BatchStore = (*DB)(nil)
	_ exchange.Reader     = (*DB)(nil)
	_ exchange.JobStore   = (*DB)(nil)
	_ exchange.AuditStore = (*DB)(nil)

	_ exchange.DraftStore    = (*DB)(nil)
	_ exchange.OfficerStore  = (*DB)(nil)
	_ exchange.RegisterStore = (*DB)(nil)
)

// ErrMigrate means that the schema is not the one this program was built for.
var ErrMigrate = errors.New("the store's schema is not up to date; run 'gateway migrate'")

// ErrNewer means that a newer program has brought the schema up to date: this one
// does not know what it would leave out.
var ErrNewer = errors.New("the store belongs to a newer version of this program")

// Open opens the store. It does not change its schema; see Migrate.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Logger == nil {
		return nil, errors.New("store: a logger is required")
	}
	if err := CheckURL(cfg.URL); err != nil {
		return nil, err
	}
	db := &DB{log: cfg.Logger, broken: make(chan struct{})}
	var err error
	if IsPostgreSQL(cfg.URL) {
		err = db.openPostgres(ctx, cfg.URL)
	} else {
		err = db.openSQLite(ctx, cfg.URL, cfg.Existing)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Kind returns PostgreSQL or SQLite.
func (db *DB) Kind() string { return db.kind }

// Close closes every connection.
func (db *DB) Close() {
	if db.pool != nil {
		db.pool.Close()
	}
	if db.writes != nil && db.writes != db.pooled {
		_ = db.writes.Close() // nothing is pending: every method ends its transaction
	}
	if db.pooled != nil {
		_ = db.pooled.Close()
	}
}

func (db *DB) openPostgres(ctx context.Context, u string) error {
	db.kind = PostgreSQL
	cfg, err := pgxpool.ParseConfig(u)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrURL, hideURL(err))
	}
	if err := requireTLS(cfg.ConnConfig); err != nil {
		return err
	}
	setUnlessSet(cfg.ConnConfig, aliveSettings)
	reads := cfg.ConnConfig.Copy()
	db.pooled = stdlib.OpenDB(*reads)
	db.pooled.SetMaxOpenConns(16)
	db.pooled.SetMaxIdleConns(8)
	db.reads, db.writes = db.pooled, db.pooled

	cfg.MaxConns = 2
	setUnlessSet(cfg.ConnConfig, committerSettings)
	cfg.ConnConfig.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			db.warned.Add(1)
			db.log.Error("PostgreSQL warned while recording", "code", n.Code)
		}
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fmt.Errorf("open the store: %w", classify(err))
	}
	return db.checkDurable(ctx)
}

// aliveSettings let the server find out soon that a client is gone: a machine
// that lost its power or its network closes no connection, and by default its
// locks would be held for hours. What the URL sets wins.
var aliveSettings = map[string]string{
	"idle_in_transaction_session_timeout": "5s", // between a batch's two round trips
	"tcp_keepalives_idle":                 "5",
	"tcp_keepalives_interval":             "2",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "10s",
}

// committerSettings are those of the connections that write batches. Each looks
// rows up by their keys: a plan that was cached while the tables were small
// would scan them for ever. No statement of a batch outlasts the batch.
var committerSettings = map[string]string{
	"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"lock_timeout": "20s", "statement_timeout": "30s",
}

func setUnlessSet(c *pgx.ConnConfig, settings map[string]string) {
	for name, value := range settings {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
}

// checkDurable refuses a server that may lose what it acknowledged.
func (db *DB) checkDurable(ctx context.Context) error {
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := db.reads.QueryRowContext(ctx, "SELECT current_setting($1)", setting).Scan(&value); err != nil {
			return fmt.Errorf("read the server's settings: %w", refusedLogin(err))
		}
		if value == "off" {
			return fmt.Errorf("PostgreSQL runs with %s=off: it may lose acknowledged messages; set it to on", setting)
		}
	}
	return nil
}

func (db *DB) openSQLite(ctx context.Context, path string, existing bool) error {
	db.kind = SQLite
	if _, err := os.Stat(path); existing && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no store at %s", ErrURL, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the store's folder: %w", err)
	}
	if err := createPrivate(path); err != nil {
		return err
	}
	pragmas := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(15000)", "cache_size(-65536)", "wal_autocheckpoint(4000)"}}
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	var err error
	if db.pooled, err = sql.Open("sqlite", file+pragmas.Encode()+"&_pragma=query_only(1)"); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	db.pooled.SetMaxOpenConns(8)
	db.reads = &prepared{DB: db.pooled, stmts: map[string]*sql.Stmt{}}
	if db.writes, err = sql.Open("sqlite", file+pragmas.Encode()+"&_txlock=immediate"); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	db.writes.SetMaxOpenConns(1)
	if err := db.writes.PingContext(ctx); err != nil {
		return fmt.Errorf("open the store %s: %w", path, notADatabase(err))
	}
	return nil
}

// notADatabase tells a file of another kind from a store that fails.
func notADatabase(err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_NOTADB {
		return fmt.Errorf("%w: %w", ErrURL, err)
	}
	return classify(err)
}

// createPrivate makes the file readable by its owner alone before SQLite
// opens it; the journal files inherit its mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create the store: %w", err)
	}
	return f.Close()
}

// provider returns goose over the migrations of this kind of store.
func (db *DB) provider() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+db.kind)
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}
	dialect := goose.DialectPostgres
	if db.kind == SQLite {
		dialect = goose.DialectSQLite3
	}
	p, err := goose.NewProvider(dialect, db.writes, dir)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

// A Migration is one numbered step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
}

// Migrate brings the schema up to date and returns what it applied.
func (db *DB) Migrate(ctx context.Context) ([]Migration, error) {
	p, err := db.provider()
	if err != nil {
		return nil, err
	}
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the store's schema version: %w", classify(err))
	}
	if err := notNewer(current); err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate the store: %w", err)
	}
	applied := make([]Migration, len(results))
	for i, r := range results {
		applied[i] = Migration{r.Source.Version, filepath.Base(r.Source.Path)}
	}
	return applied, nil
}

// SchemaVersion is the version of the schema that this program needs.
func SchemaVersion() int64 {
	steps, err := migrations.ReadDir("migrations/" + SQLite) // both stores number alike
	if err != nil {                                          // it is embedded
		panic(err)
	}
	return int64(len(steps))
}

func notNewer(current int64) error {
	if known := SchemaVersion(); current > known {
		return fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewer, current, known)
	}
	return nil
}

// CheckSchema returns ErrMigrate or ErrNewer unless the schema is exactly this
// program's.
// It changes nothing, so that a role that may change nothing can ask.
func (db *DB) CheckSchema(ctx context.Context) error {
	var current int64
	err := db.reads.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&current)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code {
		case "42P01":
			err = nil // undefined_table, no schema at all: version 0
		case "42501": // insufficient_privilege
			return fmt.Errorf("%w (with --grant: this role may not read it)", ErrMigrate)
		}
	}
	if err != nil {
		return fmt.Errorf("read the store's schema version: %w", classify(err))
	}
	if target := SchemaVersion(); current < target {
		return fmt.Errorf("%w: it has version %d, this program needs %d", ErrMigrate, current, target)
	}
	return notNewer(current)
}
