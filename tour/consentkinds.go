package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kontor/xs2aclient"
)

// modelSteps show every model of consent, and what each shows and refuses.
func modelSteps() []step {
	return []step{
		{"The list of accounts, and nothing behind it", listOnly},
		{"The list with balances, and the names of the owners", listWithBalances},
		{"Everything, by allPsd2: balances, entries, beneficiaries; names only where they were asked for", askForEverything},
		{"A list for each right: each account shows what it was named for", nameEachRight},
		{"The PSU chooses one account and gives its balances only; the consent says so", giveLess},
		{"She gives another account in place of the first at her bank, and the next read shows it", chooseAnew},
		{"A consent restricted to types of account leaves the others out", restrictTypes},
		{"More than the bank allows is lowered, and shown lowered", lowerLimits},
		{"Requests without a meaning are refused, and the field is named", refuseShapes},
	}
}

func listOnly(ctx context.Context, g *guide) (string, error) {
	r, err := g.gives(ctx, g.family, recurring(xs2aclient.Access{AvailableAccounts: xs2aclient.AllAccounts}), plan{})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), len(g.family.Accounts))); err != nil {
		return "", err
	}
	for _, a := range accounts {
		if len(a.Links) > 0 || a.OwnerName != "" || len(a.OwnerNames) > 0 || len(a.Balances) > 0 {
			return "", fmt.Errorf("account %s shows more than that it exists", a.IBAN)
		}
	}
	id := accounts[0].ResourceID
	_, balanced := r.attended().Accounts(ctx, true)
	_, balances := r.attended().Balances(ctx, id)
	_, entries := r.attended().Transactions(ctx, id, lately(xs2aclient.Booked))
	return fmt.Sprintf("%d accounts without links; withBalance, balances and entries: CONSENT_INVALID", len(accounts)),
		all(refusedRight("the list with balances", balanced), refusedRight("balances", balances), refusedRight("entries", entries))
}

func listWithBalances(ctx context.Context, g *guide) (string, error) {
	r, err := g.gives(ctx, g.family, recurring(xs2aclient.Access{AvailableAccountsWithBalance: xs2aclient.AllAccountsWithOwnerName}), plan{})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), len(g.family.Accounts))); err != nil {
		return "", err
	}
	if slices.ContainsFunc(accounts, func(a xs2aclient.Account) bool { return len(a.Balances) == 0 }) {
		return "", errors.New("an account comes without balances")
	}
	want := where(g.family, joint)
	shared, err := account(accounts, want)
	if err != nil {
		return "", err
	}
	_, entries := r.attended().Transactions(ctx, shared.ResourceID, lately(xs2aclient.Booked))
	return fmt.Sprintf("%s belongs to %s; entries: CONSENT_INVALID", shared.Product, shared.OwnerName), all(
		is("ownerNames", fmt.Sprint(names(shared.OwnerNames)), fmt.Sprint(want.Owners)),
		is("ownerName", shared.OwnerName, strings.Join(want.Owners, ", ")), is("psuName", shared.PSUName, g.family.Name),
		refusedRight("entries", entries))
}

func names(owners []xs2aclient.Owner) (all []string) {
	for _, o := range owners {
		all = append(all, o.Name)
	}
	return all
}

func askForEverything(ctx context.Context, g *guide) (string, error) {
	r, err := g.gives(ctx, g.family, recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}), plan{})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), len(g.family.Accounts))); err != nil {
		return "", err
	}
	for _, a := range accounts {
		if a.OwnerName != "" || len(a.Balances) == 0 || a.Links["balances"] == "" || a.Links["transactions"] == "" {
			return "", fmt.Errorf("account %s: a name that nobody asked for, or no balances or links", a.IBAN)
		}
	}
	_, err = r.attended().Transactions(ctx, accounts[0].ResourceID, lately(xs2aclient.Both))
	trusted, err2 := r.attended().TrustedBeneficiaries(ctx, "")
	if err = all(err, err2, is("number of trusted beneficiaries", len(trusted), len(g.family.Trusted))); err != nil {
		return "", err
	}
	// The one with names stays: later chapters read under it.
	if g.isar.family, err = g.gives(ctx, g.family, everything(), plan{}); err != nil {
		return "", err
	}
	accounts, err = g.isar.family.attended().Accounts(ctx, false)
	con, err2 := g.isar.client.Consent(ctx, g.isar.family.created.ConsentID)
	return fmt.Sprintf("%d accounts; a second consent, allAccountsWithOwnerName, adds the names", len(accounts)), all(err, err2,
		is("accounts without owner", slices.ContainsFunc(accounts, func(a xs2aclient.Account) bool { return a.OwnerName == "" }), false),
		is("allPsd2 of the consent", con.Access.AllPSD2, xs2aclient.AllAccountsWithOwnerName))
}

