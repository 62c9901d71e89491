package callback

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha512" // and SHA-384
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// signedBy is what a library makes that chooses the hash by the length of the key.
func signedBy(algorithm string, hash crypto.Hash, data string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"typ":"JWT","alg":"`+algorithm+`"}`)) + "." + encode(fmt.Appendf(nil, `{"data":%s,"exp":%d}`, data, now.Add(time.Minute).Unix()))
	h := hash.New()
	h.Write([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, bankKey(), hash, h.Sum(nil))
	if err != nil {
		panic(err)
	}
	return "Bearer " + text + "." + encode(signature)
}

// What real connectors send differs. Each case is one way that was seen.
func TestWhatRealConnectorsSend(t *testing.T) {
	const nobody = "from [{}]"
	for _, tt := range []struct{ name, verb, data, want string }{
		{"the page comes with status received", "update", `{"session_secret":"s","redirect_url":"https://bank.example/1","status":"received"}`, `lon update received "" "https://bank.example/1"  ? ""`},
		{"the page comes with status RCVD", "update", `{"session_secret":"s","redirect_url":"https://bank.example/1","status":"RCVD"}`, `lon update RCVD "" "https://bank.example/1"  ? ""`},
		{"the page comes with no status", "update", `{"session_secret":"s","redirect_url":"https://bank.example/1"}`, `lon update  "" "https://bank.example/1"  ? ""`},
		{"an update has null for what it lacks", "update", `{"session_secret":"s","status":null,"sca_status":null,"redirect_url":null,"session_expires_at":null,"funds_available":null,"extra":null}`, `lon update  "" ""  ? ""`},
		{"a success has null for what it lacks", "success", `{"session_secret":"s","user_id":"17","token":"t","consent":null,"debtor_account":null,"extra":null}`, `lon success user 17 token t as asked ` + nobody},
		{"a grant has null for its lists", "success", `{"session_secret":"s","user_id":"17","token":"t","consent":{"allPsd2":null,"balances":null,"transactions":null}}`, `lon success user 17 token t as asked ` + nobody},
		{"a grant has null and numbers within its accounts", "success", `{"session_secret":"s","user_id":"17","token":"t","consent":{"balances":[{"iban":null,"bban":4711,"currency":null}],"transactions":[]}}`,
			`lon success user 17 token t balances [{"bban":"4711"}] transactions [] ` + nobody},
		{"an account is named in the way of the bank", "success", `{"session_secret":"s","debtor_account":{"bank_account_identifier":4711,"swift_code":"AAAASI2X"}}`, `lon success user  token  as asked from [{"bban":"4711"}]`},
		{"a fail has null for what it lacks", "fail", `{"session_secret":"s","error_class":null,"error_message":null,"status":null,"user_id":null,"extra":null}`, `lon fail InternalProviderError "Internal error"  `},
		{"a token is a number", "success", `{"session_secret":"s","user_id":17,"token":4711}`, `lon success user 17 token 4711 as asked ` + nobody},
		{"a refresh succeeds with nothing but its session", "success", `{"session_secret":"s","extra":{}}`, `lon success user  token  as asked ` + nobody},
		{"an update has fields that nobody knows", "update", `{"session_secret":"s","status":"received","provider_code":"lon","new":[{"a":{}}]}`, `lon update received "" ""  ? ""`},
		{"a success has fields that nobody knows", "success", `{"session_secret":"s","user_id":"17","token":"t","scopes":["accounts"],"refresh_token":"x","token_expires_at":null}`, `lon success user 17 token t as asked ` + nobody},
		{"a fail has the name of a Java exception and a stack", "fail", `{"session_secret":"s","error_class":"java.lang.NullPointerException","error_message":"at x.y.Z(Z.java:7)","extra":{"stack":[]}}`, `lon fail java.lang.NullPointerException "at x.y.Z(Z.java:7)"  `},
		{"the end of a session is told as a date", "update", `{"session_secret":"s","session_expires_at":"2026-11-22"}`, `lon update  "" "" 2026-11-22T00:00:00Z ? ""`},
		{"the end of a session is told in seconds", "update", `{"session_secret":"s","session_expires_at":1795435800}`, `lon update  "" "" 2026-11-23T12:10:00Z ? ""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, url := open(t)
			h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(tt.data, now.Add(time.Minute), bankKey())}}
			status, body := send(t, "PATCH", url+"/sessions/s/"+tt.verb, h)
			if status != 200 || len(l.heard) != 1 || l.heard[0] != tt.want {
				t.Errorf("got %d %v, heard %q; want %q", status, body, l.heard, tt.want)
			}
		})
	}
}

