package consent

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/tpp"
)

// A GivenQuery selects what a PSU has given, newest first.
type GivenQuery struct {
	PSU   string
	TPP   tpp.ID    // "": to whomever
	Ended bool      // what has ended by Now; otherwise what is valid then
	Now   time.Time // a Service fills it in
	After Place     // where the page before ended; zero: from the newest
	Limit int
}

// A Place is where a consent stands in the order of their creation.
type Place struct {
	CreatedAt time.Time
	ID        string
}

// Place of c among those of its PSU.
func (c Consent) Place() Place { return Place{c.CreatedAt, c.ID} }

// GivenTo is the name by which the PSU knows the TPP.
func (c Consent) GivenTo() string { return cmp.Or(c.Brand, c.TPPName) }

// A Right is one kind of knowledge that a consent gives.
type Right string

const (
	SeeAccounts      Right = "accounts" // which there are, and how they are called
	SeeBalances      Right = "balances"
	SeeTransactions  Right = "transactions"
	SeeOwnerName     Right = "ownerName"
	SeeBeneficiaries Right = "trustedBeneficiaries"
	ConfirmFunds     Right = "funds" // whether an amount is there, yes or no
)

// Rights are what c gives, on whichever accounts, as far as is known.
func (c Consent) Rights() []Right {
	if c.Model == Funds {
		return []Right{ConfirmFunds}
	}
	rights := []Right{SeeAccounts}
	covered := c.Covered()
	add := func(r Right, wanted bool, of func(Account) bool) {
		if wanted && covered != nil {
			wanted = slices.ContainsFunc(covered, of)
		}
		if wanted {
			rights = append(rights, r)
		}
	}
	add(SeeBalances, c.WantsBalances(), func(a Account) bool { return a.Balances })
	add(SeeTransactions, c.WantsTransactions(), func(a Account) bool { return a.Transactions })
	add(SeeOwnerName, c.wantsOwnerName() || c.Access.OwnerName != nil, func(a Account) bool { return a.OwnerName })
	add(SeeBeneficiaries, c.WantsTrustedBeneficiaries(), func(a Account) bool { return a.Beneficiaries })
	return rights
}

// GivenAccounts are the accounts that c is about, as far as is known; nil: all.
func (c Consent) GivenAccounts() []core.AccountReference {
	covered := c.Covered()
	switch {
	case c.Model == Funds:
		return list(c.Access.Accounts)
	case covered == nil:
		return c.Named()
	}
	refs := []core.AccountReference{}
	for _, a := range covered {
		refs = append(refs, a.Reference)
	}
	return refs
}

// Given lists what a PSU has given, as it stands now.
func (s *Service) Given(ctx context.Context, bank string, q GivenQuery) ([]Consent, error) {
	if q.PSU == "" {
		return nil, nil // a bank that names nobody has told of nobody's consents
	}
	q.Now = s.Now()
	all, err := s.Store.Given(ctx, bank, q)
	for i := range all {
		all[i] = s.at(all[i])
	}
	return all, err
}

// OfPSU returns a consent to the PSU who gave it. What she has not given, and what somebody
// else has, is ErrUnknown.
func (s *Service) OfPSU(ctx context.Context, bank, psu, id string) (Consent, error) {
	c, err := s.Store.Get(ctx, bank, id)
	if err == nil && (psu == "" || c.PSU != psu || c.AuthorisedAt.IsZero()) {
		return Consent{}, ErrUnknown
	}
	return s.at(c), err
}

// Withdraw ends a consent at the wish of the PSU who gave it, told by actor. The bank is told
// soon after. What has ended already stays as it ended, and that is no error.
func (s *Service) Withdraw(ctx context.Context, bank, psu, id, actor string) error {
	c, err := s.OfPSU(ctx, bank, psu, id)
	if err != nil || c.Status.Final() {
		return err
	}
	err = s.end(ctx, c, actor, "consent.withdraw", "", func(c Consent) (Consent, error) { return c.Revoke(s.Now(), s.zone(bank)) })
	if errors.Is(err, ErrStatus) {
		return nil
	}
	return err
}
