package corebank

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// execute does what the customer approved, or holds its amount until its day, and reports
// each step. It is part of the transaction that approves p: either both happen or neither.
func (b *Bank) execute(tx *sqldb.Tx, out *reports, j journey, p payment, scaStatus string) error {
	debtor, err := b.payer(tx, p.Debtor, j.Customer)
	if err != nil {
		return err
	}
	state, status, err := b.begun(tx, &p, debtor)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE corebank_payment SET state = $1, debtor = $2, status = $3, execute_on = $4, due = $5 WHERE bank = $6 AND id = $7 AND state = $8`,
		state, p.Debtor, status, p.ExecuteOn, p.Due, b.code, p.ID, payReceived)
	if err != nil {
		return err
	}
	if n == 0 {
		return errJourney
	}
	secret, last := wire.String(j.Session), j.end()
	reference := debtor.reference()
	steps := []report{
		{verb: verbUpdate, event: wire.Event{SessionSecret: secret, FundsAvailable: new(true), Status: "ACTC", SCAStatus: wire.String(scaStatus), Exemption: wire.String(j.Request.Exemption), Extra: p.partial()}},
		{verb: verbSuccess, event: wire.Event{SessionSecret: wire.String(last.Session), UserID: wire.String(last.Customer), DebtorAccount: &reference}},
	}
	if status != "ACTC" {
		steps = append(steps, report{verb: verbUpdate, event: wire.Event{SessionSecret: secret, Status: wire.String(status)}})
	}
	for _, s := range steps {
		s.stream = last.Session // one after the other, whoever signed last
		if err := b.report(tx, out, s); err != nil {
			return err
		}
	}
	return nil
}

// begun books p, or takes down what is needed to do so on its day. A payment that waits is
// ACTC; one that is on its way ACSP; a series is on its way until its last instalment.
func (b *Bank) begun(tx *sqldb.Tx, p *payment, debtor account) (state, status string, err error) {
	today := b.today()
	kind := b.productOf(*p)
	if p.Service == servicePeriodic {
		due, _ := p.Plan.first()
		on := p.Plan.executed(due)
		switch {
		case !on.Before(today):
		case kind.instant: // she took her time to approve it
			on = today
		default: // the business day before is over
			on = following(today)
		}
		p.Due, p.ExecuteOn = due.String(), on.String()
		return payScheduled, "ACSP", nil
	}
	inHouse := false
	if p.Service == servicePayments {
		to, err := b.destination(tx, p.transfer)
		if err != nil {
			return "", "", err
		}
		inHouse = to.account != ""
		if !inHouse && to.peer != "" && kind.instant {
			if err := b.holdFor(tx, *p, debtor, today); err != nil {
				return "", "", err
			}
			return paySent, "ACSP", b.addTransfer(tx, outgoing{ID: "payment-" + p.ID, Payment: p.ID, Peer: to.peer, Product: p.Product, Transfer: p.transfer, Debtor: debtor.ID, Currency: debtor.Currency, From: b.partyOf(debtor), Reserved: true})
		}
	}
	on := b.executionDay(kind, p.ExecuteOn, inHouse)
	if p.Service == servicePayments && !on.After(today) {
		return payBooked, "ACSC", b.bookPayment(tx, *p, debtor)
	}
	if on.After(today) || p.Service == serviceBulk {
		p.ExecuteOn = on.String()
	}
	if !on.After(today) {
		status = "ACSP"
	} else {
		status = "ACTC"
	}
	return payScheduled, status, b.holdFor(tx, *p, debtor, on)
}

// holdFor reserves what p costs.
func (b *Bank) holdFor(tx *sqldb.Tx, p payment, debtor account, value day.Day) error {
	debit, fee := b.cost(p, debtor.Currency)
	d := p.sent("P"+p.ID, b.productOf(p).code)
	if p.Service == serviceBulk {
		d.Text = fmt.Sprintf("%d payments", p.Items)
	}
	return b.book.Hold(tx, ledger.Hold{ID: p.ID, Account: p.Debtor, Amount: debit.Plus(fee), At: b.now(), Value: value.String(), Details: d})
}

// goOn does at once what approval alone does not: it books a bulk that is due, and hands
// over to another bank what is addressed to it. Whatever fails here is the worker's to repeat.
func (b *Bank) goOn(ctx context.Context, p payment) {
	ctx = context.WithoutCancel(ctx) // the customer may close the browser
	var err error
	switch {
	case p.Service == serviceBulk && p.Items > bulkAtOnce:
	case p.Service == serviceBulk, p.Service == servicePeriodic:
		err = b.executeOne(ctx, p.ID)
	}
	if err == nil && len(b.peers()) > 0 {
		err = b.deliverTransfers(ctx)
	}
	if err != nil {
		b.log.Error("a payment did not go on at once; the worker repeats it", "error", err)
	}
	b.wakeQueue()
}

// executeDue books the payments whose day has come, and reports each.
func (b *Bank) executeDue(ctx context.Context) error {
	ids, err := b.column(ctx, `SELECT id FROM corebank_payment WHERE bank = $1 AND state IN ('scheduled', 'running') AND execute_on <= $2 AND cancelling_until <= $3
		ORDER BY execute_on, id LIMIT 100`, b.code, b.today().String(), b.now().UnixMicro())
	if err != nil {
		return err
	}
	// One that cannot be booked must not keep the others from their day.
	var failed []error
	for _, id := range ids {
		if err := b.executeOne(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("payment %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// executeOne does what is due of a payment now, if anything is.
func (b *Bank) executeOne(ctx context.Context, id string) error {
	p, err := b.payment(ctx, id)
	if err != nil || p.ExecuteOn > b.today().String() {
		return err
	}
	switch p.Service {
	case serviceBulk:
		return b.executeBulk(ctx, id)
	case servicePeriodic:
		return b.executeInstalments(ctx, id)
	}
	return b.executeScheduled(ctx, id)
}

// write runs change in a transaction and sends what it reports.
func (b *Bank) write(ctx context.Context, change func(tx *sqldb.Tx, out *reports) error) error {
	var reports reports
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		return change(tx, &reports)
	})
	if err == nil {
		b.send(ctx, reports)
	}
	return err
}

// An owner is who gave an order, and the hub's session of it.
type owner struct{ session, customer string }

func (b *Bank) ownerOf(tx *sqldb.Tx, payment string) (o owner, err error) {
	err = tx.QueryRow(`SELECT session_secret, customer FROM corebank_journey WHERE bank = $1 AND id = $2`, b.code, payment).Scan(&o.session, &o.customer)
	return o, err
}

// progress stores the status of a payment and reports it.
func (b *Bank) progress(tx *sqldb.Tx, out *reports, session, payment, status string, extra wire.Extra) error {
	if _, err := tx.Exec(`UPDATE corebank_payment SET status = $1 WHERE bank = $2 AND id = $3`, status, b.code, payment); err != nil {
		return err
	}
	return b.report(tx, out, report{stream: session, verb: verbUpdate, event: wire.Event{SessionSecret: wire.String(session), Status: wire.String(status), Extra: extra}})
}

// executeScheduled books a single payment whose day has come.
func (b *Bank) executeScheduled(ctx context.Context, id string) error {
	return b.write(ctx, func(tx *sqldb.Tx, out *reports) error {
		p, err := scanPayment(tx.QueryRow(selectPayment, b.code, id))
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE corebank_payment SET state = 'booked' WHERE bank = $1 AND id = $2 AND state = 'scheduled' AND cancelling_until <= $3`,
			b.code, id, b.now().UnixMicro())
		if err != nil || n == 0 {
			return err
		}
		who, err := b.ownerOf(tx, id)
		if err != nil {
			return err
		}
		debtor, err := b.payer(tx, p.Debtor, who.customer)
		if err != nil {
			return err
		}
		if err := b.book.Release(tx, p.Debtor, p.ID); err != nil {
			return err
		}
		if err := b.bookPayment(tx, p, debtor); err != nil {
			return err
		}
		return b.progress(tx, out, who.session, p.ID, "ACSC", nil)
	})
}

