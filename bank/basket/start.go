package basket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// handMax bounds how long the bank may take to answer.
const handMax = 30 * time.Second

// StartAuthorisation begins SCA of a basket of t's, and hands all of its members to the bank
// at once. It is ErrStatus where that was done before, and ErrReference when a member can no
// longer be authorised. A request that t made before has no further effect. When the bank
// could not be reached, the TPP may start again as long as there is time; when it refuses, the
// basket is rejected and its members are free.
func (s *Service) StartAuthorisation(
	ctx context.Context, b profile.Bank, t tpp.TPP, id string, r payment.Start,
) (authorisation.Authorisation, error) {
	none := authorisation.Authorisation{}
	k, err := s.Get(ctx, b, t.ID, id)
	if err != nil {
		return none, err
	}
	digest := authorisation.Digest(id, r.Body)
	if first, found, err := s.startedBefore(ctx, b, t, r, digest); found || err != nil {
		return first, err
	}
	approach, oauth := r.SCA.Choose(b.Profile)
	a := s.Authorisations.New(authorisation.Start{
		Bank: b.Code, Kind: authorisation.OfBasket, Subject: id, TPP: k.TPP, Approach: approach, OAuth: oauth,
		RedirectURI: r.RedirectURI, NokRedirectURI: r.NokRedirectURI, PSU: r.UserID, Confirm: b.Confirms(), Timeout: b.SCATimeout,
	})
	a.RequestID, a.Digest = r.RequestID, digest
	if approach == authorisation.Embedded {
		if err := s.noChoice(ctx, k); err != nil {
			return none, err
		}
	}
	if a.ExpiresAt, err = s.latest(ctx, k, a.ExpiresAt); err != nil {
		return none, err
	}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(k, string(t.ID), "basket.startAuthorisation", r.RequestID)); err != nil {
			return err
		}
		// The basket comes first: others who start at the same moment see what this one has begun.
		if err := s.update(ctx, b.Code, id, func(old Basket) (_ Basket, err error) {
			k, err = old.Send(s.Now(), a.Session)
			return k, err
		}); err != nil {
			return err
		}
		if err := s.sendIn(ctx, k, a); err != nil {
			return err
		}
		if err := s.Notify.Subscribe(ctx, subscription(k, a.ID, r.Notification)); err != nil {
			return err
		}
		return s.Authorisations.Store.Create(ctx, a)
	})
	if errors.Is(err, ErrStatus) || errors.Is(err, authorisation.ErrRepeated) {
		if first, found, ferr := s.startedBefore(ctx, b, t, r, digest); found || ferr != nil {
			return first, ferr
		}
	}
	if err != nil {
		return none, err
	}
	if err := s.hand(ctx, b, k, a, r); err != nil {
		return none, err
	}
	return s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait)
}

// startedBefore finds the authorisation that the same request started.
func (s *Service) startedBefore(
	ctx context.Context, b profile.Bank, t tpp.TPP, r payment.Start, digest [32]byte,
) (a authorisation.Authorisation, found bool, err error) {
	a, found, err = s.Authorisations.StartedBefore(ctx, b.Code, t.ID, r.RequestID, digest, b.FirstUpdateWait)
	if errors.Is(err, authorisation.ErrOther) {
		err = &FieldError{"X-Request-ID", "was used for another authorisation", ErrRequest}
	}
	return a, found, err
}

// noChoice refuses k where the PSU would have to choose accounts of a consent at her bank.
func (s *Service) noChoice(ctx context.Context, k Basket) error {
	return each(k.Consents, func(i int, id string) error {
		c, err := s.Consents.Store.Get(ctx, k.Bank, id)
		if err == nil && c.Model == consent.BankOffered {
			err = &FieldError{at("consentIds", i), "is one whose accounts the customer chooses at her bank, which the embedded approach has no place for", consent.ErrNotOffered}
		}
		return err
	})
}

// latest returns end, or the moment before at which one of k's members would be over; k itself
// lives longer than they do.
func (s *Service) latest(ctx context.Context, k Basket, end time.Time) (time.Time, error) {
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(end) {
			end = t
		}
	}
	for _, id := range k.Payments {
		p, err := s.Payments.Store.Outline(ctx, k.Bank, id)
		if err != nil {
			return end, err
		}
		sooner(p.AuthoriseBy)
	}
	for _, id := range k.Consents {
		c, err := s.Consents.Store.Get(ctx, k.Bank, id)
		if err != nil {
			return end, err
		}
		sooner(c.EndsAt())
	}
	return end, nil
}

// sendIn notes of every member that it is about to be handed over.
func (s *Service) sendIn(ctx context.Context, k Basket, a authorisation.Authorisation) error {
	err := each(k.Payments, func(i int, id string) error {
		return refused(at("paymentIds", i), s.Payments.SendIn(ctx, id, k.ID, a))
	})
	if err != nil {
		return err
	}
	return each(k.Consents, func(i int, id string) error {
		return refused(at("consentIds", i), s.Consents.SendIn(ctx, id, k.ID, a))
	})
}

