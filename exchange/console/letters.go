package console

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A slice is one file of the fonts, and which characters are in it.
type slice struct {
	rule   string // of the style sheet
	file   string
	ranges [][2]rune
}

var (
	sliceFile  = regexp.MustCompile(`url\(fonts/([a-z0-9-]+\.woff2)\)`)
	sliceRange = regexp.MustCompile(`U\+([0-9a-f]+)(?:-([0-9a-f]+))?`)
)

// readSlices reads what the style sheet of the letters says.
func readSlices() ([]slice, error) {
	sheet, err := assets.ReadFile("assets/fonts.css")
	if err != nil {
		return nil, fmt.Errorf("read the fonts' style sheet: %w", err)
	}
	var out []slice
	for rule := range strings.Lines(string(sheet)) {
		m := sliceFile.FindStringSubmatch(rule)
		if m == nil {
			continue // a comment
		}
		s := slice{rule: rule, file: m[1]}
		for _, r := range sliceRange.FindAllStringSubmatch(rule, -1) {
			first, _ := strconv.ParseInt(r[1], 16, 32) // the pattern lets digits through
			last := first
			if r[2] != "" {
				last, _ = strconv.ParseInt(r[2], 16, 32)
			}
			s.ranges = append(s.ranges, [2]rune{rune(first), rune(last)})
		}
		out = append(out, s)
	}
	return out, nil
}

// take takes the letters that are in the slice out of those that are wanted,
// and says whether there were any.
func (s slice) take(wanted map[rune]bool) bool {
	before := len(wanted)
	for _, r := range s.ranges {
		maps.DeleteFunc(wanted, func(letter rune, _ bool) bool { return letter >= r[0] && letter <= r[1] })
	}
	return len(wanted) < before
}

// lettersOf returns the rules of the slices that a text needs, with the files
// in them. Of two rules for a letter a browser takes the later one, and so does this.
func lettersOf(text string) (string, error) {
	all, err := readSlices()
	if err != nil {
		return "", err
	}
	wanted := map[rune]bool{}
	for _, r := range text {
		wanted[r] = true
	}
	var rules []string
	for _, s := range slices.Backward(all) {
		if !s.take(wanted) {
			continue
		}
		file, err := assets.ReadFile("assets/fonts/" + s.file)
		if err != nil {
			return "", fmt.Errorf("read a font: %w", err)
		}
		rules = append(rules, strings.Replace(s.rule, "fonts/"+s.file, "data:font/woff2;base64,"+base64.StdEncoding.EncodeToString(file), 1))
	}
	slices.Reverse(rules)
	return strings.Join(rules, ""), nil
}
