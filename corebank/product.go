package corebank

import (
	"math/big"
	"slices"

	"kontor/kit/day"
	"kontor/kit/money"
)

// Payment products. The domestic one is offered by banks in Romania only: its name is the
// bank's own, as the standard has none.
const (
	productCredit      = "sepa-credit-transfers"
	productInstant     = "instant-sepa-credit-transfers"
	productTarget      = "target-2-payments"
	productCrossBorder = "cross-border-credit-transfers"
	productDomesticRO  = "domestic-credit-transfers-ro"
)

// Payment services.
const (
	servicePayments = "payments"
	serviceBulk     = "bulk-payments"
	servicePeriodic = "periodic-payments"
)

// A product is a way to pay.
type product struct {
	name     string
	currency string // the only one; empty: any that the bank exchanges
	code     string // bank transaction code of the payer's entry
	received string // and of the payee's
	cutOff   int    // hour of the day, in the bank's zone, from which the next business day counts; 0: none
	instant  bool   // settled within seconds on any day
	fee      int64  // cents of EUR
	services []string
}

// products are those of a bank in country.
func products(country string) []product {
	all := []product{
		{name: productCredit, currency: "EUR", code: "PMNT-ICDT-ESCT", received: "PMNT-RCDT-ESCT", cutOff: 16, services: []string{servicePayments, serviceBulk, servicePeriodic}},
		{name: productInstant, currency: "EUR", code: "PMNT-IRCT-ESCT", received: "PMNT-RRCT-ESCT", instant: true, services: []string{servicePayments, serviceBulk, servicePeriodic}},
		{name: productTarget, currency: "EUR", code: "PMNT-ICDT-SDVA", received: "PMNT-RCDT-SDVA", cutOff: 17, fee: 1500, services: []string{servicePayments, servicePeriodic}},
		{name: productCrossBorder, code: "PMNT-ICDT-XBCT", received: "PMNT-RCDT-XBCT", cutOff: 14, fee: 1200, services: []string{servicePayments}},
	}
	if country == "RO" {
		all = append(all, product{name: productDomesticRO, currency: "RON", code: "PMNT-ICDT-DMCT", received: "PMNT-RCDT-DMCT", cutOff: 15, services: []string{servicePayments, serviceBulk, servicePeriodic}})
	}
	return all
}

// product finds the product of that name, where service can be had with it.
func (b *Bank) product(name, service string) (product, bool) {
	for _, p := range products(b.country) {
		if p.name == name {
			return p, slices.Contains(p.services, service)
		}
	}
	return product{}, false
}

// productOf is the product of a payment that was taken up before.
func (b *Bank) productOf(p payment) product {
	found, _ := b.product(p.Product, p.Service)
	return found
}

// executionDay is when a payment that is approved now is executed. Within the house and
// instantly money moves on any day at any hour; between banks, what comes after the cut-off
// is a payment of the next business day.
func (b *Bank) executionDay(p product, wanted string, inHouse bool) day.Day {
	today := b.today()
	on, err := day.Parse(wanted)
	if err == nil && on.After(today) {
		return on // moved to a business day when the order was read
	}
	if inHouse || p.instant || b.roundTheClock {
		return today
	}
	if p.cutOff > 0 && b.now().In(b.zone).Hour() >= p.cutOff {
		today = today.AddDays(1)
	}
	return following(today)
}

// valueDay is when money counts that goes to another bank on booked.
func (p product) valueDay(booked day.Day) day.Day {
	switch {
	case p.instant:
		return booked
	case p.name == productCrossBorder: // two business days, as foreign exchange is settled
		return following(following(booked.AddDays(1)).AddDays(1))
	}
	return following(booked)
}

// ratesPerEuro is the bank's table of exchange rates: how much of a currency one euro is,
// in millionths. A bank that is no invention has a new one every day.
var ratesPerEuro = []struct {
	currency string
	millions int64
}{
	{"EUR", 1_000_000}, {"USD", 1_085_200}, {"CHF", 947_300}, {"GBP", 842_650}, {"RON", 4_975_400}, {"PLN", 4_318_900},
	{"CZK", 25_271_000}, {"HUF", 391_450_000}, {"SEK", 11_487_500}, {"NOK", 11_632_000}, {"DKK", 7_460_400}, {"BGN", 1_955_830},
	{"JPY", 163_840_000}, {"CAD", 1_475_900}, {"AUD", 1_641_300}, {"TRY", 35_120_000}, {"BHD", 409_120},
}

func rateOf(currency string) int64 {
	for _, r := range ratesPerEuro {
		if r.currency == currency {
			return r.millions
		}
	}
	return 0
}

// exchanged is what amount costs in currency, rounded up to the smallest coin: what was
// asked for arrives whole. ok is false where the bank has no rate.
func exchanged(amount money.Amount, currency string) (cost money.Amount, ok bool) {
	from, to := rateOf(amount.Currency), rateOf(currency)
	if from == 0 || to == 0 {
		return money.Amount{}, false
	}
	fromDecimals, _ := money.Decimals(amount.Currency)
	toDecimals, _ := money.Decimals(currency)
	ten := big.NewInt(10)
	over := new(big.Int).Mul(big.NewInt(amount.Minor), big.NewInt(to))
	over.Mul(over, new(big.Int).Exp(ten, big.NewInt(int64(toDecimals)), nil))
	under := new(big.Int).Mul(big.NewInt(from), new(big.Int).Exp(ten, big.NewInt(int64(fromDecimals)), nil))
	over.Add(over, under).Sub(over, big.NewInt(1))
	over.Quo(over, under)
	if !over.IsInt64() {
		return money.Amount{}, false
	}
	return money.Amount{Minor: over.Int64(), Currency: currency}, true
}

// exchangeRate tells how much of target one unit of source is, with six decimals.
func exchangeRate(source, target string) string {
	if rateOf(source) == 0 {
		return ""
	}
	return big.NewRat(rateOf(target), rateOf(source)).FloatString(6)
}

// feeOf is the fee of p in the currency of the account that pays it.
func feeOf(p product, currency string) money.Amount {
	if p.fee == 0 {
		return money.Amount{Currency: currency}
	}
	fee, _ := exchanged(money.Amount{Minor: p.fee, Currency: "EUR"}, currency)
	return fee
}
