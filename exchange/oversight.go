package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
)

// OversightConfig wires an Oversight. Everything is required.
type OversightConfig struct {
	Files *CaseFiles
	Feed  *Feed
	Jobs  DeliveryReader
	Keep  CosignatureStore
	// Drafts says which of those that are spoken of still wait.
	Drafts DraftStore
	VKey   string // of our own log: origin+hash+base64
	// Keys returns the public signing keys of a party as JWKs, those that are
	// not valid any more too.
	Keys func(party string) ([]json.RawMessage, error)
	// Held says whether deliveries to a partner are held back now.
	Held func(partner string) bool
	// Health says how the line to a partner is, as this process knows it.
	Health func(ctx context.Context, partner string) LineHealth
}

// A DeliveryReader reads what waits for partners and what became of it.
type DeliveryReader interface {
	Backlog(ctx context.Context) (map[string]Backlog, error)
	Queue(ctx context.Context, partner string, state JobState, n int) ([]Job, error)
	Attempts(ctx context.Context, partner, id string) ([]Attempt, error)
	Revive(ctx context.Context, partner, id string, now time.Time) (int, error)
	// LastTries returns when a delivery to a partner last succeeded, and when
	// one last did not, among the newest jobs of all; zero for never.
	LastTries(ctx context.Context, partner string) (delivered, failed time.Time, err error)
}

// An Oversight is what those who answer for the exchange look at beside its
// cases: the lines to partners, the record and its proofs, and who did what.
// It shows nothing personal, and each officer only their own partners.
type Oversight struct{ cfg OversightConfig }

// NewOversight returns an oversight; it refuses a missing part.
func NewOversight(cfg OversightConfig) (*Oversight, error) {
	if cfg.Files == nil || cfg.Feed == nil || cfg.Jobs == nil || cfg.Keep == nil || cfg.VKey == "" || cfg.Keys == nil || cfg.Held == nil || cfg.Health == nil {
		return nil, errors.New("oversight: a required part is missing")
	}
	return &Oversight{cfg}, nil
}

// A LineHealth is how the line to a partner is now.
type LineHealth struct {
	Known       bool          // false where no process that serves partners was asked
	CircuitOpen bool          // deliveries are held back for a moment
	Revocation  string        // the state of the partner's revocation lists
	Wrong       []string      // files of the partner that cannot be used
	Anchors     []Certificate // whom the partner's certificates come from
	Met         []Certificate // the partner's own, as this process has met them last
	Cosigned    int64         // the size of our log that the partner countersigned last
	Witnessed   int64         // the size of the partner's log that we countersigned last
	Waiting     int           // receipts of the partner that were not compared with its log yet
	Alarms      []string      // what is wrong with one of the two logs
}

// A Certificate is one of TLS, and when it ends.
type Certificate struct {
	Name string
	Ends time.Time
}

// A Line is a partner as it can be reached: who it is, what waits for it, and
// what became of the last tries.
type Line struct {
	Partner    *partners.Partner
	Agreements []*partners.Agreement
	Health     LineHealth
	Backlog    Backlog
	Oldest     time.Time // since when the oldest delivery waits; zero: none does
	Delivered  time.Time // the last delivery that succeeded; zero: none of late
	Failed     time.Time // and the last try that did not
}

// Lines returns the lines to the partners that an officer is assigned to.
func (o *Oversight) Lines(ctx context.Context, by *Officer) ([]Line, error) {
	if !seesCases(by) {
		return nil, forbidden("see how partners are reached")
	}
	backlog, err := o.cfg.Jobs.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	snapshot := o.cfg.Files.cfg.Directory.Snapshot()
	var out []Line
	for _, p := range snapshot.All() {
		if !by.Sees(p.Code, Return) {
			continue
		}
		line := Line{Partner: p, Agreements: snapshot.Agreements(p.Code), Health: o.cfg.Health(ctx, p.Code), Backlog: backlog[p.Code]}
		if line.Delivered, line.Failed, err = o.cfg.Jobs.LastTries(ctx, p.Code); err != nil {
			return nil, err
		}
		oldest, err := o.cfg.Jobs.Queue(ctx, p.Code, JobDue, 1)
		if err != nil {
			return nil, err
		}
		if len(oldest) > 0 {
			line.Oldest = oldest[0].FirstAt
		}
		out = append(out, line)
	}
	return out, nil
}

