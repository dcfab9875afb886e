package store

import (
	"context"
	"database/sql"
	"sync"
)

// prepared reads SQLite with statements that each connection parses once: for the
// short ones that pages are made of, parsing is most of their cost. PostgreSQL's driver
// does the same by itself.
type prepared struct {
	*sql.DB
	mu    sync.Mutex
	stmts map[string]*sql.Stmt // by their texts; they end with the pool
}

// mostPrepared bounds what is kept: a list's filters can be put together in more ways
// than anybody uses.
const mostPrepared = 256

// statement returns what is kept for a text; nil when it is to be read as it stands.
// Nobody waits for a connection while others wait for the statements.
func (p *prepared) statement(ctx context.Context, query string) *sql.Stmt {
	p.mu.Lock()
	kept, full := p.stmts[query], len(p.stmts) >= mostPrepared
	p.mu.Unlock()
	if kept != nil || full {
		return kept
	}
	made, err := p.PrepareContext(ctx, query)
	if err != nil { // the query itself will say why
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept = p.stmts[query]; kept != nil {
		_ = made.Close() // it has read nothing
		return kept
	}
	p.stmts[query] = made
	return made
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.DB.QueryContext(ctx, query, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}
