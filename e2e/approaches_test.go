package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kontor/e2e/chromium"
	"kontor/ready"
	"kontor/xs2aclient"
)

// An answer of the interface, for requests that a TPP makes where the PSU stays with it.
type answer struct {
	ConsentID, PaymentID, ConsentStatus, SCAStatus string

	SCAMethods []struct{ AuthenticationType, AuthenticationMethodID string }
	Links      map[string]struct{ Href string } `json:"_links"`
	approach   string
}

// sends asks an address of the standard bank as the TPP, with headers in pairs.
func (w *world) sends(t *testing.T, method, address string, body any, headers ...string) (a answer) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(w.tpp.QWAC, w.tpp.QWACKey)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: w.roots}}
	defer transport.CloseIdleConnections()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-ID", requestID())
	req.Header.Set("PSU-IP-Address", present.IPAddress)
	req.Header.Set("TPP-Redirect-URI", w.back)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s (%v)", method, address, resp.StatusCode, text, err)
	}
	a.approach = resp.Header.Get("ASPSP-SCA-Approach")
	return a
}

// startsItself: the TPP starts the SCA of a payment by a request of its own, which is called
// explicit. The PSU comes to the bank's page and back over the hub's.
func (w *world) startsItself(t *testing.T, b *tab) {
	psu := w.ready.Personas[0]
	c := w.mayAsk(t, b, "psd2:pay", psu).WithPreferences(xs2aclient.Preferences{ExplicitAuthorisation: true})
	r, created := w.initiates(t, c, &xs2aclient.AccountReference{IBAN: psu.Accounts[0].IBAN}, "46.50")
	if created.Links["scaRedirect"] != "" || created.Links["startAuthorisation"] == "" {
		t.Fatalf("the SCA was started with the payment: %+v", created)
	}
	id := xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers, ID: created.PaymentID}
	started := must[xs2aclient.AuthorisationStarted](t)(c.StartPaymentAuthorisation(t.Context(), id, w.redirects()))
	b.comes(ok, texts("Approve a payment", "46.50 EUR", r.CreditorName), chromium.Navigate(started.Links["scaRedirect"]))
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	w.leaves(b, w.back)
	w.status(t, c, created, xs2aclient.PaymentSettled)
}

// requestID is a new UUID.
func requestID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

func everything(psu ready.Persona) map[string]any {
	all := []map[string]string{{"iban": psu.Accounts[0].IBAN}}
	return map[string]any{"access": map[string]any{"balances": all, "transactions": all}, "recurringIndicator": true, "validUntil": "9999-12-31", "frequencyPerDay": 4, "combinedServiceIndicator": false}
}

// asksThePhone: the PSU never leaves the TPP but for her phone, which is a page of the bank.
func (w *world) asksThePhone(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "standard"), w.ready.Personas[7] // whose phone is asked of nothing else
	created := w.sends(t, http.MethodPost, bank.XS2A+"/v1/consents", everything(psu), "TPP-Decoupled-Preferred", "true", "PSU-ID", psu.Login)
	if created.approach != "DECOUPLED" || created.Links["scaRedirect"].Href+created.Links["scaOAuth"].Href != "" {
		t.Fatalf("not decoupled: %+v", created)
	}
	b.comes(ok, texts("Log in as the customer"), chromium.Navigate(w.pages(bank)+"/phone"))
	b.logsIn(psu, "Your devices")
	if !eventually(func() bool {
		b.comes(ok, nil, chromium.Navigate(w.pages(bank)+"/phone"))
		return evaluate[bool](b, `document.querySelector('button[value=approve]') !== null`)
	}) {
		t.Fatal("the phone is not asked")
	}
	b.comes(ok, nil, approves(w.tpp.Name))
	becomes(t, "consentStatus", xs2aclient.ConsentValid, func() (string, error) {
		return w.client(t, bank).ConsentStatus(t.Context(), created.ConsentID)
	})
}

