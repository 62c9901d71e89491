package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/xs2aclient"
)

// One SCA at the reference bank authorises two payments and a consent, through a real
// connector; the token of the basket reads under its consent.
func TestASigningBasket(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, ana, alpa := s.Bank("standard"), s.Personas[0], s.Certificate(s.TPPs[0])
	iban := ana.Accounts[0].IBAN
	c := s.Client(alpa)
	create := func(path, body string) apptest.Answer {
		t.Helper()
		a := s.Ask(c, http.MethodPost, isar.XS2A+path, apptest.H{"TPP-Explicit-Authorisation-Preferred": "true", "TPP-Redirect-URI": apptest.Redirect}, body)
		if a.Status != http.StatusCreated {
			t.Fatalf("%s: %s", path, a)
		}
		return a
	}
	var payments []string
	for i := range 2 {
		body := apptest.Payment(fmt.Sprintf("BASKET-%d", i), iban, "DE89370400440532013000", "12.50")
		payments = append(payments, create("/v1/payments/sepa-credit-transfers", body).Get("paymentId"))
	}
	consent := create("/v1/consents", `{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`).Get("consentId")
	made := create("/v1/signing-baskets", fmt.Sprintf(`{"paymentIds":[%q,%q],"consentIds":[%q]}`, payments[0], payments[1], consent))
	self := made.Get("_links", "self", "href")
	if a := s.Ask(c, http.MethodPost, isar.XS2A+"/v1/payments/sepa-credit-transfers/"+payments[0]+"/authorisations", apptest.H{"TPP-Redirect-URI": apptest.Redirect}, "{}"); a.Code() != "RESOURCE_BLOCKED" {
		t.Errorf("a member alone: %s", a)
	}
	started := create(strings.TrimPrefix(self, isar.XS2A)+"/authorisations", "{}")

	client := s.XS2A(isar, alpa)
	m, err := client.Metadata(t.Context(), started.Get("_links", "scaOAuth", "href"))
	if err != nil {
		t.Fatal(err)
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: s.TPPs[0].OrganizationIdentifier, RedirectURI: apptest.Redirect}
	flow, err := o.Begin(xs2aclient.ScopeOfBasket(made.Get("basketId")), nil)
	if err != nil {
		t.Fatal(err)
	}
	code, err := flow.Code(s.Follow(ana, flow.URL))
	if err != nil {
		t.Fatal(err)
	}
	token, err := client.Exchange(t.Context(), o, flow, code)
	if err != nil {
		t.Fatal(err)
	}
	read := func(path, member string) string {
		return s.Ask(c, http.MethodGet, isar.XS2A+path, nil, "").Get(member)
	}
	var got []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		got = []string{
			read("/v1/payments/sepa-credit-transfers/"+payments[0]+"/status", "transactionStatus"),
			read("/v1/payments/sepa-credit-transfers/"+payments[1]+"/status", "transactionStatus"),
			read("/v1/consents/"+consent+"/status", "consentStatus"),
			read(strings.TrimPrefix(self, isar.XS2A)+"/status", "transactionStatus"),
		}
		if slices.Equal(got, []string{"ACSC", "ACSC", "valid", "ACSC"}) {
			break
		}
	}
	if !slices.Equal(got, []string{"ACSC", "ACSC", "valid", "ACSC"}) {
		t.Fatalf("got %v", got)
	}
	h := apptest.H{"Consent-ID": consent, "Authorization": "Bearer " + token.AccessToken}
	if a := s.Ask(c, http.MethodGet, isar.XS2A+"/v1/accounts", h, ""); a.Status != http.StatusOK || !strings.Contains(a.Body, iban) {
		t.Errorf("accounts: %s", a)
	}
	other := s.ConsentAt(isar, alpa, s.TPPs[0].OrganizationIdentifier, apptest.Redirect, ana, apptest.ConsentBody(30))
	h["Consent-ID"] = other.ID
	if a := s.Ask(c, http.MethodGet, isar.XS2A+"/v1/accounts", h, ""); a.Code() != "TOKEN_INVALID" {
		t.Errorf("a consent outside of the basket: %s", a)
	}
}
