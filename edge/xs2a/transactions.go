package xs2a

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"kontor/bank/account"
	"kontor/bank/core"
	"kontor/kit/day"
)

// transaction is one entry of an account. The types in this file describe what is written:
// entries go from the bank's answer into ours without becoming values in between.
//
// spec: xs2a/transaction
type transaction struct {
	TransactionID                     string            `json:"transactionId,omitempty"`
	EntryReference                    string            `json:"entryReference,omitempty"`
	EndToEndID                        string            `json:"endToEndId,omitempty"`
	MandateID                         string            `json:"mandateId,omitempty"`
	CheckID                           string            `json:"checkId,omitempty" since:"1.3.8"`
	CreditorID                        string            `json:"creditorId,omitempty"`
	BookingDate                       string            `json:"bookingDate,omitempty" format:"date"`
	ValueDate                         string            `json:"valueDate,omitempty" format:"date"`
	TransactionAmount                 amount            `json:"transactionAmount" doc:"Negative when the account was debited."`
	CurrencyExchange                  []exchange        `json:"currencyExchange,omitempty"`
	CreditorName                      string            `json:"creditorName,omitempty"`
	CreditorAccount                   *accountReference `json:"creditorAccount,omitempty"`
	UltimateCreditor                  string            `json:"ultimateCreditor,omitempty"`
	DebtorName                        string            `json:"debtorName,omitempty"`
	DebtorAccount                     *accountReference `json:"debtorAccount,omitempty"`
	UltimateDebtor                    string            `json:"ultimateDebtor,omitempty"`
	RemittanceInformationUnstructured string            `json:"remittanceInformationUnstructured,omitempty"`
	RemittanceInformationStructured   string            `json:"remittanceInformationStructured,omitempty"`
	AdditionalInformation             string            `json:"additionalInformation,omitempty"`
	PurposeCode                       string            `json:"purposeCode,omitempty"`
	BankTransactionCode               string            `json:"bankTransactionCode,omitempty"`
	ProprietaryBankTransactionCode    string            `json:"proprietaryBankTransactionCode,omitempty"`
	Links                             *links            `json:"_links,omitempty"`
}

type exchange struct {
	SourceCurrency         string `json:"sourceCurrency"`
	ExchangeRate           string `json:"exchangeRate"`
	UnitCurrency           string `json:"unitCurrency"`
	TargetCurrency         string `json:"targetCurrency"`
	QuotationDate          string `json:"quotationDate" format:"date"`
	ContractIdentification string `json:"contractIdentification,omitempty"`
}

type transactionList struct {
	Account      accountReference `json:"account"`
	Transactions accountReport    `json:"transactions"`
}

type accountReport struct {
	Booked  []transaction `json:"booked,omitempty"`
	Pending []transaction `json:"pending,omitempty"`
	Links   links         `json:"_links"`
}

type transactionAnswer struct {
	TransactionsDetails transaction `json:"transactionsDetails"`
}

// spec: xs2a/getTransactionList
func (a *API) getTransactions(c *call) (answer, error) {
	r, _, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	if !acceptsJSON(c.Header.Values("Accept")) {
		return answer{}, errAccept
	}
	q, err := report(c)
	if err != nil {
		return answer{}, err
	}
	entries, out := buffers.Get().(*bytes.Buffer), buffers.Get().(*bytes.Buffer)
	defer release(entries)
	w := writer{
		booked: entries.AvailableBuffer(), withDetails: a.Bank.Accounts.TransactionDetails,
		detailsLink: a.link("accounts", q.ResourceID, "transactions").Href + "/",
	}
	page, err := a.Accounts.Transactions(c.Context(), r, q, w.entry)
	if err != nil {
		release(out)
		return answer{}, inHeader(err)
	}
	out.WriteString(`{"account":`)
	encode(out, wireReference(page.Account.Reference))
	out.WriteString(`,"transactions":{`)
	if q.BookingStatus != "pending" {
		out.WriteString(`"booked":[`)
		out.Write(w.booked)
		out.WriteString(`],`)
	}
	if q.BookingStatus != "booked" {
		out.WriteString(`"pending":[`)
		out.Write(w.pending)
		out.WriteString(`],`)
	}
	l := links{Account: ptr(a.link("accounts", q.ResourceID))}
	if page.Next != "" {
		l.Next = &href{a.next(q, page)}
	}
	out.WriteString(`"_links":`)
	encode(out, l)
	out.WriteString("}}")
	entries.Write(w.booked) // a buffer that grew is worth keeping
	return answer{status: http.StatusOK, raw: out.Bytes(), free: func() { release(out) }}, nil
}

