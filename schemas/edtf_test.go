package schemas

import (
	"testing"
	"time"
)

func TestParseEDTF(t *testing.T) {
	for text, want := range map[string]string{
		"1998": "1998-01-01 1998-12-31", "1998-05": "1998-05-01 1998-05-31", "2024-02": "2024-02-01 2024-02-29",
		"1998-05-17": "1998-05-17 1998-05-17", "199X": "1990-01-01 1999-12-31", "19XX": "1900-01-01 1999-12-31",
		"1998-XX": "1998-01-01 1998-12-31", "1998-05-XX": "1998-05-01 1998-05-31", "1998-XX-XX": "1998-01-01 1998-12-31",
		"1998?": "1998-01-01 1998-12-31 ?", "1998-05~": "1998-05-01 1998-05-31 ~", "1998-05-17%": "1998-05-17 1998-05-17 ?~",
	} {
		e, err := ParseEDTF(text)
		got := e.Earliest.Format(time.DateOnly) + " " + e.Latest.Format(time.DateOnly)
		if e.Uncertain || e.Approximate {
			got += " "
		}
		if e.Uncertain {
			got += "?"
		}
		if e.Approximate {
			got += "~"
		}
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "?", "98", "199", "19980", "1XXX", "XXXX", "19X8", "X998", "1998-13", "1998-00", "1998-5", "1998-05-32", "2023-02-29", "1998-0X",
		"1998-XX-17", "199X-05", "199X-05-17", "19XX-XX", "1998-05-1X", "1998-05-17T10:00:00Z", "1998-05-17 ", " 1998", "1998??", "?1998", "-1998", "Y19980", "2001-21",
		"1998/1999", "１９９８", "1998-05-17\n", "17/05/1998",
	} {
		if e, err := ParseEDTF(text); err == nil {
			t.Errorf("%q is taken as %v", text, e)
		}
	}
}

func TestParseEDTFInterval(t *testing.T) {
	for _, text := range []string{"2023", "2023-05/2024", "2023-05-01/2023-05-01", "../2024", "2023/..", "2023~/2024?", "/2024", "2023/"} {
		if _, err := ParseEDTFInterval(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "/", "../..", "2024/2023", "2023/2024/2025", "2023-05/x", "x/2024", "2023-05--2024"} {
		if i, err := ParseEDTFInterval(text); err == nil {
			t.Errorf("%q is taken as %v", text, i)
		}
	}
}

func FuzzParseEDTF(f *testing.F) {
	for _, s := range []string{"1998", "1998-05~", "199X", "1998-XX-XX%", "2023/..", "../2024"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := ParseEDTF(s); err == nil && (e.Latest.Before(e.Earliest) || e.Earliest.Year() != e.Latest.Year() && e.Latest.Year()-e.Earliest.Year() != 9 && e.Latest.Year()-e.Earliest.Year() != 99) {
			t.Fatalf("%q means %v", s, e)
		}
		if i, err := ParseEDTFInterval(s); err == nil && i.From == nil && i.To == nil {
			t.Fatalf("%q means no period", s)
		}
	})
}
