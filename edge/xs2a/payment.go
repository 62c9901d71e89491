package xs2a

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"kontor/bank/authorisation"
	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/money"
)

// payments is the payment service of single payments.
const payments = "payments"

// paymentRequest is what a TPP sends to initiate a payment.
//
// spec: xs2a/paymentRequest
type paymentRequest struct {
	EndToEndIdentification            string            `json:"endToEndIdentification,omitempty" maxLength:"35"`
	DebtorAccount                     *accountReference `json:"debtorAccount,omitempty" doc:"Where the bank lets the PSU choose it, it may be left out."`
	InstructedAmount                  *amount           `json:"instructedAmount"`
	CreditorAccount                   *accountReference `json:"creditorAccount"`
	CreditorAgent                     string            `json:"creditorAgent,omitempty" doc:"BIC."`
	CreditorAgentName                 string            `json:"creditorAgentName,omitempty" maxLength:"140"`
	CreditorName                      string            `json:"creditorName" maxLength:"70"`
	CreditorAddress                   *address          `json:"creditorAddress,omitempty"`
	RemittanceInformationUnstructured string            `json:"remittanceInformationUnstructured,omitempty" maxLength:"140"`
	RequestedExecutionDate            string            `json:"requestedExecutionDate,omitempty" format:"date"`
}

// address is the address of a creditor.
//
// spec: xs2a/address
type address struct {
	StreetName     string `json:"streetName,omitempty" maxLength:"70"`
	BuildingNumber string `json:"buildingNumber,omitempty" maxLength:"16"`
	TownName       string `json:"townName,omitempty" maxLength:"35"`
	PostCode       string `json:"postCode,omitempty" maxLength:"16"`
	Country        string `json:"country" pattern:"^[A-Z]{2}$"`
}

// paymentCreated answers the initiation of a payment.
//
// spec: xs2a/paymentCreated
type paymentCreated struct {
	TransactionStatus string       `json:"transactionStatus" enum:"RCVD,PDNG,PATC,ACTC,ACWC,ACCP,ACFC,ACSP,ACWP,ACSC,ACCC,RJCT,CANC"`
	PaymentID         string       `json:"paymentId"`
	SCAStatus         string       `json:"scaStatus,omitempty" since:"1.3.9"`
	Links             links        `json:"_links"`
	PSUMessage        string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages       []tppMessage `json:"tppMessages,omitempty"`
}

// paymentInformation is a payment as it was taken, with its status. A debtor account that
// the PSU chose at the bank stands in it too.
//
// spec: xs2a/paymentInformation
type paymentInformation struct {
	EndToEndIdentification            string            `json:"endToEndIdentification,omitempty"`
	DebtorAccount                     *accountReference `json:"debtorAccount,omitempty"`
	InstructedAmount                  amount            `json:"instructedAmount"`
	CreditorAccount                   accountReference  `json:"creditorAccount"`
	CreditorAgent                     string            `json:"creditorAgent,omitempty"`
	CreditorAgentName                 string            `json:"creditorAgentName,omitempty"`
	CreditorName                      string            `json:"creditorName"`
	CreditorAddress                   *address          `json:"creditorAddress,omitempty"`
	RemittanceInformationUnstructured string            `json:"remittanceInformationUnstructured,omitempty"`
	RequestedExecutionDate            string            `json:"requestedExecutionDate,omitempty" format:"date"`
	TransactionStatus                 string            `json:"transactionStatus"`
}

// paymentStatusAnswer is the status of a payment.
type paymentStatusAnswer struct {
	TransactionStatus string `json:"transactionStatus"`
	FundsAvailable    *bool  `json:"fundsAvailable,omitempty" doc:"Present when the bank has checked, and until the payment is executed."`
}

// spec: xs2a/initiatePayment
func (a *API) createPayment(c *call) (answer, error) {
	product := c.PathValue("paymentProduct")
	if err := payment.Offered(a.Bank.Profile, payments, product); err != nil {
		return answer{}, err
	}
	var body paymentRequest
	text, err := c.readText(&body)
	if err != nil {
		return answer{}, err
	}
	if err := refuseUnkept(text); err != nil {
		return answer{}, err
	}
	order, err := body.order()
	if err != nil {
		return answer{}, err
	}
	to, err := a.redirects(c, a.Bank.SCAApproaches[0] == profile.Redirect)
	if err != nil {
		return answer{}, err
	}
	brand, err := c.text("TPP-Brand-Logging-Information")
	if err != nil {
		return answer{}, err
	}
	var compact bytes.Buffer
	json.Compact(&compact, text) // valid: it was read before
	p, auth, err := a.Payments.Create(c.Context(), a.Bank, c.tpp, payment.Creation{
		Request: payment.Request{Service: payments, Product: product, Order: order},
		Start: payment.Start{
			RequestID: c.requestID, Body: compact.Bytes(), RedirectURI: to.uri, NokRedirectURI: to.nokURI, Brand: brand, UserID: c.bearer.PSU, PSU: c.psu,
		},
	})
	if err != nil {
		return answer{}, err
	}
	self := a.link(payments, product, p.ID)
	l := links{Self: &self, Status: ptr(a.link(payments, product, p.ID, "status"))}
	h := http.Header{"Location": {self.Href}}
	a.scaLinks(&l, h, auth, a.link(payments, product, p.ID, "authorisations", auth.ID))
	return answer{status: http.StatusCreated, header: h, body: paymentCreated{
		TransactionStatus: string(p.Status), PaymentID: p.ID, SCAStatus: string(auth.Status), Links: l, PSUMessage: auth.PSUMessage, TPPMessages: to.warnings,
	}}, nil
}

