package consent

import (
	"slices"

	"kontor/bank/core"
)

// Access is what a TPP asks for. A nil list was not sent; an empty one leaves the choice of
// accounts to the PSU.
type Access struct {
	Accounts                     *[]core.AccountReference `json:"accounts,omitempty"`
	Balances                     *[]core.AccountReference `json:"balances,omitempty"`
	Transactions                 *[]core.AccountReference `json:"transactions,omitempty"`
	OwnerName                    *[]core.AccountReference `json:"ownerName,omitempty"`            // additionalInformation
	TrustedBeneficiaries         *[]core.AccountReference `json:"trustedBeneficiaries,omitempty"` // additionalInformation
	AvailableAccounts            string                   `json:"availableAccounts,omitempty"`
	AvailableAccountsWithBalance string                   `json:"availableAccountsWithBalance,omitempty"`
	AllPSD2                      string                   `json:"allPsd2,omitempty"`
	RestrictedTo                 []string                 `json:"restrictedTo,omitempty"` // ISO 20022 types of account; empty: all
}

const (
	AllAccounts              = "allAccounts"
	AllAccountsWithOwnerName = "allAccountsWithOwnerName"
)

// An Account is one account that the consent covers.
type Account struct {
	ResourceID    string                `json:"r"` // shown to the TPP
	ID            string                `json:"i"` // the bank's own
	Card          bool                  `json:"c,omitempty"`
	Reference     core.AccountReference `json:"a"`
	Balances      bool                  `json:"b,omitempty"`
	Transactions  bool                  `json:"t,omitempty"`
	OwnerName     bool                  `json:"o,omitempty"`
	Beneficiaries bool                  `json:"p,omitempty"` // those that are trusted, where they belong to one account
}

// savingsAndLoans are the types of account (ISO 20022 ExternalCashAccountType1Code) that are
// not made for payments: limited savings, loans, margin loans, money market, overnight
// deposits, settlement with a clearing house, savings. A bank may leave them out of its
// interface, for the law asks for payment accounts only.
//
// Source: Directive (EU) 2015/2366, art. 4(12)
var savingsAndLoans = []string{"CPAC", "LLSV", "LOAN", "MGLD", "MOMA", "ONDP", "SVGS"}

// cardType is the type of a card account, which banks do not tell of cards.
const cardType = "CARD"

// WantsBalances and WantsTransactions say what the TPP asked for, on whichever accounts.
func (c Consent) WantsBalances() bool {
	return c.Access.Balances != nil || c.Access.AllPSD2 != "" || c.Access.AvailableAccountsWithBalance != ""
}

func (c Consent) WantsTransactions() bool {
	return c.Access.Transactions != nil || c.Access.AllPSD2 != ""
}

// WantsTrustedBeneficiaries says whether the TPP asked for them, on whichever accounts.
// Access to everything has them in it.
func (c Consent) WantsTrustedBeneficiaries() bool {
	return c.Access.TrustedBeneficiaries != nil || c.Access.AllPSD2 != ""
}

// wantsOwnerName says whether the TPP asked for names of owners by a word for all accounts.
func (c Consent) wantsOwnerName() bool {
	a := c.Access
	return a.AllPSD2 == AllAccountsWithOwnerName || a.AvailableAccounts == AllAccountsWithOwnerName ||
		a.AvailableAccountsWithBalance == AllAccountsWithOwnerName
}

// Resolve says which of the bank's accounts and cards c covers, and how far: never more
// than the TPP asked for and the PSU gave. Several accounts may stand under one identifier,
// one for each currency; a reference without currency means all of them. resourceID gives
// an account its name towards the TPP.
func (c Consent) Resolve(accounts []core.Account, cards []core.CardAccount, resourceID func(accountID string) string) []Account {
	covered := []Account{}
	add := func(a Account, kind string, now *core.Rights) {
		if !c.ofType(kind) {
			return
		}
		var ok bool
		if a.Balances, a.Transactions, ok = c.covers(a.Reference, now); !ok {
			return
		}
		a.OwnerName = c.wantsOwnerName() || c.inScope(c.Access.OwnerName, a.Reference)
		a.Beneficiaries = c.Access.AllPSD2 != "" || c.inScope(c.Access.TrustedBeneficiaries, a.Reference)
		covered = append(covered, a)
	}
	for _, a := range accounts {
		ref := a.Reference
		ref.Currency = a.Currency
		add(Account{ResourceID: resourceID(a.ID), ID: a.ID, Reference: ref}, a.Type, a.Granted)
	}
	for _, card := range cards {
		ref := core.AccountReference{MaskedPAN: card.MaskedPAN, Currency: card.Currency}
		add(Account{ResourceID: resourceID("card/" + card.ID), ID: card.ID, Card: true, Reference: ref}, cardType, card.Granted)
	}
	return covered
}

