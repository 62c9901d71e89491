package app_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/kit/eidas"
	"kontor/kit/httpsig"
	"kontor/ready"
)

// A recorder has what a third party has sealed, and sends it again: as it was, and changed.
type recorder struct {
	*apptest.Sandbox
	t     *testing.T
	clock *ahead
	api   http.Handler
	isar  ready.Bank
	qwac  [2]*tls.ConnectionState // of the TPP, and of another
	seal  [2]*x509.Certificate
	key   [2]crypto.Signer
	asked int
}

func newRecorder(t *testing.T) *recorder {
	x := &recorder{t: t, clock: &ahead{}}
	dev, stop := startWith(t, app.DevOptions{}.At(x.clock.now).With(func(c *app.Config) {
		c.SetNow(x.clock.now)
		for i := range c.Banks {
			if p := c.Banks[i].Profile(); c.Banks[i].Code() == "isar" {
				p.Signature.Required, p.Signature.DateWindow = true, 5*time.Minute
				p.Signature.Headers = append(slices.Clone(p.Signature.Headers), "date")
			}
		}
	}))
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	x.Sandbox = apptest.New(t, dev.Ready)
	x.api, _ = dev.Handlers()
	x.isar = x.Bank("standard")
	for i := range x.qwac {
		id := []string{x.TPPs[0].OrganizationIdentifier, "PSDSI-BS-5550001"}[i]
		for _, kind := range []eidas.Kind{eidas.QWAC, eidas.QSealC} {
			pair := apptest.Issue(t, x.CA(), func(r *eidas.Request) { r.Kind, r.OrganizationIdentifier = kind, id })
			var chain []*x509.Certificate
			for _, der := range pair.Certificate {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain = append(chain, cert)
			}
			if kind == eidas.QWAC {
				x.qwac[i] = &tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13, PeerCertificates: chain}
			} else {
				x.seal[i], x.key[i] = chain[0], pair.PrivateKey.(crypto.Signer)
			}
		}
	}
	return x
}

// A sealed is a request with its seal.
type sealed struct {
	method, path, body string
	header             http.Header
}

var sealedHeaders = []string{"digest", "x-request-id", "date", "psu-id", "tpp-redirect-uri"}

// sealAs seals a request as TPP i, as of at.
func (x *recorder) sealAs(i int, method, path, body string, header h, at time.Time, headers []string) sealed {
	x.t.Helper()
	s := sealed{method, path, body, http.Header{"X-Request-Id": {apptest.UUID()}, "Psu-Ip-Address": {"192.0.2.7"}, "Date": {at.UTC().Format(http.TimeFormat)}}}
	if body != "" {
		s.header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		s.header.Set(name, value)
	}
	err := httpsig.Sign(httpsig.Request{Method: method, Target: path, Host: "hub.example", Header: s.header, Body: []byte(body)}, x.seal[i], x.key[i], headers)
	if err != nil {
		x.t.Fatal(err)
	}
	return s
}

// send sends s over a connection of TPP i's.
func (x *recorder) send(i int, s sealed) apptest.Answer {
	x.t.Helper()
	x.asked++
	r := httptest.NewRequest(s.method, x.isar.XS2A+s.path, strings.NewReader(s.body))
	r.TLS, r.Header = x.qwac[i], s.header.Clone()
	w := httptest.NewRecorder()
	x.api.ServeHTTP(w, r)
	if w.Code >= 500 {
		x.t.Errorf("%s %s: %d %s", s.method, s.path, w.Code, w.Body)
	}
	return apptest.Answer{Status: w.Code, Header: w.Result().Header, Body: w.Body.String()}
}

func (s sealed) with(name, value string) sealed {
	s.header = s.header.Clone()
	if s.header.Del(name); value != "" {
		s.header.Set(name, value)
	}
	return s
}

// created is the ID of what an answer says was made.
func created(a apptest.Answer) string {
	return a.Get("consentId") + a.Get("paymentId") + a.Get("basketId")
}

