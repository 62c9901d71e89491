package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

// answerMax is how long a third party waits for an answer. Many give up sooner than the hub
// does: what becomes of a payment then is part of the test.
const answerMax = 8 * time.Second

// A load is third parties that pay, each with a customer.
type load struct {
	s         *system
	seed      uint64
	transport *http.Transport
	http      *http.Client
	payers    []*payer
	payments  string // address
	names     atomic.Int64

	mu     sync.Mutex
	orders map[string]order // by name
}

// An order is a payment and who asks for it.
type order struct {
	payer   *payer
	payment *payment
}

// A payer is one customer as one third party serves her.
type payer struct {
	l       *load
	n       int
	who     ready.Persona
	browser *browser
	token   string
	chance  *mathrand.Rand
	own     []*payment // that may still move
}

// A payment is one that a third party asks for.
type payment struct {
	name, request, body string

	id, status, sca string // as acknowledged
}

func (s *system) newLoad(ctx context.Context, o options) (*load, error) {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(s.ready.CA)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s: %w", s.ready.CA, err)
	}
	tpp := s.ready.TPPs[0]
	pair, err := tls.LoadX509KeyPair(tpp.QWAC, tpp.QWACKey)
	if err != nil {
		return nil, err
	}
	l := &load{s: s, seed: o.seed, orders: map[string]order{}, transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		MaxIdleConnsPerHost: 128,
	}}
	l.http = &http.Client{Transport: l.transport, Timeout: answerMax}
	for _, b := range s.ready.Banks {
		if b.Profile == "bankart" {
			l.payments = b.XS2A + "/v1/payments/sepa-credit-transfers"
		}
	}
	var rich []ready.Persona
	for _, p := range s.ready.Personas {
		if len(p.Accounts) > 1 && p.Accounts[0].Currency == "EUR" && p.Accounts[1].Currency == "EUR" {
			rich = append(rich, p)
		}
	}
	if l.payments == "" || len(rich) == 0 {
		return nil, errors.New("this sandbox has no bank or no customer to pay with")
	}
	for n := range o.workers {
		who := rich[n%len(rich)]
		p := &payer{l: l, n: n, who: who, browser: s.newBrowser(who, l.transport), chance: mathrand.New(mathrand.NewPCG(o.seed, uint64(n)+1))}
		if err := p.logIn(ctx); err != nil {
			return nil, fmt.Errorf("%s cannot log in: %w", who.Login, err)
		}
		l.payers = append(l.payers, p)
	}
	return l, nil
}

