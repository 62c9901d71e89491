package xs2a_test

import (
	"net/http"
	"strings"
	"testing"

	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/edge/xs2a"
)

// Where the consent is given at the bank, no other way is open, and no token can be had.
func TestFundsWhereTheConsentIsGivenAtTheBank(t *testing.T) {
	t.Parallel()
	d := openDesk(t, "standard", func(a *xs2a.API) { a.Bank.Funds.ConsentVia = profile.FundsAtBank })
	d.Change(func(b *profile.Bank) { b.Funds.ConsentVia = profile.FundsAtBank })
	const question = `{"account":{"iban":"` + giro + `"},"instructedAmount":{"amount":"1","currency":"EUR"}}`
	refused := func(t *testing.T) {
		t.Helper()
		if w := d.ask("POST", "/v1/funds-confirmations", question, nil); w.Code != 400 || !strings.Contains(w.Body.String(), `"NO_PIIS_ACTIVATION"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		name, path, body string
		headers          http.Header
		status           int
		says             string
	}{
		{"a question", "/v1/funds-confirmations", question, nil, 200, "fundsAvailable"},
		{"a question under a consent", "/v1/funds-confirmations", question, http.Header{"Consent-Id": {"id1"}}, 400, "CONSENT_UNKNOWN"},
		{"a consent of its own", "/v2/consents/confirmation-of-funds", `{"account":{"iban":"` + giro + `"}}`, nil, 405, "SERVICE_INVALID"},
		{"a consent as any other", "/v1/consents", `{"access":{"accounts":[{"iban":"` + giro + `"}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false,"confirmationOfFundsAllowed":true}`,
			nil, 400, "SERVICE_INVALID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := d.ask("POST", c.path, c.body, c.headers)
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"`+c.says+`"`) {
				t.Errorf("%d %s; want %d %s", w.Code, w.Body, c.status, c.says)
			}
		})
	}
	d.Bank.End("", core.ErrAccessDenied) // she has not allowed it, or withdrawn
	refused(t)
	d.Bank.End("", core.ErrNotOffered)
	refused(t)
}
