package exchange

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/argon2"
)

// A login is a password and the secret of an authenticator. In an officer's
// entry it is sealed once more, so that whoever may read the record's entries
// about officers does not read this.
type login struct {
	Password string `json:"password"` // $argon2id$v=19$m=…
	TOTP     string `json:"totp"`     // base32 (RFC 6238)
}

// The cost of a guess: the second choice of RFC 9106, 4, for where memory is
// short. Two at a time bound what guessing costs the gateway.
const (
	argonTime, argonMemory, argonThreads = 3, 64 << 10, 4
	minPassword, maxPassword             = 12, 200
)

// NotSignedIn says of a refused sign-in what a stranger may know: that it failed,
// or how long to wait.
type NotSignedIn struct{ Wait time.Duration }

func (r *NotSignedIn) Error() string { return "the sign-in was refused" }

// SignInByPassword returns the active officer of an identifier who knows the
// password and has the authenticator; *NotSignedIn for anybody else, known or
// not. address is where the try comes from.
func (a *Accounts) SignInByPassword(ctx context.Context, address, id, password, code string) (*Officer, error) {
	now := a.cfg.Clock()
	tries := []struct {
		who  string
		free int
	}{{"address/" + address, freeTries}, {"officer/" + id, 5}}
	for _, try := range tries {
		wait, err := a.cfg.Store.Attempt(ctx, digest(try.who), now, patience(try.free))
		if err != nil {
			return nil, err
		}
		if wait > 0 {
			return nil, &NotSignedIn{wait}
		}
	}
	officer, who, err := a.knows(ctx, id, password, code)
	if err != nil {
		return nil, err
	}
	if officer == nil {
		if err := a.recordRefusal(ctx, who, "password"); err != nil {
			return nil, err
		}
		return nil, &NotSignedIn{}
	}
	for _, try := range tries {
		if err := a.cfg.Store.Succeeded(ctx, digest(try.who)); err != nil {
			return nil, err
		}
	}
	return officer, nil
}

// Refused records that somebody was turned away who came in another way than by a
// password. Of one address no more is recorded than of wrong passwords, or a stranger
// could fill the record; but nobody has to wait with their password for it.
func (a *Accounts) Refused(ctx context.Context, address, officer, method string) (recorded bool, err error) {
	wait, err := a.cfg.Store.Attempt(ctx, digest("refused/"+address), a.cfg.Clock(), patience(freeTries))
	if err != nil || wait > 0 {
		return false, err
	}
	return true, a.recordRefusal(ctx, officer, method)
}

// recordRefusal records whom a sign-in would have been of, as far as that is known, and
// by which way; nothing that a stranger has sent.
func (a *Accounts) recordRefusal(ctx context.Context, officer, method string) error {
	return recordEvent(ctx, a.cfg.Recorder, Entry{Type: "sign_in_refused", ID: NewID()}, struct {
		Officer string `json:"officer,omitempty"`
		Method  string `json:"method"`
	}{officer, method})
}

// freeTries are those of an address that nobody has to wait after.
const freeTries = 20

// patience doubles the time between two tries once the free ones are used up, to
// a quarter of an hour.
func patience(free int) func(int) time.Duration {
	return func(tries int) time.Duration {
		if tries < free {
			return 0
		}
		return min(5*time.Second<<min(tries-free, 10), 15*time.Minute)
	}
}

// knows checks a password and a code, and returns the officer who has both. who is
// the officer of the identifier, also one who has not; "" where there is none.
// Whoever is not there costs as much time as whoever is.
func (a *Accounts) knows(ctx context.Context, id, password, code string) (officer *Officer, who string, err error) {
	var l login
	found, err := a.cfg.Roster.Officer(ctx, id)
	switch {
	case err == nil:
		who = found.ID
	case errors.Is(err, ErrNotFound):
		who, err = SuspendedIn(err), nil
	}
	if found != nil && found.Login != nil {
		l, err = a.login(ctx, found)
	}
	if err != nil {
		return nil, "", err
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	if len(password) > 4*maxPassword {
		password = ""
	}
	right := matches(l.Password, password)
	step, fits := stepOf(l.TOTP, code, a.cfg.Clock())
	if !right || !fits {
		return nil, who, nil
	}
	err = a.once(ctx, fmt.Sprintf("totp/%s/%d", found.ID, step), a.cfg.Clock().Add(10*codePeriod))
	if errors.Is(err, ErrNotFound) { // somebody has seen it used
		return nil, who, nil
	}
	return found, who, err
}

// login opens what is sealed in an officer's entry.
func (a *Accounts) login(ctx context.Context, o *Officer) (login, error) {
	key, err := a.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return login{}, err
	}
	data, err := key.Open(o.Login, loginAAD(o.ID))
	if err != nil {
		return login{}, fmt.Errorf("the login of officer %s was not written by this gateway: %w", o.ID, err)
	}
	var l login
	if err := json.Unmarshal(data, &l); err != nil {
		return login{}, fmt.Errorf("read a login: %w", err)
	}
	return l, nil
}

