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

// fill makes all that the TPPs have of one customer, in the order in which it can be made.
func (m *matrix) fill(p int) {
	who, stranger := m.people[p], m.people[(p+1)%psus]
	for _, a := range []int{2 * p, 2*p + 1} {
		m.accounts[a].iban = who.Accounts[a%2].IBAN
		// What she ends herself is ended all at once, before the rest is made.
		m.consents[revoked][a] = m.make(owner, consents, m.consentBody(a), stays)
		m.finalised(who, m.consents[revoked][a])
		m.funds[revoked][a] = m.make(owner, fundsConsents, m.fundsBody(a), stays)
		m.finalised(who, m.funds[revoked][a])
	}
	browser, page := entered(m.t, m.Sandbox, m.isar, who)
	browser.Open(my(m.Sandbox, m.isar)+"/end", token(m.t, page))
	for _, a := range []int{2 * p, 2*p + 1} {
		m.fillConsents(who, stranger, a)
		m.fillPayments(who, stranger, a)
		m.fillBaskets(who, stranger, a)
		m.describe(a)
	}
	for tpp := range tpps {
		switch {
		case tpp == owner:
		case tpp == 3: // it may not read
			m.own[tpp][p] = m.given(tpp, who, xs2aclient.ScopeOfFundsConsent, fundsConsents, m.fundsBody(2*p)).token
		default:
			m.own[tpp][p] = m.given(tpp, who, xs2aclient.ScopeOfConsent, consents, m.consentBody(2*p)).token
		}
	}
}

const (
	consents      = "/v1/consents"
	fundsConsents = "/v2/consents/confirmation-of-funds"
	baskets       = "/v1/signing-baskets"
)

func (m *matrix) consentBody(a int) string {
	who := m.people[a/2]
	account, all := fmt.Sprintf(`{"iban":%q}`, m.accounts[a].iban), ""
	if all = account; who.Card != "" && a%2 == 0 {
		all += fmt.Sprintf(`,{"maskedPan":%q}`, who.Card)
	}
	return fmt.Sprintf(`{"access":{"accounts":[%s],"balances":[%s],"transactions":[%s],"additionalInformation":{"trustedBeneficiaries":[%s]}},"recurringIndicator":true,"validUntil":%q,"frequencyPerDay":4,"combinedServiceIndicator":false}`,
		all, all, all, account, time.Now().AddDate(0, 0, 80).Format(time.DateOnly))
}

func (m *matrix) fundsBody(a int) string {
	return fmt.Sprintf(`{"account":{"iban":%q}}`, m.accounts[a].iban)
}

func (m *matrix) end(path string, x made) {
	if a := m.send(owner, request{method: http.MethodDelete, path: path + "/" + x.id}, false); a.Status != http.StatusNoContent {
		m.t.Errorf("DELETE %s: %s", path, a)
	}
}

func (m *matrix) fillConsents(who, stranger ready.Persona, a int) {
	of := func(all *[states][accounts]made, path, body string) {
		all[started][a] = m.make(owner, path, body, begun(a))
		all[refused][a] = m.make(owner, path, body, stays)
		m.approve(stranger, all[refused][a].answer.Get("_links", "scaStatus", "href"))
		all[expired][a] = m.make(owner, path, body, stays)
		m.finalised(who, all[expired][a])
		m.until(all[expired][a], "consentStatus", "valid") // the bank tells it a moment later
		if err := m.dev.Expire(m.t.Context(), m.isar.Code, all[expired][a].id); err != nil {
			m.t.Error(err)
		}
		all[terminated][a] = m.make(owner, path, body, alone)
		m.end(path, all[terminated][a])
	}
	of(&m.consents, consents, m.consentBody(a))
	m.consents[valid][a] = m.given(owner, who, xs2aclient.ScopeOfConsent, consents, m.consentBody(a))
	of(&m.funds, fundsConsents, m.fundsBody(a))
	m.funds[valid][a] = m.make(owner, fundsConsents, m.fundsBody(a), stays)
	m.finalised(who, m.funds[valid][a])
}

