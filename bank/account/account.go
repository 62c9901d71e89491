// Package account reads accounts of a PSU at her bank, as far as a consent goes.
//
// Every read is permitted, counted and recorded first, then asked of the bank, then cut to
// what the consent covers. Nothing of it is kept: balances and transactions pass through.
// The names of accounts towards a TPP (resourceId) are computed from the bank's own with a
// key of the hub, so they are stable, mean nothing to others and need no table.
package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown      = errors.New("account unknown under this consent")
	ErrPeriod       = errors.New("period of the report is not possible")
	ErrOlder        = errors.New("older history needs SCA anew") // beside ErrPeriod: the consent can be authorised again
	ErrNotSupported = errors.New("parameter is not supported by this bank")
	ErrParameter    = errors.New("parameter is malformed")
	ErrTransaction  = errors.New("transaction unknown on this account")
)

// A Service reads accounts.
type Service struct {
	Consents *consent.Service
	Cores    map[string]core.Bank // by bank code
	Store    Store
	Key      []byte // of resource IDs and cursors; at least 32 bytes
	Now      func() time.Time
	NewID    func() string // unguessable
}

// A Store keeps what has to be remembered between reads. It never holds an entry or a
// balance. Package accounttest says in tests what these words mean.
type Store interface {
	// Mark returns the digest by which the newest entry of the TPP's last report of what is
	// new can be known again, "" where there was none.
	Mark(ctx context.Context, bank, consentID, resourceID string) (string, error)
	SetMark(ctx context.Context, bank, consentID, resourceID, mark string) error
	// Copy returns the zero Copy where the bank was never asked to refresh.
	Copy(ctx context.Context, bank, consentID string) (Copy, error)
	SetCopy(ctx context.Context, bank, consentID string, c Copy) error
	// EndRefresh notes that the refresh of session is over; fresh is the new FreshAt, or
	// zero to leave the old one. It returns core.ErrSessionUnknown where none is under way.
	EndRefresh(ctx context.Context, bank, session string, fresh time.Time) error
}

// A Read says who reads under which consent, and what the TPP said of the PSU.
type Read struct {
	Bank      profile.Bank
	TPP       tpp.TPP
	ConsentID string
	RequestID string
	PSU       core.PSUContext
}

// Accounts lists the accounts that the consent covers, as the bank describes them now.
// Balances are left out unless withBalance asks for them.
func (s *Service) Accounts(ctx context.Context, r Read, withBalance bool) ([]Described, error) {
	c, err := s.open(ctx, r, consent.Use{Balances: withBalance, Key: "accounts", Action: "accounts.list"}, nil, false)
	if err != nil {
		return nil, err
	}
	c, accounts, err := s.ask(ctx, r, c)
	if err != nil {
		return nil, err
	}
	return s.describe(c, accounts, withBalance), nil
}

// Account describes one account.
func (s *Service) Account(ctx context.Context, r Read, resourceID string, withBalance bool) (Described, error) {
	return s.one(ctx, r, resourceID, withBalance, consent.Use{Balances: withBalance, Key: "account/", Action: "account.details"})
}

// Balances returns one account with its balances.
func (s *Service) Balances(ctx context.Context, r Read, resourceID string) (Described, error) {
	return s.one(ctx, r, resourceID, true, consent.Use{Balances: true, Key: "balances/", Action: "account.balances"})
}

func (s *Service) one(ctx context.Context, r Read, resourceID string, withBalance bool, u consent.Use) (Described, error) {
	u.Key += resourceID
	c, err := s.open(ctx, r, u, &resourceID, false)
	if err != nil {
		return Described{}, err
	}
	c, accounts, err := s.ask(ctx, r, c)
	if err != nil {
		return Described{}, err
	}
	for _, d := range s.describe(c, accounts, withBalance) {
		if d.ResourceID == resourceID {
			return d, nil
		}
	}
	return Described{}, ErrUnknown // closed at the bank since
}

// A Described account is what the consent lets the TPP see of it.
type Described struct {
	consent.Account
	Details core.Account
}

