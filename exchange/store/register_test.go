package store_test

import (
	"fmt"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

func TestRegister(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		key := func(partner, caseID, ref string) exchange.SubjectKey {
			return exchange.SubjectKey{CaseKey: exchange.CaseKey{Partner: partner, Case: caseID}, Subject: ref}
		}
		put := func(k exchange.SubjectKey, tokens ...identity.Token) {
			t.Helper()
			must(t, r.db.PutPerson(t.Context(), k, tokens))
		}
		find := func(n int, tokens ...identity.Token) map[exchange.SubjectKey][]identity.Token {
			t.Helper()
			found, err := r.db.Candidates(t.Context(), tokens, n)
			must(t, err)
			return found
		}
		must(t, r.committer.Record(t.Context(), request("KH", "message-1", "case-0001", "one")))
		a, b, c := key("KH", "case-0001", "S-1"), key("KH", "case-0001", "S-2"), key("LA", "case-0002", "S-1")
		put(a, 1, 2, 1<<32-1)
		put(b, 2, 3)
		put(c, 1, 2, 4)
		put(c, 1, 2, 4) // twice is once
		for _, w := range []struct {
			tokens []identity.Token
			want   []exchange.SubjectKey
		}{{[]identity.Token{1}, []exchange.SubjectKey{a, c}}, {[]identity.Token{1<<32 - 1, 3}, []exchange.SubjectKey{a, b}}, {[]identity.Token{9}, nil}, {nil, nil}} {
			found := find(10, w.tokens...)
			for _, k := range w.want {
				if len(found[k]) == 0 {
					t.Errorf("tokens %v find %v, want %v", w.tokens, found, w.want)
				}
			}
			if len(found) != len(w.want) {
				t.Errorf("tokens %v find %v, want %v", w.tokens, found, w.want)
			}
		}
		if found := find(1, 1, 2, 4); len(found) != 1 || fmt.Sprint(found[c]) != "[1 2 4]" {
			t.Errorf("who shares most does not come first: %v", found)
		}
		put(c, 7) // corrected: the earlier tokens are gone
		if found := find(10, 1, 4); len(found) != 1 || len(find(10, 7)) != 1 {
			t.Errorf("after a correction: %v", found)
		}
		must(t, r.db.PutLink(t.Context(), a.CaseKey, "link-one"))
		must(t, r.db.PutLink(t.Context(), exchange.CaseKey{Partner: "KH", Case: "case-police"}, "link-one"))
		must(t, r.db.PutLink(t.Context(), exchange.CaseKey{Partner: "LA", Case: "case-other"}, "link-one"))
		linked, err := r.db.Linked(t.Context(), a.CaseKey)
		must(t, err)
		if len(linked) != 1 || linked[0].Case != "case-police" {
			t.Errorf("linked: %v", linked)
		}
		must(t, r.db.Forget(t.Context(), a.CaseKey))
		if found := find(10, 1, 2, 3, 1<<32-1); len(found) != 0 {
			t.Errorf("an erased person is found: %v", found)
		}
		if linked, err := r.db.Linked(t.Context(), exchange.CaseKey{Partner: "KH", Case: "case-police"}); err != nil || len(linked) != 0 {
			t.Errorf("an erased case is linked: %v %v", linked, err)
		}
	})
}
