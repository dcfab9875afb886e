package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A life is one case between Cambodia, the host, and Viet Nam, the origin.
type life struct {
	*pair
	t  *testing.T
	id string
}

func (p *pair) life(t *testing.T) *life { return &life{p, t, exchange.NewID()} }

// purposes are those of the template agreement.
var purposes = map[string]string{
	exchange.TypeNotice: "protection", exchange.TypeIdentityRequest: "identity_verification",
	exchange.TypeReturnRequest: "repatriation", exchange.TypeHandoverNotice: "repatriation", exchange.TypeHandoverRecord: "repatriation",
	exchange.TypeInformationRequest: "police_cooperation", exchange.TypeCorrection: "data_protection", exchange.TypeWithdrawal: "data_protection",
}

// says makes the claims of a message from Cambodia.
func (l *life) says(messageType, body string, change ...func(*exchange.Claims)) exchange.Claims {
	c := l.kh.claims("VN")
	c.Type, c.Case, c.Purpose, c.Body = messageType, l.id, purposes[messageType], json.RawMessage(body)
	for _, f := range change {
		f(&c)
	}
	return c
}

// told sends a message from Cambodia that must be taken, and returns its jti.
func (l *life) told(messageType, body string, change ...func(*exchange.Claims)) string {
	l.t.Helper()
	c := l.says(messageType, body, change...)
	if r := l.kh.post(l.vn, l.kh.sign(c)); r.status != 202 {
		l.t.Fatalf("%s: %d %s", messageType, r.status, r.body)
	}
	return c.ID
}

// refused sends a message from Cambodia that must be refused.
func (l *life) refused(slug, rule, pointer, messageType, body string, change ...func(*exchange.Claims)) {
	l.t.Helper()
	before := l.state()
	if s, r, p := l.kh.post(l.vn, l.kh.sign(l.says(messageType, body, change...))).problem(); s != slug || r != rule || p != pointer {
		l.t.Errorf("%s: %s %s at %s, want %s %s at %s", messageType, s, r, p, slug, rule, pointer)
	}
	if after := l.state(); after != before {
		l.t.Errorf("a refused message moved the case from %s to %s", before, after)
	}
}

// answers sends a message from Viet Nam, and returns its jti.
func (l *life) answers(messageType, body, inReplyTo string) exchange.Sent {
	l.t.Helper()
	sent, err := l.vn.node.outbox.Submit(l.t.Context(), exchange.Draft{To: "KH", Type: messageType, Case: l.id, InReplyTo: inReplyTo, Body: json.RawMessage(body)}, consented)
	if err != nil {
		l.t.Fatal(err)
	}
	return sent
}

func (l *life) state() exchange.State {
	l.t.Helper()
	row, err := l.vn.node.db.Case(l.t.Context(), exchange.CaseKey{Partner: "KH", Case: l.id})
	if err != nil {
		return exchange.StateNone
	}
	return row.State
}

const (
	person  = `{"subject_ref":"S-1","name":{"native":"Nguyễn Thị Mẫu","script":"Latn","latin":"Nguyen Thi Mau"},"sex":"female","date_of_birth":"1998","claimed_birthplace":{"country":"VN","text_as_given":"Tiền Giang"},"claimed_citizenship":"VN"%s}`
	request = `{"subjects":[` + person + `]}`
)

// asked is a verification request about one person; more goes into the subject.
func asked(more string) string { return fmt.Sprintf(request, more) }

