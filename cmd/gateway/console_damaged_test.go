package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// What somebody has altered in the store is told as that, and where, by every page that
// meets it; the case and the proof show the rest.
func TestConsoleSaysWhatIsDamaged(t *testing.T) {
	s := newScene(t)
	s.indexed()
	db := s.vn.tables()
	lan, tuyet := newVisitor(t, s.address), newVisitor(t, s.address)
	for officer, v := range map[string]*visitor{"lan": lan, "tuyet": tuyet} {
		v.get(s.pages.OpenDoor("/", "lan", "tuyet"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
	}
	asked := s.vn.rows(exchange.Filter{ID: s.asked})[0]
	corrected := s.vn.rows(exchange.Filter{Case: s.fresh, Type: exchange.TypeCorrection})[1]
	sent := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: s.ours, Direction: exchange.Out})[0]
	eventually(t, "ours is delivered", func() bool { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1 })
	receipt := s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})[0]
	lan.post("/messages/KH/in/"+s.asked, url.Values{"all": {"1"}, "reason": {"đối chiếu với sổ hộ tịch"}})
	look := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, ID: s.asked})[0]

	for name, c := range map[string]struct {
		row     exchange.Row
		set     string
		message exchange.Row // whose pages meet it
		opens   bool         // and whose own page does not
	}{
		"a message":           {asked, "data = zeroblob(length(data))", asked, false},
		"its salt":            {asked, "salt = zeroblob(length(salt))", asked, false},
		"its receipt":         {asked, "receipt = x'00'", asked, false},
		"a correction of it":  {corrected, "data = zeroblob(length(data))", asked, false},
		"ours":                {sent, "data = zeroblob(length(data))", sent, false},
		"the receipt of ours": {receipt, "data = zeroblob(length(data))", sent, true},
		"its receipt is gone": {asked, "receipt = NULL", asked, true},
		"a look":              {look, "data = zeroblob(length(data))", exchange.Row{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			rearm := disarm(t, db, store.SQLite)
			alter := func(set string, args ...any) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), "UPDATE entry SET "+set+" WHERE idx = "+fmt.Sprint(c.row.Index), args...); err != nil {
					t.Fatal(err)
				}
			}
			alter(c.set)
			rearm()
			defer func() {
				rearm := disarm(t, db, store.SQLite)
				alter("data = ?, salt = ?, receipt = ?", c.row.Data, c.row.Salt, c.row.Receipt)
				rearm()
			}()
			where := fmt.Sprintf("Mục số %d của nhật ký đang lưu không đúng với điều đã ghi", c.row.Index)
			logged := strings.Count(s.vn.log.String(), fmt.Sprintf("index=%d", c.row.Index))
			p := lan.get("/cases/KH/" + c.row.Case)
			if p.status != http.StatusOK || !strings.Contains(p.body, where) || !strings.Contains(p.body, `id="timeline"`) {
				t.Errorf("the case: %d\n%s", p.status, p.body)
			}
			if now := strings.Count(s.vn.log.String(), fmt.Sprintf("index=%d", c.row.Index)); now != logged+1 {
				t.Errorf("the log tells of it %d times", now-logged)
			}
			if c.message.ID == "" {
				return
			}
			message := "/messages/KH/" + string(c.message.Direction) + "/" + c.message.ID
			if p := lan.get(message); !c.opens && (p.status != http.StatusInternalServerError || !strings.Contains(p.body, where) || strings.Contains(p.body, "Đã có lỗi từ phía hệ thống")) {
				t.Errorf("the message: %d\n%s", p.status, p.body)
			}
			if p := lan.get(message + "/proof"); c.row.Type != exchange.TypeCorrection && (p.status != http.StatusOK || !strings.Contains(p.body, where) || !strings.Contains(p.body, `id="proof-text"`)) {
				t.Errorf("the proof: %d\n%s", p.status, p.body)
			}
			if name != "a message" {
				return
			}
			for kind, scope := range map[string]url.Values{
				export.KindEvidence: {"partner": {"KH"}, "case": {s.fresh}}, export.KindDisclosure: {}, export.KindHTCDS: {"partner": {"KH"}},
			} {
				scope.Set("kind", kind)
				scope.Set("reason", "báo cáo quý bốn")
				tuyet.post("/reports", scope)
			}
			eventually(t, "the reports say why there are none", func() bool { return strings.Count(tuyet.get("/reports").body, where) == 3 })
		})
	}
	s.quiet()
	if p := lan.get("/messages/KH/in/" + s.asked); p.status != http.StatusOK {
		t.Errorf("once it is as it was: %d", p.status)
	}
	s.vn.check()
}

