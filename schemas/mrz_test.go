package schemas

import (
	"strings"
	"testing"
)

// The specimens of ICAO Doc 9303, parts 4 to 7.
var specimens = map[string]string{
	"TD1":  "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
	"TD2":  "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
	"TD3":  "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
	"MRVA": "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
	"MRVB": "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<",
}

func TestParseMRZ(t *testing.T) {
	for format, zone := range specimens {
		m, err := ParseMRZ(zone)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if m.Format != format || m.Name != "ERIKSSON<<ANNA<MARIA" || m.IssuingState != "UTO" || m.Sex != "F" {
			t.Errorf("%s: got %+v", format, m)
		}
	}
	m, err := ParseMRZ(specimens["TD3"])
	if err != nil || m.DocumentNumber != "L898902C3" || m.Nationality != "UTO" || m.BirthDate != "740812" || m.ExpiryDate != "120415" || m.DocumentCode != "P" {
		t.Errorf("got %+v, %v", m, err)
	}
	// A TD1 whose number has more than nine characters (Doc 9303 part 5, 4.2.2.1, note j).
	long := "I<UTOD23145890<7349<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<"
	digit := checkDigit(strings.ReplaceAll(long, "\n", "")[5:30] + "7408122" + "1204159" + "<<<<<<<<<<<")
	m, err = ParseMRZ(long + string(digit) + "\nERIKSSON<<ANNA<MARIA<<<<<<<<<<")
	if err != nil || m.DocumentNumber != "D23145890734" {
		t.Errorf("long number: got %+v, %v", m, err)
	}
}

// A change of any digit that a check digit covers, or of the digit, is found.
func TestParseMRZFindsChanges(t *testing.T) {
	for format, zone := range specimens {
		l := layouts[format]
		found := 0
		flat := strings.ReplaceAll(zone, "\n", "")
		for i, c := range flat {
			if c < '0' || c > '9' || i < l.number.from {
				continue
			}
			changed := []byte(flat)
			changed[i] = '0' + (changed[i]-'0'+1)%10
			var lines []string
			for at := 0; at < len(changed); at += l.width {
				lines = append(lines, string(changed[at:at+l.width]))
			}
			if _, err := ParseMRZ(strings.Join(lines, "\n")); err != nil {
				found++
			} else if l.composite > 0 {
				t.Errorf("%s: a change at %d is not found", format, i)
			}
		}
		if found < 15 {
			t.Errorf("%s: only %d changes were found", format, found)
		}
	}
}

func TestParseMRZRefuses(t *testing.T) {
	td3 := specimens["TD3"]
	for name, zone := range map[string]string{
		"empty": "", "one line": td3[:44], "three lines of 44": td3 + "\n" + td3[:44], "small letters": strings.ToLower(td3),
		"carriage return": strings.ReplaceAll(td3, "\n", "\r\n"), "trailing line feed": td3 + "\n", "space for a filler": strings.ReplaceAll(td3, "<", " "),
		"lines of unequal length": td3[:len(td3)-1], "sex": strings.Replace(td3, "2F1", "2X1", 1), "not ASCII": strings.Replace(td3, "ANNA", "ÂNA", 1),
	} {
		_, err := ParseMRZ(zone)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "ERIKSSON") {
			t.Errorf("%s: the error quotes the zone", name)
		}
	}
}

func FuzzParseMRZ(f *testing.F) {
	for _, zone := range specimens {
		f.Add(zone)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMRZ(s)
		if err == nil && (m.Format == "" || len(m.BirthDate) != 6 || strings.ContainsAny(m.DocumentNumber, "\n ")) {
			t.Fatalf("%q means %+v", s, m)
		}
	})
}
