package exchange

import (
	"context"
	"errors"
	"math"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A fetcher shows the record to record.Check: rows as stored, their data
// decrypted, nothing believed.
type fetcher struct {
	Reader
	opener *Opener
	seen   func(Row) // told of every row; may be nil
}

// NewFetcher returns a record.Fetcher over a store.
func NewFetcher(reader Reader, opener *Opener) record.Fetcher { return &fetcher{reader, opener, nil} }

func (f *fetcher) Head(ctx context.Context) ([]byte, int64, error) {
	head, err := f.Reader.Head(ctx)
	return head.Checkpoint, head.Size, err
}

func (f *fetcher) Entries(ctx context.Context, from, to int64, fn func(record.StoredEntry) error) error {
	return f.Reader.Entries(ctx, from, to, Filter{}, func(row Row) error {
		if f.seen != nil && to != math.MaxInt64 { // what lies past the head is no part of the record
			f.seen(row)
		}
		e := record.StoredEntry{
			Index: row.Index, Leaf: row.Leaf, LeafHash: row.LeafHash,
			Row: record.Leaf{
				V: 1, Kind: string(row.Kind), Partner: row.Partner, Direction: string(row.Direction), Seq: row.Seq,
				JTI: row.ID, Type: row.Type, Case: row.Case, At: row.At,
			},
		}
		opened, err := f.opener.Open(ctx, row)
		switch {
		case errors.Is(err, ErrErased):
			e.Erased = true
		case errors.Is(err, ErrUnavailable), errors.Is(err, context.Canceled):
			return err
		case err != nil:
			e.Unreadable = err
		default:
			e.Data, e.Salt = opened.Data, opened.Salt
		}
		return fn(e)
	})
}