// The agreement decides what may be said, by its terms for a type, a person and
// an agency; what it refuses is recorded and moves nothing.
func TestAgreementTerms(t *testing.T) {
	p := newPair(t, "")
	l := p.life(t)
	notice := func(anonymous, band string) string {
		return `{` + anonymous + `"subjects":[{"subject_ref":"S-1","sex":"female","age_band":"` + band + `","claimed_citizenship":"VN","identified_on":"2026-11-02","trafficking_status":"PossibleVictimOfTrafficking","decision_making_organisation":"` + firstCode(t, "htcds-decision-making-organisations") + `","needs":{"medical":true}}]}`
	}
	l.refused("field-refused", "anonymous-forbidden", "/body/anonymous", exchange.TypeNotice, notice(`"anonymous":true,`, "25_39"))
	l.refused("agreement-refused", "approval-not-permitted", "/approval", exchange.TypeNotice, notice("", "25_39"), func(c *exchange.Claims) { c.Approval = "SPECIMEN" })
	l.refused("agreement-refused", "recipient-not-permitted", "/recipient", exchange.TypeNotice, notice("", "25_39"), func(c *exchange.Claims) { c.Recipient = "VN-NOBODY" })
	l.refused("field-refused", "field-forbidden", "/body/subjects/0/photo", exchange.TypeIdentityRequest, asked(`,"photo":{"media_type":"image/png","content":"AAAA"}`))
	l.refused("agreement-refused", "purpose-not-permitted", "/purpose", exchange.TypeNotice, notice("", "25_39"), func(c *exchange.Claims) { c.Purpose = "support" })

	police := p.life(t)
	question := string(schemas.Example(exchange.TypeInformationRequest))
	police.refused("agreement-refused", "recipient-required", "/recipient", exchange.TypeInformationRequest, question)
	police.refused("agreement-refused", "recipient-not-permitted", "/recipient", exchange.TypeInformationRequest, question, func(c *exchange.Claims) { c.Recipient = "VN-CONSULAR" })
	police.told(exchange.TypeInformationRequest, question, func(c *exchange.Claims) { c.Recipient = "VN-MPS" })

	// Whoever mends a message is told at once what its schema and the agreement say.
	var told struct {
		Type   string
		Errors []exchange.FieldError
	}
	r := p.kh.post(p.vn, p.kh.sign(police.says(exchange.TypeInformationRequest, `{}`)))
	if err := json.Unmarshal(r.body, &told); err != nil || told.Type != exchange.ProblemTypePrefix+exchange.ProblemSchema.Slug || len(told.Errors) < 2 || told.Errors[len(told.Errors)-1].Rule != "recipient-required" {
		t.Errorf("of all that is wrong it is told %s (%v)", r.body, err)
	}

	// A notice has said that the person is a child; what comes later cannot
	// take the protection away by being silent.
	l.told(exchange.TypeNotice, notice("", "16_17"))
	l.told(exchange.TypeIdentityRequest, asked(""))
	confirmed := l.answers(exchange.TypeNationality, `{"subjects":[{"subject_ref":"S-1","outcome":"confirmed","evidence_types":["`+firstCode(t, "nationality-evidence")+`"],"decided_on":"2026-11-20"}]}`, "")
	eventually(t, "Cambodia, which knows no such case, has answered it", func() bool {
		backlog, err := p.vn.node.db.Backlog(t.Context())
		return err == nil && backlog["KH"].Due == 0
	})
	back := `{"nationality_confirmation":"` + confirmed.ID + `","subjects":[{"subject_ref":"S-1","minor":false,"voluntariness":{"declared":true,"declared_on":"2026-11-20"},"needs":{}}],"window":{"from":"2026-12-07","to":"2026-12-11"},"gate":"moc-bai","mode":"road"}`
	l.refused("field-refused", "field-required", "/body/subjects/0/guardian", exchange.TypeReturnRequest, back)

	refusals := p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, Direction: exchange.In})
	if len(refusals) != 9 {
		t.Errorf("%d refusals are in the record, want 9", len(refusals))
	}
	p.vn.check()
}

// firstCode returns a code of a list.
func firstCode(t *testing.T, name string) string {
	t.Helper()
	list, ok := schemas.List(name)
	if !ok {
		t.Fatalf("there is no code list %s", name)
	}
	for code := range list.Codes() {
		return code.Code
	}
	t.Fatalf("the code list %s is empty", name)
	return ""
}

