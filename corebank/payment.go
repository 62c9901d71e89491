package corebank

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// States of a payment. Its status is what others are told of it.
const (
	payReceived  = "received"  // the customer has not approved it
	payScheduled = "scheduled" // waits for its day; of a series: for the next one
	payRunning   = "running"   // a bulk that is being booked, piece by piece
	paySent      = "sent"      // reserved, and waiting for the payee's bank
	payBooked    = "booked"
	payRefused   = "refused"
	payCancelled = "cancelled"
)

// A transfer is what moves money once: the whole of a payment, one of a bulk, or what every
// instalment of a series repeats.
type transfer struct {
	Amount       money.Amount
	CreditorName string
	CreditorIBAN string
	EndToEnd     string
	Remittance   string
	Words        words
}

// words are what only some transfers have.
type words struct {
	Instruction      string        `json:"instruction,omitempty"`
	DebtorName       string        `json:"debtor_name,omitempty"`
	UltimateDebtor   string        `json:"ultimate_debtor,omitempty"`
	UltimateCreditor string        `json:"ultimate_creditor,omitempty"`
	CreditorID       string        `json:"creditor_id,omitempty"`
	Purpose          string        `json:"purpose,omitempty"`
	ChargeBearer     string        `json:"charge_bearer,omitempty"`
	Structured       string        `json:"structured,omitempty"`
	StructuredType   string        `json:"structured_type,omitempty"`
	StructuredIssuer string        `json:"structured_issuer,omitempty"`
	Agent            string        `json:"agent,omitempty"` // BIC
	AgentName        string        `json:"agent_name,omitempty"`
	Account          string        `json:"account,omitempty"` // of a payee without IBAN
	Address          *wire.Address `json:"address,omitempty"`

	Verified *wire.PayeeVerification `json:"verified,omitempty"` // what was found out about the payee
}

// A payment is what one journey is about. Its ID is the journey's, and part of the IDs of
// its postings: nothing of it can be booked twice.
type payment struct {
	ID          string
	State       string
	Service     string
	Product     string
	transfer           // of a bulk: Amount is the sum, and the rest is empty
	Debtor      string // account ID; empty until the customer chose
	NamedDebtor bool   // by the TPP
	ExecuteOn   string // YYYY-MM-DD; empty: at once
	Plan        *plan  // of a series
	Due         string // of the next instalment, before the calendar moves it
	Items       int    // of a bulk: how many can be executed
	Refused     int    // and how many cannot
	Batch       bool   // one entry for the whole bulk
	BatchBooked bool   // and it is in the books
	Status      string // ISO 20022, as the hub was told last
	Reason      string // ISO 20022, where it came to nothing
	Cancelling  string // journey on which it is being cancelled
	CancelUntil int64  // nothing is executed before
	list        []item // of a bulk, when it is read
}

// pays says whether a payment in currency can be made from a.
func (a account) pays(currency string) bool {
	return a.Type == "CACC" && a.Currency == currency
}

// paidFrom says whether p can be paid from a. Only abroad is money exchanged on the way.
func (p payment) paidFrom(a account) bool {
	if p.Product == productCrossBorder {
		return a.Type == "CACC" && rateOf(a.Currency) > 0
	}
	return a.pays(p.Amount.Currency)
}

// cost is what p takes from an account in currency, and the fee besides.
func (b *Bank) cost(p payment, currency string) (debit, fee money.Amount) {
	debit = p.Amount
	if currency != p.Amount.Currency {
		debit, _ = exchanged(p.Amount, currency)
	}
	return debit, feeOf(b.productOf(p), currency)
}

// PaymentServices are those besides single payments.
func (connector) PaymentServices() []string { return []string{serviceBulk, servicePeriodic} }

// StartPayment takes a payment up. A wrong one is rejected by a report, as is everything
// that happens later; a repeated one is one payment.
func (c connector) StartPayment(ctx context.Context, r wire.PaymentCreate) error {
	b := c.Bank
	j, err := b.newJourney(kindPayment, r.SessionSecret, r.AppName, r.RedirectURL)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	p, debtor, err := b.readOrder(ctx, r)
	p.ID = j.ID
	if wrong, ok := errors.AsType[refusal](err); ok {
		j.State, j.Request.Refused = stateFailed, wrong.told()
		return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
			return b.fail(tx, out, j, wrong.class, wrong.told())
		})
	}
	if err != nil {
		return err
	}
	if user := string(r.UserID); user != "" {
		j.Customer, j.Bound = user, true
	}
	var funds *bool
	if p.NamedDebtor && r.RejectNoFunds && p.Service != servicePeriodic {
		debit, fee := b.cost(p, debtor.Currency)
		funds = new(debtor.Spendable() >= debit.Minor+fee.Minor)
		if !*funds {
			return b.rejectForFunds(ctx, j, p)
		}
	}
	if p.NamedDebtor && j.Bound && debtor.Customer == j.Customer {
		ground, err := b.exempt(ctx, j, p)
		if err != nil {
			return err
		}
		if ground != "" {
			switch err := b.payWithoutSCA(ctx, j, p, ground); {
			case errors.Is(err, errNotExempt): // the limits were used up: SCA after all
			case errors.Is(err, ledger.ErrFunds):
				return b.rejectForFunds(ctx, j, p)
			default:
				return err
			}
		}
	}
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.invite(tx, out, j, wire.Event{FundsAvailable: funds, Extra: p.partial()})
	})
}

