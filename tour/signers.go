package tour

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

// signers lists the customers who sign together for a company: those who have one account of
// it between them. The second of them has a phone that can be asked.
func (g *guide) signers() []ready.Persona {
	by := map[string][]ready.Persona{}
	for _, c := range g.ready.Personas {
		if len(c.Accounts) == 0 || c.Accounts[0].Usage != "ORGA" {
			continue
		}
		iban := c.Accounts[0].IBAN
		if by[iban] = append(by[iban], c); len(by[iban]) > 2 {
			return by[iban]
		}
	}
	return nil
}

// signerSteps show what needs the signatures of two, out of three.
func signerSteps() []step {
	s := &signed{}
	return []step{
		{"The first signer of a company approves a payment inside OAuth: PATC, and nothing is paid", s.first},
		{"The second one sees on her phone what is to be paid, and signs: it is settled", s.second},
		{"A consent that one has signed opens nothing; with the signature of a third, given at the TPP, it does", s.consent},
		{"The second one refuses inside OAuth: the payment is rejected, and nobody can sign it any more", s.refuse},
		{"A standing order of the company is cancelled: that needs two as well", s.cancel},
	}
}

// A signed payment is what the steps pass on.
type signed struct {
	id      xs2aclient.PaymentID
	request xs2aclient.PaymentRequest
}

// order is a payment of the company, which its first signer has approved.
func (s *signed) order(ctx context.Context, g *guide, cents int64, text string) error {
	who := g.signers()[0]
	s.request = g.transfer(cents, text)
	s.request.DebtorAccount = &xs2aclient.AccountReference{IBAN: who.Accounts[0].IBAN}
	s.id = xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}
	if _, err := g.paysAt(ctx, &s.id, s.request); err != nil {
		return err
	}
	err := g.approves(ctx, who, s.id, plan{look: func(p *page) error {
		return all(shown(p, s.request), is("the page says that two have to sign", contains(p.text, "Signatures needed"), true))
	}})
	if err != nil {
		return err
	}
	return g.stands(ctx, s.id, xs2aclient.PaymentPartlySigned)
}

// by is the TPP with another of the signers, who is to sign in her own way.
func (s *signed) by(g *guide, who ready.Persona, way string) (*approached, *xs2aclient.Client) {
	yes, no := true, false
	wish := xs2aclient.Preferences{Redirect: &no, Decoupled: &no}
	if way == byDecoupled {
		wish = xs2aclient.Preferences{Decoupled: &yes}
	}
	client := g.isar.client.WithPreferences(wish)
	named := present
	named.ID = who.Login
	return &approached{way: way, bank: g.standard, who: who, client: client}, client.WithPSU(named)
}

// begins is how an authorisation that the TPP has started goes on.
func begins(started xs2aclient.AuthorisationStarted, tells func(string) error) begun {
	return begun{links: started.Links, offer: started.Offer, approach: started.SCAApproach, tells: tells}
}

func (s *signed) first(ctx context.Context, g *guide) (string, error) {
	if err := s.order(ctx, g, 850_00, "steel"); err != nil {
		return "", err
	}
	kept, err := g.isar.client.Payment(ctx, s.id)
	return fmt.Sprintf("PATC: %s has signed for %s", g.signers()[0].Name, g.signers()[0].Accounts[0].Owners[0]), all(err,
		is("transactionStatus", kept.TransactionStatus, xs2aclient.PaymentPartlySigned))
}

func (s *signed) second(ctx context.Context, g *guide) (string, error) {
	who := g.signers()[1]
	a, client := s.by(g, who, byDecoupled)
	started, err := client.StartPaymentAuthorisation(ctx, s.id, g.redirects())
	if err = all(err, has("authorisationId", started.AuthorisationID)); err != nil {
		return "", err
	}
	_, err = a.authorises(ctx, g, begins(started, func(text string) error {
		return all(tells(s.request)(text), is("who has signed is told", contains(text, g.signers()[0].Name), true))
	}))
	if err = all(err, g.stands(ctx, s.id, xs2aclient.PaymentSettled)); err != nil {
		return "", err
	}
	_, again := client.StartPaymentAuthorisation(ctx, s.id, g.redirects())
	return "ACSC: " + who.Name + " has signed, too", refusedWith(again, http.StatusConflict, "STATUS_INVALID")
}

