package consent

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
)

// pendingMax bounds how long a consent can wait for SCA, however often that is tried.
const pendingMax = 24 * time.Hour

// Restart prepares c for another run of SCA, in the bank's session, which ends at until. It
// is possible while c waits for its PSU, whose first run has failed; and, where anew says
// that the bank opens older history that way, under a valid consent. ErrStatus, ErrBlocked, or
// the reason why an ended consent is of no use, says that it is not.
func (c Consent) Restart(now time.Time, session string, until time.Time, anew bool) (Consent, error) {
	status := c.statusAt(now)
	switch {
	case status.Final():
		return c, c.Usable(now)
	case c.blocked() != nil:
		return c, c.blocked()
	case status.Pending():
		c.Session = session
		if until.After(c.AuthoriseBy) {
			c.AuthoriseBy = until
		}
		return c, nil
	case status == Valid && anew && c.Model != Funds:
		return c, nil // session and all else change when it succeeds
	}
	return c, fmt.Errorf("%w: it is %s", ErrStatus, status)
}

// StartAuthorisation begins SCA of a consent of t's that exists, and hands it to the bank; or
// SCA of another PSU, where the bank waits for her signature. A
// request that t made before has no further effect, as with Create.
func (s *Service) StartAuthorisation(ctx context.Context, b profile.Bank, t tpp.TPP, id string, r Start) (authorisation.Authorisation, error) {
	c, err := s.Get(ctx, b.Code, t.ID, id)
	if err != nil {
		return authorisation.Authorisation{}, err
	}
	digest := authorisation.Digest(id, r.Body)
	if first, found, err := s.startedBefore(ctx, b, t, r, digest); found || err != nil {
		return first, err
	}
	if first, awaited, err := s.Authorisations.Awaited(ctx, b.Code, authorisation.OfConsent, id); awaited || err != nil {
		return s.sign(ctx, b, t, c, first, r, err)
	}
	a, err := s.authorisation(b, c, r)
	if err != nil {
		return authorisation.Authorisation{}, err
	}
	a.RequestID, a.Digest = r.RequestID, digest
	if latest := c.CreatedAt.Add(pendingMax); c.Status.Pending() && a.ExpiresAt.After(latest) {
		a.ExpiresAt = latest
	}
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(c, string(t.ID), "consent.startAuthorisation", r.RequestID)); err != nil {
			return err
		}
		// The consent comes first: others who start at the same moment wait here, and then see
		// what this one has begun.
		if err := s.Store.Update(ctx, b.Code, id, func(old Consent) (Consent, error) {
			c, err = old.Restart(s.Now(), a.Session, a.ExpiresAt, b.Accounts.OlderHistory == profile.OlderByAuthorisation)
			return c, err
		}); err != nil {
			return err
		}
		if err := s.noneOpen(ctx, c); err != nil {
			return err
		}
		if err := s.Notify.Subscribe(ctx, subscription(c, a.ID, r.Notification)); err != nil {
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
		return authorisation.Authorisation{}, err
	}
	u, cause := s.start(ctx, b, t, c, a, r)
	err = s.Atomically(context.WithoutCancel(ctx), func(ctx context.Context) error {
		err := s.Authorisations.Handed(ctx, a, u, cause)
		if err != nil || cause == nil {
			return err
		}
		return s.Authorisations.Free(ctx, a) // what the bank did not take can be asked again
	})
	if err = cmp.Or(err, cause); err != nil {
		return authorisation.Authorisation{}, err
	}
	return s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait)
}

// noneOpen refuses to start SCA beside a run that is open, or that went well while c still
// waits for what the bank has to say.
func (s *Service) noneOpen(ctx context.Context, c Consent) error {
	all, err := s.Authorisations.List(ctx, c.Bank, authorisation.OfConsent, c.ID)
	for _, a := range all {
		if !a.Status.Final() || c.Status.Pending() && a.Status != authorisation.Failed {
			return fmt.Errorf("%w: an authorisation is under way", ErrStatus)
		}
	}
	return err
}

// startedBefore finds the authorisation that the same request started.
func (s *Service) startedBefore(ctx context.Context, b profile.Bank, t tpp.TPP, r Start, digest [32]byte) (a authorisation.Authorisation, found bool, err error) {
	a, found, err = s.Authorisations.StartedBefore(ctx, b.Code, t.ID, r.RequestID, digest, b.FirstUpdateWait)
	if errors.Is(err, authorisation.ErrOther) {
		err = wrong("X-Request-ID", "was used for another authorisation")
	}
	return a, found, err
}