// rejectForFunds records a payment that nobody was asked about because there is no money.
func (b *Bank) rejectForFunds(ctx context.Context, j journey, p payment) error {
	return b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.endIn(tx, out, j, stateFailed, classFunds, textFunds, new(false))
	})
}

// classFunds is the error class of a payment without cover.
const (
	classFunds = "InsufficientFunds"
	textFunds  = "There is not enough money on the account."
)

// ISO 20022 reasons that come up in more than one place.
const (
	reasonFunds    = "AM04"
	reasonAccount  = "AC01"
	reasonCustomer = "CUST"
	reasonText     = "NARR"
)

func (b *Bank) addPayment(tx *sqldb.Tx, p payment) error {
	texts := [2]string{}
	for i, v := range []any{p.Words, p.Plan} {
		if i == 1 && p.Plan == nil {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		texts[i] = string(text)
	}
	if _, err := tx.Exec(`INSERT INTO corebank_payment (bank, id, state, product, amount, currency, creditor_name, creditor_iban,
			debtor, named_debtor, end_to_end, remittance, execute_on, service, words, plan, items, refused_items, batch, status)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 'RCVD')`,
		b.code, p.ID, payReceived, p.Product, p.Amount.Minor, p.Amount.Currency, p.CreditorName, p.CreditorIBAN,
		p.Debtor, flag(p.NamedDebtor), p.EndToEnd, p.Remittance, p.ExecuteOn, p.Service, texts[0], texts[1], p.Items, p.Refused, flag(p.Batch)); err != nil {
		return err
	}
	return b.addItems(tx, p)
}

const selectPayment = `SELECT id, state, product, amount, currency, creditor_name, creditor_iban, debtor, named_debtor, end_to_end, remittance, execute_on,
		service, words, plan, due, items, refused_items, batch, status, reason, cancelling, cancelling_until
	FROM corebank_payment WHERE bank = $1 AND id = $2`

func scanPayment(row scanner) (p payment, err error) {
	var named, batch int
	var said, planned string
	if err = row.Scan(&p.ID, &p.State, &p.Product, &p.Amount.Minor, &p.Amount.Currency, &p.CreditorName, &p.CreditorIBAN,
		&p.Debtor, &named, &p.EndToEnd, &p.Remittance, &p.ExecuteOn,
		&p.Service, &said, &planned, &p.Due, &p.Items, &p.Refused, &batch, &p.Status, &p.Reason, &p.Cancelling, &p.CancelUntil); err != nil {
		return p, err
	}
	p.NamedDebtor, p.Batch, p.BatchBooked = named == 1, batch > 0, batch == 2
	if said != "" {
		err = json.Unmarshal([]byte(said), &p.Words)
	}
	if planned != "" && err == nil {
		err = json.Unmarshal([]byte(planned), &p.Plan)
	}
	return p, err
}

func (b *Bank) payment(ctx context.Context, id string) (payment, error) {
	return scanPayment(b.db.QueryRow(ctx, selectPayment, b.code, id))
}

// payer is the account that is debited, as one of its holders has it.
func (b *Bank) payer(tx *sqldb.Tx, id, customer string) (p account, err error) {
	p.ID = id
	err = tx.QueryRow(`SELECT a.customer, a.iban, a.currency, a.type, a.owners, c.name FROM corebank_account a
		JOIN corebank_customer c ON c.bank = a.bank AND c.id = a.customer WHERE a.bank = $1 AND a.id = $2 AND a.customer = $3`, b.code, id, customer).
		Scan(&p.Customer, &p.IBAN, &p.Currency, &p.Type, &p.Owners, &p.Owner)
	return p, err
}

// sent are the words of the payer's entry.
func (t transfer) sent(reference, code string) ledger.Details {
	d := ledger.Details{Reference: reference, EndToEnd: t.EndToEnd, Code: code, PartyName: t.CreditorName, PartyIBAN: t.CreditorIBAN, Text: t.Remittance}
	d = t.both(d).With(ledger.Agent, t.Words.Agent)
	if t.Words.Account != "" {
		d = d.With(ledger.Other, t.Words.Account)
	}
	return d
}

// got are the words of the payee's entry.
func (t transfer) got(reference, code string, payer party) ledger.Details {
	d := ledger.Details{Reference: reference, EndToEnd: t.EndToEnd, Code: code, PartyName: payer.Name, PartyIBAN: payer.IBAN, Text: t.Remittance}
	d = t.both(d).With(ledger.Agent, payer.BIC)
	if named := t.Words.DebtorName; named != "" && named != payer.Name {
		d = d.With(ledger.Additional, "Payer as named in the order: "+named)
	}
	return d
}

// both are the words that both sides are told.
func (t transfer) both(d ledger.Details) ledger.Details {
	w := t.Words
	return d.With(ledger.Purpose, w.Purpose).With(ledger.Structured, w.Structured).With(ledger.UltimateDebtor, w.UltimateDebtor).
		With(ledger.UltimateCreditor, w.UltimateCreditor).With(ledger.CreditorID, w.CreditorID)
}

// A party is who pays, as the payee is told.
type party struct {
	Name string `json:"name"`
	IBAN string `json:"iban"`
	BIC  string `json:"bic,omitempty"`
}

func (a account) party() party { return party{Name: strings.Join(a.owners(), ", "), IBAN: a.IBAN} }
