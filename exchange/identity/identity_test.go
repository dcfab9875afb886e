package identity

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/schemas"
)

func newComparer(t testing.TB) *Comparer {
	t.Helper()
	c, err := New(Config{Units: CodeLists{}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The persons of these tables are invented.
var nameCases = []struct {
	what    string
	a, b    Name
	verdict Verdict
	grade   Grade
	reason  Key
}{
	{"the same", vi("Nguyễn Thị Mẫu"), vi("NGUYỄN THỊ MẪU"), Same, Exact, "name.exact"},
	{"another Unicode form", vi("Nguyễn Thị Mẫu"), vi("Nguye\u0302\u0303n Thi\u0323 Ma\u0302\u0303u"), Same, Exact, "name.exact"},
	{"the place of the tone mark", vi("Trần Thí Hoà"), vi("Trần Thí Hòa"), Same, Exact, "name.exact"},
	{"y for i", vi("Lý Mỹ Thử"), vi("Lí Mĩ Thử"), Same, Exact, "name.exact"},
	{"i, y and uy", vi("Lê Thử Thúy"), vi("Lê Thử Thúi"), Different, Weak, "name.parts_differ"},
	{"without diacritics", vi("Đỗ Thí Dụ Ưng"), latinOnly("Do Thi Du Ung"), Compatible, Strong, "name.diacritics_left_out"},
	{"other diacritics", vi("Nguyễn Văn Hùng"), vi("Nguyễn Văn Hưng"), Compatible, Fair, "name.diacritics_differ"},
	{"given name first", vi("Nguyễn Văn Thử"), latinOnly("Van Thu Nguyen"), Compatible, Strong, "name.order"},
	{"no middle name", vi("Nguyễn Thị Thử"), vi("Nguyễn Thử"), Compatible, Fair, "name.part_missing"},
	{"a middle name more", vi("Lê Mẫu Thử"), vi("Lê Thử"), Compatible, Fair, "name.part_missing"},
	{"Thị against Văn", vi("Nguyễn Thị Anh"), vi("Nguyễn Văn Anh"), Different, Weak, "name.parts_differ"},
	{"another family name", vi("Trần Thị Thử"), vi("Lê Thị Thử"), Different, Weak, "name.parts_differ"},
	{"another given name", vi("Nguyễn Văn Mẫu"), vi("Nguyễn Văn Thử"), Different, Weak, "name.parts_differ"},
	{"a letter of a short part", vi("Bùi Đức Phú"), vi("Bùi Đức Thụ"), Different, Weak, "name.parts_differ"},
	{"one part only", vi("Nguyễn Văn Mẫu"), vi("Mẫu"), Different, Weak, "name.part_missing"},
	{"machine-readable zone", vi("Nguyễn Thị Mẫu"), Name{MRZ: "NGUYEN<<THI<MAU"}, Compatible, Strong, "name.diacritics_left_out"},
	{"a zone that is full", vi("Nguyễn Thị Thử Nghiệm Hoàng Phương Mẫu"), Name{MRZ: "NGUYEN<<THI<THU<NGHIEM<HOANG<P"}, Compatible, Fair, "name.truncated"},
	{"letters of ICAO 9303", latinOnly("Jürgen Müßter"), Name{MRZ: "MUESSTER<<JUERGEN"}, Compatible, Strong, "name.icao"},
	{"initials", latinOnly("Anna Maria Eriksson"), latinOnly("A. Maria Eriksson"), Compatible, Strong, "name.initial"},
	{"a slip", latinOnly("Anna Eriksson"), latinOnly("Anna Erikson"), Compatible, Strong, "name.slip"},
	{"written together", khLatin("Sok Bun Roeun"), khLatin("Sok Bunroeun"), Compatible, Strong, "name.written_together"},
	{"Khmer romanisation", khLatin("Chea Sophal"), khLatin("Chear Sophall"), Compatible, Strong, "name.romanised"},
	{"Khmer vowels", khLatin("Keo Mony"), khLatin("Kaev Muni"), Compatible, Strong, "name.romanised"},
	{"other Khmer name", khLatin("Keo Mony"), khLatin("Chan Dara"), Different, None, "name.none"},
	{"Lao romanisation", loLatin("Souksavanh Phommachan"), loLatin("Suksavan Phommachanh"), Compatible, Strong, "name.romanised"},
	{"Lao r and l", loLatin("Kham Vilay"), loLatin("Kham Viray"), Compatible, Strong, "name.romanised"},
	{"Khmer, the same", Name{Native: "សុខ ធី", Latin: "Sok Thy"}, Name{Native: "សុខ ធី", Latin: "Sokh Thi"}, Same, Exact, "name.exact"},
	{"Khmer, invisible signs", Name{Native: "សុខ\u200bធី"}, Name{Native: "សុខធី"}, Same, Exact, "name.exact"},
	{"Khmer, coeng da and ta", Name{Native: "ចន្ដា"}, Name{Native: "ចន្តា"}, Same, Strong, "name.native_spelling"},
	{"Lao ligature", Name{Native: "ໝອນ"}, Name{Native: "ຫມອນ"}, Same, Exact, "name.exact"},
	{"Lao lo under ho", Name{Native: "ຫຼ້າ"}, Name{Native: "ຫລ້າ"}, Same, Strong, "name.native_spelling"},
	{"full-width letters", latinOnly("Ａｎｎａ Eriksson"), latinOnly("Anna Eriksson"), Same, Exact, "name.exact"},
	{"Khmer, spelt otherwise", Name{Native: "សុខ ធី", Latin: "Sok Thy"}, Name{Native: "សុខ ថី", Latin: "Sok Thy"}, Compatible, Fair, "name.native_differs"},
	{"Khmer against Latin", Name{Native: "សុខ ធី", Script: "Khmr", Latin: "Sok Thy"}, Name{Native: "Sok Thy", Script: "Latn", Latin: "Sok Thy"}, Compatible, Fair, "name.check_scripts"},
	{"simplified characters", Name{Native: "张试强"}, Name{Native: "張試強"}, Same, Strong, "name.character_forms"},
	{"other characters of one reading", Name{Native: "王试"}, Name{Native: "王是"}, Compatible, Fair, "name.same_reading"},
	{"pinyin", Name{Native: "王小试", Latin: "Wang Xiaoshi"}, latinOnly("WANG XIAO SHI"), Compatible, Fair, "name.check_scripts"},
	{"a reading of characters", Name{Native: "王小试"}, latinOnly("Xiaoshi Wang"), Compatible, Fair, "name.reading"},
	{"Wade–Giles against characters", Name{Native: "張小試"}, latinOnly("Chang Hsiao-shih"), Compatible, Fair, "name.reading"},
	{"Wade–Giles against pinyin", zhLatin("Zhang Xiaoshi"), zhLatin("Chang Hsiao-shih"), Compatible, Strong, "name.chinese_spelling"},
	{"ü", zhLatin("Lü Shi"), zhLatin("LYU SHI"), Compatible, Strong, "name.chinese_spelling"},
	{"Sino-Vietnamese", vi("Nguyễn Thị Cường"), Name{Native: "阮氏强", Latin: "Ruan Shiqiang"}, Compatible, Fair, "name.sino_vietnamese"},
	{"nothing", Name{}, vi("Nguyễn Thị Mẫu"), NotComparable, "", "name.missing"},
	{"only signs", Name{Native: "---"}, Name{Native: "***"}, NotComparable, "", "name.missing"},
}

func vi(s string) Name        { return Name{Native: s, Script: "Latn", Language: "vi"} }
func latinOnly(s string) Name { return Name{Native: s, Script: "Latn", Latin: s} }
func khLatin(s string) Name   { return Name{Native: s, Language: "km", Latin: s} }
func loLatin(s string) Name   { return Name{Native: s, Language: "lo", Latin: s} }
func zhLatin(s string) Name   { return Name{Native: s, Language: "zh-Latn", Latin: s} }

func TestNames(t *testing.T) {
	c := newComparer(t)
	for _, test := range nameCases {
		t.Run(test.what, func(t *testing.T) {
			f := c.compareNames(FieldName, []Name{test.a}, []Name{test.b})
			if f.Verdict != test.verdict || f.Grade != test.grade || !slices.Contains(f.Reasons, test.reason) {
				t.Errorf("%s, %s, %d, %v; want %s, %s, %s", f.Verdict, f.Grade, f.Score, f.Reasons, test.verdict, test.grade, test.reason)
			}
		})
	}
}

// TestMarkup: a name is compared without markup, and that it has some is told.
func TestMarkup(t *testing.T) {
	c := newComparer(t)
	marked := Person{Names: []Name{{Native: "<b>Lâm</b> Thử Dụ", Latin: "Lam Thu Du"}}}
	r := c.Compare(marked, Person{Names: []Name{vi("Lâm Thử Dụ")}})
	if f := r.Of(FieldName); f.Verdict != Same || !slices.Equal(r.Warnings, []Warning{{Asked, "warning.name_markup"}}) {
		t.Errorf("%+v, %v", f, r.Warnings)
	}
	if odd := c.Odd(Person{Names: []Name{vi("Lâm <Thử> Dụ")}}); len(odd) != 0 {
		t.Errorf("a name between signs: %v", odd)
	}
}

// TestOddLatin: a Latin name that is another than the Latin-script one is told; another
// order, or its plain spelling, is not another name.
func TestOddLatin(t *testing.T) {
	c := newComparer(t)
	for latin, odd := range map[string]bool{"": false, "Nguyen Thi Mau": false, "MAU NGUYEN THI": false, "Nguyễn Thị Mẫu": false, "Nguyen Thi Mai": true, "Nguyen Mau": true} {
		got := c.Odd(Person{Names: []Name{{Native: "Nguyễn Thị Mẫu", Script: "Latn", Latin: latin}}})
		if slices.Contains(got, Key("warning.name_latin")) != odd {
			t.Errorf("%q: %v", latin, got)
		}
	}
	if got := c.Odd(Person{Names: []Name{{Native: "ចាន់ធី", Script: "Khmr", Latin: "Chanthy"}}}); len(got) != 0 {
		t.Errorf("a Khmer name: %v", got)
	}
}

func TestAlias(t *testing.T) {
	c := newComparer(t)
	a := Person{Names: []Name{vi("Nguyễn Thị Mẫu"), vi("Trần Thí Dụ")}}
	b := Person{Names: []Name{vi("Trần Thí Dụ")}}
	f := c.Compare(a, b).Of(FieldName)
	if f.Verdict != Compatible || !slices.Contains(f.Reasons, "name.alias") {
		t.Errorf("%+v", f)
	}
	brackets := Person{Names: []Name{vi("Nguyễn Thị Mẫu (Trần Thí Dụ)")}}
	if f := c.Compare(brackets, b).Of(FieldName); !slices.Contains(f.Reasons, "name.alias") {
		t.Errorf("%+v", f)
	}
}

// TestWadeGiles checks the rules against syllables of each kind.
func TestWadeGiles(t *testing.T) {
	for pinyin, want := range map[string]string{
		"zhang": "chang", "chang": "chang", "xiao": "hsiao", "jian": "chien", "qiong": "chiung", "xue": "hsueh", "zi": "tzu", "si": "ssu",
		"cao": "tsao", "guo": "kuo", "gui": "kuei", "ge": "ko", "he": "ho", "huo": "huo", "shuo": "shuo", "ruo": "jo", "duo": "to", "lve": "lueh",
		"lv": "lu", "you": "yu", "yan": "yen", "yong": "yung", "er": "erh", "bo": "po", "de": "te", "hui": "hui", "zhui": "chui", "e": "o", "en": "en",
	} {
		if got := wadeGiles(pinyin); got != want {
			t.Errorf("%s: %s, want %s", pinyin, got, want)
		}
	}
}

var dateCases = []struct {
	a, b    string
	verdict Verdict
	reason  Key
}{
	{"1998-05-04", "1998-05-04", Same, "date.exact"},
	{"1998-05-04?", "1998-05-04", Compatible, "date.approximate"},
	{"1998-05-04", "1998-04-05", Compatible, "date.day_month_swapped"},
	{"1998-05-14", "1999-05-14", Compatible, "date.year_off_by_one"},
	{"1998-05-14", "1998-06-10", Compatible, "date.perhaps_lunar"},
	{"1998-01-01", "1998-10-23", Compatible, "date.first_of_january"},
	{"1998-05-14", "1988-05-14", Compatible, "date.one_digit"},
	{"1998-05-14", "1998-10-23", Different, "date.near"},
	{"1998-05-14", "1985-10-23", Different, "date.differs"},
	{"1998", "1998-05-14", Compatible, "date.within"},
	{"1998", "1998", Compatible, "date.same_partial"},
	{"199X", "1998-05", Compatible, "date.within"},
	{"1996~", "1998-05-14", Compatible, "date.approximate"},
	{"1998", "1999-03-01", Compatible, "date.year_off_by_one"},
	{"1998", "2001", Different, "date.differs"},
	{"", "1998", NotComparable, "date.missing"},
	{"yes", "1998", NotComparable, "date.unreadable"},
}

func TestDates(t *testing.T) {
	for _, test := range dateCases {
		f := compareDates(FieldBirth, test.a, test.b)
		if f.Verdict != test.verdict || !slices.Contains(f.Reasons, test.reason) {
			t.Errorf("%s, %s: %+v, want %s, %s", test.a, test.b, f, test.verdict, test.reason)
		}
		g := compareDates(FieldBirth, test.b, test.a)
		if g.Verdict != f.Verdict || g.Score != f.Score {
			t.Errorf("%s, %s: not symmetric", test.a, test.b)
		}
	}
}

func TestAge(t *testing.T) {
	for birth, want := range map[string]Key{"2009-03-01": "date.age_fits", "2009": "date.age_fits", "2007-06-01": "date.age_differs", "1980": "date.age_differs"} {
		a := Person{AgeBand: "16_17", AgeOn: "2026-11-02"}
		if f := compareBirth(a, Person{Birth: birth}); !slices.Contains(f.Reasons, want) {
			t.Errorf("%s: %+v", birth, f)
		}
	}
	if f := compareBirth(Person{AgeBand: "16_17", AgeOn: "2026-11-02"}, Person{}); f.Verdict != NotComparable {
		t.Errorf("%+v", f)
	}
}

var placeCases = []struct {
	what    string
	a, b    Place
	verdict Verdict
	reason  Key
}{
	{"the same unit", Place{"VN", "82", "vn-units-2025-07", ""}, Place{"VN", "82", "vn-units-2025-07", ""}, Same, "place.same_unit"},
	{"an old province in a present one", Place{"VN", "", "", "Cai Lậy, Tiền Giang"}, Place{"VN", "82", "vn-units-2025-07", "Đồng Tháp"}, Compatible, "place.merged"},
	{"old and present code", Place{"VN", "82", "vn-provinces-2025-06", ""}, Place{"VN", "82", "vn-units-2025-07", ""}, Compatible, "place.merged"},
	{"two old ones of one present", Place{"VN", "82", "vn-provinces-2025-06", ""}, Place{"VN", "87", "vn-provinces-2025-06", ""}, Different, "place.differs"},
	{"a name that is both", Place{"VN", "", "", "Đồng Tháp"}, Place{"VN", "", "", "tinh Tien Giang"}, Compatible, "place.ambiguous_version"},
	{"without diacritics", Place{"VN", "", "", "Cai Lay, Tien Giang"}, Place{"VN", "", "", "Cai Lậy, tỉnh Tiền Giang"}, Compatible, "place.same_province"},
	{"the last name counts", Place{"VN", "", "", "xã Hà Nam, Cao Bằng"}, Place{"VN", "", "", "Cao Bằng"}, Compatible, "place.same_province"},
	{"other provinces", Place{"VN", "", "", "Cao Bằng"}, Place{"VN", "", "", "Cà Mau"}, Different, "place.differs"},
	{"another country", Place{"KH", "", "", "Kampot"}, Place{"VN", "", "", "Cà Mau"}, Different, "place.other_country"},
	{"words alike", Place{"KH", "", "", "Kampong Thom"}, Place{"KH", "", "", "Kampong Thum"}, Compatible, "place.text_alike"},
	{"the same Khmer words", Place{"KH", "", "", "កំពត"}, Place{"KH", "", "", "កំពត"}, Same, "place.same_text"},
	{"nothing known", Place{"KH", "", "", "Kampot"}, Place{"KH", "", "", "Takeo"}, NotComparable, "place.unknown"},
	{"missing", Place{}, Place{"KH", "", "", "Takeo"}, NotComparable, "place.missing"},
}

func TestPlaces(t *testing.T) {
	c := newComparer(t)
	for _, test := range placeCases {
		f := c.comparePlaces(FieldBirthplace, test.a, test.b)
		if f.Verdict != test.verdict || !slices.Contains(f.Reasons, test.reason) {
			t.Errorf("%s: %+v, want %s, %s", test.what, f, test.verdict, test.reason)
		}
	}
}

// TestProvinces: 63 provinces became 34, each is found by its name, and a ward
// lies in the province that its list says.
func TestProvinces(t *testing.T) {
	c := newComparer(t)
	now := map[string]bool{}
	before, _ := schemas.List(oldProvinces)
	for _, p := range c.provinces.old {
		now[p.now] = true
		label := before.Label(p.code, "vi")
		if h := c.provinces.byText("xã Thử, " + label); !slices.Contains(h.old, p.code) {
			t.Errorf("%s is not found by its name: %v", label, h.old)
		}
	}
	if len(c.provinces.old) != 63 || len(now) != 34 {
		t.Errorf("%d provinces became %d", len(c.provinces.old), len(now))
	}
	ward := c.homeOf(Place{Country: "VN", Code: "28439", List: "vn-units-2025-07"})
	if !slices.Equal(ward.old, []string{"82", "87"}) {
		t.Errorf("a ward of the present Đồng Tháp: %v", ward.old)
	}
	if h := c.provinces.byText("Phú Vang, Thừa Thiên Huế"); !slices.Equal(h.old, []string{"46"}) {
		t.Errorf("Thừa Thiên Huế: %v", h.old)
	}
	if _, ok := (CodeLists{}).Province("no-such-list", "82"); ok {
		t.Error("a province of a list that does not exist")
	}
}

func TestNumbers(t *testing.T) {
	c := newComparer(t)
	person := Person{Sex: "female", Birth: "1998-05-14", Birthplace: Place{"VN", "", "", "Tiền Giang"}, CCCD: "082198000000"}
	if w := c.Compare(person, Person{}).Warnings; len(w) != 0 {
		t.Errorf("a fitting number: %v", w)
	}
	for number, want := range map[string]Key{
		"082098000000": "warning.cccd_sex", "082197000000": "warning.cccd_year", "082398000000": "warning.cccd_year",
		"001198000000": "warning.cccd_place", "999198000000": "warning.cccd_place_unknown", "082598000000": "warning.cccd_century", "0821980000": "warning.cccd_shape",
	} {
		p := person
		p.CCCD = number
		r := c.Compare(Person{}, p)
		if !slices.Contains(r.Warnings, Warning{Known, want}) {
			t.Errorf("%s: %v, want %s", number, r.Warnings, want)
		}
	}
	for _, test := range []struct {
		a, b    Person
		verdict Verdict
		reason  Key
	}{
		{person, Person{CCCD: "082198000000"}, Same, "cccd.same"},
		{person, Person{CCCD: "082198000001"}, Different, "cccd.slip"},
		{person, Person{CCCD: "082189000000"}, Different, "cccd.slip"},
		{person, Person{CCCD: "001198000001"}, Different, "cccd.differs"},
		{person, Person{CCCD: "123456789"}, NotComparable, "cccd.old_number"},
		{Person{CCCD: "082198000000"}, Person{Sex: "female", Birth: "1998"}, NotComparable, "cccd.fits"},
		{Person{Sex: "male"}, Person{CCCD: "082198000000"}, NotComparable, "cccd.contradicts"},
		{person, Person{Documents: []Document{{Type: "identity_card", Number: "082 198 000 000"}}}, Same, "cccd.same"},
	} {
		if f := c.Compare(test.a, test.b).Of(FieldCCCD); f.Verdict != test.verdict || f.Reasons[0] != test.reason {
			t.Errorf("%+v, want %s, %s", f, test.verdict, test.reason)
		}
	}
}

const specimen = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"

func TestDocuments(t *testing.T) {
	c := newComparer(t)
	anna := Person{
		Names: []Name{latinOnly("Anna Maria Eriksson")}, Sex: "female", Birth: "1974-08-12",
		Documents: []Document{{Type: "passport", Number: "L898902C3", Issuer: "UTO", MRZ: specimen}},
	}
	r := c.Compare(anna, Person{Documents: []Document{{Type: "passport", Number: "l 898902-c3", Issuer: "UTO"}}})
	if f := r.Of(FieldDocuments); f.Verdict != Same || len(r.Warnings) != 0 {
		t.Errorf("%+v, %v", f, r.Warnings)
	}
	r = c.Compare(anna, Person{Documents: []Document{{Type: "other", Number: "L898902C3"}}})
	if f := r.Of(FieldDocuments); f.Verdict != Compatible {
		t.Errorf("%+v", f)
	}
	// The name in the zone counts, and what contradicts the zone is warned of.
	odd := Person{Names: []Name{vi("Nguyễn Thị Mẫu")}, Sex: "male", Birth: "1980", Documents: anna.Documents}
	r = c.Compare(anna, odd)
	for _, want := range []Key{"warning.mrz_name", "warning.mrz_sex", "warning.mrz_birth"} {
		if !slices.Contains(r.Warnings, Warning{Known, want}) {
			t.Errorf("no %s in %v", want, r.Warnings)
		}
	}
	if f := r.Of(FieldName); f.Verdict != Compatible || !slices.Contains(f.Reasons, "name.alias") {
		t.Errorf("%+v", f)
	}
	broken := Person{Documents: []Document{{MRZAsRead: "P<UTO??"}}}
	if w := c.Compare(broken, anna).Warnings; !slices.Contains(w, Warning{Asked, "warning.mrz_invalid"}) {
		t.Errorf("%v", w)
	}
}

// TestExample reads the published example and compares each person with itself
// and with the other.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("../../schemas/examples/identity_verification_request.json")
	if err != nil {
		t.Fatal(err)
	}
	body, err := schemas.Parse(data, schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	subjects := body.(map[string]any)["subjects"].([]any)
	one, two := PersonOf(subjects[0].(map[string]any)), PersonOf(subjects[1].(map[string]any))
	if len(one.Names) != 2 || one.Father.Name.empty() || len(one.Documents) != 1 || one.CCCD == "" || one.Birthplace.Code != "82" {
		t.Errorf("%+v", one)
	}
	c := newComparer(t)
	self, other := c.Compare(one, one), c.Compare(one, two)
	for _, f := range self.Findings {
		if f.Verdict == Different {
			t.Errorf("a person differs from itself: %+v", f)
		}
	}
	if f := other.Of(FieldName); f.Verdict != Different || other.Order >= self.Order {
		t.Errorf("%+v; %d and %d", f, other.Order, self.Order)
	}
	if _, err := json.Marshal(other); err != nil {
		t.Error(err)
	}
}

// TestCatalogue: every key of the code has a text in every language, and every
// text a use.
func TestCatalogue(t *testing.T) {
	used := map[Key]bool{"order": true}
	for _, v := range []Verdict{Same, Compatible, Different, NotComparable} {
		used[v.Key()] = true
	}
	for _, g := range []Grade{Exact, Strong, Fair, Weak, None} {
		used[g.Key()] = true
	}
	for f := range weights {
		used[f.Key()] = true
	}
	key := regexp.MustCompile(`"((?:name|date|sex|citizenship|place|cccd|documents|warning|field|index)\.[a-z_]+)"`)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := file.Name(); !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		code, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllStringSubmatch(string(code), -1) {
			used[Key(m[1])] = true
		}
	}
	for _, language := range []string{"vi", "en", "lo", "km", "zh"} {
		for k := range used {
			if strings.TrimSpace(texts()[language][k]) == "" {
				t.Errorf("%s has no text in %s", k, language)
			}
		}
		for k := range texts()[language] {
			if !used[k] {
				t.Errorf("%s has %s, which is not used", language, k)
			}
		}
	}
	if got, want := Key("sex.same").In("fr"), Key("sex.same").In("en"); got != want {
		t.Errorf("a language that nobody wrote says %q, want %q", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no units: no error")
	}
	c := newComparer(t)
	for _, key := range [][]byte{nil, make([]byte, 32), []byte("short")} {
		if _, err := NewIndex(c, key); err == nil {
			t.Error("a bad key: no error")
		}
	}
}

// A name in a script that nothing here reads is not said to differ.
func TestUnreadScripts(t *testing.T) {
	c := newComparer(t)
	for _, pair := range []struct {
		a, b Name
		want Verdict
	}{
		{Name{Native: "សុខ សុភាព"}, Name{Native: "Sok Sopheap"}, NotComparable},
		{Name{Native: "ສົມພອນ"}, Name{Latin: "Somphone"}, NotComparable},
		{Name{Native: "ສົມພອນ"}, Name{Native: "សុខ"}, NotComparable},
		{Name{Native: "សុខ"}, Name{Native: "王伟"}, NotComparable},
		{Name{Native: "សុខ សុភាព", Latin: "Sok Sopheap"}, Name{Native: "Sok Sophep"}, Compatible},
		{Name{Native: "សុខ សុភាព", Latin: "Sok Sopheap"}, Name{Native: "Chan Dara"}, Different},
		{Name{Native: "សុខ សុភាព"}, Name{Native: "ចាន់ ដារ៉ា"}, Different},
		{Name{Native: "王伟"}, Name{Native: "Vương Vĩ"}, Compatible},
	} {
		for _, swapped := range []bool{false, true} {
			if swapped {
				pair.a, pair.b = pair.b, pair.a
			}
			found := c.Compare(Person{Names: []Name{pair.a}}, Person{Names: []Name{pair.b}}).Of(FieldName)
			if found.Verdict != pair.want || pair.want == NotComparable && !slices.Equal(found.Reasons, []Key{"name.script_unread"}) {
				t.Errorf("%+v, %+v: %+v, want %s", pair.a, pair.b, found, pair.want)
			}
		}
	}
}

// What stands in brackets and holds no letter is no name in another script.
func TestBracketsWithoutLetters(t *testing.T) {
	c := newComparer(t)
	found := c.Compare(Person{Names: []Name{{Native: "Mẫu (1+1)", Script: "Latn"}}}, Person{Names: []Name{{Native: "Lê Thị Hoa", Script: "Latn"}}}).Of(FieldName)
	if found.Verdict != Different || slices.Contains(found.Reasons, "name.script_unread") {
		t.Errorf("%+v", found)
	}
}
