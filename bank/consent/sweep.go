package consent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

// Sweep stores what time alone has ended: reading computes the same, so nothing depends on
// it but the OAuth tokens, which end with the consent, and the record. Banks know the last
// day of an access themselves; the end of a one-off's window they are told.
func (s *Service) Sweep(ctx context.Context) (err error) {
	for bank := range s.Banks {
		err = errors.Join(err, s.sweep(ctx, bank))
	}
	return err
}

func (s *Service) sweep(ctx context.Context, bank string) error {
	const batch = 100
	for {
		overdue, err := s.Store.Overdue(ctx, bank, s.Now(), batch)
		for _, c := range overdue {
			err = errors.Join(err, s.runOut(ctx, c))
		}
		if err != nil || len(overdue) < batch {
			return err
		}
	}
}

// runOut stores that the time of c is over.
func (s *Service) runOut(ctx context.Context, c Consent) error {
	same := errors.New("somebody else has ended it")
	err := s.Atomically(ctx, func(ctx context.Context) error {
		action, known := "consent.reject", false
		err := s.update(ctx, c.Bank, c.ID, func(c Consent) (Consent, error) {
			next := s.at(c)
			if next.Status == c.Status {
				return c, same
			}
			if next.Status == Expired {
				action, known = "consent.expire", c.EndsAt().Equal(c.ExpiresAt)
			}
			return next, nil
		})
		if err != nil {
			return err
		}
		if known {
			if err := s.Store.Told(ctx, c.Bank, c.ID); err != nil {
				return err
			}
		}
		return errors.Join(
			s.Audit.Append(ctx, s.entry(c, "hub", action, "")), s.RevokeTokens(ctx, c.Bank, c.ID),
			s.Authorisations.CloseAll(ctx, c.Bank, authorisation.OfConsent, c.ID),
		)
	})
	if errors.Is(err, same) {
		return nil
	}
	return err
}

// TellBanks ends, at the banks, the accesses whose consents have ended. It tries again on
// its next call what did not work. Banks are told side by side, and one that does not answer
// is asked no further this time: it must keep neither the others nor itself.
func (s *Service) TellBanks(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make(chan error, len(s.Banks))
	for bank := range s.Banks {
		all.Go(func() { errs <- s.tell(ctx, bank) })
	}
	all.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// tellBatch bounds what one bank is told at once.
const tellBatch = 50

func (s *Service) tell(ctx context.Context, bank string) error {
	untold, err := s.Store.Untold(ctx, bank, tellBatch)
	for _, c := range untold {
		revoke := s.Cores[bank].RevokeAccess
		if c.Model == Funds {
			revoke = s.Cores[bank].RevokeFundsAccess
		}
		rerr := revoke(ctx, core.Access{Session: c.Session, Token: c.Token, ConsentID: c.ID, TPP: string(c.TPP)})
		if rerr != nil && !errors.Is(rerr, core.ErrNotOffered) {
			err = errors.Join(err, fmt.Errorf("consent %s: %w", c.ID, rerr))
			if errors.Is(rerr, core.ErrUnavailable) {
				return err
			}
			continue
		}
		err = errors.Join(err, s.Store.Told(ctx, bank, c.ID))
	}
	return errors.Join(err, s.endSuperseded(ctx, bank))
}

// endSuperseded ends, at the bank, the accesses that another run of SCA has replaced.
func (s *Service) endSuperseded(ctx context.Context, bank string) error {
	all, err := s.Store.Superseded(ctx, bank, tellBatch)
	for _, a := range all {
		rerr := s.Cores[bank].RevokeAccess(ctx, a)
		if rerr != nil && !errors.Is(rerr, core.ErrNotOffered) {
			err = errors.Join(err, fmt.Errorf("consent %s: the access before: %w", a.ConsentID, rerr))
			if errors.Is(rerr, core.ErrUnavailable) {
				return err
			}
			continue
		}
		err = errors.Join(err, s.Store.EndSuperseded(ctx, bank, a.Session))
	}
	return err
}

// Tokens lists the accesses that the hub holds, for the bank's own dashboard.
func (s *Service) Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]core.TokenInfo, error) {
	consents, err := s.Store.Tokens(ctx, bank, q)
	var all []core.TokenInfo
	for _, c := range consents {
		info := core.TokenInfo{
			ID: c.ID, UserID: c.PSU, ConsentID: c.ID, Funds: c.Model == Funds, TPP: string(c.TPP), AppName: c.TPPName,
			ValidUntil: c.ValidUntil, CreatedAt: c.AuthorisedAt, Status: "revoked",
		}
		switch s.at(c).Status {
		case Valid:
			info.Status = "active"
		case Expired:
			info.Status = "expired"
		}
		all = append(all, info)
	}
	return all, err
}