// bookPayment moves the money of a single payment, and its fee.
func (b *Bank) bookPayment(tx *sqldb.Tx, p payment, debtor account) error {
	return b.bookTransfer(tx, movement{posting: "payment-" + p.ID, reference: "P" + p.ID, payment: p.ID, kind: b.productOf(p), transfer: p.transfer}, debtor)
}

// A movement is one transfer on its way out of an account.
type movement struct {
	posting   string
	reference string
	payment   string
	item      int // of a bulk, from 1; 0: it is none
	kind      product
	code      string // of the payer's entry, where that is not the product's
	settled   bool   // the other bank has taken it already
	transfer
}

// bookTransfer debits debtor and credits the payee: another customer of ours, or clearing.
// Money of another currency is bought from the bank's own, and the fee is an entry of its own.
func (b *Bank) bookTransfer(tx *sqldb.Tx, m movement, debtor account) error {
	code := m.code
	if code == "" {
		code = m.kind.code
	}
	to, err := b.destination(tx, m.transfer)
	if err != nil {
		return err
	}
	credit, err := b.creditLine(tx, m, debtor, to)
	if err != nil {
		return err
	}
	lines := []ledger.Line{{Account: debtor.ID, Amount: m.Amount.Neg(), Details: m.sent(m.reference, code)}, credit}
	if debtor.Currency != m.Amount.Currency {
		debit, ok := exchanged(m.Amount, debtor.Currency)
		if !ok {
			return fmt.Errorf("no rate from %s to %s", debtor.Currency, m.Amount.Currency)
		}
		for _, currency := range []string{debit.Currency, m.Amount.Currency} {
			if err := b.book.Ensure(tx, ledger.Desk, currency, persona.DeskID(currency)); err != nil {
				return err
			}
		}
		lines[0].Amount = debit.Neg()
		lines[0].Details = lines[0].Details.With(ledger.Exchange, ledger.Join(m.reference, exchangeRate(debit.Currency, m.Amount.Currency), b.today().String(), debit.Currency, m.Amount.Currency, debit.Currency))
		lines = append(lines,
			ledger.Line{Account: persona.DeskID(debit.Currency), Amount: debit},
			ledger.Line{Account: persona.DeskID(m.Amount.Currency), Amount: m.Amount.Neg()})
	}
	if err := b.book.Post(tx, ledger.Posting{ID: m.posting, Booked: b.today(), At: b.now(), Lines: lines}); err != nil {
		return err
	}
	fee := feeOf(m.kind, debtor.Currency)
	if fee.Minor == 0 {
		return nil
	}
	if err := b.book.Ensure(tx, ledger.Income, fee.Currency, persona.IncomeID(fee.Currency)); err != nil {
		return err
	}
	return b.book.Post(tx, ledger.Posting{ID: "fee-" + m.posting, Booked: b.today(), At: b.now(), Lines: []ledger.Line{
		{Account: debtor.ID, Amount: fee.Neg(), Details: ledger.Details{Reference: m.reference, Code: "PMNT-ICDT-CHRG", Text: "Fee: " + m.CreditorName}},
		{Account: persona.IncomeID(fee.Currency), Amount: fee},
	}})
}

