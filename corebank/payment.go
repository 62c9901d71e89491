package corebank

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/corebank/persona"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Payment products of this bank. Both are SEPA, so they are in euro.
const (
	productCredit  = "sepa-credit-transfers"
	productInstant = "instant-sepa-credit-transfers"
)

// Limits of RTS art. 16: a payment of low value needs no SCA while the payments since the
// last SCA stay within both. Minor units of EUR.
const (
	exemptMax      = 3000
	exemptSumMax   = 10000
	exemptCountMax = 5
)

// paymentMax is the largest SEPA amount, in cents.
const paymentMax = 99_999_999_999

// scheduledDaysMax bounds how far ahead a payment may be ordered.
const scheduledDaysMax = 366

// A payment is one credit transfer of a journey. Its ID is the journey's, and the ID of
// its posting: it cannot be booked twice.
type payment struct {
	ID           string
	State        string // received, scheduled, booked, refused
	Product      string
	Amount       money.Amount
	CreditorName string
	CreditorIBAN string
	Debtor       string // account ID; empty until the customer chose
	NamedDebtor  bool   // by the TPP
	EndToEnd     string
	Remittance   string
	ExecuteOn    string // YYYY-MM-DD; empty: at once
}

// A refusal is why a payment is rejected before anybody is asked.
type refusal struct{ class, message string }

func (r refusal) Error() string { return r.class + ": " + r.message }

// pays says whether a payment in currency can be made from a.
func (a account) pays(currency string) bool {
	return a.Type == "CACC" && a.Currency == currency
}

// StartPayment takes a payment up. A wrong one is rejected by a report, as is everything
// that happens later; a repeated one is one payment.
func (c connector) StartPayment(ctx context.Context, r wire.PaymentCreate) error {
	b := c.Bank
	j, err := b.newJourney(kindPayment, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return err
	}
	p, owner, err := b.readPayment(ctx, r)
	p.ID = j.ID
	if wrong, ok := errors.AsType[refusal](err); ok {
		j.State, p.State = stateFailed, "refused"
		return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
			return b.fail(tx, out, j, wrong.class, wrong.message)
		})
	}
	if err != nil {
		return err
	}
	if user := string(r.UserID); user != "" {
		j.Customer, j.Bound = user, true
		if p.NamedDebtor && owner == user {
			exempt, err := b.exempt(ctx, user, p)
			if err != nil {
				return err
			}
			if exempt {
				switch err := b.payWithoutSCA(ctx, j, p); {
				case errors.Is(err, errNotExempt): // the limits were used up: SCA after all
				case errors.Is(err, ledger.ErrFunds):
					return b.rejectForFunds(ctx, j, p)
				default:
					return err
				}
			}
		}
	}
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.invite(tx, out, j)
	})
}

