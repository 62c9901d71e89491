package oauth_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/bank/app"
	"kontor/bank/app/appsql"
	"kontor/bank/journey"
	"kontor/bank/profile"
	"kontor/bank/token"
	"kontor/bank/token/tokensql"
	"kontor/bank/tpp"
	"kontor/edge/oauth"
	"kontor/edge/page"
	"kontor/kit/eidas"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

const (
	alpa   = "PSDSI-BS-7402113"
	carpat = "PSDRO-NBR-0042"
	back   = "https://alpa.example/callback"
)

var verifier = strings.Repeat("Verifier-", 6)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A world is an authorization server behind TLS, with a scripted bank behind it.
type world struct {
	t        testing.TB
	db       *sqldb.DB
	ca       *eidas.CA
	server   *httptest.Server
	oauth    *oauth.Server
	tokens   *token.Service
	apps     *app.Service
	journeys *journeys
	issuer   string

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// journeys plays everything between the authorization server and the bank.
type journeys struct {
	mu       sync.Mutex
	consents map[string]journey.Resource // by TPP and ID
	outcome  journey.Outcome
	err      error
	begun    []string // sessions
	login    string   // what the last log-in was begun with
}

func (j *journeys) Consent(_ context.Context, _ string, t tpp.ID, id string) (journey.Resource, error) {
	r, ok := j.consents[string(t)+" "+id]
	if !ok {
		return r, journey.ErrResource
	}
	return r, nil
}

func (j *journeys) Begin(_ context.Context, _ string, _ journey.Resource, session string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun = append(j.begun, session)
	return "https://bank.example/approve/1", j.err
}

func (j *journeys) BeginLogin(_ context.Context, bank string, t tpp.ID, appName, iban, session string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun = append(j.begun, session)
	j.login = strings.Join([]string{bank, string(t), appName, iban}, "|")
	return "https://bank.example/login/1", j.err
}

func (j *journeys) Outcome(context.Context, string, string, time.Duration) (journey.Outcome, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.outcome, j.err
}

func salt(t testing.TB) profile.Bank { return bank(t, "salt", "/hub/salt") }
func lon(t testing.TB) profile.Bank  { return bank(t, "bankart", "/psd2/lon") }

func bank(t testing.TB, name, basePath string) profile.Bank {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return profile.Bank{Code: path.Base(basePath), BasePath: basePath, ProfileName: name, Profile: p}
}

// newWorld opens a world with one consent, c1 of alpa, which recurs for 90 days.
func newWorld(t testing.TB, bank profile.Bank) *world {
	t.Helper()
	return newWorldOn(t, bank, sqldbtest.SQLite(t, migrations...))
}

func newWorldOn(t testing.TB, bank profile.Bank, db *sqldb.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, now: time.Now()}
	var err error
	if w.ca, err = eidas.NewCA("oauth test", time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	trust := &tpp.Trust{Roots: w.ca.Roots(), Intermediates: w.ca.Intermediates(), Now: time.Now, Log: slog.New(slog.DiscardHandler), AcceptGrave: true}
	w.tokens = &token.Service{Store: tokensql.Store{DB: db}, Now: w.clock}
	w.apps = &app.Service{Store: appsql.Store{DB: db}}
	w.journeys = &journeys{
		consents: map[string]journey.Resource{
			alpa + " c1": {RedirectURIs: []string{back, back + "/nok"}, Recurring: true, ValidUntil: w.now.AddDate(0, 0, 90)},
			alpa + " c2": {RedirectURIs: []string{back}, ValidUntil: w.now.Add(time.Hour)},
			alpa + " c3": {},
			alpa + " f1": {RedirectURIs: []string{back}, Recurring: true, ValidUntil: w.now.AddDate(100, 0, 0), Funds: true, FundsOnly: true},
			alpa + " f2": {RedirectURIs: []string{back}, Recurring: true, ValidUntil: w.now.AddDate(100, 0, 0), Funds: true},
		},
		outcome: journey.Outcome{Over: true, OK: true, PSU: "psu-7"},
	}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	w.server = httptest.NewUnstartedServer(mux)
	issued, err := w.ca.IssueServer([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	w.server.TLS = &tls.Config{Certificates: []tls.Certificate{issued.TLS()}, ClientAuth: tls.RequestClientCert}
	w.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	w.issuer = w.server.URL + bank.BasePath + "/oauth"
	w.oauth, err = oauth.New(oauth.Config{
		Bank: bank, Issuer: w.issuer, AuthorizeURL: w.issuer + "/authorize", Tokens: w.tokens, Apps: w.apps, Journeys: w.journeys,
		Identify: func(r *http.Request) (tpp.TPP, error) { return trust.IdentifyTLS(r.Context(), r.TLS) },
		Pages:    pages, Now: w.clock, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.oauth.Mount(mux)
	return w
}

// certificate issues a QWAC. kind names its defect, if it shall have one.
func (w *world) certificate(id string, kind eidas.Defect) tls.Certificate {
	w.t.Helper()
	issued, err := w.ca.Issue(eidas.Request{
		Kind: eidas.QWAC, Organization: "Test " + id, OrganizationIdentifier: id, Roles: []eidas.Role{eidas.AI, eidas.PI},
		DNSNames: []string{"alpa.example"}, Defect: kind,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.TLS()
}

// client calls with certs, and follows no redirect.
func (w *world) client(certs ...tls.Certificate) *http.Client {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.ca.Roots(), Certificates: certs}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type reply struct {
	*http.Response
	body string
}

func (w *world) do(c *http.Client, r *http.Request) reply {
	w.t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp, string(b)}
}

func (w *world) get(c *http.Client, address string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(c, r)
}

func (w *world) post(c *http.Client, path, form string, header ...string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.issuer+path, strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(c, r)
}

// request is a good authorization request for c1; more are pairs of names and values, which
// replace, and an empty value takes away.
func request(more ...string) url.Values {
	return with(url.Values{
		"response_type": {"code"}, "client_id": {alpa}, "redirect_uri": {back}, "scope": {"AIS:c1"}, "state": {"st/a te&1"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}, more)
}

func loginRequest(more ...string) url.Values {
	return with(url.Values{"response_type": {"code"}, "client_id": {"alpa-1"}, "redirect_uri": {back}, "scope": {"psd2:acc"}}, more)
}

func with(v url.Values, more []string) url.Values {
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
		if more[i+1] == "" {
			v.Del(more[i])
		}
	}
	return v
}

func (w *world) authorize(browser *http.Client, q url.Values) reply {
	w.t.Helper()
	return w.get(browser, w.issuer+"/authorize?"+q.Encode())
}

// goBack is where the browser comes from the bank.
func (w *world) goBack(browser *http.Client) reply {
	w.t.Helper()
	sessions := w.journeys.begun
	return w.get(browser, w.oauth.ContinueURL(sessions[len(sessions)-1], ""))
}

// code leads a browser through and returns what it brings back to the TPP.
func (w *world) code(q url.Values) string {
	w.t.Helper()
	browser := w.client()
	if r := w.authorize(browser, q); r.StatusCode != http.StatusFound || !strings.HasPrefix(r.Header.Get("Location"), "https://bank.example/") {
		w.t.Fatalf("authorize: %d to %q\n%s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	r := w.goBack(browser)
	u, err := url.Parse(r.Header.Get("Location"))
	if err != nil || u.Query().Get("code") == "" {
		w.t.Fatalf("continue: %d to %q\n%s", r.StatusCode, r.Header.Get("Location"), r.body)
	}
	return u.Query().Get("code")
}

// exchange is a good token request for code.
func exchange(code string, more ...string) string {
	return with(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {alpa}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier},
	}, more).Encode()
}

type tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Refresh   string `json:"refresh_token"`
	Scope     string `json:"scope"`
	Error     string `json:"error"`
}

func (r reply) tokens(t *testing.T) (v tokens) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%d %q: %v", r.StatusCode, r.body, err)
	}
	return v
}

// expect compares status and OAuth error ("" for none).
func (r reply) expect(t *testing.T, status int, code string) {
	t.Helper()
	if got := r.tokens(t).Error; r.StatusCode != status || got != code {
		t.Errorf("got %d %q, want %d %q: %.300s", r.StatusCode, got, status, code, r.body)
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", r.Header)
	}
}

func tppOf(c tls.Certificate) tpp.TPP {
	id, _, _ := eidas.Parse(c.Leaf)
	return tpp.TPP{ID: tpp.ID(id.OrganizationIdentifier), Thumbprint: sha256.Sum256(c.Leaf.Raw)}
}
