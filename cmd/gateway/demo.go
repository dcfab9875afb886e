package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange/store"
)

// demoPort is the first port that the demo tries.
const demoPort = 8440

type demoFlags struct {
	once, asJSON bool
	dir, store   string
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start five gateways on this machine, exchange cases, and prove it",
		Long: `demo starts a Viet Nam gateway and a sandbox gateway for each of Laos, Cambodia,
China and the United Kingdom: the same program, each with its own store, keys
and certificate, on loopback. It exchanges an identity-verification case with
every one of them over mutual TLS, sends a tampered copy and shows it refused,
and proves everything from the records. Synthetic data only.

It then stays up until Ctrl-C; with --once it ends. With --dir everything is
kept, and every other verb works on DIR/vn/gateway.yaml (la, kh, cn, gb).`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "end after all exchanges are delivered, receipted and verified")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "end with one JSON object on the last line")
	cmd.Flags().StringVar(&f.dir, "dir", "", "keep everything in this `folder`; a temporary one otherwise")
	cmd.Flags().StringVar(&f.store, "store", "sqlite", "sqlite, or a postgres:// `URL` on this machine (a schema is made for each country)")
	return cmd
}

func (f *demoFlags) run(ctx context.Context, out io.Writer) error {
	started := time.Now()
	say := newNarrator(out)
	dir, forget, err := f.folder()
	if err != nil {
		return err
	}
	defer forget()
	d := &demo{dir: dir, store: f.store, say: say, keep: f.dir != ""}
	defer d.close()
	if err := d.start(ctx); err != nil {
		return err
	}
	result, err := d.play(ctx)
	if err != nil {
		return err
	}
	result.Seconds = time.Since(started).Seconds()
	if f.once {
		say.done(d, result)
	} else {
		if err := say.next(d, result); err != nil {
			return err
		}
		<-ctx.Done()
		say.line("")
		say.line("Stopping: requests under way are finished.")
	}
	if f.asJSON {
		return printJSON(out, result)
	}
	return nil
}

// folder returns the demo's folder and what to do with it in the end.
func (f *demoFlags) folder() (string, func(), error) {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "gateway-demo")
		if err != nil {
			return "", nil, fmt.Errorf("make a folder: %w", err)
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil // a temporary folder
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return "", nil, usageError{err}
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", nil, hint(usagef("%s is not empty", dir), "choose a new folder; 'gateway serve --config "+dir+"/vn/gateway.yaml' goes on with an old one")
	}
	return dir, func() {}, nil
}

// A demo is five running gateways.
type demo struct {
	dir, store string
	keep       bool
	say        *narrator
	world      *world
	nodes      []*node
	stop       context.CancelFunc
	stopped    []chan struct{}
	log        *os.File
}

// start makes the world and runs its gateways.
func (d *demo) start(ctx context.Context) error {
	d.say.title()
	d.say.step("Keys and certificates", "five gateways, a throw-away authority, nothing leaves this machine")
	var listeners []listener
	var parties []*party
	for i, c := range countries {
		l, err := openListeners(demoPort + 10*i)
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		url, err := d.storeOf(ctx, c.code)
		if err != nil {
			return err
		}
		parties = append(parties, &party{code: c.code, name: c.name, listen: l.exchange.Addr().String(), admin: l.admin.Addr().String(), store: url})
	}
	var err error
	if d.world, err = newWorld(d.dir, false, parties); err != nil {
		return err
	}
	d.say.authority(d.world)
	if d.log, err = os.OpenFile(filepath.Join(d.dir, "demo.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = cancel
	for i, p := range parties {
		if err := d.startNode(ctx, running, p, listeners[i]); err != nil {
			return fmt.Errorf("start %s: %w", p.code, err)
		}
	}
	d.say.gateways(d)
	return nil
}

// startNode opens and runs one gateway of the demo, with its sandbox officer.
func (d *demo) startNode(ctx, running context.Context, p *party, l listener) error {
	cfg, err := LoadConfig(p.config, nil)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(d.log, nil)).With("gateway", p.code)
	if err := migrateStore(ctx, cfg, log); err != nil {
		return err
	}
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	d.nodes = append(d.nodes, n)
	officer := newSandbox(n)
	n.onCommit = officer.noticed
	if err := n.prepare(); err != nil {
		return err
	}
	done := make(chan struct{})
	d.stopped = append(d.stopped, done)
	go func() {
		defer close(done)
		go officer.run(running)
		go func() { _ = n.runAdmin(running, l.admin) }() // ends with running
		if err := n.run(running, l.exchange); err != nil {
			log.Error("the gateway ended", "error", err)
		}
	}()
	return nil
}

// close stops every gateway and waits until all is still.
func (d *demo) close() {
	if d.stop != nil {
		d.stop()
	}
	for _, done := range d.stopped {
		<-done
	}
	for _, n := range d.nodes {
		n.close()
	}
	if d.log != nil {
		_ = d.log.Close() // nothing more is written
	}
}

// storeOf returns a country's store: a file of its own, or a schema of its own.
func (d *demo) storeOf(ctx context.Context, code string) (string, error) {
	if d.store == "sqlite" {
		return "gateway.db", nil
	}
	if !store.IsPostgreSQL(d.store) {
		return "", usagef("--store must be sqlite or a postgres:// URL")
	}
	cfg, err := pgx.ParseConfig(d.store)
	if err != nil {
		return "", usagef("--store is no postgres:// URL")
	}
	if !strings.HasPrefix(cfg.Host, "/") && cfg.Host != "localhost" && cfg.Host != "127.0.0.1" && cfg.Host != "::1" {
		return "", usagef("the demo only uses a PostgreSQL on this machine")
	}
	schema := "demo_" + strings.ToLower(code)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return "", hint(errors.New("PostgreSQL does not answer at that URL"), "is it running, and may this user connect?")
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		return "", hint(fmt.Errorf("make the schema %s: %w", schema, err), "drop the schemas of an earlier demo, or use a new database")
	}
	separator := "?"
	if strings.Contains(d.store, "?") {
		separator = "&"
	}
	return d.store + separator + "search_path=" + schema, nil
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
