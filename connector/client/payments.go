package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kontor/bank/core"
	"kontor/connector/wire"
	"kontor/kit/day"
)

// Payment services beyond payments. They are capabilities of connectors by the same words.
const (
	serviceBulk     = "bulk-payments"
	servicePeriodic = "periodic-payments"
)

// StartPayment is POST /payments.
func (c *Client) StartPayment(ctx context.Context, p core.PaymentOrder) (*core.Update, error) {
	data, err := c.order(p)
	if err != nil {
		return nil, err
	}
	if data.SCA, err = c.sca(p.SCA); err != nil {
		return nil, err
	}
	data.ProviderCode, data.AppName, data.RedirectURL = wire.String(c.c.BankCode), wire.String(p.AppName), wire.String(p.ReturnURL)
	data.PSUIPAddress = wire.String(p.PSU.IPAddress)
	if c.can("logins") {
		data.UserID = wire.String(p.UserID)
	}
	return c.start(ctx, request{
		method: http.MethodPost, path: wire.PathPayments, tpp: p.TPP, psu: p.PSU, session: p.Session, data: data,
		once: true, bulk: data.Bulk != nil, retry: c.c.ReadBackoff,
	})
}

// order is p as it stands alone and in a basket. A connector that knows no bulk or periodic
// payments would read one as a payment, so these are for connectors that declare them.
func (c *Client) order(p core.PaymentOrder) (wire.PaymentCreate, error) {
	data := wire.PaymentCreate{
		SessionSecret: wire.String(p.Session), PaymentProduct: wire.String(p.Product), PaymentIdentification: wire.Number(p.PaymentID),
		RejectNoFunds: p.RejectNoFunds,
	}
	switch p.Service {
	case "", "payments":
		data.Payment = payment(p.Payment)
	case serviceBulk, servicePeriodic:
		if !c.can(p.Service) {
			return data, core.ErrNotOffered
		}
		data.PaymentService = wire.String(p.Service)
		if p.Service == serviceBulk && p.Bulk != nil {
			data.Bulk = bulk(*p.Bulk)
		} else if p.Service == servicePeriodic && p.Periodic != nil {
			data.Payment, data.Periodic = payment(p.Payment), periodic(*p.Periodic)
		} else {
			return data, fmt.Errorf("%w: the order has nothing of %s", core.ErrRefused, p.Service)
		}
	default:
		return data, core.ErrNotOffered
	}
	return data, nil
}

// CancelPayment is DELETE /payments/{payment_identification}, for connectors that declare it.
func (c *Client) CancelPayment(ctx context.Context, r core.Cancellation) (*core.Update, error) {
	if !c.can("cancellation") {
		return nil, core.ErrNotOffered
	}
	sca, err := c.sca(r.SCA)
	if err != nil {
		return nil, err
	}
	data := wire.PaymentCancel{
		SCA:           sca,
		SessionSecret: wire.String(r.Session), ProviderCode: wire.String(c.c.BankCode), PaymentSession: wire.String(r.PaymentSession),
		PaymentIdentification: wire.Number(r.PaymentID), AppName: wire.String(r.AppName), RedirectURL: wire.String(r.ReturnURL), PSUIPAddress: wire.String(r.PSU.IPAddress),
	}
	if c.can("logins") {
		data.UserID = wire.String(r.UserID)
	}
	return c.start(ctx, request{
		method: http.MethodDelete, path: paymentPath(r.PaymentID), tpp: r.TPP, psu: r.PSU, session: r.Session, data: data,
		once: true, retry: c.c.ReadBackoff,
	})
}

// PaymentStatus is GET /payments/{payment_identification}, for connectors that declare it. An
// answer that names no status is malformed: a gateway that answers everything with {} must
// not make a payment known that never arrived.
func (c *Client) PaymentStatus(ctx context.Context, session, paymentID string) (*core.Update, error) {
	if !c.can("payment_status") {
		return nil, core.ErrNotOffered
	}
	r := request{
		method: http.MethodGet, path: paymentPath(paymentID), session: session, retry: c.c.ReadBackoff,
		data: wire.PaymentQuery{SessionSecret: wire.String(session), ProviderCode: wire.String(c.c.BankCode), PaymentIdentification: wire.Number(paymentID)},
	}
	u, err := c.start(ctx, r)
	if err == nil && (u == nil || u.Status == "" && u.SCAStatus == "") {
		return nil, c.malformed(r, errNoStatus.Error())
	}
	if err == nil && c.can("multilevel") {
		u.Partly = u.Status == wire.StatusPartly && u.SCAStatus == "finalised"
	}
	return u, err
}

