package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kontor/app/apptest"
	"kontor/ready"
	"kontor/xs2aclient"
)

// my is the address of the dashboard of b.
func my(s *apptest.Sandbox, b ready.Bank) string {
	return s.WebTLS + strings.TrimPrefix(b.XS2A, s.API) + "/my"
}

var formToken = regexp.MustCompile(`name="token" value="([0-9a-f]{64})"`)

// token reads what goes with the forms of a page.
func token(t *testing.T, page apptest.Answer) url.Values {
	t.Helper()
	m := formToken.FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("no form in %s", page)
	}
	return url.Values{"token": {m[1]}}
}

// entered opens the dashboard of b in a new browser of who's.
func entered(t *testing.T, s *apptest.Sandbox, b ready.Bank, who ready.Persona) (*apptest.Browser, apptest.Answer) {
	t.Helper()
	browser := s.Browser(who)
	if page := browser.Open(my(s, b), nil); page.Status != http.StatusOK || !strings.Contains(page.Body, `id="login"`) {
		t.Fatalf("before the log-in: %s", page)
	}
	page := browser.Open(my(s, b)+"/login", url.Values{})
	if page.Status != http.StatusOK || browser.At.String() != my(s, b) || !strings.Contains(page.Body, `id="logout"`) {
		t.Fatalf("after the log-in, at %s: %s", browser.At, page)
	}
	return browser, page
}

// shows checks that a page has some texts in it, and others not.
func shows(t *testing.T, page apptest.Answer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		not, absent := strings.CutPrefix(text, "not: ")
		if strings.Contains(page.Body, not) == absent {
			t.Errorf("%q: %d %s", text, page.Status, page.Body)
		}
	}
}

// A PSU sees on the dashboard what she gave at her bank, ends it, and that is the end of it:
// for the TPP, and for her bank.
func TestAPSUEndsAConsentOnTheDashboard(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	salt, ana := s.Bank("salt"), s.Personas[0]
	cert := s.Certificate(s.TPPs[0])
	alpa := s.Client(cert)
	c := s.Consent(cert, s.TPPs[0].OrganizationIdentifier, apptest.Redirect, ana)
	read := func() apptest.Answer {
		return s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", c.Headers(), "")
	}
	if a := read(); a.Status != http.StatusOK {
		t.Fatalf("before: %s", a)
	}
	browser, page := entered(t, s, salt, ana)
	shows(t, page, s.TPPs[0].Name, "May see your accounts", "What comes in and goes out", "In force", "/consents/"+c.ID+"/end", "not: Not yet")
	page = browser.Open(my(s, salt)+"/consents/"+c.ID, nil)
	shows(t, page, "you approved it at your bank", "it was used once", "the third party asked for it")
	page = browser.Open(my(s, salt)+"/consents/"+c.ID+"/end", nil)
	shows(t, page, `id="confirm"`, `id="back"`, "ask it what follows")
	page = browser.Open(my(s, salt)+"/consents/"+c.ID+"/end", token(t, page))
	shows(t, page, "is cancelled", "You cancelled it", "you cancelled it", "not: id=\"end\"")
	if a := read(); a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden {
		t.Errorf("after: %s", a)
	}
	if a := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/consents/"+c.ID+"/status", nil, ""); a.Get("consentStatus") != "revokedByPsu" {
		t.Errorf("after: %s", a)
	}
	shows(t, browser.Open(my(s, salt), nil), "No third party has access", "not: "+s.TPPs[0].Name)
	shows(t, browser.Open(my(s, salt)+"?show=ended", nil), s.TPPs[0].Name, "You cancelled it")
	page = browser.Open(my(s, salt)+"/logout", token(t, browser.Open(my(s, salt), nil)))
	shows(t, page, "You are logged out", `id="login"`)
	shows(t, browser.Open(my(s, salt)+"/consents/"+c.ID, nil), `id="login"`, "not: "+s.TPPs[0].Name)
}

// A payment of a later day is cancelled on the dashboard: the bank asks her to approve that,
// and she comes back to a page that says that it is done.
func TestAPSUCancelsAPaymentOnTheDashboard(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, ana := s.Bank("standard"), s.Personas[0]
	cert := s.Certificate(s.TPPs[0])
	alpa := s.Client(cert)
	body := apptest.Payment("DASH-1", ana.Accounts[0].IBAN, s.Personas[1].Accounts[0].IBAN, "1.00")
	later := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	created := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/payments/sepa-credit-transfers", h{"TPP-Redirect-URI": apptest.Redirect}, fmt.Sprintf(`%s,"requestedExecutionDate":%q}`, body[:len(body)-1], later))
	id := created.Get("paymentId")
	m, err := s.XS2A(isar, cert).Metadata(t.Context(), created.Get("_links", "scaOAuth", "href"))
	if err != nil {
		t.Fatal(err)
	}
	flow, err := xs2aclient.OAuth{Metadata: m, ClientID: s.TPPs[0].OrganizationIdentifier, RedirectURI: apptest.Redirect}.Begin(xs2aclient.ScopeOfPayment(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Follow(ana, flow.URL)
	status := func(want string) {
		t.Helper()
		got := ""
		for deadline := time.Now().Add(10 * time.Second); got != want; time.Sleep(20 * time.Millisecond) {
			if got = s.Ask(alpa, http.MethodGet, isar.XS2A+"/v1/payments/sepa-credit-transfers/"+id+"/status", nil, "").Get("transactionStatus"); got != want && time.Now().After(deadline) {
				t.Fatalf("the payment is %s, not %s", got, want)
			}
		}
	}
	status("ACTC")
	browser, page := entered(t, s, isar, ana)
	shows(t, page, "Payment on a later day", "Still to come", "/payments/"+id+"/end")
	page = browser.Open(my(s, isar)+"/payments/"+id+"/end", nil)
	page = browser.Open(my(s, isar)+"/payments/"+id+"/end", token(t, page))
	shows(t, page, "This payment is cancelled", "it was cancelled")
	status("CANC")
	other, page := entered(t, s, isar, s.Personas[1])
	shows(t, page, "No third party has access")
	if p := other.Open(my(s, isar)+"/payments/"+id, nil); p.Status != http.StatusNotFound {
		t.Errorf("another customer: %s", p)
	}
}
