// Package core is the port to a bank's own systems: what the hub asks of a bank, and what
// a bank tells the hub.
//
// The hub starts something (access to accounts, a payment, a log-in), the bank leads the
// PSU through its own pages, and reports by events: any number of Updates, then one Success
// or one Fail. All of them carry the session secret that the hub chose. Reads are plain
// questions with answers.
//
// The hub keeps no balances and no transactions: they pass through. Package coretest says
// in tests what every implementation must do; connector/client is the one over HTTP.
package core

import (
	"context"
	"errors"
	"time"

	"kontor/kit/day"
	"kontor/kit/money"
)

// Callers tell these apart with errors.Is. The texts are fit for a TPP.
var (
	ErrUnavailable    = errors.New("the bank's systems do not answer")
	ErrMalformed      = errors.New("the bank's systems gave an answer that cannot be used")
	ErrUnknownOutcome = errors.New("the bank's systems did not say whether they took it") // sent, perhaps received
	ErrNotOffered     = errors.New("the bank does not offer this")
	ErrTokenExpired   = errors.New("the access is over at the bank")
	ErrAccessDenied   = errors.New("the access was withdrawn at the bank")
	ErrAccountUnknown = errors.New("account unknown at the bank")
	ErrPaymentUnknown = errors.New("payment unknown at the bank")
	ErrRefused        = errors.New("the bank refused the request") // 4xx with a reason of its own
)

