package tour

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"kontor/xs2aclient"
)

// endingSteps show what is counted, what replaces what, and what a consent is worth that has
// ended.
func endingSteps() []step {
	return []step{
		{"Each endpoint of each account is counted by itself; pages, downloads and a PSU who is there are not", countReads},
		{"A one-off consent gives each read once, and leaves the recurring one alone", readOnce},
		{"A newer recurring consent takes the place of the older one: CONSENT_EXPIRED", replaceOlder},
		{"Revoked, terminated, foreign and unknown: each consent is refused in its own words", useEnded},
		{"A consent cannot be read under before the PSU has approved it", useTooEarly},
		{"A PSU logs in to the dashboard and ends what she gave; the next read is refused", useDashboard},
	}
}

// countReads is under the company's consent, of four reads a day.
func countReads(ctx context.Context, g *guide) (_ string, err error) {
	const reads = 4
	if g.isar.company, err = g.gives(ctx, g.company, everything(), plan{}); err != nil {
		return "", err
	}
	r := g.isar.company
	accounts, err := r.attended().Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	cards, err := r.attended().CardAccounts(ctx, false)
	if err = all(err, is("accounts", len(accounts), len(g.company.Accounts)), is("cards", len(cards), 1)); err != nil {
		return "", err
	}
	first, second := accounts[0].ResourceID, accounts[1].ResourceID
	alone := r.unattended()
	for _, endpoint := range []struct {
		name string
		read func() error
	}{
		{"balances of the first account", func() error { _, err := alone.Balances(ctx, first); return err }},
		{"balances of the second account", func() error { _, err := alone.Balances(ctx, second); return err }},
		{"details of the first account", func() error { _, err := alone.Account(ctx, first, false); return err }},
		{"balances of the card", func() error { _, err := alone.CardBalances(ctx, cards[0].ResourceID); return err }},
		{"list of cards", func() error { _, err := alone.CardAccounts(ctx, false); return err }},
	} {
		for i := range reads {
			if err := endpoint.read(); err != nil {
				return "", fmt.Errorf("%s, read %d: %w", endpoint.name, i+1, err)
			}
		}
		if err := refusedWith(endpoint.read(), http.StatusTooManyRequests, "ACCESS_EXCEEDED"); err != nil {
			return "", fmt.Errorf("%s, once more: %w", endpoint.name, err)
		}
	}
	q := lately(xs2aclient.Booked)
	q.ItemsPerPage = 40
	for range reads - 1 {
		if _, _, _, err := report(ctx, alone, first, q); err != nil {
			return "", fmt.Errorf("the pages of a report should count once: %w", err)
		}
	}
	page, err := alone.Transactions(ctx, first, q)
	if err != nil {
		return "", err
	}
	_, whole := readAll(alone.Download(ctx, page.Links["download"], xs2aclient.AcceptJSON))
	_, next := alone.NextTransactions(ctx, page)
	_, more := alone.Transactions(ctx, first, q)
	_, camt := alone.Report(ctx, first, q, xs2aclient.AcceptXML)
	_, attended := r.attended().Balances(ctx, first)
	return "four reads of each of six endpoints, then 429", all(whole, next, attended,
		refusedWith(more, http.StatusTooManyRequests, "ACCESS_EXCEEDED"), refusedWith(camt, http.StatusTooManyRequests, "ACCESS_EXCEEDED"))
}

func readOnce(ctx context.Context, g *guide) (string, error) {
	once := xs2aclient.ConsentRequest{Access: xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}, ValidUntil: time.Now().AddDate(0, 0, 1).Format(time.DateOnly), FrequencyPerDay: 1}
	r, err := g.gives(ctx, g.company, once, plan{})
	if err != nil {
		return "", err
	}
	accounts, err := r.attended().Accounts(ctx, false)
	if err != nil {
		return "", err
	}
	_, err = r.attended().Balances(ctx, accounts[0].ResourceID)
	_, again := r.attended().Balances(ctx, accounts[0].ResourceID)
	_, list := r.attended().Accounts(ctx, false)
	often := once
	often.FrequencyPerDay = 2
	_, wrong := g.isar.client.WithPSU(present).CreateConsent(ctx, often, g.redirects())
	return "the second read of balances, and of the list: ACCESS_EXCEEDED", all(err, is("refresh_token", r.token.RefreshToken, ""),
		refusedWith(again, http.StatusTooManyRequests, "ACCESS_EXCEEDED"), refusedWith(list, http.StatusTooManyRequests, "ACCESS_EXCEEDED"),
		refusedAt(wrong, "frequencyPerDay", "FORMAT_ERROR"), g.becomes(ctx, g.isar.client, g.isar.company.created.ConsentID, xs2aclient.ConsentValid))
}

