package xs2aclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kontor/xs2aclient"
)

// A bank answers one request as told, over TLS, and remembers what it was asked.
type bank struct {
	*httptest.Server
	asked *http.Request
	body  []byte
}

func newBank(t *testing.T, answer http.HandlerFunc) *bank {
	b := &bank{}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked = r
		b.body, _ = io.ReadAll(r.Body)
		answer(w, r)
	}))
	b.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	b.StartTLS()
	t.Cleanup(b.Close)
	return b
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-ID", r.Header.Get("X-Request-ID"))
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func (b *bank) client(t *testing.T, change func(*xs2aclient.Config)) *xs2aclient.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(b.Certificate())
	cfg := xs2aclient.Config{BaseURL: b.URL + "/psd2/lon", Roots: roots}
	if change != nil {
		change(&cfg)
	}
	c, err := xs2aclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestCreateConsentSendsWhatTheStandardAsksFor(t *testing.T) {
	t.Parallel()
	b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/v1/consents/c1")
		w.Header().Set("ASPSP-SCA-Approach", "REDIRECT")
		says(201, `{"consentStatus":"received","consentId":"c1","scaStatus":null,"psuMessage":null,"new":{"a":[1]},
			"_links":{"scaOAuth":{"href":"https://idp.example/x","rel":7},"status":"/v1/consents/c1/status","odd":5,"none":null}}`)(w, r)
	})
	var seen []xs2aclient.Exchange
	c := b.client(t, func(cfg *xs2aclient.Config) {
		cfg.Certificate = certificate(t)
		cfg.Observe = func(e xs2aclient.Exchange) { seen = append(seen, e) }
	})
	created, err := c.WithPSU(xs2aclient.PSU{IPAddress: "192.0.2.7", UserAgent: "browser"}).CreateConsent(t.Context(), xs2aclient.ConsentRequest{
		Access: xs2aclient.BankOffered(), RecurringIndicator: true, ValidUntil: "2031-01-31", FrequencyPerDay: 4,
	}, xs2aclient.Redirects{URI: "https://tpp.example/ok"})
	if err != nil {
		t.Fatal(err)
	}
	want := xs2aclient.ConsentCreated{
		ConsentStatus: xs2aclient.ConsentReceived, ConsentID: "c1", SCAApproach: "REDIRECT", Location: "/v1/consents/c1",
		Links: xs2aclient.Links{"scaOAuth": "https://idp.example/x", "status": "/v1/consents/c1/status"},
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("read differently (-want +got):\n%s", diff)
	}
	if b.asked.Method != "POST" || b.asked.URL.Path != "/psd2/lon/v1/consents" || len(b.asked.TLS.PeerCertificates) != 1 {
		t.Errorf("%s %s with %d certificates", b.asked.Method, b.asked.URL, len(b.asked.TLS.PeerCertificates))
	}
	for name, want := range map[string]string{
		"PSU-IP-Address": "192.0.2.7", "PSU-User-Agent": "browser", "TPP-Redirect-URI": "https://tpp.example/ok",
		"Content-Type": "application/json", "Accept": "application/json",
	} {
		if got := b.asked.Header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	for _, name := range []string{"TPP-Nok-Redirect-URI", "Authorization", "Consent-ID", "PSU-ID"} {
		if _, sent := b.asked.Header[http.CanonicalHeaderKey(name)]; sent {
			t.Errorf("%s is sent without a value", name)
		}
	}
	if id := b.asked.Header.Get("X-Request-ID"); !uuid.MatchString(id) {
		t.Errorf("X-Request-ID is %q", id)
	}
	const body = `{"access":{"accounts":[],"balances":[],"transactions":[]},"recurringIndicator":true,"validUntil":"2031-01-31","frequencyPerDay":4,"combinedServiceIndicator":false}`
	if string(b.body) != body {
		t.Errorf("sent %s\nnot  %s", b.body, body)
	}
	if len(seen) != 1 || seen[0].Operation != "CreateConsent" || seen[0].Status != 201 || string(seen[0].RequestBody) != body || len(seen[0].ResponseBody) == 0 {
		t.Errorf("observed %+v", seen)
	}
}

