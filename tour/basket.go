package tour

import (
	"context"
	"fmt"
	"net/http"

	"kontor/xs2aclient"
)

// basketSteps show signing baskets.
func basketSteps() []step {
	return []step{
		{"Two payments and a consent go into a basket; none of them was authorised, and none can be alone", fillBasket},
		{"The TPP deletes the basket: its members are free for another one", emptyBasket},
		{"One SCA for all of it: the page shows each, and each goes its own way", signBasket},
		{"What is authorised, unknown or nothing at all fits into no basket", refuseBasket},
	}
}

// A signing is what the steps about baskets pass on to each other.
type signing struct {
	payments []xs2aclient.PaymentID
	consent  string
	basket   string
}

func (s signing) members() xs2aclient.BasketRequest {
	r := xs2aclient.BasketRequest{ConsentIDs: []string{s.consent}}
	for _, p := range s.payments {
		r.PaymentIDs = append(r.PaymentIDs, p.ID)
	}
	return r
}

// inBasket are the amounts of the two payments, in cents.
var inBasket = []int64{17_00, 19_00}

func fillBasket(ctx context.Context, g *guide) (string, error) {
	s := &g.isar.signing
	c := g.isar.client.WithPSU(present)
	waiting := c.WithPreferences(xs2aclient.Preferences{ExplicitAuthorisation: true})
	for i, cents := range inBasket {
		id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.InstantSEPACreditTransfers}
		created, err := waiting.CreatePayment(ctx, id.Service, id.Product, g.transfer(cents, fmt.Sprintf("basket %d", i+1)), g.redirects())
		if err = all(err, has("the startAuthorisation link", created.Links["startAuthorisation"]), is("scaOAuth", created.Links["scaOAuth"], "")); err != nil {
			return "", err
		}
		id.ID = created.PaymentID
		s.payments = append(s.payments, id)
	}
	consent, err := waiting.CreateConsent(ctx, recurring(xs2aclient.Dedicated(*refs(g.payer.Accounts[:2]...)...)), g.redirects())
	if err = all(err, has("the startAuthorisation link", consent.Links["startAuthorisation"])); err != nil {
		return "", err
	}
	s.consent = consent.ConsentID
	created, err := c.CreateBasket(ctx, s.members(), g.redirects())
	if err = all(err, is("transactionStatus", created.TransactionStatus, xs2aclient.PaymentReceived), has("the startAuthorisation link", created.Links["startAuthorisation"])); err != nil {
		return "", err
	}
	s.basket = created.BasketID
	_, payment := c.StartPaymentAuthorisation(ctx, s.payments[0], g.redirects())
	_, cancelled := c.CancelPayment(ctx, s.payments[1], g.redirects())
	_, alone := c.StartAuthorisation(ctx, s.consent, g.redirects())
	const wrong = http.StatusBadRequest
	return "RCVD; a member alone: RESOURCE_BLOCKED", all(refusedWith(payment, wrong, "RESOURCE_BLOCKED"), refusedWith(cancelled, wrong, "RESOURCE_BLOCKED"), refusedWith(alone, wrong, "RESOURCE_BLOCKED"))
}

func emptyBasket(ctx context.Context, g *guide) (string, error) {
	s := &g.isar.signing
	c := g.isar.client.WithPSU(present)
	_, twice := c.CreateBasket(ctx, s.members(), g.redirects())
	if err := all(refusedWith(twice, http.StatusBadRequest, "RESOURCE_BLOCKED"), c.DeleteBasket(ctx, s.basket)); err != nil {
		return "", err
	}
	created, err := c.CreateBasket(ctx, s.members(), g.redirects())
	if err != nil {
		return "", err
	}
	s.basket = created.BasketID
	kept, err := c.Basket(ctx, s.basket)
	return "in two baskets at once: RESOURCE_BLOCKED; after DELETE a new one holds them", all(err,
		is("payments", fmt.Sprint(kept.Payments), fmt.Sprint(s.members().PaymentIDs)), is("consents", fmt.Sprint(kept.Consents), fmt.Sprint([]string{s.consent})))
}

func signBasket(ctx context.Context, g *guide) (string, error) {
	s := g.isar.signing
	started, err := g.isar.client.WithPSU(present).StartBasketAuthorisation(ctx, s.basket, g.redirects())
	if err = all(err, has("the scaOAuth link", started.Links["scaOAuth"])); err != nil {
		return "", err
	}
	pages := 0
	token, err := g.leads(ctx, g.payer, g.isar.client, g.isar.oauth, xs2aclient.ScopeOfBasket(s.basket), plan{
		look: func(p *page) error {
			pages++
			for _, what := range []string{"17.00 EUR", "19.00 EUR", g.payee.Name, "36.00 EUR"} {
				if !contains(p.text, what) {
					return fmt.Errorf("the bank's page %q does not show %s", p.title, what)
				}
			}
			return is("the account of the access on the page", contains(plain(p.text), g.payer.Accounts[1].IBAN), true)
		},
		read: func(m message) error {
			return all(is("how many in the text message", contains(m.Text, " 2 "), true), is("the sum in the text message", says(m.Text, "36.00 EUR"), true), is("the access in the text message", contains(m.Text, " 1 "), true))
		},
	})
	if err != nil {
		return "", err
	}
	var b xs2aclient.Basket
	err = eventually(ctx, func() (_ bool, err error) {
		b, err = g.isar.client.Basket(ctx, s.basket)
		return b.TransactionStatus == xs2aclient.PaymentSettled || b.TransactionStatus == xs2aclient.PaymentAccepted, err
	})
	if err = all(err, is("pages that show all of it", pages, 2), g.stands(ctx, s.payments[0], xs2aclient.PaymentSettled), g.stands(ctx, s.payments[1], xs2aclient.PaymentSettled),
		g.becomes(ctx, g.isar.client, s.consent, xs2aclient.ConsentValid)); err != nil {
		return "", err
	}
	// It has taken the place of the consent under which the account was watched.
	o := g.isar.watched
	o.reader = g.isar.client.WithPSU(present).WithToken(token.AccessToken).WithConsent(s.consent)
	accounts, err := o.reader.Accounts(ctx, false)
	if err = all(err, is("accounts under the consent", len(accounts), 2)); err != nil {
		return "", err
	}
	a, err := account(accounts, o.Account)
	o.resourceID = a.ResourceID
	return fmt.Sprintf("basket %s; both payments ACSC, the consent valid, and the balance says so", b.TransactionStatus),
		all(err, o.settledAt(ctx, euros(-inBasket[0]-inBasket[1])))
}

func refuseBasket(ctx context.Context, g *guide) (string, error) {
	s := g.isar.signing
	c := g.isar.client.WithPSU(present)
	basket := func(r xs2aclient.BasketRequest) error {
		_, err := c.CreateBasket(ctx, r, g.redirects())
		return err
	}
	ended := c.DeleteBasket(ctx, s.basket)
	return "REFERENCE_STATUS_INVALID; RESOURCE_UNKNOWN; FORMAT_ERROR; a basket that is signed is not deleted: STATUS_INVALID", all(
		refusedWith(basket(s.members()), http.StatusConflict, "REFERENCE_STATUS_INVALID"),
		refusedWith(basket(xs2aclient.BasketRequest{PaymentIDs: []string{"imagined"}}), http.StatusBadRequest, "RESOURCE_UNKNOWN"),
		refusedWith(basket(xs2aclient.BasketRequest{}), http.StatusBadRequest, "FORMAT_ERROR"),
		refusedWith(ended, http.StatusConflict, "STATUS_INVALID"))
}