// A Bank is one bank as the hub sees it. Every method may return ErrUnavailable,
// ErrMalformed or ErrRefused.
type Bank interface {
	// StartAccess asks for access to accounts. The PSU's part follows by events. An Update
	// in the answer itself is returned at once; it counts like one that came as an event.
	StartAccess(ctx context.Context, r AccessRequest) (*Update, error)
	// RevokeAccess ends an access. It returns nil when the bank knows it no longer.
	RevokeAccess(ctx context.Context, a Access) error

	// Accounts lists every account that the access covers.
	Accounts(ctx context.Context, a Access) ([]Account, error)
	// Transactions calls yield for each entry of one page, newest first, booked and pending
	// mixed, and returns the cursor of the next page, "" on the last. The entry and its
	// texts are only good until yield returns. An error of yield ends the page and is returned.
	Transactions(ctx context.Context, a Access, q TransactionQuery, yield func(*Transaction) error) (next string, err error)
	// CardAccounts lists the cards that the access covers; ErrNotOffered where there is no such thing.
	CardAccounts(ctx context.Context, a Access) ([]CardAccount, error)
	// CardTransactions is Transactions for a card account: q.AccountID is a CardAccount.ID.
	// ErrNotOffered where the bank shows no entries of cards.
	CardTransactions(ctx context.Context, a Access, q TransactionQuery, yield func(*CardTransaction) error) (next string, err error)
	// StandingOrders calls yield for each standing order of an account (extension
	// "standing_orders"); Standing of each is set. The rules of Transactions hold, but all
	// come at once: there are never many. ErrNotOffered where the bank does not tell them.
	StandingOrders(ctx context.Context, a Access, accountID string, yield func(*Transaction) error) error
	// TrustedBeneficiaries lists whom the PSU can pay without SCA, from any of her accounts
	// (extension "trusted_beneficiaries"); ErrNotOffered where the bank does not tell.
	TrustedBeneficiaries(ctx context.Context, a Access) ([]TrustedBeneficiary, error)
	// Refresh asks a bank that answers from a copy of its data to make the copy anew. It
	// returns when the bank has taken note. session is a session secret of its own, not that
	// of the access: its Success or Fail says that the copy is as new as it will get, and a
	// Success of it has no token. ErrNotOffered where there is no copy to refresh; then reads
	// are as new as they can be.
	Refresh(ctx context.Context, a Access, session string) error

	// StartPayment hands over a payment. It is never sent twice: when the request may have
	// arrived and no answer came, the error is ErrUnknownOutcome. ErrNotOffered where the bank
	// does not take this p.Service; then nothing was sent.
	StartPayment(ctx context.Context, p PaymentOrder) (*Update, error)
	// CancelPayment asks to cancel a payment (extension "cancellation"). The bank then leads the
	// PSU as for a payment, or not at all, and reports under the session of the cancellation.
	// Like a payment it is never sent twice: ErrUnknownOutcome. ErrPaymentUnknown when the bank
	// has no such payment; ErrNotOffered where it cancels none.
	CancelPayment(ctx context.Context, r Cancellation) (*Update, error)
	// PaymentStatus asks how the payment stands that was handed over under session (extension
	// "payment_status"). ErrPaymentUnknown says that the bank never got it, and will not take
	// it any more should it still arrive; ErrNotOffered where the bank does not tell.
	PaymentStatus(ctx context.Context, session, paymentID string) (*Update, error)
	// VerifyPayees compares names of payees with those on their accounts (extension
	// "payee_verification"). There is one result for each, in their order; one that nobody
	// can tell is PayeeUnavailable. ErrNotOffered where the bank verifies none.
	VerifyPayees(ctx context.Context, q PayeeQuery) ([]PayeeResult, error)

	// StartBasket hands over several payments and requests for access, for which one SCA
	// counts (extension "baskets"). The bank reports the SCA under the basket's session, and
	// each member under its own: before or after the basket's end, and a payment can fail by
	// itself though the SCA succeeded. When the basket fails, no member is executed or granted.
	// Like a payment it is never sent twice: ErrUnknownOutcome; PaymentStatus then tells of each
	// payment. ErrNotOffered where the bank takes no baskets, or not these members; then
	// nothing was sent.
	StartBasket(ctx context.Context, b BasketOrder) (*Update, error)

	// StartFundsAccess asks for the right to confirm funds on one account.
	StartFundsAccess(ctx context.Context, r FundsAccessRequest) (*Update, error)
	RevokeFundsAccess(ctx context.Context, a Access) error
	// FundsAvailable asks whether amount is there now. account must be the very reference
	// that StartFundsAccess was given. An a that names its TPP only stands for what the PSU
	// has allowed at the bank (extension "funds_at_bank"): ErrAccessDenied where she has not,
	// ErrNotOffered where the bank takes no such question.
	FundsAvailable(ctx context.Context, a Access, account AccountReference, amount money.Amount) (bool, error)

	// StartLogin asks the bank to log a PSU in without a consent or payment (extension
	// "logins"); ErrNotOffered where the connector does not declare it.
	StartLogin(ctx context.Context, r LoginRequest) (*Update, error)

	// Authorise takes one step of the SCA of a session (extensions "embedded" and "decoupled").
	// What the bank says at once is returned; that the session succeeds or fails is reported
	// as ever, before or after the answer. ErrCredentials, ErrMethodUnknown, or ErrRefused where the
	// session is over or waits for another step; ErrNotOffered where the connector knows no
	// steps. A step is sent once: a code counts once. Of one that may have arrived, with no
	// answer, the error is ErrUnavailable and ErrUnknownOutcome.
	Authorise(ctx context.Context, s SCAStep) (*Update, error)
}

// A PSUContext is what the TPP passed on about the customer's device. All of it is optional.
type PSUContext struct {
	IPAddress, DeviceID, UserAgent, GeoLocation, CorporateID string
}

// An AccountReference names an account by exactly one identifier, and its currency where
// one identifier stands for several accounts.
//
// spec: xs2a/accountReference
type AccountReference struct {
	IBAN      string `json:"iban,omitempty"`
	BBAN      string `json:"bban,omitempty"`
	PAN       string `json:"pan,omitempty"`
	MaskedPAN string `json:"maskedPan,omitempty"`
	MSISDN    string `json:"msisdn,omitempty"`
	Other     Other  `json:"other,omitzero"`
	Currency  string `json:"currency,omitempty"`
}

// Other names an account by an identifier that has no field of its own.
//
// spec: xs2a/other
type Other struct {
	Identification        string `json:"identification,omitempty"`
	SchemeNameCode        string `json:"schemeNameCode,omitempty"`
	SchemeNameProprietary string `json:"schemeNameProprietary,omitempty"`
	Issuer                string `json:"issuer,omitempty"`
}

