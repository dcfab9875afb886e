package exchange

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/google/uuid"
	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// impersonal refuses identifiers that say who somebody is whom the message describes:
// they stand in addresses, lists, file names and logs of both sides, where nothing else
// of a person does. Whoever names messages at random does not meet it.
func impersonal(claims Claims, body any) *Problem {
	type name struct{ at, folded string }
	var named []name
	add := func(at, id string) {
		if f := folded(id); len(f) >= leastTelling && uuid.Validate(id) != nil {
			named = append(named, name{at, f})
		}
	}
	add("/jti", claims.ID)
	add("/case", claims.Case)
	subjects, _ := member(body, "subjects").([]any)
	for i, subject := range subjects {
		ref, _ := member(subject, "subject_ref").(string)
		add(fmt.Sprintf("/body/subjects/%d/subject_ref", i), ref)
	}
	if named == nil {
		return nil
	}
	for _, subject := range subjects {
		described, _ := subject.(map[string]any)
		for _, words := range tells(identity.PersonOf(described)) {
			for _, n := range named {
				if containsAll(n.folded, words) {
					return problem(ProblemSchema, "An identifier says nothing of a person; make one at random.").rule("identifier-personal").at(n.at)
				}
			}
		}
	}
	return nil
}

// leastTelling is how many letters and digits may tell somebody from others.
const leastTelling = 8

// tells returns what tells a person from others: all words of a name, or a number.
func tells(p identity.Person) [][]string {
	numbers := []string{p.CCCD}
	for _, d := range p.Documents {
		numbers = append(numbers, d.Number)
	}
	var out [][]string
	for _, number := range numbers {
		out = append(out, []string{folded(number)})
	}
	for _, n := range p.Names {
		for _, writing := range []string{n.Native, n.Latin} {
			var words []string
			for _, word := range strings.Fields(writing) {
				words = append(words, folded(word))
			}
			out = append(out, words)
		}
	}
	return out
}

// containsAll says whether all of several words stand in an identifier, and tell
// somebody from others.
func containsAll(id string, words []string) bool {
	length := 0
	for _, word := range words {
		before, after, found := strings.Cut(id, word)
		if word == "" || !found {
			return false
		}
		id = before + " " + after // no letter counts for two words
		length += len(word)
	}
	return length >= leastTelling
}

// folded returns the letters of ASCII, without their marks, and the digits of a text.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case r == 'đ':
			return 'd'
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return r
		}
		return -1
	}, norm.NFD.String(text))
}
