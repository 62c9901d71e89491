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
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown      = errors.New("account unknown under this consent")
	ErrPeriod       = errors.New("period of the report is not possible")
	ErrNotSupported = errors.New("parameter is not supported by this bank")
	ErrParameter    = errors.New("parameter is malformed")
	ErrTransaction  = errors.New("transaction unknown on this account")
)

// A Service reads accounts.
type Service struct {
	Consents *consent.Service
	Cores    map[string]core.Bank // by bank code
	Key      []byte               // of resource IDs and cursors; at least 32 bytes
	Now      func() time.Time
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
	c, err := s.open(ctx, r, consent.Use{Balances: withBalance, Key: "accounts", Action: "accounts.list"}, nil)
	if err != nil {
		return nil, err
	}
	accounts, err := s.ask(ctx, r, c)
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
	c, err := s.open(ctx, r, u, &resourceID)
	if err != nil {
		return Described{}, err
	}
	accounts, err := s.ask(ctx, r, c)
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

// CardAccounts lists the cards that the consent covers.
func (s *Service) CardAccounts(ctx context.Context, r Read) ([]DescribedCard, error) {
	c, err := s.open(ctx, r, consent.Use{Key: "card-accounts", Action: "cardAccounts.list"}, nil)
	if err != nil {
		return nil, err
	}
	cards, err := s.cards(ctx, r, c)
	if err != nil {
		return nil, err
	}
	var all []DescribedCard
	for _, card := range cards {
		if a, ok := c.Find(s.resourceID(c)("card/"+card.ID), true); ok {
			all = append(all, DescribedCard{Account: a, CardAccount: card})
		}
	}
	return all, nil
}

// A Described account is what the consent lets the TPP see of it.
type Described struct {
	consent.Account
	Details core.Account
}

// A DescribedCard is what the consent lets the TPP see of a card.
type DescribedCard struct {
	consent.Account
	core.CardAccount
}

// describe cuts the bank's accounts to what c covers.
func (s *Service) describe(c consent.Consent, accounts []core.Account, withBalance bool) []Described {
	id := s.resourceID(c)
	all := []Described{}
	for _, a := range accounts {
		covered, ok := c.Find(id(a.ID), false)
		if !ok {
			continue
		}
		if !withBalance || !covered.Balances {
			a.Balances = nil
		}
		if !c.WantsOwnerName() {
			a.OwnerName = ""
		}
		all = append(all, Described{covered, a})
	}
	return all
}

// open finds the consent and lets it permit u. account is the resource ID in the path, or
// nil for a list.
func (s *Service) open(ctx context.Context, r Read, u consent.Use, account *string) (consent.Consent, error) {
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
		if c, err = s.fill(ctx, r, c); err != nil {
			return c, err
		}
	}
	if account != nil {
		a, ok := c.Find(*account, false)
		if !ok {
			return c, ErrUnknown
		}
		u.Account = &a
	}
	u.Attended = r.PSU.IPAddress != ""
	u.RequestID = r.RequestID
	return c, s.Consents.Permit(ctx, c, u)
}

// fill asks the bank, once, which accounts the consent means.
func (s *Service) fill(ctx context.Context, r Read, c consent.Consent) (consent.Consent, error) {
	accounts, err := s.ask(ctx, r, c)
	if err != nil {
		return c, err
	}
	var cards []core.CardAccount
	if r.Bank.Accounts.Cards {
		if cards, err = s.cards(ctx, r, c); err != nil {
			return c, err
		}
	}
	c.Accounts = c.Resolve(accounts, cards, s.resourceID(c))
	return c, s.Consents.Fill(ctx, c, c.Accounts)
}

func (s *Service) ask(ctx context.Context, r Read, c consent.Consent) ([]core.Account, error) {
	accounts, err := s.Cores[c.Bank].Accounts(ctx, access(r, c))
	return accounts, s.heard(ctx, c, err)
}

func (s *Service) cards(ctx context.Context, r Read, c consent.Consent) ([]core.CardAccount, error) {
	cards, err := s.Cores[c.Bank].CardAccounts(ctx, access(r, c))
	if errors.Is(err, core.ErrNotOffered) {
		return nil, nil
	}
	return cards, s.heard(ctx, c, err)
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

// period checks the dates of a report at now. History beyond the bank's limit is open only
// for a short time after SCA.
//
// Source: RTS (EU) 2018/389 art. 10; the profile's freshScaWindow.
func period(b profile.Bank, c consent.Consent, from, to day.Day, now time.Time) (day.Day, day.Day, error) {
	today := day.Of(now, b.Zone)
	oldest := today.AddDays(-b.Accounts.HistoryDays)
	if to.IsZero() || to.After(today) {
		to = today
	}
	switch {
	case from.IsZero():
		return from, to, fmt.Errorf("%w: dateFrom is missing", ErrParameter)
	case from.After(today):
		return from, to, fmt.Errorf("%w: dateFrom %s is in the future", ErrPeriod, from)
	case from.After(to):
		return from, to, fmt.Errorf("%w: dateFrom %s is after dateTo %s", ErrPeriod, from, to)
	case from.Before(oldest) && !fresh(b, c, now):
		return from, to, fmt.Errorf("%w: dateFrom %s is more than %d days ago; older entries need a new authorisation by the customer", ErrPeriod, from, b.Accounts.HistoryDays)
	}
	return from, to, nil
}

// fresh says whether SCA was so short a while ago that older history is open.
func fresh(b profile.Bank, c consent.Consent, now time.Time) bool {
	return !c.AuthorisedAt.IsZero() && now.Before(c.AuthorisedAt.Add(b.Accounts.FreshSCAWindow))
}
