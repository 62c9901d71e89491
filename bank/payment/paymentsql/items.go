package paymentsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/kit/sqldb"
)

// item is how one payment of a bulk stands, as it is stored.
type item struct {
	Index  int    `json:"i"`
	Status string `json:"s"`
	Reason string `json:"r,omitempty"`
}

func putItems(tx *sqldb.Tx, p payment.Payment) error {
	told := make([]item, len(p.Items.Told))
	for n, i := range p.Items.Told {
		told[n] = item(i)
	}
	text, err := marshal(told)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO payment_items (bank, id, told, others) VALUES ($1, $2, $3, $4)
		ON CONFLICT (bank, id) DO UPDATE SET told = excluded.told, others = excluded.others`, p.Bank, p.ID, text, p.Items.Others)
	return err
}

// items reads what was told of the payments of a bulk; nil where nothing was.
func (s Store) items(ctx context.Context, bank, id string) (*core.ItemStatuses, error) {
	var text string
	var all core.ItemStatuses
	err := s.DB.QueryRow(ctx, `SELECT told, others FROM payment_items WHERE bank = $1 AND id = $2`, bank, id).Scan(&text, &all.Others)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var told []item
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return nil, err
	}
	for _, i := range told {
		all.Told = append(all.Told, core.ItemStatus(i))
	}
	return &all, nil
}
