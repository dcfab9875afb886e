package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// What a finding of Audit can be about, beside record's rules.
const (
	RuleReceipt  = "receipt"     // an acknowledged message's receipt is gone, or is not what was answered
	RuleReply    = "in-reply-to" // a row names another message than its bytes answer
	RuleCase     = "case"        // a case is missing, stray, or stands elsewhere than its messages say
	RuleBook     = "book"        // a case's book is not what its messages say
	RuleLane     = "lane"        // the next number of a partner is not the one after the last
	RuleJob      = "job"         // a delivery is missing, stray, or ended without an outcome in the record
	RuleAttempt  = "attempt"     // the attempts of a delivery are gone
	RuleOfficer  = "officer"     // an officer is another than the record says
	RuleAssigned = "assigned"    // a case is with other officers than the record says
	RuleWitness  = "witness"     // what was countersigned is not what its checkpoint says
	RuleGuard    = "guard"       // a trigger that keeps the tables append-only is gone or switched off
	RuleLock     = "lock"        // nothing is remembered outside the database
)

// An AuditStore shows everything that is kept beside the entries and follows
// from them, besides the entries.
type AuditStore interface {
	Reader
	// CaseKeys returns up to n cases that have entries, in the store's order,
	// those after one or all.
	CaseKeys(ctx context.Context, after *CaseKey, n int) ([]CaseKey, error)
	// CaseEntries calls fn for the entries of a case, in order of index.
	CaseEntries(ctx context.Context, key CaseKey, fn func(Row) error) error
	// Lanes returns the last number of each lane.
	Lanes(ctx context.Context) (map[Lane]int64, error)
	// JobsOf returns every job of a message, in order.
	JobsOf(ctx context.Context, partner, id string) ([]JobStanding, error)
	// Attempts returns the attempts made for a message, oldest first.
	Attempts(ctx context.Context, partner, id string) ([]Attempt, error)
	// Strays returns cases without an entry, and jobs without a message; some
	// of them when there are very many.
	Strays(ctx context.Context) ([]CaseKey, []Job, error)
	// Officers returns every officer.
	Officers(ctx context.Context) ([]OfficerRow, error)
	// Witnessed calls fn for what was countersigned last for each log.
	Witnessed(ctx context.Context, fn func(origin string, size int64, root, note []byte) error) error
	// Cosigned sums up what witnesses put on our checkpoints.
	Cosigned(ctx context.Context) ([]Cosigned, error)
	// Guards names the triggers that should be there and are not in force.
	Guards(ctx context.Context) ([]string, error)
	// Snapshot calls fn with the store as it is at one moment.
	Snapshot(ctx context.Context, fn func(AuditStore) error) error
}

// A JobStanding is a job and where it stands.
type JobStanding struct {
	Job
	State JobState
}

// A Cosigned says how much a witness has countersigned of our log.
type Cosigned struct {
	Witness     string `json:"witness"`
	Checkpoints int64  `json:"checkpoints"`
	Size        int64  `json:"size"` // the largest
}

// AuditConfig wires an Audit. Everything is required but the last three.
type AuditConfig struct {
	Self   string
	Store  AuditStore
	Opener *Opener
	Log    note.Verifier
	Keys   *seal.KeySet // ours, retired ones too: they signed the receipts
	// Lock is compared with the record; nil where a record without a memory is
	// looked at on purpose.
	Lock        CheckpointLock
	MaxFindings int // 0 means 1000; further ones are counted
	Progress    func(done, total int64)
}

// An AuditReport is record.Check's report, and what was found in everything
// that follows from the record.
type AuditReport struct {
	record.Report
	Cases      int64      `json:"cases"`
	Receipts   int64      `json:"receipts"`
	Deliveries int64      `json:"deliveries"`
	Cosigned   []Cosigned `json:"cosigned"`
}

// Audit recomputes the record from its stored bytes (record.Check), and from
// the same bytes all that is kept beside them: receipts, books and states of
// cases, numbers, deliveries and their outcomes, officers. It works while the
// gateway runs: what looks wrong is looked at again as of one moment. An error
// means that it could not finish; what is wrong is in the report.
func Audit(ctx context.Context, cfg AuditConfig) (*AuditReport, error) {
	if cfg.Self == "" || cfg.Store == nil || cfg.Opener == nil || cfg.Log == nil || cfg.Keys == nil {
		return nil, errors.New("audit: a required part is missing")
	}
	if cfg.MaxFindings <= 0 {
		cfg.MaxFindings = 1000
	}
	a := &auditor{AuditConfig: cfg, lanes: map[Lane]int64{}, officers: map[string]officerEvent{}}
	options := record.CheckOptions{Log: cfg.Log, MaxFindings: cfg.MaxFindings}
	if cfg.Progress != nil { // every entry is read twice
		options.Progress = func(done, total int64) { cfg.Progress(done, 2*total) }
	}
	forgotten := false
	if cfg.Lock != nil {
		remembered, err := cfg.Lock.Load(ctx)
		if err != nil {
			return nil, fmt.Errorf("load the remembered checkpoint: %w", err)
		}
		if forgotten = remembered == nil; !forgotten {
			options.Remembered = [][]byte{remembered}
		}
	}
	found, err := record.Check(ctx, &fetcher{Reader: cfg.Store, opener: cfg.Opener, seen: a.count}, options)
	if err != nil {
		return nil, err
	}
	a.report = &AuditReport{Report: *found}
	if forgotten && found.Size > 0 {
		a.find(-1, RuleLock, "nothing is remembered of this record outside its database: the lock file is missing or empty")
	}
	for _, step := range []func(context.Context) error{a.guards, a.cases, a.strays, a.numbers, a.roster, a.witnesses} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("check what follows from the record: %w", err)
		}
	}
	return a.report, nil
}

