// Package consent decides what a TPP may read for a PSU, and until when.
//
// A TPP creates a consent (received) and the PSU authorises it at her bank (valid). It ends
// when its last day is over (expired), when the TPP terminates it, when the PSU revokes it
// at the bank, or when a newer recurring consent of the same TPP and PSU takes its place
// (expired). One that the PSU refuses or forgets is rejected. Every change of status is a
// method that is told the time and returns a changed copy.
//
// What a TPP may read is the smaller of what it asked for and what the PSU gave. The names
// of the accounts come from the bank after SCA, so they are filled in when first needed.
//
// The reads themselves belong to package account, SCA to package authorisation.
package consent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// Status says where a consent stands in its life.
//
// spec: xs2a/consentStatus
type Status string

const (
	Received        Status = "received"        // created; no PSU has authorised it yet
	Valid           Status = "valid"           // authorised: the TPP may read
	Rejected        Status = "rejected"        // final: refused, or never authorised
	Expired         Status = "expired"         // final: the last day is over, used up, or replaced
	RevokedByPSU    Status = "revokedByPsu"    // final: withdrawn at the bank
	TerminatedByTPP Status = "terminatedByTpp" // final: ended by the TPP that created it
)

// Final says whether s is an end.
func (s Status) Final() bool { return s != Received && s != Valid }

// Callers tell these apart with errors.Is. Each API maps them to its own codes.
var (
	ErrUnknown    = errors.New("consent unknown") // no such consent, or another TPP's
	ErrRequest    = errors.New("consent request cannot be accepted")
	ErrNotOffered = errors.New("this bank does not offer this kind of consent")
	ErrSessions   = errors.New("this bank does not combine account information with payments in one session")
	ErrStatus     = errors.New("consent status does not allow this")
	ErrInvalid    = errors.New("consent does not allow this")
	ErrExpired    = errors.New("consent has expired")
	ErrExceeded   = errors.New("reads of this kind are used up")
)

// A Model is the kind of access, told by its shape.
type Model string

const (
	Dedicated         Model = "dedicated"         // accounts named by the TPP
	BankOffered       Model = "bankOffered"       // the PSU chooses at the bank
	AvailableAccounts Model = "availableAccounts" // the list only, perhaps with balances
	Global            Model = "global"            // everything: allPsd2
	Funds             Model = "funds"             // confirmations of funds on one account
)

// Access is what a TPP asks for. A nil list was not sent; an empty one leaves the choice of
// accounts to the PSU.
type Access struct {
	Accounts                     *[]core.AccountReference `json:"accounts,omitempty"`
	Balances                     *[]core.AccountReference `json:"balances,omitempty"`
	Transactions                 *[]core.AccountReference `json:"transactions,omitempty"`
	OwnerName                    *[]core.AccountReference `json:"ownerName,omitempty"` // additionalInformation
	TrustedBeneficiaries         *[]core.AccountReference `json:"trustedBeneficiaries,omitempty"`
	AvailableAccounts            string                   `json:"availableAccounts,omitempty"`
	AvailableAccountsWithBalance string                   `json:"availableAccountsWithBalance,omitempty"`
	AllPSD2                      string                   `json:"allPsd2,omitempty"`
	RestrictedTo                 []string                 `json:"restrictedTo,omitempty"`
}

const (
	AllAccounts              = "allAccounts"
	AllAccountsWithOwnerName = "allAccountsWithOwnerName"
)

// A Consent is the permission that one TPP asks of one PSU.
type Consent struct {
	Bank            string
	ID              string
	TPP             tpp.ID
	TPPName         string
	PSU             string // the bank's id of the PSU; "" before SCA
	Model           Model
	Access          Access
	Recurring       bool
	ValidUntil      day.Day   // last day, inclusive, in the bank's calendar
	ExpiresAt       time.Time // the first moment after ValidUntil
	FrequencyPerDay int
	Status          Status
	LastActionDate  day.Day
	CreatedAt       time.Time
	AuthoriseBy     time.Time // not authorised by then: rejected
	AuthorisedAt    time.Time
	OneOffEnd       time.Time // end of a one-off's window after SCA; zero: each read once

	Session  string      // secret of the bank's session
	Token    string      // the bank's access token; sealed at rest
	Grant    *core.Grant // what the PSU gave; nil: what was asked
	Accounts []Account   // what Grant means in the bank's accounts; nil until first needed
}

