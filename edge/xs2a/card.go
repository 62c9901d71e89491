package xs2a

import (
	"bytes"
	"net/http"

	"kontor/bank/account"
	"kontor/bank/core"
)

// cardAccountDetails describes one card account.
//
// spec: xs2a/cardAccountDetails
type cardAccountDetails struct {
	ResourceID      string    `json:"resourceId" doc:"Names the card account in paths, under this consent."`
	MaskedPAN       string    `json:"maskedPan" maxLength:"35"`
	Currency        string    `json:"currency"`
	OwnerName       string    `json:"ownerName,omitempty" maxLength:"140"`
	Name            string    `json:"name,omitempty" maxLength:"70" doc:"Given by the bank."`
	DisplayName     string    `json:"displayName,omitempty" maxLength:"70" doc:"Given by the PSU."`
	Product         string    `json:"product,omitempty" maxLength:"35"`
	DebitAccounting *bool     `json:"debitAccounting,omitempty" since:"1.3.8" doc:"Whether debits are shown as positive amounts."`
	Status          string    `json:"status,omitempty" enum:"enabled,deleted,blocked"`
	Usage           string    `json:"usage,omitempty" enum:"PRIV,ORGA" doc:"Private or professional."`
	Details         string    `json:"details,omitempty" maxLength:"1000"`
	CreditLimit     *amount   `json:"creditLimit,omitempty"`
	Balances        []balance `json:"balances,omitempty"`
	Links           *links    `json:"_links,omitempty"`
}

type cardAccountList struct {
	CardAccounts []cardAccountDetails `json:"cardAccounts"`
}

type cardAccountAnswer struct {
	CardAccount cardAccountDetails `json:"cardAccount"`
}

type cardBalancesAnswer struct {
	CardAccount     accountReference `json:"cardAccount"`
	DebitAccounting *bool            `json:"debitAccounting,omitempty" since:"1.3.8"`
	Balances        []balance        `json:"balances"`
}

// cardTransaction is one entry of a card account. Like transaction, it describes what is
// written.
//
// spec: xs2a/cardTransaction
type cardTransaction struct {
	CardTransactionID              string     `json:"cardTransactionId,omitempty"`
	TerminalID                     string     `json:"terminalId,omitempty"`
	TransactionDate                string     `json:"transactionDate,omitempty" format:"date"`
	AcceptorTransactionDateTime    string     `json:"acceptorTransactionDateTime,omitempty" format:"date-time"`
	BookingDate                    string     `json:"bookingDate,omitempty" format:"date"`
	ValueDate                      string     `json:"valueDate,omitempty" since:"1.3.11" format:"date"`
	TransactionAmount              amount     `json:"transactionAmount" doc:"Negative when the card was debited, unless debitAccounting says otherwise."`
	GrandTotalAmount               *amount    `json:"grandTotalAmount,omitempty" since:"1.3.11" doc:"With all fees."`
	CurrencyExchange               []exchange `json:"currencyExchange,omitempty"`
	OriginalAmount                 *amount    `json:"originalAmount,omitempty" doc:"In the currency of the acceptor."`
	MarkupFee                      *amount    `json:"markupFee,omitempty"`
	MarkupFeePercentage            string     `json:"markupFeePercentage,omitempty" doc:"0.3 is 0.3 %."`
	CardAcceptorID                 string     `json:"cardAcceptorId,omitempty"`
	CardAcceptorAddress            *address   `json:"cardAcceptorAddress,omitempty"`
	CardAcceptorPhone              string     `json:"cardAcceptorPhone,omitempty"`
	MerchantCategoryCode           string     `json:"merchantCategoryCode,omitempty" pattern:"^.{4}$"`
	MaskedPAN                      string     `json:"maskedPAN,omitempty"`
	TransactionDetails             string     `json:"transactionDetails,omitempty" maxLength:"1000"`
	Invoiced                       *bool      `json:"invoiced,omitempty"`
	ProprietaryBankTransactionCode string     `json:"proprietaryBankTransactionCode,omitempty"`
}

type cardTransactionList struct {
	CardAccount      accountReference  `json:"cardAccount"`
	DebitAccounting  *bool             `json:"debitAccounting,omitempty" since:"1.3.8"`
	CardTransactions cardAccountReport `json:"cardTransactions"`
}

type cardAccountReport struct {
	Booked  []cardTransaction `json:"booked,omitempty"`
	Pending []cardTransaction `json:"pending,omitempty"`
	Links   links             `json:"_links"`
}

