package core

import (
	"time"

	"kontor/kit/day"
	"kontor/kit/money"
)

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
