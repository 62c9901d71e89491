package consent

import (
	"fmt"
	"slices"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
)

// A Request is what a TPP sends to create a consent.
type Request struct {
	Access                     Access
	Recurring                  bool
	ValidUntil                 day.Day
	FrequencyPerDay            int
	CombinedServiceIndicator   bool
	ConfirmationOfFundsAllowed bool
}

// New returns the consent that t asks for at now, cut to what the bank allows: a validity
// or frequency beyond its limits is lowered, and the TPP sees so when it reads the consent.
// It returns ErrRequest, ErrNotOffered or ErrSessions.
//
// spec: xs2a/createConsent
func New(b profile.Bank, id string, t tpp.TPP, r Request, now time.Time) (Consent, error) {
	today := day.Of(now, b.Zone)
	c := Consent{
		Bank: b.Code, ID: id, TPP: t.ID, TPPName: t.Name, Access: r.Access, Recurring: r.Recurring,
		ValidUntil: r.ValidUntil, FrequencyPerDay: r.FrequencyPerDay,
		Status: Received, LastActionDate: today, CreatedAt: now, AuthoriseBy: now.Add(b.SCATimeout),
	}
	var err error
	if c.Model, err = modelOf(r, b.Profile); err != nil {
		return Consent{}, err
	}
	if c.Model == Dedicated && b.Consent.ForceBankOffered {
		c.Model = BankOffered // the PSU may choose others than those that were named
	}
	switch {
	case r.CombinedServiceIndicator:
		return Consent{}, ErrSessions
	case r.FrequencyPerDay < 1:
		return Consent{}, fmt.Errorf("%w: frequencyPerDay must be at least 1", ErrRequest)
	case !r.Recurring && r.FrequencyPerDay != 1 && c.Model != Funds:
		return Consent{}, fmt.Errorf("%w: frequencyPerDay of a one-off consent must be 1", ErrRequest)
	case r.ValidUntil.Before(today):
		return Consent{}, fmt.Errorf("%w: validUntil is over: it is %s at the bank", ErrRequest, today)
	case !r.Recurring && b.Consent.OneOffStrict && r.ValidUntil != today && c.Model != Funds:
		return Consent{}, fmt.Errorf("%w: validUntil of a one-off consent must be today, %s", ErrRequest, today)
	}
	c.FrequencyPerDay = min(c.FrequencyPerDay, b.Consent.FrequencyMax)
	// A consent to confirm funds lives until somebody ends it.
	if last := today.AddDays(b.Consent.ValidityDaysMax - 1); c.Model != Funds && c.ValidUntil.After(last) {
		c.ValidUntil = last
	}
	c.ExpiresAt = c.ValidUntil.AddDays(1).Start(b.Zone)
	if !b.Accounts.OwnerName {
		c.Access.OwnerName = nil
	}
	return c, nil
}

// modelOf tells the model by the shape of the access, and refuses shapes that have none.
func modelOf(r Request, p profile.Profile) (Model, error) {
	a := r.Access
	flags := 0
	for _, flag := range []string{a.AvailableAccounts, a.AvailableAccountsWithBalance, a.AllPSD2} {
		if flag == "" {
			continue
		}
		flags++
		if flag != AllAccounts && flag != AllAccountsWithOwnerName {
			return "", fmt.Errorf("%w: access: %.40q is neither allAccounts nor allAccountsWithOwnerName", ErrRequest, flag)
		}
	}
	lists := []*[]core.AccountReference{a.Accounts, a.Balances, a.Transactions}
	sent, filled := 0, 0
	for _, l := range lists {
		if l != nil {
			sent++
		}
		if len(list(l)) > 0 {
			filled++
		}
	}
	if r.ConfirmationOfFundsAllowed {
		return fundsModel(a, flags, p)
	}
	switch {
	case flags > 1:
		return "", fmt.Errorf("%w: access: availableAccounts, availableAccountsWithBalance and allPsd2 exclude each other", ErrRequest)
	case flags == 1 && sent > 0:
		return "", fmt.Errorf("%w: access: lists of accounts cannot be combined with availableAccounts or allPsd2", ErrRequest)
	case flags == 0 && sent == 0:
		return "", fmt.Errorf("%w: access is empty", ErrRequest)
	case a.OwnerName != nil && (sent == 0 || (len(*a.OwnerName) > 0) != (filled > 0)):
		return "", fmt.Errorf("%w: access: additionalInformation must name accounts exactly where the other lists do", ErrRequest)
	case len(a.RestrictedTo) > 0 && filled > 0:
		return "", fmt.Errorf("%w: access: restrictedTo needs empty lists", ErrRequest)
	case filled > 0 && filled < sent:
		return "", fmt.Errorf("%w: access: either all lists name accounts or none does", ErrRequest)
	}
	offered, model := false, Model("")
	switch {
	case a.AllPSD2 != "":
		offered, model = p.Consent.Global, Global
	case flags == 1:
		offered, model = p.Consent.AvailableAccounts, AvailableAccounts
	case filled == 0:
		offered, model = p.Consent.BankOffered, BankOffered
	default:
		offered, model = p.Consent.Dedicated, Dedicated
		if err := knownReferences(a, p); err != nil {
			return "", err
		}
	}
	if !offered {
		return "", fmt.Errorf("%w: %s", ErrNotOffered, model)
	}
	return model, nil
}

// fundsModel checks a consent to confirm funds, as banks have it that take it through
// POST /v1/consents: one account is named, balances and transactions are empty.
func fundsModel(a Access, flags int, p profile.Profile) (Model, error) {
	switch {
	case !p.Funds.Enabled || p.Funds.ConsentVia != profile.FundsByConsents:
		return "", fmt.Errorf("%w: confirmationOfFundsAllowed", ErrNotOffered)
	case flags > 0 || len(list(a.Balances)) > 0 || len(list(a.Transactions)) > 0:
		return "", fmt.Errorf("%w: confirmationOfFundsAllowed goes with accounts only; balances and transactions stay empty", ErrRequest)
	case len(list(a.Accounts)) != 1:
		return "", fmt.Errorf("%w: confirmationOfFundsAllowed needs exactly one account", ErrRequest)
	}
	return Funds, knownReferences(a, p)
}

// knownReferences refuses account references of a kind that the bank does not use, and
// additionalInformation about accounts that are not asked for.
func knownReferences(a Access, p profile.Profile) error {
	var all []core.AccountReference
	for _, l := range []*[]core.AccountReference{a.Accounts, a.Balances, a.Transactions} {
		all = append(all, list(l)...)
	}
	for _, r := range all {
		kind := ""
		switch {
		case r.IBAN != "":
			kind = "iban"
		case r.BBAN != "":
			kind = "bban"
		case r.PAN != "":
			kind = "pan"
		case r.MaskedPAN != "":
			kind = "maskedPan"
		case r.MSISDN != "":
			kind = "msisdn"
		}
		if !slices.Contains(p.Accounts.ReferenceTypes, kind) {
			return fmt.Errorf("%w: access: accounts cannot be named by %s at this bank", ErrRequest, kind)
		}
	}
	for _, r := range list(a.OwnerName) {
		if !contains(all, r) {
			return fmt.Errorf("%w: access: additionalInformation names an account that is not asked for", ErrRequest)
		}
	}
	return nil
}
