package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// parts of invented names in the conventions that are compared.
var drawnParts = []string{
	"Nguyễn", "Trần", "Thị", "Văn", "Mẫu", "Thử", "Dụ", "Hùng", "Hung", "Đe", "Ly", "Sok", "Sokh", "Chea", "Bunroeun", "Bun", "Roeun", "Phommachanh",
	"Kham", "Vilay", "Wang", "Xiaoshi", "Hsiao-shih", "Chang", "Lü", "Anna", "Eriksson", "Müßter", "O'Thu", "A", "សុខ", "ធី", "ໝອນ", "张试", "阮氏强", "ង\u200bង",
}

func drawText(label string) *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(drawnParts), 0, 6).Draw(t, label), " ")
		}),
		rapid.String(),
	)
}

func drawName() *rapid.Generator[Name] {
	return rapid.Custom(func(t *rapid.T) Name {
		return Name{
			Native: drawText("native").Draw(t, "native"), Latin: drawText("latin").Draw(t, "latin"),
			Language: rapid.SampledFrom([]string{"", "vi", "km", "lo", "zh-Hans", "en"}).Draw(t, "language"),
			MRZ:      rapid.SampledFrom([]string{"", "NGUYEN<<THI<MAU", "NGUYEN<<THI<THU<NGHIEM<HOANG<P"}).Draw(t, "mrz"),
		}
	})
}

func drawPerson() *rapid.Generator[Person] {
	dates := []string{"", "1998-05-14", "1998-05-14?", "1998", "199X", "1998-05~", "1999-05-14", "1998-01-01", "1998-14-05", "19XX"}
	return rapid.Custom(func(t *rapid.T) Person {
		date := func(label string) string { return rapid.SampledFrom(dates).Draw(t, label) }
		place := func(label string) Place {
			return Place{
				rapid.SampledFrom([]string{"", "VN", "KH"}).Draw(t, label+" country"), rapid.SampledFrom([]string{"", "82", "87", "28439"}).Draw(t, label+" code"),
				rapid.SampledFrom([]string{"vn-units-2025-07", "vn-provinces-2025-06", "other"}).Draw(t, label+" list"),
				rapid.SampledFrom([]string{"", "Cai Lậy, Tiền Giang", "Đồng Tháp", "កំពត", "Kampot"}).Draw(t, label+" text"),
			}
		}
		return Person{
			Names: rapid.SliceOfN(drawName(), 0, 3).Draw(t, "names"), Sex: rapid.SampledFrom([]string{"", "female", "male", "unknown"}).Draw(t, "sex"),
			Birth: date("birth"), AgeBand: rapid.SampledFrom([]string{"", "16_17", "25_39"}).Draw(t, "age"), AgeOn: "2026-11-02",
			Birthplace: place("birthplace"), Residence: place("residence"), Citizenship: rapid.SampledFrom([]string{"", "VN", "KH"}).Draw(t, "citizenship"),
			CCCD: rapid.SampledFrom([]string{"", "082198000000", "082198000001", "123456789", "0821"}).Draw(t, "cccd"),
			Documents: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Document {
				return Document{"passport", rapid.SampledFrom([]string{"", "L898902C3", "B1234567"}).Draw(t, "number"), "UTO", rapid.SampledFrom([]string{"", specimen}).Draw(t, "zone"), ""}
			}), 0, 2).Draw(t, "documents"),
			Father: Parent{drawName().Draw(t, "father"), date("father's birth")}, Mother: Parent{drawName().Draw(t, "mother"), date("mother's birth")},
		}
	})
}

func TestSymmetric(t *testing.T) {
	c := newComparer(t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPerson().Draw(t, "a"), drawPerson().Draw(t, "b")
		x, y := c.Compare(a, b), c.Compare(b, a)
		for i, f := range x.Findings {
			g := y.Findings[i]
			if f.Field != g.Field || f.Verdict != g.Verdict || f.Score != g.Score {
				t.Fatalf("%+v one way, %+v the other", f, g)
			}
			checkFinding(t, f)
		}
		if x.Order != y.Order || x.Order < 0 || x.Order > 1000 || len(x.Warnings) != len(y.Warnings) {
			t.Fatalf("order %d and %d, %d and %d warnings", x.Order, y.Order, len(x.Warnings), len(y.Warnings))
		}
	})
}

