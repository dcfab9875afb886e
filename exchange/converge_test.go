package exchange

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A wire is two gateways' books of one case and what is under way between
// them. Messages and answers are lost, repeated and reordered; whoever has no
// answer sends the identical message again.
type wire struct {
	t     *rapid.T
	books [2]*Book
	clock [2]int64 // each side's own; they may differ by minutes
	sent  []*flight
}

// A flight is a message that its sender has no answer for yet.
type flight struct {
	from int
	note Note

	done, refused bool
}

var subjects = []string{"S-1", "S-2", "S-3"}

// words are what a message may decide for a person.
var words = map[string][]string{
	TypeIdentityResponse: {"match", "probable", "no_match"},
	TypeNationality:      {"confirmed", "confirmed", "confirmed", "not_confirmed", "undetermined"},
	TypeTracingResponse:  {"found", "not_found"},
	TypeReturnResponse:   {"accept", "accept", "refuse", "counter"},
	TypeHandoverRecord:   {"handed_over", "handed_over", "absent"},
	TypeReception:        {"received", "received", "not_arrived"},
	TypeHandoverNotice:   {"", documentHeld},
	TypeWithdrawal:       {reasonClosed, "wrong_person"},
}

// draw makes a message that its sender might think of: mostly a sensible next
// one, sometimes nonsense.
func (w *wire) draw(from int) Note {
	book := w.books[from]
	row := rapid.SampledFrom(catalogue).Draw(w.t, "row")
	if row.Opens && row.Kind != Return && len(w.sent) > 0 || row.Type == TypeWithdrawal && rapid.IntRange(0, 20).Draw(w.t, "withdraw") > 0 {
		row = catalogue[1] // or no case would get far
	}
	w.clock[from] += int64(rapid.IntRange(0, 90).Draw(w.t, "wait"))
	n := Note{ID: fmt.Sprintf("%d-%04d", from, len(w.sent)), Type: row.Type, Out: true, Status: pending}
	n.IssuedAt, n.made = w.clock[from], any(true)
	for _, ref := range subjects[:rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(w.t, "subjects")] {
		value := ""
		if words[n.Type] != nil {
			value = rapid.SampledFrom(words[n.Type]).Draw(w.t, "value")
		}
		n.Subjects = append(n.Subjects, Decision{ref, value})
	}
	if row.Reply != replyNever {
		w.answer(book, row, &n)
	}
	switch row.Type {
	case TypeReturnRequest:
		s := book.read(book.Opened())
		if c := s.nationality(subjects[0]); c != nil {
			n.Target = c.ID
		}
	case TypeCorrection:
		if own := w.own(book); own != nil {
			n.Target, n.Subjects = own.ID, own.Subjects
			n.Revision = book.read(true).revisions(own) + 1
		}
	case TypeWithdrawal:
		if own := w.own(book); own != nil {
			n.Target = own.ID
		}
	case TypeHandoverRecord:
		if n.Reply == "" {
			n.Digest = "digest of " + n.ID
		}
	}
	return n
}

