package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

// answerMax is how long a third party waits for an answer. Many give up sooner than the hub
// does: what becomes of a payment then is part of the test.
const answerMax = 8 * time.Second

// A load is third parties that pay, each with a customer.
type load struct {
	s      *system
	seed   uint64
	roots  *x509.CertPool
	base   string // of the bank's interface, before /v1
	payers []*payer
	other  *payer // of another third party: whatever it asks for is none of its business
	hook   *hook
	names  atomic.Int64
	faulty atomic.Bool  // a disk fails
	failed atomic.Int64 // requests that were answered so then

	mu     sync.Mutex
	orders map[string]order // by name
	ids    []string         // of payments that are there
}

// An order is a payment and who asks for it.
type order struct {
	payer   *payer
	payment *payment
}

// A payer is one customer as one third party serves her.
type payer struct {
	l       *load
	who     ready.Persona
	tpp     ready.TPP
	http    *http.Client
	browser *browser
	token   string // for payments
	reading string // token for consents and questions about funds
	consent string // under which she is asked about funds; "": none
	chance  *mathrand.Rand
	own     []*payment // that may still move

	steadfast bool // it never gives up
}

func (s *system) newLoad(ctx context.Context, o options) (*load, error) {
	l := &load{s: s, seed: o.seed, orders: map[string]order{}, roots: x509.NewCertPool()}
	pem, err := os.ReadFile(s.ready.CA)
	if err != nil || !l.roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s: %w", s.ready.CA, err)
	}
	for _, b := range s.ready.Banks {
		if b.Profile == "bankart" {
			l.base = b.XS2A
		}
	}
	var rich []ready.Persona
	for _, p := range s.ready.Personas {
		if len(p.Accounts) > 1 && p.Accounts[0].Currency == "EUR" && p.Accounts[1].Currency == "EUR" {
			rich = append(rich, p)
		}
	}
	if l.base == "" || len(rich) == 0 {
		return nil, errors.New("this sandbox has no bank or no customer to pay with")
	}
	others := x509.NewCertPool()
	if pem, err = os.ReadFile(filepath.Join(s.dir, "issuing.pem")); err != nil || !others.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate that issues others: %w", err)
	}
	if l.hook, err = newHook(s.ready.TPPs[0], l.roots, others, s.journal); err != nil {
		return nil, err
	}
	s.hook = l.hook // it goes on as long as the system does
	for n := range o.workers {
		p, err := l.newPayer(ctx, s.ready.TPPs[0], rich[n%len(rich)], uint64(n)+1)
		if err != nil {
			return nil, err
		}
		if p.reading, err = p.logIn(ctx, "psd2:acc"); err != nil {
			return nil, fmt.Errorf("%s cannot log in: %w", p.who.Login, err)
		}
		l.payers = append(l.payers, p)
	}
	l.other, err = l.newPayer(ctx, stranger(s.ready), rich[0], 0)
	return l, err
}

// stranger is another third party that makes payments.
func stranger(r ready.Ready) ready.TPP {
	for _, t := range r.TPPs[1:] {
		if t.May("PSP_PI") {
			return t
		}
	}
	return r.TPPs[0]
}

// newPayer has a customer of a third party log in.
func (l *load) newPayer(ctx context.Context, tpp ready.TPP, who ready.Persona, n uint64) (*payer, error) {
	pair, err := tls.LoadX509KeyPair(tpp.QWAC, tpp.QWACKey)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: l.roots, Certificates: []tls.Certificate{pair}},
		MaxIdleConnsPerHost: 128,
	}
	p := &payer{l: l, who: who, tpp: tpp, browser: l.s.newBrowser(who, transport), chance: mathrand.New(mathrand.NewPCG(l.seed, n)),
		http: &http.Client{Transport: transport, Timeout: answerMax}}
	if p.token, err = p.logIn(ctx, "psd2:pay"); err != nil {
		return nil, fmt.Errorf("%s cannot log in: %w", who.Login, err)
	}
	return p, nil
}

