// Package apptest plays third parties and their customers at a sandbox, for tests of the
// whole program. It speaks to sockets only, and watches every answer: a 500 fails the test,
// whoever provoked it.
package apptest

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/kit/eidas"
	"kontor/ready"
	"kontor/xs2aclient"
)

// A Sandbox is what a ready file describes.
type Sandbox struct {
	ready.Ready
	t     testing.TB
	roots *x509.CertPool
	known map[string]bool

	mu      sync.Mutex
	clients map[string]*http.Client
}

// New returns the sandbox at r.
func New(t testing.TB, r ready.Ready) *Sandbox {
	t.Helper()
	s := &Sandbox{Ready: r, t: t, roots: x509.NewCertPool(), known: map[string]bool{}, clients: map[string]*http.Client{}}
	pem, err := os.ReadFile(r.CA)
	if err != nil || !s.roots.AppendCertsFromPEM(pem) {
		t.Fatalf("CA: %v", err)
	}
	for _, address := range []string{r.API, r.Web, r.WebTLS, r.Bank} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		s.known[u.Host] = true
	}
	return s
}

// Bank returns the bank with a profile.
func (s *Sandbox) Bank(profile string) ready.Bank {
	for _, b := range s.Banks {
		if b.Profile == profile {
			return b
		}
	}
	s.t.Fatalf("no bank has the profile %s", profile)
	return ready.Bank{}
}

// watched fails the test when anything answers 500.
type watched struct {
	t    testing.TB
	next http.RoundTripper
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusInternalServerError {
		w.t.Errorf("%s %s answered 500", r.Method, r.URL)
	}
	return resp, err
}

