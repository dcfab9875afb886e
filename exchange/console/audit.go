package console

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A trailFilter is what an auditor has chosen.
type trailFilter struct{ Officer, Kind, Partner, Case, From, To string }

// query writes the wish as it stands in an address.
func (f trailFilter) query() url.Values {
	return filled(map[string]string{"officer": f.Officer, "kind": f.Kind, "partner": f.Partner, "case": f.Case, "from": f.From, "to": f.To})
}

// A deedLine is one entry of the record, in words.
type deedLine struct {
	Index    int64
	At       time.Time
	What     string
	Type     TypeName
	Partner  Party
	Case     string
	By       Who
	Whom     string
	Reason   string
	Method   string
	Fields   []string
	Broken   bool // the officer had no right to it and took it all the same
	Erased   bool
	Withheld bool   // the reason
	Link     string // of a message
	Compared comparedLine
}

// A trailView is the page of who did what.
type trailView struct {
	Check    checkView
	Filter   trailFilter
	Filtered bool
	Partners []Party
	Officers []Choice
	Kinds    []string
	Deeds    []deedLine
	Next     string
	Later    bool
	Fault    string // a key of the catalogue
}

// trailKinds are what an auditor can ask for: a kind of entry, or one type of it.
var trailKinds = map[string]exchange.TrailFilter{
	"access":    {Kind: exchange.KindAccess},
	"sign_in":   {Kind: exchange.KindEvent, Type: "officer_signed_in", Also: "sign_in_refused"},
	"sign_out":  {Kind: exchange.KindEvent, Type: "officer_signed_out"},
	"emergency": {Kind: exchange.KindAccess, Type: "case_emergency"},
	"rejected":  {Kind: exchange.KindEvent, Type: "draft_reject"},
	"discarded": {Kind: exchange.KindEvent, Type: "draft_discarded"},
	"erased":    {Kind: exchange.KindEvent, Type: "case_erased"},
	"assigned":  {Kind: exchange.KindEvent, Type: "case_assigned"},
	"officer":   {Kind: exchange.KindEvent, Type: "officer_changed"},
	"release":   {Kind: exchange.KindEvent, Type: "draft_release"},
	"retry":     {Kind: exchange.KindEvent, Type: "delivery_retried"},
	"overdue":   {Kind: exchange.KindEvent, Type: "clock_overdue"},
	"event":     {Kind: exchange.KindEvent},
	"message":   {Kind: exchange.KindMessage},
	"receipt":   {Kind: exchange.KindReceipt},
	"refusal":   {Kind: exchange.KindRefusal},
	"failure":   {Kind: exchange.KindFailure},
	"evidence":  {Kind: exchange.KindAccess, Type: "evidence_export"},
	"signed":    {Kind: exchange.KindAccess, Type: "source_read"},
	"log_split": {Kind: exchange.KindEvent, Type: "split_view"},
	"checked":   {Kind: exchange.KindEvent, Type: "record_checked"},
}

// trailOrder is the order in which they are offered.
var trailOrder = []string{"access", "emergency", "evidence", "signed", "sign_in", "sign_out", "officer", "assigned", "release", "rejected", "discarded", "erased", "retry", "overdue", "log_split", "checked", "event", "message", "receipt", "refusal", "failure"}

// trailPage is how many entries are shown at once.
const trailPage = 50