// checkFinding holds for every finding: reasons with texts, a score that fits
// the grade and the verdict.
func checkFinding(t *rapid.T, f Finding) {
	for _, k := range f.Reasons {
		if k.In("en") == "" {
			t.Fatalf("%s has no text", k)
		}
	}
	switch {
	case len(f.Reasons) == 0:
		t.Fatalf("no reason: %+v", f)
	case f.Verdict == NotComparable:
		if f.Grade != "" || f.Score != 0 {
			t.Fatalf("%+v", f)
		}
	case f.Grade != gradeOf(f.Score), f.Score < 0, f.Score > 100, f.Verdict == Same && f.Score < 99, f.Verdict == Compatible && f.Score < 65, f.Verdict == Different && f.Score >= 65:
		t.Fatalf("%+v", f)
	}
}

func TestReflexive(t *testing.T) {
	c := newComparer(t)
	rapid.Check(t, func(t *rapid.T) {
		p := drawPerson().Draw(t, "person")
		for _, f := range c.Compare(p, p).Findings {
			if f.Verdict == Different {
				t.Fatalf("a person differs from itself: %+v", f)
			}
		}
	})
}

// TestOrder: whatever the order of its parts, a name in Latin letters stays
// compatible with itself; in another order it is never worse than strong.
func TestOrder(t *testing.T) {
	c := newComparer(t)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfNDistinct(rapid.SampledFrom(drawnParts[:28]), 2, 6, rapid.ID[string]).Draw(t, "parts")
		shuffled := rapid.Permutation(parts).Draw(t, "shuffled")
		language := rapid.SampledFrom([]string{"vi", "km", "lo", "en"}).Draw(t, "language")
		a := Name{Native: strings.Join(parts, " "), Language: language}
		b := Name{Native: strings.Join(shuffled, " "), Language: language}
		if f := c.compareNames(FieldName, []Name{a}, []Name{b}); f.Score < 85 {
			t.Fatalf("%+v", f)
		}
	})
}

// TestScriptsNeverSame: names in two scripts are at most fair, and not compared
// where one of them has no Latin form.
func TestScriptsNeverSame(t *testing.T) {
	c := newComparer(t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawName().Draw(t, "a"), drawName().Draw(t, "b")
		a.Native, b.Native = "សុខ ធី", "Sok Thy"
		if f := c.compareNames(FieldName, []Name{a}, []Name{b}); f.Verdict == Same || f.Score > 84 ||
			f.Verdict != NotComparable && !slices.Contains(f.Reasons, "name.check_scripts") || (f.Verdict == NotComparable) != (len(latinParts(a)) == 0) {
			t.Fatalf("%+v", f)
		}
	})
}

func TestIndexProperties(t *testing.T) {
	c := newComparer(t)
	key := []byte("an invented key of 32 bytes, yes")
	x, err := NewIndex(c, key)
	if err != nil {
		t.Fatal(err)
	}
	y, err := NewIndex(c, append([]byte("0"), key[1:]...))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := drawPerson().Draw(t, "person")
		tokens := x.Tokens(p)
		if len(tokens) != TokensPerPerson || len(slices.Compact(slices.Clone(tokens))) != TokensPerPerson || !slices.IsSorted(tokens) {
			t.Fatalf("%d tokens", len(tokens))
		}
		if !slices.Equal(tokens, x.Tokens(p)) {
			t.Fatal("other tokens the second time")
		}
		look := x.Lookup(p)
		for token, k := range x.real(p, false) {
			if !slices.Contains(tokens, token) || look.kinds[token] != k {
				t.Fatal("what is stored of a person is not looked for")
			}
		}
		if n := look.Score(tokens); len(look.Tokens()) > 0 && n == 0 || n > 100 {
			t.Fatalf("a person scores %d against itself", n)
		}
		shared := 0
		for _, token := range y.Tokens(p) {
			if slices.Contains(tokens, token) {
				shared++
			}
		}
		if shared > 1 {
			t.Fatalf("%d tokens are the same under another key", shared)
		}
	})
}

