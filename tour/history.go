package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kontor/ready"
	"kontor/xs2aclient"
)

// historySteps show how far back entries can be read. The time after SCA in which all of them
// are open is longer than a tour, so what follows when it is over can only be told here; the
// tests of the rule move the clock.
func historySteps() []step {
	return []step{
		{"Shortly after SCA the whole history is open, a year and more", readOldest},
		{"Periods that cannot be are refused", refusePeriods},
		{"The TPP has the same consent authorised anew, and it stays the same consent", authoriseAnew},
		{"A refusal, or another customer, changes nothing", authoriseAsOther},
		{"Where the profile knows no SCA anew, there is none", refuseAnew},
	}
}

func readOldest(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	recent, _, _, err := report(ctx, c, a.ResourceID, lately(xs2aclient.Booked))
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.DateFrom = daysAgo(1000)
	whole, _, _, err := report(ctx, c, a.ResourceID, q)
	if err = all(err, is("an entry", len(whole) > 0, true)); err != nil {
		return "", err
	}
	oldest := whole[len(whole)-1].BookingDate
	return fmt.Sprintf("%d entries since %s; %d of the last %d days. Later, PERIOD_INVALID says so, with the startAuthorisation link", len(whole), oldest, len(recent), historyDays), all(
		is("more than lately", len(whole) > len(recent), true), is("an entry of a year ago", oldest <= daysAgo(365), true))
}

func refusePeriods(ctx context.Context, g *guide) (string, error) {
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	for what, q := range map[string]xs2aclient.TransactionQuery{
		"a first day in the future":  {BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(-3)},
		"a first day after the last": {BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(10), DateTo: daysAgo(20)},
	} {
		_, err := c.Transactions(ctx, a.ResourceID, q)
		if err := refusedWith(err, http.StatusBadRequest, "PERIOD_INVALID"); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	_, missing := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked})
	_, nonsense := c.Transactions(ctx, a.ResourceID, xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: "30.02.2026"})
	return "PERIOD_INVALID; no day, or none that is in a calendar: FORMAT_ERROR", all(refusedAt(missing, "dateFrom", "FORMAT_ERROR"), refusedAt(nonsense, "dateFrom", "FORMAT_ERROR"))
}

// anew leads who through SCA of the family's consent, once more.
func (g *guide) anew(ctx context.Context, who ready.Persona, do plan) (xs2aclient.AuthorisationStarted, xs2aclient.Token, error) {
	r := g.isar.family
	started, err := r.client.WithPSU(present).StartAuthorisation(ctx, r.created.ConsentID, g.redirects())
	if err = all(err, has("authorisationId", started.AuthorisationID), has("the scaOAuth link", started.Links["scaOAuth"]), has("the scaStatus link", started.Links["scaStatus"])); err != nil {
		return started, xs2aclient.Token{}, err
	}
	token, err := g.leads(ctx, who, r.client, r.oauth, xs2aclient.ScopeOfConsent(r.created.ConsentID), do)
	return started, token, err
}

func authoriseAnew(ctx context.Context, g *guide) (string, error) {
	r := g.isar.family
	before, err := r.client.Authorisations(ctx, r.created.Links["self"])
	if err != nil {
		return "", err
	}
	started, token, err := g.anew(ctx, g.family, plan{})
	if err != nil {
		return "", err
	}
	sca, err := r.client.SCAStatus(ctx, started.Links["scaStatus"])
	after, err2 := r.client.Authorisations(ctx, r.created.Links["self"])
	con, err3 := r.client.Consent(ctx, r.created.ConsentID)
	if err = all(err, err2, err3, is("scaStatus", sca.Status, xs2aclient.SCAFinalised), is("number of authorisations", len(after), len(before)+1),
		is("consentStatus", con.ConsentStatus, xs2aclient.ConsentValid)); err != nil {
		return "", err
	}
	r.token = token
	c, a, err := g.shared(ctx)
	if err != nil {
		return "", err
	}
	q := lately(xs2aclient.Booked)
	q.DateFrom = daysAgo(1000)
	_, err = c.Transactions(ctx, a.ResourceID, q)
	return fmt.Sprintf("%d authorisations, one consent, valid until %s as before; older entries are open", len(after), con.ValidUntil), err
}

func authoriseAsOther(ctx context.Context, g *guide) (string, error) {
	r := g.isar.family
	for _, try := range []struct {
		who ready.Persona
		do  plan
	}{{g.family, plan{refuse: true}}, {g.traveller, plan{}}} {
		if _, _, err := g.anew(ctx, try.who, try.do); !errors.Is(err, xs2aclient.ErrDenied) {
			return "", fmt.Errorf("%s should come back with access_denied, but: %w", try.who.Name, orNil(err))
		}
	}
	_, err := r.attended().Accounts(ctx, false)
	return "access_denied, and the consent is valid still", all(err, g.becomes(ctx, r.client, r.created.ConsentID, xs2aclient.ConsentValid))
}

func refuseAnew(ctx context.Context, g *guide) (string, error) {
	o := g.pay.debtor
	_, err := o.reader.StartAuthorisation(ctx, o.consentID, g.redirects())
	return "STATUS_INVALID at the bank with the profile bankart, where a new consent opens them", refusedWith(err, http.StatusConflict, "STATUS_INVALID")
}
