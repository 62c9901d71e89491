package corebank

import (
	"context"
	"errors"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/sqldb"
)

// CancelPayment cancels a payment at once while nobody has approved it. One that waits for
// its day, and a series with instalments to come, is cancelled by its customer on a page of
// its own; until that is over, nothing of it is executed. What is executed stays.
func (c connector) CancelPayment(ctx context.Context, r wire.PaymentCancel) error {
	b := c.Bank
	j, err := b.newJourney(kindCancel, r.SessionSecret, r.AppName, r.RedirectURL)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	if !isPlain(string(r.PaymentSession)) || r.PaymentSession == r.SessionSecret {
		return sdk.ErrPaymentUnknown
	}
	paid, err := scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, string(r.PaymentSession)))
	if errors.Is(err, errJourney) || err == nil && paid.Kind != kindPayment {
		return sdk.ErrPaymentUnknown
	}
	if err != nil {
		return err
	}
	j.Request.Cancels = paid.ID
	if j.Customer, j.Bound = paid.Customer, paid.Customer != ""; j.Bound && len(paid.Choice) > 0 {
		signers, err := b.together(outside{ctx, b.db}, paid.Choice[0].account)
		if err != nil {
			return err
		}
		if signers > 1 { // any of them can be the first to cancel
			j.Customer, j.Bound = "", false
		}
	}
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return b.startCancellation(tx, out, j, paid) })
}

// startCancellation decides by the payment as it stands now.
func (b *Bank) startCancellation(tx *sqldb.Tx, out *reports, j, paid journey) error {
	var state, before string
	var scheduled int64
	if paid.Request.Refused == "" {
		if err := tx.QueryRow(`SELECT cancelling FROM corebank_payment WHERE bank = $1 AND id = $2`, b.code, paid.ID).Scan(&before); err != nil {
			return err
		}
		// Whoever executes it at this moment is waited for, or waits.
		n, err := tx.Exec(`UPDATE corebank_payment SET cancelling = $1, cancelling_until = $2 WHERE bank = $3 AND id = $4 AND state = 'scheduled'`,
			j.ID, j.ExpiresAt.UnixMicro(), b.code, paid.ID)
		if err != nil {
			return err
		}
		scheduled = n
		if err := tx.QueryRow(`SELECT state FROM corebank_payment WHERE bank = $1 AND id = $2`, b.code, paid.ID).Scan(&state); err != nil {
			return err
		}
	}
	switch {
	case scheduled == 1:
		// The newest cancellation counts: the customer may have lost the page of another.
		if err := b.invite(tx, out, j, wire.Event{}); err != nil || before == "" {
			return err
		}
		old, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, before))
		if err != nil {
			return err
		}
		err = b.endIn(tx, out, old, stateFailed, "CancellationReplaced", "Another cancellation was begun.", nil)
		if errors.Is(err, errJourney) { // its time is up
			return nil
		}
		return err
	case state == payReceived:
		p, err := scanPayment(tx.QueryRow(selectPayment, b.code, paid.ID))
		if err != nil {
			return err
		}
		if err := b.move(tx, j, stateDone, stateOpen); err != nil {
			return err
		}
		return b.cancelPayment(tx, out, j, p, "exempted")
	case state == payCancelled:
		if err := b.move(tx, j, stateDone, stateOpen); err != nil {
			return err
		}
		return b.tellCancelled(tx, out, j, "exempted")
	}
	return b.endIn(tx, out, j, stateFailed, "CancellationInvalid", "The payment cannot be cancelled any more.", nil)
}

// cancelPayment ends a payment, or what is to come of a series, and gives the money free
// that was held for it.
func (b *Bank) cancelPayment(tx *sqldb.Tx, out *reports, j journey, p payment, scaStatus string) error {
	n, err := tx.Exec(`UPDATE corebank_payment SET state = 'cancelled', status = 'CANC', reason = $1, due = '', cancelling = '', cancelling_until = 0
		WHERE bank = $2 AND id = $3 AND (state = 'received' OR state = 'scheduled' AND cancelling = $4)`, reasonCustomer, b.code, p.ID, j.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return errJourney
	}
	paid, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, p.ID))
	if err != nil {
		return err
	}
	told := report{stream: paid.Session, verb: verbUpdate, event: wire.Event{SessionSecret: wire.String(paid.Session), Status: "CANC"}}
	if p.State == payReceived {
		if err := b.move(tx, paid, stateFailed, stateOpen, stateCode, stateSigned, stateHeld); err != nil && !errors.Is(err, errJourney) {
			return err // one whose time is up is over as well
		}
		if err := b.closeSignatures(tx, paid.ID); err != nil {
			return err
		}
		if paid.Basket != "" {
			if err := b.left(tx, out, paid.Basket); err != nil {
				return err
			}
		}
		told.verb = verbFail
		told.event.ErrorClass, told.event.ErrorMessage = "PaymentCancelled", reasonCustomer+" The payment was cancelled."
	} else if err := b.book.Release(tx, p.Debtor, p.ID); err != nil && !(p.Service == servicePeriodic && errors.Is(err, ledger.ErrHold)) {
		return err
	}
	if err := b.tellCancelled(tx, out, j, scaStatus); err != nil {
		return err
	}
	// The hub may have closed the payment's session by itself: then it refuses this for good.
	return b.report(tx, out, told)
}

// tellCancelled reports that the cancellation is done.
func (b *Bank) tellCancelled(tx *sqldb.Tx, out *reports, j journey, scaStatus string) error {
	last := j.end()
	secret := wire.String(last.Session)
	if err := b.report(tx, out, report{stream: last.Session, verb: verbUpdate, event: wire.Event{SessionSecret: secret, Status: "CANC", SCAStatus: wire.String(scaStatus)}}); err != nil {
		return err
	}
	return b.report(tx, out, report{stream: last.Session, verb: verbSuccess, event: wire.Event{SessionSecret: secret, UserID: wire.String(last.Customer)}})
}

// keep lets a payment go on whose cancellation came to nothing.
func (b *Bank) keep(tx *sqldb.Tx, j journey) error {
	_, err := tx.Exec(`UPDATE corebank_payment SET cancelling = '', cancelling_until = 0 WHERE bank = $1 AND id = $2 AND cancelling = $3`,
		b.code, j.Request.Cancels, j.ID)
	return err
}
