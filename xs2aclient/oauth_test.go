package xs2aclient_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kontor/xs2aclient"
)

func TestMetadataMustBeTheIssuersOwn(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		at     string
		change func(m map[string]any, base string)
		ok     bool
	}{
		"well-known between host and path": {"/.well-known/oauth-authorization-server/lon/oauth", nil, true},
		"well-known after the path":        {"/lon/oauth/.well-known/oauth-authorization-server", nil, true},
		"the document of another path":     {"/lat/oauth/.well-known/oauth-authorization-server", nil, false},
		"an issuer on another host":        {"/lon/oauth/.well-known/oauth-authorization-server", func(m map[string]any, _ string) { m["issuer"] = "https://thief.example/lon/oauth" }, false},
		"no issuer":                        {"/lon/oauth/.well-known/oauth-authorization-server", func(m map[string]any, _ string) { delete(m, "issuer") }, false},
		"no token endpoint":                {"/lon/oauth/.well-known/oauth-authorization-server", func(m map[string]any, _ string) { delete(m, "token_endpoint") }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, func(w http.ResponseWriter, r *http.Request) {
				base := "https://" + r.Host
				m := map[string]any{"issuer": base + "/lon/oauth", "authorization_endpoint": "https://login.example/authorize", "token_endpoint": base + "/token"}
				if tt.change != nil {
					tt.change(m, base)
				}
				says(200, marshal(t, m))(w, r)
			})
			_, err := b.client(t, nil).WithToken("t1").Metadata(t.Context(), b.URL+tt.at)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, xs2aclient.ErrMetadata) {
				t.Errorf("%v", err)
			}
			if b.asked.Header.Get("Authorization") != "" {
				t.Error("the access token went to the authorization server")
			}
		})
	}
}

func TestFlowIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	o := xs2aclient.OAuth{
		Metadata: xs2aclient.Metadata{Issuer: "https://idp.example", AuthorizationEndpoint: "https://login.example/authorize?tenant=1", TokenEndpoint: "https://idp.example/token"},
		ClientID: "PSDSI-BS-1", RedirectURI: "https://tpp.example/cb",
	}
	flow, err := o.Begin(xs2aclient.ScopeOfConsent("c1"), url.Values{"iban": {"SI56"}, "state": {"mine"}})
	if err != nil {
		t.Fatal(err)
	}
	q := query(t, flow.URL)
	challenge := sha256.Sum256([]byte(flow.Verifier))
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "PSDSI-BS-1", "redirect_uri": "https://tpp.example/cb", "scope": "AIS:c1", "state": flow.State,
		"code_challenge_method": "S256", "code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "iban": "SI56", "tenant": "1",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if len(flow.Verifier) < 43 || len(flow.State) < 22 {
		t.Errorf("verifier of %d and state of %d characters can be guessed", len(flow.Verifier), len(flow.State))
	}
	if another, _ := o.Begin("x", nil); another.State == flow.State || another.Verifier == flow.Verifier {
		t.Error("two flows share their secrets")
	}

	tests := map[string]struct {
		answer string
		code   string
		err    error
	}{
		"a code":                       {"code=k1&state=" + flow.State, "k1", nil},
		"a code and the right issuer":  {"code=k1&iss=https%3A%2F%2Fidp.example&state=" + flow.State, "k1", nil},
		"a code of another issuer":     {"code=k1&iss=https%3A%2F%2Fthief.example&state=" + flow.State, "", xs2aclient.ErrState},
		"a code of another browser":    {"code=k1&state=other", "", xs2aclient.ErrState},
		"a code without state":         {"code=k1", "", xs2aclient.ErrState},
		"no code":                      {"state=" + flow.State, "", xs2aclient.ErrState},
		"a refusal":                    {"error=access_denied&state=" + flow.State, "", xs2aclient.ErrDenied},
		"a refusal of another browser": {"error=access_denied&state=other", "", xs2aclient.ErrState},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, err := flow.Code("https://tpp.example/cb?" + tt.answer)
			if code != tt.code || !errors.Is(err, tt.err) {
				t.Errorf("code %q, %v", code, err)
			}
		})
	}
	o.Metadata.IssuerInResponse = true
	strict, _ := o.Begin("x", nil)
	if _, err := strict.Code("https://tpp.example/cb?code=k1&state=" + strict.State); !errors.Is(err, xs2aclient.ErrState) {
		t.Errorf("an answer without the issuer that was promised is taken: %v", err)
	}
}

