package core

import (
	"time"

	"kontor/kit/day"
	"kontor/kit/money"
)

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