// What is told of payments passes through as it is: which status may follow which, and what
// still counts after the end of a session, the hub's rules decide.
func TestWhatIsToldOfPayments(t *testing.T) {
	type step struct{ name, verb, data, want string }
	var steps []step
	for _, status := range []string{"received", "redirect", "RCVD", "PDNG", "ACTC", "ACCP", "ACWC", "ACFC", "ACWP", "PATC", "ACSP", "ACSC", "ACCC", "PART", "RJCT", "CANC"} {
		steps = append(steps, step{"status " + status, "update", `{"session_secret":"s","status":"` + status + `"}`, `lon update ` + status + ` "" ""  ? ""`})
	}
	for _, status := range []string{"received", "psuIdentified", "psuAuthenticated", "scaMethodSelected", "started", "unconfirmed", "finalised", "failed", "exempted"} {
		steps = append(steps, step{"SCA " + status, "update", `{"session_secret":"s","sca_status":"` + status + `"}`, `lon update  "` + status + `" ""  ? ""`})
	}
	for _, tt := range append(steps, []step{
		{"there are funds", "update", `{"session_secret":"s","status":"PDNG","funds_available":true}`, `lon update PDNG "" ""  true ""`},
		{"there are none", "update", `{"session_secret":"s","status":"ACTC","funds_available":false}`, `lon update ACTC "" ""  false ""`},
		{"SCA is not needed", "update", `{"session_secret":"s","status":"ACTC","sca_status":"exempted","funds_available":true}`, `lon update ACTC "exempted" ""  true ""`},
		{"the PSU is told something", "update", `{"session_secret":"s","status":"RJCT","extra":{"psu_message":"Račun je zaprt."}}`, `lon update RJCT "" ""  ? "Račun je zaprt."`},
		{"a payment succeeds", "success", `{"session_secret":"s","user_id":"17"}`, `lon success user 17 token  as asked from [{}]`},
		{"a payment succeeds from an account chosen at the bank", "success", `{"session_secret":"s","user_id":17,"debtor_account":{"iban":"SI56020170014356205","bic":"AAAASI2X","currency":"EUR"}}`,
			`lon success user 17 token  as asked from [{"iban":"SI56020170014356205","currency":"EUR"}]`},
		{"a payment succeeds from an account with a sort code", "success", `{"session_secret":"s","user_id":17,"debtor_account":{"bban":"70872490","sort_code":"040004"}}`,
			`lon success user 17 token  as asked from [{"bban":"70872490"}]`},
		{"a cancellation succeeds", "success", `{"session_secret":"s","user_id":17,"status":"CANC","extra":{}}`, `lon success user 17 token  as asked from [{}]`},
		{"a payment is rejected", "fail", `{"session_secret":"s","error_class":"PaymentNotCreated","error_message":"AM04","status":"RJCT"}`, `lon fail PaymentNotCreated "AM04" RJCT `},
		{"a payment is cancelled by its PSU", "fail", `{"session_secret":"s","error_class":"AccessDenied","error_message":"x","status":"CANC","user_id":17}`, `lon fail AccessDenied "x" CANC 17`},
	}...) {
		t.Run(tt.name, func(t *testing.T) {
			l, url := open(t)
			h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(tt.data, now.Add(time.Minute), bankKey())}}
			status, body := send(t, "PATCH", url+"/sessions/s/"+tt.verb, h)
			if status != 200 || len(l.heard) != 1 || l.heard[0] != tt.want {
				t.Errorf("got %d %v, heard %q; want %q", status, body, l.heard, tt.want)
			}
		})
	}
}

