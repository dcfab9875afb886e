package partners

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// Config says where the registry's files are. All of it is required.
type Config struct {
	Dir    string
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
}

// A Snapshot is one consistent state of the registry. It never changes.
type Snapshot struct {
	partners   map[string]*Partner
	byPin      map[string]*Partner
	agreements map[string]*Agreement
	calendars  map[string]*Calendar
	sum        [sha256.Size]byte
}

// Partner returns the partner with a code.
func (s *Snapshot) Partner(code string) (*Partner, bool) { p, ok := s.partners[code]; return p, ok }

// ByPin returns the partner whose TLS key has a pin.
func (s *Snapshot) ByPin(pin string) (*Partner, bool) { p, ok := s.byPin[pin]; return p, ok }

// Agreement returns the agreement with a code.
func (s *Snapshot) Agreement(code string) (*Agreement, bool) {
	a, ok := s.agreements[code]
	return a, ok
}

// Calendar returns a calendar by its name.
func (s *Snapshot) Calendar(name string) (*Calendar, bool) { c, ok := s.calendars[name]; return c, ok }

// All returns every partner in the order of their codes.
func (s *Snapshot) All() []*Partner {
	return sorted(s.partners, func(p *Partner) string { return p.Code }, func(*Partner) bool { return true })
}

// Agreements returns the agreements with a partner in the order of their codes.
func (s *Snapshot) Agreements(partner string) []*Agreement {
	return sorted(s.agreements, func(a *Agreement) string { return a.Code }, func(a *Agreement) bool { return a.Partner == partner })
}

