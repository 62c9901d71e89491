package corebank

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/sqldb"
)

// PaymentStatus says what became of the payment that the hub handed over under a session, as
// the last report of it did, or would have.
func (c connector) PaymentStatus(ctx context.Context, q wire.PaymentQuery) (wire.Event, error) {
	b := c.Bank
	session := string(q.SessionSecret)
	e := wire.Event{SessionSecret: q.SessionSecret}
	if !isPlain(session) {
		return e, sdk.ErrPaymentUnknown
	}
	j, err := scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, session))
	if errors.Is(err, errJourney) {
		// Whoever is told that a payment is unknown hands it over again, or drops it. The one
		// that may still be under way must then come to nothing, also after a crash.
		none := journey{ID: rand.Text(), Session: session, Kind: kindNone, State: stateFailed, ExpiresAt: b.now()}
		if err := b.begin(ctx, none, func(*sqldb.Tx, *reports) error { return nil }); err != nil {
			return e, err
		}
		j, err = scanJourney(b.db.QueryRow(ctx, selectJourney+`session_secret = $2`, b.code, session))
	}
	if err == nil && j.Kind != kindPayment {
		return e, sdk.ErrPaymentUnknown
	}
	if err != nil {
		return e, err
	}
	e.UserID, e.SCAStatus, e.Exemption = wire.String(j.Customer), scaStatus(j), wire.String(j.Request.Exemption)
	if j.bySteps() && !j.over() {
		if j.told(b.textsTo(j.Request.Language), &e); !j.Proven { // who was only named: that there is such a customer is nobody's business
			e.UserID = ""
		}
	}
	if j.Request.Refused != "" { // nothing of it was kept
		e.Status, e.ErrorClass, e.ErrorMessage = "RJCT", "InvalidAttributeValue", wire.String(j.Request.Refused)
		return e, nil
	}
	p, err := b.payment(ctx, j.payment())
	if err != nil {
		return e, err
	}
	e.Status = wire.String(p.Status)
	switch {
	case p.State == payRefused:
		e.ErrorClass, e.ErrorMessage = classOf(p.Reason), wire.String(p.Reason)
		if p.Reason == reasonFunds {
			e.FundsAvailable = new(false)
		}
	case j.Signs != "" && (!j.over() || j.State == stateHeld) && !b.now().Before(j.ExpiresAt):
		e.SCAStatus = "failed"
	case p.State == payReceived && (!j.over() || j.State == stateSigned || j.State == stateHeld) && !b.now().Before(j.ExpiresAt):
		e.Status, e.SCAStatus, e.ErrorClass, e.ErrorMessage = "RJCT", "failed", "SessionExpired", "DS24 The PSU did not approve in time."
	case j.State == stateHeld:
		e.ConfirmationCodeSHA256 = codeHash(b.returnCode(j))
	case p.State == payReceived && !j.over():
		if !j.bySteps() {
			e.RedirectURL = wire.String(b.baseURL + "/sca/" + j.page())
		}
		e.SessionExpiresAt = wire.String(j.ExpiresAt.UTC().Format(time.RFC3339))
	case p.State != payCancelled && p.State != payReceived:
		e.FundsAvailable = new(true)
	}
	if p.Debtor != "" && p.State != payReceived {
		if a, err := b.debtorOf(ctx, p, j.Customer); err == nil {
			reference := a.reference()
			e.DebtorAccount = &reference
		}
	}
	if p.Service == serviceBulk {
		if _, e.Extra, err = b.fates(b.reading(ctx), p, p.State == payBooked); err != nil {
			return e, err
		}
	}
	return e, nil
}

func classOf(reason string) wire.String {
	switch reason {
	case reasonFunds:
		return classFunds
	case reasonCustomer:
		return "AccessDenied"
	}
	return "PaymentNotExecuted"
}

// debtorOf is the account that p is paid from.
func (b *Bank) debtorOf(ctx context.Context, p payment, customer string) (a account, err error) {
	err = b.db.QueryRow(ctx, selectAccounts+`a.customer = $2 AND a.id = $3`, b.code, customer, p.Debtor).Scan(a.fields()...)
	return a, err
}

// scaStatus says how far the customer has come.
func scaStatus(j journey) wire.String {
	switch j.State {
	case stateOpen:
		return "received"
	case stateCode:
		return "scaMethodSelected"
	case stateSigned:
		return "finalised"
	case stateHeld:
		return "unconfirmed"
	case stateDone, stateApproved:
		if j.Request.Exempted {
			return "exempted"
		}
		return "finalised"
	}
	return "failed"
}
