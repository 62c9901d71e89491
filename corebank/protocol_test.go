package corebank

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/jws"
	"kontor/connector/wire"
	"kontor/corebank/schema"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// A hub and the bank over real sockets: signed requests in, signed reports out.
func TestOverTheWire(t *testing.T) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		hubKey, bankKey := newKey(t), newKey(t)
		var mu sync.Mutex
		var heard []string
		var last wire.Event
		hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := jws.Verifier{Keys: []jws.PublicKey{{Key: &bankKey.PublicKey}}, Now: time.Now}
			data, err := v.Bearer(r.Header.Get("Authorization"))
			if err != nil || r.Header.Get(wire.HeaderAppID) != "app-salt" || r.Header.Get(wire.HeaderAppSecret) != "secret" {
				t.Errorf("a report nobody can believe: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r.Method+" "+r.URL.Path+" "+r.Header.Get(wire.HeaderToken))
			json.Unmarshal(data, &last)
			if strings.HasSuffix(r.URL.Path, "/update") && last.Status == "ACSC" {
				w.WriteHeader(http.StatusForbidden) // a hub that takes no step after the end
				io.WriteString(w, `{"error_class":"SessionFinalised","error_message":"over"}`)
				return
			}
			io.WriteString(w, `{"data":{},"meta":{"time":"2026-11-21T10:00:00Z"}}`)
		}))
		defer hub.Close()
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		defer server.Close()
		b, err := New(t.Context(), Config{
			Code: "salt", DB: db, BaseURL: server.URL + "/salt/", HubURL: hub.URL, AppID: "app-salt", AppSecret: "secret",
			SigningKey: bankKey, HubKeys: []*rsa.PublicKey{&hubKey.PublicKey}, Seed: true, Outbox: true, RoundTheClock: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle("/salt/", b.Handler())
		mux.Handle("/outbox.json", SharedOutbox(b))
		w := &world{t: t, bank: b, url: server.URL + "/salt"}

		ask := func(method, path, token string, data any) (int, string) {
			t.Helper()
			signed, err := jws.Sign(hubKey, data, time.Now().Add(time.Minute), wire.HubIssuer)
			w.do(err)
			r, _ := http.NewRequest(method, server.URL+"/salt"+wire.ConnectorBase+path, nil)
			r.Header.Set("Authorization", "Bearer "+signed)
			r.Header.Set("Client-Id", "7")
			if token != "" {
				r.Header.Set(wire.HeaderAccessToken, token)
			}
			resp, err := http.DefaultClient.Do(r)
			w.do(err)
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(body)
		}
		until := time.Now().AddDate(0, 2, 0).Format(time.DateOnly)
		if status, body := ask("POST", "/tokens", "", wire.TokenCreate{SessionSecret: "s1", ProviderCode: "salt", AppName: "Saldo", AuthorizationType: "oauth",
			RedirectURL: hubReturn, ValidUntil: wire.String(until), Access: offered()}); status != 200 {
			t.Fatal(status, body)
		}
		br := w.browser().open(string(last.RedirectURL)).logIn("katharina").sees("Choose accounts", "Girokonto")
		br.submit("approve", "accounts", "katharina-current")
		var shared []message
		resp, err := http.Get(server.URL + "/outbox.json")
		w.do(err)
		w.do(json.NewDecoder(resp.Body).Decode(&shared))
		resp.Body.Close()
		br.submit("confirm", "code", shared[0].Code).sees("Done")
		token := string(last.Token)
		status, body := ask("GET", "/accounts", token, wire.SessionOnly{SessionSecret: "s1", ProviderCode: "salt"})
		if status != 200 || !strings.Contains(body, `"iban":"DE`) || !strings.Contains(body, `"interimAvailable"`) {
			t.Error(status, body)
		}
		status, body = ask("GET", "/accounts/katharina-current/transactions", token, wire.TransactionsQuery{SessionSecret: "s1", AccountID: "katharina-current",
			FromDate: wire.String(time.Now().AddDate(0, -13, 0).Format(time.DateOnly)), ToDate: wire.String(time.Now().Format(time.DateOnly))})
		if status != 200 || strings.Count(body, `"status":"booked"`) != 99 || strings.Count(body, `"status":"pending"`) != 1 || !strings.Contains(body, `"next_id":"`) {
			t.Error(status, strings.Count(body, `"status"`), body[max(0, len(body)-300):])
		}
		if status, body = ask("PATCH", "/tokens/revoke", token, wire.SessionOnly{SessionSecret: "s1", ProviderCode: "salt"}); status != 200 {
			t.Error(status, body)
		}
		if status, body = ask("PATCH", "/tokens/revoke", token, wire.SessionOnly{SessionSecret: "s1", ProviderCode: "salt"}); status != 401 || !strings.Contains(body, "AccessDenied") {
			t.Error(status, body)
		}
		if status, body = ask("GET", "/accounts", "nothing.at-all", wire.SessionOnly{SessionSecret: "s1", ProviderCode: "salt"}); status != 404 || !strings.Contains(body, "TokenNotFound") {
			t.Error(status, body)
		}

		if status, body = ask("POST", "/payments", "", wire.PaymentCreate{SessionSecret: "s2", ProviderCode: "salt", AppName: "Zlatka Pay", RedirectURL: hubReturn,
			PaymentProduct: "sepa-credit-transfers", PSUIPAddress: "192.0.2.1", Payment: wire.Payment{EndToEndIdentification: "NOTPROVIDED", CreditorName: "Bäckerei Ährenhof",
				CreditorAccount: wire.Account{IBAN: "DE89370400440532013000"}, InstructedAmount: wire.Amount{Amount: "3.20", Currency: "EUR"}}}); status != 200 {
			t.Fatal(status, body)
		}
		br.open(string(last.RedirectURL)).sees("Approve a payment").submit("approve", "accounts", "katharina-current").submit("confirm", "code", w.code("katharina")).sees("Done")
		if status, body = ask("GET", "/payments/1", "", wire.PaymentQuery{SessionSecret: "s2", ProviderCode: "salt", PaymentIdentification: 1}); status != 200 || !strings.Contains(body, `"status":"ACSC"`) {
			t.Error(status, body)
		}
		if status, body = ask("GET", "/payments/2", "", wire.PaymentQuery{SessionSecret: "s3", ProviderCode: "salt", PaymentIdentification: 2}); status != 404 || !strings.Contains(body, "PaymentNotFound") {
			t.Error(status, body)
		}
		if status, body = ask("DELETE", "/payments/2", "", wire.PaymentCancel{SessionSecret: "s4", PaymentSession: "s3", ProviderCode: "salt", PaymentIdentification: 2, RedirectURL: hubReturn}); status != 404 {
			t.Error(status, body)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{
			"PATCH /api/connectors/v2/sessions/s1/update ", "PATCH /api/connectors/v2/sessions/s1/success ",
			"PATCH /api/connectors/v2/sessions/s2/update ", "PATCH /api/connectors/v2/sessions/s2/update ",
			"PATCH /api/connectors/v2/sessions/s2/success ", "PATCH /api/connectors/v2/sessions/s2/update ",
		}
		if strings.Join(heard, "\n") != strings.Join(want, "\n") {
			t.Errorf("the hub heard\n%s", strings.Join(heard, "\n"))
		}
		var left int
		w.do(db.QueryRow(t.Context(), `SELECT COUNT(*) FROM corebank_callback WHERE bank = $1`, "salt").Scan(&left))
		if left != 0 {
			t.Errorf("%d reports are left although each was answered", left)
		}
	})
}

