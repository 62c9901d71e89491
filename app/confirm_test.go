package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/bank/profile"
)

// A TPP proves, through hub and connector, that its customer came back to it; and she reads all
// that the bank tells her in the language of the TPP's app.
func TestCodesConfirmThatThePSUCameBack(t *testing.T) {
	t.Parallel()
	s := world(t, func(c *app.Config) {
		for i := range c.Banks {
			if p := c.Banks[i].Profile(); p.SCAApproaches[0] == profile.OAuthSCA && len(p.SCAApproaches) > 1 {
				p.OAuth, p.SCAApproaches = profile.OAuth{Mode: profile.OAuthNone}, []profile.SCAApproach{profile.Redirect, profile.Decoupled, profile.Embedded}
				p.SCAConfirmation = profile.SCAConfirmation{Mode: profile.ConfirmByCode, Parameter: "proof"}
			}
		}
	})
	isar, who, c := s.Bank("standard"), s.Personas[0], s.Client(s.Certificate(s.TPPs[0]))
	back := apptest.Redirect + "?state=abc"
	start := func(path, body string, header apptest.H) apptest.Answer {
		t.Helper()
		h := apptest.H{"TPP-Redirect-URI": back, "PSU-Accept-Language": "de-AT,de;q=0.8"}
		for name, value := range header {
			h[name] = value
		}
		a := s.Ask(c, http.MethodPost, isar.XS2A+path, h, body)
		if a.Status != http.StatusCreated {
			t.Fatal(a)
		}
		return a
	}
	confirm := func(a apptest.Answer, code string) apptest.Answer {
		t.Helper()
		return s.Ask(c, http.MethodPut, a.Get("_links", "confirmation", "href"), apptest.H{"Content-Type": "application/json"}, `{"confirmationCode":"`+code+`"}`)
	}
	is := func(at, member, want string) {
		t.Helper()
		var a apptest.Answer
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if a = s.Ask(c, http.MethodGet, at, nil, ""); a.Get(member) == want {
				return
			}
		}
		t.Fatalf("%s never became %s: %s", member, want, a)
	}
	// approve leads the PSU through the bank's pages, and returns the code she brings back.
	approve := func(a apptest.Answer) string {
		t.Helper()
		page := a.Get("_links", "scaRedirect", "href")
		if shown := s.Ask(s.Client(nil), http.MethodGet, page, apptest.H{"Accept": "text/html"}, ""); !strings.Contains(shown.Body, `<html lang="de"`) {
			t.Errorf("the bank's page is not in German: %s", shown)
		}
		left, err := url.Parse(s.Follow(who, page))
		if err != nil {
			t.Fatal(err)
		}
		code := left.Query().Get("proof")
		if !strings.HasPrefix(left.String(), back+"&proof=") || len(code) < 22 {
			t.Fatalf("she comes back to %s", left)
		}
		is(a.Get("_links", "scaStatus", "href"), "scaStatus", "unconfirmed")
		// Who has lured her to the page knows its address, and not more.
		stranger := s.Ask(s.Client(nil), http.MethodGet, page, apptest.H{"Accept": "text/html"}, "")
		if strings.Contains(stranger.Body, code) || strings.Contains(stranger.Body, "confirmation_code") {
			t.Errorf("a browser without her session reads the code: %s", stranger)
		}
		return code
	}

	consent := start("/v1/consents", apptest.ConsentBody(30), nil)
	code := approve(consent)
	is(consent.Get("_links", "status", "href"), "consentStatus", "received")
	if a := confirm(consent, code); a.Status != http.StatusOK || a.Get("scaStatus") != "finalised" {
		t.Fatal(a)
	}
	is(consent.Get("_links", "status", "href"), "consentStatus", "valid")
	if a := s.Ask(c, http.MethodGet, isar.XS2A+"/v1/accounts", apptest.H{"Consent-ID": consent.Get("consentId")}, ""); a.Status != http.StatusOK {
		t.Error(a)
	}
	order := func(id string) apptest.Answer {
		t.Helper()
		return start("/v1/payments/sepa-credit-transfers", apptest.Payment(id, who.Accounts[0].IBAN, "DE89370400440532013000", "61.50"), nil)
	}
	paid, stolen := order("CONFIRM-1"), order("CONFIRM-2")
	code = approve(paid)
	is(paid.Get("_links", "status", "href"), "transactionStatus", "RCVD")
	approve(stolen)
	if a := confirm(stolen, code); a.Status != http.StatusBadRequest || a.Code() != "SCA_INVALID" {
		t.Errorf("the code of another payment: %s", a)
	}
	is(stolen.Get("_links", "status", "href"), "transactionStatus", "RJCT")
	if a := confirm(paid, code); a.Get("scaStatus") != "finalised" {
		t.Error(a)
	}
	is(paid.Get("_links", "status", "href"), "transactionStatus", "ACSC")

	asked := start("/v1/payments/sepa-credit-transfers", apptest.Payment("CONFIRM-3", who.Accounts[0].IBAN, "DE89370400440532013000", "62.50"),
		apptest.H{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "true", "PSU-ID": who.Login})
	if m := asked.Get("psuMessage"); !strings.HasPrefix(m, "Geben Sie") {
		t.Errorf("the PSU is told %q", m)
	}
}
