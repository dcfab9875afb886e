package exchange

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// ErrErased means that the data key which sealed it was destroyed.
var ErrErased = errors.New("erased")

// An Opened entry holds its personal parts in clear.
type Opened struct {
	Row     Row
	Data    []byte
	Salt    []byte
	Receipt []byte
}

// An Opener decrypts entries with the data keys of their cases. It is not safe
// to share data that it returns with anyone before the access is recorded.
type Opener struct {
	store   OpenerStore
	wrapper seal.KeyWrapper
}

// An OpenerStore has the cases whose keys open the record.
type OpenerStore interface {
	// Case returns a case; ErrNotFound.
	Case(ctx context.Context, key CaseKey) (CaseRow, error)
	// Newest returns the entries that a filter lets through with an index
	// below before, the last first, at most n.
	Newest(ctx context.Context, before int64, f Filter, n int) ([]Row, error)
}

// NewOpener returns an opener over a store's cases.
func NewOpener(store OpenerStore, wrapper seal.KeyWrapper) (*Opener, error) {
	if store == nil || wrapper == nil {
		return nil, errors.New("opener: a required part is missing")
	}
	return &Opener{store, wrapper}, nil
}

// Open decrypts an entry; ErrErased when its key was destroyed, a DamageError when it
// was altered.
func (o *Opener) Open(ctx context.Context, row Row) (Opened, error) {
	c, err := o.store.Case(ctx, CaseKey{row.Partner, row.Case})
	if errors.Is(err, ErrNotFound) {
		return Opened{}, &DamageError{Index: row.Index, Detail: "its case is gone"}
	}
	if err != nil {
		return Opened{}, fmt.Errorf("find the case of entry %d: %w", row.Index, err)
	}
	if row.Index < c.ErasedTo {
		return Opened{}, fmt.Errorf("entry %d: %w", row.Index, ErrErased)
	}
	key, err := o.unwrap(ctx, c)
	if err != nil {
		return Opened{}, fmt.Errorf("entry %d: %w", row.Index, err)
	}
	return openRow(key, row)
}

// openRow decrypts an entry with the data key of its case.
func openRow(key seal.DataKey, row Row) (Opened, error) {
	out := Opened{Row: row}
	for _, part := range []struct {
		column string
		sealed []byte
		into   *[]byte
	}{{"data", row.Data, &out.Data}, {"salt", row.Salt, &out.Salt}, {"receipt", row.Receipt, &out.Receipt}} {
		if part.sealed == nil {
			continue
		}
		var err error
		if *part.into, err = key.Open(part.sealed, rowAAD(row.Index, part.column)); err != nil {
			return Opened{}, &DamageError{Index: row.Index, Detail: "its " + part.column + " cannot be decrypted"}
		}
	}
	return out, nil
}

// read decrypts an entry and reads the JSON that it holds.
func (o *Opener) read(ctx context.Context, row Row, into any) error {
	opened, err := o.Open(ctx, row)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(opened.Data, into); err != nil {
		return fmt.Errorf("read entry %d: %w", row.Index, err)
	}
	return nil
}

// dataKey returns the data key of a case; ErrNotFound for no such case.
func (o *Opener) dataKey(ctx context.Context, key CaseKey) (seal.DataKey, error) {
	c, err := o.store.Case(ctx, key)
	if err != nil {
		return seal.DataKey{}, fmt.Errorf("find a case: %w", err)
	}
	return o.unwrap(ctx, c)
}

func (o *Opener) unwrap(ctx context.Context, c CaseRow) (seal.DataKey, error) {
	key, err := seal.UnwrapDataKey(ctx, o.wrapper, c.Wrapped, caseAAD(c.CaseKey))
	if errors.Is(err, seal.ErrDecrypt) {
		return seal.DataKey{}, &DamageError{noEntry, c.CaseKey, "the data key of case " + c.Case + " cannot be decrypted"}
	}
	if err != nil {
		return seal.DataKey{}, fmt.Errorf("unwrap the data key of a case: %w", err)
	}
	return key, nil
}

// Book opens the book of a case; ErrNotFound for no such case.
func (o *Opener) Book(ctx context.Context, key CaseKey) (*Book, error) {
	c, err := o.store.Case(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("find a case: %w", err)
	}
	return o.bookOf(ctx, c)
}

// kindOf returns what kind of case a row is, from its sealed book: the column in
// clear serves lists, and whoever can change it must not open police information
// to others. A case whose book is gone is taken for the kind that fewest may see.
func (o *Opener) kindOf(ctx context.Context, c CaseRow) (Conversation, error) {
	if c.Book == nil && c.State != StateNone {
		return Information, nil
	}
	book, err := o.bookOf(ctx, c)
	if err != nil {
		return "", err
	}
	return book.about(), nil
}

func (o *Opener) bookOf(ctx context.Context, c CaseRow) (*Book, error) {
	key, err := o.unwrap(ctx, c)
	if err != nil {
		return nil, err
	}
	book, err := openBook(key, c)
	if errors.Is(err, seal.ErrDecrypt) {
		return nil, &DamageError{noEntry, c.CaseKey, "the book of case " + c.Case + " cannot be decrypted"}
	}
	return book, err
}

// PayloadOf returns the claims of a compact JWS that this gateway has already
// verified and stored.
func PayloadOf(compact []byte) ([]byte, error) {
	parts := bytes.Split(compact, []byte("."))
	if len(parts) != 3 {
		return nil, errors.New("not a compact JWS")
	}
	return base64.RawURLEncoding.Strict().DecodeString(string(parts[1]))
}

// claimsIn reads the claims of such a message.
func claimsIn(compact []byte) (Claims, error) {
	var c Claims
	payload, err := PayloadOf(compact)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(payload, &c)
}

// Rewrap wraps a case's data key with the wrapper's current key: the part of a
// key rotation that touches a row.
func Rewrap(ctx context.Context, wrapper seal.KeyWrapper, c CaseRow) (CaseRow, error) {
	key, err := seal.UnwrapDataKey(ctx, wrapper, c.Wrapped, caseAAD(c.CaseKey))
	if err != nil {
		return CaseRow{}, fmt.Errorf("unwrap a data key: %w", err)
	}
	if c.Wrapped, err = key.Wrap(ctx, wrapper, caseAAD(c.CaseKey)); err != nil {
		return CaseRow{}, fmt.Errorf("wrap a data key: %w", err)
	}
	return c, nil
}
