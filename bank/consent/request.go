package consent

import (
	"fmt"
	"slices"
	"strings"
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

// A FieldError is a refusal that names the field.
type FieldError struct {
	Field, Problem string
	Err            error // ErrRequest, ErrNotOffered, ErrSessions, or one of another package
}

func (e *FieldError) Error() string {
	switch e.Err {
	case ErrSessions:
		return e.Err.Error()
	case ErrNotOffered:
		return fmt.Sprintf("%v: %s", e.Err, e.Problem)
	}
	return fmt.Sprintf("%v: %s %s", e.Err, e.Field, e.Problem)
}

func (e *FieldError) Unwrap() error { return e.Err }

func wrong(field, problem string) error      { return &FieldError{field, problem, ErrRequest} }
func notOffered(field, what string) error    { return &FieldError{field, what, ErrNotOffered} }
func wrongf(field, f string, a ...any) error { return wrong(field, fmt.Sprintf(f, a...)) }

// New returns the consent that t asks for at now, cut to what the bank allows: a validity
// or frequency beyond its limits is lowered, additional information that it does not offer
// is left out, and the TPP sees so when it reads the consent. It returns ErrRequest,
// ErrNotOffered or ErrSessions, each as a *FieldError.
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
		return Consent{}, &FieldError{Field: "combinedServiceIndicator", Err: ErrSessions}
	case r.FrequencyPerDay < 1:
		return Consent{}, wrong("frequencyPerDay", "must be at least 1")
	case !r.Recurring && r.FrequencyPerDay != 1 && c.Model != Funds:
		return Consent{}, wrong("frequencyPerDay", "of a one-off consent must be 1")
	case r.ValidUntil.Before(today):
		return Consent{}, wrongf("validUntil", "is over: it is %s at the bank", today)
	case !r.Recurring && b.Consent.OneOffStrict && r.ValidUntil != today && c.Model != Funds:
		return Consent{}, wrongf("validUntil", "of a one-off consent must be today, %s", today)
	}
	c.FrequencyPerDay = min(c.FrequencyPerDay, b.Consent.FrequencyMax)
	// A consent to confirm funds lives until somebody ends it, or for as long as the TPP wants.
	if last := today.AddDays(b.Consent.ValidityDaysMax - 1); c.Model != Funds && c.ValidUntil.After(last) {
		c.ValidUntil = last
	}
	c.ExpiresAt = c.ValidUntil.AddDays(1).Start(b.Zone)
	if c.Access = c.Access.offered(b.Accounts); c.Model == Funds { // it shows nothing
		c.Access.OwnerName, c.Access.TrustedBeneficiaries, c.Access.RestrictedTo = nil, nil, nil
	}
	return c, nil
}

// offered returns a without the additional information that the bank does not offer.
func (a Access) offered(by profile.Accounts) Access {
	if !by.OwnerName {
		a.OwnerName = nil
		for _, flag := range []*string{&a.AvailableAccounts, &a.AvailableAccountsWithBalance, &a.AllPSD2} {
			if *flag == AllAccountsWithOwnerName {
				*flag = AllAccounts
			}
		}
	}
	if !by.TrustedBeneficiaries {
		a.TrustedBeneficiaries = nil
	}
	return a
}

// modelOf tells the model by the shape of the access, and refuses shapes that have none.
func modelOf(r Request, p profile.Profile) (Model, error) {
	a := r.Access
	flags := 0
	for _, flag := range []struct{ name, value string }{
		{"availableAccounts", a.AvailableAccounts}, {"availableAccountsWithBalance", a.AvailableAccountsWithBalance}, {"allPsd2", a.AllPSD2},
	} {
		if flag.value == "" {
			continue
		}
		flags++
		if flag.value != AllAccounts && flag.value != AllAccountsWithOwnerName {
			return "", wrongf("access."+flag.name, "%.40q is neither allAccounts nor allAccountsWithOwnerName", flag.value)
		}
	}
	sent, filled := 0, 0
	for _, l := range []*[]core.AccountReference{a.Accounts, a.Balances, a.Transactions} {
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
		return "", wrong("access", "can have one of availableAccounts, availableAccountsWithBalance and allPsd2")
	case flags == 1 && sent > 0:
		return "", wrong("access", "can have lists of accounts, or availableAccounts or allPsd2, and not both")
	case flags == 0 && sent == 0:
		return "", wrong("access", "is empty")
	case filled > 0 && filled < sent:
		return "", wrong("access", "must name accounts in all of its lists or in none")
	}
	if err := additional(a, sent > 0, filled > 0); err != nil {
		return "", err
	}
	if err := restricted(a, filled > 0, p); err != nil {
		return "", err
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
	}
	if !offered {
		return "", notOffered("access", string(model))
	}
	return model, knownReferences(a, p)
}

