package export

// A count is one number of a table: n persons of a whole. One that could lead
// to a person is hidden.
type count struct {
	n, of  int
	hidden bool
}

// protect hides what is small in a count that stands alone: n of a whole tells
// of the rest as well.
func (c *count) protect(k int) {
	c.hidden = c.hidden || small(c.n, k) || small(c.of-c.n, k) || small(c.of, k)
}

func small(n, k int) bool { return n > 0 && n < k }

// partition protects counts that are the parts of one whole, which is known:
// each person is in one of them. When one is small, everything below 2k is
// hidden with it, also what is nothing; and everything at all when that is one
// part alone, or when those hidden are few together. What is left of the whole
// then tells none of them, not even to whoever knows this rule: a test tries it.
func partition(parts []*count, k int) {
	whole, low, below, hide := 0, 0, 0, false
	for _, p := range parts {
		whole += p.n
		hide = hide || p.hidden || small(p.n, k)
		if p.n < 2*k {
			low, below = low+1, below+p.n
		}
	}
	if !hide && !small(whole, k) {
		return
	}
	all := low < 2 || small(below, k) || small(whole, k)
	for _, p := range parts {
		p.hidden = p.hidden || p.n < 2*k || all
	}
}

// chain protects counts of the same whole of which one may be a part of another:
// their difference is a count too. Where two shown ones differ by a small number
// the smaller one is hidden.
func chain(links []*count, k int) {
	for _, l := range links {
		l.protect(k)
	}
	for again := true; again; {
		again = false
		for _, a := range links {
			for _, b := range links {
				if !a.hidden && !b.hidden && small(b.n-a.n, k) {
					a.hidden, again = true, true
				}
			}
		}
	}
}
