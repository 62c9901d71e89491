package xs2aclient

import (
	"context"
	"net/http"
)

// Payment services and products that most banks have. Banks publish others.
const (
	Payments         = "payments"
	BulkPayments     = "bulk-payments"
	PeriodicPayments = "periodic-payments"

	SEPACreditTransfers        = "sepa-credit-transfers"
	InstantSEPACreditTransfers = "instant-sepa-credit-transfers"
	Target2Payments            = "target-2-payments"
	CrossBorderCreditTransfers = "cross-border-credit-transfers"
	// XML before a product makes it one that is sent as a Document.
	XML = "pain.001-"
)

// Values of transactionStatus (ISO 20022) that a TPP acts on. Those up to SettledCreditor
// that are not final have only further ones after them.
const (
	PaymentReceived        = "RCVD"
	PaymentPartlySigned    = "PATC" // another PSU has to authorise it as well: StartPaymentAuthorisation
	PaymentAccepted        = "ACTC"
	PaymentInProcess       = "ACSP" // it is on its way; of a standing order: it runs
	PaymentPartlyAccepted  = "PART" // of a bulk: some were executed, some rejected
	PaymentSettled         = "ACSC" // final for the debtor's side
	PaymentSettledCreditor = "ACCC"
	PaymentRejected        = "RJCT"
	PaymentCancelled       = "CANC"

	// In the place of PaymentReceived, where the bank has compared the payee's name with the one
	// on the account (verification of payee). The TPP shows the PSU what came of it.
	PaymentPayeeMatches = "RCVC"
	PaymentPayeeDiffers = "RVCM"
	PaymentPayeeUnknown = "RVNC" // nobody could tell
)

// A PaymentRequest is a single credit transfer in JSON. Most fields came with level 1.3.9,
// and are the bank's to offer.
type PaymentRequest struct {
	EndToEndIdentification            string                 `json:"endToEndIdentification,omitempty"`
	InstructionIdentification         string                 `json:"instructionIdentification,omitempty"`
	DebtorAccount                     *AccountReference      `json:"debtorAccount,omitempty"`
	DebtorName                        string                 `json:"debtorName,omitempty"`
	UltimateDebtor                    string                 `json:"ultimateDebtor,omitempty"`
	InstructedAmount                  Amount                 `json:"instructedAmount"`
	CreditorAccount                   AccountReference       `json:"creditorAccount"`
	CreditorAgent                     string                 `json:"creditorAgent,omitempty"` // BIC
	CreditorAgentName                 string                 `json:"creditorAgentName,omitempty"`
	CreditorName                      string                 `json:"creditorName"`
	CreditorAddress                   *Address               `json:"creditorAddress,omitempty"`
	CreditorID                        string                 `json:"creditorId,omitempty"`
	UltimateCreditor                  string                 `json:"ultimateCreditor,omitempty"`
	PurposeCode                       string                 `json:"purposeCode,omitempty"`
	ChargeBearer                      string                 `json:"chargeBearer,omitempty"` // DEBT, CRED, SHAR, SLEV
	RemittanceInformationUnstructured string                 `json:"remittanceInformationUnstructured,omitempty"`
	RemittanceInformationStructured   *RemittanceInformation `json:"remittanceInformationStructured,omitempty"`
	RequestedExecutionDate            string                 `json:"requestedExecutionDate,omitempty"` // YYYY-MM-DD
}

// RemittanceInformation refers to what is paid, for example by an RF reference.
type RemittanceInformation struct {
	Reference       string `json:"reference"`
	ReferenceType   string `json:"referenceType,omitempty"`
	ReferenceIssuer string `json:"referenceIssuer,omitempty"`
}

