package xs2aclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
)

// pagesMax bounds how many pages of one report are followed: a bank whose pages go round in
// a circle must not hold a TPP for ever.
const pagesMax = 10_000

// ErrPages says that a report has no end.
var ErrPages = errors.New("the pages of the report go round in a circle")

// Values of TransactionQuery.BookingStatus.
const (
	Booked  = "booked"
	Pending = "pending"
	Both    = "both"
)

// A TransactionQuery says which transactions are read. Dates are YYYY-MM-DD.
type TransactionQuery struct {
	BookingStatus      string
	DateFrom, DateTo   string // first and last booking day; no DateTo: up to today
	EntryReferenceFrom string // those after this entry, where the bank offers it
	ItemsPerPage       int    // 0: as many as the bank likes
	WithBalance        bool
}

// A TransactionPage is one page of a report.
type TransactionPage struct {
	Account  AccountReference
	Booked   []Transaction
	Pending  []Transaction
	Balances []Balance
	Links    Links // of the report: next, account, …
}

// A Transaction is one entry of an account. The amount is negative when the account was
// debited.
type Transaction struct {
	TransactionID                     string           `json:"transactionId"`
	EntryReference                    string           `json:"entryReference"`
	EndToEndID                        string           `json:"endToEndId"`
	MandateID                         string           `json:"mandateId"`
	CreditorID                        string           `json:"creditorId"`
	BookingDate                       string           `json:"bookingDate"`
	ValueDate                         string           `json:"valueDate"`
	Amount                            Amount           `json:"transactionAmount"`
	CreditorName                      string           `json:"creditorName"`
	CreditorAccount                   AccountReference `json:"creditorAccount"`
	UltimateCreditor                  string           `json:"ultimateCreditor"`
	DebtorName                        string           `json:"debtorName"`
	DebtorAccount                     AccountReference `json:"debtorAccount"`
	UltimateDebtor                    string           `json:"ultimateDebtor"`
	RemittanceInformationUnstructured string           `json:"remittanceInformationUnstructured"`
	AdditionalInformation             string           `json:"additionalInformation"`
	PurposeCode                       string           `json:"purposeCode"`
	BankTransactionCode               string           `json:"bankTransactionCode"`
	ProprietaryBankTransactionCode    string           `json:"proprietaryBankTransactionCode"`
	Links                             Links            `json:"_links"`
}

// Transactions reads the first page of a report.
func (c *Client) Transactions(ctx context.Context, resourceID string, q TransactionQuery) (TransactionPage, error) {
	v := url.Values{}
	for name, value := range map[string]string{
		"bookingStatus": q.BookingStatus, "dateFrom": q.DateFrom, "dateTo": q.DateTo, "entryReferenceFrom": q.EntryReferenceFrom,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.ItemsPerPage > 0 {
		v.Set("itemsPerPage", strconv.Itoa(q.ItemsPerPage))
	}
	if q.WithBalance {
		v.Set("withBalance", "true")
	}
	u := c.at("accounts", resourceID, "transactions")
	u.RawQuery = v.Encode()
	return c.page(ctx, u)
}

// TransactionPages reads a report page by page, following the bank's next links until the
// last page or an error. The bank counts them as one access.
func (c *Client) TransactionPages(ctx context.Context, resourceID string, q TransactionQuery) iter.Seq2[TransactionPage, error] {
	return func(yield func(TransactionPage, error) bool) {
		page, err := c.Transactions(ctx, resourceID, q)
		seen := map[string]bool{}
		for {
			if !yield(page, err) || err != nil {
				return
			}
			next := page.Links["next"]
			if next == "" {
				return
			}
			if seen[next] || len(seen) == pagesMax {
				yield(TransactionPage{}, fmt.Errorf("Transactions: %w", ErrPages))
				return
			}
			seen[next] = true
			page, err = c.NextTransactions(ctx, page)
		}
	}
}

// NextTransactions reads the page after page, which must have a next link.
func (c *Client) NextTransactions(ctx context.Context, page TransactionPage) (TransactionPage, error) {
	u, err := c.follow(page.Links["next"])
	if err != nil {
		return TransactionPage{}, err
	}
	return c.page(ctx, u)
}

func (c *Client) page(ctx context.Context, u *url.URL) (TransactionPage, error) {
	var w struct {
		Account      AccountReference `json:"account"`
		Transactions struct {
			Booked  []Transaction `json:"booked"`
			Pending []Transaction `json:"pending"`
			Links   Links         `json:"_links"`
		} `json:"transactions"`
		Balances []Balance `json:"balances"`
		Links    Links     `json:"_links"`
	}
	err := c.get(ctx, "Transactions", u, &w)
	page := TransactionPage{w.Account, w.Transactions.Booked, w.Transactions.Pending, w.Balances, w.Transactions.Links}
	if page.Links == nil { // some banks put them a level higher
		page.Links = w.Links
	}
	return page, err
}

// TransactionDetails reads one transaction.
func (c *Client) TransactionDetails(ctx context.Context, resourceID, transactionID string) (Transaction, error) {
	var w struct {
		// The framework's own plural. Its file of level 1.3.9 wrongly nested one level more,
		// and some banks kept that.
		Details struct {
			Transaction
			Nested *Transaction `json:"transactionDetails"`
		} `json:"transactionsDetails"`
	}
	err := c.get(ctx, "TransactionDetails", c.at("accounts", resourceID, "transactions", transactionID), &w)
	if w.Details.Nested != nil {
		return *w.Details.Nested, err
	}
	return w.Details.Transaction, err
}
