//go:build vectors

package identity

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/hbollon/go-edlib"
	"golang.org/x/text/unicode/norm"
)

// The public sets and how they were had are described in docs/identity.md. They
// stand in the folder NAMES and are never committed.

// A sample is one spelling of one bearer's name.
type sample struct {
	bearer string
	text   string
	class  scriptClass
	name   Name
}

// A trial is a set of spellings, the pairs of one bearer and those of two.
type trial struct {
	label string
	pairs [][2]sample
	other [][2]sample
}

func namesDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("NAMES")
	if dir == "" {
		t.Fatal("NAMES does not name the folder of the public names")
	}
	return dir
}

func readCSV(t *testing.T, path ...string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 10 {
		t.Fatalf("%d rows of %s, %v", len(rows), filepath.Join(path...), err)
	}
	return rows[1:]
}

// parliament reads a names.csv of EveryPolitician: one row for each spelling of
// a member's name. Spellings in other scripts than the given ones are left out.
func parliament(t *testing.T, house, language string, classes ...scriptClass) []sample {
	t.Helper()
	var out []sample
	seen := map[[2]string]bool{}
	for _, row := range readCSV(t, namesDir(t), "everypolitician-data", "data", house, "names.csv") {
		class, mixed := scriptOf(row[0])
		if key := [2]string{row[0], row[1]}; mixed || seen[key] || !slices.Contains(classes, class) {
			continue
		} else {
			seen[key] = true
		}
		n := Name{Native: row[0], Language: language}
		if class == latn {
			n.Latin = row[0]
		}
		out = append(out, sample{row[1], row[0], class, n})
	}
	return out
}

// mostOthers bounds the non-pairs of a trial: of a larger set every nth is
// taken.
const mostOthers = 250000

// trialOf pairs every spelling with every other one of the wanted scripts.
func trialOf(label string, all []sample, a, b scriptClass) trial {
	t := trial{label: label}
	every, n := len(all)*len(all)/2/mostOthers+1, 0
	for i, x := range all {
		for _, y := range all[i+1:] {
			if (x.class != a || y.class != b) && (x.class != b || y.class != a) {
				continue
			}
			if x.bearer == y.bearer {
				t.pairs = append(t.pairs, [2]sample{x, y})
			} else if n++; n%every == 0 {
				t.other = append(t.other, [2]sample{x, y})
			}
		}
	}
	return t
}

// derived pairs each spelling with a form of it made by a rule, and with the
// forms of all others.
func derived(label string, all []sample, rule func(string) Name) trial {
	t := trial{label: label}
	for i, x := range all {
		form := rule(x.text)
		if form.empty() || form.Native == x.text {
			continue
		}
		for j, y := range all {
			p := [2]sample{y, {x.bearer, first(form.Native, form.MRZ), latn, form}}
			switch {
			case i == j:
				t.pairs = append(t.pairs, p)
			case x.bearer != y.bearer:
				t.other = append(t.other, p)
			}
		}
	}
	return t
}