// An Account is one account that the consent covers.
type Account struct {
	ResourceID   string                `json:"r"` // shown to the TPP
	ID           string                `json:"i"` // the bank's own
	Card         bool                  `json:"c,omitempty"`
	Reference    core.AccountReference `json:"a"`
	Balances     bool                  `json:"b,omitempty"`
	Transactions bool                  `json:"t,omitempty"`
	OwnerName    bool                  `json:"o,omitempty"` // the names of its owners may be shown
}

// At returns c as it stands at now. Reading a consent never writes: a status that only the
// passing of time has changed is computed here, whenever it is asked for.
func (c Consent) At(now time.Time) Consent {
	switch {
	// Whichever comes first: what was never authorised has not expired, and must not seem
	// to do so between its last day and the end of SCA.
	case c.Status == Received && (!now.Before(c.AuthoriseBy) || !now.Before(c.ExpiresAt)):
		c.Status = Rejected
	case c.Status == Valid && (!now.Before(c.ExpiresAt) || !c.OneOffEnd.IsZero() && !now.Before(c.OneOffEnd)):
		c.Status = Expired
	}
	return c
}

// Authorise makes c valid: the PSU has completed SCA at the bank.
func (c Consent) Authorise(now time.Time, today day.Day, s core.Success, oneOffWindow time.Duration) (Consent, error) {
	c, err := c.move(now, today, Valid, Received)
	if err != nil {
		return c, err
	}
	c.PSU, c.Token, c.Grant, c.AuthorisedAt = s.UserID, s.Token, s.Granted, now
	if !c.Recurring && oneOffWindow > 0 && c.Model != Funds {
		c.OneOffEnd = now.Add(oneOffWindow)
	}
	return c, nil
}

// Reject ends c because the PSU refused, or did not finish.
func (c Consent) Reject(now time.Time, today day.Day) (Consent, error) {
	return c.move(now, today, Rejected, Received)
}

// Revoke ends c at the wish of the PSU, told by the bank.
func (c Consent) Revoke(now time.Time, today day.Day) (Consent, error) {
	return c.move(now, today, RevokedByPSU, Valid)
}

// Expire ends c before its time: replaced by a newer one, used up, or over at the bank.
func (c Consent) Expire(now time.Time, today day.Day) (Consent, error) {
	if c.At(now).Status == Received {
		return c.Reject(now, today)
	}
	return c.move(now, today, Expired, Valid)
}

// Terminate ends c at the wish of its TPP. What has ended already stays as it ended, and
// that is no error: the TPP has what it wants.
func (c Consent) Terminate(now time.Time, today day.Day) Consent {
	if c = c.At(now); c.Status.Final() {
		return c
	}
	c.Status, c.LastActionDate = TerminatedByTPP, today
	return c
}

// move takes c to status to, provided that at now it stands in from.
func (c Consent) move(now time.Time, today day.Day, to, from Status) (Consent, error) {
	if at := c.At(now).Status; at != from {
		return c, fmt.Errorf("%w: %s to %s", ErrStatus, at, to)
	}
	c.Status, c.LastActionDate = to, today
	return c, nil
}

// Usable returns why c permits no read at now, or nil.
func (c Consent) Usable(now time.Time) error {
	switch status := c.At(now).Status; status {
	case Valid:
		return nil
	case Expired:
		return ErrExpired
	default:
		return fmt.Errorf("%w: it is %s", ErrInvalid, status)
	}
}

// WantsBalances and WantsTransactions say what the TPP asked for, on whichever accounts.
func (c Consent) WantsBalances() bool {
	return c.Access.Balances != nil || c.Access.AllPSD2 != "" || c.Access.AvailableAccountsWithBalance != ""
}

func (c Consent) WantsTransactions() bool {
	return c.Access.Transactions != nil || c.Access.AllPSD2 != ""
}

