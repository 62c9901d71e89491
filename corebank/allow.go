package corebank

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"strings"
	"time"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// A third party is named by the organisation identifier of its certificate: PSDSI-BS-1234567.
var tppPattern = regexp.MustCompile(`^[A-Z]{5}-[A-Za-z0-9.-]{1,80}$`)

// allowedMax bounds how many permissions a customer gives.
const allowedMax = 100

// A funder is a third party that a customer allows to check funds of an account.
type funder struct {
	TPP  string `json:"tpp"`
	Name string `json:"name"`
}

// called is what the customer knows it by.
func (f funder) called() string {
	if f.Name == "" {
		return f.TPP
	}
	return f.Name + " (" + f.TPP + ")"
}

// FundsAvailableAtBank answers a third party that a customer allowed to ask at the bank
// itself. Who is not allowed learns nothing, not even whether there is such an account.
func (c connector) FundsAvailableAtBank(ctx context.Context, q wire.FundsAtBank) (bool, error) {
	amount, err := money.Parse(string(q.InstructedAmount.Amount), string(q.InstructedAmount.Currency))
	if err != nil || amount.Minor < 0 {
		return false, sdk.ErrInvalid
	}
	number := plainIBAN(q.Account.IBAN)
	if number == "" || !isPlain(number) || !tppPattern.MatchString(string(q.TPP)) {
		return false, sdk.ErrAccessDenied
	}
	rows, err := c.db.Query(ctx, `SELECT DISTINCT a.id, a.currency FROM corebank_funds_allowed f
		JOIN corebank_account a ON a.bank = f.bank AND a.id = f.account AND a.customer = f.customer
		WHERE f.bank = $1 AND f.tpp = $2 AND a.iban = $3`, c.code, string(q.TPP), number)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	allowed, found := false, ""
	for rows.Next() {
		var id, currency string
		if err := rows.Scan(&id, &currency); err != nil {
			return false, err
		}
		if q.Account.Currency != "" && string(q.Account.Currency) != currency {
			continue
		}
		allowed = true
		if currency == amount.Currency {
			found = id
		}
	}
	switch {
	case rows.Err() != nil:
		return false, rows.Err()
	case !allowed:
		return false, sdk.ErrAccessDenied
	case found == "": // a sum in another currency than the account's
		return false, sdk.ErrInvalid
	}
	a, err := c.book.Account(ctx, found)
	return err == nil && a.Spendable() >= amount.Minor, err
}

// startAllow begins the journey on which a customer allows a third party to check funds of an
// account. It ends like any other by a code; its address is returned. key names what is wrong
// with what she wrote.
func (b *Bank) startAllow(ctx context.Context, customer string, f funder, accountID string) (path, key string, err error) {
	f.TPP, f.Name = strings.TrimSpace(f.TPP), strings.TrimSpace(f.Name)
	const nameMax = 70
	if !tppPattern.MatchString(f.TPP) || len(f.Name) > nameMax || !isPlain(f.Name) {
		return "", "allowed.wrong", nil
	}
	all, err := b.accountsOf(ctx, customer)
	if err != nil {
		return "", "", err
	}
	if !slices.ContainsFunc(all, func(a account) bool { return a.ID == accountID && a.checked() }) {
		return "", "allowed.wrong", nil
	}
	given, err := b.allowedBy(ctx, customer)
	if err != nil {
		return "", "", err
	}
	if len(given) >= allowedMax {
		return "", "allowed.many", nil
	}
	j := journey{
		ID: rand.Text(), Session: "allow " + rand.Text(), Kind: kindAllow, State: stateOpen, AppName: f.called(),
		RedirectURL: b.baseURL + "/me?allowed=1", Request: request{Funder: &f}, Choice: []choice{{account: accountID}},
		Customer: customer, Bound: true, ExpiresAt: b.now().Add(journeyFor),
	}
	return b.prefix + "/sca/" + j.ID, "", b.begin(ctx, j, func(*sqldb.Tx, *reports) error { return nil })
}

// checked says whether funds can be checked on a: a sum is on an account of one currency, and
// what is owed is no money.
func (a account) checked() bool { return a.IBAN != "" && !a.bundles() && a.Type != typeLoan }

// allowFunds stores what the customer of j allowed. Allowed again, it counts from now.
func (b *Bank) allowFunds(tx *sqldb.Tx, j journey) error {
	_, err := tx.Exec(`INSERT INTO corebank_funds_allowed (bank, tpp, account, customer, name, since) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (bank, tpp, account, customer) DO UPDATE SET name = excluded.name, since = excluded.since`,
		b.code, j.Request.Funder.TPP, j.Choice[0].account, j.Customer, j.Request.Funder.Name, b.now().UnixMicro())
	return err
}

// disallow ends a permission at once. One that is not there has ended before.
func (b *Bank) disallow(ctx context.Context, customer, tpp, accountID string) error {
	if !isPlain(tpp) || !isPlain(accountID) {
		return nil
	}
	_, err := b.db.Exec(ctx, `DELETE FROM corebank_funds_allowed WHERE bank = $1 AND tpp = $2 AND account = $3 AND customer = $4`, b.code, tpp, accountID, customer)
	return err
}

// An allowance is a permission as its customer sees it.
type allowance struct {
	funder
	Account string // ID
	Label   string
	Since   string // as a page tells it

	since time.Time
}

// Called is what the page calls the third party.
func (a allowance) Called() string { return a.called() }

// allowedBy lists whom a customer allows to check funds, newest first.
func (b *Bank) allowedBy(ctx context.Context, customer string) ([]allowance, error) {
	rows, err := b.db.Query(ctx, `SELECT tpp, name, account, since FROM corebank_funds_allowed WHERE bank = $1 AND customer = $2
		ORDER BY since DESC, tpp, account LIMIT 200`, b.code, customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []allowance
	for rows.Next() {
		var a allowance
		var since int64
		if err := rows.Scan(&a.TPP, &a.Name, &a.Account, &since); err != nil {
			return nil, err
		}
		a.since = time.UnixMicro(since).In(b.zone)
		all = append(all, a)
	}
	return all, rows.Err()
}
