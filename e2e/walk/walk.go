// Package walk leads customers to every page that Kontor shows them, without a browser: from a
// third party through the reference banks' pages and back, to their own pages there, and to the
// hub's.
//
// It is for those who look at every page. Each page is a Stop, which can be loaded again in any
// language: a test shows them to a browser, and the bench takes the time that each needs. So a
// page is reached once, however often it is looked at.
//
// A walk knows a sandbox by its ready file and speaks with nothing but sockets. What the pages
// must be like is not its matter.
package walk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"kontor/ready"
	"kontor/xs2aclient"
)

// A Page is one answer to a browser.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Weight int           // of the body as it was sent, in bytes
	Took   time.Duration // from the request to the last byte
}

// A Stop is a page that a customer has come to.
type Stop struct {
	// Kind is the template of the page, below the house that it belongs to, and behind a colon
	// what makes it different from others of that template: "bank/login: wrong".
	Kind string
	// Form says that the page answers a form. It is sent anew with each load.
	Form bool
	// Waits says that the answer is held back until something happens, or for a few seconds.
	Waits bool
	// Languages are those in which it can be loaded; empty: in all. Some forms can be sent only
	// so often.
	Languages []string
	// Did is what she has done since she came to the first page of this way, by the buttons.
	Did []string
	// Load loads it in a language.
	Load func(ctx context.Context, language string) (Page, error)
}

// A Walk is one through a sandbox to which nobody else has come yet.
type Walk struct {
	Sandbox ready.Ready
	// See is told of every page as soon as it is reached. The walk goes on when it returns.
	See func(Stop) error
	// Expire lets the time of a journey at a bank run out; nil: no page of that kind is seen.
	Expire func(journey string) error

	ctx   context.Context
	http  *http.Transport
	pair  tls.Certificate
	roots *x509.CertPool
	tpp   ready.TPP
	codes map[string]xs2aclient.OAuth // by profile
}

// Go walks to every page.
func (w *Walk) Go(ctx context.Context) (err error) {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	defer w.http.CloseIdleConnections()
	for _, leg := range []struct {
		name string
		goes func(*Walk) error
	}{
		{"pages that stand alone", (*Walk).alone},
		{"access to accounts", (*Walk).access},
		{"access that a third party with a token asks for", (*Walk).named},
		{"a payment, by each method", (*Walk).methods},
		{"a payment on the phone", (*Walk).phone},
		{"orders of every kind", (*Walk).orders},
		{"a payment that two sign", (*Walk).signs},
		{"journeys that end badly", (*Walk).endings},
		{"the dashboard", (*Walk).dashboard},
	} {
		if err := leg.goes(w); err != nil {
			return fmt.Errorf("%s: %w", leg.name, err)
		}
	}
	return nil
}

func (w *Walk) prepare(ctx context.Context) (err error) {
	w.ctx, w.tpp, w.roots, w.codes = ctx, w.Sandbox.TPPs[0], x509.NewCertPool(), map[string]xs2aclient.OAuth{}
	ca, err := os.ReadFile(w.Sandbox.CA)
	if err != nil {
		return err
	}
	if !w.roots.AppendCertsFromPEM(ca) {
		return errors.New("the sandbox's CA cannot be read")
	}
	if w.pair, err = tls.LoadX509KeyPair(w.tpp.QWAC, w.tpp.QWACKey); err != nil {
		return err
	}
	w.http = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 8}
	return nil
}

// bank finds the one with a profile.
func (w *Walk) bank(profile string) ready.Bank {
	return w.Sandbox.Banks[slices.IndexFunc(w.Sandbox.Banks, func(b ready.Bank) bool { return b.Profile == profile })]
}

// pages is the address of the pages of bank.
func (w *Walk) pages(bank ready.Bank) string { return w.Sandbox.Bank + "/" + bank.Code }

// hub is the address of what browsers are shown of bank by the hub.
func (w *Walk) hub(bank ready.Bank) string {
	return w.Sandbox.WebTLS + strings.TrimPrefix(bank.XS2A, w.Sandbox.API)
}

// known says whether u is of the sandbox, and not of the third party.
func (w *Walk) known(u *url.URL) bool {
	return slices.Contains([]string{w.Sandbox.Web, w.Sandbox.WebTLS, w.Sandbox.Bank}, u.Scheme+"://"+u.Host)
}

