package identity

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/hbollon/go-edlib"
)

// A likeness is how well two names agree, from 0 to 1, and why.
type likeness struct {
	score   float64
	reasons []Key
}

func (l likeness) with(reason Key) likeness {
	if !slices.Contains(l.reasons, reason) {
		l.reasons = append(slices.Clone(l.reasons), reason)
	}
	return l
}

// most keeps a likeness below a bound.
func (l likeness) most(bound float64) likeness {
	l.score = min(l.score, bound)
	return l
}

func better(a, b likeness) likeness {
	if b.score > a.score {
		return b
	}
	return a
}

// A pairing is what two parts of names have in common.
type pairing struct {
	score  float64
	reason Key // "" for the same letters
}

// enough is the least score at which two parts count as counterparts.
const enough = 0.5

// A comparison compares two names in Latin letters.
type comparison struct {
	a, b         []token
	conventions  conventions
	aBare, bBare bool // the whole name is written without diacritics
	truncated    bool // one side is a machine-readable zone that is full
}

// pair compares two parts.
func (c comparison) pair(x, y token) pairing {
	switch {
	case x.exact == y.exact:
		return pairing{1, ""}
	case x.plain == y.plain:
		return c.diacritics(x, y)
	case strings.Contains(x.alt, " "+y.plain+" "), strings.Contains(y.alt, " "+x.plain+" "):
		return pairing{0.95, "name.icao"}
	case c.truncated && (strings.HasPrefix(x.plain, y.plain) || strings.HasPrefix(y.plain, x.plain)):
		return pairing{0.9, "name.truncated"}
	}
	best := c.slip(x.plain, y.plain)
	if c.conventions&(khmer|lao) != 0 {
		if r := c.romanised(x.plain, y.plain); r.score > best.score {
			best = r
		}
	}
	if initial := min(len(x.plain), len(y.plain)) == 1 && x.plain[0] == y.plain[0]; initial && best.score < 0.6 {
		best = pairing{0.6, "name.initial"}
	}
	return best
}

// diacritics judges two parts of the same letters with other diacritics. In
// Vietnamese they make another name, unless one side leaves them all out.
func (c comparison) diacritics(x, y token) pairing {
	switch {
	case c.aBare || c.bBare:
		return pairing{0.95, "name.diacritics_left_out"}
	case c.conventions&vietnamese == 0:
		return pairing{0.95, "name.diacritics_differ"}
	case x.marked && y.marked:
		return pairing{0.6, "name.diacritics_differ"}
	}
	return pairing{0.8, "name.diacritics_differ"}
}

// slip allows for a letter or two in a long part. Vietnamese and Chinese parts
// are short, and a letter makes another name.
func (c comparison) slip(x, y string) pairing {
	short := min(len(x), len(y))
	if max(len(x), len(y))-short > 2 {
		return pairing{}
	}
	d := edlib.OSADamerauLevenshteinDistance(x, y)
	tonal := c.conventions&(vietnamese|chinese) != 0
	switch {
	case d == 1 && short >= 6, d == 1 && short >= 4 && !tonal:
		return pairing{0.8, "name.slip"}
	case d == 2 && short >= 8:
		return pairing{0.7, "name.slip"}
	case d == 1 && short >= 3 && !tonal:
		return pairing{0.55, "name.slip"}
	}
	return pairing{}
}

// romanised compares the skeletons.
func (c comparison) romanised(x, y string) pairing {
	sx, sy := skeletonOf(x, c.conventions), skeletonOf(y, c.conventions)
	if sx == "" || sy == "" {
		return pairing{}
	}
	if sx == sy {
		return pairing{0.9, "name.romanised"}
	}
	n := closeness(sx, sy)
	switch {
	case n >= 0.8:
		return pairing{0.9 * n, "name.romanised"}
	case n >= 0.6:
		return pairing{0.9 * n, "name.romanised_loosely"}
	}
	return pairing{}
}

// compare finds the best likeness of two names in Latin letters, whatever the
// order of their parts.
func (c comparison) compare() likeness {
	if len(c.a) == 0 || len(c.b) == 0 {
		return likeness{}
	}
	c.aBare, c.bBare = !anyMarked(c.a), !anyMarked(c.b)
	best := c.align()
	if len(c.a) != len(c.b) {
		best = better(best, c.together())
	}
	return best
}

// crossing is what sets apart two assignments that are worth the same: the one
// whose parts stand less far from their counterparts is taken, from whichever
// side it is looked at. It is less than any difference that means something.
const crossing = 1e-6

