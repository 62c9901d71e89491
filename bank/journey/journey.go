// Package journey leads a PSU who comes through the authorization server: to the bank's
// page for the consent, payment or basket that is to be authorised, or to the bank's log-in where
// OAuth is a step of its own.
//
// The authorization server knows nothing of consents and banks; it names a scope and its
// own session, and asks later how it went. Nothing is stored here: the session is a note on
// the authorisation.
package journey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kontor/bank/authorisation"
	"kontor/bank/basket"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// ErrResource says that there is nothing to authorise: unknown, another TPP's, or over.
var ErrResource = errors.New("there is nothing to authorise under this scope")

// A Service leads PSUs.
type Service struct {
	Consents       *consent.Service
	Baskets        *basket.Service
	Authorisations *authorisation.Service
	Banks          map[string]profile.Bank
	Cores          map[string]core.Bank
	ReturnURL      func(bank, key string) string
}

// A Resource is what an integrated flow authorises.
type Resource struct {
	authorisation string
	RedirectURIs  []string // named by the TPP when it created the resource
	Recurring     bool     // a refresh token makes sense
	ValidUntil    time.Time
	Funds         bool // a consent to confirm funds
	FundsOnly     bool // and never one to read accounts
}

// Consent finds t's consent, if it waits for its PSU, or a valid one for SCA anew.
func (s *Service) Consent(ctx context.Context, bank string, t tpp.ID, id string) (Resource, error) {
	c, err := s.Consents.Get(ctx, bank, t, id)
	if errors.Is(err, consent.ErrUnknown) || err == nil && c.Status.Final() {
		return Resource{}, ErrResource
	}
	if err != nil {
		return Resource{}, err
	}
	r, err := s.waiting(ctx, bank, t, authorisation.OfConsent, id)
	r.Recurring, r.ValidUntil, r.Funds, r.FundsOnly = c.Recurring, c.ExpiresAt, c.Model == consent.Funds, c.OfItsOwn()
	return r, err
}

// Payment finds t's payment, if it waits for its PSU: to be authorised, or to be cancelled,
// which was asked for later and so goes first. Its token is good for a day: long enough to
// follow the payment, and nothing else can be done with it.
func (s *Service) Payment(ctx context.Context, bank string, t tpp.ID, id string) (Resource, error) {
	r, err := s.Cancellation(ctx, bank, t, id)
	if errors.Is(err, ErrResource) {
		return s.waiting(ctx, bank, t, authorisation.OfPayment, id)
	}
	return r, err
}

// Cancellation finds t's payment, if its cancellation waits for its PSU.
func (s *Service) Cancellation(ctx context.Context, bank string, t tpp.ID, id string) (Resource, error) {
	return s.waiting(ctx, bank, t, authorisation.OfCancellation, id)
}

// Basket finds t's signing basket, if it waits for its PSU. Its token is good for the consents
// in it, for as long as the last of them; without any, for a day, as that of a payment.
func (s *Service) Basket(ctx context.Context, bank string, t tpp.ID, id string) (Resource, error) {
	k, err := s.Baskets.Get(ctx, s.Banks[bank], t, id)
	if errors.Is(err, basket.ErrUnknown) {
		return Resource{}, ErrResource
	}
	if err != nil {
		return Resource{}, err
	}
	r, err := s.waiting(ctx, bank, t, authorisation.OfBasket, id)
	if err != nil {
		return r, err
	}
	for _, id := range k.Consents {
		c, err := s.Consents.Get(ctx, bank, t, id)
		if err != nil {
			return Resource{}, err
		}
		r.Recurring = r.Recurring || c.Recurring
		if c.ExpiresAt.After(r.ValidUntil) {
			r.ValidUntil = c.ExpiresAt
		}
	}
	return r, nil
}

