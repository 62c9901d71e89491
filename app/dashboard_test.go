package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"kontor/app/apptest"
	"kontor/ready"
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