// TestReplayOfSealedRequests seals requests of every kind as a third party, and sends each again
// in some sixty ways. As it was, it is the same request: it has one effect, and one answer. In any
// other way it is refused.
func TestReplayOfSealedRequests(t *testing.T) {
	t.Parallel()
	x := newRecorder(t)
	ana, luka := x.Personas[0], x.Personas[3]
	header := h{"TPP-Redirect-URI": "https://localhost:9443/cb", "PSU-ID": "ana", "TPP-Explicit-Authorisation-Preferred": "true"}
	made := map[string]bool{}
	payments := 0
	create := func(path, body string) sealed {
		return x.sealAs(0, http.MethodPost, path, body, header, x.clock.now(), sealedHeaders)
	}
	for round := range 6 {
		var all []sealed
		for service, body := range orderBodies(ana, luka) {
			all = append(all, create("/v1/"+service+"/sepa-credit-transfers", strings.ReplaceAll(body, `"1.00"`, fmt.Sprintf(`"1%d.00"`, round))))
		}
		all = append(all, create("/v1/consents", apptest.ConsentBody(20+round)), create("/v2/consents/confirmation-of-funds", fmt.Sprintf(`{"account":{"iban":%q}}`, ana.Accounts[round%2].IBAN)))
		for _, s := range all {
			first := x.send(0, s)
			id := created(first)
			if first.Status != http.StatusCreated || id == "" || made[id] {
				t.Fatalf("%s: %s", s.path, first)
			}
			made[id] = true
			if again := x.send(0, s); again.Status != http.StatusCreated || created(again) != id {
				t.Errorf("%s, once more as it was: %s", s.path, again)
			}
			x.replay(s, id)
			// What is about the resource: nobody moves it to another one, or does it for another.
			get := x.sealAs(0, http.MethodGet, s.path+"/"+id, "", nil, x.clock.now(), sealedHeaders)
			if a := x.send(0, get); a.Status != http.StatusOK {
				t.Errorf("GET %s: %s", s.path, a)
			}
			x.replay(get, id)
			x.replay(x.sealAs(0, http.MethodDelete, s.path+"/"+id, "", nil, x.clock.now(), sealedHeaders), id)
			if a := x.send(0, x.sealAs(0, http.MethodGet, s.path+"/"+id+"/status", "", nil, x.clock.now(), sealedHeaders)); a.Get("transactionStatus") != "RCVD" && a.Get("consentStatus") != "received" {
				t.Errorf("after all that, %s: %s", s.path, a)
			}
			if strings.HasPrefix(s.path, "/v1/pay") {
				payments++
			}
		}
	}
	t.Logf("%d sealed requests, sent %d times; %d resources were made", len(made)*3, x.asked, len(made))
	if x.asked < 4000 {
		t.Errorf("only %d requests", x.asked)
	}
}

