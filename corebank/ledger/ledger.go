// Package ledger keeps the reference bank's books by double entry.
//
// A posting is a set of lines that adds up to zero in every currency; it is written whole
// or not at all, and its ID can be used once. Each line becomes an entry of one account.
// A hold takes money out of what is available without moving it, until it is released.
// What a customer may spend is booked − held + credit limit, and no posting or hold takes
// it below zero, however many run at once: the account row itself is the guard.
//
// Because every posting balances, the sum over all accounts is zero in each currency at
// any time; Check proves that, and that balances agree with entries, in SQL. An entry keeps
// the balance that it left behind, so a page from the middle of a history can tell it. Who
// owns an account and who may see it is not the ledger's business.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnbalanced = errors.New("posting does not add up to zero")
	ErrFunds      = errors.New("not enough money on the account")
	ErrAccount    = errors.New("no such account in this currency")
	ErrPosted     = errors.New("posting is already in the books")
	ErrHold       = errors.New("no such hold")
	ErrChanged    = errors.New("an account was changed meanwhile")
)

// Kinds of accounts. Only customers' and cards have a limit.
const (
	Customer = "customer"
	Card     = "card"
	Clearing = "clearing" // towards other banks
	Income   = "income"   // fees and interest
	Desk     = "exchange" // what the bank has of a currency by exchanging it
)

// Unlimited is the credit limit of the bank's own accounts.
const Unlimited = -1

// amountMax bounds one line, so that no sum of a posting can overflow.
const amountMax = 1_000_000_000_000_000

// A Book is the ledger of one bank.
type Book struct {
	DB   *sqldb.DB
	Bank string // code of the bank
}

// An Account is a row of the book. Amounts are minor units of Currency.
type Account struct {
	ID          string
	Kind        string
	Currency    string
	CreditLimit int64 // Unlimited for the bank's own accounts
	Booked      int64
	Held        int64
	day         string
	dayOpening  int64
	lastSeq     int64
}

// Available is what can be spent now, without the credit limit.
func (a Account) Available() money.Amount {
	return money.Amount{Minor: a.Booked - a.Held, Currency: a.Currency}
}

// Spendable is what can be spent now, with the credit limit.
func (a Account) Spendable() int64 { return a.Booked - a.Held + max(a.CreditLimit, 0) }

// ClosingBefore is the booked balance as it stood before the first entry of today.
func (a Account) ClosingBefore(today day.Day) money.Amount {
	minor := a.Booked
	if a.day == today.String() {
		minor = a.dayOpening
	}
	return money.Amount{Minor: minor, Currency: a.Currency}
}

// A Line changes one account by Amount: negative is a debit.
type Line struct {
	Account string
	Amount  money.Amount
	Value   day.Day // zero: the booking date
	Details
}

// A Posting is booked whole. ID is unique within the bank for ever.
type Posting struct {
	ID     string
	Booked day.Day
	At     time.Time
	Lines  []Line
}

// An Entry is a line as it stands in the books.
type Entry struct {
	Account string
	Seq     int64  // counts up per account
	Booked  string // YYYY-MM-DD
	Value   string
	Amount  money.Amount
	Balance int64 // booked balance of the account once this was booked
	Details
}

// A Hold reserves Amount, which is positive.
type Hold struct {
	ID      string
	Account string
	Amount  money.Amount
	At      time.Time
	Value   string // YYYY-MM-DD, when it is expected to be booked
	Details
}

// balances says whether p may stand in the books at all.
func (p Posting) balances() error {
	if p.ID == "" || p.Booked.IsZero() || len(p.Lines) < 2 || len(p.Lines) > 1000 {
		return fmt.Errorf("%w: it needs an ID, a day and at least two lines", ErrUnbalanced)
	}
	sums := map[string]int64{}
	for _, l := range p.Lines {
		if l.Amount.Minor == 0 || l.Amount.Minor > amountMax || l.Amount.Minor < -amountMax {
			return fmt.Errorf("%w: a line is empty or too large", ErrUnbalanced)
		}
		sums[l.Amount.Currency] += l.Amount.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("%w: %d %s are left", ErrUnbalanced, sum, currency)
		}
	}
	return nil
}

// Open adds accounts with nothing on them.
func (b Book) Open(tx *sqldb.Tx, accounts ...Account) error {
	for _, a := range accounts {
		if _, err := tx.Exec(insertAccount, b.Bank, a.ID, a.Kind, a.Currency, a.CreditLimit, int64(0), int64(0), int64(0), "", int64(0)); err != nil {
			return fmt.Errorf("open account %s: %w", a.ID, err)
		}
	}
	return nil
}