func (c *Console) auditPage(v *visit) error {
	q, typed := wished(v)
	officers, err := c.choices(v, func(*exchange.Officer) bool { return true })
	if err != nil {
		return err
	}
	view := trailView{
		Filter:   trailFilter{known(q.Get("officer"), values(officers)), known(q.Get("kind"), trailOrder), q.Get("partner"), strings.TrimSpace(q.Get("case")), q.Get("from"), q.Get("to")},
		Partners: c.parties(v.s, v.officer), Officers: officers, Kinds: trailOrder,
	}
	view.Filter.Partner = known(view.Filter.Partner, partnerCodes(view.Partners))
	view.Filtered = view.Filter != trailFilter{}
	if view.Check, err = c.lastCheck(v); err != nil {
		return err
	}
	if typed {
		_, _, view.Fault = (messageWish{From: view.Filter.From, To: view.Filter.To}).days(c.cfg.Zone)
		good, many, err := c.oneCase(v, &view.Filter.Case)
		if err != nil {
			return err
		}
		if view.Fault = or(view.Fault, many); good && view.Fault == "" {
			return v.redirect("/audit" + mark(view.Filter.query().Encode()))
		}
		return c.showTrail(v, view)
	}
	want := trailKinds[view.Filter.Kind]
	want.Officer, want.Partner, want.Case = view.Filter.Officer, view.Filter.Partner, view.Filter.Case
	if want.Since, want.Until, view.Fault = (messageWish{From: view.Filter.From, To: view.Filter.To}).days(c.cfg.Zone); view.Fault != "" {
		return c.showTrail(v, view) // nothing is found that was not asked for
	}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64)
	deeds, next, err := c.cfg.Oversight.Trail(v.r.Context(), v.officer, want, before, trailPage)
	if err != nil {
		return err
	}
	for _, d := range deeds {
		view.Deeds = append(view.Deeds, c.deedLine(v, d))
	}
	if view.Later = before > 0; next > 0 {
		q.Set("before", strconv.FormatInt(next, 10))
		view.Next = "/audit?" + q.Encode()
	}
	return c.showTrail(v, view)
}

func (c *Console) showTrail(v *visit, view trailView) error {
	status, title := oneFault(view.FaultAt(), view.Fault).titled(v, v.s.T("audit.title"))
	return c.show(v, status, "audit", title, "audit", view)
}

// FaultAt is the field that the fault is about.
func (view trailView) FaultAt() string { return messagesView{Fault: view.Fault}.FaultAt() }

// ownReasons are those that nobody has written, and what a page says for each.
var ownReasons = map[string]string{exchange.OwnForm: "reason.own_form", exchange.AnsweredMeanwhile: "reason.answered_meanwhile", changedMeanwhile: "reason.changed_meanwhile"}

// written is a reason as it was written; one that nobody wrote is said in words.
func (v *visit) written(reason string) string {
	if key := ownReasons[reason]; key != "" {
		return v.s.T(key)
	}
	return reason
}

func (c *Console) deedLine(v *visit, d exchange.Deed) deedLine {
	out := deedLine{
		Index: d.Index, At: d.At, Case: d.Case, By: c.who(v, d.By), Whom: c.whoAll(v, d.Whom), Reason: v.written(d.Reason), Broken: d.BreakGlass, Erased: d.Erased, Withheld: d.Withheld, Compared: c.comparedLine(v, d.Compared),
		What: v.s.Or("event."+d.Entry, v.s.Or("timeline."+string(d.Kind), d.Entry)),
	}
	if d.Method != "" {
		out.Method = v.s.Or("sign_in.method."+d.Method, d.Method)
	}
	if d.Partner != "" {
		out.Partner = c.party(v.s, d.Partner)
	}
	if c.cfg.Catalogue.Has(d.Type) {
		out.Type = c.typeName(v.s, d.Type)
	}
	if d.By == "" && d.Kind != exchange.KindEvent && d.Kind != exchange.KindAccess {
		out.By.Name = c.party(v.s, c.cfg.Self).Name
		if d.Direction == exchange.In {
			out.By.Name = out.Partner.Name
		}
	}
	if d.Kind == exchange.KindMessage {
		out.What = v.s.T("audit.message_" + string(d.Direction))
		d.Looked = exchange.MessageKey{Lane: exchange.Lane{Partner: d.Partner, Direction: d.Direction}, ID: d.ID}
	}
	if d.Looked.ID != "" {
		out.Link = messagePath(d.Looked)
	}
	out.Fields = c.places(v, out.Type.Name, d.Fields, d.Persons)
	return out
}
