package console

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A casesView is the page of all cases.
type casesView struct {
	Filter   caseWish
	Filtered bool
	Partners []Party
	Kinds    []string
	States   []string
	Turns    []string
	Dues     []string
	Officers []Choice // for whoever sees cases of others
	Cases    []CaseLine
	Next     string // the address of the next page
	Later    bool   // this is not the first page
	Views    viewBar
	Opens    bool // the officer may open a case
}

// A caseWish is what the officer asked for. Nothing in it is personal: it
// stands in the address.
type caseWish struct{ Partner, Kind, State, Turn, Due, Case, By, Officer string }

// What an officer may ask for besides the cases of one officer. No identifier of
// an officer begins so.
const (
	officerMe     = "~me"
	officerNobody = "~nobody"
)

// states are all of them in the order of a life, for the filter.
var states = []exchange.State{
	exchange.StateOpened, exchange.StateVerifying, exchange.StateConfirmed, exchange.StateTracing, exchange.StateReturnRequested,
	exchange.StateReturnAgreed, exchange.StateDocumented, exchange.StateHandoverPlanned, exchange.StateHandedOver, exchange.StateReceived,
	exchange.StateFollowUp, exchange.StateAnswered, exchange.StateClosed, exchange.StateWithdrawn,
}

const casesOnPage = 50

func (c *Console) casesPage(v *visit) error {
	var err error
	q, typed := wished(v)
	view := casesView{
		Partners: c.parties(v.s, v.officer), Kinds: []string{string(exchange.Return), string(exchange.SelfReturn)},
		Turns: []string{string(exchange.TurnUs), string(exchange.TurnPartner)}, Dues: []string{"overdue", "soon"},
	}
	view.Opens = v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor)
	for _, s := range states {
		view.States = append(view.States, string(s))
	}
	if v.officer.Police {
		view.Kinds = append(view.Kinds, string(exchange.Information))
	}
	view.Filter = caseWish{
		Partner: known(q.Get("partner"), partnerCodes(view.Partners)), Kind: known(q.Get("kind"), view.Kinds), State: known(q.Get("state"), view.States),
		Turn: known(q.Get("turn"), view.Turns), Due: known(q.Get("due"), view.Dues), Case: strings.TrimSpace(cut(q.Get("case"), 128)), By: known(q.Get("by"), []string{"due"}),
	}
	if view.Officers, err = c.officersOfCases(v); err != nil {
		return err
	}
	view.Filter.Officer = known(q.Get("officer"), append([]string{officerMe, officerNobody}, values(view.Officers)...))
	view.Filtered = view.Filter != caseWish{By: view.Filter.By}
	if typed {
		good, err := c.addressable(v, &view.Filter.Case)
		if err != nil {
			return err
		}
		if good {
			return v.redirect(view.Filter.address())
		}
		if err := c.showTabs(v, &view.Views, viewsOfCases); err != nil {
			return err
		}
		return c.show(v, http.StatusOK, "cases", v.s.T("cases.title"), "cases", view) // nothing is found, and nothing is in the address
	}
	if done, err := c.keepView(v, &view.Views, viewsOfCases, view.Filter.query()); done || err != nil {
		return err
	}
	f := view.Filter.filter(v)
	f.After, view.Later = readCursor(q.Get("after"))
	f.Limit = casesOnPage
	rows, next, err := c.cfg.Files.List(v.r.Context(), v.officer, f)
	if err != nil {
		return err
	}
	if next.Case != "" {
		view.Next = view.Filter.behind(next)
	}
	if view.Cases, err = c.caseLines(v, rows); err != nil {
		return err
	}
	return c.show(v, view.Views.status(""), "cases", view.Views.title(v, v.s.T("cases.title"), ""), "cases", view)
}

// officersOfCases returns whose cases may be asked for: those of the officers who
// work, for whoever sees them.
func (c *Console) officersOfCases(v *visit) ([]Choice, error) {
	if !v.officer.SeesEveryCase() {
		return nil, nil
	}
	return c.choices(v, func(o *exchange.Officer) bool {
		return o.ID != v.officer.ID && o.Has(exchange.RoleOfficer, exchange.RoleSupervisor)
	})
}

func values(choices []Choice) []string {
	out := make([]string, len(choices))
	for i, c := range choices {
		out[i] = c.Value
	}
	return out
}

func partnerCodes(parties []Party) []string {
	out := make([]string, len(parties))
	for i, p := range parties {
		out[i] = p.Code
	}
	return out
}

// known returns a value that is one of those offered, else "".
func known(value string, offered []string) string {
	if slices.Contains(offered, value) {
		return value
	}
	return ""
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}

func (w caseWish) filter(v *visit) exchange.CaseFilter {
	f := exchange.CaseFilter{State: exchange.State(w.State), Turn: exchange.Turn(w.Turn), Case: w.Case, ByDue: w.By == "due"}
	switch w.Due {
	case "overdue":
		f.DueBy = v.now
	case "soon":
		f.DueBy = v.now.Add(soon)
	}
	switch w.Officer {
	case officerMe:
		f.Officer = v.officer.ID
	case officerNobody:
		f.Unassigned = true
	default:
		f.Officer = w.Officer
	}
	if w.Partner != "" {
		f.Partners = []string{w.Partner}
	}
	if w.Kind != "" {
		f.Kinds = []exchange.Conversation{exchange.Conversation(w.Kind)}
	}
	return f
}

// query writes the wish as it stands in an address.
func (w caseWish) query() url.Values {
	return filled(map[string]string{"partner": w.Partner, "kind": w.Kind, "state": w.State, "turn": w.Turn, "due": w.Due, "case": w.Case, "by": w.By, "officer": w.Officer})
}

// A cursor names the last row of a page in its order.
type cursor struct {
	Partner string `json:"p"`
	Case    string `json:"c"`
	Moved   int64  `json:"m"`
	Due     int64  `json:"d,omitempty"`
}

// address is that of the first page.
func (w caseWish) address() string { return "/cases" + mark(w.query().Encode()) }

// behind is the address of the page after a row.
func (w caseWish) behind(last exchange.CaseRow) string {
	at := cursor{Partner: last.Partner, Case: last.Case, Moved: last.MovedAt.UnixMilli()}
	if !last.DueAt.IsZero() {
		at.Due = last.DueAt.UnixMilli()
	}
	text, err := json.Marshal(at)
	if err != nil { // it is two texts and two numbers
		panic(err)
	}
	q := w.query()
	q.Set("after", base64.RawURLEncoding.EncodeToString(text))
	return "/cases?" + q.Encode()
}

// readCursor reads a cursor; one that is none begins at the first page.
func readCursor(text string) (exchange.CaseRow, bool) {
	data, err := base64.RawURLEncoding.DecodeString(cut(text, 1000))
	var at cursor
	if err != nil || json.Unmarshal(data, &at) != nil || at.Case == "" {
		return exchange.CaseRow{}, false
	}
	row := exchange.CaseRow{CaseKey: exchange.CaseKey{Partner: at.Partner, Case: at.Case}, MovedAt: time.UnixMilli(at.Moved)}
	if at.Due != 0 {
		row.DueAt = time.UnixMilli(at.Due)
	}
	return row, true
}
