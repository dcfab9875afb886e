package console

import (
	"fmt"
	"unicode"

	"github.com/repatriation-exchange/gateway/exchange"
)

// maxShown bounds a text of a partner on a page, in code points.
const maxShown = 1500

// maxMarks is how many combining marks one letter may carry: Vietnamese needs
// two, Khmer and Lao three or four. A heap of them covers the lines around it.
const maxMarks = 4

// A Piece is a part of a text that somebody else wrote: words, or a character
// that nobody would see, by its number.
type Piece struct {
	Words string
	Code  string // U+202E; U+0301 ×9 for a heap of marks
	More  int    // how many code points were left out at the end
}

// Text prepares hostile text for a page: what turns the direction of writing
// around, hides or imitates is made visible, and what is too long is cut.
func Text(s string) []Piece {
	var out []Piece
	var words []rune
	flush := func() {
		if len(words) > 0 {
			out = append(out, Piece{Words: string(words)})
			words = nil
		}
	}
	runes := []rune(s)
	marks := 0
	for i, r := range runes {
		if unicode.Is(unicode.M, r) && !unseen(runes, i) {
			marks++
		} else {
			marks = 0
		}
		if i == maxShown {
			flush()
			return append(out, Piece{More: len(runes) - i})
		}
		if over := marks - maxMarks; over > 0 {
			flush()
			if over > 1 {
				out = out[:len(out)-1]
			}
			out = append(out, Piece{Code: fmt.Sprintf("U+%04X ×%d", r, over)})
			continue
		}
		if r == '\n' || !unseen(runes, i) {
			words = append(words, r)
			continue
		}
		flush()
		out = append(out, Piece{Code: fmt.Sprintf("U+%04X", r)})
	}
	flush()
	return out
}

// unseen says whether the character at i would not be seen for what it is, or is a space
// that looks like another.
func unseen(runes []rune, i int) bool {
	return exchange.Unseen(runes, i) || runes[i] != ' ' && unicode.Is(unicode.Zs, runes[i])
}
