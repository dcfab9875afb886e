package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/console"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The invented officers of the scene.
var (
	officerLan  = exchange.Officer{ID: "lan", Name: "Trần Thị Lan (hư cấu)", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}
	officerMinh = exchange.Officer{ID: "minh", Name: "Lê Văn Minh (hư cấu)", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerActive}
	officerAn   = exchange.Officer{ID: "an", Name: "Phạm An (hư cấu)", Roles: []exchange.Role{exchange.RoleAuditor}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
)

// A scene is a Viet Nam gateway with cases that an officer finds in the
// morning: one that presses, one that is late, drafts that wait.
type scene struct {
	*pair
	t       *testing.T
	pages   *console.Console
	address string // of the console
	link    string // the one-time link of its door

	overdue, fresh, ours string // cases
	asked                string // the message with a hostile name and corrections
	waiting, held        string // drafts

	back *atomic.Int64 // how far its clock is behind
}

// secrets are what must never stand in an address, a title or a log.
var secrets = []string{"Nguyễn", "Nguyen Thi", "Mẫu", "Tiền Giang", "082197000000", "1997-05", "Chanthy"}

// hasWord says whether a text has a word that is no part of another one: a year, and not
// the digits of an identifier.
func hasWord(text, word string) bool {
	return regexp.MustCompile(`\b` + word + `\b`).MatchString(text)
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneOn(t, "")
}

// newSceneOn is a scene on a store of its own; "" is SQLite.
func newSceneOn(t *testing.T, storeURL string) *scene {
	t.Helper()
	s := &scene{pair: newPair(t, storeURL), t: t}
	var back atomic.Int64
	s.back = &back
	s.vn.halt()
	s.vn.now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
	back.Store(int64(17 * 24 * time.Hour))
	s.vn.start()
	for _, o := range []exchange.Officer{officerLan, officerMinh, officerAn, officerTuyet} {
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	s.overdue = s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	back.Store(int64(13 * 24 * time.Hour))
	s.fresh = s.receives(exchange.TypeIdentityRequest, asked(`,"other_names":[{"native":"Mau \u202egpj.exe","latin":"Mau","script":"Latn"}]`), func(c exchange.Claims) { s.asked = c.ID })
	correction := func(revision int, changes string) string {
		return fmt.Sprintf(`{"target":"%s","revision":%d,"reason":"clerical_error","changes":[%s]}`, s.asked, revision, changes)
	}
	s.receivesIn(s.fresh, exchange.TypeCorrection, correction(1, `{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"1997-05"},{"op":"replace","pointer":"/subjects/0/sex","value":"unknown"}`))
	s.receivesIn(s.fresh, exchange.TypeCorrection, correction(2, `{"op":"add","pointer":"/subjects/0/cccd","value":"082197000000"}`))
	back.Store(0)
	s.drafts()
	s.serve()
	return s
}

// receives takes a message of a new case from Cambodia.
func (s *scene) receives(messageType, body string, told func(exchange.Claims)) string {
	s.t.Helper()
	id := exchange.NewID()
	claims := s.receivesIn(id, messageType, body)
	if told != nil {
		told(claims)
	}
	return id
}

func (s *scene) receivesIn(caseID, messageType, body string) exchange.Claims {
	s.t.Helper()
	c := s.kh.claims("VN")
	now := s.vn.now()
	c.IssuedAt, c.Expires, c.Case, c.Type, c.Purpose, c.Body = now.Unix(), now.Add(time.Hour).Unix(), caseID, messageType, purposes[messageType], json.RawMessage(body)
	if messageType == exchange.TypeNationality {
		c.Purpose = "identity_verification"
	}
	if r := s.kh.post(s.vn, s.kh.sign(c)); r.status != 202 {
		s.t.Fatalf("%s: %d %s", messageType, r.status, r.body)
	}
	return c
}

// drafts leaves a return that two officers have to release, of a child, and a
// request that is held for want of consent.
func (s *scene) drafts() {
	s.t.Helper()
	ctx, desk := s.t.Context(), s.vn.node.desk
	sent, err := s.vn.node.outbox.Submit(ctx, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(
		`{"subjects":[{"subject_ref":"S-9","name":{"native":"ចាន់ធី","script":"Khmr","language":"km","latin":"Chanthy"},"sex":"female","date_of_birth":"2011","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)},
		consented, exchange.Safeguard{Kind: "guardian_for_minor", On: "2026-11-02"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.ours = sent.Case
	confirmed := s.receivesIn(s.ours, exchange.TypeNationality, `{"subjects":[{"subject_ref":"S-9","outcome":"confirmed","evidence_types":["`+firstCode(s.t, "nationality-evidence")+`"],"decided_on":"2026-11-20"}]}`)
	view, err := desk.Submit(ctx, &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeReturnRequest, Case: s.ours, Body: json.RawMessage(
		`{"nationality_confirmation":"` + confirmed.ID + `","subjects":[{"subject_ref":"S-9","minor":true,"guardian":{"kind":"appointed_representative","agreed_on":"2026-11-19"},"voluntariness":{"declared":true,"declared_on":"2026-11-20","interpreted":true},"non_refoulement":{"checked":true,"checked_on":"2026-11-20","outcome":"no_risk_found"},"needs":{"medical":true,"child_care":true}}],"window":{"from":"2026-12-07","to":"2026-12-11"},"gate":"moc-bai","mode":"road"}`)},
		[]exchange.Safeguard{consented})
	if err != nil {
		s.t.Fatal(err)
	}
	s.waiting = view.Row.ID
	view, err = desk.Submit(ctx, &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.held = view.Row.ID
}

// serve runs the console as serve does, with the door of a demonstration.
func (s *scene) serve() {
	s.t.Helper()
	pages, err := s.vn.node.newConsole(ConsoleConfig{Zone: "Asia/Ho_Chi_Minh", Chromium: "chromium"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.pages, s.link = pages, pages.OpenDoor("/", "lan", "minh", "an", "tuyet")
	s.address = s.listen(ConsoleConfig{}, pages)
}

func (s *scene) listen(cfg ConsoleConfig, pages *console.Console) string {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.serveOn(listener, cfg, pages)
	return "https://" + listener.Addr().String()
}

// serveOn serves until the test ends.
func (s *scene) serveOn(listener net.Listener, cfg ConsoleConfig, pages *console.Console) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.vn.node.runConsole(ctx, listener, cfg, pages) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

// quiet fails when the log holds anything personal.
func (s *scene) quiet() {
	s.t.Helper()
	for _, secret := range secrets {
		if strings.Contains(s.vn.log.String(), secret) {
			s.t.Errorf("the log holds %q", secret)
		}
	}
}
