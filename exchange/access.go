package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Access is a look at personal data: who, why, whose, which fields. It is
// part of the record, in the case that it concerns, before a byte is shown.
type Access struct {
	Officer string   `json:"officer"`
	Reason  string   `json:"reason"`
	Partner string   `json:"-"`
	Case    string   `json:"-"`
	What    string   `json:"what"`              // message, draft, person; case: all of it becomes open
	ID      string   `json:"-"`                 // its jti, or a person's reference
	Fields  []string `json:"fields,omitempty"`  // JSON Pointers into its body; "" is all of it
	Printed bool     `json:"printed,omitempty"` // it went on paper, or into a file
	// With is whom a person was compared with.
	With *SubjectKey `json:"with,omitempty"`
	// BreakGlass: the officer is not assigned to it, and saw it in an emergency.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// How short a reason may be, for one letter explains nothing, and how long.
const (
	minReason = 5
	maxReason = 1000
)

// reasonLength counts the characters of a reason without the space around it. A
// letter of Vietnamese or Khmer is one, though it takes three bytes.
func reasonLength(reason string) int { return utf8.RuneCountInString(strings.TrimSpace(reason)) }

// minWords is how many letters and digits a reason has at least: dots explain nothing.
const minWords = 3

// joined are the scripts that need joiners and invisible spaces to be written and broken
// into lines right; most write signs around their letters.
var joined = []*unicode.RangeTable{unicode.Khmer, unicode.Lao, unicode.Thai, unicode.Myanmar, unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Tamil}

// GoodReason says whether a reason explains something, and not too much. What cannot be
// seen has no place in it: a reason that nobody can read is none.
func GoodReason(reason string) bool {
	if reasonLength(reason) > maxReason || !utf8.ValidString(reason) {
		return false
	}
	runes := []rune(strings.TrimSpace(reason))
	seen, words := 0, 0
	for i, r := range runes {
		switch {
		case unicode.IsSpace(r) && r != 0x2028 && r != 0x2029:
		case Unseen(runes, i):
			return false
		case joins(r):
			continue
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r) && unicode.In(r, joined...):
			words++
		}
		seen++
	}
	return seen >= minReason && words >= minWords
}

// joins says whether a character is a space without width or one of the two joiners.
func joins(r rune) bool { return r >= 0x200B && r <= 0x200D }

// Unseen says whether nobody would see the character at i for what it is. Scripts that
// are written with joiners keep them.
func Unseen(runes []rune, i int) bool {
	r := runes[i]
	if joins(r) {
		return !(i > 0 && unicode.In(runes[i-1], joined...)) && !(i+1 < len(runes) && unicode.In(runes[i+1], joined...))
	}
	if unicode.Is(unicode.Variation_Selector, r) { // Chinese characters have variants, and signs a picture
		return i == 0 || !unicode.In(runes[i-1], unicode.Han, unicode.So)
	}
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == 0x2800 // Braille's blank
}

// checkReason refuses a reason that is not good.
func checkReason(reason string) error {
	if !GoodReason(reason) {
		return problem(ProblemRequest, "Say for which reason, in %d to %d characters that can be seen, %d of them letters or digits at least; it stands in the record.", minReason, maxReason, minWords).rule("reason-required")
	}
	return nil
}

// recordSearch records that an officer looked for a person: why, and by which
// fields, never for whom.
func recordSearch(ctx context.Context, recorder Recorder, by *Officer, fields []string, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	data, err := json.Marshal(Access{Officer: by.ID, Reason: reason, What: "person", Fields: fields})
	if err != nil {
		return fmt.Errorf("write a search: %w", err)
	}
	e := &Entry{Kind: KindAccess, Direction: Out, ID: NewID(), Type: "person_search", Data: data}
	if err := recorder.Record(ctx, e); err != nil {
		return fmt.Errorf("record a search: %w", err)
	}
	return nil
}

// recordAccess records an access, and refuses one without a reason.
func recordAccess(ctx context.Context, recorder Recorder, a Access) error {
	if err := checkReason(a.Reason); err != nil {
		return err
	}
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write an access: %w", err)
	}
	e := &Entry{Kind: KindAccess, Direction: Out, Partner: a.Partner, Case: a.Case, ID: a.ID, Type: a.What + "_read", Data: data}
	switch {
	case a.What == "case": // nothing of it is shown yet
		e.Type = emergencyOpened
	case a.Printed:
		e.Type = a.What + "_printed"
	}
	if err := recorder.Record(ctx, e); err != nil {
		return fmt.Errorf("record an access: %w", err)
	}
	return nil
}
