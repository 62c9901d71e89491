package consent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/audit"
	"kontor/kit/day"
)

// A Store keeps consents. Package consenttest says in tests what these words mean.
type Store interface {
	Create(ctx context.Context, c Consent) error
	// Get returns ErrUnknown when the bank has no consent with this ID.
	Get(ctx context.Context, bank, id string) (Consent, error)
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
	// ForFunds finds t's newest consent to confirm funds on account that has not ended.
	ForFunds(ctx context.Context, bank string, t tpp.ID, account core.AccountReference) (Consent, error)
	// Tokens lists authorised consents from an ID on, by ID.
	Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]Consent, error)
	// Untold lists consents that ended while the bank's own access may live on.
	Untold(ctx context.Context, bank string, limit int) ([]Consent, error)
	// Told notes that the bank knows of the end.
	Told(ctx context.Context, bank, id string) error
}

// A Service applies the rules to stored consents. A TPP sees only its own.
type Service struct {
	Store          Store
	Authorisations *authorisation.Service
	Cores          map[string]core.Bank    // by bank code
	Banks          map[string]profile.Bank // by bank code
	Audit          audit.Log
	// RevokeTokens ends the OAuth tokens of a consent, in the transaction of ctx.
	RevokeTokens func(ctx context.Context, bank, consentID string) error
	Atomically   func(ctx context.Context, fn func(ctx context.Context) error) error
	ReturnURL    func(bank, key string) string // the hub's page where the PSU comes back
	Now          func() time.Time
	NewID        func() string
	Log          *slog.Logger
}

// A Creation is what a new consent needs beside its Request.
type Creation struct {
	Request
	RequestID      string
	RedirectURI    string
	NokRedirectURI string
	Brand          string // TPP-Brand-Logging-Information; shown to the PSU where given
	PSU            core.PSUContext
}

// Create creates a consent and its authorisation, hands it to the bank, and waits a moment
// for the bank's page. That the bank did not answer in time is no error: the TPP sees it by
// the missing link and reads again.
func (s *Service) Create(ctx context.Context, b profile.Bank, t tpp.TPP, r Creation) (Consent, authorisation.Authorisation, error) {
	c, err := New(b, s.NewID(), t, r.Request, s.Now())
	if err != nil {
		return Consent{}, authorisation.Authorisation{}, err
	}
	a := s.Authorisations.New(authorisation.Start{
		Bank: b.Code, Kind: authorisation.OfConsent, Subject: c.ID, TPP: t.ID, OAuth: b.OAuth.Mode == profile.OAuthIntegrated,
		RedirectURI: r.RedirectURI, NokRedirectURI: r.NokRedirectURI, Timeout: b.SCATimeout,
	})
	c.Session = a.Session
	err = s.Atomically(ctx, func(ctx context.Context) error {
		if err := s.Audit.Append(ctx, s.entry(c, string(t.ID), "consent.create", r.RequestID)); err != nil {
			return err
		}
		return errors.Join(s.Store.Create(ctx, c), s.Authorisations.Store.Create(ctx, a))
	})
	if err != nil {
		return Consent{}, authorisation.Authorisation{}, err
	}
	u, err := s.start(ctx, b, t, c, a, r)
	if err := s.Authorisations.Handed(ctx, a, u, err); err != nil {
		return Consent{}, authorisation.Authorisation{}, err
	}
	if err != nil {
		return Consent{}, authorisation.Authorisation{}, err
	}
	if a, err = s.Authorisations.Await(ctx, b.Code, a.ID, b.FirstUpdateWait); err != nil {
		return Consent{}, authorisation.Authorisation{}, err
	}
	if a.Status.Final() { // the bank refused or exempted at once
		c, err = s.Store.Get(ctx, b.Code, c.ID)
	}
	return c.At(s.Now()), a, err
}

// start tells the bank of c.
func (s *Service) start(ctx context.Context, b profile.Bank, t tpp.TPP, c Consent, a authorisation.Authorisation, r Creation) (*core.Update, error) {
	app := t.Name
	if r.Brand != "" {
		app = r.Brand
	}
	if c.Model == Funds {
		return s.Cores[b.Code].StartFundsAccess(ctx, core.FundsAccessRequest{
			Session: a.Session, ConsentID: c.ID, TPP: string(t.ID), AppName: app, ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
			Account: list(c.Access.Accounts)[0], PSU: r.PSU,
		})
	}
	req := core.AccessRequest{
		Session: a.Session, ConsentID: c.ID, TPP: string(t.ID), AppName: app, ReturnURL: s.ReturnURL(b.Code, a.ReturnKey),
		Recurring: c.Recurring, ValidUntil: c.ValidUntil, FrequencyPerDay: c.FrequencyPerDay, PSU: r.PSU,
	}
	if !b.Consent.ForceBankOffered {
		req.AllPSD2 = c.Model == Global || c.Model == AvailableAccounts
		if c.Model == Dedicated {
			// The protocol knows balances and transactions only, and wants both filled or both
			// empty: accounts of which less is asked stand in both, and the hub gives less.
			req.Balances, req.Transactions = c.named(), c.named()
		}
	}
	return s.Cores[b.Code].StartAccess(ctx, req)
}

