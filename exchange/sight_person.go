package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// An Introduction says which message of a case tells who a person is, and how many
// corrections of it whoever answered it, or relied on it, certainly knew: what came
// later, nobody has answered.
type Introduction struct {
	Subject     string
	Message     MessageKey
	Corrections int
}

// maxIntroducing bounds how many messages tell, on one page, who its persons are.
const maxIntroducing = 8

// introduced returns which messages tell who the persons of a note are: the one
// that it answers, or else the last that does. Nothing for a message that tells so
// itself.
func (b *Book) introduced(partner string, n *Note) []Introduction {
	if slices.Contains(describes, n.Type) {
		return nil
	}
	var out []Introduction
	messages := map[string]bool{}
	for _, d := range n.Subjects {
		by := b.introducing(n, d.Ref)
		if by == nil || !messages[noteKey(by)] && len(messages) == maxIntroducing {
			continue
		}
		messages[noteKey(by)] = true
		out = append(out, Introduction{Subject: d.Ref, Message: MessageKey{Lane{partner, by.direction()}, by.ID}})
	}
	return out
}

// introduced is that of the book, with what was known of each when a note was written,
// which is the entry of an index, or a draft still.
func (s *Sight) introduced(ctx context.Context, b *Book, key CaseKey, n *Note, index int64) ([]Introduction, error) {
	out := b.introduced(key.Partner, n)
	if own := b.corrections(n.ID, n.Out); len(out) > 0 && len(own) > 0 { // whoever corrects an answer answers anew
		n = &own[len(own)-1]
		row, err := s.cfg.Files.cfg.Reader.Message(ctx, MessageKey{Lane{key.Partner, n.direction()}, n.ID})
		if err != nil {
			return nil, fmt.Errorf("read a correction: %w", err)
		}
		index = row.Index
	}
	counted := map[MessageKey]int{}
	for i, told := range out {
		if _, done := counted[told.Message]; !done {
			for _, c := range b.corrections(told.Message.ID, told.Message.Direction == Out) {
				known, err := s.knew(ctx, key, n, index, &c)
				if err != nil {
					return nil, err
				}
				if !known {
					break
				}
				counted[told.Message]++
			}
		}
		out[i].Corrections = counted[told.Message]
	}
	return out, nil
}

// knew says whether whoever wrote a note certainly knew a correction. What we wrote, we
// wrote as a draft says, and not when it left. The partner knew what it had given a
// receipt for, and had not answered before it was made.
func (s *Sight) knew(ctx context.Context, key CaseKey, n *Note, index int64, c *Note) (bool, error) {
	reader := s.cfg.Files.cfg.Reader
	if !n.Out && c.Out {
		receipts, err := reader.Newest(ctx, index, Filter{Partner: key.Partner, Case: key.Case, Kind: KindReceipt, ID: c.ID}, 1)
		return err == nil && len(receipts) > 0 && c.IssuedAt <= n.IssuedAt, err
	}
	row, err := reader.Message(ctx, MessageKey{Lane{key.Partner, c.direction()}, c.ID})
	if err != nil || !n.Out {
		return err == nil && row.Index < index, err
	}
	events, err := reader.Newest(ctx, index, Filter{Partner: key.Partner, Case: key.Case, Kind: KindEvent, Type: draftSubmitted, Also: draftAmended, ID: n.ID}, 1)
	if err != nil {
		return false, err
	}
	if len(events) > 0 {
		index = events[0].Index
	}
	return row.Index < index, nil
}

// introducing returns the note of the message that tells who a person is.
func (b *Book) introducing(n *Note, ref string) *Note {
	tells := func(m *Note) bool {
		_, named := m.of(ref)
		return named && ref != whole && m.describes()
	}
	if asked := b.find(n.Reply, !n.Out); asked != nil && tells(asked) {
		return asked
	}
	for i := range slices.Backward(b.Notes) {
		if tells(&b.Notes[i]) {
			return &b.Notes[i]
		}
	}
	return nil
}

// describes says whether a message tells who persons are, and counts.
func (n *Note) describes() bool { return n.Status != dead && slices.Contains(describes, n.Type) }

// told returns which messages tell last who the persons of a case are.
func (b *Book) told(partner string) map[string]MessageKey {
	out := map[string]MessageKey{}
	for i := range b.Notes {
		if n := &b.Notes[i]; n.describes() {
			for _, d := range n.Subjects {
				out[d.Ref] = MessageKey{Lane{partner, n.direction()}, n.ID}
			}
		}
	}
	return out
}

