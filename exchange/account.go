package exchange

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// AccountsConfig wires Accounts. Everything is required but what says otherwise.
type AccountsConfig struct {
	Roster   *Roster
	Store    AccountStore
	Recorder Recorder
	Opener   *Opener
	Clock    func() time.Time
	Site     Site // that passkeys are bound to; its zero value: there are none
}

// An AccountStore keeps what makes that something works once, and that guessing
// is slow. Who somebody is, it does not know.
type AccountStore interface {
	// Once notes that something was used; an error that is ErrConflict when it
	// was before. What ended before now is forgotten.
	Once(ctx context.Context, hash string, ends, now time.Time) error
	// Attempt counts one try of somebody and returns 0, or how long they have to
	// wait; a try that comes too early is not counted. Whoever has not tried for
	// a day begins anew.
	Attempt(ctx context.Context, hash string, now time.Time, wait func(tries int) time.Duration) (time.Duration, error)
	// Succeeded forgets the tries of somebody.
	Succeeded(ctx context.Context, hash string) error
}

// Accounts are how officers get in where no provider and no card knows them:
// passkeys, or a password with the codes of an authenticator. All that says who
// somebody is stands in the roster.
type Accounts struct {
	cfg     AccountsConfig
	hashing chan struct{}
}

// NewAccounts returns the accounts; it refuses a missing part.
func NewAccounts(cfg AccountsConfig) (*Accounts, error) {
	if cfg.Roster == nil || cfg.Store == nil || cfg.Recorder == nil || cfg.Opener == nil || cfg.Clock == nil {
		return nil, errors.New("accounts: a required part is missing")
	}
	return &Accounts{cfg, make(chan struct{}, 2)}, nil
}

// Site returns what passkeys are bound to; its zero value when there are none.
func (a *Accounts) Site() Site { return a.cfg.Site }

// What a passkey is asked for.
const (
	ForSignIn = "sign-in"  // of whoever has it
	ForNew    = "new"      // of an officer who adds one
	forCodes  = "new-totp" // the secret of an authenticator that an officer sets up
)

// An Asked is a challenge, with the token that the browser has to bring back:
// nothing has to be remembered here until it does.
type Asked struct {
	Token     string
	Challenge []byte
}

// A ticket is what a token holds.
type ticket struct {
	Secret  []byte    `json:"secret"`
	Officer string    `json:"officer,omitempty"`
	Ends    time.Time `json:"ends"`
}

// ceremony is how long somebody may take.
const ceremony = 10 * time.Minute

// Ask makes a challenge for a purpose.
func (a *Accounts) Ask(ctx context.Context, purpose, officer string) (Asked, error) {
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // it never fails
	token, err := a.give(ctx, purpose, ticket{challenge, officer, a.cfg.Clock().Add(ceremony)})
	return Asked{token, challenge}, err
}

func (a *Accounts) give(ctx context.Context, purpose string, t ticket) (string, error) {
	key, err := a.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return "", err
	}
	sealed, err := key.Seal([]byte(compactStruct(t)), ticketAAD(purpose))
	if err != nil {
		return "", fmt.Errorf("seal a token: %w", err)
	}
	return encode(sealed), nil
}

// take opens a token that was given for a purpose and to an officer; ErrNotFound
// when it is none, or its time is over.
func (a *Accounts) take(ctx context.Context, purpose, officer, token string) (ticket, error) {
	none := fmt.Errorf("the token is not one of ours for this, or its time is over: %w", ErrNotFound)
	sealed, err := strict(token)
	if err != nil {
		return ticket{}, none
	}
	key, err := a.cfg.Opener.dataKey(ctx, houseCase)
	if err != nil {
		return ticket{}, err
	}
	data, err := key.Open(sealed, ticketAAD(purpose))
	if err != nil {
		return ticket{}, none
	}
	var t ticket
	if err := json.Unmarshal(data, &t); err != nil {
		return ticket{}, fmt.Errorf("read a token: %w", err)
	}
	if t.Officer != officer || !a.cfg.Clock().Before(t.Ends) {
		return ticket{}, none
	}
	return t, nil
}

func ticketAAD(purpose string) []byte { return []byte("ticket/" + purpose) }

// once uses something up; ErrNotFound when it was used before.
func (a *Accounts) once(ctx context.Context, what string, ends time.Time) error {
	err := a.cfg.Store.Once(ctx, digest(what), ends, a.cfg.Clock())
	if errors.Is(err, ErrConflict) {
		return fmt.Errorf("it was used before: %w", ErrNotFound)
	}
	return err
}

// SignInByPasskey returns the active officer whose passkey has signed a
// challenge; ErrNotFound for anybody else.
func (a *Accounts) SignInByPasskey(ctx context.Context, token string, answer []byte) (*Officer, error) {
	t, err := a.take(ctx, ForSignIn, "", token)
	if err != nil {
		return nil, err
	}
	assertion, err := ReadAssertion(answer)
	if err != nil {
		return nil, errors.Join(err, ErrNotFound)
	}
	officer, err := a.cfg.Roster.find(ctx, func(o *Officer) bool { _, has := o.passkey(assertion.Credential); return has })
	if err != nil {
		return nil, err
	}
	passkey, _ := officer.passkey(assertion.Credential)
	if err := passkey.verify(assertion, t.Secret); err != nil {
		return nil, errors.Join(err, ErrNotFound)
	}
	return officer, a.once(ctx, "challenge/"+encode(t.Secret), t.Ends)
}

