package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
)

// A payer takes payments, and knows which it took.
type payer struct {
	plain
	mu    sync.Mutex
	taken map[wire.String]wire.PaymentCreate

	cancels atomic.Int64
	slow    chan struct{} // nil: at once
}

func (b *payer) StartPayment(_ context.Context, p wire.PaymentCreate) error {
	if b.slow != nil {
		<-b.slow
	}
	if p.PaymentProduct == "broken" {
		return errors.New("disk is full")
	}
	b.starts.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken == nil {
		b.taken = map[wire.String]wire.PaymentCreate{}
	}
	b.taken[p.SessionSecret] = p
	return nil
}

func (b *payer) find(session wire.String) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.taken[session]; !ok {
		return fmt.Errorf("%w: no row", ErrPaymentUnknown)
	}
	return nil
}

func (b *payer) CancelPayment(_ context.Context, r wire.PaymentCancel) error {
	b.cancels.Add(1)
	return b.find(r.PaymentSession)
}

func (b *payer) PaymentStatus(_ context.Context, q wire.PaymentQuery) (wire.Event, error) {
	if q.SessionSecret == "broken" {
		return wire.Event{}, errors.New("disk is full")
	}
	return wire.Event{Status: "ACTC"}, b.find(q.SessionSecret)
}

// A generous payer takes bulks and series too.
type generous struct{ payer }

func (*generous) PaymentServices() []string { return []string{"bulk-payments", "periodic-payments"} }

const (
	onePayment = `{"instructed_amount":{"amount":"1.00","currency":"EUR"}}`
	cancelling = `{"session_secret":"c1","provider_code":"lon","payment_session":"p1","payment_identification":17,"app_name":"Saldo","redirect_url":"https://hub.example/2"}`
)

func paying(session, more string) string {
	return `{"session_secret":"` + session + `","provider_code":"lon","app_name":"Saldo","redirect_url":"https://hub.example/1","payment_product":"sepa-credit-transfers","payment_identification":17,` + more + `}`
}

func asking(session string) string {
	return `{"session_secret":"` + session + `","provider_code":"lon","payment_identification":17}`
}

