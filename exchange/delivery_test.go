package exchange

import (
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "3600": time.Hour,
		"9999999999":                    maxRetryAfter,
		"99999999999999999999999999999": maxRetryAfter,
		"-5":                            0, "+5": 0, "1.5": 0, "soon": 0,
		"Tue, 24 Nov 2026 13:00:00 GMT": time.Hour,
		"Tue, 24 Nov 2026 11:00:00 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": maxRetryAfter,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q asks for %s, want %s", header, got, want)
		}
	}
}

// An attempt comes after what the backoff and the partner ask for, and the last
// one when the job's time is up.
func TestNextAttempt(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	policy := partners.Retry{Initial: 2 * time.Second, Max: 15 * time.Minute, DeadLetterAfter: 7 * 24 * time.Hour}
	for name, c := range map[string]struct {
		retry            partners.Retry
		attempts         int
		age, after       time.Duration // of the job; the partner's Retry-After
		earliest, latest time.Duration
	}{
		"the first retry":              {policy, 0, 0, 0, time.Second, 2 * time.Second},
		"the tenth":                    {policy, 9, time.Hour, 0, 450 * time.Second, 15 * time.Minute},
		"the thousandth":               {policy, 1000, time.Hour, 0, 450 * time.Second, 15 * time.Minute},
		"Retry-After within the limit": {policy, 0, 0, time.Minute, time.Minute, time.Minute},
		"Retry-After above retry.max":  {policy, 0, 0, time.Hour, time.Hour, time.Hour},
		"Retry-After of a day":         {policy, 3, time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour},
		"Retry-After beyond the end":   {policy, 3, 24 * time.Hour, maxRetryAfter, 6 * 24 * time.Hour, 6 * 24 * time.Hour},
		"the backoff beyond the end":   {policy, 20, 7*24*time.Hour - time.Second, 0, time.Second, time.Second},
		"a policy that overflows":      {partners.Retry{Initial: 900000 * time.Hour, Max: 900000 * time.Hour, DeadLetterAfter: 7 * 24 * time.Hour}, 20, 0, 0, 7 * 24 * time.Hour, 7 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				due := nextAttempt(c.retry, Job{FirstAt: now.Add(-c.age), Attempt: c.attempts}, now, c.after)
				if wait := due.Sub(now); wait < c.earliest || wait > c.latest {
					t.Fatalf("due in %s, want %s to %s", wait, c.earliest, c.latest)
				}
			}
		})
	}
}
