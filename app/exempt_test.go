package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
)

// What the reference bank does without SCA reads exempted at the TPP: her password is enough
// for a list of accounts, for once, and for a low value to an account of hers.
func TestExemptions(t *testing.T) {
	t.Parallel()
	dev, stop := startWith(t, app.DevOptions{Exempt: []string{"lists", "risk"}})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	s := apptest.New(t, dev.Ready)
	isar, who, cert := s.Bank("standard"), s.Personas[0], s.Certificate(s.TPPs[0])
	c := s.Client(cert)
	s.ConsentAt(isar, cert, s.TPPs[0].OrganizationIdentifier, apptest.Redirect, who, apptest.ConsentBody(30)) // by SCA
	password, err := json.Marshal(who.Password)
	if err != nil {
		t.Fatal(err)
	}
	// enters creates what the PSU authorises by her password at the TPP, and returns how that ends.
	enters := func(path, body string) (made, ended apptest.Answer) {
		t.Helper()
		made = s.Ask(c, http.MethodPost, isar.XS2A+path, apptest.H{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "false"}, body)
		if made.Status != http.StatusCreated {
			t.Fatalf("%s", made)
		}
		ended = s.Ask(c, http.MethodPut, made.Get("_links", "updatePsuAuthentication", "href"), apptest.H{"PSU-ID": who.Login, "Content-Type": "application/json"},
			`{"psuData":{"password":`+string(password)+`}}`)
		return made, ended
	}
	const list = `{"access":{"availableAccounts":"allAccounts"},"recurringIndicator":false,"validUntil":"9999-12-31","frequencyPerDay":1,"combinedServiceIndicator":false}`
	made, ended := enters("/v1/consents", list)
	if ended.Status != http.StatusOK || ended.Get("scaStatus") != "exempted" {
		t.Fatalf("a list for once: %s", ended)
	}
	if a := s.Ask(c, http.MethodGet, made.Get("_links", "status", "href"), nil, ""); a.Get("consentStatus") != "valid" {
		t.Errorf("%s", a)
	}
	read := s.Ask(c, http.MethodGet, isar.XS2A+"/v1/accounts", apptest.H{"Consent-ID": made.Get("consentId")}, "")
	if read.Status != http.StatusOK || !strings.Contains(read.Body, who.Accounts[0].IBAN) || strings.Contains(read.Body, "balanceAmount") {
		t.Errorf("%s", read)
	}
	if _, ended = enters("/v1/consents", strings.Replace(list, `"recurringIndicator":false`, `"recurringIndicator":true`, 1)); ended.Get("scaStatus") == "exempted" {
		t.Errorf("a list for good: %s", ended)
	}
	made, ended = enters("/v1/payments/sepa-credit-transfers", apptest.Payment("E-1", who.Accounts[0].IBAN, who.Accounts[1].IBAN, "5.00"))
	if ended.Get("scaStatus") != "exempted" {
		t.Errorf("a low value to herself: %s", ended)
	}
	var a apptest.Answer
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && a.Get("transactionStatus") != "ACSC"; time.Sleep(50 * time.Millisecond) {
		a = s.Ask(c, http.MethodGet, made.Get("_links", "status", "href"), nil, "")
	}
	if a.Get("transactionStatus") != "ACSC" {
		t.Errorf("%s", a)
	}
}

func TestAnExemptionThatNobodyKnows(t *testing.T) {
	t.Parallel()
	_, err := app.NewBanks(t.Context(), app.BanksOptions{Data: t.TempDir(), Address: free, HubURL: "http://127.0.0.1:1", Exempt: []string{"everything"}}, nil)
	if err == nil || !strings.Contains(err.Error(), `no exemption "everything"`) {
		t.Errorf("got %v", err)
	}
}
