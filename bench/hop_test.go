package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"kontor/bank/account"
	"kontor/bank/consent"
	"kontor/bank/core"
	"kontor/bank/profile"
	"kontor/bank/tpp"
	"kontor/bench/load"
	"kontor/bench/seed"
	"kontor/connector/client"
	"kontor/connector/jws"
	"kontor/connector/wire"
	"kontor/edge/xs2a"
	"kontor/kit/audit"
	"kontor/kit/day"
	"kontor/kit/eidas"
)

// BenchmarkHop compares what mapping costs on the way from the bank to the TPP: a page of a
// hundred entries as the product makes it, and the bank's bytes passed on as they are. Both
// ask the bank in the same way; neither has TLS or a database. The two run in turn, and the
// ratio is the median of neighbours' without the signature of the question, which both need
// and which would hide the rest; it is a short one here, so that its noise does not. page-allocs is what a
// page of a hundred entries takes more than an empty one.
func BenchmarkHop(b *testing.B) {
	m, err := newMachine(b.Context(), b.TempDir(), "kontor/bench/core")
	if err != nil {
		b.Fatal(err)
	}
	if m.signer, err = writeKeys(filepath.Join(m.dir, "hub"), 1024); err != nil {
		b.Fatal(err)
	}
	ports, err := freePorts(1)
	if err != nil {
		b.Fatal(err)
	}
	s := &side{name: "hop", bankAddr: ports[0]}
	if err := s.startBank(b.Context(), m, "http://127.0.0.1:1"); err != nil {
		b.Fatal(err)
	}
	defer s.bank.stop()
	mapped, spliced, empty := mappedHop(b, m, s.bankAddr), splicedHop(m, s.bankAddr), mappedHop(b, m, s.bankAddr)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if body := spliced(false); bytes.Contains(body, []byte(lastOfPage)) {
			break
		} else if time.Now().After(deadline) {
			b.Fatalf("the bank does not answer: %.300s\n%s", body, s.bank.tail())
		}
	}
	if body := mapped(false); !bytes.Contains(body, []byte(lastOfPage)) || !bytes.Contains(body, []byte(`"transactionAmount"`)) {
		b.Fatalf("the product does not answer with the entries: %.300s", body)
	}
	if body := empty(true); !bytes.Contains(body, []byte(`"booked":[]`)) {
		b.Fatalf("the product does not answer with an empty list: %.300s", body)
	}
	const each = 40 // of one kind in a row: enough to tell their processor time
	kinds := []func(bool) []byte{mapped, spliced, func(bool) []byte {
		if _, err := jws.Sign(m.signer, wire.TransactionsQuery{AccountID: wire.String(seed.Account(0))}, time.Now(), wire.HubIssuer); err != nil {
			b.Fatal(err)
		}
		return nil
	}}
	var all, beside []float64
	var sum [3]time.Duration
	var allocs [4]float64
	for n := 0; b.Loop(); n++ {
		var took [3]time.Duration
		for k := range kinds {
			i := (k + n) % len(kinds)
			took[i], allocs[i] = spent(b, each, kinds[i], false)
			sum[i] += took[i]
		}
		_, allocs[3] = spent(b, each, empty, true)
		all = append(all, float64(took[0])/float64(took[1]))
		beside = append(beside, float64(took[0]-took[2])/float64(took[1]-took[2]))
	}
	n := float64(len(all))
	b.ReportMetric(float64(sum[0].Microseconds())/n, "mapped-cpu-µs")
	b.ReportMetric(float64(sum[1].Microseconds())/n, "spliced-cpu-µs")
	b.ReportMetric(float64(sum[2].Microseconds())/n, "signature-cpu-µs")
	b.ReportMetric(median(all), "ratio")
	b.ReportMetric(median(beside), "ratio-beside-RSA")
	b.ReportMetric(allocs[0], "mapped-allocs")
	b.ReportMetric(allocs[1], "spliced-allocs")
	b.ReportMetric(allocs[0]-allocs[3], "page-allocs")
}

// spent returns processor time and allocations of one of n hops.
func spent(b *testing.B, n int, hop func(bool) []byte, none bool) (time.Duration, float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, err := load.CPU(os.Getpid())
	for range n {
		hop(none)
	}
	end, err2 := load.CPU(os.Getpid())
	runtime.ReadMemStats(&after)
	if err != nil || err2 != nil {
		b.Fatal(err, err2)
	}
	return (end - cpu) / time.Duration(n), float64(after.Mallocs-before.Mallocs) / float64(n)
}