// report reads the parameters of a transaction list.
func report(c *call) (q account.Report, err error) {
	q.ResourceID = c.id("accountId")
	params, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return q, malformed("", "query cannot be read")
	}
	for name, values := range params {
		if len(values) > 1 {
			return q, malformed(cut(name, 70), "stands twice")
		}
	}
	if q.BookingStatus = params.Get("bookingStatus"); q.BookingStatus == "" {
		return q, malformed("bookingStatus", "is missing")
	}
	for _, name := range []string{"entryReferenceFrom", "deltaList"} {
		if params.Get(name) != "" && params.Get("dateFrom") == "" {
			return q, account.ErrNotSupported
		}
	}
	if params.Get("dateFrom") == "" {
		return q, malformed("dateFrom", "is missing")
	}
	for name, to := range map[string]*day.Day{"dateFrom": &q.From, "dateTo": &q.To} {
		if s := params.Get(name); s != "" {
			if *to, err = day.Parse(s); err != nil {
				return q, malformed(name, err.Error())
			}
		}
	}
	for name, to := range map[string]*int{"pageIndex": &q.PageIndex, "itemsPerPage": &q.ItemsPerPage} {
		if s := params.Get(name); s != "" {
			const most = 1_000_000
			if *to, err = strconv.Atoi(s); err != nil || *to < 0 || *to > most || name == "itemsPerPage" && *to == 0 {
				return q, malformed(name, "is not a number that makes sense here")
			}
		}
	}
	q.Cursor = params.Get("cursor")
	return q, nil
}

// acceptsJSON says whether a report can be had as JSON. Account reports are what banks also
// have as camt and MT, so a TPP that wants nothing else must be told. A problem may be
// wanted for refusals only.
func acceptsJSON(accept []string) bool {
	asked := false
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			media, quality, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(media)) {
			case "":
				continue
			case "application/json", "application/problem+json", "application/*", "*/*":
				if q := strings.ReplaceAll(quality, " ", ""); q != "q=0" && q != "q=0.0" {
					return true
				}
			}
			asked = true
		}
	}
	return !asked
}

// next is the link to the page after page.
func (a *API) next(q account.Report, page account.Page) string {
	v := url.Values{
		"bookingStatus": {q.BookingStatus}, "dateFrom": {q.From.String()},
		"pageIndex": {strconv.Itoa(page.PageIndex + 1)}, "itemsPerPage": {strconv.Itoa(page.Items)}, "cursor": {page.Next},
	}
	if !q.To.IsZero() {
		v.Set("dateTo", q.To.String())
	}
	return a.link("accounts", q.ResourceID, "transactions").Href + "?" + v.Encode()
}

// spec: xs2a/getTransactionDetails
func (a *API) getTransaction(c *call) (answer, error) {
	r, _, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	var w writer
	err = a.Accounts.Transaction(c.Context(), r, c.id("accountId"), c.PathValue("transactionId"), func(t *core.Transaction) error {
		w.booked = append(w.booked, `{"transactionsDetails":`...)
		w.booked = append(w.write(w.booked, t), '}')
		return nil
	})
	if err != nil {
		return answer{}, inHeader(err)
	}
	return answer{status: http.StatusOK, raw: w.booked}, nil
}
