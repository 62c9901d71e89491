package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"kontor/bench/load"
	"kontor/bench/seed"
)

// A target says how one side names what all sides have.
type target struct {
	host      string
	base      string // before /accounts
	payments  string // before /payments
	funds     string // before /funds-confirmations
	token     string // path of the token endpoint
	consents  int    // there are so many
	consent   func(i int) string
	fundsID   func(i int) string // consent to confirm funds
	fundsBy   func(i int) string // the access token under it
	resource  func(i int) string // the first account under consent i
	savings   func(i int) string // the second, which has more entries
	download  []string           // by consent, of the first few: path of its whole report
	access    func(i int) string
	refresh   []string // by consent: the refresh token that is good now
	paymentBy string   // further headers of a payment, each with its line end
	dashboard string   // of a PSU: path, version and headers, up to what her browser keeps
}

func floorTarget(host string, count int) target {
	t := target{host: host, base: "/v1", payments: "/v1", funds: "/v1", token: "/oauth/token", consents: count,
		consent: table(count, seed.Consent), fundsID: table(count, seed.Consent), fundsBy: table(count, seed.Access), access: table(count, seed.Access)}
	t.resource = table(count, seed.Resource)
	t.dashboard = "/my HTTP/1.1\r\nHost: " + host + "\r\nCookie: visit="
	t.savings = table(count, func(i int) string { return seed.Resource(i) + seed.Savings })
	for i := range connections {
		t.download = append(t.download, "/accounts/"+t.savings(i)+"/transactions/download/"+since())
	}
	return t
}

// table computes f for count consents beforehand: the generator must not cost what a server costs.
func table(count int, f func(i int) string) func(i int) string {
	values := make([]string, count)
	for i := range values {
		values[i] = f(i)
	}
	return func(i int) string { return values[i] }
}

// A hotPath is a kind of request that the comparison is made for.
type hotPath struct {
	name  string
	about string
	// prepare returns the operation for count connections. They share the consents in such
	// a way that no two of them use the same one.
	prepare func(t *target, count int) load.Operation
	long    bool // an answer takes so long that fewer of them tell enough
	most    int  // connections at once, 0 for as many as there are: a request has megabytes
	web     bool // it comes from a browser
}

// hotPaths lists all of them in the order of the report.
func hotPaths() []hotPath {
	return []hotPath{
		{name: "token", about: "POST token, refresh with rotation", prepare: refreshToken},
		{name: "consent-read", about: "GET consent", prepare: readConsent},
		{name: "accounts", about: "GET accounts through the bank", prepare: readAccounts},
		{name: "balances", about: "GET balances through the bank", prepare: readBalances},
		{name: "transactions", about: "GET 100 transactions through the bank", prepare: readTransactions},
		{name: "camt", about: "GET 100 transactions through the bank, as camt.052", prepare: readCamt},
		{name: "transactions-long", about: "GET 10,000 transactions through the bank, as one download", prepare: download, long: true},
		{name: "camt-long", about: "GET 10,000 transactions through the bank, as camt.052", prepare: readLongCamt, long: true},
		{name: "consent", about: "POST consent, with the bank's callback", prepare: createConsent},
		{name: "payment", about: "POST payment, with the bank's callback", prepare: createPayment},
		{name: "batch", about: "POST 1,000 payments as pain.001, with the bank's callback", prepare: batch(1000), long: true},
		{name: "batch-long", about: "POST 10,000 payments as pain.001, with the bank's callback", prepare: batch(10_000), long: true, most: 2},
		{name: "funds", about: "POST funds confirmation through the bank", prepare: confirmFunds},
		{name: "dashboard", about: "GET the page on which a PSU sees what she gave", prepare: showDashboard, web: true},
	}
}

func refreshToken(t *target, count int) load.Operation {
	if t.refresh == nil {
		t.refresh = make([]string, t.consents)
		for i := range t.refresh {
			t.refresh[i] = seed.Refresh(i)
		}
	}
	head := "POST " + t.token + " HTTP/1.1\r\nHost: " + t.host + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
	form := "grant_type=refresh_token&client_id=" + seed.TPP + "&refresh_token="
	key := func(worker, n int) int { return (n*count + worker) % t.consents }
	return load.Operation{Status: 200,
		Append: func(b []byte, worker, n int) []byte {
			refresh := t.refresh[key(worker, n)]
			b = append(b, head...)
			b = strconv.AppendInt(b, int64(len(form)+len(refresh)), 10)
			b = append(b, "\r\n\r\n"...)
			b = append(b, form...)
			return append(b, refresh...)
		},
		Check: func(worker, n int, body []byte) error {
			next, ok := member(body, "refresh_token")
			if _, access := member(body, "access_token"); !ok || !access {
				return load.Unexpected(fmt.Sprintf("no tokens in %.300s", body))
			}
			t.refresh[key(worker, n)] = next
			return nil
		},
	}
}

