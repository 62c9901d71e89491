package xs2a

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jacoelho/banking/iban"

	"kontor/bank/core"
	"kontor/kit/money"
)

// accountsMax bounds a list of accounts in a request.
const accountsMax = 100

// reference checks an account reference that came in at path.
func (w accountReference) reference(path string) (ref core.AccountReference, err error) {
	given := 0
	for _, s := range []string{w.IBAN, w.BBAN, w.PAN, w.MaskedPAN, w.MSISDN} {
		if s != "" {
			given++
		}
		if len(s) > 35 {
			return ref, malformed(path, "has an identifier of more than 35 characters")
		}
	}
	if w.Other != nil {
		given++
		if ref.Other, err = w.Other.identifier(path + ".other"); err != nil {
			return ref, err
		}
	}
	if given != 1 {
		return ref, malformed(path, "must name each account by exactly one identifier")
	}
	if w.IBAN != "" && iban.Validate(w.IBAN) != nil {
		return ref, malformed(path+".iban", "is not a valid IBAN")
	}
	if w.Currency != "" && w.Currency != money.Several {
		if _, ok := money.Decimals(w.Currency); !ok {
			return ref, malformed(path+".currency", "is not an ISO 4217 code")
		}
	}
	if kind := w.CashAccountType; kind != "" && (len(kind) != 4 || strings.ContainsFunc(kind, func(r rune) bool { return r < 'A' || r > 'Z' })) {
		return ref, malformed(path+".cashAccountType", "is not an ISO 20022 code of four letters")
	}
	ref.IBAN, ref.BBAN, ref.PAN, ref.MaskedPAN, ref.MSISDN, ref.Currency = w.IBAN, w.BBAN, w.PAN, w.MaskedPAN, w.MSISDN, w.Currency
	return ref, nil
}

// identifier checks an identifier without a field of its own.
func (w other) identifier(path string) (core.Other, error) {
	if w.Identification == "" {
		return core.Other{}, malformed(path+".identification", "is missing")
	}
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"identification", w.Identification, 35}, {"schemeNameCode", w.SchemeNameCode, 4},
		{"schemeNameProprietary", w.SchemeNameProprietary, 35}, {"issuer", w.Issuer, 35},
	} {
		if utf8.RuneCountInString(f.value) > f.max {
			return core.Other{}, malformed(path+"."+f.name, fmt.Sprintf("has more than %d characters", f.max))
		}
	}
	return core.Other(w), nil
}

// wireReference turns a reference into wire.
func wireReference(r core.AccountReference) accountReference {
	w := accountReference{IBAN: r.IBAN, BBAN: r.BBAN, PAN: r.PAN, MaskedPAN: r.MaskedPAN, MSISDN: r.MSISDN, Currency: r.Currency}
	if r.Other.Identification != "" {
		w.Other = new(other(r.Other))
	}
	return w
}
