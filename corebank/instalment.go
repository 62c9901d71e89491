package corebank

import (
	"context"
	"errors"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/day"
	"kontor/kit/sqldb"
)

// instalmentsAtOnce bounds how many missed instalments of one series are made up for in a
// row; the rest follows with the worker's next round.
const instalmentsAtOnce = 40

var errNothingDue = errors.New("nothing is due")

// executeInstalments pays what has fallen due of a series. Each instalment is booked with
// the record of it, under an ID made of payment and due day: it is paid once. One without
// cover is skipped, and the series goes on.
func (b *Bank) executeInstalments(ctx context.Context, id string) error {
	for range instalmentsAtOnce {
		err := b.write(ctx, func(tx *sqldb.Tx, out *reports) error { return b.executeInstalment(tx, out, id, "") })
		if errors.Is(err, ledger.ErrFunds) {
			err = b.write(ctx, func(tx *sqldb.Tx, out *reports) error { return b.executeInstalment(tx, out, id, reasonFunds) })
		}
		switch {
		case errors.Is(err, errNothingDue):
			return nil
		case err != nil:
			return err
		}
	}
	b.wakeQueue()
	return nil
}

// executeInstalment pays one instalment, or skips it for a reason, and moves the series on.
func (b *Bank) executeInstalment(tx *sqldb.Tx, out *reports, id, skip string) error {
	p, err := scanPayment(tx.QueryRow(selectPayment, b.code, id))
	if err != nil {
		return err
	}
	due, err := day.Parse(p.Due)
	if err != nil || p.Plan == nil {
		return errNothingDue
	}
	next, more := p.Plan.after(due)
	state, dueNext, on := payBooked, "", p.ExecuteOn
	if more {
		state, dueNext, on = payScheduled, next.String(), p.Plan.executed(next).String()
	}
	// Only who moves the series on pays: of two processes, one.
	n, err := tx.Exec(`UPDATE corebank_payment SET state = $1, due = $2, execute_on = $3
		WHERE bank = $4 AND id = $5 AND state = 'scheduled' AND due = $6 AND execute_on <= $7 AND cancelling_until <= $8`,
		state, dueNext, on, b.code, id, p.Due, b.today().String(), b.now().UnixMicro())
	if err != nil {
		return err
	}
	if n == 0 {
		return errNothingDue
	}
	who, err := b.ownerOf(tx, id)
	if err != nil {
		return err
	}
	became, told := payBooked, map[string]any{"due": p.Due, "executed": b.today().String(), "status": "ACSC"}
	if skip == "" {
		debtor, err := b.payer(tx, p.Debtor, who.customer)
		if err != nil {
			return err
		}
		posting := "payment-" + p.ID + "-" + p.Due
		if err := b.bookTransfer(tx, movement{posting: posting, reference: "P" + p.ID + "-" + p.Due, payment: p.ID, kind: b.productOf(p), code: "PMNT-ICDT-STDO", transfer: p.transfer}, debtor); err != nil {
			return err
		}
	} else {
		became = "skipped"
		told["status"], told["reason"] = "RJCT", skip
	}
	if _, err := tx.Exec(`INSERT INTO corebank_instalment (bank, payment, due, state, executed_on, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
		b.code, id, p.Due, became, b.today().String(), skip); err != nil {
		return err
	}
	status := "ACSP"
	if !more {
		status = "ACSC"
	}
	return b.progress(tx, out, who.session, p.ID, status, wire.Extra{"instalment": told})
}