// nameEachRight names three accounts, each for something else. The customer is the payer,
// so that the family's consent to everything stays.
func nameEachRight(ctx context.Context, g *guide) (string, error) {
	seen, listed := g.payer.Accounts[0], g.payer.Accounts[1]
	r, err := g.gives(ctx, g.payer, recurring(xs2aclient.Access{
		Accounts: refs(seen, listed), Balances: refs(seen), Transactions: refs(listed),
		AdditionalInformation: &xs2aclient.AdditionalInformation{OwnerName: refs(seen)},
	}), plan{})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 2)); err != nil {
		return "", err
	}
	a, err := account(accounts, seen)
	b, err2 := account(accounts, listed)
	if err = all(err, err2); err != nil {
		return "", err
	}
	_, err = r.attended().Balances(ctx, a.ResourceID)
	_, err2 = r.attended().Transactions(ctx, b.ResourceID, lately(xs2aclient.Booked))
	if err = all(err, err2); err != nil {
		return "", err
	}
	_, entries := r.attended().Transactions(ctx, a.ResourceID, lately(xs2aclient.Booked))
	_, balances := r.attended().Balances(ctx, b.ResourceID)
	_, trusted := r.attended().TrustedBeneficiaries(ctx, "")
	con, err := g.isar.client.Consent(ctx, r.created.ConsentID)
	return fmt.Sprintf("balances of %s, entries of %s, and neither the other way round", seen.IBAN, listed.IBAN), all(err,
		refusedRight("entries", entries), refusedRight("balances", balances), refusedRight("trusted beneficiaries", trusted),
		is("ownerName of the first", a.OwnerName, g.payer.Name), is("ownerName of the second", b.OwnerName, ""),
		is("transactions link of the first", a.Links["transactions"], ""), is("balances link of the second", b.Links["balances"], ""),
		is("accounts of the consent", ibans(con.Access.Accounts), ibans(refs(seen, listed))),
		is("balances of the consent", ibans(con.Access.Balances), ibans(refs(seen))),
		is("transactions of the consent", ibans(con.Access.Transactions), ibans(refs(listed))))
}

func giveLess(ctx context.Context, g *guide) (string, error) {
	given := g.payer.Accounts[0]
	r, err := g.gives(ctx, g.payer, recurring(xs2aclient.BankOffered()), plan{accounts: []string{given.IBAN}, only: "balances"})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	_, entries := r.attended().Transactions(ctx, accounts[0].ResourceID, lately(xs2aclient.Booked))
	con, err := g.isar.client.Consent(ctx, r.created.ConsentID)
	return "balances of " + given.IBAN + " alone, where balances and entries were asked for", all(err, refusedRight("entries", entries),
		is("IBAN", accounts[0].IBAN, given.IBAN), is("accounts of the consent", ibans(con.Access.Accounts), ibans(refs(given))),
		is("balances of the consent", ibans(con.Access.Balances), ibans(refs(given))), is("transactions of the consent", ibans(con.Access.Transactions), ibans(refs())))
}

func chooseAnew(ctx context.Context, g *guide) (string, error) {
	back, instead := g.payer.Accounts[0], g.payer.Accounts[1]
	r, err := g.gives(ctx, g.payer, recurring(xs2aclient.BankOffered()), plan{accounts: []string{back.IBAN}})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	taken, err := account(accounts, back)
	if err != nil {
		return "", err
	}
	c := g.at(g.payer)
	defer c.browser.close()
	if err := c.changes(ctx, g.ready.Bank+"/"+g.standard.Code+"/me", g.tpp.Name, plan{accounts: []string{instead.IBAN}}); err != nil {
		return "", err
	}
	if accounts, err = r.attended().Accounts(ctx, false); err == nil && len(accounts) != 1 {
		err = fmt.Errorf("the TPP sees %d accounts, not 1", len(accounts))
	}
	if err = all(err); err != nil {
		return "", err
	}
	_, gone := r.attended().Balances(ctx, taken.ResourceID)
	con, err := g.isar.client.Consent(ctx, r.created.ConsentID)
	_, entries := r.attended().Transactions(ctx, accounts[0].ResourceID, lately(xs2aclient.Booked))
	return instead.IBAN + " in place of " + back.IBAN + ", in the list and in the consent", all(err, entries, is("IBAN", accounts[0].IBAN, instead.IBAN),
		refusedWith(gone, http.StatusNotFound, "RESOURCE_UNKNOWN"), is("accounts of the consent", ibans(con.Access.Accounts), ibans(refs(instead))))
}