// Client calls with a certificate, or without one.
func (s *Sandbox) Client(cert *tls.Certificate) *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := ""
	if cert != nil {
		key = string(cert.Certificate[0])
	}
	if c := s.clients[key]; c != nil {
		return c
	}
	cfg := &tls.Config{RootCAs: s.roots}
	if cert != nil {
		// As a stubborn client does: a certificate is presented whatever the server hints at.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	transport := &http.Transport{TLSClientConfig: cfg, MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: true}
	s.t.Cleanup(transport.CloseIdleConnections)
	c := &http.Client{
		Timeout: 40 * time.Second, Transport: watched{s.t, transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.clients[key] = c
	return c
}

// Certificate reads the QWAC of t.
func (s *Sandbox) Certificate(t ready.TPP) *tls.Certificate {
	pair, err := tls.LoadX509KeyPair(t.QWAC, t.QWACKey)
	if err != nil {
		s.t.Fatal(err)
	}
	return &pair
}

// CA returns the sandbox's own CA.
func (s *Sandbox) CA() *eidas.CA {
	ca, err := eidas.LoadCA(filepath.Dir(s.Ready.CA))
	if err != nil {
		s.t.Fatal(err)
	}
	return ca
}

// Issue issues a certificate of a TPP with every role, as change says.
func Issue(t testing.TB, ca *eidas.CA, change func(*eidas.Request)) *tls.Certificate {
	t.Helper()
	req := eidas.Request{
		Kind: eidas.QWAC, Organization: "Sava Plačila d.o.o.", OrganizationIdentifier: "PSDSI-BS-5550001",
		Roles: []eidas.Role{eidas.AI, eidas.PI, eidas.IC}, DNSNames: []string{"sava.example", "localhost"},
	}
	if change != nil {
		change(&req)
	}
	if req.Kind == eidas.QSealC {
		req.DNSNames = nil
	}
	issued, err := ca.Issue(req)
	if err != nil {
		t.Fatal(err)
	}
	pair := issued.TLS()
	return &pair
}

// An Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Code returns the first message code.
func (a Answer) Code() string {
	var m struct {
		TPPMessages []struct{ Code string }
		Error       string
	}
	json.Unmarshal([]byte(a.Body), &m)
	if len(m.TPPMessages) > 0 {
		return m.TPPMessages[0].Code
	}
	return m.Error
}

// Get returns a text of the body: Get("_links", "scaStatus", "href").
func (a Answer) Get(path ...string) string {
	var at any
	json.Unmarshal([]byte(a.Body), &at)
	for _, key := range path {
		of, _ := at.(map[string]any)
		at = of[key]
	}
	s, _ := at.(string)
	return s
}

func (a Answer) String() string { return fmt.Sprintf("%d %.600s", a.Status, a.Body) }

// H are headers of a request.
type H map[string]string

// Try makes a request; X-Request-ID and PSU-IP-Address are there unless they are set.
func Try(c *http.Client, method, address string, header H, body string) (Answer, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("X-Request-ID", UUID())
	req.Header.Set("PSU-IP-Address", "192.0.2.7")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return Answer{resp.StatusCode, resp.Header, string(b)}, err
}

// Ask makes a request that must be answered.
func (s *Sandbox) Ask(c *http.Client, method, address string, header H, body string) Answer {
	s.t.Helper()
	a, err := Try(c, method, address, header, body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, address, err)
	}
	return a
}

// UUID returns a new UUID.
func UUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var (
	inputTag   = regexp.MustCompile(`<input [^>]*>`)
	attribute  = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	refreshTag = regexp.MustCompile(`http-equiv="refresh" content="[0-9]+; ?url=([^"]*)"`)
)

// Follow leads the browser of a customer from address through the bank's pages; she agrees
// to everything. It returns the address at which the browser leaves for the TPP.
func (s *Sandbox) Follow(who ready.Persona, address string) string {
	s.t.Helper()
	left, err := s.TryFollow(who, address)
	if err != nil {
		s.t.Fatal(err)
	}
	return left
}

// TryFollow is Follow where pages may fail to come.
func (s *Sandbox) TryFollow(who ready.Persona, address string) (left string, err error) {
	jar, _ := cookiejar.New(nil)
	browser := *s.Client(nil)
	browser.Jar = jar
	at, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	var form url.Values
	for range 40 {
		if !s.known[at.Host] {
			return at.String(), nil
		}
		method, header := http.MethodGet, H{"Accept": "text/html"}
		if form != nil {
			method, header["Content-Type"] = http.MethodPost, "application/x-www-form-urlencoded"
			header["Origin"] = at.Scheme + "://" + at.Host
		}
		page, err := Try(&browser, method, at.String(), header, form.Encode())
		if err != nil {
			return "", err
		}
		form = nil
		next := page.Header.Get("Location")
		if m := refreshTag.FindStringSubmatch(page.Body); next == "" && m != nil {
			next = html.UnescapeString(m[1])
		}
		if next != "" {
			if at, err = at.Parse(next); err != nil {
				return "", err
			}
			continue
		}
		if form, err = s.fill(who, at, page.Body); err != nil {
			return "", fmt.Errorf("the page at %s: %w: %s", at, err, page)
		}
	}
	return "", fmt.Errorf("the pages never end; now at %s", at)
}

// fill fills in what a page asks for.
func (s *Sandbox) fill(who ready.Persona, at *url.URL, page string) (form url.Values, err error) {
	form = url.Values{}
	names := map[string]bool{}
	for _, tag := range inputTag.FindAllString(page, -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			a[m[1]] = html.UnescapeString(m[2])
		}
		names[a["name"]] = true
		if a["type"] == "hidden" || a["name"] == "accounts" {
			form.Add(a["name"], a["value"])
		}
	}
	switch {
	case names["password"]:
		form.Set("login", who.Login)
		form.Set("password", who.Password)
		form.Set("action", "login")
	case names["code"]:
		code, err := s.code(who, path.Base(at.Path))
		if err != nil {
			return nil, err
		}
		form.Set("code", code)
		form.Set("action", "confirm")
	case strings.Contains(page, `value="approve"`):
		form.Set("action", "approve")
	default:
		return nil, errors.New("it leads nowhere")
	}
	return form, nil
}

func (s *Sandbox) code(who ready.Persona, session string) (string, error) {
	var messages []struct{ Login, Code, Session string }
	a, err := Try(s.Client(nil), http.MethodGet, s.Outbox+"?login="+who.Login, nil, "")
	if err == nil {
		err = json.Unmarshal([]byte(a.Body), &messages)
	}
	if err != nil {
		return "", fmt.Errorf("outbox: %w: %s", err, a)
	}
	for _, m := range messages {
		if m.Session == session && m.Code != "" {
			return m.Code, nil
		}
	}
	return "", errors.New("no code has come")
}

// XS2A is a Berlin Group client with a certificate.
func (s *Sandbox) XS2A(b ready.Bank, cert *tls.Certificate) *xs2aclient.Client {
	c, err := xs2aclient.New(xs2aclient.Config{BaseURL: b.XS2A, Roots: s.roots, Certificate: cert})
	if err != nil {
		s.t.Fatal(err)
	}
	return c.WithPSU(xs2aclient.PSU{IPAddress: "192.0.2.7"})
}