// A Named message is another one of the case, that a message rests on.
type Named struct {
	Key  MessageKey
	Type string
	At   time.Time // zero in a case that was erased
}

func (n *Note) named(partner string) Named {
	out := Named{Key: MessageKey{Lane{partner, n.direction()}, n.ID}, Type: n.Type}
	if n.IssuedAt != 0 { // an erasure leaves no time
		out.At = time.Unix(n.IssuedAt, 0)
	}
	return out
}

// named returns the messages of some identifiers, whichever side has sent them.
func (b *Book) named(partner string, ids ...string) map[string]Named {
	out := map[string]Named{}
	for _, id := range ids {
		for _, ours := range []bool{true, false} {
			if n := b.find(id, ours); id != "" && n != nil {
				out[id] = n.named(partner)
			}
		}
	}
	return out
}

// An Answer is a message that answers another one: of whom it speaks, and who wrote it
// where that was one of us.
type Answer struct {
	Named
	Status  string // of ours, as of a message that is seen
	Persons []string
	Authors []string
}

// maxAnswers bounds how many answers to one message are told.
const maxAnswers = 20

// Answers returns what we have answered to a message of the partner, the last first.
func (s *Sight) Answers(ctx context.Context, by *Officer, key CaseKey, asked string) ([]Answer, error) {
	book, err := s.cfg.Files.book(ctx, by, key)
	if err != nil {
		return nil, err
	}
	return s.answers(ctx, book, key.Partner, &Note{ID: asked})
}

// answers returns what answers a message, also what the partner did not take: it may be
// tried again.
func (s *Sight) answers(ctx context.Context, b *Book, partner string, asked *Note) ([]Answer, error) {
	var out []Answer
	for i := range slices.Backward(b.Notes) {
		n := &b.Notes[i]
		if n.Out == asked.Out || n.Reply != asked.ID {
			continue
		}
		a := Answer{Named: n.named(partner), Status: string(n.Status)}
		for _, d := range n.Subjects {
			a.Persons = append(a.Persons, d.Ref)
		}
		if n.Out {
			draft, known, err := s.draftOf(ctx, n.ID)
			if err != nil && !errors.Is(err, ErrErased) {
				return nil, err
			}
			if known {
				a.Authors = draft.Authors()
			}
		}
		if out = append(out, a); len(out) == maxAnswers {
			break
		}
	}
	return out, nil
}

// draftedNote is the note of the message that a draft would become, as far as whom it
// speaks of.
func draftedNote(row DraftRow, reply string, body any) *Note {
	n := &Note{ID: row.ID, Type: row.Type, Out: true, Reply: reply}
	for ref := range protected(body) {
		n.Subjects = append(n.Subjects, Decision{Ref: ref})
	}
	slices.SortFunc(n.Subjects, func(a, b Decision) int { return strings.Compare(a.Ref, b.Ref) })
	return n
}

// statedIn returns the safeguards that a body states of its persons, without what
// it says of them.
func statedIn(body any) []Safeguard {
	var out []Safeguard
	for ref, subject := range protected(body) {
		for kind, name := range inBody {
			if subject[name] != nil {
				out = append(out, Safeguard{Kind: kind, Subject: ref})
			}
		}
	}
	slices.SortFunc(out, func(a, b Safeguard) int { return strings.Compare(a.Kind+a.Subject, b.Kind+b.Subject) })
	return out
}

// kept returns the safeguards that a draft's body states and its message does not,
// because the agreement withholds them.
func (c DraftContent) kept() ([]Safeguard, error) {
	if c.Given == nil {
		return nil, nil
	}
	given, err := schemas.Parse(c.Given, schemas.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("read a draft's body: %w", err)
	}
	sent, err := schemas.Parse(c.Draft.Body, schemas.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("read a draft's body: %w", err)
	}
	stated := statedIn(sent)
	return slices.DeleteFunc(statedIn(given), func(s Safeguard) bool { return slices.Contains(stated, s) }), nil
}

// written adds, to a message of ours, what its draft knows: who wrote it, who
// released it, and which safeguards were recorded. Of one that had no draft the record
// knows these.
func (s *Sight) written(ctx context.Context, by *Officer, row Row, out *SeenMessage) error {
	if row.Direction != Out {
		return nil
	}
	view, known, err := s.draftOf(ctx, row.ID)
	if err != nil {
		return err
	}
	if !known {
		out.Recorded, err = s.guarded(ctx, row)
		out.hidePapers()
		return err
	}
	out.Authors, out.Approvals, out.Recorded = view.Authors(), view.Content.Approvals, view.Content.Safeguards
	kept, err := view.Content.kept()
	if err != nil {
		return err
	}
	out.Recorded = append(out.Recorded, kept...)
	out.hidePapers()
	_, err = s.cfg.Desk.find(ctx, by, row.ID, 0)
	out.Drafted = err == nil
	if err != nil && AsProblem(err).Kind.Status >= http.StatusInternalServerError {
		return err
	}
	return nil
}

