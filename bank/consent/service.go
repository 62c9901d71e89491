package consent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/day"
)

// A Store keeps consents. Package consenttest says in tests what these words mean.
type Store interface {
	// Create returns ErrRepeated, and stores nothing, when the same TPP has created another
	// consent at the same bank with the same RequestID, unless that was RepeatWindow or longer
	// before: then the RequestID is c's from now on.
	Create(ctx context.Context, c Consent) error
	// ByRequest finds what t created with requestID; ErrUnknown where there is nothing.
	ByRequest(ctx context.Context, bank string, t tpp.ID, requestID string) (Consent, error)
	// Get returns ErrUnknown when the bank has no consent with this ID.
	Get(ctx context.Context, bank, id string) (Consent, error)
	// OfTPP is Get for what t has. What is another TPP's takes as long to miss as what nobody has.
	OfTPP(ctx context.Context, bank string, t tpp.ID, id string) (Consent, error)
	// Update replaces a consent by what change returns, atomically. When change fails
	// nothing is stored. change may run again, so it must only compute.
	Update(ctx context.Context, bank, id string, change func(Consent) (Consent, error)) error
	// Count counts one use of key on d. It returns ErrExceeded, and counts nothing, when
	// there were limit already.
	Count(ctx context.Context, bank, id string, d day.Day, key string, limit int) error
	// Recurring lists the IDs of t's recurring consents for psu that have not ended. In a
	// transaction, others who ask for the same wait for its end.
	Recurring(ctx context.Context, bank string, t tpp.ID, psu string) ([]string, error)
	// ByToken finds the consent behind the bank's access token.
	ByToken(ctx context.Context, bank, token string, funds bool) (Consent, error)
	// ForFunds lists t's valid consents to confirm funds on account, in any currency, newest
	// first; of more than a hundred the newest.
	ForFunds(ctx context.Context, bank string, t tpp.ID, account core.AccountReference) ([]Consent, error)
	// Given lists the consents that a PSU has authorised, the newest first.
	Given(ctx context.Context, bank string, q GivenQuery) ([]Consent, error)
	// Tokens lists authorised consents from an ID on, by ID.
	Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]Consent, error)
	// Overdue lists consents that time alone has ended by now and that still look alive, the
	// longest overdue first.
	Overdue(ctx context.Context, bank string, now time.Time, limit int) ([]Consent, error)
	// Untold lists consents that ended while the bank's own access may live on.
	Untold(ctx context.Context, bank string, limit int) ([]Consent, error)
	// Told notes that the bank knows of the end.
	Told(ctx context.Context, bank, id string) error
	// Supersede keeps the access of c, which another one has taken the place of, until
	// EndSuperseded forgets it.
	Supersede(ctx context.Context, c Consent) error
	// Superseded lists such accesses: of each what the bank must be told.
	Superseded(ctx context.Context, bank string, limit int) ([]core.Access, error)
	EndSuperseded(ctx context.Context, bank, session string) error
}

// A Service applies the rules to stored consents. A TPP sees only its own.
type Service struct {
	Store          Store
	Authorisations *authorisation.Service
	Cores          map[string]core.Bank    // by bank code
	Banks          map[string]profile.Bank // by bank code
	Audit          audit.Log
	Notify         *notify.Service // TPPs hear of each status; nil: nobody is told
	// RevokeTokens ends the OAuth tokens of a consent, in the transaction of ctx.
	RevokeTokens func(ctx context.Context, bank, consentID string) error
	Atomically   func(ctx context.Context, fn func(ctx context.Context) error) error
	ReturnURL    func(bank, key string) string // the hub's page where the PSU comes back
	Now          func() time.Time
	NewID        func() string
	Log          *slog.Logger
}

// Get returns a consent to the TPP that owns it.
func (s *Service) Get(ctx context.Context, bank string, t tpp.ID, id string) (Consent, error) {
	c, err := s.Store.OfTPP(ctx, bank, t, id)
	c.PaymentAccountsOnly = !s.Banks[bank].Accounts.SavingsAndLoans
	return s.at(c), err
}

// at returns c as it stands now.
func (s *Service) at(c Consent) Consent { return c.At(s.Now(), s.zone(c.Bank)) }

