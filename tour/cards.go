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

// cardSteps show what stands beside accounts: cards, and those whom the PSU trusts.
func cardSteps() []step {
	return []step{
		{"The card account: in the list, in detail, with its balances and its limit", readCard},
		{"The card's entries, booked and pending, with shop, original amount and fee", readCardEntries},
		{"A card that the TPP names by its masked number", nameCard},
		{"Whom the PSU trusts with payments: all of them, and those of one account", readTrusted},
		{"Without the right to them they are refused; a dedicated consent can have it", refuseTrusted},
	}
}

func readCard(ctx context.Context, g *guide) (_ string, err error) {
	if g.isar.payer, err = g.gives(ctx, g.payer, everything(), plan{}); err != nil {
		return "", err
	}
	r := g.isar.payer.attended()
	cards, err := r.CardAccounts(ctx, true)
	if err = all(err, is("number of cards", len(cards), 1)); err != nil {
		return "", err
	}
	card := cards[0]
	detail, err := r.CardAccount(ctx, card.ResourceID, true)
	balances, err2 := r.CardBalances(ctx, card.ResourceID)
	if err = all(err, err2, is("creditLimit", card.CreditLimit != nil, true)); err != nil {
		return "", err
	}
	accounts, err := r.Accounts(ctx, false)
	_, asAccount := r.Account(ctx, card.ResourceID, false)
	_, asCard := r.CardAccount(ctx, accounts[0].ResourceID, false)
	return fmt.Sprintf("%s %s, limit %s %s, %d balances", card.Product, card.MaskedPAN, card.CreditLimit.Amount, card.CreditLimit.Currency, len(balances.Balances)), all(err,
		is("maskedPan", card.MaskedPAN, g.payer.Card), is("the card in the list and alone", fmt.Sprint(card.Balances, card.Links), fmt.Sprint(detail.Balances, detail.Links)),
		is("the balances beside the card and alone", fmt.Sprint(card.Balances), fmt.Sprint(balances.Balances)), is("a balance", len(balances.Balances) > 0, true),
		has("the transactions link", card.Links["transactions"]), is("accounts beside it", len(accounts), len(g.payer.Accounts)),
		refusedWith(asAccount, http.StatusNotFound, "RESOURCE_UNKNOWN"), refusedWith(asCard, http.StatusNotFound, "RESOURCE_UNKNOWN"))
}

func readCardEntries(ctx context.Context, g *guide) (string, error) {
	// The company's card has purchases abroad.
	r := g.isar.company.attended()
	cards, err := r.CardAccounts(ctx, false)
	if err = all(err, is("number of cards", len(cards), 1)); err != nil {
		return "", err
	}
	id := cards[0].ResourceID
	both, err := r.CardTransactions(ctx, id, lately(xs2aclient.Both))
	booked, err2 := r.CardTransactions(ctx, id, lately(xs2aclient.Booked))
	pending, err3 := r.CardTransactions(ctx, id, lately(xs2aclient.Pending))
	if err = all(err, err2, err3, is("booked", len(booked.Booked), len(both.Booked)), is("pending", len(pending.Pending), len(both.Pending)),
		is("a pending entry", len(both.Pending) > 0, true), is("maskedPan", both.CardAccount.MaskedPAN, g.company.Card)); err != nil {
		return "", err
	}
	i := slices.IndexFunc(both.Booked, func(t xs2aclient.CardTransaction) bool { return t.OriginalAmount != nil })
	if i < 0 {
		return "", errors.New("no entry is of a purchase in another currency")
	}
	t := both.Booked[i]
	if t.MarkupFee == nil || len(t.CurrencyExchange) != 1 {
		return "", fmt.Errorf("the purchase in %s has no fee or no rate", t.OriginalAmount.Currency)
	}
	fee, err := t.MarkupFee.Money()
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Both)
	q.ItemsPerPage = 2
	page, err := r.CardTransactions(ctx, id, q)
	if err = all(err, has("next link", page.Links["next"])); err != nil {
		return "", err
	}
	second, err := r.CardTransactionsAt(ctx, page.Links["next"])
	_, orders := r.CardTransactions(ctx, id, lately(xs2aclient.Information))
	return fmt.Sprintf("%d booked, %d pending; %s in %s: %s %s, which is %s %s at %s, fee %s %%", len(both.Booked), len(both.Pending), t.TransactionDetails, t.CardAcceptorAddress.TownName,
			t.OriginalAmount.Amount, t.OriginalAmount.Currency, t.Amount.Amount, t.Amount.Currency, t.CurrencyExchange[0].ExchangeRate, t.MarkupFeePercentage),
		all(err, has("merchantCategoryCode", t.MerchantCategoryCode), has("country of the acceptor", t.CardAcceptorAddress.Country), has("transactionDate", t.TransactionDate),
			is("the fee is one", fee.Minor > 0, true), is("entries of the second page", len(second.Booked)+len(second.Pending) > 0, true),
			refusedWith(orders, http.StatusBadRequest, "PARAMETER_NOT_SUPPORTED"))
}

