package corebank

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/i18n"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// basketMax bounds how many members a basket has: all of them stand on one page.
const basketMax = 100

// A member is a payment or an access within a basket: a journey of its own that has no page
// and is led by the basket's.
type member struct {
	journey
	payment payment // of an access: none

	wrong   *refusal // why the payment is rejected before anybody is asked
	noFunds bool     // as the third party asked to be told
}

// StartBasket takes up several payments and accesses that are approved together, all of them
// or none. A wrong payment is rejected by itself, as one that comes alone.
func (c connector) StartBasket(ctx context.Context, r wire.BasketCreate) error {
	b := c.Bank
	j, err := b.newJourney(kindBasket, r.SessionSecret, r.AppName, r.RedirectURL)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	if n := len(r.Payments) + len(r.Accesses); n == 0 || n > basketMax || !isPlain(string(r.UserID)) {
		return sdk.ErrInvalid
	}
	if user := string(r.UserID); user != "" {
		if _, err := b.customer(ctx, user); errors.Is(err, sql.ErrNoRows) {
			return sdk.ErrInvalid
		} else if err != nil {
			return err
		}
		j.Customer, j.Bound = user, true
	}
	var all []member
	for _, p := range r.Payments {
		m, err := b.readMember(ctx, p)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, a := range r.Accesses {
		own, err := b.readAccess(a.TokenCreate)
		if err != nil {
			return err
		}
		all = append(all, member{journey: own})
	}
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		open := 0
		for place, m := range all {
			m.Basket, m.Place, m.Customer, m.Bound, m.ExpiresAt = j.ID, place, j.Customer, j.Bound, j.ExpiresAt
			m.Approach = j.Approach
			left, err := b.addMember(tx, out, m)
			if err != nil {
				return err
			}
			if left {
				open++
			}
		}
		if open == 0 {
			return b.endIn(tx, out, j, stateFailed, "InvalidAttributeValue", "Nothing of the basket can be done.", nil)
		}
		return b.invite(tx, out, j, wire.Event{})
	})
}

// readMember checks a payment of a basket.
func (b *Bank) readMember(ctx context.Context, r wire.PaymentCreate) (m member, err error) {
	if m.journey, err = b.newJourney(kindPayment, r.SessionSecret, r.AppName, r.RedirectURL); err != nil {
		return m, err
	}
	var debtor account
	m.payment, debtor, err = b.readOrder(ctx, r)
	m.payment.ID = m.ID
	if wrong, ok := errors.AsType[refusal](err); ok {
		m.wrong, m.State, m.Request.Refused = &wrong, stateFailed, wrong.told()
		return m, nil
	}
	if err == nil && m.payment.NamedDebtor && r.RejectNoFunds && m.payment.Service != servicePeriodic {
		debit, fee := b.cost(m.payment, debtor.Currency)
		m.noFunds = debtor.Spendable() < debit.Minor+fee.Minor
	}
	return m, err
}

// addMember stores m, and rejects it where it is wrong; else it is left to be approved. A
// session that is known comes in by no basket: it is another start, or the hub was told that
// it never will be one.
func (b *Bank) addMember(tx *sqldb.Tx, out *reports, m member) (left bool, err error) {
	added, err := b.insert(tx, m.journey)
	if err != nil {
		return false, err
	}
	if !added {
		return false, sdk.ErrInvalid
	}
	if m.wrong != nil {
		return false, b.fail(tx, out, m.journey, m.wrong.class, m.wrong.told())
	}
	if m.Kind != kindPayment {
		return true, nil
	}
	if err := b.addPayment(tx, m.payment); err != nil {
		return false, err
	}
	if m.noFunds {
		return false, b.endIn(tx, out, m.journey, stateFailed, classFunds, textFunds, new(false))
	}
	if extra := m.payment.partial(); extra != nil {
		return true, b.report(tx, out, report{stream: m.Session, verb: verbUpdate, event: wire.Event{SessionSecret: wire.String(m.Session), Status: "RCVD", Extra: extra}})
	}
	return true, nil
}

