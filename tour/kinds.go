package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kontor/kit/money"
	"kontor/ready"
	"kontor/xs2aclient"
)

// kindSteps show every kind of account.
func kindSteps() []step {
	return []step{
		{"Current, savings and joint accounts and a loan, in the list, in details and by their balances", readKinds},
		{"A loan says how much was lent and what is owed", readLoan},
		{"A multi-currency account: one IBAN, its sub-accounts, and the account that bundles them", readCurrencies},
		{"An IBAN with a currency names one sub-account alone", nameCurrency},
		{"The accounts of a company", readCompany},
	}
}

func readKinds(ctx context.Context, g *guide) (string, error) {
	r := g.isar.family.attended()
	accounts, err := r.Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), len(g.family.Accounts))); err != nil {
		return "", err
	}
	var kinds []string
	for _, want := range g.family.Accounts {
		a, err := account(accounts, want)
		if err != nil {
			return "", err
		}
		detail, err := r.Account(ctx, a.ResourceID, true)
		if err != nil {
			return "", err
		}
		balances, err := r.Balances(ctx, a.ResourceID)
		owners := want.Owners
		if len(owners) == 0 {
			owners = []string{g.family.Name}
		}
		if err = all(err, is("cashAccountType", a.CashAccountType, want.CashAccountType), is("ownerName", a.OwnerName, strings.Join(owners, ", ")),
			has("product", a.Product), is("status", a.Status, "enabled"),
			is("the account in the list and alone", fmt.Sprint(a), fmt.Sprint(detail)), is("the balances beside the account and alone", fmt.Sprint(a.Balances), fmt.Sprint(balances.Balances))); err != nil {
			return "", fmt.Errorf("%s: %w", want.IBAN, err)
		}
		kinds = append(kinds, fmt.Sprintf("%s (%s)", a.Product, a.CashAccountType))
	}
	return strings.Join(kinds, ", "), nil
}

func readLoan(ctx context.Context, g *guide) (string, error) {
	r := g.isar.family.attended()
	accounts, err := r.Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	loan, err := account(accounts, where(g.family, ofType("LOAN")))
	if err != nil {
		return "", err
	}
	balances, err := r.Balances(ctx, loan.ResourceID)
	if err != nil {
		return "", err
	}
	owed, ok := balances.Of("interimBooked", "closingBooked")
	if !ok {
		return "", errors.New("the loan has no booked balance")
	}
	amount, err := owed.Amount.Money()
	_, entries := r.Transactions(ctx, loan.ResourceID, lately(xs2aclient.Booked))
	return fmt.Sprintf("%s %s: %s", owed.Amount.Amount, owed.Amount.Currency, loan.Details), all(err, entries,
		is("what is owed is negative", amount.Minor < 0, true), has("details", loan.Details))
}

func readCurrencies(ctx context.Context, g *guide) (_ string, err error) {
	if g.isar.traveller, err = g.gives(ctx, g.traveller, everything(), plan{}); err != nil {
		return "", err
	}
	r := g.isar.traveller.attended()
	accounts, err := r.Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), len(g.traveller.Accounts))); err != nil {
		return "", err
	}
	bundle, err := account(accounts, where(g.traveller, func(a ready.Account) bool { return a.Currency == money.Several }))
	if err != nil {
		return "", err
	}
	var told, entries []string
	for _, a := range accounts {
		if a.Currency == money.Several || a.IBAN != bundle.IBAN {
			continue
		}
		for _, b := range a.Balances {
			same := func(x xs2aclient.Balance) bool { return x.Type == b.Type && x.Amount == b.Amount }
			if !slices.ContainsFunc(bundle.Balances, same) {
				return "", fmt.Errorf("the bundle does not have the balance %s %s %s", b.Type, b.Amount.Amount, b.Amount.Currency)
			}
			if b.Type == "interimBooked" {
				told = append(told, b.Amount.Amount+" "+b.Amount.Currency)
			}
		}
		page, err := r.Transactions(ctx, a.ResourceID, lately(xs2aclient.Booked))
		if err = all(err, is("entries in the currency of the sub-account", slices.ContainsFunc(page.Booked, func(t xs2aclient.Transaction) bool { return t.Amount.Currency != a.Currency }), false)); err != nil {
			return "", err
		}
		entries = append(entries, ids(page.Booked)...)
	}
	page, err := r.Transactions(ctx, bundle.ResourceID, lately(xs2aclient.Booked))
	if err != nil {
		return "", err
	}
	together := ids(page.Booked)
	slices.Sort(entries)
	slices.Sort(together)
	_, mt := r.Report(ctx, bundle.ResourceID, lately(xs2aclient.Booked), xs2aclient.AcceptMT940)
	return fmt.Sprintf("%s under %s, %d entries; MT, which knows one currency, is refused for the bundle", strings.Join(told, ", "), bundle.IBAN, len(together)), all(
		is("sub-accounts", len(told), len(g.traveller.Accounts)-1), is("the bundle has the entries of all", slices.Equal(together, entries), true),
		refusedWith(mt, http.StatusNotAcceptable, "REQUESTED_FORMATS_INVALID"))
}

func nameCurrency(ctx context.Context, g *guide) (string, error) {
	sub := g.traveller.Accounts[1]
	named := []xs2aclient.AccountReference{{IBAN: sub.IBAN, Currency: sub.Currency}}
	r, err := g.gives(ctx, g.traveller, recurring(xs2aclient.Dedicated(named...)), plan{})
	if err != nil {
		return "", err
	}
	alone, err := r.attended().Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(alone), 1)); err != nil {
		return "", err
	}
	// Without a currency the IBAN means all of them.
	r, err = g.gives(ctx, g.traveller, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: sub.IBAN})), plan{})
	if err != nil {
		return "", err
	}
	together, err := r.attended().Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	g.isar.traveller = r
	return fmt.Sprintf("%s %s alone; without the currency %d accounts", sub.IBAN, sub.Currency, len(together)), all(
		is("currency", alone[0].Currency, sub.Currency), is("currency of its balance", alone[0].Balances[0].Amount.Currency, sub.Currency),
		is("accounts of the IBAN", len(together), len(g.traveller.Accounts)))
}

func readCompany(ctx context.Context, g *guide) (_ string, err error) {
	if g.isar.company, err = g.gives(ctx, g.company, everything(), plan{}); err != nil {
		return "", err
	}
	accounts, err := g.isar.company.attended().Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	want := g.company.Accounts[0]
	a, err := account(accounts, want)
	return fmt.Sprintf("%s of %s, given by %s, who calls it %q", a.Product, a.OwnerName, a.PSUName, a.DisplayName), all(err,
		is("usage", a.Usage, want.Usage), is("ownerName", a.OwnerName, strings.Join(want.Owners, ", ")), is("psuName", a.PSUName, g.company.Name), has("displayName", a.DisplayName))
}

// sum adds up amounts of one currency.
func sum(currency string, amounts ...xs2aclient.Amount) (money.Amount, error) {
	total := money.Amount{Currency: currency}
	for _, a := range amounts {
		m, err := a.Money()
		if err != nil {
			return total, err
		}
		if m.Currency != currency {
			return total, fmt.Errorf("an amount in %s among those in %s", m.Currency, currency)
		}
		total = total.Plus(m)
	}
	return total, nil
}
