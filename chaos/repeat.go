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

// copies is how many make the same request at once.
const copies = 64

// repeatTogether makes each of count requests many times at once, and once more with another
// body: the first may have one effect, the second none.
func (l *load) repeatTogether(ctx context.Context, count int, r *report) error {
	for n := range count {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p := l.payers[n%len(l.payers)]
		o := p.order()
		same := make([]payment, copies)
		errs := make([]error, copies)
		var all sync.WaitGroup
		for i := range same {
			same[i] = *o
			all.Go(func() { errs[i] = p.patiently(ctx, &same[i]) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("the same request, made %d times at once: %w", copies, err)
		}
		*o = same[0]
		if o.sca != "" {
			if err := p.approve(ctx, o, approved, o.sca); err != nil {
				return fmt.Errorf("approve %s: %w", o.name, err)
			}
		}
		status, body, err := p.call(ctx, http.MethodPost, l.at(o.service), p.token, o.request, strings.Replace(o.body, `"0.01"`, `"0.02"`, 1))
		if err != nil {
			return err
		}
		if status != http.StatusBadRequest && status != http.StatusConflict {
			r.violate("R-IDEM", "%s: the same X-Request-ID with another amount was answered %d: %.200s", o.name, status, body)
		}
		r.repeated++
	}
	return nil
}

// patiently asks for o until it is answered.
func (p *payer) patiently(ctx context.Context, o *payment) error {
	var err error
	for range 20 {
		if err = p.ask(ctx, o); err == nil || errors.Is(err, errWrong) || ctx.Err() != nil {
			return nil // what is wrong stands in the journal
		}
		pause(ctx, 100*time.Millisecond)
	}
	return err
}

// askAgain repeats, when everything runs again, requests that were never answered although
// the hub had taken them, and some that were: each must be answered with the payment that
// there is. Those that never arrived are left alone.
func (l *load) askAgain(ctx context.Context, r *report) error {
	known, err := readJournal(l.s.journal.path())
	if err != nil {
		return err
	}
	db, err := open(l.s.hubDB)
	if err != nil {
		return err
	}
	defer db.Close()
	byRequest := map[string]string{}
	rows, err := db.QueryContext(ctx, `SELECT request_id, id FROM payment WHERE request_id IS NOT NULL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var request, id string
		if err := rows.Scan(&request, &id); err != nil {
			return err
		}
		byRequest[request] = id
	}
	if err := rows.Err(); err != nil {
		return err
	}
	samples := 0
	for _, a := range known.payments {
		if len(a.requests) != 1 {
			continue
		}
		id, there := byRequest[a.requests[0]]
		if len(a.ids) > 0 {
			r.acknowledged++
			if samples++; samples > 100 || !there {
				continue
			}
		} else {
			r.unanswered++
			if !there {
				r.absent++
				continue
			}
		}
		p, o := l.again(a)
		if p == nil {
			continue
		}
		if err := p.patiently(ctx, o); err != nil {
			r.violate("I3", "%s: request %s is not answered when it is made again: %v", a.name, a.requests[0], err)
			continue
		}
		if o.id != id {
			r.violate("I3", "%s: request %s made payment %s, and was answered with %q when it was made again", a.name, a.requests[0], id, o.id)
		}
		if len(a.ids) == 0 {
			r.found++
		}
	}
	return nil
}

// again finds the order that a tells of, and whose it is.
func (l *load) again(a *account) (*payer, *payment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.orders[a.name]
	if !ok {
		return nil, nil
	}
	copied := *o.payment
	copied.id, copied.sca = "", ""
	return o.payer, &copied
}
