package schemas

import (
	"errors"
	"fmt"
	"strings"
)

// An MRZ is a machine-readable zone (ICAO Doc 9303, parts 4 to 7) whose check
// digits hold. Fillers are stripped; names are as printed, < between words.
type MRZ struct {
	Format         string // TD1, TD2, TD3, MRVA or MRVB
	DocumentCode   string
	IssuingState   string
	DocumentNumber string
	Name           string // primary identifier, two fillers, secondary identifier
	Nationality    string
	BirthDate      string // YYMMDD; parts may be < when unknown
	Sex            string // M, F or < for unspecified
	ExpiryDate     string // YYMMDD
}

var errMRZ = errors.New("not a machine-readable zone of ICAO 9303")

// A field is a range of the zone's characters, all lines joined.
type field struct{ from, to int }

// A layout says where a format keeps what. A check digit's position is 0 where
// the format has none.
type layout struct {
	lines, width                                              int
	state, number, name, nationality, birth, sex, expiry      field
	numberCheck, birthCheck, expiryCheck, composite, personal int
	covered                                                   []field // by the composite check digit
	personalField                                             field
}

// The layouts (Doc 9303 part 5, 4.2.2; part 6, 4.2.2; part 4, 4.2.2; part 7, 4.2).
var layouts = map[string]layout{
	"TD1": {
		lines: 3, width: 30, state: field{2, 5}, number: field{5, 14}, name: field{60, 90}, nationality: field{45, 48},
		birth: field{30, 36}, sex: field{37, 38}, expiry: field{38, 44}, numberCheck: 14, birthCheck: 36, expiryCheck: 44,
		composite: 59, covered: []field{{5, 30}, {30, 37}, {38, 45}, {48, 59}},
	},
	"TD2": {
		lines: 2, width: 36, state: field{2, 5}, number: field{36, 45}, name: field{5, 36}, nationality: field{46, 49},
		birth: field{49, 55}, sex: field{56, 57}, expiry: field{57, 63}, numberCheck: 45, birthCheck: 55, expiryCheck: 63,
		composite: 71, covered: []field{{36, 46}, {49, 56}, {57, 71}},
	},
	"TD3": {
		lines: 2, width: 44, state: field{2, 5}, number: field{44, 53}, name: field{5, 44}, nationality: field{54, 57},
		birth: field{57, 63}, sex: field{64, 65}, expiry: field{65, 71}, numberCheck: 53, birthCheck: 63, expiryCheck: 71,
		composite: 87, covered: []field{{44, 54}, {57, 64}, {65, 87}}, personal: 86, personalField: field{72, 86},
	},
	"MRVA": {
		lines: 2, width: 44, state: field{2, 5}, number: field{44, 53}, name: field{5, 44}, nationality: field{54, 57},
		birth: field{57, 63}, sex: field{64, 65}, expiry: field{65, 71}, numberCheck: 53, birthCheck: 63, expiryCheck: 71,
	},
	"MRVB": {
		lines: 2, width: 36, state: field{2, 5}, number: field{36, 45}, name: field{5, 36}, nationality: field{46, 49},
		birth: field{49, 55}, sex: field{56, 57}, expiry: field{57, 63}, numberCheck: 45, birthCheck: 55, expiryCheck: 63,
	},
}

