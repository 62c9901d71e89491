package client

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kontor/bank/core"
	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

// A bank compares the account of a question about funds with the one of the access as it was
// sent, currency and all: the two must have the same bytes.
func TestTheAccountOfAQuestionAboutFundsIsTheOneOfItsAccess(t *testing.T) {
	for name, account := range map[string]core.AccountReference{
		"IBAN":                          {IBAN: iban},
		"IBAN and currency":             {IBAN: iban, Currency: "EUR"},
		"another currency":              {IBAN: iban, Currency: "JPY"},
		"BBAN":                          {BBAN: "020360253863406", Currency: "EUR"},
		"a number of a card":            {PAN: "5409051234561234"},
		"a masked one":                  {MaskedPAN: "540905******1234", Currency: "EUR"},
		"a telephone":                   {MSISDN: "+386 40 123 456", Currency: "EUR"},
		"what has no field of its own":  {Other: core.Other{Identification: "L-77", SchemeNameProprietary: "loans", Issuer: "Banka <Lon> & sin"}, Currency: "EUR"},
		"letters that JSON may rewrite": {BBAN: "<a&b>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			sent := map[string]map[string]json.RawMessage{}
			f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				path := strings.TrimPrefix(r.URL.Path, wire.ConnectorBase)
				sent[path] = said(t, r)
				mu.Unlock()
				w.Header().Set("Content-Type", "application/json")
				w.Write([]byte(`{"data":{"funds_available":true}}`))
			})
			if _, err := f.StartFundsAccess(t.Context(), core.FundsAccessRequest{
				Session: "s", ConsentID: "c", TPP: "PSDSI-BS-1234567", AppName: "Kartica", ReturnURL: "https://hub.example/return", Account: account,
				CardNumber: "5409051234561234", CardExpiryDate: day.New(2028, 7, 31), CardInformation: "Debetna", RegistrationInformation: "Pogodba 17",
			}); err != nil {
				t.Fatal(err)
			}
			ok, err := f.FundsAvailable(t.Context(), core.Access{Session: "s", Token: "t", ConsentID: "c", TPP: "PSDSI-BS-1234567"}, account, money.Amount{Minor: 1250, Currency: "EUR"})
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			access, question := sent[wire.PathFundsTokens], sent[wire.PathFunds]
			if len(access["account"]) < len(`{"x":"y"}`) || string(access["account"]) != string(question["account"]) {
				t.Errorf("access to %s, question about %s", access["account"], question["account"])
			}
			for member, want := range map[string]string{
				"card_number": `"5409051234561234"`, "card_expiry_date": `"2028-07-31"`, "card_information": `"Debetna"`, "registration_information": `"Pogodba 17"`,
			} {
				if string(access[member]) != want || question[member] != nil {
					t.Errorf("%s is %s, and in the question %s", member, access[member], question[member])
				}
			}
		})
	}
}

// said returns the members of what r says, as they were sent.
func said(t *testing.T, r *http.Request) map[string]json.RawMessage {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		t.Errorf("%s: no JWT", r.URL.Path)
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Data map[string]json.RawMessage }
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Error(err)
	}
	return claims.Data
}
