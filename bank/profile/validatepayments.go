package profile

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"kontor/kit/money"
)

// Bounds of the switches of payments.
const (
	bulkMax      = 10_000
	daysAheadMax = 3660
)

// productName is what may stand in a path; a bank may have products of its own.
var productName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,60}$`)

// Versions of messages that are read and written.
var (
	painVersions         = []string{"pain.001.001.03", "pain.001.001.09"}
	statusReportVersions = []string{"pain.002.001.03", "pain.002.001.10"}
)

func (p Profile) validatePayments(f *findings) {
	pay := p.Payments
	count, xml := pay.validateProducts(f)
	pay.validateProductRules(f)
	f.among("payments.cancellation", string(pay.Cancellation), string(CancelNone), string(CancelDirect), string(CancelAuthorised))
	f.among("payments.closedDays", string(pay.ClosedDays), string(ClosedShift), string(ClosedRefuse))
	f.list("payments.executionRules", pay.ExecutionRules, "following", "preceding")
	f.list("payments.painVersions", pay.PainVersions, painVersions...)
	f.when(xml && len(pay.PainVersions) == 0, "payments.painVersions", "there is a product in XML, but no version of it")
	f.when(!xml && len(pay.PainVersions) > 0, "payments.painVersions", "there are versions of XML, but no product in it")
	if pay.StatusReportVersion != "" {
		f.among("payments.statusReportVersion", pay.StatusReportVersion, statusReportVersions...)
		f.when(!xml, "payments.statusReportVersion", "it is set, but there is no product in XML to report of")
	}
	bulk, series := len(pay.Products["bulk-payments"]) > 0, len(pay.Products["periodic-payments"]) > 0
	f.number("payments.bulkMax", pay.BulkMax, 0, bulkMax)
	f.when(bulk != (pay.BulkMax > 0), "payments.bulkMax", "it bounds bulk-payments: one of the two is set and the other is not")
	f.when(series != (len(pay.ExecutionRules) > 0), "payments.executionRules", "they are of periodic-payments: one of the two is set and the other is not")
	if !pay.Enabled {
		f.when(count > 0, "payments.products", "there are products, but payments.enabled is false")
		f.when(pay.DebtorAccountOptional, "payments.debtorAccountOptional", "it is on, but payments.enabled is false")
		f.when(pay.Cancellation != CancelNone, "payments.cancellation", "there is nothing to cancel, because payments.enabled is false")
		f.when(pay.PayeeVerification, "payments.payeeVerification", "it is on, but payments.enabled is false")
		return
	}
	f.when(count == 0, "payments.products", "payments.enabled is true, but there is no product")
	f.among("payments.finalStatus", pay.FinalStatus, "ACTC", "ACCP", "ACSP", "ACSC", "ACCC")
	f.number("payments.daysAheadMax", pay.DaysAheadMax, 1, daysAheadMax)
	f.when(pay.PayeeVerification && !p.AtLeast("1.3.16"), "payments.payeeVerification", "it came with level 1.3.16, and specLevel is %s", p.SpecLevel)
	f.when(pay.PayeeVerification && !pay.sepa(), "payments.payeeVerification", "it is for SEPA payments, and no product is one")
}

// sepa says whether a product is a SEPA payment.
func (p Payments) sepa() bool {
	for _, products := range p.Products {
		if slices.ContainsFunc(products, func(name string) bool { return p.Rules(name).SEPA }) {
			return true
		}
	}
	return false
}

// validateProducts counts the products, and says whether one of them is XML.
func (p Payments) validateProducts(f *findings) (count int, xml bool) {
	for _, service := range slices.Sorted(maps.Keys(p.Products)) {
		key, products := "payments.products."+service, p.Products[service]
		f.when(!slices.Contains(Services, service), key, "this is no payment service; there are %s", strings.Join(Services, ", "))
		for i, name := range products {
			count++
			plain, isXML := strings.CutPrefix(name, XMLPrefix)
			xml = xml || isXML
			f.when(!productName.MatchString(plain) || strings.HasPrefix(plain, "pain."), key, "%q cannot be the name of a payment product", name)
			f.when(slices.Contains(products[:i], name), key, "%q stands there twice", name)
		}
	}
	return count, xml
}

func (p Payments) validateProductRules(f *findings) {
	for _, name := range slices.Sorted(maps.Keys(p.ProductRules)) {
		key, r := "payments.productRules."+name, p.ProductRules[name]
		offered := func(service string) bool { return p.Offers(service, name) || p.Offers(service, XMLPrefix+name) }
		f.when(!slices.ContainsFunc(Services, offered), key, "no payment service offers this product")
		for i, c := range r.Currencies {
			_, known := money.Decimals(c)
			f.when(!known, key+".currencies", "%q is not a currency of ISO 4217", c)
			f.when(slices.Contains(r.Currencies[:i], c), key+".currencies", "%q stands there twice", c)
		}
		f.when(r.SEPA && !slices.Equal(r.Currencies, []string{"EUR"}), key+".currencies", "SEPA payments are in EUR")
		f.when(r.SEPA && r.CrossBorder, key+".crossBorder", "SEPA payments go from IBAN to IBAN")
		f.list(key+".chargeBearers", r.ChargeBearers, chargeBearers...)
		if r.Calendar != "" {
			f.among(key+".calendar", r.Calendar, Always, Weekdays, Target)
		}
		f.when(r.Instant && r.Calendar != "" && r.Calendar != Always, key+".calendar", "instant payments are executed on every day")
		f.when(r.Instant && r.CutOff != "", key+".cutOff", "instant payments are executed at any time")
		if r.CutOff != "" {
			_, err := time.Parse("15:04", r.CutOff)
			f.when(err != nil || len(r.CutOff) != 5, key+".cutOff", "%q is not a time such as 16:00", r.CutOff)
		}
	}
}

// basketMax bounds the members of a basket: they are handed over at once, and change together.
const basketMax = 100

func (p Profile) validateBaskets(f *findings) {
	b := p.Baskets
	if !b.Enabled {
		f.when(b.Mixed, "baskets.mixed", "it is on, but baskets.enabled is false")
		f.when(b.SizeMax != 0, "baskets.sizeMax", "it is set, but baskets.enabled is false")
		return
	}
	f.when(b.SizeMax < 2 || b.SizeMax > basketMax, "baskets.sizeMax", "%d is not between 2 and %d", b.SizeMax, basketMax)
	f.when(b.Mixed && !p.Payments.Enabled, "baskets.mixed", "it is on, but payments.enabled is false")
}