// guarded returns the safeguards that were recorded for a message without a draft,
// just before it.
func (s *Sight) guarded(ctx context.Context, row Row) ([]Safeguard, error) {
	events, err := s.cfg.Files.cfg.Reader.Newest(ctx, row.Index, Filter{Partner: row.Partner, Case: row.Case, Kind: KindEvent, Type: safeguardsRecorded, ID: row.ID}, 1)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	opened, err := s.cfg.Files.cfg.Opener.Open(ctx, events[0])
	if err != nil {
		return nil, err
	}
	var out []Safeguard
	if err := json.Unmarshal(opened.Data, &out); err != nil {
		return nil, fmt.Errorf("read recorded safeguards: %w", err)
	}
	return out, nil
}

// hidePapers leaves out where the papers of safeguards are, unless all was shown.
func (m *SeenMessage) hidePapers() {
	if slices.Contains(m.Shown, "") {
		return
	}
	m.Recorded = slices.Clone(m.Recorded)
	for i := range m.Recorded {
		m.Papers = m.Papers || m.Recorded[i].Reference != ""
		m.Recorded[i].Reference = ""
	}
}

// draftOf returns the draft that a message of ours was, and whether there was one.
func (s *Sight) draftOf(ctx context.Context, id string) (view DraftView, known bool, err error) {
	draft, err := s.cfg.Desk.cfg.Store.Draft(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return DraftView{}, false, nil
	}
	if err != nil {
		return DraftView{}, false, fmt.Errorf("find the draft of a message: %w", err)
	}
	view, err = s.cfg.Desk.open(ctx, draft)
	return view, err == nil, err
}

// An Attachment is a file that a message carries.
type Attachment struct {
	Message MessageKey
	Type    string
	At      time.Time
	Subject string // whom it shows; "" where it is of nobody
	Pointer string // where it is
	// Damaged: what is stored of the message is not what was recorded, so nobody knows.
	Damaged bool
}

// maxAttaching bounds how many messages of a case are looked through for files.
const maxAttaching = 20

// Attachments returns the files that the messages of a case carry, the last first,
// of the newest messages that can carry any. It shows none of them.
func (s *Sight) Attachments(ctx context.Context, by *Officer, key CaseKey) ([]Attachment, error) {
	book, err := s.cfg.Files.book(ctx, by, key)
	if err != nil {
		return nil, err
	}
	var out []Attachment
	looked := 0
	for i := range slices.Backward(book.Notes) {
		n := &book.Notes[i]
		if looked == maxAttaching || !slices.ContainsFunc(s.cfg.Catalogue.Fields(n.Type), func(f schemas.Field) bool { return f.Format == "base64" }) {
			continue
		}
		looked++
		message := MessageKey{Lane{key.Partner, n.direction()}, n.ID}
		versions, err := s.cfg.Files.judge.Versions(ctx, message, key.Case)
		if errors.Is(err, ErrErased) {
			return nil, nil
		}
		if AsDamage(err) != nil {
			out = append(out, Attachment{Message: message, Type: n.Type, At: time.Unix(n.IssuedAt, 0), Damaged: true})
			continue
		}
		if err != nil {
			return nil, err
		}
		body := versions[len(versions)-1].Body
		for _, pointer := range s.files(n.Type, "", body) {
			a := Attachment{Message: message, Type: n.Type, At: time.Unix(n.IssuedAt, 0), Pointer: pointer}
			for i, d := range n.Subjects {
				if strings.HasPrefix(pointer, n.at(i)+"/") {
					a.Subject = d.Ref
				}
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// files returns the places of a value at which there is a file.
func (s *Sight) files(messageType, pointer string, v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		if f, ok := s.cfg.Catalogue.Field(messageType, pointer); ok && f.Format == "base64" {
			return []string{pointer}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, s.files(messageType, pointer+"/"+name, v[name])...)
		}
	case []any:
		for i, element := range v {
			out = append(out, s.files(messageType, pointer+"/"+strconv.Itoa(i), element)...)
		}
	}
	return out
}
