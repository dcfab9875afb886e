package exchange

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// Errors that a store gives, by driver code and never by driver text.
var (
	// ErrNotFound: nothing in the store matches.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the store cannot be read or written now; nothing changed.
	ErrUnavailable = errors.New("store unavailable")
	// ErrOutcomeUnknown: the transaction may or may not have been committed.
	// The caller must not release anything that depends on it.
	ErrOutcomeUnknown = errors.New("outcome of the transaction is unknown")
	// ErrConflict: what was to be replaced is not what the caller saw.
	ErrConflict = errors.New("changed meanwhile")
	// ErrBroken: the disk failed under the store. A retried fsync lies, so the
	// process must end and start again from what the disk holds.
	ErrBroken = errors.New("the store's disk failed; the gateway must be restarted")
)

// A Kind says what an entry of the record is.
type Kind string

const (
	KindMessage Kind = "message" // a signed message, in or out
	KindReceipt Kind = "receipt" // a partner's receipt for a message of ours
	KindRefusal Kind = "refusal" // what a known partner sent and was refused
	KindFailure Kind = "failure" // a message of ours that will not be delivered
	KindAccess  Kind = "access"  // personal data was read or exported
	KindEvent   Kind = "event"   // the gateway itself: started, restored, split view
)

// A Row is one entry of the record as it is stored: immutable, its personal
// parts encrypted under the data key of its case.
type Row struct {
	Index     int64
	Kind      Kind
	Partner   string
	Direction Direction
	Seq       int64 // gapless per partner and direction, from 1
	ID        string
	Type      string
	Case      string
	InReplyTo string
	At        time.Time
	Leaf      []byte
	LeafHash  tlog.Hash
	Data      []byte // sealed: the exact bytes
	Salt      []byte // sealed: the commitment's salt
	Receipt   []byte // sealed: the receipt that was answered; nil for none
}

// A Lane is one sequence of entries: a partner and a direction.
type Lane struct {
	Partner   string
	Direction Direction
}

// A MessageKey names a message. A jti is unique per partner and direction,
// never across partners.
type MessageKey struct {
	Lane
	ID string
}

// A CaseKey names a case; keys begin with the partner, so that a distributed
// PostgreSQL can keep a partner's rows together.
type CaseKey struct {
	Partner string `json:"partner"`
	Case    string `json:"case"`
}

// A CaseRow is what a case comes to, its book, and its wrapped data key.
type CaseRow struct {
	CaseKey
	Kind     Conversation
	State    State
	Turn     Turn      // who has to act next
	DueAt    time.Time // when the first running clock is due; zero when none runs
	OpenedAt time.Time
	MovedAt  time.Time
	Wrapped  seal.Wrapped
	Book     []byte // sealed: see Book
	// ErasedTo is the entry that erased the case, 0 for none: what came before it
	// was sealed with a data key that is no more.
	ErasedTo int64
	// Assigned are the officers who have the case, none for every one of the partner.
	// CaseFiles fills it in.
	Assigned []string
}

// A Job is due work, made in the same transaction as the entry that asks for
// it. One engine carries all scheduled work; Queue isolates partners.
type Job struct {
	ID      int64
	Queue   string // the partner's code
	Kind    string
	Ref     string // the message's jti
	Index   int64  // the message's entry
	Attempt int    // attempts made so far
	FirstAt time.Time
	DueAt   time.Time
}

// The kinds of job.
const (
	JobDeliver = "deliver" // carries a message to its partner
	JobClock   = "clock"   // looks at the clocks that a message has started
)

// ClockQueue is the queue of the jobs that belong to no partner's lane.
const ClockQueue = "clock"

// A JobState is where a job stands.
type JobState string

const (
	JobDue  JobState = "due"
	JobDone JobState = "done"
	JobDead JobState = "dead"
)

// An Attempt is one try at a job: kept for ever, never personal.
type Attempt struct {
	JobID   int64
	Number  int
	At      time.Time
	Took    time.Duration
	Outcome string // "delivered", "refused", "retry", "invalid-receipt", "dead"
	Status  int    // HTTP status, 0 for none
	Detail  string // our own words or a known problem slug
}

// A Settlement ends a job together with the entry that proves it, or, with
// state JobDue, says when it is due again.
type Settlement struct {
	JobID   int64
	State   JobState
	DueAt   time.Time // of JobDue
	Attempt Attempt
}

// A Lookup names what a batch needs to know before it can be built.
type Lookup struct {
	Messages []MessageKey
	Cases    []CaseKey
	Lanes    []Lane
	Jobs     []int64
	Officers bool // all of them
	Drafts   []string
}

// A Head is the record's head: its size and the last signed checkpoint (nil
// when the record is empty).
type Head struct {
	Size       int64
	Checkpoint []byte
}

// A View is what the store shows a batch while it holds the log's lock.
type View struct {
	Head     Head
	Messages map[MessageKey]Row // those that exist
	Cases    map[CaseKey]CaseRow
	Seqs     map[Lane]int64 // the last number given
	Due      map[int64]bool // the jobs that are not settled yet
	Officers []OfficerRow
	Drafts   map[string]int64  // the versions of those that exist; nobody changes them meanwhile
	Tiles    record.TileSource // reads inside the same transaction
}

// Writes is what a batch adds, all of it in one transaction.
type Writes struct {
	Head  Head // the new one
	At    time.Time
	Rows  []Row
	Tiles []record.Tile
	Cases []CaseRow // new or moved
	// Erased are those of them whose data key is replaced.
	Erased []CaseRow
	// Assigned are those of them that other officers have now, or that stand elsewhere
	// in the lists of those who have them.
	Assigned []CaseRow
	// Officers are added, or replace those that are there; the last of one counts.
	Officers []OfficerRow
	// Drafts are added (version 1), or take the place of the version before.
	Drafts []DraftRow
	Seqs   map[Lane]int64
	Jobs   []Job
	Done   []Settlement
}

