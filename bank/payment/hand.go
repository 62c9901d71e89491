package payment

import (
	"cmp"
	"context"
	"errors"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/profile"
)

// handMax bounds how long the bank may take to answer.
const handMax = 30 * time.Second

// hand hands p, which is stored as Sending, to the bank. It goes on when the TPP hangs up:
// what becomes of the payment must not depend on that. cause says why the bank certainly did
// not take p; that nobody knows is no error.
func (s *Service) hand(ctx context.Context, b profile.Bank, p Payment, a authorisation.Authorisation, psu core.PSUContext) (cause, err error) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), handMax)
	defer cancel()
	u, cause := s.Cores[b.Code].StartPayment(limited, core.PaymentOrder{
		Session: a.Session, PaymentID: p.ID, TPP: string(p.TPP), AppName: cmp.Or(p.Brand, p.TPPName), ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
		Service: p.Service, Product: p.Product, UserID: p.PSU, PSU: psu, RejectNoFunds: p.RejectNoFunds,
		Payment: p.Order, Bulk: p.Bulk, Periodic: p.Periodic,
	})
	ctx = context.WithoutCancel(ctx) // the bank's time may be used up, what it said must be kept
	switch {
	case cause == nil && u != nil:
		return nil, s.Authorisations.Handed(ctx, a, u, nil)
	case cause == nil:
		return nil, s.taken(ctx, p)
	}
	s.Log.WarnContext(ctx, "payment not taken", "bank", b.Code, "payment", p.ID, "certain", certain(cause), "err", cause)
	if !certain(cause) {
		return nil, nil
	}
	return cause, nil
}

// taken notes that the bank has p, though it may have had nothing to say.
func (s *Service) taken(ctx context.Context, p Payment) error {
	return s.update(ctx, p.Bank, p.ID, func(stored Payment) (Payment, error) {
		if stored.Session == p.Session { // else it was handed over anew since
			stored.Hand = Taken
		}
		return stored, nil
	})
}

// certain says whether cause rules out that the bank took the payment. An answer that makes
// no sense does not: the bank may have understood us better than we it.
func certain(cause error) bool {
	return !errors.Is(cause, core.ErrUnknownOutcome) &&
		(errors.Is(cause, core.ErrUnavailable) || errors.Is(cause, core.ErrRefused) || errors.Is(cause, core.ErrNotOffered))
}

// notTaken rejects a new payment that the bank did not take, and forgets the request of the
// TPP, which never got to know of it. It returns nil when a report of the bank says more
// than its answer.
func (s *Service) notTaken(ctx context.Context, p Payment, a authorisation.Authorisation, cause error) error {
	rejected := false
	err := s.Atomically(context.WithoutCancel(ctx), func(ctx context.Context) error {
		if err := s.Authorisations.Handed(ctx, a, nil, cause); err != nil {
			return err
		}
		err := s.update(ctx, p.Bank, p.ID, func(p Payment) (Payment, error) {
			rejected = p.Status == Rejected
			return p.NotTaken(), nil
		})
		if err != nil || !rejected {
			return err
		}
		return s.Notify.Forget(ctx, p.Bank, notify.OfPayment, p.ID)
	})
	if err != nil || !rejected {
		return err
	}
	return told(cause)
}

// notStarted takes back the start of SCA of a payment that the bank did not take. The TPP may
// start again where the bank could only not be reached; else the payment is rejected.
func (s *Service) notStarted(ctx context.Context, p Payment, a authorisation.Authorisation, cause error) error {
	err := s.Atomically(context.WithoutCancel(ctx), func(ctx context.Context) error {
		if errors.Is(cause, core.ErrUnavailable) {
			if err := s.update(ctx, p.Bank, p.ID, func(p Payment) (Payment, error) {
				if p.Hand == Sending {
					p.Hand, p.Session = Kept, ""
				}
				return p, nil
			}); err != nil {
				return err
			}
		}
		return errors.Join(s.Authorisations.Handed(ctx, a, nil, cause), s.free(ctx, a))
	})
	return cmp.Or(err, told(cause))
}

// told is what of cause a TPP is told.
func told(cause error) error {
	if errors.Is(cause, core.ErrUnavailable) || errors.Is(cause, core.ErrNotOffered) {
		return cause
	}
	return ErrFailed
}
