package xs2a

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"kontor/bank/account"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/kit/day"
)

// transaction is one entry of an account, or a standing order. The types in this file
// describe what is written: entries go from the bank's answer into ours without becoming
// values in between.
//
// spec: xs2a/transaction
type transaction struct {
	TransactionID             string `json:"transactionId,omitempty"`
	EntryReference            string `json:"entryReference,omitempty"`
	EndToEndID                string `json:"endToEndId,omitempty"`
	BatchIndicator            bool   `json:"batchIndicator,omitempty" since:"1.3.8" doc:"The entry stands for several payments."`
	BatchNumberOfTransactions int    `json:"batchNumberOfTransactions,omitempty" since:"1.3.8"`
	MandateID                 string `json:"mandateId,omitempty"`
	CheckID                   string `json:"checkId,omitempty"`
	CreditorID                string `json:"creditorId,omitempty"`
	BookingDate               string `json:"bookingDate,omitempty" format:"date"`
	ValueDate                 string `json:"valueDate,omitempty" format:"date"`
	singlePayment
	EntryDetails                    []entryDetail                    `json:"entryDetails,omitempty" since:"1.3.8" doc:"The payments of a batch, one by one."`
	AdditionalInformation           string                           `json:"additionalInformation,omitempty"`
	AdditionalInformationStructured *additionalInformationStructured `json:"additionalInformationStructured,omitempty"`
	PurposeCode                     string                           `json:"purposeCode,omitempty"`
	BankTransactionCode             string                           `json:"bankTransactionCode,omitempty"`
	ProprietaryBankTransactionCode  string                           `json:"proprietaryBankTransactionCode,omitempty"`
	BalanceAfterTransaction         *balance                         `json:"balanceAfterTransaction,omitempty"`
	Links                           *links                           `json:"_links,omitempty"`
}

// singlePayment is what an entry and one payment of a batch have in common.
type singlePayment struct {
	TransactionAmount                 amount            `json:"transactionAmount" doc:"Negative when the account was debited."`
	CurrencyExchange                  []exchange        `json:"currencyExchange,omitempty"`
	CreditorName                      string            `json:"creditorName,omitempty"`
	CreditorAccount                   *accountReference `json:"creditorAccount,omitempty"`
	CreditorAgent                     string            `json:"creditorAgent,omitempty" doc:"BIC."`
	UltimateCreditor                  string            `json:"ultimateCreditor,omitempty"`
	DebtorName                        string            `json:"debtorName,omitempty"`
	DebtorAccount                     *accountReference `json:"debtorAccount,omitempty"`
	DebtorAgent                       string            `json:"debtorAgent,omitempty" doc:"BIC."`
	UltimateDebtor                    string            `json:"ultimateDebtor,omitempty"`
	RemittanceInformationUnstructured string            `json:"remittanceInformationUnstructured,omitempty"`
	RemittanceInformationStructured   string            `json:"remittanceInformationStructured,omitempty"`
}

// entryDetail is one payment of a batch.
//
// spec: xs2a/entryDetail
type entryDetail struct {
	EndToEndID string `json:"endToEndId,omitempty"`
	MandateID  string `json:"mandateId,omitempty"`
	CheckID    string `json:"checkId,omitempty"`
	CreditorID string `json:"creditorId,omitempty"`
	singlePayment
	PurposeCode string `json:"purposeCode,omitempty"`
}

type additionalInformationStructured struct {
	StandingOrderDetails standingOrderDetails `json:"standingOrderDetails"`
}

// standingOrderDetails say when the payments of a standing order are made.
//
// spec: xs2a/standingOrderDetails
type standingOrderDetails struct {
	StartDate         string   `json:"startDate" format:"date"`
	Frequency         string   `json:"frequency" enum:"Daily,Weekly,EveryTwoWeeks,Monthly,EveryTwoMonths,Quarterly,SemiAnnual,Annual,MonthlyVariable"`
	EndDate           string   `json:"endDate,omitempty" format:"date"`
	ExecutionRule     string   `json:"executionRule,omitempty" enum:"following,preceding"`
	WithinAMonthFlag  bool     `json:"withinAMonthFlag,omitempty"`
	MonthsOfExecution []string `json:"monthsOfExecution,omitempty"`
	Multiplicator     int      `json:"multiplicator,omitempty"`
	DayOfExecution    string   `json:"dayOfExecution,omitempty"`
	LimitAmount       *amount  `json:"limitAmount,omitempty"`
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
	Balances     []balance        `json:"balances,omitempty"`
	Links        *links           `json:"_links,omitempty" doc:"download: the whole report at once."`
}

type accountReport struct {
	Booked  []transaction `json:"booked,omitempty"`
	Pending []transaction `json:"pending,omitempty"`
	// Information has its name since 1.3.8; the bookingStatus that asks for it is older, and its
	// answer must stand somewhere.
	Information []transaction `json:"information,omitempty" doc:"Standing orders."`
	Links       links         `json:"_links"`
}

type transactionAnswer struct {
	TransactionsDetails transaction `json:"transactionsDetails"`
}

// spec: xs2a/getTransactionList
func (a *API) getTransactions(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	q, err := readReport(c, c.id("accountId"))
	if err != nil {
		return answer{}, err
	}
	formats, err := a.formats(c, q)
	if err != nil {
		return answer{}, err
	}
	if formats[0] != profile.FormatJSON {
		return a.whole(c, q, formats, func(balances bool, head func(account.Head) error, entry func(*core.Transaction) error) error {
			return a.Accounts.Whole(c.Context(), r, q, balances, head, entry)
		})
	}
	return a.listTransactions(c, r, q)
}

