package exchange

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A Peer is a partner made ready for use: its keys parsed, its log's verifier
// opened. It is immutable and belongs to one snapshot of the registry.
type Peer struct {
	*partners.Partner
	Keys        *seal.KeySet
	LogVerifier note.Verifier // nil when the partner keeps no log
	snapshot    *partners.Snapshot
}

// Agreement returns an agreement that is in force with this partner.
func (p *Peer) Agreement(code string) (*partners.Agreement, bool) {
	a, ok := p.snapshot.Agreement(code)
	return a, ok && a.Partner == p.Code
}

// complete fills in what our own message may leave open when it can only be one
// thing: agreement, purpose and a standing approval. It returns the permit.
func (p *Peer) complete(c *Claims) (*partners.Permit, error) {
	if c.Agreement == "" {
		var fitting []string
		for _, a := range p.snapshot.Agreements(p.Code) {
			if a.Find(c.Type, partners.Send) != nil {
				fitting = append(fitting, a.Code)
			}
		}
		if len(fitting) != 1 {
			return nil, problem(ProblemAgreement, "%d agreements with %s permit this type to be sent; name one.", len(fitting), p.Code).rule("agreement-ambiguous").at("/agreement")
		}
		c.Agreement = fitting[0]
	}
	if a, ok := p.Agreement(c.Agreement); ok {
		if permit := a.Find(c.Type, partners.Send); permit != nil {
			if c.Purpose == "" && len(permit.Purposes) != 1 {
				return nil, problem(ProblemAgreement, "The agreement does not fix one purpose for this type; name one.").rule("purpose-ambiguous").at("/purpose")
			}
			if c.Purpose == "" {
				c.Purpose = permit.Purposes[0]
			}
			if c.Approval == "" {
				c.Approval = permit.StandingApproval()
			}
		}
	}
	return permitOf(p, *c, partners.Send)
}

// CheckPartner finds the keys of a partner's file that cannot be used.
func CheckPartner(p *partners.Partner) []partners.Fault {
	var out []partners.Fault
	for i, k := range p.SigningKeys {
		_, err := seal.ParseJWK(k.JWK.JSON())
		if err == nil {
			continue
		}
		fault := partners.Fault{Pointer: fmt.Sprintf("/signing_keys/%d/jwk", i), Detail: err.Error()}
		var refused *seal.Error
		if errors.As(err, &refused) {
			fault.Detail = refused.Detail
		}
		if _, private := k.JWK["d"]; private {
			fault.Hint = "d is the private part: whoever sent it needs a new key, and nobody may keep this one"
		}
		out = append(out, fault)
	}
	if p.Log == nil {
		return out
	}
	if v, err := record.ParseVerifierKey(p.Log.VKey); err != nil {
		out = append(out, partners.Fault{Pointer: "/log/vkey", Detail: err.Error(), Hint: "it is origin+hash+base64, as the partner's gateway prints it"})
	} else if v.Name() != p.Log.Origin {
		out = append(out, partners.Fault{Pointer: "/log/vkey", Detail: fmt.Sprintf("this is the key of the log %q, and origin names another", v.Name())})
	}
	if p.Log.Witness != "" {
		if _, err := record.ParseWitnessKey(p.Log.Witness); err != nil {
			out = append(out, partners.Fault{Pointer: "/log/witness", Detail: err.Error(), Hint: "it is name+hash+base64 of a cosignature key"})
		}
	}
	return out
}

// NewPeer prepares a partner of a snapshot.
func NewPeer(p *partners.Partner, snapshot *partners.Snapshot) (*Peer, error) {
	keys := make([]seal.Key, 0, len(p.SigningKeys))
	for _, k := range p.SigningKeys {
		key, err := seal.ParseJWK(k.JWK.JSON())
		if err != nil {
			return nil, fmt.Errorf("partner %s: signing key: %w", p.Code, err)
		}
		key.NotBefore, key.NotAfter = k.NotBefore, k.NotAfter
		keys = append(keys, key)
	}
	set, err := seal.NewKeySet(keys...)
	if err != nil {
		return nil, fmt.Errorf("partner %s: signing keys: %w", p.Code, err)
	}
	peer := &Peer{Partner: p, Keys: set, snapshot: snapshot}
	if p.Log != nil {
		if peer.LogVerifier, err = record.ParseVerifierKey(p.Log.VKey); err != nil {
			return nil, fmt.Errorf("partner %s: log key: %w", p.Code, err)
		}
		if peer.LogVerifier.Name() != p.Log.Origin {
			return nil, fmt.Errorf("partner %s: the log key is of another origin", p.Code)
		}
	}
	return peer, nil
}

