package corebank

import (
	"context"
	"strings"

	"github.com/jacoelho/banking/iban"

	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

// A connector is the bank as the hub sees it.
type connector struct{ *Bank }

var (
	_ sdk.Bank                 = connector{}
	_ sdk.Payments             = connector{}
	_ sdk.PaymentServices      = connector{}
	_ sdk.PaymentQueries       = connector{}
	_ sdk.PayeeVerification    = connector{}
	_ sdk.Cancellations        = connector{}
	_ sdk.Baskets              = connector{}
	_ sdk.FundsConfirmations   = connector{}
	_ sdk.FundsAtBank          = connector{}
	_ sdk.Cards                = connector{}
	_ sdk.CardTransactions     = connector{}
	_ sdk.StandingOrders       = connector{}
	_ sdk.TrustedBeneficiaries = connector{}
	_ sdk.Refresher            = connector{}
	_ sdk.Logins               = connector{}
	_ sdk.Authorisations       = connector{}
	_ sdk.Multilevel           = connector{}
	_ sdk.Confirmations        = connector{}
)

// StartAccess invites the customer to choose accounts.
func (c connector) StartAccess(ctx context.Context, r wire.TokenCreate) error {
	j, err := c.readAccess(r)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j, wire.Event{}) })
}

// readAccess checks a request for access to accounts.
func (b *Bank) readAccess(r wire.TokenCreate) (journey, error) {
	j, err := b.newJourney(kindAccess, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return j, err
	}
	until := string(r.ValidUntil)
	if until != "" {
		if d, err := day.Parse(until); err != nil || d.Before(b.today()) {
			return j, sdk.ErrInvalid
		}
	}
	j.Request = request{Access: &r.Access, ValidUntil: until}
	if list := r.AvailableAccounts; (list == listAccounts || list == listBalances) && r.Access.AllPSD2 != "" {
		j.Request.List, j.Request.Recurring = list, r.RecurringIndicator
	}
	if len(j.Request.named()) > 1000 {
		return j, sdk.ErrInvalid
	}
	return j, nil
}

// RevokeAccess ends an access for the hub; a second time is ErrAccessDenied.
func (c connector) RevokeAccess(ctx context.Context, token string) error {
	return c.revoke(ctx, token, serviceAccounts)
}

// Accounts lists what the access covers, cards apart.
func (c connector) Accounts(ctx context.Context, token string) ([]wire.AccountAnswer, error) {
	acc, err := c.accessOf(ctx, token, serviceAccounts)
	if err != nil {
		return nil, err
	}
	all, err := c.accountsShown(ctx, acc.Customer)
	if err != nil {
		return nil, err
	}
	answers := []wire.AccountAnswer{}
	for _, a := range all {
		granted, ok := acc.Granted.of(a.ID)
		if !ok || a.Type == typeCard {
			continue
		}
		answer := wire.AccountAnswer{
			ID: wire.String(a.ID), Name: wire.String(a.Product), Product: wire.String(a.Product), Currency: wire.String(a.Currency), CashAccountType: wire.String(a.Type),
			IBAN: wire.String(a.IBAN), OwnerName: wire.String(strings.Join(a.owners(), ", ")), Status: "enabled",
			Extra: &wire.AccountExtra{
				DisplayName: wire.String(a.DisplayName), Usage: wire.String(a.Usage), Details: wire.String(a.Details),
				LinkedAccounts: wire.String(a.Linked), PSUName: wire.String(a.Owner), Granted: granted.told(),
			},
		}
		for _, name := range a.owners() {
			answer.Extra.OwnerNames = append(answer.Extra.OwnerNames, wire.String(name))
		}
		if granted.Balances {
			answer.Balances = c.balances(a)
		}
		if granted.Balances && a.bundles() {
			for _, sub := range all {
				if sub.IBAN == a.IBAN && !sub.bundles() {
					answer.Balances = append(answer.Balances, c.balances(sub)...)
				}
			}
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// balances of one account. One that bundles others has none of its own; what is owed on a
// loan is not available.
func (c connector) balances(a account) []wire.BalanceAnswer {
	if a.bundles() {
		return nil
	}
	included := false
	today := wire.String(c.today().String())
	balance := func(kind string, amount money.Amount, date wire.String) wire.BalanceAnswer {
		return wire.BalanceAnswer{Type: wire.String(kind), Currency: wire.String(amount.Currency), Amount: wire.String(amount.String()), ReferenceDate: date, CreditLimitIncluded: &included}
	}
	booked := money.Amount{Minor: a.Booked, Currency: a.Currency}
	all := []wire.BalanceAnswer{
		balance("interimAvailable", a.Available(), today),
		balance("interimBooked", booked, today),
		balance("closingBooked", a.ClosingBefore(c.today()), wire.String(c.today().AddDays(-1).String())),
	}
	if a.Type == typeLoan {
		return all[1:]
	}
	return all
}

// StartFundsAccess invites the customer to allow checks of funds.
func (c connector) StartFundsAccess(ctx context.Context, r wire.FundsTokenCreate) error {
	j, err := c.newJourney(kindFunds, r.SessionSecret, r.AppName, r.RedirectURL)
	if err == nil {
		err = j.elsewhere(r.SCA)
	}
	if err != nil {
		return err
	}
	if r.Account == (wire.Account{}) {
		return sdk.ErrInvalid
	}
	j.Request.Account, j.Request.Card = &r.Account, viewOfCard(r)
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j, wire.Event{}) })
}

// RevokeFundsAccess ends an access for the hub; a second time is ErrAccessDenied.
func (c connector) RevokeFundsAccess(ctx context.Context, token string) error {
	return c.revoke(ctx, token, serviceFunds)
}

// FundsAvailable says whether the amount is there now, and nothing else about the account.
func (c connector) FundsAvailable(ctx context.Context, token string, q wire.FundsCheck) (bool, error) {
	acc, err := c.accessOf(ctx, token, serviceFunds)
	if err != nil {
		return false, err
	}
	if acc.Granted.Named == nil || *acc.Granted.Named != q.Account || len(acc.Granted.Accounts) != 1 {
		return false, sdk.ErrInvalid
	}
	amount, err := money.Parse(string(q.InstructedAmount.Amount), string(q.InstructedAmount.Currency))
	if err != nil || amount.Minor < 0 {
		return false, sdk.ErrInvalid
	}
	a, err := c.book.Account(ctx, acc.Granted.Accounts[0].ID)
	if err != nil {
		return false, err
	}
	if a.Currency != amount.Currency {
		return false, sdk.ErrInvalid
	}
	return a.Spendable() >= amount.Minor, nil
}

// StartLogin invites the customer to log in and nothing more.
func (c connector) StartLogin(ctx context.Context, r wire.LoginCreate) error {
	j, err := c.newJourney(kindLogin, r.SessionSecret, r.AppName, r.RedirectURL)
	if err != nil {
		return err
	}
	if j.Request.IBAN = plainIBAN(r.IBAN); j.Request.IBAN != "" && iban.Validate(j.Request.IBAN) != nil {
		return sdk.ErrInvalid
	}
	return c.begin(ctx, j, func(tx *sqldb.Tx, out *reports) error { return c.invite(tx, out, j, wire.Event{}) })
}
