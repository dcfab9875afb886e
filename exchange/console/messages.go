package console

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A messagesView is the page of all messages, or of what was refused.
type messagesView struct {
	Filter   messageWish
	Filtered bool
	Fault    string // what is wrong with the days: a key of the catalogue
	Partners []Party
	Types    []TypeName
	Officers []Choice // who may have written a message
	Messages []MessageLine
	Refused  []RefusedLine
	Next     string    // the address of the next page
	Seen     time.Time // how far back this page looked, when it found less than it has room for
	Later    bool      // this is not the first page
	Views    viewBar
}

// A messageWish is what the officer asked for. Nothing in it is personal: it
// stands in the address.
type messageWish struct{ Box, Partner, Type, Case, Delivery, Open, From, To, By string }

// The boxes of the page; "" is everything that was sent or received.
const (
	boxIn      = "in"
	boxOut     = "out"
	boxRefused = "refused"
)

// A MessageLine is a message in a list.
type MessageLine struct {
	Partner    Party
	Direction  string
	ID, Case   string
	Kind       string // of the case
	Type       TypeName
	At         time.Time
	Status     string // of ours: pending, dead, or "" when the partner holds it
	Unanswered bool
	Author     Who
	// Of its case, and of the message itself.
	Minor, Urgent bool
	Altered       bool // what is kept of its case is not what was recorded
}

const messagesOnPage = 50

func (c *Console) messagesPage(v *visit) error {
	if err := v.reads(); err != nil {
		return err
	}
	view := messagesView{Partners: c.parties(v.s, v.officer)}
	for _, name := range exchange.MessageTypes(v.officer) {
		view.Types = append(view.Types, c.typeName(v.s, name))
	}
	var err error
	if view.Officers, err = c.authors(v); err != nil {
		return err
	}
	q, typed := wished(v)
	view.Filter = view.wish(q)
	view.Filtered = view.Filter != messageWish{Box: view.Filter.Box}
	from, to, fault := view.Filter.days(v.s.zone)
	view.Fault = fault
	if typed {
		good, many, err := c.oneCase(v, &view.Filter.Case)
		if err != nil {
			return err
		}
		if fault = or(fault, many); good && fault == "" {
			return v.redirect(view.Filter.address())
		}
		view.Fault = fault
		if err := c.showTabs(v, &view.Views, viewsOfMessages); err != nil {
			return err
		}
		return c.show(v, view.Views.status(fault), "messages", view.Views.title(v, v.s.T("messages.title"), fault), "messages", view)
	}
	done, err := c.keepView(v, &view.Views, viewsOfMessages, view.Filter.query())
	if done || err != nil {
		return err
	}
	if fault == "" {
		before, at := v.r.URL.Query().Get("before"), exchange.MailPlace{}
		if _, err := fmt.Sscanf(before, "%d.%d", new(int64), &at.Index); err == nil {
			var ms int64
			_, _ = fmt.Sscanf(before, "%d.", &ms) // it was read above
			at.At, view.Later = time.UnixMilli(ms), true
		}
		if view.Filter.Box == boxRefused {
			err = c.refusals(v, &view, exchange.Filter{Type: view.Filter.Type, Partners: view.Filter.partners(), Since: from, Until: to}, at)
		} else {
			err = c.mail(v, &view, view.Filter.filter(from, to, at))
		}
		if err != nil {
			return err
		}
	}
	return c.show(v, view.Views.status(fault), "messages", view.Views.title(v, v.s.T("messages.title"), fault), "messages", view)
}

// FaultAt is the field that the fault is about.
func (view messagesView) FaultAt() string {
	if view.Fault == "filter.case_many" {
		return "f-case"
	}
	return "f-from"
}

// authors are who may have written a message.
func (c *Console) authors(v *visit) ([]Choice, error) {
	return c.choices(v, func(o *exchange.Officer) bool {
		return o.Has(exchange.RoleOfficer, exchange.RoleSupervisor, exchange.RoleSystem)
	})
}

// wish reads what was asked for; what this officer was not offered is left out.
func (view *messagesView) wish(q url.Values) messageWish {
	types := make([]string, len(view.Types))
	for i, t := range view.Types {
		types[i] = t.Name
	}
	w := messageWish{
		Box: known(q.Get("box"), []string{boxIn, boxOut, boxRefused}), Partner: known(q.Get("partner"), partnerCodes(view.Partners)), Type: known(q.Get("type"), types),
		From: cut(q.Get("from"), 10), To: cut(q.Get("to"), 10),
	}
	if w.Box == boxRefused {
		return w // whatever was refused has no case, no delivery and no answer
	}
	w.Case, w.Open = strings.TrimSpace(cut(q.Get("case"), 128)), known(q.Get("open"), []string{"1"})
	w.Delivery = known(q.Get("delivery"), []string{string(exchange.JobDue), string(exchange.JobDead), string(exchange.JobDone)})
	w.By = known(q.Get("by"), values(view.Officers))
	return w
}

