package partners

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// This file decides what is in force when files change while a gateway runs:
// each file as it is now, or, when that cannot be used, as it last was. One
// partner's broken file holds up nobody else's, and a suspension least of all.

// A reader reads the registry's folder.
type reader struct {
	dir   string
	self  string
	docs  documents
	types Catalogue
	check Check
}

// A version is one file of the registry as it was read. It never changes; while
// a file stays the same, so does its version.
type version struct {
	origin
	value any   // *Self, *Calendar, *Partner or *Agreement; nil when it cannot be used
	wrong error // why not
	draft any   // what can be read of a file that is wrong, for partner check; nil when nothing can
	// standIn marks what is in force in place of a partner's file that has gone,
	// or that cannot be used and says suspended: it is in no file.
	standIn bool
}

// The folders of the registry, in the order in which they are read. "" is the
// registry's own, where only the file about ourselves is read.
var folders = []string{"", "calendars", "partners", "agreements"}

// read returns what is in force now, which is last itself when nothing has
// changed, and everything that is wrong. Without a last snapshot nothing may be
// wrong.
func (r *reader) read(last *Snapshot) (*Snapshot, error) {
	now, err := r.find(last)
	if err != nil {
		return last, err
	}
	if last == nil {
		return r.readFirst(now)
	}
	wrong := map[string]error{}
	chosen := map[string]*version{}
	for path, v := range now {
		if chosen[path] = v; v.value == nil {
			wrong[path] = v.wrong
			fallBack(chosen, path, v, last)
		}
	}
	// Contradictions: what is new gives way to what was in force; when neither of
	// two has changed, what they rest on has. Each round takes something back, and
	// the last snapshot had no contradiction.
	for {
		s, faults := r.assemble(chosen, last)
		if len(faults) == 0 {
			if maps.Equal(s.files, last.files) {
				s = last
			}
			return s, joined(wrong)
		}
		took := false
		for _, path := range slices.Sorted(maps.Keys(faults)) {
			wrong[path] = cmp.Or(wrong[path], faults[path])
			if !chosen[path].isLast(last.files[path]) {
				fallBack(chosen, path, chosen[path], last)
				took = true
			}
		}
		for _, path := range slices.Sorted(maps.Keys(faults)) {
			if !took {
				took = restBack(chosen, path, last, wrong)
			}
		}
		if !took {
			return last, joined(wrong)
		}
	}
}

// isLast says whether a version is the last good one, or stands in for it.
func (v *version) isLast(old *version) bool { return v == old || v != nil && v.standIn }

// readFirst takes the files at start: all of them, or none.
func (r *reader) readFirst(now map[string]*version) (*Snapshot, error) {
	wrong := map[string]error{}
	for path, v := range now {
		if v.value == nil {
			wrong[path] = v.wrong
		}
	}
	if err := joined(wrong); err != nil {
		return nil, err
	}
	s, faults := r.assemble(now, nil)
	if err := joined(faults); err != nil {
		return nil, err
	}
	return s, nil
}

// joined returns errors in the order of their files.
func joined(wrong map[string]error) error {
	var all []error
	for _, path := range slices.Sorted(maps.Keys(wrong)) {
		all = append(all, wrong[path])
	}
	return errors.Join(all...)
}

// fallBack puts a file's last good version in force, or none when there was
// none. now is what the file says, nil when it has gone.
func fallBack(chosen map[string]*version, path string, now *version, last *Snapshot) {
	old := last.files[path]
	if old == nil {
		delete(chosen, path)
		return
	}
	p, partner := old.value.(*Partner)
	if partner && p.Status == Active && (now == nil || now.saysSuspended()) {
		stopped := *p
		stopped.Status = Suspended
		old = &version{origin: old.origin, value: &stopped, standIn: true}
	}
	chosen[path] = old
}

// saysSuspended says whether a partner's file asks for a suspension, whatever
// else is wrong with it.
func (v *version) saysSuspended() bool {
	if p, ok := v.value.(*Partner); ok {
		return p.Status == Suspended
	}
	var file struct {
		Status Status `yaml:"status"`
	}
	return yaml.Unmarshal(v.data, &file) == nil && file.Status == Suspended
}

// restBack takes back what a file rests on that has not changed itself: an
// agreement on its partner's file and on ours, these on the calendars. A
// partner's file that has gone while an agreement still names it comes back
// suspended: whoever removed it wanted no exchange, and a message that is
// refused for good because a file was missing for a moment would be lost.
func restBack(chosen map[string]*version, path string, last *Snapshot, wrong map[string]error) bool {
	took := false
	for _, other := range slices.Sorted(maps.Keys(last.files)) {
		old := last.files[other]
		if chosen[other].isLast(old) || !restsOn(last.files[path], old) {
			continue
		}
		now := chosen[other]
		if now == nil {
			wrong[other] = fmt.Errorf("%s is missing, and %s needs it", other, path)
		}
		fallBack(chosen, other, now, last)
		took = true
	}
	return took
}

