package certs

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestListExpiry(t *testing.T) {
	c := newClock()
	vn := newCountry(t, c, "VN")
	day := 24 * time.Hour
	long, short := vn.leaf(t, "long", 60*day), vn.leaf(t, "short", 10*day+time.Hour)
	vn.publish(t, 36*time.Hour)
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	must(t, WriteCertificates(bundle, long.Certificate, vn.Certificate()))
	missing := filepath.Join(t.TempDir(), "missing.pem")

	list, err := ListExpiry([]string{bundle, missing, short.certFile, vn.crlFile(), long.keyFile}, c.Now(), 30*day)
	if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), long.keyFile) {
		t.Errorf("the failures are %v", err)
	}
	want := []struct {
		kind, subject, status string
		days                  int
		authority             bool
	}{
		{KindCRL, "", ExpirySoon, 1, false},
		{KindCertificate, "CN=short", ExpirySoon, 10, false},
		{KindCertificate, "CN=long", ExpiryOK, 60, false},
		{KindCertificate, "CN=VN test authority", ExpiryOK, 5 * 365, true},
	}
	if len(list) != len(want) {
		t.Fatalf("%d entries: %+v", len(list), list)
	}
	for i, w := range want {
		got := list[i]
		if got.Kind != w.kind || got.Subject != w.subject || got.Status != w.status || got.DaysLeft != w.days || got.Authority != w.authority {
			t.Errorf("entry %d is %+v, want %+v", i, got, w)
		}
		if got.Kind == KindCertificate && (CheckPin(got.Pin) != nil || got.Fingerprint == "" || got.Serial == "") {
			t.Errorf("entry %d has no identity: %+v", i, got)
		}
	}

	for _, step := range []struct {
		at     time.Duration
		days   int
		status string
	}{{-time.Hour, 10, ExpiryNotYetValid}, {11 * day, -1, ExpiryExpired}, {10 * day, 0, ExpirySoon}} {
		list, err := ListExpiry([]string{short.certFile}, c.Now().Add(step.at), 30*day)
		must(t, err)
		if list[0].DaysLeft != step.days || list[0].Status != step.status {
			t.Errorf("at %v: %d days, %s", step.at, list[0].DaysLeft, list[0].Status)
		}
	}
}
