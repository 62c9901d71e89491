package xs2aclient

import (
	"context"
	"net/http"
)

// Payment services and products that most banks have. Banks publish others.
const (
	Payments = "payments"

	SEPACreditTransfers        = "sepa-credit-transfers"
	InstantSEPACreditTransfers = "instant-sepa-credit-transfers"
)

// Values of transactionStatus (ISO 20022) that a TPP acts on. Those up to SettledCreditor
// that are not final have only further ones after them.
const (
	PaymentReceived        = "RCVD"
	PaymentAccepted        = "ACTC"
	PaymentSettled         = "ACSC" // final for the debtor's side
	PaymentSettledCreditor = "ACCC"
	PaymentRejected        = "RJCT"
	PaymentCancelled       = "CANC"
)

// A PaymentRequest is a single credit transfer in JSON.
type PaymentRequest struct {
	EndToEndIdentification            string            `json:"endToEndIdentification,omitempty"`
	DebtorAccount                     *AccountReference `json:"debtorAccount,omitempty"`
	InstructedAmount                  Amount            `json:"instructedAmount"`
	CreditorAccount                   AccountReference  `json:"creditorAccount"`
	CreditorAgent                     string            `json:"creditorAgent,omitempty"` // BIC
	CreditorName                      string            `json:"creditorName"`
	RemittanceInformationUnstructured string            `json:"remittanceInformationUnstructured,omitempty"`
	RequestedExecutionDate            string            `json:"requestedExecutionDate,omitempty"`
}

// A PaymentID says where a payment is: IDs are found below their service and product.
type PaymentID struct{ Service, Product, ID string }

// A PaymentCreated answers CreatePayment.
type PaymentCreated struct {
	TransactionStatus       string    `json:"transactionStatus"`
	PaymentID               string    `json:"paymentId"`
	SCAStatus               string    `json:"scaStatus"`
	TransactionFeeIndicator bool      `json:"transactionFeeIndicator"`
	TransactionFees         *Amount   `json:"transactionFees"`
	Links                   Links     `json:"_links"`
	PSUMessage              string    `json:"psuMessage"`
	Messages                []Message `json:"tppMessages"`
	SCAApproach             string    `json:"-"` // ASPSP-SCA-Approach
	Location                string    `json:"-"`
}

// A Payment is a payment as it stands.
type Payment struct {
	PaymentRequest
	TransactionStatus string    `json:"transactionStatus"`
	Messages          []Message `json:"tppMessages"`
}

// A PaymentStatus is how a payment stands.
type PaymentStatus struct {
	TransactionStatus string    `json:"transactionStatus"`
	FundsAvailable    *bool     `json:"fundsAvailable"` // nil: not checked
	PSUMessage        string    `json:"psuMessage"`
	Messages          []Message `json:"tppMessages"`
}

// CreatePayment initiates a payment. payment is a PaymentRequest, or any value that
// marshals to what a product of the bank's own asks for.
func (c *Client) CreatePayment(ctx context.Context, service, product string, payment any, to Redirects) (created PaymentCreated, err error) {
	h, err := c.do(ctx, request{operation: "CreatePayment", method: http.MethodPost, url: c.at(service, product), headers: to.headers(), body: payment}, &created)
	created.SCAApproach, created.Location = h.Get("ASPSP-SCA-Approach"), h.Get("Location")
	return created, err
}

// Payment reads a payment.
func (c *Client) Payment(ctx context.Context, id PaymentID) (p Payment, err error) {
	return p, c.get(ctx, "Payment", c.at(id.Service, id.Product, id.ID), &p)
}

// PaymentStatus reads the status of a payment. A rejected payment is no error.
func (c *Client) PaymentStatus(ctx context.Context, id PaymentID) (s PaymentStatus, err error) {
	return s, c.get(ctx, "PaymentStatus", c.at(id.Service, id.Product, id.ID, "status"), &s)
}