// A BatchStore writes the record. It is the whole of what the committer needs.
type BatchStore interface {
	// Commit takes the log's lock, shows build what lookup names, and writes
	// what build returns, in one durable transaction. When it returns nil the
	// writes survive a power cut. An error of build rolls back and is returned
	// as it is. ErrUnavailable: nothing was written. ErrOutcomeUnknown: they
	// may have been. No two Commits of one log run at the same time, in
	// whatever process.
	Commit(ctx context.Context, lookup Lookup, build func(context.Context, View) (Writes, error)) error
}

// A Reader reads the record.
type Reader interface {
	// Head returns the record's head.
	Head(ctx context.Context) (Head, error)
	// Entry returns one entry; ErrNotFound.
	Entry(ctx context.Context, index int64) (Row, error)
	// Message returns a message by its key; ErrNotFound.
	Message(ctx context.Context, key MessageKey) (Row, error)
	// Entries calls fn for the entries of [from, to) that f lets through, in
	// order of index, without holding them in memory.
	Entries(ctx context.Context, from, to int64, f Filter, fn func(Row) error) error
	// Case returns a case; ErrNotFound.
	Case(ctx context.Context, key CaseKey) (CaseRow, error)
	// CasesOf returns those of these cases that there are, in any order.
	CasesOf(ctx context.Context, keys []CaseKey) ([]CaseRow, error)
	// Cases returns the cases of a partner ("" for all), oldest first.
	Cases(ctx context.Context, partner string) ([]CaseRow, error)
	// Checkpoint returns the stored checkpoint of exactly this size; ErrNotFound.
	Checkpoint(ctx context.Context, size int64) ([]byte, error)
	// Checkpoints calls fn for every stored checkpoint with a size in
	// [from, to), smallest first.
	Checkpoints(ctx context.Context, from, to int64, fn func(size int64, note []byte) error) error
	// CasePage returns the cases that f selects, in its order, at most f.Limit.
	CasePage(ctx context.Context, f CaseFilter) ([]CaseRow, error)
	// CaseCount counts the cases that f selects, and stops at f.Limit.
	CaseCount(ctx context.Context, f CaseFilter) (int, error)
	// Assigned returns which officers have these cases; none for those that every
	// one of their partner has.
	Assigned(ctx context.Context, keys []CaseKey) (map[CaseKey][]string, error)
	// Misplaced says whether a case stands elsewhere in the lists of its officers
	// than in that of all.
	Misplaced(ctx context.Context, k CaseKey) (bool, error)
	// Newest returns the entries that f lets through with an index below
	// before, the last first, at most n.
	Newest(ctx context.Context, before int64, f Filter, n int) ([]Row, error)
	// MailPage returns the messages that f selects, the last first, at most
	// f.Limit.
	MailPage(ctx context.Context, f MailFilter) ([]Mail, error)
	record.TileSource
}

// An EntryReader reads entries in order.
type EntryReader interface {
	Entries(ctx context.Context, from, to int64, f Filter, fn func(Row) error) error
}

// A CaseFilter selects a page of cases; its zero value selects all.
type CaseFilter struct {
	Partners []string // nil: every one
	Kinds    []Conversation
	State    State
	Turn     Turn
	DueBy    time.Time // a clock is due before
	Case     string    // begins with
	Officer  string    // assigned to this one
	ByDue    bool      // the first due first; otherwise the last moved first
	After    CaseRow   // the last row of the page before
	Limit    int
	// Unassigned: assigned to nobody. Seen: that, or to this officer. A page leaves
	// both to whoever asks; a count knows Seen, and looks at 2000 cases at most.
	Unassigned bool
	Seen       string
}

// A Filter selects entries; its zero value selects all.
type Filter struct {
	Partner   string
	Partners  []string // one of them; nil: every one
	Case      string
	Kind      Kind
	Direction Direction
	Type      string
	Also      string // another type that Newest finds too
	InReplyTo string
	ID        string
	Since     time.Time // inclusive
	Until     time.Time // exclusive
	// Wider are types of accesses that Newest finds too where they are of no case: of
	// everything, and, when it looks for a case, of the case's partner, since it began.
	Wider []string
}

// A JobStore keeps due work.
type JobStore interface {
	// Claim leases up to n due jobs of a queue until the given time. A job
	// whose lease ran out, because its worker died, is due again.
	Claim(ctx context.Context, queue string, now, until time.Time, n int) ([]Job, error)
	// Release gives a claimed job back untried.
	Release(ctx context.Context, id int64) error
	// Retry records a failed attempt and when the job is due again.
	Retry(ctx context.Context, attempt Attempt, due time.Time) error
	// Finish ends a claimed job without an entry: there was nothing to do.
	Finish(ctx context.Context, attempt Attempt) error
	// Attempts returns the attempts made for a message, oldest first.
	Attempts(ctx context.Context, partner, id string) ([]Attempt, error)
	// Queue returns a partner's jobs in a state, oldest first, at most n.
	Queue(ctx context.Context, partner string, state JobState, n int) ([]Job, error)
	// Revive makes dead jobs of a partner due again: the one of message id,
	// or all for "". It returns how many.
	Revive(ctx context.Context, partner, id string, now time.Time) (int, error)
	// Backlog counts due and dead jobs per queue.
	Backlog(ctx context.Context) (map[string]Backlog, error)
}

// A Backlog counts a queue's work.
type Backlog struct{ Due, Dead int64 }