func TestIndexFinds(t *testing.T) {
	c := newComparer(t)
	x, err := NewIndex(c, []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		t.Fatal(err)
	}
	known := Person{Names: []Name{vi("Nguyễn Thị Mẫu Thử")}, Birth: "1998-05-14", CCCD: "082198000000"}
	for what, test := range map[string]struct {
		p        Person
		at, most int
	}{
		"the number":              {Person{CCCD: "082198000000"}, 100, 100},
		"no diacritics":           {Person{Names: []Name{latinOnly("NGUYEN THI MAU THU")}, Birth: "1998"}, 80, 100},
		"given name first":        {Person{Names: []Name{latinOnly("Mau Thu Nguyen Thi")}, Birth: "1997-05-14"}, 80, 100},
		"no middle name":          {Person{Names: []Name{vi("Nguyễn Thử")}, Birth: "1998-05-14"}, 50, 60},
		"a decade":                {Person{Names: []Name{vi("Nguyễn Thị Mẫu Thử")}, Birth: "199X"}, 35, 60},
		"no date":                 {Person{Names: []Name{vi("Nguyễn Thị Mẫu Thử")}}, 25, 60},
		"another person":          {Person{Names: []Name{vi("Trần Văn Dụ")}, Birth: "1998-05-14"}, 0, 0},
		"the name, thirty years":  {Person{Names: []Name{vi("Nguyễn Thị Mẫu Thử")}, Birth: "1968-05-14"}, 25, 60},
		"another number and name": {Person{Names: []Name{vi("Lê Dụ")}, CCCD: "082198000001"}, 0, 0},
	} {
		if n := x.Lookup(test.p).Score(x.Tokens(known)); n < test.at || n > test.most {
			t.Errorf("%s: %d, want %d to %d", what, n, test.at, test.most)
		}
	}
	// The Latin form counts also where the name itself is in Latin letters, on
	// either side; neither markup nor a foreign letter hides a name.
	for what, pair := range map[string][2]Name{
		"another spelling in the passport": {{Native: "Đặng Thử", Latin: "Quach Mau Thu Du"}, {Native: "Quách Mẫu Thử Dụ"}},
		"that spelling looked for":         {{Native: "Quách Mẫu Thử Dụ"}, {Native: "Đặng Thử", Latin: "Quach Mau Thu Du"}},
		"a tag":                            {{Native: "<b>Lâm</b> Thử Dụ"}, {Native: "Lam Thu Du"}},
		"a tag in the Latin form":          {{Native: "សុខ ធី", Latin: `<span class="x">Sok</span><br/>Thy`}, {Native: "Sok Thy"}},
		"an entity":                        {{Native: "Nguy&#7877;n Th&#x1EED;&nbsp;Mẫu"}, {Native: "Nguyễn Thử Mẫu"}},
		"signs":                            {{Native: "*Lâm* Thử-Dụ;"}, {Native: "Lâm Thử Dụ"}},
		"a name between signs":             {{Native: "Lâm <Thử> Dụ"}, {Native: "Lâm Thử Dụ"}},
		"a word in another script":         {{Native: "Lâm Thử Dụ សុខ"}, {Native: "Lâm Thử Dụ"}},
	} {
		if n := x.Lookup(Person{Names: []Name{pair[1]}, Birth: "1991"}).Score(x.Tokens(Person{Names: []Name{pair[0]}, Birth: "1991"})); n < 80 {
			t.Errorf("%s: %d", what, n)
		}
	}
	khmer := x.Tokens(Person{Names: []Name{{Native: "សុខ ធី", Latin: "Sok Thy"}}, Birth: "2001"})
	if n := x.Lookup(Person{Names: []Name{latinOnly("Sokh Thi")}, Birth: "2001"}).Score(khmer); n < 50 {
		t.Errorf("another romanisation: %d", n)
	}
	chinese := x.Tokens(Person{Names: []Name{{Native: "張小強"}}, Birth: "2001"})
	for _, other := range []Name{zhLatin("Zhang Xiaoqiang"), zhLatin("Chang Hsiao-chiang"), vi("Trương Tiểu Cường"), {Native: "张小强"}} {
		if n := x.Lookup(Person{Names: []Name{other}, Birth: "2002"}).Score(chinese); n < 50 {
			t.Errorf("a Chinese name in another writing: %d", n)
		}
	}
}