// WantsOwnerName says whether owner names may be shown.
func (c Consent) WantsOwnerName() bool {
	a := c.Access
	return a.OwnerName != nil || a.AllPSD2 == AllAccountsWithOwnerName ||
		a.AvailableAccounts == AllAccountsWithOwnerName || a.AvailableAccountsWithBalance == AllAccountsWithOwnerName
}

// showsOwner says whether the names of the owners of ref may be shown: of every account, or
// of those that additionalInformation lists.
func (c Consent) showsOwner(ref core.AccountReference) bool {
	listed := list(c.Access.OwnerName)
	return c.WantsOwnerName() && (len(listed) == 0 || contains(listed, ref))
}

// WantsTrustedBeneficiaries says whether the TPP asked for the list of trusted beneficiaries.
func (c Consent) WantsTrustedBeneficiaries() bool {
	return c.Access.TrustedBeneficiaries != nil || c.Access.AllPSD2 != ""
}

// Resolve says which of the bank's accounts and cards c covers, and how far. resourceID
// gives an account its name towards the TPP.
func (c Consent) Resolve(accounts []core.Account, cards []core.CardAccount, resourceID func(accountID string) string) []Account {
	covered := []Account{}
	for _, a := range accounts {
		ref := a.Reference
		ref.Currency = a.Currency
		if b, t, ok := c.covers(ref); ok {
			covered = append(covered, Account{ResourceID: resourceID(a.ID), ID: a.ID, Reference: ref, Balances: b, Transactions: t, OwnerName: c.showsOwner(ref)})
		}
	}
	for _, card := range cards {
		ref := core.AccountReference{MaskedPAN: card.MaskedPAN, Currency: card.Currency}
		if b, t, ok := c.covers(ref); ok {
			covered = append(covered, Account{ResourceID: resourceID("card/" + card.ID), ID: card.ID, Card: true, Reference: ref, Balances: b, Transactions: t, OwnerName: c.showsOwner(ref)})
		}
	}
	return covered
}

// covers says whether c lets the TPP see the account ref, its balances and its transactions.
func (c Consent) covers(ref core.AccountReference) (balances, transactions, ok bool) {
	balances, transactions, ok = c.WantsBalances(), c.WantsTransactions(), true
	if c.Model == Dedicated {
		asks := contains
		if c.Grant != nil {
			asks = mayContain
		}
		inB, inT := asks(list(c.Access.Balances), ref), asks(list(c.Access.Transactions), ref)
		balances, transactions, ok = inB, inT, inB || inT || asks(list(c.Access.Accounts), ref)
	}
	if g := c.Grant; g != nil && !g.AllPSD2 && len(g.Balances)+len(g.Transactions) > 0 {
		inB, inT := contains(g.Balances, ref), contains(g.Transactions, ref)
		balances, transactions, ok = balances && inB, transactions && inT, ok && (inB || inT)
	}
	return balances && ok, transactions && ok, ok
}

// mayContain is contains where the PSU has decided: a TPP may have named an account by what
// the bank does not tell, and then only the bank knows that it is the same.
func mayContain(refs []core.AccountReference, ref core.AccountReference) bool {
	return contains(refs, ref) || slices.ContainsFunc(refs, func(r core.AccountReference) bool {
		card := ref.MaskedPAN != ""
		return r.PAN != "" && card && ref.PAN == "" ||
			r.BBAN != "" && !card && ref.BBAN == "" ||
			r.MSISDN != "" && !card && ref.MSISDN == ""
	})
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

// Covered says which accounts c covers as far as is known: by what the PSU chose, until the
// bank has told more of them; nil where she has not chosen or the choice was not hers.
func (c Consent) Covered() []Account {
	if c.Accounts != nil || c.Model != BankOffered || c.Grant == nil {
		return c.Accounts
	}
	var covered []Account
	for _, refs := range [][]core.AccountReference{c.Grant.Balances, c.Grant.Transactions} {
		for _, r := range refs {
			if !slices.ContainsFunc(covered, func(a Account) bool { return a.Reference == r }) {
				covered = append(covered, Account{
					Reference: r, Balances: c.WantsBalances() && contains(c.Grant.Balances, r), Transactions: c.WantsTransactions() && contains(c.Grant.Transactions, r),
				})
			}
		}
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
