package tour

import (
	"context"
	"fmt"

	"kontor/xs2aclient"
)

// rejectionSteps show payments that come to nothing, and that they cost nothing.
func rejectionSteps() []step {
	return []step{
		{"The PSU refuses a payment: RJCT, and back at TPP-Nok-Redirect-URI", refusePayment},
		{"Three wrong codes end a payment", mistypeCode},
		{"A payment without cover is rejected", overdraw},
		{"The payee withdraws the consent, and the TPP sees nothing of the account any more", withdrawWatching},
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

func withdrawWatching(ctx context.Context, g *guide) (string, error) {
	o := g.pay.creditor
	return "CONSENT_INVALID; revokedByPsu", g.withdraws(ctx, g.payee, g.bankart, o.reader, o.consentID)
}