// hand hands k, which is stored as Sending, to the bank. It goes on when the TPP hangs up:
// what becomes of the members must not depend on that. That nobody knows whether the bank took
// k is no error.
func (s *Service) hand(ctx context.Context, b profile.Bank, k Basket, a authorisation.Authorisation, r payment.Start) error {
	ctx = context.WithoutCancel(ctx)
	o := core.BasketOrder{
		Session: a.Session, BasketID: k.ID, TPP: string(k.TPP), AppName: cmp.Or(r.Brand, k.TPPName), ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
		UserID: a.PSU, PSU: r.PSU, SCA: r.SCA.By(a),
	}
	for _, id := range k.Payments {
		p, err := s.Payments.Order(ctx, b.Code, id)
		if err != nil {
			return err
		}
		o.Payments = append(o.Payments, p)
	}
	for _, id := range k.Consents {
		c, err := s.Consents.AccessRequest(ctx, b, id)
		if err != nil {
			return err
		}
		o.Accesses = append(o.Accesses, c)
	}
	limited, cancel := context.WithTimeout(ctx, handMax)
	defer cancel()
	u, cause := s.Cores[b.Code].StartBasket(limited, o)
	switch {
	case cause == nil:
		if err := s.taken(ctx, k); err != nil || u == nil {
			return err
		}
		return s.Authorisations.Handed(ctx, a, u, nil)
	case !core.NotTaken(cause):
		s.Log.WarnContext(ctx, "signing basket is uncertain", "bank", b.Code, "basket", k.ID, "err", cause)
		return nil
	}
	s.Log.WarnContext(ctx, "signing basket not taken", "bank", b.Code, "basket", k.ID, "err", cause)
	again := errors.Is(cause, core.ErrUnavailable)
	switch err := s.notTaken(ctx, k, again); {
	case errors.Is(err, errOvertaken): // a report of the bank says more than its answer
		return nil
	case err != nil:
		return err
	case again, errors.Is(cause, core.ErrNotOffered):
		return cause
	}
	return core.ErrRefused
}

// errOvertaken says that a basket has moved on in the meantime.
var errOvertaken = errors.New("signing basket changed in the meantime")

// taken notes that the bank has k, though it may have had nothing to say.
func (s *Service) taken(ctx context.Context, k Basket) error {
	return s.Atomically(ctx, func(ctx context.Context) error {
		err := s.update(ctx, k.Bank, k.ID, func(k Basket) (Basket, error) { k.Hand = payment.Taken; return k, nil })
		if err != nil {
			return err
		}
		return each(k.Payments, func(_ int, id string) error { return s.Payments.TakenIn(ctx, k.Bank, id) })
	})
}

// notTaken takes back that k was handed over, for the bank certainly does not have it. again:
// SCA can be started once more; else k is rejected, and its members are free.
func (s *Service) notTaken(ctx context.Context, k Basket, again bool) error {
	cause := core.ErrUnavailable
	return s.Atomically(ctx, func(ctx context.Context) error {
		err := s.update(ctx, k.Bank, k.ID, func(stored Basket) (Basket, error) {
			if stored.Hand != payment.Sending || stored.Session != k.Session || stored.Status != Received {
				return stored, errOvertaken
			}
			return stored.NotTaken(again), nil
		})
		if err != nil {
			return err
		}
		err = each(k.Payments, func(_ int, id string) error { return s.Payments.TakeBack(ctx, k.Bank, id) })
		if err == nil {
			err = each(k.Consents, func(_ int, id string) error { return s.Consents.TakeBack(ctx, k.Bank, id) })
		}
		if err == nil && !again {
			err = s.leave(ctx, k)
		}
		if err != nil {
			return err
		}
		a, err := s.handed(ctx, k)
		if err != nil {
			return err
		}
		return errors.Join(s.Authorisations.Handed(ctx, a, nil, cause), s.Authorisations.Free(ctx, a))
	})
}

// handed returns the authorisation under whose session k was handed over.
func (s *Service) handed(ctx context.Context, k Basket) (authorisation.Authorisation, error) {
	all, err := s.Authorisations.List(ctx, k.Bank, authorisation.OfBasket, k.ID)
	for _, a := range all {
		if a.Session == k.Session {
			return a, err
		}
	}
	if err == nil {
		err = fmt.Errorf("signing basket %s: no authorisation has its session", k.ID)
	}
	return authorisation.Authorisation{}, err
}

// sessions calls do with the session of each member that the bank has.
func (s *Service) sessions(ctx context.Context, k Basket, do func(session string) error) error {
	err := each(k.Payments, func(_ int, id string) error {
		p, err := s.Payments.Store.Outline(ctx, k.Bank, id)
		if err != nil || p.Session == "" || p.Basket != k.ID {
			return err
		}
		return do(p.Session)
	})
	if err != nil {
		return err
	}
	return each(k.Consents, func(_ int, id string) error {
		c, err := s.Consents.Store.Get(ctx, k.Bank, id)
		if err != nil || c.Session == "" || c.Basket != k.ID || c.Status == consent.Valid {
			return err
		}
		return do(c.Session)
	})
}
