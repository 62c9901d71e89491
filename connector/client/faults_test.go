package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/connector/jws"
	"kontor/connector/wire"
	"kontor/kit/money"
)

// A fault is a connector that does one wrong thing, over a real listener.
type fault struct {
	*Client
	calls   atomic.Int64 // without reports
	reports atomic.Int64
}

func misbehaving(t *testing.T, c Config, do http.HandlerFunc) *fault {
	f := &fault{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/errors") {
			f.reports.Add(1)
			return
		}
		f.calls.Add(1)
		do(w, r)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	f.connect(t, c, s.URL)
	return f
}

func (f *fault) connect(t *testing.T, c Config, url string) {
	c.BankCode, c.ConnectorURL, c.SigningKey, c.ReportErrors = "lon", url, hubKey(), true
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 2 * time.Second
	}
	if c.BulkTimeout == 0 {
		c.BulkTimeout = 2 * time.Second
	}
	if c.ReadBackoff == nil {
		c.ReadBackoff = []time.Duration{time.Millisecond}
	}
	if c.RevokeBackoff == nil {
		c.RevokeBackoff = []time.Duration{time.Millisecond, time.Millisecond}
	}
	var err error
	if f.Client, err = New(c); err != nil {
		t.Fatal(err)
	}
}

// everything is what a connector can declare.
var everything = []string{
	"logins", "standing_orders", "trusted_beneficiaries", "refresh", "bulk-payments", "periodic-payments", "cancellation", "payment_status", "funds_at_bank",
	"payee_verification", "baskets", "embedded", "decoupled", "confirmation", "multilevel",
}

var someAccess = core.Access{Session: "s", Token: "t", ConsentID: "c", TPP: "PSDDE-BAFIN-12345"}

func (f *fault) accounts() error {
	_, err := f.Accounts(context.Background(), someAccess)
	return err
}

func (f *fault) transactions() error {
	_, err := f.Transactions(context.Background(), someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.Transaction) error { return nil })
	return err
}

func (f *fault) cardTransactions() error {
	_, err := f.CardTransactions(context.Background(), someAccess, core.TransactionQuery{AccountID: "a"}, func(*core.CardTransaction) error { return nil })
	return err
}

func (f *fault) standingOrders() error {
	return f.StandingOrders(context.Background(), someAccess, "a", func(*core.Transaction) error { return nil })
}

func (f *fault) beneficiaries() error {
	_, err := f.TrustedBeneficiaries(context.Background(), someAccess)
	return err
}

func (f *fault) refresh() error { return f.Refresh(context.Background(), someAccess, "r") }

func (f *fault) pay() error {
	_, err := f.StartPayment(context.Background(), core.PaymentOrder{Session: "s", Payment: core.Payment{Amount: money.Amount{Minor: 1, Currency: "EUR"}}})
	return err
}

func (f *fault) payBulk() error {
	_, err := f.StartPayment(context.Background(), core.PaymentOrder{Session: "s", Service: "bulk-payments", Bulk: manyPayments(100)})
	return err
}

func (f *fault) payTogether() error {
	_, err := f.StartBasket(context.Background(), core.BasketOrder{Session: "s", BasketID: "1", Payments: []core.PaymentOrder{{Session: "s1", PaymentID: "1"}}, Accesses: []core.AccessRequest{{Session: "s2"}}})
	return err
}

func (f *fault) payPeriodic() error {
	_, err := f.StartPayment(context.Background(), core.PaymentOrder{Session: "s", Service: "periodic-payments", Periodic: &core.Periodic{Frequency: "Monthly"}})
	return err
}

func (f *fault) cancel() error {
	_, err := f.CancelPayment(context.Background(), core.Cancellation{Session: "s", PaymentSession: "p", PaymentID: "1"})
	return err
}

func (f *fault) status() error {
	_, err := f.PaymentStatus(context.Background(), "s", "1")
	return err
}

func (f *fault) verify() error {
	_, err := f.VerifyPayees(context.Background(), core.PayeeQuery{Payees: []core.Payee{{Name: "Ana Novak", Account: core.AccountReference{IBAN: iban}}}})
	return err
}

func (f *fault) begin() error {
	_, err := f.StartAccess(context.Background(), core.AccessRequest{Session: "s"})
	return err
}

func (f *fault) check() error {
	_, err := f.FundsAvailable(context.Background(), someAccess, core.AccountReference{IBAN: iban}, money.Amount{Minor: 1, Currency: "EUR"})
	return err
}

func (f *fault) revoke() error { return f.RevokeAccess(context.Background(), someAccess) }

func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// reset cuts the connection after what was written.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

const html = "<!DOCTYPE html><title>502 Bad Gateway</title>"