// member finds the text of a member without reading the whole.
func member(body []byte, name string) (string, bool) {
	_, rest, ok := bytes.Cut(body, []byte(`"`+name+`":`))
	rest = bytes.TrimLeft(rest, " ")
	if !ok || len(rest) == 0 || rest[0] != '"' {
		return "", false
	}
	value, _, ok := bytes.Cut(rest[1:], []byte(`"`))
	return string(value), ok && len(value) > 0
}

func readConsent(t *target, count int) load.Operation {
	return read(t, count, "application/json", func(b []byte, i int) []byte {
		b = append(b, "/consents/"...)
		return append(b, t.consent(i)...)
	}, `"consentStatus":"valid"`, `"allPsd2":`)
}

func readAccounts(t *target, count int) load.Operation {
	return read(t, count, "application/json", func(b []byte, _ int) []byte { return append(b, "/accounts"...) }, `"accounts":`, `"iban":`)
}

func readBalances(t *target, count int) load.Operation {
	return read(t, count, "application/json", func(b []byte, i int) []byte {
		b = append(b, "/accounts/"...)
		b = append(b, t.resource(i)...)
		return append(b, "/balances"...)
	}, `"balances":`, `"interimAvailable"`, `2290.45`)
}

// The last of a page of entries, and of all of them.
const (
	lastOfPage = "E2E-0000000099"
	lastOfLong = "E2E-0000009999"
)

// since is as far back as all entries of the bank lie.
func since() string { return time.Now().UTC().AddDate(0, 0, -80).Format(time.DateOnly) }

func readTransactions(t *target, count int) load.Operation {
	return entries(t, count, "application/json", "&itemsPerPage=100", t.resource, `"booked":`, lastOfPage)
}

func readCamt(t *target, count int) load.Operation {
	return entries(t, count, "application/xml", "", t.resource, "camt.052.001.08", "<Ntry>", "ITAV", lastOfPage, "</Document>")
}

func readLongCamt(t *target, count int) load.Operation {
	return entries(t, count, "application/xml", "", t.savings, "camt.052.001.08", "<Ntry>", "ITAV", lastOfLong, "</Document>")
}

func entries(t *target, count int, accept, more string, resource func(i int) string, want ...string) load.Operation {
	query := "/transactions?bookingStatus=booked&dateFrom=" + since() + more
	return read(t, count, accept, func(b []byte, i int) []byte {
		b = append(b, "/accounts/"...)
		b = append(b, resource(i)...)
		return append(b, query...)
	}, want...)
}

// download reads whole reports at the addresses that their first pages have told. It is not
// counted, so each connection stays with one consent.
func download(t *target, _ int) load.Operation {
	return reading(t, "application/json", "", func(worker, _ int) int { return worker },
		func(b []byte, i int) []byte { return append(b, t.download[i]...) }, `"booked":[{`, lastOfLong)
}

// read is a GET without the PSU: it is counted.
func read(t *target, count int, accept string, path func(b []byte, i int) []byte, want ...string) load.Operation {
	return reading(t, accept, "", func(worker, n int) int { return (n*count + worker) % t.consents }, path, want...)
}

// reading is a GET under the consent that key says. headers are further ones, each with its line end.
func reading(t *target, accept, headers string, key func(worker, n int) int, path func(b []byte, i int) []byte, want ...string) load.Operation {
	ids := newIDs()
	head := " HTTP/1.1\r\nHost: " + t.host + "\r\n" + headers + "Accept: " + accept + "\r\nConsent-ID: "
	return load.Operation{Status: 200,
		Append: func(b []byte, worker, n int) []byte {
			i := key(worker, n)
			b = append(b, "GET "...)
			b = append(b, t.base...)
			b = path(b, i)
			b = append(b, head...)
			b = append(b, t.consent(i)...)
			b = append(b, "\r\nAuthorization: Bearer "...)
			b = append(b, t.access(i)...)
			b = ids.header(b, worker, n)
			return append(b, "\r\n"...)
		},
		Check: contains(want...),
	}
}

func createConsent(t *target, _ int) load.Operation {
	body := fmt.Sprintf(`{"access":{"allPsd2":"allAccounts"},"recurringIndicator":true,"validUntil":%q,"frequencyPerDay":4,"combinedServiceIndicator":false}`,
		time.Now().UTC().AddDate(0, 0, 60).Format(time.DateOnly))
	return post(t, t.base+"/consents", "", 201, func(b []byte, _, _ int) []byte { return append(b, body...) }, `"consentId":`, `sca`)
}

