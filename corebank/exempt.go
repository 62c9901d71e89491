package corebank

import (
	"context"
	"errors"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/ledger"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Articles of the RTS (Delegated Regulation (EU) 2018/389) by which this bank does without
// strong authentication. The hub is told which, and keeps it in its record.
const (
	groundAccounts = "RTS-10" // a list of accounts, for who has authenticated before
	groundTrusted  = "RTS-13" // a beneficiary whom the customer trusts
	groundOwn      = "RTS-15" // an account of her own
	groundRisk     = "RTS-18" // transaction risk analysis
)

// Limits of RTS art. 16: what the customer trusts goes without SCA while it is of a low value,
// and the payments since the last SCA stay within both others. Minor units of EUR.
const (
	exemptMax      = 3000
	exemptSumMax   = 10000
	exemptCountMax = 5
)

// Limits of what goes without SCA by a customer's day.
const (
	listsADay    = 4     // RTS art. 36(5) knows no more reads without the customer
	riskyADay    = 3     // payments of low risk
	riskySumADay = 25000 // and their sum, minor units of EUR
)

// listAfter is how long after SCA a list of accounts goes without (RTS art. 10a).
const listAfter = 180 * 24 * time.Hour

// Exemptions are what a bank does without SCA beside low values to whom its customer trusts.
// The zero value is nothing.
type Exemptions struct {
	// Lists: a customer who has authenticated strongly within 180 days gives a list of her
	// accounts, for once, by her password alone.
	Lists bool
	// Risk analyses the risk of payments; nil: none is of low risk.
	Risk RiskAnalysis
}

// A RiskAnalysis says which payments are of so low a risk that they need no SCA (RTS art. 18).
// It is asked about single payments in euro of a customer who has logged in, from an account
// that is hers alone, to a payee who is called as the order says. It may ask another system; an error
// of it is a fault of the bank, and never an exemption.
type RiskAnalysis interface {
	LowRisk(ctx context.Context, p RiskedPayment) (bool, error)
}

// A RiskedPayment is what a RiskAnalysis is told of a payment.
type RiskedPayment struct {
	Customer string
	App      string // of the third party
	Amount   money.Amount
	Payee    string // IBAN
	// Before are the payments to this payee that the customer has approved by SCA within a
	// year and that were executed, the newest first, at most fifty.
	Before []money.Amount
}

// ByHistory is a simple RiskAnalysis: what is small, goes to somebody whom the customer has
// paid often, and is no more than she has paid there at once, is of low risk.
type ByHistory struct {
	MostMinor int64 // of one payment, EUR; the law knows 100, 250 and 500 euro, by the bank's rate of fraud
	Times     int   // that the payee was paid before
}

// LowRisk implements RiskAnalysis. The zero ByHistory finds nothing of low risk.
func (r ByHistory) LowRisk(_ context.Context, p RiskedPayment) (bool, error) {
	if p.Amount.Currency != "EUR" || p.Amount.Minor > r.MostMinor || len(p.Before) < max(r.Times, 1) {
		return false, nil
	}
	for _, b := range p.Before {
		if b.Currency == p.Amount.Currency && b.Minor >= p.Amount.Minor {
			return true, nil
		}
	}
	return false, nil
}

var errNotExempt = errors.New("the limits of the exemption are used up")

// exempt says by which article p may go without SCA; "" where it may not. She has to see a
// payment whose payee is called otherwise, or that others have to sign.
func (b *Bank) exempt(ctx context.Context, j journey, p payment) (ground string, err error) {
	if p.Service != servicePayments || p.Amount.Currency != "EUR" || p.Product == productCrossBorder || p.ExecuteOn != "" || p.differs() {
		return "", nil
	}
	if signers, err := b.together(outside{ctx, b.db}, p.Debtor); err != nil || signers > 1 {
		return "", err
	}
	var trusted, own int
	if err := b.db.QueryRow(ctx, `SELECT
			(SELECT COUNT(*) FROM corebank_beneficiary WHERE bank = $1 AND customer = $2 AND iban = $3 AND (account = '' OR account = $4)),
			(SELECT COUNT(*) FROM corebank_account WHERE bank = $1 AND customer = $2 AND iban = $3)`,
		b.code, j.Customer, p.CreditorIBAN, p.Debtor).Scan(&trusted, &own); err != nil {
		return "", err
	}
	switch low := p.Amount.Minor <= exemptMax; {
	case low && own > 0:
		return groundOwn, nil
	case low && trusted > 0:
		return groundTrusted, nil
	case b.exemptions.Risk == nil:
		return "", nil
	}
	before, err := b.paidBefore(ctx, j.Customer, p.CreditorIBAN)
	if err != nil {
		return "", err
	}
	if low, err := b.exemptions.Risk.LowRisk(ctx, RiskedPayment{Customer: j.Customer, App: j.AppName, Amount: p.Amount, Payee: p.CreditorIBAN, Before: before}); err != nil || !low {
		return "", err
	}
	return groundRisk, nil
}

// paidBefore lists what a customer has paid to iban within a year, and approved by SCA.
func (b *Bank) paidBefore(ctx context.Context, customer, iban string) ([]money.Amount, error) {
	rows, err := b.db.Query(ctx, `SELECT p.amount, p.currency FROM corebank_payment p
		JOIN corebank_journey j ON j.bank = p.bank AND j.id = p.id
		JOIN corebank_code c ON c.bank = p.bank AND c.journey = p.id AND c.used = 1
		WHERE p.bank = $1 AND p.creditor_iban = $2 AND p.state = 'booked' AND p.service = $3 AND j.customer = $4 AND j.created_at > $5
		ORDER BY j.created_at DESC LIMIT 50`, b.code, iban, servicePayments, customer, b.now().AddDate(-1, 0, 0).UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []money.Amount
	for rows.Next() {
		var a money.Amount
		if err := rows.Scan(&a.Minor, &a.Currency); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

// payWithoutSCA books p at once, when the limits of the exemption allow one more.
func (b *Bank) payWithoutSCA(ctx context.Context, j journey, p payment, ground string) error {
	j.State, j.Request.Exempted, j.Request.Exemption = stateDone, true, ground
	err := b.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error {
		if err := b.useExemption(tx, j.Customer, p, ground); err != nil {
			return err
		}
		if err := b.addPayment(tx, p); err != nil {
			return err
		}
		return b.execute(tx, out, j, p, "exempted")
	})
	if err == nil {
		b.goOn(ctx, p)
	}
	return err
}

// useExemption counts p against the limits of the exemption. Of many at once no more are
// counted than the limits allow.
func (b *Bank) useExemption(tx *sqldb.Tx, customer string, p payment, ground string) error {
	if ground == groundRisk {
		return b.useDay(tx, customer, ground, p.Amount.Minor, riskyADay, riskySumADay)
	}
	n, err := tx.Exec(`UPDATE corebank_customer SET exempt_count = exempt_count + 1, exempt_minor = exempt_minor + $1
		WHERE bank = $2 AND id = $3 AND exempt_count < $4 AND exempt_minor + $1 <= $5`,
		p.Amount.Minor, b.code, customer, exemptCountMax, exemptSumMax)
	if err == nil && n == 0 {
		err = errNotExempt
	}
	return err
}

// useDay counts one more of what a customer may do without SCA on a day.
func (b *Bank) useDay(tx *sqldb.Tx, customer, ground string, minor int64, countMax int, minorMax int64) error {
	if minor > minorMax {
		return errNotExempt
	}
	n, err := tx.Exec(`INSERT INTO corebank_exemption (bank, customer, ground, day, count, minor) VALUES ($1, $2, $3, $4, 1, $5)
		ON CONFLICT (bank, customer, ground, day) DO UPDATE SET count = corebank_exemption.count + 1, minor = corebank_exemption.minor + excluded.minor
		WHERE corebank_exemption.count < $6 AND corebank_exemption.minor + excluded.minor <= $7`,
		b.code, customer, ground, b.today().String(), minor, countMax, minorMax)
	if err == nil && n == 0 {
		err = errNotExempt
	}
	return err
}

// listNow gives the list of accounts that j asks for, for once, where the customer's log-in is
// enough for that. It gives that and nothing more: whoever has the token reads no entries.
func (b *Bank) listNow(ctx context.Context, j journey, accounts []account) (done bool, err error) {
	if !b.exemptions.Lists || j.Kind != kindAccess || j.Basket != "" || j.Signs != "" || j.holds() || j.Request.List == "" || j.Request.Recurring {
		return false, nil
	}
	alone, err := b.alone(ctx, accounts)
	if err != nil || len(alone) < len(accounts) { // others have to sign
		return false, err
	}
	var last int64
	if err := b.db.QueryRow(ctx, `SELECT sca_at FROM corebank_customer WHERE bank = $1 AND id = $2`, b.code, j.Customer).Scan(&last); err != nil {
		return false, err
	}
	if last == 0 || b.now().Sub(time.UnixMicro(last)) >= listAfter {
		return false, nil
	}
	j.Choice = nil
	for _, a := range accounts {
		j.Choice = append(j.Choice, choice{account: a.ID})
	}
	err = b.write(ctx, func(tx *sqldb.Tx, out *reports) error {
		if err := b.useDay(tx, j.Customer, groundAccounts, 0, listsADay, 0); err != nil {
			return err
		}
		if err := b.move(tx, j, stateDone, stateOpen); err != nil {
			return err
		}
		j.Request.Exempted, j.Request.Exemption = true, groundAccounts
		if err := b.rewrite(tx, j); err != nil {
			return err
		}
		return b.grantAccess(tx, out, j)
	})
	if errors.Is(err, errNotExempt) {
		return false, nil
	}
	return err == nil, err
}

// exemptNow does what needs no second factor once the customer has given her password: a low
// value, as for one who logged in before, or a list of accounts; and of a customer who has no
// method, a cancellation, by which no money leaves.
func (b *Bank) exemptNow(ctx context.Context, j journey, none bool) (done bool, err error) {
	if j.Kind == kindAccess && j.Request.List != "" {
		accounts, _, err := b.offered(ctx, j, j.Customer)
		if err != nil {
			return false, err
		}
		return b.listNow(ctx, j, accounts)
	}
	if j.Kind != kindPayment && !(j.Kind == kindCancel && none) || j.Signs != "" {
		return false, nil
	}
	p, err := b.payment(ctx, j.payment())
	if err != nil {
		return false, err
	}
	if signers, err := b.together(outside{ctx, b.db}, p.Debtor); j.Kind == kindCancel && (err != nil || signers > 1) {
		return false, err
	}
	ground := ""
	if j.Kind == kindPayment {
		p.Debtor = j.Choice[0].account
		if ground, err = b.exempt(ctx, j, p); ground == "" || err != nil {
			return false, err
		}
	}
	err = b.write(ctx, func(tx *sqldb.Tx, out *reports) error {
		if err := b.move(tx, j, stateDone, stateOpen); err != nil {
			return err
		}
		j.Request.Exempted, j.Request.Exemption = true, ground
		if err := b.rewrite(tx, j); err != nil {
			return err
		}
		if j.Kind == kindCancel {
			return b.cancelPayment(tx, out, j, p, "exempted")
		}
		if err := b.useExemption(tx, j.Customer, p, ground); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE corebank_payment SET debtor = $1 WHERE bank = $2 AND id = $3 AND state = 'received'`, p.Debtor, b.code, p.ID); err != nil {
			return err
		}
		return b.execute(tx, out, j, p, "exempted")
	})
	switch {
	case errors.Is(err, errNotExempt):
		return false, nil
	case errors.Is(err, ledger.ErrFunds):
		return true, b.end(ctx, j, stateFailed, classFunds, textFunds, new(false))
	case err == nil && j.Kind == kindPayment:
		b.goOn(ctx, p)
	}
	return true, err
}

// listOnly is what is granted of accounts where no more than a list of them is asked for.
func listOnly(kind wire.String, accounts []account) (g grant) {
	for _, a := range accounts {
		g.Accounts = append(g.Accounts, grantedAccount{ID: a.ID, Balances: kind == listBalances})
	}
	return g
}

// What of the list of accounts is asked for, by the hub's words.
const (
	listAccounts = "accounts"
	listBalances = "balances"
)