// align assigns the parts of one name to those of the other so that the sum is
// the greatest, by dynamic programming over the subsets of b.
func (c comparison) align() likeness {
	na, nb := len(c.a), len(c.b)
	pairs := make([][]pairing, na)
	for i, x := range c.a {
		pairs[i] = make([]pairing, nb)
		for j, y := range c.b {
			pairs[i][j] = c.pair(x, y)
		}
	}
	type cell struct {
		sum  float64
		took int // the part of b for a's last, or -1
	}
	table := make([][]cell, na+1)
	table[0] = make([]cell, 1<<nb)
	for i := range na {
		table[i+1] = make([]cell, 1<<nb)
		for set := range 1 << nb {
			best := cell{table[i][set].sum, -1}
			for rest := set; rest != 0; rest &= rest - 1 {
				j := bits.TrailingZeros(uint(rest))
				p := pairs[i][j]
				if p.score < enough {
					continue
				}
				sum := table[i][set&^(1<<j)].sum + c.worth(i, j)*p.score - crossing*float64((i-j)*(i-j))
				if sum > best.sum+1e-9 {
					best = cell{sum, j}
				}
			}
			table[i+1][set] = best
		}
	}
	set := 1<<nb - 1
	took := make([]int, na)
	for i := na - 1; i >= 0; i-- {
		took[i] = table[i+1][set].took
		if took[i] >= 0 {
			set &^= 1 << took[i]
		}
	}
	return c.judge(took, set, pairs)
}

// worth is what it counts that a part of a and one of b are counterparts.
func (c comparison) worth(i, j int) float64 {
	return (weight(c.a[i], c.conventions) + weight(c.b[j], c.conventions)) / 2
}

// judge turns an assignment into a likeness. took has b's part for each of a's,
// left is the set of b's parts without a counterpart.
func (c comparison) judge(took []int, left int, pairs [][]pairing) likeness {
	var l likeness
	var sum, leftA, leftB, total float64
	matched, ordered, last := 0, true, -1
	for i, j := range took {
		total += weight(c.a[i], c.conventions)
		if j < 0 {
			leftA += weight(c.a[i], c.conventions)
			continue
		}
		matched++
		sum += c.worth(i, j) * pairs[i][j].score
		ordered = ordered && j > last
		last = j
		if r := pairs[i][j].reason; r != "" {
			l = l.with(r)
		}
	}
	for j, t := range c.b {
		total += weight(t, c.conventions)
		if left&(1<<j) != 0 {
			leftB += weight(t, c.conventions)
		}
	}
	l.score = 2 * sum / total
	if !ordered {
		l = l.with("name.order")
		l.score *= 0.97
	}
	switch {
	case leftA > 0 && leftB > 0:
		l = l.with("name.parts_differ").most(0.6)
	case leftA > 0 || leftB > 0:
		l = l.with("name.part_missing").most(0.84) // strong means that every part is accounted for
	}
	if matched < 2 && (leftA > 0 || leftB > 0) {
		l = l.most(0.55)
	}
	return l
}

// together compares names whose parts are written as one word on one side:
// Bunroeun, Bun Roeun.
func (c comparison) together() likeness {
	var best likeness
	for _, side := range [2][2][]token{{c.a, c.b}, {c.b, c.a}} {
		whole := strings.Join(plains(side[0]), "")
		for _, turn := range turns(len(side[1])) {
			turned := strings.Join(plains(slices.Concat(side[1][turn:], side[1][:turn])), "")
			l := c.joined(whole, turned)
			if turn > 0 && l.score > 0 {
				l = l.with("name.order")
				l.score *= 0.97
			}
			best = better(best, l)
		}
	}
	return best
}

func (c comparison) joined(x, y string) likeness {
	short := min(len(x), len(y))
	if x == y {
		return likeness{0.93, []Key{"name.written_together"}}
	}
	if max(len(x), len(y)) > 2*maxLetters {
		return likeness{}
	}
	if c.conventions&(khmer|lao) != 0 && short >= 4 {
		if n := closeness(skeletonOf(x, c.conventions), skeletonOf(y, c.conventions)); n >= 0.8 {
			return likeness{0.84 * n, []Key{"name.written_together", "name.romanised"}}
		}
	}
	if short >= 10 && max(len(x), len(y))-short <= 1 && edlib.OSADamerauLevenshteinDistance(x, y) == 1 {
		return likeness{0.8, []Key{"name.written_together", "name.slip"}}
	}
	return likeness{}
}
