package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/bank/journey"
)

// The OpenID Foundation's plan for authorization servers, fapi2-security-profile-final, in its
// variant for clients with certificates, tokens bound to them, plain OAuth and plain requests.
// Each module of it that applies is a test of the same name here. Those about signed requests,
// client assertions, DPoP, OpenID Connect and single countries have nothing to ask of us.
func TestFAPI2Plan(t *testing.T) {
	t.Parallel()
	for name, module := range map[string]func(t *testing.T, f *fapiWorld){
		"discovery-end-point-verification":                                fapiDiscovery,
		"happy-flow":                                                      fapiHappyFlow,
		"user-rejects-authentication":                                     fapiUserRejects,
		"ensure-authorization-request-without-state-success":              fapiWithoutState,
		"ensure-other-scope-order-succeeds":                               fapiScopeOrder,
		"ensure-different-state-inside-and-outside-request-object":        fapiStateInside,
		"state-only-outside-request-object-not-used":                      fapiStateOutside,
		"ensure-request-object-with-long-state":                           fapiLongState,
		"ensure-request-object-without-redirect-uri-fails":                fapiRefusesPush(400, "invalid_request", "redirect_uri", ""),
		"ensure-redirect-uri-in-authorization-request":                    fapiRefusesPush(400, "invalid_request", "redirect_uri", ""),
		"ensure-registered-redirect-uri":                                  fapiRefusesPush(400, "invalid_request", "redirect_uri", back+"/other"),
		"plain-fapi-ensure-registered-redirect-uri":                       fapiRefusesPush(400, "invalid_request", "redirect_uri", back+"?dummy=1"),
		"ensure-unsigned-authorization-request-without-using-par-fails":   fapiWithoutPush,
		"ensure-response-type-code-idtoken-fails":                         fapiRefusesPush(400, "unsupported_response_type", "response_type", "code id_token"),
		"ensure-response-type-token-fails":                                fapiRefusesPush(400, "unsupported_response_type", "response_type", "token"),
		"ensure-client-id-in-token-endpoint":                              fapiForeignClientID,
		"ensure-holder-of-key-required":                                   fapiHolderOfKey,
		"ensure-authorization-code-is-bound-to-client":                    fapiCodeOfAnother,
		"attempt-reuse-authorization-code-after-one-second":               fapiCodeReuse,
		"attempt-to-use-expired-auth-code":                                fapiCodeExpired,
		"refresh-token":                                                   fapiRefresh,
		"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": fapiReuseBefore,
		"par-attempt-reuse-request_uri":                                   fapiReuseAfter,
		"par-attempt-to-use-expired-request_uri":                          fapiExpiredReference,
		"par-ensure-request-uri-is-bound-to-client":                       fapiForeignReference,
		"par-authorization-request-containing-request_uri-form-param":     fapiRefusesPush(400, "invalid_request", "request_uri", requestURN+"x"),
		"par-attempt-invalid-http-method":                                 fapiVerbs,
		"par-ensure-pkce-required":                                        fapiRefusesPush(400, "invalid_request", "code_challenge", "", "code_challenge_method", ""),
		"par-ensure-pkce-code-verifier-required":                          fapiVerifier(""),
		"par-incorrect-pkce-code-verifier-rejected":                       fapiVerifier(strings.Repeat("x", 43)),
		"par-ensure-plain-pkce-rejected":                                  fapiRefusesPush(400, "invalid_request", "code_challenge", verifier, "code_challenge_method", "plain"),
		"par-without-duplicate-parameters":                                fapiHappyFlow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fapi(t))
			f := &fapiWorld{world: w, own: w.client(w.certificate(alpa, "")), second: w.client(w.certificate(carpat, "")), browser: w.client()}
			w.journeys.consents[carpat+" k1"] = journey.Resource{RedirectURIs: []string{back}, Recurring: true, ValidUntil: w.now.AddDate(0, 0, 90)}
			module(t, f)
		})
	}
}

// A fapiWorld has what the plan is configured with: two clients, and a browser.
type fapiWorld struct {
	*world
	own, second, browser *http.Client
}

// answered goes through with q and returns what comes back to the client.
func (f *fapiWorld) answered(t *testing.T, q url.Values) url.Values {
	t.Helper()
	if r := f.authorize(f.browser, q); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("authorize: %d %s", r.StatusCode, r.body)
	}
	return comeBack(t, f.goBack(f.browser))
}

