package xs2a

import (
	"net/http"
	"time"

	"kontor/bank/account"
	"kontor/bank/core"
)

// accountDetails describes one account.
//
// spec: xs2a/accountDetails
type accountDetails struct {
	ResourceID      string    `json:"resourceId" doc:"Names the account in paths, under this consent."`
	IBAN            string    `json:"iban,omitempty"`
	BBAN            string    `json:"bban,omitempty"`
	MSISDN          string    `json:"msisdn,omitempty"`
	Currency        string    `json:"currency"`
	OwnerName       string    `json:"ownerName,omitempty" maxLength:"140"`
	Name            string    `json:"name,omitempty" maxLength:"70"`
	Product         string    `json:"product,omitempty" maxLength:"35"`
	CashAccountType string    `json:"cashAccountType,omitempty"`
	Status          string    `json:"status,omitempty" enum:"enabled,deleted,blocked"`
	BIC             string    `json:"bic,omitempty"`
	Balances        []balance `json:"balances,omitempty"`
	Links           *links    `json:"_links,omitempty"`
}

// balance is one balance of an account.
//
// spec: xs2a/balance
type balance struct {
	BalanceAmount            amount `json:"balanceAmount"`
	BalanceType              string `json:"balanceType" enum:"closingBooked,expected,openingBooked,interimAvailable,interimBooked,forwardAvailable,nonInvoiced"`
	CreditLimitIncluded      *bool  `json:"creditLimitIncluded,omitempty"`
	LastChangeDateTime       string `json:"lastChangeDateTime,omitempty" format:"date-time"`
	ReferenceDate            string `json:"referenceDate,omitempty" format:"date"`
	LastCommittedTransaction string `json:"lastCommittedTransaction,omitempty" maxLength:"35"`
}

type accountList struct {
	Accounts []accountDetails `json:"accounts"`
}

type accountAnswer struct {
	Account accountDetails `json:"account"`
}

type balancesAnswer struct {
	Account  accountReference `json:"account"`
	Balances []balance        `json:"balances"`
}

// cardAccountDetails describes one card account.
//
// spec: xs2a/cardAccountDetails
type cardAccountDetails struct {
	ResourceID  string  `json:"resourceId"`
	MaskedPAN   string  `json:"maskedPan" maxLength:"35"`
	Currency    string  `json:"currency"`
	Name        string  `json:"name,omitempty" maxLength:"70"`
	Product     string  `json:"product,omitempty" maxLength:"35"`
	Status      string  `json:"status,omitempty" enum:"enabled,deleted,blocked"`
	CreditLimit *amount `json:"creditLimit,omitempty"`
}

type cardAccountList struct {
	CardAccounts []cardAccountDetails `json:"cardAccounts"`
}

// spec: xs2a/getAccountList
func (a *API) getAccounts(c *call) (answer, error) {
	r, withBalance, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	accounts, err := a.Accounts.Accounts(c.Context(), r, withBalance)
	if err != nil {
		return answer{}, inHeader(err)
	}
	body := accountList{Accounts: make([]accountDetails, len(accounts))}
	for i, d := range accounts {
		body.Accounts[i] = a.details(d)
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// spec: xs2a/readAccountDetails
func (a *API) getAccount(c *call) (answer, error) {
	r, withBalance, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	d, err := a.Accounts.Account(c.Context(), r, c.id("accountId"), withBalance)
	if err != nil {
		return answer{}, inHeader(err)
	}
	return answer{status: http.StatusOK, body: accountAnswer{a.details(d)}}, nil
}

// spec: xs2a/getBalances
func (a *API) getBalances(c *call) (answer, error) {
	r, _, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	d, err := a.Accounts.Balances(c.Context(), r, c.id("accountId"))
	if err != nil {
		return answer{}, inHeader(err)
	}
	balances := wireBalances(d.Details.Balances)
	if balances == nil {
		balances = []balance{} // a bank may know none
	}
	return answer{status: http.StatusOK, body: balancesAnswer{wireReference(d.Reference), balances}}, nil
}

// spec: xs2a/getCardAccountList
func (a *API) getCardAccounts(c *call) (answer, error) {
	r, _, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	cards, err := a.Accounts.CardAccounts(c.Context(), r)
	if err != nil {
		return answer{}, inHeader(err)
	}
	body := cardAccountList{CardAccounts: make([]cardAccountDetails, len(cards))}
	for i, d := range cards {
		w := cardAccountDetails{ResourceID: d.ResourceID, MaskedPAN: d.MaskedPAN, Currency: d.Currency, Name: cut(d.Name, 70), Product: cut(d.Product, 35), Status: d.Status}
		if d.Limit != nil {
			w.CreditLimit = &amount{d.Limit.Currency, d.Limit.String()}
		}
		body.CardAccounts[i] = w
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// reading reads what every account read has: the consent, and whether balances are wanted.
func (a *API) reading(c *call) (r account.Read, withBalance bool, err error) {
	r = account.Read{Bank: a.Bank, TPP: c.tpp, RequestID: c.requestID, PSU: c.psu}
	if r.ConsentID, err = c.consentID(); err != nil {
		return r, false, err
	}
	switch c.URL.Query().Get("withBalance") {
	case "", "false":
	case "true":
		withBalance = true
	default:
		return r, false, malformed("withBalance", "is neither true nor false")
	}
	if withBalance {
		switch a.Bank.Accounts.WithBalance {
		case "ignore":
			withBalance = false
		case "reject":
			return r, false, account.ErrNotSupported
		}
	}
	return r, withBalance, nil
}

// inHeader marks an error about the consent that the Consent-ID header names: the same
// error about a consent in the path has another status.
func inHeader(err error) error { return &headerError{err} }

type headerError struct{ error }

func (e *headerError) Unwrap() error        { return e.error }
func (e *headerError) Is(target error) bool { return target == errHeader }

func (a *API) details(d account.Described) accountDetails {
	w := accountDetails{
		ResourceID: d.ResourceID, IBAN: d.Reference.IBAN, BBAN: d.Reference.BBAN, MSISDN: d.Reference.MSISDN, Currency: d.Details.Currency,
		OwnerName: cut(d.Details.OwnerName, 140), Name: cut(d.Details.Name, 70), Product: cut(d.Details.Product, 35),
		CashAccountType: d.Details.Type, Status: d.Details.Status, BIC: d.Details.BIC, Balances: wireBalances(d.Details.Balances),
	}
	l := links{}
	if d.Account.Balances {
		l.Balances = ptr(a.link("accounts", d.ResourceID, "balances"))
	}
	if d.Account.Transactions {
		l.Transactions = ptr(a.link("accounts", d.ResourceID, "transactions"))
	}
	if l != (links{}) {
		w.Links = &l
	}
	return w
}

func wireBalances(all []core.Balance) []balance {
	if all == nil {
		return nil
	}
	w := make([]balance, len(all))
	for i, b := range all {
		w[i] = balance{
			BalanceAmount: amount{b.Amount.Currency, b.Amount.String()}, BalanceType: b.Type, CreditLimitIncluded: b.CreditLimitIncluded,
			ReferenceDate: b.ReferenceDate.String(), LastCommittedTransaction: cut(b.LastCommittedTransaction, 35),
		}
		if !b.LastChangeDateTime.IsZero() {
			w[i].LastChangeDateTime = b.LastChangeDateTime.UTC().Format(time.RFC3339)
		}
	}
	return w
}