func restrictTypes(ctx context.Context, g *guide) (string, error) {
	savings := where(g.payer, ofType("SVGS"))
	asked := xs2aclient.BankOffered()
	asked.RestrictedTo = []string{"SVGS"}
	r, err := g.gives(ctx, g.payer, recurring(asked), plan{accounts: []string{g.payer.Accounts[0].IBAN, savings.IBAN}})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err = all(err, is("number of accounts", len(accounts), 1)); err != nil {
		return "", err
	}
	con, err := g.isar.client.Consent(ctx, r.created.ConsentID)
	return "the PSU gave two; the TPP sees the savings account", all(err, is("cashAccountType", accounts[0].CashAccountType, "SVGS"),
		is("accounts of the consent", ibans(con.Access.Accounts), ibans(refs(savings))))
}

func lowerLimits(ctx context.Context, g *guide) (string, error) {
	r := recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts})
	r.ValidUntil, r.FrequencyPerDay = "9999-12-31", 99
	created, err := g.asks(ctx, r)
	if err != nil {
		return "", err
	}
	con, err := g.isar.client.Consent(ctx, created.ConsentID)
	if err != nil {
		return "", err
	}
	// The day may be another at the bank.
	const life = 180
	early, late := daysAgo(1-life+1), daysAgo(-life)
	return fmt.Sprintf("9999-12-31 becomes %s, 180 days; 99 reads a day become %d", con.ValidUntil, con.FrequencyPerDay), all(
		is("frequencyPerDay", con.FrequencyPerDay, 4), is("validUntil from "+early+" to "+late, con.ValidUntil >= early && con.ValidUntil <= late, true),
		g.isar.client.DeleteConsent(ctx, created.ConsentID), g.becomes(ctx, g.isar.client, created.ConsentID, xs2aclient.ConsentTerminated))
}

func refuseShapes(ctx context.Context, g *guide) (string, error) {
	one := refs(g.payer.Accounts[0])
	with := func(change func(*xs2aclient.ConsentRequest)) xs2aclient.ConsentRequest {
		r := recurring(xs2aclient.Access{Accounts: one})
		change(&r)
		return r
	}
	for _, wrong := range []struct {
		path string
		r    xs2aclient.ConsentRequest
	}{
		{"access", with(func(r *xs2aclient.ConsentRequest) { r.Access.AllPSD2 = xs2aclient.AllAccounts })},
		{"access", with(func(r *xs2aclient.ConsentRequest) { r.Access.Balances = refs() })},
		{"access", with(func(r *xs2aclient.ConsentRequest) { r.Access = xs2aclient.Access{} })},
		{"access.availableAccounts", with(func(r *xs2aclient.ConsentRequest) { r.Access = xs2aclient.Access{AvailableAccounts: "someAccounts"} })},
		{"access.additionalInformation.ownerName", with(func(r *xs2aclient.ConsentRequest) {
			r.Access.AdditionalInformation = &xs2aclient.AdditionalInformation{OwnerName: refs(g.payer.Accounts[1])}
		})},
		{"access.restrictedTo", with(func(r *xs2aclient.ConsentRequest) { r.Access.RestrictedTo = []string{"CACC"} })},
		{"frequencyPerDay", with(func(r *xs2aclient.ConsentRequest) { r.FrequencyPerDay = 0 })},
		{"validUntil", with(func(r *xs2aclient.ConsentRequest) { r.ValidUntil = "tomorrow" })},
		{"combinedServiceIndicator", with(func(r *xs2aclient.ConsentRequest) { r.CombinedServiceIndicator = true })},
	} {
		_, err := g.isar.client.WithPSU(present).CreateConsent(ctx, wrong.r, g.redirects())
		if err := refusedAt(err, wrong.path, "FORMAT_ERROR", "SESSIONS_NOT_SUPPORTED"); err != nil {
			return "", err
		}
	}
	return "nine ways to ask wrong, each with the path of what is wrong", nil
}

// refusedAt checks that err is a refusal with status 400 that names path.
func refusedAt(err error, path string, codes ...string) error {
	if err := refusedWith(err, http.StatusBadRequest, codes...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	e, _ := errors.AsType[*xs2aclient.Error](err)
	return is("path of the refusal", e.Messages[0].Path, path)
}
