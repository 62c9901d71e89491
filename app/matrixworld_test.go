package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kontor/app"
	"kontor/app/apptest"
	"kontor/bank/profile"
	"kontor/kit/eidas"
	"kontor/ready"
	"kontor/xs2aclient"
)

// States of what the owner has. Each noun has six of its own; a consent that is valid, and what
// a customer approved, stand in the same place.
const (
	started    = iota // SCA has begun
	valid             // the customer approved it
	refused           // by somebody who is not its customer
	revoked           // by its customer; a payment or basket has no such state: see newMatrix
	expired           // its last day is over
	terminated        // by the TPP
)

const (
	absentID = "none" // of an authorisation that nobody began
	noCard   = "nocard"
)

// stays keeps the customer at the TPP: nothing of a cell needs a browser.
var stays = h{"TPP-Redirect-Preferred": "false", "TPP-Decoupled-Preferred": "false"}

// anybodys is an address that every certificate here is for.
const anybodys = "https://localhost:9443/callback"

// A made is something that the owner made, and how.
type made struct {
	id, sca, cancellation, token string
	service                      string // of a payment

	path, body string // of its creation
	header     h
	answer     apptest.Answer
}

// A held is one account as the owner knows it.
type held struct{ iban, id, entry, download string }

// A matrix is a hub at which one TPP has everything.
type matrix struct {
	*apptest.Sandbox
	t        *testing.T
	dev      *app.Dev
	api      http.Handler
	isar     ready.Bank
	profile  profile.Profile
	metadata xs2aclient.Metadata
	since    string

	clients [tpps]*http.Client
	certs   [tpps]*tls.Certificate
	states  [tpps]*tls.ConnectionState
	names   [tpps]string // organizationIdentifiers
	people  []ready.Persona

	consents, payments, baskets, funds [states][accounts]made
	accounts                           [accounts]held
	cards                              [psus]string
	own                                [tpps][psus]string // tokens of other TPPs
}

func newMatrix(t *testing.T, db string) *matrix {
	m := &matrix{t: t, since: time.Now().AddDate(0, 0, -60).Format(time.DateOnly)}
	dev, stop := startWith(t, app.DevOptions{DB: db, Temporary: db != ""}.With(func(c *app.Config) {
		for i := range c.Banks {
			if c.Banks[i].Code() == "isar" {
				c.Banks[i].Profile().Consent.ReplaceOlder = false // a customer gives the same TPP several
				m.profile = *c.Banks[i].Profile()
			}
		}
	}))
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	m.dev, m.Sandbox = dev, apptest.New(t, dev.Ready)
	m.api, _ = dev.Handlers()
	m.isar = m.Bank("standard")
	for _, login := range []string{"ana", "andrei", "katharina", "maja"} { // the last has no card
		i := slices.IndexFunc(m.Personas, func(p ready.Persona) bool { return p.Login == login })
		m.people = append(m.people, m.Personas[i])
	}
	m.meetTPPs()
	var all sync.WaitGroup
	for p := range psus { // each customer has one phone, on which one code comes after the other
		all.Go(func() { m.fill(p) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return m
}

// meetTPPs makes five of them: the owner; one with every role; one that may only read, one that
// may not; and one whose number begins with the owner's.
func (m *matrix) meetTPPs() {
	longer := m.TPPs[0].OrganizationIdentifier + "0"
	m.certs = [tpps]*tls.Certificate{
		m.Certificate(m.TPPs[0]), apptest.Issue(m.t, m.CA(), nil), m.Certificate(m.TPPs[1]), m.Certificate(m.TPPs[2]),
		apptest.Issue(m.t, m.CA(), func(r *eidas.Request) { r.OrganizationIdentifier = longer }),
	}
	m.names = [tpps]string{m.TPPs[0].OrganizationIdentifier, "PSDSI-BS-5550001", m.TPPs[1].OrganizationIdentifier, m.TPPs[2].OrganizationIdentifier, longer}
	for i, cert := range m.certs {
		m.clients[i] = m.Client(cert)
		state := &tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13}
		for _, der := range cert.Certificate {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				m.t.Fatal(err)
			}
			state.PeerCertificates = append(state.PeerCertificates, c)
		}
		m.states[i] = state
	}
	meta, err := m.XS2A(m.isar, m.certs[owner]).Metadata(m.t.Context(), m.isar.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		m.t.Fatal(err)
	}
	m.metadata = meta
}

// send sends r as a TPP: over a connection, or to the handler behind the listener, which sees
// the same certificate.
func (m *matrix) send(tpp int, r request, sockets bool) apptest.Answer {
	if sockets {
		return m.Ask(m.clients[tpp], r.method, m.isar.XS2A+r.path, r.header, r.body)
	}
	req := httptest.NewRequest(r.method, m.isar.XS2A+r.path, strings.NewReader(r.body))
	req.TLS = m.states[tpp]
	req.Header.Set("X-Request-ID", apptest.UUID())
	req.Header.Set("PSU-IP-Address", "192.0.2.7")
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	m.api.ServeHTTP(w, req)
	a := apptest.Answer{Status: w.Code, Header: w.Result().Header, Body: w.Body.String()}
	if a.Status >= 500 {
		m.t.Errorf("%s %s: %s", r.method, r.path, a)
	}
	return a
}

// make creates something as the owner and remembers how.
func (m *matrix) make(tpp int, path, body string, header h) made {
	all := h{"X-Request-ID": apptest.UUID(), "TPP-Redirect-URI": anybodys}
	for name, value := range header {
		all[name] = value
	}
	a := m.send(tpp, request{method: http.MethodPost, path: path, header: all, body: body}, false)
	if a.Status != http.StatusCreated {
		m.t.Errorf("%s: %s", path, a)
	}
	x := made{path: path, body: body, header: all, answer: a, sca: absentID, cancellation: absentID}
	for _, name := range []string{"consentId", "paymentId", "basketId"} {
		x.id += a.Get(name)
	}
	if sca := a.Get("_links", "scaStatus", "href"); sca != "" {
		x.sca = lastOf(sca)
	}
	return x
}

func lastOf(address string) string { return path.Base(address) }

// begun says how what is started is made: of every second account, nobody has begun its SCA yet.
func begun(a int) h {
	if a%2 == 1 {
		return alone
	}
	return stays
}

// until waits for a status that the bank reports when it has come to it.
func (m *matrix) until(x made, member string, status ...string) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		a := m.send(owner, request{method: http.MethodGet, path: x.path + "/" + x.id + "/status"}, false)
		if slices.Contains(status, a.Get(member)) {
			return
		}
		if time.Now().After(end) {
			m.t.Errorf("%s is never %v: %s", x.path, status, a)
			return
		}
	}
}