func TestHowRealConnectorsSend(t *testing.T) {
	const data = `{"session_secret":"s","status":"received"}`
	for _, tt := range []struct {
		name, method string
		h            http.Header
		body         string
	}{
		{"a key of 2048 bits, RS256", "PATCH", http.Header{"Authorization": {signedBy("RS256", crypto.SHA256, data)}}, ""},
		{"a key of 3072 bits, RS384", "PATCH", http.Header{"Authorization": {signedBy("RS384", crypto.SHA384, data)}}, ""},
		{"a key of 4096 bits, RS512", "PATCH", http.Header{"Authorization": {signedBy("RS512", crypto.SHA512, data)}}, ""},
		{"POST that means PATCH", "POST", http.Header{"Authorization": {signedBy("RS512", crypto.SHA512, data)}, "X-HTTP-Method-Override": {"PATCH"}}, ""},
		{"POST that means PATCH, in small letters", "POST", http.Header{"authorization": {signedBy("RS256", crypto.SHA256, data)}, "x-http-method-override": {"patch"}}, ""},
		{"headers in capitals", "PATCH", http.Header{"AUTHORIZATION": {signedBy("RS256", crypto.SHA256, data)}}, ""},
		{"a form without fields", "PATCH", http.Header{"Authorization": {signedBy("RS256", crypto.SHA256, data)}, "Content-Type": {"application/x-www-form-urlencoded"}}, ""},
		{"a body that says nothing", "PATCH", http.Header{"Authorization": {signedBy("RS256", crypto.SHA256, data)}, "Content-Type": {"application/json"}}, "{}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, url := open(t)
			tt.h["App-id"], tt.h["app-secret"] = []string{"app"}, []string{"secret"}
			r, err := http.NewRequestWithContext(t.Context(), tt.method, url+"/sessions/s/update", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = tt.h
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 || len(l.heard) != 1 {
				t.Errorf("got %d, heard %q", res.StatusCode, l.heard)
			}
		})
	}
}

func TestRevocationsByPost(t *testing.T) {
	for path, want := range map[string]string{"/tokens/revoke": "lon revoked t1 false", "/funds_confirmations/tokens/revoke": "lon revoked t1 true"} {
		l, url := open(t)
		h := http.Header{"App-id": {"app"}, "App-secret": {"secret"}, "authorization": {signedBy("RS512", crypto.SHA512, `{}`)}, "token": {"t1"}, "X-HTTP-Method-Override": {"PATCH"}}
		if status, body := send(t, "POST", url+path, h); status != 200 || len(l.heard) != 1 || l.heard[0] != want {
			t.Errorf("%s: got %d %v, heard %q", path, status, body, l.heard)
		}
	}
}

func TestTokensMayBeAskedForWithNothing(t *testing.T) {
	for _, data := range []string{`{}`, `{"user_id":null,"from_id":null,"per_page":null,"status":null}`, `{"per_page":"100","new":[]}`} {
		l, url := open(t)
		h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(data, now.Add(time.Minute), bankKey())}}
		if status, body := send(t, "GET", url+"/tokens", h); status != 200 || len(l.heard) != 1 || l.heard[0] != "lon tokens {UserID: FromID: Limit:100}" {
			t.Errorf("%s: got %d %v, heard %q", data, status, body, l.heard)
		}
	}
}

// The address of a report is not signed. What a bank said by one word is not taken as another.
func TestWordsAreToldApart(t *testing.T) {
	for name, verbs := range map[string]map[string][]string{
		"an update": {"success": {
			`{"session_secret":"s","status":"RCVD","sca_status":"received","redirect_url":"https://bank.example/1","session_expires_at":"2026-11-22T00:00:00Z"}`,
			`{"session_secret":"s","redirect_url":"https://bank.example/1"}`, `{"session_secret":"s","sca_status":"psuAuthenticated"}`, `{"session_secret":"s","status":"PDNG","funds_available":true}`,
			`{"session_secret":"s","status":"RCVD"}`, `{"session_secret":"s","sca_status":"started","sca_approach":"decoupled"}`,
		}, "fail": {
			`{"session_secret":"s","status":"RCVD","redirect_url":"https://bank.example/1"}`, `{"session_secret":"s","sca_status":"psuAuthenticated"}`, `{"session_secret":"s","status":"ACTC","funds_available":true}`,
			`{"session_secret":"s","status":"ACSC"}`,
		}},
		"a success": {"fail": {`{"session_secret":"s","user_id":"17","token":"t"}`, `{"session_secret":"s","user_id":"17","debtor_account":{"iban":"SI56020170014356205"}}`}},
		"a failure": {"success": {`{"session_secret":"s","error_class":"AccessDenied","user_id":"17","status":"RJCT"}`, `{"session_secret":"s","error_message":"no"}`}},
	} {
		for verb, all := range verbs {
			for _, data := range all {
				t.Run(name+" as "+verb+": "+data, func(t *testing.T) {
					l, url := open(t)
					h := http.Header{"App-Id": {"app"}, "App-Secret": {"secret"}, "Authorization": {sign(data, now.Add(time.Minute), bankKey())}}
					status, body := send(t, "PATCH", url+"/sessions/s/"+verb, h)
					if status != 400 || len(l.heard) != 0 {
						t.Errorf("got %d %v, heard %q", status, body, l.heard)
					}
				})
			}
		}
	}
}