// ofType says whether c can cover accounts of the type kind, "" where the bank does not tell
// it. Such an account is none of those that a restriction names.
func (c Consent) ofType(kind string) bool {
	if c.PaymentAccountsOnly && slices.Contains(savingsAndLoans, kind) {
		return false
	}
	return len(c.Access.RestrictedTo) == 0 || slices.Contains(c.Access.RestrictedTo, kind)
}

// covers says whether c lets the TPP see the account ref, its balances and its transactions.
// now is what the PSU gives of it at this moment, where the bank tells: she may have changed
// her choice since she gave the consent.
func (c Consent) covers(ref core.AccountReference, now *core.Rights) (balances, transactions, ok bool) {
	balances, transactions, ok = c.WantsBalances(), c.WantsTransactions(), true
	if c.Model == Dedicated {
		inB, inT := c.names(c.Access.Balances, ref), c.names(c.Access.Transactions, ref)
		balances, transactions, ok = inB, inT, inB || inT || c.names(c.Access.Accounts, ref)
	}
	switch {
	case now != nil:
		balances, transactions = balances && now.Balances, transactions && now.Transactions
	case c.chosen():
		inB, inT := contains(c.Grant.Balances, ref), contains(c.Grant.Transactions, ref)
		balances, transactions, ok = balances && inB, transactions && inT, ok && (inB || inT)
	}
	return balances && ok, transactions && ok, ok
}

// inScope says whether a list of additionalInformation has ref in it. Where the PSU chooses
// the accounts, what she chooses is in it.
func (c Consent) inScope(refs *[]core.AccountReference, ref core.AccountReference) bool {
	return refs != nil && (c.Model == BankOffered || c.names(refs, ref))
}

// names says whether a list of the TPP's names ref. A TPP may have named an account by what
// the bank does not tell. Where the PSU gave single accounts, the bank knew then which it is;
// where the bank gave all, nobody says so, and the account is not covered.
func (c Consent) names(refs *[]core.AccountReference, ref core.AccountReference) bool {
	if contains(list(refs), ref) {
		return true
	}
	return c.chosen() && slices.ContainsFunc(list(refs), func(r core.AccountReference) bool {
		card := ref.MaskedPAN != ""
		return r.PAN != "" && card && ref.PAN == "" ||
			r.BBAN != "" && !card && ref.BBAN == "" ||
			r.MSISDN != "" && !card && ref.MSISDN == "" ||
			r.Other.Identification != "" && !card && ref.Other.Identification == ""
	})
}

// chosen says whether the PSU gave single accounts. Two empty lists mean all.
func (c Consent) chosen() bool {
	return c.Grant != nil && !c.Grant.AllPSD2 && len(c.Grant.Balances)+len(c.Grant.Transactions) > 0
}

// Chosen says whether c covers single accounts though the TPP asked for all: then the
// accounts say what it is worth, and no word for all of them.
func (c Consent) Chosen() bool {
	return c.chosen() && (c.Model == Global || c.Model == AvailableAccounts)
}

// Covered says which accounts c covers as far as is known: by what the PSU gave, until the
// bank has told more of them; nil where nobody knows yet.
func (c Consent) Covered() []Account {
	if c.Accounts != nil || c.Model == Funds || !c.chosen() || len(c.Access.RestrictedTo) > 0 {
		return c.Accounts
	}
	covered := []Account{}
	for _, r := range slices.Concat(c.Grant.Balances, c.Grant.Transactions) {
		b, t, ok := c.covers(r, nil)
		if !ok || slices.ContainsFunc(covered, func(a Account) bool { return a.Reference == r }) {
			continue
		}
		covered = append(covered, Account{
			Reference: r, Balances: b, Transactions: t, OwnerName: c.wantsOwnerName() || c.inScope(c.Access.OwnerName, r),
			Beneficiaries: c.Access.AllPSD2 != "" || c.inScope(c.Access.TrustedBeneficiaries, r),
		})
	}
	return covered
}

// Find returns the account that resourceID names under c.
func (c Consent) Find(resourceID string, card bool) (Account, bool) {
	for _, a := range c.Accounts {
		if a.ResourceID == resourceID && a.Card == card {
			return a, true
		}
	}
	return Account{}, false
}

func contains(refs []core.AccountReference, ref core.AccountReference) bool {
	return slices.ContainsFunc(refs, func(r core.AccountReference) bool { return r.Matches(ref) })
}

func list(refs *[]core.AccountReference) []core.AccountReference {
	if refs == nil {
		return nil
	}
	return *refs
}