func (s *signed) consent(ctx context.Context, g *guide) (string, error) {
	one, other := g.signers()[0], g.signers()[2]
	created, err := g.asks(ctx, recurring(xs2aclient.Dedicated(xs2aclient.AccountReference{IBAN: one.Accounts[0].IBAN})))
	if err != nil {
		return "", err
	}
	token, err := g.leads(ctx, one, g.isar.client, g.isar.oauth, xs2aclient.ScopeOfConsent(created.ConsentID), plan{accounts: []string{one.Accounts[0].IBAN}})
	if err = all(err, g.becomes(ctx, g.isar.client, created.ConsentID, xs2aclient.ConsentPartlySigned)); err != nil {
		return "", err
	}
	reader := g.isar.client.WithPSU(present).WithConsent(created.ConsentID).WithToken(token.AccessToken)
	_, early := reader.Accounts(ctx, false)
	if err := refusedWith(early, http.StatusUnauthorized, "CONSENT_INVALID"); err != nil {
		return "", err
	}
	a, client := s.by(g, other, byEmbedded)
	started, err := client.StartAuthorisation(ctx, created.ConsentID, g.redirects())
	if err != nil {
		return "", err
	}
	if _, err = a.authorises(ctx, g, begins(started, func(text string) error { return is("the TPP's name is told", contains(text, g.tpp.Name), true) })); err != nil {
		return "", err
	}
	if err := g.becomes(ctx, g.isar.client, created.ConsentID, xs2aclient.ConsentValid); err != nil {
		return "", err
	}
	accounts, err := reader.Accounts(ctx, false)
	return fmt.Sprintf("CONSENT_INVALID between the two; %d account afterwards", len(accounts)), all(err, is("number of accounts", len(accounts), 1))
}

func (s *signed) refuse(ctx context.Context, g *guide) (string, error) {
	if err := s.order(ctx, g, 9_00, "paint"); err != nil {
		return "", err
	}
	client := g.isar.client.WithPSU(present)
	started, err := client.StartPaymentAuthorisation(ctx, s.id, g.redirects())
	if err = all(err, has("the scaOAuth link", started.Links["scaOAuth"])); err != nil {
		return "", err
	}
	if err := g.refuses(ctx, g.signers()[1], s.id, func(p *page) error {
		return all(shown(p, s.request), is("who has signed on the page", contains(p.text, g.signers()[0].Name), true))
	}); err != nil {
		return "", err
	}
	_, again := client.StartPaymentAuthorisation(ctx, s.id, g.redirects())
	return "RJCT", refusedWith(again, http.StatusConflict, "STATUS_INVALID")
}

func (s *signed) cancel(ctx context.Context, g *guide) (string, error) {
	one, other := g.signers()[0], g.signers()[1]
	id := xs2aclient.PaymentID{Service: xs2aclient.PeriodicPayments, Product: xs2aclient.SEPACreditTransfers}
	r := xs2aclient.PeriodicRequest{PaymentRequest: g.transfer(31_00, "parking"), Standing: xs2aclient.Standing{
		StartDate: workday(time.Now()).Format(time.DateOnly), Frequency: "Monthly",
	}}
	r.DebtorAccount = &xs2aclient.AccountReference{IBAN: one.Accounts[0].IBAN}
	if _, err := g.paysAt(ctx, &id, r); err != nil {
		return "", err
	}
	tells := func(text string) error { return is("the amount is told", says(text, r.InstructedAmount.Amount), true) }
	signs := func(start func() (xs2aclient.AuthorisationStarted, error), a *approached) error {
		started, err := start()
		if err != nil {
			return err
		}
		_, err = a.authorises(ctx, g, begins(started, tells))
		return err
	}
	if err := all(g.approves(ctx, one, id, plan{}), g.stands(ctx, id, xs2aclient.PaymentPartlySigned)); err != nil {
		return "", err
	}
	a, client := s.by(g, other, byDecoupled)
	if err := signs(func() (xs2aclient.AuthorisationStarted, error) {
		return client.StartPaymentAuthorisation(ctx, id, g.redirects())
	}, a); err != nil {
		return "", err
	}
	if err := g.stands(ctx, id, xs2aclient.PaymentInProcess); err != nil {
		return "", err
	}
	c, err := client.CancelPayment(ctx, id, g.redirects())
	if err = all(err, is("done at once", c.Done, false)); err != nil {
		return "", err
	}
	if _, err = a.authorises(ctx, g, begun{links: c.Links, offer: c.Offer, approach: c.SCAApproach, tells: tells}); err != nil {
		return "", err
	}
	if err := g.stands(ctx, id, xs2aclient.PaymentInProcess); err != nil {
		return "", fmt.Errorf("after one signature: %w", err)
	}
	third, named := s.by(g, g.signers()[2], byEmbedded)
	if err := signs(func() (xs2aclient.AuthorisationStarted, error) {
		return named.StartCancellation(ctx, id, g.redirects())
	}, third); err != nil {
		return "", err
	}
	ids, err := g.isar.client.Cancellations(ctx, id)
	return "ACSP after one signature, CANC after two", all(err, is("number of cancellation-authorisations", len(ids), 2), g.stands(ctx, id, xs2aclient.PaymentCancelled))
}
