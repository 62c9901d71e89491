package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kontor/xs2aclient"
)

// limitSteps show where the first consent ends: by frequency, for others, and by the TPP.
func limitSteps() []step {
	return []step{
		{"Without the PSU, each endpoint is read as often as the consent says, then no more", exceedFrequency},
		{"A token is good only with the certificate it was issued to", stealToken},
		{"Another TPP does not see the consent", peekAtConsent},
		{"The TPP ends the consent, and the next read is refused", endConsent},
	}
}

func exceedFrequency(ctx context.Context, g *guide) (string, error) {
	r, id := &g.read, g.read.account.ResourceID
	for range frequency {
		if _, err := r.unattended().Balances(ctx, id); err != nil {
			return "", err
		}
	}
	_, third := r.unattended().Balances(ctx, id)
	if err := refusedWith(third, http.StatusTooManyRequests, "ACCESS_EXCEEDED"); err != nil {
		return "", fmt.Errorf("balances, read once more than allowed: %w", err)
	}
	_, attended := r.attended().Balances(ctx, id)
	_, otherEndpoint := r.unattended().Accounts(ctx, false)
	if err := all(attended, otherEndpoint); err != nil {
		return "", fmt.Errorf("only unattended reads of the balances should be refused: %w", err)
	}
	q := xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: daysAgo(historyDays), ItemsPerPage: max(1, len(r.entries)/3)}
	for range frequency {
		if _, _, _, err := report(ctx, r.unattended(), id, q); err != nil {
			return "", fmt.Errorf("the pages of a report should count as one read: %w", err)
		}
	}
	_, _, _, third = report(ctx, r.unattended(), id, q)
	return fmt.Sprintf("%d reads a day; pages of a report count once, a PSU who is there not at all", frequency),
		refusedWith(third, http.StatusTooManyRequests, "ACCESS_EXCEEDED")
}

func stealToken(ctx context.Context, g *guide) (string, error) {
	thief, err := g.client(g.salt, g.other)
	if err != nil {
		return "", err
	}
	_, err = thief.WithToken(g.read.token.AccessToken).WithConsent(g.read.created.ConsentID).WithPSU(present).Accounts(ctx, false)
	return g.other.Name + " is turned away with it", refusedWith(err, http.StatusUnauthorized, "TOKEN_UNKNOWN", "TOKEN_INVALID")
}

func peekAtConsent(ctx context.Context, g *guide) (string, error) {
	stranger, err := g.client(g.salt, g.other)
	if err != nil {
		return "", err
	}
	_, err = stranger.Consent(ctx, g.read.created.ConsentID)
	ended := stranger.DeleteConsent(ctx, g.read.created.ConsentID)
	return "to it the consent does not exist", all(
		refusedWith(err, http.StatusForbidden, "CONSENT_UNKNOWN"), refusedWith(ended, http.StatusForbidden, "CONSENT_UNKNOWN"))
}

func endConsent(ctx context.Context, g *guide) (string, error) {
	r := &g.read
	if err := r.client.DeleteConsent(ctx, r.created.ConsentID); err != nil {
		return "", err
	}
	_, read := r.attended().Accounts(ctx, false)
	if err := refusedWith(read, http.StatusUnauthorized, "CONSENT_INVALID"); err != nil {
		return "", err
	}
	_, refreshed := r.client.Refresh(ctx, r.oauth, r.token.RefreshToken)
	refused, ok := errors.AsType[*xs2aclient.Error](refreshed)
	if !ok || refused.OAuth != "invalid_grant" {
		return "", fmt.Errorf("the refresh token should be refused with invalid_grant, but: %w", orNil(refreshed))
	}
	return "terminatedByTpp; CONSENT_INVALID", g.becomes(ctx, r.client, r.created.ConsentID, xs2aclient.ConsentTerminated)
}

// orNil makes an error of none.
func orNil(err error) error {
	if err == nil {
		return errors.New("it was taken")
	}
	return err
}
