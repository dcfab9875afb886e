package identity

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"
)

// A Key names an explanation. Pages and answers show its text; the texts hold
// nothing of the persons compared.
type Key string

//go:embed texts/*.json
var textFiles embed.FS

// texts are the explanations in every language. They are a part of the program,
// and a test reads them: what is wrong with them is found before it is built.
var texts = sync.OnceValue(func() map[string]map[Key]string {
	files, err := textFiles.ReadDir("texts")
	if err != nil {
		panic(fmt.Errorf("identity: list the texts: %w", err))
	}
	out := map[string]map[Key]string{}
	for _, file := range files {
		data, err := textFiles.ReadFile(path.Join("texts", file.Name()))
		if err != nil {
			panic(fmt.Errorf("identity: read the texts: %w", err))
		}
		var own map[Key]string
		if err := json.Unmarshal(data, &own); err != nil {
			panic(fmt.Errorf("identity: read the texts in %s: %w", file.Name(), err))
		}
		out[strings.TrimSuffix(file.Name(), ".json")] = own
	}
	return out
})

// In returns the explanation in a language, or else in English; "" when the key
// is unknown.
func (k Key) In(language string) string {
	if text := texts()[language][k]; text != "" {
		return text
	}
	return texts()["en"][k]
}

// Key names a verdict in the catalogue.
func (v Verdict) Key() Key { return "verdict." + Key(v) }

// Key names a grade in the catalogue.
func (g Grade) Key() Key { return "grade." + Key(g) }

// Key names a field in the catalogue.
func (f Field) Key() Key { return "field." + Key(f) }
