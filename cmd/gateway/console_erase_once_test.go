package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A seam is where a test comes in between what a desk reads and what it records.
type seam struct {
	exchange.DraftStore
	exchange.Recorder
	read, records func() // after a list of drafts was read, before an entry is recorded
}

func (s *seam) Drafts(ctx context.Context, f exchange.DraftFilter) ([]exchange.DraftRow, error) {
	rows, err := s.DraftStore.Drafts(ctx, f)
	s.read()
	return rows, err
}

func (s *seam) Record(ctx context.Context, e *exchange.Entry) error {
	s.records()
	return s.Recorder.Record(ctx, e)
}

// An eraser is a console in which a test comes in between.
type eraser struct {
	*scene
	*seam
	lan, minh *visitor
	signed    []signatory
}

func newEraser(t *testing.T, p *pair) *eraser {
	t.Helper()
	n := *p.vn.node
	e := &eraser{&scene{pair: p, t: t}, &seam{n.db, n.committer, func() {}, func() {}}, nil, nil, p.vn.signatories(t)}
	for _, o := range []exchange.Officer{officerLan, officerMinh} {
		if err := n.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if n.desk, err = exchange.NewDesk(exchange.DeskConfig{
		Self: n.cfg.Self, Outbox: n.outbox, Roster: n.roster, Store: e.seam, Reader: n.db, Recorder: e.seam, Opener: n.opener, Clock: n.now, Logger: n.log,
	}); err != nil {
		t.Fatal(err)
	}
	if e.pages, err = n.newConsole(ConsoleConfig{Zone: "Asia/Ho_Chi_Minh"}); err != nil {
		t.Fatal(err)
	}
	e.address = e.listen(ConsoleConfig{}, e.pages)
	enter := func(officer string) *visitor {
		v := newVisitor(t, e.address)
		v.get(e.pages.OpenDoor("/", "lan", "minh"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
		return v
	}
	e.lan, e.minh = enter("lan"), enter("minh")
	return e
}

// ready is a case of which nothing stands in the way of its erasure.
func (e *eraser) ready() *life {
	e.t.Helper()
	l := e.life(e.t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	l.confirms(e.signed, l.asksErasure())
	return l
}

func (e *eraser) press(l *life, by *visitor) page {
	e.t.Helper()
	return by.post("/cases/KH/"+l.id+"/erase", url.Values{"reason": {"the person has asked for it"}})
}

// pressAll lets officers press at the same moment; the second of lan's presses is
// a double click.
func (e *eraser) pressAll(name string, l *life) {
	e.t.Helper()
	by := []*visitor{e.lan, e.minh, e.lan, e.minh}
	got := make([]page, len(by))
	var pressed sync.WaitGroup
	for i := range by {
		pressed.Go(func() { got[i] = e.press(l, by[i]) })
	}
	pressed.Wait()
	e.once(name, l, got...)
}

// once checks that a case was erased one time, that the partner is told so one
// time, that nothing else happened, and that whoever pressed has come to the end.
func (e *eraser) once(name string, l *life, pressed ...page) {
	e.t.Helper()
	for i, p := range pressed {
		if p.status != 200 || p.at == nil || p.at.Path != "/cases/KH/"+l.id || p.at.Query().Get("erased") == "" {
			e.t.Errorf("%s: press %d leads to %d %v", name, i, p.status, p.at)
		}
	}
	if n := len(e.vn.rows(exchange.Filter{Type: "case_erased", Case: l.id})); n != 1 {
		e.t.Errorf("%s: it is erased %d times", name, n)
	}
	if n := len(e.vn.rows(exchange.Filter{Kind: exchange.KindRefusal})); n != 0 {
		e.t.Errorf("%s: %d refusals are in the record", name, n)
	}
	var told []exchange.Row
	eventually(e.t, name+": the partner is told", func() bool {
		told = e.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, Case: l.id})
		return len(told) > 0
	})
	if len(told) != 1 {
		e.t.Errorf("%s: the partner is told %d times", name, len(told))
	}
	e.erased(e.t, e.vn, exchange.CaseKey{Partner: "KH", Case: l.id})
}

// Officers who erase a case at the same moment, or press twice, come to the same
// end: it is erased once. On both stores, also when each of them has seen that
// nothing stands in the way before anything is recorded.
func TestConsoleErasesOnce(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		e := newEraser(t, p)
		for i := range 3 {
			e.pressAll(fmt.Sprintf("try %d", i), e.ready())
		}
		l := e.ready()
		var all sync.WaitGroup
		all.Add(4)
		e.records = func() { all.Done(); all.Wait() }
		e.pressAll("all have looked", l)
		e.quiet()
	})
}

// A case is erased by somebody else while an officer's press, or their page of it,
// is under way: after any of the lists of drafts that these read.
func TestConsoleErasesOnceOvertaken(t *testing.T) {
	e := newEraser(t, newPair(t, ""))
	for name, does := range map[string]func(*life) []page{
		"a press": func(l *life) []page { return []page{e.press(l, e.lan)} },
		"the page": func(l *life) []page {
			if p := e.lan.get("/cases/KH/" + l.id); p.status != 200 {
				t.Errorf("the page is answered with %d", p.status)
			}
			return nil
		},
	} {
		after := 0
		for overtaken := true; overtaken; {
			after++
			l, reads := e.ready(), 0
			overtaken = false
			e.read = func() {
				if reads++; reads == after {
					_, err := e.vn.node.desk.Erase(t.Context(), &e.signed[1].Officer, exchange.CaseKey{Partner: "KH", Case: l.id}, "the person has asked for it")
					overtaken = err == nil // the press itself was faster
				}
			}
			if pages := does(l); overtaken || pages != nil {
				e.once(fmt.Sprintf("%s, overtaken after list %d", name, after), l, pages...)
			}
		}
		if after < 6 { // each reads what is held, what waits and what is released, twice
			t.Errorf("%s was overtaken %d times", name, after-1)
		}
	}
	e.quiet()
}