// readPayment checks an order and says whose account is debited, where it is named.
func (b *Bank) readPayment(ctx context.Context, r wire.PaymentCreate) (p payment, owner string, err error) {
	w := r.Payment
	p = payment{
		State: "received", Product: string(r.PaymentProduct), CreditorName: strings.TrimSpace(string(w.CreditorName)), CreditorIBAN: plainIBAN(w.CreditorAccount.IBAN),
		EndToEnd: string(w.EndToEndIdentification), Remittance: string(w.RemittanceInformationUnstructured),
	}
	if p.Product != productCredit && p.Product != productInstant {
		return p, "", refusal{"InvalidAttributeValue", "payment product is not offered"}
	}
	if p.Amount, err = money.Parse(string(w.InstructedAmount.Amount), string(w.InstructedAmount.Currency)); err != nil || p.Amount.Minor <= 0 || p.Amount.Minor > paymentMax {
		return p, "", refusal{"InvalidAttributeValue", "amount is not valid"}
	}
	if p.Amount.Currency != "EUR" {
		return p, "", refusal{"InvalidAttributeValue", "SEPA payments are in EUR"}
	}
	if !isPlain(p.CreditorName) || !isPlain(p.EndToEnd) || !isPlain(p.Remittance) || !isPlain(string(r.UserID)) {
		return p, "", refusal{"InvalidAttributeValue", "a text has characters that cannot be printed"}
	}
	if p.CreditorName == "" || len(p.CreditorName) > 280 || len(p.EndToEnd) > 140 || len(p.Remittance) > 560 {
		return p, "", refusal{"InvalidAttributeValue", "creditor name is missing or a text is too long"}
	}
	if iban.Validate(p.CreditorIBAN) != nil {
		return p, "", refusal{"InvalidAttributeValue", "creditor IBAN is not valid"}
	}
	if s := string(w.RequestedExecutionDate); s != "" {
		on, err := day.Parse(s)
		switch {
		case err != nil || on.Before(b.today()) || on.After(b.today().AddDays(scheduledDaysMax)):
			return p, "", refusal{"InvalidAttributeValue", "execution date is not possible"}
		case on.After(b.today()) && p.Product == productInstant:
			return p, "", refusal{"InvalidAttributeValue", "an instant payment cannot be dated ahead"}
		case on.After(b.today()):
			p.ExecuteOn = on.String()
		}
	}
	ours, err := b.hasIBAN(ctx, p.CreditorIBAN)
	if err != nil {
		return p, "", err
	}
	if ours {
		if _, found, err := b.accountByIBAN(ctx, p.CreditorIBAN, p.Amount.Currency, ""); err != nil || !found {
			return p, "", errors.Join(err, refusal{"InvalidAttributeValue", "creditor account is kept in another currency"})
		}
	}
	if user := string(r.UserID); user != "" {
		if _, err := b.customer(ctx, user); errors.Is(err, sql.ErrNoRows) {
			return p, "", refusal{"InvalidAttributeValue", "user is unknown"}
		} else if err != nil {
			return p, "", err
		}
	}
	if w.DebtorAccount == nil || *w.DebtorAccount == (wire.Account{}) {
		return p, "", nil
	}
	p.NamedDebtor = true
	debtorIBAN := plainIBAN(w.DebtorAccount.IBAN)
	if debtorIBAN == p.CreditorIBAN {
		return p, "", refusal{"InvalidAttributeValue", "debtor and creditor account are the same"}
	}
	if iban.Validate(debtorIBAN) != nil {
		return p, "", refusal{"AccountNotFound", "debtor account is unknown"}
	}
	ours, err = b.hasIBAN(ctx, debtorIBAN)
	if err != nil {
		return p, "", err
	}
	if !ours {
		return p, "", refusal{"AccountNotFound", "debtor account is unknown"}
	}
	a, found, err := b.accountByIBAN(ctx, debtorIBAN, p.Amount.Currency, string(r.UserID))
	if err != nil {
		return p, "", err
	}
	if named := w.DebtorAccount.Currency; !found || !a.pays(p.Amount.Currency) || named != "" && string(named) != a.Currency {
		return p, "", refusal{"InvalidAttributeValue", "payments in this currency cannot be made from the debtor account"}
	}
	if user := string(r.UserID); user != "" && a.Customer != user {
		return p, "", refusal{"AccountNotFound", "debtor account is unknown"}
	}
	p.Debtor = a.ID
	return p, a.Customer, nil
}

// exempt says whether p may go without SCA: a low value to a beneficiary the customer
// trusts, or to an own account (RTS art. 13, 15 and 16 together).
func (b *Bank) exempt(ctx context.Context, customer string, p payment) (bool, error) {
	if p.Amount.Minor > exemptMax || p.ExecuteOn != "" {
		return false, nil
	}
	var n int
	err := b.db.QueryRow(ctx, `SELECT
			(SELECT COUNT(*) FROM corebank_beneficiary WHERE bank = $1 AND customer = $2 AND iban = $3 AND (account = '' OR account = $4)) +
			(SELECT COUNT(*) FROM corebank_account WHERE bank = $1 AND customer = $2 AND iban = $3)`,
		b.code, customer, p.CreditorIBAN, p.Debtor).Scan(&n)
	return n > 0, err
}