func comeBack(t *testing.T, r reply) url.Values {
	t.Helper()
	u, err := url.Parse(r.Header.Get("Location"))
	must(t, err)
	if r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(u.String(), back+"?") {
		t.Fatalf("came back with %d to %q", r.StatusCode, u)
	}
	return u.Query()
}

func (f *fapiWorld) code(t *testing.T) string {
	t.Helper()
	return f.answered(t, refer(f.push(f.own, request()))).Get("code")
}

func fapiDiscovery(t *testing.T, f *fapiWorld) {
	var m map[string]any
	must(t, json.Unmarshal([]byte(f.get(f.own, f.issuer+"/.well-known/oauth-authorization-server").body), &m))
	for name, want := range map[string]any{
		"issuer": f.issuer, "require_pushed_authorization_requests": true, "tls_client_certificate_bound_access_tokens": true,
		"authorization_response_iss_parameter_supported": true,
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	for name, want := range map[string]string{
		"token_endpoint_auth_methods_supported": "tls_client_auth", "code_challenge_methods_supported": "S256", "response_types_supported": "code",
	} {
		if all, _ := m[name].([]any); len(all) != 1 || all[0] != want {
			t.Errorf("%s is %v, want only %s", name, m[name], want)
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint", "revocation_endpoint", "introspection_endpoint"} {
		if address, _ := m[name].(string); !strings.HasPrefix(address, "https://") {
			t.Errorf("%s is %v", name, m[name])
		}
	}
}

func fapiHappyFlow(t *testing.T, f *fapiWorld) {
	q := f.answered(t, refer(f.push(f.own, request())))
	if q.Get("iss") != f.issuer || q.Get("state") != "st/a te&1" || len(q) != 3 {
		t.Errorf("came back with %v", q)
	}
	got := f.post(f.own, "/token", exchange(q.Get("code")))
	got.expect(t, 200, "")
	if tokens := got.tokens(t); tokens.Type != "Bearer" || tokens.ExpiresIn <= 0 || len(tokens.Access) < 22 {
		t.Errorf("got %+v", tokens)
	}
	// The second client has a journey of its own beside it.
	mine := request("client_id", carpat, "scope", "AIS:k1")
	q = f.answered(t, refer(f.push(f.second, mine), "client_id", carpat))
	f.post(f.second, "/token", exchange(q.Get("code"), "client_id", carpat)).expect(t, 200, "")
}

func fapiUserRejects(t *testing.T, f *fapiWorld) {
	f.journeys.outcome = journey.Outcome{Over: true}
	q := f.answered(t, refer(f.push(f.own, request())))
	if q.Get("error") != "access_denied" || q.Get("state") != "st/a te&1" || q.Get("iss") != f.issuer || q.Has("code") {
		t.Errorf("came back with %v", q)
	}
}

func fapiWithoutState(t *testing.T, f *fapiWorld) {
	q := f.answered(t, refer(f.push(f.own, request("state", ""))))
	if q.Has("state") || q.Get("code") == "" {
		t.Errorf("came back with %v", q)
	}
	f.post(f.own, "/token", exchange(q.Get("code"))).expect(t, 200, "")
}

func fapiScopeOrder(t *testing.T, f *fapiWorld) {
	for _, scope := range []string{"AIS:c1 offline_access", "offline_access AIS:c1"} {
		q := f.answered(t, refer(f.push(f.own, request("scope", scope))))
		f.post(f.own, "/token", exchange(q.Get("code"))).expect(t, 200, "")
	}
}

func fapiStateInside(t *testing.T, f *fapiWorld) {
	if q := f.answered(t, refer(f.push(f.own, request()), "state", "outside")); q.Get("state") != "st/a te&1" {
		t.Errorf("came back with %v", q)
	}
}

func fapiStateOutside(t *testing.T, f *fapiWorld) {
	if q := f.answered(t, refer(f.push(f.own, request("state", "")), "state", "outside")); q.Has("state") {
		t.Errorf("came back with %v", q)
	}
}

func fapiLongState(t *testing.T, f *fapiWorld) {
	long := strings.Repeat("0123456789abcdef", 64)
	if q := f.answered(t, refer(f.push(f.own, request("state", long)))); q.Get("state") != long {
		t.Errorf("came back with %v", q)
	}
}

// fapiRefusesPush changes a good request and sees it refused.
func fapiRefusesPush(status int, code string, change ...string) func(*testing.T, *fapiWorld) {
	return func(t *testing.T, f *fapiWorld) {
		f.post(f.own, "/par", request(change...).Encode()).expect(t, status, code)
	}
}

func fapiWithoutPush(t *testing.T, f *fapiWorld) {
	q := comeBack(t, f.authorize(f.browser, request()))
	if q.Get("error") != "invalid_request" || q.Get("state") != "st/a te&1" || q.Get("iss") != f.issuer || len(f.journeys.begun) != 0 {
		t.Errorf("came back with %v", q)
	}
}

func fapiForeignClientID(t *testing.T, f *fapiWorld) {
	code := f.code(t)
	f.post(f.own, "/token", exchange(code, "client_id", carpat)).expect(t, 401, "invalid_client")
	f.post(f.own, "/token", exchange(code, "client_id", "")).expect(t, 400, "invalid_request")
}

func fapiHolderOfKey(t *testing.T, f *fapiWorld) {
	code := f.code(t)
	f.post(f.client(), "/token", exchange(code)).expect(t, 401, "invalid_client")
	f.post(f.second, "/token", exchange(code)).expect(t, 401, "invalid_client")
	access := f.post(f.own, "/token", exchange(code)).tokens(t).Access
	if _, err := f.check("salt", access, tppOf(f.certificate(alpa, ""))); err == nil {
		t.Error("the token is good with another certificate of the same TPP")
	}
}

func fapiCodeOfAnother(t *testing.T, f *fapiWorld) {
	f.post(f.second, "/token", exchange(f.code(t), "client_id", carpat)).expect(t, 400, "invalid_grant")
}

func fapiCodeReuse(t *testing.T, f *fapiWorld) {
	qwac := f.certificate(alpa, "")
	client, code := f.client(qwac), f.code(t)
	access := f.post(client, "/token", exchange(code)).tokens(t).Access
	if _, err := f.check("salt", access, tppOf(qwac)); err != nil {
		t.Error(err)
	}
	f.wait(time.Second)
	f.post(client, "/token", exchange(code)).expect(t, 400, "invalid_grant")
	if _, err := f.check("salt", access, tppOf(qwac)); err == nil {
		t.Error("the token that came of the code is still good")
	}
}

func fapiCodeExpired(t *testing.T, f *fapiWorld) {
	code := f.code(t)
	f.wait(time.Minute)
	f.post(f.own, "/token", exchange(code)).expect(t, 400, "invalid_grant")
}

func fapiRefresh(t *testing.T, f *fapiWorld) {
	refresh := f.post(f.own, "/token", exchange(f.code(t))).tokens(t).Refresh
	form := func(id string) string {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {refresh}}.Encode()
	}
	f.post(f.second, "/token", form(carpat)).expect(t, 400, "invalid_grant")
	f.post(f.client(), "/token", form(alpa)).expect(t, 401, "invalid_client")
	f.post(f.own, "/token", form(alpa)).expect(t, 200, "")
}

func fapiReuseBefore(t *testing.T, f *fapiWorld) {
	uri := f.push(f.own, request())
	for range 3 {
		if r := f.authorize(f.client(), refer(uri)); r.StatusCode != http.StatusSeeOther {
			t.Errorf("a look: %d", r.StatusCode)
		}
	}
	f.post(f.own, "/token", exchange(f.answered(t, refer(uri)).Get("code"))).expect(t, 200, "")
}

func (f *fapiWorld) wantsPage(t *testing.T, q url.Values) {
	t.Helper()
	if r := f.authorize(f.client(), q); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || !strings.Contains(r.body, "invalid_request_uri") {
		t.Errorf("got %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
}

func fapiReuseAfter(t *testing.T, f *fapiWorld) {
	uri := f.push(f.own, request())
	f.answered(t, refer(uri))
	f.wantsPage(t, refer(uri))
}

func fapiExpiredReference(t *testing.T, f *fapiWorld) {
	uri := f.push(f.own, request())
	f.wait(90 * time.Second)
	f.wantsPage(t, refer(uri))
}

func fapiForeignReference(t *testing.T, f *fapiWorld) {
	f.wantsPage(t, refer(f.push(f.own, request()), "client_id", carpat))
}

func fapiVerbs(t *testing.T, f *fapiWorld) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		r, err := http.NewRequestWithContext(t.Context(), method, f.issuer+"/par", strings.NewReader(request().Encode()))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		f.do(f.own, r).expect(t, 405, "invalid_request")
	}
}

func fapiVerifier(wrong string) func(*testing.T, *fapiWorld) {
	return func(t *testing.T, f *fapiWorld) {
		f.post(f.own, "/token", exchange(f.code(t), "code_verifier", wrong)).expect(t, 400, "invalid_grant")
	}
}
