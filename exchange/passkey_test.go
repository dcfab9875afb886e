package exchange

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A device holds a passkey in memory, and signs whatever it is told to.
type device struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	Passkey
}

func newDevice(t *testing.T, name string) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	site := Site{ID: "console.example", Origin: "https://console.example"}
	return &device{t, key, Passkey{ID: encode([]byte("credential of " + name)), Key: encode(cose), Site: site, Name: name, Added: time.Unix(1_790_000_000, 0).UTC()}}
}

// An asked is what a device and a browser say that they did.
type asked struct {
	kind, origin, site string
	flags              byte
	challenge          []byte
}

// signs answers as an honest browser does, but for what change changes.
func (d *device) signs(challenge []byte, change func(*asked)) Assertion {
	d.t.Helper()
	a := asked{"webauthn.get", d.Origin, d.Site.ID, 1 | 4, challenge}
	if change != nil {
		change(&a)
	}
	client, err := json.Marshal(map[string]any{"type": a.kind, "challenge": encode(a.challenge), "origin": a.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	site := sha256.Sum256([]byte(a.site))
	data := append(site[:], a.flags, 0, 0, 0, 0)
	clientHash := sha256.Sum256(client)
	over := sha256.Sum256(append(append([]byte{}, data...), clientHash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, over[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return Assertion{d.ID, encode(data), encode(client), encode(signature)}
}

// A statement that a passkey signed counts when all of it is as it must be: the
// words, the site, the owner's presence and proof, the officer's own passkey.
func TestPasskeyStatement(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	mine, other := newDevice(t, "mai"), newDevice(t, "binh")
	officer := &Officer{ID: "mai", Name: "Mai", Roles: []Role{RoleOfficer}, Status: OfficerActive, Passkeys: []Passkey{mine.Passkey}}
	if err := officer.Check(); err != nil {
		t.Fatal(err)
	}
	statement := Statement{Officer: "mai", Audience: "VN", ID: "statement-1", IssuedAt: now.Unix(), Draft: "draft-00001", Version: 1, SHA256: "digest", Decision: DecisionRelease}
	pack := func(s Statement, a Assertion) []byte {
		return []byte(compactStruct(PasskeyStatement{encode(s.Bytes()), a}))
	}
	challenge := Challenge(statement.Bytes())
	good := mine.signs(challenge, nil)
	if got, refused := openStatement(officer, "VN", pack(statement, good), now); refused != nil || got != statement {
		t.Fatalf("%+v %v", got, refused)
	}
	approval := Approval{Officer: "mai", Signed: string(pack(statement, good))}
	if !approves(officer, approval, "draft-00001", "digest") {
		t.Error("the record's approval does not count")
	}
	if approves(&Officer{ID: "mai"}, approval, "draft-00001", "digest") {
		t.Error("an approval counts whose passkey was taken away")
	}
	if approves(officer, approval, "draft-00001", "other") || approves(officer, approval, "draft-00002", "digest") {
		t.Error("an approval counts for other words")
	}

	changed := statement
	changed.SHA256 = "another digest"
	for name, try := range map[string]struct {
		signed []byte
		rule   string
	}{
		"other words under the signature": {pack(changed, good), "approval-signature"},
		"another challenge":               {pack(statement, mine.signs(Challenge([]byte("x")), nil)), "approval-signature"},
		"a passkey that is being made":    {pack(statement, mine.signs(challenge, func(a *asked) { a.kind = "webauthn.create" })), "approval-signature"},
		"another origin":                  {pack(statement, mine.signs(challenge, func(a *asked) { a.origin = "https://console.example.evil" })), "approval-signature"},
		"another port":                    {pack(statement, mine.signs(challenge, func(a *asked) { a.origin += ":8443" })), "approval-signature"},
		"another site":                    {pack(statement, mine.signs(challenge, func(a *asked) { a.site = "example" })), "approval-signature"},
		"nobody there":                    {pack(statement, mine.signs(challenge, func(a *asked) { a.flags = 4 })), "approval-signature"},
		"nobody proved who they are":      {pack(statement, mine.signs(challenge, func(a *asked) { a.flags = 1 })), "approval-signature"},
		"somebody else's passkey":         {pack(statement, other.signs(challenge, nil)), "approval-key"},
		"another key under the name":      {pack(statement, (&device{t, other.key, mine.Passkey}).signs(challenge, nil)), "approval-signature"},
		"a member too many":               {[]byte(strings.Replace(string(pack(statement, good)), "{", `{"extra":1,`, 1)), "approval-form"},
		"something behind it":             {append(pack(statement, good), "{}"...), "approval-form"},
		"padding":                         {[]byte(strings.Replace(string(pack(statement, good)), good.Signature, good.Signature+"=", 1)), "approval-signature"},
		"too much":                        {append(pack(statement, good), make([]byte, maxStatementBytes)...), "approval-form"},
	} {
		if _, refused := openStatement(officer, "VN", try.signed, now); refused == nil || refused.Rule != try.rule {
			t.Errorf("%s: %v, want %s", name, refused, try.rule)
		}
	}
	if _, refused := openStatement(officer, "VN", pack(statement, good), now.Add(16*time.Minute)); refused == nil || refused.Rule != "approval-time" {
		t.Errorf("an old statement: %v", refused)
	}
	if _, refused := openStatement(officer, "LA", pack(statement, good), now); refused == nil || refused.Rule != "approval-party" {
		t.Errorf("a statement for another gateway: %v", refused)
	}
}

// An entry with a passkey that could not be judged later is refused.
func TestPasskeyEntry(t *testing.T) {
	good := newDevice(t, "mai").Passkey
	weak, err := cbor.Marshal(map[int]any{1: 3, 3: -65535, -1: make([]byte, 256), -2: []byte{1, 0, 1}}) // RSA with SHA-1
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Passkey){
		"no identifier":     func(p *Passkey) { p.ID = "" },
		"no name":           func(p *Passkey) { p.Name = "" },
		"no key":            func(p *Passkey) { p.Key = "" },
		"a key that is not": func(p *Passkey) { p.Key = encode([]byte("key")) },
		"a weak algorithm":  func(p *Passkey) { p.Key = encode(weak) },
		"http":              func(p *Passkey) { p.Origin = "http://console.example" },
		"two sites":         func(p *Passkey) { p.Site.ID = "example" },
	} {
		p := good
		change(&p)
		o := Officer{ID: "mai", Name: "Mai", Roles: []Role{RoleOfficer}, Status: OfficerActive, Passkeys: []Passkey{p}}
		if o.Check() == nil {
			t.Errorf("%s: the entry is taken", name)
		}
	}
	twice := Officer{ID: "mai", Name: "Mai", Roles: []Role{RoleOfficer}, Status: OfficerActive, Passkeys: []Passkey{good, good}}
	if twice.Check() == nil {
		t.Error("the same passkey twice is taken")
	}
	if shared(&Officer{ID: "a", Passkeys: []Passkey{good}}, &Officer{ID: "b", Passkeys: []Passkey{good}}) == "" {
		t.Error("two officers share a passkey")
	}
}

func TestSite(t *testing.T) {
	for address, want := range map[string]Site{
		"https://console.example.vn":       {"console.example.vn", "https://console.example.vn"},
		"https://console.example.vn:8443/": {"console.example.vn", "https://console.example.vn:8443"},
	} {
		if got, err := NewSite(address); err != nil || got != want {
			t.Errorf("%s: %+v %v", address, got, err)
		}
	}
	for _, address := range []string{"", "console.example.vn", "http://console.example.vn", "https://", "https://a.example/path", "https://u@a.example", "https://a.example?x"} {
		if got, err := NewSite(address); err == nil {
			t.Errorf("%s is taken as %+v", address, got)
		}
	}
}

// What was changed between two versions leads from the one to the other.
func TestDifferences(t *testing.T) {
	parse := func(text string) (out any) {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := parse(`{"a":1,"b":{"c":[1,2,3,5],"d":"x"},"e":true,"~/":0}`)
	after := parse(`{"a":1,"b":{"c":[1,4],"d":"y"},"f":[{}],"~/":1}`)
	want := `[{"op":"replace","pointer":"/b/c/1","value":4},{"op":"remove","pointer":"/b/c/3"},{"op":"remove","pointer":"/b/c/2"},{"op":"replace","pointer":"/b/d","value":"y"},{"op":"remove","pointer":"/e"},{"op":"add","pointer":"/f","value":[{}]},{"op":"replace","pointer":"/~0~1","value":1}]`
	changes := differences(before, after)
	if got := compactStruct(changes); got != want {
		t.Errorf("%s", got)
	}
	if led, refused := apply(before, changes); refused != nil || compactStruct(led) != compactStruct(after) {
		t.Errorf("they lead to %s (%v)", compactStruct(led), refused)
	}
	if len(differences(after, after)) != 0 {
		t.Error("the same differs")
	}
}

// A password is known by its hash; what is kept otherwise is known by nothing.
func TestPasswordHash(t *testing.T) {
	kept := hash("một câu dài dễ nhớ")
	if !strings.HasPrefix(kept, "$argon2id$v=19$m=65536,t=3,p=4$") || kept == hash("một câu dài dễ nhớ") {
		t.Errorf("%s", kept)
	}
	if !matches(kept, "một câu dài dễ nhớ") || matches(kept, "một câu dài dễ nhớ ") {
		t.Error("the password is another one")
	}
	for _, other := range []string{"", "một câu dài dễ nhớ", strings.Replace(kept, "argon2id", "argon2i", 1), kept[:strings.LastIndexByte(kept, '$')+1]} {
		if matches(other, "một câu dài dễ nhớ") || matches(other, "") {
			t.Errorf("%q is known by a password", other)
		}
	}
	for tries, want := range map[int]time.Duration{0: 0, 4: 0, 5: 5 * time.Second, 6: 10 * time.Second, 12: 640 * time.Second, 13: 15 * time.Minute, 900: 15 * time.Minute} {
		if got := patience(5)(tries); got != want {
			t.Errorf("after %d tries: %s, want %s", tries, got, want)
		}
	}
}