// creditLine is the payee's side of m. What is another bank's is written down to be handed
// over to it.
func (b *Bank) creditLine(tx *sqldb.Tx, m movement, debtor account, to destination) (ledger.Line, error) {
	if to.account != "" {
		return ledger.Line{Account: to.account, Amount: m.Amount, Details: m.got(m.reference, m.kind.received, debtor.party())}, nil
	}
	clearing := persona.ClearingID(m.Amount.Currency)
	if m.kind.name == productCrossBorder {
		if err := b.book.Ensure(tx, ledger.Clearing, m.Amount.Currency, clearing); err != nil {
			return ledger.Line{}, err
		}
	}
	if to.peer != "" && !m.settled {
		if err := b.addTransfer(tx, outgoing{ID: m.posting, Payment: m.payment, Item: m.item, Peer: to.peer, Product: m.kind.name, Transfer: m.transfer, Debtor: debtor.ID, Currency: debtor.Currency, From: b.partyOf(debtor)}); err != nil {
			return ledger.Line{}, err
		}
	}
	return ledger.Line{Account: clearing, Amount: m.Amount, Value: m.kind.valueDay(b.today())}, nil
}

// A destination is where a transfer goes: an account of ours, another bank that is reached
// without detours, or neither: the rest of the world, which is behind clearing.
type destination struct{ account, peer string }

// destination routes t. An account of this bank comes first, whatever its number looks like.
func (b *Bank) destination(tx *sqldb.Tx, t transfer) (d destination, err error) {
	if t.CreditorIBAN == "" {
		return d, nil
	}
	err = tx.QueryRow(`SELECT id FROM corebank_account WHERE bank = $1 AND iban = $2 AND currency = $3 AND type <> $4 LIMIT 1`,
		b.code, t.CreditorIBAN, t.Amount.Currency, typeClosed).Scan(&d.account)
	if errors.Is(err, sql.ErrNoRows) {
		return destination{peer: b.peerOf(t.CreditorIBAN)}, nil
	}
	return d, err
}

// sum adds up amounts of one currency.
func sum(all []item) (total money.Amount) {
	for _, i := range all {
		total.Minor += i.Amount.Minor
		total.Currency = i.Amount.Currency
	}
	return total
}
