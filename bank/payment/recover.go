package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

// recoverAfter is how long after a payment began to be handed over its fate counts as
// unknown: whoever handed it over has stopped waiting by then.
const recoverAfter = handMax + 30*time.Second

// Unknown lists, in outline and oldest first, the payments of which nobody knows whether the
// bank took them, for the bank's staff.
func (s *Service) Unknown(ctx context.Context, bank string, limit int) ([]Payment, error) {
	return s.Store.Unsettled(ctx, bank, s.Now().Add(-recoverAfter), limit)
}

// Sweep finds out what became of payments that were being handed over when a process ended,
// or whose bank did not answer. It asks the bank; one that it did not get is handed over
// anew. Where the bank cannot be asked, the payment waits for its reports.
func (s *Service) Sweep(ctx context.Context) (err error) {
	const batch = 50
	for code := range s.Banks {
		lost, lerr := s.Unknown(ctx, code, batch)
		err = errors.Join(err, lerr)
		for _, p := range lost {
			rerr := s.recover(ctx, p)
			if rerr == nil || errors.Is(rerr, errOvertaken) {
				continue
			}
			if errors.Is(rerr, core.ErrNotOffered) {
				break // nor does it tell of the others
			}
			err = errors.Join(err, fmt.Errorf("payment %s: %w", p.ID, rerr))
			if errors.Is(rerr, core.ErrUnavailable) {
				break
			}
		}
	}
	return err
}

// recover finds out what became of p.
func (s *Service) recover(ctx context.Context, p Payment) error {
	if p.Session == "" {
		return nil
	}
	u, err := s.ask(ctx, p)
	if errors.Is(err, core.ErrPaymentUnknown) {
		return s.handAnew(ctx, p)
	}
	if err != nil {
		return err
	}
	a, err := s.handed(ctx, p)
	if err != nil {
		return err
	}
	if u != nil {
		if err := s.Authorisations.Handed(ctx, a, u, nil); err != nil {
			return err
		}
	}
	return s.taken(ctx, p)
}

// handed returns the authorisation under whose session p was handed over.
func (s *Service) handed(ctx context.Context, p Payment) (authorisation.Authorisation, error) {
	all, err := s.Authorisations.List(ctx, p.Bank, authorisation.OfPayment, p.ID)
	for _, a := range all {
		if a.Session == p.Session {
			return a, err
		}
	}
	if err == nil {
		err = errOvertaken
	}
	return authorisation.Authorisation{}, err
}

// errOvertaken says that somebody else takes care of a payment.
var errOvertaken = errors.New("payment changed in the meantime")

// handAnew hands p over once more, because the bank has said that it did not get it, and that
// it will not take what arrives late. Therefore it has a session of its own this time. One
// that nobody waits for any more is not handed over.
func (s *Service) handAnew(ctx context.Context, p Payment) error {
	old, err := s.handed(ctx, p)
	if err != nil {
		return err
	}
	a, now := old, s.Now()
	a.Session = s.NewID()
	open := !old.Status.Final() && !p.Status.Final()
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, "hub", "payment.handAnew", "")); err != nil {
			return err
		}
		err := s.update(ctx, p.Bank, p.ID, func(stored Payment) (Payment, error) {
			if stored.Hand != Sending || !stored.HandedAt.Equal(p.HandedAt) {
				return stored, errOvertaken
			}
			if !open {
				stored.Hand, stored.Unconfirmed = Kept, false
				return stored, nil
			}
			return stored.Send(now, a.Session), nil
		})
		if err != nil || !open {
			return err
		}
		return s.Authorisations.Store.Update(ctx, a.Bank, a.ID, func(stored authorisation.Authorisation) (authorisation.Authorisation, error) {
			if stored.Status.Final() {
				return stored, errOvertaken
			}
			stored.Session = a.Session
			return stored, nil
		})
	})
	if err != nil || !open {
		return err
	}
	if p, err = s.Store.Get(ctx, p.Bank, p.ID); err != nil {
		return err
	}
	cause, err := s.hand(ctx, s.Banks[p.Bank], p, a, core.PSUContext{})
	if cause == nil || errors.Is(cause, core.ErrUnavailable) { // it is asked again, in a while
		return err
	}
	return s.Authorisations.Handed(ctx, a, nil, cause)
}
