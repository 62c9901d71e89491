package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kontor/xs2aclient"
)

// standardSteps pay at the bank with the standard profile, where OAuth is the way of every SCA.
func standardSteps() []step {
	return []step{
		{"A payment is approved inside OAuth; the PSU chooses the account", payByOAuth},
	}
}

func payByOAuth(ctx context.Context, g *guide) (string, error) {
	request := xs2aclient.PaymentRequest{
		EndToEndIdentification: "TOUR-OAUTH", InstructedAmount: xs2aclient.NewAmount(euros(price)),
		CreditorAccount: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, CreditorName: g.payer.Name,
	}
	r := g.isar.family
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
