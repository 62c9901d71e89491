package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// Cancellable says whether p can still be cancelled on today, and whether that is free: a
// payment that nobody has authorised needs no SCA to be cancelled. It returns
// ErrCancellation for one that has ended, or that is being executed, and ErrBlocked for one
// that waits in a signing basket.
//
// A series can be cancelled until its last payment is made; what was paid stays paid.
func (p Payment) Cancellable(today day.Day, zone *time.Location) (free bool, err error) {
	switch {
	case p.Status.Final() || p.Status.moved() && !(p.Status == InProcess && p.waits(today, zone)):
		return false, fmt.Errorf("%w: it is %s", ErrCancellation, p.Status)
	case p.blocked() != nil:
		return false, p.blocked()
	case p.Hand == Kept:
		return true, nil
	}
	return !p.AuthoriseBy.IsZero() && p.Status.before(TechnicallyAccepted), nil
}

// Cancel ends p at the wish of its TPP or, where own is true, without the bank's word. A
// payment that was executed, or ended otherwise, in the meantime stays as it is.
func (p Payment) Cancel(own bool, requestID string) Payment {
	if p.Status.leadsTo(Cancelled) {
		p.Status, p.Unconfirmed, p.AuthoriseBy = Cancelled, own, time.Time{}
		p.CancelRequest = cmp.Or(requestID, p.CancelRequest)
	}
	return p
}

// Cancel cancels a payment of t's. When the payment it returns is Cancelled, that is done.
// Otherwise the PSU has to approve it: in the authorisation that is returned, or, where that
// is nil, in one that the TPP starts by StartCancellation. Until she does the payment stays
// as it is, and the bank does not execute it.
//
// It returns ErrService where the bank cancels nothing, and ErrCancellation when it is too
// late. A cancellation that is under way already is returned again.
func (s *Service) Cancel(
	ctx context.Context, b profile.Bank, t tpp.TPP, service, product, id string, r Start,
) (Payment, *authorisation.Authorisation, error) {
	p, free, err := s.cancellable(ctx, b, t, service, product, id)
	if errors.Is(err, ErrCancellation) && p.Status == Cancelled && r.RequestID != "" && p.CancelRequest == r.RequestID {
		return p, nil, nil // this very request has cancelled it
	}
	if err != nil {
		return Payment{}, nil, err
	}
	if p.Hand == Kept {
		p, err = s.drop(ctx, p, string(t.ID), r.RequestID, false)
		return p, nil, err
	}
	if !free && b.Payments.Cancellation == profile.CancelAuthorised && b.StartsExplicitly(r.Explicit) {
		return p, nil, nil
	}
	if open, err := s.openCancellation(ctx, p); err != nil || open != nil {
		return p, open, err
	}
	if _, awaited, err := s.Authorisations.Awaited(ctx, b.Code, authorisation.OfCancellation, id); awaited || err != nil {
		return p, nil, err // by StartCancellation: one PSU has agreed, and others have to
	}
	r.Body = append([]byte("cancel\x00"), r.Body...) // another request than one that starts an authorisation
	a, err := s.askToCancel(ctx, b, t, p, r, free)
	if err != nil {
		return Payment{}, nil, err
	}
	if p, err = s.Store.Outline(ctx, b.Code, id); err != nil || p.Status == Cancelled {
		return p, nil, err
	}
	return p, &a, nil
}

// StartCancellation begins SCA of the cancellation of a payment of t's, after Cancel has left
// that to the TPP, when it has failed before, or when another PSU has to agree as well. It is
// ErrStatus while another one is under
// way, and for a payment whose cancellation needs no SCA. A request that t made before has
// no further effect.
func (s *Service) StartCancellation(
	ctx context.Context, b profile.Bank, t tpp.TPP, service, product, id string, r Start,
) (authorisation.Authorisation, error) {
	none := authorisation.Authorisation{}
	if _, err := s.Status(ctx, b, t.ID, service, product, id); err != nil {
		return none, err
	}
	if first, found, err := s.startedBefore(ctx, b, t, r, authorisation.Digest(id, r.Body)); found || err != nil {
		return first, err
	}
	p, free, err := s.cancellable(ctx, b, t, service, product, id)
	switch {
	case err != nil:
		return none, err
	case free || b.Payments.Cancellation != profile.CancelAuthorised:
		return none, fmt.Errorf("%w: it can be cancelled without an authorisation", ErrStatus)
	}
	if first, awaited, err := s.Authorisations.Awaited(ctx, b.Code, authorisation.OfCancellation, id); awaited || err != nil {
		return s.sign(ctx, b, t, p, first, r, err)
	}
	return s.askToCancel(ctx, b, t, p, r, false)
}

// cancellable reads a payment and asks the rule.
func (s *Service) cancellable(ctx context.Context, b profile.Bank, t tpp.TPP, service, product, id string) (p Payment, free bool, err error) {
	if p, err = s.Status(ctx, b, t.ID, service, product, id); err != nil {
		return p, false, err
	}
	if b.Payments.Cancellation == profile.CancelNone {
		return p, false, fmt.Errorf("%w: it cancels no payments", ErrService)
	}
	free, err = p.Cancellable(day.Of(s.Now(), b.Zone), b.Zone)
	return p, free, err
}

// openCancellation finds the cancellation of p that is under way.
func (s *Service) openCancellation(ctx context.Context, p Payment) (*authorisation.Authorisation, error) {
	all, err := s.Authorisations.List(ctx, p.Bank, authorisation.OfCancellation, p.ID)
	for _, a := range all {
		if !a.Status.Final() {
			return &a, err
		}
	}
	return nil, err
}

