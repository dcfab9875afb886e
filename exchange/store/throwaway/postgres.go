// Package throwaway starts a PostgreSQL server of its own, in a temporary
// folder and on a private socket, for the tests and for the bench. Its data is
// as durable as any server's; it just does not outlive its process.
package throwaway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Server is a running PostgreSQL.
type Server struct {
	dir        string
	program    string
	credential *syscall.Credential // nil: ourselves
	settings   []string
	process    *os.Process
	exited     chan struct{}
	count      int
}

// ErrMissing means that PostgreSQL's server programs are not on this machine.
var ErrMissing = errors.New("PostgreSQL's server programs were not found; install them with: apt-get install postgresql")

// Start makes a cluster below parent ("" for the system's temporary folder)
// and starts it. As root it runs the server as another user, because
// PostgreSQL refuses to run as root.
func Start(ctx context.Context, parent string, settings ...string) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "pg")
	if err != nil {
		return nil, fmt.Errorf("make the cluster's folder: %w", err)
	}
	s := &Server{dir: dir, program: filepath.Join(bin, "postgres"), settings: settings}
	if s.credential, err = s.owner(); err != nil {
		s.Stop()
		return nil, err
	}
	// #nosec G204 -- beside the program that programs found
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "gateway", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: s.credential}
	if out, err := initdb.CombinedOutput(); err != nil {
		s.Stop()
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.Restart(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Restart starts the server of a cluster whose server is not running, and
// waits until it takes connections. It runs under the program and arguments
// that are given, if any, which must become the server, as strace -D does.
func (s *Server) Restart(ctx context.Context, under ...string) error {
	if err := s.run(under); err != nil {
		return err
	}
	return s.ready(ctx)
}

// Path returns the path of a file that the server names relative to its data
// folder.
func (s *Server) Path(name string) string { return filepath.Join(s.data(), name) }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// programs finds the newest server programs.
func programs() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	best, version := "", 0
	for _, path := range found {
		bin := filepath.Dir(path)
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && v > version {
			best, version = bin, v
		}
	}
	if version < 15 {
		return "", fmt.Errorf("%w (version 15 or newer)", ErrMissing)
	}
	return best, nil
}

// owner gives the folder to the user that the server will run as.
func (s *Server) owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr != nil || gidErr != nil {
			continue
		}
		if err := os.Chown(s.dir, int(uid), int(gid)); err != nil {
			return nil, fmt.Errorf("give the cluster's folder to %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("no user was found that PostgreSQL could run as")
}

// run starts the server as a child that dies with us, however we die.
func (s *Server) run(under []string) error {
	args := append(slices.Clone(under), s.program, "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=128MB", "-c", "wal_init_zero=on", "-c", "max_wal_size=2GB")
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	cmd := exec.Command(args[0], args[1:]...) // #nosec G204 -- the program that programs found, or the test's tracer
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential, Pdeathsig: syscall.SIGQUIT}
	started, exited := make(chan error), make(chan struct{})
	s.exited = exited
	go func() {
		// The death signal belongs to the thread that forked: keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			s.process = cmd.Process
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter any more
		}
		_ = log.Close()
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	return nil
}

// ready waits until the server takes connections.
func (s *Server) ready(ctx context.Context) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres ended: %s", text)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres did not start: %w", err)
		}
	}
}

// URL returns the URL of one of the server's databases.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"gateway"}}.Encode()
}

// Database makes a new, empty database and returns its URL.
func (s *Server) Database(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	s.count++
	name := fmt.Sprintf("db%d_%d", os.Getpid(), s.count)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	return s.URL(name), nil
}

// Kill ends the server at once, as a power cut would end it.
func (s *Server) Kill() {
	if s.process != nil {
		_ = s.process.Signal(syscall.SIGQUIT) // it may have ended by itself
		<-s.exited
	}
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() {
	s.Kill()
	if strings.Contains(filepath.Base(s.dir), "pg") {
		_ = os.RemoveAll(s.dir) // it is in the temporary folder: nothing is lost
	}
}