func sorted[T any](all map[string]T, key func(T) string, keep func(T) bool) []T {
	var out []T
	for _, v := range all {
		if keep(v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return out
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
	snapshot, err := r.read()
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
	snapshot, err := r.read()
	if err != nil {
		if old := r.problem.Swap(&err); old == nil || (*old).Error() != err.Error() {
			r.cfg.Logger.Error("the registry's files are not usable; the last good ones stay in force", "error", err)
		}
		return err
	}
	r.problem.Store(nil)
	if snapshot.sum != r.Current().sum {
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

//go:embed partner.v1.json
var partnerSchema []byte

//go:embed agreement.v1.json
var agreementSchema []byte

//go:embed calendar.v1.json
var calendarSchema []byte

// documents are the compiled schemas of the three kinds of files.
type documents struct{ partner, agreement, calendar *schemas.Document }

func compileDocuments() (documents, error) {
	var d documents
	for _, s := range []struct {
		name   string
		schema []byte
		into   **schemas.Document
	}{{"partner", partnerSchema, &d.partner}, {"agreement", agreementSchema, &d.agreement}, {"calendar", calendarSchema, &d.calendar}} {
		doc, err := schemas.CompileDocument("https://repatriation.example/schemas/"+s.name+".v1.json", s.schema)
		if err != nil {
			return d, fmt.Errorf("compile the schema of a %s: %w", s.name, err)
		}
		*s.into = doc
	}
	return d, nil
}

// read makes a snapshot of the files as they are now.
func (r *Registry) read() (*Snapshot, error) {
	s := &Snapshot{partners: map[string]*Partner{}, byPin: map[string]*Partner{}, agreements: map[string]*Agreement{}, calendars: map[string]*Calendar{}}
	hash := sha256.New()
	for _, kind := range []struct {
		folder string
		take   func(path string, data []byte) error
	}{
		{"calendars", func(path string, data []byte) error { return r.takeCalendar(s, path, data) }},
		{"partners", func(path string, data []byte) error { return r.takePartner(s, path, data) }},
		{"agreements", func(path string, data []byte) error { return r.takeAgreement(s, path, data) }},
	} {
		files, err := listFiles(filepath.Join(r.cfg.Dir, kind.folder))
		if err != nil {
			return nil, err
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", path, err)
			}
			if err := kind.take(path, data); err != nil {
				return nil, err
			}
			fmt.Fprintf(hash, "%s %d\n%s", path, len(data), data)
		}
	}
	for _, p := range s.All() {
		fmt.Fprintf(hash, "anchors %s %x", p.Code, p.TLS.AnchorsPEM)
	}
	if err := s.check(r.cfg.Types); err != nil {
		return nil, err
	}
	s.sum = [sha256.Size]byte(hash.Sum(nil))
	return s, nil
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

func (r *Registry) takePartner(s *Snapshot, path string, data []byte) error {
	p, err := r.docs.readPartner(path, data)
	if err != nil {
		return err
	}
	if err := r.cfg.Check(p); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if other, twice := s.partners[p.Code]; twice {
		return fmt.Errorf("%s: the partner %s is described in %s already", path, p.Code, other.File)
	}
	s.partners[p.Code] = p
	for _, pin := range p.TLS.Pins {
		if other, taken := s.byPin[pin]; taken {
			return fmt.Errorf("%s: the pin %s belongs to %s already (%s)", path, pin, other.Code, other.File)
		}
		s.byPin[pin] = p
	}
	return nil
}

// readPartner reads one partner's file and what it refers to.
func (d documents) readPartner(path string, data []byte) (*Partner, error) {
	p := &Partner{File: path}
	if err := d.partner.DecodeYAML(path, data, p); err != nil {
		return nil, err
	}
	p.complete()
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: /endpoint: it must be https://host[:port][/path] and nothing more", path)
	}
	p.Endpoint = strings.TrimSuffix(p.Endpoint, "/")
	beside := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(path), name)
	}
	p.TLS.AnchorsPEM = []byte(p.TLS.Anchors)
	if !strings.HasPrefix(p.TLS.Anchors, "-----BEGIN") {
		if p.TLS.AnchorsPEM, err = os.ReadFile(beside(p.TLS.Anchors)); err != nil {
			return nil, fmt.Errorf("%s: /tls/anchors: %w", path, err)
		}
	}
	if p.TLS.CRL != "" {
		p.TLS.CRL = beside(p.TLS.CRL)
	}
	if p.TimeZone != "" {
		if _, err := time.LoadLocation(p.TimeZone); err != nil {
			return nil, fmt.Errorf("%s: /time_zone: %q is not in the time zone database", path, p.TimeZone)
		}
	}
	seen := map[string]bool{}
	for i, k := range p.SigningKeys {
		kid, _ := k.JWK["kid"].(string)
		if seen[kid] {
			return nil, fmt.Errorf("%s: /signing_keys/%d: the kid %s stands twice", path, i, kid)
		}
		seen[kid] = true
		if !k.NotAfter.IsZero() && !k.NotAfter.After(k.NotBefore) {
			return nil, fmt.Errorf("%s: /signing_keys/%d: not_after must be later than not_before", path, i)
		}
	}
	return p, nil
}

func (r *Registry) takeAgreement(s *Snapshot, path string, data []byte) error {
	a, err := r.docs.readAgreement(path, data)
	if err != nil {
		return err
	}
	if other, twice := s.agreements[a.Code]; twice {
		return fmt.Errorf("%s: the agreement %s is described in %s already", path, a.Code, other.File)
	}
	s.agreements[a.Code] = a
	return nil
}

// readAgreement reads one agreement's file.
func (d documents) readAgreement(path string, data []byte) (*Agreement, error) {
	a := &Agreement{File: path}
	if err := d.agreement.DecodeYAML(path, data, a); err != nil {
		return nil, err
	}
	for i := range a.Permits {
		if err := a.Permits[i].compile(); err != nil {
			return nil, fmt.Errorf("%s: /permits/%d: %w", path, i, err)
		}
		for j, other := range a.Permits[:i] {
			if other.Type == a.Permits[i].Type && other.Direction == a.Permits[i].Direction {
				return nil, fmt.Errorf("%s: /permits/%d: permits/%d is for the same type and direction", path, i, j)
			}
		}
	}
	return a, nil
}

func (r *Registry) takeCalendar(s *Snapshot, path string, data []byte) error {
	c, err := r.docs.readCalendar(path, data)
	if err != nil {
		return err
	}
	if _, twice := s.calendars[c.Name]; twice {
		return fmt.Errorf("%s: the calendar %s is described twice", path, c.Name)
	}
	s.calendars[c.Name] = c
	return nil
}

// check refuses what contradicts itself across files.
func (s *Snapshot) check(types Catalogue) error {
	for _, p := range s.All() {
		if p.Calendar != "" && s.calendars[p.Calendar] == nil {
			return fmt.Errorf("%s: /calendar: there is no calendar %q", p.File, p.Calendar)
		}
	}
	for _, a := range sorted(s.agreements, func(a *Agreement) string { return a.Code }, func(*Agreement) bool { return true }) {
		if s.partners[a.Partner] == nil {
			return fmt.Errorf("%s: /partner: there is no partner %q", a.File, a.Partner)
		}
		for i, p := range a.Permits {
			if !types.Has(p.Type) {
				return fmt.Errorf("%s: /permits/%d/type: no schema knows the type %q", a.File, i, p.Type)
			}
			for j, f := range p.Fields {
				// A misspelt rule would withhold nothing, and nobody would notice.
				if !types.HasField(p.Type, f.Pointer) {
					return fmt.Errorf("%s: /permits/%d/fields/%d/pointer: the schema of %s has no field %s", a.File, i, j, p.Type, f.Pointer)
				}
			}
			if p.Reply != "" && a.Find(p.Reply, p.Direction.opposite()) == nil {
				return fmt.Errorf("%s: /permits/%d/reply: nobody may send the reply %q the other way", a.File, i, p.Reply)
			}
		}
	}
	return nil
}

// CheckFile explains everything that is wrong with one partner, agreement or
// calendar file by itself; nil when nothing is.
func CheckFile(path string) error {
	docs, err := compileDocuments()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	switch kindOf(path, data) {
	case "agreement":
		_, err = docs.readAgreement(path, data)
	case "calendar":
		_, err = docs.readCalendar(path, data)
	default:
		_, err = docs.readPartner(path, data)
	}
	return err
}

// kindOf guesses what a file is meant to be: by its folder, else by a key that
// only one kind has.
func kindOf(path string, data []byte) string {
	switch filepath.Base(filepath.Dir(path)) {
	case "agreements":
		return "agreement"
	case "calendars":
		return "calendar"
	case "partners":
		return "partner"
	}
	text := "\n" + string(data)
	if json.Valid(data) {
		text = strings.NewReplacer(`"`, "", "{", "\n", ",", "\n").Replace(text)
	}
	switch {
	case strings.Contains(text, "\npermits:"):
		return "agreement"
	case strings.Contains(text, "\nholidays:"):
		return "calendar"
	}
	return "partner"
}
