package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A benchServer is the gateway process of one rung, seen from the bench.
type benchServer struct {
	url    string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// startBenchServer starts this program again as one rung's gateway.
func startBenchServer(ctx context.Context, w *world, spec rungSpec, storeURL string) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	// #nosec G204 -- this very program, with our own words
	s := &benchServer{cmd: exec.CommandContext(ctx, self, "bench", "rung", "--config", w.party("VN").config,
		"--rung", spec.name, "--store", storeURL, "--preload", strconv.Itoa(spec.preload), "--single="+strconv.FormatBool(spec.single))}
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	s.stdout = newLineReader(stdout)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	var hello struct {
		URL string `json:"url"`
	}
	if err := s.read(&hello); err != nil {
		s.stop()
		return nil, err
	}
	s.url = hello.URL
	return s, nil
}

// stop ends the process by closing its input.
func (s *benchServer) stop() {
	_ = s.stdin.Close() // that is the signal
	_ = s.cmd.Wait()    // what it measured is already known
}

type rungFlags struct {
	from        nodeFlag
	rung, store string
	preload     int
	single      bool
}

func newBenchServer() *cobra.Command {
	var f rungFlags
	cmd := &cobra.Command{
		Use: "rung", Hidden: true, Args: exactArgs(), Short: "Run one rung's gateway for bench",
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.from.add(cmd)
	cmd.Flags().StringVar(&f.rung, "rung", "", "")
	cmd.Flags().StringVar(&f.store, "store", "", "")
	cmd.Flags().IntVar(&f.preload, "preload", 0, "")
	cmd.Flags().BoolVar(&f.single, "single", false, "")
	return cmd
}

// run serves one rung until its input is closed, and answers "stats".
func (f *rungFlags) run(cmd *cobra.Command) error {
	tuneRuntime()
	cfg, err := LoadConfig(f.from.path, os.Environ())
	if err != nil {
		return err
	}
	// What a line of the log costs belongs to what a message costs; where it is
	// written to does not.
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = nowhere.Close() }() // it held nothing
	cfg.Logging = LoggingConfig{}
	log := newLogger(cfg.Logging, nowhere)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	var n *node
	if f.store == "" {
		n, err = f.openForgetful(cfg, log)
	} else {
		n, err = f.openRecording(ctx, cfg, log)
	}
	if err != nil {
		return err
	}
	defer n.close()
	served := make(chan error, 1)
	go func() { served <- n.runExchangeOnly(ctx, listener) }()
	if err := printJSON(cmd.OutOrStdout(), map[string]string{"url": "https://" + listener.Addr().String()}); err != nil {
		return err
	}
	input := bufio.NewScanner(cmd.InOrStdin())
	for input.Scan() {
		var answer any = statsOf()
		var hands int
		var slice string
		if _, err := fmt.Sscanf(input.Text(), "record %d %s", &hands, &slice); err == nil {
			answer = n.recordAlone(ctx, hands, duration(slice, 0))
		}
		if err := printJSON(cmd.OutOrStdout(), answer); err != nil {
			return err
		}
	}
	cancel()
	return <-served
}

// plainReceipt are the claims of an answer without a record behind it.
func plainReceipt(self string, message []byte) []byte {
	sum := sha256.Sum256(message)
	return fmt.Appendf(nil, `{"iss":%q,"aud":"KH","jti":"r-bench","iat":%d,"message":"bench","message_sha256":%q}`,
		self, time.Now().Unix(), base64.RawURLEncoding.EncodeToString(sum[:]))
}

func statsOf() serverStats {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // cannot fail for ourselves
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return serverStats{CPU: usage.Utime.Nano() + usage.Stime.Nano(), Mallocs: mem.Mallocs}
}

// recordAlone records entries from many hands for a while.
func (n *node) recordAlone(ctx context.Context, hands int, slice time.Duration) recorded {
	var count atomic.Int64
	started := time.Now()
	err := n.fill(ctx, hands, func() bool { return time.Since(started) < slice && count.Add(1) > 0 })
	out := recorded{Entries: count.Load(), Seconds: time.Since(started).Seconds()}
	if err != nil {
		out.Error = err.Error()
	}
	return out
}

