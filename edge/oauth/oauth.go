// Package oauth serves the authorization server of one bank: where a PSU's browser comes
// with a TPP's request, and where the TPP exchanges what the browser brought back.
//
// A request is checked, noted as a grant, and its browser is led to the bank's own pages;
// nothing is asked of a PSU here. She comes back to continue, with a cookie that says that
// it is the same browser, and is sent on to the TPP with a code. The TPP exchanges it at the
// token endpoint, over TLS with its certificate, to which the tokens are bound.
//
// No address is left by a redirect that did not prove to be the client's: it must be, to the
// letter, one that the TPP named when it created the consent or registered for an app. A
// request that fails this gets a page, every other failure travels back to the TPP.
//
// What a code or token is worth is decided in bank/token, who the TPP is in bank/tpp, and
// what the PSU agreed to at the bank; there is no registration of clients here.
//
// Where the profile has oauth.fapi2, the rules are those of the FAPI 2.0 security profile:
// requests are pushed, clients prove themselves by certificate alone, and nothing is optional.
//
// Source: RFC 6749, 7009, 7636, 7662, 8414, 8705, 9126, 9207, 9396, 9700; Berlin Group digest, section 7.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kontor/bank/app"
	"kontor/bank/journey"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/tpp"
	"kontor/edge/page"
)

// Journeys leads PSUs to the bank and back. *journey.Service does.
type Journeys interface {
	// Consent finds t's consent if it waits for its PSU; otherwise journey.ErrResource.
	Consent(ctx context.Context, bank string, t tpp.ID, id string) (journey.Resource, error)
	// Begin notes that session waits for r, and returns the bank's page.
	Begin(ctx context.Context, bank string, r journey.Resource, session string) (pageURL string, err error)
	// BeginLogin asks the bank for a log-in, for appName of t.
	BeginLogin(ctx context.Context, bank string, t tpp.ID, appName, iban, session string) (pageURL string, err error)
	// Outcome says how the journey of session ended, waiting a moment for that.
	Outcome(ctx context.Context, bank, session string, wait time.Duration) (journey.Outcome, error)
}

// A Config is what the authorization server of one bank needs.
type Config struct {
	Bank profile.Bank
	// Issuer is {API base URL}{BasePath}/oauth; the endpoints for pushed requests, tokens,
	// revocation and introspection stand below it.
	Issuer string
	// AuthorizeURL is where browsers come: {web base URL}{BasePath}/oauth/authorize.
	AuthorizeURL string

	Tokens   *token.Service
	Apps     *app.Service
	Journeys Journeys
	// Payment finds t's payment if it waits for its PSU, otherwise journey.ErrResource. It is
	// nil where payments are not authorised by way of OAuth.
	Payment func(ctx context.Context, bank string, t tpp.ID, id string) (journey.Resource, error)
	// Cancellation finds t's payment if its cancellation waits for its PSU, as Payment does.
	Cancellation func(ctx context.Context, bank string, t tpp.ID, id string) (journey.Resource, error)
	// Basket is the same for a signing basket.
	Basket func(ctx context.Context, bank string, t tpp.ID, id string) (journey.Resource, error)
	// Identify says who holds the client certificate of a connection; it returns
	// tpp.ErrCertificateMissing where there is none.
	Identify func(*http.Request) (tpp.TPP, error)
	Pages    *page.Pages
	Now      func() time.Time
	Log      *slog.Logger
}

// A Server is the authorization server of one bank.
type Server struct {
	Config
	issuer, authorizeURL *url.URL
	metadata             []byte
}

