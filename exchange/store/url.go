package store

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrURL means that the store's URL is wrong: trying again does not help.
var ErrURL = errors.New("the store's URL cannot be used")

// aScheme is how a URL begins, and a path had better not.
var aScheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

// CheckURL refuses what is neither a postgres:// URL nor plainly the path of a
// file: a misspelt URL must not become a file of that name. It repeats nothing
// that may be a password.
func CheckURL(u string) error {
	switch scheme := aScheme.FindStringSubmatch(u); {
	case u == "":
		return fmt.Errorf("%w: it is empty", ErrURL)
	case IsPostgreSQL(u):
		return nil
	case scheme != nil && strings.Contains(u, "//"):
		return fmt.Errorf("%w: %s:// is no store; write postgres://… or the path of a SQLite file", ErrURL, scheme[1])
	case scheme != nil:
		return fmt.Errorf("%w: what begins with %s: looks like a URL; if it is a SQLite file, write ./%[2]s:…", ErrURL, scheme[1])
	case aSetting.MatchString(u):
		return fmt.Errorf("%w: write settings of a PostgreSQL connection as a URL, postgres://…", ErrURL)
	}
	return nil
}

// aSetting is how a connection string of keywords begins.
var aSetting = regexp.MustCompile(`^\s*[a-z_]+\s*=`)

// IsPostgreSQL says whether a store URL names PostgreSQL.
func IsPostgreSQL(u string) bool {
	return strings.HasPrefix(u, "postgres://") || strings.HasPrefix(u, "postgresql://")
}

// hideURL drops what a parse error says of the URL: it may hold a password.
func hideURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("it must be postgres://user:password@host:port/database?options")
	}
	return err
}

// refusedLogin tells a server that will never let us in from one that cannot be
// reached now: no such role, password or database.
func refusedLogin(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "28") || pg.Code == "3D000") {
		return fmt.Errorf("%w: PostgreSQL error %s: %w", ErrURL, pg.Code, err)
	}
	return classify(err)
}

// requireTLS refuses an unverified connection to another machine.
func requireTLS(c *pgx.ConnConfig) error {
	hosts := []struct {
		host     string
		verified bool
	}{{c.Host, c.TLSConfig != nil && !c.TLSConfig.InsecureSkipVerify}}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, struct {
			host     string
			verified bool
		}{f.Host, f.TLSConfig != nil && !f.TLSConfig.InsecureSkipVerify})
	}
	for _, h := range hosts {
		local := strings.HasPrefix(h.host, "/") || h.host == "localhost" || h.host == "127.0.0.1" || h.host == "::1"
		if !local && !h.verified {
			return fmt.Errorf("%w: the store is on another machine; add sslmode=verify-full", ErrURL)
		}
	}
	return nil
}