// named lists every account that the TPP named, once.
func (c Consent) named() []core.AccountReference {
	var all []core.AccountReference
	for _, l := range []*[]core.AccountReference{c.Access.Accounts, c.Access.Balances, c.Access.Transactions} {
		for _, r := range list(l) {
			if !contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// Get returns a consent to the TPP that owns it.
func (s *Service) Get(ctx context.Context, bank string, t tpp.ID, id string) (Consent, error) {
	c, err := s.Store.Get(ctx, bank, id)
	if err == nil && c.TPP != t {
		return Consent{}, ErrUnknown
	}
	return c.At(s.Now()), err
}

// Terminate ends a consent at the wish of its TPP. The bank is told soon after.
func (s *Service) Terminate(ctx context.Context, bank string, t tpp.ID, id, requestID string) error {
	c, err := s.Get(ctx, bank, t, id)
	if err != nil {
		return err
	}
	return s.end(ctx, c, string(t), "consent.terminate", requestID, func(c Consent) (Consent, error) {
		return c.Terminate(s.Now(), s.today(bank)), nil
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
	err = s.end(ctx, c, "bank", "consent.revoke", "", func(c Consent) (Consent, error) { return c.Revoke(s.Now(), s.today(bank)) })
	if errors.Is(err, ErrStatus) {
		err = nil
	}
	return errors.Join(err, s.Store.Told(ctx, bank, c.ID))
}

// Lapse ends a consent because the bank says that its access is over.
func (s *Service) Lapse(ctx context.Context, c Consent, revoked bool) error {
	err := s.end(ctx, c, "bank", "consent.lapse", "", func(c Consent) (Consent, error) {
		if revoked {
			return c.Revoke(s.Now(), s.today(c.Bank))
		}
		return c.Expire(s.Now(), s.today(c.Bank))
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
		if err := s.Store.Update(ctx, c.Bank, c.ID, change); err != nil {
			return err
		}
		return errors.Join(s.RevokeTokens(ctx, c.Bank, c.ID), s.Authorisations.CloseAll(ctx, c.Bank, authorisation.OfConsent, c.ID))
	})
}

// A Use is one read that a TPP asks for.
type Use struct {
	Account     *Account // nil: the list
	Balances    bool     // needs that right
	Transaction bool     // needs that right
	// Beneficiaries needs the right to the list of trusted beneficiaries.
	Beneficiaries bool
	Key           string // what is counted; "" continues a report that was counted
	Attended      bool   // the PSU asked for it: PSU-IP-Address was sent
	Action        string // for the record: accounts.list, …
	RequestID     string
}

// Permit records that c allows u and counts it, or returns ErrInvalid, ErrExpired or
// ErrExceeded. It comes before the read that it permits.
func (s *Service) Permit(ctx context.Context, c Consent, u Use) error {
	if err := c.Permits(s.Now(), u); err != nil {
		return err
	}
	limit, on, why := c.FrequencyPerDay, s.today(c.Bank), "without the PSU there are %d a day"
	counted := u.Key != "" && !u.Attended
	if !c.Recurring { // the window limits a one-off; without one, each read can be had once
		counted = u.Key != "" && c.OneOffEnd.IsZero()
		limit, on, why = 1, day.Day{}, "under a one-off consent there is %d"
	}
	return s.Atomically(ctx, func(ctx context.Context) error {
		if counted {
			if err := s.Store.Count(ctx, c.Bank, c.ID, on, u.Key, limit); errors.Is(err, ErrExceeded) {
				return fmt.Errorf("%w: "+why, err, limit)
			} else if err != nil {
				return err
			}
		}
		return s.Audit.Append(ctx, s.entry(c, string(c.TPP), u.Action, u.RequestID))
	})
}

// Permits returns why c does not allow u at now, or nil.
func (c Consent) Permits(now time.Time, u Use) error {
	if err := c.Usable(now); err != nil {
		return err
	}
	switch {
	case c.Model == Funds:
		return fmt.Errorf("%w: it confirms funds only", ErrInvalid)
	case u.Balances && (u.Account == nil && !c.WantsBalances() || u.Account != nil && !u.Account.Balances):
		return fmt.Errorf("%w: it gives no right to balances", ErrInvalid)
	case u.Transaction && (u.Account == nil || !u.Account.Transactions):
		return fmt.Errorf("%w: it gives no right to transactions", ErrInvalid)
	case u.Beneficiaries && !c.WantsTrustedBeneficiaries():
		return fmt.Errorf("%w: it gives no right to trusted beneficiaries", ErrInvalid)
	}
	return nil
}

// Refill stores which accounts c covers, as the bank has just told: the PSU may have chosen
// others there since. A consent that has ended stays as it ended.
func (s *Service) Refill(ctx context.Context, c Consent, accounts []Account) error {
	same := errors.New("known already")
	err := s.Store.Update(ctx, c.Bank, c.ID, func(c Consent) (Consent, error) {
		if c.Accounts != nil && slices.Equal(c.Accounts, accounts) || c.Status.Final() {
			return c, same
		}
		c.Accounts = accounts
		return c, nil
	})
	if errors.Is(err, same) {
		return nil
	}
	return err
}

// Authorised makes the consent valid and ends the older recurring ones that it replaces.
func (s *Service) Authorised(ctx context.Context, a authorisation.Authorisation, ok core.Success) error {
	now, today := s.Now(), s.today(a.Bank)
	var c Consent
	err := s.Store.Update(ctx, a.Bank, a.Subject, func(old Consent) (_ Consent, err error) {
		c, err = old.Authorise(now, today, ok, s.Banks[a.Bank].Consent.OneOffWindow)
		return c, err
	})
	if errors.Is(err, ErrStatus) {
		return fmt.Errorf("%w: %w", core.ErrSessionClosed, err)
	}
	if err != nil {
		return err
	}
	if err := s.Audit.Append(ctx, s.entry(c, "bank", "consent.authorise", "")); err != nil {
		return err
	}
	if !c.Recurring || c.Model == Funds || c.PSU == "" {
		return nil
	}
	older, err := s.Store.Recurring(ctx, c.Bank, c.TPP, c.PSU)
	for _, id := range older {
		if err == nil && id != c.ID {
			err = s.end(ctx, Consent{Bank: c.Bank, ID: id}, "hub", "consent.replace", "", func(c Consent) (Consent, error) {
				next, err := c.Expire(now, today)
				if errors.Is(err, ErrStatus) {
					return c, nil // it ended in the meantime
				}
				return next, err
			})
		}
	}
	return err
}

// Refused rejects the consent.
func (s *Service) Refused(ctx context.Context, a authorisation.Authorisation, f core.Fail) error {
	err := s.Store.Update(ctx, a.Bank, a.Subject, func(c Consent) (Consent, error) {
		// A consent that has just run out of time reads as rejected already; store the same.
		if c.Status == Received {
			c.Status, c.LastActionDate = Rejected, s.today(a.Bank)
		}
		return c, nil
	})
	return errors.Join(err, s.Audit.Append(ctx, s.entry(Consent{Bank: a.Bank, ID: a.Subject}, "bank", "consent.reject", "")))
}

// Progressed gives the consent as long as its authorisation has: the bank may grant the PSU
// more time.
func (s *Service) Progressed(ctx context.Context, a authorisation.Authorisation, u core.Update) error {
	if u.ExpiresAt.IsZero() {
		return nil
	}
	return s.Store.Update(ctx, a.Bank, a.Subject, func(c Consent) (Consent, error) {
		if c.Status == Received && a.ExpiresAt.After(c.AuthoriseBy) {
			c.AuthoriseBy = a.ExpiresAt
		}
		return c, nil
	})
}

// TellBanks ends, at the banks, the accesses whose consents have ended. It tries again on
// its next call what did not work. Banks are told side by side, and one that does not answer
// is asked no further this time: it must keep neither the others nor itself.
func (s *Service) TellBanks(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make(chan error, len(s.Banks))
	for bank := range s.Banks {
		all.Go(func() { errs <- s.tell(ctx, bank) })
	}
	all.Wait()
	close(errs)
	var err error
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

func (s *Service) tell(ctx context.Context, bank string) error {
	const batch = 50
	untold, err := s.Store.Untold(ctx, bank, batch)
	for _, c := range untold {
		revoke := s.Cores[bank].RevokeAccess
		if c.Model == Funds {
			revoke = s.Cores[bank].RevokeFundsAccess
		}
		rerr := revoke(ctx, core.Access{Session: c.Session, Token: c.Token, ConsentID: c.ID, TPP: string(c.TPP)})
		if rerr != nil && !errors.Is(rerr, core.ErrNotOffered) {
			err = errors.Join(err, fmt.Errorf("consent %s: %w", c.ID, rerr))
			if errors.Is(rerr, core.ErrUnavailable) {
				return err
			}
			continue
		}
		err = errors.Join(err, s.Store.Told(ctx, bank, c.ID))
	}
	return err
}

// Tokens lists the accesses that the hub holds, for the bank's own dashboard.
func (s *Service) Tokens(ctx context.Context, bank string, q core.TokenQuery) ([]core.TokenInfo, error) {
	consents, err := s.Store.Tokens(ctx, bank, q)
	var all []core.TokenInfo
	for _, c := range consents {
		info := core.TokenInfo{
			ID: c.ID, UserID: c.PSU, ConsentID: c.ID, Funds: c.Model == Funds, TPP: string(c.TPP), AppName: c.TPPName,
			ValidUntil: c.ValidUntil, CreatedAt: c.AuthorisedAt, Status: "revoked",
		}
		switch c.At(s.Now()).Status {
		case Valid:
			info.Status = "active"
		case Expired:
			info.Status = "expired"
		}
		all = append(all, info)
	}
	return all, err
}

func (s *Service) today(bank string) day.Day { return day.Of(s.Now(), s.Banks[bank].Zone) }

func (s *Service) entry(c Consent, actor, action, requestID string) audit.Entry {
	return audit.Entry{At: s.Now(), Bank: c.Bank, Actor: actor, Action: action, Resource: c.ID, RequestID: requestID}
}