// Authorised makes the consent valid and ends the older recurring ones that it replaces; or
// it notes that a valid one was authorised again. Only a success brings the bank's token, so
// it is the only way to valid: an update that says exempted, or even valid, is none.
func (s *Service) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	now, b := s.Now(), s.Banks[a.Bank]
	var old, c Consent
	action := "consent.authorise"
	err := s.update(ctx, a.Bank, a.Subject, func(stored Consent) (_ Consent, err error) {
		if old = stored; a.Signs != "" {
			ok.UserID = old.PSU // a consent is of the PSU who signed it first
		}
		if old.Status == Valid {
			action = "consent.reauthorise"
			c, err = old.AuthoriseAgain(now, a.Run(), ok)
		} else {
			c, err = old.Authorise(now, s.zone(a.Bank), ok, b.Consent.OneOffWindow)
		}
		return c, err
	})
	switch {
	case errors.Is(err, errOtherPSU):
		return fmt.Errorf("%w: %w", authorisation.ErrNotAccepted, err)
	case errors.Is(err, ErrStatus):
		return fmt.Errorf("%w: %w", core.ErrSessionClosed, err)
	case err != nil:
		return err
	}
	if err := s.Audit.Append(ctx, s.entry(c, "bank", action, "")); err != nil {
		return err
	}
	if old.Status == Valid {
		if old.Token == c.Token {
			return nil
		}
		return s.Store.Supersede(ctx, old) // the PSU must not see two accesses at her bank
	}
	if !b.Consent.ReplaceOlder || !c.Recurring || c.Model == Funds || c.PSU == "" {
		return nil
	}
	older, err := s.Store.Recurring(ctx, c.Bank, c.TPP, c.PSU)
	for _, id := range older {
		if err == nil && id != c.ID {
			err = s.end(ctx, Consent{Bank: c.Bank, ID: id}, "hub", "consent.replace", "", func(c Consent) (Consent, error) {
				next, err := c.Expire(now, s.zone(c.Bank))
				if errors.Is(err, ErrStatus) {
					return c, nil // it ended in the meantime
				}
				return next, err
			})
		}
	}
	return err
}

// Refused rejects a consent that the PSU refused, or whose time is over. After any other
// failure the TPP may start SCA again as long as there is time. One that is valid stays so:
// it was only to be authorised again.
func (s *Service) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	action := ""
	err := s.update(ctx, a.Bank, a.Subject, func(c Consent) (Consent, error) {
		next := s.at(c)
		switch {
		case c.Status == Valid && f.Class == authorisation.NotAccepted:
			action = "consent.reauthorise.otherPsu"
		case c.Status == Valid:
			action = "consent.reauthorise.fail"
		case next.Status.Pending() && f.Class == authorisation.AccessDenied:
			action = "consent.reject"
			return next.Reject(s.Now(), s.zone(a.Bank))
		case next.Status.Pending():
			action = "consent.authorise.fail"
		case c.Status.Pending(): // its time is over: it reads as rejected already
			action = "consent.reject"
			return next, nil
		}
		return c, nil
	})
	if err != nil || action == "" {
		return err
	}
	return s.Audit.Append(ctx, s.entry(Consent{Bank: a.Bank, ID: a.Subject}, "bank", action, ""))
}

// Progressed gives the consent as long as its authorisation has, for the bank may grant the
// PSU more time; and notes that one of several PSUs has authorised it.
func (s *Service) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	partly := u.Status == string(PartiallyAuthorised)
	if u.ExpiresAt.IsZero() && a.Status != authorisation.Unconfirmed && !partly {
		return nil
	}
	advanced := false
	err := s.update(ctx, a.Bank, a.Subject, func(c Consent) (Consent, error) {
		if !c.Status.Pending() {
			return c, nil
		}
		if a.ExpiresAt.After(c.AuthoriseBy) {
			c.AuthoriseBy = a.ExpiresAt
		}
		if next, err := c.Advance(s.Now(), s.zone(a.Bank)); partly && err == nil {
			c, advanced = next, true
		}
		return c, nil
	})
	if err != nil || !advanced {
		return err
	}
	return s.Audit.Append(ctx, s.entry(Consent{Bank: a.Bank, ID: a.Subject}, "bank", "consent.authorisePartly", ""))
}
