package partners

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CheckFile explains everything that is wrong with one file of a registry, as a
// gateway would find it: by itself, and together with the other files of the
// registry that it lies in. The notes say what it was not compared with.
func CheckFile(path string, types Catalogue, check Check) (notes []string, err error) {
	docs, err := compileDocuments()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the file: %w", err)
	}
	r := &reader{docs: docs, types: types, check: check}
	folder := folderOf(absolute, data)
	file := r.version(folder, path, nil)
	if file.wrong != nil {
		return nil, file.wrong
	}
	r.dir = filepath.Dir(path)
	if folder != "" {
		r.dir = filepath.Join(r.dir, "..")
	}
	if folder != "" && filepath.Base(filepath.Dir(absolute)) != folder {
		return []string{"it lies in no registry, so it was not compared with the other files of one"}, nil
	}
	return r.compare(file, filepath.Join(r.dir, folder, filepath.Base(path)))
}

// compare looks for contradictions between a file and those beside it. Whose
// gateway it is, self.yaml alone can say.
func (r *reader) compare(file *version, path string) (notes []string, err error) {
	all, err := r.find(nil)
	if err != nil {
		return []string{fmt.Sprintf("the other files of the registry cannot be read, so it was not compared with them: %v", err)}, nil
	}
	others := newSnapshot()
	for other, v := range all {
		if self, ok := v.value.(*Self); ok {
			r.self = self.Code
		}
		switch {
		case other == path:
		case v.value != nil:
			others.files[other] = v
		case v.draft != nil:
			notes = append(notes, fmt.Sprintf("%s has errors of its own", other))
			all[other] = &version{origin: v.origin, value: v.draft}
			others.files[other] = all[other]
		default:
			notes = append(notes, fmt.Sprintf("%s has errors of its own, so it was not compared with that", other))
			delete(all, other)
		}
	}
	all[path] = file
	// Where two contradict each other, the others were there first.
	_, faults := r.assemble(all, others)
	slices.Sort(notes)
	return notes, faults[path]
}

// folderOf guesses into which folder of a registry a file belongs: by where it
// lies or its name, else by a key that only one kind has.
func folderOf(path string, data []byte) string {
	if folder := filepath.Base(filepath.Dir(path)); folder != "" && slices.Contains(folders, folder) {
		return folder
	}
	if filepath.Base(path) == SelfFile {
		return ""
	}
	text := "\n" + string(data)
	if json.Valid(data) {
		text = strings.NewReplacer(`"`, "", "{", "\n", ",", "\n").Replace(text)
	}
	switch {
	case strings.Contains(text, "\npermits:"):
		return "agreements"
	case strings.Contains(text, "\nholidays:"):
		return "calendars"
	}
	return "partners"
}
