package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// A benchReport is what a bench found: medians over its rounds.
type benchReport struct {
	Machine     string       `json:"machine"`
	Connections int          `json:"connections"`
	Rounds      int          `json:"rounds"`
	Seconds     float64      `json:"seconds"`
	Rungs       []rungReport `json:"rungs"`
}

// A rungReport is one rung. Ratios are medians of the ratios within one round.
type rungReport struct {
	Rung         string  `json:"rung"`
	PerSecond    float64 `json:"per_second"`
	Ratio        float64 `json:"ratio"`
	P50          float64 `json:"p50_ms"`
	P99          float64 `json:"p99_ms"`
	P99Ratio     float64 `json:"p99_ratio"`
	CPU          float64 `json:"cpu_us"` // of the gateway, and of the database
	Database     float64 `json:"cpu_database_us,omitempty"`
	Allocs       float64 `json:"allocs"`
	QuietP50     float64 `json:"p50_ms_4_connections"`
	QuietRatio   float64 `json:"p50_ratio_4_connections"`
	Preloaded    int     `json:"preloaded,omitempty"`
	MessagesSeen int     `json:"messages"`
	Group        *group  `json:"group_commit,omitempty"`
}

// A group is what a common transaction gains over one transaction a message.
// Gains are medians of the gains within one round.
type group struct {
	Single      float64 `json:"single_per_second"` // messages, from partners
	Gain        float64 `json:"gain"`
	Alone       float64 `json:"record_per_second"` // entries, with nothing but the committer at work
	AloneSingle float64 `json:"record_single_per_second"`
	AloneGain   float64 `json:"record_gain"`
}

func (b *benchRun) report(took time.Duration) benchReport {
	out := benchReport{
		Machine:     fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Connections: b.plan.Connections, Rounds: b.plan.Rounds, Seconds: took.Seconds(),
	}
	floor := b.rungs[0]
	for _, r := range b.rungs {
		of := func(samples []sample, f func(sample) float64) float64 {
			return median(samples, func(i int) float64 { return f(samples[i]) })
		}
		ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
		rr := rungReport{
			Rung: r.name, Preloaded: r.preload,
			PerSecond: of(r.rounds, func(s sample) float64 { return s.perSecond }),
			Ratio:     median(r.rounds, func(i int) float64 { return r.rounds[i].perSecond / floor.rounds[i].perSecond }),
			P50:       of(r.rounds, func(s sample) float64 { return ms(s.p50) }),
			P99:       of(r.rounds, func(s sample) float64 { return ms(s.p99) }),
			P99Ratio:  median(r.rounds, func(i int) float64 { return float64(r.rounds[i].p99) / float64(floor.rounds[i].p99) }),
			CPU:       of(r.rounds, func(s sample) float64 { return float64(s.cpu) / float64(time.Microsecond) }),
			Allocs:    of(r.rounds, func(s sample) float64 { return s.allocs }),
			QuietP50:  of(r.quiet, func(s sample) float64 { return ms(s.p50) }),
			QuietRatio: median(r.quiet, func(i int) float64 {
				return float64(r.quiet[i].p50) / float64(floor.quiet[i].p50)
			}),
		}
		for _, s := range r.rounds {
			rr.MessagesSeen += s.messages
		}
		rr.Database = of(r.rounds, func(s sample) float64 { return float64(s.database) / float64(time.Microsecond) })
		if single := b.single[r.name]; single != nil {
			rr.Group = &group{
				Single:      of(single.rounds, func(s sample) float64 { return s.perSecond }),
				Gain:        median(single.rounds, func(i int) float64 { return r.rounds[i].perSecond / single.rounds[i].perSecond }),
				Alone:       median(r.alone, func(i int) float64 { return r.alone[i] }),
				AloneSingle: median(single.alone, func(i int) float64 { return single.alone[i] }),
				AloneGain:   median(single.alone, func(i int) float64 { return r.alone[i] / single.alone[i] }),
			}
		}
		out.Rungs = append(out.Rungs, rr)
	}
	return out
}

func median[T any](samples []T, f func(int) float64) float64 {
	values := make([]float64, len(samples))
	for i := range samples {
		values[i] = f(i)
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

func (r benchReport) print(out io.Writer) {
	fmt.Fprintf(out, "%s; %d connections, median of %d interleaved rounds, %.0f s in all\n\n", r.Machine, r.Connections, r.Rounds, r.Seconds)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "rung\tmsg/s\tof floor\tp50\tp99\tp99 of floor\tCPU a message\tof it database\tallocations\tp50 at 4\tof floor\t")
	for _, x := range r.Rungs {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.1f ms\t%.1f ms\t%.1f\t%.0f µs\t%.0f µs\t%.0f\t%.2f ms\t%.1f\t\n",
			x.Rung, x.PerSecond, x.Ratio, x.P50, x.P99, x.P99Ratio, x.CPU, x.Database, x.Allocs, x.QuietP50, x.QuietRatio)
	}
	_ = w.Flush() // out is the terminal
	fmt.Fprintln(out, "\nWhat a common transaction gains over one transaction a message:")
	w = tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "store\tmsg/s\tone by one\tgain\tcommitter alone\tone by one\tgain\t")
	for _, x := range r.Rungs {
		if g := x.Group; g != nil {
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t%.0f/s\t%.0f/s\t%.1f\t\n", x.Rung, x.PerSecond, g.Single, g.Gain, g.Alone, g.AloneSingle, g.AloneGain)
		}
	}
	_ = w.Flush()
	fmt.Fprintln(out)
}
