package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A clause gathers the conditions of a query and their arguments.
type clause struct {
	where []string
	args  []any
}

// add adds a condition; each ? in it stands for one argument.
func (c *clause) add(condition string, args ...any) {
	for _, a := range args {
		c.args = append(c.args, a)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.where = append(c.where, condition)
}

// in adds "column is one of"; nil lets every value through, an empty list none.
func (c *clause) in(column string, values []string) {
	switch {
	case values == nil:
	case len(values) == 0:
		c.add("1 = 0")
	default:
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		c.add(column+" IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+")", args...)
	}
}

func (c *clause) String() string {
	if len(c.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.where, " AND ")
}

// maxPage bounds every list.
const maxPage = 500

func limit(n int) int {
	if n <= 0 || n > maxPage {
		return maxPage
	}
	return n
}

// caseListColumns are a case without its book, which no list needs.
var caseListColumns = strings.Replace(caseColumns, ", book", ", NULL", 1)

// A walk is what a list of cases is read from, and the columns of its two orders:
// the cases, or those of one officer, which stand in the same orders in a table of
// their own.
type walk struct{ from, due, moved, partner, id string }

var (
	walkAll = walk{"cases", "due_at", "moved_at", "partner", "case_id"}
	walkOwn = walk{
		`(SELECT officer, due_at AS own_due, moved_at AS own_moved, partner AS own_partner, case_id AS own_case FROM case_officer) AS own
		CROSS JOIN cases`, "own_due", "own_moved", "own_partner", "own_case",
	} // SQLite walks a cross join as it is written
)

// cases adds the conditions of a filter on cases, and returns what they are for.
func (c *clause) cases(f exchange.CaseFilter) walk {
	w := walkAll
	if f.Officer != "" {
		w = walkOwn
		c.add("officer = ?", f.Officer)
		c.add("partner = own_partner AND case_id = own_case")
	}
	c.add("case_id <> ''")
	c.in(w.partner, f.Partners)
	if f.Kinds != nil {
		kinds := make([]string, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = string(k)
		}
		c.in("kind", kinds)
	}
	if f.State != "" {
		c.add("state = ?", string(f.State))
	}
	if f.Turn != "" {
		c.add("turn = ?", string(f.Turn))
	}
	if !f.DueBy.IsZero() {
		c.add(w.due+" < ?", millis(f.DueBy))
	}
	if f.Case != "" {
		c.add(w.id+" >= ?", f.Case)
		c.add(w.id+" < ?", f.Case+"\x7f")
	}
	return w
}

// casePage asks for a page of cases: it is a walk down one index, begun where the page
// before ended.
func casePage(f exchange.CaseFilter) (query string, args []any) {
	var c clause
	w := c.cases(f)
	place, order := w.moved, fmt.Sprintf("%s DESC, %s DESC, %s DESC", w.moved, w.partner, w.id)
	behind, at := "<", millis(f.After.MovedAt)
	if f.ByDue {
		place, order = w.due, fmt.Sprintf("%s, %s, %s", w.due, w.partner, w.id)
		behind, at = ">", dueMillis(f.After.DueAt)
	}
	if a := f.After; a.Case != "" {
		c.add(fmt.Sprintf("(%s, %s, %s) %s (?, ?, ?)", place, w.partner, w.id, behind), at, a.Partner, a.Case)
	}
	return fmt.Sprintf("SELECT %s FROM %s%s ORDER BY %s LIMIT %d", caseListColumns, w.from, &c, order, limit(f.Limit)), c.args
}

// CasePage implements exchange.Reader.
func (db *DB) CasePage(ctx context.Context, f exchange.CaseFilter) ([]exchange.CaseRow, error) {
	query, args := casePage(f)
	var out []exchange.CaseRow
	err := each(ctx, db.reads, query, args, func(rows *sql.Rows) error {
		row, err := scanCase(rows)
		out = append(out, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", classify(err))
	}
	return out, nil
}

// seen adds that a case is not in others' hands alone. It is one look by the
// table's own key for each case: a join could read all assignments for few cases.
func (c *clause) seen(officer string) {
	c.add(`COALESCE((SELECT max(CASE WHEN o.officer = ? THEN 1 ELSE 0 END) FROM case_officer o
		WHERE o.partner = cases.partner AND o.case_id = cases.case_id), 1) = 1`, officer)
}

// maxSeen bounds how many cases are looked at for those that an officer sees.
const maxSeen = 2000

// CaseCount implements exchange.Reader.
func (db *DB) CaseCount(ctx context.Context, f exchange.CaseFilter) (int, error) {
	var c clause
	from := c.cases(f).from + c.String()
	var n int
	if f.Seen != "" {
		from = fmt.Sprintf("(SELECT partner, case_id FROM %s LIMIT %d) AS cases", from, maxSeen)
		c.where = nil
		c.seen(f.Seen)
		from += c.String()
	}
	query := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d) AS counted", from, limit(f.Limit))
	if err := db.reads.QueryRowContext(ctx, query, c.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count cases: %w", db.classify(err))
	}
	return n, nil
}

func newest(before int64, f exchange.Filter, n int) (query string, args []any) {
	// Each is a walk down one index: what comes of them together is no more than a few pages.
	var walks []string
	for _, kind := range slices.Compact([]string{f.Type, cmp.Or(f.Also, f.Type)}) {
		f.Type = kind
		var where string
		where, args = conditions(f, args...)
		args = append(args, before)
		walks = append(walks, fmt.Sprintf("SELECT %s FROM entry WHERE idx < $%d%s ORDER BY idx DESC LIMIT %d", rowColumns, len(args), where, limit(n)))
	}
	c := clause{args: args}
	for _, kind := range f.Wider {
		for _, partner := range slices.Compact([]string{"", f.Partner}) {
			if c.where = nil; partner != "" && f.Case == "" {
				continue // they are among those that are looked for anyway
			}
			c.add("kind = 'access' AND case_id = '' AND type = ? AND partner = ? AND idx < ?", kind, partner, before)
			if f.Case != "" {
				c.add("idx > (SELECT min(idx) FROM entry WHERE partner = ? AND case_id = ?)", f.Partner, f.Case)
			}
			if !f.Since.IsZero() {
				c.add("at >= ?", f.Since.UnixMilli())
			}
			if !f.Until.IsZero() {
				c.add("at < ?", f.Until.UnixMilli())
			}
			walks = append(walks, fmt.Sprintf("SELECT %s FROM entry%s ORDER BY idx DESC LIMIT %d", rowColumns, &c, limit(n)))
		}
	}
	if len(walks) == 1 {
		return walks[0], c.args
	}
	query = fmt.Sprintf("SELECT %s FROM (SELECT * FROM (%s) AS w0", rowColumns, walks[0])
	for i, walk := range walks[1:] {
		query += fmt.Sprintf(" UNION ALL SELECT * FROM (%s) AS w%d", walk, i+1)
	}
	return query + fmt.Sprintf(") AS found ORDER BY idx DESC LIMIT %d", limit(n)), c.args
}

// Newest implements exchange.Reader.
func (db *DB) Newest(ctx context.Context, before int64, f exchange.Filter, n int) ([]exchange.Row, error) {
	query, args := newest(before, f, n)
	rows, err := db.page(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the newest entries: %w", classify(err))
	}
	return rows, nil
}
