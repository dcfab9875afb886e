//go:build vectors

package identity

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mozillazg/go-pinyin"
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

// spelledPairs writes the characters of Chinese names in pinyin, by a library, and in
// Wade–Giles, by a published table: the two spellings, and the characters against
// pinyin of which nobody says that it is Chinese.
func spelledPairs(t *testing.T) []trial {
	t.Helper()
	table := map[string]string{}
	for _, row := range readCSV(t, namesDir(t), "wade-giles", "table.csv") {
		table[row[0]] = strings.NewReplacer("'", "", "ü", "u").Replace(row[1])
	}
	members := parliament(t, "China/Congress", "zh", hani)
	spell := func(s, between string, way func(string) string) string {
		var out []string
		for _, syllables := range pinyin.Pinyin(s, pinyin.NewArgs()) {
			w := way(syllables[0])
			if w == "" {
				return ""
			}
			out = append(out, w)
		}
		if len(out) < 2 || len(out) != len([]rune(s)) {
			return ""
		}
		return out[0] + " " + strings.Join(out[1:], between)
	}
	var characters, modern, old, unsaid []sample
	for _, m := range members {
		p := spell(m.text, "", func(s string) string { return s })
		w := spell(m.text, "-", func(s string) string { return table[s] })
		if p != "" && w != "" && strings.ReplaceAll(p, " ", "") != strings.NewReplacer(" ", "", "-", "").Replace(w) {
			characters = append(characters, m)
			unsaid = append(unsaid, sample{m.bearer, p, latn, Name{Native: p, Latin: p}})
			modern = append(modern, sample{m.bearer, p, latn, Name{Native: p, Latin: p, Language: "zh-Latn"}})
			old = append(old, sample{m.bearer, w, latn, Name{Native: w, Latin: w, Language: "zh-Latn"}})
		}
	}
	pairUp := func(label string, one, other []sample) trial {
		out := trial{label: label}
		every, n := len(one)*len(other)/mostOthers+1, 0
		for i := range one {
			for j := range other {
				if i == j {
					out.pairs = append(out.pairs, [2]sample{one[i], other[j]})
				} else if n++; n%every == 0 && modern[i].text != modern[j].text {
					out.other = append(out.other, [2]sample{one[i], other[j]})
				}
			}
		}
		return out
	}
	return []trial{
		pairUp("Chinese, derived: pinyin against Wade–Giles", modern, old),
		pairUp("Chinese, derived: characters against pinyin of no stated language", characters, unsaid),
	}
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
	return slices.Concat([]trial{
		trialOf("Vietnamese, as published", vn, latn, latn),
		derived("Vietnamese, derived: no diacritics", vnLatin, ruleBare),
		derived("Vietnamese, derived: no diacritics, given name first", vnLatin, ruleReversed),
		derived("Vietnamese, derived: no diacritics, no middle name", vnLatin, ruleNoMiddle),
		derived("Vietnamese, derived: machine-readable zone", vnLatin, ruleZone),
		trialOf("Vietnamese against Chinese characters", vn, latn, hani),
	}, spelledPairs(t), []trial{
		trialOf("Chinese (Taiwan), Latin spellings", tw, latn, latn),
		trialOf("Chinese (Taiwan), characters against Latin", tw, hani, latn),
		trialOf("Chinese (Taiwan), characters", tw, hani, hani),
		trialOf("Chinese (Hong Kong), characters", hk, hani, hani),
		trialOf("Chinese (Hong Kong), characters against Latin", hk, hani, latn),
		trialOf("Chinese (Macao), characters against Latin", mo, hani, latn),
		trialOf("Khmer, persons", kh, latn, latn),
		trialOf("Khmer, places: spellings of one Khmer name", places(t), latn, latn),
		trialOf("Lao, persons", la, latn, latn),
	})
}
