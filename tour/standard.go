package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"kontor/xs2aclient"
)

// standardSteps go to a bank with the standard profile, where everything is offered and
// OAuth is the way of every SCA. A sandbox without such a bank has none of them.
func standardSteps(g *guide) []step {
	if g.standard.XS2A == "" {
		return nil
	}
	return []step{
		{"At a bank of the standard profile the TPP asks for the list of accounts, with balances", listAvailable},
		{"There a payment is approved inside OAuth; the PSU chooses the account", payByOAuth},
	}
}

func listAvailable(ctx context.Context, g *guide) (_ string, err error) {
	r := &g.read
	if r.client, err = g.client(g.standard, g.tpp); err != nil {
		return "", err
	}
	if r.created, err = g.askFor(ctx, recurring(xs2aclient.Access{AvailableAccountsWithBalance: xs2aclient.AllAccounts})); err != nil {
		return "", err
	}
	if _, err := discover(ctx, g); err != nil {
		return "", err
	}
	if r.token, err = g.through(ctx, r.created, plan{}); err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, true)
	if err = all(err, is("number of accounts", len(accounts), len(g.payee.Accounts))); err != nil {
		return "", err
	}
	cards, err := r.attended().CardAccounts(ctx, false)
	if err != nil {
		return "", err
	}
	_, refused := r.attended().Transactions(ctx, accounts[0].ResourceID, xs2aclient.TransactionQuery{BookingStatus: "booked", DateFrom: daysAgo(30)})
	return fmt.Sprintf("%d accounts with balances, %d card; transactions are refused", len(accounts), len(cards)), all(
		is("balances in the list", !slices.ContainsFunc(accounts, func(a xs2aclient.Account) bool { return len(a.Balances) == 0 }), true),
		is("number of cards", len(cards), 1), refusedWith(refused, http.StatusUnauthorized, "CONSENT_INVALID"))
}

func payByOAuth(ctx context.Context, g *guide) (string, error) {
	request := xs2aclient.PaymentRequest{
		EndToEndIdentification: "TOUR-OAUTH", InstructedAmount: xs2aclient.NewAmount(euros(price)),
		CreditorAccount: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, CreditorName: g.payer.Name,
	}
	r := g.read
	created, err := r.client.WithPSU(present).CreatePayment(ctx, xs2aclient.Payments, xs2aclient.SEPACreditTransfers, request, g.redirects())
	if err = all(err, has("the scaOAuth link", created.Links["scaOAuth"]), is("scaRedirect", created.Links["scaRedirect"], "")); err != nil {
		return "", err
	}
	flow, err := r.oauth.Begin(xs2aclient.ScopeOfPayment(created.PaymentID), nil)
	if err != nil {
		return "", err
	}
	c := g.at(g.payee)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, flow.URL, plan{})
	if err != nil {
		return "", err
	}
	code, err := flow.Code(cameBack)
	if err != nil {
		return "", err
	}
	token, err := r.client.Exchange(ctx, r.oauth, flow, code)
	if err != nil {
		return "", err
	}
	id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers, ID: created.PaymentID}
	var status xs2aclient.PaymentStatus
	err = eventually(ctx, func() (_ bool, err error) {
		status, err = r.client.PaymentStatus(ctx, id)
		return status.TransactionStatus == "ACSC", err
	})
	if err != nil {
		return "", fmt.Errorf("transactionStatus %s: %w", status.TransactionStatus, err)
	}
	paid, err := r.client.Payment(ctx, id)
	if err != nil {
		return "", err
	}
	if paid.DebtorAccount == nil {
		return "", errors.New("the payment does not say which account the PSU chose")
	}
	_, reading := r.client.WithToken(token.AccessToken).WithConsent(r.created.ConsentID).Accounts(ctx, false)
	return "ACSC from " + paid.DebtorAccount.IBAN + "; the token opens nothing else", refusedWith(reading, http.StatusUnauthorized, "TOKEN_INVALID")
}
