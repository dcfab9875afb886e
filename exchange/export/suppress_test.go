package export

import (
	"fmt"
	"strings"
	"testing"
)

// Whoever knows the rules, the whole and every shown number tries all numbers
// that would look the same: of no hidden part may only one small number be
// possible.
func TestPartitionHidesFromWhoKnowsTheRules(t *testing.T) {
	const k = 3
	const top = 10
	looks := map[string][][4]int{}
	each(top, func(n [4]int) {
		looks[look(n, k)] = append(looks[look(n, k)], n)
	})
	tried := 0
	for shown, worlds := range looks {
		for i := range 4 {
			values := map[int]bool{}
			for _, w := range worlds {
				values[w[i]] = true
			}
			if hidden := hiddenSum(worlds[0], k); small(hidden, k) && strings.Count(shown, "*") < 4 {
				t.Fatalf("%s tells that %d are in what is hidden", shown, hidden)
			}
			for v := range values {
				if tried++; len(values) == 1 && small(v, k) {
					t.Errorf("%s tells that part %d is %d", shown, i, v)
				}
			}
		}
	}
	if tried == 0 {
		t.Fatal("nothing was tried")
	}
}

// hiddenSum is what a reader finds by taking the shown parts from the whole.
func hiddenSum(n [4]int, k int) int {
	sum := 0
	parts := make([]*count, 4)
	for i := range n {
		parts[i] = &count{n: n[i]}
	}
	partition(parts, k)
	for _, p := range parts {
		if p.hidden {
			sum += p.n
		}
	}
	return sum
}

func each(top int, fn func([4]int)) {
	for a := range top {
		for b := range top {
			for c := range top {
				for d := range top {
					fn([4]int{a, b, c, d})
				}
			}
		}
	}
}

// look is what a reader sees of four parts and their whole.
func look(n [4]int, k int) string {
	parts, whole := make([]*count, 4), 0
	for i := range n {
		parts[i] = &count{n: n[i]}
		whole += n[i]
	}
	partition(parts, k)
	out := ""
	for _, p := range parts {
		if p.hidden {
			out += "* "
		} else {
			out += fmt.Sprint(p.n) + " "
		}
	}
	if small(whole, k) {
		return out + "of *"
	}
	return out + "of " + fmt.Sprint(whole)
}

// Of a count and its whole neither part is told when either is small, and of
// counts that lie within one another no small difference.
func TestChainHidesSmallDifferences(t *testing.T) {
	const k = 5
	for n := range 30 {
		c := &count{n: n, of: 30}
		c.protect(k)
		if want := n > 0 && n < k || n > 30-k && n < 30; c.hidden != want {
			t.Errorf("%d of 30: hidden %t", n, c.hidden)
		}
	}
	for a := range 40 {
		for b := range 40 {
			links := []*count{{n: a, of: 40}, {n: b, of: 40}, {n: 20, of: 40}}
			chain(links, k)
			for _, x := range links {
				for _, y := range links {
					if !x.hidden && !y.hidden && small(x.n-y.n, k) {
						t.Fatalf("%d and %d are both shown", x.n, y.n)
					}
				}
			}
		}
	}
}