// Line returns the line to one partner; a problem for one that the officer is
// not assigned to.
func (o *Oversight) Line(ctx context.Context, by *Officer, code string) (Line, error) {
	lines, err := o.Lines(ctx, by)
	if err != nil {
		return Line{}, err
	}
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Partner.Code == code })
	if i < 0 {
		return Line{}, problem(ProblemNotFound, "There is no such partner.")
	}
	return lines[i], nil
}

// A Parcel is a message of ours that has not arrived, with every try.
type Parcel struct {
	Event
	Dead     bool
	Due      time.Time // when it is tried next
	Attempts []Attempt
}

// maxParcels bounds what is shown of a line's queue.
const maxParcels = 100

// Parcels returns what was given up and what waits on a line, the first first,
// as far as the officer may know of it; more says that this is not all.
func (o *Oversight) Parcels(ctx context.Context, by *Officer, code string) (out []Parcel, more bool, err error) {
	if !seesCases(by) || !by.Sees(code, Return) {
		return nil, false, problem(ProblemNotFound, "There is no such partner.")
	}
	look := o.cfg.Feed.look(by)
	for _, state := range []JobState{JobDead, JobDue} {
		jobs, err := o.cfg.Jobs.Queue(ctx, code, state, maxParcels+1)
		if err != nil {
			return nil, false, err
		}
		if len(jobs) > maxParcels {
			jobs, more = jobs[:maxParcels], true
		}
		for _, j := range jobs {
			row, err := o.cfg.Files.cfg.Reader.Entry(ctx, j.Index)
			if err != nil {
				return nil, false, err
			}
			event, told, err := look(ctx, row)
			if err != nil {
				return nil, false, err
			}
			if !told {
				continue
			}
			attempts, err := o.cfg.Jobs.Attempts(ctx, code, j.Ref)
			if err != nil {
				return nil, false, err
			}
			out = append(out, Parcel{event, state == JobDead, j.DueAt, attempts})
		}
	}
	return out, more, nil
}

// LastTry returns the last try to deliver a message of ours whose case an officer may
// see; its number is zero when there was none.
func (o *Oversight) LastTry(ctx context.Context, by *Officer, key MessageKey) (Attempt, error) {
	row, err := o.cfg.Files.cfg.Reader.Message(ctx, key)
	if err != nil {
		return Attempt{}, err
	}
	if _, err := o.cfg.Files.row(ctx, by, CaseKey{row.Partner, row.Case}); err != nil {
		return Attempt{}, err
	}
	tries, err := o.cfg.Jobs.Attempts(ctx, key.Partner, key.ID)
	if err != nil || len(tries) == 0 {
		return Attempt{}, err
	}
	return tries[len(tries)-1], nil
}

// deliveryRetried is the type of the entry that says who had messages tried again.
const deliveryRetried = "delivery_retried"

// Retry makes messages that were given up due again, with their identical
// bytes: the one of id, or all of a partner for "". A supervisor does it, and
// the record says who. It returns how many.
func (o *Oversight) Retry(ctx context.Context, by *Officer, code, id string) (int, error) {
	if !by.Has(RoleSupervisor) {
		return 0, forbidden("try messages again")
	}
	if _, err := o.Line(ctx, by, code); err != nil {
		return 0, err
	}
	if id != "" {
		if _, err := o.cfg.Feed.Message(ctx, by, MessageKey{Lane{code, Out}, id}); err != nil {
			return 0, err
		}
	}
	return o.RetryFor(ctx, by.ID, code, id)
}

// RetryFor is Retry for whoever works at the machine itself, and is named in the
// record so. Nothing is recorded when nothing was given up.
func (o *Oversight) RetryFor(ctx context.Context, by, code, id string) (int, error) {
	e := Entry{Type: deliveryRetried, Partner: code, ID: NewID()}
	if id != "" {
		row, err := o.cfg.Files.cfg.Reader.Message(ctx, MessageKey{Lane{code, Out}, id})
		if errors.Is(err, ErrNotFound) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		e.Case, e.ID = row.Case, id
	}
	backlog, err := o.cfg.Jobs.Backlog(ctx)
	if err != nil || backlog[code].Dead == 0 {
		return 0, err
	}
	if err := recordEvent(ctx, o.cfg.Files.cfg.Recorder, e, struct {
		By      string `json:"by"`
		Message string `json:"message,omitempty"`
	}{by, id}); err != nil {
		return 0, err
	}
	n, err := o.cfg.Jobs.Revive(ctx, code, id, o.cfg.Files.cfg.Clock())
	if err != nil {
		return 0, fmt.Errorf("make messages due again: %w", err)
	}
	return n, nil
}
