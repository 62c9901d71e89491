package xs2a

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"kontor/bank/core"
	"kontor/bank/payment"
	"kontor/bank/profile"
	"kontor/kit/day"
	"kontor/kit/money"
)

// The payment services of the standard.
const (
	payments         = payment.Single
	bulkPayments     = payment.Bulk
	periodicPayments = payment.Periodic
)

var paymentServices = []string{payments, bulkPayments, periodicPayments}

func offersService(p profile.Profile, service string) bool {
	return p.Payments.Enabled && len(p.Payments.Products[service]) > 0
}

// A transfer is a credit transfer, alone or in a bulk, or each one of a series.
//
// spec: xs2a/transfer
type transfer struct {
	EndToEndIdentification                 string                 `json:"endToEndIdentification,omitempty" maxLength:"35"`
	InstructionIdentification              string                 `json:"instructionIdentification,omitempty" since:"1.3.9" maxLength:"35"`
	DebtorName                             string                 `json:"debtorName,omitempty" since:"1.3.9" maxLength:"70"`
	UltimateDebtor                         string                 `json:"ultimateDebtor,omitempty" since:"1.3.9" maxLength:"70"`
	InstructedAmount                       *amount                `json:"instructedAmount"`
	CreditorAccount                        *accountReference      `json:"creditorAccount"`
	CreditorAgent                          string                 `json:"creditorAgent,omitempty" doc:"BIC."`
	CreditorAgentName                      string                 `json:"creditorAgentName,omitempty" maxLength:"140"`
	CreditorName                           string                 `json:"creditorName" maxLength:"70"`
	CreditorAddress                        *address               `json:"creditorAddress,omitempty"`
	CreditorID                             string                 `json:"creditorId,omitempty" since:"1.3.9" maxLength:"35"`
	UltimateCreditor                       string                 `json:"ultimateCreditor,omitempty" since:"1.3.9" maxLength:"70"`
	PurposeCode                            string                 `json:"purposeCode,omitempty" since:"1.3.9" pattern:"^[A-Z0-9]{1,4}$" doc:"ISO 20022 ExternalPurpose1Code."`
	ChargeBearer                           string                 `json:"chargeBearer,omitempty" since:"1.3.9" enum:"DEBT,CRED,SHAR,SLEV"`
	RemittanceInformationUnstructured      string                 `json:"remittanceInformationUnstructured,omitempty" maxLength:"140"`
	RemittanceInformationUnstructuredArray []string               `json:"remittanceInformationUnstructuredArray,omitempty" since:"1.3.11" maxItems:"1" doc:"Banks pass on one text."`
	RemittanceInformationStructured        *structuredRemittance  `json:"remittanceInformationStructured,omitempty" since:"1.3.9"`
	RemittanceInformationStructuredArray   []structuredRemittance `json:"remittanceInformationStructuredArray,omitempty" since:"1.3.9" maxItems:"1" doc:"Banks pass on one reference."`
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

// structuredRemittance refers to what is paid.
//
// spec: xs2a/structuredRemittance
type structuredRemittance struct {
	Reference       string `json:"reference" maxLength:"35"`
	ReferenceType   string `json:"referenceType,omitempty" maxLength:"35"`
	ReferenceIssuer string `json:"referenceIssuer,omitempty" maxLength:"35"`
}

// paymentRequest is what a TPP sends to initiate a single payment.
//
// spec: xs2a/paymentRequest
type paymentRequest struct {
	transfer
	DebtorAccount          *accountReference `json:"debtorAccount,omitempty"`
	RequestedExecutionDate string            `json:"requestedExecutionDate,omitempty" format:"date"`
}

// paymentInformation is a single payment as it was taken, with its status. A debtor account
// that the PSU chose at the bank stands in it too.
//
// spec: xs2a/paymentInformation
type paymentInformation struct {
	transfer
	DebtorAccount          *accountReference `json:"debtorAccount,omitempty"`
	RequestedExecutionDate string            `json:"requestedExecutionDate,omitempty" format:"date"`
	TransactionStatus      string            `json:"transactionStatus"`
}

// paymentCreated answers the initiation of a payment.
//
// spec: xs2a/paymentCreated
type paymentCreated struct {
	TransactionStatus string `json:"transactionStatus" enum:"RCVD,RCVC,RVCM,RVNC,PDNG,PATC,ACTC,ACWC,ACCP,ACFC,ACSP,ACWP,ACSC,ACCC,PART,RJCT,CANC"`
	PaymentID         string `json:"paymentId"`
	SCAStatus         string `json:"scaStatus,omitempty" since:"1.3.9"`
	scaOffer
	Links       links        `json:"_links"`
	PSUMessage  string       `json:"psuMessage,omitempty" maxLength:"500"`
	TPPMessages []tppMessage `json:"tppMessages,omitempty"`
}

// What a payment is sent as, and read back as, by payment service.
var (
	paymentRequests = byService{{payments, paymentRequest{}}, {bulkPayments, bulkRequest{}}, {periodicPayments, periodicRequest{}}}
	paymentAnswers  = byService{{payments, paymentInformation{}}, {bulkPayments, bulkInformation{}}, {periodicPayments, periodicInformation{}}}
)

// byService says which wire type the payment services have, each its own.
type byService []struct {
	service string
	wire    any
}

// spec: xs2a/initiatePayment
func (a *API) createPayment(c *call) (answer, error) {
	r, body, err := a.ordered(c)
	if err != nil {
		return answer{}, err
	}
	if r.RejectNoFunds, err = c.flag("TPP-Rejection-NoFunds-Preferred"); err != nil {
		return answer{}, err
	}
	explicit, err := a.explicit(c)
	if err != nil {
		return answer{}, err
	}
	start, warnings, err := a.paymentStart(c, body, !explicit)
	if err != nil {
		return answer{}, err
	}
	start.Explicit = explicit
	p, auth, err := a.Payments.Create(c.Context(), a.Bank, c.tpp, payment.Creation{Request: r, Start: start})
	if err != nil {
		return answer{}, err
	}
	self := a.paymentLink(p)
	l := links{Self: &self, Status: ptr(a.paymentLink(p, "status"))}
	h := http.Header{"Location": {self.Href}}
	switch {
	case auth.ID != "":
		a.scaLinks(&l, h, auth, a.paymentLink(p, "authorisations", auth.ID))
	case !p.Status.Final():
		a.startLinks(&l, c, start.SCA, a.paymentLink(p, "authorisations"))
	}
	return answer{status: http.StatusCreated, header: h, body: paymentCreated{
		TransactionStatus: string(p.Status), PaymentID: p.ID, SCAStatus: string(auth.Status), scaOffer: offer(auth), Links: l,
		PSUMessage: withPayeeWarning(p, auth.PSUMessage), TPPMessages: append(warnings, payeeMessages(p)...),
	}}, nil
}

// explicit says whether SCA is to begin by a request of its own.
func (a *API) explicit(c *call) (bool, error) {
	wanted, err := c.flag("TPP-Explicit-Authorisation-Preferred")
	return a.Bank.StartsExplicitly(wanted), err
}

// paymentStart reads the headers that SCA needs to begin. body is that of the request, in one
// spelling. Where SCA begins at once, the bank must know where the PSU goes afterwards.
func (a *API) paymentStart(c *call, body []byte, atOnce bool) (s payment.Start, warnings []tppMessage, err error) {
	psu, err := c.wish()
	if err != nil {
		return s, nil, err
	}
	to, err := a.redirects(c, atOnce && a.leadsToBank(psu))
	if err != nil {
		return s, nil, err
	}
	brand, err := c.text("TPP-Brand-Logging-Information")
	if err != nil {
		return s, nil, err
	}
	wish, err := a.notification(c, c.w.Header())
	return payment.Start{
		RequestID: c.requestID, Body: body, RedirectURI: to.uri, NokRedirectURI: to.nokURI, Brand: brand, UserID: c.bearer.PSU, PSU: c.psu, SCA: psu, Notification: wish,
	}, to.warnings, err
}

// paymentLink links to p, or to path below it.
func (a *API) paymentLink(p payment.Payment, path ...string) href {
	return a.link(append([]string{p.Service, p.Product, p.ID}, path...)...)
}

// flag reads a header that says yes or no; without it the answer is no.
func (c *call) flag(name string) (bool, error) {
	switch s := c.Header.Get(name); strings.ToLower(s) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, malformed(name, "header is neither true nor false")
}

// ordered reads what the TPP orders. body has it in one spelling: a repeat has the same.
func (a *API) ordered(c *call) (r payment.Request, body []byte, err error) {
	r.Service, r.Product = c.service, c.PathValue("paymentProduct")
	if err := payment.Offered(a.Bank.Profile, r.Service, r.Product); err != nil {
		return r, nil, err
	}
	var text []byte
	switch {
	case inXML(r.Product):
		body, err = a.readXML(c, &r)
		return r, body, err
	case r.Service == bulkPayments:
		text, err = a.readBulk(c, &r)
	case r.Service == periodicPayments:
		text, err = a.readPeriodic(c, &r)
	default:
		text, err = a.readPayment(c, &r)
	}
	if err != nil {
		return r, nil, err
	}
	return r, compacted(text), nil
}

// readPayment reads a single payment in JSON.
func (a *API) readPayment(c *call, r *payment.Request) ([]byte, error) {
	var body struct {
		paymentRequest
		RequestedExecutionTime json.RawMessage `json:"requestedExecutionTime"`
	}
	text, err := c.readText(&body)
	if err != nil {
		return nil, err
	}
	if given(body.RequestedExecutionTime) {
		return nil, fmt.Errorf("%w: requestedExecutionTime", payment.ErrNotSupported)
	}
	if r.Order, err = a.transfer(body.transfer, ""); err != nil {
		return nil, err
	}
	if r.Order.DebtorAccount, err = debtor(body.DebtorAccount); err != nil {
		return nil, err
	}
	r.Order.RequestedExecutionDate, err = optionalDay("requestedExecutionDate", body.RequestedExecutionDate)
	return text, err
}

// given says whether a member is there and says something.
func given(m json.RawMessage) bool { return m != nil && string(m) != "null" }

// transfer turns wire into a payment, and refuses what has no meaning. Whether the bank can
// execute it is for the rules. path is that of the transfer with a dot at its end, or "".
func (a *API) transfer(w transfer, path string) (o core.Payment, err error) {
	if err := a.refuseNewer(&w, path); err != nil {
		return o, err
	}
	if w.CreditorAccount == nil {
		return o, malformed(path+"creditorAccount", "is missing")
	}
	if o.Amount, err = w.InstructedAmount.read(path + "instructedAmount"); err != nil {
		return o, err
	}
	if o.CreditorAccount, err = w.CreditorAccount.reference(path + "creditorAccount"); err != nil {
		return o, err
	}
	if d := w.CreditorAddress; d != nil {
		o.CreditorAddress = &core.Address{StreetName: d.StreetName, BuildingNumber: d.BuildingNumber, TownName: d.TownName, PostCode: d.PostCode, Country: d.Country}
	}
	if o.Remittance, err = one(path+"remittanceInformationUnstructured", w.RemittanceInformationUnstructured, w.RemittanceInformationUnstructuredArray); err != nil {
		return o, err
	}
	var structured structuredRemittance
	if w.RemittanceInformationStructured != nil {
		structured = *w.RemittanceInformationStructured
	}
	if structured, err = one(path+"remittanceInformationStructured", structured, w.RemittanceInformationStructuredArray); err != nil {
		return o, err
	}
	if structured != (structuredRemittance{}) {
		if structured.Reference == "" {
			return o, malformed(path+"remittanceInformationStructured.reference", "is missing")
		}
		o.Structured = new(core.StructuredRemittance(structured))
	}
	o.EndToEndID, o.InstructionID = w.EndToEndIdentification, w.InstructionIdentification
	o.DebtorName, o.UltimateDebtor = w.DebtorName, w.UltimateDebtor
	o.CreditorName, o.CreditorAgent, o.CreditorAgentName = w.CreditorName, w.CreditorAgent, w.CreditorAgentName
	o.CreditorID, o.UltimateCreditor = w.CreditorID, w.UltimateCreditor
	o.PurposeCode, o.ChargeBearer = w.PurposeCode, w.ChargeBearer
	return o, nil
}

// one returns what is said once, alone or in a list: no scheme carries more than one.
func one[T comparable](path string, alone T, list []T) (T, error) {
	var none T
	switch {
	case len(list) == 0:
		return alone, nil
	case alone != none:
		return none, fmt.Errorf("%w: %s and %sArray", errInconsistent, path, path)
	case len(list) > 1:
		return none, fmt.Errorf("%w: more than one of %sArray", payment.ErrNotSupported, path)
	}
	return list[0], nil
}

// refuseNewer refuses members that the bank's level of the standard does not know. Unknown
// members are ignored; these would be missed by the payee.
func (a *API) refuseNewer(w *transfer, path string) error {
	if a.since("1.3.11") {
		return nil
	}
	// Each bears its own charges: that is how it is done without being said.
	if (w.ChargeBearer == "SLEV" || w.ChargeBearer == "SHAR") && !a.since("1.3.9") {
		w.ChargeBearer = ""
	}
	v := reflect.ValueOf(*w)
	for f, value := range v.Fields() {
		if since := f.Tag.Get("since"); since != "" && !a.since(since) && !value.IsZero() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return fmt.Errorf("%w: %s%s", payment.ErrNotSupported, path, name)
		}
	}
	return nil
}

