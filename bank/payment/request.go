package payment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
	"kontor/kit/money"
)

// A Request is what a TPP orders.
type Request struct {
	Service       string // payments, bulk-payments, periodic-payments
	Product       string
	Order         core.Payment   // of payments, and each one of periodic-payments
	Bulk          *core.Bulk     // of bulk-payments
	Periodic      *core.Periodic // of periodic-payments
	Document      Document       // what was sent, where that is no JSON
	RejectNoFunds bool           // TPP-Rejection-NoFunds-Preferred
}

// New returns the payment that t orders at now. It returns ErrService, ErrProduct,
// ErrExecutionDate, ErrPeriod, ErrNotSupported, or ErrRequest as a *FieldError.
//
// spec: xs2a/initiatePayment
func New(b profile.Bank, id string, t tpp.TPP, r Request, now time.Time) (Payment, error) {
	if err := Offered(b.Profile, r.Service, r.Product); err != nil {
		return Payment{}, err
	}
	if xml := strings.HasPrefix(r.Product, profile.XMLPrefix); xml != (r.Document.Bytes != nil) {
		return Payment{}, wrong("Content-Type", "does not fit the payment product")
	}
	p := Payment{
		Bank: b.Code, ID: id, TPP: t.ID, TPPName: t.Name, Service: r.Service, Product: r.Product,
		Document: r.Document, RejectNoFunds: r.RejectNoFunds,
		Status: Received, Hand: Kept, CreatedAt: now, AuthoriseBy: now.Add(startMax),
	}
	c := check{b: b, rules: b.Payments.Rules(r.Product), now: now, today: day.Of(now, b.Zone)}
	var err error
	switch r.Service {
	case Bulk:
		if p.Bulk, err = c.bulk(r.Bulk); err == nil {
			p.Count = len(p.Bulk.Payments)
		}
	case Periodic:
		p.Order, p.Periodic = provided(r.Order), r.Periodic
		err = c.series(p.Order, r.Periodic)
	default:
		p.Order = provided(r.Order)
		err = c.single(p.Order)
	}
	if err != nil {
		return Payment{}, err
	}
	return p, nil
}

// provided gives o the end-to-end identification that every payment has.
func provided(o core.Payment) core.Payment {
	if o.EndToEndID == "" {
		o.EndToEndID = NotProvided
	}
	return o
}

// Offered says why product of service cannot be had, or returns nil.
func Offered(p profile.Profile, service, product string) error {
	switch {
	case !p.Payments.Enabled || len(p.Payments.Products[service]) == 0:
		return ErrService
	case !p.Payments.Offers(service, product):
		return ErrProduct
	}
	return nil
}

// A FieldError is an ErrRequest that names the field.
type FieldError struct{ Field, Problem string }

func (e *FieldError) Error() string        { return fmt.Sprintf("%v: %s %s", ErrRequest, e.Field, e.Problem) }
func (e *FieldError) Is(target error) bool { return target == ErrRequest }

func wrong(field, problem string) error { return &FieldError{field, problem} }

// A check holds what an order is checked against.
type check struct {
	b     profile.Bank
	rules profile.ProductRules
	now   time.Time
	today day.Day
}

func (c check) single(o core.Payment) error {
	if err := c.debtor("debtorAccount", o.DebtorAccount); err != nil {
		return err
	}
	if err := c.payment("", o); err != nil {
		return err
	}
	return c.date(o.RequestedExecutionDate, o.RequestedExecutionTime)
}

// totalMax bounds what a bulk is worth, in minor units: whoever adds up can count on it.
const totalMax = 1_000_000_000_000_000_000

// bulk returns b with what every payment has.
func (c check) bulk(b *core.Bulk) (*core.Bulk, error) {
	switch {
	case b == nil || len(b.Payments) == 0:
		return nil, wrong("payments", "has no payment")
	case len(b.Payments) > c.b.Payments.BulkMax:
		return nil, wrong("payments", fmt.Sprintf("has more than %d payments", c.b.Payments.BulkMax))
	}
	if err := c.debtor("debtorAccount", b.DebtorAccount); err != nil {
		return nil, err
	}
	if problem := checkText(b.DebtorName, 70); problem != "" {
		return nil, wrong("debtorName", problem)
	}
	if problem := checkID(b.PaymentInformationID); problem != "" {
		return nil, wrong("paymentInformationId", problem)
	}
	if err := c.date(b.RequestedExecutionDate, b.RequestedExecutionTime); err != nil {
		return nil, err
	}
	whole := *b
	whole.Payments = slices.Clone(b.Payments)
	total := money.Amount{Currency: b.Payments[0].Amount.Currency}
	for i, o := range b.Payments {
		path := fmt.Sprintf("payments[%d].", i)
		switch {
		case !o.DebtorAccount.IsZero():
			return nil, wrong(path+"debtorAccount", "is that of the whole bulk")
		case !o.RequestedExecutionDate.IsZero() || !o.RequestedExecutionTime.IsZero():
			return nil, wrong(path+"requestedExecutionDate", "is that of the whole bulk")
		case o.Amount.Currency != total.Currency:
			return nil, wrong(path+"instructedAmount.currency", "is not that of the first payment")
		}
		o = provided(o)
		if err := c.payment(path, o); err != nil {
			return nil, err
		}
		if total = total.Plus(o.Amount); total.Minor > totalMax {
			return nil, wrong("payments", "are worth more than can be paid at once")
		}
		whole.Payments[i] = o
	}
	return &whole, nil
}
