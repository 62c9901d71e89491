package xs2aclient

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Callers tell these apart with errors.Is.
var (
	ErrMetadata = errors.New("metadata of the authorization server are not usable")
	ErrState    = errors.New("the answer belongs to another browser or flow") // do not use its code
	ErrDenied   = errors.New("the PSU or the bank refused")                   // access_denied
)

// Metadata describe an authorization server (RFC 8414).
type Metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	PushEndpoint           string   `json:"pushed_authorization_request_endpoint"` // empty: the bank takes none
	PushRequired           bool     `json:"require_pushed_authorization_requests"`
	ScopesSupported        []string `json:"scopes_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	CertificateBoundTokens bool     `json:"tls_client_certificate_bound_access_tokens"`
	IssuerInResponse       bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	// The endpoints for clients with certificates, where they are others (RFC 8705).
	MTLS struct {
		TokenEndpoint string `json:"token_endpoint"`
		PushEndpoint  string `json:"pushed_authorization_request_endpoint"`
	} `json:"mtls_endpoint_aliases"`
}

const wellKnown = "/.well-known/oauth-authorization-server"

// Metadata reads the document behind a scaOAuth link. Its issuer must be the one whose
// document this is, or the flow could be led to somebody else (RFC 8414 section 3.3).
func (c *Client) Metadata(ctx context.Context, scaOAuth string) (m Metadata, err error) {
	u, err := url.Parse(scaOAuth)
	if err != nil {
		return m, fmt.Errorf("%w: link %q", ErrMetadata, scaOAuth)
	}
	if !u.IsAbs() {
		if u, err = c.follow(scaOAuth); err != nil {
			return m, err
		}
	}
	if _, err := c.do(ctx, request{operation: "Metadata", method: http.MethodGet, url: u, plain: true}, &m); err != nil {
		return m, err
	}
	if m.AuthorizationEndpoint == "" || m.TokenEndpoint == "" {
		return m, fmt.Errorf("%w: an endpoint is missing", ErrMetadata)
	}
	if !m.describedAt(u) {
		return m, fmt.Errorf("%w: issuer %q is not the one of %s", ErrMetadata, m.Issuer, u)
	}
	return m, nil
}

// describedAt says whether u is where the issuer's document stands: with the well-known
// part between host and path as RFC 8414 has it, or after the path as OpenID Connect does.
func (m Metadata) describedAt(u *url.URL) bool {
	issuer, err := url.Parse(m.Issuer)
	if err != nil || issuer.Scheme != u.Scheme || issuer.Host != u.Host {
		return false
	}
	path := strings.TrimRight(issuer.EscapedPath(), "/")
	return u.EscapedPath() == wellKnown+path || u.EscapedPath() == path+wellKnown
}

// An OAuth is a TPP at a bank's authorization server.
type OAuth struct {
	Metadata     Metadata
	ClientID     string // the organizationIdentifier, or the key that the bank's portal issued
	ClientSecret string // where the portal issued one
	RedirectURI  string
}

// Scopes of the integrated flow, in which SCA happens inside OAuth.
func ScopeOfConsent(consentID string) string { return "AIS:" + consentID }
func ScopeOfBasket(basketID string) string   { return "SBS:" + basketID }
func ScopeOfPayment(paymentID string) string { return "PIS:" + paymentID }

// ScopeOfCancellation is that of the cancellation of a payment.
func ScopeOfCancellation(paymentID string) string { return "Cancel-PIS:" + paymentID }

// ScopeOfFundsConsent is that of a consent to confirm funds.
func ScopeOfFundsConsent(consentID string) string { return "PIIS:" + consentID }

// A Flow is one PSU on the way through the authorization server. It belongs to her browser
// session; nobody else may learn State or Verifier.
type Flow struct {
	URL      string // where her browser goes
	State    string
	Verifier string // of PKCE

	issuer         string
	issuerRequired bool
	redirectURI    string
}

// Begin starts a flow for scope, with PKCE (S256). more are further parameters that the
// bank documents, such as iban.
func (o OAuth) Begin(scope string, more url.Values) (Flow, error) {
	f := Flow{
		State: rand.Text(), Verifier: rand.Text() + rand.Text(), // 260 bits; RFC 7636 wants 43 characters
		issuer: o.Metadata.Issuer, issuerRequired: o.Metadata.IssuerInResponse, redirectURI: o.RedirectURI,
	}
	u, err := url.Parse(o.Metadata.AuthorizationEndpoint)
	if err != nil {
		return f, fmt.Errorf("%w: authorization_endpoint", ErrMetadata)
	}
	challenge := sha256.Sum256([]byte(f.Verifier))
	q := u.Query()
	for name, values := range more {
		q[name] = values
	}
	for name, value := range map[string]string{
		"response_type": "code", "client_id": o.ClientID, "redirect_uri": o.RedirectURI, "scope": scope, "state": f.State,
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	f.URL = u.String()
	return f, nil
}

// Push sends the request of f ahead (RFC 9126), so that nobody on the way of the PSU's browser
// can read or change it, and returns f with the short address that it goes to instead. A bank
// may require it (Metadata.PushRequired); the address is good for a minute or so, and for one
// answer.
func (c *Client) Push(ctx context.Context, o OAuth, f Flow) (Flow, error) {
	endpoint := cmp.Or(o.Metadata.MTLS.PushEndpoint, o.Metadata.PushEndpoint)
	u, err := url.Parse(f.URL)
	if err != nil || endpoint == "" {
		return f, fmt.Errorf("%w: the bank takes no pushed requests", ErrMetadata)
	}
	var pushed struct {
		RequestURI string `json:"request_uri"`
	}
	if err := c.askServer(ctx, "Push", o, endpoint, u.Query(), &pushed); err != nil {
		return f, err
	}
	if pushed.RequestURI == "" {
		return f, errors.New("push: the bank gave no request_uri")
	}
	short, err := url.Parse(o.Metadata.AuthorizationEndpoint) // which may have a query of its own
	if err != nil {
		return f, fmt.Errorf("%w: authorization_endpoint", ErrMetadata)
	}
	q := short.Query()
	q.Set("client_id", o.ClientID)
	q.Set("request_uri", pushed.RequestURI)
	short.RawQuery = q.Encode()
	f.URL = short.String()
	return f, nil
}

// Code reads the authorisation code from the address that the PSU's browser came back to.
// It returns ErrState when the answer is not one to this flow, and ErrDenied or an *Error
// when the server answered with an error.
func (f Flow) Code(cameBack string) (string, error) {
	u, err := url.Parse(cameBack)
	if err != nil {
		return "", fmt.Errorf("%w: its address cannot be read", ErrState)
	}
	q := u.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 {
		return "", fmt.Errorf("%w: state differs", ErrState)
	}
	if iss := q.Get("iss"); iss != f.issuer && (iss != "" || f.issuerRequired) {
		return "", fmt.Errorf("%w: it comes from issuer %q", ErrState, iss)
	}
	if code := q.Get("error"); code != "" {
		refused := &Error{Operation: "Authorise", OAuth: code, OAuthDescription: q.Get("error_description")}
		if code == "access_denied" {
			return "", errors.Join(ErrDenied, refused)
		}
		return "", refused
	}
	if q.Get("code") == "" {
		return "", fmt.Errorf("%w: there is no code", ErrState)
	}
	return q.Get("code"), nil
}

// A Token answers Exchange and Refresh.
type Token struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
}

// Lifetime is how long the access token lives from the moment it was issued.
func (t Token) Lifetime() time.Duration { return time.Duration(t.ExpiresIn) * time.Second }

// Exchange redeems the code of flow. A code can be redeemed once.
func (c *Client) Exchange(ctx context.Context, o OAuth, flow Flow, code string) (Token, error) {
	return c.requestToken(ctx, "Exchange", o, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {flow.redirectURI}, "code_verifier": {flow.Verifier},
	})
}

// Refresh gets a new access token. The bank may replace the refresh token: keep the one in
// the answer, if there is one.
func (c *Client) Refresh(ctx context.Context, o OAuth, refreshToken string) (Token, error) {
	return c.requestToken(ctx, "Refresh", o, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
}

func (c *Client) requestToken(ctx context.Context, operation string, o OAuth, form url.Values) (t Token, err error) {
	err = c.askServer(ctx, operation, o, cmp.Or(o.Metadata.MTLS.TokenEndpoint, o.Metadata.TokenEndpoint), form, &t)
	if err == nil && (t.AccessToken == "" || !strings.EqualFold(t.TokenType, "Bearer")) {
		err = fmt.Errorf("%s: the bank issued no bearer token", operation)
	}
	return t, err
}

// askServer sends form to an endpoint of the authorization server, with what proves the client.
func (c *Client) askServer(ctx context.Context, operation string, o OAuth, endpoint string, form url.Values, answer any) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("%w: endpoint %q", ErrMetadata, endpoint)
	}
	form.Set("client_id", o.ClientID)
	headers := map[string]string{"Accept": "application/json"}
	if o.ClientSecret != "" {
		// Without a list, RFC 8414 means client_secret_basic.
		methods := o.Metadata.TokenAuthMethods
		switch {
		case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
			pair := url.QueryEscape(o.ClientID) + ":" + url.QueryEscape(o.ClientSecret)
			headers["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
		case slices.Contains(methods, "client_secret_post"):
			form.Set("client_secret", o.ClientSecret)
		}
	}
	_, err = c.do(ctx, request{operation: operation, method: http.MethodPost, url: u, headers: headers, body: form, plain: true}, answer)
	return err
}