func newKey(t *testing.T) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestConfigSaysAllThatIsWrongAtOnce(t *testing.T) {
	_, err := New(t.Context(), Config{Code: "No Code", BaseURL: "lon", Secret: []byte("short")})
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"BaseURL", "Code", "DB", "Secret", "HubURL", "HubKeys"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in: %v", want, err)
		}
	}
}

// What is reported while something older of the same session is on its way comes right after it:
// nobody waits until that could have been lost.
func TestAReportBehindAnotherIsDueWhenThatHasArrived(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		says := func(status wire.String) report {
			return report{stream: "s", verb: verbUpdate, event: wire.Event{SessionSecret: "s", Status: status}}
		}
		var onItsWay reports
		w.do(w.bank.db.Write(t.Context(), func(tx *sqldb.Tx) error { return w.bank.report(tx, &onItsWay, says("ACSP")) }))
		w.do(w.bank.write(t.Context(), func(tx *sqldb.Tx, out *reports) error { return w.bank.report(tx, out, says("ACSC")) }))
		if n, err := w.bank.deliverDue(t.Context()); n != 0 || err != nil || w.hub.heard() != "" {
			t.Fatalf("the second came first: %d %v, %s", n, err, w.hub.heard())
		}
		w.bank.send(t.Context(), onItsWay)
		if n, err := w.bank.deliverDue(t.Context()); n != 1 || err != nil || w.hub.heard() != "update ACSP, update ACSC" {
			t.Errorf("%d %v, the hub heard %s", n, err, w.hub.heard())
		}
	})
}
