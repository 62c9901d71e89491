package tour

import (
	"context"
	"net/http"

	"kontor/xs2aclient"
)

// fundsSteps show the confirmation of funds.
func fundsSteps() []step {
	return []step{
		{"The PSU lets the TPP ask whether an amount is available", letCheckFunds},
		{"An amount that is there is confirmed, one that is not is not", checkFunds},
		{"The TPP ends that consent, and gets no answer any more", endCheckingFunds},
	}
}

func letCheckFunds(ctx context.Context, g *guide) (string, error) {
	account := xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}
	token, err := g.login(ctx, g.payer, "psd2:acc")
	if err != nil {
		return "", err
	}
	none := []xs2aclient.AccountReference{}
	client := g.pay.client.WithToken(token.AccessToken).WithPSU(present)
	created, err := client.CreateConsent(ctx, xs2aclient.ConsentRequest{
		Access:             xs2aclient.Access{Accounts: &[]xs2aclient.AccountReference{account}, Balances: &none, Transactions: &none},
		RecurringIndicator: true, ValidUntil: "9999-12-31", FrequencyPerDay: 4, ConfirmationOfFundsAllowed: true,
	}, g.redirects())
	if err = all(err, has("the scaRedirect link", created.Links["scaRedirect"])); err != nil {
		return "", err
	}
	c := g.at(g.payer)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, created.Links["scaRedirect"], plan{})
	if err = all(err, g.returned(cameBack, g.redirects().URI), g.becomes(ctx, client, created.ConsentID, xs2aclient.ConsentValid)); err != nil {
		return "", err
	}
	g.funds = client.WithConsent(created.ConsentID)
	g.fundsConsent = created.ConsentID
	_, reading := g.funds.Accounts(ctx, false)
	return "the consent shows no account, balance or transaction", refusedWith(reading, http.StatusUnauthorized, "CONSENT_INVALID")
}

// askFunds asks whether cents are available on the payer's account.
func (g *guide) askFunds(ctx context.Context, cents int64) (bool, error) {
	return g.funds.WithPSU(xs2aclient.PSU{}).FundsConfirmation(ctx, xs2aclient.FundsRequest{
		Account: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, Payee: "Knjigarna Modra", InstructedAmount: xs2aclient.NewAmount(euros(cents)),
	})
}

func checkFunds(ctx context.Context, g *guide) (string, error) {
	little, err := g.askFunds(ctx, 1_00)
	much, err2 := g.askFunds(ctx, g.pay.debtor.balance.Minor+1)
	return "1.00 EUR: true; one cent more than the balance: false", all(err, err2, is("the answer to little", little, true), is("the answer to much", much, false))
}

func endCheckingFunds(ctx context.Context, g *guide) (string, error) {
	if err := g.funds.DeleteConsent(ctx, g.fundsConsent); err != nil {
		return "", err
	}
	_, err := g.askFunds(ctx, 1_00)
	return "CONSENT_INVALID", refusedWith(err, http.StatusUnauthorized, "CONSENT_INVALID")
}
