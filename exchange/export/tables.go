package export

import (
	"slices"
	"strconv"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// tables makes all tables of statistics, with what is small hidden. They are made
// together, whichever a template shows, because a number of one can tell what
// another one hides.
func tables(people []*person, clocks []*clockCount, k int) map[string][]*cell {
	out := map[string][]*cell{
		"outcomes": outcomes(people), "routes": routes(people), "brokered_marriage": brokered(people), "services": services(people),
		"lodging": lodging(people), "steps": steps(people), "deadlines": deadlines(clocks),
	}
	all := number(people, everyone)
	var links, lodged []*count
	for _, name := range []string{"outcomes", "brokered_marriage", "services", "lodging", "steps", "deadlines"} {
		for _, c := range out[name] {
			c.protect(k)
			if name == "deadlines" { // they count clocks
				continue
			}
			if c.whole = (&count{n: c.of, of: all}); name == "outcomes" || name == "steps" {
				links = append(links, &c.count)
			}
			if c.row == "lodging" {
				lodged = append(lodged, &c.count)
			}
			links = append(links, c.whole)
		}
	}
	chain(links, k)
	chain(lodged, k)
	partition(counts(out["routes"]), k)
	out["provinces"] = provinces(people, k)
	for _, cells := range out {
		for _, c := range cells {
			if small(c.of, k) || c.whole != nil && c.whole.hidden {
				c.hidden, c.hideWhole = true, true
			}
		}
	}
	return out
}

func number(people []*person, is func(*person) bool) int {
	n := 0
	for _, p := range people {
		if is(p) {
			n++
		}
	}
	return n
}

func everyone(*person) bool { return true }

// counted makes a line: how many of the whole are so.
func counted(row, vi, en string, people []*person, whole, is func(*person) bool) *cell {
	of := number(people, whole)
	return &cell{row: row, title: schemas.Words{VI: vi, EN: en}, count: count{n: number(people, func(p *person) bool { return whole(p) && is(p) }), of: of}}
}

func counts(cells []*cell) []*count {
	out := make([]*count, len(cells))
	for i, c := range cells {
		out[i] = &c.count
	}
	return out
}

// outcomes are what became of those who were reported. One may lie in another.
func outcomes(people []*person) []*cell {
	out := []*cell{
		counted("reported", "Được thông báo", "reported", people, everyone, everyone),
		counted("verified", "Đã xác minh", "verified", people, everyone, func(p *person) bool { return p.verified }),
		counted("confirmed", "Đã xác nhận quốc tịch", "nationality confirmed", people, everyone, func(p *person) bool { return p.confirmed }),
		counted("refused", "Bị từ chối", "refused", people, everyone, func(p *person) bool { return p.refused }),
		counted("received", "Đã tiếp nhận", "received", people, everyone, func(p *person) bool { return p.received }),
		counted("withdrawn", "Đã rút", "withdrawn", people, everyone, func(p *person) bool { return p.withdrawn }),
	}
	return out
}

// routes are how persons came back; each is in one line.
func routes(people []*person) []*cell {
	self := func(p *person) bool { return p.self }
	handed := func(p *person) bool { return !p.self && p.handedOver }
	rescued := func(p *person) bool { return !p.self && !p.handedOver && p.rescued }
	out := []*cell{
		counted("rescued", "Được giải cứu", "rescued", people, everyone, rescued),
		counted("foreign_handover", "Do nước ngoài trao trả", "handed over by the other country", people, everyone, handed),
		counted("self_returned", "Tự trở về", "came back alone", people, everyone, self),
		counted("not_known", "Chưa rõ", "not known", people, everyone, func(p *person) bool { return !self(p) && !handed(p) && !rescued(p) }),
	}
	return out
}

func brokered(people []*person) []*cell {
	out := []*cell{counted("brokered_marriage", "Kết hôn qua môi giới ở nước ngoài", "brokered marriage abroad", people,
		func(p *person) bool { return p.formKnown }, func(p *person) bool { return p.brokered })}
	out[0].note = "of those of whom a notice came"
	return out
}

// services are what those were given of whom a follow-up came; a person may have
// been given several.
func services(people []*person) []*cell {
	var out []*cell
	list, _ := schemas.List("services")
	for code := range list.Codes() {
		out = append(out, counted(code.Code, code.Label("vi"), code.Label("en"), people, func(p *person) bool { return p.supported }, func(p *person) bool { return p.services[code.Code] }))
	}
	for _, c := range out {
		c.note = "of those of whom a follow-up came"
	}
	return out
}

func lodging(people []*person) []*cell {
	out := []*cell{counted("lodging", "Được bố trí chỗ ở", "lodged", people, func(p *person) bool { return p.received }, func(p *person) bool { return p.services["lodging"] })}
	out[0].note = "of those who were received"
	return out
}

// stepsOf are the steps whose length is told: from the first message of one type
// that spoke of a person to the first of the next.
var stepsOf = []struct{ row, from, to, vi, en string }{
	{"identity", exchange.TypeIdentityRequest, exchange.TypeIdentityResponse, "Hỏi → trả lời xác minh nhân thân", "identity: asked to answered"},
	{"nationality", exchange.TypeIdentityResponse, exchange.TypeNationality, "Trả lời → xác nhận quốc tịch", "identity answered to nationality decided"},
	{"return_request", exchange.TypeNationality, exchange.TypeReturnRequest, "Xác nhận quốc tịch → đề nghị hồi hương", "nationality decided to return requested"},
	{"return_answer", exchange.TypeReturnRequest, exchange.TypeReturnResponse, "Đề nghị → trả lời hồi hương", "return: requested to answered"},
	{"papers", exchange.TypeReturnResponse, exchange.TypeTravelDocument, "Trả lời → cấp giấy tờ đi lại", "return answered to papers"},
	{"handover", exchange.TypeTravelDocument, exchange.TypeHandoverRecord, "Giấy tờ → bàn giao", "papers to handover"},
	{"reception", exchange.TypeHandoverRecord, exchange.TypeReception, "Bàn giao → tiếp nhận", "handover to reception"},
	{"self_return", exchange.TypeSelfReturnRequest, exchange.TypeSelfReturnResponse, "Hỏi → trả lời về người tự trở về", "self-return: asked to answered"},
}

func steps(people []*person) []*cell {
	var out []*cell
	for _, s := range stepsOf {
		var days []float64
		for _, p := range people {
			from, to := p.steps[s.from], p.steps[s.to]
			if !from.IsZero() && !to.IsZero() && !to.Before(from) {
				days = append(days, to.Sub(from).Hours()/(24*time.Hour).Hours())
			}
		}
		c := &cell{row: s.row, title: schemas.Words{VI: s.vi, EN: s.en}, count: count{n: len(days), of: number(people, func(p *person) bool { return !p.steps[s.from].IsZero() })}}
		if len(days) > 0 {
			slices.Sort(days)
			median := (days[(len(days)-1)/2] + days[len(days)/2]) / 2
			c.median = strconv.FormatFloat(median, 'f', 1, 64)
		}
		out = append(out, c)
	}
	return out
}

// deadlines are how often a time limit was kept, of the times that it ended or
// passed. They count clocks and not persons, and are protected all the same.
func deadlines(clocks []*clockCount) []*cell {
	var out []*cell
	for _, c := range clocks {
		d := c.deadline
		line := &cell{row: d.ID, under: d.Scope, title: schemas.Words{VI: d.Label.VI, EN: d.Label.EN}, count: count{n: c.kept, of: c.kept + c.over}, note: d.Citation.EN}
		out = append(out, line)
	}
	return out
}

// provinces are where persons say that they were born: by the code since July
// 2025, and under each the codes that became it. All are listed, so that a line
// that is missing tells nothing.
func provinces(people []*person, k int) []*cell {
	units, _ := schemas.List(newUnits)
	old, _ := schemas.List(oldProvinces)
	of := len(people)
	var top, out []*cell
	for unit := range units.Codes() {
		if unit.Parent == "" {
			n := number(people, func(p *person) bool { return p.place.new == unit.Code })
			top = append(top, &cell{row: unit.Code, title: schemas.Words{VI: unit.Label("vi"), EN: unit.Label("en")}, count: count{n: n, of: of}, note: units.ID()})
		}
	}
	top = append(top, &cell{row: "not_coded", title: schemas.Words{VI: "Không có mã", EN: "no code given"}, count: count{n: number(people, func(p *person) bool { return p.place.new == "" }), of: of}})
	partition(counts(top), k)
	for _, above := range top {
		out = append(out, above)
		if above.row == "not_coded" {
			continue
		}
		var below []*cell
		for c := range old.Codes() {
			if _, now, ok := old.Successor(c.Code); ok && now.Code == above.row {
				below = append(below, &cell{row: c.Code, under: above.row, title: schemas.Words{VI: c.Label("vi"), EN: c.Label("en")},
					count: count{n: number(people, func(p *person) bool { return p.place.old == c.Code }), of: above.n, hidden: above.hidden}, note: old.ID()})
			}
		}
		below = append(below, &cell{row: "new_code_only", under: above.row, title: schemas.Words{VI: "Chỉ có mã mới", EN: "new code only"},
			count: count{n: number(people, func(p *person) bool { return p.place.new == above.row && p.place.old == "" }), of: above.n, hidden: above.hidden}, note: units.ID()})
		partition(counts(below), k)
		for _, c := range below {
			c.hideWhole = above.hidden
		}
		out = append(out, below...)
	}
	return out
}
