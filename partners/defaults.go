package partners

import "time"

// What a partner's file may leave out.
const (
	DefaultRatePerSecond   = 50
	DefaultBurst           = 100
	DefaultMaxInFlight     = 64
	DefaultMaxBodyBytes    = 1 << 20
	DefaultClockSkew       = 2 * time.Minute
	DefaultMaxLifetime     = 14 * 24 * time.Hour
	DefaultCRLGrace        = 72 * time.Hour
	DefaultRetryInitial    = 2 * time.Second
	DefaultRetryMax        = 15 * time.Minute
	DefaultDeadLetterAfter = 7 * 24 * time.Hour
)

// RawLimits are the limits as the file gives them.
type RawLimits struct {
	RatePerSecond *float64  `json:"rate_per_second,omitempty" yaml:"rate_per_second,omitempty"`
	Burst         *int      `json:"burst,omitempty" yaml:"burst,omitempty"`
	MaxInFlight   *int      `json:"max_in_flight,omitempty" yaml:"max_in_flight,omitempty"`
	MaxBodyBytes  *int      `json:"max_body_bytes,omitempty" yaml:"max_body_bytes,omitempty"`
	ClockSkew     *Duration `json:"clock_skew,omitempty" yaml:"clock_skew,omitempty"`
	MaxLifetime   *Duration `json:"max_lifetime,omitempty" yaml:"max_lifetime,omitempty"`
}

// Limits bound what one partner may send.
type Limits struct {
	RatePerSecond float64
	Burst         int
	MaxInFlight   int
	MaxBodyBytes  int
	ClockSkew     time.Duration // tolerated difference of clocks
	MaxLifetime   time.Duration // longest exp - iat, also of what we send
}

// RawRetry is the retry policy as the file gives it.
type RawRetry struct {
	Initial         *Duration `json:"initial,omitempty" yaml:"initial,omitempty"`
	Max             *Duration `json:"max,omitempty" yaml:"max,omitempty"`
	DeadLetterAfter *Duration `json:"dead_letter_after,omitempty" yaml:"dead_letter_after,omitempty"`
}

// Retry says how messages to the partner are tried again.
type Retry struct {
	Initial         time.Duration
	Max             time.Duration
	DeadLetterAfter time.Duration // after the first attempt
}

func or[T any](given *T, otherwise T) T {
	if given != nil {
		return *given
	}
	return otherwise
}

func orDuration(given *Duration, otherwise time.Duration) time.Duration {
	return time.Duration(or(given, Duration(otherwise)))
}

// complete fills in the defaults.
func (p *Partner) complete() {
	l, r := p.RawLimits, p.RawRetry
	p.Limits = Limits{
		RatePerSecond: or(l.RatePerSecond, DefaultRatePerSecond), Burst: or(l.Burst, DefaultBurst),
		MaxInFlight: or(l.MaxInFlight, DefaultMaxInFlight), MaxBodyBytes: or(l.MaxBodyBytes, DefaultMaxBodyBytes),
		ClockSkew: orDuration(l.ClockSkew, DefaultClockSkew), MaxLifetime: orDuration(l.MaxLifetime, DefaultMaxLifetime),
	}
	p.Retry = Retry{
		Initial: orDuration(r.Initial, DefaultRetryInitial), Max: orDuration(r.Max, DefaultRetryMax),
		DeadLetterAfter: orDuration(r.DeadLetterAfter, DefaultDeadLetterAfter),
	}
	p.TLS.CRLGrace = orDuration(p.TLS.RawGrace, DefaultCRLGrace)
	if p.TLS.MinVersion == "" {
		p.TLS.MinVersion = "1.3"
	}
}