func createPayment(t *target, count int) load.Operation {
	iban := table(t.consents, seed.IBAN)
	return post(t, t.payments+"/payments/sepa-credit-transfers", t.paymentBy, 201, func(b []byte, worker, n int) []byte {
		i := n*count + worker
		return fmt.Appendf(b, `{"endToEndIdentification":"E2E-%d","debtorAccount":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"%d.%02d"},`+
			`"creditorAccount":{"iban":%q},"creditorName":%q,"remittanceInformationUnstructured":"Invoice %d"}`,
			i, iban(i%t.consents), 1+i%900, i%100, seed.CreditorIBAN, seed.CreditorName, i)
	}, `"paymentId":`, `sca`)
}

func confirmFunds(t *target, count int) load.Operation {
	ids, iban := newIDs(), table(t.consents, seed.IBAN)
	return load.Operation{Status: 200,
		Append: func(b []byte, worker, n int) []byte {
			i := (n*count + worker) % t.consents
			body := fmt.Sprintf(`{"account":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"%d.50"}}`, iban(i), 1+n%900)
			b = fmt.Appendf(b, "POST %s/funds-confirmations HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nConsent-ID: %s\r\nAuthorization: Bearer %s\r\nContent-Length: %d",
				t.funds, t.host, t.fundsID(i), t.fundsBy(i), len(body))
			b = ids.header(b, worker, n)
			b = append(b, "\r\n"...)
			return append(b, body...)
		},
		Check: contains(`"fundsAvailable":`),
	}
}

// showDashboard is what a browser asks for whose PSU has logged in; nothing of it is cached.
func showDashboard(t *target, count int) load.Operation {
	visits := table(t.consents, seed.Visit)
	return load.Operation{Status: 200,
		Append: func(b []byte, worker, n int) []byte {
			b = append(b, "GET "...)
			b = append(b, t.dashboard...)
			b = append(b, visits((n*count+worker)%t.consents)...)
			return append(b, "\r\nAccept: text/html\r\nAccept-Language: en\r\n\r\n"...)
		},
		Check: contains("May see your accounts", "May ask whether an amount is available", seed.TPPName, "</html>"),
	}
}

func post(t *target, path, headers string, status int, body func(b []byte, worker, n int) []byte, want ...string) load.Operation {
	ids := newIDs()
	head := "POST " + path + " HTTP/1.1\r\nHost: " + t.host + "\r\nContent-Type: application/json\r\nPSU-IP-Address: 127.0.0.1\r\nTPP-Redirect-URI: " +
		seed.RedirectURI + "\r\n" + headers + "Content-Length: "
	return load.Operation{Status: status,
		Append: func(b []byte, worker, n int) []byte {
			data := body(make([]byte, 0, 512), worker, n)
			b = append(b, head...)
			b = strconv.AppendInt(b, int64(len(data)), 10)
			b = ids.header(b, worker, n)
			b = append(b, "\r\n"...)
			return append(b, data...)
		},
		Check: contains(want...),
	}
}

func contains(want ...string) func(int, int, []byte) error {
	return func(_, _ int, body []byte) error {
		for _, w := range want {
			if !bytes.Contains(body, []byte(w)) {
				return load.Unexpected(fmt.Sprintf("no %s in %.300s", w, body))
			}
		}
		return nil
	}
}

// ids makes X-Request-IDs that no other request of this run has.
type ids uint32

func newIDs() ids { return ids(rand.Uint32()) }

func (x ids) header(b []byte, worker, n int) []byte {
	const digits = "0123456789abcdef"
	b = append(b, "\r\nX-Request-ID: 00000000-0000-4000-8000-000000000000\r\n"...)
	id := b[len(b)-38 : len(b)-2]
	for i, v := 7, uint32(x); i >= 0; i, v = i-1, v>>4 {
		id[i] = digits[v&15]
	}
	for i, v := 35, worker<<32|n; i >= 24; i, v = i-1, v>>4 {
		id[i] = digits[v&15]
	}
	return b
}

// choose returns the hot paths that a comma separated list names; all when it is empty.
func choose(only string) ([]hotPath, error) {
	all := hotPaths()
	if only == "" {
		return all, nil
	}
	var chosen []hotPath
names:
	for _, name := range strings.Split(only, ",") {
		for _, p := range all {
			if p.name == strings.TrimSpace(name) {
				chosen = append(chosen, p)
				continue names
			}
		}
		return nil, errors.New("there is no hot path " + name + "; there are " + pathNames())
	}
	return chosen, nil
}

func pathNames() string {
	var names []string
	for _, p := range hotPaths() {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}