// Corrections are judged by what they make of their target, and shown as a diff.
func TestCorrections(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		l := p.life(t)
		target := l.told(exchange.TypeIdentityRequest, asked(""))
		correct := func(revision int, changes string) string {
			return fmt.Sprintf(`{"target":"%s","revision":%d,"reason":"clerical_error","changes":[%s]}`, target, revision, changes)
		}
		cor := exchange.TypeCorrection
		l.refused("correction-refused", "correction-pointer", "/body/changes/0/pointer", cor, correct(1, `{"op":"replace","pointer":"/subjects/1/sex","value":"male"}`))
		l.refused("correction-refused", "enum", "/body/changes", cor, correct(1, `{"op":"replace","pointer":"/subjects/0/sex","value":"F"}`))
		l.refused("correction-refused", "field-forbidden", "/body/changes", cor, correct(1, `{"op":"add","pointer":"/subjects/0/photo","value":{"media_type":"image/png","content":"AAAA"}}`))
		l.refused("correction-refused", "correction-matter", "/body/changes", cor, correct(1, `{"op":"replace","pointer":"/subjects/0","value":`+strings.Replace(fmt.Sprintf(person, ""), "S-1", "S-2", 1)+`}`))
		l.refused("case-order", "revision-missing", "/body/revision", cor, correct(2, `{"op":"replace","pointer":"/subjects/0/sex","value":"male"}`))
		l.told(cor, correct(1, `{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"1997-05"}`))
		l.told(cor, correct(2, `{"op":"add","pointer":"/subjects/0/cccd","value":"082197000000"},{"op":"remove","pointer":"/subjects/0/name/latin"},{"op":"add","pointer":"/subjects/0/name/latin","value":"Nguyen Mau"}`))

		key := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: target}
		if _, err := p.vn.node.files.Message(t.Context(), everyone, key, "no"); exchange.AsProblem(err).Rule != "reason-required" {
			t.Errorf("without a reason: %v", err)
		}
		versions, err := p.vn.node.files.Message(t.Context(), everyone, key, "to answer the request")
		if err != nil || len(versions) != 3 {
			t.Fatalf("%d versions, %v", len(versions), err)
		}
		last, _ := json.Marshal(versions[2].Body)
		if !strings.Contains(string(last), `"1997-05"`) || !strings.Contains(string(last), "Nguyen Mau") || versions[2].Revision != 2 || versions[1].Changes[0].Pointer != "/subjects/0/date_of_birth" {
			t.Errorf("%s %+v", last, versions)
		}
		accesses := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Case: l.id})
		if len(accesses) != 1 || accesses[0].Type != "message_read" || accesses[0].ID != target {
			t.Errorf("the accesses are %+v", accesses)
		}
		p.vn.check()
	})
}

// What we may not say ourselves is refused before it is signed, and recorded.
func TestOutboxRefusesWhatThePartnerWould(t *testing.T) {
	p := newPair(t, "")
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	for _, c := range []struct{ messageType, body, slug, rule string }{
		{exchange.TypeTravelDocument, string(schemas.Example(exchange.TypeTravelDocument)), "case-state", "return-not-agreed"},
		{exchange.TypeSupport, string(schemas.Example(exchange.TypeSupport)), "agreement-refused", "agreement-ambiguous"},
		{exchange.TypeIdentityResponse, `{"subjects":[]}`, "schema-violation", "minItems"},
		{exchange.TypeErasureNotice, `{"scope":"case","basis":"consent_withdrawn"}`, "held", "officers-required"},
	} {
		before := len(p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, Direction: exchange.Out}))
		_, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: c.messageType, Case: l.id, Body: json.RawMessage(c.body)})
		if problem := exchange.AsProblem(err); problem.Kind.Slug != c.slug || problem.Rule != c.rule {
			t.Errorf("%s: %v, want %s %s", c.messageType, err, c.slug, c.rule)
		}
		if after := len(p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, Direction: exchange.Out})); after != before+1 && c.slug != "held" {
			t.Errorf("%s: the attempt is not in the record", c.messageType)
		}
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out}); len(rows) != 0 {
		t.Errorf("%d messages left", len(rows))
	}
}
