package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// A person who was asked about before is found in the other case, although the
// name is written otherwise and the date is partial; nobody is opened for it,
// and whoever is erased is found no more.
func TestProbableDuplicates(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		first, second, stranger := p.life(t), p.life(t), p.life(t)
		first.told(exchange.TypeIdentityRequest, asked(""))
		second.told(exchange.TypeIdentityRequest, `{"subjects":[`+strings.NewReplacer(`"Nguyễn Thị Mẫu"`, `"Mẫu Nguyễn Thị"`, `"Nguyen Thi Mau"`, `"Mau Nguyen Thi"`, `"1998"`, `"1998-05~"`, `S-1`, `P-9`).Replace(fmt.Sprintf(person, ""))+`]}`)
		stranger.told(exchange.TypeIdentityRequest, `{"subjects":[`+strings.NewReplacer(`"Nguyễn Thị Mẫu"`, `"Phạm Quốc Thử"`, `"Nguyen Thi Mau"`, `"Pham Quoc Thu"`, `"1998"`, `"1971"`).Replace(fmt.Sprintf(person, ""))+`]}`)
		asking := exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: "KH", Case: second.id}, Subject: "P-9"}
		known := exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: "KH", Case: first.id}, Subject: "S-1"}
		find := func() []exchange.Candidate {
			t.Helper()
			found, err := p.vn.node.register.Duplicates(t.Context(), everyone, asking)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		var found []exchange.Candidate
		for end := time.Now().Add(10 * time.Second); len(found) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			p.vn.node.registrant.Wake()
			found = find()
		}
		if len(found) != 1 || found[0].SubjectKey != known || found[0].Score == 0 {
			t.Fatalf("found %+v", found)
		}
		if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(rows) != 0 {
			t.Errorf("%d accesses for a look that shows nobody", len(rows))
		}
		for _, nobody := range []exchange.SubjectKey{{CaseKey: known.CaseKey, Subject: "S-99"}, {CaseKey: asking.CaseKey, Subject: ""}} {
			if _, err := p.vn.node.register.Compare(t.Context(), everyone, asking, nobody, "they may be one person"); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
				t.Errorf("%q is compared: %v", nobody.Subject, err)
			}
		}
		if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(rows) != 0 {
			t.Errorf("%d accesses to nobody", len(rows))
		}
		report, err := p.vn.node.register.Compare(t.Context(), everyone, asking, known, "they may be one person")
		if err != nil || len(report.Findings) == 0 {
			t.Errorf("%+v %v", report, err)
		}
		if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(rows) != 2 || rows[0].Type != "person_read" {
			t.Errorf("comparing two persons is %d accesses", len(rows))
		}
		elsewhere := &exchange.Officer{ID: "elsewhere", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"LA"}}
		if _, err := p.vn.node.register.Duplicates(t.Context(), elsewhere, asking); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("an officer for Laos looks into a case of Cambodia: %v", err)
		}
		if err := p.vn.erase(t.Context(), known.CaseKey); err != nil {
			t.Fatal(err)
		}
		if found := find(); len(found) != 0 {
			t.Errorf("an erased person is found: %+v", found)
		}
	})
}

