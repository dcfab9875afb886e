package certs

import (
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"
)

func TestRevokedByList(t *testing.T) {
	c := newClock()
	kh := newCountry(t, c, "KH")
	l := kh.leaf(t, "kh", 0)
	kh.publish(t, 24*time.Hour)
	crls := kh.lists(t, 0)
	trust := kh.trust(t, func(cfg *TrustConfig) { cfg.CRLs = crls }, l)
	wantRule(t, trust.Verify(state13(l.Certificate), asClient), "")
	wantRule(t, trust.Recheck(l.Certificate), "")

	must(t, kh.Revoke(l.SerialNumber))
	kh.publish(t, 24*time.Hour)
	// An open connection notices within recheckEvery, a handshake at once.
	wantRule(t, trust.Recheck(l.Certificate), "")
	c.Advance(recheckEvery)
	wantRule(t, trust.Recheck(l.Certificate), RuleRevoked)
	wantRule(t, trust.Verify(state13(l.Certificate), asClient), RuleRevoked)
	if s := trust.CRLState(); s.Status != CRLFresh || s.Files[0].Number != "2" || s.Files[0].Revoked != 1 || s.Files[0].Problem != "" {
		t.Errorf("state %+v", s)
	}
}

func TestHandshakeSeesANewListAtOnce(t *testing.T) {
	c := newClock()
	kh := newCountry(t, c, "KH")
	l := kh.leaf(t, "kh", 0)
	kh.publish(t, 24*time.Hour)
	trust := kh.trust(t, func(cfg *TrustConfig) { cfg.CRLs = kh.lists(t, 0) }, l)
	wantRule(t, trust.Verify(state13(l.Certificate), asClient), "")
	must(t, kh.Revoke(l.SerialNumber))
	kh.publish(t, 24*time.Hour)
	wantRule(t, trust.Verify(state13(l.Certificate), asClient), RuleRevoked)
}

// TestStaleList walks one list through every state of promise P8.
func TestStaleList(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	la.publish(t, time.Hour)
	due := c.Now().Add(time.Hour)
	trust := la.trust(t, func(cfg *TrustConfig) { cfg.CRLs = la.lists(t, 2*time.Hour) }, l)
	for _, step := range []struct {
		after  time.Duration
		status string
		rule   Rule
	}{
		{0, CRLFresh, ""},
		{time.Hour, CRLFresh, ""},
		{time.Second, CRLStale, ""},
		{2*time.Hour - time.Second, CRLStale, ""},
		{time.Second, CRLExpired, RuleCRLStale},
		{10 * time.Hour, CRLExpired, RuleCRLStale},
	} {
		c.Advance(step.after)
		wantRule(t, trust.Verify(state13(l.Certificate), asClient), step.rule)
		wantRule(t, trust.Recheck(l.Certificate), step.rule)
		s := trust.CRLState()
		if s.Status != step.status || s.Files[0].Status != step.status {
			t.Fatalf("after %v: state %+v, want %s", step.after, s, step.status)
		}
		if s.Status == CRLFresh {
			if !s.Since.IsZero() {
				t.Errorf("fresh since %v", s.Since)
			}
		} else if !s.Since.Equal(due) || !s.Until.Equal(due.Add(2*time.Hour)) {
			t.Errorf("stale since %v until %v", s.Since, s.Until)
		}
	}
	la.publish(t, time.Hour) // a renewal ends it without a restart
	c.Advance(recheckEvery)
	wantRule(t, trust.Recheck(l.Certificate), "")
	if s := trust.CRLState(); s.Status != CRLFresh {
		t.Errorf("state %+v", s)
	}
}

// TestStaleListStillRevokes: staleness never forgives.
func TestStaleListStillRevokes(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	must(t, la.Revoke(l.SerialNumber))
	la.publish(t, time.Hour)
	trust := la.trust(t, func(cfg *TrustConfig) { cfg.CRLs = la.lists(t, time.Hour) }, l)
	for range 4 {
		wantRule(t, trust.Verify(state13(l.Certificate), asClient), RuleRevoked)
		c.Advance(50 * time.Minute)
	}
}

func TestListsThatCannotBeLoaded(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	anchors := []*x509.Certificate{la.Certificate()}
	load := func(change func(*CRLConfig)) error {
		cfg := CRLConfig{Files: []string{la.crlFile()}, Anchors: anchors, Now: c.Now}
		if change != nil {
			change(&cfg)
		}
		_, err := NewCRLs(cfg)
		return err
	}
	if err := load(nil); err == nil || !strings.Contains(err.Error(), la.crlFile()) || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("missing: %v", err)
	}
	writeRaw(t, la.crlFile(), []byte("<html>"), 0o644)
	if load(nil) == nil {
		t.Error("a page was accepted as a list")
	}
	kh.publish(t, time.Hour)
	data, err := os.ReadFile(kh.crlFile())
	must(t, err)
	writeRaw(t, la.crlFile(), data, 0o644)
	if load(nil) == nil {
		t.Error("another country's list was accepted")
	}
	la.publish(t, time.Hour)
	must(t, load(nil))
	for name, change := range map[string]func(*CRLConfig){
		"no files":       func(cfg *CRLConfig) { cfg.Files = nil },
		"no anchors":     func(cfg *CRLConfig) { cfg.Anchors = nil },
		"no clock":       func(cfg *CRLConfig) { cfg.Now = nil },
		"endless grace":  func(cfg *CRLConfig) { cfg.Policy.Grace = MaxGrace + 1 },
		"negative grace": func(cfg *CRLConfig) { cfg.Policy.Grace = -1 },
		"twice":          func(cfg *CRLConfig) { cfg.Files = append(cfg.Files, cfg.Files[0]) },
		"from the future": func(cfg *CRLConfig) {
			cfg.Now = func() time.Time { return c.Now().Add(-time.Hour) }
		},
	} {
		if load(change) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// Too old at start: loaded and visible, so that only this partner stops.
	c.Advance(MaxGrace + 2*time.Hour)
	must(t, load(nil))
}

