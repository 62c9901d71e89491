package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// foundMax is how long the hub may take to find out what became of a payment whose answer
	// was lost. It may not ask before nobody can still be handing it over.
	foundMax = 2 * time.Minute
	// burst is how many payments a customer makes at once: as many as the bank executes
	// without a code between two that need one.
	burst = 5
)

// loseAnswers has payments executed whose answer, and whose reports, never reach the hub. It
// must neither hand them over once more nor forget them, and find out by asking.
func (l *load) loseAnswers(ctx context.Context, count int, r *report) error {
	if count == 0 {
		return nil
	}
	// From here on hub and bank find each other through the wires.
	s := l.s
	if err := errors.Join(s.stop(), s.connect(s.toBank.address(), s.toHub.address()), s.start()); err != nil {
		return err
	}
	l.idle()
	defer func() {
		s.toBank.breakFor(nil)
		s.toHub.breakFor(nil)
	}()
	// Each customer once: what is executed without a code is counted for her.
	payers := map[string]*payer{}
	for _, p := range l.payers {
		payers[p.who.Login] = p
	}
	var finding sync.WaitGroup
	defer finding.Wait()
	var done atomic.Int64
	for done.Load() < int64(count) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.toBank.breakFor(nil)
		if err := together(payers, func(p *payer) error { return p.payWithCode(ctx) }); err != nil {
			return err
		}
		s.toBank.breakFor(isNewPayment)
		// Nothing that the bank says of a session whose answer was lost gets through.
		s.toHub.breakFor(func(_ *http.Request, session string) fault {
			if s.toBank.hasLost(session) {
				return before
			}
			return none
		})
		err := together(payers, func(p *payer) error {
			var round sync.WaitGroup
			errs := make([]error, burst)
			for i := range burst {
				round.Go(func() {
					o := p.order()
					begun := time.Now()
					if errs[i] = p.patiently(ctx, o); errs[i] == nil {
						done.Add(1)
						finding.Go(func() { unheard{p, o, begun}.await(ctx, r) })
					}
				})
			}
			round.Wait()
			return errors.Join(errs...)
		})
		if err != nil {
			return fmt.Errorf("payments whose answer is lost: %w", err)
		}
	}
	finding.Wait() // the hub can ask all the time, though it hears of nothing by itself
	r.ambiguous, r.cut = int(done.Load()), s.toBank.lost()
	return ctx.Err()
}

// An unheard payment is one whose answer was lost.
type unheard struct {
	payer   *payer
	payment *payment
	begun   time.Time
}

// await waits until the hub knows what became of u.
func (u unheard) await(ctx context.Context, r *report) {
	for ctx.Err() == nil {
		err := u.payer.look(ctx, u.payment)
		switch {
		case err == nil && u.payment.status == "ACSC":
			r.mu.Lock()
			r.finding = append(r.finding, time.Since(u.begun))
			r.mu.Unlock()
			return
		case time.Since(u.begun) > foundMax:
			r.violate("R-AMBIG", "%s: payment %s, whose answer was lost, is %s after %s (%v)", u.payment.name, u.payment.id, u.payment.status, foundMax, err)
			return
		}
		pause(ctx, time.Second)
	}
}

// together has every payer do something at the same time.
func together(payers map[string]*payer, do func(*payer) error) error {
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, p := range payers {
		all.Go(func() {
			if err := do(p); err != nil {
				mu.Lock()
				errs = append(errs, fmt.Errorf("%s: %w", p.who.Login, err))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// payWithCode pays until a payment needs a code, and has the customer give it: after that the
// bank executes some without.
func (p *payer) payWithCode(ctx context.Context) error {
	for range 2 * burst {
		o := p.order()
		if err := p.patiently(ctx, o); err != nil {
			return err
		}
		if o.sca != "" {
			return p.approve(ctx, o, approved, o.sca)
		}
	}
	return errors.New("no payment needs a code")
}

func isNewPayment(r *http.Request, _ string) fault {
	if r.Method == http.MethodPost && slices.Contains(strings.Split(r.URL.Path, "/"), "payments") {
		return after
	}
	return none
}