func TestTokenRequestAuthenticatesAsTheServerWishes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		secret  string
		methods []string
		basic   string
		post    string
	}{
		"by certificate alone":                        {"", []string{"tls_client_auth"}, "", ""},
		"by Basic when nothing is said":               {"s:1", nil, "Basic " + base64.StdEncoding.EncodeToString([]byte("id+1:s%3A1")), ""},
		"in the form":                                 {"s:1", []string{"client_secret_post"}, "", "s:1"},
		"not by secret where only certificates count": {"s:1", []string{"tls_client_auth"}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t, says(200, `{"access_token":"a1","token_type":"bearer","expires_in":300,"refresh_token":"r1","x":null}`))
			o := xs2aclient.OAuth{Metadata: xs2aclient.Metadata{TokenEndpoint: b.URL + "/token", TokenAuthMethods: tt.methods}, ClientID: "id 1", ClientSecret: tt.secret, RedirectURI: "https://tpp.example/cb"}
			flow, err := o.Begin("x", nil)
			if err != nil {
				t.Fatal(err)
			}
			token, err := b.client(t, nil).WithToken("old").Exchange(t.Context(), o, flow, "k1")
			if err != nil || token.AccessToken != "a1" || token.RefreshToken != "r1" || token.Lifetime().Minutes() != 5 {
				t.Fatalf("%+v, %v", token, err)
			}
			form, err := url.ParseQuery(string(b.body))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{
				"grant_type": "authorization_code", "code": "k1", "redirect_uri": "https://tpp.example/cb", "client_id": "id 1",
				"code_verifier": flow.Verifier, "client_secret": tt.post,
			} {
				if got := form.Get(name); got != want {
					t.Errorf("%s is %q, not %q", name, got, want)
				}
			}
			if got := b.asked.Header.Get("Authorization"); got != tt.basic {
				t.Errorf("Authorization is %q, not %q", got, tt.basic)
			}
		})
	}
}

func TestTokenThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"access_token":"a1","token_type":"mac"}`, `{"access_token":null,"token_type":"Bearer"}`, `[]`, `a1`} {
		b := newBank(t, says(200, body))
		if _, err := b.client(t, nil).Refresh(t.Context(), xs2aclient.OAuth{Metadata: xs2aclient.Metadata{TokenEndpoint: b.URL}}, "r1"); err == nil {
			t.Errorf("%s is taken for a token", body)
		}
	}
	if !strings.HasPrefix(xs2aclient.ScopeOfPayment("p1"), "PIS:") {
		t.Error("scope of payments")
	}
}

func TestPushedRequestLeavesAReferenceInTheAddress(t *testing.T) {
	t.Parallel()
	b := newBank(t, says(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:r1","expires_in":90}`))
	o := xs2aclient.OAuth{
		Metadata: xs2aclient.Metadata{AuthorizationEndpoint: "https://login.example/authorize?tenant=1", TokenEndpoint: b.URL + "/token", PushEndpoint: b.URL + "/par", TokenAuthMethods: []string{"tls_client_auth"}},
		ClientID: "PSDSI-BS-1", RedirectURI: "https://tpp.example/cb",
	}
	flow, err := o.Begin("AIS:c1", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := b.client(t, nil)
	pushed, err := c.Push(t.Context(), o, flow)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://login.example/authorize?client_id=PSDSI-BS-1&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ar1&tenant=1"; pushed.URL != want || pushed.State != flow.State || pushed.Verifier != flow.Verifier {
		t.Errorf("got %+v", pushed)
	}
	form, err := url.ParseQuery(string(b.body))
	if err != nil || b.asked.URL.Path != "/par" || form.Get("scope") != "AIS:c1" || form.Get("state") != flow.State || form.Get("code_challenge_method") != "S256" || form.Get("redirect_uri") != o.RedirectURI {
		t.Errorf("%s: %v, %v", b.asked.URL.Path, form, err)
	}
	o.Metadata.PushEndpoint = ""
	if _, err := c.Push(t.Context(), o, flow); !errors.Is(err, xs2aclient.ErrMetadata) {
		t.Errorf("a bank that takes none: %v", err)
	}
}
