package exchange

import (
	"testing"

	"github.com/repatriation-exchange/gateway/schemas"
)

// An identifier with a whole name or a number in it is refused where it stands; what
// only looks like a part of one is not.
func TestImpersonal(t *testing.T) {
	body, err := schemas.Parse([]byte(`{"subjects":[
		{"subject_ref":"S-1","name":{"native":"Nguyễn Thị Mẫu","latin":"Nguyen Thi Mau"},"cccd":"012345678901"},
		{"subject_ref":"S-2","name":{"native":"Đỗ Thử","latin":"Do Thu"},"documents":[{"type":"passport","number":"X 12345678"}]}]}`), schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ jti, kase, want string }{
		{"01a22c5d-54ec-7acb-821c-ff5821a16e9b", "01a22c5d-54ec-7acb-821c-ff5821a16e9c", ""},
		{"KH-2026-000017", "PHNOMPENH-2026-11", ""},
		{"Nguyen-Thi-Mau-1997", "KH-2026-000017", "/jti"},
		{"KH-2026-000017", "mau.nguyen.thi", "/case"},
		{"KH-2026-000017", "case-012345678901", "/case"},
		{"passport_X12345678", "KH-2026-000017", "/jti"},
		{"Nguyen-2026-17", "Do-Thu-2026-17", ""},     // many are called so
		{"KH-thumb-shadow-17", "KH-2026-000017", ""}, // "do" and "thu", and too little
		{"01a22c5d-54ec-7acb-8123-012345678901", "KH-2026-000017", ""},
	} {
		at := ""
		if p := impersonal(Claims{ID: c.jti, Case: c.kase}, body); p != nil {
			at = p.Pointer
		}
		if at != c.want {
			t.Errorf("%s of %s: %q, want %q", c.jti, c.kase, at, c.want)
		}
	}
	twice, err := schemas.Parse([]byte(`{"subjects":[{"subject_ref":"S-1","name":{"latin":"Chan Chan"}},{"subject_ref":"S-2","name":{"latin":"Kam Pong Ong"}}]}`), schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"KH-MERCHANT-2026-17", "KAMPONGTHOM-2026"} {
		if p := impersonal(Claims{ID: id, Case: id}, twice); p != nil {
			t.Errorf("%s is refused: %v", id, p)
		}
	}
	named, err := schemas.Parse([]byte(`{"subjects":[{"subject_ref":"Mau-Nguyen-Thi","name":{"native":"Nguyễn Thị Mẫu"}}]}`), schemas.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if p := impersonal(Claims{ID: "KH-2026-000017", Case: "KH-2026-000017"}, named); p == nil || p.Pointer != "/body/subjects/0/subject_ref" {
		t.Errorf("a reference that is a name: %v", p)
	}
}
