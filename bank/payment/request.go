package payment

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jacoelho/banking/bic"
	"github.com/jacoelho/banking/iban"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/kit/day"
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

// daysAheadMax bounds how far ahead a payment can be ordered: beyond it a typing error is
// likelier than a plan.
const daysAheadMax = 366

// New returns the payment that t orders at now. It returns ErrService, ErrProduct,
// ErrExecutionDate, or ErrRequest as a *FieldError.
//
// spec: xs2a/initiatePayment
func New(b profile.Bank, id string, t tpp.TPP, r Request, now time.Time) (Payment, error) {
	if err := Offered(b.Profile, r.Service, r.Product); err != nil {
		return Payment{}, err
	}
	o := r.Order
	if o.EndToEndID == "" {
		o.EndToEndID = NotProvided
	}
	if err := checkOrder(o, r.Product, b.Profile); err != nil {
		return Payment{}, err
	}
	if err := checkDate(o.RequestedExecutionDate, day.Of(now, b.Zone), r.Product); err != nil {
		return Payment{}, err
	}
	return Payment{
		Bank: b.Code, ID: id, TPP: t.ID, TPPName: t.Name, Service: r.Service, Product: r.Product, Order: o,
		Bulk: r.Bulk, Periodic: r.Periodic, Document: r.Document, RejectNoFunds: r.RejectNoFunds,
		Status: Received, Hand: Kept, CreatedAt: now, AuthoriseBy: now.Add(startMax),
	}, nil
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

// sepa says whether product is a SEPA credit transfer: in euro, from and to an IBAN.
func sepa(product string) bool { return strings.HasSuffix(product, "sepa-credit-transfers") }

// instant says whether product is executed at once, or not at all.
func instant(product string) bool { return strings.HasPrefix(product, "instant-") }

func checkOrder(o core.Payment, product string, p profile.Profile) error {
	wrong := func(field, problem string) error { return &FieldError{field, problem} }
	switch {
	case o.Amount.Minor <= 0:
		return wrong("instructedAmount.amount", "must be more than zero")
	case sepa(product) && o.Amount.Currency != "EUR":
		return wrong("instructedAmount.currency", "must be EUR in a SEPA payment")
	case o.DebtorAccount.IsZero() && !p.Payments.DebtorAccountOptional:
		return wrong("debtorAccount", "is missing")
	case o.CreditorAccount.IsZero():
		return wrong("creditorAccount", "is missing")
	case strings.TrimSpace(o.CreditorName) == "":
		return wrong("creditorName", "is missing")
	case o.CreditorAgent != "" && !validBIC(o.CreditorAgent):
		return wrong("creditorAgent", "is not a valid BIC")
	}
	for _, a := range []struct {
		field string
		ref   core.AccountReference
	}{{"debtorAccount", o.DebtorAccount}, {"creditorAccount", o.CreditorAccount}} {
		switch {
		case a.ref.IsZero():
		case a.ref.IBAN != "" && iban.Validate(a.ref.IBAN) != nil:
			return wrong(a.field+".iban", "is not a valid IBAN")
		case sepa(product) && a.ref.IBAN == "":
			return wrong(a.field+".iban", "is missing: a SEPA payment goes from IBAN to IBAN")
		case sepa(product) && !inSEPA(a.ref.IBAN):
			return wrong(a.field+".iban", "is of a country outside SEPA")
		}
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{
		{"creditorName", o.CreditorName, 70},
		{"creditorAgentName", o.CreditorAgentName, 140},
		{"remittanceInformationUnstructured", o.Remittance, 140},
	} {
		if problem := checkText(t.text, t.max); problem != "" {
			return wrong(t.field, problem)
		}
	}
	if len(o.EndToEndID) > 35 || strings.ContainsFunc(o.EndToEndID, func(r rune) bool { return !inSEPALatin(r) }) {
		return wrong("endToEndIdentification", "must be at most 35 characters of the SEPA Latin set")
	}
	if o.CreditorAddress != nil {
		return checkAddress(*o.CreditorAddress)
	}
	return nil
}

func checkAddress(a core.Address) error {
	if len(a.Country) != 2 || a.Country[0] < 'A' || a.Country[0] > 'Z' || a.Country[1] < 'A' || a.Country[1] > 'Z' {
		return &FieldError{"creditorAddress.country", "is not an ISO 3166 code"}
	}
	for _, t := range []struct {
		field, text string
		max         int
	}{
		{"streetName", a.StreetName, 70}, {"buildingNumber", a.BuildingNumber, 16},
		{"townName", a.TownName, 35}, {"postCode", a.PostCode, 16},
	} {
		if problem := checkText(t.text, t.max); problem != "" {
			return &FieldError{"creditorAddress." + t.field, problem}
		}
	}
	return nil
}

// checkText refuses what is too long, and what the PSU could not read on the bank's page
// as it is: control characters, and those that change the direction of writing.
func checkText(s string, charactersMax int) (problem string) {
	switch {
	case utf8.RuneCountInString(s) > charactersMax:
		return fmt.Sprintf("has more than %d characters", charactersMax)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }):
		return "has characters that cannot be printed"
	}
	return ""
}

// inSEPALatin says whether r is in the character set that every SEPA bank passes on.
//
// Source: EPC217-08, SEPA requirements for an extended character set.
func inSEPALatin(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/-?:().,'+ ", r)
}

func inSEPA(account string) bool {
	ok, err := iban.IsSEPA(account)
	return ok && err == nil
}

func validBIC(s string) bool {
	_, err := bic.Parse(s)
	return err == nil
}

// checkDate refuses a day on which the payment cannot be executed. Whether the bank works
// on it is for the bank to say.
func checkDate(on, today day.Day, product string) error {
	switch {
	case on.IsZero() || on == today:
		return nil
	case on.Before(today):
		return fmt.Errorf("%w: %s is over; it is %s at the bank", ErrExecutionDate, on, today)
	case instant(product):
		return fmt.Errorf("%w: an instant payment is executed at once", ErrExecutionDate)
	case on.After(today.AddDays(daysAheadMax)):
		return fmt.Errorf("%w: %s is more than %d days ahead", ErrExecutionDate, on, daysAheadMax)
	}
	return nil
}
