// Package money holds amounts as whole minor units of an ISO 4217 currency.
//
// A decimal text is parsed once at the rim and formatted once on the way out; between the
// two there is only integer arithmetic, so nothing is ever rounded by accident.
package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Callers tell these apart with errors.Is.
var (
	ErrFormat   = errors.New("amount is not a decimal number that fits its currency")
	ErrCurrency = errors.New("currency is not a known ISO 4217 code")
)

// Several stands where a currency is expected and there is no single one: at an account that
// bundles accounts in several currencies. No Amount is in it.
//
// Source: ISO 4217, code for transactions where no currency is involved.
const Several = "XXX"

// An Amount is Minor units of Currency: 1250 EUR is 12.50 euro. The zero value is no money
// in no currency.
type Amount struct {
	Minor    int64
	Currency string
}

// Parse reads a decimal text such as "12.5" or "-3" in currency. It returns ErrFormat for
// exponents, blanks, more decimals than the currency has, or more than 14 digits before
// the point, and ErrCurrency for an unknown code.
//
// spec: xs2a/amount
func Parse(text, currency string) (Amount, error) {
	decimals, ok := Decimals(currency)
	if !ok {
		return Amount{}, fmt.Errorf("%w: %.8q", ErrCurrency, currency)
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	// Zeros behind the currency's own decimals change nothing and are seen in the wild.
	for len(fraction) > decimals && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if whole == "" || len(whole) > 14 || len(fraction) > decimals || point && strings.HasSuffix(text, ".") {
		return Amount{}, fmt.Errorf("%w: %.20q %s", ErrFormat, text, currency)
	}
	var minor int64
	for _, c := range []byte(whole + fraction + "000"[:decimals-len(fraction)]) {
		if c < '0' || c > '9' {
			return Amount{}, fmt.Errorf("%w: %.20q %s", ErrFormat, text, currency)
		}
		minor = minor*10 + int64(c-'0')
	}
	if negative {
		minor = -minor
	}
	return Amount{minor, currency}, nil
}

// String formats the amount without its currency: "12.50".
func (a Amount) String() string { return string(a.Append(nil)) }

// Append appends what String returns.
func (a Amount) Append(b []byte) []byte {
	decimals, _ := Decimals(a.Currency)
	minor := uint64(a.Minor)
	if a.Minor < 0 {
		b = append(b, '-')
		minor = -minor
	}
	scale := uint64(1)
	for range decimals {
		scale *= 10
	}
	b = strconv.AppendUint(b, minor/scale, 10)
	if decimals > 0 {
		b = append(b, '.')
		rest := minor % scale
		for s := scale / 10; s > 0; s /= 10 {
			b = append(b, '0'+byte(rest/s%10))
		}
	}
	return b
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{-a.Minor, a.Currency} }

// Plus returns a+b; it panics when the currencies differ, which only a programmer can cause.
func (a Amount) Plus(b Amount) Amount {
	if a.Currency != b.Currency {
		panic("money: " + a.Currency + " plus " + b.Currency)
	}
	return Amount{a.Minor + b.Minor, a.Currency}
}

// Decimals says how many decimals currency has; ok is false for an unknown code.
//
// Source: ISO 4217, list one, without funds codes and precious metals.
func Decimals(currency string) (n int, ok bool) {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0, true
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3, true
	}
	return 2, len(currency) == 3 && strings.Contains(twoDecimals, currency+" ")
}

const twoDecimals = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG "
