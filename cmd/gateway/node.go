package main

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/docs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A node is one gateway, wired. It has two halves: the record, which every
// verb that touches it opens (openNode), and the two ways to partners, which
// only serve and demo start (run).
type node struct {
	cfg       *Config
	log       *slog.Logger
	metrics   *exchange.Metrics
	collected *prometheus.Registry

	db        *store.DB
	keys      *seal.FileWrapper
	opener    *exchange.Opener
	signer    *seal.Signer
	logSigner *record.CheckpointSigner
	catalogue *schemas.Catalogue
	registry  *partners.Registry
	directory *exchange.Directory
	lock      *exchange.FileLock
	committer *exchange.Committer
	inbox     *exchange.Inbox
	outbox    *exchange.Outbox
	roster    *exchange.Roster
	desk      *exchange.Desk
	files     *exchange.CaseFiles
	feed      *exchange.Feed
	oversight *exchange.Oversight
	reporter  *export.Reporter
	templates []export.Template
	reports   *exchange.Reports
	register  *exchange.Register

	identity   *certs.Identity
	trust      *trustStore
	courier    *exchange.Courier
	scheduler  *exchange.Scheduler
	registrant *exchange.Follower
	watch      *exchange.Watch
	checker    *exchange.Checker
	handler    http.Handler
	operator   *operatorAPI // nil: not served
	webhooks   []webhookFollower

	now      func() time.Time        // the record's clock; certificates are judged by the machine's
	existing bool                    // it only looks: a store that is not there is an error
	rebuilt  int                     // cases whose books were made when it was opened
	maxBatch int                     // entries in a transaction; 0 is the committer's own
	onCommit func([]*exchange.Entry) // told of every batch, after the courier
}

// openNode opens the store, the keys and the record of a gateway. Nothing is
// listened to and nothing is sent until run.
func openNode(ctx context.Context, cfg *Config, log *slog.Logger) (*node, error) {
	return openNodeAt(ctx, cfg, log, time.Now)
}

// openNodeAt opens a gateway whose record goes by another clock than the
// machine's: that of a demonstration, in which weeks pass in seconds.
func openNodeAt(ctx context.Context, cfg *Config, log *slog.Logger, now func() time.Time) (*node, error) {
	n := &node{cfg: cfg, log: log, now: now, collected: prometheus.NewRegistry(), onCommit: func([]*exchange.Entry) {}}
	if err := n.open(ctx); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *node) open(ctx context.Context) error {
	var err error
	if n.metrics, err = exchange.NewMetrics(n.collected); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	if err := n.openStore(ctx); err != nil {
		return err
	}
	if err := n.openKeys(); err != nil {
		return err
	}
	if err := n.openRegistry(ctx); err != nil {
		return err
	}
	if err := n.rebuildBooks(ctx); err != nil {
		return err
	}
	if n.lock, err = exchange.NewFileLock(n.cfg.Log.Lock, n.logSigner.Verifier()); err != nil {
		return err
	}
	n.committer, err = exchange.NewCommitter(ctx, exchange.CommitterConfig{
		Self: n.cfg.Self, Store: n.db, Checkpoints: n.logSigner, Receipts: n.signer, Keys: n.keys, Lock: n.lock,
		Clock: n.now, Logger: n.log, Metrics: n.metrics, MaxBatch: n.maxBatch, OnCommit: n.committed,
	})
	if err != nil {
		return err
	}
	if n.inbox, err = exchange.NewInbox(exchange.InboxConfig{
		Self: n.cfg.Self, Catalogue: n.catalogue, Recorder: n.committer, Reader: n.db,
		Opener: n.opener, Clock: n.now, Logger: n.log, Metrics: n.metrics,
	}); err != nil {
		return err
	}
	n.outbox, err = exchange.NewOutbox(exchange.OutboxConfig{
		Self: n.cfg.Self, Catalogue: n.catalogue, Directory: n.directory, Recorder: n.committer, Reader: n.db,
		Opener: n.opener, Signer: n.signer, Clock: n.now, Logger: n.log,
	})
	if err != nil {
		return err
	}
	return n.openDesk()
}

// rebuildBooks makes the books of cases that were written before there were
// any, from the record.
func (n *node) rebuildBooks(ctx context.Context) error {
	made, err := exchange.RebuildBooks(ctx, n.db, n.opener, n.directory, time.Now())
	if err != nil {
		return fmt.Errorf("bring the cases up to date: %w", err)
	}
	if made > 0 {
		n.log.Warn("cases had no book; it was made again from the record", "cases", made)
	}
	n.rebuilt = made
	return nil
}

// openDesk wires what officers work with.
func (n *node) openDesk() error {
	var err error
	if n.roster, err = exchange.NewRoster(exchange.RosterConfig{Store: n.db, Sessions: n.db, Reader: n.db, Recorder: n.committer, Opener: n.opener, Clock: n.now}); err != nil {
		return err
	}
	if n.desk, err = exchange.NewDesk(exchange.DeskConfig{
		Self: n.cfg.Self, Outbox: n.outbox, Roster: n.roster, Store: n.db, Reader: n.db, Recorder: n.committer, Opener: n.opener,
		Clock: n.now, Logger: n.log,
	}); err != nil {
		return err
	}
	n.files, err = exchange.NewCaseFiles(exchange.CaseFilesConfig{
		Reader: n.db, Opener: n.opener, Directory: n.directory, Roster: n.roster, Recorder: n.committer, Clock: n.now,
	})
	if err != nil {
		return err
	}
	n.feed, err = exchange.NewFeed(exchange.FeedConfig{Reader: n.db, Drafts: n.db, Opener: n.opener})
	if err != nil {
		return err
	}
	return n.openReports()
}

func (n *node) openStore(ctx context.Context) error {
	var err error
	if n.db, err = store.Open(ctx, store.Config{URL: n.cfg.Store, Logger: n.log, Existing: n.existing}); err != nil {
		return err
	}
	if n.db.Kind() == store.SQLite {
		// A file of our own needs no owner's role: keep it up to date ourselves.
		_, err = n.db.Migrate(ctx)
		return err
	}
	return n.db.CheckSchema(ctx)
}

func (n *node) openKeys() error {
	var err error
	if n.keys, err = seal.OpenKEKFile(n.cfg.Encryption.Keys); err != nil {
		return usagef("open the encryption keys: %w", err)
	}
	if n.opener, err = exchange.NewOpener(n.db, n.keys); err != nil {
		return err
	}
	if n.logSigner, err = loadLogKey(n.cfg.Log.Origin, n.cfg.Log.Key); err != nil {
		return err
	}
	if err := n.openIdentity(); err != nil {
		return err
	}
	_, err = n.ownKeys()
	return err
}

// openIdentity opens the keys that partners know us by.
func (n *node) openIdentity() error {
	key, err := certs.LoadSigner(n.cfg.Signing.Key)
	if err != nil {
		return usagef("open the signing key: %w", err)
	}
	algorithm, err := certs.Algorithm(key.Public())
	if err != nil {
		return usagef("the signing key: %w", err)
	}
	if n.signer, err = seal.NewSigner(key, n.cfg.Signing.KID, algorithm); err != nil {
		return usagef("the signing key: %w", err)
	}
	if n.identity, err = certs.LoadIdentity(certs.IdentityConfig{CertFile: n.cfg.TLS.Certificate, KeyFile: n.cfg.TLS.Key, Now: time.Now}); err != nil {
		return usagef("open the TLS identity: %w", err)
	}
	return nil
}

// loadLogKey reads the log's signed-note key and checks that it is the
// origin's.
func loadLogKey(origin, path string) (*record.CheckpointSigner, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("open the log key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint(usagef("the log key %s can be read by others", path), "chmod 600 "+path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("read the log key: %w", err)
	}
	name, key, err := record.ParseLogKey(data)
	if err != nil {
		return nil, usagef("the log key %s: %w", path, err)
	}
	if name != origin {
		return nil, usagef("the log key %s is of another origin than log.origin says", path)
	}
	return record.NewCheckpointSigner(origin, key)
}

func (n *node) openRegistry(ctx context.Context) error {
	var err error
	if n.catalogue, err = schemas.Load(); err != nil {
		return fmt.Errorf("load the schemas: %w", err)
	}
	if n.registry, err = partners.Load(partners.Config{
		Dir: n.cfg.Registry, Self: n.cfg.Self, Now: time.Now, Types: exchange.Types{Catalogue: n.catalogue}, Check: checkPartner, Logger: n.log,
	}); err != nil {
		return err
	}
	n.directory, err = exchange.NewDirectory(n.registry)
	return err
}

// committed wakes the courier for what has just become due.
func (n *node) committed(batch []*exchange.Entry) {
	if n.courier != nil {
		for _, e := range batch {
			if e.Deliver {
				n.courier.Wake(e.Partner)
			}
		}
	}
	for _, w := range n.webhooks {
		w.Wake()
	}
	n.onCommit(batch)
}

