package identity

import "strings"

// The skeleton of a part of a name keeps what survives one romanisation of
// Khmer or Lao and another: the consonants in classes, the vowels in six.
// docs/identity.md has the table in words.

// sound is a spelling and the class it belongs to. Longer spellings come first.
type sound struct{ spelling, class string }

var consonants = []sound{
	{"tch", "C"}, {"chh", "C"}, {"nh", "N"}, {"ng", "G"}, {"gn", "N"}, {"ny", "N"}, {"kh", "K"}, {"gh", "K"}, {"ch", "C"}, {"tj", "C"}, {"dj", "C"},
	{"ph", "P"}, {"bh", "P"}, {"th", "T"}, {"dh", "T"}, {"sh", "S"}, {"ck", "K"}, {"kk", "K"}, {"qu", "K"},
	{"k", "K"}, {"g", "K"}, {"q", "K"}, {"c", "K"}, {"j", "C"}, {"z", "C"}, {"t", "T"}, {"d", "T"}, {"p", "P"}, {"b", "P"}, {"f", "F"},
	{"s", "S"}, {"x", "S"}, {"m", "M"}, {"n", "N"}, {"l", "L"}, {"r", "R"}, {"v", "V"}, {"w", "V"}, {"h", "H"},
}

// skeletonOf writes a word as classes: upper case for consonants, lower case for
// vowels. h counts only at the
// beginning, r not before a consonant or at the end, a final e not after n.
func skeletonOf(word string, c conventions) string {
	var b strings.Builder
	if c&lao != 0 {
		word = silentE(word)
	}
	for i := 0; i < len(word); {
		if n := vowelRun(word[i:]); n > 0 {
			b.WriteByte(vowelClass(word[i : i+n]))
			i += n
			continue
		}
		s := consonantAt(word[i:])
		at, end := i, i+len(s.spelling)
		i = end
		switch {
		case s.class == "H" && at > 0, s.class == "S" && end == len(word) && c&khmer != 0:
			continue // a final s of Khmer is heard as h
		case s.class == "R" && (end == len(word) || vowelRun(word[end:]) == 0) && at > 0:
			continue
		case s.class == "R" && c&lao != 0:
			s.class = "L"
		case s.spelling == "c" && end < len(word) && strings.IndexByte("eiy", word[end]) >= 0:
			s.class = "C"
		}
		if t := b.String(); !strings.HasSuffix(t, s.class) {
			b.WriteString(s.class)
		}
	}
	return b.String()
}

func silentE(w string) string {
	if n := len(w); n > 3 && w[n-1] == 'e' && strings.IndexByte("nhktdsl", w[n-2]) >= 0 {
		return w[:n-1]
	}
	return w
}

func consonantAt(w string) sound {
	for _, s := range consonants {
		if strings.HasPrefix(w, s.spelling) {
			return s
		}
	}
	return sound{w[:1], ""}
}

// vowelRun counts the vowels that a word begins with. w and v belong to the
// vowels after one of them and not before one; y always does.
func vowelRun(w string) int {
	n := 0
	for n < len(w) {
		glide := n > 0 && (w[n] == 'w' || w[n] == 'v') && (n+1 == len(w) || strings.IndexByte("aeiou", w[n+1]) < 0)
		if strings.IndexByte("aeiouy", w[n]) < 0 && !glide {
			break
		}
		n++
	}
	return n
}

// vowelClass tells open (a), front (i) and back (o) vowels, and mixtures: open
// and front (e), open and back (u), front and back (y).
func vowelClass(run string) byte {
	front := strings.ContainsAny(run, "iye")
	back := strings.ContainsAny(run, "uowv")
	open := strings.ContainsRune(run, 'a')
	switch {
	case front && back:
		return 'y'
	case open && front:
		return 'e'
	case open && back:
		return 'u'
	case front:
		return 'i'
	case back:
		return 'o'
	}
	return 'a'
}

// apart says how far two classes of vowels are from each other, in parts of a
// consonant: they stand around the mouth in the order of the string.
func apart(a, b byte) float64 {
	const around = "aeiyou"
	d := strings.IndexByte(around, a) - strings.IndexByte(around, b)
	d = min(max(d, -d), len(around)-max(d, -d))
	return []float64{0, 0.15, 0.25, 0.4}[d]
}

// closeness compares two skeletons: 1 when they are equal, less by how much has
// to be changed. Another vowel costs little, a consonant much.
func closeness(a, b string) float64 {
	if a == b {
		return 1
	}
	if a == "" || b == "" {
		return 0
	}
	previous := make([]float64, len(b)+1)
	for j := range b {
		previous[j+1] = previous[j] + insertion(b[j])
	}
	for i := range a {
		current := make([]float64, len(b)+1)
		current[0] = previous[0] + insertion(a[i])
		for j := range b {
			current[j+1] = min(previous[j]+substitution(a[i], b[j]), previous[j+1]+insertion(a[i]), current[j]+insertion(b[j]))
		}
		previous = current
	}
	return max(0, 1-previous[len(b)]/float64(max(mass(a), mass(b))))
}

// mass counts a skeleton's consonants, and at least one.
func mass(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] < 'a' {
			n++
		}
	}
	return max(n, 1)
}

func insertion(c byte) float64 {
	if c >= 'a' {
		return 0.5
	}
	return 1
}

func substitution(a, b byte) float64 {
	switch {
	case a == b:
		return 0
	case a >= 'a' && b >= 'a':
		return apart(a, b)
	case a >= 'a' || b >= 'a':
		return 1.2
	}
	return 1
}
