package sdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

var (
	hubKey   = sync.OnceValue(newKey)
	otherKey = sync.OnceValue(newKey)
	now      = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func newKey() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
}

// A plain bank does nothing but what Bank asks; token names the error that it answers with.
type plain struct {
	starts atomic.Int64
	fails  atomic.Bool
	slow   chan struct{}
}

func (b *plain) StartAccess(ctx context.Context, r wire.TokenCreate) error {
	b.starts.Add(1)
	if b.slow != nil {
		<-b.slow
	}
	if r.AppName == "panic" {
		panic("broken")
	}
	if b.fails.Load() {
		return errors.New("disk is full")
	}
	return nil
}

func (b *plain) RevokeAccess(_ context.Context, token string) error { return b.err(token) }

func (b *plain) Accounts(_ context.Context, token string) ([]wire.AccountAnswer, error) {
	return nil, b.err(token)
}

func (b *plain) Transactions(_ context.Context, token string, _ wire.TransactionsQuery) (l wire.List[wire.TransactionAnswer], err error) {
	return l, b.err(token)
}

func (b *plain) err(token string) error {
	return map[string]error{
		"unknown": fmt.Errorf("%w: no row", ErrTokenUnknown), "expired": ErrTokenExpired, "denied": ErrAccessDenied, "account": ErrAccountUnknown,
		"invalid": ErrInvalid, "broken": errors.New("password of the database is hunter2"),
	}[token]
}

