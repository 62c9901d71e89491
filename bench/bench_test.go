package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/bench/load"
	"kontor/bench/seed"
)

// A floor that did less than the work would make the product look slow.
func TestFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts two programs")
	}
	ctx, dir := t.Context(), t.TempDir()
	m, err := newMachine(ctx, dir, "kontor/bench/core", "kontor/bench/floor")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newFloor(ctx, m, "sqlite:"+filepath.Join(dir, "floor.db"), consents)
	if err != nil {
		t.Fatal(err)
	}
	defer s.down()
	if err := s.up(m, 1); err != nil {
		t.Fatal(err)
	}
	for _, path := range hotPaths() {
		t.Run("it answers "+path.about, func(t *testing.T) {
			count := 4
			if path.most > 0 {
				count = path.most
			}
			clients, err := contender{side: s, web: path.web}.dial(m, count)
			if err != nil {
				t.Fatal(err)
			}
			defer clients.Close()
			r := clients.Run(path.prepare(&s.target, count), count, 50*time.Millisecond)
			if r.Failures > 0 || r.Requests < count {
				t.Errorf("%d of %d failed: %v\n%s", r.Failures, r.Requests, r.Failure, s.server.tail())
			}
		})
	}
	t.Run("the bank was content with every call", func(t *testing.T) {
		if c, err := s.counts(); err != nil || c.bankCalls == 0 {
			t.Errorf("%v calls, %v", c.bankCalls, err)
		}
	})

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: m.client}}
	ask := func(method, path, body string, headers ...string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, method, "https://"+s.api+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Request-ID", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721")
		r.Header.Set("PSU-IP-Address", "127.0.0.1")
		r.Header.Set("TPP-Redirect-URI", seed.RedirectURI)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(answer.StatusCode, " ", string(got))
	}
	const last = consents - 1 // not used above
	bearer := "Authorization: Bearer " + seed.Access(last)
	form := "Content-Type: application/x-www-form-urlencoded"
	refresh := "grant_type=refresh_token&client_id=" + seed.TPP + "&refresh_token=" + seed.Refresh(last)
	pay := `{"debtorAccount":{"iban":"` + seed.IBAN(1) + `"},"instructedAmount":{"currency":"EUR","amount":"%s"},"creditorAccount":{"iban":"` + seed.CreditorIBAN + `"},"creditorName":"B"}`
	cases := []struct{ name, got, want string }{
		{"another consent than the token's is refused", ask("GET", "/v1/accounts", "", bearer, "Consent-ID: "+seed.Consent(0)), "400 "},
		{"an unknown token is refused", ask("GET", "/v1/accounts", "", "Authorization: Bearer x", "Consent-ID: "+seed.Consent(last)), "401 "},
		{"another account than the consent's is refused", ask("GET", "/v1/accounts/"+seed.Resource(0)+"/transactions?bookingStatus=booked&dateFrom="+time.Now().UTC().Format(time.DateOnly),
			"", bearer, "Consent-ID: "+seed.Consent(last)), "404 "},
		{"a refresh token is good once", ask("POST", "/oauth/token", refresh, form), "200 "},
		{"a refresh token is not good twice", ask("POST", "/oauth/token", refresh, form), "400 "},
		{"an IBAN with a wrong check digit is refused", ask("POST", "/v1/payments/sepa-credit-transfers", strings.Replace(fmt.Sprintf(pay, "1.00"), "DE89", "DE88", 1)), "400 "},
		{"a payment of nothing is refused", ask("POST", "/v1/payments/sepa-credit-transfers", fmt.Sprintf(pay, "0.00")), "400 "},
	}
	for _, c := range cases {
		if !strings.HasPrefix(c.got, c.want) {
			t.Errorf("%s: got %s", c.name, c.got)
		}
	}
	first := ask("POST", "/v1/payments/sepa-credit-transfers", fmt.Sprintf(pay, "1.00"))
	if again := ask("POST", "/v1/payments/sepa-credit-transfers", fmt.Sprintf(pay, "1.00")); again != first || !strings.HasPrefix(first, "201 ") {
		t.Errorf("the same request got %s, then %s", first, again)
	}
	if other := ask("POST", "/v1/payments/sepa-credit-transfers", fmt.Sprintf(pay, "2.00")); !strings.HasPrefix(other, "400 ") {
		t.Errorf("another request with the same X-Request-ID got %s", other)
	}
	stranger := m.client.Clone()
	stranger.Certificates = nil
	if _, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: stranger}}).Get("https://" + s.api + "/v1/accounts"); err == nil {
		t.Error("a caller without certificate was let in")
	}
}

// The whole must go on working between the runs that somebody looks at.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the product, the floor and two banks")
	}
	file := filepath.Join(t.TempDir(), "bench.json")
	o := options{databases: []string{"sqlite"}, paths: hotPaths(), slices: 1, json: file, parts: []string{"paths", "flat", "ledger", "pages"}, quick: true}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != len(hotPaths()) || len(r.Flat) != 3 || len(r.Spread) != 1 || len(r.Ledger) != 1 || len(r.Pages) < 50 {
		t.Fatalf("the report has %d paths, %d sizes, %d spreads, %d ledgers, %d pages", len(r.Rows), len(r.Flat), len(r.Spread), len(r.Ledger), len(r.Pages))
	}
	for _, row := range r.Rows {
		// Allocations are the same on a busy machine; time is not.
		if row.Path == "transactions" && row.Product.AllocationsPerReq > 500 {
			t.Errorf("a page of a hundred entries takes %.0f allocations", row.Product.AllocationsPerReq)
		}
	}
}

// A comparison that could not tell anything apart would always be content.
func TestWelch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(mean float64) (all []float64) {
		for range 5000 {
			all = append(all, mean+10*r.NormFloat64())
		}
		return all
	}
	if got := welch(draw(100), draw(100)); math.Abs(got) >= timesLimit {
		t.Errorf("what is the same has t = %.2f", got)
	}
	if got := welch(draw(100), draw(102)); math.Abs(got) < timesLimit {
		t.Errorf("what differs by a fiftieth has t = %.2f", got)
	}
}

// A load generator that overlooked refusals would measure them.
func TestUnexpectedAnswersAreCounted(t *testing.T) {
	server, err := tls.Listen("tcp", "127.0.0.1:0", selfSigned(t))
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(server, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			w.WriteHeader(429)
		}
		w.Write(bytes.Repeat([]byte("x"), 5000)) // chunked
	}))
	defer server.Close()
	clients, err := load.Dial(server.Addr().String(), &tls.Config{InsecureSkipVerify: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	for path, refused := range map[string]bool{"/": false, "/refused": true} {
		op := load.Operation{Status: 200, Append: func(b []byte, _, _ int) []byte { return append(b, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"...) },
			Check: func(_, _ int, body []byte) error {
				if len(body) != 5000 {
					return load.Unexpected(fmt.Sprint(len(body), " bytes"))
				}
				return nil
			}}
		r := clients.Run(op, 1, 20*time.Millisecond)
		if r.Requests == 0 || refused != (r.Failures == r.Requests) || !refused && r.Failures > 0 {
			t.Errorf("%s: %d of %d failed: %v", path, r.Failures, r.Requests, r.Failure)
		}
	}
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	dir := t.TempDir()
	m, err := newMachine(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{m.tpp.TLS()}}
}