// TestIndexReadsPinyin: a name in pinyin is found by its characters, and by pinyin, also
// where nothing says that it is Chinese; and no name of another language by it.
func TestIndexReadsPinyin(t *testing.T) {
	x, err := NewIndex(newComparer(t), []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		t.Fatal(err)
	}
	score := func(sought, stored Name) int {
		return x.Lookup(Person{Names: []Name{sought}, Birth: "1996"}).Score(x.Tokens(Person{Names: []Name{stored}, Birth: "1996"}))
	}
	for _, w := range []struct {
		stored Name
		sought []string
	}{
		{Name{Native: "阮氏雪", Latin: "Ruan Shixue"}, []string{"Ruan Shixue", "RUAN SHIXUE", "Shixue Ruan", "Ruan Shi Xue", "阮氏雪"}},
		{Name{Native: "欧阳晓红", Latin: "Ouyang Xiaohong"}, []string{"Ouyang Xiaohong", "欧阳晓红", "Ou-yang Hsiao-hung"}},
		{Name{Native: "吕小梅", Latin: "Lü Xiaomei"}, []string{"Lü Xiaomei", "Lu Xiaomei", "Lv Xiaomei", "LYU XIAOMEI", "Lǚ Xiǎoméi"}},
		{Name{Native: "Wang Xiaofang"}, []string{"王小芳", "Wang Hsiao-fang", "Wang Xiao Fang"}},
		{Name{MRZ: "WANG<<XIAOFANG"}, []string{"王小芳"}},
	} {
		for _, sought := range w.sought {
			if n := score(Name{Native: sought}, w.stored); n < 80 {
				t.Errorf("%s for %+v: %d", sought, w.stored, n)
			}
		}
	}
	for _, w := range [][2]string{{"Lê Thị Tuyết", "Le Thi Xue"}, {"Sok Chea", "Sok Qia"}} {
		if n := score(Name{Native: w[0]}, Name{Native: w[1]}); n >= 80 {
			t.Errorf("%s for %s: %d", w[0], w[1], n)
		}
	}
}

// TestIndexFindsAsPeopleSay: a name in the English order without a middle part, a year
// that is not known for sure, a number as a table gives it, and what was taken from a
// machine-readable zone.
func TestIndexFindsAsPeopleSay(t *testing.T) {
	x, err := NewIndex(newComparer(t), []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		t.Fatal(err)
	}
	stored := Person{Names: []Name{vi("Trương Thị Ngọc Thử")}, Birth: "1999-03-12", CCCD: "082199000000"}
	approximate := stored
	approximate.Birth, approximate.CCCD = "1999~", ""
	for _, w := range []struct {
		name, birth string
		of          Person
		at, most    int
	}{
		{"Ngoc Thu Truong", "1999-03-12", stored, 50, 60},
		{"Ngọc Thử Trương", "1999-03-12", stored, 50, 60},
		{"Trương Thử", "1999~", stored, 50, 60},
		{"Trương Thử", "1998~", stored, 50, 60},
		{"Trương Thử", "1996~", stored, 0, 0},
		{"Trương Thử", "1999", approximate, 50, 60},
		{"Trương Thử", "1999~", approximate, 50, 60},
		{"Trương Thử", "1997/1999", stored, 50, 60},
		{"Trương Thử", "2001/2003", stored, 0, 0},
		{"Trương Thị Ngọc Thử", "1990/2005", stored, 35, 60}, // as in a decade
		{"Trương Thị Ngọc Thử", "1990/..", stored, 25, 60},
		{"Nguyen Thu Truong", "1999", stored, 0, 0}, // Nguyễn is the family's
	} {
		if n := x.Lookup(Person{Names: []Name{latinOnly(w.name)}, Birth: w.birth}).Score(x.Tokens(w.of)); n < w.at || n > w.most {
			t.Errorf("%s, %s for %s: %d", w.name, w.birth, w.of.Birth, n)
		}
	}
	card := Person{Documents: []Document{{Type: "travel_document", Number: "082199000000"}}}
	for _, number := range []string{"82199000000", "082-199-000000", "082.199.000.000", "0821 9900 0000"} {
		for what, of := range map[string]Person{"citizen": stored, "document": card} {
			if n := x.Lookup(Person{CCCD: number, Documents: []Document{{Number: number}}}).Score(x.Tokens(of)); n < 95 {
				t.Errorf("%s of a %s: %d", number, what, n)
			}
		}
	}
	if n := x.Lookup(Person{CCCD: "082199000000"}).Score(x.Tokens(Person{CCCD: "82199000000"})); n != 0 {
		t.Errorf("a 0 too many is left out: %d", n)
	}
}

