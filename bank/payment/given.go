package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// A GivenQuery selects the series and payments of later days that a PSU has authorised,
// newest first.
type GivenQuery struct {
	PSU   string
	TPP   tpp.ID  // "": through whomever
	Ended bool    // those of which nothing is to come any more; otherwise the others
	Today day.Day // at the bank; a Service fills it in
	After Given   // where the page before ended; zero: from the newest
	Limit int
}

// Given is where a payment stands in the order of their creation.
type Given struct {
	CreatedAt time.Time
	ID        string
}

// Given of p among those of its PSU.
func (p Payment) Given() Given { return Given{p.CreatedAt, p.ID} }

// GivenTo is the name by which the PSU knows the TPP.
func (p Payment) GivenTo() string { return cmp.Or(p.Brand, p.TPPName) }

// forever is the last day of a series without one.
var forever = day.New(9999, time.December, 31)

// Due is the last day on which p, or a payment of its series, may be made; zero where it was
// to be made on the day it was ordered. A time of day counts for the day after, too: where its
// day ends is the bank's to know.
func (p Payment) Due() day.Day {
	on, at := p.Order.RequestedExecutionDate, p.Order.RequestedExecutionTime
	if p.Bulk != nil {
		on, at = p.Bulk.RequestedExecutionDate, p.Bulk.RequestedExecutionTime
	}
	switch {
	case p.Periodic != nil && p.Periodic.EndDate.IsZero():
		return forever
	case p.Periodic != nil:
		return p.Periodic.EndDate
	case !at.IsZero():
		return day.Of(at, time.UTC).AddDays(1)
	case !on.After(day.Of(p.CreatedAt, time.UTC)):
		return day.Day{}
	}
	return on
}

// ToCome says whether something of p is still to be made, as of today.
func (p Payment) ToCome(today day.Day, zone *time.Location) bool {
	return !p.Status.Final() && (!p.Status.moved() || p.Status == InProcess) && p.AuthoriseBy.IsZero() &&
		p.waits(today, zone) && !p.Due().Before(today)
}

// Given lists in outline what is to come of a PSU's payments, or was, as it stands now.
func (s *Service) Given(ctx context.Context, b profile.Bank, q GivenQuery) ([]Payment, error) {
	if q.PSU == "" {
		return nil, nil
	}
	q.Today = day.Of(s.Now(), b.Zone)
	all, err := s.Store.Given(ctx, b.Code, q)
	for i := range all {
		all[i] = all[i].At(s.Now())
	}
	return all, err
}

// OfPSU returns, in outline, a payment to the PSU who has authorised it. Somebody else's is
// ErrUnknown, and so is one that waits for SCA: who ordered it is not proven yet.
func (s *Service) OfPSU(ctx context.Context, b profile.Bank, psu, id string) (Payment, error) {
	p, err := s.Store.Outline(ctx, b.Code, id)
	if err == nil && (psu == "" || p.PSU != psu || !p.AuthoriseBy.IsZero() || p.Due().IsZero()) {
		return Payment{}, ErrUnknown
	}
	return p.At(s.Now()), err
}

// Withdraw cancels what is to come of a payment, at the wish of the PSU who has authorised
// it, told by actor. Where the bank wants her approval, its page for that is returned, from
// which she comes back to back; otherwise it is cancelled when Withdraw returns, as it says.
// One that she began to cancel before is gone on with.
//
// It is ErrService where the bank cancels nothing, ErrCancellation when it is too late, and
// ErrStatus while a cancellation is under way that the TPP has asked for.
func (s *Service) Withdraw(ctx context.Context, b profile.Bank, psu, id, back, actor string) (p Payment, pageURL string, err error) {
	if p, err = s.OfPSU(ctx, b, psu, id); err != nil || p.Status == Cancelled {
		return p, "", err
	}
	if b.Payments.Cancellation == profile.CancelNone {
		return p, "", fmt.Errorf("%w: it cancels no payments", ErrService)
	}
	free, err := p.Cancellable(day.Of(s.Now(), b.Zone), b.Zone)
	if err != nil {
		return p, "", err
	}
	open, err := s.openCancellation(ctx, p)
	switch {
	case err != nil:
		return p, "", err
	case open != nil && (open.RedirectURI != back || open.BankURL == ""):
		return p, "", fmt.Errorf("%w: its cancellation is under way", ErrStatus)
	case open != nil:
		return p, open.BankURL, nil
	}
	a, err := s.askToCancel(ctx, b, tpp.TPP{ID: p.TPP}, p, Start{RedirectURI: back, UserID: psu, actor: actor}, free)
	if err != nil {
		return p, "", err
	}
	if p, err = s.Store.Outline(ctx, b.Code, id); err != nil || p.Status == Cancelled {
		return p, "", err
	}
	switch {
	case a.Status == authorisation.Failed:
		return p, "", fmt.Errorf("%w: the bank refuses", ErrCancellation)
	case a.BankURL == "":
		return p, "", errors.Join(core.ErrUnavailable, fmt.Errorf("%w: its cancellation is under way", ErrStatus))
	}
	return p, a.BankURL, nil
}
