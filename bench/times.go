package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"kontor/app"
	"kontor/kit/eidas"
	"kontor/kit/sqldb"
	"kontor/ready"
)

// Times compare how long two requests take that nobody may tell apart by it: of what is somebody
// else's and of what does not exist, of secrets that are wrong from their first character and from
// their last. The hub is asked in this process, without a socket; who is between them is not measured.
type Times struct {
	About        string  `json:"about"`
	Samples      int     `json:"samples"`
	FirstMicros  float64 `json:"firstMicros"` // mean, without the slowest tenth
	SecondMicros float64 `json:"secondMicros"`
	T            float64 `json:"t"` // Welch's
}

// timesSamples is how many there are of each comparison, and timesLimit how large |t| may be: what
// is beyond would come by chance once in a hundred thousand times.
const (
	timesSamples = 10_000
	timesLimit   = 4.5
)

// welch is Welch's t of two samples.
func welch(a, b []float64) float64 {
	mean, variance := moments(a)
	mean2, variance2 := moments(b)
	return (mean - mean2) / math.Sqrt(variance/float64(len(a))+variance2/float64(len(b)))
}

func moments(all []float64) (mean, variance float64) {
	for _, x := range all {
		mean += x
	}
	mean /= float64(len(all))
	for _, x := range all {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(all)-1)
}

// sample asks for the one and the other in random order. The slowest tenth of all is left out of
// both alike: what made it slow was the machine.
func sample(ctx context.Context, about string, n int, ask func(second bool) error) (Times, error) {
	took := [2][]float64{}
	var all []float64
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range n + n/10 {
		k := r.IntN(2)
		begin := time.Now()
		if err := errors.Join(ask(k == 1), ctx.Err()); err != nil {
			return Times{}, fmt.Errorf("%s: %w", about, err)
		}
		if micros := float64(time.Since(begin).Nanoseconds()) / 1000; i >= n/10 { // the first ones warm up
			took[k] = append(took[k], micros)
			all = append(all, micros)
		}
	}
	slices.Sort(all)
	bound := all[len(all)*9/10]
	for k := range took {
		took[k] = slices.DeleteFunc(took[k], func(x float64) bool { return x > bound })
	}
	first, _ := moments(took[0])
	second, _ := moments(took[1])
	return Times{about, n, first, second, welch(took[0], took[1])}, nil
}

// A stopwatch asks a hub with its banks in this process.
type stopwatch struct {
	api   http.Handler
	ready ready.Ready
	bank  *sqldb.DB
	own   *tls.ConnectionState // of the TPP that has something
	other *tls.ConnectionState
}

// times measures all comparisons, on SQLite.
func times(ctx context.Context, m *machine, o options, r *Report, db string) (err error) {
	if db != "sqlite" {
		r.Skipped = append(r.Skipped, "times on "+db+": they are those of the rules, and measured once")
		return nil
	}
	n := timesSamples
	if o.quick {
		n = 60
	}
	dir := filepath.Join(m.dir, "times")
	const free = "127.0.0.1:0"
	dev, err := app.NewDev(ctx, app.DevOptions{Data: dir, API: free, Web: free, WebTLS: free, Bank: free}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- dev.Run(ctx, func() error { return nil }) }()
	defer func() { stop(); err = errors.Join(err, <-ended) }()
	s := &stopwatch{ready: dev.Ready}
	s.api, _ = dev.Handlers()
	if s.bank, err = sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "banks.db")); err != nil {
		return err
	}
	defer s.bank.Close()
	if s.own, err = connection(dev.Ready.TPPs[0]); err != nil {
		return err
	}
	if s.other, err = stranger(dir); err != nil {
		return err
	}
	for _, c := range []struct {
		about   string
		prepare func(ctx context.Context) (func(second bool) error, error)
	}{
		{"consents: another's, unknown", s.consents}, {"client secrets: wrong at the end, at the start", s.secrets}, {"codes: wrong at the end, at the start", s.codes},
		{"who a PSU is, at the TPP: known, unknown", s.names}, {"log-in at the bank: known, unknown", s.passwords},
	} {
		fmt.Printf("%s: times of %s …\n", db, c.about)
		ask, err := c.prepare(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", c.about, err)
		}
		t, err := sample(ctx, c.about, n, ask)
		if err != nil {
			return err
		}
		r.Times = append(r.Times, t)
	}
	return nil
}