func nameCard(ctx context.Context, g *guide) (string, error) {
	r, err := g.gives(ctx, g.payer, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{MaskedPAN: g.payer.Card})), plan{})
	if err != nil {
		return "", err
	}
	cards, err := r.attended().CardAccounts(ctx, false)
	accounts, err2 := r.attended().Accounts(ctx, false)
	if err = all(err, err2, is("number of cards", len(cards), 1), is("number of accounts", len(accounts), 0)); err != nil {
		return "", err
	}
	_, err = r.attended().CardTransactions(ctx, cards[0].ResourceID, lately(xs2aclient.Booked))
	return cards[0].MaskedPAN + " alone, and no account", all(err, is("maskedPan", cards[0].MaskedPAN, g.payer.Card))
}

func readTrusted(ctx context.Context, g *guide) (_ string, err error) {
	if g.isar.payer, err = g.gives(ctx, g.payer, everything(), plan{}); err != nil {
		return "", err
	}
	r := g.isar.payer.attended()
	trusted, err := r.TrustedBeneficiaries(ctx, "")
	if err != nil {
		return "", err
	}
	var listed []string
	for _, t := range trusted {
		if t.ID == "" || t.CreditorAccount.IBAN == "" {
			return "", fmt.Errorf("%s has no account or no name of its own", t.CreditorName)
		}
		listed = append(listed, t.CreditorName)
	}
	wanted := slices.Clone(g.payer.Trusted)
	slices.Sort(wanted)
	slices.Sort(listed)
	one := slices.IndexFunc(trusted, func(t xs2aclient.TrustedBeneficiary) bool { return t.DebtorAccount != nil })
	accounts, err := r.Accounts(ctx, false)
	if err = all(err, is("trusted beneficiaries", strings.Join(listed, ", "), strings.Join(wanted, ", ")), is("one of a single account", one >= 0, true)); err != nil {
		return "", err
	}
	of := slices.IndexFunc(accounts, func(a xs2aclient.Account) bool { return a.IBAN == trusted[one].DebtorAccount.IBAN })
	if of < 0 {
		return "", errors.New("that account is none of those that the consent covers")
	}
	own, err := r.TrustedBeneficiaries(ctx, accounts[of].ResourceID)
	other, err2 := r.TrustedBeneficiaries(ctx, accounts[(of+1)%len(accounts)].ResourceID)
	here := func(t xs2aclient.TrustedBeneficiary) bool { return t.ID == trusted[one].ID }
	return fmt.Sprintf("%s; %s holds for one account only", strings.Join(listed, ", "), trusted[one].CreditorName), all(err, err2,
		is("listed for its account", slices.ContainsFunc(own, here), true), is("listed for another account", slices.ContainsFunc(other, here), false))
}

func refuseTrusted(ctx context.Context, g *guide) (string, error) {
	named := g.payer.Accounts[0]
	r, err := g.gives(ctx, g.payer, recurring(xs2aclient.Dedicated((*refs(named))...)), plan{})
	if err != nil {
		return "", err
	}
	_, without := r.attended().TrustedBeneficiaries(ctx, "")
	asked := xs2aclient.Dedicated((*refs(named))...)
	asked.AdditionalInformation = &xs2aclient.AdditionalInformation{TrustedBeneficiaries: refs(named)}
	if r, err = g.gives(ctx, g.payer, recurring(asked), plan{}); err != nil {
		return "", err
	}
	trusted, err := r.attended().TrustedBeneficiaries(ctx, "")
	con, err2 := r.client.Consent(ctx, r.created.ConsentID)
	if err = all(err, err2, refusedRight("without", without), is("the right in the consent", con.Access.AdditionalInformation != nil, true)); err != nil {
		return "", err
	}
	return fmt.Sprintf("CONSENT_INVALID; with it %d", len(trusted)), all(is("a beneficiary", len(trusted) > 0, true),
		is("accounts of the right", ibans(con.Access.AdditionalInformation.TrustedBeneficiaries), ibans(refs(named))))
}
