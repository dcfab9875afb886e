package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// newRoster is a roster of the rig's own process.
func (r *rig) newRoster() *exchange.Roster { return r.rosterOf(r.committer) }

// besides is the roster of another process on the same store.
func (r *rig) besides() *exchange.Roster { return r.rosterOf(r.newCommitter(openStore(r.t, r.url))) }

func (r *rig) rosterOf(c *exchange.Committer) *exchange.Roster {
	r.t.Helper()
	roster, err := exchange.NewRoster(exchange.RosterConfig{Store: r.db, Sessions: r.db, Reader: r.db, Recorder: c, Opener: r.opener, Clock: time.Now})
	must(r.t, err)
	return roster
}

func (r *rig) entryOf(roster *exchange.Roster, id string) exchange.Officer {
	r.t.Helper()
	all, err := roster.All(r.t.Context())
	must(r.t, err)
	i := slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == id })
	if i < 0 {
		r.t.Fatalf("there is no officer %s", id)
	}
	return all[i]
}

// changesOf is how many changes of an officer the record has.
func (r *rig) changesOf(id string) int {
	r.t.Helper()
	rows, err := r.db.Newest(r.t.Context(), 1<<40, exchange.Filter{Kind: exchange.KindEvent, Type: "officer_changed", ID: id}, 1000)
	must(r.t, err)
	return len(rows)
}

// Of two administrators who decide upon one version of an entry, in one process or in two,
// one is told that it was changed meanwhile, and the record has nothing of theirs.
func TestOneOfTwoChangesAnOfficer(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		here := r.newRoster()
		an := exchange.Officer{ID: "an", Name: "Specimen", Roles: []exchange.Role{exchange.RoleAdministrator}, Status: exchange.OfficerActive}
		bao := an
		bao.ID = "bao"
		for name, there := range map[string]*exchange.Roster{"one": here, "two": r.besides()} {
			lan := exchange.Officer{ID: "lan-" + name, Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Status: exchange.OfficerActive}
			for round := range 8 { // the first adds it
				was := ""
				if round > 0 {
					lan = r.entryOf(here, lan.ID)
					was = lan.Version()
				}
				suspended, renamed := lan, lan
				renamed.Name = fmt.Sprintf("Specimen %d", round)
				suspended.Status, suspended.Partners = exchange.OfficerSuspended, []string{fmt.Sprint(round)} // another version each time
				before := r.changesOf(lan.ID)
				var all sync.WaitGroup
				var errs [2]error
				all.Go(func() { errs[0] = here.Administer(t.Context(), &an, suspended, was) })
				all.Go(func() { errs[1] = there.Administer(t.Context(), &bao, renamed, was) })
				all.Wait()
				kept, lost := renamed, errs[0]
				if errs[0] == nil {
					kept, lost = suspended, errs[1]
				}
				rule := map[bool]string{true: "officer-exists", false: "officer-version"}[round == 0]
				if (errs[0] == nil) == (errs[1] == nil) || exchange.AsProblem(lost).Rule != rule {
					t.Errorf("round %d in %s: %v, %v", round, name, errs[0], errs[1])
				}
				if is := r.entryOf(here, lan.ID); is.Version() != kept.Version() || r.changesOf(lan.ID) != before+1 {
					t.Errorf("round %d in %s: %+v is kept of %+v, and the record has %d changes more", round, name, is, kept, r.changesOf(lan.ID)-before)
				}
			}
		}
		r.check()
	})
}

// Changes that each are made upon the entry as it stands are all there in the end.
func TestNoChangeOfAnOfficerIsLost(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		rosters := []*exchange.Roster{r.newRoster(), r.besides()}
		must(t, rosters[0].Put(t.Context(), "", exchange.Officer{ID: "lan", Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Status: exchange.OfficerActive}))
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := rosters[i%2].Change(t.Context(), "", "lan", func(o *exchange.Officer, known bool) error {
					if !known {
						return errors.New("nobody is there")
					}
					o.Pins = append(o.Pins, fmt.Sprint("sha256/", i))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if lan := r.entryOf(rosters[0], "lan"); len(lan.Pins) != 8 || r.changesOf("lan") != 9 {
			t.Errorf("of eight changes are left %v, and the record has %d", lan.Pins, r.changesOf("lan"))
		}
		if _, err := rosters[0].Officer(t.Context(), "lan"); err != nil {
			t.Errorf("the record and the table say different things: %v", err)
		}
	})
}

// One card is never two officers', also where both are given it at the same moment.
func TestOneCardForOneOfficer(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		rosters := []*exchange.Roster{r.newRoster(), r.besides()}
		for round := range 5 {
			var all sync.WaitGroup
			var errs [2]error
			for i := range errs {
				all.Go(func() {
					errs[i] = rosters[i].Put(t.Context(), "", exchange.Officer{ID: fmt.Sprintf("o%d-%d", round, i), Name: "Specimen", Pins: []string{fmt.Sprint("sha256/", round)}, Roles: []exchange.Role{exchange.RoleOfficer}, Status: exchange.OfficerActive})
				})
			}
			all.Wait()
			if lost := errors.Join(errs[:]...); (errs[0] == nil) == (errs[1] == nil) || exchange.AsProblem(lost).Rule != "officer-shared" {
				t.Errorf("round %d: %v, %v", round, errs[0], errs[1])
			}
		}
	})
}
