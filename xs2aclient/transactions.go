package xs2aclient

import (
	"context"
	"encoding/json"
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
	Booked      = "booked"
	Pending     = "pending"
	Both        = "both"        // booked and pending
	Information = "information" // standing orders
	All         = "all"
)

// A TransactionQuery says which transactions are read. Dates are YYYY-MM-DD.
type TransactionQuery struct {
	BookingStatus      string
	DateFrom, DateTo   string // first and last booking day; no DateTo: up to today
	EntryReferenceFrom string // those after this entry, where the bank offers it
	DeltaList          bool   // those that are new since the last such report, where the bank offers it
	ItemsPerPage       int    // 0: as many as the bank likes
	WithBalance        bool
}

// A TransactionPage is one page of a report.
type TransactionPage struct {
	Account     AccountReference
	Booked      []Transaction
	Pending     []Transaction
	Information []Transaction // standing orders
	Balances    []Balance
	Links       Links // of the report: first, next, previous, last, account, download
}

// A Transaction is one entry of an account, or one standing order. The amount is negative
// when the account was debited.
type Transaction struct {
	TransactionID                     string                          `json:"transactionId"`
	EntryReference                    string                          `json:"entryReference"`
	EndToEndID                        string                          `json:"endToEndId"`
	BatchIndicator                    bool                            `json:"batchIndicator"` // the entry is many payments
	BatchNumberOfTransactions         int                             `json:"batchNumberOfTransactions"`
	MandateID                         string                          `json:"mandateId"`
	CheckID                           string                          `json:"checkId"` // of a cheque
	CreditorID                        string                          `json:"creditorId"`
	BookingDate                       string                          `json:"bookingDate"`
	ValueDate                         string                          `json:"valueDate"`
	Amount                            Amount                          `json:"transactionAmount"`
	CurrencyExchange                  []CurrencyExchange              `json:"currencyExchange"`
	CreditorName                      string                          `json:"creditorName"`
	CreditorAccount                   AccountReference                `json:"creditorAccount"`
	CreditorAgent                     string                          `json:"creditorAgent"` // BIC
	UltimateCreditor                  string                          `json:"ultimateCreditor"`
	DebtorName                        string                          `json:"debtorName"`
	DebtorAccount                     AccountReference                `json:"debtorAccount"`
	DebtorAgent                       string                          `json:"debtorAgent"` // BIC
	UltimateDebtor                    string                          `json:"ultimateDebtor"`
	RemittanceInformationUnstructured string                          `json:"remittanceInformationUnstructured"`
	RemittanceInformationStructured   StructuredRemittance            `json:"remittanceInformationStructured"`
	EntryDetails                      []Transaction                   `json:"entryDetails"` // the payments of a batch
	AdditionalInformation             string                          `json:"additionalInformation"`
	Structured                        AdditionalInformationStructured `json:"additionalInformationStructured"`
	PurposeCode                       string                          `json:"purposeCode"`
	BankTransactionCode               string                          `json:"bankTransactionCode"`
	ProprietaryBankTransactionCode    string                          `json:"proprietaryBankTransactionCode"`
	BalanceAfterTransaction           *Balance                        `json:"balanceAfterTransaction"`
	Links                             Links                           `json:"_links"`
}

// A CurrencyExchange is one of those behind an entry.
type CurrencyExchange struct {
	SourceCurrency         string `json:"sourceCurrency"`
	ExchangeRate           string `json:"exchangeRate"` // of UnitCurrency
	UnitCurrency           string `json:"unitCurrency"`
	TargetCurrency         string `json:"targetCurrency"`
	QuotationDate          string `json:"quotationDate"`
	ContractIdentification string `json:"contractIdentification"`
}

// AdditionalInformationStructured is what the bank knows of an entry beside its payment.
type AdditionalInformationStructured struct {
	StandingOrder *StandingOrder `json:"standingOrderDetails"` // nil: the entry is no standing order
}

// A StandingOrder says when the payments of a standing order are made.
type StandingOrder struct {
	StartDate         string   `json:"startDate"`
	Frequency         string   `json:"frequency"` // Monthly, MonthlyVariable, …
	EndDate           string   `json:"endDate"`
	ExecutionRule     string   `json:"executionRule"` // following, preceding: where a holiday moves it
	MonthsOfExecution []string `json:"monthsOfExecution"`
	DayOfExecution    string   `json:"dayOfExecution"`
	LimitAmount       *Amount  `json:"limitAmount"`
}

// A StructuredRemittance is the creditor's reference.
type StructuredRemittance string

// UnmarshalJSON reads the reference as text, and as the object that some levels of the
// framework have for it. What is neither is none.
func (r *StructuredRemittance) UnmarshalJSON(b []byte) error {
	var w struct {
		Reference string `json:"reference"`
	}
	if json.Unmarshal(b, &w) != nil && json.Unmarshal(b, &w.Reference) != nil {
		return nil
	}
	*r = StructuredRemittance(w.Reference)
	return nil
}

// Transactions reads the first page of a report.
func (c *Client) Transactions(ctx context.Context, resourceID string, q TransactionQuery) (TransactionPage, error) {
	u := c.at("accounts", resourceID, "transactions")
	u.RawQuery = q.values().Encode()
	return c.page(ctx, u)
}

func (q TransactionQuery) values() url.Values {
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
	for name, wanted := range map[string]bool{"deltaList": q.DeltaList, "withBalance": q.WithBalance} {
		if wanted {
			v.Set(name, "true")
		}
	}
	return v
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
	return c.TransactionsAt(ctx, page.Links["next"])
}

// TransactionsAt reads the page that a link of another page leads to: first, next, previous
// or last.
func (c *Client) TransactionsAt(ctx context.Context, link string) (TransactionPage, error) {
	u, err := c.follow(link)
	if err != nil {
		return TransactionPage{}, err
	}
	return c.page(ctx, u)
}

func (c *Client) page(ctx context.Context, u *url.URL) (TransactionPage, error) {
	var w struct {
		Account      AccountReference `json:"account"`
		Transactions struct {
			Booked      []Transaction `json:"booked"`
			Pending     []Transaction `json:"pending"`
			Information []Transaction `json:"information"`
			Links       Links         `json:"_links"`
		} `json:"transactions"`
		Balances []Balance `json:"balances"`
		Links    Links     `json:"_links"`
	}
	err := c.get(ctx, "Transactions", u, &w)
	page := TransactionPage{w.Account, w.Transactions.Booked, w.Transactions.Pending, w.Transactions.Information, w.Balances, w.Transactions.Links}
	if page.Links == nil {
		page.Links = Links{}
	}
	for name, link := range w.Links { // download stands a level higher, and at some banks the others too
		if page.Links[name] == "" {
			page.Links[name] = link
		}
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
