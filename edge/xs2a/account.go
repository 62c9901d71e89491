package xs2a

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
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
	OwnerName       string    `json:"ownerName,omitempty" maxLength:"140" doc:"All owners in one text."`
	OwnerNames      []owner   `json:"ownerNames,omitempty" since:"1.3.12" doc:"The owners one by one."`
	PSUName         string    `json:"psuName,omitempty" since:"1.3.12" maxLength:"140" doc:"Who gave the consent."`
	Name            string    `json:"name,omitempty" maxLength:"70" doc:"Given by the bank."`
	DisplayName     string    `json:"displayName,omitempty" maxLength:"70" doc:"Given by the PSU."`
	Product         string    `json:"product,omitempty" maxLength:"35"`
	CashAccountType string    `json:"cashAccountType,omitempty"`
	Status          string    `json:"status,omitempty" enum:"enabled,deleted,blocked"`
	BIC             string    `json:"bic,omitempty"`
	LinkedAccounts  string    `json:"linkedAccounts,omitempty" maxLength:"70"`
	Usage           string    `json:"usage,omitempty" enum:"PRIV,ORGA" doc:"Private or professional."`
	Details         string    `json:"details,omitempty" maxLength:"500"`
	Balances        []balance `json:"balances,omitempty"`
	Links           *links    `json:"_links,omitempty"`
}

// owner is one owner of an account.
//
// spec: xs2a/ownerNames (level 1.3.12)
type owner struct {
	Name string `json:"name" maxLength:"140"`
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
	r, err := a.reader(c)
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

// reader says who reads under which consent.
func (a *API) reader(c *call) (r account.Read, err error) {
	r = account.Read{Bank: a.Bank, TPP: c.tpp, RequestID: c.requestID, PSU: c.psu}
	r.ConsentID, err = c.consentID()
	return r, err
}

// reading is reader for what can be had with balances: it also says whether they are wanted.
func (a *API) reading(c *call) (r account.Read, withBalance bool, err error) {
	if r, err = a.reader(c); err != nil || c.URL.RawQuery == "" {
		return r, false, err
	}
	params, err := c.query()
	if err != nil {
		return r, false, err
	}
	if withBalance, err = boolean(params, "withBalance"); err != nil || !withBalance {
		return r, false, err
	}
	switch a.Bank.Accounts.WithBalance {
	case "ignore":
		withBalance = false
	case "reject":
		err = fmt.Errorf("%w: withBalance", account.ErrNotSupported)
	}
	return r, withBalance, err
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
		Name: cut(d.Details.Name, 70), DisplayName: cut(d.Details.DisplayName, 70), Product: cut(d.Details.Product, 35),
		CashAccountType: d.Details.Type, Status: d.Details.Status, BIC: d.Details.BIC, LinkedAccounts: cut(d.Details.LinkedAccounts, 70),
		Usage: d.Details.Usage, Details: cut(d.Details.Details, 500), Balances: wireBalances(d.Details.Balances),
	}
	for _, field := range a.Bank.Accounts.OwnerNameFields {
		switch field {
		case "ownerName":
			w.OwnerName = cut(cmp.Or(d.Details.OwnerName, strings.Join(d.Details.OwnerNames, ", ")), 140)
		case "ownerNames":
			for _, name := range d.Details.OwnerNames {
				w.OwnerNames = append(w.OwnerNames, owner{cut(name, 140)})
			}
		case "psuName":
			w.PSUName = cut(d.Details.PSUName, 140)
		}
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
