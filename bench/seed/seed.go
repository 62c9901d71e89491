// Package seed names the customers, consents and tokens of the benchmark.
//
// Everything is computed from a number, so that the load generator, the core and both
// servers mean the same customer without asking each other. There must be at least ten
// thousand: with a few, the requests would queue up behind a few rows, and behind nothing else.
package seed

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// The TPP and the bank of the benchmark.
const (
	TPP          = "PSDSI-BS-4242424"
	TPPName      = "Bench TPP d.o.o."
	TPPDomain    = "tpp.bench.example"
	RedirectURI  = "https://tpp.bench.example/back"
	Provider     = "bench"
	AppID        = "bench-app"
	AppSecret    = "bench-secret-0123456789abcdef"
	CreditorIBAN = "DE89370400440532013000"
	CreditorName = "Bench Creditor GmbH"
)

// A PSU has two accounts. The first has a page of entries, the second, whose id and resource
// have Savings behind the first one's, a long history.
const (
	Page    = 100
	Long    = 10_000
	Savings = "-s"
)

// Access is the access token of consent i, Refresh its first refresh token.
func Access(i int) string  { return token("access", i) }
func Refresh(i int) string { return token("refresh", i) }

// Visit is what the browser of PSU i keeps while she is logged in to the dashboard.
func Visit(i int) string { return token("visit", i) }

func token(kind string, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "bench %s %d", kind, i))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PSU is what the bank calls the customer of consent i.
func PSU(i int) string { return fmt.Sprintf("psu-%d", i) }

// Consent is the id of consent i, in the shape of a UUID.
func Consent(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// Resource is the id under which account i is shown to the TPP.
func Resource(i int) string { return fmt.Sprintf("00000000-0000-4000-9000-%012d", i) }

// Account is the bank's own id of account i, Bank the token that the bank issued for it.
func Account(i int) string { return fmt.Sprintf("acc-%08d", i) }
func Bank(i int) string    { return fmt.Sprintf("bank-%08d", i) }

// Session is the session in which consent i was authorised.
func Session(i int) string { return fmt.Sprintf("session-%08d", i) }

// SavingsIBAN is the IBAN of the second account of PSU i.
func SavingsIBAN(i int) string { return IBAN(i + 1_000_000_000) }

// IBAN is the valid Slovenian IBAN of account i.
func IBAN(i int) string {
	bban := fmt.Sprintf("99%013d", i)
	rest := 0
	for _, d := range bban + "281800" { // SI00 behind the account, S = 28, I = 18
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("SI%02d%s", 98-rest, bban)
}
