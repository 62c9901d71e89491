package tour

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"kontor/xs2aclient"
)

// rejectionSteps show payments that come to nothing, and that they cost nothing.
func rejectionSteps() []step {
	return []step{
		{"The PSU refuses a payment: RJCT, and back at TPP-Nok-Redirect-URI", refusePayment},
		{"Three wrong codes end a payment", mistypeCode},
		{"A payment without cover is rejected", overdraw},
	}
}

// rejected sends a payment, lets the PSU do as planned, and checks that nothing came of it.
func (g *guide) rejected(ctx context.Context, r xs2aclient.PaymentRequest, do plan) error {
	created, err := g.initiates(ctx, xs2aclient.SEPACreditTransfers, r)
	if err = all(err, has("the scaRedirect link", created.Links["scaRedirect"])); err != nil {
		return err
	}
	c := g.at(g.payer)
	defer c.browser.close()
	cameBack, err := c.follows(ctx, created.Links["scaRedirect"], do)
	return all(err, g.returned(cameBack, g.redirects().NokURI),
		g.ends(ctx, xs2aclient.SEPACreditTransfers, created, xs2aclient.PaymentRejected, xs2aclient.SCAFailed),
		g.settled(ctx, euros(0)))
}

func refusePayment(ctx context.Context, g *guide) (string, error) {
	return "both balances are as they were", g.rejected(ctx, g.pay.request, plan{refuse: true})
}

func mistypeCode(ctx context.Context, g *guide) (string, error) {
	const tries = 3
	return "blocked, RJCT; both balances are as they were", g.rejected(ctx, g.pay.request, plan{wrongCodes: tries})
}

func overdraw(ctx context.Context, g *guide) (string, error) {
	r := g.pay.request
	r.InstructedAmount = xs2aclient.NewAmount(g.pay.debtor.balance.Plus(euros(1)))
	return fmt.Sprintf("%s EUR, one cent more than there is: RJCT", r.InstructedAmount.Amount), g.rejected(ctx, r, plan{})
}

// fundsSteps show the confirmation of funds.
func fundsSteps() []step {
	return []step{
		{"The PSU lets the TPP ask whether an amount is available", letCheckFunds},
		{"An amount that is there is confirmed, one that is not is not", checkFunds},
	}
}

func letCheckFunds(ctx context.Context, g *guide) (string, error) {
	account := xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}
	before, err := g.pay.client.FundsConfirmation(ctx, xs2aclient.FundsRequest{Account: account, InstructedAmount: xs2aclient.NewAmount(euros(1_00))})
	if err := refusedWith(err, http.StatusBadRequest, "NO_PIIS_ACTIVATION", "CONSENT_UNKNOWN"); err != nil {
		return "", fmt.Errorf("before the consent the answer was %t: %w", before, err)
	}
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
	_, reading := client.WithConsent(created.ConsentID).Accounts(ctx, false)
	return "the consent shows no account, balance or transaction", refusedWith(reading, http.StatusUnauthorized, "CONSENT_INVALID")
}

func checkFunds(ctx context.Context, g *guide) (string, error) {
	ask := func(cents int64) (bool, error) {
		return g.pay.client.FundsConfirmation(ctx, xs2aclient.FundsRequest{
			Account: xs2aclient.AccountReference{IBAN: g.payer.Accounts[0].IBAN}, Payee: "Knjigarna Modra", InstructedAmount: xs2aclient.NewAmount(euros(cents)),
		})
	}
	little, err := ask(1_00)
	much, err2 := ask(g.pay.debtor.balance.Minor + 1)
	return "1.00 EUR: true; one cent more than the balance: false", all(err, err2, is("the answer to little", little, true), is("the answer to much", much, false))
}

// refusalSteps show what a TPP is told that does it wrong.
func refusalSteps() []step {
	return []step{
		{"Without a certificate, or without the role, nobody gets in", enterUninvited},
		{"What is malformed or unknown is refused with its code", sendNonsense},
	}
}

func enterUninvited(ctx context.Context, g *guide) (string, error) {
	nobody := g.tpp
	nobody.QWAC = ""
	without, err := g.client(g.salt, nobody)
	if err != nil {
		return "", err
	}
	_, missing := without.WithPSU(present).CreateConsent(ctx, recurring(xs2aclient.BankOffered()), g.redirects())
	wrong, err := g.client(g.salt, g.noAccounts)
	if err != nil {
		return "", err
	}
	_, role := wrong.WithPSU(present).WithConsent("some-consent").Accounts(ctx, false)
	return "CERTIFICATE_MISSING; ROLE_INVALID", all(
		refusedWith(missing, http.StatusUnauthorized, "CERTIFICATE_MISSING"), refusedWith(role, http.StatusUnauthorized, "ROLE_INVALID"))
}

func sendNonsense(ctx context.Context, g *guide) (string, error) {
	past := recurring(xs2aclient.BankOffered())
	past.ValidUntil = time.Now().AddDate(-1, 0, 0).Format(time.DateOnly)
	_, format := g.read.client.WithPSU(present).CreateConsent(ctx, past, g.redirects())
	sessions := recurring(xs2aclient.BankOffered())
	sessions.CombinedServiceIndicator = true
	_, notOffered := g.read.client.WithPSU(present).CreateConsent(ctx, sessions, g.redirects())
	_, product := g.pay.toPay.CreatePayment(ctx, xs2aclient.Payments, "imagined-transfers", g.pay.request, g.redirects())
	stranger, err := g.client(g.bankart, g.noAccounts)
	if err != nil {
		return "", err
	}
	_, foreign := stranger.PaymentStatus(ctx, g.single(xs2aclient.SEPACreditTransfers, g.pay.created))
	return "FORMAT_ERROR, SESSIONS_NOT_SUPPORTED, PRODUCT_UNKNOWN, RESOURCE_UNKNOWN", all(
		refusedWith(format, http.StatusBadRequest, "FORMAT_ERROR"), refusedWith(notOffered, http.StatusBadRequest, "SESSIONS_NOT_SUPPORTED"),
		refusedWith(product, http.StatusNotFound, "PRODUCT_UNKNOWN"), refusedWith(foreign, http.StatusNotFound, "RESOURCE_UNKNOWN"))
}
