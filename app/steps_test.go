package app_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"kontor/app/apptest"
)

// A customer of the reference bank never leaves the third party: what she enters goes through
// the hub and a real connector, for a consent and for a payment.
func TestStepsOfTheEmbeddedApproach(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, who, alpa := s.Bank("standard"), s.Personas[0], s.Certificate(s.TPPs[0])
	c := s.Client(alpa)
	stays := apptest.H{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "false"}
	create := func(path, body string) apptest.Answer {
		t.Helper()
		a := s.Ask(c, http.MethodPost, isar.XS2A+path, stays, body)
		if a.Status != http.StatusCreated || a.Header.Get("ASPSP-SCA-Approach") != "EMBEDDED" || a.Get("_links", "scaOAuth", "href") != "" {
			t.Fatalf("%s: %s", path, a)
		}
		return a
	}
	put := func(at, body string, want int) apptest.Answer {
		t.Helper()
		a := s.Ask(c, http.MethodPut, at, apptest.H{"PSU-ID": who.Login, "Content-Type": "application/json"}, body)
		if a.Status != want {
			t.Fatalf("%s", a)
		}
		return a
	}
	// authorise takes every step, a wrong one before each.
	authorise := func(made apptest.Answer) {
		t.Helper()
		at := made.Get("_links", "updatePsuAuthentication", "href")
		if a := put(at, `{"psuData":{"password":"not hers"}}`, http.StatusUnauthorized); a.Code() != "PSU_CREDENTIALS_INVALID" {
			t.Errorf("a wrong password: %s", a)
		}
		password, err := json.Marshal(who.Password)
		if err != nil {
			t.Fatal(err)
		}
		known := texts(t, s, who.Login)
		a := put(at, `{"psuData":{"password":`+string(password)+`}}`, http.StatusOK)
		if to := a.Get("_links", "selectAuthenticationMethod", "href"); to != "" {
			var offer struct {
				SCAMethods []struct{ AuthenticationType, AuthenticationMethodID string } `json:"scaMethods"`
			}
			if err := json.Unmarshal([]byte(a.Body), &offer); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(offer.SCAMethods, func(m struct{ AuthenticationType, AuthenticationMethodID string }) bool {
				return m.AuthenticationType == "SMS_OTP"
			})
			if i < 0 {
				t.Fatalf("no text messages: %s", a)
			}
			a = put(to, `{"authenticationMethodId":"`+offer.SCAMethods[i].AuthenticationMethodID+`"}`, http.StatusOK)
		}
		to := a.Get("_links", "authoriseTransaction", "href")
		if to == "" {
			t.Fatalf("nothing to answer: %s", a)
		}
		if a := put(to, `{"scaAuthenticationData":"never"}`, http.StatusUnauthorized); a.Code() != "PSU_CREDENTIALS_INVALID" {
			t.Errorf("a wrong code: %s", a)
		}
		fresh := slices.DeleteFunc(texts(t, s, who.Login), func(code string) bool { return slices.Contains(known, code) })
		if len(fresh) != 1 {
			t.Fatalf("%d text messages came", len(fresh))
		}
		if a := put(to, `{"scaAuthenticationData":"`+fresh[0]+`"}`, http.StatusOK); a.Get("scaStatus") != "finalised" {
			t.Fatalf("the right code: %s", a)
		}
	}
	until := func(at, member string, want ...string) {
		t.Helper()
		var a apptest.Answer
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if a = s.Ask(c, http.MethodGet, at, nil, ""); slices.Contains(want, a.Get(member)) {
				return
			}
		}
		t.Fatalf("%s never became %v: %s", member, want, a)
	}

	consent := create("/v1/consents", `{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`)
	authorise(consent)
	until(consent.Get("_links", "status", "href"), "consentStatus", "valid")
	if a := s.Ask(c, http.MethodGet, isar.XS2A+"/v1/accounts", apptest.H{"Consent-ID": consent.Get("consentId")}, ""); a.Status != http.StatusOK {
		t.Errorf("reading without a token, for none came: %s", a)
	}
	paid := create("/v1/payments/sepa-credit-transfers", apptest.Payment("STEPS-1", who.Accounts[0].IBAN, "DE89370400440532013000", "12.50"))
	authorise(paid)
	until(paid.Get("_links", "status", "href"), "transactionStatus", "ACSC", "ACCC")
}

// texts lists the codes that the reference bank has sent to a customer.
func texts(t *testing.T, s *apptest.Sandbox, login string) (codes []string) {
	t.Helper()
	var messages []struct{ Code string }
	if err := json.Unmarshal([]byte(s.Ask(s.Client(nil), http.MethodGet, s.Outbox+"?login="+login, nil, "").Body), &messages); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if m.Code != "" {
			codes = append(codes, m.Code)
		}
	}
	return codes
}
