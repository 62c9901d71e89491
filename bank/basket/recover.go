package basket

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kontor/bank/payment"
)

// recoverAfter is how long after a basket began to be handed over its fate counts as unknown:
// whoever handed it over has stopped waiting by then.
const recoverAfter = handMax + 30*time.Second

// Unknown lists, oldest first, the baskets of which nobody knows whether the bank took them,
// for the bank's staff.
func (s *Service) Unknown(ctx context.Context, bank string, limit int) ([]Basket, error) {
	return s.Store.Unsettled(ctx, bank, s.Now().Add(-recoverAfter), limit)
}

// batch bounds what is done for one bank at once.
const batch = 50

// Sweep finds out what became of baskets that were being handed over when a process ended, or
// whose bank did not answer, and stores that all members of a basket have come to an end.
// Banks are asked side by side: one that does not answer must not keep the others.
func (s *Service) Sweep(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make(chan error, len(s.Banks))
	for bank, b := range s.Banks {
		if b.Baskets.Enabled {
			all.Go(func() { errs <- errors.Join(s.recoverAll(ctx, bank), s.settleAll(ctx, bank)) })
		}
	}
	all.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

func (s *Service) recoverAll(ctx context.Context, bank string) error {
	lost, err := s.Unknown(ctx, bank, batch)
	for _, k := range lost {
		if rerr := s.recover(ctx, k); rerr != nil && !errors.Is(rerr, errOvertaken) {
			return errors.Join(err, fmt.Errorf("signing basket %s: %w", k.ID, rerr))
		}
	}
	return err
}

// recover finds out what became of k. The bank takes a basket whole or not at all: what it
// says of one payment is true of all. Where it cannot be asked, k waits for its reports.
func (s *Service) recover(ctx context.Context, k Basket) error {
	if len(k.Payments) == 0 {
		return nil
	}
	received := false
	for _, id := range k.Payments {
		was, err := s.Payments.Approval(ctx, k.Bank, id)
		if err != nil {
			return err
		}
		if was == payment.NotKnown {
			return nil
		}
		received = received || was != payment.NotReceived
	}
	if received {
		return s.taken(ctx, k)
	}
	return s.notTaken(ctx, k, true)
}

func (s *Service) settleAll(ctx context.Context, bank string) error {
	due, err := s.Store.Due(ctx, bank, s.Now(), batch)
	for _, k := range due {
		err = errors.Join(err, s.settle(ctx, k))
	}
	return err
}

// settle stores how far the members of k have come.
func (s *Service) settle(ctx context.Context, k Basket) error {
	done, well, err := s.ended(ctx, k)
	if err != nil {
		return err
	}
	return s.Atomically(ctx, func(ctx context.Context) error {
		var before, next Basket
		err := s.update(ctx, k.Bank, k.ID, func(k Basket) (Basket, error) {
			before, next = k, k.Settle(s.Now(), done, well)
			return next, nil
		})
		if err != nil || next.Status == before.Status {
			return err
		}
		return s.Audit.Append(ctx, s.entry(k, "hub", "basket.settle", ""))
	})
}
