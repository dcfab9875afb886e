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

// cases adds the conditions of a filter on cases.
func (c *clause) cases(f exchange.CaseFilter) {
	c.add("case_id <> ''")
	c.in("partner", f.Partners)
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
		c.add("due_at < ?", millis(f.DueBy))
	}
	if f.Officer != "" {
		c.add("(partner, case_id) IN (SELECT partner, case_id FROM case_officer WHERE officer = ?)", f.Officer)
	}
	if f.Case != "" {
		c.add("case_id >= ?", f.Case)
		c.add("case_id < ?", f.Case+"\x7f")
	}
}

// CasePage implements exchange.Reader: each page is a walk down one index,
// begun where the page before ended.
func (db *DB) CasePage(ctx context.Context, f exchange.CaseFilter) ([]exchange.CaseRow, error) {
	var c clause
	c.cases(f)
	order := "moved_at DESC, partner DESC, case_id DESC"
	if f.ByDue {
		order = "due_at, partner, case_id"
	}
	switch a := f.After; {
	case a.Case == "":
	case f.ByDue:
		c.add("(due_at, partner, case_id) > (?, ?, ?)", dueMillis(a.DueAt), a.Partner, a.Case)
	default:
		c.add("(moved_at, partner, case_id) < (?, ?, ?)", millis(a.MovedAt), a.Partner, a.Case)
	}
	query := fmt.Sprintf("SELECT %s FROM cases%s ORDER BY %s LIMIT %d", caseListColumns, &c, order, limit(f.Limit))
	var out []exchange.CaseRow
	err := each(ctx, db.reads, query, c.args, func(rows *sql.Rows) error {
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
	c.cases(f)
	var n int
	from := "cases" + c.String()
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