// additional checks additionalInformation: it goes with lists of accounts, and names some of
// theirs exactly where they name any.
func additional(a Access, sent, filled bool) error {
	for _, l := range []struct {
		field string
		refs  *[]core.AccountReference
	}{{"access.additionalInformation.ownerName", a.OwnerName}, {"access.additionalInformation.trustedBeneficiaries", a.TrustedBeneficiaries}} {
		switch {
		case l.refs == nil:
		case !sent:
			return wrong(l.field, "needs accounts, balances or transactions beside it")
		case len(*l.refs) > 0 != filled:
			return wrong(l.field, "must name accounts exactly where the other lists do")
		}
		for _, r := range list(l.refs) {
			if !slices.ContainsFunc([]*[]core.AccountReference{a.Accounts, a.Balances, a.Transactions}, func(l *[]core.AccountReference) bool {
				return contains(list(l), r)
			}) {
				return wrong(l.field, "names an account that is not asked for")
			}
		}
	}
	return nil
}

// restricted checks restrictedTo. A bank that cannot restrict refuses, rather than leave it
// out: the PSU would give more than was asked for.
func restricted(a Access, filled bool, p profile.Profile) error {
	const field = "access.restrictedTo"
	switch {
	case len(a.RestrictedTo) == 0:
		return nil
	case filled:
		return wrong(field, "cannot stand beside accounts that are named")
	case !p.Consent.RestrictedTo:
		return notOffered(field, "restrictedTo")
	}
	for _, kind := range a.RestrictedTo {
		if !isAccountType(kind) {
			return wrongf(field, "%.40q is not a type of account (ISO 20022 ExternalCashAccountType1Code)", kind)
		}
	}
	return nil
}

// isAccountType says whether s can be a code for types of accounts. The list of them is open.
func isAccountType(s string) bool {
	return len(s) == 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// fundsModel checks a consent to confirm funds, as banks have it that take it through
// POST /v1/consents: one account is named, balances and transactions are empty.
func fundsModel(a Access, flags int, p profile.Profile) (Model, error) {
	const field = "confirmationOfFundsAllowed"
	switch {
	case !p.Funds.Enabled || p.Funds.ConsentVia != profile.FundsByConsents:
		return "", notOffered(field, field)
	case flags > 0 || len(list(a.Balances)) > 0 || len(list(a.Transactions)) > 0:
		return "", wrong(field, "goes with accounts only; balances and transactions stay empty")
	case len(list(a.Accounts)) != 1:
		return "", wrong("access.accounts", "must name exactly one account where confirmationOfFundsAllowed is true")
	}
	return Funds, knownReferences(a, p)
}

// knownReferences refuses account references of a kind that the bank does not use.
func knownReferences(a Access, p profile.Profile) error {
	for _, l := range []struct {
		field string
		refs  *[]core.AccountReference
	}{{"access.accounts", a.Accounts}, {"access.balances", a.Balances}, {"access.transactions", a.Transactions}} {
		if err := knownReferencesIn(l.field, l.refs, p); err != nil {
			return err
		}
	}
	return nil
}

func knownReferencesIn(field string, refs *[]core.AccountReference, p profile.Profile) error {
	for _, r := range list(refs) {
		if kind := kindOf(r); !slices.Contains(p.Accounts.ReferenceTypes, kind) {
			return wrongf(field, "cannot name accounts by %s at this bank", kind)
		}
	}
	return nil
}

// kindOf says by which kind of identifier r names its account.
func kindOf(r core.AccountReference) string {
	switch {
	case r.IBAN != "":
		return "iban"
	case r.BBAN != "":
		return "bban"
	case r.PAN != "":
		return "pan"
	case r.MaskedPAN != "":
		return "maskedPan"
	case r.MSISDN != "":
		return "msisdn"
	case r.Other.Identification != "":
		return "other"
	}
	return "nothing"
}
