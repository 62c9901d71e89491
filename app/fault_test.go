package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
)

// A fault stands between the hub and the connectors of all banks, and does what a test says.
type fault struct {
	mu sync.Mutex
	do func(w http.ResponseWriter, r *http.Request, pass http.Handler)
}

// set says what happens to requests from now on; nil: they pass.
func (f *fault) set(do func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

// between leads the hub's requests through f.
func (f *fault) between(t *testing.T) func(*app.Config) {
	return func(c *app.Config) {
		bank, err := url.Parse(c.Banks[0].Connector.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: bank.Scheme, Host: bank.Host}) }}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			do := f.do
			f.mu.Unlock()
			if do == nil {
				do = func(w http.ResponseWriter, r *http.Request, pass http.Handler) { pass.ServeHTTP(w, r) }
			}
			do(w, r, proxy)
		}))
		t.Cleanup(func() { f.set(nil); srv.CloseClientConnections(); srv.Close(); transport.CloseIdleConnections() })
		for i := range c.Banks {
			c.Banks[i].Connector.URL = srv.URL + "/" + c.Banks[i].Code()
		}
	}
}

// TestAConnectorThatFails lets the bank's systems fail in every way. The TPP is told what
// the standard provides, soon enough; nothing that was agreed before is lost, and no money
// moves that nobody knows of.
func TestAConnectorThatFails(t *testing.T) {
	t.Parallel()
	say := func(status int, contentType, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	faults := []struct {
		name string
		do   func(http.ResponseWriter, *http.Request, http.Handler)
	}{
		{"it says nothing", func(w http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }},
		{"it hangs up", func(w http.ResponseWriter, r *http.Request, _ http.Handler) { panic(http.ErrAbortHandler) }},
		{"it answers with a page", say(200, "text/html", "<html><h1>Maintenance</h1></html>")},
		{"it answers 502 with a page", say(502, "text/html", "<html>Bad gateway</html>")},
		{"it answers 500", say(500, "application/json", `{"error_class":"InternalServerError","error_message":"x"}`)},
		{"it answers noise", say(200, "application/json", "\x00\x01{{{{")},
		{"it answers an empty body", say(200, "application/json", "")},
		{"it answers null", say(200, "application/json", "null")},
		{"it answers other JSON", say(200, "application/json", `{"data":{"accounts":"yes"},"meta":[]}`)},
		{"it answers a list of nonsense", say(200, "application/json", `{"data":[1,"x",null,{"id":{}}]}`)},
		{"it leads elsewhere", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}},
		{"it stops in the middle", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "5000")
			io.WriteString(w, `{"data":[{"id":"1"`)
		}},
		{"it has too much to do", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}},
	}
	if testing.Short() {
		faults = faults[1:4]
	}
	// Much of it is waiting, so all of it is done at once, each at a hub of its own.
	var all sync.WaitGroup
	for _, tt := range faults {
		f := &fault{}
		s := world(t, f.between(t))
		all.Go(func() { atAFault(t, tt.name, s, f, tt.do) })
	}
	all.Wait()
}

