package partners

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Config says where the registry's files are. All of it is required but Self.
type Config struct {
	Dir string
	// Self is our own code. With it the registry insists that self.yaml is
	// about us, and that it is there when a deadline is ours to keep.
	Self   string
	Now    func() time.Time
	Types  Catalogue
	Check  func(*Partner) error // what only those who use the keys can check
	Logger *slog.Logger
}

// A Catalogue knows what may be said.
type Catalogue interface {
	// Has says whether a message type has a schema.
	Has(messageType string) bool
	// HasField says whether that schema has a place for what a pointer of a
	// field rule names.
	HasField(messageType, pointer string) bool
	// Field describes that place.
	Field(messageType, pointer string) (schemas.Field, bool)
}

// A Registry holds the current snapshot and looks for changes.
type Registry struct {
	cfg     Config
	docs    documents
	current atomic.Pointer[Snapshot]
	problem atomic.Pointer[error]
	reload  sync.Mutex
}

// Load reads the folder. It refuses files that are wrong or contradict each
// other; the error names each with its line.
func Load(cfg Config) (*Registry, error) {
	if cfg.Dir == "" || cfg.Now == nil || cfg.Types == nil || cfg.Check == nil || cfg.Logger == nil {
		return nil, errors.New("registry: a required part is missing")
	}
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	r := &Registry{cfg: cfg, docs: docs}
	snapshot, err := r.read(nil)
	if err != nil {
		return nil, err
	}
	r.current.Store(snapshot)
	return r, nil
}

// Current returns the snapshot in force.
func (r *Registry) Current() *Snapshot { return r.current.Load() }

// Problem returns why the files as they are now are not in force; nil when
// they are.
func (r *Registry) Problem() error {
	if p := r.problem.Load(); p != nil {
		return *p
	}
	return nil
}

// Reload reads the files again. When they cannot be used the last good
// snapshot stays in force and Problem says why.
func (r *Registry) Reload() error {
	r.reload.Lock()
	defer r.reload.Unlock()
	last := r.Current()
	snapshot, err := r.read(last)
	if err != nil {
		if old := r.problem.Swap(&err); old == nil || (*old).Error() != err.Error() {
			r.cfg.Logger.Error("the registry's files are not usable; the last good ones stay in force", "error", err)
		}
		return err
	}
	r.problem.Store(nil)
	if snapshot != last {
		r.current.Store(snapshot)
		r.cfg.Logger.Info("the registry's files have changed and are in force")
	}
	return nil
}

// WatchInterval is how often the files are looked at. Reading a handful of
// small files costs little, works on every file system, and needs no watcher
// that can miss an event: a suspension is in force within this time.
const WatchInterval = time.Second

// Watch reloads until ctx ends.
func (r *Registry) Watch(ctx context.Context) {
	tick := time.NewTicker(WatchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = r.Reload() // logged once, and visible in Problem
		}
	}
}

// A kind is one kind of file, and what becomes of it.
type kind struct {
	folder string
	take   func(s *Snapshot, path string, data []byte) error
}

// A found file is one that has been read and not yet understood.
type found struct {
	kind
	origin
}

// read makes a snapshot of the files as they are now; while they are those of
// the last one, that is returned. It names everything that is wrong with any of
// the files, and only then looks at all of them together.
func (r *Registry) read(last *Snapshot) (*Snapshot, error) {
	files, sum, err := r.find()
	if err != nil {
		return nil, err
	}
	if last != nil && last.sum == sum && !last.anchorsChanged() {
		return last, nil
	}
	s := newSnapshot()
	s.sum = sum
	var wrong []error
	for _, file := range files {
		wrong = append(wrong, file.take(s, file.path, file.data))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if err := s.check(r.cfg.Self); err != nil {
		return nil, err
	}
	return s, nil
}

// find reads the registry's files and the hash of all of them.
func (r *Registry) find() ([]found, [sha256.Size]byte, error) {
	var out []found
	hash := sha256.New()
	for _, k := range []kind{{"", r.takeSelf}, {"calendars", r.takeCalendar}, {"partners", r.takePartner}, {"agreements", r.takeAgreement}} {
		paths, err := r.files(k.folder)
		if err != nil {
			return nil, [sha256.Size]byte{}, err
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, [sha256.Size]byte{}, fmt.Errorf("read %s: %w", path, err)
			}
			fmt.Fprintf(hash, "%s %d\n%s", path, len(data), data)
			out = append(out, found{k, origin{path, data}})
		}
	}
	return out, [sha256.Size]byte(hash.Sum(nil)), nil
}

// files lists what the registry reads of one of its folders; of the folder
// itself, "", only the file about ourselves.
func (r *Registry) files(folder string) ([]string, error) {
	if folder != "" {
		return listFiles(filepath.Join(r.cfg.Dir, folder))
	}
	path := filepath.Join(r.cfg.Dir, SelfFile)
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	return []string{path}, nil
}

// listFiles returns the YAML and JSON files of a folder in order; a folder that
// is missing is empty.
func listFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	var out []string
	for _, e := range entries {
		switch ext := filepath.Ext(e.Name()); {
		case e.IsDir(), strings.HasPrefix(e.Name(), "."):
		case ext == ".yaml", ext == ".yml", ext == ".json":
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

func (r *Registry) takeSelf(s *Snapshot, path string, data []byte) error {
	self, err := r.docs.readSelf(path, data)
	s.self = self
	return err
}

func (r *Registry) takePartner(s *Snapshot, path string, data []byte) error {
	p, err := r.docs.readPartner(path, data, r.cfg.Types)
	if err != nil {
		return err
	}
	if err := r.cfg.Check(p); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f := &faults{origin: p.from}
	if other, twice := s.partners[p.Code]; twice {
		f.add("/code", "", "the partner %s is described in %s already", p.Code, other.from.where("/code"))
		return f.err()
	}
	s.partners[p.Code] = p
	for i, pin := range p.TLS.Pins {
		if other, taken := s.byPin[pin]; taken {
			f.add(pointer("tls", "pins", i), "", "this pin belongs to %s already (%s)", other.Code, other.File)
		}
		s.byPin[pin] = p
	}
	return f.err()
}

func (r *Registry) takeAgreement(s *Snapshot, path string, data []byte) error {
	a, err := r.docs.readAgreement(path, data, r.cfg.Types)
	if err != nil {
		return err
	}
	if other, twice := s.agreements[a.Code]; twice {
		f := &faults{origin: a.from}
		f.add("/code", "", "the agreement %s is described in %s already", a.Code, other.from.where("/code"))
		return f.err()
	}
	s.agreements[a.Code] = a
	return nil
}

func (r *Registry) takeCalendar(s *Snapshot, path string, data []byte) error {
	c, err := r.docs.readCalendar(path, data)
	if err != nil {
		return err
	}
	if other, twice := s.calendars[c.Name]; twice {
		f := &faults{origin: c.from}
		f.add("/name", "", "the calendar %s is described in %s already", c.Name, other.from.where("/name"))
		return f.err()
	}
	s.calendars[c.Name] = c
	return nil
}
