package callback

import (
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
	"testing"
	"time"

	"kontor/bank/core"
	"kontor/connector/jws"
)

var (
	bankKey  = sync.OnceValue(newKey)
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

// listener notes what it was told as text, and answers as the session's name says.
type listener struct{ heard []string }

func (l *listener) note(session, format string, args ...any) error {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
	return map[string]error{
		"unknown": core.ErrSessionUnknown, "finalised": core.ErrSessionFinalised, "closed": core.ErrSessionClosed, "expired": core.ErrSessionExpired,
		"event": core.ErrEvent, "broken": errors.New("password of the database is hunter2"), "no-token": core.ErrTokenUnknown,
	}[session]
}

func (l *listener) Update(_ context.Context, bank string, u core.Update) error {
	funds := "?"
	if u.FundsAvailable != nil {
		funds = fmt.Sprint(*u.FundsAvailable)
	}
	expires := ""
	if !u.ExpiresAt.IsZero() {
		expires = u.ExpiresAt.Format(time.RFC3339)
	}
	return l.note(u.Session, "%s update %s %q %q %s %s %q", bank, u.Status, u.SCAStatus, u.RedirectURL, expires, funds, u.PSUMessage)
}

func (l *listener) Success(_ context.Context, bank string, s core.Success) error {
	granted := "as asked"
	switch {
	case s.Granted == nil:
	case s.Granted.AllPSD2:
		granted = "everything"
	default:
		granted = "balances " + names(s.Granted.Balances...) + " transactions " + names(s.Granted.Transactions...)
	}
	if s.Partly {
		granted = "partly, " + granted
	}
	if s.Exemption != "" {
		granted = s.Exemption + ", " + granted
	}
	return l.note(s.Session, "%s success user %s token %s %s from %s", bank, s.UserID, s.Token, granted, names(s.DebtorAccount))
}

// names says what of each account is known.
func names(refs ...core.AccountReference) string {
	b, err := json.Marshal(append([]core.AccountReference{}, refs...))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (l *listener) Fail(_ context.Context, bank string, f core.Fail) error {
	return l.note(f.Session, "%s fail %s %q %s %s", bank, f.Class, f.Message, f.Status, f.UserID)
}

func (l *listener) Revoked(_ context.Context, bank, token string, funds bool) error {
	return l.note(token, "%s revoked %s %t", bank, token, funds)
}

func (l *listener) Tokens(_ context.Context, bank string, q core.TokenQuery) ([]core.TokenInfo, error) {
	return []core.TokenInfo{{ID: "1", UserID: "u", Funds: true, Status: "active", CreatedAt: now}}, l.note("", "%s tokens %+v", bank, q)
}

func open(t *testing.T) (*listener, string) {
	l := &listener{}
	keys := []jws.PublicKey{{Key: &bankKey().PublicKey}}
	s := httptest.NewServer(New(Config{
		Banks: []Bank{
			{Code: "lon", AppID: "app", AppSecret: "secret", Keys: keys, Enabled: true},
			{Code: "two", AppID: "two", AppSecret: "secret", Keys: keys, Enabled: true, Multilevel: true},
			{Code: "off", AppID: "off", AppSecret: "secret", Keys: keys},
			{Code: "new", AppID: "new", AppSecret: "secret", Enabled: true},
			{Code: "bare", AppID: "bare", Keys: keys, Enabled: true},
		},
		Events: l, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	t.Cleanup(s.Close)
	return l, s.URL + "/api/connectors/v2"
}

func sign(data string, exp time.Time, key *rsa.PrivateKey) string {
	s, err := jws.Sign(key, json.RawMessage(data), exp, "")
	if err != nil {
		panic(err)
	}
	return "Bearer " + s
}

func send(t *testing.T, method, url string, h http.Header) (int, map[string]any) {
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
	var body map[string]any
	if err := json.Unmarshal(b, &body); err != nil {
		t.Errorf("body %q: %v", b, err)
	}
	meta, _ := body["meta"].(map[string]any)
	if meta["time"] != "2026-11-21T12:00:00Z" {
		t.Errorf("meta.time is missing in %s", b)
	}
	if strings.Contains(string(b), "hunter2") {
		t.Error("the cause left the hub")
	}
	return res.StatusCode, body
}

func TestReports(t *testing.T) {
	for _, tt := range []struct{ name, verb, data, want string }{
		{"an update with the bank's page", "update", `{"session_secret":"s","redirect_url":"https://bank.example/1","status":"redirect","extra":{}}`, `lon update redirect "" "https://bank.example/1"  ? ""`},
		{"an update about funds", "update", `{"session_secret":"s","funds_available":true,"status":"PDNG","sca_status":"started"}`, `lon update PDNG "started" ""  true ""`},
		{"an update that extends the session", "update", `{"session_secret":"s","session_expires_at":"2026-11-21 12:10:00 UTC"}`, `lon update  "" "" 2026-11-21T12:10:00Z ? ""`},
		{"an update with a time nobody can read", "update", `{"session_secret":"s","session_expires_at":"soon"}`, `lon update  "" ""  ? ""`},
		{"an update with a message to the PSU", "update", `{"session_secret":"s","extra":{"psu_message":"Open the app"}}`, `lon update  "" ""  ? "Open the app"`},
		{"an update with extras of another shape", "update", `{"session_secret":"s","extra":[1],"unknown":{"a":null}}`, `lon update  "" ""  ? ""`},
		{"a success that grants what was asked", "success", `{"session_secret":"s","user_id":17,"token":"t","token_expires_at":"2027-01-01 00:00:00 UTC"}`, `lon success user 17 token t as asked from [{}]`},
		{"a success that grants everything", "success", `{"session_secret":"s","user_id":"17","token":"t","consent":{"allPsd2":"allAccounts"}}`, `lon success user 17 token t everything from [{}]`},
		{"a success that grants some accounts", "success", `{"session_secret":"s","token":"t","consent":{"balances":[{"iban":"SI56"},{}],"transactions":[{"masked_pan":"4532"}]}}`, `lon success user  token t balances [{"iban":"SI56"}] transactions [{"maskedPan":"4532"}] from [{}]`},
		{"a success with two empty lists", "success", `{"session_secret":"s","token":"t","consent":{"balances":[],"transactions":[]}}`, `lon success user  token t balances [] transactions [] from [{}]`},
		{"a success of a payment", "success", `{"session_secret":"s","user_id":"17","debtor_account":{"iban":"SI56","bic":"X"}}`, `lon success user 17 token  as asked from [{"iban":"SI56"}]`},
		{"a fail", "fail", `{"session_secret":"s","error_class":"AccessDenied","error_message":"cancelled","status":"CANC","user_id":1}`, `lon fail AccessDenied "cancelled" CANC 1`},
		{"a fail that says nothing", "fail", `{"session_secret":"s"}`, `lon fail InternalProviderError "Internal error"  `},
		{"a fail that says too much", "fail", `{"session_secret":"s","error_class":"com.example.SomeException","error_message":"` + strings.Repeat("č", 200) + `"}`, `lon fail com.example.SomeException "` + strings.Repeat("č", 127) + `"  `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, url := open(t)
			h := http.Header{"App-id": {"app"}, "app-secret": {"secret"}, "authorization": {sign(tt.data, now.Add(time.Minute), bankKey())}, "Content-Type": {"application/x-www-form-urlencoded"}}
			status, body := send(t, "PATCH", url+"/sessions/s/"+tt.verb, h)
			if status != 200 || len(l.heard) != 1 || l.heard[0] != tt.want {
				t.Errorf("got %d %v, heard %q; want %q", status, body, l.heard, tt.want)
			}
			// A client that cannot send PATCH says so in a header.
			h["X-HTTP-Method-Override"] = []string{"PATCH"}
			if status, _ := send(t, "POST", url+"/sessions/s/"+tt.verb, h); status != 200 || len(l.heard) != 2 {
				t.Errorf("by POST: %d", status)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	soon := now.Add(time.Minute)
	for _, tt := range []struct {
		name, method, path, app, secret, authorization string
		status                                         int
		class                                          string
	}{
		{"no App-Id", "PATCH", "/sessions/s/update", "", "", "", 404, "ProviderNotFound"},
		{"an unknown App-Id", "PATCH", "/sessions/s/update", "nobody", "secret", "", 404, "ProviderNotFound"},
		{"a wrong App-Secret", "PATCH", "/sessions/s/update", "app", "Secret", "", 404, "ProviderNotFound"},
		{"a bank that is switched off", "PATCH", "/sessions/s/update", "off", "secret", "", 406, "ProviderDisabled"},
		{"a wrong secret does not tell that the bank is switched off", "PATCH", "/sessions/s/update", "off", "x", "", 404, "ProviderNotFound"},
		{"a bank without a key", "PATCH", "/sessions/s/update", "new", "secret", sign(`{"session_secret":"s"}`, soon, bankKey()), 400, "ConfigurationError"},
		{"a bank without a secret", "PATCH", "/sessions/s/update", "bare", "", sign(`{"session_secret":"s"}`, soon, bankKey()), 400, "ConfigurationError"},
		{"a wrong secret does not tell that a bank lacks a key", "PATCH", "/sessions/s/update", "new", "x", "", 404, "ProviderNotFound"},
		{"no token in the envelope", "PATCH", "/sessions/s/update", "app", "secret", "", 401, "AuthorizationMissing"},
		{"garbage", "PATCH", "/sessions/s/update", "app", "secret", "Bearer x", 400, "JWTDecodeError"},
		{"not signed", "PATCH", "/sessions/s/update", "app", "secret", "Bearer eyJhbGciOiJub25lIn0.e30.", 400, "JWTIncorrectAlgorithm"},
		{"signed by another", "PATCH", "/sessions/s/update", "app", "secret", sign(`{"session_secret":"s"}`, soon, otherKey()), 400, "JWTVerificationError"},
		{"expired", "PATCH", "/sessions/s/update", "app", "secret", sign(`{"session_secret":"s"}`, now.Add(-time.Minute), bankKey()), 400, "JWTExpiredSignature"},
		{"another session in the data than in the path", "PATCH", "/sessions/s/update", "app", "secret", sign(`{"session_secret":"x"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"no session in the data", "PATCH", "/sessions/s/update", "app", "secret", sign(`{}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a member of the wrong kind", "PATCH", "/sessions/s/update", "app", "secret", sign(`{"session_secret":"s","status":[]}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a page that is a script", "PATCH", "/sessions/s/update", "app", "secret", sign(`{"session_secret":"s","redirect_url":"javascript:alert(1)"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a token with a line feed", "PATCH", "/sessions/s/success", "app", "secret", sign(`{"session_secret":"s","token":"a\nb"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a grant of accounts that nobody can name", "PATCH", "/sessions/s/success", "app", "secret", sign(`{"session_secret":"s","token":"t","consent":{"balances":[{}],"transactions":[]}}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a grant of the wrong kind", "PATCH", "/sessions/s/success", "app", "secret", sign(`{"session_secret":"s","token":"t","consent":"all"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"an unknown session", "PATCH", "/sessions/unknown/fail", "app", "secret", sign(`{"session_secret":"unknown"}`, soon, bankKey()), 404, "SessionNotFound"},
		{"a session that is finalised", "PATCH", "/sessions/finalised/fail", "app", "secret", sign(`{"session_secret":"finalised"}`, soon, bankKey()), 403, "SessionFinalised"},
		{"a session that is closed", "PATCH", "/sessions/closed/fail", "app", "secret", sign(`{"session_secret":"closed"}`, soon, bankKey()), 400, "SessionClosed"},
		{"a session that has expired", "PATCH", "/sessions/expired/fail", "app", "secret", sign(`{"session_secret":"expired"}`, soon, bankKey()), 401, "SessionExpired"},
		{"an event that makes no sense", "PATCH", "/sessions/event/fail", "app", "secret", sign(`{"session_secret":"event"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"an error of the hub's own", "PATCH", "/sessions/broken/fail", "app", "secret", sign(`{"session_secret":"broken"}`, soon, bankKey()), 500, "InternalServerError"},
		{"an unknown token", "PATCH", "/tokens/revoke", "app", "secret", sign(`{"token":"no-token"}`, soon, bankKey()), 404, "TokenNotFound"},
		{"no token to revoke", "PATCH", "/tokens/revoke", "app", "secret", sign(`{}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"a page size that is none", "GET", "/tokens", "app", "secret", sign(`{"per_page":"many"}`, soon, bankKey()), 400, "RequestFormatInvalid"},
		{"an unknown path", "PATCH", "/sessions/s/finish", "app", "secret", "", 404, "RouteNotFound"},
		{"POST without saying that PATCH is meant", "POST", "/sessions/s/update", "app", "secret", "", 404, "RouteNotFound"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, url := open(t)
			status, body := send(t, tt.method, url+tt.path, http.Header{"App-Id": {tt.app}, "App-Secret": {tt.secret}, "Authorization": {tt.authorization}})
			if status != tt.status || body["error_class"] != tt.class || body["error_message"] == "" {
				t.Errorf("got %d %v; want %d %s", status, body, tt.status, tt.class)
			}
		})
	}
}

func TestRevocations(t *testing.T) {
	for _, tt := range []struct {
		name, path, header, data, want string
	}{
		{"in the header Token", "/tokens/revoke", "Token", `{}`, "lon revoked t1 false"},
		{"in the header Access-Token", "/tokens/revoke", "Access-Token", `{}`, "lon revoked t1 false"},
		{"in the data", "/tokens/revoke", "", `{"token":"t1"}`, "lon revoked t1 false"},
		{"of an access to funds", "/funds_confirmations/tokens/revoke", "Token", `{}`, "lon revoked t1 true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, url := open(t)
			h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(tt.data, now.Add(time.Minute), bankKey())}}
			if tt.header != "" {
				h.Set(tt.header, "t1")
			}
			if status, body := send(t, "PATCH", url+tt.path, h); status != 200 || len(l.heard) != 1 || l.heard[0] != tt.want {
				t.Errorf("got %d %v, heard %q", status, body, l.heard)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	l, url := open(t)
	h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(`{"user_id":7,"per_page":100,"from_id":"a"}`, now.Add(time.Minute), bankKey())}}
	status, body := send(t, "GET", url+"/tokens", h)
	list, _ := body["data"].([]any)
	if status != 200 || len(list) != 1 || list[0].(map[string]any)["service"] != "piis" || l.heard[0] != "lon tokens {UserID:7 FromID:a Limit:100}" {
		t.Errorf("got %d %v, heard %q", status, body, l.heard)
	}
}

func TestKeySet(t *testing.T) {
	w := httptest.NewRecorder()
	KeySet(&bankKey().PublicKey).ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/jwk-set+json" || !strings.Contains(w.Body.String(), `"kty":"RSA"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	KeySet().ServeHTTP(w, httptest.NewRequest("POST", "/.well-known/jwks.json", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}

// A success is one of several signatures only where the bank declares that there can be such.
func TestOneOfSeveralSignatures(t *testing.T) {
	l, url := open(t)
	for _, tt := range []struct{ app, status, want string }{
		{"two", "PATC", "two success user 17 token  partly, as asked from [{}]"},
		{"two", "partiallyAuthorised", "two success user 17 token  partly, as asked from [{}]"},
		{"two", "ACSC", "two success user 17 token  as asked from [{}]"},
		{"app", "ACSC", "lon success user 17 token  as asked from [{}]"},
	} {
		h := http.Header{"App-Id": {tt.app}, "App-Secret": {"secret"}, "Authorization": {sign(`{"session_secret":"s","user_id":"17","status":"`+tt.status+`"}`, now.Add(time.Minute), bankKey())}}
		if status, body := send(t, "PATCH", url+"/sessions/s/success", h); status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		if got := l.heard[len(l.heard)-1]; got != tt.want {
			t.Errorf("%s of %s: %s", tt.status, tt.app, got)
		}
	}
	heard := len(l.heard)
	for _, status := range []string{"PATC", "partiallyAuthorised"} {
		h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(`{"session_secret":"s","user_id":"17","status":"`+status+`"}`, now.Add(time.Minute), bankKey())}}
		if code, body := send(t, "PATCH", url+"/sessions/s/success", h); code != http.StatusBadRequest || len(l.heard) != heard {
			t.Errorf("%s of a bank that declares no such thing: %d %v", status, code, body)
		}
	}
}

// The article by which a bank did without SCA comes with an update or a success.
func TestExemptionsAreHeard(t *testing.T) {
	l, url := open(t)
	for said, want := range map[string]string{"RTS-10": "lon success user  token  RTS-10, as asked from [{}]", "because": "lon success user  token  as asked from [{}]"} {
		h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(`{"session_secret":"s","exemption":"`+said+`"}`, now.Add(time.Minute), bankKey())}}
		if status, body := send(t, "PATCH", url+"/sessions/s/success", h); status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		if got := l.heard[len(l.heard)-1]; got != want {
			t.Errorf("%s: %s", said, got)
		}
	}
}
