package identity

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// conventions say which languages' ways of writing names come into question.
type conventions uint8

const (
	vietnamese conventions = 1 << iota
	khmer
	lao
	chinese
)

// A script class joins what one reader reads: Hans, Hant and Hani are one.
type scriptClass string

const (
	latn  scriptClass = "Latn"
	hani  scriptClass = "Hani"
	khmr  scriptClass = "Khmr"
	laoo  scriptClass = "Laoo"
	other scriptClass = ""
)

// scriptOf tells the script of a text from its letters, not from what the
// sender says about it. Mixed says that there are letters of two.
func scriptOf(s string) (class scriptClass, mixed bool) {
	class, seen := other, false
	for _, r := range s {
		if !unicode.IsLetter(r) {
			continue
		}
		c := other
		switch {
		case unicode.Is(unicode.Latin, r):
			c = latn
		case unicode.Is(unicode.Han, r):
			c = hani
		case unicode.Is(unicode.Khmer, r):
			c = khmr
		case unicode.Is(unicode.Lao, r):
			c = laoo
		}
		if seen && c != class {
			mixed = true
		}
		if !seen {
			class, seen = c, true
		}
	}
	return class, mixed
}

// familyNames are frequent Vietnamese family names without diacritics; about
// nine Vietnamese in ten bear one, so that they tell little apart.
var familyNames = map[string]bool{
	"nguien": true, "nguyen": true, "tran": true, "le": true, "pham": true, "hoang": true, "huinh": true, "huynh": true, "phan": true,
	"vu": true, "vo": true, "dang": true, "bui": true, "do": true, "ho": true, "ngo": true, "duong": true, "li": true,
}

// rarerFamilyNames are those of most other Vietnamese; many are given names too, so that
// they tell nothing but where the first part is no frequent one.
var rarerFamilyNames = map[string]bool{
	"truong": true, "dinh": true, "doan": true, "dao": true, "trinh": true, "luong": true, "luu": true, "lam": true, "mai": true, "phung": true,
	"cao": true, "ha": true, "ta": true, "chau": true, "thai": true, "quach": true, "vuong": true, "to": true, "kieu": true, "tong": true,
	"la": true, "chu": true, "nghiem": true, "ton": true, "thach": true, "tang": true, "trieu": true, "vi": true, "quan": true, "khuc": true,
}

// familyLast tells whether the family name seems to stand behind the given ones, as
// English has it: no frequent one is first, and the last is one.
func familyLast(parts []string) bool {
	first, last := parts[0], parts[len(parts)-1]
	return !familyNames[first] && (familyNames[last] || rarerFamilyNames[last])
}

// conventionsOf tells which conventions a name may follow.
func conventionsOf(n Name, parts []token) conventions {
	var c conventions
	language, _, _ := strings.Cut(strings.ToLower(n.Language), "-")
	switch language {
	case "vi":
		c |= vietnamese
	case "km":
		c |= khmer
	case "lo":
		c |= lao
	case "zh", "cmn", "yue", "nan":
		c |= chinese
	}
	switch class, _ := scriptOf(n.Native); class {
	case khmr:
		c |= khmer
	case laoo:
		c |= lao
	case hani:
		c |= chinese
	}
	if c == 0 && looksVietnamese(n.Native+" "+n.Latin, parts) {
		c |= vietnamese
	}
	return c
}

// looksVietnamese goes by letters that only Vietnamese has, or by a frequent
// family name at either end.
func looksVietnamese(s string, parts []token) bool {
	if strings.ContainsAny(strings.ToLower(norm.NFC.String(s)), "đơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ") {
		return true
	}
	return len(parts) > 1 && (familyNames[parts[0].plain] || familyNames[parts[len(parts)-1].plain])
}

// particle tells the parts that mark the sex or serve as a title and are often
// left out: Thị and Văn, Thao and Nang. Vân and Thi are names.
func particle(t token, c conventions) bool {
	switch {
	case c&vietnamese != 0 && (t.exact == "thi\u0323" || t.exact == "văn" || !t.marked && (t.plain == "thi" || t.plain == "van")):
		return true
	case c&lao != 0 && (t.plain == "thao" || t.plain == "nang"):
		return true
	}
	return false
}

// weight says how much a part of a name counts: a frequent family name less, a
// particle least.
func weight(t token, c conventions) float64 {
	switch {
	case particle(t, c):
		return 0.3
	case c&vietnamese != 0 && familyNames[t.plain]:
		return 0.6
	}
	return 1
}