// An auditor is one run of Audit.
type auditor struct {
	AuditConfig
	report   *AuditReport
	lanes    map[Lane]int64 // the last numbers of the entries that were seen
	upTo     int64          // how many entries were seen
	officers map[string]officerEvent

	signed     record.Checkpoint // the last one that a receipt showed
	signedNote []byte
}

func (a *auditor) find(index int64, rule, format string, args ...any) {
	a.add(record.Finding{Index: index, Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

func (a *auditor) add(findings ...record.Finding) {
	for _, f := range findings {
		if len(a.report.Findings) >= a.MaxFindings {
			a.report.Dropped++
			continue
		}
		a.report.Findings = append(a.report.Findings, f)
	}
}

// count remembers the last number of each lane while record.Check reads.
func (a *auditor) count(row Row) {
	if row.Index >= a.upTo {
		a.upTo = row.Index + 1
		lane := Lane{row.Partner, row.Direction}
		a.lanes[lane] = max(a.lanes[lane], row.Seq)
	}
}

// guards looks for what keeps the tables append-only.
func (a *auditor) guards(ctx context.Context) error {
	missing, err := a.Store.Guards(ctx)
	for _, name := range missing {
		a.find(-1, RuleGuard, "the trigger %s is gone or switched off: the database no longer refuses what it should", name)
	}
	return err
}

// cases audits one case after the other, so that the memory is bounded by the
// largest of them.
func (a *auditor) cases(ctx context.Context) error {
	done := int64(0)
	for after := (*CaseKey)(nil); ; {
		keys, err := a.Store.CaseKeys(ctx, after, 500)
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, key := range keys {
			found, err := a.oneCase(ctx, key)
			if err != nil {
				return err
			}
			a.add(found.findings...)
			a.report.Receipts += found.receipts
			a.report.Deliveries += found.deliveries
			maps.Copy(a.officers, found.officers)
			if done += found.entries; a.Progress != nil {
				a.Progress(a.report.Size+done, 2*a.report.Size)
			}
			if key.Case != "" {
				a.report.Cases++
			}
		}
		after = &keys[len(keys)-1]
	}
}

// oneCase audits a case as it is read; when something seems wrong, again as of
// one moment, for it may have moved in between.
func (a *auditor) oneCase(ctx context.Context, key CaseKey) (*caseAudit, error) {
	found, err := a.audit(ctx, a.Store, key)
	if err != nil || len(found.findings) == 0 {
		return found, err
	}
	err = a.Store.Snapshot(ctx, func(store AuditStore) error {
		found, err = a.audit(ctx, store, key)
		return err
	})
	return found, err
}

// strays finds what belongs to nothing.
func (a *auditor) strays(ctx context.Context) error {
	cases, jobs, err := a.Store.Strays(ctx)
	for _, key := range cases {
		a.find(-1, RuleCase, "case %s of %s has no entry in the record", key.Case, key.Partner)
	}
	for _, j := range jobs {
		a.find(-1, RuleJob, "job %d (%s, for %s of %s) belongs to no message of the record", j.ID, j.Kind, j.Ref, j.Queue)
	}
	return err
}

// numbers compares the lanes with the entries, as of one moment.
func (a *auditor) numbers(ctx context.Context) error {
	return a.Store.Snapshot(ctx, func(store AuditStore) error {
		head, err := store.Head(ctx)
		if err != nil {
			return err
		}
		err = store.Entries(ctx, a.upTo, head.Size, Filter{}, func(row Row) error {
			a.count(row)
			return nil
		})
		if err != nil {
			return err
		}
		kept, err := store.Lanes(ctx)
		if err != nil {
			return err
		}
		for lane := range kept {
			if _, ok := a.lanes[lane]; !ok {
				a.lanes[lane] = 0
			}
		}
		for _, lane := range slices.SortedFunc(maps.Keys(a.lanes), byLane) {
			if is, want := kept[lane], a.lanes[lane]; is != want {
				a.find(-1, RuleLane, "the last number %s of %q is kept as %d, but the record's is %d", lane.Direction, lane.Partner, is, want)
			}
		}
		return nil
	})
}

func byLane(a, b Lane) int {
	return cmp.Or(cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.Direction, b.Direction))
}

// witnesses looks at what was countersigned, for others and by others. That
// something of it was deleted cannot be seen here: the other side has it too.
func (a *auditor) witnesses(ctx context.Context) error {
	err := a.Store.Witnessed(ctx, func(origin string, size int64, root, note []byte) error {
		text := note[:bytes.LastIndex(note, []byte("\n\n"))+1] // without its signatures, whose keys are the partners'
		c, err := record.ParseCheckpoint(string(text))
		if err != nil || c.Origin != origin || c.Size != size || !slices.Equal(c.Root[:], root) {
			a.find(-1, RuleWitness, "what was countersigned for %s is not what its checkpoint says", origin)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.report.Cosigned, err = a.Store.Cosigned(ctx)
	for _, c := range a.report.Cosigned {
		if c.Size > a.report.Size {
			head, err := a.Store.Head(ctx)
			if err != nil {
				return err
			}
			if c.Size > head.Size {
				a.find(-1, record.RuleBehind, "%s countersigned %d entries, but the record holds %d", c.Witness, c.Size, head.Size)
			}
		}
	}
	return err
}