func atAFault(t *testing.T, name string, s *apptest.Sandbox, f *fault, do func(http.ResponseWriter, *http.Request, http.Handler)) {
	wrong := func(format string, args ...any) { t.Errorf(name+": "+format, args...) }
	salt, lon := s.Bank("salt"), s.Bank("bankart")
	tpp, ana, andrei := s.TPPs[0], s.Personas[0], s.Personas[1]
	cert := s.Certificate(tpp)
	alpa := s.Client(cert)
	consent := s.Consent(cert, tpp.OrganizationIdentifier, apptest.Redirect, ana)
	pay := s.Login(tpp, ana, "psd2:pay")
	toPay := h{"Authorization": "Bearer " + pay, "TPP-Redirect-URI": apptest.Redirect}
	initiate := func(endToEnd string) apptest.Answer {
		return s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/payments/sepa-credit-transfers", toPay, apptest.Payment(endToEnd, ana.Accounts[0].IBAN, andrei.Accounts[0].IBAN, "1.00"))
	}
	before := initiate("BEFORE")
	payment := lon.XS2A + "/v1/payments/sepa-credit-transfers/" + before.Get("paymentId")
	account := firstOf(s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", consent.Headers(), ""), "resourceId")
	if before.Status != http.StatusCreated || account == "" {
		wrong("before anything fails: %s", before)
		return
	}
	today := time.Now().Format(time.DateOnly)

	f.set(do)
	var asked sync.WaitGroup
	attended := consent.Headers()
	for what, address := range map[string]string{
		"accounts": "/v1/accounts", "details": "/v1/accounts/" + account, "balances": "/v1/accounts/" + account + "/balances",
		"transactions": "/v1/accounts/" + account + "/transactions?bookingStatus=booked&dateFrom=" + today,
	} {
		asked.Go(func() {
			a, err := apptest.Try(alpa, http.MethodGet, salt.XS2A+address, attended, "")
			if err != nil {
				wrong("%s: %v", what, err)
			} else if a.Status != http.StatusServiceUnavailable || a.Code() != "INTERNAL_SERVER_ERROR" {
				wrong("%s: got %s", what, a)
			}
			if strings.Contains(a.Body, "127.0.0.1") || strings.Contains(a.Body, "Maintenance") || strings.Contains(a.Body, "gateway") {
				wrong("%s: the answer tells of the bank's systems: %s", what, a)
			}
		})
	}
	var paid apptest.Answer
	asked.Go(func() {
		created := s.Ask(alpa, http.MethodPost, salt.XS2A+"/v1/consents", h{"TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30))
		if created.Status != http.StatusCreated && (created.Status != http.StatusServiceUnavailable || created.Code() != "INTERNAL_SERVER_ERROR") {
			wrong("a consent: %s", created)
		}
	})
	asked.Go(func() {
		paid = initiate("FAULT")
		if paid.Status != http.StatusCreated && (paid.Status != http.StatusServiceUnavailable || paid.Code() != "INTERNAL_SERVER_ERROR") {
			wrong("a payment: %s", paid)
		}
	})
	// What is known here is known without the bank.
	if a := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/consents/"+consent.ID+"/status", nil, ""); a.Get("consentStatus") != "valid" {
		wrong("the consent of before: %s", a)
	}
	if a := s.Ask(alpa, http.MethodGet, payment+"/status", nil, ""); a.Get("transactionStatus") != "RCVD" {
		wrong("the payment of before: %s", a)
	}
	asked.Wait()
	// A payment that was acknowledged can be asked for.
	if paid.Status == http.StatusCreated {
		if a := s.Ask(alpa, http.MethodGet, lon.XS2A+"/v1/payments/sepa-credit-transfers/"+paid.Get("paymentId")+"/status", nil, ""); a.Status != http.StatusOK {
			wrong("an acknowledged payment: %s", a)
		}
	}
	f.set(nil)
	if a := s.Ask(alpa, http.MethodGet, salt.XS2A+"/v1/accounts", attended, ""); a.Status != http.StatusOK {
		wrong("when the bank is well again: %s", a)
	}
	// The payment of before can still be approved, and is executed.
	if back := s.Follow(ana, before.Get("_links", "scaRedirect", "href")); !strings.HasPrefix(back, apptest.Redirect) {
		wrong("the customer came back to %s", back)
	}
	if a := s.Ask(alpa, http.MethodGet, payment+"/status", nil, ""); a.Get("transactionStatus") != "ACSC" {
		wrong("the payment of before, approved: %s", a)
	}
}

// A bank that is slow, but not too slow, is waited for.
func TestASlowConnectorIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := &fault{}
	s := world(t, f.between(t))
	f.set(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		time.Sleep(300 * time.Millisecond)
		pass.ServeHTTP(w, r)
	})
	tpp := s.TPPs[0]
	c := s.Consent(s.Certificate(tpp), tpp.OrganizationIdentifier, apptest.Redirect, s.Personas[0])
	if a := s.Ask(s.Client(s.Certificate(tpp)), http.MethodGet, s.Bank("salt").XS2A+"/v1/accounts", c.Headers(), ""); a.Status != http.StatusOK {
		t.Errorf("got %s", a)
	}
}
