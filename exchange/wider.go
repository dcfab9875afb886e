package exchange

import (
	"context"
	"slices"
)

// An export of a case is an entry of that case. One of a partner or of everything is
// not, for it would be as many entries as there are cases: who asks who has looked at
// one of them is told of it too.

// exports are the accesses that take personal data away of more than one case.
var exports = []string{"evidence_export", "htcds_export"}

// unexplained says whether the reason of an export is kept from an officer: a bundle of
// more than a case holds police information too, and its reason may.
func unexplained(by *Officer, r Row, kinds []string) bool {
	return r.Case == "" && !by.Police && (r.Type == exports[0] || r.Type == "report_read" && slices.Contains(kinds, "evidence"))
}

// widens says whether an entry was found because it is of more than was asked for.
func (f Filter) widens(r Row) bool {
	return f.Wider != nil && r.Case == "" && (f.Case != "" || r.Partner == "")
}

// A reach is what an export says of how far it went.
type reach struct {
	Scope    Scope    `json:"scope"`
	Partners []string `json:"partners"` // nil: all
	At       int64    `json:"at"`       // 0: all of the record of then
}

func (r reach) to(partner string) bool {
	return (r.Scope.Partner == "" || r.Scope.Partner == partner) && (r.Partners == nil || slices.Contains(r.Partners, partner))
}

// took says whether an export of more than was asked for held something of it: of a
// case that could still be read then, or else of a partner.
func (c *CaseFiles) took(ctx context.Context, f Filter, row CaseRow, r Row) (bool, error) {
	var went reach
	if err := c.cfg.Opener.read(ctx, r, &went); err != nil {
		return false, err
	}
	if f.Case == "" {
		partners := f.Partners
		if f.Partner != "" {
			partners = []string{f.Partner}
		}
		return slices.ContainsFunc(partners, went.to), nil
	}
	evidence := r.Type == exports[0]
	switch {
	case !went.to(f.Partner), went.Scope.Case != "" && went.Scope.Case != f.Case, row.ErasedTo > 0 && r.Index >= row.ErasedTo,
		!evidence && row.Kind == Information: // a table of persons has none of these
		return false, nil
	}
	held := Filter{Partner: f.Partner, Case: f.Case, Since: went.Scope.From, Until: went.Scope.To}
	if !evidence {
		held.Kind = KindMessage
	}
	before := r.Index
	if went.At > 0 {
		before = min(before, went.At)
	}
	rows, err := c.cfg.Reader.Newest(ctx, before, held, 1)
	return len(rows) > 0, err
}
