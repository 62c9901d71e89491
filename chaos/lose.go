package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// foundMax is how long the hub may take to find out what became of a payment whose answer was
// lost: it may not ask before nobody can still be handing it over.
const foundMax = 150 * time.Second

// loseAnswers has payments executed whose answer, and whose reports, never reach the hub. It
// must neither hand them over once more nor forget them, and find out by itself.
func (l *load) loseAnswers(ctx context.Context, count int, r *report) error {
	if count == 0 {
		return nil
	}
	// From here on both find each other through the wires.
	s := l.s
	if err := errors.Join(s.stop(), s.connect(s.toBank.address(), s.toHub.address()), s.start()); err != nil {
		return err
	}
	l.transport.CloseIdleConnections()
	lost := make([][]*payment, len(l.payers))
	errs := make([]error, len(l.payers))
	begun := time.Now()
	var all sync.WaitGroup
	for i, p := range l.payers {
		all.Go(func() {
			for range count/len(l.payers) + min(1, max(0, count%len(l.payers)-i)) {
				o, err := p.payUnheard(ctx)
				if err != nil {
					errs[i] = err
					return
				}
				lost[i] = append(lost[i], o)
			}
		})
	}
	// The answers to payments are lost, and so are reports to the hub that are not yet there.
	all.Wait()
	s.toBank.lose(nil)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.losing = time.Since(begun)
	deadline := time.Now().Add(foundMax)
	for i, p := range l.payers {
		for _, o := range lost[i] {
			r.ambiguous++
			for {
				err := p.look(ctx, o)
				if err == nil && (o.status == "ACSC" || o.status == "RCVD" && o.sca != "") {
					break
				}
				if time.Now().After(deadline) {
					r.violate("R-AMBIG", "%s: payment %s, whose answer was lost, is %s after %s (%v)", o.name, o.id, o.status, foundMax, err)
					break
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				pause(ctx, 200*time.Millisecond)
			}
		}
	}
	r.finding = time.Since(begun) - r.losing
	r.cut = s.toBank.lost.Load() + s.toHub.lost.Load()
	return nil
}

// payUnheard makes a payment whose answer from the bank is lost. A customer who has made too
// many without a code approves one first, so that the bank executes the next at once.
func (p *payer) payUnheard(ctx context.Context) (*payment, error) {
	s := p.l.s
	s.toBank.lose(func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/payments")
	})
	o := p.order()
	if err := p.patiently(ctx, o); err != nil {
		return nil, fmt.Errorf("%s is not answered: %w", o.name, err)
	}
	if o.sca != "" {
		if err := p.approve(ctx, o); err != nil {
			return nil, fmt.Errorf("approve %s: %w", o.name, err)
		}
	}
	return o, nil
}