var errNotExempt = errors.New("the limits of the exemption are used up")

// payWithoutSCA books p at once, when the limits of the exemption allow one more.
func (b *Bank) payWithoutSCA(ctx context.Context, j journey, p payment) error {
	j.State = stateDone
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		n, err := tx.Exec(`UPDATE corebank_customer SET exempt_count = exempt_count + 1, exempt_minor = exempt_minor + $1
			WHERE bank = $2 AND id = $3 AND exempt_count < $4 AND exempt_minor + $1 <= $5`,
			p.Amount.Minor, b.code, j.Customer, exemptCountMax, exemptSumMax)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNotExempt
		}
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.execute(tx, out, j, p, "exempted")
	})
}

// rejectForFunds records a payment that nobody was asked about because there is no money.
func (b *Bank) rejectForFunds(ctx context.Context, j journey, p payment) error {
	p.State = "refused"
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.endIn(tx, out, j, stateFailed, classFunds, "There is not enough money on the account.", new(false))
	})
}

// classFunds is the error class of a payment without cover.
const classFunds = "InsufficientFunds"

func (b *Bank) addPayment(tx *sqldb.Tx, p payment) error {
	_, err := tx.Exec(`INSERT INTO corebank_payment (bank, id, state, product, amount, currency, creditor_name, creditor_iban,
			debtor, named_debtor, end_to_end, remittance, execute_on)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		b.code, p.ID, p.State, p.Product, p.Amount.Minor, p.Amount.Currency, p.CreditorName, p.CreditorIBAN,
		p.Debtor, flag(p.NamedDebtor), p.EndToEnd, p.Remittance, p.ExecuteOn)
	return err
}

const selectPayment = `SELECT id, state, product, amount, currency, creditor_name, creditor_iban, debtor, named_debtor, end_to_end, remittance, execute_on
	FROM corebank_payment WHERE bank = $1 AND id = $2`

func scanPayment(row sqldb.Row) (p payment, err error) {
	var named int
	err = row.Scan(&p.ID, &p.State, &p.Product, &p.Amount.Minor, &p.Amount.Currency, &p.CreditorName, &p.CreditorIBAN,
		&p.Debtor, &named, &p.EndToEnd, &p.Remittance, &p.ExecuteOn)
	p.NamedDebtor = named == 1
	return p, err
}

func (b *Bank) payment(ctx context.Context, id string) (payment, error) {
	return scanPayment(b.db.QueryRow(ctx, selectPayment, b.code, id))
}

// execute books p, or holds its amount until its day, and reports each step. It is part of
// the transaction that approves p: either both happen or neither.
func (b *Bank) execute(tx *sqldb.Tx, out *reports, j journey, p payment, scaStatus string) error {
	debtor, err := b.payer(tx, p.Debtor, j.Customer)
	if err != nil {
		return err
	}
	funds := true
	state := "booked"
	if p.ExecuteOn > b.today().String() {
		state = "scheduled"
		err = b.book.Hold(tx, ledger.Hold{ID: p.ID, Account: p.Debtor, Amount: p.Amount, At: b.now(), Value: p.ExecuteOn, Details: p.sent()})
	} else {
		err = b.bookPayment(tx, p, debtor)
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE corebank_payment SET state = $1, debtor = $2 WHERE bank = $3 AND id = $4 AND state = 'received'`, state, p.Debtor, b.code, p.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return errJourney
	}
	secret := wire.String(j.Session)
	reference := debtor.reference()
	steps := []report{
		{verb: verbUpdate, event: wire.Event{SessionSecret: secret, FundsAvailable: &funds, Status: "ACTC", SCAStatus: wire.String(scaStatus)}},
		{verb: verbSuccess, event: wire.Event{SessionSecret: secret, UserID: wire.String(j.Customer), DebtorAccount: &reference}},
	}
	if state == "booked" {
		steps = append(steps, report{verb: verbUpdate, event: wire.Event{SessionSecret: secret, Status: "ACSC"}})
	}
	for _, s := range steps {
		s.stream = j.Session
		if err := b.report(tx, out, s); err != nil {
			return err
		}
	}
	return nil
}