func TestZoneName(t *testing.T) {
	const td3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
	for text, want := range map[string]string{
		"P<VNMTRUONG<<THI<NGOC<THU<<<<":        "TRUONG<<THI<NGOC<THU",
		"p<vnmtruong<<thi<ngoc<thu<<<<":        "TRUONG<<THI<NGOC<THU",
		td3:                                    "ERIKSSON<<ANNA<MARIA",
		specimen:                               "ERIKSSON<<ANNA<MARIA",
		strings.ReplaceAll(specimen, "\n", ""): "ERIKSSON<<ANNA<MARIA",
		strings.ReplaceAll(specimen, "\n", " \r\n"): "ERIKSSON<<ANNA<MARIA",
		"PP" + td3[2:]:                         "ERIKSSON<<ANNA<MARIA",
		"I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<": "STEVENSON<<PETER<JOHN",
		"ERIKSSON<<ANNA<MARIA<<<<<<<<<<":       "ERIKSSON<<ANNA<MARIA", // the third line of a card
		"I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<": "ERIKSSON<<ANNA<MARIA",
		"TRUONG<<THI":        "TRUONG<<THI",
		"PHAM<<LAN":          "PHAM<<LAN",
		"P<VNMTRUONG<<<<<<<": "TRUONG",
		"":                   "", "Trương Thị Ngọc Thử": "", "<<": "", "<b>Lâm</b> <<Thử>>": "", "A<B": "", "L898902C36UTO7408122F1204159ZE184226B<<<<<10": "", "ÂÂ<<<": "",
	} {
		if got := ZoneName(text); got != want {
			t.Errorf("%q has the name %q, want %q", text, got, want)
		}
	}
}

// TestIndexSaysOfYears: that the year does not agree is said only where one is looked
// for, and whatever scores differently says so.
func TestIndexSaysOfYears(t *testing.T) {
	x, err := NewIndex(newComparer(t), []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		t.Fatal(err)
	}
	stored := x.Tokens(Person{Names: []Name{vi("Nguyễn Thị Thử")}, Birth: "1992-05-14"})
	for _, w := range []struct{ name, birth, want string }{
		{"Nguyễn Thị Thử", "", "[index.letters]"},
		{"Nguyễn Thị Thử", "1993", "[index.letters_years]"},
		{"Nguyễn Thị Thử", "1996", "[index.letters_decade]"},
		{"Nguyễn Thị Thử", "199X", "[index.letters_decade]"},
		{"Nguyễn Thị Thử", "1970", "[index.letters_other_year]"},
		{"Nguyen Thi Thuo", "", "[index.sounds]"},
		{"Nguyen Thi Thuo", "1996", "[index.sounds_decade]"},
		{"Nguyen Thi Thuo", "1970", "[index.sounds_other_year]"},
	} {
		if why := fmt.Sprint(x.Lookup(Person{Names: []Name{vi(w.name)}, Birth: w.birth}).Why(stored)); why != w.want {
			t.Errorf("%s, %s: %s, want %s", w.name, w.birth, why, w.want)
		}
	}
	unknown := x.Tokens(Person{Names: []Name{vi("Nguyễn Thị Thử")}})
	if why := fmt.Sprint(x.Lookup(Person{Names: []Name{vi("Nguyễn Thị Thử")}, Birth: "1992"}).Why(unknown)); why != "[index.letters_other_year]" {
		t.Errorf("of whom no year is known: %s", why)
	}
}

// hostile is a person made to cost time: as many names, parts and letters as
// are read, and more.
func hostile(seed string) Person {
	var p Person
	for i := range 20 {
		long := strings.Repeat(strings.Repeat(seed, 6)+fmt.Sprint(i)+" ", 40)
		p.Names = append(p.Names, Name{Native: long, Latin: long + "x", MRZ: strings.Repeat("AN<", 400), Language: []string{"km", "zh", "lo", "vi"}[i%4]})
		p.Documents = append(p.Documents, Document{Number: strings.Repeat("9", 1000), MRZ: strings.Repeat("<", 1000)})
	}
	p.CCCD = strings.Repeat("1", 100000)
	p.Birthplace.Text = strings.Repeat("Hà Nội ", 10000)
	return p
}

