package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kontor/bank/journey"
	"kontor/bank/token"
)

// Attacks on OAuth as RFC 9700 and FAPI's attacker model name them, each against the strictest
// profile. What single parameters do is in the tables of abuse_test.go and push_test.go.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		attack func(t *testing.T, f *fapiWorld)
	}{
		{"a stolen code is nothing without the verifier, the certificate and the client", stolenCode},
		{"a code from somebody else's journey does not fit one's own", injectedCode},
		{"a journey that somebody else began ends nowhere (login CSRF)", foreignJourney},
		{"a browser without cookie cannot fetch the code of a journey it knows the address of", fixedJourney},
		{"every answer says who speaks (mix-up)", mixUp},
		{"a refresh asks for no more than was agreed", moreScope},
		{"a code asks for no more than was agreed", moreScopeByCode},
		{"a pushed request has no say in how it is answered by what stands beside it", swappedMode},
		{"a token of one TPP is nothing in the hands of another", foreignToken},
		{"a refresh token that was used twice ends its family", refreshTwice},
		{"nothing of a revoked grant lives", afterRevocation},
		{"nothing of an ended consent lives, and it cannot be asked for again", afterConsent},
		{"a TPP can neither read nor end the tokens of another", foreignRevocation},
		{"a secret of one kind is nothing as another kind", wrongKind},
		{"what one bank issued is nothing at another", otherBank},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fapi(t))
			w.journeys.consents[carpat+" k1"] = journey.Resource{RedirectURIs: []string{back}, Recurring: true, ValidUntil: w.now.AddDate(0, 0, 90)}
			tt.attack(t, &fapiWorld{world: w, own: w.client(w.certificate(alpa, "")), second: w.client(w.certificate(carpat, "")), browser: w.client()})
		})
	}
}

func (f *fapiWorld) tokens(t *testing.T, change ...string) tokens {
	t.Helper()
	q := f.answered(t, refer(f.push(f.own, request(change...))))
	r := f.post(f.own, "/token", exchange(q.Get("code")))
	r.expect(t, 200, "")
	return r.tokens(t)
}

func refreshForm(id, secret string, more ...string) string {
	return with(url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {secret}}, more).Encode()
}

func (f *fapiWorld) active(t *testing.T, client *http.Client, id, secret string) bool {
	t.Helper()
	var got struct {
		Active bool `json:"active"`
	}
	r := f.post(client, "/introspect", url.Values{"client_id": {id}, "token": {secret}}.Encode())
	must(t, json.Unmarshal([]byte(r.body), &got))
	if !got.Active && strings.TrimSpace(r.body) != `{"active":false}` {
		t.Errorf("what is not active is described: %s", r.body)
	}
	return got.Active
}

func stolenCode(t *testing.T, f *fapiWorld) {
	code := f.code(t)
	f.post(f.second, "/token", exchange(code, "client_id", carpat)).expect(t, 400, "invalid_grant")
	f.post(f.second, "/token", exchange(code)).expect(t, 401, "invalid_client")
	f.post(f.client(), "/token", exchange(code)).expect(t, 401, "invalid_client")
	f.post(f.own, "/token", exchange(code, "code_verifier", strings.Repeat("y", 64))).expect(t, 400, "invalid_grant")
	f.post(f.own, "/token", exchange(code, "redirect_uri", back+"/nok")).expect(t, 400, "invalid_grant")
	f.post(f.own, "/token", exchange(code)).expect(t, 200, "")
}

func injectedCode(t *testing.T, f *fapiWorld) {
	attacker, victim := strings.Repeat("Attacker-", 6), strings.Repeat("Victim---", 6)
	q := f.answered(t, refer(f.push(f.own, request("code_challenge", challenge(attacker)))))
	f.answered(t, refer(f.push(f.own, request("code_challenge", challenge(victim)))))
	f.post(f.own, "/token", exchange(q.Get("code"), "code_verifier", victim)).expect(t, 400, "invalid_grant")
}

func foreignJourney(t *testing.T, f *fapiWorld) {
	attacker, victim := f.client(), f.client()
	f.authorize(attacker, refer(f.push(f.own, request("state", "of the attacker"))))
	if r := f.goBack(victim); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
		t.Errorf("the victim was led to %q", r.Header.Get("Location"))
	}
}