// marks says whether a list says of a case that it was altered.
func marks(body, caseID string) bool {
	for row := range strings.SplitSeq(body, "<tr") {
		if row, _, _ = strings.Cut(row, "</tr>"); strings.Contains(row, caseID) && strings.Contains(row, ">đã bị sửa<") {
			return true
		}
	}
	return false
}

// A row by which lists order and show a case is marked where it says another thing than the
// case's sealed book: whoever can write to the database hides no case that is late.
func TestConsoleAlteredRow(t *testing.T) {
	s := newScene(t)
	db, lan := s.vn.tables(), s.visitedBy("lan")
	for _, set := range []string{"due_at = 9223372036854775807", "due_at = due_at + 86400000", "turn = 'partner'", "state = 'CLOSED'"} {
		was, err := s.vn.node.db.Case(t.Context(), exchange.CaseKey{Partner: "KH", Case: s.overdue})
		if err != nil {
			t.Fatal(err)
		}
		alter := func(set string, args ...any) {
			t.Helper()
			rearm := disarm(t, db, store.SQLite)
			defer rearm()
			if _, err := db.ExecContext(t.Context(), "UPDATE cases SET "+set+" WHERE case_id = '"+s.overdue+"'", args...); err != nil {
				t.Fatal(err)
			}
		}
		altered := "Điều đang lưu về hồ sơ KH " + s.overdue
		if list, page := lan.get("/cases"), lan.get("/cases/KH/"+s.overdue); marks(list.body, s.overdue) || strings.Contains(page.body, altered) {
			t.Errorf("before: %s", page.body)
		}
		alter(set)
		if p := lan.get("/cases"); !marks(p.body, s.overdue) || marks(p.body, s.fresh) {
			t.Errorf("%s: the list has %s", set, p.body)
		}
		if p := lan.get("/cases/KH/" + s.overdue); p.status != 200 || !strings.Contains(p.body, altered) || !strings.Contains(s.vn.log.String(), "case="+s.overdue) {
			t.Errorf("%s: the page of the case: %d %s", set, p.status, p.body)
		}
		alter("due_at = ?, turn = ?, state = ?", was.DueAt.UnixMilli(), string(was.Turn), string(was.State))
	}
	s.vn.check()
}

