package payment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
)

// recoverAfter is how long after a payment began to be handed over its fate counts as
// unknown: whoever handed it over has stopped waiting by then.
const recoverAfter = handMax + 30*time.Second

// A Place is where a payment stands among those whose fate is unknown: they are in the order
// in which they began to be handed over.
type Place struct {
	HandedAt time.Time
	ID       string
}

// Unknown lists, in outline and oldest first, the payments of which nobody knows whether the
// bank took them, for the bank's staff: those that come next after the one named.
func (s *Service) Unknown(ctx context.Context, bank string, after Place, limit int) ([]Payment, error) {
	return s.Store.Unsettled(ctx, bank, s.Now().Add(-recoverAfter), after, limit)
}

const (
	// sweepBatch bounds how many payments one Sweep asks for.
	sweepBatch = 200
	// sweepAtOnce bounds how many of them it asks for at once: a bank that takes seconds to
	// answer must not keep the newest waiting for minutes, and one that has just come back
	// must not be run down.
	sweepAtOnce = 16
	// sweepMax is when a Sweep asks for no more, so that it ends soon after.
	sweepMax = 20 * time.Second
)

// sweeps remembers, for each bank, where the last Sweep ended. The zero value is ready.
type sweeps struct {
	mu   sync.Mutex
	busy map[string]bool
	next map[string]Place
}

// enter begins the only sweep of bank; false: it is under way.
func (w *sweeps) enter(bank string) (Place, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[bank] {
		return Place{}, false
	}
	if w.busy == nil {
		w.busy, w.next = map[string]bool{}, map[string]Place{}
	}
	w.busy[bank] = true
	return w.next[bank], true
}

func (w *sweeps) leave(bank string, next Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[bank], w.next[bank] = false, next
}

// Sweep finds out what became of payments that were being handed over to the bank with this
// code when a process ended, or when the bank did not answer. It asks the bank, for several
// at once; one that it did not get is handed over anew. Where the bank cannot be asked, the
// payments wait for its reports.
//
// It does a part of them and goes on with the next part when it is called again, so that
// those of which the bank says nothing do not keep it from the others. While one Sweep of a
// bank is under way, another one does nothing. Other processes may do the same at the same
// moment: what is stored decides which of them hands a payment over.
func (s *Service) Sweep(ctx context.Context, bank string) error {
	from, ok := s.sweeps.enter(bank)
	if !ok {
		return nil
	}
	var next Place // of the next Sweep: from the first
	defer func() { s.sweeps.leave(bank, next) }()
	lost, err := s.Unknown(ctx, bank, from, sweepBatch)
	if err != nil {
		return err
	}
	enough, stop := context.WithTimeout(ctx, sweepMax)
	defer stop()
	queue, failed := make(chan Payment), failures{}
	var all sync.WaitGroup
	for range min(sweepAtOnce, len(lost)) {
		all.Go(func() {
			for p := range queue {
				err := s.recover(ctx, p)
				if errors.Is(err, core.ErrNotOffered) || errors.Is(err, core.ErrUnavailable) {
					stop() // nor does it tell of the others
				}
				failed.add(p, err)
			}
		})
	}
	done := 0
	for enough.Err() == nil && done < len(lost) {
		select {
		case queue <- lost[done]:
			done++
		case <-enough.Done():
		}
	}
	close(queue)
	all.Wait()
	if done > 0 && (done < len(lost) || done == sweepBatch) {
		next = Place{HandedAt: lost[done-1].HandedAt, ID: lost[done-1].ID}
	}
	return failed.err()
}

// failures are those of one Sweep: all have mostly one cause, so the first one is told.
type failures struct {
	mu    sync.Mutex
	first error
	n     int
}

func (f *failures) add(p Payment, err error) {
	if err == nil || errors.Is(err, errOvertaken) || errors.Is(err, core.ErrNotOffered) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.first == nil {
		f.first = fmt.Errorf("payment %s: %w", p.ID, err)
	}
}

func (f *failures) err() error {
	if f.n > 1 {
		return fmt.Errorf("%w (and %d more)", f.first, f.n-1)
	}
	return f.first
}

// recover finds out what became of p.
func (s *Service) recover(ctx context.Context, p Payment) error {
	if p.Session == "" {
		return nil
	}
	u, err := s.ask(ctx, p, p.Session)
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
	cause, err := s.hand(ctx, s.Banks[p.Bank], p, a, Start{})
	if cause == nil || errors.Is(cause, core.ErrUnavailable) { // it is asked again, in a while
		return err
	}
	return s.Authorisations.Handed(ctx, a, nil, cause)
}
