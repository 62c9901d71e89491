package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/app"
	"kontor/bank/app/appsql"
	"kontor/bank/journey"
	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/tpp"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// migrations are of everything that an authorization server keeps.
var migrations = []fs.FS{appsql.Migrations, tokensql.Migrations}

// check asks what a token is good for.
func (w *world) check(bank, access string, t tpp.TPP) (token.Token, error) {
	return w.tokens.Check(w.t.Context(), bank, access, t, w.clock())
}

func TestIntegratedFlow(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		w := newWorldOn(t, salt(t), db)
		qwac := w.certificate(alpa, "")
		browser, client := w.client(), w.client(qwac)

		r := w.authorize(browser, request("scope", "AIS:c1 offline_access"))
		if r.StatusCode != http.StatusFound || r.Header.Get("Location") != "https://bank.example/approve/1" {
			t.Fatalf("authorize: %d %v", r.StatusCode, r.Header)
		}
		cookie := r.Cookies()[0]
		if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge <= 0 || cookie.MaxAge > 3600 ||
			!strings.HasSuffix(cookie.Path, "/hub/salt/oauth/authorize/continue/"+w.journeys.begun[0]) {
			t.Errorf("cookie: %v", cookie)
		}
		if h := r.Header; h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers: %v", h)
		}

		// The bank's word may come after the browser.
		w.journeys.outcome = journey.Outcome{}
		if r := w.goBack(browser); r.StatusCode != http.StatusOK || !strings.Contains(r.body, `http-equiv="refresh"`) {
			t.Errorf("waiting: %d %s", r.StatusCode, r.body)
		}
		w.journeys.outcome = journey.Outcome{Over: true, OK: true, PSU: "psu-7"}
		r = w.goBack(browser)
		u, err := url.Parse(r.Header.Get("Location"))
		must(t, err)
		q := u.Query()
		if r.StatusCode != http.StatusFound || !strings.HasPrefix(u.String(), back+"?") || q.Get("state") != "st/a te&1" || q.Get("iss") != w.issuer || len(q) != 3 {
			t.Fatalf("continue: %d to %s", r.StatusCode, u)
		}
		if r := w.goBack(browser); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Errorf("a second code: %d %v", r.StatusCode, r.Header)
		}

		r = w.post(client, "/token", exchange(q.Get("code")))
		r.expect(t, http.StatusOK, "")
		first := r.tokens(t)
		if first.Type != "Bearer" || first.ExpiresIn != 600 || first.Refresh == "" || first.Scope != "AIS:c1 offline_access" || len(first.Access) < 43 {
			t.Errorf("tokens: %+v", first)
		}
		got, err := w.check("salt", first.Access, tppOf(qwac))
		if err != nil || got.Scope.Kind != token.AIS || got.Scope.Resource != "c1" || got.PSU != "psu-7" || got.TPP != alpa || !got.Bound {
			t.Errorf("token: %+v, %v", got, err)
		}

		// Rotation: the old access token lives on for its minutes, the old refresh token does not.
		refresh := func(client *http.Client, secret string) reply {
			return w.post(client, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {alpa}, "refresh_token": {secret}}.Encode())
		}
		r = refresh(client, first.Refresh)
		r.expect(t, http.StatusOK, "")
		second := r.tokens(t)
		if second.Refresh == "" || second.Refresh == first.Refresh || second.Access == first.Access || second.Scope != first.Scope {
			t.Errorf("second pair: %+v", second)
		}
		for _, access := range []string{first.Access, second.Access} {
			if _, err := w.check("salt", access, tppOf(qwac)); err != nil {
				t.Error(err)
			}
		}
		// A renewed certificate refreshes, and what was bound to the old one is not its own.
		renewed := w.certificate(alpa, "")
		r = refresh(w.client(renewed), second.Refresh)
		r.expect(t, http.StatusOK, "")
		third := r.tokens(t)
		if _, err := w.check("salt", third.Access, tppOf(renewed)); err != nil {
			t.Error(err)
		}
		if _, err := w.check("salt", third.Access, tppOf(qwac)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("the old certificate: %v", err)
		}
		// Reuse ends the family.
		refresh(client, first.Refresh).expect(t, http.StatusBadRequest, "invalid_grant")
		for _, access := range []string{first.Access, second.Access} {
			if _, err := w.check("salt", access, tppOf(qwac)); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("after reuse: %v", err)
			}
		}
		refresh(client, third.Refresh).expect(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestTokensEndWithTheConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	qwac := w.certificate(alpa, "")
	client := w.client(qwac)
	refresh := func(secret string) reply {
		return w.post(client, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {alpa}, "refresh_token": {secret}}.Encode())
	}
	t.Run("a consent that does not recur has no refresh token, and its token no more time than it", func(t *testing.T) {
		defer w.wait(-55 * time.Minute)
		w.wait(55 * time.Minute) // of its hour
		got := w.post(client, "/token", exchange(w.code(request("scope", "AIS:c2 offline_access")))).tokens(t)
		if got.Refresh != "" || got.ExpiresIn < 299 || got.ExpiresIn > 300 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a consent to confirm funds has a scope of its own; one that came as any other has both", func(t *testing.T) {
		for _, scope := range []string{"PIIS:f1", "PIIS:f2", "AIS:f2"} {
			got := w.post(client, "/token", exchange(w.code(request("scope", scope)))).tokens(t)
			if got.Scope != scope || got.Access == "" {
				t.Errorf("%s: got %+v", scope, got)
			}
		}
	})
	t.Run("a revoked consent takes code, access and refresh token with it", func(t *testing.T) {
		pending := w.code(request())
		got := w.post(client, "/token", exchange(w.code(request()))).tokens(t)
		must(t, w.tokens.RevokeResource(t.Context(), "salt", "c1"))
		w.post(client, "/token", exchange(pending)).expect(t, http.StatusBadRequest, "invalid_grant")
		refresh(got.Refresh).expect(t, http.StatusBadRequest, "invalid_grant")
		if _, err := w.check("salt", got.Access, tppOf(qwac)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a refresh token lives as long as the consent", func(t *testing.T) {
		got := w.post(client, "/token", exchange(w.code(request()))).tokens(t)
		w.wait(89 * 24 * time.Hour)
		got = refresh(got.Refresh).tokens(t)
		if got.Access == "" {
			t.Fatal("the 89th day is refused")
		}
		w.wait(24 * time.Hour)
		refresh(got.Refresh).expect(t, http.StatusBadRequest, "invalid_grant")
		if _, err := w.check("salt", got.Access, tppOf(qwac)); !errors.Is(err, token.ErrExpired) {
			t.Errorf("got %v", err)
		}
	})
}