// IsZero says whether r names nothing.
func (r AccountReference) IsZero() bool { return r == AccountReference{Currency: r.Currency} }

// Matches says whether r, perhaps without a currency, can mean the account that o names.
func (r AccountReference) Matches(o AccountReference) bool {
	if r.Currency != "" && o.Currency != "" && r.Currency != o.Currency {
		return false
	}
	return r.IBAN != "" && r.IBAN == o.IBAN || r.BBAN != "" && r.BBAN == o.BBAN || r.PAN != "" && r.PAN == o.PAN ||
		r.MaskedPAN != "" && r.MaskedPAN == o.MaskedPAN || r.MSISDN != "" && r.MSISDN == o.MSISDN ||
		r.Other.names(o) || o.Other.names(r)
}

// names says whether i is an identifier of what r names. The connector protocol has one word
// for what Berlin Group calls other and what it calls bban, where that is the bank's own.
func (i Other) names(r AccountReference) bool {
	return i.Identification != "" && (i.Identification == r.Other.Identification || i.Identification == r.BBAN)
}

// An AccessRequest asks a bank for access to accounts, for one consent.
type AccessRequest struct {
	Session         string // session secret: events carry it
	ConsentID       string
	TPP             string // authorisation number of the TPP
	AppName         string // shown to the PSU
	ReturnURL       string // the hub's own page, where the bank sends the PSU in the end
	Recurring       bool
	ValidUntil      day.Day
	FrequencyPerDay int
	AllPSD2         bool // every account; otherwise the lists, and empty lists leave the choice to the PSU
	Balances        []AccountReference
	Transactions    []AccountReference
	PSU             PSUContext
	SCA             SCA
}

// An Access is the right to ask, as the bank granted it.
type Access struct {
	Session   string
	Token     string // issued by the bank
	ConsentID string
	TPP       string
	PSU       PSUContext
}

// An Account as the bank describes it.
type Account struct {
	ID        string // the bank's own; never shown to a TPP
	Reference AccountReference
	Currency  string // money.Several: it only bundles those of its identifier
	Name      string // given by the bank
	Product   string
	Type      string // ISO 20022 ExternalCashAccountType1Code
	OwnerName string // joint owners in one text
	Status    string // enabled, deleted, blocked; "" is enabled
	BIC       string
	Balances  []Balance

	DisplayName    string   // given by the PSU
	Usage          string   // PRIV, ORGA
	Details        string   // whatever the bank wants to say
	LinkedAccounts string   // case by case, in the bank's words
	OwnerNames     []string // one by one, where the bank can tell
	PSUName        string   // of the customer who gave the access
	Granted        *Rights  // what she gives of it now; nil: what the bank said when she gave the access
}

// Rights are what a PSU gives of one account, beside its details.
type Rights struct{ Balances, Transactions bool }

// A Balance of an account.
type Balance struct {
	Type                     string // closingBooked, interimAvailable, …
	Amount                   money.Amount
	CreditLimitIncluded      *bool
	LastChangeDateTime       time.Time // zero: not told
	ReferenceDate            day.Day
	LastCommittedTransaction string
}

// A CardAccount as the bank describes it.
type CardAccount struct {
	ID        string
	MaskedPAN string
	Currency  string
	Name      string
	Product   string
	Status    string
	Limit     *money.Amount
	Balances  []Balance

	DisplayName     string
	OwnerName       string
	Usage           string // PRIV, ORGA
	Details         string
	Granted         *Rights // as of an Account
	DebitAccounting *bool   // whether debits are shown positive; nil: not told
}

// A TransactionQuery selects one page.
type TransactionQuery struct {
	AccountID string  // Account.ID
	From, To  day.Day // both inclusive
	Cursor    string  // what the page before returned
}

// Text is the inside of a JSON string, still escaped and known to be valid: it can stand
// between quotes in an answer without being looked at again. It is only good until the
// yield it was given to returns.
type Text []byte