// staysAtTheTPP: what the PSU enters goes through the hub; only her reader is looked at, which is
// a page of the bank here.
func (w *world) staysAtTheTPP(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "standard"), w.everyMethod()
	created := w.sends(t, http.MethodPost, bank.XS2A+"/v1/payments/sepa-credit-transfers", w.transfer(psu, "66.00", "Embedded"), "TPP-Redirect-Preferred", "false", "TPP-Decoupled-Preferred", "false")
	if created.approach != "EMBEDDED" {
		t.Fatalf("not embedded: %+v", created)
	}
	known := w.sends(t, http.MethodPut, created.Links["updatePsuAuthentication"].Href, map[string]any{"psuData": map[string]string{"password": psu.Password}}, "PSU-ID", psu.Login)
	id := ""
	for _, m := range known.SCAMethods {
		if m.AuthenticationType == "CHIP_OTP" {
			id = m.AuthenticationMethodID
		}
	}
	asked := w.sends(t, http.MethodPut, known.Links["selectAuthenticationMethod"].Href, map[string]string{"authenticationMethodId": id})
	b.comes(ok, texts("Log in as the customer"), chromium.Navigate(w.pages(bank)+"/phone"))
	b.logsIn(psu, "Your devices", "Chip reader", "66,00EUR")
	code := evaluate[string](b, `[...document.querySelectorAll('section')].find(s => s.textContent.includes('66,00EUR')).querySelector('.sent').textContent.trim()`)
	done := w.sends(t, http.MethodPut, asked.Links["authoriseTransaction"].Href, map[string]string{"scaAuthenticationData": strings.ReplaceAll(code, " ", "")})
	if done.SCAStatus != "finalised" {
		t.Errorf("%+v", done)
	}
	w.stands(t, xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers, ID: created.PaymentID}, xs2aclient.PaymentSettled)
}

// returnsToAnApp: an app is opened by an address of its own scheme, where it has registered that. The
// last page has a link to it, for browsers open apps by themselves only after a click.
func (w *world) returnsToAnApp(t *testing.T, b *tab) {
	bank, psu := w.bank(t, "standard"), w.ready.Personas[2]
	i := slices.IndexFunc(w.tpp.RedirectURIs, func(uri string) bool { return !strings.HasPrefix(uri, "http") })
	if i < 0 {
		t.Fatal("the TPP has registered no app")
	}
	to := xs2aclient.Redirects{URI: w.tpp.RedirectURIs[i]}
	client := w.client(t, bank)
	if _, err := client.CreateConsent(t.Context(), recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}), xs2aclient.Redirects{URI: "example.mallory:/callback"}); err == nil {
		t.Error("a scheme that no app has registered is taken")
	}
	created := must[xs2aclient.ConsentCreated](t)(client.CreateConsent(t.Context(), recurring(xs2aclient.Access{AllPSD2: xs2aclient.AllAccounts}), to))
	oauth := w.oauth(t, bank)
	oauth.RedirectURI = to.URI
	flow := must[xs2aclient.Flow](t)(oauth.Begin(xs2aclient.ScopeOfConsent(created.ConsentID), nil))
	b.comes(ok, texts("Log in"), chromium.Navigate(flow.URL))
	b.logsIn(psu, "Give access")
	b.comes(ok, texts(enterCode), button("approve"))
	code, _ := w.code(b)
	b.comes(ok, texts("Done"), fill("code", code), button("confirm"))
	left := b.check(b.goesOn(), ok, "Returning you to")
	link := evaluate[string](b, `document.getElementById('continue').href`)
	if !strings.HasPrefix(link, to.URI+"?") || !strings.HasSuffix(left.Refresh, link) {
		t.Errorf("the page leads to %s, and by itself to %s", link, left.Refresh)
	}
	got := must[string](t)(flow.Code(link))
	must[xs2aclient.Token](t)(client.Exchange(t.Context(), oauth, flow, got))
	becomes(t, "consentStatus", xs2aclient.ConsentValid, func() (string, error) { return client.ConsentStatus(t.Context(), created.ConsentID) })
}
