package payment

import (
	"cmp"
	"context"
	"errors"
	"strings"
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
func (s *Service) hand(ctx context.Context, b profile.Bank, p Payment, a authorisation.Authorisation, r Start) (cause, err error) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), handMax)
	defer cancel()
	o := p.order()
	o.Session, o.AppName, o.ReturnURL, o.PSU, o.SCA = a.Session, cmp.Or(p.Brand, p.TPPName), s.ReturnURL(b.Code, a.ReturnKey), r.PSU, r.SCA.By(a)
	u, cause := s.Cores[b.Code].StartPayment(limited, o)
	ctx = context.WithoutCancel(ctx) // the bank's time may be used up, what it said must be kept
	switch {
	case cause == nil && u != nil:
		return nil, s.Authorisations.Handed(ctx, a, u, nil)
	case cause == nil:
		return nil, s.taken(ctx, p)
	}
	s.Log.WarnContext(ctx, "payment not taken", "bank", b.Code, "payment", p.ID, "certain", core.NotTaken(cause), "err", cause)
	if !core.NotTaken(cause) {
		return nil, nil
	}
	return cause, nil
}

// order is what the bank is told of p, without what belongs to its SCA. The bank knows the
// product alone: whether the TPP ordered it by XML is between the TPP and the hub.
func (p Payment) order() core.PaymentOrder {
	return core.PaymentOrder{
		Session: p.Session, PaymentID: p.ID, TPP: string(p.TPP), Service: p.Service, Product: strings.TrimPrefix(p.Product, profile.XMLPrefix), UserID: p.PSU,
		RejectNoFunds: p.RejectNoFunds, Payment: p.Order, Bulk: p.Bulk, Periodic: p.Periodic,
	}
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
		return errors.Join(s.Authorisations.Handed(ctx, a, nil, cause), s.Authorisations.Free(ctx, a))
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