const insertAccount = `INSERT INTO corebank_ledger_account
	(bank, id, kind, currency, credit_limit, booked, held, last_seq, day, day_opening)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// Post books p. It returns ErrFunds when a debited account has too little available,
// ErrPosted when the ID was used before, ErrUnbalanced or ErrAccount when p is wrong in
// itself; after any of them the transaction must be given up.
func (b Book) Post(tx *sqldb.Tx, p Posting) error {
	if err := p.balances(); err != nil {
		return err
	}
	changes := make([]change, 0, 2)
	for _, l := range p.Lines {
		i := slices.IndexFunc(changes, func(c change) bool { return c.account == l.Account })
		if i < 0 {
			i, changes = len(changes), append(changes, change{account: l.Account, currency: l.Amount.Currency})
		}
		c := &changes[i]
		if c.currency != l.Amount.Currency {
			return ErrAccount
		}
		c.net, c.n = c.net+l.Amount.Minor, c.n+1
	}
	// Always in the same order, so that two postings cannot wait for each other.
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.account, b.account) })
	booked := p.Booked.String()
	statements := make([]sqldb.Statement, 0, 1+len(changes)+len(p.Lines))
	statements = append(statements, sqldb.Statement{Query: insertPosting, Args: []any{b.Bank, p.ID, p.At.UnixMicro()}})
	for _, c := range changes {
		statements = append(statements, sqldb.Statement{Query: changeAccount, Args: []any{booked, c.net, c.n, b.Bank, c.account, c.currency, flag(c.net >= 0)}})
	}
	// Everything goes in one message, entries before it is known whether they may be: when an
	// account refuses, the transaction is given up anyway, and a row that many postings change
	// is locked for one journey less.
	for _, l := range p.Lines {
		value := booked
		if !l.Value.IsZero() {
			value = l.Value.String()
		}
		c := &changes[slices.IndexFunc(changes, func(c change) bool { return c.account == l.Account })]
		c.entered, c.amount = c.entered+1, c.amount+l.Amount.Minor
		statements = append(statements, sqldb.Statement{Query: insertEntryNow,
			Args: []any{booked, c.n - c.entered, p.ID, l.Amount.Minor, value, l.Details.pack(), c.net - c.amount, b.Bank, l.Account}})
	}
	counts, err := tx.Each(statements...)
	if err != nil {
		return err
	}
	if counts[0] == 0 {
		return ErrPosted
	}
	for i, c := range changes {
		if counts[i+1] == 0 {
			return b.refused(tx, c.account, c.currency)
		}
	}
	if slices.Contains(counts, 0) {
		return fmt.Errorf("an account already has the entry that posting %s would give it", p.ID)
	}
	return nil
}

// A change is what a posting does to one account.
type change struct {
	account, currency string
	net, n            int64 // sum and number of its lines
	entered, amount   int64 // number and sum of those that have their entry
}

const (
	insertPosting = `INSERT INTO corebank_ledger_posting (bank, id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	changeAccount = `UPDATE corebank_ledger_account SET
			day_opening = CASE WHEN day = $1 THEN day_opening ELSE booked END, day = $1,
			booked = booked + $2, last_seq = last_seq + $3
		WHERE bank = $4 AND id = $5 AND currency = $6
			AND (credit_limit < 0 OR $7 = 1 OR booked - held + credit_limit + $2 >= 0)`
	entryColumns = `INSERT INTO corebank_ledger_entry (bank, account, booking_date, seq, posting, amount, currency, value_date, details, balance) `
	insertEntry  = entryColumns + `VALUES `
	// The account is changed already: so many entries, and so much money, come after this one.
	// Where it refused the change there is such an entry, which must not hide the reason.
	insertEntryNow = entryColumns + `SELECT bank, id, $1, last_seq - $2, $3, $4, currency, $5, $6, booked - $7
		FROM corebank_ledger_account WHERE bank = $8 AND id = $9 ON CONFLICT DO NOTHING`
)

// The text of a statement that many payments run.
var insertOneHold = insertHold + row(8, 1)

// refused says why no account row was changed.
func (b Book) refused(tx *sqldb.Tx, account, currency string) error {
	var have string
	err := tx.QueryRow(`SELECT currency FROM corebank_ledger_account WHERE bank = $1 AND id = $2`, b.Bank, account).Scan(&have)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && have != currency:
		return ErrAccount
	case err != nil:
		return err
	}
	return ErrFunds
}

// Hold reserves money. It returns ErrFunds when so much is not available.
func (b Book) Hold(tx *sqldb.Tx, h Hold) error {
	if h.Amount.Minor <= 0 || h.Amount.Minor > amountMax || h.ID == "" {
		return fmt.Errorf("%w: a hold needs an ID and a positive amount", ErrUnbalanced)
	}
	n, err := tx.Exec(`UPDATE corebank_ledger_account SET held = held + $1
		WHERE bank = $2 AND id = $3 AND currency = $4 AND (credit_limit < 0 OR booked - held + credit_limit - $1 >= 0)`,
		h.Amount.Minor, b.Bank, h.Account, h.Amount.Currency)
	if err != nil {
		return err
	}
	if n == 0 {
		return b.refused(tx, h.Account, h.Amount.Currency)
	}
	_, err = tx.Exec(insertOneHold, holdRow(b.Bank, h)...)
	return err
}