func serve(t *testing.T, b Bank) string {
	s := httptest.NewServer(New(Config{
		Bank: b, ProviderCode: "lon", HubKeys: []PublicKey{{Key: &hubKey().PublicKey}}, Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	t.Cleanup(s.Close)
	return s.URL + "/api/priora/v2"
}

func ask(t *testing.T, method, url string, h http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = h
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func signed(data string, exp time.Time, key *rsa.PrivateKey) string {
	s, err := jws.Sign(key, json.RawMessage(data), exp, wire.HubIssuer)
	if err != nil {
		panic(err)
	}
	return "Bearer " + s
}

const started = `{"session_secret":"s1","provider_code":"lon","app_name":"Saldo","authorization_type":"oauth","redirect_url":"https://hub.example/1","recurring_indicator":true,"valid_until":"2027-01-31","access":{"balances":[],"transactions":[]}}`

func TestAnswers(t *testing.T) {
	later := now.Add(5 * time.Minute)
	url := serve(t, &plain{})
	session, query := `{"session_secret":"s1"}`, `{"session_secret":"s1","account_id":"a","from_date":"2026-01-01","to_date":"2026-02-01"}`
	for _, tt := range []struct {
		name, method, path, token, authorization string
		status                                   int
		want                                     string
	}{
		{"a start", "POST", "/tokens", "", signed(started, later, hubKey()), 200, `{}`},
		{"no token in the envelope", "POST", "/tokens", "", "", 400, "AuthorizationMissing"},
		{"signed by somebody else", "POST", "/tokens", "", signed(started, later, otherKey()), 400, "JWTVerificationError"},
		{"expired within the leeway", "POST", "/tokens", "", signed(started, now.Add(-29*time.Second), hubKey()), 200, `{}`},
		{"expired", "POST", "/tokens", "", signed(started, now.Add(-30*time.Second), hubKey()), 400, "JWTExpiredSignature"},
		{"garbage", "POST", "/tokens", "", "Bearer garbage", 400, "JWTDecodeError"},
		{"no session secret", "POST", "/tokens", "", signed(strings.Replace(started, "session_secret", "x", 1), later, hubKey()), 400, "WrongRequestFormat"},
		{"a session secret without end", "POST", "/tokens", "", signed(strings.Replace(started, `"s1"`, `"`+strings.Repeat("s", 256)+`"`, 1), later, hubKey()), 400, "WrongRequestFormat"},
		{"no address to return to", "POST", "/tokens", "", signed(strings.Replace(started, "redirect_url", "x", 1), later, hubKey()), 400, "WrongRequestFormat"},
		{"a date that is none", "POST", "/tokens", "", signed(strings.Replace(started, "2027-01-31", "tomorrow", 1), later, hubKey()), 400, "WrongRequestFormat"},
		{"of the wrong kind", "POST", "/tokens", "", signed(strings.Replace(started, "true", `"yes"`, 1), later, hubKey()), 400, "WrongRequestFormat"},
		{"for another bank", "POST", "/tokens", "", signed(strings.Replace(started, `"lon"`, `"par"`, 1), later, hubKey()), 400, "InvalidAttributeValue"},
		{"accounts", "GET", "/accounts", "t", signed(session, later, hubKey()), 200, `{"data":[],"meta":{}}`},
		{"accounts without an access token", "GET", "/accounts", "", signed(session, later, hubKey()), 400, "AccessTokenMissing"},
		{"the signature comes before the access token", "GET", "/accounts", "", signed(session, later, otherKey()), 400, "JWTVerificationError"},
		{"an unknown access token", "GET", "/accounts", "unknown", signed(session, later, hubKey()), 404, "TokenNotFound"},
		{"an expired access token", "GET", "/accounts", "expired", signed(session, later, hubKey()), 401, "TokenExpired"},
		{"a withdrawn access token", "GET", "/accounts", "denied", signed(session, later, hubKey()), 401, "AccessDenied"},
		{"transactions", "GET", "/accounts/a/transactions", "t", signed(query, later, hubKey()), 200, `{"data":[],"meta":{}}`},
		{"transactions of another account than was signed", "GET", "/accounts/b/transactions", "t", signed(query, later, hubKey()), 400, "WrongRequestFormat"},
		{"transactions of an unknown account", "GET", "/accounts/a/transactions", "account", signed(query, later, hubKey()), 404, "AccountNotFound"},
		{"a revocation", "PATCH", "/tokens/revoke", "t", signed(session, later, hubKey()), 200, `{}`},
		{"a revocation of what is over", "PATCH", "/tokens/revoke", "denied", signed(session, later, hubKey()), 401, "AccessDenied"},
		{"a value that the bank finds wrong", "PATCH", "/tokens/revoke", "invalid", signed(session, later, hubKey()), 400, "InvalidAttributeValue"},
		{"an error of the bank's own", "PATCH", "/tokens/revoke", "broken", signed(session, later, hubKey()), 500, "InternalServerError"},
		{"a bank that panics", "POST", "/tokens", "", signed(strings.NewReplacer("Saldo", "panic", "s1", "s2").Replace(started), later, hubKey()), 500, "InternalServerError"},
		{"payments, which this bank does not offer", "POST", "/payments", "", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"a cancellation, which this bank does not offer", "DELETE", "/payments/17", "", signed(cancelling, later, hubKey()), 404, "RouteNotFound"},
		{"the status of a payment, which this bank does not offer", "GET", "/payments/17", "", signed(asking("p1"), later, hubKey()), 404, "RouteNotFound"},
		{"funds, which this bank does not offer", "POST", "/funds_confirmations", "t", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"cards, which this bank does not offer", "GET", "/card_accounts", "t", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"entries of cards, which this bank does not offer", "GET", "/card_accounts/a/transactions", "t", signed(query, later, hubKey()), 404, "RouteNotFound"},
		{"standing orders, which this bank does not offer", "GET", "/accounts/a/standing_orders", "t", signed(query, later, hubKey()), 404, "RouteNotFound"},
		{"trusted beneficiaries, which this bank does not offer", "GET", "/trusted_beneficiaries", "t", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"a refresh, which this bank does not offer", "POST", "/ais/refresh", "t", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"a log-in, which this bank does not offer", "POST", "/logins", "", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"another method", "PUT", "/tokens", "", signed(session, later, hubKey()), 404, "RouteNotFound"},
		{"a report", "POST", "/errors", "", signed(`{"request":{"method":"GET"},"error":{"error_class":"X"}}`, later, hubKey()), 200, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Access-Token": {tt.token}, "Authorization": {tt.authorization}}
			status, body := ask(t, tt.method, url+tt.path, h)
			want := tt.want
			if status != 200 {
				var e wire.ErrorAnswer
				if err := json.Unmarshal([]byte(body), &e); err != nil || e.ErrorMessage == "" {
					t.Errorf("body %q: %v", body, err)
				}
				body = string(e.ErrorClass)
			}
			if status != tt.status || body != want {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, want)
			}
			if strings.Contains(body, "hunter2") {
				t.Error("the cause left the bank")
			}
		})
	}
}

// A rich bank shows more of an account than it must.
type rich struct{ plain }

func (b *rich) CardTransactions(_ context.Context, token string, q wire.TransactionsQuery) (l wire.List[wire.CardTransactionAnswer], err error) {
	l.Data = []wire.CardTransactionAnswer{{ID: q.FromID + "1", TransactionDate: q.FromDate, Status: "booked", Amount: "-1", Currency: "EUR"}}
	l.Meta.NextID = "2"
	return l, b.err(token)
}

func (b *rich) StandingOrders(_ context.Context, token, accountID string) ([]wire.TransactionAnswer, error) {
	return []wire.TransactionAnswer{{ID: wire.String(accountID), Amount: "-1", Currency: "EUR"}}, b.err(token)
}

func (b *rich) TrustedBeneficiaries(_ context.Context, token string) ([]wire.TrustedBeneficiary, error) {
	return nil, b.err(token)
}

func (b *rich) Refresh(_ context.Context, token string, _ wire.SessionOnly) error {
	b.starts.Add(1)
	return b.err(token)
}

func TestAnswersOfARichBank(t *testing.T) {
	later := now.Add(5 * time.Minute)
	b := &rich{}
	url := serve(t, b)
	session, query := `{"session_secret":"s1","provider_code":"lon"}`, `{"session_secret":"s1","account_id":"a","from_date":"2026-01-01","to_date":"2026-02-01","from_id":"1"}`
	for _, tt := range []struct {
		name, method, path, token, data string
		status                          int
		want                            string // in the answer
	}{
		{"entries of a card", "GET", "/card_accounts/a/transactions", "t", query, 200, `{"data":[{"id":"11","transaction_date":"2026-01-01","status":"booked","currency":"EUR","amount":"-1","transaction_details":""}],"meta":{"next_id":"2"}}`},
		{"entries of another card than was signed", "GET", "/card_accounts/b/transactions", "t", query, 400, "WrongRequestFormat"},
		{"entries of a card from a day that is none", "GET", "/card_accounts/a/transactions", "t", strings.Replace(query, "2026-01-01", "soon", 1), 400, "WrongRequestFormat"},
		{"entries of a card that nobody knows", "GET", "/card_accounts/a/transactions", "account", query, 404, "AccountNotFound"},
		{"cards themselves, which it does not offer", "GET", "/card_accounts", "t", session, 404, "RouteNotFound"},
		{"standing orders", "GET", "/accounts/a/standing_orders", "t", query, 200, `"id":"a","amount":"-1"`},
		{"standing orders without an access token", "GET", "/accounts/a/standing_orders", "", query, 400, "AccessTokenMissing"},
		{"standing orders of another account than was signed", "GET", "/accounts/b/standing_orders", "t", query, 400, "WrongRequestFormat"},
		{"standing orders under a token that is over", "GET", "/accounts/a/standing_orders", "expired", query, 401, "TokenExpired"},
		{"trusted beneficiaries, of whom there is none", "GET", "/trusted_beneficiaries", "t", session, 200, `{"data":[],"meta":{}}`},
		{"trusted beneficiaries under an unknown token", "GET", "/trusted_beneficiaries", "unknown", session, 404, "TokenNotFound"},
		{"a refresh", "POST", "/ais/refresh", "t", session, 200, `{}`},
		{"the same refresh again", "POST", "/ais/refresh", "t", session, 200, `{}`},
		{"a refresh without a session", "POST", "/ais/refresh", "t", `{"provider_code":"lon"}`, 400, "WrongRequestFormat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, tt.method, url+tt.path, http.Header{"Access-Token": {tt.token}, "Authorization": {signed(tt.data, later, hubKey())}})
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s; want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
	if n := b.starts.Load(); n != 1 {
		t.Errorf("the copy was made anew %d times", n)
	}
}

func TestAStartReachesTheBankOnce(t *testing.T) {
	b := &plain{slow: make(chan struct{})}
	url := serve(t, b)
	h := http.Header{"Authorization": {signed(started, now.Add(time.Minute), hubKey())}}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if status, body := ask(t, "POST", url+"/tokens", h); status != 200 || body != "{}" {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	close(b.slow)
	wg.Wait()
	ask(t, "POST", url+"/tokens", h)
	if n := b.starts.Load(); n != 1 {
		t.Errorf("the bank was asked %d times", n)
	}
}

func TestAStartThatFailedMayBeRepeated(t *testing.T) {
	b := &plain{}
	b.fails.Store(true)
	url := serve(t, b)
	h := http.Header{"Authorization": {signed(started, now.Add(time.Minute), hubKey())}}
	if status, _ := ask(t, "POST", url+"/tokens", h); status != 500 {
		t.Errorf("got %d", status)
	}
	b.fails.Store(false)
	if status, _ := ask(t, "POST", url+"/tokens", h); status != 200 || b.starts.Load() != 2 {
		t.Errorf("got %d after %d starts", status, b.starts.Load())
	}
}

func TestStartsAreForgotten(t *testing.T) {
	clock := now
	s := starts{now: func() time.Time { return clock }}
	n := 0
	start := func(secret string) { s.once(t.Context(), "k", secret, func() error { n++; return nil }) }
	for i := range startsMax + 10 {
		start(fmt.Sprint(i))
	}
	if len(s.known) > startsMax || len(s.queue) > startsMax {
		t.Errorf("%d remembered", len(s.known))
	}
	n = 0
	start(fmt.Sprint(startsMax))
	if n != 0 {
		t.Error("a late one is forgotten")
	}
	clock = clock.Add(startLife)
	start("x")
	if len(s.known) != 1 || n != 1 {
		t.Errorf("%d remembered after their life", len(s.known))
	}
}

func TestHub(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string // status and body, one after the other; the last again and again
		want    error    // nil: no error; errAny: one that is none of those that end a report
		calls   int64
	}{
		{"is told", []string{`200 {"data":{},"meta":{}}`}, nil, 1},
		{"is told again when it failed", []string{`500 `, `200 {}`}, nil, 2},
		{"is told again when it is overloaded", []string{`429 `, `200 {}`}, nil, 2},
		{"knows no such session", []string{`404 {"error_class":"SessionNotFound"}`}, ErrTokenUnknown, 1},
		{"finds the report malformed", []string{`400 {"error_class":"RequestFormatInvalid"}`}, ErrInvalid, 1},
		{"says that the session is over", []string{`403 {"error_class":"SessionFinalised"}`}, ErrAccessDenied, 1},
		{"says that the session is closed", []string{`400 {"error_class":"SessionClosed"}`}, ErrAccessDenied, 1},
		{"does not know the bank", []string{`404 {"error_class":"ProviderNotFound"}`}, errAny, 1},
		{"does not know the key", []string{`400 {"error_class":"JWTVerificationError"}`}, errAny, 1},
		{"is somebody else", []string{`404 <html>`}, errAny, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := calls.Add(1)
				v := jws.Verifier{Keys: []jws.PublicKey{{Key: &otherKey().PublicKey}}, Now: time.Now}
				data, err := v.Bearer(r.Header.Get("Authorization"))
				if err != nil || !bytes.Contains(data, []byte(`"session_secret":"s/1"`)) || r.Method != "PATCH" || r.Header.Get("App-Id") != "app" || r.Header.Get("App-Secret") != "secret" ||
					r.URL.EscapedPath() != "/api/connectors/v2/sessions/s%2F1/update" || r.ContentLength > 0 {
					t.Errorf("%s %s %s %v", r.Method, r.URL, data, err)
				}
				var status int
				text := tt.answers[min(int(n), len(tt.answers))-1]
				fmt.Sscan(text, &status)
				w.WriteHeader(status)
				io.WriteString(w, text[4:])
			}))
			t.Cleanup(s.Close)
			h := NewHub(HubConfig{HubURL: s.URL + "/", AppID: "app", AppSecret: "secret", SigningKey: otherKey()})
			err := h.Update(t.Context(), wire.Event{SessionSecret: "s/1", Status: "received"})
			final := errors.Is(err, ErrTokenUnknown) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrAccessDenied)
			switch {
			case tt.want == errAny && (err == nil || final), tt.want != errAny && !errors.Is(err, tt.want), tt.want == nil && err != nil:
				t.Errorf("got %v; want %v", err, tt.want)
			}
			if calls.Load() != tt.calls {
				t.Errorf("%d calls; want %d", calls.Load(), tt.calls)
			}
		})
	}
}

var errAny = errors.New("any")

func TestAHubThatIsAwayIsTriedUntilTheContextEnds(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	h := NewHub(HubConfig{HubURL: s.URL, AppID: "app", AppSecret: "secret", SigningKey: otherKey()})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := h.Fail(ctx, wire.Event{SessionSecret: "s"}); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(began); d < 250*time.Millisecond || d > 2*time.Second {
		t.Errorf("gave up after %s", d)
	}
}