// An officer finds a person by what they know of them: written otherwise, with a
// partial date, or by a number. The search is in the record, what was typed is
// not, and nobody finds what they may not see.
func TestPersonSearch(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		known, stranger := p.life(t), p.life(t)
		known.told(exchange.TypeIdentityRequest, asked(`,"cccd":"082198000000"`))
		stranger.told(exchange.TypeIdentityRequest, `{"subjects":[`+strings.NewReplacer(`"Nguyễn Thị Mẫu"`, `"Phạm Quốc Thử"`, `"Nguyen Thi Mau"`, `"Pham Quoc Thu"`, `"1998"`, `"1971"`).Replace(fmt.Sprintf(person, ""))+`]}`)
		lan := &exchange.Officer{ID: "lan", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerActive}
		search := func(by *exchange.Officer, d exchange.Description) ([]exchange.Candidate, error) {
			return p.vn.node.register.Search(t.Context(), by, d, "a relative asks at the office")
		}
		byName := exchange.Description{Name: "mau nguyen thi", Birth: "1998-05"}
		var found []exchange.Candidate
		for end := time.Now().Add(10 * time.Second); len(found) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			p.vn.node.registrant.Wake()
			var err error
			if found, err = search(lan, byName); err != nil {
				t.Fatal(err)
			}
		}
		if len(found) != 1 || found[0].Case != known.id || found[0].Row.State != exchange.StateOpened || fmt.Sprint(found[0].Why) != "[index.letters_years]" {
			t.Fatalf("by name: %v, %s, %v", found, found[0].Row.State, found[0].Why)
		}
		// The second field counts whatever letters the first is in.
		if found, err := search(lan, exchange.Description{Name: "Lê Dụ", Latin: "NGUYEN THI MAU"}); err != nil || len(found) != 1 || found[0].Case != known.id {
			t.Errorf("by the Latin form beside a name in Latin letters: %+v %v", found, err)
		}
		for _, zone := range []exchange.Description{{Name: "P<VNMNGUYEN<<THI<MAU<<<<"}, {Name: "Lê Dụ", Latin: "NGUYEN<<THI<MAU"}} {
			if found, err := search(lan, zone); err != nil || len(found) != 1 || found[0].Case != known.id {
				t.Errorf("by the machine-readable zone: %+v %v", found, err)
			}
		}
		for _, number := range []string{"0821 9800 0000", "082.198.000.000", "82198000000"} {
			if found, err := search(lan, exchange.Description{Number: number}); err != nil || len(found) != 1 || fmt.Sprint(found[0].Why) != "[index.cccd]" {
				t.Errorf("by number: %+v %v", found, err)
			}
		}
		accesses := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
		last := accesses[len(accesses)-1]
		opened, err := p.vn.node.opener.Open(t.Context(), last)
		if err != nil || last.Type != "person_search" || string(opened.Data) != `{"officer":"lan","reason":"a relative asks at the office","what":"person","fields":["number"]}` {
			t.Errorf("%s %s %v", last.Type, opened.Data, err)
		}
		n := len(accesses)
		for name, w := range map[string]struct {
			by     exchange.Officer
			d      exchange.Description
			reason string
			rule   string
		}{
			"no reason":      {*lan, byName, "so", "reason-required"},
			"nothing":        {*lan, exchange.Description{Birth: "1998"}, "a relative asks", "person-empty"},
			"another script": {*lan, exchange.Description{Name: "ចាន់ធី"}, "a relative asks", "person-empty"},
			"too much":       {*lan, exchange.Description{Name: strings.Repeat("a", 300)}, "a relative asks", "person-long"},
			"an auditor":     {exchange.Officer{ID: "an", Roles: []exchange.Role{exchange.RoleAuditor}, Partners: lan.Partners}, byName, "a relative asks", ""},
		} {
			_, err := p.vn.node.register.Search(t.Context(), &w.by, w.d, w.reason)
			if problem := exchange.AsProblem(err); err == nil || problem.Rule != w.rule || w.rule == "" && problem.Kind != exchange.ProblemForbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
		if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(rows) != n {
			t.Errorf("%d searches that were refused are in the record", len(rows)-n)
		}
		elsewhere := &exchange.Officer{ID: "elsewhere", Roles: lan.Roles, Partners: []string{"LA"}}
		if found, err := search(elsewhere, byName); err != nil || len(found) != 0 {
			t.Errorf("an officer for Laos finds %+v, %v", found, err)
		}
	})
}

// Whoever alters one case keeps nobody else out of the index: it goes on, and tells.
func TestIndexGoesOnPastWhatWasAltered(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		altered, other := p.life(t), p.life(t)
		altered.told(exchange.TypeIdentityRequest, asked(""))
		other.told(exchange.TypeIdentityRequest, asked(""))
		kind := store.PostgreSQL
		if p.vn.store == "gateway.db" {
			kind = store.SQLite
		}
		p.vn.halt()
		db := p.vn.tables()
		rearm := disarm(t, db, kind)
		for _, stmt := range []string{ // the index is to be made anew
			"UPDATE cases SET book = substr(book, 2) WHERE case_id = '" + altered.id + "'", "DELETE FROM person_token", "DELETE FROM person", "DELETE FROM follower WHERE name LIKE 'register/%'",
		} {
			if _, err := db.ExecContext(t.Context(), stmt); err != nil {
				t.Fatalf("%s: %v", stmt, err)
			}
		}
		rearm()
		p.vn.start()
		eventually(t, "whoever came later is found", func() bool {
			found, err := p.vn.node.register.Search(t.Context(), everyone, exchange.Description{Name: "Nguyen Thi Mau"}, "a relative asks at the office")
			return err == nil && len(found) == 1 && found[0].Case == other.id
		})
		if !strings.Contains(p.vn.log.String(), "case="+altered.id) {
			t.Errorf("nothing is told of it:\n%s", p.vn.log)
		}
	})
}