// A Directory gives the peers of the registry's current snapshot. A change of
// the files is seen by the next call; a peer that a caller holds stays as it was.
type Directory struct {
	registry *partners.Registry

	mu       sync.Mutex
	snapshot *partners.Snapshot
	peers    map[string]*Peer
	gates    map[string]*gate
}

// NewDirectory prepares every partner of the registry and refuses when one of
// them has a key that cannot be used.
func NewDirectory(registry *partners.Registry) (*Directory, error) {
	if registry == nil {
		return nil, errors.New("directory: no registry")
	}
	d := &Directory{registry: registry, peers: map[string]*Peer{}, gates: map[string]*gate{}}
	for _, p := range registry.Current().All() {
		if _, err := d.Peer(p.Code); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Snapshot returns the registry's current snapshot.
func (d *Directory) Snapshot() *partners.Snapshot { return d.registry.Current() }

// Peer returns the partner with this code; ErrNotFound when there is none.
func (d *Directory) Peer(code string) (*Peer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if current := d.registry.Current(); current != d.snapshot {
		d.snapshot = current
		clear(d.peers)
	}
	if p, ok := d.peers[code]; ok {
		return p, nil
	}
	p, ok := d.snapshot.Partner(code)
	if !ok {
		return nil, fmt.Errorf("partner %q: %w", code, ErrNotFound)
	}
	peer, err := NewPeer(p, d.snapshot)
	if err != nil {
		return nil, err
	}
	d.peers[code] = peer
	return peer, nil
}

// A gate holds what must outlive a snapshot: how fast a partner comes and how
// many of its requests are under way.
type gate struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	inside  int
	knocked map[string]time.Time // when it was last recorded that it was turned away, by problem
}

// knockEvery is how often it is recorded that a partner is turned away.
const knockEvery = time.Minute

// knocks says whether it is time to record that a partner, which has entered, is
// turned away.
func (d *Directory) knocks(peer *Peer, problem string, now time.Time) bool {
	d.mu.Lock()
	g := d.gates[peer.Code]
	d.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, ok := g.knocked[problem]; ok && now.Sub(last).Abs() < knockEvery {
		return false
	}
	g.knocked[problem] = now
	return true
}

// enter applies the peer's rate and concurrency limits; leave must be called
// when it returns nil.
func (d *Directory) enter(peer *Peer, now time.Time) (leave func(), refused *Problem) {
	l := peer.Limits
	d.mu.Lock()
	g, ok := d.gates[peer.Code]
	if !ok {
		g = &gate{limiter: rate.NewLimiter(rate.Limit(l.RatePerSecond), l.Burst), knocked: map[string]time.Time{}} // begins with a full burst
		d.gates[peer.Code] = g
	}
	d.mu.Unlock()

	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limiter.Limit() != rate.Limit(l.RatePerSecond) || g.limiter.Burst() != l.Burst {
		g.limiter.SetLimitAt(now, rate.Limit(l.RatePerSecond))
		g.limiter.SetBurstAt(now, l.Burst)
	}
	if g.inside >= l.MaxInFlight {
		return nil, problem(ProblemBusy, "At most %d requests of one partner may be under way.", l.MaxInFlight).after(time.Second)
	}
	if !g.limiter.AllowN(now, 1) {
		return nil, problem(ProblemRateLimited, "The agreed rate is %g messages a second.", l.RatePerSecond).after(time.Second)
	}
	g.inside++
	return func() { g.mu.Lock(); g.inside--; g.mu.Unlock() }, nil
}
