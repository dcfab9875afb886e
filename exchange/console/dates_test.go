package console

import (
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A date is read as each language's pages write it, and as people do.
func TestDatesAreReadAsWritten(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 9, 15, 4, 0, 0, time.UTC)
	for month := time.January; month <= time.December; month++ {
		at := time.Date(2026, month, 9, 15, 4, 0, 0, time.UTC)
		for _, s := range all.all {
			for text, want := range map[string]string{
				s.Date(at): at.Format(time.DateOnly), s.Time(at): at.Format(time.DateOnly),
				s.Partial(at.Format("2006-01")): at.Format("2006-01"), s.Partial("2026"): "2026",
				s.Partial(at.Format("2006-01-02~")): at.Format("2006-01-02~"), s.Partial(at.Format("2006-01?")): at.Format("2006-01?"), s.Partial("2026%"): "2026%",
			} {
				if got, readable := all.edtf(text); got != want || !readable {
					t.Errorf("%s: %q is read as %q, want %q", s.Tag, text, got, want)
				}
			}
		}
	}
	for _, text := range []string{
		"9/11/2026", "09.11.2026", "2026-11-09", "9 november 2026", "9 NOV 2026", "November 9, 2026", "Nov 9, 2026", " 9  November  2026",
		"ngày 9 tháng 11 năm 2026", "Ngày 09 tháng 11 năm 2026", "9 tháng 11, 2026", "ngày 9 tháng Mười Một năm 2026", "Nga\u0300y 9 tha\u0301ng 11 na\u0306m 2026",
		"ວັນທີ 9 ເດືອນ 11 ປີ 2026", "ວັນທີ 9 ພະຈິກ 2026", "9 ພະຈິກ 2026", "໐໙/໑໑/໒໐໒໖",
		"ថ្ងៃទី ៩ ខែ វិច្ឆិកា ឆ្នាំ ២០២៦", "ថ្ងៃទី៩ ខែ១១ ឆ្នាំ២០២៦", "៩ វិច្ឆិកា ២០២៦",
		"2026年11月9日", "2026年11月9号", "2026 年 11 月 9 日", "2026年十一月9日", "２０２６年１１月９日",
	} {
		if got, readable := all.edtf(text); got != day.Format(time.DateOnly) || !readable {
			t.Errorf("%q is read as %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"": "", "khoảng năm 1999": "1999~", "Khoảng 05/1999": "1999-05~", "tháng 11/2026": "2026-11", "Nov 2026": "2026-11", "ຕຸລາ 2026": "2026-10", "năm 2026": "2026", "199X": "199X", "1998~": "1998~",
	} {
		if got, readable := all.edtf(text); got != want || !readable {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"31/31/98", "31 February 2026", "9 Nobody 2026", "Nguyễn Thị Mẫu", "9 11 2026", "1/1/2300", "khoảng", "1998-2000"} {
		if got, readable := all.edtf(text); readable {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

// A birth may be told as two dates or years, with a dash or as pages write it.
func TestPeriodsAreReadAsWritten(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.all {
		for edtf, want := range map[string]string{"199X": "1990-01-01/1999-12-31", "199X~": "1990-01-01~/1999-12-31~", "2003~": "2003~"} {
			if got, readable := all.period(s.Partial(edtf)); got != want || !readable {
				t.Errorf("%s: %q is read as %q, want %q", s.Tag, s.Partial(edtf), got, want)
			}
		}
	}
	for text, want := range map[string]string{
		"": "", "1998": "1998", "1998-12": "1998-12", "1998-2000": "1998/2000", "1998 – 2000": "1998/2000", "1998/2000": "1998/2000", "05/1998-12/1999": "1998-05/1999-12",
		"từ 1998 đến 2000": "1998/2000", "1998 đến 2000": "1998/2000", "năm 1998 - năm 2000": "1998/2000", "khoảng 1998-2000": "1998~/2000~", "between 1998 and 2000": "1998/2000", "1998年至2000年": "1998/2000",
	} {
		if got, readable := all.period(text); got != want || !readable {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"2000-1998", "1998-99", "1998-", "Nguyễn-Thị", "1998-2000-2002", "1998-2300"} {
		if got, readable := all.period(text); readable {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

// The day of a message that another one names is the officers' day, as on its own page.
func TestLinksSayTheOfficersDay(t *testing.T) {
	all, err := loadLanguages(time.FixedZone("", 7*60*60))
	if err != nil {
		t.Fatal(err)
	}
	c := &Console{cfg: Config{Catalogue: catalogueOf(t)}, languages: all}
	named := exchange.Named{Key: exchange.MessageKey{ID: "a"}, Type: exchange.TypeIdentityRequest, At: time.Date(2026, 11, 30, 19, 39, 0, 0, time.UTC)}
	for _, s := range all.all {
		if got := c.linkTo(&visit{s: s}, named.Key, map[string]exchange.Named{"a": named}).Text; !strings.HasSuffix(got, s.Day(named.At)) || strings.HasSuffix(got, s.Date(named.At)) {
			t.Errorf("%s", got)
		}
	}
}
