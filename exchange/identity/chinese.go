package identity

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/mozillazg/go-pinyin"
	"golang.org/x/text/unicode/norm"
)

//go:embed data/hanviet.txt
var hanvietTable string

//go:embed data/variants.txt
var variantsTable string

// syllables of pinyin, ü written v.
const syllables = `a ai an ang ao ba bai ban bang bao bei ben beng bi bian biao bie bin bing bo bu ca cai can cang cao ce cen ceng
cha chai chan chang chao che chen cheng chi chong chou chu chua chuai chuan chuang chui chun chuo ci cong cou cu cuan cui cun cuo
da dai dan dang dao de dei den deng di dian diao die ding diu dong dou du duan dui dun duo e ei en eng er fa fan fang fei fen feng fo fou fu
ga gai gan gang gao ge gei gen geng gong gou gu gua guai guan guang gui gun guo ha hai han hang hao he hei hen heng hong hou hu hua huai huan huang hui hun huo
ji jia jian jiang jiao jie jin jing jiong jiu ju juan jue jun ka kai kan kang kao ke ken keng kong kou ku kua kuai kuan kuang kui kun kuo
la lai lan lang lao le lei leng li lia lian liang liao lie lin ling liu long lou lu luan lun luo lv lve
ma mai man mang mao me mei men meng mi mian miao mie min ming miu mo mou mu na nai nan nang nao ne nei nen neng ni nian niang niao nie nin ning niu nong nou nu nuan nuo nv nve
o ou pa pai pan pang pao pei pen peng pi pian piao pie pin ping po pou pu qi qia qian qiang qiao qie qin qing qiong qiu qu quan que qun
ran rang rao re ren reng ri rong rou ru ruan rui run ruo sa sai san sang sao se sen seng sha shai shan shang shao she shei shen sheng shi shou shu shua shuai shuan shuang shui shun shuo
si song sou su suan sui sun suo ta tai tan tang tao te teng ti tian tiao tie ting tong tou tu tuan tui tun tuo wa wai wan wang wei wen weng wo wu
xi xia xian xiang xiao xie xin xing xiong xiu xu xuan xue xun ya yan yang yao ye yi yin ying yo yong you yu yuan yue yun
za zai zan zang zao ze zei zen zeng zha zhai zhan zhang zhao zhe zhen zheng zhi zhong zhou zhu zhua zhuai zhuan zhuang zhui zhun zhuo zi zong zou zu zuan zui zun zuo`

// maxForm is the longest spelling of a syllable.
const maxForm = 7

// A tables value holds what is known of Chinese characters and of the spellings
// of Mandarin.
type tables struct {
	spelled     map[string][]string // a spelling without signs: the syllables it may stand for
	pinyinOnly  map[string]bool     // spellings that pinyin has too
	forms       map[string][]string // a syllable: its spellings
	traditional map[rune][]rune
	hanviet     map[rune][]string // plain letters
}