func fixedJourney(t *testing.T, f *fapiWorld) {
	f.authorize(f.browser, refer(f.push(f.own, request())))
	session := f.journeys.begun[0]
	for _, cookie := range []string{"", "kontor_authorize=", "kontor_authorize=" + session, "kontor_authorize=" + token.NewSecret(), "kontor_authorize=x; kontor_authorize=y"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.oauth.ContinueURL(session, ""), nil)
		must(t, err)
		r.Header.Set("Cookie", cookie)
		if got := f.do(f.client(), r); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("with %q: %d to %q", cookie, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func mixUp(t *testing.T, f *fapiWorld) {
	good := f.answered(t, refer(f.push(f.own, request())))
	f.journeys.outcome = journey.Outcome{Over: true}
	denied := f.answered(t, refer(f.push(f.own, request())))
	refused := comeBack(t, f.authorize(f.browser, request()))
	for _, q := range []url.Values{good, denied, refused} {
		if all := q["iss"]; len(all) != 1 || all[0] != f.issuer {
			t.Errorf("came back with %v", q)
		}
	}
	// It is the issuer of the metadata, letter for letter.
	var m struct {
		Issuer string `json:"issuer"`
	}
	must(t, json.Unmarshal([]byte(f.get(f.own, f.issuer+"/.well-known/oauth-authorization-server").body), &m))
	if m.Issuer != good.Get("iss") {
		t.Errorf("the issuer is %q in the metadata and %q in the answer", m.Issuer, good.Get("iss"))
	}
}

func moreScope(t *testing.T, f *fapiWorld) {
	got := f.tokens(t)
	for _, scope := range []string{"AIS:c2", "AIS:c1 AIS:c2", "PIS:c1", "AIS:c1 offline_access", "AIS:C1", "openid"} {
		f.post(f.own, "/token", refreshForm(alpa, got.Refresh, "scope", scope)).expect(t, 400, "invalid_scope")
	}
	r := f.post(f.own, "/token", refreshForm(alpa, got.Refresh, "scope", "AIS:c1"))
	r.expect(t, 200, "") // what was refused did not use it up
	if next := r.tokens(t); next.Scope != "AIS:c1" {
		t.Errorf("got %+v", next)
	}
}

func moreScopeByCode(t *testing.T, f *fapiWorld) {
	r := f.post(f.own, "/token", exchange(f.code(t), "scope", "AIS:c1 AIS:c2"))
	if got := r.tokens(t); got.Scope != "AIS:c1" {
		t.Errorf("got %+v", got)
	}
}

func swappedMode(t *testing.T, f *fapiWorld) {
	for _, mode := range []string{"fragment", "form_post", "web_message", "jwt", "query.jwt"} {
		q := f.answered(t, refer(f.push(f.own, request()), "response_mode", mode))
		if q.Get("code") == "" {
			t.Errorf("%s: came back with %v", mode, q)
		}
		f.post(f.own, "/par", request("response_mode", mode).Encode()).expect(t, 400, "invalid_request")
	}
}

func foreignToken(t *testing.T, f *fapiWorld) {
	qwac, stolen := f.certificate(alpa, ""), tppOf(f.certificate(carpat, ""))
	f.own = f.client(qwac)
	got := f.tokens(t)
	if _, err := f.check("salt", got.Access, tppOf(qwac)); err != nil {
		t.Error(err)
	}
	if _, err := f.check("salt", got.Access, stolen); err == nil {
		t.Error("it is good with the certificate of another TPP")
	}
	renamed := stolen
	renamed.ID = alpa // the same name, another key
	if _, err := f.check("salt", got.Access, renamed); err == nil {
		t.Error("it is good with another certificate of the same TPP")
	}
	if f.active(t, f.second, carpat, got.Access) {
		t.Error("another TPP is told about it")
	}
}

func refreshTwice(t *testing.T, f *fapiWorld) {
	first := f.tokens(t)
	second := f.post(f.own, "/token", refreshForm(alpa, first.Refresh)).tokens(t)
	third := f.post(f.own, "/token", refreshForm(alpa, second.Refresh)).tokens(t)
	f.post(f.own, "/token", refreshForm(alpa, first.Refresh)).expect(t, 400, "invalid_grant")
	f.post(f.own, "/token", refreshForm(alpa, third.Refresh)).expect(t, 400, "invalid_grant")
	for _, got := range []tokens{first, second, third} {
		if f.active(t, f.own, alpa, got.Access) {
			t.Error("a token of the family lives")
		}
	}
}

func afterRevocation(t *testing.T, f *fapiWorld) {
	for _, which := range []func(tokens) string{func(v tokens) string { return v.Access }, func(v tokens) string { return v.Refresh }} {
		got := f.tokens(t)
		for _, hint := range []string{"refresh_token", "access_token", "nonsense"} { // a hint is only one (RFC 7009, 2.1)
			form := url.Values{"client_id": {alpa}, "token": {which(got)}, "token_type_hint": {hint}}.Encode()
			if r := f.post(f.own, "/revoke", form); r.StatusCode != http.StatusOK {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
		}
		f.post(f.own, "/token", refreshForm(alpa, got.Refresh)).expect(t, 400, "invalid_grant")
		if f.active(t, f.own, alpa, got.Access) {
			t.Error("the access token lives")
		}
	}
}

func afterConsent(t *testing.T, f *fapiWorld) {
	got, waiting := f.tokens(t), f.push(f.own, request())
	pending := f.code(t)
	must(t, f.world.tokens.RevokeResource(t.Context(), "salt", "c1"))
	delete(f.journeys.consents, alpa+" c1")
	f.post(f.own, "/token", refreshForm(alpa, got.Refresh)).expect(t, 400, "invalid_grant")
	f.post(f.own, "/token", exchange(pending)).expect(t, 400, "invalid_grant")
	if f.active(t, f.own, alpa, got.Access) {
		t.Error("the access token lives")
	}
	if r := f.authorize(f.client(), refer(waiting)); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
		t.Errorf("the pushed request leads to %q", r.Header.Get("Location"))
	}
}

func foreignRevocation(t *testing.T, f *fapiWorld) {
	got := f.tokens(t)
	for _, secret := range []string{got.Access, got.Refresh, token.NewSecret()} {
		if f.active(t, f.second, carpat, secret) {
			t.Error("another TPP is told about it")
		}
		if r := f.post(f.second, "/revoke", url.Values{"client_id": {carpat}, "token": {secret}}.Encode()); r.StatusCode != http.StatusOK || r.body != "" {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
	if !f.active(t, f.own, alpa, got.Access) {
		t.Error("another TPP has ended it")
	}
	f.post(f.own, "/token", refreshForm(alpa, got.Refresh)).expect(t, 200, "")
}

func wrongKind(t *testing.T, f *fapiWorld) {
	uri := f.push(f.own, request())
	reference, code, got := strings.TrimPrefix(uri, requestURN), f.code(t), f.tokens(t)
	for _, secret := range []string{reference, got.Access, got.Refresh, f.journeys.begun[0]} {
		f.post(f.own, "/token", exchange(secret)).expect(t, 400, "invalid_grant")
	}
	for _, secret := range []string{reference, code, got.Access, f.journeys.begun[0]} {
		f.post(f.own, "/token", refreshForm(alpa, secret)).expect(t, 400, "invalid_grant")
	}
	for _, secret := range []string{reference, code, got.Refresh, f.journeys.begun[0]} {
		if f.active(t, f.own, alpa, secret) {
			t.Error("it is an access token")
		}
	}
	for _, secret := range []string{code, got.Access, got.Refresh, f.journeys.begun[0]} {
		f.wantsPage(t, refer(requestURN+secret))
	}
}

func otherBank(t *testing.T, f *fapiWorld) {
	qwac := f.certificate(alpa, "")
	f.own = f.client(qwac)
	uri, code, got := f.push(f.own, request()), f.code(t), f.tokens(t)
	// The other bank's server stands on the same database.
	other := fapi(t)
	other.Code = "carpati"
	o := newWorldOn(t, other, f.db)
	o.ca = f.ca
	if _, err := o.tokens.Check(t.Context(), "carpati", got.Access, tppOf(qwac), time.Now()); err == nil {
		t.Error("the access token is good there")
	}
	if _, err := o.tokens.Pushed(t.Context(), "carpati", alpa, strings.TrimPrefix(uri, requestURN)); err == nil {
		t.Error("the pushed request is good there")
	}
	client := token.Client{ID: alpa, TPP: alpa, Thumbprint: tppOf(qwac).Thumbprint}
	if _, err := o.tokens.Redeem(t.Context(), token.Redemption{Bank: "carpati", Client: client, Code: code, RedirectURI: back, Verifier: verifier, TTL: time.Minute}); err == nil {
		t.Error("the code is good there")
	}
	if _, err := o.tokens.Refresh(t.Context(), token.Refresh{Bank: "carpati", Client: client, Token: got.Refresh, TTL: time.Minute}); err == nil {
		t.Error("the refresh token is good there")
	}
}