// A Transaction is one entry of an account report, as texts of the bank's answer; or a
// standing order, which is told in the same words.
type Transaction struct {
	ID                    Text
	Pending               bool // not booked yet
	Amount                Text // signed decimal
	Currency              Text
	BookingDate           Text // YYYY-MM-DD or empty
	ValueDate             Text
	EndToEndID            Text
	EntryReference        Text
	MandateID             Text
	CheckID               Text
	CreditorID            Text
	CreditorName          Text
	CreditorAccount       TextAccount
	CreditorAgent         Text // BIC
	UltimateCreditor      Text
	DebtorName            Text
	DebtorAccount         TextAccount
	DebtorAgent           Text // BIC
	UltimateDebtor        Text
	RemittanceStructured  Text
	Remittance            Text // unstructured
	AdditionalInformation Text
	PurposeCode           Text
	BankTransactionCode   Text // Domain-Family-SubFamily
	ProprietaryCode       Text
	Exchange              []TextExchange

	// A batch entry stands for several payments. Entries tells them one by one; each uses
	// the fields that a single payment has.
	Batch      bool
	BatchCount Text // whole number, or empty
	Entries    []Transaction

	BalanceAfter TextBalance    // of the account, once this was booked
	Standing     *StandingOrder // nil: this is no standing order
}

// A TextBalance is a balance within a Transaction; without Type there is none.
type TextBalance struct {
	Type, Amount, Currency Text
	ReferenceDate          Text // YYYY-MM-DD or empty
}

// A StandingOrder says when the payments of a standing order are made.
//
// spec: xs2a/standingOrderDetails
type StandingOrder struct {
	StartDate, EndDate Text // YYYY-MM-DD; EndDate may be empty
	Frequency          Text // Daily, Weekly, EveryTwoWeeks, Monthly, …, MonthlyVariable
	ExecutionRule      Text // following, preceding
	WithinAMonth       Text // true, false or empty
	Months             []Text
	Multiplicator      Text
	DayOfExecution     Text // 1 … 31
	LimitAmount        Text
	LimitCurrency      Text
}

// A CardTransaction is one entry of a card account's report, as texts of the bank's answer.
type CardTransaction struct {
	ID                  Text
	Pending             bool
	TerminalID          Text
	TransactionDate     Text // YYYY-MM-DD
	AcceptorTime        Text // date and time at the acceptor, RFC 3339, or empty
	BookingDate         Text
	ValueDate           Text
	Amount, Currency    Text // signed decimal
	GrandTotal          TextAmount
	Exchange            []TextExchange
	Original            TextAmount
	MarkupFee           TextAmount
	MarkupFeePercentage Text // "0.3" is 0.3 %
	AcceptorID          Text
	AcceptorAddress     TextAddress
	AcceptorPhone       Text
	MerchantCategory    Text // four digits
	MaskedPAN           Text
	Details             Text
	Invoiced            Text // true, false or empty
	ProprietaryCode     Text
}

// A TextAmount is an amount within an entry; without Amount there is none.
type TextAmount struct{ Amount, Currency Text }

// A TextAddress is an address within an entry.
type TextAddress struct{ StreetName, BuildingNumber, TownName, PostCode, Country Text }

// A TrustedBeneficiary is somebody whom the PSU can pay without SCA.
//
// spec: xs2a/trustedBeneficiary
type TrustedBeneficiary struct {
	ID              string           // the bank's own; never shown to a TPP
	DebtorAccount   AccountReference // zero: for every account
	CreditorAccount AccountReference
	CreditorAgent   string // BIC
	CreditorName    string
	CreditorAlias   string // the PSU's word for it
	CreditorID      string
	CreditorAddress *Address
}

// A TextAccount is an account reference within a Transaction.
type TextAccount struct{ IBAN, BBAN, PAN, MaskedPAN, MSISDN, Currency Text }

// A TextExchange is one currency exchange within a Transaction.
type TextExchange struct {
	SourceCurrency, TargetCurrency, UnitCurrency, Rate, QuotationDate, ContractID Text
}