// client calls bank as the third party, for a customer who is there.
func (w *Walk) client(bank ready.Bank) (*xs2aclient.Client, error) {
	c, err := xs2aclient.New(xs2aclient.Config{BaseURL: bank.XS2A, Certificate: &w.pair, Roots: w.roots})
	if err != nil {
		return nil, err
	}
	return c.WithPSU(xs2aclient.PSU{IPAddress: "192.0.2.7", UserAgent: "Mozilla/5.0 (compatible; Kontor walk)"}), nil
}

// oauth is the third party at bank's authorization server.
func (w *Walk) oauth(bank ready.Bank) (xs2aclient.OAuth, error) {
	if o, ok := w.codes[bank.Profile]; ok {
		return o, nil
	}
	c, err := w.client(bank)
	if err != nil {
		return xs2aclient.OAuth{}, err
	}
	m, err := c.Metadata(w.ctx, bank.OAuth+"/.well-known/oauth-authorization-server")
	if err != nil {
		return xs2aclient.OAuth{}, err
	}
	o := xs2aclient.OAuth{Metadata: m, ClientID: w.tpp.OrganizationIdentifier, RedirectURI: w.tpp.RedirectURIs[0]}
	if bank.Profile == "bankart" { // where the bank's portal issues clients
		o.ClientID, o.ClientSecret = w.tpp.ClientID, w.tpp.ClientSecret
	}
	w.codes[bank.Profile] = o
	return o, nil
}

// begin returns the address at which the authorization server of bank asks for scope.
func (w *Walk) begin(bank ready.Bank, scope string, more url.Values) (xs2aclient.Flow, error) {
	o, err := w.oauth(bank)
	if err != nil {
		return xs2aclient.Flow{}, err
	}
	return o.Begin(scope, more)
}

func (w *Walk) redirects() xs2aclient.Redirects {
	return xs2aclient.Redirects{URI: w.tpp.RedirectURIs[0], NokURI: w.tpp.RedirectURIs[0] + "?way=nok", Brand: w.tpp.Name}
}

func refs(all []ready.Account) []xs2aclient.AccountReference {
	var some []xs2aclient.AccountReference
	for _, a := range all {
		some = append(some, xs2aclient.AccountReference{IBAN: a.IBAN})
	}
	return some
}

// consents has the third party ask bank for access, and returns where it sends the customer.
func (w *Walk) consents(bank ready.Bank, access xs2aclient.Access) (address string, err error) {
	c, err := w.client(bank)
	if err != nil {
		return "", err
	}
	created, err := c.CreateConsent(w.ctx, recurring(access), w.redirects())
	if err != nil {
		return "", err
	}
	flow, err := w.begin(bank, xs2aclient.ScopeOfConsent(created.ConsentID), nil)
	return flow.URL, err
}

func recurring(access xs2aclient.Access) xs2aclient.ConsentRequest {
	return xs2aclient.ConsentRequest{Access: access, RecurringIndicator: true, ValidUntil: time.Now().AddDate(0, 0, 90).Format(time.DateOnly), FrequencyPerDay: 4}
}

// initiates has the third party create an order at the standard bank, and returns where it
// sends the customer.
func (w *Walk) initiates(id *xs2aclient.PaymentID, order any) (address string, err error) {
	bank := w.bank("standard")
	c, err := w.client(bank)
	if err != nil {
		return "", err
	}
	created, err := c.CreatePayment(w.ctx, id.Service, id.Product, order, w.redirects())
	if err != nil {
		return "", err
	}
	id.ID = created.PaymentID
	flow, err := w.begin(bank, xs2aclient.ScopeOfPayment(id.ID), nil)
	return flow.URL, err
}

// transfer is an order to pay katharina, from an account of from.
func (w *Walk) transfer(from ready.Persona, amount, text string) xs2aclient.PaymentRequest {
	payee := w.Sandbox.Personas[2]
	return xs2aclient.PaymentRequest{
		DebtorAccount: &refs(from.Accounts)[0], InstructedAmount: xs2aclient.Amount{Currency: "EUR", Amount: amount},
		CreditorAccount: refs(payee.Accounts)[0], CreditorName: payee.Name, RemittanceInformationUnstructured: text,
	}
}

func single() *xs2aclient.PaymentID {
	return &xs2aclient.PaymentID{Service: xs2aclient.Payments, Product: xs2aclient.SEPACreditTransfers}
}