// loadTables reads the embedded tables, once in a process.
var loadTables = sync.OnceValues(func() (*tables, error) {
	t := &tables{
		spelled: map[string][]string{}, pinyinOnly: map[string]bool{}, forms: map[string][]string{},
		traditional: map[rune][]rune{}, hanviet: map[rune][]string{},
	}
	for _, s := range strings.Fields(syllables) {
		for _, form := range pinyinForms(s) {
			t.pinyinOnly[form] = true
			t.add(s, form)
		}
		t.add(s, wadeGiles(s))
	}
	err := eachLine(variantsTable, func(r rune, rest string) { t.traditional[r] = []rune(rest) })
	if err != nil {
		return nil, fmt.Errorf("table of simplified characters: %w", err)
	}
	err = eachLine(hanvietTable, func(r rune, rest string) {
		for _, reading := range strings.Fields(rest) {
			if plain := tokenOf(reading).plain; !slices.Contains(t.hanviet[r], plain) {
				t.hanviet[r] = append(t.hanviet[r], plain)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("table of Sino-Vietnamese readings: %w", err)
	}
	return t, nil
})

func eachLine(table string, each func(rune, string)) error {
	for n, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		char, rest, ok := strings.Cut(line, "\t")
		if r := []rune(char); ok && len(r) == 1 {
			each(r[0], rest)
			continue
		}
		return fmt.Errorf("line %d is not a character, a tab and a text", n+1)
	}
	return nil
}

func (t *tables) add(syllable, form string) {
	form = iForY(form) // as tokens are folded
	if !slices.Contains(t.forms[syllable], form) {
		t.forms[syllable] = append(t.forms[syllable], form)
		t.spelled[form] = append(t.spelled[form], syllable)
	}
}

// pinyinForms are the ways in which passports and registers write a syllable:
// ü as u, v, yu or, in a machine-readable zone, uxx.
func pinyinForms(s string) []string {
	if !strings.Contains(s, "v") {
		return []string{s}
	}
	return []string{s, strings.Replace(s, "v", "u", 1), strings.Replace(s, "v", "yu", 1), strings.Replace(s, "v", "uxx", 1)}
}

// wadeGiles writes a syllable of pinyin in Wade–Giles as it is met in
// documents: without apostrophes, hyphens and the two dots of ü.
func wadeGiles(s string) string {
	if whole, ok := wadeGilesWhole[s]; ok {
		return whole
	}
	initial, final := "", s
	for _, i := range []string{"zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s"} {
		if strings.HasPrefix(s, i) {
			initial, final = i, s[len(i):]
			break
		}
	}
	if final == "v" || final == "ve" {
		final = "u" + final[1:]
	}
	if f, ok := wadeGilesFinals[final]; ok {
		final = f
	}
	switch {
	case final == "o" && strings.Contains("g k h sh", initial) && s[len(initial):] == "uo":
		final = "uo"
	case final == "e" && strings.Contains("g k h", initial) && initial != "":
		final = "o"
	case final == "ui" && strings.Contains("g k", initial):
		final = "uei"
	}
	return wadeGilesInitials[initial] + final
}

var wadeGilesInitials = map[string]string{
	"": "", "b": "p", "p": "p", "m": "m", "f": "f", "d": "t", "t": "t", "n": "n", "l": "l", "g": "k", "k": "k", "h": "h", "j": "ch", "q": "ch",
	"x": "hs", "zh": "ch", "ch": "ch", "sh": "sh", "r": "j", "z": "ts", "c": "ts", "s": "s",
}

var wadeGilesFinals = map[string]string{
	"ian": "ien", "ie": "ieh", "ue": "ueh", "ong": "ung", "iong": "iung", "uo": "o",
}

var wadeGilesWhole = map[string]string{
	"zhi": "chih", "chi": "chih", "shi": "shih", "ri": "jih", "zi": "tzu", "ci": "tzu", "si": "ssu", "er": "erh", "e": "o",
	"yi": "i", "you": "yu", "yan": "yen", "ye": "yeh", "yue": "yueh", "yong": "yung", "ju": "chu", "qu": "chu", "xu": "hsu",
}

// readings are the plain spellings that a Latin text may have for a character:
// Mandarin, by pinyin or Wade–Giles.
func (t *tables) readings(r rune) []string {
	var out []string
	for _, s := range t.mandarin(r) {
		out = append(out, t.forms[s]...)
	}
	return out
}

// mandarin are the syllables of a character, ü written v.
func (t *tables) mandarin(r rune) []string {
	var out []string
	for _, reading := range strings.Split(pinyin.PinyinDict[int(r)], ",") {
		var b strings.Builder
		for _, x := range norm.NFD.String(reading) {
			switch {
			case x == '\u0308': // the dots of ü
				s := strings.TrimSuffix(b.String(), "u")
				b.Reset()
				b.WriteString(s + "v")
			case !unicode.IsMark(x):
				b.WriteRune(x)
			}
		}
		if s := b.String(); t.forms[s] != nil && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// sinoVietnamese are the plain Sino-Vietnamese readings of a character, in its
// traditional forms too.
func (t *tables) sinoVietnamese(r rune) []string {
	out := slices.Clone(t.hanviet[r])
	for _, v := range t.traditional[r] {
		out = append(out, t.hanviet[v]...)
	}
	return out
}

// sameCharacter tells whether two characters are forms of one.
func (t *tables) sameCharacter(a, b rune) bool {
	return a == b || slices.Contains(t.traditional[a], b) || slices.Contains(t.traditional[b], a) ||
		slices.ContainsFunc(t.traditional[a], func(r rune) bool { return slices.Contains(t.traditional[b], r) })
}
