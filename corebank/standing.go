package corebank

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/sqldb"
)

// unplanned is the due day of a standing order of which it is not known yet.
const unplanned = "unplanned"

// A standingOrder was given at the bank itself: no third party hears of its payments.
type standingOrder struct {
	account, id string
	due         string // of the next payment; empty: it is over
	plan
	transfer
}

const selectOrders = `SELECT account, id, amount, currency, details, start_date, end_date, frequency, rule, months, day, due
	FROM corebank_standing_order WHERE bank = $1 AND `

func scanOrder(row scanner) (o standingOrder, err error) {
	var details, start, end, months string
	if err := row.Scan(&o.account, &o.id, &o.Amount.Minor, &o.Amount.Currency, &details, &start, &end, &o.Frequency, &o.Rule, &months, &o.Day, &o.due); err != nil {
		return o, err
	}
	d := ledger.Unpack(details)
	o.Amount = o.Amount.Neg() // kept as it stands in a report
	o.CreditorName, o.CreditorIBAN, o.Remittance = d.PartyName, d.PartyIBAN, d.Text
	for kind, text := range d.Words() {
		if kind == ledger.Agent {
			o.Words.Agent = text
		}
	}
	if o.Start, err = day.Parse(start); err != nil {
		return o, err
	}
	if end != "" {
		if o.End, err = day.Parse(end); err != nil {
			return o, err
		}
	}
	if months == "" {
		return o, nil
	}
	for m := range strings.SplitSeq(months, ",") {
		n, err := strconv.Atoi(m)
		if err != nil {
			return o, err
		}
		o.Months = append(o.Months, n)
	}
	return o, nil
}

// standingOrders reads those that the condition selects.
func (b *Bank) standingOrders(query reader, condition string, args ...any) ([]standingOrder, error) {
	rows, err := query(selectOrders+condition, append([]any{b.code}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []standingOrder
	for rows.Next() {
		o, err := scanOrder(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// planOrders says of standing orders that are not planned yet when they are due: after today.
// What a bank missed before it knew how to execute them stays missed.
func (b *Bank) planOrders(ctx context.Context) error {
	all, err := b.standingOrders(b.reading(ctx), `due = $2`, unplanned)
	if err != nil || len(all) == 0 {
		return err
	}
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		for _, o := range all {
			next, more := o.after(b.today())
			if err := b.moveOrder(tx, o, next, more); err != nil && !errors.Is(err, errNothingDue) {
				return err
			}
		}
		return nil
	})
}

// moveOrder plans the next payment of o. Only who moves an order on pays: of two processes, one.
func (b *Bank) moveOrder(tx *sqldb.Tx, o standingOrder, next day.Day, more bool) error {
	due, on := "", ""
	if more {
		due, on = next.String(), o.executed(next).String()
	}
	n, err := tx.Exec(`UPDATE corebank_standing_order SET due = $1, execute_on = $2 WHERE bank = $3 AND account = $4 AND id = $5 AND due = $6`,
		due, on, b.code, o.account, o.id, o.due)
	if err == nil && n == 0 {
		return errNothingDue
	}
	return err
}

// executeOrders pays the standing orders whose day has come. Like an instalment of a series,
// a payment without cover is left out, and the order goes on.
func (b *Bank) executeOrders(ctx context.Context) error {
	var failed []error
	for range instalmentsAtOnce { // an order may be several payments late
		due, err := b.standingOrders(b.reading(ctx), `execute_on <> '' AND execute_on <= $2 ORDER BY execute_on, account, id LIMIT 100`, b.today().String())
		if err != nil || len(due) == 0 {
			return errors.Join(append(failed, err)...)
		}
		failed = nil
		for _, o := range due {
			err := b.executeOrder(ctx, o, false)
			if errors.Is(err, ledger.ErrFunds) {
				err = b.executeOrder(ctx, o, true)
			}
			if err != nil && !errors.Is(err, errNothingDue) {
				failed = append(failed, fmt.Errorf("standing order %s: %w", o.id, err))
			}
		}
	}
	return errors.Join(failed...)
}

// executeOrder makes the payment of o that is due, or leaves it out, and plans the next one.
func (b *Bank) executeOrder(ctx context.Context, o standingOrder, skip bool) error {
	due, err := day.Parse(o.due)
	if err != nil {
		return err
	}
	next, more := o.after(due)
	return b.db.Write(ctx, func(tx *sqldb.Tx) error {
		if err := b.moveOrder(tx, o, next, more); err != nil || skip {
			return err
		}
		var holder string
		if err := tx.QueryRow(`SELECT MIN(customer) FROM corebank_account WHERE bank = $1 AND id = $2`, b.code, o.account).Scan(&holder); err != nil {
			return err
		}
		debtor, err := b.payer(tx, o.account, holder)
		if err != nil {
			return err
		}
		return b.bookTransfer(tx, movement{
			posting: "standing-" + o.account + "-" + o.id + "-" + o.due, reference: strings.ToUpper(o.id) + "-" + strings.ReplaceAll(o.due, "-", ""),
			kind: b.domestic(o.Amount.Currency), code: "PMNT-ICDT-STDO", transfer: o.transfer,
		}, debtor)
	})
}

// domestic is the product by which money of a currency usually goes.
func (b *Bank) domestic(currency string) product {
	for _, p := range products("RO") {
		if p.currency == currency {
			return p
		}
	}
	return product{currency: currency, received: "PMNT-RCDT-OTHR"}
}