// connection is one of a TPP's, as the hub sees it.
func connection(t ready.TPP) (*tls.ConnectionState, error) {
	pair, err := tls.LoadX509KeyPair(t.QWAC, t.QWACKey)
	if err != nil {
		return nil, err
	}
	return stateOf(pair)
}

func stateOf(pair tls.Certificate) (*tls.ConnectionState, error) {
	state := &tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13}
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		state.PeerCertificates = append(state.PeerCertificates, c)
	}
	return state, nil
}

// stranger is a TPP with every role that has nothing.
func stranger(dir string) (*tls.ConnectionState, error) {
	ca, err := eidas.LoadCA(dir)
	if err != nil {
		return nil, err
	}
	issued, err := ca.Issue(eidas.Request{
		Kind: eidas.QWAC, Organization: "Sava Plačila d.o.o.", OrganizationIdentifier: "PSDSI-BS-5550001",
		Roles: []eidas.Role{eidas.AI, eidas.PI, eidas.IC}, DNSNames: []string{"sava.example"},
	})
	if err != nil {
		return nil, err
	}
	return stateOf(issued.TLS())
}

// bankOf is the bank with a profile.
func (s *stopwatch) bankOf(profile string) ready.Bank {
	return s.ready.Banks[slices.IndexFunc(s.ready.Banks, func(b ready.Bank) bool { return b.Profile == profile })]
}

// ask sends a request and returns its answer, if it has the status.
func (s *stopwatch) ask(as *tls.ConnectionState, method, address, body string, status int, header ...string) (map[string]any, error) {
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	r.TLS = as
	r.Header.Set("X-Request-ID", requestID())
	r.Header.Set("PSU-IP-Address", "192.0.2.7")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if w.Code != status {
		return nil, fmt.Errorf("%s %s: %d %s", method, address, w.Code, w.Body)
	}
	var got map[string]any
	if strings.HasPrefix(w.Body.String(), "{") {
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			return nil, err
		}
	}
	return got, nil
}

func requestID() string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Uint64()>>16)
}

// stays keeps the customer at the TPP.
var stays = []string{"TPP-Redirect-Preferred: false", "TPP-Decoupled-Preferred: false"}

func (s *stopwatch) consents(context.Context) (func(bool) error, error) {
	at := s.bankOf("standard").XS2A + "/v1/consents"
	body := `{"access":{"balances":[{"iban":"` + s.ready.Personas[0].Accounts[0].IBAN + `"}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`
	var theirs, nothing []string
	for range 200 {
		made, err := s.ask(s.own, http.MethodPost, at, body, http.StatusCreated, "TPP-Explicit-Authorisation-Preferred: true", "TPP-Redirect-URI: https://localhost:9443/callback")
		if err != nil {
			return nil, err
		}
		id, _ := made["consentId"].(string)
		letters := []byte(id)
		rand.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
		theirs, nothing = append(theirs, at+"/"+id), append(nothing, at+"/"+string(letters))
	}
	i := 0
	return func(second bool) error {
		all := theirs
		if second {
			all = nothing
		}
		i++
		_, err := s.ask(s.other, http.MethodGet, all[i%len(all)], "", http.StatusForbidden)
		return err
	}, nil
}

func (s *stopwatch) secrets(context.Context) (func(bool) error, error) {
	at, t := s.bankOf("bankart").OAuth+"/token", s.ready.TPPs[0]
	change := func(i int) string {
		b := []byte(t.ClientSecret)
		b[i] ^= 1
		return url.Values{"grant_type": {"authorization_code"}, "code": {"nothing"}, "client_id": {t.ClientID}, "client_secret": {string(b)}}.Encode()
	}
	end, start := change(len(t.ClientSecret)-1), change(0)
	return func(second bool) error {
		form := end
		if second {
			form = start
		}
		_, err := s.ask(nil, http.MethodPost, at, form, http.StatusUnauthorized, "Content-Type: application/x-www-form-urlencoded")
		return err
	}, nil
}

