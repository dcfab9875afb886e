package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/schemas"
)

const smallConfig = `self: VN
name: Example agency
listen: 127.0.0.1:0
store: record.sqlite
registry: registry
tls: {certificate: tls.pem, key: keys/tls.key}
signing: {key: keys/signing.key, kid: vn-2026}
log: {origin: vn.gateway.example/repatriation-log, key: keys/log.key, lock: /var/lib/checkpoint.lock}
witness: {name: vn.gateway.example/witness, key: keys/witness.key}
encryption: {keys: keys/encryption.json}
`

// Every override that the program knows is in the manual, changes its key and
// no other, and is judged as the file is.
func TestEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(path, []byte(smallConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, err := LoadConfig(path, []string{"HOME=/", "GATEWAYS=1"})
	if err != nil {
		t.Fatal(err)
	}
	manual := readDoc(t, "../../docs/operating.md")
	values := map[string]string{
		"GATEWAY_LISTEN": "127.0.0.1:9", "GATEWAY_ADMIN": "127.0.0.1:10", "GATEWAY_STORE": "postgres://h/d",
		"GATEWAY_DELIVERY_TIMEOUT": "7s", "GATEWAY_DELIVERY_POLL": "2s", "GATEWAY_DRAIN": "3s",
		"GATEWAY_LOGGING_LEVEL": "warn", "GATEWAY_LOGGING_FORMAT": "text", "GATEWAY_SIGNING_KID": "vn-2027",
	}
	for name := range (&Config{}).overrides() {
		if !strings.Contains(manual, "| `"+name+"` |") {
			t.Errorf("docs/operating.md does not list %s", name)
		}
		value, ok := values[name]
		if !ok {
			value = "/elsewhere/file"
		}
		c, err := LoadConfig(path, []string{name + "=" + value})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := *c.overrides()[name]; got != value {
			t.Errorf("%s: the key is %q, want %q", name, got, value)
		}
		*c.overrides()[name] = *plain.overrides()[name]
		if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", plain) {
			t.Errorf("%s changes other keys too", name)
		}
	}
	var document *schemas.DocumentError
	for _, pair := range []string{"GATEWAY_LISTEN=nowhere", "GATEWAY_DRAIN=soon", "GATEWAY_LOGGING_LEVEL=loud", "GATEWAY_STORE="} {
		if _, err := LoadConfig(path, []string{pair}); !errors.As(err, &document) || !strings.Contains(err.Error(), "GATEWAY_*") {
			t.Errorf("%s: %v", pair, err)
		}
	}
	if _, err := LoadConfig(path, []string{"GATEWAY_LISTNE=127.0.0.1:9"}); err == nil || !strings.Contains(adviceFor(err), "GATEWAY_LISTEN") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

// Relative paths start at the file, whatever folder the program runs in.
func TestPathsStartAtTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(path, []byte(smallConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		c.Store: filepath.Join(dir, "record.sqlite"), c.Registry: filepath.Join(dir, "registry"),
		c.Encryption.Keys: filepath.Join(dir, "keys/encryption.json"), c.Log.Lock: "/var/lib/checkpoint.lock",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Whatever part of a configuration the manual shows is one that the gateway takes, and
// what the schema knows is what the program reads.
func TestDocumentedConfiguration(t *testing.T) {
	shown := map[string]bool{}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for _, name := range []string{"operating.md", "console.md"} {
		for _, m := range block.FindAllStringSubmatch(readDoc(t, "../../docs/"+name), -1) {
			var part, whole map[string]any
			if err := yaml.Unmarshal([]byte(m[1]), &part); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, m[1])
			}
			if part["permits"] != nil || part["deadlines"] != nil || part["templates"] != nil { // of an agreement, or of reports
				continue
			}
			if err := yaml.Unmarshal([]byte(smallConfig), &whole); err != nil {
				t.Fatal(err)
			}
			for key, value := range part {
				whole[key], shown[key] = value, true
			}
			data, err := yaml.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "gateway.yaml")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadConfig(path, nil); err != nil {
				t.Errorf("%s: %v\n%s", name, err, m[1])
			}
		}
	}
	var schema schemaKeys
	if err := json.Unmarshal(configSchema, &schema); err != nil {
		t.Fatal(err)
	}
	for key := range schema.Properties {
		if !shown[key] {
			t.Errorf("the manual does not show %s", key)
		}
	}
	schema.agrees(t, "", reflect.TypeFor[Config]())
}

// schemaKeys are the keys of a schema, and of what is in them.
type schemaKeys struct {
	Properties map[string]*schemaKeys `json:"properties"`
	Items      *schemaKeys            `json:"items"`
}

// agrees compares a schema with what the program reads into.
func (s *schemaKeys) agrees(t *testing.T, at string, into reflect.Type) {
	t.Helper()
	for into.Kind() == reflect.Pointer || into.Kind() == reflect.Slice {
		if into.Kind() == reflect.Slice && s.Items != nil {
			s = s.Items
		}
		into = into.Elem()
	}
	if into.Kind() != reflect.Struct {
		return
	}
	known := map[string]bool{}
	for f := range into.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		known[key] = true
		if below := s.Properties[key]; below != nil {
			below.agrees(t, at+"/"+key, f.Type)
		} else {
			t.Errorf("the schema does not know %s/%s", at, key)
		}
	}
	for key := range s.Properties {
		if !known[key] {
			t.Errorf("the program does not read %s/%s", at, key)
		}
	}
}
