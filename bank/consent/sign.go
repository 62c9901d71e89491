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

var _ authorisation.Signable = (*Service)(nil)

// Sign notes that one of several PSUs has authorised c at the bank, and that another may until
// then. It stays the consent of the one who signed first. Of a valid one, which is authorised
// again, nothing changes; who begins that is the one who gave it.
func (c Consent) Sign(now time.Time, zone *time.Location, first bool, s core.Success, until time.Time) (Consent, error) {
	status := c.statusAt(now)
	switch {
	case status == Valid && first && s.UserID != c.PSU:
		return c, errOtherPSU
	case status == Valid:
		return c, nil
	case status == Received:
		var err error
		if c, err = c.Advance(now, zone); err != nil {
			return c, err
		}
	case status != PartiallyAuthorised:
		return c, fmt.Errorf("%w: it is %s", ErrStatus, status)
	}
	c.AuthoriseBy = until
	if first {
		c.PSU = s.UserID
	}
	return c, nil
}

// Signed notes one of several signatures.
func (s *Service) Signed(ctx context.Context, a authorisation.Authorisation, ok core.Success, until time.Time) error {
	action := "consent.authorisePartly"
	err := s.update(ctx, a.Bank, a.Subject, func(c Consent) (Consent, error) {
		if c.Status == Valid {
			action = "consent.reauthorisePartly"
		}
		return c.Sign(s.Now(), s.zone(a.Bank), a.Signs == "", ok, until)
	})
	switch {
	case errors.Is(err, errOtherPSU):
		return fmt.Errorf("%w: %w", authorisation.ErrNotAccepted, err)
	case errors.Is(err, ErrStatus):
		return fmt.Errorf("%w: %w", core.ErrSessionClosed, err)
	case err != nil:
		return err
	}
	return s.Audit.Append(ctx, s.entry(Consent{Bank: a.Bank, ID: a.Subject}, "bank", action, ""))
}

// Unsigned notes that somebody did not sign, for which she, or another, may be asked again.
func (s *Service) Unsigned(ctx context.Context, a authorisation.Authorisation, _ core.Fail) error {
	return s.Audit.Append(ctx, s.entry(Consent{Bank: a.Bank, ID: a.Subject}, "bank", "consent.authorise.fail", ""))
}

// sign asks for the signature of another PSU than that of first, who has chosen the accounts
// where the TPP has named none. failed is why it is not
// known whether there is one to be asked for.
func (s *Service) sign(
	ctx context.Context, b profile.Bank, t tpp.TPP, c Consent, first authorisation.Authorisation, r Start, failed error,
) (authorisation.Authorisation, error) {
	if failed != nil {
		return authorisation.Authorisation{}, failed
	}
	a := s.started(b, c, r)
	a.RequestID, a.Digest = r.RequestID, authorisation.Digest(c.ID, r.Body)
	ask := core.Signature{AppName: cmp.Or(r.Brand, t.Name), ReturnURL: s.ReturnURL(b.Code, a.ReturnKey), PSU: r.PSU, SCA: r.SCA.By(a)}
	signs, err := s.Authorisations.Sign(ctx, first, a, ask, b.FirstUpdateWait, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(c, string(t.ID), "consent.startAuthorisation", r.RequestID)); err != nil {
			return err
		}
		return s.Notify.Subscribe(ctx, subscription(c, a.ID, r.Notification))
	})
	if errors.Is(err, authorisation.ErrStatus) || errors.Is(err, authorisation.ErrRepeated) {
		if before, found, ferr := s.startedBefore(ctx, b, t, r, a.Digest); found || ferr != nil {
			return before, ferr
		}
	}
	return signs, err
}
