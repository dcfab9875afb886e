package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/repatriation-exchange/gateway/exchange/store"
)

// A demoStore says where each country keeps its record: in a SQLite file of its
// own, or in a schema of its own of one PostgreSQL.
type demoStore struct {
	url     string // "sqlite", or of a PostgreSQL on this machine
	run     string // so that one database takes many runs
	schemas []string
}

// newDemoStore checks where the demo is to keep its records.
func newDemoStore(url string) (*demoStore, error) {
	s := &demoStore{url: url}
	if url == "sqlite" {
		return s, nil
	}
	if !store.IsPostgreSQL(url) {
		return nil, usagef("--store must be sqlite or a postgres:// URL")
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, usagef("--store is no postgres:// URL")
	}
	if !strings.HasPrefix(cfg.Host, "/") && cfg.Host != "localhost" && cfg.Host != "127.0.0.1" && cfg.Host != "::1" {
		return nil, usagef("the demo only uses a PostgreSQL on this machine")
	}
	b := make([]byte, 4)
	_, _ = rand.Read(b) // it never fails
	s.run = hex.EncodeToString(b)
	return s, nil
}

// of makes a country's store and returns its URL as gateway.yaml names it.
func (s *demoStore) of(ctx context.Context, code string) (string, error) {
	if s.url == "sqlite" {
		return "gateway.db", nil
	}
	schema := "demo_" + s.run + "_" + strings.ToLower(code)
	if err := s.exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		return "", hint(fmt.Errorf("make the schema %s: %w", schema, err), "may this user make schemas in that database?")
	}
	s.schemas = append(s.schemas, schema)
	separator := "?"
	if strings.Contains(s.url, "?") {
		separator = "&"
	}
	return s.url + separator + "search_path=" + schema, nil
}

// drop removes every schema that of has made.
func (s *demoStore) drop(ctx context.Context) error {
	var failed []error
	for _, schema := range s.schemas {
		if err := s.exec(ctx, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			failed = append(failed, fmt.Errorf("drop the schema %s: %w", schema, err))
		}
	}
	s.schemas = nil
	return errors.Join(failed...)
}

func (s *demoStore) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return hint(errors.New("PostgreSQL does not answer at that URL"), "is it running, and may this user connect?")
	}
	defer func() { _ = conn.Close(ctx) }() // it has served
	_, err = conn.Exec(ctx, statement)
	return err
}

// migrateStore brings a store's schema up to date.
func migrateStore(ctx context.Context, cfg *Config, log *slog.Logger) error {
	db, err := store.Open(ctx, store.Config{URL: cfg.Store, Logger: log})
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Migrate(ctx)
	return err
}
