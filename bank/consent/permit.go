package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/kit/day"
)

// A Use is one read that a TPP asks for.
type Use struct {
	Account     *Account // nil: the list
	Balances    bool     // needs that right
	Transaction bool     // needs that right
	// Beneficiaries needs the right to the list of trusted beneficiaries.
	Beneficiaries bool
	Key           string // what is counted; "" continues a report that was counted
	Attended      bool   // the PSU asked for it: PSU-IP-Address was sent
	Action        string // for the record: accounts.list, …
	RequestID     string
}

// Permit records that c allows u and counts it, or returns ErrInvalid, ErrExpired or
// ErrExceeded. It comes before the read that it permits.
func (s *Service) Permit(ctx context.Context, c Consent, u Use) error {
	if err := c.Permits(s.Now(), u); err != nil {
		return err
	}
	limit, on, why := c.FrequencyPerDay, day.Of(s.Now(), s.zone(c.Bank)), "without the PSU there are %d a day"
	counted := u.Key != "" && !u.Attended
	if !c.Recurring { // the window limits a one-off; without one, each read can be had once
		counted = u.Key != "" && c.OneOffEnd.IsZero()
		limit, on, why = 1, day.Day{}, "under a one-off consent there is %d"
	}
	record := func(ctx context.Context) error {
		return s.Audit.Append(ctx, s.entry(c, string(c.TPP), u.Action, u.RequestID))
	}
	if !counted {
		return record(ctx)
	}
	return s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Store.Count(ctx, c.Bank, c.ID, on, u.Key, limit); errors.Is(err, ErrExceeded) {
			return fmt.Errorf("%w: "+why, err, limit)
		} else if err != nil {
			return err
		}
		return record(ctx)
	})
}

// Permits returns why c does not allow u at now, or nil.
func (c Consent) Permits(now time.Time, u Use) error {
	if err := c.Usable(now); err != nil {
		return err
	}
	switch {
	case c.Model == Funds:
		return fmt.Errorf("%w: it confirms funds only", ErrInvalid)
	case u.Balances && (u.Account == nil && !c.WantsBalances() || u.Account != nil && !u.Account.Balances):
		return fmt.Errorf("%w: it gives no right to balances", ErrInvalid)
	case u.Transaction && (u.Account == nil || !u.Account.Transactions):
		return fmt.Errorf("%w: it gives no right to transactions", ErrInvalid)
	case u.Beneficiaries && (u.Account == nil && !c.WantsTrustedBeneficiaries() || u.Account != nil && !u.Account.Beneficiaries):
		return fmt.Errorf("%w: it gives no right to trusted beneficiaries", ErrInvalid)
	}
	return nil
}
