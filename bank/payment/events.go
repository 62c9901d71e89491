package payment

import (
	"context"
	"errors"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/kit/day"
)

// Authorised moves the payment on, or cancels it: the PSU has approved it.
func (s *Service) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	if a.Kind == authorisation.OfCancellation {
		return s.cancelled(ctx, a)
	}
	b := s.Banks[a.Bank]
	if a.Signs != "" {
		ok.UserID = "" // a payment is of the PSU who signed it first
	}
	if err := s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.authorise", "")); err != nil {
		return err
	}
	return s.update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
		return p.Authorise(day.Of(s.Now(), b.Zone), b.Zone, Status(b.Payments.FinalStatus), ok), nil
	})
}

// Refused rejects or cancels the payment. A cancellation that was refused leaves it as it is.
func (s *Service) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	action := "payment.cancel.fail"
	if a.Kind == authorisation.OfPayment {
		action = "payment.authorise.fail"
		err := s.update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
			next := p.Refuse(f)
			if next.Status != p.Status {
				action = ended(next.Status)
			}
			return next, nil
		})
		if err != nil {
			return err
		}
		// Whoever waits for its cancellation need not wait any more.
		if action != "payment.authorise.fail" {
			if err := s.Authorisations.CloseAll(ctx, a.Bank, authorisation.OfCancellation, a.Subject); err != nil {
				return err
			}
		}
	}
	return s.Audit.Append(ctx, s.entry(of(a), "bank", action, ""))
}

// ended is how the record calls an end.
func ended(s Status) string {
	if s == Cancelled {
		return "payment.cancel"
	}
	return "payment.reject"
}

// Progressed moves the payment by what the bank reports. A payment that this ends needs no
// SCA any more.
func (s *Service) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	if a.Kind == authorisation.OfCancellation {
		if u.Status != string(Cancelled) {
			return nil
		}
		return s.cancelled(ctx, a)
	}
	if Status(u.Status).ofVerification() && !s.Banks[a.Bank].Payments.PayeeVerification {
		u.Status = "" // no word of the level that this bank speaks
	}
	var old, next Payment
	err := s.update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) {
		old, next = p, p.Progress(u, a.Status == authorisation.Exempted, a.ExpiresAt)
		return next, nil
	})
	switch {
	case err != nil:
		return err
	case a.At(s.Now()).Status == authorisation.Failed && !tells(old, next):
		return core.ErrSessionClosed
	case !next.Status.ended() || old.Status == next.Status:
		return nil
	}
	closes := s.closeAll
	if next.Status == Cancelled {
		closes = s.closeOwn
	}
	return errors.Join(s.Audit.Append(ctx, s.entry(next, "bank", ended(next.Status), "")), closes(ctx, next))
}

// tells says whether what the bank reported after the end of SCA, which made next of old, is
// still of interest: that money has moved, and, of a payment whose fate nobody knew, anything.
func tells(old, next Payment) bool {
	return old.Hand == Sending || old.Status != next.Status && next.Status.moved()
}

// askMax bounds how long a bank is asked what became of a payment.
const askMax = 10 * time.Second

// patience is how long after the end of SCA a bank that does not answer is asked again. Then
// the payment is rejected; what the bank says later still counts. It is long, because a TPP
// that reads of a rejection may pay once more: a hub and a bank that fall over for half an
// hour must not come to that without having spoken.
const patience = 24 * time.Hour

