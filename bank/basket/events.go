package basket

import (
	"context"
	"errors"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/payment"
)

// reportMax is how long after the success of a basket the bank may take to report of each
// member. It may have done so before.
const reportMax = 10 * time.Minute

// Authorised moves the basket on. Its members wait for the bank's own report of each.
func (s *Service) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	if err := s.Audit.Append(ctx, s.entry(of(a), "bank", "basket.authorise", "")); err != nil {
		return err
	}
	k, err := s.change(ctx, a, func(k Basket) Basket { return k.Authorise(s.Now(), ok.UserID) })
	if err != nil {
		return err
	}
	return s.extend(ctx, k, s.Now().Add(reportMax))
}

// Refused rejects the basket, and with it what it contains. A consent may be authorised alone
// later, where the PSU has not refused it.
func (s *Service) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	var before Status
	k, err := s.change(ctx, a, func(k Basket) Basket { before = k.Status; return k.Refuse(f) })
	if err != nil || k.Status == before {
		return err // the bank did not take it
	}
	err = s.sessions(ctx, k, func(session string) error {
		f.Session = session
		return open(s.Authorisations.Fail(ctx, k.Bank, f))
	})
	if err == nil {
		err = s.leave(ctx, k)
	}
	if err != nil {
		return err
	}
	action := "basket.reject"
	if k.Status == Cancelled {
		action = "basket.cancel"
	}
	return s.Audit.Append(ctx, s.entry(k, "bank", action, ""))
}

// Progressed moves the basket by what the bank reports. When it gives the PSU more time, the
// members have as much.
func (s *Service) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	if a.Status == authorisation.Exempted {
		return s.Authorised(ctx, a, core.Success{})
	}
	k, err := s.change(ctx, a, func(k Basket) Basket { return k.Progress(u) })
	if err != nil || u.ExpiresAt.IsZero() && a.Status != authorisation.Unconfirmed {
		return err
	}
	return s.extend(ctx, k, a.ExpiresAt)
}

// change changes the basket of a, and returns it.
func (s *Service) change(ctx context.Context, a authorisation.Authorisation, to func(Basket) Basket) (k Basket, err error) {
	err = s.update(ctx, a.Bank, a.Subject, func(stored Basket) (Basket, error) {
		k = to(stored)
		return k, nil
	})
	return k, err
}

// extend lets the bank report of the members until end.
func (s *Service) extend(ctx context.Context, k Basket, end time.Time) error {
	return s.sessions(ctx, k, func(session string) error {
		return open(s.Authorisations.Update(ctx, k.Bank, core.Update{Session: session, ExpiresAt: end}))
	})
}

// open drops the error of a report about a member whose session is over already: the bank has
// reported of it before, or its own time ends it.
func open(err error) error {
	if errors.Is(err, core.ErrSessionFinalised) || errors.Is(err, core.ErrSessionClosed) || errors.Is(err, core.ErrSessionExpired) {
		return nil
	}
	return err
}

// patience is how long after the end of SCA a bank that does not answer is asked again. Then
// the basket is rejected; what the bank says later still counts. It is as long as that of a
// payment.
const patience = 24 * time.Hour

// RunsOut asks the bank about the payments in a basket whose PSU did not finish in time: her
// success may be on its way, or lost.
func (s *Service) RunsOut(ctx context.Context, a authorisation.Authorisation) error {
	k, err := s.Store.Get(ctx, a.Bank, a.Subject)
	if err != nil || k.Hand == payment.Kept || !k.Status.pending() || k.Session != a.Session {
		return err
	}
	was, err := s.approval(ctx, k)
	switch {
	case err != nil && s.Now().Before(a.ExpiresAt.Add(patience)):
		return err
	case err != nil || was != payment.Approved:
		return nil
	}
	return s.Authorisations.Accept(ctx, a.Bank, core.Success{Session: a.Session})
}

// Late says whether a success still counts that comes when the time for it is over. A bank
// that can be asked has to have a payment of the basket authorised. One that cannot is
// believed where there are payments: it may have executed them.
func (s *Service) Late(ctx context.Context, a authorisation.Authorisation, _ core.Success) error {
	k, err := s.Store.Get(ctx, a.Bank, a.Subject)
	if err != nil {
		return err
	}
	if k.Status.Final() && !k.Unconfirmed || k.Session != a.Session {
		return core.ErrSessionClosed
	}
	was, err := s.approval(ctx, k)
	switch {
	case err != nil:
		return err
	case was == payment.Approved, was == payment.NotKnown && len(k.Payments) > 0:
		return nil
	}
	return core.ErrSessionExpired
}

// approval finds out whether the PSU has approved k, from what is known of its members or by
// asking the bank. One SCA counts for all: the first member that tells decides.
func (s *Service) approval(ctx context.Context, k Basket) (payment.Approval, error) {
	for _, id := range k.Consents {
		c, err := s.Consents.Store.Get(ctx, k.Bank, id)
		if err != nil {
			return payment.NotKnown, err
		}
		if c.Status == consent.Valid && c.Basket == k.ID {
			return payment.Approved, nil
		}
	}
	for _, id := range k.Payments {
		was, err := s.Payments.Approval(ctx, k.Bank, id)
		if err != nil || was != payment.Ended {
			return was, err
		}
	}
	return payment.NotKnown, nil
}