// AddPasskey notes a new passkey with the officer who made it.
func (a *Accounts) AddPasskey(ctx context.Context, by *Officer, name, token string, answer []byte) error {
	passkey, err := a.newPasskey(ctx, by, name, token, answer)
	if err != nil {
		return err
	}
	_, err = a.cfg.Roster.Change(ctx, by.ID, by.ID, func(o *Officer, _ bool) error {
		if loses(by, o) { // somebody has put them out meanwhile: nobody comes back with a key from before
			return fmt.Errorf("the ways in of officer %s were changed meanwhile: %w", by.ID, ErrNotFound)
		}
		o.Passkeys = append(o.Passkeys, passkey)
		return nil
	})
	return err
}

func (a *Accounts) newPasskey(ctx context.Context, o *Officer, name, token string, answer []byte) (Passkey, error) {
	t, err := a.take(ctx, ForNew, o.ID, token)
	if err != nil {
		return Passkey{}, err
	}
	passkey, err := NewPasskey(a.cfg.Site, name, t.Secret, answer, a.cfg.Clock())
	if err != nil {
		return Passkey{}, errors.Join(err, ErrNotFound)
	}
	return passkey, a.once(ctx, "challenge/"+encode(t.Secret), t.Ends)
}

// RemovePasskey takes a passkey out of the entry of the officer who has it.
func (a *Accounts) RemovePasskey(ctx context.Context, by *Officer, id string) error {
	_, err := a.cfg.Roster.Change(ctx, by.ID, by.ID, func(o *Officer, _ bool) error {
		if _, has := o.passkey(id); !has {
			return fmt.Errorf("officer %s has no such passkey: %w", by.ID, ErrNotFound)
		}
		o.Passkeys = slices.DeleteFunc(o.Passkeys, func(p Passkey) bool { return p.ID == id })
		return nil
	})
	return err
}

// An Invitation lets an officer in once, to say how they will sign in from then
// on. The link's token is nowhere but in the link.
type Invitation struct {
	SHA256 string    `json:"sha256"` // of the token, base64url
	Ends   time.Time `json:"ends"`
}

// invited is how long an invitation holds.
const invited = 72 * time.Hour

// Invite makes an invitation at the command line and returns its token. One that the
// officer had does not count any more, and with reset nor do their passkeys and password.
func (r *Roster) Invite(ctx context.Context, id string, reset bool) (string, error) {
	token, made := r.invitation()
	_, err := r.Change(ctx, "", id, func(o *Officer, known bool) error {
		if !known {
			return fmt.Errorf("there is no officer %s: %w", id, ErrNotFound)
		}
		if o.Invitation = made; reset {
			o.Passkeys, o.Login = nil, nil
		}
		return nil
	})
	return token, err
}

// invitation returns a new token, and what an officer's entry says of it.
func (r *Roster) invitation() (string, *Invitation) {
	token := rand.Text() + rand.Text()
	return token, &Invitation{digest(token), r.cfg.Clock().Add(invited).UTC().Truncate(time.Second)}
}

// Invited returns the active officer whom a token invites; ErrNotFound.
func (a *Accounts) Invited(ctx context.Context, token string) (*Officer, error) {
	hash := digest(token)
	return a.cfg.Roster.find(ctx, func(o *Officer) bool {
		return o.Invitation != nil && o.Invitation.SHA256 == hash && a.cfg.Clock().Before(o.Invitation.Ends)
	})
}

// accept uses an invitation up and makes a change to the entry of its officer.
func (a *Accounts) accept(ctx context.Context, o *Officer, change func(*Officer)) (*Officer, error) {
	if err := a.once(ctx, "invitation/"+o.Invitation.SHA256, o.Invitation.Ends); err != nil {
		return nil, err
	}
	changed, err := a.cfg.Roster.Change(ctx, o.ID, o.ID, func(now *Officer, _ bool) error {
		if now.Status != OfficerActive || now.Invitation == nil || now.Invitation.SHA256 != o.Invitation.SHA256 {
			return fmt.Errorf("the invitation does not count any more: %w", ErrNotFound)
		}
		now.Invitation = nil
		change(now)
		return nil
	})
	return &changed, err
}

// AcceptWithPasskey lets an invited officer in with a new passkey.
func (a *Accounts) AcceptWithPasskey(ctx context.Context, invitation, name, token string, answer []byte) (*Officer, error) {
	o, err := a.Invited(ctx, invitation)
	if err != nil {
		return nil, err
	}
	passkey, err := a.newPasskey(ctx, o, name, token, answer)
	if err != nil {
		return nil, err
	}
	return a.accept(ctx, o, func(o *Officer) { o.Passkeys = append(o.Passkeys, passkey) })
}