// Redirect is where customers come back to.
const Redirect = "https://alpa.example/callback"

// A Consent is one that a customer has given, with its token.
type Consent struct {
	ID, Token, Refresh, Authorisation string
	Flow                              xs2aclient.Flow
	OAuth                             xs2aclient.OAuth
	Code                              string
}

// Headers are those of a read with c.
func (c Consent) Headers() H { return H{"Consent-ID": c.ID, "Authorization": "Bearer " + c.Token} }

// ConsentBody asks for all accounts that the customer chooses, until that many days from now.
func ConsentBody(days int) string {
	return fmt.Sprintf(`{"access":{"accounts":[],"balances":[],"transactions":[]},"recurringIndicator":true,"validUntil":%q,"frequencyPerDay":4,"combinedServiceIndicator":false}`,
		time.Now().AddDate(0, 0, days).Format(time.DateOnly))
}

// Authorised has a customer give a consent at the salt bank, as far as its code.
func (s *Sandbox) Authorised(cert *tls.Certificate, clientID, redirect string, who ready.Persona) Consent {
	s.t.Helper()
	return s.authorisedAt(s.Bank("salt"), cert, clientID, redirect, who, ConsentBody(80))
}

// authorisedAt does the same at a bank where SCA happens inside OAuth, for the consent in body.
func (s *Sandbox) authorisedAt(b ready.Bank, cert *tls.Certificate, clientID, redirect string, who ready.Persona, body string) Consent {
	s.t.Helper()
	created := s.Ask(s.Client(cert), http.MethodPost, b.XS2A+"/v1/consents", H{"TPP-Redirect-URI": redirect}, body)
	if created.Status != http.StatusCreated {
		s.t.Fatalf("consent: %s", created)
	}
	client := s.XS2A(b, cert)
	m, err := client.Metadata(s.t.Context(), created.Get("_links", "scaOAuth", "href"))
	if err != nil {
		s.t.Fatal(err)
	}
	c := Consent{ID: created.Get("consentId"), Authorisation: path.Base(created.Get("_links", "scaStatus", "href"))}
	c.OAuth = xs2aclient.OAuth{Metadata: m, ClientID: clientID, RedirectURI: redirect}
	if c.Flow, err = c.OAuth.Begin(xs2aclient.ScopeOfConsent(c.ID), nil); err != nil {
		s.t.Fatal(err)
	}
	if c.Code, err = c.Flow.Code(s.Follow(who, c.Flow.URL)); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// Consent has a customer give a consent at the salt bank, and gets its token.
func (s *Sandbox) Consent(cert *tls.Certificate, clientID, redirect string, who ready.Persona) Consent {
	s.t.Helper()
	return s.ConsentAt(s.Bank("salt"), cert, clientID, redirect, who, ConsentBody(80))
}

// ConsentAt is Consent at another bank where SCA happens inside OAuth, for what body asks.
func (s *Sandbox) ConsentAt(b ready.Bank, cert *tls.Certificate, clientID, redirect string, who ready.Persona, body string) Consent {
	s.t.Helper()
	c := s.authorisedAt(b, cert, clientID, redirect, who, body)
	token, err := s.XS2A(b, cert).Exchange(s.t.Context(), c.OAuth, c.Flow, c.Code)
	if err != nil {
		s.t.Fatal(err)
	}
	c.Token, c.Refresh = token.AccessToken, token.RefreshToken
	return c
}

// Login has a customer log in at the bankart bank, and gets a token with a scope such as
// psd2:pay.
func (s *Sandbox) Login(t ready.TPP, who ready.Persona, scope string) string {
	s.t.Helper()
	lon, cert := s.Bank("bankart"), s.Certificate(t)
	client := s.XS2A(lon, cert)
	m, err := client.Metadata(s.t.Context(), lon.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		s.t.Fatal(err)
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: t.ClientID, ClientSecret: t.ClientSecret, RedirectURI: t.RedirectURIs[0]}
	flow, err := o.Begin(scope, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	code, err := flow.Code(s.Follow(who, flow.URL))
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := client.Exchange(s.t.Context(), o, flow, code)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.AccessToken
}

// Payment is the body of one.
func Payment(endToEnd, from, to, amount string) string {
	return fmt.Sprintf(`{"endToEndIdentification":%q,"debtorAccount":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":%q},"creditorAccount":{"iban":%q},"creditorName":"Ana Novak"}`,
		endToEnd, from, amount, to)
}
