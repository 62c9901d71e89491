package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/ready"
)

// A process is a kontor that runs apart, so that it can be killed.
type process struct {
	*exec.Cmd
	ready ready.Ready
}

func startDev(t *testing.T, data string, at map[string]string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "ready.json")
	cmd := exec.Command(self)
	// TestMain runs the command whose name the program is called by.
	cmd.Args = []string{"kontor", "--log-level", "error", "dev", "--data", data, "--ready-file", file}
	for flag, address := range at {
		cmd.Args = append(cmd.Args, flag, address)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 400 {
		if r, err := ready.Read(file); err == nil {
			return &process{cmd, r}
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("kontor dev did not become ready")
	return nil
}

// An attempt is a payment or a consent that a TPP asks for until it is answered: always with
// the same X-Request-ID, since it cannot know whether the last try arrived.
type attempt struct {
	name, requestID, acknowledged string
	sca                           string // where the customer approves it
	approved                      bool   // by her, or it needed no approval
}

// TestKilledInTheMiddle kills the program, hub and bank, again and again while payments and
// consents are made. What was acknowledged must be there afterwards, and what was asked for
// several times must have happened once.
func TestKilledInTheMiddle(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute: not killed in -short")
	}
	t.Parallel()
	// A slow machine gets more kills, until enough was done between them to mean something.
	const kills, killsMax, workers = 10, 60, 6
	data := t.TempDir()
	p := startDev(t, data, map[string]string{"--api": "127.0.0.1:0", "--web": "127.0.0.1:0", "--web-tls": "127.0.0.1:0", "--bank": "127.0.0.1:0"})
	host := func(address string) string { _, h, _ := strings.Cut(address, "://"); return h }
	at := map[string]string{"--api": host(p.ready.API), "--web": host(p.ready.Web), "--web-tls": host(p.ready.WebTLS), "--bank": host(p.ready.Bank)}
	s := apptest.New(t, p.ready)
	tpp, ana := s.TPPs[0], s.Personas[0]
	alpa := s.Client(s.Certificate(tpp))
	pay := s.Login(tpp, ana, "psd2:pay")
	payments := s.Bank("bankart").XS2A + "/v1/payments/sepa-credit-transfers"
	consents := s.Bank("salt").XS2A + "/v1/consents"

	enough := make(chan struct{})
	var mu sync.Mutex
	var paid, agreed []attempt
	until := func(a *attempt, try func() (apptest.Answer, error), id string) {
		for n := 0; ; n++ {
			answer, err := try()
			if err == nil && answer.Status == http.StatusCreated {
				a.acknowledged, a.sca = answer.Get(id), answer.Get("_links", "scaRedirect", "href")
				a.approved = answer.Get("scaStatus") == "exempted"
				return
			}
			if err == nil && answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusTooManyRequests {
				t.Errorf("%s: %s", a.name, answer)
				return
			}
			if n > 300 {
				t.Errorf("%s is never answered: %s %v", a.name, answer, err)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	var load sync.WaitGroup
	for w := range workers {
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-enough:
					return
				default:
				}
				a := attempt{name: fmt.Sprintf("CRASH-%d-%d", w, n), requestID: apptest.UUID()}
				if w < 2 {
					until(&a, func() (apptest.Answer, error) {
						return apptest.Try(alpa, http.MethodPost, consents, apptest.H{"X-Request-ID": a.requestID, "TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30))
					}, "consentId")
				} else {
					// The first few need no approval; of the others, the customer approves every one.
					until(&a, func() (apptest.Answer, error) {
						return apptest.Try(alpa, http.MethodPost, payments, apptest.H{"X-Request-ID": a.requestID, "Authorization": "Bearer " + pay, "TPP-Redirect-URI": apptest.Redirect},
							apptest.Payment(a.name, ana.Accounts[0].IBAN, ana.Accounts[1].IBAN, "0.01"))
					}, "paymentId")
					for n := 0; a.sca != "" && n < 100; n++ {
						left, err := s.TryFollow(ana, a.sca)
						if err == nil {
							if !strings.HasPrefix(left, apptest.Redirect) {
								t.Errorf("%s: the customer came back to %s", a.name, left)
							}
							a.approved = true
							break
						}
						time.Sleep(100 * time.Millisecond)
					}
				}
				mu.Lock()
				if w < 2 {
					agreed = append(agreed, a)
				} else {
					paid = append(paid, a)
				}
				mu.Unlock()
			}
		})
	}
	done := func() (approved, consents int) {
		mu.Lock()
		defer mu.Unlock()
		for _, a := range paid {
			if a.approved {
				approved++
			}
		}
		return approved, len(agreed)
	}
	killed := 0
	for ; killed < killsMax; killed++ {
		if approved, consents := done(); killed >= kills && approved >= kills && consents >= kills {
			break
		}
		time.Sleep(300*time.Millisecond + rand.N(500*time.Millisecond))
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.Wait()
		p = startDev(t, data, at)
	}
	close(enough)
	load.Wait()
	t.Logf("%d kills; %d payments and %d consents were acknowledged", killed, len(paid), len(agreed))
	if approved, consents := done(); approved < kills || consents < kills {
		t.Fatal("too few to mean anything")
	}

	for _, a := range agreed {
		if got := s.Ask(alpa, http.MethodGet, consents+"/"+a.acknowledged+"/status", nil, ""); got.Get("consentStatus") != "received" {
			t.Errorf("consent %s was acknowledged, and is %s", a.name, got)
		}
	}
	var ids []string
	settled := map[string]bool{}
	// What the bank did is reported again after a crash; that may take the twenty seconds for
	// which a report belongs to the request that wrote it.
	deadline := time.Now().Add(40 * time.Second)
	status := func(a attempt) apptest.Answer {
		got := s.Ask(alpa, http.MethodGet, payments+"/"+a.acknowledged+"/status", nil, "")
		settled[a.name] = got.Get("transactionStatus") == "ACSC"
		return got
	}
	for _, a := range paid {
		ids = append(ids, a.acknowledged)
		for {
			got := status(a)
			if settled[a.name] {
				break
			}
			// A kill between keeping a payment and handing it to the bank leaves it received:
			// to hand it over a second time could pay it twice. It ends with its time for SCA.
			if !a.approved && got.Get("transactionStatus") == "RCVD" {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("payment %s was acknowledged and approved, and is %s", a.name, got)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		t.Errorf("%d payments have only %d identifiers", len(ids), n)
	}
	executed := booked(t, s, alpa, s.Login(tpp, ana, "psd2:acc"))
	for _, a := range paid {
		// One that needed no approval may be executed, and the report of it still be on its way.
		for executed[a.name] == 1 && !settled[a.name] && time.Now().Before(deadline) {
			time.Sleep(100 * time.Millisecond)
			status(a)
		}
		if n := executed[a.name]; n != 1 && settled[a.name] || n != 0 && !settled[a.name] {
			t.Errorf("payment %s is settled: %t, and was executed %d times", a.name, settled[a.name], n)
		}
		delete(executed, a.name)
	}
	for name, n := range executed {
		if strings.HasPrefix(name, "CRASH-") {
			t.Errorf("payment %s was executed %d times and never acknowledged", name, n)
		}
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
	banks, err := app.NewBanks(t.Context(), app.BanksOptions{Data: data, Address: "127.0.0.1:0", HubURL: "http://127.0.0.1:1"}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer banks.Close()
	if err := banks.Check(t.Context()); err != nil {
		t.Errorf("the books: %v", err)
	}
}

// booked counts the entries of today on Ana's first account by their end-to-end identification.
func booked(t *testing.T, s *apptest.Sandbox, alpa *http.Client, login string) map[string]int {
	t.Helper()
	lon, ana := s.Bank("bankart"), s.Personas[0]
	body := fmt.Sprintf(`{"access":{"accounts":[{"iban":%[1]q}],"balances":[{"iban":%[1]q}],"transactions":[{"iban":%[1]q}]},"recurringIndicator":true,"validUntil":%[2]q,"frequencyPerDay":4,"combinedServiceIndicator":false}`,
		ana.Accounts[0].IBAN, time.Now().AddDate(0, 0, 30).Format(time.DateOnly))
	created := s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/consents", apptest.H{"Authorization": "Bearer " + login, "TPP-Redirect-URI": apptest.Redirect}, body)
	if created.Status != http.StatusCreated {
		t.Fatalf("consent: %s", created)
	}
	s.Follow(ana, created.Get("_links", "scaRedirect", "href"))
	read := apptest.H{"Consent-ID": created.Get("consentId")}
	var list struct{ Accounts []struct{ ResourceID string } }
	accounts := s.Ask(alpa, http.MethodGet, lon.XS2A+"/v1/accounts", read, "")
	if err := json.Unmarshal([]byte(accounts.Body), &list); err != nil || len(list.Accounts) != 1 {
		t.Fatalf("accounts: %s", accounts)
	}
	counts := map[string]int{}
	next := lon.XS2A + "/v1/accounts/" + list.Accounts[0].ResourceID + "/transactions?bookingStatus=booked&dateFrom=" + time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	for range 1000 {
		a := s.Ask(alpa, http.MethodGet, next, read, "")
		var page struct {
			Transactions struct {
				Booked []struct{ EndToEndID string }
				Links  struct{ Next struct{ Href string } } `json:"_links"`
			}
		}
		if err := json.Unmarshal([]byte(a.Body), &page); err != nil || a.Status != http.StatusOK {
			t.Fatalf("transactions: %s", a)
		}
		for _, b := range page.Transactions.Booked {
			counts[b.EndToEndID]++
		}
		if next = page.Transactions.Links.Next.Href; next == "" {
			return counts
		}
		if !strings.HasPrefix(next, "http") {
			next = s.API + next
		}
	}
	t.Fatal("pages without end")
	return nil
}
