package profile

import (
	"slices"
	"strings"
)

// Payments holds the switches of payment initiation.
type Payments struct {
	Enabled bool `yaml:"enabled"`
	// Products lists the payment products by payment service.
	Products map[string][]string `yaml:"products"`
	// ProductRules says what payments by a product have to keep to, where that is one of the
	// bank's own or differs from the usual.
	ProductRules map[string]ProductRules `yaml:"productRules"`
	// DebtorAccountOptional lets the PSU choose the account at the bank.
	DebtorAccountOptional bool `yaml:"debtorAccountOptional"`
	// FinalStatus is what a payment becomes when the bank reports success without a status.
	FinalStatus  string       `yaml:"finalStatus"`
	Cancellation Cancellation `yaml:"cancellation"`
	DaysAheadMax int          `yaml:"daysAheadMax"` // how far ahead a payment can be ordered
	// ClosedDays says what becomes of a payment that is ordered for a day on which its
	// product is not executed.
	ClosedDays          ClosedDays `yaml:"closedDays"`
	BulkMax             int        `yaml:"bulkMax"`             // payments in a bulk
	ExecutionRules      []string   `yaml:"executionRules"`      // of a series: following, preceding
	PainVersions        []string   `yaml:"painVersions"`        // accepted by products with the prefix pain.001-
	StatusReportVersion string     `yaml:"statusReportVersion"` // of pain.002; "": statuses are JSON only
	PayeeVerification   bool       `yaml:"payeeVerification"`   // the payee's name is checked before SCA
}

// XMLPrefix begins the name of a product that is ordered by pain.001.
const XMLPrefix = "pain.001-"

// Services lists the payment services.
var Services = []string{"payments", "bulk-payments", "periodic-payments"}

// Cancellation says how a payment that is authorised, and not executed, can be cancelled.
type Cancellation string

const (
	CancelNone       Cancellation = "none"
	CancelDirect     Cancellation = "direct"     // at once: 204
	CancelAuthorised Cancellation = "authorised" // after SCA: 202
)

// ClosedDays says what becomes of a payment for a day on which it cannot be executed.
type ClosedDays string

const (
	ClosedShift  ClosedDays = "shift"  // the bank takes the next day on which it can
	ClosedRefuse ClosedDays = "refuse" // EXECUTION_DATE_INVALID
)

// Calendars of products.
const (
	Always   = "always"   // executed on every day
	Weekdays = "weekdays" // Monday to Friday
	Target   = "target"   // the calendar of TARGET, the euro's settlement system
)

// ProductRules say what payments by a product have to keep to.
type ProductRules struct {
	Currencies []string `yaml:"currencies"` // none: every one
	// SEPA payments go from IBAN to IBAN, both of countries in SEPA.
	SEPA bool `yaml:"sepa"`
	// CrossBorder payments to what is no IBAN name the payee's bank.
	CrossBorder bool `yaml:"crossBorder"`
	// Instant payments are executed at once, or not at all.
	Instant       bool     `yaml:"instant"`
	ChargeBearers []string `yaml:"chargeBearers"` // DEBT, CRED, SHAR, SLEV; none: the TPP has no choice
	Calendar      string   `yaml:"calendar"`      // always, weekdays, target; "" is always
	CutOff        string   `yaml:"cutOff"`        // 16:00, at the bank: what is ordered later counts as of the next day; "": there is none
}

// Rules returns what payments by product have to keep to. A product has the same rules in
// XML as in JSON.
func (p Payments) Rules(product string) ProductRules {
	name := strings.TrimPrefix(product, XMLPrefix)
	if r, ok := p.ProductRules[name]; ok {
		return r
	}
	switch name {
	case "sepa-credit-transfers":
		return ProductRules{Currencies: []string{"EUR"}, SEPA: true, ChargeBearers: []string{"SLEV"}, Calendar: Target, CutOff: "16:00"}
	case "instant-sepa-credit-transfers":
		return ProductRules{Currencies: []string{"EUR"}, SEPA: true, Instant: true, ChargeBearers: []string{"SLEV"}, Calendar: Always}
	case "target-2-payments":
		return ProductRules{Currencies: []string{"EUR"}, ChargeBearers: chargeBearers, Calendar: Target, CutOff: "17:00"}
	case "cross-border-credit-transfers":
		return ProductRules{CrossBorder: true, ChargeBearers: chargeBearers, Calendar: Weekdays, CutOff: "14:00"}
	}
	return ProductRules{ChargeBearers: chargeBearers, Calendar: Always}
}

// chargeBearers lists who can bear the charges.
var chargeBearers = []string{"DEBT", "CRED", "SHAR", "SLEV"}

// Offers says whether product is offered by service.
func (p Payments) Offers(service, product string) bool {
	return p.Enabled && slices.Contains(p.Products[service], product)
}

// Baskets holds the switches of signing baskets.
type Baskets struct {
	Enabled bool `yaml:"enabled"`
	Mixed   bool `yaml:"mixed"`   // payments and consents in one basket
	SizeMax int  `yaml:"sizeMax"` // members of a basket
}