// A PaymentOrder hands a payment to the bank. Of Payment, Bulk and Periodic, those are used
// that Service names: payments has Payment, bulk-payments Bulk, and periodic-payments
// Payment and Periodic.
type PaymentOrder struct {
	Session   string
	PaymentID string
	TPP       string
	AppName   string
	ReturnURL string
	Service   string // payments, bulk-payments, periodic-payments
	Product   string // sepa-credit-transfers, …
	UserID    string // the bank's id of the PSU where a log-in before told it; else ""
	PSU       PSUContext
	SCA       SCA
	// RejectNoFunds asks the bank to reject at once what has no cover.
	RejectNoFunds bool
	Payment
	Bulk     *Bulk
	Periodic *Periodic
}

// A Payment is a single credit transfer, alone or in a bulk, or each one of a series.
type Payment struct {
	EndToEndID             string
	InstructionID          string           `json:",omitzero"`
	DebtorAccount          AccountReference // zero: the PSU chooses at the bank
	DebtorName             string           `json:",omitzero"`
	UltimateDebtor         string           `json:",omitzero"`
	Amount                 money.Amount
	CreditorName           string
	CreditorAccount        AccountReference
	CreditorAgent          string // BIC
	CreditorAgentName      string
	CreditorAddress        *Address
	CreditorID             string                `json:",omitzero"`
	UltimateCreditor       string                `json:",omitzero"`
	PurposeCode            string                `json:",omitzero"` // ISO 20022 ExternalPurpose1Code
	CategoryPurpose        string                `json:",omitzero"` // ISO 20022 ExternalCategoryPurpose1Code: SALA, …
	ChargeBearer           string                `json:",omitzero"` // DEBT, CRED, SHAR, SLEV; "" is the product's own
	Remittance             string                // unstructured
	Structured             *StructuredRemittance `json:",omitzero"`
	RequestedExecutionDate day.Day               // zero: at once
	RequestedExecutionTime time.Time             `json:",omitzero"` // zero: no time was asked for
	Verified               PayeeResult           `json:",omitzero"` // what became of the check of the payee's name
}

// A StructuredRemittance refers to what is paid, such as an invoice with an RF reference.
type StructuredRemittance struct{ Reference, ReferenceType, ReferenceIssuer string }

// A Bulk is several payments from one account, approved together.
type Bulk struct {
	DebtorAccount          AccountReference // zero: the PSU chooses at the bank
	DebtorName             string
	BatchBooking           *bool // one entry for all of them; nil: as the bank likes
	RequestedExecutionDate day.Day
	RequestedExecutionTime time.Time
	PaymentInformationID   string
	Payments               []Payment // without debtor and date
}

// A Periodic says when the payments of a standing order are made.
//
// Source: Berlin Group digest, section 3.1.
type Periodic struct {
	StartDate         day.Day
	EndDate           day.Day  // zero: until it is cancelled
	Frequency         string   // Daily, Weekly, EveryTwoWeeks, Monthly, …, MonthlyVariable
	ExecutionRule     string   // following, preceding; "" is the bank's own
	DayOfExecution    string   // "1" … "31"; 31 is the last of the month
	MonthsOfExecution []string // "1" … "12", with MonthlyVariable only
}

// A Cancellation asks the bank to cancel a payment, or the payments of a series to come.
type Cancellation struct {
	Session        string // of the cancellation: its SCA reports under it
	PaymentSession string // under which the payment was handed over
	PaymentID      string
	TPP            string
	AppName        string
	ReturnURL      string
	UserID         string
	PSU            PSUContext
	SCA            SCA
}

// A BasketOrder hands several payments and requests for access to the bank at once. Each has
// a Session of its own; the app, the PSU's device and where she returns are the basket's.
type BasketOrder struct {
	Session   string // of the basket: its SCA reports under it
	BasketID  string
	TPP       string
	AppName   string
	ReturnURL string
	UserID    string // as of a PaymentOrder
	PSU       PSUContext
	SCA       SCA
	Payments  []PaymentOrder
	Accesses  []AccessRequest
}

// An Address of a creditor.
type Address struct {
	StreetName, BuildingNumber, TownName, PostCode, Country string
}