// prepare wires the two ways to partners.
func (n *node) prepare() error {
	n.trust = newTrustStore(n)
	if _, err := n.trust.current(); err != nil {
		return err
	}
	var err error
	if n.courier, err = exchange.NewCourier(exchange.CourierConfig{
		Self: n.cfg.Self, Directory: n.directory, Jobs: n.db, Reader: n.db, Opener: n.opener, Recorder: n.committer,
		Client: n.trust.client, Clock: n.now, Logger: n.log, Metrics: n.metrics,
		Receipted: func(partner string, c record.Checkpoint) { n.watch.Receipted(partner, c) },
		Poll:      duration(n.cfg.Delivery.Poll, time.Second), Timeout: duration(n.cfg.Delivery.Timeout, 30*time.Second),
	}); err != nil {
		return err
	}
	if err := n.openRegister(); err != nil {
		return err
	}
	if n.registrant, err = n.registrar(); err != nil {
		return err
	}
	if n.scheduler, err = exchange.NewScheduler(exchange.SchedulerConfig{
		Jobs: n.db, Reader: n.db, Opener: n.opener, Directory: n.directory, Recorder: n.committer, Sweep: n.desk.Sweep,
		Clock: n.now, Logger: n.log,
	}); err != nil {
		return err
	}
	if n.watch, err = exchange.NewWatch(exchange.WatchConfig{
		Directory: n.directory, Head: n.committer.Released, Tiles: n.db, Recorder: n.committer, Client: n.trust.client,
		Log: n.logSigner.Verifier(), Keep: n.db, Witnessed: n.db, Clock: n.now, Logger: n.log, Metrics: n.metrics,
	}); err != nil {
		return err
	}
	if n.checker, err = n.newChecker(); err != nil {
		return err
	}
	key, err := loadWitnessKey(n.cfg.Witness.Key)
	if err != nil {
		return err
	}
	witness, err := record.NewWitness(record.WitnessConfig{Name: n.cfg.Witness.Name, Key: key, State: n.db, Clock: n.now, Log: n.knownLog})
	if err != nil {
		return err
	}
	logServer, err := exchange.NewLogServer(n.committer.Released, n.db, witness, n.watch)
	if err != nil {
		return err
	}
	n.handler, err = exchange.NewServer(exchange.ServerConfig{
		Inbox: n.inbox, Directory: n.directory, Log: logServer, Authenticate: n.trust.authenticate,
		OpenAPI: docs.OpenAPI, Clock: n.now, Logger: n.log, Metrics: n.metrics,
	})
	if err != nil {
		return err
	}
	return n.prepareOperator()
}

// prepareOperator wires what the house's own systems use.
func (n *node) prepareOperator() error {
	metrics, err := operator.NewMetrics(n.collected)
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	if err := n.openOperator(metrics); err != nil {
		return err
	}
	return n.openWebhooks(metrics)
}

// loadWitnessKey opens the key that countersigns checkpoints.
func loadWitnessKey(path string) (crypto.Signer, error) {
	key, err := certs.LoadSigner(path)
	if err != nil {
		return nil, usagef("open the witness key: %w", err)
	}
	return key, nil
}

// knownLog returns the key of a partner's log; a suspended partner has none.
func (n *node) knownLog(_ context.Context, origin string) ([]note.Verifier, error) {
	for _, p := range n.registry.Current().All() {
		if p.Log != nil && p.Log.Origin == origin && p.Status == partners.Active {
			peer, err := n.directory.Peer(p.Code)
			if err != nil {
				return nil, err
			}
			return []note.Verifier{peer.LogVerifier}, nil
		}
	}
	return nil, record.ErrUnknownLog
}

// maxHeaderBytes bounds the request line and the headers of a request. The
// library reads headerSlop more than it is told.
const maxHeaderBytes, headerSlop = 16 << 10, 4096

// run serves partners on the listener and carries messages until ctx ends;
// then it drains: no new connection, requests and deliveries under way are
// finished.
func (n *node) run(ctx context.Context, listener net.Listener) error {
	handshakes := certs.NewHandshakes(func(rule certs.Rule) { n.metrics.HandshakeRefused(string(rule)) })
	config, err := certs.ServerConfig(certs.ServerOptions{
		Identity: n.identity, MinVersion: n.trust.minVersion, Verify: n.trust.verify, Handshakes: handshakes,
	})
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: n.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 120 * time.Second, MaxHeaderBytes: maxHeaderBytes - headerSlop,
		DisableGeneralOptionsHandler: true, // OPTIONS * is for partners too, and for nobody else
		ConnState:                    handshakes.ConnState,
		ErrorLog:                     slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), // handshake noise of strangers
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup // what must be at its end before the store closes
	work.Go(func() { n.courier.Run(background) })
	work.Go(func() { n.scheduler.Run(background) })
	if n.registrant != nil {
		work.Go(func() { n.registrant.Run(background) })
	}
	work.Go(func() { n.runWebhooks(background) })
	work.Go(func() { n.reports.Run(background) })
	work.Go(func() { n.checker.Run(background) })
	go n.registry.Watch(background)
	go n.watch.Run(background)

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(tls.NewListener(listener, config)) }()
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-n.committer.Failed():
		err = n.committer.Err()
	case <-n.db.Broken():
		err = exchange.ErrBroken
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), duration(n.cfg.Drain, 20*time.Second))
	defer cancel()
	if shutdownErr := server.Shutdown(drain); shutdownErr != nil {
		n.log.Warn("requests were cut off", "error", shutdownErr)
		_ = server.Close() // the deadline has passed; their senders will ask again
	}
	stop()
	work.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// close ends the node. It is safe on one that is half open.
func (n *node) close() {
	if n.committer != nil {
		n.committer.Close()
	}
	if n.lock != nil {
		_ = n.lock.Close() // it was written to its end already
	}
	if n.db != nil {
		n.db.Close()
	}
}

// collectProcess adds the Go runtime's and the process's own metrics.
func (n *node) collectProcess() {
	n.collected.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}
