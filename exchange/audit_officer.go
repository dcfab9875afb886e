package exchange

import (
	"bytes"
	"context"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// roster compares the officers with what the record last says of each.
func (a *auditor) roster(ctx context.Context) error {
	found, err := a.compareOfficers(ctx, a.Store, a.officers)
	if err != nil || len(found) == 0 {
		return err
	}
	// One of them may have been changed meanwhile.
	err = a.Store.Snapshot(ctx, func(store AuditStore) error {
		house, err := a.audit(ctx, store, houseCase)
		if err == nil {
			found, err = a.compareOfficers(ctx, store, house.officers)
		}
		return err
	})
	a.add(found...)
	return err
}

func (a *auditor) compareOfficers(ctx context.Context, store AuditStore, said map[string]officerEvent) ([]record.Finding, error) {
	rows, err := store.Officers(ctx)
	if err != nil {
		return nil, err
	}
	var found []record.Finding
	there := map[string]bool{}
	for _, row := range rows {
		there[row.ID] = true
		event, recorded := said[row.ID]
		if !recorded {
			found = append(found, record.Finding{Index: -1, Rule: RuleOfficer, Detail: fmt.Sprintf("the record knows nothing of the officer %s", row.ID)})
			continue
		}
		key, err := a.Opener.dataKey(ctx, houseCase)
		if err != nil {
			return nil, err
		}
		data, err := key.Open(row.Content, officerAAD(row.ID))
		if err != nil || !bytes.Equal(data, event.data) {
			found = append(found, record.Finding{Index: event.index, Rule: RuleOfficer, Detail: fmt.Sprintf("the officer %s is kept otherwise than entry %d says: find out who changed it, and put it again", row.ID, event.index)})
		}
	}
	for id, event := range said {
		if !there[id] {
			found = append(found, record.Finding{Index: event.index, Rule: RuleOfficer, Detail: fmt.Sprintf("the officer %s of entry %d is gone", id, event.index)})
		}
	}
	return found, nil
}
