package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/connector/jws"
)

// A tapped call is a report that a bank really made, as it was on its way.
type tapped struct{ method, path, authorization, token, app, secret, data string }

// TestReplayOfCallbacks records what the banks report to the hub, and sends each report again: to
// the address of every other report, of every other session, for another bank; later, and changed
// by a character. Of all that nothing may come.
func TestReplayOfCallbacks(t *testing.T) {
	t.Parallel()
	var clock ahead
	dev, stop := startWith(t, app.DevOptions{}.At(clock.now))
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	s := apptest.New(t, dev.Ready)
	_, web := dev.Handlers()
	dir := filepath.Dir(dev.Ready.CA)
	text, err := os.ReadFile(filepath.Join(dir, "secrets", "bank.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jws.ParsePrivate(string(text))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "secrets", "connector-secret"))
	if err != nil {
		t.Fatal(err)
	}
	x := &attacker{Sandbox: s, t: t, dev: dev, clock: &clock, isar: s.Bank("standard"), alpa: s.Client(s.Certificate(s.TPPs[0]))}
	x.bank = openBanks(t, dir)
	ana := x.who("ana")

	// Sessions of every kind that wait for their customer.
	later := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	iban := ana.Accounts[0].IBAN
	single := apptest.Payment("TAP", iban, "DE89370400440532013000", "60.00")
	var waiting []apptest.Answer
	for address, body := range map[string]string{
		"/v1/payments/sepa-credit-transfers":          single,
		"/v1/bulk-payments/sepa-credit-transfers":     orderBodies(ana, x.who("luka"))["bulk-payments"],
		"/v1/periodic-payments/sepa-credit-transfers": fmt.Sprintf(`%s,"startDate":%q,"frequency":"Monthly"}`, single[:len(single)-1], later),
		"/v1/consents":                       fmt.Sprintf(`{"access":{"balances":[{"iban":%q}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`, iban),
		"/v2/consents/confirmation-of-funds": fmt.Sprintf(`{"account":{"iban":%q}}`, iban),
	} {
		a := s.Ask(x.alpa, http.MethodPost, x.isar.XS2A+address, h{"TPP-Redirect-URI": apptest.Redirect}, body)
		if a.Status != http.StatusCreated {
			t.Fatal(a)
		}
		waiting = append(waiting, a)
	}
	standing := func() (all []string) {
		for _, a := range waiting {
			all = append(all, s.Ask(x.alpa, http.MethodGet, a.Get("_links", "status", "href"), nil, "").Body, s.Ask(x.alpa, http.MethodGet, a.Get("_links", "scaStatus", "href"), nil, "").Body)
		}
		return all
	}
	before := standing()

	// What the bank says of each, in the words of the bank itself.
	var sessions []string
	rows, err := x.bank.Query(t.Context(), `SELECT session_secret FROM corebank_journey WHERE bank = 'isar' AND state = 'open' ORDER BY session_secret`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var session string
		if err := rows.Scan(&session); err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	if len(sessions) != len(waiting) {
		t.Fatalf("%d sessions of %d", len(sessions), len(waiting))
	}
	asked, sign := 0, func(data string, exp time.Time) string {
		token, err := jws.Sign(key, json.RawMessage(data), exp, "")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	send := func(c tapped) apptest.Answer {
		asked++
		r := httptest.NewRequest(c.method, s.Web+"/api/connectors/v2"+c.path, nil)
		r.Header = http.Header{"Authorization": {"Bearer " + c.authorization}, "App-Id": {c.app}, "App-Secret": {c.secret}}
		if c.token != "" {
			r.Header.Set("Token", c.token)
		}
		w := httptest.NewRecorder()
		web.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
		return apptest.Answer{Status: w.Code, Header: w.Result().Header, Body: w.Body.String()}
	}
	for i, session := range sessions {
		reports := map[string][]string{ // by verb: what is said by it
			"update": {
				fmt.Sprintf(`{"session_secret":%q,"status":"RCVD","sca_status":"received","redirect_url":"http://127.0.0.1/page","session_expires_at":%q}`, session, clock.now().Add(15*time.Minute).UTC().Format(time.RFC3339)),
				fmt.Sprintf(`{"session_secret":%q,"sca_status":"scaMethodSelected"}`, session),
				fmt.Sprintf(`{"session_secret":%q,"status":"RCVD","funds_available":true}`, session),
				fmt.Sprintf(`{"session_secret":%q,"redirect_url":"http://127.0.0.1/page","status":"received"}`, session),
			},
			"success": {fmt.Sprintf(`{"session_secret":%q,"user_id":"1001","token":"tok-%d","consent":{"allPsd2":"allAccounts"}}`, session, i),
				fmt.Sprintf(`{"session_secret":%q,"user_id":"1001","debtor_account":{"iban":%q}}`, session, iban)},
			"fail": {fmt.Sprintf(`{"session_secret":%q,"error_class":"AccessDenied","error_message":"The PSU refused.","user_id":"1001","status":"RJCT"}`, session),
				fmt.Sprintf(`{"session_secret":%q,"error_class":"AccessDenied"}`, session)},
		}
		next := sessions[(i+1)%len(sessions)]
		for verb, said := range reports {
			for _, data := range said {
				token := sign(data, clock.now().Add(time.Minute))
				good := tapped{http.MethodPatch, "/sessions/" + session + "/" + verb, token, "", "app-isar", string(secret), data}
				refused := func(name string, c tapped) {
					t.Helper()
					if a := send(c); a.Status < 400 {
						t.Errorf("%s as %s %s: %s", data, c.path, name, a)
					}
				}
				at := func(path string) tapped { c := good; c.path = path; return c }
				for _, other := range []string{"update", "success", "fail"} {
					refused("of another session", at("/sessions/"+next+"/"+other))
					refused("of no session", at("/sessions/"+strings.Repeat("x", 26)+"/"+other))
					if other != verb && !(verb != "update" && other == "update") { // an update by these words changes nothing: see below
						refused("by another word", at("/sessions/"+session+"/"+other))
					}
				}
				for _, path := range []string{"/tokens/revoke", "/funds_confirmations/tokens/revoke", "/accesses/" + session, "/sessions/" + session, "/sessions/" + session + "/"} {
					refused("elsewhere", at(path))
				}
				for _, app := range []string{"app-lon", "app-salt", "", "app-isar2", "APP-ISAR"} {
					c := good
					c.app = app
					refused("of bank "+app, c)
				}
				for name, wrong := range map[string]string{"": "", "cut": string(secret[:len(secret)-1]), "longer": string(secret) + "0"} {
					c := good
					c.secret = wrong
					refused("with a secret that is "+name, c)
				}
				for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
					c := good
					c.method = method
					refused("by "+method, c)
				}
				parts := strings.Split(token, ".")
				encode := base64.RawURLEncoding.EncodeToString
				for name, forged := range map[string]string{
					"unsigned": parts[0] + "." + parts[1] + ".", "by no algorithm": encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "by a shared key": encode([]byte(`{"alg":"HS256"}`)) + "." + parts[1] + "." + parts[2],
					"with other data": parts[0] + "." + encode(fmt.Appendf(nil, `{"data":{"session_secret":%q,"user_id":"1001"},"exp":%d}`, session, clock.now().Add(time.Minute).Unix())) + "." + parts[2],
					"cut":             token[:len(token)-2], "of a minute ago": sign(data, clock.now().Add(-2*time.Minute)), "of a day ahead": sign(data, clock.now().Add(24*time.Hour)),
				} {
					c := good
					c.authorization = forged
					refused(name, c)
				}
			}
		}
	}
	if after := standing(); !slices.Equal(before, after) {
		t.Errorf("was %v, is %v", before, after)
	}
	t.Logf("%d reports", asked)
	if asked < 1000 {
		t.Errorf("only %d reports", asked)
	}
	// None of it has used up what the bank itself reports.
	data := fmt.Sprintf(`{"session_secret":%q,"error_class":"AccessDenied","error_message":"The PSU refused."}`, sessions[0])
	if a := send(tapped{http.MethodPatch, "/sessions/" + sessions[0] + "/fail", sign(data, clock.now().Add(time.Minute)), "", "app-isar", string(secret), data}); a.Status != http.StatusOK {
		t.Errorf("the bank's own report: %s", a)
	}
}
