package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/bank/core/coretest"
	"kontor/connector/jws"
	"kontor/connector/sdk"
	"kontor/connector/wire"
	"kontor/kit/day"
	"kontor/kit/money"
)

func manyPayments(n int) *core.Bulk {
	yes := true
	b := &core.Bulk{DebtorAccount: core.AccountReference{IBAN: iban}, BatchBooking: &yes, RequestedExecutionDate: day.New(2026, 12, 1)}
	for i := range n {
		b.Payments = append(b.Payments, core.Payment{
			EndToEndID: fmt.Sprintf("E2E-%06d", i), Amount: money.Amount{Minor: int64(i + 1), Currency: "EUR"}, CreditorName: "Žiga Čadež",
			CreditorAccount: core.AccountReference{IBAN: "SI56191000000123438"}, CreditorAddress: &core.Address{TownName: "Maribor", Country: "SI"},
			Remittance: "Plača za november 2026, hvala lepa za opravljeno delo",
		})
	}
	return b
}

func TestTenThousandPaymentsInOneBulk(t *testing.T) {
	const n = 10_000
	var b *book
	f := join(t, coretest.NewRecorder(), func(own *book) sdk.Bank { b = own; return own }, everything)
	order := core.PaymentOrder{Session: "s", PaymentID: "1", ReturnURL: "https://hub.example/1", Service: "bulk-payments", Product: "sepa-credit-transfers", Bulk: manyPayments(n)}
	began := time.Now()
	if _, err := f.Bank.StartPayment(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	t.Logf("handed over in %s", time.Since(began))
	if len(b.bulks) != 1 || len(b.bulks[0].Payments) != n {
		t.Fatalf("%d bulks arrived", len(b.bulks))
	}
	got := b.bulks[0]
	if !reflect.DeepEqual(got, *bulk(*order.Bulk)) {
		t.Error("the bulk is another one than was sent")
	}
	if last := got.Payments[n-1]; last.EndToEndIdentification != "E2E-009999" || last.InstructedAmount != (wire.Amount{Amount: "100.00", Currency: "EUR"}) {
		t.Errorf("%+v", last)
	}
}

// A request as a connector of payments sees it.
type seenPayment struct {
	*http.Request
	data json.RawMessage
	body []byte
}

func seePayments(t *testing.T) (*fault, chan seenPayment) {
	got := make(chan seenPayment, 1)
	f := misbehaving(t, Config{Capabilities: everything}, func(w http.ResponseWriter, r *http.Request) {
		v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: time.Now}
		data, err := v.Bearer(r.Header.Get("Authorization"))
		if err != nil {
			t.Error(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"data":{"status":"RCVD"}}`)
		got <- seenPayment{r, data, body}
	})
	return f, got
}

func TestABulkIsInTheHeaderOrInTheBody(t *testing.T) {
	f, got := seePayments(t)
	order := core.PaymentOrder{Session: "s", Service: "bulk-payments", Bulk: manyPayments(3)}
	if _, err := f.StartPayment(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	s := <-got
	if len(s.body) != 0 || !strings.Contains(string(s.data), `"payments":[{`) || strings.Contains(string(s.data), `"payment":`) || s.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a small one: %d bytes of %s, %s", len(s.body), s.Header.Get("Content-Type"), s.data)
	}
	order.Bulk = manyPayments(40)
	if _, err := f.StartPayment(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	s = <-got
	var head wire.BodyOnly
	if err := json.Unmarshal(s.data, &head); err != nil || head != (wire.BodyOnly{SessionSecret: "s", ProviderCode: "lon", BodyDigest: wire.Digest(s.body)}) {
		t.Errorf("%s, %v", s.data, err)
	}
	if s.Header.Get("Content-Type") != "application/jwt" || len(s.Header.Get("Authorization")) > headerMax {
		t.Errorf("%v", s.Header)
	}
	v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: time.Now}
	if data, err := v.Verify(string(s.body)); err != nil || !strings.Contains(string(data), `"E2E-000039"`) {
		t.Errorf("body: %v", err)
	}
}

// A server that refuses and closes while the bulk is still being sent may take its own refusal
// with it: what nobody reads resets the connection. So nothing is sent before it has its say.
func TestABulkIsRefusedBeforeItIsSent(t *testing.T) {
	sent := make(chan int64, 1)
	f := misbehaving(t, Config{Capabilities: everything, BulkTimeout: 5 * time.Second}, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		const answer = `{"error_class":"RequestTooLarge"}`
		fmt.Fprintf(rw, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
		rw.Flush()
		conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, _ := io.Copy(io.Discard, rw)
		sent <- n
	})
	order := core.PaymentOrder{Session: "s", Service: "bulk-payments", Bulk: manyPayments(10_000)}
	if _, err := f.StartPayment(t.Context(), order); !errors.Is(err, core.ErrRefused) || f.calls.Load() != 1 {
		t.Errorf("got %v after %d calls", err, f.calls.Load())
	}
	if n := <-sent; n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestBulksDoNotHoldUpPayments(t *testing.T) {
	var here, most atomic.Int64
	open := make(chan struct{})
	f := misbehaving(t, Config{Capabilities: everything, BulkTimeout: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != wire.MediaJWT {
			return
		}
		most.Store(max(most.Load(), here.Add(1)))
		defer here.Add(-1)
		<-open
		io.Copy(io.Discard, r.Body)
	})
	done := make(chan error, 3*bulksMax)
	for range cap(done) {
		go func() { done <- f.payBulk() }()
	}
	for f.calls.Load() < bulksMax {
		time.Sleep(time.Millisecond)
	}
	if err := f.pay(); err != nil {
		t.Error(err)
	}
	close(open)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != bulksMax {
		t.Errorf("%d were under way at once", most.Load())
	}
}

func BenchmarkBulk(b *testing.B) {
	seal := &Client{c: Config{BankCode: "lon", SigningKey: hubKey()}}
	bank := sdk.New(sdk.Config{Bank: &book{hub: deaf{}, kinds: map[string]string{}}, HubKeys: []sdk.PublicKey{{Key: &hubKey().PublicKey}}})
	many := manyPayments(10_000)
	for i := 0; b.Loop(); i++ {
		session := wire.String(fmt.Sprint("s", i))
		signed, err := seal.seal(request{bulk: true, session: string(session), data: wire.PaymentCreate{
			SessionSecret: session, ProviderCode: "lon", RedirectURL: "https://hub.example/1", PaymentProduct: "x", PaymentIdentification: 1, PaymentService: serviceBulk, Bulk: bulk(*many),
		}}, time.Now().Add(tokenLife))
		if err != nil {
			b.Fatal(err)
		}
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(b.Context(), "POST", wire.ConnectorBase+wire.PathPayments, signed.reader())
		r.Header = http.Header{"Authorization": {"Bearer " + signed.token}, "Content-Type": {wire.MediaJWT}}
		if bank.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

// deaf is a hub that hears nothing.
type deaf struct{ sdk.HubCaller }

func (deaf) Update(context.Context, wire.Event) error { return nil }

func TestWhatAPaymentCarries(t *testing.T) {
	f, got := seePayments(t)
	order := core.PaymentOrder{
		Session: "s", PaymentID: "17", Product: "target-2-payments", RejectNoFunds: true, UserID: "u1", TPP: "PSDDE-BAFIN-12345",
		Payment: core.Payment{
			EndToEndID: "E1", InstructionID: "I1", DebtorName: "Ana", UltimateDebtor: "Bor", Amount: money.Amount{Minor: 5, Currency: "JPY"},
			CreditorName: "C", CreditorID: "SI99ZZZ", UltimateCreditor: "D", PurposeCode: "SALA", ChargeBearer: "SHAR", CreditorAgent: "AAAASI2X",
			Structured: &core.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR"}, RequestedExecutionTime: time.Date(2026, 12, 1, 14, 0, 0, 0, time.UTC),
		},
	}
	if _, err := f.StartPayment(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	s := <-got
	var p wire.PaymentCreate
	if err := json.Unmarshal(s.data, &p); err != nil {
		t.Fatal(err)
	}
	want := wire.PaymentCreate{
		SessionSecret: "s", ProviderCode: "lon", PaymentProduct: "target-2-payments", PaymentIdentification: 17, UserID: "u1", RejectNoFunds: true,
		Payment: wire.Payment{
			EndToEndIdentification: "E1", InstructionIdentification: "I1", DebtorName: "Ana", UltimateDebtor: "Bor", InstructedAmount: wire.Amount{Amount: "5", Currency: "JPY"},
			CreditorName: "C", CreditorID: "SI99ZZZ", UltimateCreditor: "D", PurposeCode: "SALA", ChargeBearer: "SHAR", CreditorAccount: wire.Account{BIC: "AAAASI2X"},
			RemittanceInformationStructured: &wire.StructuredRemittance{Reference: "RF18539007547034", ReferenceType: "SCOR"}, RequestedExecutionTime: "2026-12-01T14:00:00Z",
		},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if strings.Contains(string(s.data), "payment_service") {
		t.Error("a connector that knows payments only was told of services")
	}
	order.Service, order.Periodic = "periodic-payments", &core.Periodic{StartDate: day.New(2026, 12, 1), Frequency: "MonthlyVariable", MonthsOfExecution: []string{"3", "9"}, DayOfExecution: "31"}
	if _, err := f.StartPayment(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	s, p = <-got, wire.PaymentCreate{}
	if err := json.Unmarshal(s.data, &p); err != nil {
		t.Fatal(err)
	}
	due := wire.PeriodicDue{StartDate: "2026-12-01", Frequency: "MonthlyVariable", MonthsOfExecution: []wire.String{"3", "9"}, DayOfExecution: "31"}
	if p.PaymentService != "periodic-payments" || !reflect.DeepEqual(*p.Periodic, due) || !reflect.DeepEqual(p.Payment, want.Payment) {
		t.Errorf("%+v", p)
	}
}

func TestCancellationsAndQuestionsNameThePayment(t *testing.T) {
	f, got := seePayments(t)
	r := core.Cancellation{Session: "c", PaymentSession: "p", PaymentID: "0190b1c2-11d0", TPP: "PSDDE-BAFIN-12345", AppName: "Saldo", ReturnURL: "https://hub.example/2", UserID: "u1"}
	u, err := f.CancelPayment(t.Context(), r)
	if err != nil || u == nil || u.Session != "c" || u.Status != "RCVD" {
		t.Fatal(u, err)
	}
	number := wire.Number(r.PaymentID)
	path := fmt.Sprintf("/api/priora/v2/payments/%d", number)
	var cancel wire.PaymentCancel
	s := <-got
	if err := json.Unmarshal(s.data, &cancel); err != nil || s.Method != "DELETE" || s.URL.Path != path || cancel != (wire.PaymentCancel{
		SessionSecret: "c", ProviderCode: "lon", PaymentSession: "p", PaymentIdentification: number, AppName: "Saldo", RedirectURL: "https://hub.example/2", UserID: "u1",
	}) {
		t.Errorf("%s %s %s", s.Method, s.URL, s.data)
	}
	if u, err = f.PaymentStatus(t.Context(), "p", r.PaymentID); err != nil || u.Session != "p" || u.Status != "RCVD" {
		t.Fatal(u, err)
	}
	var query wire.PaymentQuery
	s = <-got
	if err := json.Unmarshal(s.data, &query); err != nil || s.Method != "GET" || s.URL.Path != path || query != (wire.PaymentQuery{SessionSecret: "p", ProviderCode: "lon", PaymentIdentification: number}) {
		t.Errorf("%s %s %s", s.Method, s.URL, s.data)
	}
	if s.Header["Client-Id"] != nil {
		t.Error("a question of the hub's own is told to be of a TPP")
	}
}

func TestWhatBecameOfAPayment(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   error
		update string
	}{
		{"it stands", 200, `{"data":{"session_secret":"s","status":"PDNG","sca_status":"finalised","funds_available":true}}`, nil, "PDNG finalised true "},
		{"it waits for its PSU", 200, `{"data":{"status":"RCVD","redirect_url":"https://bank.example/1","session_expires_at":null,"extra":null,"user_id":17}}`, nil, "RCVD   https://bank.example/1"},
		{"the session is told as a number", 200, `{"data":{"session_secret":17,"status":"ACSC"}}`, core.ErrMalformed, ""},
		{"the answer is about another session", 200, `{"data":{"session_secret":"other","status":"ACSC"}}`, core.ErrMalformed, ""},
		{"the answer says nothing", 200, `{}`, core.ErrMalformed, ""},
		{"the answer says nothing of a status", 200, `{"data":{"session_secret":"s","funds_available":true}}`, core.ErrMalformed, ""},
		{"the bank never got it", 404, `{"error_class":"PaymentNotFound","error_message":"x"}`, core.ErrPaymentUnknown, ""},
		{"somebody says 404 without a class", 404, html, core.ErrNotOffered, ""},
		{"the connector has no such route", 404, `{"error_class":"RouteNotFound"}`, core.ErrNotOffered, ""},
		{"PaymentNotFound comes with 200", 200, `{"error_class":"PaymentNotFound"}`, core.ErrMalformed, ""},
		{"PaymentNotFound comes with 400", 400, `{"error_class":"PaymentNotFound"}`, core.ErrRefused, ""},
		{"PaymentNotFound comes with 500", 500, `{"error_class":"PaymentNotFound"}`, core.ErrUnavailable, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := misbehaving(t, Config{Capabilities: everything}, say(tt.status, tt.body))
			u, err := f.PaymentStatus(t.Context(), "s", "17")
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v; want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			funds := ""
			if u.FundsAvailable != nil {
				funds = fmt.Sprint(*u.FundsAvailable)
			}
			if got := fmt.Sprintf("%s %s %s %s", u.Status, u.SCAStatus, funds, u.RedirectURL); got != tt.update {
				t.Errorf("got %q; want %q", got, tt.update)
			}
		})
	}
	f := misbehaving(t, Config{Capabilities: everything}, say(200, `{"data":{"session_secret":17,"status":"ACSC","user_id":4}}`))
	if u, err := f.PaymentStatus(t.Context(), "17", "1"); err != nil || u.Status != "ACSC" {
		t.Errorf("a session that is a number: %+v, %v", u, err)
	}
}

func TestACancellationIsRefused(t *testing.T) {
	for body, want := range map[string]error{
		`{"error_class":"PaymentNotFound"}`: core.ErrPaymentUnknown, `{"error_class":"PaymentNotCanceled"}`: core.ErrRefused, html: core.ErrNotOffered,
	} {
		f := misbehaving(t, Config{Capabilities: everything}, say(404, body))
		if err := f.cancel(); !errors.Is(err, want) || f.calls.Load() != 1 {
			t.Errorf("%s: got %v after %d calls", body, err, f.calls.Load())
		}
	}
}