func TestRefusalsAreReadInEveryShape(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		code   string
		text   string
	}{
		"tppMessages":                       {401, `{"tppMessages":[{"category":"ERROR","code":"CONSENT_INVALID","text":"revoked","path":"p"}]}`, "CONSENT_INVALID", "CONSENT_INVALID (p): revoked"},
		"a single message, not a list":      {400, `{"tppMessages":{"category":"ERROR","code":"FORMAT_ERROR"}}`, "FORMAT_ERROR", "FORMAT_ERROR"},
		"RFC 7807":                          {400, `{"type":"x","title":"t","detail":"d","code":"PERIOD_INVALID","additionalErrors":[{"code":"FORMAT_ERROR","detail":"e"}]}`, "PERIOD_INVALID", "PERIOD_INVALID: d FORMAT_ERROR: e"},
		"OAuth":                             {400, `{"error":"invalid_grant","error_description":"code was used"}`, "", "invalid_grant: code was used"},
		"HTML of a proxy":                   {503, `<html>busy</html>`, "", "answered 503"},
		"nothing":                           {500, ``, "", "answered 500"},
		"a redirect, which is not followed": {302, ``, "", "answered 302"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "https://elsewhere.example/")
				says(tt.status, tt.body)(w, r)
			})
			_, err := b.client(t, nil).Consent(t.Context(), "c1")
			e, ok := errors.AsType[*xs2aclient.Error](err)
			if !ok || e.Status != tt.status || e.Code() != tt.code || !strings.Contains(e.Error(), tt.text) || string(e.Body) != tt.body {
				t.Fatalf("%v", err)
			}
			if e.RequestID != b.asked.Header.Get("X-Request-ID") || e.RequestID == "" {
				t.Errorf("request ID %q", e.RequestID)
			}
			if tt.code != "" && !xs2aclient.Refused(fmt.Errorf("wrapped: %w", err), tt.code) || xs2aclient.Refused(err, "OTHER") {
				t.Errorf("Refused does not find %s", tt.code)
			}
		})
	}
}

func TestPagesAreFollowedAndStayAtTheBank(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		next func(base string) string
		err  error
	}{
		"an absolute link":                            {func(base string) string { return base + "/psd2/lon/v1/accounts/a/transactions?page=1" }, nil},
		"a link below the interface":                  {func(string) string { return "/v1/accounts/a/transactions?page=1" }, nil},
		"a link below the host":                       {func(string) string { return "/psd2/lon/v1/accounts/a/transactions?page=1" }, nil},
		"a link to another host is not followed":      {func(string) string { return "https://thief.example/v1/accounts" }, xs2aclient.ErrForeignLink},
		"a link that names only a host, neither":      {func(string) string { return "//thief.example/v1/accounts" }, xs2aclient.ErrForeignLink},
		"a link without TLS, neither":                 {func(base string) string { return "http" + strings.TrimPrefix(base, "https") }, xs2aclient.ErrForeignLink},
		"pages that go round in a circle have an end": {func(string) string { return "/v1/accounts/a/transactions?page=0&circle=1" }, xs2aclient.ErrPages},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/psd2/lon/v1/accounts/a/transactions" || r.Header.Get("Authorization") != "Bearer t1" || r.Header.Get("Consent-ID") != "c1" {
					t.Errorf("asked for %s with %v", r.URL, r.Header)
				}
				next := fmt.Sprintf(`,"next":{"href":%q}`, tt.next("https://"+r.Host))
				if r.URL.Query().Get("page") == "1" {
					next = ""
				}
				fmt.Fprintf(w, `{"transactions":{"booked":[{"entryReference":"e","transactionAmount":{"currency":"EUR","amount":-12.50}}],"pending":null,"_links":{"account":{"href":"x"}%s}}}`, next)
			})
			c := b.client(t, nil).WithToken("t1").WithConsent("c1")
			entries := 0
			var failed error
			for page, err := range c.TransactionPages(t.Context(), "a", xs2aclient.TransactionQuery{BookingStatus: xs2aclient.Booked, DateFrom: "2026-01-01"}) {
				failed = err
				for _, e := range page.Booked {
					if e.Amount != (xs2aclient.Amount{Currency: "EUR", Amount: "-12.50"}) {
						t.Errorf("amount %v: a number keeps its digits", e.Amount)
					}
					entries++
				}
			}
			if !errors.Is(failed, tt.err) || tt.err == nil && entries != 2 {
				t.Errorf("%d entries, %v", entries, failed)
			}
		})
	}
}

