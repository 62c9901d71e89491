package xs2aclient

import (
	"context"
	"net/url"
)

// An Account is one account of the PSU, as far as the consent shows it.
type Account struct {
	ResourceID      string    `json:"resourceId"` // names it in further calls under this consent
	IBAN            string    `json:"iban"`
	BBAN            string    `json:"bban"`
	MSISDN          string    `json:"msisdn"`
	Currency        string    `json:"currency"`
	OwnerName       string    `json:"ownerName"`  // all owners in one text
	OwnerNames      []Owner   `json:"ownerNames"` // one by one, since level 1.3.12
	PSUName         string    `json:"psuName"`    // who gave the consent
	Name            string    `json:"name"`
	DisplayName     string    `json:"displayName"`
	Product         string    `json:"product"`
	CashAccountType string    `json:"cashAccountType"` // CACC, SVGS, LOAN, …
	Status          string    `json:"status"`          // enabled, deleted, blocked; empty: enabled
	BIC             string    `json:"bic"`
	Usage           string    `json:"usage"`
	Details         string    `json:"details"`
	Balances        []Balance `json:"balances"`
	Links           Links     `json:"_links"`
}

// An Owner is one of those who have an account.
type Owner struct {
	Name string `json:"name"`
}

// A Balance is one balance of an account.
type Balance struct {
	Amount                   Amount `json:"balanceAmount"`
	Type                     string `json:"balanceType"` // closingBooked, expected, interimAvailable, …
	CreditLimitIncluded      bool   `json:"creditLimitIncluded"`
	LastChangeDateTime       string `json:"lastChangeDateTime"`
	ReferenceDate            string `json:"referenceDate"`
	LastCommittedTransaction string `json:"lastCommittedTransaction"`
}

// Balances are those of one account.
type Balances struct {
	Account  AccountReference `json:"account"`
	Balances []Balance        `json:"balances"`
}

// Of returns the first balance of one of the types, by preference.
func (b Balances) Of(types ...string) (Balance, bool) {
	for _, t := range types {
		for _, balance := range b.Balances {
			if balance.Type == t {
				return balance, true
			}
		}
	}
	return Balance{}, false
}

// Accounts lists the accounts that the consent covers; withBalance asks for their balances,
// which not every bank shows here.
func (c *Client) Accounts(ctx context.Context, withBalance bool) ([]Account, error) {
	var w struct {
		Accounts []Account `json:"accounts"`
	}
	err := c.get(ctx, "Accounts", balanced(c.at("accounts"), withBalance), &w)
	return w.Accounts, err
}

// Account reads one account.
func (c *Client) Account(ctx context.Context, resourceID string, withBalance bool) (Account, error) {
	var w struct {
		Account Account `json:"account"`
	}
	err := c.get(ctx, "Account", balanced(c.at("accounts", resourceID), withBalance), &w)
	return w.Account, err
}

// Balances reads the balances of an account.
func (c *Client) Balances(ctx context.Context, resourceID string) (b Balances, err error) {
	return b, c.get(ctx, "Balances", c.at("accounts", resourceID, "balances"), &b)
}

func balanced(u *url.URL, withBalance bool) *url.URL {
	if withBalance {
		u.RawQuery = "withBalance=true"
	}
	return u
}