// days reads the first and the last day, in the officers' zone.
func (w messageWish) days(zone *time.Location) (from, to time.Time, fault string) {
	read := func(text string) (day time.Time) {
		if text == "" {
			return day
		}
		day, err := time.ParseInLocation(time.DateOnly, text, zone)
		if err != nil {
			fault = "filter.day_unreadable"
		}
		return day
	}
	from, to = read(w.From), read(w.To)
	if fault == "" && w.To != "" {
		if to.Before(from) {
			fault = "filter.days_turned"
		}
		to = to.AddDate(0, 0, 1) // the last day is meant too
	}
	return from, to, fault
}

func (w messageWish) partners() []string {
	if w.Partner == "" {
		return nil
	}
	return []string{w.Partner}
}

func (w messageWish) filter(from, to time.Time, before exchange.MailPlace) exchange.MailFilter {
	return exchange.MailFilter{
		Partners: w.partners(), Direction: exchange.Direction(w.Box), Type: w.Type, Case: w.Case, Since: from, Until: to,
		Delivery: exchange.JobState(w.Delivery), Unanswered: w.Open != "", Author: w.By, Before: before, Limit: messagesOnPage,
	}
}

// query writes the wish as it stands in an address.
func (w messageWish) query() url.Values {
	return filled(map[string]string{
		"box": w.Box, "partner": w.Partner, "type": w.Type, "case": w.Case, "delivery": w.Delivery, "open": w.Open, "from": w.From, "to": w.To, "by": w.By,
	})
}

// filled leaves out what is empty.
func filled(values map[string]string) url.Values {
	q := url.Values{}
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// address is that of the first page.
func (w messageWish) address() string { return "/messages" + mark(w.query().Encode()) }

// behind is the address of the page after a message.
func (w messageWish) behind(at exchange.MailPlace) string {
	q := w.query()
	q.Set("before", fmt.Sprintf("%d.%d", at.At.UnixMilli(), at.Index))
	return "/messages?" + q.Encode()
}

// mail lists messages.
func (c *Console) mail(v *visit, view *messagesView, f exchange.MailFilter) error {
	found, next, err := c.cfg.Files.Mail(v.r.Context(), v.officer, f)
	if err != nil {
		return err
	}
	if view.Messages, err = c.messageLines(v, found); err != nil {
		return err
	}
	if !next.At.IsZero() {
		view.Next = view.Filter.behind(next)
		if len(found) < f.Limit {
			view.Seen = next.At
		}
	}
	return nil
}

// messageLines are messages in a list, each with what presses.
func (c *Console) messageLines(v *visit, found []exchange.Mail) ([]MessageLine, error) {
	glances, err := c.cfg.Files.MailGlances(v.r.Context(), found)
	if err != nil {
		return nil, err
	}
	var out []MessageLine
	for i := range found {
		line, g := c.messageLine(v, &found[i]), glances[found[i].MessageKey]
		line.Minor, line.Urgent, line.Altered = g.Minor, g.Urgent, g.Altered
		out = append(out, line)
	}
	return out, nil
}

func (c *Console) messageLine(v *visit, m *exchange.Mail) MessageLine {
	line := MessageLine{
		Partner: c.party(v.s, m.Partner), Direction: string(m.Direction), ID: m.ID, Case: m.Case, Kind: string(m.Kind),
		Type: c.typeName(v.s, m.Type), At: m.At, Unanswered: m.Unanswered(), Author: c.who(v, m.Author),
	}
	switch m.Delivery {
	case exchange.JobDue:
		line.Status = "pending"
	case exchange.JobDead:
		line.Status = "dead"
	}
	return line
}

// refusals lists what was refused.
func (c *Console) refusals(v *visit, view *messagesView, f exchange.Filter, before exchange.MailPlace) error {
	found, next, err := c.cfg.Files.Refusals(v.r.Context(), v.officer, f, before.Index, messagesOnPage)
	if err != nil {
		return err
	}
	for _, r := range found {
		view.Refused = append(view.Refused, c.refusedLine(v, r))
	}
	if next != 0 {
		view.Next = view.Filter.behind(exchange.MailPlace{At: v.now, Index: next})
	}
	return nil
}
