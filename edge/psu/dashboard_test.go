package psu_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/dashboard/dashboardtest"
	"kontor/bank/payment"
	"kontor/edge/page"
	"kontor/edge/psu"
	"kontor/kit/sqldb/sqldbtest"
)

// A site is the dashboard of a bank behind a server, over TLS.
type site struct {
	*dashboardtest.World
	t      testing.TB
	server *httptest.Server
	base   string // the dashboard's address
}

func open(t testing.TB, offered bool) *site {
	t.Helper()
	s := &site{t: t, World: dashboardtest.NewWorld(t, sqldbtest.SQLite(t, dashboardtest.Migrations...))}
	pages, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.server = httptest.NewTLSServer(mux)
	t.Cleanup(s.server.Close)
	s.base = s.server.URL + "/lon/my"
	d := &psu.Dashboard{
		Bank: s.At, URL: s.base, Path: "/lon/my", Offered: offered, Secure: true, OwnTLS: true, Dashboard: s.Dashboard, Pages: pages,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	h := d.Handler()
	mux.Handle("/lon/my", h)
	mux.Handle("/lon/my/", h)
	return s
}

// browser is one with cookies, which follows nothing by itself.
func (s *site) browser() *http.Client {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := *s.server.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

type shown struct {
	*http.Response
	body string
}

func (s *site) ask(c *http.Client, method, address string, form url.Values, header ...string) shown {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.server.URL)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return shown{res, read(s.t, res)}
}

var (
	refresh = regexp.MustCompile(`content="0; url=([^"]+)"`)
	token   = regexp.MustCompile(`name="token" value="([0-9a-f]{64})"`)
)

// enters opens a browser in which who is logged in, and returns the token of its forms.
func (s *site) enters(who string) (*http.Client, url.Values) {
	s.t.Helper()
	c := s.browser()
	s.Pass(time.Second) // so that this log-in is the last one
	onward := s.ask(c, "POST", s.base+"/login", url.Values{})
	if m := refresh.FindStringSubmatch(onward.body); onward.StatusCode != 200 || m == nil || !strings.HasPrefix(m[1], "https://bank.example/login/") {
		s.t.Fatalf("got %d %s", onward.StatusCode, onward.body)
	}
	s.LogsIn(who)
	a, err := s.Authorisations.Store.List(s.t.Context(), "lon", "login", s.last())
	if err != nil || len(a) != 1 {
		s.t.Fatalf("got %v, %v", a, err)
	}
	if in := s.ask(c, "GET", a[0].RedirectURI, nil); in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != "/lon/my" {
		s.t.Fatalf("got %d %s", in.StatusCode, in.body)
	}
	m := token.FindStringSubmatch(s.ask(c, "GET", s.base, nil).body)
	if m == nil {
		s.t.Fatal("no form on the page")
	}
	return c, url.Values{"token": {m[1]}}
}

// last is the ID of the last log-in.
func (s *site) last() string {
	s.t.Helper()
	var id string
	if err := s.DB.QueryRow(s.t.Context(), `SELECT authorisation FROM dashboard_session WHERE psu = '' ORDER BY began_at DESC, authorisation DESC LIMIT 1`).Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// many gives who n consents with ten accounts each.
func (s *site) many(who string, n int) {
	for i := range n {
		s.Gives(who, fmt.Sprintf("%s-%03d", who, i), func(c *consent.Consent) {
			refs := []core.AccountReference{}
			for j := range 5 {
				refs = append(refs, core.AccountReference{IBAN: fmt.Sprintf("SI5602017%04d%06d", i, j), Currency: "EUR"})
			}
			c.Grant = &core.Grant{Balances: refs, Transactions: refs}
			c.Access, c.Model, c.Accounts = consent.Access{AllPSD2: consent.AllAccounts}, consent.Global, nil
			c.CreatedAt = c.CreatedAt.Add(time.Duration(i) * time.Second)
		})
	}
}

func TestAPSUOfManyThirdParties(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	s.many("ana", 500)
	c, _ := s.enters("ana")
	seen, next := 0, s.base
	for next != "" {
		p := s.ask(c, "GET", next, nil)
		if most := 50 << 10; p.StatusCode != 200 || len(p.body) > most {
			t.Fatalf("got %d with %d bytes", p.StatusCode, len(p.body))
		}
		seen += strings.Count(p.body, `<article class="card"`)
		next = ""
		if m := regexp.MustCompile(`id="next" href="([^"]+)"`).FindStringSubmatch(p.body); m != nil {
			next = s.server.URL + strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if seen != 500 {
		t.Errorf("%d are shown", seen)
	}
}

// Every question of a page is a step into an index.
func TestNoTableIsReadWhole(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	for name, query := range map[string]string{
		"consent_given":                      `SELECT id FROM consent WHERE bank = 'lon' AND psu = 'ana' AND psu <> '' AND (created_at, id) < (5, '') ORDER BY created_at DESC, id DESC LIMIT 5`,
		"payment_given":                      `SELECT id FROM payment WHERE bank = 'lon' AND psu = 'ana' AND psu <> '' AND due <> '' AND (created_at, id) < (5, '') ORDER BY created_at DESC, id DESC LIMIT 5`,
		"audit_latest":                       `SELECT at FROM audit WHERE bank = 'lon' AND resource = 'c1' AND at < 5 ORDER BY at DESC LIMIT 5`,
		"sqlite_autoindex_dashboard_session": `SELECT psu FROM dashboard_session WHERE bank = 'lon' AND session_key = x'00'`,
	} {
		rows, err := s.DB.Query(t.Context(), "EXPLAIN QUERY PLAN "+query)
		if err != nil {
			t.Fatal(err)
		}
		var plan string
		for rows.Next() {
			var id, parent, none int
			var detail string
			if err := rows.Scan(&id, &parent, &none, &detail); err != nil {
				t.Fatal(err)
			}
			plan += detail + "; "
		}
		rows.Close()
		if !strings.Contains(plan, name) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}

func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	s.Gives("ana", "c1", nil)
	s.Orders("ana", "p1", nil)
	c, good := s.enters("ana")
	_, others := s.enters("bor")
	for _, path := range []string{"/consents/c1/end", "/payments/p1/end", "/end", "/end?tpp=PSDSI-BS-1234567", "/logout"} {
		for name, p := range map[string]shown{
			"without a token":                    s.ask(c, "POST", s.base+path, url.Values{}),
			"with the token of another PSU":      s.ask(c, "POST", s.base+path, others),
			"with the token in the address":      s.ask(c, "POST", s.base+path+"?token="+good.Get("token"), url.Values{}),
			"from another site":                  s.ask(c, "POST", s.base+path, good, "Origin", "https://evil.example"),
			"from another site, as browsers say": s.ask(c, "POST", s.base+path, good, "Sec-Fetch-Site", "cross-site"),
			"of a size that nobody needs":        s.ask(c, "POST", s.base+path, url.Values{"x": {strings.Repeat("x", 10<<10)}, "token": good["token"]}),
		} {
			if p.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: got %d", path, name, p.StatusCode)
			}
		}
	}
	if p := s.ask(s.browser(), "POST", s.base+"/login", url.Values{}, "Sec-Fetch-Site", "cross-site"); p.StatusCode != http.StatusForbidden {
		t.Errorf("a log-in that another site begins: %d", p.StatusCode)
	}
	if p := s.ask(c, "GET", s.base, nil); strings.Count(p.body, `<article class="card"`) != 2 {
		t.Errorf("after all that: %s", p.body)
	}
}

// Whatever another PSU has is answered as what does not exist.
func TestPagesOfOthers(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	s.Gives("ana", "c-ana", nil)
	s.Orders("ana", "p-ana", nil)
	c, form := s.enters("bor")
	for _, kind := range []string{"consents", "payments"} {
		for _, below := range []string{"", "/end", "?before=99999999999999999", "?done"} {
			for _, id := range []string{"c-ana", "p-ana"} {
				for _, how := range []struct {
					method string
					form   url.Values
				}{{"GET", nil}, {"POST", form}} {
					if how.method == "POST" && below != "/end" {
						continue
					}
					got, none := s.ask(c, how.method, s.base+"/"+kind+"/"+id+below, how.form), s.ask(c, how.method, s.base+"/"+kind+"/x-ana"+below, how.form)
					same := strings.ReplaceAll(got.body, id, "x-ana") == none.body
					if got.StatusCode != http.StatusNotFound || none.StatusCode != http.StatusNotFound || !same {
						t.Errorf("%s %s/%s%s: got %d, and %d for nothing; the same page: %t", how.method, kind, id, below, got.StatusCode, none.StatusCode, same)
					}
				}
			}
		}
	}
	if p := s.ask(c, "GET", s.base+"/end?tpp=PSDSI-BS-1234567", nil); p.StatusCode != http.StatusNotFound {
		t.Errorf("to end what a TPP has of others: %d", p.StatusCode)
	}
	if p := s.ask(c, "GET", s.base+"?from=c.99999999999999999.zzz", nil); strings.Contains(p.body, "<section") {
		t.Errorf("another's list: %s", p.body)
	}
	for _, path := range []string{"?from=x", "?from=c.1.%00", "?tpp=%00", "/consents/%00", "/consents/" + strings.Repeat("x", 200), "/end?tpp=%FF", "/consents/c?before=x"} {
		if p := s.ask(c, "GET", s.base+path, nil); p.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.StatusCode)
		}
	}
}

func TestTheCookieAndThePages(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	s.Gives("ana", "c1", func(c *consent.Consent) { c.TPPName, c.Brand = "Fin Pregled d.o.o.", `Saldo <b>"1"</b>` })
	p := s.ask(s.browser(), "POST", s.base+"/login", url.Values{})
	if got := p.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-kontor-my-lon=") || !strings.Contains(got, "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("the cookie: %s", got)
	}
	c, _ := s.enters("ana")
	for _, path := range []string{"", "?show=ended", "/consents/c1", "/consents/c1/end", "/end"} {
		p := s.ask(c, "GET", s.base+path, nil)
		if p.StatusCode != 200 || !strings.Contains(p.Header.Get("Content-Security-Policy"), "default-src 'none'") || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, p.StatusCode, p.Header)
		}
		for _, bad := range []string{"<script", "style=", "<b>", "ZgotmplZ", "<no value>", ">my.", "{my."} {
			if strings.Contains(p.body, bad) {
				t.Errorf("%s: %q in %s", path, bad, p.body)
			}
		}
	}
	p = s.ask(c, "GET", s.base, nil)
	if !strings.Contains(p.body, "Saldo &lt;b&gt;") || strings.Contains(p.body, "Fin Pregled") {
		t.Errorf("not by its brand: %s", p.body)
	}
	s.Pass(10 * time.Minute)
	if p := s.ask(c, "GET", s.base+"/consents/c1", nil); !strings.Contains(p.body, "You were logged out") || strings.Contains(p.body, "Saldo") {
		t.Errorf("after ten minutes: %s", p.body)
	}
	without := open(t, false)
	p = without.ask(without.browser(), "GET", without.base, nil)
	if !strings.Contains(p.body, "in its own online banking") || strings.Contains(p.body, "<form") {
		t.Errorf("of a bank without log-ins: %s", p.body)
	}
}

