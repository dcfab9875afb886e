package console

import (
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/identity"
)

// A finding is said once: how much agrees follows where all or nothing does.
func TestFindingsInWords(t *testing.T) {
	all, err := loadLanguages(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		verdict identity.Verdict
		grade   identity.Grade
		en, vi  string
	}{
		{identity.Same, identity.Exact, "Same", "Trùng"},
		{identity.Same, identity.Strong, "Same: nearly everything agrees", "Trùng: khớp gần hết"},
		{identity.Compatible, identity.Fair, "Can be the same: much agrees", "Có thể là một: khớp phần lớn"},
		{identity.Different, identity.Weak, "Different: only little agrees", "Khác: chỉ khớp ít"},
		{identity.Different, identity.None, "Different", "Khác"},
		{identity.NotComparable, "", "Cannot be compared", "Không so sánh được"},
	} {
		f := identity.Finding{Verdict: w.verdict, Grade: w.grade}
		if en, vi := verdictOf(all.byTag("en"), f), verdictOf(all.byTag("vi"), f); en != w.en || vi != w.vi {
			t.Errorf("%s, %s: %q, %q", w.verdict, w.grade, en, vi)
		}
	}
}
