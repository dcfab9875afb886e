package partners

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Config says where the registry's files are. All of it is required.
type Config struct {
	Dir    string
	Self   string // our own code: self.yaml is about us
	Now    func() time.Time
	Types  Catalogue
	Check  Check
	Logger *slog.Logger
}

// A Check finds what is wrong with a partner's file that only those know who
// use its keys and certificates.
type Check func(*Partner) []Fault

// A Fault is one thing that is wrong with a file, at a place in it.
type Fault struct {
	Pointer string // JSON Pointer into the file
	Detail  string
	Hint    string // what to do, "" when the detail says it
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
	// Answers says whether a message of type reply can answer one of type asked.
	Answers(reply, asked string) bool
}

// A Registry holds the current snapshot and looks for changes.
type Registry struct {
	reader
	logger  *slog.Logger
	current atomic.Pointer[Snapshot]
	problem atomic.Pointer[error]
	reload  sync.Mutex
}

// Load reads the folder. It refuses files that are wrong or contradict each
// other; the error names each with its line.
func Load(cfg Config) (*Registry, error) {
	if cfg.Dir == "" || cfg.Self == "" || cfg.Now == nil || cfg.Types == nil || cfg.Check == nil || cfg.Logger == nil {
		return nil, errors.New("registry: a required part is missing")
	}
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	r := &Registry{reader: reader{dir: cfg.Dir, self: cfg.Self, docs: docs, types: cfg.Types, check: cfg.Check}, logger: cfg.Logger}
	snapshot, err := r.read(nil)
	if err != nil {
		return nil, err
	}
	r.current.Store(snapshot)
	return r, nil
}

// Current returns the snapshot in force.
func (r *Registry) Current() *Snapshot { return r.current.Load() }

// Problem returns why some of the files as they are now are not in force; nil
// when all of them are.
func (r *Registry) Problem() error {
	if p := r.problem.Load(); p != nil {
		return *p
	}
	return nil
}

// Reload reads the files again and puts in force what can be used. The error
// names what cannot; the last good state of that stays in force, and Problem
// says so until it is mended.
func (r *Registry) Reload() error {
	r.reload.Lock()
	defer r.reload.Unlock()
	last := r.Current()
	snapshot, err := r.read(last)
	if snapshot != last {
		r.current.Store(snapshot)
		r.logger.Info("the registry's files have changed and are in force")
	}
	if err == nil {
		r.problem.Store(nil)
		return nil
	}
	if old := r.problem.Swap(&err); old == nil || (*old).Error() != err.Error() {
		r.logger.Error("some of the registry's files are not usable; the last good ones stay in force", "error", err)
	}
	return err
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