// members reads what is left of a basket, in its order: what was rejected or cancelled by
// itself is gone.
func (b *Bank) members(query reader, basket string) ([]member, error) {
	found, err := query(selectJourney+`basket = $2 AND basket <> '' AND state IN ('open', 'code') ORDER BY place`, b.code, basket)
	if err != nil {
		return nil, err
	}
	var all []member
	for found.Next() {
		j, err := scanJourney(found)
		if err != nil {
			found.Close()
			return nil, err
		}
		all = append(all, member{journey: j})
	}
	if err := errors.Join(found.Err(), found.Close()); err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Kind != kindPayment {
			continue
		}
		if all[i].payment, err = b.paymentWithin(query, all[i].ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// paymentWithin reads a payment as query sees it.
func (b *Bank) paymentWithin(query reader, id string) (p payment, err error) {
	found, err := query(selectPayment, b.code, id)
	if err != nil {
		return p, err
	}
	defer found.Close()
	if !found.Next() {
		return p, errors.Join(sql.ErrNoRows, found.Err())
	}
	return scanPayment(found)
}

// sumsOf adds up payments by currency, in the order of the currencies' codes.
func sumsOf(t i18n.Texts, all []member) []string {
	sums := map[string]int64{}
	for _, m := range all {
		if m.Kind == kindPayment {
			sums[m.payment.Amount.Currency] += m.payment.Amount.Minor // bounded like their number: no overflow
		}
	}
	var texts []string
	for currency, minor := range sums {
		texts = append(texts, amountIn(t, money.Amount{Minor: minor, Currency: currency}))
	}
	slices.SortFunc(texts, func(x, y string) int { return strings.Compare(x[len(x)-3:], y[len(y)-3:]) })
	return texts
}

// linkedBasket lists what the approval of a basket is tied to: a seal over every member, in
// its order. A member that is changed, added or removed makes the code worthless.
func (b *Bank) linkedBasket(tx source, all []member) ([]string, error) {
	linked := []string{strconv.Itoa(len(all))}
	for _, m := range all {
		var own []string
		if m.Kind == kindPayment {
			var err error
			if own, err = b.linked(tx, m.payment); err != nil {
				return nil, err
			}
		}
		linked = append(linked, hex.EncodeToString(b.digest("", m.journey, own)))
	}
	return linked, nil
}

// endMembers ends what is left of a basket that came to nothing. They are not reported one by
// one: the hub ends their sessions with the basket's.
func (b *Bank) endMembers(tx *sqldb.Tx, basket, state, reason string) error {
	if _, err := tx.Exec(`UPDATE corebank_payment SET state = 'refused', status = 'RJCT', reason = $1 WHERE bank = $2 AND state = 'received'
			AND id IN (SELECT id FROM corebank_journey WHERE bank = $2 AND basket = $3 AND basket <> '')`, reason, b.code, basket); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND basket = $3 AND basket <> '' AND state IN ('open', 'code')`, state, b.code, basket)
	return err
}

// left ends a basket of which a member was cancelled by itself, when it was the last one.
func (b *Bank) left(tx *sqldb.Tx, out *reports, basket string) error {
	var n int
	if err := tx.QueryRow(`SELECT COUNT(*) FROM corebank_journey WHERE bank = $1 AND basket = $2 AND basket <> '' AND state IN ('open', 'code')`, b.code, basket).Scan(&n); err != nil || n > 0 {
		return err
	}
	j, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, basket))
	if err != nil {
		return err
	}
	if err := b.endIn(tx, out, j, stateFailed, "PaymentCancelled", "All of the basket was cancelled.", nil); !errors.Is(err, errJourney) {
		return err
	}
	return nil // it has ended before
}

// approveMembers takes down that a basket was approved, with all that is left of it. Each
// member is then done in a transaction of its own, so that one without cover stops no other
// one, and that whoever dies in between loses nothing.
func (b *Bank) approveMembers(tx *sqldb.Tx, out *reports, j journey) error {
	if _, err := tx.Exec(`UPDATE corebank_journey SET state = $1, customer = $2 WHERE bank = $3 AND basket = $4 AND basket <> '' AND state = 'code'`,
		stateApproved, j.Customer, b.code, j.ID); err != nil {
		return err
	}
	secret := wire.String(j.Session)
	if err := b.report(tx, out, report{stream: j.Session, verb: verbUpdate, event: wire.Event{SessionSecret: secret, SCAStatus: "finalised"}}); err != nil {
		return err
	}
	return b.report(tx, out, report{stream: j.Session, verb: verbSuccess, event: wire.Event{SessionSecret: secret, UserID: wire.String(j.Customer)}})
}

// doApproved does what is left of approved baskets, or of one of them.
func (b *Bank) doApproved(ctx context.Context, basket string) error {
	ids, err := b.column(ctx, `SELECT id FROM corebank_journey WHERE bank = $1 AND state = 'approved' AND (basket = $2 OR $2 = '') ORDER BY basket, place LIMIT 1000`, b.code, basket)
	if err != nil {
		return err
	}
	// One that cannot be done must not keep the others.
	var failed []error
	for _, id := range ids {
		err := b.doMember(ctx, id, false)
		if errors.Is(err, ledger.ErrFunds) {
			err = b.doMember(ctx, id, true)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// doMember does one approved member as if it had been approved alone, once: of two processes
// only one finds it approved. noFunds says that it was tried in vain.
func (b *Bank) doMember(ctx context.Context, id string, noFunds bool) error {
	var begun *payment
	err := b.write(ctx, func(tx *sqldb.Tx, out *reports) error {
		begun = nil
		n, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND id = $3 AND state = 'approved'`, stateDone, b.code, id)
		if err != nil || n == 0 {
			return err
		}
		j, err := scanJourney(tx.QueryRow(selectJourney+`id = $2`, b.code, id))
		if err != nil {
			return err
		}
		if j.Kind == kindAccess {
			return b.grantAccess(tx, out, j)
		}
		p, err := scanPayment(tx.QueryRow(selectPayment, b.code, id))
		if err != nil {
			return err
		}
		if noFunds || p.State != payReceived { // the latter was cancelled a moment ago, and that was told
			if _, err := tx.Exec(`UPDATE corebank_journey SET state = $1 WHERE bank = $2 AND id = $3`, stateFailed, b.code, id); err != nil || p.State != payReceived {
				return err
			}
			return b.ended(tx, out, j, stateFailed, classFunds, textFunds, new(false))
		}
		begun = &p
		return b.execute(tx, out, j, p, "finalised")
	})
	if err == nil && begun != nil {
		b.goOn(ctx, *begun)
	}
	return err
}