func TestOfSixteenThatRedeemACodeOneSucceeds(t *testing.T) {
	t.Parallel()
	sqldbtest.Each(t, migrations, func(t *testing.T, db *sqldb.DB) {
		w := newWorldOn(t, salt(t), db)
		qwac := w.certificate(alpa, "")
		code := w.code(request())
		replies := make([]reply, 16)
		var wg sync.WaitGroup
		for i := range replies {
			client := w.client(qwac)
			wg.Go(func() { replies[i] = w.post(client, "/token", exchange(code)) })
		}
		wg.Wait()
		var won []tokens
		for _, r := range replies {
			if r.StatusCode == http.StatusOK {
				won = append(won, r.tokens(t))
				continue
			}
			r.expect(t, http.StatusBadRequest, "invalid_grant")
		}
		if len(won) != 1 {
			t.Fatalf("%d succeeded", len(won))
		}
		if _, err := w.check("salt", won[0].Access, tppOf(qwac)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("the tokens of a code that was used twice: %v", err)
		}
	})
}

func TestPreStepFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lon(t))
	secret := app.NewSecret()
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "alpa-1", TPP: alpa, Name: "Alpa App", RedirectURIs: []string{back, "https://www.alpa.example"}}, secret))
	must(t, w.apps.Register(t.Context(), app.App{Bank: "lon", ClientID: "carpat-1", TPP: carpat, RedirectURIs: []string{"https://carpat.example/"}}, ""))
	qwac, foreign := w.certificate(alpa, ""), w.certificate(carpat, "")
	basic := func(id, secret string) []string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	// The form of the portal's own example, and what is added to it.
	form := func(code string, more ...string) string {
		return with(url.Values{"grant_type": {"authorization_code"}, "client_id": {"alpa-1"}, "code": {code}}, more).Encode()
	}
	for _, tt := range []struct {
		name    string
		request url.Values
		send    func(code string) reply
		status  int
		code    string
		bound   bool
	}{
		{"with the TPP's certificate, as the portal's example has it", loginRequest(),
			func(code string) reply { return w.post(w.client(qwac), "/token", form(code)) }, 200, "", true},
		{"with the secret in the form", loginRequest("scope", "psd2:pay", "state", "s"),
			func(code string) reply {
				return w.post(w.client(), "/token", form(code, "client_secret", secret, "redirect_uri", back))
			}, 200, "", false},
		{"with the secret in the header", loginRequest(),
			func(code string) reply {
				return w.post(w.client(), "/token", form(code, "client_id", ""), basic("alpa-1", secret)...)
			}, 200, "", false},
		{"with secret and certificate", loginRequest(),
			func(code string) reply {
				return w.post(w.client(qwac), "/token", form(code), basic("alpa-1", secret)...)
			}, 200, "", true},
		{"with PKCE, where it is optional", loginRequest("code_challenge", challenge(verifier), "code_challenge_method", "S256"),
			func(code string) reply {
				return w.post(w.client(qwac), "/token", form(code, "code_verifier", verifier))
			}, 200, "", true},
		{"by the organizationIdentifier", loginRequest("client_id", alpa),
			func(code string) reply { return w.post(w.client(qwac), "/token", form(code, "client_id", alpa)) }, 200, "", true},
		{"a challenge without its verifier", loginRequest("code_challenge", challenge(verifier), "code_challenge_method", "S256"),
			func(code string) reply { return w.post(w.client(qwac), "/token", form(code)) }, 400, "invalid_grant", false},
		{"a verifier without its challenge", loginRequest(),
			func(code string) reply {
				return w.post(w.client(qwac), "/token", form(code, "code_verifier", verifier))
			}, 400, "invalid_grant", false},
		{"with nothing that proves the client", loginRequest(),
			func(code string) reply { return w.post(w.client(), "/token", form(code)) }, 401, "invalid_client", false},
		{"with another secret", loginRequest(),
			func(code string) reply {
				return w.post(w.client(), "/token", form(code, "client_secret", app.NewSecret()))
			}, 401, "invalid_client", false},
		{"with the certificate and another secret", loginRequest(),
			func(code string) reply {
				return w.post(w.client(qwac), "/token", form(code, "client_secret", app.NewSecret()))
			}, 401, "invalid_client", false},
		{"with the secret and another TPP's certificate", loginRequest(),
			func(code string) reply {
				return w.post(w.client(foreign), "/token", form(code, "client_secret", secret))
			}, 401, "invalid_client", false},
		{"with the secret in two places", loginRequest(),
			func(code string) reply {
				return w.post(w.client(), "/token", form(code, "client_secret", secret), basic("alpa-1", secret)...)
			}, 400, "invalid_request", false},
		{"with two client_id", loginRequest(),
			func(code string) reply { return w.post(w.client(), "/token", form(code), basic("carpat-1", secret)...) }, 400, "invalid_request", false},
		{"with another TPP's certificate", loginRequest(),
			func(code string) reply { return w.post(w.client(foreign), "/token", form(code)) }, 401, "invalid_client", false},
		{"by another client", loginRequest(),
			func(code string) reply {
				return w.post(w.client(foreign), "/token", form(code, "client_id", "carpat-1"))
			}, 400, "invalid_grant", false},
		{"by an app without secret, with the secret's place empty", loginRequest(),
			func(code string) reply { return w.post(w.client(), "/token", form(code, "client_id", "carpat-1")) }, 401, "invalid_client", false},
		{"by the organizationIdentifier with a secret", loginRequest("client_id", alpa),
			func(code string) reply {
				return w.post(w.client(), "/token", form(code, "client_id", alpa, "client_secret", secret))
			}, 401, "invalid_client", false},
		{"by nobody", loginRequest(),
			func(code string) reply { return w.post(w.client(qwac), "/token", form(code, "client_id", "nobody")) }, 401, "invalid_client", false},
		{"with a redirect_uri that is another registered one", loginRequest(),
			func(code string) reply {
				return w.post(w.client(qwac), "/token", form(code, "redirect_uri", "https://www.alpa.example"))
			}, 400, "invalid_grant", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.send(w.code(tt.request))
			r.expect(t, tt.status, tt.code)
			if tt.code != "" {
				return
			}
			got := r.tokens(t)
			if got.ExpiresIn != 300 || got.Refresh != "" || got.Scope != tt.request.Get("scope") {
				t.Errorf("got %+v", got)
			}
			tok, err := w.check("lon", got.Access, tppOf(qwac))
			if err != nil || tok.PSU != "psu-7" || tok.Bound != tt.bound || !tok.Scope.Login() {
				t.Errorf("got %+v, %v", tok, err)
			}
			if _, err := w.check("lon", got.Access, tppOf(foreign)); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("another TPP: %v", err)
			}
			if _, err := w.check("lon", got.Access, tppOf(w.certificate(alpa, ""))); (err == nil) == tt.bound {
				t.Errorf("another certificate: %v", err)
			}
		})
	}
	t.Run("the bank learns app and IBAN", func(t *testing.T) {
		w.code(loginRequest("iban", "SI56 1920 0123 4567 892"))
		if want := "lon|" + alpa + "|Alpa App|SI56192001234567892"; w.journeys.login != want {
			t.Errorf("got %q, want %q", w.journeys.login, want)
		}
	})
	t.Run("a log-in has no resource that could be revoked", func(t *testing.T) {
		got := w.post(w.client(qwac), "/token", form(w.code(loginRequest()))).tokens(t)
		must(t, w.tokens.RevokeResource(t.Context(), "lon", ""))
		if _, err := w.check("lon", got.Access, tppOf(qwac)); err != nil {
			t.Error(err)
		}
	})
	t.Run("refresh tokens are not offered", func(t *testing.T) {
		w.post(w.client(qwac), "/token", "grant_type=refresh_token&client_id=alpa-1&refresh_token=x").expect(t, 400, "unsupported_grant_type")
	})
	t.Run("an app may hold its TPP to one certificate", func(t *testing.T) {
		must(t, w.apps.Register(t.Context(), app.App{ClientID: "strict", TPP: alpa, RedirectURIs: []string{back}, CertificateThumbprint: tppOf(qwac).Thumbprint}, ""))
		w.post(w.client(w.certificate(alpa, "")), "/token", form("x", "client_id", "strict")).expect(t, 401, "invalid_client")
		w.post(w.client(qwac), "/token", form("x", "client_id", "strict")).expect(t, 400, "invalid_grant")
	})
}