// replay sends s in every way that is not its own.
func (x *recorder) replay(s sealed, id string) {
	x.t.Helper()
	refused := func(name string, i int, s sealed) {
		x.t.Helper()
		if a := x.send(i, s); a.Status < 400 || a.Status >= 500 || a.Get("consentId")+a.Get("paymentId") != "" {
			x.t.Errorf("%s %s: %s: %s", s.method, s.path, name, a)
		}
	}
	// By others: over another's connection, and under another's seal.
	refused("over another's connection", 1, s)
	refused("over no connection of a TPP's", 1, s.with("TPP-Signature-Certificate", ""))
	foreign := x.sealAs(1, s.method, s.path, s.body, nil, x.clock.now(), sealedHeaders)
	refused("under another's seal", 0, foreign)
	for _, name := range []string{"Signature", "Tpp-Signature-Certificate"} {
		refused("with another's "+name, 0, s.with(name, foreign.header.Get(name)))
	}
	// Without a part.
	for _, name := range []string{"Digest", "X-Request-Id", "Date", "Signature", "Tpp-Signature-Certificate"} {
		refused("without "+name, 0, s.with(name, ""))
	}
	for _, name := range []string{"Psu-Id", "Tpp-Redirect-Uri"} {
		if s.header.Get(name) != "" {
			refused("without "+name, 0, s.with(name, ""))
			refused("with another "+name, 0, s.with(name, s.header.Get(name)+"x"))
		} else {
			refused("with a "+name+" that is not sealed", 0, s.with(name, "https://localhost:9443/other"))
		}
	}
	refused("with another X-Request-ID", 0, s.with("X-Request-Id", apptest.UUID()))
	// Another body.
	bodies := []string{s.body + " ", "{}", `{"x":1}`}
	if s.body != "" {
		bodies = append(bodies, "", strings.Replace(s.body, `"1`, `"9`, 1), s.body[:len(s.body)-1], strings.ToUpper(s.body), strings.Replace(s.body, ":", " :", 1))
	}
	for i, body := range bodies {
		if body == s.body {
			continue
		}
		swapped := s
		swapped.body = body
		refused(fmt.Sprintf("with body %d", i), 0, swapped)
		if body != "" { // the digest goes with it, but it is sealed
			refused(fmt.Sprintf("with body %d and its digest", i), 0, swapped.with("Digest", httpsig.Digest([]byte(body))))
		}
	}
	// Another time: written into it, or waited for.
	for _, by := range []time.Duration{time.Second, time.Minute, -time.Minute, time.Hour, -time.Hour, 24 * time.Hour} {
		refused(fmt.Sprintf("dated %v later", by), 0, s.with("Date", x.clock.now().Add(by).UTC().Format(http.TimeFormat)))
	}
	for _, by := range []time.Duration{6 * time.Minute, -6 * time.Minute, 48 * time.Hour, -48 * time.Hour} {
		refused(fmt.Sprintf("sealed %v off", by), 0, x.sealAs(0, s.method, s.path, s.body, nil, x.clock.now().Add(by), sealedHeaders))
	}
	for _, date := range []string{"yesterday", "0", time.Now().Format(time.RFC3339)} {
		refused("dated "+date, 0, s.with("Date", date))
	}
	// A seal over less, or changed by a character.
	for _, headers := range [][]string{{"digest"}, {"x-request-id"}, {"date"}, {"digest", "x-request-id"}, {"digest", "date"}, {"x-request-id", "date"}} {
		refused(fmt.Sprint("sealed over only ", headers), 0, x.sealAs(0, s.method, s.path, s.body, nil, x.clock.now(), headers))
	}
	signature := s.header.Get("Signature")
	for name, changed := range map[string]string{
		"another serial number": strings.Replace(signature, "SN=", "SN=1", 1), "no headers named": strings.Replace(signature, `headers="`, `headers="(none) `, 1),
		"another order": strings.Replace(signature, "digest x-request-id", "x-request-id digest", 1), "another algorithm": strings.Replace(signature, "sha256", "sha1", 1),
		"no algorithm at all": strings.Replace(signature, "algorithm=", "algo=", 1), "its value cut": signature[:len(signature)-8] + `"`, "its value twice": signature + "," + signature,
	} {
		if changed != signature && name != "no algorithm at all" {
			refused(name, 0, s.with("Signature", changed))
		}
	}
	// Another place. Nothing of it is made there, and what was sealed for one resource ends no other.
	for _, to := range []string{"/v1/consents", "/v2/consents/confirmation-of-funds", "/v1/signing-baskets", "/v1/payments/sepa-credit-transfers", "/v1/bulk-payments/sepa-credit-transfers",
		"/v1/periodic-payments/sepa-credit-transfers", "/v1/payments/instant-sepa-credit-transfers", "/v1/funds-confirmations"} {
		if s.method == http.MethodPost && to != s.path && !similar(s.path, to) {
			moved := s
			moved.path = to
			refused("sent to "+to, 0, moved)
		}
	}
	if s.method != http.MethodPost {
		moved := s
		moved.path = path.Dir(s.path) + "/" + other(id)
		refused("sent to another resource", 0, moved)
		refused("sent to another resource by another", 1, moved)
	}
}

// similar says whether an order at one address is as good an order at the other.
func similar(a, b string) bool {
	single := func(s string) bool {
		return strings.HasPrefix(s, "/v1/payments/") || strings.HasPrefix(s, "/v1/periodic-payments/")
	}
	return single(a) && single(b)
}