// Every word that a card can need is in the catalogue.
func TestEveryKindOfCard(t *testing.T) {
	t.Parallel()
	s := open(t, true)
	for i, status := range []consent.Status{consent.Valid, consent.Expired, consent.RevokedByPSU, consent.TerminatedByTPP, consent.Rejected} {
		s.Gives("ana", fmt.Sprint("c", i), func(c *consent.Consent) { c.Status = status })
	}
	s.Gives("ana", "once", func(c *consent.Consent) { c.Recurring, c.OneOffEnd = false, s.Now().Add(time.Hour) })
	s.Gives("ana", "funds", func(c *consent.Consent) { c.Model, c.ValidUntil = consent.Funds, c.ValidUntil.AddDays(400_000*7) })
	for i, f := range []string{"Daily", "Weekly", "EveryTwoWeeks", "Monthly", "EveryTwoMonths", "Quarterly", "SemiAnnual", "Annual"} {
		s.Orders("ana", fmt.Sprint("s", i), func(p *payment.Payment) { p.Periodic.Frequency = f })
	}
	s.Orders("ana", "later", func(p *payment.Payment) {
		p.Service, p.Order.RequestedExecutionDate, p.Periodic = payment.Single, p.Periodic.StartDate, nil
	})
	s.Orders("ana", "settled", func(p *payment.Payment) { p.Status = payment.Settled })
	c, _ := s.enters("ana")
	for _, path := range []string{"", "?show=ended", "/consents/once", "/consents/funds", "/payments/later", "/payments/s1/end"} {
		p := s.ask(c, "GET", s.base+path, nil)
		if m := regexp.MustCompile(`my\.[a-z][A-Za-z.]*|%!|\{[a-z]+\}`).FindString(p.body); m != "" || p.StatusCode != 200 {
			t.Errorf("%s: %d, %q in %s", path, p.StatusCode, m, p.body)
		}
	}
	p := s.ask(c, "GET", s.base+"/payments/s3", nil)
	if !strings.Contains(p.body, "Every month") || !strings.Contains(p.body, "1,234.50 EUR") || !strings.Contains(p.body, "DE89 3704 0044 0532 0130 00") {
		t.Errorf("a series: %s", p.body)
	}
}

func read(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