// spec: xs2a/getCardAccountList
func (a *API) getCardAccounts(c *call) (answer, error) {
	r, withBalance, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	cards, err := a.Accounts.CardAccounts(c.Context(), r, withBalance)
	if err != nil {
		return answer{}, inHeader(err)
	}
	body := cardAccountList{CardAccounts: make([]cardAccountDetails, len(cards))}
	for i, d := range cards {
		body.CardAccounts[i] = a.cardDetails(d)
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// spec: xs2a/ReadCardAccount
func (a *API) getCardAccount(c *call) (answer, error) {
	r, withBalance, err := a.reading(c)
	if err != nil {
		return answer{}, err
	}
	d, err := a.Accounts.CardAccount(c.Context(), r, c.id("accountId"), withBalance)
	if err != nil {
		return answer{}, inHeader(err)
	}
	return answer{status: http.StatusOK, body: cardAccountAnswer{a.cardDetails(d)}}, nil
}

// spec: xs2a/getCardAccountBalances
func (a *API) getCardBalances(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	d, err := a.Accounts.CardBalances(c.Context(), r, c.id("accountId"))
	if err != nil {
		return answer{}, inHeader(err)
	}
	balances := wireBalances(d.CardAccount.Balances)
	if balances == nil {
		balances = []balance{} // a bank may know none
	}
	return answer{status: http.StatusOK, body: cardBalancesAnswer{wireReference(d.Reference), d.DebitAccounting, balances}}, nil
}

// spec: xs2a/getCardAccountTransactionList
func (a *API) getCardTransactions(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	q, err := readReport(c, c.id("accountId"))
	if err != nil {
		return answer{}, err
	}
	w := cardWriter{newest: a.since("1.3.11")}
	page, err := a.Accounts.CardTransactions(c.Context(), r, q, w.entry)
	if err != nil {
		return answer{}, a.olderHistory(c, inHeader(err))
	}
	out := buffers.Get().(*bytes.Buffer)
	out.WriteString(`{"cardAccount":`)
	encode(out, wireReference(page.Account.Reference))
	out.WriteString(`,"cardTransactions":{`)
	if showsBooked(q.BookingStatus) {
		out.WriteString(`"booked":[`)
		out.Write(w.booked)
		out.WriteString(`],`)
	}
	if showsPending(q.BookingStatus) {
		out.WriteString(`"pending":[`)
		out.Write(w.pending)
		out.WriteString(`],`)
	}
	l := a.pageLinks(q, page, a.link("card-accounts", q.ResourceID, "transactions").Href)
	l.CardAccount = ptr(a.link("card-accounts", q.ResourceID))
	out.WriteString(`"_links":`)
	encode(out, l)
	out.WriteString("}}")
	return answer{status: http.StatusOK, raw: out.Bytes(), free: func() { release(out) }}, nil
}

func (a *API) cardDetails(d account.DescribedCard) cardAccountDetails {
	w := cardAccountDetails{
		ResourceID: d.ResourceID, MaskedPAN: d.MaskedPAN, Currency: d.Currency, Name: cut(d.Name, 70), DisplayName: cut(d.DisplayName, 70),
		OwnerName: cut(d.CardAccount.OwnerName, 140), Product: cut(d.Product, 35), DebitAccounting: d.DebitAccounting, Status: d.Status, Usage: d.Usage,
		Details: cut(d.Details, 1000), Balances: wireBalances(d.CardAccount.Balances),
	}
	if d.Limit != nil {
		w.CreditLimit = &amount{d.Limit.Currency, d.Limit.String()}
	}
	l := links{}
	if d.Account.Balances {
		l.Balances = ptr(a.link("card-accounts", d.ResourceID, "balances"))
	}
	if d.Account.Transactions {
		l.Transactions = ptr(a.link("card-accounts", d.ResourceID, "transactions"))
	}
	if l != (links{}) {
		w.Links = &l
	}
	return w
}

// trustedBeneficiary is somebody whom the PSU can pay without SCA.
//
// spec: xs2a/trustedBeneficiary
type trustedBeneficiary struct {
	TrustedBeneficiaryID string            `json:"trustedBeneficiaryId" format:"uuid"`
	DebtorAccount        *accountReference `json:"debtorAccount,omitempty" doc:"Without it, for every account."`
	CreditorAccount      accountReference  `json:"creditorAccount"`
	CreditorAgent        string            `json:"creditorAgent,omitempty" doc:"BIC."`
	CreditorName         string            `json:"creditorName" maxLength:"70"`
	CreditorAlias        string            `json:"creditorAlias,omitempty" maxLength:"70" doc:"The PSU's word for it."`
	CreditorID           string            `json:"creditorId,omitempty" maxLength:"35"`
	CreditorAddress      *address          `json:"creditorAddress,omitempty"`
}

type trustedBeneficiaryList struct {
	TrustedBeneficiaries []trustedBeneficiary `json:"trustedBeneficiaries"`
}

// spec: xs2a/getTrustedBeneficiaries
func (a *API) getTrustedBeneficiaries(c *call) (answer, error) {
	r, err := a.reader(c)
	if err != nil {
		return answer{}, err
	}
	params, err := c.query()
	if err != nil {
		return answer{}, err
	}
	var resourceID *string
	if params.Has("account-id") {
		resourceID = ptr(plainID(params.Get("account-id")))
	}
	all, err := a.Accounts.TrustedBeneficiaries(c.Context(), r, resourceID)
	if err != nil {
		return answer{}, inHeader(err)
	}
	body := trustedBeneficiaryList{TrustedBeneficiaries: make([]trustedBeneficiary, len(all))}
	for i, b := range all {
		body.TrustedBeneficiaries[i] = wireBeneficiary(b)
	}
	return answer{status: http.StatusOK, body: body}, nil
}

func wireBeneficiary(b core.TrustedBeneficiary) trustedBeneficiary {
	w := trustedBeneficiary{
		TrustedBeneficiaryID: b.ID, CreditorAccount: wireReference(b.CreditorAccount), CreditorAgent: b.CreditorAgent,
		CreditorName: cut(b.CreditorName, 70), CreditorAlias: cut(b.CreditorAlias, 70), CreditorID: cut(b.CreditorID, 35),
	}
	if !b.DebtorAccount.IsZero() {
		w.DebtorAccount = ptr(wireReference(b.DebtorAccount))
	}
	if a := b.CreditorAddress; a != nil && a.Country != "" {
		w.CreditorAddress = &address{StreetName: a.StreetName, BuildingNumber: a.BuildingNumber, TownName: a.TownName, PostCode: a.PostCode, Country: a.Country}
	}
	return w
}
