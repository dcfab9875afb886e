package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A Config is gateway.yaml. config.v1.json describes and checks every key;
// docs/operating.md shows a whole file. Relative paths start at the file.
type Config struct {
	Self       string           `json:"self" yaml:"self"`
	Name       string           `json:"name" yaml:"name"`
	Listen     string           `json:"listen" yaml:"listen"`
	Admin      string           `json:"admin,omitempty" yaml:"admin,omitempty"`
	Store      string           `json:"store" yaml:"store"`
	Registry   string           `json:"registry" yaml:"registry"`
	TLS        TLSConfig        `json:"tls" yaml:"tls"`
	Signing    SigningConfig    `json:"signing" yaml:"signing"`
	Log        LogConfig        `json:"log" yaml:"log"`
	Witness    WitnessConfig    `json:"witness" yaml:"witness"`
	Encryption EncryptionConfig `json:"encryption" yaml:"encryption"`
	Operator   *OperatorConfig  `json:"operator,omitempty" yaml:"operator,omitempty"`
	Webhooks   []WebhookConfig  `json:"webhooks,omitempty" yaml:"webhooks,omitempty"`
	Reports    ReportsConfig    `json:"reports,omitzero" yaml:"reports,omitempty"`
	Delivery   DeliveryConfig   `json:"delivery,omitzero" yaml:"delivery,omitempty"`
	Logging    LoggingConfig    `json:"logging,omitzero" yaml:"logging,omitempty"`
	Drain      string           `json:"drain,omitempty" yaml:"drain,omitempty"`
	Console    *ConsoleConfig   `json:"console,omitempty" yaml:"console,omitempty"`

	dir string
}

// TLSConfig names the certificate that partners see, and its key.
type TLSConfig struct {
	Certificate string `json:"certificate" yaml:"certificate"`
	Key         string `json:"key" yaml:"key"`
}

// SigningConfig names the key that signs messages and receipts.
type SigningConfig struct {
	Key string `json:"key" yaml:"key"`
	KID string `json:"kid" yaml:"kid"`
	// Retired are public keys (JWK files) that signed earlier entries; evidence
	// bundles carry them.
	Retired []string `json:"retired,omitempty" yaml:"retired,omitempty"`
}

// LogConfig names the record's Merkle log.
type LogConfig struct {
	Origin string `json:"origin" yaml:"origin"`
	Key    string `json:"key" yaml:"key"`
	Lock   string `json:"lock" yaml:"lock"`
	Check  string `json:"check,omitempty" yaml:"check,omitempty"`
}

// checkEvery is how often a running gateway checks the record; 0 for never.
func (c LogConfig) checkEvery() time.Duration {
	if c.Check == "off" {
		return 0
	}
	return duration(c.Check, 24*time.Hour)
}

// WitnessConfig names the key that countersigns partners' checkpoints.
type WitnessConfig struct {
	Name string `json:"name" yaml:"name"`
	Key  string `json:"key" yaml:"key"`
}

// EncryptionConfig names the key-encryption keys, and the key of the blind
// index of persons.
type EncryptionConfig struct {
	Keys  string `json:"keys" yaml:"keys"`
	Index string `json:"index,omitempty" yaml:"index,omitempty"`
}

// OperatorConfig says where and to whom the operator API is open.
type OperatorConfig struct {
	Listen string            `json:"listen" yaml:"listen"`
	TLS    OperatorTLSConfig `json:"tls" yaml:"tls"`
	OIDC   *OIDCConfig       `json:"oidc,omitempty" yaml:"oidc,omitempty"`
}

// OperatorTLSConfig names the operator API's certificate, and the authorities
// of officers' and systems' client certificates.
type OperatorTLSConfig struct {
	Certificate   string `json:"certificate" yaml:"certificate"`
	Key           string `json:"key" yaml:"key"`
	ClientAnchors string `json:"client_anchors,omitempty" yaml:"client_anchors,omitempty"`
}

// OIDCConfig says whose tokens are taken, and for which audience.
type OIDCConfig struct {
	Issuer   string `json:"issuer" yaml:"issuer"`
	Audience string `json:"audience" yaml:"audience"`
	Anchors  string `json:"anchors,omitempty" yaml:"anchors,omitempty"`
}

// A WebhookConfig says who is told of what.
type WebhookConfig struct {
	Name       string   `json:"name" yaml:"name"`
	URL        string   `json:"url" yaml:"url"`
	SecretFile string   `json:"secret_file" yaml:"secret_file"`
	Officer    string   `json:"officer" yaml:"officer"`
	Events     []string `json:"events,omitempty" yaml:"events,omitempty"`
	Anchors    string   `json:"anchors,omitempty" yaml:"anchors,omitempty"`
}

// DeliveryConfig bounds the courier.
type DeliveryConfig struct {
	Timeout string `json:"timeout,omitempty" yaml:"timeout,omitempty"`
	Poll    string `json:"poll,omitempty" yaml:"poll,omitempty"`
}

// ReportsConfig shapes what compliance asks for.
type ReportsConfig struct {
	Templates string `json:"templates,omitempty" yaml:"templates,omitempty"`
	Keep      string `json:"keep,omitempty" yaml:"keep,omitempty"`
}

