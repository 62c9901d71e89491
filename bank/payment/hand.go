package payment

import (
	"cmp"
	"context"
	"errors"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
)

// handMax bounds how long the bank may take to answer.
const handMax = 30 * time.Second

// hand hands p, which is stored as Sending, to the bank. It goes on when the TPP hangs up:
// what becomes of the payment must not depend on that. again says that the TPP may start SCA
// once more when the bank could not be reached; otherwise p is rejected then.
func (s *Service) hand(ctx context.Context, b profile.Bank, p Payment, a authorisation.Authorisation, psu core.PSUContext, again bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handMax)
	defer cancel()
	u, cause := s.Cores[b.Code].StartPayment(ctx, core.PaymentOrder{
		Session: a.Session, PaymentID: p.ID, TPP: string(p.TPP), AppName: cmp.Or(p.Brand, p.TPPName), ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
		Service: p.Service, Product: p.Product, UserID: p.PSU, PSU: psu, RejectNoFunds: p.RejectNoFunds,
		Payment: p.Order, Bulk: p.Bulk, Periodic: p.Periodic,
	})
	ctx = context.WithoutCancel(ctx) // the bank's time may be used up, what it said must be kept
	if cause == nil && u != nil {
		return s.Authorisations.Handed(ctx, a, u, nil)
	}
	if cause == nil {
		return s.Store.Update(ctx, b.Code, p.ID, func(p Payment) (Payment, error) { p.Hand = Taken; return p, nil })
	}
	s.Log.WarnContext(ctx, "payment not taken", "bank", b.Code, "payment", p.ID, "certain", certain(cause), "err", cause)
	if !certain(cause) {
		return nil
	}
	taken := false
	again = again && errors.Is(cause, core.ErrUnavailable)
	err := s.Atomically(ctx, func(ctx context.Context) error {
		if again {
			if err := s.Store.Update(ctx, b.Code, p.ID, func(p Payment) (Payment, error) {
				if p.Hand == Sending {
					p.Hand, p.Session = Kept, ""
				}
				return p, nil
			}); err != nil {
				return err
			}
		}
		if err := s.Authorisations.Handed(ctx, a, nil, cause); err != nil {
			return err
		}
		return s.Store.Update(ctx, b.Code, p.ID, func(p Payment) (Payment, error) {
			taken = p.Status != Rejected && p.Hand != Kept // a report of the bank says more than its answer
			return p.NotTaken(), nil
		})
	})
	switch {
	case err != nil || taken:
		return err
	case errors.Is(cause, core.ErrUnavailable), errors.Is(cause, core.ErrNotOffered):
		return cause
	}
	return ErrFailed
}

// certain says whether cause rules out that the bank took the payment. An answer that makes
// no sense does not: the bank may have understood us better than we it.
func certain(cause error) bool {
	return !errors.Is(cause, core.ErrUnknownOutcome) &&
		(errors.Is(cause, core.ErrUnavailable) || errors.Is(cause, core.ErrRefused) || errors.Is(cause, core.ErrNotOffered))
}