// A BulkRequest is many payments from one account, which the PSU approves together. Its
// Payments have no debtor account and no date of their own.
type BulkRequest struct {
	BatchBookingPreferred  *bool             `json:"batchBookingPreferred,omitempty"`
	DebtorAccount          *AccountReference `json:"debtorAccount,omitempty"`
	RequestedExecutionDate string            `json:"requestedExecutionDate,omitempty"`
	RequestedExecutionTime string            `json:"requestedExecutionTime,omitempty"` // RFC 3339; instead of a date
	PaymentInformationID   string            `json:"paymentInformationId,omitempty"`
	Payments               []PaymentRequest  `json:"payments"`
}

// A PeriodicRequest is a standing order.
type PeriodicRequest struct {
	PaymentRequest
	Standing
}

// Standing says when the payments of a standing order are made.
type Standing struct {
	StartDate         string   `json:"startDate"`
	EndDate           string   `json:"endDate,omitempty"`
	ExecutionRule     string   `json:"executionRule,omitempty"` // following, preceding
	Frequency         string   `json:"frequency"`               // Daily, Weekly, …, Monthly, …, MonthlyVariable
	DayOfExecution    string   `json:"dayOfExecution,omitempty"`
	MonthsOfExecution []string `json:"monthsOfExecution,omitempty"` // with MonthlyVariable only
}

// A PaymentID says where a payment is: IDs are found below their service and product.
type PaymentID struct{ Service, Product, ID string }

// A PaymentCreated answers CreatePayment.
type PaymentCreated struct {
	TransactionStatus string `json:"transactionStatus"`
	PaymentID         string `json:"paymentId"`
	SCAStatus         string `json:"scaStatus"`
	Offer
	TransactionFeeIndicator bool      `json:"transactionFeeIndicator"`
	TransactionFees         *Amount   `json:"transactionFees"`
	Links                   Links     `json:"_links"`
	PSUMessage              string    `json:"psuMessage"`
	Messages                []Message `json:"tppMessages"`
	SCAApproach             string    `json:"-"` // ASPSP-SCA-Approach
	NotificationSupport     string    `json:"-"` // ASPSP-Notification-Support: true or false; "" where nothing was asked for
	Location                string    `json:"-"`
}

// A Payment is a payment as it stands. Payments are those of a bulk, Standing is that of a
// standing order.
type Payment struct {
	PaymentRequest
	Standing
	Payments          []PaymentRequest `json:"payments"`
	TransactionStatus string           `json:"transactionStatus"`
	Messages          []Message        `json:"tppMessages"`
}

// A PaymentStatus is how a payment stands.
type PaymentStatus struct {
	TransactionStatus string    `json:"transactionStatus"`
	FundsAvailable    *bool     `json:"fundsAvailable"` // nil: not checked
	PSUMessage        string    `json:"psuMessage"`
	Messages          []Message `json:"tppMessages"`
}

// CreatePayment initiates a payment. payment is a PaymentRequest, BulkRequest or
// PeriodicRequest, a Document for products in XML, or any value that marshals to what a
// product of the bank's own asks for. See Preferences for what else can be asked for.
func (c *Client) CreatePayment(ctx context.Context, service, product string, payment any, to Redirects) (created PaymentCreated, err error) {
	h, err := c.do(ctx, request{operation: "CreatePayment", method: http.MethodPost, url: c.at(service, product), headers: c.preferred(to), body: payment}, &created)
	created.SCAApproach, created.Location = h.Get("ASPSP-SCA-Approach"), h.Get("Location")
	created.NotificationSupport = h.Get("ASPSP-Notification-Support")
	return created, err
}

// Payment reads a payment that came as JSON.
func (c *Client) Payment(ctx context.Context, id PaymentID) (p Payment, err error) {
	return p, c.get(ctx, "Payment", c.at(id.Service, id.Product, id.ID), &p)
}

// PaymentStatus reads the status of a payment. A rejected payment is no error.
func (c *Client) PaymentStatus(ctx context.Context, id PaymentID) (s PaymentStatus, err error) {
	return s, c.get(ctx, "PaymentStatus", c.at(id.Service, id.Product, id.ID, "status"), &s)
}