var errNoStatus = errors.New("status of the payment is missing")

func paymentPath(id string) string {
	return wire.PathPayments + "/" + strconv.FormatInt(wire.Number(id), 10)
}

func payment(p core.Payment) wire.Payment {
	creditor := account(p.CreditorAccount)
	creditor.BIC = wire.String(p.CreditorAgent)
	w := wire.Payment{
		EndToEndIdentification: wire.String(cmp.Or(p.EndToEndID, "NOTPROVIDED")), CreditorName: wire.String(p.CreditorName), CreditorAccount: creditor,
		DebtorAccount:          debtor(p.DebtorAccount),
		InstructedAmount:       wire.Amount{Amount: wire.String(p.Amount.String()), Currency: wire.String(p.Amount.Currency)},
		RequestedExecutionDate: dayText(p.RequestedExecutionDate), RequestedExecutionTime: clock(p.RequestedExecutionTime),
		RemittanceInformationUnstructured: wire.String(p.Remittance), CreditorAgentName: wire.String(p.CreditorAgentName),
		InstructionIdentification: wire.String(p.InstructionID), DebtorName: wire.String(p.DebtorName), UltimateDebtor: wire.String(p.UltimateDebtor),
		CreditorID: wire.String(p.CreditorID), UltimateCreditor: wire.String(p.UltimateCreditor), PurposeCode: wire.String(p.PurposeCode), CategoryPurpose: wire.String(p.CategoryPurpose), ChargeBearer: wire.String(p.ChargeBearer),
		PayeeVerification: verification(p.Verified),
	}
	if a := p.CreditorAddress; a != nil {
		w.CreditorAddress = &wire.Address{
			StreetName: wire.String(a.StreetName), BuildingNumber: wire.String(a.BuildingNumber), TownName: wire.String(a.TownName),
			PostCode: wire.String(a.PostCode), Country: wire.String(a.Country),
		}
	}
	if s := p.Structured; s != nil {
		w.RemittanceInformationStructured = &wire.StructuredRemittance{
			Reference: wire.String(s.Reference), ReferenceType: wire.String(s.ReferenceType), ReferenceIssuer: wire.String(s.ReferenceIssuer),
		}
	}
	return w
}

func bulk(b core.Bulk) *wire.Bulk {
	w := &wire.Bulk{
		DebtorAccount: debtor(b.DebtorAccount), DebtorName: wire.String(b.DebtorName), BatchBookingPreferred: b.BatchBooking,
		RequestedExecutionDate: dayText(b.RequestedExecutionDate), RequestedExecutionTime: clock(b.RequestedExecutionTime),
		PaymentInformationID: wire.String(b.PaymentInformationID), Payments: make([]wire.Payment, len(b.Payments)),
	}
	for i, p := range b.Payments {
		w.Payments[i] = payment(p)
	}
	return w
}

func periodic(p core.Periodic) *wire.PeriodicDue {
	w := &wire.PeriodicDue{
		StartDate: dayText(p.StartDate), EndDate: dayText(p.EndDate), Frequency: wire.String(p.Frequency),
		ExecutionRule: wire.String(p.ExecutionRule), DayOfExecution: wire.String(p.DayOfExecution),
	}
	for _, m := range p.MonthsOfExecution {
		w.MonthsOfExecution = append(w.MonthsOfExecution, wire.String(m))
	}
	return w
}

// debtor is absent where the PSU chooses at the bank.
func debtor(r core.AccountReference) *wire.Account {
	if r.IsZero() {
		return nil
	}
	w := account(r)
	return &w
}

func dayText(d day.Day) wire.String { return wire.String(d.String()) }

func clock(t time.Time) wire.String {
	if t.IsZero() {
		return ""
	}
	return wire.String(t.Format(time.RFC3339))
}