// undiacritical strips marks in a way that shares nothing with the package.
func undiacritical(s string) string {
	s = strings.NewReplacer("đ", "d", "Đ", "D").Replace(s)
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

func latinName(s string) Name { return Name{Native: s, Latin: s, Language: "vi"} }

func ruleBare(s string) Name { return latinName(undiacritical(s)) }

func ruleReversed(s string) Name {
	w := strings.Fields(undiacritical(s))
	return latinName(strings.Join(append(w[1:], w[0]), " "))
}

func ruleNoMiddle(s string) Name {
	w := strings.Fields(undiacritical(s))
	if len(w) < 3 || strings.Contains(s, "(") {
		return Name{}
	}
	return latinName(w[0] + " " + w[len(w)-1])
}

func ruleZone(s string) Name {
	w := strings.Fields(strings.ToUpper(undiacritical(s)))
	if strings.Trim(strings.Join(w, ""), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || len(w) < 2 {
		return Name{}
	}
	return Name{MRZ: w[0] + "<<" + strings.Join(w[1:], "<")}
}

// places pairs the Latin spellings of one Khmer name; a Khmer name is a bearer.
func places(t *testing.T) []sample {
	t.Helper()
	var out []sample
	seen := map[[2]string]bool{}
	for _, row := range readCSV(t, namesDir(t), "cambodia-gazetteer", "places.csv") {
		bearer := strings.Join(spelled(row[1]), " ")
		text := strings.ToLower(strings.Join(strings.Fields(row[2]), " "))
		if class, mixed := scriptOf(text); mixed || class != latn || seen[[2]string{bearer, text}] || strings.ContainsAny(text, "0123456789") {
			continue
		}
		seen[[2]string{bearer, text}] = true
		out = append(out, sample{bearer, text, latn, Name{Native: text, Latin: text, Language: "km"}})
	}
	return out
}

func only(all []sample, class scriptClass) []sample {
	return slices.DeleteFunc(slices.Clone(all), func(s sample) bool { return s.class != class })
}

func trials(t *testing.T) []trial {
	vn := parliament(t, "Vietnam/National_Assembly", "vi", latn, hani)
	kh := parliament(t, "Cambodia/National_Assembly", "km", latn)
	la := parliament(t, "Laos/Assembly", "lo", latn)
	tw := parliament(t, "Taiwan/Legislative_Yuan", "zh", latn, hani)
	hk := parliament(t, "Hong_Kong/Legislative_Council", "zh", latn, hani)
	mo := parliament(t, "Macao/Assembly", "zh", latn, hani)
	vnLatin := only(vn, latn)
	// The Chinese forms of Vietnamese names are Vietnamese names.
	for i := range vn {
		if vn[i].class == hani {
			vn[i].name.Language = ""
		}
	}
	return []trial{
		trialOf("Vietnamese, as published", vn, latn, latn),
		derived("Vietnamese, derived: no diacritics", vnLatin, ruleBare),
		derived("Vietnamese, derived: no diacritics, given name first", vnLatin, ruleReversed),
		derived("Vietnamese, derived: no diacritics, no middle name", vnLatin, ruleNoMiddle),
		derived("Vietnamese, derived: machine-readable zone", vnLatin, ruleZone),
		trialOf("Vietnamese against Chinese characters", vn, latn, hani),
		trialOf("Chinese (Taiwan), Latin spellings", tw, latn, latn),
		trialOf("Chinese (Taiwan), characters against Latin", tw, hani, latn),
		trialOf("Chinese (Taiwan), characters", tw, hani, hani),
		trialOf("Chinese (Hong Kong), characters", hk, hani, hani),
		trialOf("Chinese (Hong Kong), characters against Latin", hk, hani, latn),
		trialOf("Chinese (Macao), characters against Latin", mo, hani, latn),
		trialOf("Khmer, persons", kh, latn, latn),
		trialOf("Khmer, places: spellings of one Khmer name", places(t), latn, latn),
		trialOf("Lao, persons", la, latn, latn),
	}
}

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

func TestVectorsNames(t *testing.T) {
	c, err := New(Config{Units: Provinces{}})
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	for _, trial := range trials(t) {
		if len(trial.pairs) < 3 || len(trial.other) < 100 {
			t.Fatalf("%s: %d pairs and %d non-pairs", trial.label, len(trial.pairs), len(trial.other))
		}
		fmt.Fprintf(&page, "\n**%s** (%d pairs, %d non-pairs)\n\n| method | at least | recall | precision | false alarms in 10 000 |\n|---|---|---|---|---|\n", trial.label, len(trial.pairs), len(trial.other))
		for _, m := range methods(c) {
			hits, alarms := make([]int, len(m.at)), make([]int, len(m.at))
			for _, p := range trial.pairs {
				s := m.score(p[0], p[1])
				for i, at := range m.at {
					if s >= at {
						hits[i]++
					}
				}
				if os.Getenv("SHOW") != "" && m.label == "Compare" && s < 65 {
					t.Log(trial.label, p[0].text, "|", p[1].text, s, c.compareNames(FieldName, []Name{p[0].name}, []Name{p[1].name}).Reasons)
				}
			}
			for _, p := range trial.other {
				s := m.score(p[0], p[1])
				for i, at := range m.at {
					if s >= at {
						alarms[i]++
					}
				}
				if os.Getenv("SHOW") != "" && m.label == "Compare" && s >= 65 && alarms[1] < 25 {
					t.Log("ALARM", trial.label, p[0].text, "|", p[1].text, s, c.compareNames(FieldName, []Name{p[0].name}, []Name{p[1].name}).Reasons)
				}
			}
			for i, at := range m.at {
				label := fmt.Sprint(at)
				if m.label == "Compare" {
					label = string(gradeOf(at))
				}
				fmt.Fprintf(&page, "| %s | %s | %.3f | %s | %.1f |\n", m.label, label, ratio(hits[i], len(trial.pairs)), precision(hits[i], alarms[i]), 10000*ratio(alarms[i], len(trial.other)))
			}
		}
	}
	t.Log(page.String())
}

func ratio(n, of int) float64 { return float64(n) / float64(of) }

func precision(hits, alarms int) string {
	if hits+alarms == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", ratio(hits, hits+alarms))
}

// TestVectorsIndex measures on the same pairs how many share a token, and how
// many non-pairs do, with the same year of birth on both sides (the worst case
// for non-pairs), a year apart, and without a year.
func TestVectorsIndex(t *testing.T) {
	c, err := New(Config{Units: Provinces{}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewIndex(c, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString("\n| set | year of birth | pairs found | of these at 50 or more | non-pairs in 10 000 that share a token | at 50 or more |\n|---|---|---|---|---|---|\n")
	for _, trial := range trials(t) {
		for _, years := range [][3]string{{"same", "1990-05-01", "1990-05-01"}, {"a year apart", "1990", "1991"}, {"exact and decade", "1990-05-01", "199X"}, {"not known", "", ""}} {
			score := tokenScore(x, years[1], years[2])
			count := func(pairs [][2]sample, at int) (n int) {
				for _, p := range pairs {
					if score(p) >= at {
						n++
					}
				}
				return n
			}
			others := trial.other[:min(len(trial.other), 20000)]
			fmt.Fprintf(&page, "| %s | %s | %.3f | %.3f | %.1f | %.1f |\n", trial.label, years[0], ratio(count(trial.pairs, 1), len(trial.pairs)), ratio(count(trial.pairs, 50), len(trial.pairs)),
				10000*ratio(count(others, 1), len(others)), 10000*ratio(count(others, 50), len(others)))
		}
	}
	t.Log(page.String())
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