// fillPayments makes those of a: begun, waiting for its day while it is being cancelled, refused,
// executed, kept for a basket, cancelled.
func (m *matrix) fillPayments(who, stranger ready.Persona, a int) {
	for state := range states {
		service := []string{xs2aclient.Payments, xs2aclient.BulkPayments, xs2aclient.PeriodicPayments}[(a+state)%3]
		body := strings.ReplaceAll(orderBodies(who, stranger)[service], `"1.00"`, `"41.00"`)
		if state == valid && service != xs2aclient.PeriodicPayments {
			body = fmt.Sprintf(`%s,"requestedExecutionDate":%q}`, body[:len(body)-1], time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
		}
		path, header := "/v1/"+service+"/sepa-credit-transfers", stays
		if state == started {
			header = begun(a)
		}
		if state == expired || state == terminated {
			header = alone
		}
		x := m.make(owner, path, body, header)
		x.service = service
		switch state {
		case refused:
			m.approve(stranger, x.answer.Get("_links", "scaStatus", "href"))
		case valid:
			m.finalised(who, x)
			asked := m.send(owner, request{method: http.MethodDelete, path: path + "/" + x.id, header: stays}, false)
			if x.cancellation = lastOf(asked.Get("_links", "scaStatus", "href")); asked.Status != http.StatusAccepted || len(x.cancellation) < 10 {
				m.t.Errorf("cancellation of %s: %s", path, asked)
			}
		case revoked:
			m.finalised(who, x)
			if service != xs2aclient.PeriodicPayments {
				m.until(x, "transactionStatus", "ACSC", "ACSP")
			}
		case terminated:
			m.end(path, x)
		}
		m.payments[state][a] = x
	}
}

// fillBaskets makes those of a, of one payment and one consent each: begun, approved, refused,
// of a payment that is in the matrix itself, not begun, dissolved.
func (m *matrix) fillBaskets(who, stranger ready.Persona, a int) {
	for state := range states {
		payment := m.payments[expired][a].id
		if state != expired {
			payment = m.make(owner, "/v1/payments/sepa-credit-transfers", apptest.Payment("MATRIX", who.Accounts[0].IBAN, stranger.Accounts[0].IBAN, "42.00"), alone).id
		}
		consent := m.make(owner, consents, m.consentBody(a), alone).id
		x := m.make(owner, baskets, fmt.Sprintf(`{"paymentIds":[%q],"consentIds":[%q]}`, payment, consent), nil)
		if state < expired && state != revoked {
			begun := m.send(owner, request{method: http.MethodPost, path: baskets + "/" + x.id + "/authorisations", header: stays, body: "{}"}, false)
			x.sca = begun.Get("authorisationId")
			x.answer = begun
			if x.sca == "" {
				m.t.Errorf("basket: %s", begun)
			}
		}
		switch state {
		case valid:
			m.finalised(who, x)
		case refused:
			m.approve(stranger, x.answer.Get("_links", "scaStatus", "href"))
		case terminated:
			m.end(baskets, x)
		}
		m.baskets[state][a] = x
	}
}

// describe reads as the owner what a is called.
func (m *matrix) describe(a int) {
	c := m.consents[valid][a]
	read := func(path string) apptest.Answer {
		return m.send(owner, request{method: http.MethodGet, path: path, header: h{"Consent-ID": c.id, "Authorization": "Bearer " + c.token}}, false)
	}
	acc := &m.accounts[a]
	acc.id = firstOf(read("/v1/accounts"), "resourceId")
	entries := read("/v1/accounts/" + acc.id + "/transactions?bookingStatus=booked&itemsPerPage=1&dateFrom=" + m.since)
	acc.entry, acc.download = firstOf(entries, "transactionId"), lastOf(entries.Get("_links", "download", "href"))
	if acc.id == "" || acc.entry == "" || len(acc.download) < 5 {
		m.t.Errorf("account %d: %+v %s", a, acc, entries)
	}
	if a%2 == 0 {
		if m.cards[a/2] = firstOf(read("/v1/card-accounts"), "resourceId"); m.cards[a/2] == "" {
			m.cards[a/2] = noCard
		}
	}
}

// standing is what the owner reads of all that he has.
func (m *matrix) standing(t *testing.T) (all []string) {
	t.Helper()
	note := func(path string) {
		a := m.send(owner, request{method: http.MethodGet, path: path}, false)
		// The bank goes on with what was approved before.
		all = append(all, fmt.Sprint(path, " ", a.Status, " ", strings.ReplaceAll(a.Body, `"ACSP"`, `"ACSC"`)))
	}
	for s := range states {
		for a := range accounts {
			note(consents + "/" + m.consents[s][a].id)
			note(fundsConsents + "/" + m.funds[s][a].id)
			note(baskets + "/" + m.baskets[s][a].id)
			payment := m.payments[s][a].path + "/" + m.payments[s][a].id
			note(payment + "/status")
			for _, of := range []string{consents + "/" + m.consents[s][a].id, fundsConsents + "/" + m.funds[s][a].id, baskets + "/" + m.baskets[s][a].id, payment} {
				note(of + "/authorisations")
			}
		}
	}
	return all
}
