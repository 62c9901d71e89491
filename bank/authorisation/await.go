package authorisation

import (
	"context"
	"sync"
	"time"
)

// pollEvery is how often Await looks at the store: an event may have reached another
// process of the hub, which cannot wake this one.
const pollEvery = 100 * time.Millisecond

// Await waits until a has the bank's page, where it needs one, or an end, and for at most
// limit. It returns a as it then stands; that nothing came in time is not an error.
func (s *Service) Await(ctx context.Context, bank, id string, limit time.Duration) (Authorisation, error) {
	return s.await(ctx, bank, id, limit, func(a Authorisation) bool { return a.Approach != Redirect || a.BankURL != "" || a.Status.Final() })
}

// AwaitEnd waits until a has ended, and for at most limit: a PSU may come back before the
// bank has told how it went.
func (s *Service) AwaitEnd(ctx context.Context, bank, id string, limit time.Duration) (Authorisation, error) {
	return s.await(ctx, bank, id, limit, func(a Authorisation) bool { return a.Status.Final() })
}

// AwaitBack is AwaitEnd for a PSU who comes back: what is still to be confirmed is hers to bring
// to the TPP.
func (s *Service) AwaitBack(ctx context.Context, bank, id string, limit time.Duration) (Authorisation, error) {
	return s.await(ctx, bank, id, limit, func(a Authorisation) bool { return a.Status.Final() || a.Status == Unconfirmed })
}

func (s *Service) await(ctx context.Context, bank, id string, limit time.Duration, enough func(Authorisation) bool) (Authorisation, error) {
	ring, leave := s.waiting.join(bank, id)
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		a, err := s.Store.Get(context.WithoutCancel(ctx), bank, id)
		if err != nil {
			return a, err
		}
		if a = a.At(s.Now()); enough(a) {
			return a, nil
		}
		select {
		case <-ring:
		case <-tick.C:
		case <-ctx.Done():
			return a, nil
		}
	}
}

// waiting wakes those who wait in this process. The zero value is ready.
type waiting struct {
	mu    sync.Mutex
	rings map[waitKey]chan struct{}
}

type waitKey struct{ bank, id string }

func (w *waiting) join(bank, id string) (ring <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rings == nil {
		w.rings = map[waitKey]chan struct{}{}
	}
	k := waitKey{bank, id}
	c, ok := w.rings[k]
	if !ok {
		c = make(chan struct{}, 1)
		w.rings[k] = c
	}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.rings[k] == c {
			delete(w.rings, k)
		}
	}
}

func (w *waiting) wake(bank, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.rings[waitKey{bank, id}]; ok {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
