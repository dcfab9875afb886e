package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
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
		if err := p.vn.node.db.Erase(t.Context(), known.CaseKey); err != nil {
			t.Fatal(err)
		}
		if found := find(); len(found) != 0 {
			t.Errorf("an erased person is found: %+v", found)
		}
	})
}