// TestForgedList: the name of the issuer is right and the signature is not.
func TestForgedList(t *testing.T) {
	c := newClock()
	real, forger := newCountry(t, c, "LA"), newCountry(t, c, "LA")
	forger.publish(t, time.Hour)
	data, err := os.ReadFile(forger.crlFile())
	must(t, err)
	writeRaw(t, real.crlFile(), data, 0o644)
	_, err = NewCRLs(CRLConfig{Files: []string{real.crlFile()}, Anchors: []*x509.Certificate{real.Certificate()}, Now: c.Now})
	if err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("got %v", err)
	}
}

// TestBadReloadKeepsTheGoodList: whatever happens to the file, what was revoked
// stays revoked, the problem is visible, and a good list ends it.
func TestBadReloadKeepsTheGoodList(t *testing.T) {
	c := newClock()
	kh := newCountry(t, c, "KH")
	gone, l := kh.leaf(t, "gone", 0), kh.leaf(t, "kh", 0)
	kh.publish(t, 24*time.Hour) // number 1
	older, err := os.ReadFile(kh.crlFile())
	must(t, err)
	must(t, kh.Revoke(gone.SerialNumber))
	kh.publish(t, 24*time.Hour) // number 2
	crls := kh.lists(t, 0)
	trust := kh.trust(t, func(cfg *TrustConfig) { cfg.CRLs = crls }, gone, l)
	current, err := os.ReadFile(kh.crlFile())
	must(t, err)

	for _, tc := range []struct {
		name, problem string
		harm          func()
	}{
		{"rolled back", "went backwards", func() { writeRaw(t, kh.crlFile(), older, 0o644) }},
		{"truncated", "parse revocation list", func() { writeRaw(t, kh.crlFile(), current[:40], 0o644) }},
		{"emptied", "parse revocation list", func() { writeRaw(t, kh.crlFile(), nil, 0o644) }},
		{"removed", "no such file", func() { must(t, os.Remove(kh.crlFile())) }},
		{"a directory", "not a regular file", func() {
			must(t, os.Remove(kh.crlFile()))
			must(t, os.Mkdir(kh.crlFile(), 0o700))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.harm()
			since := c.Now()
			for range 2 {
				crls.Refresh()
				f := trust.CRLState().Files[0]
				if !strings.Contains(f.Problem, tc.problem) || !f.ProblemSince.Equal(since) || f.Number != "2" {
					t.Fatalf("state %+v, want the problem %q", f, tc.problem)
				}
				wantRule(t, trust.Recheck(gone.Certificate), RuleRevoked)
				wantRule(t, trust.Recheck(l.Certificate), "")
				c.Advance(retryEvery)
			}
			must(t, os.RemoveAll(kh.crlFile()))
			writeRaw(t, kh.crlFile(), current, 0o644)
			crls.Refresh()
			if f := trust.CRLState().Files[0]; f.Problem != "" || !f.ProblemSince.IsZero() {
				t.Fatalf("the problem stayed: %+v", f)
			}
		})
	}
}

func TestAnchorWithoutAListIsReported(t *testing.T) {
	c := newClock()
	old, next := newCountry(t, c, "CN old"), newCountry(t, c, "CN next")
	old.publish(t, time.Hour)
	both := []*x509.Certificate{old.Certificate(), next.Certificate()}
	crls, err := NewCRLs(CRLConfig{Files: []string{old.crlFile()}, Anchors: both, Now: c.Now})
	must(t, err)
	fromOld, fromNext := old.leaf(t, "cn", 0), next.leaf(t, "cn", 0)
	trust := old.trust(t, func(cfg *TrustConfig) { cfg.Anchors, cfg.CRLs = both, crls }, fromOld, fromNext)
	wantRule(t, trust.Verify(state13(fromOld.Certificate), asClient), "")
	wantRule(t, trust.Verify(state13(fromNext.Certificate), asClient), RuleCRLMissing)
	if s := trust.CRLState(); len(s.Uncovered) != 1 || s.Uncovered[0] != "CN=CN next test authority" {
		t.Errorf("uncovered %v", s.Uncovered)
	}
	if s := old.trust(t, nil, fromOld).CRLState(); s.Status != CRLNone {
		t.Errorf("without lists the state is %+v", s)
	}
}

// TestLoadWhileListsChange is for the race detector.
func TestLoadWhileListsChange(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	la.publish(t, time.Hour)
	trust := la.trust(t, func(cfg *TrustConfig) { cfg.CRLs = la.lists(t, 0) }, l)
	stop, done := make(chan struct{}), make(chan error, 4)
	for range cap(done) {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := trust.Recheck(l.Certificate); err != nil {
					done <- err
					return
				}
				trust.CRLState()
			}
		}()
	}
	for range 10 {
		la.publish(t, time.Hour)
		c.Advance(recheckEvery)
	}
	close(stop)
	for range cap(done) {
		must(t, <-done)
	}
}