func restsOn(v, other *version) bool {
	if v == nil {
		return false
	}
	switch on := other.value.(type) {
	case *Partner:
		a, ok := v.value.(*Agreement)
		return ok && a.Partner == on.Code
	case *Self:
		_, ok := v.value.(*Agreement)
		return ok
	case *Calendar:
		switch user := v.value.(type) {
		case *Partner:
			return user.Calendar == on.Name
		case *Self:
			return user.Calendar == on.Name
		}
	}
	return false
}

// find reads the files that are there now. A folder that is missing, or has
// lost every file, is not taken for a registry without partners: it is what a
// disk looks like that is not mounted.
func (r *reader) find(last *Snapshot) (map[string]*version, error) {
	out := map[string]*version{}
	for _, folder := range folders {
		paths, err := r.list(folder)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 && needed(folder, last) {
			return nil, fmt.Errorf("%s holds no file: a registry has at least one partner and one agreement; is the disk mounted?", filepath.Join(r.dir, folder))
		}
		for _, path := range paths {
			out[path] = r.version(folder, path, last)
		}
	}
	return out, nil
}

// needed says whether a folder must not be empty.
func needed(folder string, last *Snapshot) bool {
	return folder == "partners" || folder == "agreements" && last != nil && len(last.agreements) > 0
}

// list returns the YAML and JSON files of one of the registry's folders, in
// order.
func (r *reader) list(folder string) ([]string, error) {
	dir := filepath.Join(r.dir, folder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) && folder == "calendars" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	var out []string
	for _, e := range entries {
		switch ext := filepath.Ext(e.Name()); {
		case e.IsDir(), strings.HasPrefix(e.Name(), "."):
		case folder == "" && e.Name() != SelfFile:
		case ext == ".yaml", ext == ".yml", ext == ".json":
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// version reads one file, or returns the version in force when it is the same.
func (r *reader) version(folder, path string, last *Snapshot) *version {
	data, err := os.ReadFile(path)
	if err != nil {
		return &version{origin: origin{path: path}, wrong: fmt.Errorf("read the registry: %w", err)}
	}
	if last != nil {
		if old := last.files[path]; old != nil && !old.standIn && bytes.Equal(old.data, data) && old.anchorsSame() {
			return old
		}
	}
	v := &version{origin: origin{path, data}}
	switch folder {
	case "":
		value, err := r.docs.readSelf(path, data)
		hold(v, value, err)
	case "calendars":
		value, err := r.docs.readCalendar(path, data)
		hold(v, value, err)
	case "partners":
		value, err := r.docs.readPartner(path, data, r.types, r.check)
		hold(v, value, err)
	case "agreements":
		value, err := r.docs.readAgreement(path, data, r.types)
		hold(v, value, err)
	}
	return v
}

// hold puts into a version what was read. What is wrong is no value.
func hold[T any](v *version, value *T, err error) {
	switch {
	case err == nil:
		v.value = value
	case value == nil:
		v.wrong = err
	default:
		v.wrong, v.draft = err, value
	}
}

// anchorsSame says whether the file of trust anchors that a partner's file names
// is what it was.
func (v *version) anchorsSame() bool {
	p, ok := v.value.(*Partner)
	if !ok || p.anchors == "" {
		return true
	}
	now, err := os.ReadFile(p.anchors)
	return err == nil && bytes.Equal(now, p.TLS.AnchorsPEM)
}

// assemble makes a snapshot of versions, and says which of them contradict the
// others. Of two that claim the same thing the one that was in force before has
// it, and at start the first.
func (r *reader) assemble(versions map[string]*version, last *Snapshot) (*Snapshot, map[string]error) {
	s := newSnapshot()
	s.files = maps.Clone(versions)
	paths := slices.SortedFunc(maps.Keys(versions), func(a, b string) int {
		return cmp.Or(cmp.Compare(order(versions, a, last), order(versions, b, last)), strings.Compare(a, b))
	})
	faults := map[string]error{}
	for _, path := range paths {
		var err error
		switch v := versions[path].value.(type) {
		case *Self:
			s.self = v
		case *Calendar:
			err = s.takeCalendar(v)
		case *Partner:
			err = s.takePartner(v)
		case *Agreement:
			err = s.takeAgreement(v)
		}
		if err != nil {
			faults[path] = err
		}
	}
	if len(faults) == 0 {
		s.contradictions(r.self, faults)
	}
	return s, faults
}

// order puts what was in force before first, then what has changed, then what is
// new.
func order(versions map[string]*version, path string, last *Snapshot) int {
	switch {
	case last == nil:
		return 0
	case versions[path].isLast(last.files[path]):
		return 0
	case last.files[path] != nil:
		return 1
	}
	return 2
}
