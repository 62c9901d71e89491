package dashboard

import (
	"context"
	"errors"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/tpp"
)

// batch bounds what is read at once, and how many payments are cancelled by one wish: each
// of them may have to wait for the bank.
const batch = 20

// A Cancellation is what became of the wish to cancel a payment.
type Cancellation struct {
	payment.Payment
	PageURL string // the bank's page on which she approves it; "": nothing is left to do
	// Err says why it goes on: payment.ErrService, payment.ErrCancellation, payment.ErrStatus,
	// payment.ErrBlocked, core.ErrUnavailable.
	Err error
}

// An Ending is what became of the wish to end several things.
type Ending struct {
	Consents int // that ended
	Payments []Cancellation
	More     bool // there are more payments than are cancelled at once
}

// EndConsent ends one consent. One that has ended stays as it ended.
func (s *Service) EndConsent(ctx context.Context, bank, psu, id, actor string) error {
	return unknown(s.Consents.Withdraw(ctx, bank, psu, id, actor))
}

// EndPayment cancels what is to come of one payment; she comes back to back(id) where she has
// to approve it.
func (s *Service) EndPayment(ctx context.Context, bank, psu, id, actor string, back func(id string) string) (Cancellation, error) {
	p, page, err := s.Payments.Withdraw(ctx, s.Banks[bank], psu, id, back(id), actor)
	if err = unknown(err); err != nil && !told(err) {
		return Cancellation{}, err
	}
	return Cancellation{p, page, err}, nil
}

// told says whether err is fit for the PSU, and no reason not to go on with other payments.
func told(err error) bool {
	for _, known := range []error{
		payment.ErrService, payment.ErrCancellation, payment.ErrStatus, payment.ErrBlocked, core.ErrUnavailable, core.ErrMalformed, core.ErrRefused, core.ErrUnknownOutcome,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// EndAll ends everything that psu gave to t; with t empty, everything that she gave. The
// consents come first: they end at once, and a TPP shall not read on while a bank thinks
// about a payment.
func (s *Service) EndAll(ctx context.Context, bank, psu string, t tpp.ID, actor string, back func(id string) string) (Ending, error) {
	var e Ending
	q := Query{Bank: bank, PSU: psu, TPP: t, Limit: batch}
	first, err := s.List(ctx, q)
	if err != nil {
		return e, err
	}
	e.More = len(first.Payments) == batch && first.More
	if e.Consents, err = s.endConsents(ctx, q, actor); err != nil {
		return e, err
	}
	for _, p := range first.Payments {
		one, err := s.EndPayment(ctx, bank, psu, p.ID, actor, back)
		if err != nil {
			return e, err
		}
		e.Payments = append(e.Payments, one)
	}
	return e, nil
}

// endConsents goes on from the last one that it has seen, so that it comes to an end even if
// one would not.
func (s *Service) endConsents(ctx context.Context, q Query, actor string) (n int, err error) {
	for {
		all, err := s.Consents.Given(ctx, q.Bank, q.consents(batch))
		if err != nil {
			return n, err
		}
		for _, c := range all {
			if err := s.EndConsent(ctx, q.Bank, q.PSU, c.ID, actor); err != nil {
				return n, err
			}
			n++
			q.AfterConsent = c.Place()
		}
		if len(all) < batch {
			return n, nil
		}
	}
}