// listTransactions answers with one page as JSON.
func (a *API) listTransactions(c *call, r account.Read, q account.Report) (answer, error) {
	entries, out := buffers.Get().(*bytes.Buffer), buffers.Get().(*bytes.Buffer)
	defer release(entries)
	w := a.writer(q.ResourceID)
	w.booked = entries.AvailableBuffer()
	page, err := a.Accounts.Transactions(c.Context(), r, q, w.entry)
	if err != nil {
		release(out)
		return answer{}, a.olderHistory(c, inHeader(err))
	}
	out.WriteString(`{"account":`)
	encode(out, wireReference(page.Account.Reference))
	out.WriteString(`,"transactions":{`)
	for _, list := range []struct {
		name    string
		shown   bool
		entries []byte
	}{
		{"booked", showsBooked(q.BookingStatus), w.booked},
		{"pending", showsPending(q.BookingStatus), w.pending},
		{"information", showsInformation(q.BookingStatus), w.information},
	} {
		if list.shown {
			out.WriteString(`"` + list.name + `":[`)
			out.Write(list.entries)
			out.WriteString(`],`)
		}
	}
	l := a.pageLinks(q, page, a.link("accounts", q.ResourceID, "transactions").Href)
	l.Account = ptr(a.link("accounts", q.ResourceID))
	out.WriteString(`"_links":`)
	encode(out, l)
	out.WriteByte('}')
	if page.Balances != nil {
		out.WriteString(`,"balances":`)
		encode(out, wireBalances(page.Balances))
	}
	if page.Download != "" {
		out.WriteString(`,"_links":`)
		encode(out, links{Download: ptr(a.link("accounts", q.ResourceID, "transactions", "download", page.Download))})
	}
	out.WriteByte('}')
	entries.Write(w.booked) // a buffer that grew is worth keeping
	return answer{status: http.StatusOK, raw: out.Bytes(), free: func() { release(out) }}, nil
}

// Which lists a report of status has.
func showsBooked(status string) bool {
	return status == "booked" || status == "both" || status == "all"
}
func showsPending(status string) bool {
	return status == "pending" || status == "both" || status == "all"
}
func showsInformation(status string) bool { return status == "information" || status == "all" }

// writer returns the writer of entries of an account.
func (a *API) writer(resourceID string) writer {
	w := writer{batches: a.since("1.3.8")}
	if a.Bank.Accounts.TransactionDetails {
		w.detailsLink = a.link("accounts", resourceID, "transactions").Href + "/"
	}
	return w
}

// readReport reads the parameters of a list of entries.
func readReport(c *call, resourceID string) (q account.Report, err error) {
	q.ResourceID = resourceID
	params, err := c.query()
	if err != nil {
		return q, err
	}
	if q.BookingStatus = params.Get("bookingStatus"); q.BookingStatus == "" {
		return q, malformed("bookingStatus", "is missing")
	}
	for name, to := range map[string]*bool{"deltaList": &q.Delta, "withBalance": &q.WithBalance} {
		if *to, err = boolean(params, name); err != nil {
			return q, err
		}
	}
	if q.EntryReferenceFrom = params.Get("entryReferenceFrom"); len(q.EntryReferenceFrom) > 35 {
		return q, malformed("entryReferenceFrom", "is longer than 35 characters")
	}
	if q.BookingStatus == "information" { // there is one list of standing orders; a period has no effect
		q.Delta, q.EntryReferenceFrom = false, ""
		return q, nil
	}
	if params.Get("dateFrom") == "" && !q.Delta && q.EntryReferenceFrom == "" {
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

// query reads the query string. What stands twice could be read in two ways.
func (c *call) query() (url.Values, error) {
	params, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, malformed("", "query cannot be read")
	}
	for name, values := range params {
		if len(values) > 1 {
			return nil, malformed(cut(name, 70), "stands twice")
		}
	}
	return params, nil
}

func boolean(params url.Values, name string) (bool, error) {
	switch params.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, malformed(name, "is neither true nor false")
}

// pageLinks returns the links to the other pages of the report q, which stands at address.
func (a *API) pageLinks(q account.Report, page account.Page, address string) (l links) {
	to := func(cursor string, index int) *href {
		if cursor == "" {
			return nil
		}
		v := url.Values{"bookingStatus": {q.BookingStatus}, "itemsPerPage": {strconv.Itoa(page.Items)}, "cursor": {cursor}}
		if index >= 0 {
			v.Set("pageIndex", strconv.Itoa(index))
		}
		for name, value := range map[string]string{
			"dateFrom": q.From.String(), "dateTo": q.To.String(), "entryReferenceFrom": q.EntryReferenceFrom,
			"deltaList": yes(q.Delta), "withBalance": yes(q.WithBalance),
		} {
			if value != "" {
				v.Set(name, value)
			}
		}
		return &href{address + "?" + v.Encode()}
	}
	l.First, l.Previous = to(page.First, 0), to(page.Previous, page.Index-1)
	l.Next, l.Last = to(page.Next, page.Index+1), to(page.Last, -1)
	return l
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// spec: xs2a/getTransactionDetails
func (a *API) getTransaction(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	w := a.writer(c.id("accountId"))
	w.detailsLink = "" // this is where it leads
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