func TestOnlyTheBrowserThatCameMayContinue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	browser := w.client()
	w.authorize(browser, request())
	session := w.journeys.begun[0]
	for _, tt := range []struct {
		name    string
		browser *http.Client
		session string
		header  string
	}{
		{"another browser", w.client(), session, ""},
		{"a browser with an invented cookie", w.client(), session, "kontor_authorize=" + token.NewSecret()},
		{"an unknown session", browser, token.NewSecret(), ""},
		{"a session that is none", browser, "%00%ff", "kontor_authorize=x"},
		{"a session of another size", browser, strings.Repeat("a", 5000), "kontor_authorize=x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.issuer+"/authorize/continue/"+tt.session, nil)
			must(t, err)
			if tt.header != "" {
				r.Header.Set("Cookie", tt.header)
			}
			if got := w.do(tt.browser, r); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
				t.Errorf("got %d to %q", got.StatusCode, got.Header.Get("Location"))
			}
		})
	}
	if r := w.goBack(browser); r.StatusCode != http.StatusFound {
		t.Errorf("its own browser: %d", r.StatusCode)
	}
}

func TestEndsOfAJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	for _, tt := range []struct {
		name    string
		outcome journey.Outcome
		err     error
		wait    time.Duration
		status  int
		error   string
	}{
		{"the PSU refused", journey.Outcome{Over: true}, nil, 0, 302, "access_denied"},
		{"she took too long", journey.Outcome{Over: true, OK: true}, nil, 46 * time.Minute, 400, ""},
		{"nobody can say how it went", journey.Outcome{}, errors.New("secret of the database"), 0, 500, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			browser := w.client()
			w.authorize(browser, request())
			w.journeys.outcome, w.journeys.err = tt.outcome, tt.err
			w.wait(tt.wait)
			r := w.goBack(browser)
			w.wait(-tt.wait)
			w.journeys.err = nil
			if r.StatusCode != tt.status || strings.Contains(r.body, "secret") {
				t.Errorf("got %d: %s", r.StatusCode, r.body)
			}
			if tt.error == "" {
				return
			}
			u, err := url.Parse(r.Header.Get("Location"))
			must(t, err)
			if q := u.Query(); q.Get("error") != tt.error || q.Get("state") != "st/a te&1" || q.Get("iss") != w.issuer || q.Has("code") {
				t.Errorf("to %s", u)
			}
			if r := w.goBack(browser); r.StatusCode != http.StatusBadRequest {
				t.Errorf("again: %d", r.StatusCode)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	below := w.get(w.client(), w.issuer+"/.well-known/oauth-authorization-server")
	root := w.get(w.client(), w.server.URL+"/.well-known/oauth-authorization-server/hub/salt/oauth")
	if below.StatusCode != http.StatusOK || below.body != root.body {
		t.Fatalf("got %d %q and %d %q", below.StatusCode, below.body, root.StatusCode, root.body)
	}
	var m map[string]any
	must(t, json.Unmarshal([]byte(root.body), &m))
	for name, want := range map[string]any{
		"issuer": w.issuer, "authorization_endpoint": w.issuer + "/authorize", "token_endpoint": w.issuer + "/token",
		"pushed_authorization_request_endpoint": w.issuer + "/par", "require_pushed_authorization_requests": false,
		"revocation_endpoint": w.issuer + "/revoke", "introspection_endpoint": w.issuer + "/introspect",
		"response_types_supported": []any{"code"}, "grant_types_supported": []any{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported": []any{"S256"}, "token_endpoint_auth_methods_supported": []any{"tls_client_auth"},
		"tls_client_certificate_bound_access_tokens": true, "authorization_response_iss_parameter_supported": true,
		"scopes_supported": []any{"AIS", "offline_access"}, "registration_endpoint": nil, "jwks_uri": nil,
	} {
		if fmt.Sprint(m[name]) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", name, m[name], want)
		}
	}
	f := newWorld(t, fapi(t))
	must(t, json.Unmarshal([]byte(f.get(f.client(), f.issuer+"/.well-known/oauth-authorization-server").body), &m))
	if m["require_pushed_authorization_requests"] != true {
		t.Errorf("FAPI 2.0 does not require that requests are pushed: %v", m)
	}
	l := newWorld(t, lon(t))
	must(t, json.Unmarshal([]byte(l.get(l.client(), l.issuer+"/.well-known/oauth-authorization-server").body), &m))
	for name, want := range map[string]any{
		"require_pushed_authorization_requests": "false",
		"scopes_supported":                      "[psd2:acc psd2:pay]", "grant_types_supported": "[authorization_code]",
		"token_endpoint_auth_methods_supported": "[tls_client_auth client_secret_basic client_secret_post]",
	} {
		if fmt.Sprint(m[name]) != want {
			t.Errorf("%s: got %v, want %v", name, m[name], want)
		}
	}
}

func TestRevocationAndIntrospection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	qwac, foreign := w.certificate(alpa, ""), w.certificate(carpat, "")
	client, other := w.client(qwac), w.client(foreign)
	form := func(id, secret string) string { return url.Values{"client_id": {id}, "token": {secret}}.Encode() }
	active := func(c *http.Client, id, secret string) bool {
		t.Helper()
		r := w.post(c, "/introspect", form(id, secret))
		var got struct {
			Active bool              `json:"active"`
			Scope  string            `json:"scope"`
			Cnf    map[string]string `json:"cnf"`
		}
		must(t, json.Unmarshal([]byte(r.body), &got))
		if r.StatusCode != http.StatusOK || got.Active && (got.Scope != "AIS:c1" || got.Cnf["x5t#S256"] != tppOf(qwac).Thumbprint.String()) || !got.Active && strings.TrimSpace(r.body) != `{"active":false}` {
			t.Errorf("got %d %s", r.StatusCode, r.body)
		}
		return got.Active
	}
	for _, which := range []string{"access", "refresh"} {
		got := w.post(client, "/token", exchange(w.code(request()))).tokens(t)
		secret := got.Access
		if which == "refresh" {
			secret = got.Refresh
		}
		if !active(client, alpa, got.Access) || active(other, carpat, got.Access) || active(client, alpa, got.Refresh) || active(client, alpa, "nothing") {
			t.Error("introspection is wrong")
		}
		if r := w.post(other, "/revoke", form(carpat, secret)); r.StatusCode != http.StatusOK || !active(client, alpa, got.Access) {
			t.Errorf("%s: another TPP has revoked it: %d", which, r.StatusCode)
		}
		for range 2 { // a second time is no error
			if r := w.post(client, "/revoke", form(alpa, secret)); r.StatusCode != http.StatusOK || r.body != "" {
				t.Errorf("%s: got %d %q", which, r.StatusCode, r.body)
			}
		}
		if active(client, alpa, got.Access) {
			t.Errorf("%s: it is still active", which)
		}
	}
	w.post(client, "/revoke", "client_id="+alpa).expect(t, 400, "invalid_request")
	w.post(client, "/introspect", "client_id="+alpa).expect(t, 400, "invalid_request")
	w.post(w.client(), "/revoke", form(alpa, "x")).expect(t, 401, "invalid_client")
}

func TestSecretsAreNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	code := w.code(request())
	got := w.post(w.client(w.certificate(alpa, "")), "/token", exchange(code)).tokens(t)
	for _, column := range []string{"oauth_grant.code", "oauth_token.access", "oauth_token.refresh"} {
		table, name, _ := strings.Cut(column, ".")
		var kept []byte
		must(t, w.db.QueryRow(context.Background(), "SELECT "+name+" FROM "+table).Scan(&kept))
		secret := map[string]string{"code": code, "access": got.Access, "refresh": got.Refresh}[name]
		if hash := token.HashOf(secret); string(kept) != string(hash[:]) {
			t.Errorf("%s is not the hash", column)
		}
	}
}
