package main

import (
	"crypto"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A world is a folder with several gateways that know each other: the demo's
// five countries, or the bench's two. All keys are thrown away with it.
type world struct {
	dir       string
	authority *certs.Authority
	parties   []*party
	unlimited bool      // the bench's partners have no limits in the way
	stories   bool      // the demo's agreements permit what its stories need
	began     time.Time // before this there are no certificates
}

// A party is one gateway of a world.
type party struct {
	world  *world
	code   string // "VN"
	name   string
	listen string // host:port
	admin  string
	house  string // host:port of the operator API; "" for none
	pages  string // host:port of the officers' pages; "" for none
	store  string
	config string // path of gateway.yaml
}

// countries are the parties of the demo, Viet Nam first.
var countries = []struct{ code, name, agreement string }{
	{"VN", "Viet Nam, Ministry of Public Security", ""},
	{"LA", "Laos, anti-trafficking secretariat", "LA2010"},
	{"KH", "Cambodia, MoSVY", "KH2005"},
	{"CN", "China, Ministry of Public Security", "CN2010"},
	{"GB", "United Kingdom, Home Office", "GB2018"},
}

func (p *party) path(name string) string { return filepath.Join(p.world.dir, p.folder(), name) }
func (p *party) folder() string          { return strings.ToLower(p.code) }
func (w *world) anchor() string          { return filepath.Join(w.dir, "ca", "ca.pem") }

// party returns a party by its code; it exists by construction.
func (w *world) party(code string) *party {
	for _, p := range w.parties {
		if p.code == code {
			return p
		}
	}
	panic("no party " + code)
}

// agreement returns the code of Viet Nam's agreement with a party.
func (w *world) agreement(code string) string {
	for _, c := range countries {
		if c.code == code {
			return c.agreement
		}
	}
	return ""
}

// origin is a party's log.
func (p *party) origin() string { return p.folder() + ".gateway.example/repatriation-log" }

// newWorld makes a world whose parties begin now.
func newWorld(dir string, unlimited bool, parties []*party) (*world, error) {
	w := &world{dir: dir, parties: parties, unlimited: unlimited, began: time.Now()}
	return w, w.create()
}

// create makes the folder: an authority, and for each party its keys, its
// certificate and its configuration. Registries are written after that, when
// every key is known.
func (w *world) create() error {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", w.dir, err)
	}
	var err error
	if w.authority, err = certs.NewAuthority(certs.AuthorityConfig{
		Dir: filepath.Join(w.dir, "ca"), CommonName: "Throw-away authority of a demonstration", Now: func() time.Time { return w.began },
	}); err != nil {
		return err
	}
	for _, p := range w.parties {
		p.world = w
		p.config = p.path("gateway.yaml")
		if err := p.makeIdentity(); err != nil {
			return fmt.Errorf("%s: %w", p.code, err)
		}
	}
	for _, p := range w.parties {
		if err := p.writeRegistry(); err != nil {
			return fmt.Errorf("%s: %w", p.code, err)
		}
	}
	return nil
}

// makeIdentity writes a party's keys, certificate and configuration.
func (p *party) makeIdentity() error {
	if _, err := makeKeys(filepath.Dir(p.config), p.origin(), certs.ES256); err != nil {
		return err
	}
	key, err := certs.ReadPrivateKey(p.path("tls.key"))
	if err != nil {
		return err
	}
	leaf, err := p.world.authority.Issue(certs.IssueRequest{
		PublicKey: key.Public(), CommonName: p.name, DNSNames: []string{"localhost", p.folder() + ".gateway.example"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
		Lifetime: time.Since(p.world.began) + 30*24*time.Hour,
	})
	if err != nil {
		return err
	}
	if err := certs.WriteCertificates(p.path("tls.pem"), leaf); err != nil {
		return err
	}
	return p.writeConfig()
}

func (p *party) writeConfig() error {
	c := Config{
		Self: p.code, Name: p.name, Listen: p.listen, Admin: p.admin, Store: p.store, Registry: "registry",
		TLS:        TLSConfig{Certificate: "tls.pem", Key: "tls.key"},
		Signing:    SigningConfig{Key: "signing.key", KID: p.kid()},
		Log:        LogConfig{Origin: p.origin(), Key: "log.key", Lock: "checkpoint.lock"},
		Witness:    WitnessConfig{Name: p.witnessName(), Key: "witness.key"},
		Encryption: EncryptionConfig{Keys: "encryption.json", Index: "index.key"},
		Logging:    LoggingConfig{Level: "info", Format: "text"},
	}
	if p.house != "" {
		anchors := filepath.Join("..", "ca", "ca.pem")
		c.Operator = &OperatorConfig{Listen: p.house, TLS: OperatorTLSConfig{Certificate: "tls.pem", Key: "tls.key", ClientAnchors: anchors}}
	}
	if p.pages != "" {
		var err error
		if c.Console, err = pagesAt(p.pages); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	head := "# A gateway of a demonstration: synthetic data only. docs/operating.md explains every key.\n"
	if err := os.WriteFile(p.config, append([]byte(head), text...), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// witnessName is the name under which a party countersigns.
func (p *party) witnessName() string { return p.folder() + ".gateway.example/witness" }

func (p *party) kid() string { return p.folder() + "-signing-1" }

// loadSigner opens a party's signing key: bench and demo act as the partner.
func (p *party) loadSigner() (*seal.Signer, error) {
	key, err := certs.LoadSigner(p.path("signing.key"))
	if err != nil {
		return nil, err
	}
	return seal.NewSigner(key, p.kid(), certs.ES256)
}

// public collects what others must know of a party.
func (p *party) public() (publicParty, error) {
	var out publicParty
	leaf, err := certs.ReadCertificates(p.path("tls.pem"))
	if err != nil {
		return out, err
	}
	out.pin = certs.Pin(leaf[0])
	signer, err := p.loadSigner()
	if err != nil {
		return out, err
	}
	out.jwk = signer.Public().JWK()
	text, err := os.ReadFile(p.path("log.key"))
	if err != nil {
		return out, fmt.Errorf("read the log key: %w", err)
	}
	origin, key, err := record.ParseLogKey(text)
	if err != nil {
		return out, err
	}
	log, err := record.NewCheckpointSigner(origin, crypto.Signer(key))
	if err != nil {
		return out, err
	}
	out.vkey = log.VerifierKey()
	witness, err := loadWitnessKey(p.path("witness.key"))
	if err != nil {
		return out, err
	}
	out.witness, err = record.WitnessVerifierKey(p.witnessName(), witness)
	return out, err
}

// A publicParty is what a partner file says of a party's keys.
type publicParty struct {
	pin     string
	jwk     []byte
	vkey    string
	witness string
}

// freeListen returns a loopback listener on the wanted port, or on the next
// free one of the hundred that follow.
func freeListen(port int) (net.Listener, error) {
	var last error
	for try := port; try < port+100; try++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", try))
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, errors.Join(fmt.Errorf("no free port from %d on", port), last)
}