// answer picks a question of the other side and repeats its persons.
func (w *wire) answer(book *Book, row messageRule, n *Note) {
	for i := len(book.Notes) - 1; i >= 0; i-- {
		asked := &book.Notes[i]
		if asked.Out || !contains(row.Answers, asked.Type) || rapid.IntRange(0, 3).Draw(w.t, "older") == 0 {
			continue
		}
		n.Reply = asked.ID
		if row.Type == TypeHandoverRecord {
			n.Target, n.Digest, n.Subjects = asked.ID, asked.Digest, asked.Subjects
		}
		return
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (w *wire) own(book *Book) *Note {
	var own []*Note
	for i := range book.Notes {
		if book.Notes[i].Out {
			own = append(own, &book.Notes[i])
		}
	}
	if len(own) == 0 {
		return nil
	}
	return rapid.SampledFrom(own).Draw(w.t, "own")
}

// send lets one side send something that it may send.
func (w *wire) send(from int) {
	for range 30 {
		n := w.draw(from)
		if w.books[from].admit(n) == nil {
			w.sent = append(w.sent, &flight{from: from, note: n})
			return
		}
	}
}

// arrive brings a message to its receiver; heard says whether the answer gets
// back. What was refused for good is not sent again.
func (w *wire) arrive(f *flight, heard bool) {
	if f.refused {
		return
	}
	to := w.books[1-f.from]
	n := f.note
	n.Out, n.Status = false, settled
	var refused *Problem
	if to.find(n.ID, false) == nil { // a copy gets the first answer
		refused = to.admit(n)
	}
	if !heard || f.done || refused != nil && refused.Kind.Retry {
		return
	}
	f.done = true
	if refused != nil {
		f.refused = true
		w.books[f.from].settle(n.ID, dead)
	} else {
		w.books[f.from].settle(n.ID, settled)
	}
}

// end brings everything to its end: what can still arrive does, and what never
// will is given up.
func (w *wire) end() {
	for range len(w.sent) + 1 {
		for _, f := range w.sent {
			if !f.done {
				w.arrive(f, true)
			}
		}
	}
	for _, f := range w.sent {
		if !f.done {
			w.books[f.from].settle(f.note.ID, dead)
		}
	}
}

// Two gateways that exchanged a case over a bad line are in the same state in
// the end, whatever was lost, repeated or reordered.
func TestGatewaysConverge(t *testing.T) {
	for begun := range len(goodLife) + 1 {
		t.Run(fmt.Sprintf("after %d messages", begun), rapid.MakeCheck(func(t *rapid.T) {
			w := &wire{t: t, books: [2]*Book{{}, {}}}
			w.clock[1] = int64(rapid.IntRange(-300, 300).Draw(t, "skew"))
			w.begin(begun)
			for range rapid.IntRange(5, 60).Draw(t, "steps") {
				if len(w.sent) > 0 && rapid.IntRange(0, 2).Draw(t, "deliver") > 0 {
					f := rapid.SampledFrom(w.sent).Draw(t, "which")
					w.arrive(f, rapid.IntRange(0, 3).Draw(t, "heard") > 0)
				} else {
					w.send(rapid.IntRange(0, 1).Draw(t, "from"))
				}
				w.reread()
			}
			w.end()
			w.agree()
		}))
	}
}

// agree checks that both sides see the same case.
func (w *wire) agree() {
	a, b := w.books[0].Standing(), w.books[1].Standing()
	if a.Pending+b.Pending > 0 || a.Kind != b.Kind || a.Kind != "" && a.Opened == b.Opened {
		w.t.Fatalf("%+v\n%+v", a, b)
	}
	if mirrored := map[Turn]Turn{TurnUs: TurnPartner, TurnPartner: TurnUs}[b.Turn]; a.Turn != mirrored {
		w.t.Fatalf("they think it is the turn of %q and of %q", a.Turn, mirrored)
	}
	if a.State != b.State || fmt.Sprint(a.Subjects) != fmt.Sprint(b.Subjects) {
		w.t.Fatalf("they differ:\n%+v\n%+v\n%+v\n%+v", a, b, w.books[0].Notes, w.books[1].Notes)
	}
}

// goodLife is a return as it should go; a random case begins with a part of it,
// or it would seldom get far.
var goodLife = []struct {
	from int
	note Note
}{
	{0, Note{ID: "life-0", Type: TypeIdentityRequest, Said: Said{Subjects: []Decision{{"S-1", ""}}}}},
	{1, Note{ID: "life-1", Type: TypeIdentityResponse, Reply: "life-0", Said: Said{Subjects: []Decision{{"S-1", "match"}}}}},
	{1, Note{ID: "life-2", Type: TypeNationality, Said: Said{Subjects: []Decision{{"S-1", "confirmed"}}}}},
	{0, Note{ID: "life-3", Type: TypeReturnRequest, Said: Said{Subjects: []Decision{{"S-1", ""}}, Target: "life-2"}}},
	{1, Note{ID: "life-4", Type: TypeReturnResponse, Reply: "life-3", Said: Said{Subjects: []Decision{{"S-1", "accept"}}}}},
	{1, Note{ID: "life-5", Type: TypeTravelDocument, Said: Said{Subjects: []Decision{{"S-1", ""}}}}},
	{0, Note{ID: "life-6", Type: TypeHandoverNotice, Said: Said{Subjects: []Decision{{"S-1", ""}}}}},
	{0, Note{ID: "life-7", Type: TypeHandoverRecord, Said: Said{Subjects: []Decision{{"S-1", "handed_over"}}, Digest: "d"}}},
	{1, Note{ID: "life-8", Type: TypeHandoverRecord, Reply: "life-7", Said: Said{Subjects: []Decision{{"S-1", "handed_over"}}, Target: "life-7", Digest: "d"}}},
	{1, Note{ID: "life-9", Type: TypeReception, Said: Said{Subjects: []Decision{{"S-1", "received"}}}}},
}

// begin plays the first n messages of a good life. Each arrives; its answer
// may be lost.
func (w *wire) begin(n int) {
	for _, step := range goodLife[:n] {
		note := step.note
		note.Out, note.Status, note.IssuedAt = true, pending, w.clock[step.from]
		w.clock[step.from]++
		if refused := w.books[step.from].admit(note); refused != nil {
			w.t.Fatalf("%s: %v", note.Type, refused)
		}
		f := &flight{from: step.from, note: note}
		w.sent = append(w.sent, f)
		w.arrive(f, rapid.Bool().Draw(w.t, "heard"))
	}
}

// reread stores and loads the books, as the store does after each message.
func (w *wire) reread() {
	for i, b := range w.books {
		again, err := readBook(b.bytes())
		if err != nil {
			w.t.Fatal(err)
		}
		if x, _ := json.Marshal(again); string(x) != string(b.bytes()) {
			w.t.Fatal("a book changes when it is stored")
		}
		w.books[i] = again
	}
}
