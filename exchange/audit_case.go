package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A caseAudit is what was found in one case.
type caseAudit struct {
	auditor  *auditor
	store    AuditStore
	row      CaseRow
	key      seal.DataKey
	findings []record.Finding

	retold     *retelling
	unreadable bool // an entry could not be told: nothing can be said of the book
	sent       []Row
	outcomes   map[string]outcome // of our messages
	officers   map[string]officerEvent

	entries, receipts, deliveries int64
}

// An outcome is the entry that says what became of a message of ours.
type outcome struct {
	kind  Kind
	index int64
}

// An officerEvent is what the record last says of an officer.
type officerEvent struct {
	index int64
	data  json.RawMessage
}

func (c *caseAudit) find(index int64, rule, format string, args ...any) {
	c.findings = append(c.findings, record.Finding{Index: index, Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

// audit tells a case again and compares. The case is read before its entries:
// what has come in between is found to differ, and is looked at again as of one
// moment.
func (a *auditor) audit(ctx context.Context, store AuditStore, key CaseKey) (*caseAudit, error) {
	c := &caseAudit{auditor: a, store: store, retold: newRetelling(key, nil), outcomes: map[string]outcome{}, officers: map[string]officerEvent{}}
	var err error
	c.row, err = store.Case(ctx, key)
	if errors.Is(err, ErrNotFound) {
		c.find(-1, RuleCase, "%s is gone, but it has entries", key)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if c.key, err = a.Opener.unwrap(ctx, c.row); err != nil {
		c.find(-1, RuleCase, "the data key of %s cannot be unwrapped: %v", key, err)
		return c, nil
	}
	if err := store.CaseEntries(ctx, key, func(row Row) error { return c.entry(ctx, row) }); err != nil {
		return nil, err
	}
	if err := c.deliver(ctx); err != nil {
		return nil, err
	}
	c.stands()
	if c.unreadable {
		return c, nil
	}
	c.book()
	return c, c.assigned(ctx)
}

// String names a case in a finding.
func (k CaseKey) String() string {
	if k.Case == "" {
		return fmt.Sprintf("what belongs to no case (partner %q)", k.Partner)
	}
	return fmt.Sprintf("case %s of %s", k.Case, k.Partner)
}

// entry audits one entry and tells it.
func (c *caseAudit) entry(ctx context.Context, row Row) error {
	c.entries++
	acknowledged := row.Kind == KindMessage && row.Direction == In
	if (row.Receipt != nil) != acknowledged {
		if acknowledged {
			c.find(row.Index, RuleReceipt, "entry %d was acknowledged, but its receipt is gone", row.Index)
		} else {
			c.find(row.Index, RuleReceipt, "entry %d has a receipt, which such an entry never has", row.Index)
		}
	}
	var data []byte
	if row.Index >= c.row.ErasedTo {
		var err error
		if data, err = c.key.Open(row.Data, rowAAD(row.Index, "data")); err != nil {
			c.unreadable = true // record.Check says so
			return nil
		}
		if acknowledged && row.Receipt != nil {
			if err := c.receipt(ctx, row, data); err != nil {
				return err
			}
		}
	}
	if err := c.retold.add(row, data); err != nil {
		c.unreadable = true
		c.find(row.Index, record.RuleUnreadable, "entry %d cannot be read as a message: %v", row.Index, err)
		return nil
	}
	c.note(row, data)
	return nil
}

// note keeps of an entry what is compared later.
func (c *caseAudit) note(row Row, data []byte) {
	reply := ""
	if told, ok := c.retold.told[toldKey{row.ID, row.Direction == Out}]; ok && row.Kind == KindMessage {
		reply = told.Claims.InReplyTo
	} else if row.Kind == KindMessage {
		reply = row.InReplyTo // erased: nothing tells
	}
	if row.InReplyTo != reply {
		c.find(row.Index, RuleReply, "the row of entry %d names another message in in_reply_to than its bytes do", row.Index)
	}
	switch {
	case row.Kind == KindMessage && row.Direction == Out:
		c.sent = append(c.sent, Row{Index: row.Index, Partner: row.Partner, ID: row.ID})
	case row.Kind == KindReceipt || row.Kind == KindFailure:
		c.outcomes[row.ID] = outcome{row.Kind, row.Index}
	case row.Kind == KindEvent && row.Type == "officer_changed" && c.retold.row.CaseKey == houseCase:
		var event struct {
			Officer json.RawMessage `json:"officer"`
		}
		var who struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(data, &event) == nil && json.Unmarshal(event.Officer, &who) == nil {
			c.officers[who.ID] = officerEvent{row.Index, event.Officer}
		}
	}
}

// receipt verifies the receipt that was answered for a message.
func (c *caseAudit) receipt(ctx context.Context, row Row, data []byte) error {
	c.receipts++
	raw, err := c.key.Open(row.Receipt, rowAAD(row.Index, "receipt"))
	if err != nil {
		c.find(row.Index, RuleReceipt, "the receipt of entry %d cannot be opened", row.Index)
		return nil
	}
	salt, err := c.key.Open(row.Salt, rowAAD(row.Index, "salt"))
	if err != nil {
		return nil // record.Check says so
	}
	claims, fault := c.auditor.claimsOf(raw)
	hash := sha256.Sum256(data)
	want := receiptClaims{
		Issuer: c.auditor.Self, Audience: row.Partner, ID: "r-" + row.ID, IssuedAt: row.At.Unix(),
		Message: row.ID, MessageSHA256: encode(hash[:]), Seq: row.Seq,
		Leaf: encode(row.Leaf), Salt: encode(salt), Proof: claims.Proof,
	}
	if fault == "" && claims != want {
		fault = "says another thing than the record"
	}
	if fault == "" {
		if fault, err = c.proved(ctx, row, claims.Proof); err != nil {
			return err
		}
	}
	if fault != "" {
		c.find(row.Index, RuleReceipt, "the receipt of entry %d %s", row.Index, fault)
	}
	return nil
}

// claimsOf opens a receipt of ours, or says what is wrong with it.
func (a *auditor) claimsOf(raw []byte) (receiptClaims, string) {
	var claims receiptClaims
	unverified, err := seal.Parse(raw, TypReceipt, maxReceiptBytes)
	if err != nil {
		return claims, "is none"
	}
	verified, err := unverified.Verify(a.Keys)
	if err != nil {
		return claims, "is signed with a key that is neither signing.key nor in signing.retired, or not at all"
	}
	if err := json.Unmarshal(verified.Payload(), &claims); err != nil {
		return claims, "cannot be read"
	}
	return claims, ""
}

// proved checks the proof in a receipt, under a checkpoint that must be stored.
// The receipts of one batch share it.
func (c *caseAudit) proved(ctx context.Context, row Row, text string) (fault string, err error) {
	a := c.auditor
	proof, err := record.ParseProof([]byte(text))
	if err != nil || proof.Index != row.Index {
		return "has no proof of this entry", nil
	}
	if !bytes.Equal(proof.Checkpoint, a.signedNote) {
		signed, err := record.VerifyCheckpoint(proof.Checkpoint, a.Log)
		if err != nil {
			return "shows a checkpoint that does not hold", nil
		}
		stored, err := c.store.Checkpoint(ctx, signed.Size)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", err
		}
		if !bytes.Equal(stored, proof.Checkpoint) {
			return fmt.Sprintf("shows the checkpoint of size %d, which is gone or altered", signed.Size), nil
		}
		a.signed, a.signedNote = signed, proof.Checkpoint
	}
	if tlog.CheckRecord(proof.Hashes, a.signed.Size, a.signed.Root, row.Index, record.LeafHash(row.Leaf)) != nil {
		return "does not prove that the entry is in the tree", nil
	}
	return "", nil
}

// deliver compares the deliveries of our messages with their outcomes.
func (c *caseAudit) deliver(ctx context.Context) error {
	for _, message := range c.sent {
		jobs, err := c.store.JobsOf(ctx, message.Partner, message.ID)
		if err != nil {
			return err
		}
		attempts, err := c.store.Attempts(ctx, message.Partner, message.ID)
		if err != nil {
			return err
		}
		delivered := 0
		for _, job := range jobs {
			if job.Kind == JobDeliver && job.Index == message.Index {
				delivered++
				if err := c.job(ctx, message, job, attempts); err != nil {
					return err
				}
			}
		}
		if c.deliveries++; delivered != 1 {
			c.find(message.Index, RuleJob, "entry %d is a message of ours that has %d deliveries; it must have one", message.Index, delivered)
		}
	}
	return nil
}

// job audits one delivery.
func (c *caseAudit) job(ctx context.Context, message Row, job JobStanding, attempts []Attempt) error {
	came, ok := c.outcomes[message.ID]
	switch {
	case !ok && job.State != JobDue:
		c.find(message.Index, RuleJob, "the delivery of entry %d is marked as %s, but the record has neither a receipt nor a failure", message.Index, job.State)
	case ok && came.kind == KindReceipt && job.State != JobDone:
		c.find(message.Index, RuleJob, "the delivery of entry %d is marked as %s, but entry %d is the partner's receipt", message.Index, job.State, came.index)
	case ok && came.kind == KindFailure && job.State == JobDone:
		c.find(message.Index, RuleJob, "the delivery of entry %d is marked as done, but entry %d says that it failed", message.Index, came.index)
	}
	made, ended := 0, false
	for _, attempt := range attempts {
		if attempt.JobID == job.ID {
			made++
			ended = ended || attempt.Outcome != "retry" && attempt.Outcome != "invalid-receipt"
		}
	}
	if made < job.Attempt || ok && !ended {
		c.find(message.Index, RuleAttempt, "%d attempts at delivering entry %d are kept, but more were made", made, message.Index)
	}
	return nil
}

// stands compares where the case stands.
func (c *caseAudit) stands() {
	is, want := c.row, c.retold.row
	var differs []string
	differ := func(column string, yes bool) {
		if yes {
			differs = append(differs, column)
		}
	}
	differ("opened_at", !is.OpenedAt.Equal(want.OpenedAt))
	differ("erased_to", is.ErasedTo != want.ErasedTo)
	if !c.unreadable {
		differ("kind", is.Kind != want.Kind)
	}
	if !c.unreadable && is.ErasedTo == 0 { // what was erased cannot be told
		differ("state", is.State != want.State)
		differ("turn", is.Turn != want.Turn)
		differ("moved_at", !is.MovedAt.Equal(want.MovedAt))
	}
	if len(differs) > 0 {
		c.find(-1, RuleCase, "%s stands elsewhere than its entries say: %s differ", want.CaseKey, strings.Join(differs, ", "))
	}
}

// assigned compares who has the case with what the record says last, in its book
// and in the table that serves lists. What an erasure has made unreadable the book
// alone still says.
func (c *caseAudit) assigned(ctx context.Context) error {
	if c.row.Book == nil {
		return nil // said already
	}
	book, err := openBook(c.key, c.row)
	if err != nil {
		return nil // likewise
	}
	key := c.row.CaseKey
	if (c.retold.assigned || c.row.ErasedTo == 0) && !slices.Equal(book.Assigned, c.retold.book.Assigned) {
		c.find(-1, RuleAssigned, "the book of %s says that %s have it, but the record says %s", key, hands(book.Assigned), hands(c.retold.book.Assigned))
	}
	listed, err := c.store.Assigned(ctx, []CaseKey{key})
	if err != nil {
		return err
	}
	if !slices.Equal(listed[key], book.Assigned) {
		c.find(-1, RuleAssigned, "lists say of %s that %s have it, but its book says %s; assign it anew", key, hands(listed[key]), hands(book.Assigned))
	}
	if len(listed[key]) == 0 {
		return nil
	}
	misplaced, err := c.store.Misplaced(ctx, key)
	if misplaced {
		c.find(-1, RuleAssigned, "%s stands elsewhere in the lists of its officers than in that of all; assign it anew", key)
	}
	return err
}

func hands(officers []string) string {
	if len(officers) == 0 {
		return "all officers of the partner"
	}
	return strings.Join(officers, ", ")
}

// book compares the case's book with the one that was told again, note by note.
func (c *caseAudit) book() {
	key := c.row.CaseKey
	if c.row.Book == nil {
		c.find(-1, RuleBook, "%s has no book; 'gateway migrate' tells it again from the record", key)
		return
	}
	kept, err := openBook(c.key, c.row)
	if err != nil {
		c.find(-1, RuleBook, "the book of %s cannot be opened", key)
		return
	}
	clocks := false
	for i := range max(len(kept.Notes), len(c.retold.book.Notes)) {
		switch {
		case i >= len(kept.Notes):
			c.find(c.retold.at[i], RuleBook, "the book of %s ends before entry %d: it was set back", key, c.retold.at[i])
			return
		case i >= len(c.retold.book.Notes):
			c.find(-1, RuleBook, "the book of %s has %d messages more than the record", key, len(kept.Notes)-i)
			return
		}
		is, want := kept.Notes[i], c.retold.book.Notes[i]
		// Which clocks a message started was decided by the agreement of then.
		want.Deadlines = is.Deadlines
		told := c.retold.told[toldKey{want.ID, want.Out}]
		if is.Agreement == told.Claims.Agreement {
			want.Agreement = is.Agreement
		}
		// So was how far the partner's clock may differ.
		if is.Counts > is.IssuedAt && is.Counts <= told.At.Unix() && !is.Out {
			want.Counts = is.Counts
		}
		if is.Urgent == nil { // an earlier program has not noted it
			want.Urgent = nil
		}
		clocks = clocks || len(is.Deadlines) > 0
		if compact(is) != compact(want) {
			c.find(c.retold.at[i], RuleBook, "the book of %s says another thing of entry %d than its bytes", key, c.retold.at[i])
		}
	}
	switch {
	case !clocks && !c.row.DueAt.IsZero():
		c.find(-1, RuleCase, "%s has a deadline, but no message of it has started a clock", key)
	case !kept.dueAt(c.row):
		c.find(-1, RuleCase, "%s is due at another time than its book says: due_at differs", key)
	}
}