// New checks c and returns the server, which serves once it is mounted.
func New(c Config) (*Server, error) {
	s := &Server{Config: c}
	var errs []error
	parse := func(name, address, suffix string) *url.URL {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, suffix) {
			errs = append(errs, fmt.Errorf("%s %q: an absolute address that ends in %s is needed", name, address, suffix))
		}
		return u
	}
	s.issuer = parse("issuer", c.Issuer, c.Bank.BasePath+"/oauth")
	s.authorizeURL = parse("authorization endpoint", c.AuthorizeURL, c.Bank.BasePath+"/oauth/authorize")
	switch {
	case c.Bank.OAuth.Mode == profile.OAuthNone || c.Bank.OAuth.Mode == "":
		errs = append(errs, fmt.Errorf("bank %s: its profile has no authorization server", c.Bank.Code))
	case c.Tokens == nil || c.Apps == nil || c.Journeys == nil || c.Identify == nil || c.Pages == nil || c.Now == nil || c.Log == nil:
		errs = append(errs, errors.New("authorization server: a part is missing"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(s.describe())
	s.metadata = doc
	return s, err
}

const wellKnown = "/.well-known/oauth-authorization-server"

// Mount serves everything on mux, below the bank's base path; the metadata stand at the root
// as well, where RFC 8414 looks for them. Browsers and TPPs may come to one listener or two:
// mount on each, the addresses in the metadata say which is meant for whom.
func (s *Server) Mount(mux *http.ServeMux) {
	base := s.Bank.BasePath + "/oauth"
	mux.HandleFunc(base+"/authorize", s.authorize)
	mux.HandleFunc(base+"/authorize/continue/{session}", s.continueAuthorize)
	mux.HandleFunc(base+"/par", s.post(s.push))
	mux.HandleFunc(base+"/token", s.post(s.token))
	mux.HandleFunc(base+"/revoke", s.post(s.revoke))
	mux.HandleFunc(base+"/introspect", s.post(s.introspect))
	mux.HandleFunc("GET "+base+wellKnown, s.describeTo)
	mux.HandleFunc("GET "+wellKnown+s.issuer.EscapedPath(), s.describeTo)
}

// ContinueURL is where the browser of session comes when it is done at the bank. back is what
// only the bank's page could tell it (journey.Outcome).
func (s *Server) ContinueURL(session, back string) string {
	return s.AuthorizeURL + "/continue/" + url.PathEscape(session) + "?" + backParameter + "=" + url.QueryEscape(back)
}

// metadata describe the server to clients.
//
// Source: RFC 8414 section 2
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	PushEndpoint             string   `json:"pushed_authorization_request_endpoint"`
	PushRequired             bool     `json:"require_pushed_authorization_requests"`
	TokenEndpoint            string   `json:"token_endpoint"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	Scopes                   []string `json:"scopes_supported"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	ChallengeMethods         []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	CertificateBoundTokens   bool     `json:"tls_client_certificate_bound_access_tokens"`
	IssuerInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	DetailTypes              []string `json:"authorization_details_types_supported,omitempty"`
}

func (s *Server) describe() metadata {
	methods := []string{"tls_client_auth"}
	if s.Bank.ClientIdentification == profile.ByPortalKey && !s.Bank.OAuth.FAPI2 {
		methods = append(methods, "client_secret_basic", "client_secret_post")
	}
	m := metadata{
		Issuer: s.Issuer, AuthorizationEndpoint: s.AuthorizeURL, TokenEndpoint: s.Issuer + "/token",
		PushEndpoint: s.Issuer + "/par", PushRequired: s.Bank.OAuth.FAPI2,
		RevocationEndpoint: s.Issuer + "/revoke", IntrospectionEndpoint: s.Issuer + "/introspect",
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, GrantTypes: []string{"authorization_code"}, ChallengeMethods: []string{"S256"},
		TokenAuthMethods: methods, RevocationAuthMethods: methods, IntrospectionAuthMethods: methods,
		CertificateBoundTokens: true, IssuerInResponse: true,
	}
	if s.Bank.OAuth.RefreshToken {
		m.GrantTypes = append(m.GrantTypes, "refresh_token")
	}
	if s.Bank.OAuth.Mode == profile.OAuthPreStep {
		m.Scopes = []string{s.Bank.OAuth.Scopes.Accounts, s.Bank.OAuth.Scopes.Payments}
		return m
	}
	// The part before the colon; what follows names the resource.
	m.Scopes = []string{string(token.AIS)}
	if s.Payment != nil && s.Bank.Payments.Enabled {
		m.Scopes = append(m.Scopes, string(token.PIS))
		if s.Bank.AtLeast("1.3.16") {
			m.Scopes = append(m.Scopes, "Cancel-PIS")
		}
	}
	if s.Basket != nil && s.Bank.Baskets.Enabled {
		m.Scopes = append(m.Scopes, string(token.SBS))
	}
	if s.Bank.Funds.Enabled {
		m.Scopes = append(m.Scopes, string(token.PIIS))
	}
	if s.Bank.OAuth.RichRequests {
		for _, scope := range m.Scopes {
			m.DetailTypes = append(m.DetailTypes, token.DetailType(token.Kind(strings.ToUpper(scope))))
		}
	}
	if s.Bank.OAuth.RefreshToken {
		m.Scopes = append(m.Scopes, "offline_access")
	}
	return m
}

func (s *Server) describeTo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(s.metadata)
}
