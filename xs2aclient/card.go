package xs2aclient

import (
	"context"
	"net/url"
)

// A CardAccount is the account of a card.
type CardAccount struct {
	ResourceID      string    `json:"resourceId"`
	MaskedPAN       string    `json:"maskedPan"`
	Currency        string    `json:"currency"`
	OwnerName       string    `json:"ownerName"`
	Name            string    `json:"name"`
	DisplayName     string    `json:"displayName"`
	Product         string    `json:"product"`
	DebitAccounting bool      `json:"debitAccounting"` // debits are shown as positive amounts
	Status          string    `json:"status"`
	Usage           string    `json:"usage"`
	Details         string    `json:"details"`
	CreditLimit     *Amount   `json:"creditLimit"`
	Balances        []Balance `json:"balances"`
	Links           Links     `json:"_links"`
}

// CardBalances are those of one card account.
type CardBalances struct {
	CardAccount     AccountReference `json:"cardAccount"`
	DebitAccounting bool             `json:"debitAccounting"`
	Balances        []Balance        `json:"balances"`
}

// A CardTransactionPage is one page of a card account's report.
type CardTransactionPage struct {
	CardAccount     AccountReference
	DebitAccounting bool
	Booked          []CardTransaction
	Pending         []CardTransaction
	Links           Links
}

// A CardTransaction is one entry of a card account. The amount is negative when the card was
// debited, unless DebitAccounting of the page says otherwise.
type CardTransaction struct {
	CardTransactionID              string             `json:"cardTransactionId"`
	TerminalID                     string             `json:"terminalId"`
	TransactionDate                string             `json:"transactionDate"` // when the card was used
	AcceptorTransactionDateTime    string             `json:"acceptorTransactionDateTime"`
	BookingDate                    string             `json:"bookingDate"`
	ValueDate                      string             `json:"valueDate"`
	Amount                         Amount             `json:"transactionAmount"`
	GrandTotalAmount               *Amount            `json:"grandTotalAmount"` // with all fees
	CurrencyExchange               []CurrencyExchange `json:"currencyExchange"`
	OriginalAmount                 *Amount            `json:"originalAmount"` // in the currency of the acceptor
	MarkupFee                      *Amount            `json:"markupFee"`
	MarkupFeePercentage            string             `json:"markupFeePercentage"`
	CardAcceptorID                 string             `json:"cardAcceptorId"`
	CardAcceptorAddress            Address            `json:"cardAcceptorAddress"`
	CardAcceptorPhone              string             `json:"cardAcceptorPhone"`
	MerchantCategoryCode           string             `json:"merchantCategoryCode"` // ISO 18245
	MaskedPAN                      string             `json:"maskedPAN"`
	TransactionDetails             string             `json:"transactionDetails"`
	Invoiced                       bool               `json:"invoiced"`
	ProprietaryBankTransactionCode string             `json:"proprietaryBankTransactionCode"`
}

// An Address is a postal address. Country is an ISO 3166 code.
type Address struct {
	StreetName     string `json:"streetName,omitempty"`
	BuildingNumber string `json:"buildingNumber,omitempty"`
	TownName       string `json:"townName,omitempty"`
	PostCode       string `json:"postCode,omitempty"`
	Country        string `json:"country,omitempty"`
}

// CardAccounts lists the card accounts that the consent covers.
func (c *Client) CardAccounts(ctx context.Context, withBalance bool) ([]CardAccount, error) {
	var w struct {
		CardAccounts []CardAccount `json:"cardAccounts"`
	}
	err := c.get(ctx, "CardAccounts", balanced(c.at("card-accounts"), withBalance), &w)
	return w.CardAccounts, err
}

// CardAccount reads one card account.
func (c *Client) CardAccount(ctx context.Context, resourceID string, withBalance bool) (CardAccount, error) {
	var w struct {
		CardAccount CardAccount `json:"cardAccount"`
	}
	err := c.get(ctx, "CardAccount", balanced(c.at("card-accounts", resourceID), withBalance), &w)
	return w.CardAccount, err
}

// CardBalances reads the balances of a card account.
func (c *Client) CardBalances(ctx context.Context, resourceID string) (b CardBalances, err error) {
	return b, c.get(ctx, "CardBalances", c.at("card-accounts", resourceID, "balances"), &b)
}

// CardTransactions reads the first page of a card account's report.
func (c *Client) CardTransactions(ctx context.Context, resourceID string, q TransactionQuery) (CardTransactionPage, error) {
	u := c.at("card-accounts", resourceID, "transactions")
	u.RawQuery = q.values().Encode()
	return c.cardPage(ctx, u)
}

// CardTransactionsAt reads the page that a link of another page leads to: next, previous, …
func (c *Client) CardTransactionsAt(ctx context.Context, link string) (CardTransactionPage, error) {
	u, err := c.follow(link)
	if err != nil {
		return CardTransactionPage{}, err
	}
	return c.cardPage(ctx, u)
}

func (c *Client) cardPage(ctx context.Context, u *url.URL) (CardTransactionPage, error) {
	var w struct {
		CardAccount      AccountReference `json:"cardAccount"`
		DebitAccounting  bool             `json:"debitAccounting"`
		CardTransactions struct {
			Booked  []CardTransaction `json:"booked"`
			Pending []CardTransaction `json:"pending"`
			Links   Links             `json:"_links"`
		} `json:"cardTransactions"`
		Links Links `json:"_links"`
	}
	err := c.get(ctx, "CardTransactions", u, &w)
	page := CardTransactionPage{w.CardAccount, w.DebitAccounting, w.CardTransactions.Booked, w.CardTransactions.Pending, w.CardTransactions.Links}
	if page.Links == nil { // some banks put them a level higher
		page.Links = w.Links
	}
	return page, err
}