var seeds = []string{"an", "e\u0301\u0323\u0302", "\u202e\u2066a", "ü", "阮", "ង្ក", "ໝ", "\u0300", "\xff", "ß"}

func TestBoundedTime(t *testing.T) {
	c := newComparer(t)
	x, err := NewIndex(c, []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range seeds {
		start := time.Now()
		a, b := hostile(s), hostile(seeds[(i+1)%len(seeds)])
		c.Compare(a, a)
		c.Compare(a, b)
		x.Tokens(a)
		if d := time.Since(start); d > 8*time.Second {
			t.Errorf("%q: %v", s, d)
		} else {
			t.Logf("%q: %v", s, d)
		}
	}
}

// FuzzCompare: nothing panics, and both ways agree.
func FuzzCompare(f *testing.F) {
	for i, s := range append(slices.Clone(seeds), drawnParts...) {
		f.Add(s, drawnParts[i%len(drawnParts)], "NGUYEN<<THI<MAU", "1998-05~", "082198000000")
	}
	c := newComparer(f)
	x, err := NewIndex(c, []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, native, latin, mrz, birth, number string) {
		a := Person{Names: []Name{{Native: native, Latin: latin, MRZ: mrz}, {Native: latin, Latin: native}}, Birth: birth, CCCD: number, Birthplace: Place{Text: native}}
		b := Person{Names: []Name{{Native: latin, Latin: native}}, Birth: birth, Birthplace: Place{Text: latin}, Documents: []Document{{Number: number, MRZ: mrz}}}
		r, s := c.Compare(a, b), c.Compare(b, a)
		for i := range r.Findings {
			if r.Findings[i].Score != s.Findings[i].Score {
				t.Errorf("%+v one way, %+v the other", r.Findings[i], s.Findings[i])
			}
		}
		if n := len(x.Tokens(a)); n != TokensPerPerson {
			t.Errorf("%d tokens", n)
		}
	})
}

func benchPersons() (Person, Person) {
	a := Person{
		Names: []Name{{Native: "Nguyễn Thị Mẫu Thử", Language: "vi", Latin: "Nguyen Thi Mau Thu", MRZ: "NGUYEN<<THI<MAU<THU"}, {Native: "សុខ ធី", Language: "km", Latin: "Sok Thy"}},
		Sex:   "female", Birth: "1998-05~", CCCD: "082198000000", Birthplace: Place{"VN", "82", "vn-units-2025-07", "Cai Lậy, Tiền Giang"},
		Father: Parent{vi("Nguyễn Văn Dụ"), "197X"}, Documents: []Document{{Type: "passport", Number: "B1234567", Issuer: "VNM"}},
	}
	b := a
	b.Names = []Name{{Native: "Nguyễn Mẫu Thử", Language: "vi", Latin: "Nguyen Mau Thu"}}
	b.Birth, b.CCCD, b.Birthplace.Text, b.Birthplace.Code, b.Birthplace.List = "1998-06-01", "", "Tiền Giang", "", ""
	return a, b
}

func BenchmarkCompare(b *testing.B) {
	c := newComparer(b)
	x, y := benchPersons()
	b.ReportAllocs()
	for b.Loop() {
		c.Compare(x, y)
	}
}

func BenchmarkIndex(b *testing.B) {
	i, err := NewIndex(newComparer(b), []byte("an invented key of 32 bytes, yes"))
	if err != nil {
		b.Fatal(err)
	}
	x, _ := benchPersons()
	b.ReportAllocs()
	for b.Loop() {
		i.Tokens(x)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newComparer(b)
	}
}

// Two ways to pair the parts of names may be worth the same; which is taken does
// not depend on whose name comes first.
func TestEqualPairings(t *testing.T) {
	c := newComparer(t)
	a, b := Person{Father: Parent{Name: Name{Latin: "A AA A"}}}, Person{Father: Parent{Name: Name{Latin: "A E", Language: "km"}}}
	x, y := c.Compare(a, b), c.Compare(b, a)
	for i, f := range x.Findings {
		if g := y.Findings[i]; f.Score != g.Score {
			t.Errorf("%+v one way, %+v the other", f, g)
		}
	}
}