// waiting finds the authorisation of a resource of t's that waits for a PSU who comes
// through the authorization server.
func (s *Service) waiting(ctx context.Context, bank string, t tpp.ID, kind authorisation.Kind, id string) (Resource, error) {
	all, err := s.Authorisations.List(ctx, bank, kind, id)
	if err != nil {
		return Resource{}, err
	}
	for _, a := range all {
		if a.TPP != t || a.Status.Final() || !a.OAuth {
			continue
		}
		r := Resource{authorisation: a.ID, ValidUntil: a.CreatedAt.AddDate(0, 0, 1)}
		for _, uri := range []string{a.RedirectURI, a.NokRedirectURI} {
			if uri != "" {
				r.RedirectURIs = append(r.RedirectURIs, uri)
			}
		}
		return r, nil
	}
	return Resource{}, ErrResource
}

// Begin notes that session waits for r, and returns the bank's page.
func (s *Service) Begin(ctx context.Context, bank string, r Resource, session string) (pageURL string, err error) {
	err = s.Authorisations.ForOAuth(ctx, bank, r.authorisation, session)
	if errors.Is(err, authorisation.ErrStatus) {
		return "", ErrResource
	}
	if err != nil {
		return "", err
	}
	return s.page(ctx, bank, r.authorisation)
}

// BeginLogin asks the bank for a log-in of a PSU of appName, a client of t's.
func (s *Service) BeginLogin(ctx context.Context, bank string, t tpp.ID, appName, iban, session string) (pageURL string, err error) {
	a := s.Authorisations.New(authorisation.Start{
		Bank: bank, Kind: authorisation.OfLogin, TPP: t, OAuth: true, OAuthSession: session, Timeout: s.Banks[bank].SCATimeout,
	})
	if err := s.Authorisations.Store.Create(ctx, a); err != nil {
		return "", err
	}
	u, err := s.Cores[bank].StartLogin(ctx, core.LoginRequest{
		Session: a.Session, TPP: string(t), AppName: appName, ReturnURL: s.ReturnURL(bank, a.ReturnKey), IBAN: iban,
	})
	if err := errors.Join(err, s.Authorisations.Handed(ctx, a, u, err)); err != nil {
		return "", err
	}
	return s.page(ctx, bank, a.ID)
}

// page waits for the bank's page.
func (s *Service) page(ctx context.Context, bank, id string) (string, error) {
	a, err := s.Authorisations.Await(ctx, bank, id, s.Banks[bank].FirstUpdateWait)
	switch {
	case err != nil:
		return "", err
	case a.Status.Final():
		return "", ErrResource
	case a.BankURL == "":
		return "", fmt.Errorf("%w: no page for the customer yet", core.ErrUnavailable)
	}
	return a.BankURL, nil
}

// An Outcome is how a journey ended, if it has.
type Outcome struct {
	Over, OK bool
	PSU      string // the bank's id of the PSU
	Back     string // secret with which her browser comes back from the bank
}

// Outcome says how the journey of session stands, waiting a moment for its end.
func (s *Service) Outcome(ctx context.Context, bank, session string, wait time.Duration) (Outcome, error) {
	a, err := s.Authorisations.ByOAuthSession(ctx, bank, session)
	if err == nil && !a.Status.Final() && wait > 0 {
		a, err = s.Authorisations.AwaitEnd(ctx, bank, a.ID, wait)
	}
	if errors.Is(err, authorisation.ErrUnknown) {
		return Outcome{Over: true}, nil
	}
	ok := a.Status == authorisation.Finalised || a.Status == authorisation.Exempted
	return Outcome{Over: a.Status.Final(), OK: ok, PSU: a.PSU, Back: a.ReturnKey}, err
}

// Logins is the subject of an authorisation that is about nothing but who the PSU is: all
// there is to know stands in the authorisation.
type Logins struct{}

func (Logins) Authorised(context.Context, authorisation.Authorisation, core.Success) error {
	return nil
}
func (Logins) Refused(context.Context, authorisation.Authorisation, core.Fail) error      { return nil }
func (Logins) Progressed(context.Context, authorisation.Authorisation, core.Update) error { return nil }