// ParseMRZ reads a zone, its lines separated by one line feed. The error says
// which check fails and never what was read.
func ParseMRZ(s string) (MRZ, error) {
	lines := strings.Split(s, "\n")
	z := strings.Join(lines, "")
	for i := range len(z) {
		if c := z[i]; c != '<' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return MRZ{}, fmt.Errorf("%w: only A to Z, 0 to 9 and < are permitted", errMRZ)
		}
	}
	name := formatOf(lines)
	l, ok := layouts[name]
	if !ok {
		return MRZ{}, fmt.Errorf("%w: it has two lines of 36 or 44 characters, or three of 30", errMRZ)
	}
	for _, line := range lines {
		if len(line) != l.width {
			return MRZ{}, fmt.Errorf("%w: all lines have the same length", errMRZ)
		}
	}
	if err := l.check(z, name); err != nil {
		return MRZ{}, err
	}
	text := func(f field) string { return strings.TrimRight(z[f.from:f.to], "<") }
	m := MRZ{
		Format: name, DocumentCode: strings.TrimRight(z[:2], "<"), IssuingState: text(l.state), DocumentNumber: text(l.number),
		Name: text(l.name), Nationality: text(l.nationality), BirthDate: z[l.birth.from:l.birth.to],
		Sex: z[l.sex.from:l.sex.to], ExpiryDate: z[l.expiry.from:l.expiry.to],
	}
	if rest, long := longNumber(z, name); long {
		m.DocumentNumber += rest
	}
	return m, nil
}

// formatOf tells the format from the first line; a visa's code begins with V.
func formatOf(lines []string) string {
	switch {
	case len(lines) == 3 && len(lines[0]) == 30:
		return "TD1"
	case len(lines) != 2 || len(lines[0]) == 0:
		return ""
	case len(lines[0]) == 44 && lines[0][0] == 'V':
		return "MRVA"
	case len(lines[0]) == 36 && lines[0][0] == 'V':
		return "MRVB"
	case len(lines[0]) == 44:
		return "TD3"
	case len(lines[0]) == 36:
		return "TD2"
	}
	return ""
}

// longNumber returns the part of a document number that stands in the optional
// data, without its check digit: on TD1 and TD2 a number of more than nine
// characters has < for its check digit (part 5, 4.2.2.1, note j).
func longNumber(z, format string) (string, bool) {
	at, end := 15, 30
	switch format {
	case "TD1":
	case "TD2":
		at, end = 64, 71
	default:
		return "", false
	}
	if (format == "TD1" && z[14] != '<') || (format == "TD2" && z[45] != '<') {
		return "", false
	}
	rest, _, _ := strings.Cut(z[at:end], "<")
	if len(rest) < 2 {
		return "", false
	}
	return rest[:len(rest)-1], true
}

func (l layout) check(z, format string) error {
	number, numberDigit := z[l.number.from:l.number.to], z[l.numberCheck]
	if rest, long := longNumber(z, format); long {
		number += rest
		at := map[string]int{"TD1": 15, "TD2": 64}[format] + len(rest)
		numberDigit = z[at]
	}
	for _, c := range []struct {
		what, over string
		digit      byte
	}{
		{"document number", number, numberDigit},
		{"date of birth", z[l.birth.from:l.birth.to], z[l.birthCheck]},
		{"date of expiry", z[l.expiry.from:l.expiry.to], z[l.expiryCheck]},
	} {
		if checkDigit(c.over) != c.digit {
			return fmt.Errorf("%w: the check digit of the %s does not hold", errMRZ, c.what)
		}
	}
	if l.personal > 0 {
		personal, digit := z[l.personalField.from:l.personalField.to], z[l.personal]
		empty := strings.Trim(personal, "<") == ""
		if checkDigit(personal) != digit && !(empty && digit == '<') {
			return fmt.Errorf("%w: the check digit of the personal number does not hold", errMRZ)
		}
	}
	if l.composite > 0 {
		var over strings.Builder
		for _, f := range l.covered {
			over.WriteString(z[f.from:f.to])
		}
		if checkDigit(over.String()) != z[l.composite] {
			return fmt.Errorf("%w: the composite check digit does not hold", errMRZ)
		}
	}
	if s := z[l.sex.from]; s != 'M' && s != 'F' && s != '<' {
		return fmt.Errorf("%w: the sex is M, F or <", errMRZ)
	}
	return nil
}

// checkDigit is Doc 9303 part 3, 4.9: weights 7, 3, 1, modulo 10.
func checkDigit(s string) byte {
	weights, sum := [3]int{7, 3, 1}, 0
	for i := range len(s) {
		v := 0
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * weights[i%3]
	}
	return byte('0' + sum%10)
}