// A FundsAccessRequest asks for the right to confirm funds on Account.
type FundsAccessRequest struct {
	Session   string
	ConsentID string
	TPP       string
	AppName   string
	ReturnURL string
	Account   AccountReference
	PSU       PSUContext
	SCA       SCA

	// What the TPP tells of the card that it issues for the account; each may be empty.
	CardNumber              string
	CardExpiryDate          day.Day
	CardInformation         string
	RegistrationInformation string
}

// A LoginRequest asks for a log-in of a PSU.
type LoginRequest struct {
	Session   string
	TPP       string
	AppName   string
	ReturnURL string
	IBAN      string // of the account the PSU is expected to name; optional
}

// An Update is a step on the way. Empty fields say nothing.
type Update struct {
	Session        string
	Status         string // in the words of the protocol: received, redirect, RCVD, ACTC, …
	SCAStatus      string
	RedirectURL    string // where the PSU's browser goes
	ExpiresAt      time.Time
	FundsAvailable *bool
	PSUMessage     string
	Items          *ItemStatuses // of a bulk; nil: nothing is told of its payments

	// Of the SCA by other ways than the bank's pages. The bank may decide on another approach
	// than was asked for, as when the PSU chooses a method that works by her phone.
	SCAApproach string
	Methods     []SCAMethod // those that the PSU can choose from
	Chosen      *SCAMethod
	Challenge   *Challenge
}

// ItemStatuses tell how the payments of a bulk stand. The newest take the place of all before.
type ItemStatuses struct {
	Told []ItemStatus
	// Others is how those stand that are not told one by one; PART: some are executed, the
	// rest is rejected, and none is open. "" says nothing of them.
	Others string
}

// An ItemStatus tells how one payment of a bulk stands.
type ItemStatus struct {
	Index  int    // its place in the bulk, from 0
	Status string // one that is settled and came back stays settled
	Reason string // ISO 20022 reason code, or the bank's own; "" where there is none
}

// A Success ends a session well.
type Success struct {
	Session       string
	UserID        string // the bank's id of the PSU
	Token         string // for reads and checks; "" for payments and log-ins
	Granted       *Grant // nil: what was asked
	DebtorAccount AccountReference
}

// A Grant is what the PSU gave access to.
type Grant struct {
	AllPSD2                bool
	Balances, Transactions []AccountReference // both empty: all accounts
}

// A Fail ends a session badly.
type Fail struct {
	Session string
	Class   string // AccessDenied, PaymentNotCreated, … or anything
	Message string
	Status  string // payments: RJCT or CANC
	UserID  string
}

// Callers of the event methods tell these apart with errors.Is; the wire has a class for each.
var (
	ErrSessionUnknown   = errors.New("session not found") // or another bank's
	ErrSessionFinalised = errors.New("session is already finalised")
	ErrSessionClosed    = errors.New("session is closed")
	ErrSessionExpired   = errors.New("session has expired")
	ErrTokenUnknown     = errors.New("token not found")
	ErrEvent            = errors.New("event cannot be understood")
)

// Events is what the hub hears from the banks. bank is the bank's code. A repeated Success
// with the same token is accepted again for ten minutes; everything else that comes after
// the end of a session is refused.
type Events interface {
	Update(ctx context.Context, bank string, u Update) error
	Success(ctx context.Context, bank string, s Success) error
	Fail(ctx context.Context, bank string, f Fail) error
	// Revoked says that the PSU withdrew an access at the bank; funds tells which kind.
	Revoked(ctx context.Context, bank, token string, funds bool) error
	// Tokens lists the accesses that the hub holds at the bank, by ID.
	Tokens(ctx context.Context, bank string, q TokenQuery) ([]TokenInfo, error)
}

// A TokenQuery selects accesses. Empty fields select all.
type TokenQuery struct {
	UserID string
	FromID string // the first ID not to be left out
	Limit  int    // 1 to 100
}

// A TokenInfo is one access as the hub lists it for a bank's own dashboard.
type TokenInfo struct {
	ID         string
	UserID     string
	ConsentID  string
	Funds      bool
	Status     string // active, revoked, expired
	TPP        string
	AppName    string
	ValidUntil day.Day
	CreatedAt  time.Time
}
