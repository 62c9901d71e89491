package payment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// StartAuthorisation begins SCA of a payment of t's that was created for that, and hands it
// to the bank. It is ErrStatus where SCA has begun before: a bank takes a payment once. A
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
	digest := r.digest(id)
	if first, found, err := s.startedBefore(ctx, b, t, r, digest); found || err != nil {
		return first, err
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
		if err := s.Store.Update(ctx, b.Code, id, func(old Payment) (Payment, error) {
			if now := old.At(s.Now()); now.Hand != Kept || now.Status != Received {
				return old, fmt.Errorf("%w: it is %s, and its authorisation was started", ErrStatus, now.Status)
			}
			old = old.Send(s.Now(), a.Session)
			old.PSU = cmp.Or(r.UserID, old.PSU)
			p.Hand, p.Session, p.HandedAt, p.PSU = old.Hand, old.Session, old.HandedAt, old.PSU
			return old, nil
		}); err != nil {
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
	if err := s.hand(ctx, b, p, a, r.PSU, true); err != nil {
		return none, errors.Join(err, s.free(ctx, a))
	}
	return s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait)
}

// digest tells one request about the payment with this ID from another.
func (r Start) digest(id string) [32]byte {
	return sha256.Sum256(slices.Concat([]byte(id), []byte{0}, r.Body))
}

// free lets the request that started a be made again: the bank did not take it.
func (s *Service) free(ctx context.Context, a authorisation.Authorisation) error {
	return s.Authorisations.Store.Update(context.WithoutCancel(ctx), a.Bank, a.ID, func(a authorisation.Authorisation) (authorisation.Authorisation, error) {
		a.RequestID = ""
		return a, nil
	})
}

// startedBefore finds the authorisation that the same request started.
func (s *Service) startedBefore(
	ctx context.Context, b profile.Bank, t tpp.TPP, r Start, digest [32]byte,
) (a authorisation.Authorisation, found bool, err error) {
	if r.RequestID == "" {
		return a, false, nil
	}
	a, err = s.Authorisations.Store.ByRequest(ctx, b.Code, t.ID, r.RequestID)
	switch {
	case errors.Is(err, authorisation.ErrUnknown), err == nil && !s.Now().Before(a.CreatedAt.Add(authorisation.RepeatWindow)):
		return authorisation.Authorisation{}, false, nil
	case err != nil:
		return a, false, err
	case a.Digest != digest:
		return a, false, &FieldError{"X-Request-ID", "was used for another authorisation"}
	}
	if a, err = s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait); err == nil && a.RequestID == "" {
		err = core.ErrUnavailable // the bank did not take it while this one waited
	}
	return a, err == nil, err
}

// recoverAfter is how long after a payment began to be handed over its fate counts as
// unknown: whoever handed it over has stopped waiting by then.
const recoverAfter = handMax + 30*time.Second

// Unknown lists, in outline and oldest first, the payments of which nobody knows whether the
// bank took them, for the bank's staff.
func (s *Service) Unknown(ctx context.Context, bank string, limit int) ([]Payment, error) {
	return s.Store.Unsettled(ctx, bank, s.Now().Add(-recoverAfter), limit)
}

// Sweep finds out what became of payments that were being handed over when a process ended,
// or whose bank did not answer. It asks the bank; one that it did not get is handed over
// anew. Where the bank cannot be asked, the payment waits for its reports.
func (s *Service) Sweep(ctx context.Context) (err error) {
	const batch = 50
	for code := range s.Banks {
		lost, lerr := s.Unknown(ctx, code, batch)
		err = errors.Join(err, lerr)
		for _, p := range lost {
			rerr := s.recover(ctx, p)
			if rerr == nil {
				continue
			}
			if errors.Is(rerr, core.ErrNotOffered) {
				break // nor does it tell of the others
			}
			err = errors.Join(err, fmt.Errorf("payment %s: %w", p.ID, rerr))
			if errors.Is(rerr, core.ErrUnavailable) {
				break
			}
		}
	}
	return err
}

// recover finds out what became of p.
func (s *Service) recover(ctx context.Context, p Payment) error {
	if p.Session == "" {
		return nil
	}
	u, err := s.ask(ctx, p)
	if errors.Is(err, core.ErrPaymentUnknown) {
		return s.handAnew(ctx, p)
	}
	if err != nil {
		return err
	}
	a, err := s.handed(ctx, p)
	if err != nil {
		return err
	}
	if u != nil && authorised(u) && !a.Status.Final() {
		if err := s.Authorisations.Success(ctx, p.Bank, core.Success{Session: a.Session}); err != nil {
			return err
		}
	}
	if u != nil {
		if err := s.Authorisations.Handed(ctx, a, u, nil); err != nil {
			return err
		}
	}
	// The bank has it, though it may have had nothing to say.
	return s.Store.Update(ctx, p.Bank, p.ID, func(p Payment) (Payment, error) { p.Hand = Taken; return p, nil })
}

// handed returns the authorisation under whose session p was handed over.
func (s *Service) handed(ctx context.Context, p Payment) (authorisation.Authorisation, error) {
	all, err := s.Authorisations.List(ctx, p.Bank, authorisation.OfPayment, p.ID)
	for _, a := range all {
		if a.Session == p.Session {
			return a, err
		}
	}
	return authorisation.Authorisation{}, errors.Join(err, authorisation.ErrUnknown)
}

// errOvertaken says that somebody else takes care of a payment.
var errOvertaken = errors.New("payment changed in the meantime")

// handAnew hands p over once more, because the bank has said that it did not get it, and that
// it will not take what arrives late. Therefore it has a session of its own this time. One
// that nobody waits for any more is not handed over.
func (s *Service) handAnew(ctx context.Context, p Payment) error {
	old, err := s.handed(ctx, p)
	if err != nil {
		return err
	}
	a, now := old, s.Now()
	a.Session = s.NewID()
	open := !old.Status.Final() && !p.Status.Final()
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, "hub", "payment.handAnew", "")); err != nil {
			return err
		}
		err := s.Store.Update(ctx, p.Bank, p.ID, func(stored Payment) (Payment, error) {
			if stored.Hand != Sending || !stored.HandedAt.Equal(p.HandedAt) {
				return stored, errOvertaken
			}
			if !open {
				stored.Hand, stored.Unconfirmed = Kept, false
				return stored, nil
			}
			return stored.Send(now, a.Session), nil
		})
		if err != nil || !open {
			return err
		}
		return s.Authorisations.Store.Update(ctx, a.Bank, a.ID, func(stored authorisation.Authorisation) (authorisation.Authorisation, error) {
			if stored.Status.Final() {
				return stored, errOvertaken
			}
			stored.Session = a.Session
			return stored, nil
		})
	})
	if errors.Is(err, errOvertaken) || err == nil && !open {
		return nil
	}
	if err != nil {
		return err
	}
	if p, err = s.Store.Get(ctx, p.Bank, p.ID); err != nil {
		return err
	}
	return s.hand(ctx, s.Banks[p.Bank], p, a, core.PSUContext{}, false)
}
