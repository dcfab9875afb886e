//go:build vectors

package identity

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/hbollon/go-edlib"
	"golang.org/x/text/unicode/norm"
)

// A method says how alike two spellings are, from 0 to 100.
type method struct {
	label string
	at    []int
	score func(x, y sample) int
}

func methods(c *Comparer) []method {
	fold := func(s string) string { return strings.ToLower(norm.NFC.String(s)) }
	return []method{
		{"Compare", []int{85, 65, 40}, func(x, y sample) int {
			return c.compareNames(FieldName, []Name{x.name}, []Name{y.name}).Score
		}},
		{"equal but for case", []int{100}, func(x, y sample) int {
			if fold(x.text) == fold(y.text) {
				return 100
			}
			return 0
		}},
		{"equal but for case and diacritics", []int{100}, func(x, y sample) int {
			if undiacritical(fold(x.text)) == undiacritical(fold(y.text)) {
				return 100
			}
			return 0
		}},
		{"Jaro–Winkler", []int{95, 90, 85}, func(x, y sample) int {
			return int(100 * edlib.JaroWinklerSimilarity(undiacritical(fold(x.text)), undiacritical(fold(y.text))))
		}},
	}
}

var update = flag.Bool("update", false, "write the measured tables into docs/identity.md")

func TestVectorsNames(t *testing.T) {
	c := newComparer(t)
	var tables strings.Builder
	for _, trial := range trials(t) {
		if len(trial.pairs) < 3 || len(trial.other) < 100 {
			t.Fatalf("%s: %d pairs and %d non-pairs", trial.label, len(trial.pairs), len(trial.other))
		}
		fmt.Fprintf(&tables, "**%s**: %d pairs, %d non-pairs\n\n| method | from | recall | 95 %% interval | precision | false alarms in 10 000 |\n|---|---|---|---|---|---|\n", trial.label, len(trial.pairs), len(trial.other))
		for _, m := range methods(c) {
			hits, alarms := m.count(trial.pairs), m.count(trial.other)
			for i, at := range m.at {
				label := fmt.Sprint(at)
				if m.label == "Compare" {
					label = string(gradeOf(at))
				}
				fmt.Fprintf(&tables, "| %s | %s | %.3f | %s | %s | %.1f |\n", m.label, label, ratio(hits[i], len(trial.pairs)), wilson(hits[i], len(trial.pairs)), precision(hits[i], alarms[i]), 10000*ratio(alarms[i], len(trial.other)))
			}
		}
		tables.WriteByte('\n')
	}
	page(t, "names", tables.String())
}

// count says how many pairs reach each threshold.
func (m method) count(pairs [][2]sample) []int {
	out := make([]int, len(m.at))
	for _, p := range pairs {
		s := m.score(p[0], p[1])
		for i, at := range m.at {
			if s >= at {
				out[i]++
			}
		}
	}
	return out
}

// page keeps the measured tables and docs/identity.md the same.
func page(t *testing.T, part, text string) {
	t.Helper()
	const path = "../../docs/identity.md"
	begin, end := "<!-- "+part+" -->\n", "<!-- /"+part+" -->\n"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no part %s", path, part)
	}
	want := before + begin + "\n" + text + end + after
	if want == string(data) {
		return
	}
	if !*update {
		t.Fatalf("%s does not say what was measured; run with -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ratio(n, of int) float64 { return float64(n) / float64(of) }

// wilson is the 95 % interval of a share by Wilson's score.
func wilson(hits, of int) string {
	const z = 1.96
	n, p := float64(of), ratio(hits, of)
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return fmt.Sprintf("%.2f–%.2f", max(0, middle-half)/(1+z*z/n), (middle+half)/(1+z*z/n))
}

func precision(hits, alarms int) string {
	if hits+alarms == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", ratio(hits, hits+alarms))
}

// births are the dates of birth that the two sides of a pair are given: the worst
// case for non-pairs is the same one for all.
var births = []struct{ label, a, b string }{
	{"the same", "1990-05-01", "1990-05-01"}, {"a year apart", "1990", "1991"}, {"exact, decade", "1990-05-01", "199X"}, {"not known", "", ""},
}

// TestVectorsIndex measures on the same pairs how many share a token, and how
// many non-pairs do.
func TestVectorsIndex(t *testing.T) {
	x, err := NewIndex(newComparer(t), []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| set | year of birth | pairs found | non-pairs that share a token, in 10 000 |\n|---|---|---|---|\n")
	for _, trial := range trials(t) {
		for _, y := range births {
			score := tokenScore(x, y.a, y.b)
			share := func(pairs [][2]sample) (n int) {
				for _, p := range pairs {
					if score(p) > 0 {
						n++
					}
				}
				return n
			}
			others := trial.other[:min(len(trial.other), 20000)]
			fmt.Fprintf(&table, "| %s | %s | %.3f | %.1f |\n", trial.label, y.label, ratio(share(trial.pairs), len(trial.pairs)), 10000*ratio(share(others), len(others)))
		}
	}
	table.WriteByte('\n')
	page(t, "index", table.String())
}

// tokenScore scores pairs by their tokens, each spelling indexed once.
func tokenScore(x *Index, a, b string) func([2]sample) int {
	lookups, stored := map[string]Lookup{}, map[string][]Token{}
	return func(p [2]sample) int {
		l, ok := lookups[p[0].text]
		if !ok {
			l = x.Lookup(Person{Names: []Name{p[0].name}, Birth: a})
			lookups[p[0].text] = l
		}
		s, ok := stored[p[1].text]
		if !ok {
			s = x.Tokens(Person{Names: []Name{p[1].name}, Birth: b})
			stored[p[1].text] = s
		}
		return l.Score(s)
	}
}