func TestMisbehavingConnectors(t *testing.T) {
	for _, tt := range []struct {
		name     string
		do       http.HandlerFunc
		accounts error // and other lists, and checks of funds
		pay      error
		begin    error // and a fresh copy
		revoke   error
		report   bool // that accounts could not be used
	}{
		{"resets before a byte", reset, core.ErrUnavailable, core.ErrUnknownOutcome, core.ErrUnavailable, core.ErrUnavailable, false},
		{"breaks off within the body", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"data":[`)
		}, core.ErrUnavailable, core.ErrUnknownOutcome, core.ErrUnavailable, core.ErrUnavailable, false},
		{"fails", say(500, `{"error_class":"InternalServerError","error_message":"x"}`), core.ErrUnavailable, core.ErrUnknownOutcome, core.ErrUnavailable, core.ErrUnavailable, false},
		{"fails in HTML", say(502, html), core.ErrUnavailable, core.ErrUnknownOutcome, core.ErrUnavailable, core.ErrUnavailable, false},
		{"answers HTML as if all were well", say(200, html), core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, nil, true},
		{"answers garbage", say(200, "\x00\xff\x17"), core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, nil, true},
		{"answers half of an object", say(200, `{"data":[{"id":"1"`), core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, nil, true},
		{"answers nothing", say(200, ``), core.ErrMalformed, nil, nil, nil, true},
		{"answers an object without data", say(200, `{}`), core.ErrMalformed, nil, nil, nil, true},
		{"answers data that is an object", say(200, `{"data":{}}`), core.ErrMalformed, nil, nil, nil, true},
		{"answers 200 and a refusal", say(200, `{"error_class":"AccessDenied","error_message":"x"}`), core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, core.ErrMalformed, true},
		{"answers too much", func(w http.ResponseWriter, r *http.Request) {
			for range 64 {
				io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		}, core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, core.ErrMalformed, true},
		{"announces too much", func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/transactions") || strings.HasSuffix(r.URL.Path, wire.PathStandingOrders) {
				return // such a list may be of any length
			}
			w.Header().Set("Content-Length", "99999999999")
		}, core.ErrMalformed, core.ErrUnknownOutcome, core.ErrMalformed, core.ErrMalformed, true},
		{"sends elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/api/priora/v2/tokens", http.StatusTemporaryRedirect)
		}, core.ErrUnavailable, core.ErrUnknownOutcome, core.ErrUnavailable, core.ErrUnavailable, false},
		{"does not know the path", say(404, html), core.ErrNotOffered, core.ErrNotOffered, core.ErrNotOffered, core.ErrNotOffered, false},
		{"is asked in vain by this method", say(405, ``), core.ErrNotOffered, core.ErrNotOffered, core.ErrNotOffered, core.ErrNotOffered, false},
		{"finds the request wrong", say(400, `{"error_class":"WrongRequestFormat"}`), core.ErrRefused, core.ErrRefused, core.ErrRefused, core.ErrRefused, false},
		{"knows no token", say(404, `{"error_class":"TokenNotFound"}`), core.ErrAccessDenied, core.ErrAccessDenied, core.ErrAccessDenied, nil, false},
		{"says that the token is over", say(401, `{"error_class":"TokenExpired"}`), core.ErrTokenExpired, core.ErrTokenExpired, core.ErrTokenExpired, nil, false},
		{"says that access was withdrawn", say(401, `{"error_class":"AccessDenied"}`), core.ErrAccessDenied, core.ErrAccessDenied, core.ErrAccessDenied, nil, false},
		{"has a gateway that wants a password", say(401, html), core.ErrRefused, core.ErrRefused, core.ErrRefused, core.ErrRefused, false},
		{"wants to be left alone", say(429, ``), core.ErrUnavailable, core.ErrUnavailable, core.ErrUnavailable, core.ErrUnavailable, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{AnswerMax: 2 << 20, Capabilities: everything}, tt.do)
			for name, ask := range map[string]struct {
				do   func() error
				want error
			}{
				"accounts": {f.accounts, tt.accounts}, "transactions": {f.transactions, tt.accounts}, "funds": {f.check, tt.accounts},
				"entries of a card": {f.cardTransactions, tt.accounts}, "standing orders": {f.standingOrders, tt.accounts}, "beneficiaries": {f.beneficiaries, tt.accounts},
				"fresh copy": {f.refresh, tt.begin},
				"access":     {f.begin, tt.begin}, "payment": {f.pay, tt.pay}, "revocation": {f.revoke, tt.revoke},
				"status of a payment": {f.status, tt.accounts}, "bulk payment": {f.payBulk, tt.pay}, "periodic payment": {f.payPeriodic, tt.pay}, "cancelled payment": {f.cancel, tt.pay}, "basket payment": {f.payTogether, tt.pay},
			} {
				before := f.calls.Load()
				if err := ask.do(); !errors.Is(err, ask.want) || (err == nil) != (ask.want == nil) {
					t.Errorf("%s: got %v; want %v", name, err, ask.want)
				}
				if n := f.calls.Load() - before; strings.HasSuffix(name, "payment") && name[0] != 's' && n != 1 {
					t.Errorf("the %s was sent %d times", name, n)
				}
			}
			f.Close()
			if got := f.reports.Load() > 0; got != tt.report {
				t.Errorf("reported to the connector: %t", got)
			}
		})
	}
}

func TestAnswersOfOneKindThatCannotBeUsed(t *testing.T) {
	for _, tt := range []struct{ name, accounts string }{
		{"an account without an ID", `{"data":[{"currency":"EUR"}]}`},
		{"an account without a currency", `{"data":[{"id":"1"}]}`},
		{"a currency that does not exist", `{"data":[{"id":"1","currency":"EUX"}]}`},
		{"a balance in a currency that does not exist", `{"data":[{"id":"1","currency":"EUR","balances":[{"type":"x","amount":"1","currency":"euro"}]}]}`},
		{"a balance with half a cent", `{"data":[{"id":"1","currency":"EUR","balances":[{"type":"x","amount":"1.005","currency":"EUR"}]}]}`},
		{"a name that is a list", `{"data":[{"id":"1","currency":"EUR","name":[]}]}`},
		{"a text that is not UTF-8", "{\"data\":[{\"id\":\"1\",\"currency\":\"EUR\",\"name\":\"\xff\"}]}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{}, say(200, tt.accounts))
			if err := f.accounts(); !errors.Is(err, core.ErrMalformed) {
				t.Errorf("got %v", err)
			}
			f.Close()
			if f.reports.Load() != 1 {
				t.Errorf("%d reports", f.reports.Load())
			}
		})
	}
}

func TestAccountsAreReadTolerantly(t *testing.T) {
	f := misbehaving(t, Config{}, say(200, `{"data":[{"id":17,"name":null,"currency":"EUR","cash_account_type":"CACC","bank_account_identifier":4711,"status":"ENABLED",
		"balances":[{"type":"interimAvailable","amount":12.5,"reference_date":"28-02-2026","last_change_date_time":"2026-02-28","new":{}}],"extra":[]}]}`))
	got, err := f.Accounts(t.Context(), someAccess)
	if err != nil {
		t.Fatal(err)
	}
	a := got[0]
	if a.ID != "17" || a.Reference.BBAN != "4711" || a.Status != "enabled" || a.Balances[0].Amount != (money.Amount{Minor: 1250, Currency: "EUR"}) ||
		a.Balances[0].ReferenceDate.String() != "2026-02-28" || a.Balances[0].LastChangeDateTime.IsZero() {
		t.Errorf("%+v", a)
	}
}

func TestTheFirstUpdateMayComeInTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       string // redirect URL; "-" is no update, "!" a refusal
	}{
		{"with an address", `{"data":{"session_secret":"s","redirect_url":"https://bank.example/1","status":"redirect"}}`, "https://bank.example/1"},
		{"as nothing", `{"data":{}}`, "-"},
		{"as null", `{"data":null}`, "-"},
		{"with an address that is a script", `{"data":{"redirect_url":"javascript:alert(1)"}}`, "!"},
		{"with an address without a host", `{"data":{"redirect_url":"/login"}}`, "!"},
		{"of another session", `{"data":{"session_secret":"other","redirect_url":"https://bank.example/1"}}`, "!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := misbehaving(t, Config{}, say(200, tt.body))
			u, err := f.StartAccess(t.Context(), core.AccessRequest{Session: "s"})
			got := "-"
			if errors.Is(err, core.ErrMalformed) {
				got = "!"
			} else if u != nil {
				got = u.RedirectURL
			}
			if got != tt.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	t.Run("a read is asked once more", func(t *testing.T) {
		var n atomic.Int64
		f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				w.WriteHeader(503)
				return
			}
			io.WriteString(w, `{"data":[]}`)
		})
		if err := f.accounts(); err != nil || n.Load() != 2 {
			t.Errorf("%v after %d calls", err, n.Load())
		}
	})
	t.Run("a connector may say when", func(t *testing.T) {
		var n atomic.Int64
		f := misbehaving(t, Config{ReadTimeout: 5 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(503)
				return
			}
			io.WriteString(w, `{"data":[]}`)
		})
		began := time.Now()
		if err := f.accounts(); err != nil || time.Since(began) < time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
	t.Run("nobody waits an hour", func(t *testing.T) {
		f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(503)
		})
		if err := f.accounts(); !errors.Is(err, core.ErrUnavailable) || f.calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, f.calls.Load())
		}
	})
	t.Run("a token that is too old is signed anew, once", func(t *testing.T) {
		f := misbehaving(t, Config{}, say(400, `{"error_class":"JWTExpiredSignature"}`))
		if err := f.accounts(); !errors.Is(err, core.ErrRefused) || f.calls.Load() != 2 {
			t.Errorf("%v after %d calls", err, f.calls.Load())
		}
	})
	t.Run("a payment may go out again when no connection stood", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		f := &fault{}
		f.connect(t, Config{}, "http://"+l.Addr().String())
		if err := f.pay(); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a question about a payment is asked once more", func(t *testing.T) {
		var n atomic.Int64
		f := misbehaving(t, Config{Capabilities: everything}, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				w.WriteHeader(503)
				return
			}
			io.WriteString(w, `{"data":{"status":"ACSC"}}`)
		})
		if err := f.status(); err != nil || n.Load() != 2 {
			t.Errorf("%v after %d calls", err, n.Load())
		}
	})
}

func TestASlowBankIsNotWaitedFor(t *testing.T) {
	gone := make(chan struct{})
	f := misbehaving(t, Config{ReadTimeout: 200 * time.Millisecond, InFlightMax: 4}, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	})
	defer close(gone)
	began := time.Now()
	done := make(chan error, 40)
	for range cap(done) {
		go func() { done <- f.accounts() }()
	}
	for range cap(done) {
		if err := <-done; !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("forty requests to a bank that says nothing took %s", d)
	}
	if err := f.pay(); !errors.Is(err, core.ErrUnknownOutcome) {
		t.Errorf("payment: %v", err)
	}
}

func TestABankThatDripsIsNotWaitedFor(t *testing.T) {
	f := misbehaving(t, Config{ReadTimeout: 200 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	began := time.Now()
	if err := f.transactions(); !errors.Is(err, core.ErrUnavailable) || time.Since(began) > time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestRequestsAreAsTheProtocolWantsThem(t *testing.T) {
	type seen struct {
		r    *http.Request
		data map[string]any
	}
	got := make(chan seen, 1)
	f := misbehaving(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: time.Now}
		raw, err := v.Bearer(r.Header.Get("Authorization"))
		if err != nil {
			t.Error(err)
		}
		s := seen{r: r}
		json.Unmarshal(raw, &s.data)
		if b, _ := io.ReadAll(r.Body); len(b) != 0 {
			t.Errorf("body has %d bytes", len(b))
		}
		io.WriteString(w, `{"data":[]}`)
		got <- s
	})
	a := someAccess
	a.PSU = core.PSUContext{IPAddress: "192.0.2.7", UserAgent: "Firefox\r\nX-Evil: 1", DeviceID: "99435c7e-ad88-49ec-a2ad-99ddcb1f5555"}
	if _, err := f.Transactions(t.Context(), a, core.TransactionQuery{AccountID: "SI56/1 ä", Cursor: "7"}, nil); err != nil {
		t.Fatal(err)
	}
	s := <-got
	if s.r.URL.EscapedPath() != "/api/priora/v2/accounts/SI56%2F1%20%C3%A4/transactions" || s.r.URL.RawQuery != "" {
		t.Error(s.r.URL)
	}
	for name, want := range map[string]string{"Access-Token": "t", "PSU-IP-Address": "192.0.2.7", "Psu-Device-ID": a.PSU.DeviceID, "Psu-User-Agent": "", "X-Evil": ""} {
		if got := s.r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if id := s.r.Header.Get("Client-Id"); id == "" || strings.Trim(id, "0123456789") != "" {
		t.Errorf("Client-Id %q is no integer", id)
	}
	for _, name := range []string{"from_date", "to_date", "session_secret"} {
		if s.data[name] == nil || s.data[name] == "" {
			t.Errorf("%s is missing: %v", name, s.data)
		}
	}
	if s.data["account_id"] != "SI56/1 ä" || s.data["from_id"] != "7" {
		t.Errorf("%v", s.data)
	}
	if h, _, _ := strings.Cut(s.r.Header.Get("Authorization"), "."); h != "Bearer eyJhbGciOiJSUzI1NiJ9" {
		t.Error(h)
	}
}

func TestAReportShowsNoSecret(t *testing.T) {
	reported := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/errors") {
			io.WriteString(w, `{"data":7}`)
			return
		}
		v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: time.Now}
		raw, err := v.Bearer(r.Header.Get("Authorization"))
		reported <- fmt.Sprint(string(raw), err)
	}))
	defer s.Close()
	f := &fault{}
	f.connect(t, Config{}, s.URL)
	a := someAccess
	a.Token = "very-secret"
	f.Accounts(t.Context(), a)
	got := <-reported
	if strings.Contains(got, "very-secret") || !strings.Contains(got, `"RequestFormatInvalid"`) || !strings.Contains(got, "/accounts") || !strings.Contains(got, "<nil>") {
		t.Error(got)
	}
	f.Close()
}