// payer is the account that is debited, as one of its holders has it.
func (b *Bank) payer(tx *sqldb.Tx, id, customer string) (p account, err error) {
	p.ID = id
	err = tx.QueryRow(`SELECT a.customer, a.iban, a.currency, a.type, a.owners, c.name FROM corebank_account a
		JOIN corebank_customer c ON c.bank = a.bank AND c.id = a.customer WHERE a.bank = $1 AND a.id = $2 AND a.customer = $3`, b.code, id, customer).
		Scan(&p.Customer, &p.IBAN, &p.Currency, &p.Type, &p.Owners, &p.Owner)
	return p, err
}

// bookPayment moves the money: to the account of another customer of ours, or to clearing.
func (b *Bank) bookPayment(tx *sqldb.Tx, p payment, debtor account) error {
	to := persona.ClearingID(p.Amount.Currency)
	var internal string
	err := tx.QueryRow(`SELECT id FROM corebank_account WHERE bank = $1 AND iban = $2 AND currency = $3 LIMIT 1`, b.code, p.CreditorIBAN, p.Amount.Currency).Scan(&internal)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	received := ledger.Details{}
	if err == nil {
		to = internal
		received = p.sent()
		received.Code = "PMNT-RCDT-ESCT"
		received.PartyName, received.PartyIBAN = strings.Join(debtor.owners(), ", "), debtor.IBAN
	}
	return b.book.Post(tx, ledger.Posting{ID: "payment-" + p.ID, Booked: b.today(), At: b.now(), Lines: []ledger.Line{
		{Account: p.Debtor, Amount: p.Amount.Neg(), Details: p.sent()},
		{Account: to, Amount: p.Amount, Details: received},
	}})
}

// sent are the words of the debtor's entry.
func (p payment) sent() ledger.Details {
	code := "PMNT-ICDT-ESCT"
	if p.Product == productInstant {
		code = "PMNT-IRCT-ESCT"
	}
	return ledger.Details{Reference: "P" + p.ID, EndToEnd: p.EndToEnd, Code: code, PartyName: p.CreditorName, PartyIBAN: p.CreditorIBAN, Text: p.Remittance}
}

// executeDue books the payments whose day has come, and reports each.
func (b *Bank) executeDue(ctx context.Context) error {
	rows, err := b.db.Query(ctx, `SELECT id FROM corebank_payment WHERE bank = $1 AND state = 'scheduled' AND execute_on <= $2 LIMIT 100`, b.code, b.today().String())
	if err != nil {
		return err
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return err
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	// One that cannot be booked must not keep the others from their day.
	var failed []error
	for _, id := range ids {
		if err := b.executeScheduled(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("payment %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (b *Bank) executeScheduled(ctx context.Context, id string) error {
	var reports reports
	err := b.db.Write(ctx, func(tx *sqldb.Tx) error {
		reports = nil
		p, err := scanPayment(tx.QueryRow(selectPayment, b.code, id))
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE corebank_payment SET state = 'booked' WHERE bank = $1 AND id = $2 AND state = 'scheduled'`, b.code, id)
		if err != nil || n == 0 {
			return err
		}
		var session, customer string
		if err := tx.QueryRow(`SELECT session_secret, customer FROM corebank_journey WHERE bank = $1 AND id = $2`, b.code, id).Scan(&session, &customer); err != nil {
			return err
		}
		debtor, err := b.payer(tx, p.Debtor, customer)
		if err != nil {
			return err
		}
		if err := b.book.Release(tx, p.Debtor, p.ID); err != nil {
			return err
		}
		if err := b.bookPayment(tx, p, debtor); err != nil {
			return err
		}
		return b.report(tx, &reports, report{stream: session, verb: verbUpdate, event: wire.Event{SessionSecret: wire.String(session), Status: "ACSC"}})
	})
	if err == nil {
		b.send(ctx, reports)
	}
	return err
}