func TestFundsConfirmationIsNeverGuessed(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{`{"fundsAvailable":true}`: "true", `{"fundsAvailable":false}`: "false", `{}`: "error", `{"fundsAvailable":null}`: "error", `{"fundsAvailable":"maybe"}`: "error"} {
		b := newBank(t, says(200, body))
		got, err := b.client(t, nil).FundsConfirmation(t.Context(), xs2aclient.FundsRequest{})
		text := fmt.Sprint(got)
		if err != nil {
			text = "error"
		}
		if text != want {
			t.Errorf("%s is read as %s, not %s", body, text, want)
		}
	}
}

func TestFundsConsentsStandBelowAnotherVersion(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"account":{"iban":"SI56020360253863406"},"cardNumber":"5409","consentStatus":"valid"}`))
	got, err := b.client(t, nil).FundsConsent(t.Context(), "../c 1")
	if want := "/psd2/lon/v2/consents/confirmation-of-funds/..%2Fc%201"; err != nil || b.asked.URL.EscapedPath() != want {
		t.Errorf("asked for %s, %v", b.asked.URL.EscapedPath(), err)
	}
	if got.Account.IBAN != "SI56020360253863406" || got.CardNumber != "5409" || got.ConsentStatus != xs2aclient.ConsentValid {
		t.Errorf("got %+v", got)
	}
}

func TestPathsCannotBeLedAstray(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(200, `{"transactionStatus":"RCVD"}`))
	_, err := b.client(t, nil).PaymentStatus(t.Context(), xs2aclient.PaymentID{Service: "payments", Product: "sepa-credit-transfers", ID: "../../x?y/z"})
	if want := "/psd2/lon/v1/payments/sepa-credit-transfers/..%2F..%2Fx%3Fy%2Fz/status"; err != nil || b.asked.URL.EscapedPath() != want {
		t.Errorf("asked for %s, %v", b.asked.URL.EscapedPath(), err)
	}
}

func TestTransactionDetailsAreReadNestedOrNot(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"transactionsDetails":{"transactionId":"t1","transactionAmount":{"currency":"EUR","amount":"1"}}}`,
		`{"transactionsDetails":{"transactionDetails":{"transactionId":"t1","transactionAmount":{"currency":"EUR","amount":"1"}}}}`,
	} {
		b := newBank(t, says(200, body))
		got, err := b.client(t, nil).TransactionDetails(t.Context(), "a", "t1")
		if err != nil || got.TransactionID != "t1" || got.Amount.Amount != "1" {
			t.Errorf("%s is read as %+v, %v", body, got, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "bank.example", "ftp://bank.example", "https://", "https://bank.example?x=1", "https://bank example"} {
		if _, err := xs2aclient.New(xs2aclient.Config{BaseURL: address}); err == nil {
			t.Errorf("BaseURL %q is taken", address)
		}
	}
}

func TestSlowBankEndsWithTheContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBank(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var seen xs2aclient.Exchange
	_, err := b.client(t, func(c *xs2aclient.Config) { c.Observe = func(e xs2aclient.Exchange) { seen = e } }).Accounts(ctx, false)
	if !errors.Is(err, context.DeadlineExceeded) || seen.Err == nil || seen.Status != 0 {
		t.Errorf("%v; observed %+v", err, seen)
	}
}

// certificate makes one that proves nothing but that it is presented.
func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// marshal is for tests that build answers.
func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}