const insertHold = `INSERT INTO corebank_ledger_hold (bank, account, id, at, amount, currency, value_date, details) VALUES `

func holdRow(bank string, h Hold) []any {
	return []any{bank, h.Account, h.ID, h.At.UnixMicro(), h.Amount.Minor, h.Amount.Currency, h.Value, h.Details.pack()}
}

// Release gives a hold up. It returns ErrHold when there is none, so that what rests on a
// hold happens once.
func (b Book) Release(tx *sqldb.Tx, account, id string) error {
	var amount int64
	err := tx.QueryRow(`SELECT amount FROM corebank_ledger_hold WHERE bank = $1 AND account = $2 AND id = $3`, b.Bank, account, id).Scan(&amount)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrHold
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(`DELETE FROM corebank_ledger_hold WHERE bank = $1 AND account = $2 AND id = $3`, b.Bank, account, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrHold
	}
	_, err = tx.Exec(`UPDATE corebank_ledger_account SET held = held - $1 WHERE bank = $2 AND id = $3`, amount, b.Bank, account)
	return err
}

// Reduce gives up part of a hold, or the rest of it. It returns ErrHold when so much is not
// held.
func (b Book) Reduce(tx *sqldb.Tx, account, id string, by money.Amount) error {
	n, err := tx.Exec(`UPDATE corebank_ledger_hold SET amount = amount - $1
		WHERE bank = $2 AND account = $3 AND id = $4 AND currency = $5 AND amount > $1 AND $1 > 0`, by.Minor, b.Bank, account, id, by.Currency)
	if err != nil {
		return err
	}
	if n == 0 {
		n, err := tx.Exec(`DELETE FROM corebank_ledger_hold WHERE bank = $1 AND account = $2 AND id = $3 AND currency = $4 AND amount = $5`,
			b.Bank, account, id, by.Currency, by.Minor)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrHold
		}
	}
	_, err = tx.Exec(`UPDATE corebank_ledger_account SET held = held - $1 WHERE bank = $2 AND id = $3`, by.Minor, b.Bank, account)
	return err
}

// Ensure opens those of the bank's own accounts that are not there yet, without limit.
func (b Book) Ensure(tx *sqldb.Tx, kind, currency string, ids ...string) error {
	for _, id := range ids {
		if _, err := tx.Exec(insertAccount+` ON CONFLICT DO NOTHING`, b.Bank, id, kind, currency, int64(Unlimited), int64(0), int64(0), int64(0), "", int64(0)); err != nil {
			return fmt.Errorf("open account %s: %w", id, err)
		}
	}
	return nil
}

// Check proves that the books are right: every posting balances, each account's balance
// is the sum of its entries, each entry's balance follows from the one before, its holds are
// what is held, and all accounts add up to zero.
func (b Book) Check(ctx context.Context) error {
	for _, c := range []struct{ fault, query string }{
		{"a posting does not add up to zero", `SELECT COUNT(*) FROM (SELECT posting FROM corebank_ledger_entry
			WHERE bank = $1 GROUP BY posting, currency HAVING SUM(amount) <> 0) t`},
		{"an account's balance is not the sum of its entries", `SELECT COUNT(*) FROM corebank_ledger_account a WHERE a.bank = $1 AND a.booked <>
			(SELECT COALESCE(SUM(e.amount), 0) FROM corebank_ledger_entry e WHERE e.bank = a.bank AND e.account = a.id)`},
		{"an account's holds are not what is held", `SELECT COUNT(*) FROM corebank_ledger_account a WHERE a.bank = $1 AND a.held <>
			(SELECT COALESCE(SUM(h.amount), 0) FROM corebank_ledger_hold h WHERE h.bank = a.bank AND h.account = a.id)`},
		{"the accounts do not add up to zero", `SELECT COUNT(*) FROM (SELECT currency FROM corebank_ledger_account
			WHERE bank = $1 GROUP BY currency HAVING SUM(booked) <> 0) t`},
		{"an entry's balance is not the one before it and its amount", `SELECT COUNT(*) FROM (SELECT balance - amount - LAG(balance, 1, 0)
			OVER (PARTITION BY account ORDER BY seq) AS off FROM corebank_ledger_entry WHERE bank = $1) t WHERE off <> 0`},
		{"an account is below its limit", `SELECT COUNT(*) FROM corebank_ledger_account
			WHERE bank = $1 AND credit_limit >= 0 AND booked - held + credit_limit < 0`},
		{"an entry belongs to no posting", `SELECT COUNT(*) FROM corebank_ledger_entry e WHERE e.bank = $1 AND NOT EXISTS
			(SELECT 1 FROM corebank_ledger_posting p WHERE p.bank = e.bank AND p.id = e.posting)`},
	} {
		var n int64
		if err := b.DB.QueryRow(ctx, c.query, b.Bank).Scan(&n); err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("%s (%d times)", c.fault, n)
		}
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
