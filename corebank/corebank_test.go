package corebank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/connector/wire"
	"kontor/corebank/schema"
	"kontor/kit/sqldb"
	"kontor/kit/sqldb/sqldbtest"
)

const hubReturn = "https://hub.example/return/1"

// IBANs of the invented customers.
var ibanOf = map[string]string{}

// A hub records what the bank reports. While down is set it cannot be reached.
type hub struct {
	mu     sync.Mutex
	down   bool
	events []string // verb and the words that matter
	last   map[string]wire.Event

	sessions map[wire.String][]string    // events by session
	tokens   map[wire.String]wire.String // by session
}

var errDown = errors.New("connection refused")

func (h *hub) note(verb string, e wire.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		return errDown
	}
	words := []string{verb}
	for _, w := range []wire.String{e.Status, e.SCAStatus, e.ErrorClass} {
		if w != "" {
			words = append(words, string(w))
		}
	}
	if e.FundsAvailable != nil {
		words = append(words, map[bool]string{true: "funds", false: "no funds"}[*e.FundsAvailable])
	}
	h.events = append(h.events, strings.Join(words, " "))
	if h.sessions == nil {
		h.sessions, h.tokens = map[wire.String][]string{}, map[wire.String]wire.String{}
	}
	h.sessions[e.SessionSecret] = append(h.sessions[e.SessionSecret], strings.Join(words, " "))
	h.tokens[e.SessionSecret] = e.Token
	h.last[verb] = e
	return nil
}

func (h *hub) Update(_ context.Context, e wire.Event) error  { return h.note("update", e) }
func (h *hub) Success(_ context.Context, e wire.Event) error { return h.note("success", e) }
func (h *hub) Fail(_ context.Context, e wire.Event) error    { return h.note("fail", e) }
func (h *hub) RevokeToken(_ context.Context, token string) error {
	return h.note("revoke", wire.Event{Token: wire.String(token)})
}
func (h *hub) RevokeFundsToken(_ context.Context, token string) error {
	return h.note("revoke funds", wire.Event{Token: wire.String(token)})
}
func (h *hub) Tokens(context.Context, string) ([]wire.TokenAnswer, error) { return nil, nil }

func (h *hub) heard() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.events, ", ")
}

func (h *hub) setDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// A world is a bank under /lon on a real listener, a hub that listens, and a clock.
type world struct {
	t    *testing.T
	bank *Bank
	c    connector
	hub  *hub
	url  string
	mu   sync.Mutex
	time time.Time
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// each runs test in a new world on each kind of database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	sqldbtest.Each(t, []fs.FS{schema.FS}, func(t *testing.T, db *sqldb.DB) {
		w := &world{t: t, hub: &hub{last: map[string]wire.Event{}}, time: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		w.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/lon" // browsers have passkeys of names only
		b, err := New(t.Context(), Config{
			Code: "lon", Name: "Banka Lon", DB: db, BaseURL: w.url, Hub: w.hub, Secret: []byte(rand.Text() + rand.Text()),
			Seed: true, Outbox: true, Now: w.now, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})),
		})
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle("/lon/", b.Handler())
		w.bank, w.c = b, connector{b}
		for _, p := range b.Personas() {
			for _, a := range p.Accounts {
				key := p.Login
				for ibanOf[key] != "" && ibanOf[key] != a.IBAN {
					key += "+"
				}
				ibanOf[key] = a.IBAN
			}
		}
		test(t, w)
		if err := b.Check(context.Background()); err != nil {
			t.Error("the books are wrong afterwards:", err)
		}
	})
}

func (w *world) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// page is the address the bank told the hub last.
func (w *world) page() string { return string(w.hub.last["update"].RedirectURL) }

func (w *world) booked(id string) int64 {
	w.t.Helper()
	a, err := w.bank.book.Account(w.t.Context(), id)
	w.do(err)
	return a.Booked
}

// A browser without JavaScript, driven by forms.
type browser struct {
	w      *world
	http   *http.Client
	at     string
	status int
	body   string // without entities
	raw    string

	language string // that it asks for; empty: none
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{w: w, http: &http.Client{Jar: jar}}
}

func (b *browser) open(address string) *browser {
	b.w.t.Helper()
	req, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodGet, address, nil)
	b.w.do(err)
	if b.language != "" {
		req.Header.Set("Accept-Language", b.language)
	}
	resp, err := b.http.Do(req)
	b.w.do(err)
	return b.read(resp)
}

func (b *browser) read(resp *http.Response) *browser {
	b.w.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	b.w.do(err)
	b.at, b.status, b.body, b.raw = resp.Request.URL.String(), resp.StatusCode, html.UnescapeString(string(body)), string(body)
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		b.w.t.Errorf("%s has the policy %q", b.at, csp)
	}
	return b
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)"`)

// submit sends the form of the page with the fields given: name, value, name, value.
func (b *browser) submit(action string, fields ...string) *browser {
	b.w.t.Helper()
	form := url.Values{"action": {action}}
	for _, m := range hidden.FindAllStringSubmatch(b.body, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	resp, err := b.http.PostForm(b.at, form)
	b.w.do(err)
	return b.read(resp)
}

func (b *browser) logIn(login string) *browser {
	b.w.t.Helper()
	return b.submit("login", "login", login, "password", login+"-kontor-1")
}

func (b *browser) sees(words ...string) *browser {
	b.w.t.Helper()
	for _, s := range words {
		if !strings.Contains(b.body, s) {
			b.w.t.Fatalf("%s (%d) does not show %q:\n%s", b.at, b.status, s, b.body)
		}
	}
	return b
}

// code reads the newest text message to login.
func (w *world) code(login string) string {
	w.t.Helper()
	return w.newest(login).Code
}

func (w *world) message(login string) string {
	w.t.Helper()
	return w.newest(login).Text
}

func (w *world) newest(login string) message {
	w.t.Helper()
	resp, err := http.Get(w.url + "/outbox.json?login=" + login)
	w.do(err)
	defer resp.Body.Close()
	var all []message
	w.do(json.NewDecoder(resp.Body).Decode(&all))
	if len(all) == 0 {
		w.t.Fatal("no message came")
	}
	if !strings.Contains(all[0].Text, all[0].Code) || all[0].Login != login || all[0].To == "" || all[0].At == "" {
		w.t.Errorf("odd message: %+v", all[0])
	}
	return all[0]
}

// wrongCode is never the right one.
func wrongCode(right string) string {
	if right == "000000" {
		return "000001"
	}
	return "000000"
}

func (w *world) order(amount string, change ...func(*wire.PaymentCreate)) wire.PaymentCreate {
	p := wire.PaymentCreate{
		SessionSecret: wire.String(rand.Text()), ProviderCode: "lon", AppName: "Zlatka Pay", RedirectURL: hubReturn,
		PaymentProduct: "sepa-credit-transfers", PSUIPAddress: "192.0.2.7",
		Payment: wire.Payment{
			EndToEndIdentification: "E2E-1", CreditorName: "Luka Zupan", CreditorAccount: wire.Account{IBAN: wire.String(ibanOf["luka"])},
			DebtorAccount:                     &wire.Account{IBAN: wire.String(ibanOf["ana"])},
			InstructedAmount:                  wire.Amount{Amount: wire.String(amount), Currency: "EUR"},
			RemittanceInformationUnstructured: "Za kavo",
		},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}
