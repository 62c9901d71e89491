package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/app"
	"kontor/bank/journey"
	"kontor/bank/profile"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

// fapi is salt with the FAPI 2.0 security profile.
func fapi(t testing.TB) profile.Bank {
	t.Helper()
	b := salt(t)
	b.OAuth.FAPI2 = true
	return b
}

const requestURN = "urn:ietf:params:oauth:request_uri:"

// push sends q ahead and returns its request_uri.
func (w *world) push(client *http.Client, q url.Values) string {
	w.t.Helper()
	r := w.post(client, "/par", q.Encode())
	var got struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		w.t.Fatal(err)
	}
	if r.StatusCode != http.StatusCreated || !strings.HasPrefix(got.RequestURI, requestURN) || len(got.RequestURI) < len(requestURN)+43 || got.ExpiresIn < 5 || got.ExpiresIn > 90 ||
		r.Header.Get("Cache-Control") != "no-store" {
		w.t.Fatalf("pushed: %d %s", r.StatusCode, r.body)
	}
	return got.RequestURI
}

// refer is what the browser of a pushed request brings.
func refer(uri string, more ...string) url.Values {
	return with(url.Values{"client_id": {alpa}, "request_uri": {uri}}, more)
}

func TestPushedFlow(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		w := newWorldOn(t, fapi(t), db)
		qwac := w.certificate(alpa, "")
		client, browser := w.client(qwac), w.client()
		uri := w.push(client, request("scope", "AIS:c1 offline_access"))
		// What else stands in the address does not count.
		r := w.authorize(browser, refer(uri, "scope", "AIS:c2", "redirect_uri", "https://evil.example/", "state", "other", "response_type", "token"))
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "https://bank.example/approve/1" {
			t.Fatalf("authorize: %d to %q", r.StatusCode, r.Header.Get("Location"))
		}
		r = w.goBack(browser)
		u, err := url.Parse(r.Header.Get("Location"))
		must(t, err)
		if q := u.Query(); r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(u.String(), back+"?") || q.Get("state") != "st/a te&1" || q.Get("iss") != w.issuer {
			t.Fatalf("continue: %d to %s", r.StatusCode, u)
		}
		got := w.post(client, "/token", exchange(u.Query().Get("code"))).tokens(t)
		if got.Scope != "AIS:c1 offline_access" || got.Access == "" || got.Refresh == "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPushedRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		w := newWorldOn(t, fapi(t), db)
		uri := w.push(w.client(w.certificate(alpa, "")), request())
		// Programs look at addresses before people do, and people load pages again.
		browsers := make([]*http.Client, 16)
		for i := range browsers {
			browsers[i] = w.client()
			if r := w.authorize(browsers[i], refer(uri)); r.StatusCode != http.StatusSeeOther {
				t.Fatalf("got %d", r.StatusCode)
			}
		}
		replies := make([]reply, len(browsers))
		var wg sync.WaitGroup
		for i, browser := range browsers {
			wg.Go(func() { replies[i] = w.get(browser, w.oauth.ContinueURL(w.journeys.begun[i], "")) })
		}
		wg.Wait()
		won := 0
		for _, r := range replies {
			if r.StatusCode == http.StatusSeeOther {
				won++
			} else if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
				t.Errorf("got %d to %q", r.StatusCode, r.Header.Get("Location"))
			}
		}
		if won != 1 {
			t.Errorf("%d got a code", won)
		}
		if r := w.authorize(w.client(), refer(uri)); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("afterwards: %d to %q", r.StatusCode, r.Header.Get("Location"))
		}
	})
}

func TestPushedRequestsThatGetAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fapi(t))
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "carpat-1", TPP: carpat, RedirectURIs: []string{"https://carpat.example/"}}, ""))
	client := w.client(w.certificate(alpa, ""))
	for _, tt := range []struct {
		name  string
		query func(uri string) url.Values
		after time.Duration
	}{
		{"by another client", func(uri string) url.Values { return refer(uri, "client_id", carpat) }, 0},
		{"by nobody", func(uri string) url.Values { return refer(uri, "client_id", "") }, 0},
		{"after its time", func(uri string) url.Values { return refer(uri) }, 90 * time.Second},
		{"in other letters", func(uri string) url.Values { return refer(strings.ToUpper(uri)) }, 0},
		{"without its prefix", func(uri string) url.Values { return refer(strings.TrimPrefix(uri, requestURN)) }, 0},
		{"cut short", func(uri string) url.Values { return refer(uri[:len(uri)-1]) }, 0},
		{"with a zero byte", func(uri string) url.Values { return refer(uri + "\x00") }, 0},
		{"with all parameters beside it, by another client", func(uri string) url.Values { return request("client_id", carpat, "request_uri", uri) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			uri := w.push(client, request())
			begun := len(w.journeys.begun)
			w.wait(tt.after)
			r := w.authorize(w.client(), tt.query(uri))
			w.wait(-tt.after)
			if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || len(r.Cookies()) != 0 || len(w.journeys.begun) != begun {
				t.Errorf("got %d to %q", r.StatusCode, r.Header.Get("Location"))
			}
			// The TPP's own PSU is not kept from it.
			if r := w.authorize(w.client(), refer(uri)); r.StatusCode != http.StatusSeeOther {
				t.Errorf("afterwards: %d", r.StatusCode)
			}
		})
	}
	for _, outcome := range []journey.Outcome{{Over: true, OK: true, PSU: "psu-7"}, {Over: true}} {
		uri, browser := w.push(client, request()), w.client()
		w.authorize(browser, refer(uri))
		w.journeys.outcome = outcome
		if r := w.goBack(browser); r.StatusCode != http.StatusSeeOther {
			t.Errorf("%+v: %d", outcome, r.StatusCode)
		}
		if r := w.authorize(browser, refer(uri)); r.StatusCode != http.StatusBadRequest || !strings.Contains(r.body, "invalid_request_uri") {
			t.Errorf("after %+v: %d %s", outcome, r.StatusCode, r.body)
		}
	}
	t.Run("of a consent that was authorised in between", func(t *testing.T) {
		uri := w.push(client, request())
		c1 := w.journeys.consents[alpa+" c1"]
		delete(w.journeys.consents, alpa+" c1")
		defer func() { w.journeys.consents[alpa+" c1"] = c1 }()
		if r := w.authorize(w.client(), refer(uri)); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("got %d to %q", r.StatusCode, r.Header.Get("Location"))
		}
	})
}

func TestPushesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fapi(t))
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "plain", TPP: alpa, RedirectURIs: []string{back, "http://alpa.example/callback", "http://127.0.0.1:8080/callback"}}, ""))
	own, foreign, none := w.client(w.certificate(alpa, "")), w.client(w.certificate(carpat, "")), w.client()
	for _, tt := range []struct {
		name   string
		client *http.Client
		form   url.Values
		status int
		want   string
	}{
		{"no certificate", none, request(), 401, "invalid_client"},
		{"no certificate but a secret", none, request("client_secret", "x"), 401, "invalid_client"},
		{"a certificate and a secret", own, request("client_secret", "x"), 401, "invalid_client"},
		{"another TPP's certificate", foreign, request(), 401, "invalid_client"},
		{"another TPP's consent", foreign, request("client_id", carpat), 400, "invalid_request"},
		{"no client_id", own, request("client_id", ""), 400, "invalid_request"},
		{"a reference to another request", own, request("request_uri", requestURN+strings.Repeat("a", 43)), 400, "invalid_request"},
		{"a request object", own, request("request", "e30.e30."), 400, "request_not_supported"},
		{"no redirect_uri", own, request("redirect_uri", ""), 400, "invalid_request"},
		{"a redirect_uri of others", own, request("redirect_uri", "https://evil.example/"), 400, "invalid_request"},
		{"a redirect_uri without encryption", own, request("redirect_uri", "http://alpa.example/callback"), 400, "invalid_request"},
		{"no response_type", own, request("response_type", ""), 400, "invalid_request"},
		{"an implicit flow", own, request("response_type", "token"), 400, "unsupported_response_type"},
		{"a hybrid flow", own, request("response_type", "code id_token"), 400, "unsupported_response_type"},
		{"a form for an answer", own, request("response_mode", "form_post"), 400, "invalid_request"},
		{"no scope", own, request("scope", ""), 400, "invalid_scope"},
		{"two consents", own, request("scope", "AIS:c1 AIS:c2"), 400, "invalid_scope"},
		{"an unknown consent, at an address that only a consent could allow", own, request("scope", "AIS:c9", "redirect_uri", back+"/nok"), 400, "invalid_request"},
		{"no PKCE", own, request("code_challenge", "", "code_challenge_method", ""), 400, "invalid_request"},
		{"plain PKCE", own, request("code_challenge_method", "plain"), 400, "invalid_request"},
		{"plain PKCE by leaving the method out", own, request("code_challenge_method", ""), 400, "invalid_request"},
		{"a state of 3 KB", own, request("state", strings.Repeat("s", 3000)), 400, "invalid_request"},
		{"20 KB of request", own, request("iban", strings.Repeat("1", 20000)), 413, "invalid_request"},
		{"100 KB of anything", own, request("x", strings.Repeat("1", 100000)), 413, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) { w.post(tt.client, "/par", tt.form.Encode()).expect(t, tt.status, tt.want) })
	}
	t.Run("a parameter twice", func(t *testing.T) {
		w.post(own, "/par", request().Encode()+"&scope=AIS:c1").expect(t, 400, "invalid_request")
	})
	t.Run("GET", func(t *testing.T) { w.get(own, w.issuer+"/par?"+request().Encode()).expect(t, 405, "invalid_request") })
	t.Run("an address on the PSU's own machine needs no encryption", func(t *testing.T) {
		w.push(own, request("redirect_uri", "http://127.0.0.1:8080/callback"))
	})
	t.Run("a request that was not pushed", func(t *testing.T) {
		r := w.authorize(w.client(), request())
		u, err := url.Parse(r.Header.Get("Location"))
		must(t, err)
		if q := u.Query(); r.StatusCode != http.StatusSeeOther || q.Get("error") != "invalid_request" || q.Get("state") == "" || q.Get("iss") != w.issuer || len(w.journeys.begun) != 0 {
			t.Errorf("got %d to %s", r.StatusCode, u)
		}
	})
}

// Pushing is offered where it is not required, too.
func TestPushingIsAnOfferToAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lon(t))
	secret := app.NewSecret()
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "alpa-1", TPP: alpa, RedirectURIs: []string{back}}, secret))
	client := w.client()
	form := loginRequest("client_secret", secret)
	uri := w.push(client, form)
	var kept string
	must(t, w.db.QueryRow(t.Context(), "SELECT request FROM oauth_pushed").Scan(&kept))
	if strings.Contains(kept, secret) || strings.Contains(kept, "client_secret") {
		t.Errorf("the secret is kept: %s", kept)
	}
	w.journeys.outcome = journey.Outcome{Over: true, OK: true, PSU: "psu-7"}
	code := w.code(url.Values{"client_id": {"alpa-1"}, "request_uri": {uri}})
	w.post(client, "/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"alpa-1"}, "client_secret": {secret}, "code": {code}}.Encode()).expect(t, 200, "")
}
