package tour

import (
	"context"
	"net/http"
	"time"

	"kontor/xs2aclient"
)

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
