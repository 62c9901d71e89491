package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kontor/bank/tpp"
)

// ErrOvertaken is for a Store to say that a notice has changed since it was read.
var ErrOvertaken = errors.New("somebody else has this notice")

// A Store keeps subscriptions and notices. Package notifytest says in tests what these words
// mean.
type Store interface {
	// Subscribe keeps sub in the place of an earlier one of its resource.
	Subscribe(ctx context.Context, sub Subscription) error
	// Subscribed finds the subscription of a resource; ok is false where there is none.
	Subscribed(ctx context.Context, bank string, kind Kind, resource string) (sub Subscription, ok bool, err error)
	// Forget removes the subscription of a resource and all its notices.
	Forget(ctx context.Context, bank string, kind Kind, resource string) error
	// Queue stores n and gives it the next serial of its resource.
	Queue(ctx context.Context, n Notice) error
	// Due lists notices that can be tried at now, the longest due first: the earliest of its
	// resource that is not done, in nobody's lease, and of one TPP no more than perTPP.
	Due(ctx context.Context, now time.Time, perTPP, limit int) ([]Notice, error)
	// Replace stores n, provided that it is as old as Version says. Otherwise it is
	// ErrOvertaken.
	Replace(ctx context.Context, n Notice) error
	// Failing lists notices of a bank that were dropped, or whose last attempt failed, the
	// newest first.
	Failing(ctx context.Context, bank string, limit int) ([]Notice, error)
	// Clear removes what was delivered before delivered, and what was dropped before dropped.
	Clear(ctx context.Context, delivered, dropped time.Time) error
}

// A Service applies the rules to stored notices. A nil Service tells nobody anything, so
// that nouns need not know whether there is one.
type Service struct {
	Store Store
	// Deliver sends a body to a TPP once: bank says whose seal goes with it. It returns in
	// attemptMax, or it was no success. Its error may be shown to the bank's staff.
	Deliver func(ctx context.Context, bank, uri, id string, body []byte) error
	Now     func() time.Time
	NewID   func() string // UUIDs
	Log     *slog.Logger

	underWay sync.WaitGroup
	mu       sync.Mutex
	busy     map[tpp.ID]int // attempts under way
	all      int
}

const (
	attemptMax = 15 * time.Second
	// leaseTime leaves an attempt time to be noted, so that nobody else begins before.
	leaseTime = time.Minute
	// Attempts that one process makes at once: a TPP that lets us wait must not keep the others.
	atOnceMax    = 64
	perTPPMax    = 8
	deliveredFor = 7 * 24 * time.Hour
	droppedFor   = 90 * 24 * time.Hour
)

// Subscribe keeps the wish of sub, in the transaction of ctx. The zero Wish changes nothing.
func (s *Service) Subscribe(ctx context.Context, sub Subscription) error {
	if s == nil || sub.Wish.IsZero() {
		return nil
	}
	return s.Store.Subscribe(ctx, sub)
}

// Forget takes back what was subscribed and queued of a resource that its TPP never got to
// know of, in the transaction of ctx.
func (s *Service) Forget(ctx context.Context, bank string, kind Kind, resource string) error {
	if s == nil {
		return nil
	}
	return s.Store.Forget(ctx, bank, kind, resource)
}

// Event queues e for whoever wants to know, in the transaction of ctx.
func (s *Service) Event(ctx context.Context, e Event) error {
	if s == nil {
		return nil
	}
	sub, ok, err := s.Store.Subscribed(ctx, e.Bank, e.Kind, e.Resource)
	if err != nil || !ok || !e.wanted(sub.Content) {
		return err
	}
	body, err := e.body()
	if err != nil {
		return err
	}
	now := s.Now()
	return s.Store.Queue(ctx, Notice{
		Bank: e.Bank, Kind: e.Kind, Resource: e.Resource, ID: s.NewID(), TPP: sub.TPP, Body: body, CreatedAt: now, NextAt: now,
	})
}

// Send begins to deliver what is due and does not wait for it: one TPP that is slow must not
// delay the others. Wait does.
func (s *Service) Send(ctx context.Context) error {
	room := s.room()
	if room == 0 {
		return nil
	}
	due, err := s.Store.Due(ctx, s.Now(), perTPPMax, room)
	for _, n := range due {
		if !s.enter(n.TPP) {
			continue
		}
		n = n.leased(s.Now().Add(leaseTime))
		if lerr := s.Store.Replace(ctx, n); lerr != nil {
			s.leave(n.TPP)
			if !errors.Is(lerr, ErrOvertaken) {
				err = errors.Join(err, lerr)
			}
			continue
		}
		n.Version++
		s.underWay.Go(func() {
			defer s.leave(n.TPP)
			s.attempt(ctx, n)
		})
	}
	return err
}

// Wait waits for the attempts that are under way.
func (s *Service) Wait() { s.underWay.Wait() }

// attempt tries n, of which this process has the lease, once.
func (s *Service) attempt(ctx context.Context, n Notice) {
	failure := ""
	if err := s.deliver(ctx, n); err != nil {
		if ctx.Err() != nil {
			return // the end of the process is no fault of the TPP; the lease runs out
		}
		failure = short(err.Error())
	}
	next := n.Tried(s.Now(), failure)
	// What was delivered is noted even when the process is asked to end just then.
	err := s.Store.Replace(context.WithoutCancel(ctx), next)
	log := s.Log.With("bank", n.Bank, "kind", string(n.Kind), "resource", n.Resource, "serial", n.Serial, "tpp", string(n.TPP))
	switch {
	case err != nil && !errors.Is(err, ErrOvertaken):
		log.WarnContext(ctx, "an attempt to notify could not be noted; it is made again", "err", err)
	case next.Dropped:
		log.WarnContext(ctx, "notification dropped", "attempts", next.Attempts, "err", failure)
	case failure != "":
		log.InfoContext(ctx, "notification not delivered; it is tried again", "attempts", next.Attempts, "at", next.NextAt, "err", failure)
	}
}

func (s *Service) deliver(ctx context.Context, n Notice) (err error) {
	if n.URI == "" {
		return errors.New("nobody wants to know any more")
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, attemptMax)
	defer cancel()
	return s.Deliver(ctx, n.Bank, n.URI, n.ID, n.Body)
}

// List shows the bank's staff which notices were dropped and which fail, newest first.
func (s *Service) List(ctx context.Context, bank string, limit int) ([]Notice, error) {
	return s.Store.Failing(ctx, bank, limit)
}

// Sweep removes notices that nobody asks for any more.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Now()
	return s.Store.Clear(ctx, now.Add(-deliveredFor), now.Add(-droppedFor))
}

// room says how many attempts can still be begun.
func (s *Service) room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return atOnceMax - s.all
}

// enter counts an attempt; false: there are enough of this TPP.
func (s *Service) enter(t tpp.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy == nil {
		s.busy = map[tpp.ID]int{}
	}
	if s.busy[t] >= perTPPMax {
		return false
	}
	s.busy[t]++
	s.all++
	return true
}

func (s *Service) leave(t tpp.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.busy[t]--; s.busy[t] == 0 {
		delete(s.busy, t)
	}
}

// short keeps a stranger's words from filling the table.
func short(text string) string {
	const bytesMax = 300
	for i := range text {
		if i >= bytesMax {
			return text[:i] + "…"
		}
	}
	return text
}