// describe cuts the bank's accounts to what c covers.
func (s *Service) describe(c consent.Consent, accounts []core.Account, withBalance bool) []Described {
	all := []Described{}
	for _, a := range accounts {
		i := slices.IndexFunc(c.Accounts, func(covered consent.Account) bool { return covered.ID == a.ID && !covered.Card })
		if i < 0 {
			continue
		}
		covered := c.Accounts[i]
		if !withBalance || !covered.Balances {
			a.Balances = nil
		}
		if !covered.OwnerName {
			a.OwnerName, a.OwnerNames, a.PSUName = "", nil, ""
		}
		all = append(all, Described{covered, a})
	}
	return all
}

// open finds the consent and lets it permit u. resourceID is the account or card in the
// path, nil for a list.
func (s *Service) open(ctx context.Context, r Read, u consent.Use, resourceID *string, card bool) (consent.Consent, error) {
	c, err := s.Consents.Get(ctx, r.Bank.Code, r.TPP.ID, r.ConsentID)
	if err != nil {
		return c, err
	}
	if err := c.Usable(s.Now()); err != nil {
		return c, err
	}
	if c.Model == consent.Funds {
		return c, c.Permits(s.Now(), u)
	}
	if c.Accounts == nil {
		if c, _, err = s.ask(ctx, r, c); err != nil {
			return c, err
		}
	}
	if resourceID != nil {
		a, ok := c.Find(*resourceID, card)
		if !ok {
			return c, ErrUnknown
		}
		u.Account = &a
	}
	u.Attended = r.PSU.IPAddress != ""
	u.RequestID = r.RequestID
	if err := s.Consents.Permit(ctx, c, u); err != nil {
		return c, err
	}
	return c, s.freshen(ctx, r, c)
}

// ask asks the bank which accounts there are. Where its answer says that the PSU gave less
// than the hub thought, or something else, the bank is right: she may have chosen anew there.
func (s *Service) ask(ctx context.Context, r Read, c consent.Consent) (consent.Consent, []core.Account, error) {
	accounts, err := s.Cores[c.Bank].Accounts(ctx, access(r, c))
	if err != nil {
		return c, nil, s.heard(ctx, c, err)
	}
	var cards []core.CardAccount
	if c.Accounts == nil && r.Bank.Accounts.Cards { // later they are asked for when cards are read
		if cards, err = s.askCards(ctx, r, c); err != nil {
			return c, nil, err
		}
	}
	covered := append(c.Resolve(accounts, cards, s.resourceID(c)), only(c.Accounts, true)...)
	c, err = s.note(ctx, c, covered)
	return c, accounts, err
}

// note stores what c covers, where that is something else than was known.
func (s *Service) note(ctx context.Context, c consent.Consent, covered []consent.Account) (consent.Consent, error) {
	if c.Accounts != nil && slices.Equal(c.Accounts, covered) {
		return c, nil
	}
	c.Accounts = covered
	return c, s.Consents.Refill(ctx, c, covered)
}

// only returns the cards among accounts, or the others.
func only(accounts []consent.Account, cards bool) []consent.Account {
	return slices.DeleteFunc(slices.Clone(accounts), func(a consent.Account) bool { return a.Card != cards })
}

// heard ends the consent when the bank says that the access is over.
func (s *Service) heard(ctx context.Context, c consent.Consent, err error) error {
	switch {
	case errors.Is(err, core.ErrTokenExpired):
		return errors.Join(consent.ErrExpired, s.Consents.Lapse(ctx, c, false))
	case errors.Is(err, core.ErrAccessDenied):
		return errors.Join(consent.ErrInvalid, s.Consents.Lapse(ctx, c, true))
	case errors.Is(err, core.ErrAccountUnknown):
		return ErrUnknown
	}
	return err
}

func access(r Read, c consent.Consent) core.Access {
	return core.Access{Session: c.Session, Token: c.Token, ConsentID: c.ID, TPP: string(c.TPP), PSU: r.PSU}
}

// resourceID names accounts of c towards the TPP.
func (s *Service) resourceID(c consent.Consent) func(accountID string) string {
	return func(accountID string) string { return ResourceID(s.Key, c.Bank, c.ID, accountID) }
}

// ResourceID is the name towards a TPP of an account, told by the bank's own ID of it, under
// one consent: the same at every call, and nothing can be told from it without key.
func ResourceID(key []byte, bank, consentID, accountID string) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "resource\x00%s\x00%s\x00%s", bank, consentID, accountID)
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:15])
}
