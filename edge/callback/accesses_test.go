package callback_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/dashboard/dashboardtest"
	"kontor/connector/jws"
	"kontor/edge/callback"
	"kontor/kit/sqldb/sqldbtest"
)

// TestAccesses asks as a bank for what its customers gave.
func TestAccesses(t *testing.T) {
	t.Parallel()
	w := dashboardtest.NewWorld(t, sqldbtest.SQLite(t, dashboardtest.Migrations...))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := []jws.PublicKey{{Key: &key.PublicKey}}
	server := httptest.NewServer(callback.New(callback.Config{
		Banks: []callback.Bank{
			{Code: "lon", AppID: "lon", AppSecret: "secret", Keys: keys, Enabled: true},
			{Code: "par", AppID: "par", AppSecret: "secret", Keys: keys, Enabled: true},
		},
		Dashboard: w.Dashboard, Now: w.Now,
	}))
	t.Cleanup(server.Close)
	par := w.At
	par.Code = "par"
	w.Banks["par"] = par
	w.Gives("ana", "c1", nil)
	w.Pass(time.Second)
	w.Gives("ana", "c2", func(c *consent.Consent) { c.TPP, c.Brand = "PSDRO-NBR-0042", "Saldo" })
	w.Gives("bor", "b1", nil)
	w.Orders("ana", "p1", nil)
	ask := func(bank, method, path, data string) string {
		t.Helper()
		signed, err := jws.Sign(key, json.RawMessage(data), w.Now().Add(time.Minute), "")
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/api/connectors/v2/accesses"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"App-Id": {bank}, "App-Secret": {"secret"}, "Authorization": {"Bearer " + signed}}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(res.StatusCode, " ", string(b))
	}
	for _, tt := range []struct {
		name, bank, method, path, data string
		want                           []string
	}{
		{"all of a customer", "lon", "GET", "", `{"user_id":"ana"}`, []string{"200", `"id":"p1"`, `"id":"c2"`, `"id":"c1"`, `"app_name":"Saldo"`, `"frequency":"Monthly"`, "not b1"}},
		{"of one TPP", "lon", "GET", "", `{"user_id":"ana","tpp":"PSDRO-NBR-0042"}`, []string{"200", `"id":"c2"`, "not c1", "not p1"}},
		{"page by page", "lon", "GET", "", `{"user_id":"ana","per_page":"1"}`, []string{"200", `"id":"p1"`, "not c2", `"next_id":"p.`}},
		{"nothing has ended", "lon", "GET", "", `{"user_id":"ana","status":"ended"}`, []string{"200", `"data":[]`}},
		{"of nobody", "lon", "GET", "", `{}`, []string{"400", "RequestFormatInvalid", "user_id"}},
		{"of nobody, by an empty name", "lon", "GET", "", `{"user_id":""}`, []string{"400", "RequestFormatInvalid"}},
		{"of a customer of another bank", "par", "GET", "", `{"user_id":"ana"}`, []string{"200", `"data":[]`}},
		{"from nowhere", "lon", "GET", "", `{"user_id":"ana","from_id":"x"}`, []string{"400", "RequestFormatInvalid"}},
		{"with a sign that no database takes", "lon", "GET", "", `{"user_id":"a\u0000"}`, []string{"400", "RequestFormatInvalid"}},
		{"one with its history", "lon", "GET", "/c1", `{"user_id":"ana","id":"c1"}`, []string{"200", `"rights":["accounts"`, `"status":"valid"`}},
		{"one that is not signed", "lon", "GET", "/c1", `{"user_id":"ana"}`, []string{"400", "RequestFormatInvalid", "id is not"}},
		{"another customer's", "lon", "GET", "/b1", `{"user_id":"ana","id":"b1"}`, []string{"404", "AccessNotFound"}},
		{"none at all", "lon", "GET", "/x1", `{"user_id":"ana","id":"x1"}`, []string{"404", "AccessNotFound"}},
		{"to end another customer's", "lon", "DELETE", "/b1", `{"user_id":"ana","id":"b1","return_url":"https://bank.example"}`, []string{"404", "AccessNotFound"}},
		{"to end one as another bank", "par", "DELETE", "/c1", `{"user_id":"ana","id":"c1"}`, []string{"404", "AccessNotFound"}},
		{"to end one", "lon", "DELETE", "/c1", `{"user_id":"ana","id":"c1"}`, []string{"200", `"status":"revokedByPsu"`, `"active":false`}},
		{"to end it once more", "lon", "DELETE", "/c1", `{"user_id":"ana","id":"c1"}`, []string{"200", `"status":"revokedByPsu"`}},
		{"to cancel a payment with no way back", "lon", "DELETE", "/p1", `{"user_id":"ana","id":"p1"}`, []string{"400", "return_url"}},
		{"to cancel a payment with a way back that is none", "lon", "DELETE", "/p1", `{"user_id":"ana","id":"p1","return_url":"javascript:alert(1)"}`, []string{"400", "return_url"}},
		{"to cancel a payment", "lon", "DELETE", "/p1", `{"user_id":"ana","id":"p1","return_url":"https://bank.example/me"}`, []string{"200", `"status":"approve"`, `"redirect_url":"https://bank.example/cancel/`}},
		{"to end all", "lon", "DELETE", "", `{"user_id":"ana","return_url":"https://bank.example/me"}`, []string{"200", `"consents":1`, `"more":false`, `"status":"approve"`}},
		{"what has ended", "lon", "GET", "", `{"user_id":"ana","status":"ended"}`, []string{"200", `"id":"c1"`, `"id":"c2"`}},
		{"another customer's is untouched", "lon", "GET", "", `{"user_id":"bor"}`, []string{"200", `"id":"b1"`, `"active":true`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(tt.bank, tt.method, tt.path, tt.data)
			for _, want := range tt.want {
				not, absent := strings.CutPrefix(want, "not ")
				if strings.Contains(got, not) == absent {
					t.Errorf("%q: got %s", want, got)
				}
			}
		})
	}
	w.LogsIn("ana")
	if got := ask("lon", "GET", "/p1", `{"user_id":"ana","id":"p1"}`); !strings.Contains(got, `"status":"CANC"`) {
		t.Errorf("she has approved it: %s", got)
	}
}