// refuseUnkept refuses what the standard has for a payment and no bank behind a connector
// can be told. Unknown members are ignored; these would be missed by the payee.
func refuseUnkept(text []byte) error {
	var given struct {
		Structured        json.RawMessage `json:"remittanceInformationStructured"`
		StructuredArray   json.RawMessage `json:"remittanceInformationStructuredArray"`
		UnstructuredArray json.RawMessage `json:"remittanceInformationUnstructuredArray"`
		ExecutionTime     json.RawMessage `json:"requestedExecutionTime"`
		ChargeBearer      json.RawMessage `json:"chargeBearer"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return malformed("", err.Error())
	}
	// Each bears its own charges: that is how it is done without being said.
	if b := string(given.ChargeBearer); b == `"SLEV"` || b == `"SHAR"` {
		given.ChargeBearer = nil
	}
	for _, g := range []struct {
		name  string
		value json.RawMessage
	}{
		{"remittanceInformationStructured", given.Structured}, {"remittanceInformationStructuredArray", given.StructuredArray},
		{"remittanceInformationUnstructuredArray", given.UnstructuredArray}, {"requestedExecutionTime", given.ExecutionTime},
		{"chargeBearer", given.ChargeBearer},
	} {
		if g.value != nil && string(g.value) != "null" {
			return fmt.Errorf("%w: %s", payment.ErrNotSupported, g.name)
		}
	}
	return nil
}

// order turns wire into an order, and refuses what has no meaning. Whether the bank can
// execute it is for the rules.
func (b paymentRequest) order() (o core.Payment, err error) {
	if b.CreditorAccount == nil {
		return o, malformed("creditorAccount", "is missing")
	}
	if o.Amount, err = b.InstructedAmount.read("instructedAmount"); err != nil {
		return o, err
	}
	if o.CreditorAccount, err = b.CreditorAccount.reference("creditorAccount"); err != nil {
		return o, err
	}
	if b.DebtorAccount != nil {
		if o.DebtorAccount, err = b.DebtorAccount.reference("debtorAccount"); err != nil {
			return o, err
		}
	}
	if b.RequestedExecutionDate != "" {
		if o.RequestedExecutionDate, err = day.Parse(b.RequestedExecutionDate); err != nil {
			return o, malformed("requestedExecutionDate", err.Error())
		}
	}
	if w := b.CreditorAddress; w != nil {
		o.CreditorAddress = &core.Address{StreetName: w.StreetName, BuildingNumber: w.BuildingNumber, TownName: w.TownName, PostCode: w.PostCode, Country: w.Country}
	}
	o.EndToEndID, o.Remittance = b.EndToEndIdentification, b.RemittanceInformationUnstructured
	o.CreditorName, o.CreditorAgent, o.CreditorAgentName = b.CreditorName, b.CreditorAgent, b.CreditorAgentName
	return o, nil
}

// read checks an amount that came in at path.
func (w *amount) read(path string) (money.Amount, error) {
	if w == nil {
		return money.Amount{}, malformed(path, "is missing")
	}
	m, err := money.Parse(w.Amount, w.Currency)
	if errors.Is(err, money.ErrCurrency) {
		return m, malformed(path+".currency", "is not an ISO 4217 code")
	}
	if err != nil {
		return m, malformed(path+".amount", "is not a decimal number that fits the currency")
	}
	return m, nil
}

// spec: xs2a/getPaymentInformation
func (a *API) getPayment(c *call) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	o := p.Order
	w := paymentInformation{
		EndToEndIdentification: o.EndToEndID, InstructedAmount: amount{o.Amount.Currency, o.Amount.String()},
		CreditorAccount: wireReference(o.CreditorAccount), CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName,
		CreditorName: o.CreditorName, RemittanceInformationUnstructured: o.Remittance,
		RequestedExecutionDate: o.RequestedExecutionDate.String(), TransactionStatus: string(p.Status),
	}
	if o.EndToEndID == payment.NotProvided { // the TPP gave none
		w.EndToEndIdentification = ""
	}
	if !o.DebtorAccount.IsZero() {
		w.DebtorAccount = ptr(wireReference(o.DebtorAccount))
	}
	if d := o.CreditorAddress; d != nil {
		w.CreditorAddress = &address{StreetName: d.StreetName, BuildingNumber: d.BuildingNumber, TownName: d.TownName, PostCode: d.PostCode, Country: d.Country}
	}
	return answer{status: http.StatusOK, body: w}, nil
}

// spec: xs2a/getPaymentInitiationStatus
func (a *API) getPaymentStatus(c *call) (answer, error) {
	p, err := a.payment(c)
	body := paymentStatusAnswer{TransactionStatus: string(p.Status)}
	if p.FundsTold() {
		body.FundsAvailable = p.FundsAvailable
	}
	return answer{status: http.StatusOK, body: body}, err
}

// spec: xs2a/getPaymentInitiationAuthorisation
func (a *API) getPaymentAuthorisations(c *call) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	return a.authorisations(c, authorisation.OfPayment, p.ID)
}

// spec: xs2a/getPaymentInitiationScaStatus
func (a *API) getPaymentSCAStatus(c *call) (answer, error) {
	p, err := a.payment(c)
	if err != nil {
		return answer{}, err
	}
	return a.scaStatus(c, authorisation.OfPayment, p.ID)
}

// payment returns the payment in the path.
func (a *API) payment(c *call) (payment.Payment, error) {
	return a.Payments.Get(c.Context(), a.Bank, c.tpp.ID, payments, c.PathValue("paymentProduct"), c.id("paymentId"))
}
