package consent

import (
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// A FundsRequest is what a TPP sends to ask for a consent to confirm funds where that is a
// resource of its own.
type FundsRequest struct {
	Account core.AccountReference
	Card    Card
}

// A Card is what a PIISP tells of the card that it issues for an account. Any of it may be
// missing.
type Card struct {
	Number       string  `json:"number,omitempty"`
	ExpiryDate   day.Day `json:"expiryDate,omitzero"` // last day
	Information  string  `json:"information,omitempty"`
	Registration string  `json:"registration,omitempty"` // how the PSU was registered, e.g. a contract
}

// forever is the last day of what lives until somebody ends it.
var forever = day.New(9999, time.December, 31)

// NewFunds returns the consent to confirm funds that t asks for at now. It has no last day
// and no frequency. ErrRequest and ErrNotOffered are as with New.
//
// spec: xs2a/createConsentConfirmationOfFunds
func NewFunds(b profile.Bank, id string, t tpp.TPP, r FundsRequest, now time.Time) (Consent, error) {
	const field = "confirmation-of-funds"
	today := day.Of(now, b.Zone)
	switch {
	case !b.Funds.Enabled || b.Funds.ConsentVia != profile.FundsByV2:
		return Consent{}, notOffered(field, field)
	case !r.Card.ExpiryDate.IsZero() && r.Card.ExpiryDate.Before(today):
		return Consent{}, wrongf("cardExpiryDate", "is over: it is %s at the bank", today)
	}
	c := Consent{
		Bank: b.Code, ID: id, TPP: t.ID, TPPName: t.Name, Model: Funds, Access: Access{Accounts: &[]core.AccountReference{r.Account}}, Card: r.Card,
		Recurring: true, ValidUntil: forever, ExpiresAt: forever.AddDays(1).Start(b.Zone),
		Status: Received, LastActionDate: today, CreatedAt: now, AuthoriseBy: now.Add(b.SCATimeout),
	}
	return c, knownReferencesIn("account", c.Access.Accounts, b.Profile)
}

// OfItsOwn says whether c was asked for as a consent to confirm funds and nothing else. One
// that came as a consent to read accounts, which confirms funds, has a frequency.
func (c Consent) OfItsOwn() bool { return c.Model == Funds && c.FrequencyPerDay == 0 }