// mappedHop is the product without TLS, token and database. With none it answers a page on
// which nothing is wanted of what the bank sends.
func mappedHop(b *testing.B, m *machine, bank string) func(none bool) []byte {
	p, err := profile.Load("standard")
	if err != nil {
		b.Fatal(err)
	}
	p.OAuth.Mode, p.Signature.Required = profile.OAuthNone, false
	at := profile.Bank{Profile: p, Code: bankCode, Name: "Bench Bank", Zone: time.UTC}
	connector, err := client.New(client.Config{BankCode: bankCode, ConnectorURL: "http://" + bank, SigningKey: m.signer})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { connector.Close() })
	key := []byte(strings.Repeat("k", 32))
	id := account.ResourceID(key, bankCode, seed.Consent(0), seed.Account(0))
	now := time.Now().UTC()
	kept := keptConsent{c: consent.Consent{
		Bank: bankCode, ID: seed.Consent(0), TPP: seed.TPP, Model: consent.Global, Access: consent.Access{AllPSD2: consent.AllAccounts}, Recurring: true,
		ValidUntil: day.Of(now, time.UTC).AddDays(90), ExpiresAt: now.AddDate(0, 0, 90), FrequencyPerDay: 4, Status: consent.Valid,
		Session: seed.Session(0), Token: seed.Bank(0), Grant: &core.Grant{AllPSD2: true},
		Accounts: []consent.Account{{ResourceID: id, ID: seed.Account(0), Reference: core.AccountReference{IBAN: seed.IBAN(0), Currency: "EUR"}, Balances: true, Transactions: true}},
	}}
	consents := &consent.Service{Store: kept, Audit: kept, Banks: map[string]profile.Bank{bankCode: at}, Now: time.Now,
		Atomically: func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }}
	api := &xs2a.API{Bank: at, BaseURL: "https://bench.example", Consents: consents, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Accounts: &account.Service{Consents: consents, Cores: map[string]core.Bank{bankCode: connector}, Key: key, Now: time.Now, NewID: rand.Text},
		Identify: func(*http.Request) (tpp.TPP, error) {
			return tpp.TPP{ID: seed.TPP, Name: seed.TPPName, Roles: []eidas.Role{eidas.AI}}, nil
		},
	}
	handler := api.Handler()
	return func(none bool) []byte {
		status := "booked"
		if none {
			status = "pending"
		}
		r := httptest.NewRequest(http.MethodGet, "/v1/accounts/"+id+"/transactions?bookingStatus="+status+"&itemsPerPage=100&dateFrom="+since(), nil)
		r.Header.Set("X-Request-ID", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721")
		r.Header.Set("Consent-ID", seed.Consent(0))
		return recorded(handler, r, none)
	}
}

func recorded(handler http.Handler, r *http.Request, none bool) []byte {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	body := w.Body.Bytes()
	if none { // an empty list has its own name
		body = bytes.Replace(body, []byte(`"pending":[]`), []byte(`"booked":[]`), 1)
	}
	return body
}

// keptConsent is one consent in memory, of which no use is counted or recorded.
type keptConsent struct {
	consent.Store
	c consent.Consent
}

func (k keptConsent) Get(context.Context, string, string) (consent.Consent, error) { return k.c, nil }
func (k keptConsent) OfTPP(context.Context, string, tpp.ID, string) (consent.Consent, error) {
	return k.c, nil
}
func (k keptConsent) Count(context.Context, string, string, day.Day, string, int) error {
	return nil
}
func (k keptConsent) Append(context.Context, audit.Entry) error { return nil }

// splicedHop asks the bank and passes its entries on.
func splicedHop(m *machine, bank string) func(bool) []byte {
	asking := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := wire.TransactionsQuery{SessionSecret: wire.String(seed.Session(0)), AccountID: wire.String(seed.Account(0)), FromDate: wire.String(since()), ToDate: wire.String(since())}
		token, err := jws.Sign(m.signer, data, time.Now().Add(time.Minute), wire.HubIssuer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+bank+wire.ConnectorBase+wire.PathAccounts+"/"+seed.Account(0)+"/transactions", nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		q.Header = http.Header{"Authorization": {"Bearer " + token}, wire.HeaderAccessToken: {seed.Bank(0)}}
		answer, err := asking.Do(q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		body := bytes.NewBuffer(make([]byte, 0, 64<<10))
		if _, err := body.ReadFrom(io.LimitReader(answer.Body, 1<<20)); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		entries, _, _ := bytes.Cut(bytes.TrimPrefix(body.Bytes(), []byte(`{"data":`)), []byte(`,"meta":`))
		before, behind := `{"account":{"iban":"`+seed.IBAN(0)+`"},"transactions":{"booked":`, `}}`
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(before)+len(entries)+len(behind)))
		fmt.Fprint(w, before)
		w.Write(entries)
		fmt.Fprint(w, behind)
	})
	return func(bool) []byte { return recorded(handler, httptest.NewRequest(http.MethodGet, "/", nil), false) }
}
