package account

import (
	"context"
	"errors"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
)

// A Copy says how old the copy is that a bank's connector shows of the bank's own data.
type Copy struct {
	Session string    // of the refresh that is under way; "" when none is
	AskedAt time.Time // when that began
	FreshAt time.Time // when the last one ended well
}

const (
	// attendedFresh is how old the copy may be while the PSU looks on.
	attendedFresh = time.Minute
	// refreshWait is how long a read waits for a refresh; then the copy is shown as it is.
	refreshWait = 10 * time.Second
	// refreshLost is how long a refresh is believed to be under way.
	refreshLost = 5 * time.Minute
	// refreshPoll is how often a read looks whether the refresh is over: the bank may have
	// told another process of the hub.
	refreshPoll = 100 * time.Millisecond
)

// freshen has a bank that keeps a copy renew it, where it is too old. That a bank does not
// manage to is no error: what it has is shown.
//
// Source: connector protocol v2, sections 1.3 and 3.9.
func (s *Service) freshen(ctx context.Context, r Read, c consent.Consent) error {
	limit := r.Bank.Accounts.RefreshAfter
	if limit == 0 {
		return nil
	}
	if r.PSU.IPAddress != "" {
		limit = min(limit, attendedFresh)
	}
	known, err := s.Store.Copy(ctx, c.Bank, c.ID)
	now := s.Now()
	if err != nil || now.Sub(known.FreshAt) < limit {
		return err
	}
	if known.Session == "" || now.Sub(known.AskedAt) > refreshLost {
		asked := Copy{Session: s.NewID(), AskedAt: now, FreshAt: known.FreshAt}
		if err := s.Store.SetCopy(ctx, c.Bank, c.ID, asked); err != nil {
			return err
		}
		switch err := s.Cores[c.Bank].Refresh(ctx, access(r, c), asked.Session); {
		case errors.Is(err, core.ErrNotOffered): // it needs none; ask again when this one is old
			return s.Store.SetCopy(ctx, c.Bank, c.ID, Copy{FreshAt: now})
		case errors.Is(err, core.ErrTokenExpired), errors.Is(err, core.ErrAccessDenied):
			return s.heard(ctx, c, err)
		case err != nil:
			return s.Store.SetCopy(ctx, c.Bank, c.ID, Copy{FreshAt: known.FreshAt})
		}
	}
	return s.awaitCopy(ctx, c, known.FreshAt)
}

// awaitCopy waits until the refresh of c is over, and for at most refreshWait.
func (s *Service) awaitCopy(ctx context.Context, c consent.Consent, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, refreshWait)
	defer cancel()
	tick := time.NewTicker(refreshPoll)
	defer tick.Stop()
	for {
		known, err := s.Store.Copy(context.WithoutCancel(ctx), c.Bank, c.ID)
		if err != nil || known.Session == "" || known.FreshAt.After(before) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Refreshed takes the end of a refresh, told by the bank. It returns core.ErrSessionUnknown
// when session is none of a refresh.
func (s *Service) Refreshed(ctx context.Context, bank, session string, well bool) error {
	var fresh time.Time
	if well {
		fresh = s.Now()
	}
	return s.Store.EndRefresh(ctx, bank, session, fresh)
}