// codes asks for a payment's, of which the bank is made to forget every second guess.
func (s *stopwatch) codes(ctx context.Context) (func(bool) error, error) {
	who := s.ready.Personas[0]
	made, err := s.ask(s.own, http.MethodPost, s.bankOf("standard").XS2A+"/v1/payments/sepa-credit-transfers",
		`{"debtorAccount":{"iban":"`+who.Accounts[0].IBAN+`"},"instructedAmount":{"currency":"EUR","amount":"77.00"},"creditorAccount":{"iban":"DE89370400440532013000"},"creditorName":"Ana Novak"}`, http.StatusCreated, stays...)
	if err != nil {
		return nil, err
	}
	at := link(made, "scaStatus")
	put := func(body string, status int) error {
		_, err := s.ask(s.own, http.MethodPut, at, body, status, "PSU-ID: "+who.Login)
		return err
	}
	if err := put(fmt.Sprintf(`{"psuData":{"password":%q}}`, who.Password), http.StatusOK); err != nil {
		return nil, err
	}
	var code string
	if err := s.bank.QueryRow(ctx, `SELECT code FROM corebank_message WHERE bank = 'isar' AND login = $1 ORDER BY at DESC LIMIT 1`, who.Login).Scan(&code); err != nil {
		return nil, err
	}
	guess := func(i int) string {
		b := []byte(code)
		b[i] = '0' + (b[i]-'0'+1)%10
		return fmt.Sprintf(`{"scaAuthenticationData":%q}`, b)
	}
	end, start, n := guess(len(code)-1), guess(0), 0
	forget := func() error {
		return s.bank.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE corebank_code SET tries = 0, expires_at = $1 WHERE bank = 'isar'`, time.Now().Add(time.Minute).UnixMicro())
			if err == nil {
				_, err = tx.Exec(`UPDATE corebank_customer SET sca_wrong = 0, sca_locked_until = 0 WHERE bank = 'isar'`)
			}
			return err
		})
	}
	return func(second bool) error {
		if n++; n%2 == 1 { // before both alike
			if err := forget(); err != nil {
				return err
			}
		}
		body := end
		if second {
			body = start
		}
		return put(body, http.StatusUnauthorized)
	}, nil
}

func link(answer map[string]any, name string) string {
	links, _ := answer["_links"].(map[string]any)
	to, _ := links[name].(map[string]any)
	address, _ := to["href"].(string)
	return address
}

// names creates consents whose PSU the TPP names.
func (s *stopwatch) names(context.Context) (func(bool) error, error) {
	at := s.bankOf("standard").XS2A + "/v1/consents"
	body := `{"access":{"balances":[{"iban":"` + s.ready.Personas[0].Accounts[0].IBAN + `"}]},"recurringIndicator":true,"validUntil":"9999-12-31","frequencyPerDay":4,"combinedServiceIndicator":false}`
	return func(second bool) error {
		login := s.ready.Personas[0].Login
		if second {
			login = login[1:] + login[:1]
		}
		_, err := s.ask(s.own, http.MethodPost, at, body, http.StatusCreated, append(stays, "PSU-ID: "+login)...)
		return err
	}, nil
}

var csrf = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// passwords logs in at the bank's own page, with a wrong one.
func (s *stopwatch) passwords(ctx context.Context) (func(bool) error, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client, at := &http.Client{Jar: jar}, s.ready.Bank+"/isar/me"
	resp, err := client.Get(at)
	if err != nil {
		return nil, err
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	token := csrf.FindSubmatch(page)
	if err != nil || token == nil {
		return nil, fmt.Errorf("no form on %s: %w", at, err)
	}
	n := 0
	return func(second bool) error {
		login := s.ready.Personas[1].Login
		if second {
			login = login[1:] + login[:1]
		}
		if n++; n%4 == 1 { // before both alike: locks are another matter
			if _, err := s.bank.Exec(ctx, `UPDATE corebank_customer SET wrong = 0, locked_until = 0 WHERE bank = 'isar'`); err != nil {
				return err
			}
		}
		resp, err := client.PostForm(at, url.Values{"csrf": {string(token[1])}, "action": {"login"}, "login": {login}, "password": {"not hers"}})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusUnprocessableEntity {
			return errors.Join(err, errors.New(resp.Status))
		}
		return nil
	}, nil
}

// printTimes writes what takes how long, "first | second".
func (r *Report) printTimes(out io.Writer) {
	if len(r.Times) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntimes of what must not be told apart\tsamples\tmean µs\tWelch's t\t")
	for _, t := range r.Times {
		told := ""
		if math.Abs(t.T) >= timesLimit {
			told = "CAN BE TOLD APART"
		}
		fmt.Fprintf(w, "%s\t%d\t%.1f | %.1f\t%.2f\t%s\n", t.About, t.Samples, t.FirstMicros, t.SecondMicros, t.T, told)
	}
	w.Flush()
}
