package tour

import (
	"context"
	"net/http"

	"kontor/xs2aclient"
)

// cardFundsSteps show confirmations of funds at the bank with the standard profile, where the
// consent is a resource of its own and tells of the card that the TPP issues.
func cardFundsSteps() []step {
	return []step{
		{"The PSU lets the TPP that issues her card ask about her account", letCheckForCard},
		{"Questions under that consent, and about another card", checkForCard},
		{"The TPP ends it, and its token is worth nothing", endCheckingForCard},
	}
}

// issued is the card that the TPP issues.
const issued = "5409 0512 3456 1234"

func letCheckForCard(ctx context.Context, g *guide) (string, error) {
	client := g.isar.client
	request := xs2aclient.FundsConsentRequest{
		Account: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, CardNumber: issued, CardExpiryDate: "2999-12-31",
		CardInformation: "Debit card with a heron", RegistrationInformation: "Contract 17",
	}
	created, err := client.WithPSU(present).CreateFundsConsent(ctx, request, g.redirects())
	if err = all(err, is("consentStatus", created.ConsentStatus, xs2aclient.ConsentReceived), has("the scaOAuth link", created.Links["scaOAuth"])); err != nil {
		return "", err
	}
	_, elsewhere := client.Consent(ctx, created.ConsentID)
	token, err := g.leads(ctx, g.payer, client, g.isar.oauth, xs2aclient.ScopeOfFundsConsent(created.ConsentID), plan{})
	if err = all(err, refusedWith(elsewhere, http.StatusForbidden, "CONSENT_UNKNOWN")); err != nil {
		return "", err
	}
	var con xs2aclient.FundsConsent
	err = eventually(ctx, func() (_ bool, err error) {
		con, err = client.FundsConsent(ctx, created.ConsentID)
		return con.ConsentStatus == xs2aclient.ConsentValid, err
	})
	g.funds, g.fundsConsent = client.WithToken(token.AccessToken).WithConsent(created.ConsentID), created.ConsentID
	return "PIIS:" + created.ConsentID + ", without a last day", all(err, is("the consent", con.FundsConsentRequest, request))
}

func checkForCard(ctx context.Context, g *guide) (string, error) {
	ask := func(c *xs2aclient.Client, card string, cents int64) (bool, error) {
		return c.FundsConfirmation(ctx, xs2aclient.FundsRequest{
			CardNumber: card, Account: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, Payee: "Buchhandlung Isar", InstructedAmount: xs2aclient.NewAmount(euros(cents)),
		})
	}
	little, err := ask(g.funds, issued, 1_00)
	much, err2 := ask(g.funds.WithConsent(""), "", 999_999_999_00)
	_, other := ask(g.funds, "5409 0512 3456 1235", 1_00)
	_, bare := ask(g.isar.client.WithConsent(g.fundsConsent), issued, 1_00)
	_, reading := g.funds.Accounts(ctx, false)
	return "1.00 EUR: true; 999999999.00 EUR: false; another card: CARD_INVALID", all(err, err2,
		is("the answer to little", little, true), is("the answer to much", much, false), refusedWith(other, http.StatusBadRequest, "CARD_INVALID"),
		refusedWith(bare, http.StatusUnauthorized, "TOKEN_INVALID"), refusedWith(reading, http.StatusUnauthorized, "CONSENT_INVALID"))
}

func endCheckingForCard(ctx context.Context, g *guide) (string, error) {
	if err := g.isar.client.DeleteFundsConsent(ctx, g.fundsConsent); err != nil {
		return "", err
	}
	con, err := g.isar.client.FundsConsent(ctx, g.fundsConsent)
	_, asking := g.askFunds(ctx, 1_00)
	return con.ConsentStatus, all(err, is("consentStatus", con.ConsentStatus, xs2aclient.ConsentTerminated), refusedWith(asking, http.StatusUnauthorized, "CONSENT_INVALID"))
}
