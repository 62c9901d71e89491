package app_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/bank/profile"
)

// From the TPP's order to the bank's page and back: what a payee is called is found out by the
// bank, told to the TPP as far as it may know, and no obstacle.
func TestPayeesAreVerified(t *testing.T) {
	t.Parallel()
	s := world(t, func(c *app.Config) {
		for i := range c.Banks {
			if p := c.Banks[i].Profile(); c.Banks[i].Code() == "isar" {
				p.SpecLevel, p.Payments.PayeeVerification = "1.3.16", true
				p.OAuth, p.SCAApproaches = profile.OAuth{Mode: profile.OAuthNone}, []profile.SCAApproach{profile.Redirect}
			}
		}
	})
	isar, ana, andrei, cert := s.Bank("standard"), s.Personas[0], s.Personas[1], s.Certificate(s.TPPs[0])
	alpa := s.Client(cert)
	to := isar.XS2A + "/v1/payments/sepa-credit-transfers"
	header := h{"TPP-Redirect-URI": apptest.Redirect}
	for _, tt := range []struct{ name, iban, want string }{
		{"ionescu, andrei", andrei.Accounts[0].IBAN, "RCVC"},
		{"A. Ionescu", andrei.Accounts[0].IBAN, "RVCM"},
		{"Ana Novak", andrei.Accounts[0].IBAN, "RVCM"},
		{"Ana Novak", "DE89370400440532013000", "RVNC"},
	} {
		body := strings.Replace(apptest.Payment("E-1", ana.Accounts[0].IBAN, tt.iban, "1.00"), "Ana Novak", tt.name, 1)
		made := s.Ask(alpa, http.MethodPost, to, header, body)
		if made.Status != http.StatusCreated || made.Get("transactionStatus") != tt.want || strings.Contains(made.Body, "Andrei Ionescu") {
			t.Fatalf("%s: %s", tt.name, made)
		}
		if warned := strings.Contains(made.Body, `"WARNING"`); warned != (tt.want != "RCVC") {
			t.Errorf("%s: warned %t: %s", tt.name, warned, made)
		}
		status := to + "/" + made.Get("paymentId") + "/status"
		if got := s.Ask(alpa, http.MethodGet, status, nil, ""); got.Get("transactionStatus") != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
		s.Follow(ana, made.Get("_links", "scaRedirect", "href"))
		if got := s.Ask(alpa, http.MethodGet, status, nil, "").Get("transactionStatus"); got != "ACSC" && got != "ACSP" && got != "ACCC" && got != "ACTC" {
			t.Errorf("%s: after approval it is %s", tt.name, got)
		}
	}
}

func TestAConnectorThatVerifiesNobodyIsNotAsked(t *testing.T) {
	t.Parallel()
	o := app.DevOptions{Data: t.TempDir(), API: free, Web: free, WebTLS: free, Bank: free}.With(func(c *app.Config) {
		for i := range c.Banks {
			p := c.Banks[i].Profile()
			p.SpecLevel, p.Payments.PayeeVerification = "1.3.16", c.Banks[i].Code() == "isar"
			c.Banks[i].Connector.Capabilities = slices.DeleteFunc(c.Banks[i].Connector.Capabilities, func(s string) bool { return s == "payee_verification" })
		}
	})
	_, err := app.NewDev(t.Context(), o, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), `bank isar: its profile offers what its connector does not: declare the capability "payee_verification"`) {
		t.Errorf("got %v", err)
	}
}