func loginAAD(id string) []byte { return []byte("login/" + id) }

// codePeriod is how long a code of an authenticator holds; one that has just
// passed, or will come next, is taken too, because clocks differ.
const codePeriod = 30 * time.Second

// stepOf finds the step that a code is of, without telling by its time which.
func stepOf(secret, code string, now time.Time) (step int64, fits bool) {
	code = strings.ReplaceAll(code, " ", "")
	for _, at := range []time.Time{now.Add(-codePeriod), now, now.Add(codePeriod)} {
		want, err := totp.GenerateCodeCustom(secret, at, totp.ValidateOpts{Period: uint(codePeriod / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && secret != "" && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, fits = at.Unix()/int64(codePeriod/time.Second), true
		}
	}
	return step, fits
}

// hash returns a password as it is kept.
func hash(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, 32)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// matches says whether a password is the one that is kept. Nothing that is kept
// matches nothing, after as long a time.
func matches(kept, password string) bool {
	var version int
	var memory, passes uint32
	var threads uint8
	parts := strings.Split(kept, "$")
	if len(parts) != 6 {
		argon2.IDKey([]byte(password), make([]byte, 16), argonTime, argonMemory, argonThreads, 32)
		return false
	}
	_, versionErr := fmt.Sscanf(parts[2], "v=%d", &version)
	_, costErr := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(versionErr, costErr, saltErr, sumErr) != nil || parts[1] != "argon2id" || version != argon2.Version || len(sum) == 0 {
		return false
	}
	length := uint32(len(sum)) // #nosec G115 -- it is decoded from a short text of ours
	return subtle.ConstantTimeCompare(argon2.IDKey([]byte(password), salt, passes, memory, threads, length), sum) == 1
}

// A Setup is the secret of an authenticator that an officer sets up.
type Setup struct {
	Token  string // to be brought back
	Secret string // base32, to be typed where no camera is
	URL    string // otpauth://, as a picture
}

// SetUpCodes makes the secret of an authenticator for an officer.
func (a *Accounts) SetUpCodes(ctx context.Context, o *Officer) (Setup, error) {
	secret := make([]byte, 20)
	_, _ = rand.Read(secret) // it never fails
	token, err := a.give(ctx, forCodes, ticket{secret, o.ID, a.cfg.Clock().Add(3 * ceremony)})
	if err != nil {
		return Setup{}, err
	}
	return a.setup(o, token, secret)
}

// SetUpAgain returns a setup that was begun, for a form that came back with a
// mistake; a new one when its time is over.
func (a *Accounts) SetUpAgain(ctx context.Context, o *Officer, token string) (Setup, error) {
	t, err := a.take(ctx, forCodes, o.ID, token)
	if errors.Is(err, ErrNotFound) {
		return a.SetUpCodes(ctx, o)
	}
	if err != nil {
		return Setup{}, err
	}
	return a.setup(o, token, t.Secret)
}

func (a *Accounts) setup(o *Officer, token string, secret []byte) (Setup, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Repatriation exchange", AccountName: o.ID, Secret: secret})
	if err != nil {
		return Setup{}, fmt.Errorf("make an authenticator's secret: %w", err)
	}
	return Setup{token, key.Secret(), key.URL()}, nil
}

// The mistakes of whoever chooses a password.
var (
	ErrPassword = fmt.Errorf("a password has %d to %d characters", minPassword, maxPassword)
	ErrCode     = errors.New("the authenticator's code is not that of now")
)

// AcceptWithPassword lets an invited officer in with a password and an
// authenticator that has shown a code of the setup.
func (a *Accounts) AcceptWithPassword(ctx context.Context, invitation, password, token, code string) (*Officer, error) {
	o, err := a.Invited(ctx, invitation)
	if err != nil {
		return nil, err
	}
	t, err := a.take(ctx, forCodes, o.ID, token)
	if err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword || strings.Contains(strings.ToLower(password), o.ID) {
		return nil, ErrPassword
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(t.Secret)
	step, fits := stepOf(secret, code, a.cfg.Clock())
	if !fits {
		return nil, ErrCode
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	key, err := a.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return nil, err
	}
	sealed, err := key.Seal([]byte(compactStruct(login{hash(password), secret})), loginAAD(o.ID))
	if err != nil {
		return nil, fmt.Errorf("seal a login: %w", err)
	}
	if err := a.once(ctx, fmt.Sprintf("totp/%s/%d", o.ID, step), a.cfg.Clock().Add(10*codePeriod)); err != nil {
		return nil, err
	}
	return a.accept(ctx, o, func(o *Officer) { o.Login = sealed })
}