// debtor reads the account that pays; without one the PSU chooses it at the bank.
func debtor(w *accountReference) (core.AccountReference, error) {
	if w == nil {
		return core.AccountReference{}, nil
	}
	return w.reference("debtorAccount")
}

func optionalDay(path, text string) (day.Day, error) {
	if text == "" {
		return day.Day{}, nil
	}
	d, err := day.Parse(text)
	if err != nil {
		return d, malformed(path, err.Error())
	}
	return d, nil
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
	p, err := a.wholePayment(c)
	if err != nil {
		return answer{}, err
	}
	if p.Document.Media != "" {
		return answer{status: http.StatusOK, raw: p.Document.Bytes, header: http.Header{"Content-Type": {p.Document.Media}}}, nil
	}
	var body any
	switch p.Service {
	case bulkPayments:
		body = wireBulk(p)
	case periodicPayments:
		body = wirePeriodic(p)
	default:
		body = paymentInformation{
			transfer: wireTransfer(p.Order), DebtorAccount: wireDebtor(p.Order.DebtorAccount),
			RequestedExecutionDate: p.Order.RequestedExecutionDate.String(), TransactionStatus: string(p.Status),
		}
	}
	return answer{status: http.StatusOK, body: body}, nil
}

// wireTransfer turns a payment into wire.
func wireTransfer(o core.Payment) transfer {
	w := transfer{
		EndToEndIdentification: o.EndToEndID, InstructionIdentification: o.InstructionID, DebtorName: o.DebtorName, UltimateDebtor: o.UltimateDebtor,
		InstructedAmount: &amount{o.Amount.Currency, o.Amount.String()}, CreditorAccount: ptr(wireReference(o.CreditorAccount)),
		CreditorAgent: o.CreditorAgent, CreditorAgentName: o.CreditorAgentName, CreditorName: o.CreditorName, CreditorID: o.CreditorID,
		UltimateCreditor: o.UltimateCreditor, PurposeCode: o.PurposeCode, ChargeBearer: o.ChargeBearer, RemittanceInformationUnstructured: o.Remittance,
	}
	if o.EndToEndID == payment.NotProvided { // the TPP gave none
		w.EndToEndIdentification = ""
	}
	if d := o.CreditorAddress; d != nil {
		w.CreditorAddress = &address{StreetName: d.StreetName, BuildingNumber: d.BuildingNumber, TownName: d.TownName, PostCode: d.PostCode, Country: d.Country}
	}
	if o.Structured != nil {
		w.RemittanceInformationStructured = new(structuredRemittance(*o.Structured))
	}
	return w
}

func wireDebtor(r core.AccountReference) *accountReference {
	if r.IsZero() {
		return nil
	}
	return ptr(wireReference(r))
}

// itemPath names one of the payments of a bulk.
func itemPath(i int) string { return "payments[" + strconv.Itoa(i) + "]" }