// logIn gets a token with which the third party may act for its customer.
func (p *payer) logIn(ctx context.Context, scope string) (string, error) {
	at := p.http.Transport.(*http.Transport).TLSClientConfig
	client, err := xs2aclient.New(xs2aclient.Config{BaseURL: p.l.base, Roots: at.RootCAs, Certificate: &at.Certificates[0]})
	if err != nil {
		return "", err
	}
	m, err := client.Metadata(ctx, p.l.base+"/oauth/.well-known/oauth-authorization-server")
	if err != nil {
		return "", err
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: p.tpp.ClientID, ClientSecret: p.tpp.ClientSecret, RedirectURI: p.tpp.RedirectURIs[0]}
	flow, err := o.Begin(scope, nil)
	if err != nil {
		return "", err
	}
	back, err := p.browser.follow(ctx, flow.URL)
	if err != nil {
		return "", err
	}
	code, err := flow.Code(back)
	if err != nil {
		return "", err
	}
	token, err := client.Exchange(ctx, o, flow, code)
	return token.AccessToken, err
}

// begin has everybody pay until stop is called, which returns when all have finished what
// they were at.
func (l *load) begin(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, p := range l.payers {
		all.Go(func() {
			for ctx.Err() == nil {
				p.pay(ctx)
				switch n := p.chance.IntN(8); {
				case p.consent == "" && n < 3 || n == 0 && p.chance.IntN(3) == 0:
					p.renew(ctx)
				case n < 3:
					p.askFunds(ctx)
				}
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			l.other.pry(ctx)
			pause(ctx, 50*time.Millisecond)
		}
	})
	return func() { cancel(); all.Wait() }
}

// inPeace has everybody pay and ask about funds when nobody kills any more.
func (l *load) inPeace(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range l.payers {
		all.Go(func() {
			p.steadfast = true
			defer func() { p.steadfast = false }()
			p.payFor(ctx, p.order())
			if p.consent == "" {
				p.renew(ctx)
			}
			p.askFunds(ctx)
		})
	}
	all.Wait()
}

// idle lets go of connections, where the other side has gone.
func (l *load) idle() {
	for _, p := range l.payers {
		p.http.CloseIdleConnections()
	}
}

// pry asks for a payment of somebody else's.
func (p *payer) pry(ctx context.Context) {
	p.l.mu.Lock()
	id := ""
	if n := len(p.l.ids); n > 0 {
		id = p.l.ids[n-1-p.chance.IntN(min(n, 50))]
	}
	p.l.mu.Unlock()
	if id == "" {
		return
	}
	below := []string{"", "/status", "/authorisations"}[p.chance.IntN(3)]
	status, body, err := p.call(ctx, http.MethodGet, p.l.at("payments")+"/"+id+below, p.token, uuid(), "")
	switch {
	case err != nil || p.l.busy(status):
	case status == http.StatusForbidden || status == http.StatusNotFound:
		p.l.s.journal.write(line{What: turnedAway, Payment: id})
	default:
		p.l.s.journal.write(line{What: wrong, Payment: id, Text: fmt.Sprintf("somebody else's question was answered %d: %.300s", status, body)})
	}
}

// redirect is where customers come back to.
const redirect = "https://alpa.example/callback"

// at is where payments of a service are.
func (l *load) at(service string) string {
	return l.base + "/v1/" + service + "/sepa-credit-transfers"
}

// busy says whether a status promises nothing: the same may be asked again. While a disk
// fails a server may say that it has.
func (l *load) busy(status int) bool {
	if l.faulty.Load() && status >= 500 {
		l.failed.Add(1)
		return true
	}
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// call makes one request. Of headers there are names and values.
func (p *payer) call(ctx context.Context, method, address, token, request, body string, headers ...string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("X-Request-ID", request)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("PSU-IP-Address", "192.0.2.7")
	if method != http.MethodGet {
		r.Header.Set("TPP-Redirect-URI", redirect)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := p.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, b, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// uuid returns a new UUID.
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