// Terminate ends a consent at the wish of its TPP. The bank is told soon after. One that waits
// in a signing basket is ErrBlocked.
func (s *Service) Terminate(ctx context.Context, bank string, t tpp.ID, id, requestID string) error {
	c, err := s.Get(ctx, bank, t, id)
	if err != nil {
		return err
	}
	return s.end(ctx, c, string(t), "consent.terminate", requestID, func(c Consent) (Consent, error) {
		if next := s.at(c); next.blocked() != nil {
			return c, next.blocked()
		}
		return c.Terminate(s.Now(), s.zone(bank)), nil
	})
}

// Revoke ends the consent behind the bank's token at the wish of the PSU. A consent that
// has ended already stays as it ended.
func (s *Service) Revoke(ctx context.Context, bank, token string, funds bool) error {
	c, err := s.Store.ByToken(ctx, bank, token, funds)
	if errors.Is(err, ErrUnknown) {
		return core.ErrTokenUnknown
	}
	if err != nil {
		return err
	}
	err = s.end(ctx, c, "bank", "consent.revoke", "", func(c Consent) (Consent, error) { return c.Revoke(s.Now(), s.zone(bank)) })
	if errors.Is(err, ErrStatus) {
		err = nil
	}
	return errors.Join(err, s.Store.Told(ctx, bank, c.ID))
}

// Lapse ends a consent because the bank says that its access is over.
func (s *Service) Lapse(ctx context.Context, c Consent, revoked bool) error {
	err := s.end(ctx, c, "bank", "consent.lapse", "", func(c Consent) (Consent, error) {
		if revoked {
			return c.Revoke(s.Now(), s.zone(c.Bank))
		}
		return c.Expire(s.Now(), s.zone(c.Bank))
	})
	if errors.Is(err, ErrStatus) {
		return nil
	}
	return err
}

// end changes c by change, and ends with it what depends on it: tokens and SCA under way.
func (s *Service) end(ctx context.Context, c Consent, actor, action, requestID string, change func(Consent) (Consent, error)) error {
	return s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(c, actor, action, requestID)); err != nil {
			return err
		}
		if err := s.update(ctx, c.Bank, c.ID, change); err != nil {
			return err
		}
		return errors.Join(s.RevokeTokens(ctx, c.Bank, c.ID), s.Authorisations.CloseAll(ctx, c.Bank, authorisation.OfConsent, c.ID))
	})
}

// Refill stores which accounts c covers, as Resolve told it of the bank's last answer: the
// PSU may have chosen others there since. What is stored already is not written again, and a
// consent that has ended, or was authorised anew since c was read, stays as it is.
func (s *Service) Refill(ctx context.Context, c Consent, accounts []Account) error {
	same := errors.New("known already")
	err := s.Store.Update(ctx, c.Bank, c.ID, func(old Consent) (Consent, error) {
		if old.Accounts != nil && slices.Equal(old.Accounts, accounts) || old.Status.Final() || old.Session != c.Session {
			return old, same
		}
		old.Accounts = accounts
		return old, nil
	})
	if errors.Is(err, same) {
		return nil
	}
	return err
}

// update changes a stored consent, and tells the TPP of its new status. It runs in the
// transaction of ctx.
func (s *Service) update(ctx context.Context, bank, id string, change func(Consent) (Consent, error)) error {
	var before, c Consent
	err := s.Store.Update(ctx, bank, id, func(old Consent) (_ Consent, err error) {
		before = old
		c, err = change(old)
		return c, err
	})
	if err != nil || c.Status == before.Status {
		return err
	}
	return s.Notify.Event(ctx, notify.Event{Bank: bank, Kind: notify.OfConsent, Resource: id, Status: string(c.Status), Last: c.Status.Final()})
}

// zone is the bank's. One that is not known any more has no calendar but UTC.
func (s *Service) zone(bank string) *time.Location {
	if z := s.Banks[bank].Zone; z != nil {
		return z
	}
	return time.UTC
}

func (s *Service) entry(c Consent, actor, action, requestID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: c.Bank, Actor: actor, Action: action, Resource: c.ID, RequestID: requestID}
}
