package exchange

import (
	"errors"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A DamageError means that what is stored of an entry is not what was recorded. It
// stays so however often one tries; 'gateway check' names all that is.
type DamageError struct {
	Index  int64   // of the entry; -1 when it is not in one
	Case   CaseKey // what of a case is kept beside its entries was altered; zero for anything else
	Detail string
}

// noEntry is the index of a damage that is not in an entry but in what is kept of a case.
const noEntry = -1

// Damaged is what the log says of it.
const Damaged = "what is stored is not what was recorded; run 'gateway check'"

func (e *DamageError) Error() string {
	if e.Index == noEntry {
		return e.Detail
	}
	return fmt.Sprintf("entry %d: %s", e.Index, e.Detail)
}

// AsDamage returns the DamageError in err's chain; nil for none.
func AsDamage(err error) *DamageError {
	var d *DamageError
	errors.As(err, &d)
	return d
}

// damaged says whether an entry does not open with the data key of its case, or lacks
// the receipt that was answered for it.
func damaged(key seal.DataKey, row Row) bool {
	_, err := openRow(key, row)
	return err != nil || lacksReceipt(row)
}

func lacksReceipt(row Row) bool {
	return row.Kind == KindMessage && row.Direction == In && row.Receipt == nil
}
