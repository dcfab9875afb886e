package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// MailPage implements exchange.Reader. Each lane is walked down an index of its
// own, which has the asked order; the page is the last of all of them, and only
// for those the case, the delivery, the answer and the author are looked up.
func (db *DB) MailPage(ctx context.Context, f exchange.MailFilter) ([]exchange.Mail, error) {
	lanes, err := db.mailLanes(ctx, f)
	if err != nil || len(lanes) == 0 {
		return nil, err
	}
	n := limit(f.Limit)
	var c clause
	walks := make([]string, len(lanes))
	for i, lane := range lanes {
		walks[i] = fmt.Sprintf("SELECT * FROM (SELECT idx, partner, direction, id, type, case_id, in_reply_to, at FROM entry e%s ORDER BY %s LIMIT %d) l%d",
			c.mail(lane, f), mailOrder(f), n, i)
	}
	query := fmt.Sprintf(`SELECT m.idx, m.partner, m.direction, m.id, m.type, m.case_id, m.in_reply_to, m.at,
		COALESCE(c.kind, ''), COALESCE(c.state, ''),
		COALESCE((SELECT state FROM job j WHERE j.queue = m.partner AND j.ref = m.id AND j.kind = 'deliver' AND m.direction = 'out' ORDER BY j.id DESC LIMIT 1), ''),
		(SELECT 1 FROM entry r WHERE r.partner = m.partner AND r.in_reply_to = m.id AND r.in_reply_to <> '' AND r.kind = 'message' AND r.direction <> m.direction LIMIT 1) IS NOT NULL,
		COALESCE((SELECT author FROM draft d WHERE d.id = m.id AND m.direction = 'out'), '')
		FROM (SELECT * FROM (%s) w ORDER BY at DESC, idx DESC LIMIT %d) m
		LEFT JOIN cases c ON c.partner = m.partner AND c.case_id = m.case_id ORDER BY m.at DESC, m.idx DESC`, strings.Join(walks, " UNION ALL "), n)
	var out []exchange.Mail
	err = each(ctx, db.reads, query, c.args, func(rows *sql.Rows) error {
		var m exchange.Mail
		var at int64
		err := rows.Scan(&m.Index, &m.Partner, &m.Direction, &m.ID, &m.Type, &m.Case, &m.InReplyTo, &at, &m.Kind, &m.State, &m.Delivery, &m.Answered, &m.Author)
		m.At = fromMillis(at)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", db.classify(err))
	}
	return out, nil
}

// few says that what a filter asks for is little, whatever the record holds:
// questions of the cases in which somebody has to act, or what a courier has not
// settled. It is gathered and put in order; a walk in order would look for it in
// the whole lane.
func few(f exchange.MailFilter) bool {
	return f.Unanswered || f.Delivery == exchange.JobDue || f.Delivery == exchange.JobDead
}

func mailOrder(f exchange.MailFilter) string {
	if few(f) {
		return "+at DESC, idx DESC" // the sign keeps the order's index out of the plan
	}
	return "at DESC, idx DESC"
}

// mail is the condition of a walk down one lane.
func (c *clause) mail(lane exchange.Lane, f exchange.MailFilter) string {
	c.where = []string{"kind = 'message'", "type <> ''"} // as the indexes have it
	c.add("partner = ?", lane.Partner)
	c.add("direction = ?", string(lane.Direction))
	if f.Type != "" {
		c.add("type = ?", f.Type)
	}
	if f.Case != "" {
		c.add("case_id = ?", f.Case)
	}
	if f.Unanswered {
		c.in("type", exchange.Questions())
		c.add("in_reply_to = ''")
		c.add("case_id IN (SELECT case_id FROM cases WHERE turn IN ('us', 'partner') AND partner = ?)", lane.Partner)
		c.add("NOT EXISTS (SELECT 1 FROM entry r WHERE r.partner = e.partner AND r.in_reply_to = e.id AND r.in_reply_to <> '' AND r.kind = 'message' AND r.direction <> e.direction)")
	}
	if few(f) && f.Delivery != "" {
		c.add("idx IN (SELECT idx FROM job WHERE queue = ? AND state = ? AND kind = 'deliver')", lane.Partner, string(f.Delivery))
	}
	if f.ID != "" {
		c.add("id = ?", f.ID)
	}
	if !f.Since.IsZero() {
		c.add("at >= ?", millis(f.Since))
	}
	if !f.Until.IsZero() {
		c.add("at < ?", millis(f.Until))
	}
	if !f.Before.At.IsZero() {
		c.add("(at, idx) < (?, ?)", millis(f.Before.At), f.Before.Index)
	}
	return c.String()
}

// maxLanes bounds the walks of one page: SQLite joins no more than 500.
const maxLanes = 400

// mailLanes returns the lanes that a page is of.
func (db *DB) mailLanes(ctx context.Context, f exchange.MailFilter) ([]exchange.Lane, error) {
	var c clause
	c.add("partner <> ''")
	c.in("partner", f.Partners)
	if f.Direction != "" {
		c.add("direction = ?", string(f.Direction))
	}
	var out []exchange.Lane
	err := each(ctx, db.reads, fmt.Sprintf("SELECT partner, direction FROM lane%s ORDER BY partner, direction LIMIT %d", &c, maxLanes), c.args, func(rows *sql.Rows) error {
		var lane exchange.Lane
		err := rows.Scan(&lane.Partner, &lane.Direction)
		out = append(out, lane)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find lanes: %w", db.classify(err))
	}
	return out, nil
}