var alone = h{"TPP-Explicit-Authorisation-Preferred": "true"}

// approve takes the steps of SCA on what stands at address, as a customer; whether it succeeds
// is for the caller to know.
func (m *matrix) approve(who ready.Persona, address string) apptest.Answer {
	path := strings.TrimPrefix(address, m.isar.XS2A)
	put := func(body string) apptest.Answer {
		return m.send(owner, request{method: http.MethodPut, path: path, header: h{"PSU-ID": who.Login}, body: body}, false)
	}
	a := put(fmt.Sprintf(`{"psuData":{"password":%q}}`, who.Password))
	if a.Get("_links", "selectAuthenticationMethod", "href") != "" {
		a = put(`{"authenticationMethodId":"sms"}`)
	}
	if a.Get("_links", "authoriseTransaction", "href") == "" {
		return a
	}
	return put(fmt.Sprintf(`{"scaAuthenticationData":%q}`, m.newest(who)))
}

// newest is the last code that a customer was sent.
func (m *matrix) newest(who ready.Persona) string {
	var messages []struct{ Code string }
	if err := json.Unmarshal([]byte(m.Ask(m.Client(nil), http.MethodGet, m.Outbox+"?login="+who.Login, nil, "").Body), &messages); err != nil || len(messages) == 0 {
		m.t.Errorf("no code came: %v", err)
		return ""
	}
	return messages[0].Code
}

// finalised is approve where it must succeed.
func (m *matrix) finalised(who ready.Persona, x made) {
	if a := m.approve(who, x.answer.Get("_links", "scaStatus", "href")); a.Get("scaStatus") != "finalised" {
		m.t.Errorf("%s: %s", x.path, a)
	}
}

// given has a customer give something to a TPP on her bank's pages, and returns it with its token.
func (m *matrix) given(tpp int, who ready.Persona, scope func(string) string, path, body string) made {
	x := m.make(tpp, path, body, nil)
	o := xs2aclient.OAuth{Metadata: m.metadata, ClientID: m.names[tpp], RedirectURI: anybodys}
	flow, err := o.Begin(scope(x.id), nil)
	if err == nil {
		var left, code string
		if left, err = m.TryFollow(who, flow.URL); err == nil {
			code, err = flow.Code(left)
		}
		if err == nil {
			var token xs2aclient.Token
			token, err = m.XS2A(m.isar, m.certs[tpp]).Exchange(m.t.Context(), o, flow, code)
			x.token = token.AccessToken
		}
	}
	if err != nil {
		m.t.Errorf("%s of %s: %v", path, who.Login, err)
	}
	return x
}