// openRecording opens the whole gateway on a store of its own.
func (f *rungFlags) openRecording(ctx context.Context, cfg *Config, log *slog.Logger) (*node, error) {
	cfg.Store = f.store
	cfg.Log.Lock = cfg.Log.Lock + "." + f.rung
	if err := migrateStore(ctx, cfg, log); err != nil {
		return nil, err
	}
	n := &node{cfg: cfg, log: log, now: time.Now, collected: prometheus.NewRegistry(), onCommit: func([]*exchange.Entry) {}}
	if f.single {
		n.maxBatch = 1
	}
	if err := n.open(ctx); err != nil {
		n.close()
		return nil, err
	}
	if err := n.preload(ctx, f.preload); err != nil {
		n.close()
		return nil, err
	}
	if err := n.prepare(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// preload fills the record before the measurement.
func (n *node) preload(ctx context.Context, entries int) error {
	var left atomic.Int64
	left.Store(int64(entries))
	return n.fill(ctx, 512, func() bool { return left.Add(-1) >= 0 })
}

// fill records entries from many hands as long as more says so.
func (n *node) fill(ctx context.Context, hands int, more func() bool) error {
	errs := make([]error, hands)
	var wait sync.WaitGroup
	for hand := range hands {
		wait.Go(func() {
			for errs[hand] == nil && more() {
				errs[hand] = n.committer.Record(ctx, &exchange.Entry{
					Kind: exchange.KindMessage, Partner: "KH", Direction: exchange.In, ID: exchange.NewID(), Case: exchange.NewID(),
					Type: benchType, Data: make([]byte, 3000),
				})
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// openForgetful opens the rungs without a store.
func (f *rungFlags) openForgetful(cfg *Config, log *slog.Logger) (*node, error) {
	n := &node{cfg: cfg, log: log, now: time.Now, collected: prometheus.NewRegistry()}
	var err error
	if n.metrics, err = exchange.NewMetrics(n.collected); err != nil {
		return nil, err
	}
	if err := n.openIdentity(); err != nil {
		return nil, err
	}
	if err := n.openRegistry(context.Background()); err != nil {
		return nil, err
	}
	n.trust = newTrustStore(n)
	if f.rung == "floor" {
		n.handler, err = n.floor()
		return n, err
	}
	recorder := forgetful{n}
	if n.keys, err = seal.OpenKEKFile(cfg.Encryption.Keys); err != nil {
		return nil, err
	}
	if n.opener, err = exchange.NewOpener(recorder, n.keys); err != nil {
		return nil, err
	}
	if n.inbox, err = exchange.NewInbox(exchange.InboxConfig{
		Self: cfg.Self, Catalogue: n.catalogue, Recorder: recorder, Reader: recorder, Opener: n.opener, Clock: time.Now, Logger: log, Metrics: n.metrics,
	}); err != nil {
		return nil, err
	}
	n.handler, err = exchange.NewServer(exchange.ServerConfig{
		Inbox: n.inbox, Directory: n.directory, Authenticate: n.trust.authenticate, Clock: time.Now, Logger: log, Metrics: n.metrics,
	})
	return n, err
}

// forgetful records nothing and signs an answer of the same claims: what the
// gateway would cost without a record.
type forgetful struct{ n *node }

func (f forgetful) Record(_ context.Context, e *exchange.Entry) error {
	answer, err := f.n.signer.Sign(exchange.TypReceipt, plainReceipt(f.n.cfg.Self, e.Data))
	e.Receipt = answer
	return err
}

func (f forgetful) Message(context.Context, exchange.MessageKey) (exchange.Row, error) {
	return exchange.Row{}, exchange.ErrNotFound
}

func (f forgetful) Newest(context.Context, int64, exchange.Filter, int) ([]exchange.Row, error) {
	return nil, nil
}

func (f forgetful) Case(context.Context, exchange.CaseKey) (exchange.CaseRow, error) {
	return exchange.CaseRow{}, exchange.ErrNotFound
}

// floor is the least that any such gateway does: mutual TLS, a strict parse,
// one signature verified and one made, both by the library's plain functions.
func (n *node) floor() (http.Handler, error) {
	peer, err := n.directory.Peer("KH")
	if err != nil {
		return nil, err
	}
	key, err := certs.LoadSigner(n.cfg.Signing.Key)
	if err != nil {
		return nil, err
	}
	plain, err := seal.NewPlain(key, n.cfg.Signing.KID, peer.Keys)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := n.trust.authenticate(r); err != nil {
			http.Error(w, "refused", http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil {
			_, err = plain.Verify(body, exchange.TypMessage)
		}
		if err != nil {
			http.Error(w, "refused", http.StatusBadRequest)
			return
		}
		answer, err := plain.Sign(exchange.TypReceipt, plainReceipt(n.cfg.Self, body))
		if err != nil {
			http.Error(w, "internal", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", exchange.MediaTypeReceipt)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(answer) // the client measures what arrives
	}), nil
}

// runExchangeOnly serves partners without courier or registry watch.
func (n *node) runExchangeOnly(ctx context.Context, listener net.Listener) error {
	config, err := certs.ServerConfig(certs.ServerOptions{Identity: n.identity, Verify: n.trust.verify})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: n.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the bench has what it wanted
	}()
	if err := server.Serve(tls.NewListener(listener, config)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// clientTLS is the TLS configuration of a party as a client of a server that
// it trusts for being on this machine: bench and demo act as the partner.
func (p *party) clientTLS(host string) (*tls.Config, error) {
	identity, err := certs.LoadIdentity(certs.IdentityConfig{CertFile: p.path("tls.pem"), KeyFile: p.path("tls.key"), Now: time.Now})
	if err != nil {
		return nil, err
	}
	anchors, err := certs.ReadCertificates(p.world.anchor())
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, a := range anchors {
		pool.AddCert(a)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: host, GetClientCertificate: identity.GetClientCertificate}, nil
}
