package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/bank/app"
	"kontor/bank/core"
	"kontor/bank/journey"
	"kontor/bank/token"
	"kontor/kit/eidas"
)

func TestRequestsThatGetAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "carpat-1", TPP: carpat, RedirectURIs: []string{"https://carpat.example/"}}, ""))
	cases := []struct{ name, query string }{
		{"nothing at all", ""},
		{"no client", request("client_id", "").Encode()},
		{"a client that is no TPP", request("client_id", "alpa-1").Encode()},
		{"a client_id of another register", request("client_id", "VATSI-12345678").Encode()},
		{"a client_id with a zero byte", request("client_id", alpa+"\x00").Encode()},
		{"a client_id that is no text", request("client_id", alpa+"\xff").Encode()},
		{"a client_id of 10000 characters", request("client_id", alpa+strings.Repeat("1", 10000)).Encode()},
		{"another TPP's consent", request("client_id", carpat).Encode()},
		{"an unknown consent, with an address that only a consent could allow", request("scope", "AIS:c9").Encode()},
		{"a consent without addresses, of a TPP without apps", request("scope", "AIS:c3").Encode()},
		{"client_id twice", request().Encode() + "&client_id=" + alpa},
		{"a request by reference to anywhere", request("request_uri", "https://alpa.example/request").Encode()},
		{"a request by reference to nothing", request("request_uri", "urn:ietf:params:oauth:request_uri:"+token.NewSecret()).Encode()},
		{"request_uri twice", request("request_uri", "urn:x").Encode() + "&request_uri=urn:x"},
		{"redirect_uri twice", request().Encode() + "&redirect_uri=" + url.QueryEscape(back)},
		{"a query that cannot be read", request().Encode() + "&x=%zz"},
		{"a query with semicolons", request().Encode() + ";x=1"},
		{"a query of 20 KB", request("x", strings.Repeat("x", 20000)).Encode()},
	}
	for _, uri := range []string{
		"", back + "/", back + "?", back + "?x=1", back + "#", back + "#x", back + "//", back + "/../callback", back + "/.", back + "%2f", back + " ", " " + back,
		"https://alpa.example/Callback", "https://ALPA.example/callback", "HTTPS://alpa.example/callback", "http://alpa.example/callback",
		"https://alpa.example:443/callback", "https://alpa.example./callback", "https://www.alpa.example/callback", "https://alpa.example.evil.example/callback",
		"https://evil.example/callback", "https://alpa.example@evil.example/callback", "https://evil.example/" + back, `https://alpa.example\@evil.example/callback`,
		"//alpa.example/callback", "alpa.example/callback", "https:alpa.example/callback", "javascript:alert(1)", "data:text/html,x",
		back + "\r\nSet-Cookie: a=b", back + "\x00", "https://carpat.example/", back + "," + back, "https://alpa.example/call%62ack",
	} {
		cases = append(cases, struct{ name, query string }{"redirect_uri " + uri, request("redirect_uri", uri).Encode()})
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			r := w.get(w.client(), w.issuer+"/authorize?"+tt.query)
			if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") ||
				r.Header.Get("Cache-Control") != "no-store" || len(r.Cookies()) != 0 {
				t.Errorf("got %d %v", r.StatusCode, r.Header)
			}
		})
	}
	if len(w.journeys.begun) != 0 {
		t.Errorf("%d journeys were begun", len(w.journeys.begun))
	}
	t.Run("HEAD and POST begin nothing", func(t *testing.T) {
		for _, method := range []string{http.MethodHead, http.MethodPost} {
			r, err := http.NewRequestWithContext(t.Context(), method, w.issuer+"/authorize?"+request().Encode(), nil)
			must(t, err)
			if got := w.do(w.client(), r); got.StatusCode != http.StatusMethodNotAllowed || len(w.journeys.begun) != 0 {
				t.Errorf("%s: got %d", method, got.StatusCode)
			}
		}
	})
}

func TestRequestsThatAreRefusedByRedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	must(t, w.apps.Register(t.Context(), app.App{ClientID: "alpa-1", TPP: alpa, RedirectURIs: []string{back}}, ""))
	for _, tt := range []struct {
		name, query, want string
		err               error // of the journey
	}{
		{"no response_type", request("response_type", "").Encode(), "invalid_request", nil},
		{"an implicit flow", request("response_type", "token").Encode(), "unsupported_response_type", nil},
		{"a fragment for an answer", request("response_mode", "fragment").Encode(), "invalid_request", nil},
		{"a request object", request("request", "e30.e30.").Encode(), "request_not_supported", nil},
		{"no scope", request("scope", "").Encode(), "invalid_scope", nil},
		{"a scope of others", request("scope", "openid").Encode(), "invalid_scope", nil},
		{"two consents", request("scope", "AIS:c1 AIS:c2").Encode(), "invalid_scope", nil},
		{"an unknown consent", request("scope", "AIS:c9").Encode(), "invalid_scope", nil},
		{"a consent to confirm funds, as one to read accounts", request("scope", "AIS:f1").Encode(), "invalid_scope", nil},
		{"a consent to read accounts, as one to confirm funds", request("scope", "PIIS:c1").Encode(), "invalid_scope", nil},
		{"a cancellation where no payments are made by OAuth", request("scope", "Cancel-PIS:p1").Encode(), "invalid_scope", nil},
		{"a payment where none are made by OAuth", request("scope", "PIS:p1").Encode(), "invalid_scope", nil},
		{"a scope with a zero byte", request("scope", "AIS:c1\x00").Encode(), "invalid_scope", nil},
		{"no PKCE", request("code_challenge", "", "code_challenge_method", "").Encode(), "invalid_request", nil},
		{"plain PKCE", request("code_challenge_method", "plain").Encode(), "invalid_request", nil},
		{"plain PKCE by leaving the method out", request("code_challenge_method", "").Encode(), "invalid_request", nil},
		{"a method without challenge", request("code_challenge", "").Encode(), "invalid_request", nil},
		{"a challenge that is no hash", request("code_challenge", "abc").Encode(), "invalid_request", nil},
		{"a challenge with padding", request("code_challenge", challenge(verifier)+"=").Encode(), "invalid_request", nil},
		{"a scope twice", request().Encode() + "&scope=AIS:c1", "invalid_request", nil},
		{"an unknown parameter twice", request().Encode() + "&x=1&x=1", "invalid_request", nil},
		{"an IBAN with markup", request("iban", "<b>").Encode(), "invalid_request", nil},
		{"the consent was authorised meanwhile", request().Encode(), "invalid_scope", journey.ErrResource},
		{"the bank is down", request().Encode(), "temporarily_unavailable", core.ErrUnavailable},
		{"the bank refuses", request().Encode(), "access_denied", core.ErrRefused},
		{"something of ours is broken", request().Encode(), "server_error", errors.New("secret of the database")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.journeys.err = tt.err
			defer func() { w.journeys.err = nil }()
			r := w.get(w.client(), w.issuer+"/authorize?"+tt.query)
			location := r.Header.Get("Location")
			u, err := url.Parse(location)
			must(t, err)
			q := u.Query()
			if r.StatusCode != http.StatusFound || !strings.HasPrefix(location, back+"?") || q.Get("error") != tt.want ||
				q.Get("state") != "st/a te&1" || q.Get("iss") != w.issuer || len(r.Cookies()) != 0 {
				t.Errorf("got %d to %s", r.StatusCode, location)
			}
			if strings.Contains(location, "secret") || strings.ContainsAny(q.Get("error_description"), "\"\\\r\n") {
				t.Errorf("description %q", q.Get("error_description"))
			}
		})
	}
	t.Run("what cannot be a state is not repeated", func(t *testing.T) {
		for _, state := range []string{"a\r\nb", "š", "\x00", strings.Repeat("s", 2049)} {
			r := w.authorize(w.client(), request("state", state))
			if u, err := url.Parse(r.Header.Get("Location")); err != nil || u.Query().Get("error") != "invalid_request" || u.Query().Has("state") {
				t.Errorf("%.10q: to %q", state, r.Header.Get("Location"))
			}
		}
		r := w.get(w.client(), w.issuer+"/authorize?"+request().Encode()+"&state=other")
		if u, err := url.Parse(r.Header.Get("Location")); err != nil || u.Query().Get("error") != "invalid_request" || u.Query().Has("state") {
			t.Errorf("two states: to %q", r.Header.Get("Location"))
		}
	})
	t.Run("an address with a query keeps it", func(t *testing.T) {
		must(t, w.apps.Register(t.Context(), app.App{ClientID: "alpa-2", TPP: alpa, RedirectURIs: []string{back + "?bank=salt"}}, ""))
		r := w.authorize(w.client(), request("redirect_uri", back+"?bank=salt", "scope", "AIS:c9"))
		if !strings.HasPrefix(r.Header.Get("Location"), back+"?bank=salt&error=invalid_scope") {
			t.Errorf("to %q", r.Header.Get("Location"))
		}
	})
}

func TestTokenRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, salt(t))
	qwac := w.certificate(alpa, "")
	own, foreign, none := w.client(qwac), w.client(w.certificate(carpat, "")), w.client()
	expired, unqualified := w.client(w.certificate(alpa, eidas.Expired)), w.client(w.certificate(alpa, eidas.NoStatement))
	for _, tt := range []struct {
		name   string
		client *http.Client
		form   func(code string) string
		after  time.Duration
		status int
		want   string
	}{
		{"no certificate", none, func(c string) string { return exchange(c) }, 0, 401, "invalid_client"},
		{"no certificate but a secret", none, func(c string) string { return exchange(c, "client_secret", "x") }, 0, 401, "invalid_client"},
		{"a certificate and a secret that nobody issued", own, func(c string) string { return exchange(c, "client_secret", "x") }, 0, 401, "invalid_client"},
		{"an expired certificate", expired, func(c string) string { return exchange(c) }, 0, 401, "invalid_client"},
		{"a certificate that says nothing of PSD2", unqualified, func(c string) string { return exchange(c) }, 0, 401, "invalid_client"},
		{"another TPP's certificate", foreign, func(c string) string { return exchange(c) }, 0, 401, "invalid_client"},
		{"another TPP with its own name", foreign, func(c string) string { return exchange(c, "client_id", carpat) }, 0, 400, "invalid_grant"},
		{"no client_id", own, func(c string) string { return exchange(c, "client_id", "") }, 0, 400, "invalid_request"},
		{"the name of an app", own, func(c string) string { return exchange(c, "client_id", "alpa-1") }, 0, 401, "invalid_client"},
		{"no grant_type", own, func(c string) string { return exchange(c, "grant_type", "") }, 0, 400, "invalid_request"},
		{"a password", own, func(c string) string { return exchange(c, "grant_type", "password") }, 0, 400, "unsupported_grant_type"},
		{"the client's own right", own, func(c string) string { return exchange(c, "grant_type", "client_credentials") }, 0, 400, "unsupported_grant_type"},
		{"no code", own, func(string) string { return exchange("") }, 0, 400, "invalid_request"},
		{"an invented code", own, func(string) string { return exchange(token.NewSecret()) }, 0, 400, "invalid_grant"},
		{"a code with a zero byte", own, func(string) string { return exchange("\x00\xff") }, 0, 400, "invalid_grant"},
		{"an expired code", own, func(c string) string { return exchange(c) }, time.Minute, 400, "invalid_grant"},
		{"another redirect_uri", own, func(c string) string { return exchange(c, "redirect_uri", back+"/nok") }, 0, 400, "invalid_grant"},
		{"no redirect_uri", own, func(c string) string { return exchange(c, "redirect_uri", "") }, 0, 400, "invalid_grant"},
		{"another verifier", own, func(c string) string { return exchange(c, "code_verifier", strings.Repeat("x", 43)) }, 0, 400, "invalid_grant"},
		{"no verifier", own, func(c string) string { return exchange(c, "code_verifier", "") }, 0, 400, "invalid_grant"},
		{"the challenge for a verifier", own, func(c string) string { return exchange(c, "code_verifier", challenge(verifier)) }, 0, 400, "invalid_grant"},
		{"a code twice in one request", own, func(c string) string { return exchange(c) + "&code=" + c }, 0, 400, "invalid_request"},
		{"an unknown parameter twice", own, func(c string) string { return exchange(c) + "&x=1&x=2" }, 0, 400, "invalid_request"},
		{"a body that is no form", own, func(string) string { return "%zz=1" }, 0, 400, "invalid_request"},
		{"a body of 100 KB", own, func(c string) string { return exchange(c, "x", strings.Repeat("x", 100<<10)) }, 0, 413, "invalid_request"},
		{"no body", own, func(string) string { return "" }, 0, 400, "invalid_request"},
		{"a code for a refresh token", own, func(c string) string {
			return url.Values{"grant_type": {"refresh_token"}, "client_id": {alpa}, "refresh_token": {c}}.Encode()
		}, 0, 400, "invalid_grant"},
		{"no refresh token", own, func(string) string { return "grant_type=refresh_token&client_id=" + alpa }, 0, 400, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code := w.code(request())
			w.wait(tt.after)
			w.post(tt.client, "/token", tt.form(code)).expect(t, tt.status, tt.want)
			w.wait(-tt.after)
			// Whatever was wrong, the TPP itself can still use its code.
			w.post(own, "/token", exchange(code)).expect(t, 200, "")
		})
	}
	t.Run("the wrong kind of body", func(t *testing.T) {
		w.post(own, "/token", `{"grant_type":"authorization_code"}`, "Content-Type", "application/json").expect(t, 400, "invalid_request")
	})
	t.Run("a charset does no harm", func(t *testing.T) {
		w.post(own, "/token", exchange(w.code(request())), "Content-Type", "application/x-www-form-urlencoded; charset=UTF-8").expect(t, 200, "")
	})
	t.Run("parameters in the address do not count", func(t *testing.T) {
		w.post(own, "/token?"+exchange(w.code(request())), "x=1").expect(t, 400, "invalid_request")
	})
	t.Run("GET", func(t *testing.T) {
		w.get(own, w.issuer+"/token?"+exchange("x")).expect(t, 405, "invalid_request")
	})
	t.Run("an Authorization header that is not Basic", func(t *testing.T) {
		r := w.post(own, "/token", exchange("x"), "Authorization", "Bearer x")
		r.expect(t, 401, "invalid_client")
		if r.Header.Get("WWW-Authenticate") == "" {
			t.Error("WWW-Authenticate is missing")
		}
	})
	t.Run("a code after its second use", func(t *testing.T) {
		code := w.code(request())
		got := w.post(own, "/token", exchange(code)).tokens(t)
		w.post(own, "/token", exchange(code)).expect(t, 400, "invalid_grant")
		if _, err := w.check("salt", got.Access, tppOf(qwac)); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("its token: %v", err)
		}
		w.post(own, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {alpa}, "refresh_token": {got.Refresh}}.Encode()).expect(t, 400, "invalid_grant")
	})
	t.Run("another TPP that replays a used code does no harm", func(t *testing.T) {
		code := w.code(request())
		got := w.post(own, "/token", exchange(code)).tokens(t)
		w.post(foreign, "/token", exchange(code, "client_id", carpat)).expect(t, 400, "invalid_grant")
		if _, err := w.check("salt", got.Access, tppOf(qwac)); err != nil {
			t.Errorf("its token: %v", err)
		}
	})
	t.Run("another TPP with somebody's refresh token", func(t *testing.T) {
		got := w.post(own, "/token", exchange(w.code(request()))).tokens(t)
		w.post(foreign, "/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {carpat}, "refresh_token": {got.Refresh}}.Encode()).expect(t, 400, "invalid_grant")
		if _, err := w.check("salt", got.Refresh, tppOf(qwac)); !errors.Is(err, token.ErrUnknown) {
			t.Errorf("a refresh token for an access token: %v", err)
		}
	})
}