// LoggingConfig shapes the log on standard error.
type LoggingConfig struct {
	Level  string `json:"level,omitempty" yaml:"level,omitempty"`
	Format string `json:"format,omitempty" yaml:"format,omitempty"`
}

//go:embed config.v1.json
var configSchema []byte

// LoadConfig reads gateway.yaml, applies GATEWAY_* from the environment, and
// checks the result.
func LoadConfig(path string, environ []string) (*Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint(usagef("no configuration at %s", path), "name it with --config, or make one to start from with 'gateway demo --once --dir DIR'")
	}
	if err != nil {
		return nil, usagef("read the configuration: %w", err)
	}
	doc, err := schemas.CompileDocument("https://repatriation.example/schemas/config.v1.json", configSchema)
	if err != nil {
		return nil, fmt.Errorf("compile the configuration's schema: %w", err)
	}
	var c Config
	if err := doc.DecodeYAML(path, data, &c); err != nil {
		return nil, err
	}
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("find the configuration's folder: %w", err)
	}
	overridden, err := c.override(environ)
	if err != nil {
		return nil, err
	}
	if overridden { // what the environment says must be as right as the file
		merged, err := yaml.Marshal(&c)
		if err != nil {
			return nil, fmt.Errorf("write the merged configuration: %w", err)
		}
		var again Config
		if err := doc.DecodeYAML(path+" with GATEWAY_*", merged, &again); err != nil {
			return nil, err
		}
	}
	if err := store.CheckURL(c.Store); err != nil {
		return nil, err
	}
	c.resolve()
	return &c, nil
}

// overrides are the environment's names for the keys that differ from machine
// to machine.
func (c *Config) overrides() map[string]*string {
	return map[string]*string{
		"GATEWAY_LISTEN": &c.Listen, "GATEWAY_ADMIN": &c.Admin, "GATEWAY_STORE": &c.Store, "GATEWAY_REGISTRY": &c.Registry,
		"GATEWAY_TLS_CERTIFICATE": &c.TLS.Certificate, "GATEWAY_TLS_KEY": &c.TLS.Key,
		"GATEWAY_SIGNING_KEY": &c.Signing.Key, "GATEWAY_SIGNING_KID": &c.Signing.KID,
		"GATEWAY_WITNESS_KEY": &c.Witness.Key, "GATEWAY_LOG_KEY": &c.Log.Key, "GATEWAY_LOG_LOCK": &c.Log.Lock, "GATEWAY_ENCRYPTION_KEYS": &c.Encryption.Keys,
		"GATEWAY_ENCRYPTION_INDEX": &c.Encryption.Index,
		"GATEWAY_DELIVERY_TIMEOUT": &c.Delivery.Timeout, "GATEWAY_DELIVERY_POLL": &c.Delivery.Poll,
		"GATEWAY_LOGGING_LEVEL": &c.Logging.Level, "GATEWAY_LOGGING_FORMAT": &c.Logging.Format, "GATEWAY_DRAIN": &c.Drain,
	}
}

// ofKubernetes are the variables that Kubernetes gives every container of a
// namespace with a service called gateway.
var ofKubernetes = regexp.MustCompile(`^GATEWAY_(SERVICE_(HOST|PORT)(_.+)?|PORT(_.+)?)$`)

func (c *Config) override(environ []string) (changed bool, err error) {
	known := c.overrides()
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "GATEWAY_") || ofKubernetes.MatchString(name) {
			continue
		}
		target, ok := known[name]
		if !ok {
			names := make([]string, 0, len(known))
			for n := range known {
				names = append(names, n)
			}
			slices.Sort(names)
			return false, hint(usagef("the environment variable %s is not known", name), "known are "+strings.Join(names, ", "))
		}
		*target, changed = value, true
	}
	return changed, nil
}

// resolve makes paths absolute.
func (c *Config) resolve() {
	paths := []*string{&c.Registry, &c.TLS.Certificate, &c.TLS.Key, &c.Signing.Key, &c.Log.Key, &c.Log.Lock, &c.Witness.Key, &c.Encryption.Keys, &c.Encryption.Index, &c.Reports.Templates}
	if !store.IsPostgreSQL(c.Store) {
		paths = append(paths, &c.Store)
	}
	if c.Console != nil {
		paths = append(paths, &c.Console.Certificate, &c.Console.Key)
		if c.Console.OIDC != nil {
			paths = append(paths, &c.Console.OIDC.SecretFile, &c.Console.OIDC.Anchors)
		}
	}
	for i := range c.Signing.Retired {
		paths = append(paths, &c.Signing.Retired[i])
	}
	if o := c.Operator; o != nil {
		paths = append(paths, &o.TLS.Certificate, &o.TLS.Key, &o.TLS.ClientAnchors)
		if o.OIDC != nil {
			paths = append(paths, &o.OIDC.Anchors)
		}
	}
	for i := range c.Webhooks {
		paths = append(paths, &c.Webhooks[i].SecretFile, &c.Webhooks[i].Anchors)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(c.dir, *p)
		}
	}
}

// duration reads a duration that the schema has already checked.
func duration(text string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(text); err == nil {
		return d
	}
	return otherwise
}
