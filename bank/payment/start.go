package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"kontor/bank/authorisation"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// StartAuthorisation begins SCA of a payment of t's that was created for that, and hands it
// to the bank; or SCA of another PSU, where the bank waits for her signature. Else it is
// ErrStatus where SCA has begun before: a bank takes a payment once; and ErrBlocked where it belongs to a signing basket. A
// request that t made before has no further effect, as with Create. When the bank did not
// take the payment, the TPP may start again as long as there is time.
func (s *Service) StartAuthorisation(
	ctx context.Context, b profile.Bank, t tpp.TPP, service, product, id string, r Start,
) (authorisation.Authorisation, error) {
	none := authorisation.Authorisation{}
	p, err := s.Get(ctx, b, t.ID, service, product, id)
	if err != nil {
		return none, err
	}
	digest := authorisation.Digest(id, r.Body)
	if first, found, err := s.startedBefore(ctx, b, t, r, digest); found || err != nil {
		return first, err
	}
	if first, awaited, err := s.Authorisations.Awaited(ctx, b.Code, authorisation.OfPayment, id); awaited || err != nil {
		return s.sign(ctx, b, t, p, first, r, err)
	}
	a := s.authorisation(b, authorisation.OfPayment, p, r)
	a.RequestID, a.Digest = r.RequestID, digest
	if a.ExpiresAt.After(p.AuthoriseBy) {
		a.ExpiresAt = p.AuthoriseBy
	}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, string(t.ID), "payment.startAuthorisation", r.RequestID)); err != nil {
			return err
		}
		// The payment comes first: others who start at the same moment see what this one has begun.
		if err := s.update(ctx, b.Code, id, func(old Payment) (Payment, error) {
			if err := old.blocked(); err != nil {
				return old, err
			}
			if now := old.At(s.Now()); now.Hand != Kept || !now.Status.Initial() {
				return old, fmt.Errorf("%w: it is %s, and its authorisation was started", ErrStatus, now.Status)
			}
			old = old.Send(s.Now(), a.Session)
			old.PSU = cmp.Or(r.UserID, old.PSU)
			p.Hand, p.Session, p.HandedAt, p.PSU = old.Hand, old.Session, old.HandedAt, old.PSU
			return old, nil
		}); err != nil {
			return err
		}
		if err := s.Notify.Subscribe(ctx, subscription(p, a.ID, r.Notification)); err != nil {
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
	p.Brand = cmp.Or(r.Brand, p.Brand)
	cause, err := s.hand(ctx, b, p, a, r)
	if cause != nil {
		err = s.notStarted(ctx, p, a, cause)
	}
	if err != nil {
		return none, err
	}
	return s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait)
}

// startedBefore finds the authorisation that the same request started.
func (s *Service) startedBefore(
	ctx context.Context, b profile.Bank, t tpp.TPP, r Start, digest [32]byte,
) (a authorisation.Authorisation, found bool, err error) {
	a, found, err = s.Authorisations.StartedBefore(ctx, b.Code, t.ID, r.RequestID, digest, b.FirstUpdateWait)
	if errors.Is(err, authorisation.ErrOther) {
		err = &FieldError{"X-Request-ID", "was used for another authorisation"}
	}
	return a, found, err
}
