package payment

import (
	"cmp"
	"context"
	"errors"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// Sign notes that one of several PSUs has authorised p, and that another may until then. It
// stays the payment of the one who signed first.
func (p Payment) Sign(first bool, s core.Success, until time.Time) Payment {
	p, p.Hand = p.revive(), Taken
	if p.Status.before(PartiallyAuthorised) {
		p.Status = PartiallyAuthorised
	}
	p.AuthoriseBy = until
	if first && s.UserID != "" {
		p.PSU = s.UserID
	}
	return p.paidFrom(s.DebtorAccount)
}

// paidFrom names the account that the PSU has chosen, where the TPP has named none.
func (p Payment) paidFrom(chosen core.AccountReference) Payment {
	account := &p.Order.DebtorAccount
	if p.Bulk != nil {
		bulk := *p.Bulk
		p.Bulk, account = &bulk, &bulk.DebtorAccount
	}
	if account.IsZero() {
		*account = chosen
	}
	return p
}

// Signed notes one of several signatures, of the payment or its cancellation.
func (s *Service) Signed(ctx context.Context, a authorisation.Authorisation, ok core.Success, until time.Time) error {
	if a.Kind == authorisation.OfCancellation {
		return s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.cancel.authorisePartly", ""))
	}
	if err := s.Audit.Append(ctx, s.entry(of(a), "bank", "payment.authorisePartly", "")); err != nil {
		return err
	}
	return s.update(ctx, a.Bank, a.Subject, func(p Payment) (Payment, error) { return p.Sign(a.Signs == "", ok, until), nil })
}

// Unsigned notes that somebody did not sign, for which she, or another, may be asked again.
func (s *Service) Unsigned(ctx context.Context, a authorisation.Authorisation, _ core.Fail) error {
	action := "payment.authorise.fail"
	if a.Kind == authorisation.OfCancellation {
		action = "payment.cancel.fail"
	}
	return s.Audit.Append(ctx, s.entry(of(a), "bank", action, ""))
}

// sign asks for the signature of another PSU than that of first. failed is why it is not
// known whether there is one to be asked for.
func (s *Service) sign(
	ctx context.Context, b profile.Bank, t tpp.TPP, p Payment, first authorisation.Authorisation, r Start, failed error,
) (authorisation.Authorisation, error) {
	if failed != nil {
		return authorisation.Authorisation{}, failed
	}
	action := "payment.startAuthorisation"
	if first.Kind == authorisation.OfCancellation {
		action = "payment.cancel.start"
	}
	a := s.authorisation(b, first.Kind, p, r)
	a.RequestID, a.Digest, a.PSU = r.RequestID, authorisation.Digest(p.ID, r.Body), r.UserID
	ask := core.Signature{AppName: cmp.Or(r.Brand, p.Brand, p.TPPName), ReturnURL: s.ReturnURL(b.Code, a.ReturnKey), PSU: r.PSU, SCA: r.SCA.By(a)}
	signs, err := s.Authorisations.Sign(ctx, first, a, ask, b.FirstUpdateWait, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(p, string(t.ID), action, r.RequestID)); err != nil {
			return err
		}
		return s.Notify.Subscribe(ctx, subscription(p, a.ID, r.Notification))
	})
	if errors.Is(err, authorisation.ErrStatus) || errors.Is(err, authorisation.ErrRepeated) {
		if before, found, ferr := s.startedBefore(ctx, b, t, r, a.Digest); found || ferr != nil {
			return before, ferr
		}
	}
	return signs, err
}
