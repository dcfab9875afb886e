package main

import (
	"context"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A job is a row in clear. Whoever can write one cannot have the gateway open an
// entry for them and carry it to a partner: only a message of ours goes out, and
// only to whom it names.
func TestAStrayJobCarriesNothing(t *testing.T) {
	p := newPair(t, "")
	came := p.kh.watchConnections()
	question := p.kh.claims("VN")
	p.kh.post(p.vn, p.kh.sign(question))
	ours := p.vn.deliver()
	before := len(came())
	db := p.vn.tables()
	strays := map[string]int64{
		"somebody-elses": p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: question.ID})[0].Index,
		"not-a-message":  p.vn.rows(exchange.Filter{Kind: exchange.KindEvent, ID: ours})[0].Index, // the safeguards beside it
		"another-name":   p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: ours})[0].Index,
	}
	for ref, index := range strays {
		if _, err := db.Exec("INSERT INTO job (queue, kind, ref, idx, first_at, due_at) VALUES ('KH', 'deliver', $1, $2, 0, 0)", ref, index); err != nil {
			t.Fatal(err)
		}
	}
	p.vn.node.courier.Wake("KH")
	for ref := range strays {
		eventually(t, "the stray job "+ref+" is tried", func() bool {
			return strings.Contains(p.vn.log.String(), "jti="+ref)
		})
	}
	p.vn.deliver() // others go on
	if got := came(); len(got) != before+1 {
		t.Errorf("%d requests came for one message", len(got)-before)
	}
	if refused := p.kh.rows(exchange.Filter{Kind: exchange.KindRefusal}); len(refused) > 0 {
		t.Errorf("Cambodia was sent %d things that are no messages", len(refused))
	}
	report, err := p.vn.node.audit(context.Background(), true, nil)
	if err != nil || report.OK() {
		t.Errorf("%+v %v", report, err)
	}
	for ref := range strays {
		if len(p.vn.rows(exchange.Filter{ID: ref})) > 0 {
			t.Errorf("the stray job %s has an entry in the record", ref)
		}
	}
}
