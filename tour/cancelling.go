package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kontor/xs2aclient"
)

// cancelSteps show how payments are taken back. They go on with the payment for a later day
// and the standing order of the chapters before.
func cancelSteps() []step {
	return []step{
		{"A payment that nobody has approved is cancelled at once: 204", cancelUnapproved},
		{"One that waits for its day is cancelled by SCA: the PSU refuses, and it stays", keepPayment},
		{"She is asked once more, and approves: CANC, and its amount is free again", cancelApproved},
		{"Of a standing order what is to come is cancelled; what was paid stays paid", cancelStanding},
		{"What is executed is beyond cancelling, and some banks cancel nothing", cancelTooLate},
	}
}

func cancelUnapproved(ctx context.Context, g *guide) (string, error) {
	id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}
	created, err := g.paysAt(ctx, &id, g.transfer(8_00, "mistaken"))
	if err != nil {
		return "", err
	}
	c, err := g.isar.client.CancelPayment(ctx, id, g.redirects())
	if err = all(err, is("done at once", c.Done, true), g.stands(ctx, id, xs2aclient.PaymentCancelled)); err != nil {
		return "", err
	}
	sca, err := g.isar.client.SCAStatus(ctx, created.Links["scaStatus"])
	late := g.approves(ctx, g.payer, id, plan{})
	_, again := g.isar.client.CancelPayment(ctx, id, g.redirects())
	return "CANC; the PSU who comes to approve it is turned away", all(err, is("scaStatus", sca.Status, xs2aclient.SCAFailed),
		is("the PSU could approve it", late == nil, false), refusedWith(again, http.StatusMethodNotAllowed, "CANCELLATION_INVALID"), g.isar.watched.held(ctx, euros(0)))
}

// asked cancels a payment that the PSU has approved, and checks that it takes her to do so.
func (g *guide) asked(ctx context.Context, id xs2aclient.PaymentID, status string) (xs2aclient.Links, error) {
	c, err := g.isar.client.WithPSU(present).CancelPayment(ctx, id, g.redirects())
	if err = all(err, is("done at once", c.Done, false), is("transactionStatus", c.TransactionStatus, status), has("the scaStatus link", c.Links["scaStatus"])); err != nil {
		return nil, err
	}
	ids, err := g.isar.client.Cancellations(ctx, id)
	return c.Links, all(err, is("number of cancellation-authorisations", len(ids), 1))
}

// decides leads the payer to the page where she cancels a payment, or does not. Where a bank has
// OAuth for it, the link leads there.
func (g *guide) decides(ctx context.Context, id xs2aclient.PaymentID, links xs2aclient.Links, want string, do plan) error {
	var err error
	switch {
	case links["scaOAuth"] != "":
		_, err = g.leads(ctx, g.payer, g.isar.client, g.isar.oauth, xs2aclient.ScopeOfCancellation(id.ID), do)
		if do.refuse && errors.Is(err, xs2aclient.ErrDenied) {
			err = nil
		} else if do.refuse && err == nil {
			err = errors.New("the PSU refused, and the TPP got a token for it")
		}
	default:
		back := g.redirects().URI
		if do.refuse {
			back = g.redirects().NokURI
		}
		c := g.at(g.payer)
		defer c.browser.close()
		var cameBack string
		if cameBack, err = c.follows(ctx, links["scaRedirect"], do); err == nil {
			err = g.returned(cameBack, back)
		}
	}
	if err != nil {
		return err
	}
	var sca xs2aclient.SCA
	err = eventually(ctx, func() (_ bool, err error) {
		sca, err = g.isar.client.SCAStatus(ctx, links["scaStatus"])
		return sca.Status == want, err
	})
	if err != nil {
		return fmt.Errorf("scaStatus %s: %w; it is %s", want, err, sca.Status)
	}
	return nil
}

func keepPayment(ctx context.Context, g *guide) (string, error) {
	id := g.isar.later
	links, err := g.asked(ctx, id, xs2aclient.PaymentAccepted)
	if err != nil {
		return "", err
	}
	r := g.transfer(66_00, "later")
	return "cancellation-authorisation failed; still ACTC, and held", all(
		g.decides(ctx, id, links, xs2aclient.SCAFailed, plan{refuse: true, look: func(p *page) error {
			return all(shown(p, r), is("the page", p.title, "Cancel a payment"))
		}}),
		g.stands(ctx, id, xs2aclient.PaymentAccepted), g.isar.watched.held(ctx, euros(0)))
}

func cancelApproved(ctx context.Context, g *guide) (string, error) {
	id := g.isar.later
	started, err := g.isar.client.WithPSU(present).StartCancellation(ctx, id, g.redirects())
	if err = all(err, has("authorisationId", started.AuthorisationID)); err != nil {
		return "", err
	}
	_, beside := g.isar.client.WithPSU(present).StartCancellation(ctx, id, g.redirects())
	ids, err := g.isar.client.Cancellations(ctx, id)
	if err = all(err, refusedWith(beside, http.StatusConflict, "STATUS_INVALID"), is("number of cancellation-authorisations", len(ids), 2)); err != nil {
		return "", err
	}
	err = g.decides(ctx, id, started.Links, xs2aclient.SCAFinalised, plan{read: func(m message) error {
		return is("the amount in the text message", says(m.Text, "66.00 EUR"), true)
	}})
	return "CANC; " + g.isar.watched.available.Plus(euros(66_00)).String() + " EUR available", all(err,
		g.stands(ctx, id, xs2aclient.PaymentCancelled), g.isar.watched.held(ctx, euros(-66_00)))
}

func cancelStanding(ctx context.Context, g *guide) (string, error) {
	id := g.isar.standing
	links, err := g.asked(ctx, id, xs2aclient.PaymentInProcess)
	if err != nil {
		return "", err
	}
	err = g.decides(ctx, id, links, xs2aclient.SCAFinalised, plan{look: func(p *page) error {
		return is("the page says that what was paid stays paid", contains(p.text, "what was paid stays paid") || p.title == "Enter the code", true)
	}})
	if err = all(err, g.stands(ctx, id, xs2aclient.PaymentCancelled), g.isar.watched.held(ctx, euros(0))); err != nil {
		return "", err
	}
	_, err = g.isar.watched.entry(ctx, euros(rent).Neg(), rentText)
	return "CANC; the first instalment stands on the account", err
}

func cancelTooLate(ctx context.Context, g *guide) (string, error) {
	id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.InstantSEPACreditTransfers}
	if _, err := g.paysAt(ctx, &id, g.transfer(2_50, "gone")); err != nil {
		return "", err
	}
	if err := all(g.approves(ctx, g.payer, id, plan{}), g.stands(ctx, id, xs2aclient.PaymentSettled), g.isar.watched.settledAt(ctx, euros(2_50).Neg())); err != nil {
		return "", err
	}
	_, gone := g.isar.client.CancelPayment(ctx, id, g.redirects())
	_, never := g.pay.client.CancelPayment(ctx, g.single(xs2aclient.SEPACreditTransfers, g.pay.created), g.redirects())
	return "CANCELLATION_INVALID; at " + g.bankart.Code + ": SERVICE_INVALID", all(refusedWith(gone, http.StatusMethodNotAllowed, "CANCELLATION_INVALID"),
		refusedWith(never, http.StatusMethodNotAllowed, "SERVICE_INVALID"), g.stands(ctx, id, xs2aclient.PaymentSettled))
}