// One altered book takes neither the lists away from everybody nor the search for a person:
// its own case says what it is.
func TestConsoleOneAlteredBook(t *testing.T) {
	s := newScene(t)
	third := s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	s.indexed()
	db := s.vn.tables()
	lan, tuyet := newVisitor(t, s.address), newVisitor(t, s.address)
	for officer, v := range map[string]*visitor{"lan": lan, "tuyet": tuyet} {
		v.get(s.pages.OpenDoor("/", "lan", "tuyet"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
	}
	search := url.Values{"name": {"Nguyen Thi Mau"}, "reason": {"người thân đến hỏi"}}
	const found, altered = `href="/cases/KH/`, "Có một hồ sơ có thể phù hợp nhưng không xem vào đó được"
	if p := lan.post("/find/person", search); p.status != 200 || !strings.Contains(p.body, found+s.fresh) || !strings.Contains(p.body, found+s.overdue) || strings.Contains(p.body, altered) {
		t.Fatalf("before: %d %s", p.status, p.body)
	}
	rearm := disarm(t, db, store.SQLite)
	if _, err := db.ExecContext(t.Context(), "UPDATE cases SET book = zeroblob(length(book)) WHERE case_id = ?", s.fresh); err != nil {
		t.Fatal(err)
	}
	rearm()
	for _, path := range []string{"/", "/cases", "/messages"} {
		if p := lan.get(path); p.status != 200 || !marks(p.body, s.fresh) || marks(p.body, s.overdue) {
			t.Errorf("%s: %d\n%s", path, p.status, p.body)
		}
	}
	if p := lan.post("/find/person", search); p.status != 200 || strings.Contains(p.body, found+s.fresh) || !strings.Contains(p.body, found+s.overdue) || !strings.Contains(p.body, altered) {
		t.Errorf("a search: %d %s", p.status, p.body)
	}
	compared := "/compare/KH/" + s.overdue + "/S-1/with/KH/" + third + "/S-1"
	if p := lan.get("/cases/KH/" + s.overdue); p.status != 200 || !strings.Contains(p.body, compared) || !strings.Contains(p.body, altered) {
		t.Errorf("the page of a case that is as it was: %d %s", p.status, p.body)
	}
	if p := lan.get(compared); p.status != 200 {
		t.Errorf("two that are as they were, side by side: %d", p.status)
	}
	where := "Điều đang lưu về hồ sơ KH " + s.fresh + " không đúng với điều đã ghi"
	if p := lan.get("/cases/KH/" + s.fresh); p.status != 500 || !strings.Contains(p.body, where) || !strings.Contains(p.body, "gateway check") {
		t.Errorf("the page of its case: %d", p.status)
	}
	message := "/messages/KH/in/" + s.asked
	if p := lan.get(message); p.status != 500 || !strings.Contains(p.body, where) || !strings.Contains(p.body, `href="`+message+`/proof"`) {
		t.Errorf("the page of its message: %d %s", p.status, p.body)
	}
	tuyet.post("/reports", url.Values{"kind": {export.KindStatistics}, "reason": {"báo cáo quý bốn"}})
	eventually(t, "the report says which case is why there is none", func() bool { return strings.Contains(tuyet.get("/reports").body, where) })
	if log := s.vn.log.String(); !regexp.MustCompile(`a report could not be made.* report=\S+ officer=tuyet .*` + s.fresh).MatchString(log) {
		t.Errorf("the log does not say whose report could not be made, and for which case:\n%s", log)
	}
}

// The proof of a message needs no book. When that of its case was altered nobody can say
// which kind of case it is, so the proof is shown to those whose case it is by the record and
// who may see any kind.
func TestConsoleProofBesideAnAlteredBook(t *testing.T) {
	s := newScene(t)
	db, lan := s.vn.tables(), s.visitedBy("lan")
	key, proof := exchange.CaseKey{Partner: "KH", Case: s.fresh}, "/messages/KH/in/"+s.asked+"/proof"
	book := func(set string, args ...any) {
		t.Helper()
		rearm := disarm(t, db, store.SQLite)
		defer rearm()
		if _, err := db.ExecContext(t.Context(), "UPDATE cases SET book = "+set+" WHERE case_id = '"+s.fresh+"'", args...); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*exchange.Officer)
		has    []string // the case; nil: every officer of the partner
		shown  bool
	}{
		{"it is everybody's", func(*exchange.Officer) {}, nil, true},
		{"no police information", func(o *exchange.Officer) { o.Police = false }, nil, false},
		{"another partner", func(o *exchange.Officer) { o.Partners = []string{"LA"} }, nil, false},
		{"it is another officer's", func(*exchange.Officer) {}, []string{"minh"}, false},
		{"it is theirs", func(*exchange.Officer) {}, []string{"lan"}, true},
	} {
		if c.has != nil {
			if err := s.vn.node.files.Assign(t.Context(), &officerMinh, key, c.has, "đổi người xử lý"); err != nil {
				t.Fatal(err)
			}
		}
		by := officerLan
		c.change(&by)
		if err := s.vn.node.roster.Put(t.Context(), "", by); err != nil {
			t.Fatal(err)
		}
		row, err := s.vn.node.db.Case(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		book("zeroblob(length(book))")
		if p := lan.get(proof); (p.status == 200) != c.shown || strings.Contains(p.body, `id="proof-text"`) != c.shown {
			t.Errorf("%s: %d %s", c.name, p.status, p.body)
		}
		book("?", row.Book)
	}
	s.vn.check()
}