// logIn gets a token with which the third party may pay for its customer.
func (p *payer) logIn(ctx context.Context) error {
	s := p.l.s
	tpp := s.ready.TPPs[0]
	base := strings.TrimSuffix(p.l.payments, "/v1/payments/sepa-credit-transfers")
	client, err := xs2aclient.New(xs2aclient.Config{BaseURL: base, Roots: p.l.transport.TLSClientConfig.RootCAs, Certificate: &p.l.transport.TLSClientConfig.Certificates[0]})
	if err != nil {
		return err
	}
	m, err := client.Metadata(ctx, base+"/oauth/.well-known/oauth-authorization-server")
	if err != nil {
		return err
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: tpp.ClientID, ClientSecret: tpp.ClientSecret, RedirectURI: tpp.RedirectURIs[0]}
	flow, err := o.Begin("psd2:pay", nil)
	if err != nil {
		return err
	}
	back, err := p.browser.follow(ctx, flow.URL)
	if err != nil {
		return err
	}
	code, err := flow.Code(back)
	if err != nil {
		return err
	}
	token, err := client.Exchange(ctx, o, flow, code)
	p.token = token.AccessToken
	return err
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
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// order returns a payment between two accounts of the customer, not yet asked for.
func (p *payer) order() *payment {
	name := fmt.Sprintf("CHAOS-%d-%d", p.l.seed, p.l.names.Add(1))
	o := &payment{name: name, request: uuid(), body: fmt.Sprintf(
		`{"endToEndIdentification":%q,"debtorAccount":{"iban":%q},"instructedAmount":{"currency":"EUR","amount":"0.01"},"creditorAccount":{"iban":%q},"creditorName":%q}`,
		name, p.who.Accounts[0].IBAN, p.who.Accounts[1].IBAN, p.who.Name)}
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	p.l.orders[name] = order{p, o}
	return o
}

// pay makes one payment as a third party does whose bank falls over: it repeats what was not
// answered, or gives up. The customer approves what she has to, as long as there is a page.
func (p *payer) pay(ctx context.Context) {
	o := p.order()
	for {
		err := p.ask(ctx, o)
		if err == nil {
			break
		}
		// Where nobody listens nothing has arrived: to give up then would be no test.
		if ctx.Err() != nil || errors.Is(err, errWrong) || !errors.Is(err, syscall.ECONNREFUSED) && p.chance.IntN(4) == 0 {
			return
		}
		pause(ctx, 10*time.Millisecond)
	}
	for range 20 {
		if o.sca == "" || ctx.Err() != nil {
			break
		}
		if p.approve(ctx, o) == nil {
			break
		}
		pause(ctx, 20*time.Millisecond)
	}
	p.own = append(p.own, o)
	if len(p.own) > 4 {
		p.own = p.own[1:]
	}
	p.look(ctx, p.own[p.chance.IntN(len(p.own))])
}

// errWrong says that an answer was one that should not be: it stands in the journal.
var errWrong = errors.New("wrong answer")

// ask makes the request of o once, and writes down what comes of it.
func (p *payer) ask(ctx context.Context, o *payment) error {
	j, since := p.l.s.journal, time.Now()
	j.write(line{What: asked, Name: o.name, Request: o.request})
	// What is under way when the load ends is finished.
	status, body, err := p.call(context.WithoutCancel(ctx), http.MethodPost, p.l.payments, o.request, o.body)
	switch {
	case err != nil:
		j.write(line{What: unanswered, Name: o.name, Request: o.request, Text: err.Error()})
		return err
	case status == http.StatusCreated:
		var a struct {
			PaymentID         string
			TransactionStatus string
			Links             struct{ SCARedirect struct{ Href string } } `json:"_links"`
		}
		if err := json.Unmarshal(body, &a); err != nil || a.PaymentID == "" {
			j.write(line{What: wrong, Name: o.name, Request: o.request, Text: fmt.Sprintf("201 without a payment: %.300s", body)})
			return errWrong
		}
		o.id, o.status, o.sca = a.PaymentID, a.TransactionStatus, a.Links.SCARedirect.Href
		j.write(line{What: acknowledged, Since: since, Name: o.name, Request: o.request, Payment: o.id, Status: o.status})
		return nil
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		j.write(line{What: unanswered, Name: o.name, Request: o.request, Text: fmt.Sprint(status)})
		return fmt.Errorf("answered %d", status)
	}
	j.write(line{What: wrong, Name: o.name, Request: o.request, Text: fmt.Sprintf("creation answered %d: %.300s", status, body)})
	return errWrong
}

// approve leads the customer through the bank's pages.
func (p *payer) approve(ctx context.Context, o *payment) error {
	left, err := p.browser.follow(ctx, o.sca)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(left, redirect) {
		p.l.s.journal.write(line{What: wrong, Name: o.name, Payment: o.id, Text: "the customer came back to " + left})
		return nil
	}
	p.l.s.journal.write(line{What: approved, Name: o.name, Payment: o.id})
	return nil
}

// look asks where o stands.
func (p *payer) look(ctx context.Context, o *payment) error {
	since := time.Now()
	status, body, err := p.call(ctx, http.MethodGet, p.l.payments+"/"+o.id+"/status", uuid(), "")
	if err != nil {
		return err
	}
	var a struct{ TransactionStatus string }
	switch {
	case status == http.StatusOK && json.Unmarshal(body, &a) == nil && a.TransactionStatus != "":
		o.status = a.TransactionStatus
		p.l.s.journal.write(line{What: seen, Since: since, Name: o.name, Payment: o.id, Status: a.TransactionStatus})
		return nil
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		return fmt.Errorf("answered %d", status)
	}
	p.l.s.journal.write(line{What: wrong, Name: o.name, Payment: o.id, Text: fmt.Sprintf("status answered %d: %.300s", status, body)})
	return errWrong
}

// redirect is where customers come back to.
const redirect = "https://alpa.example/callback"

// call makes one request.
func (p *payer) call(ctx context.Context, method, address, request, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("X-Request-ID", request)
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("PSU-IP-Address", "192.0.2.7")
	if body != "" {
		r.Header.Set("TPP-Redirect-URI", redirect)
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := p.l.http.Do(r)
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
