package oauth_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"kontor/bank/app"
	"kontor/bank/profile"
)

// rich is salt with FAPI 2.0 and rich authorization requests.
func rich(t testing.TB) profile.Bank {
	t.Helper()
	b := fapi(t)
	b.OAuth.RichRequests = true
	return b
}

const detailsOfC1 = `[{"consentId":"c1","type":"account_information"}]`

func TestRichRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rich(t))
	f := &fapiWorld{world: w, own: w.client(w.certificate(alpa, "")), browser: w.client()}
	details := func(text string, more ...string) url.Values {
		return request(append([]string{"scope", "", "authorization_details", text}, more...)...)
	}
	t.Run("what is asked for by details comes back in token and introspection", func(t *testing.T) {
		for _, scope := range []string{"", "offline_access"} {
			q := f.answered(t, refer(f.push(f.own, details(detailsOfC1, "scope", scope))))
			r := f.post(f.own, "/token", exchange(q.Get("code")))
			r.expect(t, 200, "")
			got := r.tokens(t)
			if compact(t, r.body, "authorization_details") != detailsOfC1 || got.Scope != scope || got.Refresh == "" {
				t.Errorf("got %s", r.body)
			}
			is := f.post(f.own, "/introspect", url.Values{"client_id": {alpa}, "token": {got.Access}}.Encode())
			if compact(t, is.body, "authorization_details") != detailsOfC1 || compact(t, is.body, "active") != "true" {
				t.Errorf("introspection: %s", is.body)
			}
			next := f.post(f.own, "/token", refreshForm(alpa, got.Refresh))
			next.expect(t, 200, "")
			if compact(t, next.body, "authorization_details") != detailsOfC1 {
				t.Errorf("refreshed: %s", next.body)
			}
			f.post(f.own, "/token", refreshForm(alpa, next.tokens(t).Refresh, "authorization_details", detailsOfC1)).expect(t, 400, "invalid_authorization_details")
			f.post(f.own, "/token", refreshForm(alpa, next.tokens(t).Refresh, "scope", "AIS:c1")).expect(t, 400, "invalid_scope")
		}
	})
	t.Run("a scope brings no details", func(t *testing.T) {
		r := f.post(f.own, "/token", exchange(f.code(t)))
		if compact(t, r.body, "authorization_details") != "" {
			t.Errorf("got %s", r.body)
		}
	})
	for _, tt := range []struct{ name, details, scope, want string }{
		{"an unknown consent", `[{"type":"account_information","consentId":"c9"}]`, "", "invalid_authorization_details"},
		{"a consent of another kind", `[{"type":"account_information","consentId":"f1"}]`, "", "invalid_authorization_details"},
		{"no JSON", `x`, "", "invalid_authorization_details"},
		{"an unknown type", `[{"type":"everything"}]`, "", "invalid_authorization_details"},
		{"more than the resource", `[{"type":"account_information","consentId":"c1","access":"all"}]`, "", "invalid_authorization_details"},
		{"a second consent by scope", detailsOfC1, "AIS:c2", "invalid_scope"},
		{"a payment where none are made by OAuth", `[{"type":"payment_initiation","paymentId":"p1"}]`, "", "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// An address that the client has registered, so that it is told what is wrong.
			w := newWorld(t, rich(t))
			w.journeys.consents[alpa+" f1"] = w.journeys.consents[alpa+" c1"]
			f1 := w.journeys.consents[alpa+" f1"]
			f1.FundsOnly, f1.Funds = true, true
			w.journeys.consents[alpa+" f1"] = f1
			must(t, w.apps.Register(t.Context(), appOfAlpa(), ""))
			w.post(w.client(w.certificate(alpa, "")), "/par", details(tt.details, "scope", tt.scope).Encode()).expect(t, 400, tt.want)
		})
	}
	t.Run("they are announced", func(t *testing.T) {
		var m struct {
			Types []string `json:"authorization_details_types_supported"`
		}
		must(t, json.Unmarshal([]byte(w.get(f.own, w.issuer+"/.well-known/oauth-authorization-server").body), &m))
		if len(m.Types) != 1 || m.Types[0] != "account_information" {
			t.Errorf("got %v", m.Types)
		}
	})
	t.Run("where they are not offered they mean nothing", func(t *testing.T) {
		w := newWorld(t, fapi(t))
		must(t, w.apps.Register(t.Context(), appOfAlpa(), ""))
		f := &fapiWorld{world: w, own: w.client(w.certificate(alpa, "")), browser: w.client()}
		f.post(f.own, "/par", details(detailsOfC1).Encode()).expect(t, http.StatusBadRequest, "invalid_scope")
		q := f.answered(t, refer(f.push(f.own, request("authorization_details", `[{"type":"x"}]`))))
		r := f.post(f.own, "/token", exchange(q.Get("code"), "authorization_details", `x`))
		if got := r.tokens(t); got.Scope != "AIS:c1" || compact(t, r.body, "authorization_details") != "" {
			t.Errorf("got %s", r.body)
		}
	})
}

func appOfAlpa() app.App {
	return app.App{ClientID: "alpa-1", TPP: alpa, RedirectURIs: []string{back}}
}

// compact returns one member of a JSON object, without spaces; "" when it is not there.
func compact(t *testing.T, body, name string) string {
	t.Helper()
	var members map[string]any
	must(t, json.Unmarshal([]byte(body), &members))
	if members[name] == nil {
		return ""
	}
	b, err := json.Marshal(members[name])
	must(t, err)
	return string(b)
}