func replaceOlder(ctx context.Context, g *guide) (string, error) {
	older := g.isar.company
	newer, err := g.gives(ctx, g.company, recurring(xs2aclient.Dedicated((*refs(g.company.Accounts[0]))...)), plan{})
	if err != nil {
		return "", err
	}
	_, replaced := older.attended().Accounts(ctx, false)
	accounts, err := newer.attended().Accounts(ctx, false)
	g.isar.company = newer
	// Neither the family's consent, nor any at another bank, is the company's.
	return "the newer one is valid, other customers' too", all(err, is("accounts under the newer", len(accounts), 1),
		refusedWith(replaced, http.StatusUnauthorized, "CONSENT_EXPIRED"), g.becomes(ctx, g.isar.client, older.created.ConsentID, xs2aclient.ConsentExpired),
		g.becomes(ctx, g.isar.client, g.isar.family.created.ConsentID, xs2aclient.ConsentValid))
}

func useEnded(ctx context.Context, g *guide) (string, error) {
	r := g.isar.company
	stranger, err := g.client(g.standard, g.other)
	if err != nil {
		return "", err
	}
	_, foreign := stranger.Consent(ctx, r.created.ConsentID)
	// A token of OAuth as a step before fits every consent; one of integrated OAuth its own.
	_, unknown := g.pay.debtor.reader.WithConsent("no-such-consent").Accounts(ctx, false)
	_, none := r.attended().WithConsent("").Accounts(ctx, false)
	_, another := r.attended().WithConsent(g.isar.family.created.ConsentID).Accounts(ctx, false)
	if err := all(refusedWith(foreign, http.StatusForbidden, "CONSENT_UNKNOWN"), refusedWith(unknown, http.StatusBadRequest, "CONSENT_UNKNOWN"),
		refusedWith(none, http.StatusBadRequest, "FORMAT_ERROR"), refusedWith(another, http.StatusUnauthorized, "TOKEN_INVALID")); err != nil {
		return "", err
	}
	if err := g.withdraws(ctx, g.company, g.standard, r.attended(), r.created.ConsentID); err != nil {
		return "", fmt.Errorf("revoked by the PSU: %w", err)
	}
	_, anew := r.client.WithPSU(present).StartAuthorisation(ctx, r.created.ConsentID, g.redirects())
	if r, err = g.gives(ctx, g.company, everything(), plan{}); err != nil {
		return "", err
	}
	err = r.client.DeleteConsent(ctx, r.created.ConsentID)
	_, terminated := r.attended().Accounts(ctx, false)
	again := r.client.DeleteConsent(ctx, r.created.ConsentID) // it has what it wanted
	return "revokedByPsu and terminatedByTpp: CONSENT_INVALID; foreign or unknown: CONSENT_UNKNOWN", all(err, again, refusedRight("terminated", terminated),
		refusedWith(anew, http.StatusUnauthorized, "CONSENT_INVALID"))
}

func useTooEarly(ctx context.Context, g *guide) (string, error) {
	created, err := g.asks(ctx, everything())
	if err != nil {
		return "", err
	}
	_, early := g.isar.family.attended().WithConsent(created.ConsentID).Accounts(ctx, false)
	_, token := g.isar.client.WithConsent(created.ConsentID).WithPSU(present).Accounts(ctx, false)
	return "with another consent's token, and without any: refused", all(refusedWith(early, http.StatusUnauthorized, "CONSENT_INVALID", "TOKEN_INVALID"),
		refusedWith(token, http.StatusUnauthorized, "TOKEN_INVALID"), g.isar.client.DeleteConsent(ctx, created.ConsentID))
}