// askToCancel asks the bank to cancel p, which it has, and waits a moment for its page.
// free: nobody has authorised p as far as we know, so that one of which the bank knows nothing
// is cancelled.
func (s *Service) askToCancel(
	ctx context.Context, b profile.Bank, t tpp.TPP, p Payment, r Start, free bool,
) (authorisation.Authorisation, error) {
	none := authorisation.Authorisation{}
	a := s.authorisation(b, authorisation.OfCancellation, p, r)
	a.RequestID, a.Digest = r.RequestID, authorisation.Digest(p.ID, r.Body)
	if r.actor != "" { // what the PSU asked for herself she approves on the bank's page, and no client of OAuth leads her
		a.OAuth, a.Approach, a.Confirm = false, authorisation.Redirect, false
	}
	actor := cmp.Or(r.actor, string(t.ID))
	err := s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, actor, "payment.cancel.start", r.RequestID)); err != nil {
			return err
		}
		// The payment comes first: others who cancel at the same moment wait here.
		if err := s.update(ctx, b.Code, p.ID, func(old Payment) (Payment, error) {
			_, err := old.Cancellable(day.Of(s.Now(), b.Zone), b.Zone)
			old.CancelRequest = r.RequestID
			return old, err
		}); err != nil {
			return err
		}
		if open, err := s.openCancellation(ctx, p); err != nil || open != nil {
			return errors.Join(err, fmt.Errorf("%w: its cancellation is under way", ErrStatus))
		}
		if err := s.Notify.Subscribe(ctx, subscription(p, a.ID, r.Notification)); err != nil {
			return err
		}
		return s.Authorisations.Store.Create(ctx, a)
	})
	if errors.Is(err, ErrStatus) || errors.Is(err, authorisation.ErrRepeated) {
		if first, found, ferr := s.startedBefore(ctx, b, t, r, a.Digest); found || ferr != nil {
			return first, ferr
		}
	}
	if err != nil {
		return none, err
	}
	u, cause := s.tellCancelled(ctx, b, p, a, r)
	ctx = context.WithoutCancel(ctx)
	switch {
	case cause == nil:
		// What the bank has taken note of is not cancelled yet, though nobody has authorised the
		// payment as far as we know: the PSU may have been faster than the report of it.
		if u != nil && u.Status == string(Cancelled) {
			u.SCAStatus = string(authorisation.Exempted) // there is nothing to approve any more
		}
		err = s.Authorisations.Handed(ctx, a, u, nil)
	case free && (errors.Is(cause, core.ErrNotOffered) || errors.Is(cause, core.ErrPaymentUnknown)):
		// Nobody has approved the payment, and nobody can now.
		_, err = s.drop(ctx, p, actor, r.RequestID, true)
	case errors.Is(cause, core.ErrUnknownOutcome), !core.NotTaken(cause) && !errors.Is(cause, core.ErrPaymentUnknown):
		s.Log.WarnContext(ctx, "cancellation is uncertain", "bank", b.Code, "payment", p.ID, "err", cause)
	default:
		s.Log.WarnContext(ctx, "cancellation not taken", "bank", b.Code, "payment", p.ID, "err", cause)
		err = errors.Join(s.Authorisations.Handed(ctx, a, nil, cause), s.Authorisations.Free(ctx, a))
		if err == nil && errors.Is(cause, core.ErrUnavailable) {
			err = cause
		}
		return none, cmp.Or(err, error(fmt.Errorf("%w: the bank refuses", ErrCancellation)))
	}
	if err != nil {
		return none, err
	}
	return s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait)
}

// tellCancelled sends the wish to cancel p. Like p itself it goes on when the TPP hangs up.
func (s *Service) tellCancelled(ctx context.Context, b profile.Bank, p Payment, a authorisation.Authorisation, r Start) (*core.Update, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handMax)
	defer cancel()
	return s.Cores[b.Code].CancelPayment(ctx, core.Cancellation{
		Session: a.Session, PaymentSession: p.Session, PaymentID: p.ID, TPP: string(p.TPP), AppName: cmp.Or(r.Brand, p.Brand, p.TPPName),
		ReturnURL: s.ReturnURL(b.Code, a.ReturnKey), UserID: a.PSU, PSU: r.PSU, SCA: r.SCA.By(a),
	})
}

// drop cancels p, which nobody has authorised. unconfirmed: the bank may have it, and was not
// told. It returns p as it is then; one that has moved on in the meantime is ErrCancellation.
func (s *Service) drop(ctx context.Context, p Payment, actor, requestID string, unconfirmed bool) (next Payment, err error) {
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, actor, "payment.cancel", requestID)); err != nil {
			return err
		}
		err := s.update(ctx, p.Bank, p.ID, func(stored Payment) (Payment, error) {
			if err := stored.blocked(); err != nil {
				return stored, err
			}
			if stored.Status == Cancelled { // the bank has said so itself, before it answered
				next = stored
				return stored, nil
			}
			if stored.Hand != p.Hand || !stored.Status.before(TechnicallyAccepted) {
				return stored, fmt.Errorf("%w: it has just been authorised", ErrCancellation)
			}
			next = stored.Cancel(unconfirmed, requestID)
			return next, nil
		})
		if err != nil {
			return err
		}
		return s.closeAll(ctx, p)
	})
	return next, err
}

// cancelled notes that the bank has cancelled the payment of a, which it may say more than once.
func (s *Service) cancelled(ctx context.Context, a authorisation.Authorisation) error {
	changed := false
	err := s.update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
		next := p.Cancel(false, "")
		next.Hand, changed = Taken, next.Status != p.Status
		return next, nil
	})
	if err != nil || !changed {
		return err
	}
	return errors.Join(s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.cancel", "")), s.closeOwn(ctx, of(a)))
}