func TestPayments(t *testing.T) {
	later := now.Add(5 * time.Minute)
	modest, all := serve(t, &payer{}), serve(t, &generous{})
	single, bulk := `"payment":`+onePayment, `"payment_service":"bulk-payments","bulk":{"payments":[`+onePayment+`,`+onePayment+`]}`
	series := `"payment_service":"periodic-payments","payment":` + onePayment + `,"periodic":{"start_date":"2026-12-01","frequency":"Monthly"}`
	for _, tt := range []struct {
		name, url, method, path, data string
		status                        int
		want                          string // in the answer
	}{
		{"a payment", modest, "POST", "/payments", paying("p1", single), 200, `{}`},
		{"a payment that is called one", modest, "POST", "/payments", paying("p2", `"payment_service":"payments",`+single), 200, `{}`},
		{"a payment without an amount", modest, "POST", "/payments", paying("p3", `"payment":{}`), 400, "WrongRequestFormat"},
		{"a bulk, of which the bank knows nothing", modest, "POST", "/payments", paying("p4", bulk), 400, "InvalidAttributeValue"},
		{"a series, of which the bank knows nothing", modest, "POST", "/payments", paying("p5", series), 400, "InvalidAttributeValue"},
		{"a bulk in the place of a payment", modest, "POST", "/payments", paying("p6", single+`,"bulk":{"payments":[`+onePayment+`]}`), 400, "WrongRequestFormat"},
		{"a payment that says when it is repeated", modest, "POST", "/payments", paying("p7", single+`,"periodic":{"start_date":"2026-12-01","frequency":"Monthly"}`), 400, "WrongRequestFormat"},
		{"a bulk", all, "POST", "/payments", paying("p8", bulk), 200, `{}`},
		{"a series", all, "POST", "/payments", paying("p9", series), 200, `{}`},
		{"a payment to a bank that takes more", all, "POST", "/payments", paying("p1", single), 200, `{}`},
		{"a bulk of nothing", all, "POST", "/payments", paying("p10", `"payment_service":"bulk-payments","bulk":{"payments":[]}`), 400, "WrongRequestFormat"},
		{"a bulk that is not there", all, "POST", "/payments", paying("p11", `"payment_service":"bulk-payments"`), 400, "WrongRequestFormat"},
		{"a bulk with a payment beside it", all, "POST", "/payments", paying("p12", bulk+`,`+single), 400, "WrongRequestFormat"},
		{"a bulk with a payment of no amount", all, "POST", "/payments", paying("p13", strings.Replace(bulk, onePayment, `{}`, 1)), 400, "WrongRequestFormat"},
		{"a series without a beginning", all, "POST", "/payments", paying("p14", strings.Replace(series, "start_date", "x", 1)), 400, "WrongRequestFormat"},
		{"a series from a day that is none", all, "POST", "/payments", paying("p15", strings.Replace(series, "2026-12-01", "2026-02-30", 1)), 400, "WrongRequestFormat"},
		{"a service that nobody knows", all, "POST", "/payments", paying("p16", `"payment_service":"gifts",`+single), 400, "InvalidAttributeValue"},
		{"a cancellation", modest, "DELETE", "/payments/17", cancelling, 200, `{}`},
		{"a cancellation of another payment than was signed", modest, "DELETE", "/payments/18", cancelling, 400, "WrongRequestFormat"},
		{"a cancellation that does not say of what", modest, "DELETE", "/payments/17", strings.Replace(cancelling, "payment_session", "x", 1), 400, "WrongRequestFormat"},
		{"a cancellation of what never was", modest, "DELETE", "/payments/17", strings.NewReplacer("p1", "never", "c1", "c2").Replace(cancelling), 404, "PaymentNotFound"},
		{"a question", modest, "GET", "/payments/17", asking("p1"), 200, `{"data":{"session_secret":"p1","status":"ACTC"}}`},
		{"a question about another payment than was signed", modest, "GET", "/payments/18", asking("p1"), 400, "WrongRequestFormat"},
		{"a question about what never was", modest, "GET", "/payments/17", asking("never"), 404, "PaymentNotFound"},
		{"a payment after it was said that it never was", modest, "POST", "/payments", paying("never", single), 400, "InvalidAttributeValue"},
		{"a question that the bank cannot answer", modest, "GET", "/payments/17", asking("broken"), 500, "InternalServerError"},
		{"a payment after a question that was not answered", modest, "POST", "/payments", paying("broken", single), 200, `{}`},
		{"a payment in a body that is not there", modest, "POST", "/payments", `{"session_secret":"p17","provider_code":"lon","body_digest":"x"}`, 400, "WrongRequestFormat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, tt.method, tt.url+tt.path, http.Header{"Authorization": {signed(tt.data, later, hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}

func TestACancellationReachesTheBankOnce(t *testing.T) {
	b := &payer{}
	url := serve(t, b)
	h := http.Header{"Authorization": {signed(paying("p1", `"payment":`+onePayment), now.Add(time.Minute), hubKey())}}
	ask(t, "POST", url+"/payments", h)
	h = http.Header{"Authorization": {signed(cancelling, now.Add(time.Minute), hubKey())}}
	for range 3 {
		if status, body := ask(t, "DELETE", url+"/payments/17", h); status != 200 {
			t.Errorf("got %d %s", status, body)
		}
	}
	if n := b.cancels.Load(); n != 1 {
		t.Errorf("the bank was asked %d times", n)
	}
}

// A hub that gave up waiting asks what became of the payment while the bank is still at it.
func TestAQuestionWaitsForTheStart(t *testing.T) {
	b := &payer{slow: make(chan struct{})}
	url := serve(t, b)
	h := http.Header{"Authorization": {signed(paying("p1", `"payment":`+onePayment), now.Add(time.Minute), hubKey())}}
	var wg sync.WaitGroup
	wg.Go(func() { ask(t, "POST", url+"/payments", h) })
	time.Sleep(50 * time.Millisecond)
	wg.Go(func() {
		status, body := ask(t, "GET", url+"/payments/17", http.Header{"Authorization": {signed(asking("p1"), now.Add(time.Minute), hubKey())}})
		if status != 200 {
			t.Errorf("got %d %s: the payment was under way", status, body)
		}
	})
	time.Sleep(50 * time.Millisecond)
	close(b.slow)
	wg.Wait()
}

// Payments and questions about them race; a payment is taken, or said to be unknown, never both.
func TestAPaymentIsTakenOrUnknown(t *testing.T) {
	b := &payer{}
	url := serve(t, b)
	for i := range 50 {
		session := fmt.Sprint("s", i)
		h := http.Header{"Authorization": {signed(paying(session, `"payment":`+onePayment), now.Add(time.Minute), hubKey())}}
		q := http.Header{"Authorization": {signed(asking(session), now.Add(time.Minute), hubKey())}}
		var wg sync.WaitGroup
		var paid, asked int
		wg.Go(func() { paid, _ = ask(t, "POST", url+"/payments", h) })
		wg.Go(func() { asked, _ = ask(t, "GET", url+"/payments/17", q) })
		wg.Wait()
		if taken := b.find(wire.String(session)) == nil; taken != (paid == 200) || taken != (asked == 200) {
			t.Fatalf("taken: %t, the payment was answered %d, the question %d", taken, paid, asked)
		}
	}
}

func TestAPaymentThatFailedIsUnknown(t *testing.T) {
	url := serve(t, &payer{})
	data := strings.Replace(paying("p1", `"payment":`+onePayment), "sepa-credit-transfers", "broken", 1)
	if status, _ := ask(t, "POST", url+"/payments", http.Header{"Authorization": {signed(data, now.Add(time.Minute), hubKey())}}); status != 500 {
		t.Errorf("got %d", status)
	}
	if status, _ := ask(t, "GET", url+"/payments/17", http.Header{"Authorization": {signed(asking("p1"), now.Add(time.Minute), hubKey())}}); status != 404 {
		t.Errorf("got %d", status)
	}
}

func TestABulkInTheBody(t *testing.T) {
	later := now.Add(5 * time.Minute)
	bulk := func(session, code string) string {
		const bulk = `"payment_service":"bulk-payments","bulk":{"payments":[` + onePayment + `]}`
		data := strings.Replace(paying(session, bulk), "lon", code, 1)
		return strings.TrimPrefix(signed(data, later, hubKey()), "Bearer ")
	}
	head := func(session, body string) string {
		return `{"session_secret":"` + session + `","provider_code":"lon","body_digest":"` + string(wire.Digest([]byte(body))) + `"}`
	}
	good, other := bulk("b1", "lon"), bulk("b2", "lon")
	foreign := strings.TrimPrefix(signed(paying("b3", `"payment_service":"bulk-payments","bulk":{"payments":[`+onePayment+`]}`), later, otherKey()), "Bearer ")
	old := strings.TrimPrefix(signed(paying("b4", `"payment_service":"bulk-payments","bulk":{"payments":[`+onePayment+`]}`), now.Add(-time.Minute), hubKey()), "Bearer ")
	nested := strings.TrimPrefix(signed(head("b5", "x"), later, hubKey()), "Bearer ")
	more := strings.TrimPrefix(signed(paying("b1", `"payment_service":"bulk-payments","bulk":{"payments":[`+onePayment+`,`+onePayment+`]}`), later, hubKey()), "Bearer ")
	large := strings.Repeat(" ", 1<<20+1)
	for _, tt := range []struct {
		name, authorization, media, body string
		status                           int
		want                             string
	}{
		{"it is as the header says", signed(head("b1", good), later, hubKey()), "application/jwt", good, 200, `{}`},
		{"its media type has a parameter", signed(head("b1", good), later, hubKey()), "Application/JWT; charset=utf-8", good, 200, `{}`},
		{"it is another one than the header says", signed(head("b1", good), later, hubKey()), "application/jwt", other, 400, "WrongRequestFormat"},
		{"it is another one of the same session", signed(head("b1", good), later, hubKey()), "application/jwt", more, 400, "WrongRequestFormat"},
		{"it is of another session", signed(head("b1", other), later, hubKey()), "application/jwt", other, 400, "WrongRequestFormat"},
		{"it is for another bank", signed(head("b6", bulk("b6", "par")), later, hubKey()), "application/jwt", bulk("b6", "par"), 400, "WrongRequestFormat"},
		{"it is not called a token", signed(head("b2", other), later, hubKey()), "application/json", other, 400, "WrongRequestFormat"},
		{"the header is signed by somebody else", signed(head("b2", other), later, otherKey()), "application/jwt", other, 400, "JWTVerificationError"},
		{"the body is signed by somebody else", signed(head("b3", foreign), later, hubKey()), "application/jwt", foreign, 400, "JWTVerificationError"},
		{"the body is not signed", signed(head("b2", `{}`), later, hubKey()), "application/jwt", `{}`, 400, "JWTDecodeError"},
		{"the body is too old", signed(head("b4", old), later, hubKey()), "application/jwt", old, 400, "JWTExpiredSignature"},
		{"the body names a body", signed(head("b5", nested), later, hubKey()), "application/jwt", nested, 400, "WrongRequestFormat"},
		{"the body is empty", signed(head("b2", ""), later, hubKey()), "application/jwt", "", 400, "JWTDecodeError"},
		{"the body is too large", signed(head("b2", large), later, hubKey()), "application/jwt", large, 413, "RequestTooLarge"},
		{"the body of a token without a digest is not read", signed(paying("b7", `"payment":`+onePayment), later, hubKey()), "application/jwt", "garbage", 200, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &generous{}
			s := New(Config{Bank: b, ProviderCode: "lon", BulkMax: 1 << 20, HubKeys: []PublicKey{{Key: &hubKey().PublicKey}}, Now: func() time.Time { return now }})
			status, body := post(t, s, tt.body, http.Header{"Authorization": {tt.authorization}, "Content-Type": {tt.media}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
			if n := b.starts.Load(); (n == 1) != (tt.status == 200) {
				t.Errorf("the bank took %d", n)
			}
		})
	}
}

// A body without a length in advance is bounded all the same.
func TestABodyWithoutEnd(t *testing.T) {
	s := New(Config{Bank: &generous{}, BulkMax: 1 << 20, HubKeys: []PublicKey{{Key: &hubKey().PublicKey}}, Now: func() time.Time { return now }})
	head := `{"session_secret":"s","body_digest":"x"}`
	if status, body := post(t, s, "", http.Header{"Authorization": {signed(head, now.Add(time.Minute), hubKey())}, "Content-Type": {"application/jwt"}}, endless{}); status != 413 {
		t.Errorf("got %d %s", status, body)
	}
}

// post asks s without a network; endless, where there is one, is the body.
func post(t *testing.T, s http.Handler, body string, h http.Header, endless ...io.Reader) (int, string) {
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/priora/v2/payments", strings.NewReader(body))
	if len(endless) > 0 {
		r.Body, r.ContentLength = io.NopCloser(endless[0]), -1
	}
	r.Header = h
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestTokensInBodiesMayBeLong(t *testing.T) {
	v := jws.Verifier{Keys: []jws.PublicKey{{Key: &hubKey().PublicKey}}, Now: func() time.Time { return now }}
	long := strings.TrimPrefix(signed(`{"x":"`+strings.Repeat("x", 200<<10)+`"}`, now.Add(time.Minute), hubKey()), "Bearer ")
	if _, err := v.Verify(long); !errors.Is(err, jws.ErrDecode) {
		t.Errorf("in a header: %v", err)
	}
	v.SizeMax = 1 << 20
	if _, err := v.Verify(long); err != nil {
		t.Errorf("in a body: %v", err)
	}
}