// RunsOut asks the bank how the payment stands whose PSU did not finish in time: her success
// may be on its way, or lost. So it does where another signature is waited for in vain.
func (s *Service) RunsOut(ctx context.Context, a authorisation.Authorisation) error {
	if a.Kind != authorisation.OfPayment {
		return nil
	}
	p, err := s.Store.Outline(ctx, a.Bank, a.Subject)
	if err != nil || p.Hand == Kept || p.Status.Final() || p.Session != a.Run() {
		return err
	}
	first, over := a.Status.Final(), a.ExpiresAt // the first of several signatures
	if first {
		over = a.AwaitsUntil
	}
	u := &core.Update{Status: string(p.Status)} // it has told already
	if !p.Status.moved() {
		u, err = s.ask(ctx, p, a.Session)
	}
	switch {
	case errors.Is(err, core.ErrPaymentUnknown), errors.Is(err, core.ErrNotOffered):
		return nil
	case err != nil && s.Now().Before(over.Add(patience)):
		return err
	case err == nil && u != nil && Status(u.Status).ended():
		return s.heard(ctx, p, *u) // its end is the bank's own word
	case err == nil && !first && u != nil && u.Partly:
		return s.Authorisations.Accept(ctx, a.Bank, core.Success{Session: a.Session, Partly: true})
	case err != nil || !authorised(u):
		return nil
	}
	if err := s.heard(ctx, p, *u); err != nil {
		return err
	}
	if first {
		return s.Authorisations.CloseAll(ctx, a.Bank, a.Kind, a.Subject)
	}
	return s.Authorisations.Accept(ctx, a.Bank, core.Success{Session: a.Session})
}

// heard moves p, which its PSU has authorised or the bank has ended, by what the bank answered.
func (s *Service) heard(ctx context.Context, p Payment, u core.Update) error {
	return s.Atomically(ctx, func(ctx context.Context) error {
		var old, next Payment
		err := s.update(ctx, p.Bank, p.ID, func(p Payment) (Payment, error) {
			old, next = p, p.revive().Progress(u, false, time.Time{})
			return next, nil
		})
		if err != nil || next.Status == old.Status || next.Status != Rejected && next.Status != Cancelled {
			return err
		}
		return s.Audit.Append(ctx, s.entry(next, "bank", ended(next.Status), ""))
	})
}

// Late says whether a success still counts that comes when the time for it is over. A bank
// that can be asked has to have the payment authorised. One that cannot is believed: it may
// have executed the payment, and a TPP that reads of a rejection would pay once more.
func (s *Service) Late(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	p, err := s.Store.Outline(ctx, a.Bank, a.Subject)
	if err != nil {
		return err
	}
	if p.Status.Final() && !p.Unconfirmed || a.Kind == authorisation.OfPayment && p.Session != a.Run() {
		return core.ErrSessionClosed
	}
	if a.Kind != authorisation.OfPayment {
		return nil
	}
	u, err := s.ask(ctx, p, a.Session)
	switch {
	case errors.Is(err, core.ErrNotOffered), err == nil && ok.Partly && u != nil && u.Partly:
		return nil
	case errors.Is(err, core.ErrPaymentUnknown), err == nil && !authorised(u):
		return core.ErrSessionExpired
	case err != nil:
		return err
	}
	return s.heard(ctx, p, *u)
}

// ask asks the bank how p stands, of which it is told under session.
func (s *Service) ask(ctx context.Context, p Payment, session string) (*core.Update, error) {
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	return s.Cores[p.Bank].PaymentStatus(ctx, session, p.ID)
}

// authorised says whether u tells of a payment that its PSU has approved, and all others who
// have to.
func authorised(u *core.Update) bool {
	if u == nil || u.Partly {
		return false
	}
	sca := authorisation.Status(u.SCAStatus)
	return sca == authorisation.Finalised || sca == authorisation.Exempted || slices.Index(way, Status(u.Status)) >= slices.Index(way, TechnicallyAccepted)
}

// closeOwn ends SCA of p itself. That of a cancellation goes on, when p is cancelled by it: its
// end is the bank's to tell, which may tell that of p first.
func (s *Service) closeOwn(ctx context.Context, p Payment) error {
	return s.Authorisations.CloseAll(ctx, p.Bank, authorisation.OfPayment, p.ID)
}

// closeAll ends SCA that is under way for p, and for its cancellation.
func (s *Service) closeAll(ctx context.Context, p Payment) error {
	return errors.Join(
		s.closeOwn(ctx, p),
		s.Authorisations.CloseAll(ctx, p.Bank, authorisation.OfCancellation, p.ID),
	)
}
